//! Decompresses gzip, zstd, bzip2 and xz, including one inside the other, to text or JSON.
//!
//! All of these formats are sequences, of members (gzip), frames (zstd) or streams (bzip2, xz), and
//! AWS does write several of them into one object. Each is decoded on its own. The bytes after it are examined here and not
//! by the decoders, because the decoders cannot distinguish another member from padding or from
//! bytes that do not belong to the file.
//!
//! The decompressed data is examined in the same way, because Firehose compresses data again that
//! CloudWatch had already compressed. Text in UTF-16 is converted here as well.

use std::{
    fmt,
    io::{self, BufRead, Read},
};

use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;
use zstd::stream::raw::{Decoder as ZstdDecoder, Operation as _};

use super::{
    bzip2_stream::Bzip2Stream, left_out::LeftOutReason, lookahead::Lookahead, magic::Magic,
    utf16::Utf16,
};

/// Decodes `source` until text is found. Also returns the outermost compression format or encoding,
/// if there is one.
///
/// A source that fails before its first byte is treated as text. The failure is reported when the
/// text is read.
///
/// # Errors
/// Returns the reason why there is no text.
pub(super) fn unwrap(mut source: Lookahead) -> Result<(Lookahead, Option<Magic>), LeftOutReason> {
    let mut packing = None;
    for _ in 0..=WRAPPING_COUNT_MAX {
        let head = source.peek(Magic::HEAD_LEN);
        let is_empty = head.is_empty();
        match Magic::of(head) {
            magic @ (Magic::Gzip | Magic::Zstd | Magic::Bzip2 | Magic::Xz) => {
                packing = packing.or(Some(magic));
                source = Lookahead::new(Box::new(Members::new(source, magic)));
            }
            Magic::Utf16 => {
                packing = packing.or(Some(Magic::Utf16));
                source = Lookahead::new(Box::new(Utf16::new(source)));
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
    /// The format of the first member. The others must have the same one.
    magic: Magic,
    state: MemberState,
    /// One decoder for all frames of zstd, since creating one takes longer than decoding a small
    /// frame.
    zstd: Option<ZstdDecoder<'static>>,
    /// The gzip decoder, kept for reuse between two members.
    gzip: Option<Box<GzDecoder<Lookahead>>>,
}

/// The position among the members of a source where the next read begins.
enum MemberState {
    /// Before a member.
    Between(Lookahead),
    Gzip(Box<GzDecoder<Lookahead>>),
    Zstd(ZstdFrame),
    Bzip2(Bzip2Stream),
    Xz(Box<XzReader<Lookahead>>),
    /// After the last member, or after damage that ended them.
    Over,
}

/// A frame of zstd.
struct ZstdFrame {
    source: Lookahead,
    is_over: bool,
}

/// Error for bytes after the last member that are neither padding nor a member.
///
/// It is carried inside an [`io::Error`], which occurs at the place of these bytes.
#[derive(Debug)]
pub(super) struct TrailingBytes;

impl Members {
    /// Decodes `source`, whose first bytes have the compression format `magic`.
    pub(super) fn new(source: Lookahead, magic: Magic) -> Self {
        debug_assert!(matches!(
            magic,
            Magic::Gzip | Magic::Zstd | Magic::Bzip2 | Magic::Xz
        ));
        Self {
            magic,
            state: MemberState::Between(source),
            zstd: None,
            gzip: None,
        }
    }

    /// Moves from the end of a member to the next one.
    fn advance(&mut self) -> io::Result<()> {
        let mut source = match std::mem::replace(&mut self.state, MemberState::Over) {
            MemberState::Between(source) => source,
            MemberState::Zstd(frame) => frame.source,
            MemberState::Bzip2(stream) => stream.source,
            MemberState::Xz(reader) => reader.into_inner(),
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
        self.state = self.begin(source)?;
        Ok(())
    }

    /// Begins to decode the member at the front of `source`.
    fn begin(&mut self, source: Lookahead) -> io::Result<MemberState> {
        Ok(match self.magic {
            Magic::Bzip2 => MemberState::Bzip2(Bzip2Stream::new(source)),
            Magic::Xz => MemberState::Xz(Box::new(XzReader::new_mem_limit(
                source,
                false,
                XZ_MEMORY_KIB_MAX,
            ))),
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
        })
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
                (MemberState::Bzip2(stream), _) => stream.read(out),
                (MemberState::Xz(reader), _) => reader.read(out),
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
    /// Reads some bytes of the frame, or none after its end.
    fn read(&mut self, decoder: &mut ZstdDecoder<'static>, out: &mut [u8]) -> io::Result<usize> {
        if self.is_over {
            return Ok(0);
        }
        // Output that was decoded earlier but did not fit comes first. It needs no more input.
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

/// Skips the zeros that tapes and block devices append to a file.
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

/// Longest read from a decoder, in bytes. A decoder that finds corrupt data drops the output of
/// that call, so this limits how much text is lost before the damage.
const READ_LEN_MAX: usize = 128 << 10;

/// Maximum memory for the dictionary of a member of xz, in KiB. `xz -9` needs 65 MiB, and zstd may
/// take as much as this.
const XZ_MEMORY_KIB_MAX: u32 = 129 << 10;

/// Maximum number of nested compressions. Firehose uses two.
const WRAPPING_COUNT_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::testing::{bzip2, gzip, utf16, xz, zstd};

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
    fn several_gzip_members_are_joined() {
        let packed = [gzip(b"one\n"), gzip(b""), gzip(b"two\n")].concat();
        let (text, failure) = decode(packed, Magic::Gzip);
        assert_eq!(text, "one\ntwo\n");
        assert!(failure.is_none());
    }

    #[test]
    fn several_zstd_frames_with_a_skippable_one_are_joined() {
        let to_skip = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
        let packed = [to_skip, zstd(b"one\n"), zstd(b"two\n")].concat();
        let (text, failure) = decode(packed, Magic::Zstd);
        assert_eq!(text, "one\ntwo\n");
        assert!(failure.is_none());
    }

    /// Two million empty frames took nine seconds when each got its own decoder.
    #[test]
    fn empty_member_costs_less_than_a_new_decoder() {
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

    /// The same text in every format.
    fn packed(text: &[u8]) -> [(Vec<u8>, Magic); 4] {
        [
            (gzip(text), Magic::Gzip),
            (zstd(text), Magic::Zstd),
            (bzip2(text), Magic::Bzip2),
            (xz(text), Magic::Xz),
        ]
    }

    #[test]
    fn several_streams_of_bzip2_and_xz_are_joined() {
        let long = "2 123456789012 eni-1 OK\n".repeat(100_000);
        for (one, magic) in packed(long.as_bytes()) {
            assert_eq!(Magic::of(&one), magic);
            let empty = packed(b"").into_iter().find(|(_, other)| *other == magic);
            let (text, failure) = decode([one.clone(), empty.unwrap().0, one].concat(), magic);
            assert!(text == [&long[..], &long].concat(), "{magic}");
            assert!(failure.is_none(), "{magic}: {failure:?}");
        }
    }

    /// What `xz -9` writes: its dictionary of 64 MiB is within the limit. One of 1 GiB is not.
    #[test]
    fn large_dictionary_of_xz_is_refused() {
        let mut packed = xz(b"2 OK\n");
        // The dictionary size is the property of the only filter, before padding and checksum.
        assert_eq!(packed[13..17], [0, 0x21, 1, packed[16]]);
        for (dictionary, is_read) in [(0x1c, true), (0x24, false)] {
            packed[16] = dictionary;
            let checksum = crate::archive::testing::crc32(&packed[12..20]);
            packed[20..24].copy_from_slice(&checksum.to_le_bytes());
            let (text, failure) = decode(packed.clone(), Magic::Xz);
            assert_eq!(text == "2 OK\n", is_read, "{failure:?}");
            assert_eq!(failure.is_none(), is_read, "{failure:?}");
        }
    }

    #[test]
    fn utf_16_is_converted_within_compressed_data() {
        let packed = gzip(&utf16("2 OK\n", true));
        let (mut text, packing) = unwrap(source(packed)).unwrap();
        assert_eq!((text.peek(9), packing), (&b"2 OK\n"[..], Some(Magic::Gzip)));
        let (_, packing) = unwrap(source(utf16("2 OK\n", false))).unwrap();
        assert_eq!(packing, Some(Magic::Utf16));
    }

    #[test]
    fn padding_after_the_last_member_is_ignored() {
        for (packed, magic) in packed(b"one") {
            let (text, failure) = decode([packed, vec![0; 300_000]].concat(), magic);
            assert_eq!(text, "one");
            assert!(failure.is_none());
        }
    }

    #[test]
    fn other_bytes_after_the_last_member_are_reported_after_the_text() {
        for (packed, magic) in packed(b"one") {
            let (text, failure) = decode([packed, b"\0\0rubbish".to_vec()].concat(), magic);
            assert_eq!(text, "one");
            assert!(is_trailing_bytes(&failure));
        }
    }

    #[test]
    fn truncated_member_delivers_the_text_before_the_cut() {
        let line = "2 123456789012 eni-1 OK\n".repeat(10_000);
        for (packed, magic) in packed(line.as_bytes()) {
            let (text, failure) = decode(packed[..packed.len() - 3].to_vec(), magic);
            assert!(line.starts_with(&text));
            assert_eq!(failure.unwrap().kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn wrong_checksum_is_reported_after_the_text() {
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
            (gzip(b"PK\x03\x04"), LeftOutReason::Format(Magic::Zip)),
            (wrapped, LeftOutReason::NestedTooDeep),
        ] {
            assert_eq!(unwrap(source(bytes)).err(), Some(reason));
        }
    }
}
