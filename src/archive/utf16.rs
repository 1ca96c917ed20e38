//! Converts text in UTF-16 to UTF-8 while it is read.
//!
//! PowerShell writes UTF-16 when a command's output is redirected to a file, and so do some
//! programs on Windows that export tables. The byte order mark at the front shows the byte order.
//! Only a small part of the text is in memory.

use std::io::{self, BufRead as _, Read};

use super::lookahead::Lookahead;

/// Text in UTF-16 that is read as UTF-8.
///
/// Units that are not text become U+FFFD, so that only the value they are in is lost.
pub(super) struct Utf16 {
    source: Lookahead,
    is_big_endian: bool,
    /// The first half of a character of two units.
    high: Option<u16>,
    /// Converted text, of which the first `given_len` bytes have been read.
    text: Vec<u8>,
    given_len: usize,
}

impl Utf16 {
    /// Converts `source`, which begins with a byte order mark.
    pub(super) fn new(mut source: Lookahead) -> Self {
        let is_big_endian = source.peek(BOM_LEN).starts_with(b"\xfe\xff");
        source.consume(BOM_LEN);
        Self {
            source,
            is_big_endian,
            high: None,
            text: Vec::new(),
            given_len: 0,
        }
    }

    /// Converts the next part. At the end of the source, nothing is added.
    fn convert(&mut self) -> io::Result<()> {
        self.text.clear();
        self.given_len = 0;
        let units = self.source.peek(UNIT_LEN);
        let len = units.len().min(PART_LEN) / UNIT_LEN * UNIT_LEN;
        if len == 0 {
            let is_cut = !units.is_empty();
            if let Some(failure) = self.source.take_failure() {
                return Err(failure);
            }
            if self.high.take().is_some() || is_cut {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            return Ok(());
        }
        for unit in units[..len].chunks_exact(UNIT_LEN) {
            let bytes = [unit[0], unit[1]];
            let unit = if self.is_big_endian {
                u16::from_be_bytes(bytes)
            } else {
                u16::from_le_bytes(bytes)
            };
            put(unit, &mut self.high, &mut self.text);
        }
        self.source.consume(len);
        Ok(())
    }
}

impl Read for Utf16 {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given_len == self.text.len() {
            let has_high = self.high.is_some();
            self.convert()?;
            // A part may hold only the first half of a character.
            if self.text.is_empty() && self.high.is_some() == has_high {
                return Ok(0);
            }
        }
        let len = (&self.text[self.given_len..]).read(out)?;
        self.given_len += len;
        Ok(len)
    }
}

/// Appends the character that `unit` completes to `text`. `high` holds the first half of a
/// character between two units.
fn put(unit: u16, high: &mut Option<u16>, text: &mut Vec<u8>) {
    let mut push = |character: char| {
        text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    };
    let first = high.take();
    let is_second = (0xdc00..0xe000).contains(&unit);
    match first {
        Some(first) if is_second => {
            let both = char::decode_utf16([first, unit]).next();
            return push(
                both.and_then(Result::ok)
                    .unwrap_or(char::REPLACEMENT_CHARACTER),
            );
        }
        Some(_) => push(char::REPLACEMENT_CHARACTER),
        None => {}
    }
    match char::from_u32(u32::from(unit)) {
        Some(character) => push(character),
        None if is_second => push(char::REPLACEMENT_CHARACTER),
        None => *high = Some(unit),
    }
}

const BOM_LEN: usize = 2;
const UNIT_LEN: usize = 2;

/// Number of bytes that are converted at once.
const PART_LEN: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::testing::utf16;

    /// A source that yields three bytes at a time, so that characters are cut anywhere.
    struct Threes(Vec<u8>);

    impl Read for Threes {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let len = self.0.len().min(3);
            out[..len].copy_from_slice(&self.0[..len]);
            self.0.drain(..len);
            Ok(len)
        }
    }

    fn decode(bytes: Vec<u8>) -> (String, Option<io::Error>) {
        let mut text = Vec::new();
        let mut reader = Utf16::new(Lookahead::new(Box::new(Threes(bytes))));
        let failure = reader.read_to_end(&mut text).err();
        (String::from_utf8(text).unwrap(), failure)
    }

    #[test]
    fn both_byte_orders_give_the_same_text() {
        let text = "2 eni-1 \u{e4}\u{20ac}\u{1f600}\r\n".repeat(9_000);
        for is_big_endian in [false, true] {
            let (decoded, failure) = decode(utf16(&text, is_big_endian));
            assert!(decoded == text && failure.is_none());
        }
    }

    #[test]
    fn half_a_character_becomes_a_replacement() {
        let (text, failure) = decode(b"\xff\xfe\x00\xdcA\0\x00\xd8B\0".to_vec());
        assert_eq!(text, "\u{fffd}A\u{fffd}B");
        assert!(failure.is_none());
    }

    #[test]
    fn text_that_ends_within_a_character_is_truncated() {
        for bytes in [&b"\xff\xfeA\0B"[..], b"\xff\xfeA\0\x3d\xd8"] {
            let (text, failure) = decode(bytes.to_vec());
            assert_eq!(text, "A");
            assert_eq!(failure.unwrap().kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn byte_order_mark_alone_is_an_empty_text() {
        let (text, failure) = decode(b"\xfe\xff".to_vec());
        assert!(text.is_empty() && failure.is_none());
    }
}
