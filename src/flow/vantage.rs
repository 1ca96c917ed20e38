//! Chooses the ENI whose records are used for a conversation.
//!
//! The packets of one conversation are logged at every monitored ENI that they pass: both ends, NAT
//! gateways, load balancers, transit gateways. Written twice they would look like retransmissions,
//! so each conversation is written from one *vantage*, the view that saw most of it. Where that
//! view has no records for some time and another view has, the other view fills the gap
//! (`gaps.rs`).
//!
//! # What counts as one view
//! An ENI together with the side of it that faces the initiator: a one-armed appliance or a transit
//! gateway attachment sees the same packet enter and leave, which makes two views at one ENI.

use std::cmp::Reverse;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::flow::clock::{Edges, SLACK_NS, ahead_ns, set_back};
use crate::flow::gaps::{Filled, PAUSE_MAX_NS, Used, is_interval};
use crate::flow::{Candidate, EniIndex, Viewed, Way};
use crate::time::joined;

/// The value of `--vantage`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vantage {
    /// The view that saw most of the conversation.
    #[default]
    Auto,
    /// Every view; the same packet then appears once for each ENI.
    All,
    /// This ENI if it saw the conversation, otherwise as [`Vantage::Auto`].
    Eni(EniIndex),
}

/// An ENI and whether packets in direction [`Way::Up`] leave the ENI there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Viewpoint {
    eni: EniIndex,
    up_leaves: Option<bool>,
}

impl Viewpoint {
    fn of(o: &Viewed) -> Self {
        let up_leaves = o.leaving.map(|leaving| leaving == (o.way == Way::Up));
        Self {
            eni: o.eni,
            up_leaves,
        }
    }
}

/// The part of a conversation that one view saw.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Its records, by their position in the list.
    records: Vec<usize>,
    ways: [WaySeen; 2],
    rejects: bool,
}

/// The part of one direction that one view saw.
#[derive(Clone, Copy, Debug, Default)]
struct WaySeen {
    packets: u64,
    bytes: u64,
    /// First and last instant, if it saw any packets.
    span_ns: Option<(i64, i64)>,
    /// The longest time from one record's end to the next record's start.
    pause_ns: i64,
    /// Whether a record is as long as an interval, so that it may be dated by the interval.
    is_dated: bool,
}

impl Seen {
    /// Adds the next record, in order of start.
    fn add(&mut self, place: usize, o: &Viewed) {
        self.records.push(place);
        self.rejects |= o.verdict.is_reject();
        let way = &mut self.ways[o.way.index()];
        way.packets = way.packets.saturating_add(o.packets);
        way.bytes = way.bytes.saturating_add(o.bytes.unwrap_or(0));
        let (first, last) = way.span_ns.unwrap_or((o.start_ns, o.start_ns));
        way.pause_ns = way.pause_ns.max(o.start_ns.saturating_sub(last));
        way.span_ns = Some((first, last.max(o.end_ns)));
        way.is_dated |= is_interval(o.until_ns().saturating_sub(o.start_ns));
    }

    fn packets(&self) -> u64 {
        let [up, down] = self.ways;
        up.packets.saturating_add(down.packets)
    }

    /// Whether another view saw no more packets and none at another time, and this one has no pause
    /// in which an interval may have been lost: then there is nothing to fill, and no closer
    /// comparison is needed. Where both have equal counts, times may differ as much as for records
    /// that are dated by their interval.
    fn covers(&self, other: &Self) -> bool {
        self.ways.iter().zip(&other.ways).all(|(ours, theirs)| {
            let (Some(our), Some(their)) = (ours.span_ns, theirs.span_ns) else {
                return theirs.span_ns.is_none();
            };
            let is_same = (ours.is_dated || theirs.is_dated)
                && (ours.packets, ours.bytes) == (theirs.packets, theirs.bytes)
                && theirs.pause_ns < PAUSE_MAX_NS;
            let slack_ns = if is_same { PAUSE_MAX_NS } else { SLACK_NS };
            our.0.saturating_sub(slack_ns) <= their.0
                && their.1 <= our.1.saturating_add(slack_ns)
                && theirs.packets <= ours.packets
                && theirs.bytes <= ours.bytes
                && ours.pause_ns < PAUSE_MAX_NS
        })
    }
}

