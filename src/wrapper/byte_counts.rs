//! Converts the byte count of a record to IP packets, if its log counts something else.
//!
//! The module that reads a log knows its unit ([`ByteUnit`]). This one finds the values that the
//! conversion needs in a row, and adds up what it changed.

use super::batch::NamedValues;
use super::json::Json;
use crate::record::{ByteUnit, bare_headers_len};

/// Records whose `bytes` did not count IP packets, in a batch of one unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByteCount {
    /// The number of records.
    pub records: u64,
    /// Sum of the bytes as they were logged.
    pub logged: u128,
    /// Sum of the bytes of the same IP packets.
    pub ip: u128,
}

/// The bytes of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IpCount {
    /// As they were logged.
    pub(super) logged: u64,
    /// Those of the IP packets.
    pub(super) ip: u64,
}

/// A count that is not possible in its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ImpossibleCount;

impl ByteCount {
    pub(super) fn add(&mut self, count: IpCount) {
        self.records += 1;
        self.logged += u128::from(count.logged);
        self.ip += u128::from(count.ip);
    }
}

/// Returns the bytes of the packets in a row whose `bytes` are in `unit`, or `None` if the row does
/// not count bytes.
///
/// # Errors
/// Fails if the count is not possible in that unit.
pub(super) fn ip_count(
    unit: ByteUnit,
    row: &NamedValues<'_>,
) -> Result<Option<IpCount>, ImpossibleCount> {
    let value = |wanted: &str| {
        let (_, value) = row.iter().find(|(name, _)| *name == wanted)?;
        value.as_ref().map(Json::sole)
    };
    let count = |name: &str| u64::try_from(value(name)?.whole()?).ok();
    let Some(logged) = count("bytes") else {
        return Ok(None);
    };
    let packets = count("packets").unwrap_or(0).max(1);
    if logged == 0 && unit != ByteUnit::Payload {
        return Ok(None);
    }
    let is_ipv6 = value("srcaddr")
        .and_then(Json::text)
        .is_some_and(|text| text.contains(':'));
    let protocol = value("protocol").map_or(0, protocol_number);
    let headers = bare_headers_len(protocol, is_ipv6);
    let ip = unit
        .ip_bytes(logged, packets, headers)
        .ok_or(ImpossibleCount)?;
    Ok(Some(IpCount { logged, ip }))
}

/// Returns the number of a protocol that is a number or a name, or 0.
fn protocol_number(value: &Json<'_>) -> u8 {
    let number = value.whole().and_then(|number| u8::try_from(number).ok());
    number.unwrap_or_else(
        || match value.text().map(str::to_ascii_lowercase).as_deref() {
            Some("icmp") => 1,
            Some("tcp") => 6,
            Some("udp") => 17,
            Some("ipv6-icmp" | "icmpv6" | "icmp6") => 58,
            _ => 0,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(unit: ByteUnit, values: &[(&'static str, &str)], expected: Result<Option<u64>, ()>) {
        let row: NamedValues<'_> = values
            .iter()
            .map(|(n, v)| (*n, Some(Json::word(v))))
            .collect();
        let found = ip_count(unit, &row).map(|count| count.map(|count| count.ip));
        assert_eq!(found.map_err(|_| ()), expected, "{values:?}");
    }

    #[test]
    fn headers_follow_from_protocol_and_addresses() {
        let payload = ByteUnit::Payload;
        let counts = [("packets", "4"), ("bytes", "100")];
        let with = |more: &[(&'static str, &'static str)]| [&counts[..], more].concat();
        check(
            payload,
            &with(&[("protocol", "6"), ("srcaddr", "10.0.0.1")]),
            Ok(Some(260)),
        );
        check(
            payload,
            &with(&[("protocol", "tcp"), ("srcaddr", "2001:db8::1")]),
            Ok(Some(340)),
        );
        check(payload, &with(&[("protocol", "UDP")]), Ok(Some(212)));
    }

    #[test]
    fn row_without_bytes_has_no_count_and_zero_payload_is_a_count() {
        check(
            ByteUnit::EthernetFrame,
            &[("packets", "1"), ("bytes", "")],
            Ok(None),
        );
        check(
            ByteUnit::EthernetFrame,
            &[("packets", "0"), ("bytes", "0")],
            Ok(None),
        );
        check(
            ByteUnit::Payload,
            &[("packets", "2"), ("bytes", "0"), ("protocol", "6")],
            Ok(Some(80)),
        );
    }

    #[test]
    fn frames_shorter_than_their_headers_are_impossible() {
        check(
            ByteUnit::EthernetFrame,
            &[("packets", "5"), ("bytes", "60")],
            Err(()),
        );
    }
}
