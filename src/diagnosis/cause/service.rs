//! What is the matter with services that no filter blocks: silence, refusals, aborts, time-outs.
//!
//! Each service (address and port) is looked at by itself, failing attempts beside passing ones. If it
//! fails for all, or for the same sources always, the symptom is the cause. If it fails now and then for
//! the same source, it is intermittent, and the split that explains most is named. Services of several
//! hosts that the same clients ask for the same are told together ([`fleet`]).

mod fleet;
mod told;

use std::collections::BTreeSet;
use std::net::IpAddr;

use self::fleet::{Beside, Fleets};
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
    let groups = grouped(ledger.all(), key).into_iter();
    let each = groups.map(|((cause, detail, ..), entries)| Trouble {
        cause,
        detail,
        verdict: Verdict::of(ledger, cause, &entries),
        entries,
    });
    let fleets = Fleets::new(ledger);
    let troubles = fleets.joined(each.collect());
    let sure = troubles.iter().filter(|trouble| trouble.is_sure());
    let failing: BTreeSet<Service> = sure
        .flat_map(|trouble| trouble.entries.iter().map(|entry| service(entry.path)))
        .collect();
    drafts.extend(troubles.into_iter().map(|trouble| {
        let beside = fleets.beside(&trouble, &failing);
        draft(ledger, trouble, beside)
    }));
    drafts
}

/// What is the matter with a service, or with several that fail alike.
struct Trouble<'a> {
    cause: Cause,
    /// Which time-out, or who aborts, as a number.
    detail: i64,
    entries: Vec<Entry<'a>>,
    verdict: Verdict,
}

impl<'a> Trouble<'a> {
    /// What fails alike at several hosts: as sure as of the one of which it is least sure.
    fn of_many(ledger: &Ledger<'a>, members: Vec<Self>) -> Option<Self> {
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
        all.verdict = Verdict {
            certainty,
            is_unsteady: all.verdict.is_unsteady,
            ..Verdict::of(ledger, all.cause, &all.entries)
        };
        Some(all)
    }

    fn is_sure(&self) -> bool {
        self.verdict.certainty != Certainty::Possible
    }
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
    let answers = grouped(ledger.all(), |entry| {
        let passes = entry.symptom.is_passed() && leads_out(entry);
        passes.then(|| from(entry)).flatten()
    });
    let mut told = BTreeSet::new();
    for (subnet, entries) in grouped(ledger.all(), silent) {
        let span = span(&entries);
        let targets: BTreeSet<IpAddr> = entries.iter().map(|entry| entry.path.target).collect();
        let mut answers = answers.get(&subnet).into_iter().flatten();
        let answered = answers.any(|entry| entry.seen.goes_on_during(span));
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

/// How sure a trouble is, by what passes beside it.
struct Verdict {
    certainty: Certainty,
    /// Whether the same source fails and passes.
    is_unsteady: bool,
    facts: Facts,
    /// What tells those that fail from those that pass.
    split: Option<String>,
}

impl Verdict {
    fn of<'a>(ledger: &Ledger<'a>, cause: Cause, entries: &[Entry<'a>]) -> Self {
        let services: BTreeSet<Service> = entries.iter().map(|entry| service(entry.path)).collect();
        let symptoms: BTreeSet<Symptom> = entries.iter().map(|entry| entry.symptom).collect();
        let others: Vec<Entry<'a>> = services
            .iter()
            .flat_map(|service| ledger.of(*service))
            .filter(|entry| entry.symptom.is_passed() && !symptoms.contains(&entry.symptom))
            .copied()
            .collect();
        let span = span(entries);
        let meanwhile: Vec<Entry<'a>> = others
            .iter()
            .filter(|entry| entry.seen.begun_ns >= span.0 && entry.seen.goes_on_during(span))
            .copied()
            .collect();
        let sources: BTreeSet<_> = entries.iter().map(|entry| entry.path.source).collect();
        let mixed = meanwhile
            .iter()
            .any(|entry| sources.contains(&entry.path.source));
        let facts = Facts {
            count: entries.iter().map(|entry| entry.seen.count).sum(),
            passed: others.iter().map(|entry| entry.seen.count).sum(),
            mixed,
            is_passing: !meanwhile.is_empty(),
            was_passing: !others.is_empty(),
        };
        let is_meant = entries.iter().any(|entry| ledger.is_meant(entry));
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
        let split = mixed.then(|| split::best(ledger, entries, &meanwhile));
        Self {
            certainty,
            is_unsteady,
            facts,
            split: split.flatten(),
        }
    }
}

fn draft<'a>(ledger: &Ledger<'a>, trouble: Trouble<'a>, beside: Option<Beside>) -> Draft<'a> {
    let Trouble {
        cause,
        entries,
        verdict,
        ..
    } = trouble;
    let facts = &verdict.facts;
    let contrast = match &beside {
        // That nothing passes there needs no word if others do.
        Some(beside) if !facts.was_passing => beside.seen.clone(),
        Some(beside) => facts.contrast(verdict.split.as_deref()) + &beside.seen,
        None => facts.contrast(verdict.split.as_deref()),
    };
    let (shown, often) = match verdict.is_unsteady {
        true if facts.passed < facts.count => (Cause::Intermittent, "mostly: "),
        true => (Cause::Intermittent, "now and then: "),
        false => (cause, ""),
    };
    let (among, elsewhere) = beside.map_or_else(Default::default, |b| (b.title, b.passed));
    let (what, related) = (title(cause, &entries), names::related(ledger, &entries));
    let at = |entry: &Entry<'_>| entry.path.target_eni.or(entry.path.source_eni);
    Draft {
        cause: shown,
        certainty: verdict.certainty,
        title: format!("{often}{what}{among}{related}"),
        seen: format!("{}{contrast}", seen(ledger, cause, &entries)),
        others: facts.passed + elsewhere,
        enis: entries.iter().filter_map(at).collect(),
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
