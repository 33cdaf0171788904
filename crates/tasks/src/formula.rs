//! Reading of short answers: the last box of a reply, as numbers and operators. Whatever is not
//! plainly one of the forms that people and models write is no answer.

use crate::answer;

/// The longest answer that is read, in bytes; every right one is far shorter.
const MAX_BYTES: usize = 200;
/// The most digits of a number.
const MAX_DIGITS: usize = 9;

/// The content of the last box, if it is short enough to be an answer.
pub(crate) fn boxed(reply: &str) -> Option<&str> {
    answer::boxed(reply).filter(|text| text.len() <= MAX_BYTES)
}

/// A piece of an arithmetic answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// Digits, without leading zeros.
    Number(u64),
    /// `+`, `-`, `*` or `/`, however it was spelled.
    Operator(char),
    /// A round or square bracket.
    Open,
    /// Its end.
    Close,
    /// A brace.
    OpenBrace,
    /// Its end.
    CloseBrace,
    /// `\frac`.
    Fraction,
    /// `=`.
    Equal,
    /// A comma, a semicolon or "and".
    Separator,
}

/// What stands for what; longer spellings before their beginnings. `None` is left out.
const SPELLINGS: &[(&str, Option<Token>)] = &[
    ("\\times", Some(Token::Operator('*'))),
    ("\\cdot", Some(Token::Operator('*'))),
    ("\\ast", Some(Token::Operator('*'))),
    ("\\div", Some(Token::Operator('/'))),
    ("\\dfrac", Some(Token::Fraction)),
    ("\\tfrac", Some(Token::Fraction)),
    ("\\frac", Some(Token::Fraction)),
    ("\\left", None),
    ("\\right", None),
    ("\\{", Some(Token::Open)),
    ("\\}", Some(Token::Close)),
    ("\\(", None),
    ("\\)", None),
    ("\\,", None),
    ("\\;", None),
    ("\\ ", None),
    ("\\text{ and }", Some(Token::Separator)),
    ("and", Some(Token::Separator)),
    ("$", None),
    ("+", Some(Token::Operator('+'))),
    ("-", Some(Token::Operator('-'))),
    ("−", Some(Token::Operator('-'))),
    ("–", Some(Token::Operator('-'))),
    ("*", Some(Token::Operator('*'))),
    ("×", Some(Token::Operator('*'))),
    ("·", Some(Token::Operator('*'))),
    ("⋅", Some(Token::Operator('*'))),
    ("∗", Some(Token::Operator('*'))),
    ("x", Some(Token::Operator('*'))),
    ("X", Some(Token::Operator('*'))),
    ("/", Some(Token::Operator('/'))),
    ("÷", Some(Token::Operator('/'))),
    ("(", Some(Token::Open)),
    ("[", Some(Token::Open)),
    (")", Some(Token::Close)),
    ("]", Some(Token::Close)),
    ("{", Some(Token::OpenBrace)),
    ("}", Some(Token::CloseBrace)),
    ("=", Some(Token::Equal)),
    (",", Some(Token::Separator)),
    (";", Some(Token::Separator)),
];

/// The pieces of an answer; `None` if any part of it is something else.
pub(crate) fn lex(text: &str) -> Option<Vec<Token>> {
    let text = text.trim();
    let mut rest = text.strip_suffix('.').unwrap_or(text);
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            rest = rest.trim_start();
        } else if first.is_ascii_digit() {
            let length = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (digits, after) = rest.split_at(length);
            if length > MAX_DIGITS || (length > 1 && first == '0') {
                return None;
            }
            tokens.push(Token::Number(digits.parse().ok()?));
            rest = after;
        } else {
            let (spelling, token) = SPELLINGS.iter().find(|(s, _)| rest.starts_with(s))?;
            tokens.extend(*token);
            rest = &rest[spelling.len()..];
        }
    }
    Some(tokens)
}

/// The side of an equation that is not just `value`, or everything if there is no equation:
/// `7*13 = 91` and `91 = 7*13` say the same as `7*13`.
pub(crate) fn without_value(tokens: &[Token], value: u64) -> Option<&[Token]> {
    let mut sides = tokens.split(|token| *token == Token::Equal);
    match (sides.next()?, sides.next(), sides.next()) {
        (all, None, _) => Some(all),
        (left, Some([Token::Number(n)]), None) if *n == value => Some(left),
        ([Token::Number(n)], Some(right), None) if *n == value => Some(right),
        _ => None,
    }
}

