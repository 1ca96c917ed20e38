//! Attempts from the internet that differ from its noise: SYN floods, addresses that are always
//! rejected at one service, and what a NAT gateway drops.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::configured::{self, ConfigurationNotes};
use super::draft::{FindingAccount, FindingDraft, Ground, ShownPackets, left_out, scope};
use super::names::{self, LISTED_MAX, listed};
use crate::diagnosis::attempt_counts::{AttemptCounts, Path};
use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom, ServiceKey, grouped, service};
use crate::diagnosis::display_filter::Shows;
use crate::diagnosis::distinct_sources::DistinctSources;
use crate::diagnosis::finding::{Cause, Certainty, FindingScope, NamesLeftOut};
use crate::diagnosis::members::FindingMembers;
use crate::diagnosis::path_counts::PathCounts;
use crate::diagnosis::symptom::Symptom;
use crate::flow::EniIndex;

/// Services with rejected addresses that are listed one by one; more are only counted.
const SERVICES_MAX: usize = 3;

/// The most sources that a filter may keep for them to be meant by name.
const NAMED_MAX: usize = 3;

/// Drafts one finding for each service that gets a SYN flood, and returns the paths and symptoms
/// that they explain.
pub(super) fn floods<'a>(
    attempts: &AttemptIndex<'a>,
    drafts: &mut Vec<FindingDraft<'a>>,
) -> BTreeSet<(Path, Symptom)> {
    let key = |entry: &PathSymptom<'a>| {
        let is_open = matches!(entry.symptom, Symptom::HalfOpen | Symptom::NoReply);
        (is_open && entry.path.source.is_none()).then(|| service(entry.path))
    };
    let mut explained = BTreeSet::new();
    for entries in grouped(attempts.all(), key).into_values() {
        let Some((sources, per_minute)) = flood(&entries) else {
            continue;
        };
        explained.extend(entries.iter().map(PathSymptom::key));
        let (targets, ports) = (names::targets(&entries), names::ports(&entries));
        let enis: BTreeSet<EniIndex> = entries
            .iter()
            .filter_map(|entry| entry.path.target_eni)
            .collect();
        drafts.push(FindingDraft {
            cause: Cause::SynFlood,
            certainty: Certainty::Likely,
            title: format!("SYN flood to {targets} on {ports}"),
            seen: format!(
                "About {sources} sources outside send SYNs and complete no handshake, up to {per_minute} attempts a \
                 minute",
            ),
            others: 0,
            outage: None,
            entries,
            enis,
            shows: Shows::Handshakes,
        });
    }
    explained
}

/// Returns the number of sources, and of attempts in the worst minute, if these are a flood.
fn flood(entries: &[PathSymptom<'_>]) -> Option<(u64, u64)> {
    /// Sources that are needed.
    const SOURCES_LEAST: u64 = 200;
    /// Attempts a minute that are needed: one a second.
    const RATE_LEAST: u64 = 60;
    let mut sources = DistinctSources::default();
    for entry in entries {
        sources.add(&entry.seen.sources);
    }
    let seen = PathCounts::sum(entries.iter().map(|entry| entry.seen))?;
    let minutes = u64::try_from(seen.minutes.width_s / 60).unwrap_or(1).max(1);
    let worst = seen.minutes.counts.values().max()?;
    let (sources, rate) = (sources.count(), worst / minutes);
    let is_flood = sources >= SOURCES_LEAST && rate >= RATE_LEAST && seen.count <= sources * 3;
    is_flood.then_some((sources, rate))
}

/// Drafts one finding for all packets from the internet that NAT gateways drop, and returns the
/// paths and symptoms that it explains.
pub(super) fn unsolicited<'a>(
    attempts: &AttemptIndex<'a>,
    drafts: &mut Vec<FindingDraft<'a>>,
) -> BTreeSet<(Path, Symptom)> {
    let at = |entry: &PathSymptom<'a>| {
        // Whether a reply is missing or only its record does not matter here.
        let is_silent = matches!(
            entry.symptom,
            Symptom::NoReply | Symptom::OneWay | Symptom::Unclear
        );
        let eni = entry.path.target_eni;
        eni.filter(|_| is_silent && entry.path.source.is_none())
    };
    let all = attempts.all().chain(attempts.unclear_outside());
    let by_eni = grouped(all, at).into_iter();
    let dropped = by_eni.filter(|(eni, _)| attempts.is_nat(*eni));
    let entries: Vec<PathSymptom<'a>> = dropped.flat_map(|(_, entries)| entries).collect();
    let explained = entries.iter().map(PathSymptom::key).collect();
    if entries.is_empty() {
        return explained;
    }
    let enis: BTreeSet<EniIndex> = entries
        .iter()
        .filter_map(|entry| entry.path.target_eni)
        .collect();
    drafts.push(FindingDraft {
        cause: Cause::Unsolicited,
        certainty: Certainty::Possible,
        title: "A NAT gateway drops unsolicited packets from the internet (harmless)".to_owned(),
        seen: format!(
            "Packets from the internet to {} on {} are accepted at {}, which passes on connections from inside only",
            names::targets(&entries),
            names::ports(&entries),
            names::enis(attempts, &enis)
        ),
        others: 0,
        outage: None,
        entries,
        enis,
        shows: Shows::All,
    });
    explained
}

