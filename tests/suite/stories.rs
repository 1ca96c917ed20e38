//! What went wrong must look wrong: small logs, each of one story, read as tshark reads them.

use crate::support::story::{retell, tell};
use crate::support::{convert, file, tshark::tshark};

/// Tells `records` (source, destination, their ports, packets, bytes, start, end, action and
/// flags, at one ENI that is 10.0.0.2's) and checks what tshark makes of them: frame by frame
/// the stream, the sender's port, the flags, and what its analysis says.
#[track_caller]
fn check(records: &[&str], expected: &[&str]) {
    let at_the_responder = |record: &&str| {
        let direction = match record.split(' ').next() {
            Some("10.0.0.2") => "egress",
            _ => "ingress",
        };
        format!("eni-1 {direction} {record}")
    };
    let records: Vec<String> = records.iter().map(at_the_responder).collect();
    check_enis(&records, expected);
}

/// The same with ENI and direction in front of each record.
#[track_caller]
fn check_enis<R: AsRef<str>>(records: &[R], expected: &[&str]) {
    let converted = tell(records, &[]);
    let Some(tshark) = tshark() else { return };
    assert_eq!(retell(tshark, &converted), expected);
}

#[test]
fn syn_rejected_where_the_responder_is_and_accepted_where_it_was_sent() {
    // The second ENI's clock is a second ahead, and its interval ends before the last SYN.
    let records = [
        "eni-1 egress 10.0.0.1 10.0.0.2 40000 443 4 240 100 107 ACCEPT 2",
        "eni-2 ingress 10.0.0.1 10.0.0.2 40000 443 3 180 101 104 REJECT 2",
        "eni-2 ingress 10.0.0.1 10.0.0.2 40000 443 1 60 108 108 REJECT 2",
    ];
    let expected = [
        "0 40000 S",
        "0 40000 S again",
        "0 40000 S again",
        "0 40000 S again",
    ];
    check_enis(&records, &expected);
    let converted = tell(&records, &[]);
    assert_eq!(converted.count("/connections/by_outcome/rejected"), 1);
    let capture = converted.capture();
    let rejected = capture
        .packets
        .iter()
        .filter(|p| p.word("action") == Some("REJECT"));
    assert_eq!(rejected.count(), 4, "every packet says so");
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
fn reply_blocked_where_the_responder_is_and_never_seen_where_the_syn_was_sent() {
    check_enis(
        &[
            "eni-1 egress 10.0.0.1 10.0.0.2 40000 443 2 120 100 101 ACCEPT 2",
            "eni-2 ingress 10.0.0.1 10.0.0.2 40000 443 2 120 101 102 ACCEPT 2",
            "eni-2 egress 10.0.0.2 10.0.0.1 443 40000 2 120 101 102 REJECT 18",
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
fn syn_ack_never_acknowledged() {
    // Linux sends it five times again, over 31 s, and in two intervals here.
    check(
        &[
            "10.0.0.1 10.0.0.2 40000 443 1 60 100 100 ACCEPT 2",
            "10.0.0.2 10.0.0.1 443 40000 4 240 100 107 ACCEPT 18",
            "10.0.0.2 10.0.0.1 443 40000 2 120 115 131 ACCEPT 18",
        ],
        &[
            "0 40000 S",
            "0 443 AS",
            "0 443 AS again",
            "0 443 AS again",
            "0 443 AS again",
            "0 443 AS again",
            "0 443 AS again",
        ],
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

/// What two connections of one port must look like, each opened and closed.
const TWO_LIVES: [&str; 12] = [
    "0 40000 S",
    "0 443 AS",
    "0 40000 A",
    "0 40000 AF",
    "0 443 AF",
    "0 40000 A",
    "1 40000 S reused",
    "1 443 AS",
    "1 40000 A",
    "1 40000 AF",
    "1 443 AF",
    "1 40000 A",
];

#[test]
fn port_used_again_within_the_interval() {
    check(
        &[
            "10.0.0.1 10.0.0.2 40000 443 4 216 100 101 ACCEPT 3",
            "10.0.0.2 10.0.0.1 443 40000 2 112 100 101 ACCEPT 19",
            "10.0.0.1 10.0.0.2 40000 443 4 216 130 131 ACCEPT 3",
            "10.0.0.2 10.0.0.1 443 40000 2 112 130 131 ACCEPT 19",
        ],
        &TWO_LIVES,
    );
}

#[test]
fn port_used_again_within_an_interval_that_dates_both() {
    // Start and end are the interval's, so only the counters set the two apart.
    check(
        &[
            "10.0.0.1 10.0.0.2 40000 443 4 216 100 159 ACCEPT 3",
            "10.0.0.1 10.0.0.2 40000 443 5 568 100 159 ACCEPT 3",
            "10.0.0.2 10.0.0.1 443 40000 2 112 100 159 ACCEPT 19",
            "10.0.0.2 10.0.0.1 443 40000 3 564 100 159 ACCEPT 19",
        ],
        &[
            &TWO_LIVES[..9],
            &["1 40000 AP", "1 443 AP"],
            &TWO_LIVES[9..],
        ]
        .concat(),
    );
}

#[test]
fn port_used_again_within_one_record_is_one_connection() {
    // Two of each: nothing in the log sets them apart, and nothing may look wrong.
    let records = [
        "eni-1 ingress 10.0.0.1 10.0.0.2 40000 443 8 432 100 150 ACCEPT 3",
        "eni-1 egress 10.0.0.2 10.0.0.1 443 40000 4 224 100 150 ACCEPT 19",
    ];
    let converted = tell(&records, &[]);
    assert_eq!(converted.count("/connections/by_outcome/complete"), 1);
    let Some(tshark) = tshark() else { return };
    assert_eq!(tshark.count(converted.path(), "tcp.analysis.flags"), 0);
}

#[test]
fn port_used_again_and_rejected_the_second_time() {
    check(
        &[
            "10.0.0.1 10.0.0.2 40000 443 4 216 100 101 ACCEPT 3",
            "10.0.0.2 10.0.0.1 443 40000 2 112 100 101 ACCEPT 19",
            "10.0.0.1 10.0.0.2 40000 443 2 120 130 131 REJECT 2",
        ],
        &[&TWO_LIVES[..7], &["1 40000 S again"]].concat(),
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
        &TWO_LIVES,
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

/// Converts TCP `records` as [`check`] has them, in exact detail, and compares the sums.
#[track_caller]
fn check_sums(records: &str, packets: u64, bytes: u64) {
    let text = format!(
        "srcaddr dstaddr srcport dstport protocol packets bytes start end tcp-flags\n{records}"
    );
    let folder = tempfile::tempdir().unwrap();
    let converted = convert(&[file(&folder, "sums.log", &text)], &["--detail", "exact"]);
    assert_eq!(converted.count("/packets/written"), packets);
    assert_eq!(converted.count("/packets/bytes_written"), bytes);
}

#[test]
fn fin_in_two_records_keeps_every_byte() {
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
fn resets_of_more_bytes_than_a_segment_can_hold_are_split() {
    let resets = "srcaddr dstaddr srcport dstport protocol packets bytes start end tcp-flags\n\
                  10.0.0.1 10.0.0.2 40000 443 6 100000000 4000000000 1773454512 1773454570 4\n";
    let folder = tempfile::tempdir().unwrap();
    let converted = convert(&[file(&folder, "resets.log", resets)], &[]);
    assert_eq!(converted.count("/packets/bytes_written"), 4_000_000_000);
}
