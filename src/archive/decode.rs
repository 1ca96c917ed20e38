//! From compressed data to text or JSON: gzip and zstd, inside one another too.
//!
//! Both formats are sequences: of members (gzip) or of frames (zstd), and AWS
//! does write several into one object. Each is decoded on its own, and what
//! follows it is looked at here rather than left to the decoders, because they
//! cannot tell another member from padding or from bytes that do not belong.
//!
//! What comes out is judged like what went in: Firehose compresses once more what
//! CloudWatch had compressed.

use std::{
    fmt,
    io::{self, BufRead, Read},
};

use flate2::bufread::GzDecoder;
use zstd::stream::raw::{Decoder as ZstdDecoder, Operation as _};

use super::{left_out::LeftOutReason, lookahead::Lookahead, magic::Magic};

/// Decodes `source` until text is found; tells what it is compressed with, if it is: the outermost.
///
/// A source that fails before its first byte passes for text: its failure is met
/// by whoever reads on.
///
/// # Errors
/// The reason why there is no text.
pub(super) fn unwrap(mut source: Lookahead) -> Result<(Lookahead, Option<Magic>), LeftOutReason> {
    let mut packing = None;
    for _ in 0..=WRAPPING_COUNT_MAX {
        let head = source.peek(Magic::HEAD_LEN);
        let is_empty = head.is_empty();
        match Magic::of(head) {
            magic @ (Magic::Gzip | Magic::Zstd) => {
                packing = packing.or(Some(magic));
                source = Lookahead::new(Box::new(Members::new(source, magic)));
            }
            Magic::Text if is_empty && source.failure().is_none() => {
                return Err(LeftOutReason::Empty);
            }
            Magic::Text | Magic::Json | Magic::Tar | Magic::Parquet => {
                return Ok((source, packing));
            }
            other => return Err(LeftOutReason::Format(other)),
        }
    }
    Err(LeftOutReason::NestedTooDeep)
}

/// The members of one compressed source, one after the other.
pub(super) struct Members {
    /// The format of the first member; the others must have it too.
    magic: Magic,
    state: MemberState,
    /// For all frames of zstd, since a new one takes longer than a small frame.
    zstd: Option<ZstdDecoder<'static>>,
    /// The same for gzip, between two members.
    gzip: Option<Box<GzDecoder<Lookahead>>>,
}

/// Where among the members of a source the next read begins.
enum MemberState {
    /// Before a member.
    Between(Lookahead),
    Gzip(Box<GzDecoder<Lookahead>>),
    Zstd(ZstdFrame),
    /// The last member is over, or damage ended them.
    Over,
}

/// A frame of zstd.
struct ZstdFrame {
    source: Lookahead,
    is_over: bool,
}

/// Bytes after the last member that are neither padding nor a member.
///
/// It travels inside an [`io::Error`], at the place where it was met.
#[derive(Debug)]
pub(super) struct TrailingBytes;

impl Members {
    /// Decodes `source`, which begins as `magic` says: gzip or zstd.
    pub(super) fn new(source: Lookahead, magic: Magic) -> Self {
        debug_assert!(matches!(magic, Magic::Gzip | Magic::Zstd));
        Self {
            magic,
            state: MemberState::Between(source),
            zstd: None,
            gzip: None,
        }
    }

