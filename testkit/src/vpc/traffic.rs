//! Who says what and when, as long as all is well.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::{Range, RangeInclusive};

use super::build::{Edge, End, Manner, Vpc};
use super::dialogue::{Close, Dialogue, Exchange};
use super::network::{ICMP, Network};
use super::wire::{Node, is_internet};
use crate::random::Random;

/// Connections that stay open in a scenario, at most; each is a few records an interval.
const POOLED_MAX: usize = 5;

/// Writes plans of conversations.
pub(super) struct Planner<'a> {
    pub(super) network: &'a Network,
    pub(super) random: &'a mut Random,
    /// What is delivered, in milliseconds since the epoch.
    pub(super) archive: Range<u64>,
    ports: HashMap<Ipv4Addr, u16>,
    pooled: usize,
}

impl<'a> Planner<'a> {
    pub(super) fn new(network: &'a Network, random: &'a mut Random, archive: Range<u64>) -> Self {
        Self {
            network,
            random,
            archive,
            ports: HashMap::new(),
            pooled: 0,
        }
    }

    /// So many conversations, over all edges and the whole archive.
    pub(super) fn healthy(&mut self, vpc: &Vpc, count: u64) -> Vec<Dialogue> {
        let shares: u64 = vpc.edges.iter().map(|edge| edge.share).sum();
        let mut dialogues = Vec::new();
        for edge in &vpc.edges {
            for _ in 0..(count * edge.share).div_ceil(shares) {
                let at = self.instant();
                dialogues.push(self.on(edge, at));
            }
        }
        dialogues
    }

    /// Some time in the archive, or so shortly before it that its end is still seen.
    pub(super) fn instant(&mut self) -> u64 {
        let begin = self.archive.start - 20_000;
        self.random.between(begin, self.archive.end)
    }

    /// A conversation of two ends of this edge.
    pub(super) fn on(&mut self, edge: &Edge, at: u64) -> Dialogue {
        let ends = (
            self.random.of(&edge.initiators),
            self.random.of(&edge.responders),
        );
        self.between(edge, ends, at)
    }

    pub(super) fn between(
        &mut self,
        edge: &Edge,
        (initiator, responder): (End, End),
        at: u64,
    ) -> Dialogue {
        let stays =
            edge.manner == Manner::Pooled && self.pooled < POOLED_MAX && self.random.percent(30);
        let (at, exchanges, close) = match edge.manner {
            Manner::Pooled if stays => {
                self.pooled += 1;
                let at = self.archive.start - self.random.between(1_000, 600_000);
                (at, self.lasting(at), Close::Never)
            }
            Manner::Brief | Manner::Pooled => (at, self.brief(), self.close()),
            Manner::Asked if edge.protocol == ICMP => {
                (at, self.datagrams(1_000, 56, 56), Close::Never)
            }
            Manner::Asked => {
                let reply = self.random.between(60, 400);
                (at, vec![exchange(0, 48, reply)], Close::Never)
            }
            Manner::Told => (at, self.datagrams(5_000, 120, 0), Close::Never),
        };
        let port = if edge.protocol == ICMP {
            0
        } else {
            self.port(initiator)
        };
        Dialogue {
            from: self.place(initiator, port),
            to: SocketAddrV4::new(responder.address(self.network), edge.port),
            protocol: edge.protocol,
            at,
            latency: self.latency(initiator, responder),
            exchanges,
            close,
            tries: self.random.of(&[3, 4, 4, 5, 6]),
        }
    }

    /// Where an end is, and from which port it speaks.
    pub(super) fn place(&self, end: End, port: u16) -> (Node, SocketAddrV4) {
        let node = match end {
            End::Eni(eni) => Node::Eni(eni),
            End::Outside(_) => Node::Outside,
        };
        (node, SocketAddrV4::new(end.address(self.network), port))
    }

    /// The next port of its own that this end speaks from.
    pub(super) fn port(&mut self, end: End) -> u16 {
        let range = ephemeral(end);
        let (first, last) = range.into_inner();
        let address = end.address(self.network);
        let start = self.random.small(first, last);
        let next = self.ports.entry(address).or_insert(start);
        // Prime to the size of either range, so that a port comes again as late as can be.
        *next = match next.checked_add(101) {
            Some(port) if port <= last => port,
            _ => *next - (last - first - 100),
        };
        *next
    }

    fn latency(&mut self, initiator: End, responder: End) -> u64 {
        let far = [initiator, responder].map(|end| is_internet(end.address(self.network)));
        if far.contains(&true) {
            self.random.between(8, 90)
        } else {
            self.random.below(3)
        }
    }

    fn brief(&mut self) -> Vec<Exchange> {
        let count = self.random.of(&[1, 1, 2, 3]);
        let mut exchanges = Vec::new();
        for _ in 0..count {
            // A person thinks.
            let after = if self.random.percent(10) {
                self.random.between(2_000, 20_000)
            } else {
                self.random.below(300)
            };
            let request = self.random.between(80, 1_800);
            exchanges.push(exchange(after, request, self.random.magnitude(17)));
        }
        exchanges
    }

    /// From then to after the archive, never as silent as a middle box would mind.
    pub(super) fn lasting(&mut self, at: u64) -> Vec<Exchange> {
        let pace = self.random.of(&[15_000, 60_000, 120_000, 300_000]);
        let (mut exchanges, mut now) = (Vec::new(), at);
        while now < self.archive.end {
            let after = self.random.between(pace / 2, pace);
            let (request, reply) = if self.random.percent(40) {
                (1, 0)
            } else {
                (self.random.between(60, 900), self.random.magnitude(14))
            };
            exchanges.push(exchange(after, request, reply));
            now += after;
        }
        exchanges
    }

    fn datagrams(&mut self, pace: u64, request: u64, reply: u64) -> Vec<Exchange> {
        let count = self.random.between(1, 6);
        (0..count).map(|_| exchange(pace, request, reply)).collect()
    }

    fn close(&mut self) -> Close {
        match self.random.below(100) {
            0..3 => Close::InitiatorResets,
            3..40 => Close::Responder,
            _ => Close::Initiator,
        }
    }
}

pub(super) fn exchange(after: u64, request: u64, reply: u64) -> Exchange {
    Exchange {
        after,
        request,
        reply,
        paced: None,
    }
}

/// Ports that an end speaks from: Linux' own choice in the VPC, IANA's outside (RFC 6335).
pub(super) fn ephemeral(end: End) -> RangeInclusive<u16> {
    match end {
        End::Eni(_) => 32_768..=60_999,
        End::Outside(_) => 49_152..=65_535,
    }
}
