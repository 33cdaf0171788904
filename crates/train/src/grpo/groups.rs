//! Groups: a prompt, its sampled answers, what they earn and how they compare.

use ponder_kernels::Ops;
use ponder_model::Model;

use super::options::{Control, GrpoOptions};
use crate::advantage::advantages;
use crate::curriculum::Curriculum;
use crate::error::{Result, TrainError};
use crate::prompt::{Prompt, Source};
use crate::random::Random;
use crate::reply::Reply;
use crate::reward::{Rewards, judge};
use crate::rollout::{Completion, RolloutOptions, rollout};
use crate::rollouts::Rollout;

/// A prompt with its answers.
pub struct Group {
    /// The prompt.
    pub prompt: Prompt,
    /// The answers, as many as the group's size.
    pub answers: Vec<Answer>,
}

/// A sampled answer and what became of it.
pub struct Answer {
    /// Its tokens.
    pub completion: Completion,
    /// Its text.
    pub reply: Reply,
    /// The parts of its reward.
    pub rewards: Rewards,
    /// Their weighted sum.
    pub earned: f64,
    /// What its advantage is made of: the same, or what a control made of it.
    pub reward: f64,
    /// How it compares with its group.
    pub advantage: f64,
}

impl Answer {
    /// Its tokens' number.
    pub fn n_tokens(&self) -> usize {
        self.completion.token_ids.len()
    }
}

impl Group {
    /// Right answers.
    pub fn n_correct(&self) -> usize {
        self.answers.iter().filter(|answer| answer.rewards.is_correct()).count()
    }

    /// Whether some answers are right and some are not.
    pub fn is_mixed(&self) -> bool {
        (1..self.answers.len()).contains(&self.n_correct())
    }

    /// Whether no answer has an advantage.
    pub fn is_flat(&self) -> bool {
        self.answers.iter().all(|answer| answer.advantage == 0.0)
    }
}

/// Purposes of random streams.
const PROMPTS: u64 = 1;
const ROLLOUT: u64 = 2;
const CONTROL: u64 = 3;

/// What a step samples with.
pub(super) struct Sampling<'a> {
    pub ops: &'a dyn Ops,
    pub model: &'a Model,
    pub source: &'a Source<'a>,
    pub options: &'a GrpoOptions,
    pub step: u64,
}

