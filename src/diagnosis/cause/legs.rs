//! Legs: a connection through a load balancer or a NAT gateway has one leg to it and one from it.
//!
//! If requests reach a device that passes them on, and what it sends fails, both legs fail by one
//! fault. The finding of the second leg shows where, so it explains the first leg as well.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use super::draft::FindingDraft;
use super::names;
use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom, count};
use crate::diagnosis::finding::{Cause, Certainty};
use crate::flow::EniIndex;
use crate::time::SECOND_NS;

/// The share of its attempts, in percent, that must have a second leg for a finding to be explained.
const EXPLAINED_PERCENT: u64 = 90;

/// How far apart both legs of one request may begin: ENIs date it by their own clocks.
const LEGS_NS: i64 = 60 * SECOND_NS;

/// Attempts by the ENI of their source, each with the number of its finding.
type SecondLegs<'a> = HashMap<EniIndex, Vec<(usize, PathSymptom<'a>)>, RandomState>;

/// Removes the findings of first legs, and notes them in those of the second.
pub(super) fn folded<'a>(
    attempts: &AttemptIndex<'a>,
    mut drafts: Vec<FindingDraft<'a>>,
) -> Vec<FindingDraft<'a>> {
    let mut second: SecondLegs<'a> = HashMap::default();
    for (number, draft) in drafts.iter().enumerate() {
        if draft.certainty != Certainty::Possible {
            for entry in &draft.entries {
                if let Some(eni) = entry.path.source_eni {
                    second.entry(eni).or_default().push((number, *entry));
                }
            }
        }
    }
    let mut into: BTreeMap<usize, usize> = BTreeMap::new();
    for (number, draft) in drafts
        .iter()
        .enumerate()
        .filter(|(_, draft)| is_silent(draft.cause))
    {
        let onward = onward(attempts, number, draft, &second);
        if let Some(onward) = onward.filter(|onward| !into.contains_key(onward)) {
            into.insert(number, onward);
        }
    }
    for (number, onward) in &into {
        let first = &drafts[*number];
        let note = format!(
            "; {} to {} on {}, which passes them on, fail with them",
            names::counted(count(&first.entries), "attempt"),
            names::targets(&first.entries),
            names::ports(&first.entries),
        );
        drafts[*onward].seen += &note;
    }
    let numbered = drafts.into_iter().enumerate();
    let kept = numbered.filter(|(number, _)| !into.contains_key(number));
    kept.map(|(_, draft)| draft).collect()
}

/// Whether requests of such a finding were accepted and lead to no connection.
fn is_silent(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::NoReply
            | Cause::HalfOpen
            | Cause::ReplyElsewhere
            | Cause::NoWayBack
            | Cause::Intermittent
    )
}

/// Returns the finding of the second leg of these attempts, if there is one.
fn onward<'a>(
    attempts: &AttemptIndex<'a>,
    number: usize,
    draft: &FindingDraft<'a>,
    second: &SecondLegs<'a>,
) -> Option<usize> {
    let mut explained: BTreeMap<usize, u64> = BTreeMap::new();
    for first in &draft.entries {
        let leaving = first.path.target_eni.and_then(|eni| second.get(&eni));
        let mut findings: Vec<usize> = leaving
            .into_iter()
            .flatten()
            .filter(|(other, entry)| *other != number && continues(attempts, first, entry))
            .map(|(other, _)| *other)
            .collect();
        findings.sort_unstable();
        findings.dedup();
        for other in findings {
            *explained.entry(other).or_default() += first.seen.count;
        }
    }
    let most = explained
        .into_iter()
        .max_by_key(|(other, count)| (*count, std::cmp::Reverse(*other)));
    let (other, explained) = most?;
    (explained * 100 >= count(&draft.entries) * EXPLAINED_PERCENT).then_some(other)
}

/// Whether an attempt that leaves the ENI that another one enters is its second leg: it keeps the
/// source, or has the device as its source; and both fail in the same time range.
fn continues(
    attempts: &AttemptIndex<'_>,
    first: &PathSymptom<'_>,
    second: &PathSymptom<'_>,
) -> bool {
    // A host may call others on its own; a device does so for others.
    let is_device = |eni: EniIndex| attempts.is_nat(eni) || !attempts.enis.get(eni).kind.is_empty();
    let is_of_device = || {
        let owner = second.path.source.and_then(|source| attempts.owner(source));
        owner.is_some_and(is_device) && owner == first.path.target_eni
    };
    let has_source = second.path.source == first.path.source || is_of_device();
    let is_onward =
        (second.path.source, second.path.target) != (first.path.source, first.path.target);
    let begins = first.seen.first_ns >= second.seen.first_ns.saturating_sub(LEGS_NS);
    let ends = first.seen.begun_ns <= second.seen.begun_ns.saturating_add(LEGS_NS);
    let is_as_frequent = first.seen.count <= second.seen.count.saturating_mul(2);
    has_source && is_onward && begins && ends && is_as_frequent
}
