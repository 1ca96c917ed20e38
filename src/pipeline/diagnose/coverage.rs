//! The time that an archive covers, and its gaps.
//!
//! A record covers its interval, and so does NODATA, which says that an ENI existed and had no
//! traffic. SKIPDATA covers nothing: records that AWS dropped are equal to a missing file.

use std::collections::BTreeSet;

use crate::metrics::Every;
use crate::time::{SECOND_NS, joined};

/// Width of the intervals in which AWS delivers files.
const SLOT_NS: i64 = 300 * SECOND_NS;

/// Empty slots in a row that are a gap: half an hour in which no ENI wrote a record.
const HOLE_SLOTS: i64 = 6;

/// The most slots kept, one year; gaps in longer archives are not reported.
const SLOTS_MAX: usize = 366 * 288;

/// The time that records cover.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage {
    /// Earliest start and latest end.
    pub span_ns: Option<(i64, i64)>,
    slots: BTreeSet<i64>,
    /// The slots of the latest record, which are those of the next in nearly every file.
    latest: Option<(i64, i64)>,
    /// Lines by the shortest bucket of a report that holds their interval.
    lengths: [u64; Every::LENGTHS_S.len()],
}

impl Coverage {
    /// Adds the interval of a record.
    pub(crate) fn meet(&mut self, start_ns: i64, end_ns: i64) {
        self.span_ns = joined(self.span_ns, Some((start_ns, end_ns)));
        let length_s = end_ns.saturating_sub(start_ns) / SECOND_NS;
        let holds = Every::LENGTHS_S.partition_point(|bucket_s| *bucket_s < length_s);
        self.lengths[holds.min(Every::LENGTHS_S.len() - 1)] += 1;
        let slots = (start_ns.div_euclid(SLOT_NS), end_ns.div_euclid(SLOT_NS));
        if self.latest != Some(slots) && self.slots.len() <= SLOTS_MAX {
            self.slots.extend([slots.0, slots.1]);
            self.latest = Some(slots);
        }
    }

    /// Adds the coverage of other records.
    pub(crate) fn add(&mut self, other: Self) {
        self.span_ns = joined(self.span_ns, other.span_ns);
        let lengths = self.lengths.iter_mut().zip(other.lengths);
        lengths.for_each(|(lines, more)| *lines += more);
        if self.slots.len() <= SLOTS_MAX {
            self.slots.extend(other.slots);
        }
    }

    /// The shortest bucket of a report that holds the whole interval of nine lines in ten, seconds.
    /// A shorter one would show what a record does not say: when within its interval its packets were.
    pub(crate) fn interval_s(&self) -> i64 {
        let lines: u64 = self.lengths.iter().sum();
        let mut held = 0;
        let lengths = Every::LENGTHS_S.iter().zip(self.lengths);
        let found = lengths.take_while(|(_, lines_here)| {
            let is_short = held < lines - lines / 10;
            held += lines_here;
            is_short
        });
        found.last().map_or(1, |(length_s, _)| *length_s)
    }

    /// Stretches within the span that neither these lines nor `quiet` ones cover, nanoseconds since
    /// the epoch.
    pub(crate) fn holes(mut self, quiet: &Self) -> Vec<(i64, i64)> {
        let Some((start_ns, end_ns)) = self.span_ns else {
            return Vec::new();
        };
        let within = start_ns.div_euclid(SLOT_NS)..=end_ns.div_euclid(SLOT_NS);
        self.slots.extend(quiet.slots.range(within));
        if self.slots.len() > SLOTS_MAX {
            return Vec::new();
        }
        let pairs = self.slots.iter().zip(self.slots.iter().skip(1));
        let apart = pairs.filter(|(before, after)| *after - *before > HOLE_SLOTS);
        apart
            .map(|(before, after)| ((before + 1) * SLOT_NS, after * SLOT_NS))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes records of one second in each of these slots.
    fn coverage(slots: &[i64]) -> Coverage {
        let mut coverage = Coverage::default();
        let starts = slots.iter().map(|slot| slot * SLOT_NS);
        starts.for_each(|start| coverage.meet(start, start + SECOND_NS));
        coverage
    }

    #[test]
    fn bucket_holds_the_interval_of_nine_lines_in_ten() {
        let interval_s = |lengths_s: &[i64]| {
            let mut coverage = Coverage::default();
            let lengths = lengths_s.iter().map(|length_s| length_s * SECOND_NS);
            lengths.for_each(|length| coverage.meet(0, length));
            coverage.interval_s()
        };
        assert_eq!(interval_s(&[]), 1);
        assert_eq!(interval_s(&[0; 20]), 1);
        assert_eq!(interval_s(&[59; 20]), 60);
        assert_eq!(interval_s(&[599, 59, 598]), 600);
        assert_eq!(interval_s(&[&[7; 18][..], &[600; 2]].concat()), 10);
    }

    #[test]
    fn half_an_hour_without_records_is_a_hole() {
        let found = coverage(&[0, 1, 2, 8, 20]);
        assert_eq!(found.span_ns, Some((0, 20 * SLOT_NS + SECOND_NS)));
        let holes = found.holes(&Coverage::default());
        assert_eq!(holes, [(9 * SLOT_NS, 20 * SLOT_NS)]);
    }

    #[test]
    fn half_an_hour_of_nodata_is_not_a_hole() {
        let quiet = coverage(&[12, 40]);
        // No gap is reported after the last record, because the archive ends there.
        assert_eq!(coverage(&[8, 16]).holes(&quiet), []);
        assert_eq!(
            coverage(&[8, 20]).holes(&quiet),
            [(13 * SLOT_NS, 20 * SLOT_NS)]
        );
    }
}
