//! One test per rule of causality. In every case the times of the records alone would give a
//! different order from the rule.

use proptest::prelude::*;

use super::*;
use crate::connection::lane::Planned;
use crate::connection::lane::tests::{lane, record};
use crate::time::SECOND_NS;

use Way::{Down, Up};

/// A window in seconds, and its segments in the letters of [`record`].
type Given = ((i64, i64), &'static str);

fn records(way: Way, given: &[Given]) -> Vec<Planned> {
    let records = given.iter().map(|(window, s)| record(way, *window, s));
    records.collect()
}

/// Merges the segments of the initiator and the responder.
fn merged(initiator: &[Given], responder: &[Given]) -> (Vec<SegmentDraft>, Merged) {
    let lanes = [
        lane(Up, true, records(Up, initiator)),
        lane(Down, false, records(Down, responder)),
    ];
    let mut drafts = Vec::new();
    let adjustments = merge(lanes, Turns::default(), &mut drafts);
    (drafts, adjustments)
}

/// Writes each segment as its sender, `i` or `r`, and its kind: `S` a SYN, `A` a SYN-ACK, `d` data,
/// `a` a pure ACK, `k` a keep-alive or the answer to one, `F` a FIN, `R` a RST; a lowercase `s` or
/// `f` is a repetition.
fn words(drafts: &[SegmentDraft]) -> String {
    let word = |draft: &SegmentDraft| {
        let kind = match draft.kind {
            SegmentKind::Syn | SegmentKind::SynAck if draft.again => 's',
            SegmentKind::Syn => 'S',
            SegmentKind::SynAck => 'A',
            SegmentKind::Fin if draft.again => 'f',
            SegmentKind::Fin => 'F',
            SegmentKind::Rst => 'R',
            SegmentKind::Plain | SegmentKind::Datagram if draft.payload > 0 => 'd',
            SegmentKind::Plain | SegmentKind::Datagram if draft.idle => 'k',
            SegmentKind::Plain | SegmentKind::Datagram => 'a',
        };
        format!("{}{kind}", if draft.way == Up { 'i' } else { 'r' })
    };
    let words: Vec<String> = drafts.iter().map(word).collect();
    words.join(" ")
}

#[track_caller]
fn check(initiator: &[Given], responder: &[Given], expected: &str) {
    assert_eq!(words(&merged(initiator, responder).0), expected);
}

#[test]
fn syn_ack_waits_for_the_syn() {
    check(&[((1, 2), "S")], &[((0, 2), "S")], "iS rA");
}

#[test]
fn initiators_next_segment_waits_for_the_syn_ack() {
    check(&[((0, 9), "Se")], &[((0, 9), "S")], "iS rA ia");
    check(&[((0, 9), "Se")], &[((5, 9), "S")], "iS rA ia");
}

#[test]
fn responders_next_segment_waits_for_the_handshakes_ack() {
    check(&[((5, 6), "Se")], &[((0, 9), "Sd")], "iS rA ia rd");
}

#[test]
fn responders_next_segment_waits_for_the_request() {
    check(&[((5, 6), "Seq")], &[((0, 9), "Sd")], "iS rA ia id rd");
}

#[test]
fn handshake_keeps_its_order_even_if_its_records_are_far_apart() {
    let (drafts, adjustments) = merged(&[((8, 9), "Se")], &[((0, 1), "S")]);
    assert_eq!(words(&drafts), "iS rA ia");
    // The SYN-ACK leaves the window of its record, which is counted.
    assert_eq!(adjustments.moved, 1);
    let (drafts, adjustments) = merged(&[((0, 1), "Se")], &[((8, 9), "S")]);
    assert_eq!(words(&drafts), "iS rA ia");
    // Here the ACK of the SYN-ACK leaves its window.
    assert_eq!(adjustments.moved, 1);
}

#[test]
fn handshake_and_request_follow_each_other_by_half_a_round_trip() {
    let (drafts, _) = merged(&[((0, 60), "Seq")], &[((0, 60), "S")]);
    assert_eq!(words(&drafts), "iS rA ia id");
    let waits = drafts.windows(2).map(|two| two[1].time_ns - two[0].time_ns);
    assert_eq!(waits.collect::<Vec<_>>(), [TURN_NS; 3]);
}

#[test]
fn handshakes_ack_carries_no_data_if_another_segment_can() {
    check(&[((0, 9), "Sed")], &[((0, 9), "S")], "iS rA ia id");
}

#[test]
fn pure_ack_waits_for_something_new_to_acknowledge() {
    check(
        &[((0, 10), "aa")],
        &[((0, 1), "d"), ((8, 9), "d")],
        "rd ia rd ia",
    );
}

#[test]
fn pure_ack_waits_for_a_fin_to_acknowledge() {
    check(
        &[((0, 10), "aa")],
        &[((0, 1), "d"), ((8, 9), "F")],
        "rd ia rF ia",
    );
}

#[test]
fn pure_ack_at_the_start_acknowledges_data_before_the_archive() {
    check(&[((0, 4), "a")], &[((3, 9), "d")], "ia rd");
}

#[test]
fn unexplained_pure_ack_is_a_keep_alive() {
    check(&[((0, 9), "aa")], &[((0, 1), "d")], "rd ia ik");
    // More is to come, but nothing that it could acknowledge.
    check(
        &[((0, 1), "d"), ((1, 9), "aa")],
        &[((0, 1), "d"), ((8, 9), "a")],
        "id rd ia ik ra",
    );
}

#[test]
fn data_is_sent_where_a_pure_ack_would_have_nothing_to_acknowledge() {
    // By their numbers alone, data and ACKs would alternate.
    check(&[((2, 10), "ddaa")], &[], "id ia id ia");
    check(
        &[((1, 2), "a"), ((2, 10), "ddaa")],
        &[((0, 1), "d"), ((9, 10), "dd")],
        "rd ia id id rd ia rd ia",
    );
}

#[test]
fn ack_of_a_fin_waits_for_the_fin() {
    check(&[((0, 10), "Ft")], &[((9, 10), "f")], "iF rF ia");
}

#[test]
fn answering_fin_waits_for_the_first_fin() {
    check(&[((8, 10), "F")], &[((0, 10), "f")], "iF rF");
    check(&[((8, 10), "F")], &[((0, 10), "F")], "rF iF");
}

#[test]
fn rst_waits_for_everything_sent_before_it() {
    check(&[((0, 10), "R")], &[((4, 10), "dd")], "rd rd iR");
    check(&[((4, 10), "dd")], &[((0, 10), "R")], "id id rR");
}

#[test]
fn rst_of_the_initiator_precedes_the_rst_of_the_responder() {
    check(&[((0, 10), "R")], &[((0, 4), "R")], "iR rR");
}

#[test]
fn refusing_rst_waits_for_its_own_syn_only() {
    check(&[((0, 10), "SSS")], &[((0, 3), "RRR")], "iS rR is rR is rR");
}

#[test]
fn rst_of_the_first_closer_crosses_the_other_fin() {
    check(&[((0, 10), "Fx")], &[((8, 10), "f")], "iF iR rF");
    check(&[((0, 10), "FR")], &[((8, 10), "f")], "iF rF iR");
}

#[test]
fn answering_fin_waits_for_the_rst_that_crosses_it() {
    check(&[((0, 10), "Fx")], &[((0, 10), "f")], "iF iR rF");
}

#[test]
fn rst_waits_longest_where_each_waits_for_the_other() {
    check(
        &[((0, 10), "R"), ((0, 10), "F")],
        &[((0, 20), "t")],
        "ra iR iF",
    );
}

#[test]
fn no_segment_waits_for_another_far_outside_its_own_window() {
    let cases: [(&[Given], &[Given], &str); 5] = [
        (
            &[((0, 3), "aa")],
            &[((0, 1), "d"), ((8, 9), "d")],
            "rd ia ik rd",
        ),
        (&[((0, 1), "Ft")], &[((8, 9), "f")], "iF ia rF"),
        (&[((8, 9), "F")], &[((0, 1), "f")], "rF iF"),
        (&[((0, 1), "R")], &[((8, 9), "d")], "iR rd"),
        (&[((8, 9), "S")], &[((0, 1), "R")], "rR iS"),
    ];
    for (initiator, responder, expected) in cases {
        let (drafts, adjustments) = merged(initiator, responder);
        assert_eq!(words(&drafts), expected);
        assert_eq!(adjustments.moved, 0, "{expected}");
    }
}

#[test]
fn syn_or_fin_already_sent_is_marked_as_repeated() {
    check(&[((0, 9), "SS")], &[], "iS is");
    check(&[((0, 9), "S")], &[((0, 9), "SS")], "iS rA rs");
    let again = Planned {
        fin_again: true,
        ..record(Up, (5, 6), "F")
    };
    let lanes = [
        lane(Up, true, vec![record(Up, (0, 1), "F"), again]),
        lane(Down, false, Vec::new()),
    ];
    let mut drafts = Vec::new();
    merge(lanes, Turns::default(), &mut drafts);
    assert_eq!(words(&drafts), "iF if");
}

#[test]
fn segments_have_distinct_times_and_none_precedes_its_record() {
    let (drafts, _) = merged(&[((0, 1), "dddd"), ((4, 5), "d")], &[((0, 1), "dddd")]);
    assert!(drafts.is_sorted_by(|a, b| a.time_ns + STEP_NS <= b.time_ns));
    assert!(drafts[8].time_ns >= 4 * SECOND_NS);
}

/// Windows of one to eight seconds in order of start, and segments of each.
fn any_records(opens: &'static str) -> impl Strategy<Value = Vec<((i64, i64), String)>> {
    let middle = proptest::collection::vec(prop::sample::select(vec!['d', 'a']), 0..60);
    let ends = prop::sample::select(vec!["", "", "F", "f", "Ft", "R", "FR", "Fx"]);
    let one = (0_i64..4, 1_i64..8, middle, ends);
    proptest::collection::vec(one, 0..4).prop_map(move |records| {
        let mut start_s = 0;
        let numbered = records.into_iter().enumerate();
        let built = numbered.map(|(i, (gap_s, length_s, middle, end))| {
            start_s += gap_s;
            let begin = if i == 0 { opens } else { "" };
            let middle: String = middle.into_iter().collect();
            (
                (start_s, start_s + length_s),
                format!("{begin}{middle}{end}"),
            )
        });
        built.collect()
    })
}

proptest! {
    #[test]
    fn body_segments_sent_together_are_those_sent_one_by_one(
        up in prop_oneof![any_records("Se"), any_records("Seq"), any_records("")],
        down in prop_oneof![any_records("S"), any_records("")],
        up_initiates: bool,
    ) {
        let lanes = || {
            let built = |way, given: &[((i64, i64), String)]| -> Vec<Planned> {
                given.iter().map(|(window, s)| record(way, *window, s)).collect()
            };
            [
                lane(Up, up_initiates, built(Up, &up)),
                lane(Down, !up_initiates, built(Down, &down)),
            ]
        };
        let mut together = Vec::new();
        let merged = merge(lanes(), Turns::default(), &mut together);
        let mut stepwise = LaneMerge::new(lanes(), Turns::default());
        let mut one_by_one = Vec::new();
        while let Some((way, due_ns)) = stepwise.next() {
            one_by_one.push(stepwise.send(way, due_ns));
        }
        prop_assert_eq!(together, one_by_one);
        prop_assert_eq!(merged, stepwise.merged);
    }
}
