//! Faults that come from the internet: floods, an address that no rule knows, stray packets.

use std::net::Ipv4Addr;

use super::build::{Edge, End, Manner};
use super::fault::{Planted, Planter};
use super::network::{ALWAYS, TCP};
use super::noise::SCANNERS;

/// The address of somebody of the office who works at home, which no rule allows.
const AT_HOME: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 77);

impl Planter<'_> {
    pub(super) fn syn_flood(&mut self) -> Option<Planted> {
        let mut edge = self.edge(|_, edge| edge.name == "web")?;
        // 131,071 addresses, so that none comes twice.
        let count = self.random.between(900, 2_000);
        let first = self.random.small(1, 60_000);
        let source =
            |n: u64| SCANNERS.address(u32::from(first) + u32::try_from(n * 31).unwrap_or(0));
        edge.initiators = (0..count).map(|n| End::Outside(source(n))).collect();
        edge.responders.truncate(self.random.of(&[1, 2]));
        let enis = edge.responding();
        Some(Planted::new("syn-flood", edge, ALWAYS, enis))
    }

    pub(super) fn office_shut_out(&mut self) -> Option<Planted> {
        let mut edge = self.edge(|_, edge| edge.name == "ssh")?;
        edge.initiators = vec![End::Outside(AT_HOME)];
        let enis = edge.responding();
        let mut planted = Planted::new("inbound-blocked", edge, ALWAYS, enis);
        // A strict list denies the address as well.
        planted
            .causes
            .extend(["security-group-inbound", "acl-inbound"]);
        Some(planted)
    }

    pub(super) fn unsolicited(&mut self) -> Option<Planted> {
        let gateways = self.gateways();
        let edge = Edge {
            name: "stray",
            initiators: (0..self.random.between(30, 120))
                .map(|n| {
                    let spread = u32::try_from(n * 1_009).unwrap_or(0);
                    End::Outside(SCANNERS.address(1 + spread))
                })
                .collect(),
            responders: gateways.iter().map(|eni| End::Eni(*eni)).collect(),
            protocol: TCP,
            port: 443,
            manner: Manner::Brief,
            share: 0,
        };
        let mut planted = Planted::new("unsolicited", edge, ALWAYS, gateways);
        planted.ports.clear();
        Some(planted)
    }
}
