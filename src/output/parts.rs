//! Several files in one folder, and an index of them: all of them appear, or none.
//!
//! Any number of parts may grow at once, and none is kept open: written bytes are buffered in
//! memory and appended to the parts' files from time to time. A part is compressed when it is
//! complete. Zstandard frames and gzip members may follow each other (RFC 8878 section 3, RFC 1952
//! section 2.2), but Wireshark 4.0 reads only the first frame.
//!
//! The caller decides what a part is, and what the index says about it.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::{
    compression::{Compression, Compressor},
    publish,
    target::{self, Target},
    unfinished::Unfinished,
};
use crate::error::{Error, Result};
use crate::printable::shown;

/// Buffered bytes above which they are appended to the files.
const PENDING_MAX: usize = 8 << 20;

/// Bytes of a part that are compressed at a time.
const COPY_LEN: usize = 1 << 20;

/// The maximum number of parts: a folder with more files is not usable.
const PARTS_MAX: usize = 10_000;

/// The names of several files in one folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartNames<'a> {
    /// The path given for the whole. No part has this name.
    pub whole: &'a Path,
    /// The beginning of all names.
    pub stem: &'a str,
    /// The end of the names of parts, including the compression.
    pub ending: &'a str,
    /// An example name for such a file, which a message suggests.
    pub example: &'a str,
}

/// Several files that belong together, before they have their names.
#[derive(Debug)]
pub struct PartFiles {
    folder: PathBuf,
    /// The beginning of all names.
    stem: String,
    /// The end of their names, including the compression.
    ending: String,
    example: String,
    inputs: Vec<PathBuf>,
    parts: Vec<PartFile>,
    pending_len: usize,
    index: Unfinished,
    index_path: PathBuf,
}

/// A part that is being written.
#[derive(Debug)]
struct PartFile {
    path: PathBuf,
    unfinished: Unfinished,
    pending: Vec<u8>,
    /// Bytes written, before compression.
    len: u64,
}

/// A finished part with its final name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPart {
    /// Its path, in the folder of the path given for the whole.
    pub path: PathBuf,
    /// Its length in bytes, after compression.
    pub stored_len: u64,
}

impl PartFiles {
    /// Prepares parts: for the stem `out` and the ending `.txt` these are `out-NAME.txt`, and the
    /// index is `out.csv`.
    ///
    /// `inputs` are the files that the run reads; no part may be one of them.
    ///
    /// # Errors
    /// Returns [`Usage`](crate::error::ErrorKind::Usage) if the index cannot be written: its folder
    /// is missing or does not allow new files, or it is an input.
    pub fn create(names: PartNames<'_>, inputs: &[PathBuf]) -> Result<Self> {
        let PartNames {
            whole,
            stem,
            ending,
            example,
        } = names;
        let index_path = whole.with_file_name(format!("{stem}.csv"));
        Ok(Self {
            folder: target::folder(whole).to_owned(),
            stem: stem.to_owned(),
            ending: ending.to_owned(),
            example: example.to_owned(),
            inputs: inputs.to_vec(),
            parts: Vec::new(),
            pending_len: 0,
            index: Unfinished::new(real(&index_path, example, inputs)?)?,
            index_path,
        })
    }

    /// Begins the part with this name with `bytes`; returns its number.
    ///
    /// # Errors
    /// Returns the errors of [`create`](Self::create), or an error if there are too many parts.
    pub fn begin(&mut self, name: &str, bytes: &[u8]) -> Result<usize> {
        if self.parts.len() == PARTS_MAX {
            return Err(Error::usage(format!(
                "more than {PARTS_MAX} parts; make them larger, or convert fewer records"
            )));
        }
        let path = self
            .folder
            .join(format!("{}-{name}{}", self.stem, self.ending));
        self.parts.push(PartFile {
            unfinished: self
                .index
                .followed_by(real(&path, &self.example, &self.inputs)?)?,
            path,
            pending: Vec::new(),
            len: 0,
        });
        let number = self.parts.len() - 1;
        self.write(number, bytes)?;
        Ok(number)
    }

