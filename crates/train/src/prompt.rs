//! Questions as a model is asked them: a problem of a task in the chat format of the model, up to
//! where its answer begins.

use ponder_tasks::{Class, Drawn, Problem, Split, task};

use crate::data::TextFormat;
use crate::error::Result;
use crate::random::Random;
use crate::reply::Marks;

/// A question.
pub struct Prompt {
    /// The task it is of.
    pub task: &'static str,
    /// Its level.
    pub level: u8,
    /// The problem, which grades.
    pub problem: Box<dyn Problem>,
    /// The question's text.
    pub question: String,
    /// Its tokens in the chat format, up to where the answer begins.
    pub token_ids: Vec<u32>,
    /// Whether the answer is to stand in a box.
    pub is_boxed: bool,
}

impl Prompt {
    /// The question of a problem, in one of its phrasings.
    pub fn of(format: &TextFormat, drawn: Drawn, random: &mut Random) -> Result<Prompt> {
        let Drawn { task, level, problem } = drawn;
        let question = problem.question(random);
        let token_ids = format.prompt(&[], &question)?;
        let is_boxed = task.class() != Class::Instruction;
        Ok(Prompt { task: task.name(), level, problem, question, token_ids, is_boxed })
    }
}

/// Where prompts come from, and how answers to them are read.
pub struct Source<'a> {
    /// The vocabulary's marks.
    pub marks: Marks<'a>,
    /// A prompt of this task and level, the same for the same draws; `None` if there is none.
    pub draw: Box<Draw<'a>>,
}

/// Draws a prompt of a task and a level.
pub type Draw<'a> = dyn Fn(&str, u8, &mut Random) -> Option<Prompt> + 'a;

impl<'a> Source<'a> {
    /// The problems of one side of the split, in the format of a model.
    pub fn of_tasks(format: &'a TextFormat, split: Split) -> Result<Source<'a>> {
        let draw = move |name: &str, level: u8, random: &mut Random| {
            let drawn = task::draw(ponder_tasks::find(name)?, level, split, random)?;
            Prompt::of(format, drawn, random).ok()
        };
        Ok(Source { marks: Marks::of(&format.tokenizer)?, draw: Box::new(draw) })
    }
}
