//! Estimates how many packets of overlapping records only one of two views has.

use std::cell::LazyCell;

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};

use crate::flow::clock::SLACK_NS;
use crate::flow::gaps::part::{GapPart, RecordRun};
use crate::flow::gaps::timeline::{
    EDGE_NS, ViewTimeline, Window, Windows, is_interval, overlapping, sum_ns,
};

/// Runs of a view, and the used windows that overlap them, which must be compared together.
#[derive(Debug, Default)]
pub(super) struct GapStretch {
    runs: Vec<RecordRun>,
    neighbors: Vec<Window>,
}

/// Divides runs, which are in order, so that no window overlaps runs of two groups. With the
/// `same_clock`, a run that overlaps no window is certainly in a gap.
pub(super) fn stretches(
    used: &Windows,
    vantage: &ViewTimeline,
    runs: Vec<RecordRun>,
    same_clock: bool,
) -> Vec<GapStretch> {
    let mut stretches: Vec<GapStretch> = Vec::new();
    for run in runs {
        let window = &run.window;
        let span = (window.from_ns, window.until_ns);
        let surely = same_clock || window.len_ns() > SLACK_NS && vantage.may_have_lost(span);
        let neighbors = used.neighbors(window, surely);
        let begins = |window: Option<&Window>| window.map(|window| window.from_ns);
        let (first, last) = (begins(neighbors.first()), stretches.last_mut());
        match last.filter(|last| first.is_some() && begins(last.neighbors.last()) >= first) {
            Some(last) => {
                let known = begins(last.neighbors.last());
                let new = neighbors
                    .into_iter()
                    .filter(|window| Some(window.from_ns) > known);
                last.runs.push(run);
                last.neighbors.extend(new);
            }
            None => stretches.push(GapStretch {
                runs: vec![run],
                neighbors,
            }),
        }
    }
    stretches
}

/// Returns the packets of a window in this part of its time, and the variance of that number: they
/// may come in bursts, in any part of the window.
fn by_time(window: &Window, ns: i64) -> (f64, f64) {
    let is_all = window.len_ns().saturating_sub(ns) <= 2 * EDGE_NS && ns > 2 * EDGE_NS;
    let part = match is_all {
        true => 1.0,
        false => ns as f64 / window.len_ns().max(1) as f64,
    };
    let packets = window.packets as f64;
    (packets * part, (packets * part * (1.0 - part)).powi(2))
}

/// The part of a run that may be used.
#[derive(Clone, Copy, Debug)]
struct Claim {
    /// Its packets in gaps, estimated from the time that it spends in them.
    likely: f64,
    /// The variance of that estimate.
    doubt: f64,
    /// The upper limit of that number.
    most: u64,
    /// The time from the start of the first gap to the end of the last.
    gap_ns: (i64, i64),
}

impl GapStretch {
    /// Returns how much is used of each run of a view that logged `theirs`.
    pub(super) fn parts(
        self,
        vantage: &ViewTimeline,
        theirs: &ViewTimeline,
    ) -> Vec<(RecordRun, Option<GapPart>)> {
        if self.neighbors.is_empty() {
            let whole = |run: RecordRun| {
                let part = GapPart {
                    packets: run.window.packets,
                    from_ns: run.window.from_ns,
                    until_ns: run.window.until_ns,
                };
                (run, Some(part))
            };
            return self.runs.into_iter().map(whole).collect();
        }
        let same = LazyCell::new(|| Same::of(&self, vantage, theirs));
        let claims = self.runs.iter().map(|run| self.claim(run, vantage, &same));
        let claims: Vec<Claim> = claims.collect();
        let granted = grant(&claims, self.missing(&claims, theirs, &same));
        let parts = claims.iter().zip(granted).map(|(claim, packets)| {
            (packets > 0).then_some(GapPart {
                packets,
                from_ns: claim.gap_ns.0,
                until_ns: claim.gap_ns.1,
            })
        });
        let parts: Vec<Option<GapPart>> = parts.collect();
        self.runs.into_iter().zip(parts).collect()
    }

    /// Returns the part of a run that is in gaps of the vantage and not filled yet.
    fn claim(
        &self,
        run: &RecordRun,
        vantage: &ViewTimeline,
        same: &LazyCell<Same, impl FnOnce() -> Same>,
    ) -> Claim {
        let (window, packets) = (&run.window, run.window.packets);
        let neighbors = overlapping(&self.neighbors, window, |other| other);
        let mut gaps = window.without(neighbors.iter());
        // A difference of clocks beyond whole seconds is not a gap.
        gaps.retain(|gap| gap.1.saturating_sub(gap.0) > EDGE_NS && vantage.may_have_lost(*gap));
        let lost_ns = vantage.lost_ns(&gaps);
        let is_alone = !neighbors.iter().any(|other| other.overlaps(window));
        let (likely, doubt, most) = match is_alone {
            true => (packets as f64, (packets as f64).powi(2), packets),
            false if lost_ns > 0 && same.has(window) => (0.0, 0.0, packets),
            false if lost_ns > 0 => {
                let (likely, doubt) = by_time(window, lost_ns);
                (likely, doubt, packets)
            }
            // Only counts can decide, up to the number of packets that pass in that time.
            false => {
                let most = by_time(window, sum_ns(gaps.iter())).0;
                (0.0, 0.0, whole(most.ceil()))
            }
        };
        let first = gaps.first().map_or(window.from_ns, |(from, _)| *from);
        let last = gaps.last().map_or(window.until_ns, |(_, until)| *until);
        Claim {
            likely,
            doubt,
            most: most.min(packets),
            gap_ns: (first, last),
        }
    }

