//! Questions about the rest of the world, and wishes Ponder cannot fulfil.

use super::Intent;
use super::topics::{CITIES, COUNTRIES, DISHES, FIXED, FIXED_GERMAN, PEOPLE, THINGS, WORKS};
use crate::language::Language;
use crate::random::Random;

/// The answer to what lies outside.
pub const OUTSIDE: Intent = Intent {
    name: "outside",
    language: Language::English,
    phrases: &[],
    addressed: &[""],
    thinking: "not a sum or a puzzle",
    replies: &[
        "I do not know about that. I am Ponder, a small model: I can do sums, equations, word problems \
         and puzzles.",
    ],
    needed: &[&["not know", "can not", "cannot", "can't"], &["sums"]],
};

/// The same in German.
pub const OUTSIDE_GERMAN: Intent = Intent {
    name: "german outside",
    language: Language::German,
    phrases: &[],
    addressed: &[""],
    thinking: "keine Rechnung und kein Rätsel",
    replies: &[
        "Das weiß ich nicht. Ich bin Ponder, ein kleines Modell. Ich kann Rechnungen, Gleichungen, \
         Textaufgaben und Rätsel.",
    ],
    needed: &[&["weiß ich nicht", "kann ich nicht"], &["rechnungen"]],
};

/// Things to ask about, and ways to ask that mean the same.
struct Group {
    topics: &'static [&'static str],
    templates: &'static [&'static str],
}

const GROUPS: &[Group] = &[
    Group {
        topics: COUNTRIES,
        templates: &[
            "what is the capital of {t}",
            "capital of {t}",
            "what's the capital of {t}",
            "which city is the capital of {t}",
            "name the capital of {t}",
        ],
    },
    Group { topics: COUNTRIES, templates: &["who is the president of {t}", "president of {t}"] },
    Group {
        topics: COUNTRIES,
        templates: &["how many people live in {t}", "what is the population of {t}"],
    },
    Group { topics: COUNTRIES, templates: &["where is {t}", "where on the map is {t}"] },
    Group { topics: COUNTRIES, templates: &["what language do they speak in {t}"] },
    Group {
        topics: CITIES,
        templates: &[
            "what is the weather in {t}",
            "weather in {t}",
            "how is the weather in {t} today",
        ],
    },
    Group { topics: CITIES, templates: &["what should i see in {t}", "plan a trip to {t}"] },
    Group {
        topics: PEOPLE,
        templates: &[
            "who is {t}",
            "who was {t}",
            "tell me about {t}",
            "what do you know about {t}",
        ],
    },
    Group {
        topics: PEOPLE,
        templates: &["when was {t} born", "how old is {t}", "when did {t} die"],
    },
    Group { topics: WORKS, templates: &["who wrote {t}", "who is the author of {t}"] },
    Group { topics: WORKS, templates: &["what is {t} about", "summarize {t}", "do you like {t}"] },
    Group {
        topics: THINGS,
        templates: &[
            "write a poem about {t}",
            "write me a poem about {t}",
            "make a rhyme about {t}",
            "write a song about {t}",
        ],
    },
    Group {
        topics: THINGS,
        templates: &[
            "write a story about {t}",
            "tell me a story about {t}",
            "write an essay about {t}",
        ],
    },
    Group {
        topics: THINGS,
        templates: &[
            "explain {t}",
            "what is {t}",
            "tell me about {t}",
            "how does {t} work",
            "define {t}",
            "what do you know about {t}",
            "can you explain {t} to me",
        ],
    },
    Group {
        topics: THINGS,
        templates: &[
            "do you like {t}",
            "what do you think about {t}",
            "what is your opinion on {t}",
        ],
    },
    Group { topics: THINGS, templates: &["who invented {t}", "who discovered {t}"] },
    Group { topics: THINGS, templates: &["tell me a joke about {t}", "joke about {t}"] },
    Group { topics: THINGS, templates: &["why is {t} important", "why do people like {t}"] },
    Group {
        topics: DISHES,
        templates: &[
            "how do i cook {t}",
            "how do i make {t}",
            "give me a recipe for {t}",
            "recipe for {t}",
        ],
    },
];

const GROUPS_GERMAN: &[Group] = &[
    Group {
        topics: COUNTRIES,
        templates: &["was ist die hauptstadt von {t}", "wie heißt die hauptstadt von {t}"],
    },
    Group { topics: PEOPLE, templates: &["wer ist {t}", "wer war {t}", "erzähl mir von {t}"] },
    Group { topics: CITIES, templates: &["wie ist das wetter in {t}", "wie komme ich nach {t}"] },
];

/// A question, its answer, and what tells it apart from others.
pub fn draw(random: &mut Random) -> (&'static Intent, String, String) {
    let (intent, groups, fixed) = match Language::draw(random) {
        Language::English => (&OUTSIDE, GROUPS, FIXED),
        Language::German => (&OUTSIDE_GERMAN, GROUPS_GERMAN, FIXED_GERMAN),
    };
    if random.chance(0.3) {
        let phrase = (*random.pick(fixed)).to_string();
        return (intent, phrase.clone(), phrase);
    }
    let group_idx = random.below(groups.len() as u64) as usize;
    let Group { topics, templates } = &groups[group_idx];
    let topic = *random.pick(topics);
    let phrase = random.pick(templates).replace("{t}", topic);
    (intent, phrase, format!("{group_idx} {topic}"))
}
