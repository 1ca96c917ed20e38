//! A condition on one record, and its verdict.
//!
//! A [`Term`] tests one value from a record or from the path of its file. If neither has the value,
//! the verdict is `None`, and so is the verdict of every expression that depends on it (Kleene's
//! logic). The same expression can therefore be evaluated on a path alone: `Some(false)` then means
//! that no record in that file can match.

use std::net::IpAddr;

use super::of_event;
use crate::archive::s3_path::S3Name;
use crate::event::Event;
use crate::flow::{TCP, is_egress, protocol};
use crate::record::{Action, Field, Layout, ObservedFlags, Record, TAGS, tag_value};

/// A condition on one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// A single test.
    Term(Term),
    /// The negation of a condition.
    Not(Box<Self>),
    /// All of these conditions.
    All(Vec<Self>),
    /// At least one of these conditions.
    Any(Vec<Self>),
}

/// A test of one value from a record or from the path of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// An address of the packet, or the ENI's own address where the record has only that.
    Host(EndpointSide, Net),
    /// A port in this range, both ends included.
    Port(EndpointSide, u16, u16),
    /// The IANA number of the protocol.
    Protocol(u8),
    /// Whether the packets are IPv6, or IPv4.
    Ipv6(bool),
    /// The verdict of security groups and network ACLs.
    Action(Action),
    /// Whether the packets left the ENI (egress).
    Leaving(bool),
    /// TCP flags, all of which were seen in the aggregation interval.
    Flags(ObservedFlags),
    /// A name in the record or in the path of its file.
    Is(Name, String),
    /// The beginning of a name in the record or in the path of its file.
    Begins(Name, String),
    /// Both ends of the packets, in either direction.
    Between(Peer, Peer),
    /// A comparison of a count with a number.
    Count(CountField, Comparison, u64),
}

/// The end of the packets that a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointSide {
    /// The sender.
    Source,
    /// The receiver.
    Destination,
    /// At least one of the two.
    Either,
    /// Both ends.
    Both,
}

/// Addresses with a common prefix; a single address if the prefix is the whole address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    /// An address in the network.
    pub address: IpAddr,
    /// Length of the common prefix in bits.
    pub prefix_len: u8,
}

/// One end of the packets: its address or network, and its port where that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address, or the network.
    pub net: Net,
    /// The port; none for any.
    pub port: Option<u16>,
}

/// What has a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// The network interface, or its equivalent in other clouds.
    Eni,
    /// The account.
    Account,
    /// The region.
    Region,
    /// The VPC.
    Vpc,
    /// The subnet.
    Subnet,
    /// The instance.
    Instance,
    /// Any tag.
    Tag,
    /// The tag in this column, one of [`TAGS`].
    TagIn(Field),
}

/// A count in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountField {
    /// Packets in the aggregation interval.
    Packets,
    /// Bytes in the aggregation interval.
    Bytes,
}

/// A comparison of a count with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `=` or `==`
    Equal,
    /// `!=`
    Different,
    /// `>=`
    AtLeast,
    /// `>`
    More,
}

/// Everything known when a condition is evaluated.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordFacts<'a> {
    /// The record; `None` if its file is not opened yet.
    pub line: Option<FilteredRecord<'a>>,
    /// The event, in place of a record.
    pub event: Option<&'a Event<'a>>,
    /// The facts in the path of its file.
    pub path: Option<S3Name<'a>>,
}

/// A record and the layout it was read with.
#[derive(Clone, Copy, Debug)]
pub struct FilteredRecord<'a> {
    /// The record.
    pub record: &'a Record<'a>,
    /// The layout it was read with.
    pub layout: &'a Layout,
}

impl Expression {
    /// Joins this condition and `other` with "and".
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::All(mut all) => {
                all.push(other);
                Self::All(all)
            }
            first => Self::All(vec![first, other]),
        }
    }

    /// Joins this condition and `other` with "or".
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Any(mut any) => {
                any.push(other);
                Self::Any(any)
            }
            first => Self::Any(vec![first, other]),
        }
    }

    /// Whether the condition holds; `None` if the facts do not decide.
    pub fn verdict(&self, facts: &RecordFacts<'_>) -> Option<bool> {
        match self {
            Self::Term(term) => term.verdict(facts),
            Self::Not(inner) => inner.verdict(facts).map(|verdict| !verdict),
            Self::All(all) => decide(all.iter().map(|e| e.verdict(facts)), false),
            Self::Any(any) => decide(any.iter().map(|e| e.verdict(facts)), true),
        }
    }
}

