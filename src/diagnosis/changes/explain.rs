//! The changes that explain findings, by what they have in common with them.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::aims::{self, Aim, Places};
use super::effect::{Effect, Scene};
use super::ties::Tie;
use super::window::{Passing, Trial, trial};
use super::{ChangeCertainty, ChangeSearch, FindingChanges, NamedChange};
use crate::change::{CallResult, Change, ChangeDetail, ChangeKind, ChangeLog, LoggedChange};
use crate::configuration::{Configuration, Fit, RouteDestination};
use crate::diagnosis::attempt_counts::AttemptCounts;
use crate::diagnosis::cause::Ground;
use crate::diagnosis::finding::Finding;
use crate::flow::{Enis, Place};
use crate::time::{SECOND_NS, rfc3339_second};

/// The most paths of a finding that changes are compared with.
const PATHS_MAX: usize = 200;

/// The most changes that are compared with a finding, the nearest in time.
const COMPARED_MAX: usize = 2_000;

/// The most changes that are listed because they explain something, and because of their time.
const LISTED_MAX: usize = 5;

/// How long before the first failure a change is still listed because of its time only.
const SAME_TIME_NS: i64 = 900 * SECOND_NS;

/// How far the clocks of AWS services may differ.
const CLOCKS_NS: i64 = 10 * SECOND_NS;

/// What changes are compared with.
pub struct ChangeGround<'a> {
    /// The changes of the archive; complete.
    log: &'a ChangeLog,
    /// All attempts of the requested time.
    counts: &'a AttemptCounts,
    /// The ENIs of the archive.
    enis: &'a Enis,
    /// The configuration beside the logs.
    configuration: Option<&'a Configuration>,
    /// The longest interval of most records, seconds.
    interval_s: i64,
    /// Returns the name of a line, `FILE:LINE`.
    name: &'a dyn Fn(Place) -> String,
}

impl<'a> ChangeGround<'a> {
    /// Puts together what changes are compared with: the names are those that the findings have, and
    /// `interval_s` is the longest interval of most records.
    pub fn new(
        log: &'a ChangeLog,
        counts: &'a AttemptCounts,
        ground: &Ground<'a>,
        interval_s: i64,
    ) -> Self {
        Self {
            log,
            counts,
            enis: ground.enis,
            configuration: ground.configuration,
            interval_s,
            name: ground.name,
        }
    }
}

/// Notes in each finding which changes explain when it began and ended.
pub fn explain_changes(findings: &mut [Finding], ground: &ChangeGround<'_>) {
    let passing = Passing::of(ground.counts);
    for finding in findings {
        let [since_ns, until_ns] = finding.ends_ns;
        let since_ns = since_ns.or_else(|| began_ns(finding, ground, &passing));
        let search = |effect, at_ns: Option<i64>| {
            let search = SuspectSearch {
                ground,
                passing: &passing,
                finding,
                effect,
                at_ns: at_ns?,
            };
            search.run()
        };
        finding.changes = FindingChanges {
            since: search(Effect::Breaks, since_ns),
            until: search(Effect::Mends, until_ns),
        };
    }
}

/// Returns when the attempts of a finding began to fail, if others on the same paths passed before: so
/// many that some of them would have failed, had the cause been there already.
fn began_ns(finding: &Finding, ground: &ChangeGround<'_>, passing: &Passing<'_>) -> Option<i64> {
    /// How likely it may be that they passed by chance.
    const CHANCE_MAX: f64 = 0.05;
    let entries = || {
        let paths = finding.members.paths();
        paths.filter_map(|(path, symptom)| Some((path, ground.counts.entry(*path, symptom)?)))
    };
    let first_ns = entries().map(|(_, seen)| seen.first_ns).min()?;
    let failed: u64 = entries().map(|(_, seen)| seen.count).sum();
    let trials: BTreeSet<Trial> = entries().map(|(path, _)| trial(path)).collect();
    let counts = trials.iter().map(|trial| passing.counts(trial, first_ns));
    let (before, after) = counts.fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1));
    let passes = after as f64 / (failed + after).max(1) as f64;
    let by_chance = passes.powf(before as f64);
    (before > 0 && by_chance <= CHANCE_MAX).then_some(first_ns)
}

/// The search for the change that began or ended one finding.
struct SuspectSearch<'a> {
    ground: &'a ChangeGround<'a>,
    passing: &'a Passing<'a>,
    finding: &'a Finding,
    effect: Effect,
    /// When the first attempt failed, or the last one.
    at_ns: i64,
}

