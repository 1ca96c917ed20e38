//! When a change must have been made to explain the beginning or the end of a finding.
//!
//! Before the beginning, attempts on the same path passed. Only the minute of each attempt is kept,
//! or longer buckets in a long archive, so the time begins with the bucket of the last attempt that
//! passed. It ends at the first attempt that failed, and a little later, since clocks differ and
//! records have intervals.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::diagnosis::attempt_counts::{AttemptCounts, Path};
use crate::diagnosis::path_counts::PathCounts;
use crate::time::SECOND_NS;

/// Who tries what: source, target, port and protocol.
pub(super) type Trial = (Option<IpAddr>, IpAddr, u16, u8);

/// Returns who tries what on a path.
pub(super) fn trial(path: &Path) -> Trial {
    (path.source, path.target, path.port, path.protocol)
}

/// The attempts that pass, by who tries what.
pub(super) struct Passing<'a>(HashMap<Trial, Vec<&'a PathCounts>>);

impl<'a> Passing<'a> {
    pub(super) fn of(counts: &'a AttemptCounts) -> Self {
        let mut all: HashMap<Trial, Vec<&PathCounts>> = HashMap::new();
        for (path, seen) in counts.passing.iter() {
            all.entry(trial(path)).or_default().push(seen);
        }
        Self(all)
    }

    /// Returns the beginning of the bucket in which the last attempt before an instant passed,
    /// nanoseconds since the Unix epoch.
    pub(super) fn last_before(&self, trial: &Trial, ns: i64) -> Option<i64> {
        let seen = self.0.get(trial)?.iter();
        seen.filter_map(|seen| last_before(seen, ns)).max()
    }

    /// Returns how many attempts pass before the bucket of an instant, and from then on.
    pub(super) fn counts(&self, trial: &Trial, ns: i64) -> (u64, u64) {
        let of = |seen: &PathCounts| {
            let bucket = ns.div_euclid(seen.minutes.width_s * SECOND_NS);
            let before = match seen.begun_ns < ns {
                true => seen.count,
                false => seen
                    .minutes
                    .counts
                    .range(..bucket)
                    .map(|(_, count)| count)
                    .sum(),
            };
            (before, seen.count - before)
        };
        let seen = self.0.get(trial).into_iter().flatten();
        let add = |sum: (u64, u64), more: (u64, u64)| (sum.0 + more.0, sum.1 + more.1);
        seen.map(|seen| of(seen)).fold((0, 0), add)
    }

    /// Returns the end of the bucket in which the first attempt after an instant passed.
    pub(super) fn first_after(&self, trial: &Trial, ns: i64) -> Option<i64> {
        let seen = self.0.get(trial)?.iter();
        seen.filter_map(|seen| first_after(seen, ns)).min()
    }
}

fn last_before(seen: &PathCounts, ns: i64) -> Option<i64> {
    if seen.begun_ns < ns {
        return Some(seen.begun_ns);
    }
    let width_ns = seen.minutes.width_s * SECOND_NS;
    // What is in the bucket of the instant itself may be on either side of it.
    let mut before = seen.minutes.counts.range(..ns.div_euclid(width_ns));
    let bucket = before.next_back().map(|(bucket, _)| bucket * width_ns);
    bucket.or_else(|| Some(seen.first_ns).filter(|first| *first < ns))
}

fn first_after(seen: &PathCounts, ns: i64) -> Option<i64> {
    if seen.first_ns > ns {
        return Some(seen.first_ns);
    }
    let width_ns = seen.minutes.width_s * SECOND_NS;
    let mut after = seen.minutes.counts.range(ns.div_euclid(width_ns) + 1..);
    let bucket = after.next().map(|(bucket, _)| (bucket + 1) * width_ns);
    bucket.or_else(|| Some(seen.begun_ns).filter(|last| *last > ns))
}
