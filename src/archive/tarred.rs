//! Reads the members of a tar archive from front to back while it is decompressed.
//!
//! The `tar` crate parses the dialects of headers. Everything around the headers is read here,
//! since that crate reads names of any length into memory, and since each member must be its own
//! stream. A name that does not fit in a header is stored in a special member before the one that
//! it names: GNU's `L`, or `path` in the extensions of PAX, which may also hold a larger size. A
//! name longer than [`NAME_LEN_MAX`] is skipped, and its member is left out.
//!
//! Sources: POSIX `pax`, "ustar interchange format" and "pax interchange format"; the manual of GNU
//! tar, "Basic Tar Format".

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tar::{EntryType, GnuExtSparseHeader, PaxExtensions};

use super::{
    damage::Damage,
    entry::{MemberHeader, NAME_LEN_MAX, OpenMember, too_long},
    left_out::LeftOutReason,
    stream::Stream,
};
use crate::error::Result;

/// Maximum length of one member's extensions in bytes. A few hundred bytes are usual, but they may
/// hold file attributes.
const EXTENSIONS_LEN_MAX: u64 = 1 << 20;

/// The stream of an archive, read alternately by a member and by this module.
#[derive(Clone)]
struct SharedStream(Arc<Mutex<Position>>);

struct Position {
    stream: Stream,
    /// Bytes read from the stream.
    taken_len: u64,
}

/// One member, as a number of bytes of the stream.
struct TarMember {
    shared: SharedStream,
    left_len: u64,
}

/// A header, combined with the special members before it.
struct TarEntry {
    header: tar::Header,
    /// Its path, or the reason for leaving it out if the path is too long.
    path: std::result::Result<String, LeftOutReason>,
    len: u64,
}

/// The contents of the special members before a header, each as far as it is kept.
#[derive(Default)]
struct InFront {
    long_name: Option<Extension>,
    has_long_link: bool,
    extensions: Option<Extension>,
}

/// The content of a special member, which describes the next member.
enum Extension {
    Kept(Vec<u8>),
    /// Content with too many bytes.
    TooLong,
}

/// See [`Pack::for_each_member`](super::Pack::for_each_member).
pub(super) fn for_each_member(
    stream: Stream,
    mut each: impl FnMut(MemberHeader<'_>, OpenMember<'_>) -> Result<()>,
) -> Result<Option<Damage>> {
    let shared = SharedStream(Arc::new(Mutex::new(Position {
        stream,
        taken_len: 0,
    })));
    loop {
        // Not in the match, because its value would hold the lock.
        let entry = shared.lock().entry();
        let entry = match entry {
            Ok(Some(entry)) => entry,
            Ok(None) => return Ok(None),
            Err(failure) => return Ok(Some(shared.damage(&failure))),
        };
        let begin = shared.lock().taken_len;
        let kind = entry.header.entry_type();
        if kind != EntryType::Directory {
            let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous);
            let special = (!is_file).then_some(LeftOutReason::SpecialFile);
            let named = lossy(&entry.header.path_bytes());
            let (path, reason) = match entry.path {
                Ok(path) => (path, special),
                Err(reason) => (named, Some(reason)),
            };
            let header = MemberHeader {
                path: &path,
                len: entry.len,
                reason,
            };
            each(header, &mut || {
                Ok(Box::new(TarMember {
                    shared: shared.clone(),
                    left_len: entry.len,
                }))
            })?;
        }
        // The member may not have been read, or not to its end.
        let passed = shared.lock().pass(begin, entry.len);
        if let Err(failure) = passed {
            return Ok(Some(shared.damage(&failure)));
        }
    }
}

impl Position {
    /// Returns the next header, combined with the special members before it, or `None` after the
    /// last.
    fn entry(&mut self) -> io::Result<Option<TarEntry>> {
        let mut in_front = InFront::default();
        loop {
            let Some(header) = self.header()? else {
                let is_alone = !in_front.has_any();
                return if is_alone {
                    Ok(None)
                } else {
                    Err(corrupt("a name without a member"))
                };
            };
            let kind = header.entry_type();
            let len = header.entry_size()?;
            let is_known = header.as_gnu().is_some() || header.as_ustar().is_some();
            let is_twice = match kind {
                EntryType::GNULongName if is_known => {
                    let name = self.extension(len, NAME_LEN_MAX as u64 + 1)?;
                    in_front.long_name.replace(name).is_some()
                }
                EntryType::GNULongLink if is_known => {
                    // The target of a link is ignored.
                    self.extension(len, 0)?;
                    std::mem::replace(&mut in_front.has_long_link, true)
                }
                EntryType::XHeader if is_known => {
                    let extensions = self.extension(len, EXTENSIONS_LEN_MAX)?;
                    in_front.extensions.replace(extensions).is_some()
                }
                _ => return self.described(header, len, &in_front).map(Some),
            };
            if is_twice {
                return Err(corrupt("two names for the same member"));
            }
        }
    }

