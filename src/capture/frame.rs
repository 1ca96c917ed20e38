//! The encoding of one packet of the capture.
//!
//! pcap-file builds an Enhanced Packet Block from a dozen small writes, and does so twice. Packets
//! are most of a capture, so their blocks are laid out here by hand:
//!
//! ```text
//! type | block length | interface | time high | time low | captured | original
//! link header, packet headers, padding to 4
//! [ comment option ] [ flags option ] [ end of options ]
//! block length
//! ```
//!
//! A test compares this byte for byte with the output of pcap-file. Change the layout there first.

use std::ops::Range;

use super::{
    OPTION_LEN_MAX, cut,
    format::Format,
    link::{LinkType, PacketDirection},
    section::{self, Section},
};
use crate::error::{Error, Result};

/// One packet, not yet placed in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The time in nanoseconds since the Unix epoch. Classic pcap ends in 2106 and stores later
    /// times as its last second.
    pub time_ns: u64,
    /// Index into [`Section::interfaces`].
    pub interface: u32,
    /// The direction, into or out of the interface's host, if known.
    pub direction: Option<PacketDirection>,
    /// Length on the wire in bytes from the IP header on; at least `headers.len()`.
    pub original_len: u32,
    /// The packet's headers, IP header first.
    pub headers: &'a [u8],
    /// The comment, cut to 65,535 bytes. Classic pcap has none.
    pub comment: Option<&'a str>,
}

/// Encodes a section and its frames into bytes. Holds no state between calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoder {
    format: Format,
    link: LinkType,
}

impl Encoder {
    /// Creates an encoder for one format and link type.
    pub fn new(format: Format, link: LinkType) -> Self {
        Self { format, link }
    }

    /// Returns the bytes before the first frame.
    ///
    /// # Errors
    /// Returns [`Usage`](crate::error::ErrorKind::Usage) if pcap-file refuses the section.
    pub fn preamble(&self, section: &Section) -> Result<Vec<u8>> {
        let refused = |e: &dyn std::error::Error| {
            Error::usage(format!("cannot write the beginning of the capture: {e}"))
        };
        match self.format {
            Format::Pcapng => section.to_pcapng(self.link).map_err(|e| refused(&e)),
            Format::Pcap => section::pcap_header(self.link).map_err(|e| refused(&e)),
        }
    }

    /// Appends one frame.
    #[inline]
    pub fn frame(&self, out: &mut Vec<u8>, frame: &Frame<'_>) {
        let captured_len = self.link.header_len() + len_u32(frame.headers);
        let original_len = self.link.header_len() + frame.original_len;
        debug_assert!(captured_len <= original_len, "pcapng section 4.3");
        match self.format {
            Format::Pcapng => self.enhanced_packet(out, frame, captured_len, original_len),
            Format::Pcap => self.record(out, frame, captured_len, original_len),
        }
    }

    /// Returns the template of frames without comment that are like this one but for their time, length
    /// and headers; `None` for classic pcap, and for more than 72 bytes of headers: IPv6, TCP and timestamps.
    pub fn template(&self, frame: &Frame<'_>) -> Option<FrameTemplate> {
        if self.format != Format::Pcapng || frame.headers.len() > HEADERS_MAX {
            return None;
        }
        let mut built = Vec::with_capacity(TEMPLATE_MAX);
        self.frame(
            &mut built,
            &Frame {
                comment: None,
                ..*frame
            },
        );
        let mut bytes = [0; TEMPLATE_MAX];
        bytes[..built.len()].copy_from_slice(&built);
        let link_len = self.link.header_len();
        let headers_at = HEAD_LEN + usize::try_from(link_len).unwrap_or(0);
        Some(FrameTemplate {
            bytes,
            len: built.len(),
            headers: headers_at..headers_at + frame.headers.len(),
            link_len,
        })
    }

    /// Returns the [`Frame::original_len`] of a frame from its encoding by [`frame`](Self::frame).
    ///
    /// # Panics
    /// Panics if `bytes` is not such a frame.
    pub fn original_len(&self, bytes: &[u8]) -> u32 {
        let at = match self.format {
            Format::Pcapng => ORIGINAL_AT,
            Format::Pcap => 12,
        };
        let len = bytes[at..].first_chunk().expect("a frame is longer");
        u32::from_le_bytes(*len) - self.link.header_len()
    }