    /// Returns how many packets of the runs are not in the used windows.
    fn missing(
        &self,
        claims: &[Claim],
        theirs: &ViewTimeline,
        same: &LazyCell<Same, impl FnOnce() -> Same>,
    ) -> u64 {
        let sum = |packets: &mut dyn Iterator<Item = u64>| packets.map(i128::from).sum::<i128>();
        let counted = sum(&mut self.runs.iter().map(|run| run.window.packets));
        let have = sum(&mut self.neighbors.iter().map(|window| window.packets));
        let (mut elsewhere, mut elsewhere_doubt, mut elsewhere_most) = (0.0, 0.0, 0.0);
        for window in &self.neighbors {
            let runs = overlapping(&self.runs, window, |run| &run.window);
            let open = window.without(runs.iter().map(|run| &run.window));
            let lost_ns = theirs.lost_ns(&open);
            if lost_ns > 0 && !same.has(window) {
                let (packets, doubt) = by_time(window, lost_ns);
                elsewhere += packets;
                elsewhere_doubt += doubt;
                elsewhere_most += window.packets as f64;
            }
        }
        let more = (counted - have) as f64;
        let likely: f64 = claims.iter().map(|claim| claim.likely).sum();
        let doubt: f64 = claims.iter().map(|claim| claim.doubt).sum();
        // Two estimates of one number, each weighted by the inverse of its variance.
        let missing = match elsewhere_doubt > 0.0 {
            true => {
                let part = doubt / (doubt + elsewhere_doubt);
                let estimate = (more + elsewhere) * part + likely * (1.0 - part);
                estimate.clamp(more, more + elsewhere_most)
            }
            false => more + elsewhere,
        };
        let most = claims.iter().map(|claim| claim.most);
        whole(missing.round()).min(most.fold(0, u64::saturating_add))
    }
}

/// Windows in a group that both views have, whatever their times are: where records are dated by
/// their intervals, records of the same packets overlap only in part.
struct Same(HashSet<Window, RandomState>);

impl Same {
    /// Returns the windows with the same count as a window that they overlap, where the two share
    /// most of their time or are the only ones with that count.
    fn of(stretch: &GapStretch, vantage: &ViewTimeline, logged: &ViewTimeline) -> Self {
        let theirs = stretch.runs.iter().map(|run| run.window);
        let mut all = theirs.chain(stretch.neighbors.iter().copied());
        if !all.any(|window| is_interval(window.len_ns())) {
            return Self(HashSet::default()); // all records are dated by their packets
        }
        let mut pairs: HashMap<(u64, u64), [Vec<Window>; 2], RandomState> = HashMap::default();
        let theirs = stretch.runs.iter().map(|run| (0, run.window));
        let ours = stretch.neighbors.iter().map(|window| (1, *window));
        for (side, window) in theirs.chain(ours) {
            pairs.entry(window.counts()).or_default()[side].push(window);
        }
        let mut same = HashSet::default();
        for [theirs, ours] in pairs.values() {
            let mut ours = ours.iter().peekable();
            for their in theirs {
                let is_only = vantage.counts_once(their) && logged.counts_once(their);
                while ours.next_if(|our| our.until_ns <= their.from_ns).is_some() {}
                let meeting = ours.peek().filter(|our| {
                    our.overlaps(their)
                        && (is_interval(our.len_ns()) || is_interval(their.len_ns()))
                        && (is_only || our.shares_most(their))
                });
                if let Some(our) = meeting {
                    same.extend([**our, *their]);
                    ours.next();
                }
            }
        }
        Self(same)
    }

    fn has(&self, window: &Window) -> bool {
        self.0.contains(window)
    }
}

/// Rounds a count; a negative number becomes 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(number: f64) -> u64 {
    number as u64
}

/// Divides `missing` packets among claims: first by their estimates, then up to the limit of each.
fn grant(claims: &[Claim], missing: u64) -> Vec<u64> {
    let likely: f64 = claims.iter().map(|claim| claim.likely).sum();
    let mut left = missing;
    let mut granted: Vec<u64> = Vec::with_capacity(claims.len());
    for claim in claims {
        let part = match likely > 0.0 {
            true => whole((missing as f64 * (claim.likely / likely)).round()),
            false => 0,
        };
        let part = part.min(claim.most).min(left);
        granted.push(part);
        left -= part;
    }
    for (claim, granted) in claims.iter().zip(&mut granted) {
        let more = left.min(claim.most - *granted);
        *granted += more;
        left -= more;
    }
    granted
}
