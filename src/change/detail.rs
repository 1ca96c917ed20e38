//! What a call changes, as far as its event has it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::node::CallValue;
use super::rules::{self, ChangedRule};
use super::{ids, kept};
use crate::configuration::RouteDestination;

/// The most hosts or interfaces that are kept of one call.
const HOSTS_MAX: usize = 32;

/// What a call changes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeDetail {
    /// Rules of security groups, or entries of network ACLs.
    Rules(Vec<ChangedRule>),
    /// A route.
    Route(ChangedRoute),
    /// The security groups of an interface, an instance or a load balancer: all of them, as they are
    /// afterwards.
    Groups {
        /// The interface, the instance, or the load balancer as `loadbalancer/app/NAME/ID`.
        of: String,
        /// The security groups.
        groups: Vec<String>,
    },
    /// Which route table or network ACL a subnet has.
    Association(ChangedAssociation),
    /// Interfaces that are created, alone or with instances.
    Interfaces(Vec<CreatedInterface>),
    /// Something else about the resources that it names.
    Other,
}

impl ChangeDetail {
    /// Returns what has which filters or routes after the call: an interface, an instance or a load balancer
    /// with each of its security groups, or a subnet with its route table or network ACL.
    pub fn ties(&self) -> Vec<(&str, &str)> {
        match self {
            Self::Groups { of, groups } => groups.iter().map(|group| (&**of, &**group)).collect(),
            Self::Interfaces(created) => {
                let groups = created.iter().map(|eni| (&*eni.id, &eni.groups));
                groups
                    .flat_map(|(eni, groups)| groups.iter().map(move |group| (eni, &**group)))
                    .collect()
            }
            Self::Association(changed)
                if !changed.subnet.is_empty() && !changed.list.is_empty() =>
            {
                vec![(&*changed.subnet, &*changed.list)]
            }
            _ => Vec::new(),
        }
    }
}

/// A route that a call adds, removes or replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangedRoute {
    /// What is done with it.
    pub action: rules::RuleAction,
    /// The route table.
    pub table: String,
    /// The destination; `None` if it was not understood.
    pub destination: Option<RouteDestination>,
    /// The gateway or interface that packets go to afterwards; empty if none.
    pub target: String,
    /// The one that they went to before; empty if unknown.
    pub target_before: String,
}

/// A route table or network ACL that a subnet gets or loses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangedAssociation {
    /// The association before; empty if there was none.
    pub old: String,
    /// The association afterwards; empty if there is none.
    pub new: String,
    /// The route table or network ACL afterwards; empty if there is none.
    pub list: String,
    /// The subnet; empty if neither the event nor anything else says it.
    pub subnet: String,
}

/// An interface that a call creates.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedInterface {
    /// Its id.
    pub id: String,
    /// Its subnet.
    pub subnet: String,
    /// Its VPC.
    pub vpc: String,
    /// Its instance; empty if it has none yet.
    pub instance: String,
    /// Its security groups.
    pub groups: Vec<String>,
    /// Its addresses.
    pub addresses: BTreeSet<IpAddr>,
}

/// The members of a route that name its target.
const TARGETS: [&str; 11] = [
    "gatewayId",
    "natGatewayId",
    "transitGatewayId",
    "networkInterfaceId",
    "vpcPeeringConnectionId",
    "vpcEndpointId",
    "instanceId",
    "egressOnlyInternetGatewayId",
    "carrierGatewayId",
    "localGatewayId",
    "coreNetworkArn",
];

impl ChangeDetail {
    /// Reads the parameters and the response of an action.
    pub(super) fn of(action: &str, request: CallValue<'_>, response: CallValue<'_>) -> Self {
        let found = match action {
            "CreateRoute" | "ReplaceRoute" | "DeleteRoute" => route(action, request),
            "ModifyNetworkInterfaceAttribute" | "ModifyInstanceAttribute" => groups(request),
            "SetSecurityGroups" | "ApplySecurityGroupsToLoadBalancer" => balancer_groups(request),
            "AssociateRouteTable"
            | "DisassociateRouteTable"
            | "ReplaceRouteTableAssociation"
            | "ReplaceNetworkAclAssociation" => Some(association(request, response)),
            "CreateNetworkInterface" => {
                let created = response.get("networkInterface");
                created.map(|eni| Self::Interfaces(vec![interface(eni, "")]))
            }
            "RunInstances" => Some(instances(response)),
            _ => {
                let mut changed = rules::of_group(action, request, response);
                changed.extend(rules::of_acl(action, request));
                Some(Self::Rules(changed)).filter(|_| {
                    action.ends_with("NetworkAclEntry")
                        || action.ends_with("SecurityGroupIngress")
                        || action.ends_with("SecurityGroupEgress")
                        || action == "ModifySecurityGroupRules"
                })
            }
        };
        found.unwrap_or(Self::Other)
    }
}