    /// Appends `bytes` to a part.
    ///
    /// # Errors
    /// Returns [`NoRoom`](crate::error::ErrorKind::NoRoom) if the disk is full or a limit is
    /// reached, [`Io`](crate::error::ErrorKind::Io) for other failures. No file is left in that
    /// case.
    pub fn write(&mut self, part: usize, bytes: &[u8]) -> Result<()> {
        let part = &mut self.parts[part];
        part.pending.extend_from_slice(bytes);
        part.len += bytes.len() as u64;
        self.pending_len += bytes.len();
        if self.pending_len >= PENDING_MAX {
            self.append_pending()?;
        }
        Ok(())
    }

    /// Returns the number of bytes written to a part, before compression.
    pub fn len(&self, part: usize) -> u64 {
        self.parts[part].len
    }

    /// Returns the number of parts begun.
    pub fn count(&self) -> usize {
        self.parts.len()
    }

    /// Returns the future path of the index.
    pub fn index_path(&self) -> &Path {
        &self.index_path
    }

    /// Writes the buffered bytes, and the index that `index` builds from the parts in the order in
    /// which they were begun; then gives all of them their names.
    ///
    /// # Errors
    /// Returns the errors of [`write`](Self::write), or [`Io`](crate::error::ErrorKind::Io) if a
    /// file cannot be renamed: then no new file has its name, and older files have theirs. Without
    /// hard links older files cannot be restored, and the [`Usage`](crate::error::ErrorKind::Usage)
    /// message names the files that exist.
    pub fn finish(
        mut self,
        index: impl FnOnce(&[StoredPart]) -> String,
    ) -> Result<Vec<StoredPart>> {
        self.append_pending()?;
        let mut stored = Vec::with_capacity(self.parts.len());
        for part in &mut self.parts {
            stored.push(part.pack(Compression::of(&part.path), &self.index)?);
        }
        append(&self.index, &self.index_path, index(&stored).as_bytes())?;
        let parts = self.parts.into_iter().map(|part| part.unfinished);
        publish::all(parts.chain([self.index]).collect())?;
        Ok(stored)
    }

    fn append_pending(&mut self) -> Result<()> {
        for part in self
            .parts
            .iter_mut()
            .filter(|part| !part.pending.is_empty())
        {
            // Taken, so that thousands of parts do not keep buffers that few of them need.
            let pending = std::mem::take(&mut part.pending);
            append(&part.unfinished, &part.path, &pending)?;
        }
        self.pending_len = 0;
        Ok(())
    }
}

impl PartFile {
    /// Compresses a part's bytes as one stream into another file, next to `index`; returns the
    /// stored part.
    fn pack(&mut self, how: Compression, index: &Unfinished) -> Result<StoredPart> {
        let mut stored_len = self.len;
        if how != Compression::None {
            let packed = index.followed_by(self.unfinished.target.clone())?;
            let whole = self.unfinished.read();
            let copied = whole.and_then(|mut whole| {
                let mut compressor = Compressor::new(packed.open()?, how)?;
                let mut buffer = vec![0; COPY_LEN];
                loop {
                    match whole.read(&mut buffer)? {
                        0 => return compressor.finish(),
                        len => compressor.write_all(&buffer[..len])?,
                    }
                }
            });
            stored_len = copied.map_err(|e| Error::write(&self.path, e))?;
            self.unfinished = packed;
        }
        Ok(StoredPart {
            path: self.path.clone(),
            stored_len,
        })
    }
}

/// Returns the final path of the file that `path` leads to.
fn real(path: &Path, example: &str, inputs: &[PathBuf]) -> Result<PathBuf> {
    match Target::find(path, example, inputs)? {
        #[cfg(feature = "s3")]
        Target::Object(_) => Err(target::no_object(path)),
        Target::File(target) => Ok(target),
        Target::Stdout | Target::Direct => Err(Error::usage(format!(
            "{} is a pipe or a device, but a part of the capture needs this name; choose another name",
            shown(path)
        ))),
    }
}

