//! Packets that a Transit Gateway lost are named in the comments and summed up.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::{Converted, convert, file, flow2pcap, run, testdata};
use serde_json::json;

const HEADER: &str = "tgw-attachment-id srcaddr dstaddr srcport dstport protocol packets bytes start \
    end packets-lost-no-route packets-lost-ttl-expired";

/// A record from this port with so many packets that found no route, and so many that went in circles.
fn record(port: u16, no_route: u64, ttl_expired: u64) -> String {
    format!(
        "tgw-attach-1 10.0.0.1 10.0.0.2 {port} 53 17 2 200 1773454504 1773454510 {no_route} \
         {ttl_expired}\n"
    )
}

/// The words about losses in comments, by the port of their record, which has the same number of
/// packets that found no route.
fn lost(converted: &Converted) -> BTreeMap<String, usize> {
    let mut words = BTreeMap::new();
    for packet in converted.capture().packets {
        if let Some(no_route) = packet.word("lost-no-route") {
            assert_eq!(packet.word("lost-blackhole"), None);
            *words.entry(no_route.to_owned()).or_default() += 1;
        }
    }
    words
}

/// Files of which each has records with losses behind some without.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for first in [100, 200, 300] {
        let lines = (first..first + 40).map(|n| match n % 10 {
            3 => record(n, n.into(), 0),
            7 => record(n, n.into(), 1),
            _ => record(n, 0, 0),
        });
        let text = format!("{HEADER}\n{}", lines.collect::<String>());
        file(&folder, &format!("{first}.log"), text);
    }
    folder
}

fn check(input: &Path) {
    let converted = convert(&[input], &["--detail", "exact"]);
    let ports = (100..400_u64).filter(|n| n % 100 < 40 && [3, 7].contains(&(n % 10)));
    let expected: BTreeMap<String, usize> = ports.clone().map(|n| (n.to_string(), 1)).collect();
    assert_eq!(lost(&converted), expected);
    let sums = json!({
        "no_route": ports.sum::<u64>(), "blackhole": 0, "mtu_exceeded": 0, "ttl_expired": 12
    });
    assert_eq!(converted.summary()["records"]["lost"], sums);
}

#[test]
fn first_packet_of_a_record_names_what_was_lost() {
    let converted = convert(&[testdata("tgw_default.log")], &["--detail", "exact"]);
    let packets = converted.capture().packets;
    let lost: Vec<_> = packets
        .iter()
        .filter_map(|p| p.word("lost-blackhole"))
        .collect();
    assert_eq!(lost, ["3"], "once, although the record is three packets");
    let named = packets.iter().find(|p| p.word("lost-blackhole").is_some());
    assert_eq!(named.unwrap().word("packets"), Some("3"));
    assert_eq!(converted.count("/records/lost/blackhole"), 3);
}

#[test]
fn losses_stand_at_their_records_in_any_file_and_member() {
    let folder = folder();
    check(folder.path());
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_dir_all("logs", folder.path()).unwrap();
    let packed = tempfile::tempdir().unwrap();
    check(&file(&packed, "logs.tar", tar.into_inner().unwrap()));
}

#[test]
fn losses_of_what_was_not_asked_for_are_not_summed() {
    let folder = folder();
    let converted = convert(&[folder.path()], &["--port", "103"]);
    assert_eq!(converted.count("/records/lost/no_route"), 103);
}

#[test]
fn summary_says_how_many_were_lost_if_any() {
    let said = |name: &str| {
        let mut command = flow2pcap();
        command.args(["convert", "-o", "-"]).arg(testdata(name));
        run(&mut command).stderr
    };
    let line = "lost         3 blackhole packets, as logged by transit gateways\n";
    assert!(said("tgw_default.log").contains(line));
    assert!(!said("v2_default.log").contains("lost"));
}
