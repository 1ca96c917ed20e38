//! What `flow2pcap metrics` adds up, held against sums taken from the log in the plainest way.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::support::sums::{Sums, output, sums};
use crate::support::{convert, file, flow2pcap, run, testdata};
use proptest::prelude::*;
use serde_json::json;
use testkit::flow_log::{self, Record};

/// Packets and bytes by what `label` makes of a record, in a bucket that holds the whole day.
fn expected(records: &[Record], label: impl Fn(&Record) -> String) -> BTreeMap<String, [u64; 3]> {
    let mut sums: BTreeMap<String, [u64; 3]> = BTreeMap::new();
    for record in records {
        let sum = sums.entry(label(record)).or_default();
        sum[0] += record.number("packets");
        sum[1] += record.number("bytes");
        sum[2] += 1;
    }
    sums
}

fn incident() -> Vec<Record> {
    let files = flow_log::files_below(&testdata("incident"));
    let texts = files.iter().map(|path| flow_log::text(path));
    texts.flat_map(|text| flow_log::records(&text)).collect()
}

/// The subnets of the addresses that ENIs of these records have themselves.
fn subnets(records: &[Record]) -> BTreeMap<String, String> {
    let own = records.iter().filter_map(|r| {
        let own = match r.get("flow-direction")? {
            "ingress" => r.get("dstaddr")?,
            _ => r.get("srcaddr")?,
        };
        Some((own.to_owned(), r.get("subnet-id")?.to_owned()))
    });
    own.collect()
}

/// The subnet of an address, its /24 if it is one of 10.0.0.0/8, or the internet.
fn subnet_of(address: &str, subnets: &BTreeMap<String, String>) -> String {
    if let Some(subnet) = subnets.get(address) {
        return subnet.clone();
    }
    match address.rsplit_once('.') {
        Some((net, _)) if net.starts_with("10.") => format!("{net}.0/24"),
        _ => "internet".to_owned(),
    }
}

#[test]
fn sums_are_those_of_the_log() {
    let records = incident();
    let column = |name: &'static str| move |r: &Record| r.get(name).unwrap_or("unknown").to_owned();
    let protocol = |r: &Record| match r.number("protocol") {
        1 => "ICMP".to_owned(),
        6 => "TCP".to_owned(),
        17 => "UDP".to_owned(),
        other => other.to_string(),
    };
    let packet = |own: &'static str, packet: &'static str| {
        move |r: &Record| r.get(packet).or(r.get(own)).unwrap().to_owned()
    };
    let subnets = subnets(&records);
    let subnet = |own: &'static str, other: &'static str| {
        let (address, subnets) = (packet(own, other), &subnets);
        move |r: &Record| subnet_of(&address(r), subnets)
    };
    let by = [
        ("protocol", expected(&records, protocol)),
        ("action", expected(&records, column("action"))),
        ("eni", expected(&records, column("interface-id"))),
        ("vpc", expected(&records, column("vpc-id"))),
        ("subnet", expected(&records, column("subnet-id"))),
        (
            "srcaddr",
            expected(&records, packet("srcaddr", "pkt-srcaddr")),
        ),
        (
            "dstaddr",
            expected(&records, packet("dstaddr", "pkt-dstaddr")),
        ),
        ("dstport", expected(&records, column("dstport"))),
        (
            "srcsubnet",
            expected(&records, subnet("srcaddr", "pkt-srcaddr")),
        ),
        (
            "dstsubnet",
            expected(&records, subnet("dstaddr", "pkt-dstaddr")),
        ),
        ("direction", expected(&records, column("flow-direction"))),
    ];
    let inputs = [testdata("incident")];
    for (name, expected) in by {
        let measures = "packets,bytes,records";
        let found = sums(
            &inputs,
            &["--every", "1d", "--by", name, "--measure", measures],
        );
        let day = "2026-03-14T00:00:00Z".to_owned();
        let mut all = Sums::new();
        for (label, values) in expected {
            for (measure, value) in measures.split(',').zip(values) {
                let labels = vec![measure.to_owned(), label.clone()];
                all.insert((labels, day.clone()), value.into());
            }
        }
        assert_eq!(found, all, "{name}");
    }
}

