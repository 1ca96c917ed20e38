//! What goes on in every VPC and is no fault: scanners that are turned away, packets that come too
//! late, a service that restarts, clients that vanish.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::build::{End, Vpc};
use super::dialogue::{Close, Dialogue};
use super::network::{Behavior, During, Net, Network, Role, Route, TCP, Trouble};
use super::traffic::{Planner, ephemeral};
use super::wire::{ACK, FIN, Fate, Node, Packet, RST, SYN, Wire};
use crate::random::Random;

/// Networks from which the internet is searched for open ports.
pub(super) const SCANNERS: Net = Net::new(198, 18, 0, 0, 15);

pub(super) const SEARCHED: [u16; 10] = [22, 23, 80, 443, 445, 3306, 3389, 5900, 6379, 8080];

/// Ports that one scanner tries in an archive, at most. More is a scan worth telling.
const PROBES_MAX: u64 = 5;

/// A service of the application tier restarts: for some seconds nothing listens.
pub(super) fn restart(vpc: &mut Vpc, archive: &During, random: &mut Random) {
    let Some(edge) = vpc.edges.iter().find(|edge| edge.name == "application") else {
        return;
    };
    let (host, port) = (random.of(&edge.responding()), edge.port);
    let start = random.between(archive.start, archive.end);
    let end = start + random.between(2_000, 9_000);
    vpc.network.enis[host].troubles.push(Trouble {
        port: Some(port),
        behavior: Behavior::Refuses,
        during: start..end,
    });
}

/// ENIs that the internet reaches.
pub(super) fn public_enis(network: &Network) -> Vec<usize> {
    let enis = 0..network.enis.len();
    let is_public = |eni: &usize| {
        network.subnet_of(*eni).route == Route::Internet
            && network.enis[*eni].role != Role::NetworkLoadBalancer
    };
    enis.filter(is_public).collect()
}

/// One SYN to this port, and if it is answered, no more than that.
pub(super) fn probe(
    planner: &mut Planner,
    from: End,
    to: Ipv4Addr,
    port: u16,
    at: u64,
) -> Dialogue {
    let own = planner.port(from);
    Dialogue {
        from: planner.place(from, own),
        to: SocketAddrV4::new(to, port),
        protocol: TCP,
        at,
        latency: 40,
        exchanges: Vec::new(),
        close: Close::InitiatorResets,
        tries: 1,
    }
}

/// Some scanners, each with few probes.
pub(super) fn scanners(planner: &mut Planner) -> Vec<Dialogue> {
    let public = public_enis(planner.network);
    let count = planner.random.of(&[0, 3, 10, 25, 60]);
    let mut probes = Vec::new();
    for _ in 0..count {
        let address = SCANNERS.address(planner.random.small(1, 65_000).into());
        let begin = planner.instant();
        for n in 0..planner.random.between(1, PROBES_MAX) {
            let eni = planner.random.of(&public);
            let port = planner.random.of(&SEARCHED);
            let to = planner.network.enis[eni].address;
            probes.push(probe(
                planner,
                End::Outside(address),
                to,
                port,
                begin + 700 * n,
            ));
        }
    }
    probes
}

/// Something of a connection that both sides have closed: too late, and turned away.
pub(super) fn late_packets(wire: &mut Wire, complete: &[&Dialogue], random: &mut Random) {
    let is_over = |dialogue: &&Dialogue| {
        dialogue.protocol == TCP && matches!(dialogue.close, Close::Initiator | Close::Responder)
    };
    let over: Vec<&Dialogue> = complete.iter().copied().filter(is_over).collect();
    for _ in 0..random.between(0, 12) {
        if over.is_empty() {
            return;
        }
        let dialogue = random.of(&over);
        let flags = random.of(&[ACK, FIN | ACK, RST, RST | ACK]);
        let late = Packet {
            at: dialogue.at + random.between(90_000, 150_000),
            source: dialogue.from.1,
            destination: dialogue.to,
            protocol: TCP,
            flags,
            packets: 1,
            bytes: 52,
        };
        let responder = wire.network.eni_at(*dialogue.to.ip());
        match (dialogue.from.0, responder) {
            // What a client outside repeats, or a host inside that has not heard of the end.
            (Node::Outside, _) => wire.send(Node::Outside, late),
            (Node::Eni(_), Some(eni)) => wire.send(Node::Eni(eni), late.answer(flags, 52)),
            (Node::Eni(_), None) => continue,
        };
    }
}

/// Clients that vanish after their SYN: the SYN-ACK is repeated, and then no more.
pub(super) fn vanishing(wire: &mut Wire, vpc: &Vpc, archive: &During, random: &mut Random) {
    let Some(web) = vpc.edges.iter().find(|edge| edge.name == "web") else {
        return;
    };
    for _ in 0..random.below(3) {
        let client = End::Outside(SCANNERS.address(random.small(1, 65_000).into()));
        let (first, last) = ephemeral(client).into_inner();
        let port = random.small(first, last);
        let balancer = random.of(&web.responders).address(wire.network);
        let syn = Packet {
            at: random.between(archive.start, archive.end),
            source: SocketAddrV4::new(client.address(wire.network), port),
            destination: SocketAddrV4::new(balancer, web.port),
            protocol: TCP,
            flags: SYN,
            packets: 1,
            bytes: 44,
        };
        if let Fate::Arrived(node, syn) = wire.send(Node::Outside, syn) {
            for after in [1, 1_001, 3_001, 7_001] {
                let answer = syn.answer(SYN | ACK, 44);
                let at = syn.at + after;
                wire.send(node, Packet { at, ..answer });
            }
        }
    }
}
