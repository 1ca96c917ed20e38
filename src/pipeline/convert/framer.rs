//! Encodes rebuilt segments as frames: headers, interface, direction, comment.
//!
//! This is the only place that translates from `connection` to `packet` and `capture`. Comments are
//! `key=value` words, so that Wireshark's `frame.comment contains "action=REJECT"` finds them. What a
//! reader looks for first comes first, since columns are narrow; the name of the file, which is long and
//! the same in many comments, comes last.

use std::fmt::Write as _;

use crate::capture::{Encoder, Frame, FrameTemplate, PacketDirection};
use crate::connection::{ConnectionInfo, RoleEvidence, Segment, SegmentKind};
use crate::flow::{EniIndex, Enis, Losses, Place, RejectReason, TCP, UDP, Verdict, Viewed};
use crate::packet::{Numbers, Packet, Template, Transport, tcp};
use crate::pipeline::convert::Comments;
use crate::printable::printable;
use crate::read::SourceNames;
use crate::time::SECOND_NS;

/// Nanoseconds in one tick of the TCP timestamps written: a millisecond, as in Linux.
const TICK_NS: i64 = 1_000_000;

/// A segment with the other data that its frame needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed<'a> {
    pub segment: &'a Segment,
    /// The record with this segment's packet.
    pub record: &'a Viewed,
    /// What is known of its connection.
    pub info: &'a ConnectionInfo,
    /// What its comment says of events, or nothing.
    pub events: &'a str,
}

/// Returns the name of each ENI in comments, by number; escaped once for all packets.
pub(crate) fn eni_names(enis: &Enis) -> Vec<String> {
    let names = enis.iter().map(|eni| printable(&eni.name).into_owned());
    names.collect()
}

/// Returns the reasons for rejections that this version does not know, by number; each is one word
/// of a comment.
pub(crate) fn reason_names(enis: &Enis) -> Vec<String> {
    let reasons = enis.words.reasons.iter();
    let reasons = reasons.map(|reason| String::from_utf8_lossy(reason).replace(' ', "_"));
    reasons
        .map(|reason| printable(&reason).into_owned())
        .collect()
}

/// Encodes placed segments as frames.
pub(crate) struct Framer<'a> {
    pub encoder: Encoder,
    /// The name of each file in comments.
    pub names: &'a SourceNames,
    /// Packets lost by Transit Gateways, in order of place.
    pub losses: &'a [(Place, Losses)],
    /// The name of each ENI in comments.
    pub enis: &'a [String],
    /// The reasons for rejections, as [`reason_names`] returns them.
    pub reasons: &'a [String],
    pub comments: Comments,
    pub single_interface: bool,
}

/// Buffers that are reused for every frame.
#[derive(Default)]
pub(crate) struct Scratch {
    headers: Vec<u8>,
    comment: String,
    digits: itoa::Buffer,
    /// The latest headers of either direction, and the latest frame that has them and no comment.
    like: [Option<Like>; 2],
    /// The latest TSval of either direction.
    ticks: [Option<u32>; 2],
}