fn route(action: &str, request: CallValue<'_>) -> Option<ChangeDetail> {
    let range = request.any(&["destinationCidrBlock", "destinationIpv6CidrBlock"]);
    let range = range.and_then(CallValue::scalar);
    let range = range
        .and_then(|range| range.parse().ok())
        .map(RouteDestination::Range);
    let list = || request.text("destinationPrefixListId");
    let list = || list().map(|id| RouteDestination::PrefixList(kept(Some(&id))));
    let target = request.any(&TARGETS).and_then(CallValue::scalar);
    Some(ChangeDetail::Route(ChangedRoute {
        action: match action {
            "CreateRoute" => rules::RuleAction::Adds,
            "DeleteRoute" => rules::RuleAction::Removes,
            _ => rules::RuleAction::Replaces,
        },
        table: text(request, "routeTableId"),
        destination: range.or_else(list),
        target: kept(target.as_deref()),
        target_before: String::new(),
    }))
}

/// Reads the security groups that an interface or an instance gets; `None` if it is about something
/// else.
fn groups(request: CallValue<'_>) -> Option<ChangeDetail> {
    let of = request.any(&["networkInterfaceId", "instanceId"])?;
    let names = ["groupSet", "groups", "securityGroupId", "groupId"];
    let groups = request.any(&names)?;
    let groups = group_ids(groups);
    Some(ChangeDetail::Groups {
        of: kept(of.scalar().as_deref()),
        groups,
    })
    .filter(|detail| !matches!(detail, ChangeDetail::Groups { groups, .. } if groups.is_empty()))
}

/// Reads the security groups that a load balancer gets. The name of a Classic Load Balancer is put as
/// if it were that of an ARN.
fn balancer_groups(request: CallValue<'_>) -> Option<ChangeDetail> {
    let arn = request.text("loadBalancerArn");
    let of = match arn.as_deref() {
        Some(arn) => ids::id(arn)?.to_owned(),
        None => format!("loadbalancer/{}", request.text("loadBalancerName")?),
    };
    Some(ChangeDetail::Groups {
        of: kept(Some(&of)),
        groups: group_ids(request.get("securityGroups")?),
    })
}

fn group_ids(list: CallValue<'_>) -> Vec<String> {
    let ids = list.elements().into_iter().filter_map(|group| {
        let id = group.text("groupId").or_else(|| group.scalar());
        id.map(|id| kept(Some(&id)))
    });
    ids.take(HOSTS_MAX).collect()
}

fn association(request: CallValue<'_>, response: CallValue<'_>) -> ChangeDetail {
    let new = response.any(&["newAssociationId", "associationId"]);
    let list = request.any(&["routeTableId", "networkAclId"]);
    ChangeDetail::Association(ChangedAssociation {
        old: text(request, "associationId"),
        new: kept(new.and_then(CallValue::scalar).as_deref()),
        list: kept(list.and_then(CallValue::scalar).as_deref()),
        subnet: text(request, "subnetId"),
    })
}

fn interface(node: CallValue<'_>, instance: &str) -> CreatedInterface {
    let mut addresses = BTreeSet::new();
    let mut add = |node: CallValue<'_>, names: [&str; 2]| {
        let texts = names.into_iter().filter_map(|name| node.text(name));
        addresses.extend(texts.filter_map(|text| text.parse::<IpAddr>().ok()));
    };
    add(node, ["privateIpAddress", "ipv6Address"]);
    for list in ["privateIpAddressesSet", "ipv6AddressesSet"] {
        let more = node.list(list).into_iter().take(HOSTS_MAX);
        more.for_each(|own| add(own, ["privateIpAddress", "ipv6Address"]));
    }
    CreatedInterface {
        id: text(node, "networkInterfaceId"),
        subnet: text(node, "subnetId"),
        vpc: text(node, "vpcId"),
        instance: instance.to_owned(),
        groups: node.get("groupSet").map(group_ids).unwrap_or_default(),
        addresses,
    }
}

fn instances(response: CallValue<'_>) -> ChangeDetail {
    let mut created = Vec::new();
    for instance in response.list("instancesSet") {
        let id = text(instance, "instanceId");
        let enis = instance.list("networkInterfaceSet").into_iter();
        created.extend(enis.map(|eni| interface(eni, &id)));
    }
    created.truncate(HOSTS_MAX);
    ChangeDetail::Interfaces(created)
}

fn text(node: CallValue<'_>, name: &str) -> String {
    kept(node.text(name).as_deref())
}
