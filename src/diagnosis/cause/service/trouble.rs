//! What is the matter with one service, or with several that fail alike, and how sure that is.

use std::collections::BTreeSet;

use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom, ServiceKey, service, span};
use crate::diagnosis::cause::failure_split;
use crate::diagnosis::finding::{Cause, Certainty};
use crate::diagnosis::symptom::{Limit, Party, Symptom};
use crate::flow::is_private;

/// Failing attempts before a service is called refusing, or intermittent, with confidence.
const ATTEMPTS_LEAST: u64 = 4;

/// SYNs of one attempt that prove that nobody answers.
const SYNS_LEAST: u64 = 4;

/// What is the matter with a service, or with several that fail alike.
pub(super) struct Trouble<'a> {
    pub(super) cause: Cause,
    /// Which time-out, or who aborts, as a number.
    pub(super) detail: i64,
    pub(super) entries: Vec<PathSymptom<'a>>,
    pub(super) verdict: ServiceVerdict,
}

impl<'a> Trouble<'a> {
    /// What fails alike at several hosts: as sure as of the one of which it is least sure.
    pub(super) fn of_many(attempts: &AttemptIndex<'a>, members: Vec<Self>) -> Option<Self> {
        let certainty = members
            .iter()
            .map(|member| member.verdict.certainty)
            .max()?;
        let mut members = members.into_iter();
        let mut all = members.next()?;
        if members.len() == 0 {
            return Some(all);
        }
        all.entries
            .extend(members.flat_map(|member| member.entries));
        all.verdict = ServiceVerdict {
            certainty,
            is_unsteady: all.verdict.is_unsteady,
            ..ServiceVerdict::of(attempts, all.cause, &all.entries)
        };
        Some(all)
    }

    pub(super) fn is_sure(&self) -> bool {
        self.verdict.certainty != Certainty::Possible
    }
}

/// How sure a trouble is, by what passes beside it.
pub(super) struct ServiceVerdict {
    pub(super) certainty: Certainty,
    /// Whether the same source fails and passes.
    pub(super) is_unsteady: bool,
    pub(super) facts: ServiceFacts,
    /// What tells those that fail from those that pass.
    pub(super) split: Option<String>,
}

impl ServiceVerdict {
    pub(super) fn of<'a>(
        attempts: &AttemptIndex<'a>,
        cause: Cause,
        entries: &[PathSymptom<'a>],
    ) -> Self {
        let services: BTreeSet<ServiceKey> =
            entries.iter().map(|entry| service(entry.path)).collect();
        let symptoms: BTreeSet<Symptom> = entries.iter().map(|entry| entry.symptom).collect();
        let others: Vec<PathSymptom<'a>> = services
            .iter()
            .flat_map(|service| attempts.of(*service))
            .filter(|entry| entry.symptom.is_passed() && !symptoms.contains(&entry.symptom))
            .copied()
            .collect();
        let span = span(entries);
        let meanwhile: Vec<PathSymptom<'a>> = others
            .iter()
            .filter(|entry| entry.seen.begun_ns >= span.0 && entry.seen.goes_on_during(span))
            .copied()
            .collect();
        let sources: BTreeSet<_> = entries.iter().map(|entry| entry.path.source).collect();
        let mixed = meanwhile
            .iter()
            .any(|entry| sources.contains(&entry.path.source));
        let facts = ServiceFacts {
            count: entries.iter().map(|entry| entry.seen.count).sum(),
            passed: others.iter().map(|entry| entry.seen.count).sum(),
            mixed,
            is_passing: !meanwhile.is_empty(),
            was_passing: !others.is_empty(),
        };
        let is_meant = entries.iter().any(|entry| attempts.is_meant(entry));
        let certainty = match is_meant {
            true => facts.certainty(cause, entries),
            false => Certainty::Possible,
        };
        let is_unsteady = mixed
            && certainty != Certainty::Possible
            && matches!(
                cause,
                Cause::NoReply | Cause::Refused | Cause::HalfOpen | Cause::Reset
            );
        let split = mixed.then(|| failure_split::best(attempts, entries, &meanwhile));
        Self {
            certainty,
            is_unsteady,
            facts,
            split: split.flatten(),
        }
    }
}

/// What decides how sure it is that something is the matter with a service.
pub(super) struct ServiceFacts {
    pub(super) count: u64,
    pub(super) passed: u64,
    /// The same source fails and passes in the same time.
    pub(super) mixed: bool,
    /// Somebody passes in the time in which others fail.
    pub(super) is_passing: bool,
    /// Somebody passes at any time.
    pub(super) was_passing: bool,
}

impl ServiceFacts {
    pub(super) fn certainty(&self, cause: Cause, entries: &[PathSymptom<'_>]) -> Certainty {
        let packets: u64 = entries.iter().map(|entry| entry.seen.packets).sum();
        let is_persistent = self.count >= ATTEMPTS_LEAST;
        let is_large = self.count.saturating_mul(9) >= self.passed;
        let is_sure = match cause {
            // The one kind of abort that nothing but a fault explains: by the responder, often.
            Cause::Reset => {
                let by_responder = entries
                    .iter()
                    .all(|e| e.symptom == Symptom::Reset(Party::Responder));
                by_responder
                    && self.count > ATTEMPTS_LEAST
                    && self.count.saturating_mul(2) >= self.passed
            }
            Cause::IdleTimeout => {
                let is_minute = entries
                    .iter()
                    .all(|e| e.symptom == Symptom::IdleTimeout(Limit::Minute));
                let leads_out = entries.iter().all(|entry| !is_private(entry.path.target));
                self.count >= if is_minute { 3 } else { 2 } || (leads_out && !is_minute)
            }
            Cause::NoReply | Cause::ReplyElsewhere if !self.mixed => {
                self.count >= 2 || packets >= SYNS_LEAST
            }
            Cause::HalfOpen if !self.mixed => self.count >= 2,
            Cause::Refused if !self.mixed => {
                is_persistent || (self.count >= 2 && self.was_passing && !self.is_passing)
            }
            _ => is_persistent && is_large,
        };
        match (is_sure, cause) {
            (true, Cause::Refused) if is_persistent && !self.mixed => Certainty::Proved,
            (true, _) => Certainty::Likely,
            _ => Certainty::Possible,
        }
    }

    /// What passes beside it, in words.
    pub(super) fn contrast(&self, split: Option<&str>) -> String {
        match (split, self.mixed, self.is_passing, self.was_passing) {
            (Some(split), ..) => format!("; {split}"),
            (None, true, ..) => format!(
                "; {} other attempts pass, and nothing tells the ones from the others",
                self.passed
            ),
            (None, false, true, _) => {
                format!("; from other sources {} pass meanwhile", self.passed)
            }
            (None, false, false, true) => {
                format!("; passed before or after: {}", self.passed)
            }
            (None, false, false, false) => "; no attempt passes".to_owned(),
        }
    }
}
