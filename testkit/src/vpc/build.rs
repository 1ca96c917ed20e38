//! A VPC as many have one, of a size and strictness that the seed decides: a load balancer in front
//! of applications in front of databases, a way out by NAT, and what keeps them running.
//!
//! All is well in it: what its [`Edge`]s need, its rules allow.

use std::net::Ipv4Addr;

use super::network::{
    Acl, AclRule, Eni, Group, GroupRule, ICMP, Net, Network, ON_PREMISES, PEER, Peer, Role, Route,
    Subnet, TCP, UDP, VPC,
};
use crate::random::Random;

pub(super) const OFFICE: Net = Net::new(198, 51, 100, 16, 28);
const CLIENTS: Net = Net::new(203, 0, 113, 0, 24);
const SERVICES: Net = Net::new(192, 0, 2, 0, 24);
const S3: Net = Net::new(52, 219, 168, 0, 22);

/// Who opens or answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum End {
    Eni(usize),
    Outside(Ipv4Addr),
}

/// What their conversations are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Opened, used, closed.
    Brief,
    /// Some are, and some stay open.
    Pooled,
    /// Datagrams or pings, each answered.
    Asked,
    /// Datagrams that nobody answers.
    Told,
}

/// Who talks to whom, and about what.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) name: &'static str,
    pub(super) initiators: Vec<End>,
    pub(super) responders: Vec<End>,
    pub(super) protocol: u8,
    pub(super) port: u16,
    pub(super) manner: Manner,
    /// Of all conversations, in proportion to those of other edges.
    pub(super) share: u64,
}

/// The VPC, and who talks in it.
pub(super) struct Vpc {
    pub(super) network: Network,
    pub(super) edges: Vec<Edge>,
}

/// Tiers of subnets; every zone has one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tier {
    Public,
    Private,
    Data,
}

const TIERS: usize = 3;

struct Builder<'r> {
    network: Network,
    edges: Vec<Edge>,
    zones: usize,
    /// Databases stand in the subnets of the applications.
    is_flat: bool,
    random: &'r mut Random,
}

impl Vpc {
    pub(super) fn new(random: &mut Random) -> Self {
        let mut builder = Builder {
            network: Network::default(),
            edges: Vec::new(),
            zones: random.of(&[2, 2, 3]),
            is_flat: random.percent(25),
            random,
        };
        builder.subnets();
        builder.services();
        let is_tight = builder.random.percent(40);
        builder.groups(is_tight);
        Self {
            network: builder.network,
            edges: builder.edges,
        }
    }
}

