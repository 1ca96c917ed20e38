//! The section header of a capture: its comment, the interfaces of the ENIs, and the names of their
//! addresses.

use crate::capture::{Interface, Section};
use crate::flow::{Eni, Enis};

/// Returns the section header of the capture.
pub(crate) fn section(enis: &Enis, single_interface: bool) -> Section {
    let comment = "Synthesized from flow logs by flow2pcap, not captured. Addresses, ports, packet \
                   and byte counts, flags and whole seconds are from the log; sequence numbers, sizes \
                   of single packets and times within a second are invented.";
    let interfaces = if single_interface {
        let name = "all ENIs".to_owned();
        vec![Interface {
            name,
            description: "the ENI is in the packet comments".into(),
            filter: None,
        }]
    } else {
        enis.iter().map(interface).collect()
    };
    let mut names: Vec<_> = enis
        .iter()
        .filter_map(|eni| {
            let names = [&eni.title, &eni.instance, &eni.name];
            let name = names.into_iter().find(|name| !name.is_empty());
            Some((eni.address?, name?))
        })
        .map(|(address, name)| (address, name.clone()))
        .collect();
    names.sort();
    names.dedup_by_key(|(address, _)| *address);
    Section {
        comment: comment.into(),
        application: concat!("flow2pcap ", env!("CARGO_PKG_VERSION")).into(),
        interfaces,
        names,
    }
}

fn interface(eni: &Eni) -> Interface {
    let facts = [
        ("instance", &eni.instance),
        ("type", &eni.kind),
        ("subnet", &eni.subnet),
        ("vpc", &eni.vpc),
        ("zone", &eni.zone),
        ("account", &eni.account),
        ("name", &eni.title),
    ];
    let known = facts.iter().filter(|(_, fact)| !fact.is_empty());
    let words: Vec<String> = known.map(|(name, fact)| format!("{name}={fact}")).collect();
    Interface {
        name: eni.name.clone(),
        description: words.join(" "),
        filter: None,
    }
}
