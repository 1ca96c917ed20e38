//! Counts of symptoms by path, together with attempts that pass.
//!
//! A path is a source and the service it tries to reach. Sources inside are single addresses; the
//! whole internet is one source, *outside*, because its addresses are unlimited. Failed attempts
//! from outside are counted separately, so that no scanner can displace failures inside.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::net::IpAddr;

use crate::diagnosis::attempt::{Attempt, EniView, WayTraffic};
use crate::diagnosis::bounded::Bounded;
use crate::diagnosis::judgment::symptom;
use crate::diagnosis::one_attempt::OneAttempt;
use crate::diagnosis::path_counts::PathCounts;
use crate::diagnosis::scan::{FailedAttempt, ScanCounts};
use crate::diagnosis::symptom::Symptom;
use crate::diagnosis::visibility::Visibility;
use crate::flow::{EniIndex, Enis, TCP, is_private};

/// The most paths kept of each of the three kinds.
const PATHS_MAX: usize = 1 << 14;

/// The most sources kept of each of the two kinds.
const SOURCES_MAX: usize = 1 << 12;

/// A source and the service it tries to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Path {
    /// IANA protocol number.
    pub(super) protocol: u8,
    /// The source; `None` for all sources outside.
    pub(super) source: Option<IpAddr>,
    /// The ENI of the source, if it logged the attempt.
    pub(super) source_eni: Option<EniIndex>,
    /// The destination.
    pub(super) target: IpAddr,
    /// The service's port; 0 for protocols without ports.
    pub(super) port: u16,
    /// The ENI of the destination, if it logged the attempt.
    pub(super) target_eni: Option<EniIndex>,
}

impl Path {
    pub(super) fn of(attempt: &Attempt, found: Symptom, enis: &Enis) -> Self {
        let (source, target) = (attempt.initiator.address, attempt.responder.address);
        let at = |leaves: bool, address: IpAddr| {
            let views = || {
                attempt
                    .views
                    .iter()
                    .filter(move |v| v.request_leaves == Some(leaves))
            };
            let own = |view: &&EniView| enis.get(view.eni).address == Some(address);
            // An ENI that forwards traffic of other hosts has a type.
            let plain = |view: &&EniView| enis.get(view.eni).kind.is_empty();
            let view = views().find(own).or_else(|| views().find(plain));
            view.or_else(|| views().next()).map(|view| view.eni)
        };
        let source_eni = at(true, source);
        let target_eni = match found {
            Symptom::InboundBlocked(eni) | Symptom::Blocked(eni) => Some(eni),
            _ => at(false, target),
        };
        let is_own = |eni: EniIndex| enis.get(eni).address == Some(source) || source.is_ipv6();
        let is_inside = is_private(source) || source_eni.is_some_and(is_own);
        Self {
            protocol: attempt.protocol,
            source: is_inside.then_some(source),
            source_eni,
            target,
            port: attempt.responder.port,
            target_eni,
        }
    }
}

/// The sums over all attempts.
#[derive(Clone, Debug)]
pub struct AttemptCounts {
    pub(super) inside: Bounded<(Path, Symptom), PathCounts>,
    pub(super) outside: Bounded<(Path, Symptom), PathCounts>,
    pub(super) passing: Bounded<Path, PathCounts>,
    /// Attempts from outside whose missing reply is not evidence.
    pub(super) unclear_outside: Bounded<Path, PathCounts>,
    pub(super) insiders: Bounded<IpAddr, ScanCounts>,
    pub(super) outsiders: Bounded<IpAddr, ScanCounts>,
    /// ENIs that take in packets to hosts on the internet, to pass them on: NAT gateways and
    /// appliances.
    pub(super) forwarders: BTreeSet<EniIndex>,
    /// Number of attempts.
    pub attempts: u64,
    /// Number of TCP attempts without `tcp-flags`.
    pub bare: u64,
    /// Number of attempts whose records do not show the direction.
    pub undirected: u64,
    /// Number of attempts that only one ENI logged.
    pub one_sided: u64,
    by_name: BTreeMap<&'static str, u64>,
}

