//! Conversations without connections: UDP, ICMP and every other protocol.
//!
//! Nothing orders their packets but time and habit: a question stands before
//! its answer. Octets are shared out evenly over a record's packets, since a
//! record tells no single size.

use crate::connection::outcome;
use crate::connection::role::Role;
use crate::connection::segment::{Kind, Segment};
use crate::connection::{Detail, Story};
use crate::flow::{Observation, UDP};
use crate::time::SECOND_NS;

/// The most octets that one packet stands for.
const PACKET_MAX: u64 = 1 << 30;

/// The most packets that one record becomes, whatever the detail.
const PACKETS_MAX: u64 = 1 << 24;

/// Least octets of a packet of this conversation: its headers, and over IPv6
/// one more where nothing but the IP header is written, since Wireshark takes
/// an IPv6 packet without payload for a lost one.
fn least_len(o: &Observation) -> u64 {
    match (o.key.is_ipv6(), o.key.protocol) {
        (false, UDP) => 28,
        (true, UDP) => 48,
        (false, _) => 20,
        (true, _) => 41,
    }
}

/// Rebuilds one conversation and appends its packets to `out` in order of time.
pub(super) fn rebuild(
    records: &[Observation],
    role: Role,
    detail: Detail,
    out: &mut Vec<Segment>,
) -> Story {
    let begin = out.len();
    let mut bytes_added = 0;
    for (i, o) in records.iter().enumerate() {
        let index = u32::try_from(i).expect("fewer than 2^32 records a conversation");
        bytes_added += spread(index, o, o.way == role.initiator, detail, out);
    }
    // Where times tie the initiator's packet is the question.
    out[begin..].sort_by_key(|s| (s.time_ns, s.way != role.initiator, s.record));
    let outcome = outcome::outcome(records, &[], role);
    Story {
        role,
        outcome,
        presumed: false,
        moved: 0,
        bytes_added,
    }
}

/// Appends the packets of one record; returns the octets added to its own.
fn spread(record: u32, o: &Observation, asks: bool, detail: Detail, out: &mut Vec<Segment>) -> u64 {
    let most = match detail {
        Detail::Exact => PACKETS_MAX,
        Detail::Compact { per_record_max } => per_record_max.max(1),
        Detail::Control => 1,
    };
    let least = least_len(o);
    let logged = o.bytes.unwrap_or(least.saturating_mul(o.packets));
    let n = o.packets.clamp(1, most).max(logged.div_ceil(PACKET_MAX));
    let bytes = logged.max(least * n);
    for i in 0..n {
        let len = bytes / n + u64::from(i < bytes % n);
        out.push(Segment {
            time_ns: instant(o, i, n, asks),
            record,
            original_len: u32::try_from(len).unwrap_or(u32::MAX),
            seq: 0,
            ack: 0,
            window: 0,
            tcp_len: 0,
            way: o.way,
            kind: Kind::Datagram,
            has_ack: false,
            has_payload: true,
            is_first: i == 0,
        });
    }
    bytes - logged
}

/// When the packet of that index goes: evenly spread from the first second of
/// the record to its last, questions a little before answers.
fn instant(o: &Observation, index: u64, n: u64, asks: bool) -> i64 {
    let (from, until) = (o.start_ns, o.until_ns());
    let margin = if until - from > SECOND_NS && n > 1 {
        SECOND_NS / 2
    } else {
        0
    };
    let length = i128::from(until - from - 2 * margin);
    let lean = if asks { 350 } else { 650 };
    let (place, whole) = match margin {
        0 => (index * 1000 + lean, n * 1000),
        _ => (index, n - 1),
    };
    let offset = length * i128::from(place) / i128::from(whole);
    from + margin + i64::try_from(offset).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::role;
    use crate::flow::Way;
    use crate::flow::observation::tests::observation;

    fn udp(way: Way, packets: u64, bytes: u64) -> Observation {
        let mut o = observation(way, packets, bytes, 10, 12, 0);
        o.key.protocol = UDP;
        (o.key.high.port, o.flags) = (53, None);
        o
    }

    fn rebuilt(records: &[Observation], detail: Detail) -> Vec<Segment> {
        let mut out = Vec::new();
        rebuild(records, role::role(records), detail, &mut out);
        out
    }

    #[test]
    fn questions_and_answers_alternate() {
        let out = rebuilt(
            &[udp(Way::Down, 3, 600), udp(Way::Up, 3, 200)],
            Detail::Exact,
        );
        let ways: Vec<Way> = out.iter().map(|s| s.way).collect();
        assert_eq!(
            ways,
            [Way::Up, Way::Down, Way::Up, Way::Down, Way::Up, Way::Down]
        );
    }

    #[test]
    fn octets_add_up_whatever_the_detail() {
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
    fn packets_lie_within_the_window() {
        let o = udp(Way::Up, 1000, 100_000);
        let inside = |s: &Segment| s.time_ns >= o.start_ns && s.time_ns < o.until_ns();
        assert!(rebuilt(&[o], Detail::Exact).iter().all(inside));
    }
}
