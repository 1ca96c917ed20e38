//! Examples of findings: one connection of each, packet by packet.
//!
//! A finding names the lines that prove it. When the conversations are counted, the connections of
//! these lines are rebuilt as [`convert`](crate::pipeline::convert()) rebuilds them, and one of them
//! becomes a [`Ladder`]: who sent what to whom, in few enough steps to be drawn. Only ladders are
//! kept, so memory does not grow with the archive.

mod examples;
mod steps;

use crate::connection::Outcome;
use crate::flow::Endpoint;

pub(super) use self::examples::Examples;

/// One connection as a drawing shows it, from its rebuilt packets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ladder {
    /// IANA protocol number.
    pub protocol: u8,
    /// The endpoint that opened the connection.
    pub initiator: Endpoint,
    /// The other endpoint.
    pub responder: Endpoint,
    /// How the connection went.
    pub outcome: Outcome,
    /// The ENI whose records were rebuilt.
    pub logged_at: String,
    /// The ENIs that rejected packets, those of the initiator's side first.
    pub rejecting: Vec<RejectingEni>,
    /// What was sent, in order of time.
    pub steps: Vec<LadderStep>,
    /// The packets between those steps for which there was no room.
    pub omitted: Option<OmittedPackets>,
    /// Packets that the records count.
    pub packets_logged: u64,
    /// Packets that were rebuilt; fewer than logged where large transfers are merged.
    pub packets_rebuilt: u64,
}

/// An ENI that rejected packets of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RejectingEni {
    /// Its name.
    pub name: String,
    /// Whether it belongs to the initiator's side; `None` where no record gives the direction.
    pub is_at_initiator: Option<bool>,
}

/// One packet, or several of one kind that one side sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LadderStep {
    /// When the first packet was sent, nanoseconds since the Unix epoch.
    pub first_ns: i64,
    /// When the last packet was sent, in nanoseconds since the epoch.
    pub last_ns: i64,
    /// Whether the initiator sent it.
    pub by_initiator: bool,
    /// What the packets do.
    pub kind: LadderPacket,
    /// How many packets carry data; all of them where the protocol is not TCP.
    pub packets: u64,
    /// Their bytes: payload of TCP, and whole packets of other protocols.
    pub bytes: u64,
    /// How many packets only acknowledge.
    pub acks: u64,
    /// Index in [`Ladder::rejecting`] of the ENI where the packets ended.
    pub rejected_by: Option<usize>,
}

/// What the packets of one step do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LadderPacket {
    /// Opens a connection.
    Syn,
    /// Accepts it.
    SynAck,
    /// Carries data or acknowledges.
    Data,
    /// Ends its sender's data.
    Fin,
    /// Refuses or aborts.
    Rst,
    /// A packet of another protocol than TCP.
    Datagram,
}

/// Packets that a ladder leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OmittedPackets {
    /// How many steps come before them.
    pub after: usize,
    /// How many packets there are.
    pub packets: u64,
}
