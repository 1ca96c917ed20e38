//! What two ends say to each other, as far as the network lets them.
//!
//! A TCP that is plain and true in what a flow log can show: SYNs and data are sent again when
//! nothing comes back, later and later; whoever is refused gives up; both close.

use std::iter::{once, repeat};
use std::net::SocketAddrV4;

use super::network::{Behavior, ICMP, UDP};
use super::wire::{ACK, FIN, Fate, Node, Packet, RST, SYN, Wire};
use crate::random::Random;

/// Headers of a segment with timestamps; of a SYN; of a RST.
const HEADERS: u64 = 52;
const SYN_BYTES: u64 = 60;
const RST_BYTES: u64 = 40;
const SEGMENT_PAYLOAD: u64 = 1448;

/// When a SYN is sent again, after the first (RFC 6298: 1 s, doubled each time).
const SYN_AGAIN_MS: [u64; 6] = [0, 1_000, 3_000, 7_000, 15_000, 31_000];

/// Segments that a sender has under way at first (RFC 6928).
const FIRST_FLIGHT: u64 = 10;

/// When data are sent again.
const DATA_AGAIN_MS: [u64; 6] = [0, 250, 750, 1_750, 3_750, 7_750];

/// When one segment is sent again that nobody acknowledges, as far as a minute.
const SEGMENT_AGAIN_MS: [u64; 8] = [250, 750, 1_750, 3_750, 7_750, 15_750, 31_750, 63_750];

/// Asks, and is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    /// Silence before it.
    pub(super) after: u64,
    pub(super) request: u64,
    pub(super) reply: u64,
    /// When it is asked and answered at the earliest, milliseconds since the epoch, if something else
    /// decides that.
    pub(super) paced: Option<(u64, u64)>,
}

/// An exchange as it went, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spoken {
    /// When the initiator first sent its request.
    pub(super) asked_at: u64,
    /// Whether the responder has heard it.
    pub(super) is_heard: bool,
    /// When the initiator heard the reply.
    pub(super) answered_at: Option<u64>,
}

/// What came of a conversation, and when.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub(super) outcome: Outcome,
    /// Exchanges of an open connection, as far as it came.
    pub(super) spoken: Vec<Spoken>,
    /// Milliseconds since the epoch.
    pub(super) ended_at: u64,
}

/// How a TCP connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
    Initiator,
    Responder,
    InitiatorResets,
    /// Not as long as anybody looks.
    Never,
    /// The initiator waits so many milliseconds for what does not come, and resets.
    GivesUp(u64),
    /// The initiator sends no more than its SYN.
    Vanishes,
}

/// One conversation, from the initiator's plan.
#[derive(Clone, Debug)]
pub(super) struct Dialogue {
    pub(super) from: (Node, SocketAddrV4),
    pub(super) to: SocketAddrV4,
    pub(super) protocol: u8,
    pub(super) at: u64,
    /// One way, in milliseconds.
    pub(super) latency: u64,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) close: Close,
    /// How many SYNs the initiator is ready to send, at most six.
    pub(super) tries: usize,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Complete,
    Refused,
    /// No end of the handshake.
    Unanswered,
    /// It was open, and then nothing came through any more.
    Stalled,
    /// A RST ended it that the initiator had not sent.
    Reset,
}

/// Both ends of an open connection.
struct Open<'d> {
    dialogue: &'d Dialogue,
    /// Where the responder is, and the addresses that it sees.
    responder: Node,
    there: (SocketAddrV4, SocketAddrV4),
    now: u64,
    /// When the last that was said was heard.
    heard_at: u64,
    spoken: Vec<Spoken>,
}

