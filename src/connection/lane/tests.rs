//! One test per rule of a lane: which segment is at its head, and its preferred time.

use super::*;

use Way::{Down, Up};

const S: i64 = SECOND_NS;

/// Builds a record of one direction with a window in seconds, from segments given as letters: `S` a
/// SYN or SYN-ACK, `e` the handshake's ACK, `q` the request, `d` one byte of data, `a` a pure ACK,
/// `F` a FIN, `f` a FIN that answers the other side's, `t` the ACK of the other side's FIN, `R` a
/// RST, `x` a RST that crosses the other side's FIN.
pub(in crate::connection) fn record(way: Way, window_s: (i64, i64), segments: &str) -> Planned {
    let letters = |of: &str| segments.chars().filter(|c| of.contains(*c)).count() as u64;
    let data = letters("qd");
    let plan = SegmentPlan {
        record: 0,
        way,
        window: (window_s.0 * S, window_s.1 * S),
        syns: letters("S"),
        syn_bytes: letters("S") * 40,
        body: letters("eqdat"),
        data,
        fin: letters("Ff") > 0,
        rsts: letters("Rx"),
        payload: data,
        plain_len: 40,
        rst_len: 40,
        ip_len: 20,
        bytes_added: 0,
        merged: false,
    };
    Planned {
        established: letters("e"),
        request: letters("q"),
        trail: letters("t"),
        fin_answers: letters("f") > 0,
        rst_crosses: letters("x") > 0,
        ..Planned::new(plan, segments.len() as u64)
    }
}

/// Builds the lane of these records, numbered in order.
pub(in crate::connection) fn lane(way: Way, initiates: bool, mut records: Vec<Planned>) -> Lane {
    for (index, p) in (0..).zip(&mut records) {
        p.plan.record = index;
    }
    Lane::new(way, initiates, records)
}

/// Builds the initiator's lane of these records.
fn initiator(records: &[((i64, i64), &str)]) -> Lane {
    let records = records.iter().map(|(window, s)| record(Up, *window, s));
    lane(Up, true, records.collect())
}

/// Returns all heads of a lane, one after the other.
fn heads(mut lane: Lane) -> Vec<LaneHead> {
    let mut heads = Vec::new();
    while let Some(head) = lane.head().copied() {
        heads.push(head);
        lane.advance();
    }
    heads
}

fn steps(lane: Lane) -> Vec<LaneStep> {
    heads(lane).iter().map(|head| head.step).collect()
}

fn times(lane: Lane) -> Vec<i64> {
    heads(lane).iter().map(|head| head.preferred_ns).collect()
}

/// Returns the time from each segment to the next.
fn gaps(lane: Lane) -> Vec<i64> {
    times(lane).windows(2).map(|two| two[1] - two[0]).collect()
}

#[test]
fn segments_of_a_record_go_from_its_syns_to_its_rsts() {
    assert_eq!(
        steps(initiator(&[((0, 9), "RRtFdaqeSS")])),
        [
            LaneStep::Syn(0),
            LaneStep::Syn(1),
            LaneStep::Established,
            LaneStep::Request,
            LaneStep::Body(0),
            LaneStep::Body(1),
            LaneStep::Fin,
            LaneStep::Trail,
            LaneStep::Rst(0),
            LaneStep::Rst(1),
        ]
    );
}

#[test]
fn records_follow_each_other_and_a_record_without_segments_is_skipped() {
    let lane = initiator(&[((0, 1), "d"), ((1, 2), ""), ((2, 3), "F")]);
    let windows: Vec<_> = heads(lane).iter().map(|h| (h.step, h.window.0)).collect();
    assert_eq!(windows, [(LaneStep::Body(0), 0), (LaneStep::Fin, 2 * S)]);
}

#[test]
fn first_segment_of_each_record_is_marked() {
    let mut lane = initiator(&[((0, 1), "SdF"), ((1, 2), "da")]);
    let mut first = Vec::new();
    while lane.head().is_some() {
        first.push(lane.is_first());
        lane.advance();
    }
    assert_eq!(first, [true, false, false, true, false]);
}

#[test]
fn syn_is_repeated_after_one_second_and_then_after_twice_as_long() {
    // RFC 6298: the first timeout is 1 s (section 2), and each one doubles it (section 5).
    let syns = initiator(&[((0, 60), "SSSSS")]);
    assert_eq!(gaps(syns), [S, 2 * S, 4 * S, 8 * S]);
}

#[test]
fn retransmission_times_are_scaled_down_to_fit_the_record() {
    let syns = initiator(&[((0, 3), "SSSS")]);
    let waits = gaps(syns.clone());
    assert!(waits[0] < S && waits[1..] == [2 * waits[0], 4 * waits[0]]);
    assert!(times(syns)[3] < 3 * S);
}

#[test]
fn last_syn_leaves_time_for_its_answer_within_the_window() {
    for count in [2, 4, 16, 40] {
        let syns = times(initiator(&[((0, 1), &"S".repeat(count))]));
        assert!(syns[count - 1] <= S - SYN_MARGIN_NS, "{count}: {syns:?}");
    }
}

