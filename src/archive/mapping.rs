//! A plain text file as memory. The only file of the crate with `unsafe` in it.

use std::{fs, io};

use memmap2::Mmap;

use super::{
    block::{Blocks, Cutter},
    magic::without_bom,
};

/// A file mapped into memory, to be read as text.
///
/// # What the caller must know
/// The file must not shrink while it is mapped: touching a page that is no
/// longer there ends the process (SIGBUS on Unix), and nothing here prevents
/// it. Archived logs do not change. For a file that may, pipe it in instead.
#[derive(Debug)]
pub struct Mapping {
    map: Mmap,
}

impl Mapping {
    /// Maps all of `file`, which must be a regular file.
    pub(super) fn of(file: &fs::File) -> io::Result<Self> {
        #[expect(unsafe_code, reason = "nobody can promise that a file stays as it is")]
        // SAFETY: the map is private to this process and only read. That no one
        // else changes the file cannot be enforced. If someone writes to it, the
        // parsers see other octets than before; they take any octets for what they
        // are, never as proof of anything, and look at each of them for itself, so
        // the worst is a wrong record. If someone truncates it, the process ends.
        let map = unsafe { Mmap::map(file)? };
        Ok(Self { map })
    }

    /// The text, without a byte order mark in front of it.
    pub fn bytes(&self) -> &[u8] {
        without_bom(&self.map)
    }

    /// Returns the text as blocks of about `target_len` octets, in order.
    ///
    /// Blocks are found without reading the text, so collecting them all first,
    /// to share them out, is cheap.
    pub fn blocks(&self, target_len: usize) -> Blocks<'_> {
        let text = self.bytes();
        let bom_len = self.map.len() - text.len();
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
        Mapping::of(&fs::File::open(path).unwrap()).unwrap()
    }

    #[test]
    fn mapping_is_the_file() {
        assert_eq!(map(b"one\ntwo\n").bytes(), b"one\ntwo\n");
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
