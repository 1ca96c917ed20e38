//! `--format` given more than once: each line is read with the format that it has.

use serde_json::json;

use crate::support::{convert, file, flow2pcap, run};

/// Nine columns, and a record.
const NINE: &str = "srcaddr dstaddr srcport dstport protocol packets bytes start end";
const OF_NINE: &str = "10.0.1.5 203.0.113.9 41000 443 6 10 1500 1714564800 1714564830";
/// Ten columns, and a record.
const TEN: &str = "interface-id start end srcaddr dstaddr dstport srcport bytes packets protocol";
const OF_TEN: &str =
    "eni-0a1b2c3d4e5f60718 1714564800 1714564830 10.0.1.6 203.0.113.9 443 41001 104 2 6";
/// Nine columns in an order of which a record can be one of [`NINE`] too.
const OTHER_NINE: &str = "srcaddr dstaddr dstport srcport protocol bytes packets start end";
/// The default format.
const V2: &str = "2 123456789010 eni-0a1b2c3d4e5f60718 10.0.1.7 203.0.113.9 41002 443 6 4 300 \
                  1714564800 1714564830 ACCEPT OK";

const EXACT: [&str; 2] = ["--detail", "exact"];

#[track_caller]
fn check(name: &str, text: &str, formats: &[&str], packets: u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, name, text);
    let formats = formats.iter().flat_map(|format| ["--format", format]);
    let options: Vec<&str> = EXACT.into_iter().chain(formats).collect();
    let converted = convert(&[path], &options);
    converted.assert_lines_add_up();
    assert_eq!(converted.skipped(), 0, "{text}");
    assert_eq!(converted.count("/packets/written"), packets, "{text}");
}

#[test]
fn lines_of_two_formats_are_read_each_with_its_own() {
    let text = format!("{OF_NINE}\n{OF_TEN}\n{V2}\n");
    check("in.log", &text, &[NINE, TEN], 10 + 2 + 4);
    check("in.log", &text, &[TEN, NINE, TEN], 10 + 2 + 4);
    check("in.log", &text, &["default", TEN, NINE], 10 + 2 + 4);
}

#[test]
fn messages_of_two_formats_are_read_each_with_its_own() {
    let event = |id: u64, message: &str| json!({"id": id, "timestamp": 1, "message": message});
    let text = [
        event(1, OF_NINE),
        event(2, OF_TEN),
        event(3, &OF_NINE.replace("41000", "41003")),
    ]
    .map(|e| e.to_string());
    check("in.json", &text.join("\n"), &[NINE, TEN], 10 + 2 + 10);
    let events = [event(1, OF_TEN), event(2, OF_NINE)];
    let subscription = json!({
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "vpc",
        "logStream": "eni-0a1b2c3d4e5f60718-all",
        "subscriptionFilters": ["all"],
        "logEvents": events,
    });
    check("in.json", &subscription.to_string(), &[NINE, TEN], 2 + 10);
}

#[test]
fn lines_that_may_have_either_format_end_the_run_with_both_formats() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("in.log", format!("{OF_NINE}\n")),
        ("in.json", json!({"message": OF_NINE}).to_string()),
    ] {
        let path = file(&folder, name, text);
        let output = folder.path().join("out.pcapng");
        let ran = run(flow2pcap()
            .arg("convert")
            .arg(path)
            .arg("-o")
            .arg(output)
            .args(["--format", NINE, "--format", OTHER_NINE]));
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        for part in [
            "two of the given formats have as many columns",
            "${srcport} ${dstport}",
            "${dstport} ${srcport}",
            "leave out one of these formats",
        ] {
            assert!(ran.stderr.contains(part), "{}", ran.stderr);
        }
    }
}

#[test]
fn line_that_may_have_either_format_is_skipped_and_counted_where_another_decides() {
    let folder = tempfile::tempdir().unwrap();
    // As a port, 70000 is too large, so the first line decides for itself.
    let seven = [
        "srcaddr dstaddr packets bytes start end protocol",
        "srcaddr dstaddr srcport dstport start end protocol",
    ];
    let text = "10.0.1.5 203.0.113.9 1 70000 1714564800 1714564830 6\n\
                10.0.1.5 203.0.113.9 9 443 1714564800 1714564830 6\n";
    let path = file(&folder, "in.log", text);
    let formats = seven.iter().flat_map(|format| ["--format", format]);
    let converted = convert(&[path], &formats.collect::<Vec<_>>());
    converted.assert_lines_add_up();
    let pointer = "/records/skipped/several of the given formats fit/count";
    assert_eq!(
        (converted.count("/records/used"), converted.count(pointer)),
        (1, 1)
    );
}

#[test]
fn metrics_takes_column_orders_and_one_output_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "in.log", format!("{OF_NINE}\n{OF_TEN}\n"));
    let metrics = |formats: &[&str]| {
        let formats = formats.iter().flat_map(|format| ["--format", format]);
        run(flow2pcap()
            .arg("metrics")
            .arg(&path)
            .args(["--measure", "records"])
            .args(formats))
    };
    let ran = metrics(&["csv", NINE, TEN]);
    let printed = String::from_utf8(ran.stdout).unwrap();
    assert!(printed.contains("records,2"), "{printed}{}", ran.stderr);
    let refused = metrics(&["csv", "json", NINE]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("two output formats"),
        "{}",
        refused.stderr
    );
}
