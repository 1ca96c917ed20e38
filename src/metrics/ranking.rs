//! Selection of the series that are listed, when there are too many of them.
//!
//! The number of sources in a scan is unlimited, since they can be forged, so the answer to one
//! question has a limit of cells. The largest series keep their names; the rest are added up in one
//! series, so that sums stay exact. The selection does not depend on the order in which series are
//! offered: series are sorted by sum, then by name, and the longest prefix of this order that fits
//! is kept. Therefore no series that ranks below one that did not fit is kept.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::every::Every;
use super::measure::{Counts, Measure};
use super::question::Question;
use super::table::{Point, Series, Table};

/// The most cells in the answer to one question: 100 MB if there are few series, 450 MB if each
/// cell is a series.
pub const CELLS_MAX: usize = 1_000_000;

/// Error for a question with too many time buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many time buckets (limit {CELLS_MAX})")]
pub struct TooManyBuckets;

/// The rank of a series: its sum, and its name for series with equal sums.
type Rank = (u128, Reverse<Box<[u8]>>);

/// The kept series of one question, and the sums of the rest.
#[derive(Debug)]
pub struct Ranking<'q> {
    question: &'q Question,
    cells_max: usize,
    kept: BTreeMap<Rank, Vec<Point>>,
    cells: usize,
    other: BTreeMap<i64, Counts>,
    folded: u64,
    /// The highest rank that did not fit.
    floor: Option<Rank>,
}

impl<'q> Ranking<'q> {
    /// Creates an empty ranking that keeps at most `cells_max` cells.
    pub fn new(question: &'q Question, cells_max: usize) -> Self {
        Self {
            question,
            cells_max,
            kept: BTreeMap::new(),
            cells: 0,
            other: BTreeMap::new(),
            folded: 0,
            floor: None,
        }
    }

