//! Merges the two directions of a TCP connection into one order that TCP allows.
//!
//! Each lane proposes its next segment with the time that its record suggests. The earlier segment
//! is sent first, unless causality forbids it:
//!
//! * a SYN-ACK waits for the SYN, the initiator's next segment waits for the SYN-ACK, and the
//!   responder's next segment waits for that segment (RFC 9293 section 3.5);
//! * a pure ACK waits for something new to acknowledge, because Wireshark would otherwise flag a
//!   duplicate;
//! * the ACK of a FIN waits for the FIN, and a RST waits for everything sent before it.
//!
//! Except in the handshake, a segment does not wait for another one far outside its own record's
//! window: the log proves that it was sent within its window. A pure ACK that nothing explains is
//! written as a keep-alive, which is what it was in most captures.
//!
//! A side answers after the time that packets take within a data center, and a responder thinks before
//! it responds, as far as the window of the record has room for all that is still to be sent.

mod bodies;

use crate::connection::lane::{Lane, LaneHead, LaneStep};
use crate::connection::role::Role;
use crate::connection::segment::{HeldBack, SegmentDraft, SegmentKind};
use crate::connection::sizes::{IPV6_LEN, IPV6_PLAIN_MAX, JUMBO_OPTION_LEN};
use crate::flow::{Viewed, Way};

/// Half a round trip, for the handshake, where no record has a round trip time; and the time in which a
/// responder thinks.
const TURN_NS: i64 = 500_000;

/// The delays in a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turns {
    /// From the SYN to the SYN-ACK, in nanoseconds.
    answer_ns: i64,
    /// From the SYN-ACK to the next segment of the initiator, in nanoseconds.
    confirm_ns: i64,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            answer_ns: TURN_NS,
            confirm_ns: TURN_NS,
        }
    }
}

impl Turns {
    /// Returns the delays by the first round trip time in the records of a connection.
    ///
    /// Where the initiator's ENI saw the packets, the SYN-ACK comes back after a round trip. Where
    /// the responder's ENI saw them, the SYN-ACK leaves at once, and its ACK takes a round trip. Of
    /// less than a millisecond, only that is known, so it is the usual round trip.
    pub(super) fn of(records: &[Viewed], role: Role) -> Self {
        let measured = records
            .iter()
            .find_map(|o| Some((o, o.rtt_ms.filter(|rtt| *rtt > 0)?)));
        let Some((o, rtt_ms)) = measured else {
            return Self::default();
        };
        let rtt_ns = i64::from(rtt_ms) * 1_000_000;
        let is_at_initiator = o.leaving != Some(o.way != role.initiator);
        if is_at_initiator {
            Self {
                answer_ns: rtt_ns,
                confirm_ns: AT_ONCE_NS,
            }
        } else {
            Self {
                answer_ns: AT_ONCE_NS,
                confirm_ns: rtt_ns,
            }
        }
    }
}

/// The time in which a machine in the same data center answers.
const AT_ONCE_NS: i64 = 50_000;

/// The maximum number of segments for which memory is reserved in advance; the vector grows beyond
/// that.
const RESERVE_MAX: usize = 1 << 16;

/// Minimum time between two segments of one side, and of both where there is no room for more.
const STEP_NS: i64 = 1_000;

/// Segments of a connection's end, for which there must be time too.
const CLOSING_SEGMENTS: u64 = 4;

/// What the merge did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Merged {
    /// The number of segments that causality moved out of their record's window.
    pub moved: u64,
    /// The largest number of data segments in a row without a segment from the other side between them.
    pub longest_row: usize,
}

