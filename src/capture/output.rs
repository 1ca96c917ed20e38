//! Where the capture goes: a file that appears whole or not at all, or a pipe.
//!
//! A file is written under another name beside its target and renamed at the end,
//! so nobody ever opens half a capture, an older capture stays until the new one
//! is whole, and a run that fails leaves nothing behind. What cannot be renamed
//! (standard output, a pipe, a device) is written directly.
//!
//! The rename is atomic against other programs, not against a power cut: nothing
//! is synced to disk, since the archive can be converted again.

mod parts;
mod sink;
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
            Target::Stdout => (PathBuf::from("standard output"), target::stdout()?, None),
            Target::Direct => {
                let file = File::options().write(true).open(path);
                let file = file.map_err(|e| Error::io("open", path, e))?;
                (path.to_owned(), file, None)
            }
            Target::Beside(target) => {
                let (file, unfinished) = Unfinished::beside(target)?;
                (path.to_owned(), file, Some(unfinished))
            }
        };
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
    /// [`Io`](ErrorKind::Io) if the disk is full or fails. No file is left then.
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
        if let Some(unfinished) = self.unfinished {
            unfinished.publish()?;
        }
        Ok(file_len)
    }

    /// Removes the unfinished file of every output of this process, and lets no
    /// output be created or finished any more.
    ///
    /// For the thread that handles SIGINT and SIGTERM, which exits next: an exit
    /// runs no destructors. It takes a lock, so it must not run inside a bare
    /// signal handler; the `ctrlc` crate calls from a thread.
    pub fn abandon_all() {
        unfinished::abandon_all();
    }
}

fn failed(path: &Path, source: io::Error) -> Error {
    if source.kind() == io::ErrorKind::BrokenPipe {
        return ErrorKind::ReaderGone {
            path: path.to_owned(),
        }
        .into();
    }
    Error::io("write", path, source)
}

#[cfg(test)]
mod tests;
