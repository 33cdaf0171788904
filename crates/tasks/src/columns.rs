//! Arithmetic written out digit by digit from the right, as it is taught: `7+6=13 w3 c1` writes 3
//! and carries 1, `12-5=7 w7 b1` has borrowed 1 (form: "Teaching Arithmetic to Small Transformers",
//! arXiv 2307.03381, made shorter). Every step follows from the one before and two digits.

use crate::random::Random;

/// Arithmetic written out.
#[derive(Debug)]
pub struct Written {
    /// The steps, then ` -> ` and the result.
    pub text: String,
    /// The result; wrong after a slip.
    pub result: i64,
}

/// One column whose digit comes out wrong.
#[derive(Clone, Copy, Debug)]
pub struct Slip {
    /// Which column, from the right.
    pub column: usize,
    /// By how much it is off.
    pub delta: i64,
}

impl Slip {
    /// A slip by 1 or 2 in one of `n_columns`.
    pub fn draw(n_columns: usize, random: &mut Random) -> Slip {
        let column = random.below(n_columns as u64) as usize;
        Slip { column, delta: *random.pick(&[-2, -1, 1, 2]) }
    }

    /// `value` if this is another column, else a wrong one of `low..=high`.
    fn apply(slip: Option<Slip>, column: usize, value: i64, low: i64, high: i64) -> i64 {
        match slip {
            Some(slip) if slip.column == column => {
                let wrong = value + slip.delta;
                if (low..=high).contains(&wrong) { wrong } else { value - slip.delta }
            }
            _ => value,
        }
    }
}

/// The digits of a number that is not negative, from the right.
pub fn digits(n: i64) -> Vec<i64> {
    n.to_string().bytes().rev().map(|byte| (byte - b'0') as i64).collect()
}

/// The sum of two numbers that are not negative.
pub fn add(a: i64, b: i64, slip: Option<Slip>) -> Written {
    let (a, b) = (digits(a), digits(b));
    let mut column = Column::default();
    for i in 0..a.len().max(b.len()) {
        let mut terms: Vec<i64> = [a.get(i), b.get(i)].into_iter().flatten().copied().collect();
        terms.extend((column.carry > 0).then_some(column.carry));
        let sum = Slip::apply(slip, i, terms.iter().sum(), 0, 19);
        column.write(&join(&terms, "+"), sum);
    }
    column.finish(0)
}

/// The difference `a - b` of `a >= b >= 0`.
pub fn subtract(a: i64, b: i64, slip: Option<Slip>) -> Written {
    assert!(a >= b && b >= 0, "{a}-{b} is written out as {b}-{a}");
    let (a, b) = (digits(a), digits(b));
    let (mut borrow, mut column) = (0, Column::default());
    for (i, &top) in a.iter().enumerate() {
        let mut terms: Vec<i64> = [b.get(i)].into_iter().flatten().copied().collect();
        terms.extend((borrow > 0).then_some(borrow));
        let below: i64 = terms.iter().sum();
        borrow = i64::from(top < below);
        terms.insert(0, top + 10 * borrow);
        let difference = Slip::apply(slip, i, terms[0] - below, 0, 9);
        column.difference(&join(&terms, "-"), difference, borrow);
    }
    column.finish(0)
}

/// The product of a number that is not negative and one digit, followed by `zeros` zeros.
pub fn times_digit(a: i64, digit: i64, zeros: u32, slip: Option<Slip>) -> Written {
    let mut column = Column::default();
    for (i, a) in digits(a).into_iter().enumerate() {
        let mut step = format!("{a}*{digit}");
        if column.carry > 0 {
            step = format!("{step}+{}", column.carry);
        }
        let product = Slip::apply(slip, i, a * digit + column.carry, 0, 89);
        column.write(&step, product);
    }
    column.finish(zeros)
}

fn join(terms: &[i64], operator: &str) -> String {
    terms.iter().map(i64::to_string).collect::<Vec<_>>().join(operator)
}

/// Columns being written.
#[derive(Default)]
struct Column {
    steps: Vec<String>,
    /// From the right.
    written: Vec<i64>,
    carry: i64,
}

impl Column {
    fn write(&mut self, step: &str, value: i64) {
        self.carry = value / 10;
        let carry = if self.carry > 0 { format!(" c{}", self.carry) } else { String::new() };
        self.written.push(value % 10);
        self.steps.push(format!("{step}={value} w{}{carry}", value % 10));
    }

    fn difference(&mut self, step: &str, value: i64, borrow: i64) {
        let borrow = if borrow > 0 { " b1" } else { "" };
        self.written.push(value);
        self.steps.push(format!("{step}={value} w{value}{borrow}"));
    }

    fn finish(mut self, zeros: u32) -> Written {
        if self.carry > 0 {
            self.write(&self.carry.to_string(), self.carry);
        }
        let result = self.written.iter().rev().fold(0, |n, digit| 10 * n + digit);
        let result = result * 10_i64.pow(zeros);
        Written { text: format!("{} -> {result}", self.steps.join("; ")), result }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_written_as_taught() {
        let cases = [
            (
                add(4827, 396, None),
                "7+6=13 w3 c1; 2+9+1=12 w2 c1; 8+3+1=12 w2 c1; 4+1=5 w5 -> 5223",
            ),
            (add(9, 5, None), "9+5=14 w4 c1; 1=1 w1 -> 14"),
            (add(30, 4, None), "0+4=4 w4; 3=3 w3 -> 34"),
            (subtract(503, 87, None), "13-7=6 w6 b1; 10-8-1=1 w1 b1; 5-1=4 w4 -> 416"),
            (subtract(100, 99, None), "10-9=1 w1 b1; 10-9-1=0 w0 b1; 1-1=0 w0 -> 1"),
            (
                times_digit(347, 6, 0, None),
                "7*6=42 w2 c4; 4*6+4=28 w8 c2; 3*6+2=20 w0 c2; 2=2 w2 -> 2082",
            ),
            (times_digit(47, 3, 1, None), "7*3=21 w1 c2; 4*3+2=14 w4 c1; 1=1 w1 -> 1410"),
        ];
        for (written, text) in cases {
            assert_eq!(written.text, text);
        }
    }

    #[test]
    fn results_are_right_unless_there_is_a_slip() {
        let mut random = Random::new(3, 0);
        for i in 0..20_000 {
            let limit = 10_i64.pow(1 + i % 10);
            let (a, b) = (random.between(0, limit - 1), random.between(0, limit - 1));
            let (a, b, digit) = (a.max(b), a.min(b), random.between(0, 9));
            assert_eq!(add(a, b, None).result, a + b);
            assert_eq!(subtract(a, b, None).result, a - b);
            assert_eq!(times_digit(a, digit, 2, None).result, a * digit * 100);
            let slip = Some(Slip::draw(digits(a).len(), &mut random));
            assert_ne!(add(a, b, slip).result, a + b);
            assert_ne!(subtract(a, b, slip).result, a - b);
            assert_ne!(times_digit(a, digit, 0, slip).result, a * digit);
        }
    }
}
