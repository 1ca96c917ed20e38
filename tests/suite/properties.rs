//! Any records of one conversation become segments that TCP allows and whose
//! sums are those of the records.
//!
//! Records are drawn as AWS logs a connection ([`logged`]), as each alone may be
//! ([`plausible`]), and as none ever is ([`implausible`]): counters of any size,
//! times up to the end of what 64 bits of nanoseconds hold, flags in any company.

use std::ops::Range;
use std::sync::Arc;

use flow2pcap::connection::{Detail, Segment, SegmentKind, rebuild, split};
use flow2pcap::flow::{
    Addresses, EniIndex, Observation, Place, RejectReason, TCP, Verdict, Viewed, observe,
};
use flow2pcap::record::{Layout, ObservedFlags, Row, Rows};
use proptest::prelude::*;

const SECOND_NS: i64 = 1_000_000_000;

/// Bytes of the least IPv4 and TCP headers.
const HEADERS_LEN: u64 = 40;

/// Bytes of a SYN with all the options that anyone sends.
const SYN_LEN: u64 = 60;

/// Seconds of an aggregation interval.
const INTERVAL_S: i64 = 60;

/// What AWS reports of an initiator, SYN 2, FIN 1, RST 4 and their sums, and of a responder,
/// whose SYN comes with an ACK; 0 for data and ACKs alone.
const FLAGS: [[u8; 8]; 2] = [[0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 4, 5, 18, 19, 22, 23]];

/// What a generated record tells.
#[derive(Clone, Debug)]
struct Told {
    up: bool,
    packets: u64,
    bytes: Option<u64>,
    flags: Option<u8>,
    start_s: i64,
    duration_s: i64,
    rejected: bool,
}

fn observations(told: &[Told], protocol: u8) -> Vec<Viewed> {
    let [up, down] = ["10.0.0.1 10.0.0.2 40000 443", "10.0.0.2 10.0.0.1 443 40000"]
        .map(|ends| observation(ends, protocol));
    let observation = |(line, t): (u64, &Told)| Observation {
        verdict: if t.rejected {
            Verdict::Reject(RejectReason::Unsaid)
        } else {
            Verdict::Accept
        },
        flags: t.flags.map(ObservedFlags),
        packets: t.packets,
        bytes: t.bytes,
        start_ns: t.start_s.saturating_mul(SECOND_NS),
        end_ns: t
            .start_s
            .saturating_add(t.duration_s)
            .saturating_mul(SECOND_NS),
        place: Place { file: 0, line },
        ..if t.up { up } else { down }
    };
    let observations = (1..).zip(told).map(observation);
    observations.map(Viewed::from).collect()
}

/// An observation between these ends, the rest of which is to be replaced.
fn observation(ends: &str, protocol: u8) -> Observation {
    let layout = Layout::from_format("srcaddr dstaddr srcport dstport protocol start").unwrap();
    let line = format!("{ends} {protocol} 1700000000\n");
    let Some((_, Row::Record(record))) = Rows::new(line.as_bytes(), Arc::new(layout)).next() else {
        panic!("no record: {line}")
    };
    let seen = observe(&record, Addresses::Packet, EniIndex(0), Place::default());
    seen.unwrap().0
}

/// Packets, bytes of each and seconds of a side's intervals, and whether it closes.
type Side = (Vec<(u64, u64, i64)>, bool);

/// One connection as AWS logs it: each side's SYN in its first interval, its FIN in its last.
fn logged() -> impl Strategy<Value = Vec<Told>> {
    let intervals = prop::collection::vec((2_u64..200, 0_u64..1440, 0_i64..60), 1..4);
    let side = || (intervals.clone(), any::<bool>());
    (side(), side(), any::<bool>(), prop::bool::weighted(0.8)).prop_map(
        |(up, down, opened, has_flags)| {
            let mut told = tell_side(true, up, if opened { 2 } else { 0 }, has_flags);
            told.extend(tell_side(
                false,
                down,
                if opened { 18 } else { 0 },
                has_flags,
            ));
            told
        },
    )
}

/// The records of one side, of which the first has the flags of `syn`.
fn tell_side(up: bool, (intervals, closes): Side, syn: u8, has_flags: bool) -> Vec<Told> {
    let last = intervals.len() - 1;
    let told = |(index, (packets, each, duration_s)): (usize, (u64, u64, i64))| {
        let fin = u8::from(closes && index == last);
        let flags = if index == 0 { syn | fin } else { fin };
        Told {
            up,
            packets,
            bytes: Some(packets * (SYN_LEN + each)),
            flags: has_flags.then_some(flags),
            start_s: 1_700_000_000 + i64::try_from(index).unwrap() * INTERVAL_S,
            duration_s,
            rejected: false,
        }
    };
    intervals.into_iter().enumerate().map(told).collect()
}