#[test]
fn alarms_of_the_incident_are_its_rejected_packets() {
    let (text, notes) = output(&[testdata("incident")], &[]);
    assert_eq!(
        text,
        "start,metric,protocol,value\n\
         2026-03-14T02:15:00Z,rejected_tcp_packets,,20\n\
         2026-03-14T02:15:00Z,rejected_packets,TCP,20\n"
    );
    assert!(notes.contains("SKIPDATA"), "{notes}");
    // All of it lies in one quarter of an hour; by the minute there is silence between.
    let (text, _) = output(&[testdata("incident")], &["--every", "1m"]);
    let tcp = text.lines().filter(|line| line.contains("rejected_tcp"));
    let values: Vec<&str> = tcp.map(|line| line.rsplit(',').next().unwrap()).collect();
    assert_eq!(values.join(" "), "0 0 0 0 0 4 0 0 12 0 0 4 0 0");
}

#[test]
fn silence_of_an_alarm_is_told_as_zero_and_that_of_an_address_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let header = "srcaddr dstaddr srcport dstport protocol packets bytes start end action";
    let row = |hour: u64, action| {
        format!(
            "10.0.0.1 10.0.0.2 9 80 6 1 60 {0} {0} {action}",
            hour * 3600
        )
    };
    let rows = [
        header.to_owned(),
        row(0, "ACCEPT"),
        row(1, "REJECT"),
        row(2, "ACCEPT"),
    ];
    let log = file(&folder, "a.log", rows.join("\n"));
    let (text, notes) = output(std::slice::from_ref(&log), &["--every", "1h"]);
    assert_eq!(notes, "");
    let tcp: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("rejected_tcp"))
        .collect();
    assert_eq!(
        tcp,
        [
            "1970-01-01T00:00:00Z,rejected_tcp_packets,,0",
            "1970-01-01T01:00:00Z,rejected_tcp_packets,,1",
            "1970-01-01T02:00:00Z,rejected_tcp_packets,,0",
        ]
    );
    let by = ["--every", "1h", "--by", "srcaddr", "--action", "reject"];
    let (text, _) = output(&[log], &by);
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[test]
fn once_counts_what_a_conversion_tells() {
    let converted = convert(&[testdata("incident")], &["--detail", "exact"]);
    let inputs = [testdata("incident")];
    let options = [
        "--every",
        "1d",
        "--once",
        "--measure",
        "packets,bytes,records",
    ];
    let all: Vec<u128> = sums(&inputs, &options).into_values().collect();
    let packets = converted.count("/packets/logged");
    let (bytes, told) = (
        converted.count("/packets/bytes_logged"),
        converted.count("/records/used"),
    );
    assert_eq!(all, [bytes, packets, told].map(u128::from));
    let options = [
        "--every",
        "1d",
        "--by",
        "outcome",
        "--measure",
        "connections",
    ];
    let outcomes = sums(&inputs, &options);
    let outcomes = outcomes.into_iter();
    let outcomes: BTreeMap<String, u128> = outcomes
        .map(|((labels, _), n)| (labels[1].clone(), n))
        .collect();
    assert_eq!(
        json!(outcomes),
        converted.summary()["connections"]["by_outcome"]
    );
}

#[test]
fn twice_the_archive_is_twice_as_logged_and_the_same_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = flow_log::text(&testdata("v5_all_fields.log"));
    let logs = ["a.log", "b.log"].map(|name| file(&folder, name, &text));
    for (once, factor) in [(&[][..], 2), (&["--once"], 1)] {
        let options = [&["--by", "action", "--measure", "packets,bytes"], once].concat();
        let one = sums(&logs[..1], &options);
        let two = sums(&logs, &options);
        let expected: Sums = one.into_iter().map(|(key, n)| (key, n * factor)).collect();
        assert_eq!(two, expected, "{once:?}");
    }
}

#[test]
fn threads_and_order_of_inputs_change_nothing() {
    let mut files = flow_log::files_below(&testdata("incident"));
    let questions: [&[&str]; 4] = [
        &[],
        &[
            "--by",
            "srcaddr,dstport",
            "--top",
            "5",
            "--measure",
            "bytes,packets",
        ],
        &["--by", "eni,direction,subnet"],
        &["--by", "outcome", "--measure", "connections,packets"],
    ];
    for question in questions {
        let told = ["1", "4"].map(|threads| {
            files.reverse();
            output(
                &files,
                &[question, &["--threads", threads, "--every", "1m"]].concat(),
            )
        });
        assert_eq!(told[0], told[1], "{question:?}");
    }
}