/// The numbers of a list that is joined by `operator`, separators or blanks, perhaps in one pair
/// of brackets.
pub(crate) fn list(tokens: &[Token], operator: char) -> Option<Vec<u64>> {
    let inner = match tokens {
        [Token::Open, inner @ .., Token::Close]
        | [Token::OpenBrace, inner @ .., Token::CloseBrace] => inner,
        all => all,
    };
    let mut numbers = Vec::new();
    let mut is_joined = true;
    for token in inner {
        match token {
            Token::Number(number) => {
                numbers.push(*number);
                is_joined = false;
            }
            Token::Separator if !numbers.is_empty() => is_joined = true,
            Token::Operator(found) if *found == operator && !is_joined => is_joined = true,
            _ => return None,
        }
    }
    (!is_joined).then_some(numbers)
}

/// A fraction in no particular terms; the denominator is not 0.
#[derive(Clone, Copy, Debug)]
struct Fraction {
    over: i128,
    under: i128,
}

/// An expression's exact value and the numbers it is made of.
pub(crate) struct Evaluated {
    value: Fraction,
    /// In the order of the text.
    pub(crate) numbers: Vec<u64>,
}

impl Evaluated {
    /// Whether the value is this whole number.
    pub(crate) fn is(&self, number: u64) -> bool {
        self.value.under.checked_mul(number.into()) == Some(self.value.over)
    }
}

/// Evaluates sums, differences, products and quotients with brackets; `None` if it is anything
/// else, divides by zero or leaves 127 bits.
pub(crate) fn evaluate(tokens: &[Token]) -> Option<Evaluated> {
    let mut reader = Reader { tokens, numbers: Vec::new() };
    let value = reader.sum()?;
    reader.tokens.is_empty().then_some(Evaluated { value, numbers: reader.numbers })
}

/// Recursive descent; no deeper than the text is long, which [`MAX_BYTES`] bounds.
struct Reader<'a> {
    tokens: &'a [Token],
    numbers: Vec<u64>,
}

impl Reader<'_> {
    fn take(&mut self) -> Option<Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(*first)
    }

    fn sum(&mut self) -> Option<Fraction> {
        let is_negative = self.tokens.first() == Some(&Token::Operator('-'));
        if is_negative {
            self.take();
        }
        let mut sum = self.product()?;
        if is_negative {
            sum.over = sum.over.checked_neg()?;
        }
        while let Some(Token::Operator(operator @ ('+' | '-'))) = self.tokens.first().copied() {
            self.take();
            let term = self.product()?;
            sum = apply(operator, sum, term)?;
        }
        Some(sum)
    }

    fn product(&mut self) -> Option<Fraction> {
        let mut product = self.factor()?;
        loop {
            let operator = match self.tokens.first() {
                Some(Token::Operator(operator @ ('*' | '/'))) => {
                    let operator = *operator;
                    self.take();
                    operator
                }
                // `2(3+4)`.
                Some(Token::Open) => '*',
                _ => return Some(product),
            };
            let factor = self.factor()?;
            product = apply(operator, product, factor)?;
        }
    }

    fn factor(&mut self) -> Option<Fraction> {
        match self.take()? {
            Token::Number(number) => {
                self.numbers.push(number);
                Some(Fraction { over: number.into(), under: 1 })
            }
            Token::Open => self.sum_until(Token::Close),
            Token::OpenBrace => self.sum_until(Token::CloseBrace),
            Token::Fraction => {
                let mut part = || match self.take()? {
                    Token::OpenBrace => self.sum_until(Token::CloseBrace),
                    _ => None,
                };
                let (over, under) = (part()?, part()?);
                apply('/', over, under)
            }
            _ => None,
        }
    }

    fn sum_until(&mut self, end: Token) -> Option<Fraction> {
        let value = self.sum()?;
        (self.take()? == end).then_some(value)
    }
}

