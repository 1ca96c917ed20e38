//! Tests that read emitted headers with etherparse and with a checksum written from the RFC.

use etherparse::{
    LaxPacketHeaders, NetHeaders, TcpOptionElement, TransportHeader, ip_number, tcp_option,
};

use super::{
    tcp::{Flags, Options},
    *,
};

const V4: [&str; 2] = ["10.1.2.3", "198.51.100.255"];
const V6: [&str; 2] = ["2001:db8::1", "2001:db8:ffff::2"];
const SYN_LENS: [u32; 11] = [20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60];

fn segment(flags: Flags, options: Options) -> Transport {
    Transport::Tcp(TcpSegment {
        source_port: 50_000,
        destination_port: 443,
        seq: 0x89ab_cdef,
        ack: 0x1234_5678,
        flags,
        window: 64_240,
        options,
        timestamp: 0xdead_beef,
        timestamp_echo: 0x0bad_cafe,
    })
}

const UDP: Transport = Transport::Udp {
    source_port: 50_000,
    destination_port: 53,
};

fn packet(addresses: [&str; 2], transport: Transport, original_len: u32) -> Packet {
    let [source, destination] = addresses.map(|ip| ip.parse().unwrap());
    Packet::new(source, destination, transport, original_len).unwrap()
}

fn emitted(packet: &Packet) -> Vec<u8> {
    let mut out = b"before".to_vec();
    let captured_len = packet.emit(&mut out);
    let headers = out.split_off(6);
    assert_eq!(out, b"before");
    assert_eq!(headers.len(), captured_len);
    assert_eq!(headers.len(), packet.headers_len());
    headers
}

/// Computes the folded sum of 16-bit words, following RFC 1071 section 4.1 literally.
fn rfc1071_sum(bytes: &[u8]) -> u32 {
    let mut sum = 0u32;
    for pair in bytes.chunks(2) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u32::from(pair[0]) << 8 | u32::from(low);
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum
}

/// Checks that the packet is valid once its payload is filled with zeros.
#[track_caller]
fn check_sums(packet: &Packet) {
    let mut bytes = emitted(packet);
    bytes.resize(usize::try_from(packet.original_len()).unwrap(), 0);
    let (mut pseudo, body) = match packet.source() {
        IpAddr::V4(_) => {
            assert_eq!(rfc1071_sum(&bytes[..20]), 0xffff, "IPv4 header");
            (bytes[12..20].to_vec(), &bytes[20..])
        }
        IpAddr::V6(_) => (bytes[8..40].to_vec(), &bytes[40..]),
    };
    if let Transport::Bare { .. } = packet.transport() {
        return;
    }
    let body_len = u32::try_from(body.len()).unwrap();
    pseudo.extend_from_slice(&body_len.to_be_bytes());
    pseudo.extend_from_slice(&[0, 0, 0, packet.transport().protocol()]);
    pseudo.extend_from_slice(body);
    assert_eq!(rfc1071_sum(&pseudo), 0xffff, "{packet:?}");
}

#[test]
fn checksums_match_rfc_1071_for_every_length() {
    for addresses in [V4, V6] {
        for original_len in (80..140).chain([1499, 1500, 8961, 65_535]) {
            check_sums(&packet(addresses, UDP, original_len));
            let ack = segment(Flags::ACK, Options::TIMESTAMPS);
            check_sums(&packet(addresses, ack, original_len));
            check_sums(&packet(
                addresses,
                Transport::Bare { protocol: 47 },
                original_len,
            ));
        }
        for header_len in SYN_LENS {
            let syn = segment(Flags::SYN, Options::syn(header_len));
            let least = syn.original_len_min(Family::of(addresses[0].parse().unwrap()));
            check_sums(&packet(addresses, syn, least));
        }
    }
}

#[test]
fn udp_checksum_is_never_zero() {
    for source_port in 0..=u16::MAX {
        let transport = Transport::Udp {
            source_port,
            destination_port: 53,
        };
        let bytes = emitted(&packet(V6, transport, 48));
        assert_ne!(bytes[46..48], [0, 0], "port {source_port}");
    }
}

#[test]
fn tcp_round_trip() {
    let flags = [
        Flags::SYN,
        Flags::SYN | Flags::ACK,
        Flags::ACK,
        Flags::PSH | Flags::ACK,
        Flags::FIN | Flags::ACK,
        Flags::RST,
        Flags::RST | Flags::ACK,
        Flags::NONE,
    ];
    for addresses in [V4, V6] {
        for flags in flags {
            let packet = packet(addresses, segment(flags, Options::LINUX), 1500);
            let bytes = emitted(&packet);
            let read = LaxPacketHeaders::from_ip(&bytes).unwrap();
            let Some(TransportHeader::Tcp(tcp)) = read.transport else {
                panic!("no TCP header in {bytes:02x?}");
            };
            let acknowledges = flags.contains(Flags::ACK);
            assert_eq!((tcp.source_port, tcp.destination_port), (50_000, 443));
            assert_eq!(tcp.sequence_number, 0x89ab_cdef);
            let expected_ack = if acknowledges { 0x1234_5678 } else { 0 };
            assert_eq!(tcp.acknowledgment_number, expected_ack);
            assert_eq!(bytes[bytes.len() - 40 + 13], flags.bits());
            assert_eq!((tcp.window_size, tcp.urgent_pointer), (64_240, 0));
            let expected_echo = if acknowledges { 0x0bad_cafe } else { 0 };
            assert!(tcp.options_iterator().any(
                |option| option == Ok(TcpOptionElement::Timestamp(0xdead_beef, expected_echo))
            ));
        }
    }
}