impl Default for AttemptCounts {
    fn default() -> Self {
        Self {
            inside: Bounded::new(PATHS_MAX),
            outside: Bounded::new(PATHS_MAX),
            passing: Bounded::new(PATHS_MAX),
            unclear_outside: Bounded::new(PATHS_MAX),
            insiders: Bounded::new(SOURCES_MAX),
            outsiders: Bounded::new(SOURCES_MAX),
            forwarders: BTreeSet::new(),
            attempts: 0,
            bare: 0,
            undirected: 0,
            one_sided: 0,
            by_name: BTreeMap::new(),
        }
    }
}

impl AttemptCounts {
    /// Creates empty sums for a part that is to be added to these: they leave out what would not be kept
    /// here.
    pub fn for_part(&self) -> Self {
        Self {
            inside: self.inside.for_part(),
            outside: self.outside.for_part(),
            passing: self.passing.for_part(),
            unclear_outside: self.unclear_outside.for_part(),
            insiders: self.insiders.for_part(),
            outsiders: self.outsiders.for_part(),
            ..Self::default()
        }
    }

    /// Returns how many paths and sources are in memory.
    pub fn paths_len(&self) -> usize {
        let paths = self.inside.len() + self.outside.len() + self.passing.len();
        let sources = self.insiders.len() + self.outsiders.len();
        paths + self.unclear_outside.len() + sources
    }

    /// Counts an attempt.
    pub fn take_in(&mut self, attempt: &Attempt, visibility: &Visibility, enis: &Enis) {
        let found = symptom(attempt, visibility);
        self.attempts += 1;
        self.bare += u64::from(attempt.protocol == TCP && !attempt.has_flags);
        let is_undirected = attempt
            .views
            .iter()
            .all(|view| view.request_leaves.is_none());
        self.undirected += u64::from(is_undirected);
        let first = attempt.views[0].eni;
        self.one_sided += u64::from(attempt.views.iter().all(|view| view.eni == first));
        *self.by_name.entry(found.name()).or_default() += 1;
        let path = Path::of(attempt, found, enis);
        if found == Symptom::Unclear {
            if path.source.is_none() {
                let one = OneAttempt::new(attempt, found);
                count(&mut self.unclear_outside, path, &one);
            }
            return;
        }
        self.forwarders.extend(forwarders(attempt, enis));
        let crossing = match visibility.silence_counts(attempt) {
            true => crossing(attempt),
            false => (0, 0),
        };
        let is_outside = path.source.is_none();
        let one = OneAttempt::new(attempt, found)
            .with_crossing(crossing)
            .with_outsider(is_outside.then_some(attempt.initiator.address));
        self.count_scan(attempt, path, found, &one);
        if found == Symptom::Passed {
            count(&mut self.passing, path, &one);
        } else if is_outside {
            count(&mut self.outside, (path, found), &one);
        } else {
            count(&mut self.inside, (path, found), &one);
        }
    }

    fn count_scan(&mut self, attempt: &Attempt, path: Path, found: Symptom, one: &OneAttempt<'_>) {
        // A source without replies from many hosts of the internet has no route there, and is not a
        // scan.
        let is_near = path.source.is_none() || is_private(path.target);
        let scans = if path.source.is_some() {
            &mut self.insiders
        } else {
            &mut self.outsiders
        };
        let source = attempt.initiator.address;
        if found.leads_nowhere() {
            let failed = FailedAttempt {
                attempt: one,
                host: is_near.then_some(path.target),
                protocol: path.protocol,
                port: path.port,
                is_rejected: !found.is_admitted(),
            };
            let add = |known: &mut ScanCounts| known.add_failed(&failed);
            scans.update(source, add, || ScanCounts::failed(&failed));
        } else if found.is_passed() {
            let add = |known: &mut ScanCounts| known.passed += 1;
            scans.update(source, add, ScanCounts::passed);
        }
    }