/// Appends `bytes`. Messages use the name `path`.
fn append(to: &Unfinished, path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = to.open().map_err(|e| Error::io("open", path, e))?;
    file.write_all(bytes).map_err(|e| Error::write(path, e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Creates parts called `out`, with this ending.
    fn parts(folder: &Path, ending: &str) -> Result<PartFiles> {
        let names = PartNames {
            whole: &folder.join(format!("out{ending}")),
            stem: "out",
            ending,
            example: "file.log",
        };
        PartFiles::create(names, &[])
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn parts_and_index_appear_together_and_hold_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut parts = parts(folder.path(), ".LOG").unwrap();
        let (a, b) = (
            parts.begin("a", b"A").unwrap(),
            parts.begin("b", b"B").unwrap(),
        );
        // More than is buffered at once, alternately to both parts.
        let large = vec![b'x'; PENDING_MAX - 1];
        parts.write(a, &large).unwrap();
        parts.write(b, b"1").unwrap();
        parts.write(a, b"2").unwrap();
        assert_eq!((parts.len(a), parts.count()), (large.len() as u64 + 2, 2));
        assert!(
            names(folder.path())
                .iter()
                .all(|name| name.starts_with(".flow2pcap-"))
        );
        let stored = parts
            .finish(|parts| format!("{} parts", parts.len()))
            .unwrap();
        assert_eq!(names(folder.path()), ["out-a.LOG", "out-b.LOG", "out.csv"]);
        assert_eq!(fs::read(&stored[1].path).unwrap(), b"B1");
        assert_eq!(
            stored[0].stored_len,
            fs::metadata(&stored[0].path).unwrap().len()
        );
        assert_eq!(fs::read(folder.path().join("out.csv")).unwrap(), b"2 parts");
    }

    #[test]
    fn compressed_part_that_grew_in_runs_is_one_frame() {
        let folder = tempfile::tempdir().unwrap();
        let mut parts = parts(folder.path(), ".log.zst").unwrap();
        let part = parts.begin("a", b"head").unwrap();
        parts.write(part, &vec![b'x'; PENDING_MAX]).unwrap();
        parts.write(part, b"tail").unwrap();
        let stored = parts.finish(|_| String::new()).unwrap();
        let packed = fs::read(&stored[0].path).unwrap();
        assert_eq!(packed.len() as u64, stored[0].stored_len);
        let mut whole = Vec::new();
        let mut frame = zstd::Decoder::new(&packed[..]).unwrap().single_frame();
        frame.read_to_end(&mut whole).unwrap();
        assert_eq!(whole.len(), PENDING_MAX + 8);
        assert!(whole.starts_with(b"headx") && whole.ends_with(b"xtail"));
    }

    #[test]
    fn parts_dropped_before_the_end_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut parts = parts(folder.path(), ".txt").unwrap();
        parts.begin("a", b"A").unwrap();
        drop(parts);
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn failed_rename_gives_no_names_and_restores_older_files() {
        for taken in ["out-b.log", "out.csv"] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("out-a.log"), "of last week").unwrap();
            let mut parts = parts(folder.path(), ".log").unwrap();
            for name in ["a", "b", "c"] {
                parts.begin(name, b"new").unwrap();
            }
            // A file cannot replace a folder.
            fs::create_dir(folder.path().join(taken)).unwrap();
            let error = parts.finish(|_| String::new()).unwrap_err().to_string();
            assert!(error.contains(taken), "{error}");
            assert_eq!(names(folder.path()), ["out-a.log", taken]);
            let older = fs::read(folder.path().join("out-a.log")).unwrap();
            assert_eq!(older, b"of last week");
        }
    }

    #[test]
    fn parts_of_a_running_process_are_not_removed_by_another() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = parts(folder.path(), ".log").unwrap();
        first.begin("a", b"first").unwrap();
        let mut second = parts(folder.path(), ".log").unwrap();
        second.begin("a", b"second").unwrap();
        first.finish(|_| "first".into()).unwrap();
        second.finish(|_| "second".into()).unwrap();
        assert_eq!(names(folder.path()), ["out-a.log", "out.csv"]);
        let part = fs::read(folder.path().join("out-a.log")).unwrap();
        assert_eq!(part, b"second");
    }

    #[test]
    fn index_that_cannot_be_written_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(parts(&folder.path().join("missing"), ".log").is_err());
        let index = folder.path().join("out.csv");
        fs::write(&index, "an input").unwrap();
        let names = PartNames {
            whole: &folder.path().join("out.log"),
            stem: "out",
            ending: ".log",
            example: "file.log",
        };
        let error = PartFiles::create(names, &[index]).unwrap_err();
        assert!(error.to_string().contains("also an input"), "{error}");
    }

    #[test]
    fn too_many_parts_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut parts = parts(folder.path(), ".log").unwrap();
        for number in 0..PARTS_MAX {
            parts.begin(&number.to_string(), b"").unwrap();
        }
        let error = parts.begin("more", b"").unwrap_err().to_string();
        assert!(error.contains("make them larger"), "{error}");
    }
}
