//! Compares the template with pcap-file, over every combination that changes its shape.

use std::{borrow::Cow, time::Duration};

use pcap_file::{
    Endianness,
    pcap::{PcapHeader, PcapPacket, PcapReader, PcapTsResolution, PcapWriter},
    pcapng::{
        Block, PcapNgReader, PcapNgWriter,
        blocks::{
            enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption},
            interface_description::{
                InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
            },
            opt_common::CommonOption,
            section_header::SectionHeaderBlock,
        },
    },
};

use super::*;
use crate::capture::Interface;

const TIME_NS: u64 = 1_700_000_000_123_456_789;

/// Returns what pcap-file writes for one packet after two interfaces.
fn reference(link: LinkType, frame: &Frame<'_>, data: &[u8]) -> Vec<u8> {
    let header = SectionHeaderBlock {
        endianness: Endianness::Little,
        ..SectionHeaderBlock::default()
    };
    let mut writer = PcapNgWriter::with_section_header(Vec::new(), header).unwrap();
    for _ in 0..2 {
        let interface = InterfaceDescriptionBlock {
            linktype: link.of_interface(true),
            snaplen: 0,
            options: vec![InterfaceDescriptionOption::IfTsResol(
                InterfaceTsResolution::NANO,
            )],
        };
        writer.write_pcapng_block(interface).unwrap();
    }
    let before = writer.get_ref().len();
    let comment = frame
        .comment
        .map(|text| EnhancedPacketOption::Common(CommonOption::Comment(Cow::Borrowed(text))));
    let flags = frame
        .direction
        .map(|direction| EnhancedPacketOption::Flags(direction.flags()));
    let block = EnhancedPacketBlock {
        interface_id: frame.interface,
        timestamp: Duration::from_nanos(frame.time_ns),
        original_len: frame.original_len + link.header_len(),
        data: Cow::Borrowed(data),
        options: comment.into_iter().chain(flags).collect(),
    };
    writer.write_pcapng_block(block).unwrap();
    writer.into_inner().split_off(before)
}

fn linked(link: LinkType, frame: &Frame<'_>) -> Vec<u8> {
    let mut data = Vec::new();
    link.emit(frame.interface, frame.direction, frame.headers, &mut data);
    data.extend_from_slice(frame.headers);
    data
}

#[test]
fn enhanced_packet_matches_reference_bytes() {
    let bytes: Vec<u8> = (0x45..0x45 + 108).collect();
    let comments = ["", "a", "ab", "abc", "abcd", "action=REJECT", "Zürich"];
    let comments = comments.map(Some).into_iter().chain([None]);
    let directions = [
        None,
        Some(PacketDirection::Inbound),
        Some(PacketDirection::Outbound),
    ];
    let mut checked_count = 0;
    for link in [LinkType::Raw, LinkType::Ethernet] {
        let encoder = Encoder::new(Format::Pcapng, link);
        for comment in comments.clone() {
            for direction in directions {
                for headers_len in [0, 1, 2, 3, 20, 28, 40, 41, 42, 43, 108] {
                    for (interface, time_ns) in [(0, 0), (1, TIME_NS), (1, u64::MAX)] {
                        let frame = Frame {
                            time_ns,
                            interface,
                            direction,
                            original_len: 70_000,
                            headers: &bytes[..headers_len],
                            comment,
                        };
                        let mut out = b"before".to_vec();
                        encoder.frame(&mut out, &frame);
                        let expected = reference(link, &frame, &linked(link, &frame));
                        assert_eq!(out[6..], expected, "{link:?} {frame:?}");
                        checked_count += 1;
                    }
                }
            }
        }
    }
    assert_eq!(checked_count, 2 * 8 * 3 * 11 * 3);
}

#[test]
fn comment_at_the_limit_matches_reference_bytes() {
    let longest = "x".repeat(OPTION_LEN_MAX);
    let frame = sample(Some(&longest));
    let mut out = Vec::new();
    Encoder::new(Format::Pcapng, LinkType::Raw).frame(&mut out, &frame);
    assert_eq!(out, reference(LinkType::Raw, &frame, frame.headers));
}

#[test]
fn comment_beyond_the_limit_is_cut_at_a_character() {
    let long = "x".repeat(OPTION_LEN_MAX - 1) + "é";
    let mut out = Vec::new();
    let mut expected = Vec::new();
    let encoder = Encoder::new(Format::Pcapng, LinkType::Raw);
    encoder.frame(&mut out, &sample(Some(&long)));
    encoder.frame(&mut expected, &sample(Some(&long[..OPTION_LEN_MAX - 1])));
    assert_eq!(out, expected);
}

