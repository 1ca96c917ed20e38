//! Fills the gaps of the vantage from the records of other views.
//!
//! Each view logs a conversation in intervals of its own, by a clock of its own, and may have
//! lost some of them. So a record of another view may lie in a gap of the vantage, beside its
//! records, or across the edge of a gap. This module decides how many packets of each such
//! record the vantage does not have. It does not choose the vantage
//! ([`vantage`](crate::flow::vantage)), and it moves no record to another clock
//! ([`clock`](crate::flow::clock)): it only compares times as if it had.
//!
//! # How a record is judged
//! One way of the conversation at a time, against all records that are used already:
//! - A record that meets none of them is used whole. One that is short, or in a silence that is
//!   shorter than an interval, may have the edge packets of the records beside it by a clock that
//!   is off, so it is judged by counts.
//! - A record that lies within them is not used.
//! - A record across the edge of a gap is used in part. How large the part is follows from
//!   counts: both views counted the same packets wherever both have records, so what the one
//!   counts more in a stretch that both begin and end together, the other did not log. Only
//!   where both views have gaps in one stretch, the time that each record spends in a gap
//!   decides with the counts: then the part is an estimate.

mod stretch;
mod timeline;

use crate::flow::gaps::stretch::stretches;
use crate::flow::gaps::timeline::{EDGE_NS, ViewTimeline, Window, Windows};
use crate::flow::{Observation, Way};
use crate::record::ObservedFlags;

pub(super) use crate::flow::gaps::timeline::{PAUSE_MAX_NS, is_interval};

/// How much of a record is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Used {
    /// Nothing: its packets are in records of other views.
    Nothing,
    /// All of its packets.
    Whole,
    /// This part of it.
    Part(GapPart),
}

/// Part of a record's packets, at least one, and when they passed, by the vantage's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GapPart {
    packets: u64,
    from_ns: i64,
    /// First instant after the part.
    until_ns: i64,
}

impl GapPart {
    /// Cuts a record, whose clock is `ahead_ns` ahead of the vantage's, down to this part.
    ///
    /// A SYN is the first packet of its record, and FIN or RST the last ones: they stay in the part
    /// that has them.
    pub(super) fn cut(&self, o: &mut Observation, ahead_ns: i64) {
        let step_ns = o.until_ns().saturating_sub(o.end_ns);
        let from_ns = self.from_ns.saturating_add(ahead_ns);
        let until_ns = self.until_ns.saturating_add(ahead_ns);
        let mut lost = 0;
        if from_ns > o.start_ns.saturating_add(EDGE_NS) {
            lost |= ObservedFlags::SYN.0;
        }
        if until_ns < o.until_ns().saturating_sub(EDGE_NS) {
            lost |= ObservedFlags::FIN.0 | ObservedFlags::RST.0;
        }
        o.flags = o.flags.map(|flags| ObservedFlags(flags.0 & !lost));
        o.start_ns = o.start_ns.max(from_ns);
        o.end_ns = o
            .end_ns
            .min(until_ns.saturating_sub(step_ns))
            .max(o.start_ns);
        o.bytes = o
            .bytes
            .map(|bytes| share(bytes, self.packets, o.packets.max(1)));
        o.left_out = o.packets - self.packets;
        o.packets = self.packets;
    }

    /// The time that it fills.
    fn window(&self) -> Window {
        Window {
            from_ns: self.from_ns,
            until_ns: self.until_ns,
            packets: self.packets,
            bytes: 0,
            opens: false,
        }
    }
}

/// `value × part / whole`, to the nearest number.
fn share(value: u64, part: u64, whole: u64) -> u64 {
    let shared = (u128::from(value) * u128::from(part) + u128::from(whole) / 2) / u128::from(whole);
    u64::try_from(shared).unwrap_or(u64::MAX)
}

/// What is used so far of both ways of a conversation.
#[derive(Debug)]
pub(super) struct Filled {
    /// What the vantage logged.
    vantage: [ViewTimeline; 2],
    /// That, and what was taken from other views.
    used: [Windows; 2],
}

impl Filled {
    /// The records of the vantage, all of which are used.
    pub(super) fn with(vantage: &[Observation]) -> Self {
        let vantage = Way::BOTH.map(|way| {
            let own = vantage.iter().filter(|o| o.way == way);
            ViewTimeline::of(own.map(|o| window(o, 0)))
        });
        Self {
            used: vantage.each_ref().map(|way| way.windows().clone()),
            vantage,
        }
    }

    /// Says how much is used of each of these records of one view, which are in order of start, and
    /// takes that in. The clock of the view is `ahead_ns` ahead of the vantage's, about; none if it
    /// is the same clock.
    pub(super) fn fill(&mut self, records: &[Observation], ahead_ns: Option<i64>) -> Vec<Used> {
        let mut used = vec![Used::Nothing; records.len()];
        for way in Way::BOTH {
            let own = (0..records.len()).filter(|i| records[*i].way == way);
            let windows = own.map(|i| (i, window(&records[i], ahead_ns.unwrap_or(0))));
            let theirs = ViewTimeline::of(windows.clone().map(|(_, window)| window));
            let used_so_far = &mut self.used[way.index()];
            let vantage = &self.vantage[way.index()];
            let mut added = Vec::new();
            for stretch in stretches(used_so_far, vantage, runs(windows), ahead_ns.is_none()) {
                for (run, part) in stretch.parts(vantage, &theirs) {
                    added.extend(part.iter().map(GapPart::window));
                    run.divide(part, records, &mut used);
                }
            }
            // A part begins in its run, so they are in order unless runs overlap by an edge.
            added.sort_by_key(|window| window.from_ns);
            used_so_far.add(&added);
        }
        used
    }
}

/// The window of a record by the vantage's clock.
fn window(o: &Observation, ahead_ns: i64) -> Window {
    Window {
        from_ns: o.start_ns.saturating_sub(ahead_ns),
        until_ns: o.until_ns().saturating_sub(ahead_ns),
        packets: o.packets,
        bytes: o.bytes.unwrap_or(0),
        opens: o
            .flags
            .is_some_and(|flags| flags.contains(ObservedFlags::SYN)),
    }
}

/// Records of a view that overlap each other, as accepted and rejected ones of an interval do.
#[derive(Clone, Debug)]
struct RecordRun {
    window: Window,
    records: Vec<usize>,
}

/// Groups records, which are in order of start, into runs.
fn runs(records: impl Iterator<Item = (usize, Window)>) -> Vec<RecordRun> {
    let mut runs: Vec<RecordRun> = Vec::new();
    for (record, window) in records {
        match runs.last_mut() {
            Some(run) if run.window.meets(&window) => {
                run.window.join(&window);
                run.records.push(record);
            }
            _ => runs.push(RecordRun {
                window,
                records: vec![record],
            }),
        }
    }
    runs
}

impl RecordRun {
    /// Divides the part that is used of a run among its records.
    fn divide(&self, part: Option<GapPart>, records: &[Observation], used: &mut [Used]) {
        let Some(mut part) = part else { return };
        let mut counted = self.window.packets;
        for record in &self.records {
            let own = records[*record].packets;
            let packets = share(part.packets, own, counted.max(1)).min(own);
            used[*record] = match packets {
                0 if own > 0 => Used::Nothing,
                _ if packets == own => Used::Whole,
                _ => Used::Part(GapPart { packets, ..part }),
            };
            part.packets -= packets.min(part.packets);
            counted = counted.saturating_sub(own);
        }
    }
}

#[cfg(test)]
mod tests;
