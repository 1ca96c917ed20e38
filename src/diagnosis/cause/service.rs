//! What is the matter with services that no filter blocks: silence, refusals, aborts, time-outs.
//!
//! Each service (address and port) is looked at by itself, failing attempts beside passing ones. If it
//! fails for all, or for the same sources always, the symptom is the cause. If it fails now and then for
//! the same source, it is intermittent, and the split that explains most is named.

mod told;

use std::collections::BTreeSet;
use std::net::IpAddr;

use self::told::{seen, title};
use super::{Draft, names, span, split};
use crate::diagnosis::display_filter::Shows;
use crate::diagnosis::finding::{Cause, Certainty};
use crate::diagnosis::ledger::{Entry, Ledger, Service, grouped, service};
use crate::diagnosis::symptom::{Limit, Side, Symptom};
use crate::flow::{EniIndex, is_private};

/// Failing attempts before a service is called refusing, or intermittent, with confidence.
const ATTEMPTS_LEAST: u64 = 4;

/// SYNs of one attempt that prove that nobody answers.
const SYNS_LEAST: u64 = 4;

/// Everything but verdicts and what is harmless.
pub(super) fn drafts<'a>(ledger: &Ledger<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    let offline = offline(ledger, &mut drafts);
    let kind = |entry: &Entry<'a>| match entry.symptom {
        Symptom::NoReply if !offline.contains(entry.path) => Some(Cause::NoReply),
        Symptom::Refused => Some(Cause::Refused),
        Symptom::HalfOpen => Some(Cause::HalfOpen),
        Symptom::ReplyElsewhere { .. } => Some(Cause::ReplyElsewhere),
        Symptom::IdleTimeout(_) => Some(Cause::IdleTimeout),
        Symptom::Reset(_) => Some(Cause::Reset),
        _ => None,
    };
    // A host that is silent, or takes another way back, does so on all ports.
    let key = |entry: &Entry<'a>| {
        let cause = kind(entry)?;
        let port = match cause {
            Cause::ReplyElsewhere | Cause::IdleTimeout => 0,
            _ => entry.path.port,
        };
        let detail = match entry.symptom {
            Symptom::IdleTimeout(limit) => limit.seconds(),
            Symptom::Reset(side) => i64::from(side == Side::Responder),
            _ => 0,
        };
        Some((cause, detail, entry.path.target, port, entry.path.protocol))
    };
    for ((cause, ..), entries) in grouped(ledger.all(), key) {
        drafts.push(draft(ledger, cause, entries));
    }
    drafts
}

/// Subnets of which nobody gets an answer from the internet: one cause, however many targets.
///
/// Returns the paths that are told by it.
fn offline<'a>(
    ledger: &Ledger<'a>,
    drafts: &mut Vec<Draft<'a>>,
) -> BTreeSet<crate::diagnosis::tally::Path> {
    let leads_out =
        |entry: &Entry<'_>| entry.path.source.is_some() && !is_private(entry.path.target);
    let from = |entry: &Entry<'a>| {
        let eni = entry.path.source_eni?;
        let subnet = ledger.subnet(eni);
        Some((subnet, subnet.is_empty().then_some(eni)))
    };
    let silent = |entry: &Entry<'a>| match entry.symptom {
        Symptom::NoReply if leads_out(entry) => from(entry),
        _ => None,
    };
    let mut told = BTreeSet::new();
    for (subnet, entries) in grouped(ledger.all(), silent) {
        let span = span(&entries);
        let targets: BTreeSet<IpAddr> = entries.iter().map(|entry| entry.path.target).collect();
        let answered = ledger.all().any(|entry| {
            entry.symptom.is_passed()
                && leads_out(entry)
                && from(entry).as_ref() == Some(&subnet)
                && entry.seen.goes_on_during(span)
        });
        if answered || targets.len() < 2 {
            continue;
        }
        told.extend(entries.iter().map(|entry| *entry.path));
        let enis: BTreeSet<EniIndex> = entries
            .iter()
            .filter_map(|entry| entry.path.source_eni)
            .collect();
        let place = enis
            .first()
            .map_or_else(String::new, |eni| names::subnet(ledger, *eni));
        drafts.push(Draft {
            cause: Cause::NoReply,
            certainty: Certainty::Likely,
            title: format!("{place} gets no answer from the internet"),
            seen: format!(
                "requests from {} to {} ({}) are ACCEPTed and none is answered, at any ENI; meanwhile nothing from \
                 this subnet reaches the internet",
                names::sources(&entries),
                names::targets(&entries),
                names::ports(&entries),
            ),
            entries,
            others: 0,
            enis,
            shows: Shows::Handshakes,
        });
    }
    told
}

