//! The configuration of a VPC: security groups, network ACLs, routes, and who owns which address.
//!
//! It is read from the JSON that `aws ec2 describe-...` and `aws elbv2 describe-...` print, and from
//! AWS Config. The functions of a [`Situation`] decide what the configuration does with packets. They
//! say so where the configuration does not have what they need: nothing is concluded from a
//! resource that is missing. What flow logs say of the same packets is not known here.
//!
//! ```text
//! cidr        address ranges, and how surely something fits them
//! role        what an interface belongs to
//! resources   the resources
//! versions    resources by id, as they were at several instants
//! recognize   which JSON is configuration
//! document    the text of a file -> the JSON of each resource
//! json        names of members in both spellings
//! interpret   JSON -> resources
//! situation   the configuration at an instant: who owns an address, names
//! ties        which filter or route table belongs to what
//! verdict     what filters look at, and what they decide
//! groups      security groups
//! acls        network ACLs
//! routes      route tables
//! health      why a host may not answer
//! ```
//!
//! Pure: no I/O, no clock, no threads.
//!
//! # Invariants
//! * A resource that is not understood completely is not used, since a rule that is missing would
//!   prove what is not true.
//! * Memory is bounded: by [`FILE_LEN_MAX`] for a file, by 8 MiB of text for a resource, and by
//!   256 MiB of text for all of them.

mod acls;
mod cidr;
mod document;
mod groups;
mod health;
mod interpret;
mod json;
mod recognize;
mod resources;
mod role;
mod routes;
mod situation;
mod ties;
mod verdict;
mod versions;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use serde::Serialize;

use crate::flow::Enis;

pub use self::cidr::{Cidr, FarEnd, Fit};
pub use self::document::{FILE_LEN_MAX, Reading};
pub use self::recognize::is_configuration;
pub use self::resources::{
    Acl, AclEntry, GroupRule, Instance, LoadBalancer, NatGateway, NetworkInterface, PrefixList,
    Route, RouteDestination, RouteTable, RulePeer, RuleService, SecurityGroup, Subnet, TargetGroup,
    TargetHealth, TargetState, Vpc, VpcEndpoint,
};
pub use self::role::InterfaceRole;
pub use self::routes::{RouteFault, RouteOutcome, RouteVerdict};
pub use self::situation::Situation;
pub use self::ties::RouteHop;
pub use self::verdict::{FilterDecision, FilterVerdict, FilteredPackets};
pub use self::versions::{Captured, Resources};

/// The most bytes of text of all resources together.
const TEXT_LEN_MAX: u64 = 256 << 20;

/// All that is known of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    interfaces: Resources<NetworkInterface>,
    security_groups: Resources<SecurityGroup>,
    acls: Resources<Acl>,
    route_tables: Resources<RouteTable>,
    subnets: Resources<Subnet>,
    vpcs: Resources<Vpc>,
    instances: Resources<Instance>,
    nat_gateways: Resources<NatGateway>,
    endpoints: Resources<VpcEndpoint>,
    prefix_lists: Resources<PrefixList>,
    /// The same with their ranges, which another command prints.
    prefix_list_entries: Resources<PrefixList>,
    load_balancers: Resources<LoadBalancer>,
    target_groups: Resources<TargetGroup>,
    target_health: Resources<TargetHealth>,
    /// Interfaces as their instances describe them, without their Name tags.
    instance_interfaces: Resources<NetworkInterface>,
    /// Rules by their security group and id, each with whether it is for outbound traffic.
    group_rules: BTreeMap<String, BTreeMap<String, (bool, GroupRule)>>,
    /// The ids of the interfaces that ever had an address.
    owners: HashMap<IpAddr, BTreeSet<String>>,
    /// The subnets of associations with route tables and network ACLs, by the id of the association.
    associations: BTreeMap<String, String>,
    files: u64,
    text_len: u64,
}

/// How many resources of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConfigurationCounts {
    /// Files.
    pub files: u64,
    /// Network interfaces.
    pub network_interfaces: u64,
    /// Security groups.
    pub security_groups: u64,
    /// Network ACLs.
    pub network_acls: u64,
    /// Route tables.
    pub route_tables: u64,
    /// Subnets.
    pub subnets: u64,
    /// All other resources.
    pub others: u64,
}

