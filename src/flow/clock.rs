//! Aligns the clocks of ENIs whose records are used for one conversation.
//!
//! Each ENI dates packets by its own clock, a second or two off. Where one ENI's records cover a
//! whole conversation this does not matter. Where another ENI fills in a direction that the first
//! did not see, a SYN-ACK may be dated before its SYN. The records of the other ENI are then moved
//! to the clock of the vantage, and their comments report it.
//!
//! # How the clocks are compared
//! By the first packet that both saw; otherwise by the SYN of one and the SYN-ACK of the other,
//! which are one round trip apart; otherwise by the start and end of both directions, where they
//! differ in the same sense.

use std::cmp::Reverse;

use crate::flow::{Viewed, Way};
use crate::time::SECOND_NS;

/// The maximum difference between two ENIs' times of the same packet. Observed clocks differ by a
/// second or two in either direction.
pub(super) const SLACK_NS: i64 = SLACK_S as i64 * SECOND_NS;
const SLACK_S: usize = 5;

/// A difference that whole seconds and a round trip explain without a clock error.
const TOLERATED_NS: i64 = SECOND_NS;

/// Returns how far another view's clock is ahead of the vantage's, in nanoseconds but without
/// fractions of a second; 0 where the records do not show it. Both lists are in order of start.
pub(super) fn ahead_ns(vantage: &[Viewed], other: &[Viewed]) -> i64 {
    let same = other.iter().find_map(|o| {
        let seen = vantage.iter().find(|v| v.way == o.way)?;
        let first = other.iter().find(|f| f.way == o.way)?;
        (seen.packets == first.packets).then_some(first.start_ns - seen.start_ns)
    });
    let ahead = same
        .or_else(|| by_handshake(vantage, other))
        .or_else(|| by_ends(vantage, other));
    ahead
        .filter(|ahead| ahead.abs() <= SLACK_NS)
        .map_or(0, |ahead| ahead / SECOND_NS * SECOND_NS)
}

fn by_handshake(vantage: &[Viewed], other: &[Viewed]) -> Option<i64> {
    let syn = |list: &[Viewed]| list.iter().find(|o| o.observed().is_syn()).copied();
    let syn_ack = |list: &[Viewed]| list.iter().find(|o| o.observed().is_syn_ack()).copied();
    let (question, answer, sign) = match (syn(vantage), syn_ack(other)) {
        (Some(syn), Some(syn_ack)) => (syn, syn_ack, 1),
        _ => (syn(other)?, syn_ack(vantage)?, -1),
    };
    let later = answer.start_ns - question.start_ns;
    // An answer in the next second needs no explanation, unless all of them are late.
    let end = |list: &[Viewed]| list.iter().map(|o| o.end_ns).max();
    let all_late = (end(other)? - end(vantage)?) * sign >= later;
    let is_plausible = (0..=TOLERATED_NS).contains(&later) && !all_late;
    Some(if is_plausible { 0 } else { sign * later })
}

fn by_ends(vantage: &[Viewed], other: &[Viewed]) -> Option<i64> {
    let span = |list: &[Viewed]| {
        let end = list.iter().map(|o| o.end_ns).max()?;
        Some((list.first()?.start_ns, end))
    };
    let (ours, theirs) = (span(vantage)?, span(other)?);
    let (begin, end) = (theirs.0 - ours.0, theirs.1 - ours.1);
    let agree = begin.signum() == end.signum() && begin.abs().min(end.abs()) > TOLERATED_NS;
    agree.then_some(i64::midpoint(begin, end))
}

/// The starts and ends of one view's records, per direction.
///
/// They decide whether records of two views cover the same time. That is needed before it is known
/// which records are used ([`gaps`](crate::flow::gaps)); [`ahead_ns`] compares only the records
/// that are used.
pub(super) struct Edges([WayEdges; 2]);

/// The edges of one direction, in order of time.
#[derive(Default)]
struct WayEdges {
    /// First instants of records after a pause.
    begins: Vec<i64>,
    /// Last instants of records before a pause.
    ends: Vec<i64>,
    /// First instant and counts of each record.
    records: Vec<(i64, u64, Option<u64>)>,
}

/// The votes of an edge next to a pause, and of two records with equal counts. Intervals of two
/// views end at different packets, while a burst begins and ends with the same ones.
const BURST_VOTES: u32 = 16;
const RECORD_VOTES: u32 = 1;

/// The number of the vantage's edges that one edge of another view is compared with.
const NEAR_MAX: usize = 4;

