//! Rules of security groups and entries of network ACLs that a call adds, removes or replaces.

use super::kept;
use super::node::CallValue;
use crate::configuration::{Cidr, RulePeer, RuleService};
use crate::flow::{ICMP, TCP, UDP};
use crate::names::protocol_number;

/// IANA protocol number of ICMP for IPv6.
const ICMP_V6: u8 = 58;

/// The most rules that are kept of one call.
pub(super) const RULES_MAX: usize = 32;

/// What a call does with a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleAction {
    /// It adds the rule.
    Adds,
    /// It removes the rule.
    Removes,
    /// It replaces an older version of the rule.
    Replaces,
}

/// A rule of a security group, or an entry of a network ACL, that a call changes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangedRule {
    /// What is done with it.
    pub action: RuleAction,
    /// The security group or the network ACL; empty if the call does not name it.
    pub list: String,
    /// Whether that is a network ACL.
    pub is_acl: bool,
    /// The id of the rule of a security group; empty if unknown.
    pub id: String,
    /// The number of the entry of a network ACL.
    pub number: Option<u32>,
    /// Whether it is for outbound traffic, if known.
    pub is_egress: Option<bool>,
    /// What it was before, if known.
    pub before: Option<RuleContent>,
    /// What it is afterwards, if known.
    pub after: Option<RuleContent>,
}

/// What a rule fits, and what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleContent {
    /// Whether it allows; entries of a network ACL may deny.
    pub allows: bool,
    /// The protocol and ports.
    pub service: RuleService,
    /// The other end; `None` if it was not understood.
    pub peer: Option<RulePeer>,
}

/// Returns the rules that a call of a security group changes.
pub(super) fn of_group(
    name: &str,
    request: CallValue<'_>,
    response: CallValue<'_>,
) -> Vec<ChangedRule> {
    if name == "ModifySecurityGroupRules" {
        return replaced(request);
    }
    let action = match name {
        "AuthorizeSecurityGroupIngress" | "AuthorizeSecurityGroupEgress" => RuleAction::Adds,
        "RevokeSecurityGroupIngress" | "RevokeSecurityGroupEgress" => RuleAction::Removes,
        _ => return Vec::new(),
    };
    let is_egress = Some(name.ends_with("Egress"));
    // What the response has is what was done.
    let answered = ["securityGroupRuleSet", "revokedSecurityGroupRuleSet"];
    let answered = answered.iter().flat_map(|name| response.list(name));
    let rules: Vec<ChangedRule> = answered
        .map(|rule| ChangedRule {
            list: text(rule, "groupId"),
            id: text(rule, "securityGroupRuleId"),
            is_egress: rule.flag("isEgress").or(is_egress),
            ..changed(action, content(rule, peers(rule).into_iter().next()))
        })
        .take(RULES_MAX)
        .collect();
    if !rules.is_empty() {
        return rules;
    }
    if !response.list("unknownIpPermissionSet").is_empty() {
        return Vec::new(); // nothing fitted, so nothing was removed
    }
    let mut found = Vec::new();
    let list = request.any(&["groupId", "groupName"]);
    let list = kept(list.and_then(CallValue::scalar).as_deref());
    let permissions = request.list("ipPermissions");
    for permission in permissions.into_iter().chain([request]) {
        for peer in peers(permission) {
            found.push(ChangedRule {
                list: list.clone(),
                is_egress,
                ..changed(action, content(permission, Some(peer)))
            });
        }
    }
    if found.is_empty() {
        let ids = request.list("securityGroupRuleIds").into_iter();
        found.extend(ids.filter_map(CallValue::scalar).map(|id| ChangedRule {
            list: list.clone(),
            id: kept(Some(&id)),
            is_egress,
            ..changed(action, None)
        }));
    }
    found.truncate(RULES_MAX);
    found
}

/// Returns the rules of `ModifySecurityGroupRules`, which has what they are afterwards.
fn replaced(request: CallValue<'_>) -> Vec<ChangedRule> {
    let rules = request.list("securityGroupRule").into_iter();
    let rules = rules.map(|rule| {
        let new = rule.get("securityGroupRule");
        let peer = new.and_then(|new| peers(new).into_iter().next());
        ChangedRule {
            list: text(request, "groupId"),
            id: text(rule, "securityGroupRuleId"),
            ..changed(RuleAction::Replaces, new.and_then(|new| content(new, peer)))
        }
    });
    rules.take(RULES_MAX).collect()
}

