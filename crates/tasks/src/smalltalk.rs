//! Small talk: greetings, thanks, who and what Ponder is, and questions about the rest of the
//! world, which it plainly does not know.

mod outside;
mod topics;

use crate::language::Language;
use crate::phrasing::capital;
use crate::random::Random;
use crate::task::{Class, Problem, Style, Task, Work};

/// The task `smalltalk`; all levels are alike.
pub struct SmallTalk;

/// What is meant by a question, and what answers it.
#[derive(Debug)]
struct Intent {
    name: &'static str,
    language: Language,
    /// Ways to say it, lower case.
    phrases: &'static [&'static str],
    /// Who is addressed, after a phrase.
    addressed: &'static [&'static str],
    /// A thought about it.
    thinking: &'static str,
    replies: &'static [&'static str],
    /// Of each of these, a right reply has one, lower case.
    needed: &'static [&'static [&'static str]],
}

const GREETING: Intent = Intent {
    name: "greeting",
    language: Language::English,
    phrases: &[
        "hello",
        "hi",
        "hey",
        "good morning",
        "good evening",
        "good day",
        "hello, how are you",
        "hi, how are you",
        "how are you",
        "how is it going",
        "what's up",
        "greetings",
        "good afternoon",
        "nice to meet you",
        "hey, how are you doing",
    ],
    addressed: &["", " there", " ponder", " my friend", ", ponder"],
    thinking: "a greeting",
    replies: &["Hello! I am Ponder. Ask me a sum, an equation or a puzzle."],
    needed: &[&["hello", "hi "], &["ponder"]],
};

const THANKS: Intent = Intent {
    name: "thanks",
    language: Language::English,
    phrases: &[
        "thanks",
        "thank you",
        "thank you very much",
        "thanks a lot",
        "many thanks",
        "great, thanks",
        "that helped, thank you",
        "well done",
        "good job",
        "that is right",
        "great",
        "perfect, thanks",
    ],
    addressed: &["", " ponder", " my friend", ", ponder", "!"],
    thinking: "thanks",
    replies: &["You are welcome! Ask me another sum or puzzle."],
    needed: &[&["welcome"]],
};

const GOODBYE: Intent = Intent {
    name: "goodbye",
    language: Language::English,
    phrases: &[
        "bye",
        "goodbye",
        "see you",
        "see you later",
        "good night",
        "bye bye",
        "have a nice day",
        "i have to go",
        "until next time",
        "take care",
    ],
    addressed: &["", " ponder", " my friend", ", ponder", "!"],
    thinking: "a goodbye",
    replies: &["Goodbye!"],
    needed: &[&["goodbye"]],
};

const IDENTITY: Intent = Intent {
    name: "identity",
    language: Language::English,
    phrases: &[
        "who are you",
        "what are you",
        "what is your name",
        "tell me about yourself",
        "are you a human",
        "are you a robot",
        "are you an ai",
        "who made you",
        "who built you",
        "are you chatgpt",
        "are you deepseek",
        "what model are you",
        "introduce yourself",
        "who am i talking to",
        "what's your name",
        "do you have a name",
        "how were you trained",
        "what kind of model are you",
        "are you a person",
    ],
    addressed: &["", " really", ", please", " then", " exactly"],
    thinking: "they ask who I am",
    replies: &[
        "I am Ponder, a small reasoning model trained from scratch. I can do sums, equations, word \
         problems and puzzles.",
    ],
    needed: &[&["ponder"], &["model"], &["sums"]],
};

const CAPABILITY: Intent = Intent {
    name: "capability",
    language: Language::English,
    phrases: &[
        "what can you do",
        "help",
        "how can you help me",
        "what can i ask you",
        "what do you know",
        "what are you good at",
        "how do i use you",
        "what can i do here",
        "can you help me",
        "i need help",
        "what should i ask",
        "give me an example",
        "what tasks can you do",
        "what kind of questions can you answer",
        "what are you able to do",
        "show me what you can do",
    ],
    addressed: &["", " please", ", please", " ponder", " today"],
    thinking: "they ask what I can do",
    replies: &[
        "I can do sums, equations, word problems and puzzles. For example: what is 12 + 7? Or: make 24 \
         from 3 8 8.",
    ],
    needed: &[&["sums"], &["puzzles"]],
};

const GREETING_GERMAN: Intent = Intent {
    name: "german hello",
    language: Language::German,
    phrases: &[
        "hallo",
        "guten tag",
        "guten morgen",
        "guten abend",
        "hallo, wie geht es dir",
        "wie geht es dir",
    ],
    addressed: &["", " ponder", ", ponder", "!"],
    thinking: "ein Gruß",
    replies: &["Hallo! Ich bin Ponder. Frag mich eine Rechnung oder ein Rätsel."],
    needed: &[&["hallo"], &["ponder"]],
};

const THANKS_GERMAN: Intent = Intent {
    name: "german thanks",
    language: Language::German,
    phrases: &["danke", "vielen dank", "danke schön", "super, danke", "danke sehr"],
    addressed: &["", " ponder", ", ponder", "!"],
    thinking: "ein Dank",
    replies: &["Gern geschehen!"],
    needed: &[&["gern"]],
};

