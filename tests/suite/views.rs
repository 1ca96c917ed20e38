//! One truth from several ENIs: the same packets, logged by each with its own addresses, its own
//! clock and its own intervals, and delivered twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use testkit::pcapng::packet::{Tuple, headers, sums};

use crate::support::story::tell;
use crate::support::tshark::{Tshark, tshark};
use crate::support::{Converted, run};

/// A connection's interval at one ENI: first and last second, packets each way, flags each way.
type Interval = (i64, i64, u64, u64, u8, u8);

/// Three minutes of one connection in intervals that begin with it.
const WHOLE: [Interval; 3] = [
    (100, 159, 20, 22, 2, 18),
    (160, 219, 20, 22, 0, 0),
    (220, 279, 20, 22, 1, 1),
];

/// The same packets in intervals that begin 17 s earlier, so that no two records agree.
const SHIFTED: [Interval; 4] = [
    (100, 142, 14, 15, 2, 18),
    (143, 202, 20, 22, 0, 0),
    (203, 262, 20, 22, 0, 0),
    (263, 279, 6, 7, 1, 1),
];

/// Records of both ways of a connection at `eni`, whose clock is `ahead` seconds ahead;
/// `there` and `back` are direction and addresses, ports included.
fn seen(eni: &str, ahead: i64, intervals: &[Interval], there: &str, back: &str) -> Vec<String> {
    let records = intervals
        .iter()
        .flat_map(|(start, end, up, down, up_flags, down_flags)| {
            let (start, end) = (start + ahead, end + ahead);
            let (up_bytes, down_bytes) = (up * 150, down * 900);
            [
                format!("{eni} {there} {up} {up_bytes} {start} {end} ACCEPT {up_flags}"),
                format!("{eni} {back} {down} {down_bytes} {start} {end} ACCEPT {down_flags}"),
            ]
        });
    records.collect()
}

/// An instance behind a NAT gateway: what the instance's ENI and the gateway's log of one
/// connection to 198.51.100.7. The gateway is 10.0.0.9, its clock `ahead` of the instance's.
fn nat_gateway(ahead: i64) -> Vec<String> {
    let instance = seen(
        "eni-instance",
        0,
        &WHOLE,
        "egress 10.0.1.5 198.51.100.7 40000 443",
        "ingress 198.51.100.7 10.0.1.5 443 40000",
    );
    let inside = seen(
        "eni-gateway",
        ahead,
        &SHIFTED,
        "ingress 10.0.1.5 10.0.0.9(198.51.100.7) 40000 443",
        "egress 10.0.0.9(198.51.100.7) 10.0.1.5 443 40000",
    );
    let outside = seen(
        "eni-gateway",
        ahead,
        &SHIFTED,
        "egress 10.0.0.9 198.51.100.7 5555 443",
        "ingress 198.51.100.7 10.0.0.9 443 5555",
    );
    [instance, inside, outside].concat()
}

/// Two peers, both with an ENI that is logged; the second's clock is `ahead`.
fn peers(ahead: i64) -> Vec<String> {
    let (there, back) = ("10.0.1.5 10.0.2.9 40000 443", "10.0.2.9 10.0.1.5 443 40000");
    let at = |eni, ahead, intervals: &[Interval], out: &str, into: &str| {
        let (there, back) = (format!("{out} {there}"), format!("{into} {back}"));
        seen(eni, ahead, intervals, &there, &back)
    };
    let first = at("eni-first", 0, &WHOLE, "egress", "ingress");
    [
        first,
        at("eni-second", ahead, &SHIFTED, "ingress", "egress"),
    ]
    .concat()
}

/// A load balancer that takes a request of 198.51.100.7 and passes it to a target.
fn load_balancer() -> Vec<String> {
    let once = [(100, 103, 12, 11, 3, 19)];
    let (there, back) = (
        "10.0.0.8 10.0.3.4 33000 8080",
        "10.0.3.4 10.0.0.8 8080 33000",
    );
    let front = seen(
        "eni-balancer",
        0,
        &once,
        "ingress 198.51.100.7 10.0.0.8 50000 443",
        "egress 10.0.0.8 198.51.100.7 443 50000",
    );
    let (out, into) = (format!("egress {there}"), format!("ingress {back}"));
    let rear = seen("eni-balancer", 0, &once, &out, &into);
    let (into, out) = (format!("ingress {there}"), format!("egress {back}"));
    [front, rear, seen("eni-target", 2, &once, &into, &out)].concat()
}

/// Packets of each directed five-tuple, wherever they were told.
fn packets(converted: &Converted) -> BTreeMap<Tuple, u64> {
    let mut packets = BTreeMap::new();
    for ((_, tuple), (count, _)) in sums(&converted.capture()) {
        *packets.entry(tuple).or_default() += count;
    }
    packets
}

/// Tells `records` once, and once with each delivered twice; each of `connections` connections
/// must have every packet exactly once, and Wireshark must find nothing wrong.
#[track_caller]
fn check_once(records: &[String], connections: u64, each: [u64; 2]) {
    for detail in ["exact", "compact"] {
        let converted = tell(records, &["--detail", detail]);
        assert_eq!(
            converted.count("/connections/by_outcome/complete"),
            connections
        );
        let found = packets(&converted);
        assert_eq!(found.len() as u64, 2 * connections);
        for (tuple, count) in found {
            let expected = each[usize::from(tuple.source.1 < tuple.destination.1)];
            assert_eq!(count, expected, "{tuple:?}");
        }
        let twice = [records, records].concat();
        let again = tell(&twice, &["--detail", detail]);
        assert_eq!(again.count("/records/duplicates"), records.len() as u64);
        assert_eq!(again.capture(), converted.capture());
        if let Some(tshark) = tshark() {
            assert_eq!(tshark.count(converted.path(), "tcp.analysis.flags"), 0);
        }
    }
}