impl Framer<'_> {
    /// Returns the packets of the record at `place` that a Transit Gateway lost, if the record has
    /// them.
    fn losses(&self, place: Place) -> Option<&Losses> {
        let index = self.losses.binary_search_by_key(&place, |(at, _)| *at);
        Some(&self.losses[index.ok()?].1)
    }

    /// Appends the frame of `placed` to `out`.
    #[inline]
    pub(crate) fn frame(&self, placed: &Placed<'_>, scratch: &mut Scratch, out: &mut Vec<u8>) {
        let whole = self.has_facts(placed.segment);
        let is_plain = !whole && !placed.record.verdict.is_reject() && placed.events.is_empty();
        if !(is_plain && scratch.copy_frame(placed, out)) {
            self.build_frame(placed, whole, scratch, out);
        }
    }

    #[inline(never)]
    fn build_frame(
        &self,
        placed: &Placed<'_>,
        whole: bool,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) {
        let (segment, o) = (placed.segment, placed.record);
        scratch.headers.clear();
        scratch.headers(segment, o);
        scratch.comment.clear();
        self.comment(placed, whole, scratch);
        let frame = Frame {
            time_ns: u64::try_from(segment.time_ns).unwrap_or(0),
            interface: if self.single_interface { 0 } else { o.eni.0 },
            direction: o.leaving.map(|leaving| {
                if leaving {
                    PacketDirection::Outbound
                } else {
                    PacketDirection::Inbound
                }
            }),
            original_len: segment.original_len,
            headers: &scratch.headers,
            comment: (!scratch.comment.is_empty()).then_some(&*scratch.comment),
        };
        self.encoder.frame(out, &frame);
        if let Some(like) = &mut scratch.like[segment.way.index()]
            && frame.comment.is_none()
            && like.suits(segment)
        {
            // A template pays off with the third frame.
            if like.seen_at == Some((o.eni, o.leaving)) {
                like.frame = self.encoder.template(&frame);
            } else {
                like.frame = None;
                like.seen_at = Some((o.eni, o.leaving));
            }
        }
    }

    /// Whether the comment of a packet has the facts of its record.
    fn has_facts(&self, segment: &Segment) -> bool {
        match self.comments {
            Comments::None => false,
            Comments::Record => segment.is_first,
            Comments::All => true,
        }
    }

    fn comment(&self, placed: &Placed<'_>, whole: bool, scratch: &mut Scratch) {
        if self.comments == Comments::None {
            return;
        }
        if whole {
            self.facts(placed, scratch);
        } else if placed.record.verdict.is_reject() {
            scratch.comment.push_str("action=REJECT");
        }
        if !placed.events.is_empty() {
            if !scratch.comment.is_empty() {
                scratch.comment.push(' ');
            }
            scratch.comment.push_str(placed.events);
        }
        if whole {
            let (file, line) = self.names.of(placed.record.place);
            scratch.text(" record=", file).number(":", line);
        }
    }

    /// Writes what is known of the record of a packet, except for its place.
    fn facts(&self, p: &Placed<'_>, scratch: &mut Scratch) {
        let o = p.record;
        let action = if o.verdict.is_reject() {
            "REJECT"
        } else {
            "ACCEPT"
        };
        scratch
            .text("action=", action)
            .text(" eni=", &self.enis[o.eni.0 as usize]);
        if let Some(leaving) = o.leaving {
            scratch.text(" direction=", if leaving { "egress" } else { "ingress" });
        }
        if let Some(flags) = o.flags {
            scratch.number(" flags=", flags.0);
        }
        scratch.number(" packets=", o.packets);
        if o.left_out > 0 {
            scratch.number(" part-of=", o.packets.saturating_add(o.left_out));
        }
        match o.logged_bytes() {
            Some(bytes) => scratch.number(" bytes=", bytes),
            None => scratch.text(" bytes=", "-"),
        };
        if let Some(rtt) = o.rtt_ms {
            scratch.number(" rtt-msec=", rtt);
        }
        scratch.instant(" start=", o.start_ns - o.clock_ns);
        scratch.instant(" end=", o.end_ns - o.clock_ns);
        let reason = match o.verdict {
            Verdict::Reject(RejectReason::BlockPublicAccess) => "BPA",
            Verdict::Reject(RejectReason::EncryptionControls) => "EC",
            Verdict::Reject(RejectReason::NetworkFirewall) => "network-firewall",
            Verdict::Reject(RejectReason::Other(reason)) => &self.reasons[reason.0 as usize],
            Verdict::Reject(RejectReason::Unsaid) | Verdict::Accept => "",
        };
        if !reason.is_empty() {
            scratch.text(" reject-reason=", reason);
        }
        if o.clock_ns != 0 {
            let sign = if o.clock_ns < 0 { "" } else { "+" };
            scratch.number(&format!(" clock={sign}"), o.clock_ns / SECOND_NS);
            scratch.comment.push('s');
        }
        if let Some(at) = o.rejected_at {
            scratch.text(" rejected-at=", &self.enis[at.0 as usize]);
        }
        for (cause, packets) in self.losses(o.place).iter().flat_map(|l| l.by_cause()) {
            scratch.text(" lost-", cause).number("=", packets);
        }
        scratch.text(" outcome=", p.info.outcome.name());
        let role = p.info.role.side(o.way);
        if o.key.protocol == TCP || p.info.role.evidence != RoleEvidence::First {
            scratch
                .text(" role=", role)
                .text(" by=", p.info.role.evidence.name());
        }
        if p.info.presumed {
            scratch.comment.push_str(" presumed=handshake,teardown");
        }
        if let Some(way) = p.info.guesses_first() {
            let side = p.info.role.side(way);
            scratch.text(" sent-first=", side).comment.push('?');
        }
        if let Some(first) = p.info.closed_first.filter(|_| p.info.guesses_close()) {
            let side = p.info.role.side(first.way);
            scratch.text(" closed-first=", side).comment.push('?');
        }
    }
}

impl Scratch {
    /// Forgets the latest headers and clocks when another connection starts.
    pub(crate) fn begin_connection(&mut self) {
        self.like = [None, None];
        self.ticks = [None, None];
    }

    /// Appends the frame of a segment without comment, if it is like an earlier one; returns whether
    /// it is.
    #[inline]
    fn copy_frame(&mut self, placed: &Placed<'_>, out: &mut Vec<u8>) -> bool {
        let (segment, o) = (placed.segment, placed.record);
        let way = segment.way.index();
        let is_like = |like: &Like| {
            like.frame.is_some() && like.seen_at == Some((o.eni, o.leaving)) && like.suits(segment)
        };
        if !self.like[way].as_ref().is_some_and(is_like) {
            return false;
        }
        let numbers = numbers(segment, self.stamps(segment));
        let Some(Like {
            headers,
            frame: Some(frame),
            ..
        }) = &self.like[way]
        else {
            return false;
        };
        let time_ns = u64::try_from(segment.time_ns).unwrap_or(0);
        let copied = frame.emit(time_ns, segment.original_len, out);
        headers.patch(&numbers, segment.original_len, copied);
        true
    }

