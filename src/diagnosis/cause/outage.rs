//! Outages: a time range in which nearly all attempts fail, while the same attempts pass at other
//! times.
//!
//! Failures that begin at one moment have one cause, such as a change, a failover or a deployment.
//! They are not intermittent, even if a few attempts do not fit. Times are compared by minute, or by
//! longer buckets in a long archive, so an attempt in the first or last bucket of an outage counts
//! as a fit, whatever its result.

use std::collections::{BTreeMap, BTreeSet};

use super::failure_split::{FailPass, timeline};
use crate::diagnosis::attempt_index::{PathSymptom, service};
use crate::time::{SECOND_NS, rfc3339_second};

/// Failing attempts that are needed to call it an outage.
const FAILING_LEAST: u64 = 3;

/// Attempts that are needed to say that the service worked at other times.
const PASSING_LEAST: u64 = 2;

/// How many attempts that pass show that failures in a single bucket are not chance.
const PASSING_AROUND_LEAST: u64 = 20;

/// One attempt in this many may not fit.
const MISFIT_SHARE: u64 = 10;

/// A time range in which nearly all attempts fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outage {
    /// When the first attempt failed; `None` if none passed before. Nanoseconds since the epoch.
    pub(super) since_ns: Option<i64>,
    /// When the last attempt failed; `None` if none passed afterwards. Nanoseconds since the epoch.
    pub(super) until_ns: Option<i64>,
}

/// Returns the outage that explains the failing entries, compared with entries of the same source
/// and service that pass; `None` if time does not explain them.
pub(super) fn outage(failing: &[PathSymptom<'_>], passing: &[PathSymptom<'_>]) -> Option<Outage> {
    let (buckets, width_s) = timeline(failing, passing);
    let (first, last) = worst_range(&buckets)?;
    if !is_steady(&buckets, first, last) {
        return None;
    }
    let passes = |mut range: std::collections::btree_map::Range<'_, i64, FailPass>| {
        range.any(|(_, (_, passes))| *passes > 0)
    };
    let bucket_ns = |bucket: i64| bucket * width_s * SECOND_NS;
    let began = || {
        // An entry that also failed long before is of no help here.
        let firsts = failing.iter().map(|entry| entry.seen.first_ns);
        let near = firsts.filter(|ns| *ns >= bucket_ns(first - 1));
        near.min().unwrap_or_else(|| bucket_ns(first))
    };
    let ended = || {
        let lasts = failing.iter().map(|entry| entry.seen.begun_ns);
        let near = lasts.filter(|ns| *ns < bucket_ns(last + 2));
        near.max().unwrap_or_else(|| bucket_ns(last + 1))
    };
    let (since_ns, until_ns) = (began(), ended());
    // In the first bucket, what began before the first failure passed before it.
    let passed_before = passes(buckets.range(..first))
        || passing.iter().any(|entry| entry.seen.first_ns < since_ns);
    let passed_after = passes(buckets.range(last + 1..))
        || passing.iter().any(|entry| entry.seen.begun_ns > until_ns);
    let outage = Outage {
        since_ns: passed_before.then_some(since_ns),
        until_ns: passed_after.then_some(until_ns),
    };
    (passed_before || passed_after).then_some(outage)
}

/// Does the same for rejected attempts: only attempts of the same source to the same service are
/// compared.
pub(super) fn of_paths(failing: &[PathSymptom<'_>], passing: &[PathSymptom<'_>]) -> Option<Outage> {
    let key = |entry: &PathSymptom<'_>| (entry.path.source, service(entry.path));
    let keys: BTreeSet<_> = failing.iter().map(key).collect();
    let alike = passing.iter().filter(|entry| keys.contains(&key(entry)));
    outage(failing, &alike.copied().collect::<Vec<_>>())
}

/// Returns the first and last bucket of the range with the largest surplus of failures over passes;
/// `None` if there is no failure.
fn worst_range(buckets: &BTreeMap<i64, FailPass>) -> Option<(i64, i64)> {
    let mut best: Option<(i128, i64, i64)> = None;
    let mut run: Option<(i128, i64)> = None;
    for (bucket, (fails, passes)) in buckets {
        let surplus = i128::from(*fails) - i128::from(*passes);
        let (sum, first) = match run {
            Some((sum, first)) if sum > 0 => (sum + surplus, first),
            _ => (surplus, *bucket),
        };
        run = Some((sum, first));
        if *fails > 0 && best.is_none_or(|(most, ..)| sum > most) {
            best = Some((sum, first, *bucket));
        }
    }
    best.map(|(_, first, last)| (first, last))
}

