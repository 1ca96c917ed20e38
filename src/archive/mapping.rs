//! A plain text file as memory. Only here and in the guard is there `unsafe`.
//!
//! Small files are read rather than mapped: to map and unmap one costs more
//! than to copy it, and on many cores all of them stop for it.
//!
//! A file may change while it is mapped. One that is replaced or grows is read as it was when it
//! was opened. One that is written to is read as it comes: any bytes are taken for what
//! they are. One that shrinks reads as zeros behind its new end (see the guard), and
//! [`Mapping::damage`] says so.

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

/// Files up to this many bytes are read.
const READ_LEN_MAX: u64 = 256 << 10;

/// A file mapped into memory, or read if it is small, to be used as text.
#[derive(Debug)]
pub struct Mapping {
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    Mapped(Mapped),
    Read(Vec<u8>),
}

/// The fields go in this order: a mapping is guarded as long as it is there.
#[derive(Debug)]
struct Mapped {
    guard: Guard,
    map: Mmap,
    file: fs::File,
}

impl Mapping {
    /// Maps or reads the first `len` bytes of `file`, which must be a regular file that had as
    /// many when it was looked at, and that nothing has been read of.
    ///
    /// None if it is neither small nor can be mapped: it is to be streamed.
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

    fn raw(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(mapped) => &mapped.map,
            Bytes::Read(read) => read,
        }
    }

    /// The text, without a byte order mark in front of it.
    pub fn bytes(&self) -> &[u8] {
        without_bom(self.raw())
    }

    /// Returns the text as blocks of about `target_len` bytes, in order.
    ///
    /// Blocks are found without reading the text, so collecting them all first,
    /// to share them out, is cheap.
    pub fn blocks(&self, target_len: usize) -> Blocks<'_> {
        let text = self.bytes();
        let bom_len = self.raw().len() - text.len();
        Blocks::new(text, bom_len, Cutter::new(target_len))
    }

    /// What has become of the text since it was mapped, if less of it is there by now.
    ///
    /// What stands before it was there whenever it was read until now; what was read behind it
    /// is not to be used. To be asked after reading, now and then: it asks the system.
    pub fn damage(&self) -> Option<Damage> {
        match &self.bytes {
            Bytes::Mapped(mapped) => mapped.damage(),
            Bytes::Read(_) => None,
        }
    }

    /// What became of the file before it was opened, if it was listed with more bytes than it had.
    pub(super) fn lack(&self, listed_len: u64) -> Option<Damage> {
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
        #[expect(unsafe_code, reason = "nobody can promise that a file stays as it is")]
        // SAFETY: the map is private to this process and only read. That no one
        // else changes the file cannot be enforced. If someone writes to it, the
        // parsers see other bytes than before; they take any bytes for what they
        // are, never as proof of anything, and look at each of them for itself, so
        // the worst is a wrong record. If someone truncates it, they see zeros, from the
        // guard without which no map is used.
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
            DamageKind::Unreadable("cut while it was read, or the disk fails".to_owned())
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
        mapping.expect("there is room in the table")
    }

    fn truncate(path: &Path, len: usize) {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_len(len as u64).unwrap();
    }

    #[test]
    fn mapping_is_the_file() {
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
    fn byte_order_mark_is_read_but_not_text() {
        let mapping = map(b"\xef\xbb\xbfone\ntwo\n");
        assert_eq!(mapping.bytes(), b"one\ntwo\n");
        let blocks: Vec<_> = mapping
            .blocks(4)
            .map(|block| (block.offset, block.read_len))
            .collect();
        assert_eq!(blocks, [(0, 7), (4, 11)]);
    }

    #[test]
    fn file_that_grew_is_read_as_far_as_it_was() {
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
    fn file_that_shrank_before_it_is_read_is_what_is_left() {
        let folder = Folder::new();
        let path = folder.write("a.log", b"one\n");
        let mapping = of(&path, 8);
        assert_eq!(mapping.bytes(), b"one\n");
        assert_eq!(mapping.damage(), None);
        let lack = mapping.lack(8).unwrap().to_string();
        assert_eq!(lack, "shrank while it was read: 4 of 8 bytes are left");
        assert_eq!(mapping.lack(4), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn file_that_shrinks_is_zeros_from_there_on_and_says_so() {
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
            // What was read stays lost, though the file has its length again.
            truncate(&path, LEN);
            let damage = mapping.damage().unwrap();
            assert!(damage.text_offset <= LEN as u64 / 2, "{damage}");
            assert!(matches!(damage.kind, DamageKind::Unreadable(_)));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn files_that_shrink_under_many_threads_leave_the_others_alone() {
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
