//! Tags of version 11, and reasons for rejections: as values with blanks, as names, in filters and in
//! sums.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::sums::{output, sums};
use crate::support::tables::Table;
use crate::support::{Run, convert, file, flow2pcap, run};

const HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start \
                      end action log-status tcp-flags flow-direction reject-reason instance-tag interface-tag";

/// A record of the ENI `eni-b`, which has the address 10.0.2.9, with this end of its line.
fn line(port: u16, end: &str) -> String {
    format!(
        "11 123456789012 eni-b 10.0.1.5 10.0.2.9 {port} 5432 6 3 180 1773454500 1773454530 REJECT OK 2 ingress {end}\n"
    )
}

fn log(folder: &TempDir, ends: &[&str]) -> PathBuf {
    let lines = ends.iter().zip(41_000..);
    let lines: String = lines.map(|(end, port)| line(port, end)).collect();
    file(folder, "tags.log", format!("{HEADER}\n{lines}"))
}

fn asked(subcommand: &str, input: &Path, options: &[&str]) -> Run {
    run(flow2pcap().arg(subcommand).arg(input).args(options))
}

fn json(subcommand: &str, input: &Path) -> Value {
    let run = asked(subcommand, input, &["--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_slice(&run.stdout).unwrap()
}

/// The records by the values of a dimension.
fn records_by(input: &Path, dimension: &str, options: &[&str]) -> Vec<(String, u128)> {
    let asked = ["--every", "1d", "--measure", "records", "--by", dimension];
    let found = sums(&[input.to_owned()], &[&asked, options].concat());
    found
        .into_iter()
        .map(|((labels, _), n)| (labels[1].clone(), n))
        .collect()
}

fn counts(expected: &[(&str, u128)]) -> Vec<(String, u128)> {
    expected
        .iter()
        .map(|(label, n)| ((*label).to_owned(), *n))
        .collect()
}

const MIXED: [&str; 5] = [
    "- web-1 prod",
    "- \"web server 1\" prod",
    "- web%20server%201 -",
    "- web server 1 prod",
    "BPA - prod",
];

#[test]
fn values_with_blanks_are_summed_up_by_tag() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder, &MIXED);
    for options in [&[][..], &["--once"]] {
        let by_instance = [("unknown", 2), ("web server 1", 2), ("web-1", 1)];
        assert_eq!(
            records_by(&log, "instance-tag", options),
            counts(&by_instance)
        );
        let by_interface = [("prod", 3), ("unknown", 2)];
        assert_eq!(
            records_by(&log, "interface-tag", options),
            counts(&by_interface)
        );
        let by_first = [
            ("prod", 1),
            ("unknown", 1),
            ("web server 1", 2),
            ("web-1", 1),
        ];
        assert_eq!(records_by(&log, "tag", options), counts(&by_first));
    }
    let inputs = [log];
    let by = ["--by", "instance-tag", "--every", "1d", "--format"];
    for (format, expected) in [
        ("table", "total                 web server 1        6"),
        ("csv", "packets,web server 1,6"),
        ("json", "\"web server 1\""),
        ("openmetrics", "{instance_tag=\"web server 1\"} 6"),
    ] {
        let (text, _) = output(&inputs, &[&by[..], &[format]].concat());
        assert!(text.contains(expected), "{format}: {text}");
    }
}

#[test]
fn line_with_unclear_tags_is_a_record_without_them_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder, &MIXED);
    let converted = convert(std::slice::from_ref(&log), &["--detail", "exact"]);
    converted.assert_lines_add_up();
    assert_eq!(
        (converted.skipped(), converted.count("/records/used")),
        (0, 5)
    );
    assert_eq!(converted.count("/records/unclear_tags"), 1);
    assert_eq!(converted.capture().packets.len(), 15);
    let inspected = asked("inspect", &log, &[]);
    let text = String::from_utf8(inspected.stdout).unwrap();
    assert!(
        text.contains("1 record has tags with blanks and no quotes"),
        "{text}"
    );
}

#[test]
fn filter_takes_the_value_of_a_tag() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder, &MIXED);
    for (filter, records) in [
        ("instance-tag web-1", 1),
        ("tag web-1", 1),
        ("tag:web-1", 1),
        ("tag=web-1", 1),
        ("tag = web-1 or tag:\"web server 1\"", 3),
        ("instance-tag 'web server 1'", 2),
        ("tag prod", 3),
        ("interface-tag pr", 3),
        ("not interface-tag prod", 0),
        ("instance-tag web-1 and tag prod", 1),
        ("asg-tag x or reject", 5),
    ] {
        let found = asked("inspect", &log, &["--json", "--filter", filter]);
        if records == 0 {
            assert_eq!(found.code, 3, "{filter}: {}", found.stderr);
            continue;
        }
        // A name that no record has is refused, also in a part of a filter.
        if filter.starts_with("asg-tag") {
            assert_eq!(found.code, 2, "{filter}: {}", found.stderr);
            assert!(
                found.stderr.contains("no record names its asg-tag"),
                "{}",
                found.stderr
            );
            continue;
        }
        assert_eq!(found.code, 0, "{filter}: {}", found.stderr);
        let survey: Value = serde_json::from_slice(&found.stdout).unwrap();
        assert_eq!(survey["records"]["used"], records, "{filter}");
    }
}

