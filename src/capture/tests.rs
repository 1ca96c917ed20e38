//! Checks captures against the rules of pcapng, read byte by byte and without pcap-file, which
//! accepts many errors. Broken captures prove that each rule is checked.

use std::net::IpAddr;

use super::*;

/// Bytes of a packet's headers; only their number matters here, and the version in the first byte.
const HEADERS: [u8; 60] = [0x45; 60];

/// Facts about the previous blocks that a rule needs.
#[derive(Default)]
struct BlocksSoFar {
    sections: usize,
    interfaces: u32,
    names: usize,
    packets: usize,
}

type Checked<T> = Result<T, &'static str>;

fn ensure(holds: bool, rule: &'static str) -> Checked<()> {
    if holds { Ok(()) } else { Err(rule) }
}

fn u16_at(bytes: &[u8], at: usize) -> Checked<u16> {
    let bytes = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    Ok(u16::from_le_bytes(
        *bytes.ok_or("a field inside its block")?,
    ))
}

fn u32_at(bytes: &[u8], at: usize) -> Checked<u32> {
    let bytes = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    Ok(u32::from_le_bytes(
        *bytes.ok_or("a field inside its block")?,
    ))
}

fn len_at(bytes: &[u8], at: usize) -> Checked<usize> {
    u32_at(bytes, at).map(|len| usize::try_from(len).unwrap())
}

/// Splits off `len` bytes and the zeros that pad them to a multiple of 4.
fn split_padded(bytes: &[u8], len: usize) -> Checked<(&[u8], &[u8])> {
    let padded = len.next_multiple_of(4);
    ensure(bytes.len() >= padded, "a value inside its block")?;
    let is_zero = bytes[len..padded].iter().all(|byte| *byte == 0);
    ensure(is_zero, "zeros as padding")?;
    Ok((&bytes[..len], &bytes[padded..]))
}

/// Reads a list of records or options that ends with code 0; returns the rest.
fn list(mut bytes: &[u8], mut each: impl FnMut(u16, &[u8])) -> Checked<&[u8]> {
    loop {
        ensure(!bytes.is_empty(), "an end of the list")?;
        let (code, len) = (u16_at(bytes, 0)?, u16_at(bytes, 2)?);
        let (value, rest) = split_padded(&bytes[4..], len.into())?;
        if code == 0 {
            ensure(len == 0, "an end of the list without a value")?;
            return Ok(rest);
        }
        each(code, value);
        bytes = rest;
    }
}

/// Reads options to the end of a block; without options there is no end marker.
fn options(bytes: &[u8]) -> Checked<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let mut before = 0;
    let mut is_rising = true;
    let rest = list(bytes, |code, _| {
        is_rising &= before < code;
        before = code;
    })?;
    ensure(rest.is_empty(), "nothing after the end of options")?;
    ensure(is_rising, "no option twice")
}

/// Checks all rules for one block, without its type and lengths.
fn check_body(seen: &mut BlocksSoFar, kind: u32, body: &[u8]) -> Checked<()> {
    ensure(
        (kind == 0x0a0d_0d0a) == (seen.sections == 0),
        "one section header, and first",
    )?;
    match kind {
        0x0a0d_0d0a => {
            seen.sections += 1;
            ensure(u32_at(body, 0)? == 0x1a2b_3c4d, "little-endian numbers")?;
            ensure(
                u16_at(body, 4)? == 1 && u16_at(body, 6)? == 0,
                "version 1.0",
            )?;
            let len = (u32_at(body, 8)?, u32_at(body, 12)?);
            ensure(len == (u32::MAX, u32::MAX), "no length of the section")?;
            options(&body[16..])
        }
        1 => {
            ensure(seen.packets == 0, "interfaces before packets")?;
            seen.interfaces += 1;
            ensure(
                [1, 12, 101].contains(&u16_at(body, 0)?),
                "a known link type",
            )?;
            ensure(u16_at(body, 2)? == 0, "a reserved field of 0")?;
            ensure(u32_at(body, 4)? == 262_144, "the same snapshot length")?;
            options(&body[8..])
        }
        4 => {
            ensure(seen.packets == 0, "names before packets")?;
            let mut are_names = true;
            let rest = list(body, |code, value| {
                seen.names += 1;
                let address_len = if code == 1 { 4 } else { 16 };
                let name = value.get(address_len..).unwrap_or_default();
                let end = name.iter().position(|byte| *byte == 0);
                are_names &= code <= 2 && end == name.len().checked_sub(1) && name.len() > 1;
            })?;
            ensure(are_names, "one name an address, with its end")?;
            options(rest)
        }
        6 => {
            seen.packets += 1;
            ensure(
                u32_at(body, 0)? < seen.interfaces,
                "an interface that is there",
            )?;
            let (captured, original) = (len_at(body, 12)?, len_at(body, 16)?);
            ensure(captured <= original, "no more captured than there was")?;
            let (_, rest) = split_padded(&body[20..], captured)?;
            options(rest)
        }
        _ => Err("a known type of block"),
    }
}

