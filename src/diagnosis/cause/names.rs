//! Names of ENIs, hosts and services for texts, with what the log says of their role.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom};
use crate::flow::{EniIndex, TCP, UDP, is_private};
use crate::names::service_at;
use crate::printable::cut;

/// The longest name in a sentence, in characters.
pub(super) const NAME_MAX: usize = 200;

/// The most names in a sentence; more are only counted.
const SAID_MAX: usize = 3;

/// The most names of one kind that a finding lists.
pub(super) const LISTED_MAX: usize = 12;

/// Names a source: its address, or `internet` for any source outside.
pub(super) fn source(address: Option<IpAddr>) -> String {
    address.map_or_else(|| "internet".to_owned(), |address| address.to_string())
}

/// Names a port and its well-known service.
pub(super) fn port(port: u16, protocol: u8) -> String {
    let name = match protocol {
        TCP => "TCP",
        UDP => "UDP",
        1 | 58 => return "ICMP".to_owned(),
        other => return format!("protocol {other}"),
    };
    service_at(port).map_or_else(
        || format!("{name} {port}"),
        |service| format!("{name} {port} ({})", service.title),
    )
}

/// Names the ports of these entries.
pub(super) fn ports(entries: &[PathSymptom<'_>]) -> String {
    let all: BTreeSet<(u8, u16)> = entries
        .iter()
        .map(|e| (e.path.protocol, e.path.port))
        .collect();
    few(
        all.iter()
            .map(|(protocol, number)| port(*number, *protocol)),
        "ports",
    )
}

/// Names the targets of these entries.
pub(super) fn targets(entries: &[PathSymptom<'_>]) -> String {
    let all: BTreeSet<IpAddr> = entries.iter().map(|e| e.path.target).collect();
    few(all.iter().map(IpAddr::to_string), "hosts")
}

/// Names the sources of these entries.
pub(super) fn sources(entries: &[PathSymptom<'_>]) -> String {
    let all: BTreeSet<Option<IpAddr>> = entries.iter().map(|e| e.path.source).collect();
    let name = |address: &Option<IpAddr>| {
        address.map_or_else(|| "the internet".to_owned(), |a| a.to_string())
    };
    few(all.iter().map(name), "sources")
}

/// Who tries to reach what, for titles.
pub(super) struct PathNames {
    /// The sources, at the beginning of a sentence.
    pub(super) who: String,
    /// The sources, within a sentence.
    pub(super) who_in_sentence: String,
    /// The targets and the ports.
    pub(super) what: String,
}

/// Names the sources, targets and ports of these entries.
pub(super) fn path(entries: &[PathSymptom<'_>]) -> PathNames {
    let who_in_sentence = sources(entries);
    let who = match who_in_sentence.strip_prefix("the ") {
        Some(rest) => format!("The {rest}"),
        None => who_in_sentence.clone(),
    };
    PathNames {
        who,
        who_in_sentence,
        what: format!("{} on {}", targets(entries), ports(entries)),
    }
}

/// Names an ENI, with its type, and with its tag or its instance.
pub(super) fn eni(attempts: &AttemptIndex<'_>, index: EniIndex) -> String {
    let eni = attempts.enis.get(index);
    let [name, instance] = [&eni.name, &eni.instance].map(|text| cut(text, NAME_MAX));
    let kind = device(&eni.kind);
    let tag = match &eni.title[..] {
        "" => eni.tag(),
        title => title,
    };
    let tag = cut(tag, NAME_MAX);
    match (&*kind, &*tag, &*instance) {
        ("", "", "") => name.into_owned(),
        ("", "", fact) | ("", fact, _) | (fact, "", _) => format!("{name} ({fact})"),
        (kind, tag, _) => format!("{name} ({kind}, {tag})"),
    }
}

/// Names a type of ENI as AWS writes it in text.
pub(super) fn device(kind: &str) -> String {
    let known = match kind {
        "nat_gateway" => "NAT gateway",
        "regional_nat_gateway" => "regional NAT gateway",
        "network_load_balancer" => "Network Load Balancer",
        "gateway_load_balancer" => "Gateway Load Balancer",
        "gateway_load_balancer_endpoint" => "Gateway Load Balancer endpoint",
        "transit_gateway" => "Transit Gateway attachment",
        "vpc_endpoint" => "VPC endpoint",
        other => return cut(other, NAME_MAX).replace('_', " "),
    };
    known.to_owned()
}

/// Names several ENIs.
pub(super) fn enis(attempts: &AttemptIndex<'_>, all: &BTreeSet<EniIndex>) -> String {
    few(all.iter().map(|index| eni(attempts, *index)), "ENIs")
}

/// Names the subnet of an ENI, or the ENI itself where no record has the subnet.
pub(super) fn subnet(attempts: &AttemptIndex<'_>, index: EniIndex) -> String {
    match attempts.subnet(index) {
        "" => format!("the subnet of {}", eni(attempts, index)),
        subnet => cut(subnet, NAME_MAX).into_owned(),
    }
}

/// Returns the kind of connection, where the log shows it: load balancer to target, application to
/// database, or subnet to internet.
pub(super) fn relation(
    attempts: &AttemptIndex<'_>,
    entries: &[PathSymptom<'_>],
) -> Option<&'static str> {
    let all = |is: &dyn Fn(&PathSymptom<'_>) -> bool| entries.iter().all(is);
    let is_database = |entry: &PathSymptom<'_>| {
        service_at(entry.path.port).is_some_and(|service| service.is_database)
    };
    let is_balancer = |entry: &PathSymptom<'_>| {
        entry
            .path
            .source_eni
            .is_some_and(|eni| attempts.enis.get(eni).kind == "network_load_balancer")
    };
    if all(&is_balancer) {
        Some("load balancer to target")
    } else if all(&is_database) {
        Some("application to database")
    } else if all(&|entry| entry.path.source.is_some() && !is_private(entry.path.target)) {
        Some("subnet to internet")
    } else {
        None
    }
}

/// Formats the kind of connection for the end of a title.
pub(super) fn related(attempts: &AttemptIndex<'_>, entries: &[PathSymptom<'_>]) -> String {
    relation(attempts, entries).map_or_else(String::new, |relation| format!(" ({relation})"))
}

/// Lists a few names, or counts them if there are more.
pub(super) fn few(names: impl ExactSizeIterator<Item = String>, what: &str) -> String {
    let count = names.len();
    if count > SAID_MAX {
        return format!("{count} {what}");
    }
    names.collect::<Vec<_>>().join(", ")
}

/// Formats a count and its noun: `1 port`, `2 ports`.
pub(super) fn counted(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// Returns the first names in order, as a finding lists them.
pub(super) fn listed(names: impl Iterator<Item = String>) -> BTreeSet<String> {
    let all: BTreeSet<String> = names.collect();
    all.into_iter().take(LISTED_MAX).collect()
}