/// A change, and how much it has in common with a finding.
struct Suspect<'a> {
    logged: &'a LoggedChange,
    certainty: ChangeCertainty,
    /// The step of the evidence: the more, the surer.
    rank: u8,
    because: String,
}

impl<'a> SuspectSearch<'a> {
    fn run(&self) -> Option<ChangeSearch> {
        let (from_ns, to_ns) = self.window_ns()?;
        let aims = self.aims();
        let within = self.ground.log.within(from_ns, to_ns);
        let mut nearest: Vec<&LoggedChange> = within.iter().collect();
        nearest.sort_by_key(|logged| self.distance_ns(&logged.change).abs());
        nearest.truncate(COMPARED_MAX);
        let suspects = nearest
            .into_iter()
            .map(|logged| self.weighed(logged, &aims));
        let mut suspects: Vec<Suspect<'_>> = suspects.collect();
        suspects.sort_by_key(|suspect| {
            let distance = self.distance_ns(&suspect.logged.change).abs();
            let is_attempt = suspect.logged.change.result != CallResult::Done;
            (
                suspect.certainty,
                is_attempt,
                Reverse(suspect.rank),
                distance,
                suspect.logged.place,
            )
        });
        let found = suspects.len() as u64;
        let is_explained = suspects
            .first()
            .is_some_and(|first| first.certainty == ChangeCertainty::Proved);
        let mut counts = [0; 2];
        suspects.retain(|suspect| {
            let is_same_time = suspect.certainty == ChangeCertainty::SameTime;
            let distance = self.distance_ns(&suspect.logged.change).abs();
            if is_same_time && (is_explained || distance > SAME_TIME_NS) {
                return false;
            }
            let count = &mut counts[usize::from(is_same_time)];
            *count += 1;
            *count <= LISTED_MAX
        });
        Some(ChangeSearch {
            from: rfc3339_second(from_ns),
            to: rfc3339_second(to_ns),
            left_out: found - suspects.len() as u64,
            changes: suspects.iter().map(|suspect| self.named(suspect)).collect(),
        })
    }

    /// Returns the time in which the change was made; `None` if the finding does not begin, or end,
    /// inside the archive.
    fn window_ns(&self) -> Option<(i64, i64)> {
        let paths = self.finding.members.paths().map(|(path, _)| {
            let trial = trial(path);
            match self.effect {
                Effect::Breaks => self.passing.last_before(&trial, self.at_ns),
                Effect::Mends => self.passing.first_after(&trial, self.at_ns),
            }
        });
        let slack_ns = self.slack_ns();
        match self.effect {
            Effect::Breaks => {
                let from_ns = paths.flatten().max()?;
                Some((from_ns - SECOND_NS, self.at_ns.saturating_add(slack_ns)))
            }
            Effect::Mends => {
                let to_ns = paths.flatten().min()?;
                Some((self.at_ns.saturating_sub(slack_ns), to_ns + CLOCKS_NS))
            }
        }
    }

    /// How far the change may be on the other side of the first or last failure.
    fn slack_ns(&self) -> i64 {
        let paths = self.finding.members.paths();
        let entries = paths.filter_map(|(path, symptom)| {
            let seen = self.ground.counts.entry(*path, symptom)?;
            Some((symptom, seen))
        });
        let (mut is_exact, mut is_rejected, mut width_s) = (false, true, 0);
        for (symptom, seen) in entries {
            is_exact |= match self.effect {
                Effect::Breaks => seen.first_ns == self.at_ns,
                Effect::Mends => seen.begun_ns == self.at_ns,
            };
            is_rejected &= symptom.is_rejected();
            width_s = width_s.max(seen.minutes.width_s);
        }
        // A record of rejected packets begins with the first of them. Others may have begun before.
        let interval_s = match is_rejected {
            true => 0,
            false => self.ground.interval_s,
        };
        // The instant may be that of a bucket of attempts.
        let bucket_s = if is_exact { 0 } else { width_s };
        let slack_ns = interval_s.max(bucket_s).saturating_mul(SECOND_NS);
        slack_ns.saturating_add(CLOCKS_NS)
    }