/// Returns `decisive` if any verdict is that, the opposite if all verdicts are the opposite, and
/// `None` otherwise.
pub(super) fn decide(
    verdicts: impl IntoIterator<Item = Option<bool>>,
    decisive: bool,
) -> Option<bool> {
    let mut together = Some(!decisive);
    for verdict in verdicts {
        match verdict {
            Some(verdict) if verdict == decisive => return Some(decisive),
            Some(_) => {}
            None => together = None,
        }
    }
    together
}

impl Term {
    fn verdict(&self, facts: &RecordFacts<'_>) -> Option<bool> {
        match self {
            Self::Is(name, wanted) => {
                return name.verdict(facts, |given| given == wanted.as_bytes());
            }
            Self::Begins(name, wanted) => {
                return name.verdict(facts, |given| given.starts_with(wanted.as_bytes()));
            }
            _ => {}
        }
        if let Some(event) = facts.event {
            return self.of_event(event);
        }
        let record = facts.line?.record;
        match self {
            Self::Host(side, net) => {
                side.verdict(net.has_source(record), net.has_destination(record))
            }
            Self::Port(side, first, last) => {
                let end = |port: Option<u16>| port.map(|port| (*first..=*last).contains(&port));
                side.verdict(end(record.source_port), end(record.destination_port))
            }
            Self::Protocol(number) => protocol(record).map(|protocol| protocol == *number),
            Self::Ipv6(wanted) => {
                let address = record.pkt_source.or(record.source)?;
                Some(address.is_ipv6() == *wanted)
            }
            Self::Action(wanted) => record.action.map(|action| action == *wanted),
            Self::Leaving(wanted) => is_egress(record).map(|leaving| leaving == *wanted),
            Self::Flags(mask) => {
                let flags = record.flags.filter(|_| protocol(record) == Some(TCP));
                flags.map(|flags| flags.contains(*mask))
            }
            Self::Count(counter, comparison, number) => {
                let count = match counter {
                    CountField::Packets => record.packets,
                    CountField::Bytes => record.bytes,
                };
                count.map(|count| comparison.holds(count, *number))
            }
            Self::Between(one, other) => {
                let way = |from: &Peer, to: &Peer| {
                    decide([from.is_source(record), to.is_destination(record)], false)
                };
                decide([way(one, other), way(other, one)], true)
            }
            Self::Is(..) | Self::Begins(..) => None,
        }
    }
}

impl Peer {
    fn is_source(&self, record: &Record<'_>) -> Option<bool> {
        self.verdict(self.net.has_source(record), record.source_port)
    }

    fn is_destination(&self, record: &Record<'_>) -> Option<bool> {
        self.verdict(self.net.has_destination(record), record.destination_port)
    }

    fn verdict(&self, has_address: Option<bool>, port: Option<u16>) -> Option<bool> {
        let Some(wanted) = self.port else {
            return has_address;
        };
        decide([has_address, port.map(|port| port == wanted)], false)
    }
}

impl EndpointSide {
    fn verdict(self, source: Option<bool>, destination: Option<bool>) -> Option<bool> {
        match self {
            Self::Source => source,
            Self::Destination => destination,
            Self::Either => decide([source, destination], true),
            Self::Both => decide([source, destination], false),
        }
    }
}

impl Net {
    /// Whether it is one address.
    pub fn is_single(&self) -> bool {
        let width = if self.address.is_ipv4() { 32 } else { 128 };
        self.prefix_len == width
    }

    fn has_source(&self, record: &Record<'_>) -> Option<bool> {
        self.has_one([record.source, record.pkt_source])
    }

    fn has_destination(&self, record: &Record<'_>) -> Option<bool> {
        self.has_one([record.destination, record.pkt_destination])
    }

    /// Whether one of the addresses that are known is one of these.
    fn has_one(&self, known: [Option<IpAddr>; 2]) -> Option<bool> {
        let known = known.into_iter().flatten();
        known.map(|a| self.contains(a)).reduce(|a, b| a || b)
    }

