//! The members of a tar archive, read front to back as it is inflated.
//!
//! The `tar` crate reads the headers, with all their dialects of long names; the
//! members are read beside it, from the same stream, because they have to stand
//! on their own. When the crate then skips what a member took, it is given
//! zeros for it ([`Shared`]).

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tar::EntryType;

use super::{Damage, LeftOutReason, Opened, Stream, pack::Header, pack::open_member};
use crate::error::Result;

/// A stream that two read by turns, and how far each of them is.
#[derive(Clone)]
struct Shared(Arc<Mutex<Position>>);

struct Position {
    stream: Stream,
    /// Octets taken from the stream.
    taken_len: u64,
    /// Octets that the reader of headers believes it has taken.
    believed_len: u64,
    /// Zeros it was given last, of those in the stream.
    zeros_len: usize,
}

/// One member: so many octets of the stream.
struct Member {
    shared: Shared,
    left_len: u64,
}

/// See [`Pack::for_each_member`](super::Pack::for_each_member).
pub(super) fn for_each_member(
    stream: Stream,
    mut each: impl FnMut(Header<'_>, &mut dyn FnMut() -> Opened) -> Result<()>,
) -> Result<Option<Damage>> {
    let shared = Shared(Arc::new(Mutex::new(Position {
        stream,
        taken_len: 0,
        believed_len: 0,
        zeros_len: 0,
    })));
    let mut archive = tar::Archive::new(shared.clone());
    let entries = match archive.entries() {
        Ok(entries) => entries,
        Err(failure) => return Ok(Some(shared.damage(&failure))),
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(failure) => return Ok(Some(shared.damage(&failure))),
        };
        let kind = entry.header().entry_type();
        if kind == EntryType::Directory {
            continue;
        }
        let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous);
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let header = Header {
            path: &path,
            len: entry.size(),
            reason: (!is_file).then_some(LeftOutReason::SpecialFile),
        };
        let left_len = entry.size();
        each(header, &mut || {
            open_member(Member {
                shared: shared.clone(),
                left_len,
            })
        })?;
    }
    // A block of zeros ends an archive; one that was cut between members has none.
    let is_whole = shared.lock().zeros_len >= BLOCK_LEN;
    let cut = || shared.damage(&io::ErrorKind::UnexpectedEof.into());
    Ok((!is_whole).then(cut))
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Position> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn damage(&self, failure: &io::Error) -> Damage {
        Damage::of(failure, self.lock().taken_len)
    }
}

impl Read for Shared {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut position = self.lock();
        let skipped_len = position.taken_len - position.believed_len;
        let len = if skipped_len > 0 {
            let room = usize::try_from(skipped_len).unwrap_or(usize::MAX);
            let len = out.len().min(room);
            out[..len].fill(0);
            len
        } else {
            let len = position.stream.read(out)?;
            position.taken_len += len as u64;
            let zeros = out[..len].iter().rev().take_while(|octet| **octet == 0);
            let zeros_len = zeros.count();
            let before = if zeros_len == len {
                position.zeros_len
            } else {
                0
            };
            position.zeros_len = before + zeros_len;
            len
        };
        position.believed_len += len as u64;
        Ok(len)
    }
}

impl Read for Member {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left_len).unwrap_or(usize::MAX);
        let wanted = out.len().min(room);
        let mut position = self.shared.lock();
        let len = position.stream.read(&mut out[..wanted])?;
        if len == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        position.taken_len += len as u64;
        position.zeros_len = 0;
        self.left_len -= len as u64;
        Ok(len)
    }
}

/// What a tar archive is made of.
const BLOCK_LEN: usize = 512;