/// An address outside, and its attempts.
type RejectedSource<'a> = (IpAddr, &'a PathCounts);

/// Returns the findings for addresses outside that try one service again and again and are always
/// rejected there. That may be an office that a rule forgets, or a bot.
///
/// `shown` is what a filter keeps. Where that is so few addresses that they are meant by name, the
/// finding is certain.
pub(super) fn shut_out(
    attempts: &AttemptIndex<'_>,
    (tally, shown): (&AttemptCounts, Option<&AttemptCounts>),
    ground: &Ground<'_>,
) -> Vec<FindingAccount> {
    let is_meant = |service: ServiceKey| {
        let mut entries = attempts
            .of(service)
            .filter(|entry| !entry.symptom.is_admitted());
        entries.any(|entry| entry.path.source.is_none() && attempts.is_meant(entry))
    };
    let mut services: BTreeMap<ServiceKey, Vec<RejectedSource<'_>>> = BTreeMap::new();
    for (source, tried) in tally.outsiders.iter() {
        if let (Some((host, protocol, port)), None) = (tried.shut_out_of(), tried.scan())
            && let Some(seen) = &tried.seen
            && !is_meant((host, port, protocol))
        {
            let service = services.entry((host, port, protocol)).or_default();
            service.push((*source, seen));
        }
    }
    let is_named = shown.is_some_and(|shown| shown.outsiders.iter().count() <= NAMED_MAX);
    let certainty = match (is_named, attempts.is_bare) {
        (true, false) => Certainty::Proved,
        (true, true) => Certainty::Likely,
        (false, _) => Certainty::Possible,
    };
    let mut services: Vec<_> = services.into_iter().collect();
    let count =
        |sources: &[RejectedSource<'_>]| sources.iter().map(|(_, seen)| seen.count).sum::<u64>();
    services.sort_by_key(|(service, sources)| (Reverse(count(sources)), *service));
    let more = services.len().saturating_sub(SERVICES_MAX);
    services.truncate(SERVICES_MAX);
    let accounts = services.into_iter().filter_map(|(service, sources)| {
        shut_out_account(attempts, service, &sources, (certainty, more), ground)
    });
    accounts.collect()
}

fn shut_out_account(
    attempts: &AttemptIndex<'_>,
    service: ServiceKey,
    sources: &[RejectedSource<'_>],
    (certainty, more): (Certainty, usize),
    ground: &Ground<'_>,
) -> Option<FindingAccount> {
    let (host, port, protocol) = service;
    let counted = PathCounts::sum(sources.iter().map(|(_, seen)| *seen))?;
    let at = attempts.owner(host).into_iter().collect();
    let at: FindingScope = scope(ground.enis, &at);
    let mut members = FindingMembers::default();
    for (source, _) in sources {
        members.add(FindingMembers::of_scanner(*source));
    }
    let (title, seen) = shut_out_texts(service, sources, counted.count, more);
    let addresses = || sources.iter().map(|(source, _)| *source);
    let configured = ground.configuration.and_then(|configuration| {
        configured::of_outsiders(
            attempts,
            configuration,
            service,
            addresses(),
            counted.last_ns,
        )
    });
    // Which rule rejects them is certain then. Whether they should get in is so only if another
    // filter has a rule for them.
    let is_meant = configured.as_ref().is_some_and(|found| found.is_meant);
    let (cause, notes) = match configured {
        Some(found) => (found.cause, found.notes),
        None => (Cause::InboundBlocked, ConfigurationNotes::default()),
    };
    Some(FindingAccount {
        cause,
        certainty: match is_meant {
            true => Certainty::Proved,
            false => certainty,
        },
        title,
        seen,
        scope: FindingScope {
            from: listed(addresses().map(|source| source.to_string())),
            to: BTreeSet::from([host.to_string()]),
            ports: BTreeSet::from([port]),
            left_out: NamesLeftOut {
                from: left_out(sources.len()),
                ..at.left_out
            },
            ..at
        },
        matching: counted.count,
        counted,
        others: 0,
        outage: None,
        members,
        shown: ShownPackets {
            hosts: addresses().take(LISTED_MAX).collect(),
            ports: BTreeSet::from([port]),
            protocols: BTreeSet::from([protocol]),
            shows: Shows::Rejected,
        },
        alike: Vec::new(),
        notes,
    })
}

/// Returns the title and the evidence. `more` is the number of services where it is the same.
fn shut_out_texts(
    (host, port, protocol): ServiceKey,
    sources: &[RejectedSource<'_>],
    count: u64,
    more: usize,
) -> (String, String) {
    let named = names::port(port, protocol);
    let (who, is, tries) = match sources {
        [(source, _)] => (
            source.to_string(),
            "is",
            "tries no other service, and repeats",
        ),
        _ => {
            let all = format!("{} outside addresses", sources.len());
            (all, "are", "try no other service, and repeat")
        }
    };
    let similar = match more {
        0 => String::new(),
        1 => "; the same at 1 more service".to_owned(),
        n => format!("; the same at {n} more services"),
    };
    let title = format!("{who} cannot reach {host} on {named}: every attempt is rejected");
    let seen = format!(
        "{who} {is} rejected at {host} on {named} in each of {}, {tries} the request each time, as a client does that \
         expects an answer{similar}",
        names::counted(count, "attempt"),
    );
    (title, seen)
}
