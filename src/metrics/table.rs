//! The answer to one question: series of sums, largest first, each in order of time.

use super::dimension::OTHER;
use super::every::Every;
use super::measure::Counts;
use super::question::Question;

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The question.
    pub question: Question,
    /// The series, largest sum first; the series with the rest, if any, is the last.
    pub series: Vec<Series>,
    /// Number of series that are added up in the rest.
    pub folded: u64,
    /// Whether they are in the rest to save memory, not because only the largest were requested.
    pub is_cut: bool,
    /// Whether every series has a point for every bucket, including zeros.
    pub is_full: bool,
}

/// One value for each dimension, with its sums over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The values, in the order of the question's dimensions.
    pub labels: Vec<String>,
    /// Whether this is the sum of the remaining series.
    pub is_other: bool,
    /// The sums over all time.
    pub total: Counts,
    /// The sums for each bucket, in order of time.
    pub points: Vec<Point>,
}

/// The sums for one time bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Start of the bucket, nanoseconds since the Unix epoch.
    pub begin_ns: i64,
    /// The sums.
    pub counts: Counts,
}

impl Series {
    pub(super) fn new(labels: Vec<String>, points: Vec<Point>) -> Self {
        let mut total = Counts::default();
        points.iter().for_each(|point| total.add(&point.counts));
        Self {
            labels,
            is_other: false,
            total,
            points,
        }
    }

    pub(super) fn other(dimensions: usize, points: Vec<Point>) -> Self {
        Self {
            is_other: true,
            ..Self::new(vec![OTHER.to_owned(); dimensions], points)
        }
    }

    /// Adds a point of 0 for each of these buckets without one.
    fn fill(&mut self, begins_ns: impl Iterator<Item = i64>) {
        let mut known = std::mem::take(&mut self.points).into_iter().peekable();
        for begin_ns in begins_ns {
            let point = known.next_if(|point| point.begin_ns == begin_ns);
            self.points.push(point.unwrap_or(Point {
                begin_ns,
                counts: Counts::default(),
            }));
        }
    }
}

impl Table {
    /// Returns all points with their series, in order of time; at the same time, the largest series
    /// first.
    pub fn by_time(&self) -> impl Iterator<Item = (i64, &Series, &Counts)> {
        let series = self.series.iter();
        let points = series.flat_map(|series| {
            let points = series.points.iter();
            points.map(move |point| (point.begin_ns, series, &point.counts))
        });
        let mut points: Vec<_> = points.collect();
        points.sort_by_key(|(begin_ns, ..)| *begin_ns);
        points.into_iter()
    }

    /// Whether zeros are useful in the answer: an alarm on rejected packets needs to know that
    /// there were none, but nobody needs a zero for each address that ever appeared.
    pub fn wants_zeros(&self) -> bool {
        let mut by = self.question.by.iter();
        by.all(|dimension| dimension.has_few_values())
    }

    /// Adds zeros from the first to the last bucket, if they are useful. The table stays unchanged
    /// if it would have more than `cells_max` points.
    pub(super) fn fill(&mut self, every: Every, span_ns: (i64, i64), cells_max: usize) {
        let step_ns = every.ns().unsigned_abs();
        let buckets = span_ns.1.abs_diff(span_ns.0) / step_ns + 1;
        let room = cells_max.checked_div(self.series.len()).unwrap_or(0);
        self.is_full =
            self.wants_zeros() && usize::try_from(buckets).is_ok_and(|buckets| buckets <= room);
        if !self.is_full {
            return;
        }
        for series in &mut self.series {
            let first = Some(span_ns.0);
            let next = |begin_ns: &i64| begin_ns.checked_add(every.ns());
            series.fill(std::iter::successors(first, next).take_while(|ns| *ns <= span_ns.1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Dimension, Measure};

    fn table(by: Vec<Dimension>, begins: &[i64]) -> Table {
        let counts = Counts {
            packets: 2,
            ..Counts::default()
        };
        let points = begins.iter();
        let points = points.map(|begin_ns| Point {
            begin_ns: *begin_ns,
            counts: counts.clone(),
        });
        Table {
            question: Question::of(by, vec![Measure::Packets]),
            series: vec![Series::new(Vec::new(), points.collect())],
            folded: 0,
            is_cut: false,
            is_full: false,
        }
    }

    fn packets(table: &Table) -> Vec<u128> {
        let points = table.series[0].points.iter();
        points.map(|point| point.counts.packets).collect()
    }

    #[test]
    fn empty_buckets_are_zero_where_zeros_are_useful() {
        let every = Every::default();
        let step = every.ns();
        let mut alarm = table(vec![Dimension::Protocol], &[step, 3 * step]);
        alarm.fill(every, (0, 4 * step), 5);
        assert_eq!(packets(&alarm), [0, 2, 0, 2, 0]);
        assert!(alarm.is_full);
        assert_eq!(alarm.series[0].total.packets, 4);
    }

    #[test]
    fn addresses_and_long_gaps_are_not_filled() {
        let every = Every::default();
        let step = every.ns();
        let mut hosts = table(vec![Dimension::SourceAddress], &[step]);
        hosts.fill(every, (0, 4 * step), 100);
        assert_eq!((packets(&hosts), hosts.is_full), (vec![2], false));
        let mut long = table(Vec::new(), &[step]);
        long.fill(every, (0, i64::MAX), 100);
        assert_eq!((packets(&long), long.is_full), (vec![2], false));
    }
}
