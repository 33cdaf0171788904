//! The cache that programs share: `models--OWNER--NAME/`, or `datasets--…`, with `blobs/` by hash, `snapshots/` by
//! commit, made of links to blobs, and `refs/`, files that name a commit.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::digest::Digest;
use crate::error::{HubError, Result};
use crate::listing::RemoteFile;
use crate::name::{ModelName, is_commit};
use crate::retry::sleep;

/// How often a lock that another program holds is tried.
const LOCK_POLL: Duration = Duration::from_millis(200);

/// The folder that `HF_HUB_CACHE` names.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Where it is; it need not exist.
    pub root: PathBuf,
}

impl Cache {
    /// The folder of a model that was pulled; `None` if this revision was not.
    pub fn find(&self, name: &ModelName) -> Option<PathBuf> {
        let repository = self.repository(name);
        let commit = match is_commit(&name.revision) {
            true => name.revision.clone(),
            false => fs::read_to_string(repository.reference(&name.revision)).ok()?,
        };
        let commit = commit.trim();
        let snapshot = is_commit(commit).then(|| repository.snapshot(commit))?;
        snapshot.is_dir().then_some(snapshot)
    }

    pub(crate) fn repository(&self, name: &ModelName) -> RepositoryCache {
        // Names have no `--` of their own, so no two models share a folder.
        let folder = format!("{}--{}", name.shelf(), name.repository.replace('/', "--"));
        let locks = self.root.join(".locks").join(&folder);
        RepositoryCache { dir: self.root.join(folder), locks }
    }
}

/// The part of the cache that is one model's.
pub(crate) struct RepositoryCache {
    dir: PathBuf,
    locks: PathBuf,
}

impl RepositoryCache {
    /// Makes the folders.
    pub fn create(&self) -> Result<()> {
        for dir in [&self.dir.join("blobs"), &self.dir.join("refs"), &self.locks] {
            fs::create_dir_all(dir).map_err(HubError::io(dir))?;
        }
        Ok(())
    }

    pub fn blobs(&self) -> PathBuf {
        self.dir.join("blobs")
    }

    pub fn blob(&self, digest: &Digest) -> PathBuf {
        self.dir.join("blobs").join(digest.hex())
    }

    /// What has arrived of a blob; other programs call it so, too, and go on with it.
    pub fn incomplete(&self, digest: &Digest) -> PathBuf {
        self.dir.join("blobs").join(format!("{}.incomplete", digest.hex()))
    }

    fn reference(&self, revision: &str) -> PathBuf {
        self.dir.join("refs").join(revision)
    }

    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.dir.join("snapshots").join(commit)
    }

    /// Bytes of a file that are here: all of them, or those that arrived. A file of another
    /// length, or anything that is no file, is refused: replacing it could harm who uses it.
    pub fn kept_bytes(&self, file: &RemoteFile) -> Result<u64> {
        let blob = self.blob(&file.digest);
        match fs::symlink_metadata(&blob) {
            Ok(found) if found.is_file() && found.len() == file.size_bytes => {
                return Ok(found.len());
            }
            Ok(found) => {
                let why = match found.is_file() {
                    true => "the cached file has not the length that the hub lists",
                    false => "is no regular file",
                };
                return Err(HubError::CacheEntry { path: blob, why });
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(HubError::io(&blob)(error)),
        }
        let arrived =
            fs::symlink_metadata(self.incomplete(&file.digest)).map_or(0, |found| found.len());
        Ok(if arrived <= file.size_bytes { arrived } else { 0 })
    }

    /// Whether all of a file is here.
    pub fn has(&self, file: &RemoteFile) -> Result<bool> {
        let is_there = fs::symlink_metadata(self.blob(&file.digest)).is_ok();
        Ok(is_there && self.kept_bytes(file)? == file.size_bytes)
    }

    /// Waits until no other program fetches this blob. The lock is the one that `huggingface_hub`
    /// takes, and ends with the process.
    pub fn lock(&self, digest: &Digest, stop: &AtomicBool, on_wait: impl Fn()) -> Result<File> {
        let path = self.locks.join(format!("{}.lock", digest.hex()));
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(HubError::io(&path))?;
        let mut is_told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(fs::TryLockError::WouldBlock) if is_told => {}
                Err(fs::TryLockError::WouldBlock) => {
                    on_wait();
                    is_told = true;
                }
                Err(fs::TryLockError::Error(error)) => return Err(HubError::io(&path)(error)),
            }
            sleep(LOCK_POLL, stop)?;
        }
    }

    /// Links a commit's files to their blobs, then lets the revision name the commit: so a
    /// revision never names what is not complete. Returns the folder.
    pub fn publish(&self, revision: &str, commit: &str, files: &[RemoteFile]) -> Result<PathBuf> {
        let snapshot = self.snapshot(commit);
        fs::create_dir_all(&snapshot).map_err(HubError::io(&snapshot))?;
        for file in files {
            let place = snapshot.join(&file.name);
            let depth = file.name.matches('/').count();
            if let Some(folder) = place.parent().filter(|_| depth > 0) {
                fs::create_dir_all(folder).map_err(HubError::io(folder))?;
            }
            let up = "../".repeat(depth + 2);
            link(&self.dir, &Path::new(&up).join("blobs").join(file.digest.hex()), &place)?;
        }
        if revision != commit {
            let reference = self.reference(revision);
            let parent = reference.parent().unwrap_or(&self.dir);
            fs::create_dir_all(parent).map_err(HubError::io(parent))?;
            write_reference(parent, &reference, commit).map_err(HubError::io(&reference))?;
        }
        Ok(snapshot)
    }
}

/// Makes a link at once, or leaves the one that is right.
fn link(dir: &Path, target: &Path, place: &Path) -> Result<()> {
    if fs::read_link(place).is_ok_and(|found| found == target) {
        return Ok(());
    }
    let made = tempfile::Builder::new().prefix(".link").make_in(dir, |path| symlink(target, path));
    let made = made.map_err(HubError::io(place))?.into_temp_path();
    made.persist(place).map_err(|error| HubError::io(place)(error.error))
}

fn write_reference(dir: &Path, reference: &Path, commit: &str) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    // Readable as the user's umask says: a cache may be shared.
    let permissions = fs::Permissions::from_mode(0o666);
    let mut file =
        tempfile::Builder::new().prefix(".ref").permissions(permissions).tempfile_in(dir)?;
    file.write_all(commit.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(reference).map_err(|error| error.error)?;
    Ok(())
}