#[test]
fn pcap_record_matches_reference_bytes() {
    let header = PcapHeader {
        ts_resolution: PcapTsResolution::NanoSecond,
        endianness: Endianness::Little,
        ..PcapHeader::default()
    };
    for link in [LinkType::Raw, LinkType::Ethernet] {
        let frame = sample(Some("lost"));
        let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
        let before = 24;
        let packet = PcapPacket::new(
            Duration::from_nanos(frame.time_ns),
            frame.original_len + link.header_len(),
            linked(link, &frame),
        );
        writer.write_packet(&packet.unwrap()).unwrap();
        let mut out = Vec::new();
        Encoder::new(Format::Pcap, link).frame(&mut out, &frame);
        assert_eq!(out, writer.into_inner().split_off(before));
    }
}

#[test]
fn original_length_is_read_back_from_every_kind_of_frame() {
    for format in [Format::Pcapng, Format::Pcap] {
        for link in [LinkType::Raw, LinkType::Ethernet] {
            let (mut out, frame) = (Vec::new(), sample(Some("first")));
            let encoder = Encoder::new(format, link);
            encoder.frame(&mut out, &frame);
            assert_eq!(encoder.original_len(&out), frame.original_len);
        }
    }
}

#[test]
fn pcap_time_after_2106_stays_in_its_last_second() {
    let frame = Frame {
        time_ns: u64::MAX,
        ..sample(None)
    };
    let mut out = Vec::new();
    Encoder::new(Format::Pcap, LinkType::Raw).frame(&mut out, &frame);
    assert_eq!(out[..4], [0xff; 4]);
}

#[test]
fn pcapng_round_trip() {
    let section = Section {
        comment: "synthesised".into(),
        application: "flow2pcap".into(),
        interfaces: vec![
            Interface {
                name: "eni-1".into(),
                description: "vpc-1".into(),
                filter: Some("${version}".into()),
                link: Some(LinkType::UpperPdu),
            },
            Interface::default(),
        ],
        names: vec![("10.0.0.1".parse().unwrap(), "web".into())],
    };
    let encoder = Encoder::new(Format::Pcapng, LinkType::Raw);
    let mut file = encoder.preamble(&section).unwrap();
    encoder.frame(&mut file, &sample(Some("first")));

    let mut reader = PcapNgReader::new(&file[..]).unwrap();
    let header = format!("{:?}", reader.section());
    assert!(header.contains("synthesised") && header.contains("flow2pcap"));
    let mut kinds = Vec::new();
    while let Some(block) = reader.next_block() {
        kinds.push(match block.unwrap().0 {
            Block::InterfaceDescription(block) => {
                assert_eq!(
                    (block.snaplen, block.ts_resolution()),
                    (262_144, InterfaceTsResolution::NANO)
                );
                format!("interface with {} options", block.options.len())
            }
            Block::NameResolution(block) => format!("{} names", block.records.len()),
            Block::EnhancedPacket(block) => {
                assert_eq!(block.timestamp, Duration::from_nanos(TIME_NS));
                format!("packet of {} in {}", block.original_len, block.data.len())
            }
            other => format!("{other:?}"),
        });
    }
    assert_eq!(
        kinds,
        [
            "interface with 4 options",
            "interface with 1 options",
            "1 names",
            "packet of 1500 in 40"
        ]
    );
}

#[test]
fn pcap_round_trip() {
    let encoder = Encoder::new(Format::Pcap, LinkType::Raw);
    let mut file = encoder.preamble(&Section::default()).unwrap();
    encoder.frame(&mut file, &sample(None));
    let mut reader = PcapReader::new(&file[..]).unwrap();
    let packet = reader.next_packet().unwrap().unwrap();
    assert_eq!(packet.timestamp(), Duration::from_nanos(TIME_NS));
    assert_eq!((packet.orig_len(), packet.len()), (1500, 40));
    assert!(reader.next_packet().is_none());
}

#[test]
fn empty_section_has_only_a_header() {
    let encoder = Encoder::new(Format::Pcapng, LinkType::Raw);
    assert_eq!(encoder.preamble(&Section::default()).unwrap().len(), 28);
}

fn sample(comment: Option<&str>) -> Frame<'_> {
    Frame {
        time_ns: TIME_NS,
        interface: 0,
        direction: Some(PacketDirection::Inbound),
        original_len: 1500,
        headers: &[0x45; 40],
        comment,
    }
}
