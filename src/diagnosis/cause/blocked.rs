//! Security group or network ACL: told apart by what passes beside what does not.
//!
//! A record says `REJECT`, not by whom. But a security group belongs to an ENI and an ACL to a
//! subnet, and an ACL judges only what crosses the subnet's border. So:
//!
//! * Other sources or ports pass the same ENI across the border meanwhile: its security group, unless
//!   every ENI of the subnet fails at that port and ENIs of other subnets do not.
//! * Nothing passes this ENI, but its neighbours in the subnet are reached: its security group.
//! * Nothing passes, and neighbours fail as well: the ACL.
//! * Nothing to compare with: undecided, and said so.
//!
//! Meanwhile matters: what passed before a rule was removed proves nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Draft, names, span};
use crate::diagnosis::display_filter::Shows;
use crate::diagnosis::finding::{Cause, Certainty};
use crate::diagnosis::ledger::{End, Entry, Ledger, grouped};
use crate::diagnosis::symptom::Symptom;
use crate::flow::EniIndex;

/// Who rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    SecurityGroup,
    Acl,
    Undecided,
}

/// What fails at one ENI, and the layer that explains it.
struct Verdict<'a> {
    layer: Layer,
    why: String,
    entries: Vec<Entry<'a>>,
}

/// Requests rejected on their way in, and on their way out.
pub(super) fn drafts<'a>(ledger: &Ledger<'a>) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for end in [End::Target, End::Source] {
        let at = |entry: &Entry<'a>| bite(end, entry).filter(|_| ledger.is_meant(entry));
        let failing = grouped(ledger.all(), at);
        let mut merged: BTreeMap<(Layer, String), BTreeMap<EniIndex, Verdict<'a>>> =
            BTreeMap::new();
        for (eni, entries) in &failing {
            let verdict = decide(ledger, end, *eni, entries, &failing);
            let key = (verdict.layer, one_cause(ledger, *eni, &verdict));
            merged.entry(key).or_default().insert(*eni, verdict);
        }
        drafts.extend(
            merged
                .into_iter()
                .map(|((layer, _), verdicts)| draft(ledger, end, layer, verdicts)),
        );
    }
    drafts
}

/// The ENI that rejected a request at this end.
fn bite(end: End, entry: &Entry<'_>) -> Option<EniIndex> {
    match (end, entry.symptom) {
        (End::Target, Symptom::InboundBlocked(eni) | Symptom::Blocked(eni))
        | (End::Source, Symptom::OutboundBlocked(eni)) => Some(eni),
        _ => None,
    }
}

/// What must be equal for the verdicts of two ENIs to have one cause: the subnet for an ACL, else
/// the ports, since ENIs of one kind share a security group.
fn one_cause(ledger: &Ledger<'_>, eni: EniIndex, verdict: &Verdict<'_>) -> String {
    let subnet = ledger.subnet(eni);
    if verdict.layer == Layer::Acl && !subnet.is_empty() {
        return subnet.to_owned();
    }
    let ports: BTreeSet<(u8, u16)> = verdict
        .entries
        .iter()
        .map(|entry| (entry.path.protocol, entry.path.port))
        .collect();
    format!("{ports:?}")
}

fn decide<'a>(
    ledger: &Ledger<'a>,
    end: End,
    eni: EniIndex,
    entries: &[Entry<'a>],
    failing: &BTreeMap<EniIndex, Vec<Entry<'a>>>,
) -> Verdict<'a> {
    let span = span(entries);
    let ports: BTreeSet<u16> = entries.iter().map(|entry| entry.path.port).collect();
    let passing = |eni: EniIndex| {
        ledger.at(end, eni).filter(move |entry| {
            let own = entries.iter().any(|failed| failed.path == entry.path);
            !own && passes(ledger, end, entry) && entry.seen.goes_on_during(span)
        })
    };
    let siblings: Vec<EniIndex> = ledger.siblings(eni).collect();
    let failed: Vec<EniIndex> = siblings
        .iter()
        .copied()
        .filter(|other| failing.contains_key(other))
        .collect();
    let is_alike = |entry: &Entry<'_>| ports.contains(&entry.path.port);
    let fails_alike = |other: &EniIndex| failing[other].iter().any(is_alike);
    let passes_alike = |other: EniIndex| passing(other).any(is_alike);
    let neighbour = siblings
        .iter()
        .find(|other| passing(**other).next().is_some());
    let (layer, why) = match (passing(eni).next(), neighbour) {
        _ if !is_directed(entries) => {
            let why = "no record tells the direction, so it may have been on its way out as well";
            (Layer::Undecided, why.to_owned())
        }
        (Some(_), _)
            if failed.iter().any(fails_alike)
                && !siblings.iter().any(|other| passes_alike(*other))
                && !passes_alike(eni)
                && elsewhere(ledger, end, eni, &ports, span) =>
        {
            let why = "every ENI of the subnet that was tried fails, ENIs of other subnets do not";
            (Layer::Acl, why.to_owned())
        }
        (Some(other), _) => (
            Layer::SecurityGroup,
            format!("meanwhile {}", way(end, other)),
        ),
        (None, Some(neighbour)) => {
            let neighbour = names::eni(ledger, *neighbour);
            let why = format!("meanwhile traffic passes {neighbour} in the same subnet");
            (Layer::SecurityGroup, why)
        }
        (None, None) if !failed.is_empty() => {
            let enis = failed.len() + 1;
            let why =
                format!("{enis} ENIs of the subnet fail, and nothing passes its border meanwhile");
            (Layer::Acl, why)
        }
        (None, None) => {
            let why =
                "nothing else passes this ENI or its subnet meanwhile, so nothing tells which";
            (Layer::Undecided, why.to_owned())
        }
    };
    Verdict {
        layer,
        why,
        entries: entries.to_vec(),
    }
}