/// Returns the entry that a call of a network ACL changes.
pub(super) fn of_acl(name: &str, request: CallValue<'_>) -> Vec<ChangedRule> {
    let action = match name {
        "CreateNetworkAclEntry" => RuleAction::Adds,
        "DeleteNetworkAclEntry" => RuleAction::Removes,
        "ReplaceNetworkAclEntry" => RuleAction::Replaces,
        _ => return Vec::new(),
    };
    let peer = peers(request).into_iter().next();
    let entry = content(request, peer).filter(|_| action != RuleAction::Removes);
    let number = request.number("ruleNumber");
    vec![ChangedRule {
        list: text(request, "networkAclId"),
        is_acl: true,
        number: number.and_then(|number| u32::try_from(number).ok()),
        is_egress: request.flag("egress"),
        ..changed(action, entry)
    }]
}

fn changed(action: RuleAction, content: Option<RuleContent>) -> ChangedRule {
    let (before, after) = match action {
        RuleAction::Removes => (content, None),
        RuleAction::Adds | RuleAction::Replaces => (None, content),
    };
    ChangedRule {
        action,
        list: String::new(),
        is_acl: false,
        id: String::new(),
        number: None,
        is_egress: None,
        before,
        after,
    }
}

fn text(node: CallValue<'_>, name: &str) -> String {
    kept(node.text(name).as_deref())
}

/// Returns the other ends that a permission, a rule or an entry names.
fn peers(node: CallValue<'_>) -> Vec<RulePeer> {
    const RANGES: [&str; 6] = [
        "cidrIp",
        "cidrIpv6",
        "cidrIpv4",
        "cidrBlock",
        "ipv6CidrBlock",
        "cidr",
    ];
    let mut found = Vec::new();
    let mut add_range = |node: CallValue<'_>, names: &[&str]| {
        let own = names.iter().filter_map(|name| node.text(name));
        let texts = own.chain(node.scalar());
        let ranges = texts.filter_map(|text| text.parse::<Cidr>().ok());
        found.extend(ranges.map(RulePeer::Range));
    };
    add_range(node, &RANGES);
    for list in ["ipRanges", "ipv4Ranges", "ipv6Ranges"] {
        for range in node.list(list) {
            add_range(range, &RANGES);
        }
    }
    fn id(node: CallValue<'_>, name: &str) -> Option<String> {
        let id = node.text(name).or_else(|| node.scalar());
        id.map(|id| kept(Some(&id)))
    }
    for list in ["groups", "userIdGroupPairs", "referencedGroupInfo"] {
        for group in node.list(list) {
            let id = id(group, "groupId");
            found.extend(id.map(RulePeer::Group));
        }
    }
    for name in ["referencedGroupId", "sourceSecurityGroupId"] {
        let id = node.text(name);
        found.extend(id.map(|id| RulePeer::Group(kept(Some(&id)))));
    }
    for name in ["prefixListIds", "prefixListId"] {
        for list in node.list(name) {
            let id = id(list, "prefixListId");
            found.extend(id.map(RulePeer::PrefixList));
        }
    }
    found.truncate(RULES_MAX);
    found
}

/// Returns what a rule fits and does; `None` without a protocol that is understood.
fn content(node: CallValue<'_>, peer: Option<RulePeer>) -> Option<RuleContent> {
    let protocol = node.any(&["ipProtocol", "aclProtocol", "protocol"])?;
    let protocol = match &*protocol.scalar()?.to_ascii_lowercase() {
        "-1" | "all" => None,
        "tcp" => Some(TCP),
        "udp" => Some(UDP),
        "icmp" => Some(ICMP),
        "icmpv6" => Some(ICMP_V6),
        other => Some(other.parse().ok().or_else(|| protocol_number(other))?),
    };
    let range = node.get("portRange");
    let port = |own: &str, inner: &str| {
        let inner = range.and_then(|range| range.number(inner));
        inner.or_else(|| node.number(own))
    };
    let icmp = node
        .get("icmpTypeCode")
        .and_then(|icmp| icmp.number("type"));
    let (from, to) = (port("fromPort", "from"), port("toPort", "to"));
    Some(RuleContent {
        allows: node.text("ruleAction").is_none_or(|verb| verb == "allow"),
        service: service(protocol, icmp.or(from), to),
        peer,
    })
}

/// Returns a service. Ports are left out for protocols that have none, and for all ports; some tools
/// then write 0 or -1. For ICMP they are the type and the code, and -1 is any.
fn service(protocol: Option<u8>, from: Option<i64>, to: Option<i64>) -> RuleService {
    let is_icmp = matches!(protocol, Some(ICMP | ICMP_V6));
    let has_all_types = !is_icmp || from.is_none_or(|kind| kind == -1);
    let has_ports = matches!(protocol, Some(TCP | UDP));
    let port = |number: Option<i64>, default| {
        let number = number.filter(|_| has_ports);
        number
            .and_then(|number| u16::try_from(number).ok())
            .unwrap_or(default)
    };
    RuleService {
        protocol,
        ports: (port(from, 0), port(to, u16::MAX)),
        has_all_types,
    }
}
