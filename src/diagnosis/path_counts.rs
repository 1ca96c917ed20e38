//! Sums for one path and symptom: when, from which ports, in which lines.
//!
//! The size is fixed: ports are counted by blocks of 1,024, time by buckets that grow with the
//! span, and the few lowest lines are kept as examples. Sums are the same in any order of addition.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnosis::distinct_sources::DistinctSources;
use crate::flow::{Place, TrafficPath};
use crate::time::SECOND_NS;

/// The most lines kept as examples.
pub(super) const PLACES_MAX: usize = 8;

/// The most buckets of a timeline.
const BUCKETS_MAX: i64 = 64;

/// A connection that continues this long after the start of a failure was not affected by it.
const OUTLASTS_NS: i64 = 30 * SECOND_NS;

/// The number of ports in one block.
pub(super) const BLOCK_PORTS: u16 = 1 << 10;

/// The sums over attempts with one symptom on one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathCounts {
    /// Number of attempts.
    pub(super) count: u64,
    /// Number of packets of their initiators.
    pub(super) packets: u64,
    /// When the first began, or was first rejected, nanoseconds since the Unix epoch.
    pub(super) first_ns: i64,
    /// When the last began, or was first rejected, nanoseconds since the Unix epoch.
    pub(super) begun_ns: i64,
    /// When the last ended, nanoseconds since the Unix epoch.
    pub(super) last_ns: i64,
    /// Lowest and highest port of the initiators.
    pub(super) ports: (u16, u16),
    /// Attempts by block of the initiator's port.
    pub(super) blocks: BTreeMap<u16, u64>,
    /// Attempts by start time.
    pub(super) minutes: MinuteCounts,
    /// The lowest lines that prove it.
    pub(super) places: BTreeSet<Place>,
    /// Shortest and longest idle time before the failure, nanoseconds.
    pub(super) silence_ns: (i64, i64),
    /// Start and end of the longest attempt.
    pub(super) longest_ns: (i64, i64),
    /// Packets that left the ENI of one end, and how many of them arrived at the ENI of the other
    /// end, where both logged the whole attempt.
    pub(super) crossing: (u64, u64),
    /// The initiators, where the path sums up those outside.
    pub(super) sources: DistinctSources,
    /// Number of attempts whose packets were rejected in the middle of an open connection.
    pub(super) cut: u64,
    /// The paths by which requests and replies left, as far as they are logged.
    pub(super) ways: [BTreeSet<TrafficPath>; 2],
}

impl PathCounts {
    /// Adds other sums.
    pub(super) fn add(&mut self, more: &Self) {
        self.count += more.count;
        self.packets = self.packets.saturating_add(more.packets);
        self.first_ns = self.first_ns.min(more.first_ns);
        self.begun_ns = self.begun_ns.max(more.begun_ns);
        self.last_ns = self.last_ns.max(more.last_ns);
        self.ports = (
            self.ports.0.min(more.ports.0),
            self.ports.1.max(more.ports.1),
        );
        for (block, count) in &more.blocks {
            *self.blocks.entry(*block).or_default() += count;
        }
        self.minutes.add(&more.minutes);
        self.places.extend(&more.places);
        while self.places.len() > PLACES_MAX {
            self.places.pop_last();
        }
        self.silence_ns = (
            self.silence_ns.0.min(more.silence_ns.0),
            self.silence_ns.1.max(more.silence_ns.1),
        );
        self.meet_span(more.longest_ns);
        self.crossing.0 = self.crossing.0.saturating_add(more.crossing.0);
        self.crossing.1 = self.crossing.1.saturating_add(more.crossing.1);
        self.sources.add(&more.sources);
        self.cut += more.cut;
        for (ways, more) in self.ways.iter_mut().zip(&more.ways) {
            ways.extend(more);
        }
    }

    /// Notes the start and end of an attempt, if it is the longest, or the first of these.
    pub(super) fn meet_span(&mut self, span_ns: (i64, i64)) {
        let lasted = |(start, end): (i64, i64)| (end - start, std::cmp::Reverse(start));
        self.longest_ns = std::cmp::max_by_key(self.longest_ns, span_ns, |span| lasted(*span));
    }

