//! Security groups and network ACLs.

use super::{Capture, RANGE, id, name_tag, parsed};
use crate::configuration::json::Node;
use crate::configuration::{
    Acl, AclEntry, Configuration, GroupRule, RulePeer, RuleService, SecurityGroup,
};
use crate::flow::{ICMP, TCP, UDP};
use crate::names::protocol_number;

/// IANA protocol number of ICMP for IPv6.
const ICMP_V6: u8 = 58;

pub(super) fn security_group(
    all: &mut Configuration,
    node: Node<'_>,
    capture: Capture<'_>,
) -> Result<(), String> {
    let id = id(node, "GroupId")?;
    let rules = |list: &str| -> Result<Vec<GroupRule>, String> {
        let mut rules = Vec::new();
        for permission in node.list(list) {
            permission_rules(&id, permission, &mut rules)?;
        }
        Ok(rules)
    };
    let group = SecurityGroup {
        name: node.text("GroupName"),
        inbound: rules("IpPermissions")?,
        outbound: rules("IpPermissionsEgress")?,
    };
    all.security_groups
        .add(id, capture.captured_ns, Some(group));
    Ok(())
}

/// Adds the rules of one permission: a service for several other ends.
fn permission_rules(
    id: &str,
    permission: Node<'_>,
    rules: &mut Vec<GroupRule>,
) -> Result<(), String> {
    let service = group_service(id, permission)?;
    let mut add = |peer: RulePeer, node: Node<'_>| {
        // AWS Config lists the same ranges twice, in an old and a new form.
        let is_known = |rule: &&mut GroupRule| rule.service == service && rule.peer == peer;
        if let Some(known) = rules.iter_mut().find(is_known) {
            if known.description.is_empty() {
                known.description = node.text("Description");
            }
            return;
        }
        rules.push(GroupRule {
            id: String::new(),
            service,
            peer,
            description: node.text("Description"),
        });
    };
    for (list, member) in [
        ("IpRanges", "CidrIp"),
        ("Ipv4Ranges", "CidrIp"),
        ("Ipv6Ranges", "CidrIpv6"),
    ] {
        for range in permission.list(list) {
            let text = range.0.as_str().unwrap_or_else(|| range.str(member));
            add(RulePeer::Range(parsed(id, text, RANGE)?), range);
        }
    }
    for pair in permission.list("UserIdGroupPairs") {
        add(RulePeer::Group(super::id(pair, "GroupId")?), pair);
    }
    for list in permission.list("PrefixListIds") {
        let name = list.0.as_str().unwrap_or_else(|| list.str("PrefixListId"));
        add(RulePeer::PrefixList(name.to_owned()), list);
    }
    Ok(())
}

pub(super) fn security_group_rule(all: &mut Configuration, node: Node<'_>) -> Result<(), String> {
    let id = id(node, "SecurityGroupRuleId")?;
    let range = ["CidrIpv4", "CidrIpv6"].map(|name| node.str(name));
    let range = range.into_iter().find(|text| !text.is_empty());
    let peer = if let Some(range) = range {
        RulePeer::Range(parsed(&id, range, RANGE)?)
    } else if let Some(group) = node.get("ReferencedGroupInfo") {
        RulePeer::Group(super::id(group, "GroupId")?)
    } else {
        RulePeer::PrefixList(super::id(node, "PrefixListId")?)
    };
    let rule = GroupRule {
        id: id.clone(),
        service: group_service(&id, node)?,
        peer,
        description: node.text("Description"),
    };
    let rules = all.group_rules.entry(super::id(node, "GroupId")?);
    rules.or_default().insert(id, (node.flag("IsEgress"), rule));
    Ok(())
}

fn group_service(id: &str, node: Node<'_>) -> Result<RuleService, String> {
    let protocol = protocol(id, node.str("IpProtocol"))?;
    service(id, protocol, node.number("FromPort"), node.number("ToPort"))
}

pub(super) fn acl(
    all: &mut Configuration,
    node: Node<'_>,
    capture: Capture<'_>,
) -> Result<(), String> {
    let id = id(node, "NetworkAclId")?;
    let entries = node.list("Entries").map(|entry| acl_entry(&id, entry));
    let mut entries = entries.collect::<Result<Vec<AclEntry>, String>>()?;
    entries.sort_by_key(|entry| entry.number);
    let acl = Acl {
        name: name_tag(node, capture),
        vpc: node.text("VpcId"),
        is_default: node.flag("IsDefault"),
        subnets: node.texts("Associations", "SubnetId"),
        entries,
    };
    all.add_associations(node, "NetworkAclAssociationId");
    all.acls.add(id, capture.captured_ns, Some(acl));
    Ok(())
}

fn acl_entry(id: &str, node: Node<'_>) -> Result<AclEntry, String> {
    let ports = node.get("PortRange");
    let port = |name: &str| ports.and_then(|ports| ports.number(name));
    let icmp = node.get("IcmpTypeCode");
    let kind = icmp.and_then(|icmp| icmp.number("Type"));
    let (from, to) = match kind {
        Some(kind) => (Some(kind), None),
        None => (port("From"), port("To")),
    };
    let range = ["CidrBlock", "Ipv6CidrBlock"].map(|name| node.str(name));
    let range = range.into_iter().find(|text| !text.is_empty());
    let number = node.number("RuleNumber");
    let number = number.and_then(|number| u32::try_from(number).ok());
    let allows = match node.str("RuleAction") {
        "allow" => true,
        "deny" => false,
        other => return Err(format!("{id}: expected allow or deny, found {other:?}")),
    };
    Ok(AclEntry {
        number: number.ok_or_else(|| format!("{id}: expected a RuleNumber"))?,
        is_egress: node.flag("Egress"),
        allows,
        service: service(id, protocol(id, node.str("Protocol"))?, from, to)?,
        range: parsed(id, range.unwrap_or_default(), RANGE)?,
    })
}

/// Returns the protocol with that number or name; `None` for all protocols.
fn protocol(id: &str, text: &str) -> Result<Option<u8>, String> {
    Ok(Some(match text {
        "-1" | "all" => return Ok(None),
        "tcp" => TCP,
        "udp" => UDP,
        "icmp" => ICMP,
        "icmpv6" => ICMP_V6,
        other => match other.parse().ok().or_else(|| protocol_number(other)) {
            Some(number) => number,
            None => return Err(format!("{id}: expected a protocol, found {other:?}")),
        },
    }))
}

/// Returns a service; for ICMP the numbers are the type and the code, and -1 is any.
fn service(
    id: &str,
    protocol: Option<u8>,
    from: Option<i64>,
    to: Option<i64>,
) -> Result<RuleService, String> {
    let has_all_types = !matches!(protocol, Some(ICMP | ICMP_V6)) || from.is_none_or(|n| n == -1);
    if !matches!(protocol, Some(TCP | UDP)) {
        return Ok(RuleService {
            protocol,
            has_all_types,
            ..RuleService::ALL
        });
    }
    let port = |number: Option<i64>, default: u16| match number {
        None | Some(-1) => Ok(default),
        Some(number) => {
            u16::try_from(number).map_err(|_| format!("{id}: expected a port, found {number}"))
        }
    };
    Ok(RuleService {
        protocol,
        ports: (port(from, 0)?, port(to, u16::MAX)?),
        has_all_types,
    })
}
