//! The middle of a merge: body segments, which are nearly all segments of a large record.
//!
//! While both heads are body segments, or one is and the other lane is done, no handshake and no teardown
//! decides the order. [`LaneMerge::send_bodies`] does for these segments what [`LaneMerge::next`] and
//! [`LaneMerge::send`] do for any segment, with what it needs of both lanes at hand. A test compares the two.

use super::{DataNeed, LaneMerge, LaneProgress, data_need};
use crate::connection::lane::LaneStep;
use crate::connection::segment::{HeldBack, SegmentDraft, SegmentKind};
use crate::connection::sizes::{IPV6_LEN, IPV6_PLAIN_MAX, JUMBO_OPTION_LEN};
use crate::connection::spread::Pace;
use crate::flow::Way;

/// The fewest segments for which it pays to take this way.
const BODIES_MIN: u64 = 4;

/// The body segments of one record that are next in a lane.
struct BodyRun {
    /// A body segment of this record; only its time, payload and first mark change.
    draft: SegmentDraft,
    window: (i64, i64),
    pace: Pace,
    /// The head's index among the spread segments, and the first index after them.
    index: u64,
    end: u64,
    /// The time at which the head is due.
    due_ns: i64,
    /// The record's segments before its FIN, how many of them are left, and how many carry data.
    body: u64,
    body_left: u64,
    data: u64,
    data_done: u64,
    need: DataNeed,
    /// The payload of a data segment, and how many of them have one byte more.
    share: u64,
    larger: u64,
    is_ipv6: bool,
    /// As in [`LaneProgress`].
    has_sent: bool,
    units_sent: u64,
    acks_sent: u64,
}

impl BodyRun {
    /// Whether a lane is done, or goes on with several body segments.
    fn is_next(side: &LaneProgress) -> bool {
        let (_, index, end) = side.lane.body_run();
        side.lane
            .head()
            .is_none_or(|head| matches!(head.step, LaneStep::Body(_)) && end - index >= BODIES_MIN)
    }

    /// Returns the body segments that are next in a lane; an empty run if the lane is done.
    fn next(side: &LaneProgress) -> Self {
        let (pace, index, end) = side.lane.body_run();
        let head = side.lane.head();
        let plan = side.lane.current().map(|p| (p.plan, p.trail));
        let draft = SegmentDraft {
            time_ns: 0,
            record: plan.map_or(0, |(plan, _)| plan.record),
            original_len: plan.map_or(0, |(plan, _)| plan.plain_len),
            payload: 0,
            tcp_len: plan.map_or(0, |(plan, _)| {
                u8::try_from(plan.plain_len - plan.ip_len).unwrap_or(u8::MAX)
            }),
            way: side.lane.way,
            kind: SegmentKind::Plain,
            again: false,
            idle: false,
            late: false,
            is_first: side.lane.is_first(),
            held: HeldBack::default(),
        };
        let (payload, data) = plan.map_or((0, 0), |(plan, _)| (plan.payload, plan.data));
        Self {
            draft,
            window: head.map_or((i64::MAX, i64::MAX), |head| head.window),
            pace,
            index,
            end: if head.is_some() { end } else { index },
            due_ns: head.map_or(i64::MAX, |head| head.preferred_ns),
            body: plan.map_or(0, |(plan, trail)| plan.body - trail),
            body_left: side.body_left,
            data,
            data_done: side.data_done,
            need: side.need,
            share: payload / data.max(1),
            larger: payload % data.max(1),
            is_ipv6: plan.is_some_and(|(plan, _)| plan.ip_len == IPV6_LEN),
            has_sent: side.has_sent,
            units_sent: side.units_sent,
            acks_sent: side.acks_sent,
        }
    }

    fn is_over(&self) -> bool {
        self.index == self.end
    }

    /// Whether the other side has sent something that a pure ACK can acknowledge.
    #[inline]
    fn has_credit(&self, peer: &Self) -> bool {
        !peer.has_sent || peer.units_sent > self.acks_sent
    }

    /// Whether the head is a pure ACK, and the other side will soon send something for it.
    #[inline]
    fn lacks_credit(&self, peer: &Self, peer_side: &LaneProgress) -> bool {
        self.need == DataNeed::Ack
            && peer.window.0 < self.window.1
            && !self.has_credit(peer)
            && peer_side.lane.gives_before(self.window.1, peer.data_done)
    }

