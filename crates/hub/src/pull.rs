//! A pull from beginning to end: list, look for room, fetch side by side, publish.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::cache::{Cache, RepositoryCache};
use crate::client::Client;
use crate::download::{Transfers, fetch};
use crate::endpoint::Endpoint;
use crate::error::{HubError, Result};
use crate::listing::{Listing, RemoteFile, list};
use crate::name::ModelName;
use crate::retry::{Patience, Watch};
use crate::select::Wanted;

/// Where from, where to, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The hub.
    pub endpoint: Endpoint,
    /// What lets the user in; sent to the hub only.
    pub token: Option<String>,
    /// How to reach it.
    pub proxy: Option<ureq::Proxy>,
    /// Where checkpoints are kept.
    pub cache: Cache,
    /// Files that are fetched side by side.
    pub n_connections: usize,
    /// How long to put up with failures.
    pub patience: Patience,
}

/// What happens during a pull, for whoever watches. Told from several threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The hub listed the files.
    Listed {
        /// How many are needed.
        n_files: usize,
        /// Their length together.
        total_bytes: u64,
        /// How much of it is here already.
        kept_bytes: u64,
    },
    /// So many bytes are here.
    Position {
        /// Of all files.
        bytes: u64,
    },
    /// Something failed and is tried again.
    Retry {
        /// What and why.
        what: String,
        /// After this wait.
        wait: Duration,
    },
    /// Another program fetches this file; we wait for it.
    Locked {
        /// Its name.
        file: String,
    },
}

/// A model that is complete in the cache.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Pulled {
    /// OWNER/NAME.
    pub model: String,
    /// What was asked for.
    pub revision: String,
    /// Which commit that is.
    pub commit: String,
    /// The checkpoint's folder.
    pub folder: PathBuf,
    /// How many files it has.
    pub files: usize,
    /// Their length together.
    pub bytes: u64,
    /// What came over the network now.
    pub fetched_bytes: u64,
}

/// Makes a model complete in the cache.
pub fn pull(
    options: &Options,
    name: &ModelName,
    observe: &(dyn Fn(Event) + Sync),
) -> Result<Pulled> {
    pull_wanted(options, name, Wanted::Checkpoint, observe)
}

/// Makes named files of a repository complete in the cache.
pub fn pull_files(
    options: &Options,
    name: &ModelName,
    wanted: &[&str],
    observe: &(dyn Fn(Event) + Sync),
) -> Result<Pulled> {
    pull_wanted(options, name, Wanted::Files(wanted), observe)
}

fn pull_wanted(
    options: &Options,
    name: &ModelName,
    wanted: Wanted<'_>,
    observe: &(dyn Fn(Event) + Sync),
) -> Result<Pulled> {
    let client = Client::new(options, name)?;
    let stop = AtomicBool::new(false);
    let on_wait = |what: &str, wait| observe(Event::Retry { what: what.to_owned(), wait });
    let watch = Watch { stop: &stop, on_wait: &on_wait };
    let Listing { commit, files } = list(&client, wanted, &options.patience, watch)?;
    let cache = options.cache.repository(name);
    cache.create()?;
    let kept = files.iter().map(|file| cache.kept_bytes(file)).collect::<Result<Vec<u64>>>()?;
    let bytes = files.iter().fold(0u64, |sum, file| sum.saturating_add(file.size_bytes));
    let kept_bytes = kept.iter().sum();
    observe(Event::Listed { n_files: files.len(), total_bytes: bytes, kept_bytes });
    check_room(&cache, bytes - kept_bytes)?;
    let patience = &options.patience;
    let transfers = Transfers { client: &client, cache: &cache, commit: &commit, patience, watch };
    let fetched_bytes = fetch_all(&transfers, options.n_connections, &files, kept, observe)?;
    let folder = cache.publish(&name.revision, &commit, &files)?;
    Ok(Pulled {
        model: name.repository.clone(),
        revision: name.revision.clone(),
        commit,
        folder,
        files: files.len(),
        bytes,
        fetched_bytes,
    })
}

/// Refuses what the disk cannot hold, before it is full.
fn check_room(cache: &RepositoryCache, needed_bytes: u64) -> Result<()> {
    let path = cache.blobs();
    let found = rustix::fs::statvfs(&path).map_err(|error| HubError::io(&path)(error.into()))?;
    let available_bytes = found.f_bavail.saturating_mul(found.f_frsize);
    if needed_bytes <= available_bytes {
        return Ok(());
    }
    let people = |bytes: u64| format!("{:.2} GB", bytes as f64 / 1e9);
    let (needed, available) = (people(needed_bytes), people(available_bytes));
    Err(HubError::DiskSpace { path, needed, available })
}

/// Fetches the files with a few threads, each taking the next one. The first error that is not a
/// consequence of another ends all.
fn fetch_all(
    transfers: &Transfers<'_>,
    n_connections: usize,
    files: &[RemoteFile],
    kept: Vec<u64>,
    observe: &(dyn Fn(Event) + Sync),
) -> Result<u64> {
    let positions: Vec<AtomicU64> = kept.into_iter().map(AtomicU64::new).collect();
    let (next, fetched_bytes) = (AtomicUsize::new(0), AtomicU64::new(0));
    let failed: Mutex<Option<HubError>> = Mutex::new(None);
    let work = || {
        while let Some((remote, position)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            files.get(index).zip(positions.get(index))
        } {
            let on_position = |bytes| {
                position.store(bytes, Ordering::Relaxed);
                let bytes = positions.iter().map(|bytes| bytes.load(Ordering::Relaxed)).sum();
                observe(Event::Position { bytes });
            };
            let on_lock_wait = || observe(Event::Locked { file: remote.name.clone() });
            match fetch(transfers, remote, &on_position, &on_lock_wait) {
                Ok(bytes) => drop(fetched_bytes.fetch_add(bytes, Ordering::Relaxed)),
                Err(error) => {
                    transfers.watch.stop.store(true, Ordering::Relaxed);
                    let mut failed = failed.lock().expect("no thread panics while it holds this");
                    if !matches!(error, HubError::Stopped) {
                        failed.get_or_insert(error);
                    }
                    return;
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..n_connections.clamp(1, files.len().max(1)) {
            scope.spawn(work);
        }
    });
    match failed.into_inner().expect("no thread panics while it holds this") {
        Some(error) => Err(error),
        None => Ok(fetched_bytes.into_inner()),
    }
}
