//! What the environment says of hubs: where they are, who we are, where checkpoints are kept. The
//! variables are those of `huggingface_hub`, so that programs share one cache and one login.

use std::path::PathBuf;

use ponder_eval::bench::HubFile;
use ponder_hub::{Cache, Endpoint, ModelName, Options, Patience, Proxy, pull_files};

use crate::exit::usage;
use crate::pull::Watcher;
use crate::terminal::Terminal;

/// The folder of a model that was pulled, by its name on the hub; `None` if the text is no such
/// name, or that model is not here.
pub fn pulled(name: &str) -> Option<PathBuf> {
    let name = ModelName::parse(name, None).ok()?;
    cache()?.find(&name)
}

/// A file of a data set that was pulled; `None` if it is not here.
pub fn pulled_file(data: &HubFile) -> Option<PathBuf> {
    let name = ModelName::parse(data.repository, None).ok()?.of_data();
    Some(cache()?.find(&name)?.join(data.file)).filter(|file| file.is_file())
}

/// Fetches a file of a data set into the cache.
pub fn pull_file(data: &HubFile, terminal: &Terminal) -> anyhow::Result<PathBuf> {
    let name = ModelName::parse(data.repository, None)?.of_data();
    let options = options(1)?;
    let watcher = Watcher::new(*terminal);
    let pulled = pull_files(&options, &name, &[data.file], &|event| watcher.on(event));
    watcher.finish();
    Ok(pulled?.folder.join(data.file))
}

/// How to pull.
pub fn options(n_connections: usize) -> anyhow::Result<Options> {
    let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| Endpoint::PUBLIC.to_owned());
    let cache = cache().ok_or_else(|| {
        usage("there is no place for checkpoints: HOME is not set", "set HF_HUB_CACHE to a folder")
    })?;
    Ok(Options {
        endpoint: Endpoint::parse(&endpoint)?,
        token: token()?,
        proxy: Proxy::try_from_env(),
        cache,
        n_connections,
        patience: Patience::ORDINARY,
    })
}

/// `HF_HUB_CACHE`, else `hub` in the folder of `home`.
fn cache() -> Option<Cache> {
    let root = path("HF_HUB_CACHE").or_else(|| Some(home()?.join("hub")))?;
    Some(Cache { root })
}

/// `HF_HOME`, else `huggingface` in the user's cache.
fn home() -> Option<PathBuf> {
    let user_cache = || path("XDG_CACHE_HOME").or_else(|| Some(path("HOME")?.join(".cache")));
    path("HF_HOME").or_else(|| Some(user_cache()?.join("huggingface")))
}

/// `HF_TOKEN`, else what a login left in `HF_TOKEN_PATH` or in the folder of `home`.
fn token() -> anyhow::Result<Option<String>> {
    let stored = || {
        let file = path("HF_TOKEN_PATH").or_else(|| Some(home()?.join("token")))?;
        std::fs::read_to_string(file).ok()
    };
    let Some(token) = text("HF_TOKEN").or_else(stored) else { return Ok(None) };
    let token = token.trim();
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let what = "HF_TOKEN: has characters that no token has";
        return Err(usage(what, "a token is one word, as hf_…; unset HF_TOKEN to ask without one"));
    }
    Ok(Some(token.to_owned()).filter(|token| !token.is_empty()))
}

fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

fn path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
