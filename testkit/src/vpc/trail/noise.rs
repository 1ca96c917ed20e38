//! Calls that change nothing of what is planted: most of a trail.

use std::ops::Range;

use serde_json::{Value, json};

use super::Call;
use super::calls::{delete_nat_gateway, done, group_call};
use crate::random::Random;
use crate::vpc::build::Vpc;
use crate::vpc::context::id;
use crate::vpc::fault;
use crate::vpc::log::{ACCOUNT, REGION, VPC_ID};
use crate::vpc::network::{GroupRule, Net, Peer, TCP};

/// Another VPC of the account.
const OTHER_VPC: Net = Net::new(10, 61, 0, 0, 16);

pub(super) fn calls(
    vpc: &Vpc,
    planted: Option<&fault::Planted>,
    archive: &Range<u64>,
    random: &mut Random,
) -> Vec<Call> {
    let minutes = (archive.end - archive.start) / 60_000;
    let count = minutes.max(10) + random.below(2 * minutes + 20);
    // Many calls are made where people are at work, which is when something breaks.
    let busy = planted.map(|planted| planted.during.start);
    let busy = busy.filter(|at| archive.contains(at));
    let calls = (0..count).map(|_| {
        let at = match busy {
            Some(at) if random.percent(25) => {
                let from = at.saturating_sub(240_000).max(archive.start);
                random.between(from, (at + 60_000).min(archive.end))
            }
            _ => random.between(archive.start, archive.end - 1),
        };
        any(vpc, planted, at, random)
    });
    calls.collect()
}

fn any(vpc: &Vpc, planted: Option<&fault::Planted>, at: u64, random: &mut Random) -> Call {
    match random.below(20) {
        0..=7 => describing(vpc, at, random),
        8..=10 => scaling(at, random),
        11..=12 => launched(vpc, at, random),
        13..=15 => other_group(vpc, at, random),
        16 => unrelated_rule(vpc, at, random),
        17 if random.percent(50) => other_route(at, random),
        17 => other_acl(at, random),
        18 => attempted(vpc, planted, at, random),
        _ => tagged(vpc, at, random),
    }
}

fn describing(vpc: &Vpc, at: u64, random: &mut Random) -> Call {
    let names = [
        "DescribeInstances",
        "DescribeSecurityGroups",
        "DescribeNetworkInterfaces",
        "DescribeNetworkAcls",
    ];
    let group = random.below(vpc.network.groups.len() as u64);
    let group = id("sg", usize::try_from(group).unwrap_or(0));
    let request = json!({"securityGroupSet": {"items": [{"groupId": group}]}, "filterSet": {}});
    let mut call = Call::ec2(at, random.of(&names), request, Value::Null);
    call.is_read_only = true;
    call
}

/// A service of ECS, or a target group, of another VPC.
fn scaling(at: u64, random: &mut Random) -> Call {
    let instance = format!("i-0c8d2{:012x}", random.below(1 << 48));
    let (service, name, request) = match random.below(3) {
        0 => (
            "ecs",
            "UpdateService",
            json!({"cluster": "batch", "service": "worker", "desiredCount": random.below(9)}),
        ),
        1 => (
            "autoscaling",
            "SetDesiredCapacity",
            json!({"autoScalingGroupName": "batch", "desiredCapacity": random.below(9)}),
        ),
        _ => (
            "elasticloadbalancing",
            random.of(&["RegisterTargets", "DeregisterTargets"]),
            json!({
                "targetGroupArn": format!(
                    "arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/batch/0123456789abcdef"
                ),
                "targets": [{"id": instance, "port": 8080}],
            }),
        ),
    };
    Call {
        service,
        ..Call::ec2(at, name, request, Value::Null)
    }
}

/// An instance that starts in one of the subnets.
fn launched(vpc: &Vpc, at: u64, random: &mut Random) -> Call {
    let subnets = vpc.network.subnets.len() as u64;
    let subnet = usize::try_from(random.below(subnets)).unwrap_or(0);
    let subnet = &vpc.network.subnets[subnet];
    let group = random.below(vpc.network.groups.len() as u64);
    let group = json!({"items": [{"groupId": id("sg", usize::try_from(group).unwrap_or(0))}]});
    let address = subnet
        .net
        .address(220 + u32::from(random.small(0, 20)))
        .to_string();
    let request = json!({"instancesSet": {"items": [{"imageId": "ami-0a1b2c3d4e5f60718"}]},
        "subnetId": subnet.id, "instanceType": "m7g.large"});
    let response = json!({"instancesSet": {"items": [{
        "instanceId": format!("i-0d9e3{:012x}", random.below(1 << 48)),
        "subnetId": subnet.id,
        "vpcId": VPC_ID,
        "networkInterfaceSet": {"items": [{
            "networkInterfaceId": format!("eni-0d9e3{:012x}", random.below(1 << 48)),
            "subnetId": subnet.id,
            "vpcId": VPC_ID,
            "groupSet": group,
            "privateIpAddressesSet": {"item": [{"privateIpAddress": address, "primary": true}]},
        }]},
    }]}});
    Call::ec2(at, "RunInstances", request, response)
}

