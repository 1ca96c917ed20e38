//! Requests that are rejected inbound or outbound: one finding for each cause.
//!
//! [`super::layer`] decides which filter rejects. ENIs that fail in the same way share a decision.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::FindingDraft;
use super::layer::{
    Case, Decision, Failing, FilterLayer, ServicePort, is_directed, passes, service_port,
};
use super::source_place::SourcePlace;
use super::{names, outage};
use crate::diagnosis::attempt_index::Roles;
use crate::diagnosis::attempt_index::{AttemptIndex, End, PathSymptom, grouped, service};
use crate::diagnosis::display_filter::Shows;
use crate::diagnosis::finding::{Cause, Certainty};
use crate::diagnosis::symptom::Symptom;
use crate::flow::EniIndex;

/// Failing entries at one ENI, and the layer that explains them.
struct BlockVerdict<'a> {
    decision: Decision,
    entries: Vec<PathSymptom<'a>>,
}

/// What is decided for ENIs that share one cause.
type Verdicts<'a> = BTreeMap<EniIndex, BlockVerdict<'a>>;

/// Drafts the findings for requests rejected inbound and outbound.
pub(super) fn drafts<'a>(attempts: &AttemptIndex<'a>, roles: &Roles) -> Vec<FindingDraft<'a>> {
    let mut drafts = Vec::new();
    for end in [End::Target, End::Source] {
        let at = |entry: &PathSymptom<'a>| {
            let at = rejecting_eni(end, entry)?;
            (attempts.is_meant(entry) || is_shut_for_a_time(attempts, entry)).then_some(at)
        };
        let failing = grouped(attempts.all(), at);
        let mut merged: BTreeMap<(FilterLayer, String), Verdicts<'a>> = BTreeMap::new();
        for (eni, verdict) in verdicts(attempts, roles, end, &failing) {
            let key = (verdict.decision.layer, one_cause(attempts, eni, &verdict));
            merged.entry(key).or_default().insert(eni, verdict);
        }
        let merged = merged.into_iter();
        let merged = shared_acls(
            attempts,
            merged.map(|((layer, _), verdicts)| (layer, verdicts)),
        );
        drafts.extend(
            merged
                .into_iter()
                .map(|(layer, verdicts)| draft(attempts, end, layer, verdicts)),
        );
    }
    drafts
}

/// Whether the internet is rejected in one range of time, and passes at other times.
fn is_shut_for_a_time(attempts: &AttemptIndex<'_>, entry: &PathSymptom<'_>) -> bool {
    if entry.path.source.is_some() || !attempts.was_open_to(entry) {
        return false;
    }
    let alike = attempts.of(service(entry.path));
    let passing = alike.filter(|other| other.symptom.is_passed());
    let passing: Vec<PathSymptom<'_>> = passing.copied().collect();
    outage::of_paths(&[*entry], &passing).is_some()
}

/// Decides which layer rejects at each ENI. Where that is undecided, the decision for another ENI
/// is used if both may have the same cause: the same ports, and the same role or the same subnet.
fn verdicts<'a>(
    attempts: &AttemptIndex<'a>,
    roles: &Roles,
    end: End,
    failing: &Failing<'a>,
) -> BTreeMap<EniIndex, BlockVerdict<'a>> {
    let case = Case::new(attempts, roles, end, failing);
    let decided: BTreeMap<EniIndex, Decision> = failing
        .keys()
        .map(|eni| (*eni, case.decide(*eni)))
        .collect();
    let verdict = |(eni, entries): (&EniIndex, &Vec<PathSymptom<'a>>)| {
        let shares = |other: &EniIndex| {
            let subnet = attempts.subnet(*eni);
            case.services(*eni) == case.services(*other)
                && match decided[other].layer {
                    FilterLayer::SecurityGroup => !roles.differ(attempts, *eni, *other),
                    FilterLayer::Acl => !subnet.is_empty() && subnet == attempts.subnet(*other),
                    FilterLayer::Undecided => false,
                }
        };
        let decision = match decided[eni].layer {
            FilterLayer::Undecided if is_directed(entries) => {
                let other = decided.keys().find(|other| shares(other));
                &decided[other.unwrap_or(eni)]
            }
            _ => &decided[eni],
        };
        let verdict = BlockVerdict {
            decision: decision.clone(),
            entries: entries.clone(),
        };
        (*eni, verdict)
    };
    failing.iter().map(verdict).collect()
}

/// Returns the ENI that rejected a request at this end.
pub(super) fn rejecting_eni(end: End, entry: &PathSymptom<'_>) -> Option<EniIndex> {
    match (end, entry.symptom) {
        (End::Target, Symptom::InboundBlocked(eni) | Symptom::Blocked(eni))
        | (End::Source, Symptom::OutboundBlocked(eni)) => Some(eni),
        _ => None,
    }
}

