//! Programs as answers: finding the code in a reply, and testing it in the sandbox.

mod driver;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::EvalError;
use crate::sandbox::{self, End, Limits, Program, Python, Report};
use crate::score::{Outcome, Score};

/// What a program is tested by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "tests", rename_all = "snake_case")]
pub enum Tests {
    /// A Python program that raises where the answer is wrong. It runs in the process of the answer,
    /// so an answer that means to deceive it can; one that merely ends early cannot.
    Asserts {
        /// Code that the answer may leave out, such as the head of the function it completes.
        head: String,
        /// The name that the answer has to define; the head is put before answers that do not.
        entry: Option<String>,
        /// The tests.
        code: String,
    },
    /// Inputs and outputs of a whole program. The expected outputs never enter the sandbox.
    Streams {
        /// Standard input, and what must be printed.
        cases: Vec<(String, String)>,
    },
    /// Arguments and results of a function. The expected results never enter the sandbox.
    Calls {
        /// The function, or the method of a class `Solution`.
        function: String,
        /// Arguments, and the result.
        cases: Vec<(Vec<Value>, Value)>,
    },
}

/// Tests answers, one at a time, from any thread.
#[derive(Clone, Debug)]
pub struct Judge {
    python: Python,
    limits: Limits,
}

impl Judge {
    /// A judge on this interpreter, after a trial that the sandbox works.
    pub fn new(python: &std::path::Path) -> Result<Judge, EvalError> {
        let judge = Judge { python: Python::find(python)?, limits: Limits::STANDARD };
        let report = judge.run(vec![("trial.py".into(), "print(6 * 7)".into())], "")?;
        if report.end != End::Exited(0) || report.stdout != "42\n" {
            return Err(EvalError::Failed {
                what: format!("the sandbox does not run Python: {}", report.stderr.trim()),
                hint: format!(
                    "{} {} was tried; name another one with --python",
                    judge.python.executable.display(),
                    judge.python.version
                ),
            });
        }
        Ok(judge)
    }

    /// The interpreter's version.
    pub fn python_version(&self) -> &str {
        &self.python.version
    }

    /// Tests what follows the thinking. An error means that the sandbox failed, not the answer.
    pub fn score(&self, tests: &Tests, reply: &str) -> Result<Score, EvalError> {
        let Some(code) = code_of(reply) else {
            return Ok(Score::no_answer("no code between lines of three backticks"));
        };
        let failure = match tests {
            Tests::Asserts { head, entry, code: tests } => {
                let whole = match entry {
                    Some(entry) if !defines(code, entry) => format!("{head}\n{code}"),
                    _ => code.to_owned(),
                };
                self.asserts(&whole, tests)?
            }
            Tests::Streams { cases } => self.streams(code, cases)?,
            Tests::Calls { function, cases } => self.calls(code, function, cases)?,
        };
        let (outcome, reason) = match failure {
            None => (Outcome::Right, "passes every test".to_owned()),
            Some(reason) => (Outcome::Wrong, reason),
        };
        Ok(Score { outcome, answer: Some(code.to_owned()), reason })
    }

    fn run(&self, files: Vec<(String, String)>, stdin: &str) -> Result<Report, EvalError> {
        let (python, limits) = (self.python.clone(), self.limits);
        sandbox::run(&Program { python, files, stdin: stdin.to_owned(), limits })
    }

    /// The first failure, if there is one.
    fn asserts(&self, code: &str, tests: &str) -> Result<Option<String>, EvalError> {
        let token = token(code);
        let files = driver::asserts(code, tests);
        let report = self.run(files, &token)?;
        // Reaching the end is what counts: a program that ends itself early has passed nothing.
        let is_through = report.end == End::Exited(0) && report.stdout.ends_with(&token);
        Ok((!is_through).then(|| self.reason(&report, "it ended before the tests did")))
    }

    fn streams(&self, code: &str, cases: &[(String, String)]) -> Result<Option<String>, EvalError> {
        for (number, (input, expected)) in (1..).zip(cases) {
            let report = self.run(driver::streams(code), input)?;
            if report.end != End::Exited(0) {
                return Ok(Some(format!("test {number}: {}", self.reason(&report, ""))));
            }
            if !is_same_output(&report.stdout, expected) {
                return Ok(Some(differs(number, expected, &report.stdout)));
            }
        }
        Ok(None)
    }

    fn calls(
        &self,
        code: &str,
        function: &str,
        cases: &[(Vec<Value>, Value)],
    ) -> Result<Option<String>, EvalError> {
        for (number, (arguments, expected)) in (1..).zip(cases) {
            let token = token(code);
            let input = format!("{token}\n{}", Value::from(arguments.clone()));
            let report = self.run(driver::calls(code, function), &input)?;
            let result = report.stdout.rsplit_once(&token).map(|(_, result)| result.trim());
            let result: Option<Value> = result.and_then(|text| serde_json::from_str(text).ok());
            match result.filter(|_| report.end == End::Exited(0)) {
                None => {
                    let reason = self.reason(&report, "it returned nothing that can be compared");
                    return Ok(Some(format!("test {number}: {reason}")));
                }
                Some(result) if !is_same_value(&result, expected) => {
                    return Ok(Some(differs(number, &expected.to_string(), &result.to_string())));
                }
                Some(_) => {}
            }
        }
        Ok(None)
    }

