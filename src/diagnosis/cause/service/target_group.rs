//! Hosts that provide the same service to the same clients: those that fail, compared with the
//! others.
//!
//! If clients can choose between several hosts, for example the targets of a load balancer, a
//! failure at some of them has one cause, not one for each host. The hosts that work show where to
//! look.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::is_of_path;
use super::trouble::Trouble;
use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom, ServiceKey, service, span};
use crate::diagnosis::cause::names;
use crate::diagnosis::finding::Cause;
use crate::diagnosis::symptom::Symptom;
use crate::flow::is_private;

/// A client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum RequestSource<'a> {
    /// All ENIs of one type together, for example the nodes of a load balancer.
    Type(&'a str),
    /// A host; `None` for all hosts outside.
    Host(Option<IpAddr>),
}

/// A client with the protocol and port that it uses.
type RequestedService<'a> = (RequestSource<'a>, u8, u16);

/// Passing traffic at hosts inside, by client and service.
pub(super) struct TargetGroups<'l, 'a> {
    attempts: &'l AttemptIndex<'a>,
    passing: HashMap<RequestedService<'a>, Vec<PathSymptom<'a>>, RandomState>,
}

/// The hosts that work while others fail.
pub(super) struct WorkingHosts {
    /// How many of the hosts fail, for the end of the title.
    pub(super) title: String,
    /// The hosts that work, and what the failing ones have in common.
    pub(super) seen: String,
    /// Successful attempts at the working hosts.
    pub(super) passed: u64,
}

impl<'l, 'a> TargetGroups<'l, 'a> {
    /// Indexes the traffic that passes.
    pub(super) fn new(attempts: &'l AttemptIndex<'a>) -> Self {
        let mut passing: HashMap<RequestedService<'a>, Vec<PathSymptom<'a>>, _> =
            HashMap::default();
        let passes = |entry: &&PathSymptom<'a>| entry.symptom == Symptom::Passed;
        for entry in attempts.all().filter(passes).filter(|entry| is_near(entry)) {
            let requested_service = requested_service(attempts, entry);
            passing.entry(requested_service).or_default().push(*entry);
        }
        Self { attempts, passing }
    }

    /// Merges failures of the same kind on one port that have a client in common.
    pub(super) fn joined(&self, troubles: Vec<Trouble<'a>>) -> Vec<Trouble<'a>> {
        let mut joined: Vec<Trouble<'a>> = Vec::new();
        let mut alike: BTreeMap<_, Vec<Trouble<'a>>> = BTreeMap::new();
        for trouble in troubles {
            if is_of_group(self.attempts, &trouble) {
                let path = trouble.entries[0].path;
                let key = (trouble.cause, trouble.verdict.is_unsteady, trouble.detail);
                let port = if is_of_path(trouble.cause) {
                    0
                } else {
                    path.port
                };
                alike
                    .entry((key, path.protocol, port))
                    .or_default()
                    .push(trouble);
            } else {
                joined.push(trouble);
            }
        }
        for troubles in alike.into_values() {
            let members = troubles.iter().map(|trouble| {
                let mut requested = self.requested(trouble);
                if is_of_path(trouble.cause) {
                    requested.iter_mut().for_each(|(.., port)| *port = 0);
                }
                requested
            });
            let groups = connected(members);
            let mut by_group: BTreeMap<usize, Vec<Trouble<'a>>> = BTreeMap::new();
            for (group, trouble) in groups.into_iter().zip(troubles) {
                by_group.entry(group).or_default().push(trouble);
            }
            let troubles = by_group.into_values();
            joined.extend(troubles.filter_map(|members| Trouble::of_many(self.attempts, members)));
        }
        joined
    }

    fn requested(&self, trouble: &Trouble<'a>) -> Vec<RequestedService<'a>> {
        let entries = trouble.entries.iter();
        entries
            .map(|entry| requested_service(self.attempts, entry))
            .collect()
    }

    /// Returns the hosts that work for the same clients at the same time, other than hosts in
    /// `failing`; `None` if there are none.
    pub(super) fn working(
        &self,
        trouble: &Trouble<'a>,
        failing: &BTreeSet<ServiceKey>,
    ) -> Option<WorkingHosts> {
        if !is_of_group(self.attempts, trouble) {
            return None;
        }
        let span = span(&trouble.entries);
        let mut requested = self.requested(trouble);
        requested.sort_unstable_by_key(|(source, ..)| match source {
            RequestSource::Type(kind) => (*kind, None),
            RequestSource::Host(address) => ("", *address),
        });
        requested.dedup();
        let passing = requested
            .iter()
            .filter_map(|service| self.passing.get(service));
        let works = |entry: &&PathSymptom<'a>| {
            !failing.contains(&service(entry.path)) && entry.seen.goes_on_during(span)
        };
        let working: Vec<PathSymptom<'a>> = passing.flatten().filter(works).copied().collect();
        if working.is_empty() {
            return None;
        }
        let (bad, good) = (targets(&trouble.entries), targets(&working));
        let of = bad.len() + good.len();
        let passed = working.iter().map(|entry| entry.seen.count).sum();
        let place = self.common(&bad, &good);
        let (at, seen) = match place {
            Some(place) => (
                format!(", all in {place}"),
                format!("all failing hosts, and none of the others, are in {place}"),
            ),
            None => (
                String::new(),
                "nothing in the records distinguishes the failing hosts from the others".to_owned(),
            ),
        };
        Some(WorkingHosts {
            title: format!(" ({} of {of} hosts{at}; the others work)", bad.len()),
            seen: format!(
                "; failing: {} of {of} hosts that serve the same clients; {} answered {} at the same time; {seen}",
                bad.len(),
                names::targets(&working),
                names::counted(passed, "attempt"),
            ),
            passed,
        })
    }

    /// Returns the zone or subnet that all bad hosts and no good host have in common.
    fn common(&self, bad: &BTreeSet<IpAddr>, good: &BTreeSet<IpAddr>) -> Option<String> {
        let enis = self.attempts.enis;
        let zone = |host: &IpAddr| Some(&*enis.get(self.attempts.owner(*host)?).zone);
        let subnet = |host: &IpAddr| Some(self.attempts.subnet(self.attempts.owner(*host)?));
        let by_zone = alone(bad, good, zone).map(|zone| format!("zone {zone}"));
        by_zone.or_else(|| alone(bad, good, subnet).map(str::to_owned))
    }
}

/// Returns the one place of all bad hosts if no good host is in it; `None` if the place of any host
/// is unknown.
fn alone<'a>(
    bad: &BTreeSet<IpAddr>,
    good: &BTreeSet<IpAddr>,
    place: impl Fn(&IpAddr) -> Option<&'a str>,
) -> Option<&'a str> {
    let known = |host| place(host).filter(|place| !place.is_empty());
    let first = known(bad.first()?)?;
    let is_there = bad.iter().all(|host| known(host) == Some(first));
    let is_elsewhere = |host| known(host).is_some_and(|place| place != first);
    (is_there && good.iter().all(is_elsewhere)).then_some(first)
}