    /// Combines a header with the special members before it.
    fn described(
        &mut self,
        header: tar::Header,
        len: u64,
        in_front: &InFront,
    ) -> io::Result<TarEntry> {
        let kind = header.entry_type();
        let is_global = kind == EntryType::XGlobalHeader;
        let size = in_front.size().filter(|_| !is_global);
        if kind == EntryType::GNUSparse {
            self.skip_sparse_map(&header)?;
        }
        Ok(TarEntry {
            path: in_front.path(&header),
            len: size.unwrap_or(len),
            header,
        })
    }

    /// Returns the next header, or `None` if a block of zeros ends the archive.
    fn header(&mut self) -> io::Result<Option<tar::Header>> {
        let mut header = tar::Header::new_old();
        self.read_exact(header.as_mut_bytes())?;
        let bytes = header.as_bytes();
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        // The checksum field itself counts as blanks.
        let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
        let sum = sum(&bytes[..148]) + 8 * u32::from(b' ') + sum(&bytes[156..]);
        if sum != header.cksum()? {
            return Err(corrupt("header checksum mismatch"));
        }
        Ok(Some(header))
    }

    /// Reads the content of a member of `len` bytes, but keeps it only if `len` is at most
    /// `len_max`.
    fn extension(&mut self, len: u64, len_max: u64) -> io::Result<Extension> {
        let begin = self.taken_len;
        let extension = if len > len_max {
            Extension::TooLong
        } else {
            let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
            self.read_exact(&mut bytes)?;
            Extension::Kept(bytes)
        };
        self.pass(begin, len)?;
        Ok(extension)
    }

    /// Skips the rest of a sparse file's map, which follows its header.
    fn skip_sparse_map(&mut self, header: &tar::Header) -> io::Result<()> {
        let mut is_extended = header.as_gnu().is_some_and(tar::GnuHeader::is_extended);
        while is_extended {
            let mut more = GnuExtSparseHeader::new();
            self.read_exact(more.as_mut_bytes())?;
            is_extended = more.is_extended();
        }
        Ok(())
    }

    /// Moves to the end of a member of `len` bytes that began at `begin`.
    fn pass(&mut self, begin: u64, len: u64) -> io::Result<()> {
        let end = len.checked_next_multiple_of(BLOCK_LEN);
        let end = end.and_then(|len| len.checked_add(begin));
        let end = end.ok_or_else(|| corrupt("a member larger than any file"))?;
        let left = end - self.taken_len;
        let passed = io::copy(&mut self.take(left), &mut io::sink())?;
        if passed < left {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

impl Read for Position {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.stream.read(out)?;
        self.taken_len += len as u64;
        Ok(len)
    }
}

impl InFront {
    fn has_any(&self) -> bool {
        self.long_name.is_some() || self.has_long_link || self.extensions.is_some()
    }

    /// Returns the path of the member with this header, taking the special members into account.
    fn path(&self, header: &tar::Header) -> std::result::Result<String, LeftOutReason> {
        let path = match (&self.long_name, &self.extensions) {
            (Some(Extension::TooLong), _) => return Err(too_long()),
            (Some(Extension::Kept(name)), _) => lossy(name.strip_suffix(b"\0").unwrap_or(name)),
            (None, Some(Extension::TooLong)) => {
                let most = EXTENSIONS_LEN_MAX >> 20;
                return Err(LeftOutReason::NotReadable(format!(
                    "member header larger than {most} MiB: unpack the archive first"
                )));
            }
            (None, Some(Extension::Kept(extensions))) => {
                let known = PaxExtensions::new(extensions).filter_map(io::Result::ok);
                match { known }.find(|extension| extension.key_bytes() == b"path") {
                    Some(path) => lossy(path.value_bytes()),
                    None => lossy(&header.path_bytes()),
                }
            }
            (None, None) => lossy(&header.path_bytes()),
        };
        if path.len() > NAME_LEN_MAX {
            return Err(too_long());
        }
        Ok(path)
    }

    /// Returns the size of the member, if the special members give another one than its header.
    fn size(&self) -> Option<u64> {
        let Some(Extension::Kept(extensions)) = &self.extensions else {
            return None;
        };
        let known = PaxExtensions::new(extensions).map_while(io::Result::ok);
        let size = { known }.find(|extension| extension.key_bytes() == b"size")?;
        size.value().ok()?.parse().ok()
    }
}

impl SharedStream {
    fn lock(&self) -> MutexGuard<'_, Position> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn damage(&self, failure: &io::Error) -> Damage {
        Damage::of(failure, self.lock().taken_len)
    }
}

impl Read for TarMember {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left_len).unwrap_or(usize::MAX);
        let wanted = out.len().min(room);
        let len = self.shared.lock().read(&mut out[..wanted])?;
        if len == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left_len -= len as u64;
        Ok(len)
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn corrupt(what: &'static str) -> io::Error {
    io::Error::other(what)
}

/// Length in bytes of the blocks of a tar archive.
const BLOCK_LEN: u64 = 512;

#[cfg(test)]
mod tests;
