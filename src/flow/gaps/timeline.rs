//! The times for which one direction of a conversation has records.

use std::cell::OnceCell;
use std::cmp::Ordering;

use crate::flow::clock::SLACK_NS;
use crate::time::SECOND_NS;

/// How far two windows may overlap although they have no packet in common: clocks differ by
/// fractions of a second, and times are in whole seconds.
pub(super) const EDGE_NS: i64 = SECOND_NS;

/// The shorter of the two aggregation intervals of flow logs:
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-basics.html>.
const INTERVAL_NS: i64 = 60 * SECOND_NS;

/// In a shorter pause no interval can be lost: an interval ends and begins with packets of its
/// neighbors.
pub(in crate::flow) const PAUSE_MAX_NS: i64 = INTERVAL_NS / 10 * 9;

/// Whether a window is as long as an aggregation interval, with or without the second in which it
/// ends, so that a record may be dated by its interval and not by its packets.
pub(in crate::flow) fn is_interval(len_ns: i64) -> bool {
    let minute = INTERVAL_NS..=INTERVAL_NS + SECOND_NS;
    let ten = 10 * INTERVAL_NS..=10 * INTERVAL_NS + SECOND_NS;
    minute.contains(&len_ns) || ten.contains(&len_ns)
}

/// A period of time, and the packets that one direction's records count in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Window {
    pub(super) from_ns: i64,
    pub(super) until_ns: i64,
    pub(super) packets: u64,
    /// 0 if bytes are not logged.
    pub(super) bytes: u64,
    /// Whether its first record has a SYN.
    pub(super) opens: bool,
}

impl Window {
    pub(super) fn len_ns(&self) -> i64 {
        self.until_ns.saturating_sub(self.from_ns)
    }

    /// Whether two windows may have packets in common.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let from_ns = self.from_ns.max(other.from_ns);
        let common_ns = self.until_ns.min(other.until_ns).saturating_sub(from_ns);
        common_ns > EDGE_NS || common_ns > 0 && common_ns >= self.len_ns().min(other.len_ns())
    }

    /// Returns packets and bytes.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.packets, self.bytes)
    }

    /// Whether the overlap is more than half of each window.
    pub(super) fn shares_most(&self, other: &Self) -> bool {
        let from_ns = self.from_ns.max(other.from_ns);
        let common_ns = self.until_ns.min(other.until_ns).saturating_sub(from_ns);
        common_ns > self.len_ns().max(other.len_ns()) / 2
    }

    /// Merges another window into this one.
    pub(super) fn join(&mut self, other: &Self) {
        self.opens = match self.from_ns.cmp(&other.from_ns) {
            Ordering::Less => self.opens,
            Ordering::Equal => self.opens || other.opens,
            Ordering::Greater => other.opens,
        };
        self.from_ns = self.from_ns.min(other.from_ns);
        self.until_ns = self.until_ns.max(other.until_ns);
        self.packets = self.packets.saturating_add(other.packets);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// Returns the pause between two windows that do not overlap.
    pub(super) fn distance_ns(&self, other: &Self) -> i64 {
        let from_ns = self.from_ns.max(other.from_ns);
        from_ns
            .saturating_sub(self.until_ns.min(other.until_ns))
            .max(0)
    }

    /// Returns the parts of this window that none of `others`, which are in order, covers. If both
    /// begin with a SYN and this one is dated by its interval, it is the same SYN, and no packet
    /// precedes it.
    pub(super) fn without<'a>(&self, others: impl Iterator<Item = &'a Self>) -> Vec<(i64, i64)> {
        let mut open = Vec::new();
        let mut from_ns = self.from_ns;
        for other in others {
            let until_ns = other.from_ns.min(self.until_ns);
            let is_same_syn = self.opens && other.opens && is_interval(self.len_ns());
            if until_ns > from_ns && !(is_same_syn && from_ns == self.from_ns) {
                open.push((from_ns, until_ns));
            }
            from_ns = from_ns.max(other.until_ns);
        }
        if from_ns < self.until_ns {
            open.push((from_ns, self.until_ns));
        }
        open
    }
}

/// Returns the windows that overlap this one, out of disjoint windows in order. Of such windows the
/// later one also ends later.
pub(super) fn overlapping<'a, T>(
    all: &'a [T],
    window: &Window,
    of: impl Fn(&T) -> &Window,
) -> &'a [T] {
    let first = all.partition_point(|other| of(other).until_ns <= window.from_ns);
    let count = all[first..].partition_point(|other| of(other).from_ns < window.until_ns);
    &all[first..first + count]
}

/// Disjoint windows of one direction, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Windows(Vec<Window>);