/// Divides the records of one conversation into those that are used and the rest.
///
/// Expects order of start, and keeps it. With [`Vantage::All`] the views follow each other: the
/// records are grouped by view, and the returned lengths are the lengths of the groups.
pub fn choose(candidates: &[Candidate], vantage: Vantage) -> Chosen {
    let mut records: Vec<Viewed> = candidates.iter().copied().map(Viewed::from).collect();
    give_sides(&mut records);
    let view = records.first().map(Viewpoint::of);
    if records.iter().all(|o| Some(Viewpoint::of(o)) == view) {
        return Chosen {
            other_vantage: 0,
            groups: vec![records.len()],
            records,
        };
    }
    if vantage == Vantage::All {
        records.sort_by_key(Viewpoint::of);
        let groups = records.chunk_by(|a, b| Viewpoint::of(a) == Viewpoint::of(b));
        return Chosen {
            other_vantage: 0,
            groups: groups.map(<[_]>::len).collect(),
            records,
        };
    }
    // Most packets first. Among equal views the rejected view comes first, because readers look for
    // rejections.
    let mut views = by_view(&records);
    views.sort_by_key(|(view, seen)| {
        let asked_for = vantage == Vantage::Eni(view.eni);
        (Reverse((asked_for, seen.packets(), seen.rejects)), *view)
    });
    let used = fill(&mut records, &views);
    note_rejects(&mut records, &used);
    align(&mut records, &used, views[0].0);
    let mut used = used.iter();
    records.retain(|_| *used.next().expect("one mark per record"));
    // A record used in part may begin later than before.
    records.sort_by_key(|o| o.start_ns);
    Chosen {
        other_vantage: (candidates.len() - records.len()) as u64,
        groups: vec![records.len()],
        records,
    }
}

/// Gives records of an ENI without a direction the side of the records that have one, if all
/// records of one kind come before all of the other: the format of the flow log was changed, not
/// the ENI's position in the path.
fn give_sides(observations: &mut [Viewed]) {
    let has_direction = |o: &Viewed| o.leaving.is_some();
    if observations.iter().all(has_direction) || !observations.iter().any(has_direction) {
        return;
    }
    let mut sides: HashMap<EniIndex, Sides, RandomState> = HashMap::default();
    for o in observations.iter() {
        sides.entry(o.eni).or_default().add(o);
    }
    for o in observations.iter_mut().filter(|o| o.leaving.is_none()) {
        let up_leaves = sides.get(&o.eni).and_then(Sides::up_leaves);
        o.leaving = up_leaves.map(|leaves| leaves == (o.way == Way::Up));
    }
}

/// When an ENI's records were written, by whether packets in direction [`Way::Up`] leave it, enter
/// it, or have no direction.
#[derive(Clone, Copy, Debug, Default)]
struct Sides([Option<(i64, i64)>; 3]);

impl Sides {
    fn add(&mut self, o: &Viewed) {
        let side = match Viewpoint::of(o).up_leaves {
            Some(true) => 0,
            Some(false) => 1,
            None => 2,
        };
        let span = &mut self.0[side];
        *span = joined(*span, Some((o.start_ns, o.until_ns())));
    }

    /// Returns the side of the records without a direction, if it is certain.
    fn up_leaves(&self) -> Option<bool> {
        let (side, directed) = match self.0 {
            [Some(directed), None, _] => (true, directed),
            [None, Some(directed), _] => (false, directed),
            _ => return None,
        };
        let undirected = self.0[2]?;
        (directed.1 <= undirected.0 || undirected.1 <= directed.0).then_some(side)
    }
}

/// The outcome of [`choose`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The records that are used, grouped by view, each view's in order of start.
    pub records: Vec<Viewed>,
    /// The number of records of each view, in order.
    pub groups: Vec<usize>,
    /// Records whose packets are already in a view that is used.
    pub other_vantage: u64,
}