    /// Goes from the end of a member to the next one.
    fn advance(&mut self) -> io::Result<()> {
        let mut source = match std::mem::replace(&mut self.state, MemberState::Over) {
            MemberState::Between(source) => source,
            MemberState::Zstd(frame) => frame.source,
            MemberState::Gzip(mut decoder) => {
                let source = decoder.reset(Lookahead::new(Box::new(io::empty())));
                self.gzip = Some(decoder);
                source
            }
            MemberState::Over => return Ok(()),
        };
        skip_padding(&mut source)?;
        if source.fill_buf()?.is_empty() {
            return Ok(());
        }
        if Magic::of(source.peek(Magic::HEAD_LEN)) != self.magic {
            return Err(io::Error::other(TrailingBytes));
        }
        self.state = match self.magic {
            Magic::Zstd => {
                match &mut self.zstd {
                    Some(decoder) => decoder.reinit()?,
                    None => self.zstd = Some(ZstdDecoder::new()?),
                }
                MemberState::Zstd(ZstdFrame {
                    source,
                    is_over: false,
                })
            }
            _ => MemberState::Gzip(match self.gzip.take() {
                Some(mut decoder) => {
                    decoder.reset(source);
                    decoder
                }
                None => Box::new(GzDecoder::new(source)),
            }),
        };
        Ok(())
    }
}

impl Read for Members {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let out_len = out.len().min(READ_LEN_MAX);
        let out = &mut out[..out_len];
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let read = match (&mut self.state, &mut self.zstd) {
                (MemberState::Over, _) => return Ok(0),
                (MemberState::Gzip(decoder), _) => decoder.read(out),
                (MemberState::Zstd(frame), Some(decoder)) => frame.read(decoder, out),
                (MemberState::Between(_) | MemberState::Zstd(_), _) => Ok(0),
            };
            match read {
                Ok(0) => self.advance()?,
                Ok(len) => return Ok(len),
                Err(error) => {
                    self.state = MemberState::Over;
                    return Err(error);
                }
            }
        }
    }
}

impl fmt::Display for TrailingBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes after the last compressed member")
    }
}

impl std::error::Error for TrailingBytes {}

impl ZstdFrame {
    /// Reads some of the frame; nothing after its end.
    fn read(&mut self, decoder: &mut ZstdDecoder<'static>, out: &mut [u8]) -> io::Result<usize> {
        if self.is_over {
            return Ok(0);
        }
        // What was decoded before and had no room comes first, and needs no more input.
        let mut status = decoder.run_on_buffers(&[], out)?;
        while status.bytes_written == 0 && status.remaining > 0 {
            let packed = self.source.fill_buf()?;
            if packed.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            status = decoder.run_on_buffers(packed, out)?;
            self.source.consume(status.bytes_read);
        }
        self.is_over = status.remaining == 0;
        Ok(status.bytes_written)
    }
}

/// Skips the zeros that tapes and block devices leave behind a file.
fn skip_padding(source: &mut Lookahead) -> io::Result<()> {
    loop {
        let buffered = source.fill_buf()?;
        let zeros_len = buffered.iter().take_while(|byte| **byte == 0).count();
        let is_all_zero = zeros_len == buffered.len();
        source.consume(zeros_len);
        if !is_all_zero || zeros_len == 0 {
            return Ok(());
        }
    }
}

/// A decoder that meets corrupt data drops what it decoded in the same call, so
/// this bounds what damage takes with it.
const READ_LEN_MAX: usize = 128 << 10;

