//! What each option of `convert` changes in the capture, and what it leaves.

use std::collections::{BTreeMap, BTreeSet};

use testkit::pcapng::Capture;
use testkit::pcapng::packet::{Tuple, headers, sums};

use crate::support::tshark::tshark;
use crate::support::{convert, testdata};

const APP_1: &str = "eni-0b8e13f64d7ac2951";
const DATABASE: &str = "eni-0d73f0b5c9e2a6184";

fn incident(options: &[&str]) -> Capture {
    let options = [&["--detail", "exact"], options].concat();
    convert(&[testdata("incident")], &options).capture()
}

/// Packets and bytes of each directed five-tuple, wherever seen.
fn totals(capture: &Capture) -> BTreeMap<Tuple, (u64, u128)> {
    let mut totals = BTreeMap::new();
    for ((_, tuple), (packets, bytes)) in sums(capture) {
        let total: &mut (u64, u128) = totals.entry(tuple).or_default();
        *total = (total.0 + packets, total.1 + bytes);
    }
    totals
}

/// Packets written and bytes written for each record, by the comment on its first packet.
///
/// Good only where all packets have a comment.
fn records(capture: &Capture) -> BTreeMap<String, (u64, u64, u64, u64)> {
    let mut records = BTreeMap::new();
    for packet in &capture.packets {
        let number = |key| packet.word(key).unwrap().parse::<u64>().unwrap();
        let logged = (number("packets"), number("bytes"));
        let record = packet.word("record").unwrap().to_owned();
        let entry = records.entry(record).or_insert((0, 0, logged.0, logged.1));
        entry.0 += 1;
        entry.1 += u64::from(packet.original_len);
    }
    records
}

#[test]
fn vantage_auto_tells_each_conversation_from_one_eni() {
    let capture = incident(&[]);
    let mut views: BTreeMap<Tuple, BTreeSet<String>> = BTreeMap::new();
    for (eni, tuple) in sums(&capture).into_keys() {
        views.entry(tuple.conversation()).or_default().insert(eni);
    }
    assert_eq!(views.len(), 31);
    assert!(views.values().all(|enis| enis.len() == 1), "{views:?}");
}

#[test]
fn vantage_all_tells_each_from_all() {
    assert_eq!(incident(&["--vantage", "all"]).packets.len(), 506);
}

#[test]
fn vantage_of_an_eni_tells_what_it_saw_from_there() {
    let all = sums(&incident(&["--vantage", "all"]));
    for eni in [APP_1, DATABASE] {
        let capture = incident(&["--vantage", eni]);
        let found = sums(&capture);
        for (key, sum) in all.iter().filter(|((seen_at, _), _)| seen_at == eni) {
            assert_eq!(found.get(key), Some(sum), "{key:?}");
        }
        assert_eq!(capture.packets.len(), 316, "the others are told as before");
    }
}

#[test]
fn verdict_of_another_eni_is_said() {
    // The connection that the database rejects is accepted where it leaves app-1.
    let capture = incident(&["--vantage", APP_1, "--comments", "all"]);
    let shut_out = capture.packets.iter().filter(|p| {
        let tuple = headers(p).tuple;
        tuple.source.1 == 52744 && tuple.destination.1 == 5432
    });
    let said: Vec<_> = shut_out.map(|p| p.word("rejected-at")).collect();
    assert_eq!(said, [Some(DATABASE); 4]);
}

#[test]
fn addresses_of_the_interface_show_the_gateway() {
    let gateway = "10.2.1.9".parse::<std::net::IpAddr>().unwrap();
    let host = "10.2.11.30".parse::<std::net::IpAddr>().unwrap();
    let far = "192.0.2.140".parse::<std::net::IpAddr>().unwrap();
    let tuples = |addresses| {
        let options = ["--detail", "exact", "--addresses", addresses];
        let capture = convert(&[testdata("v5_all_fields.log")], &options).capture();
        let tuples = totals(&capture).into_keys();
        tuples
            .map(|t| (t.source.0, t.destination.0))
            .collect::<BTreeSet<_>>()
    };
    let (packet, interface) = (tuples("packet"), tuples("interface"));
    assert!(packet.contains(&(host, far)));
    assert!(!packet.contains(&(host, gateway)));
    assert!(interface.contains(&(host, gateway)) || interface.contains(&(gateway, host)));
}

#[test]
fn link_ethernet_puts_fourteen_bytes_in_front() {
    let (raw, ethernet) = (incident(&[]), incident(&["--link", "ethernet"]));
    assert!(ethernet.interfaces.iter().all(|i| i.link == 1));
    assert_eq!(raw.packets.len(), ethernet.packets.len());
    for (raw, ethernet) in raw.packets.iter().zip(&ethernet.packets) {
        assert_eq!(ethernet.original_len, raw.original_len + 14);
        let (link, ip) = ethernet.captured.split_at(14);
        assert_eq!(ip, raw.captured);
        let ethertype = if ip[0] >> 4 == 4 {
            [8, 0]
        } else {
            [0x86, 0xdd]
        };
        assert_eq!(link[12..], ethertype);
        assert_eq!(ethernet.comments, raw.comments);
    }
}

