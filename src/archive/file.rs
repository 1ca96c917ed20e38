//! A file to read: where it is, and what it is called.

use std::{fs, path::PathBuf};

use super::name;

/// A file to read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// Where it is; `-` alone is standard input.
    pub path: PathBuf,
    /// What packet comments call it: the path as it was typed, joined with what
    /// was walked, as one printable word.
    pub name: String,
    /// Octets on the disk; 0 where nobody knows, as for a pipe.
    pub len: u64,
    /// It was typed, not found: failing to open it ends the run.
    pub is_typed: bool,
}

impl File {
    pub(super) fn typed(path: PathBuf, len: u64) -> Self {
        Self {
            name: name::of(&path),
            path,
            len,
            is_typed: true,
        }
    }

    pub(super) fn found(path: PathBuf, len: u64) -> Self {
        Self {
            is_typed: false,
            ..Self::typed(path, len)
        }
    }

    /// Tells whether this is standard input. A file of that name has a folder in
    /// front of it (`./-`).
    pub fn is_stdin(&self) -> bool {
        self.path.as_os_str() == "-"
    }

    /// What two ways to the same file have in common.
    ///
    /// Pipes have no path of their own (`/dev/fd/63`), and they can be read only once,
    /// so for them and for what cannot be resolved it is the path that was given.
    pub(super) fn identity(&self) -> PathBuf {
        if self.is_stdin() {
            return self.path.clone();
        }
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }
}
