//! How often something was seen on one path: when, from which ports, in which lines.
//!
//! Sums of fixed size: ports by blocks of 1,024, time by buckets that grow with the span, and the
//! few lowest lines as examples. Adding up is the same in any order.

use std::collections::{BTreeMap, BTreeSet};

use crate::flow::{Place, TrafficPath};
use crate::time::SECOND_NS;

/// Lines that are kept as examples.
const PLACES_MAX: usize = 8;

/// Buckets of a timeline.
const BUCKETS_MAX: i64 = 64;

/// A connection that lives so much longer than the trouble's begin was not touched by it.
const OUTLASTS_NS: i64 = 30 * SECOND_NS;

/// Ports of one block.
pub(super) const BLOCK_PORTS: u16 = 1 << 10;

/// What attempts of one kind on one path add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathCounts {
    /// Attempts.
    pub(super) count: u64,
    /// Packets of their initiators.
    pub(super) packets: u64,
    /// When the first began, nanoseconds since the Unix epoch.
    pub(super) first_ns: i64,
    /// When the last began, likewise.
    pub(super) begun_ns: i64,
    /// When the last ended, likewise.
    pub(super) last_ns: i64,
    /// Lowest and highest port of initiators.
    pub(super) ports: (u16, u16),
    /// Attempts by block of the initiator's port.
    pub(super) blocks: BTreeMap<u16, u64>,
    /// Attempts by when they began.
    pub(super) minutes: MinuteCounts,
    /// The lowest lines that prove it.
    pub(super) places: BTreeSet<Place>,
    /// Shortest and longest silence before trouble, nanoseconds.
    pub(super) silence_ns: (i64, i64),
    /// Begin and end of the attempt that lasted longest.
    pub(super) longest_ns: (i64, i64),
    /// By which ways requests left, and replies, as far as told.
    pub(super) ways: [BTreeSet<TrafficPath>; 2],
}

impl PathCounts {
    /// Takes in others.
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
        let lasted = |(start, end): (i64, i64)| (end - start, std::cmp::Reverse(start));
        self.longest_ns =
            std::cmp::max_by_key(self.longest_ns, more.longest_ns, |span| lasted(*span));
        for (ways, more) in self.ways.iter_mut().zip(&more.ways) {
            ways.extend(more);
        }
    }

    /// Whether some of it happened while something else did that began and ended then.
    pub(super) fn goes_on_during(&self, (first_ns, last_ns): (i64, i64)) -> bool {
        let (start, end) = self.longest_ns;
        let outlasts = start <= last_ns && end >= first_ns.saturating_add(OUTLASTS_NS);
        outlasts || self.minutes.counts_within(first_ns, last_ns)
    }

    /// All of these together; none if there are none.
    pub(super) fn sum<'a>(all: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut all = all.into_iter();
        let mut sum = all.next()?.clone();
        all.for_each(|more| sum.add(more));
        Some(sum)
    }
}

/// Counts by time, in at most 64 buckets of a minute or a multiple by a power of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MinuteCounts {
    /// Width of a bucket, seconds.
    pub(super) width_s: i64,
    /// Counts by number of bucket since the epoch.
    pub(super) counts: BTreeMap<i64, u64>,
}

impl MinuteCounts {
    /// One at that instant.
    pub(super) fn at(ns: i64) -> Self {
        let minute = (ns / SECOND_NS).div_euclid(60);
        Self {
            width_s: 60,
            counts: BTreeMap::from([(minute, 1)]),
        }
    }

    /// Takes in another.
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

    /// Whether anything began between these instants: in buckets that lie between them, or, where
    /// there are none, in those that touch them.
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

    /// Brings the buckets to at least this width.
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
        let (mut front, behind) = (
            sum(&mut minutes[..3].iter().copied()),
            sum(&mut minutes[3..].iter().copied()),
        );
        front.add(&behind);
        assert_eq!(there, back);
        assert_eq!(there, front);
        assert_eq!(there.counts.values().sum::<u64>(), 9);
        assert!(there.span() < BUCKETS_MAX);
    }
}
