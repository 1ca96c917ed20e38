//! Which calls can change a network path, and what they act on.
//!
//! New actions appear every year, so actions of EC2 are recognized by the resource in their name.
//! Source: the actions in the API references of EC2, Elastic Load Balancing, Auto Scaling, ECS, RDS,
//! ElastiCache, EKS, Systems Manager and Network Firewall.

/// What a call acts on, the kinds that are kept first where there is no room for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// The rules of a security group, or the groups of an interface.
    SecurityGroup,
    /// A network ACL.
    NetworkAcl,
    /// A route table.
    Route,
    /// A gateway, an endpoint, a peering connection, a VPN or a transit gateway.
    Gateway,
    /// A VPC, a subnet, a prefix list or a setting of the whole VPC.
    Vpc,
    /// An interface or an address.
    Interface,
    /// A firewall.
    Firewall,
    /// A load balancer, its listeners or its targets.
    LoadBalancer,
    /// An instance, a task or a database: the host at the end of a path.
    Host,
    /// Flow logs: what is recorded, not what passes.
    FlowLog,
}

/// Actions of EC2, by a part of their name. The first that fits counts.
const EC2: [(&str, ChangeKind); 26] = [
    ("FlowLogs", ChangeKind::FlowLog),
    ("SecurityGroup", ChangeKind::SecurityGroup),
    ("NetworkAcl", ChangeKind::NetworkAcl),
    ("TransitGateway", ChangeKind::Gateway),
    ("Route", ChangeKind::Route),
    ("NetworkInterface", ChangeKind::Interface),
    ("PrivateIpAddresses", ChangeKind::Interface),
    ("Ipv6Addresses", ChangeKind::Interface),
    ("PrivateNatGatewayAddress", ChangeKind::Gateway),
    ("NatGateway", ChangeKind::Gateway),
    ("InternetGateway", ChangeKind::Gateway),
    ("VpnGateway", ChangeKind::Gateway),
    ("VpnConnection", ChangeKind::Gateway),
    ("CustomerGateway", ChangeKind::Gateway),
    ("VpcEndpoint", ChangeKind::Gateway),
    ("VpcPeeringConnection", ChangeKind::Gateway),
    ("PrefixList", ChangeKind::Vpc),
    ("Subnet", ChangeKind::Vpc),
    ("Vpc", ChangeKind::Vpc),
    ("Address", ChangeKind::Interface),
    ("RunInstances", ChangeKind::Host),
    ("StartInstances", ChangeKind::Host),
    ("StopInstances", ChangeKind::Host),
    ("RebootInstances", ChangeKind::Host),
    ("TerminateInstances", ChangeKind::Host),
    ("ModifyInstanceAttribute", ChangeKind::Host),
];

/// Actions of other services that restart, stop or replace a host.
const HOSTS: [(&str, &[&str]); 6] = [
    (
        "autoscaling",
        &[
            "SetDesiredCapacity",
            "UpdateAutoScalingGroup",
            "TerminateInstanceInAutoScalingGroup",
            "DetachInstances",
            "EnterStandby",
            "ExitStandby",
            "SetInstanceHealth",
            "StartInstanceRefresh",
            "DeleteAutoScalingGroup",
            "ExecutePolicy",
        ],
    ),
    (
        "ecs",
        &[
            "UpdateService",
            "DeleteService",
            "StopTask",
            "RunTask",
            "StartTask",
            "UpdateContainerInstancesState",
            "DeregisterContainerInstance",
        ],
    ),
    (
        "rds",
        &[
            "FailoverDBCluster",
            "FailoverGlobalCluster",
            "RebootDBInstance",
            "RebootDBCluster",
            "StopDBInstance",
            "StartDBInstance",
            "StopDBCluster",
            "StartDBCluster",
            "ModifyDBInstance",
            "ModifyDBCluster",
            "DeleteDBInstance",
            "DeleteDBCluster",
            "PromoteReadReplica",
        ],
    ),
    (
        "elasticache",
        &[
            "TestFailover",
            "RebootCacheCluster",
            "ModifyReplicationGroup",
            "ModifyCacheCluster",
            "DeleteCacheCluster",
            "DeleteReplicationGroup",
        ],
    ),
    (
        "eks",
        &[
            "UpdateNodegroupConfig",
            "UpdateNodegroupVersion",
            "DeleteNodegroup",
            "UpdateClusterConfig",
        ],
    ),
    ("ssm", &["SendCommand", "StartAutomationExecution"]),
];

/// What the names of actions begin with that read, or that change something else than a path.
const OTHERS: [&str; 9] = [
    "Describe",
    "Get",
    "List",
    "Search",
    "Export",
    "Check",
    "CreateTags",
    "DeleteTags",
    "AddTags",
];

/// Returns what a call acts on; `None` if it cannot change a network path.
pub(super) fn kind_of(service: &str, action: &str) -> Option<ChangeKind> {
    if OTHERS.iter().any(|other| action.starts_with(other)) {
        return None;
    }
    let service = service.split('.').next().unwrap_or_default();
    match service {
        "ec2" => {
            let found = EC2.iter().find(|(part, _)| action.contains(part));
            found.map(|(_, kind)| *kind)
        }
        "elasticloadbalancing" => {
            Some(ChangeKind::LoadBalancer).filter(|_| !action.contains("Tags"))
        }
        "network-firewall" => Some(ChangeKind::Firewall).filter(|_| !action.contains("Tag")),
        _ => {
            let (_, actions) = HOSTS.iter().find(|(known, _)| *known == service)?;
            actions.contains(&action).then_some(ChangeKind::Host)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_known_by_what_they_act_on() {
        let ec2 = |action| kind_of("ec2.amazonaws.com", action);
        for (action, kind) in [
            ("RevokeSecurityGroupIngress", ChangeKind::SecurityGroup),
            ("ModifySecurityGroupRules", ChangeKind::SecurityGroup),
            ("ReplaceNetworkAclAssociation", ChangeKind::NetworkAcl),
            ("DeleteRoute", ChangeKind::Route),
            ("DisassociateRouteTable", ChangeKind::Route),
            ("DisableVgwRoutePropagation", ChangeKind::Route),
            ("DeleteTransitGatewayRoute", ChangeKind::Gateway),
            ("DeleteVpcEndpoints", ChangeKind::Gateway),
            ("ModifyVpcBlockPublicAccessOptions", ChangeKind::Vpc),
            ("ModifyNetworkInterfaceAttribute", ChangeKind::Interface),
            ("DisassociateAddress", ChangeKind::Interface),
            ("TerminateInstances", ChangeKind::Host),
            ("DeleteFlowLogs", ChangeKind::FlowLog),
        ] {
            assert_eq!(ec2(action), Some(kind), "{action}");
        }
        for action in ["DescribeSecurityGroups", "CreateTags", "CreateVolume"] {
            assert_eq!(ec2(action), None, "{action}");
        }
        let others = [
            ("elasticloadbalancing.amazonaws.com", "DeregisterTargets"),
            ("rds.amazonaws.com", "FailoverDBCluster"),
            ("network-firewall.amazonaws.com", "UpdateRuleGroup"),
        ];
        assert!(
            others
                .iter()
                .all(|(service, action)| kind_of(service, action).is_some())
        );
        for (service, action) in [
            ("s3.amazonaws.com", "PutObject"),
            ("ecs.amazonaws.com", "RegisterTaskDefinition"),
            ("elasticloadbalancing.amazonaws.com", "DescribeTargetHealth"),
        ] {
            assert_eq!(kind_of(service, action), None, "{action}");
        }
    }
}