impl Edges {
    /// Returns the edges of records, which are in order of start.
    pub(super) fn of(records: &[Viewed]) -> Self {
        Self(Way::BOTH.map(|way| {
            let own = || records.iter().filter(move |o| o.way == way);
            let mut edges = WayEdges::default();
            let mut last_ns = None::<i64>;
            for o in own() {
                if last_ns.is_none_or(|last| o.start_ns.saturating_sub(last) > SLACK_NS) {
                    edges.begins.push(o.start_ns);
                    edges.ends.extend(last_ns);
                }
                last_ns = last_ns.max(Some(o.end_ns));
            }
            edges.ends.extend(last_ns);
            edges.records = own().map(|o| (o.start_ns, o.packets, o.bytes)).collect();
            edges
        }))
    }

    /// Returns how far another view's clock is ahead, in nanoseconds but without fractions of a
    /// second; 0 where its edges do not show it.
    pub(super) fn ahead_ns(&self, other: &[Viewed]) -> i64 {
        // One count for each second from -SLACK_S to SLACK_S, which is as far as `near` looks.
        let mut votes = [0_u32; 2 * SLACK_S + 1];
        let seconds = || -(SLACK_S as i64)..;
        let mut vote = |ahead_ns: i64, weight| {
            let second = (ahead_ns + SECOND_NS / 2).div_euclid(SECOND_NS);
            let known = seconds().zip(&mut votes).find(|(own, _)| *own == second);
            if let Some((_, count)) = known {
                *count = count.saturating_add(weight);
            }
        };
        for (ours, theirs) in self.0.iter().zip(&Self::of(other).0) {
            for (ours, theirs) in [(&ours.begins, &theirs.begins), (&ours.ends, &theirs.ends)] {
                for theirs in theirs {
                    for ours in near(ours, *theirs, |edge| *edge) {
                        vote(theirs - ours, BURST_VOTES);
                    }
                }
            }
            for (start_ns, packets, bytes) in &theirs.records {
                for ours in near(&ours.records, *start_ns, |record| record.0) {
                    if (ours.1, ours.2) == (*packets, *bytes) {
                        vote(start_ns - ours.0, RECORD_VOTES);
                    }
                }
            }
        }
        let best = seconds()
            .zip(votes)
            .max_by_key(|(second, count)| (*count, Reverse((second.abs(), *second))));
        best.map_or(0, |(second, _)| second * SECOND_NS)
    }
}

/// Returns some of `edges` that are no farther from an instant than clocks differ.
fn near<T>(edges: &[T], instant_ns: i64, at: impl Fn(&T) -> i64) -> &[T] {
    let from = edges.partition_point(|edge| at(edge) < instant_ns.saturating_sub(SLACK_NS));
    let rest = &edges[from..];
    let count = rest
        .iter()
        .take(NEAR_MAX)
        .take_while(|edge| at(edge) <= instant_ns.saturating_add(SLACK_NS));
    &rest[..count.count()]
}

/// Moves a record from a clock that is `ahead_ns` ahead to the vantage's clock.
pub(super) fn set_back(o: &mut Viewed, ahead_ns: i64) {
    o.start_ns -= ahead_ns;
    o.end_ns -= ahead_ns;
    o.clock_ns -= ahead_ns;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Way;
    use crate::flow::observation::tests::viewed;

    #[test]
    fn syn_ack_dated_before_its_syn_reveals_the_clock_difference() {
        let syn = [viewed(Way::Up, 9, 900, 100, 110, 3)];
        let syn_ack = [viewed(Way::Down, 8, 5000, 97, 107, 19)];
        assert_eq!(ahead_ns(&syn, &syn_ack), -3 * SECOND_NS);
        assert_eq!(ahead_ns(&syn_ack, &syn), 3 * SECOND_NS);
    }

    #[test]
    fn answer_a_second_later_needs_no_clock_difference() {
        let syn = [viewed(Way::Up, 9, 900, 100, 110, 3)];
        let syn_ack = [viewed(Way::Down, 8, 5000, 101, 110, 19)];
        assert_eq!(ahead_ns(&syn, &syn_ack), 0);
    }

    #[test]
    fn first_packet_that_both_saw_reveals_the_clock_difference() {
        let here = [viewed(Way::Up, 9, 900, 100, 110, 0)];
        let there = [
            viewed(Way::Up, 9, 900, 102, 112, 0),
            viewed(Way::Down, 9, 900, 102, 112, 0),
        ];
        assert_eq!(ahead_ns(&here, &there), 2 * SECOND_NS);
    }

    #[test]
    fn differences_beyond_any_clock_error_are_ignored() {
        let early = [viewed(Way::Up, 9, 900, 100, 110, 0)];
        let late = [viewed(Way::Down, 9, 900, 160, 170, 0)];
        assert_eq!(ahead_ns(&early, &late), 0);
    }
}
