//! The section header of a capture: its comment, the interfaces of the ENIs, and the names of their
//! addresses.

use std::iter;
use std::net::IpAddr;

use crate::capture::{Interface, Section};
use crate::flow::{ECS, Eni, Enis};
use crate::record::TAGS;

/// Returns the section header of the capture; of several names of an address the first is used.
pub(crate) fn section(
    enis: &Enis,
    names: Vec<(IpAddr, String)>,
    single_interface: bool,
) -> Section {
    let comment = "Synthesized from flow logs by flow2pcap, not captured. Addresses, ports, packet \
                   and byte counts, flags and whole seconds are from the log; sequence numbers, sizes \
                   of single packets and times within a second are invented.";
    let interfaces = if single_interface {
        let name = "all ENIs".to_owned();
        vec![Interface {
            name,
            description: "the ENI is in the packet comments".into(),
            filter: None,
            link: None,
        }]
    } else {
        enis.iter().map(interface).collect()
    };
    Section {
        comment: comment.into(),
        application: concat!("flow2pcap ", env!("CARGO_PKG_VERSION")).into(),
        interfaces,
        names,
    }
}

fn interface(eni: &Eni) -> Interface {
    // A resource in the place of an ENI is its name.
    let is_name = eni.resource == eni.name;
    let resource = if is_name {
        &String::new()
    } else {
        &eni.resource
    };
    let facts = [
        ("instance", &eni.instance),
        ("type", &eni.kind),
        ("subnet", &eni.subnet),
        ("vpc", &eni.vpc),
        ("zone", &eni.zone),
        ("account", &eni.account),
        ("resource", resource),
        ("name", &eni.title),
    ];
    let known = facts.iter().filter(|(_, fact)| !fact.is_empty());
    let words = known.map(|(name, fact)| format!("{name}={fact}"));
    let task = ECS.iter().zip(&eni.ecs);
    let named = task.chain(TAGS.iter().zip(&eni.tags));
    let named = named.map(|(field, seen)| (field, seen.only()));
    let named = named.filter(|(_, value)| !value.is_empty());
    let named = named.map(|(field, value)| format!("{field}=\"{value}\""));
    // First the ENI: some windows of Wireshark show the description only, in a narrow column.
    let words: Vec<String> = iter::once(eni.name.clone())
        .chain(words)
        .chain(named)
        .collect();
    Interface {
        name: eni.name.clone(),
        description: words.join(" "),
        filter: None,
        link: None,
    }
}