#[test]
fn ipv4_header_has_length_and_addresses() {
    let bytes = emitted(&packet(V4, Transport::Bare { protocol: 50 }, 1234));
    let Some(NetHeaders::Ipv4(ip, _)) = LaxPacketHeaders::from_ip(&bytes).unwrap().net else {
        panic!("no IPv4 header in {bytes:02x?}");
    };
    assert_eq!((ip.total_len, ip.time_to_live), (1234, 64));
    assert_eq!(
        (ip.source, ip.destination),
        ([10, 1, 2, 3], [198, 51, 100, 255])
    );
    assert_eq!(ip.protocol, ip_number::ENCAP_SEC);
    assert!(ip.dont_fragment);
}

#[test]
fn ipv6_header_has_length_and_addresses() {
    let bytes = emitted(&packet(V6, Transport::Bare { protocol: 58 }, 1234));
    let Some(NetHeaders::Ipv6(ip, _)) = LaxPacketHeaders::from_ip(&bytes).unwrap().net else {
        panic!("no IPv6 header in {bytes:02x?}");
    };
    assert_eq!((ip.payload_length, ip.hop_limit), (1194, 64));
    assert_eq!(
        [ip.source_addr(), ip.destination_addr()].map(|ip| ip.to_string()),
        V6
    );
    assert_eq!(ip.next_header, ip_number::IPV6_ICMP);
}

/// Checks the kinds of a SYN's options, and that its header has the requested length.
#[track_caller]
fn check_syn(header_len: u32, expected_kinds: &[u8]) {
    let options = Options::syn(header_len);
    assert_eq!(u32::from(options.header_len()), header_len);
    let bytes = emitted(&packet(V4, segment(Flags::SYN, options), 20 + header_len));
    assert_eq!(u32::from(bytes[32] >> 4) * 4, header_len);
    let mut kinds = Vec::new();
    let mut rest = &bytes[40..];
    while let Some(&kind) = rest.first() {
        kinds.push(kind);
        rest = match kind {
            tcp_option::KIND_END => {
                assert!(rest.iter().all(|&byte| byte == 0));
                break;
            }
            tcp_option::KIND_NOOP => &rest[1..],
            _ => &rest[usize::from(rest[1])..],
        };
    }
    assert_eq!(kinds, expected_kinds);
}

#[test]
fn syn_options_follow_the_header_length() {
    check_syn(20, &[]);
    check_syn(24, &[2]);
    check_syn(28, &[2, 1, 1, 4]);
    check_syn(32, &[2, 1, 3, 1, 1, 4]);
    check_syn(36, &[2, 1, 3, 1, 1, 4, 0]);
    check_syn(40, &[2, 4, 8, 1, 3]);
    check_syn(44, &[2, 1, 3, 1, 1, 8, 4, 0]);
    for header_len in [48, 52, 56, 60] {
        check_syn(header_len, &[2, 1, 3, 1, 1, 8, 4, 0]);
    }
}

#[test]
fn linux_syn_matches_reference_bytes() {
    let syn = segment(Flags::SYN, Options::LINUX);
    let bytes = emitted(&packet(V4, syn, 60));
    let expected = b"\x02\x04\x05\xb4\x04\x02\x08\x0a\xde\xad\xbe\xef\0\0\0\0\x01\x03\x03\x07";
    assert_eq!(bytes[40..], *expected);
}

#[test]
fn syn_of_impossible_header_length_gets_the_nearest_possible_one() {
    for (requested, given) in [
        (0, 20),
        (19, 20),
        (23, 20),
        (46, 44),
        (64, 60),
        (u32::MAX, 60),
    ] {
        assert_eq!(Options::syn(requested).header_len(), given);
    }
}

#[test]
fn length_beyond_ipv4_total_length_is_written_as_zero() {
    for (original_len, total_len) in [(65_535, 65_535), (65_536, 0), (ORIGINAL_LEN_MAX, 0)] {
        let packet = packet(V4, segment(Flags::ACK, Options::NONE), original_len);
        assert_eq!(emitted(&packet)[2..4], u16::to_be_bytes(total_len));
        assert_eq!(packet.payload_len(), original_len - 40);
    }
}

