//! Cuts text into blocks of whole lines.
//!
//! Parsers want large pieces of text and never half a line. The cuts depend only on the text and
//! the target length, not on how the text arrives: a mapped file and the same file decompressed
//! piece by piece give the same blocks.
//!
//! # Overlong lines
//! No record is longer than a few hundred bytes. But a file that is not a log may hold no line end
//! at all, and a compressed one can produce gigabytes without one. A line longer than
//! [`LINE_LEN_MAX`] is therefore not delivered. The next block reports how many such lines there
//! were, so that lines can still be numbered.

use memchr::{memchr, memrchr};

/// A block of whole lines.
///
/// Empty only at the end of a text whose last line is overlong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Block<'a> {
    /// The lines with their line ends. The last line of a text may have none.
    pub bytes: &'a [u8],
    /// Bytes of decompressed text before the block, not counting a byte order mark.
    pub offset: u64,
    /// Number of lines longer than [`LINE_LEN_MAX`] just before the block. They are not delivered.
    pub overlong_count: u64,
    /// Bytes of the file read so far, for progress. Compressed bytes if the file is compressed.
    pub read_len: u64,
}

impl Block<'_> {
    /// Returns the offset of the first byte after the block.
    pub fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    /// Returns a block of only the whole lines before `text_offset`, or `None` if there is no such
    /// line.
    pub fn before(&self, text_offset: u64) -> Option<Self> {
        if self.end() <= text_offset {
            return Some(*self);
        }
        let len = usize::try_from(text_offset.checked_sub(self.offset)?).ok()?;
        let lines_len = memrchr(b'\n', &self.bytes[..len])? + 1;
        Some(Self {
            bytes: &self.bytes[..lines_len],
            ..*self
        })
    }
}

/// Longest line that is delivered, in bytes, not counting its line end.
pub const LINE_LEN_MAX: usize = 1 << 20;

/// Cuts text into blocks of a target length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cutter {
    /// Maximum length of a block in bytes, unless its only line is longer.
    pub(super) target_len: usize,
    pub(super) line_len_max: usize,
}

/// The kind of text found at the front.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FrontCut {
    /// Whole lines of this many bytes.
    Lines(usize),
    /// A line that is too long.
    Overlong,
    /// A line whose end is not in view, or nothing.
    Open,
}

impl Cutter {
    pub(super) fn new(target_len: usize) -> Self {
        Self {
            target_len: target_len.max(1),
            line_len_max: LINE_LEN_MAX,
        }
    }

    /// Returns how many bytes are enough for [`Cutter::cut`] to find the end of any line.
    pub(super) fn ahead_len_max(&self) -> usize {
        self.target_len.max(self.line_len_max + 1)
    }

    /// Cuts a block off the front of `text`, which holds at least `target_len` bytes unless the
    /// text ends earlier. `is_end` says that nothing follows `text`.
    ///
    /// Moves forward in steps of the longest line and searches backward for a line end. A step
    /// without one proves an overlong line. This way few bytes are read, which matters when every
    /// page has to be read from disk.
    pub(super) fn cut(&self, text: &[u8], is_end: bool) -> FrontCut {
        let mut lines_len = 0;
        loop {
            let rest = &text[lines_len..];
            let stride = &rest[..rest.len().min(self.line_len_max + 1)];
            let room_len = self.target_len - lines_len;
            let fitting = &stride[..stride.len().min(room_len)];
            if let Some(line_end) = memrchr(b'\n', fitting) {
                lines_len += line_end + 1;
                continue;
            }
            let is_last = is_end && rest.len() <= self.line_len_max;
            return match memchr(b'\n', stride) {
                // The next line belongs to the next block.
                _ if lines_len > 0 && !(is_last && rest.len() < room_len) => {
                    FrontCut::Lines(lines_len)
                }
                Some(line_end) => FrontCut::Lines(lines_len + line_end + 1),
                None if stride.len() > self.line_len_max => FrontCut::Overlong,
                None if is_last && !text.is_empty() => FrontCut::Lines(text.len()),
                None => FrontCut::Open,
            };
        }
    }
}

