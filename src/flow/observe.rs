//! Turns a record into an observation: its values, and assumptions where values are missing.
//!
//! Formats differ in their columns. A few are required: two addresses, a time, and a protocol or
//! flags that imply it. All other columns have a meaning when they are absent, and each such
//! assumption is counted ([`Assumed`]).

use std::net::IpAddr;

use crate::flow::{
    Endpoint, EniIndex, FiveTuple, Observation, Place, ReasonIndex, RejectReason, TCP, TagsIndex,
    TrafficPath, UDP, Verdict,
};
use crate::names::service_at;
use crate::record::{Action, ByteUnit, Direction, Interval, Record, TimeNote};
use crate::time::SECOND_NS;

/// The pair of addresses in a record that packets get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addresses {
    /// `pkt-srcaddr` and `pkt-dstaddr`, if the record has them.
    #[default]
    Packet,
    /// `srcaddr` and `dstaddr`, where the ENI's own address replaces addresses of forwarded
    /// packets.
    Interface,
}

/// Values that were assumed because the record does not have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assumed {
    /// The protocol was inferred from `tcp-flags` and ports.
    pub protocol: bool,
    /// The packet count is one.
    pub packets: bool,
    /// The byte count is that of bare headers.
    pub bytes: bool,
    /// The time at the start of the line, or one end of the interval, was used for both ends, or
    /// the slot in the name of the file was used as the interval.
    pub time: bool,
    /// An impossible interval was repaired.
    pub repaired_time: bool,
}

/// Why a valid record cannot become packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Unusable {
    /// A source or destination is missing.
    #[error("no source or destination address")]
    NoAddress,
    /// One address is IPv4, the other IPv6.
    #[error("an IPv4 and an IPv6 address")]
    MixedFamilies,
    /// There is no start, no end, and no time at the start of the line or in the file name.
    #[error("no start, end or time at the start of the line or in the file name")]
    NoTime,
    /// A time is outside the range of a capture.
    #[error("a time before 1970 or after 2262")]
    TimeOutOfRange,
    /// There is neither a protocol nor flags that imply it.
    #[error("neither protocol nor tcp-flags")]
    NoProtocol,
}

impl Unusable {
    /// Returns a short name for a summary's list of reasons.
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

/// The latest instant that a record may have: a day before the 64-bit clock ends in 2262.
const LATEST_NS: i64 = i64::MAX - 86_400 * SECOND_NS;

/// Reads an observation from a record that `eni` wrote at `place`. Facts of few logs are left to the
/// caller: the reason of a REJECT, the unit of the bytes, and the round trip time.
///
/// # Errors
/// Returns [`Unusable`] if the record lacks a value that every packet needs.
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
        tags: TagsIndex(0),
        path: record.traffic_path.and_then(TrafficPath::of),
        packets: record.packets.unwrap_or(1).max(1),
        bytes: record.bytes.filter(|bytes| *bytes > 0),
        byte_unit: ByteUnit::IpPacket,
        rtt_ms: None,
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
        time: matches!(
            interval.note,
            TimeNote::OneEnd | TimeNote::LineTime | TimeNote::FileSlot
        ),
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

/// Returns the protocol, or the one that ports and flags imply: formats with `tcp-flags` but no
/// protocol are meant for analyzing TCP.
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

/// Whether the packets left the ENI, as far as the record alone shows: by its `flow-direction`,
/// otherwise because the ENI replaced the packet's address with its own.
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

/// Returns the reason in a `reject-reason` column; `other` gives the number of one that this version
/// does not know.
pub fn reject_reason(text: &[u8], other: impl FnOnce(&[u8]) -> ReasonIndex) -> RejectReason {
    match text {
        b"BPA" => RejectReason::BlockPublicAccess,
        b"EC" => RejectReason::EncryptionControls,
        b"network-firewall" => RejectReason::NetworkFirewall,
        b"" | b"-" => RejectReason::Unsaid,
        text => RejectReason::Other(other(text)),
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
    fn packet_addresses_are_used_if_the_record_has_them() {
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
    fn interface_addresses_are_used_on_request() {
        let nat = Record {
            pkt_source: Some("198.51.100.7".parse().unwrap()),
            ..record()
        };
        let (o, _) = observe(&nat, Addresses::Interface, EniIndex(0), Place::default()).unwrap();
        assert_eq!(o.key.sender(o.way).address.to_string(), "10.0.0.1");
    }

    #[test]
    fn missing_protocol_is_tcp_if_flags_are_set() {
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
    fn record_without_protocol_and_flags_is_unusable() {
        assert_eq!(
            seen(&Record {
                protocol: None,
                ..record()
            }),
            Err(Unusable::NoProtocol)
        );
    }

    #[test]
    fn missing_packet_count_is_one_and_missing_bytes_are_headers_only() {
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
