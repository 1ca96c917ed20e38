//! The names that records give the addresses at their ends.
//!
//! AWS names the service of a public address. GCP names the machine, and Kubernetes Engine the pod and
//! its workload, at both ends of a connection. These are names of addresses, and not of the ENI that
//! wrote the record: many pods share an interface, and the other end has none in the log.
//!
//! What is kept does not depend on the order of the records, and has at most [`ADDRESSES_MAX`]
//! addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::flow::words::ValueSeen;

/// The most addresses whose names are kept: the lowest ones.
const ADDRESSES_MAX: usize = 1 << 16;

/// The most bytes that are kept of a name.
const NAME_LEN_MAX: usize = 255;

/// The longest name of an AWS service. The longest that AWS documents has 31 bytes.
const SERVICE_LEN_MAX: usize = 40;

/// What a name is the name of, from the most exact to the least exact one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// A pod, `shop/cart-5d9f`.
    Pod,
    /// What runs the pods, `shop/cart`.
    Workload,
    /// A virtual machine.
    Machine,
    /// `pkt-src-aws-service` or `pkt-dst-aws-service`.
    AwsService,
}

/// The names of addresses, as far as records have them.
#[derive(Clone, Debug, Default)]
pub struct AddressNames(BTreeMap<IpAddr, NamesSeen>);

/// All that records call one address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct NamesSeen {
    /// Pod, workload and machine. Few logs have them.
    hosts: Option<Box<[ValueSeen; 3]>>,
    service: Option<Box<str>>,
}

impl AddressNames {
    /// Adds the name of an address in a record.
    pub fn meet(&mut self, address: IpAddr, kind: NameKind, name: &[u8]) {
        if kind == NameKind::AwsService {
            let Some(service) = service_name(name) else {
                return;
            };
            self.of(address).meet_service(service);
        } else {
            let name = String::from_utf8_lossy(name);
            let name = &name[..name.floor_char_boundary(NAME_LEN_MAX)];
            let hosts = self.of(address).hosts.get_or_insert_default();
            hosts[kind as usize].meet(name);
        }
        self.bound();
    }

    /// Adds the names in other records.
    pub fn append(&mut self, other: Self) {
        for (address, names) in other.0 {
            self.of(address).join(names);
        }
        self.bound();
    }

    fn of(&mut self, address: IpAddr) -> &mut NamesSeen {
        self.0.entry(address).or_default()
    }

    /// Drops the highest addresses beyond the limit. No record that is added later can bring one of
    /// them back among the lowest, so those that are left have all their names.
    fn bound(&mut self) {
        while self.0.len() > ADDRESSES_MAX {
            self.0.pop_last();
        }
    }

    /// Returns the machine, pod or workload at each address that has one such name, in order of the
    /// addresses. Of an address that several pods had, this is their workload or their machine.
    pub fn hosts(&self) -> impl Iterator<Item = (IpAddr, &str)> {
        let all = self.0.iter();
        all.filter_map(|(address, names)| Some((*address, names.host()?)))
    }

    /// Returns the AWS service of each address that has one, in order of the addresses.
    pub fn services(&self) -> impl Iterator<Item = (IpAddr, &str)> {
        let all = self.0.iter();
        all.filter_map(|(address, names)| Some((*address, names.service.as_deref()?)))
    }
}

impl NamesSeen {
    /// Keeps the most exact one of two services. AWS names one service of an address, but moves
    /// addresses between services.
    fn meet_service(&mut self, service: &str) {
        let is_better = |known: &str| preference(service) < preference(known);
        if self.service.as_deref().is_none_or(is_better) {
            self.service = Some(service.into());
        }
    }

    fn join(&mut self, other: Self) {
        if let Some(hosts) = other.hosts {
            let own = self.hosts.get_or_insert_default();
            for (own, other) in own.iter_mut().zip(hosts.iter()) {
                own.join(other);
            }
        }
        if let Some(service) = &other.service {
            self.meet_service(service);
        }
    }

