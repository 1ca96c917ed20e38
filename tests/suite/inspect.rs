//! What `flow2pcap inspect` tells of an archive, and that a conversion tells the same.

use std::path::Path;

use crate::support::wrapping::gzip;
use crate::support::{convert, file, flow2pcap, run, testdata};
use serde_json::{Value, json};
use testkit::archive::{Goal, Shape, generate};
use testkit::traffic::{Settings, Version};

/// What `--json` tells of `input`.
fn inspect(input: impl AsRef<Path>, options: &[&str]) -> Value {
    let mut command = flow2pcap();
    command.arg("inspect").arg("--json").args(options);
    let run = run(command.arg(input.as_ref()));
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_slice(&run.stdout).unwrap()
}

/// What a person is told of `input`.
fn page(input: impl AsRef<Path>, options: &[&str]) -> String {
    let mut command = flow2pcap();
    command.arg("inspect").args(options);
    let run = run(command.arg(input.as_ref()));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    String::from_utf8(run.stdout).unwrap()
}

fn sums(records: u64, packets: u64, bytes: u64) -> Value {
    json!({"records": records, "packets": packets, "bytes": bytes})
}

/// Asserts that both tell the same of the lines of `input`, and returns both.
#[track_caller]
fn same_fates(input: &Path) -> (Value, crate::support::Converted) {
    // All views, or some records would be told elsewhere.
    let options = ["--vantage", "all", "--detail", "exact"];
    let converted = convert(&[input], &options);
    let survey = inspect(input, &[]);
    let (ours, theirs) = (&survey["records"], &converted.summary()["records"]);
    for fate in [
        "lines",
        "headers",
        "blank",
        "control",
        "no_data",
        "skip_data",
        "skipped",
        "gaps",
        "assumed",
    ] {
        assert_eq!(ours[fate], theirs[fate], "{fate}");
    }
    let told = converted.count("/records/used") + converted.count("/records/duplicates");
    assert_eq!(ours["used"], told);
    assert_eq!(survey["input"], converted.summary()["input"]);
    assert_eq!(survey["enis"], converted.summary()["enis"]);
    (survey, converted)
}

#[test]
fn incident_is_told_to_the_last_byte() {
    let survey = inspect(testdata("incident"), &[]);
    assert_eq!(survey["input"]["files"], 4);
    assert_eq!(survey["input"]["kinds"], json!({"text in gzip": 4}));
    assert_eq!(
        survey["columns"][0]["columns"].as_array().unwrap().len(),
        29
    );
    assert_eq!(survey["columns"][0]["evidence"], "header line");
    assert_eq!(survey["columns"][0]["files"], 4);
    assert_eq!(survey["columns"][0]["records"], 128);
    assert_eq!(survey["columns"].as_array().unwrap().len(), 1);
    assert_eq!(survey["missing_fields"], json!([]));
    assert_eq!(
        survey["span_ns"],
        json!([1_773_454_504_000_000_000_u64, 1_773_455_336_000_000_000_u64])
    );
    let records = &survey["records"];
    assert_eq!(
        (&records["lines"], &records["used"]),
        (&json!(132), &json!(80))
    );
    assert_eq!(
        (&records["headers"], &records["no_data"]),
        (&json!(4), &json!(47))
    );
    assert_eq!(records["gaps_by_eni"], json!({"eni-0e19a4c6d8b3f7522": 1}));
    assert_eq!(survey["logged"], sums(80, 506, 235_475));
    assert_eq!(survey["actions"]["ACCEPT"], sums(66, 486, 234_467));
    assert_eq!(survey["actions"]["REJECT"], sums(14, 20, 1_008));
    let protocol =
        |number, name: &str, logged| json!({"number": number, "name": name, "logged": logged});
    let (tcp, udp) = (sums(68, 488, 233_954), sums(8, 10, 849));
    let all = [
        protocol(6, "TCP", tcp),
        protocol(17, "UDP", udp),
        protocol(1, "ICMP", sums(4, 8, 672)),
    ];
    assert_eq!(survey["protocols"], json!(all));
    assert_eq!(survey["enis"], 5);
    let busiest = &survey["busiest_enis"][0];
    assert_eq!(busiest["name"], "eni-0c26d9a8f1e37b540");
    assert_eq!(busiest["logged"], sums(20, 149, 68_598));
    assert_eq!(survey["accounts"], json!(["111122223333"]));
    assert_eq!(survey["regions"], json!(["eu-central-1"]));
}

