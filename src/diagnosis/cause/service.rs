//! Failures of services that no filter blocks: no reply, refused, half-open, reset, idle timeout.
//!
//! Each service (address and port) is examined on its own: failing attempts are compared with
//! successful ones. If it fails for all sources, or always for the same sources, the symptom is the
//! cause. If it both fails and succeeds for the same source, it is intermittent, and the split that
//! explains most is named. Services of several hosts that serve the same clients are combined
//! ([`target_group`]).

mod target_group;
mod trouble;
mod wording;

use std::collections::BTreeSet;
use std::net::IpAddr;

use self::target_group::{TargetGroups, WorkingHosts};
use self::trouble::{ServiceVerdict, Trouble};
use self::wording::{seen, title};
use super::draft::FindingDraft;
use super::{hairpin, names, outsiders};
use crate::diagnosis::attempt_counts::Path;
use crate::diagnosis::attempt_index::{
    AttemptIndex, PathSymptom, ServiceKey, grouped, service, span,
};
use crate::diagnosis::display_filter::Shows;
use crate::diagnosis::finding::{Cause, Certainty};
use crate::diagnosis::symptom::{Party, Symptom};
use crate::flow::{EniIndex, is_private};

/// Drafts all findings that are neither rejections nor harmless.
pub(super) fn drafts<'a>(attempts: &AttemptIndex<'a>) -> Vec<FindingDraft<'a>> {
    let mut drafts = Vec::new();
    let mut explained = offline(attempts, &mut drafts);
    explained.extend(hairpin::drafts(attempts, &mut drafts));
    explained.extend(outsiders::floods(attempts, &mut drafts));
    explained.extend(outsiders::unsolicited(attempts, &mut drafts));
    let kind = |entry: &PathSymptom<'a>| match entry.symptom {
        symptom if explained.contains(&(*entry.path, symptom)) => None,
        Symptom::NoReply => Some(Cause::NoReply),
        Symptom::Refused => Some(Cause::Refused),
        Symptom::HalfOpen => Some(Cause::HalfOpen),
        Symptom::ReplyElsewhere { .. } => Some(Cause::ReplyElsewhere),
        Symptom::IdleTimeout(_) => Some(Cause::IdleTimeout),
        Symptom::Stalled(_) => Some(Cause::PathMtu),
        Symptom::Reset(_) => Some(Cause::Reset),
        _ => None,
    };
    // A host that does not reply, or replies on another path, does so on all ports.
    let key = |entry: &PathSymptom<'a>| {
        let cause = kind(entry)?;
        let port = match cause {
            Cause::ReplyElsewhere | Cause::IdleTimeout | Cause::PathMtu => 0,
            _ => entry.path.port,
        };
        let detail = match entry.symptom {
            Symptom::IdleTimeout(limit) => limit.seconds(),
            Symptom::Reset(side) | Symptom::Stalled(side) => i64::from(side == Party::Responder),
            _ => 0,
        };
        Some((cause, detail, entry.path.target, port, entry.path.protocol))
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

/// Drafts findings for subnets that get no reply from the internet: one cause, however many
/// targets.
///
/// Returns the paths and symptoms that these findings explain.
fn offline<'a>(
    attempts: &AttemptIndex<'a>,
    drafts: &mut Vec<FindingDraft<'a>>,
) -> BTreeSet<(Path, Symptom)> {
    let leads_out =
        |entry: &PathSymptom<'_>| entry.path.source.is_some() && !is_private(entry.path.target);
    let from = |entry: &PathSymptom<'a>| {
        let eni = entry.path.source_eni?;
        let subnet = attempts.subnet(eni);
        Some((subnet, subnet.is_empty().then_some(eni)))
    };
    let silent = |entry: &PathSymptom<'a>| match entry.symptom {
        Symptom::NoReply if leads_out(entry) => from(entry),
        _ => None,
    };
    let answers = grouped(attempts.all(), |entry| {
        let passes = entry.symptom.is_passed() && leads_out(entry);
        passes.then(|| from(entry)).flatten()
    });
    let mut explained = BTreeSet::new();
    for (subnet, entries) in grouped(attempts.all(), silent) {
        let span = span(&entries);
        let targets: BTreeSet<IpAddr> = entries.iter().map(|entry| entry.path.target).collect();
        let mut answers = answers.get(&subnet).into_iter().flatten();
        let answered = answers.any(|entry| entry.seen.goes_on_during(span));
        if answered || targets.len() < 2 {
            continue;
        }
        explained.extend(entries.iter().map(PathSymptom::key));
        let enis: BTreeSet<EniIndex> = entries
            .iter()
            .filter_map(|entry| entry.path.source_eni)
            .collect();
        let place = enis
            .first()
            .map_or_else(String::new, |eni| names::subnet(attempts, *eni));
        drafts.push(FindingDraft {
            cause: Cause::NoReply,
            certainty: Certainty::Likely,
            title: format!("{place} cannot reach the internet: no reply"),
            seen: format!(
                "Requests from {} to {} on {} are accepted and no ENI logs a reply; no other traffic from \
                 this subnet reaches the internet at that time",
                names::sources(&entries),
                names::targets(&entries),
                names::ports(&entries),
            ),
            entries,
            others: 0,
            outage: None,
            enis,
            shows: Shows::Handshakes,
        });
    }
    explained
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
    let (among, elsewhere) = working.map_or_else(Default::default, |b| (b.title, b.passed));
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

fn shows(cause: Cause) -> Shows {
    match cause {
        Cause::Refused | Cause::Reset => Shows::Resets,
        Cause::IdleTimeout | Cause::PathMtu => Shows::All,
        _ => Shows::Handshakes,
    }
}
