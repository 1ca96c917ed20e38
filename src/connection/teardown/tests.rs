//! One test per rule of the close. Packets and payload are the totals of the segments that RFC 9293
//! requires, with one ACK for every two full segments of data (RFC 1122 section 4.2.3.2).

use super::*;
use crate::connection::lane::tests::record;
use crate::connection::role::RoleEvidence;

use Way::{Down, Up};

const FULL: u64 = 1_448;

/// Builds a record that ends in that second, from the segments that the letters of [`record`] name,
/// with these counts of packets and payload bytes.
fn counted(way: Way, end_s: i64, segments: &str, (packets, payload): (u64, u64)) -> Planned {
    let mut p = record(way, (0, end_s), segments);
    (p.logged, p.plan.payload) = (packets, payload);
    p
}

/// Builds records of these segments, one second each, without other evidence.
fn plain(way: Way, records: &[&str]) -> Vec<Planned> {
    let numbered = (1..).zip(records);
    numbered
        .map(|(end_s, segments)| record(way, (end_s - 1, end_s), segments))
        .collect()
}

/// A port without a service that has a rule of its own.
const PORT: u16 = 443;

/// Closes a connection to a port that the sender in the up direction opened.
fn closed_at(
    port: u16,
    up: Vec<Planned>,
    down: Vec<Planned>,
    local: [bool; 2],
) -> ([Vec<Planned>; 2], Option<FirstClose>) {
    let mut lanes = [up, down];
    let role = Role {
        initiator: Up,
        evidence: RoleEvidence::Syn,
    };
    let first = close(&mut lanes, role, port, local);
    (lanes, first)
}

fn closed(up: Vec<Planned>, down: Vec<Planned>, local: [bool; 2]) -> [Vec<Planned>; 2] {
    closed_at(PORT, up, down, local).0
}

/// Returns the directions whose FIN answers the other side's FIN.
fn answering(lanes: &[Vec<Planned>; 2]) -> Vec<Way> {
    let answers = |way: &Way| lanes[way.index()].iter().any(|p| p.fin_answers);
    Way::BOTH.into_iter().filter(answers).collect()
}

/// Asserts which side closes first.
#[track_caller]
fn check(initiator: Planned, responder: Planned, first: Way) {
    let lanes = closed(vec![initiator], vec![responder], [false; 2]);
    assert_eq!(answering(&lanes), [first.reverse()]);
}

#[test]
fn side_that_sends_the_last_ack_closed_first() {
    // The packets alone would name the other side.
    let (ahead, even) = ((4, 0), (3, 0));
    check(
        counted(Up, 8, "SeaF", ahead),
        counted(Down, 9, "SaF", (2, 0)),
        Down,
    );
    check(
        counted(Up, 9, "SeF", even),
        counted(Down, 8, "SaF", even),
        Up,
    );
}

#[test]
fn last_ack_is_stronger_evidence_than_a_rst() {
    check(
        counted(Up, 8, "SeFR", (4, 0)),
        counted(Down, 9, "SaF", (3, 0)),
        Down,
    );
}

#[test]
fn side_that_sends_rsts_and_a_fin_closed_first() {
    // The report rule would leave the close to the responder.
    check(
        counted(Up, 9, "SedFR", (9, 900)),
        counted(Down, 9, "SaF", (3, 0)),
        Up,
    );
    // The packets would name the initiator.
    check(
        counted(Up, 9, "SeaF", (4, 0)),
        counted(Down, 9, "SFR", (2, 0)),
        Down,
    );
}

#[test]
fn mail_server_closes_first_whatever_the_packets_say() {
    for (port, first) in [(25, Down), (110, Down), (143, Down), (587, Down), (80, Up)] {
        let up = vec![counted(Up, 9, "SeaF", (4, 0))];
        let down = vec![counted(Down, 9, "SF", (2, 0))];
        let (_, named) = closed_at(port, up, down, [false; 2]);
        assert_eq!(named, Some(sure(first)), "{port}");
    }
}

#[test]
fn initiator_that_sent_more_than_it_received_may_close_first() {
    check(
        counted(Up, 9, "SedF", (9, 900)),
        counted(Down, 9, "SdF", (4, 300)),
        Up,
    );
}

