//! The calls that did what the model has done: rules, entries and settings that begin or end.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Value, json};

use super::Call;
use crate::random::Random;
use crate::vpc::build::Vpc;
use crate::vpc::context::id;
use crate::vpc::fault;
use crate::vpc::log::{ACCOUNT, VPC_ID};
use crate::vpc::network::{
    AclRule, Behavior, Eni, GroupRule, ICMP, Net, Network, Peer, Role, Route, TCP, UDP,
};

pub(super) fn of_rules(
    vpc: &Vpc,
    planted: Option<&fault::Planted>,
    archive: &Range<u64>,
    random: &mut Random,
) -> Vec<Call> {
    let network = &vpc.network;
    let mut calls = groups(network, archive, random);
    calls.extend(acls(network, archive));
    calls.extend(settings(network, archive));
    calls.extend(routes(network, archive));
    if let Some(planted) = planted {
        calls.extend(instances(network, planted, archive));
    }
    calls
}

/// Whether something happens in the archive at this instant.
fn is_then(archive: &Range<u64>, at: u64) -> bool {
    at > archive.start && at < archive.end
}

/// One call for what is revoked or authorized at once in one direction of a group.
fn groups(network: &Network, archive: &Range<u64>, random: &mut Random) -> Vec<Call> {
    let mut changed: BTreeMap<(u64, usize, bool, bool), Vec<&GroupRule>> = BTreeMap::new();
    for (n, group) in network.groups.iter().enumerate() {
        for (egress, rules) in [(false, &group.inbound), (true, &group.outbound)] {
            for rule in rules {
                for (at, is_added) in [(rule.during.start, true), (rule.during.end, false)] {
                    if is_then(archive, at) {
                        let own = changed.entry((at, n, egress, is_added)).or_default();
                        own.push(rule);
                    }
                }
            }
        }
    }
    let calls = changed
        .into_iter()
        .map(|((at, group, egress, is_added), rules)| {
            group_call(at, &id("sg", group), (egress, is_added), &rules, random)
        });
    calls.collect()
}

/// A call that authorizes or revokes rules of a group.
pub(super) fn group_call(
    at: u64,
    group: &str,
    (egress, is_added): (bool, bool),
    rules: &[&GroupRule],
    random: &mut Random,
) -> Call {
    let verb = if is_added { "Authorize" } else { "Revoke" };
    let way = if egress { "Egress" } else { "Ingress" };
    let name = format!("{verb}SecurityGroup{way}");
    let request = match rules {
        // The console and older tools write one rule flat.
        [
            GroupRule {
                peer: Peer::Net(net),
                ..
            },
        ] if random.percent(15) => {
            let mut request = permission(rules[0]);
            request["cidrIp"] = json!(net.to_string());
            for list in ["groups", "ipRanges", "ipv6Ranges", "prefixListIds"] {
                request.as_object_mut().map(|members| members.remove(list));
            }
            request["groupId"] = json!(group);
            request["ipPermissions"] = json!({});
            request
        }
        _ => {
            let items: Vec<Value> = rules.iter().map(|rule| permission(rule)).collect();
            json!({"groupId": group, "ipPermissions": {"items": items}})
        }
    };
    let mut response =
        json!({"requestId": "59dbff89-35bd-4eac-99ed-be587EXAMPLE", "_return": true});
    // Responses have the rules since 2024 only.
    if random.percent(70) {
        let list = if is_added {
            "securityGroupRuleSet"
        } else {
            "revokedSecurityGroupRuleSet"
        };
        let items: Vec<Value> = rules
            .iter()
            .map(|rule| answered(rule, group, egress, random))
            .collect();
        response[list] = json!({"items": items});
    }
    Call::ec2(at, &name, request, response)
}

fn permission(rule: &GroupRule) -> Value {
    let mut permission = json!({
        "ipProtocol": protocol(rule.protocol),
        "groups": {}, "ipRanges": {}, "ipv6Ranges": {}, "prefixListIds": {},
    });
    match rule.peer {
        Peer::Net(net) => {
            permission["ipRanges"] = json!({"items": [{"cidrIp": net.to_string()}]});
        }
        Peer::Group(group) => {
            let pair = json!({"groupId": id("sg", group), "userId": ACCOUNT});
            permission["groups"] = json!({"items": [pair]});
        }
    }
    ports(&mut permission, rule);
    permission
}

