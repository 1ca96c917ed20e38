//! Routes: the longest prefix decides, at the source's subnet and, for the way back, at the
//! destination's.

use std::net::IpAddr;

use super::resources::{NetworkInterface, Route, RouteDestination, RouteTable};
use super::role::InterfaceRole;
use super::situation::{Situation, named};
use super::versions::Captured;
use crate::flow::is_private;

/// Where a route table sends packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteOutcome {
    /// To a gateway, an interface, or `local`.
    Target {
        /// Its id.
        target: String,
        /// The destination of the route.
        destination: String,
    },
    /// To a target that is gone.
    Blackhole {
        /// Its id.
        target: String,
        /// The destination of the route.
        destination: String,
    },
    /// Nowhere: no route fits.
    Nowhere,
    /// The configuration does not show it.
    Unknown,
}

/// What a route table does with packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteVerdict {
    /// The route table, with its name; empty if it is unknown.
    pub table: String,
    /// Where it sends them.
    pub outcome: RouteOutcome,
    /// When it was captured, nanoseconds since the Unix epoch, if the file says so.
    pub captured_ns: Option<i64>,
}

/// Why packets do not leave a subnet for their destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteFault {
    /// The fault as a sentence without its end: what has no route, where to.
    pub what: String,
    /// Where it is to be mended: a route table, a gateway, an ENI or a VPC.
    pub table: String,
    /// When the table was captured, nanoseconds since the Unix epoch, if the file says so.
    pub captured_ns: Option<i64>,
}

impl<'a> Situation<'a> {
    /// Returns where the route table of a subnet sends packets to an address.
    pub fn route(self, subnet: &str, vpc: &str, to: IpAddr) -> RouteVerdict {
        let Some((id, table)) = self.table_of(subnet, vpc) else {
            return RouteVerdict {
                table: String::new(),
                outcome: RouteOutcome::Unknown,
                captured_ns: None,
            };
        };
        RouteVerdict {
            table: named(id, &table.value.name),
            outcome: self.outcome(table.value, to),
            captured_ns: table.captured_ns,
        }
    }

    pub(super) fn table_of(
        self,
        subnet: &str,
        vpc: &str,
    ) -> Option<(&'a str, Captured<'a, RouteTable>)> {
        let all = || self.all.route_tables.all_at(self.ns);
        let own = all().find(|(_, table)| table.value.subnets.iter().any(|id| id == subnet));
        own.or_else(|| all().find(|(_, table)| table.value.is_main && table.value.vpc == vpc))
    }

    pub(super) fn outcome(self, table: &RouteTable, to: IpAddr) -> RouteOutcome {
        let mut best: Option<(u8, &Route, String)> = None;
        let mut is_unsure = false;
        for route in &table.routes {
            let found = match &route.destination {
                RouteDestination::Range(range) => range
                    .contains(to)
                    .then(|| (range.bits(), range.to_string())),
                RouteDestination::PrefixList(id) => match self.prefix_list(id) {
                    Some(ranges) => {
                        let fits = ranges.iter().filter(|range| range.contains(to));
                        let bits = fits.map(|range| range.bits()).max();
                        bits.map(|bits| (bits, id.clone()))
                    }
                    None => {
                        is_unsure = true;
                        None
                    }
                },
            };
            let Some((bits, destination)) = found else {
                continue;
            };
            if best.as_ref().is_none_or(|(longest, ..)| bits > *longest) {
                best = Some((bits, route, destination));
            }
        }
        let Some((_, route, destination)) = best else {
            return match is_unsure {
                true => RouteOutcome::Unknown,
                false => RouteOutcome::Nowhere,
            };
        };
        let target = route.target.clone();
        match route.is_blackhole {
            // A prefix list that is not known may have a longer prefix.
            true if is_unsure => RouteOutcome::Unknown,
            true => RouteOutcome::Blackhole {
                target,
                destination,
            },
            false => RouteOutcome::Target {
                target,
                destination,
            },
        }
    }

