//! Short instructions about words and numbers, done to the letter.

mod exercise;

use crate::language::Language;
use crate::phrasing::{capital, fill};
use crate::random::Random;
use crate::task::{Class, Problem, Style, Task, Work};
use exercise::{About, EXERCISES, Exercise};

/// The task `instruct`: from one word to six.
pub struct Instruct;

struct Order {
    exercise: &'static Exercise,
    words: Vec<&'static str>,
    number: usize,
    language: Language,
}

/// Words that are asked to be written.
const WORDS: &[&str] = &[
    "apple", "tree", "house", "cat", "dog", "sun", "moon", "star", "fish", "bird", "book", "green",
    "red", "blue", "black", "white", "one", "two", "three", "ten", "water", "fire", "stone",
    "hello", "good", "day", "night", "small", "big", "old", "new", "bread", "milk", "egg", "pen",
    "cup", "ball", "road", "river", "hill", "ship", "train", "car", "king", "queen", "rain",
    "snow", "wind", "leaf", "rose", "horse", "cow", "mouse", "hat", "shoe", "door", "key", "box",
    "bell", "song",
];

const WORDS_GERMAN: &[&str] = &[
    "haus", "baum", "katze", "hund", "sonne", "mond", "buch", "rot", "blau", "wasser", "brot",
    "milch", "stein", "tag", "nacht", "klein", "alt", "neu", "tisch", "garten",
];

impl Task for Instruct {
    fn name(&self) -> &'static str {
        "instruct"
    }

    fn class(&self) -> Class {
        Class::Instruction
    }

    fn draw(&self, level: u8, random: &mut Random) -> Box<dyn Problem> {
        let language = Language::draw(random);
        let of_language: Vec<&'static Exercise> =
            EXERCISES.iter().filter(|exercise| exercise.language == language).collect();
        let exercise = *random.pick(&of_language);
        let mut words = match language {
            Language::English => WORDS.to_vec(),
            Language::German => WORDS_GERMAN.to_vec(),
        };
        random.shuffle(&mut words);
        let most = (1 + i64::from(level + 1) / 2).max(2);
        words.truncate(match exercise.about {
            About::Words => random.between(2, most) as usize,
            About::Word | About::WordAndNumber => 1,
            About::Number => 0,
        });
        let number = random.between(2, 2 + i64::from(level).min(8)) as usize;
        Box::new(Order { exercise, words, number, language })
    }
}

impl Order {
    fn answer(&self) -> String {
        (self.exercise.answer)(&self.words, self.number)
    }
}

/// Longest reply that is compared.
const MAX_REPLY: usize = 400;

impl Problem for Order {
    fn canonical(&self) -> String {
        let is_numbered = matches!(self.exercise.about, About::WordAndNumber | About::Number);
        let number = if is_numbered { self.number } else { 0 };
        format!("instruct {} {} {number}", self.exercise.name, self.words.join(" "))
    }

    fn language(&self) -> Language {
        self.language
    }

    fn question(&self, random: &mut Random) -> String {
        let words = self.words.join(" ");
        let number = self.number.to_string();
        let larger = (self.number + 3).to_string();
        let template = *random.pick(self.exercise.templates);
        let gaps = [("w", words.as_str()), ("n", &number), ("m", &larger)];
        let text = fill(template, &gaps);
        if random.chance(0.5) { capital(&text) } else { text }
    }

    fn work(&self, _style: Style, _random: &mut Random) -> Work {
        Work { thinking: self.exercise.thinking.to_string(), reply: self.answer() }
    }

    /// The answer to the letter, but for blanks at the ends.
    fn grade(&self, reply: &str) -> bool {
        reply.len() <= MAX_REPLY && reply.trim() == self.answer()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(name: &str) -> Order {
        let exercise = EXERCISES.iter().find(|exercise| exercise.name == name).unwrap();
        Order { exercise, words: vec!["cat", "sun"], number: 3, language: exercise.language }
    }

    #[test]
    fn orders_are_followed_to_the_letter() {
        let cases = [
            ("copy", "cat sun"),
            ("upper", "CAT SUN"),
            ("reverse", "sun cat"),
            ("repeat", "cat cat cat"),
            ("spell", "c a t"),
            ("count", "1 2 3"),
            ("from to", "3 4 5 6"),
            ("first", "cat"),
            ("last", "sun"),
            ("how many", "2"),
            ("sort", "cat sun"),
            ("yes no", "no"),
            ("wiederhole", "cat sun"),
            ("groß", "CAT SUN"),
        ];
        for (name, answer) in cases {
            let order = order(name);
            assert_eq!(order.answer(), answer, "{name}");
            assert!(order.grade(&format!(" {answer}\n")), "{name}");
        }
    }

    #[test]
    fn graders_refuse_what_was_not_ordered() {
        for exercise in EXERCISES {
            let order = order(exercise.name);
            let answer = order.answer();
            let question = order.question(&mut Random::new(0, 0));
            let replies = [
                String::new(),
                " ".to_string(),
                question,
                format!("{answer}."),
                format!("{answer} {answer}"),
                format!("\\boxed{{{answer}}}"),
                format!("Sure: {answer}"),
                format!("{answer}\u{200b}"),
                answer.repeat(100_000),
                format!("{answer}{}", " ".repeat(1_000_000)),
            ];
            for reply in replies {
                assert!(!order.grade(&reply), "{} pays for {:.60}", exercise.name, reply);
            }
        }
    }
}