    /// Adds the sums over other attempts.
    pub fn add(&mut self, other: Self) {
        let add = |known: &mut PathCounts, more: PathCounts| known.add(&more);
        self.inside.merge(other.inside, add);
        self.outside.merge(other.outside, add);
        self.passing.merge(other.passing, add);
        self.unclear_outside.merge(other.unclear_outside, add);
        self.insiders.merge(other.insiders, ScanCounts::add);
        self.outsiders.merge(other.outsiders, ScanCounts::add);
        self.forwarders.extend(other.forwarders);
        self.attempts += other.attempts;
        self.bare += other.bare;
        self.undirected += other.undirected;
        self.one_sided += other.one_sided;
        for (name, count) in other.by_name {
            *self.by_name.entry(name).or_default() += count;
        }
    }

    /// Returns the entry of a path with this symptom, if it is kept.
    pub(super) fn entry(&self, path: Path, symptom: Symptom) -> Option<&PathCounts> {
        match path.source {
            _ if symptom == Symptom::Passed => self.passing.get(path),
            _ if symptom == Symptom::Unclear => self.unclear_outside.get(path),
            Some(_) => self.inside.get((path, symptom)),
            None => self.outside.get((path, symptom)),
        }
    }

    /// Returns the failed attempts of a source, if it is kept.
    pub(super) fn failed_of(&self, source: IpAddr) -> Option<&PathCounts> {
        let sources = [&self.insiders, &self.outsiders].into_iter();
        sources
            .filter_map(|sources| sources.get(source)?.seen.as_ref())
            .next()
    }

    /// Returns the number of attempts for each symptom, by its name.
    pub fn by_symptom(&self) -> &BTreeMap<&'static str, u64> {
        &self.by_name
    }

    /// Returns the number of attempts with an unknown result, because the archive may be
    /// incomplete.
    pub fn unclear(&self) -> u64 {
        self.by_name
            .get(Symptom::Unclear.name())
            .copied()
            .unwrap_or(0)
    }

    /// Returns the number of attempts on paths beyond the limit.
    pub fn folded(&self) -> u64 {
        let failing = self
            .inside
            .iter()
            .chain(self.outside.iter())
            .map(|(_, seen)| seen.count);
        let kept: u64 = failing
            .chain(self.passing.iter().map(|(_, seen)| seen.count))
            .sum();
        self.attempts - self.unclear() - kept
    }
}

/// Returns how many packets left the ENI of one end, and how many of them arrived at that of the
/// other end. Only attempts that exactly these two logged are compared.
fn crossing(attempt: &Attempt) -> (u64, u64) {
    let [one, other] = attempt.views.as_slice() else {
        return (0, 0);
    };
    let (source, target) = match (one.request_leaves, other.request_leaves) {
        (Some(true), Some(false)) => (one, other),
        (Some(false), Some(true)) => (other, one),
        _ => return (0, 0),
    };
    if source.eni == target.eni {
        return (0, 0);
    }
    let all = |way: &WayTraffic| {
        way.traffic()
            .map(|t| t.packets)
            .fold(0, u64::saturating_add)
    };
    let accepted = |way: &WayTraffic| way.accepted.map_or(0, |traffic| traffic.packets);
    let requests = (accepted(&source.request), all(&target.request));
    let replies = (accepted(&target.reply), all(&source.reply));
    let arrived = |(sent, seen): (u64, u64)| seen.min(sent);
    (
        requests.0.saturating_add(replies.0),
        arrived(requests).saturating_add(arrived(replies)),
    )
}

/// Returns the ENIs that accepted the attempt inbound although it goes to the internet.
fn forwarders<'l>(attempt: &'l Attempt, enis: &'l Enis) -> impl Iterator<Item = EniIndex> + 'l {
    let target = attempt.responder.address;
    let leads_out = target.is_ipv4() && !is_private(target);
    let enters =
        |view: &&EniView| view.request_leaves == Some(false) && view.request.accepted.is_some();
    let views = attempt.views.iter().filter(move |_| leads_out);
    let passes_on = move |eni: &EniIndex| enis.get(*eni).addresses().all(|own| own != target);
    views.filter(enters).map(|view| view.eni).filter(passes_on)
}

/// Adds an attempt to the sums of its path.
fn count<K: Hash + Ord>(sums: &mut Bounded<K, PathCounts>, key: K, one: &OneAttempt<'_>) {
    sums.update(key, |known| one.add_to(known), || one.alone());
}
