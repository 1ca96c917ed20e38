//! Sources that try many ports or hosts.
//!
//! Counted by source, since a scan is one source and many targets. Only failed attempts count as
//! targets; successful ones are evidence against a scan.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnosis::one_attempt::OneAttempt;
use crate::diagnosis::path_counts::PathCounts;

/// The most ports, and the most hosts, kept of one source.
const KEPT_MAX: usize = 64;

/// The most services (host and port) kept of one source.
const SERVICES_MAX: usize = 128;

/// The fewest distinct ports of a port scan.
const PORTS_LEAST: usize = 8;

/// The fewest distinct hosts of a host scan.
const HOSTS_LEAST: usize = 16;

/// One failed attempt.
pub(super) struct FailedAttempt<'s, 'a> {
    pub(super) attempt: &'s OneAttempt<'a>,
    /// The target; `None` if it does not count.
    pub(super) host: Option<IpAddr>,
    /// IANA protocol number.
    pub(super) protocol: u8,
    pub(super) port: u16,
    pub(super) is_rejected: bool,
}

/// The failed attempts of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScanCounts {
    /// Failed attempts.
    pub(super) seen: Option<PathCounts>,
    /// How many of them were rejected.
    pub(super) rejected: u64,
    /// Successful attempts.
    pub(super) passed: u64,
    /// The protocols of the failed attempts.
    pub(super) protocols: BTreeSet<u8>,
    /// The lowest ports tried.
    pub(super) ports: BTreeSet<u16>,
    /// The lowest hosts tried.
    pub(super) hosts: BTreeSet<IpAddr>,
    /// The lowest services tried.
    services: BTreeSet<(Option<IpAddr>, u16)>,
}

impl ScanCounts {
    /// Counts one successful attempt.
    pub(super) fn passed() -> Self {
        Self {
            seen: None,
            rejected: 0,
            passed: 1,
            protocols: BTreeSet::new(),
            ports: BTreeSet::new(),
            hosts: BTreeSet::new(),
            services: BTreeSet::new(),
        }
    }

    /// Counts one failed attempt.
    pub(super) fn failed(one: &FailedAttempt<'_, '_>) -> Self {
        Self {
            seen: Some(one.attempt.alone()),
            rejected: u64::from(one.is_rejected),
            passed: 0,
            protocols: BTreeSet::from([one.protocol]),
            ports: BTreeSet::from([one.port]),
            hosts: one.host.into_iter().collect(),
            services: BTreeSet::from([(one.host, one.port)]),
        }
    }

    /// Adds one failed attempt: the same as adding those of [`Self::failed()`].
    pub(super) fn add_failed(&mut self, one: &FailedAttempt<'_, '_>) {
        match &mut self.seen {
            Some(seen) => one.attempt.add_to(seen),
            none => *none = Some(one.attempt.alone()),
        }
        self.rejected += u64::from(one.is_rejected);
        self.protocols.insert(one.protocol);
        insert_low(&mut self.ports, one.port, KEPT_MAX);
        if let Some(host) = one.host {
            insert_low(&mut self.hosts, host, KEPT_MAX);
        }
        insert_low(&mut self.services, (one.host, one.port), SERVICES_MAX);
    }

    /// Adds further attempts of this source.
    pub(super) fn add(&mut self, more: Self) {
        self.passed += more.passed;
        self.rejected += more.rejected;
        self.protocols.extend(more.protocols);
        match (&mut self.seen, more.seen) {
            (Some(seen), Some(more)) => seen.add(&more),
            (seen, more) => *seen = seen.take().or(more),
        }
        self.ports.extend(more.ports);
        while self.ports.len() > KEPT_MAX {
            self.ports.pop_last();
        }
        self.hosts.extend(more.hosts);
        while self.hosts.len() > KEPT_MAX {
            self.hosts.pop_last();
        }
        self.services.extend(more.services);
        while self.services.len() > SERVICES_MAX {
            self.services.pop_last();
        }
    }

    /// Returns the one service that this source tries, if every attempt is rejected and each is
    /// repeated, as a client does that expects an answer: host, protocol, port.
    pub(super) fn shut_out_of(&self) -> Option<(IpAddr, u8, u16)> {
        /// Attempts that are needed to call it a pattern.
        const ATTEMPTS_LEAST: u64 = 3;
        let seen = self.seen.as_ref()?;
        let is_always_rejected = self.passed == 0 && self.rejected == seen.count;
        let is_repeated = seen.packets >= seen.count.saturating_mul(2);
        let is_one = [self.hosts.len(), self.ports.len(), self.protocols.len()] == [1; 3];
        let counts = is_always_rejected && is_repeated && seen.count >= ATTEMPTS_LEAST;
        let one = (
            self.hosts.first()?,
            self.protocols.first()?,
            self.ports.first()?,
        );
        (is_one && counts).then_some((*one.0, *one.1, *one.2))
    }

    /// Returns the failed attempts if they are a scan: many targets, few attempts at each, hardly
    /// any success.
    ///
    /// Successful attempts do not rule out a port scan, because a compromised host continues its
    /// normal work. A source that tries one port of many hosts may just have lost its route to
    /// them.
    pub(super) fn scan(&self) -> Option<&PathCounts> {
        let seen = self.seen.as_ref()?;
        let services = self.services.len();
        let is_hasty =
            services == SERVICES_MAX || seen.count <= (services as u64).saturating_mul(2);
        let is_search = self.ports.len() >= PORTS_LEAST;
        let is_sweep =
            self.hosts.len() >= HOSTS_LEAST && self.passed.saturating_mul(4) <= seen.count;
        (is_hasty && (is_search || is_sweep)).then_some(seen)
    }
}

/// Inserts into a set of the `max` lowest.
fn insert_low<T: Ord>(lowest: &mut BTreeSet<T>, one: T, max: usize) {
    let highest = lowest.last().filter(|_| lowest.len() >= max);
    if highest.is_none_or(|highest| one < *highest) && lowest.insert(one) && lowest.len() > max {
        lowest.pop_last();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lowest_are_kept_in_any_order() {
        let lowest = |all: &mut dyn Iterator<Item = u16>| {
            let mut lowest = BTreeSet::new();
            all.for_each(|one| insert_low(&mut lowest, one, 5));
            lowest
        };
        let expected = BTreeSet::from([0, 1, 2, 3, 4]);
        assert_eq!(lowest(&mut (0..20)), expected);
        assert_eq!(lowest(&mut (0..20).rev()), expected);
        assert_eq!(lowest(&mut (0..20).map(|n| n * 7 % 20)), expected);
        assert_eq!(lowest(&mut [3, 3, 1].into_iter()), BTreeSet::from([1, 3]));
    }
}
