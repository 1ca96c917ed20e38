//! Which filters, route tables and gateways decide about the packets of a subnet, and what one rule of
//! them is. What they decide is not worked out here.

use std::collections::BTreeSet;

use super::Configuration;
use super::cidr::{FarEnd, Fit};
use super::resources::{AclEntry, GroupRule, RouteDestination, RouteTable};
use super::routes::RouteOutcome;
use super::situation::Situation;

impl Configuration {
    /// Returns a rule of a security group by its id, and whether it is for outbound traffic.
    pub fn group_rule(&self, id: &str) -> Option<(bool, &GroupRule)> {
        if id.is_empty() {
            return None;
        }
        let separate = self.group_rules.values().find_map(|rules| rules.get(id));
        if let Some((is_egress, rule)) = separate {
            return Some((*is_egress, rule));
        }
        let groups = self.security_groups.all_versions();
        let mut rules = groups.flat_map(|group| {
            let inbound = group.inbound.iter().map(|rule| (false, rule));
            inbound.chain(group.outbound.iter().map(|rule| (true, rule)))
        });
        rules.find(|(_, rule)| rule.id == id)
    }

    /// Returns an entry of a network ACL by its number, in any version of the ACL that has it.
    pub fn acl_entry(&self, acl: &str, is_egress: bool, number: u32) -> Option<&AclEntry> {
        let versions = self.acls.versions(acl);
        let mut entries = versions.flat_map(|acl| &acl.entries);
        entries.find(|entry| entry.number == number && entry.is_egress == is_egress)
    }

    /// Returns the subnet of an association with a route table or a network ACL.
    pub fn subnet_of_association(&self, id: &str) -> Option<&str> {
        self.associations.get(id).map(String::as_str)
    }
}

/// A route table on the way of packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteHop {
    /// The subnet that they leave.
    pub subnet: String,
    /// The id of its route table.
    pub table: String,
    /// Where the table sends them, even if that is gone; `None` if no route fits, or if it is
    /// unknown which one does.
    pub target: Option<String>,
}

/// The most subnets on one way: that of the source and that of a NAT gateway, and room for a chain of
/// them.
const HOPS_MAX: usize = 4;

