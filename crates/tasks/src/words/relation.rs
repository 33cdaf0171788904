//! Quantities told by comparison: "Ben has twice as many apples as Anna".

use super::cast::{Person, thing};
use super::graph::{Graph, Node, Term, Value};
use crate::language::Language;
use crate::phrasing::{capital, fill, number};
use crate::random::Random;

/// Comparisons and a question.
#[derive(Debug)]
pub struct Relation {
    wording: &'static Wording,
    things: &'static str,
    /// Capitalised; a quantity each.
    names: Vec<&'static str>,
    facts: Vec<Fact>,
    asked: Asked,
    is_shuffled: bool,
    language: Language,
}

#[derive(Clone, Copy, Debug)]
enum Fact {
    Given(i64),
    /// So many more than another; fewer below zero.
    More(usize, i64),
    Times(usize, i64),
    /// As many as two others together.
    Both(usize, usize),
}

#[derive(Clone, Copy, Debug)]
enum Asked {
    One(usize),
    Together(usize, usize),
    Difference(usize, usize),
}

/// How a subject is talked about; `{a}` is the quantity told, `{b}` and `{c}` others, `{n}` a number.
#[derive(Debug)]
struct Wording {
    given: &'static [&'static str],
    more: &'static [&'static str],
    fewer: &'static [&'static str],
    twice: &'static str,
    times: &'static str,
    both: &'static str,
    one: &'static [&'static str],
    together: &'static [&'static str],
    difference: &'static [&'static str],
    /// Names other than people's.
    names: &'static [&'static str],
}

const HAVING: Wording = Wording {
    given: &["{a} has {n} {things}", "{a} has {n} {things}", "{a} owns {n} {things}"],
    more: &["{a} has {n} more {things} than {b}", "{a} has {n} more than {b}"],
    fewer: &["{a} has {n} fewer {things} than {b}", "{a} has {n} less than {b}"],
    twice: "{a} has twice as many {things} as {b}",
    times: "{a} has {n} times as many {things} as {b}",
    both: "{a} has as many {things} as {b} and {c} together",
    one: &["how many {things} does {a} have?", "how many does {a} have?"],
    together: &[
        "how many {things} do {a} and {b} have together?",
        "how many {things} do {a} and {b} have in all?",
    ],
    difference: &["how many more {things} does {a} have than {b}?"],
    names: &[],
};

const AGES: Wording = Wording {
    given: &["{a} is {n} years old", "{a} is {n}"],
    more: &["{a} is {n} years older than {b}"],
    fewer: &["{a} is {n} years younger than {b}"],
    twice: "{a} is twice as old as {b}",
    times: "{a} is {n} times as old as {b}",
    both: "{a} is as old as {b} and {c} together",
    one: &["how old is {a}?"],
    together: &["how old are {a} and {b} together?"],
    difference: &["how many years older is {a} than {b}?"],
    names: &[],
};

const FARM: Wording = Wording {
    given: &["there are {n} {a}", "a farm has {n} {a}"],
    more: &["there are {n} more {a} than {b}"],
    fewer: &["there are {n} fewer {a} than {b}"],
    twice: "there are twice as many {a} as {b}",
    times: "there are {n} times as many {a} as {b}",
    both: "there are as many {a} as {b} and {c} together",
    one: &["how many {a} are there?"],
    together: &[
        "how many {a} and {b} are there together?",
        "how many {a} and {b} are there in all?",
    ],
    difference: &["how many more {a} than {b} are there?"],
    names: &[
        "cows", "sheep", "hens", "ducks", "pigs", "goats", "cats", "dogs", "birds", "fish",
        "horses", "mice",
    ],
};

