//! Security group or network ACL: decided by comparing rejected traffic with traffic that passes.
//!
//! A record says `REJECT`, but not which filter rejected the packet. But a security group belongs
//! to ENIs and an ACL to a subnet; an ACL filters by address range, protocol and port only, and
//! only traffic that crosses the subnet boundary (AWS: "Control subnet traffic with network access
//! control lists"). Hence these rules:
//!
//! * Traffic fails within one subnet: the security group.
//! * The same traffic crosses the same subnet boundary to or from another ENI at the same time: the
//!   security group.
//! * Both that port and that network cross the boundary, but not together, or that port passes the
//!   same ENI from another network: the security group.
//! * ENIs of different roles, which normally do not share a security group, fail in the same way,
//!   and nothing similar crosses the boundary: the ACL. The same holds if the traffic passes within
//!   the subnet, or if nothing at all crosses the boundary.
//! * Otherwise the records do not show which, and the finding says so.
//!
//! "At the same time" matters: traffic that passed before a rule was removed proves nothing.

mod subnet_boundary;

use std::collections::{BTreeMap, BTreeSet};

use self::subnet_boundary::{Boundary, Failed, Far, far};
pub(super) use self::subnet_boundary::{ServicePort, is_directed, passes, service_port};
use super::names;
use crate::diagnosis::attempt_counts::Path;
use crate::diagnosis::attempt_index::Roles;
use crate::diagnosis::attempt_index::{AttemptIndex, End, PathSymptom, grouped, span};
use crate::flow::EniIndex;

/// The filter that rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FilterLayer {
    SecurityGroup,
    Acl,
    Undecided,
}

/// Failing entries by the ENI that rejects them.
pub(super) type Failing<'a> = BTreeMap<EniIndex, Vec<PathSymptom<'a>>>;

/// All rejections at one end of the paths.
pub(super) struct Case<'l, 'a> {
    attempts: &'l AttemptIndex<'a>,
    roles: &'l Roles,
    end: End,
    failing: &'l Failing<'a>,
    /// The same entries, summarized by service and far end.
    kinds: BTreeMap<EniIndex, Failed<'a>>,
}

/// Failing entries at one ENI, and the traffic that passes at the same time.
struct At<'c, 'a> {
    eni: EniIndex,
    entries: &'c [PathSymptom<'a>],
    boundary: Boundary<'a>,
}

/// What two paths may have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Likeness {
    ServiceKey,
    Far,
}

impl<'l, 'a> Case<'l, 'a> {
    /// Collects the failing entries at this end, by the ENI that rejects them.
    pub(super) fn new(
        attempts: &'l AttemptIndex<'a>,
        roles: &'l Roles,
        end: End,
        failing: &'l Failing<'a>,
    ) -> Self {
        let kinds = failing.iter();
        let kinds = kinds.map(|(eni, entries)| (*eni, Failed::of(attempts, end, entries)));
        Self {
            attempts,
            roles,
            end,
            failing,
            kinds: kinds.collect(),
        }
    }

    /// Returns the services that fail at this ENI.
    pub(super) fn services(&self, eni: EniIndex) -> &BTreeSet<ServicePort> {
        &self.kinds[&eni].services
    }

    /// Decides which layer rejects the traffic at this ENI, and why.
    pub(super) fn decide(&self, eni: EniIndex) -> (FilterLayer, String) {
        let entries = &self.failing[&eni];
        if !is_directed(entries) {
            let why = "no record shows the direction, so the packets may also have been outbound";
            return (FilterLayer::Undecided, why.to_owned());
        }
        let at = At {
            eni,
            entries,
            boundary: Boundary::of(self.attempts, self.end, eni, entries),
        };
        let decided = self
            .by_exception(&at)
            .map(|why| (FilterLayer::SecurityGroup, why))
            .or_else(|| self.by_subnet(&at).map(|why| (FilterLayer::Acl, why)))
            .or_else(|| {
                self.by_contrast(&at)
                    .map(|why| (FilterLayer::SecurityGroup, why))
            });
        decided.unwrap_or_else(|| {
            let why = match at.boundary.here.is_empty() {
                    false => "traffic that passes at the same time fits both filters, so it is unknown which one rejects",
                    true => {
                        "nothing else passes this ENI or its subnet at that time, so it is unknown which filter rejects"
                    }
            };
            (FilterLayer::Undecided, why.to_owned())
        })
    }

    fn far(&self, path: &Path) -> impl Iterator<Item = Far<'a>> + use<'a> {
        far(self.attempts, self.end, path)
    }

    /// Explains why an ACL cannot be the cause; `None` if it can.
    fn by_exception(&self, at: &At<'_, 'a>) -> Option<String> {
        let mut entries = at.entries.iter();
        if entries.any(|entry| !self.attempts.crosses(entry.path)) {
            return Some(
                "both ends are in the same subnet, where network ACLs do not apply".to_owned(),
            );
        }
        at.entries.iter().find_map(|failed| {
            let passed = at
                .boundary
                .both(service_port(failed.path), self.far(failed.path))?;
            Some(format!("at the same time {}", self.way(at.eni, passed)))
        })
    }

    /// Explains why a security group is probably not the cause; `None` if it may be.
    fn by_subnet(&self, at: &At<'_, 'a>) -> Option<String> {
        self.alike(at, Likeness::ServiceKey, true)
            .or_else(|| self.alike(at, Likeness::Far, false))
            .or_else(|| self.within(at))
            .or_else(|| self.by_other_subnets(at))
    }

