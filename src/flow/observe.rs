//! From a record to an observation: what is there, and what has to be assumed.
//!
//! Formats differ in their columns. A few are indispensable: two addresses, a
//! time, and a protocol or flags that tell it. The rest has a meaning when it is
//! absent, and each such assumption is counted ([`Assumed`]).

use std::net::IpAddr;

use crate::flow::{
    Endpoint, EniIndex, FiveTuple, Observation, Place, RejectReason, TCP, TrafficPath, UDP, Verdict,
};
use crate::names::service_at;
use crate::record::{Action, Direction, Interval, Record, TimeNote};
use crate::time::SECOND_NS;

/// Which of a record's two pairs of addresses packets get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addresses {
    /// `pkt-srcaddr` and `pkt-dstaddr`, where the record has them.
    #[default]
    Packet,
    /// `srcaddr` and `dstaddr`: the ENI's own address stands for what it carries.
    Interface,
}

/// What a record does not say and its observation does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assumed {
    /// The protocol, from `tcp-flags` and ports.
    pub protocol: bool,
    /// One packet.
    pub packets: bool,
    /// Bytes of bare headers.
    pub bytes: bool,
    /// The time in front of the line, or one end of the interval, for both.
    pub time: bool,
    /// An interval that cannot be true, put right.
    pub repaired_time: bool,
}

/// Why a well-formed record cannot become packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Unusable {
    /// A source or destination is missing.
    #[error("no source or destination address")]
    NoAddress,
    /// One address is IPv4, the other IPv6.
    #[error("an IPv4 and an IPv6 address")]
    MixedFamilies,
    /// Neither start nor end, nor a time in front of the line.
    #[error("no start, end or time in front of the line")]
    NoTime,
    /// A time that a capture cannot hold.
    #[error("a time before 1970 or after 2262")]
    TimeOutOfRange,
    /// Neither a protocol nor flags to tell it by.
    #[error("neither protocol nor tcp-flags")]
    NoProtocol,
}

impl Unusable {
    /// A short name for a summary's list of reasons.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoAddress => "no address",
            Self::MixedFamilies => "mixed address families",
            Self::NoTime => "no time",
            Self::TimeOutOfRange => "time out of range",
            Self::NoProtocol => "no protocol",
        }
    }
}

/// Latest instant that a record may name: a day before the clock of 64 bits ends in 2262.
const LATEST_NS: i64 = i64::MAX - 86_400 * SECOND_NS;

/// Reads an observation out of a record that `eni` wrote at `place`.
///
/// # Errors
/// [`Unusable`] if the record lacks what no packet can do without.
pub fn observe(
    record: &Record<'_>,
    addresses: Addresses,
    eni: EniIndex,
    place: Place,
) -> Result<(Observation, Assumed), Unusable> {
    let (source, destination) = endpoints(record, addresses)?;
    let interval = record.interval().ok_or(Unusable::NoTime)?;
    if interval.start_ns < 0 || interval.end_ns > LATEST_NS {
        return Err(Unusable::TimeOutOfRange);
    }
    let protocol = protocol(record).ok_or(Unusable::NoProtocol)?;
    let (key, way) = FiveTuple {
        source,
        destination,
        protocol,
    }
    .key();
    let observation = Observation {
        key,
        way,
        leaving: is_egress(record),
        verdict: verdict(record),
        flags: if protocol == TCP { record.flags } else { None },
        eni,
        path: record.traffic_path.and_then(TrafficPath::of),
        packets: record.packets.unwrap_or(1).max(1),
        bytes: record.bytes.filter(|bytes| *bytes > 0),
        start_ns: interval.start_ns,
        end_ns: interval.end_ns,
        place,
    };
    Ok((observation, assumed(record, &interval)))
}

fn assumed(record: &Record<'_>, interval: &Interval) -> Assumed {
    Assumed {
        protocol: record.protocol.is_none(),
        packets: record.packets.is_none_or(|packets| packets == 0),
        bytes: record.bytes.is_none_or(|bytes| bytes == 0),
        time: matches!(interval.note, TimeNote::OneEnd | TimeNote::LineTime),
        repaired_time: matches!(interval.note, TimeNote::Swapped | TimeNote::Implausible),
    }
}

fn endpoints(record: &Record<'_>, addresses: Addresses) -> Result<(Endpoint, Endpoint), Unusable> {
    let (source, destination) = match addresses {
        Addresses::Packet => (
            record.pkt_source.or(record.source),
            record.pkt_destination.or(record.destination),
        ),
        Addresses::Interface => (
            record.source.or(record.pkt_source),
            record.destination.or(record.pkt_destination),
        ),
    };
    let (Some(source), Some(destination)) = (source, destination) else {
        return Err(Unusable::NoAddress);
    };
    if source.is_ipv4() != destination.is_ipv4() {
        return Err(Unusable::MixedFamilies);
    }
    let end = |address: IpAddr, port: Option<u16>| Endpoint {
        address,
        port: port.unwrap_or(0),
    };
    Ok((
        end(source, record.source_port),
        end(destination, record.destination_port),
    ))
}

