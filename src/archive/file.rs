//! A file to read: its location and its name in output.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::name;
#[cfg(feature = "s3")]
use crate::bucket::{self, Object};

/// A file to read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// Its location. `-` alone is standard input.
    pub path: PathBuf,
    /// Its name in packet comments, as one printable word: the path named by the user, joined with
    /// the path below it.
    pub name: String,
    /// Bytes on disk, or 0 if unknown, as for a pipe.
    pub len: u64,
    /// Whether the user named this file. If so, failing to open it ends the run.
    pub is_typed: bool,
    /// Equal for two paths to the same file.
    pub(super) identity: Identity,
    /// Where its bytes are, if they are in a bucket. The path is then the location, `s3://BUCKET/KEY`.
    #[cfg(feature = "s3")]
    pub(super) object: Option<Object>,
}

/// What the location of an object begins with.
#[cfg(feature = "s3")]
const SCHEME: &str = "s3://";

/// Identifies a file regardless of its path.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Identity {
    /// Device and inode number.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix has these numbers"))]
    Inode(u64, u64),
    /// The path as it was given. Pipes have no path of their own (`/dev/fd/63`), and can be read
    /// only once.
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
            #[cfg(feature = "s3")]
            object: None,
        }
    }

    /// Returns the member at `path` inside this archive. `len` is its length there.
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

    /// Returns the file of an object at `location`, which is `s3://BUCKET/KEY`.
    #[cfg(feature = "s3")]
    pub(super) fn in_bucket(location: &str, object: Object, len: u64, is_typed: bool) -> Self {
        let below = location.strip_prefix(SCHEME).unwrap_or(location);
        Self {
            name: format!("{SCHEME}{}", name::of(Path::new(below))),
            len,
            is_typed,
            object: Some(object),
            ..Self::typed(location.into(), None)
        }
    }

    /// Whether this is standard input. A file with that name has a folder in its path (`./-`).
    pub fn is_stdin(&self) -> bool {
        self.path.as_os_str() == "-"
    }
}

/// Lets the objects among `files` be fetched ahead of their turn, in this order.
#[cfg(feature = "s3")]
pub(crate) fn read_ahead(files: &[File]) {
    let objects = files.iter().filter_map(|file| file.object.as_ref());
    bucket::fetch_ahead(objects.collect());
}
