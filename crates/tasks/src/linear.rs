//! Linear equations in one and two unknowns, solved line by line and checked by putting the values
//! back in.

mod equation;
mod one;
mod two;

use crate::random::Random;
use crate::task::{Class, Problem, Task};

/// The task `linear`: levels up to 3 have one unknown, levels from 7 have two.
pub struct Linear;

impl Task for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn class(&self) -> Class {
        Class::Compute
    }

    fn draw(&self, level: u8, random: &mut Random) -> Box<dyn Problem> {
        match level {
            4 if random.chance(0.4) => Box::new(two::Two::draw(7, random)),
            5 if random.chance(0.3) => Box::new(two::Two::draw(8, random)),
            0..=6 => Box::new(one::One::draw(level, random)),
            _ => Box::new(two::Two::draw(level, random)),
        }
    }
}
