//! Subnets that get no reply from the internet: one fault, however many hosts they try to reach.
//!
//! All sources of such a subnet share a route table, so the route to the internet, or the NAT gateway
//! that it leads to, is at fault, and not the hosts that they call. Services that a subnet reaches
//! through a gateway endpoint have public addresses too, but a route of their own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::draft::FindingDraft;
use super::names;
use super::outage::{self, Outage};
use super::source_place::SourcePlace;
use crate::diagnosis::attempt_counts::Path;
use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom, grouped, service, span};
use crate::diagnosis::display_filter::Shows;
use crate::diagnosis::finding::{Cause, Certainty};
use crate::diagnosis::symptom::Symptom;
use crate::flow::{EniIndex, TrafficPath, is_private};
use crate::printable::cut;

/// Hosts outside that must fail together.
const HOSTS_LEAST: usize = 2;

/// A place whose requests to the internet have no reply.
struct CutOff<'a> {
    place: SourcePlace<'a>,
    entries: Vec<PathSymptom<'a>>,
    outage: Option<Outage>,
    /// Hosts with public addresses that it reaches all the same.
    reached: BTreeSet<IpAddr>,
}

/// Drafts one finding for all places that are cut off at the same time, and returns the paths and
/// symptoms that the findings explain.
pub(super) fn drafts<'a>(
    attempts: &AttemptIndex<'a>,
    drafts: &mut Vec<FindingDraft<'a>>,
) -> BTreeSet<(Path, Symptom)> {
    let place = |entry: &PathSymptom<'a>| {
        let is_counted = leads_out(entry) && !attempts.is_from_nat(entry);
        is_counted
            .then(|| SourcePlace::of(attempts, entry))
            .flatten()
    };
    let silent =
        |entry: &PathSymptom<'a>| place(entry).filter(|_| entry.symptom == Symptom::NoReply);
    let answered = |entry: &PathSymptom<'a>| place(entry).filter(|_| entry.symptom.is_passed());
    let failing = grouped(attempts.all(), silent);
    let passing = grouped(attempts.all(), answered);
    let mut answering: HashMap<IpAddr, Vec<(SourcePlace<'a>, &PathSymptom<'a>)>, RandomState> =
        HashMap::default();
    for (place, entries) in &passing {
        for entry in entries {
            answering
                .entry(entry.path.target)
                .or_default()
                .push((*place, entry));
        }
    }
    let cut_off = failing.into_iter().filter_map(|(place, entries)| {
        let own = passing.get(&place).map_or(&[][..], Vec::as_slice);
        let answers_others = |host: &IpAddr, span| {
            let mut all = answering.get(host).into_iter().flatten();
            all.any(|(other, entry)| *other != place && entry.seen.goes_on_during(span))
        };
        CutOff::of(place, entries, own, answers_others)
    });
    let mut explained = BTreeSet::new();
    for together in at_one_time(cut_off.collect()) {
        let draft = draft(attempts, together, &passing);
        let targets: BTreeSet<IpAddr> = draft.entries.iter().map(|e| e.path.target).collect();
        explained.extend(draft.entries.iter().map(PathSymptom::key));
        // What the gateway sends on is the second leg of the same attempts.
        let second_leg = attempts.all().filter(|entry| {
            let is_silent = entry.symptom == Symptom::NoReply && attempts.is_from_nat(entry);
            is_silent && targets.contains(&entry.path.target)
        });
        explained.extend(second_leg.map(PathSymptom::key));
        drafts.push(draft);
    }
    explained
}

/// Whether a host inside calls one in the internet.
fn leads_out(entry: &PathSymptom<'_>) -> bool {
    let ways = &entry.seen.ways[0];
    let by_endpoint = ways.len() == 1 && ways.contains(&TrafficPath::GatewayEndpoint);
    entry.path.source.is_some() && !is_private(entry.path.target) && !by_endpoint
}

