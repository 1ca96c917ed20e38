//! The checksum of a TCP segment or UDP datagram of which only the header is known, with the absent
//! payload counted as zeros.

use etherparse::checksum::Sum16BitWords;

use super::ip::AddressPair;

/// Returns the ones' complement sum over pseudo-header and transport header, not yet folded: RFC
/// 9293 section 3.1 for TCP, RFC 768 for UDP.
///
/// `transport_len` counts header and payload, in bytes. IPv4's pseudo-header has only 16 bits for
/// it; the sum takes all 32, as IPv6 does (RFC 8200 section 8.1), which is the same number wherever
/// IPv4 defines one. Zeros add nothing to a ones' complement sum, so the absent payload can be
/// skipped.
#[inline]
pub(super) fn sum(
    addresses: &AddressPair,
    protocol: u8,
    transport_len: u32,
    header: &[u8],
) -> Sum16BitWords {
    let mut sum = Sum16BitWords::new();
    sum = match addresses {
        AddressPair::V4([source, destination]) => {
            sum = sum.add_4bytes(source.octets());
            sum.add_4bytes(destination.octets())
        }
        AddressPair::V6([source, destination]) => {
            sum = sum.add_16bytes(source.octets());
            sum.add_16bytes(destination.octets())
        }
    };
    sum.add_4bytes(transport_len.to_be_bytes())
        .add_2bytes([0, protocol])
        .add_slice(header)
}
