//! Prices, numbers of things bought, and the change.

use super::cast::Person;
use super::graph::{Graph, Node, Term, Value};
use crate::language::Language;
use crate::phrasing::{capital, fill, number};
use crate::random::Random;

/// A purchase.
#[derive(Debug)]
pub struct Shopping {
    person: Person,
    /// Singular, price, number bought; one to four.
    goods: Vec<(&'static str, i64, i64)>,
    /// What is paid with, if the change is asked for.
    paid: Option<i64>,
    /// A price that does not matter.
    idle: Option<(&'static str, i64)>,
}

const GOODS: [&str; 10] =
    ["book", "pen", "ball", "cup", "hat", "cake", "toy", "apple", "pear", "lamp"];

impl Shopping {
    /// The operations of a purchase of `n_goods`, with change or without.
    pub fn n_operations(n_goods: usize, has_change: bool) -> usize {
        2 * n_goods - 1 + usize::from(has_change)
    }

    /// A purchase with this many operations, at most 8, with prices and numbers up to about `max`.
    pub fn draw(n_operations: usize, max: i64, has_idle: bool, random: &mut Random) -> Shopping {
        let n_goods = n_operations.div_ceil(2).min(4);
        let has_change = n_operations.is_multiple_of(2);
        assert_eq!(Shopping::n_operations(n_goods, has_change), n_operations);
        let mut names = GOODS;
        random.shuffle(&mut names);
        let max = max.min(12);
        let goods: Vec<_> = names[..n_goods]
            .iter()
            .map(|name| (*name, random.between(2, max), random.between(2, max)))
            .collect();
        let total: i64 = goods.iter().map(|(_, price, count)| price * count).sum();
        let paid = has_change.then(|| match random.below(2) {
            0 => total + random.between(1, 20),
            _ => (total / 10 + 1) * 10,
        });
        let idle = has_idle.then(|| (names[n_goods], random.between(2, max)));
        Shopping { person: Person::draw(1, Language::English, random)[0], goods, paid, idle }
    }

    /// What follows from what.
    pub fn graph(&self) -> Graph {
        let mut nodes: Vec<Node> = Vec::new();
        let mut total = None;
        for (name, price, count) in &self.goods {
            let cost = Value::Binary(Term::Number(*count), '*', Term::Number(*price));
            nodes.push(Node { name: format!("{name}s"), value: cost });
            let last = nodes.len() - 1;
            total = Some(match total {
                None => last,
                Some(before) => {
                    let sum = Value::Binary(Term::Node(before), '+', Term::Node(last));
                    nodes.push(Node { name: "all".to_string(), value: sum });
                    last + 1
                }
            });
        }
        if let (Some(paid), Some(total)) = (self.paid, total) {
            let change = Value::Binary(Term::Number(paid), '-', Term::Node(total));
            nodes.push(Node { name: "left".to_string(), value: change });
        }
        Graph { asked: nodes.len() - 1, nodes }
    }

    /// The prices, the purchase and the question.
    pub fn tell(&self, in_words: bool, random: &mut Random) -> String {
        let number = |n: i64| number(n, in_words, Language::English);
        let (name, pronoun) = (self.person.name, self.person.pronoun);
        if let ([(thing, price, count)], None, None) = (&self.goods[..], self.paid, self.idle) {
            let template = *random.pick(&[
                "one {thing} costs {price} dollars. How much do {count} {thing}s cost?",
                "{a} {thing} costs {price} dollars. How much do {count} {thing}s cost?",
                "{a} {thing} costs {price} dollars. {name} buys {count} {thing}s. How much does {he} pay?",
                "{name} buys {count} {thing}s for {price} dollars each. How much does {he} pay?",
                "how much are {count} {thing}s at {price} dollars each?",
            ]);
            let (price, count) = (number(*price), number(*count));
            let gaps =
                [("a", article(thing)), ("thing", *thing), ("price", &price), ("count", &count)];
            return capital(&fill(&fill(template, &gaps), &[("name", name), ("he", pronoun)]));
        }
        let mut prices: Vec<(&str, i64)> =
            self.goods.iter().map(|(name, price, _)| (*name, *price)).chain(self.idle).collect();
        random.shuffle(&mut prices);
        let prices: Vec<String> = prices
            .into_iter()
            .map(|(name, price)| {
                format!("{} {name} costs {} dollars", article(name), number(price))
            })
            .collect();
        let counts: Vec<String> = self
            .goods
            .iter()
            .map(|(name, _, count)| format!("{} {name}s", number(*count)))
            .collect();
        let bought = match &counts[..] {
            [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
            _ => counts.concat(),
        };
        let prices: String = prices.iter().map(|price| format!("{}. ", capital(price))).collect();
        let question = match self.paid {
            None => fill(
                random.pick::<&str>(&[
                    "How much does {he} pay?",
                    "How many dollars does {he} pay in all?",
                ]),
                &[("he", pronoun)],
            ),
            Some(paid) => {
                let template = *random.pick(&[
                    "{he} pays with {paid} dollars. How much does {he} get back?",
                    "{he} had {paid} dollars. How many dollars does {he} have left?",
                ]);
                capital(&fill(template, &[("he", pronoun), ("paid", &number(paid))]))
            }
        };
        format!("{prices}{name} buys {bought}. {question}")
    }
}

fn article(name: &str) -> &'static str {
    if name.starts_with('a') { "an" } else { "a" }
}
