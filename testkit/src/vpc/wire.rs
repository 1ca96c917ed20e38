//! The way of one packet through the VPC: who forwards or rewrites it, and who logs it.
//!
//! A packet that is rejected on its way out is seen nowhere else. A NAT gateway or load balancer
//! logs what it forwards twice, once on each side. Source: "Flow log record examples" in the AWS
//! VPC user guide.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::guard::Guard;
use super::log::{Log, Sighting};
use super::network::{Network, ON_PREMISES, PEER, Role, Route, TCP, TRANSIT, VPC};

pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const ACK: u8 = 16;

/// NAT gateways and network load balancers forget a connection after this silence; whoever sends
/// then is answered by RST. (AWS: "NAT gateway basics", "Connection idle timeout" of NLB.)
pub(super) const IDLE_TIMEOUT_MS: u64 = 350_000;

/// The mean length of packets, in bytes, above which a narrow path loses them.
const NARROW_MTU: u64 = 1_300;

/// Packets of one kind that travel together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    pub(super) at: u64,
    pub(super) source: SocketAddrV4,
    pub(super) destination: SocketAddrV4,
    pub(super) protocol: u8,
    /// As in the TCP header.
    pub(super) flags: u8,
    pub(super) packets: u64,
    /// Bytes of them all, IP headers included.
    pub(super) bytes: u64,
}

impl Packet {
    /// An answer to it, a moment later.
    pub(super) fn answer(&self, flags: u8, bytes: u64) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            flags,
            packets: 1,
            bytes,
            ..*self
        }
    }

    /// Whether it cannot be an answer, as far as its headers tell.
    pub(super) fn asks(&self) -> bool {
        self.opens() && (self.protocol == TCP || self.destination.port() < 1024)
    }

    pub(super) fn opens(&self) -> bool {
        self.protocol != TCP || self.flags & (SYN | ACK) == SYN
    }
}

/// Where a packet starts or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Eni(usize),
    Outside,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    /// With the addresses that it has there.
    Arrived(Node, Packet),
    /// A device on the way had forgotten the connection, and its RST came back.
    Reset,
    Lost,
}

/// Where a NAT gateway or network load balancer forwards a connection.
#[derive(Clone, Copy, Debug)]
struct Forwarding {
    /// The tuple on the far side: from the device to the server.
    device: SocketAddrV4,
    server: SocketAddrV4,
    /// The tuple on the near side: from the client to what it takes for the server.
    client: SocketAddrV4,
    asked: SocketAddrV4,
    last_at: u64,
}

/// A packet's source and destination.
type Ends = (SocketAddrV4, SocketAddrV4);

/// The network at work.
pub(super) struct Wire<'a> {
    pub(super) network: &'a Network,
    pub(super) log: Log<'a>,
    guard: Guard,
    forwardings: Vec<Forwarding>,
    /// By device, and what the client sends or the server answers to.
    near: HashMap<(usize, Ends), usize>,
    far: HashMap<(usize, Ends), usize>,
    next_port: u16,
    /// Load balancers that pass on the clients' addresses.
    preserving: Vec<usize>,
}

impl<'a> Wire<'a> {
    pub(super) fn new(network: &'a Network, log: Log<'a>, first_port: u16) -> Self {
        let enis = 0..network.enis.len();
        let preserving = enis.filter(|eni| network.enis[*eni].preserves_client);
        Self {
            network,
            log,
            preserving: preserving.collect(),
            guard: Guard::default(),
            forwardings: Vec::new(),
            near: HashMap::new(),
            far: HashMap::new(),
            next_port: first_port,
        }
    }

    /// Sends a packet on its way.
    pub(super) fn send(&mut self, from: Node, packet: Packet) -> Fate {
        let to = *packet.destination.ip();
        match from {
            Node::Eni(eni) if self.network.is_stopped(eni, packet.at) => Fate::Lost,
            Node::Eni(eni) => {
                if !self.leave(eni, packet, *packet.source.ip()) {
                    return Fate::Lost;
                }
                let own = self.network.enis[eni].address;
                if *packet.source.ip() != own {
                    // A firewall on the way has not seen the request go by here.
                    return Fate::Lost;
                }
                self.route(eni, packet)
            }
            Node::Outside => match self.network.eni_at(to) {
                Some(eni) if self.arrives_by_transit(eni, packet) => self.reach(eni, packet),
                _ => Fate::Lost,
            },
        }
    }

    /// Whether a packet from outside comes into the VPC. The attachment of the transit gateway logs
    /// what comes through it as egress, with its own address as the source.
    fn arrives_by_transit(&mut self, eni: usize, packet: Packet) -> bool {
        match self.attachment(eni) {
            Some(attachment) if TRANSIT.contains(*packet.source.ip()) => {
                let own = self.network.enis[attachment].address;
                self.leave(attachment, packet, own)
            }
            _ => true,
        }
    }

