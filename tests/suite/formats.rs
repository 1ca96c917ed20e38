//! Every file of `testdata/` comes out as its row in `testdata/README.md` says.

use std::fs;
use std::path::Path;

use testkit::flow_log;
use testkit::pcapng::packet::{headers, sums};

use crate::support::{
    Converted, TROUBLESHOOTING, convert, file, flow2pcap, names_in, run, testdata,
};

/// What a row of the table says.
#[derive(Debug, PartialEq)]
struct Row {
    records: u64,
    no_data: u64,
    skip_data: u64,
    rejected: u64,
    packets: u64,
    bytes: u64,
}

#[track_caller]
fn check(name: &str, options: &[&str], numbers: [u64; 6]) -> Converted {
    let options = [&["--detail", "exact"], options].concat();
    let converted = convert(&[testdata(name)], &options);
    let count = |pointer| converted.count(pointer);
    let found = [
        count("/records/used") + count("/records/other_vantage") + count("/records/duplicates"),
        count("/records/no_data"),
        count("/records/skip_data"),
        converted.skipped(),
        count("/packets/logged"),
        count("/packets/bytes_logged"),
    ];
    let row = |[records, no_data, skip_data, rejected, packets, bytes]: [u64; 6]| Row {
        records,
        no_data,
        skip_data,
        rejected,
        packets,
        bytes,
    };
    assert_eq!(row(found), row(numbers), "{name}");
    assert_eq!(count("/packets/written"), count("/packets/logged"));
    converted.assert_lines_add_up();
    let capture = converted.capture();
    assert_eq!(capture.packets.len() as u64, count("/packets/written"));
    let written: u64 = capture
        .packets
        .iter()
        .map(|p| u64::from(p.original_len))
        .sum();
    assert_eq!(written, count("/packets/bytes_written"));
    converted
}

/// Conversations in the capture.
fn conversations(converted: &Converted) -> usize {
    let capture = converted.capture();
    let mut names: Vec<_> = capture
        .packets
        .iter()
        .map(|p| headers(p).tuple.conversation())
        .collect();
    names.sort();
    names.dedup();
    names.len()
}

/// Asserts that no header had to be added to the bytes of the log.
#[track_caller]
fn check_full(name: &str, numbers: [u64; 6], conversation_count: usize) -> Converted {
    let converted = check(name, &[], numbers);
    assert_eq!(
        converted.count("/packets/bytes_written"),
        converted.count("/packets/bytes_logged"),
        "{name}"
    );
    assert_eq!(conversations(&converted), conversation_count, "{name}");
    converted
}

#[test]
fn incident() {
    check_full("incident", [80, 47, 1, 0, 316, 139_452], 31);
}

#[test]
fn v2_default() {
    let converted = check_full("v2_default.log", [22, 3, 1, 0, 161, 33_302], 9);
    assert_eq!(converted.count("/connections/presumed"), 5);
    let capture = converted.capture();
    let presumed = capture
        .packets
        .iter()
        .filter(|p| p.word("presumed").is_some());
    assert!(presumed.count() > 0, "what is presumed is said to be");
}

#[test]
fn wrapped() {
    let names = [
        "subscription.gz",
        "lambda_event.json",
        "firehose.json",
        "json_lines.json",
        "filter_log_events.json",
        "insights.json",
        "aws.parquet",
    ];
    for name in names {
        let name = format!("wrapped/{name}");
        let converted = check_full(&name, [22, 3, 1, 0, 161, 33_302], 9);
        let is_subscription = name.ends_with("subscription.gz");
        let control_count = converted.count("/records/control");
        assert_eq!(control_count, u64::from(is_subscription), "{name}");
    }
    check_full("wrapped/ocsf.json", [1, 0, 0, 0, 3, 180], 1);
    check_full("wrapped/gcp.json", [2, 0, 0, 0, 12, 6180], 1);
    check_full("wrapped/nsg_v2.json", [4, 0, 0, 0, 17, 5762], 1);
}

#[test]
fn v2_headerless() {
    check_full("v2_headerless.log", [22, 3, 1, 0, 161, 33_302], 9);
}

#[test]
fn v5_all_fields() {
    check_full("v5_all_fields.log", [19, 1, 1, 0, 132, 51_133], 9);
}

