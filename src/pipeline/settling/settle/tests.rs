//! Small conversations: how each record is counted, and where episodes end.

use proptest::prelude::*;

use super::*;
use crate::filter::Span;
use crate::flow::Way;
use crate::flow::observation::tests::{candidate, there, viewed, with};
use crate::time::SECOND_NS;

const MEMORY: u64 = 1 << 30;

/// Returns a selection of all times that keeps whole connections, or only matching records.
fn matching(only_matching: bool) -> Option<Selection> {
    between(i64::MIN, i64::MAX, only_matching)
}

fn between(from_ns: i64, to_ns: i64, only_matching: bool) -> Option<Selection> {
    Some(Selection {
        span: Span { from_ns, to_ns },
        only_matching,
    })
}

fn settling(vantage: Vantage, selection: Option<Selection>) -> Settling {
    Settling::new(vantage, selection, Detail::Exact, MEMORY)
}

/// Returns a SYN or its reply, of a connection that begins at this time and is closed at once.
fn syn(start_s: i64) -> Candidate {
    candidate(Way::Up, 5, 300, start_s, start_s + 1, 3)
}

fn answer(start_s: i64) -> Candidate {
    candidate(Way::Down, 4, 240, start_s, start_s + 1, 19)
}

/// Returns the same record in another file.
fn again(o: Candidate) -> Candidate {
    with(o, |o| o.place.file += 1)
}

/// Returns the same record, not matching the filter.
fn unmatched(mut o: Candidate) -> Candidate {
    o.matched = false;
    o
}

/// Settles a conversation; returns the numbers of records that are used, duplicates, in another
/// vantage or filtered, and of connections kept.
fn settled(settling: &Settling, records: &[Candidate]) -> ([u64; 4], usize) {
    let mut counts = SettleCounts::default();
    let (mut kept, mut kept_records) = (0, 0);
    let keep = |view: &[Viewed], connections: &[Range<usize>]| {
        kept += connections.len();
        let records = connections.iter().map(|range| view[range.clone()].len());
        kept_records += records.sum::<usize>() as u64;
        Ok(())
    };
    settling
        .settle(&mut records.to_vec(), &mut counts, keep)
        .unwrap();
    assert_eq!(counts.records, kept_records, "used is what is handed over");
    let counts = [
        counts.records,
        counts.duplicates,
        counts.other_vantage,
        counts.filtered,
    ];
    (counts, kept)
}