#[test]
fn person_is_told_the_same_of_the_incident() {
    let page = page(testdata("incident"), &[]);
    for line in [
        "kinds        4 files of text in gzip",
        "columns      29 in 4 files, 128 records, from the header line:",
        "missing      no field that a conversion needs",
        "span         2026-03-14T02:15:04Z to 2026-03-14T02:28:56Z",
        "records      80 of 132 lines counted",
        "             47 NODATA",
        "               eni-0e19a4c6d8b3f7522 2026-03-14T02:22:50Z to 2026-03-14T02:23:49Z",
        "logged       total                80 records, 506 packets, 235,475 bytes",
        "             ICMP                  4 records,   8 packets,     672 bytes",
        "accounts     111122223333",
        "regions      eu-central-1",
    ] {
        assert!(
            page.lines().any(|found| found == line),
            "{line} is not in\n{page}"
        );
    }
}

#[test]
fn conversion_tells_the_same_of_the_lines_and_sums() {
    let folder = tempfile::tempdir().unwrap();
    let made = |name, version, goal, shape| {
        let path = folder.path().join(name);
        let settings = Settings {
            enis: 20,
            ..Settings::new(version, 7)
        };
        generate(settings, goal, shape, shape == Shape::Tree, &path).unwrap();
        path
    };
    for input in [
        testdata("incident"),
        testdata("v2_default.log"),
        testdata("broken.log"),
        testdata("two_formats.log"),
        testdata("cloudwatch_console.csv"),
        testdata("tgw_default.log"),
        made("one.log", Version::V5, Goal::Lines(4_000), Shape::OneFile),
        made("tree", Version::V2, Goal::Bytes(500_000), Shape::Tree),
        made("many", Version::V5, Goal::Lines(700), Shape::Files(60)),
    ] {
        let (survey, converted) = same_fates(&input);
        if converted.count("/records/duplicates") == 0 {
            assert_eq!(
                survey["logged"]["packets"],
                converted.count("/packets/logged")
            );
            assert_eq!(
                survey["logged"]["bytes"],
                converted.count("/packets/bytes_logged")
            );
        }
    }
}

#[test]
fn estimate_of_a_capture_is_near_what_it_becomes() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made.log");
    let settings = Settings {
        enis: 20,
        ..Settings::new(Version::V5, 7)
    };
    generate(settings, Goal::Lines(5_000), Shape::OneFile, false, &made).unwrap();
    for input in [testdata("incident"), made] {
        let survey = inspect(&input, &[]);
        for estimate in survey["estimates"].as_array().unwrap() {
            let detail = estimate["detail"].as_str().unwrap();
            let converted = convert(&[&input], &["--vantage", "all", "--detail", detail]);
            for (ours, theirs) in [
                ("packets", "/packets/written"),
                ("file_bytes", "/output/file_bytes"),
            ] {
                let (about, is) = (estimate[ours].as_u64().unwrap(), converted.count(theirs));
                let off = about.abs_diff(is);
                assert!(
                    off * 4 < is,
                    "{detail}: about {about} {ours}, and {is} written"
                );
            }
        }
        assert_eq!(survey["estimates"][0]["detail"], "auto");
    }
}

#[test]
fn record_delivered_twice_counts_twice() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(testdata("v2_default.log")).unwrap();
    let twice = file(&folder, "twice.log", text.clone() + &text);
    let once = inspect(testdata("v2_default.log"), &[]);
    let (survey, converted) = same_fates(&twice);
    let packets = |survey: &Value| survey["logged"]["packets"].as_u64().unwrap();
    assert_eq!(packets(&survey), 2 * packets(&once));
    assert_eq!(converted.count("/records/duplicates"), 22);
}

