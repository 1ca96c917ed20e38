//! What a conversation is made of: how it opens, what it carries, how it ends.
//!
//! Sizes are true to TCP on Linux: SYN and SYN-ACK 60, everything else 52 and
//! its payload, RST 40; IPv6 has 20 more.

use super::network::End;
use super::way::{Run, Way};
use crate::random::Random;

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMP: u8 = 1;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const SYN_ACK: u8 = 18;

/// Both ways between two ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conversation {
    /// Initiator and responder.
    pub ends: [End; 2],
    pub protocol: u8,
    /// What each end sends.
    pub ways: [Way; 2],
    /// The responder's ENI let nothing in.
    pub rejected: bool,
}

impl Conversation {
    fn new(ends: [End; 2], protocol: u8) -> Self {
        Self {
            ends,
            protocol,
            ways: [Way::default(); 2],
            rejected: false,
        }
    }

    /// When its last packet is sent.
    pub(super) fn last_ms(&self) -> u64 {
        self.ways[0].last_ms().max(self.ways[1].last_ms())
    }

    /// Bytes that IPv6 has more than IPv4, in each packet.
    fn extra(&self) -> u64 {
        if self.ends[0].address.is_ipv6() {
            20
        } else {
            0
        }
    }

    /// A connection that opens, carries data and closes.
    pub(super) fn tcp(ends: [End; 2], at_ms: u64, load: &Load, random: &mut Random) -> Self {
        let mut c = Self::new(ends, TCP);
        let extra = c.extra();
        let rtt_ms = random.between(1, 60);
        let data_ms = at_ms + rtt_ms;
        let end_ms = data_ms + load.len_ms;
        let acknowledgements = |data: u64| data.div_ceil(2);
        let body = |first_ms, data: u64, payload: u64, other_data| {
            let packets = data + acknowledgements(other_data);
            Run {
                first_ms,
                last_ms: end_ms,
                packets,
                bytes: packets * (52 + extra) + data * payload,
                flags: 0,
            }
        };
        let [up, down] = load.data;
        let [up_payload, down_payload] = load.payload;
        c.ways[0].0[0] = Run::one(at_ms, 60 + extra, SYN);
        c.ways[0].0[1] = body(data_ms, up, up_payload, down);
        c.ways[1].0[0] = Run::one(at_ms + rtt_ms / 2, 60 + extra, SYN_ACK);
        c.ways[1].0[1] = body(data_ms + rtt_ms / 2, down, down_payload, up);
        c.ways[1].0[1].last_ms += rtt_ms / 2;
        let closed_ms = end_ms + rtt_ms;
        let closer = usize::from(random.percent(40));
        if random.percent(4) {
            c.ways[closer].0[2] = Run::one(closed_ms, 40 + extra, RST);
        } else {
            c.ways[closer].0[2] = Run::one(closed_ms, 52 + extra, FIN);
            c.ways[1 - closer].0[2] = Run::one(closed_ms + rtt_ms / 2, 52 + extra, FIN);
            c.ways[closer].0[3] = Run::one(closed_ms + rtt_ms, 52 + extra, 0);
        }
        c
    }

    /// SYNs that a security group dropped, sent again after 1, 2 and 4 seconds.
    pub(super) fn rejected(ends: [End; 2], at_ms: u64, syns: usize) -> Self {
        let mut c = Self::new(ends, TCP);
        c.rejected = true;
        let bytes = 60 + c.extra();
        let delays_ms = [0, 1000, 3000, 7000];
        for (run, delay_ms) in c.ways[0].0.iter_mut().zip(delays_ms).take(syns) {
            *run = Run::one(at_ms + delay_ms, bytes, SYN);
        }
        c
    }

    /// One SYN of a scanner, without options, at a closed door.
    pub(super) fn scan(ends: [End; 2], at_ms: u64, random: &mut Random) -> Self {
        let mut c = Self::new(ends, TCP);
        c.rejected = true;
        c.ways[0].0[0] = Run::one(at_ms, random.of(&[40, 44]) + c.extra(), SYN);
        c
    }

    /// Nothing listens there: SYN, then RST.
    pub(super) fn refused(ends: [End; 2], at_ms: u64) -> Self {
        let mut c = Self::new(ends, TCP);
        c.ways[0].0[0] = Run::one(at_ms, 60 + c.extra(), SYN);
        c.ways[1].0[0] = Run::one(at_ms + 1, 40 + c.extra(), RST);
        c
    }

    /// One datagram each way: DNS, NTP.
    pub(super) fn question(ends: [End; 2], at_ms: u64, bytes: [u64; 2]) -> Self {
        let mut c = Self::new(ends, UDP);
        c.ways[0].0[0] = Run::one(at_ms, bytes[0] + c.extra(), 0);
        c.ways[1].0[0] = Run::one(at_ms + 9, bytes[1] + c.extra(), 0);
        c
    }

    /// A datagram that a security group dropped.
    pub(super) fn stray(ends: [End; 2], at_ms: u64, bytes: u64) -> Self {
        let mut c = Self::new(ends, UDP);
        c.rejected = true;
        c.ways[0].0[0] = Run::one(at_ms, bytes + c.extra(), 0);
        c
    }

    /// Echo requests a second apart, and their replies.
    pub(super) fn ping(mut ends: [End; 2], at_ms: u64, packets: u64) -> Self {
        ends.iter_mut().for_each(|end| end.port = 0);
        let mut c = Self::new(ends, ICMP);
        for (way, delay_ms) in c.ways.iter_mut().zip([0, 4]) {
            way.0[0] = Run {
                first_ms: at_ms + delay_ms,
                last_ms: at_ms + delay_ms + (packets - 1) * 1000,
                packets,
                bytes: packets * 84,
                flags: 0,
            };
        }
        c
    }
}

/// What a TCP connection carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// From the first segment of data to the last.
    pub len_ms: u64,
    /// Segments of data that initiator and responder send.
    pub data: [u64; 2],
    /// Bytes in each.
    pub payload: [u64; 2],
}

impl Load {
    /// A request or a few, and what is answered.
    pub(super) fn exchange(random: &mut Random) -> Self {
        Self {
            len_ms: random.between(20, 2_500),
            data: [random.between(1, 4), random.magnitude(6)],
            payload: [random.between(90, 1_300), random.between(200, 1_448)],
        }
    }

    /// A pooled or long-polled connection: little, for a long time.
    pub(super) fn keep_alive(random: &mut Random) -> Self {
        let len_s = random.between(120, 2_400);
        let data = len_s / random.between(3, 12);
        Self {
            len_ms: len_s * 1000,
            data: [data, data + random.below(data)],
            payload: [random.between(40, 300), random.between(40, 900)],
        }
    }

    /// A copy of something large, in full segments.
    pub(super) fn bulk(random: &mut Random) -> Self {
        let len_s = random.between(20, 500);
        let many = len_s * random.between(20, 600);
        let data = if random.percent(70) {
            [random.between(1, 4), many]
        } else {
            [many, random.between(1, 4)]
        };
        Self {
            len_ms: len_s * 1000,
            data,
            payload: [1_448 - 20; 2],
        }
    }
}