    /// Writes the headers of a segment of record `o`.
    fn headers(&mut self, segment: &Segment, o: &Viewed) {
        let stamps = self.stamps(segment);
        let like = &mut self.like[segment.way.index()];
        if let Some(like) = like
            && like.suits(segment)
        {
            let numbers = numbers(segment, stamps);
            like.headers
                .emit(&numbers, segment.original_len, &mut self.headers);
            return;
        }
        let packet = packet(segment, o, stamps);
        packet.emit(&mut self.headers);
        if !has_own_options(segment) {
            *like = Template::of(&packet, &self.headers).map(|headers| Like {
                headers,
                seen_at: None,
                frame: None,
            });
        }
    }

    /// Returns the timestamps of a segment: its own, and what the other side sent last (RFC 7323
    /// section 4.3). As long as that is unknown, the other side's clock is taken to be the same.
    fn stamps(&mut self, segment: &Segment) -> Stamps {
        let own = ticks(segment.time_ns);
        let echo = self.ticks[segment.way.reverse().index()].unwrap_or(own);
        if options(segment).has_timestamps() {
            self.ticks[segment.way.index()] = Some(own);
        }
        Stamps { own, echo }
    }

    fn text(&mut self, word: &str, value: &str) -> &mut Self {
        self.comment.push_str(word);
        self.comment.push_str(value);
        self
    }

    fn number(&mut self, word: &str, value: impl itoa::Integer) -> &mut Self {
        self.comment.push_str(word);
        self.comment.push_str(self.digits.format(value));
        self
    }

    /// Appends a time in Unix seconds, with a fraction only if it has one.
    fn instant(&mut self, word: &str, time_ns: i64) {
        self.number(word, time_ns / SECOND_NS);
        let rest = time_ns % SECOND_NS;
        if rest != 0 {
            // Writing to a string does not fail.
            let _ = write!(self.comment, ".{:03}", rest / TICK_NS);
        }
    }
}

/// What segments of one direction of a connection have in common.
struct Like {
    headers: Template,
    /// The ENI of the latest one without comment, and its direction there; and its frame, if there were
    /// two of them.
    seen_at: Option<(EniIndex, Option<bool>)>,
    frame: Option<FrameTemplate>,
}

impl Like {
    /// Whether the segment's headers differ only in their numbers.
    #[inline]
    fn suits(&self, segment: &Segment) -> bool {
        !has_own_options(segment)
            && self.headers.tcp_len() == usize::from(segment.tcp_len)
            && self.headers.fits(segment.original_len)
    }
}

fn has_own_options(segment: &Segment) -> bool {
    matches!(
        segment.kind,
        SegmentKind::Syn | SegmentKind::SynAck | SegmentKind::Datagram
    )
}

fn numbers(segment: &Segment, stamps: Stamps) -> Numbers {
    Numbers {
        seq: segment.seq,
        ack: segment.ack,
        flags: flags(segment),
        window: segment.window,
        timestamp: stamps.own,
        timestamp_echo: stamps.echo,
    }
}

/// TCP timestamps of a segment.
#[derive(Clone, Copy)]
struct Stamps {
    own: u32,
    echo: u32,
}

/// Returns the packet of a segment of record `o`.
fn packet(segment: &Segment, o: &Viewed, stamps: Stamps) -> Packet {
    let tuple = o.key.five_tuple(segment.way);
    let (source_port, destination_port) = (tuple.source.port, tuple.destination.port);
    let transport = match (segment.kind, o.key.protocol) {
        (SegmentKind::Datagram, UDP) => Transport::Udp {
            source_port,
            destination_port,
        },
        (SegmentKind::Datagram, protocol) => Transport::Bare { protocol },
        _ => Transport::Tcp(tcp::TcpSegment {
            source_port,
            destination_port,
            seq: segment.seq,
            ack: segment.ack,
            flags: flags(segment),
            window: segment.window,
            options: options(segment),
            timestamp: stamps.own,
            timestamp_echo: stamps.echo,
        }),
    };
    Packet::new(
        tuple.source.address,
        tuple.destination.address,
        transport,
        segment.original_len,
    )
    .expect("a plan gives every packet enough bytes for its headers")
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
        SegmentKind::Syn => tcp::Flags::SYN,
        SegmentKind::SynAck => tcp::Flags::SYN | ack,
        SegmentKind::Fin => tcp::Flags::FIN | ack,
        SegmentKind::Rst => tcp::Flags::RST | ack,
        SegmentKind::Plain | SegmentKind::Datagram => push | ack,
    }
}

fn options(segment: &Segment) -> tcp::Options {
    match segment.kind {
        SegmentKind::Syn | SegmentKind::SynAck => tcp::Options::syn(u32::from(segment.tcp_len)),
        _ if u16::from(segment.tcp_len) == tcp::Options::TIMESTAMPS.header_len() => {
            tcp::Options::TIMESTAMPS
        }
        _ => tcp::Options::NONE,
    }
}

/// Returns the clock of TCP timestamps: 32 bits of milliseconds, wrapping.
fn ticks(time_ns: i64) -> u32 {
    let [a, b, c, d, ..] = (time_ns / TICK_NS).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests;
