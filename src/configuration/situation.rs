//! The configuration as it was at an instant, and who owns an address in it.

use std::net::IpAddr;

use super::cidr::Cidr;
use super::resources::{NetworkInterface, Subnet};
use super::versions::Captured;
use super::{Configuration, Resources};
use crate::printable::cut;

/// The longest Name tag or description in a text, in characters.
const NAME_MAX: usize = 80;

/// The configuration as it was at an instant.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    pub(super) all: &'a Configuration,
    pub(super) ns: i64,
}

/// Names a resource: its id, and its name if it has one.
pub(super) fn named(id: &str, name: &str) -> String {
    match cut(name, NAME_MAX) {
        name if name.is_empty() => id.to_owned(),
        name => format!("{id} ({name})"),
    }
}

impl<'a> Situation<'a> {
    /// Returns an interface by its id.
    pub fn interface(self, id: &str) -> Option<Captured<'a, NetworkInterface>> {
        self.all.interfaces.at(id, self.ns)
    }

    /// Returns all interfaces, in order of their ids.
    pub fn interfaces(self) -> impl Iterator<Item = &'a NetworkInterface> {
        let all = self.all.interfaces.all_at(self.ns);
        all.map(|(_, eni)| eni.value)
    }

    /// Returns the interface that has an address, if only one does, or only one in `vpc`. An empty
    /// `vpc` is an unknown one.
    pub fn owner(self, address: IpAddr, vpc: &str) -> Option<Captured<'a, NetworkInterface>> {
        let ids = self.all.owners.get(&address)?;
        let found = ids.iter().filter_map(|id| self.interface(id));
        let owners: Vec<_> = found
            .filter(|eni| eni.value.addresses.contains(&address))
            .collect();
        let mut near = owners.iter().filter(|eni| eni.value.vpc == vpc);
        match (near.next(), near.next(), &owners[..]) {
            (Some(own), None, _) | (None, _, [own]) => Some(*own),
            _ => None,
        }
    }

    /// Returns a subnet by its id.
    pub fn subnet(self, id: &str) -> Option<&'a Subnet> {
        self.all.subnets.at(id, self.ns).map(|found| found.value)
    }

    /// Names a subnet.
    pub fn subnet_name(self, id: &str) -> String {
        named(id, self.subnet(id).map_or("", |subnet| &subnet.name))
    }

    /// Returns what a person calls an interface: its Name tag, what it belongs to, or the Name tag
    /// of its instance. Empty where the configuration has none of these.
    pub fn title(self, eni: &NetworkInterface) -> String {
        let role = eni.role.to_string();
        let instance = || {
            let instance = self.all.instances.at(&eni.instance, self.ns);
            instance.map_or("", |found| &found.value.name)
        };
        let id = role.rsplit(' ').next().unwrap_or_default();
        let tag = match &eni.name[..] {
            "" if role.is_empty() => instance(),
            "" => self.name_of(id),
            name => name,
        };
        let title = match (role.is_empty(), tag.is_empty()) {
            (true, _) => tag.to_owned(),
            (false, true) => role,
            (false, false) => format!("{role}, {tag}"),
        };
        cut(&title, NAME_MAX).into_owned()
    }

    /// Returns the Name tag of a gateway or an endpoint; empty if it is unknown.
    fn name_of(self, id: &str) -> &'a str {
        fn tag<'a, T>(
            all: &'a Resources<T>,
            id: &str,
            ns: i64,
            name: fn(&T) -> &String,
        ) -> Option<&'a str> {
            all.at(id, ns).map(|found| name(found.value).as_str())
        }
        tag(&self.all.nat_gateways, id, self.ns, |nat| &nat.name)
            .or_else(|| tag(&self.all.endpoints, id, self.ns, |endpoint| &endpoint.name))
            .unwrap_or_default()
    }

    /// Names a gateway, an endpoint or another target of a route.
    pub(super) fn target_name(self, id: &str) -> String {
        named(id, self.name_of(id))
    }

    /// Returns the ranges of a prefix list; `None` if they are unknown.
    pub(super) fn prefix_list(self, id: &str) -> Option<&'a [Cidr]> {
        let list = self.all.prefix_list_entries.at(id, self.ns);
        let list = list.or_else(|| self.all.prefix_lists.at(id, self.ns));
        list?.value.ranges.as_deref()
    }
}
