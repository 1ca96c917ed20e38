//! What stands in the headers of a captured packet, read by hand.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Capture, Packet};

/// Sender, receiver and protocol; ports are 0 where there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tuple {
    /// Who sent it, and from which port.
    pub source: (IpAddr, u16),
    /// To whom, and to which port.
    pub destination: (IpAddr, u16),
    /// IANA protocol number.
    pub protocol: u8,
}

impl Tuple {
    /// The same conversation the other way.
    pub fn reverse(self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            ..self
        }
    }

    /// The name that both ways share.
    pub fn conversation(self) -> Self {
        self.min(self.reverse())
    }
}

/// A packet's headers.
#[derive(Clone, Copy, Debug)]
pub struct Headers {
    /// Who, to whom.
    pub tuple: Tuple,
    /// What TCP adds.
    pub tcp: Option<Tcp>,
}

/// A TCP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// FIN 1, SYN 2, RST 4, PSH 8, ACK 16.
    pub flags: u8,
    /// Bytes of payload that there were.
    pub payload_len: u32,
}

/// The sender has no more to say.
pub const FIN: u8 = 1;
/// Opens a connection, or accepts one.
pub const SYN: u8 = 2;
/// Ends it at once.
pub const RST: u8 = 4;
/// The acknowledgement number counts.
pub const ACK: u8 = 16;

impl Tcp {
    /// Whether it opens a connection.
    pub fn is_syn(self) -> bool {
        self.flags & (SYN | ACK) == SYN
    }

    /// Whether it accepts one.
    pub fn is_syn_ack(self) -> bool {
        self.flags & (SYN | ACK) == SYN | ACK
    }

    /// Whether all of `flags` are set.
    pub fn has(self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    /// What it takes of its sender's sequence numbers.
    pub fn sequence_len(self) -> u32 {
        self.payload_len + u32::from(self.has(SYN)) + u32::from(self.has(FIN))
    }
}

/// Reads the headers of a packet on an interface of link type RAW.
///
/// # Panics
/// On headers that do not fit the packet.
pub fn headers(packet: &Packet) -> Headers {
    let bytes = &packet.captured;
    let (source, destination, protocol, ip_len) = match bytes[0] >> 4 {
        4 => ipv4(bytes, packet.original_len),
        6 => ipv6(bytes, packet.original_len),
        version => panic!("IP version {version}"),
    };
    let transport = &bytes[ip_len..];
    let ports = match protocol {
        6 | 17 => (u16_at(transport, 0), u16_at(transport, 2)),
        _ => (0, 0),
    };
    let tuple = Tuple {
        source: (source, ports.0),
        destination: (destination, ports.1),
        protocol,
    };
    let tcp = (protocol == 6).then(|| {
        let header_len = usize::from(transport[12] >> 4) * 4;
        assert_eq!(transport.len(), header_len, "the TCP header and no more");
        let headers_len = u32::try_from(ip_len + header_len).unwrap();
        Tcp {
            seq: u32_at(transport, 4),
            ack: u32_at(transport, 8),
            flags: transport[13],
            payload_len: packet.original_len - headers_len,
        }
    });
    Headers { tuple, tcp }
}

fn ipv4(bytes: &[u8], original_len: u32) -> (IpAddr, IpAddr, u8, usize) {
    assert_eq!(bytes[0], 0x45, "an IPv4 header without options");
    let total_len = u32::from(u16_at(bytes, 2));
    // 0 stands for a length beyond 16 bits, as segmentation offload leaves it.
    assert!([0, original_len].contains(&total_len), "IPv4 total length");
    assert!(total_len > 0 || original_len > 0xffff);
    let address = |at: usize| Ipv4Addr::from(u32_at(bytes, at)).into();
    (address(12), address(16), bytes[9], 20)
}

fn ipv6(bytes: &[u8], original_len: u32) -> (IpAddr, IpAddr, u8, usize) {
    let address = |at: usize| {
        let bytes: [u8; 16] = bytes[at..at + 16].try_into().unwrap();
        Ipv6Addr::from(bytes).into()
    };
    let payload_len = u32::from(u16_at(bytes, 4));
    let (protocol, len) = if payload_len == 0 {
        // RFC 2675: a hop-by-hop header with the Jumbo Payload option.
        assert_eq!(bytes[6], 0, "next header");
        assert_eq!(bytes[41..44], [0, 0xc2, 4]);
        assert_eq!(u32_at(bytes, 44) + 40, original_len, "jumbo length");
        (bytes[40], 48)
    } else {
        assert_eq!(payload_len + 40, original_len, "IPv6 payload length");
        (bytes[6], 40)
    };
    (address(8), address(24), protocol, len)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Packets and bytes of each directed five-tuple at each interface.
pub type Sums = BTreeMap<(String, Tuple), (u64, u128)>;

/// The sums of a capture with link type RAW.
pub fn sums(capture: &Capture) -> Sums {
    let mut sums = Sums::new();
    for packet in &capture.packets {
        let key = (
            capture.interface_of(packet).to_owned(),
            headers(packet).tuple,
        );
        let (packets, bytes) = sums.entry(key).or_default();
        *packets += 1;
        *bytes += u128::from(packet.original_len);
    }
    sums
}