fn answered(rule: &GroupRule, group: &str, egress: bool, random: &mut Random) -> Value {
    let mut answer = json!({
        "groupOwnerId": ACCOUNT,
        "groupId": group,
        "securityGroupRuleId": format!("sgr-0b7c1{:012x}", random.below(1 << 48)),
        "isEgress": egress,
        "ipProtocol": protocol(rule.protocol),
    });
    match rule.peer {
        Peer::Net(net) => answer["cidrIpv4"] = json!(net.to_string()),
        Peer::Group(group) => {
            let info = json!({"groupId": id("sg", group), "userId": ACCOUNT});
            answer["referencedGroupInfo"] = info;
        }
    }
    ports(&mut answer, rule);
    answer
}

fn ports(value: &mut Value, rule: &GroupRule) {
    if rule.protocol.is_some_and(|protocol| protocol != ICMP) {
        value["fromPort"] = json!(rule.ports.start());
        value["toPort"] = json!(rule.ports.end());
    } else {
        (value["fromPort"], value["toPort"]) = (json!(-1), json!(-1));
    }
}

fn protocol(number: Option<u8>) -> &'static str {
    match number {
        None => "-1",
        Some(TCP) => "tcp",
        Some(UDP) => "udp",
        Some(_) => "icmp",
    }
}

fn acls(network: &Network, archive: &Range<u64>) -> Vec<Call> {
    let mut calls = Vec::new();
    for (n, acl) in network.acls.iter().enumerate() {
        for (egress, rules) in [(false, &acl.inbound), (true, &acl.outbound)] {
            for (index, rule) in rules.iter().enumerate() {
                let number = 100 + 10 * index;
                let acl = id("acl", n);
                if is_then(archive, rule.during.start) {
                    let request = entry(&acl, number, egress, rule);
                    let name = "CreateNetworkAclEntry";
                    calls.push(Call::ec2(rule.during.start, name, request, done()));
                }
                if is_then(archive, rule.during.end) {
                    let request =
                        json!({"networkAclId": acl, "ruleNumber": number, "egress": egress});
                    let name = "DeleteNetworkAclEntry";
                    calls.push(Call::ec2(rule.during.end, name, request, done()));
                }
            }
        }
    }
    calls
}

fn entry(acl: &str, number: usize, egress: bool, rule: &AclRule) -> Value {
    let protocol = rule.protocol.map_or(-1, i16::from);
    let has_ports = rule.protocol.is_some_and(|protocol| protocol != ICMP);
    json!({
        "networkAclId": acl,
        "ruleNumber": number,
        "egress": egress,
        "ruleAction": if rule.allow { "allow" } else { "deny" },
        "aclProtocol": protocol.to_string(),
        "cidrBlock": rule.net.to_string(),
        "icmpTypeCode": {},
        "portRange": match has_ports {
            true => json!({"from": rule.ports.start(), "to": rule.ports.end()}),
            false => json!({}),
        },
    })
}

pub(super) fn done() -> Value {
    json!({"requestId": "59dbff89-35bd-4eac-99ed-be587EXAMPLE", "_return": true})
}

