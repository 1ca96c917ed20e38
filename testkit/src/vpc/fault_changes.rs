//! Faults that begin while the archive is being written, and may end in it.

use super::build::{Edge, Manner};
use super::fault::{Planted, Planter, crosses};
use super::network::{ALWAYS, Behavior, During, Route, Trouble};

impl Planter<'_> {
    /// From one moment on; every other time only for some minutes.
    fn midway(&mut self) -> During {
        let length = self.archive.end - self.archive.start;
        let start = self.archive.start + self.random.between(length / 4, length / 2);
        if self.random.percent(50) {
            start..start + self.random.between(length / 6, length / 4)
        } else {
            start..u64::MAX
        }
    }

    pub(super) fn group_revoked(&mut self) -> Option<Planted> {
        let during = self.midway();
        let mut planted = self.group_inbound(during)?;
        // The connections that go on show which of the two it is.
        planted.causes = vec!["security-group-inbound"];
        Some(planted)
    }

    pub(super) fn acl_changed(&mut self) -> Option<Planted> {
        let during = self.midway();
        self.acl_inbound(during)
    }

    pub(super) fn outage(&mut self) -> Option<Planted> {
        let during = self.midway();
        let (behavior, cause) = self.random.of(&[
            (Behavior::Refuses, "refused"),
            (Behavior::Drops, "no-reply"),
            (Behavior::Stopped, "no-reply"),
        ]);
        let edge = self.edge(|_, edge| {
            let is_seen = behavior != Behavior::Stopped || !edge.initiating().is_empty();
            !edge.responding().is_empty() && is_seen
        })?;
        let enis = edge.responding();
        let mut planted = Planted::new(cause, edge, during, enis);
        self.afflict(&mut planted, behavior);
        Some(planted)
    }

    /// A subnet loses its default route, or the NAT gateway to which the routes of a zone lead is
    /// deleted.
    pub(super) fn route_removed(&mut self) -> Option<Planted> {
        let mut edge = self.edge(|_, edge| edge.name == "outbound")?;
        let network = &self.vpc.network;
        let one = self.random.of(&edge.initiating());
        let (subnet, route) = (network.enis[one].subnet, network.subnet_of(one).route);
        let Route::Nat(nat) = route else { return None };
        let routes = |eni: &usize| network.subnet_of(*eni).route;
        let is_shared = edge.initiating().iter().all(|eni| routes(eni) == route);
        let mut during = self.midway();
        let network = &mut self.vpc.network;
        if !is_shared && self.random.percent(50) {
            // What is deleted does not come back.
            during.end = u64::MAX;
            network.enis[nat].troubles.push(Trouble {
                port: None,
                behavior: Behavior::Stopped,
                during: during.clone(),
            });
        } else {
            network.subnets[subnet].routeless = during.clone();
        }
        let suffers = |eni: usize| match network.subnets[subnet].routeless.is_empty() {
            true => network.subnet_of(eni).route == route,
            false => network.enis[eni].subnet == subnet,
        };
        edge.initiators.retain(|end| end.eni().is_some_and(suffers));
        let enis = edge.initiating();
        let mut planted = Planted::new("no-route", edge, during, enis);
        planted.causes.push("no-reply");
        Some(planted)
    }

    /// Several times a full queue of SYNs, for some seconds.
    pub(super) fn syn_backlog(&mut self) -> Option<Planted> {
        let mut edge =
            self.edge(|_, edge| edge.initiators.len() > 2 && !edge.responding().is_empty())?;
        let one = self.random.of(&edge.responding());
        edge.responders.retain(|end| end.eni() == Some(one));
        edge.initiators.truncate(12);
        let count = self.random.between(3, 5);
        let part = (self.archive.end - self.archive.start) / count;
        for n in 0..count {
            let start = self.archive.start + n * part + self.random.between(part / 4, part / 2);
            self.vpc.network.enis[one].troubles.push(Trouble {
                port: Some(edge.port),
                behavior: Behavior::Drops,
                during: start..start + self.random.between(15_000, 45_000),
            });
        }
        let mut planted = Planted::new("syn-backlog", edge, ALWAYS, vec![one]);
        planted.causes.push("intermittent");
        Some(planted)
    }

    pub(super) fn client_resets(&mut self) -> Option<Planted> {
        let edge = self.edge(|_, edge| !edge.responding().is_empty())?;
        let edge = Edge {
            manner: Manner::Brief,
            ..edge
        };
        let enis = [edge.initiating(), edge.responding()].concat();
        Some(Planted::new("reset", edge, ALWAYS, enis))
    }

    /// An ACL for all data subnets, which denies what one subnet of applications sends.
    pub(super) fn acl_shared(&mut self) -> Option<Planted> {
        let named = |name: &str| {
            let mut edges = self.vpc.edges.iter();
            edges.find(|edge| edge.name == name).cloned()
        };
        let (mut edge, mut other) = (named("database")?, named("cache")?);
        let network = &self.vpc.network;
        let source = network.enis[self.random.of(&edge.initiating())].subnet;
        let in_source = |eni: &usize| network.enis[*eni].subnet == source;
        let enis = [edge.responding(), other.responding()].concat();
        let has_contrast = !edge.initiating().iter().all(in_source);
        if !crosses(network, &edge) || enis.iter().any(in_source) || !has_contrast {
            return None;
        }
        for edge in [&mut edge, &mut other] {
            edge.initiators
                .retain(|end| end.eni().is_some_and(|eni| in_source(&eni)));
        }
        self.deny_subnet(&enis, source);
        let mut planted = Planted::new("acl-inbound", edge, ALWAYS, enis);
        planted.ports.push(other.port);
        planted.also.push(other);
        Some(planted)
    }
}
