//! A segment whose place is settled and whose numbers are not.

use crate::connection::segment::Kind;
use crate::flow::Way;

/// What the merge decides of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    /// Nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Index of the record that counted it.
    pub record: u32,
    /// Octets from the IP header on.
    pub original_len: u32,
    /// Payload octets.
    pub payload: u32,
    /// Octets of the TCP header.
    pub tcp_len: u8,
    /// Which way it goes.
    pub way: Way,
    /// What it does.
    pub kind: Kind,
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

impl Draft {
    /// A segment without payload, SYN or FIN, that must acknowledge something new.
    pub(super) fn is_pure_ack(&self) -> bool {
        self.kind == Kind::Plain && self.payload == 0 && !self.idle && !self.late
    }

    /// Sequence numbers that it takes up and a pure ACK can be for: payload,
    /// and one for a SYN-ACK or FIN. The SYN's is the SYN-ACK's to acknowledge.
    pub(super) fn units(&self) -> u32 {
        match self.kind {
            _ if self.again => 0,
            Kind::SynAck | Kind::Fin => self.payload + 1,
            _ => self.payload,
        }
    }
}