/// Records with flags, counters and times as each alone may be.
fn plausible() -> impl Strategy<Value = Vec<Told>> {
    let record = (
        any::<bool>(),
        1_u64..200,
        0_u64..1440,
        0_usize..8,
        0_i64..300,
        0_i64..60,
        prop::bool::weighted(0.1),
    );
    let told = |(up, packets, each, flags, start_s, duration_s, rejected)| Told {
        up,
        packets,
        // With room for headers, whatever the packets were.
        bytes: Some(packets * SYN_LEN + packets * each),
        flags: Some(FLAGS[usize::from(!up)][flags]),
        start_s: 1_700_000_000 + start_s,
        duration_s,
        rejected,
    };
    let records = prop::collection::vec(record.prop_map(told), 1..8);
    (records, prop::bool::weighted(0.8)).prop_map(|(mut records, has_flags)| {
        for t in records.iter_mut().filter(|_| !has_flags) {
            t.flags = None; // a format without the column
        }
        records
    })
}

/// Records with whatever fits the types.
fn implausible() -> impl Strategy<Value = Vec<Told>> {
    let counter = || {
        prop_oneof![
            0_u64..100,
            any::<u64>(),
            Just(u64::MAX),
            Just(u64::from(u32::MAX))
        ]
    };
    let time = prop_oneof![
        0_i64..100,
        0..i64::MAX / SECOND_NS / 2,
        Just(i64::MAX / SECOND_NS),
    ];
    let record = (
        any::<bool>(),
        counter(),
        prop::option::of(counter()),
        prop::option::of(any::<u8>()),
        time,
        0_i64..1_000_000,
        any::<bool>(),
    );
    let told = |(up, packets, bytes, flags, start_s, duration_s, rejected)| Told {
        up,
        packets,
        bytes,
        flags,
        start_s,
        duration_s,
        rejected,
    };
    prop::collection::vec(record.prop_map(told), 1..6)
}

fn detail() -> impl Strategy<Value = Detail> {
    prop_oneof![
        Just(Detail::Exact),
        (4_u64..80).prop_map(|per_record_max| Detail::Compact { per_record_max }),
        Just(Detail::Control),
    ]
}

/// Each connection's records and segments.
fn rebuilt(mut records: Vec<Viewed>, detail: Detail) -> Vec<(Vec<Viewed>, Vec<Segment>)> {
    let ranges = split(&mut records);
    let covered: usize = ranges.iter().map(ExactSizeIterator::len).sum();
    assert_eq!(covered, records.len(), "no record is lost in splitting");
    let rebuild = |range: Range<usize>| {
        let records = records[range].to_vec();
        let mut segments = Vec::new();
        rebuild(&records, detail, &mut segments);
        (records, segments)
    };
    ranges.into_iter().map(rebuild).collect()
}

/// Bytes that a segment carries behind its headers.
fn payload_len(segment: &Segment) -> u32 {
    segment.original_len - 20 - u32::from(segment.tcp_len)
}

/// Asserts what TCP demands of a connection's segments, in the order given.
fn check_order(segments: &[Segment]) {
    assert!(
        segments.is_sorted_by_key(|s| s.time_ns),
        "times do not decrease"
    );
    // Each way: next sequence number, once it has sent anything.
    let mut next: [Option<u32>; 2] = [None; 2];
    let mut syn: [Option<u32>; 2] = [None; 2];
    let mut closed = [false; 2];
    for s in segments {
        let (own, peer) = (s.way.index(), s.way.reverse().index());
        let repeated =
            matches!(s.kind, SegmentKind::Syn | SegmentKind::SynAck) && syn[own] == Some(s.seq);
        // RFC 9293 section 3.8.4: a keep-alive stands one byte before the next.
        let keeps_alive = next[own] == Some(s.seq.wrapping_add(1)) && payload_len(s) <= 1;
        if let Some(next) = next[own]
            && !repeated
            && !keeps_alive
            && s.kind != SegmentKind::Rst
        {
            assert_eq!(s.seq, next, "no gap and no overlap: {s:?}");
        }
        if let Some(sent) = next[peer].filter(|_| s.has_ack) {
            let ahead = s.ack.wrapping_sub(sent);
            assert!(
                ahead == 0 || ahead > 1 << 31,
                "acknowledges the unsent: {s:?}"
            );
        }
        if s.kind == SegmentKind::SynAck {
            assert!(s.has_ack, "{s:?}");
        }
        let carries_data = s.kind == SegmentKind::Plain && payload_len(s) > 1;
        assert!(
            !(closed[own] && carries_data),
            "data behind its side's FIN: {s:?}"
        );
        closed[own] |= s.kind == SegmentKind::Fin;
        if matches!(s.kind, SegmentKind::Syn | SegmentKind::SynAck) {
            syn[own] = Some(s.seq);
        }
        let phantom = u32::from(matches!(
            s.kind,
            SegmentKind::Syn | SegmentKind::SynAck | SegmentKind::Fin
        ));
        if !repeated && !keeps_alive && s.kind != SegmentKind::Rst {
            let len = payload_len(s).wrapping_add(phantom);
            next[own] = Some(s.seq.wrapping_add(len));
        }
    }
}

