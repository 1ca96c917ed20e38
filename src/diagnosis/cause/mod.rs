//! Symptoms become findings: one for each cause, the one that explains most first.
//!
//! ```text
//! rejected   Block Public Access, Encryption Controls, replies that an ACL blocks
//! blocked    requests that are rejected
//! layer      security group or ACL, by contrast to what passes
//! service    silence, refusals, half-open handshakes, aborts, time-outs, and what is intermittent
//! harmless   late packets, scans
//! split      what tells those that fail from those that do not
//! draft      findings in the making, and their order
//! fold       too many alike become one
//! names      ENIs and services by what they are
//! words      what a cause means, where to look, and what else it might be
//! ```

mod blocked;
mod draft;
mod fold;
mod harmless;
mod layer;
mod names;
mod rejected;
mod service;
mod split;
mod words;

use std::collections::BTreeSet;

use self::draft::{Account, Draft};
use crate::diagnosis::finding::{Finding, Scope};
use crate::diagnosis::ledger::{Entry, Ledger};
use crate::diagnosis::roles::Roles;
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

/// What explains the symptoms of a tally, the most important first; no more than a page holds.
pub fn findings(tally: &Tally, ground: &Ground<'_>) -> Vec<Finding> {
    let scanners = harmless::scanners(tally);
    let ledger = Ledger::new(tally, ground.enis, &scanners);
    let mut drafts = rejected::drafts(&ledger);
    drafts.extend(blocked::drafts(&ledger, &Roles::new(&ledger)));
    drafts.extend(service::drafts(&ledger));
    drafts.extend(harmless::late_packets(&ledger));
    let told = drafts.into_iter().filter_map(|draft| draft.account(ground));
    let mut accounts: Vec<Account> = told.collect();
    accounts.extend(harmless::scans(tally, ground));
    accounts.sort_by(|a, b| a.order().cmp(&b.order()));
    let findings = fold::folded(accounts).into_iter();
    findings.map(|account| account.finding(ground)).collect()
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

#[cfg(test)]
mod tests;