/// Checks a whole capture; returns the rule that it breaks, if any.
fn check(mut bytes: &[u8]) -> Checked<BlocksSoFar> {
    let mut seen = BlocksSoFar::default();
    while !bytes.is_empty() {
        let len = len_at(bytes, 4)?;
        ensure(
            len >= 12 && len.is_multiple_of(4),
            "a length of whole words",
        )?;
        ensure(len <= bytes.len(), "a block inside its file")?;
        let (block, rest) = bytes.split_at(len);
        ensure(
            len_at(block, len - 4)? == len,
            "the same length at both ends",
        )?;
        check_body(&mut seen, u32_at(block, 0)?, &block[8..len - 4])?;
        bytes = rest;
    }
    Ok(seen)
}

fn section(texts: [&str; 3], interfaces: usize) -> Section {
    let [name, description, filter] = texts.map(str::to_owned);
    let interface = Interface {
        name,
        filter: Some(filter).filter(|filter| !filter.is_empty()),
        description,
        link: None,
    };
    let named = ["10.0.0.1", "2001:db8::1", "10.0.0.2"]
        .into_iter()
        .zip(texts);
    Section {
        comment: texts[0].into(),
        application: texts[1].into(),
        interfaces: vec![interface; interfaces],
        names: named
            .map(|(address, name)| (address.parse::<IpAddr>().unwrap(), name.into()))
            .collect(),
    }
}

#[test]
fn captures_with_texts_of_every_length_follow_the_rules() {
    // Every length modulo 4, the empty text, characters of several bytes, and text that is cut.
    let long = "é".repeat(OPTION_LEN_MAX / 2 + 1);
    let texts = ["", "a", "ab", "abc", "abcd", "Zürich", &long];
    for link in [LinkType::Raw, LinkType::Ethernet] {
        let encoder = Encoder::new(Format::Pcapng, link);
        for (n, text) in texts.into_iter().enumerate() {
            let others = [texts[(n + 1) % 7], texts[(n + 3) % 7]];
            let section = section([text, others[0], others[1]], 3);
            let mut capture = encoder.preamble(&section).unwrap();
            for headers_len in 0..9 {
                for direction in [None, Some(PacketDirection::Outbound)] {
                    let frame = Frame {
                        time_ns: u64::MAX,
                        interface: u32::try_from(headers_len % 3).unwrap(),
                        direction,
                        original_len: 1500,
                        headers: &HEADERS[..headers_len],
                        comment: Some(text).filter(|_| headers_len % 2 == 0),
                    };
                    encoder.frame(&mut capture, &frame);
                }
            }
            let seen = check(&capture).unwrap_or_else(|rule| panic!("{rule}: {n} {link:?}"));
            let names = section.names.iter().filter(|(_, name)| !name.is_empty());
            let counts = (seen.sections, seen.interfaces, seen.names, seen.packets);
            assert_eq!(counts, (1, 3, names.count(), 18));
        }
    }
}

/// Builds a section header of 28 bytes, an interface of 32, and a packet of 52 with 6 bytes of
/// headers and a comment of one letter.
fn small() -> Vec<u8> {
    let encoder = Encoder::new(Format::Pcapng, LinkType::Raw);
    let section = Section {
        interfaces: vec![Interface::default()],
        ..Section::default()
    };
    let mut capture = encoder.preamble(&section).unwrap();
    let frame = Frame {
        time_ns: 0,
        interface: 0,
        direction: None,
        original_len: 6,
        headers: &HEADERS[..6],
        comment: Some("c"),
    };
    encoder.frame(&mut capture, &frame);
    capture
}

