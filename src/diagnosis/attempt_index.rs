//! The counts of attempts, indexed for contrast: what else passes, or fails, at the same ENI, subnet or service.
//!
//! What scanners tried inside is left out, and what outsiders fail at counts only where outsiders
//! are served: the internet knocks at every public address, and being turned away there is no fault.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use crate::diagnosis::attempt_counts::{AttemptCounts, Path};
use crate::diagnosis::path_counts::PathCounts;
use crate::diagnosis::symptom::Symptom;
use crate::flow::{EniIndex, Enis};

/// What attempts with one symptom on one path add up to.
#[derive(Clone, Copy, Debug)]
pub(super) struct PathSymptom<'a> {
    pub(super) path: &'a Path,
    pub(super) symptom: Symptom,
    pub(super) seen: &'a PathCounts,
}

/// A service: address, port, protocol.
pub(super) type ServiceKey = (IpAddr, u16, u8);

/// All that is counted but what scanners tried.
pub(super) struct AttemptIndex<'a> {
    pub(super) enis: &'a Enis,
    /// Whether there is TCP without flags, where openings and answers look alike.
    pub(super) is_bare: bool,
    entries: Vec<PathSymptom<'a>>,
    by_target: HashMap<EniIndex, Vec<usize>>,
    by_source: HashMap<EniIndex, Vec<usize>>,
    by_service: HashMap<ServiceKey, Vec<usize>>,
    subnets: HashMap<&'a str, BTreeSet<EniIndex>>,
    owners: HashMap<IpAddr, EniIndex>,
}

/// Which end of a path is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Who tries.
    Source,
    /// What it tries to reach.
    Target,
}

impl<'a> AttemptIndex<'a> {
    /// All but what these insiders tried in vain.
    pub(super) fn new(
        tally: &'a AttemptCounts,
        enis: &'a Enis,
        scanners: &BTreeSet<IpAddr>,
    ) -> Self {
        let mut attempts = Self {
            enis,
            is_bare: tally.bare > 0,
            entries: Vec::new(),
            by_target: HashMap::new(),
            by_source: HashMap::new(),
            by_service: HashMap::new(),
            subnets: HashMap::new(),
            owners: owners(enis),
        };
        let scans = |path: &Path| path.source.is_some_and(|source| scanners.contains(&source));
        for ((path, symptom), seen) in tally.inside.iter().chain(tally.outside.iter()) {
            if symptom.is_passed() || !scans(path) {
                attempts.enter(PathSymptom {
                    path,
                    symptom: *symptom,
                    seen,
                });
            }
        }
        for (path, seen) in tally.passing.iter() {
            attempts.enter(PathSymptom {
                path,
                symptom: Symptom::Passed,
                seen,
            });
        }
        attempts
    }

    fn enter(&mut self, entry: PathSymptom<'a>) {
        let index = self.entries.len();
        let path = entry.path;
        for (eni, by_eni) in [
            (path.source_eni, &mut self.by_source),
            (path.target_eni, &mut self.by_target),
        ] {
            let Some(eni) = eni else { continue };
            by_eni.entry(eni).or_default().push(index);
            let subnet = &self.enis.get(eni).subnet;
            if !subnet.is_empty() {
                self.subnets.entry(subnet).or_default().insert(eni);
            }
        }
        self.by_service
            .entry(service(path))
            .or_default()
            .push(index);
        self.entries.push(entry);
    }

    /// All entries.
    pub(super) fn all(&self) -> impl Iterator<Item = &PathSymptom<'a>> {
        self.entries.iter()
    }

    /// What was seen at this ENI as this end.
    pub(super) fn at(&self, end: End, eni: EniIndex) -> impl Iterator<Item = &PathSymptom<'a>> {
        let by_eni = match end {
            End::Source => &self.by_source,
            End::Target => &self.by_target,
        };
        by_eni
            .get(&eni)
            .into_iter()
            .flatten()
            .map(|index| &self.entries[*index])
    }

    /// What was seen of a service.
    pub(super) fn of(&self, service: ServiceKey) -> impl Iterator<Item = &PathSymptom<'a>> {
        let known = self.by_service.get(&service);
        known
            .into_iter()
            .flatten()
            .map(|index| &self.entries[*index])
    }

    /// The subnet of an ENI; empty where no record tells it.
    pub(super) fn subnet(&self, eni: EniIndex) -> &'a str {
        &self.enis.get(eni).subnet
    }

    /// The ENI whose own address this is.
    pub(super) fn owner(&self, address: IpAddr) -> Option<EniIndex> {
        self.owners.get(&address).copied()
    }

    /// The other ENIs of the same subnet that were an end of anything.
    pub(super) fn siblings(&self, eni: EniIndex) -> impl Iterator<Item = EniIndex> {
        let subnet = self.subnets.get(self.subnet(eni));
        subnet
            .into_iter()
            .flatten()
            .copied()
            .filter(move |other| *other != eni)
    }

    /// Whether an entry passes from one subnet to another, as far as known: only there ACLs apply.
    pub(super) fn crosses(&self, path: &Path) -> bool {
        let subnet = |eni: Option<EniIndex>| eni.map_or("", |eni| self.subnet(eni));
        let (source, target) = (subnet(path.source_eni), subnet(path.target_eni));
        source.is_empty() || target.is_empty() || source != target
    }

    /// Whether what failed here was meant to work.
    pub(super) fn is_meant(&self, entry: &PathSymptom<'_>) -> bool {
        /// Services that are open to the internet as a rule.
        const PUBLIC: [u16; 2] = [80, 443];
        /// Attempts before an unknown service is taken for one that outsiders use.
        const ATTEMPTS_LEAST: u64 = 10;
        if is_for_many(entry.path.target) {
            return false;
        }
        if entry.path.source.is_some() {
            return true;
        }
        let outside = self
            .of(service(entry.path))
            .filter(|other| other.path.source.is_none());
        let passing: Vec<&PathCounts> = outside
            .filter(|other| other.symptom.is_passed())
            .map(|other| other.seen)
            .collect();
        let Some(until_ns) = passing.iter().map(|seen| seen.begun_ns).max() else {
            return PUBLIC.contains(&entry.path.port)
                && entry.seen.count >= ATTEMPTS_LEAST
                && entry.seen.packets >= 2 * entry.seen.count;
        };
        // Who is let in while others are not is on a list, and others are not.
        let has_stopped = entry.seen.first_ns > until_ns && entry.seen.count >= 3;
        let passed: u64 = passing.iter().map(|seen| seen.count).sum();
        has_stopped
            || (entry.symptom.is_admitted()
                && entry.seen.count * 4 >= passed
                && entry.seen.count >= 5)
    }
}

