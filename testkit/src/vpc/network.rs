//! What stands still in the VPC: subnets, their lists of rules, network interfaces, and what runs
//! behind them.
//!
//! Rules and troubles hold [`During`] a span, so a fault may come and go while the traffic runs.
//! Says nothing of packets under way; that is [`super::wire`].

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::ops::{Range, RangeInclusive};

/// Instants in milliseconds since the epoch.
pub(super) type During = Range<u64>;

pub(super) const ALWAYS: During = 0..u64::MAX;

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMP: u8 = 1;

pub(super) const ALL_PORTS: RangeInclusive<u16> = 0..=65535;

/// A block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Net {
    base: u32,
    bits: u32,
}

impl Net {
    pub(super) const ANY: Self = Self { base: 0, bits: 0 };

    pub(super) const fn new(a: u8, b: u8, c: u8, d: u8, bits: u32) -> Self {
        let base = u32::from_be_bytes([a, b, c, d]);
        Self { base, bits }
    }

    pub(super) fn one(address: Ipv4Addr) -> Self {
        let base = address.into();
        Self { base, bits: 32 }
    }

    pub(super) fn contains(self, address: Ipv4Addr) -> bool {
        let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
        u32::from(address) & mask == self.base & mask
    }

    /// The length of its prefix.
    pub(super) fn bits(self) -> u32 {
        self.bits
    }

    /// Its address number `n`.
    pub(super) fn address(self, n: u32) -> Ipv4Addr {
        (self.base + n).into()
    }
}

/// The VPC itself, and what is reached without an internet gateway.
pub(super) const VPC: Net = Net::new(10, 20, 0, 0, 16);
pub(super) const PEER: Net = Net::new(172, 20, 0, 0, 16);
pub(super) const ON_PREMISES: Net = Net::new(192, 168, 0, 0, 16);
/// Another VPC, which a transit gateway reaches.
pub(super) const TRANSIT: Net = Net::new(10, 60, 0, 0, 16);

/// Who is at the other end, as a security group may name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Net(Net),
    Group(usize),
}

/// What a security group allows; it denies nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GroupRule {
    pub(super) peer: Peer,
    pub(super) protocol: Option<u8>,
    pub(super) ports: RangeInclusive<u16>,
    pub(super) during: During,
}

impl GroupRule {
    pub(super) fn new(peer: Peer, protocol: u8, port: u16) -> Self {
        Self {
            peer,
            protocol: Some(protocol),
            ports: port..=port,
            during: ALWAYS,
        }
    }

    pub(super) fn all() -> Self {
        Self {
            peer: Peer::Net(Net::ANY),
            protocol: None,
            ports: ALL_PORTS,
            during: ALWAYS,
        }
    }
}

/// A security group: stateful, of an ENI.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    pub(super) inbound: Vec<GroupRule>,
    pub(super) outbound: Vec<GroupRule>,
}

/// A line of a network ACL; the first that fits decides.
#[derive(Clone, Debug)]
pub(super) struct AclRule {
    pub(super) allow: bool,
    pub(super) net: Net,
    pub(super) protocol: Option<u8>,
    pub(super) ports: RangeInclusive<u16>,
    pub(super) during: During,
}

impl AclRule {
    pub(super) fn allow(net: Net, protocol: u8, ports: RangeInclusive<u16>) -> Self {
        Self {
            allow: true,
            net,
            protocol: Some(protocol),
            ports,
            during: ALWAYS,
        }
    }

    pub(super) fn allow_all(net: Net) -> Self {
        Self {
            protocol: None,
            ..Self::allow(net, TCP, ALL_PORTS)
        }
    }

    pub(super) fn deny(net: Net, ports: RangeInclusive<u16>, during: During) -> Self {
        Self {
            allow: false,
            during,
            ..Self::allow(net, TCP, ports)
        }
    }
}

/// A network ACL: stateless, of a subnet. What no line fits is denied.
#[derive(Clone, Debug, Default)]
pub(super) struct Acl {
    pub(super) inbound: Vec<AclRule>,
    pub(super) outbound: Vec<AclRule>,
}

