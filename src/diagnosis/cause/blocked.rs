//! Requests that are rejected, on their way in and on their way out: one finding for each cause.
//!
//! Who rejects is told by [`super::layer`]. What is told of one ENI holds for those that fail alike.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use super::layer::{Asked, Case, Failing, Layer, asked, is_directed, passes};
use super::names;
use crate::diagnosis::attempt_index::Roles;
use crate::diagnosis::attempt_index::{End, Entry, Ledger, grouped};
use crate::diagnosis::display_filter::Shows;
use crate::diagnosis::finding::{Cause, Certainty};
use crate::diagnosis::symptom::Symptom;
use crate::flow::EniIndex;

/// What fails at one ENI, and the layer that explains it.
struct Verdict<'a> {
    layer: Layer,
    why: String,
    entries: Vec<Entry<'a>>,
}

/// Requests rejected on their way in, and on their way out.
pub(super) fn drafts<'a>(ledger: &Ledger<'a>, roles: &Roles) -> Vec<Draft<'a>> {
    let mut drafts = Vec::new();
    for end in [End::Target, End::Source] {
        let at = |entry: &Entry<'a>| bite(end, entry).filter(|_| ledger.is_meant(entry));
        let failing = grouped(ledger.all(), at);
        let mut merged: BTreeMap<(Layer, String), BTreeMap<EniIndex, Verdict<'a>>> =
            BTreeMap::new();
        for (eni, verdict) in verdicts(ledger, roles, end, &failing) {
            let key = (verdict.layer, one_cause(ledger, eni, &verdict));
            merged.entry(key).or_default().insert(eni, verdict);
        }
        drafts.extend(
            merged
                .into_iter()
                .map(|((layer, _), verdicts)| draft(ledger, end, layer, verdicts)),
        );
    }
    drafts
}

/// Who rejects at each ENI. Where that is undecided, what is decided of another ENI holds that may
/// have the cause in common: the same ports, and the same role or the same subnet.
fn verdicts<'a>(
    ledger: &Ledger<'a>,
    roles: &Roles,
    end: End,
    failing: &Failing<'a>,
) -> BTreeMap<EniIndex, Verdict<'a>> {
    let case = Case::new(ledger, roles, end, failing);
    let told: BTreeMap<EniIndex, (Layer, String)> = failing
        .keys()
        .map(|eni| (*eni, case.decide(*eni)))
        .collect();
    let verdict = |(eni, entries): (&EniIndex, &Vec<Entry<'a>>)| {
        let shares = |other: &EniIndex| {
            let subnet = ledger.subnet(*eni);
            case.services(*eni) == case.services(*other)
                && match told[other].0 {
                    Layer::SecurityGroup => !roles.differ(ledger, *eni, *other),
                    Layer::Acl => !subnet.is_empty() && subnet == ledger.subnet(*other),
                    Layer::Undecided => false,
                }
        };
        let (layer, why) = match told[eni].0 {
            Layer::Undecided if is_directed(entries) => {
                let other = told.keys().find(|other| shares(other));
                &told[other.unwrap_or(eni)]
            }
            _ => &told[eni],
        };
        let verdict = Verdict {
            layer: *layer,
            why: why.clone(),
            entries: entries.clone(),
        };
        (*eni, verdict)
    };
    failing.iter().map(verdict).collect()
}

/// The ENI that rejected a request at this end.
pub(super) fn bite(end: End, entry: &Entry<'_>) -> Option<EniIndex> {
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
    let paths = verdict.entries.iter().map(|entry| entry.path);
    format!("{:?}", paths.map(asked).collect::<BTreeSet<Asked>>())
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
            // Without flags it may have been no request at all.
            Layer::Undecided if is_directed(&entries) && !ledger.is_bare => Certainty::Proved,
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
