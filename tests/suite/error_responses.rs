//! Error responses of load balancers: why they were given, and which finding they confirm.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::attempts::{log, often};
use crate::support::{flow2pcap, run};

/// When the log begins, `support::attempts::BEGIN`.
const BEGIN: u64 = 1_773_454_500;

/// A row for a request to 10.0.2.9:8080 that came at this second and was answered after so many
/// milliseconds, with these statuses.
fn row(second: u64, waited_ms: u64, status: &str, target_status: &str) -> String {
    let at = |ms: u64| {
        let ns = i128::from(BEGIN * 1000 + ms) * 1_000_000;
        jiff::Timestamp::from_nanosecond(ns).unwrap().to_string()
    };
    let (came, sent) = (at(second * 1000), at(second * 1000 + waited_ms));
    format!(
        "http {sent} app/web/50dc 203.0.113.9:51341 10.0.2.9:8080 0.001 -1 -1 {status} {target_status} 120 277 \
         \"GET http://www.example.com:80/ HTTP/1.1\" \"curl/7.46.0\" - - arn:aws:elasticloadbalancing:x:targetgroup/a/b \
         \"Root=1-58337262-36d228ad5d99923122bbe354\" \"-\" \"-\" 0 {came} \"forward\" \"-\" \"-\" \"10.0.2.9:8080\" \
         \"{target_status}\" \"-\" \"-\" TID_1 \"-\" \"-\" \"-\" 10.0.1.5\n"
    )
}

/// A bucket with these flow log rows, four times, and these rows of an access log.
fn bucket(rows: &[&str], requests: &[String]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("flows.log"), log(&often(4, rows))).unwrap();
    fs::write(folder.path().join("alb.log"), requests.concat()).unwrap();
    folder
}

fn diagnose(folder: &TempDir, options: &[&str]) -> Value {
    let mut command = flow2pcap();
    let run = run(command
        .args(["diagnose", "--json"])
        .arg(folder.path())
        .args(options));
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_slice(&run.stdout).unwrap()
}

/// A load balancer's node and its target, which answers with RST.
const REFUSED: [&str; 4] = [
    "node/a egress 10.0.1.5 10.0.2.9 {p} 8080 1 {s} ACCEPT 2",
    "app/b ingress 10.0.1.5 10.0.2.9 {p} 8080 1 {s} ACCEPT 2",
    "app/b egress 10.0.2.9 10.0.1.5 8080 {p} 1 {s} ACCEPT 4",
    "node/a ingress 10.0.2.9 10.0.1.5 8080 {p} 1 {s} ACCEPT 4",
];

/// The same, and the target answers nothing.
const SILENT: [&str; 2] = [
    "node/a egress 10.0.1.5 10.0.2.9 {p} 8080 4 {s} ACCEPT 2",
    "app/b ingress 10.0.1.5 10.0.2.9 {p} 8080 4 {s} ACCEPT 2",
];

/// The same, and the target answers.
const ANSWERED: [&str; 4] = [
    "node/a egress 10.0.1.5 10.0.2.9 {p} 8080 6 {s} ACCEPT 3",
    "app/b ingress 10.0.1.5 10.0.2.9 {p} 8080 6 {s} ACCEPT 3",
    "app/b egress 10.0.2.9 10.0.1.5 8080 {p} 6 {s} ACCEPT 19",
    "node/a ingress 10.0.2.9 10.0.1.5 8080 {p} 6 {s} ACCEPT 19",
];

/// The target's security group lets nothing in.
const REJECTED: [&str; 2] = [
    "node/a egress 10.0.1.5 10.0.2.9 {p} 8080 4 {s} ACCEPT 2",
    "app/b ingress 10.0.1.5 10.0.2.9 {p} 8080 4 {s} REJECT 2",
];

/// A connection that the target resets.
const RESET: [&str; 4] = [
    "node/a egress 10.0.1.5 10.0.2.9 {p} 8080 4 {s} ACCEPT 2",
    "app/b ingress 10.0.1.5 10.0.2.9 {p} 8080 4 {s} ACCEPT 2",
    "app/b egress 10.0.2.9 10.0.1.5 8080 {p} 3 {s} ACCEPT 22",
    "node/a ingress 10.0.2.9 10.0.1.5 8080 {p} 3 {s} ACCEPT 22",
];