    /// The attachment of the transit gateway in the zone of this ENI.
    fn attachment(&self, eni: usize) -> Option<usize> {
        let zone = self.network.subnet_of(eni).zone;
        self.network.transit.get(zone).copied()
    }

    /// From an ENI that it has left, to wherever the route table says.
    fn route(&mut self, eni: usize, packet: Packet) -> Fate {
        let to = *packet.destination.ip();
        if let Some(balancer) = self.preserving_balancer(packet) {
            return self.reach(balancer, packet);
        }
        if VPC.contains(to) {
            return match self.network.eni_at(to) {
                Some(there) => self.reach(there, packet),
                None => Fate::Lost,
            };
        }
        let subnet = self.network.subnet_of(eni);
        match self.network.route_of(eni, packet.at) {
            _ if subnet.lost.iter().any(|net| net.contains(to)) => Fate::Lost,
            _ if TRANSIT.contains(to) => match self.attachment(eni) {
                Some(attachment) => {
                    let own = self.network.enis[attachment].address;
                    match self.enter(attachment, packet, own) {
                        true => self.depart(packet),
                        false => Fate::Lost,
                    }
                }
                None => Fate::Lost,
            },
            _ if is_private(to) => self.depart(packet),
            Route::Internet => self.depart(packet),
            Route::Nat(nat) => self.translate(nat, packet),
            Route::Nowhere => Fate::Lost,
        }
    }

    /// The load balancer that takes back the replies of a target which sees the clients' addresses.
    fn preserving_balancer(&self, packet: Packet) -> Option<usize> {
        let ends = (packet.source, packet.destination);
        let mut balancers = self.preserving.iter().copied();
        let is_forwarded = |balancer: &usize| self.far.contains_key(&(*balancer, ends));
        balancers.find(|balancer| !packet.opens() && is_forwarded(balancer))
    }

    fn depart(&self, packet: Packet) -> Fate {
        let is_large = packet.bytes > NARROW_MTU * packet.packets;
        let mut narrow = self.network.narrow.iter();
        if is_large && narrow.any(|net| net.contains(*packet.destination.ip())) {
            return Fate::Lost;
        }
        let lost = self.network.unreachable.iter().any(|(net, during)| {
            net.contains(*packet.destination.ip()) && during.contains(&packet.at)
        });
        if lost {
            Fate::Lost
        } else {
            Fate::Arrived(Node::Outside, packet)
        }
    }

    /// A packet comes to the ENI that has its destination address.
    fn reach(&mut self, eni: usize, packet: Packet) -> Fate {
        if !self.enter(eni, packet, *packet.destination.ip()) {
            return Fate::Lost;
        }
        match self.network.enis[eni].role {
            Role::Host | Role::TransitGateway => Fate::Arrived(Node::Eni(eni), packet),
            Role::NatGateway => self.translate_back(eni, packet),
            Role::NetworkLoadBalancer => {
                if self
                    .far
                    .contains_key(&(eni, (packet.source, packet.destination)))
                {
                    self.translate_back(eni, packet)
                } else {
                    self.balance(eni, packet)
                }
            }
        }
    }

    /// A NAT gateway takes a packet for the internet.
    fn translate(&mut self, nat: usize, packet: Packet) -> Fate {
        let own = self.network.enis[nat].address;
        if !self.enter(nat, packet, own) {
            return Fate::Lost;
        }
        self.forward(nat, packet, packet.destination)
    }

    /// A network load balancer takes a packet for one of its targets.
    fn balance(&mut self, balancer: usize, packet: Packet) -> Fate {
        let targets = &self.network.enis[balancer].targets;
        let target = targets[usize::from(packet.source.port()) % targets.len()];
        let address = self.network.enis[target].address;
        let target = SocketAddrV4::new(address, packet.destination.port());
        self.forward(balancer, packet, target)
    }

    fn forward(&mut self, device: usize, packet: Packet, server: SocketAddrV4) -> Fate {
        let ends = (packet.source, packet.destination);
        let known = self.near.get(&(device, ends)).copied().filter(|known| {
            packet.at.saturating_sub(self.forwardings[*known].last_at) < IDLE_TIMEOUT_MS
        });
        let index = match known {
            Some(index) => index,
            None if self.has_no_port(device, packet, server) => return Fate::Lost,
            None if packet.opens() => self.new_forwarding(device, packet, server),
            None => return self.reset(device, packet),
        };
        let forwarding = &mut self.forwardings[index];
        forwarding.last_at = packet.at;
        let rewritten = Packet {
            source: forwarding.device,
            destination: forwarding.server,
            ..packet
        };
        let own = self.network.enis[device].address;
        if !self.leave(device, rewritten, own) {
            return Fate::Lost;
        }
        self.route(device, rewritten)
    }

