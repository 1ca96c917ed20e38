//! One direction of a connection: its segments in the order in which they are sent.
//!
//! A lane goes through the plans of one direction, record by record: SYNs, body, FIN, the ACK of
//! the other side's FIN, RSTs. For the segment at its head it gives the kind and the preferred time
//! by its own record. Whether the segment may be sent yet depends on the other lane, and
//! [`crate::connection::merge`] decides that.

use crate::connection::inference::InferenceRule;
use crate::connection::plan::SegmentPlan;
use crate::connection::spread::{Bias, Pace, Spread, share};
use crate::flow::Way;
use crate::time::SECOND_NS;

/// Minimum time from a record's last SYN to the end of its window.
const SYN_MARGIN_NS: i64 = 1_000_000;

/// How far after a segment's window a record may end whose FIN the segment still acknowledges: flow
/// logs round to seconds.
const FIN_AFTER_NS: i64 = 2 * SECOND_NS;

/// First retransmission timeout of a SYN (RFC 6298 section 2).
const SYN_TIMEOUT_NS: i64 = SECOND_NS;

/// The kind of the segment at the head of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LaneStep {
    /// The SYN or SYN-ACK with this index.
    Syn(u64),
    /// The initiator's first segment after the SYN-ACK.
    Established,
    /// The initiator's first data, before the responder has sent anything.
    Request,
    /// The body segment with this index among those spread over the record.
    Body(u64),
    /// The FIN.
    Fin,
    /// The ACK of the other side's FIN.
    Trail,
    /// The RST with this index.
    Rst(u64),
}

/// The segment at the head of a lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct LaneHead {
    pub step: LaneStep,
    /// The time it would be sent by its own record alone.
    pub preferred_ns: i64,
    /// The record's window.
    pub window: (i64, i64),
}

/// One direction of a connection.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub way: Way,
    pub initiates: bool,
    plans: Vec<Planned>,
    at: usize,
    /// Segments of the current record that are sent.
    done: u64,
    /// The course of the current record.
    course: Course,
    /// The run of the head in that course, and the head's index in the run.
    run: usize,
    index: u64,
    /// The segment at the head; `None` when all plans are done.
    head: Option<LaneHead>,
}

/// The segments of one record, in runs of the same kind: worked out once for all of them.
#[derive(Clone, Copy, Debug)]
struct Course {
    /// The number of SYNs, of first segments after the SYN-ACK, of requests, of spread body segments, of
    /// FINs, of ACKs of the other side's FIN, and of RSTs.
    runs: [u64; RUNS],
    /// The times of the last four runs.
    pace: Pace,
}

/// Runs of a course.
const RUNS: usize = 7;

/// The run of the spread body, and the first with times from [`Course::pace`].
const SPREAD_RUN: usize = 3;

/// A plan together with facts from the rest of the connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planned {
    pub plan: SegmentPlan,
    /// Packets that the record counts.
    pub logged: u64,
    /// The number of body segments that are the initiator's first after the SYN-ACK: 0 or 1.
    pub established: u64,
    /// The number of body segments that are the initiator's first data: 0 or 1.
    pub request: u64,
    /// The number of body segments reserved for acknowledging the other side's FIN: 0 or 1.
    pub trail: u64,
    /// The times of the body.
    pub spread: Spread,
    /// Whether the other side closes first, and this FIN answers its FIN.
    pub fin_answers: bool,
    /// Whether the RSTs answer data that came after this side's FIN, so that the other side's FIN
    /// may cross them.
    pub rst_crosses: bool,
    /// Whether the FIN repeats one in an earlier record.
    pub fin_again: bool,
}

impl Planned {
    pub(super) fn new(plan: SegmentPlan, logged: u64) -> Self {
        Self {
            plan,
            logged,
            established: 0,
            request: 0,
            trail: 0,
            spread: Spread::alone(plan.window),
            fin_answers: false,
            rst_crosses: false,
            fin_again: false,
        }
    }

    /// Returns the number of body segments that are spread over the record's window.
    fn spread_count(&self) -> u64 {
        self.plan.body - self.established - self.request - self.trail
    }

    fn course(&self, initiates: bool) -> Course {
        Course {
            runs: [
                self.plan.syns,
                self.established,
                self.request,
                self.spread_count(),
                u64::from(self.plan.fin),
                self.trail,
                self.plan.rsts,
            ],
            pace: self.pace(initiates),
        }
    }

    /// Returns the times of the body, and of what comes after it.
    fn pace(&self, initiates: bool) -> Pace {
        let opened = self.plan.syns + self.established > 0;
        let count = self.spread_count() + u64::from(self.plan.fin) + self.trail + self.plan.rsts;
        let bias = match (opened, initiates) {
            _ if !InferenceRule::Response.applies() => Bias::EVEN,
            (true, true) if self.request > 0 => self.awaits(),
            (true, false) => Bias::RESPONDS.fitted("RESPONDS"),
            _ => Bias::EVEN,
        };
        self.spread.pace(count, bias, opened)
    }

    /// Returns the bias of an initiator that waits for the response to its request: how much the
    /// responder still sends after the last packet depends on what that packet is.
    fn awaits(&self) -> Bias {
        if !InferenceRule::LastOfRecord.applies() {
            return Bias::AWAITS;
        }
        match self.plan.fin && self.plan.rsts == 0 {
            true => Bias::AWAITS_CLOSE.fitted("AWAITS_CLOSE"),
            false => Bias::AWAITS_ON.fitted("AWAITS_ON"),
        }
    }