/// Whether nearly all attempts fail in this range of buckets, and nearly none fail elsewhere.
fn is_steady(buckets: &BTreeMap<i64, FailPass>, first: i64, last: i64) -> bool {
    let sum = |range: &mut dyn Iterator<Item = (&i64, &FailPass)>| {
        range.fold((0u64, 0u64), |sum, (_, more)| {
            (sum.0 + more.0, sum.1 + more.1)
        })
    };
    let fails_rarely = |(fails, passes): FailPass| fails * MISFIT_SHARE <= fails + passes;
    let passes_rarely = |(fails, passes): FailPass| passes * MISFIT_SHARE <= fails + passes;
    let all = sum(&mut buckets.iter());
    let within = sum(&mut buckets.range(first..=last));
    let before = sum(&mut buckets.range(..first - 1));
    let after = sum(&mut buckets.range(last + 2..));
    let outside = (before.0 + after.0, before.1 + after.1);
    if all.0 < FAILING_LEAST || all.1 < PASSING_LEAST || outside.0 * MISFIT_SHARE > all.0 {
        return false;
    }
    let core = match last - first {
        0 | 1 => (0, 0),
        _ => sum(&mut buckets.range(first + 1..last)),
    };
    let is_core_steady = core != (0, 0) && passes_rarely(core);
    // All failures in a minute or two, among many minutes without any.
    let is_brief = core == (0, 0) && within.0 > within.1 && all.1 >= PASSING_AROUND_LEAST;
    // Nothing passes in the range at all, not even at its edges.
    let is_whole = within.1 == 0;
    fails_rarely(outside) && (is_core_steady || is_brief || is_whole)
}

/// Whether a far larger share of the attempts fails from some moment on than before it.
pub(super) fn grows(failing: &[PathSymptom<'_>], passing: &[PathSymptom<'_>]) -> bool {
    /// Failing attempts that are needed.
    const FAILING_LEAST: u64 = 8;
    /// How much larger the share must be.
    const GROWTH: u64 = 4;
    /// One attempt in this many fails, at least.
    const SHARE_LEAST: u64 = 6;
    let (buckets, _) = timeline(failing, passing);
    let add = |a: FailPass, b: &FailPass| (a.0 + b.0, a.1 + b.1);
    let all = buckets.values().fold((0, 0), add);
    let mut before = (0, 0);
    buckets.values().any(|here| {
        let after = (all.0 - before.0, all.1 - before.1);
        let (sum_before, sum_after) = (before.0 + before.1, after.0 + after.1);
        let is_larger = after.0 * sum_before >= before.0 * sum_after * GROWTH;
        let is_common = after.0 >= FAILING_LEAST && after.0 * SHARE_LEAST >= sum_after;
        let is_known = before.1 >= FAILING_LEAST;
        before = add(before, here);
        is_larger && is_common && is_known
    })
}

impl Outage {
    /// Formats the time range for the end of a title: ` since …`, ` until …`, ` from … to …`.
    pub(super) fn title(&self) -> String {
        match (
            self.since_ns.map(rfc3339_second),
            self.until_ns.map(rfc3339_second),
        ) {
            (Some(since), Some(until)) => format!(" from {since} to {until}"),
            (Some(since), None) => format!(" since {since}"),
            (None, Some(until)) => format!(" until {until}"),
            (None, None) => String::new(),
        }
    }

    /// Describes what shows the outage, after the evidence; `passed` says how many attempts passed.
    pub(super) fn seen(&self, passed: &str) -> String {
        let when = match (self.since_ns, self.until_ns) {
            (Some(_), Some(_)) => "before and after that time",
            (Some(_), None) => "before that time",
            _ => "after that time",
        };
        format!("; {passed} {when}")
    }

    /// Returns where to look for the change, if the start or end is known.
    pub(super) fn look_at(&self) -> Option<String> {
        let at = self.since_ns.or(self.until_ns).map(rfc3339_second)?;
        Some(format!(
            "Check what changed at {at}: CloudTrail events, deployments, failovers, scaling"
        ))
    }
}
