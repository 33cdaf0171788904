//! The two languages problems are asked in: the words that mark a thought as one or the other, and
//! numbers in words.

use crate::random::Random;

/// The language a problem is asked in; a thought and a reply keep to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// What most problems are asked in.
    English,
    /// Asked now and then, so that keeping to a language can be learnt and rewarded.
    German,
}

/// The words a thought is steered by. No word serves in two languages.
#[derive(Debug)]
pub struct Keywords {
    /// Opens a check of a result.
    pub check: &'static str,
    /// The check holds.
    pub ok: &'static str,
    /// The check fails.
    pub no: &'static str,
    /// Opens the mending of a slip.
    pub wait: &'static str,
}

/// Share of problems asked in German where a task has both languages.
const GERMAN: f64 = 0.1;

impl Language {
    /// English nine times of ten.
    pub fn draw(random: &mut Random) -> Language {
        if random.chance(GERMAN) { Language::German } else { Language::English }
    }

    /// The words a thought in this language is steered by.
    pub fn keywords(self) -> &'static Keywords {
        match self {
            Language::English => &Keywords { check: "check", ok: "ok", no: "no", wait: "wait" },
            Language::German => {
                &Keywords { check: "probe", ok: "stimmt", no: "falsch", wait: "halt" }
            }
        }
    }

    /// Share of the keywords in `thinking` that are this language's; 1 if there is none.
    pub fn consistency(self, thinking: &str) -> f64 {
        let other = match self {
            Language::English => Language::German,
            Language::German => Language::English,
        };
        let count = |language: Language| {
            let Keywords { check, ok, no, wait } = language.keywords();
            let words = thinking.split(|c: char| !c.is_alphanumeric());
            words.filter(|word| [check, ok, no, wait].contains(&word)).count()
        };
        let (own, foreign) = (count(self), count(other));
        if own + foreign == 0 { 1.0 } else { own as f64 / (own + foreign) as f64 }
    }

    /// A number in words, where it has a short name: up to 999 in English, 12 in German.
    pub fn number(self, n: i64) -> Option<String> {
        match self {
            Language::English => english(n),
            Language::German => usize::try_from(n)
                .ok()
                .and_then(|n| GERMAN_WORDS.get(n))
                .map(|word| word.to_string()),
        }
    }
}

const GERMAN_WORDS: [&str; 13] = [
    "null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn",
    "elf", "zwölf",
];

const ENGLISH_WORDS: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

const ENGLISH_TENS: [&str; 8] =
    ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

fn english(n: i64) -> Option<String> {
    let n = usize::try_from(n).ok().filter(|n| *n < 1000)?;
    Some(match n {
        0..20 => ENGLISH_WORDS[n].to_string(),
        20..100 if n.is_multiple_of(10) => ENGLISH_TENS[n / 10 - 2].to_string(),
        20..100 => format!("{}-{}", ENGLISH_TENS[n / 10 - 2], ENGLISH_WORDS[n % 10]),
        _ if n.is_multiple_of(100) => format!("{} hundred", ENGLISH_WORDS[n / 100]),
        _ => format!("{} hundred {}", ENGLISH_WORDS[n / 100], english((n % 100) as i64)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_names() {
        let cases = [(0, "zero"), (13, "thirteen"), (40, "forty"), (99, "ninety-nine")];
        let cases =
            cases.into_iter().chain([(300, "three hundred"), (415, "four hundred fifteen")]);
        for (n, name) in cases {
            assert_eq!(Language::English.number(n).as_deref(), Some(name));
        }
        assert_eq!(Language::German.number(12).as_deref(), Some("zwölf"));
        for n in [-1, 1000, i64::MIN] {
            assert_eq!(Language::English.number(n), None);
            assert_eq!(Language::German.number(n), None);
        }
    }

    #[test]
    fn consistency_is_the_share_of_own_keywords() {
        assert_eq!(Language::English.consistency("1+1=2\ncheck 2-1=1 ok"), 1.0);
        assert_eq!(Language::German.consistency("1+1=2\ncheck 2-1=1 ok"), 0.0);
        assert_eq!(Language::German.consistency("probe 2-1=1 ok"), 0.5);
        assert_eq!(Language::German.consistency("1+1=2"), 1.0);
    }
}
