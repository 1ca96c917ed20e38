//! A file to read: where it is, and what it is called.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::name;

/// A file to read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// Where it is; `-` alone is standard input.
    pub path: PathBuf,
    /// What packet comments call it: the path as it was typed, joined with what
    /// was walked, as one printable word.
    pub name: String,
    /// Bytes on the disk; 0 where nobody knows, as for a pipe.
    pub len: u64,
    /// It was typed, not found: failing to open it ends the run.
    pub is_typed: bool,
    /// What two ways to the same file have in common.
    pub(super) identity: Identity,
}

/// What sets a file apart from others, whatever its path.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Identity {
    /// Device and number there.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no such numbers"))]
    Inode(u64, u64),
    /// The path as it was given: pipes have none of their own (`/dev/fd/63`), and can
    /// be read only once.
    Path(PathBuf),
}

impl Identity {
    #[cfg(unix)]
    fn of(_: &Path, metadata: &fs::Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let is_file = metadata.is_file();
        is_file.then(|| Self::Inode(metadata.dev(), metadata.ino()))
    }

    #[cfg(not(unix))]
    fn of(path: &Path, _: &fs::Metadata) -> Option<Self> {
        fs::canonicalize(path).ok().map(Self::Path)
    }
}

impl File {
    pub(crate) fn typed(path: PathBuf, metadata: Option<&fs::Metadata>) -> Self {
        let identity = metadata.and_then(|metadata| Identity::of(&path, metadata));
        Self {
            name: name::of(&path),
            identity: identity.unwrap_or_else(|| Identity::Path(path.clone())),
            path,
            len: metadata.map_or(0, fs::Metadata::len),
            is_typed: true,
        }
    }

    /// A member at `path` inside this archive; `len` is what it takes there.
    pub(super) fn member(&self, path: &Path, len: u64) -> Self {
        Self {
            name: format!("{}/{}", self.name, name::of(path)),
            len,
            is_typed: false,
            ..Self::typed(self.path.join(path), None)
        }
    }

    pub(super) fn found(path: PathBuf, metadata: &fs::Metadata) -> Self {
        Self {
            is_typed: false,
            ..Self::typed(path, Some(metadata))
        }
    }

    /// Tells whether this is standard input. A file of that name has a folder in
    /// front of it (`./-`).
    pub fn is_stdin(&self) -> bool {
        self.path.as_os_str() == "-"
    }
}