impl Configuration {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.files == 0
    }

    /// Adds the configuration of a later file. Of two descriptions of one resource at one instant
    /// the later one is used.
    ///
    /// Returns whether there was room for it.
    pub fn append(&mut self, later: Self) -> bool {
        let text_len = self.text_len + later.text_len;
        if text_len > TEXT_LEN_MAX {
            return false;
        }
        self.text_len = text_len;
        self.files += later.files;
        self.interfaces.append(later.interfaces);
        self.security_groups.append(later.security_groups);
        self.acls.append(later.acls);
        self.route_tables.append(later.route_tables);
        self.subnets.append(later.subnets);
        self.vpcs.append(later.vpcs);
        self.instances.append(later.instances);
        self.nat_gateways.append(later.nat_gateways);
        self.endpoints.append(later.endpoints);
        self.prefix_lists.append(later.prefix_lists);
        self.prefix_list_entries.append(later.prefix_list_entries);
        self.load_balancers.append(later.load_balancers);
        self.target_groups.append(later.target_groups);
        self.target_health.append(later.target_health);
        self.instance_interfaces.append(later.instance_interfaces);
        self.associations.extend(later.associations);
        for (group, rules) in later.group_rules {
            self.group_rules.entry(group).or_default().extend(rules);
        }
        true
    }

    /// Connects what several files say of the same resources. To be called when all are read.
    pub fn complete(&mut self) {
        for (id, rules) in &self.group_rules {
            self.security_groups.complete_group(id, rules);
        }
        let described = std::mem::take(&mut self.instance_interfaces);
        self.interfaces.fill(described);
        self.owners.clear();
        for eni in self.interfaces.all_versions() {
            for address in &eni.addresses {
                let owners = self.owners.entry(*address).or_default();
                owners.insert(eni.id.clone());
            }
        }
    }

    /// Fills in what records do not say of the ENIs that wrote them, and what a person calls each.
    pub fn describe(&self, enis: &mut Enis) {
        // As they were last: names hardly change, and the subnet of an ENI never does.
        let now = self.at(i64::MAX);
        for eni in enis.iter_mut() {
            let Some(known) = now.interface(&eni.name) else {
                continue;
            };
            let known = known.value;
            eni.title = now.title(known);
            for (mine, theirs) in [
                (&mut eni.subnet, &known.subnet),
                (&mut eni.vpc, &known.vpc),
                (&mut eni.instance, &known.instance),
            ] {
                if mine.is_empty() {
                    mine.clone_from(theirs);
                }
            }
        }
    }

    /// Returns the configuration as it was at an instant, nanoseconds since the Unix epoch.
    pub fn at(&self, ns: i64) -> Situation<'_> {
        Situation { all: self, ns }
    }

    /// Returns how many resources of each kind there are.
    pub fn counts(&self) -> ConfigurationCounts {
        let count = |len: usize| len as u64;
        let others = [
            self.vpcs.len(),
            self.instances.len(),
            self.nat_gateways.len(),
            self.endpoints.len(),
            self.prefix_lists.len().max(self.prefix_list_entries.len()),
            self.load_balancers.len(),
            self.target_groups.len(),
        ];
        ConfigurationCounts {
            files: self.files,
            network_interfaces: count(self.interfaces.len()),
            security_groups: count(self.security_groups.len()),
            network_acls: count(self.acls.len()),
            route_tables: count(self.route_tables.len()),
            subnets: count(self.subnets.len()),
            others: count(others.iter().sum()),
        }
    }
}

impl Resources<SecurityGroup> {
    /// Gives the rules of a group their ids, or makes the group of its rules if nothing else
    /// describes it.
    fn complete_group(&mut self, id: &str, rules: &BTreeMap<String, (bool, GroupRule)>) {
        let mut is_known = false;
        for group in self.versions_of(id) {
            is_known = true;
            for (is_egress, rule) in rules.values() {
                let own = match is_egress {
                    true => &mut group.outbound,
                    false => &mut group.inbound,
                };
                let mut same = own
                    .iter_mut()
                    .filter(|own| own.service == rule.service && own.peer == rule.peer);
                if let Some(own) = same.next() {
                    own.id.clone_from(&rule.id);
                }
            }
        }
        if is_known {
            return;
        }
        let directed = |wanted: bool| {
            let rules = rules.values().filter(|(is_egress, _)| *is_egress == wanted);
            rules.map(|(_, rule)| rule.clone()).collect()
        };
        let group = SecurityGroup {
            name: String::new(),
            inbound: directed(false),
            outbound: directed(true),
        };
        self.add(id.to_owned(), None, Some(group));
    }
}

#[cfg(test)]
mod tests;
