//! Programs other than Wireshark read every packet of a capture.

use crate::support::libpcap::tcpdump;
use crate::support::tshark::tshark;
use crate::support::{Converted, convert, flow2pcap, run, testdata};

/// Archives with one interface and with several, of IPv4 and IPv6.
const ARCHIVES: [&str; 4] = [
    "incident",
    "stories",
    "v5_all_fields.log",
    "v11_all_fields.log",
];

fn exact(archive: &str, options: &[&str]) -> Converted {
    let options = [&["--detail", "exact"], options].concat();
    convert(&[testdata(archive)], &options)
}

/// The seconds and nothing more, for tcpdump prints microseconds and the capture has nanoseconds.
fn second(line: &str) -> u64 {
    line.split('.').next().unwrap().parse().unwrap()
}

#[test]
fn tcpdump_reads_every_packet_of_every_kind_of_capture() {
    let kinds: [&[&str]; 3] = [&[], &["--link", "ethernet"], &["--single-interface"]];
    for (archive, options) in ARCHIVES.iter().flat_map(|a| kinds.map(|kind| (a, kind))) {
        let converted = exact(archive, options);
        let Some(lines) = tcpdump(converted.path()) else {
            return;
        };
        let packets = converted.capture().packets;
        assert_eq!(lines.len(), packets.len(), "{archive} {options:?}");
        for (line, packet) in lines.iter().zip(&packets) {
            let is = if packet.captured[usize::from(options.contains(&"ethernet")) * 14] >> 4 == 6 {
                "IP6 "
            } else {
                "IP "
            };
            let shown = line.split_once(' ').unwrap().1;
            assert!(shown.starts_with(is), "{archive} {options:?}: {line}");
            assert_eq!(second(line), packet.time_ns / 1_000_000_000, "{line}");
        }
    }
}

#[test]
fn tcpdump_reads_classic_pcap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("incident.pcap");
    let run = run(flow2pcap()
        .args(["convert", "--detail", "exact", "-o"])
        .arg(&path)
        .arg(testdata("incident")));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let Some(lines) = tcpdump(&path) else { return };
    assert_eq!(lines.len(), exact("incident", &[]).capture().packets.len());
}

#[test]
fn tshark_dissects_every_packet_of_the_default_and_finds_no_error() {
    let Some(tshark) = tshark() else { return };
    for archive in ARCHIVES {
        let converted = exact(archive, &[]);
        let packets = converted.capture().packets.len();
        let count = |filter| tshark.count(converted.path(), filter);
        assert_eq!(count("ip || ipv6"), packets, "{archive}");
        assert_eq!(count("_ws.malformed || _ws.expert.severity == error"), 0);
        let kinds = tshark.fields(converted.path(), "", &["frame.encap_type"]);
        let raw_ip = vec!["7".to_owned()]; // WTAP_ENCAP_RAW_IP in wiretap/wtap.h
        assert!(kinds.iter().all(|kind| *kind == raw_ip), "{archive}");
    }
}
