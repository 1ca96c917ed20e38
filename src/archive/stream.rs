//! Text that arrives piece by piece: decompressed, or from a pipe.
//!
//! The text is delivered in blocks. A line that is incomplete at the end of a block is carried over
//! into the next block.

use std::{
    fmt,
    io::{self, BufRead, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    block::{Block, Cutter, FrontCut},
    damage::{Damage, DamageKind},
    decode,
    left_out::LeftOutReason,
    lookahead::Lookahead,
    magic::{Magic, UTF8_BOM},
};
use crate::error::Result;

/// Text that can be read once, from front to back.
pub struct Stream {
    text: Lookahead,
    read_len: Arc<AtomicU64>,
    packing: Option<Magic>,
}

impl Stream {
    /// Unwraps `source` until text is found.
    ///
    /// Waits for the first bytes. A failure to read them is not an error here: it is the [`Damage`]
    /// that [`Stream::for_each_block`] returns.
    ///
    /// # Errors
    /// Returns the reason why there is no text.
    pub fn new(source: impl Read + Send + 'static) -> Result<Self, LeftOutReason> {
        let read_len = Arc::new(AtomicU64::new(0));
        let (mut text, packing) = decode::unwrap(Lookahead::new(Box::new(Counted {
            source,
            read_len: Arc::clone(&read_len),
        })))?;
        if text.peek(UTF8_BOM.len()).starts_with(UTF8_BOM) {
            text.consume(UTF8_BOM.len());
        }
        Ok(Self {
            text,
            read_len,
            packing,
        })
    }

    /// Returns the outermost compression of the text, or `None` if it is not compressed.
    pub fn packing(&self) -> Option<Magic> {
        self.packing
    }

    /// Returns the first `len` bytes of the text, or fewer if the text is shorter.
    ///
    /// They are not consumed: the first block begins with them.
    pub fn head(&mut self, len: usize) -> &[u8] {
        let head = self.text.peek(len);
        &head[..head.len().min(len)]
    }

    /// Returns the damage, if any occurred in the part of the text read so far.
    pub(super) fn damage(&self) -> Option<Damage> {
        let failure = self.text.failure()?;
        Some(Damage::of(failure, self.text.buffered().len() as u64))
    }

    /// Returns the counter of bytes read from the file so far, compressed if it is compressed. It
    /// is for progress, and outlives the stream.
    pub fn read_len(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read_len)
    }

    /// Delivers the text in blocks of about `target_len` bytes, in order.
    ///
    /// # Errors
    /// Returns the error of `each`, which ends the reading. Damage is not an error: it is returned
    /// after everything before it has been delivered.
    pub fn for_each_block(
        self,
        target_len: usize,
        each: impl FnMut(Block<'_>) -> Result<()>,
    ) -> Result<Option<Damage>> {
        self.cut_with(Cutter::new(target_len), each)
    }

    fn cut_with(
        mut self,
        cutter: Cutter,
        mut each: impl FnMut(Block<'_>) -> Result<()>,
    ) -> Result<Option<Damage>> {
        let mut offset = 0;
        let mut overlong_count = 0;
        let mut ahead_len = cutter.target_len;
        loop {
            self.text.fill(ahead_len);
            let view = self.text.buffered();
            match cutter.cut(view, self.is_whole()) {
                FrontCut::Lines(len) => {
                    each(self.block(len, offset, overlong_count))?;
                    self.text.consume(len);
                    offset += len as u64;
                    overlong_count = 0;
                    ahead_len = cutter.target_len;
                }
                FrontCut::Overlong => {
                    offset += self.text.skip_line();
                    overlong_count += 1;
                }
                FrontCut::Open if self.text.is_reading() => ahead_len = cutter.ahead_len_max(),
                FrontCut::Open => break,
            }
        }
        if overlong_count > 0 {
            each(self.block(0, offset, overlong_count))?;
        }
        let failure = self.text.take_failure();
        Ok(failure.map(|failure| Damage::of(&failure, offset)))
    }

    /// Whether the buffered bytes complete the text: the source has ended, and nothing is missing.
    /// Trailing bytes after compressed data do not count as missing text.
    fn is_whole(&self) -> bool {
        let is_intact = |failure| DamageKind::of(failure) == DamageKind::TrailingBytes;
        !self.text.is_reading() && self.text.failure().is_none_or(is_intact)
    }

    fn block(&self, len: usize, offset: u64, overlong_count: u64) -> Block<'_> {
        Block {
            bytes: &self.text.buffered()[..len],
            offset,
            overlong_count,
            read_len: self.read_len.load(Ordering::Relaxed),
        }
    }
}

/// Reads the text as bytes, for content that is not lines. A failure is reported after all bytes
/// before it.
impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.text.read(out)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("read_len", &self.read_len)
            .finish_non_exhaustive()
    }
}