impl Dialogue {
    /// Tells it all to the wire.
    pub(super) fn run(&self, wire: &mut Wire, random: &mut Random) -> Course {
        let course = |outcome, ended_at| Course {
            outcome,
            spoken: Vec::new(),
            ended_at,
        };
        match self.protocol {
            UDP | ICMP => course(self.ask_once_each(wire), self.at),
            _ => match self.handshake(wire) {
                Ok(open) if self.close == Close::Vanishes => {
                    course(open.repeat_answer(wire), self.at)
                }
                Ok(open) => open.talk(wire, random),
                Err((outcome, at)) => course(outcome, at),
            },
        }
    }

    fn packet(&self, at: u64, flags: u8, bytes: u64) -> Packet {
        Packet {
            at,
            source: self.from.1,
            destination: self.to,
            protocol: self.protocol,
            flags,
            packets: 1,
            bytes,
        }
    }

    /// Datagrams and pings: each is answered once, or not.
    fn ask_once_each(&self, wire: &mut Wire) -> Outcome {
        let mut now = self.at;
        let mut outcome = Outcome::Complete;
        for exchange in &self.exchanges {
            now += exchange.after;
            let sent = self.packet(now, 0, exchange.request + 28);
            outcome = match wire.send(self.from.0, sent) {
                Fate::Arrived(node, asked) if exchange.reply > 0 => {
                    let asked = Packet {
                        at: now + self.latency,
                        ..asked
                    };
                    self.answer_datagram(wire, node, asked, exchange.reply)
                }
                Fate::Arrived(..) => Outcome::Complete,
                Fate::Reset | Fate::Lost => Outcome::Unanswered,
            };
        }
        outcome
    }

    fn answer_datagram(&self, wire: &mut Wire, node: Node, asked: Packet, reply: u64) -> Outcome {
        let answers = self.protocol == ICMP || behavior(wire, node, &asked) == Behavior::Answers;
        let answer = asked.answer(0, reply + 28);
        match answers.then(|| wire.send(way_back(wire, node, asked.source), answer)) {
            Some(Fate::Arrived(..)) => Outcome::Complete,
            _ => Outcome::Unanswered,
        }
    }

    /// If it fails, what came of it and when.
    fn handshake(&self, wire: &mut Wire) -> Result<Open<'_>, (Outcome, u64)> {
        let mut answered = None;
        for after in &SYN_AGAIN_MS[..self.tries] {
            let at = self.at + after;
            let syn = self.packet(at, SYN, SYN_BYTES);
            let Fate::Arrived(responder, syn) = wire.send(self.from.0, syn) else {
                continue;
            };
            let syn = Packet {
                at: at + self.latency,
                ..syn
            };
            let back = way_back(wire, responder, syn.source);
            match behavior(wire, responder, &syn) {
                Behavior::Drops | Behavior::Stopped => {}
                // A host drops what comes from outside with its own address as the source.
                _ if is_from_itself(wire, responder, &syn) => {}
                Behavior::Refuses => {
                    if let Fate::Arrived(..) = wire.send(back, syn.answer(RST | ACK, RST_BYTES)) {
                        return Err((Outcome::Refused, at + 2 * self.latency));
                    }
                }
                Behavior::Answers | Behavior::Resets => {
                    let answer = syn.answer(SYN | ACK, SYN_BYTES);
                    if let Fate::Arrived(..) = wire.send(back, answer) {
                        return Ok(Open {
                            dialogue: self,
                            responder,
                            there: (syn.source, syn.destination),
                            now: at + 2 * self.latency,
                            heard_at: at,
                            spoken: Vec::new(),
                        });
                    }
                    answered.get_or_insert((back, answer));
                }
            }
        }
        // The responder has its own clock for the SYN-ACK.
        if let Some((back, answer)) = answered {
            for after in &SYN_AGAIN_MS[1..4] {
                let at = answer.at + after + 40;
                wire.send(back, Packet { at, ..answer });
            }
        }
        Err((Outcome::Unanswered, self.at))
    }
}

/// What the host at this node does with the packet.
fn behavior(wire: &Wire, node: Node, packet: &Packet) -> Behavior {
    match node {
        Node::Eni(eni) => {
            let port = packet.destination.port();
            wire.network.behavior(eni, packet.protocol, port, packet.at)
        }
        Node::Outside => Behavior::Answers,
    }
}

