//! The section header of a capture: its comment, the interfaces of the ENIs, and the names of their
//! addresses.

use std::collections::BTreeMap;
use std::iter;

use crate::capture::{Interface, Section};
use crate::flow::{Eni, Enis, TagSeen};
use crate::record::TAGS;

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
            link: None,
        }]
    } else {
        enis.iter().map(interface).collect()
    };
    let mut tag_counts: BTreeMap<&str, usize> = BTreeMap::new();
    for eni in enis.iter() {
        *tag_counts.entry(eni.tag()).or_default() += 1;
    }
    // A tag that several ENIs have, such as a team or a stage, is the name of none of them.
    let has_own_tag = |eni: &Eni| !eni.tag().is_empty() && tag_counts[eni.tag()] == 1;
    let named = enis.iter().flat_map(|eni| {
        let name = match &eni.instance[..] {
            _ if !eni.title.is_empty() => &eni.title,
            _ if has_own_tag(eni) => eni.tag(),
            "" => &eni.name,
            instance => instance,
        };
        // The first one is IPv6 too where the ENI has only that.
        let own = [
            eni.address,
            eni.v6_address.filter(|v6| eni.address != Some(*v6)),
        ];
        own.into_iter()
            .flatten()
            .map(|address| (address, name.to_owned()))
    });
    let mut names: Vec<_> = named.collect();
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
    let words = known.map(|(name, fact)| format!("{name}={fact}"));
    let tags = TAGS.iter().zip(&eni.tags);
    let tags = tags.filter_map(|(field, seen)| match seen {
        TagSeen::One(value) => Some(format!("{field}=\"{value}\"")),
        TagSeen::None | TagSeen::Several => None,
    });
    // First the ENI: some windows of Wireshark show the description only, in a narrow column.
    let words: Vec<String> = iter::once(eni.name.clone())
        .chain(words)
        .chain(tags)
        .collect();
    Interface {
        name: eni.name.clone(),
        description: words.join(" "),
        filter: None,
        link: None,
    }
}
