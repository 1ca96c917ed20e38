//! One rule of the close each. Packets and payload are what the segments that RFC 9293 asks for
//! add up to, with one ACK for every two full segments of data (RFC 1122 section 4.2.3.2).

use super::*;
use crate::connection::lane::tests::record;
use crate::connection::role::RoleEvidence;

use Way::{Down, Up};

const FULL: u64 = 1_448;

/// A record that ends in that second, made of the segments that the letters of [`record`] name. It
/// counts so many packets, and so many bytes of payload.
fn counted(way: Way, end_s: i64, segments: &str, (packets, payload): (u64, u64)) -> Planned {
    let mut p = record(way, (0, end_s), segments);
    (p.logged, p.plan.payload) = (packets, payload);
    p
}

/// Records of these segments, a second each, with nothing more to say of them.
fn plain(way: Way, records: &[&str]) -> Vec<Planned> {
    let numbered = (1..).zip(records);
    numbered
        .map(|(end_s, segments)| record(way, (end_s - 1, end_s), segments))
        .collect()
}

/// Closes a connection that was opened by the sender of the way up.
fn closed(up: Vec<Planned>, down: Vec<Planned>, local: [bool; 2]) -> [Vec<Planned>; 2] {
    let mut lanes = [up, down];
    let role = Role {
        initiator: Up,
        evidence: RoleEvidence::Syn,
    };
    close(&mut lanes, role, local);
    lanes
}

/// Whose FIN answers that of the other side, if any does.
fn answering(lanes: &[Vec<Planned>; 2]) -> Vec<Way> {
    let answers = |way: &Way| lanes[way.index()].iter().any(|p| p.fin_answers);
    Way::BOTH.into_iter().filter(answers).collect()
}

/// Asserts who closes first.
#[track_caller]
fn check(initiator: Planned, responder: Planned, first: Way) {
    let lanes = closed(vec![initiator], vec![responder], [false; 2]);
    assert_eq!(answering(&lanes), [first.reverse()]);
}

#[test]
fn who_sends_the_last_ack_closed_first() {
    // The packets alone would say the other side.
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
fn last_ack_says_more_than_a_rst() {
    check(
        counted(Up, 8, "SeFR", (4, 0)),
        counted(Down, 9, "SaF", (3, 0)),
        Down,
    );
}

#[test]
fn who_sends_rsts_besides_a_fin_closed_first() {
    // A report would leave the close to the responder.
    check(
        counted(Up, 9, "SedFR", (9, 900)),
        counted(Down, 9, "SaF", (3, 0)),
        Up,
    );
    // The packets would say the initiator.
    check(
        counted(Up, 9, "SeaF", (4, 0)),
        counted(Down, 9, "SFR", (2, 0)),
        Down,
    );
}

#[test]
fn initiator_that_sent_more_than_it_received_leaves_the_close_to_the_responder() {
    check(
        counted(Up, 9, "SedF", (9, 900)),
        counted(Down, 9, "SdF", (4, 300)),
        Down,
    );
    check(
        counted(Up, 9, "SedF", (9, 900)),
        counted(Down, 9, "SdF", (4, 901)),
        Up,
    );
}

#[test]
fn greeting_is_no_report() {
    check(
        counted(Up, 9, "SedF", (9, 100)),
        counted(Down, 9, "SdF", (4, 50)),
        Up,
    );
    check(
        counted(Up, 9, "SedF", (9, 101)),
        counted(Down, 9, "SdF", (4, 50)),
        Down,
    );
}

#[test]
fn initiator_with_a_packet_to_spare_closed_first() {
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
fn handshake_that_is_not_logged_accounts_for_no_packet() {
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
    // FIN that acknowledges a segment, ACK, against the segment, FIN.
    check(
        counted(Up, 9, "Fa", (2, 0)),
        counted(Down, 9, "dF", (2, FULL)),
        Up,
    );
}

#[test]
fn rst_of_who_closed_first_crosses_the_other_fin_at_its_own_eni() {
    let close = |local| closed(plain(Up, &["daFR"]), plain(Down, &["dF"]), local);
    let [up, _] = close([true, false]);
    assert!(up[0].rst_crosses && up[0].trail == 0);
    // At the ENI of the other side it comes after the FIN that it answers, and an ACK before it.
    let [up, _] = close([false, true]);
    assert!(!up[0].rst_crosses && up[0].trail == 1);
}

#[test]
fn rsts_of_both_sides_cross_nothing() {
    let [up, _] = closed(plain(Up, &["daFR"]), plain(Down, &["dFR"]), [true, false]);
    assert!(!up[0].rst_crosses && up[0].trail == 1);
}

#[test]
fn who_closed_first_keeps_an_ack_for_the_other_fin() {
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
fn segment_that_carries_data_or_the_handshake_is_no_ack_of_a_fin() {
    for (segments, trail) in [("dd", 0), ("Se", 0), ("Sed", 0), ("Sea", 1), ("dda", 1)] {
        let [_, down] = closed(plain(Up, &["F"]), plain(Down, &[segments]), [true, false]);
        assert_eq!(down[0].trail, trail, "{segments}");
    }
}

#[test]
fn without_a_fin_nothing_is_kept() {
    let (up, down) = (plain(Up, &["dda"]), plain(Down, &["daa"]));
    let lanes = closed(up, down, [true, false]);
    assert_eq!(answering(&lanes), []);
    assert_eq!(lanes.map(|lane| lane[0].trail), [0, 0]);
}

/// Asserts which records of a way have its FIN, `F`, and which repeat it, `f`.
#[track_caller]
fn check_fins(records: &[&str], expected: &str) {
    let [up, _] = closed(plain(Up, records), plain(Down, &["d"]), [true, false]);
    let fins = up.iter().map(|p| match (p.plan.fin, p.fin_again) {
        (true, true) => 'f',
        (true, false) => 'F',
        (false, _) => '-',
    });
    assert_eq!(fins.collect::<String>(), expected);
    // A FIN that is none is a segment all the same.
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
fn last_fin_counts_where_data_comes_after_all_of_them() {
    check_fins(&["dF", "dF", "d"], "-F-");
}
