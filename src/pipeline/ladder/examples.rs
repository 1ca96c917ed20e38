//! Which connection is the example of which finding.

use std::cmp::Reverse;
use std::sync::{Mutex, PoisonError};

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::steps::{shorten, steps};
use super::{Ladder, LadderPacket, RejectingEni};
use crate::connection::{ConnectionInfo, Detail, Segment, rebuild};
use crate::diagnosis::Finding;
use crate::flow::{Candidate, EniIndex, Enis, Place, Viewed, Way};

/// Packets that are rebuilt for one ladder, about; of longer connections data is merged first.
const PACKETS_MAX: u64 = 20_000;

/// ENIs that rejected packets of one connection, at most; a drawing has room for no more.
const REJECTING_MAX: usize = 3;

/// Looks for one connection of each finding, and keeps its ladder.
pub(in crate::pipeline) struct Examples {
    /// By the lines that prove a finding: which finding it is, and how many lines come before.
    lines: HashMap<Place, Vec<(usize, usize)>, RandomState>,
    best: Mutex<Vec<Option<(Fitness, Ladder)>>>,
}

/// How well a connection serves as an example; the greatest serves best.
///
/// A connection whose SYN was logged shows more than one that was already open, and one that holds
/// the line itself more than one whose packets another ENI logged in that line. Of those that serve
/// as well the first line decides, then the time, so the choice is the same in every run.
type Fitness = (bool, bool, Reverse<usize>, Reverse<i64>);

/// Lines of one conversation that prove findings.
pub(in crate::pipeline) struct Sought<'e> {
    examples: &'e Examples,
    /// The findings, and the lines.
    lines: Vec<(usize, usize, Candidate)>,
    /// Where packets were rejected: the ENI, their way, and whether they left the ENI.
    rejects: Vec<(EniIndex, Way, Option<bool>)>,
}

impl Examples {
    /// Looks for examples of these findings.
    pub(in crate::pipeline) fn new(findings: &[Finding]) -> Self {
        let mut lines: HashMap<Place, Vec<(usize, usize)>, RandomState> = HashMap::default();
        for (index, finding) in findings.iter().enumerate() {
            for (rank, place) in finding.places.iter().enumerate() {
                lines.entry(*place).or_default().push((index, rank));
            }
        }
        Self {
            lines,
            best: Mutex::new(vec![None; findings.len()]),
        }
    }

    /// The lines of this conversation that prove findings; `None` for most conversations.
    pub(in crate::pipeline) fn sought(&self, records: &[Candidate]) -> Option<Sought<'_>> {
        let mut lines = Vec::new();
        for o in records {
            for (finding, rank) in self.lines.get(&o.place).into_iter().flatten() {
                lines.push((*finding, *rank, *o));
            }
        }
        let rejected = records.iter().filter(|o| o.verdict.is_reject());
        (!lines.is_empty()).then(|| Sought {
            examples: self,
            lines,
            rejects: rejected.map(|o| (o.eni, o.way, o.leaving)).collect(),
        })
    }

    /// The ladders that were found, in order of the findings.
    pub(in crate::pipeline) fn into_ladders(self) -> Vec<Option<Ladder>> {
        let best = self.best.into_inner();
        let best = best.unwrap_or_else(PoisonError::into_inner).into_iter();
        best.map(|best| best.map(|(_, ladder)| ladder)).collect()
    }
}