    /// Returns the head as it is sent at `time_ns`, and moves on to the next segment.
    #[inline]
    fn send(&mut self, time_ns: i64, is_data: bool, peer: &Self) -> SegmentDraft {
        let mut draft = self.draft;
        draft.time_ns = time_ns;
        if is_data {
            let payload = self.share + u64::from(self.data_done < self.larger);
            draft.payload = u32::try_from(payload).unwrap_or(u32::MAX);
            draft.original_len += draft.payload;
            if self.is_ipv6 && draft.original_len > IPV6_PLAIN_MAX {
                draft.payload -= JUMBO_OPTION_LEN;
            }
            self.data_done += 1;
            self.units_sent += u64::from(draft.payload);
        } else {
            let enough = self.has_credit(peer);
            draft.idle = !enough && self.has_sent;
            self.acks_sent += u64::from(enough && peer.has_sent);
        }
        self.has_sent = true;
        self.draft.is_first = false;
        self.index += 1;
        self.body_left -= 1;
        self.need = data_need((self.data_done, self.data), (self.body_left, self.body));
        if self.index < self.end {
            self.due_ns = self.pace.instant(self.index).max(self.window.0);
        }
        draft
    }
}

impl LaneMerge {
    /// Sends body segments as long as none but such are next.
    pub(super) fn send_bodies(&mut self, out: &mut Vec<SegmentDraft>) {
        let [up, down] = &self.sides;
        if !(BodyRun::is_next(up) && BodyRun::is_next(down)) {
            return;
        }
        let (mut up, mut down) = (BodyRun::next(up), BodyRun::next(down));
        let from = [up.index, down.index];
        // The one lane that is not done, if the other is.
        let alone = match (up.is_over(), down.is_over()) {
            (true, true) => return,
            (true, false) => Some(Way::Down),
            (false, true) => Some(Way::Up),
            (false, false) => None,
        };
        loop {
            let is_over = match alone {
                None => up.is_over() || down.is_over(),
                Some(Way::Up) => up.is_over(),
                Some(Way::Down) => down.is_over(),
            };
            if is_over {
                break;
            }
            let way = alone.unwrap_or_else(|| self.next_body(&up, &down));
            let (own, peer) = match way {
                Way::Up => (&mut up, &down),
                Way::Down => (&mut down, &up),
            };
            out.push(self.send_body(way, own, peer));
        }
        for (run, from) in [(up, from[0]), (down, from[1])] {
            let side = &mut self.sides[run.draft.way.index()];
            let sent = run.index - from;
            side.has_sent = run.has_sent;
            side.others_sent += sent;
            side.units_sent = run.units_sent;
            side.acks_sent = run.acks_sent;
            side.data_done = run.data_done;
            side.lane.advance_by(sent);
            side.meet_head();
        }
    }

    /// Returns the direction whose head is sent next.
    #[inline]
    fn next_body(&self, up: &BodyRun, down: &BodyRun) -> Way {
        let up_is_earlier = match self.initiator {
            Way::Up => up.due_ns <= down.due_ns,
            Way::Down => up.due_ns < down.due_ns,
        };
        let [up_side, down_side] = &self.sides;
        let up_lacks = || up.lacks_credit(down, down_side);
        let down_lacks = || down.lacks_credit(up, up_side);
        // If each waits for the other, the earlier one is sent.
        if up_is_earlier {
            if up_lacks() && !down_lacks() {
                Way::Down
            } else {
                Way::Up
            }
        } else if down_lacks() && !up_lacks() {
            Way::Up
        } else {
            Way::Down
        }
    }

    #[inline]
    fn send_body(&mut self, way: Way, own: &mut BodyRun, peer: &BodyRun) -> SegmentDraft {
        let is_data = match own.need {
            DataNeed::Data => true,
            DataNeed::Ack => false,
            DataNeed::Either { data } => data || !own.has_credit(peer),
        };
        let body_left = own.body_left.saturating_add(peer.body_left);
        let earliest_ns = self.earliest_ns((way, is_data), own.window.1, body_left);
        let time_ns = own.due_ns.max(own.window.0).max(earliest_ns);
        self.merged.moved += u64::from(time_ns >= own.window.1);
        self.last_ns = time_ns;
        let draft = own.send(time_ns, is_data, peer);
        self.note_row(way, &draft);
        draft
    }
}
