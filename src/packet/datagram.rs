//! A UDP datagram with its payload, for the few packets whose contents are known.

use std::net::IpAddr;

use etherparse::UdpHeader;

use super::{InvalidPacket, checksum, ip::AddressPair, udp};

/// The IANA number of UDP.
const UDP: u8 = 17;

/// Returns a whole IP packet: headers with their checksums, and the payload.
///
/// # Errors
/// Returns [`InvalidPacket::MixedFamily`] if the addresses are of two families, and
/// [`InvalidPacket::TooLong`] if the payload does not fit in a datagram.
pub fn datagram(
    (source, source_port): (IpAddr, u16),
    (destination, destination_port): (IpAddr, u16),
    payload: &[u8],
) -> Result<Vec<u8>, InvalidPacket> {
    let addresses = AddressPair::new(source, destination).ok_or(InvalidPacket::MixedFamily {
        from: source,
        to: destination,
    })?;
    let len = u16::try_from(payload.len()).ok();
    let len = len.and_then(|len| len.checked_add(udp::HEADER_LEN));
    let header_len = addresses.family().header_len(0);
    let Some(original_len) = len.and_then(|len| len.checked_add(header_len)) else {
        let original_len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        return Err(InvalidPacket::TooLong { original_len });
    };
    let mut header = UdpHeader {
        source_port,
        destination_port,
        length: original_len - header_len,
        checksum: 0,
    };
    let mut transport = header.to_bytes().to_vec();
    transport.extend_from_slice(payload);
    let sum = checksum::sum(&addresses, UDP, header.length.into(), &transport);
    header.checksum = sum.to_ones_complement_with_no_zero().to_be();
    let mut bytes = Vec::with_capacity(original_len.into());
    addresses.emit(UDP, original_len.into(), &mut bytes);
    bytes.extend_from_slice(&header.to_bytes());
    bytes.extend_from_slice(payload);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums 16-bit words with their carries.
    fn sum(bytes: &[u8]) -> u32 {
        let words = bytes
            .chunks(2)
            .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
        let mut sum: u32 = words.sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum
    }

    #[test]
    fn checksum_covers_the_payload() {
        for (from, to, ip_len, addresses_at) in [
            ("10.0.0.1", "10.0.0.2", 20, 12),
            ("2001:db8::1", "2001:db8::2", 40, 8),
        ] {
            for payload in [&b"abc"[..], b"", b"four"] {
                let [from, to] = [from, to].map(|text| text.parse().unwrap());
                let bytes = datagram((from, 40_000), (to, 53), payload).unwrap();
                assert_eq!(bytes.len(), ip_len + 8 + payload.len());
                assert!(bytes.ends_with(payload));
                let mut covered = bytes[addresses_at..ip_len].to_vec();
                covered.extend_from_slice(&[0, 17]);
                covered.extend_from_slice(&bytes[ip_len + 4..ip_len + 6]);
                covered.extend_from_slice(&bytes[ip_len..]);
                assert_eq!(sum(&covered), 0xffff);
            }
        }
    }

    #[test]
    fn payload_that_does_not_fit_is_refused() {
        let ip = "10.0.0.1".parse().unwrap();
        assert!(datagram((ip, 1), (ip, 2), &[0; 65_508]).is_err());
        assert!(datagram((ip, 1), (ip, 2), &[0; 65_507]).is_ok());
    }
}
