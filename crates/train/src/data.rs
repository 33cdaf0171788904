//! Texts to learn from, drawn from the tasks: the document of a number is a function of the seed
//! and the number, so a run's place in its data is one number and nothing is stored.

use std::path::Path;

use ponder_tasks::random::Random;
use ponder_tasks::{Drawn, Split, Work};
use ponder_text::{ChatInput, ChatTemplate, ControlTokens, Tokenizer, encode_chat};
use serde_json::json;

use crate::error::Result;
use crate::mixture::{Mixture, base_style, cold_start_style};
use crate::pack::Sequence;
use crate::sft::Dialogue;
use crate::trainer::Documents;

/// How questions and replies become tokens: the tokenizer and the chat format of a model.
#[derive(Debug)]
pub struct TextFormat {
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// Its chat template.
    pub template: ChatTemplate,
}

impl TextFormat {
    /// That of a model's folder.
    pub fn load(dir: &Path) -> Result<TextFormat> {
        let tokenizer = Tokenizer::from_dir(dir)?;
        Ok(TextFormat { tokenizer, template: ChatTemplate::from_dir(dir)? })
    }

    /// The prompt of a conversation: earlier questions with their replies, and a new question. Its
    /// template opens the thought.
    pub fn prompt(&self, earlier: &[(String, String)], question: &str) -> Result<Vec<u32>> {
        let mut messages = Vec::new();
        for (question, reply) in earlier {
            messages.push(json!({"role": "user", "content": question}));
            messages.push(json!({"role": "assistant", "content": reply}));
        }
        messages.push(json!({"role": "user", "content": question}));
        let input = json!({"messages": messages, "add_generation_prompt": true});
        Ok(encode_chat(&self.tokenizer, &self.template, &ChatInput::from_json(input)?)?)
    }

    /// What the model is to write after the prompt: the thought, its end, the reply and the end of
    /// the sentence.
    pub fn answer(&self, work: &Work) -> Result<Vec<u32>> {
        let text = format!("{}\n</think>\n\n{}", work.thinking, work.reply);
        let mut ids = self.tokenizer.encode(&text, ControlTokens::Parse)?;
        ids.extend(self.tokenizer.eos_id());
        Ok(ids)
    }

    /// A plain text between the marks of beginning and end.
    fn plain(&self, text: &str) -> Result<Vec<u32>> {
        let mut ids: Vec<u32> = self.tokenizer.bos_id().into_iter().collect();
        ids.extend(self.tokenizer.encode(text, ControlTokens::Plain)?);
        ids.extend(self.tokenizer.eos_id());
        Ok(ids)
    }
}

/// What problems are made into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Pre-training: plain texts in several styles, some of them conversations; every token counts.
    Base,
    /// The cold start: conversations, of which the last reply counts.
    ColdStart,
}

/// An endless or limited stream of problems with their solutions.
#[derive(Debug)]
pub struct ProblemDocuments<'a> {
    format: &'a TextFormat,
    mixture: &'a Mixture,
    form: Form,
    seed: u64,
    context: usize,
    limit: u64,
}

/// Share of conversations among the texts of pre-training.
const BASE_CHATS: f64 = 0.2;

/// Share of conversations with an earlier turn.
const SECOND_TURNS: f64 = 0.05;

/// Draws before a document that is too long is cut instead.
const MAX_DRAWS: usize = 20;

impl<'a> ProblemDocuments<'a> {
    /// Documents of at most `context` tokens; `limit` of them.
    pub fn new(
        format: &'a TextFormat,
        mixture: &'a Mixture,
        form: Form,
        (seed, context, limit): (u64, usize, u64),
    ) -> Result<ProblemDocuments<'a>> {
        mixture.check()?;
        let documents = ProblemDocuments { format, mixture, form, seed, context, limit };
        // What can fail fails here: the texts are ours and of one kind.
        documents.draw(&mut Random::new(seed, u64::MAX))?;
        Ok(documents)
    }

    fn draw(&self, random: &mut Random) -> Result<Sequence> {
        let mut sequence = Sequence::default();
        for _ in 0..MAX_DRAWS {
            sequence = self.draw_once(random)?;
            if sequence.token_ids.len() <= self.context {
                break;
            }
        }
        sequence.token_ids.truncate(self.context);
        sequence.weights.truncate(self.context);
        Ok(sequence)
    }

    fn draw_once(&self, random: &mut Random) -> Result<Sequence> {
        let Drawn { task, problem, .. } = self.mixture.draw(Split::Train, random);
        let question = problem.question(random);
        match self.form {
            Form::Base => {
                let work = problem.work(base_style(task.class(), random), random);
                let token_ids = if random.uniform() < BASE_CHATS {
                    let prompt = self.format.prompt(&[], &question)?;
                    [prompt, self.format.answer(&work)?].concat()
                } else {
                    self.format.plain(&plain_text(&question, &work, random))?
                };
                Ok(Sequence::whole(token_ids))
            }
            Form::ColdStart => {
                let work = problem.work(cold_start_style(task.class(), random), random);
                let earlier = self.earlier_turn(random);
                let prompt = self.format.prompt(&earlier, &question)?;
                let answer = self.format.answer(&work)?;
                Ok(Dialogue { prompt, answer }.sequence(usize::MAX))
            }
        }
    }

    fn earlier_turn(&self, random: &mut Random) -> Vec<(String, String)> {
        if random.uniform() >= SECOND_TURNS {
            return Vec::new();
        }
        let Drawn { task, problem, .. } = self.mixture.draw(Split::Train, random);
        let work = problem.work(cold_start_style(task.class(), random), random);
        vec![(problem.question(random), work.reply)]
    }
}

