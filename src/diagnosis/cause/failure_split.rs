//! The split that best distinguishes failing attempts from the others.
//!
//! Attempts to one service can be divided in two by the ENI or zone at either end, by the
//! initiator's port, or by time. The split with the largest information gain is named: the one that
//! leaves the least uncertainty about which attempts fail.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::diagnosis::attempt_counts::Path;
use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom};
use crate::diagnosis::path_counts::{BLOCK_PORTS, MinuteCounts};
use crate::flow::EniIndex;
use crate::time::SECOND_NS;

/// The share of the uncertainty that a split must remove to be worth naming.
const GAIN_LEAST: f64 = 0.2;

/// Counts of attempts that fail, and that pass.
pub(super) type FailPass = (u64, u64);

/// One half with its name, and the counts of both halves.
struct BestSplit {
    name: String,
    inner: FailPass,
    outer: FailPass,
    gain: f64,
}

/// Names the best split; `None` if none explains much.
pub(super) fn best(
    attempts: &AttemptIndex<'_>,
    failing: &[PathSymptom<'_>],
    passing: &[PathSymptom<'_>],
) -> Option<String> {
    let sum =
        |entries: &[PathSymptom<'_>]| entries.iter().map(|entry| entry.seen.count).sum::<u64>();
    let all = (sum(failing), sum(passing));
    let doubt = entropy(all) * (all.0 + all.1) as f64;
    let mut best: Option<BestSplit> = None;
    let mut consider = |name: String, inner: FailPass| {
        let outer = (all.0.saturating_sub(inner.0), all.1.saturating_sub(inner.1));
        let rest = [inner, outer].map(|half| entropy(half) * (half.0 + half.1) as f64);
        let gain = (doubt - rest.iter().sum::<f64>()) / doubt;
        // The half with the larger share of failures is the one named.
        let share = |(fails, passes): FailPass| fails as f64 / ((fails + passes) as f64).max(1.0);
        if share(inner) >= share(outer)
            && best.as_ref().is_none_or(|known| gain > known.gain + 1e-9)
        {
            best = Some(BestSplit {
                name,
                inner,
                outer,
                gain,
            });
        }
    };
    by_end(attempts, failing, passing, &mut consider);
    by_port(failing, passing, &mut consider);
    by_time(failing, passing, &mut consider);
    let best = best.filter(|split| split.gain >= GAIN_LEAST)?;
    let of = |(fails, passes): FailPass| format!("{fails} of {}", fails + passes);
    Some(format!(
        "{} attempts {} fail, compared with {} others",
        of(best.inner),
        best.name,
        of(best.outer)
    ))
}

/// Considers the ENI, its subnet and its zone, at either end.
fn by_end(
    attempts: &AttemptIndex<'_>,
    failing: &[PathSymptom<'_>],
    passing: &[PathSymptom<'_>],
    consider: &mut impl FnMut(String, FailPass),
) {
    type EniAtEnd = fn(&Path) -> Option<EniIndex>;
    let ends: [(&str, EniAtEnd); 2] = [
        ("from", |path| path.source_eni),
        ("at", |path| path.target_eni),
    ];
    for (side, eni) in ends {
        let zone = |entry: &PathSymptom<'_>| {
            let zone = &attempts.enis.get(eni(entry.path)?).zone;
            (!zone.is_empty()).then(|| format!("{side} zone {zone}"))
        };
        by_name(failing, passing, zone, consider);
        let subnet = |entry: &PathSymptom<'_>| {
            let subnet = attempts.subnet(eni(entry.path)?);
            (!subnet.is_empty()).then(|| format!("{side} {subnet}"))
        };
        by_name(failing, passing, subnet, consider);
        let name = |entry: &PathSymptom<'_>| {
            Some(format!(
                "{side} {}",
                attempts.enis.get(eni(entry.path)?).name
            ))
        };
        by_name(failing, passing, name, consider);
    }
}

/// Returns the entropy of a group of attempts: bits of uncertainty about which of them fail.
fn entropy((fails, passes): FailPass) -> f64 {
    let all = (fails + passes) as f64;
    let term = |n: u64| match n {
        0 => 0.0,
        n => -(n as f64 / all) * (n as f64 / all).log2(),
    };
    term(fails) + term(passes)
}

fn by_name(
    failing: &[PathSymptom<'_>],
    passing: &[PathSymptom<'_>],
    name: impl Fn(&PathSymptom<'_>) -> Option<String>,
    consider: &mut impl FnMut(String, FailPass),
) {
    let mut counts: BTreeMap<String, FailPass> = BTreeMap::new();
    for entry in failing {
        name(entry)
            .into_iter()
            .for_each(|name| counts.entry(name).or_default().0 += entry.seen.count);
    }
    for entry in passing {
        name(entry)
            .into_iter()
            .for_each(|name| counts.entry(name).or_default().1 += entry.seen.count);
    }
    counts
        .into_iter()
        .for_each(|(name, inner)| consider(name, inner));
}

fn by_port(
    failing: &[PathSymptom<'_>],
    passing: &[PathSymptom<'_>],
    consider: &mut impl FnMut(String, FailPass),
) {
    let mut blocks: BTreeMap<u16, FailPass> = BTreeMap::new();
    for (block, count) in failing.iter().flat_map(|entry| &entry.seen.blocks) {
        blocks.entry(*block).or_default().0 += count;
    }
    for (block, count) in passing.iter().flat_map(|entry| &entry.seen.blocks) {
        blocks.entry(*block).or_default().1 += count;
    }
    let port = |block: u16| block * BLOCK_PORTS;
    halves(
        &blocks,
        |block, is_below| match is_below {
            true => format!("from ports below {}", port(block)),
            false => format!("from ports {} and above", port(block)),
        },
        consider,
    );
}

fn by_time(
    failing: &[PathSymptom<'_>],
    passing: &[PathSymptom<'_>],
    consider: &mut impl FnMut(String, FailPass),
) {
    let (buckets, width_s) = timeline(failing, passing);
    let at = |bucket: i64| {
        let ns = i128::from(bucket) * i128::from(width_s) * i128::from(SECOND_NS);
        Timestamp::from_nanosecond(ns).map_or_else(|_| bucket.to_string(), |t| t.to_string())
    };
    halves(
        &buckets,
        |bucket, is_below| match is_below {
            true => format!("before {}", at(bucket)),
            false => format!("since {}", at(bucket)),
        },
        consider,
    );
    // An interval within the time range.
    let failed: BTreeSet<i64> = buckets
        .iter()
        .filter(|(_, counts)| counts.0 > 0)
        .map(|(b, _)| *b)
        .collect();
    if let (Some(first), Some(last)) = (failed.first(), failed.last()) {
        let inner = buckets
            .range(first..=last)
            .fold((0, 0), |sum: FailPass, (_, more)| {
                (sum.0 + more.0, sum.1 + more.1)
            });
        consider(
            format!("between {} and {}", at(*first), at(*last + 1)),
            inner,
        );
    }
}

/// Returns the counts by bucket of time, and the width of a bucket in seconds.
pub(super) fn timeline(
    failing: &[PathSymptom<'_>],
    passing: &[PathSymptom<'_>],
) -> (BTreeMap<i64, FailPass>, i64) {
    let all = || failing.iter().chain(passing);
    let widths = all().map(|entry| entry.seen.minutes.width_s);
    let width_s = widths.max().unwrap_or(60);
    let widened = |entry: &PathSymptom<'_>| {
        let mut minutes: MinuteCounts = entry.seen.minutes.clone();
        minutes.widen(width_s);
        minutes.counts
    };
    let mut buckets: BTreeMap<i64, FailPass> = BTreeMap::new();
    for (bucket, count) in failing.iter().flat_map(widened) {
        buckets.entry(bucket).or_default().0 += count;
    }
    for (bucket, count) in passing.iter().flat_map(widened) {
        buckets.entry(bucket).or_default().1 += count;
    }
    (buckets, width_s)
}

/// Considers all ways to cut an ordered sequence in two.
fn halves<K: Copy + Ord>(
    counts: &BTreeMap<K, FailPass>,
    name: impl Fn(K, bool) -> String,
    consider: &mut impl FnMut(String, FailPass),
) {
    let add = |a: FailPass, b: &FailPass| (a.0 + b.0, a.1 + b.1);
    let all = counts.values().fold((0, 0), add);
    let mut below = (0, 0);
    for (key, here) in counts {
        if below != (0, 0) {
            consider(name(*key, true), below);
            consider(name(*key, false), (all.0 - below.0, all.1 - below.1));
        }
        below = add(below, here);
    }
}