    /// Whether some of these attempts happened during this time range, from the start to the end of
    /// a failure.
    pub(super) fn goes_on_during(&self, (first_ns, last_ns): (i64, i64)) -> bool {
        let (start, end) = self.longest_ns;
        let outlasts = start <= last_ns && end >= first_ns.saturating_add(OUTLASTS_NS);
        outlasts || self.minutes.counts_within(first_ns, last_ns)
    }

    /// Returns the sum of all of these; `None` if there are none.
    pub(super) fn sum<'a>(all: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut all = all.into_iter();
        let mut sum = all.next()?.clone();
        all.for_each(|more| sum.add(more));
        Some(sum)
    }
}

/// Counts by time, in at most 64 buckets; a bucket is a minute times a power of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MinuteCounts {
    /// Width of a bucket, seconds.
    pub(super) width_s: i64,
    /// Counts by the bucket's number since the epoch.
    pub(super) counts: BTreeMap<i64, u64>,
}

impl MinuteCounts {
    /// Counts one attempt at this instant.
    pub(super) fn at(ns: i64) -> Self {
        let minute = (ns / SECOND_NS).div_euclid(60);
        Self {
            width_s: 60,
            counts: BTreeMap::from([(minute, 1)]),
        }
    }

    /// Counts one more attempt at this instant.
    pub(super) fn count(&mut self, ns: i64) {
        let bucket = (ns / SECOND_NS).div_euclid(self.width_s);
        *self.counts.entry(bucket).or_default() += 1;
        while self.span() >= BUCKETS_MAX {
            self.widen(self.width_s * 2);
        }
    }

    /// Adds other counts.
    pub(super) fn add(&mut self, more: &Self) {
        self.widen(more.width_s);
        for (bucket, count) in &more.counts {
            let bucket = bucket.div_euclid(self.width_s / more.width_s);
            *self.counts.entry(bucket).or_default() += count;
        }
        while self.span() >= BUCKETS_MAX {
            self.widen(self.width_s * 2);
        }
    }

    /// Whether any attempt began between these instants: in buckets that are completely between
    /// them or, if there are none, in buckets that overlap them.
    fn counts_within(&self, first_ns: i64, last_ns: i64) -> bool {
        let bucket = |ns: i64| (ns / SECOND_NS).div_euclid(self.width_s);
        let (first, last) = (bucket(first_ns), bucket(last_ns));
        let range = if last - first > 1 {
            first + 1..last
        } else {
            first..last + 1
        };
        self.counts.range(range).next().is_some()
    }

    fn span(&self) -> i64 {
        let ends = self
            .counts
            .first_key_value()
            .zip(self.counts.last_key_value());
        ends.map_or(0, |((first, _), (last, _))| last - first)
    }

    /// Widens the buckets to at least this width.
    pub(super) fn widen(&mut self, width_s: i64) {
        if width_s <= self.width_s {
            return;
        }
        let ratio = width_s / self.width_s;
        let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
        for (bucket, count) in &self.counts {
            *counts.entry(bucket.div_euclid(ratio)).or_default() += count;
        }
        (self.width_s, self.counts) = (width_s, counts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timelines_add_up_to_the_same_in_any_order() {
        let at = |minute: i64| MinuteCounts::at(minute * 60 * SECOND_NS);
        let minutes = [0, 3, 500, 7, 1_000, 2, 64, 63, -5];
        let sum = |order: &mut dyn Iterator<Item = i64>| {
            let mut sum = at(order.next().unwrap());
            order.for_each(|minute| sum.add(&at(minute)));
            sum
        };
        let there = sum(&mut minutes.into_iter());
        let back = sum(&mut minutes.into_iter().rev());
        let (mut front, later) = (
            sum(&mut minutes[..3].iter().copied()),
            sum(&mut minutes[3..].iter().copied()),
        );
        front.add(&later);
        assert_eq!(there, back);
        assert_eq!(there, front);
        assert_eq!(there.counts.values().sum::<u64>(), 9);
        assert!(there.span() < BUCKETS_MAX);
    }
}