const IDENTITY_GERMAN: Intent = Intent {
    name: "german identity",
    language: Language::German,
    phrases: &["wer bist du", "was bist du", "wie heißt du", "was kannst du", "bist du ein mensch"],
    addressed: &["", " denn", " eigentlich", ", bitte"],
    thinking: "sie fragen, wer ich bin",
    replies: &[
        "Ich bin Ponder, ein kleines Modell. Ich kann Rechnungen, Gleichungen, Textaufgaben und Rätsel.",
    ],
    needed: &[&["ponder"], &["modell"], &["rechnungen"]],
};

/// Each as often as it stands here.
const INTENTS: [&Intent; 10] = [
    &GREETING,
    &THANKS,
    &GOODBYE,
    &IDENTITY,
    &IDENTITY,
    &CAPABILITY,
    &CAPABILITY,
    &GREETING_GERMAN,
    &THANKS_GERMAN,
    &IDENTITY_GERMAN,
];

/// Longest right reply in bytes: no list of all that could be meant.
const MAX_REPLY: usize = 300;

struct Talk {
    intent: &'static Intent,
    phrase: String,
    /// Tells apart what only the split must tell apart.
    key: String,
}

impl Task for SmallTalk {
    fn name(&self) -> &'static str {
        "smalltalk"
    }

    fn class(&self) -> Class {
        Class::Instruction
    }

    fn draw(&self, _level: u8, random: &mut Random) -> Box<dyn Problem> {
        if random.chance(0.6) {
            let (intent, phrase, key) = outside::draw(random);
            return Box::new(Talk { intent, phrase, key });
        }
        let intent = *random.pick(&INTENTS);
        let (phrase, addressed) = (*random.pick(intent.phrases), *random.pick(intent.addressed));
        let phrase = format!("{phrase}{addressed}");
        Box::new(Talk { intent, key: phrase.clone(), phrase })
    }
}

/// Whether `reply` has one of each of `needed` and is short, without a box.
fn is_right(reply: &str, needed: &[&[&str]]) -> bool {
    if reply.len() > MAX_REPLY || reply.contains("\\boxed") {
        return false;
    }
    let reply = reply.to_lowercase();
    needed.iter().all(|any| any.iter().any(|text| reply.contains(text)))
}

impl Problem for Talk {
    fn canonical(&self) -> String {
        format!("smalltalk {} {}", self.intent.name, self.key)
    }

    fn language(&self) -> Language {
        self.intent.language
    }

    fn question(&self, random: &mut Random) -> String {
        let end = *random.pick(&["", "", "?", "?", ".", "!"]);
        // A sentence ends once.
        let end = if self.phrase.ends_with(['!', '?', '.']) { "" } else { end };
        let text = format!("{}{end}", self.phrase);
        if random.chance(0.5) { capital(&text) } else { text }
    }

    fn work(&self, _style: Style, random: &mut Random) -> Work {
        let reply = (*random.pick(self.intent.replies)).to_string();
        Work { thinking: self.intent.thinking.to_string(), reply }
    }

    fn grade(&self, reply: &str) -> bool {
        is_right(reply, self.intent.needed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::Split;

    fn talk(intent: &'static Intent) -> Talk {
        let phrase = intent.phrases.first().unwrap_or(&"why").to_string();
        Talk { intent, key: phrase.clone(), phrase }
    }

    #[test]
    fn what_everyone_asks_first_is_trained_on() {
        for (intent, phrase) in [
            (&GREETING, "hello"),
            (&GREETING, "hi"),
            (&THANKS, "thanks"),
            (&THANKS, "thank you"),
            (&IDENTITY, "who are you"),
            (&IDENTITY, "what are you"),
            (&IDENTITY, "what is your name"),
            (&CAPABILITY, "what can you do"),
            (&CAPABILITY, "help"),
            (&GREETING_GERMAN, "hallo"),
            (&IDENTITY_GERMAN, "wer bist du"),
        ] {
            assert!(intent.phrases.contains(&phrase), "{phrase}");
            let talk = Talk { intent, phrase: phrase.to_string(), key: phrase.to_string() };
            assert_eq!(Split::of(&talk.canonical()), Split::Train, "{phrase}");
        }
    }

    #[test]
    fn replies_to_one_intent_do_not_answer_another() {
        assert!(!talk(&IDENTITY).grade(GREETING.replies[0]));
        assert!(!talk(&GREETING).grade(THANKS.replies[0]));
        assert!(!talk(&THANKS).grade(GOODBYE.replies[0]));
        assert!(!talk(&CAPABILITY).grade(GREETING.replies[0]));
        assert!(!talk(&outside::OUTSIDE).grade(IDENTITY.replies[0]));
        assert!(!talk(&IDENTITY).grade(IDENTITY_GERMAN.replies[0]));
    }

    #[test]
    fn graders_refuse_boxes_and_lists_of_everything() {
        for intent in INTENTS.into_iter().chain([&outside::OUTSIDE, &outside::OUTSIDE_GERMAN]) {
            let (problem, reply) = (talk(intent), intent.replies[0]);
            assert!(problem.grade(reply));
            assert!(!problem.grade(&format!("\\boxed{{{reply}}}")));
            assert!(!problem.grade(&reply.repeat(100)));
            for other in ["", " ", "\\boxed{7}", intent.phrases.first().unwrap_or(&""), "7", "İ\0"]
            {
                assert!(!problem.grade(other), "{} pays for {other}", intent.name);
            }
        }
    }
}
