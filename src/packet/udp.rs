//! The UDP header, including datagrams too long for its length field.

use etherparse::UdpHeader;

use super::{Family, checksum, ip::AddressPair};

/// Length of the header in bytes.
pub(super) const HEADER_LEN: u16 = UdpHeader::LEN_U16;

/// Appends the header of a datagram of `datagram_len` bytes, header included.
#[inline]
pub(super) fn emit(
    source_port: u16,
    destination_port: u16,
    addresses: &AddressPair,
    datagram_len: u32,
    out: &mut Vec<u8>,
) {
    let mut header = UdpHeader {
        source_port,
        destination_port,
        length: length(addresses.family(), datagram_len),
        checksum: 0,
    };
    // RFC 768: a sum of zero is sent as all ones, because zero means that there is no checksum. RFC
    // 8200 section 8.1 forbids that, and Wireshark reports it as an error.
    header.checksum = checksum::sum(addresses, 17, datagram_len, &header.to_bytes())
        .to_ones_complement_with_no_zero()
        .to_be();
    out.extend_from_slice(&header.to_bytes());
}

/// Returns the value of the Length field.
///
/// RFC 2675 section 4: 0 in a jumbogram, where the IPv6 payload length is used. IPv4 has no such
/// rule and Wireshark reports 0 as malformed. There the field stays at its maximum, and the frame's
/// length, which statistics count, is right.
fn length(family: Family, datagram_len: u32) -> u16 {
    u16::try_from(datagram_len).unwrap_or(match family {
        Family::V4 => u16::MAX,
        Family::V6 => 0,
    })
}
