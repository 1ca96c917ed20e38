//! The time of an archive, cut into slices with about equally many packets.
//!
//! Connections are rebuilt and written slice by slice. The contents of one slice have to fit in
//! memory, so the cuts follow the traffic: while the archive is read, [`Starts`] counts the packets
//! by the second in which their records start, or where a record has many, in which they will be; and
//! [`Slices`] are cut from these counts.

use std::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::time::SECOND_NS;

/// The most spans that are counted separately. An archive of a year has 32 million seconds, and a
/// corrupt one any number.
const SPANS_MAX: usize = 1 << 16;

/// The part of the memory for one packet of a slice: its frame takes about 120 bytes, and a
/// multiple of that during processing.
const FRAME_COST: u64 = 4 << 10;

/// Approximate packets in a slice: few enough to stay in the processor's cache.
const SLICE_PACKETS: u64 = 1 << 15;

/// The part of the memory reserved for a slice: each has a bucket of episodes and one of frames,
/// which are written to disk almost empty if there are too many of them.
const SLICE_COST: u64 = 32 << 10;

/// The most slices with any memory limit, however small.
const SLICES_MIN: u64 = 64;

/// The most slices with any memory limit, however large.
const SLICES_MAX: u64 = 1 << 16;

/// Counts of packets by the start of their records.
#[derive(Clone, Debug)]
pub(crate) struct Starts {
    /// Nanoseconds in a span.
    span_ns: i64,
    /// Packets by the span's number since the epoch.
    packets: HashMap<i64, u64, RandomState>,
}

impl Default for Starts {
    fn default() -> Self {
        Self {
            span_ns: SECOND_NS,
            packets: HashMap::default(),
        }
    }
}

impl Starts {
    /// Counts records that start at `start_ns` and have about this many packets.
    pub(crate) fn count(&mut self, start_ns: i64, packets: u64) {
        if packets == 0 {
            return;
        }
        self.count_span(start_ns.div_euclid(self.span_ns), packets);
    }

    /// Counts a record with about this many packets, which are spread over its window.
    pub(crate) fn count_window(&mut self, (start_ns, until_ns): (i64, i64), packets: u64) {
        let length = until_ns.saturating_sub(start_ns).max(1);
        let spans = (length / self.span_ns).cast_unsigned();
        let parts = (packets / PART_PACKETS).min(spans).clamp(1, PARTS_MAX);
        let (each, more) = (packets / parts, packets % parts);
        let step_ns = length / i64::try_from(parts).unwrap_or(1);
        let mut part_ns = start_ns;
        for part in 0..parts {
            self.count(part_ns, each + u64::from(part < more));
            part_ns = part_ns.saturating_add(step_ns);
        }
    }

    /// Multiplies all counts so that they add up to about `packets`.
    #[must_use]
    pub(crate) fn scaled_to(mut self, packets: u64) -> Self {
        let all: u128 = self.packets.values().map(|n| u128::from(*n)).sum();
        for count in self.packets.values_mut() {
            let scaled = (u128::from(*count) * u128::from(packets)).div_ceil(all.max(1));
            *count = u64::try_from(scaled).unwrap_or(u64::MAX);
        }
        self
    }

    /// Adds other counts.
    pub(crate) fn add(&mut self, other: &Self) {
        while self.span_ns < other.span_ns {
            self.widen();
        }
        for (span, packets) in &other.packets {
            let start_ns = span.saturating_mul(other.span_ns);
            self.count_span(start_ns.div_euclid(self.span_ns), *packets);
        }
    }

    fn count_span(&mut self, span: i64, packets: u64) {
        let sum = self.packets.entry(span).or_default();
        *sum = sum.saturating_add(packets);
        if self.packets.len() > SPANS_MAX {
            self.widen();
        }
    }