    fn places(&self) -> Places<'a> {
        Places {
            enis: self.ground.enis,
            configuration: self.ground.configuration,
            ns: self.at_ns,
        }
    }

    fn aims(&self) -> Vec<Aim> {
        let places = self.places();
        let paths = self.finding.members.paths().take(PATHS_MAX);
        let aims = paths.filter_map(|(path, symptom)| {
            let seen = self.ground.counts.entry(*path, symptom)?;
            Some(aims::of_path(path, symptom, seen, places))
        });
        aims.flatten().collect()
    }

    /// Returns what a change has in common with the finding, at the aim that it explains best.
    fn weighed<'l>(&self, logged: &'l LoggedChange, aims: &[Aim]) -> Suspect<'l> {
        let change = &logged.change;
        let scene = Scene {
            places: self.places(),
            log: self.ground.log,
            effect: self.effect,
        };
        let mut best = Suspect {
            logged,
            certainty: ChangeCertainty::SameTime,
            rank: 0,
            because: String::new(),
        };
        for aim in aims {
            let tie = scene.tie(change, aim);
            let fit = match tie {
                Tie::Other => Fit::No,
                _ => scene.fits(change, aim),
            };
            let (certainty, rank) = weight(change, &tie, fit);
            let rank = 2 * rank + u8::from(fit == Fit::Maybe && scene.is_near(change, aim));
            if (certainty, Reverse(rank)) < (best.certainty, Reverse(best.rank)) {
                best.because = match tie {
                    Tie::Own(words) if fit == Fit::Yes && has_rule(change) => {
                        format!("it fits {}, and {words}", aim.packets.in_words())
                    }
                    Tie::Own(words) => words,
                    _ if certainty == ChangeCertainty::Likely => {
                        format!("it fits {}", aim.packets.in_words())
                    }
                    Tie::Vpc => format!("it names {}", aim.place.vpc),
                    _ => String::new(),
                };
                (best.certainty, best.rank) = (certainty, rank);
            }
        }
        if change.result != CallResult::Done {
            best.certainty = ChangeCertainty::SameTime;
        }
        best
    }

    /// How long before the first failure, or after the last one, a change was made.
    fn distance_ns(&self, change: &Change) -> i64 {
        match self.effect {
            Effect::Breaks => self.at_ns.saturating_sub(change.instant_ns),
            Effect::Mends => change.instant_ns.saturating_sub(self.at_ns),
        }
    }

    fn named(&self, suspect: &Suspect<'_>) -> NamedChange {
        let change = &suspect.logged.change;
        NamedChange {
            certainty: suspect.certainty,
            time: rfc3339_second(change.instant_ns),
            distance_s: self.distance_ns(change).div_euclid(SECOND_NS),
            caller: change.caller.to_string(),
            source: change.caller.source.clone(),
            what: change.in_words(),
            because: suspect.because.clone(),
            is_attempt: change.result != CallResult::Done,
            event: change.name.clone(),
            event_id: change.event_id.clone(),
            account: change.account.clone(),
            region: change.region.clone(),
            record: (self.ground.name)(suspect.logged.place),
        }
    }
}

/// Whether the event has a rule, a route or groups that fit packets or do not.
fn has_rule(change: &Change) -> bool {
    let is_of_host = matches!(change.kind, ChangeKind::Host | ChangeKind::LoadBalancer);
    !is_of_host || matches!(change.detail, ChangeDetail::Groups { .. })
}

/// Whether it is a default route, which fits packets of any network.
fn is_default_route(change: &Change) -> bool {
    match &change.detail {
        ChangeDetail::Route(route) => match &route.destination {
            Some(RouteDestination::Range(range)) => range.is_everything(),
            _ => false,
        },
        _ => false,
    }
}

/// Returns how surely a change explains packets, and the step of the evidence.
fn weight(change: &Change, tie: &Tie, fit: Fit) -> (ChangeCertainty, u8) {
    let is_region_wide = change.name.contains("BlockPublicAccess");
    match (tie, fit) {
        (Tie::Own(_), Fit::Yes) if has_rule(change) => (ChangeCertainty::Proved, 6),
        // The host is named, but not that it stopped to answer.
        (Tie::Own(_), Fit::Yes) => (ChangeCertainty::Likely, 5),
        (Tie::Vpc, Fit::Yes) if change.kind == ChangeKind::Vpc => (ChangeCertainty::Proved, 6),
        (Tie::Unknown | Tie::Vpc, Fit::Yes) if is_region_wide => (ChangeCertainty::Proved, 6),
        (Tie::Unknown | Tie::Vpc, Fit::Yes) if has_rule(change) && !is_default_route(change) => {
            (ChangeCertainty::Likely, 5)
        }
        (Tie::Own(_), Fit::Maybe) => (ChangeCertainty::Possible, 4),
        (Tie::Vpc, Fit::Maybe) | (Tie::Unknown, Fit::Yes) => (ChangeCertainty::SameTime, 3),
        (Tie::Unknown, Fit::Maybe) => (ChangeCertainty::SameTime, 2),
        _ => (ChangeCertainty::SameTime, 1),
    }
}
