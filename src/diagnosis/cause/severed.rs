//! Subnets that cannot exchange packets with another network, whichever side begins.
//!
//! Requests in both directions then fail in different ways, by one fault: a missing route, or a
//! connection to the other network that is down.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::draft::FindingDraft;
use super::names;
use super::source_place::{SourcePlace, block};
use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom, count};
use crate::diagnosis::finding::{Cause, Certainty};
use crate::flow::is_private;

/// A subnet whose ENIs have logs, and 256 private addresses that no ENI has.
type Severed<'a> = (SourcePlace<'a>, Ipv4Addr);

/// Merges the findings of both directions between the same two networks into the one with most
/// attempts.
pub(super) fn merged<'a>(
    attempts: &AttemptIndex<'a>,
    drafts: Vec<FindingDraft<'a>>,
) -> Vec<FindingDraft<'a>> {
    let mut alike: BTreeMap<Severed<'a>, [Vec<usize>; 2]> = BTreeMap::new();
    for (number, draft) in drafts.iter().enumerate() {
        if let Some((severed, leaves)) = severed(attempts, draft) {
            alike.entry(severed).or_default()[usize::from(leaves)].push(number);
        }
    }
    let mut into: BTreeMap<usize, usize> = BTreeMap::new();
    for [entering, leaving] in alike.values() {
        // In one direction alone, several hosts may fail on their own.
        if entering.is_empty() || leaving.is_empty() {
            continue;
        }
        let numbers: Vec<usize> = [&entering[..], &leaving[..]].concat();
        let most = numbers
            .iter()
            .max_by_key(|number| (count(&drafts[**number].entries), usize::MAX - **number));
        let others = numbers.iter().filter(|number| Some(*number) != most);
        into.extend(others.filter_map(|number| Some((*number, *most?))));
    }
    let mut kept: BTreeMap<usize, FindingDraft<'a>> = drafts.into_iter().enumerate().collect();
    for (number, most) in into {
        if let Some(other) = kept.remove(&number)
            && let Some(draft) = kept.get_mut(&most)
        {
            draft.seen += &note(&other);
            draft.others += other.others;
            draft.enis.extend(other.enis);
            draft.entries.extend(other.entries);
        }
    }
    kept.into_values().collect()
}

/// Returns the two networks if all attempts of a finding are between them, and whether they begin
/// in the subnet.
fn severed<'a>(
    attempts: &AttemptIndex<'a>,
    draft: &FindingDraft<'a>,
) -> Option<(Severed<'a>, bool)> {
    let is_silent = matches!(
        draft.cause,
        Cause::NoReply | Cause::HalfOpen | Cause::NoWayBack | Cause::ReplyElsewhere
    );
    if !is_silent || draft.certainty == Certainty::Possible {
        return None;
    }
    let ends = |entry: &PathSymptom<'a>| {
        let (source, target) = (entry.path.source?, entry.path.target);
        let owned = |host: IpAddr| attempts.owner(host).is_some();
        let (near, far) = match (owned(source), owned(target)) {
            (true, false) => (source, target),
            (false, true) => (target, source),
            _ => return None,
        };
        let far = Some(far).filter(|far| is_private(*far)).and_then(block)?;
        let severed = (SourcePlace::of_host(attempts, near), far);
        Some((severed, near == source))
    };
    let all: Option<BTreeSet<(Severed<'a>, bool)>> = draft.entries.iter().map(ends).collect();
    let all = all?;
    all.first().copied().filter(|_| all.len() == 1)
}

/// Describes the attempts of another finding that fail by the same fault.
fn note(other: &FindingDraft<'_>) -> String {
    let path = names::path(&other.entries);
    format!(
        "; {} from {} to {} fail as well",
        names::counted(count(&other.entries), "attempt"),
        path.who_in_sentence,
        path.what
    )
}