impl Builder<'_> {
    fn subnets(&mut self) {
        let is_strict = self.random.percent(50);
        for tier in [Tier::Public, Tier::Private, Tier::Data] {
            self.network.acls.push(if is_strict {
                strict(tier)
            } else {
                Acl {
                    inbound: vec![AclRule::allow_all(Net::ANY)],
                    outbound: vec![AclRule::allow_all(Net::ANY)],
                }
            });
        }
        for (zone, third) in (0..self.zones).zip(0u8..) {
            for (tier, block) in (0..TIERS).zip([0u8, 16, 32]) {
                let id = format!("subnet-0b7c1{:012x}", self.random.below(u64::MAX));
                self.network.subnets.push(Subnet {
                    id,
                    net: Net::new(10, 20, block + third, 0, 24),
                    zone,
                    acl: tier,
                    route: Route::Internet,
                    lost: Vec::new(),
                    routeless: 0..0,
                });
            }
        }
        // A NAT gateway for each zone, or one for all.
        let gateways: Vec<usize> = if self.random.percent(60) {
            let own = |builder: &mut Self, zone| builder.eni(Tier::Public, zone, Role::NatGateway);
            (0..self.zones).map(|zone| own(self, zone)).collect()
        } else {
            vec![self.eni(Tier::Public, 0, Role::NatGateway); self.zones]
        };
        for (index, subnet) in self.network.subnets.iter_mut().enumerate() {
            if index % TIERS != Tier::Public as usize {
                subnet.route = Route::Nat(gateways[subnet.zone]);
            }
        }
    }

    fn eni(&mut self, tier: Tier, zone: usize, role: Role) -> usize {
        let tier = if self.is_flat && tier == Tier::Data {
            Tier::Private
        } else {
            tier
        };
        let index = self.network.enis.len();
        let subnet = zone * TIERS + tier as usize;
        // A few addresses are left free between two.
        let host =
            10 + 11 * u32::from(self.random.small(0, 1)) + 3 * u32::try_from(index).unwrap_or(0);
        let mut address = self.network.subnets[subnet].net.address(host);
        while self.network.by_address.contains_key(&address) {
            address = (u32::from(address) + 1).into();
        }
        self.network.by_address.insert(address, index);
        let number = self.random.below(u64::MAX);
        let eni = Eni::new(number, address, subnet, role);
        self.network.enis.push(eni);
        index
    }

    /// So many hosts of a kind, over the zones, with a security group of their own.
    fn hosts(&mut self, tier: Tier, from: u64, to: u64, is_instance: bool) -> Vec<End> {
        let count = self.random.between(from, to);
        let group = self.network.groups.len();
        self.network.groups.push(Group::default());
        let mut zone = self.random.of(&[0, 1]);
        let mut hosts = Vec::new();
        for _ in 0..count {
            let eni = self.eni(tier, zone, Role::Host);
            let interface = &mut self.network.enis[eni];
            interface.groups.push(group);
            if is_instance {
                interface.instance = Some(format!("i-0b7c1{:012x}", self.random.below(u64::MAX)));
            }
            hosts.push(End::Eni(eni));
            zone = (zone + 1) % self.zones;
        }
        hosts
    }

    fn outside(&mut self, net: Net, from: u64, to: u64) -> Vec<End> {
        let count = self.random.between(from, to);
        let some = |random: &mut Random| End::Outside(net.address(random.small(1, 14).into()));
        let mut ends: Vec<End> = (0..count).map(|_| some(self.random)).collect();
        ends.sort_unstable();
        ends.dedup();
        ends
    }

    fn edge(
        &mut self,
        name: &'static str,
        initiators: &[End],
        responders: &[End],
        (protocol, port): (u8, u16),
        manner: Manner,
        share: u64,
    ) {
        if initiators.is_empty() || responders.is_empty() {
            return;
        }
        for end in responders {
            if let End::Eni(eni) = end {
                self.network.enis[*eni].services.push((protocol, port));
            }
        }
        self.edges.push(Edge {
            name,
            initiators: initiators.to_vec(),
            responders: responders.to_vec(),
            protocol,
            port,
            manner,
            share,
        });
    }

    /// Who is there, and who needs whom.
    fn services(&mut self) {
        let zones = self.zones as u64;
        let balancers = self.hosts(Tier::Public, zones, zones, false);
        let apps = self.hosts(Tier::Private, 2, 6, true);
        let workers = self.hosts(Tier::Private, 1, 3, true);
        let databases = self.hosts(Tier::Data, 1, 2, false);
        let caches = self.hosts(Tier::Data, 0, 2, false);
        let bastions = self.hosts(Tier::Public, 0, 1, true);
        let resolvers = self.hosts(Tier::Private, 0, 2, true);
        let monitors = self.hosts(Tier::Private, 0, 1, true);
        let clients = self.outside(CLIENTS, 5, 14);
        let office = self.outside(OFFICE, 1, 3);
        let peers = self.outside(PEER, 0, 4);
        let branches = self.outside(ON_PREMISES, 0, 4);
        let mut services = self.outside(SERVICES, 2, 5);
        services.extend(self.outside(S3, 1, 2));
        let users = [&apps[..], &workers].concat();
        let all = [&users[..], &databases, &caches].concat();

        let app = self.random.of(&[8080, 8443, 3000, 80]);
        let database = self.random.of(&[5432, 5432, 3306, 1433, 1521]);
        let cache = self.random.of(&[6379, 11211]);
        let (brief, pooled) = (Manner::Brief, Manner::Pooled);
        self.edge("web", &clients, &balancers, (TCP, 443), brief, 30);
        self.edge("application", &balancers, &apps, (TCP, app), brief, 35);
        self.edge("database", &users, &databases, (TCP, database), pooled, 20);
        self.edge("cache", &users, &caches, (TCP, cache), pooled, 10);
        self.edge("outbound", &users, &services, (TCP, 443), brief, 15);
        self.edge("ssh", &office, &bastions, (TCP, 22), brief, 2);
        self.edge("jump", &bastions, &users, (TCP, 22), brief, 3);
        self.edge("scrape", &monitors, &users, (TCP, 9100), brief, 6);
        self.edge("partner", &peers, &workers, (TCP, 8444), brief, 8);
        self.edge("branch", &branches, &databases, (TCP, database), brief, 6);
        self.edge("resolve", &all, &resolvers, (UDP, 53), Manner::Asked, 12);
        self.edge("statsd", &users, &monitors, (UDP, 8125), Manner::Told, 6);
        self.edge("clock", &users, &services, (UDP, 123), Manner::Asked, 4);
        self.edge("ping", &monitors, &all, (ICMP, 0), Manner::Asked, 5);
        if self.random.percent(35) {
            let balancer = self.eni(Tier::Public, 1, Role::NetworkLoadBalancer);
            let indexes = workers.iter().filter_map(|end| end.eni());
            self.network.enis[balancer].targets = indexes.collect();
            for target in self.network.enis[balancer].targets.clone() {
                self.network.enis[target].services.push((TCP, 9000));
            }
            let inside = [End::Eni(balancer)];
            let callers = if peers.is_empty() { &apps } else { &peers };
            self.edge("feed", callers, &inside, (TCP, 9000), pooled, 8);
        }
    }

    /// Rules for what the edges need; outbound only for that if tight.
    fn groups(&mut self, is_tight: bool) {
        for edge in &self.edges {
            let network = &mut self.network;
            for (initiator, responder) in edge.pairs() {
                let (source, destination) = (peer(network, initiator), peer(network, responder));
                let rule = |peer| GroupRule::new(peer, edge.protocol, edge.port);
                if let Some(eni) = responder.eni() {
                    network.allow(eni, true, rule(source));
                    for target in network.enis[eni].targets.clone() {
                        network.allow(target, true, rule(destination));
                    }
                }
                if let Some(eni) = initiator.eni()
                    && is_tight
                {
                    network.allow(eni, false, rule(destination));
                }
            }
        }
        if !is_tight {
            for group in &mut self.network.groups {
                group.outbound.push(GroupRule::all());
            }
        }
    }
}