impl Windows {
    /// Adds windows, which are also in order; overlapping windows are merged.
    pub(super) fn add(&mut self, added: &[Window]) {
        if added.is_empty() {
            return;
        }
        let known = std::mem::take(&mut self.0);
        self.0.reserve(known.len() + added.len());
        let mut known = known.into_iter().peekable();
        for window in added {
            while let Some(earlier) = known.next_if(|own| own.from_ns <= window.from_ns) {
                self.push(earlier);
            }
            self.push(*window);
        }
        known.for_each(|window| self.push(window));
    }

    /// Adds a window that begins no earlier than the last one.
    fn push(&mut self, mut window: Window) {
        while let Some(last) = self.0.pop_if(|last| last.overlaps(&window)) {
            window.join(&last);
        }
        self.0.push(window);
    }

    /// Returns how many windows begin before an instant.
    fn count_before(&self, instant_ns: i64) -> usize {
        self.0.partition_point(|window| window.from_ns < instant_ns)
    }

    /// Returns the last window that begins before an instant, and the first that does not.
    fn around(&self, instant_ns: i64) -> [Option<&Window>; 2] {
        let before = self.count_before(instant_ns);
        let last = before.checked_sub(1).map(|last| &self.0[last]);
        [last, self.0.get(before)]
    }

    /// Returns the windows that overlap this one, and those whose edge packets may belong to it
    /// because a clock is off by a fraction of a second; if there are none, the nearest window
    /// within the slack. Leaves out windows that do not overlap it if it is `surely` in a gap.
    pub(super) fn neighbors(&self, window: &Window, surely: bool) -> Vec<Window> {
        let reach_ns = window.from_ns.saturating_sub(EDGE_NS);
        let until_ns = window.until_ns.saturating_add(EDGE_NS);
        let first = self.count_before(reach_ns).saturating_sub(1);
        let near = self.0[first..].iter();
        let near = near
            .take_while(|other| other.from_ns <= until_ns)
            .filter(|other| other.until_ns >= reach_ns);
        if surely && !near.clone().any(|other| other.overlaps(window)) {
            return Vec::new();
        }
        let near: Vec<Window> = near.copied().collect();
        if !near.is_empty() {
            return near;
        }
        let around = self.around(window.from_ns).into_iter().flatten();
        around
            .filter(|other| other.distance_ns(window) <= SLACK_NS)
            .copied()
            .collect()
    }
}

/// The records of one view in one direction.
#[derive(Clone, Debug, Default)]
pub(super) struct ViewTimeline {
    windows: Windows,
    /// The longest window of one record.
    longest_ns: i64,
    /// Packets and bytes of each record, sorted on first use.
    counts: OnceCell<Vec<(u64, u64)>>,
    records: Vec<Window>,
}

impl ViewTimeline {
    /// Returns the timeline of the windows of records, which are in order.
    pub(super) fn of(records: impl Iterator<Item = Window>) -> Self {
        let records: Vec<Window> = records.collect();
        let mut windows = Windows::default();
        windows.add(&records);
        let longest_ns = records.iter().map(Window::len_ns).max();
        Self {
            windows,
            longest_ns: longest_ns.unwrap_or(0),
            counts: OnceCell::new(),
            records,
        }
    }

    pub(super) fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Whether exactly one record has the counts of this window.
    pub(super) fn counts_once(&self, window: &Window) -> bool {
        let counts = self.counts.get_or_init(|| {
            let mut counts: Vec<(u64, u64)> = self.records.iter().map(Window::counts).collect();
            counts.sort_unstable();
            counts
        });
        let first = counts.partition_point(|counts| *counts < window.counts());
        let same = counts[first..].iter();
        same.take_while(|counts| **counts == window.counts())
            .take(2)
            .count()
            == 1
    }

    /// Whether a whole interval may have been lost in a pause between two windows. A pause that is
    /// shorter than an interval is idle time. An interval longer than the minimum is visible as the
    /// longest window.
    pub(super) fn may_have_lost(&self, (from_ns, until_ns): (i64, i64)) -> bool {
        let at_ns = i64::midpoint(from_ns, until_ns);
        let [Some(last), Some(next)] = self.windows.around(at_ns) else {
            return true;
        };
        next.from_ns.saturating_sub(last.until_ns) >= self.longest_ns.max(INTERVAL_NS) / 10 * 9
    }

    /// Returns the total length of the pauses in which packets may have been lost; a few idle
    /// seconds are not evidence of loss.
    pub(super) fn lost_ns(&self, stretches: &[(i64, i64)]) -> i64 {
        let long = stretches.iter().filter(|(from, until)| {
            until.saturating_sub(*from) > SLACK_NS && self.may_have_lost((*from, *until))
        });
        sum_ns(long)
    }
}

/// Returns the total length of the time ranges.
pub(super) fn sum_ns<'a>(stretches: impl Iterator<Item = &'a (i64, i64)>) -> i64 {
    let lengths = stretches.map(|(from, until)| until.saturating_sub(*from));
    lengths.fold(0, i64::saturating_add)
}
