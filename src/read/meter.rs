//! How far a run has come, for whoever shows it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::archive::File;

/// How far a run has come; another thread may look at it while it goes on.
#[derive(Debug, Default)]
pub struct Meter {
    /// Files to be read.
    pub files_total: AtomicU64,
    /// Bytes to be read; 0 if unknown.
    pub bytes_total: AtomicU64,
    /// Files read.
    pub files: AtomicU64,
    /// Bytes read.
    pub bytes: AtomicU64,
    /// Lines read.
    pub records: AtomicU64,
    /// Packets written.
    pub packets: AtomicU64,
}

impl Meter {
    pub(crate) fn expect(&self, files: &[File]) {
        let bytes = files.iter().map(|file| file.len).sum();
        self.files_total.store(files.len() as u64, Relaxed);
        self.bytes_total.store(bytes, Relaxed);
        // A run that reads twice begins anew.
        for done in [&self.files, &self.bytes, &self.records] {
            done.store(0, Relaxed);
        }
    }
}
