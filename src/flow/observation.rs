//! The values of a record that conversion keeps: one direction of one conversation, seen at one
//! ENI.
//!
//! A [`crate::record::Record`] borrows its line; an [`Observation`] owns the few numbers that the
//! rebuild needs, so that the line can be dropped. It is plain data of about 130 bytes and has no
//! strings. Later stages add facts in separate types: a [`Candidate`] knows whether the filter
//! matches, and a [`Viewed`] belongs to the chosen view.

use std::ops::{Deref, DerefMut};

use crate::flow::{ConnectionKey, EniIndex, ReasonIndex, TagsIndex, TrafficPath, Way};
use crate::record::{ByteUnit, ObservedFlags, bare_headers_len};
use crate::time::until_ns;

/// The line that a record came from.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Place {
    /// Index into the list of input files.
    pub file: u32,
    /// Line in the file, from 1.
    pub line: u64,
}

/// The verdict of security groups and network ACLs on a record's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// `ACCEPT`, or no verdict in the record.
    Accept,
    /// `REJECT`, with the reason from the record.
    Reject(RejectReason),
}

/// `reject-reason`, a field since version 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RejectReason {
    /// `-` or no such column: a security group or a network ACL.
    Unsaid,
    /// `BPA`: VPC Block Public Access.
    BlockPublicAccess,
    /// `EC`: VPC Encryption Controls.
    EncryptionControls,
    /// `network-firewall`: AWS Network Firewall. Its logs have no such column: the reader of the
    /// logs adds the reason to flows with a drop verdict.
    NetworkFirewall,
    /// A reason that this version does not know.
    Other(ReasonIndex),
}

impl Verdict {
    /// Whether the packets were blocked.
    pub fn is_reject(self) -> bool {
        matches!(self, Self::Reject(_))
    }
}

/// The packets of one record: one direction of one conversation in one interval at one ENI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The conversation.
    pub key: ConnectionKey,
    /// The direction of its packets.
    pub way: Way,
    /// Whether the packets left the ENI (`egress`) or entered it; `None` if the record does not
    /// say.
    pub leaving: Option<bool>,
    /// The verdict at this ENI.
    pub verdict: Verdict,
    /// `tcp-flags`, the OR over the interval, if the record has them.
    pub flags: Option<ObservedFlags>,
    /// The ENI that saw the packets.
    pub eni: EniIndex,
    /// The tags in the record.
    pub tags: TagsIndex,
    /// The path by which the packets left, if the record has it.
    pub path: Option<TrafficPath>,
    /// The packet count; 1 if the record has no such column.
    pub packets: u64,
    /// The byte count, from the IP header on, if the record has it.
    pub bytes: Option<u64>,
    /// What the log counts as bytes. `bytes` counts from the IP header on in any case.
    pub byte_unit: ByteUnit,
    /// The round trip time in milliseconds that the log measured, if it has one.
    pub rtt_ms: Option<u16>,
    /// Time of the first packet, in nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// Time of the last packet, in nanoseconds since the Unix epoch; never before the start.
    pub end_ns: i64,
    /// The line it came from.
    pub place: Place,
}

/// An observation before a view is chosen: the logged values, and whether the filter matches.
///
/// It is not yet known whether other ENIs logged the same packets, or whether the same record was
/// delivered twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The logged values.
    pub observation: Observation,
    /// Whether the filter matches it; true if there is no filter.
    pub matched: bool,
}

/// An observation as it is counted in the view chosen for its conversation
/// ([`vantage`](crate::flow::vantage)), on that view's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewed {
    /// The logged values: times by the clock of the view, and only the packets that are used.
    pub observation: Observation,
    /// Whether the filter matches it; true if there is no filter.
    pub matched: bool,
    /// Another ENI that logged `REJECT` for the same packets.
    pub rejected_at: Option<EniIndex>,
    /// Nanoseconds added to start and end to convert them to the view's clock.
    pub clock_ns: i64,
    /// Packets counted by this record but left to records of another view.
    pub left_out: u64,
}

impl From<Observation> for Candidate {
    /// Converts an observation where there is no filter.
    fn from(observation: Observation) -> Self {
        Self {
            observation,
            matched: true,
        }
    }
}

impl From<Candidate> for Viewed {
    /// Keeps the record as it was logged: all of its packets, by its ENI's clock.
    fn from(candidate: Candidate) -> Self {
        Self {
            observation: candidate.observation,
            matched: candidate.matched,
            rejected_at: None,
            clock_ns: 0,
            left_out: 0,
        }
    }
}

impl From<Observation> for Viewed {
    fn from(observation: Observation) -> Self {
        Candidate::from(observation).into()
    }
}

impl Viewed {
    /// Whether this ENI or another one blocked the packets.
    pub fn is_rejected(&self) -> bool {
        self.verdict.is_reject() || self.rejected_at.is_some()
    }
}

