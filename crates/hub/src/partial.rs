//! A file that is arriving: what came is on disk and in the hash, so a broken transfer goes on
//! where it broke, in this run or the next.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::digest::Hasher;
use crate::error::{HubError, Result};
use crate::listing::RemoteFile;

/// Small against a shard, large against a system call.
pub(crate) const CHUNK_BYTES: usize = 256 << 10;

/// The bytes of a file that have arrived.
pub(crate) struct Partial {
    path: PathBuf,
    file: File,
    hasher: Hasher,
    fresh: Hasher,
    /// How many there are; the file ends there.
    pub len_bytes: u64,
}

impl Partial {
    /// Opens what has arrived and hashes it.
    pub fn open(path: PathBuf, remote: &RemoteFile) -> Result<Partial> {
        // Not through a link: the bytes would land where it points.
        let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).custom_flags(no_follow);
        let file = options.open(&path).map_err(HubError::io(&path))?;
        let fresh = remote.digest.hasher(remote.size_bytes);
        let mut partial = Partial { path, file, hasher: fresh.clone(), fresh, len_bytes: 0 };
        let found = partial.file.metadata().map_err(HubError::io(&partial.path))?;
        if !found.is_file() {
            return Err(HubError::CacheEntry { path: partial.path, why: "is no regular file" });
        }
        if found.len() > remote.size_bytes {
            partial.restart()?;
        } else {
            partial.hash_what_is_there().map_err(HubError::io(&partial.path))?;
        }
        Ok(partial)
    }

    fn hash_what_is_there(&mut self) -> std::io::Result<()> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let n = self.file.read(&mut chunk)?;
            if n == 0 {
                return Ok(());
            }
            self.hasher.update(&chunk[..n]);
            self.len_bytes += n as u64;
        }
    }

    /// Adds what came next.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(HubError::io(&self.path))?;
        self.hasher.update(bytes);
        self.len_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Forgets everything.
    pub fn restart(&mut self) -> Result<()> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(HubError::io(&self.path))?;
        self.hasher = self.fresh.clone();
        self.len_bytes = 0;
        Ok(())
    }

    /// The hash of what there is.
    pub fn hash(&self) -> String {
        self.hasher.hex()
    }

    /// Gives the file its final name, once its bytes are on the disk.
    pub fn publish(self, blob: &Path) -> Result<()> {
        self.file.sync_all().map_err(HubError::io(&self.path))?;
        std::fs::rename(&self.path, blob).map_err(HubError::io(blob))?;
        let dir = blob.parent().unwrap_or(blob);
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(HubError::io(dir))
    }

    /// Leaves nothing behind.
    pub fn discard(self) -> Result<()> {
        std::fs::remove_file(&self.path).map_err(HubError::io(&self.path))
    }
}
