//! Findings: the causes that explain the symptoms, the one that explains most attempts first.
//!
//! ```text
//! names            names of ENIs and services in texts
//! explanations     meaning of a cause, where to look, and other possible causes
//! draft            findings before they are written out, and their order
//! failure_split    what distinguishes failing attempts from the others
//! outage           time ranges in which nearly all attempts fail
//! rejected         Block Public Access, Encryption Controls, replies blocked by an ACL
//! blocked_replies  ports to which replies are blocked
//! layer            security group or ACL, by comparison with traffic that passes
//! blocked          rejected requests
//! configured       what the configuration beside the logs proves or contradicts
//! service          no reply, refused, half-open, reset, idle timeout, intermittent failures
//! cut_off          subnets that get no reply from the internet
//! source_place     the subnet or block of addresses of a source
//! hairpin          targets of a load balancer that connect to themselves
//! outsiders        the internet: floods, addresses that are always rejected, NAT gateways
//! loss             packets that are lost between two ENIs
//! harmless         late packets, scans
//! legs             both legs of a connection through a load balancer or NAT gateway
//! severed          subnets that cannot exchange packets with another network
//! merge_similar    many similar findings merged into one
//! ```

mod blocked;
mod blocked_replies;
mod configured;
mod cut_off;
mod draft;
mod explanations;
mod failure_split;
mod hairpin;
mod harmless;
mod layer;
mod legs;
mod loss;
mod merge_similar;
mod names;
mod outage;
mod outsiders;
mod rejected;
mod service;
mod severed;
mod source_place;

use self::draft::FindingAccount;
pub use self::draft::Ground;
use crate::diagnosis::attempt_counts::AttemptCounts;
use crate::diagnosis::attempt_index::{AttemptIndex, Roles};
use crate::diagnosis::finding::Finding;

/// The attempts of an archive, counted.
#[derive(Clone, Copy, Debug)]
pub struct FindingEvidence<'a> {
    /// The attempts that match the filter.
    pub shown: &'a AttemptCounts,
    /// All attempts of the requested time, which a filter does not reduce: what passes elsewhere is
    /// evidence. `None` if every attempt matches.
    pub all: Option<&'a AttemptCounts>,
}

/// Returns the findings that explain the symptoms, the most important first, limited to one page.
///
/// They are drawn from all of the evidence. Of these, the ones that explain an attempt that matches
/// the filter are returned.
pub fn findings(evidence: FindingEvidence<'_>, ground: &Ground<'_>) -> Vec<Finding> {
    let tally = evidence.all.unwrap_or(evidence.shown);
    let scanners = harmless::scanners(tally);
    let also = evidence.all.map(|_| evidence.shown);
    let attempts = AttemptIndex::new(tally, also, ground.enis, &scanners);
    let mut drafts = rejected::drafts(&attempts);
    drafts.extend(blocked::drafts(&attempts, &Roles::new(&attempts)));
    drafts.extend(service::drafts(&attempts));
    let mut drafts = severed::merged(&attempts, legs::folded(&attempts, drafts));
    drafts.extend(harmless::late_packets(&attempts));
    let drafts = configured::applied(drafts, &attempts, ground).into_iter();
    let explained = drafts.filter_map(|(draft, notes)| {
        let account = draft.account(ground)?;
        Some(FindingAccount { notes, ..account })
    });
    let mut accounts: Vec<FindingAccount> = explained.collect();
    accounts.extend(harmless::scans(tally, ground));
    accounts.extend(outsiders::shut_out(&attempts, (tally, also), ground));
    if evidence.all.is_some() {
        accounts.retain_mut(|account| account.narrow_to(evidence.shown));
    }
    accounts.sort_by(|a, b| a.order().cmp(&b.order()));
    let findings = merge_similar::merged(accounts).into_iter();
    findings.map(|account| account.finding(ground)).collect()
}

#[cfg(test)]
mod tests;
