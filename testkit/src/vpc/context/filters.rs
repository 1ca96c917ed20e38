//! Security groups and network ACLs.

use serde_json::{Value, json};

use super::{id, name_tag};
use crate::vpc::log::{ACCOUNT, VPC_ID};
use crate::vpc::network::{AclRule, GroupRule, ICMP, Net, Network, Peer, TCP, UDP};

/// The number of the last entry of each ACL, which the console shows as `*`.
const LAST_ENTRY: usize = 32_767;

pub(super) fn groups(network: &Network, at: u64) -> Value {
    let groups = network.groups.iter().enumerate().map(|(n, group)| {
        let permissions = |rules: &[GroupRule]| -> Vec<Value> {
            let valid = rules.iter().filter(|rule| rule.during.contains(&at));
            valid.map(permission).collect()
        };
        json!({
            "GroupId": id("sg", n),
            "GroupName": format!("shop-{n}"),
            "Description": "as the VPC model has it",
            "VpcId": VPC_ID,
            "OwnerId": ACCOUNT,
            "IpPermissions": permissions(&group.inbound),
            "IpPermissionsEgress": permissions(&group.outbound),
        })
    });
    json!({"SecurityGroups": groups.collect::<Vec<Value>>()})
}

fn permission(rule: &GroupRule) -> Value {
    let mut permission = json!({
        "IpProtocol": match rule.protocol {
            None => "-1",
            Some(TCP) => "tcp",
            Some(UDP) => "udp",
            Some(_) => "icmp",
        },
        "IpRanges": [],
        "Ipv6Ranges": [],
        "PrefixListIds": [],
        "UserIdGroupPairs": [],
    });
    match rule.peer {
        Peer::Net(net) => permission["IpRanges"] = json!([{"CidrIp": net.to_string()}]),
        Peer::Group(group) => {
            let pair = json!([{"GroupId": id("sg", group), "UserId": ACCOUNT}]);
            permission["UserIdGroupPairs"] = pair;
        }
    }
    match rule.protocol {
        None => {}
        // Of ICMP these are the type and the code, and -1 is any.
        Some(ICMP) => (permission["FromPort"], permission["ToPort"]) = (json!(-1), json!(-1)),
        Some(_) => {
            permission["FromPort"] = json!(rule.ports.start());
            permission["ToPort"] = json!(rule.ports.end());
        }
    }
    permission
}

pub(super) fn acls(network: &Network, at: u64) -> Value {
    let acls = network.acls.iter().enumerate().map(|(n, acl)| {
        let subnets = network.subnets.iter().filter(|subnet| subnet.acl == n);
        let associations = subnets.map(|subnet| {
            json!({
                "NetworkAclAssociationId": format!("aclassoc-{}", &subnet.id[7..]),
                "NetworkAclId": id("acl", n),
                "SubnetId": subnet.id,
            })
        });
        let mut entries = entries(&acl.inbound, false, at);
        entries.extend(self::entries(&acl.outbound, true, at));
        json!({
            "NetworkAclId": id("acl", n),
            "VpcId": VPC_ID,
            "OwnerId": ACCOUNT,
            "IsDefault": false,
            "Associations": associations.collect::<Vec<Value>>(),
            "Entries": entries,
            "Tags": name_tag(&format!("shop-{n}")),
        })
    });
    json!({"NetworkAcls": acls.collect::<Vec<Value>>()})
}

fn entries(rules: &[AclRule], egress: bool, at: u64) -> Vec<Value> {
    let valid = rules.iter().filter(|rule| rule.during.contains(&at));
    let mut entries: Vec<Value> = valid
        .enumerate()
        .map(|(n, rule)| entry(rule, 100 + 10 * n, egress))
        .collect();
    let last = AclRule {
        allow: false,
        ..AclRule::allow_all(Net::ANY)
    };
    entries.push(entry(&last, LAST_ENTRY, egress));
    entries
}

fn entry(rule: &AclRule, number: usize, egress: bool) -> Value {
    let protocol = rule.protocol.map_or(-1, i16::from);
    let mut entry = json!({
        "RuleNumber": number,
        "Egress": egress,
        "Protocol": protocol.to_string(),
        "RuleAction": if rule.allow { "allow" } else { "deny" },
        "CidrBlock": rule.net.to_string(),
    });
    match rule.protocol {
        None => {}
        Some(ICMP) => entry["IcmpTypeCode"] = json!({"Code": -1, "Type": -1}),
        Some(_) => {
            let (from, to) = (rule.ports.start(), rule.ports.end());
            entry["PortRange"] = json!({"From": from, "To": to});
        }
    }
    entry
}