/// Returns the key that two ENIs must share to have one cause: the subnet for an ACL, otherwise the
/// ports, since ENIs of one role share a security group.
fn one_cause(attempts: &AttemptIndex<'_>, eni: EniIndex, verdict: &BlockVerdict<'_>) -> String {
    let subnet = attempts.subnet(eni);
    if verdict.decision.layer == FilterLayer::Acl && !subnet.is_empty() {
        return subnet.to_owned();
    }
    let paths = verdict.entries.iter().map(|entry| entry.path);
    format!(
        "{:?}",
        paths.map(service_port).collect::<BTreeSet<ServicePort>>()
    )
}

/// Merges what the ACLs of several subnets reject, if it comes from the same places to the same
/// ports: subnets may share an ACL.
fn shared_acls<'a>(
    attempts: &AttemptIndex<'a>,
    groups: impl Iterator<Item = (FilterLayer, Verdicts<'a>)>,
) -> Vec<(FilterLayer, Verdicts<'a>)> {
    let mut merged: Vec<(FilterLayer, Verdicts<'a>)> = Vec::new();
    let mut acls: BTreeMap<_, Verdicts<'a>> = BTreeMap::new();
    for (layer, verdicts) in groups {
        if layer != FilterLayer::Acl {
            merged.push((layer, verdicts));
            continue;
        }
        let entries = || verdicts.values().flat_map(|verdict| &verdict.entries);
        let ports: BTreeSet<ServicePort> = entries().map(|e| service_port(e.path)).collect();
        let places: BTreeSet<Option<SourcePlace<'a>>> = entries()
            .map(|entry| SourcePlace::of(attempts, entry))
            .collect();
        acls.entry((ports, places)).or_default().extend(verdicts);
    }
    merged.extend(
        acls.into_values()
            .map(|verdicts| (FilterLayer::Acl, verdicts)),
    );
    merged
}

fn draft<'a>(
    attempts: &AttemptIndex<'a>,
    end: End,
    layer: FilterLayer,
    verdicts: Verdicts<'a>,
) -> FindingDraft<'a> {
    let enis: BTreeSet<EniIndex> = verdicts.keys().copied().collect();
    // The strongest reason is named; it holds for all of them only if each is proved.
    let is_proved = verdicts.values().all(|verdict| verdict.decision.is_proved);
    let strongest = verdicts
        .values()
        .max_by_key(|verdict| verdict.decision.is_proved);
    let why = strongest.map_or_else(String::new, |verdict| verdict.decision.why.clone());
    let entries: Vec<PathSymptom<'a>> = verdicts
        .into_values()
        .flat_map(|verdict| verdict.entries)
        .collect();
    let ports: BTreeSet<u16> = entries.iter().map(|entry| entry.path.port).collect();
    let others = enis.iter().flat_map(|eni| attempts.at(end, *eni));
    let others: Vec<PathSymptom<'a>> = others
        .filter(|entry| ports.contains(&entry.path.port) && passes(attempts, end, entry))
        .copied()
        .collect();
    let cause = match (end, layer) {
        (End::Target, FilterLayer::SecurityGroup) => Cause::SecurityGroupInbound,
        (End::Target, FilterLayer::Acl) => Cause::AclInbound,
        (End::Target, FilterLayer::Undecided) => Cause::InboundBlocked,
        (End::Source, FilterLayer::SecurityGroup) => Cause::SecurityGroupOutbound,
        (End::Source, FilterLayer::Acl) => Cause::AclOutbound,
        (End::Source, FilterLayer::Undecided) => Cause::OutboundBlocked,
    };
    let whose = whose(attempts, layer, &enis);
    let outage = outage::of_paths(&entries, &others);
    let path = names::path(&entries);
    let way = match end {
        _ if !is_directed(&entries) => "",
        End::Target => " inbound",
        End::Source => " outbound",
    };
    FindingDraft {
        cause,
        certainty: match layer {
            // Without flags the packet may not have been a request.
            FilterLayer::Undecided if is_directed(&entries) && !attempts.is_bare => {
                Certainty::Proved
            }
            _ if is_proved && !attempts.is_bare => Certainty::Proved,
            _ => Certainty::Likely,
        },
        title: format!(
            "{} cannot reach {}: {whose} blocks it{way}{}",
            path.who,
            path.what,
            names::related(attempts, &entries)
        ),
        seen: format!(
            "{} attempt is rejected{way} at {}; {why}",
            outage.map_or("Every", |_| "In that time, every"),
            names::enis(attempts, &enis)
        ),
        others: others.iter().map(|entry| entry.seen.count).sum(),
        outage,
        entries,
        enis,
        shows: Shows::Rejected,
    }
}

/// Names the filter that rejects.
fn whose(attempts: &AttemptIndex<'_>, layer: FilterLayer, enis: &BTreeSet<EniIndex>) -> String {
    match layer {
        FilterLayer::SecurityGroup => {
            format!("the security group of {}", names::enis(attempts, enis))
        }
        FilterLayer::Acl => {
            let subnets: BTreeSet<String> = enis
                .iter()
                .map(|eni| names::subnet(attempts, *eni))
                .collect();
            format!(
                "the network ACL of {}",
                names::few(subnets.into_iter(), "subnets")
            )
        }
        FilterLayer::Undecided => format!(
            "the security group or network ACL of {}",
            names::enis(attempts, enis)
        ),
    }
}