impl Sampling<'_> {
    /// All groups of the step, in the order they were drawn. Rounds after the first replace those
    /// of which all or none are right; a killed step draws the same again.
    pub fn groups(&self, curriculum: &Curriculum) -> Result<Vec<Group>> {
        let (mut groups, mut n_useful) = (Vec::new(), 0);
        for _ in 0..=self.options.refill_rounds {
            let n_missing = self.options.prompts_per_step - n_useful;
            let round = self.round(curriculum, groups.len() as u64, n_missing)?;
            n_useful += round.iter().filter(|group| self.is_useful(group)).count();
            groups.extend(round);
            if n_useful >= self.options.prompts_per_step {
                break;
            }
        }
        Ok(groups)
    }

    /// Whether the step learns from a group.
    pub fn is_useful(&self, group: &Group) -> bool {
        self.options.refill_rounds == 0 || group.is_mixed()
    }

    fn round(&self, curriculum: &Curriculum, first: u64, n: usize) -> Result<Vec<Group>> {
        let draw = |i: u64| self.prompt(curriculum, i);
        let prompts: Vec<Prompt> =
            (first..first + n as u64).map(draw).collect::<Result<Vec<_>>>()?;
        let token_ids: Vec<&[u32]> = prompts.iter().map(|prompt| &prompt.token_ids[..]).collect();
        let options = RolloutOptions {
            samples: self.options.group_size,
            max_tokens: self.options.max_tokens_at(self.step),
            temperature: self.options.temperature,
            top_p: 1.0,
            streams: self.options.streams,
            n_sampleable: self.source.marks.n_sampleable,
            end: self.source.marks.end,
            key: Random::at(self.options.seed, &[ROLLOUT, self.step]).bits(),
            first_prompt: first,
        };
        let completions = rollout(self.ops, self.model, &token_ids, &options)?;
        let pairs = prompts.into_iter().zip(completions).zip(first..);
        Ok(pairs.map(|((prompt, completions), i)| self.grade(prompt, completions, i)).collect())
    }

    fn prompt(&self, curriculum: &Curriculum, index: u64) -> Result<Prompt> {
        let mut random = Random::at(self.options.seed, &[PROMPTS, self.step, index]);
        let GrpoOptions { tasks, curriculum: options, .. } = self.options;
        let (share, level) = curriculum.pick(tasks, options, &mut random);
        // A level may have no problem in this split; an easier one stands in.
        let levels = (share.levels[0]..=level).rev();
        let mut drawn = levels.map(|level| (self.source.draw)(&share.task, level, &mut random));
        drawn.find_map(|prompt| prompt).ok_or(TrainError::NoData {
            step: self.step,
            hint: "a task of the mix is unknown or has no problem at these levels: check `tasks`",
        })
    }

    fn grade(&self, prompt: Prompt, completions: Vec<Completion>, index: u64) -> Group {
        let (marks, options) = (&self.source.marks, self.options);
        let limit = options.max_tokens_at(self.step);
        let answer = |completion: Completion| {
            let reply = Reply::of(marks, &prompt.token_ids, &completion);
            let problem = &*prompt.problem;
            let pair = (&completion, &reply);
            let rewards = judge(problem, prompt.is_boxed, pair, limit, &options.rewards);
            let earned = rewards.total(&options.rewards);
            Answer { completion, reply, rewards, earned, reward: earned, advantage: 0.0 }
        };
        let mut answers: Vec<Answer> = completions.into_iter().map(answer).collect();
        let mut random = Random::at(options.seed, &[CONTROL, self.step, index]);
        let mut rewards: Vec<f64> = answers.iter().map(|answer| answer.reward).collect();
        control(options.control, &mut rewards, &mut random);
        let advantages = advantages(options.advantage, &rewards);
        for ((answer, reward), advantage) in answers.iter_mut().zip(rewards).zip(advantages) {
            (answer.reward, answer.advantage) = (reward, advantage);
        }
        Group { prompt, answers }
    }
}

fn control(control: Control, rewards: &mut [f64], random: &mut Random) {
    match control {
        Control::None => {}
        Control::Shuffle => random.shuffle(rewards),
        Control::Constant => rewards.fill(1.0),
        Control::Flip => rewards.iter_mut().for_each(|reward| *reward = -*reward),
    }
}

impl Group {
    /// Its answers for people to read.
    pub(super) fn rollouts(&self, step: u64, number: usize) -> Vec<Rollout> {
        let rollout = |(sample, answer): (usize, &Answer)| Rollout {
            step,
            prompt: number as u64,
            sample: sample as u64,
            task: self.prompt.task.into(),
            level: self.prompt.level,
            question: self.prompt.question.clone(),
            thinking: answer.reply.thinking.clone(),
            reply: answer.reply.text.clone(),
            is_finished: answer.reply.is_finished,
            n_tokens: answer.n_tokens() as u64,
            reward: Some(answer.earned),
            parts: answer.rewards.parts(),
            advantage: Some(answer.advantage),
        };
        self.answers.iter().enumerate().map(rollout).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_keep_the_rewards_of_a_group_together() {
        let rewards = [1.0, 0.0, 0.5, 0.25];
        let apply = |kind| {
            let mut found = rewards;
            control(kind, &mut found, &mut Random::new(1, 2));
            found
        };
        assert_eq!(apply(Control::None), rewards);
        assert_eq!(apply(Control::Flip), rewards.map(|r| -r));
        assert_eq!(apply(Control::Constant), [1.0; 4]);
        let mut shuffled = apply(Control::Shuffle);
        assert_ne!(shuffled, rewards);
        shuffled.sort_by(f64::total_cmp);
        assert_eq!(shuffled, [0.0, 0.25, 0.5, 1.0]);
    }
}