/// Name, settings, records, their expected counts, and the number of connections kept.
type Case = (&'static str, Settling, Vec<Candidate>, [u64; 4], usize);

fn check(table: Vec<Case>) {
    for (what, settling, records, counts, connections) in table {
        assert_eq!(
            settled(&settling, &records),
            (counts, connections),
            "{what}"
        );
        assert_eq!(counts.iter().sum::<u64>(), records.len() as u64, "{what}");
    }
}

#[test]
fn every_record_of_a_conversation_is_counted_once() {
    let auto = settling(Vantage::Auto, None);
    let all = settling(Vantage::All, None);
    let (a, b, later) = (syn(10), answer(10), syn(1_000));
    check(vec![
        ("one way", auto, vec![a], [1, 0, 0, 0], 1),
        ("both ways", auto, vec![a, b], [2, 0, 0, 0], 1),
        ("two connections", auto, vec![a, b, later], [3, 0, 0, 0], 2),
        (
            "delivered three times",
            auto,
            vec![a, again(a), again(again(a)), b],
            [2, 2, 0, 0],
            1,
        ),
        (
            "seen at both ends",
            auto,
            vec![a, b, there(a), there(b)],
            [2, 0, 2, 0],
            1,
        ),
        (
            "all views",
            all,
            vec![a, b, there(a), there(b)],
            [4, 0, 0, 0],
            2,
        ),
        (
            "both ends, one twice",
            auto,
            vec![a, again(a), there(a), b],
            [2, 1, 1, 0],
            1,
        ),
        (
            "all views, one twice",
            all,
            vec![a, again(there(a)), there(a)],
            [2, 1, 0, 0],
            2,
        ),
        ("no record", auto, vec![], [0; 4], 0),
    ]);
}

#[test]
fn every_record_is_counted_once_if_some_match() {
    let whole = settling(Vantage::Auto, matching(false));
    let single = settling(Vantage::Auto, matching(true));
    let (a, b) = (syn(10), answer(10));
    let (later, later_answer) = (syn(1_000), answer(1_000));
    check(vec![
        ("matching", whole, vec![a, b], [2, 0, 0, 0], 1),
        (
            "half matching",
            whole,
            vec![a, unmatched(b)],
            [2, 0, 0, 0],
            1,
        ),
        (
            "half matching, that alone",
            single,
            vec![a, unmatched(b)],
            [1, 0, 0, 1],
            1,
        ),
        (
            "nothing matching",
            whole,
            vec![unmatched(a), unmatched(b)],
            [0, 0, 0, 2],
            0,
        ),
        (
            "one connection matching",
            whole,
            vec![unmatched(a), unmatched(b), later, unmatched(later_answer)],
            [2, 0, 0, 2],
            1,
        ),
        (
            "all categories",
            whole,
            vec![
                a,
                again(a),
                there(a),
                b,
                unmatched(later),
                unmatched(later_answer),
            ],
            [2, 1, 1, 2],
            1,
        ),
        (
            "the first of two that are dropped alike",
            single,
            vec![unmatched(a), unmatched(again(a)), b],
            [1, 0, 0, 2],
            1,
        ),
    ]);
}

#[test]
fn connection_outside_the_time_is_filtered() {
    let records = [syn(10), answer(10), syn(1_000), answer(1_000)];
    let selection = between(500 * SECOND_NS, i64::MAX, false);
    let settling = settling(Vantage::Auto, selection);
    assert_eq!(settled(&settling, &records), ([2, 0, 0, 2], 1));
}

#[test]
fn span_is_that_of_the_records_that_are_used() {
    let mut counts = SettleCounts::default();
    let records = [unmatched(syn(10)), syn(1_000), answer(1_001)];
    let settling = settling(Vantage::Auto, matching(false));
    let keep = |_: &[Viewed], _: &[Range<usize>]| Ok(());
    settling
        .settle(&mut records.to_vec(), &mut counts, keep)
        .unwrap();
    let span = (1_000 * SECOND_NS, 1_002 * SECOND_NS);
    assert_eq!(counts.span_ns, Some(span));
}

#[test]
fn counts_of_conversations_add_up_to_the_counts_of_lines() {
    let one = SettleCounts {
        records: 1,
        duplicates: 2,
        other_vantage: 3,
        filtered: 4,
        span_ns: Some((5, 9)),
        ..SettleCounts::default()
    };
    let other = SettleCounts {
        records: 10,
        duplicates: 20,
        other_vantage: 30,
        filtered: 40,
        span_ns: Some((2, 6)),
        ..SettleCounts::default()
    };
    let both = one.add(other);
    assert_eq!(both.span_ns, Some((2, 9)));
    let mut records = Records {
        lines: 110,
        ..Records::default()
    };
    both.add_to(&mut records);
    let counts = [
        records.used,
        records.duplicates,
        records.other_vantage,
        records.filtered,
    ];
    assert_eq!(counts, [11, 22, 33, 44]);
}

#[test]
fn connection_beyond_the_memory_limit_ends_the_run() {
    let settling = Settling::new(Vantage::Auto, None, Detail::Exact, 1);
    let mut counts = SettleCounts::default();
    let keep = |_: &[Viewed], _: &[Range<usize>]| panic!("it is not handed over");
    let large = with(syn(10), |o| o.packets = 1_000_000);
    let settled = settling.settle(&mut vec![large], &mut counts, keep);
    assert!(settled.is_err());
}

/// Divides connections of one record each, which begin and end in these seconds, into episodes.
fn episodes(connections: &[(i64, i64)]) -> Vec<Range<usize>> {
    let records: Vec<Viewed> = connections
        .iter()
        .map(|(start_s, end_s)| viewed(Way::Up, 3, 180, *start_s, *end_s, 2))
        .collect();
    let ranges: Vec<Range<usize>> = (0..records.len()).map(|n| n..n + 1).collect();
    divided(&records, &ranges)
}

/// Returns the range of records of each episode.
fn divided(records: &[Viewed], connections: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut divided = Vec::new();
    for_each_episode(records, connections, |episode| {
        let last = episode.last().expect("an episode has a connection");
        divided.push(episode[0].start..last.end);
        Ok(())
    })
    .unwrap();
    divided
}

#[test]
fn episode_ends_where_the_next_connection_cannot_touch_it() {
    // A record that ends in a second may have a packet at any time within that second.
    assert!(episodes(&[]).is_empty());
    assert_eq!(episodes(&[(10, 12)]), vec![0..1]);
    assert_eq!(episodes(&[(10, 12), (12, 14)]), vec![0..2]);
    assert_eq!(episodes(&[(10, 12), (13, 14)]), [0..1, 1..2]);
    assert_eq!(episodes(&[(10, 12), (10, 12)]), vec![0..2]);
    // The first lasts longer than the second, and touches the third.
    assert_eq!(
        episodes(&[(10, 30), (12, 13), (20, 21), (31, 32)]),
        [0..3, 3..4]
    );
    // Each touches the next.
    assert_eq!(
        episodes(&[(10, 12), (12, 14), (14, 16), (17, 18)]),
        [0..3, 3..4]
    );
    // The length of an episode does not affect the next one.
    assert_eq!(
        episodes(&[(10, 30), (31, 31), (32, 33)]),
        [0..1, 1..2, 2..3]
    );
}

#[test]
fn connection_lasts_until_the_last_of_its_records_ends() {
    let record = |start_s, end_s| viewed(Way::Up, 3, 180, start_s, end_s, 2);
    let records = [record(10, 30), record(11, 12), record(20, 21)];
    assert_eq!(divided(&records, &[0..2, 2..3]), vec![0..3]);
    // Records dropped between two connections belong to neither.
    assert_eq!(divided(&records[1..], &[0..1, 1..2]), [0..1, 1..2]);
}

#[test]
fn failure_to_pass_on_an_episode_ends_the_division() {
    let records = [syn(10), syn(100)].map(Viewed::from);
    let mut count = 0;
    let ended = for_each_episode(&records, &[0..1, 1..2], |_| {
        count += 1;
        Err(crate::error::Error::usage("full"))
    });
    assert!(ended.is_err());
    assert_eq!(count, 1);
}

proptest! {
    #[test]
    fn episodes_are_cut_where_no_connection_continues(
        steps in proptest::collection::vec((0_i64..6, 0_i64..8), 0..20),
    ) {
        let mut start_s = 0;
        let connections: Vec<(i64, i64)> = steps
            .iter()
            .map(|(step, len)| {
                start_s += step;
                (start_s, start_s + len)
            })
            .collect();
        // An episode ends before a connection exactly if all earlier connections have ended.
        let is_cut = |at: usize| {
            let until_s = connections[..at].iter().map(|(_, end_s)| end_s + 1).max();
            until_s.is_none_or(|until_s| until_s <= connections[at].0)
        };
        let expected: Vec<usize> = (0..connections.len()).filter(|at| is_cut(*at)).collect();
        let divided = episodes(&connections);
        let begins: Vec<usize> = divided.iter().map(|episode| episode.start).collect();
        prop_assert_eq!(begins, expected);
        let ends = divided.iter().map(|episode| episode.end);
        let next = divided.iter().skip(1).map(|episode| episode.start);
        prop_assert!(ends.eq(next.chain(divided.last().map(|_| connections.len()))));
    }
}
