//! Tests of whole connections, from records to the order of their segments.

use proptest::prelude::*;

use super::*;
use crate::flow::UDP;
use crate::flow::observation::tests::viewed;

/// Rebuilds `records` (direction, packets, bytes, first and last second, flags) in exact detail.
/// Writes each segment as its sender, `i` or `r`, and its kind; `d` is data, `a` a pure ACK.
#[track_caller]
fn check(records: &[(Way, u64, u64, i64, i64, u8)], expected: &str) -> Vec<Segment> {
    let as_record = |(way, packets, bytes, start, end, flags): &(Way, u64, u64, i64, i64, u8)| {
        viewed(*way, *packets, *bytes, *start, *end, *flags)
    };
    let mut records: Vec<Viewed> = records.iter().map(as_record).collect();
    assert_eq!(split(&mut records).len(), 1, "one connection");
    let mut segments = Vec::new();
    let info = rebuild(&records, Detail::Exact, &mut segments);
    let word = |s: &Segment| {
        let side = if s.way == info.role.initiator {
            'i'
        } else {
            'r'
        };
        let kind = match s.kind {
            SegmentKind::Syn => 'S',
            SegmentKind::SynAck => 'A',
            SegmentKind::Fin => 'F',
            SegmentKind::Rst => 'R',
            SegmentKind::Plain if s.has_payload => 'd',
            SegmentKind::Plain | SegmentKind::Datagram => 'a',
        };
        format!("{side}{kind}")
    };
    let words: Vec<String> = segments.iter().map(word).collect();
    assert_eq!(words.join(" "), expected);
    segments
}

use Way::{Down, Up};

#[test]
fn request_follows_the_handshake_and_precedes_the_response() {
    check(
        &[
            (Down, 3, 60 + 52 + 900, 0, 0, 18),
            (Up, 3, 60 + 52 + 300, 0, 0, 2),
        ],
        "iS rA ia id rd rd",
    );
}

#[test]
fn responder_that_closes_first_acknowledges_last_whatever_its_data_could_fill() {
    check(
        &[
            (Up, 5, 60 + 4 * 52 + 39, 0, 0, 3),
            (Down, 5, 60 + 4 * 52 + 1068, 0, 0, 19),
        ],
        "iS rA ia id rd rd rF ia iF ra",
    );
}

#[test]
fn initiator_with_one_extra_packet_closes_first_and_acknowledges_last() {
    check(
        &[
            (Up, 6, 60 + 5 * 52 + 300, 0, 0, 3),
            (Down, 4, 60 + 3 * 52 + 900, 0, 0, 19),
        ],
        "iS rA ia id rd rd ia iF rF ia",
    );
}

#[test]
fn responder_with_the_extra_packet_closes_first() {
    check(
        &[
            (Up, 5, 60 + 4 * 52 + 900, 0, 0, 3),
            (Down, 5, 60 + 4 * 52 + 300, 0, 0, 19),
        ],
        "iS rA id id rd ra rF id iF ra",
    );
}

#[test]
fn syn_ack_comes_first_where_its_syn_is_not_in_the_archive() {
    check(
        &[
            (Up, 3, 3 * 52 + 300, 0, 0, 0),
            (Down, 3, 60 + 2 * 52 + 900, 0, 0, 18),
        ],
        "rA ia id rd rd ia",
    );
}