/// When the first of these began and the last ended.
pub(super) fn span(entries: &[PathSymptom<'_>]) -> (i64, i64) {
    let first = entries.iter().map(|entry| entry.seen.first_ns).min();
    let last = entries.iter().map(|entry| entry.seen.last_ns).max();
    (first.unwrap_or(0), last.unwrap_or(0))
}

/// ENIs by their own addresses, as far as known.
pub(super) fn owners(enis: &Enis) -> HashMap<IpAddr, EniIndex> {
    let numbered = (0u32..).map(EniIndex).zip(enis.iter());
    numbered
        .filter_map(|(index, eni)| Some((eni.address?, index)))
        .collect()
}

/// The service that a path leads to.
pub(super) fn service(path: &Path) -> ServiceKey {
    (path.target, path.port, path.protocol)
}

/// Multicast and broadcast, which nobody has to let in.
fn is_for_many(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_multicast() || v4.octets()[3] == 255,
        IpAddr::V6(v6) => v6.is_multicast(),
    }
}

/// Entries by something that they have in common.
pub(super) fn grouped<'l, 'a, K: Ord>(
    entries: impl Iterator<Item = &'l PathSymptom<'a>>,
    key: impl Fn(&PathSymptom<'a>) -> Option<K>,
) -> BTreeMap<K, Vec<PathSymptom<'a>>>
where
    'a: 'l,
{
    let mut groups: BTreeMap<K, Vec<PathSymptom<'a>>> = BTreeMap::new();
    for entry in entries {
        if let Some(key) = key(entry) {
            groups.entry(key).or_default().push(*entry);
        }
    }
    groups
}

/// Attempts before a service is taken for what an ENI is for.
const ROLE_ATTEMPTS_LEAST: u64 = 3;

/// What ENIs are for, as far as it shows: the services that they give.
///
/// ENIs of one role share their security group as a rule, and ENIs of different roles do not. What is
/// said of the role rests on what others ask of an ENI, and on its type where a record tells it.
///
/// The services of each ENI: protocol, port, and how often they were asked for.
pub(super) struct Roles(HashMap<EniIndex, BTreeMap<(u8, u16), u64>>);

impl Roles {
    /// Reads them from what was asked for.
    pub(super) fn new(attempts: &AttemptIndex<'_>) -> Self {
        let mut services: HashMap<EniIndex, BTreeMap<(u8, u16), u64>> = HashMap::new();
        for entry in attempts.all() {
            let Some(eni) = entry.path.target_eni else {
                continue;
            };
            // What outsiders try in vain tells nothing.
            if entry.symptom.is_passed() || entry.path.source.is_some() {
                let service = (entry.path.protocol, entry.path.port);
                *services.entry(eni).or_default().entry(service).or_default() += entry.seen.count;
            }
        }
        Self(services)
    }

    /// Whether what one is mostly asked for is never asked of the other.
    pub(super) fn differ(
        &self,
        attempts: &AttemptIndex<'_>,
        one: EniIndex,
        other: EniIndex,
    ) -> bool {
        let kind = |eni: EniIndex| &attempts.enis.get(eni).kind;
        kind(one) != kind(other) || self.lacks(one, other) || self.lacks(other, one)
    }

    fn lacks(&self, one: EniIndex, other: EniIndex) -> bool {
        let main = self
            .0
            .get(&one)
            .and_then(|services| services.iter().max_by_key(|(_, count)| **count))
            .filter(|(_, count)| **count >= ROLE_ATTEMPTS_LEAST);
        let has = |service| {
            let services = self.0.get(&other);
            services.is_some_and(|services| services.contains_key(service))
        };
        main.is_some_and(|(service, _)| !has(service))
    }
}
