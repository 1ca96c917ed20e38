//! The counts of attempts, indexed for comparison: what else passes or fails at the same ENI,
//! subnet or service.
//!
//! Attempts of scanners inside are left out. Failed attempts from outside count only for services
//! that outsiders use. Internet scans of public addresses are expected and not counted as failures.

mod nat_gateways;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use self::nat_gateways::FirstLeg;
use crate::diagnosis::attempt_counts::{AttemptCounts, Path};
use crate::diagnosis::distinct_sources::DistinctSources;
use crate::diagnosis::path_counts::PathCounts;
use crate::diagnosis::symptom::Symptom;
use crate::flow::{Eni, EniIndex, Enis, is_private};

/// The sums over attempts with one symptom on one path.
#[derive(Clone, Copy, Debug)]
pub(super) struct PathSymptom<'a> {
    pub(super) path: &'a Path,
    pub(super) symptom: Symptom,
    pub(super) seen: &'a PathCounts,
}

impl PathSymptom<'_> {
    /// Returns what identifies the entry.
    pub(super) fn key(&self) -> (Path, Symptom) {
        (*self.path, self.symptom)
    }
}

impl AttemptCounts {
    fn failing_paths(&self) -> impl Iterator<Item = PathSymptom<'_>> {
        let failing = self.inside.iter().chain(self.outside.iter());
        failing.map(|((path, symptom), seen)| PathSymptom {
            path,
            symptom: *symptom,
            seen,
        })
    }
}

/// A service: address, port, protocol.
pub(super) type ServiceKey = (IpAddr, u16, u8);

/// All counts except those of scanners.
pub(super) struct AttemptIndex<'a> {
    pub(super) enis: &'a Enis,
    /// Whether there is TCP without flags, where requests and replies look alike.
    pub(super) is_bare: bool,
    entries: Vec<PathSymptom<'a>>,
    /// Attempts from outside whose missing reply is not evidence.
    unclear_outside: Vec<PathSymptom<'a>>,
    by_target: HashMap<EniIndex, Vec<usize>, RandomState>,
    by_source: HashMap<EniIndex, Vec<usize>, RandomState>,
    by_service: HashMap<ServiceKey, Vec<usize>, RandomState>,
    subnets: HashMap<&'a str, BTreeSet<EniIndex>, RandomState>,
    owners: HashMap<IpAddr, EniIndex, RandomState>,
    nats: BTreeSet<EniIndex>,
    silent_outside: HashSet<FirstLeg, RandomState>,
    first_legs: HashMap<FirstLeg, EniIndex, RandomState>,
}

/// An end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The end that sends the request.
    Source,
    /// The end that the request is directed to.
    Target,
}

impl<'a> AttemptIndex<'a> {
    /// Indexes all counts except the failed attempts of these scanners inside. Paths of `also`
    /// that did not fit in `tally` are added to it.
    pub(super) fn new(
        tally: &'a AttemptCounts,
        also: Option<&'a AttemptCounts>,
        enis: &'a Enis,
        scanners: &BTreeSet<IpAddr>,
    ) -> Self {
        let mut attempts = Self {
            enis,
            is_bare: tally.bare > 0,
            entries: Vec::new(),
            unclear_outside: unclear_outside(tally),
            by_target: HashMap::default(),
            by_source: HashMap::default(),
            by_service: HashMap::default(),
            subnets: HashMap::default(),
            owners: owners(enis),
            nats: tally.forwarders.clone(),
            silent_outside: HashSet::default(),
            first_legs: HashMap::default(),
        };
        let scans = |path: &Path| path.source.is_some_and(|source| scanners.contains(&source));
        let failing = tally.failing_paths().map(|entry| (entry, true));
        let more = also.into_iter().flat_map(AttemptCounts::failing_paths);
        let more = more.map(|entry| (entry, false));
        for (entry, is_known) in failing.chain(more) {
            let is_new = is_known || tally.entry(*entry.path, entry.symptom).is_none();
            if is_new && (entry.symptom.is_passed() || !scans(entry.path)) {
                attempts.enter(entry);
            }
        }
        let passing = tally.passing.iter().map(|entry| (entry, true));
        let more = also.into_iter().flat_map(|also| also.passing.iter());
        let more = more.map(|entry| (entry, false));
        for ((path, seen), is_known) in passing.chain(more) {
            if is_known || tally.passing.get(*path).is_none() {
                attempts.enter(PathSymptom {
                    path,
                    symptom: Symptom::Passed,
                    seen,
                });
            }
        }
        attempts.find_nats();
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

    /// Returns all entries.
    pub(super) fn all(&self) -> impl Iterator<Item = &PathSymptom<'a>> {
        self.entries.iter()
    }

