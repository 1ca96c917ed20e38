//! A plain text file in memory. This module and its guard are the only ones here that use `unsafe`.
//!
//! Small files are read and not mapped: mapping and unmapping a file costs more than copying it,
//! and on a machine with many cores it stops all of them.
//!
//! A file may change while it is mapped. If it is replaced or grows, the contents at the time of
//! opening are read. If it is written to, the new bytes are read, since the parsers accept any
//! bytes. If it shrinks, zeros are read after its new end (see the guard), and [`Mapping::damage`]
//! reports that.

use std::{fs, io, io::Read as _};

use memmap2::{Mmap, MmapOptions};

use self::guard::Guard;
use super::{
    block::{Blocks, Cutter},
    damage::{Damage, DamageKind},
    magic::without_bom,
};

#[cfg_attr(not(target_os = "linux"), path = "mapping/unguarded.rs")]
mod guard;

/// Files of up to this many bytes are read instead of mapped.
const READ_LEN_MAX: u64 = 256 << 10;

/// A file used as text, mapped into memory, or read if it is small.
#[derive(Debug)]
pub struct Mapping {
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    Mapped(Mapped),
    Read(Vec<u8>),
}

/// Fields are dropped in this order: the guard is dropped first, while the mapping still exists.
#[derive(Debug)]
struct Mapped {
    guard: Guard,
    map: Mmap,
    file: fs::File,
}

impl Mapping {
    /// Maps or reads the first `len` bytes of `file`, which must be a regular file of that length
    /// with nothing read from it yet.
    ///
    /// Returns `None` if the file is not small and cannot be mapped. It must then be streamed.
    pub(super) fn of(file: &mut fs::File, len: u64) -> io::Result<Option<Self>> {
        let bytes = if len <= READ_LEN_MAX {
            let mut read = Vec::with_capacity(usize::try_from(len).unwrap_or(0) + 1);
            file.take(len).read_to_end(&mut read)?;
            Some(Bytes::Read(read))
        } else {
            Mapped::of(file, len)?.map(Bytes::Mapped)
        };
        Ok(bytes.map(|bytes| Self { bytes }))
    }

    /// Returns the same text to be read once, from front to back.
    pub(super) fn into_reader(self) -> Box<dyn io::Read + Send> {
        match self.bytes {
            Bytes::Mapped(Mapped { guard, map, file }) => {
                drop((guard, map));
                Box::new(file)
            }
            Bytes::Read(read) => Box::new(io::Cursor::new(read)),
        }
    }

    fn raw(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(mapped) => &mapped.map,
            Bytes::Read(read) => read,
        }
    }

    /// Returns the text without a leading byte order mark.
    pub fn bytes(&self) -> &[u8] {
        without_bom(self.raw())
    }

    /// Returns the text as blocks of about `target_len` bytes, in order.
    ///
    /// Finding the blocks does not read the whole text, so it is cheap to collect all of them first
    /// and then share them among threads.
    pub fn blocks(&self, target_len: usize) -> Blocks<'_> {
        let text = self.bytes();
        let bom_len = self.raw().len() - text.len();
        Blocks::new(text, bom_len, Cutter::new(target_len))
    }

    /// Returns the damage if part of the text has been lost since the file was mapped.
    ///
    /// Text before the damage was intact whenever it was read until now. Text after it must not be
    /// used. Call this after reading, but not too often, since it makes a system call.
    pub fn damage(&self) -> Option<Damage> {
        match &self.bytes {
            Bytes::Mapped(mapped) => mapped.damage(),
            Bytes::Read(_) => None,
        }
    }

    /// Returns the damage if the file was listed with `listed_len` bytes and was shorter when it
    /// was opened.
    pub(super) fn loss_before_opening(&self, listed_len: u64) -> Option<Damage> {
        let len = self.raw().len() as u64;
        (len < listed_len).then(|| Damage {
            text_offset: self.bytes().len() as u64,
            kind: DamageKind::Shrunk {
                kept_len: len,
                of_len: listed_len,
            },
        })
    }
}

