//! A model behind an endpoint, as a generator of replies.

use ponder_eval::endpoint::{Endpoint, only_model};
use ponder_eval::manifest::ModelIdentity;
use ponder_eval::protocol::Sampling;

use crate::backend::at_least_one;
use crate::exit::usage;

/// Flags of an endpoint.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Endpoint")]
pub struct RemoteArgs {
    /// Ask a server that talks OpenAI's chat completions, such as http://host:8000/v1.
    #[arg(long, value_name = "URL", conflicts_with_all = ["model", "think_budget"])]
    pub endpoint: Option<String>,
    /// The model's name there [default: the only one there is].
    #[arg(long, value_name = "NAME", requires = "endpoint")]
    api_model: Option<String>,
    /// The environment variable that holds the key.
    #[arg(long, value_name = "VARIABLE", requires = "endpoint")]
    api_key_env: Option<String>,
    /// Requests at once.
    #[arg(long, value_name = "N", value_parser = at_least_one, default_value_t = 32)]
    concurrency: usize,
    /// Tries of a request before its sample counts as failed.
    #[arg(long, value_name = "N", value_parser = at_least_one, default_value_t = 8)]
    tries: usize,
    /// Ask for whole replies instead of streams.
    #[arg(long)]
    no_stream: bool,
}

impl RemoteArgs {
    /// The endpoint at `url`.
    pub fn open(&self, url: &str, sampling: Sampling) -> anyhow::Result<Endpoint> {
        let key = match &self.api_key_env {
            None => None,
            Some(name) => Some(std::env::var(name).map_err(|_| {
                let hint = format!("`export {name}=…`, or name another one with --api-key-env");
                usage(format!("the environment variable `{name}` holds no key"), hint)
            })?),
        };
        let model = match &self.api_model {
            Some(model) => model.clone(),
            None => only_model(url, key.as_deref())?,
        };
        Ok(Endpoint {
            url: url.to_owned(),
            model,
            key,
            concurrency: self.concurrency,
            tries: self.tries,
            is_streamed: !self.no_stream,
            sampling,
        })
    }
}

/// What the manifest says of the model.
pub fn identity(endpoint: &Endpoint) -> ModelIdentity {
    ModelIdentity { name: endpoint.model.clone(), sha256: None, source: endpoint.url.clone() }
}