#[test]
fn default_format_lacks_flags_and_says_how_to_log_them() {
    let survey = inspect(testdata("v2_headerless.log"), &[]);
    assert_eq!(survey["columns"][0]["evidence"], "default");
    assert_eq!(survey["missing_fields"][0]["fields"], json!(["tcp-flags"]));
    assert_eq!(survey["missing_fields"][0]["records"], 26);
    let page = page(testdata("v2_headerless.log"), &[]);
    assert!(
        page.contains("from the order of the values (default):"),
        "{page}"
    );
    assert!(page.contains("missing      tcp-flags: handshakes and ends are presumed"));
    assert!(
        page.contains("flow2pcap setup vpc-… --destination s3://…"),
        "{page}"
    );
}

#[test]
fn gaps_are_counted_by_eni_where_there_are_many() {
    let folder = tempfile::tempdir().unwrap();
    let gap = |eni: u32| {
        format!("2 111122223333 eni-{eni} - - - - - - - 1773454504 1773454563 - SKIPDATA\n")
    };
    let record =
        "2 111122223333 eni-1 10.0.0.1 10.0.0.2 1 2 255 3 300 1773454504 1773454563 ACCEPT OK\n";
    let gaps: String = (0..2_500).map(|n| gap(n % 2)).collect();
    let path = file(&folder, "gaps.log", record.to_owned() + &gaps);
    let survey = inspect(&path, &[]);
    let records = &survey["records"];
    assert_eq!(
        records["gaps_by_eni"],
        json!({"eni-0": 1_250, "eni-1": 1_250})
    );
    assert_eq!(records["gaps"].as_array().unwrap().len(), 1_000);
    assert!(page(&path, &[]).contains("             by ENI: eni-0 (1,250) eni-1 (1,250)\n"));
    // The last protocol number there is.
    let named = json!([{"number": 255, "name": "Reserved", "logged": sums(1, 3, 300)}]);
    assert_eq!(survey["protocols"], named);
}

#[test]
fn wrapped_records_are_named_by_their_wrapping() {
    for (name, kind) in [
        ("filter_log_events.json", "JSON (messages)"),
        ("firehose.json", "JSON (messages)"),
        ("gcp.json", "JSON (GCP log entries)"),
        ("insights.json", "JSON (Logs Insights response)"),
        ("json_lines.json", "JSON (one key per field)"),
        ("lambda_event.json", "JSON (event with encoded data)"),
        ("nsg_v2.json", "JSON (Azure flow log)"),
        ("ocsf.json", "JSON (OCSF)"),
        ("subscription.gz", "JSON (CloudWatch subscription) in gzip"),
    ] {
        let (survey, _) = same_fates(&testdata("wrapped").join(name));
        assert_eq!(survey["input"]["kinds"], json!({kind: 1}), "{name}");
    }
}

#[test]
fn member_of_an_archive_is_named_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    let text = std::fs::read(testdata("v2_default.log")).unwrap();
    let packed = gzip(&text);
    for (name, bytes) in [("AWSLogs/a.log", &text), ("AWSLogs/b.log.gz", &packed)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        tar.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    let packed = file(&folder, "logs.tar", tar.into_inner().unwrap());
    let (survey, _) = same_fates(&packed);
    let expected = json!({"text in a tar archive": 1, "text in gzip in a tar archive": 1});
    assert_eq!(survey["input"]["kinds"], expected);
    assert_eq!(survey["columns"][0]["files"], 2);
}

#[test]
fn each_order_of_columns_in_a_file_is_told() {
    let survey = inspect(testdata("two_formats.log"), &[]);
    let orders = survey["columns"].as_array().unwrap();
    let records: Vec<u64> = orders
        .iter()
        .map(|o| o["records"].as_u64().unwrap())
        .collect();
    assert_eq!(records.len(), 2);
    assert_eq!(records.iter().sum::<u64>(), 7);
}