/// Merges the lanes of a connection into `out`.
pub(super) fn merge(lanes: [Lane; 2], turns: Turns, out: &mut Vec<SegmentDraft>) -> Merged {
    let counts = lanes.iter().flat_map(Lane::plans).map(|p| p.plan.count());
    let count: u64 = counts.fold(0, u64::saturating_add);
    out.reserve(usize::try_from(count).unwrap_or(0).min(RESERVE_MAX));
    let mut merge = LaneMerge::new(lanes, turns);
    loop {
        merge.send_bodies(out);
        let Some((way, due_ns)) = merge.next() else {
            return merge.merged;
        };
        out.push(merge.send(way, due_ns));
    }
}

struct LaneMerge {
    sides: [LaneProgress; 2],
    initiator: Way,
    last_ns: i64,
    last_way: Option<Way>,
    /// Data segments that were sent last without a segment from the other side.
    row: usize,
    /// The time of the latest data of the initiator, if the responder has sent none since.
    asked_ns: Option<i64>,
    turns: Turns,
    merged: Merged,
}

/// One lane and what it has sent so far.
struct LaneProgress {
    lane: Lane,
    has_syn: bool,
    has_fin: bool,
    has_sent: bool,
    syns_sent: u64,
    others_sent: u64,
    rsts_sent: u64,
    fin_sent: bool,
    /// Sequence numbers sent that the other side may acknowledge at any time.
    units_sent: u64,
    /// Pure ACKs sent, each of which needs one such sequence number from the other side.
    acks_sent: u64,
    /// Data segments sent of the current record.
    data_done: u64,
    /// What the head needs if it is a body segment, and [`Lane::body_left`]: both are used several times
    /// for each segment.
    need: DataNeed,
    body_left: u64,
}

impl LaneProgress {
    fn new(lane: Lane) -> Self {
        let has_syn = lane.plans().any(|p| p.plan.syns > 0);
        let has_fin = lane.plans().any(|p| p.plan.fin);
        let mut progress = Self {
            lane,
            has_syn,
            has_fin,
            has_sent: false,
            syns_sent: 0,
            others_sent: 0,
            rsts_sent: 0,
            fin_sent: false,
            units_sent: 0,
            acks_sent: 0,
            data_done: 0,
            need: DataNeed::Ack,
            body_left: 0,
        };
        progress.meet_head();
        progress
    }

    /// Finds out what the new head needs.
    #[inline]
    fn meet_head(&mut self) {
        if self.lane.is_first() {
            self.data_done = 0;
        }
        self.body_left = self.lane.body_left();
        self.need = self.data_need();
    }

    fn fin_answers(&self) -> bool {
        self.lane.current().is_some_and(|p| p.fin_answers)
    }

    fn rst_crosses(&self) -> bool {
        self.lane.current().is_some_and(|p| p.rst_crosses)
    }

    /// Whether its FIN, or the RST that crosses the other side's FIN, is still to come.
    fn is_about_to_close(&self) -> bool {
        self.has_fin && !self.fin_sent || self.rst_crosses() && self.rsts_sent == 0
    }

    /// Whether it will still send something that a segment waiting until `until` can acknowledge.
    fn gives_before(&self, until: i64) -> bool {
        self.lane.gives_before(until, self.data_done)
    }

    /// Whether a body segment at the head must carry data, must not, or may do either.
    fn data_need(&self) -> DataNeed {
        let Some(p) = self.lane.current() else {
            return DataNeed::Ack;
        };
        let body = p.plan.body - p.trail;
        data_need((self.data_done, p.plan.data), (self.body_left, body))
    }
}

