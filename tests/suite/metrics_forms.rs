//! Every form in which `flow2pcap metrics` prints is read by what is meant to read it.

use crate::support::sums::{output, sums};
use crate::support::{exposition, file, flow2pcap, run, testdata};
use serde_json::{Value, json};

#[test]
fn openmetrics_is_what_its_grammar_demands() {
    let folder = tempfile::tempdir().unwrap();
    let header =
        "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action";
    let row =
        |eni: &str, start| format!("{eni} 10.0.0.1 10.0.0.2 9 80 6 7 60 {start} {start} REJECT");
    let rows = [
        header.to_owned(),
        row("eni-\"}\\", 0),
        row("eni-b", 0),
        row("eni-b", 9000),
    ];
    let log = file(&folder, "a.log", rows.join("\n"));
    let options = [
        "--by",
        "eni,protocol",
        "--measure",
        "packets,bytes",
        "--format",
        "openmetrics",
    ];
    let families = exposition::read(&output(&[log], &options).0);
    let names: Vec<&str> = families.iter().map(|family| &*family.name).collect();
    assert_eq!(names, ["flow2pcap_packets", "flow2pcap_bytes"]);
    for family in &families {
        assert_eq!((&*family.kind, family.samples.len()), ("gauge", 3));
    }
    let samples = families[0].samples.iter();
    let hostile = samples.filter(|sample| sample.labels["eni"] == "eni-\"}\\");
    assert_eq!(
        hostile.map(|sample| sample.value).collect::<Vec<_>>(),
        [7.0]
    );
    let alarms = output(
        &[testdata("incident")],
        &["--format", "openmetrics", "--every", "1m"],
    )
    .0;
    let families = exposition::read(&alarms);
    let sum = |samples: &[exposition::Sample]| samples.iter().map(|s| s.value).sum::<f64>();
    assert_eq!(
        families.iter().map(|f| sum(&f.samples)).collect::<Vec<_>>(),
        [20.0, 20.0]
    );
    assert_eq!(families[0].samples[5].at_s, 1_773_454_800);
}

#[test]
fn cloudwatch_gets_requests_that_it_takes() {
    let options = [
        "--format",
        "cloudwatch",
        "--namespace",
        "Test/Rejects",
        "--every",
        "1s",
    ];
    let by = ["--by", "srcaddr,eni", "--measure", "packets,bytes,records"];
    let (text, notes) = output(&[testdata("incident")], &[&options[..], &by[..]].concat());
    assert!(
        notes.contains("two weeks"),
        "the incident is older: {notes}"
    );
    let (mut sum, mut lines) = (0, 0);
    for line in text.lines() {
        lines += 1;
        let request: Value = serde_json::from_str(line).unwrap();
        assert_eq!(request["Namespace"], "Test/Rejects");
        let data = request["MetricData"].as_array().unwrap();
        assert!((1..=1_000).contains(&data.len()));
        for datum in data {
            let unit = if datum["MetricName"] == "Bytes" {
                "Bytes"
            } else {
                "Count"
            };
            assert_eq!(
                (&datum["Unit"], &datum["StorageResolution"]),
                (&json!(unit), &json!(1))
            );
            let names = datum["Dimensions"].as_array().unwrap();
            let names: Vec<&Value> = names.iter().map(|d| &d["Name"]).collect();
            assert_eq!(names, ["srcaddr", "eni"]);
            assert!(
                datum["Timestamp"]
                    .as_str()
                    .unwrap()
                    .parse::<jiff::Timestamp>()
                    .is_ok()
            );
            if datum["MetricName"] == "Packets" {
                sum += datum["Value"].as_u64().unwrap();
            }
        }
    }
    assert_eq!(sum, 506);
    assert!(lines > 1, "more data than one request takes");
}

#[test]
fn json_and_the_page_tell_the_same() {
    let inputs = [testdata("incident")];
    let (text, _) = output(&inputs, &["--format", "json"]);
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&told["every_s"], &told["once"]),
        (&json!(900), &json!(false))
    );
    let protocols = &told["tables"][1];
    assert_eq!(protocols["by"], json!(["protocol"]));
    let point = json!({"start": "2026-03-14T02:15:00Z", "values": {"rejected_packets": 20}});
    assert_eq!(
        protocols["series"],
        json!([{
            "labels": {"protocol": "TCP"}, "other": false,
            "total": {"rejected_packets": 20}, "points": [point],
        }])
    );
    assert_eq!(told["records"]["used"], 80);
    let (page, _) = output(&inputs, &["--format", "table"]);
    for line in [
        "rejected_packets every 15m, by protocol",
        "total                 TCP            20",
        "2026-03-14T02:15:00Z  TCP            20",
    ] {
        assert!(
            page.lines().any(|found| found == line),
            "{line} is not in\n{page}"
        );
    }
}

#[test]
fn columns_are_told_by_format_or_beside_it() {
    let log = [testdata("v2_headerless.log")];
    let version_2 = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets \
                     bytes start end action log-status";
    let by_itself = sums(&log, &["--by", "action"]);
    assert_eq!(
        sums(&log, &["--by", "action", "--columns", version_2]),
        by_itself
    );
    let (text, _) = output(&log, &["--by", "action", "--format", version_2]);
    assert!(text.starts_with("start,metric,action,value\n"), "{text}");
}

#[test]
fn what_cannot_be_done_is_said_with_what_can() {
    for (options, said) in [
        (&["--every", "7m"][..], "15m"),
        (&["--by", "port"], "dstport"),
        (&["--measure", "volume"], "bytes"),
        (&["--format", "xml"], "openmetrics"),
        (&["--top", "0"], "1"),
    ] {
        let mut command = flow2pcap();
        let run = run(command
            .arg("metrics")
            .args(options)
            .arg(testdata("incident")));
        assert_eq!(run.code, 2, "{options:?}");
        assert!(run.stderr.contains(said), "{options:?}: {}", run.stderr);
    }
}

#[test]
fn help_names_the_question_and_each_form() {
    let mut command = flow2pcap();
    let help = run(command.args(["metrics", "--help"]));
    let text = String::from_utf8(help.stdout).unwrap();
    for word in [
        "openmetrics",
        "cloudwatch",
        "put-metric-data",
        "--once",
        "Show what was rejected and when",
    ] {
        assert!(text.contains(word), "{word}");
    }
}