    /// Whether the network contains `address`.
    pub fn contains(&self, address: IpAddr) -> bool {
        let rest = |width: u32| width.saturating_sub(u32::from(self.prefix_len));
        match (self.address, address) {
            (IpAddr::V4(net), IpAddr::V4(address)) => {
                let differ = net.to_bits() ^ address.to_bits();
                differ.checked_shr(rest(u32::BITS)).unwrap_or(0) == 0
            }
            (IpAddr::V6(net), IpAddr::V6(address)) => {
                let differ = net.to_bits() ^ address.to_bits();
                differ.checked_shr(rest(u128::BITS)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl Name {
    /// Returns the columns that hold such a name. Transit Gateway records have one for each end.
    fn fields(self) -> &'static [Field] {
        match self {
            Self::Eni => &[Field::TgwSrcEni, Field::TgwDstEni],
            Self::Account => &[
                Field::AccountId,
                Field::TgwSrcVpcAccountId,
                Field::TgwDstVpcAccountId,
            ],
            Self::Region => &[Field::Region],
            Self::Vpc => &[Field::VpcId, Field::TgwSrcVpcId, Field::TgwDstVpcId],
            Self::Subnet => &[
                Field::SubnetId,
                Field::TgwSrcSubnetId,
                Field::TgwDstSubnetId,
            ],
            Self::Instance => &[Field::InstanceId],
            Self::Tag => &TAGS,
            Self::TagIn(field) => {
                let index = TAGS.iter().position(|tag| *tag == field);
                index.map_or(&[], |index| &TAGS[index..=index])
            }
        }
    }

    /// Calls `each` with the names that the record gives; where it gives none, with that of its path.
    pub(super) fn each_given(self, facts: &RecordFacts<'_>, mut each: impl FnMut(&[u8])) {
        let mut is_given = false;
        if let Some(FilteredRecord { record, layout, .. }) = facts.line {
            let own = (self == Self::Eni && !record.eni.is_empty()).then_some(record.eni);
            let columns = self.fields().iter().filter_map(|f| record.get(layout, *f));
            let is_tag = matches!(self, Self::Tag | Self::TagIn(_));
            for name in own.into_iter().chain(columns) {
                is_given = true;
                match is_tag {
                    true => each(tag_value(name).as_bytes()),
                    false => each(name),
                }
            }
        }
        if let Some(event) = facts.event {
            is_given |= of_event::each_name(self, event, &mut each);
        }
        let Some(path) = facts.path.as_ref().filter(|_| !is_given) else {
            return;
        };
        match self {
            Self::Account => each(path.account.as_bytes()),
            Self::Region => each(path.region.as_bytes()),
            _ => {}
        }
    }

    /// Whether one of the names that are given is wanted; `None` where none is given.
    fn verdict(self, facts: &RecordFacts<'_>, is_wanted: impl Fn(&[u8]) -> bool) -> Option<bool> {
        let mut verdict = None;
        self.each_given(facts, |name| {
            verdict = Some(verdict == Some(true) || is_wanted(name));
        });
        verdict
    }
}

impl Comparison {
    fn holds(self, count: u64, number: u64) -> bool {
        match self {
            Self::Less => count < number,
            Self::AtMost => count <= number,
            Self::Equal => count == number,
            Self::Different => count != number,
            Self::AtLeast => count >= number,
            Self::More => count > number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::s3_path;

    #[track_caller]
    fn check(filter: &str, facts: &RecordFacts<'_>, expected: Option<bool>) {
        let expression: Expression = filter.parse().unwrap();
        assert_eq!(expression.verdict(facts), expected, "{filter}");
    }

    #[test]
    fn path_alone_decides_by_its_own_facts_and_leaves_the_rest_open() {
        let name = "123456789012_vpcflowlogs_us-east-1_fl-0a_20240501T1620Z_ab.log.gz";
        let path = s3_path::parse(name);
        let facts = RecordFacts {
            path,
            ..RecordFacts::default()
        };
        check("region us-east-1", &facts, Some(true));
        check("not account 123456789012", &facts, Some(false));
        check("region eu-west-1 and port 443", &facts, Some(false));
        check("region eu-west-1 or port 443", &facts, None);
        check("region us-east-1 or port 443", &facts, Some(true));
        check("not (port 443)", &facts, None);
        check("vpc vpc-1", &facts, None);
        check("region us-east-1", &RecordFacts::default(), None);
    }

    #[test]
    fn network_contains_the_addresses_with_its_prefix() {
        let net = |address: &str, prefix_len| Net {
            address: address.parse().unwrap(),
            prefix_len,
        };
        let is_in = |net: Net, address: &str| net.contains(address.parse().unwrap());
        assert!(is_in(net("10.0.0.0", 8), "10.255.0.1"));
        assert!(!is_in(net("10.0.0.0", 8), "11.0.0.1"));
        assert!(is_in(net("10.0.0.5", 32), "10.0.0.5"));
        assert!(!is_in(net("10.0.0.5", 32), "10.0.0.4"));
        assert!(is_in(net("0.0.0.0", 0), "255.0.0.1"));
        assert!(!is_in(net("0.0.0.0", 0), "::1"));
        assert!(is_in(net("2001:db8::", 32), "2001:db8:1::1"));
        assert!(!is_in(net("2001:db8::", 32), "2001:db9::1"));
    }
}
