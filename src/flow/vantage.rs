//! Which ENI tells a conversation's story.
//!
//! The packets of one conversation are logged at every monitored ENI that
//! they pass: both ends, NAT gateways, load balancers, transit gateways.
//! Written twice they would look like retransmissions, so each conversation
//! is told from one *vantage*, the view that saw most of it. Where that view
//! has nothing for a stretch of time and another has, the other fills the gap.
//!
//! # What counts as one view
//! An ENI together with the side of it that faces the initiator: a one-armed
//! appliance or a transit gateway attachment sees the same packet come in and
//! go out, which is two views at one ENI.
//!
//! # Why gaps are judged with slack
//! Clocks of ENIs differ by a second or two, and their intervals begin at
//! different seconds, so records of the same packets need not agree in time.

use crate::flow::clock::{SLACK_NS, ahead_ns, set_back};
use crate::flow::{EniIndex, Observation, Way};

/// What `--vantage` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vantage {
    /// The view that saw most of the conversation.
    #[default]
    Auto,
    /// Every view; the same packet then appears once for each ENI.
    All,
    /// This ENI where it saw the conversation, else as [`Vantage::Auto`].
    Eni(EniIndex),
}

/// An ENI and whether packets that go [`Way::Up`] leave it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct View {
    eni: EniIndex,
    up_leaves: Option<bool>,
}

impl View {
    fn of(o: &Observation) -> Self {
        let up_leaves = o.leaving.map(|leaving| leaving == (o.way == Way::Up));
        Self {
            eni: o.eni,
            up_leaves,
        }
    }
}

/// What one view saw of a conversation.
#[derive(Clone, Copy, Debug)]
struct Tally {
    view: View,
    packets: [u64; 2],
    rejects: bool,
}

/// Splits the records of one conversation into those that tell it and the rest.
///
/// Expects order of start, and keeps it. The records that tell the story stay
/// in `observations`; how many do not is returned. With [`Vantage::All`] the
/// views are told one after the other: `observations` is then grouped by view,
/// and the returned lengths are those of the groups.
pub fn choose(observations: &mut Vec<Observation>, vantage: Vantage) -> Chosen {
    let mut tallies = tally(observations);
    if tallies.len() <= 1 {
        return Chosen {
            told_elsewhere: 0,
            groups: vec![observations.len()],
        };
    }
    if vantage == Vantage::All {
        observations.sort_by_key(View::of);
        let groups = observations
            .chunk_by(|a, b| View::of(a) == View::of(b))
            .map(<[_]>::len);
        return Chosen {
            told_elsewhere: 0,
            groups: groups.collect(),
        };
    }
    // Most packets first; among equals the view that was rejected, because
    // that is what the reader looks for.
    tallies.sort_by_key(|t| {
        let asked_for = vantage == Vantage::Eni(t.view.eni);
        let total = t.packets[0].saturating_add(t.packets[1]);
        (std::cmp::Reverse((asked_for, total, t.rejects)), t.view)
    });
    let before = observations.len();
    let kept = fill(observations, &tallies);
    note_rejects(observations, &kept);
    align(observations, &kept, tallies[0].view);
    let mut keep = kept.iter();
    observations.retain(|_| *keep.next().expect("one mark a record"));
    Chosen {
        told_elsewhere: (before - observations.len()) as u64,
        groups: vec![observations.len()],
    }
}

/// The outcome of [`choose`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Records whose packets another view tells.
    pub told_elsewhere: u64,
    /// How many of the remaining records belong to each view that is told, in order.
    pub groups: Vec<usize>,
}

fn tally(observations: &[Observation]) -> Vec<Tally> {
    let mut tallies: Vec<Tally> = Vec::new();
    for o in observations {
        let view = View::of(o);
        let at = tallies
            .iter()
            .position(|t| t.view == view)
            .unwrap_or_else(|| {
                tallies.push(Tally {
                    view,
                    packets: [0; 2],
                    rejects: false,
                });
                tallies.len() - 1
            });
        let seen = &mut tallies[at].packets[o.way.index()];
        *seen = seen.saturating_add(o.packets);
        tallies[at].rejects |= o.verdict.is_reject();
    }
    tallies
}

/// Marks the records to keep: all of the first view, then of each further
/// view those of stretches that no kept record covers.
///
/// A way in which a view saw no more than the vantage did has no gap to fill.
fn fill(observations: &[Observation], tallies: &[Tally]) -> Vec<bool> {
    let vantage = tallies[0];
    let mut kept: Vec<bool> = observations
        .iter()
        .map(|o| View::of(o) == vantage.view)
        .collect();
    for t in &tallies[1..] {
        for way in Way::BOTH {
            if t.packets[way.index()] <= vantage.packets[way.index()] {
                continue;
            }
            let covered = Covered::new(observations, &kept, way);
            for (o, kept) in observations.iter().zip(&mut kept) {
                if o.way == way && View::of(o) == t.view && !covered.overlaps(o) {
                    *kept = true;
                }
            }
        }
    }
    kept
}

/// Stretches of time for which one way of a conversation is told.
struct Covered {
    /// Start and the latest end so far, in order of start.
    spans: Vec<(i64, i64)>,
}

impl Covered {
    fn new(observations: &[Observation], kept: &[bool], way: Way) -> Self {
        let mut until = i64::MIN;
        let told = observations
            .iter()
            .zip(kept)
            .filter(|(o, kept)| **kept && o.way == way);
        let spans = told.map(|(o, _)| {
            until = until.max(o.end_ns);
            (o.start_ns, until)
        });
        Self {
            spans: spans.collect(),
        }
    }

