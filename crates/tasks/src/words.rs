//! Word problems whose quantities depend on each other, as people tell them (in the manner of
//! iGSM, arXiv 2407.20311, much smaller): stories, comparisons, purchases and one-step questions of every day.

mod cast;
mod everyday;
mod graph;
mod relation;
mod shopping;
mod story;

use crate::answer::boxed_integer;
use crate::language::Language;
use crate::random::Random;
use crate::task::{Class, Problem, Style, Task, Work};
use everyday::Everyday;
use graph::Graph;
use relation::Relation;
use shopping::Shopping;
use story::Story;

/// The task `words`: levels 0 and 1 take one step, level 8 takes eight.
pub struct Words;

struct WordProblem {
    tale: Tale,
    graph: Graph,
    language: Language,
}

#[derive(Debug)]
enum Tale {
    Story(Story),
    Relation(Relation),
    Shopping(Shopping),
    Everyday(Everyday),
}

/// Operations, largest number and quantities that do not matter, by level.
const SIZES: [(usize, i64, usize); 10] = [
    (1, 10, 0),
    (1, 20, 0),
    (2, 20, 0),
    (3, 20, 1),
    (4, 20, 1),
    (5, 20, 1),
    (6, 20, 1),
    (7, 20, 2),
    (8, 20, 2),
    (8, 50, 3),
];

impl Task for Words {
    fn name(&self) -> &'static str {
        "words"
    }

    fn class(&self) -> Class {
        Class::Compute
    }

    fn draw(&self, level: u8, random: &mut Random) -> Box<dyn Problem> {
        let (n_operations, max, max_idle) = SIZES[usize::from(level)];
        let n_idle = random.between(0, max_idle as i64) as usize;
        let language = Language::draw(random);
        let is_plain = n_operations == 1 && language == Language::English && random.chance(0.4);
        let (tale, graph) = match random.below(5) {
            _ if is_plain => {
                let everyday = Everyday::draw(max, random);
                let graph = everyday.graph();
                (Tale::Everyday(everyday), graph)
            }
            0 if language == Language::English => {
                let shopping = Shopping::draw(n_operations, max, n_idle > 0, random);
                let graph = shopping.graph();
                (Tale::Shopping(shopping), graph)
            }
            1 | 2 => {
                let relation = Relation::draw(n_operations, max, n_idle, language, random);
                let graph = relation.graph();
                (Tale::Relation(relation), graph)
            }
            _ => {
                let story = Story::draw(n_operations, max, language, random);
                let graph = story.graph();
                (Tale::Story(story), graph)
            }
        };
        Box::new(WordProblem { tale, graph, language })
    }
}

impl Problem for WordProblem {
    /// As the same calculation in a chain has it, so that both are in one split.
    fn canonical(&self) -> String {
        self.graph.expression().canonical()
    }

    fn language(&self) -> Language {
        self.language
    }

    fn question(&self, random: &mut Random) -> String {
        let in_words = random.chance(0.15);
        let text = match &self.tale {
            Tale::Story(story) => story.tell(in_words, random),
            Tale::Relation(relation) => relation.tell(in_words, random),
            Tale::Shopping(shopping) => shopping.tell(in_words, random),
            Tale::Everyday(everyday) => everyday.tell(in_words, random),
        };
        if random.chance(0.2) { text.to_lowercase() } else { text }
    }

    fn work(&self, style: Style, random: &mut Random) -> Work {
        let values = self.graph.values(None);
        let thinking = style.computed(
            self.graph.steps(&values, 0),
            || format!("{}={}", self.graph.expression(), self.graph.answer()),
            || self.graph.check(&values, self.language).0,
            || self.graph.slip(self.language, random),
        );
        Work::boxed(thinking, self.graph.answer())
    }

    fn grade(&self, reply: &str) -> bool {
        boxed_integer(reply) == Some(self.graph.answer())
    }
}

#[cfg(test)]
mod tests;