    /// Returns the time of the SYN with that index: each retransmission waits twice as long as the
    /// previous one (RFC 6298 section 5).
    fn syn_ns(&self, index: u64, initiates: bool) -> i64 {
        let (from, until) = self.plan.window;
        let (length, n) = (until - from, self.plan.syns);
        let lead = lead_ns(length, if initiates { n } else { n + 1 });
        if index == 0 {
            return from + lead;
        }
        let waits = |retries: u64| (1_i64 << retries.min(40)) - 1;
        let room = (length - lead - SYN_MARGIN_NS).max(0);
        if n <= 16 {
            let unit = (room / waits(n - 1)).min(SYN_TIMEOUT_NS);
            return from + lead + unit * waits(index);
        }
        from + lead + share(room, index, n)
    }
}

/// Returns the offset of the first of `n` packets in a window of `length`.
fn lead_ns(length: i64, n: u64) -> i64 {
    share(length.min(SECOND_NS), 1, (n + 1).saturating_mul(4).max(8))
}

impl Lane {
    /// Creates a lane from these plans, all of direction `way`, in order of start.
    pub(super) fn new(way: Way, initiates: bool, plans: Vec<Planned>) -> Self {
        let mut lane = Self {
            way,
            initiates,
            plans,
            at: 0,
            done: 0,
            course: Course::default(),
            run: 0,
            index: 0,
            head: None,
        };
        if lane.begin_record() {
            lane.find_head();
        }
        lane
    }

    /// Returns all plans of the direction.
    pub(super) fn plans(&self) -> impl Iterator<Item = &Planned> {
        self.plans.iter()
    }

    /// Returns the plan of the segment at the head.
    pub(super) fn current(&self) -> Option<&Planned> {
        self.plans.get(self.at)
    }

    /// Returns the segment at the head.
    pub(super) fn head(&self) -> Option<&LaneHead> {
        self.head.as_ref()
    }

    /// Whether the segment at the head is the first of its record.
    pub(super) fn is_first(&self) -> bool {
        self.done == 0
    }

    /// Returns the number of body segments of the current record that are still to come before its
    /// FIN, including the head: the ones that may carry data.
    pub(super) fn body_left(&self) -> u64 {
        self.current().map_or(0, |p| {
            let before_fin = p.plan.body - p.trail;
            before_fin.saturating_sub(self.done.saturating_sub(p.plan.syns))
        })
    }

    /// Whether a segment that can be acknowledged is still to come in records that begin before
    /// `until`; `data_done` data segments of the current record are already sent.
    pub(super) fn gives_before(&self, until: i64, data_done: u64) -> bool {
        let near = self.plans[self.at..]
            .iter()
            .take_while(|p| p.plan.window.0 < until);
        near.enumerate().any(|(i, p)| {
            let done = if i == 0 { data_done } else { 0 };
            let ahead =
                i > 0 || self.done <= p.plan.syns + p.established + p.request + p.spread_count();
            // A FIN comes at the end of its record.
            let closes = p.plan.fin && !p.fin_again && p.plan.window.1 - FIN_AFTER_NS < until;
            p.plan.data > done || closes && ahead
        })
    }

    /// Returns the times of the current record's spread segments, the index among them that is next, and
    /// how many there are.
    pub(super) fn body_run(&self) -> (Pace, u64, u64) {
        let end = self.course.runs[SPREAD_RUN];
        (self.course.pace, self.index.min(end), end)
    }

    /// Moves on past `count` spread segments of the current record.
    pub(super) fn advance_by(&mut self, count: u64) {
        if count > 0 {
            self.done += count;
            self.index += count;
            self.find_head();
        }
    }

    /// Moves on to the next segment.
    #[inline]
    pub(super) fn advance(&mut self) {
        self.done += 1;
        self.index += 1;
        // Nearly all segments are those of a body.
        if self.run == SPREAD_RUN
            && self.index < self.course.runs[SPREAD_RUN]
            && let Some(head) = &mut self.head
        {
            let preferred_ns = self.course.pace.instant(self.index);
            head.step = LaneStep::Body(self.index);
            head.preferred_ns = preferred_ns.max(head.window.0);
            return;
        }
        self.find_head();
    }

    /// Begins the record at `at`; returns whether there is one.
    fn begin_record(&mut self) -> bool {
        (self.done, self.run, self.index) = (0, 0, 0);
        let planned = self.plans.get(self.at);
        if let Some(planned) = planned {
            self.course = planned.course(self.initiates);
        }
        planned.is_some()
    }

    fn find_head(&mut self) {
        while self.index == self.course.runs[self.run] {
            (self.run, self.index) = (self.run + 1, 0);
            if self.run == RUNS {
                self.at += 1;
                if !self.begin_record() {
                    self.head = None;
                    return;
                }
            }
        }
        let planned = &self.plans[self.at];
        let window = planned.plan.window;
        let index = self.index;
        let preferred_ns = match self.run {
            0 => planned.syn_ns(index, self.initiates),
            1..SPREAD_RUN => window.0,
            run => {
                let earlier: u64 = self.course.runs[SPREAD_RUN..run].iter().sum();
                self.course.pace.instant(earlier + index)
            }
        };
        self.head = Some(LaneHead {
            step: LaneStep::of(self.run, index),
            preferred_ns: preferred_ns.max(window.0),
            window,
        });
    }
}

impl Default for Course {
    fn default() -> Self {
        Self {
            runs: [0; RUNS],
            pace: Spread::alone((0, 0)).pace(0, Bias::EVEN, false),
        }
    }
}

impl LaneStep {
    /// Returns the step at `index` of a run of [`Course::runs`].
    fn of(run: usize, index: u64) -> Self {
        match run {
            0 => Self::Syn(index),
            1 => Self::Established,
            2 => Self::Request,
            3 => Self::Body(index),
            4 => Self::Fin,
            5 => Self::Trail,
            _ => Self::Rst(index),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
