//! One test for each symptom, with the fewest records that show it.

use super::*;
use crate::diagnosis::gather::attempts;
use crate::diagnosis::symptom::Party;
use crate::flow::observation::tests::{candidate, rejected, there, with};
use crate::flow::{Candidate, Endpoint, UDP, Verdict, Way};
use crate::time::SECOND_NS;

/// An archive that continues long after the attempt.
fn visibility() -> Visibility {
    Visibility::new(Some((0, 1_000_000 * SECOND_NS)), Vec::new())
}

#[track_caller]
fn check(records: &[Candidate], expected: Symptom) {
    let found = attempts(&mut records.to_vec());
    assert_eq!(found.len(), 1, "one attempt");
    assert_eq!(symptom(&found[0], &visibility()), expected);
    let places = proof(&found[0], expected);
    assert!(!places.is_empty() || matches!(expected, Symptom::Unclear));
}

fn up(packets: u64, flags: u8) -> Candidate {
    candidate(Way::Up, packets, 60 * packets, 10, 17, flags)
}

fn down(packets: u64, flags: u8) -> Candidate {
    candidate(Way::Down, packets, 60 * packets, 10, 17, flags)
}

fn at(start_s: i64, o: Candidate) -> Candidate {
    with(o, |o| {
        o.start_ns = start_s * SECOND_NS;
        o.end_ns = start_s * SECOND_NS;
    })
}

fn refused_for(reason: RejectReason, o: Candidate) -> Candidate {
    with(o, |o| o.verdict = Verdict::Reject(reason))
}

const HERE: EniIndex = EniIndex(0);
const THERE: EniIndex = EniIndex(1);

#[test]
fn request_accepted_and_reply_rejected_is_the_acl_of_the_reply() {
    check(
        &[there(up(3, 2)), rejected(there(down(4, 18)))],
        Symptom::ReplyBlocked {
            eni: THERE,
            leaving: Some(true),
        },
    );
    check(
        &[up(3, 2), rejected(down(4, 18))],
        Symptom::ReplyBlocked {
            eni: HERE,
            leaving: Some(false),
        },
    );
    let udp = |o: Candidate| {
        let mut o = with(o, |o| o.flags = None);
        o.key.protocol = UDP;
        o
    };
    check(
        &[udp(there(up(1, 0))), udp(rejected(there(down(1, 0))))],
        Symptom::ReplyBlocked {
            eni: THERE,
            leaving: Some(true),
        },
    );
}

#[test]
fn syn_rejected_at_the_responder_is_blocked_inbound() {
    check(
        &[up(4, 2), rejected(there(up(4, 2)))],
        Symptom::InboundBlocked(THERE),
    );
    check(&[rejected(there(up(4, 2)))], Symptom::InboundBlocked(THERE));
}

#[test]
fn syn_rejected_in_an_unknown_direction_is_not_called_inbound() {
    let o = with(rejected(up(4, 2)), |o| o.leaving = None);
    check(&[o], Symptom::Blocked(HERE));
}

#[test]
fn syn_rejected_outbound_is_blocked_outbound() {
    check(&[rejected(up(4, 2))], Symptom::OutboundBlocked(HERE));
}

#[test]
fn reject_reason_of_the_record_is_used() {
    let reason = RejectReason::BlockPublicAccess;
    check(
        &[refused_for(reason, there(up(4, 2)))],
        Symptom::BlockPublicAccess(THERE),
    );
    let reason = RejectReason::EncryptionControls;
    check(
        &[refused_for(reason, up(4, 2))],
        Symptom::EncryptionControls(HERE),
    );
    let reason = RejectReason::NetworkFirewall;
    check(
        &[refused_for(reason, up(9, 27))],
        Symptom::NetworkFirewall(HERE),
    );
}

#[test]
fn syn_accepted_without_reply_is_no_reply() {
    check(&[up(4, 2)], Symptom::NoReply);
    check(&[up(4, 2), there(up(4, 2))], Symptom::NoReply);
}