const ROADS: Wording = Wording {
    given: &["the {a} road is {n} km long"],
    more: &["the {a} road is {n} km longer than the {b} road"],
    fewer: &["the {a} road is {n} km shorter than the {b} road"],
    twice: "the {a} road is twice as long as the {b} road",
    times: "the {a} road is {n} times as long as the {b} road",
    both: "the {a} road is as long as the {b} and the {c} road together",
    one: &["how long is the {a} road?", "how many km long is the {a} road?"],
    together: &["how long are the {a} and the {b} road together?"],
    difference: &["how many km longer is the {a} road than the {b} road?"],
    names: &[
        "red", "blue", "green", "black", "white", "old", "new", "long", "north", "south", "east",
        "west",
    ],
};

const HAVING_GERMAN: Wording = Wording {
    given: &["{a} hat {n} {things}"],
    more: &["{a} hat {n} {things} mehr als {b}"],
    fewer: &["{a} hat {n} {things} weniger als {b}"],
    twice: "{a} hat doppelt so viele {things} wie {b}",
    times: "{a} hat {n} mal so viele {things} wie {b}",
    both: "{a} hat so viele {things} wie {b} und {c} zusammen",
    one: &["wie viele {things} hat {a}?"],
    together: &["wie viele {things} haben {a} und {b} zusammen?"],
    difference: &["wie viele {things} hat {a} mehr als {b}?"],
    names: &[],
};

/// Largest quantity.
const MAX_VALUE: i64 = 200;

impl Relation {
    /// Comparisons with this many operations on numbers up to about `max`, and `n_idle` quantities
    /// that do not matter.
    pub fn draw(
        n_operations: usize,
        max: i64,
        n_idle: usize,
        language: Language,
        random: &mut Random,
    ) -> Relation {
        let wording = match language {
            Language::English => *random.pick(&[&HAVING, &HAVING, &AGES, &FARM, &ROADS]),
            Language::German => &HAVING_GERMAN,
        };
        let asks_two = random.chance(0.35);
        let n_chained = n_operations - usize::from(asks_two);
        let (mut facts, mut values) = (Vec::new(), Vec::new());
        let first = random.between(2, max);
        tell(&mut facts, &mut values, Fact::Given(first));
        for _ in 0..n_chained {
            let fact = follow(&values, max, random);
            tell(&mut facts, &mut values, fact);
        }
        let last = values.len() - 1;
        if asks_two && last == 0 {
            let second = random.between(2, max);
            tell(&mut facts, &mut values, Fact::Given(second));
        }
        let asked = if asks_two {
            // The last but one, so that every operation is needed.
            let (a, b) = if last == 0 { (0, 1) } else { (last, last - 1) };
            let (a, b) = if values[a] < values[b] { (b, a) } else { (a, b) };
            if values[a] > values[b] && random.chance(0.4) {
                Asked::Difference(a, b)
            } else {
                Asked::Together(a, b)
            }
        } else {
            Asked::One(last)
        };
        for _ in 0..n_idle {
            let fact = follow(&values, max, random);
            tell(&mut facts, &mut values, fact);
        }
        let mut names: Vec<&str> = wording.names.to_vec();
        if names.is_empty() {
            names = Person::draw(facts.len(), language, random).iter().map(|p| p.name).collect();
        }
        random.shuffle(&mut names);
        names.truncate(facts.len());
        let (things, _) = thing(language, random);
        let is_shuffled = n_operations >= 3 && random.chance(0.4);
        Relation { wording, things, names, facts, asked, is_shuffled, language }
    }

