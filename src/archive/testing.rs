//! What the tests of this module share: compressing, and folders of files.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

/// One gzip member.
pub(super) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// One zstd frame.
pub(super) fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 1).unwrap()
}

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
    pub(super) fn write(&self, path: &str, bytes: &[u8]) -> PathBuf {
        let path = self.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}
