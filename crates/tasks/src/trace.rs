//! How the thought of a search is written down: tries that end in `no` or `yes`, separated by
//! `back`, until one is right, the patience of a geometric number of tries ends, or the text
//! reaches the length that a small context can hold.

use crate::random::Random;
use crate::task::Style;

/// The longest thought, in tokens, about: with a question and an answer it fits a context of 512.
const MAX_TOKENS: usize = 440;

/// Share of searches that check their result before they answer. Below 1, so that learning to
/// check always has something to raise.
const CHECKED_SHARE: f64 = 0.5;

/// How a search is to be written, from a [`Style`].
pub(crate) enum Plan {
    /// The result and no more.
    Short,
    /// The path to the solution, as if the first guess were right.
    Straight {
        /// Whether a `check` follows.
        is_checked: bool,
    },
    /// Tries.
    Search {
        /// Mean number of failed tries before giving up; may be infinite.
        mean_tries: f64,
        /// Whether a `check` follows a find.
        is_checked: bool,
        /// Whether a slip happens on the way, is found, and mended.
        has_slip: bool,
    },
}

impl Plan {
    /// The plan of a style.
    pub(crate) fn of(style: Style, random: &mut Random) -> Plan {
        match style {
            Style::Short => Plan::Short,
            Style::Straight => Plan::Straight { is_checked: false },
            Style::Checked => Plan::Straight { is_checked: true },
            Style::Slip => {
                Plan::Search { mean_tries: f64::INFINITY, is_checked: true, has_slip: true }
            }
            Style::Search { mean_tries } => {
                let is_checked = random.chance(CHECKED_SHARE);
                Plan::Search { mean_tries, is_checked, has_slip: false }
            }
        }
    }
}

/// The text of a thought as it grows.
pub(crate) struct Trace {
    text: String,
    tokens: usize,
    /// What a text may have after its last failed try.
    reserve: usize,
    /// Probability of giving up after a failed try.
    hazard: f64,
}

impl Trace {
    /// An empty trace that gives up after `mean_tries` failed tries on average, and when fewer
    /// than `reserve` tokens are left for a last try and its check.
    pub(crate) fn new(mean_tries: f64, reserve: usize) -> Trace {
        Trace { text: String::new(), tokens: 0, reserve, hazard: 1.0 / mean_tries.max(1.0) }
    }

    /// Adds words after a blank, or without one at the start of a line.
    pub(crate) fn say(&mut self, words: &str) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push(' ');
            // A blank is a token of its own only before what is no word.
            self.tokens += usize::from(!words.starts_with(|c: char| c.is_ascii_lowercase()));
        }
        self.text.push_str(words);
        self.tokens += tokens(words);
    }

    /// Starts a line.
    pub(crate) fn line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
            self.tokens += 1;
        }
    }

    /// `back`, on a line of its own.
    pub(crate) fn back(&mut self) {
        self.line();
        self.say("back");
        self.line();
    }

    /// `no`; whether the search ends here.
    pub(crate) fn fails(&mut self, random: &mut Random) -> bool {
        self.say("no");
        self.tokens + self.reserve > MAX_TOKENS || random.chance(self.hazard)
    }

    /// `giveup`, on a line of its own.
    pub(crate) fn give_up(&mut self) {
        self.line();
        self.say("giveup");
    }

    /// The thought.
    pub(crate) fn finish(self) -> String {
        self.text.trim_end().to_string()
    }
}

/// Tokens of a text, about: a word is one with the blank before it, anything else one a character.
pub fn tokens(text: &str) -> usize {
    let mut count = 0;
    let mut before = '\n';
    for c in text.chars() {
        let goes_on = c.is_ascii_lowercase() && (before.is_ascii_lowercase() || before == ' ');
        count += usize::from(!goes_on);
        before = c;
    }
    count
}

#[cfg(test)]
mod tests;
