//! Connections over thousands of intervals, past the wrap of sequence numbers, of more bytes than
//! 32 bits count and of more segments than Wireshark keeps in mind: nothing in them may look wrong.

use std::collections::VecDeque;

use testkit::pcapng::Capture;
use testkit::pcapng::packet::{ACK, FIN, SYN, headers};

use crate::support::story::tell;
use crate::support::tshark::tshark;

const THERE: &str = "eni-1 ingress 10.0.0.1 10.0.0.2 40000 443";
const BACK: &str = "eni-1 egress 10.0.0.2 10.0.0.1 443 40000";

/// Wireshark's `TCP_MAX_UNACKED_SEGMENTS`.
const UNACKED_MAX: usize = 10_000;

/// The most segments of one side that wait for an acknowledgement at once, in a capture of one connection.
fn unacked_most(capture: &Capture) -> usize {
    let mut waiting = [VecDeque::new(), VecDeque::new()];
    let mut most = 0;
    for packet in &capture.packets {
        let headers = headers(packet);
        let Some(tcp) = headers.tcp else { continue };
        let own = usize::from(headers.tuple.source.1 == 443);
        if tcp.has(ACK) {
            let peers: &mut VecDeque<u32> = &mut waiting[1 - own];
            // RFC 9293 section 3.4: numbers are compared modulo 2^32.
            while peers
                .front()
                .is_some_and(|end| tcp.ack.wrapping_sub(*end) < 1 << 31)
            {
                peers.pop_front();
            }
        }
        if tcp.payload_len > 0 || tcp.flags & (SYN | FIN) != 0 {
            waiting[own].push_back(tcp.seq.wrapping_add(tcp.sequence_len()));
            most = most.max(waiting[own].len());
        }
    }
    most
}

/// Tells a connection's `records` in this detail; no byte may be lost, no more than Wireshark can
/// bear be unacknowledged, and nothing be flagged.
#[track_caller]
fn check(records: &[String], detail: &str) -> crate::support::Converted {
    let converted = tell(records, &["--detail", detail]);
    let count = |pointer| converted.count(pointer);
    assert_eq!(
        count("/packets/bytes_written"),
        count("/packets/bytes_logged")
    );
    if detail == "exact" {
        assert_eq!(count("/packets/written"), count("/packets/logged"));
    }
    let most = unacked_most(&converted.capture());
    assert!(most < UNACKED_MAX, "{most} unacknowledged");
    if let Some(tshark) = tshark() {
        let wrong = "tcp.analysis.flags || _ws.malformed || tcp.stream > 0";
        assert_eq!(tshark.count(converted.path(), wrong), 0);
    }
    converted
}

#[test]
fn thousands_of_intervals_keep_one_sequence_space() {
    // 3.7 MB an interval wraps 32 bits of sequence numbers after 1,160 of them.
    let intervals = (0..2_000).flat_map(|interval| {
        let (start, end) = (1_000 + interval * 60, 1_059 + interval * 60);
        [
            format!("{THERE} 2500 3700000 {start} {end} ACCEPT 0"),
            format!("{BACK} 1250 65000 {start} {end} ACCEPT 0"),
        ]
    });
    let converted = check(&intervals.collect::<Vec<_>>(), "control");
    let seqs = |port| {
        let capture = converted.capture();
        let packets = capture.packets.iter().map(headers).collect::<Vec<_>>();
        let own = packets.iter().filter(|h| h.tuple.source.1 == port);
        own.map(|h| h.tcp.unwrap()).collect::<Vec<_>>()
    };
    let up = seqs(40_000);
    assert!(up.len() >= 2_000);
    assert!(
        up.windows(2)
            .all(|two| two[0].seq.wrapping_add(two[0].sequence_len()) == two[1].seq)
    );
    assert!(
        up.windows(2).any(|two| two[1].seq < two[0].seq),
        "the numbers wrap"
    );
}

#[test]
fn gigabytes_in_one_record_are_no_matter() {
    for detail in ["compact", "control"] {
        let records = [
            format!("{THERE} 9000000 12000000000 100 159 ACCEPT 3"),
            format!("{BACK} 4500000 326000000 100 159 ACCEPT 19"),
        ];
        let converted = check(&records, detail);
        assert_eq!(converted.count("/packets/bytes_written"), 12_326_000_000);
    }
}

#[test]
fn gigabytes_in_one_record_over_ipv6_are_no_matter() {
    let records = [
        "eni-1 ingress 2001:db8::1 2001:db8::2 40000 443 9000000 12000000000 100 159 ACCEPT 3",
        "eni-1 egress 2001:db8::2 2001:db8::1 443 40000 4500000 326000000 100 159 ACCEPT 19",
    ];
    let converted = check(&records.map(str::to_owned), "compact");
    assert_eq!(converted.capture().packets.len(), 128);
}

#[test]
fn way_that_is_alone_never_has_too_much_in_flight() {
    for (flags, packets) in [(3, 30_000), (0, 9_001)] {
        let record = format!("{THERE} {packets} 30000000 100 159 ACCEPT {flags}");
        check(&[record], "exact");
    }
    let answers = format!("{BACK} 30000 30000000 100 159 ACCEPT 19");
    check(&[answers], "exact");
}

#[test]
fn way_that_is_alone_over_hundreds_of_intervals_never_has_too_much_in_flight() {
    let intervals = (0..300).map(|interval| {
        let (start, end) = (1_000 + interval * 60, 1_059 + interval * 60);
        format!("{THERE} 1000 1000000 {start} {end} ACCEPT 0")
    });
    check(&intervals.collect::<Vec<_>>(), "compact");
}

#[test]
fn few_acknowledgements_for_much_data_leave_no_fin_unseen() {
    let few = |there: &str, back: &str| {
        [
            format!("{THERE} {there} 100 159 ACCEPT 3"),
            format!("{BACK} {back} 100 159 ACCEPT 19"),
        ]
    };
    check(&few("50000 50000000", "5 300"), "exact");
    check(&few("5 300", "50000 50000000"), "exact");
    // A handshake and a close, and nothing between.
    check(&few("50000 50000000", "2 112"), "exact");
}

#[test]
fn way_silent_for_hundreds_of_intervals_leaves_no_fin_unseen() {
    let end = 1_000 + 300 * 60;
    let intervals = (0..300).map(|interval| {
        let (start, end) = (1_000 + interval * 60, 1_059 + interval * 60);
        let flags = if interval == 0 { 2 } else { 0 };
        format!("{THERE} 1000 1000000 {start} {end} ACCEPT {flags}")
    });
    let mut records: Vec<String> = intervals.collect();
    records.push(format!("{BACK} 2 112 1000 1000 ACCEPT 18"));
    records.push(format!("{THERE} 2 104 {end} {end} ACCEPT 1"));
    records.push(format!("{BACK} 2 104 {end} {end} ACCEPT 1"));
    check(&records, "compact");
}
