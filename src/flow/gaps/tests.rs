//! Tests of each kind of gap.

use super::*;
use crate::flow::observation::tests::{viewed, with};
use crate::time::SECOND_NS;

/// Builds records of one direction: first and last second, and packets.
fn records(of: &[(i64, i64, u64)]) -> Vec<Viewed> {
    let record = |(start, end, packets): &(i64, i64, u64)| {
        viewed(Way::Up, *packets, packets * 100, *start, *end, 0)
    };
    of.iter().map(record).collect()
}

/// 20 packets per minute from second 100 on, in intervals that begin at 143, 203 and 263.
const OUT_OF_STEP: [(i64, i64, u64); 4] = [
    (100, 142, 14),
    (143, 202, 20),
    (203, 262, 20),
    (263, 279, 6),
];

/// Returns how much of `other` is used in addition to `vantage`: the packets of each record.
fn filled(vantage: &[(i64, i64, u64)], other: &[(i64, i64, u64)]) -> Vec<u64> {
    let mut all = Filled::with(&records(vantage));
    let other = records(other);
    let used = all.fill(&other, Some(0));
    let packets = other.iter().zip(used).map(|(o, used)| match used {
        Used::Nothing => 0,
        Used::Whole => o.packets,
        Used::Part(part) => part.packets,
    });
    packets.collect()
}

#[test]
fn record_in_a_gap_is_used_whole_and_an_overlapping_record_is_not() {
    let vantage = [(100, 155, 10), (220, 275, 12)];
    let other = [
        (100, 155, 10),
        (160, 215, 11),
        (220, 275, 12),
        (280, 281, 3),
    ];
    assert_eq!(filled(&vantage, &other), [0, 11, 0, 3]);
}

#[test]
fn intervals_with_different_start_seconds_fill_nothing() {
    let vantage = [(100, 159, 20), (160, 219, 20), (220, 279, 20)];
    assert_eq!(filled(&vantage, &OUT_OF_STEP), [0; 4]);
    assert_eq!(filled(&OUT_OF_STEP, &vantage), [0; 3]);
}

#[test]
fn part_across_the_edge_of_a_gap_follows_from_counts() {
    // 20 packets are lost between 160 and 219: 40 + 34 are counted, and 20 + 20 are present.
    let used = filled(&[(100, 159, 20), (220, 279, 20)], &OUT_OF_STEP);
    assert_eq!((used[0], used[1] + used[2], used[3]), (0, 20, 0));
    // A long interval covers three short ones and the lost one.
    let used = filled(
        &[(0, 50, 7), (60, 110, 30), (190, 240, 9)],
        &[(0, 240, 101)],
    );
    assert_eq!(used, [101 - 46]);
}

#[test]
fn pause_in_sparse_traffic_is_not_a_gap() {
    let sparse = [(0, 0, 1), (70, 70, 1), (155, 155, 2)];
    assert_eq!(filled(&sparse, &[(0, 155, 4)]), [0]);
    assert_eq!(filled(&[(0, 155, 4)], &sparse), [0; 3]);
}

#[test]
fn last_packet_by_another_clock_is_judged_by_counts() {
    let vantage = [(100, 160, 20)];
    assert_eq!(filled(&vantage, &[(100, 158, 19), (161, 161, 1)]), [0, 0]);
    assert_eq!(filled(&vantage, &[(100, 158, 20), (161, 161, 1)]), [0, 1]);
    assert_eq!(
        filled(&[(100, 158, 19), (160, 160, 1)], &[(161, 162, 1)]),
        [0]
    );
}

#[test]
fn fraction_of_a_second_between_clocks_is_not_a_gap() {
    // The other clock is 2.5 s ahead, of which 3 s are subtracted.
    let vantage = [(521, 568, 11), (573, 573, 3)];
    assert_eq!(filled(&vantage, &[(522, 522, 10), (569, 574, 4)]), [0, 0]);
}

#[test]
fn packets_at_the_edges_of_records_are_counted_on_both_sides() {
    // One packet every 30 s, two per record, and each interval of one view begins with the last
    // packet of an interval of the other: with a clock that is off by a fraction of a second, the
    // records do not even touch.
    let vantage = [
        (993, 1015, 10),
        (1045, 1075, 2),
        (1105, 1127, 3),
        (1157, 1157, 1),
    ];
    let other = [
        (993, 993, 4),
        (998, 1044, 7),
        (1074, 1104, 2),
        (1126, 1156, 3),
    ];
    assert_eq!(filled(&vantage, &other), [0; 4]);
    let vantage = [(392, 435, 5), (452, 484, 5)];
    let other = [(392, 392, 4), (435, 452, 3), (484, 484, 3)];
    assert_eq!(filled(&vantage, &other), [0; 3]);
}

