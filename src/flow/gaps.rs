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

mod part;
mod stretch;
mod timeline;

use crate::flow::gaps::part::{GapPart, runs};
use crate::flow::gaps::stretch::stretches;
use crate::flow::gaps::timeline::{ViewTimeline, Window, Windows};
use crate::flow::{Viewed, Way};
use crate::record::ObservedFlags;

pub(super) use crate::flow::gaps::part::Used;
pub(super) use crate::flow::gaps::timeline::{PAUSE_MAX_NS, is_interval};

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
    pub(super) fn with(vantage: &[Viewed]) -> Self {
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
    pub(super) fn fill(&mut self, records: &[Viewed], ahead_ns: Option<i64>) -> Vec<Used> {
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
fn window(o: &Viewed, ahead_ns: i64) -> Window {
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

#[cfg(test)]
mod tests;
