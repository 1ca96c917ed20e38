//! What the tests of this module share: folders of files.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A folder that goes away with the test.
pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn join(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }

    /// Writes a file, and the folders around it.
    pub(super) fn write(&self, path: &str, octets: &[u8]) -> PathBuf {
        let path = self.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, octets).unwrap();
        path
    }
}
