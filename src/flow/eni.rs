//! The network interfaces that wrote the records.
//!
//! Worker threads read ENIs in any order, so each thread keeps its own [`Enis`] with its own
//! indices. [`Enis::merge`] combines them in file order and [`Enis::sorted`] numbers them by name.
//! The numbers are then the same for any number of threads, and are the interface numbers of the
//! capture.

use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::flow::own_address::SharedAddresses;
use crate::flow::words::{RecordWords, ValueSeen};
use crate::record::{Field, TAGS};

/// The fields that name a task of the Elastic Container Service (ECS), from its cluster to itself.
pub const ECS: [Field; 3] = [
    Field::EcsClusterName,
    Field::EcsServiceName,
    Field::EcsTaskId,
];

/// The name for records that have no interface-id.
pub const UNNAMED: &str = "unknown";

/// The index of an ENI in its [`Enis`], from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EniIndex(pub u32);

/// Facts about one ENI from its records; empty where they have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Eni {
    /// `interface-id`; for a transit gateway its attachment, for a regional NAT gateway its id.
    pub name: String,
    /// `instance-id`.
    pub instance: String,
    /// `subnet-id`.
    pub subnet: String,
    /// `vpc-id`.
    pub vpc: String,
    /// `az-id`.
    pub zone: String,
    /// `account-id`.
    pub account: String,
    /// `region`.
    pub region: String,
    /// `interface-type`, a field since version 11.
    pub kind: String,
    /// `resource-id`, if it is not its name. In Azure logs the resource that the log is of.
    pub resource: String,
    /// What a person calls it, from configuration beside the logs.
    pub title: String,
    /// Its tags, in the order of [`TAGS`].
    pub tags: [ValueSeen; TAGS.len()],
    /// The ECS tasks that use it, in the order of [`ECS`]. A host has several.
    pub ecs: [ValueSeen; ECS.len()],
    /// The ENI's own address, if flow-direction shows which one it is.
    pub address: Option<IpAddr>,
    /// Its own IPv6 address, determined in the same way, even if it also has an IPv4 address.
    pub v6_address: Option<IpAddr>,
    /// The addresses that all its records have in common.
    pub shared: SharedAddresses,
}

impl Eni {
    /// Fills in facts from `other`, read later, that this one lacks.
    fn complete(&mut self, other: &Self) {
        let texts = [
            (&mut self.instance, &other.instance),
            (&mut self.subnet, &other.subnet),
            (&mut self.vpc, &other.vpc),
            (&mut self.zone, &other.zone),
            (&mut self.account, &other.account),
            (&mut self.region, &other.region),
            (&mut self.kind, &other.kind),
            (&mut self.resource, &other.resource),
        ];
        for (mine, theirs) in texts {
            if mine.is_empty() {
                mine.clone_from(theirs);
            }
        }
        let columns = self.tags.iter_mut().chain(&mut self.ecs);
        for (mine, theirs) in columns.zip(other.tags.iter().chain(&other.ecs)) {
            mine.join(theirs);
        }
        let known = [other.address, other.v6_address];
        known
            .into_iter()
            .flatten()
            .for_each(|address| self.has(address));
        self.shared.meet_all(&other.shared);
    }

    /// Adds the tags of one of its records, in the order of [`TAGS`]; empty where it has none.
    pub(crate) fn meet_tags(&mut self, values: &[String; TAGS.len()]) {
        for (seen, value) in self.tags.iter_mut().zip(values) {
            seen.meet(value);
        }
    }

    /// Returns the tag by which it is called: the first one in the order of [`TAGS`]. Returns an
    /// empty text if there is none, or if that tag was changed between two of its records.
    pub fn tag(&self) -> &str {
        let mut tags = self.tags.iter();
        match tags.find(|tag| **tag != ValueSeen::None) {
            Some(ValueSeen::One(value)) => value,
            _ => "",
        }
    }

    /// Returns the cluster, the service and the id of the ECS task that all its records belong to;
    /// each empty if there is none, or more than one.
    pub fn ecs_task(&self) -> [&str; ECS.len()] {
        self.ecs.each_ref().map(ValueSeen::only)
    }

    /// Adds one of its own addresses. Of several addresses the lowest is kept, independent of the
    /// order in which they are read, and IPv4 before IPv6.
    pub fn has(&mut self, address: IpAddr) {
        let lower = |known: Option<IpAddr>| Some(known.map_or(address, |known| known.min(address)));
        self.address = lower(self.address);
        if address.is_ipv6() {
            self.v6_address = lower(self.v6_address);
        }
    }

    /// Returns its own addresses, as far as its records show them.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let known = [self.address, self.v6_address].into_iter().flatten();
        let own = known.chain(self.shared.own());
        // Records without a name may belong to any number of ENIs.
        own.filter(|_| self.name != UNNAMED)
    }

    /// Whether a packet between these addresses left the ENI, if its records show that.
    pub fn leaves(&self, source: IpAddr, destination: IpAddr) -> Option<bool> {
        // Records without a name may belong to any number of ENIs.
        (self.name != UNNAMED)
            .then(|| self.shared.leaves(source, destination))
            .flatten()
    }
}