/// Where a subnet's route table sends what is for the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Internet,
    Nat(usize),
    Nowhere,
}

#[derive(Clone, Debug)]
pub(super) struct Subnet {
    pub(super) id: String,
    pub(super) net: Net,
    pub(super) zone: usize,
    /// Index of its network ACL.
    pub(super) acl: usize,
    pub(super) route: Route,
    /// Networks beyond to which the route is missing.
    pub(super) lost: Vec<Net>,
    /// When the route to the internet is missing that it has at other times; empty if it never is.
    pub(super) routeless: During,
}

impl Subnet {
    /// Its zone, as `az-id` names it.
    pub(super) fn zone_name(&self) -> String {
        format!("euc1-az{}", self.zone + 1)
    }
}

/// What an ENI belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// An instance, or a node of an application load balancer or of a database: an end of
    /// connections.
    Host,
    NatGateway,
    /// A network load balancer that does not preserve the client's address.
    NetworkLoadBalancer,
    /// The attachment of a transit gateway in one zone.
    TransitGateway,
}

/// How a host deals with what reaches one of its ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behavior {
    Answers,
    /// Nothing listens: RST.
    Refuses,
    /// The host's own firewall drops it, or the host hangs.
    Drops,
    /// The request is taken and answered by RST.
    Resets,
    /// The instance is stopped, with all its ports: nothing comes or goes, and its ENI logs nothing.
    Stopped,
}

/// What goes wrong at a host, on one port or on all.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) port: Option<u16>,
    pub(super) behavior: Behavior,
    pub(super) during: During,
}

#[derive(Clone, Debug)]
pub(super) struct Eni {
    pub(super) id: String,
    pub(super) address: Ipv4Addr,
    pub(super) subnet: usize,
    /// Indexes of its security groups; none at a NAT gateway.
    pub(super) groups: Vec<usize>,
    pub(super) role: Role,
    pub(super) instance: Option<String>,
    /// What listens: protocol and port.
    pub(super) services: Vec<(u8, u16)>,
    pub(super) troubles: Vec<Trouble>,
    /// To whom the host answers by another of its ENIs, and by which.
    pub(super) answers_by: Option<(Net, usize)>,
    /// To whom a network load balancer forwards.
    pub(super) targets: Vec<usize>,
    /// Whether a network load balancer passes on the client's address as the source.
    pub(super) preserves_client: bool,
    /// Whether the source/destination check is on; a host that forwards has it off.
    pub(super) checked: bool,
}

impl Eni {
    /// An ENI that nothing runs on yet.
    pub(super) fn new(number: u64, address: Ipv4Addr, subnet: usize, role: Role) -> Self {
        Self {
            id: format!("eni-0b7c1{number:012x}"),
            address,
            subnet,
            groups: Vec::new(),
            role,
            instance: None,
            services: Vec::new(),
            troubles: Vec::new(),
            answers_by: None,
            targets: Vec::new(),
            preserves_client: false,
            checked: true,
        }
    }
}

/// Block Public Access: whether what leaves is blocked, too.
#[derive(Clone, Debug)]
pub(super) struct PublicAccessBlock {
    pub(super) both_ways: bool,
    pub(super) during: During,
}

/// Encryption Controls that one ENI does not meet.
#[derive(Clone, Debug)]
pub(super) struct Unencrypted {
    pub(super) eni: usize,
    pub(super) during: During,
}