    /// Returns attempts from outside whose result is unknown, since the archive may be incomplete.
    pub(super) fn unclear_outside(&self) -> impl Iterator<Item = &PathSymptom<'a>> {
        self.unclear_outside.iter()
    }

    /// Returns the entries with this ENI at this end.
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

    /// Returns the entries of a service.
    pub(super) fn of(&self, service: ServiceKey) -> impl Iterator<Item = &PathSymptom<'a>> {
        let known = self.by_service.get(&service);
        known
            .into_iter()
            .flatten()
            .map(|index| &self.entries[*index])
    }

    /// Returns the subnet of an ENI; empty if no record has it.
    pub(super) fn subnet(&self, eni: EniIndex) -> &'a str {
        &self.enis.get(eni).subnet
    }

    /// Returns the ENI with this address as its own.
    pub(super) fn owner(&self, address: IpAddr) -> Option<EniIndex> {
        self.owners.get(&address).copied()
    }

    /// Returns the other ENIs of the same subnet that were an end of any path.
    pub(super) fn siblings(&self, eni: EniIndex) -> impl Iterator<Item = EniIndex> {
        let subnet = self.subnets.get(self.subnet(eni));
        subnet
            .into_iter()
            .flatten()
            .copied()
            .filter(move |other| *other != eni)
    }

    /// Whether a path crosses a subnet boundary; ACLs apply only there. `None` if the records do
    /// not show it.
    ///
    /// The smallest subnet is a /28 (AWS: subnet sizing), so addresses within one are in the same
    /// subnet.
    pub(super) fn crosses(&self, path: &Path) -> Option<bool> {
        let fact = |eni: Option<EniIndex>, of: fn(&Eni) -> &str| {
            eni.map_or("", |eni| of(self.enis.get(eni)))
        };
        let differ = |of: fn(&Eni) -> &str| {
            let (source, target) = (fact(path.source_eni, of), fact(path.target_eni, of));
            let is_known = !source.is_empty() && !target.is_empty();
            is_known.then_some(source != target)
        };
        if let Some(differ) = differ(|eni| &eni.subnet) {
            return Some(differ);
        }
        let Some(source) = path.source.filter(|source| is_private(*source)) else {
            return Some(true);
        };
        if is_same_slash_28(source, path.target) {
            return Some(false);
        }
        // A subnet is in one zone and one VPC.
        let is_elsewhere = differ(|eni| &eni.zone) == Some(true)
            || differ(|eni| &eni.vpc) == Some(true)
            || !is_private(path.target);
        is_elsewhere.then_some(true)
    }

    /// Whether a failed attempt was expected to succeed.
    pub(super) fn is_meant(&self, entry: &PathSymptom<'_>) -> bool {
        /// Services that are usually open to the internet.
        const PUBLIC: [u16; 2] = [80, 443];
        /// Attempts that are needed to assume that outsiders use an unknown service.
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
        // If some outsiders are accepted and others are not, there is an allowlist, which is
        // intended.
        let has_stopped =
            entry.seen.first_ns > until_ns && entry.seen.count >= 3 && self.was_open_to(entry);
        let passed: u64 = passing.iter().map(|seen| seen.count).sum();
        has_stopped
            || (entry.symptom.is_admitted()
                && entry.seen.count * 4 >= passed
                && entry.seen.count >= 5)
    }

    /// Whether a service passes one of the sources outside that it rejects at other times, or so
    /// many sources that it is open to all.
    pub(super) fn was_open_to(&self, entry: &PathSymptom<'_>) -> bool {
        /// More sources than an allowlist for SSH or a VPN usually has.
        const OPEN_LEAST: u64 = 8;
        let mut passed = DistinctSources::default();
        for other in self.of(service(entry.path)) {
            if other.path.source.is_none() && other.symptom.is_passed() {
                passed.add(&other.seen.sources);
            }
        }
        passed.count() >= OPEN_LEAST || passed.meet(&entry.seen.sources)
    }
}

