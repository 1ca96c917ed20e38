//! Encodes packets as pcapng or classic pcap.
//!
//! An [`Encoder`] encodes a [`Section`] into the first bytes of a capture, and each [`Frame`] into
//! the bytes of one packet. It holds no state between frames, so any thread may encode any part of
//! the capture into its own buffer. [`crate::output`] writes the buffers; [`Format`] and
//! [`part_names`] interpret the name of a capture. [`StoredBlocks`] reads captures of this program again,
//! to merge them. None of these depends on flow logs, or invents
//! time, order or names.
//!
//! # Invariants
//! * There is one section; every interface and every name comes before the first packet.
//! * All numbers are little-endian on every machine, so that the same input gives the same bytes.
//! * Features on which readers are known to fail are not used: no custom blocks, no `epb_verdict`,
//!   no `if_tsoffset`, only one name per address.

mod format;
mod frame;
mod link;
mod names;
mod section;
mod stored_blocks;

use std::borrow::Cow;

use crate::printable::printable;

pub use self::{
    format::{EXAMPLE, Format, part_names},
    frame::{Encoder, Frame, FrameTemplate},
    link::{LinkType, PacketDirection},
    section::{Interface, Section},
    stored_blocks::{BlockKind, StoredBlock, StoredBlocks, StoredPacket},
};

/// Returns the longest prefix of `text` that has at most `len_max` bytes and ends at a character
/// boundary.
fn cut(text: &str, len_max: usize) -> &str {
    &text[..text.floor_char_boundary(len_max)]
}

/// Returns `text` as Wireshark shows it, on one line: escaped, then cut.
fn line(text: &str, len_max: usize) -> Cow<'_, str> {
    match printable(text) {
        Cow::Borrowed(text) => Cow::Borrowed(cut(text, len_max)),
        Cow::Owned(text) => Cow::Owned(cut(&text, len_max).to_owned()),
    }
}

/// The maximum of an option's 16-bit length: pcapng section 3.5.
const OPTION_LEN_MAX: usize = u16::MAX as usize;

#[cfg(test)]
mod tests;
