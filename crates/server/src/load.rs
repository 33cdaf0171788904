//! A generator of load: chat completions that arrive as planned by a seed, whether or not earlier
//! ones have been answered, from clients that stay, leave or read slowly.

mod client;
mod plan;
mod report;

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

pub use plan::{Arrivals, LoadOptions};
pub use report::{LoadReport, Quantiles};

/// How long one request may take before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(600);

/// Why a load cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The address is not one.
    #[error("{url}: {reason}\nhint: give the server's address as http://HOST:PORT")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nothing answers there.
    #[error("{url}: {reason}\nhint: is the server running there? `ponder serve` starts one")]
    Unreachable {
        /// What was given.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The system refuses threads.
    #[error(
        "the load cannot run: {0}\nhint: the system's limits of threads or files may be too low"
    )]
    System(#[from] std::io::Error),
}

/// Runs a load to its end, on threads of its own.
pub fn run(options: &LoadOptions) -> Result<LoadReport, LoadError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run_async(options))
}

async fn run_async(options: &LoadOptions) -> Result<LoadReport, LoadError> {
    let target = client::Target::new(&options.url, options.key.as_deref())?;
    let model = match &options.model {
        Some(model) => model.clone(),
        None => client::first_model(&target)
            .await
            .map_err(|reason| LoadError::Unreachable { url: options.url.clone(), reason })?,
    };
    let plan = plan::plan(options);
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    match options.arrivals {
        Arrivals::Rate(_) => {
            for request in plan {
                let (target, model) = (target.clone(), model.clone());
                tasks.spawn(async move {
                    tokio::time::sleep_until((start + request.at).into()).await;
                    vec![client::run(&target, &model, &request, start, PATIENCE).await]
                });
            }
        }
        Arrivals::Clients(n) => {
            for mine in plan::share(plan, n) {
                let (target, model) = (target.clone(), model.clone());
                tasks.spawn(async move {
                    let mut records = Vec::with_capacity(mine.len());
                    for request in mine {
                        records.push(client::run(&target, &model, &request, start, PATIENCE).await);
                    }
                    records
                });
            }
        }
    }
    let records: Vec<client::Record> = tasks.join_all().await.into_iter().flatten().collect();
    Ok(LoadReport::of(&records, start.elapsed(), options))
}