    /// Appends an Enhanced Packet Block (pcapng section 4.3).
    #[inline]
    fn enhanced_packet(&self, out: &mut Vec<u8>, frame: &Frame<'_>, captured: u32, original: u32) {
        let comment = frame.comment.map(|comment| cut(comment, OPTION_LEN_MAX));
        let options_len = match (comment, frame.direction) {
            (None, None) => 0,
            (comment, direction) => {
                comment.map_or(0, |comment| 4 + padded(len_u32(comment.as_bytes())))
                    + direction.map_or(0, |_| 8)
                    + 4
            }
        };
        let block_len = 28 + padded(captured) + options_len + 4;
        let [high, low] = [(frame.time_ns >> 32), frame.time_ns & 0xffff_ffff];
        let fixed = [
            ENHANCED_PACKET,
            block_len,
            frame.interface,
            half(high),
            half(low),
            captured,
            original,
        ];
        out.reserve(usize::try_from(block_len).unwrap_or(0));
        put_u32s(out, fixed);
        self.link
            .emit(frame.interface, frame.direction, frame.headers, out);
        out.extend_from_slice(frame.headers);
        pad(out, captured);
        if let (None, Some(direction)) = (comment, frame.direction) {
            // Most packets: all that follows in one piece.
            let head = EPB_FLAGS_HEAD;
            put_u32s(out, [head, direction.flags(), OPT_ENDOFOPT, block_len]);
            return;
        }
        if let Some(comment) = comment {
            put_option_head(out, OPT_COMMENT, comment.len());
            out.extend_from_slice(comment.as_bytes());
            pad(out, len_u32(comment.as_bytes()));
        }
        if let Some(direction) = frame.direction {
            put_option_head(out, EPB_FLAGS, 4);
            put_u32s(out, [direction.flags()]);
        }
        if options_len > 0 {
            put_u32s(out, [OPT_ENDOFOPT]);
        }
        put_u32s(out, [block_len]);
    }

    /// Appends a record of classic pcap (draft-ietf-opsawg-pcap section 5).
    #[inline]
    fn record(&self, out: &mut Vec<u8>, frame: &Frame<'_>, captured: u32, original: u32) {
        let seconds = u32::try_from(frame.time_ns / NS_PER_S).unwrap_or(u32::MAX);
        let fraction = half(frame.time_ns % NS_PER_S);
        put_u32s(out, [seconds, fraction, captured, original]);
        self.link
            .emit(frame.interface, frame.direction, frame.headers, out);
        out.extend_from_slice(frame.headers);
    }
}

/// The most headers of a packet in a [`FrameTemplate`]: IPv6, TCP and timestamps, in bytes.
const HEADERS_MAX: usize = 40 + 20 + 12;

/// The part of a block before its packet.
const HEAD_LEN: usize = 28;

/// The head, an Ethernet header, the headers, padding, flags, and the end.
const TEMPLATE_MAX: usize = HEAD_LEN + 14 + HEADERS_MAX + 2 + 12 + 4;

/// The block of a packet without comment, from which others are copied: those of one interface and one
/// direction, with headers of the same length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameTemplate {
    bytes: [u8; TEMPLATE_MAX],
    len: usize,
    /// Where the packet's headers are.
    headers: Range<usize>,
    link_len: u32,
}

impl FrameTemplate {
    /// Appends a frame with this time and length, which are as in [`Frame`]; returns its headers, still
    /// those of the template.
    #[inline]
    pub fn emit<'o>(&self, time_ns: u64, original_len: u32, out: &'o mut Vec<u8>) -> &'o mut [u8] {
        let begin = out.len();
        // A copy of a known length takes a few moves instead of a call.
        out.extend_from_slice(&self.bytes);
        out.truncate(begin + self.len);
        let block = &mut out[begin..];
        let head = block.first_chunk_mut::<HEAD_LEN>();
        let head = head.expect("a block is longer than its head");
        let [a, b, c, d, e, f, g, h] = time_ns.to_le_bytes();
        head[TIME_AT..TIME_AT + 8].copy_from_slice(&[e, f, g, h, a, b, c, d]);
        let original_len = self.link_len + original_len;
        head[ORIGINAL_AT..ORIGINAL_AT + 4].copy_from_slice(&original_len.to_le_bytes());
        &mut block[self.headers.clone()]
    }
}

/// Offsets of the time, whose upper half comes first, and of the original length in a block (pcapng section 4.3).
const TIME_AT: usize = 12;
const ORIGINAL_AT: usize = 24;

fn put_u32s<const N: usize>(out: &mut Vec<u8>, words: [u32; N]) {
    out.extend_from_slice(words.map(u32::to_le_bytes).as_flattened());
}

/// Appends the code and length of an option; the length does not count the padding.
fn put_option_head(out: &mut Vec<u8>, code: u16, value_len: usize) {
    let value_len = u16::try_from(value_len).unwrap_or(u16::MAX);
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&value_len.to_le_bytes());
}

/// Appends the zeros that pad `len` bytes to a multiple of 4.
fn pad(out: &mut Vec<u8>, len: u32) {
    let count = usize::try_from(padded(len) - len).unwrap_or(0);
    if count > 0 {
        out.extend_from_slice(&[0; 3][..count]);
    }
}

fn padded(len: u32) -> u32 {
    len.next_multiple_of(4)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "headers and cut comments are short"
)]
fn len_u32(bytes: &[u8]) -> u32 {
    bytes.len() as u32
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the caller masks or divides the value first"
)]
fn half(value: u64) -> u32 {
    value as u32
}

const NS_PER_S: u64 = 1_000_000_000;
const ENHANCED_PACKET: u32 = 6;
const OPT_ENDOFOPT: u32 = 0;
const OPT_COMMENT: u16 = 1;
const EPB_FLAGS: u16 = 2;
/// Code and length of the flags.
const EPB_FLAGS_HEAD: u32 = EPB_FLAGS as u32 | 4 << 16;

#[cfg(test)]
mod tests;
