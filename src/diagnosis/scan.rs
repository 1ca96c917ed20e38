//! Who tries many ports or hosts: the makings of a scan.
//!
//! Counted by source, since a scan is nothing else than one source and many targets. Only attempts
//! that led to nothing are counted as targets; those that led to something speak against a scan.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnosis::path_counts::PathCounts;

/// Ports, and hosts, that are kept of one source.
const KEPT_MAX: usize = 64;

/// Ports of hosts, that is services, that are kept of one source.
const SERVICES_MAX: usize = 128;

/// Distinct ports of a scan of ports.
const PORTS_LEAST: usize = 8;

/// Distinct hosts of a scan of hosts.
const HOSTS_LEAST: usize = 16;

/// What one source tried in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScanCounts {
    /// Attempts in vain.
    pub(super) seen: Option<PathCounts>,
    /// Attempts that led to a connection.
    pub(super) passed: u64,
    /// The lowest ports tried.
    pub(super) ports: BTreeSet<u16>,
    /// The lowest hosts tried.
    pub(super) hosts: BTreeSet<IpAddr>,
    /// The lowest services tried.
    services: BTreeSet<(Option<IpAddr>, u16)>,
}

impl ScanCounts {
    /// One attempt that led to a connection.
    pub(super) fn passed() -> Self {
        Self {
            seen: None,
            passed: 1,
            ports: BTreeSet::new(),
            hosts: BTreeSet::new(),
            services: BTreeSet::new(),
        }
    }

    /// One attempt in vain; at no host that counts, if none is given.
    pub(super) fn in_vain(host: Option<IpAddr>, port: u16, seen: PathCounts) -> Self {
        Self {
            seen: Some(seen),
            passed: 0,
            ports: BTreeSet::from([port]),
            hosts: host.into_iter().collect(),
            services: BTreeSet::from([(host, port)]),
        }
    }

    /// Takes in what else this source tried.
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

    /// The attempts in vain, if they are a scan: many targets, few tries at each, hardly any success.
    ///
    /// Success elsewhere excuses nobody who tries many ports: a host that is taken over goes on with
    /// its work. Who tries one port of many hosts may have lost its way to them.
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