#[test]
fn v11_all_fields() {
    let converted = check_full("v11_all_fields.log", [7, 1, 0, 0, 52, 17_244], 5);
    let capture = converted.capture();
    let reason = |wanted| {
        let packets = capture.packets.iter();
        packets
            .filter(|p| p.word("reject-reason") == Some(wanted))
            .count()
    };
    assert!(reason("BPA") > 0 && reason("EC") > 0);
}

#[test]
fn troubleshooting_with_and_without_format() {
    for options in [&["--format", TROUBLESHOOTING][..], &[]] {
        let name = "troubleshooting_cloudwatch.log";
        let converted = check(name, options, [12, 0, 0, 0, 12, 0]);
        assert_eq!(conversations(&converted), 4);
        let outcomes = &converted.summary()["connections"]["by_outcome"];
        let expected = serde_json::json!({"complete": 1, "reset": 1, "rejected": 2});
        assert_eq!(*outcomes, expected);
    }
}

#[test]
fn seed_of_two_lines_is_syn_then_syn_ack() {
    let format = ["--format", TROUBLESHOOTING];
    let converted = check("seed_two_lines.log", &format, [2, 0, 0, 0, 2, 0]);
    let capture = converted.capture();
    let [first, second] = &capture.packets[..] else {
        panic!("two packets")
    };
    let (first, second) = (headers(first), headers(second));
    assert_eq!(first.tuple.reverse(), second.tuple);
    let (syn, syn_ack) = (first.tcp.unwrap(), second.tcp.unwrap());
    assert!(syn.is_syn() && syn_ack.is_syn_ack());
    assert_eq!(syn_ack.ack, syn.seq.wrapping_add(1));
}

#[test]
fn formats_are_spelt_in_any_way() {
    let spellings = [
        TROUBLESHOOTING.replace('-', "_"),
        TROUBLESHOOTING
            .split(' ')
            .map(|name| format!("${{{name}}}"))
            .collect::<Vec<_>>()
            .join(" "),
    ];
    let input = [testdata("seed_two_lines.log")];
    let expected = convert(&input, &["--format", TROUBLESHOOTING]).bytes();
    for spelling in spellings {
        assert_eq!(convert(&input, &["--format", &spelling]).bytes(), expected);
    }
}

#[test]
fn cloudwatch_console() {
    check_full("cloudwatch_console.csv", [6, 1, 0, 0, 38, 15_504], 3);
}

#[test]
fn tgw_default() {
    check_full("tgw_default.log", [9, 1, 0, 0, 27, 8857], 3);
}

#[test]
fn tgw_headerless() {
    check_full("tgw_headerless.log", [9, 1, 0, 0, 27, 8857], 3);
}

#[test]
fn custom_underscore() {
    check_full("custom_underscore.log", [5, 1, 0, 0, 26, 9061], 3);
}

#[test]
fn two_formats() {
    let converted = check_full("two_formats.log", [7, 0, 0, 0, 64, 29_946], 5);
    assert_eq!(converted.count("/records/headers"), 2);
}

#[test]
fn broken_lines_are_counted_and_explained() {
    let converted = check_full("broken.log", [4, 1, 0, 15, 4, 280], 4);
    let skipped = converted.summary()["records"]["skipped"]
        .as_object()
        .unwrap();
    let counts: Vec<(&str, u64)> = skipped
        .iter()
        .map(|(reason, r)| (reason.as_str(), r["count"].as_u64().unwrap()))
        .collect();
    let expected = [
        ("mixed address families", 1),
        ("not a number", 1),
        ("not a time", 1),
        ("not an address", 1),
        ("number out of range", 4),
        ("unknown action", 1),
        ("unknown log-status", 1),
        ("wrong number of columns", 5),
    ];
    assert_eq!(counts, expected);
    let found = |reason: &str, line: u64| {
        let examples = skipped[reason]["examples"].as_array().unwrap();
        let place = format!("broken.log:{line}");
        let ends = |e: &&serde_json::Value| e["place"].as_str().unwrap().ends_with(&place);
        let example = examples.iter().find(ends).unwrap();
        example["found"].as_str().unwrap().to_owned()
    };
    assert!(found("wrong number of columns", 3).contains("11 columns, expected 14"));
    assert!(found("number out of range", 6).contains("(srcport): found \"70000\""));
    assert!(found("not a number", 7).contains("(packets): found \"many\""));
    assert!(found("not an address", 8).contains("\"10.1.0.310\""));
    assert!(found("unknown action", 11).contains("\"DENY\""));
    assert!(found("unknown log-status", 14).contains("\"LOST\""));
    assert!(found("not a time", 16).contains("\"yesterday\""));
}

