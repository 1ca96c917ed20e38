//! The times for which one way of a conversation has records.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::flow::clock::SLACK_NS;
use crate::time::SECOND_NS;

/// How far two windows may overlap although they share no packet: clocks differ by fractions
/// of a second, and times are in whole seconds.
pub(super) const EDGE_NS: i64 = SECOND_NS;

/// The shorter of the two aggregation intervals that a flow log can have:
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-basics.html>.
const INTERVAL_NS: i64 = 60 * SECOND_NS;

/// In a shorter pause no interval can be lost: it ends and begins with packets of others.
pub(in crate::flow) const PAUSE_MAX_NS: i64 = INTERVAL_NS / 10 * 9;

/// Whether a window is as long as an aggregation interval, with or without the second in which it
/// ends: then a record may be dated by its interval, not by its packets.
pub(in crate::flow) fn is_interval(len_ns: i64) -> bool {
    let minute = INTERVAL_NS..=INTERVAL_NS + SECOND_NS;
    let ten = 10 * INTERVAL_NS..=10 * INTERVAL_NS + SECOND_NS;
    minute.contains(&len_ns) || ten.contains(&len_ns)
}

/// A stretch of time, and the packets that one way's records count in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Window {
    pub(super) from_ns: i64,
    pub(super) until_ns: i64,
    pub(super) packets: u64,
    /// 0 where they are not logged.
    pub(super) bytes: u64,
    /// Whether its first record has a SYN.
    pub(super) opens: bool,
}

impl Window {
    pub(super) fn len_ns(&self) -> i64 {
        self.until_ns.saturating_sub(self.from_ns)
    }

    /// Whether two windows may have packets in common.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let from_ns = self.from_ns.max(other.from_ns);
        let common_ns = self.until_ns.min(other.until_ns).saturating_sub(from_ns);
        common_ns > EDGE_NS || common_ns > 0 && common_ns >= self.len_ns().min(other.len_ns())
    }

    /// Packets and bytes.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.packets, self.bytes)
    }

    /// Whether more than half of either is in both.
    pub(super) fn shares_most(&self, other: &Self) -> bool {
        let from_ns = self.from_ns.max(other.from_ns);
        let common_ns = self.until_ns.min(other.until_ns).saturating_sub(from_ns);
        common_ns > self.len_ns().max(other.len_ns()) / 2
    }

    /// Becomes one with another window.
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

    /// The silence between two windows that do not meet.
    pub(super) fn distance_ns(&self, other: &Self) -> i64 {
        let from_ns = self.from_ns.max(other.from_ns);
        from_ns
            .saturating_sub(self.until_ns.min(other.until_ns))
            .max(0)
    }

    /// The stretches of this window that none of `others`, which are in order, covers. Where both
    /// begin with a SYN and this one is dated by its interval, it is the same SYN: nothing is before it.
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

/// Those of some windows in order, none of which meets another, that overlap this one. Of such
/// windows the later one also ends later.
pub(super) fn overlapping<'a, T>(
    all: &'a [T],
    window: &Window,
    of: impl Fn(&T) -> &Window,
) -> &'a [T] {
    let first = all.partition_point(|other| of(other).until_ns <= window.from_ns);
    let count = all[first..].partition_point(|other| of(other).from_ns < window.until_ns);
    &all[first..first + count]
}

/// Windows of one way, none of which meets another.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    windows: BTreeMap<i64, Window>,
    /// The longest window of one record.
    longest_ns: i64,
    /// Packets and bytes of each record, in order.
    counts: Vec<(u64, u64)>,
}

impl Timeline {
    pub(super) fn of(windows: impl Iterator<Item = Window>) -> Self {
        let mut timeline = Self::default();
        for window in windows {
            timeline.longest_ns = timeline.longest_ns.max(window.len_ns());
            timeline.counts.push(window.counts());
            timeline.add(window);
        }
        timeline.counts.sort_unstable();
        timeline
    }

    /// Whether one record alone counts what this window does.
    pub(super) fn counts_once(&self, window: &Window) -> bool {
        let first = self
            .counts
            .partition_point(|counts| *counts < window.counts());
        let mut same = self.counts[first..]
            .iter()
            .take_while(|counts| **counts == window.counts());
        same.next().is_some() && same.next().is_none()
    }

    /// Whether a whole interval may be lost where a stretch lies between two windows. What is
    /// shorter than an interval is silence. An interval that is longer than the least shows in the
    /// longest window.
    pub(super) fn may_have_lost(&self, (from_ns, until_ns): (i64, i64)) -> bool {
        let at_ns = i64::midpoint(from_ns, until_ns);
        let next = self.windows.range(at_ns..).next().map(|(from, _)| *from);
        let (Some(last), Some(next)) = (self.last_before(at_ns), next) else {
            return true;
        };
        next.saturating_sub(last.until_ns) >= self.longest_ns.max(INTERVAL_NS) / 10 * 9
    }

    /// How long those of the stretches are together in which packets may be lost: some seconds of
    /// silence mean nothing.
    pub(super) fn lost_ns(&self, stretches: &[(i64, i64)]) -> i64 {
        let long = stretches.iter().filter(|(from, until)| {
            until.saturating_sub(*from) > SLACK_NS && self.may_have_lost((*from, *until))
        });
        sum_ns(long)
    }

    /// Adds a window; one that meets others becomes one with them.
    pub(super) fn add(&mut self, mut window: Window) {
        while let Some(other) = self.met_by(&window) {
            self.windows.remove(&other.from_ns);
            window.join(&other);
        }
        self.windows.insert(window.from_ns, window);
    }

    /// The last window that meets this one.
    pub(super) fn met_by(&self, window: &Window) -> Option<Window> {
        let before = self.windows.range(..window.until_ns).rev().map(|(_, w)| *w);
        let mut near = before.take_while(|other| other.until_ns > window.from_ns);
        near.find(|other| other.meets(window))
    }

    /// The last window that begins before an instant.
    pub(super) fn last_before(&self, instant_ns: i64) -> Option<Window> {
        let mut before = self.windows.range(..instant_ns);
        before.next_back().map(|(_, window)| *window)
    }

    /// The windows that meet this one, and those whose edge packets may be its own by a clock that
    /// is off by a fraction; if there are none of these, the nearest within the slack. None of those
    /// that do not meet it, if it is `surely` in a gap.
    pub(super) fn beside(&self, window: &Window, surely: bool) -> Vec<Window> {
        let (from_ns, until_ns) = (window.from_ns, window.until_ns);
        let reach_ns = from_ns.saturating_sub(EDGE_NS);
        let first = self.last_before(reach_ns).map_or(reach_ns, |w| w.from_ns);
        let near = self.windows.range(first..=until_ns.saturating_add(EDGE_NS));
        let near: Vec<Window> = near
            .map(|(_, w)| *w)
            .filter(|other| other.until_ns >= reach_ns)
            .collect();
        let is_met = near.iter().any(|other| other.meets(window));
        if surely && !is_met {
            return Vec::new();
        }
        if !near.is_empty() {
            return near;
        }
        let next = self.windows.range(from_ns..).next().map(|(_, w)| *w);
        let around = [self.last_before(from_ns), next];
        let near = around.into_iter().flatten();
        near.filter(|other| other.distance_ns(window) <= SLACK_NS)
            .collect()
    }
}

/// How long stretches are together.
pub(super) fn sum_ns<'a>(stretches: impl Iterator<Item = &'a (i64, i64)>) -> i64 {
    let lengths = stretches.map(|(from, until)| until.saturating_sub(*from));
    lengths.fold(0, i64::saturating_add)
}