/// Asserts SYN, then SYN-ACK, then the initiator's next.
fn check_handshake(segments: &[Segment]) {
    let first = |kind| segments.iter().position(|s| s.kind == kind);
    let Some(syn_ack) = first(SegmentKind::SynAck) else {
        return;
    };
    let way = segments[syn_ack].way;
    let Some(syn) = segments
        .iter()
        .position(|s| s.kind == SegmentKind::Syn && s.way != way)
    else {
        return;
    };
    assert!(syn < syn_ack, "SYN before SYN-ACK");
    let early = segments[..syn_ack]
        .iter()
        .find(|s| s.kind != SegmentKind::Syn && s.way != way);
    assert!(early.is_none(), "before the SYN-ACK: {early:?}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, // a find becomes a test with a name
        ..ProptestConfig::with_cases(512)
    })]

    #[test]
    fn bytes_and_packets_are_those_of_each_record(told in logged(), detail in detail()) {
        for (records, segments) in rebuilt(observations(&told, TCP), detail) {
            for (index, o) in records.iter().enumerate() {
                let own = segments.iter().filter(|s| s.record as usize == index);
                let bytes: u64 = own.clone().map(|s| u64::from(s.original_len)).sum();
                prop_assert_eq!(Some(bytes), o.bytes);
                let count = own.clone().count() as u64;
                if detail == Detail::Exact {
                    prop_assert_eq!(count, o.packets);
                }
                prop_assert!(count <= o.packets);
                prop_assert_eq!(own.filter(|s| s.is_first).count(), 1);
            }
        }
    }

    #[test]
    fn compact_keeps_its_cap(told in logged(), per_record_max in 4_u64..80) {
        let detail = Detail::Compact { per_record_max };
        for (records, segments) in rebuilt(observations(&told, TCP), detail) {
            for index in 0..records.len() {
                let own = segments.iter().filter(|s| s.record as usize == index);
                prop_assert!(own.count() as u64 <= per_record_max);
            }
        }
    }

    #[test]
    fn counters_that_barely_cover_headers_are_kept(told in plausible()) {
        let mut told = told;
        for t in &mut told {
            t.bytes = Some(t.packets * HEADERS_LEN);
        }
        for (records, segments) in rebuilt(observations(&told, TCP), Detail::Exact) {
            let bytes: u64 = segments.iter().map(|s| u64::from(s.original_len)).sum();
            let logged: u64 = records.iter().filter_map(|o| o.bytes).sum();
            prop_assert_eq!(bytes, logged);
        }
    }

    #[test]
    fn segments_stand_in_an_order_that_tcp_allows(told in logged(), detail in detail()) {
        for (_, segments) in rebuilt(observations(&told, TCP), detail) {
            check_order(&segments);
            check_handshake(&segments);
        }
    }

    #[test]
    fn datagrams_keep_sums_and_order(told in plausible(), protocol in any::<u8>()) {
        prop_assume!(protocol != TCP);
        for (records, segments) in rebuilt(observations(&told, protocol), Detail::Exact) {
            prop_assert!(segments.is_sorted_by_key(|s| s.time_ns));
            let bytes: u64 = segments.iter().map(|s| u64::from(s.original_len)).sum();
            prop_assert_eq!(bytes, records.iter().filter_map(|o| o.bytes).sum::<u64>());
            let packets: u64 = records.iter().map(|o| o.packets).sum();
            prop_assert_eq!(segments.len() as u64, packets);
        }
    }

    #[test]
    fn any_counters_and_times_are_survived(
        told in implausible(),
        per_record_max in 4_u64..80,
    ) {
        let detail = Detail::Compact { per_record_max };
        for (_, segments) in rebuilt(observations(&told, TCP), detail) {
            prop_assert!(segments.is_sorted_by_key(|s| s.time_ns));
        }
    }
}
