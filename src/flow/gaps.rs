//! Fills gaps in the vantage's records from the records of other views.
//!
//! Each view logs a conversation in its own intervals, by its own clock, and may have lost some of
//! them. So a record of another view may be in a gap of the vantage, overlap its records, or cross
//! the edge of a gap. This module decides how many packets of each such record the vantage does not
//! have. It does not choose the vantage ([`vantage`](crate::flow::vantage)), and it does not move
//! records to another clock ([`clock`](crate::flow::clock)): it only compares times as if they had
//! been moved.
//!
//! # How much of a record is used
//! Each direction of the conversation is compared separately with all records already used:
//! - A record that overlaps none of them is used whole. A record that is short, or in a pause that
//!   is shorter than an interval, may contain the edge packets of neighboring records because a
//!   clock is off, so its counts decide.
//! - A record that lies entirely within them is not used.
//! - A record that crosses the edge of a gap is used in part. The size of the part follows from the
//!   counts: both views counted the same packets wherever both have records, so over a period that
//!   begins and ends at the same time for both, the difference of their counts is the packets that
//!   the other view did not log. Only where both views have gaps in one period does the time that
//!   each record spends in a gap decide together with the counts; the part is then an estimate.

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

/// The records used so far for both directions of a conversation.
#[derive(Debug)]
pub(super) struct Filled {
    /// The records of the vantage.
    vantage: [ViewTimeline; 2],
    /// The same, and the records used from other views.
    used: [Windows; 2],
}

impl Filled {
    /// Starts with the records of the vantage, all of which are used.
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

    /// Returns how much is used of each of these records of one view, which are in order of start,
    /// and adds them. The clock of the view is about `ahead_ns` ahead of the vantage's; `None` if
    /// it is the same clock.
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
            // A part begins in its run, so parts are in order unless runs overlap by an edge.
            added.sort_by_key(|window| window.from_ns);
            used_so_far.add(&added);
        }
        used
    }
}

/// Returns the window of a record by the vantage's clock.
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
