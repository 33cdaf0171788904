//! Which requests are sent when: the same for the same seed.

use std::time::Duration;

use ponder_engine::philox4x32;

/// A load to run.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// The server, as `http://HOST:PORT`.
    pub url: String,
    /// Its key, if it wants one.
    pub key: Option<String>,
    /// The model; the server's first one unless given.
    pub model: Option<String>,
    /// Requests in all.
    pub requests: usize,
    /// When they are sent.
    pub arrivals: Arrivals,
    /// Words of a prompt; each request's own number lies between half and twice that.
    pub prompt_words: usize,
    /// Tokens of an answer at most.
    pub max_tokens: usize,
    /// Tokens of thinking at most.
    pub thinking_budget: Option<usize>,
    /// Whether answers go on to their limit whatever the model says.
    pub ignores_eos: bool,
    /// Share of the clients that hang up in the middle.
    pub leaving: f64,
    /// Share of the clients that read slowly.
    pub slow: f64,
    /// Time to the first token that a good answer keeps.
    pub good_first: Duration,
    /// Mean time between tokens that a good answer keeps.
    pub good_between: Duration,
    /// Decides everything that is random.
    pub seed: u64,
}

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// So many a second on average, each independent of the others and of answers.
    Rate(f64),
    /// So many clients, each of which sends its next request when the last one is answered.
    Clients(usize),
}

/// A request to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// When, after the start.
    pub at: Duration,
    /// The prompt.
    pub prompt: String,
    /// The body's fields besides model and messages.
    pub max_tokens: usize,
    /// See [`LoadOptions`].
    pub thinking_budget: Option<usize>,
    /// See [`LoadOptions`].
    pub ignores_eos: bool,
    /// Its seed.
    pub seed: u64,
    /// What its client does.
    pub manner: Manner,
}

/// What a client does with its answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Manner {
    /// Reads it to the end.
    Stays,
    /// Hangs up so long after sending.
    Leaves(Duration),
    /// Waits so long after every piece.
    Slow(Duration),
}

/// Clients that leave do so within this time.
const LEAVING_WITHIN_S: f64 = 1.0;
/// What slow clients wait after every piece.
const SLOW: Duration = Duration::from_millis(100);

/// All requests in the order of their sending.
pub fn plan(options: &LoadOptions) -> Vec<Planned> {
    let mut random = Random { seed: options.seed, drawn: 0 };
    let mut at_s = 0.0;
    let mut requests = Vec::with_capacity(options.requests);
    for _ in 0..options.requests {
        if let Arrivals::Rate(rate) = options.arrivals {
            // Gaps of a Poisson process are exponential.
            at_s += -(1.0 - random.unit()).ln() / rate;
        }
        let n_words = (options.prompt_words as f64 * (0.5 + 1.5 * random.unit())).ceil() as usize;
        let words: Vec<&str> = (0..n_words.max(1)).map(|_| random.of(&WORDS)).collect();
        let which = random.unit();
        let leaves_after = Duration::from_secs_f64(random.unit() * LEAVING_WITHIN_S);
        requests.push(Planned {
            at: Duration::from_secs_f64(at_s),
            prompt: words.join(" "),
            max_tokens: options.max_tokens,
            thinking_budget: options.thinking_budget,
            ignores_eos: options.ignores_eos,
            seed: random.next() >> 1,
            manner: match which {
                w if w < options.leaving => Manner::Leaves(leaves_after),
                w if w < options.leaving + options.slow => Manner::Slow(SLOW),
                _ => Manner::Stays,
            },
        });
    }
    requests
}

/// The requests of each of `n` clients.
pub fn share(requests: Vec<Planned>, n: usize) -> Vec<Vec<Planned>> {
    let mut shares: Vec<Vec<Planned>> = vec![Vec::new(); n.max(1)];
    for (index, request) in requests.into_iter().enumerate() {
        let n = shares.len();
        shares[index % n].push(request);
    }
    shares
}

const WORDS: [&str; 12] =
    ["make", "24", "from", "3", "8", "8", "1", "and", "explain", "each", "step", "twice"];

/// The engine's random numbers, one after another.
struct Random {
    seed: u64,
    drawn: u64,
}

impl Random {
    fn next(&mut self) -> u64 {
        let halves = |x: u64| [x as u32, (x >> 32) as u32];
        let [low, high] = halves(self.drawn);
        self.drawn += 1;
        let [a, b, ..] = philox4x32([low, high, 0, 0], halves(self.seed));
        u64::from(a) | u64::from(b) << 32
    }

    /// From 0 to below 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.next() as usize % words.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arrivals: Arrivals) -> LoadOptions {
        LoadOptions {
            url: String::new(),
            key: None,
            model: None,
            requests: 2000,
            arrivals,
            prompt_words: 10,
            max_tokens: 8,
            thinking_budget: None,
            ignores_eos: false,
            leaving: 0.5,
            slow: 0.1,
            good_first: Duration::ZERO,
            good_between: Duration::ZERO,
            seed: 7,
        }
    }

    #[test]
    fn a_seed_gives_one_plan_at_the_rate_and_shares_that_were_asked() {
        let options = options(Arrivals::Rate(100.0));
        let requests = plan(&options);
        assert_eq!(requests, plan(&options));
        let seconds = requests.last().unwrap().at.as_secs_f64();
        assert!((18.0..22.0).contains(&seconds), "2000 requests in {seconds} s");
        let leaving = requests.iter().filter(|r| matches!(r.manner, Manner::Leaves(_))).count();
        assert!((900..1100).contains(&leaving), "{leaving}");
        assert!(requests.windows(2).all(|pair| pair[0].at <= pair[1].at));
    }

    #[test]
    fn clients_share_all_requests() {
        let shares = share(plan(&options(Arrivals::Clients(64))), 64);
        assert_eq!(shares.iter().map(Vec::len).sum::<usize>(), 2000);
        assert!(shares.iter().all(|share| (31..=32).contains(&share.len())));
    }
}
