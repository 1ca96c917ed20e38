//! The failure of one service, or of several that fail in the same way, and its certainty.

use std::collections::BTreeSet;

use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom, ServiceKey, service, span};
use crate::diagnosis::cause::outage::{self, Outage};
use crate::diagnosis::cause::{failure_split, names};
use crate::diagnosis::finding::{Cause, Certainty};
use crate::diagnosis::symptom::{Limit, Party, Symptom};
use crate::flow::is_private;

/// Failing attempts that are needed to call a service refusing or intermittent with confidence.
const ATTEMPTS_LEAST: u64 = 4;

/// SYNs in one attempt that prove that there is no reply.
const SYNS_LEAST: u64 = 4;

/// The failure of one service, or of several that fail in the same way.
pub(super) struct Trouble<'a> {
    pub(super) cause: Cause,
    /// The timeout in seconds, or the side that sends the RST, as a number.
    pub(super) detail: i64,
    pub(super) entries: Vec<PathSymptom<'a>>,
    pub(super) verdict: ServiceVerdict,
}

impl<'a> Trouble<'a> {
    /// Merges the same failure at several hosts; it is as certain as its least certain member.
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

/// The certainty of a failure, from comparison with attempts that succeed.
pub(super) struct ServiceVerdict {
    pub(super) certainty: Certainty,
    /// Whether the same source fails and passes.
    pub(super) is_unsteady: bool,
    pub(super) facts: ServiceFacts,
    /// The property that distinguishes failing from succeeding attempts.
    pub(super) split: Option<String>,
    /// When the attempts fail, if the same sources succeed at other times.
    pub(super) outage: Option<Outage>,
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
        let is_of_source = |entry: &&PathSymptom<'a>| sources.contains(&entry.path.source);
        let same: Vec<PathSymptom<'a>> = others.iter().filter(is_of_source).copied().collect();
        let outage = match cause {
            Cause::IdleTimeout | Cause::PathMtu => None,
            _ => outage::outage(entries, &same),
        };
        let mixed = outage.is_none() && meanwhile.iter().any(|entry| is_of_source(&entry));
        let is_passing = match outage {
            Some(_) => !meanwhile.iter().all(|entry| is_of_source(&entry)),
            None => !meanwhile.is_empty(),
        };
        let facts = ServiceFacts {
            count: entries.iter().map(|entry| entry.seen.count).sum(),
            passed: others.iter().map(|entry| entry.seen.count).sum(),
            mixed,
            grows: cause == Cause::Reset && outage::grows(entries, &same),
            is_bare: attempts.is_bare,
            is_passing,
            was_passing: !others.is_empty(),
        };
        let is_meant = entries.iter().any(|entry| attempts.is_meant(entry));
        let certainty = match is_meant {
            true => facts.certainty(cause, entries),
            false => Certainty::Possible,
        };
        let is_unsteady = mixed
            && certainty != Certainty::Possible
            && matches!(cause, Cause::NoReply | Cause::Refused | Cause::HalfOpen);
        let split = mixed.then(|| failure_split::best(attempts, entries, &meanwhile));
        Self {
            certainty,
            is_unsteady,
            facts,
            split: split.flatten(),
            outage,
        }
    }
}

impl ServiceVerdict {
    /// Describes the attempts that succeed.
    pub(super) fn contrast(&self, cause: Cause) -> String {
        let (split, outage) = (self.split.as_deref(), self.outage.as_ref());
        self.facts.contrast(cause, split, outage)
    }
}

/// The facts that determine the certainty.
pub(super) struct ServiceFacts {
    pub(super) count: u64,
    pub(super) passed: u64,
    /// Whether the same source fails and succeeds in the same time range.
    pub(super) mixed: bool,
    /// Whether the failures become far more frequent.
    pub(super) grows: bool,
    /// Whether flags are missing, so that a RST is inferred.
    pub(super) is_bare: bool,
    /// Whether any source succeeds while others fail.
    pub(super) is_passing: bool,
    /// Whether any source succeeds at any time.
    pub(super) was_passing: bool,
}

impl ServiceFacts {
    pub(super) fn certainty(&self, cause: Cause, entries: &[PathSymptom<'_>]) -> Certainty {
        let packets: u64 = entries.iter().map(|entry| entry.seen.packets).sum();
        let is_persistent = self.count >= ATTEMPTS_LEAST;
        let is_large = self.count.saturating_mul(9) >= self.passed;
        let is_sure = match cause {
            // Only a fault explains this kind of reset: sent by the responder, many times.
            Cause::Reset => {
                let by_responder = entries
                    .iter()
                    .all(|e| e.symptom == Symptom::Reset(Party::Responder));
                let is_frequent = by_responder
                    && self.count > ATTEMPTS_LEAST
                    && self.count.saturating_mul(2) >= self.passed;
                is_frequent || self.grows
            }
            Cause::IdleTimeout => {
                let is_minute = entries
                    .iter()
                    .all(|e| e.symptom == Symptom::IdleTimeout(Limit::Minute));
                let leads_out = entries.iter().all(|entry| !is_private(entry.path.target));
                self.count >= if is_minute { 3 } else { 2 } || (leads_out && !is_minute)
            }
            // Small exchanges on the same path succeed.
            Cause::PathMtu => self.count >= 2,
            Cause::NoReply | Cause::ReplyElsewhere | Cause::NoWayBack if !self.mixed => {
                self.count >= 2 || packets >= SYNS_LEAST
            }
            Cause::HalfOpen if !self.mixed => self.count >= 2,
            Cause::Refused if !self.mixed => {
                is_persistent || (self.count >= 2 && self.was_passing && !self.is_passing)
            }
            _ => is_persistent && is_large,
        };
        match (is_sure, cause) {
            (true, Cause::Refused) if is_persistent && !self.mixed && !self.is_bare => {
                Certainty::Proved
            }
            (true, _) => Certainty::Likely,
            _ => Certainty::Possible,
        }
    }

    /// Describes the attempts that succeed.
    fn contrast(&self, cause: Cause, split: Option<&str>, outage: Option<&Outage>) -> String {
        let passed = |noun| names::counted(self.passed, noun);
        let did = match cause {
            Cause::Reset | Cause::IdleTimeout | Cause::PathMtu => "ended normally",
            // It may have been reset later, which is another finding.
            _ => "connected",
        };
        if let Some(outage) = outage.filter(|_| !self.is_passing) {
            return outage.seen(&format!("{} {did}", passed("attempt")));
        }
        match (split, self.mixed, self.is_passing, self.was_passing) {
            (Some(split), ..) => format!("; {split}"),
            (None, true, ..) => format!(
                "; {} {did}, and nothing in the records distinguishes them",
                passed("other attempt")
            ),
            (None, false, true, _) => format!(
                "; {} from other sources {did} at the same time",
                passed("attempt")
            ),
            (None, false, false, true) => {
                format!("; {} {did} before or after", passed("attempt"))
            }
            (None, false, false, false) => format!("; no attempt {did}"),
        }
    }
}
