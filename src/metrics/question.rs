//! What is asked of an archive: sums of what, by what, of which packets.

use std::str::FromStr;

use serde::Serialize;

use crate::flow::TCP;

use super::dimension::{Dimension, PacketFacts};

/// Something that can be added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Packets that records count.
    Packets,
    /// Bytes that they count, from the IP header on.
    Bytes,
    /// Records.
    Records,
    /// Connections, and conversations that are not TCP.
    Connections,
}

/// A text that names no measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected some of packets, bytes, records, connections")]
pub struct MeasureError;

impl Measure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Packets, Self::Bytes, Self::Records, Self::Connections];

    /// The word for it, as it is typed and printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Packets => "packets",
            Self::Bytes => "bytes",
            Self::Records => "records",
            Self::Connections => "connections",
        }
    }
}

impl FromStr for Measure {
    type Err = MeasureError;

    /// Reads its name.
    fn from_str(text: &str) -> Result<Self, MeasureError> {
        let mut all = Self::ALL.into_iter();
        all.find(|measure| measure.name() == text)
            .ok_or(MeasureError)
    }
}

/// What some packets add up to; sums of 128 bits never overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Packets.
    pub packets: u128,
    /// Bytes, from the IP header on.
    pub bytes: u128,
    /// Records that begin here.
    pub records: u64,
    /// Connections that begin here.
    pub connections: u64,
}

impl Counts {
    /// The sum that was asked for.
    pub fn get(&self, measure: Measure) -> u128 {
        match measure {
            Measure::Packets => self.packets,
            Measure::Bytes => self.bytes,
            Measure::Records => self.records.into(),
            Measure::Connections => self.connections.into(),
        }
    }

    /// Takes in what other packets add up to.
    pub fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.records += other.records;
        self.connections += other.connections;
    }
}

/// Which packets are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuestionScope {
    /// Only those that were stopped.
    pub rejected: bool,
    /// Only those of this IANA number.
    pub protocol: Option<u8>,
}

impl QuestionScope {
    pub(super) fn holds(self, facts: &PacketFacts<'_>) -> bool {
        let is_of = |protocol| facts.observation.key.protocol == protocol;
        self.protocol.is_none_or(is_of) && (!self.rejected || facts.is_rejected())
    }
}

/// One question; its answer is a [`Table`](super::Table).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What the answer is called, in lower case with `_` between words; the name of the measure if
    /// there is none.
    pub name: Option<&'static str>,
    /// Which packets are added up.
    pub scope: QuestionScope,
    /// What their sums are taken by; one sum in all if by nothing.
    pub by: Vec<Dimension>,
    /// The sums to tell, at least one; the first says which are the largest.
    pub measures: Vec<Measure>,
    /// How many of the largest are told by themselves; as many as there is room for if none.
    pub top: Option<usize>,
}

impl Question {
    /// Sums of these measures by these dimensions, of all packets.
    pub fn of(by: Vec<Dimension>, measures: Vec<Measure>) -> Self {
        Self {
            name: None,
            scope: QuestionScope::default(),
            by,
            measures,
            top: None,
        }
    }

    /// The two that network teams alarm on: rejected TCP packets, and rejected packets by protocol.
    pub fn alarms() -> [Self; 2] {
        let rejected = |name, protocol, by| Self {
            name: Some(name),
            scope: QuestionScope {
                rejected: true,
                protocol,
            },
            ..Self::of(by, vec![Measure::Packets])
        };
        [
            rejected("rejected_tcp_packets", Some(TCP), Vec::new()),
            rejected("rejected_packets", None, vec![Dimension::Protocol]),
        ]
    }

    /// What the sums of a measure are called, in lower case with `_` between words.
    pub fn metric(&self, measure: Measure) -> &'static str {
        self.name.unwrap_or(measure.name())
    }

    /// Whether packets have to be joined to connections before they can be counted.
    pub fn is_of_connections(&self) -> bool {
        self.by.contains(&Dimension::Outcome) || self.measures.contains(&Measure::Connections)
    }
}
