//! `ponder bench serve`: a server under load, one of its own or one that runs elsewhere.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use ponder_server::load::{Arrivals, LoadOptions, run as run_load};

use crate::backend::at_least_one;
use crate::checkpoint::ModelArgs;
use crate::exit::usage;

/// Clients unless `--clients` or `--rate` says otherwise.
const CLIENTS: usize = 64;

/// Flags of `ponder bench serve`.
#[derive(clap::Args)]
pub struct Flags {
    #[command(flatten)]
    model: ModelArgs,
    /// A server that runs already, as http://HOST:PORT, instead of one of its own.
    #[arg(long, value_name = "URL", conflicts_with = "model")]
    endpoint: Option<String>,
    /// Threads of its own server; one a core unless given.
    #[arg(long, value_name = "N", value_parser = at_least_one, conflicts_with = "endpoint")]
    threads: Option<usize>,
    /// Requests in all.
    #[arg(long, value_name = "N", value_parser = at_least_one, default_value_t = 256)]
    requests: usize,
    /// Clients that each wait for an answer before they ask again [default: 64].
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    clients: Option<usize>,
    /// Requests a second instead, at random times that do not depend on answers.
    #[arg(long, value_name = "R", conflicts_with = "clients")]
    rate: Option<f64>,
    /// Words of a prompt; each one's number lies between half and twice that.
    #[arg(long, value_name = "N", value_parser = at_least_one, default_value_t = 16)]
    prompt_words: usize,
    /// Tokens of an answer, thinking included.
    #[arg(long, value_name = "N", value_parser = at_least_one, default_value_t = 64)]
    tokens: usize,
    /// The most tokens to think [default: as many as leave room for an answer].
    #[arg(long, value_name = "N")]
    think_budget: Option<usize>,
    /// Let the model end its answers, instead of all going on to --tokens.
    #[arg(long)]
    natural_end: bool,
    /// Share of the clients that hang up within a second.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    leaving: f64,
    /// Share of the clients that wait 100 ms after every piece they read.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    slow: f64,
    /// Time to the first token that a good answer keeps, in ms.
    #[arg(long, value_name = "MS", default_value_t = 2000)]
    good_first: u64,
    /// Mean time between tokens that a good answer keeps, in ms.
    #[arg(long, value_name = "MS", default_value_t = 80)]
    good_between: u64,
    /// Decides arrivals, prompts and who leaves.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `ponder bench serve`.
pub fn run(flags: &Flags) -> anyhow::Result<()> {
    let arrivals = flags.arrivals()?;
    let (server, url) = match &flags.endpoint {
        Some(url) => (None, url.clone()),
        None => {
            let server = OwnServer::start(flags, arrivals)?;
            let url = server.url.clone();
            (Some(server), url)
        }
    };
    let report = run_load(&flags.load(url, arrivals))?;
    drop(server);
    crate::inspect::print(flags.json, &report, || report.render())
}

impl Flags {
    fn arrivals(&self) -> anyhow::Result<Arrivals> {
        let (leaving, slow) = (self.leaving, self.slow);
        if !(leaving >= 0.0 && slow >= 0.0 && leaving + slow <= 1.0) {
            let what = format!("`--leaving {leaving}` and `--slow {slow}` are no shares");
            return Err(usage(what, "each from 0, together at most 1"));
        }
        match self.rate {
            Some(rate) if rate > 0.0 && rate.is_finite() => Ok(Arrivals::Rate(rate)),
            Some(rate) => Err(usage(format!("`--rate {rate}`"), "give requests a second, above 0")),
            None => Ok(Arrivals::Clients(self.clients.unwrap_or(CLIENTS))),
        }
    }

    fn load(&self, url: String, arrivals: Arrivals) -> LoadOptions {
        LoadOptions {
            url,
            key: std::env::var("PONDER_API_KEY").ok(),
            model: None,
            requests: self.requests,
            arrivals,
            prompt_words: self.prompt_words,
            max_tokens: self.tokens,
            thinking_budget: self.think_budget,
            ignores_eos: !self.natural_end,
            leaving: self.leaving,
            slow: self.slow,
            good_first: Duration::from_millis(self.good_first),
            good_between: Duration::from_millis(self.good_between),
            seed: self.seed,
        }
    }
}

/// A server in a process of its own, as users run it; ends with the benchmark.
struct OwnServer {
    child: Child,
    url: String,
}

impl OwnServer {
    fn start(flags: &Flags, arrivals: Arrivals) -> anyhow::Result<OwnServer> {
        let program = std::env::current_exe().context("this program's own file is not known")?;
        let mut command = Command::new(program);
        command.args(["serve", "--port", "0"]);
        if let Some(model) = &flags.model.model {
            command.args(["--model", model]);
        }
        if let Some(threads) = flags.threads {
            command.args(["--threads", &threads.to_string()]);
        }
        if let Arrivals::Clients(clients) = arrivals {
            command.args(["--sequences", &clients.to_string()]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let child = command.spawn().context("cannot start `ponder serve`")?;
        let mut server = OwnServer { child, url: String::new() };
        let stdout = server.child.stdout.take().context("its output is a pipe")?;
        for line in BufReader::new(stdout).lines() {
            if let Some(url) = line?.strip_prefix("ready on ") {
                server.url = url.to_owned();
                return Ok(server);
            }
        }
        Err(usage("`ponder serve` did not start", "its own message above says why"))
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
