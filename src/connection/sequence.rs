//! Assigns sequence and acknowledgement numbers to segments in their final order.
//!
//! Flow logs have no such numbers, so all are synthesized, under conditions in which Wireshark
//! flags nothing: a segment begins where its side's last one ended, acknowledges only data that was
//! sent, and a pure ACK acknowledges more than the previous one.
//!
//! # How pure ACKs find something new
//! Each pure ACK acknowledges everything that has arrived, unless more pure ACKs follow before
//! anything new arrives. In that case it, and the data segments before it, leave a segment
//! unacknowledged for each of the following ACKs; or one byte, if there are fewer segments. The merge
//! has ensured that there are enough bytes.

use crate::connection::arrivals::{Arrivals, precedes};
use crate::connection::segment::{HeldBack, Segment, SegmentDraft, SegmentKind};
use crate::connection::window::AnnouncedWindows;
use crate::flow::{ConnectionKey, Viewed, Way};

/// The sequence state of one side.
#[derive(Debug, Default)]
struct Half {
    /// Its initial sequence number.
    isn: u32,
    /// Sequence number of the next byte.
    next: u32,
    /// What the other side can acknowledge.
    arrivals: Arrivals,
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
pub(super) fn number(first: &Viewed, drafts: &mut [SegmentDraft], out: &mut Vec<Segment>) {
    hold_back(drafts);
    out.reserve(drafts.len());
    let birth = mix(first.start_ns.cast_unsigned(), first.packets);
    let birth = mix(birth, first.bytes.unwrap_or(0));
    let mut halves = Way::BOTH.map(|way| Half::new(initial(&first.key, birth, way)));
    let mut windows = AnnouncedWindows::default();
    let mut probed = None;
    for draft in &*drafts {
        windows.note(draft);
        let [up, down] = &mut halves;
        let (own, peer) = match draft.way {
            Way::Up => (up, down),
            Way::Down => (down, up),
        };
        let is_probe = draft.idle && probed != Some(draft.way.reverse());
        probed = is_probe.then_some(draft.way);
        let seq = own.seq(draft, is_probe, peer.opened);
        let has_ack = draft.kind != SegmentKind::Syn;
        let ack = own.ack(peer, draft.held, draft.is_pure_ack());
        let received = ack.wrapping_sub(peer.isn).wrapping_sub(1);
        peer.arrivals.acknowledge(ack);
        own.note(draft, ack, out.len());
        out.push(Segment {
            time_ns: draft.time_ns,
            record: draft.record,
            original_len: draft.original_len,
            seq,
            ack: if has_ack { ack } else { 0 },
            window: windows.field(draft, if received < 1 << 31 { received } else { 0 }),
            tcp_len: draft.tcp_len,
            way: draft.way,
            kind: draft.kind,
            has_ack,
            has_payload: draft.payload > 0,
            is_first: draft.is_first,
        });
        if draft.payload > 0 && peer.seen {
            let in_flight = own.next.wrapping_sub(peer.acked);
            keep_window_open(&mut out[peer.latest], &windows, in_flight);
        }
    }
}

impl Half {
    fn new(isn: u32) -> Self {
        Self {
            isn,
            next: isn,
            ..Self::default()
        }
    }

    /// Returns the sequence number of its next segment. `is_asked` says whether the other side
    /// has sent a SYN.
    fn seq(&self, draft: &SegmentDraft, is_probe: bool, is_asked: bool) -> u32 {
        match draft.kind {
            // RFC 9293 section 3.5.2: a RST that refuses has sequence number 0.
            SegmentKind::Rst if !self.took_part && is_asked => 0,
            SegmentKind::Fin if draft.again => self.next.wrapping_sub(1),
            _ if draft.again => self.isn,
            // Two bytes back, because one byte back is a keep-alive.
            _ if draft.late => self.next.wrapping_sub(2),
            _ if is_probe => self.next.wrapping_sub(1),
            _ => self.next,
        }
    }

    /// Returns the acknowledgement number of its next segment.
    fn ack(&self, peer: &Self, held: HeldBack, is_pure: bool) -> u32 {
        let most = peer.next.wrapping_sub(held.bytes);
        let acked = if self.seen { self.acked } else { peer.isn };
        if let Some(end) = peer.arrivals.end_leaving(acked, most, held.segments) {
            return end;
        }
        if self.seen && !is_pure {
            return acked; // it need not acknowledge anything new
        }
        let latest = peer.arrivals.latest_end(acked, most);
        let is_new = !self.seen || precedes(acked, most);
        latest.unwrap_or(if is_new { most } else { acked })
    }

    /// Notes a segment that it sends, which is at `index` of the output.
    fn note(&mut self, draft: &SegmentDraft, ack: u32, index: usize) {
        (self.seen, self.latest, self.acked) = (true, index, ack);
        self.opened |= draft.kind == SegmentKind::Syn;
        self.took_part |= draft.kind != SegmentKind::Rst;
        let control = u32::from(matches!(
            draft.kind,
            SegmentKind::Syn | SegmentKind::SynAck | SegmentKind::Fin
        ));
        let units = draft.payload.wrapping_add(control);
        if !draft.again && units > 0 {
            self.next = self.next.wrapping_add(units);
            self.arrivals.add(self.next);
        }
    }
}

/// Finds out what each segment leaves.
fn hold_back(drafts: &mut [SegmentDraft]) {
    let mut reserve = [HeldBack::default(); 2];
    for draft in drafts.iter_mut().rev() {
        let (own, peer) = (draft.way.index(), draft.way.reverse().index());
        draft.held = reserve[own];
        if draft.is_pure_ack() {
            reserve[own].segments += 1;
            reserve[own].bytes += 1;
        }
        let (of_peer, units) = (&mut reserve[peer], draft.units());
        of_peer.bytes = of_peer.bytes.saturating_sub(units);
        of_peer.segments = of_peer.segments.saturating_sub(u32::from(units > 0));
    }
}

/// Keeps a data segment from ending exactly at the end of the window, which Wireshark would flag as
/// a full window. `latest` is the receiver's last segment.
fn keep_window_open(latest: &mut Segment, windows: &AnnouncedWindows, in_flight: u32) {
    if windows.is_of(latest.way, latest.window, in_flight) {
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
