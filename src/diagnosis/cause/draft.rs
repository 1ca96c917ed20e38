//! Drafts of findings: the cause of some attempts before its text is written, and the order of
//! findings.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;

use super::configured::ConfigurationNotes;
use super::explanations;
use super::names::{self, LISTED_MAX, listed};
use super::outage::Outage;
use crate::configuration::Configuration;
use crate::diagnosis::attempt_counts::AttemptCounts;
use crate::diagnosis::attempt_index::PathSymptom;
use crate::diagnosis::changes::FindingChanges;
use crate::diagnosis::display_filter::{Shows, display_filter, field_filter};
use crate::diagnosis::finding::{Brief, Cause, Certainty, Finding, FindingScope, NamesLeftOut};
use crate::diagnosis::members::FindingMembers;
use crate::diagnosis::path_counts::PathCounts;
use crate::flow::{Eni, EniIndex, Enis, Place, TCP, UDP};
use crate::time::rfc3339;

/// Names that findings need.
pub struct Ground<'a> {
    /// The ENIs of the archive.
    pub enis: &'a Enis,
    /// The configuration that was found beside the logs; complete.
    pub configuration: Option<&'a Configuration>,
    /// Returns the name of a line, `FILE:LINE`.
    pub name: &'a dyn Fn(Place) -> String,
}

/// The cause of some entries of the index.
pub(super) struct FindingDraft<'a> {
    pub(super) cause: Cause,
    pub(super) certainty: Certainty,
    pub(super) title: String,
    pub(super) seen: String,
    /// The entries that it explains; never empty.
    pub(super) entries: Vec<PathSymptom<'a>>,
    /// Attempts to the same services that have another result.
    pub(super) others: u64,
    /// When the attempts fail, if they pass at other times.
    pub(super) outage: Option<Outage>,
    /// The ENIs where it was seen.
    pub(super) enis: BTreeSet<EniIndex>,
    pub(super) shows: Shows,
}

impl FindingDraft<'_> {
    /// Sums up the entries; `None` if there are none.
    pub(super) fn account(self, ground: &Ground<'_>) -> Option<FindingAccount> {
        let counted = PathCounts::sum(self.entries.iter().map(|entry| entry.seen))?;
        let paths = || self.entries.iter().map(|entry| entry.path);
        let hosts: BTreeSet<IpAddr> = paths().map(|path| path.target).collect();
        let ports: BTreeSet<u16> = paths().map(|path| path.port).collect();
        let protocols: BTreeSet<u8> = paths().map(|path| path.protocol).collect();
        let numbered = || ports.iter().copied().filter(|port| *port > 0);
        let sources: BTreeSet<Option<IpAddr>> = paths().map(|path| path.source).collect();
        let at = scope(ground.enis, &self.enis);
        Some(FindingAccount {
            cause: self.cause,
            certainty: self.certainty,
            title: self.title
                + &self
                    .outage
                    .map_or_else(String::new, |outage| outage.title()),
            seen: self.seen,
            scope: FindingScope {
                from: listed(sources.iter().map(|source| names::source(*source))),
                to: listed(hosts.iter().map(IpAddr::to_string)),
                ports: numbered().take(LISTED_MAX).collect(),
                left_out: NamesLeftOut {
                    from: left_out(sources.len()),
                    to: left_out(hosts.len()),
                    ports: left_out(numbered().count()),
                    ..at.left_out
                },
                ..at
            },
            matching: counted.count,
            counted,
            others: self.others,
            outage: self.outage,
            members: FindingMembers::of_entries(&self.entries),
            shown: ShownPackets {
                hosts,
                ports,
                protocols,
                shows: self.shows,
            },
            alike: Vec::new(),
            notes: ConfigurationNotes::default(),
        })
    }
}

/// A finding without the texts that are the same for all findings of its cause.
pub(super) struct FindingAccount {
    pub(super) cause: Cause,
    pub(super) certainty: Certainty,
    pub(super) title: String,
    pub(super) seen: String,
    pub(super) scope: FindingScope,
    /// All attempts that show it.
    pub(super) counted: PathCounts,
    /// How many of them match the filter.
    pub(super) matching: u64,
    /// Attempts to the same services that have another result.
    pub(super) others: u64,
    /// When the attempts fail, if they pass at other times.
    pub(super) outage: Option<Outage>,
    /// The attempts that it explains.
    pub(super) members: FindingMembers,
    pub(super) shown: ShownPackets,
    /// The findings merged into this one, in short.
    pub(super) alike: Vec<Brief>,
    /// What the configuration says of it.
    pub(super) notes: ConfigurationNotes,
}

/// The packets in a capture that show the finding.
pub(super) struct ShownPackets {
    /// One end of each packet.
    pub(super) hosts: BTreeSet<IpAddr>,
    pub(super) ports: BTreeSet<u16>,
    pub(super) protocols: BTreeSet<u8>,
    pub(super) shows: Shows,
}