/// The ports of the services of the VPC, and others.
fn port(vpc: &Vpc, random: &mut Random) -> u16 {
    let mut ports: Vec<u16> = vpc.edges.iter().map(|edge| edge.port).collect();
    ports.extend([22, 3389, 9092, 27017]);
    random.of(&ports)
}

/// A rule of a security group of another VPC, often for the same services.
fn other_group(vpc: &Vpc, at: u64, random: &mut Random) -> Call {
    let group = format!("sg-0e0f4{:012x}", random.below(1 << 48));
    let subnet = Net::new(10, 61, random.of(&[0, 16, 32]), 0, 24);
    let peer = random.of(&[Peer::Net(subnet), Peer::Net(OTHER_VPC)]);
    let rule = GroupRule::new(peer, TCP, port(vpc, random));
    if random.percent(25) {
        // In the other encoding.
        let request = json!({"ModifySecurityGroupRulesRequest": {
            "GroupId": group,
            "SecurityGroupRule": {"tag": 1,
                "SecurityGroupRuleId": format!("sgr-0e0f4{:012x}", random.below(1 << 48)),
                "SecurityGroupRule": {"IpProtocol": "tcp", "FromPort": rule.ports.start(),
                    "ToPort": rule.ports.end(), "CidrIpv4": subnet.to_string()}},
        }});
        let response = json!({"ModifySecurityGroupRulesResponse": {"return": true}});
        return Call::ec2(at, "ModifySecurityGroupRules", request, response);
    }
    let is_added = random.percent(50);
    let egress = random.percent(20);
    group_call(at, &group, (egress, is_added), &[&rule], random)
}

/// A rule of a group of this VPC that none of its conversations needs.
fn unrelated_rule(vpc: &Vpc, at: u64, random: &mut Random) -> Call {
    let group = random.below(vpc.network.groups.len() as u64);
    let group = id("sg", usize::try_from(group).unwrap_or(0));
    let peer = Peer::Net(Net::new(10, 20, random.of(&[0, 16, 32]), 0, 24));
    let rule = GroupRule::new(peer, TCP, random.of(&[5044, 9200, 15_672]));
    let is_added = random.percent(50);
    group_call(at, &group, (false, is_added), &[&rule], random)
}

/// An entry of a network ACL of another VPC.
fn other_acl(at: u64, random: &mut Random) -> Call {
    let request = json!({
        "networkAclId": format!("acl-0e0f4{:012x}", random.below(1 << 48)),
        "ruleNumber": 90, "egress": false, "ruleAction": "deny", "aclProtocol": "6",
        "cidrBlock": "10.61.16.0/24", "icmpTypeCode": {}, "portRange": {"from": 5432, "to": 5432},
    });
    Call::ec2(at, "CreateNetworkAclEntry", request, done())
}

/// A default route, or a NAT gateway, of another VPC.
fn other_route(at: u64, random: &mut Random) -> Call {
    if random.percent(50) {
        return delete_nat_gateway(at, &format!("nat-0e0f4{:012x}", random.below(1 << 48)));
    }
    let request = json!({
        "routeTableId": format!("rtb-0e0f4{:012x}", random.below(1 << 48)),
        "destinationCidrBlock": Net::ANY.to_string(),
    });
    Call::ec2(at, "DeleteRoute", request, done())
}

/// A call that would break what is planted, and is refused or only a dry run.
fn attempted(vpc: &Vpc, planted: Option<&fault::Planted>, at: u64, random: &mut Random) -> Call {
    let edge = planted.map_or(&vpc.edges[0], |planted| &planted.edge);
    let eni = edge.responding().first().copied().unwrap_or(0);
    let groups = &vpc.network.enis[eni].groups;
    let group = id("sg", groups.first().copied().unwrap_or(0));
    let rule = GroupRule::new(Peer::Net(Net::ANY), TCP, edge.port);
    let mut call = group_call(at, &group, (false, false), &[&rule], random);
    call.error = Some(random.of(&["Client.UnauthorizedOperation", "Client.DryRunOperation"]));
    call
}

fn tagged(vpc: &Vpc, at: u64, random: &mut Random) -> Call {
    let eni = random.below(vpc.network.enis.len() as u64);
    let eni = &vpc.network.enis[usize::try_from(eni).unwrap_or(0)].id;
    let request = json!({"resourcesSet": {"items": [{"resourceId": eni}]},
        "tagSet": {"items": [{"key": "team", "value": "shop"}]}});
    Call::ec2(at, "CreateTags", request, done())
}
