//! The tags before the bytes of an exported PDU: a list of type, length and value, big-endian, each
//! padded to four bytes (`exported_pdu_tlvs.h` of Wireshark).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The tags of a PDU, with an end at the end.
#[derive(Clone, Debug)]
pub(super) struct PduTags(Vec<u8>);

const END: u16 = 0;
const DISSECTOR: u16 = 12;
const PORT_TYPE: u16 = 24;
const PROTOCOL_COLUMN: u16 = 33;
/// Wireshark 4.0 does not know it and skips it.
const INFO_COLUMN: u16 = 36;
/// TCP, as a type of port.
const PORT_TYPE_TCP: u32 = 2;
/// The most bytes of a text.
const TEXT_LEN_MAX: usize = 256;

/// Which end of a PDU.
#[derive(Clone, Copy, Debug)]
pub(super) enum PduEnd {
    Source,
    Destination,
}

impl PduTags {
    /// Begins the tags of a PDU for a dissector of this name.
    pub(super) fn of(dissector: &str) -> Self {
        Self(Vec::new()).tag(DISSECTOR, dissector.as_bytes())
    }

    /// Sets the columns of the packet list.
    pub(super) fn columns(self, protocol: &str, info: &str) -> Self {
        let text = |text: &str| text[..text.floor_char_boundary(TEXT_LEN_MAX)].to_owned();
        let with = self.tag(PROTOCOL_COLUMN, text(protocol).as_bytes());
        with.tag(INFO_COLUMN, text(info).as_bytes())
    }

    /// Sets the address of an end.
    pub(super) fn address(self, end: PduEnd, address: IpAddr) -> Self {
        let number = match (end, address) {
            (PduEnd::Source, IpAddr::V4(_)) => 20,
            (PduEnd::Destination, IpAddr::V4(_)) => 21,
            (PduEnd::Source, IpAddr::V6(_)) => 22,
            (PduEnd::Destination, IpAddr::V6(_)) => 23,
        };
        match address {
            IpAddr::V4(address) => self.tag(number, &address.octets()),
            IpAddr::V6(address) => self.tag(number, &address.octets()),
        }
    }

    /// Sets both ends of a TCP connection.
    pub(super) fn tcp(self, source: SocketAddr, destination: SocketAddr) -> Self {
        let port = |port: u16| u32::from(port).to_be_bytes();
        self.address(PduEnd::Source, source.ip())
            .address(PduEnd::Destination, destination.ip())
            .tag(PORT_TYPE, &PORT_TYPE_TCP.to_be_bytes())
            .tag(25, &port(source.port()))
            .tag(26, &port(destination.port()))
    }

    /// Returns the bytes of the PDU with these contents.
    pub(super) fn with(self, contents: &[u8]) -> Vec<u8> {
        let mut bytes = self.tag(END, &[]).0;
        bytes.extend_from_slice(contents);
        bytes
    }

    fn tag(mut self, number: u16, value: &[u8]) -> Self {
        let len = value.len().next_multiple_of(4);
        self.0.extend_from_slice(&number.to_be_bytes());
        let written = u16::try_from(len).expect("values are short");
        self.0.extend_from_slice(&written.to_be_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len() + len - value.len(), 0);
        self
    }
}

/// Returns the address that means that there is none, of the same family.
pub(super) fn unspecified_like(address: Option<IpAddr>) -> IpAddr {
    match address {
        Some(IpAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
        _ => Ipv4Addr::UNSPECIFIED.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_padded_and_end() {
        let socket = |text: &str| text.parse().unwrap();
        let tags = PduTags::of("http").tcp(socket("203.0.113.9:2817"), socket("[2001:db8::1]:80"));
        let bytes = tags.columns("ALB", "x").with(b"GET");
        let expected = b"\0\x0c\0\x04http\0\x14\0\x04\xcb\0\x71\x09\
            \0\x17\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\
            \0\x18\0\x04\0\0\0\x02\0\x19\0\x04\0\0\x0b\x01\0\x1a\0\x04\0\0\0\x50\
            \0\x21\0\x04ALB\0\0\x24\0\x04x\0\0\0\0\0\0\0GET";
        assert_eq!(bytes, expected);
    }
}
