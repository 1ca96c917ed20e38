//! Rebuilds conversations without connections: UDP, ICMP and every other protocol.
//!
//! Only time and convention order their packets: a question comes before its answer. Bytes are
//! divided evenly over a record's packets, because a record has no single packet size.

use crate::connection::first_guessed;
use crate::connection::inference::InferenceRule;
use crate::connection::outcome::{self, ConnectionInfo};
use crate::connection::plan::{Detail, PACKETS_MAX};
use crate::connection::role::Role;
use crate::connection::segment::{Segment, SegmentKind};
use crate::connection::spread::{Bias, Spread, spread_among};
use crate::flow::{UDP, Viewed, Way};
use crate::time::SECOND_NS;

/// The maximum number of bytes that one packet represents.
const PACKET_MAX: u64 = 1 << 30;

/// The maximum number of bytes of one record: 64 TiB, more than any network interface carries in an
/// interval.
const BYTES_MAX: u64 = 1 << 46;

/// How many times the packets of the other side a stream has at least. With 1.5 or 3, the order of packets
/// is the same within 0.0002.
const STREAM_LEAST: u64 = 2;

/// Minimum time between questions that are asked one after the other: more than the second to which
/// flow logs round.
const TURN_MIN_NS: i64 = 2 * SECOND_NS;

/// Returns the minimum length of a packet of this conversation: its headers, and over IPv6 one more
/// byte where only the IP header is written, because Wireshark reports an IPv6 packet without
/// payload as a lost packet.
fn least_len(o: &Viewed) -> u64 {
    match (o.key.is_ipv6(), o.key.protocol) {
        (false, UDP) => 28,
        (true, UDP) => 48,
        (false, _) => 20,
        (true, _) => 41,
    }
}

/// Rebuilds one conversation and appends its packets to `out` in order of time.
pub(super) fn rebuild(
    records: &[Viewed],
    role: Role,
    detail: Detail,
    out: &mut Vec<Segment>,
) -> ConnectionInfo {
    let begin = out.len();
    let windows = Way::BOTH.map(|way| {
        let own = records.iter().filter(|o| o.way == way);
        own.map(|o| (o.start_ns, o.until_ns())).collect::<Vec<_>>()
    });
    let totals = totals(records);
    let in_turn = alternate(records, totals);
    let mut bytes_added = 0;
    for (i, o) in records.iter().enumerate() {
        let index = u32::try_from(i).expect("fewer than 2^32 records a conversation");
        let (own, peer) = (totals[o.way.index()], totals[o.way.reverse().index()]);
        let window = (o.start_ns, o.until_ns());
        let spread = if is_stream(own, peer) {
            Spread::alone(window)
        } else {
            let others = &windows[o.way.reverse().index()];
            spread_among(window, others, |window| *window)
        };
        let bias = match (o.way == role.initiator, in_turn) {
            _ if !InferenceRule::Questions.applies() => Bias::EVEN,
            (true, false) => Bias::ASKS.fitted("ASKS"),
            (false, false) if !InferenceRule::FewAnswers.applies() => Bias::ANSWERS,
            (false, false) => Bias::answers(own, peer),
            (true, true) => Bias::ASKS_IN_TURN,
            (false, true) => Bias::ANSWERS_IN_TURN,
        };
        bytes_added += place(index, o, (spread, bias), detail, out);
    }
    // Where times are equal, the packet of the asking side is the question.
    out[begin..].sort_by_key(|s| (s.time_ns, s.way != role.initiator, s.record));
    let outcome = outcome::outcome(records, &[], role);
    ConnectionInfo {
        role,
        outcome,
        presumed: false,
        closed_first: None,
        first_guessed: first_guessed(records, role, &out[begin..]),
        moved: 0,
        bytes_added,
    }
}

/// Returns the packets of each direction.
fn totals(records: &[Viewed]) -> [u64; 2] {
    Way::BOTH.map(|way| {
        let own = records.iter().filter(|o| o.way == way);
        own.fold(0_u64, |sum, o| sum.saturating_add(o.packets))
    })
}

/// Whether a side that sends `own` packets sends a stream, such as voice or video, that waits for none
/// of the other side's `peer` packets.
fn is_stream(own: u64, peer: u64) -> bool {
    InferenceRule::Stream.applies() && own > peer.saturating_mul(STREAM_LEAST)
}

/// Whether each question is answered before the next is asked: there are as many questions as
/// answers, at least three of each, and they are seconds apart, while a round trip takes less than
/// one.
///
/// Of real conversations of this kind, 3 of 3 in 2 captures are closer to the truth this way.
fn alternate(records: &[Viewed], [up, down]: [u64; 2]) -> bool {
    let from = records.iter().map(|o| o.start_ns).min();
    let until = records.iter().map(|o| o.end_ns).max();
    let (Some(from), Some(until)) = (from, until) else {
        return false;
    };
    let gaps = i64::try_from(up).unwrap_or(i64::MAX) - 1;
    InferenceRule::InTurn.applies()
        && up == down
        && gaps > 1
        && until.saturating_sub(from) / gaps >= TURN_MIN_NS
}

