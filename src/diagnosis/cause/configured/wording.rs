//! The texts of a finding that the configuration proves.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::ConfigurationNotes;
use super::lookup::{Lookup, ProvingRule, captured_in_words};
use crate::diagnosis::attempt_index::PathSymptom;
use crate::diagnosis::cause::draft::FindingDraft;
use crate::diagnosis::cause::names;
use crate::diagnosis::cause::outage::Outage;
use crate::diagnosis::display_filter::Shows;
use crate::diagnosis::finding::{Cause, Certainty};
use crate::diagnosis::symptom::Symptom;
use crate::flow::EniIndex;

/// The most hosts that a title names; more are only counted.
const HOSTS_NAMED: usize = 2;

/// Attempts that one rule explains.
pub(super) struct Proof<'a> {
    rule: ProvingRule,
    pub(super) entries: Vec<PathSymptom<'a>>,
    /// Attempts to the same services that have another result.
    pub(super) others: u64,
    /// When the attempts fail, if all drafts that they come from have the same outage.
    pub(super) outage: Option<Outage>,
}

impl<'a> Proof<'a> {
    pub(super) fn new(rule: ProvingRule, outage: Option<Outage>) -> Self {
        Self {
            rule,
            entries: Vec::new(),
            others: 0,
            outage,
        }
    }

    /// Returns the finding, and what the configuration says of it.
    pub(super) fn finding(self, lookup: &Lookup<'_, 'a>) -> (FindingDraft<'a>, ConfigurationNotes) {
        let Self {
            rule,
            entries,
            others,
            outage,
        } = self;
        let enis: BTreeSet<EniIndex> = entries.iter().filter_map(eni_of).collect();
        let sources = lookup.hosts(entries.iter().map(|entry| entry.path.source));
        let targets = lookup.hosts(entries.iter().map(|entry| Some(entry.path.target)));
        let services = names::ports(&entries);
        let title = format!(
            "{sources} cannot reach {targets} on {services}: {}",
            short(&rule)
        );
        let at = names::enis(lookup.attempts, &enis);
        let what = match (rule.cause, &rule.unlogged) {
            (Cause::CidrOverlap, _) => "is answered, and no reply arrives".to_owned(),
            (Cause::NoRoute | Cause::NoReply, _) => "is accepted and not answered".to_owned(),
            (_, Some(unlogged)) => {
                format!("is accepted and not answered; {unlogged} has no flow log")
            }
            (Cause::AclBlocksReply, _) => format!("is accepted, and its reply rejected, at {at}"),
            _ => format!("is rejected at {at}"),
        };
        let draft = FindingDraft {
            cause: rule.cause,
            certainty: Certainty::Proved,
            title,
            seen: format!("Every attempt from {sources} to {targets} {what}"),
            others,
            outage,
            enis,
            shows: match rule.cause {
                Cause::NoRoute | Cause::NoReply | Cause::CidrOverlap => Shows::All,
                _ if rule.unlogged.is_some() => Shows::All,
                _ => Shows::Rejected,
            },
            entries,
        };
        (draft, notes(&rule))
    }
}

/// The ENI where an entry was seen.
fn eni_of(entry: &PathSymptom<'_>) -> Option<EniIndex> {
    match entry.symptom {
        Symptom::InboundBlocked(eni)
        | Symptom::OutboundBlocked(eni)
        | Symptom::Blocked(eni)
        | Symptom::ReplyBlocked { eni, .. } => Some(eni),
        _ => entry.path.source_eni.or(entry.path.target_eni),
    }
}

/// The cause in a few words.
fn short(rule: &ProvingRule) -> String {
    let whose = &rule.whose;
    match rule.cause {
        Cause::SecurityGroupInbound => format!("no inbound rule of {whose} allows it"),
        Cause::SecurityGroupOutbound => format!("no outbound rule of {whose} allows it"),
        Cause::AclInbound => format!("the network ACL {whose} denies it inbound"),
        Cause::AclOutbound => format!("the network ACL {whose} denies it outbound"),
        Cause::AclBlocksReply => format!("the network ACL {whose} denies the replies"),
        Cause::NoRoute => rule.why.clone(),
        Cause::NoReply => "no ENI of the VPC has the address".to_owned(),
        Cause::CidrOverlap => "replies stay in the VPC, whose addresses overlap".to_owned(),
        _ => format!("both {whose} deny it"),
    }
}

/// Returns what the configuration says of a finding that a rule explains.
pub(super) fn notes(rule: &ProvingRule) -> ConfigurationNotes {
    let mut lines = vec![rule.why.clone()];
    if let Some(nearest) = &rule.nearest {
        lines.push(format!("the nearest rule: {nearest}"));
    }
    if let Some(other) = &rule.other {
        lines.push(format!("the other filter lets it pass: {other}"));
    }
    let dated = match rule.captured_ns {
        Some(_) => format!("captured {}", captured_in_words(rule.captured_ns)),
        None => "its file does not say when it was captured".to_owned(),
    };
    lines.push(dated);
    ConfigurationNotes {
        lines,
        means: means(rule),
        look_at: look_at(rule),
        against: Some(match rule.captured_ns {
            Some(_) => Vec::new(),
            None => vec![
                "The configuration may have changed between the failure and its capture".to_owned(),
            ],
        }),
    }
}

