//! The page of the server: what it consists of, and that it needs no key to be loaded.

/// Whether a path belongs to the page itself; calls that it makes need a key like all others.
pub fn is_open(path: &str) -> bool {
    path == "/" || path.starts_with("/web/")
}
