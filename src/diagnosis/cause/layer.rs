//! Security group or network ACL: decided by comparing rejected traffic with traffic that passes.
//!
//! A record says `REJECT`, but not which filter rejected the packet. But a security group belongs
//! to ENIs and an ACL to a subnet; an ACL filters by address range, protocol and port only, and
//! only traffic that crosses the subnet boundary (AWS: "Control subnet traffic with network access
//! control lists"). Hence these rules:
//!
//! * Packets of open connections are rejected: the ACL, since a security group tracks connections.
//! * The ENI has no security group, as that of a NAT gateway: the ACL.
//! * Connections that were open at the first rejection go on: the security group, which still
//!   tracks them.
//! * Traffic fails within one subnet: the security group.
//! * The same traffic crosses the same subnet boundary to or from another ENI at the same time: the
//!   security group.
//! * Both that port and that network cross the boundary, but not together, or that port passes the
//!   same ENI from another source of the same kind: the security group.
//! * ENIs of different roles, which normally do not share a security group, fail in the same way,
//!   and nothing similar crosses the boundary: the ACL. The same holds if a whole source subnet
//!   fails at ENIs of different roles, also of several subnets, if the traffic passes within the
//!   subnet, or if nothing at all crosses the boundary.
//! * Otherwise the records do not show which, and the finding says so.
//!
//! "At the same time" matters: traffic that passed before a rule was removed proves nothing.

mod subnet_boundary;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use self::subnet_boundary::{Boundary, Failed, Far, far};
pub(super) use self::subnet_boundary::{ServicePort, is_directed, passes, service_port};
use super::names;
use crate::diagnosis::attempt_counts::Path;
use crate::diagnosis::attempt_index::Roles;
use crate::diagnosis::attempt_index::{AttemptIndex, End, PathSymptom, grouped, span};
use crate::flow::EniIndex;
use crate::time::SECOND_NS;

/// The types of ENIs that have no security group (AWS: NAT gateways, Transit Gateway attachments,
/// Gateway Load Balancer endpoints).
const WITHOUT_GROUP: [&str; 4] = [
    "nat_gateway",
    "transit_gateway",
    "gateway_load_balancer",
    "gateway_load_balancer_endpoint",
];

/// How long after the first rejection a connection must go on to have outlived it: longer than a
/// record of one aggregation interval may reach.
const GOES_ON_NS: i64 = 120 * SECOND_NS;

/// The filter that rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FilterLayer {
    SecurityGroup,
    Acl,
    Undecided,
}

/// The filter that rejects at an ENI, and why.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    pub(super) layer: FilterLayer,
    pub(super) why: String,
    /// Whether the records leave no other explanation.
    pub(super) is_proved: bool,
}

impl Decision {
    fn proved(layer: FilterLayer, why: String) -> Self {
        Self {
            layer,
            why,
            is_proved: true,
        }
    }

    fn likely(layer: FilterLayer, why: String) -> Self {
        Self {
            layer,
            why,
            is_proved: false,
        }
    }
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
    /// Far subnets of which several hosts fail.
    crowded: BTreeSet<Far<'a>>,
}

