//! Packets that leave the ENI of one end and never arrive at the ENI of the other.
//!
//! Both ENIs count the same packets, so the difference is what the path lost. Retransmissions then
//! hide the loss from the outcome of most attempts. A few packets more or less are normal, since
//! records of both ENIs are cut at different instants.

use std::collections::BTreeSet;

use super::draft::FindingDraft;
use super::{names, outage};
use crate::diagnosis::attempt_counts::Path;
use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom, count, grouped, service};
use crate::diagnosis::display_filter::Shows;
use crate::diagnosis::finding::{Cause, Certainty};
use crate::diagnosis::symptom::Symptom;

/// Lost packets that are needed.
const LOST_LEAST: u64 = 20;

/// At least one packet in this many is lost.
const LOST_SHARE: u64 = 50;

/// Attempts that are needed.
const ATTEMPTS_LEAST: u64 = 5;

/// Drafts one finding for each service whose packets are lost on the path, and returns the paths and
/// symptoms that they explain.
pub(super) fn drafts<'a>(
    attempts: &AttemptIndex<'a>,
    drafts: &mut Vec<FindingDraft<'a>>,
) -> BTreeSet<(Path, Symptom)> {
    let key = |entry: &PathSymptom<'a>| {
        // Replies that take another way are not lost.
        let is_compared = matches!(
            entry.symptom,
            Symptom::Passed | Symptom::Reset(_) | Symptom::NoReply
        );
        (is_compared && entry.path.source.is_some()).then(|| service(entry.path))
    };
    let mut explained = BTreeSet::new();
    for entries in grouped(attempts.all(), key).into_values() {
        // An attempt without any packet at the other ENI failed by the same loss.
        let is_concerned = |entry: &PathSymptom<'a>| {
            entry.seen.crossing.1 < entry.seen.crossing.0 || entry.symptom == Symptom::NoReply
        };
        let lossy: Vec<PathSymptom<'a>> = entries
            .iter()
            .filter(|entry| is_concerned(entry))
            .copied()
            .collect();
        let (sent, arrived) = entries.iter().fold((0u64, 0u64), |sum, entry| {
            let (sent, arrived) = entry.seen.crossing;
            (sum.0.saturating_add(sent), sum.1.saturating_add(arrived))
        });
        let missing = sent.saturating_sub(arrived);
        let is_loss = missing >= LOST_LEAST
            && missing.saturating_mul(LOST_SHARE) >= sent
            && count(&lossy) >= ATTEMPTS_LEAST
            && arrived > 0
            && !is_outage(&entries);
        if is_loss {
            explained.extend(lossy.iter().map(PathSymptom::key));
            drafts.push(draft(attempts, lossy, (missing, sent), count(&entries)));
        }
    }
    explained
}

/// Whether the attempts without a reply are all in one range of time: a host that is switched off
/// also loses packets, and those of open connections.
fn is_outage(entries: &[PathSymptom<'_>]) -> bool {
    let is_silent = |entry: &PathSymptom<'_>| entry.symptom == Symptom::NoReply;
    let (silent, others): (Vec<_>, Vec<_>) = entries.iter().copied().partition(is_silent);
    outage::outage(&silent, &others).is_some()
}

fn draft<'a>(
    attempts: &AttemptIndex<'a>,
    entries: Vec<PathSymptom<'a>>,
    (missing, sent): (u64, u64),
    all: u64,
) -> FindingDraft<'a> {
    let path = names::path(&entries);
    let ends = entries
        .iter()
        .flat_map(|entry| [entry.path.source_eni, entry.path.target_eni]);
    let enis: BTreeSet<_> = ends.flatten().collect();
    let concerned = count(&entries);
    FindingDraft {
        cause: Cause::Intermittent,
        certainty: Certainty::Likely,
        title: format!(
            "{} sometimes cannot reach {}: packets are lost on the path",
            path.who, path.what
        ),
        seen: format!(
            "{missing} of {sent} packets that the ENI of one end sent never arrived at the ENI of the other end, \
             although both logged these attempts: {}",
            names::enis(attempts, &enis),
        ),
        others: all.saturating_sub(concerned),
        outage: None,
        entries,
        enis,
        shows: Shows::All,
    }
}
