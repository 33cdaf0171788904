//! What a hub says of a revision: its commit, and of each wanted file the length and the hash.

use serde::Deserialize;

use crate::client::{Client, header};
use crate::digest::Digest;
use crate::error::{HubError, Result, shown};
use crate::name::{file_problem, is_commit};
use crate::retry::{Patience, Tries, Watch};
use crate::select::{Wanted, named, needed};

/// A file as the hub describes it.
#[derive(Clone, Debug)]
pub(crate) struct RemoteFile {
    /// Its path in the repository; checked.
    pub name: String,
    pub size_bytes: u64,
    pub digest: Digest,
}

/// A revision of a model.
pub(crate) struct Listing {
    /// 40 hexadecimal digits; checked.
    pub commit: String,
    /// The wanted ones, small ones first: what is wrong with a model shows early.
    pub files: Vec<RemoteFile>,
}

/// The answer of `/api/models/…/revision/…?blobs=true`, as far as it is needed.
#[derive(Deserialize)]
struct Answer {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: Option<String>,
    size: Option<u64>,
}

/// Asks the hub.
pub(crate) fn list(
    client: &Client<'_>,
    wanted: Wanted<'_>,
    patience: &Patience,
    watch: Watch<'_>,
) -> Result<Listing> {
    let model = &client.name.repository;
    let url = client.endpoint.listing(client.name);
    let body = Tries::new(url.clone(), patience, watch).run(|| client.read(&url))?;
    let answer: Answer = serde_json::from_slice(&body).map_err(|error| HubError::Answer {
        what: url.clone(),
        why: format!("no listing: {error}"),
    })?;
    if !is_commit(&answer.sha) {
        let why = format!("lists the commit {}, which is none", shown(&answer.sha));
        return Err(HubError::Answer { what: url, why });
    }
    for Sibling { rfilename: name, .. } in &answer.siblings {
        if let Some(why) = file_problem(name) {
            return Err(HubError::HostileFile { model: model.clone(), file: shown(name), why });
        }
    }
    let names: Vec<&str> = answer.siblings.iter().map(|file| file.rfilename.as_str()).collect();
    let chosen = match wanted {
        Wanted::Checkpoint => needed(model, &names)?,
        Wanted::Files(wanted) => named(model, &names, wanted)?,
    };
    let mut files = Vec::new();
    for sibling in answer.siblings.iter().filter(|file| chosen.contains(&file.rfilename.as_str())) {
        files.push(match described(sibling) {
            Some(file) => file,
            None => ask(client, &answer.sha, &sibling.rfilename, patience, watch)?,
        });
    }
    files.sort_by(|a, b| (a.size_bytes, &a.name).cmp(&(b.size_bytes, &b.name)));
    files.dedup_by(|a, b| a.name == b.name);
    Ok(Listing { commit: answer.sha, files })
}

/// Length and hash, if the listing has both. Of a large file `blob_id` is the hash of a pointer.
fn described(sibling: &Sibling) -> Option<RemoteFile> {
    let (size, hash) = match &sibling.lfs {
        Some(lfs) => (lfs.size.or(sibling.size), lfs.sha256.as_ref()),
        None => (sibling.size, sibling.blob_id.as_ref()),
    };
    let digest = Digest::parse(hash?)?;
    Some(RemoteFile { name: sibling.rfilename.clone(), size_bytes: size?, digest })
}

/// Length and hash from the headers of the file, for mirrors whose listings have none.
fn ask(
    client: &Client<'_>,
    commit: &str,
    name: &str,
    patience: &Patience,
    watch: Watch<'_>,
) -> Result<RemoteFile> {
    let url = client.endpoint.file(client.name, commit, name);
    let headers = Tries::new(url.clone(), patience, watch).run(|| client.describe(&url))?;
    let first = |names: [&str; 2]| names.into_iter().find_map(|name| header(&headers, name));
    let digest = first(["x-linked-etag", "etag"]).and_then(Digest::from_etag);
    let size = first(["x-linked-size", "content-length"]).and_then(|size| size.parse().ok());
    match (digest, size) {
        (Some(digest), Some(size_bytes)) => {
            Ok(RemoteFile { name: name.into(), size_bytes, digest })
        }
        _ => Err(HubError::Answer { what: url, why: "no hash or length to check it by".into() }),
    }
}
