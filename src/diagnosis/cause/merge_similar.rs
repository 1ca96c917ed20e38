//! Findings that are alike, beyond those that a page has room for, become one.
//!
//! Noise, or a whole network that is down, makes as many findings as it has services. Of each cause and
//! certainty those that explain most are told in full, and the rest is counted in one finding, which
//! lists them in short. Attempts that findings count add up to the same.

use std::collections::BTreeMap;

use super::draft::FindingAccount;
use super::names::LISTED_MAX;
use crate::diagnosis::finding::{Cause, Certainty};

/// Findings of an archive, at most; kinds of them are fewer.
const FINDINGS_MAX: usize = 50;

/// What findings must share to be told as one.
type AlikeKey = (Cause, Certainty);

/// The same, with what there is no room for told together, where the first of it stood.
pub(super) fn merged(accounts: Vec<FindingAccount>) -> Vec<FindingAccount> {
    if accounts.len() <= FINDINGS_MAX {
        return accounts;
    }
    let kind = |account: &FindingAccount| (account.cause, account.certainty);
    let mut counts: BTreeMap<AlikeKey, usize> = BTreeMap::new();
    for account in &accounts {
        *counts.entry(kind(account)).or_default() += 1;
    }
    let room = room(&counts);
    let mut told: Vec<FindingAccount> = Vec::new();
    let mut met: BTreeMap<AlikeKey, usize> = BTreeMap::new();
    let mut rests: BTreeMap<AlikeKey, usize> = BTreeMap::new();
    for account in accounts {
        let kind = kind(&account);
        let met = met.entry(kind).or_default();
        *met += 1;
        if *met <= room || counts[&kind] == room + 1 {
            told.push(account);
            continue;
        }
        match rests.get(&kind) {
            Some(rest) => told[*rest].take_in(account),
            None => {
                rests.insert(kind, told.len());
                told.push(account.rest());
            }
        }
    }
    for rest in rests.into_values() {
        told[rest].summarize();
    }
    told
}

/// How many of each kind can be told in full.
fn room(counts: &BTreeMap<AlikeKey, usize>) -> usize {
    let fits = |each: &usize| {
        let told = counts.values().map(|count| (*count).min(each + 1));
        told.sum::<usize>() <= FINDINGS_MAX
    };
    (0..FINDINGS_MAX).rev().find(fits).unwrap_or(0)
}

impl FindingAccount {
    /// The first of those that are told in short.
    fn rest(mut self) -> Self {
        self.alike = vec![self.brief()];
        self
    }

    /// Tells another one in short.
    fn take_in(&mut self, other: Self) {
        self.alike.push(other.brief());
        self.counted.add(&other.counted);
        self.others += other.others;
        self.members.add(other.members);
        self.shown.hosts.extend(other.shown.hosts);
        self.shown.ports.extend(other.shown.ports);
        self.shown.protocols.extend(other.shown.protocols);
        let (own, more) = (&mut self.scope, other.scope);
        for (own, more) in [
            (&mut own.enis, more.enis),
            (&mut own.subnets, more.subnets),
            (&mut own.instances, more.instances),
            (&mut own.from, more.from),
            (&mut own.to, more.to),
        ] {
            own.extend(more);
            while own.len() > LISTED_MAX {
                own.pop_last();
            }
        }
        own.ports.extend(more.ports);
        while own.ports.len() > LISTED_MAX {
            own.ports.pop_last();
        }
    }

    /// Says what all of them are.
    fn summarize(&mut self) {
        let count = self.alike.len();
        self.title = format!("{count} more {}", many(self.cause));
        let first = self.alike.first().map(|first| &first.title);
        self.seen = format!(
            "like those above, none with more attempts: {} in all, the JSON lists each; the first: {}",
            self.counted.count,
            first.map_or("", String::as_str),
        );
    }
}

/// Several findings of this cause.
fn many(cause: Cause) -> &'static str {
    match cause {
        Cause::AclBlocksReply => "network ACLs block replies",
        Cause::SecurityGroupInbound => "security groups block requests on their way in",
        Cause::AclInbound => "network ACLs block requests on their way in",
        Cause::InboundBlocked => "security groups or ACLs block requests on their way in",
        Cause::SecurityGroupOutbound => "security groups block requests on their way out",
        Cause::AclOutbound => "network ACLs block requests on their way out",
        Cause::OutboundBlocked => "security groups or ACLs block requests on their way out",
        Cause::BlockPublicAccess => "VPCs reject traffic by Block Public Access",
        Cause::EncryptionControls => "VPCs reject traffic by Encryption Controls",
        Cause::NoReply => "services do not answer",
        Cause::ReplyElsewhere => "hosts reply by another way than that of the requests",
        Cause::Refused => "services refuse connections",
        Cause::HalfOpen => "services have handshakes that are never completed",
        Cause::IdleTimeout => "hosts have connections that are cut after silence",
        Cause::Reset => "services have connections that are aborted",
        Cause::Intermittent => "services fail now and then",
        Cause::LatePackets => "groups of late packets",
        Cause::Scan => "sources scan",
    }
}
