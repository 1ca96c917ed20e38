//! What a change does to packets, and what ties it to them, one change at a time.

mod effect;
mod ties;

use super::aims::{Aim, AimedPlace, Decider, Places};
use super::effect::{Effect, Scene};
use crate::change::{Change, ChangeLog};
use crate::configuration::{Configuration, FarEnd, FilteredPackets};
use crate::event::{EventDetail, for_each_in_json};
use crate::flow::{Enis, Place, TCP};

/// A private subnet with a NAT gateway in a public one, an instance, and a load balancer.
const NETWORK: &str = r#"
{"NetworkInterfaces": [
  {"NetworkInterfaceId": "eni-1", "SubnetId": "subnet-app", "VpcId": "vpc-1", "PrivateIpAddress": "10.0.1.5",
   "Groups": [{"GroupId": "sg-app"}], "InterfaceType": "interface", "Attachment": {"InstanceId": "i-1"}},
  {"NetworkInterfaceId": "eni-lb", "SubnetId": "subnet-public", "VpcId": "vpc-1", "PrivateIpAddress": "10.0.9.5",
   "Groups": [{"GroupId": "sg-lb"}], "InterfaceType": "interface", "Description": "ELB app/web/50dc"}]}
{"SecurityGroups": [
  {"GroupId": "sg-app", "GroupName": "app", "VpcId": "vpc-1", "IpPermissionsEgress": [], "IpPermissions": [
    {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}]},
  {"GroupId": "sg-lb", "GroupName": "lb", "VpcId": "vpc-1", "IpPermissionsEgress": [], "IpPermissions": []}]}
{"NetworkAcls": [{"NetworkAclId": "acl-app", "VpcId": "vpc-1", "IsDefault": false,
  "Associations": [{"NetworkAclAssociationId": "aclassoc-1", "SubnetId": "subnet-app"}], "Entries": []}]}
{"RouteTables": [
  {"RouteTableId": "rtb-app", "VpcId": "vpc-1", "Associations": [{"SubnetId": "subnet-app"}], "Routes": [
    {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
    {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}]},
  {"RouteTableId": "rtb-public", "VpcId": "vpc-1", "Associations": [{"SubnetId": "subnet-public"}], "Routes": [
    {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}]}]}
{"NatGateways": [{"NatGatewayId": "nat-1", "VpcId": "vpc-1", "SubnetId": "subnet-public", "State": "available"}]}
"#;

/// The change that a call of EC2, or of load balancers, made.
fn change(name: &str, request: &str) -> Change {
    let service = match name.contains("Balancer") || name == "SetSecurityGroups" {
        true => "elasticloadbalancing",
        false => "ec2",
    };
    let text = format!(
        r#"{{"eventTime":"2026-03-14T02:15:04Z","eventSource":"{service}.amazonaws.com","eventName":"{name}",
        "eventID":"1","requestParameters":{request},"responseElements":{{"_return":true}}}}"#
    );
    let mut found = None;
    for_each_in_json(&text, None, &mut |_, event, _| {
        let event = event.unwrap();
        if let EventDetail::ApiCall(call) = &event.detail {
            let key = Change::key(event.instant_ns, call).unwrap();
            found = Some(Change::of(key, event.instant_ns, call));
        }
    });
    found.unwrap()
}

/// What changes are compared with.
struct Stage {
    configuration: Option<Configuration>,
    log: ChangeLog,
    enis: Enis,
}

impl Stage {
    /// With the configuration of the network.
    fn configured() -> Self {
        let mut all = Configuration::default();
        assert_eq!(all.read(NETWORK.as_bytes()).problem, None);
        all.complete();
        Self {
            configuration: Some(all),
            ..Self::bare([])
        }
    }

    /// Without any configuration, with these earlier changes.
    fn bare(earlier: impl IntoIterator<Item = Change>) -> Self {
        let place = Place { file: 0, line: 1 };
        let earlier = earlier.into_iter().map(|change| (change, place));
        Self {
            configuration: None,
            log: ChangeLog::new(earlier, None),
            enis: Enis::default(),
        }
    }

    fn scene(&self, effect: Effect) -> Scene<'_> {
        Scene {
            places: Places {
                enis: &self.enis,
                configuration: self.configuration.as_ref(),
                ns: 0,
            },
            log: &self.log,
            effect,
        }
    }
}

/// Packets to or from the instance.
fn aim(decider: Decider, is_egress: bool, far: &str, port: u16) -> Aim {
    Aim {
        place: AimedPlace {
            eni: "eni-1".into(),
            subnet: "subnet-app".into(),
            vpc: "vpc-1".into(),
            instance: "i-1".into(),
            ..AimedPlace::default()
        },
        decider,
        packets: FilteredPackets {
            is_egress,
            protocol: TCP,
            far: FarEnd::Address(far.parse().unwrap()),
            ports: (port, port),
        },
    }
}

/// Requests to the database of the instance.
fn to_database(decider: Decider) -> Aim {
    aim(decider, false, "10.0.2.7", 5432)
}

/// Requests from the instance to the internet.
fn to_internet() -> Aim {
    aim(Decider::Routes, true, "198.51.100.7", 443)
}

/// Requests to the load balancer.
fn to_balancer() -> Aim {
    let mut aim = aim(Decider::Filters, false, "203.0.113.9", 443);
    aim.place = AimedPlace {
        eni: "eni-lb".into(),
        subnet: "subnet-public".into(),
        vpc: "vpc-1".into(),
        owner: "loadbalancer/app/web/50dc".into(),
        ..AimedPlace::default()
    };
    aim
}

/// The parameters of a call about a rule of a security group.
fn rule(port: u16, range: &str) -> String {
    format!(
        r#"{{"groupId":"sg-app","ipPermissions":{{"items":[{{"ipProtocol":"tcp","fromPort":{port},"toPort":{port},
        "ipRanges":{{"items":[{{"cidrIp":"{range}"}}]}}}}]}}}}"#
    )
}

/// The parameters of a call about an entry of a network ACL for inbound packets.
fn entry(verb: &str, range: &str) -> String {
    format!(
        r#"{{"networkAclId":"acl-app","ruleNumber":90,"egress":false,"ruleAction":"{verb}","aclProtocol":"6",
        "cidrBlock":"{range}","portRange":{{"from":5432,"to":5432}}}}"#
    )
}

/// The parameters of a call about a route of a table.
fn route(table: &str, range: &str, target: &str) -> String {
    let target = match target {
        "" => String::new(),
        target => format!(
            r#","{}":"{target}""#,
            match target.starts_with("nat-") {
                true => "natGatewayId",
                false => "gatewayId",
            }
        ),
    };
    format!(r#"{{"routeTableId":"{table}","destinationCidrBlock":"{range}"{target}}}"#)
}

/// The parameters of `SetSecurityGroups`.
fn balancer_groups(id: &str, group: &str) -> String {
    format!(
        r#"{{"loadBalancerArn":"arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/{id}","securityGroups":["{group}"]}}"#
    )
}