/// Whether the records tell on which way all of these were rejected.
fn is_directed(entries: &[Entry<'_>]) -> bool {
    let is_unknown = |entry: &Entry<'_>| matches!(entry.symptom, Symptom::Blocked(_));
    !entries.iter().any(is_unknown)
}

/// What passes at this end, in words.
fn way(end: End, entry: &Entry<'_>) -> String {
    let path = entry.path;
    let port = names::port(path.port, path.protocol);
    match end {
        End::Target => format!(
            "{port} from {} passes the same ENI",
            names::source(path.source)
        ),
        End::Source => format!("{port} to {} leaves the same ENI", path.target),
    }
}

/// Whether a request got past both layers at this end, across the border of its subnet.
fn passes(ledger: &Ledger<'_>, end: End, entry: &Entry<'_>) -> bool {
    let admitted = match (end, entry.symptom) {
        (_, symptom) if symptom.is_admitted() => true,
        // Blocked only at the other end.
        (End::Source, Symptom::InboundBlocked(_)) => true,
        _ => false,
    };
    admitted && ledger.crosses(entry.path)
}

/// Whether ENIs of other subnets pass at one of these ports meanwhile.
fn elsewhere(
    ledger: &Ledger<'_>,
    end: End,
    eni: EniIndex,
    ports: &BTreeSet<u16>,
    span: (i64, i64),
) -> bool {
    let subnet = ledger.subnet(eni);
    ledger.all().any(|entry| {
        let near = match end {
            End::Target => entry.path.target_eni,
            End::Source => entry.path.source_eni,
        };
        near.is_some_and(|near| ledger.subnet(near) != subnet)
            && ports.contains(&entry.path.port)
            && passes(ledger, end, entry)
            && entry.seen.goes_on_during(span)
    })
}

fn draft<'a>(
    ledger: &Ledger<'a>,
    end: End,
    layer: Layer,
    verdicts: BTreeMap<EniIndex, Verdict<'a>>,
) -> Draft<'a> {
    let enis: BTreeSet<EniIndex> = verdicts.keys().copied().collect();
    let why = verdicts
        .values()
        .next()
        .map_or_else(String::new, |verdict| verdict.why.clone());
    let entries: Vec<Entry<'a>> = verdicts
        .into_values()
        .flat_map(|verdict| verdict.entries)
        .collect();
    let ports: BTreeSet<u16> = entries.iter().map(|entry| entry.path.port).collect();
    let others = enis.iter().flat_map(|eni| ledger.at(end, *eni));
    let others =
        others.filter(|entry| ports.contains(&entry.path.port) && passes(ledger, end, entry));
    let others = others.map(|entry| entry.seen.count).sum();
    let cause = match (end, layer) {
        (End::Target, Layer::SecurityGroup) => Cause::SecurityGroupInbound,
        (End::Target, Layer::Acl) => Cause::AclInbound,
        (End::Target, Layer::Undecided) => Cause::InboundBlocked,
        (End::Source, Layer::SecurityGroup) => Cause::SecurityGroupOutbound,
        (End::Source, Layer::Acl) => Cause::AclOutbound,
        (End::Source, Layer::Undecided) => Cause::OutboundBlocked,
    };
    let whose = whose(ledger, layer, &enis);
    let (sources, targets, services) = (
        names::sources(&entries),
        names::targets(&entries),
        names::ports(&entries),
    );
    let way = match end {
        _ if !is_directed(&entries) => "",
        End::Target => " on its way in",
        End::Source => " on its way out",
    };
    Draft {
        cause,
        certainty: match layer {
            Layer::Undecided if is_directed(&entries) => Certainty::Proved,
            _ => Certainty::Likely,
        },
        title: format!(
            "{whose} blocks {services}{way}{}",
            names::related(ledger, &entries)
        ),
        seen: format!(
            "each attempt from {sources} to {targets} is REJECTed{way} at {}; {why}",
            names::enis(ledger, &enis)
        ),
        others,
        entries,
        enis,
        against: Vec::new(),
        shows: Shows::Rejected,
    }
}

/// What rejects, in words.
fn whose(ledger: &Ledger<'_>, layer: Layer, enis: &BTreeSet<EniIndex>) -> String {
    match layer {
        Layer::SecurityGroup => format!("the security group of {}", names::enis(ledger, enis)),
        Layer::Acl => enis.first().map_or_else(String::new, |eni| {
            format!("the network ACL of {}", names::subnet(ledger, *eni))
        }),
        Layer::Undecided => format!("the security group or ACL of {}", names::enis(ledger, enis)),
    }
}