/// The source ports of the NAT gateways, for each destination.
#[derive(Clone, Copy, Debug)]
pub(super) struct NatPorts {
    pub(super) count: usize,
    /// How long a connection holds its port after its last packet.
    pub(super) hold_ms: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Network {
    pub(super) subnets: Vec<Subnet>,
    pub(super) acls: Vec<Acl>,
    pub(super) groups: Vec<Group>,
    pub(super) enis: Vec<Eni>,
    pub(super) by_address: HashMap<Ipv4Addr, usize>,
    pub(super) public_access_block: Option<PublicAccessBlock>,
    pub(super) unencrypted: Option<Unencrypted>,
    /// Outside addresses to which packets leave and never come.
    pub(super) unreachable: Vec<(Net, During)>,
    /// Outside addresses to which large packets leave and never come.
    pub(super) narrow: Vec<Net>,
    /// The limit of the NAT gateways, where it matters.
    pub(super) nat_ports: Option<NatPorts>,
    /// The attachment ENI of the transit gateway in each zone; empty if there is none.
    pub(super) transit: Vec<usize>,
}

impl Network {
    pub(super) fn eni_at(&self, address: Ipv4Addr) -> Option<usize> {
        self.by_address.get(&address).copied()
    }

    pub(super) fn subnet_of(&self, eni: usize) -> &Subnet {
        &self.subnets[self.enis[eni].subnet]
    }

    /// Whether traffic between an ENI and this address stays in the subnet, and meets no ACL.
    pub(super) fn within_subnet(&self, eni: usize, other: Ipv4Addr) -> bool {
        self.subnet_of(eni).net.contains(other)
    }

    pub(super) fn acl_of(&self, eni: usize) -> &Acl {
        &self.acls[self.subnet_of(eni).acl]
    }

    /// Where the route table of an ENI's subnet sends what is for the internet at this time.
    pub(super) fn route_of(&self, eni: usize, at: u64) -> Route {
        let subnet = self.subnet_of(eni);
        match subnet.routeless.contains(&at) {
            true => Route::Nowhere,
            false => subnet.route,
        }
    }

    /// Whether an ENI is without its host, or a NAT gateway is deleted.
    pub(super) fn is_stopped(&self, eni: usize, at: u64) -> bool {
        let troubles = &self.enis[eni].troubles;
        troubles
            .iter()
            .any(|trouble| trouble.behavior == Behavior::Stopped && trouble.during.contains(&at))
    }

    pub(super) fn behavior(&self, eni: usize, protocol: u8, port: u16, at: u64) -> Behavior {
        let eni = &self.enis[eni];
        let concerns = |trouble: &&Trouble| {
            trouble.during.contains(&at) && trouble.port.is_none_or(|bad| bad == port)
        };
        if let Some(trouble) = eni.troubles.iter().find(concerns) {
            trouble.behavior
        } else if eni.services.contains(&(protocol, port)) {
            Behavior::Answers
        } else {
            Behavior::Refuses
        }
    }

    /// The first line that fits decides.
    pub(super) fn acl_allows(
        rules: &[AclRule],
        other: Ipv4Addr,
        protocol: u8,
        port: u16,
        at: u64,
    ) -> bool {
        let fits = |rule: &&AclRule| {
            rule.during.contains(&at)
                && rule.net.contains(other)
                && rule.protocol.is_none_or(|only| only == protocol)
                && rule.ports.contains(&port)
        };
        rules.iter().find(fits).is_some_and(|rule| rule.allow)
    }

    /// Whether one rule of one of the ENI's groups fits. `port` is the packet's destination port.
    pub(super) fn groups_allow(
        &self,
        eni: usize,
        inbound: bool,
        other: Ipv4Addr,
        protocol: u8,
        port: u16,
        at: u64,
    ) -> bool {
        let is_peer = |peer: Peer| match peer {
            Peer::Net(net) => net.contains(other),
            Peer::Group(group) => self
                .eni_at(other)
                .is_some_and(|other| self.enis[other].groups.contains(&group)),
        };
        let fits = |rule: &GroupRule| {
            rule.during.contains(&at)
                && rule.protocol.is_none_or(|only| only == protocol)
                && rule.ports.contains(&port)
                && is_peer(rule.peer)
        };
        self.enis[eni].groups.iter().any(|group| {
            let group = &self.groups[*group];
            let rules = if inbound {
                &group.inbound
            } else {
                &group.outbound
            };
            rules.iter().any(fits)
        })
    }
}