fn by_view(observations: &[Viewed]) -> Vec<(Viewpoint, Seen)> {
    let mut views: Vec<(Viewpoint, Seen)> = Vec::new();
    // There are usually two views, but anyone can write records of thousands.
    let mut places: HashMap<Viewpoint, usize, RandomState> = HashMap::default();
    for (i, o) in observations.iter().enumerate() {
        let view = Viewpoint::of(o);
        let known = match views.len() {
            0..=FEW_VIEWS => views.iter().position(|(known, _)| *known == view),
            _ => places.get(&view).copied(),
        };
        let place = known.unwrap_or_else(|| {
            views.push((view, Seen::default()));
            if views.len() > FEW_VIEWS {
                if places.is_empty() {
                    places = views.iter().map(|(view, _)| *view).zip(0..).collect();
                } else {
                    places.insert(view, views.len() - 1);
                }
            }
            views.len() - 1
        });
        views[place].1.add(i, o);
    }
    views
}

/// The number of views up to which a linear search is used.
const FEW_VIEWS: usize = 8;

/// Marks the records to keep: all records of the first view, then the records of each further view
/// that are in gaps of the kept ones. Of a record that is partly in a gap, only that part stays.
fn fill(observations: &mut [Viewed], views: &[(Viewpoint, Seen)]) -> Vec<bool> {
    let mut kept = vec![false; observations.len()];
    let (vantage, first) = &views[0];
    first.records.iter().for_each(|i| kept[*i] = true);
    let mut gaps: Option<(Edges, Filled)> = None;
    for (view, seen) in &views[1..] {
        let of = |seen: &Seen| -> Vec<Viewed> {
            seen.records.iter().map(|i| observations[*i]).collect()
        };
        let same_clock = view.eni == vantage.eni;
        if !same_clock && first.covers(seen) {
            continue;
        }
        let (edges, filled) = gaps.get_or_insert_with(|| {
            let vantage = of(first);
            (Edges::of(&vantage), Filled::with(&vantage))
        });
        let records = of(seen);
        let ahead_ns = (!same_clock).then(|| edges.ahead_ns(&records));
        for (i, used) in seen.records.iter().zip(filled.fill(&records, ahead_ns)) {
            kept[*i] = used != Used::Nothing;
            if let Used::Part(part) = used {
                part.cut(&mut observations[*i], ahead_ns.unwrap_or(0));
            }
        }
    }
    kept
}

/// Moves the kept records of other views to the vantage's clock.
fn align(observations: &mut [Viewed], kept: &[bool], vantage: Viewpoint) {
    let of = |view: Viewpoint| {
        observations
            .iter()
            .filter(move |o| Viewpoint::of(o) == view)
            .copied()
    };
    let mut others: Vec<Viewpoint> = observations
        .iter()
        .zip(kept)
        .filter(|(_, kept)| **kept)
        .map(|(o, _)| Viewpoint::of(o))
        .collect();
    others.sort_unstable();
    others.dedup();
    others.retain(|view| *view != vantage);
    if others.is_empty() {
        return;
    }
    let ours: Vec<Viewed> = of(vantage).collect();
    let ahead: Vec<i64> = others
        .iter()
        .map(|view| ahead_ns(&ours, &of(*view).collect::<Vec<_>>()))
        .collect();
    for o in observations.iter_mut() {
        if let Ok(at) = others.binary_search(&Viewpoint::of(o)) {
            set_back(o, ahead[at]);
        }
    }
}

/// Stores in each kept `ACCEPT` record the ENI at which an unused record has `REJECT` for the same
/// packets, if there is one.
fn note_rejects(observations: &mut [Viewed], kept: &[bool]) {
    let rejects = Way::BOTH.map(|way| Rejects::of(observations, kept, way));
    for (o, _) in observations
        .iter_mut()
        .zip(kept)
        .filter(|(o, kept)| **kept && !o.verdict.is_reject())
    {
        o.rejected_at = rejects[o.way.index()].during(o);
    }
}

/// Rejected records of one direction that are not used, in order of start.
struct Rejects {
    /// Each record with the latest end up to it.
    records: Vec<(Viewed, i64)>,
}

impl Rejects {
    fn of(observations: &[Viewed], kept: &[bool], way: Way) -> Self {
        let mut until_ns = i64::MIN;
        let all = observations.iter().zip(kept);
        let own = all.filter(|(o, kept)| !**kept && o.verdict.is_reject() && o.way == way);
        let records = own.map(|(o, _)| {
            until_ns = until_ns.max(o.end_ns);
            (*o, until_ns)
        });
        Self {
            records: records.collect(),
        }
    }