#[test]
fn rest_is_told_as_other_and_the_sum_stays() {
    let inputs = [testdata("incident")];
    let by = ["--by", "srcaddr,dstport", "--every", "1d"];
    let whole: u128 = sums(&inputs, &by).into_values().sum();
    let top = sums(&inputs, &[&by[..], &["--top", "3"]].concat());
    assert_eq!(top.len(), 4);
    assert!(
        top.keys()
            .any(|(labels, _)| labels[1..] == ["other", "other"])
    );
    assert_eq!(top.into_values().sum::<u128>(), whole);
}

#[test]
fn filters_leave_single_records_as_logged_and_whole_connections_once() {
    let inputs = [testdata("incident")];
    let packets = |options: &[&str]| -> u128 { sums(&inputs, options).into_values().sum() };
    let logged = ["--by", "action", "--action", "reject"];
    assert_eq!(packets(&logged), 20);
    let converted = convert(&inputs, &["--detail", "exact", "--action", "reject"]);
    let once = [&logged[..], &["--once"]].concat();
    assert_eq!(
        packets(&once),
        u128::from(converted.count("/packets/logged"))
    );
    // Counted back from the newest record, which is known only when all are read.
    let recent = ["--by", "action", "--from", "-3m"];
    assert!((1..506).contains(&packets(&recent)));
    let late = [&recent[..], &["--by", "direction"]].concat();
    assert_eq!(packets(&late), packets(&recent), "however it is counted");
}

#[test]
fn too_many_stretches_of_time_are_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = "srcaddr dstaddr srcport dstport protocol packets bytes start end\n".to_owned();
    for day in 0..13 {
        let start = day * 86_400;
        writeln!(
            log,
            "10.0.0.1 10.0.0.2 9 80 6 9 600 {start} {}",
            start + 86_399
        )
        .unwrap();
    }
    let log = file(&folder, "a.log", log);
    let mut command = flow2pcap();
    let options = ["--every", "1s", "--by", "action"];
    let run = run(command.arg("metrics").args(options).arg(&log));
    assert_eq!((run.code, run.stdout), (2, Vec::new()));
    assert!(run.stderr.contains("--every"), "{}", run.stderr);
}

/// Records of a few hosts in a few hours, of any length up to an hour.
fn any_log() -> impl Strategy<Value = Vec<String>> {
    let record = (
        0..4_u8,
        0..4_u8,
        1..1_000_u64,
        1..90_000_u64,
        0..20_000_u64,
        0..3_600_u64,
        any::<bool>(),
    );
    let line = record.prop_map(|(source, port, packets, bytes, start, length, accepted)| {
        let action = if accepted { "ACCEPT" } else { "REJECT" };
        format!(
            "10.0.0.{source} 10.0.1.1 9 {port} 6 {packets} {bytes} {start} {} {action}",
            start + length
        )
    });
    prop::collection::vec(line, 1..60)
}

const COLUMNS: &str = "srcaddr dstaddr srcport dstport protocol packets bytes start end action";

fn written(folder: &tempfile::TempDir, name: &str, lines: &[String]) -> PathBuf {
    file(folder, name, format!("{COLUMNS}\n{}\n", lines.join("\n")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_log_keeps_its_sums_in_any_buckets_and_any_cut(
        lines in any_log(),
        cut in 0..60_usize,
        every in prop::sample::select(vec!["1m", "15m", "1h"]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let whole = written(&folder, "whole.log", &lines);
        let options = ["--by", "srcaddr,dstport,action", "--measure", "packets,bytes,records"];
        let options = [&options[..], &["--every", every]].concat();
        let found = sums(std::slice::from_ref(&whole), &options);
        let mut by_label: BTreeMap<Vec<String>, u128> = BTreeMap::new();
        for ((labels, _), value) in &found {
            *by_label.entry(labels.clone()).or_default() += value;
        }
        let records = flow_log::records(&flow_log::text(&whole));
        let label = |r: &Record| ["srcaddr", "dstport", "action"].map(|c| r.get(c).unwrap()).join(" ");
        for (label, values) in expected(&records, label) {
            for (measure, value) in ["packets", "bytes", "records"].iter().zip(values) {
                let labels = format!("{measure} {label}");
                let labels: Vec<String> = labels.split(' ').map(str::to_owned).collect();
                prop_assert_eq!(by_label.remove(&labels), Some(value.into()), "{:?}", labels);
            }
        }
        prop_assert!(by_label.is_empty(), "{:?}", by_label);
        let (head, tail) = lines.split_at(cut.min(lines.len()));
        let parts = [written(&folder, "z.log", head), written(&folder, "a.log", tail)];
        prop_assert_eq!(sums(&parts, &options), found);
    }
}
