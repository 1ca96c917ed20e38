//! Faults in lists of rules: network ACLs, security groups, and the controls of a whole VPC.

use std::ops::RangeInclusive;

use super::build::{Edge, End};
use super::fault::{Planted, Planter, crosses};
use super::network::{
    ALL_PORTS, Acl, AclRule, During, GroupRule, ICMP, Net, PublicAccessBlock, Role, TCP, UDP,
    Unencrypted, VPC,
};
use super::traffic::ephemeral;
use super::wire::is_internet;

impl Planter<'_> {
    /// Gives the subnets of these ENIs, or one of them, an ACL of their own. Returns its index.
    fn own_acl(&mut self, enis: &[usize]) -> usize {
        let network = &mut self.vpc.network;
        let acl = network.acl_of(self.random.of(enis)).clone();
        let index = network.acls.len();
        network.acls.push(acl);
        for eni in enis {
            let subnet = network.enis[*eni].subnet;
            network.subnets[subnet].acl = index;
        }
        index
    }

    pub(super) fn acl_blocks_reply(&mut self, during: During) -> Option<Planted> {
        let at_responder = self.random.percent(50);
        let edge = self.edge(|network, edge| {
            let at = if at_responder {
                edge.responding()
            } else {
                edge.initiating()
            };
            !at.is_empty() && crosses(network, edge)
        })?;
        let mut enis = if at_responder {
            edge.responding()
        } else {
            edge.initiating()
        };
        let outbound_by_nat = !at_responder && edge.responding().is_empty();
        let mut cut = self.cut_of(edge.initiators[0]);
        if outbound_by_nat && self.random.percent(50) {
            enis = self.gateways();
            cut = 1024..=65535;
        }
        // What the same list has to let pass for others.
        let served: Vec<u16> = self
            .vpc
            .edges
            .iter()
            .filter(|edge| edge.protocol == TCP)
            .flat_map(|edge| [edge.port])
            .collect();
        let acl = self.own_acl(&enis);
        let Acl { inbound, outbound } = &mut self.vpc.network.acls[acl];
        let rules = if at_responder { outbound } else { inbound };
        let keep = served
            .into_iter()
            .map(|port| AclRule::allow(Net::ANY, TCP, port..=port));
        let deny = AclRule::deny(Net::ANY, cut, during.clone());
        rules.splice(0..0, keep.chain([deny]));
        Some(Planted::new("acl-blocks-reply", edge, during, enis))
    }

    /// Ports that a careless list leaves out: all that this end speaks from, or a part.
    fn cut_of(&mut self, initiator: End) -> RangeInclusive<u16> {
        let (first, last) = ephemeral(initiator).into_inner();
        let middle = self
            .random
            .small(first + (last - first) / 4, last - (last - first) / 4);
        match self.random.below(4) {
            0 => 1024..=middle,
            1 => middle..=65535,
            2 => first..=last,
            _ => 1024..=65535,
        }
    }

    pub(super) fn gateways(&self) -> Vec<usize> {
        let network = &self.vpc.network;
        let is_gateway = |eni: &usize| network.enis[*eni].role == Role::NatGateway;
        (0..network.enis.len()).filter(is_gateway).collect()
    }

    pub(super) fn group_inbound(&mut self, during: During) -> Option<Planted> {
        let edge = self.edge(|_, edge| !edge.responding().is_empty())?;
        let enis = edge.responding();
        let group = self.vpc.network.enis[enis[0]].groups[0];
        let rules = &mut self.vpc.network.groups[group].inbound;
        let concerns =
            |rule: &GroupRule| rule.protocol == Some(TCP) && rule.ports.contains(&edge.port);
        let concerned: Vec<usize> = (0..rules.len()).filter(|n| concerns(&rules[*n])).collect();
        let missing = if self.random.percent(50) {
            concerned
        } else {
            vec![self.random.of(&concerned)]
        };
        for rule in missing {
            rules[rule].during = 0..during.start;
        }
        let mut planted = Planted::new("security-group-inbound", edge, during, enis);
        if !self.group_is_proved(&planted, true) {
            planted.causes.push("inbound-blocked");
        }
        Some(planted)
    }

    /// Whether the records tell that it is no ACL: within a subnet none is met, and a neighbor of
    /// who is barred passes.
    fn group_is_proved(&self, planted: &Planted, inbound: bool) -> bool {
        let network = &self.vpc.network;
        let passes = |(initiator, responder): (End, End)| {
            let (eni, other) = if inbound {
                (responder, initiator)
            } else {
                (initiator, responder)
            };
            let port = planted.edge.port;
            eni.eni().is_none_or(|eni| {
                let other = other.address(network);
                network.groups_allow(eni, inbound, other, TCP, port, u64::MAX - 1)
            })
        };
        let about_port = |edge: &&Edge| edge.protocol == TCP && edge.port == planted.edge.port;
        let edges = self.vpc.edges.iter().filter(about_port);
        let pairs: Vec<(End, End)> = edges.flat_map(|edge| edge.pairs()).collect();
        let barred = planted.edge.pairs().filter(|pair| !passes(*pair));
        let subnet = |end: End| end.eni().map(|eni| network.enis[eni].subnet);
        barred.into_iter().any(|(initiator, responder)| {
            let near = |other: End| subnet(other).is_some() && subnet(other) == subnet(initiator);
            let neighbors = pairs
                .iter()
                .filter(|(other, to)| near(*other) && *to == responder);
            near(responder) || neighbors.copied().any(passes)
        })
    }

    pub(super) fn acl_inbound(&mut self, during: During) -> Option<Planted> {
        let edge =
            self.edge(|network, edge| !edge.responding().is_empty() && crosses(network, edge))?;
        let enis = edge.responding();
        let deny = if self.random.percent(50) {
            vec![AclRule::deny(
                Net::ANY,
                edge.port..=edge.port,
                during.clone(),
            )]
        } else {
            // All that comes from where the initiators are.
            let nets = edge.initiators.iter().map(|end| match end {
                End::Eni(eni) => self.vpc.network.subnet_of(*eni).net,
                End::Outside(address) => Net::one(*address),
            });
            nets.map(|net| AclRule::deny(net, ALL_PORTS, during.clone()))
                .collect()
        };
        let acl = self.own_acl(&enis);
        self.vpc.network.acls[acl].inbound.splice(0..0, deny);
        Some(Planted::new("acl-inbound", edge, during, enis))
    }

    pub(super) fn group_outbound(&mut self, during: During) -> Option<Planted> {
        let edge = self.edge(|_, edge| !edge.initiating().is_empty())?;
        let one = self.random.of(&edge.initiating());
        let network = &mut self.vpc.network;
        let group = network.enis[one].groups[0];
        // What was allowed stays so, but for this port.
        let rules = std::mem::take(&mut network.groups[group].outbound);
        let (before, after) = (0..=edge.port - 1, edge.port + 1..=65535);
        for rule in rules {
            let others = if rule.protocol.is_none() {
                let part = |protocol, ports| GroupRule {
                    protocol: Some(protocol),
                    ports,
                    ..rule.clone()
                };
                vec![
                    part(TCP, before.clone()),
                    part(TCP, after.clone()),
                    part(UDP, ALL_PORTS),
                    part(ICMP, ALL_PORTS),
                ]
            } else if rule.ports.contains(&edge.port) && rule.protocol == Some(TCP) {
                Vec::new()
            } else {
                vec![rule.clone()]
            };
            let until = GroupRule {
                during: 0..during.start,
                ..rule
            };
            network.groups[group].outbound.extend(others);
            network.groups[group].outbound.push(until);
        }
        let in_group = |eni: &usize| network.enis[*eni].groups.contains(&group);
        let enis = edge.initiating().into_iter().filter(in_group).collect();
        let mut planted = Planted::new("security-group-outbound", edge, during, enis);
        if !self.group_is_proved(&planted, false) {
            planted.causes.push("outbound-blocked");
        }
        Some(planted)
    }

    pub(super) fn acl_outbound(&mut self, during: During) -> Option<Planted> {
        let edge =
            self.edge(|network, edge| !edge.initiating().is_empty() && crosses(network, edge))?;
        let by_gateway = edge.responding().is_empty() && self.random.percent(40);
        let enis = if by_gateway {
            self.gateways()
        } else {
            edge.initiating()
        };
        let acl = self.own_acl(&enis);
        let deny = AclRule::deny(Net::ANY, edge.port..=edge.port, during.clone());
        self.vpc.network.acls[acl].outbound.insert(0, deny);
        Some(Planted::new("acl-outbound", edge, during, enis))
    }

    pub(super) fn public_access_block(&mut self, during: During) -> Option<Planted> {
        let edge = self.edge(|network, edge| is_internet(edge.initiators[0].address(network)))?;
        self.vpc.network.public_access_block = Some(PublicAccessBlock {
            both_ways: self.random.percent(40),
            during: during.clone(),
        });
        let enis = edge.responding();
        Some(Planted::new("block-public-access", edge, during, enis))
    }

    pub(super) fn unencrypted(&mut self, during: During) -> Option<Planted> {
        let edge = self.edge(|network, edge| {
            let ends = edge.initiators.iter().chain(&edge.responders);
            ends.into_iter()
                .all(|end| VPC.contains(end.address(network)))
        })?;
        let eni = self.random.of(&edge.initiating());
        self.vpc.network.unencrypted = Some(Unencrypted {
            eni,
            during: during.clone(),
        });
        Some(Planted::new("encryption-controls", edge, during, vec![eni]))
    }
}
