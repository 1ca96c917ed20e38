//! From rebuilt segments to frames: headers, interface, direction, comment.
//!
//! The one place where what `connection` says is put in `packet`'s and
//! `capture`'s terms. Comments are `key=value` words, so that Wireshark's
//! `frame.comment contains "action=REJECT"` finds them.

use std::fmt::Write as _;

use crate::capture::{Direction, Encoder, Frame};
use crate::connection::{Evidence, Kind, Role, Segment, Story};
use crate::flow::{Enis, Observation, RejectReason, TCP, UDP, Verdict};
use crate::packet::{Packet, Transport, tcp};
use crate::pipeline::Comments;
use crate::time::SECOND_NS;

/// Nanoseconds in one tick of the TCP timestamps written: a millisecond, as Linux has it.
const TICK_NS: i64 = 1_000_000;

/// A segment with what its frame needs besides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed<'a> {
    pub segment: Segment,
    /// The record that counted it.
    pub record: &'a Observation,
    /// What is known of its connection's roles.
    role: Role,
    /// Whether its connection's handshake and teardown are presumed.
    presumed: bool,
}

impl<'a> Placed<'a> {
    pub(super) fn new(segment: Segment, record: &'a Observation, story: &Story) -> Self {
        Self {
            segment,
            record,
            role: story.role,
            presumed: story.presumed,
        }
    }
}

/// Turns placed segments into the octets of their frames.
pub(super) struct Framer<'a> {
    pub encoder: Encoder,
    /// What comments call each file.
    pub files: &'a [String],
    pub enis: &'a Enis,
    pub comments: Comments,
    pub single_interface: bool,
}

impl Framer<'_> {
    /// Appends the frame of `placed` to `out`.
    pub(super) fn frame(&self, placed: &Placed<'_>, out: &mut Vec<u8>) {
        let (p, o) = (placed, placed.record);
        let mut headers = Vec::with_capacity(128);
        let packet = packet(&p.segment, o);
        packet.emit(&mut headers);
        let mut comment = String::new();
        self.comment(p, o, &mut comment);
        let frame = Frame {
            time_ns: u64::try_from(p.segment.time_ns).unwrap_or(0),
            interface: if self.single_interface { 0 } else { o.eni.0 },
            direction: o.leaving.map(|leaving| {
                if leaving {
                    Direction::Outbound
                } else {
                    Direction::Inbound
                }
            }),
            original_len: packet.original_len(),
            headers: &headers,
            comment: (!comment.is_empty()).then_some(&*comment),
        };
        self.encoder.frame(out, &frame);
    }

    fn comment(&self, p: &Placed<'_>, o: &Observation, out: &mut String) {
        let whole = match self.comments {
            Comments::None => return,
            Comments::Record => p.segment.is_first,
            Comments::All => true,
        };
        if whole {
            self.whole_comment(p, o, out);
        } else if o.verdict.is_reject() {
            out.push_str("action=REJECT");
        }
    }

    fn whole_comment(&self, p: &Placed<'_>, o: &Observation, out: &mut String) {
        let file = &self.files[o.place.file as usize];
        let eni = &self.enis.get(o.eni).name;
        let action = if o.verdict.is_reject() {
            "REJECT"
        } else {
            "ACCEPT"
        };
        // Writing to a string does not fail.
        let _ = write!(
            out,
            "record={file}:{} eni={eni} action={action} packets={}",
            o.place.line, o.packets
        );
        let _ = match o.bytes {
            Some(bytes) => write!(out, " bytes={bytes}"),
            None => write!(out, " bytes=-"),
        };
        if let Some(flags) = o.flags {
            let _ = write!(out, " flags={}", flags.0);
        }
        let _ = write!(
            out,
            " start={} end={}",
            Instant(o.start_ns - o.clock_ns),
            Instant(o.end_ns - o.clock_ns)
        );
        let reason = match o.verdict {
            Verdict::Reject(RejectReason::BlockPublicAccess) => " reject-reason=BPA",
            Verdict::Reject(RejectReason::EncryptionControls) => " reject-reason=EC",
            Verdict::Reject(RejectReason::Other) => " reject-reason=other",
            _ => "",
        };
        out.push_str(reason);
        if o.clock_ns != 0 {
            let _ = write!(out, " clock={:+}s", o.clock_ns / SECOND_NS);
        }
        if let Some(at) = o.rejected_at {
            let _ = write!(out, " rejected-at={}", self.enis.get(at).name);
        }
        let role = if o.way == p.role.initiator {
            "initiator"
        } else {
            "responder"
        };
        if o.key.protocol == TCP || p.role.evidence != Evidence::First {
            let _ = write!(out, " role={role} by={}", p.role.evidence);
        }
        if p.presumed {
            out.push_str(" presumed=handshake,teardown");
        }
    }
}

/// An instant in Unix seconds, with a fraction only where it has one.
struct Instant(i64);

impl std::fmt::Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (seconds, rest) = (self.0 / SECOND_NS, self.0 % SECOND_NS);
        match rest {
            0 => write!(f, "{seconds}"),
            _ => write!(f, "{seconds}.{:03}", rest / TICK_NS),
        }
    }
}

/// The packet of a segment that record `o` counted.
fn packet(segment: &Segment, o: &Observation) -> Packet {
    let tuple = o.key.five_tuple(segment.way);
    let (source_port, destination_port) = (tuple.source.port, tuple.destination.port);
    let transport = match (segment.kind, o.key.protocol) {
        (Kind::Datagram, UDP) => Transport::Udp {
            source_port,
            destination_port,
        },
        (Kind::Datagram, protocol) => Transport::Bare { protocol },
        _ => Transport::Tcp(tcp::Segment {
            source_port,
            destination_port,
            seq: segment.seq,
            ack: segment.ack,
            flags: flags(segment),
            window: segment.window,
            options: options(segment),
            timestamp: ticks(segment.time_ns),
            timestamp_echo: ticks(segment.time_ns),
        }),
    };
    Packet::new(
        tuple.source.address,
        tuple.destination.address,
        transport,
        segment.original_len,
    )
    .expect("a plan gives every packet the room that its headers need")
}

fn flags(segment: &Segment) -> tcp::Flags {
    let ack = if segment.has_ack {
        tcp::Flags::ACK
    } else {
        tcp::Flags::NONE
    };
    let push = if segment.has_payload {
        tcp::Flags::PSH
    } else {
        tcp::Flags::NONE
    };
    match segment.kind {
        Kind::Syn => tcp::Flags::SYN,
        Kind::SynAck => tcp::Flags::SYN | ack,
        Kind::Fin => tcp::Flags::FIN | ack,
        Kind::Rst => tcp::Flags::RST | ack,
        Kind::Plain | Kind::Datagram => push | ack,
    }
}

fn options(segment: &Segment) -> tcp::Options {
    match segment.kind {
        Kind::Syn | Kind::SynAck => tcp::Options::syn(u32::from(segment.tcp_len)),
        _ if u16::from(segment.tcp_len) == tcp::Options::TIMESTAMPS.header_len() => {
            tcp::Options::TIMESTAMPS
        }
        _ => tcp::Options::NONE,
    }
}

/// The clock that TCP timestamps show: 32 bits of milliseconds, wrapping.
fn ticks(time_ns: i64) -> u32 {
    let [a, b, c, d, ..] = (time_ns / TICK_NS).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
