//! Atoms: the indivisible symbols of a normal form, interned so that a monomial compares as a
//! list of small integers.

use std::collections::HashMap;

use num_bigint::BigUint;

use super::Form;
use super::poly::{Mono, Poly};

/// The place of an atom in its judgement's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AtomId(pub u32);

/// What a monomial is made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Atom {
    /// A variable or any other name without a known value.
    Var(String),
    /// The circle constant.
    Pi,
    /// Euler's number.
    E,
    /// `exp(2 pi i)` on its principal branch: the exponent `r` means the root of unity at `r`
    /// turns, kept in `[0, 1/2)`; `i` is the exponent 1/4.
    Zeta,
    /// A prime, or a large integer without small factors; exponents are kept in `[0, 1)`.
    Prime(BigUint),
    /// Natural logarithm of such a number.
    LnPrime(BigUint),
    /// A sum that is raised to a fractional power, kept in `[0, 1)`.
    Base(Poly),
    /// An atom raised to a power that is not a number: the exponent carries its rational factor.
    Pow(AtomId, Mono),
    /// A function without a rule that applies.
    Call(String, Vec<Form>),
}

/// The table of atoms of one judgement.
#[derive(Debug, Default)]
pub struct Atoms {
    list: Vec<Atom>,
    index: HashMap<Atom, AtomId>,
}

impl Atoms {
    /// A table that holds the constants every judgement needs.
    pub fn new() -> Self {
        let mut atoms = Atoms::default();
        for atom in [Atom::Zeta, Atom::Pi, Atom::E] {
            atoms.intern(atom);
        }
        atoms
    }

    /// The id of `atom`, given out on first sight.
    pub fn intern(&mut self, atom: Atom) -> AtomId {
        if let Some(&id) = self.index.get(&atom) {
            return id;
        }
        let id = AtomId(self.list.len() as u32);
        self.list.push(atom.clone());
        self.index.insert(atom, id);
        id
    }

    /// The atom behind an id of this table.
    pub fn get(&self, id: AtomId) -> &Atom {
        &self.list[id.0 as usize]
    }

    /// All atoms, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Atom> {
        self.list.iter()
    }

    /// Whether the atom's value involves a variable.
    pub fn has_variable(&self, id: AtomId) -> bool {
        match self.get(id) {
            Atom::Var(_) => true,
            Atom::Pi | Atom::E | Atom::Zeta | Atom::Prime(_) | Atom::LnPrime(_) => false,
            Atom::Base(poly) => self.poly_has_variable(poly),
            Atom::Pow(base, mono) => {
                self.has_variable(*base) || mono.iter().any(|(id, _)| self.has_variable(*id))
            }
            Atom::Call(name, args) => {
                name.starts_with(UNKNOWN)
                    || args
                        .iter()
                        .any(|f| self.poly_has_variable(&f.num) || self.poly_has_variable(&f.den))
            }
        }
    }

    /// Whether any term involves a variable.
    pub fn poly_has_variable(&self, poly: &Poly) -> bool {
        poly.terms().any(|(mono, _)| mono.iter().any(|(id, _)| self.has_variable(*id)))
    }
}

/// The root of unity's place in every table.
pub const ZETA: AtomId = AtomId(0);
/// Pi's place in every table.
pub const PI: AtomId = AtomId(1);
/// Euler's number's place in every table.
pub const E: AtomId = AtomId(2);
/// Prefix of the names of functions that have no known rule, such as `f` in `f(x)`: their values
/// are as free as a variable's.
pub const UNKNOWN: &str = "fn:";
