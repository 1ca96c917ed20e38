//! Output files: a file that appears whole or not at all, several such files, a folder of them, or a
//! pipe.
//!
//! A file is written under a temporary name next to its target and renamed at the end. So nobody
//! opens a partial file, an older file stays until the new one is complete, and a failed run leaves
//! nothing. Files left by a run that was killed are removed by the next run that writes to the
//! folder. An object of a bucket is sent at the end. Targets that cannot be renamed (standard output, a pipe, a device) are written directly.
//!
//! A new file has the access of any new file. A file that replaces another one has the access of
//! that file, and a link to it stays a link.
//!
//! The rename is atomic with respect to other programs, not to a power failure: nothing is synced
//! to disk, because the archive can be read again.
//!
//! The writer decides the contents of a file: a capture, a page, an index.

mod access;
mod compression;
mod folder;
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
    folder::{FolderFile, OutputFolder},
    parts::{PartFiles, PartNames, StoredPart},
    register::Left,
};
use self::{
    compression::Compressor,
    register::REGISTER,
    target::{STDOUT, Target},
    unfinished::Unfinished,
};
#[cfg(feature = "s3")]
use crate::bucket::Upload;
use crate::error::{Error, Result};

/// An open output. Dropped before [`finish`](Self::finish), it leaves no file.
#[derive(Debug)]
pub struct Output {
    /// The name in messages.
    path: PathBuf,
    compressor: Compressor,
    /// The unfinished file to be renamed; `None` for targets written directly, and in a bucket.
    unfinished: Option<Unfinished>,
    /// Where the bytes go at the end, and the file without a name that they are in until then.
    #[cfg(feature = "s3")]
    upload: Option<Box<(Upload, File)>>,
}

impl Output {
    /// Opens `path`, or standard output for `-`, with the compression for its extension.
    ///
    /// `inputs` are the files that the run reads (not the folders in which they were found); the
    /// output must not be one of them, under any name or link. `example` is a name for such a file,
    /// which a message suggests.
    ///
    /// # Errors
    /// Returns [`Usage`](crate::error::ErrorKind::Usage) if `path` cannot become a file: it is an
    /// input, a folder or a terminal, or its folder is missing or not writable. The message says
    /// what to do. Returns [`Io`](crate::error::ErrorKind::Io) for any other failure.
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
        #[cfg(feature = "s3")]
        let mut upload = None;
        let (shown, file, unfinished) = match Target::find(path, example, inputs)? {
            #[cfg(feature = "s3")]
            Target::Object(location) => {
                let object = Upload::new(&location).map_err(|e| Error::io("write", path, e))?;
                let file = tempfile::tempfile().map_err(|e| Error::io("store", path, e))?;
                let copy = file.try_clone().map_err(|e| Error::io("store", path, e))?;
                upload = Some(Box::new((object, copy)));
                (path.to_owned(), file, None)
            }
            Target::Stdout => (PathBuf::from(STDOUT), target::stdout(inputs)?, None),
            Target::Direct => {
                let file = File::options().write(true).open(path);
                let file = file.map_err(|e| Error::io("open", path, e))?;
                (path.to_owned(), file, None)
            }
            Target::File(target) => {
                let unfinished = Unfinished::new(target)?;
                let file = unfinished.open().map_err(|e| Error::io("open", path, e))?;
                (path.to_owned(), file, Some(unfinished))
            }
        };
        #[cfg(feature = "s3")]
        let is_direct = unfinished.is_none() && upload.is_none();
        #[cfg(not(feature = "s3"))]
        let is_direct = unfinished.is_none();
        if is_direct {
            REGISTER.note_written_directly(Left::Cut);
        }
        let compressor = Compressor::new(file, Compression::of(path));
        let compressor = compressor.map_err(|e| Error::io("compress", &shown, e))?;
        Ok(Self {
            path: shown,
            compressor,
            unfinished,
            #[cfg(feature = "s3")]
            upload,
        })
    }

    /// Lets [`finish`](Self::finish) fail if another file has the name by then. That file stays.
    #[must_use]
    pub(crate) fn keeping_existing(mut self) -> Self {
        if let Some(unfinished) = &mut self.unfinished {
            unfinished.keeps_existing = true;
        }
        self
    }

    /// Appends `bytes` to the output.
    ///
    /// Small pieces are buffered, so that the system gets a few large writes.
    ///
    /// # Errors
    /// Returns [`ReaderGone`](crate::error::ErrorKind::ReaderGone) if a pipe has no reader any
    /// more; [`NoRoom`](crate::error::ErrorKind::NoRoom) if the disk is full or a limit is reached;
    /// [`Io`](crate::error::ErrorKind::Io) for other failures. No file is left in that case.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        self.compressor
            .write_all(bytes)
            .map_err(|e| Error::write(&self.path, e))
    }

    /// Writes the buffered bytes and gives the file its name. Returns its length in bytes as
    /// stored.
    ///
    /// # Errors
    /// Returns the errors of [`write_all`](Self::write_all), or [`Io`](crate::error::ErrorKind::Io)
    /// if the file cannot be renamed. No file is left in that case.
    pub fn finish(self) -> Result<u64> {
        let file_len = self
            .compressor
            .finish()
            .map_err(|e| Error::write(&self.path, e))?;
        #[cfg(feature = "s3")]
        if let Some(upload) = self.upload {
            let (object, file) = *upload;
            let sent = object.send(file);
            sent.map_err(|e| Error::io("write", &self.path, e))?;
            return Ok(file_len);
        }
        match self.unfinished {
            Some(unfinished) => publish::one(unfinished)?,
            None => REGISTER.note_written_directly(Left::Whole),
        }
        Ok(file_len)
    }

    /// Removes the unfinished file of every output of this process, and prevents further outputs
    /// from being created or finished. Returns the state of the latest output.
    ///
    /// For the thread that receives SIGINT and SIGTERM, which exits next: an exit runs no
    /// destructors. It takes a lock, so it must not run inside a bare signal handler.
    pub fn abandon_all() -> Left {
        REGISTER.abandon()
    }

    /// Removes the unfinished files, like [`abandon_all`](Self::abandon_all), but does nothing
    /// where that would have to wait; the next run then removes them.
    ///
    /// For a process that is about to end at any point. Needs no memory.
    pub fn abandon_where_free() {
        REGISTER.abandon_where_free();
    }
}

#[cfg(test)]
mod tests;
