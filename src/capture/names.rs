//! Name Resolution Blocks: the names of addresses.
//!
//! Wireshark shows these names if network name resolution is on. It reads one name per address (4.0
//! shows the last of several, 4.4 the first) and, in one pass, only names that come before the
//! packet.

use std::{borrow::Cow, collections::HashSet, net::IpAddr};

use pcap_file::pcapng::{
    Block, PcapNgBlock,
    blocks::name_resolution::{Ipv4Record, Ipv6Record, NameResolutionBlock, Record},
};

use super::line;

/// Returns the blocks for `names`; none if there are no names to write.
///
/// The first name of an address is used. A name ends at its first NUL, which would end it in the
/// block, and is cut to [`NAME_LEN_MAX`] bytes.
pub(super) fn blocks(names: &[(IpAddr, String)]) -> Vec<Block<'_>> {
    let mut seen = HashSet::new();
    let records: Vec<_> = names
        .iter()
        .filter_map(|(address, name)| Some((*address, shown(name)?)))
        .filter(|(address, _)| seen.insert(*address))
        .map(|(address, name)| record(address, name))
        .collect();
    records
        .chunks(RECORD_COUNT_MAX)
        .map(|records| {
            NameResolutionBlock {
                records: records.to_vec(),
                options: Vec::new(),
            }
            .into_block()
        })
        .collect()
}

/// Returns the part of a name that can be written; `None` if that is empty.
fn shown(name: &str) -> Option<Cow<'_, str>> {
    let name = name.split('\0').next().unwrap_or(name);
    Some(line(name, NAME_LEN_MAX)).filter(|name| !name.is_empty())
}

fn record<'a>(address: IpAddr, name: Cow<'a, str>) -> Record<'a> {
    let names = vec![name];
    match address {
        IpAddr::V4(ip_addr) => Record::Ipv4(Ipv4Record { ip_addr, names }),
        IpAddr::V6(ip_addr) => Record::Ipv6(Ipv6Record { ip_addr, names }),
    }
}

/// The number of bytes of a name that Wireshark keeps; it would cut a longer name inside a
/// character.
const NAME_LEN_MAX: usize = 63;

/// Keeps a block below 1 MiB. Wireshark refuses a block of 16 MiB.
const RECORD_COUNT_MAX: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[(&str, &str)], expected: &[(&str, &str)]) {
        let names: Vec<_> = names
            .iter()
            .map(|(ip, name)| (ip.parse().unwrap(), (*name).to_owned()))
            .collect();
        let written: Vec<_> = blocks(&names)
            .iter()
            .flat_map(|block| match block {
                Block::NameResolution(block) => block.records.clone(),
                other => panic!("not a name resolution block: {other:?}"),
            })
            .map(|record| match record {
                Record::Ipv4(r) => (r.ip_addr.to_string(), r.names.join("+")),
                Record::Ipv6(r) => (r.ip_addr.to_string(), r.names.join("+")),
                other => panic!("not a name: {other:?}"),
            })
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(ip, name)| ((*ip).to_owned(), (*name).to_owned()))
            .collect();
        assert_eq!(written, expected);
    }

    #[test]
    fn no_names_give_no_block() {
        assert!(blocks(&[]).is_empty());
    }

    #[test]
    fn both_families_are_written_in_order() {
        let names = [("10.0.0.1", "web"), ("2001:db8::1", "db")];
        check(&names, &names);
    }

    #[test]
    fn second_name_of_an_address_is_dropped() {
        check(
            &[("10.0.0.1", "web"), ("10.0.0.1", "other")],
            &[("10.0.0.1", "web")],
        );
    }

    #[test]
    fn empty_name_is_replaced_by_a_later_one() {
        check(
            &[
                ("10.0.0.1", ""),
                ("10.0.0.1", "\0x"),
                ("10.0.0.1", "web\0x"),
            ],
            &[("10.0.0.1", "web")],
        );
    }

    #[test]
    fn control_characters_in_a_name_are_escaped() {
        check(
            &[("10.0.0.1", "a\x1b[2J\n")],
            &[("10.0.0.1", "a\\u{1b}[2J\\n")],
        );
    }

    #[test]
    fn long_name_is_cut_at_a_character() {
        let long = format!("{}é", "x".repeat(62));
        check(&[("10.0.0.1", &long)], &[("10.0.0.1", &"x".repeat(62))]);
    }

    #[test]
    fn many_names_are_divided_into_blocks() {
        let names: Vec<_> = (0..20_000u32)
            .map(|i| (IpAddr::from(i.to_be_bytes()), format!("host-{i}")))
            .collect();
        assert_eq!(blocks(&names).len(), 3);
    }
}