/// Appends the packets of one record; returns the number of bytes added to the record's own.
fn place(
    record: u32,
    o: &Viewed,
    (spread, bias): (Spread, Bias),
    detail: Detail,
    out: &mut Vec<Segment>,
) -> u64 {
    let least = least_len(o);
    let logged = o.bytes.unwrap_or(least.saturating_mul(o.packets));
    let kept = logged.min(BYTES_MAX);
    let n = count(o.packets, Some(logged), detail);
    let bytes = kept.max(least * n);
    let pace = spread.pace(n, bias, false);
    for i in 0..n {
        let len = bytes / n + u64::from(i < bytes % n);
        out.push(Segment {
            time_ns: pace.instant(i),
            record,
            original_len: u32::try_from(len).unwrap_or(u32::MAX),
            seq: 0,
            ack: 0,
            window: 0,
            tcp_len: 0,
            way: o.way,
            kind: SegmentKind::Datagram,
            has_ack: false,
            has_payload: true,
            is_first: i == 0,
        });
    }
    bytes.saturating_sub(logged)
}

/// Returns how many packets a record of so many packets and bytes becomes.
pub(super) fn count(packets: u64, bytes: Option<u64>, detail: Detail) -> u64 {
    let most = match detail {
        Detail::Exact => PACKETS_MAX,
        Detail::Compact { per_record_max } => per_record_max.max(1),
        Detail::Control => 1,
    };
    let kept = bytes.unwrap_or_default().min(BYTES_MAX);
    packets.clamp(1, most).max(kept.div_ceil(PACKET_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::role;
    use crate::flow::observation::tests::{viewed, with};

    fn udp(way: Way, packets: u64, bytes: u64) -> Viewed {
        let mut o = viewed(way, packets, bytes, 10, 12, 0);
        o.key.protocol = UDP;
        (o.key.high.port, o.flags) = (53, None);
        o
    }

    fn rebuilt(records: &[Viewed], detail: Detail) -> Vec<Segment> {
        let mut out = Vec::new();
        rebuild(records, role::role(records), detail, &mut out);
        out
    }

    #[test]
    fn question_comes_before_its_answer() {
        let out = rebuilt(
            &[udp(Way::Down, 1, 200), udp(Way::Up, 1, 70)],
            Detail::Exact,
        );
        let ways: Vec<Way> = out.iter().map(|s| s.way).collect();
        assert_eq!(ways, [Way::Up, Way::Down]);
    }

    #[test]
    fn many_questions_and_answers_alternate() {
        let out = rebuilt(
            &[udp(Way::Down, 40, 8000), udp(Way::Up, 40, 4000)],
            Detail::Exact,
        );
        let turns = out
            .windows(2)
            .filter(|pair| pair[0].way != pair[1].way)
            .count();
        assert!(turns > 60, "{turns} turns");
    }

    #[test]
    fn questions_seconds_apart_are_answered_before_the_next_one() {
        let at = |way, packets, end_s: i64| {
            let o = udp(way, packets, packets * 100);
            with(o, |o| o.end_ns = o.start_ns + end_s * SECOND_NS)
        };
        let ways = |packets, end_s| -> Vec<Way> {
            let records = [at(Way::Up, packets, end_s), at(Way::Down, packets, end_s)];
            let out = rebuilt(&records, Detail::Exact);
            out.iter().map(|s| s.way).collect()
        };
        let in_turn = [Way::Up, Way::Down].repeat(3);
        assert_eq!(ways(3, 4), in_turn);
        assert_ne!(ways(3, 1), in_turn);
        // A and AAAA are asked at once, however long the interval is.
        assert_eq!(ways(2, 59), [Way::Up, Way::Up, Way::Down, Way::Down]);
    }

    /// Rebuilds `counts` packets of each direction, of records that end in second 0 or `ends`; writes
    /// the sender of each packet.
    fn senders(counts: [u64; 2], ends: [i64; 2]) -> String {
        let record = |way: Way| {
            let packets = counts[way.index()];
            let o = udp(way, packets, packets * 100);
            with(o, |o| o.end_ns = o.start_ns + ends[way.index()] * SECOND_NS)
        };
        let out = rebuilt(&Way::BOTH.map(record), Detail::Exact);
        let letter = |s: &Segment| if s.way == Way::Up { 'u' } else { 'd' };
        out.iter().map(letter).collect()
    }

    #[test]
    fn stream_goes_on_where_the_other_side_is_silent() {
        // In the first of ten seconds, the stream has a tenth of its packets.
        let stream = senders([20, 2], [9, 0]);
        let before = stream.chars().take_while(|c| *c == 'u').count();
        assert!(before <= 2, "{stream}");
        // A side that sends no more than twice as much waits for the other.
        let waiting = senders([4, 2], [9, 0]);
        assert_eq!(waiting, "uududu");
    }

    #[test]
    fn more_questions_follow_the_last_answer_where_few_are_answered() {
        let after = |counts| {
            let all = senders(counts, [9, 9]);
            all.chars().rev().take_while(|c| *c == 'u').count()
        };
        assert_eq!(after([6, 6]), 0);
        assert!(after([20, 4]) >= 1);
    }

    #[test]
    fn bytes_add_up_in_every_detail() {
        for detail in [
            Detail::Exact,
            Detail::Compact { per_record_max: 4 },
            Detail::Control,
        ] {
            let out = rebuilt(&[udp(Way::Up, 7, 1001)], detail);
            assert_eq!(out.iter().map(|s| s.original_len).sum::<u32>(), 1001);
        }
    }

    #[test]
    fn packets_are_within_the_window() {
        let o = udp(Way::Up, 1000, 100_000);
        let inside = |s: &Segment| s.time_ns >= o.start_ns && s.time_ns < o.until_ns();
        assert!(rebuilt(&[o], Detail::Exact).iter().all(inside));
    }
}
