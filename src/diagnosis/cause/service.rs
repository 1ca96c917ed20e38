//! What is the matter with services that no filter blocks: silence, refusals, aborts, time-outs.
//!
//! Each service (address and port) is looked at by itself, failing attempts beside passing ones. If it
//! fails for all, or for the same sources always, the symptom is the cause. If it fails now and then for
//! the same source, it is intermittent, and the split that explains most is named. Services of several
//! hosts that the same clients ask for the same are told together ([`target_group`]).

mod target_group;
mod trouble;
mod wording;

use std::collections::BTreeSet;
use std::net::IpAddr;

use self::target_group::{Beside, TargetGroups};
use self::trouble::{ServiceVerdict, Trouble};
use self::wording::{seen, title};
use super::draft::FindingDraft;
use super::names;
use crate::diagnosis::attempt_index::{
    AttemptIndex, PathSymptom, ServiceKey, grouped, service, span,
};
use crate::diagnosis::display_filter::Shows;
use crate::diagnosis::finding::{Cause, Certainty};
use crate::diagnosis::symptom::{Party, Symptom};
use crate::flow::{EniIndex, is_private};

/// Everything but verdicts and what is harmless.
pub(super) fn drafts<'a>(attempts: &AttemptIndex<'a>) -> Vec<FindingDraft<'a>> {
    let mut drafts = Vec::new();
    let offline = offline(attempts, &mut drafts);
    let kind = |entry: &PathSymptom<'a>| match entry.symptom {
        Symptom::NoReply if !offline.contains(entry.path) => Some(Cause::NoReply),
        Symptom::Refused => Some(Cause::Refused),
        Symptom::HalfOpen => Some(Cause::HalfOpen),
        Symptom::ReplyElsewhere { .. } => Some(Cause::ReplyElsewhere),
        Symptom::IdleTimeout(_) => Some(Cause::IdleTimeout),
        Symptom::Reset(_) => Some(Cause::Reset),
        _ => None,
    };
    // A host that is silent, or takes another way back, does so on all ports.
    let key = |entry: &PathSymptom<'a>| {
        let cause = kind(entry)?;
        let port = match cause {
            Cause::ReplyElsewhere | Cause::IdleTimeout => 0,
            _ => entry.path.port,
        };
        let detail = match entry.symptom {
            Symptom::IdleTimeout(limit) => limit.seconds(),
            Symptom::Reset(side) => i64::from(side == Party::Responder),
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
        let beside = target_groups.beside(&trouble, &failing);
        draft(attempts, trouble, beside)
    }));
    drafts
}

/// Subnets of which nobody gets an answer from the internet: one cause, however many targets.
///
/// Returns the paths that are told by it.
fn offline<'a>(
    attempts: &AttemptIndex<'a>,
    drafts: &mut Vec<FindingDraft<'a>>,
) -> BTreeSet<crate::diagnosis::attempt_counts::Path> {
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
    let mut told = BTreeSet::new();
    for (subnet, entries) in grouped(attempts.all(), silent) {
        let span = span(&entries);
        let targets: BTreeSet<IpAddr> = entries.iter().map(|entry| entry.path.target).collect();
        let mut answers = answers.get(&subnet).into_iter().flatten();
        let answered = answers.any(|entry| entry.seen.goes_on_during(span));
        if answered || targets.len() < 2 {
            continue;
        }
        told.extend(entries.iter().map(|entry| *entry.path));
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
            title: format!("{place} gets no answer from the internet"),
            seen: format!(
                "requests from {} to {} ({}) are ACCEPTed and none is answered, at any ENI; meanwhile nothing from \
                 this subnet reaches the internet",
                names::sources(&entries),
                names::targets(&entries),
                names::ports(&entries),
            ),
            entries,
            others: 0,
            enis,
            shows: Shows::Handshakes,
        });
    }
    told
}

fn draft<'a>(
    attempts: &AttemptIndex<'a>,
    trouble: Trouble<'a>,
    beside: Option<Beside>,
) -> FindingDraft<'a> {
    let Trouble {
        cause,
        entries,
        verdict,
        ..
    } = trouble;
    let facts = &verdict.facts;
    let contrast = match &beside {
        // That nothing passes there needs no word if others do.
        Some(beside) if !facts.was_passing => beside.seen.clone(),
        Some(beside) => facts.contrast(verdict.split.as_deref()) + &beside.seen,
        None => facts.contrast(verdict.split.as_deref()),
    };
    let (shown, often) = match verdict.is_unsteady {
        true if facts.passed < facts.count => (Cause::Intermittent, "mostly: "),
        true => (Cause::Intermittent, "now and then: "),
        false => (cause, ""),
    };
    let (among, elsewhere) = beside.map_or_else(Default::default, |b| (b.title, b.passed));
    let (what, related) = (title(cause, &entries), names::related(attempts, &entries));
    let at = |entry: &PathSymptom<'_>| entry.path.target_eni.or(entry.path.source_eni);
    FindingDraft {
        cause: shown,
        certainty: verdict.certainty,
        title: format!("{often}{what}{among}{related}"),
        seen: format!("{}{contrast}", seen(attempts, cause, &entries)),
        others: facts.passed + elsewhere,
        enis: entries.iter().filter_map(at).collect(),
        shows: shows(cause),
        entries,
    }
}

fn shows(cause: Cause) -> Shows {
    match cause {
        Cause::Refused | Cause::Reset => Shows::Resets,
        Cause::IdleTimeout => Shows::All,
        _ => Shows::Handshakes,
    }
}