    /// Whether a NAT gateway has no port left for another connection to this destination. It drops
    /// the packet then, and counts it in the metric `ErrorPortAllocation`.
    fn has_no_port(&self, device: usize, packet: Packet, server: SocketAddrV4) -> bool {
        let Some(ports) = self.network.nat_ports else {
            return false;
        };
        let own = self.network.enis[device].address;
        let in_use = self.forwardings.iter().filter(|forwarding| {
            *forwarding.device.ip() == own
                && forwarding.server == server
                && packet.at < forwarding.last_at + ports.hold_ms
        });
        self.network.enis[device].role == Role::NatGateway && in_use.count() >= ports.count
    }

    fn new_forwarding(&mut self, device: usize, packet: Packet, server: SocketAddrV4) -> usize {
        let own = if self.network.enis[device].preserves_client {
            packet.source
        } else {
            let port = self.next_port;
            self.next_port = port.checked_add(7).unwrap_or(1024);
            SocketAddrV4::new(self.network.enis[device].address, port)
        };
        let index = self.forwardings.len();
        self.forwardings.push(Forwarding {
            device: own,
            server,
            client: packet.source,
            asked: packet.destination,
            last_at: packet.at,
        });
        self.near
            .insert((device, (packet.source, packet.destination)), index);
        self.far.insert((device, (server, own)), index);
        index
    }

    /// What a server answers goes back to the client. What nobody asked for ends here, accepted.
    fn translate_back(&mut self, device: usize, packet: Packet) -> Fate {
        let key = (device, (packet.source, packet.destination));
        let Some(&index) = self.far.get(&key) else {
            return Fate::Lost;
        };
        let forwarding = &mut self.forwardings[index];
        if packet.at.saturating_sub(forwarding.last_at) >= IDLE_TIMEOUT_MS {
            return self.reset(device, packet);
        }
        forwarding.last_at = packet.at;
        let rewritten = Packet {
            source: forwarding.asked,
            destination: forwarding.client,
            ..packet
        };
        let own = self.network.enis[device].address;
        if !self.leave(device, rewritten, own) {
            return Fate::Lost;
        }
        self.route(device, rewritten)
    }

    /// Answers a packet of a connection that the device has forgotten.
    fn reset(&mut self, device: usize, packet: Packet) -> Fate {
        let reset = packet.answer(RST, 40);
        let own = self.network.enis[device].address;
        if self.leave(device, reset, own)
            && let Fate::Arrived(..) = self.route(device, reset)
        {
            Fate::Reset
        } else {
            Fate::Lost
        }
    }

    /// Out of an ENI, which logs it with `own` as its source. Whether it passed.
    fn leave(&mut self, eni: usize, packet: Packet, own: Ipv4Addr) -> bool {
        let why = self.guard.bars_leaving(self.network, eni, packet);
        self.log.see(Sighting {
            eni,
            ingress: false,
            own: if self.network.enis[eni].checked {
                own
            } else {
                self.network.enis[eni].address
            },
            packet,
            path: self.traffic_path(eni, packet),
            why,
        });
        why.is_none()
    }

    /// Into an ENI, which logs it with `own` as its destination. Whether it passed.
    fn enter(&mut self, eni: usize, packet: Packet, own: Ipv4Addr) -> bool {
        if self.network.is_stopped(eni, packet.at) {
            return false;
        }
        let why = self.guard.bars_entering(self.network, eni, packet);
        self.log.see(Sighting {
            eni,
            ingress: true,
            own,
            packet,
            path: None,
            why,
        });
        why.is_none()
    }

    /// The column of this name, of what leaves.
    fn traffic_path(&self, eni: usize, packet: Packet) -> Option<u8> {
        let to = *packet.destination.ip();
        let subnet = self.network.subnet_of(eni);
        Some(match self.network.route_of(eni, packet.at) {
            _ if subnet.lost.iter().any(|net| net.contains(to)) => return None,
            _ if VPC.contains(to) || TRANSIT.contains(to) => 1,
            _ if PEER.contains(to) => 4,
            _ if ON_PREMISES.contains(to) => 3,
            Route::Nat(_) => 1,
            Route::Internet => 8,
            Route::Nowhere => return None,
        })
    }
}

fn is_private(address: Ipv4Addr) -> bool {
    [PEER, ON_PREMISES, TRANSIT]
        .iter()
        .any(|net| net.contains(address))
}

pub(super) fn is_internet(address: Ipv4Addr) -> bool {
    !VPC.contains(address) && !is_private(address)
}