impl FindingAccount {
    /// Sort key: merely possible findings come last, and findings that explain more attempts come
    /// first.
    pub(super) fn order(&self) -> impl Ord + use<'_> {
        let is_possible = self.certainty == Certainty::Possible;
        // A verdict with a contrast explains more than a missing reply, and a reset explains
        // little.
        let weight = match self.cause {
            Cause::LatePackets | Cause::Unsolicited => 0,
            Cause::Reset => 1,
            Cause::Scan if is_possible => 1,
            Cause::HalfOpen => 3,
            Cause::NoReply | Cause::Refused => 4,
            Cause::Intermittent => 5,
            _ => 8,
        };
        let explains = Reverse(self.matching.saturating_mul(weight));
        (is_possible, explains, self.counted.first_ns, &self.title)
    }

    /// Notes which of its attempts match the filter, and points to their records. Returns whether
    /// any does.
    pub(super) fn narrow_to(&mut self, shown: &AttemptCounts) -> bool {
        let Some(matching) = self.members.counted_in(shown) else {
            return false;
        };
        if matching.count < self.counted.count {
            let (few, all) = (matching.count, self.counted.count);
            self.seen += &format!("; {few} of these {all} attempts match the filter");
        }
        self.matching = matching.count;
        self.counted.places = matching.places;
        true
    }

    /// Returns the finding in short.
    pub(super) fn brief(&self) -> Brief {
        Brief {
            title: self.title.clone(),
            first: rfc3339(self.counted.first_ns),
            last: rfc3339(self.counted.last_ns),
            count: self.counted.count,
            of: self.counted.count + self.others,
        }
    }

    /// Returns the complete finding.
    pub(super) fn finding(self, ground: &Ground<'_>) -> Finding {
        let has_ports = |protocol: &u8| matches!(*protocol, TCP | UDP);
        let explanation = match self.shown.protocols.iter().any(has_ports) {
            true => explanations::of(self.cause),
            false => explanations::without_ports(self.cause),
        };
        let owned =
            |texts: &[&str]| -> Vec<String> { texts.iter().map(|text| (*text).into()).collect() };
        let places: Vec<Place> = self.counted.places.iter().copied().collect();
        let shown = &self.shown;
        let filter = display_filter(&shown.hosts, &shown.ports, &shown.protocols, shown.shows);
        let changed = self.outage.and_then(|outage| outage.look_at());
        let since_ns = self.outage.and_then(|outage| outage.since_ns);
        let until_ns = self.outage.and_then(|outage| outage.until_ns);
        let places_to_look = match self.notes.look_at {
            look_at if look_at.is_empty() => owned(explanation.look_at),
            look_at => look_at,
        };
        let look_at = changed.into_iter().chain(places_to_look);
        Finding {
            cause: self.cause,
            certainty: self.certainty,
            title: self.title,
            seen: self.seen,
            scope: self.scope,
            first: rfc3339(self.counted.first_ns),
            last: rfc3339(self.counted.last_ns),
            since: since_ns.map(rfc3339),
            until: until_ns.map(rfc3339),
            count: self.counted.count,
            of: self.counted.count + self.others,
            records: places.iter().map(|place| (ground.name)(*place)).collect(),
            places,
            configuration: self.notes.lines,
            changes: FindingChanges::default(),
            means: match self.notes.means {
                Some(means) => means.to_owned(),
                None => explanation.means.to_owned(),
            },
            look_at: look_at.collect(),
            against: match self.notes.against {
                Some(against) => against,
                None => owned(explanation.against),
            },
            field_filter: field_filter(&filter),
            display_filter: filter,
            members: self.members,
            ends_ns: [since_ns, until_ns],
            span_ns: (self.counted.first_ns, self.counted.last_ns),
            minutes: self.counted.minutes,
            alike: self.alike,
        }
    }
}

/// Returns the scope of a finding from its ENIs.
pub(super) fn scope(enis: &Enis, at: &BTreeSet<EniIndex>) -> FindingScope {
    let names = |of: fn(&Eni) -> &String| {
        let names = at.iter().map(|eni| of(enis.get(*eni)));
        let names: BTreeSet<&String> = names.filter(|name| !name.is_empty()).collect();
        let rest = left_out(names.len());
        (listed(names.into_iter().cloned()), rest)
    };
    let (own, subnets) = (names(|eni| &eni.name), names(|eni| &eni.subnet));
    let instances = names(|eni| &eni.instance);
    FindingScope {
        enis: own.0,
        subnets: subnets.0,
        instances: instances.0,
        left_out: NamesLeftOut {
            enis: own.1,
            subnets: subnets.1,
            instances: instances.1,
            ..NamesLeftOut::default()
        },
        ..FindingScope::default()
    }
}

/// How many of these names are not listed.
pub(super) fn left_out(names: usize) -> usize {
    names.saturating_sub(LISTED_MAX)
}