    /// Doubles the length of spans.
    fn widen(&mut self) {
        self.span_ns = self.span_ns.saturating_mul(2);
        for (span, packets) in std::mem::take(&mut self.packets) {
            let sum = self.packets.entry(span.div_euclid(2)).or_default();
            *sum = sum.saturating_add(packets);
        }
    }
}

/// Packets of a record that are counted together, at least.
const PART_PACKETS: u64 = 16;

/// The most parts in which the packets of a record are counted.
const PARTS_MAX: u64 = 64;

/// Slices of time that together cover all instants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slices {
    /// First instant of each slice but the first, in order.
    starts_ns: Vec<i64>,
}

impl Slices {
    /// Cuts slices that can be written within about `memory` bytes.
    ///
    /// This is not guaranteed: packets of one instant cannot be separated by time, and the number
    /// of slices is limited by the memory. Code that writes a slice must handle a larger one.
    pub(crate) fn within(memory: u64, starts: &Starts) -> Self {
        let slices_max = (memory / SLICE_COST).clamp(SLICES_MIN, SLICES_MAX);
        let packets: u128 = starts.packets.values().map(|n| u128::from(*n)).sum();
        // Two adjacent slices hold more than `packets_max`, and so do two parts of a span.
        let packets_least = 4 * packets / u128::from(slices_max);
        let packets_least = u64::try_from(packets_least).unwrap_or(u64::MAX);
        let packets_most = (memory / FRAME_COST).max(1).max(packets_least);
        let packets_max = SLICE_PACKETS.min(packets_most).max(packets_least);
        Self::cut(starts, packets_max, packets_most)
    }

    /// Cuts slices in which about `packets_max` packets begin.
    ///
    /// A span with more packets is one slice, up to `packets_most`; beyond that it is cut into
    /// equal intervals. These hold equal numbers only if packets are spread evenly over the span,
    /// as they are over the second of a timestamp in whole seconds.
    fn cut(starts: &Starts, packets_max: u64, packets_most: u64) -> Self {
        let mut spans: Vec<(i64, u64)> = starts.packets.iter().map(|(s, n)| (*s, *n)).collect();
        spans.sort_unstable();
        let mut starts_ns = Vec::new();
        let mut held = 0_u64;
        for (span, packets) in spans {
            let start_ns = span.saturating_mul(starts.span_ns);
            if held > 0 && held.saturating_add(packets) > packets_max {
                starts_ns.push(start_ns);
                held = 0;
            }
            held = held.saturating_add(packets);
            if packets > packets_most {
                let parts = packets.div_ceil(packets_max).min(SLICES_MAX).cast_signed();
                let part_ns = starts.span_ns / parts;
                let cuts = (1..=parts).map(|part| start_ns.saturating_add(part * part_ns));
                starts_ns.extend(cuts);
                held = 0;
            }
        }
        starts_ns.dedup();
        Self { starts_ns }
    }

    /// Returns the number of slices, at least one.
    pub(crate) fn count(&self) -> usize {
        self.starts_ns.len() + 1
    }

    /// Returns the slice that contains an instant.
    pub(crate) fn of(&self, time_ns: i64) -> usize {
        self.starts_ns.partition_point(|start| *start <= time_ns)
    }

    /// Returns the instants of a slice.
    pub(crate) fn range_ns(&self, slice: usize) -> Range<i64> {
        let before = slice.checked_sub(1).and_then(|i| self.starts_ns.get(i));
        before.copied().unwrap_or(i64::MIN)..self.end_ns(slice)
    }