#[test]
fn many_packets_more_from_the_responder_say_nothing() {
    for (more, first) in [(1, Down), (2, Down), (3, Up), (100, Up)] {
        check(
            counted(Up, 9, "SeaF", (4, 0)),
            counted(Down, 9, "SaF", (4 + more - 1, 0)),
            first,
        );
    }
}

#[test]
fn close_is_a_guess_where_packets_are_even_or_many() {
    let named = |own, peer| {
        let up = vec![counted(Up, 9, "SeaF", own)];
        let (_, first) = closed_at(PORT, up, vec![counted(Down, 9, "SF", peer)], [false; 2]);
        let first = first.unwrap();
        (first.way, first.is_guess)
    };
    assert_eq!(named((8, 0), (6, 0)), (Up, false));
    assert_eq!(named((6, 0), (6, 0)), (Down, false));
    // One packet more is that of the handshake.
    assert_eq!(named((7, 0), (6, 0)), (Down, true));
    assert_eq!(named((9, 0), (7, 0)), (Up, true));
    // A quarter of a packet is nothing.
    assert_eq!(named((7, 0), (6, FULL / 2)), (Down, true));
    assert_eq!(named((7, 0), (6, FULL / 2 + 4)), (Up, false));
}

#[test]
fn only_side_with_a_fin_closed_first() {
    for (up, down, expected) in [
        ("dF", "d", Some(sure(Up))),
        ("d", "dF", Some(sure(Down))),
        ("d", "d", None),
    ] {
        let (up, down) = (plain(Up, &[up]), plain(Down, &[down]));
        assert_eq!(closed_at(PORT, up, down, [false; 2]).1, expected);
    }
}

#[test]
fn initiator_with_one_extra_packet_closed_first() {
    // SYN, ACK, FIN, ACK against SYN-ACK, FIN.
    check(
        counted(Up, 9, "SeFa", (4, 0)),
        counted(Down, 9, "SF", (2, 0)),
        Up,
    );
    // SYN, ACK, FIN against SYN-ACK, FIN, ACK.
    check(
        counted(Up, 9, "SeF", (3, 0)),
        counted(Down, 9, "SFa", (3, 0)),
        Down,
    );
}

#[test]
fn full_segment_of_data_accounts_for_half_an_ack() {
    let sent = 10 * FULL;
    // SYN, ACK, 5 ACKs, FIN, ACK against SYN-ACK, 10 segments, FIN.
    check(
        counted(Up, 9, "SeaF", (9, 0)),
        counted(Down, 9, "SdF", (12, sent)),
        Up,
    );
    // SYN, ACK, 5 ACKs, FIN against SYN-ACK, 10 segments, FIN, ACK.
    check(
        counted(Up, 9, "SeaF", (8, 0)),
        counted(Down, 9, "SdF", (13, sent)),
        Down,
    );
}

#[test]
fn handshake_outside_the_log_accounts_for_no_packet() {
    // FIN, ACK against FIN.
    check(
        counted(Up, 9, "Fa", (2, 0)),
        counted(Down, 9, "F", (1, 0)),
        Up,
    );
    // FIN against FIN, ACK.
    check(
        counted(Up, 9, "F", (1, 0)),
        counted(Down, 9, "Fa", (2, 0)),
        Down,
    );
    // A FIN that acknowledges a segment, and ACK, against the segment and FIN.
    check(
        counted(Up, 9, "Fa", (2, 0)),
        counted(Down, 9, "dF", (2, FULL)),
        Up,
    );
}

#[test]
fn rst_of_the_first_closer_crosses_the_other_fin_at_its_own_eni() {
    let close = |local| closed(plain(Up, &["daFR"]), plain(Down, &["dF"]), local);
    let [up, _] = close([true, false]);
    assert!(up[0].rst_crosses && up[0].trail == 0);
    // At the other side's ENI it comes after the FIN that it answers, and an ACK comes before it.
    let [up, _] = close([false, true]);
    assert!(!up[0].rst_crosses && up[0].trail == 1);
}

#[test]
fn rst_after_a_long_response_follows_its_fin() {
    for (payload, crosses) in [(10_000, true), (10_001, false)] {
        let up = vec![counted(Up, 9, "SeaFR", (5, 0))];
        let down = vec![counted(Down, 9, "SdF", (9, payload))];
        let [up, _] = closed(up, down, [true, false]);
        assert_eq!(up[0].rst_crosses, crosses, "{payload}");
    }
}