#[test]
fn tag_that_no_record_has_is_refused_with_those_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder, &MIXED);
    for (filter, known) in [
        (
            "instance-tag web-9",
            "no record of instance-tag web-9; the archive has web server 1, web-1",
        ),
        (
            "tag \"web\"",
            "no record of tag web; the archive has prod, web server 1, web-1",
        ),
        ("tag:Name=web-1", "without its key"),
        ("tag \"web", "a closing quote"),
        ("instance-tag web", "web server 1"),
    ] {
        let refused = asked("inspect", &log, &["--filter", filter]);
        assert_eq!(refused.code, 2, "{filter}");
        assert!(
            refused.stderr.contains(known),
            "{filter}: {}",
            refused.stderr
        );
    }
}

#[test]
fn eni_is_called_by_its_tag_unless_the_tag_changed() {
    let folder = tempfile::tempdir().unwrap();
    let same = log(
        &folder,
        &[
            "- web%201 prod",
            "- \"web 1\" prod",
            "- - prod",
            "- web 1 prod",
        ],
    );
    let seen = |input: &Path| json("diagnose", input)["findings"][0]["seen"].to_string();
    assert!(seen(&same).contains("eni-b (web 1)"), "{}", seen(&same));
    assert_eq!(json("inspect", &same)["busiest_enis"][0]["tag"], "web 1");
    let capture = convert(&[same], &[]).capture();
    let described = format!("{capture:?}");
    assert!(
        described.contains("instance-tag=\\\"web 1\\\" interface-tag=\\\"prod\\\""),
        "{described}"
    );
    let changed = log(&folder, &["- web-1 prod", "- web-2 prod"]);
    assert!(seen(&changed).contains("eni-b"), "{}", seen(&changed));
    assert!(!seen(&changed).contains("web-"), "{}", seen(&changed));
    assert_eq!(json("inspect", &changed)["busiest_enis"][0]["tag"], "");
}

#[test]
fn reason_that_is_not_known_is_kept_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder, &["XYZ a b", "XYZ a b", "BPA a b", "- a b"]);
    let expected = counts(&[("BPA", 1), ("XYZ", 2), ("unknown", 1)]);
    assert_eq!(records_by(&log, "reject-reason", &[]), expected);
    assert_eq!(records_by(&log, "reject-reason", &["--once"]), expected);
    let findings = json("diagnose", &log)["findings"].clone();
    let mut findings = findings.as_array().unwrap().iter();
    let found = findings
        .find(|found| found["cause"] == "other-reason")
        .unwrap();
    assert_eq!(found["title"], "A reason named XYZ rejects traffic");
    assert!(
        found["seen"]
            .to_string()
            .contains("reject-reason XYZ at eni-b"),
        "{found:#}"
    );
    assert_eq!(
        json("inspect", &log)["actions"]["REJECT, reason XYZ"]["records"],
        2
    );
    let capture = convert(&[log], &[]).capture();
    let comments = format!("{:?}", capture.packets);
    assert!(
        comments.contains(" reject-reason=XYZ outcome=rejected role="),
        "{comments}"
    );
}

#[test]
fn other_forms_carry_the_same_tags() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<&str> = HEADER.split_whitespace().collect();
    let row = |tag: &str| {
        let line = line(41_000, "- TAG prod");
        let values = line.split_whitespace();
        values
            .map(|value| value.replace("TAG", tag))
            .collect::<Vec<String>>()
    };
    let rows = [row("web server 1"), row(""), row("web%20server%201")];
    let csv = rows.iter().map(|row| row.join(","));
    let csv = format!(
        "{}\n{}\n",
        names.join(","),
        csv.collect::<Vec<_>>().join("\n")
    );
    let objects = rows.iter().map(|row| {
        let pairs = names.iter().zip(row);
        let pairs = pairs.map(|(name, value)| match &value[..] {
            "" => ((*name).to_owned(), Value::Null),
            value => ((*name).to_owned(), value.into()),
        });
        Value::Object(pairs.collect()).to_string()
    });
    let objects = objects.collect::<Vec<_>>().join("\n");
    let columns = names.iter().enumerate().map(|(index, name)| {
        let texts = rows
            .iter()
            .map(|row| Some(row[index].as_str()).filter(|text| !text.is_empty()));
        let column: ArrayRef = Arc::new(StringArray::from_iter(texts));
        (name.replace('-', "_"), column)
    });
    let table = Table::with_columns(columns.collect()).bytes();
    for (name, bytes) in [
        ("tags.csv", csv.into_bytes()),
        ("tags.json", objects.into_bytes()),
        ("tags.parquet", table),
    ] {
        let input = file(&folder, name, bytes);
        let expected = counts(&[("unknown", 1), ("web server 1", 2)]);
        assert_eq!(records_by(&input, "instance-tag", &[]), expected, "{name}");
        assert_eq!(
            records_by(&input, "tag", &["--filter", "tag 'web server 1'"]),
            counts(&[("web server 1", 2)]),
            "{name}"
        );
    }
}