/// What two paths may have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Likeness {
    ServiceKey,
    Far,
    /// The whole subnet at the far end.
    FarSubnet,
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
    pub(super) fn decide(&self, eni: EniIndex) -> Decision {
        let entries = &self.failing[&eni];
        let by_state = self.by_state(eni, entries);
        if let Some(decision) = by_state {
            return decision;
        }
        if !is_directed(entries) {
            let why = "no record shows the direction, so the packets may also have been outbound";
            return Decision::likely(FilterLayer::Undecided, why.to_owned());
        }
        let at = At {
            eni,
            entries,
            boundary: Boundary::of(self.attempts, self.end, eni, entries, &self.kinds[&eni]),
            crowded: self.crowded(entries),
        };
        let likely = |layer| move |why| Decision::likely(layer, why);
        let decided = self
            .by_exception(&at)
            .or_else(|| self.by_subnet(&at).map(likely(FilterLayer::Acl)))
            .or_else(|| {
                self.by_contrast(&at)
                    .map(likely(FilterLayer::SecurityGroup))
            });
        decided.unwrap_or_else(|| {
            let why = match at.boundary.here.is_empty() {
                false => "traffic that passes at the same time fits both filters, so it is unknown which one rejects",
                true => {
                    "nothing else passes this ENI or its subnet at that time, so it is unknown which filter rejects"
                }
            };
            Decision::likely(FilterLayer::Undecided, why.to_owned())
        })
    }

    /// Decides by what only one of the filters has: a security group tracks connections, and some
    /// ENIs have none.
    fn by_state(&self, eni: EniIndex, entries: &[PathSymptom<'a>]) -> Option<Decision> {
        let cut: u64 = entries.iter().map(|entry| entry.seen.cut).sum();
        if cut > 0 {
            let connections = names::counted(cut, "open connection");
            let why = format!(
                "packets of {connections} are rejected, which a security group would let pass"
            );
            return Some(Decision::proved(FilterLayer::Acl, why));
        }
        let kind = self.attempts.enis.get(eni).kind.as_str();
        if WITHOUT_GROUP.contains(&kind) {
            let why = format!("a {} has no security group", names::device(kind));
            return Some(Decision::proved(FilterLayer::Acl, why));
        }
        let goes_on = self.still_open(eni, entries)?;
        let why = format!(
            "connections from {} that were open at the first rejection go on, as only a security group allows",
            names::source(goes_on.path.source)
        );
        Some(Decision::proved(FilterLayer::SecurityGroup, why))
    }

    /// Returns a path that fails now, while a connection on it that was open before goes on.
    fn still_open(&self, eni: EniIndex, entries: &[PathSymptom<'a>]) -> Option<&PathSymptom<'a>> {
        let failing: BTreeMap<&Path, i64> = entries
            .iter()
            .map(|entry| (entry.path, entry.seen.first_ns))
            .collect();
        self.attempts.at(self.end, eni).find(|entry| {
            let is_open_at = |first_ns: &i64| {
                let (start, end) = entry.seen.longest_ns;
                start < *first_ns && end >= first_ns.saturating_add(GOES_ON_NS)
            };
            entry.symptom.is_admitted() && failing.get(entry.path).is_some_and(is_open_at)
        })
    }

    fn far(&self, path: &Path) -> impl Iterator<Item = Far<'a>> + use<'a> {
        far(self.attempts, self.end, path)
    }

    fn far_subnet(&self, path: &Path) -> impl Iterator<Item = Far<'a>> + use<'a> {
        let is_subnet = |far: &Far<'_>| matches!(far, Far::Subnet(_) | Far::Block(_));
        self.far(path).filter(is_subnet)
    }

    /// Returns the far subnets of which several hosts fail, not just one.
    fn crowded(&self, entries: &[PathSymptom<'a>]) -> BTreeSet<Far<'a>> {
        let mut hosts: BTreeMap<Far<'a>, Option<IpAddr>> = BTreeMap::new();
        let mut crowded = BTreeSet::new();
        for entry in entries {
            let host = match self.end {
                End::Target => entry.path.source,
                End::Source => Some(entry.path.target),
            };
            for far in self.far_subnet(entry.path) {
                if *hosts.entry(far).or_insert(host) != host {
                    crowded.insert(far);
                }
            }
        }
        crowded
    }

    /// Explains why an ACL cannot be the cause; `None` if it can.
    fn by_exception(&self, at: &At<'_, 'a>) -> Option<Decision> {
        let mut entries = at.entries.iter();
        if entries.any(|entry| self.attempts.crosses(entry.path) == Some(false)) {
            let why = "both ends are in the same subnet, where network ACLs do not apply";
            return Some(Decision::proved(FilterLayer::SecurityGroup, why.to_owned()));
        }
        at.entries.iter().find_map(|failed| {
            let passed = at
                .boundary
                .both(service_port(failed.path), self.far(failed.path))?;
            let why = format!("at the same time {}", self.way(at.eni, passed));
            Some(Decision::likely(FilterLayer::SecurityGroup, why))
        })
    }

    /// Explains why a security group is probably not the cause; `None` if it may be.
    fn by_subnet(&self, at: &At<'_, 'a>) -> Option<String> {
        self.alike(at, Likeness::ServiceKey, true)
            .or_else(|| self.alike(at, Likeness::Far, false))
            .or_else(|| self.alike(at, Likeness::FarSubnet, true))
            .or_else(|| self.within(at))
            .or_else(|| self.by_other_subnets(at))
    }

    /// Checks whether ENIs of another role fail in the same way, optionally in other subnets too,
    /// while nothing similar crosses the boundary.
    fn alike(&self, at: &At<'_, 'a>, likeness: Likeness, anywhere: bool) -> Option<String> {
        at.entries.iter().find_map(|failed| {
            let protocol = failed.path.protocol;
            let passes = match likeness {
                Likeness::ServiceKey => at.boundary.service(service_port(failed.path)).is_some(),
                Likeness::Far => at.boundary.has_far(protocol, self.far(failed.path)),
                Likeness::FarSubnet => at.boundary.has_far(protocol, self.far_subnet(failed.path)),
            };
            let is_single = likeness == Likeness::FarSubnet
                && !self
                    .far_subnet(failed.path)
                    .any(|far| at.crowded.contains(&far));
            if passes || is_single {
                return None;
            }
            let fails_alike = |also: &Failed<'a>| match likeness {
                Likeness::ServiceKey => also.services.contains(&service_port(failed.path)),
                Likeness::Far => self.far(failed.path).any(|far| also.far.contains(&far)),
                Likeness::FarSubnet => self
                    .far_subnet(failed.path)
                    .any(|far| also.far.contains(&far)),
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
                && self.attempts.crosses(entry.path) == Some(false)
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
        if at.boundary.is_quiet {
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
    /// exactly the combination is rare, and a security group without a rule for it is not. The
    /// port may also pass the same ENI from another source of the same kind.
    fn by_contrast(&self, at: &At<'_, 'a>) -> Option<String> {
        at.entries.iter().find_map(|failed| {
            let service_port = service_port(failed.path);
            let by_service = at.boundary.service(service_port)?;
            let protocol = failed.path.protocol;
            let by_far = at.boundary.has_far(protocol, self.far(failed.path));
            let is_here = at.boundary.here.contains(&service_port)
                && failed.path.source.is_some() == by_service.path.source.is_some();
            (by_far || is_here)
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
                && (anywhere || (!subnet.is_empty() && is_near(*other)))
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
