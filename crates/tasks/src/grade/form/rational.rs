//! Exact rationals with their price. The general operations reduce by a greatest common divisor
//! even where both operands are integers; here that case is short.

use num_traits::{One, Zero};

use super::{Rat, bits};

/// Product.
pub fn product(a: &Rat, b: &Rat) -> Rat {
    if a.denom().is_one() && b.denom().is_one() {
        return Rat::from_integer(a.numer() * b.numer());
    }
    a * b
}

/// Adds in place.
pub fn accumulate(sum: &mut Rat, term: &Rat) {
    if sum.denom().is_one() && term.denom().is_one() {
        let numer = sum.numer() + term.numer();
        *sum = Rat::from_integer(numer);
    } else if sum.is_zero() {
        sum.clone_from(term);
    } else {
        *sum += term;
    }
}

/// Units of work for a sum or a product of two rationals, measured: an integer product costs its
/// schoolbook steps, a fraction the greatest common divisor, bit by bit.
pub fn work(a: &Rat, b: &Rat) -> u64 {
    let (x, y) = (bits(a), bits(b));
    if a.denom().is_one() && b.denom().is_one() {
        return (x / 64 + 1) * (y / 64 + 1) / 4 + 4;
    }
    let larger = x.max(y);
    larger * (larger / 64 + 1) / 6 + 30
}