/// Whether a packet comes back to the host that sent it.
fn is_from_itself(wire: &Wire, node: Node, packet: &Packet) -> bool {
    match node {
        Node::Eni(eni) => *packet.source.ip() == wire.network.enis[eni].address,
        Node::Outside => false,
    }
}

/// By which ENI the host at this node answers an initiator that it sees at this address.
fn way_back(wire: &Wire, node: Node, initiator: SocketAddrV4) -> Node {
    match node {
        Node::Eni(eni) => match wire.network.enis[eni].answers_by {
            Some((net, other)) if net.contains(*initiator.ip()) => Node::Eni(other),
            _ => node,
        },
        Node::Outside => node,
    }
}

/// Which end sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Initiator,
    Responder,
}

impl End {
    fn other(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }
}

impl Open<'_> {
    fn talk(mut self, wire: &mut Wire, random: &mut Random) -> Course {
        let outcome = self.exchange(wire, random).unwrap_or_else(|end| end);
        if let (Outcome::Stalled, Close::GivesUp(after)) = (outcome, self.dialogue.close) {
            self.now += after;
            self.send(wire, End::Initiator, RST, 1, RST_BYTES);
        }
        Course {
            outcome,
            spoken: self.spoken,
            ended_at: self.now,
        }
    }

    /// Nobody acknowledges the SYN-ACK, so it is sent again.
    fn repeat_answer(mut self, wire: &mut Wire) -> Outcome {
        for after in &SYN_AGAIN_MS[1..3] {
            let now = self.now;
            self.now += after;
            self.send(wire, End::Responder, SYN | ACK, 1, SYN_BYTES);
            self.now = now;
        }
        Outcome::Unanswered
    }

    fn exchange(&mut self, wire: &mut Wire, random: &mut Random) -> Result<Outcome, Outcome> {
        self.acknowledge(wire, End::Initiator, 1);
        for exchange in &self.dialogue.exchanges {
            self.now += exchange.after;
            if let Some((asked_at, _)) = exchange.paced {
                self.now = self.now.max(asked_at);
            }
            let at = self.spoken.len();
            self.spoken.push(Spoken {
                asked_at: self.now,
                is_heard: false,
                answered_at: None,
            });
            self.say(wire, random, End::Initiator, exchange.request)?;
            self.spoken[at].is_heard = true;
            if self.responder_does(wire) == Behavior::Resets {
                self.send(wire, End::Responder, RST | ACK, 1, RST_BYTES);
                return Err(Outcome::Reset);
            }
            // What only keeps the connection alive has no reply.
            if exchange.reply > 0 {
                self.now = match exchange.paced {
                    Some((_, answered_at)) => self.now.max(answered_at),
                    None => self.now + random.between(1, 60),
                };
                self.say(wire, random, End::Responder, exchange.reply)?;
                self.spoken[at].answered_at = Some(self.heard_at);
            }
        }
        self.close(wire)
    }

    fn responder_does(&self, wire: &Wire) -> Behavior {
        let (source, destination) = self.there;
        let asked = Packet {
            source,
            destination,
            ..self.dialogue.packet(self.now, ACK, HEADERS)
        };
        behavior(wire, self.responder, &asked)
    }

    fn send(&mut self, wire: &mut Wire, end: End, flags: u8, packets: u64, bytes: u64) -> Fate {
        let ours = self.dialogue.packet(self.now, flags, bytes);
        let (client, server) = self.there;
        let (node, packet) = match end {
            End::Initiator => (self.dialogue.from.0, ours),
            End::Responder => {
                let packet = Packet {
                    source: server,
                    destination: client,
                    ..ours
                };
                (way_back(wire, self.responder, client), packet)
            }
        };
        wire.send(node, Packet { packets, ..packet })
    }

    /// Nobody waits for an acknowledgement of it.
    fn acknowledge(&mut self, wire: &mut Wire, end: End, packets: u64) {
        self.send(wire, end, ACK, packets, packets * HEADERS);
    }

    /// Sends so many bytes, again if need be, and has them acknowledged.
    fn say(
        &mut self,
        wire: &mut Wire,
        random: &mut Random,
        end: End,
        bytes: u64,
    ) -> Result<(), Outcome> {
        let segments = bytes.div_ceil(SEGMENT_PAYLOAD).max(1);
        let bytes = segments * HEADERS + bytes;
        // One in a hundred is lost further on, where no flow log sees it.
        if random.percent(1) {
            self.send(wire, end, ACK, 1, HEADERS + bytes.min(SEGMENT_PAYLOAD));
            self.now += 250;
        }
        if !wire.network.narrow.is_empty() && segments > 1 {
            return self.say_much(wire, end, bytes, segments);
        }
        let begun = self.now;
        for after in DATA_AGAIN_MS {
            self.now = begun + after;
            let fate = self.send(wire, end, ACK, segments, bytes);
            let is_deaf = end == End::Initiator && self.responder_does(wire) == Behavior::Drops;
            match fate {
                Fate::Arrived(..) if is_deaf => {}
                Fate::Arrived(..) => {
                    self.heard_at = self.now;
                    self.now += self.dialogue.latency + segments / 8;
                    self.acknowledge(wire, end.other(), segments.div_ceil(2));
                    return Ok(());
                }
                Fate::Reset => return Err(Outcome::Reset),
                Fate::Lost => {}
            }
        }
        Err(Outcome::Stalled)
    }

    /// The same on a path that may lose large packets: a whole first flight, and then one segment
    /// again and again, until the initiator gives up.
    fn say_much(
        &mut self,
        wire: &mut Wire,
        end: End,
        bytes: u64,
        segments: u64,
    ) -> Result<(), Outcome> {
        let begun = self.now;
        let patience = match self.dialogue.close {
            Close::GivesUp(after) => after,
            _ => u64::MAX,
        };
        let again = SEGMENT_AGAIN_MS
            .into_iter()
            .filter(|after| *after < patience);
        for (after, flight) in once((0, segments.min(FIRST_FLIGHT))).chain(again.zip(repeat(1))) {
            self.now = begun + after;
            if let Fate::Arrived(..) = self.send(wire, end, ACK, flight, bytes / segments * flight)
            {
                let rest = segments - flight;
                if rest > 0 {
                    self.send(wire, end, ACK, rest, bytes / segments * rest);
                }
                self.heard_at = self.now;
                self.now += self.dialogue.latency;
                self.acknowledge(wire, end.other(), segments.div_ceil(2));
                return Ok(());
            }
        }
        Err(Outcome::Stalled)
    }

    fn close(&mut self, wire: &mut Wire) -> Result<Outcome, Outcome> {
        let first = match self.dialogue.close {
            Close::Never | Close::Vanishes => return Ok(Outcome::Complete),
            Close::GivesUp(after) => {
                self.now += after;
                self.send(wire, End::Initiator, RST, 1, RST_BYTES);
                return Ok(Outcome::Reset);
            }
            Close::InitiatorResets => {
                self.send(wire, End::Initiator, RST, 1, RST_BYTES);
                return Ok(Outcome::Complete);
            }
            Close::Initiator => End::Initiator,
            Close::Responder => End::Responder,
        };
        self.now += self.dialogue.latency;
        for end in [first, first.other()] {
            match self.send(wire, end, FIN | ACK, 1, HEADERS) {
                Fate::Arrived(..) => self.now += self.dialogue.latency,
                Fate::Reset => return Err(Outcome::Reset),
                Fate::Lost => return Err(Outcome::Stalled),
            }
        }
        self.acknowledge(wire, first, 1);
        Ok(Outcome::Complete)
    }
}
