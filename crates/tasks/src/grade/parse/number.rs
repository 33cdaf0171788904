//! Number literals to exact rationals.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Zero};

use super::ParseError;

/// Powers of ten beyond this in scientific notation are refused.
const MAX_EXPONENT: i32 = 2000;

/// The value of digits with an optional point, an optional exponent and repeating digits.
pub fn decimal(digits: &str, repeating: &str) -> Result<BigRational, ParseError> {
    let invalid = || ParseError::Number(digits.chars().take(40).collect());
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| invalid())?),
        None => (digits, 0),
    };
    if exponent.abs() > MAX_EXPONENT {
        return Err(invalid());
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    // Without final zeros the fraction shares at most one of the primes two and five with ten.
    let fraction = if repeating.is_empty() { fraction.trim_end_matches('0') } else { fraction };
    let all = format!("{whole}{fraction}");
    let number =
        if all.is_empty() { BigInt::zero() } else { all.parse().map_err(|_| invalid())? };
    let shift = exponent - fraction.len() as i32;
    let ten = BigInt::from(10);
    if repeating.is_empty() {
        let power = ten.pow(shift.unsigned_abs());
        if shift >= 0 {
            return Ok(BigRational::from_integer(number * power));
        }
        return Ok(BigRational::new(number, power));
    }
    let scale = ten.pow(fraction.len() as u32);
    let period: BigInt = repeating.parse().map_err(|_| invalid())?;
    let nines = ten.pow(repeating.len() as u32) - 1;
    Ok(BigRational::new(number, scale.clone()) + BigRational::new(period, scale * nines))
}

/// The value of digits, with an optional point, in a base from 2 to 36.
pub fn in_base(digits: &str, base: u32) -> Result<BigRational, ParseError> {
    let invalid =
        || ParseError::Number(format!("{}_{base}", digits.chars().take(40).collect::<String>()));
    if !(2..=36).contains(&base) {
        return Err(invalid());
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    // Only plain digits: the integer parser would also take a sign or separators.
    if all.is_empty() || all.len() > 4096 || !all.chars().all(|c| c.is_digit(base)) {
        return Err(invalid());
    }
    let number = BigInt::parse_bytes(all.as_bytes(), base).ok_or_else(invalid)?;
    let scale = BigInt::from(base).pow(fraction.len() as u32);
    Ok(BigRational::new(number, if fraction.is_empty() { BigInt::one() } else { scale }))
}