#[test]
fn frame_from_a_template_equals_a_newly_encoded_one() {
    let directions = [
        None,
        Some(PacketDirection::Inbound),
        Some(PacketDirection::Outbound),
    ];
    for link in [LinkType::Raw, LinkType::Raw101, LinkType::Ethernet] {
        let encoder = Encoder::new(Format::Pcapng, link);
        for (direction, headers_len) in directions
            .into_iter()
            .flat_map(|d| [(d, 40), (d, 52), (d, 72)])
        {
            let frame = Frame {
                time_ns: 7,
                interface: 3,
                direction,
                original_len: 100,
                headers: &[0x45; 72][..headers_len],
                comment: Some("not in the template"),
            };
            let template = encoder.template(&frame).unwrap();
            let other = Frame {
                time_ns: u64::MAX - (1 << 40),
                original_len: 70_000,
                headers: &[0x46; 72][..headers_len],
                comment: None,
                ..frame
            };
            let (mut copied, mut anew) = (vec![9], vec![9]);
            template
                .emit(other.time_ns, other.original_len, &mut copied)
                .copy_from_slice(other.headers);
            encoder.frame(&mut anew, &other);
            assert_eq!(copied, anew, "{link:?} {direction:?}");
        }
    }
}

#[test]
fn classic_pcap_and_long_headers_have_no_template() {
    let frame = Frame {
        time_ns: 7,
        interface: 0,
        direction: None,
        original_len: 100,
        headers: &[0x45; 73],
        comment: None,
    };
    let pcap = Encoder::new(Format::Pcap, LinkType::Raw);
    let short = Frame {
        headers: &[0x45; 72],
        ..frame
    };
    assert_eq!(pcap.template(&short), None);
    assert_eq!(
        Encoder::new(Format::Pcapng, LinkType::Raw).template(&frame),
        None
    );
}

#[test]
fn small_capture_has_exactly_these_bytes() {
    let expected = b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0\
        \x01\0\0\0\x20\0\0\0\x65\0\0\0\0\0\x04\0\x09\0\x01\0\x09\0\0\0\0\0\0\0\x20\0\0\0\
        \x06\0\0\0\x34\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x06\0\0\0\x06\0\0\0\
        EEEEEE\0\0\x01\0\x01\0c\0\0\0\0\0\0\0\x34\0\0\0";
    assert_eq!(small(), expected);
}

#[test]
fn each_broken_rule_is_detected() {
    let (interface, packet) = (28, 60);
    for (at, byte, rule) in [
        (4, 0x1d, "a length of whole words"),
        (4, 8, "a length of whole words"),
        (4, 0xf0, "a block inside its file"),
        (24, 0x20, "the same length at both ends"),
        (0, 6, "one section header, and first"),
        (8, 0x1a, "little-endian numbers"),
        (12, 2, "version 1.0"),
        (16, 0, "no length of the section"),
        (interface + 8, 102, "a known link type"),
        (interface + 10, 1, "a reserved field of 0"),
        (interface + 12, 1, "the same snapshot length"),
        (interface + 21, 1, "zeros as padding"),
        (interface + 24, 1, "an end of the list"),
        (interface, 2, "a known type of block"),
        (packet + 8, 1, "an interface that is there"),
        (packet + 20, 5, "zeros as padding"),
        (packet + 20, 7, "no more captured than there was"),
        (packet + 34, 1, "zeros as padding"),
        (packet + 41, 1, "zeros as padding"),
        (packet + 38, 9, "a value inside its block"),
        (packet + 44, 1, "an end of the list"),
        (packet + 46, 1, "a value inside its block"),
    ] {
        let mut capture = small();
        assert_ne!(capture[at], byte, "at {at}");
        capture[at] = byte;
        assert_eq!(check(&capture).err(), Some(rule), "{byte:#x} at {at}");
    }
    let mut capture = small();
    let interface = capture[interface..packet].to_vec();
    capture.extend(interface);
    assert_eq!(check(&capture).err(), Some("interfaces before packets"));
}
