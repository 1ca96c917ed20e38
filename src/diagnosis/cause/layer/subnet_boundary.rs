//! Traffic that crosses a subnet boundary while other traffic fails at one of its ENIs, indexed by
//! what paths have in common.
//!
//! An archive may hold thousands of failing paths at one ENI and thousands of passing ones, so they
//! are not compared one by one. Whatever two paths can have in common is a key.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use crate::diagnosis::attempt_counts::Path;
use crate::diagnosis::attempt_index::{AttemptIndex, End, PathSymptom, span};
use crate::diagnosis::symptom::Symptom;
use crate::flow::{EniIndex, is_private};

/// A service by protocol and port.
pub(in crate::diagnosis::cause) type ServicePort = (u8, u16);

/// Returns the service of this path.
pub(in crate::diagnosis::cause) fn service_port(path: &Path) -> ServicePort {
    (path.protocol, path.port)
}

/// What paths may have in common at their far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Far<'a> {
    /// One host; `None` for all hosts outside.
    Host(Option<IpAddr>),
    Subnet(&'a str),
    /// A /24 of private addresses, where no record has the subnet. Most subnets are at least as
    /// large, so its hosts are probably neighbors.
    Block(u32),
    /// The whole internet, as a destination.
    Internet,
}

/// Returns everything that a path may have in common with others at its far end.
pub(super) fn far<'a>(
    attempts: &AttemptIndex<'a>,
    end: End,
    path: &Path,
) -> impl Iterator<Item = Far<'a>> + use<'a> {
    let (host, eni) = match end {
        End::Target => (path.source, path.source_eni),
        End::Source => (Some(path.target), path.target_eni),
    };
    let subnet = eni.map_or("", |eni| attempts.subnet(eni));
    let is_out = end == End::Source && !is_private(path.target);
    let block = match host {
        Some(IpAddr::V4(v4)) if subnet.is_empty() && is_private(IpAddr::V4(v4)) => {
            Some(Far::Block(v4.to_bits() >> 8))
        }
        _ => None,
    };
    [
        Some(Far::Host(host)),
        (!subnet.is_empty()).then_some(Far::Subnet(subnet)),
        block,
        is_out.then_some(Far::Internet),
    ]
    .into_iter()
    .flatten()
}

/// Failing entries at one ENI, summarized by service and far end.
pub(super) struct Failed<'a> {
    pub(super) services: BTreeSet<ServicePort>,
    pub(super) far: HashSet<Far<'a>, RandomState>,
    /// Whether all of the traffic crosses the subnet boundary in a known direction.
    pub(super) is_at_boundary: bool,
}

impl<'a> Failed<'a> {
    pub(super) fn of(attempts: &AttemptIndex<'a>, end: End, entries: &[PathSymptom<'a>]) -> Self {
        let paths = || entries.iter().map(|entry| entry.path);
        Self {
            services: paths().map(service_port).collect(),
            far: paths().flat_map(|path| far(attempts, end, path)).collect(),
            is_at_boundary: is_directed(entries)
                && paths().all(|path| attempts.crosses(path) != Some(false)),
        }
    }
}

/// Traffic that passes at the same time and has something in common with what fails, one example of each
/// kind.
#[derive(Default)]
pub(super) struct Boundary<'a> {
    by_service: HashMap<ServicePort, PathSymptom<'a>, RandomState>,
    by_both: HashMap<(ServicePort, Far<'a>), PathSymptom<'a>, RandomState>,
    /// The far ends, by protocol: a rule of an ACL is for one protocol or for all.
    far: HashSet<(u8, Far<'a>), RandomState>,
    /// Services that pass at the ENI itself.
    pub(super) here: HashSet<ServicePort, RandomState>,
    /// Whether nothing passes at all, whatever it has in common.
    pub(super) is_quiet: bool,
}

impl<'a> Boundary<'a> {
    /// Collects traffic that passes at this ENI, and at others of its subnet, while these entries
    /// fail, whose services and far ends are in `kinds`.
    pub(super) fn of(
        attempts: &AttemptIndex<'a>,
        end: End,
        eni: EniIndex,
        failed: &[PathSymptom<'a>],
        kinds: &Failed<'a>,
    ) -> Self {
        let span = span(failed);
        let paths: HashSet<&Path, RandomState> = failed.iter().map(|entry| entry.path).collect();
        let mut boundary = Self {
            is_quiet: true,
            ..Self::default()
        };
        for near in std::iter::once(eni).chain(attempts.siblings(eni)) {
            for entry in attempts.at(end, near) {
                let is_meanwhile = passes(attempts, end, entry) && entry.seen.goes_on_during(span);
                let fails_too = || {
                    kinds.services.contains(&service_port(entry.path)) && paths.contains(entry.path)
                };
                if is_meanwhile && !fails_too() {
                    boundary.is_quiet = false;
                    boundary.take_in(attempts, end, entry, kinds);
                    if near == eni {
                        boundary.here.insert(service_port(entry.path));
                    }
                }
            }
        }
        boundary
    }

    /// Takes in what an entry that passes has in common with `kinds`: there may be very many others.
    fn take_in(
        &mut self,
        attempts: &AttemptIndex<'a>,
        end: End,
        entry: &PathSymptom<'a>,
        kinds: &Failed<'a>,
    ) {
        let service_port = service_port(entry.path);
        let is_of_service = kinds.services.contains(&service_port);
        if is_of_service {
            self.by_service.entry(service_port).or_insert(*entry);
        }
        let far = far(attempts, end, entry.path);
        for far in far.filter(|far| kinds.far.contains(far)) {
            if is_of_service {
                let both = (service_port, far);
                self.by_both.entry(both).or_insert(*entry);
            }
            self.far.insert((entry.path.protocol, far));
        }
    }

    /// Returns an entry of this service that passes.
    pub(super) fn service(&self, service_port: ServicePort) -> Option<&PathSymptom<'a>> {
        self.by_service.get(&service_port)
    }

    /// Whether any passing entry of this protocol has one of these far ends.
    pub(super) fn has_far(&self, protocol: u8, mut far: impl Iterator<Item = Far<'a>>) -> bool {
        far.any(|far| self.far.contains(&(protocol, far)))
    }

    /// Returns a passing entry of this service with one of these far ends.
    pub(super) fn both(
        &self,
        service_port: ServicePort,
        mut far: impl Iterator<Item = Far<'a>>,
    ) -> Option<&PathSymptom<'a>> {
        far.find_map(|far| self.by_both.get(&(service_port, far)))
    }
}

/// Whether the direction of all these rejections is known.
pub(in crate::diagnosis::cause) fn is_directed(entries: &[PathSymptom<'_>]) -> bool {
    let is_unknown = |entry: &PathSymptom<'_>| matches!(entry.symptom, Symptom::Blocked(_));
    !entries.iter().any(is_unknown)
}

/// Whether a request got past both layers at this end, across the boundary of its subnet.
pub(in crate::diagnosis::cause) fn passes(
    attempts: &AttemptIndex<'_>,
    end: End,
    entry: &PathSymptom<'_>,
) -> bool {
    let admitted = match (end, entry.symptom) {
        (_, symptom) if symptom.is_admitted() => true,
        // Rejected at the other end only.
        (End::Source, Symptom::InboundBlocked(_)) => true,
        _ => false,
    };
    admitted && attempts.crosses(entry.path) != Some(false)
}