    /// Returns why packets from an ENI do not reach the way to an address; `None` if the
    /// configuration shows no fault.
    pub fn route_fault(self, from: &NetworkInterface, to: IpAddr) -> Option<RouteFault> {
        if from.subnet.is_empty() {
            return None;
        }
        let verdict = self.route(&from.subnet, &from.vpc, to);
        let subnet = self.subnet_name(&from.subnet);
        let fault = |what: String, table: String| RouteFault {
            what,
            table,
            captured_ns: verdict.captured_ns,
        };
        let table = &verdict.table;
        match &verdict.outcome {
            RouteOutcome::Nowhere => Some(fault(
                format!("{table} of {subnet} has no route to {to}"),
                table.clone(),
            )),
            RouteOutcome::Blackhole {
                target,
                destination,
            } => Some(fault(
                format!(
                    "the route to {destination} in {table} of {subnet} is a blackhole: {} is gone",
                    self.target_name(target)
                ),
                table.clone(),
            )),
            RouteOutcome::Target { target, .. } if target.starts_with("nat-") => {
                let what = self.nat_fault(target, to)?;
                Some(fault(what, self.target_name(target)))
            }
            RouteOutcome::Target { target, .. }
                if target.starts_with("igw-") && lacks_public_address(from, to) =>
            {
                Some(fault(
                    format!(
                        "{} of {subnet} sends it to {target}, but {} has no public address",
                        table, from.id
                    ),
                    from.id.clone(),
                ))
            }
            _ => None,
        }
    }

    /// Returns why packets from an ENI to an address stay in the VPC and reach nobody: the local
    /// route takes them, and no ENI of the VPC has the address. `None` if that is not so.
    pub fn local_dead_end(self, from: &NetworkInterface, to: IpAddr) -> Option<RouteFault> {
        if from.subnet.is_empty() || from.vpc.is_empty() {
            return None;
        }
        let verdict = self.route(&from.subnet, &from.vpc, to);
        let RouteOutcome::Target {
            target,
            destination,
        } = &verdict.outcome
        else {
            return None;
        };
        let mut own = self.interfaces().filter(|eni| eni.vpc == from.vpc);
        if target != "local" || own.any(|eni| eni.addresses.contains(&to)) {
            return None;
        }
        Some(RouteFault {
            what: format!(
                "the local route to {destination} keeps them in {}, where no ENI has the address that they are sent to",
                from.vpc
            ),
            table: from.vpc.clone(),
            captured_ns: verdict.captured_ns,
        })
    }

    /// Returns why a NAT gateway does not pass packets to an address on.
    fn nat_fault(self, id: &str, to: IpAddr) -> Option<String> {
        let nat = self.all.nat_gateways.at(id, self.ns)?.value;
        let name = self.target_name(id);
        if !matches!(&nat.state[..], "available" | "pending" | "") {
            return Some(format!("{name} is in the state {}", nat.state));
        }
        if nat.subnet.is_empty() || !nat.is_public || is_private(to) {
            return None;
        }
        let onward = self.route(&nat.subnet, &nat.vpc, to);
        let subnet = self.subnet_name(&nat.subnet);
        let table = &onward.table;
        match onward.outcome {
            RouteOutcome::Nowhere => Some(format!(
                "{name} is in {subnet}, whose route table {table} has no route to {to}"
            )),
            RouteOutcome::Blackhole { target, .. } => Some(format!(
                "{name} is in {subnet}, whose route table {table} has a blackhole for {to}: {target} is gone"
            )),
            _ => None,
        }
    }
}

/// Whether an ENI sends to the internet from a private address, without a public one.
fn lacks_public_address(from: &NetworkInterface, to: IpAddr) -> bool {
    let is_internet = to.is_ipv4() && !is_private(to);
    let is_own = from.role == InterfaceRole::Plain;
    is_internet && is_own && from.public.is_empty() && !from.addresses.is_empty()
}