/// Counts the bytes read, for progress.
struct Counted<R> {
    source: R,
    read_len: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.source.read(out)?;
        self.read_len.fetch_add(len as u64, Ordering::Relaxed);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        archive::{
            block::{Blocks, LINE_LEN_MAX},
            mapping::Mapping,
            testing::{Folder, gzip, zstd},
        },
        error::Error,
    };

    /// Yields at most `step_len` bytes per call, as pipes do.
    struct Pipe {
        bytes: io::Cursor<Vec<u8>>,
        step_len: usize,
    }

    impl Read for Pipe {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let len = out.len().min(self.step_len);
            self.bytes.read(&mut out[..len])
        }
    }

    fn pipe(bytes: impl Into<Vec<u8>>, step_len: usize) -> Pipe {
        Pipe {
            bytes: io::Cursor::new(bytes.into()),
            step_len,
        }
    }

    fn read(bytes: Vec<u8>) -> (String, Option<Damage>) {
        let mut text = Vec::new();
        let stream = Stream::new(pipe(bytes, 1000)).unwrap();
        let damage = stream.for_each_block(64, |block| {
            assert_eq!(block.offset, text.len() as u64);
            text.extend_from_slice(block.bytes);
            Ok(())
        });
        (String::from_utf8(text).unwrap(), damage.unwrap())
    }

    fn lines(count: usize) -> String {
        (0..count)
            .map(|index| format!("2 123456789012 eni-{index} ACCEPT OK\n"))
            .collect()
    }

    #[test]
    fn plain_and_compressed_text_are_the_same() {
        let text = lines(5000);
        for bytes in [
            text.clone().into_bytes(),
            gzip(text.as_bytes()),
            zstd(text.as_bytes()),
            gzip(&gzip(text.as_bytes())),
            gzip(&zstd(&gzip(&gzip(text.as_bytes())))),
            gzip(&["\u{feff}", &text].concat().into_bytes()),
        ] {
            assert_eq!(read(bytes), (text.clone(), None));
        }
    }

    #[test]
    fn head_is_delivered_again() {
        let text = lines(5000);
        let mut stream = Stream::new(pipe(gzip(text.as_bytes()), 100)).unwrap();
        assert_eq!(stream.head(9), &text.as_bytes()[..9]);
        assert_eq!(stream.head(150_000), &text.as_bytes()[..150_000]);
        assert_eq!(stream.head(1_000_000), text.as_bytes());
        let mut seen = Vec::new();
        let damage = stream.for_each_block(100_000, |block| {
            seen.extend_from_slice(block.bytes);
            Ok(())
        });
        assert_eq!(damage.unwrap(), None);
        assert_eq!(seen, text.as_bytes());
    }

    #[test]
    fn truncated_gzip_delivers_whole_lines_and_then_damage() {
        let text = lines(5000);
        let packed = gzip(text.as_bytes());
        let (seen, damage) = read(packed[..packed.len() / 2].to_vec());
        let damage = damage.unwrap();
        assert!(text.starts_with(&seen) && seen.ends_with('\n') && seen.len() > text.len() / 4);
        assert_eq!(damage.kind, DamageKind::Truncated);
        assert_eq!(damage.text_offset, seen.len() as u64);
    }

    #[test]
    fn gzip_truncated_inside_its_header_is_damaged_not_empty() {
        let (seen, damage) = read(gzip(b"2 OK\n")[..5].to_vec());
        assert_eq!(seen, "");
        assert_eq!(
            damage.unwrap().to_string(),
            "cut short after 0 bytes of text"
        );
    }

    #[test]
    fn corrupt_second_gzip_member_delivers_the_first() {
        let text = lines(5000);
        let mut second = gzip(text.as_bytes());
        second[10] = 0xff; // a deflate block of a type that does not exist
        let (seen, damage) = read([gzip(text.as_bytes()), second].concat());
        assert_eq!(seen, text);
        assert!(matches!(damage.unwrap().kind, DamageKind::Corrupt(_)));
    }

    #[test]
    fn trailing_bytes_do_not_drop_the_last_line() {
        let (seen, damage) = read([gzip(b"one\ntwo"), b"rubbish".to_vec()].concat());
        assert_eq!(seen, "one\ntwo");
        assert_eq!(damage.unwrap().kind, DamageKind::TrailingBytes);
    }

    #[test]
    fn source_unreadable_from_the_start_is_damaged() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::from_raw_os_error(5))
            }
        }
        let stream = Stream::new(Broken).unwrap();
        let damage = stream.for_each_block(64, |_| Ok(())).unwrap().unwrap();
        assert!(matches!(damage.kind, DamageKind::Unreadable(_)));
    }

    #[test]
    fn line_of_any_length_without_line_end_takes_bounded_memory() {
        let mut count = 0;
        let bytes = io::repeat(b'x').take(64 << 20).chain(&b"\n2 OK\n"[..]);
        let mut stream = Stream::new(bytes).unwrap();
        assert_eq!(stream.head(4), b"xxxx");
        let damage = stream.for_each_block(64, |block| {
            assert_eq!(
                (block.bytes, block.offset),
                (&b"2 OK\n"[..], (64 << 20) + 1)
            );
            count += block.overlong_count;
            Ok(())
        });
        assert_eq!((damage.unwrap(), count), (None, 1));
    }

    #[test]
    fn error_of_the_receiver_ends_the_reading() {
        let mut call_count = 0;
        let stream = Stream::new(pipe(lines(100), 10)).unwrap();
        let ended = stream.for_each_block(64, |_| {
            call_count += 1;
            Err(Error::usage("enough"))
        });
        assert_eq!(
            (ended.unwrap_err().to_string().as_str(), call_count),
            ("enough", 1)
        );
    }

    #[test]
    fn read_len_counts_compressed_bytes() {
        let packed = gzip(lines(5000).as_bytes());
        let packed_len = packed.len() as u64;
        let mut read_len = 0;
        let stream = Stream::new(pipe(packed, 1000)).unwrap();
        let damage = stream.for_each_block(1000, |block| {
            assert!(block.read_len >= read_len);
            read_len = block.read_len;
            Ok(())
        });
        assert_eq!((damage.unwrap(), read_len), (None, packed_len));
    }

    #[test]
    fn blocks_of_a_stream_equal_those_of_the_file_in_memory() {
        let long = "x".repeat(LINE_LEN_MAX + 1);
        let longest = "x".repeat(LINE_LEN_MAX);
        let folder = Folder::new();
        for text in [
            "one\r\ntwo\r\n\r\nthree",
            "\u{feff}one\ntwo\n",
            "\n",
            "one",
            &format!("one\n{long}\ntwo\n"),
            &format!("one\n{long}"),
            &format!("{longest}\n{longest}"),
        ] {
            let path = folder.write("a.log", text.as_bytes());
            let mut file = std::fs::File::open(path).unwrap();
            let mapping = Mapping::of(&mut file, text.len() as u64).unwrap().unwrap();
            for target_len in [1, 5, 1 << 16] {
                let mut seen = Vec::new();
                let stream = Stream::new(pipe(text, 1000)).unwrap();
                let damage = stream.for_each_block(target_len, |block| {
                    seen.push((block.bytes.to_vec(), block.offset, block.overlong_count));
                    Ok(())
                });
                assert_eq!(damage.unwrap(), None);
                let blocks = mapping.blocks(target_len);
                let mapped: Vec<_> = blocks
                    .map(|block| (block.bytes.to_vec(), block.offset, block.overlong_count))
                    .collect();
                assert!(seen == mapped, "{} bytes, {target_len}", text.len());
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn blocks_of_any_stream_equal_those_of_memory(
            text in "[ab\n]{1,200}",
            target_len in 1_usize..50,
            line_len_max in 1_usize..9,
            step_len in 1_usize..40,
        ) {
            let cutter = Cutter { target_len, line_len_max };
            let mut seen = Vec::new();
            let stream = Stream::new(pipe(text.as_str(), step_len)).unwrap();
            let damage = stream.cut_with(cutter, |block| {
                seen.push((block.bytes.to_vec(), block.offset, block.overlong_count));
                Ok(())
            });
            let expected: Vec<_> = Blocks::new(text.as_bytes(), 0, cutter)
                .map(|block| (block.bytes.to_vec(), block.offset, block.overlong_count))
                .collect();
            prop_assert_eq!(damage.unwrap(), None);
            prop_assert_eq!(seen, expected);
        }
    }
}