#[test]
fn missing_reply_at_the_end_of_the_archive_is_unclear() {
    let found = attempts(&mut [at(100, up(1, 2))]);
    let short = Visibility::new(Some((0, 110 * SECOND_NS)), Vec::new());
    assert_eq!(symptom(&found[0], &short), Symptom::Unclear);
    assert_eq!(symptom(&found[0], &visibility()), Symptom::NoReply);
}

#[test]
fn reply_that_only_another_eni_logs_is_reply_elsewhere() {
    let expected = Symptom::ReplyElsewhere {
        asked: HERE,
        answered: THERE,
    };
    check(&[up(4, 2), there(down(4, 18))], expected);
    check(&[up(4, 2), rejected(there(down(4, 18)))], expected);
}

#[test]
fn reply_that_the_responder_sends_and_no_other_eni_logs_is_lost() {
    let expected = Symptom::ReplyLost {
        asked: HERE,
        answered: THERE,
    };
    check(&[up(4, 2), there(up(4, 2)), there(down(4, 18))], expected);
    let bare = |o| with(o, |o| o.flags = None);
    let small = |o| with(o, |o| o.bytes = Some(o.packets * 60));
    let records = [up(4, 2), there(up(4, 2)), there(down(4, 18))];
    check(&records.map(|o| small(bare(o))), expected);
    let large = |o| with(o, |o| o.bytes = Some(o.packets * 600));
    check(&records.map(|o| large(bare(o))), Symptom::Passed);
}

#[test]
fn syn_answered_by_rst_is_refused() {
    check(&[up(1, 2), down(1, 4)], Symptom::Refused);
}

#[test]
fn unacknowledged_syn_ack_is_half_open() {
    check(&[there(up(1, 2)), there(down(5, 18))], Symptom::HalfOpen);
}

#[test]
fn rst_after_the_handshake_names_its_side() {
    check(&[up(9, 2), down(9, 22)], Symptom::Reset(Party::Responder));
    check(&[up(9, 6), down(9, 18)], Symptom::Reset(Party::Initiator));
    // Much software sends a RST after a FIN to close.
    check(&[up(9, 3), down(9, 23)], Symptom::Passed);
}

#[test]
fn rst_after_an_idle_time_is_the_matching_idle_timeout() {
    let opened = [up(5, 2), down(5, 18)];
    let cut = |silence_s: i64| {
        let mut records = opened.to_vec();
        records.extend([at(17 + silence_s, up(1, 0)), at(17 + silence_s, down(1, 4))]);
        records
    };
    check(&cut(400), Symptom::IdleTimeout(Limit::NatOrNlb));
    check(&cut(61), Symptom::IdleTimeout(Limit::Minute));
    check(&cut(432_001), Symptom::IdleTimeout(Limit::Tracking));
    check(&cut(150), Symptom::Reset(Party::Responder));
}

#[test]
fn reject_after_an_idle_time_is_a_tracking_timeout() {
    let records = [up(5, 2), down(5, 18), rejected(at(500, up(3, 0)))];
    check(&records, Symptom::IdleTimeout(Limit::NatOrNlb));
}

#[test]
fn reject_after_the_close_is_a_late_packet() {
    check(
        &[up(9, 3), down(9, 19), rejected(at(20, down(1, 0)))],
        Symptom::LatePackets(HERE),
    );
    check(&[rejected(down(1, 4))], Symptom::LatePackets(HERE));
}

#[test]
fn reject_within_an_established_connection_is_the_acl() {
    let records = [up(9, 2), down(9, 18), rejected(at(40, down(3, 0)))];
    check(
        &records,
        Symptom::ReplyBlocked {
            eni: HERE,
            leaving: Some(false),
        },
    );
}

#[test]
fn without_flags_only_protocols_that_always_reply_have_no_reply() {
    let bare = |o: Candidate| with(o, |o| o.flags = None);
    check(&[bare(up(4, 0))], Symptom::NoReply);
    check(
        &[bare(with(up(4, 0), |o| {
            o.bytes = Some(90_000);
            o.packets = 100;
        }))],
        Symptom::OneWay,
    );
    check(&[bare(up(4, 0)), bare(down(4, 0))], Symptom::Passed);
    check(
        &[rejected(bare(there(up(4, 0))))],
        Symptom::InboundBlocked(THERE),
    );
}