#[test]
fn filter_leaves_the_records_that_a_conversion_of_only_those_tells() {
    let incident = testdata("incident");
    for options in [
        &["--action", "reject"][..],
        &["--from", "2026-03-14T02:20", "--to", "2026-03-14T02:23"],
        &["--from", "-5m", "--protocol", "tcp"],
        &["--to", "-5m"],
    ] {
        let survey = inspect(&incident, options);
        let all = [options, &["--vantage", "all", "--only-matching"]].concat();
        let converted = convert(&[&incident], &all);
        assert_eq!(
            survey["records"]["used"],
            converted.count("/records/used"),
            "{options:?}"
        );
        assert_eq!(
            survey["records"]["filtered"],
            converted.count("/records/filtered")
        );
        assert_eq!(survey["requested_ns"], converted.summary()["requested_ns"]);
        assert_eq!(survey["logged"]["records"], survey["records"]["used"]);
        assert!(converted.count("/records/used") > 0, "{options:?}");
    }
}

#[test]
fn threads_do_not_change_the_answer() {
    let timeless = |threads| {
        let mut survey = inspect(testdata("incident"), &["--threads", threads]);
        survey["elapsed_ms"].take();
        let estimates = survey["estimates"].as_array_mut().unwrap();
        estimates.iter_mut().for_each(|estimate| {
            estimate["elapsed_ms"].take();
        });
        survey
    };
    assert_eq!(timeless("1"), timeless("3"));
}

#[test]
fn status_is_that_of_a_conversion() {
    let status = |arguments: &[&str], input: &str| {
        let input = testdata(input);
        let run = run(flow2pcap().arg("inspect").args(arguments).arg(input));
        (run.code, run.stdout.is_empty())
    };
    assert_eq!(status(&[], "broken.log"), (0, false));
    assert_eq!(status(&["--strict"], "broken.log"), (1, false));
    assert_eq!(status(&["--strict"], "incident"), (0, false));
    assert_eq!(status(&[], "not_a_flow_log/aws-logs-write-test"), (2, true));
    assert_eq!(
        status(&["--strict"], "not_a_flow_log/alb_access.log"),
        (0, false)
    );
    assert_eq!(status(&["--max-packets", "1"], "incident"), (2, true));
}

#[test]
fn relative_time_of_standard_input_says_what_to_do() {
    let text = std::fs::read(testdata("v2_default.log")).unwrap();
    let mut command = flow2pcap();
    command
        .args(["inspect", "-", "--from", "-2h"])
        .write_stdin(text);
    let run = run(&mut command);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("--from 2026-03-14T02:15"),
        "{}",
        run.stderr
    );
}

#[test]
fn help_teaches_with_examples() {
    let help = run(flow2pcap().args(["inspect", "--help"]));
    let text = String::from_utf8(help.stdout).unwrap();
    for part in ["Examples:", "--json", "--from", "Exit status"] {
        assert!(text.contains(part), "{part} is not in the help");
    }
}

#[test]
fn missing_fields_are_named_if_every_record_was_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let text = "interface-id srcaddr srcport dstport protocol action\n\
                eni-5d 10.5.0.4 50100 443 6 ACCEPT\n";
    let path = file(&folder, "no_time.log", text);
    let inspected = |options: &[&str]| {
        let mut command = flow2pcap();
        let run = run(command.arg("inspect").arg(&path).args(options));
        assert_eq!(run.code, 2);
        assert!(
            run.stderr.contains("no record can be used"),
            "{}",
            run.stderr
        );
        String::from_utf8(run.stdout).unwrap()
    };
    let survey: Value = serde_json::from_str(&inspected(&["--json"])).unwrap();
    assert_eq!(survey["records"]["used"], 0);
    assert_eq!(survey["missing_fields"][0]["fields"], json!(["dstaddr"]));
    let page = inspected(&[]);
    assert!(
        page.contains("dstaddr: a record without both addresses is skipped"),
        "{page}"
    );
    assert!(page.contains("start, end: "), "{page}");
}