/// Whether the failing host may be one of several with the same service.
fn is_of_group(attempts: &AttemptIndex<'_>, trouble: &Trouble<'_>) -> bool {
    let is_compared = matches!(
        trouble.cause,
        Cause::NoReply
            | Cause::Refused
            | Cause::HalfOpen
            | Cause::Reset
            | Cause::ReplyElsewhere
            | Cause::NoWayBack
    );
    let is_of_host = |entry: &PathSymptom<'_>| {
        let nat = entry.path.target_eni.filter(|eni| attempts.is_nat(*eni));
        nat.is_none() && is_near(entry)
    };
    is_compared && trouble.is_sure() && trouble.entries.iter().all(is_of_host)
}

/// Whether the host is inside; hosts in the internet have nothing in common but a port.
fn is_near(entry: &PathSymptom<'_>) -> bool {
    is_private(entry.path.target) || entry.path.target_eni.is_some()
}

fn requested_service<'a>(
    attempts: &AttemptIndex<'a>,
    entry: &PathSymptom<'a>,
) -> RequestedService<'a> {
    let path = entry.path;
    let kind = path
        .source_eni
        .map_or("", |eni| attempts.enis.get(eni).kind.as_str());
    let source = match kind {
        "" => RequestSource::Host(path.source),
        kind => RequestSource::Type(kind),
    };
    (source, path.protocol, path.port)
}

fn targets(entries: &[PathSymptom<'_>]) -> BTreeSet<IpAddr> {
    entries.iter().map(|entry| entry.path.target).collect()
}

/// Numbers the groups of members that share something, directly or through other members.
fn connected<'a>(members: impl Iterator<Item = Vec<RequestedService<'a>>>) -> Vec<usize> {
    let mut groups: Vec<usize> = Vec::new();
    let mut known: HashMap<RequestedService<'a>, usize, RandomState> = HashMap::default();
    for (member, requested) in members.enumerate() {
        groups.push(member);
        for requested_service in requested {
            let other = *known.entry(requested_service).or_insert(member);
            let (one, other) = (root(&groups, member), root(&groups, other));
            groups[one.max(other)] = one.min(other);
        }
    }
    (0..groups.len())
        .map(|member| root(&groups, member))
        .collect()
}

/// Returns the lowest member of this one's group.
fn root(groups: &[usize], mut member: usize) -> usize {
    while groups[member] != member {
        member = groups[member];
    }
    member
}
