//! Who tries many ports or hosts: the makings of a scan.
//!
//! Counted by source, since a scan is nothing else than one source and many targets. Only attempts
//! that led to nothing are counted as targets; those that led to something speak against a scan.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnosis::sighting::Sighting;

/// Ports, and hosts, that are kept of one source.
const KEPT_MAX: usize = 64;

/// Distinct ports of a scan of ports.
const PORTS_LEAST: usize = 8;

/// Distinct hosts of a scan of hosts.
const HOSTS_LEAST: usize = 16;

/// What one source tried in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sweep {
    /// Attempts in vain.
    pub(super) seen: Option<Sighting>,
    /// Attempts that led to a connection.
    pub(super) passed: u64,
    /// The lowest ports tried.
    pub(super) ports: BTreeSet<u16>,
    /// The lowest hosts tried.
    pub(super) hosts: BTreeSet<IpAddr>,
}

impl Sweep {
    /// One attempt that led to a connection.
    pub(super) fn passed() -> Self {
        Self {
            seen: None,
            passed: 1,
            ports: BTreeSet::new(),
            hosts: BTreeSet::new(),
        }
    }

    /// One attempt in vain; at no host that counts, if none is given.
    pub(super) fn in_vain(host: Option<IpAddr>, port: u16, seen: Sighting) -> Self {
        Self {
            seen: Some(seen),
            passed: 0,
            ports: BTreeSet::from([port]),
            hosts: host.into_iter().collect(),
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
    }

    /// The attempts in vain, if they are a scan: many targets, few tries at each, hardly any success.
    pub(super) fn scan(&self) -> Option<&Sighting> {
        let seen = self.seen.as_ref()?;
        let is_wide = self.ports.len() >= PORTS_LEAST || self.hosts.len() >= HOSTS_LEAST;
        let targets = (self.ports.len().max(self.hosts.len())) as u64;
        let is_saturated = self.ports.len() == KEPT_MAX || self.hosts.len() == KEPT_MAX;
        let is_hasty = is_saturated || seen.count <= targets.saturating_mul(2);
        (is_wide && is_hasty && self.passed.saturating_mul(4) <= seen.count).then_some(seen)
    }
}