#[test]
fn more_syns_than_any_system_sends_are_spread_evenly() {
    let waits = gaps(initiator(&[((0, 60), &"S".repeat(40))]));
    let (least, most) = (waits.iter().min(), waits.iter().max());
    // The window is not a multiple of the count in nanoseconds.
    assert!(most.unwrap() - least.unwrap() <= 1, "{waits:?}");
    assert!(*least.unwrap() > S, "{waits:?}");
}

#[test]
fn handshake_and_request_are_due_when_their_record_begins() {
    let due = heads(initiator(&[((5, 60), "Seqd")]));
    for step in [LaneStep::Established, LaneStep::Request] {
        let head = due.iter().find(|head| head.step == step).unwrap();
        assert_eq!(head.preferred_ns, 5 * S, "{step:?}");
    }
}

#[test]
fn body_of_a_midstream_direction_is_spread_evenly() {
    assert_eq!(
        times(initiator(&[((0, 8), "ddaa")])),
        [S, 3 * S, 5 * S, 7 * S]
    );
}

#[test]
fn initiator_waits_for_the_response_to_its_request() {
    let begin = |segments: &str| {
        let due = heads(initiator(&[((0, 60), segments)]));
        let body = due.iter().find(|head| head.step == LaneStep::Body(0));
        body.unwrap().preferred_ns
    };
    // The distance of the first segment from the beginning, in distances between two segments.
    assert_eq!(begin("Seqdd"), 60 * S * 2_200 / 4_200);
    assert_eq!(begin("Sedd"), 60 * S * 500 / 2_000);
}

#[test]
fn little_is_left_to_send_after_the_fin_of_the_initiator() {
    let after = |segments: &str| {
        let due = times(initiator(&[((0, 60), segments)]));
        60 * S - due.last().unwrap()
    };
    assert!(after("SeqdF") < after("Seqdd") / 2 + S);
    // A connection that is reset has not received all.
    assert!(after("SeqdFR") > after("SeqdF"));
}

#[test]
fn responder_answers_soon_after_the_request() {
    let records = vec![record(Down, (0, 60), "Sdd")];
    let due = times(lane(Down, false, records));
    assert_eq!(due[1], 60 * S * 300 / 2_300);
}

#[test]
fn end_of_a_record_is_spread_with_its_body_and_after_it() {
    let due = times(initiator(&[((0, 10), "dFtRR")]));
    assert_eq!(due, [S, 3 * S, 5 * S, 7 * S, 9 * S]);
}

#[test]
fn data_is_in_the_segments_before_the_fin_and_not_in_the_ack_of_the_other_fin() {
    let mut lane = initiator(&[((0, 9), "SeddFt"), ((9, 10), "d")]);
    let mut left = Vec::new();
    while lane.head().is_some() {
        left.push(lane.body_left());
        lane.advance();
    }
    //                S  e  d  d  F  t  d
    assert_eq!(left, [3, 3, 2, 1, 0, 0, 1]);
}

/// Asserts whether a lane with `sent` segments sent, `data_done` of them data, still has something
/// that a segment waiting until that second can acknowledge.
#[track_caller]
fn check_gives(
    records: &[((i64, i64), &str)],
    (sent, data_done): (usize, u64),
    until_s: i64,
    expected: bool,
) {
    let mut lane = initiator(records);
    (0..sent).for_each(|_| lane.advance());
    let gives = lane.gives_before(until_s * S, data_done);
    assert_eq!(gives, expected, "{records:?} until {until_s}");
}

#[test]
fn data_can_be_acknowledged_if_its_record_begins_in_time() {
    check_gives(&[((0, 1), "a"), ((5, 9), "d")], (0, 0), 6, true);
    check_gives(&[((0, 1), "a"), ((5, 9), "d")], (0, 0), 5, false);
    check_gives(&[((0, 1), "a"), ((5, 9), "a")], (0, 0), 6, false);
}

#[test]
fn data_already_sent_is_not_acknowledged_again() {
    check_gives(&[((0, 9), "dda")], (1, 1), 9, true);
    check_gives(&[((0, 9), "dda")], (2, 2), 9, false);
    // Data sent counts for its own record only.
    check_gives(&[((0, 4), "dda"), ((4, 9), "d")], (2, 2), 9, true);
}

#[test]
fn fin_can_be_acknowledged_until_it_is_sent() {
    check_gives(&[((0, 9), "aF")], (0, 0), 9, true);
    check_gives(&[((0, 9), "aF")], (1, 0), 9, true);
    check_gives(&[((0, 9), "aFt")], (2, 0), 9, false);
}

#[test]
fn fin_is_at_the_end_of_its_record_within_the_rounding_of_flow_logs() {
    check_gives(&[((0, 60), "aF")], (0, 0), 30, false);
    check_gives(&[((0, 60), "aF")], (0, 0), 58, false);
    check_gives(&[((0, 60), "aF")], (0, 0), 59, true);
}

#[test]
fn repeated_fin_is_not_acknowledged_again() {
    let again = Planned {
        fin_again: true,
        ..record(Up, (0, 9), "aF")
    };
    assert!(!lane(Up, true, vec![again]).gives_before(9 * S, 0));
}