#[test]
fn headers_only_save_the_trouble_of_recognition() {
    for (headed, headerless) in [
        ("v2_default.log", "v2_headerless.log"),
        ("tgw_default.log", "tgw_headerless.log"),
    ] {
        let [headed, headerless] = [headed, headerless]
            .map(|name| convert(&[testdata(name)], &["--comments", "none"]).bytes());
        assert_eq!(headed, headerless);
    }
}

#[test]
fn sums_at_every_eni_are_those_of_the_log() {
    for name in ["v2_default.log", "v5_all_fields.log", "two_formats.log"] {
        let options = ["--detail", "exact", "--vantage", "all"];
        let converted = convert(&[testdata(name)], &options);
        let records = flow_log::records(&flow_log::text(&testdata(name)));
        assert_eq!(
            sums(&converted.capture()),
            flow_log::sums(&records),
            "{name}"
        );
    }
}

#[test]
fn unknown_layout_is_refused_with_the_format_to_give() {
    let path = testdata("not_a_flow_log/unknown_layout.log");
    let run = refused(&path);
    for part in ["fra-edge-1", "15 columns", "--format '"] {
        assert!(run.contains(part), "{part} is not in: {run}");
    }
}

#[test]
fn unknown_layout_reads_once_its_format_is_given() {
    let name = "not_a_flow_log/unknown_layout.log";
    let format = "? start ? srcaddr dstaddr ? srcport dstport ? ? bytes ? packets ? ?";
    // Its columns are known then, but no record has its protocol.
    let folder = tempfile::tempdir().unwrap();
    let mut command = flow2pcap();
    command.arg("convert").arg(testdata(name));
    command.args(["--format", format, "-o"]);
    let run = run(command.arg(folder.path().join("out.pcapng")));
    assert_eq!(run.code, 2);
    let said = "3 lines skipped: no protocol";
    assert!(run.stderr.contains(said), "{}", run.stderr);
}

#[test]
fn layout_of_ones_own_converts_once_its_format_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let line = "web 6 10.6.0.14 10.6.0.99 44120 443 1773454512 1735 13 2 1773454514";
    let path = file(&folder, "own.log", format!("{line}\n"));
    refused(&path);
    let format = "? protocol srcaddr dstaddr srcport dstport start bytes packets tcp-flags end";
    let converted = convert(&[&path], &["--detail", "exact", "--format", format]);
    assert_eq!(converted.count("/packets/written"), 13);
    assert_eq!(converted.count("/packets/bytes_written"), 1735);
}

#[test]
fn other_logs_are_refused_alone() {
    for name in ["alb_access.log", "cloudtrail.json", "aws-logs-write-test"] {
        let message = refused(&testdata("not_a_flow_log").join(name));
        assert!(message.contains(name), "{message}");
    }
}

#[test]
fn other_logs_are_left_out_among_flow_logs_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["alb_access.log", "cloudtrail.json", "aws-logs-write-test"] {
        let bytes = fs::read(testdata("not_a_flow_log").join(name)).unwrap();
        file(&folder, name, bytes);
    }
    file(
        &folder,
        "flows.log",
        fs::read(testdata("v2_default.log")).unwrap(),
    );
    file(&folder, ".hidden", "of no concern");
    let options = ["--detail", "exact", "--events", "none"];
    let converted = convert(&[folder.path()], &options);
    assert_eq!(converted.count("/input/files"), 1);
    assert_eq!(converted.count("/packets/written"), 161);
    let left_out = converted.summary()["input"]["left_out"]
        .as_object()
        .unwrap();
    let counts = left_out.values().map(|r| r["count"].as_u64().unwrap());
    assert!(counts.sum::<u64>() >= 3, "{left_out:?}");
    let places: Vec<&str> = left_out
        .values()
        .flat_map(|r| r["examples"].as_array().unwrap())
        .map(|e| e["place"].as_str().unwrap())
        .collect();
    for name in ["alb_access.log", "cloudtrail.json", "aws-logs-write-test"] {
        assert!(
            places.iter().any(|p| p.ends_with(name)),
            "{name}: {places:?}"
        );
    }
}

/// What the program says when it refuses `input`; it leaves nothing behind.
#[track_caller]
fn refused(input: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.pcapng");
    let run = run(flow2pcap().arg("convert").arg(input).arg("-o").arg(output));
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert_eq!(names_in(folder.path()), [""; 0]);
    run.stderr
}
