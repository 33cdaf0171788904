//! Who and what word problems are about.

use crate::language::Language;
use crate::random::Random;

/// Somebody; verbs go with them in the third person or, for `I`, the first.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// The name.
    pub name: &'static str,
    /// `he` or `she`, in German `er` or `sie`; the name itself for `I`.
    pub pronoun: &'static str,
}

/// Names and whether they are women's.
const NAMES: [(&str, bool); 14] = [
    ("Tom", false),
    ("Anna", true),
    ("Ben", false),
    ("Mia", true),
    ("Max", false),
    ("Lisa", true),
    ("Sam", false),
    ("Eva", true),
    ("Paul", false),
    ("Emma", true),
    ("Leo", false),
    ("Sara", true),
    ("Tim", false),
    ("Nina", true),
];

/// Things one has, in the plural; whether one eats them.
const THINGS: [(&str, bool); 14] = [
    ("apples", true),
    ("books", false),
    ("pens", false),
    ("oranges", true),
    ("coins", false),
    ("cards", false),
    ("eggs", true),
    ("balls", false),
    ("cookies", true),
    ("stamps", false),
    ("bananas", true),
    ("toys", false),
    ("pears", true),
    ("marbles", false),
];

const THINGS_GERMAN: [(&str, bool); 6] = [
    ("Äpfel", true),
    ("Bücher", false),
    ("Stifte", false),
    ("Karten", false),
    ("Eier", true),
    ("Birnen", true),
];

impl Person {
    /// `n` different people.
    pub fn draw(n: usize, language: Language, random: &mut Random) -> Vec<Person> {
        let mut names = NAMES;
        random.shuffle(&mut names);
        let pronoun = |is_woman| match (language, is_woman) {
            (Language::English, false) => "he",
            (Language::English, true) => "she",
            (Language::German, false) => "er",
            (Language::German, true) => "sie",
        };
        let people =
            names.iter().map(|(name, is_woman)| Person { name, pronoun: pronoun(*is_woman) });
        people.take(n).collect()
    }

    /// Whoever asks.
    pub fn asking() -> Person {
        Person { name: "I", pronoun: "I" }
    }

    /// Whether verbs take the first person.
    pub fn is_asking(self) -> bool {
        self.name == "I"
    }
}

/// Something one has several of, and whether one eats it.
pub fn thing(language: Language, random: &mut Random) -> (&'static str, bool) {
    match language {
        Language::English => *random.pick(&THINGS),
        Language::German => *random.pick(&THINGS_GERMAN),
    }
}
