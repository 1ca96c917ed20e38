//! Assigns sequence and acknowledgement numbers to segments in their final order.
//!
//! Flow logs have no such numbers, so all are synthesized, under conditions in which Wireshark
//! flags nothing: a segment begins where its side's last one ended, acknowledges only data that was
//! sent, and a pure ACK acknowledges more than the previous one.
//!
//! # How pure ACKs find something new
//! Each pure ACK acknowledges everything that has arrived, unless more pure ACKs follow before
//! anything new arrives. In that case it, and the data segments before it, leave one byte
//! unacknowledged for each of the following ACKs. The merge has ensured that there are enough
//! bytes.

use crate::connection::segment::{Segment, SegmentDraft, SegmentKind};
use crate::flow::{ConnectionKey, Viewed, Way};

/// The window of every segment except a RST, unscaled. Never 0, which would mean a stalled
/// receiver.
const WINDOW: u16 = 64_240;

/// Window scales that the SYN layouts announce, including none.
const SHIFTS: [u32; 4] = [0, 6, 7, 8];

/// The sequence state of one side.
#[derive(Clone, Copy, Debug, Default)]
struct Half {
    /// Sequence number of the next byte.
    next: u32,
    /// The latest acknowledgement number that it sent.
    acked: u32,
    /// Whether it has sent anything yet.
    seen: bool,
    /// Whether it has sent a SYN without ACK.
    opened: bool,
    /// Whether it has sent anything but RSTs.
    took_part: bool,
    /// Index of its latest segment in the output.
    latest: usize,
}

/// Numbers the segments of one connection and appends them to `out`.
///
/// The counts of the `first` record distinguish the initial sequence numbers from those of other
/// connections with the same key, as its start does: two connections that begin in one interval may
/// have the same start.
pub(super) fn number(first: &Viewed, drafts: &[SegmentDraft], out: &mut Vec<Segment>) {
    let held = held_back(drafts);
    out.reserve(drafts.len());
    let birth = mix(first.start_ns.cast_unsigned(), first.packets);
    let birth = mix(birth, first.bytes.unwrap_or(0));
    let isns = Way::BOTH.map(|way| initial(&first.key, birth, way));
    let mut halves = isns.map(|next| Half {
        next,
        ..Half::default()
    });
    let mut probed = None;
    for (draft, held) in drafts.iter().zip(held) {
        let (own, peer) = (draft.way.index(), draft.way.reverse().index());
        let refuses =
            draft.kind == SegmentKind::Rst && !halves[own].took_part && halves[peer].opened;
        let has_ack = draft.kind != SegmentKind::Syn;
        let arrived = halves[peer].next.wrapping_sub(held);
        let mut ack = halves[own].acked;
        if !halves[own].seen || precedes(ack, arrived) {
            ack = arrived;
        }
        let is_probe = draft.idle && probed != Some(draft.way.reverse());
        probed = is_probe.then_some(draft.way);
        let seq = match draft.kind {
            // RFC 9293 section 3.5.2: a RST that refuses has sequence number 0.
            SegmentKind::Rst if refuses => 0,
            _ if draft.again => repeated_seq(draft.kind, isns[own], halves[own].next),
            // Two bytes back, because one byte back is a keep-alive.
            _ if draft.late => halves[own].next.wrapping_sub(2),
            _ if is_probe => halves[own].next.wrapping_sub(1),
            _ => halves[own].next,
        };
        let segment = Segment {
            time_ns: draft.time_ns,
            record: draft.record,
            original_len: draft.original_len,
            seq,
            ack: if has_ack { ack } else { 0 },
            window: if draft.kind == SegmentKind::Rst {
                0
            } else {
                WINDOW
            },
            tcp_len: draft.tcp_len,
            way: draft.way,
            kind: draft.kind,
            has_ack,
            has_payload: draft.payload > 0,
            is_first: draft.is_first,
        };
        let (half, index) = (&mut halves[own], out.len());
        (half.seen, half.latest, half.acked) = (true, index, ack);
        half.opened |= draft.kind == SegmentKind::Syn;
        half.took_part |= draft.kind != SegmentKind::Rst;
        if !draft.again {
            let control = u32::from(matches!(
                draft.kind,
                SegmentKind::Syn | SegmentKind::SynAck | SegmentKind::Fin
            ));
            half.next = half.next.wrapping_add(draft.payload).wrapping_add(control);
        }
        let end = half.next;
        out.push(segment);
        if draft.payload > 0 && halves[peer].seen {
            keep_window_open(&mut out[halves[peer].latest], end, halves[peer].acked);
        }
    }
}

/// Returns for each segment how many of the bytes that have arrived it leaves for the pure ACKs of
/// its side that follow before anything new arrives.
fn held_back(drafts: &[SegmentDraft]) -> Vec<u32> {
    let mut held = vec![0; drafts.len()];
    let mut reserve = [0_u32; 2];
    for (draft, held) in drafts.iter().zip(&mut held).rev() {
        let (own, peer) = (draft.way.index(), draft.way.reverse().index());
        *held = reserve[own];
        if draft.is_pure_ack() {
            reserve[own] += 1;
        }
        reserve[peer] = reserve[peer].saturating_sub(draft.units());
    }
    held
}

/// Whether `a` lies before `b` in sequence space (RFC 9293 section 3.4).
fn precedes(a: u32, b: u32) -> bool {
    let ahead = b.wrapping_sub(a);
    ahead != 0 && ahead < 1 << 31
}

/// Returns the sequence number of a repeated SYN or FIN.
fn repeated_seq(kind: SegmentKind, isn: u32, next: u32) -> u32 {
    if kind == SegmentKind::Fin {
        next.wrapping_sub(1)
    } else {
        isn
    }
}

/// Keeps a data segment from ending exactly at the end of the window, which Wireshark would flag as
/// a full window. `latest` is the receiver's last segment.
fn keep_window_open(latest: &mut Segment, end: u32, acked: u32) {
    let in_flight = end.wrapping_sub(acked);
    if SHIFTS
        .iter()
        .any(|shift| u32::from(latest.window) << shift == in_flight)
    {
        latest.window = latest.window.saturating_sub(1); // a RST has no window
    }
}

/// Returns an initial sequence number that is the same in every run and on every machine, and never
/// near 0, which Wireshark interprets as unset.
fn initial(key: &ConnectionKey, birth: u64, way: Way) -> u32 {
    let mut state = mix(birth, u64::from(way == Way::Up));
    for endpoint in [key.low, key.high] {
        let address = match endpoint.address {
            std::net::IpAddr::V4(a) => u128::from(a.to_bits()),
            std::net::IpAddr::V6(a) => a.to_bits(),
        };
        for part in address.to_le_bytes().chunks_exact(8) {
            state = mix(
                state,
                part.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)),
            );
        }
        state = mix(state, u64::from(endpoint.port));
    }
    let [a, b, c, d, ..] = state.to_le_bytes();
    u32::from_le_bytes([a, b, c, d]) | 1 << 16
}

/// Advances SplitMix64 by one step, with `value` mixed in.
fn mix(state: u64, value: u64) -> u64 {
    let z = (state ^ value).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}
