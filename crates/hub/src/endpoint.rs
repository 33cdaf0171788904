//! Addresses: of the hub, and of where it sends us.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::{HubError, Result};
use crate::name::ModelName;

/// What may stand in a segment of a path as it is (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A hub's address: scheme, host, port, and a path below which it lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Without a slash at its end.
    url: String,
}

impl Endpoint {
    /// The hub that is meant unless another is named.
    pub const PUBLIC: &str = "https://huggingface.co";

    /// Reads an address.
    pub fn parse(text: &str) -> Result<Endpoint> {
        let url = text.trim().trim_end_matches('/');
        let bad = |why| {
            // What stands before an @ may be a password.
            let shown = url.rsplit('@').next().unwrap_or_default().chars().take(120).collect();
            HubError::Endpoint { endpoint: shown, why }
        };
        if url.contains(['@', '?', '#']) || url.chars().any(|c| c.is_control() || c == ' ') {
            return Err(bad("is no plain address of a hub"));
        }
        match origin(url) {
            Some(_) => Ok(Endpoint { url: url.to_owned() }),
            None => Err(bad("is no http:// or https:// address")),
        }
    }

    /// As given.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Where a revision of a repository is described, hashes and sizes included.
    pub(crate) fn listing(&self, name: &ModelName) -> String {
        let revision = utf8_percent_encode(&name.revision, SEGMENT);
        let (shelf, repository) = (name.shelf(), &name.repository);
        format!("{}/api/{shelf}/{repository}/revision/{revision}?blobs=true", self.url)
    }

    /// Where a file of a repository is.
    pub(crate) fn file(&self, name: &ModelName, commit: &str, file: &str) -> String {
        let segments = file.split('/').map(|part| utf8_percent_encode(part, SEGMENT).to_string());
        let file = segments.collect::<Vec<_>>().join("/");
        format!("{}/{}/resolve/{commit}/{file}", self.url, name.path())
    }

    /// Whether a token may go there: the hub's own scheme, host and port, nothing else.
    pub(crate) fn is_own(&self, url: &str) -> bool {
        origin(url) == origin(&self.url)
    }

    /// Whether a token may be sent at all: not readable by others on the way.
    pub(crate) fn is_private(&self) -> bool {
        let Some((scheme, authority)) = origin(&self.url) else { return false };
        let is_loopback = |host: &str| {
            host == "localhost"
                || host
                    .trim_matches(['[', ']'])
                    .parse()
                    .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        };
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => &authority,
        };
        scheme == "https" || is_loopback(host)
    }
}

/// Scheme and authority in lower case, the authority with its port.
fn origin(url: &str) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#', '\\']).next()?.to_ascii_lowercase();
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if authority.is_empty() || !authority.chars().all(is_host) {
        return None;
    }
    let has_port = authority
        .rsplit_once(':')
        .is_some_and(|(host, _)| !host.contains(':') || host.ends_with(']'));
    let authority = if has_port { authority } else { format!("{authority}:{default_port}") };
    Some((scheme, authority))
}

/// The address that `location` means when `url` answers with it; `None` if it is no web address,
/// or leaves encryption.
pub(crate) fn redirected(url: &str, location: &str) -> Option<String> {
    let (scheme, _) = url.split_once("://")?;
    let target = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        let host_end =
            url[scheme.len() + 3..].find(['/', '?', '#']).map(|at| at + scheme.len() + 3);
        format!("{}{location}", &url[..host_end.unwrap_or(url.len())])
    } else {
        location.to_owned()
    };
    let (from, to) = (origin(url)?.0, origin(&target)?.0);
    (from == to || to == "https").then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let hub = Endpoint::parse("https://Hub.example/mirror/").unwrap();
        let name = ModelName::parse("a/b", Some("refs/pr/2")).unwrap();
        assert_eq!(
            hub.file(&name, "c0", "x y#.json"),
            "https://Hub.example/mirror/a/b/resolve/c0/x%20y%23.json"
        );
        assert!(hub.listing(&name).ends_with("/api/models/a/b/revision/refs%2Fpr%2F2?blobs=true"));
        let data = name.of_data();
        assert_eq!(
            hub.file(&data, "c0", "main/x y.parquet"),
            "https://Hub.example/mirror/datasets/a/b/resolve/c0/main/x%20y.parquet"
        );
        assert!(hub.listing(&data).contains("/api/datasets/a/b/revision/"));
        for bad in [
            "",
            "hub.example",
            "ftp://x",
            "https://",
            "https://u:secret@x",
            "https://x y",
            "file:///x",
        ] {
            let error = Endpoint::parse(bad).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_token_stays_at_home() {
        let hub = Endpoint::parse("https://hub.example").unwrap();
        for (url, is_own) in [
            ("https://hub.example/x", true),
            ("https://HUB.example:443/x", true),
            ("https://hub.example:8443/x", false),
            ("http://hub.example/x", false),
            ("https://hub.example.evil/x", false),
            ("https://hub.example@evil/x", false),
            ("https://evil\\hub.example/x", false),
        ] {
            assert_eq!(hub.is_own(url), is_own, "{url}");
        }
        for (url, is_private) in [
            ("https://x", true),
            ("http://x", false),
            ("http://127.0.0.1:80", true),
            ("http://[::1]:80", true),
            ("http://localhost", true),
            ("http://127.0.0.1.evil", false),
        ] {
            assert_eq!(Endpoint::parse(url).unwrap().is_private(), is_private, "{url}");
        }
    }

    #[test]
    fn redirects() {
        for (from, location, want) in [
            ("https://a/x/y?z", "/q", Some("https://a/q")),
            ("https://a", "/q", Some("https://a/q")),
            ("https://a/x", "https://b/q", Some("https://b/q")),
            ("https://a/x", "//b/q", Some("https://b/q")),
            ("http://a/x", "https://b/q", Some("https://b/q")),
            ("https://a/x", "http://a/q", None),
            ("https://a/x", "file:///etc/passwd", None),
            ("https://a/x", "q", None),
        ] {
            assert_eq!(redirected(from, location).as_deref(), want, "{from} {location}");
        }
    }
}