    /// Adds a whole series: its key, and its sums in each bucket, in order of time.
    ///
    /// # Errors
    /// All series together in one have too many buckets.
    pub fn offer(&mut self, series: &[u8], points: Vec<Point>) -> Result<(), TooManyBuckets> {
        let mut total = Counts::default();
        points.iter().for_each(|point| total.add(&point.counts));
        let rank = (total.get(self.measure()), Reverse(series.into()));
        if self.floor.as_ref().is_some_and(|floor| rank < *floor) {
            return self.fold(points);
        }
        self.cells += points.len();
        self.kept.insert(rank, points);
        let series_max = self.question.top.unwrap_or(usize::MAX);
        while self.cells > self.cells_max || self.kept.len() > series_max {
            let Some((rank, points)) = self.kept.pop_first() else {
                break;
            };
            self.cells -= points.len();
            self.floor = Some(rank);
            self.fold(points)?;
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        self.question
            .measures
            .first()
            .copied()
            .unwrap_or(Measure::Packets)
    }

    fn fold(&mut self, points: Vec<Point>) -> Result<(), TooManyBuckets> {
        self.folded += 1;
        for point in points {
            self.other
                .entry(point.begin_ns)
                .or_default()
                .add(&point.counts);
        }
        if self.other.len() > self.cells_max {
            return Err(TooManyBuckets);
        }
        Ok(())
    }

    /// Returns the answer; `span_ns` is the start of the first and of the last bucket in the
    /// archive in which anything was counted.
    pub fn table(self, every: Every, span_ns: Option<(i64, i64)>) -> Table {
        let question = self.question;
        let top = question.top.unwrap_or(usize::MAX);
        let is_cut = self.folded > 0 && self.kept.len() < top;
        let labels = |key: &[u8]| {
            let mut rest = key.get(1..).unwrap_or_default();
            question.by.iter().map(|by| by.take(&mut rest)).collect()
        };
        let kept = self.kept.into_iter().rev();
        let mut series: Vec<Series> = kept
            .map(|((_, Reverse(key)), points)| Series::new(labels(&key), points))
            .collect();
        if series.is_empty() && self.folded == 0 && question.by.is_empty() && span_ns.is_some() {
            series.push(Series::new(Vec::new(), Vec::new()));
        }
        if self.folded > 0 {
            let points = self.other.into_iter();
            let points = points.map(|(begin_ns, counts)| Point { begin_ns, counts });
            series.push(Series::other(question.by.len(), points.collect()));
        }
        let mut table = Table {
            question: question.clone(),
            series,
            folded: self.folded,
            is_cut,
            is_full: false,
        };
        if let Some(span_ns) = span_ns {
            table.fill(every, span_ns, self.cells_max);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::Eni;
    use crate::flow::Way;
    use crate::flow::observation::tests::viewed;
    use crate::metrics::{Dimension, PacketFacts};

    fn by_port(top: Option<usize>) -> Question {
        Question {
            top,
            ..Question::of(vec![Dimension::DestinationPort], vec![Measure::Packets])
        }
    }

    fn key(port: u16) -> Vec<u8> {
        let mut o = viewed(Way::Up, 1, 40, 0, 0, 2);
        o.key.high.port = port;
        let facts = PacketFacts {
            observation: &o,
            eni: &Eni::default(),
            subnets: None,
            outcome: None,
            words: None,
        };
        let mut key = vec![0];
        Dimension::DestinationPort.put(&facts, &mut key);
        key
    }

    fn points(begins: &[i64], packets: u128) -> Vec<Point> {
        let counts = Counts {
            packets,
            ..Counts::default()
        };
        let points = begins.iter();
        points
            .map(|begin_ns| Point {
                begin_ns: *begin_ns,
                counts: counts.clone(),
            })
            .collect()
    }

    /// Returns the labels and packets of each series.
    fn listed(table: &Table) -> Vec<(String, u128)> {
        let series = table.series.iter();
        series
            .map(|s| (s.labels.join(" "), s.total.packets))
            .collect()
    }

    #[test]
    fn largest_are_listed_and_the_rest_is_other() {
        let question = by_port(Some(2));
        let mut ranking = Ranking::new(&question, 100);
        for (port, packets) in [(1, 5), (2, 9), (3, 7), (4, 7), (5, 1)] {
            ranking.offer(&key(port), points(&[0], packets)).unwrap();
        }
        let table = ranking.table(Every::default(), None);
        let expected = [("2", 9), ("3", 7), ("other", 13)].map(|(l, n)| (l.to_owned(), n));
        assert_eq!(listed(&table), expected);
        assert_eq!((table.folded, table.is_cut), (3, false));
    }

    #[test]
    fn series_beyond_the_limit_are_other_and_marked_as_cut() {
        let question = by_port(None);
        let mut ranking = Ranking::new(&question, 4);
        ranking.offer(&key(1), points(&[0, 1, 2], 1)).unwrap();
        ranking.offer(&key(2), points(&[1, 2], 5)).unwrap();
        let table = ranking.table(Every::default(), None);
        assert_eq!(
            listed(&table),
            [("2".to_owned(), 10), ("other".to_owned(), 3)]
        );
        assert_eq!((table.folded, table.is_cut), (1, true));
    }

    #[test]
    fn buckets_beyond_the_limit_are_an_error() {
        let question = by_port(None);
        let mut ranking = Ranking::new(&question, 2);
        ranking.offer(&key(1), points(&[0, 1], 1)).unwrap();
        ranking.offer(&key(2), points(&[2, 3], 1)).unwrap();
        let error = ranking.offer(&key(3), points(&[4], 1)).unwrap_err();
        assert_eq!(error, TooManyBuckets);
    }

    proptest! {
        #[test]
        fn order_of_offers_does_not_matter_and_no_packet_is_lost(
            sizes in prop::collection::vec((1..4_i64, 0..6_u128), 1..30),
            swaps in prop::collection::vec((0..30_usize, 0..30_usize), 30),
            top in prop::option::of(1..20_usize),
        ) {
            let offers: Vec<(Vec<u8>, Vec<Point>)> = (0..).zip(&sizes).map(|(port, (len, packets))| {
                let begins: Vec<i64> = (0..*len).collect();
                (key(port), points(&begins, *packets))
            }).collect();
            let mut shuffled = offers.clone();
            for (a, b) in swaps {
                let len = shuffled.len();
                shuffled.swap(a % len, b % len);
            }
            let question = by_port(top);
            let answer = |offers: &[(Vec<u8>, Vec<Point>)]| {
                let mut ranking = Ranking::new(&question, 20);
                for (key, points) in offers {
                    ranking.offer(key, points.clone()).unwrap();
                }
                ranking.table(Every::default(), None)
            };
            let table = answer(&offers);
            prop_assert_eq!(&table, &answer(&shuffled));
            let offered: u128 = sizes.iter().map(|(len, packets)| packets * u128::from(len.unsigned_abs())).sum();
            let kept: u128 = table.series.iter().map(|s| s.total.packets).sum();
            prop_assert_eq!(kept, offered);
            let cells: usize = table.series.iter().filter(|s| !s.is_other).map(|s| s.points.len()).sum();
            prop_assert!(cells <= 20);
        }
    }
}