#[test]
fn clean_connection_is_passed() {
    check(
        &[up(9, 3), down(9, 19), there(up(9, 3)), there(down(9, 19))],
        Symptom::Passed,
    );
    check(&[up(9, 0), down(9, 0)], Symptom::Passed);
}

/// Returns a record without flags.
fn bare(way: Way, packets: u64, bytes: u64) -> Candidate {
    with(candidate(way, packets, bytes, 10, 11, 0), |o| {
        o.flags = None
    })
}

#[test]
fn without_flags_one_bare_packet_for_each_request_is_a_reset() {
    check(
        &[bare(Way::Up, 1, 60), bare(Way::Down, 1, 40)],
        Symptom::Refused,
    );
    check(
        &[bare(Way::Up, 3, 156), bare(Way::Down, 3, 120)],
        Symptom::Refused,
    );
}

#[test]
fn without_flags_other_short_exchanges_are_not_resets() {
    for [up, down] in [
        [(2, 100), (1, 40)], // an ACK follows the SYN
        [(1, 60), (1, 60)],  // a SYN-ACK, or a heartbeat
        [(1, 41), (1, 40)],  // a keep-alive probe
        [(1, 52), (1, 52)],  // a keep-alive probe with timestamps
        [(7, 420), (7, 280)],
    ] {
        let records = [bare(Way::Up, up.0, up.1), bare(Way::Down, down.0, down.1)];
        check(&records, Symptom::Passed);
    }
}

#[test]
fn without_flags_lone_syns_and_syn_acks_of_an_outsider_stay_half_open() {
    let from_outside = |o: Candidate| {
        let outsider = Endpoint {
            address: "8.8.8.8".parse().unwrap(),
            port: 40_000,
        };
        with(o, |o| {
            let ends = [outsider, o.key.high];
            (o.key.low, o.key.high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
            // The outsider's address is the lower one.
        })
    };
    let opening = [bare(Way::Up, 1, 60), bare(Way::Down, 5, 300)];
    check(&opening, Symptom::Passed);
    check(&opening.map(from_outside), Symptom::HalfOpen);
    let more = [bare(Way::Up, 2, 100), bare(Way::Down, 1, 60)];
    check(&more.map(from_outside), Symptom::Passed);
}

#[test]
fn packets_of_an_open_connection_that_are_rejected_are_blocked() {
    let open = [there(up(5, 2)), there(down(5, 18))];
    let cut = |packets, start_s, flags| at(start_s, rejected(there(up(packets, flags))));
    check(
        &[open[0], open[1], cut(4, 60, 0)],
        Symptom::InboundBlocked(THERE),
    );
    let closed = [open[0], at(20, there(down(1, 17))), open[1]];
    for records in [
        vec![open[0], open[1], cut(2, 60, 0)],    // too few
        [&closed[..], &[cut(4, 60, 0)]].concat(), // after the close
    ] {
        check(&records, Symptom::LatePackets(THERE));
    }
}

#[test]
fn large_packets_without_an_answer_are_stalled() {
    let large = with(candidate(Way::Down, 12, 15_120, 10, 62, 18), |_| {});
    check(&[up(4, 2), large], Symptom::Stalled(Party::Responder));
    let answered = candidate(Way::Up, 4, 240, 10, 62, 2);
    check(&[answered, large], Symptom::Passed);
}

#[test]
fn ping_whose_reply_is_rejected_is_the_acl_in_any_order() {
    let icmp = |o: Candidate| {
        let mut o = with(o, |o| o.flags = None);
        (o.key.protocol, o.key.low.port, o.key.high.port) = (1, 0, 0);
        o
    };
    let pair = [icmp(there(up(4, 0))), icmp(rejected(there(down(4, 0))))];
    let expected = Symptom::ReplyBlocked {
        eni: THERE,
        leaving: Some(true),
    };
    check(&pair, expected);
    check(&[pair[1], pair[0]], expected);
    check(&[at(11, pair[0]), pair[1]], expected);
}