#[test]
fn first_ack_of_a_side_without_a_handshake_is_no_keep_alive() {
    let segments = check(
        &[(Up, 2, 80, 0, 9, 0), (Down, 2, 80, 0, 9, 1)],
        "ia ra rF ia",
    );
    assert_eq!(segments[1].seq, segments[2].seq);
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
fn side_whose_record_ends_later_was_idle_except_for_its_last_packet() {
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
fn payload_of_a_reset_connection_is_data_and_never_part_of_the_rst() {
    let segments = check(&[(Up, 5, 400, 0, 10, 6)], "iS id ia ia iR");
    let len: Vec<u32> = segments.iter().map(|s| s.original_len).collect();
    assert_eq!(len, [60, 196, 52, 52, 40]);
    check(&[(Up, 4, 600, 0, 10, 7)], "iS id iF iR");
    check(&[(Up, 3, 300, 0, 10, 5)], "id iF iR");
    check(&[(Up, 3, 300, 0, 10, 4)], "id ia iR");
}

#[test]
fn two_packets_with_syn_and_rst_share_bytes_that_no_third_packet_can_have() {
    let lens = |bytes| {
        let segments = check(&[(Up, 2, bytes, 0, 10, 6)], "iS iR");
        [0, 1].map(|i: usize| (segments[i].original_len, segments[i].has_payload))
    };
    // TCP options take what they can.
    assert_eq!(lens(112), [(72, false), (40, false)]);
    assert_eq!(lens(500), [(60, false), (440, true)]);
}

#[test]
fn unexplained_pure_ack_is_a_keep_alive() {
    let segments = check(&[(Up, 1, 52, 0, 0, 0), (Down, 1, 52, 0, 0, 0)], "ia ra");
    let more = check(
        &[(Up, 2, 104, 0, 60, 0), (Down, 2, 104, 0, 60, 0)],
        "ia ra ia ra",
    );
    assert_eq!(segments.len(), 2);
    // RFC 9293 section 3.8.4: a keep-alive repeats the byte before the next one, and is answered.
    assert_eq!(more[1].seq, more[0].ack);
    assert_eq!(more[2].seq.wrapping_add(1), more[1].ack);
    assert_eq!(more[3].seq, more[1].seq);
}

#[test]
fn initial_sequence_numbers_are_the_same_in_every_run() {
    let segments = check(&[(Up, 1, 60, 0, 0, 2), (Down, 1, 60, 0, 0, 18)], "iS rA");
    assert_eq!(segments[1].ack, segments[0].seq.wrapping_add(1));
    let again = check(&[(Up, 1, 60, 0, 0, 2), (Down, 1, 60, 0, 0, 18)], "iS rA");
    assert_eq!(segments, again);
}

#[test]
fn one_syn_of_any_size_is_one_packet() {
    // Larger than a jumbo frame, larger than an IP packet, and far larger.
    for bytes in [11_000, 65_535, 65_536, 1 << 30] {
        check(&[(Up, 1, bytes, 0, 0, 2)], "iS");
        check(&[(Up, 1, 60, 0, 0, 2), (Down, 1, bytes, 0, 0, 18)], "iS rA");
        check(&[(Up, 2, bytes, 0, 0, 6)], "iS iR");
        check(&[(Up, 1, bytes, 0, 0, 1)], "iF");
        check(&[(Up, 1, bytes, 0, 0, 4)], "iR");
    }
}

/// A record: direction, packets, bytes, first and last second, flags.
type Logged = (Way, u64, u64, i64, i64, u8);

/// Generates records with room for the headers of all their packets, plus payload of one of these
/// sizes: none, that of usual frames, that of the longest IP packets, that of packets which a
/// network card segments.
fn any_record(headers: u64) -> impl Strategy<Value = Logged> {
    let each_max = prop_oneof![
        Just(headers),
        Just(headers + 40),
        Just(1_500),
        Just(9_001),
        Just(65_535),
        Just(1 << 20),
    ];
    let way = prop_oneof![Just(Up), Just(Down)];
    let packets = prop_oneof![3 => 1..6_u64, 1 => 1..300_u64];
    (
        way,
        packets,
        each_max,
        0.0..=1.0,
        0..100_i64,
        0..70_i64,
        any::<u8>(),
    )
        .prop_map(
            move |(way, packets, each_max, share, start, length, flags)| {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a fraction of at most one mebibyte"
                )]
                let more = ((each_max - headers) as f64 * share * packets as f64) as u64;
                (
                    way,
                    packets,
                    headers * packets + more,
                    start,
                    start + length,
                    flags,
                )
            },
        )
}

