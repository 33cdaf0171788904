//! One file from the hub into the cache, whatever happens on the way.

use std::io::Read;
use std::sync::atomic::Ordering;

use ureq::Body;
use ureq::http::Response;

use crate::cache::RepositoryCache;
use crate::client::{Client, header};
use crate::error::{HubError, Result, shown};
use crate::listing::RemoteFile;
use crate::partial::{CHUNK_BYTES, Partial};
use crate::retry::{Failure, Patience, Tries, Watch};

/// What every transfer of a pull shares.
pub(crate) struct Transfers<'a> {
    pub client: &'a Client<'a>,
    pub cache: &'a RepositoryCache,
    pub commit: &'a str,
    pub patience: &'a Patience,
    pub watch: Watch<'a>,
}

/// Fetches a file that may be here in part or in full. `on_position` hears how many of its bytes
/// are here. Returns how many came over the network.
pub(crate) fn fetch(
    transfers: &Transfers<'_>,
    remote: &RemoteFile,
    on_position: &dyn Fn(u64),
    on_lock_wait: &dyn Fn(),
) -> Result<u64> {
    let Transfers { cache, watch, .. } = transfers;
    let _lock = cache.lock(&remote.digest, watch.stop, on_lock_wait)?;
    if cache.has(remote)? {
        on_position(remote.size_bytes);
        return Ok(0);
    }
    let mut partial = Partial::open(cache.incomplete(&remote.digest), remote)?;
    let mut tries = Tries::new(remote.name.clone(), transfers.patience, *watch);
    let mut fetched_bytes = 0;
    let mut is_second_time = false;
    loop {
        let (before_bytes, mut arrived_bytes) = (partial.len_bytes, 0);
        let mut on_bytes = |n: u64, position: u64| {
            arrived_bytes += n;
            on_position(position);
        };
        let outcome = transfer(transfers, remote, &mut partial, &mut on_bytes);
        fetched_bytes += arrived_bytes;
        if let Err(failure) = outcome {
            // Bytes that were thrown away again are no progress.
            if partial.len_bytes > before_bytes {
                tries.start_over();
            }
            tries.pause(failure)?;
            continue;
        }
        let found = partial.hash();
        if found == remote.digest.hex() {
            partial.publish(&cache.blob(&remote.digest))?;
            return Ok(fetched_bytes);
        }
        if is_second_time {
            partial.discard()?;
            let (file, kind) = (remote.name.clone(), remote.digest.kind());
            let expected = remote.digest.hex().to_owned();
            return Err(HubError::WrongHash { file, kind, found, expected });
        }
        // What an earlier run left may be the damaged part: all of it once more.
        is_second_time = true;
        partial.restart()?;
    }
}

/// One try to get the rest of a file.
fn transfer(
    transfers: &Transfers<'_>,
    remote: &RemoteFile,
    partial: &mut Partial,
    on_bytes: &mut dyn FnMut(u64, u64),
) -> std::result::Result<(), Failure> {
    if partial.len_bytes == remote.size_bytes {
        return Ok(());
    }
    let client = transfers.client;
    let url = client.endpoint.file(client.name, transfers.commit, &remote.name);
    let mut response = client.open(&url, partial.len_bytes)?;
    place(&response, remote, partial)?;
    let mut body = response.body_mut().as_reader();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let n = body.read(&mut chunk).map_err(|error| Failure::passing(error.to_string()))?;
        if transfers.watch.stop.load(Ordering::Relaxed) {
            return Err(HubError::Stopped.into());
        }
        let (size, position) = (remote.size_bytes, partial.len_bytes);
        if n == 0 && position == size {
            return Ok(());
        }
        if n == 0 {
            return Err(Failure::passing(format!(
                "the connection ended at {position} of {size} bytes"
            )));
        }
        if position + n as u64 > size {
            partial.restart()?;
            return Err(Failure::passing(format!("more than the {size} bytes that the hub lists")));
        }
        partial.append(&chunk[..n])?;
        on_bytes(n as u64, partial.len_bytes);
    }
}

/// Sees where the bytes of an answer belong: after those that are here, or from the start.
fn place(
    response: &Response<Body>,
    remote: &RemoteFile,
    partial: &mut Partial,
) -> std::result::Result<(), Failure> {
    let size = remote.size_bytes;
    match response.status().as_u16() {
        206 => {
            let range = header(response.headers(), "content-range").unwrap_or_default();
            let want = format!("bytes {}-{}/{size}", partial.len_bytes, size - 1);
            if range != want && range != want.replace(&format!("/{size}"), "/*") {
                let range = shown(range);
                partial.restart()?;
                return Err(Failure::passing(format!(
                    "the hub sends the range {range}, not {want}"
                )));
            }
        }
        416 => {
            partial.restart()?;
            return Err(Failure::passing("the hub has no such range"));
        }
        // The hub knows no ranges.
        _ => partial.restart()?,
    }
    let left = size - partial.len_bytes;
    match header(response.headers(), "content-length").and_then(|text| text.parse::<u64>().ok()) {
        Some(length) if length != left => {
            let why = format!("the hub sends {length} bytes where it lists {left}");
            Err(Failure::passing(why))
        }
        _ => Ok(()),
    }
}