    /// Why a run is no success; `otherwise` where it ended as it should have.
    fn reason(&self, report: &Report, otherwise: &str) -> String {
        let last = report.stderr.trim_end().lines().last().unwrap_or_default();
        match report.end {
            End::CpuLimit => format!("time limit: {} s of processor time", self.limits.cpu_s),
            End::WallLimit => "time limit: it waits for something that never comes".to_owned(),
            End::Signalled(signal) => format!("ended by signal {signal}"),
            End::Exited(0) => otherwise.to_owned(),
            End::Exited(_) if last.starts_with("MemoryError") => "memory limit".to_owned(),
            End::Exited(_) if last.starts_with("AssertionError") => format!("a test fails: {last}"),
            End::Exited(code) => format!("runtime error: {} (exit code {code})", clipped(last)),
        }
    }
}

/// The code between the last two lines that begin with three backticks.
pub fn code_of(reply: &str) -> Option<&str> {
    let mut fences = Vec::new();
    let mut place = 0;
    for line in reply.split_inclusive('\n') {
        if line.trim_start().starts_with("```") {
            fences.push((place, place + line.len()));
        }
        place += line.len();
    }
    let [.., (_, start), (end, _)] = fences[..] else { return None };
    let code = &reply[start..end];
    (!code.trim().is_empty()).then_some(code)
}

fn defines(code: &str, name: &str) -> bool {
    let heads = [format!("def {name}("), format!("def {name} ("), format!("{name} =")];
    code.lines().any(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("async ").unwrap_or(line);
        heads.iter().any(|head| line.starts_with(head.as_str()))
    })
}

/// A word that an answer does not contain. It need not be secret, only unlikely.
fn token(code: &str) -> String {
    use sha2::{Digest, Sha256};
    crate::data::hex(&Sha256::digest(code))
}

/// LiveCodeBench's rule: the same lines without the blanks around them, or line by line the same
/// numbers as exact decimals.
fn is_same_output(found: &str, expected: &str) -> bool {
    let lines = |text: &str| text.trim().lines().map(str::trim).map(str::to_owned).collect();
    let (found, expected): (Vec<String>, Vec<String>) = (lines(found), lines(expected));
    let is_same = |(a, b): (&String, &String)| a == b || is_same_numbers(a, b);
    found.len() == expected.len() && found.iter().zip(&expected).all(is_same)
}

fn is_same_numbers(a: &str, b: &str) -> bool {
    let decimals = |text: &str| text.split_whitespace().map(decimal).collect::<Option<Vec<_>>>();
    matches!((decimals(a), decimals(b)), (Some(a), Some(b)) if a == b)
}

/// A plain decimal in its shortest form, such as `-1.5` for `-01.50`.
fn decimal(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_plain(whole) || !is_plain(part) || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    let sign = if whole.is_empty() && part.is_empty() { "" } else { sign };
    Some(format!("{sign}{whole}.{part}"))
}

/// Equality of JSON values as Python sees it: 1 is 1.0.
fn is_same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        (Value::Array(x), Value::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| is_same_value(x, y))
        }
        (Value::Object(x), Value::Object(y)) => {
            let has = |(key, value): (&String, &Value)| {
                y.get(key).is_some_and(|other| is_same_value(value, other))
            };
            x.len() == y.len() && x.iter().all(has)
        }
        _ => a == b,
    }
}

fn differs(number: usize, expected: &str, found: &str) -> String {
    format!(
        "wrong answer on test {number}: expected {}, found {}",
        clipped(expected),
        clipped(found)
    )
}

/// The beginning of a text, on one line.
fn clipped(text: &str) -> String {
    const MOST: usize = 120;
    let line = text.trim().replace('\n', "⏎");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", &line[..end]),
        None => format!("{line:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_between_the_last_two_fences() {
        let cases = [
            ("```python\na\n```", Some("a\n")),
            ("x\n```\na\n```\nor\n```py\nb = '''\nc\n```\nbye", Some("b = '''\nc\n")),
            ("```python\na", None),
            ("no code", None),
            ("```\n\n```", None),
            ("  ```python\n  a\n  ```", Some("  a\n")),
        ];
        for (reply, want) in cases {
            assert_eq!(code_of(reply), want, "{reply}");
        }
    }

    #[test]
    fn outputs_are_compared_as_lines_and_as_numbers() {
        let same = [("1\n2\n", "1\n2"), (" a b \n", "a b"), ("1.50 -0", "1.5 0"), ("+3", "03.0")];
        for (a, b) in same {
            assert!(is_same_output(a, b), "{a:?} {b:?}");
        }
        let differ =
            [("1 2", "1\n2"), ("0.1", "0.10000001"), ("a", "A"), ("", "0"), ("1e3", "1000")];
        for (a, b) in differ {
            assert!(!is_same_output(a, b), "{a:?} {b:?}");
        }
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert!(is_same_value(&value("[1, {\"a\": 2.0}]"), &value("[1.0, {\"a\": 2}]")));
        assert!(!is_same_value(&value("[1]"), &value("[true]")));
    }

    #[test]
    fn names_are_looked_for_at_the_beginning_of_lines() {
        assert!(
            defines("import x\ndef f(a):\n  pass", "f") && defines("    async def f (a):", "f")
        );
        assert!(!defines("def ff(a):", "f") && !defines("return a", "f"));
    }
}