impl Mapped {
    fn of(file: &fs::File, len: u64) -> io::Result<Option<Self>> {
        let file = file.try_clone()?;
        let Ok(map_len) = usize::try_from(len) else {
            return Ok(None);
        };
        #[expect(
            unsafe_code,
            reason = "nothing can guarantee that a file does not change"
        )]
        // SAFETY: the map is private to this process and only read. It cannot be enforced that no
        // other process changes the file. If one writes to it, the parsers see other bytes than
        // before. They accept any bytes, never take them as proof of anything, and examine each of
        // them individually, so the worst result is a wrong record. If one truncates the file, they
        // see zeros, which the guard supplies. No map is used without the guard.
        let map = unsafe { MmapOptions::new().len(map_len).map(&file)? };
        let guard = Guard::over(&map);
        Ok(guard.map(|guard| Self { guard, map, file }))
    }

    fn damage(&self) -> Option<Damage> {
        let len = self.map.len() as u64;
        let len_now = self.file.metadata().map_or(0, |metadata| metadata.len());
        let kept_len = len_now.min(self.guard.lost_from() as u64);
        if kept_len >= len {
            return None;
        }
        let kind = if len_now < len {
            DamageKind::Shrunk {
                kept_len,
                of_len: len,
            }
        } else {
            DamageKind::Unreadable("file truncated while it was read, or disk failure".to_owned())
        };
        let kept = &self.map[..usize::try_from(kept_len).unwrap_or(0)];
        Some(Damage {
            text_offset: without_bom(kept).len() as u64,
            kind,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::archive::testing::Folder;

    fn map(bytes: &[u8]) -> Mapping {
        let folder = Folder::new();
        let path = folder.write("a.log", bytes);
        of(&path, bytes.len())
    }

    fn of(path: &Path, len: usize) -> Mapping {
        let mut file = fs::File::open(path).unwrap();
        let mapping = Mapping::of(&mut file, len as u64).unwrap();
        mapping.expect("the table has a free slot")
    }

    fn truncate(path: &Path, len: usize) {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_len(len as u64).unwrap();
    }

    #[test]
    fn mapping_holds_the_bytes_of_the_file() {
        assert_eq!(map(b"one\ntwo\n").bytes(), b"one\ntwo\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn large_file_is_mapped_and_small_file_is_read() {
        let large = vec![b'a'; 300 << 10];
        let mapping = map(&large);
        assert!(matches!(mapping.bytes, Bytes::Mapped(_)));
        assert_eq!(mapping.bytes(), large);
        assert!(matches!(map(b"one\n").bytes, Bytes::Read(_)));
    }

    #[test]
    fn byte_order_mark_is_counted_as_read_but_is_not_text() {
        let mapping = map(b"\xef\xbb\xbfone\ntwo\n");
        assert_eq!(mapping.bytes(), b"one\ntwo\n");
        let blocks: Vec<_> = mapping
            .blocks(4)
            .map(|block| (block.offset, block.read_len))
            .collect();
        assert_eq!(blocks, [(0, 7), (4, 11)]);
    }

    #[test]
    fn file_that_grew_is_read_up_to_its_listed_length() {
        let folder = Folder::new();
        let path = folder.write("a.log", b"one\ntwo\n");
        assert_eq!(of(&path, 4).bytes(), b"one\n");
        let path = folder.write("b.log", &vec![b'a'; 300 << 10]);
        let mapping = of(&path, 299 << 10);
        truncate(&path, 400 << 10);
        assert_eq!(mapping.bytes(), vec![b'a'; 299 << 10]);
        assert_eq!(mapping.damage(), None);
    }

    #[test]
    fn file_that_shrank_before_reading_yields_the_remaining_bytes() {
        let folder = Folder::new();
        let path = folder.write("a.log", b"one\n");
        let mapping = of(&path, 8);
        assert_eq!(mapping.bytes(), b"one\n");
        assert_eq!(mapping.damage(), None);
        let loss = mapping.loss_before_opening(8).unwrap().to_string();
        assert_eq!(loss, "shrank while it was read: 4 of 8 bytes remain");
        assert_eq!(mapping.loss_before_opening(4), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn file_that_shrinks_reads_as_zeros_and_is_reported_as_damaged() {
        const LEN: usize = 1 << 20;
        let folder = Folder::new();
        for (begin, kept_len) in [("", 300_000), ("", 0), ("", 4096), ("\u{feff}", 300_000)] {
            let mut bytes = vec![b'a'; LEN];
            bytes[..begin.len()].copy_from_slice(begin.as_bytes());
            let path = folder.write("a.log", &bytes);
            let mapping = of(&path, LEN);
            assert_eq!(mapping.damage(), None);
            truncate(&path, kept_len);
            let text = mapping.raw();
            assert_eq!(text[LEN - 1], 0);
            bytes[kept_len..].fill(0);
            assert_eq!(text, bytes);
            let shrunk = Damage {
                text_offset: (kept_len - begin.len()) as u64,
                kind: DamageKind::Shrunk {
                    kept_len: kept_len as u64,
                    of_len: LEN as u64,
                },
            };
            assert_eq!(mapping.damage(), Some(shrunk));
            // The lost text stays lost even if the file gets its length back.
            truncate(&path, LEN);
            let damage = mapping.damage().unwrap();
            assert!(damage.text_offset <= LEN as u64 / 2, "{damage}");
            assert!(matches!(damage.kind, DamageKind::Unreadable(_)));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn shrinking_files_in_many_threads_do_not_affect_the_other_files() {
        let folder = Folder::new();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let folder = &folder;
                scope.spawn(move || {
                    for _ in 0..50 {
                        let path = folder.write(&format!("{number}.log"), &vec![b'a'; 300 << 10]);
                        let mapping = of(&path, 300 << 10);
                        let kept_len = if number % 2 == 0 { 300 << 10 } else { 8192 };
                        truncate(&path, kept_len);
                        let count = |byte| mapping.bytes().iter().filter(|o| **o == byte).count();
                        assert_eq!(count(b'a'), kept_len);
                        assert_eq!(count(0), (300 << 10) - kept_len);
                    }
                });
            }
        });
    }
}