    fn host(&self) -> Option<&str> {
        let hosts = self.hosts.iter().flat_map(|hosts| hosts.iter());
        let mut only = hosts.map(ValueSeen::only);
        only.find(|name| !name.is_empty())
    }
}

/// Returns the name of a service, if the text can be one.
fn service_name(text: &[u8]) -> Option<&str> {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_name = text.len() <= SERVICE_LEN_MAX && text.iter().all(is_letter);
    let name = str::from_utf8(text).ok().filter(|_| is_name);
    name.filter(|name| !name.is_empty())
}

/// Returns the order in which services are preferred. `AMAZON` is every address of AWS, and `EC2` every
/// address that an instance may have (AWS: "AWS IP address ranges").
fn preference(service: &str) -> (u8, &str) {
    match service {
        "AMAZON" => (2, service),
        "EC2" => (1, service),
        _ => (0, service),
    }
}

#[cfg(test)]
mod tests {
    use super::NameKind::{AwsService, Machine, Pod, Workload};
    use super::*;

    /// The names of 10.0.0.1 and its service, met in this order and, in parts, in the reverse one.
    #[track_caller]
    fn check(met: &[(NameKind, &str)], host: Option<&str>, service: Option<&str>) {
        let address: IpAddr = "10.0.0.1".parse().unwrap();
        let mut there = AddressNames::default();
        let mut back = AddressNames::default();
        for (kind, name) in met {
            there.meet(address, *kind, name.as_bytes());
        }
        for (kind, name) in met.iter().rev() {
            let mut part = AddressNames::default();
            part.meet(address, *kind, name.as_bytes());
            back.append(part);
        }
        for names in [there, back] {
            assert_eq!(names.hosts().next().map(|(_, name)| name), host);
            assert_eq!(names.services().next().map(|(_, name)| name), service);
        }
    }

    #[test]
    fn most_exact_name_of_a_host_is_used() {
        check(&[(Machine, "node-1")], Some("node-1"), None);
        let all = [
            (Machine, "node-1"),
            (Workload, "shop/cart"),
            (Pod, "shop/cart-5d9f"),
        ];
        check(&all, Some("shop/cart-5d9f"), None);
    }

    #[test]
    fn address_of_several_pods_has_the_name_of_their_workload() {
        let pods = [(Pod, "shop/cart-1"), (Pod, "shop/cart-2")];
        let of_workload = [pods[0], (Workload, "shop/cart"), pods[1]];
        check(&of_workload, Some("shop/cart"), None);
        check(&pods, None, None);
    }

    #[test]
    fn service_is_preferred_to_the_ranges_of_all_services() {
        let all = [(AwsService, "AMAZON"), (AwsService, "EC2")];
        check(&all, None, Some("EC2"));
        check(&[all[0], all[1], (AwsService, "S3")], None, Some("S3"));
        check(&[(AwsService, "AMAZON")], None, Some("AMAZON"));
        let two = [(AwsService, "ROUTE53"), (AwsService, "CLOUDFRONT")];
        check(&two, None, Some("CLOUDFRONT"));
    }

    #[test]
    fn text_that_is_no_name_of_a_service_is_none() {
        check(
            &[(AwsService, "a b"), (AwsService, "\u{1b}[2J")],
            None,
            None,
        );
        check(&[(AwsService, &"X".repeat(41))], None, None);
    }

    #[test]
    fn lowest_addresses_are_kept_whatever_their_order() {
        let address = |n: usize| IpAddr::from(u32::try_from(n).unwrap().to_be_bytes());
        let of = |numbers: &mut dyn Iterator<Item = usize>| {
            let mut names = AddressNames::default();
            numbers.for_each(|n| names.meet(address(n), AwsService, b"S3"));
            names
        };
        let there = of(&mut (0..ADDRESSES_MAX + 9));
        let mut back = of(&mut (5..ADDRESSES_MAX + 9).rev());
        back.append(of(&mut (0..5)));
        for names in [there, back] {
            assert_eq!(names.services().count(), ADDRESSES_MAX);
            let last = names.services().last().unwrap();
            assert_eq!(last.0, address(ADDRESSES_MAX - 1));
        }
    }
}