    /// What follows from what.
    pub fn graph(&self) -> Graph {
        let term = |i: &usize| Term::Node(*i);
        let mut nodes: Vec<Node> = self
            .facts
            .iter()
            .zip(&self.names)
            .map(|(fact, name)| {
                let value = match fact {
                    Fact::Given(n) => Value::Given(*n),
                    Fact::More(i, n) if *n < 0 => Value::Binary(term(i), '-', Term::Number(-n)),
                    Fact::More(i, n) => Value::Binary(term(i), '+', Term::Number(*n)),
                    Fact::Times(i, n) => Value::Binary(Term::Number(*n), '*', term(i)),
                    Fact::Both(i, j) => Value::Binary(term(i), '+', term(j)),
                };
                Node { name: name.to_lowercase(), value }
            })
            .collect();
        let (all, more) = match self.language {
            Language::English => ("all", "more"),
            Language::German => ("summe", "mehr"),
        };
        let (name, value) = match self.asked {
            Asked::One(i) => return Graph { nodes, asked: i },
            Asked::Together(i, j) => (all, Value::Binary(Term::Node(i), '+', Term::Node(j))),
            Asked::Difference(i, j) => (more, Value::Binary(Term::Node(i), '-', Term::Node(j))),
        };
        nodes.push(Node { name: name.to_string(), value });
        Graph { asked: nodes.len() - 1, nodes }
    }

    /// The facts and the question.
    pub fn tell(&self, in_words: bool, random: &mut Random) -> String {
        let mut sentences: Vec<String> =
            (0..self.facts.len()).map(|i| self.sentence(i, in_words, random)).collect();
        if self.is_shuffled {
            random.shuffle(&mut sentences);
        }
        let (templates, a, b) = match self.asked {
            Asked::One(i) => (self.wording.one, i, i),
            Asked::Together(i, j) => (self.wording.together, i, j),
            Asked::Difference(i, j) => (self.wording.difference, i, j),
        };
        let gaps = [("a", self.names[a]), ("b", self.names[b]), ("things", self.things)];
        sentences.push(fill(random.pick::<&str>(templates), &gaps));
        let sentences: Vec<String> = sentences.iter().map(|sentence| capital(sentence)).collect();
        sentences.join(". ")
    }

    fn sentence(&self, i: usize, in_words: bool, random: &mut Random) -> String {
        let wording = self.wording;
        let (template, b, c, n) = match self.facts[i] {
            Fact::Given(n) => (*random.pick(wording.given), i, i, n),
            Fact::More(j, n) if n < 0 => (*random.pick(wording.fewer), j, j, -n),
            Fact::More(j, n) => (*random.pick(wording.more), j, j, n),
            Fact::Times(j, 2) => (wording.twice, j, j, 2),
            Fact::Times(j, n) => (wording.times, j, j, n),
            Fact::Both(j, k) => (wording.both, j, k, 0),
        };
        let n = number(n, in_words, self.language);
        let [a, b, c] = [i, b, c].map(|i| self.names[i]);
        fill(template, &[("a", a), ("b", b), ("c", c), ("n", &n), ("things", self.things)])
    }
}

/// Adds a fact and its value.
fn tell(facts: &mut Vec<Fact>, values: &mut Vec<i64>, fact: Fact) {
    values.push(match fact {
        Fact::Given(n) => n,
        Fact::More(i, n) => values[i] + n,
        Fact::Times(i, n) => values[i] * n,
        Fact::Both(i, j) => values[i] + values[j],
    });
    facts.push(fact);
}

/// A fact that depends on the last one.
fn follow(values: &[i64], max: i64, random: &mut Random) -> Fact {
    let last = values.len() - 1;
    let value = values[last];
    loop {
        let fact = match random.below(5) {
            0 if last > 0 => Fact::Both(random.below(last as u64) as usize, last),
            0 | 1 => Fact::More(last, random.between(2, max)),
            2 if value > 3 => Fact::More(last, -random.between(2, (value - 1).min(max))),
            3 => Fact::Times(last, 2),
            _ => Fact::Times(last, random.between(2, 5)),
        };
        let is_small = match fact {
            Fact::Times(_, n) => value * n <= MAX_VALUE / 2,
            Fact::Both(i, _) => values[i] + value <= MAX_VALUE,
            Fact::More(_, n) => value + n <= MAX_VALUE,
            Fact::Given(_) => true,
        };
        // A large value always leaves the way down.
        if is_small {
            return fact;
        }
    }
}
