//! The capture: packets in, pcapng (or classic pcap) out.
//!
//! An [`Encoder`] turns a [`Section`] into the bytes a capture opens with, and
//! each [`Frame`] into the bytes of one packet. It holds no state between frames,
//! so any thread may encode any part of the capture into its own buffer. Where those
//! buffers go is for [`crate::output`]; what its name means for a capture is in [`Format`] and
//! [`part_names`]. None of these knows flow logs, or makes up time, order or names.
//!
//! # Invariants
//! * One section; every interface and every name comes before the first packet.
//! * All numbers are little-endian, whatever the machine: same input, same bytes.
//! * Nothing a reader has been seen to stumble over: no custom blocks, no
//!   `epb_verdict`, no `if_tsoffset`, one name an address.

mod format;
mod frame;
mod link;
mod names;
mod section;

use std::borrow::Cow;

use crate::printable::printable;

pub use self::{
    format::{EXAMPLE, Format, part_names},
    frame::{Encoder, Frame},
    link::{LinkType, PacketDirection},
    section::{Interface, Section},
};

/// The longest prefix of `text` that has at most `len_max` bytes and ends at a
/// character boundary.
fn cut(text: &str, len_max: usize) -> &str {
    &text[..text.floor_char_boundary(len_max)]
}

/// `text` as Wireshark shows it to a person, on one line: printable, then cut.
fn line(text: &str, len_max: usize) -> Cow<'_, str> {
    match printable(text) {
        Cow::Borrowed(text) => Cow::Borrowed(cut(text, len_max)),
        Cow::Owned(text) => Cow::Owned(cut(&text, len_max).to_owned()),
    }
}

/// What an option's 16-bit length can say: pcapng section 3.5.
const OPTION_LEN_MAX: usize = u16::MAX as usize;

#[cfg(test)]
mod tests;
