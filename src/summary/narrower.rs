//! What would make a capture smaller that is larger than Wireshark likes.

use std::fmt;

use serde::Serialize;

/// Packets beyond which Wireshark becomes slow, about.
pub const WIRESHARK_PACKETS: u64 = 1_000_000;

/// A filter that leaves fewer packets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Narrower {
    /// The option, as it is typed.
    pub option: String,
    /// Packets that it leaves, about.
    pub packets: u64,
}

impl fmt::Display for Narrower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<40} leaves about {}", self.option, self.packets)
    }
}
