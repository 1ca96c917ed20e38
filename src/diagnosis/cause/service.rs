//! Failures of services that no filter blocks: no reply, refused, half-open, reset, idle timeout.
//!
//! Each service (address and port) is examined on its own: failing attempts are compared with
//! successful ones. If it fails for all sources, or always for the same sources, the symptom is the
//! cause. If it both fails and succeeds for the same source, it is intermittent, and the split that
//! explains most is named. Services of several hosts that serve the same clients are combined
//! ([`target_group`]).

mod common_sources;
mod nat_ports;
mod target_group;
mod trouble;
mod way_back;
mod wording;

use std::collections::{BTreeSet, HashMap};

use self::target_group::{TargetGroups, WorkingHosts};
use self::trouble::{ServiceVerdict, Trouble};
use self::wording::{seen, title};
use super::draft::FindingDraft;
use super::{cut_off, hairpin, loss, names, outsiders};
use crate::diagnosis::attempt_counts::Path;
use crate::diagnosis::attempt_index::{
    AttemptIndex, PathSymptom, ServiceKey, grouped, service, span,
};
use crate::diagnosis::display_filter::Shows;
use crate::diagnosis::finding::Cause;
use crate::diagnosis::symptom::{Party, Symptom};
use crate::time::SECOND_NS;

/// How long before and after rejections a failure may belong to them: the longest interval.
const MISSING_NS: i64 = 600 * SECOND_NS;

/// Drafts all findings that are neither rejections nor harmless.
pub(super) fn drafts<'a>(attempts: &AttemptIndex<'a>) -> Vec<FindingDraft<'a>> {
    let mut drafts = Vec::new();
    let mut explained = cut_off::drafts(attempts, &mut drafts);
    explained.extend(hairpin::drafts(attempts, &mut drafts));
    explained.extend(outsiders::floods(attempts, &mut drafts));
    explained.extend(outsiders::unsolicited(attempts, &mut drafts));
    explained.extend(loss::drafts(attempts, &mut drafts));
    explained.extend(beside_rejections(attempts));
    let ends = |entry: &PathSymptom<'a>| (entry.path.source, entry.path.target);
    let is_lost = |entry: &&PathSymptom<'a>| matches!(entry.symptom, Symptom::ReplyLost { .. });
    let lost: BTreeSet<_> = attempts.all().filter(is_lost).map(ends).collect();
    let kind = |entry: &PathSymptom<'a>| match entry.symptom {
        symptom if explained.contains(&(*entry.path, symptom)) => None,
        _ if attempts.is_first_leg(entry) => None,
        // Only the responder's ENI logged it, but its reply gets lost like the others.
        Symptom::HalfOpen if lost.contains(&ends(entry)) => Some(Cause::NoWayBack),
        Symptom::ReplyLost { .. } => Some(Cause::NoWayBack),
        Symptom::NoReply => Some(Cause::NoReply),
        Symptom::Refused => Some(Cause::Refused),
        Symptom::HalfOpen => Some(Cause::HalfOpen),
        Symptom::ReplyElsewhere { .. } => Some(Cause::ReplyElsewhere),
        Symptom::IdleTimeout(_) => Some(Cause::IdleTimeout),
        Symptom::Stalled(_) => Some(Cause::PathMtu),
        Symptom::Reset(_) => Some(Cause::Reset),
        _ => None,
    };
    // What a path does, it does to all ports.
    let key = |entry: &PathSymptom<'a>| {
        let cause = kind(entry)?;
        let port = match cause {
            cause if is_of_path(cause) => 0,
            _ => entry.path.port,
        };
        let detail = match entry.symptom {
            Symptom::IdleTimeout(limit) => limit.seconds(),
            Symptom::Reset(side) | Symptom::Stalled(side) => i64::from(side == Party::Responder),
            _ => 0,
        };
        // A timeout belongs to a device, which may have several addresses.
        let (target, port) = match cause {
            Cause::IdleTimeout => (None, entry.path.port),
            _ => (Some(entry.path.target), port),
        };
        Some((cause, detail, target, port, entry.path.protocol))
    };
    let groups = grouped(attempts.all(), key).into_iter();
    let each = groups.map(|((cause, detail, ..), entries)| Trouble {
        cause,
        detail,
        verdict: ServiceVerdict::of(attempts, cause, &entries),
        entries,
    });
    let target_groups = TargetGroups::new(attempts);
    let troubles = target_groups.joined(each.collect());
    let sure = troubles.iter().filter(|trouble| trouble.is_sure());
    let failing: BTreeSet<ServiceKey> = sure
        .flat_map(|trouble| trouble.entries.iter().map(|entry| service(entry.path)))
        .collect();
    drafts.extend(troubles.into_iter().map(|trouble| {
        let working = target_groups.working(&trouble, &failing);
        draft(attempts, trouble, working)
    }));
    drafts
}

