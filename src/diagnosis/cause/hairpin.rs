//! Targets of a Network Load Balancer that connect to themselves through it.
//!
//! With client IP preservation, such a request comes back to its sender with the sender's own
//! address as source, and the host drops it. The leg to the load balancer has no reply either. Both
//! legs are one finding.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::draft::FindingDraft;
use super::names;
use crate::diagnosis::attempt_counts::Path;
use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom, grouped, service};
use crate::diagnosis::display_filter::Shows;
use crate::diagnosis::finding::{Cause, Certainty};
use crate::diagnosis::symptom::Symptom;
use crate::flow::EniIndex;
use crate::time::SECOND_NS;

/// How far apart both legs of one request may begin: ENIs date it by their own clocks.
const LEGS_NS: i64 = 2 * SECOND_NS;

/// Drafts the findings, and returns the paths and symptoms that they explain.
pub(super) fn drafts<'a>(
    attempts: &AttemptIndex<'a>,
    drafts: &mut Vec<FindingDraft<'a>>,
) -> BTreeSet<(Path, Symptom)> {
    let mut explained = BTreeSet::new();
    let hairpins: Vec<&PathSymptom<'a>> = attempts.all().filter(|e| is_hairpin(e)).collect();
    let hosts: BTreeSet<Option<IpAddr>> = hairpins.iter().map(|own| own.path.source).collect();
    let silent = grouped(attempts.all(), |entry| {
        let is_silent = entry.symptom == Symptom::NoReply && hosts.contains(&entry.path.source);
        is_silent.then_some(entry.path.source)
    });
    // All targets of one load balancer have the same port, as a rule.
    let mut by_port: BTreeMap<(u8, u16), Vec<&PathSymptom<'a>>> = BTreeMap::new();
    for own in hairpins {
        let key = (own.path.protocol, own.path.port);
        by_port.entry(key).or_default().push(own);
    }
    for own in by_port.into_values() {
        let front = own.iter().flat_map(|own| {
            let of_host = silent.get(&own.path.source).into_iter().flatten();
            of_host.filter(|entry| is_front(own, entry))
        });
        let mut front: Vec<PathSymptom<'a>> = front.copied().collect();
        front.sort_by_key(PathSymptom::key);
        front.dedup_by_key(|entry| entry.key());
        let own: Vec<PathSymptom<'a>> = own.into_iter().copied().collect();
        explained.extend(own.iter().chain(&front).map(PathSymptom::key));
        drafts.push(draft(attempts, own, front));
    }
    explained
}

/// Whether a host gets a request with its own address as source, and does not answer.
fn is_hairpin(entry: &PathSymptom<'_>) -> bool {
    let fails = matches!(
        entry.symptom,
        Symptom::NoReply
            | Symptom::HalfOpen
            | Symptom::Refused
            | Symptom::ReplyElsewhere { .. }
            | Symptom::ReplyLost { .. }
    );
    fails && entry.path.source == Some(entry.path.target)
}

/// Whether an unanswered request of the same host is the leg to the load balancer: it arrives at
/// the ENI that the other leg leaves, or as many attempts begin at the same time.
fn is_front(own: &PathSymptom<'_>, entry: &PathSymptom<'_>) -> bool {
    let meets = match (own.path.source_eni, entry.path.target_eni) {
        (Some(leaves), Some(enters)) => leaves == enters,
        _ => {
            entry.seen.count == own.seen.count
                && entry.seen.first_ns.abs_diff(own.seen.first_ns) <= LEGS_NS as u64
        }
    };
    entry.path.target != own.path.target && meets
}

fn draft<'a>(
    attempts: &AttemptIndex<'a>,
    own: Vec<PathSymptom<'a>>,
    front: Vec<PathSymptom<'a>>,
) -> FindingDraft<'a> {
    let hosts = names::targets(&own);
    let ports = names::ports(&own);
    let (itself, its) = match own.as_slice() {
        [_] => ("itself", "its own address"),
        _ => ("themselves", "their own addresses"),
    };
    let through = match front.as_slice() {
        [] => "a load balancer".to_owned(),
        front => format!(
            "the load balancer at {} on {}",
            names::targets(front),
            names::ports(front)
        ),
    };
    let entries: Vec<PathSymptom<'a>> = own.into_iter().chain(front).collect();
    let enis: BTreeSet<EniIndex> = entries
        .iter()
        .filter_map(|entry| entry.path.target_eni)
        .collect();
    let others = entries.iter().flat_map(|failed| {
        let alike = attempts.of(service(failed.path));
        alike.filter(move |entry| entry.symptom.is_passed() && entry.path == failed.path)
    });
    FindingDraft {
        cause: Cause::NlbHairpin,
        certainty: Certainty::Likely,
        title: format!("{hosts} cannot reach {itself} through {through}"),
        seen: format!(
            "Requests from {hosts} to {through} come back to {hosts} on {ports} with {its} as source, and have no reply",
        ),
        others: others.map(|entry| entry.seen.count).sum(),
        outage: None,
        entries,
        enis,
        shows: Shows::Handshakes,
    }
}
