//! Where honest graders differ, the choice is named here and stated.

/// How a percent sign may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Percent {
    /// `44%` is 0.44 and nothing else.
    Exact,
    /// `44%` is 0.44, and the sign may be left out on one side of a number above one: `44%` also
    /// matches `44`, but `0.44%` does not match `0.44`.
    SignOptional,
}

/// What to do with a unit that only one side states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    /// A unit may be left out on one side. Two stated units must agree, after conversion.
    Optional,
    /// Both sides must state it.
    Required,
}

/// How a degree sign may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Degrees {
    /// `90°` is half of pi and nothing else.
    Exact,
    /// The sign is a unit that one side may leave out: `90°` matches `90`, and pi over two only
    /// where radians are stated.
    SignOptional,
}

/// How close a decimal must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Precision {
    /// Decimals are exact rationals: 0.333 is not 1/3.
    Exact,
    /// A decimal literal on either side matches within this relative error, given as a power of
    /// ten: 4 means one part in ten thousand.
    Relative(u32),
}

/// Whether the order of a bare comma list matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListOrder {
    /// `1, 2` is `2, 1`. Tuples keep their order always.
    Any,
    /// The lists must agree place by place.
    AsWritten,
}

/// How a number with a base subscript compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bases {
    /// By value: `101_2` is 5.
    ByValue,
    /// The base must be the same on both sides; a number without a subscript is in base ten.
    SameBase,
}

/// The policies of one judgement. All fields are public and there is no `Default`: name a policy
/// at the call, [`Policy::STANDARD`] where nothing else is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Percent signs.
    pub percent: Percent,
    /// Units, currencies and counted nouns.
    pub units: Units,
    /// Degree signs.
    pub degrees: Degrees,
    /// Rounding.
    pub precision: Precision,
    /// Order of comma lists.
    pub list_order: ListOrder,
    /// Base subscripts.
    pub bases: Bases,
    /// Whether `x = 5` matches `5`, and `y = 2x + 3` matches `2x + 3`.
    pub assignment_optional: bool,
    /// Whether an interval matches a solved inequality (`(2, 5)` and `2 < x < 5`). Conditions
    /// that still need solving never match, so the question cannot be echoed.
    pub inequality_as_interval: bool,
    /// Whether a column vector matches a tuple of the same entries.
    pub vector_as_tuple: bool,
    /// Whether a list without brackets matches a tuple of the same entries in the same order.
    pub list_as_tuple: bool,
    /// Units of work for one judgement; see [`super::fuel::BUDGET`].
    pub fuel: u64,
}

impl Policy {
    /// What the reports and the rewards of this project use.
    pub const STANDARD: Policy = Policy {
        percent: Percent::SignOptional,
        units: Units::Optional,
        degrees: Degrees::SignOptional,
        precision: Precision::Exact,
        list_order: ListOrder::Any,
        bases: Bases::SameBase,
        assignment_optional: true,
        inequality_as_interval: true,
        vector_as_tuple: false,
        list_as_tuple: false,
        fuel: super::fuel::BUDGET,
    };

    /// Nothing may be left out: equality under this policy is transitive.
    pub const STRICT: Policy = Policy {
        percent: Percent::Exact,
        units: Units::Required,
        degrees: Degrees::Exact,
        precision: Precision::Exact,
        list_order: ListOrder::Any,
        bases: Bases::ByValue,
        assignment_optional: false,
        inequality_as_interval: false,
        vector_as_tuple: false,
        list_as_tuple: false,
        fuel: super::fuel::BUDGET,
    };
}
