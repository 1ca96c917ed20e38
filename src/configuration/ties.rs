//! Which filter or route table belongs to which subnet and interface, and what one rule of it is.

use super::Configuration;
use super::resources::{AclEntry, GroupRule, NetworkInterface, RouteDestination};
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

impl Situation<'_> {
    /// Returns the id of the network ACL of an interface's subnet.
    pub fn acl_id(self, eni: &NetworkInterface) -> Option<String> {
        self.acl_of(eni).map(|(id, _)| id.to_owned())
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
}
