//! What every network has, and is no fault: late packets, and scans from outside.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::{Draft, Ground, LISTED_MAX, Rank, instant, listed, names, rank, scope, words};
use crate::diagnosis::display_filter::{Shows, display_filter};
use crate::diagnosis::finding::{Cause, Certainty, Finding, Scope};
use crate::diagnosis::ledger::{Entry, Ledger, grouped};
use crate::diagnosis::sighting::Sighting;
use crate::diagnosis::sweep::Sweep;
use crate::diagnosis::symptom::Symptom;
use crate::diagnosis::tally::Tally;
use crate::flow::{EniIndex, TCP};

/// Scanning sources that are named one by one; more are only counted.
const SCANS_MAX: usize = 5;

/// Insiders that scan.
pub(super) fn scanners(tally: &Tally) -> BTreeSet<IpAddr> {
    let scans = tally
        .insiders
        .iter()
        .filter(|(_, sweep)| sweep.scan().is_some());
    scans.map(|(source, _)| *source).collect()
}

/// One finding for all late packets.
pub(super) fn late_packets<'a>(ledger: &Ledger<'a>) -> Vec<Draft<'a>> {
    let late = |entry: &Entry<'_>| matches!(entry.symptom, Symptom::LatePackets(_)).then_some(());
    let groups = grouped(ledger.all(), late);
    let drafts = groups.into_values().map(|entries| {
        let at = |entry: &Entry<'_>| match entry.symptom {
            Symptom::LatePackets(eni) => Some(eni),
            _ => None,
        };
        let enis: BTreeSet<_> = entries.iter().filter_map(at).collect();
        Draft {
            cause: Cause::LatePackets,
            certainty: Certainty::Possible,
            title: "packets of connections that are over are rejected (harmless)".to_owned(),
            seen: format!(
                "REJECTed packets without SYN between {} and {}, at {}",
                names::sources(&entries),
                names::targets(&entries),
                names::enis(ledger, &enis)
            ),
            entries,
            others: 0,
            enis,
            against: Vec::new(),
            shows: Shows::Rejected,
        }
    });
    drafts.collect()
}

/// Scans, those from inside one by one, of those from outside the few largest. ENIs named are the
/// scanner's own, or those that are scanned from outside.
pub(super) fn scans(tally: &Tally, ground: &Ground<'_>) -> Vec<(Rank, Finding)> {
    let scan = |sweep: &Sweep| sweep.scan().cloned();
    let inside = tally
        .insiders
        .iter()
        .filter_map(|(source, sweep)| Some((*source, sweep, scan(sweep)?)));
    let outside = tally
        .outsiders
        .iter()
        .filter_map(|(source, sweep)| Some((*source, sweep, scan(sweep)?)));
    let mut outside: Vec<(IpAddr, &Sweep, Sighting)> = outside.collect();
    outside.sort_by_key(|(source, _, seen)| (Reverse(seen.count), *source));
    let more = outside.len().saturating_sub(SCANS_MAX);
    outside.truncate(SCANS_MAX);
    let mut owners: HashMap<IpAddr, EniIndex> = HashMap::new();
    for (index, eni) in (0u32..).zip(ground.enis.iter()) {
        owners.extend(eni.address.map(|address| (address, EniIndex(index))));
    }
    let at = |addresses: &BTreeSet<IpAddr>| -> BTreeSet<EniIndex> {
        let known = addresses.iter().filter_map(|address| owners.get(address));
        known.copied().collect()
    };
    let mut found: Vec<(Rank, Finding)> = inside
        .map(|(source, sweep, seen)| {
            let enis = at(&BTreeSet::from([source]));
            finding(ground, (Certainty::Likely, 0), source, sweep, &seen, &enis)
        })
        .collect();
    found.extend(outside.into_iter().map(|(source, sweep, seen)| {
        let enis = at(&sweep.hosts);
        finding(
            ground,
            (Certainty::Possible, more),
            source,
            sweep,
            &seen,
            &enis,
        )
    }));
    found
}

fn finding(
    ground: &Ground<'_>,
    (certainty, more): (Certainty, usize),
    source: IpAddr,
    sweep: &Sweep,
    seen: &Sighting,
    enis: &BTreeSet<EniIndex>,
) -> (Rank, Finding) {
    let origin = match certainty {
        Certainty::Possible => "from the internet (harmless noise)",
        _ => "from inside",
    };
    let words = words::of(Cause::Scan);
    let beside = if more > 0 {
        format!("; {more} more sources do likewise")
    } else {
        String::new()
    };
    let finding = Finding {
        cause: Cause::Scan,
        certainty,
        title: format!("{source} scans {origin}"),
        seen: format!(
            "{} attempts in vain at {} of {}, {} that led to a connection{beside}",
            seen.count,
            counted(sweep.ports.len(), "port"),
            counted(sweep.hosts.len(), "host"),
            sweep.passed,
        ),
        scope: Scope {
            from: BTreeSet::from([source.to_string()]),
            to: listed(sweep.hosts.iter().map(IpAddr::to_string)),
            ports: sweep.ports.iter().copied().take(LISTED_MAX).collect(),
            ..scope(ground.enis, enis)
        },
        first: instant(seen.first_ns),
        last: instant(seen.last_ns),
        count: seen.count,
        of: seen.count + sweep.passed,
        records: seen
            .places
            .iter()
            .map(|place| (ground.name)(*place))
            .collect(),
        means: words.means.to_owned(),
        look_at: words
            .look_at
            .iter()
            .map(|text| (*text).to_owned())
            .collect(),
        against: words
            .against
            .iter()
            .map(|text| (*text).to_owned())
            .collect(),
        display_filter: display_filter(
            &BTreeSet::from([source]),
            &BTreeSet::new(),
            &BTreeSet::from([TCP]),
            Shows::All,
        ),
    };
    (rank(Cause::Scan, certainty, seen.count), finding)
}

fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