fn apply(operator: char, a: Fraction, b: Fraction) -> Option<Fraction> {
    let cross = |x: i128, y: i128| x.checked_mul(y);
    let under = cross(a.under, b.under);
    let (over, under) = match operator {
        '+' => (cross(a.over, b.under)?.checked_add(cross(b.over, a.under)?)?, under?),
        '-' => (cross(a.over, b.under)?.checked_sub(cross(b.over, a.under)?)?, under?),
        '*' => (cross(a.over, b.over)?, under?),
        _ => (cross(a.over, b.under)?, cross(a.under, b.over)?),
    };
    (under != 0).then_some(Fraction { over, under })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::random::Random;
    use crate::task::Problem;

    fn value_of(text: &str) -> Option<u64> {
        let evaluated = evaluate(&lex(text)?)?;
        (0..1000).find(|number| evaluated.is(*number))
    }

    #[test]
    fn expressions_are_read_in_every_spelling_and_nothing_else_is() {
        let read = [
            ("7*3+12", 33),
            ("7 \\times 3 + 12", 33),
            ("7 · 3 + 12", 33),
            ("7\\cdot 3+12.", 33),
            ("$12 + 7 × 3$", 33),
            ("7x3+12", 33),
            ("(2+4)(5)", 30),
            ("2[3+4]", 14),
            ("\\left(2+4\\right) ÷ 3", 2),
            ("\\frac{2+4}{3}", 2),
            ("8/(3-8/3)", 24),
            ("-3+10", 7),
            ("10 − 3 – 2", 5),
            ("((((5))))", 5),
        ];
        for (text, want) in read {
            assert_eq!(value_of(text), Some(want), "{text}");
        }
        let refused = [
            "",
            "+",
            "3+",
            "3 4",
            "03+1",
            "1e2",
            "3!",
            "2^3",
            "2**3",
            "2//3",
            "3,000",
            "1/0",
            "1/(2-2)",
            "(3",
            "3)",
            "(3]+",
            "()",
            "--3",
            "3*-2",
            "٣+1",
            "½",
            "3.5",
            "\\sqrt{9}",
            "\\frac{1}",
            "\\frac12",
            "3=3",
            "a",
            "9999999999",
            "{3",
            "2{3}",
        ];
        for text in refused {
            assert_eq!(value_of(text), None, "{text}");
        }
        let long = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
        assert_eq!(boxed(&format!("\\boxed{{{long}}}")), None);
        assert!(value_of(&format!("{}1", "999999999*".repeat(19))).is_none());
    }

    #[test]
    fn lists_are_read_with_one_kind_of_joint_or_none() {
        let numbers = |text: &str| list(&lex(text)?, '+');
        for text in
            ["5+11", "5, 11", "5 11", "{5, 11}", "\\{5, 11\\}", "(5,11)", "5 and 11", "5; 11"]
        {
            assert_eq!(numbers(text), Some(vec![5, 11]), "{text}");
        }
        for text in ["", ",", "5+", "+5", "5*11", "5++11", "(5)+(11)", "5-11", "5,11)", "05"] {
            assert_eq!(numbers(text), None, "{text}");
        }
    }

    /// Asserts that exactly the answers of `right` are paid: those and not those of `wrong`, nor
    /// what pays nowhere.
    pub(crate) fn pays_only(problem: &dyn Problem, right: &[&str], wrong: &[&str]) {
        let boxed = |answer: &str| format!("\\boxed{{{answer}}}");
        for answer in right {
            assert!(problem.grade(&boxed(answer)), "{} for {answer}", problem.canonical());
            assert!(problem.grade(&format!("It is $\\boxed{{ {answer} }}$.")), "{answer}");
            // The last box counts, and only with a box is there an answer.
            let other = boxed("0");
            assert!(problem.grade(&format!("{other} {}", boxed(answer))), "{answer}");
            let refused = [
                answer.to_string(),
                format!("\\boxed{{{answer}"),
                format!("\\boxed {answer}"),
                format!("{} {other}", boxed(answer)),
                boxed(&format!("{answer} or {answer}")),
                boxed(&format!("0{answer}")),
                boxed(&format!("{answer}{answer}")),
                boxed(&format!("{answer}{}", " ".repeat(1_000_000))).replace("  ", "0 "),
            ];
            for reply in refused {
                assert!(!problem.grade(&reply), "{} paid for {reply:.80}", problem.canonical());
            }
        }
        let question = problem.question(&mut Random::new(1, 1));
        let hostile = [
            "",
            " ",
            "0",
            "1",
            "0123456789",
            "1 2 3 4 5 6 7 8 9",
            "1e9",
            "9!",
            "2**64",
            "1/0",
            "nan",
            "٣",
            "-",
            "{}",
            "}{",
            "\0",
            "()",
            "\\frac{}{}",
            "=",
            "yes",
            "ok",
            "giveup",
            question.as_str(),
        ];
        for answer in hostile.iter().chain(wrong) {
            assert!(!problem.grade(&boxed(answer)), "{} for {answer}", problem.canonical());
        }
        for reply in ["(".repeat(1_000_000), "\\boxed{".repeat(100_000), boxed(&"(".repeat(190))] {
            assert!(!problem.grade(&reply), "{}", problem.canonical());
        }
    }
}
