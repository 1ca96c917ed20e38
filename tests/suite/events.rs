//! Load balancer logs, CloudTrail and DNS beside flow logs: which subcommands read them as events, and
//! that the others leave them out under their names.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use flow2pcap::event::Event;
use flow2pcap::filter::Filter;
use flow2pcap::flow::Unusable;
use flow2pcap::read::{Archive, Found, FoundEvent, Sink};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::wrapping::gzip;
use crate::support::{convert, file, flow2pcap, run, testdata};

const ALB: &str = r#"https 2026-03-14T02:15:04.186641Z app/web/50dc6c495c0c9188 203.0.113.9:2817 10.0.2.7:8080 0.001 -1 -1 502 - 34 366 "GET https://www.example.com:443/api/v1 HTTP/1.1" "curl/8.5.0" - - arn:x "Root=1-2" "-" "-" 1 2026-03-14T02:15:04.100000Z "forward" "-" "-" "10.0.2.7:8080" "-" "-" "-" TID_1"#;
const CONNECTION: &str = r#"2026-03-14T02:15:03.562461Z 203.0.113.9 2817 443 TLSv1.3 TLS_AES_128_GCM_SHA256 0.012 "-" - - - TID_1"#;
const NLB: &str = "tls 2.0 2026-03-14T02:15:40 net/web/1 g 203.0.113.9:51341 10.0.1.5:443 5000 2 29 24 - arn:x - - tlsv12 - - - - - 2026-03-14T02:15:35";
const CLB: &str = r#"2026-03-14T02:15:04.945958Z web 203.0.113.9:2817 10.0.1.5:80 0.000073 0.001048 0.0003 200 200 0 29 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0" - -"#;
const QUERY: &str = r#"{"version":"1.100000","account_id":"123456789012","region":"eu-central-1","vpc_id":"vpc-0a1b","query_timestamp":"2026-03-14T02:15:02Z","query_name":"db.example.com.","query_type":"A","query_class":"IN","rcode":"NOERROR","answers":[{"Rdata":"10.0.2.7","Type":"A","Class":"IN"}],"srcaddr":"10.0.1.5","srcport":"41000","transport":"UDP","srcids":{"instance":"i-0a1b"}}"#;
const ALERT: &str = r#"{"firewall_name":"fw","availability_zone":"eu-central-1a","event_timestamp":"1773454504","event":{"timestamp":"2026-03-14T02:15:04.000001+0000","flow_id":5,"event_type":"alert","src_ip":"10.0.1.5","src_port":50211,"dest_ip":"198.51.100.9","dest_port":443,"proto":"TCP","alert":{"signature_id":3,"signature":"x"},"verdict":{"action":"drop"}}}"#;
const LATTICE: &str = r#"{"sourceVpcArn":"arn:x","sourceIpPort":"10.0.1.5:50211","targetIpPort":"10.0.2.7:80","startTime":"2026-03-14T02:15:04Z","requestMethod":"GET","responseCode":504,"duration":60004}"#;

/// An API call with this identifier and time.
fn call(id: &str, time: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.09","userIdentity":{{"type":"IAMUser","userName":"ana"}},"eventTime":"{time}","eventSource":"ec2.amazonaws.com","eventName":"RevokeSecurityGroupIngress","awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.7","requestParameters":{{"groupId":"sg-0a1b2c3d"}},"responseElements":{{"_return":true}},"eventID":"{id}","recipientAccountId":"123456789012"}}"#
    )
}

