//! One synthesized packet of a conversation, before it has headers: first without sequence numbers,
//! then with them.

use crate::flow::Way;

/// The kind of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentKind {
    /// Opens a connection (SYN).
    Syn,
    /// Accepts a connection (SYN-ACK).
    SynAck,
    /// Carries data, or only an acknowledgement if there is no payload.
    Plain,
    /// Ends its sender's data (FIN).
    Fin,
    /// Refuses or aborts a connection (RST).
    Rst,
    /// A datagram of UDP, ICMP or any other protocol except TCP.
    Datagram,
}

/// A packet of a conversation, with its time, size and sequence numbers.
///
/// Sequence numbers, acknowledgement numbers, windows and the time within the record's window are
/// synthesized; the sums over a record are observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The time, in nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Index of its record in the slice that was rebuilt.
    pub record: u32,
    /// Length in bytes, from the start of the IP header.
    pub original_len: u32,
    /// Sequence number; 0 if the protocol has none.
    pub seq: u32,
    /// Acknowledgement number; 0 if the protocol has none.
    pub ack: u32,
    /// The window field, unscaled.
    pub window: u16,
    /// Length of the TCP header in bytes; 0 if the protocol is not TCP.
    pub tcp_len: u8,
    /// Its direction.
    pub way: Way,
    /// Its kind.
    pub kind: SegmentKind,
    /// Whether the ACK flag is set. A RST that refuses has it; a RST that aborts need not.
    pub has_ack: bool,
    /// Whether it carries payload.
    pub has_payload: bool,
    /// Whether it is the first packet of its record.
    pub is_first: bool,
}

/// A segment after the merge, before it has sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentDraft {
    /// The time, in nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Index of the record that counted it.
    pub record: u32,
    /// Length in bytes, from the start of the IP header.
    pub original_len: u32,
    /// Payload in bytes.
    pub payload: u32,
    /// Length of the TCP header in bytes.
    pub tcp_len: u8,
    /// Its direction.
    pub way: Way,
    /// Its kind.
    pub kind: SegmentKind,
    /// Whether it repeats an earlier SYN or FIN.
    pub again: bool,
    /// Whether it has nothing to acknowledge: a keep-alive, or the answer to one.
    pub idle: bool,
    /// Whether it is a pure ACK that the network delivered late, after newer data. It has nothing
    /// new to acknowledge, and Wireshark does not flag an ACK below the latest acknowledgement.
    pub late: bool,
    /// Whether it is the first segment of its record.
    pub is_first: bool,
    /// What it leaves for later ACKs; known when all segments are in order.
    pub held: HeldBack,
}

/// What a segment leaves for the pure ACKs of its side that follow before anything new arrives: so many
/// segments if there are as many, else so many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HeldBack {
    pub segments: u32,
    pub bytes: u32,
}

impl SegmentDraft {
    /// Whether it has no payload, SYN or FIN, and must acknowledge something new.
    pub(super) fn is_pure_ack(&self) -> bool {
        self.kind == SegmentKind::Plain && self.payload == 0 && !self.idle && !self.late
    }

    /// Returns the number of sequence numbers that it consumes and that a pure ACK can acknowledge:
    /// its payload, and one for a SYN-ACK or FIN. The SYN-ACK acknowledges the SYN.
    pub(super) fn units(&self) -> u32 {
        match self.kind {
            _ if self.again => 0,
            SegmentKind::SynAck | SegmentKind::Fin => self.payload + 1,
            _ => self.payload,
        }
    }
}
