//! Rejections with a known cause: the record names it, or leaves only one.

use std::collections::BTreeSet;

use super::blocked_replies::BlockedReplies;
use super::draft::FindingDraft;
use super::{names, outage};
use crate::diagnosis::attempt_index::{AttemptIndex, End, PathSymptom, grouped};
use crate::diagnosis::display_filter::Shows;
use crate::diagnosis::finding::{Cause, Certainty};
use crate::diagnosis::symptom::Symptom;
use crate::flow::{EniIndex, TCP};
use crate::printable::cut;

/// Non-TCP attempts, or packets of them, that are needed to rule out chance.
const DATAGRAMS_LEAST: u64 = 3;

/// The causes that the reason of a rejected record names.
const REASONS: [Cause; 3] = [
    Cause::BlockPublicAccess,
    Cause::EncryptionControls,
    Cause::NetworkFirewall,
];

/// Drafts the findings that need no comparison with traffic that passes.
pub(super) fn drafts<'a>(attempts: &AttemptIndex<'a>) -> Vec<FindingDraft<'a>> {
    let mut drafts = Vec::new();
    for cause in REASONS {
        let at = move |entry: &PathSymptom<'_>| match (cause, entry.symptom) {
            (Cause::BlockPublicAccess, Symptom::BlockPublicAccess(eni))
            | (Cause::EncryptionControls, Symptom::EncryptionControls(eni))
            | (Cause::NetworkFirewall, Symptom::NetworkFirewall(eni)) => Some(eni),
            _ => None,
        };
        let vpc = |entry: &PathSymptom<'a>| at(entry).map(|eni| attempts.enis.get(eni).vpc.clone());
        for (vpc, entries) in grouped(attempts.all(), vpc) {
            let enis = entries.iter().filter_map(at).collect();
            let why = match cause {
                Cause::BlockPublicAccess => (
                    "VPC Block Public Access rejects traffic",
                    "rejected with reject-reason BPA",
                ),
                Cause::NetworkFirewall => (
                    "AWS Network Firewall drops traffic",
                    "dropped by the verdict of an alert",
                ),
                _ => (
                    "VPC Encryption Controls rejects traffic",
                    "rejected with reject-reason EC",
                ),
            };
            drafts.push(by_reason(attempts, cause, why, &vpc, entries, enis));
        }
    }
    let other = |entry: &PathSymptom<'a>| match entry.symptom {
        Symptom::OtherReason { eni, reason } => Some((attempts.enis.get(eni).vpc.clone(), reason)),
        _ => None,
    };
    for ((vpc, reason), entries) in grouped(attempts.all(), other) {
        let at = |entry: &PathSymptom<'_>| match entry.symptom {
            Symptom::OtherReason { eni, .. } => Some(eni),
            _ => None,
        };
        let enis = entries.iter().filter_map(at).collect();
        let name = attempts.enis.words.reason(reason);
        let name = cut(&name, names::NAME_MAX).into_owned();
        let what = format!("A reason named {name} rejects traffic");
        let how = format!("rejected with reject-reason {name}");
        let (cause, why) = (Cause::OtherReason, (&*what, &*how));
        drafts.push(by_reason(attempts, cause, why, &vpc, entries, enis));
    }
    let side = |entry: &PathSymptom<'a>| match entry.symptom {
        Symptom::ReplyBlocked { eni, leaving } => {
            // Without a subnet in the records, each ENI counts as its own subnet.
            let subnet = attempts.subnet(eni);
            Some((subnet, subnet.is_empty().then_some(eni), leaving))
        }
        _ => None,
    };
    for ((_, _, leaving), entries) in grouped(attempts.all(), side) {
        drafts.push(reply_blocked(attempts, leaving, entries));
    }
    drafts
}

/// Drafts the finding for rejections of one cause, with what happens and how, in words.
fn by_reason<'a>(
    attempts: &AttemptIndex<'a>,
    cause: Cause,
    (what, how): (&str, &str),
    vpc: &str,
    entries: Vec<PathSymptom<'a>>,
    enis: BTreeSet<EniIndex>,
) -> FindingDraft<'a> {
    let whose = if vpc.is_empty() {
        String::new()
    } else {
        format!(" in {vpc}")
    };
    let others = enis.iter().flat_map(|eni| {
        attempts
            .at(End::Source, *eni)
            .chain(attempts.at(End::Target, *eni))
            .filter(|e| e.symptom.is_passed())
    });
    let others: Vec<PathSymptom<'a>> = others.copied().collect();
    FindingDraft {
        cause,
        certainty: Certainty::Proved,
        title: format!("{what}{whose}"),
        seen: format!(
            "Attempts from {} to {} on {} are {how} at {}",
            names::sources(&entries),
            names::targets(&entries),
            names::ports(&entries),
            names::enis(attempts, &enis)
        ),
        others: others.iter().map(|entry| entry.seen.count).sum(),
        outage: outage::of_paths(&entries, &others),
        entries,
        enis,
        shows: Shows::Rejected,
    }
}

fn reply_blocked<'a>(
    attempts: &AttemptIndex<'a>,
    leaving: Option<bool>,
    entries: Vec<PathSymptom<'a>>,
) -> FindingDraft<'a> {
    let at = |entry: &PathSymptom<'_>| match entry.symptom {
        Symptom::ReplyBlocked { eni, .. } => Some(eni),
        _ => None,
    };
    let enis: BTreeSet<EniIndex> = entries.iter().filter_map(at).collect();
    // An outbound reply belongs to the target, an inbound one to the source.
    let (end, way) = match leaving {
        Some(true) => (End::Target, "outbound "),
        Some(false) => (End::Source, "inbound "),
        None => (End::Target, ""),
    };
    let passing: Vec<PathSymptom<'a>> = enis
        .iter()
        .flat_map(|eni| attempts.at(end, *eni))
        .filter(|entry| entry.symptom.is_passed() && attempts.crosses(entry.path) != Some(false))
        .copied()
        .collect();
    let count: u64 = entries.iter().map(|entry| entry.seen.count).sum();
    let is_tcp = entries.iter().any(|entry| entry.path.protocol == TCP);
    let packets: u64 = entries.iter().map(|entry| entry.seen.packets).sum();
    let certainty = if is_tcp && !attempts.is_bare {
        Certainty::Proved
    } else if is_tcp || count.max(packets) >= DATAGRAMS_LEAST {
        Certainty::Likely
    } else {
        Certainty::Possible
    };
    let first = enis.first().copied();
    let subnet = first.map_or_else(String::new, |eni| names::subnet(attempts, eni));
    let replies = BlockedReplies::of(&entries, &passing);
    let path = names::path(&entries);
    FindingDraft {
        cause: Cause::AclBlocksReply,
        certainty,
        title: format!(
            "{} cannot reach {}: the network ACL of {subnet} blocks {way}replies{}",
            path.who, path.what, replies.title
        ),
        seen: format!(
            "Requests are accepted and their replies are rejected at {}{}",
            names::enis(attempts, &enis),
            replies.seen,
        ),
        others: passing.iter().map(|entry| entry.seen.count).sum(),
        outage: outage::of_paths(&entries, &passing),
        entries,
        enis,
        shows: Shows::Rejected,
    }
}
