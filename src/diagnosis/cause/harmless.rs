//! Findings that are normal in any network: late packets, and scans from outside.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;

use super::configured::ConfigurationNotes;
use super::draft::{FindingAccount, FindingDraft, Ground, ShownPackets, left_out, scope};
use super::names::{self, LISTED_MAX, listed};
use crate::diagnosis::attempt_counts::AttemptCounts;
use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom, grouped, owners};
use crate::diagnosis::bounded::Bounded;
use crate::diagnosis::display_filter::Shows;
use crate::diagnosis::finding::{Cause, Certainty, FindingScope, NamesLeftOut};
use crate::diagnosis::members::FindingMembers;
use crate::diagnosis::path_counts::PathCounts;
use crate::diagnosis::scan::ScanCounts;
use crate::diagnosis::symptom::Symptom;
use crate::flow::TCP;

/// Scanning sources that are listed one by one; more are only counted.
const SCANS_MAX: usize = 5;

/// Returns the sources that scan, with all their attempts and with the failed ones.
fn scanning(
    sources: &Bounded<IpAddr, ScanCounts>,
) -> impl Iterator<Item = (IpAddr, &ScanCounts, &PathCounts)> {
    let sources = sources.iter();
    sources.filter_map(|(source, tried)| Some((*source, tried, tried.scan()?)))
}

/// Returns the sources inside the network that scan.
pub(super) fn scanners(tally: &AttemptCounts) -> BTreeSet<IpAddr> {
    let sources = scanning(&tally.insiders);
    sources.map(|(source, ..)| source).collect()
}

/// Drafts one finding for all late packets.
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
            title: "Rejected packets of connections that are already closed (harmless)".to_owned(),
            seen: format!(
                "Packets without SYN between {} and {} are rejected at {}",
                names::sources(&entries),
                names::targets(&entries),
                names::enis(attempts, &enis)
            ),
            entries,
            others: 0,
            outage: None,
            enis,
            shows: Shows::Rejected,
        }
    });
    drafts.collect()
}

/// Returns the findings for scans: one for each source inside, and one for each of the few largest
/// sources outside. The ENIs listed are the scanner's own, or those scanned from outside.
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
        let origin = (source, at(&BTreeSet::from([source])));
        account((Certainty::Likely, 0), origin, tried, seen)
    });
    let outside = outside.into_iter().map(|(source, tried, seen)| {
        let origin = (source, at(&tried.hosts));
        account((Certainty::Possible, more), origin, tried, seen)
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
        _ => "from inside the network",
    };
    let similar = if more > 0 {
        format!("; {} the same way", scan_count(more))
    } else {
        String::new()
    };
    FindingAccount {
        cause: Cause::Scan,
        certainty,
        title: format!("Scan by {source} {origin}"),
        seen: format!(
            "{} to {} on {}, {} successful{similar}",
            names::counted(seen.count, "failed attempt"),
            names::counted(tried.ports.len() as u64, "port"),
            names::counted(tried.hosts.len() as u64, "host"),
            tried.passed,
        ),
        scope: FindingScope {
            from: BTreeSet::from([source.to_string()]),
            to: listed(tried.hosts.iter().map(IpAddr::to_string)),
            ports: tried.ports.iter().copied().take(LISTED_MAX).collect(),
            left_out: NamesLeftOut {
                to: left_out(tried.hosts.len()),
                ports: left_out(tried.ports.len()),
                ..at.left_out
            },
            ..at
        },
        matching: seen.count,
        counted: seen.clone(),
        others: tried.passed,
        outage: None,
        members: FindingMembers::of_scanner(source),
        shown: ShownPackets {
            hosts: BTreeSet::from([source]),
            ports: BTreeSet::new(),
            protocols: BTreeSet::from([TCP]),
            shows: Shows::All,
        },
        alike: Vec::new(),
        notes: ConfigurationNotes::default(),
    }
}

/// Formats the number of other sources: `1 more source scans`, `2 more sources scan`.
fn scan_count(n: usize) -> String {
    match n {
        1 => "1 more source scans".to_owned(),
        n => format!("{n} more sources scan"),
    }
}
