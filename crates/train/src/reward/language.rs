//! Whether a text keeps to its language (R1's language-consistency reward): the share of its
//! telling words that belong to it.
//!
//! Numbers, formulas and words that both languages share tell nothing. The lists hold the most
//! frequent words of each language that the other does not have, and those that thoughts of ours
//! are written in.

use ponder_tasks::Language;

const ENGLISH: &[&str] = &[
    "the", "and", "is", "are", "of", "to", "that", "it", "with", "for", "this", "we", "have",
    "has", "not", "but", "then", "than", "them", "there", "which", "what", "how", "many", "from",
    "they", "does", "did", "do", "you", "your", "my", "can", "cannot", "no", "yes", "back",
    "check", "ok", "try", "wait", "giveup", "answer", "left", "each", "more", "less", "must",
    "should", "because", "if", "or", "at", "on", "by", "be", "would", "take", "gives", "give",
    "makes", "make", "true", "false", "knight", "knave", "says", "path", "row", "column", "box",
    "first", "next", "last",
];

const GERMAN: &[&str] = &[
    "der", "die", "das", "und", "ist", "sind", "von", "zu", "dass", "es", "mit", "für", "dies",
    "wir", "haben", "nicht", "aber", "dann", "als", "sie", "dort", "welche", "wie", "viele", "aus",
    "du", "dein", "mein", "kann", "nein", "ja", "zurück", "prüfe", "probe", "stimmt", "versuche",
    "warte", "aufgeben", "antwort", "rest", "jeder", "mehr", "weniger", "muss", "soll", "weil",
    "wenn", "oder", "bei", "auf", "ein", "eine", "einen", "ich", "nimm", "ergibt", "macht", "wahr",
    "falsch", "ritter", "schurke", "sagt", "weg", "zeile", "spalte", "feld", "erst", "nächste",
];

/// The share of the telling words of `text` that are of `language`; `None` if no word tells.
pub fn consistency(language: Language, text: &str) -> Option<f64> {
    let (mut english, mut german) = (0.0, 0.0);
    for word in text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()) {
        let word = word.to_lowercase();
        english += ENGLISH.contains(&&word[..]) as u8 as f64;
        german += GERMAN.contains(&&word[..]) as u8 as f64;
    }
    let own = match language {
        Language::English => english,
        Language::German => german,
    };
    (english + german > 0.0).then(|| own / (english + german))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_other_language_lower_the_share() {
        let check = |language, text, want| assert_eq!(consistency(language, text), want, "{text}");
        check(Language::English, "the rest is 3+4=7", Some(2.0 / 3.0));
        check(Language::English, "3+4=7", None);
        check(Language::German, "Zurück: 3+4=7, prüfe", Some(1.0));
        check(Language::German, "the answer is 7", Some(0.0));
        check(Language::English, "", None);
    }

    #[test]
    fn no_word_is_in_both_lists() {
        assert!(ENGLISH.iter().all(|word| !GERMAN.contains(word)));
    }
}
