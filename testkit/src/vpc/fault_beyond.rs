//! Faults on the way to other networks and to load balancers: transit gateways, overlapping
//! addresses, NAT gateways without ports, narrow paths.

use super::build::{Edge, End, Manner};
use super::fault::{Planted, Planter};
use super::network::{
    ALWAYS, AclRule, Eni, GroupRule, NatPorts, Net, Network, ON_PREMISES, PEER, Peer, Role, Route,
    TCP, TRANSIT, VPC,
};

/// Conversations that need a port of a NAT gateway in an archive.
pub(super) const CROWD: u64 = 400;

/// A network elsewhere with addresses that the VPC has, too, but not one of its subnets.
const OVERLAPPING: Net = Net::new(10, 20, 200, 0, 24);

impl Planter<'_> {
    pub(super) fn path_mtu(&mut self) -> Option<Planted> {
        let edge = self.edge(|network, edge| {
            let address = edge.initiators[0].address(network);
            PEER.contains(address) || ON_PREMISES.contains(address)
        })?;
        let network = &mut self.vpc.network;
        let address = edge.initiators[0].address(network);
        let nets = [PEER, ON_PREMISES].into_iter();
        network
            .narrow
            .extend(nets.filter(|net| net.contains(address)));
        let shares = |other: &&Edge| other.initiators == edge.initiators;
        let ports = self.vpc.edges.iter().filter(shares);
        let ports = ports.map(|other| other.port).collect();
        let enis = edge.responding();
        let mut planted = Planted::new("path-mtu", edge, ALWAYS, enis);
        planted.ports = ports;
        Some(planted)
    }

    pub(super) fn hairpin(&mut self) -> Option<Planted> {
        let network = &mut self.vpc.network;
        let mut enis = 0..network.enis.len();
        let balancer = enis.find(|eni| network.enis[*eni].role == Role::NetworkLoadBalancer)?;
        network.enis[balancer].preserves_client = true;
        let port = 9000;
        let targets = network.enis[balancer].targets.clone();
        for target in &targets {
            for net in [VPC, PEER] {
                network.let_pass(*target, true, net, port);
            }
            network.let_pass(*target, false, VPC, port);
        }
        let edge = Edge {
            name: "itself",
            initiators: vec![End::Eni(self.random.of(&targets))],
            responders: vec![End::Eni(balancer)],
            protocol: TCP,
            port,
            manner: Manner::Brief,
            share: 0,
        };
        let enis = [edge.initiating(), vec![balancer]].concat();
        Some(Planted::new("nlb-hairpin", edge, ALWAYS, enis))
    }

    pub(super) fn subnet_without_route(&mut self) -> Option<Planted> {
        let subnet = |network: &Network, eni: usize| network.enis[eni].subnet;
        let mut edge = self.edge(|network, edge| {
            let initiating = edge.initiating();
            let differs = |eni: &usize| subnet(network, *eni) != subnet(network, initiating[0]);
            edge.name == "outbound" && initiating.iter().any(differs)
        })?;
        let network = &mut self.vpc.network;
        let bad = subnet(network, self.random.of(&edge.initiating()));
        network.subnets[bad].route = Route::Nowhere;
        let is_bad = |eni: usize| subnet(network, eni) == bad;
        edge.initiators.retain(|end| end.eni().is_some_and(is_bad));
        let enis = edge.initiating();
        let mut planted = Planted::new("no-route", edge, ALWAYS, enis);
        planted.causes.push("no-reply");
        Some(planted)
    }

    pub(super) fn nat_ports(&mut self) -> Option<Planted> {
        let mut edge = self.edge(|_, edge| edge.name == "outbound")?;
        edge.responders = vec![self.random.of(&edge.responders)];
        // AWS: 55,000 to each destination. Here so few that the crowd at the end of the archive
        // needs two or three times as many. AWS does not say how long a closed connection holds
        // its port.
        let minutes = (self.archive.end - self.archive.start) / 60_000;
        let count = CROWD / minutes + 1;
        self.vpc.network.nat_ports = Some(NatPorts {
            count: usize::try_from(count).unwrap_or(1),
            hold_ms: 60_000,
        });
        let enis = [edge.initiating(), self.gateways()].concat();
        let mut planted = Planted::new("nat-ports", edge, ALWAYS, enis);
        planted.causes.extend(["no-reply", "intermittent"]);
        Some(planted)
    }

    pub(super) fn transit_no_way_back(&mut self) -> Option<Planted> {
        let workers = self.edge(|_, edge| edge.name == "outbound")?.initiators;
        self.attach_transit_gateway();
        let beyond: Vec<End> = (0..self.random.of(&[1, 2, 3]))
            .map(|n| End::Outside(TRANSIT.address(0x0510 + n)))
            .collect();
        let asks = self.random.percent(50);
        let port = 8445;
        let (initiators, responders) = if asks {
            (workers, beyond)
        } else {
            (beyond, workers)
        };
        let edge = Edge {
            name: "transit",
            initiators,
            responders,
            protocol: TCP,
            port,
            manner: Manner::Brief,
            share: 0,
        };
        let network = &mut self.vpc.network;
        let own = if asks {
            edge.initiating()
        } else {
            edge.responding()
        };
        for eni in &own {
            network.let_pass(*eni, !asks, TRANSIT, port);
            if !network.enis[*eni].services.contains(&(TCP, port)) {
                network.enis[*eni].services.push((TCP, port));
            }
        }
        let is_lost_inside = !asks && self.random.percent(50);
        if is_lost_inside {
            for subnet in &mut network.subnets {
                subnet.lost.push(TRANSIT);
            }
        } else {
            network.unreachable.push((TRANSIT, ALWAYS));
        }
        let enis = [own, network.transit.clone()].concat();
        let mut planted = Planted::new("no-way-back", edge, ALWAYS, enis);
        let general = if asks { "no-reply" } else { "half-open" };
        planted.causes.push(general);
        if is_lost_inside {
            planted.causes.push("no-route");
        }
        Some(planted)
    }

    /// Gives each zone an attachment of a transit gateway, and lets its network pass every ACL.
    fn attach_transit_gateway(&mut self) {
        let network = &mut self.vpc.network;
        for acl in &mut network.acls {
            for rules in [&mut acl.inbound, &mut acl.outbound] {
                rules.insert(0, AclRule::allow_all(TRANSIT));
            }
        }
        // The tiers of a zone follow one another, the private one second.
        for subnet in (1..network.subnets.len()).step_by(3) {
            let index = network.enis.len();
            let address = network.subnets[subnet].net.address(250);
            network.by_address.insert(address, index);
            network.transit.push(index);
            let number = self.random.below(u64::MAX);
            let attachment = Eni::new(number, address, subnet, Role::TransitGateway);
            network.enis.push(attachment);
        }
    }

    pub(super) fn overlap(&mut self) -> Option<Planted> {
        let workers = self.edge(|_, edge| edge.name == "outbound")?.initiators;
        let edge = Edge {
            name: "overlap",
            initiators: workers,
            responders: (0..self.random.of(&[1, 2]))
                .map(|n| End::Outside(OVERLAPPING.address(5 + n)))
                .collect(),
            protocol: TCP,
            port: 1521,
            manner: Manner::Brief,
            share: 0,
        };
        for eni in edge.initiating() {
            let network = &mut self.vpc.network;
            network.let_pass(eni, false, OVERLAPPING, edge.port);
        }
        let enis = edge.initiating();
        let mut planted = Planted::new("cidr-overlap", edge, ALWAYS, enis);
        planted.causes.extend(["no-reply", "no-route"]);
        Some(planted)
    }
}

impl Network {
    /// Adds a rule for this port to the group of an ENI.
    fn let_pass(&mut self, eni: usize, inbound: bool, net: Net, port: u16) {
        let rule = GroupRule::new(Peer::Net(net), TCP, port);
        self.allow(eni, inbound, rule);
    }
}