/// Settings of a whole VPC. These actions are newer, and have the other encoding.
fn settings(network: &Network, archive: &Range<u64>) -> Vec<Call> {
    let mut calls = Vec::new();
    if let Some(block) = &network.public_access_block
        && is_then(archive, block.during.start)
    {
        let mode = if block.both_ways {
            "block-bidirectional"
        } else {
            "block-ingress"
        };
        let request = json!({"ModifyVpcBlockPublicAccessOptionsRequest":
            {"InternetGatewayBlockMode": mode}});
        let response = json!({"ModifyVpcBlockPublicAccessOptionsResponse": {
            "xmlns": "http://ec2.amazonaws.com/doc/2016-11-15/",
            "vpcBlockPublicAccessOptions": {"internetGatewayBlockMode": mode, "state": "update-in-progress"},
        }});
        let name = "ModifyVpcBlockPublicAccessOptions";
        calls.push(Call::ec2(block.during.start, name, request, response));
    }
    if let Some(bare) = &network.unencrypted
        && is_then(archive, bare.during.start)
    {
        let request = json!({"ModifyVpcEncryptionControlRequest": {
            "VpcEncryptionControlId": "vpcec-0b7c1000000000001", "Mode": "enforce"}});
        let response = json!({"ModifyVpcEncryptionControlResponse": {
            "vpcEncryptionControl": {"vpcId": VPC_ID, "mode": "enforce", "state": "enforce-in-progress"}}});
        let name = "ModifyVpcEncryptionControl";
        calls.push(Call::ec2(bare.during.start, name, request, response));
    }
    calls
}

/// Default routes that are removed and come back, and NAT gateways that are deleted.
fn routes(network: &Network, archive: &Range<u64>) -> Vec<Call> {
    let mut calls = Vec::new();
    for (n, subnet) in network.subnets.iter().enumerate() {
        let (during, table) = (&subnet.routeless, id("rtb", n));
        if is_then(archive, during.start) {
            let request =
                json!({"routeTableId": table, "destinationCidrBlock": Net::ANY.to_string()});
            calls.push(Call::ec2(during.start, "DeleteRoute", request, done()));
        }
        if let Route::Nat(nat) = subnet.route
            && is_then(archive, during.end)
        {
            let request = json!({"routeTableId": table, "natGatewayId": id("nat", nat),
                "destinationCidrBlock": Net::ANY.to_string()});
            calls.push(Call::ec2(during.end, "CreateRoute", request, done()));
        }
    }
    let is_nat = |(_, eni): &(usize, &Eni)| eni.role == Role::NatGateway;
    for (n, eni) in network.enis.iter().enumerate().filter(is_nat) {
        let deleted = eni.troubles.iter().map(|trouble| trouble.during.start);
        let deleted = deleted.filter(|at| is_then(archive, *at));
        calls.extend(deleted.map(|at| delete_nat_gateway(at, &id("nat", n))));
    }
    calls
}

/// A call that deletes a NAT gateway.
pub(super) fn delete_nat_gateway(at: u64, id: &str) -> Call {
    let request = json!({"DeleteNatGatewayRequest": {"NatGatewayId": id}});
    let response = json!({"DeleteNatGatewayResponse": {
        "xmlns": "http://ec2.amazonaws.com/doc/2016-11-15/", "natGatewayId": id}});
    Call::ec2(at, "DeleteNatGateway", request, response)
}

/// The instances that are stopped where the fault is.
fn instances(network: &Network, planted: &fault::Planted, archive: &Range<u64>) -> Vec<Call> {
    let stops = |eni: &&usize| {
        let mut troubles = network.enis[**eni].troubles.iter();
        troubles.any(|trouble| {
            trouble.behavior == Behavior::Stopped && trouble.during == planted.during
        })
    };
    let stopped = planted.enis.iter().filter(stops);
    let mut ids: Vec<&String> = stopped
        .filter_map(|eni| network.enis[*eni].instance.as_ref())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Vec::new();
    }
    let items = |state: &str| -> Vec<Value> {
        let states = ids
            .iter()
            .map(|id| json!({"instanceId": id, "currentState": {"code": 64, "name": state}}));
        states.collect()
    };
    let instances: Vec<Value> = ids.iter().map(|id| json!({"instanceId": id})).collect();
    let request = json!({"instancesSet": {"items": instances}, "force": false});
    let ends = [
        (planted.during.start, "StopInstances", "stopping"),
        (planted.during.end, "StartInstances", "pending"),
    ];
    let ends = ends.into_iter().filter(|(at, ..)| is_then(archive, *at));
    let calls = ends.map(|(at, name, state)| {
        let response = json!({"instancesSet": {"items": items(state)}});
        Call::ec2(at, name, request.clone(), response)
    });
    calls.collect()
}
