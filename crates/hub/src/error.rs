//! What can go wrong with a hub, said in two lines: what and where, then what to do.

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, HubError>;

/// Everything that can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// What was typed is no name of a model.
    #[error(
        "{name}: {why}\nhint: models on a hub are OWNER/NAME, as deepseek-ai/DeepSeek-R1; \
         OWNER/NAME@REVISION is one of its branches, tags or commits"
    )]
    Name {
        /// What was typed.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The address of the hub cannot be used.
    #[error("{endpoint}: {why}\nhint: HF_ENDPOINT is the hub's address, as https://huggingface.co")]
    Endpoint {
        /// The address, without what may be secret in it.
        endpoint: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The token would travel unencrypted.
    #[error(
        "{endpoint}: the token would be sent unencrypted\n\
         hint: use an https:// address in HF_ENDPOINT, or unset HF_TOKEN"
    )]
    PlainToken {
        /// The hub.
        endpoint: String,
    },
    /// The hub does not know the model.
    #[error(
        "{model}: there is no such model on {endpoint}\n\
         hint: check the spelling of OWNER/NAME; a private model needs HF_TOKEN"
    )]
    NoModel {
        /// OWNER/NAME.
        model: String,
        /// The hub.
        endpoint: String,
    },
    /// The hub knows the model but not the revision.
    #[error(
        "{model}: has no revision `{revision}`\n\
         hint: without --revision its branch `main` is meant"
    )]
    NoRevision {
        /// OWNER/NAME.
        model: String,
        /// What was asked for.
        revision: String,
    },
    /// The model's terms must be accepted first.
    #[error(
        "{model}: is gated, and this access was refused\n\
         hint: accept its terms on {endpoint}/{model}, then set HF_TOKEN to a token of that account"
    )]
    Gated {
        /// OWNER/NAME.
        model: String,
        /// The hub.
        endpoint: String,
    },
    /// No token, and the hub wants one; it answers so for names that do not exist, too.
    #[error(
        "{model}: {endpoint} wants a login\n\
         hint: check the spelling of OWNER/NAME; if the model is private or gated, set HF_TOKEN"
    )]
    Login {
        /// OWNER/NAME.
        model: String,
        /// The hub.
        endpoint: String,
    },
    /// The token was refused.
    #[error(
        "{model}: {endpoint} refuses the token ({status})\n\
         hint: HF_TOKEN may be expired, of another hub, or without the right to read this model"
    )]
    Token {
        /// OWNER/NAME.
        model: String,
        /// The hub.
        endpoint: String,
        /// The HTTP status.
        status: u16,
    },
    /// A hub that names a file outside its folder is not to be trusted with any.
    #[error(
        "{model}: the hub lists a file with the name {file}, {why}\n\
         hint: nothing was written; do not trust this hub or this model"
    )]
    HostileFile {
        /// OWNER/NAME.
        model: String,
        /// The name, escaped and cut.
        file: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The repository holds no model that Ponder reads.
    #[error("{model}: {what}\nhint: {hint}")]
    NoCheckpoint {
        /// OWNER/NAME.
        model: String,
        /// What is missing.
        what: String,
        /// What to do.
        hint: &'static str,
    },
    /// An answer that no hub gives.
    #[error("{what}: {why}\nhint: is HF_ENDPOINT the address of a Hugging Face-style hub?")]
    Answer {
        /// What was asked for.
        what: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// Tried until patience ended.
    #[error(
        "{what}: {why} ({n_tries} tries)\n\
         hint: run the same command again: it goes on where this one stopped"
    )]
    Unfinished {
        /// What was asked for.
        what: String,
        /// Why the last try failed.
        why: String,
        /// How many tries without a byte of progress.
        n_tries: u32,
    },
    /// The whole file arrived twice, and neither time was it the one that the hub lists.
    #[error(
        "{file}: what arrived has the {kind} {found}, the hub lists {expected}\n\
         hint: the transfer is damaged on its way or at the hub; nothing was kept. Try later"
    )]
    WrongHash {
        /// The file.
        file: String,
        /// Which hash.
        kind: &'static str,
        /// Of what arrived.
        found: String,
        /// Of what the hub lists.
        expected: String,
    },
    /// The disk cannot hold the model.
    #[error(
        "{path}: {needed} more are needed, {available} are free\n\
         hint: make room, or name another disk's folder in HF_HUB_CACHE"
    )]
    DiskSpace {
        /// The cache.
        path: PathBuf,
        /// Bytes to fetch, for people.
        needed: String,
        /// Bytes free, for people.
        available: String,
    },
    /// Something in the cache is not what it should be.
    #[error("{path}: {why}\nhint: remove it and pull again")]
    CacheEntry {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The cache cannot be read or written.
    #[error("{path}: {source}\nhint: HF_HUB_CACHE names the cache; it must be writable, with room")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Another transfer failed; this one was stopped.
    #[error("stopped\nhint: another transfer failed")]
    Stopped,
}

impl HubError {
    /// Whether the user can mend it by asking for something else.
    pub fn is_bad_input(&self) -> bool {
        !matches!(
            self,
            HubError::Unfinished { .. }
                | HubError::WrongHash { .. }
                | HubError::DiskSpace { .. }
                | HubError::Io { .. }
                | HubError::Stopped
        )
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> HubError {
        let path = path.to_owned();
        |source| HubError::Io { path, source }
    }
}

/// Text of a stranger in a message: escaped, quoted, at most 80 characters.
pub(crate) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(80).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{dots}")
}
