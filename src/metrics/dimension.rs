//! Dimensions of sums: the properties of a record, its ENI and its connection. Those that only
//! events have are [`EventDimension`]s.
//!
//! A value is encoded into a key as bytes, so that keys of any dimensions can be compared and
//! hashed in the same way, and decoded when the sums are complete. The encoding is only for the
//! present run; no other run reads it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::connection::Outcome;
use crate::flow::{Eni, RecordWords, TagSet, Viewed};
use crate::names::protocol_keyword;
use crate::record::TAGS;

use super::event_dimension::EventDimension;
use super::subnets::Subnets;

/// The label, in each dimension, of everything without a series of its own. No value has this
/// label: a value with this name is put in quotes.
pub const OTHER: &str = "other";

/// The label of a missing value.
const UNKNOWN: &str = "unknown";

/// Bytes of the length before a value.
const LENGTH_LEN: usize = 4;

/// A property by which sums can be grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// The protocol: its IANA keyword, or its number if it has none.
    Protocol,
    /// `ACCEPT` or `REJECT`.
    Action,
    /// The ENI that wrote the record.
    Eni,
    /// The VPC of that ENI.
    Vpc,
    /// The subnet of that ENI.
    Subnet,
    /// The source address: `pkt-srcaddr`, or `srcaddr` if the record has no other.
    SourceAddress,
    /// The destination address: `pkt-dstaddr`, or `dstaddr` if the record has no other.
    DestinationAddress,
    /// The destination port; 0 if the protocol has none.
    DestinationPort,
    /// The subnet of the source address, see [`Subnets::name`].
    SourceSubnet,
    /// The subnet of the destination address, see [`Subnets::name`].
    DestinationSubnet,
    /// `ingress` or `egress`, seen from the ENI.
    Direction,
    /// The outcome of the record's connection.
    Outcome,
    /// `reject-reason`; unknown for packets that are accepted, or rejected without a reason.
    RejectReason,
    /// The first tag that the record has, in the order of [`TAGS`].
    Tag,
    /// The column of [`TAGS`] with this index.
    TagIn(u8),
    /// A property that only events of other logs have.
    OfEvent(EventDimension),
}

/// The facts about some packets.
#[derive(Clone, Copy, Debug)]
pub struct PacketFacts<'a> {
    /// Their record.
    pub observation: &'a Viewed,
    /// The ENI that wrote it.
    pub eni: &'a Eni,
    /// The known subnets, if needed.
    pub subnets: Option<&'a Subnets>,
    /// The outcome of their connection, if needed.
    pub outcome: Option<Outcome>,
    /// The words of the records, if there are any.
    pub words: Option<&'a RecordWords>,
}

impl PacketFacts<'_> {
    /// Whether the packets were rejected, at this ENI or at another one that logged them.
    pub(super) fn is_rejected(&self) -> bool {
        self.observation.is_rejected()
    }

    fn tags(&self) -> TagSet<'_> {
        let words = self.words;
        words.map_or_else(TagSet::default, |words| {
            words.tag_set(self.observation.tags)
        })
    }

    fn reject_reason(&self) -> Vec<u8> {
        let words = self.words;
        words.map_or_else(Vec::new, |words| {
            words.reject_reason(self.observation.verdict).to_vec()
        })
    }

    fn put_subnet(&self, address: IpAddr, key: &mut Vec<u8>) {
        let name = self.subnets.map(|subnets| subnets.name(address));
        put(name.as_deref().unwrap_or_default().as_bytes(), key);
    }
}

/// Error for a text that is not the name of a dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected some of protocol, action, eni, vpc, subnet, srcaddr, dstaddr, dstport, srcsubnet, \
     dstsubnet, direction, outcome, reject-reason, tag, instance-tag, instance-tag-2, interface-tag, \
     interface-tag-2, asg-tag, asg-tag-2; of other logs: log, balancer, status, status-class, \
     target-status, answered-by, target, target-group, method, host, took, tls, rcode, query-type, \
     query-name, event-name, service, caller, result, error-code, region, account, firewall, signature"
)]
pub struct DimensionError;

