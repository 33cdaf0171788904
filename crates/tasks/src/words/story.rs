//! Stories: someone has some, gets more, gives some away, and perhaps shares the rest.

use super::cast::{Person, thing};
use super::graph::{Graph, Node, Term, Value};
use crate::language::Language;
use crate::phrasing::{capital, fill, number};
use crate::random::Random;

/// A story.
#[derive(Debug)]
pub struct Story {
    person: Person,
    friend: Person,
    things: &'static str,
    start: Start,
    /// Each adds its number, or takes it away if below zero, and its verb among those that do.
    events: Vec<(i64, usize)>,
    /// The rest is shared among so many.
    shared_by: Option<i64>,
    is_food: bool,
    language: Language,
}

#[derive(Clone, Copy, Debug)]
enum Start {
    Has(i64),
    /// So many bags with so many in each.
    Bags(i64, i64),
}

/// A verb in third and first person, and what follows it. Of takings, the last is for food.
type Verb = (&'static str, &'static str, &'static str);

const GAIN: [Verb; 5] = [
    ("buys", "buy", "{n} more"),
    ("finds", "find", "{n} more"),
    ("gets", "get", "{n} more"),
    ("gets", "get", "{n} from {friend}"),
    ("is given", "am given", "{n} more"),
];

const LOSS: [Verb; 5] = [
    ("gives", "give", "{n} to {friend}"),
    ("loses", "lose", "{n}"),
    ("sells", "sell", "{n} of them"),
    ("gives away", "give away", "{n}"),
    ("eats", "eat", "{n}"),
];

const GAIN_GERMAN: [Verb; 2] = [("kauft", "", "{n} dazu"), ("bekommt", "", "noch {n}")];

const LOSS_GERMAN: [Verb; 3] =
    [("gibt", "", "{friend} {n}"), ("verliert", "", "{n}"), ("isst", "", "{n}")];

impl Story {
    /// A story with this many operations on numbers up to about `max`.
    pub fn draw(n_operations: usize, max: i64, language: Language, random: &mut Random) -> Story {
        let people = Person::draw(2, language, random);
        let is_asking = language == Language::English && random.chance(0.25);
        let (things, is_food) = thing(language, random);
        let has_bags = language == Language::English && random.chance(0.25);
        let small = max.min(12);
        let start = if has_bags {
            Start::Bags(random.between(2, small), random.between(2, small))
        } else {
            Start::Has(random.between(2, max))
        };
        let mut story = Story {
            person: if is_asking { Person::asking() } else { people[0] },
            friend: people[1],
            things,
            start,
            events: Vec::new(),
            shared_by: None,
            is_food,
            language,
        };
        let may_share = language == Language::English && n_operations > usize::from(has_bags);
        let is_shared = may_share && random.chance(0.2);
        let n_events = n_operations - usize::from(has_bags) - usize::from(is_shared);
        story.happen(n_events, max, random);
        if is_shared {
            story.share(max, random);
        }
        story
    }

    fn happen(&mut self, n_events: usize, max: i64, random: &mut Random) {
        let (gains, losses) = self.verbs();
        // Only food is eaten, which is the last of the verbs.
        let n_losses = losses.len() - usize::from(!self.is_food);
        let mut left = self.begin();
        for _ in 0..n_events {
            let is_gain = left < 3 || random.chance(0.5);
            let event = if is_gain {
                (random.between(2, max), random.below(gains.len() as u64) as usize)
            } else {
                (-random.between(2, (left - 1).min(max)), random.below(n_losses as u64) as usize)
            };
            left += event.0;
            self.events.push(event);
        }
    }

    /// Ends with sharing what is left, which an event or the start is changed to make even.
    fn share(&mut self, max: i64, random: &mut Random) {
        let by = random.between(2, max.clamp(2, 9));
        self.shared_by = Some(by);
        let left = self.begin() + self.events.iter().map(|(n, _)| n).sum::<i64>();
        let missing = (by - left % by) % by;
        match (self.events.iter_mut().find(|(n, _)| *n > 0), &mut self.start) {
            (Some((n, _)), _) => *n += missing,
            (None, Start::Has(n)) => *n += missing,
            (None, Start::Bags(bags, _)) => *bags *= by,
        }
        // More at the start of a story with losses only may still leave a remainder.
        let left = self.begin() + self.events.iter().map(|(n, _)| n).sum::<i64>();
        if left % by != 0 || left == 0 {
            self.events.push((by - left % by, 0));
        }
    }

    fn begin(&self) -> i64 {
        match self.start {
            Start::Has(n) => n,
            Start::Bags(bags, each) => bags * each,
        }
    }

    fn verbs(&self) -> (&'static [Verb], &'static [Verb]) {
        match self.language {
            Language::English => (&GAIN, &LOSS),
            Language::German => (&GAIN_GERMAN, &LOSS_GERMAN),
        }
    }

    /// What follows from what.
    pub fn graph(&self) -> Graph {
        let node = |value| Node { name: String::new(), value };
        let mut nodes = vec![node(match self.start {
            Start::Has(n) => Value::Given(n),
            Start::Bags(bags, each) => Value::Binary(Term::Number(bags), '*', Term::Number(each)),
        })];
        for (n, _) in &self.events {
            let operator = if *n < 0 { '-' } else { '+' };
            let last = Term::Node(nodes.len() - 1);
            nodes.push(node(Value::Binary(last, operator, Term::Number(n.abs()))));
        }
        if let Some(by) = self.shared_by {
            let last = Term::Node(nodes.len() - 1);
            nodes.push(node(Value::Binary(last, '/', Term::Number(by))));
        }
        Graph { asked: nodes.len() - 1, nodes }
    }

    /// The story and its question.
    pub fn tell(&self, in_words: bool, random: &mut Random) -> String {
        let number = |n| number(n, in_words, self.language);
        let mut sentences: Vec<String> = vec![self.opening(&number, random)];
        let (gains, losses) = self.verbs();
        for (i, (n, verb)) in self.events.iter().enumerate() {
            let (third, first, tail) = if *n < 0 { losses[*verb] } else { gains[*verb] };
            let verb = if self.person.is_asking() { first } else { third };
            let tail = fill(tail, &[("n", &number(n.abs())), ("friend", self.friend.name)]);
            let who = self.person.pronoun;
            if i == 0 && random.chance(0.5) {
                let and = if self.language == Language::German { "und" } else { "and" };
                let opening = sentences.pop().expect("a story opens");
                sentences.push(format!("{opening} {and} {verb} {tail}"));
            } else {
                let event = match self.language {
                    Language::English if random.chance(0.3) => format!("then {who} {verb} {tail}"),
                    Language::German if random.chance(0.3) => format!("dann {verb} {who} {tail}"),
                    _ => format!("{who} {verb} {tail}"),
                };
                sentences.push(event);
            }
        }
        let text: String =
            sentences.iter().map(|sentence| format!("{}. ", capital(sentence))).collect();
        format!("{text}{}", capital(&self.closing(&number, random)))
    }

    fn opening(&self, number: &dyn Fn(i64) -> String, random: &mut Random) -> String {
        let has = match (self.language, self.person.is_asking()) {
            (Language::German, _) => "hat",
            (Language::English, true) => "have",
            (Language::English, false) => "has",
        };
        let (name, things) = (self.person.name, self.things);
        match self.start {
            Start::Has(n) => format!("{name} {has} {} {things}", number(n)),
            Start::Bags(bags, each) => {
                let kind = *random.pick(&["bags", "boxes"]);
                let (bags, each) = (number(bags), number(each));
                if random.chance(0.5) {
                    format!("{name} {has} {bags} {kind} with {each} {things} each")
                } else {
                    format!("{name} {has} {bags} {kind} of {each} {things}")
                }
            }
        }
    }

    fn closing(&self, number: &dyn Fn(i64) -> String, random: &mut Random) -> String {
        let does = if self.person.is_asking() { "do" } else { "does" };
        let who = if random.chance(0.5) { self.person.name } else { self.person.pronoun };
        if let Some(by) = self.shared_by {
            let shares = if self.person.is_asking() { "share" } else { "shares" };
            let by = number(by);
            let pronoun = self.person.pronoun;
            return format!(
                "{} {shares} them equally among {by} friends. How many {} does each friend get?",
                capital(pronoun),
                self.things
            );
        }
        let is_loss = self.events.last().is_some_and(|(n, _)| *n < 0);
        let templates: &[&str] = match (self.language, is_loss) {
            (Language::English, false) if self.events.is_empty() => &[
                "how many {things} {does} {who} have?",
                "how many {things} {does} {who} have in all?",
                "how many {things} are there?",
            ],
            (Language::English, false) => &[
                "how many {things} {does} {who} have now?",
                "how many {things} {does} {who} have?",
                "how many {does} {who} have?",
                "how many {does} {who} have now?",
                "how many {things} {does} {who} have in all?",
            ],
            (Language::English, true) => &[
                "how many {things} {does} {who} have now?",
                "how many {things} {does} {who} have left?",
                "how many {things} are left?",
                "how many {does} {who} have left?",
            ],
            (Language::German, false) => {
                &["wie viele {things} hat {who} jetzt?", "wie viele {things} hat {who}?"]
            }
            (Language::German, true) => {
                &["wie viele {things} hat {who} jetzt?", "wie viele {things} hat {who} noch?"]
            }
        };
        fill(
            random.pick::<&str>(templates),
            &[("things", self.things), ("does", does), ("who", who)],
        )
    }
}
