//! Spellings that keep a value and changes that do not, found by mutating published answers.

use super::{check, judge};
use ponder_tasks::grade::Verdict;

#[rustfmt::skip]
const KEPT: &[(&str, &str)] = &[
    // Groups that hold nothing or one sign.
    ("\\pi", "\\pi{}"), ("90^\\circ", "90^\\circ{}"), ("-5", "{-}5"), ("0.5", "0{.}5"), ("3:1", "3{:}1"),
    ("1234", "1{,}\\!234"), ("1\\frac45", "1{4 \\over 5}"), ("1.25", "1{\\frac{1}{4}}"),
    // Numbers in words and with a bar from the start.
    ("-5", "negative 5"), ("-5", "minus five"), ("42", "forty two"), ("105", "one hundred and five"),
    ("2021", "two thousand twenty-one"), ("\\frac13", ".\\overline{3}"), ("\\pm 5", "+/-5"),
    // Text where a formula would do.
    ("\\frac{14}{3}", "\\frac{\\text{14}}{3}"), ("44\\%", "44\\text{\\%}"), ("44\\%", "44 per cent"),
    ("\\$18.90", "\\text{\\$}18.90"), ("\\$18.90", "18.90\\$"), ("\\$5", "\\textdollar 5"), ("5.4 \\text{ cents}", "5.4\\text{¢}"),
    ("\\frac12+\\frac{\\sqrt3}{2}i", "\\text{cis } 60^\\circ"), ("5 \\text{ cm}", "5{\\rm cm}"),
    ("42", "\\textcolor{red}{42}"), ("42", "\\large 42"), ("x \\ne 2", "x \\not= 2"),
    // Angles and temperatures.
    ("90^\\circ", "90^{\\text{o}}"), ("90^\\circ", "90^o"), ("90^\\circ", "90\\textdegree"),
    ("22.5^\\circ", "22\\frac12^\\circ"), ("22.5^\\circ", "22^\\circ 30'"), ("22.5^\\circ", "22^{\\circ} 30^{\\prime}"),
    ("37^\\circ\\text{C}", "37°C"), ("37^\\circ C", "37 \\text{ degrees Celsius}"), ("37^\\circ C", "37"),
    // Units as quotients and with negative powers.
    ("10 \\text{ m/s}", "10\\,\\frac{\\text{m}}{\\text{s}}"), ("10 \\text{ m/s}", "10 \\text{ m s}^{-1}"),
    ("60 \\text{ mph}", "60\\ \\frac{\\text{miles}}{\\text{hour}}"), ("864 \\text{ in}^2", "864\\text{ in²}"),
    // Bases.
    ("2112_6", "2112 \\text{ base } 6"), ("2112_6", "2112 (base 6)"), ("2112_6", "2112_{\\text{base }6}"),
    ("2112_6", "2112_{(6)}"), ("2112_6", "2112_\\text{6}"),
    // Counting.
    ("\\binom{10}{3}", "\\frac{10!}{3!7!}"), ("\\binom{10}{3}", "{}_{10}C_3"), ("\\binom{n}{2}", "\\frac{n(n-1)}{2}"),
    ("\\binom{2n}{n}", "\\frac{(2n)!}{n!n!}"), ("\\binom{2n}{n-1}", "\\frac{(2n)!}{(n-1)!(n+1)!}"),
    ("n!", "n(n-1)!"), ("\\frac{(n+1)!}{n!}", "n+1"), ("\\frac{1}{2004!}", "\\frac{2005}{2005!}"),
    // Names, points, families, sets.
    ("42", "m + n = 42"), ("\\frac12", "P(3) = \\frac12"), ("(3, 4)", "P(3, 4)"), ("\\mathbb{R}", "\\mathbf{R}"),
    ("\\mathbb{Z}", "\\text{all integers}"), ("x \\ne 3", "\\text{all real numbers except } 3"),
    ("1, -2", "x \\in \\{1, -2\\}"), ("(0,9) \\cup (9,36)", "(0,9) \\text{ or } (9,36)"),
    ("3 \\pmod 7", "x \\equiv 3 \\pmod{7}"), ("3 \\pmod 7", "10 \\pmod 7"), ("\\frac{x}{y}", "\\frac xy"),
    ("\\triangle ABC", "\\triangle{ABC}"), ("\\overline{z}", "\\bar z"), ("\\mathbf{i}+\\mathbf{j}", "\\hat{\\imath}+\\hat{\\jmath}"),
    ("42", "\\begin{align*}x &= 42\\end{align*}"), ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\begin{pmatrix}1\\cr 2\\end{pmatrix}"),
    // Transcendental factors do not hide algebra.
    ("(\\pi+6)\\cos\\frac{\\pi}{5}", "\\frac{(\\pi+6)(1+\\sqrt5)}{4}"),
    // Replies.
    ("42", "<think>41</think><answer>42</answer>"), ("42", "ANSWER: 42"), ("42", "The value of x is 42."),
    ("24", "There are 24 students."), ("-\\$0.50", "$-\\$0.50.$"), ("\\frac23", "\\frac23 \\approx 0.67"),
];

