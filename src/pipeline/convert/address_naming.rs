//! The names of addresses in a capture, and which one an address has if several are known.
//!
//! From the best to the weakest: the pod or machine that a record names, the ENI of the log that has the
//! address, the interface of the configuration that has it, the name in the DNS query whose answer has
//! it, and the AWS service that a record names. Names of ENIs are always written, like their interfaces; the
//! others only if the address is in a packet.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::configuration::{Configuration, NetworkInterface, Situation};
use crate::flow::{AddressNames, Eni, Enis};
use crate::pipeline::settling::seen_addresses::SeenAddresses;

/// The longest name that is written whole, in bytes; the capture cuts longer ones.
const NAME_LEN_MAX: usize = 63;

/// Names of addresses, best first: the first name of an address is used.
type Names = Vec<(IpAddr, String)>;

/// The names that are known of addresses.
pub(crate) struct AddressNaming {
    /// What records call the host at an address.
    hosts: Names,
    /// The addresses of ENIs of the log.
    enis: Names,
    /// The other addresses of the configuration.
    configured: Names,
    /// AWS services.
    services: Names,
    /// Which of these are in packets.
    pub(crate) seen: SeenAddresses,
}

impl AddressNaming {
    /// Collects the names. `now_ns` is the instant of the configuration, nanoseconds since the Unix
    /// epoch.
    pub(crate) fn of(
        enis: &Enis,
        configuration: &Configuration,
        records: &AddressNames,
        now_ns: i64,
    ) -> Self {
        let own = |(address, name): (IpAddr, &str)| (address, name.to_owned());
        let hosts: Names = records.hosts().map(own).collect();
        let configured = configured(enis, configuration.at(now_ns));
        let services = records.services();
        let services: Names = services
            .map(|(address, service)| (address, service_name(service, address)))
            .collect();
        let sought = hosts.iter().chain(&configured).chain(&services);
        Self {
            seen: SeenAddresses::of(sought.map(|(address, _)| *address)),
            enis: eni_names(enis),
            hosts,
            configured,
            services,
        }
    }

    /// Returns the names that precede those of DNS answers.
    pub(crate) fn before_answers(&mut self) -> Names {
        let mut names = self.seen_of(|naming| &mut naming.hosts);
        names.append(&mut self.enis);
        names.extend(self.seen_of(|naming| &mut naming.configured));
        names
    }

    /// Returns the names that follow those of DNS answers.
    pub(crate) fn after_answers(&mut self) -> Names {
        self.seen_of(|naming| &mut naming.services)
    }

    fn seen_of(&mut self, of: impl Fn(&mut Self) -> &mut Names) -> Names {
        let mut names = std::mem::take(of(self));
        names.retain(|(address, _)| self.seen.contains(*address));
        names
    }
}

/// Names a service. Many addresses of it may be in one capture, so its name has the address too, as
/// Wireshark's names of hardware addresses have.
fn service_name(service: &str, address: IpAddr) -> String {
    let whole = format!("{service} {address}");
    match whole.len() <= NAME_LEN_MAX {
        true => whole,
        // Half an address would be another one.
        false => service.to_owned(),
    }
}

/// Returns what each ENI is called: what a person calls it, its tag if no other ENI has the same one,
/// its instance, its ECS task, or its own name.
fn names_of(enis: &Enis) -> Vec<Cow<'_, str>> {
    let mut tag_counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut service_counts: BTreeMap<&str, usize> = BTreeMap::new();
    for eni in enis.iter() {
        *tag_counts.entry(eni.tag()).or_default() += 1;
        let [_, service, _] = eni.ecs_task();
        *service_counts.entry(service).or_default() += 1;
    }
    // A tag that several ENIs have, such as a team or a stage, is the name of none of them.
    let has_own_tag = |eni: &Eni| !eni.tag().is_empty() && tag_counts[eni.tag()] == 1;
    let names = enis.iter().map(|eni| match &eni.instance[..] {
        _ if !eni.title.is_empty() => Cow::from(&eni.title),
        _ if has_own_tag(eni) => eni.tag().into(),
        "" => ecs_name(eni, &service_counts).unwrap_or_else(|| Cow::from(&eni.name)),
        instance => instance.into(),
    });
    names.collect()
}