impl Situation<'_> {
    /// Returns the id of the network ACL of a subnet.
    pub fn acl_id(self, subnet: &str, vpc: &str) -> Option<String> {
        self.acl_of(subnet, vpc).map(|(id, _)| id.to_owned())
    }

    /// Returns the id of the route table of a subnet.
    pub fn table_id(self, subnet: &str, vpc: &str) -> Option<String> {
        self.table_of(subnet, vpc).map(|(id, _)| id.to_owned())
    }

    /// Returns where a route table sends packets for exactly this destination.
    pub fn route_target(self, table: &str, destination: &RouteDestination) -> Option<String> {
        let table = self.all.route_tables.at(table, self.ns)?;
        let mut routes = table.value.routes.iter();
        let route = routes.find(|route| route.destination == *destination)?;
        Some(route.target.clone())
    }

    /// Returns the route tables that packets from a subnet to the other end meet, in order: that of
    /// the subnet, and after a NAT gateway that of its subnet. Empty if no table is known.
    pub fn way(self, subnet: &str, vpc: &str, to: FarEnd) -> Vec<RouteHop> {
        let mut hops: Vec<RouteHop> = Vec::new();
        let (mut subnet, mut vpc) = (subnet.to_owned(), vpc.to_owned());
        while hops.len() < HOPS_MAX && !subnet.is_empty() {
            let Some((id, table)) = self.table_of(&subnet, &vpc) else {
                break;
            };
            let target = self.target(table.value, to);
            let nat = target
                .as_deref()
                .and_then(|target| self.all.nat_gateways.at(target, self.ns));
            hops.push(RouteHop {
                subnet: std::mem::take(&mut subnet),
                table: id.to_owned(),
                target,
            });
            let Some(nat) = nat else { break };
            if hops.iter().all(|hop| hop.subnet != nat.value.subnet) {
                subnet.clone_from(&nat.value.subnet);
                vpc.clone_from(&nat.value.vpc);
            }
        }
        hops
    }

    /// Returns where a route table sends packets to the other end.
    fn target(self, table: &RouteTable, to: FarEnd) -> Option<String> {
        let to = match to {
            FarEnd::Address(address) => address,
            FarEnd::Internet { .. } => {
                let mut routes = table.routes.iter();
                let default = routes.find(|route| match &route.destination {
                    RouteDestination::Range(range) => range.fits(to) == Fit::Yes,
                    RouteDestination::PrefixList(_) => false,
                });
                return default.map(|route| route.target.clone());
            }
        };
        match self.outcome(table, to) {
            RouteOutcome::Target { target, .. } | RouteOutcome::Blackhole { target, .. } => {
                Some(target)
            }
            RouteOutcome::Nowhere | RouteOutcome::Unknown => None,
        }
    }

    /// Returns the ids of what may decide about all packets of a subnet: its network ACL, its route
    /// table, what associates it with these, and the gateways of its routes. A NAT gateway needs the
    /// route table of its own subnet, and the gateways of that.
    pub fn deciding(self, subnet: &str, vpc: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        if subnet.is_empty() {
            return found;
        }
        found.extend(self.acl_id(subnet, vpc));
        let own = self.all.associations.iter();
        found.extend(
            own.filter(|(_, of)| *of == subnet)
                .map(|(id, _)| id.clone()),
        );
        let mut tables = vec![self.table_of(subnet, vpc)];
        while let Some(table) = tables.pop() {
            let Some((_, table)) = table.filter(|(id, _)| found.insert((*id).to_owned())) else {
                continue;
            };
            for route in table
                .value
                .routes
                .iter()
                .filter(|route| route.target != "local")
            {
                found.insert(route.target.clone());
                if let Some(nat) = self.all.nat_gateways.at(&route.target, self.ns) {
                    tables.push(self.table_of(&nat.value.subnet, &nat.value.vpc));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    /// A private subnet with a NAT gateway in a public one, and a subnet that has nothing of its own.
    const NETWORK: &str = r#"
    {"NetworkAcls": [
      {"NetworkAclId": "acl-main", "VpcId": "vpc-1", "IsDefault": true, "Associations": [], "Entries": []},
      {"NetworkAclId": "acl-app", "VpcId": "vpc-1", "IsDefault": false, "Associations": [
        {"NetworkAclAssociationId": "aclassoc-1", "SubnetId": "subnet-app"}], "Entries": [
        {"RuleNumber": 90, "Protocol": "6", "RuleAction": "deny", "Egress": false, "CidrBlock": "10.0.9.0/24",
         "PortRange": {"From": 22, "To": 22}}]}]}
    {"RouteTables": [
      {"RouteTableId": "rtb-main", "VpcId": "vpc-1", "Associations": [{"Main": true}], "Routes": [
        {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}]},
      {"RouteTableId": "rtb-app", "VpcId": "vpc-1", "Associations": [
        {"RouteTableAssociationId": "rtbassoc-1", "SubnetId": "subnet-app"}], "Routes": [
        {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
        {"DestinationCidrBlock": "10.8.0.0/16", "TransitGatewayId": "tgw-1", "State": "blackhole"},
        {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}]},
      {"RouteTableId": "rtb-public", "VpcId": "vpc-1", "Associations": [
        {"RouteTableAssociationId": "rtbassoc-2", "SubnetId": "subnet-public"}], "Routes": [
        {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}]}]}
    {"NatGateways": [{"NatGatewayId": "nat-1", "VpcId": "vpc-1", "SubnetId": "subnet-public", "State": "available"}]}
    {"SecurityGroups": [{"GroupId": "sg-1", "GroupName": "a", "VpcId": "vpc-1", "IpPermissionsEgress": [],
      "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.9.0/24"}]}]}]}
    {"SecurityGroupRules": [{"SecurityGroupRuleId": "sgr-1", "GroupId": "sg-1", "IsEgress": true,
      "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "0.0.0.0/0"}]}
    "#;

    fn network() -> Configuration {
        let mut all = Configuration::default();
        assert_eq!(all.read(NETWORK.as_bytes()).problem, None);
        all.complete();
        all
    }

    fn way(subnet: &str, to: FarEnd) -> Vec<(String, String, String)> {
        let all = network();
        let hops = all.at(0).way(subnet, "vpc-1", to).into_iter();
        let text = |hop: RouteHop| (hop.subnet, hop.table, hop.target.unwrap_or_default());
        hops.map(text).collect()
    }

    fn hops(expected: &[[&str; 3]]) -> Vec<(String, String, String)> {
        let hops = expected.iter();
        hops.map(|[subnet, table, target]| {
            let [subnet, table, target] = [subnet, table, target].map(|text| (*text).to_owned());
            (subnet, table, target)
        })
        .collect()
    }

    fn address(text: &str) -> FarEnd {
        FarEnd::Address(text.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn way_to_the_internet_goes_on_after_the_nat_gateway() {
        let expected = hops(&[
            ["subnet-app", "rtb-app", "nat-1"],
            ["subnet-public", "rtb-public", "igw-1"],
        ]);
        assert_eq!(way("subnet-app", address("198.51.100.7")), expected);
        assert_eq!(
            way("subnet-app", FarEnd::Internet { is_v6: false }),
            expected
        );
        // There is no route for IPv6.
        let no_route = hops(&[["subnet-app", "rtb-app", ""]]);
        assert_eq!(
            way("subnet-app", FarEnd::Internet { is_v6: true }),
            no_route
        );
    }

    #[test]
    fn way_ends_at_any_other_target_also_if_it_is_gone() {
        let blackhole = hops(&[["subnet-app", "rtb-app", "tgw-1"]]);
        assert_eq!(way("subnet-app", address("10.8.1.1")), blackhole);
        let nowhere = hops(&[["subnet-x", "rtb-main", ""]]);
        assert_eq!(way("subnet-x", address("198.51.100.7")), nowhere);
        assert_eq!(way("", address("198.51.100.7")), []);
    }

    #[test]
    fn nat_gateway_that_sends_to_itself_ends_the_way() {
        let text = NETWORK.replace(r#""GatewayId": "igw-1""#, r#""NatGatewayId": "nat-1""#);
        let mut all = Configuration::default();
        all.read(text.as_bytes());
        all.complete();
        let hops = all
            .at(0)
            .way("subnet-app", "vpc-1", address("198.51.100.7"));
        assert_eq!(hops.len(), 2);
    }

    #[test]
    fn subnet_is_decided_by_its_lists_and_what_its_routes_lead_to() {
        let all = network();
        let deciding = |subnet| all.at(0).deciding(subnet, "vpc-1").into_iter();
        let of_app: Vec<String> = deciding("subnet-app").collect();
        let expected = [
            "acl-app",
            "aclassoc-1",
            "igw-1",
            "nat-1",
            "rtb-app",
            "rtb-public",
            "rtbassoc-1",
            "tgw-1",
        ];
        assert_eq!(of_app, expected);
        let of_other: Vec<String> = deciding("subnet-x").collect();
        assert_eq!(of_other, ["acl-main", "rtb-main"]);
        assert!(all.at(0).deciding("", "vpc-1").is_empty());
    }

    #[test]
    fn rule_and_entry_are_found_by_what_an_event_has_of_them() {
        let all = network();
        let (is_egress, rule) = all.group_rule("sgr-1").unwrap();
        assert!(is_egress);
        assert_eq!(rule.service.ports, (443, 443));
        assert!(all.group_rule("").is_none(), "many rules have no id");
        assert!(all.group_rule("sgr-2").is_none());
        let entry = all.acl_entry("acl-app", false, 90).unwrap();
        assert!(!entry.allows);
        assert!(all.acl_entry("acl-app", true, 90).is_none());
        assert!(all.acl_entry("acl-main", false, 90).is_none());
    }

    #[test]
    fn association_and_route_are_known_by_id_and_destination() {
        let all = network();
        assert_eq!(
            all.subnet_of_association("rtbassoc-2"),
            Some("subnet-public")
        );
        assert_eq!(all.subnet_of_association("rtbassoc-3"), None);
        let destination = |text: &str| RouteDestination::Range(text.parse().unwrap());
        let target = |text| all.at(0).route_target("rtb-app", &destination(text));
        assert_eq!(target("0.0.0.0/0").as_deref(), Some("nat-1"));
        assert_eq!(target("198.51.100.0/24"), None, "only the route itself");
    }
}