    /// Returns the ENI of the first such record that another ENI logged at the time of `o`.
    fn during(&self, o: &Viewed) -> Option<EniIndex> {
        let from_ns = o.start_ns.saturating_sub(SLACK_NS);
        let until_ns = o.end_ns.saturating_add(SLACK_NS);
        let over = self.records.partition_point(|(_, until)| *until < from_ns);
        let mut begun = self.records[over..]
            .iter()
            .take_while(|(r, _)| r.start_ns <= until_ns);
        let same = begun.find(|(r, _)| r.eni != o.eni && r.end_ns >= from_ns);
        same.map(|(r, _)| r.eni)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{
        RejectReason, Verdict,
        observation::tests::{viewed, with},
    };

    fn at(eni: u32, o: Viewed) -> Viewed {
        // Seen from the other end, packets that left the first ENI enter the second.
        let leaving = o.leaving.map(|l| l == (eni == 0));
        with(o, |o| {
            o.eni = EniIndex(eni);
            o.leaving = leaving;
        })
    }

    /// Returns the records as they were before a view was chosen.
    fn candidates(records: &[Viewed]) -> Vec<Candidate> {
        let observations = records.iter().map(|o| o.observation);
        observations.map(Candidate::from).collect()
    }

    fn kept(records: &[Viewed]) -> Vec<Viewed> {
        let mut records = candidates(records);
        records.sort_by_key(|o| o.start_ns);
        choose(&records, Vantage::Auto).records
    }

    #[test]
    fn two_views_of_the_same_packets_are_used_once() {
        let o = viewed(Way::Up, 5, 400, 10, 20, 3);
        assert_eq!(
            kept(&[
                at(0, o),
                at(
                    1,
                    with(o, |o| {
                        o.start_ns = 8_000_000_000;
                        o.end_ns = 18_000_000_000;
                    })
                )
            ])
            .len(),
            1
        );
    }

    #[test]
    fn view_that_saw_more_is_the_vantage() {
        let o = viewed(Way::Up, 5, 400, 10, 20, 3);
        let more = with(at(1, o), |o| o.packets = 9);
        assert_eq!(kept(&[at(0, o), more]), [more]);
    }

    #[test]
    fn rejected_view_wins_among_equal_views() {
        let o = viewed(Way::Up, 3, 180, 10, 20, 2);
        let rejected = with(at(1, o), |o| {
            o.verdict = Verdict::Reject(RejectReason::Unsaid)
        });
        assert_eq!(kept(&[at(0, o), rejected]), [rejected]);
    }

    #[test]
    fn accepted_vantage_records_the_eni_that_rejected() {
        let o = viewed(Way::Up, 3, 180, 10, 20, 2);
        let rejected = with(at(1, o), |o| {
            o.packets = 2;
            o.verdict = Verdict::Reject(RejectReason::Unsaid);
        });
        assert_eq!(
            kept(&[at(0, o), rejected])[0].rejected_at,
            Some(EniIndex(1))
        );
    }

    #[test]
    fn direction_missing_at_the_vantage_is_filled_from_the_other_view() {
        let there = viewed(Way::Up, 50, 4000, 10, 20, 3);
        let back = at(1, viewed(Way::Down, 5, 400, 10, 20, 19));
        assert_eq!(kept(&[at(0, there), back]).len(), 2);
    }

    #[test]
    fn gap_in_time_is_filled_from_the_other_view() {
        let early = at(0, viewed(Way::Up, 50, 4000, 10, 20, 2));
        let both = [early, at(1, viewed(Way::Up, 50, 4000, 10, 20, 2))];
        let late = at(1, viewed(Way::Up, 5, 400, 100, 110, 0));
        assert_eq!(kept(&[both[0], both[1], late]).len(), 2);
    }

    /// Builds one minute of one direction, logged at `eni`, with this number of packets from
    /// `start_s` on.
    fn minute(eni: u32, start_s: i64, packets: u64) -> Viewed {
        at(
            eni,
            viewed(Way::Up, packets, packets * 100, start_s, start_s + 55, 0),
        )
    }

    #[test]
    fn view_with_fewer_packets_fills_a_gap_too() {
        let vantage = [0, 60, 180, 240, 300].map(|start| minute(0, start, 10 + start as u64 / 60));
        let other = [60, 120, 180, 300].map(|start| minute(1, start, 10 + start as u64 / 60));
        let used = kept(&[&vantage[..], &other].concat());
        assert_eq!(used.iter().map(|o| o.packets).sum::<u64>(), 75);
        assert_eq!((used.len(), used[2]), (6, other[1]));
    }

    #[test]
    fn records_of_one_eni_in_two_formats_have_one_clock() {
        let first = viewed(Way::Up, 1, 80, 36, 36, 2);
        let undirected = with(viewed(Way::Up, 1, 80, 37, 37, 2), |o| o.leaving = None);
        assert_eq!(kept(&[first, undirected]).len(), 2);
        let all = kept(&[first, undirected]);
        assert!(all.iter().all(|o| o.leaving == Some(true)));
        // Two formats at the same time are two flow logs of the same packets.
        let again = with(first, |o| o.leaving = None);
        assert_eq!(kept(&[first, again]).len(), 1);
    }

    #[test]
    fn same_counts_dated_by_intervals_are_the_same_packets() {
        let tight = [(416, 416, 3), (453, 487, 3), (514, 527, 4)];
        let dated = [(410, 469, 5), (470, 529, 5)];
        let log = |eni, of: &[(i64, i64, u64)]| -> Vec<Viewed> {
            let each = of.iter().map(|(start, end, packets)| {
                at(
                    eni,
                    viewed(Way::Up, *packets, packets * 100, *start, *end, 2),
                )
            });
            each.collect()
        };
        let used = kept(&[log(0, &tight), log(1, &dated)].concat());
        assert_eq!(used.iter().map(|o| o.packets).sum::<u64>(), 10);
        // Steady traffic has the same count in each minute, wherever the minute begins.
        let steady = kept(&[log(0, &[(264, 321, 15)]), log(1, &[(293, 350, 15)])].concat());
        assert!(steady.iter().map(|o| o.packets).sum::<u64>() > 15);
        // The first minute of one view and the last minute of the other are lost.
        let first = [(0, 59, 60), (60, 119, 60), (120, 179, 60)];
        let later = [(60, 119, 60), (120, 179, 60), (180, 239, 60)];
        let used = kept(&[log(0, &first), log(1, &later)].concat());
        assert_eq!(used.iter().map(|o| o.packets).sum::<u64>(), 240);
    }

    #[test]
    fn rejects_during_a_record_are_found_in_any_order() {
        let mut records: Vec<Viewed> = (1..4)
            .map(|eni| {
                with(
                    at(eni, viewed(Way::Up, 1, 60, i64::from(eni) * 100, 900, 2)),
                    |o| o.verdict = Verdict::Reject(RejectReason::Unsaid),
                )
            })
            .collect();
        records.push(viewed(Way::Up, 9, 540, 250, 260, 2));
        let rejects = Rejects::of(&records, &[false, false, false, true], Way::Up);
        assert_eq!(rejects.during(&records[3]), Some(EniIndex(1)));
        let late = viewed(Way::Up, 9, 540, 1_000, 1_010, 2);
        assert_eq!(rejects.during(&late), None);
        let own = Rejects::of(&records, &[false, true, true, true], Way::Up);
        assert_eq!(own.during(&with(late, |o| o.eni = EniIndex(1))), None);
    }

    #[test]
    fn one_armed_appliance_logs_each_packet_twice_and_it_is_used_once() {
        let into = viewed(Way::Up, 5, 400, 10, 20, 3);
        let out = with(into, |o| o.leaving = into.leaving.map(|l| !l));
        assert_eq!(kept(&[into, out]).len(), 1);
    }

    #[test]
    fn records_of_all_views_are_grouped_by_view() {
        let o = viewed(Way::Up, 5, 400, 10, 20, 3);
        let records = [
            at(0, o),
            at(1, o),
            at(
                0,
                with(o, |o| {
                    o.start_ns = 30_000;
                    o.end_ns = 31_000;
                }),
            ),
        ];
        let chosen = choose(&candidates(&records), Vantage::All);
        assert_eq!(chosen.groups, [2, 1]);
    }
}