    /// Returns the first instant after a slice.
    pub(crate) fn end_ns(&self, slice: usize) -> i64 {
        self.starts_ns.get(slice).copied().unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = SECOND_NS;

    #[test]
    fn slices_are_cut_where_they_are_full() {
        let mut starts = Starts::default();
        for second in 0..10 {
            starts.count(second * S + 7, 40);
        }
        let slices = Slices::cut(&starts, 100, 1_000);
        assert_eq!(slices.starts_ns, [2 * S, 4 * S, 6 * S, 8 * S]);
        assert_eq!(slices.of(-5), 0);
        assert_eq!((slices.of(2 * S - 1), slices.of(2 * S)), (0, 1));
        assert_eq!((slices.end_ns(0), slices.end_ns(4)), (2 * S, i64::MAX));
    }

    #[test]
    fn span_within_the_limit_is_one_slice() {
        let mut starts = Starts::default();
        (0..1000).for_each(|_| starts.count(5 * S, 1000));
        assert_eq!(Slices::cut(&starts, 10, 1_000_000).count(), 1);
        assert_eq!(Slices::cut(&Starts::default(), 10, 1_000).count(), 1);
    }

    #[test]
    fn overfull_span_is_cut_into_equal_parts() {
        let mut starts = Starts::default();
        for (second, packets) in [(4, 7), (5, 1_000), (6, 7)] {
            starts.count(second * S, packets);
        }
        let slices = Slices::cut(&starts, 250, 999);
        let quarters = [1, 2, 3, 4].map(|quarter| 5 * S + quarter * S / 4);
        assert_eq!(slices.starts_ns[..1], [5 * S]);
        assert_eq!(slices.starts_ns[1..], quarters);
        assert_eq!(slices.of(5 * S), 1);
    }

    #[test]
    fn number_of_slices_is_limited_by_the_memory() {
        let mut starts = Starts::default();
        starts.count(i64::MAX, u64::MAX);
        starts.count(i64::MIN, u64::MAX);
        (0..50_000).for_each(|second| starts.count(second * S, 1 << (second % 40)));
        for (memory, most) in [
            (0, 64),
            (16 << 20, 512),
            (64 << 20, 2_048),
            (u64::MAX, 65_536),
        ] {
            let slices = Slices::within(memory, &starts);
            assert!(slices.starts_ns.is_sorted());
            let count = slices.count() as u64;
            assert!((most / 8..=most).contains(&count), "{count} in {memory}");
        }
    }

    #[test]
    fn any_number_of_seconds_is_counted_in_bounded_memory() {
        let mut starts = Starts::default();
        (0..300_000).for_each(|second| starts.count((second - 150_000) * S, 1));
        starts.count(i64::MIN, 1);
        starts.count(i64::MAX, 1);
        assert!(starts.packets.len() <= SPANS_MAX);
        assert_eq!(starts.packets.values().sum::<u64>(), 300_002);
        let slices = Slices::cut(&starts, 30_000, 30_000);
        assert!((10..=14).contains(&slices.count()), "{}", slices.count());
    }

    #[test]
    fn packets_of_a_large_record_are_counted_all_over_its_window() {
        let mut starts = Starts::default();
        starts.count_window((0, 60 * S), 15);
        starts.count_window((100 * S, 160 * S), 6_003);
        starts.count_window((200 * S, 200 * S), 7_000);
        starts.count_window((300 * S, i64::MAX), u64::MAX / 2);
        let counted = |range: Range<i64>| -> u64 {
            let spans = starts
                .packets
                .iter()
                .filter(|(span, _)| range.contains(span));
            spans.map(|(_, packets)| packets).sum()
        };
        assert_eq!((counted(0..1), counted(1..100)), (15, 0));
        assert_eq!((counted(100..130), counted(130..160)), (3_003, 3_000));
        assert_eq!(counted(200..201), 7_000);
        assert_eq!(counted(300..i64::MAX), u64::MAX / 2);
    }

    #[test]
    fn counts_of_different_spans_add_up() {
        let (mut fine, mut coarse) = (Starts::default(), Starts::default());
        (0..100).for_each(|second| fine.count(second * S, 1));
        (0..70_000).for_each(|second| coarse.count(second * S, 1));
        assert!(coarse.span_ns > fine.span_ns);
        for (mut one, other) in [(fine.clone(), &coarse), (coarse.clone(), &fine)] {
            one.add(other);
            assert_eq!(one.packets.values().sum::<u64>(), 70_100);
        }
    }
}