impl<'a> CutOff<'a> {
    /// Returns the place if its requests to several hosts have no reply, and either no other host
    /// outside answers it, or the same hosts answer other places at that time.
    fn of(
        place: SourcePlace<'a>,
        entries: Vec<PathSymptom<'a>>,
        own: &[PathSymptom<'a>],
        answers_others: impl Fn(&IpAddr, (i64, i64)) -> bool,
    ) -> Option<Self> {
        let services: BTreeSet<_> = entries.iter().map(|entry| service(entry.path)).collect();
        let same = own
            .iter()
            .filter(|entry| services.contains(&service(entry.path)));
        let same: Vec<PathSymptom<'a>> = same.copied().collect();
        let outage = outage::outage(&entries, &same);
        let span = span(&entries);
        if outage.is_none() && same.iter().any(|entry| entry.seen.goes_on_during(span)) {
            return None;
        }
        let hosts: BTreeSet<IpAddr> = entries.iter().map(|entry| entry.path.target).collect();
        let reached: BTreeSet<IpAddr> = own
            .iter()
            .filter(|entry| entry.seen.goes_on_during(span))
            .map(|entry| entry.path.target)
            .filter(|host| !hosts.contains(host))
            .collect();
        let is_cut_off = reached.is_empty() || hosts.iter().all(|host| answers_others(host, span));
        (hosts.len() >= HOSTS_LEAST && is_cut_off).then_some(Self {
            place,
            entries,
            outage,
            reached,
        })
    }
}

/// Groups the places that are cut off at the same time.
fn at_one_time(mut all: Vec<CutOff<'_>>) -> Vec<Vec<CutOff<'_>>> {
    all.sort_by_key(|cut_off| (span(&cut_off.entries), cut_off.place));
    let mut groups: Vec<Vec<CutOff<'_>>> = Vec::new();
    let mut until_ns = i64::MIN;
    for cut_off in all {
        let (first, last) = span(&cut_off.entries);
        match groups.last_mut().filter(|_| first <= until_ns) {
            Some(group) => group.push(cut_off),
            None => groups.push(vec![cut_off]),
        }
        until_ns = until_ns.max(last);
    }
    groups
}

fn draft<'a>(
    attempts: &AttemptIndex<'a>,
    together: Vec<CutOff<'a>>,
    passing: &BTreeMap<SourcePlace<'a>, Vec<PathSymptom<'a>>>,
) -> FindingDraft<'a> {
    let places: BTreeSet<SourcePlace<'a>> = together.iter().map(|cut_off| cut_off.place).collect();
    let reached: BTreeSet<IpAddr> = together.iter().flat_map(|c| &c.reached).copied().collect();
    let first = together.first().and_then(|cut_off| cut_off.outage);
    let outage = together.iter().fold(first, |sum, cut_off| {
        let (sum, one) = (sum?, cut_off.outage?);
        Some(Outage {
            since_ns: sum.since_ns.min(one.since_ns),
            until_ns: sum.until_ns.max(one.until_ns),
        })
    });
    let entries: Vec<PathSymptom<'a>> = together.into_iter().flat_map(|c| c.entries).collect();
    let span = span(&entries);
    let others = passing.iter().filter(|(place, entries)| {
        !places.contains(place) && entries.iter().any(|e| e.seen.goes_on_during(span))
    });
    let others: Vec<SourcePlace<'a>> = others.map(|(place, _)| *place).collect();
    let enis = entries.iter().filter_map(|entry| entry.path.source_eni);
    let enis: BTreeSet<EniIndex> = enis.collect();
    let who = who(attempts, &places, &enis);
    let what = match reached.is_empty() {
        true => "the internet".to_owned(),
        false => format!("{} on the internet", names::targets(&entries)),
    };
    FindingDraft {
        cause: Cause::NoReply,
        certainty: Certainty::Likely,
        title: format!("{who} cannot reach {what}: no reply"),
        seen: format!(
            "Requests from {} to {} on {} are accepted and no ENI logs a reply; {}{}{}",
            names::sources(&entries),
            names::targets(&entries),
            names::ports(&entries),
            how_far(attempts, &entries),
            meanwhile(&reached),
            beside(attempts, &others),
        ),
        others: 0,
        outage,
        entries,
        enis,
        shows: Shows::Handshakes,
    }
}

/// Names the places, and the zone if all are in it.
fn who(
    attempts: &AttemptIndex<'_>,
    places: &BTreeSet<SourcePlace<'_>>,
    enis: &BTreeSet<EniIndex>,
) -> String {
    let named = names::few(places.iter().map(|place| place.name(attempts)), "subnets");
    let zones: BTreeSet<&str> = enis
        .iter()
        .map(|eni| &*attempts.enis.get(*eni).zone)
        .collect();
    match zones.first() {
        Some(zone) if zones.len() == 1 && !zone.is_empty() => {
            let zone = cut(zone, names::NAME_MAX);
            format!("{named} (zone {zone})")
        }
        _ => named,
    }
}

/// Says which NAT gateway took in the requests, if the records show it.
fn how_far(attempts: &AttemptIndex<'_>, entries: &[PathSymptom<'_>]) -> String {
    let nats: Option<BTreeSet<EniIndex>> =
        entries.iter().map(|entry| attempts.nat_of(entry)).collect();
    match nats {
        Some(nats) if !nats.is_empty() => format!(
            "they reach the NAT gateway {}, and get no further as far as the records show; ",
            names::enis(attempts, &nats)
        ),
        _ => String::new(),
    }
}

/// Says what answers the same places.
fn meanwhile(reached: &BTreeSet<IpAddr>) -> String {
    match reached.is_empty() {
        true => "no other traffic from there reaches the internet at that time".to_owned(),
        false => format!(
            "{} with public addresses still answer, as through a gateway endpoint",
            names::counted(reached.len() as u64, "host")
        ),
    }
}

/// Says which other places reach the internet.
fn beside(attempts: &AttemptIndex<'_>, others: &[SourcePlace<'_>]) -> String {
    match others {
        [] => String::new(),
        others => {
            let named = names::few(
                others.iter().map(|place| place.name(attempts)),
                "other subnets",
            );
            let verb = if others.len() == 1 {
                "reaches"
            } else {
                "reach"
            };
            format!("; {named} {verb} the internet at the same time")
        }
    }
}