impl Dimension {
    /// All dimensions that packets have.
    pub const ALL: [Self; 20] = [
        Self::Protocol,
        Self::Action,
        Self::Eni,
        Self::Vpc,
        Self::Subnet,
        Self::SourceAddress,
        Self::DestinationAddress,
        Self::DestinationPort,
        Self::SourceSubnet,
        Self::DestinationSubnet,
        Self::Direction,
        Self::Outcome,
        Self::RejectReason,
        Self::Tag,
        Self::TagIn(0),
        Self::TagIn(1),
        Self::TagIn(2),
        Self::TagIn(3),
        Self::TagIn(4),
        Self::TagIn(5),
    ];

    /// Returns the name for input and output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Action => "action",
            Self::Eni => "eni",
            Self::Vpc => "vpc",
            Self::Subnet => "subnet",
            Self::SourceAddress => "srcaddr",
            Self::DestinationAddress => "dstaddr",
            Self::DestinationPort => "dstport",
            Self::SourceSubnet => "srcsubnet",
            Self::DestinationSubnet => "dstsubnet",
            Self::Direction => "direction",
            Self::Outcome => "outcome",
            Self::RejectReason => "reject-reason",
            Self::Tag => "tag",
            Self::TagIn(index) => TAGS[usize::from(index)].name(),
            Self::OfEvent(dimension) => dimension.name(),
        }
    }

    /// Whether it is known only after the whole archive is read: a later record may have the VPC of
    /// an earlier record's ENI, and show which of two addresses is the ENI's own.
    pub fn is_known_late(self) -> bool {
        matches!(
            self,
            Self::Vpc | Self::Subnet | Self::Direction | Self::Outcome
        ) || self.is_of_subnets()
    }

    /// Whether its value comes from [`Subnets`].
    pub fn is_of_subnets(self) -> bool {
        matches!(self, Self::SourceSubnet | Self::DestinationSubnet)
    }

    /// Whether it has so few values that a zero is worth printing for an empty time bucket.
    pub(super) fn has_few_values(self) -> bool {
        match self {
            Self::Protocol | Self::Action | Self::Direction | Self::Outcome => true,
            Self::OfEvent(dimension) => dimension.has_few_values(),
            _ => false,
        }
    }

    /// Appends the value of these packets to a key.
    pub(super) fn put(self, facts: &PacketFacts<'_>, key: &mut Vec<u8>) {
        let o = facts.observation;
        let tuple = || o.key.five_tuple(o.way);
        match self {
            Self::Protocol => put(&[o.key.protocol], key),
            Self::Action => put(&[u8::from(facts.is_rejected())], key),
            // Records without an ENI have an ENI with this name.
            Self::Eni if facts.eni.name == UNKNOWN => put(&[], key),
            Self::Eni => put(facts.eni.name.as_bytes(), key),
            Self::Vpc => put(facts.eni.vpc.as_bytes(), key),
            Self::Subnet => put(facts.eni.subnet.as_bytes(), key),
            Self::SourceAddress => put_address(tuple().source.address, key),
            Self::DestinationAddress => put_address(tuple().destination.address, key),
            Self::DestinationPort => put(&tuple().destination.port.to_be_bytes(), key),
            Self::SourceSubnet => facts.put_subnet(tuple().source.address, key),
            Self::DestinationSubnet => facts.put_subnet(tuple().destination.address, key),
            Self::Direction => match o.leaving {
                Some(leaving) => put(&[u8::from(leaving)], key),
                None => put(&[], key),
            },
            Self::RejectReason => put(&facts.reject_reason(), key),
            Self::Tag => put(facts.tags().first().as_bytes(), key),
            Self::TagIn(index) => {
                put(facts.tags().values()[usize::from(index)].as_bytes(), key);
            }
            Self::Outcome => put(facts.outcome.map_or("", Outcome::name).as_bytes(), key),
            // Packets have no such property.
            Self::OfEvent(_) => put(&[], key),
        }
    }

    /// Removes the value from the front of a key, and returns it as text.
    pub(super) fn take(self, key: &mut &[u8]) -> String {
        let value = take(key).unwrap_or_default();
        let text = match (self, value) {
            (Self::Protocol, [number]) => {
                protocol_keyword(*number).map_or_else(|| number.to_string(), str::to_owned)
            }
            (Self::Action, [rejected]) => ["ACCEPT", "REJECT"][usize::from(*rejected != 0)].into(),
            (Self::Direction, [leaving]) => {
                ["ingress", "egress"][usize::from(*leaving != 0)].into()
            }
            (Self::DestinationPort, [high, low]) => u16::from_be_bytes([*high, *low]).to_string(),
            (Self::SourceAddress | Self::DestinationAddress, bytes) => address(bytes),
            (_, name) => unlike_own_words(String::from_utf8_lossy(name).into_owned()),
        };
        if text.is_empty() {
            UNKNOWN.to_owned()
        } else {
            text
        }
    }
}

