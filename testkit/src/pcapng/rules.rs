//! What Wireshark 4.4 and later complain of in a single packet, checked in the bytes.
//!
//! No such version need be installed: each rule is one that its dissectors state.
//! What they find by comparing packets is `tcp.analysis`, which the tests that
//! know what to expect ask tshark for.

use super::packet::{ACK, RST, SYN, headers};
use super::{Capture, Packet, UPPER_PDU};

const ETHERNET: u16 = 1;

/// Checks every packet of a capture.
///
/// # Panics
/// On the first that breaks a rule.
pub fn check(capture: &Capture) {
    for packet in &capture.packets {
        let interface = &capture.interfaces[packet.interface];
        let mut inner = packet.clone();
        if interface.link == ETHERNET {
            inner.captured.drain(..14);
            inner.original_len -= 14;
        }
        if interface.link == UPPER_PDU {
            check_pdu(&inner);
        } else if interface.name == "dns" || interface.name.starts_with("dns ") {
            check_datagram(&inner);
        } else {
            check_packet(&inner);
        }
    }
}

/// Tags up to their end, and something after it.
fn check_pdu(packet: &Packet) {
    assert_eq!(packet.captured.len(), packet.original_len as usize);
    let mut rest = &packet.captured[..];
    let mut is_first = true;
    loop {
        let field = |at: usize| u16::from_be_bytes([rest[at], rest[at + 1]]);
        let (tag, len) = (field(0), usize::from(field(2)));
        assert!(
            !is_first || tag == 12,
            "the name of a dissector comes first"
        );
        assert!(len.is_multiple_of(4), "a tag of {len} bytes");
        rest = &rest[4 + len..];
        is_first = false;
        if tag == 0 {
            break;
        }
    }
    assert!(!rest.is_empty(), "a PDU without contents");
}

/// A whole datagram, whose checksums are right.
fn check_datagram(packet: &Packet) {
    let bytes = &packet.captured;
    assert_eq!(bytes.len(), packet.original_len as usize);
    let (ip_len, addresses) = match bytes[0] >> 4 {
        4 => (20, &bytes[12..20]),
        _ => (40, &bytes[8..40]),
    };
    if ip_len == 20 {
        assert_eq!(ones_complement(0, &bytes[..20]), 0xffff, "IPv4 checksum");
    }
    let datagram = &bytes[ip_len..];
    assert_eq!(headers(packet).tuple.protocol, 17);
    let len = u32::try_from(datagram.len()).unwrap();
    let sum = ones_complement(ones_complement(17 + len, addresses), datagram);
    assert_eq!(sum, 0xffff, "UDP checksum");
}

fn check_packet(packet: &Packet) {
    assert!(packet.captured.len() < 256, "headers and no payload");
    let headers = headers(packet);
    let bytes = &packet.captured;
    let ip_len = match bytes[0] >> 4 {
        4 => 20,
        _ if bytes[4..7] == [0; 3] => 48, // RFC 2675: the jumbo option
        _ => 40,
    };
    let hop_limit = if bytes[0] >> 4 == 4 {
        bytes[8]
    } else {
        bytes[7]
    };
    assert!(hop_limit >= 5, "\"TTL low or unexpected\"");
    if bytes[0] >> 4 == 4 {
        let sum = ones_complement(0, &bytes[..20]);
        assert_eq!(sum, 0xffff, "IPv4 header checksum");
    }
    let transport = &bytes[ip_len..];
    match headers.tuple.protocol {
        6 => check_tcp(transport),
        17 => check_udp(
            transport,
            packet.original_len as usize - ip_len,
            ip_len > 20,
        ),
        _ => assert!(transport.is_empty(), "a type or code that no log has"),
    }
    let is_whole = bytes.len() == packet.original_len as usize;
    if is_whole && headers.tuple.protocol == 6 {
        // Complete segments are checked where the user asks for it.
        let addresses = if ip_len == 20 {
            &bytes[12..20]
        } else {
            &bytes[8..40]
        };
        let pseudo = 6 + u32::try_from(transport.len()).unwrap();
        let sum = ones_complement(ones_complement(pseudo, addresses), transport);
        assert_eq!(sum, 0xffff, "TCP checksum");
    }
}

fn check_tcp(header: &[u8]) {
    let (flags, options) = (header[13], &header[20..]);
    let field = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    assert_eq!(header[12] & 0x0f, 0, "reserved bits");
    assert_eq!(field(18), 0, "urgent pointer without URG");
    if flags & ACK == 0 {
        assert_eq!(header[8..12], [0; 4], "acknowledgement number without ACK");
    }
    if flags & (SYN | RST) == 0 {
        assert_ne!(field(14), 0, "\"TCP Zero Window\"");
    }
    let kinds = option_kinds(options);
    if flags & SYN != 0 && options.len() > 4 {
        // In 24 bytes of header there is room for the first alone.
        assert!(kinds.contains(&2), "a SYN with options and without MSS");
        assert!(
            kinds.contains(&4),
            "a SYN with options and without SACK-permitted"
        );
    } else if flags & SYN == 0 {
        assert!(
            kinds.iter().all(|kind| *kind == 8),
            "options of a SYN: {kinds:?}"
        );
    }
}

/// The options but for padding, each as long as it says and none twice.
fn option_kinds(mut options: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let [kind, rest @ ..] = options {
        match kind {
            0 => {
                assert!(
                    rest.iter().all(|byte| *byte == 0),
                    "options behind their end"
                );
                break;
            }
            1 => options = rest,
            _ => {
                let len = usize::from(rest[0]);
                let expected = [(2, 4), (3, 3), (4, 2), (8, 10)];
                assert!(expected.contains(&(*kind, len)), "option {kind} of {len}");
                assert!(!kinds.contains(kind), "option {kind} twice");
                kinds.push(*kind);
                options = &options[len..];
            }
        }
    }
    kinds
}

fn check_udp(header: &[u8], len: usize, is_ipv6: bool) {
    assert_eq!(header.len(), 8, "the UDP header and no more");
    let said = usize::from(u16::from_be_bytes([header[4], header[5]]));
    // RFC 2675 section 4: 0 stands for a length beyond 16 bits, in a jumbogram only.
    let is_jumbo = said == 0 && is_ipv6 && len > 0xffff;
    assert!(
        is_jumbo || said >= 8 && said <= len,
        "UDP length {said} of {len}"
    );
    assert!(
        !is_ipv6 || header[6..8] != [0, 0],
        "\"Illegal checksum value (0)\""
    );
}

/// RFC 1071: the one's complement sum of 16-bit words, with `from` to begin with.
fn ones_complement(from: u32, bytes: &[u8]) -> u32 {
    let words = bytes.chunks(2).map(|pair| match pair {
        [high, low] => u32::from(*high) << 8 | u32::from(*low),
        _ => u32::from(pair[0]) << 8,
    });
    let sum = words.fold(from, |sum, word| sum + word);
    let sum = (sum & 0xffff) + (sum >> 16);
    (sum & 0xffff) + (sum >> 16)
}