fn draft<'a>(ledger: &Ledger<'a>, cause: Cause, entries: Vec<Entry<'a>>) -> Draft<'a> {
    let services: BTreeSet<Service> = entries.iter().map(|entry| service(entry.path)).collect();
    let others: Vec<Entry<'a>> = services
        .iter()
        .flat_map(|service| ledger.of(*service))
        .filter(|entry| {
            entry.symptom.is_passed() && !entries.iter().any(|own| own.symptom == entry.symptom)
        })
        .copied()
        .collect();
    let span = span(&entries);
    let meanwhile: Vec<Entry<'a>> = others
        .iter()
        .filter(|entry| entry.seen.begun_ns >= span.0 && entry.seen.goes_on_during(span))
        .copied()
        .collect();
    let sources: BTreeSet<Option<IpAddr>> = entries.iter().map(|entry| entry.path.source).collect();
    let mixed = meanwhile
        .iter()
        .any(|entry| sources.contains(&entry.path.source));
    let count: u64 = entries.iter().map(|entry| entry.seen.count).sum();
    let passed: u64 = others.iter().map(|entry| entry.seen.count).sum();
    let facts = Facts {
        count,
        passed,
        mixed,
        is_passing: !meanwhile.is_empty(),
        was_passing: !others.is_empty(),
    };
    let is_meant = entries.iter().any(|entry| ledger.is_meant(entry));
    let certainty = match is_meant {
        true => facts.certainty(cause, &entries),
        false => Certainty::Possible,
    };
    let by_split = mixed
        .then(|| split::best(ledger, &entries, &meanwhile))
        .flatten();
    let is_unsteady = mixed
        && certainty != Certainty::Possible
        && matches!(
            cause,
            Cause::NoReply | Cause::Refused | Cause::HalfOpen | Cause::Reset
        );
    let contrast = facts.contrast(by_split.as_deref());
    let at = |entry: &Entry<'_>| entry.path.target_eni.or(entry.path.source_eni);
    let enis = entries.iter().filter_map(at).collect();
    let what = title(cause, &entries);
    let (shown, often) = match is_unsteady {
        true if passed < count => (Cause::Intermittent, "mostly: "),
        true => (Cause::Intermittent, "now and then: "),
        false => (cause, ""),
    };
    Draft {
        cause: shown,
        certainty,
        title: format!("{often}{what}{}", names::related(ledger, &entries)),
        seen: format!("{}{contrast}", seen(ledger, cause, &entries)),
        others: passed,
        enis,
        shows: shows(cause),
        entries,
    }
}

fn shows(cause: Cause) -> Shows {
    match cause {
        Cause::Refused | Cause::Reset => Shows::Resets,
        Cause::IdleTimeout => Shows::All,
        _ => Shows::Handshakes,
    }
}

/// What decides how sure it is that something is the matter with a service.
struct Facts {
    count: u64,
    passed: u64,
    /// The same source fails and passes in the same time.
    mixed: bool,
    /// Somebody passes in the time in which others fail.
    is_passing: bool,
    /// Somebody passes at any time.
    was_passing: bool,
}

impl Facts {
    fn certainty(&self, cause: Cause, entries: &[Entry<'_>]) -> Certainty {
        let packets: u64 = entries.iter().map(|entry| entry.seen.packets).sum();
        let is_persistent = self.count >= ATTEMPTS_LEAST;
        let is_large = self.count.saturating_mul(9) >= self.passed;
        let is_sure = match cause {
            // The one kind of abort that nothing but a fault explains: by the responder, often.
            Cause::Reset => {
                let by_responder = entries
                    .iter()
                    .all(|e| e.symptom == Symptom::Reset(Side::Responder));
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
    fn contrast(&self, split: Option<&str>) -> String {
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