impl End {
    pub(super) fn eni(self) -> Option<usize> {
        match self {
            Self::Eni(eni) => Some(eni),
            Self::Outside(_) => None,
        }
    }

    pub(super) fn address(self, network: &Network) -> Ipv4Addr {
        match self {
            Self::Eni(eni) => network.enis[eni].address,
            Self::Outside(address) => address,
        }
    }
}

impl Edge {
    pub(super) fn pairs(&self) -> impl Iterator<Item = (End, End)> + '_ {
        let responders = &self.responders;
        self.initiators
            .iter()
            .flat_map(|initiator| responders.iter().map(|responder| (*initiator, *responder)))
    }

    /// ENIs that open its connections.
    pub(super) fn initiating(&self) -> Vec<usize> {
        self.initiators.iter().filter_map(|end| end.eni()).collect()
    }

    /// ENIs that answer them.
    pub(super) fn responding(&self) -> Vec<usize> {
        self.responders.iter().filter_map(|end| end.eni()).collect()
    }
}

impl Network {
    /// Adds the rule to the ENI's group, if it has one that has not got it.
    pub(super) fn allow(&mut self, eni: usize, inbound: bool, rule: GroupRule) {
        let Some(group) = self.enis[eni].groups.first() else {
            return;
        };
        let group = &mut self.groups[*group];
        let rules = if inbound {
            &mut group.inbound
        } else {
            &mut group.outbound
        };
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
}

/// How a rule names this end.
fn peer(network: &Network, end: End) -> Peer {
    match end {
        End::Eni(eni) => match network.enis[eni].groups.first() {
            Some(group) => Peer::Group(*group),
            None => Peer::Net(Net::one(network.enis[eni].address)),
        },
        End::Outside(address) => {
            let known = [PEER, ON_PREMISES, OFFICE].into_iter();
            let net = known.into_iter().find(|net| net.contains(address));
            Peer::Net(net.unwrap_or(Net::ANY))
        }
    }
}

/// Lines that allow what a tier needs, and the ephemeral ports of replies.
fn strict(tier: Tier) -> Acl {
    let ephemeral = 1024..=65535;
    let mut acl = Acl::default();
    for rules in [&mut acl.inbound, &mut acl.outbound] {
        rules.extend([VPC, PEER, ON_PREMISES].map(AclRule::allow_all));
        if tier != Tier::Data {
            rules.push(AclRule::allow(Net::ANY, TCP, 443..=443));
        }
        rules.push(AclRule::allow(Net::ANY, TCP, ephemeral.clone()));
        rules.push(AclRule::allow(Net::ANY, UDP, ephemeral.clone()));
        rules.push(AclRule::allow(OFFICE, TCP, 22..=22));
    }
    acl.outbound.push(AclRule::allow(Net::ANY, UDP, 123..=123));
    acl
}
