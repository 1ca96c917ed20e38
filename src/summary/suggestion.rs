//! Filters that would make a capture smaller that is larger than Wireshark likes.

use serde::Serialize;

/// Packets beyond which Wireshark becomes slow, about.
pub const WIRESHARK_PACKETS: u64 = 1_000_000;

/// A filter that leaves fewer packets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FilterSuggestion {
    /// What it asks for, as an expression that [`crate::filter::Expression`] reads.
    pub filter: String,
    /// Packets that it leaves, about.
    pub packets: u64,
}