/// Returns the failures without a rejection on paths on which as many attempts are rejected in the
/// same time: some of their records are missing.
fn beside_rejections(attempts: &AttemptIndex<'_>) -> BTreeSet<(Path, Symptom)> {
    let path = |entry: &PathSymptom<'_>| (entry.path.source, service(entry.path));
    let mut rejected: HashMap<_, Vec<PathSymptom<'_>>> = HashMap::new();
    let is_rejected = |entry: &&PathSymptom<'_>| {
        let symptom = entry.symptom;
        !symptom.is_admitted() || matches!(symptom, Symptom::ReplyBlocked { .. })
    };
    let inside = || attempts.all().filter(|entry| entry.path.source.is_some());
    for entry in inside().filter(is_rejected) {
        rejected.entry(path(entry)).or_default().push(*entry);
    }
    let is_silent = |entry: &&PathSymptom<'_>| {
        let symptom = entry.symptom;
        matches!(
            symptom,
            Symptom::NoReply
                | Symptom::HalfOpen
                | Symptom::ReplyElsewhere { .. }
                | Symptom::ReplyLost { .. }
        )
    };
    let is_explained = |entry: &&PathSymptom<'_>| {
        let beside = rejected.get(&path(entry)).map_or(&[][..], Vec::as_slice);
        let count: u64 = beside.iter().map(|entry| entry.seen.count).sum();
        let (first, last) = span(beside);
        let slack = |ns: i64, by: i64| ns.saturating_add(by);
        count >= entry.seen.count
            && entry.seen.first_ns >= slack(first, -MISSING_NS)
            && entry.seen.begun_ns <= slack(last, MISSING_NS)
    };
    let silent = inside().filter(is_silent).filter(is_explained);
    silent.map(PathSymptom::key).collect()
}

fn draft<'a>(
    attempts: &AttemptIndex<'a>,
    trouble: Trouble<'a>,
    working: Option<WorkingHosts>,
) -> FindingDraft<'a> {
    let Trouble {
        cause,
        entries,
        verdict,
        ..
    } = trouble;
    let facts = &verdict.facts;
    let contrast = match &working {
        // If others succeed, it is not necessary to add that no attempt succeeds here.
        Some(working) if !facts.was_passing => working.seen.clone(),
        Some(working) => verdict.contrast(cause) + &working.seen,
        None => verdict.contrast(cause),
    };
    let (shown, often) = match verdict.is_unsteady {
        true if facts.passed < facts.count => (Cause::Intermittent, "often "),
        true => (Cause::Intermittent, "sometimes "),
        false => (cause, ""),
    };
    let exhausted = nat_ports::exhausted(attempts, shown, &entries);
    let common = common_sources::of(attempts, &verdict, &entries);
    let (shown, cause) = match cause {
        _ if exhausted.is_some() => (Cause::NatPorts, Cause::NatPorts),
        Cause::NoWayBack if way_back::is_overlap(attempts, &entries) => {
            (Cause::CidrOverlap, Cause::CidrOverlap)
        }
        Cause::NoWayBack if way_back::takes_another_way(&entries) => {
            (Cause::ReplyElsewhere, Cause::ReplyElsewhere)
        }
        cause => (shown, cause),
    };
    let (among, elsewhere) = working.map_or_else(Default::default, |b| (b.title, b.passed));
    let among = match &common {
        Some(common) if among.is_empty() => common.title.clone(),
        _ => among,
    };
    let more = [exhausted, common.map(|common| common.seen)];
    let contrast = more
        .into_iter()
        .flatten()
        .fold(contrast, |sum, more| sum + &more);
    let what = title(cause, often, &entries);
    let related = names::related(attempts, &entries);
    let at = |entry: &PathSymptom<'_>| entry.path.target_eni.or(entry.path.source_eni);
    FindingDraft {
        cause: shown,
        certainty: verdict.certainty,
        title: format!("{what}{among}{related}"),
        seen: format!("{}{contrast}", seen(attempts, cause, &entries)),
        others: facts.passed + elsewhere,
        outage: verdict.outage,
        enis: entries.iter().filter_map(at).collect(),
        shows: shows(cause),
        entries,
    }
}

/// Whether the path of the packets is at fault, and not a service.
fn is_of_path(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::ReplyElsewhere | Cause::NoWayBack | Cause::IdleTimeout | Cause::PathMtu
    )
}

fn shows(cause: Cause) -> Shows {
    match cause {
        Cause::Refused | Cause::Reset => Shows::Resets,
        Cause::IdleTimeout | Cause::PathMtu => Shows::All,
        _ => Shows::Handshakes,
    }
}
