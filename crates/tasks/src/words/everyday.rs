//! One-step questions of every day: birds fly away, a bus fills, a train drives for some hours.

use super::cast::Person;
use super::graph::{Graph, Node, Term, Value};
use crate::chain::expression::Operation;
use crate::language::Language;
use crate::phrasing::{fill, number};
use crate::random::Random;

/// One operation on two numbers, and its telling.
#[derive(Debug)]
pub struct Everyday {
    operation: Operation,
    person: Person,
    /// Wordings that mean the same.
    wordings: &'static [&'static str],
}

/// Of `{a}` and `{b}`, and a person `{name}` and `{he}`.
const PLUS: &[&[&str]] = &[
    &[
        "There are {a} people on a bus. {b} more get on. How many people are on the bus?",
        "A bus has {a} people. {b} people get on. How many people are on the bus now?",
    ],
    &[
        "There are {a} boys and {b} girls in a class. How many children are there?",
        "A class has {a} boys and {b} girls. How many children are in the class?",
    ],
    &[
        "{name} is {a} years old. How old will {he} be in {b} years?",
        "{name} is {a}. How old is {he} in {b} years?",
    ],
    &[
        "A box has {a} red balls and {b} blue balls. How many balls are in the box?",
        "There are {a} red and {b} blue balls in a box. How many balls are there in all?",
    ],
    &[
        "It is {a} degrees. It gets {b} degrees warmer. How many degrees is it now?",
        "It is {a} degrees and gets {b} degrees warmer. How warm is it?",
    ],
    &[
        "{name} walks {a} km and then {b} km more. How far does {he} walk?",
        "{name} walks {a} km in the morning and {b} km in the evening. How many km in all?",
    ],
    &[
        "If I have {a} apples and you give me {b}, how many do I have?",
        "You have {a} apples and get {b} more. How many apples do you have?",
        "I had {a} apples and bought {b} more. How many apples do I have now?",
    ],
];

const MINUS: &[&[&str]] = &[
    &[
        "There are {a} birds on a tree. {b} fly away. How many birds are left?",
        "{a} birds sit on a tree. {b} of them fly away. How many are left?",
    ],
    &[
        "There are {a} people on a bus. {b} get off. How many people are on the bus?",
        "A bus has {a} people. {b} people get off. How many people are left?",
    ],
    &[
        "{name} is {a} years old. How old was {he} {b} years ago?",
        "{name} is {a}. How old was {he} {b} years ago?",
    ],
    &[
        "A road is {a} km long. {name} has walked {b} km. How many km are left?",
        "A book has {a} pages. {name} has read {b} pages. How many pages are left?",
    ],
    &[
        "{name} has {a} dollars and pays {b} dollars. How much money does {he} have left?",
        "{name} had {a} dollars and spent {b}. How many dollars are left?",
    ],
    &[
        "There are {a} children in a class. {b} are girls. How many are boys?",
        "A class has {a} children. {b} of them are girls. How many boys are there?",
    ],
    &[
        "If I have {a} apples and you take {b}, how many do I have?",
        "I had {a} cookies and ate {b}. How many cookies are left?",
        "You have {a} apples and eat {b}. How many apples are left?",
    ],
];

const TIMES: &[&[&str]] = &[
    &[
        "A train drives {a} km in an hour. How many km does it drive in {b} hours?",
        "A car goes {a} km an hour. How far does it go in {b} hours?",
    ],
    &[
        "{name} reads {a} pages a day. How many pages does {he} read in {b} days?",
        "{name} reads {a} pages every day. How many pages are that in {b} days?",
    ],
    &[
        "There are {a} rows with {b} trees each. How many trees are there?",
        "A garden has {a} rows of {b} trees. How many trees are there in all?",
    ],
    &["{a} cars have {b} wheels each. How many wheels are there?"],
    &["{name} earns {a} dollars an hour. How much does {he} earn in {b} hours?"],
];

const DIVIDE: &[&[&str]] = &[
    &[
        "{a} apples are shared by {b} children. How many does each child get?",
        "{b} children share {a} cookies equally. How many does each get?",
        "{name} shares {a} cards equally among {b} friends. How many does each friend get?",
    ],
    &[
        "{b} pens cost {a} dollars. How much does one pen cost?",
        "{b} books cost {a} dollars in all. How much is one book?",
    ],
    &[
        "{name} puts {a} eggs into boxes of {b}. How many boxes does {he} need?",
        "{a} balls are put into boxes with {b} balls each. How many boxes are there?",
    ],
];

const HALF: &[&[&str]] = &[&[
    "what is half of {a}?",
    "half of {a}",
    "how much is half of {a}?",
    "what is {a} divided by two?",
]];

const DOUBLE: &[&[&str]] =
    &[&["what is twice {b}?", "double {b}", "what is double {b}?", "how much is twice {b}?"]];

impl Everyday {
    /// A question about numbers up to about `max`.
    pub fn draw(max: i64, random: &mut Random) -> Everyday {
        let small = random.between(2, max.min(12));
        let n = random.between(2, max);
        let (groups, operation) = match random.below(10) {
            0..3 => (PLUS, Operation { left: n, operator: '+', right: random.between(2, max) }),
            3..6 => {
                let left = n.max(3);
                (MINUS, Operation { left, operator: '-', right: random.between(2, left - 1) })
            }
            6 | 7 => (TIMES, Operation { left: n.min(20), operator: '*', right: small }),
            8 if random.chance(0.5) => (HALF, Operation { left: 2 * n, operator: '/', right: 2 }),
            8 => (DOUBLE, Operation { left: 2, operator: '*', right: n }),
            _ => (DIVIDE, Operation { left: small * n.min(12), operator: '/', right: small }),
        };
        let person = Person::draw(1, Language::English, random)[0];
        Everyday { operation, person, wordings: random.pick::<&[&str]>(groups) }
    }

    /// What follows from what.
    pub fn graph(&self) -> Graph {
        let Operation { left, operator, right } = self.operation;
        let value = Value::Binary(Term::Number(left), operator, Term::Number(right));
        Graph { nodes: vec![Node { name: String::new(), value }], asked: 0 }
    }

    /// The question.
    pub fn tell(&self, in_words: bool, random: &mut Random) -> String {
        let [a, b] = [self.operation.left, self.operation.right]
            .map(|n| number(n, in_words, Language::English));
        let gaps =
            [("a", a.as_str()), ("b", &b), ("name", self.person.name), ("he", self.person.pronoun)];
        fill(random.pick::<&str>(self.wordings), &gaps)
    }
}
