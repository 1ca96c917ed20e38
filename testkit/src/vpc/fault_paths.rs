//! Faults on the way: routes that are missing, replies that take another way, boxes that forget.

use super::build::{Edge, End};
use super::fault::{Planted, Planter, is_spread};
use super::network::{
    ALWAYS, During, Eni, Group, GroupRule, Net, Network, ON_PREMISES, PEER, Role, Route, TCP,
};

impl Planter<'_> {
    pub(super) fn no_way_out(&mut self) -> Option<Planted> {
        let mut edge = self.edge(|_, edge| edge.responding().is_empty())?;
        let network = &mut self.vpc.network;
        let zones: Vec<usize> = edge
            .initiating()
            .iter()
            .map(|eni| network.subnet_of(*eni).zone)
            .collect();
        let bad = if self.random.percent(50) {
            None
        } else {
            Some(self.random.of(&zones))
        };
        for subnet in &mut network.subnets {
            let is_bad = bad.is_none_or(|zone| subnet.zone == zone);
            if is_bad && matches!(subnet.route, Route::Nat(_)) {
                subnet.route = Route::Nowhere;
            }
        }
        let is_cut = |end: &End| {
            end.eni()
                .is_some_and(|eni| network.subnet_of(eni).route == Route::Nowhere)
        };
        edge.initiators.retain(is_cut);
        let enis = edge.initiating();
        let mut planted = Planted::new("no-reply", edge, ALWAYS, enis);
        planted.causes.push("no-route");
        if bad.is_some() {
            planted.causes.push("intermittent");
        }
        Some(planted)
    }

    pub(super) fn reply_elsewhere(&mut self) -> Option<Planted> {
        let edge = self.edge(|network, edge| {
            let beyond = edge.initiators[0].eni().is_none();
            beyond
                && edge
                    .responding()
                    .iter()
                    .any(|eni| network.enis[*eni].instance.is_some())
        })?;
        let first = edge.responding()[0];
        let network = &mut self.vpc.network;
        let own = network.enis[first].clone();
        // In a tier of the same zone where the host's own address does not belong.
        let subnet = own.subnet - own.subnet % 3 + (own.subnet + 1) % 3;
        let mut address = network.subnets[subnet].net.address(201);
        while network.by_address.contains_key(&address) {
            address = (u32::from(address) + 1).into();
        }
        let group = network.groups.len();
        let outbound = if self.random.percent(60) {
            vec![GroupRule::all()]
        } else {
            Vec::new()
        };
        network.groups.push(Group {
            inbound: Vec::new(),
            outbound,
        });
        let other = network.enis.len();
        network.by_address.insert(address, other);
        network.enis.push(Eni {
            id: format!("eni-0b7c1{:012x}", self.random.below(u64::MAX)),
            address,
            subnet,
            groups: vec![group],
            checked: false,
            ..own
        });
        for initiator in &edge.initiators {
            let address = initiator.address(network);
            let nets = [PEER, ON_PREMISES].into_iter();
            let net = nets.into_iter().find(|net| net.contains(address));
            network.enis[first].answers_by = Some((net.unwrap_or(Net::ANY), other));
        }
        let mut planted = Planted::new("reply-elsewhere", edge, ALWAYS, vec![first, other]);
        planted.edge.responders = vec![End::Eni(first)];
        Some(planted)
    }

    /// The route tables of one zone lack the way to a network beyond: what it asks is never answered.
    pub(super) fn zone_without_route(&mut self) -> Option<Planted> {
        let beyond = |end: &End, network: &Network| {
            let nets = [PEER, ON_PREMISES].into_iter();
            nets.into_iter()
                .find(|net| net.contains(end.address(network)))
        };
        let mut edge = self.edge(|network, edge| {
            is_spread(network, edge) && beyond(&edge.initiators[0], network).is_some()
        })?;
        let one = self.random.of(&edge.responding());
        let network = &mut self.vpc.network;
        let lost = beyond(&edge.initiators[0], network)?;
        let zone = network.subnet_of(one).zone;
        for subnet in &mut network.subnets {
            if subnet.zone == zone {
                subnet.lost.push(lost);
            }
        }
        let in_zone = |eni: usize| network.subnet_of(eni).zone == zone;
        edge.responders.retain(|end| end.eni().is_some_and(in_zone));
        let enis = edge.responding();
        let mut planted = Planted::new("half-open", edge, ALWAYS, enis);
        // Whatever else the network beyond asks of the zone.
        let edges = self.vpc.edges.iter();
        let ports = edges.filter(|other| other.initiators == planted.edge.initiators);
        planted.ports.extend(ports.map(|other| other.port));
        planted.causes.extend(["no-reply", "no-route"]);
        Some(planted)
    }

    pub(super) fn half_open(&mut self, during: During) -> Option<Planted> {
        let mut edge =
            self.edge(|_, edge| edge.initiators.len() > 1 && edge.initiating().is_empty())?;
        let all = edge.initiators.len();
        edge.initiators.truncate(1 + all / 3);
        let mut planted = self.unreachable(edge, during);
        planted.causes.push("intermittent");
        Some(planted)
    }

    pub(super) fn no_way_back(&mut self, during: During) -> Option<Planted> {
        let edge = self.edge(|network, edge| {
            let address = edge.initiators[0].address(network);
            PEER.contains(address) || ON_PREMISES.contains(address)
        })?;
        let mut planted = self.unreachable(edge, during);
        planted.causes.push("no-reply");
        Some(planted)
    }

    /// Nothing comes to the initiators, whatever service they use.
    fn unreachable(&mut self, edge: Edge, during: During) -> Planted {
        let network = &mut self.vpc.network;
        for initiator in &edge.initiators {
            let net = Net::one(initiator.address(network));
            network.unreachable.push((net, during.clone()));
        }
        let shares = |other: &&Edge| {
            let mut initiators = edge.initiators.iter();
            initiators.any(|initiator| other.initiators.contains(initiator))
        };
        let used: Vec<&Edge> = self.vpc.edges.iter().filter(shares).collect();
        let enis = used.iter().flat_map(|edge| edge.responding()).collect();
        let ports = used.iter().map(|edge| edge.port).collect();
        Planted {
            ports,
            ..Planted::new("half-open", edge, during, enis)
        }
    }

    /// On the way there is a NAT gateway or network load balancer.
    pub(super) fn idle_timeout(&mut self) -> Option<Planted> {
        let network = &self.vpc.network;
        let has_middle = |edge: &&Edge| {
            let by_balancer = |eni: &usize| network.enis[*eni].role == Role::NetworkLoadBalancer;
            let outbound = edge.responding().is_empty();
            edge.protocol == TCP && (outbound || edge.responding().iter().any(by_balancer))
        };
        let fitting: Vec<&Edge> = self.vpc.edges.iter().filter(has_middle).collect();
        let edge = self.random.of(&fitting).clone();
        let mut enis = edge.initiating();
        if edge.responding().is_empty() {
            enis.extend(self.gateways());
        }
        for balancer in edge.responding() {
            enis.push(balancer);
            enis.extend(&self.vpc.network.enis[balancer].targets);
        }
        Some(Planted::new("idle-timeout", edge, ALWAYS, enis))
    }
}
