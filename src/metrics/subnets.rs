//! The subnet of an address, as far as the archive shows it.
//!
//! A record has only the subnet of the ENI that wrote it, so the subnet of its peer is known only
//! if the peer's ENI wrote records too. Any other private address is assigned to the network of the
//! usual size around it, any other public one to the internet.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::flow::{Enis, is_private};

/// The label of all public addresses that no ENI of the archive has.
const INTERNET: &str = "internet";

/// The subnets of the ENIs' own addresses.
#[derive(Clone, Debug, Default)]
pub struct Subnets {
    /// `None` if ENIs of several subnets have the address, since VPCs may overlap.
    by_address: HashMap<IpAddr, Option<Box<str>>, RandomState>,
}

impl Subnets {
    /// Collects the subnets in an archive.
    pub fn of(enis: &Enis) -> Self {
        let mut subnets = Self::default();
        for eni in enis.iter().filter(|eni| !eni.subnet.is_empty()) {
            for address in eni.addresses() {
                let name = subnets.by_address.entry(address);
                let name = name.or_insert_with(|| Some(eni.subnet.as_str().into()));
                if name.as_deref() != Some(&eni.subnet) {
                    *name = None;
                }
            }
        }
        subnets
    }

    /// Returns the `subnet-id` of the ENI with this address. Otherwise returns the /24 of a private
    /// IPv4 address or the /64 of a private IPv6 address, since VPC subnets usually have the first
    /// size and always the second, or `internet`.
    pub fn name(&self, address: IpAddr) -> Cow<'_, str> {
        match self.by_address.get(&address) {
            Some(Some(name)) => Cow::Borrowed(name),
            _ if is_private(address) => Cow::Owned(network(address)),
            _ => Cow::Borrowed(INTERNET),
        }
    }
}

/// Returns the network of the usual size around an address, in CIDR notation.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{}/24", Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enis(known: &[(&str, &str)]) -> Enis {
        let mut enis = Enis::default();
        for (nth, (address, subnet)) in known.iter().enumerate() {
            let index = enis.enter(format!("eni-{nth}").as_bytes());
            let eni = enis.get_mut(index);
            eni.subnet = (*subnet).to_owned();
            eni.has(address.parse().unwrap());
        }
        enis
    }

    fn names(known: &[(&str, &str)], asked: &[&str]) -> Vec<String> {
        let subnets = Subnets::of(&enis(known));
        let names = asked.iter().map(|address| address.parse().unwrap());
        names
            .map(|address| subnets.name(address).into_owned())
            .collect()
    }

    #[test]
    fn addresses_of_enis_have_subnets_and_others_networks_or_the_internet() {
        let known = [("10.0.1.5", "subnet-a"), ("203.0.113.9", "subnet-b")];
        let asked = [
            "10.0.1.5",
            "203.0.113.9",
            "10.0.1.6",
            "fd00:1:2:3:4::5",
            "198.51.100.7",
            "2001:db8::1",
        ];
        assert_eq!(
            names(&known, &asked),
            [
                "subnet-a",
                "subnet-b",
                "10.0.1.0/24",
                "fd00:1:2:3::/64",
                "internet",
                "internet",
            ]
        );
    }

    #[test]
    fn address_of_two_subnets_is_in_neither() {
        let known = [
            ("10.0.1.5", "subnet-a"),
            ("10.0.1.5", "subnet-b"),
            ("10.0.1.5", "subnet-a"),
            ("10.0.1.6", ""),
        ];
        let asked = ["10.0.1.5", "10.0.1.6"];
        assert_eq!(names(&known, &asked), ["10.0.1.0/24"; 2]);
    }
}