/// Whether the next of the `body` segments of a record, of which `body_left` are left, must carry data,
/// must not, or may do either, if `done` of `data` segments with data are sent.
#[inline]
fn data_need((done, data): (u64, u64), (body_left, body): (u64, u64)) -> DataNeed {
    let left = data - done;
    if left == 0 {
        DataNeed::Ack
    } else if left >= body_left {
        DataNeed::Data
    } else {
        let is_late =
            u128::from(done) * u128::from(body) <= u128::from(data) * u128::from(body - body_left);
        DataNeed::Either { data: is_late }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DataNeed {
    Data,
    Ack,
    Either { data: bool },
}

impl DataNeed {
    /// Whether the body segment at the head carries data.
    fn is_data(self, step: LaneStep, credit: Credit) -> bool {
        match self {
            Self::Data => true,
            Self::Ack => false,
            Self::Either { data } => {
                step == LaneStep::Request
                    || (data && step != LaneStep::Established)
                    || !credit.enough
            }
        }
    }
}

impl LaneMerge {
    fn new(lanes: [Lane; 2], turns: Turns) -> Self {
        let initiator = if lanes[0].initiates {
            Way::Up
        } else {
            Way::Down
        };
        Self {
            sides: lanes.map(LaneProgress::new),
            initiator,
            last_ns: i64::MIN,
            last_way: None,
            row: 0,
            asked_ns: None,
            turns,
            merged: Merged::default(),
        }
    }

    fn side(&self, way: Way) -> &LaneProgress {
        &self.sides[way.index()]
    }

    /// Returns the direction whose head is sent next, and the time at which it is due; `None` when both
    /// lanes are done.
    #[inline]
    fn next(&self) -> Option<(Way, i64)> {
        let (first, second) = (self.initiator, self.initiator.reverse());
        let heads = (self.side(first).lane.head(), self.side(second).lane.head());
        let (a, b) = match heads {
            (Some(a), Some(b)) => (a, b),
            (Some(a), None) => return Some((first, self.due(first, a))),
            (None, Some(b)) => return Some((second, self.due(second, b))),
            (None, None) => return None,
        };
        let (mut earlier, mut later) = (
            (first, a, self.due(first, a)),
            (second, b, self.due(second, b)),
        );
        if later.2 < earlier.2 {
            (earlier, later) = (later, earlier);
        }
        if let (LaneStep::Body(_), LaneStep::Body(_)) = (a.step, b.step) {
            // The handshake is over. If each waits for the other, the earlier one is sent.
            let yields = self.lacks_credit(earlier.0, earlier.1, later.1)
                && !self.lacks_credit(later.0, later.1, earlier.1);
            let next = if yields { later } else { earlier };
            return Some((next.0, next.2));
        }
        let is_rst = |head: &LaneHead| matches!(head.step, LaneStep::Rst(_));
        let next = if !self.waits(earlier.0, earlier.1, later.1) {
            earlier
        } else if !self.waits(later.0, later.1, earlier.1) {
            later
        } else if is_rst(earlier.1) && !is_rst(later.1) {
            // Each waits for the other: a RST is the one to wait longer.
            later
        } else {
            earlier
        };
        Some((next.0, next.2))
    }

    /// Returns the time at which a head would be sent if nothing held it back.
    fn due(&self, way: Way, head: &LaneHead) -> i64 {
        let peer = self.side(way.reverse());
        let turn_ns = match head.step {
            // A handshake takes one round trip, whatever the windows of its records are.
            LaneStep::Established if peer.syns_sent > 0 => Some(self.turns.confirm_ns),
            LaneStep::Request => Some(TURN_NS),
            LaneStep::Syn(_) if peer.syns_sent > 0 && !self.side(way).has_sent => {
                Some(self.turns.answer_ns)
            }
            _ => None,
        };
        if let Some(turn_ns) = turn_ns {
            head.window
                .0
                .max(self.last_ns.saturating_add(turn_ns))
                .min(head.window.1 - 1)
        } else {
            head.preferred_ns
        }
    }

    /// Whether the head of `way` must wait for the head of the other side.
    fn waits(&self, way: Way, own: &LaneHead, peer_head: &LaneHead) -> bool {
        let (side, peer) = (self.side(way), self.side(way.reverse()));
        let peer_is_near = peer_head.window.0 < own.window.1;
        match own.step {
            LaneStep::Syn(_) => !side.lane.initiates && peer.has_syn && peer.syns_sent == 0,
            LaneStep::Rst(_) if side.lane.initiates || !peer.has_syn || side.has_syn => {
                let crosses = side.rst_crosses() && side.fin_sent;
                let yields = matches!(peer_head.step, LaneStep::Rst(_)) && side.lane.initiates;
                peer_is_near && !crosses && !yields
            }
            // A refusal: each SYN is answered by its RST.
            LaneStep::Rst(_) => peer_is_near && peer.syns_sent <= side.rsts_sent,
            _ if self.in_handshake(way, own, peer_head) => true,
            LaneStep::Trail if peer.has_fin && !peer.fin_sent => peer_is_near,
            LaneStep::Body(_) | LaneStep::Established | LaneStep::Request | LaneStep::Trail => {
                self.lacks_credit(way, own, peer_head)
            }
            LaneStep::Fin => side.fin_answers() && peer_is_near && peer.is_about_to_close(),
        }
    }

    /// Whether the head of `way` is a pure ACK, and the other side will soon send something for it.
    #[inline]
    fn lacks_credit(&self, way: Way, own: &LaneHead, peer_head: &LaneHead) -> bool {
        self.side(way).need == DataNeed::Ack
            && peer_head.window.0 < own.window.1
            && !self.has_credit(way)
            && self.side(way.reverse()).gives_before(own.window.1)
    }

    /// Whether a segment after the SYNs comes too early for its handshake.
    fn in_handshake(&self, way: Way, own: &LaneHead, peer_head: &LaneHead) -> bool {
        let (side, peer) = (self.side(way), self.side(way.reverse()));
        let peer_opens = matches!(peer_head.step, LaneStep::Syn(_)) && peer.syns_sent == 0;
        if side.lane.initiates {
            // The SYN may not be in the archive, and the SYN-ACK in another record than what follows.
            return peer_opens && (side.has_syn || peer_head.window.0 < own.window.1);
        }
        let unconfirmed = side.syns_sent > 0 && peer.others_sent + peer.rsts_sent == 0;
        let asks = peer_head.step == LaneStep::Request;
        peer_opens || asks || unconfirmed && peer_head.step == LaneStep::Established
    }

    /// Whether the other side has sent something that a pure ACK can acknowledge.
    fn has_credit(&self, way: Way) -> bool {
        let (side, peer) = (self.side(way), self.side(way.reverse()));
        !peer.has_sent || peer.units_sent > side.acks_sent
    }

    /// Sends the head of `way`, which is due at `due_ns`.
    #[inline]
    fn send(&mut self, way: Way, due_ns: i64) -> SegmentDraft {
        let lane = &self.side(way).lane;
        let head = *lane.head().expect("`next` names a lane with a head");
        let credit = Credit {
            enough: self.has_credit(way),
            spent: self.side(way.reverse()).has_sent,
        };
        let is_data = self.side(way).need.is_data(head.step, credit);
        let body_left = self.sides[0]
            .body_left
            .saturating_add(self.sides[1].body_left);
        let earliest_ns = self.earliest_ns((way, is_data), head.window.1, body_left);
        let not_before = head.window.0.max(earliest_ns);
        let time_ns = due_ns.max(not_before);
        self.merged.moved += u64::from(time_ns >= head.window.1);
        self.last_ns = time_ns;
        let draft = self.sides[way.index()].send(head.step, time_ns, (credit, is_data));
        self.note_row(way, &draft);
        draft
    }

    /// Notes whose turn it was, and how many data segments there are in a row.
    #[inline]
    fn note_row(&mut self, way: Way, draft: &SegmentDraft) {
        if self.last_way != Some(way) {
            (self.last_way, self.row) = (Some(way), 0);
        }
        if draft.payload > 0 {
            self.asked_ns = (way == self.initiator).then_some(draft.time_ns);
            self.row += usize::from(draft.kind == SegmentKind::Plain);
            self.merged.longest_row = self.merged.longest_row.max(self.row);
        }
    }

    /// Returns the time before which the head of `way` would come too soon after what was sent. Its record
    /// ends at `until_ns`, and `body_left` body segments of both records are left.
    #[inline]
    fn earliest_ns(&self, (way, is_data): (Way, bool), until_ns: i64, body_left: u64) -> i64 {
        let next_ns = self.last_ns.saturating_add(STEP_NS);
        let asked_ns = self.asked_ns.filter(|_| is_data && way != self.initiator);
        if self.last_way.is_none_or(|last| last == way) && asked_ns.is_none() {
            return next_ns;
        }
        // Half of the time that is left is enough for every segment that is left.
        let left = i64::try_from(body_left.saturating_add(CLOSING_SEGMENTS)).unwrap_or(i64::MAX);
        let room_ns = until_ns.saturating_sub(self.last_ns) / left.saturating_mul(2);
        let at_once_ns = self.last_ns.saturating_add(AT_ONCE_NS.min(room_ns));
        let thought_ns = asked_ns.map(|asked_ns| asked_ns.saturating_add(TURN_NS.min(room_ns)));
        next_ns.max(at_once_ns).max(thought_ns.unwrap_or(next_ns))
    }
}

/// Whether a pure ACK has something to acknowledge, and whether it uses that up.
#[derive(Clone, Copy, Debug)]
struct Credit {
    enough: bool,
    spent: bool,
}

impl LaneProgress {
    /// Removes the head, which is `step`, from the lane. A body segment carries data if `is_data`.
    #[inline]
    fn send(
        &mut self,
        step: LaneStep,
        time_ns: i64,
        (credit, is_data): (Credit, bool),
    ) -> SegmentDraft {
        let planned = self.lane.current().expect("a head has a plan");
        let plan = &planned.plan;
        let is_first_of_side = !self.has_sent;
        self.has_sent = true;
        let mut draft = SegmentDraft {
            time_ns,
            record: plan.record,
            original_len: 0,
            payload: 0,
            tcp_len: 0,
            way: self.lane.way,
            kind: SegmentKind::Plain,
            again: false,
            idle: false,
            late: false,
            is_first: self.lane.is_first(),
            held: HeldBack::default(),
        };
        let mut headers_len = plan.plain_len;
        match step {
            LaneStep::Syn(index) => {
                (headers_len, draft.payload) = plan.syn_len(index);
                draft.kind = if self.lane.initiates {
                    SegmentKind::Syn
                } else {
                    SegmentKind::SynAck
                };
                draft.again = self.syns_sent > 0;
                self.syns_sent += 1;
            }
            LaneStep::Established | LaneStep::Request | LaneStep::Body(_) | LaneStep::Trail => {
                if is_data {
                    draft.payload = plan.payload_of(self.data_done);
                    self.data_done += 1;
                } else {
                    draft.idle = !credit.enough && !is_first_of_side;
                    self.acks_sent += u64::from(credit.enough && credit.spent);
                }
                self.others_sent += 1;
            }
            LaneStep::Fin => {
                draft.kind = SegmentKind::Fin;
                draft.again = planned.fin_again;
                draft.payload = plan.payload_of_fin();
                self.fin_sent = true;
                self.others_sent += 1;
            }
            LaneStep::Rst(index) => {
                headers_len = plan.rst_len;
                draft.kind = SegmentKind::Rst;
                draft.payload = plan.payload_of_rst(index);
                self.rsts_sent += 1;
            }
        }
        draft.tcp_len = u8::try_from(headers_len - plan.ip_len).unwrap_or(u8::MAX);
        draft.original_len = headers_len + draft.payload;
        if plan.ip_len == IPV6_LEN && draft.original_len > IPV6_PLAIN_MAX {
            draft.payload -= JUMBO_OPTION_LEN;
        }
        self.units_sent += u64::from(draft.units());
        self.lane.advance();
        self.meet_head();
        draft
    }
}

#[cfg(test)]
mod tests;