/// Puts a name in quotes if it is `other` or `unknown`, or if it begins with a quote, so that
/// different names always have different labels.
fn unlike_own_words(name: String) -> String {
    if name == OTHER || name == UNKNOWN || name.starts_with('"') {
        format!("\"{name}\"")
    } else {
        name
    }
}

impl FromStr for Dimension {
    type Err = DimensionError;

    /// Parses its name.
    fn from_str(text: &str) -> Result<Self, DimensionError> {
        let of_events = EventDimension::ALL.map(Self::OfEvent);
        let mut all = Self::ALL.into_iter().chain(of_events);
        all.find(|dimension| dimension.name() == text)
            .ok_or(DimensionError)
    }
}

pub(super) fn put(value: &[u8], key: &mut Vec<u8>) {
    let len = u32::try_from(value.len()).expect("names are read from lines of at most 1 MiB");
    key.extend_from_slice(&len.to_be_bytes());
    key.extend_from_slice(value);
}

pub(super) fn put_address(address: IpAddr, key: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => put(&address.octets(), key),
        IpAddr::V6(address) => put(&address.octets(), key),
    }
}

fn take<'k>(key: &mut &'k [u8]) -> Option<&'k [u8]> {
    let (len, rest) = key.split_first_chunk::<LENGTH_LEN>()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    let (value, rest) = rest.split_at_checked(len)?;
    *key = rest;
    Some(value)
}

