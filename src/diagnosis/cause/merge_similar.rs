//! Merging of similar findings when there are more than fit on a page, or when they are only
//! possible.
//!
//! Noise, or an outage of a whole network, causes as many findings as there are services. For each
//! cause and certainty, the findings that explain most attempts are kept in full, and the rest are
//! counted in one finding, which lists them in short. The sum of attempts over all findings stays
//! the same.

use std::collections::BTreeMap;

use super::draft::FindingAccount;
use super::names::LISTED_MAX;
use crate::diagnosis::finding::{Cause, Certainty};

/// The most findings of one archive; the number of cause and certainty pairs is smaller.
const FINDINGS_MAX: usize = 50;

/// The most findings of one cause that are kept in full if they are only possible.
const POSSIBLE_MAX: usize = 2;

/// What findings must share to be merged.
type AlikeKey = (Cause, Certainty);

/// Keeps the first findings of each kind and merges the rest of it in the place of the first of
/// them.
pub(super) fn merged(accounts: Vec<FindingAccount>) -> Vec<FindingAccount> {
    let kind = |account: &FindingAccount| (account.cause, account.certainty);
    let mut counts: BTreeMap<AlikeKey, usize> = BTreeMap::new();
    for account in &accounts {
        *counts.entry(kind(account)).or_default() += 1;
    }
    let room_for_all = match accounts.len() <= FINDINGS_MAX {
        true => FINDINGS_MAX,
        false => room(&counts),
    };
    let room = |(_, certainty): AlikeKey| match certainty {
        Certainty::Possible => room_for_all.min(POSSIBLE_MAX),
        _ => room_for_all,
    };
    let mut kept: Vec<FindingAccount> = Vec::new();
    let mut seen: BTreeMap<AlikeKey, usize> = BTreeMap::new();
    let mut rests: BTreeMap<AlikeKey, usize> = BTreeMap::new();
    for account in accounts {
        let kind = kind(&account);
        let seen = seen.entry(kind).or_default();
        *seen += 1;
        if *seen <= room(kind) || counts[&kind] == room(kind) + 1 {
            kept.push(account);
            continue;
        }
        match rests.get(&kind) {
            Some(rest) => kept[*rest].merge(account),
            None => {
                rests.insert(kind, kept.len());
                kept.push(account.rest());
            }
        }
    }
    for rest in rests.into_values() {
        kept[rest].summarize();
    }
    kept
}

/// Returns how many findings of each kind can be kept in full.
fn room(counts: &BTreeMap<AlikeKey, usize>) -> usize {
    let fits = |each: &usize| {
        let kept = counts.values().map(|count| (*count).min(each + 1));
        kept.sum::<usize>() <= FINDINGS_MAX
    };
    (0..FINDINGS_MAX).rev().find(fits).unwrap_or(0)
}

impl FindingAccount {
    /// Starts a merged finding with this one.
    fn rest(mut self) -> Self {
        self.alike = vec![self.brief()];
        self
    }

    /// Adds another finding in short.
    fn merge(&mut self, other: Self) {
        self.alike.push(other.brief());
        self.counted.add(&other.counted);
        self.matching += other.matching;
        self.others += other.others;
        self.members.add(other.members);
        self.shown.hosts.extend(other.shown.hosts);
        self.shown.ports.extend(other.shown.ports);
        self.shown.protocols.extend(other.shown.protocols);
        let (own, more) = (&mut self.scope, other.scope);
        let (rest, rest_more) = (&mut own.left_out, more.left_out);
        for (own, more, rest, rest_more) in [
            (&mut own.enis, more.enis, &mut rest.enis, rest_more.enis),
            (
                &mut own.subnets,
                more.subnets,
                &mut rest.subnets,
                rest_more.subnets,
            ),
            (
                &mut own.instances,
                more.instances,
                &mut rest.instances,
                rest_more.instances,
            ),
            (&mut own.from, more.from, &mut rest.from, rest_more.from),
            (&mut own.to, more.to, &mut rest.to, rest_more.to),
        ] {
            own.extend(more);
            // The same names may be left out of both.
            *rest = rest_more
                .max(*rest)
                .max(own.len().saturating_sub(LISTED_MAX));
            while own.len() > LISTED_MAX {
                own.pop_last();
            }
        }
        own.ports.extend(more.ports);
        let ports = own.ports.len().saturating_sub(LISTED_MAX);
        rest.ports = rest_more.ports.max(rest.ports).max(ports);
        while own.ports.len() > LISTED_MAX {
            own.ports.pop_last();
        }
    }

    /// Writes the title and text for all merged findings.
    fn summarize(&mut self) {
        let count = self.alike.len();
        self.title = format!("{count} more {}", many(self.cause));
        let first = self.alike.first().map(|first| &first.title);
        self.seen = format!(
            "Similar to the findings above, none with more attempts: {} in total; the JSON output lists each; first: {}",
            self.counted.count,
            first.map_or("", String::as_str),
        );
    }
}

/// Returns the plural phrase for this cause.
fn many(cause: Cause) -> &'static str {
    match cause {
        Cause::AclBlocksReply => "network ACLs block replies",
        Cause::SecurityGroupInbound => "security groups block inbound requests",
        Cause::AclInbound => "network ACLs block inbound requests",
        Cause::InboundBlocked => "security groups or network ACLs block inbound requests",
        Cause::SecurityGroupOutbound => "security groups block outbound requests",
        Cause::AclOutbound => "network ACLs block outbound requests",
        Cause::OutboundBlocked => "security groups or network ACLs block outbound requests",
        Cause::BlockPublicAccess => "VPCs reject traffic by Block Public Access",
        Cause::EncryptionControls => "VPCs reject traffic by Encryption Controls",
        Cause::OtherReason => "reasons in the records for which traffic is rejected",
        Cause::NetworkFirewall => "firewalls drop traffic",
        Cause::NoReply => "services do not reply",
        Cause::NoRoute => "route tables lead nowhere",
        Cause::ReplyElsewhere => "hosts reply on a different path than the requests take",
        Cause::NoWayBack => "hosts reply, and the replies do not come back",
        Cause::CidrOverlap => "networks overlap with a VPC",
        Cause::SynBacklog => "hosts drop SYNs at times",
        Cause::NatPorts => "NAT gateways run out of ports",
        Cause::Refused => "services refuse connections",
        Cause::HalfOpen => "services have half-open handshakes",
        Cause::IdleTimeout => "hosts have connections that are dropped after being idle",
        Cause::PathMtu => "hosts lose large packets",
        Cause::Reset => "services have connections that are reset",
        Cause::Intermittent => "services fail intermittently",
        Cause::NlbHairpin => "targets connect to themselves through a load balancer",
        Cause::SynFlood => "services get very many SYNs",
        Cause::Unsolicited => "NAT gateways drop unsolicited packets",
        Cause::LatePackets => "groups of late packets",
        Cause::Scan => "sources scan",
    }
}
