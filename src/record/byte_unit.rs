//! What the `bytes` of a record count, and how many bytes of IP packets that is.
//!
//! AWS counts IP packets with their headers. Other flow logs count something else. Their counts are
//! converted where the records are read, so everything after that works with IP packets. The unit
//! stays with the [`Layout`](super::Layout), so that a packet comment can show the number that was
//! logged. Which log has which unit is not decided here, but by the module that reads the log.

/// What the `bytes` of a record count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ByteUnit {
    /// IP packets with their headers, as in AWS.
    #[default]
    IpPacket,
    /// The payload of the packets, without the headers of TCP, UDP or ICMP and of IP.
    Payload,
    /// Ethernet frames without their checksums.
    EthernetFrame,
}

impl ByteUnit {
    /// Every unit.
    pub const ALL: [Self; 3] = [Self::IpPacket, Self::Payload, Self::EthernetFrame];

    /// Returns the name of the unit in summaries.
    pub fn name(self) -> &'static str {
        match self {
            Self::IpPacket => "ip_packet",
            Self::Payload => "payload",
            Self::EthernetFrame => "ethernet_frame",
        }
    }

    /// Returns the bytes of the IP packets for a count of `logged` bytes in this unit. `headers` is
    /// the length of the headers of one packet, see [`bare_headers_len`].
    ///
    /// Returns `None` if the count is not possible in this unit: frames that are not longer than
    /// their own headers, or a sum beyond 64 bits. Such a count is best left as it is.
    pub fn ip_bytes(self, logged: u64, packets: u64, headers: u64) -> Option<u64> {
        match self {
            Self::IpPacket => Some(logged),
            Self::Payload => packets.checked_mul(headers)?.checked_add(logged),
            Self::EthernetFrame => {
                let link = packets.checked_mul(ETHERNET_LEN)?;
                logged.checked_sub(link).filter(|bytes| *bytes > 0)
            }
        }
    }

    /// Returns the count in this unit for IP packets of `bytes` bytes: the inverse of
    /// [`ByteUnit::ip_bytes`].
    pub fn logged_bytes(self, bytes: u64, packets: u64, headers: u64) -> u64 {
        match self {
            Self::IpPacket => bytes,
            Self::Payload => bytes.saturating_sub(packets.saturating_mul(headers)),
            Self::EthernetFrame => bytes.saturating_add(packets.saturating_mul(ETHERNET_LEN)),
        }
    }
}

/// Returns the length of the headers of one packet in bytes: IP and TCP without options, UDP, or
/// the first part of ICMP; only IP for other protocols.
pub fn bare_headers_len(protocol: u8, is_ipv6: bool) -> u64 {
    let ip = if is_ipv6 { 40 } else { 20 };
    let transport = match protocol {
        TCP => 20,
        UDP | ICMP | ICMP_V6 => 8,
        _ => 0,
    };
    ip + transport
}

/// Length of an Ethernet header in bytes: two addresses and a type.
const ETHERNET_LEN: u64 = 14;

// IANA protocol numbers.
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP_V6: u8 = 58;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_converted_to_ip_packets_and_back() {
        let tcp = bare_headers_len(TCP, false);
        for (unit, logged, packets, expected) in [
            (ByteUnit::IpPacket, 240, 4, 240),
            (ByteUnit::Payload, 0, 4, 160),
            (ByteUnit::Payload, 1000, 5, 1200),
            (ByteUnit::EthernetFrame, 296, 4, 240),
        ] {
            assert_eq!(unit.ip_bytes(logged, packets, tcp), Some(expected));
            assert_eq!(unit.logged_bytes(expected, packets, tcp), logged);
        }
    }

    #[test]
    fn headers_depend_on_protocol_and_address_family() {
        let lens = [
            (TCP, false),
            (TCP, true),
            (UDP, false),
            (UDP, true),
            (47, true),
        ];
        let lens = lens.map(|(protocol, is_ipv6)| bare_headers_len(protocol, is_ipv6));
        assert_eq!(lens, [40, 60, 28, 48, 40]);
    }

    #[test]
    fn count_that_is_impossible_in_its_unit_has_no_ip_bytes() {
        assert_eq!(ByteUnit::EthernetFrame.ip_bytes(28, 2, 40), None);
        assert_eq!(ByteUnit::Payload.ip_bytes(u64::MAX, 1, 40), None);
        assert_eq!(ByteUnit::Payload.ip_bytes(0, u64::MAX, 40), None);
    }
}
