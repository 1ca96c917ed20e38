//! The network header, IPv4 or IPv6, including packets longer than the length field can hold.
//!
//! Merged data segments exceed 65,535 bytes, and Wireshark must still count all of them
//! (`frame.len`, `tcp.len`) without an expert item. Wireshark accepts the following, tested with
//! version 4.0 for TCP, UDP and bare protocols:
//!
//! | | up to | beyond |
//! |---|---|---|
//! | IPv4 | total length | total length 0, read as segmentation offload |
//! | IPv6 | payload length | Jumbo Payload option (RFC 2675), 8 bytes |

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{IpNumber, Ipv4Header, Ipv6Header, Ipv6RawExtHeader};

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4, RFC 791.
    V4,
    /// IPv6, RFC 8200.
    V6,
}

impl Family {
    /// Returns the family of one address. An IPv4-mapped IPv6 address is IPv6.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// Returns the length in bytes of the longest packet whose length the plain header can express:
    /// IPv4 counts its own header in the 16 bits, IPv6 does not.
    pub fn plain_len_max(self) -> u32 {
        match self {
            Self::V4 => u32::from(u16::MAX),
            Self::V6 => u32::from(u16::MAX) + u32::from(IPV6_LEN),
        }
    }

    /// Returns the length of the network header of a packet of `original_len` bytes.
    pub fn header_len(self, original_len: u32) -> u16 {
        match self {
            Self::V4 => Ipv4Header::MIN_LEN_U16,
            Self::V6 if original_len > self.plain_len_max() => IPV6_LEN + JUMBO_LEN,
            Self::V6 => IPV6_LEN,
        }
    }
}

/// Addresses of the sender and the receiver, of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AddressPair {
    V4([Ipv4Addr; 2]),
    V6([Ipv6Addr; 2]),
}

impl AddressPair {
    /// Creates the pair; `None` if the families differ.
    pub(super) fn new(source: IpAddr, destination: IpAddr) -> Option<Self> {
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => Some(Self::V4([source, destination])),
            (IpAddr::V6(source), IpAddr::V6(destination)) => Some(Self::V6([source, destination])),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
        }
    }

    pub(super) fn family(&self) -> Family {
        match self {
            Self::V4(_) => Family::V4,
            Self::V6(_) => Family::V6,
        }
    }

    pub(super) fn source(&self) -> IpAddr {
        match *self {
            Self::V4([source, _]) => IpAddr::V4(source),
            Self::V6([source, _]) => IpAddr::V6(source),
        }
    }

    pub(super) fn destination(&self) -> IpAddr {
        match *self {
            Self::V4([_, destination]) => IpAddr::V4(destination),
            Self::V6([_, destination]) => IpAddr::V6(destination),
        }
    }

    /// Appends the network header of a packet of `original_len` bytes.
    #[inline]
    pub(super) fn emit(&self, protocol: u8, original_len: u32, out: &mut Vec<u8>) {
        match *self {
            Self::V4([source, destination]) => {
                let mut header = Ipv4Header {
                    // Wireshark reads 0 as segmentation offload and uses the length of the frame.
                    total_len: u16::try_from(original_len).unwrap_or(0),
                    // RFC 6864 section 4.1: in a packet that must not be fragmented, the
                    // identification has no meaning.
                    identification: 0,
                    dont_fragment: true,
                    time_to_live: HOP_LIMIT,
                    protocol: IpNumber(protocol),
                    source: source.octets(),
                    destination: destination.octets(),
                    ..Ipv4Header::default()
                };
                header.header_checksum = header.calc_header_checksum();
                out.extend_from_slice(&header.to_bytes());
            }
            Self::V6([source, destination]) => {
                let payload_len = original_len.saturating_sub(u32::from(IPV6_LEN));
                let plain_len = u16::try_from(payload_len);
                let header = Ipv6Header {
                    // RFC 2675 section 3: 0 if a Jumbo Payload option follows.
                    payload_length: plain_len.unwrap_or(0),
                    next_header: match plain_len {
                        Ok(_) => IpNumber(protocol),
                        Err(_) => IpNumber::IPV6_HEADER_HOP_BY_HOP,
                    },
                    hop_limit: HOP_LIMIT,
                    source: source.octets(),
                    destination: destination.octets(),
                    ..Ipv6Header::default()
                };
                out.extend_from_slice(&header.to_bytes());
                if plain_len.is_err() {
                    out.extend_from_slice(&jumbo_payload(protocol, payload_len));
                }
            }
        }
    }
}

/// Builds a Hop-by-Hop Options header with only the Jumbo Payload option.
///
/// RFC 2675 section 2: the length counts every byte after the IPv6 header, including this header.
fn jumbo_payload(protocol: u8, payload_len: u32) -> [u8; JUMBO_LEN as usize] {
    let [a, b, c, d] = payload_len.to_be_bytes();
    [protocol, 0, JUMBO_KIND, 4, a, b, c, d]
}

/// IANA's recommended default (RFC 1700); Wireshark colors values below 5.
const HOP_LIMIT: u8 = 64;
const IPV6_LEN: u16 = 40;
const JUMBO_LEN: u16 = 8;
/// RFC 2675 section 2: option type 0xC2; a node that does not know it discards the packet.
const JUMBO_KIND: u8 = 0xc2;

const _: () = assert!(IPV6_LEN as usize == Ipv6Header::LEN);
const _: () = assert!(JUMBO_LEN as usize == Ipv6RawExtHeader::MIN_LEN);
