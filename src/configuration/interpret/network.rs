//! Everything but the filters: interfaces, routes, subnets, gateways, load balancers.

use std::net::IpAddr;

use super::{Capture, RANGE, id, name_tag, parsed};
use crate::configuration::json::Node;
use crate::configuration::role::owner;
use crate::configuration::{
    Cidr, Configuration, Instance, InterfaceRole, LoadBalancer, NatGateway, NetworkInterface,
    PrefixList, Route, RouteDestination, RouteTable, Subnet, TargetGroup, TargetHealth,
    TargetState, Vpc, VpcEndpoint,
};

/// What an address must be.
const ADDRESS: &str = "an address";

/// The members of a route that name its target, in the order of preference.
const TARGETS: [&str; 10] = [
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",
    "InstanceId",
    "EgressOnlyInternetGatewayId",
    "CarrierGatewayId",
    "LocalGatewayId",
    "CoreNetworkArn",
];

pub(super) fn interface(
    all: &mut Configuration,
    node: Node<'_>,
    capture: Capture<'_>,
) -> Result<(), String> {
    let eni = described_interface(node, capture)?;
    let id = eni.id.clone();
    all.interfaces.add(id, capture.captured_ns, Some(eni));
    Ok(())
}

fn described_interface(node: Node<'_>, capture: Capture<'_>) -> Result<NetworkInterface, String> {
    let id = id(node, "NetworkInterfaceId")?;
    let mut texts = vec![node.text("PrivateIpAddress")];
    texts.extend(node.texts("PrivateIpAddresses", "PrivateIpAddress"));
    texts.extend(node.texts("Ipv6Addresses", "Ipv6Address"));
    texts.retain(|text| !text.is_empty());
    let public_of = |node: Node<'_>| node.get("Association").map(|own| own.text("PublicIp"));
    let mut public: Vec<String> = public_of(node).into_iter().collect();
    public.extend(node.list("PrivateIpAddresses").filter_map(public_of));
    public.retain(|text| !text.is_empty());
    let addresses = |texts: &[String]| {
        let parsed = texts.iter().map(|text| parsed(&id, text, ADDRESS));
        let mut addresses = parsed.collect::<Result<Vec<IpAddr>, String>>()?;
        addresses.sort_unstable();
        addresses.dedup();
        Ok::<_, String>(addresses)
    };
    let attachment = node.get("Attachment");
    let instance = attachment.map_or_else(String::new, |own| own.text("InstanceId"));
    Ok(NetworkInterface {
        name: name_tag(node, capture),
        vpc: node.text("VpcId"),
        subnet: node.text("SubnetId"),
        groups: node.texts("Groups", "GroupId"),
        addresses: addresses(&texts)?,
        public: addresses(&public)?,
        instance,
        role: InterfaceRole::of(
            node.str("InterfaceType"),
            node.str("Description"),
            node.str("RequesterId"),
        ),
        owner: owner(node.str("Description")),
        id,
    })
}

pub(super) fn instance(
    all: &mut Configuration,
    node: Node<'_>,
    capture: Capture<'_>,
) -> Result<(), String> {
    let id = id(node, "InstanceId")?;
    for eni in node.list("NetworkInterfaces") {
        let mut eni = described_interface(
            eni,
            Capture {
                name: "",
                ..capture
            },
        )?;
        eni.instance.clone_from(&id);
        let eni_id = eni.id.clone();
        all.instance_interfaces
            .add(eni_id, capture.captured_ns, Some(eni));
    }
    let state = node.get("State");
    let instance = Instance {
        name: name_tag(node, capture),
        state: state.map_or_else(String::new, |state| state.text("Name")),
    };
    all.instances.add(id, capture.captured_ns, Some(instance));
    Ok(())
}

pub(super) fn route_table(
    all: &mut Configuration,
    node: Node<'_>,
    capture: Capture<'_>,
) -> Result<(), String> {
    let id = id(node, "RouteTableId")?;
    let routes = node.list("Routes").map(|route| {
        let ranges = ["DestinationCidrBlock", "DestinationIpv6CidrBlock"];
        let mut ranges = ranges.into_iter().map(|name| route.str(name));
        let destination = match ranges.find(|text| !text.is_empty()) {
            Some(range) => RouteDestination::Range(parsed(&id, range, RANGE)?),
            None => RouteDestination::PrefixList(super::id(route, "DestinationPrefixListId")?),
        };
        let mut targets = TARGETS.into_iter().map(|name| route.str(name));
        let target = targets.find(|target| !target.is_empty());
        Ok(Route {
            destination,
            target: target.unwrap_or_default().to_owned(),
            is_blackhole: route.str("State") == "blackhole",
        })
    });
    let routes = routes.collect::<Result<Vec<Route>, String>>()?;
    let table = RouteTable {
        name: name_tag(node, capture),
        vpc: node.text("VpcId"),
        is_main: node.list("Associations").any(|own| own.flag("Main")),
        subnets: node.texts("Associations", "SubnetId"),
        routes,
    };
    all.add_associations(node, "RouteTableAssociationId");
    all.route_tables.add(id, capture.captured_ns, Some(table));
    Ok(())
}