/// All ENIs read so far, by name.
#[derive(Clone, Debug, Default)]
pub struct Enis {
    list: Vec<Eni>,
    /// The names as written in the records, by index.
    names: Vec<Arc<[u8]>>,
    by_name: HashMap<Arc<[u8]>, EniIndex, RandomState>,
    /// The words of their records.
    pub words: RecordWords,
}

impl Enis {
    /// Returns the ENI with that name, and adds it if it is new. An empty name is "unknown".
    ///
    /// # Panics
    /// Panics above 2³² ENIs.
    pub fn enter(&mut self, name: &[u8]) -> EniIndex {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let index = EniIndex(u32::try_from(self.list.len()).expect("fewer than 2^32 ENIs"));
        let text = if name.is_empty() {
            UNNAMED.into()
        } else {
            String::from_utf8_lossy(name)
        };
        self.list.push(Eni {
            name: text.into_owned(),
            ..Eni::default()
        });
        let name: Arc<[u8]> = name.into();
        self.names.push(Arc::clone(&name));
        self.by_name.insert(name, index);
        index
    }

    /// Returns the ENI with that index.
    pub fn get(&self, index: EniIndex) -> &Eni {
        &self.list[index.0 as usize]
    }

    /// Returns the ENI with that index, for adding facts from a record.
    pub fn get_mut(&mut self, index: EniIndex) -> &mut Eni {
        &mut self.list[index.0 as usize]
    }

    /// Returns all ENIs in order of their indices.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = &mut Eni> {
        self.list.iter_mut()
    }

    /// Returns all ENIs in order of their indices.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Eni> {
        self.list.iter()
    }

    /// Returns the names as written in the records, in order of their indices.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.names.iter().map(|name| &**name)
    }

    /// Returns the index of the ENI with that name, if any record has it.
    pub fn find(&self, name: &[u8]) -> Option<EniIndex> {
        self.by_name.get(name).copied()
    }

    /// Adds the ENIs of a worker that read later lines.
    pub fn merge(&mut self, other: &Self) {
        for (name, eni) in other.names.iter().zip(&other.list) {
            let index = self.enter(name);
            self.get_mut(index).complete(eni);
        }
        self.words.merge(&other.words);
    }

    /// Numbers the ENIs by name, and the words of their records.
    #[must_use]
    pub fn sorted(self) -> Self {
        let mut order: Vec<(Arc<[u8]>, Eni)> = self.names.into_iter().zip(self.list).collect();
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut sorted = Self {
            words: self.words.sorted(),
            ..Self::default()
        };
        for (name, eni) in order {
            let index = sorted.enter(&name);
            *sorted.get_mut(index) = eni;
        }
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_name_entered_twice_has_one_index() {
        let mut enis = Enis::default();
        assert_eq!(enis.enter(b"eni-a"), enis.enter(b"eni-a"));
        assert_eq!(enis.iter().len(), 1);
    }

    #[test]
    fn empty_name_is_called_unknown() {
        let mut enis = Enis::default();
        let index = enis.enter(b"");
        assert_eq!(enis.get(index).name, "unknown");
    }

    #[test]
    fn merge_keeps_the_facts_read_first() {
        let (mut first, mut later) = (Enis::default(), Enis::default());
        let a = first.enter(b"eni-a");
        first.get_mut(a).subnet = "subnet-1".into();
        let b = later.enter(b"eni-a");
        later.get_mut(b).subnet = "subnet-2".into();
        later.get_mut(b).vpc = "vpc-2".into();
        first.merge(&later);
        assert_eq!(
            (&*first.get(a).subnet, &*first.get(a).vpc),
            ("subnet-1", "vpc-2")
        );
    }

    #[test]
    fn merge_leaves_a_host_of_two_tasks_without_a_task() {
        let [mut first, mut later] = [Enis::default(), Enis::default()];
        for (enis, task) in [(&mut first, "task-1"), (&mut later, "task-2")] {
            let index = enis.enter(b"eni-a");
            let columns = enis.get_mut(index).ecs.iter_mut();
            columns
                .zip(["shop", "cart", task])
                .for_each(|(seen, value)| seen.meet(value));
        }
        first.merge(&later);
        assert_eq!(first.get(EniIndex(0)).ecs_task(), ["shop", "cart", ""]);
    }

    #[test]
    fn choice_among_several_addresses_does_not_depend_on_their_order() {
        let addresses = ["fd00::1", "10.0.0.9", "10.0.0.5"].map(|a| a.parse().unwrap());
        let mut there = Eni::default();
        addresses.iter().for_each(|a| there.has(*a));
        let mut back = Eni::default();
        addresses.iter().rev().for_each(|a| back.has(*a));
        assert_eq!(there, back);
        assert_eq!(there.address, Some(addresses[2]));
        assert!(there.addresses().eq([addresses[2], addresses[0]]));
    }

    #[test]
    fn sorted_indices_do_not_depend_on_the_reading_order() {
        let mut enis = Enis::default();
        enis.enter(b"eni-b");
        let a = enis.enter(b"eni-a");
        enis.get_mut(a).vpc = "vpc-a".into();
        let sorted = enis.sorted();
        assert_eq!(
            (sorted.find(b"eni-b"), sorted.find(b"eni-a")),
            (Some(EniIndex(1)), Some(EniIndex(0)))
        );
        assert_eq!(sorted.get(EniIndex(0)).vpc, "vpc-a");
    }
}
