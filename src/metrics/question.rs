//! Questions about an archive: which sums, by which dimensions, over which packets.

use std::str::FromStr;

use serde::Serialize;

use crate::flow::TCP;

use super::dimension::{Dimension, PacketFacts};

/// A quantity that can be summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Packets counted by records.
    Packets,
    /// Bytes counted by records, from the IP header on.
    Bytes,
    /// Records.
    Records,
    /// Connections, including conversations that are not TCP.
    Connections,
}

/// Error for a text that is not the name of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected some of packets, bytes, records, connections")]
pub struct MeasureError;

impl Measure {
    /// All measures.
    pub const ALL: [Self; 4] = [Self::Packets, Self::Bytes, Self::Records, Self::Connections];

    /// Returns the name for input and output.
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

    /// Parses its name.
    fn from_str(text: &str) -> Result<Self, MeasureError> {
        let mut all = Self::ALL.into_iter();
        all.find(|measure| measure.name() == text)
            .ok_or(MeasureError)
    }
}

/// The sums over some packets; sums of 128 bits never overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Packets.
    pub packets: u128,
    /// Bytes, from the IP header on.
    pub bytes: u128,
    /// Records that begin in this bucket.
    pub records: u64,
    /// Connections that begin in this bucket.
    pub connections: u64,
}

impl Counts {
    /// Returns the sum of this measure.
    pub fn get(&self, measure: Measure) -> u128 {
        match measure {
            Measure::Packets => self.packets,
            Measure::Bytes => self.bytes,
            Measure::Records => self.records.into(),
            Measure::Connections => self.connections.into(),
        }
    }

    /// Adds the sums over other packets.
    pub fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.records += other.records;
        self.connections += other.connections;
    }
}

/// The packets that a question counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuestionScope {
    /// Only rejected packets.
    pub rejected: bool,
    /// Only packets of this IANA protocol number.
    pub protocol: Option<u8>,
}

impl QuestionScope {
    pub(super) fn holds(self, facts: &PacketFacts<'_>) -> bool {
        let is_of = |protocol| facts.observation.key.protocol == protocol;
        self.protocol.is_none_or(is_of) && (!self.rejected || facts.is_rejected())
    }
}

/// A question; its answer is a [`Table`](super::Table).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Name of the metric, in lower case with `_` between words; if absent, the name of the
    /// measure.
    pub name: Option<&'static str>,
    /// The packets to count.
    pub scope: QuestionScope,
    /// The dimensions; if empty, there is one sum over all packets.
    pub by: Vec<Dimension>,
    /// The measures to sum up, at least one; series are ranked by the first.
    pub measures: Vec<Measure>,
    /// How many of the largest series are listed; if absent, as many as the memory limit allows.
    pub top: Option<usize>,
}

impl Question {
    /// Creates a question for sums of these measures by these dimensions, over all packets.
    pub fn of(by: Vec<Dimension>, measures: Vec<Measure>) -> Self {
        Self {
            name: None,
            scope: QuestionScope::default(),
            by,
            measures,
            top: None,
        }
    }

    /// Returns the two questions for which network teams usually set alarms: rejected TCP packets,
    /// and rejected packets by protocol.
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

    /// Returns the metric's name for a measure, in lower case with `_` between words.
    pub fn metric(&self, measure: Measure) -> &'static str {
        self.name.unwrap_or(measure.name())
    }

    /// Whether packets must be assigned to connections before they can be counted.
    pub fn is_of_connections(&self) -> bool {
        self.by.contains(&Dimension::Outcome) || self.measures.contains(&Measure::Connections)
    }
}