impl Sought<'_> {
    /// Keeps the ladder of this connection for each finding of which it is the best example so far.
    pub(in crate::pipeline) fn look_at(&self, records: &[Viewed], enis: &Enis) {
        let mut ladder: Option<Ladder> = None;
        for (finding, rank, line) in &self.lines {
            let holds = records.iter().any(|o| o.place == line.place);
            let overlaps =
                |o: &Viewed| o.start_ns < line.until_ns() && line.start_ns < o.until_ns();
            if !holds && !records.iter().any(overlaps) {
                continue;
            }
            let ladder = ladder.get_or_insert_with(|| self.ladder(records, enis));
            let has_syn = ladder.steps.first().is_some_and(|step| {
                matches!(step.kind, LadderPacket::Syn | LadderPacket::Datagram)
            });
            let start_ns = records.iter().map(|o| o.start_ns).min().unwrap_or(0);
            let fitness = (has_syn, holds, Reverse(*rank), Reverse(start_ns));
            let best = self.examples.best.lock();
            let mut best = best.unwrap_or_else(PoisonError::into_inner);
            if best[*finding]
                .as_ref()
                .is_none_or(|(known, _)| *known < fitness)
            {
                best[*finding] = Some((fitness, ladder.clone()));
            }
        }
    }

    fn ladder(&self, records: &[Viewed], enis: &Enis) -> Ladder {
        let mut segments = Vec::new();
        let detail = Detail::finest(records.iter().map(|o| o.packets), PACKETS_MAX);
        let info = rebuild(records, detail, &mut segments);
        let initiator = info.role.initiator;
        let rejecting = self.rejecting(records, &info);
        let rejected_by = |segment: &Segment| {
            let eni = rejecting_eni(&records[segment.record as usize])?;
            rejecting.iter().position(|(known, _)| *known == eni)
        };
        let key = &records[0].key;
        let mut steps = steps(&segments, initiator, key.is_ipv6(), rejected_by);
        let omitted = shorten(&mut steps);
        let name = |eni: EniIndex| enis.get(eni).name.clone();
        let logged = records.iter().map(|o| o.packets);
        Ladder {
            protocol: key.protocol,
            initiator: key.sender(initiator),
            responder: key.sender(initiator.reverse()),
            outcome: info.outcome,
            logged_at: name(records[0].eni),
            rejecting: rejecting
                .iter()
                .map(|(eni, is_at_initiator)| RejectingEni {
                    name: name(*eni),
                    is_at_initiator: *is_at_initiator,
                })
                .collect(),
            steps,
            omitted,
            packets_logged: logged.fold(0, u64::saturating_add),
            packets_rebuilt: segments.len() as u64,
        }
    }

    /// The ENIs that rejected packets, and whether each belongs to the initiator's side.
    fn rejecting(
        &self,
        records: &[Viewed],
        info: &ConnectionInfo,
    ) -> Vec<(EniIndex, Option<bool>)> {
        let mut found: Vec<(EniIndex, Option<bool>)> = Vec::new();
        for o in records {
            let Some(eni) = rejecting_eni(o) else {
                continue;
            };
            let own = o.leaving.filter(|_| o.eni == eni);
            let same = |(at, way, _): &&(EniIndex, Way, _)| (*at, *way) == (eni, o.way);
            let other = || self.rejects.iter().find(same).and_then(|reject| reject.2);
            let leaving = own.or_else(other);
            let at_initiator = leaving.map(|leaving| leaving == (o.way == info.role.initiator));
            match found.iter().position(|(known, _)| *known == eni) {
                Some(index) => found[index].1 = found[index].1.or(at_initiator),
                None if found.len() < REJECTING_MAX => found.push((eni, at_initiator)),
                None => {}
            }
        }
        let side = |at_initiator: Option<bool>| match at_initiator {
            Some(true) => 0,
            None => 1,
            Some(false) => 2,
        };
        found.sort_by_key(|(eni, at_initiator)| (side(*at_initiator), *eni));
        found
    }
}

/// The ENI that rejected the packets of a record.
fn rejecting_eni(o: &Viewed) -> Option<EniIndex> {
    if o.verdict.is_reject() {
        return Some(o.eni);
    }
    o.rejected_at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::observation::tests::{candidate, rejected, there};

    #[test]
    fn connection_of_a_line_is_its_example_though_another_view_was_chosen() {
        let mut enis = Enis::default();
        enis.enter(b"eni-a");
        enis.enter(b"eni-b");
        let seen = candidate(Way::Up, 3, 180, 0, 7, 2);
        let mut stopped = there(rejected(seen));
        stopped.place.line = 2;
        let examples = Examples {
            lines: HashMap::from_iter([(stopped.place, vec![(0, 0)])]),
            best: Mutex::new(vec![None]),
        };
        assert!(examples.sought(&[seen]).is_none());
        let sought = examples.sought(&[seen, stopped]).unwrap();
        let mut view = Viewed::from(seen);
        view.rejected_at = Some(EniIndex(1));
        sought.look_at(&[view], &enis);
        let ladder = examples.into_ladders().remove(0).unwrap();
        assert_eq!(ladder.logged_at, "eni-a");
        assert_eq!(ladder.rejecting[0].name, "eni-b");
        assert_eq!(ladder.rejecting[0].is_at_initiator, Some(false));
        assert_eq!(ladder.steps.len(), 3);
        assert!(ladder.steps.iter().all(|step| step.rejected_by == Some(0)));
    }

    #[test]
    fn connection_with_its_syn_is_the_better_example() {
        let mut enis = Enis::default();
        enis.enter(b"eni-a");
        let (mut old, mut new) = (
            candidate(Way::Up, 3, 180, 0, 7, 0),
            candidate(Way::Up, 3, 180, 600, 607, 2),
        );
        (old.place.line, new.place.line) = (1, 2);
        let examples = Examples {
            lines: HashMap::from_iter([(old.place, vec![(0, 0)]), (new.place, vec![(0, 1)])]),
            best: Mutex::new(vec![None]),
        };
        let sought = examples.sought(&[old, new]).unwrap();
        sought.look_at(&[new.into()], &enis);
        sought.look_at(&[old.into()], &enis);
        let ladder = examples.into_ladders().remove(0).unwrap();
        assert_eq!(ladder.steps[0].first_ns / crate::time::SECOND_NS, 600);
    }
}