/// Asserts that each record becomes exactly the packets and bytes that it counts, and that no SYN
/// or RST has payload that another packet can have.
fn assert_exact(records: &mut [Viewed]) -> Result<(), TestCaseError> {
    for connection in split(records) {
        let records = &records[connection];
        let mut segments = Vec::new();
        rebuild(records, Detail::Exact, &mut segments);
        for (index, o) in (0..).zip(records) {
            let own = || segments.iter().filter(|s| s.record == index);
            prop_assert_eq!(own().count() as u64, o.packets, "packets of {:?}", o);
            let bytes: u64 = own().map(|s| u64::from(s.original_len)).sum();
            prop_assert_eq!(Some(bytes), o.bytes, "bytes of {:?}", o);
            // One or two packets may leave no other packet for the payload.
            let opens_or_resets =
                |s: &&Segment| !matches!(s.kind, SegmentKind::Plain | SegmentKind::Fin);
            let is_tcp = o.key.protocol == TCP && o.packets > 2;
            let padded = own().filter(opens_or_resets).find(|s| s.has_payload);
            prop_assert_eq!(padded.filter(|_| is_tcp), None, "payload of {:?}", o);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_logged_packet_is_one_packet_in_exact_detail(
        logged in proptest::collection::vec(any_record(40), 1..7),
        protocol in prop_oneof![4 => Just(TCP), 1 => Just(UDP), 1 => Just(47)],
        has_flags in any::<bool>(),
    ) {
        let records = logged.iter().map(|&(way, packets, bytes, start, end, flags)| {
            let mut o = viewed(way, packets, bytes, start, end, flags);
            o.key.protocol = protocol;
            o.flags = o.flags.filter(|_| has_flags && protocol == TCP);
            o
        });
        assert_exact(&mut records.collect::<Vec<_>>())?;
    }

    #[test]
    fn every_logged_packet_is_one_packet_in_exact_detail_over_ipv6(
        logged in proptest::collection::vec(any_record(60), 1..7),
        protocol in prop_oneof![4 => Just(TCP), 1 => Just(UDP), 1 => Just(47)],
    ) {
        let records = logged.iter().map(|&(way, packets, bytes, start, end, flags)| {
            let mut o = viewed(way, packets, bytes, start, end, flags);
            o.key.protocol = protocol;
            o.key.low.address = "2001:db8::1".parse().unwrap();
            o.key.high.address = "2001:db8::2".parse().unwrap();
            o.flags = o.flags.filter(|_| protocol == TCP);
            o
        });
        assert_exact(&mut records.collect::<Vec<_>>())?;
    }
}

proptest! {
    // One of these may become tens of thousands of segments.
    #![proptest_config(ProptestConfig::with_cases(32))]

    // Overflow panics in the test profile.
    #[test]
    fn extreme_numbers_do_not_overflow(
        logged in proptest::collection::vec(any_extreme(), 1..6),
        protocol in prop_oneof![4 => Just(TCP), 1 => Just(UDP)],
        has_flags in any::<bool>(),
        detail in prop_oneof![
            Just(Detail::Control),
            Just(Detail::Compact { per_record_max: 4 }),
            Just(Detail::Compact { per_record_max: 64 }),
        ],
    ) {
        let records = logged.iter().map(|&((way, packets, bytes, start, end, flags), has_bytes)| {
            let mut o = viewed(way, packets, bytes, start, end, flags);
            o.key.protocol = protocol;
            o.flags = o.flags.filter(|_| has_flags);
            o.bytes = o.bytes.filter(|_| has_bytes);
            o
        });
        let mut records: Vec<Viewed> = records.collect();
        for connection in split(&mut records) {
            let mut segments = Vec::new();
            judge(&records[connection.clone()]);
            rebuild(&records[connection], detail, &mut segments);
            prop_assert!(!segments.is_empty());
        }
    }
}

/// Generates a record with numbers at or near their limits, and whether it has bytes.
fn any_extreme() -> impl Strategy<Value = (Logged, bool)> {
    let counter = || {
        prop_oneof![
            Just(0_u64),
            Just(1),
            Just(u64::from(u32::MAX)),
            Just(u64::MAX / 60),
            Just(u64::MAX / 40),
            Just(u64::MAX / 2 + 1),
            Just(u64::MAX),
            any::<u64>(),
        ]
    };
    // The first and the last second in use.
    let second = || prop_oneof![Just(0_i64), Just(1_773_454_500), Just(9_223_285_635)];
    let way = prop_oneof![Just(Up), Just(Down)];
    let times = (second(), second()).prop_map(|(a, b)| (a.min(b), a.max(b)));
    let counters = (counter(), counter());
    (way, counters, times, any::<u8>(), any::<bool>()).prop_map(
        |(way, (packets, bytes), (start, end), flags, has_bytes)| {
            ((way, packets, bytes, start, end, flags), has_bytes)
        },
    )
}

#[test]
fn sides_answer_in_the_time_of_a_data_center_and_a_responder_thinks() {
    let segments = check(
        &[
            (Up, 6, 60 + 5 * 52 + 300, 0, 0, 3),
            (Down, 4, 60 + 3 * 52 + 900, 0, 0, 19),
        ],
        "iS rA ia id rd rd ia iF rF ia",
    );
    for pair in segments.windows(2).filter(|p| p[0].way != p[1].way) {
        let turn_ns = pair[1].time_ns - pair[0].time_ns;
        assert!(turn_ns >= 50_000, "{turn_ns} ns before {:?}", pair[1]);
    }
    let thought_ns = segments[4].time_ns - segments[3].time_ns;
    assert!(thought_ns >= 500_000, "{thought_ns}");
}

#[test]
fn many_segments_of_one_second_stay_within_it() {
    let records = [
        viewed(Up, 20_000, 20_000 * 52 + 3_000_000, 0, 0, 0),
        viewed(Down, 20_000, 20_000 * 52 + 3_000_000, 0, 0, 0),
    ];
    let mut segments = Vec::new();
    let info = rebuild(&records, Detail::Exact, &mut segments);
    assert_eq!((segments.len(), info.moved), (40_000, 0));
    assert!(segments.iter().all(|s| s.time_ns < crate::time::SECOND_NS));
}

#[test]
fn acks_end_where_segments_end_if_there_are_as_many_segments() {
    let segments = check(
        &[
            (Up, 3, 60 + 2 * 52 + 300, 0, 0, 2),
            (Down, 5, 60 + 4 * 52 + 4_000, 0, 0, 18),
            (Up, 3, 3 * 52, 5, 5, 0),
        ],
        "iS rA ia id rd rd rd rd ia ia ia",
    );
    let len = |s: &Segment| match s.kind {
        SegmentKind::Syn | SegmentKind::SynAck | SegmentKind::Fin => 1,
        _ => s.original_len - 20 - u32::from(s.tcp_len),
    };
    let mut ends: Vec<(Way, u32)> = Vec::new();
    for segment in &segments {
        let is_end = ends.contains(&(segment.way.reverse(), segment.ack));
        assert!(!segment.has_ack || is_end, "{segment:?}");
        ends.push((segment.way, segment.seq.wrapping_add(len(segment))));
    }
}