/// Whether both addresses are in the same block of 16 IPv4 addresses.
fn is_same_slash_28(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => one.to_bits() >> 4 == other.to_bits() >> 4,
        _ => false,
    }
}

/// Returns the number of attempts of these.
pub(super) fn count(entries: &[PathSymptom<'_>]) -> u64 {
    entries.iter().map(|entry| entry.seen.count).sum()
}

/// Returns when the first of these began and the last ended.
pub(super) fn span(entries: &[PathSymptom<'_>]) -> (i64, i64) {
    let first = entries.iter().map(|entry| entry.seen.first_ns).min();
    let last = entries.iter().map(|entry| entry.seen.last_ns).max();
    (first.unwrap_or(0), last.unwrap_or(0))
}

/// Returns ENIs by their own addresses, as far as known.
pub(super) fn owners(enis: &Enis) -> HashMap<IpAddr, EniIndex, RandomState> {
    let numbered = (0u32..).map(EniIndex).zip(enis.iter());
    numbered
        .flat_map(|(index, eni)| eni.addresses().map(move |address| (address, index)))
        .collect()
}

fn unclear_outside(tally: &AttemptCounts) -> Vec<PathSymptom<'_>> {
    let unclear = tally
        .unclear_outside
        .iter()
        .map(|(path, seen)| PathSymptom {
            path,
            symptom: Symptom::Unclear,
            seen,
        });
    unclear.collect()
}

/// Returns the service of a path.
pub(super) fn service(path: &Path) -> ServiceKey {
    (path.target, path.port, path.protocol)
}

/// Whether the address is multicast or broadcast, which does not have to be accepted.
fn is_for_many(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_multicast() || v4.octets()[3] == 255,
        IpAddr::V6(v6) => v6.is_multicast(),
    }
}

/// Groups entries by a key.
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

/// Attempts to a service that are needed to treat it as the role of an ENI.
const ROLE_ATTEMPTS_LEAST: u64 = 3;

/// The roles of ENIs, as far as the records show: the services that they provide.
///
/// ENIs of one role normally share their security group, and ENIs of different roles do not. The
/// role is inferred from the requests to an ENI, and from its type where a record has it.
///
/// Holds the services of each ENI: protocol, port, and number of attempts.
pub(super) struct Roles(HashMap<EniIndex, BTreeMap<(u8, u16), u64>, RandomState>);

impl Roles {
    /// Infers the roles from the attempts.
    pub(super) fn new(attempts: &AttemptIndex<'_>) -> Self {
        let mut services: HashMap<EniIndex, BTreeMap<(u8, u16), u64>, RandomState> =
            HashMap::default();
        for entry in attempts.all() {
            let Some(eni) = entry.path.target_eni else {
                continue;
            };
            // Failed attempts from outside say nothing about the role.
            if entry.symptom.is_passed() || entry.path.source.is_some() {
                let service = (entry.path.protocol, entry.path.port);
                *services.entry(eni).or_default().entry(service).or_default() += entry.seen.count;
            }
        }
        Self(services)
    }

    /// Whether the ENIs have different types, or the main service of one is never requested from
    /// the other.
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