    /// Checks whether ENIs of another role fail in the same way, optionally in other subnets too,
    /// while nothing similar crosses the boundary.
    fn alike(&self, at: &At<'_, 'a>, likeness: Likeness, anywhere: bool) -> Option<String> {
        at.entries.iter().find_map(|failed| {
            let passes = match likeness {
                Likeness::ServiceKey => at.boundary.service(service_port(failed.path)).is_some(),
                Likeness::Far => at.boundary.has_far(self.far(failed.path)),
            };
            if passes {
                return None;
            }
            let fails_alike = |also: &Failed<'a>| match likeness {
                Likeness::ServiceKey => also.services.contains(&service_port(failed.path)),
                Likeness::Far => self.far(failed.path).any(|far| also.far.contains(&far)),
            };
            let (other, _) = self.others(at.eni, anywhere).find(|(other, also)| {
                fails_alike(also) && self.roles.differ(self.attempts, at.eni, *other)
            })?;
            let other = names::eni(self.attempts, other);
            Some(format!(
                "{other}, which has a different role, rejects the same kind of traffic, and nothing similar crosses the subnet boundary"
            ))
        })
    }

    /// Checks whether ENIs with the role of those that fail reach the same service within the
    /// subnet.
    fn within(&self, at: &At<'_, 'a>) -> Option<String> {
        let far = |path: &Path| match self.end {
            End::Target => path.source_eni,
            End::Source => path.target_eni,
        };
        let span = span(at.entries);
        let is_inside = |entry: &&PathSymptom<'a>| {
            entry.symptom.is_admitted()
                && !self.attempts.crosses(entry.path)
                && entry.seen.goes_on_during(span)
        };
        let all = self.attempts.at(self.end, at.eni).filter(is_inside);
        let inside = grouped(all, |entry| Some(service_port(entry.path)));
        at.entries.iter().find_map(|failed| {
            let service_port = service_port(failed.path);
            if at.boundary.service(service_port).is_some() {
                return None;
            }
            let inside = inside.get(&service_port)?.iter().find(|inside| {
                far(inside.path)
                    .zip(far(failed.path))
                    .is_some_and(|(a, b)| !self.roles.differ(self.attempts, a, b))
            })?;
            Some(format!(
                "only traffic that crosses the subnet boundary fails: within the subnet, {}",
                self.way(at.eni, inside)
            ))
        })
    }

    /// Checks whether every ENI of the subnet that was tried fails while nothing crosses the
    /// boundary, or while only ENIs of other subnets succeed.
    fn by_other_subnets(&self, at: &At<'_, 'a>) -> Option<String> {
        let services = self.services(at.eni);
        let siblings = self.others(at.eni, false);
        let fails = siblings
            .filter(|(_, also)| !also.services.is_disjoint(services))
            .count();
        let mut services_here = services.iter();
        if fails == 0
            || services_here.any(|service_port| at.boundary.service(*service_port).is_some())
        {
            return None;
        }
        if at.boundary.is_quiet() {
            return Some(format!(
                "{} ENIs of the subnet reject traffic, and nothing crosses the subnet boundary at that time",
                fails + 1
            ));
        }
        let subnet = self.attempts.subnet(at.eni);
        let span = span(at.entries);
        let elsewhere = self.attempts.all().any(|entry| {
            let near = match self.end {
                End::Target => entry.path.target_eni,
                End::Source => entry.path.source_eni,
            };
            near.is_some_and(|near| self.attempts.subnet(near) != subnet)
                && services.contains(&service_port(entry.path))
                && passes(self.attempts, self.end, entry)
                && entry.seen.goes_on_during(span)
        });
        elsewhere.then(|| {
            "every ENI of the subnet that was tried rejects it, ENIs of other subnets do not"
                .to_owned()
        })
    }

    /// Checks whether that port and that network both pass, but not together: an ACL that denies
    /// exactly the combination is rare, and a security group without a rule for it is not.
    fn by_contrast(&self, at: &At<'_, 'a>) -> Option<String> {
        at.entries.iter().find_map(|failed| {
            let service_port = service_port(failed.path);
            let by_service = at.boundary.service(service_port)?;
            let by_far = at.boundary.has_far(self.far(failed.path));
            (by_far || at.boundary.here.contains(&service_port))
                .then(|| format!("at the same time {}", self.way(at.eni, by_service)))
        })
    }

    /// Returns the other ENIs that fail, optionally in other subnets too.
    fn others(
        &self,
        eni: EniIndex,
        anywhere: bool,
    ) -> impl Iterator<Item = (EniIndex, &Failed<'a>)> {
        let subnet = self.attempts.subnet(eni);
        let is_near = move |other: EniIndex| self.attempts.subnet(other) == subnet;
        let kinds = self.kinds.iter().map(|(other, also)| (*other, also));
        kinds.filter(move |(other, also)| {
            *other != eni
                && !subnet.is_empty()
                && (anywhere || is_near(*other))
                && also.is_at_boundary
        })
    }

    /// Describes traffic that passes while other traffic fails at the ENI.
    fn way(&self, eni: EniIndex, entry: &PathSymptom<'_>) -> String {
        let path = entry.path;
        let port = names::port(path.port, path.protocol);
        let near = match self.end {
            End::Target => path.target_eni,
            End::Source => path.source_eni,
        };
        let near = match near {
            Some(near) if near != eni => names::eni(self.attempts, near),
            _ => "the same ENI".to_owned(),
        };
        match self.end {
            End::Target => format!(
                "{port} from {} is accepted at {near}",
                names::source(path.source)
            ),
            End::Source => format!("{port} to {} is accepted outbound at {near}", path.target),
        }
    }
}
