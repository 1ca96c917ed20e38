//! How many packets records become, without making them: to know how large a capture will be.
//!
//! The counts are those of the plan. Where only one side of a connection was logged, merging may leave
//! fewer packets.

use crate::connection::plan::{CONTROL_MAX, Detail, LARGE_SEGMENTS_MAX, PAYLOAD_MAX, kept};
use crate::connection::{datagrams, parts, role};
use crate::flow::{Observation, TCP, Viewed};
use crate::record::ObservedFlags;

/// The most bytes a packet has, on average, if a record's packets are all SYNs or RSTs.
const BARE_MAX: u64 = 64;

/// Returns the number of packets that a connection becomes.
pub(crate) fn packets_of(records: &[Viewed], detail: Detail) -> u64 {
    let is_tcp = records.first().is_some_and(|o| o.key.protocol == TCP);
    if !is_tcp || detail != Detail::Control {
        let each = records.iter().map(|o| packets_about(o, detail));
        return each.fold(0, u64::saturating_add);
    }
    let reading = parts::read(records, role::role(records));
    let each = records.iter().zip(&reading.parts).map(|(o, parts)| {
        let kept = kept(parts, detail);
        (kept.syns + kept.others + kept.rsts).max(large_segments(o))
    });
    each.fold(0, u64::saturating_add)
}

/// Returns about how many packets a record becomes. With [`Detail::Control`], what a record becomes depends
/// on its connection, and this is a guess from its flags.
pub(crate) fn packets_about(o: &Observation, detail: Detail) -> u64 {
    if o.key.protocol != TCP {
        return datagrams::count(o.packets, o.bytes, detail);
    }
    let packets = match detail {
        Detail::Exact | Detail::Compact { .. } => detail.packets_max(o.packets),
        Detail::Control => control_about(o),
    };
    packets.max(large_segments(o))
}

fn control_about(o: &Observation) -> u64 {
    let Some(seen) = o.flags else {
        return o.packets.min(2);
    };
    let has = |flag| seen.contains(flag);
    let opens_or_aborts = has(ObservedFlags::SYN) || has(ObservedFlags::RST);
    let is_bare = o
        .bytes
        .is_none_or(|bytes| bytes / o.packets.max(1) <= BARE_MAX);
    // Repeated SYNs and RSTs all stay.
    if opens_or_aborts && !has(ObservedFlags::FIN) && is_bare {
        return o.packets.min(CONTROL_MAX);
    }
    // SYN and FIN come with an ACK each.
    let packets_of = |flag, packets| if has(flag) { packets } else { 0 };
    let named = packets_of(ObservedFlags::SYN, 2)
        + packets_of(ObservedFlags::FIN, 2)
        + packets_of(ObservedFlags::RST, 1);
    o.packets.min(1 + named)
}

/// Returns how many segments the bytes of a record need at least.
fn large_segments(o: &Observation) -> u64 {
    let bytes = o.bytes.unwrap_or_default();
    bytes.div_ceil(PAYLOAD_MAX).min(LARGE_SEGMENTS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::rebuild;
    use crate::flow::Way;
    use crate::flow::observation::tests::viewed;

    const DETAILS: [Detail; 3] = [
        Detail::Exact,
        Detail::Compact { per_record_max: 8 },
        Detail::Control,
    ];

    #[track_caller]
    fn check(records: &[Viewed], expected: [u64; 3]) {
        let counted = DETAILS.map(|detail| packets_of(records, detail));
        let made = DETAILS.map(|detail| {
            let mut segments = Vec::new();
            rebuild(records, detail, &mut segments);
            segments.len() as u64
        });
        assert_eq!((counted, made), (expected, expected));
    }

    #[test]
    fn count_is_the_number_of_packets_that_a_connection_becomes() {
        let up = |packets, bytes, flags| viewed(Way::Up, packets, bytes, 0, 60, flags);
        // Unanswered SYNs, and RSTs.
        check(&[up(60, 3_600, 0x02)], [60, 8, 60]);
        check(&[up(1_000, 40_000, 0x04)], [1_000, 8, 64]);
        let down = viewed(Way::Down, 50, 60_000, 0, 60, 0x13);
        check(&[up(100, 10_000, 0x03), down], [150, 16, 10]);
        let mut datagrams = up(100, 10_000, 0);
        datagrams.key.protocol = 17;
        datagrams.flags = None;
        check(&[datagrams], [100, 8, 1]);
    }

    #[test]
    fn record_alone_gives_about_the_same_count() {
        for (packets, bytes, flags, expected) in [
            (60, 3_600, 0x02, 60),
            (1_000, 40_000, 0x04, 64),
            (100, 10_000, 0x03, 5),
            (100, 10_000, 0x10, 1),
            (1_000, 300 << 30, 0x10, 300),
        ] {
            let record = viewed(Way::Up, packets, bytes, 0, 60, flags);
            assert_eq!(packets_about(&record, Detail::Control), expected);
        }
    }
}
