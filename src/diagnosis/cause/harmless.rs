//! What every network has, and is no fault: late packets, and scans from outside.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;

use super::draft::{FindingAccount, FindingDraft, Ground, ShownPackets, scope};
use super::names::{self, LISTED_MAX, listed};
use crate::diagnosis::attempt_counts::AttemptCounts;
use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom, grouped, owners};
use crate::diagnosis::bounded::Bounded;
use crate::diagnosis::display_filter::Shows;
use crate::diagnosis::finding::{Cause, Certainty, FindingScope};
use crate::diagnosis::members::FindingMembers;
use crate::diagnosis::path_counts::PathCounts;
use crate::diagnosis::scan::ScanCounts;
use crate::diagnosis::symptom::Symptom;
use crate::flow::TCP;

/// Scanning sources that are named one by one; more are only counted.
const SCANS_MAX: usize = 5;

/// Sources that scan, what each of them tried, and its attempts in vain.
fn scanning(
    sources: &Bounded<IpAddr, ScanCounts>,
) -> impl Iterator<Item = (IpAddr, &ScanCounts, &PathCounts)> {
    let sources = sources.iter();
    sources.filter_map(|(source, tried)| Some((*source, tried, tried.scan()?)))
}

/// Insiders that scan.
pub(super) fn scanners(tally: &AttemptCounts) -> BTreeSet<IpAddr> {
    let sources = scanning(&tally.insiders);
    sources.map(|(source, ..)| source).collect()
}

/// One finding for all late packets.
pub(super) fn late_packets<'a>(attempts: &AttemptIndex<'a>) -> Vec<FindingDraft<'a>> {
    let late =
        |entry: &PathSymptom<'_>| matches!(entry.symptom, Symptom::LatePackets(_)).then_some(());
    let groups = grouped(attempts.all(), late);
    let drafts = groups.into_values().map(|entries| {
        let at = |entry: &PathSymptom<'_>| match entry.symptom {
            Symptom::LatePackets(eni) => Some(eni),
            _ => None,
        };
        let enis: BTreeSet<_> = entries.iter().filter_map(at).collect();
        FindingDraft {
            cause: Cause::LatePackets,
            certainty: Certainty::Possible,
            title: "packets of connections that are over are rejected (harmless)".to_owned(),
            seen: format!(
                "REJECTed packets without SYN between {} and {}, at {}",
                names::sources(&entries),
                names::targets(&entries),
                names::enis(attempts, &enis)
            ),
            entries,
            others: 0,
            enis,
            shows: Shows::Rejected,
        }
    });
    drafts.collect()
}

/// Scans, those from inside one by one, of those from outside the few largest. ENIs named are the
/// scanner's own, or those that are scanned from outside.
pub(super) fn scans(tally: &AttemptCounts, ground: &Ground<'_>) -> Vec<FindingAccount> {
    let mut outside: Vec<_> = scanning(&tally.outsiders).collect();
    outside.sort_by_key(|(source, _, seen)| (Reverse(seen.count), *source));
    let more = outside.len().saturating_sub(SCANS_MAX);
    outside.truncate(SCANS_MAX);
    let owners = owners(ground.enis);
    let at = |addresses: &BTreeSet<IpAddr>| -> FindingScope {
        let known = addresses.iter().filter_map(|address| owners.get(address));
        scope(ground.enis, &known.copied().collect())
    };
    let inside = scanning(&tally.insiders).map(|(source, tried, seen)| {
        let whence = (source, at(&BTreeSet::from([source])));
        account((Certainty::Likely, 0), whence, tried, seen)
    });
    let outside = outside.into_iter().map(|(source, tried, seen)| {
        let whence = (source, at(&tried.hosts));
        account((Certainty::Possible, more), whence, tried, seen)
    });
    inside.chain(outside).collect()
}

fn account(
    (certainty, more): (Certainty, usize),
    (source, at): (IpAddr, FindingScope),
    tried: &ScanCounts,
    seen: &PathCounts,
) -> FindingAccount {
    let origin = match certainty {
        Certainty::Possible => "from the internet (harmless noise)",
        _ => "from inside",
    };
    let beside = if more > 0 {
        format!("; {more} more sources do likewise")
    } else {
        String::new()
    };
    FindingAccount {
        cause: Cause::Scan,
        certainty,
        title: format!("{source} scans {origin}"),
        seen: format!(
            "{} attempts in vain at {} of {}, {} that led to a connection{beside}",
            seen.count,
            counted(tried.ports.len(), "port"),
            counted(tried.hosts.len(), "host"),
            tried.passed,
        ),
        scope: FindingScope {
            from: BTreeSet::from([source.to_string()]),
            to: listed(tried.hosts.iter().map(IpAddr::to_string)),
            ports: tried.ports.iter().copied().take(LISTED_MAX).collect(),
            ..at
        },
        counted: seen.clone(),
        others: tried.passed,
        members: FindingMembers::of_scanner(source),
        shown: ShownPackets {
            hosts: BTreeSet::from([source]),
            ports: BTreeSet::new(),
            protocols: BTreeSet::from([TCP]),
            shows: Shows::All,
        },
        alike: Vec::new(),
    }
}

fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
