//! One synthesized packet of a conversation, before it has headers: first without the numbers of
//! its sequence, then with them.

use crate::flow::Way;

/// What a segment does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentKind {
    /// Opens a connection.
    Syn,
    /// Accepts it.
    SynAck,
    /// Data, or an acknowledgement alone where there is no payload.
    Plain,
    /// Ends its sender's data.
    Fin,
    /// Refuses or aborts.
    Rst,
    /// A datagram of UDP, ICMP or any other protocol than TCP.
    Datagram,
}

/// A packet of one conversation with its instant, its size and its numbers.
///
/// Sequence numbers, acknowledgement numbers, windows and the instant within
/// the record's window are synthesized; the sums over a record are observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Index of the record that counted it, among those given.
    pub record: u32,
    /// Bytes from the IP header on.
    pub original_len: u32,
    /// Sequence number; 0 where there is none.
    pub seq: u32,
    /// Acknowledgement number; 0 where there is none.
    pub ack: u32,
    /// The window field, unscaled.
    pub window: u16,
    /// Bytes of the TCP header; 0 where there is none.
    pub tcp_len: u8,
    /// Which way it went.
    pub way: Way,
    /// What it does.
    pub kind: SegmentKind,
    /// Whether it acknowledges anything; a refusing RST does, an aborting one need not.
    pub has_ack: bool,
    /// Whether it carries payload.
    pub has_payload: bool,
    /// Whether it is the first packet of its record.
    pub is_first: bool,
}

/// What the merge decides of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentDraft {
    /// Nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Index of the record that counted it.
    pub record: u32,
    /// Bytes from the IP header on.
    pub original_len: u32,
    /// Payload bytes.
    pub payload: u32,
    /// Bytes of the TCP header.
    pub tcp_len: u8,
    /// Which way it goes.
    pub way: Way,
    /// What it does.
    pub kind: SegmentKind,
    /// Whether it repeats a SYN or FIN that went before.
    pub again: bool,
    /// Whether nothing is there for it to acknowledge: a keep-alive, or the answer to one.
    pub idle: bool,
    /// Whether it is a pure ACK that the network delivered late, behind newer data: nothing is there
    /// for it to acknowledge, and Wireshark says nothing of one whose place in the sequence has passed.
    pub late: bool,
    /// Whether it is the first of its record.
    pub is_first: bool,
}

impl SegmentDraft {
    /// A segment without payload, SYN or FIN, that must acknowledge something new.
    pub(super) fn is_pure_ack(&self) -> bool {
        self.kind == SegmentKind::Plain && self.payload == 0 && !self.idle && !self.late
    }

    /// Sequence numbers that it takes up and a pure ACK can be for: payload,
    /// and one for a SYN-ACK or FIN. The SYN's is the SYN-ACK's to acknowledge.
    pub(super) fn units(&self) -> u32 {
        match self.kind {
            _ if self.again => 0,
            SegmentKind::SynAck | SegmentKind::Fin => self.payload + 1,
            _ => self.payload,
        }
    }
}