fn address(bytes: &[u8]) -> String {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        Ipv4Addr::from(bytes).to_string()
    } else if let Ok(bytes) = <[u8; 16]>::try_from(bytes) {
        Ipv6Addr::from(bytes).to_string()
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::observation::tests::viewed;
    use crate::flow::{ReasonIndex, RejectReason, TagsIndex, Verdict, Way};

    fn values(facts: &PacketFacts<'_>) -> Vec<String> {
        let mut key = Vec::new();
        let all = Dimension::ALL.iter();
        all.clone().for_each(|by| by.put(facts, &mut key));
        let mut rest = &key[..];
        let values = all.map(|by| by.take(&mut rest)).collect();
        assert!(rest.is_empty());
        values
    }

    #[test]
    fn values_are_decoded_as_they_were_encoded() {
        let mut o = viewed(Way::Down, 3, 180, 0, 9, 2);
        o.verdict = Verdict::Reject(RejectReason::Unsaid);
        let eni = Eni {
            name: "eni-a".into(),
            vpc: "vpc-a".into(),
            subnet: "subnet-a".into(),
            ..Eni::default()
        };
        let facts = PacketFacts {
            observation: &o,
            eni: &eni,
            subnets: Some(&Subnets::default()),
            outcome: Some(Outcome::HalfOpen),
            words: None,
        };
        assert_eq!(
            values(&facts),
            [
                "TCP",
                "REJECT",
                "eni-a",
                "vpc-a",
                "subnet-a",
                "10.0.0.2",
                "10.0.0.1",
                "40000",
                "10.0.0.0/24",
                "10.0.0.0/24",
                "ingress",
                "half-open",
                "unknown",
                "unknown",
                "unknown",
                "unknown",
                "unknown",
                "unknown",
                "unknown",
                "unknown",
            ]
        );
    }

    #[test]
    fn missing_values_are_unknown_and_unnamed_protocols_are_numbers() {
        let mut o = viewed(Way::Up, 3, 180, 0, 9, 2);
        (o.key.protocol, o.leaving) = (253, None);
        (o.key.low.address, o.key.high.port) = ("2001:db8::1".parse().unwrap(), 0);
        let facts = PacketFacts {
            observation: &o,
            eni: &Eni::default(),
            subnets: None,
            outcome: None,
            words: None,
        };
        assert_eq!(
            values(&facts),
            [
                "253",
                "ACCEPT",
                "unknown",
                "unknown",
                "unknown",
                "2001:db8::1",
                "10.0.0.2",
                "0",
                "unknown",
                "unknown",
                "unknown",
                "unknown",
                "unknown",
                "unknown",
                "unknown",
                "unknown",
                "unknown",
                "unknown",
                "unknown",
                "unknown",
            ]
        );
    }

    #[test]
    fn names_differ_from_the_labels_of_the_rest_and_of_missing_values() {
        let named = |name: &str| {
            let eni = Eni {
                name: name.into(),
                vpc: name.into(),
                ..Eni::default()
            };
            let o = viewed(Way::Up, 3, 180, 0, 9, 2);
            let facts = PacketFacts {
                observation: &o,
                eni: &eni,
                subnets: None,
                outcome: None,
                words: None,
            };
            let [eni, vpc] = [2, 3].map(|at| values(&facts)[at].clone());
            (eni, vpc)
        };
        let same = |text: &str| (text.to_owned(), text.to_owned());
        assert_eq!(named("other"), same("\"other\""));
        assert_eq!(named("\"other\""), same("\"\"other\"\""));
        assert_eq!(named("others"), same("others"));
        // An ENI with this name represents records without an ENI.
        assert_eq!(named("unknown"), ("unknown".into(), "\"unknown\"".into()));
    }

    #[test]
    fn tags_and_reasons_are_those_of_the_record() {
        let mut words = RecordWords::default();
        let mut tags: [String; TAGS.len()] = Default::default();
        (tags[1], tags[5]) = ("web server 1".into(), "other".into());
        let mut text = Vec::new();
        TagSet::encode(&tags, &mut text);
        let mut o = viewed(Way::Up, 3, 180, 0, 9, 2);
        o.tags = TagsIndex(words.tags.enter(&text));
        let reason = ReasonIndex(words.reasons.enter(b"XYZ"));
        o.verdict = Verdict::Reject(RejectReason::Other(reason));
        let facts = PacketFacts {
            observation: &o,
            eni: &Eni::default(),
            subnets: None,
            outcome: None,
            words: Some(&words),
        };
        let first = "web server 1";
        assert_eq!(
            values(&facts)[12..],
            [
                "XYZ",
                first,
                "unknown",
                first,
                "unknown",
                "unknown",
                "unknown",
                "\"other\""
            ]
        );
    }

    #[test]
    fn packets_rejected_at_another_eni_are_rejected() {
        let mut o = viewed(Way::Up, 3, 180, 0, 9, 2);
        o.rejected_at = Some(crate::flow::EniIndex(7));
        let facts = PacketFacts {
            observation: &o,
            eni: &Eni::default(),
            subnets: None,
            outcome: None,
            words: None,
        };
        assert_eq!(values(&facts)[1], "REJECT");
    }

    #[test]
    fn every_name_is_parsed_and_the_error_lists_all_names() {
        for dimension in Dimension::ALL {
            assert_eq!(dimension.name().parse(), Ok(dimension));
            assert!(DimensionError.to_string().contains(dimension.name()));
        }
        assert!("srcport".parse::<Dimension>().is_err());
    }
}