/// Returns the meaning, where it is not that of the cause in general.
fn means(rule: &ProvingRule) -> Option<&'static str> {
    Some(match rule.cause {
        Cause::CidrOverlap => return None,
        Cause::NoReply => {
            "The local route of the VPC keeps the packets in the VPC, and no ENI there has the destination's address. \
             Nothing uses it any more, or it is meant for another network whose addresses overlap with those of the VPC."
        }
        Cause::NoRoute => {
            "The packets pass the filters at the ENI, but the route table does not lead to the other end, so they, \
             or their replies, are dropped without a record."
        }
        _ if rule.is_both => {
            "Two filters deny the traffic. It passes only when both a rule of the security group and an entry of the \
             network ACL allow it."
        }
        Cause::AclBlocksReply => {
            "Network ACLs are stateless: the reply to an accepted request is checked again, at the port that the \
             initiator chose (an ephemeral port). The configured entries deny it."
        }
        Cause::AclInbound | Cause::AclOutbound => {
            "The network ACL of the subnet denies the traffic, and the security groups of the ENI allow it."
        }
        _ => {
            "The security groups of the ENI have no rule that allows the traffic, and the network ACL of the subnet \
             lets it pass."
        }
    })
}

/// Returns where to look, where it is not that of the cause in general.
fn look_at(rule: &ProvingRule) -> Vec<String> {
    let whose = &rule.whose;
    let place = match rule.cause {
        Cause::CidrOverlap => return Vec::new(),
        Cause::NoReply => {
            return vec![
                "Check what the client is configured to reach: the name, its DNS answer, the address".to_owned(),
                "Check CloudTrail at the time of the first failure for TerminateInstances, DeleteNetworkInterface, \
                 UnassignPrivateIpAddresses"
                    .to_owned(),
                "If another network was meant: use addresses that do not overlap, or a private NAT gateway".to_owned(),
            ];
        }
        Cause::SecurityGroupInbound => {
            format!(
                "EC2 > Security groups > {whose}: add an inbound rule, if the traffic is wanted"
            )
        }
        Cause::SecurityGroupOutbound => {
            format!(
                "EC2 > Security groups > {whose}: add an outbound rule, if the traffic is wanted"
            )
        }
        Cause::AclInbound | Cause::AclOutbound => format!(
            "VPC > Network ACLs > {whose}: allow the traffic with a number below that of the entry that denies it"
        ),
        Cause::AclBlocksReply => format!(
            "VPC > Network ACLs > {whose}: allow the ephemeral ports 1024-65535 in the direction of the reply"
        ),
        Cause::NoRoute => format!("VPC > {whose}: the route, its target, and the state of that"),
        _ => format!("EC2 > Security groups and VPC > Network ACLs: {whose}"),
    };
    let events = match rule.cause {
        Cause::NoRoute => "DeleteRoute, ReplaceRoute, DisassociateRouteTable",
        Cause::AclInbound | Cause::AclOutbound | Cause::AclBlocksReply => {
            "CreateNetworkAclEntry, ReplaceNetworkAclEntry, DeleteNetworkAclEntry, ReplaceNetworkAclAssociation"
        }
        _ => {
            "RevokeSecurityGroupIngress, RevokeSecurityGroupEgress, ModifySecurityGroupRules, \
             ModifyNetworkInterfaceAttribute"
        }
    };
    vec![
        format!("Check {place}"),
        format!("Check CloudTrail at the time of the first failure for {events}"),
    ]
}

impl<'a> Lookup<'_, 'a> {
    /// Names hosts by their addresses, and by what they are called; many are only counted.
    fn hosts(&self, addresses: impl Iterator<Item = Option<IpAddr>>) -> String {
        let all: BTreeSet<Option<IpAddr>> = addresses.collect();
        if all.len() > HOSTS_NAMED {
            return format!("{} hosts", all.len());
        }
        let named: Vec<String> = all.into_iter().map(|address| self.host(address)).collect();
        named.join(" and ")
    }

    fn host(&self, address: Option<IpAddr>) -> String {
        let Some(address) = address else {
            return "the internet".to_owned();
        };
        let situation = self.configuration.at(i64::MAX);
        let owner = situation.owner(address, "");
        match owner.map(|eni| situation.title(eni.value)) {
            Some(title) if !title.is_empty() => format!("{address} ({title})"),
            _ => address.to_string(),
        }
    }

    /// Writes the texts of a draft again, of which some entries are proved and no longer in it.
    pub(super) fn reword(&self, draft: &mut FindingDraft<'a>) {
        let entries = &draft.entries;
        let enis: BTreeSet<EniIndex> = entries.iter().filter_map(eni_of).collect();
        let (sources, targets) = (names::sources(entries), names::targets(entries));
        let services = names::ports(entries);
        let what = match draft.cause {
            Cause::NoReply
            | Cause::HalfOpen
            | Cause::NoWayBack
            | Cause::CidrOverlap
            | Cause::Refused => "get no connection",
            _ => "are rejected",
        };
        draft.title = format!("Attempts from {sources} to {targets} on {services} {what}");
        draft.seen = format!(
            "Attempts from {sources} to {targets} {what} at {}; others to the same services are explained by the \
             configuration, in findings of their own",
            names::enis(self.attempts, &enis)
        );
        draft.enis = enis;
        draft.outage = None;
    }
}
