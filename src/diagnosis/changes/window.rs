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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::net::Ipv4Addr;

    use super::*;
    use crate::diagnosis::distinct_sources::DistinctSources;
    use crate::diagnosis::path_counts::MinuteCounts;

    const TRIAL: Trial = (None, IpAddr::V4(Ipv4Addr::LOCALHOST), 5432, 6);

    const OTHER: Trial = (None, IpAddr::V4(Ipv4Addr::LOCALHOST), 5433, 6);

    /// Attempts that pass on one path at these seconds, in order.
    fn attempts(seconds: &[i64]) -> PathCounts {
        let mut minutes = MinuteCounts::at(seconds[0] * SECOND_NS);
        for second in &seconds[1..] {
            minutes.count(second * SECOND_NS);
        }
        let (first_ns, begun_ns) = (seconds[0], seconds[seconds.len() - 1]);
        let (first_ns, begun_ns) = (first_ns * SECOND_NS, begun_ns * SECOND_NS);
        PathCounts {
            count: seconds.len() as u64,
            packets: 0,
            first_ns,
            begun_ns,
            last_ns: begun_ns,
            ports: (1, 1),
            blocks: BTreeMap::new(),
            minutes,
            places: BTreeSet::new(),
            silence_ns: (0, 0),
            longest_ns: (0, 0),
            crossing: (0, 0),
            sources: DistinctSources::default(),
            cut: 0,
            ways: [BTreeSet::new(), BTreeSet::new()],
        }
    }

    /// The last attempt that passed before a second, and the first one after it, in seconds.
    fn around(paths: &[&[i64]], second: i64) -> (Option<i64>, Option<i64>) {
        let paths: Vec<PathCounts> = paths.iter().map(|seconds| attempts(seconds)).collect();
        let passing = Passing(HashMap::from([(TRIAL, paths.iter().collect())]));
        let ns = second * SECOND_NS;
        let seconds = |ns: i64| ns / SECOND_NS;
        assert_eq!(passing.last_before(&OTHER, ns), None);
        assert_eq!(passing.first_after(&OTHER, ns), None);
        (
            passing.last_before(&TRIAL, ns).map(seconds),
            passing.first_after(&TRIAL, ns).map(seconds),
        )
    }

    #[test]
    fn attempt_is_known_to_the_instant_if_all_are_on_one_side() {
        assert_eq!(around(&[&[100, 185]], 190), (Some(185), None));
        assert_eq!(around(&[&[305, 400]], 190), (None, Some(305)));
    }

    #[test]
    fn attempt_between_others_is_known_to_the_minute() {
        // Buckets begin at 60 and 300.
        let found = around(&[&[10, 100, 305, 400]], 190);
        assert_eq!(found, (Some(60), Some(360)));
    }

    #[test]
    fn attempts_in_the_minute_of_the_instant_itself_show_nothing_but_the_first_and_last() {
        assert_eq!(
            around(&[&[181, 185, 195, 199]], 190),
            (Some(181), Some(199))
        );
    }

    #[test]
    fn nearest_of_several_paths_counts() {
        let found = around(&[&[100], &[185], &[250], &[305]], 190);
        assert_eq!(found, (Some(185), Some(250)));
    }

    #[test]
    fn attempts_are_counted_before_the_bucket_of_an_instant_and_from_then_on() {
        let paths = [attempts(&[10, 100, 185, 305]), attempts(&[20, 30])];
        let passing = Passing(HashMap::from([(TRIAL, paths.iter().collect())]));
        assert_eq!(passing.counts(&TRIAL, 190 * SECOND_NS), (4, 2));
        assert_eq!(passing.counts(&OTHER, 190 * SECOND_NS), (0, 0));
    }
}
