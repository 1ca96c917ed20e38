//! What conversion keeps of a record: one way of one conversation, seen at one ENI.
//!
//! A [`crate::record::Record`] borrows its line; an [`Observation`] owns the
//! few numbers that the rebuild needs, so that the line can go. It is plain
//! data of about a hundred octets, and holds no string.

use crate::flow::{ConnectionKey, EniIndex, TrafficPath, Way};
use crate::record::ObservedFlags;
use crate::time::until_ns;

/// The line that a record came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
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
    /// Another ENI that says `REJECT` of the same packets.
    pub rejected_at: Option<EniIndex>,
    /// Packets counted; 1 where the record has no such column.
    pub packets: u64,
    /// Packets that the record counts as well, but that records of another view have.
    pub left_out: u64,
    /// Octets counted from the IP header on, where the record says.
    pub bytes: Option<u64>,
    /// What was added to start and end to bring them to the vantage's clock.
    pub clock_ns: i64,
    /// First packet, nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// Last packet, nanoseconds since the Unix epoch; never before the start.
    pub end_ns: i64,
    /// The line it came from.
    pub place: Place,
    /// Whether it is what was asked for; true where nothing was.
    pub matched: bool,
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
            rejected_at: None,
            clock_ns: 0,
            left_out: 0,
            packets,
            bytes: Some(bytes),
            start_ns: start_s * SECOND_NS,
            end_ns: end_s * SECOND_NS,
            place: Place::default(),
            matched: true,
        }
    }

    /// The same at the other end's ENI, which it enters if it leaves this one.
    pub(crate) fn there(o: Observation) -> Observation {
        Observation {
            eni: EniIndex(1),
            leaving: o.leaving.map(|leaves| !leaves),
            ..o
        }
    }

    /// The same, turned away.
    pub(crate) fn rejected(o: Observation) -> Observation {
        Observation {
            verdict: Verdict::Reject(RejectReason::Unsaid),
            ..o
        }
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