#[test]
fn rst_of_a_responder_follows_the_fin_of_the_initiator() {
    let [_, down] = closed(plain(Up, &["dF"]), plain(Down, &["daFR"]), [false, true]);
    assert!(!down[0].rst_crosses && down[0].trail == 1);
}

#[test]
fn rsts_of_both_sides_do_not_cross_a_fin() {
    let [up, _] = closed(plain(Up, &["daFR"]), plain(Down, &["dFR"]), [true, false]);
    assert!(!up[0].rst_crosses && up[0].trail == 1);
}

#[test]
fn first_closer_keeps_an_ack_for_the_other_fin() {
    let up = vec![counted(Up, 1, "Sea", (3, 0)), counted(Up, 9, "Fa", (2, 0))];
    let [up, down] = closed(up, vec![counted(Down, 8, "SaF", (3, 0))], [true, false]);
    assert_eq!((up[0].trail, up[1].trail, down[0].trail), (0, 1, 0));
}

#[test]
fn where_one_side_closes_the_other_acknowledges_it_last() {
    let lanes = closed(plain(Up, &["dF"]), plain(Down, &["a", "da"]), [true, false]);
    assert_eq!(answering(&lanes), []);
    let trails = lanes.map(|lane| lane.iter().map(|p| p.trail).collect::<Vec<_>>());
    assert_eq!(trails, [vec![0], vec![0, 1]]);
    let lanes = closed(plain(Up, &["da"]), plain(Down, &["dF"]), [true, false]);
    assert_eq!(answering(&lanes), []);
    assert_eq!(lanes.map(|lane| lane[0].trail), [1, 0]);
}

#[test]
fn segment_with_data_or_the_handshake_is_not_the_ack_of_a_fin() {
    for (segments, trail) in [("d", 0), ("Se", 0), ("Sed", 0), ("Sea", 1), ("dda", 1)] {
        let [_, down] = closed(plain(Up, &["F"]), plain(Down, &[segments]), [true, false]);
        assert_eq!(down[0].trail, trail, "{segments}");
    }
}

#[test]
fn data_makes_room_for_the_ack_of_a_fin_as_far_as_full_segments_hold_it() {
    for (payload, data, trail) in [(FULL, 1, 1), (FULL + 1, 2, 0)] {
        let down = counted(Down, 1, "dd", (2, payload));
        let [_, down] = closed(plain(Up, &["F"]), vec![down], [true, false]);
        assert_eq!(
            (down[0].plan.data, down[0].trail),
            (data, trail),
            "{payload}"
        );
    }
}

#[test]
fn without_a_fin_no_ack_is_reserved() {
    let (up, down) = (plain(Up, &["dda"]), plain(Down, &["daa"]));
    let lanes = closed(up, down, [true, false]);
    assert_eq!(answering(&lanes), []);
    assert_eq!(lanes.map(|lane| lane[0].trail), [0, 0]);
}

/// Asserts which records of a direction have its FIN, `F`, and which repeat it, `f`.
#[track_caller]
fn check_fins(records: &[&str], expected: &str) {
    let [up, _] = closed(plain(Up, records), plain(Down, &["d"]), [true, false]);
    let fins = up.iter().map(|p| match (p.plan.fin, p.fin_again) {
        (true, true) => 'f',
        (true, false) => 'F',
        (false, _) => '-',
    });
    assert_eq!(fins.collect::<String>(), expected);
    // A FIN that does not end the connection is still a segment.
    let before: usize = records.iter().map(|segments| segments.len()).sum();
    let after: u64 = up.iter().map(|p| p.plan.count()).sum();
    assert_eq!(after, before as u64);
}

#[test]
fn fin_before_data_did_not_end_the_connection() {
    check_fins(&["dF", "d", "F"], "--F");
    check_fins(&["dF", "dF"], "-F");
}

#[test]
fn fin_after_the_one_that_ended_the_connection_repeats_it() {
    check_fins(&["dF", "F", "aF"], "Fff");
    check_fins(&["d", "aF", "a"], "-F-");
}

#[test]
fn last_fin_counts_where_data_follows_every_fin() {
    check_fins(&["dF", "dF", "d"], "-F-");
}
