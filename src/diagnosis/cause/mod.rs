//! Symptoms become findings: one for each cause, the one that explains most first.
//!
//! ```text
//! names            ENIs and services by what they are
//! explanations     what a cause means, where to look, and what else it might be
//! draft            findings in the making, and their order
//! failure_split    what sets those that fail apart from the others
//! rejected         Block Public Access, Encryption Controls, replies that an ACL blocks
//! layer            security group or ACL, by contrast to what passes
//! blocked          requests that are rejected
//! service          silence, refusals, half-open handshakes, aborts, time-outs, and what is intermittent
//! harmless         late packets, scans
//! merge_similar    too many alike become one
//! ```

mod blocked;
mod draft;
mod explanations;
mod failure_split;
mod harmless;
mod layer;
mod merge_similar;
mod names;
mod rejected;
mod service;

use self::draft::FindingAccount;
pub use self::draft::Ground;
use crate::diagnosis::attempt_counts::AttemptCounts;
use crate::diagnosis::attempt_index::{AttemptIndex, Roles};
use crate::diagnosis::finding::Finding;

/// What explains the symptoms of a tally, the most important first; no more than a page holds.
pub fn findings(tally: &AttemptCounts, ground: &Ground<'_>) -> Vec<Finding> {
    let scanners = harmless::scanners(tally);
    let attempts = AttemptIndex::new(tally, ground.enis, &scanners);
    let mut drafts = rejected::drafts(&attempts);
    drafts.extend(blocked::drafts(&attempts, &Roles::new(&attempts)));
    drafts.extend(service::drafts(&attempts));
    drafts.extend(harmless::late_packets(&attempts));
    let told = drafts.into_iter().filter_map(|draft| draft.account(ground));
    let mut accounts: Vec<FindingAccount> = told.collect();
    accounts.extend(harmless::scans(tally, ground));
    accounts.sort_by(|a, b| a.order().cmp(&b.order()));
    let findings = merge_similar::merged(accounts).into_iter();
    findings.map(|account| account.finding(ground)).collect()
}

#[cfg(test)]
mod tests;