#[test]
fn length_beyond_ipv6_payload_length_is_a_jumbo_payload() {
    let ack = segment(Flags::ACK, Options::NONE);
    let plain = packet(V6, ack, 65_575);
    assert_eq!(emitted(&plain)[4..7], [0xff, 0xff, 6]);
    assert_eq!(plain.payload_len(), 65_575 - 60);

    let jumbo = packet(V6, ack, 65_576);
    let bytes = emitted(&jumbo);
    assert_eq!(bytes[4..7], [0, 0, 0]);
    assert_eq!(bytes[40..48], [6, 0, 0xc2, 4, 0, 1, 0, 0]);
    assert_eq!(jumbo.payload_len(), 65_576 - 68);
}

#[test]
fn udp_length_beyond_its_field_is_maximum_in_ipv4_and_zero_in_ipv6() {
    let length = |addresses, original_len| {
        let bytes = emitted(&packet(addresses, UDP, original_len));
        let at = bytes.len() - 4;
        u16::from_be_bytes([bytes[at], bytes[at + 1]])
    };
    assert_eq!(length(V4, 28), 8);
    assert_eq!(length(V4, 65_555), 65_535);
    assert_eq!(length(V4, 65_556), 65_535);
    assert_eq!(length(V6, 65_575), 65_535);
    assert_eq!(length(V6, 65_592), 0);
}

#[test]
fn mixed_families_are_an_error() {
    let [from, to] = [V4[0], V6[1]].map(|ip| ip.parse().unwrap());
    let expected = Err(InvalidPacket::MixedFamily { from, to });
    assert_eq!(Packet::new(from, to, UDP, 100), expected);
}

#[test]
fn length_outside_the_limits_is_an_error() {
    let [source, destination] = V6.map(|ip| ip.parse().unwrap());
    let bare = Transport::Bare { protocol: 58 };
    let syn = segment(Flags::SYN, Options::LINUX);
    for (transport, least) in [(bare, 41), (UDP, 48), (syn, 80)] {
        assert!(Packet::new(source, destination, transport, least).is_ok());
        let original_len = least - 1;
        let expected = Err(InvalidPacket::TooShort {
            original_len,
            least,
        });
        assert_eq!(
            Packet::new(source, destination, transport, original_len),
            expected
        );
    }
    let original_len = ORIGINAL_LEN_MAX + 1;
    let expected = Err(InvalidPacket::TooLong { original_len });
    assert_eq!(
        Packet::new(source, destination, UDP, original_len),
        expected
    );
}

#[test]
fn segment_made_from_a_template_has_the_headers_that_etherparse_builds() {
    let values = [0, 1, 0xffff, 0x1_0000, 0x89ab_cdef, u32::MAX];
    let flags = [Flags::NONE, Flags::ACK, Flags::FIN | Flags::ACK, Flags::RST];
    for addresses in [V4, V6] {
        for options in [Options::NONE, Options::TIMESTAMPS] {
            let like = packet(addresses, segment(Flags::RST, options), 1_500);
            let template = Template::of(&like, &emitted(&like)).unwrap();
            assert_eq!(template.tcp_len(), usize::from(options.header_len()));
            for (value, flags) in values.into_iter().flat_map(|v| flags.map(|f| (v, f))) {
                let numbers = Numbers {
                    seq: value,
                    ack: !value,
                    flags,
                    window: if flags == Flags::RST { 0 } else { 64_240 },
                    timestamp: value,
                    timestamp_echo: value.wrapping_add(9),
                };
                for original_len in [72, 1_500, 65_535, 65_536, 65_575, 65_576, ORIGINAL_LEN_MAX] {
                    if template.fits(original_len) {
                        check_template(&template, &numbers, addresses, options, original_len);
                    } else {
                        assert!(addresses == V6 && original_len > 65_575);
                    }
                }
            }
        }
    }
}

fn check_template(
    template: &Template,
    numbers: &Numbers,
    addresses: [&str; 2],
    options: Options,
    original_len: u32,
) {
    let transport = Transport::Tcp(TcpSegment {
        source_port: 50_000,
        destination_port: 443,
        seq: numbers.seq,
        ack: numbers.ack,
        flags: numbers.flags,
        window: numbers.window,
        options,
        timestamp: numbers.timestamp,
        timestamp_echo: numbers.timestamp_echo,
    });
    let mut out = Vec::new();
    template.emit(numbers, original_len, &mut out);
    let built = emitted(&packet(addresses, transport, original_len));
    assert_eq!(out, built, "{numbers:?}, {original_len} bytes");
}

#[test]
fn syns_and_jumbo_packets_have_no_template() {
    let syn = packet(V4, segment(Flags::SYN, Options::LINUX), 60);
    let jumbo = packet(V6, segment(Flags::ACK, Options::NONE), 65_576);
    for packet in [syn, jumbo, packet(V4, UDP, 60)] {
        assert_eq!(Template::of(&packet, &emitted(&packet)), None);
    }
}