#[track_caller]
fn check(told: &Value, cause: &str, finding: Option<u64>, explained: u64) {
    let group = &told["error_responses"][0];
    let found = (group["cause"].as_str(), group["finding"].as_u64());
    assert_eq!(found, (Some(cause), finding), "{told:#}");
    assert_eq!(group["explained"], explained, "{group:#}");
}

#[test]
fn refused_target_explains_502_and_the_rows_prove_the_finding() {
    let rows: Vec<String> = (0..4).map(|i| row(i * 60, 3, "502", "-")).collect();
    let told = diagnose(&bucket(&REFUSED, &rows), &[]);
    check(&told, "target-refuses", Some(1), 4);
    let group = &told["error_responses"][0];
    let facts = ["count", "of", "status"].map(|key| group[key].as_u64());
    assert_eq!(facts, [Some(4), Some(4), Some(502)]);
    assert_eq!(group["target"], "10.0.2.9:8080");
    assert_eq!(group["records"][0], "alb.log:1");
    let first = &told["findings"][0];
    assert_eq!(
        (&first["cause"], &first["certainty"]),
        (&"refused".into(), &"proved".into())
    );
    let seen = first["seen"].as_str().unwrap();
    let confirmed =
        "; app/web/50dc answered 4 requests for the same targets with 502 in the same minutes";
    assert!(seen.ends_with(confirmed), "{seen}");
}

#[test]
fn silent_target_explains_504_and_is_proved() {
    let rows: Vec<String> = (0..4).map(|i| row(i * 60, 10_001, "504", "-")).collect();
    let folder = bucket(&SILENT, &rows);
    let told = diagnose(&folder, &[]);
    check(&told, "target-silent", Some(1), 4);
    assert_eq!(told["findings"][0]["certainty"], "proved");
    // Without the rows it is likely.
    fs::remove_file(folder.path().join("alb.log")).unwrap();
    let told = diagnose(&folder, &[]);
    assert_eq!(told["findings"][0]["certainty"], "likely");
    assert_eq!(told.get("error_responses"), None);
}

#[test]
fn errors_at_another_time_or_of_another_kind_are_not_explained_by_a_finding() {
    // Hours after the attempts that fail.
    let late: Vec<String> = (0..4)
        .map(|i| row(20_000 + i * 60, 3, "502", "-"))
        .collect();
    check(
        &diagnose(&bucket(&REFUSED, &late), &[]),
        "target-closed",
        None,
        0,
    );
    // A target that is not reached does not answer with an error of its own.
    let own: Vec<String> = (0..4).map(|i| row(i * 60, 3, "500", "500")).collect();
    check(
        &diagnose(&bucket(&REFUSED, &own), &[]),
        "target-error",
        None,
        0,
    );
}

/// Both fail at once at one target: a request that was sent to it had a connection.
#[test]
fn request_that_was_dispatched_is_explained_by_a_reset_and_another_by_what_blocks() {
    let reset = often(4, &RESET).into_iter();
    let mut rows = often(4, &REJECTED);
    rows.extend(reset.map(|row| row.replace(" 41", " 42")));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("flows.log"), log(&rows)).unwrap();
    let sent = |i: u64| row(i * 60, 3, "502", "-");
    let not_sent = |i: u64| row(i * 60, 4, "502", "-").replace(" 0.001 -1 -1 ", " -1 -1 -1 ");
    let requests: Vec<String> = (0..4).flat_map(|i| [sent(i), not_sent(i)]).collect();
    fs::write(folder.path().join("alb.log"), requests.concat()).unwrap();
    let told = diagnose(&folder, &[]);
    let groups = told["error_responses"].as_array().unwrap();
    let causes: Vec<(&str, u64)> = groups
        .iter()
        .map(|group| {
            let explained = group["explained"].as_u64().unwrap();
            (group["cause"].as_str().unwrap(), explained)
        })
        .collect();
    assert_eq!(causes, [("target-blocked", 4), ("target-resets", 4)]);
    assert_ne!(groups[0]["finding"], groups[1]["finding"]);
}

