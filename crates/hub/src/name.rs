//! Names from outside, checked before they come near a path: models, revisions, files.

use crate::error::{HubError, Result};

/// Longest name of a model that a hub gives.
const REPOSITORY_CHARS_MAX: usize = 96;
const REVISION_CHARS_MAX: usize = 200;
/// Longest name of a file on common file systems.
const FILE_BYTES_MAX: usize = 255;
const FILE_PATH_BYTES_MAX: usize = 1024;

/// What a repository holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Model,
    Data,
}

/// A model on a hub, as typed: `OWNER/NAME` or `OWNER/NAME@REVISION`. A data set has such a name,
/// too, in a space of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelName {
    pub(crate) kind: Kind,
    /// OWNER/NAME.
    pub repository: String,
    /// Branch, tag or commit; `main` unless given.
    pub revision: String,
}

impl ModelName {
    /// Reads a name; `revision` is one given beside it.
    pub fn parse(text: &str, revision: Option<&str>) -> Result<ModelName> {
        let bad = |why| HubError::Name { name: text.chars().take(120).collect(), why };
        let (repository, own_revision) = match text.split_once('@') {
            Some((repository, revision)) => (repository, Some(revision)),
            None => (text, None),
        };
        if own_revision.is_some() && revision.is_some_and(|given| Some(given) != own_revision) {
            return Err(bad("names two revisions"));
        }
        let parts: Vec<&str> = repository.split('/').collect();
        let [owner, name] = parts[..] else { return Err(bad("is no model's name on a hub")) };
        if repository.len() > REPOSITORY_CHARS_MAX || !is_part(owner) || !is_part(name) {
            return Err(bad("is no model's name on a hub"));
        }
        let revision = own_revision.or(revision).unwrap_or("main");
        if !is_revision(revision) {
            return Err(bad("its revision is no name of a branch, tag or commit"));
        }
        let (repository, revision) = (repository.to_owned(), revision.to_owned());
        Ok(ModelName { kind: Kind::Model, repository, revision })
    }

    /// The data set of this name instead of the model.
    pub fn of_data(self) -> ModelName {
        ModelName { kind: Kind::Data, ..self }
    }

    /// Where the hub's API and its cache have repositories of this kind.
    pub(crate) fn shelf(&self) -> &'static str {
        match self.kind {
            Kind::Model => "models",
            Kind::Data => "datasets",
        }
    }

    /// The path of its pages and files.
    pub(crate) fn path(&self) -> String {
        match self.kind {
            Kind::Model => self.repository.clone(),
            Kind::Data => format!("datasets/{}", self.repository),
        }
    }
}

/// The hub's own rule for owners and names. `--` would make two models one folder in the cache.
fn is_part(part: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !part.is_empty()
        && part.chars().all(is_allowed)
        && !part.contains("--")
        && !part.contains("..")
        && !part.starts_with(['-', '.'])
        && !part.ends_with(['-', '.'])
}

/// Revisions become files below `refs/`.
fn is_revision(revision: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    let is_part = |part: &str| {
        !part.is_empty() && !part.starts_with(['.', '-']) && part.chars().all(is_allowed)
    };
    revision.len() <= REVISION_CHARS_MAX && revision.split('/').all(is_part)
}

/// Whether `text` is a commit in full.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// What is wrong with the name of a file that a hub lists; `None` if nothing is.
pub(crate) fn file_problem(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.len() > FILE_PATH_BYTES_MAX {
        return Some("which is empty or too long");
    }
    if name.chars().any(char::is_control) {
        return Some("which has control characters");
    }
    if name.starts_with('/') || name.contains('\\') || name.as_bytes().get(1) == Some(&b':') {
        return Some("which is an absolute or foreign path");
    }
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Some("which leaves its folder");
    }
    let is_long = name.split('/').any(|part| part.len() > FILE_BYTES_MAX);
    is_long.then_some("which is empty or too long")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models() {
        let ok = |text: &str, given: Option<&str>| {
            ModelName::parse(text, given).map(|name| (name.repository, name.revision)).ok()
        };
        let is = |name: &str, revision: &str| Some((name.to_owned(), revision.to_owned()));
        assert_eq!(ok("deepseek-ai/DeepSeek-R1", None), is("deepseek-ai/DeepSeek-R1", "main"));
        assert_eq!(ok("a/b@refs/pr/2", None), is("a/b", "refs/pr/2"));
        assert_eq!(ok("a/b", Some("v1.0")), is("a/b", "v1.0"));
        assert_eq!(ok("a/b@v1.0", Some("v1.0")), is("a/b", "v1.0"));
        let long = format!("a/{}", "b".repeat(95));
        for bad in [
            "",
            "a",
            "a/",
            "/b",
            "a/b/c",
            "../b",
            "a/..",
            "a/.b",
            "a/b--c",
            "a/b c",
            "a/b\0",
            "-a/b",
            "a/b.",
            "a/bé",
            "a\\b/c",
            "a/b@",
            "a/b@..",
            "a/b@x/../y",
            "a/b@/x",
            "a/b@-x",
            "a/b@x y",
            &long,
        ] {
            assert_eq!(ok(bad, None), None, "{bad}");
        }
        assert_eq!(ok("a/b@v1", Some("v2")), None);
    }

    #[test]
    fn files() {
        for good in ["config.json", "a b.txt", "onnx/model.onnx", "..x", "模型.safetensors"] {
            assert_eq!(file_problem(good), None, "{good}");
        }
        let long = "x".repeat(256);
        for bad in [
            "",
            "../x",
            "a/../../x",
            "/etc/passwd",
            "a//b",
            "./x",
            "x/.",
            "a\\..\\b",
            "C:/x",
            "x\0.json",
            "x\n",
            "x\u{9b}",
            &long,
        ] {
            assert!(file_problem(bad).is_some(), "{bad:?}");
        }
    }
}