#[test]
fn equal_counts_are_the_same_packets_if_records_are_dated_by_intervals() {
    // The intervals of the two views begin 16, then 40 seconds apart.
    assert_eq!(filled(&[(312, 371, 5)], &[(296, 355, 5)]), [0]);
    assert_eq!(filled(&[(0, 59, 7), (60, 119, 9)], &[(40, 99, 7)]), [0]);
    assert_eq!(filled(&[(0, 59, 7)], &[(40, 99, 7), (100, 159, 3)]), [0, 3]);
}

#[test]
fn record_of_the_same_clock_is_in_a_gap_if_it_overlaps_none() {
    let mut all = Filled::with(&records(&[(414, 426, 3)]));
    assert_eq!(all.fill(&records(&[(411, 412, 2)]), None), [Used::Whole]);
}

#[test]
fn record_that_two_others_touch_is_counted_once() {
    let vantage = [(0, 99, 50), (100, 199, 50)];
    assert_eq!(filled(&vantage, &[(0, 100, 51), (101, 199, 49)]), [0, 0]);
    assert_eq!(
        filled(&vantage, &[(0, 60, 30), (61, 100, 21), (101, 199, 49)]),
        [0; 3]
    );
}

#[test]
fn gaps_of_both_views_are_filled_by_time_and_counts() {
    let vantage = [(0, 59, 60), (120, 179, 60), (180, 239, 60)];
    // Begins at the vantage's second 30, and has lost 150 to 209.
    let other = [(30, 89, 60), (90, 149, 60), (210, 239, 30)];
    assert_eq!(filled(&vantage, &other), [30, 30, 0]);
}

#[test]
fn no_packet_precedes_the_syn_that_both_views_have() {
    // One view is dated by its packets, the other by intervals, one of which had no packets.
    let with_syn = |of: &[(i64, i64, u64)]| {
        let mut records = records(of);
        records[0].flags = Some(ObservedFlags(18));
        records
    };
    let vantage = with_syn(&[(71, 222, 5), (372, 372, 1)]);
    let other = with_syn(&[(65, 124, 4), (185, 244, 1), (365, 424, 1)]);
    let used = Filled::with(&vantage).fill(&other, Some(0));
    assert_eq!(used, [Used::Nothing; 3]);
}

#[test]
fn part_keeps_the_flags_and_bytes_of_its_time() {
    let mut o = viewed(Way::Up, 20, 3_000, 100, 160, 2 | 1);
    let part = GapPart {
        packets: 5,
        from_ns: 140 * SECOND_NS,
        until_ns: 161 * SECOND_NS,
    };
    part.cut(&mut o, 2 * SECOND_NS);
    assert_eq!((o.packets, o.left_out, o.bytes), (5, 15, Some(750)));
    assert_eq!((o.start_ns, o.end_ns), (142 * SECOND_NS, 160 * SECOND_NS));
    assert_eq!(o.observed().0, 1);
}

#[test]
fn counters_and_times_of_any_size_do_not_overflow() {
    let at = |start_ns, end_ns, packets| {
        with(viewed(Way::Up, packets, u64::MAX, 0, 0, 255), |o| {
            o.start_ns = start_ns;
            o.end_ns = end_ns;
        })
    };
    let (low, high) = (i64::MIN, i64::MAX);
    let odd = [
        at(low, high, u64::MAX),
        at(low, low, u64::MAX),
        at(0, 7, 0),
        at(high, high, 1),
    ];
    for ahead_ns in [-5 * SECOND_NS, 0, 5 * SECOND_NS] {
        let mut all = Filled::with(&odd[3..]);
        for records in [&odd[..], &odd[1..], &odd[..1], &odd[2..]] {
            let mut records = records.to_vec();
            records.sort_by_key(|o| o.start_ns);
            for (o, used) in records
                .clone()
                .iter_mut()
                .zip(all.fill(&records, Some(ahead_ns)))
            {
                if let Used::Part(part) = used {
                    part.cut(o, ahead_ns);
                    assert!(o.packets > 0 && o.start_ns <= o.end_ns);
                }
            }
        }
    }
}
