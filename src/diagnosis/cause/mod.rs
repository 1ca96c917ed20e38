//! Symptoms become findings: one for each cause, the one that explains most first.
//!
//! ```text
//! rejected   Block Public Access, Encryption Controls, replies that an ACL blocks
//! blocked    requests that are rejected
//! layer      security group or ACL, by contrast to what passes
//! service    silence, refusals, half-open handshakes, aborts, time-outs, and what is intermittent
//! harmless   late packets, scans
//! split      what tells those that fail from those that do not
//! names      ENIs and services by what they are
//! words      what a cause means, where to look, and what else it might be
//! ```

mod blocked;
mod harmless;
mod layer;
mod names;
mod rejected;
mod service;
mod split;
mod words;

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;

use crate::diagnosis::display_filter::{Shows, display_filter};
use crate::diagnosis::finding::{Cause, Certainty, Finding, Scope};
use crate::diagnosis::ledger::{Entry, Ledger};
use crate::diagnosis::roles::Roles;
use crate::diagnosis::sighting::Sighting;
use crate::diagnosis::tally::Tally;
use crate::flow::{EniIndex, Enis, Place};

/// Names of one kind that a finding lists.
const LISTED_MAX: usize = 12;

/// What findings need to name things.
pub struct Ground<'a> {
    /// The ENIs of the archive.
    pub enis: &'a Enis,
    /// What a line is called, `FILE:LINE`.
    pub name: &'a dyn Fn(Place) -> String,
}

/// A finding in the making.
struct Draft<'a> {
    cause: Cause,
    certainty: Certainty,
    title: String,
    seen: String,
    /// What it explains; never empty.
    entries: Vec<Entry<'a>>,
    /// Attempts to the same that have nothing to do with it.
    others: u64,
    /// The ENIs at which it shows.
    enis: BTreeSet<EniIndex>,
    /// What speaks against it, beside what always may.
    against: Vec<String>,
    shows: Shows,
}

/// What explains the symptoms of a tally, the most important first.
pub fn findings(tally: &Tally, ground: &Ground<'_>) -> Vec<Finding> {
    let scanners = harmless::scanners(tally);
    let ledger = Ledger::new(tally, ground.enis, &scanners);
    let mut drafts = rejected::drafts(&ledger);
    drafts.extend(blocked::drafts(&ledger, &Roles::new(&ledger)));
    drafts.extend(service::drafts(&ledger));
    drafts.extend(harmless::late_packets(&ledger));
    let mut scored: Vec<(Rank, Finding)> = Vec::new();
    for draft in drafts {
        let rank = draft.rank();
        scored.extend(draft.finish(ground).map(|finding| (rank, finding)));
    }
    scored.extend(harmless::scans(tally, ground));
    scored.sort_by(|(a, x), (b, y)| {
        let told = |finding: &Finding| (finding.first.clone(), finding.title.clone());
        a.cmp(b).then_with(|| told(x).cmp(&told(y)))
    });
    scored.into_iter().map(|(_, finding)| finding).collect()
}

/// The place of a finding in the list: what is only possible comes last, then what explains less.
type Rank = (bool, std::cmp::Reverse<u64>);

fn rank(cause: Cause, certainty: Certainty, count: u64) -> Rank {
    // A verdict with a contrast explains more than a silence, and an abort explains little.
    let weight = match cause {
        Cause::LatePackets => 0,
        Cause::Reset => 1,
        Cause::Scan if certainty == Certainty::Possible => 1,
        Cause::HalfOpen => 3,
        Cause::NoReply | Cause::Refused => 4,
        Cause::Intermittent => 5,
        _ => 8,
    };
    (
        certainty == Certainty::Possible,
        std::cmp::Reverse(count.saturating_mul(weight)),
    )
}

impl Draft<'_> {
    fn rank(&self) -> Rank {
        let count: u64 = self.entries.iter().map(|entry| entry.seen.count).sum();
        rank(self.cause, self.certainty, count)
    }

    /// The finding; none if there is nothing behind it.
    fn finish(self, ground: &Ground<'_>) -> Option<Finding> {
        let seen = Sighting::sum(self.entries.iter().map(|entry| entry.seen))?;
        let paths = || self.entries.iter().map(|entry| entry.path);
        let hosts: BTreeSet<IpAddr> = paths().map(|path| path.target).collect();
        let ports: BTreeSet<u16> = paths().map(|path| path.port).collect();
        let protocols: BTreeSet<u8> = paths().map(|path| path.protocol).collect();
        let mut scope = scope(ground.enis, &self.enis);
        scope.from = listed(paths().map(|path| names::source(path.source)));
        scope.to = listed(hosts.iter().map(IpAddr::to_string));
        scope.ports = ports
            .iter()
            .copied()
            .filter(|port| *port > 0)
            .take(LISTED_MAX)
            .collect();
        let words = words::of(self.cause);
        let mut against = self.against;
        against.extend(words.against.iter().map(|text| (*text).to_owned()));
        Some(Finding {
            cause: self.cause,
            certainty: self.certainty,
            title: self.title,
            seen: self.seen,
            scope,
            first: instant(seen.first_ns),
            last: instant(seen.last_ns),
            count: seen.count,
            of: seen.count + self.others,
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
            against,
            display_filter: display_filter(&hosts, &ports, &protocols, self.shows),
        })
    }
}

/// When the first of these began and the last ended.
fn span(entries: &[Entry<'_>]) -> (i64, i64) {
    let first = entries.iter().map(|entry| entry.seen.first_ns).min();
    let last = entries.iter().map(|entry| entry.seen.last_ns).max();
    (first.unwrap_or(0), last.unwrap_or(0))
}

fn scope(enis: &Enis, at: &BTreeSet<EniIndex>) -> Scope {
    let told = |of: fn(&crate::flow::Eni) -> &String| {
        listed(
            at.iter()
                .map(|eni| of(enis.get(*eni)).clone())
                .filter(|name| !name.is_empty()),
        )
    };
    Scope {
        enis: told(|eni| &eni.name),
        subnets: told(|eni| &eni.subnet),
        instances: told(|eni| &eni.instance),
        ..Scope::default()
    }
}

fn listed(names: impl Iterator<Item = String>) -> BTreeSet<String> {
    let all: BTreeSet<String> = names.collect();
    all.into_iter().take(LISTED_MAX).collect()
}

fn instant(ns: i64) -> String {
    Timestamp::from_nanosecond(ns.into()).map_or_else(|_| ns.to_string(), |t| t.to_string())
}

#[cfg(test)]
mod tests;
