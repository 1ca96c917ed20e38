//! What conversion keeps of a record: one way of one conversation, seen at one ENI.
//!
//! A [`crate::record::Record`] borrows its line; an [`Observation`] owns the
//! few numbers that the rebuild needs, so that the line can go. It is plain
//! data of some 130 bytes, and holds no string. What later stages add to it is in types of
//! their own: a [`Candidate`] knows whether the filter matches, and a [`Viewed`] belongs to the
//! view that was chosen.

use std::ops::{Deref, DerefMut};

use crate::flow::{ConnectionKey, EniIndex, TrafficPath, Way};
use crate::record::ObservedFlags;
use crate::time::until_ns;

/// The line that a record came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// `REJECT`, for the reason that the record gives.
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
    /// A reason that this version does not know.
    Other,
}

impl Verdict {
    /// Whether the packets were stopped.
    pub fn is_reject(self) -> bool {
        matches!(self, Self::Reject(_))
    }
}

/// The packets of one record: one way of one conversation in one interval at one ENI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The conversation.
    pub key: ConnectionKey,
    /// The way its packets went.
    pub way: Way,
    /// Whether the packets left the ENI (`egress`), entered it, or the record does not say.
    pub leaving: Option<bool>,
    /// The verdict at this ENI.
    pub verdict: Verdict,
    /// `tcp-flags`, the OR over the interval, where the record has them.
    pub flags: Option<ObservedFlags>,
    /// The ENI that saw them.
    pub eni: EniIndex,
    /// By which way they left, where the record says.
    pub path: Option<TrafficPath>,
    /// Packets counted; 1 where the record has no such column.
    pub packets: u64,
    /// Bytes counted from the IP header on, where the record says.
    pub bytes: Option<u64>,
    /// First packet, nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// Last packet, nanoseconds since the Unix epoch; never before the start.
    pub end_ns: i64,
    /// The line it came from.
    pub place: Place,
}

/// An observation on its way to a view: what was logged, and whether the filter matches it.
///
/// Whether others logged the same packets, or the same record came twice, is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What was logged.
    pub observation: Observation,
    /// Whether the filter matches it; true where there is none.
    pub matched: bool,
}

/// An observation as the view counts it that was chosen for its conversation
/// ([`vantage`](crate::flow::vantage)), on that view's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewed {
    /// What was logged: its times by the clock of the view, and of its packets those that are
    /// used.
    pub observation: Observation,
    /// Whether the filter matches it; true where there is none.
    pub matched: bool,
    /// Another ENI that says `REJECT` of the same packets.
    pub rejected_at: Option<EniIndex>,
    /// What was added to start and end to bring them to the view's clock.
    pub clock_ns: i64,
    /// Packets that the record counts as well, but that records of another view have.
    pub left_out: u64,
}

impl From<Observation> for Candidate {
    /// Where there is no filter.
    fn from(observation: Observation) -> Self {
        Self {
            observation,
            matched: true,
        }
    }
}

impl From<Candidate> for Viewed {
    /// As it was logged: all of its packets, by its ENI's clock.
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
    /// Whether its ENI or another one stopped the packets.
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
    /// The bits of `tcp-flags`; none where the record does not say.
    pub fn observed(&self) -> ObservedFlags {
        self.flags.unwrap_or_default()
    }

    /// First instant after those that the record allows for its packets: a
    /// time in whole seconds means any instant of that second.
    pub fn until_ns(&self) -> i64 {
        until_ns(self.end_ns)
    }

    /// What must be equal for two records to be one delivered twice: everything but the line.
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

    /// One TCP record from `10.0.0.1:40000` to `10.0.0.2:443` (`Way::Up`), or back.
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
            path: None,
            packets,
            bytes: Some(bytes),
            start_ns: start_s * SECOND_NS,
            end_ns: end_s * SECOND_NS,
            place: Place::default(),
        }
    }

    /// The same, on its way to a view.
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

    /// The same, in a view.
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

    /// The same with some of what was logged changed.
    pub(crate) fn with<O: DerefMut<Target = Observation>>(
        mut o: O,
        change: impl FnOnce(&mut Observation),
    ) -> O {
        change(&mut o);
        o
    }

    /// The same at the other end's ENI, which it enters if it leaves this one.
    pub(crate) fn there<O: DerefMut<Target = Observation>>(o: O) -> O {
        with(o, |o| {
            o.eni = EniIndex(1);
            o.leaving = o.leaving.map(|leaves| !leaves);
        })
    }

    /// The same, turned away.
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