#[rustfmt::skip]
const CHANGED: &[(&str, &str)] = &[
    ("0.44", "0.44\\%"), ("1", "1\\%"), ("\\frac12", "\\frac12\\%"),
    ("(2, \\infty)", "(2, \\infty]"), ("(-\\infty, 0]", "[-\\infty, 0]"), ("(1, 1)", "(1, 1]"), ("(0, 0)", "[0, 0)"),
    ("10, 80", "10,080"), ("276,000", "276,0000"), ("37^\\circ C", "37^\\circ F"), ("z", "\\overline{z}"),
    ("\\text{C and D}", "C or D"), ("C, D", "C or D"), ("\\frac12", "\\frac{1}{2}_{3}"),
    ("2112_6", "2112 \\text{ base } 7"), ("22.5^\\circ", "22^\\circ 31'"), ("42", "2m + n = 42"),
    ("3 \\pmod 7", "4 \\pmod 7"), ("3 \\pmod 7", "3 \\pmod 8"), ("-5", "negative 6"), ("0.5", "$-\\$0.50.$"),
    ("x = \\frac{\\pi}{6} + 2k\\pi, k \\in \\mathbb{Z}", "x = \\frac{\\pi}{6}+k\\pi"),
    ("\\mathbb{R}", "\\text{all real numbers except } 3"), ("\\binom{n}{2}", "\\frac{n(n+1)}{2}"),
];

/// Answers to 4/3, 11/10, 42 and 2/3 that must not pass, whether they can be read or not.
#[rustfmt::skip]
const REFUSED: &[(&str, &str)] = &[
    ("\\frac43", "\\frac431"), ("\\frac{11}{10}", "1\\frac{11}{10}"), ("\\frac{1}{23}", "\\frac{1}23"),
    ("42", "42 \\approx 43"), ("42", "42 \\sim 43"), ("42", "42 \\approx x"), ("\\frac23", "\\frac23 \\approx 0.68"),
    ("42", "\\text{not: } 42"), ("42", "\\text{wrong: } 42"), ("42", "It is not \\boxed{42}"),
    ("42", "\\boxed{42} is wrong, the answer is 43"), ("42", "The answer is 42. No, 43."),
    ("42", "43 instead of $42$"), ("42", "43 rather than $42$"), ("42", "$42$43"), ("42", "$42 $43"),
    ("42", "\\$42 \\$43"), ("42", "$$$42$$$ 43"), ("42", "~~42~~"),
];

#[test]
fn spellings_that_keep_the_value() {
    check(KEPT, Verdict::Equal);
}

#[test]
fn changes_of_the_value() {
    check(CHANGED, Verdict::Different);
}

#[test]
fn no_reading_is_stretched() {
    for (gold, answer) in REFUSED {
        let judgement = judge(gold, answer);
        assert_ne!(judgement.verdict, Verdict::Equal, "{gold:?} and {answer:?}: {judgement:?}");
    }
}

/// A reason names what was found as it was written.
#[test]
fn reasons_are_readable() {
    let reason = judge("42", "42 or 3 5").reason;
    assert_eq!(reason, "found the number 5 at token 4, expected the end");
}