fn trail(calls: &[String]) -> String {
    format!(r#"{{"Records":[{}]}}"#, calls.join(","))
}

/// A folder with a flow log and one file of each other kind, as AWS names and packs them.
fn bucket() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("AWSLogs/123456789012");
    let path = |name: &str| {
        let path = logs.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    let write = |name: &str, text: &str| {
        let text = text.as_bytes();
        let packed = match name.ends_with(".gz") {
            true => gzip(text),
            false => text.to_vec(),
        };
        fs::write(path(name), packed).unwrap();
    };
    fs::copy(testdata("v2_default.log"), path("vpcflowlogs/flows.log")).unwrap();
    let elb = "elasticloadbalancing/eu-central-1/2026/03/14/";
    let name = "123456789012_elasticloadbalancing_eu-central-1_";
    let bad = ALB.replace(" 502 - ", " 5x2 - ");
    write(
        &format!("{elb}{name}app.web.50dc_20260314T0220Z_10.0.1.9_2abc.log.gz"),
        &format!("{ALB}\n{bad}\n\n{ALB}\n"),
    );
    write(
        &format!("{elb}conn_log.{name}app.web.50dc_20260314T0220Z_10.0.1.9_2abd.log.gz"),
        CONNECTION,
    );
    write(
        &format!("{elb}{name}net.web.1_20260314T0220Z_2abe.log.gz"),
        NLB,
    );
    write(
        &format!("{elb}{name}web_20260314T0220Z_10.0.1.9_2abf.log"),
        CLB,
    );
    let (first, second) = ("6c3021c3-5697-431c-a27e-2427f30d67f4", "x");
    let calls = [
        call(first, "2026-03-14T02:14:20Z"),
        call(second, "2026-03-14T03:00:00Z"),
    ];
    write("CloudTrail/eu-central-1/a.json.gz", &trail(&calls));
    write("CloudTrail/eu-central-1/b.json.gz", &trail(&calls[..1]));
    write(
        "vpcdnsquerylogs/vpc-0a1b/a.log.gz",
        &format!("{QUERY}\n{QUERY}\n"),
    );
    write("network-firewall/alert/fw/a.log.gz", ALERT);
    write("lattice/a.json", LATTICE);
    let digest =
        r#"{"awsAccountId":"123456789012","digestStartTime":"2026-03-14T02:00:00Z","logFiles":[]}"#;
    write("CloudTrail-Digest/a.json.gz", digest);
    let insight = r#"{"Records":[{"eventTime":"2026-03-14T02:15:00Z","eventID":"1","insightDetails":{"state":"Start","eventSource":"ec2.amazonaws.com","eventName":"RunInstances","eventTime":"2026-03-14T02:15:00Z"}}]}"#;
    write("CloudTrail-Insight/a.json.gz", insight);
    folder
}

fn inspect_json(folder: &TempDir, options: &[&str]) -> Value {
    let mut command = flow2pcap();
    command.arg("inspect").arg(folder.path()).arg("--json");
    let inspected = run(command.args(options));
    assert_eq!(inspected.code, 0, "{}", inspected.stderr);
    serde_json::from_slice(&inspected.stdout).unwrap()
}

/// By kind: files, lines, events, filtered, duplicates, skipped.
fn counts(survey: &Value) -> BTreeMap<String, [u64; 6]> {
    let of = |log: &Value| {
        let number = |key: &str| log[key].as_u64().unwrap();
        let skipped = log["skipped"].as_object().unwrap().values();
        let skipped = skipped
            .map(|reason| reason["count"].as_u64().unwrap())
            .sum();
        let keys = ["files", "lines", "events", "filtered", "duplicates"].map(number);
        let read = number("blank") + keys[2] + keys[3] + keys[4] + skipped;
        assert_eq!(keys[1], read, "each line is counted once: {log}");
        [keys[0], keys[1], keys[2], keys[3], keys[4], skipped]
    };
    let logs = survey["events"].as_object().unwrap().iter();
    logs.map(|(kind, log)| (kind.clone(), of(log))).collect()
}

#[test]
fn inspect_counts_the_events_of_every_kind() {
    let survey = inspect_json(&bucket(), &[]);
    let found = counts(&survey);
    let expected = [
        ("alb_access", [1, 4, 2, 0, 0, 1]),
        ("alb_connection", [1, 1, 1, 0, 0, 0]),
        ("clb_access", [1, 1, 1, 0, 0, 0]),
        ("cloudtrail", [2, 3, 2, 0, 1, 0]),
        ("firewall_alert", [1, 1, 1, 0, 0, 0]),
        ("lattice", [1, 1, 1, 0, 0, 0]),
        ("nlb_access", [1, 1, 1, 0, 0, 0]),
        ("resolver_query", [1, 2, 2, 0, 0, 0]),
    ];
    let expected = expected.map(|(kind, counts)| (kind.to_owned(), counts));
    assert_eq!(found, BTreeMap::from(expected));
    let left_out: Vec<_> = survey["input"]["left_out"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(
        left_out,
        ["CloudTrail Insights events", "a CloudTrail digest"]
    );
    assert_eq!(survey["input"]["files"], 1);
    assert_eq!(
        survey["events"]["alb_access"]["span_ns"][0],
        1_773_454_504_186_641_000_i64
    );
}

#[test]
fn bad_line_is_shown_with_its_place_and_what_was_expected() {
    let mut command = flow2pcap();
    let inspected = run(command.arg("inspect").arg(bucket().path()));
    let text = String::from_utf8(inspected.stdout).unwrap();
    assert!(
        text.contains("2 ALB requests in 1 file, 2026-03-14T02:15:04.186641Z to"),
        "{text}"
    );
    let place = r#"2abc.log.gz:2: found "5x2" as elb_status_code, expected an HTTP status, or -"#;
    assert!(text.contains(place), "{text}");
    assert!(text.contains("2 CloudTrail events in 2 files"), "{text}");
    assert!(text.contains("1 delivered more than once"), "{text}");
    let mut command = flow2pcap();
    let strict = run(command.arg("inspect").arg(bucket().path()).arg("--strict"));
    assert_eq!(strict.code, 1, "{}", strict.stderr);
}

#[test]
fn time_and_endpoints_narrow_events() {
    let bucket = bucket();
    let within = [
        "--from",
        "2026-03-14T02:14",
        "--to",
        "2026-03-14T02:15:04.5Z",
    ];
    let matching = |options: &[&str]| -> BTreeMap<String, u64> {
        // Flow records of the same time or address are none of this test's.
        let survey = inspect_events(&bucket, options);
        survey
            .into_iter()
            .filter(|(_, events)| *events > 0)
            .collect()
    };
    let all = |pairs: &[(&str, u64)]| -> BTreeMap<String, u64> {
        pairs
            .iter()
            .map(|(kind, n)| ((*kind).to_owned(), *n))
            .collect()
    };
    let expected = [
        ("alb_access", 2),
        ("alb_connection", 1),
        ("cloudtrail", 2),
        ("firewall_alert", 1),
        ("lattice", 1),
        ("resolver_query", 2),
    ];
    assert_eq!(matching(&within), all(&expected));
    assert_eq!(
        matching(&["--host", "10.0.2.7"]),
        all(&[("alb_access", 2), ("lattice", 1)])
    );
    let expected = [
        ("alb_access", 2),
        ("alb_connection", 1),
        ("firewall_alert", 1),
        ("nlb_access", 1),
    ];
    assert_eq!(matching(&["--port", "443"]), all(&expected));
}

/// The events that match, by kind, of the bucket without its flow log.
fn inspect_events(bucket: &TempDir, options: &[&str]) -> BTreeMap<String, u64> {
    let mut command = flow2pcap();
    command.arg("inspect").arg("--json").args(options);
    let mut seen = BTreeMap::new();
    for folder in fs::read_dir(bucket.path().join("AWSLogs/123456789012")).unwrap() {
        let path = folder.unwrap().path();
        if !path.ends_with("vpcflowlogs") {
            command.arg(path);
        }
    }
    let inspected = run(&mut command);
    assert_eq!(inspected.code, 0, "{}", inspected.stderr);
    let survey: Value = serde_json::from_slice(&inspected.stdout).unwrap();
    for (kind, log) in survey["events"].as_object().unwrap() {
        // The same call is in two files, and which of them is a duplicate is no matter here.
        let events = log["events"].as_u64().unwrap();
        let again = log["duplicates"].as_u64().unwrap();
        seen.insert(kind.clone(), if events > 0 { events + again } else { 0 });
    }
    seen
}

#[test]
fn convert_without_events_writes_the_same_capture_and_leaves_them_out_by_name() {
    let bucket = bucket();
    let mixed = convert(&[bucket.path()], &["--events", "none"]);
    let flows = bucket.path().join("AWSLogs/123456789012/vpcflowlogs");
    let alone = convert(&[&*flows], &[]);
    assert!(mixed.bytes() == alone.bytes());
    assert_eq!(mixed.summary()["events"], serde_json::json!({}));
    assert_eq!(mixed.count("/records/lines"), alone.count("/records/lines"));
    let left_out = &mixed.summary()["input"]["left_out"];
    for (name, count) in [
        ("an Application Load Balancer access log", 1),
        ("an Application Load Balancer connection log", 1),
        ("a Network Load Balancer access log", 1),
        ("a Classic Load Balancer access log", 1),
        ("a CloudTrail log", 2),
        ("a CloudTrail digest", 1),
        ("CloudTrail Insights events", 1),
        ("a Route 53 Resolver query log", 1),
        ("an AWS Network Firewall log", 1),
        ("a VPC Lattice access log", 1),
    ] {
        assert_eq!(left_out[name]["count"], count, "{name}: {left_out}");
    }
}

#[test]
fn diagnose_reads_every_event_whatever_the_filter_and_the_order() {
    let bucket = bucket();
    let diagnose = |options: &[&str]| -> Value {
        let mut command = flow2pcap();
        command.args(["diagnose", "--json"]).args(options);
        let run = run(&mut command);
        assert_eq!(run.code, 0, "{}", run.stderr);
        serde_json::from_slice(&run.stdout).unwrap()
    };
    let folder = bucket.path().to_str().unwrap();
    let all = diagnose(&[folder]);
    assert_eq!(counts(&all), counts(&inspect_json(&bucket, &[])));
    let changes = serde_json::json!({"made": 2, "attempted": 0, "left_out": 0});
    assert_eq!(all["changes"], changes);
    let narrowed = diagnose(&[folder, "--threads", "1", "--from", "2026-03-14T02:15"]);
    for key in ["events", "changes"] {
        assert_eq!(narrowed[key], all[key]);
    }
    let flows = bucket.path().join("AWSLogs/123456789012/vpcflowlogs");
    let alone = diagnose(&[flows.to_str().unwrap()]);
    assert_eq!(
        (alone.get("events"), &alone["changes"]),
        (None, &Value::Null)
    );
}

#[test]
fn diagnosis_needs_flow_logs_and_names_what_there_is() {
    let bucket = bucket();
    let trail = bucket.path().join("AWSLogs/123456789012/CloudTrail");
    let run = run(flow2pcap().arg("diagnose").arg(trail));
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("a CloudTrail log"), "{}", run.stderr);
}

/// Keeps the kind, the line and the time of each event.
struct Places;

impl Sink for Places {
    type Part = Vec<(&'static str, u64, i64)>;

    fn record(&self, _: &mut Self::Part, _: &Found<'_>) -> Result<(), Unusable> {
        Ok(())
    }

    fn event(&self, part: &mut Self::Part, found: &FoundEvent<'_>) {
        let event: &Event<'_> = found.event;
        part.push((event.kind().name(), found.place.line, event.instant_ns));
    }

    fn complete(&self, part: &mut Self::Part, base: u64) -> flow2pcap::error::Result<()> {
        part.iter_mut().for_each(|(_, line, _)| *line += base);
        Ok(())
    }

    fn append(&self, part: &mut Self::Part, later: Self::Part) {
        part.extend(later);
    }
}

fn places(path: PathBuf) -> Vec<(&'static str, u64, i64)> {
    let archive = Archive::builder(&[path]).filter(Filter::default()).events();
    archive.open().unwrap().read(&Places).unwrap().1
}

#[test]
fn events_keep_the_line_of_their_file_however_it_is_packed() {
    let folder = tempfile::tempdir().unwrap();
    // More than one block, and lines of the other kinds between.
    let mut text = String::from("cut at the front\n");
    for _ in 0..8_000 {
        for line in [ALB, CLB, "", NLB, "neither one nor the other"] {
            text += line;
            text.push('\n');
        }
    }
    let plain = places(file(&folder, "plain.log", &text));
    assert_eq!(plain.len(), 24_000);
    assert!(text.len() > 4 << 20, "{}", text.len());
    assert_eq!((plain[0].0, plain[0].1), ("alb_access", 2));
    assert_eq!((plain[23_999].0, plain[23_999].1), ("nlb_access", 40_000));
    let packed = gzip(&text);
    assert_eq!(places(file(&folder, "packed.log.gz", packed)), plain);
}

#[test]
fn json_and_messages_of_cloudwatch_are_unwrapped() {
    let folder = tempfile::tempdir().unwrap();
    let calls: Vec<String> = (0..3)
        .map(|n| call(&n.to_string(), "2026-03-14T02:15:04Z"))
        .collect();
    let message = |text: &str| serde_json::json!({"id": "1", "timestamp": 1, "message": text});
    let envelope = |events: Vec<Value>| {
        serde_json::json!({"messageType": "DATA_MESSAGE", "logEvents": events}).to_string()
    };
    let lines = calls.join("\n");
    let wrapped = envelope(calls.iter().map(|call| message(call)).collect());
    for (name, text) in [
        ("lines", lines),
        ("trail", trail(&calls)),
        ("wrapped", wrapped),
    ] {
        let found = places(file(&folder, name, text));
        let numbers: Vec<u64> = found.iter().map(|(_, line, _)| *line).collect();
        assert_eq!(numbers, [1, 2, 3], "{name}");
    }
    let messages = envelope(vec![message(ALB), message("nothing"), message(NLB)]);
    let kinds: Vec<_> = places(file(&folder, "messages", messages))
        .into_iter()
        .map(|found| found.0)
        .collect();
    assert_eq!(kinds, ["alb_access", "nlb_access"]);
}

#[test]
fn hostile_logs_are_counted_and_cost_no_event() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!(
        "{ALB}\n{}\n{ALB} {}\n{CLB}\n",
        "x".repeat(3 << 20),
        "a ".repeat(400_000)
    );
    let path = file(&folder, "long.log", long);
    let numbers: Vec<u64> = places(path).iter().map(|(_, line, _)| *line).collect();
    assert_eq!(numbers, [1, 3, 4]);
    let deep = "[".repeat(1 << 20) + &"]".repeat(1 << 20);
    let wide = format!("{{{}\"a\":1}}", "\"a\":1,".repeat(200_000));
    let first = call("1", "2026-03-14T02:15:04Z");
    let text = format!("{first}\n{{\"a\":{deep}}}\n{wide}\n{{\"torn\"\n{first}\n");
    let found = places(file(&folder, "deep.json", text));
    let numbers: Vec<u64> = found.iter().map(|(_, line, _)| *line).collect();
    assert_eq!(numbers, [1, 5]);
}

#[test]
fn archive_without_a_flow_log_is_inspected_for_its_events() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "alb.log", format!("{ALB}\n"));
    let mut command = flow2pcap();
    let inspected = run(command.arg("inspect").arg(&path));
    assert_eq!(inspected.code, 0, "{}", inspected.stderr);
    let text = String::from_utf8(inspected.stdout).unwrap();
    assert!(text.contains("1 ALB request in 1 file"), "{text}");
    let mut command = flow2pcap();
    let converted = run(command
        .arg("convert")
        .arg(&path)
        .arg("-o")
        .arg(folder.path().join("a.pcapng")));
    assert_eq!(converted.code, 2);
    let reason = "1 left out: an Application Load Balancer access log";
    assert!(converted.stderr.contains(reason), "{}", converted.stderr);
}
