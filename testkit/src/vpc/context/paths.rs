//! Network interfaces, subnets, and where their route tables lead.

use serde_json::{Value, json};

use super::{id, name_tag};
use crate::vpc::build::{Edge, Vpc};
use crate::vpc::log::{ACCOUNT, REGION, VPC_ID};
use crate::vpc::network::{
    Eni, Net, Network, ON_PREMISES, PEER, Role, Route, Subnet, TRANSIT, VPC,
};

pub(super) fn interfaces(vpc: &Vpc) -> Value {
    let network = &vpc.network;
    let interfaces = network.enis.iter().enumerate().map(|(n, eni)| {
        let (kind, description, requester) = owner(vpc, n);
        let groups = eni.groups.iter().map(
            |group| json!({"GroupId": id("sg", *group), "GroupName": format!("shop-{group}")}),
        );
        let mut interface = json!({
            "NetworkInterfaceId": eni.id,
            "InterfaceType": kind,
            "Description": description,
            "RequesterId": requester,
            "RequesterManaged": !requester.is_empty(),
            "OwnerId": ACCOUNT,
            "VpcId": VPC_ID,
            "SubnetId": network.subnet_of(n).id,
            "AvailabilityZone": zone(network.subnet_of(n)),
            "PrivateIpAddress": eni.address.to_string(),
            "PrivateIpAddresses": [{"Primary": true, "PrivateIpAddress": eni.address.to_string()}],
            "Ipv6Addresses": [],
            "SourceDestCheck": eni.checked,
            "Status": "in-use",
            "Groups": groups.collect::<Vec<Value>>(),
            "TagSet": [],
        });
        if let Some(instance) = &eni.instance {
            interface["Attachment"] = json!({"InstanceId": instance, "Status": "attached"});
        }
        if network.subnet_of(n).route == Route::Internet {
            let public = Net::new(198, 51, 100, 0, 24).address(100 + u32::try_from(n).unwrap_or(0));
            interface["Association"] = json!({"PublicIp": public.to_string()});
        }
        interface
    });
    json!({"NetworkInterfaces": interfaces.collect::<Vec<Value>>()})
}

/// `InterfaceType`, `Description` and `RequesterId`, by what an ENI belongs to.
fn owner(vpc: &Vpc, eni: usize) -> (&'static str, String, &'static str) {
    let serves = |name: &str| {
        let mut edges = vpc.edges.iter().filter(|edge| edge.name == name);
        edges.any(|edge: &Edge| edge.responding().contains(&eni))
    };
    match vpc.network.enis[eni].role {
        Role::NatGateway => {
            let nat = format!("Interface for NAT Gateway {}", id("nat", eni));
            ("nat_gateway", nat, "")
        }
        Role::NetworkLoadBalancer => {
            let description = "ELB net/feed/725b996cb6be8fba".to_owned();
            ("network_load_balancer", description, "amazon-elb")
        }
        Role::TransitGateway => {
            let attachment = id("tgw-attach", 1);
            let of = format!("Network Interface for Transit Gateway Attachment {attachment}");
            ("transit_gateway", of, "")
        }
        Role::Host if serves("web") => {
            let description = "ELB app/web/50dc6c495c0c9188".to_owned();
            ("interface", description, "amazon-elb")
        }
        Role::Host if serves("database") => {
            ("interface", "RDSNetworkInterface".to_owned(), "amazon-rds")
        }
        Role::Host if serves("cache") => {
            let description = "ElastiCache shop-001".to_owned();
            ("interface", description, "amazon-elasticache")
        }
        Role::Host => ("interface", "Primary network interface".to_owned(), ""),
    }
}

fn zone(subnet: &Subnet) -> String {
    let letter = ["a", "b", "c"].get(subnet.zone).unwrap_or(&"d");
    format!("{REGION}{letter}")
}

pub(super) fn subnets(network: &Network) -> Value {
    let subnets = network.subnets.iter().enumerate().map(|(n, subnet)| {
        json!({
            "SubnetId": subnet.id,
            "VpcId": VPC_ID,
            "CidrBlock": subnet.net.to_string(),
            "AvailabilityZone": zone(subnet),
            "AvailabilityZoneId": subnet.zone_name(),
            "Ipv6CidrBlockAssociationSet": [],
            "State": "available",
            "Tags": name_tag(&format!("shop-{n}")),
        })
    });
    json!({"Subnets": subnets.collect::<Vec<Value>>()})
}

/// Each subnet has a table of its own.
pub(super) fn route_tables(network: &Network, at: u64) -> Value {
    let tables = network.subnets.iter().enumerate().map(|(n, subnet)| {
        json!({
            "RouteTableId": id("rtb", n),
            "VpcId": VPC_ID,
            "OwnerId": ACCOUNT,
            "Associations": [{
                "Main": false,
                "RouteTableAssociationId": id("rtbassoc", n),
                "RouteTableId": id("rtb", n),
                "SubnetId": subnet.id,
                "AssociationState": {"State": "associated"},
            }],
            "PropagatingVgws": [],
            "Routes": routes(network, subnet, at),
            "Tags": name_tag(&format!("shop-{n}")),
        })
    });
    json!({"RouteTables": tables.collect::<Vec<Value>>()})
}

fn routes(network: &Network, subnet: &Subnet, at: u64) -> Vec<Value> {
    let route = |net: Net, member: &str, target: String| {
        json!({
            "DestinationCidrBlock": net.to_string(),
            member: target,
            "Origin": "CreateRoute",
            "State": "active",
        })
    };
    let mut routes = vec![route(VPC, "GatewayId", "local".to_owned())];
    let mut beyond = vec![
        (PEER, "VpcPeeringConnectionId", id("pcx", 1)),
        (ON_PREMISES, "GatewayId", id("vgw", 1)),
    ];
    if !network.transit.is_empty() {
        beyond.push((TRANSIT, "TransitGatewayId", id("tgw", 1)));
    }
    let known = beyond.into_iter();
    let known = known.filter(|(net, ..)| !subnet.lost.contains(net));
    routes.extend(known.map(|(net, member, target)| route(net, member, target)));
    match subnet.route {
        _ if subnet.routeless.contains(&at) => {}
        Route::Internet => routes.push(route(Net::ANY, "GatewayId", id("igw", 1))),
        Route::Nat(nat) => {
            let mut to_nat = route(Net::ANY, "NatGatewayId", id("nat", nat));
            if network.is_stopped(nat, at) {
                to_nat["State"] = json!("blackhole");
            }
            routes.push(to_nat);
        }
        Route::Nowhere => {}
    }
    routes
}

pub(super) fn nat_gateways(network: &Network, at: u64) -> Value {
    let is_nat = |(_, eni): &(usize, &Eni)| eni.role == Role::NatGateway;
    let gateways = network.enis.iter().enumerate().filter(is_nat);
    let gateways = gateways.map(|(n, eni)| {
        json!({
            "NatGatewayId": id("nat", n),
            "VpcId": VPC_ID,
            "SubnetId": network.subnet_of(n).id,
            "State": match network.is_stopped(n, at) {
                true => "deleted",
                false => "available",
            },
            "ConnectivityType": "public",
            "NatGatewayAddresses": [{
                "NetworkInterfaceId": eni.id,
                "PrivateIp": eni.address.to_string(),
            }],
            "Tags": name_tag(&network.subnet_of(n).zone_name()),
        })
    });
    json!({"NatGateways": gateways.collect::<Vec<Value>>()})
}
