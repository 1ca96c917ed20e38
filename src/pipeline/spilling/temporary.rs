//! Temporary files without names, for data that does not fit in memory.
//!
//! A file never has a name (or loses it at once, on systems that require one), so nothing of it
//! remains after the process ends, for whatever reason. It is created with the first byte. The
//! contents are defined by the code that writes them (`buckets`, `sorted_runs`).

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::error::{Error, ErrorKind, Result, TemporaryData};

/// Bytes that are collected before a write, so that the system sees few and large writes.
const PENDING_LEN: usize = 128 << 10;

/// The folder for temporary files, and how many bytes were written there.
#[derive(Debug)]
pub(crate) struct SpillFolder {
    path: PathBuf,
    spilled: AtomicU64,
}

impl SpillFolder {
    /// Uses `path` for temporary files; it must exist when the first one is created.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            spilled: AtomicU64::new(0),
        }
    }

    /// Returns the bytes written to temporary files.
    pub(crate) fn spilled(&self) -> u64 {
        self.spilled.load(Relaxed)
    }

    /// Returns the error for a temporary file that cannot be used.
    pub(crate) fn failure(&self, said: io::Error) -> Error {
        let kind = ErrorKind::NoTemporaryFile {
            what: TemporaryData::Overflow,
            folder: self.path.clone(),
            said,
        };
        kind.into()
    }
}

/// One temporary file that grows at its end and can be read anywhere.
#[derive(Debug)]
pub(crate) struct SpillFile<'a> {
    folder: &'a SpillFolder,
    file: Option<File>,
    /// Bytes in the file.
    written: u64,
    /// Bytes that are not written yet.
    pending: Vec<u8>,
}

impl<'a> SpillFile<'a> {
    /// Creates an empty file; nothing is on disk yet.
    pub(crate) fn new(folder: &'a SpillFolder) -> Self {
        Self {
            folder,
            file: None,
            written: 0,
            pending: Vec::new(),
        }
    }

    /// Returns its length in bytes, where the next append begins.
    pub(crate) fn end(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    /// Appends bytes. They can be read after [`flush`](Self::flush).
    ///
    /// # Errors
    /// The file cannot be created or written.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= PENDING_LEN {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes the collected bytes, and releases their memory.
    ///
    /// # Errors
    /// The file cannot be created or written.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return Ok(());
        }
        self.write(&pending).map_err(|e| self.folder.failure(e))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            slot => slot.insert(tempfile::tempfile_in(&self.folder.path)?),
        };
        file.seek(SeekFrom::Start(self.written))?;
        file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        let spilled = bytes.len() as u64;
        self.folder.spilled.fetch_add(spilled, Relaxed);
        Ok(())
    }

    /// Fills `bytes` with the bytes at `offset`.
    ///
    /// # Errors
    /// The file cannot be read, or is too short.
    pub(crate) fn read(&mut self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        self.read_io(offset, bytes)
            .map_err(|e| self.folder.failure(e))
    }

    fn read_io(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::UnexpectedEof)?;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appended_bytes_are_read_back_from_anywhere() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = SpillFolder::new(temporary.path());
        let mut file = SpillFile::new(&folder);
        let numbers: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        for piece in numbers.chunks(777) {
            file.append(piece).unwrap();
        }
        assert_eq!(file.end(), 400_000);
        file.flush().unwrap();
        for offset in [399_996, 4_000, 0] {
            let mut bytes = [0; 4];
            file.read(offset, &mut bytes).unwrap();
            assert_eq!(u64::from(u32::from_le_bytes(bytes)), offset / 4);
        }
        file.append(&[7; 3]).unwrap();
        file.flush().unwrap();
        let mut bytes = [0; 3];
        file.read(400_000, &mut bytes).unwrap();
        assert_eq!((bytes, folder.spilled()), ([7; 3], 400_003));
        assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
        assert!(file.read(400_000, &mut [0; 4]).is_err());
    }

    #[test]
    fn missing_folder_is_named_in_the_error() {
        let folder = SpillFolder::new(Path::new("/no/such/folder"));
        let mut file = SpillFile::new(&folder);
        file.append(&[0; 9]).unwrap();
        let error = file.flush().unwrap_err().to_string();
        assert!(error.contains("/no/such/folder"), "{error}");
    }
}
