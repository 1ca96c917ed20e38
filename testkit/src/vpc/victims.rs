//! Conversations where the fault is, so that it is met often enough.

use super::build::{Edge, End};
use super::dialogue::{Close, Dialogue};
use super::fault::{Fault, Planted};
use super::fault_beyond::CROWD;
use super::network::{Network, TCP};
use super::noise;
use super::traffic::{Planner, exchange};
use super::wire::IDLE_TIMEOUT_MS;

/// Open connections through which a change in the middle shows, at most.
const LASTING_MAX: usize = 6;

/// Conversations where the fault is.
pub(super) fn suffering(planner: &mut Planner, fault: Fault, place: &Planted) -> Vec<Dialogue> {
    match fault {
        Fault::Scan => search(planner, place),
        Fault::IdleTimeout => idle(planner, place),
        Fault::GroupRevoked | Fault::AclChanged | Fault::Outage => around_change(planner, place),
        Fault::RouteRemoved => beside_change(planner, place),
        Fault::SynFlood => flood(planner, place),
        Fault::OfficeShutOut => among_scanners(planner, place),
        Fault::PathMtu => large_and_small(planner, place),
        Fault::NatPorts => crowd(planner, place),
        Fault::ClientResets => impatient(planner, place),
        Fault::Unsolicited => stray(planner, place),
        Fault::SynBacklog => rushes(planner, place),
        _ => at_random(planner, place),
    }
}

fn at_random(planner: &mut Planner, place: &Planted) -> Vec<Dialogue> {
    let archive = planner.archive.clone();
    let begin = place.during.start.max(archive.start);
    let end = place.during.end.min(archive.end);
    let mut victims = Vec::new();
    for edge in std::iter::once(&place.edge).chain(&place.also) {
        for _ in 0..planner.random.between(8, 40) {
            let at = planner.random.between(begin, end - 1);
            victims.push(planner.on(edge, at));
        }
    }
    victims
}

fn idle(planner: &mut Planner, place: &Planted) -> Vec<Dialogue> {
    let archive = planner.archive.clone();
    let mut victims = at_random(planner, place);
    victims.truncate(8);
    for victim in &mut victims {
        let silence = planner.random.between(IDLE_TIMEOUT_MS + 5_000, 1_000_000);
        let latest = archive.end - silence - 60_000;
        victim.at = planner.random.between(archive.start, latest);
        victim.exchanges = vec![exchange(100, 300, 900), exchange(silence, 200, 500)];
    }
    victims
}

/// Conversations before, during and after a fault that begins in the archive, and connections that
/// are open all the time.
fn around_change(planner: &mut Planner, place: &Planted) -> Vec<Dialogue> {
    let mut victims = lasting(planner, place);
    victims.extend(beside_change(planner, place));
    victims
}

/// Conversations before, during and after a fault that begins in the archive.
fn beside_change(planner: &mut Planner, place: &Planted) -> Vec<Dialogue> {
    let (archive, during) = (planner.archive.clone(), place.during.clone());
    let mut victims = Vec::new();
    let mut some = |from: u64, to: u64, count: (u64, u64)| {
        for _ in 0..planner.random.between(count.0, count.1) {
            let at = planner.random.between(from, to - 1);
            victims.push(planner.on(&place.edge, at));
        }
    };
    some(archive.start, during.start - 40_000, (8, 20));
    some(during.start, during.end.min(archive.end), (12, 40));
    if during.end < archive.end {
        some(during.end, archive.end, (8, 20));
    }
    victims
}

/// Connections that were opened before the archive and stay open.
fn lasting(planner: &mut Planner, place: &Planted) -> Vec<Dialogue> {
    let network = planner.network;
    let concerned = |pair: &(End, End)| is_barred(network, &place.edge, *pair, place);
    let mut pairs: Vec<(End, End)> = place.edge.pairs().filter(concerned).collect();
    if pairs.is_empty() {
        pairs = place.edge.pairs().collect();
    }
    let mut open = Vec::new();
    for _ in 0..LASTING_MAX {
        let at = planner.archive.start - planner.random.between(1_000, 300_000);
        let pair = planner.random.of(&pairs);
        open.push(Dialogue {
            exchanges: planner.lasting(at),
            close: Close::Never,
            ..planner.between(&place.edge, pair, at)
        });
    }
    open
}

/// Whether the security groups of the responder reject new connections of these two.
fn is_barred(network: &Network, edge: &Edge, (one, two): (End, End), place: &Planted) -> bool {
    let address = one.address(network);
    two.eni().is_some_and(|eni| {
        !network.groups_allow(eni, true, address, TCP, edge.port, place.during.start)
    })
}

/// All clients at once while the host drops SYNs, and some of them at other times.
fn rushes(planner: &mut Planner, place: &Planted) -> Vec<Dialogue> {
    let network = planner.network;
    let mut victims = at_random(planner, place);
    let troubles = place
        .enis
        .iter()
        .flat_map(|eni| &network.enis[*eni].troubles);
    let own = troubles.filter(|trouble| trouble.port == Some(place.edge.port));
    for during in own.map(|trouble| trouble.during.clone()) {
        for pair in place.edge.pairs() {
            for _ in 0..planner.random.of(&[1, 1, 2, 3]) {
                let at = planner.random.between(during.start, during.end - 1);
                victims.push(Dialogue {
                    // They give up after some seconds.
                    tries: planner.random.of(&[2, 3, 3]),
                    ..planner.between(&place.edge, pair, at)
                });
            }
        }
    }
    victims
}

