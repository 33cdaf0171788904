//! The grader's work counter. Work is bounded by counting it, never by a clock, so a verdict does
//! not depend on the machine or its load.

/// Units of work one call of the grader may spend. One unit is about ten nanoseconds on a 2024
/// server core, so the whole budget stays well under 50 ms.
pub const BUDGET: u64 = 1_200_000;

/// The budget of one judgement, handed down by mutable reference.
#[derive(Debug)]
pub struct Fuel {
    left: u64,
}

/// The budget is spent: the question stays undecided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted;

impl Fuel {
    /// A counter that allows `units` units of work.
    pub fn new(units: u64) -> Self {
        Fuel { left: units }
    }

    /// Pays for `units` units before they are done.
    pub fn spend(&mut self, units: u64) -> Result<(), Exhausted> {
        match self.left.checked_sub(units) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err(Exhausted)
            }
        }
    }

    /// What is left of the budget.
    pub fn left(&self) -> u64 {
        self.left
    }
}
