//! The two hashes by which a hub names what it stores: SHA-256 for large files (Git LFS), git's
//! SHA-1 of a blob for small ones.

use sha1::{Digest as _, Sha1};
use sha2::Sha256;

/// What a file must hash to; also its name in the cache.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Digest {
    /// Lower case.
    hex: String,
}

impl Digest {
    /// Reads 64 hexadecimal digits of SHA-256 or 40 of git's SHA-1. Nothing else: the digits name
    /// a file.
    pub fn parse(hex: &str) -> Option<Digest> {
        let hex = hex.to_ascii_lowercase();
        let is_hash = matches!(hex.len(), 40 | 64) && hex.bytes().all(|b| b.is_ascii_hexdigit());
        is_hash.then_some(Digest { hex })
    }

    /// Reads an entity tag: `"…"` or `W/"…"`.
    pub fn from_etag(etag: &str) -> Option<Digest> {
        Digest::parse(etag.trim().trim_start_matches("W/").trim_matches('"'))
    }

    /// The digits.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// What the digits are.
    pub fn kind(&self) -> &'static str {
        if self.hex.len() == 64 { "SHA-256" } else { "git hash" }
    }

    /// A hasher for a file of this length, which is part of git's hash.
    pub fn hasher(&self, size_bytes: u64) -> Hasher {
        if self.hex.len() == 64 {
            return Hasher::Sha256(Sha256::new());
        }
        Hasher::GitBlob(Sha1::new_with_prefix(format!("blob {size_bytes}\0")))
    }
}

/// Hashes a file as it comes.
#[derive(Clone)]
pub enum Hasher {
    /// Of the bytes.
    Sha256(Sha256),
    /// Of git's header and the bytes.
    GitBlob(Sha1),
}

impl Hasher {
    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::GitBlob(hasher) => hasher.update(bytes),
        }
    }

    /// The digits of what came so far.
    pub fn hex(&self) -> String {
        let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self.clone() {
            Hasher::Sha256(hasher) => digits(&hasher.finalize()),
            Hasher::GitBlob(hasher) => digits(&hasher.finalize()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_sha256sum_and_git_do() {
        // `printf hello | sha256sum`, `printf hello | git hash-object --stdin`.
        for hex in [
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0",
        ] {
            let mut hasher = Digest::parse(hex).unwrap().hasher(5);
            hasher.update(b"hel");
            hasher.update(b"lo");
            assert_eq!(hasher.hex(), hex);
        }
    }

    #[test]
    fn only_hashes_are_digests() {
        assert!(Digest::from_etag(&format!("W/\"{}\"", "A".repeat(40))).is_some());
        for bad in [
            "",
            "../../x",
            "abc",
            &"g".repeat(40),
            &"a".repeat(63),
            &format!("{}/", "a".repeat(39)),
        ] {
            assert_eq!(Digest::from_etag(bad), None, "{bad}");
        }
    }
}
