//! Sources that try many ports or hosts.
//!
//! Counted by source, since a scan is one source and many targets. Only failed attempts count as
//! targets; successful ones are evidence against a scan.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnosis::path_counts::PathCounts;

/// The most ports, and the most hosts, kept of one source.
const KEPT_MAX: usize = 64;

/// The most services (host and port) kept of one source.
const SERVICES_MAX: usize = 128;

/// The fewest distinct ports of a port scan.
const PORTS_LEAST: usize = 8;

/// The fewest distinct hosts of a host scan.
const HOSTS_LEAST: usize = 16;

/// The failed attempts of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScanCounts {
    /// Failed attempts.
    pub(super) seen: Option<PathCounts>,
    /// Successful attempts.
    pub(super) passed: u64,
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
            passed: 1,
            ports: BTreeSet::new(),
            hosts: BTreeSet::new(),
            services: BTreeSet::new(),
        }
    }

    /// Counts one failed attempt; without a host if its target does not count.
    pub(super) fn failed(host: Option<IpAddr>, port: u16, seen: PathCounts) -> Self {
        Self {
            seen: Some(seen),
            passed: 0,
            ports: BTreeSet::from([port]),
            hosts: host.into_iter().collect(),
            services: BTreeSet::from([(host, port)]),
        }
    }

    /// Adds further attempts of this source.
    pub(super) fn add(&mut self, more: Self) {
        self.passed += more.passed;
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