#[test]
fn request_that_was_open_while_attempts_fail_is_explained_by_them() {
    // It came three minutes before the first of them.
    let early = |waited_ms| {
        let came = jiff::Timestamp::from_second(BEGIN as i64 - 180).unwrap();
        let sent = came + jiff::SignedDuration::from_millis(waited_ms);
        let row = row(0, 0, "504", "-");
        let at = jiff::Timestamp::from_second(BEGIN as i64)
            .unwrap()
            .to_string();
        let row = row.replacen(&at, &sent.to_string(), 1);
        row.replacen(&at, &came.to_string(), 1)
    };
    let told = diagnose(&bucket(&SILENT, &[early(200_000)]), &[]);
    check(&told, "target-silent", Some(1), 1);
    let told = diagnose(&bucket(&SILENT, &[early(60_000)]), &[]);
    check(&told, "target-slow", None, 0);
}

#[test]
fn row_says_what_is_known_where_the_network_works() {
    for (waited_ms, status, cause) in [
        (4, "502", "target-closed"),
        (10_002, "504", "connect-timeout"),
        (60_004, "504", "target-slow"),
        (7_000, "460", "client-left"),
        (1, "561", "balancer-error"),
    ] {
        let rows = [row(0, waited_ms, status, "-"), row(60, 5, "200", "200")];
        let told = diagnose(&bucket(&ANSWERED, &rows), &[]);
        check(&told, cause, None, 0);
        let group = &told["error_responses"][0];
        assert_eq!((&group["count"], &group["of"]), (&1.into(), &2.into()));
    }
    // Without a target nothing is said of one.
    let rows = [row(0, 60_004, "504", "-").replace(" 10.0.2.9:8080 0.001", " - -1")];
    check(
        &diagnose(&bucket(&ANSWERED, &rows), &[]),
        "balancer-error",
        None,
        0,
    );
    let rows = [row(0, 1, "503", "-").replace(" 10.0.2.9:8080 0.001", " - -1")];
    check(
        &diagnose(&bucket(&ANSWERED, &rows), &[]),
        "no-target",
        None,
        0,
    );
}

#[test]
fn page_and_report_list_the_errors_with_their_cause() {
    let rows: Vec<String> = (0..4).map(|i| row(i * 60, 3, "502", "-")).collect();
    let folder = bucket(&REFUSED, &rows);
    let page = run(flow2pcap().arg("diagnose").arg(folder.path()));
    let page = String::from_utf8(page.stdout).unwrap();
    let line = "HTTP errors  4 of 4 requests to app/web/50dc: 502 for target 10.0.2.9:8080";
    assert!(page.contains(line), "{page}");
    assert!(page.contains("(finding 1)"), "{page}");
    assert!(
        page.contains("load balancers answered 4 requests with an error"),
        "{page}"
    );
    let report = folder.path().join("report.html");
    let made = run(flow2pcap()
        .arg("report")
        .arg(folder.path())
        .arg("--output")
        .arg(&report));
    assert_eq!(made.code, 0, "{}", made.stderr);
    let report = fs::read_to_string(report).unwrap();
    assert!(report.contains("Errors that load balancers answered with"));
    assert!(report.contains("10.0.2.9:8080"));
}

#[test]
fn errors_are_the_same_in_any_order_of_files() {
    let rows: Vec<String> = (0..40).map(|i| row(i * 6, 3, "502", "-")).collect();
    let one = diagnose(&bucket(&REFUSED, &rows), &[]);
    let folder = bucket(&REFUSED, &rows[20..]);
    fs::write(folder.path().join("zz.log"), rows[..20].concat()).unwrap();
    let two = diagnose(&folder, &["--threads", "1"]);
    let facts = |told: &Value| {
        let group = told["error_responses"][0].clone();
        ["count", "of", "first", "last", "explained"].map(|key| group[key].clone())
    };
    assert_eq!(facts(&one), facts(&two));
    assert_eq!(one["findings"][0]["seen"], two["findings"][0]["seen"]);
}

/// More targets than are listed one by one.
#[test]
fn errors_of_many_targets_are_all_counted() {
    let target =
        |n: u64| row(n, 3, "502", "-").replace("10.0.2.9:8080", &format!("10.0.3.{n}:8080"));
    let rows: Vec<String> = (0..60).map(target).collect();
    let folder = bucket(&ANSWERED, &rows);
    let told = diagnose(&folder, &[]);
    assert_eq!(told["error_responses"].as_array().unwrap().len(), 50);
    assert_eq!(told["request_errors"], 60);
    let page = run(flow2pcap().arg("diagnose").arg(folder.path()));
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(
        page.contains("10 more errors of other load balancers"),
        "{page}"
    );
}
