//! A plain text file as memory. The only file of the crate with `unsafe` in it.
//!
//! Small files are read rather than mapped: to map and unmap one costs more
//! than to copy it, and on many cores all of them stop for it.

use std::{fs, io, io::Read as _};

use memmap2::Mmap;

use super::{
    block::{Blocks, Cutter},
    magic::without_bom,
};

/// Files up to this many octets are read.
const READ_LEN_MAX: u64 = 256 << 10;

/// A file mapped into memory, or read if it is small, to be used as text.
///
/// # What the caller must know
/// The file must not shrink while it is mapped: touching a page that is no
/// longer there ends the process (SIGBUS on Unix), and nothing here prevents
/// it. Archived logs do not change. For a file that may, pipe it in instead.
#[derive(Debug)]
pub struct Mapping {
    octets: Octets,
}

#[derive(Debug)]
enum Octets {
    Mapped(Mmap),
    Read(Vec<u8>),
}

impl Mapping {
    /// Maps or reads all of `file`, which must be a regular file of `len` octets.
    pub(super) fn of(file: &mut fs::File, len: u64) -> io::Result<Self> {
        if len <= READ_LEN_MAX {
            let mut read = Vec::with_capacity(usize::try_from(len).unwrap_or(0) + 1);
            file.read_to_end(&mut read)?;
            let octets = Octets::Read(read);
            return Ok(Self { octets });
        }
        #[expect(unsafe_code, reason = "nobody can promise that a file stays as it is")]
        // SAFETY: the map is private to this process and only read. That no one
        // else changes the file cannot be enforced. If someone writes to it, the
        // parsers see other octets than before; they take any octets for what they
        // are, never as proof of anything, and look at each of them for itself, so
        // the worst is a wrong record. If someone truncates it, the process ends.
        let map = unsafe { Mmap::map(&*file)? };
        let octets = Octets::Mapped(map);
        Ok(Self { octets })
    }

    fn octets(&self) -> &[u8] {
        match &self.octets {
            Octets::Mapped(map) => map,
            Octets::Read(read) => read,
        }
    }

    /// The text, without a byte order mark in front of it.
    pub fn bytes(&self) -> &[u8] {
        without_bom(self.octets())
    }

    /// Returns the text as blocks of about `target_len` octets, in order.
    ///
    /// Blocks are found without reading the text, so collecting them all first,
    /// to share them out, is cheap.
    pub fn blocks(&self, target_len: usize) -> Blocks<'_> {
        let text = self.bytes();
        let bom_len = self.octets().len() - text.len();
        Blocks::new(text, bom_len, Cutter::new(target_len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::testing::Folder;

    fn map(octets: &[u8]) -> Mapping {
        let folder = Folder::new();
        let path = folder.write("a.log", octets);
        Mapping::of(&mut fs::File::open(path).unwrap(), octets.len() as u64).unwrap()
    }

    #[test]
    fn mapping_is_the_file() {
        assert_eq!(map(b"one\ntwo\n").bytes(), b"one\ntwo\n");
    }

    #[test]
    fn large_file_is_mapped_and_small_file_is_read() {
        let large = vec![b'a'; 300 << 10];
        let mapping = map(&large);
        assert!(matches!(mapping.octets, Octets::Mapped(_)));
        assert_eq!(mapping.bytes(), large);
        assert!(matches!(map(b"one\n").octets, Octets::Read(_)));
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
}