fn plain_text(question: &str, Work { thinking, reply }: &Work, random: &mut Random) -> String {
    match random.below(3) {
        0 => format!("{question}\n{thinking}\n{reply}"),
        1 => format!("Question: {question}\n{thinking}\nAnswer: {reply}"),
        _ => format!("{question}\n{thinking}\nso {reply}"),
    }
}

impl Documents for ProblemDocuments<'_> {
    fn document(&self, index: u64) -> Option<Sequence> {
        let mut random = Random::new(self.seed, index);
        (index < self.limit).then(|| self.draw(&mut random).expect("the first one was made"))
    }
}

/// Texts to learn a vocabulary from: `n` problems of `mixture` in every style.
pub fn vocabulary_texts(
    mixture: &Mixture,
    seed: u64,
    n: u64,
) -> impl Iterator<Item = String> + Send + '_ {
    (0..n).map(move |i| {
        let mut random = Random::new(seed, i);
        let Drawn { task, problem, .. } = mixture.draw(Split::Train, &mut random);
        let work = problem.work(base_style(task.class(), &mut random), &mut random);
        plain_text(&problem.question(&mut random), &work, &mut random)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use ponder_text::vocabulary;

    use super::*;

    fn format() -> TextFormat {
        let texts = vocabulary_texts(&Mixture::supervised(), 1, 300).collect::<Vec<_>>();
        let learnt = vocabulary::learn(texts.into_iter(), 320, 512).unwrap();
        let [tokenizer, config] = [&learnt.tokenizer, &learnt.config].map(|v| v.to_string());
        TextFormat {
            tokenizer: Tokenizer::from_bytes(tokenizer.as_bytes(), Some(config.as_bytes()))
                .unwrap(),
            template: ChatTemplate::from_source(
                vocabulary::CHAT_TEMPLATE,
                vocabulary::BOS,
                vocabulary::EOS,
            )
            .unwrap(),
        }
    }

    #[test]
    fn documents_repeat_fit_the_context_and_weigh_what_is_learnt() {
        let (format, mixture) = (format(), Mixture::supervised());
        for form in [Form::Base, Form::ColdStart] {
            let documents = ProblemDocuments::new(&format, &mixture, form, (5, 256, 60)).unwrap();
            let texts = |i: u64| {
                let document = documents.document(i).unwrap();
                let ids = &document.token_ids;
                assert_eq!(Some(document.clone()), documents.document(i));
                assert!(ids.len() <= 256 && ids.len() == document.weights.len());
                assert_eq!(Some(ids[0]), format.tokenizer.bos_id());
                let n_given = document.weights.iter().take_while(|w| **w == 0.0).count();
                assert!(document.weights[n_given..].iter().all(|w| *w == 1.0));
                let decode = |ids: &[u32]| format.tokenizer.decode(ids).unwrap();
                (decode(&ids[..n_given]), decode(&ids[n_given..]))
            };
            let texts: Vec<(String, String)> = (0..60).map(texts).collect();
            let given = texts.iter().filter(|(given, _)| given.ends_with("<think>\n"));
            assert_eq!(given.count(), if form == Form::ColdStart { 60 } else { 0 });
            let ended = texts.iter().filter(|(_, learnt)| learnt.ends_with(vocabulary::EOS));
            assert!(ended.count() > 50, "most documents are whole");
            let chats = texts.iter().filter(|(_, learnt)| learnt.contains("<｜User｜>")).count();
            assert!(if form == Form::Base { (3..30).contains(&chats) } else { chats == 0 });
            assert_eq!(documents.document(60), None);
        }
    }

    #[test]
    fn what_is_trained_on_is_in_no_other_split() {
        let mixture = Mixture::supervised();
        let drawn = |split: Split| -> HashSet<String> {
            let mut random = Random::new(3, split as u64);
            (0..2000).map(|_| mixture.draw(split, &mut random).problem.canonical()).collect()
        };
        let [train, validation, test] = [Split::Train, Split::Validation, Split::Test].map(drawn);
        assert!(train.is_disjoint(&test) && train.is_disjoint(&validation));
        assert!(validation.is_disjoint(&test));
    }
}
