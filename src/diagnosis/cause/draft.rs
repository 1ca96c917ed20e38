//! Findings in the making: what explains some attempts, until it is written out, and which comes first.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;

use super::explanations;
use super::names::{self, LISTED_MAX, listed};
use crate::diagnosis::attempt_index::PathSymptom;
use crate::diagnosis::display_filter::{Shows, display_filter};
use crate::diagnosis::finding::{Brief, Cause, Certainty, Finding, FindingScope};
use crate::diagnosis::members::FindingMembers;
use crate::diagnosis::path_counts::PathCounts;
use crate::flow::{Eni, EniIndex, Enis, Place};

/// What findings need to name things.
pub struct Ground<'a> {
    /// The ENIs of the archive.
    pub enis: &'a Enis,
    /// What a line is called, `FILE:LINE`.
    pub name: &'a dyn Fn(Place) -> String,
}

/// What explains some entries of the index.
pub(super) struct FindingDraft<'a> {
    pub(super) cause: Cause,
    pub(super) certainty: Certainty,
    pub(super) title: String,
    pub(super) seen: String,
    /// What it explains; never empty.
    pub(super) entries: Vec<PathSymptom<'a>>,
    /// Attempts to the same that have nothing to do with it.
    pub(super) others: u64,
    /// The ENIs at which it shows.
    pub(super) enis: BTreeSet<EniIndex>,
    pub(super) shows: Shows,
}

impl FindingDraft<'_> {
    /// What is to be said of it; nothing if there is nothing behind it.
    pub(super) fn account(self, ground: &Ground<'_>) -> Option<FindingAccount> {
        let counted = PathCounts::sum(self.entries.iter().map(|entry| entry.seen))?;
        let paths = || self.entries.iter().map(|entry| entry.path);
        let hosts: BTreeSet<IpAddr> = paths().map(|path| path.target).collect();
        let ports: BTreeSet<u16> = paths().map(|path| path.port).collect();
        let protocols: BTreeSet<u8> = paths().map(|path| path.protocol).collect();
        let numbered = ports.iter().copied().filter(|port| *port > 0);
        Some(FindingAccount {
            cause: self.cause,
            certainty: self.certainty,
            title: self.title,
            seen: self.seen,
            scope: FindingScope {
                from: listed(paths().map(|path| names::source(path.source))),
                to: listed(hosts.iter().map(IpAddr::to_string)),
                ports: numbered.take(LISTED_MAX).collect(),
                ..scope(ground.enis, &self.enis)
            },
            counted,
            others: self.others,
            members: FindingMembers::of_entries(&self.entries),
            shown: ShownPackets {
                hosts,
                ports,
                protocols,
                shows: self.shows,
            },
            alike: Vec::new(),
        })
    }
}

/// What a finding says beside that which is said of its cause wherever it is found.
pub(super) struct FindingAccount {
    pub(super) cause: Cause,
    pub(super) certainty: Certainty,
    pub(super) title: String,
    pub(super) seen: String,
    pub(super) scope: FindingScope,
    /// All attempts that show it.
    pub(super) counted: PathCounts,
    /// Attempts to the same that have nothing to do with it.
    pub(super) others: u64,
    /// The attempts that it explains.
    pub(super) members: FindingMembers,
    pub(super) shown: ShownPackets,
    /// Those that it stands for, in short.
    pub(super) alike: Vec<Brief>,
}

/// What shows it in a capture.
pub(super) struct ShownPackets {
    /// One end of each packet.
    pub(super) hosts: BTreeSet<IpAddr>,
    pub(super) ports: BTreeSet<u16>,
    pub(super) protocols: BTreeSet<u8>,
    pub(super) shows: Shows,
}

impl FindingAccount {
    /// Its place in the list: what is only possible comes last, then what explains less.
    pub(super) fn order(&self) -> impl Ord + use<'_> {
        let is_possible = self.certainty == Certainty::Possible;
        // A verdict with a contrast explains more than a silence, and an abort explains little.
        let weight = match self.cause {
            Cause::LatePackets => 0,
            Cause::Reset => 1,
            Cause::Scan if is_possible => 1,
            Cause::HalfOpen => 3,
            Cause::NoReply | Cause::Refused => 4,
            Cause::Intermittent => 5,
            _ => 8,
        };
        let explains = Reverse(self.counted.count.saturating_mul(weight));
        (is_possible, explains, self.counted.first_ns, &self.title)
    }

    /// The finding in short.
    pub(super) fn brief(&self) -> Brief {
        Brief {
            title: self.title.clone(),
            first: instant(self.counted.first_ns),
            last: instant(self.counted.last_ns),
            count: self.counted.count,
            of: self.counted.count + self.others,
        }
    }

    /// The finding.
    pub(super) fn finding(self, ground: &Ground<'_>) -> Finding {
        let explanation = explanations::of(self.cause);
        let said = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let places = self.counted.places.iter();
        let shown = &self.shown;
        Finding {
            cause: self.cause,
            certainty: self.certainty,
            title: self.title,
            seen: self.seen,
            scope: self.scope,
            first: instant(self.counted.first_ns),
            last: instant(self.counted.last_ns),
            count: self.counted.count,
            of: self.counted.count + self.others,
            records: places.map(|place| (ground.name)(*place)).collect(),
            means: explanation.means.to_owned(),
            look_at: said(explanation.look_at),
            against: said(explanation.against),
            display_filter: display_filter(
                &shown.hosts,
                &shown.ports,
                &shown.protocols,
                shown.shows,
            ),
            members: self.members,
            alike: self.alike,
        }
    }
}

fn instant(ns: i64) -> String {
    Timestamp::from_nanosecond(ns.into()).map_or_else(|_| ns.to_string(), |t| t.to_string())
}

/// Where something was seen, by the ENIs.
pub(super) fn scope(enis: &Enis, at: &BTreeSet<EniIndex>) -> FindingScope {
    let told = |of: fn(&Eni) -> &String| {
        listed(
            at.iter()
                .map(|eni| of(enis.get(*eni)).clone())
                .filter(|name| !name.is_empty()),
        )
    };
    FindingScope {
        enis: told(|eni| &eni.name),
        subnets: told(|eni| &eni.subnet),
        instances: told(|eni| &eni.instance),
        ..FindingScope::default()
    }
}
