//! What the sources have in common that always fail, while others reach the same service.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::trouble::ServiceVerdict;
use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom, ServiceKey, service, span};
use crate::diagnosis::cause::names::NAME_MAX;
use crate::diagnosis::cause::source_place::SourcePlace;
use crate::diagnosis::finding::Certainty;
use crate::printable::cut;

/// The place of all failing sources.
pub(super) struct CommonSources {
    /// For the end of the title.
    pub(super) title: String,
    /// The evidence.
    pub(super) seen: String,
}

/// Returns the place that all failing sources, and none of those that connect at the same time,
/// have in common: a zone, a subnet, or a block of addresses.
pub(super) fn of(
    attempts: &AttemptIndex<'_>,
    verdict: &ServiceVerdict,
    entries: &[PathSymptom<'_>],
) -> Option<CommonSources> {
    let is_compared = verdict.certainty != Certainty::Possible && !verdict.facts.mixed;
    let failing: Option<BTreeSet<IpAddr>> = entries.iter().map(|entry| entry.path.source).collect();
    let failing = failing.filter(|failing| is_compared && failing.len() > 1)?;
    let span = span(entries);
    let services: BTreeSet<ServiceKey> = entries.iter().map(|e| service(e.path)).collect();
    let others = services.iter().flat_map(|service| attempts.of(*service));
    let connects = others.filter(|entry| {
        entry.symptom.is_passed() && entry.seen.goes_on_during(span) && entry.path.source.is_some()
    });
    let passing: BTreeSet<IpAddr> = connects
        .filter_map(|entry| entry.path.source)
        .filter(|source| !failing.contains(source))
        .collect();
    if passing.is_empty() {
        return None;
    }
    let zone = |host: &IpAddr| {
        let zone = &attempts.enis.get(attempts.owner(*host)?).zone;
        (!zone.is_empty()).then(|| format!("zone {}", cut(zone, NAME_MAX)))
    };
    let place = |host: &IpAddr| Some(SourcePlace::of_host(attempts, *host).name(attempts));
    let place = alone(&failing, &passing, zone).or_else(|| alone(&failing, &passing, place))?;
    Some(CommonSources {
        title: format!(" (from {place}; others connect)"),
        seen: format!("; all failing sources, and none of the others, are in {place}"),
    })
}

/// Returns the one place of all failing hosts if no other host is in it; `None` if the place of any
/// of them is unknown.
fn alone(
    failing: &BTreeSet<IpAddr>,
    others: &BTreeSet<IpAddr>,
    place: impl Fn(&IpAddr) -> Option<String>,
) -> Option<String> {
    let first = place(failing.first()?)?;
    let is_there = failing
        .iter()
        .all(|host| place(host).as_ref() == Some(&first));
    let is_elsewhere = |host: &IpAddr| place(host).is_some_and(|place| place != first);
    (is_there && others.iter().all(is_elsewhere)).then_some(first)
}