    fn overlaps(&self, o: &Observation) -> bool {
        let begun = self
            .spans
            .partition_point(|(start, _)| *start <= o.end_ns + SLACK_NS);
        begun > 0 && self.spans[begun - 1].1 >= o.start_ns - SLACK_NS
    }
}

/// Brings the kept records of other views to the vantage's clock.
fn align(observations: &mut [Observation], kept: &[bool], vantage: View) {
    let of = |view: View| {
        observations
            .iter()
            .filter(move |o| View::of(o) == view)
            .copied()
    };
    let mut others: Vec<View> = observations
        .iter()
        .zip(kept)
        .filter(|(_, kept)| **kept)
        .map(|(o, _)| View::of(o))
        .collect();
    others.sort_unstable();
    others.dedup();
    others.retain(|view| *view != vantage);
    if others.is_empty() {
        return;
    }
    let ours: Vec<Observation> = of(vantage).collect();
    let ahead: Vec<i64> = others
        .iter()
        .map(|view| ahead_ns(&ours, &of(*view).collect::<Vec<_>>()))
        .collect();
    for o in observations.iter_mut() {
        if let Ok(at) = others.binary_search(&View::of(o)) {
            set_back(o, ahead[at]);
        }
    }
}

/// Where a kept record says `ACCEPT` and one that is left out says `REJECT` of
/// the same packets at another ENI, the kept one remembers which.
fn note_rejects(observations: &mut [Observation], kept: &[bool]) {
    let left_out: Vec<Observation> = observations
        .iter()
        .zip(kept)
        .filter(|(o, kept)| !**kept && o.verdict.is_reject())
        .map(|(o, _)| *o)
        .collect();
    if left_out.is_empty() {
        return;
    }
    for (o, _) in observations
        .iter_mut()
        .zip(kept)
        .filter(|(o, kept)| **kept && !o.verdict.is_reject())
    {
        let same = left_out.iter().find(|r| {
            r.way == o.way
                && r.eni != o.eni
                && r.start_ns <= o.end_ns + SLACK_NS
                && o.start_ns <= r.end_ns + SLACK_NS
        });
        o.rejected_at = same.map(|r| r.eni);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{RejectReason, Verdict, observation::tests::observation};

    fn at(eni: u32, o: Observation) -> Observation {
        // Seen from the other end, what left the first ENI enters the second.
        let leaving = o.leaving.map(|l| l == (eni == 0));
        Observation {
            eni: EniIndex(eni),
            leaving,
            ..o
        }
    }

    fn told(records: &[Observation]) -> Vec<Observation> {
        let mut records = records.to_vec();
        records.sort_by_key(|o| o.start_ns);
        choose(&mut records, Vantage::Auto);
        records
    }

    #[test]
    fn two_views_of_the_same_packets_tell_one_story() {
        let o = observation(Way::Up, 5, 400, 10, 20, 3);
        assert_eq!(
            told(&[
                at(0, o),
                at(
                    1,
                    Observation {
                        start_ns: 8_000,
                        end_ns: 18_000,
                        ..o
                    }
                )
            ])
            .len(),
            1
        );
    }

    #[test]
    fn view_that_saw_more_is_the_vantage() {
        let o = observation(Way::Up, 5, 400, 10, 20, 3);
        let more = Observation {
            packets: 9,
            ..at(1, o)
        };
        assert_eq!(told(&[at(0, o), more]), [more]);
    }

    #[test]
    fn rejected_view_wins_among_equals() {
        let o = observation(Way::Up, 3, 180, 10, 20, 2);
        let rejected = Observation {
            verdict: Verdict::Reject(RejectReason::Unsaid),
            ..at(1, o)
        };
        assert_eq!(told(&[at(0, o), rejected]), [rejected]);
    }

    #[test]
    fn accepted_vantage_remembers_who_rejected() {
        let o = observation(Way::Up, 3, 180, 10, 20, 2);
        let rejected = Observation {
            packets: 2,
            verdict: Verdict::Reject(RejectReason::Unsaid),
            ..at(1, o)
        };
        assert_eq!(
            told(&[at(0, o), rejected])[0].rejected_at,
            Some(EniIndex(1))
        );
    }

    #[test]
    fn way_missing_at_the_vantage_is_filled_from_the_other() {
        let there = observation(Way::Up, 50, 4000, 10, 20, 3);
        let back = at(1, observation(Way::Down, 5, 400, 10, 20, 19));
        assert_eq!(told(&[at(0, there), back]).len(), 2);
    }

    #[test]
    fn gap_in_time_is_filled_from_the_other() {
        let early = at(0, observation(Way::Up, 50, 4000, 10, 20, 2));
        let both = [early, at(1, observation(Way::Up, 50, 4000, 10, 20, 2))];
        let late = at(1, observation(Way::Up, 5, 400, 100, 110, 0));
        assert_eq!(told(&[both[0], both[1], late]).len(), 2);
    }

    #[test]
    fn one_armed_appliance_sees_each_packet_twice_and_tells_it_once() {
        let into = observation(Way::Up, 5, 400, 10, 20, 3);
        let out = Observation {
            leaving: into.leaving.map(|l| !l),
            ..into
        };
        assert_eq!(told(&[into, out]).len(), 1);
    }

    #[test]
    fn all_views_are_grouped() {
        let o = observation(Way::Up, 5, 400, 10, 20, 3);
        let mut records = vec![
            at(0, o),
            at(1, o),
            at(
                0,
                Observation {
                    start_ns: 30_000,
                    end_ns: 31_000,
                    ..o
                },
            ),
        ];
        let chosen = choose(&mut records, Vantage::All);
        assert_eq!(chosen.groups, [2, 1]);
    }
}