/// Many ports of few hosts, or few ports of all.
fn search(planner: &mut Planner, place: &Planted) -> Vec<Dialogue> {
    let source = place.edge.initiators[0];
    let network = planner.network;
    let mut hosts: Vec<usize> = match source.eni() {
        None => noise::public_enis(network),
        Some(_) => place.edge.responding(),
    };
    let ports: Vec<u16> = if planner.random.percent(50) {
        hosts.truncate(planner.random.of(&[1, 2]));
        let first = planner.random.small(20, 3_000);
        (first..first + planner.random.small(40, 150)).collect()
    } else {
        noise::SEARCHED.to_vec()
    };
    let begin = planner.instant().max(planner.archive.start);
    let room = planner.archive.end - begin;
    let probes = (hosts.len() * ports.len()) as u64;
    let pace = planner.random.between(20, 2_000).min(room / (probes + 1));
    let mut victims = Vec::new();
    for host in hosts.into_iter().filter(|host| source.eni() != Some(*host)) {
        for port in &ports {
            let at = begin + pace * victims.len() as u64;
            let to = network.enis[host].address;
            victims.push(noise::probe(planner, source, to, *port, at));
        }
    }
    victims
}

/// A SYN of each source within a few minutes.
fn flood(planner: &mut Planner, place: &Planted) -> Vec<Dialogue> {
    let archive = planner.archive.clone();
    let length = planner.random.between(120_000, 420_000);
    let begin = planner.random.between(archive.start, archive.end - length);
    let sources = place.edge.initiators.clone();
    let syns = sources.into_iter().map(|source| {
        let at = begin + planner.random.below(length);
        let responder = planner.random.of(&place.edge.responders);
        Dialogue {
            close: Close::Vanishes,
            tries: 1,
            ..planner.between(&place.edge, (source, responder), at)
        }
    });
    syns.collect()
}

/// Somebody tries again and again, while others look for the same port.
fn among_scanners(planner: &mut Planner, place: &Planted) -> Vec<Dialogue> {
    let (network, port) = (planner.network, place.edge.port);
    let mut victims = at_random(planner, place);
    for _ in 0..planner.random.between(10, 40) {
        let source = noise::SCANNERS.address(planner.random.small(1, 65_000).into());
        let to = planner.random.of(&place.edge.responders).address(network);
        let at = planner.instant();
        victims.push(noise::probe(planner, End::Outside(source), to, port, at));
    }
    victims
}

/// Requests for little and for much.
fn large_and_small(planner: &mut Planner, place: &Planted) -> Vec<Dialogue> {
    let mut victims = at_random(planner, place);
    for victim in &mut victims {
        let is_small = planner.random.percent(35);
        let reply = if is_small {
            planner.random.between(60, 1_000)
        } else {
            planner.random.between(11_000, 90_000)
        };
        let request = planner.random.between(80, 700);
        victim.exchanges = vec![exchange(20, 90, 200), exchange(50, request, reply)];
        if !is_small {
            victim.close = planner.random.of(&[Close::GivesUp(30_000), Close::Never]);
        }
    }
    victims
}

/// More and more conversations, in the order of time.
fn crowd(planner: &mut Planner, place: &Planted) -> Vec<Dialogue> {
    let mut victims = Vec::new();
    for _ in 0..CROWD {
        let at = later(planner);
        victims.push(planner.on(&place.edge, at));
    }
    victims.sort_by_key(|victim| victim.at);
    victims
}

/// Some moment of the archive, the later the more often.
fn later(planner: &mut Planner) -> u64 {
    let (start, end) = (planner.archive.start, planner.archive.end);
    let moments = [(); 3].map(|()| planner.random.between(start, end - 1));
    moments.into_iter().fold(start, u64::max)
}

/// Requests that have no answer in time, more and more.
fn impatient(planner: &mut Planner, place: &Planted) -> Vec<Dialogue> {
    let patience = planner.random.of(&[10_000, 15_000, 30_000]);
    let mut victims = Vec::new();
    for _ in 0..planner.random.between(30, 60) {
        let at = later(planner);
        let request = planner.random.between(80, 1_800);
        victims.push(Dialogue {
            exchanges: vec![exchange(20, request, 0)],
            close: Close::GivesUp(patience),
            ..planner.on(&place.edge, at)
        });
    }
    victims
}

/// One packet of each source, to some port.
fn stray(planner: &mut Planner, place: &Planted) -> Vec<Dialogue> {
    let network = planner.network;
    let sources = place.edge.initiators.clone();
    let probes = sources.into_iter().map(|source| {
        let to = planner.random.of(&place.edge.responders).address(network);
        let port = planner.random.small(1, 60_000);
        let at = planner.instant();
        noise::probe(planner, source, to, port, at)
    });
    probes.collect()
}
