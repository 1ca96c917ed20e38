//! What went wrong must look wrong: small logs, each of one story, read as tshark reads them.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use support::{convert, file, tshark::tshark};

const COLUMNS: &str = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action tcp-flags flow-direction";

/// Converts `records` (source, destination, their ports, packets, octets, start, end, action and
/// flags, at one ENI that is 10.0.0.2's or 2001:db8::2's) and checks, in tshark's words, the
/// capture's lines and the flags that its analysis raises.
#[track_caller]
fn check(records: &[&str], expected: &[&str]) {
    let Some(tshark) = tshark() else { return };
    let mut text = format!("{COLUMNS}\n");
    for record in records {
        let [
            source,
            destination,
            sport,
            dport,
            packets,
            bytes,
            start,
            end,
            action,
            flags,
        ]: [&str; 10] = record
            .split(' ')
            .collect::<Vec<_>>()
            .try_into()
            .expect("ten words a record");
        let direction = if source.ends_with('2') {
            "egress"
        } else {
            "ingress"
        };
        text += &format!(
            "eni-1 {source} {destination} {sport} {dport} 6 {packets} {bytes} {start} {end} {action} {flags} {direction}\n"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let converted = convert(
        &[file(&folder, "story.log", &text)],
        &["--detail", "compact"],
    );
    converted.assert_lines_add_up();
    let fields = [
        "tcp.stream",
        "tcp.srcport",
        "tcp.flags.str",
        "tcp.analysis.flags",
        "tcp.analysis.retransmission",
    ];
    let lines: Vec<String> = tshark
        .fields(converted.path(), "tcp", &fields)
        .into_iter()
        .map(|row| {
            let flags: String = row[2].chars().filter(char::is_ascii_alphabetic).collect();
            let note = match (row[3].is_empty(), row[4].is_empty()) {
                (true, _) => "",
                (_, true) => " flagged",
                (_, false) => " again",
            };
            format!("{} {} {flags}{note}", row[0], row[1])
        })
        .collect();
    assert_eq!(lines, expected);
}

#[test]
fn syn_rejected_by_the_responder() {
    check(
        &["10.0.0.1 10.0.0.2 40000 443 3 180 100 103 REJECT 2"],
        &["0 40000 S", "0 40000 S again", "0 40000 S again"],
    );
}

#[test]
fn reply_blocked_by_a_network_acl() {
    check(
        &[
            "10.0.0.1 10.0.0.2 40000 443 2 120 100 101 ACCEPT 2",
            "10.0.0.2 10.0.0.1 443 40000 2 120 100 101 REJECT 18",
        ],
        &["0 40000 S", "0 443 AS", "0 443 AS again", "0 40000 S again"],
    );
}

#[test]
fn connection_refused() {
    check(
        &[
            "10.0.0.1 10.0.0.2 40000 8080 1 60 100 100 ACCEPT 2",
            "10.0.0.2 10.0.0.1 8080 40000 1 40 100 100 ACCEPT 4",
        ],
        &["0 40000 S", "0 8080 AR"],
    );
}

#[test]
fn half_open() {
    check(
        &[
            "10.0.0.1 10.0.0.2 40000 443 1 60 100 100 ACCEPT 2",
            "10.0.0.2 10.0.0.1 443 40000 3 180 100 107 ACCEPT 18",
        ],
        &["0 40000 S", "0 443 AS", "0 443 AS again", "0 443 AS again"],
    );
}

#[test]
fn reset_in_mid_transfer() {
    check(
        &[
            "10.0.0.1 10.0.0.2 40000 443 3 312 100 100 ACCEPT 2",
            "10.0.0.2 10.0.0.1 443 40000 3 1600 100 100 ACCEPT 22",
        ],
        &[
            "0 40000 S",
            "0 443 AS",
            "0 40000 A",
            "0 40000 AP",
            "0 443 AP",
            "0 443 AR",
        ],
    );
}

#[test]
fn idle_time_out_then_a_reset() {
    check(
        &[
            "10.0.0.1 10.0.0.2 40000 5432 1 92 100 100 ACCEPT 0",
            "10.0.0.2 10.0.0.1 5432 40000 1 92 100 100 ACCEPT 0",
            "10.0.0.1 10.0.0.2 40000 5432 1 92 460 460 ACCEPT 0",
            "10.0.0.2 10.0.0.1 5432 40000 1 40 460 460 ACCEPT 4",
        ],
        &["0 40000 AP", "0 5432 AP", "0 40000 AP", "0 5432 AR"],
    );
}

#[test]
fn port_used_again_in_a_later_interval() {
    check(
        &[
            "10.0.0.1 10.0.0.2 40000 443 4 216 100 101 ACCEPT 3",
            "10.0.0.2 10.0.0.1 443 40000 2 112 100 101 ACCEPT 19",
            "10.0.0.1 10.0.0.2 40000 443 4 216 170 171 ACCEPT 3",
            "10.0.0.2 10.0.0.1 443 40000 2 112 170 171 ACCEPT 19",
        ],
        &[
            "0 40000 S",
            "0 443 AS",
            "0 40000 A",
            "0 40000 AF",
            "0 443 AF",
            "0 40000 A",
            "1 40000 S flagged",
            "1 443 AS",
            "1 40000 A",
            "1 40000 AF",
            "1 443 AF",
            "1 40000 A",
        ],
    );
}

#[test]
fn scan_of_many_ports() {
    let records: Vec<String> = (1..=4)
        .map(|port| {
            format!(
                "10.0.0.1 10.0.0.2 40000 {port} 1 44 {} {} REJECT 2",
                100 + port,
                100 + port
            )
        })
        .collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    check(
        &records,
        &["0 40000 S", "1 40000 S", "2 40000 S", "3 40000 S"],
    );
}

#[test]
fn long_connection_cut_by_the_ends_of_the_archive() {
    check(
        &[
            "10.0.0.1 10.0.0.2 40000 443 2 1000 100 159 ACCEPT 0",
            "10.0.0.2 10.0.0.1 443 40000 2 2000 100 159 ACCEPT 0",
            "10.0.0.1 10.0.0.2 40000 443 2 1000 160 219 ACCEPT 0",
            "10.0.0.2 10.0.0.1 443 40000 2 2000 160 219 ACCEPT 0",
        ],
        &[
            "0 40000 AP",
            "0 443 AP",
            "0 40000 AP",
            "0 443 AP",
            "0 40000 AP",
            "0 443 AP",
            "0 40000 AP",
            "0 443 AP",
        ],
    );
}

#[test]
fn gigabytes_in_one_record_over_ipv6_raise_no_flag() {
    let Some(tshark) = tshark() else { return };
    let text = format!(
        "{COLUMNS}\n\
         eni-1 2001:db8::1 2001:db8::2 40000 443 6 9000000 12000000000 100 159 ACCEPT 3 ingress\n\
         eni-1 2001:db8::2 2001:db8::1 443 40000 6 4500000 326000000 100 159 ACCEPT 19 egress\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let converted = convert(&[file(&folder, "large.log", &text)], &[]);
    assert_eq!(converted.count("/packets/bytes_written"), 12_326_000_000);
    assert_eq!(tshark.count(converted.path(), "tcp"), 128);
    assert_eq!(
        tshark.count(converted.path(), "tcp.analysis.flags || _ws.malformed"),
        0
    );
}

#[test]
fn thousands_of_intervals_keep_one_sequence_space() {
    let Some(tshark) = tshark() else { return };
    let mut text = format!("{COLUMNS}\n");
    for interval in 0..2_000 {
        let (start, end) = (1_000 + interval * 60, 1_059 + interval * 60);
        // 3.7 MB an interval wraps 32 bits of sequence numbers after 1,160 of them.
        text += &format!(
            "eni-1 10.0.0.1 10.0.0.2 40000 443 6 2500 3700000 {start} {end} ACCEPT 0 ingress\n"
        );
        text += &format!(
            "eni-1 10.0.0.2 10.0.0.1 443 40000 6 1250 65000 {start} {end} ACCEPT 0 egress\n"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let converted = convert(
        &[file(&folder, "long.log", &text)],
        &["--max-per-record", "4"],
    );
    assert_eq!(tshark.count(converted.path(), "tcp.stream == 0"), 16_000);
    assert_eq!(tshark.count(converted.path(), "tcp.analysis.flags"), 0);
}

/// Converts TCP `records` as [`check`] has them, in exact detail, and compares the sums.
#[track_caller]
fn check_sums(records: &str, packets: u64, octets: u64) {
    let text = format!(
        "srcaddr dstaddr srcport dstport protocol packets bytes start end tcp-flags\n{records}"
    );
    let folder = tempfile::tempdir().unwrap();
    let converted = convert(&[file(&folder, "sums.log", &text)], &["--detail", "exact"]);
    assert_eq!(converted.count("/packets/written"), packets);
    assert_eq!(converted.count("/packets/bytes_written"), octets);
}

#[test]
fn fin_in_two_records_keeps_every_octet() {
    check_sums(
        "10.0.0.1 10.0.0.2 40000 443 6 2 120 1700000000 1700000059 3\n\
         10.0.0.1 10.0.0.2 40000 443 6 2 120 1700000000 1700000059 1\n",
        4,
        240,
    );
}

#[test]
fn lone_packet_of_a_jumbo_frame_stays_one() {
    check_sums(
        "10.0.0.1 10.0.0.2 40000 443 6 1 1541 1773454512 1773454513 -\n",
        1,
        1541,
    );
}

#[test]
fn resets_of_more_octets_than_a_segment_can_hold_are_split() {
    let resets = "srcaddr dstaddr srcport dstport protocol packets bytes start end tcp-flags\n\
                  10.0.0.1 10.0.0.2 40000 443 6 100000000 4000000000 1773454512 1773454570 4\n";
    let folder = tempfile::tempdir().unwrap();
    let converted = convert(&[file(&folder, "resets.log", resets)], &[]);
    assert_eq!(converted.count("/packets/bytes_written"), 4_000_000_000);
}
