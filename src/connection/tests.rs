//! Whole connections, from records to the order of their segments.

use super::*;
use crate::flow::observation::tests::observation;

/// Rebuilds `records` (way, packets, octets, first and last second, flags) in exact detail and
/// writes each segment as its sender, `i` or `r`, and its kind; data is `d`, a pure ACK `a`.
#[track_caller]
fn check(records: &[(Way, u64, u64, i64, i64, u8)], expected: &str) -> Vec<Segment> {
    let told = |(way, packets, bytes, start, end, flags): &(Way, u64, u64, i64, i64, u8)| {
        observation(*way, *packets, *bytes, *start, *end, *flags)
    };
    let mut records: Vec<Observation> = records.iter().map(told).collect();
    assert_eq!(split(&mut records).len(), 1, "one connection");
    let mut segments = Vec::new();
    let story = rebuild(&records, Detail::Exact, &mut segments);
    let word = |s: &Segment| {
        let side = if s.way == story.role.initiator {
            'i'
        } else {
            'r'
        };
        let kind = match s.kind {
            Kind::Syn => 'S',
            Kind::SynAck => 'A',
            Kind::Fin => 'F',
            Kind::Rst => 'R',
            Kind::Plain if s.has_payload => 'd',
            Kind::Plain | Kind::Datagram => 'a',
        };
        format!("{side}{kind}")
    };
    let words: Vec<String> = segments.iter().map(word).collect();
    assert_eq!(words.join(" "), expected);
    segments
}

use Way::{Down, Up};

#[test]
fn request_follows_its_handshake_and_stands_before_the_response() {
    check(
        &[
            (Down, 3, 60 + 52 + 900, 0, 0, 18),
            (Up, 3, 60 + 52 + 300, 0, 0, 2),
        ],
        "iS rA ia id rd rd",
    );
}

#[test]
fn initiator_with_a_packet_to_spare_closes_first_and_acknowledges_last() {
    check(
        &[
            (Up, 6, 60 + 5 * 52 + 300, 0, 0, 3),
            (Down, 4, 60 + 3 * 52 + 900, 0, 0, 19),
        ],
        "iS rA ia id rd rd ia iF rF ia",
    );
}

#[test]
fn initiator_that_sent_more_than_it_received_leaves_the_close_to_the_responder() {
    check(
        &[
            (Up, 5, 60 + 4 * 52 + 900, 0, 0, 3),
            (Down, 4, 60 + 3 * 52 + 300, 0, 0, 19),
        ],
        "iS rA id id rd rF id iF ra",
    );
}

#[test]
fn side_whose_records_end_later_closes_first() {
    check(
        &[
            (Up, 4, 60 + 3 * 52 + 300, 0, 8, 3),
            (Down, 5, 60 + 4 * 52 + 250, 0, 9, 19),
        ],
        "iS rA ia id rd ra rF iF ra",
    );
}

#[test]
fn closed_initiator_answers_late_data_with_resets_that_cross_the_fin() {
    check(
        &[
            (Up, 7, 60 + 3 * 52 + 3 * 40 + 300, 0, 0, 7),
            (Down, 4, 60 + 3 * 52 + 900, 0, 0, 19),
        ],
        "iS rA ia id rd iF rd iR iR rF iR",
    );
}

#[test]
fn side_that_outlasts_the_other_was_idle_but_for_its_last_packet() {
    let segments = check(
        &[
            (Up, 5, 60 + 3 * 52 + 40 + 300, 0, 30, 6),
            (Down, 3, 60 + 2 * 52 + 900, 0, 0, 18),
        ],
        "iS rA ia id rd rd ia iR",
    );
    let second = |s: &Segment| s.time_ns / crate::time::SECOND_NS;
    assert_eq!(second(&segments[6]), 0);
    assert_eq!(second(&segments[7]), 30);
}

#[test]
fn pure_ack_that_nothing_explains_is_a_keep_alive() {
    let segments = check(&[(Up, 1, 52, 0, 0, 0), (Down, 1, 52, 0, 0, 0)], "ia ra");
    let more = check(
        &[(Up, 2, 104, 0, 60, 0), (Down, 2, 104, 0, 60, 0)],
        "ia ra ia ra",
    );
    assert_eq!(segments.len(), 2);
    // RFC 9293 section 3.8.4: a keep-alive repeats the octet before the next, and is answered.
    assert_eq!(more[1].seq.wrapping_add(1), more[0].ack);
    assert_eq!(more[2].seq, more[0].seq);
}

#[test]
fn initial_sequence_numbers_are_the_same_in_every_run() {
    let segments = check(&[(Up, 1, 60, 0, 0, 2), (Down, 1, 60, 0, 0, 18)], "iS rA");
    assert_eq!(segments[1].ack, segments[0].seq.wrapping_add(1));
    let again = check(&[(Up, 1, 60, 0, 0, 2), (Down, 1, 60, 0, 0, 18)], "iS rA");
    assert_eq!(segments, again);
}