/// The blocks of a text in memory.
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    text: &'a [u8],
    offset: usize,
    cutter: Cutter,
    /// Length in bytes of the part of the file before `text`.
    skipped_len: usize,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(text: &'a [u8], skipped_len: usize, cutter: Cutter) -> Self {
        Self {
            text,
            offset: 0,
            cutter,
            skipped_len,
        }
    }

    fn take(&mut self, len: usize, overlong_count: u64) -> Block<'a> {
        let offset = self.offset;
        self.offset += len;
        Block {
            bytes: &self.text[offset..self.offset],
            offset: offset as u64,
            overlong_count,
            read_len: (self.skipped_len + self.offset) as u64,
        }
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        let mut overlong_count = 0;
        loop {
            let rest = &self.text[self.offset..];
            match self.cutter.cut(rest, true) {
                FrontCut::Lines(len) => return Some(self.take(len, overlong_count)),
                FrontCut::Overlong => {
                    overlong_count += 1;
                    self.offset += memchr(b'\n', rest).map_or(rest.len(), |line_end| line_end + 1);
                }
                FrontCut::Open if overlong_count > 0 => return Some(self.take(0, overlong_count)),
                FrontCut::Open => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// In `expected`, `|` separates blocks, `!` is an overlong line, and `/` is a line end.
    #[track_caller]
    fn check(text: &str, target_len: usize, expected: &str) {
        let cutter = Cutter {
            target_len,
            line_len_max: 5,
        };
        let text = text.replace('/', "\n");
        let shown: Vec<String> = Blocks::new(text.as_bytes(), 0, cutter)
            .map(|block| {
                let overlong = "!".repeat(usize::try_from(block.overlong_count).unwrap());
                let lines = String::from_utf8(block.bytes.to_vec()).unwrap();
                overlong + &lines.replace('\n', "/")
            })
            .collect();
        assert_eq!(shown.join("|"), expected);
    }

    #[test]
    fn lines_are_collected_up_to_the_target() {
        check("ab/cd/ef/", 6, "ab/cd/|ef/");
        check("ab/cd/ef/", 7, "ab/cd/|ef/");
        check("ab/cd/ef/", 100, "ab/cd/ef/");
        check("", 6, "");
        check("///", 2, "//|/");
    }

    #[test]
    fn line_longer_than_the_target_is_a_block_of_its_own() {
        check("abcde/f/", 2, "abcde/|f/");
        check("a/bcdef/g/", 3, "a/|bcdef/|g/");
    }

    #[test]
    fn last_line_without_line_end_is_delivered() {
        check("ab/cd", 100, "ab/cd");
        check("ab/cd", 3, "ab/|cd");
        check("abcde", 1, "abcde");
    }

    #[test]
    fn overlong_line_is_counted_but_not_delivered() {
        check("abcde/", 100, "abcde/");
        check("abcdef/", 100, "!");
        check("abcdef", 100, "!");
        check("a/bcdefgh/i/", 100, "a/|!i/");
        check("a/bcdefgh/ijklmnopq/r", 2, "a/|!!r");
        check("a/bcdefgh", 2, "a/|!");
    }

    /// Returns the overlong lines before, the offset, and the end of each block, for lines of up to
    /// 5 bytes.
    fn places(text: &str, target_len: usize) -> Vec<(u64, u64, u64)> {
        let cutter = Cutter {
            target_len,
            line_len_max: 5,
        };
        let blocks = Blocks::new(text.as_bytes(), 0, cutter);
        blocks
            .map(|block| (block.overlong_count, block.offset, block.end()))
            .collect()
    }

    #[test]
    fn offset_and_end_are_the_position_of_the_block_in_the_text() {
        let none: [(u64, u64, u64); 0] = [];
        assert_eq!(places("", 6), none);
        assert_eq!(places("ab\ncd\nef\n", 6), [(0, 0, 6), (0, 6, 9)]);
        assert_eq!(places("ab\ncd\nef", 6), [(0, 0, 6), (0, 6, 8)]);
        // The skipped line counts in the offsets: seven bytes and the line end.
        assert_eq!(places("abcdefg\nh\n", 6), [(1, 8, 10)]);
        assert_eq!(places("a\nbcdefgh\ni", 2), [(0, 0, 2), (1, 10, 11)]);
        // At the end of the text, an empty block follows an overlong last line.
        assert_eq!(places("a\nbcdefgh\n", 2), [(0, 0, 2), (1, 10, 10)]);
        assert_eq!(places("a\nbcdefgh", 2), [(0, 0, 2), (1, 9, 9)]);
    }

    #[test]
    fn read_len_includes_the_bytes_before_the_text() {
        let cutter = Cutter {
            target_len: 4,
            line_len_max: 5,
        };
        let blocks = Blocks::new(b"ab\nabcdefgh\ncd\n", 3, cutter);
        let read: Vec<u64> = blocks.map(|block| block.read_len).collect();
        assert_eq!(read, [6, 18]);
    }

    #[test]
    fn carriage_return_does_not_end_a_line_and_stays_in_it() {
        check("ab\r/cd\r/", 100, "ab\r/cd\r/");
        check("ab\r/cd\r/", 4, "ab\r/|cd\r/");
        check("ab\r/cd\r", 4, "ab\r/|cd\r");
        check("\r/\r/", 2, "\r/|\r/");
        // Without a line feed, the text is one line, and it is too long.
        check("ab\rcd\r/e/", 100, "!e/");
    }

    #[test]
    fn unfinished_text_is_cut_only_where_the_cut_is_certain() {
        let cutter = Cutter {
            target_len: 6,
            line_len_max: 5,
        };
        let table = [
            ("", FrontCut::Open, FrontCut::Open),
            ("ab", FrontCut::Open, FrontCut::Lines(2)),
            ("abcde", FrontCut::Open, FrontCut::Lines(5)),
            ("abcdef", FrontCut::Overlong, FrontCut::Overlong),
            ("abcde\n", FrontCut::Lines(6), FrontCut::Lines(6)),
            ("ab\nc", FrontCut::Lines(3), FrontCut::Lines(4)),
            ("ab\ncd\nef", FrontCut::Lines(6), FrontCut::Lines(6)),
        ];
        for (text, open, ended) in table {
            assert_eq!(cutter.cut(text.as_bytes(), false), open, "{text:?} goes on");
            assert_eq!(cutter.cut(text.as_bytes(), true), ended, "{text:?} ends");
        }
    }

    #[test]
    fn line_of_maximum_length_is_delivered_but_one_byte_more_is_not() {
        for (len, overlong_count) in [(LINE_LEN_MAX, 0), (LINE_LEN_MAX + 1, 1)] {
            for end in ["\n", ""] {
                let text = "x".repeat(len) + end;
                let blocks = Blocks::new(text.as_bytes(), 0, Cutter::new(1));
                let blocks: Vec<Block<'_>> = blocks.collect();
                let [block] = blocks[..] else {
                    panic!("one block of {len}, ending in {end:?}")
                };
                assert_eq!(block.overlong_count, overlong_count);
                let delivered = if overlong_count == 0 { text.len() } else { 0 };
                assert_eq!(block.bytes.len(), delivered);
                assert_eq!(block.end(), text.len() as u64);
            }
        }
    }

    #[test]
    fn before_keeps_whole_lines_that_end_at_or_before_the_offset() {
        let block = Block {
            bytes: b"ab\ncd\nef",
            offset: 10,
            overlong_count: 2,
            read_len: 99,
        };
        let table: [(u64, Option<&[u8]>); 9] = [
            (0, None),
            (10, None),
            (12, None),
            (13, Some(b"ab\n")),
            (15, Some(b"ab\n")),
            (16, Some(b"ab\ncd\n")),
            (17, Some(b"ab\ncd\n")),
            (18, Some(b"ab\ncd\nef")),
            (50, Some(b"ab\ncd\nef")),
        ];
        for (text_offset, bytes) in table {
            let expected = bytes.map(|bytes| Block { bytes, ..block });
            assert_eq!(block.before(text_offset), expected, "before {text_offset}");
        }
    }

    proptest! {
        #[test]
        fn blocks_of_any_target_length_hold_the_same_lines(
            text in "[ab\n]{0,60}",
            target_len in 1_usize..30,
        ) {
            let cutter = Cutter { target_len, line_len_max: 60 };
            let blocks: Vec<Block<'_>> = Blocks::new(text.as_bytes(), 0, cutter).collect();
            let joined: Vec<u8> = blocks.iter().flat_map(|block| block.bytes).copied().collect();
            prop_assert_eq!(joined, text.as_bytes());
            for (index, block) in blocks.iter().enumerate() {
                let ends_a_line = block.bytes.last() == Some(&b'\n');
                prop_assert!(ends_a_line || index + 1 == blocks.len());
                let line_count = block.bytes.split_inclusive(|byte| *byte == b'\n').count();
                prop_assert!(block.bytes.len() <= target_len || line_count == 1);
                prop_assert_eq!(block.overlong_count, 0);
            }
        }

        #[test]
        fn blocks_are_at_their_offsets_with_only_overlong_lines_between(
            text in "[ab\r\n]{0,60}",
            target_len in 1_usize..30,
            line_len_max in 1_usize..6,
        ) {
            let cutter = Cutter { target_len, line_len_max };
            let mut end = 0;
            for block in Blocks::new(text.as_bytes(), 0, cutter) {
                let (from, to) = (block.offset, block.end());
                let (from, to) = (usize::try_from(from)?, usize::try_from(to)?);
                prop_assert_eq!(block.bytes, &text.as_bytes()[from..to]);
                let passed = text[end..from].split_inclusive('\n');
                let lens: Vec<usize> = passed.map(|l| l.trim_end_matches('\n').len()).collect();
                prop_assert!(lens.iter().all(|len| *len > line_len_max));
                prop_assert_eq!(block.overlong_count, lens.len() as u64);
                end = to;
            }
            prop_assert_eq!(end, text.len());
        }

        #[test]
        fn overlong_lines_are_skipped_one_by_one_at_any_target_length(
            text in "[ab\n]{0,60}",
            target_len in 1_usize..30,
            line_len_max in 1_usize..6,
        ) {
            let cutter = Cutter { target_len, line_len_max };
            let lines = text.split_inclusive('\n');
            let is_short = |line: &&str| line.trim_end_matches('\n').len() <= line_len_max;
            let (short, long): (Vec<&str>, Vec<&str>) = lines.partition(is_short);
            let blocks = Blocks::new(text.as_bytes(), 0, cutter);
            let overlong_count: u64 = blocks.clone().map(|block| block.overlong_count).sum();
            let joined: Vec<u8> = blocks.flat_map(|block| block.bytes).copied().collect();
            prop_assert_eq!(joined, short.concat().into_bytes());
            prop_assert_eq!(overlong_count, long.len() as u64);
        }
    }
}
