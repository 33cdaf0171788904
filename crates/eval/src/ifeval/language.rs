//! Which language a reply is in.

use whatlang::{Lang, detect};

use super::Instruction;

/// Two-letter names of the data, and what the detector calls them.
const LANGUAGES: &[(&str, Lang)] = &[
    ("ar", Lang::Ara),
    ("bg", Lang::Bul),
    ("bn", Lang::Ben),
    ("de", Lang::Deu),
    ("en", Lang::Eng),
    ("es", Lang::Spa),
    ("fa", Lang::Pes),
    ("fi", Lang::Fin),
    ("fr", Lang::Fra),
    ("gu", Lang::Guj),
    ("hi", Lang::Hin),
    ("it", Lang::Ita),
    ("ja", Lang::Jpn),
    ("kn", Lang::Kan),
    ("ko", Lang::Kor),
    ("mr", Lang::Mar),
    ("ne", Lang::Nep),
    ("pa", Lang::Pan),
    ("pl", Lang::Pol),
    ("pt", Lang::Por),
    ("ru", Lang::Rus),
    ("ta", Lang::Tam),
    ("te", Lang::Tel),
    ("th", Lang::Tha),
    ("tr", Lang::Tur),
    ("uk", Lang::Ukr),
    ("ur", Lang::Urd),
    ("vi", Lang::Vie),
    ("zh", Lang::Cmn),
];

/// The commonest words of Swahili, which the detector does not know.
const SWAHILI: &[&str] =
    &["na", "ya", "wa", "kwa", "ni", "katika", "la", "za", "hii", "kama", "yake", "cha", "hiyo"];
/// The share of them in any text of some length: they make up a fifth of ordinary prose.
const SWAHILI_SHARE: f64 = 0.08;

/// The reply is in the language wanted. A text that no language can be found in passes, as it does
/// in the published check.
pub(super) fn is_in(reply: &str, instruction: &Instruction) -> Option<bool> {
    let code = instruction.text("language")?;
    if code == "sw" {
        return Some(is_swahili(reply));
    }
    let (_, wanted) = LANGUAGES.iter().find(|(name, _)| *name == code)?;
    Some(detect(reply).is_none_or(|found| found.lang() == *wanted))
}

/// Whether a text is English, or too short or odd to tell.
pub(super) fn is_english(text: &str) -> bool {
    // Capitals are no word of their own to a detector that counts letters.
    detect(&text.to_lowercase()).is_none_or(|found| found.lang() == Lang::Eng)
}

fn is_swahili(text: &str) -> bool {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let common = words.iter().filter(|word| SWAHILI.contains(&word.as_str())).count();
    common as f64 >= SWAHILI_SHARE * words.len() as f64
}
