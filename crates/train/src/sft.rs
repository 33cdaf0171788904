//! Supervised fine-tuning: a trained model learns the answers of dialogues, each given its
//! question. Distillation into a dense student is the same on a teacher's answers.

use crate::pack::Sequence;
use crate::pretrain;
use crate::random::Random;
use crate::schedule::{Decay, Schedule};
use crate::trainer::{Documents, Options};

/// A question and its answer as tokens, end of sentence included.
#[derive(Clone, Debug, PartialEq)]
pub struct Dialogue {
    /// What is given.
    pub prompt: Vec<u32>,
    /// What is learnt.
    pub answer: Vec<u32>,
}

impl Dialogue {
    /// The text, its answer weighing 1, cut to `context` tokens.
    pub fn sequence(&self, context: usize) -> Sequence {
        let mut sequence = Sequence::answer(&self.prompt, &self.answer);
        sequence.token_ids.truncate(context);
        sequence.weights.truncate(context);
        sequence
    }
}

/// Dialogues for several epochs, each in an order of its own.
pub struct Epochs<'a> {
    dialogues: &'a [Dialogue],
    orders: Vec<Vec<u32>>,
    context: usize,
}

impl<'a> Epochs<'a> {
    /// `n_epochs` passes over `dialogues`, cut to `context` tokens.
    pub fn new(dialogues: &'a [Dialogue], n_epochs: u64, context: usize, seed: u64) -> Epochs<'a> {
        let order = |epoch: u64| {
            let mut order: Vec<u32> = (0..dialogues.len() as u32).collect();
            let mut random = Random::new(seed, epoch);
            for i in (1..order.len()).rev() {
                order.swap(i, random.below(i as u64 + 1) as usize);
            }
            order
        };
        Epochs { dialogues, orders: (0..n_epochs).map(order).collect(), context }
    }
}

impl Documents for Epochs<'_> {
    fn document(&self, index: u64) -> Option<Sequence> {
        let n = self.dialogues.len().max(1) as u64;
        let order = self.orders.get((index / n) as usize)?;
        let dialogue = &self.dialogues[*order.get((index % n) as usize)? as usize];
        Some(dialogue.sequence(self.context))
    }
}

/// Dialogues for several epochs with other documents among them: every `every`-th document is the
/// next of `others`.
pub struct Interleaved<'a> {
    /// The dialogues.
    pub dialogues: Epochs<'a>,
    /// What comes between, such as small talk.
    pub others: &'a dyn Documents,
    /// How often.
    pub every: u64,
}

impl Documents for Interleaved<'_> {
    fn document(&self, index: u64) -> Option<Sequence> {
        let n_others = (index + 1) / self.every;
        if (index + 1).is_multiple_of(self.every) {
            // The dialogues decide when the data ends.
            self.dialogues.document(index - n_others)?;
            return self.others.document(n_others - 1);
        }
        self.dialogues.document(index - n_others)
    }
}

/// As pre-training, with a cosine to a tenth and a smaller share of the MTP loss; the experts'
/// balance is left alone.
pub fn options(seed: u64, peak: f64, total_steps: u64, batch_tokens: usize) -> Options {
    let before = pretrain::options(seed, peak, total_steps, batch_tokens);
    Options {
        mtp_factor: 0.1,
        balance_alpha: 0.0,
        bias_update_speed: 0.0,
        schedule: Schedule { decay: Decay::Cosine, ..before.schedule },
        ..before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_has_every_dialogue_once() {
        let dialogues: Vec<Dialogue> =
            (0..50).map(|i| Dialogue { prompt: vec![i], answer: vec![100 + i, 1] }).collect();
        let epochs = Epochs::new(&dialogues, 2, 10, 5);
        let ids = |epoch: u64| -> Vec<u32> {
            let documents = (epoch * 50..epoch * 50 + 50).map(|i| epochs.document(i).unwrap());
            documents.map(|document| document.token_ids[0]).collect()
        };
        let (first, second) = (ids(0), ids(1));
        assert_ne!(first, second);
        for mut order in [first, second] {
            order.sort_unstable();
            assert_eq!(order, (0..50).collect::<Vec<_>>());
        }
        assert_eq!(epochs.document(100), None);
        let cut = Epochs::new(&dialogues, 1, 2, 5).document(0).unwrap();
        assert_eq!((cut.token_ids.len(), cut.weights), (2, vec![0.0, 1.0]));
        assert_eq!(Epochs::new(&[], 3, 2, 5).document(0), None);
    }

    struct Numbers;

    impl Documents for Numbers {
        fn document(&self, index: u64) -> Option<Sequence> {
            Some(Sequence::whole(vec![index as u32]))
        }
    }

    #[test]
    fn other_documents_come_between() {
        let dialogues: Vec<Dialogue> =
            (0..5).map(|i| Dialogue { prompt: vec![100 + i], answer: vec![1] }).collect();
        let dialogues = Epochs::new(&dialogues, 2, 10, 3);
        let mixed = Interleaved { dialogues, others: &Numbers, every: 4 };
        let ids: Vec<u32> =
            (0..).map_while(|i| mixed.document(i)).map(|sequence| sequence.token_ids[0]).collect();
        let others: Vec<u32> = ids.iter().copied().filter(|id| *id < 100).collect();
        assert_eq!(others, [0, 1, 2]);
        assert_eq!(ids.len(), 13);
        assert!((ids[3], ids[7], ids[11]) == (0, 1, 2), "{ids:?}");
    }
}
