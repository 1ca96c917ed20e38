//! The progress of a run.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::archive::File;

/// The progress of a run. Another thread may read it during the run.
#[derive(Debug, Default)]
pub struct Meter {
    /// Number of files to read.
    pub files_total: AtomicU64,
    /// Number of bytes to read, or 0 if unknown.
    pub bytes_total: AtomicU64,
    /// Number of files read.
    pub files: AtomicU64,
    /// Number of bytes read.
    pub bytes: AtomicU64,
    /// Number of lines read.
    pub records: AtomicU64,
    /// Number of packets written.
    pub packets: AtomicU64,
}

impl Meter {
    pub(crate) fn expect(&self, files: &[File]) {
        let bytes = files.iter().map(|file| file.len).sum();
        self.files_total.store(files.len() as u64, Relaxed);
        self.bytes_total.store(bytes, Relaxed);
        // A run that reads twice starts over.
        for done in [&self.files, &self.bytes, &self.records] {
            done.store(0, Relaxed);
        }
    }
}