#[test]
fn peers_with_other_clocks_and_intervals_tell_each_packet_once() {
    for ahead in -2..=2 {
        check_once(&peers(ahead), 1, [60, 66]);
    }
}

#[test]
fn nat_gateway_is_two_connections_and_tells_each_packet_once() {
    for ahead in [-2, 1] {
        check_once(&nat_gateway(ahead), 2, [60, 66]);
    }
}

#[test]
fn load_balancer_is_two_connections_and_tells_each_packet_once() {
    check_once(&load_balancer(), 2, [12, 11]);
}

#[test]
fn addresses_of_the_gateway_are_shown_where_asked_for() {
    let hosts = |addresses| {
        let converted = tell(&nat_gateway(1), &["--addresses", addresses]);
        if let Some(tshark) = tshark() {
            assert_eq!(tshark.count(converted.path(), "tcp.analysis.flags"), 0);
        }
        let capture = converted.capture();
        let tuples = capture.packets.iter().map(|p| headers(p).tuple);
        let ends = tuples.map(|t| (t.source.0.to_string(), t.destination.0.to_string()));
        ends.collect::<BTreeSet<_>>()
    };
    let way = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let (packet, interface) = (hosts("packet"), hosts("interface"));
    // The instance spoke to the far host, and its packets passed the gateway's own address.
    assert!(packet.contains(&way("10.0.1.5", "198.51.100.7")));
    assert!(!packet.contains(&way("10.0.1.5", "10.0.0.9")));
    assert!(interface.contains(&way("10.0.1.5", "10.0.0.9")));
    assert!(interface.contains(&way("10.0.0.9", "10.0.1.5")));
}

#[test]
fn interval_missing_at_one_peer_is_filled_from_the_other() {
    for ahead in [-2, 2] {
        let all = peers(ahead);
        let lost = |i: usize| i == 2 || i == 3; // the first ENI's second interval, both ways
        let records = all.iter().enumerate().filter(|(i, _)| !lost(*i));
        let records: Vec<&String> = records.map(|(_, record)| record).collect();
        let converted = tell(&records, &["--detail", "exact"]);
        assert_eq!(converted.count("/connections/by_outcome/complete"), 1);
        let Some(tshark) = tshark() else { return };
        assert_eq!(tshark.count(converted.path(), "tcp.analysis.flags"), 0);
    }
}

/// What Wireshark's analysis flags in the packets of one interface, saved to a file of their own
/// as docs/convert.md says.
fn flags_of_view(tshark: Tshark, capture: &Path, eni: &str) -> (usize, usize) {
    let view = capture.with_file_name(format!("{eni}.pcapng"));
    let filter = format!("frame.interface_name == \"{eni}\"");
    let mut command = Command::new("tshark");
    command.arg("-r").arg(capture).args(["-Y", &filter, "-w"]);
    assert!(command.arg(&view).output().unwrap().status.success());
    let count = |filter| tshark.count(&view, filter);
    (count("tcp"), count("tcp.analysis.flags"))
}

#[test]
fn vantage_all_shows_every_view_and_each_alone_is_clean() {
    let Some(tshark) = tshark() else { return };
    for (records, views) in [
        (peers(2), [("eni-first", 126), ("eni-second", 126)]),
        (
            nat_gateway(1),
            [("eni-instance", 126), ("eni-gateway", 252)],
        ),
        (load_balancer(), [("eni-balancer", 46), ("eni-target", 23)]),
    ] {
        let converted = tell(&records, &["--vantage", "all", "--detail", "exact"]);
        assert_eq!(converted.count("/records/other_vantage"), 0);
        let together = tshark.count(converted.path(), "tcp.analysis.flags");
        assert!(
            together > 0,
            "two views in one list look like packets sent again"
        );
        for (eni, packets) in views {
            assert_eq!(
                flags_of_view(tshark, converted.path(), eni),
                (packets, 0),
                "{eni}"
            );
        }
    }
}

#[test]
fn vantage_of_one_eni_is_its_view_and_clean_without_more_ado() {
    for eni in ["eni-first", "eni-second"] {
        let converted = tell(&peers(1), &["--vantage", eni, "--detail", "exact"]);
        let capture = converted.capture();
        let others = capture
            .packets
            .iter()
            .filter(|p| capture.interface_of(p) != eni);
        assert_eq!((capture.packets.len(), others.count()), (126, 0));
        let Some(tshark) = tshark() else { return };
        assert_eq!(tshark.count(converted.path(), "tcp.analysis.flags"), 0);
    }
}

#[test]
fn help_says_how_to_read_every_view() {
    let help = run(crate::support::flow2pcap().args(["convert", "--help"])).stdout;
    let help = String::from_utf8(help).unwrap();
    let words: Vec<&str> = help.split_whitespace().collect();
    let help = words.join(" ");
    for said in ["frame.interface_name", "tshark -r all.pcapng -Y", "-w"] {
        assert!(help.contains(said), "{said}");
    }
}
