//! Supposing people to be knights or knaves one after another, as a thought; a statement is judged
//! as soon as it is known of everyone in it what they are.

use super::claim::{Statement, word};
use crate::random::Random;
use crate::task::Work;
use crate::trace::{Plan, Trace};

/// Tokens for a judgement of all statements, twice.
const RESERVE: usize = 140;

/// A thought and an answer.
pub(crate) fn work(
    names: &[&str],
    statements: &[Statement],
    plan: &Plan,
    random: &mut Random,
) -> Work {
    let solution = super::all_kinds(names.len())
        .find(|kinds| super::is_consistent(statements, kinds))
        .expect("a problem is drawn with a solution");
    let told = |kinds: &[bool], gap: &str| {
        let each = names.iter().zip(kinds).map(|(name, kind)| format!("{name} {}", word(*kind)));
        each.collect::<Vec<_>>().join(gap)
    };
    let (mean_tries, is_checked, has_slip, known) = match plan {
        Plan::Short => return Work::boxed(told(&solution, " "), told(&solution, ", ")),
        Plan::Straight { is_checked } => (f64::INFINITY, *is_checked, false, Some(solution)),
        Plan::Search { mean_tries, is_checked, has_slip } => {
            (*mean_tries, *is_checked, *has_slip, None)
        }
    };
    let mut search = Search {
        names,
        statements,
        trace: Trace::new(mean_tries, RESERVE),
        will_slip: has_slip,
        known,
        random,
    };
    for statement in statements {
        search.say_statement(statement);
        search.trace.line();
    }
    search.trace.say("try");
    let mut kinds = Vec::new();
    let outcome = search.descend(&mut kinds);
    if !matches!(outcome, Outcome::Found) {
        search.trace.give_up();
        kinds.resize(names.len(), true);
        return Work::boxed(search.trace.finish(), told(&kinds, ", "));
    }
    search.trace.say("yes");
    if is_checked {
        search.say_check(&kinds);
        search.trace.say("ok");
    }
    Work::boxed(search.trace.finish(), told(&kinds, ", "))
}

enum Outcome {
    Found,
    Exhausted,
    GaveUp,
}

struct Search<'a> {
    names: &'a [&'a str],
    statements: &'a [Statement],
    trace: Trace,
    will_slip: bool,
    /// The solution, if it is to be supposed at once.
    known: Option<Vec<bool>>,
    random: &'a mut Random,
}

impl Search<'_> {
    /// Supposes something of the next person. Keeps in `kinds` what was found, or supposed when it
    /// gave up.
    fn descend(&mut self, kinds: &mut Vec<bool>) -> Outcome {
        let person = kinds.len();
        if person == self.names.len() {
            return Outcome::Found;
        }
        let first = match &self.known {
            Some(known) => known[person],
            None => self.random.chance(0.5),
        };
        for kind in [first, !first] {
            if kind != first {
                self.trace.back();
            }
            self.trace.say(&format!("{} {}", self.names[person], word(kind)));
            kinds.push(kind);
            let outcome = match self.judge(kinds) {
                Outcome::Found => self.descend(kinds),
                outcome => outcome,
            };
            if !matches!(outcome, Outcome::Exhausted) {
                return outcome;
            }
            kinds.pop();
        }
        Outcome::Exhausted
    }

    /// Judges the statements that can be judged now that the last person is supposed to be
    /// something.
    fn judge(&mut self, kinds: &[bool]) -> Outcome {
        let last = kinds.len() - 1;
        let is_new = |s: &&Statement| {
            let people = || s.claim.people().into_iter().chain([s.speaker]);
            people().all(|person| person <= last) && people().any(|person| person == last)
        };
        let statements: Vec<Statement> = self.statements.iter().filter(is_new).copied().collect();
        for (i, statement) in statements.iter().enumerate() {
            let is_true = statement.claim.is_true(kinds);
            let fits = is_true == kinds[statement.speaker];
            let is_end = kinds.len() == self.names.len() && i + 1 == statements.len();
            if self.will_slip && is_end {
                self.will_slip = false;
                self.slip(statement, kinds, fits);
            }
            self.say_statement(statement);
            self.trace.say(if is_true { "true" } else { "false" });
            if fits {
                self.trace.say("ok");
            } else if self.trace.fails(self.random) {
                return Outcome::GaveUp;
            } else {
                return Outcome::Exhausted;
            }
        }
        Outcome::Found
    }

    /// Misjudges the last statement and notices, by a check or a second look.
    fn slip(&mut self, statement: &Statement, kinds: &[bool], fits: bool) {
        let misjudged = !statement.claim.is_true(kinds);
        self.say_statement(statement);
        self.trace.say(if misjudged { "true" } else { "false" });
        if fits {
            self.trace.say("no");
        } else {
            self.trace.say("ok yes");
            self.say_check(kinds);
        }
        self.trace.line();
        self.trace.say("wait");
    }

    /// `A says B knave`.
    fn say_statement(&mut self, statement: &Statement) {
        let name = self.names[statement.speaker];
        self.trace.say(&format!("{name} says {}", statement.claim.short(self.names)));
    }

    /// What everyone is, then each statement again, up to the first that does not fit.
    fn say_check(&mut self, kinds: &[bool]) {
        self.trace.line();
        self.trace.say("check");
        for (name, kind) in self.names.iter().zip(kinds) {
            self.trace.say(&format!("{name} {}", word(*kind)));
        }
        for statement in self.statements {
            let is_true = statement.claim.is_true(kinds);
            self.say_statement(statement);
            self.trace.say(if is_true { "true" } else { "false" });
            if is_true != kinds[statement.speaker] {
                return self.trace.say("no");
            }
        }
    }
}