/// The protocol, or what ports and flags make of it: formats that keep
/// `tcp-flags` and no protocol are made for looking at TCP.
pub fn protocol(record: &Record<'_>) -> Option<u8> {
    if record.protocol.is_some() {
        return record.protocol;
    }
    let flags = record.flags?;
    let ports = [record.source_port, record.destination_port].map(Option::unwrap_or_default);
    if !flags.is_empty() {
        return Some(TCP);
    }
    if ports == [0, 0] {
        return None;
    }
    let mut services = ports.into_iter().filter_map(service_at);
    let is_udp = services.any(|service| service.is_udp);
    Some(if is_udp { UDP } else { TCP })
}

/// Whether the packets left the ENI, as far as the record alone says: by its `flow-direction`,
/// else by an ENI that put its own address in place of the packet's.
pub fn is_egress(record: &Record<'_>) -> Option<bool> {
    if let Some(direction) = record.direction {
        return Some(direction == Direction::Egress);
    }
    let differs = |own: Option<IpAddr>, packet: Option<IpAddr>| {
        packet.is_some() && own.is_some() && own != packet
    };
    if differs(record.source, record.pkt_source) {
        return Some(true);
    }
    differs(record.destination, record.pkt_destination).then_some(false)
}

fn verdict(record: &Record<'_>) -> Verdict {
    match record.action {
        Some(Action::Reject) => Verdict::Reject(RejectReason::Unsaid),
        Some(Action::Accept) | None => Verdict::Accept,
    }
}

/// The reason that the text of a `reject-reason` column gives.
pub fn reject_reason(text: &[u8]) -> RejectReason {
    match text {
        b"BPA" => RejectReason::BlockPublicAccess,
        b"EC" => RejectReason::EncryptionControls,
        b"" | b"-" => RejectReason::Unsaid,
        _ => RejectReason::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::ObservedFlags;

    fn record() -> Record<'static> {
        Record {
            source: Some("10.0.0.1".parse().unwrap()),
            destination: Some("10.0.0.2".parse().unwrap()),
            source_port: Some(40_000),
            destination_port: Some(443),
            protocol: Some(TCP),
            start_ns: Some(10),
            end_ns: Some(20),
            ..Record::default()
        }
    }

    fn seen(record: &Record<'_>) -> Result<(Observation, Assumed), Unusable> {
        observe(record, Addresses::Packet, EniIndex(0), Place::default())
    }

    #[test]
    fn packet_addresses_win_where_the_record_has_them() {
        let nat = Record {
            pkt_source: Some("198.51.100.7".parse().unwrap()),
            ..record()
        };
        let (o, _) = seen(&nat).unwrap();
        assert_eq!(o.key.sender(o.way).address.to_string(), "198.51.100.7");
        assert_eq!(
            o.leaving,
            Some(true),
            "the ENI put its own address in the packet's place"
        );
    }

    #[test]
    fn interface_addresses_on_request() {
        let nat = Record {
            pkt_source: Some("198.51.100.7".parse().unwrap()),
            ..record()
        };
        let (o, _) = observe(&nat, Addresses::Interface, EniIndex(0), Place::default()).unwrap();
        assert_eq!(o.key.sender(o.way).address.to_string(), "10.0.0.1");
    }

    #[test]
    fn no_protocol_is_tcp_where_flags_are_set() {
        let flags = Some(ObservedFlags(18));
        let (o, assumed) = seen(&Record {
            protocol: None,
            flags,
            ..record()
        })
        .unwrap();
        assert_eq!((o.key.protocol, assumed.protocol), (TCP, true));
    }

    #[test]
    fn no_protocol_and_no_flags_is_unusable() {
        assert_eq!(
            seen(&Record {
                protocol: None,
                ..record()
            }),
            Err(Unusable::NoProtocol)
        );
    }

    #[test]
    fn no_packets_is_one_and_no_bytes_is_headers_only() {
        let (o, assumed) = seen(&record()).unwrap();
        assert_eq!((o.packets, o.bytes), (1, None));
        assert!(assumed.packets && assumed.bytes);
    }

    #[test]
    fn mixed_families_are_unusable() {
        let mixed = Record {
            destination: Some("2001:db8::1".parse().unwrap()),
            ..record()
        };
        assert_eq!(seen(&mixed), Err(Unusable::MixedFamilies));
    }

    #[test]
    fn flags_of_other_protocols_are_ignored() {
        let flags = Some(ObservedFlags(2));
        let (o, _) = seen(&Record {
            protocol: Some(UDP),
            flags,
            ..record()
        })
        .unwrap();
        assert_eq!(o.flags, None);
    }

    #[test]
    fn start_before_1970_is_unusable() {
        assert_eq!(
            seen(&Record {
                start_ns: Some(-5),
                ..record()
            }),
            Err(Unusable::TimeOutOfRange)
        );
    }
}