/// Returns the ranges of a subnet or a VPC.
fn ranges(id: &str, node: Node<'_>, lists: [(&str, &str); 2]) -> Result<Vec<Cidr>, String> {
    let mut texts = vec![node.text("CidrBlock")];
    for (list, member) in lists {
        texts.extend(node.texts(list, member));
    }
    texts.retain(|text| !text.is_empty());
    texts.sort_unstable();
    texts.dedup();
    texts.iter().map(|text| parsed(id, text, RANGE)).collect()
}

const V6_RANGES: (&str, &str) = ("Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock");

pub(super) fn subnet(
    all: &mut Configuration,
    node: Node<'_>,
    capture: Capture<'_>,
) -> Result<(), String> {
    let id = id(node, "SubnetId")?;
    let subnet = Subnet {
        name: name_tag(node, capture),
        vpc: node.text("VpcId"),
        ranges: ranges(&id, node, [V6_RANGES, V6_RANGES])?,
    };
    all.subnets.add(id, capture.captured_ns, Some(subnet));
    Ok(())
}

pub(super) fn vpc(
    all: &mut Configuration,
    node: Node<'_>,
    capture: Capture<'_>,
) -> Result<(), String> {
    let id = id(node, "VpcId")?;
    let own = ("CidrBlockAssociationSet", "CidrBlock");
    let vpc = Vpc {
        name: name_tag(node, capture),
        ranges: ranges(&id, node, [own, V6_RANGES])?,
    };
    all.vpcs.add(id, capture.captured_ns, Some(vpc));
    Ok(())
}

pub(super) fn nat_gateway(
    all: &mut Configuration,
    node: Node<'_>,
    capture: Capture<'_>,
) -> Result<(), String> {
    let nat = NatGateway {
        name: name_tag(node, capture),
        vpc: node.text("VpcId"),
        subnet: node.text("SubnetId"),
        state: node.text("State"),
        is_public: node.str("ConnectivityType") != "private",
    };
    let id = id(node, "NatGatewayId")?;
    all.nat_gateways.add(id, capture.captured_ns, Some(nat));
    Ok(())
}

pub(super) fn endpoint(
    all: &mut Configuration,
    node: Node<'_>,
    capture: Capture<'_>,
) -> Result<(), String> {
    let endpoint = VpcEndpoint {
        name: name_tag(node, capture),
        service: node.text("ServiceName"),
    };
    let id = id(node, "VpcEndpointId")?;
    all.endpoints.add(id, capture.captured_ns, Some(endpoint));
    Ok(())
}

pub(super) fn prefix_list(
    all: &mut Configuration,
    node: Node<'_>,
    capture: Capture<'_>,
) -> Result<(), String> {
    let id = id(node, "PrefixListId")?;
    let texts = match (node.get("Cidrs"), node.get("Entries")) {
        (Some(_), _) => Some(node.texts("Cidrs", "Cidr")),
        (None, Some(_)) => Some(node.texts("Entries", "Cidr")),
        (None, None) => None,
    };
    let ranges = texts.map(|texts| {
        let ranges = texts.iter().map(|text| parsed(&id, text, RANGE));
        ranges.collect::<Result<Vec<Cidr>, String>>()
    });
    let list = PrefixList {
        name: node.text("PrefixListName"),
        ranges: ranges.transpose()?,
    };
    all.prefix_lists.add(id, capture.captured_ns, Some(list));
    Ok(())
}

pub(super) fn prefix_list_entries(all: &mut Configuration, node: Node<'_>) -> Result<(), String> {
    let id = id(node, "PrefixListId")?;
    let texts = node.texts("Entries", "Cidr");
    let ranges = texts.iter().map(|text| parsed(&id, text, RANGE));
    let list = PrefixList {
        name: String::new(),
        ranges: Some(ranges.collect::<Result<_, String>>()?),
    };
    all.prefix_list_entries.add(id, None, Some(list));
    Ok(())
}

pub(super) fn load_balancer(
    all: &mut Configuration,
    node: Node<'_>,
    capture: Capture<'_>,
) -> Result<(), String> {
    let balancer = LoadBalancer {
        name: node.text("LoadBalancerName"),
        kind: node.text("Type"),
    };
    let id = id(node, "LoadBalancerArn")?;
    all.load_balancers
        .add(id, capture.captured_ns, Some(balancer));
    Ok(())
}

pub(super) fn target_group(
    all: &mut Configuration,
    node: Node<'_>,
    capture: Capture<'_>,
) -> Result<(), String> {
    let port = node.number("Port");
    let group = TargetGroup {
        name: node.text("TargetGroupName"),
        port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
    };
    let id = id(node, "TargetGroupArn")?;
    all.target_groups.add(id, capture.captured_ns, Some(group));
    Ok(())
}

pub(super) fn target_health(all: &mut Configuration, node: Node<'_>) {
    let targets = node.list("TargetHealthDescriptions").map(|described| {
        let target = described.get("Target");
        let health = described.get("TargetHealth");
        let port = target.and_then(|target| target.number("Port"));
        TargetState {
            id: target.map_or_else(String::new, |target| target.text("Id")),
            port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
            state: health.map_or_else(String::new, |health| health.text("State")),
            reason: health.map_or_else(String::new, |health| health.text("Reason")),
        }
    });
    let health = TargetHealth {
        targets: targets.collect(),
    };
    all.target_health
        .add(node.text("TargetGroupArn"), None, Some(health));
}
