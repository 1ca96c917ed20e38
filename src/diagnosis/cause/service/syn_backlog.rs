//! Hosts that drop the SYNs of all their clients in the same moments, and answer at other times.
//!
//! The kernel drops SYNs while the queue of half-open connections, or that of connections that the
//! application has not accepted yet, is full (`man 2 listen`, "tcp_max_syn_backlog", "somaxconn").
//! The clients have nothing in common then, except the moment.

use std::collections::{BTreeMap, BTreeSet};

use super::trouble::ServiceVerdict;
use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom, service};
use crate::diagnosis::cause::failure_split::{FailPass, timeline};
use crate::diagnosis::cause::names;
use crate::diagnosis::symptom::Symptom;

/// Failing attempts that are needed.
const FAILING_LEAST: u64 = 8;

/// Failing attempts that are needed in one bucket of time.
const FAILING_TOGETHER_LEAST: u64 = 3;

/// How many attempts may pass in such a bucket for each that fails.
const PASSING_MOST: u64 = 2;

/// How many buckets with attempts are needed for each such bucket.
const BUCKETS_LEAST: usize = 3;

/// Separate moments that are needed: a single one is an outage.
const MOMENTS_LEAST: usize = 2;

/// Clients that are needed.
const SOURCES_LEAST: u64 = 3;

/// One failing attempt in this many may be at another time.
const MISFIT_SHARE: u64 = 5;

/// Returns the evidence if these attempts, some of which fail and some pass, reach the host, and
/// fail for all clients in the same moments. A queue that overflows rarely is evidence as well, so
/// this does not need many failures, unlike [`Cause::Intermittent`].
///
/// [`Cause::Intermittent`]: crate::diagnosis::finding::Cause::Intermittent
pub(super) fn overflows(
    attempts: &AttemptIndex<'_>,
    verdict: &ServiceVerdict,
    entries: &[PathSymptom<'_>],
) -> Option<String> {
    let one = service(entries.first()?.path);
    let is_dropped = |entry: &PathSymptom<'_>| {
        let is_silent = matches!(entry.symptom, Symptom::NoReply);
        is_silent && entry.path.target_eni.is_some() && service(entry.path) == one
    };
    let is_meant = entries.iter().any(|entry| attempts.is_meant(entry));
    if !verdict.facts.mixed || !is_meant || !entries.iter().all(is_dropped) {
        return None;
    }
    let passing = attempts.of(one).filter(|entry| entry.symptom.is_passed());
    let passing: Vec<PathSymptom<'_>> = passing.copied().collect();
    let (buckets, width_s) = timeline(entries, &passing);
    let bad = bad_buckets(&buckets);
    let failed: u64 = buckets.values().map(|(fails, _)| fails).sum();
    let together: u64 = bad.iter().map(|bucket| buckets[bucket].0).sum();
    let is_together = failed >= FAILING_LEAST
        && (failed - together) * MISFIT_SHARE <= failed
        && moments(&bad) >= MOMENTS_LEAST;
    let (failing, others) = sources(entries, &passing, &bad, width_s);
    if !is_together || failing < SOURCES_LEAST || others * 2 > failing {
        return None;
    }
    let passed = passing.iter().map(|entry| entry.seen.count).sum();
    Some(format!(
        "; {together} of these {failed} attempts fail in {} separate periods, each for several of {failing} sources at \
         once, and {} connected in between",
        moments(&bad),
        names::counted(passed, "attempt")
    ))
}

/// Returns the buckets in which many attempts fail; none if these are a large part of all, as they
/// are if attempts fail by chance.
fn bad_buckets(buckets: &BTreeMap<i64, FailPass>) -> BTreeSet<i64> {
    let is_bad = |(fails, passes): FailPass| {
        fails >= FAILING_TOGETHER_LEAST && fails * PASSING_MOST >= passes
    };
    let bad = buckets.iter().filter(|(_, counts)| is_bad(**counts));
    let bad: BTreeSet<i64> = bad.map(|(bucket, _)| *bucket).collect();
    match bad.len() * BUCKETS_LEAST > buckets.len() {
        true => BTreeSet::new(),
        false => bad,
    }
}

/// Returns the number of runs of buckets.
fn moments(bad: &BTreeSet<i64>) -> usize {
    let begins = bad.iter().filter(|bucket| !bad.contains(&(*bucket - 1)));
    begins.count()
}

/// Returns how many sources fail in these buckets, and how many are there and only pass.
fn sources(
    failing: &[PathSymptom<'_>],
    passing: &[PathSymptom<'_>],
    bad: &BTreeSet<i64>,
    width_s: i64,
) -> (u64, u64) {
    let is_there = |entry: &&PathSymptom<'_>| {
        let mut minutes = entry.seen.minutes.clone();
        minutes.widen(width_s);
        minutes.counts.keys().any(|bucket| bad.contains(bucket))
    };
    let there = |entries: &[PathSymptom<'_>]| -> BTreeMap<_, u64> {
        let there = entries.iter().filter(is_there);
        // An entry without a source sums up those outside.
        let counted = there.map(|entry| match entry.path.source {
            Some(_) => (entry.path.source, 1),
            None => (None, entry.seen.sources.count()),
        });
        counted.collect()
    };
    let (failing, mut others) = (there(failing), there(passing));
    others.retain(|source, _| !failing.contains_key(source));
    (failing.values().sum(), others.values().sum())
}