/// Returns the name of the ECS task that an ENI belongs to: its service, and its id if the service has
/// several ENIs. `service_counts` has the ENIs of each name of a service, in any cluster.
fn ecs_name<'a>(eni: &'a Eni, service_counts: &BTreeMap<&str, usize>) -> Option<Cow<'a, str>> {
    match eni.ecs_task() {
        [_, "", ""] => None,
        [_, service, _] if !service.is_empty() && service_counts[service] == 1 => {
            Some(service.into())
        }
        // Several ENIs of a service, and no id by which they differ.
        [_, _, ""] => None,
        // A task that was started without a service.
        [cluster, "", task] if !cluster.is_empty() => Some(format!("{cluster}/{task}").into()),
        [_, "", task] => Some(task.into()),
        [_, service, task] => Some(format!("{service}/{task}").into()),
    }
}

/// Returns the names of the ENIs' own addresses, in order of the addresses.
fn eni_names(enis: &Enis) -> Names {
    // By address: the names of the ENIs that may have it, after whether records with a direction
    // show that.
    let mut claims: BTreeMap<IpAddr, BTreeSet<(bool, &str)>> = BTreeMap::new();
    let called = names_of(enis);
    for (eni, name) in enis.iter().zip(&called) {
        if forwards(eni) {
            continue;
        }
        let shown = [eni.address, eni.v6_address];
        let shown = || shown.iter().flatten();
        for address in eni.addresses() {
            let is_guess = !shown().any(|own| *own == address);
            // What all records have in common is no second address.
            if is_guess && shown().any(|own| own.is_ipv4() == address.is_ipv4()) {
                continue;
            }
            claims.entry(address).or_default().insert((is_guess, name));
        }
    }
    let names = claims.into_iter().filter_map(|(address, claims)| {
        let (is_guess, name) = claims.first()?;
        // An address that is in all records of two ENIs is the other end of one of them.
        (!is_guess || claims.len() == 1).then(|| (address, (*name).to_owned()))
    });
    names.collect()
}

/// Whether an ENI passes on the packets of others, whose addresses its records have as its own: a
/// Transit Gateway attachment, or a VPN tunnel or an attachment of Cloud Interconnect.
fn forwards(eni: &Eni) -> bool {
    eni.name.starts_with("tgw-attach-")
        || ["VPN_TUNNEL", "INTERCONNECT_ATTACHMENT"].contains(&&*eni.kind)
}

/// Returns the names of all addresses of the interfaces in the configuration, in order of the
/// addresses. An address of several interfaces has a name only if one of them is in a VPC of the
/// log, or if all have the same name.
fn configured(enis: &Enis, now: Situation<'_>) -> Names {
    let vpcs: BTreeSet<&str> = enis.iter().map(|eni| &*eni.vpc).collect();
    let called = names_of(enis);
    let own = enis.iter().zip(&called);
    let own: BTreeMap<&str, &str> = own.map(|(eni, name)| (&*eni.name, &**name)).collect();
    let mut claims: BTreeMap<IpAddr, BTreeSet<(bool, String)>> = BTreeMap::new();
    for interface in now.interfaces() {
        let known = own.get(&*interface.id).copied().map(str::to_owned);
        let name = known.unwrap_or_else(|| interface_name(now, interface));
        let is_elsewhere = !vpcs.contains(&*interface.vpc);
        for address in interface.addresses.iter().chain(&interface.public) {
            let of_address = claims.entry(*address).or_default();
            of_address.insert((is_elsewhere, name.clone()));
        }
    }
    let names = claims.into_iter().filter_map(|(address, claims)| {
        let near = claims.iter().filter(|(is_elsewhere, _)| !is_elsewhere);
        let near: BTreeSet<&str> = near.map(|(_, name)| &**name).collect();
        let all: BTreeSet<&str> = claims.iter().map(|(_, name)| &**name).collect();
        let chosen = if near.is_empty() { all } else { near };
        match chosen.len() {
            1 => Some((address, (*chosen.first()?).to_owned())),
            _ => None,
        }
    });
    names.collect()
}

/// Names an interface that is in no record.
fn interface_name(now: Situation<'_>, interface: &NetworkInterface) -> String {
    let title = now.title(interface);
    match &interface.instance[..] {
        _ if !title.is_empty() => title,
        "" => interface.id.clone(),
        instance => instance.to_owned(),
    }
}

#[cfg(test)]
mod tests;