#[test]
fn link_raw101_differs_in_the_number_of_the_link_type_only() {
    let (raw, registered) = (incident(&[]), incident(&["--link", "raw101"]));
    assert!(raw.interfaces.iter().all(|i| i.link == 12));
    assert!(registered.interfaces.iter().all(|i| i.link == 101));
    assert_eq!(raw.packets, registered.packets);
}

#[test]
fn link_ethernet_keeps_wireshark_as_quiet() {
    let Some(tshark) = tshark() else { return };
    let options = ["--detail", "exact", "--link", "ethernet"];
    let converted = convert(&[testdata("incident")], &options);
    assert_eq!(tshark.count(converted.path(), "tcp.analysis.flags"), 17);
}

#[test]
fn single_interface_keeps_the_packets_and_names_enis_in_comments() {
    let (many, one) = (incident(&[]), incident(&["--single-interface"]));
    assert_eq!((many.interfaces.len(), one.interfaces.len()), (5, 1));
    assert_eq!(totals(&many), totals(&one));
    let enis: BTreeSet<_> = one.packets.iter().filter_map(|p| p.word("eni")).collect();
    assert!(enis.len() > 1);
}

#[test]
fn comments_stand_on_the_first_packet_of_each_record_on_all_or_on_none() {
    let count = |choice| {
        let capture = incident(&["--comments", choice]);
        let told = capture
            .packets
            .iter()
            .filter(|p| p.word("record").is_some());
        (told.count(), capture.packets.len())
    };
    assert_eq!(count("none"), (0, 316));
    assert_eq!(count("all"), (316, 316));
    let records = convert(&[testdata("incident")], &[]).count("/records/used");
    assert_eq!(count("record").0 as u64, records);
    let bare = incident(&["--comments", "none"]);
    assert!(bare.packets.iter().all(|p| p.comments.is_empty()));
    assert!(!bare.comment.is_empty(), "the section says what this is");
}

#[test]
fn comments_lead_back_to_the_line() {
    let capture = convert(&[testdata("v2_default.log")], &["--comments", "all"]).capture();
    let text = std::fs::read_to_string(testdata("v2_default.log")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for packet in &capture.packets {
        let (file, line) = packet.word("record").unwrap().rsplit_once(':').unwrap();
        assert!(file.ends_with("v2_default.log"));
        let cells: Vec<&str> = lines[line.parse::<usize>().unwrap() - 1]
            .split(' ')
            .collect();
        assert_eq!(packet.word("eni"), Some(cells[2]));
        assert_eq!(packet.word("packets"), Some(cells[8]));
        assert_eq!(packet.word("bytes"), Some(cells[9]));
        assert_eq!(packet.word("start"), Some(cells[10]));
        assert_eq!(packet.word("end"), Some(cells[11]));
        assert_eq!(packet.word("action"), Some(cells[12]));
        assert_eq!(headers(packet).tuple.source.0.to_string(), cells[3]);
    }
}

#[test]
fn compact_keeps_bytes_and_its_cap() {
    for cap in ["4", "5", "16", "64"] {
        let options = ["--comments", "all", "--max-per-record", cap];
        let converted = convert(&[testdata("incident")], &options);
        let most = cap.parse::<u64>().unwrap();
        for (record, (written, written_bytes, packets, bytes)) in records(&converted.capture()) {
            assert!(
                written <= most.min(packets),
                "{record}: {written} of {packets}"
            );
            assert_eq!(written_bytes, bytes, "{record}");
        }
        let written = converted.count("/packets/bytes_written");
        assert_eq!(written, 139_452, "{cap}");
    }
}

#[test]
fn control_keeps_bytes_handshake_and_teardown() {
    let options = ["--detail", "control", "--comments", "all"];
    let converted = convert(&[testdata("incident")], &options);
    let capture = converted.capture();
    for (record, (_, written_bytes, _, bytes)) in records(&capture) {
        assert_eq!(written_bytes, bytes, "{record}");
    }
    let exact = incident(&[]);
    assert!(capture.packets.len() < exact.packets.len());
    let control = |capture: &Capture| {
        let packets = capture.packets.iter().filter_map(|p| {
            let headers = headers(p);
            let flags = headers.tcp?.flags & 7;
            (flags != 0).then_some((headers.tuple, flags))
        });
        packets.collect::<BTreeSet<_>>()
    };
    assert_eq!(control(&capture), control(&exact));
}

#[test]
fn compact_and_control_keep_wireshark_quiet() {
    let Some(tshark) = tshark() else { return };
    for detail in ["compact", "control"] {
        let converted = convert(&[testdata("incident")], &["--detail", detail]);
        let other = "tcp.analysis.flags && !tcp.analysis.retransmission";
        assert_eq!(tshark.count(converted.path(), other), 0, "{detail}");
    }
}