impl Deref for Candidate {
    type Target = Observation;

    fn deref(&self) -> &Observation {
        &self.observation
    }
}

impl DerefMut for Candidate {
    fn deref_mut(&mut self) -> &mut Observation {
        &mut self.observation
    }
}

impl Deref for Viewed {
    type Target = Observation;

    fn deref(&self) -> &Observation {
        &self.observation
    }
}

impl DerefMut for Viewed {
    fn deref_mut(&mut self) -> &mut Observation {
        &mut self.observation
    }
}

impl Observation {
    /// Returns the bits of `tcp-flags`; no bits if the record has no such value.
    pub fn observed(&self) -> ObservedFlags {
        self.flags.unwrap_or_default()
    }

    /// Returns the byte count as it was logged, in [`Observation::byte_unit`].
    pub fn logged_bytes(&self) -> Option<u64> {
        let headers = bare_headers_len(self.key.protocol, self.key.is_ipv6());
        let logged = |bytes| self.byte_unit.logged_bytes(bytes, self.packets, headers);
        self.bytes.map(logged)
    }

    /// Returns the first instant after the record's window: a time in whole seconds means any
    /// instant of that second.
    pub fn until_ns(&self) -> i64 {
        until_ns(self.end_ns)
    }

    /// Returns everything that must be equal for two records to be one record delivered twice: all
    /// fields except the line.
    pub(crate) fn content(&self) -> impl Ord + use<> {
        let way = (self.start_ns, self.way, self.end_ns, self.eni, self.leaving);
        (way, self.packets, self.bytes, self.flags, self.verdict)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::flow::{Endpoint, FiveTuple, TCP};
    use crate::time::SECOND_NS;

    /// Builds one TCP record from `10.0.0.1:40000` to `10.0.0.2:443` (`Way::Up`), or back.
    pub(crate) fn observation(
        way: Way,
        packets: u64,
        bytes: u64,
        start_s: i64,
        end_s: i64,
        flags: u8,
    ) -> Observation {
        let tuple = FiveTuple {
            source: Endpoint {
                address: "10.0.0.1".parse().unwrap(),
                port: 40000,
            },
            destination: Endpoint {
                address: "10.0.0.2".parse().unwrap(),
                port: 443,
            },
            protocol: TCP,
        };
        Observation {
            key: tuple.key().0,
            way,
            leaving: Some(way == Way::Up),
            verdict: Verdict::Accept,
            flags: Some(ObservedFlags(flags)),
            eni: EniIndex(0),
            tags: TagsIndex(0),
            path: None,
            packets,
            bytes: Some(bytes),
            byte_unit: ByteUnit::IpPacket,
            rtt_ms: None,
            start_ns: start_s * SECOND_NS,
            end_ns: end_s * SECOND_NS,
            place: Place::default(),
        }
    }

    /// Builds the same as a candidate.
    pub(crate) fn candidate(
        way: Way,
        packets: u64,
        bytes: u64,
        start_s: i64,
        end_s: i64,
        flags: u8,
    ) -> Candidate {
        observation(way, packets, bytes, start_s, end_s, flags).into()
    }

    /// Builds the same in a view.
    pub(crate) fn viewed(
        way: Way,
        packets: u64,
        bytes: u64,
        start_s: i64,
        end_s: i64,
        flags: u8,
    ) -> Viewed {
        observation(way, packets, bytes, start_s, end_s, flags).into()
    }

    /// Returns the same record with some logged values changed.
    pub(crate) fn with<O: DerefMut<Target = Observation>>(
        mut o: O,
        change: impl FnOnce(&mut Observation),
    ) -> O {
        change(&mut o);
        o
    }

    /// Returns the same record at the other end's ENI, which it enters if it leaves this one.
    pub(crate) fn there<O: DerefMut<Target = Observation>>(o: O) -> O {
        with(o, |o| {
            o.eni = EniIndex(1);
            o.leaving = o.leaving.map(|leaves| !leaves);
        })
    }

    /// Returns the same record with a rejected verdict.
    pub(crate) fn rejected<O: DerefMut<Target = Observation>>(o: O) -> O {
        with(o, |o| o.verdict = Verdict::Reject(RejectReason::Unsaid))
    }

    #[test]
    fn window_of_whole_seconds_includes_the_last_second() {
        let o = observation(Way::Up, 1, 40, 10, 12, 2);
        assert_eq!((o.start_ns, o.until_ns()), (10_000_000_000, 13_000_000_000));
    }

    #[test]
    fn window_of_milliseconds_includes_the_last_millisecond() {
        let mut o = observation(Way::Up, 1, 40, 10, 12, 2);
        o.end_ns = 12_345_000_000;
        assert_eq!(o.until_ns(), 12_346_000_000);
    }
}
