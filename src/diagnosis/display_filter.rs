//! The Wireshark display filter that shows a finding in the capture of the same archive.
//!
//! Written for captures as `convert` writes them: each rejected packet has a comment with
//! `action=REJECT` if the ENI whose records are used rejected it, and with `rejected-at=` if
//! another ENI did.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::flow::{TCP, UDP};

/// The most addresses or ports in a filter; if there are more, the filter leaves them out.
const SPELT_MAX: usize = 8;

/// Rejected packets, by their comments.
const REJECTED: &str =
    "(frame.comment contains \"action=REJECT\" || frame.comment contains \"rejected-at=\")";

/// The same packets, by the fields that the script of `flow2pcap wireshark install` makes of comments.
const REJECTED_BY_FIELDS: &str = "(flowlog.action == \"REJECT\" || flowlog.rejected_at)";

/// The packets of the attempts to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// Rejected packets.
    Rejected,
    /// SYNs and SYN-ACKs.
    Handshakes,
    /// RSTs.
    Resets,
    /// All packets.
    All,
}

/// Returns a display filter for the packets between any of `hosts` and services on any of `ports`.
pub(super) fn display_filter(
    hosts: &BTreeSet<IpAddr>,
    ports: &BTreeSet<u16>,
    protocols: &BTreeSet<u8>,
    shows: Shows,
) -> String {
    let is_tcp = protocols.iter().all(|protocol| *protocol == TCP);
    let mut terms = Vec::new();
    let addresses = hosts.iter().map(|host| match host {
        IpAddr::V4(v4) => format!("ip.addr == {v4}"),
        IpAddr::V6(v6) => format!("ipv6.addr == {v6}"),
    });
    terms.extend(any(addresses.collect()));
    let names: Vec<&str> = [(TCP, "tcp"), (UDP, "udp")]
        .iter()
        .filter(|(number, _)| protocols.contains(number))
        .map(|(_, name)| *name)
        .collect();
    if names.len() == protocols.len() && !ports.contains(&0) {
        let equal = ports
            .iter()
            .flat_map(|port| names.iter().map(move |n| format!("{n}.port == {port}")));
        terms.extend(any(equal.collect()));
    }
    let what = match shows {
        Shows::Rejected => Some(REJECTED),
        Shows::Handshakes if is_tcp => Some("tcp.flags.syn == 1"),
        Shows::Resets if is_tcp => Some("tcp.flags.reset == 1"),
        _ => None,
    };
    terms.extend(what.map(str::to_owned));
    if terms.is_empty() {
        return "frame".to_owned();
    }
    terms.join(" && ")
}

/// Returns the shorter form of a filter for a Wireshark with the script of `flow2pcap wireshark install`;
/// `None` if the filter asks for nothing that is in comments.
pub(super) fn field_filter(display_filter: &str) -> Option<String> {
    let has_short = display_filter.contains(REJECTED);
    has_short.then(|| display_filter.replace(REJECTED, REJECTED_BY_FIELDS))
}

/// Joins terms with `||`; `None` if there are none or too many.
fn any(terms: Vec<String>) -> Option<String> {
    match terms.len() {
        0 => None,
        1 => terms.into_iter().next(),
        n if n <= SPELT_MAX => Some(format!("({})", terms.join(" || "))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(hosts: &[&str], ports: &[u16], protocols: &[u8], shows: Shows, expected: &str) {
        let hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
        let (ports, protocols) = (
            ports.iter().copied().collect(),
            protocols.iter().copied().collect(),
        );
        assert_eq!(display_filter(&hosts, &ports, &protocols, shows), expected);
    }

    #[test]
    fn filter_names_hosts_ports_and_what_to_see() {
        check(
            &["10.0.0.5"],
            &[443],
            &[6],
            Shows::Resets,
            "ip.addr == 10.0.0.5 && tcp.port == 443 && tcp.flags.reset == 1",
        );
        check(
            &["10.0.0.5", "fd00::5"],
            &[53],
            &[6, 17],
            Shows::All,
            "(ip.addr == 10.0.0.5 || ipv6.addr == fd00::5) && (tcp.port == 53 || udp.port == 53)",
        );
    }

    #[test]
    fn filter_for_comments_has_a_shorter_form_with_fields() {
        let hosts = BTreeSet::from(["10.0.0.5".parse().unwrap()]);
        let of =
            |shows| display_filter(&hosts, &BTreeSet::from([22]), &BTreeSet::from([TCP]), shows);
        let short = field_filter(&of(Shows::Rejected)).unwrap();
        assert_eq!(
            short,
            "ip.addr == 10.0.0.5 && tcp.port == 22 && \
             (flowlog.action == \"REJECT\" || flowlog.rejected_at)"
        );
        for shows in [Shows::Handshakes, Shows::Resets, Shows::All] {
            assert_eq!(field_filter(&of(shows)), None, "{shows:?}");
        }
    }

    #[test]
    fn other_protocols_have_no_flags_and_icmp_has_no_ports() {
        check(
            &["10.0.0.5"],
            &[0],
            &[1],
            Shows::Handshakes,
            "ip.addr == 10.0.0.5",
        );
        check(&[], &[0], &[1], Shows::All, "frame");
    }

    #[test]
    fn filter_leaves_out_ports_if_there_are_too_many() {
        let ports: Vec<u16> = (1..20).collect();
        check(
            &["10.0.0.5"],
            &ports,
            &[6],
            Shows::Handshakes,
            "ip.addr == 10.0.0.5 && tcp.flags.syn == 1",
        );
    }
}
