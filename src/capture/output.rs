//! Where the capture goes: a file that appears whole or not at all, or a pipe.
//!
//! A file is written under another name beside its target and renamed at the end,
//! so nobody ever opens half a capture, an older capture stays until the new one
//! is whole, and a run that fails leaves nothing behind. What a run that was killed
//! leaves is removed by the next one that writes to the folder. What cannot be
//! renamed (standard output, a pipe, a device) is written directly.
//!
//! A new file may be used by whom any new file may; one that replaces another, by whom
//! that one might, and a link to it stays a link.
//!
//! The rename is atomic against other programs, not against a power cut: nothing
//! is synced to disk, since the archive can be converted again.

mod access;
mod parts;
mod publish;
mod sink;
mod stale;
mod target;
mod unfinished;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

pub use self::parts::{Parts, Stored};
use self::{sink::Sink, target::Target, unfinished::Unfinished};
use super::Compression;
use crate::error::{Error, ErrorKind, Result};

/// What there is of a run's output at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// No file.
    Nothing,
    /// A pipe or a device has been opened, and may have got a part.
    Cut,
    /// All of it.
    Whole,
}

/// An open output. Dropped before [`finish`](Self::finish), it leaves no file.
#[derive(Debug)]
pub struct Output {
    /// As messages name it.
    path: PathBuf,
    sink: Sink,
    /// What waits to be renamed; `None` for what is written directly.
    unfinished: Option<Unfinished>,
}

impl Output {
    /// Opens `path`, or standard output for `-`, compressing as its ending asks.
    ///
    /// `inputs` are the files that the run reads (not the folders they were found
    /// in); the output may be none of them, by whatever name or link.
    ///
    /// # Errors
    /// [`Usage`](ErrorKind::Usage) if `path` cannot become a capture: it is an
    /// input, a folder or a terminal, its folder is missing or not writable. The
    /// message says what to do. [`Io`](ErrorKind::Io) for any other refusal.
    ///
    /// # Examples
    /// ```
    /// use flow2pcap::capture::Output;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("out.pcapng");
    /// let mut output = Output::create(&path, &[])?;
    /// output.write_all(b"some blocks")?;
    /// assert!(!path.exists());
    /// assert_eq!(output.finish()?, 11);
    /// assert_eq!(std::fs::read(&path)?, b"some blocks");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(path: &Path, inputs: &[PathBuf]) -> Result<Self> {
        let (shown, file, unfinished) = match Target::find(path, inputs)? {
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
            unfinished::written_directly(Left::Cut);
        }
        let sink = Sink::new(file, Compression::of(path));
        let sink = sink.map_err(|e| Error::io("compress", &shown, e))?;
        Ok(Self {
            path: shown,
            sink,
            unfinished,
        })
    }

    /// Writes `octets` after what was written before.
    ///
    /// Small pieces are collected, so that the system sees few and large writes.
    ///
    /// # Errors
    /// [`ReaderGone`](ErrorKind::ReaderGone) if a pipe has no reader any more;
    /// [`NoRoom`](ErrorKind::NoRoom) if the disk is full or a limit reached;
    /// [`Io`](ErrorKind::Io) if it fails. No file is left then.
    pub fn write_all(&mut self, octets: &[u8]) -> Result<()> {
        self.sink
            .write_all(octets)
            .map_err(|e| failed(&self.path, e))
    }

    /// Writes what is still collected and gives the file its name. Returns its
    /// length, in octets as stored.
    ///
    /// # Errors
    /// As [`write_all`](Self::write_all), or [`Io`](ErrorKind::Io) if the file
    /// cannot be renamed. No file is left then.
    pub fn finish(self) -> Result<u64> {
        let file_len = self.sink.finish().map_err(|e| failed(&self.path, e))?;
        match self.unfinished {
            Some(unfinished) => unfinished.publish()?,
            None => unfinished::written_directly(Left::Whole),
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
        unfinished::abandon_all()
    }

    /// Removes the unfinished files, like [`abandon_all`](Self::abandon_all), but where that would
    /// have to wait: then the next run removes them.
    ///
    /// For a process that is about to end in the midst of anything. Needs no memory.
    pub fn abandon_where_free() {
        unfinished::abandon_where_free();
    }
}

/// As messages name it.
const STDOUT: &str = "standard output";

fn failed(path: &Path, source: io::Error) -> Error {
    if source.kind() == io::ErrorKind::BrokenPipe {
        return ErrorKind::ReaderGone {
            path: path.to_owned(),
        }
        .into();
    }
    if [
        io::ErrorKind::StorageFull,
        io::ErrorKind::QuotaExceeded,
        io::ErrorKind::FileTooLarge,
    ]
    .contains(&source.kind())
    {
        return ErrorKind::NoRoom {
            path: path.to_owned(),
            said: source,
        }
        .into();
    }
    Error::io("write", path, source)
}

#[cfg(test)]
mod tests;
