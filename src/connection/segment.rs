//! One synthesized packet of a conversation, before it has headers.

use crate::flow::Way;

/// What a segment does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
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
    /// Octets from the IP header on.
    pub original_len: u32,
    /// Sequence number; 0 where there is none.
    pub seq: u32,
    /// Acknowledgement number; 0 where there is none.
    pub ack: u32,
    /// The window field, unscaled.
    pub window: u16,
    /// Octets of the TCP header; 0 where there is none.
    pub tcp_len: u8,
    /// Which way it went.
    pub way: Way,
    /// What it does.
    pub kind: Kind,
    /// Whether it acknowledges anything; a refusing RST does, an aborting one need not.
    pub has_ack: bool,
    /// Whether it carries payload.
    pub has_payload: bool,
    /// Whether it is the first packet of its record.
    pub is_first: bool,
}