/// How often text may be compressed over; Firehose does it twice.
const WRAPPING_COUNT_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::testing::{gzip, zstd};

    fn source(bytes: Vec<u8>) -> Lookahead {
        Lookahead::new(Box::new(io::Cursor::new(bytes)))
    }

    fn decode(packed: Vec<u8>, magic: Magic) -> (String, Option<io::Error>) {
        let mut text = Vec::new();
        let failure = Members::new(source(packed), magic)
            .read_to_end(&mut text)
            .err();
        (String::from_utf8(text).unwrap(), failure)
    }

    fn is_trailing_bytes(failure: &Option<io::Error>) -> bool {
        let inner = failure.as_ref().and_then(|error| error.get_ref());
        inner.is_some_and(|inner| inner.is::<TrailingBytes>())
    }

    #[test]
    fn gzip_members_several_are_joined() {
        let packed = [gzip(b"one\n"), gzip(b""), gzip(b"two\n")].concat();
        let (text, failure) = decode(packed, Magic::Gzip);
        assert_eq!(text, "one\ntwo\n");
        assert!(failure.is_none());
    }

    #[test]
    fn zstd_frames_several_with_one_to_skip_are_joined() {
        let to_skip = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
        let packed = [to_skip, zstd(b"one\n"), zstd(b"two\n")].concat();
        let (text, failure) = decode(packed, Magic::Zstd);
        assert_eq!(text, "one\ntwo\n");
        assert!(failure.is_none());
    }

    /// Two million empty frames took nine seconds, each with a decoder of its own.
    #[test]
    fn member_without_content_costs_less_than_a_decoder() {
        const COUNT: u32 = 20_000;
        let time = |what: &mut dyn FnMut()| {
            let begun = std::time::Instant::now();
            what();
            begun.elapsed()
        };
        let new_zstd = || drop(std::hint::black_box(ZstdDecoder::new().unwrap()));
        let new_gzip = || drop(std::hint::black_box(GzDecoder::new(source(gzip(b"")))));
        let decoders = [
            time(&mut || (0..COUNT).for_each(|_| new_zstd())),
            time(&mut || (0..COUNT).for_each(|_| new_gzip())),
        ];
        let empty = [(zstd(b""), Magic::Zstd), (gzip(b""), Magic::Gzip)];
        for ((empty, magic), decoders) in empty.into_iter().zip(decoders) {
            let packed = empty.repeat(2 * COUNT as usize);
            let members = time(&mut || {
                let (text, failure) = decode(packed.clone(), magic);
                assert!(text.is_empty() && failure.is_none());
            });
            assert!(members < decoders, "{magic}: {members:?}, {decoders:?}");
        }
    }

    #[test]
    fn padding_after_the_last_member_is_ignored() {
        for (packed, magic) in [(gzip(b"one"), Magic::Gzip), (zstd(b"one"), Magic::Zstd)] {
            let (text, failure) = decode([packed, vec![0; 300_000]].concat(), magic);
            assert_eq!(text, "one");
            assert!(failure.is_none());
        }
    }

    #[test]
    fn other_bytes_after_the_last_member_are_reported_after_the_text() {
        for (packed, magic) in [(gzip(b"one"), Magic::Gzip), (zstd(b"one"), Magic::Zstd)] {
            let (text, failure) = decode([packed, b"\0\0rubbish".to_vec()].concat(), magic);
            assert_eq!(text, "one");
            assert!(is_trailing_bytes(&failure));
        }
    }

    #[test]
    fn member_cut_short_delivers_what_stands_before() {
        let line = "2 123456789012 eni-1 OK\n".repeat(10_000);
        for (packed, magic) in [
            (gzip(line.as_bytes()), Magic::Gzip),
            (zstd(line.as_bytes()), Magic::Zstd),
        ] {
            let (text, failure) = decode(packed[..packed.len() - 3].to_vec(), magic);
            assert!(line.starts_with(&text));
            assert_eq!(failure.unwrap().kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn checksum_wrong_is_reported_after_the_text() {
        let mut packed = gzip(b"one\n");
        let checksum_index = packed.len() - 8;
        packed[checksum_index] ^= 1;
        let (text, failure) = decode(packed, Magic::Gzip);
        assert_eq!(text, "one\n");
        assert!(failure.unwrap().to_string().contains("checksum"));
    }

    #[test]
    fn source_without_text_is_left_out() {
        let wrapped = (0..5).fold(b"2 OK\n".to_vec(), |inner, _| gzip(&inner));
        for (bytes, reason) in [
            (Vec::new(), LeftOutReason::Empty),
            (gzip(b""), LeftOutReason::Empty),
            (gzip(b"BZh91AY&SY"), LeftOutReason::Format(Magic::Bzip2)),
            (wrapped, LeftOutReason::NestedTooDeep),
        ] {
            assert_eq!(unwrap(source(bytes)).err(), Some(reason));
        }
    }
}
