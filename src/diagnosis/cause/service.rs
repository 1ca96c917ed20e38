//! Failures of services that no filter blocks: no reply, refused, half-open, reset, idle timeout.
//!
//! Each service (address and port) is examined on its own: failing attempts are compared with
//! successful ones. If it fails for all sources, or always for the same sources, the symptom is the
//! cause. If it both fails and succeeds for the same source, it is intermittent, and the split that
//! explains most is named. Services of several hosts that serve the same clients are combined
//! ([`target_group`]).

mod beside_rejections;
mod common_sources;
mod nat_ports;
mod syn_backlog;
mod target_group;
mod trouble;
mod way_back;
mod wording;

use std::collections::BTreeSet;

use self::target_group::{TargetGroups, WorkingHosts};
use self::trouble::{ServiceVerdict, Trouble};
use self::wording::{seen, title};
use super::draft::FindingDraft;
use super::{cut_off, hairpin, loss, names, outsiders};
use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom, ServiceKey, grouped, service};
use crate::diagnosis::display_filter::Shows;
use crate::diagnosis::finding::{Cause, Certainty};
use crate::diagnosis::symptom::{Party, Symptom};

/// Drafts all findings that are neither rejections nor harmless.
pub(super) fn drafts<'a>(attempts: &AttemptIndex<'a>) -> Vec<FindingDraft<'a>> {
    let mut drafts = Vec::new();
    let mut explained = cut_off::drafts(attempts, &mut drafts);
    explained.extend(hairpin::drafts(attempts, &mut drafts));
    explained.extend(outsiders::floods(attempts, &mut drafts));
    explained.extend(outsiders::unsolicited(attempts, &mut drafts));
    explained.extend(loss::drafts(attempts, &mut drafts));
    explained.extend(beside_rejections::explained(attempts));
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
    let key = |entry: &PathSymptom<'a>| {
        let cause = kind(entry)?;
        let detail = match entry.symptom {
            Symptom::IdleTimeout(limit) => limit.seconds(),
            Symptom::Reset(side) | Symptom::Stalled(side) => i64::from(side == Party::Responder),
            _ => 0,
        };
        let (target, port) = match cause {
            // A timeout belongs to a device, which may have several addresses.
            Cause::IdleTimeout => (None, entry.path.port),
            // What a path does, it does to all ports.
            cause if is_of_path(cause) => (Some(entry.path.target), 0),
            _ => (Some(entry.path.target), entry.path.port),
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
    let overflowing = syn_backlog::overflows(attempts, &verdict, &entries);
    let contrast = match &working {
        // It says itself how the failing attempts differ from the others.
        Some(working) if overflowing.is_some() => working.seen.clone(),
        None if overflowing.is_some() => String::new(),
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
    let precise = match cause {
        _ if exhausted.is_some() => Some(Cause::NatPorts),
        _ if overflowing.is_some() => Some(Cause::SynBacklog),
        Cause::NoWayBack if way_back::is_overlap(attempts, &entries) => Some(Cause::CidrOverlap),
        Cause::NoWayBack if way_back::takes_another_way(&entries) => Some(Cause::ReplyElsewhere),
        _ => None,
    };
    let (shown, cause) = precise.map_or((shown, cause), |precise| (precise, precise));
    let (among, elsewhere) = working.map_or_else(Default::default, |b| (b.title, b.passed));
    let among = match &common {
        Some(common) if among.is_empty() => common.title.clone(),
        _ => among,
    };
    let certainty = match overflowing {
        Some(_) => verdict.certainty.min(Certainty::Likely),
        None => verdict.certainty,
    };
    let more = [exhausted, overflowing, common.map(|common| common.seen)];
    let contrast = more
        .into_iter()
        .flatten()
        .fold(contrast, |sum, more| sum + &more);
    let what = title(cause, often, &entries);
    let related = names::related(attempts, &entries);
    let at = |entry: &PathSymptom<'_>| entry.path.target_eni.or(entry.path.source_eni);
    FindingDraft {
        cause: shown,
        certainty,
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
        Cause::ReplyElsewhere | Cause::NoWayBack | Cause::PathMtu
    )
}

fn shows(cause: Cause) -> Shows {
    match cause {
        Cause::Refused | Cause::Reset => Shows::Resets,
        Cause::IdleTimeout | Cause::PathMtu => Shows::All,
        _ => Shows::Handshakes,
    }
}
