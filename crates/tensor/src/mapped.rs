//! A file mapped for reading, whose pages can be given back once they were used; or bytes that are
//! part of the program.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A read-only mapping of a whole file, or of a part of the program's own.
///
/// The mapping is private and read-only, yet another process that shortens the file while it is
/// mapped makes later reads fail with SIGBUS: a checkpoint must not be rewritten while it loads.
pub struct MappedFile {
    path: PathBuf,
    bytes: Bytes,
}

enum Bytes {
    Map(memmap2::Mmap),
    BuiltIn(&'static [u8]),
}

impl MappedFile {
    /// Maps `path`. An empty file gives an empty mapping.
    pub fn open(path: &Path) -> std::io::Result<MappedFile> {
        let file = File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(std::io::Error::other("not a regular file"));
        }
        // SAFETY: the mapping is read-only; the type's documentation names the remaining hazard.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        Ok(MappedFile { path: path.to_owned(), bytes: Bytes::Map(map) })
    }

    /// A file that is built into the program; `path` names it in messages.
    pub fn built_in(path: &Path, bytes: &'static [u8]) -> MappedFile {
        MappedFile { path: path.to_owned(), bytes: Bytes::BuiltIn(bytes) }
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Map(map) => map,
            Bytes::BuiltIn(bytes) => bytes,
        }
    }

    /// Gives the pages inside `range` back to the system: they leave this process's resident
    /// memory and stay in the file cache. Reading them again is allowed and maps them anew.
    pub fn release(&self, range: Range<usize>) {
        let Bytes::Map(map) = &self.bytes else { return };
        let page = 4096;
        let start = range.start.next_multiple_of(page);
        let end = range.end.min(map.len()) / page * page;
        if start < end {
            // SAFETY: the pages are clean and file-backed, so dropping them loses nothing. The
            // advice may be refused, which costs only memory.
            let _ = unsafe {
                map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, end - start)
            };
        }
    }
}
