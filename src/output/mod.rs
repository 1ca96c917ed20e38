//! Where what is made goes: a file that appears whole or not at all, several of them, or a pipe.
//!
//! A file is written under another name beside its target and renamed at the end,
//! so nobody ever opens half of it, an older file stays until the new one
//! is whole, and a run that fails leaves nothing behind. What a run that was killed
//! leaves is removed by the next one that writes to the folder. What cannot be
//! renamed (standard output, a pipe, a device) is written directly.
//!
//! A new file may be used by whom any new file may; one that replaces another, by whom
//! that one might, and a link to it stays a link.
//!
//! The rename is atomic against other programs, not against a power cut: nothing
//! is synced to disk, since the archive can be read again.
//!
//! What is in a file is its writer's business: a capture, a page, an index.

mod access;
mod compression;
mod parts;
mod passing_name;
mod publish;
mod register;
mod stale;
mod target;
mod unfinished;

use std::{
    fs::File,
    path::{Path, PathBuf},
};

pub use self::{
    compression::Compression,
    parts::{PartFiles, PartNames, StoredPart},
    register::Left,
};
use self::{
    compression::Compressor,
    register::REGISTER,
    target::{STDOUT, Target},
    unfinished::Unfinished,
};
use crate::error::{Error, Result};

/// An open output. Dropped before [`finish`](Self::finish), it leaves no file.
#[derive(Debug)]
pub struct Output {
    /// As messages name it.
    path: PathBuf,
    compressor: Compressor,
    /// What waits to be renamed; `None` for what is written directly.
    unfinished: Option<Unfinished>,
}

impl Output {
    /// Opens `path`, or standard output for `-`, compressing as its ending asks.
    ///
    /// `inputs` are the files that the run reads (not the folders they were found
    /// in); the output may be none of them, by whatever name or link. `example` is a name for
    /// such a file, which a message suggests.
    ///
    /// # Errors
    /// [`Usage`](crate::error::ErrorKind::Usage) if `path` cannot become a file: it is an
    /// input, a folder or a terminal, its folder is missing or not writable. The
    /// message says what to do. [`Io`](crate::error::ErrorKind::Io) for any other refusal.
    ///
    /// # Examples
    /// ```
    /// use flow2pcap::output::Output;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("page.html");
    /// let mut output = Output::create(&path, "page.html", &[])?;
    /// output.write_all(b"some lines")?;
    /// assert!(!path.exists());
    /// assert_eq!(output.finish()?, 10);
    /// assert_eq!(std::fs::read(&path)?, b"some lines");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(path: &Path, example: &str, inputs: &[PathBuf]) -> Result<Self> {
        let (shown, file, unfinished) = match Target::find(path, example, inputs)? {
            Target::Stdout => (PathBuf::from(STDOUT), target::stdout(inputs)?, None),
            Target::Direct => {
                let file = File::options().write(true).open(path);
                let file = file.map_err(|e| Error::io("open", path, e))?;
                (path.to_owned(), file, None)
            }
            Target::Beside(target) => {
                let unfinished = Unfinished::beside(target)?;
                let file = unfinished.open().map_err(|e| Error::io("open", path, e))?;
                (path.to_owned(), file, Some(unfinished))
            }
        };
        if unfinished.is_none() {
            REGISTER.note_written_directly(Left::Cut);
        }
        let compressor = Compressor::new(file, Compression::of(path));
        let compressor = compressor.map_err(|e| Error::io("compress", &shown, e))?;
        Ok(Self {
            path: shown,
            compressor,
            unfinished,
        })
    }

    /// Writes `bytes` after what was written before.
    ///
    /// Small pieces are collected, so that the system sees few and large writes.
    ///
    /// # Errors
    /// [`ReaderGone`](crate::error::ErrorKind::ReaderGone) if a pipe has no reader any more;
    /// [`NoRoom`](crate::error::ErrorKind::NoRoom) if the disk is full or a limit reached;
    /// [`Io`](crate::error::ErrorKind::Io) if it fails. No file is left then.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        self.compressor
            .write_all(bytes)
            .map_err(|e| Error::write(&self.path, e))
    }

    /// Writes what is still collected and gives the file its name. Returns its
    /// length, in bytes as stored.
    ///
    /// # Errors
    /// As [`write_all`](Self::write_all), or [`Io`](crate::error::ErrorKind::Io) if the file
    /// cannot be renamed. No file is left then.
    pub fn finish(self) -> Result<u64> {
        let file_len = self
            .compressor
            .finish()
            .map_err(|e| Error::write(&self.path, e))?;
        match self.unfinished {
            Some(unfinished) => publish::one(unfinished)?,
            None => REGISTER.note_written_directly(Left::Whole),
        }
        Ok(file_len)
    }

    /// Removes the unfinished file of every output of this process, and lets no
    /// output be created or finished any more. Returns what there is of the latest.
    ///
    /// For the thread that hears of SIGINT and SIGTERM, which exits next: an exit
    /// runs no destructors. It takes a lock, so it must not run inside a bare
    /// signal handler.
    pub fn abandon_all() -> Left {
        REGISTER.abandon()
    }

    /// Removes the unfinished files, like [`abandon_all`](Self::abandon_all), but where that would
    /// have to wait: then the next run removes them.
    ///
    /// For a process that is about to end in the midst of anything. Needs no memory.
    pub fn abandon_where_free() {
        REGISTER.abandon_where_free();
    }
}

#[cfg(test)]
mod tests;
