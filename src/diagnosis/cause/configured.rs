//! Configuration beside the logs: what it proves of a finding, and what it contradicts.
//!
//! The records show that packets were rejected or not answered. The configuration shows which filter
//! or route does that. Attempts for which it proves one cause become a finding of that cause,
//! whatever was assumed before; the others keep their finding, with what the configuration says of
//! them.
//!
//! ```text
//! lookup    an entry -> what the configuration decides about it
//! wording   the texts of a finding that is proved
//! ```
//!
//! Only configuration that agrees with the records proves anything: a snapshot has one instant, and
//! rules change.

mod lookup;
mod wording;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use self::lookup::{Lookup, ProvingRule, Ruling};
use self::wording::Proof;
use super::draft::{FindingDraft, Ground};
use crate::configuration::{Configuration, FarEnd, FilteredPackets};
use crate::diagnosis::attempt_index::{AttemptIndex, ServiceKey};
use crate::diagnosis::finding::{Cause, Certainty};

/// The most entries that are compared with the configuration.
const ENTRIES_MAX: usize = 20_000;

/// The most lines that a finding has about the configuration.
const LINES_MAX: usize = 8;

/// What the configuration says of a finding.
#[derive(Default)]
pub(super) struct ConfigurationNotes {
    /// What it says, line by line.
    pub(super) lines: Vec<String>,
    /// The meaning, where it is not that of the cause in general.
    pub(super) means: Option<&'static str>,
    /// Where to look, where it is not that of the cause in general.
    pub(super) look_at: Vec<String>,
    /// What speaks against it, where it is not that of the cause in general.
    pub(super) against: Option<Vec<String>>,
}

/// Compares the drafts with the configuration.
pub(super) fn applied<'a>(
    drafts: Vec<FindingDraft<'a>>,
    attempts: &AttemptIndex<'a>,
    ground: &Ground<'_>,
) -> Vec<(FindingDraft<'a>, ConfigurationNotes)> {
    let Some(configuration) = ground.configuration else {
        let unnoted = |draft| (draft, ConfigurationNotes::default());
        return drafts.into_iter().map(unnoted).collect();
    };
    let lookup = Lookup {
        attempts,
        configuration,
    };
    let mut proofs: BTreeMap<String, Proof<'a>> = BTreeMap::new();
    let mut rest = Vec::new();
    let mut left = ENTRIES_MAX;
    for draft in drafts {
        if !is_comparable(draft.cause) {
            rest.push((draft, ConfigurationNotes::default()));
            continue;
        }
        rest.extend(compared(draft, &lookup, &mut left, &mut proofs));
    }
    let proved = proofs.into_values();
    let mut all: Vec<_> = proved.map(|proof| proof.finding(&lookup)).collect();
    all.extend(rest);
    all
}

/// What the configuration says of addresses outside that a service always rejects.
pub(super) struct RejectedOutside {
    /// The filter that rejects them.
    pub(super) cause: Cause,
    pub(super) notes: ConfigurationNotes,
    /// Whether they were meant to get in: the other filter lets them pass, and not the whole internet.
    pub(super) is_meant: bool,
}

/// Returns which filter rejects some addresses outside at a service, and by which rule, if that is
/// the same for all of them.
pub(super) fn of_outsiders(
    attempts: &AttemptIndex<'_>,
    configuration: &Configuration,
    (host, port, protocol): ServiceKey,
    sources: impl Iterator<Item = IpAddr>,
    last_ns: i64,
) -> Option<RejectedOutside> {
    let lookup = Lookup {
        attempts,
        configuration,
    };
    let situation = configuration.at(last_ns);
    let eni = lookup.interface(situation, attempts.owner(host)?)?;
    let from = |far| FilteredPackets {
        is_egress: false,
        protocol,
        far,
        ports: (port, port),
    };
    let (mut shared, mut is_v6): (Option<Box<ProvingRule>>, _) = (None, false);
    for source in sources {
        is_v6 |= source.is_ipv6();
        let packets = from(FarEnd::Address(source));
        let Ruling::Proved(rule) = lookup::rejected_by(situation, eni, &packets) else {
            return None;
        };
        match &shared {
            Some(known) if !rule.is_of_same_filter(known) => return None,
            Some(_) => {}
            None => shared = Some(rule),
        }
    }
    let rule = shared?;
    let internet = from(FarEnd::Internet { is_v6 });
    Some(RejectedOutside {
        cause: rule.cause,
        notes: wording::notes(&rule),
        is_meant: rule.cause == Cause::AclInbound && !situation.groups(eni, &internet).allows(),
    })
}

/// Whether filters or routes may be the cause.
fn is_comparable(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::AclBlocksReply
            | Cause::SecurityGroupInbound
            | Cause::AclInbound
            | Cause::InboundBlocked
            | Cause::SecurityGroupOutbound
            | Cause::AclOutbound
            | Cause::OutboundBlocked
            | Cause::NoReply
            | Cause::HalfOpen
            | Cause::NoWayBack
            | Cause::CidrOverlap
            | Cause::Refused
    )
}

/// Moves what is proved from a draft to `proofs`. Returns the rest of the draft.
fn compared<'a>(
    mut draft: FindingDraft<'a>,
    lookup: &Lookup<'_, 'a>,
    left: &mut usize,
    proofs: &mut BTreeMap<String, Proof<'a>>,
) -> Option<(FindingDraft<'a>, ConfigurationNotes)> {
    let mut lines = BTreeSet::new();
    let mut is_contradicted = false;
    let before = draft.entries.len();
    let (cause, others, outage) = (draft.cause, draft.others, draft.outage);
    let mut is_first = true;
    draft.entries.retain(|entry| {
        if *left == 0 {
            return true;
        }
        *left -= 1;
        match lookup.ruling(entry, cause) {
            Ruling::Proved(rule) => {
                let proof = proofs
                    .entry(rule.key.clone())
                    .or_insert_with(|| Proof::new(*rule, outage));
                proof.outage = proof.outage.filter(|known| Some(*known) == outage);
                proof.entries.push(*entry);
                // Once for each draft, so that the attempts that pass do not count twice.
                proof.others += if is_first { others } else { 0 };
                is_first = false;
                false
            }
            Ruling::Contradicted(said) => {
                is_contradicted = true;
                lines.extend(said);
                true
            }
            Ruling::Open(said) => {
                lines.extend(said);
                true
            }
        }
    });
    if draft.entries.is_empty() {
        return None;
    }
    if draft.entries.len() < before {
        lookup.reword(&mut draft);
        draft.others = 0;
    }
    if is_contradicted && draft.certainty == Certainty::Proved {
        draft.certainty = Certainty::Likely;
    }
    let more = lines.len().saturating_sub(LINES_MAX);
    let mut lines: Vec<String> = lines.into_iter().take(LINES_MAX).collect();
    if more > 0 {
        lines.push(format!("and {more} more of the same kind"));
    }
    let notes = ConfigurationNotes {
        lines,
        ..ConfigurationNotes::default()
    };
    Some((draft, notes))
}
