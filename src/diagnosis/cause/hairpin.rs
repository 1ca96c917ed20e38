//! Targets of a Network Load Balancer that connect to themselves through it.
//!
//! With client IP preservation, such a request comes back to its sender with the sender's own
//! address as source, and the host drops it. The leg to the load balancer has no reply either. Both
//! legs are one finding.

use std::collections::BTreeSet;
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
    for own in hairpins {
        let of_host = silent.get(&own.path.source).into_iter().flatten();
        let front = of_host.filter(|entry| is_front(own, entry));
        let entries: Vec<PathSymptom<'a>> = std::iter::once(own).chain(front).copied().collect();
        explained.extend(entries.iter().map(PathSymptom::key));
        drafts.push(draft(attempts, own, entries));
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
    own: &PathSymptom<'a>,
    entries: Vec<PathSymptom<'a>>,
) -> FindingDraft<'a> {
    let host = own.path.target;
    let port = names::port(own.path.port, own.path.protocol);
    let fronts: BTreeSet<String> = entries
        .iter()
        .filter(|entry| entry.path.target != host)
        .map(|entry| {
            let port = names::port(entry.path.port, entry.path.protocol);
            format!("{} on {port}", entry.path.target)
        })
        .collect();
    let through = match fronts.first() {
        Some(front) => format!("the load balancer at {front}"),
        None => "a load balancer".to_owned(),
    };
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
        title: format!("{host} cannot reach itself through {through}"),
        seen: format!(
            "Requests from {host} to {through} come back to {host} on {port} with its own address as source, and \
             have no reply",
        ),
        others: others.map(|entry| entry.seen.count).sum(),
        outage: None,
        entries,
        enis,
        shows: Shows::Handshakes,
    }
}
