//! Faults in lists of rules: network ACLs, security groups, and the controls of a whole VPC.

use std::ops::RangeInclusive;

use super::build::{Edge, End};
use super::fault::{Planted, Planter, crosses};
use super::network::{
    ALL_PORTS, ALWAYS, Acl, AclRule, During, GroupRule, ICMP, Net, PublicAccessBlock, Role, TCP,
    UDP, Unencrypted, VPC,
};
use super::traffic::ephemeral;
use super::wire::is_internet;

impl Planter<'_> {
    /// Gives the subnets of these ENIs, or one of them, an ACL of their own. Returns its index.
    pub(super) fn own_acl(&mut self, enis: &[usize]) -> usize {
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

    /// The subnets of these ENIs accept nothing from that subnet.
    pub(super) fn deny_subnet(&mut self, enis: &[usize], source: usize) {
        let net = self.vpc.network.subnets[source].net;
        let acl = self.own_acl(enis);
        let deny = AclRule::deny(net, ALL_PORTS, ALWAYS);
        self.vpc.network.acls[acl].inbound.insert(0, deny);
    }

    /// The replies of a service to the clients' lower ports are denied, and the others pass.
    pub(super) fn acl_cuts_ports(&mut self) -> Option<Planted> {
        let edge =
            self.edge(|network, edge| !edge.responding().is_empty() && crosses(network, edge))?;
        let (first, last) = ephemeral(edge.initiators[0]).into_inner();
        let quarter = (last - first) / 4;
        let bound = self.random.small(first + quarter, last - quarter);
        let enis = edge.responding();
        self.deny_replies(&enis, AclRule::deny(Net::ANY, 1024..=bound, ALWAYS));
        Some(Planted::new("acl-blocks-reply", edge, ALWAYS, enis))
    }

    /// Replies of a resolver or to a ping are denied: all, or those to the lower ports.
    pub(super) fn acl_blocks_datagrams(&mut self) -> Option<Planted> {
        let network = &self.vpc.network;
        let is_asked = |edge: &&Edge| {
            let is_known = matches!(edge.name, "resolve" | "ping");
            is_known && crosses(network, edge)
        };
        let fitting: Vec<&Edge> = self.vpc.edges.iter().filter(is_asked).collect();
        let mut edge = (!fitting.is_empty()).then(|| self.random.of(&fitting).clone())?;
        // Whoever shares the subnet of those who ask is not asked across its border.
        let subnet = |end: &End| end.eni().map(|eni| network.enis[eni].subnet);
        let asking: Vec<Option<usize>> = edge.initiators.iter().map(subnet).collect();
        if edge.protocol == ICMP {
            edge.responders.retain(|end| !asking.contains(&subnet(end)));
        }
        let ports = if edge.protocol == ICMP {
            ALL_PORTS
        } else {
            let (first, last) = ephemeral(edge.initiators[0]).into_inner();
            1024..=self.random.of(&[first + (last - first) / 2, last])
        };
        let deny = AclRule {
            protocol: Some(edge.protocol),
            ..AclRule::deny(Net::ANY, ports, ALWAYS)
        };
        let enis = edge.responding();
        if enis.is_empty() {
            return None;
        }
        self.deny_replies(&enis, deny);
        let mut planted = Planted::new("acl-blocks-reply", edge, ALWAYS, enis);
        if planted.edge.protocol == ICMP {
            planted.ports.clear();
        }
        Some(planted)
    }

    /// Puts a line in front of what the subnets of these ENIs send, but lets through the services
    /// that they use.
    fn deny_replies(&mut self, enis: &[usize], deny: AclRule) {
        let mut ports: Vec<(u8, u16)> = self
            .vpc
            .edges
            .iter()
            .map(|edge| (edge.protocol, edge.port))
            .collect();
        // An echo request has no port by which it could be let through.
        ports.retain(|(protocol, _)| *protocol != ICMP);
        let acl = self.own_acl(enis);
        let keep = ports
            .into_iter()
            .map(|(protocol, port)| AclRule::allow(Net::ANY, protocol, port..=port));
        let rules = &mut self.vpc.network.acls[acl].outbound;
        rules.splice(0..0, keep.chain([deny]));
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
            // It may come back.
            let again = GroupRule {
                during: during.end..u64::MAX,
                ..rules[rule].clone()
            };
            rules[rule].during = 0..during.start;
            if during.end < u64::MAX {
                rules.push(again);
            }
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
