//! `diagnose` says what is the matter, row by row of what it can tell, and what it cannot.

use std::path::{Path, PathBuf};

use crate::support::attempts::{log, often};
use crate::support::{convert, file, flow2pcap, run, testdata, tshark, unpacked};
use serde_json::Value;
use tempfile::TempDir;

/// A clean connection to the database at 10.0.2.9 from 10.0.3.3, which is in another subnet.
const PASSES: [&str; 2] = [
    "db/d ingress 10.0.3.3 10.0.2.9 {p} 5432 9 {s} ACCEPT 3",
    "db/d egress 10.0.2.9 10.0.3.3 5432 {p} 9 {s} ACCEPT 19",
];

fn diagnose<P: AsRef<Path>>(inputs: &[P], options: &[&str]) -> Value {
    let mut command = flow2pcap();
    command.args(["diagnose", "--json"]).args(options);
    inputs.iter().for_each(|input| {
        command.arg(input.as_ref());
    });
    let run = run(&mut command);
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_slice(&run.stdout).unwrap()
}

/// Diagnoses a log of these rows; the first finding must be this, and its filter show it.
#[track_caller]
fn check(rows: &[String], cause: &str, certainty: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "story.log", log(rows));
    let told = diagnose(std::slice::from_ref(&path), &[]);
    let first = told["findings"][0].clone();
    assert_eq!(
        (first["cause"].as_str(), first["certainty"].as_str()),
        (Some(cause), Some(certainty)),
        "{told:#}"
    );
    shown(&told, &path);
    first
}

/// Asserts that each finding's display filter shows packets in the capture of the same archive.
#[track_caller]
fn shown(told: &Value, path: &PathBuf) {
    let Some(tshark) = tshark::tshark() else {
        return;
    };
    let converted = convert(std::slice::from_ref(path), &[]);
    for finding in told["findings"].as_array().unwrap() {
        let filter = finding["display_filter"].as_str().unwrap();
        assert!(
            tshark.count(converted.path(), filter) > 0,
            "{filter} shows nothing"
        );
    }
}

#[test]
fn reply_rejected_at_the_same_eni_is_the_network_acl() {
    let rows = often(
        3,
        &[
            "db/d ingress 10.0.1.5 10.0.2.9 {p} 5432 3 {s} ACCEPT 2",
            "db/d egress 10.0.2.9 10.0.1.5 5432 {p} 4 {s} REJECT 18",
        ],
    );
    let found = check(&rows, "acl-blocks-reply", "proved");
    assert_eq!(found["where"]["subnets"][0], "subnet-d");
    assert!(
        found["seen"].as_str().unwrap().contains("41000-41074"),
        "{found:#}"
    );
}

#[test]
fn syn_rejected_on_its_way_in_is_security_group_or_acl() {
    let blocked = [
        "app/a egress 10.0.1.5 10.0.2.9 {p} 5432 4 {s} ACCEPT 2",
        "db/d ingress 10.0.1.5 10.0.2.9 {p} 5432 4 {s} REJECT 2",
    ];
    check(&often(4, &blocked), "inbound-blocked", "proved");
    let beside: Vec<&str> = blocked.into_iter().chain(PASSES).collect();
    let found = check(&often(4, &beside), "security-group-inbound", "likely");
    assert!(
        found["title"]
            .as_str()
            .unwrap()
            .contains("application to database"),
        "{found:#}"
    );
    let other = "db2/d ingress 10.0.1.5 10.0.2.8 {p} 5432 4 {s} REJECT 2";
    check(
        &often(4, &[blocked[0], blocked[1], other]),
        "acl-inbound",
        "likely",
    );
}

#[test]
fn syn_rejected_on_its_way_out_is_the_initiators() {
    let blocked = "app/a egress 10.0.1.5 10.0.2.9 {p} 5432 4 {s} REJECT 2";
    check(&often(4, &[blocked]), "outbound-blocked", "proved");
    let passes = [
        "app2/a egress 10.0.1.6 10.0.2.9 {p} 5432 9 {s} ACCEPT 3",
        "app2/a ingress 10.0.2.9 10.0.1.6 5432 {p} 9 {s} ACCEPT 19",
    ];
    check(
        &often(4, &[blocked, passes[0], passes[1]]),
        "security-group-outbound",
        "likely",
    );
    let other = "app2/a egress 10.0.1.6 10.0.2.9 {p} 5432 4 {s} REJECT 2";
    check(&often(4, &[blocked, other]), "acl-outbound", "likely");
}

#[test]
fn reason_in_the_record_is_told() {
    let rejected = |reason| {
        often(
            2,
            &[&format!(
                "web/w ingress 198.51.100.9 10.0.1.5 {{p}} 443 4 {{s}} REJECT 2 {reason}"
            )],
        )
    };
    check(&rejected("BPA"), "block-public-access", "proved");
    check(&rejected("EC"), "encryption-controls", "proved");
}

#[test]
fn silence_and_a_reply_by_another_way_are_told_apart() {
    let asks = "app/a egress 10.0.1.5 10.0.2.9 {p} 8080 5 {s} ACCEPT 2";
    let arrives = "web/w ingress 10.0.1.5 10.0.2.9 {p} 8080 5 {s} ACCEPT 2";
    let found = check(&often(3, &[asks, arrives]), "no-reply", "likely");
    assert!(
        found["seen"]
            .as_str()
            .unwrap()
            .contains("they reach the responder's ENI"),
        "{found:#}"
    );
    let leaves = "web2/w egress 10.0.2.9 10.0.1.5 8080 {p} 5 {s} ACCEPT 18";
    check(
        &often(3, &[asks, arrives, leaves]),
        "reply-elsewhere",
        "likely",
    );
    let [peered, private] = [(asks, 4), (leaves, 3)].map(|(row, path)| format!("{row} - {path}"));
    let found = check(
        &often(3, &[&peered, arrives, &private]),
        "reply-elsewhere",
        "likely",
    );
    let seen = found["seen"].as_str().unwrap();
    assert!(
        seen.contains("requests leave through a peering connection within the region, replies through a virtual private gateway: the path is asymmetric"),
        "{found:#}"
    );
    // Of two clients one has its replies sent back as it asks, and of the other no reply's way is told.
    let [there, back] = [asks, leaves].map(|row| format!("{row} - 4"));
    let other = |row: &str| {
        row.replace("10.0.1.5", "10.0.1.6")
            .replace("app/a", "batch/b")
    };
    let rows = [
        there,
        arrives.to_owned(),
        back,
        other(asks) + " - 3",
        other(arrives),
        other(leaves),
    ];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let found = check(&often(3, &rows), "reply-elsewhere", "likely");
    let seen = found["seen"].as_str().unwrap();
    assert!(
        seen.contains("requests leave through") && !seen.contains("asymmetric"),
        "{found:#}"
    );
}

#[test]
fn rst_is_told_by_when_it_comes() {
    let refused = [
        "app/a egress 10.0.1.5 10.0.2.9 {p} 8080 1 {s} ACCEPT 2",
        "app/a ingress 10.0.2.9 10.0.1.5 8080 {p} 1 {s} ACCEPT 4",
    ];
    check(&often(5, &refused), "refused", "proved");
    let aborted = [
        "app/a egress 10.0.1.5 10.0.2.9 {p} 8080 9 {s} ACCEPT 2",
        "app/a ingress 10.0.2.9 10.0.1.5 8080 {p} 9 {s} ACCEPT 22",
    ];
    check(&often(6, &aborted), "reset", "likely");
    let half = [
        "app/a egress 10.0.1.5 10.0.2.9 {p} 8080 1 {s} ACCEPT 2",
        "app/a ingress 10.0.2.9 10.0.1.5 8080 {p} 5 {s} ACCEPT 18",
    ];
    check(&often(3, &half), "half-open", "likely");
    let idle: Vec<String> = (0..2_u64)
        .flat_map(|i| {
            let (port, begin) = (50_000 + i, i * 900);
            let later = begin + 410;
            [
                format!("app/a egress 10.0.1.5 198.51.100.7 {port} 443 9 {begin} ACCEPT 2"),
                format!("app/a ingress 198.51.100.7 10.0.1.5 443 {port} 9 {begin} ACCEPT 18"),
                format!("app/a egress 10.0.1.5 198.51.100.7 {port} 443 1 {later} ACCEPT 0"),
                format!("app/a ingress 198.51.100.7 10.0.1.5 443 {port} 1 {later} ACCEPT 4"),
            ]
        })
        .collect();
    let found = check(&idle, "idle-timeout", "likely");
    assert!(
        found["title"].as_str().unwrap().contains("350 s"),
        "{found:#}"
    );
}

#[test]
fn service_that_fails_now_and_then_is_split_where_it_tells_most() {
    let refused = [
        "app/a egress 10.0.1.5 10.0.2.9 {p} 8080 1 {s} ACCEPT 2",
        "app/a ingress 10.0.2.9 10.0.1.5 8080 {p} 1 {s} ACCEPT 4",
    ];
    let passes = [
        "app/a egress 10.0.1.5 10.0.2.9 {p} 8080 9 {s} ACCEPT 3",
        "app/a ingress 10.0.2.9 10.0.1.5 8080 {p} 9 {s} ACCEPT 19",
    ];
    let mut rows = often(10, &refused);
    // The same from ports 20,000 higher.
    rows.extend(
        often(10, &passes)
            .into_iter()
            .map(|row| row.replace(" 41", " 61")),
    );
    let found = check(&rows, "intermittent", "likely");
    assert!(
        found["seen"]
            .as_str()
            .unwrap()
            .contains("fail, compared with 0 of 10 others"),
        "{found:#}"
    );
}

#[test]
fn noise_of_a_healthy_network_is_possible_at_most() {
    let mut rows = often(20, &PASSES);
    for port in 1..30 {
        rows.push(format!(
            "db/d ingress 203.0.113.66 10.0.2.9 61000 {port} 1 100 REJECT 2"
        ));
    }
    // The end of the first connection, late.
    rows.push("db/d ingress 10.0.3.3 10.0.2.9 41000 5432 1 30 REJECT 0".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "healthy.log", log(&rows));
    let told = diagnose(&[&path], &[]);
    let findings = told["findings"].as_array().unwrap();
    let named: Vec<&str> = findings
        .iter()
        .map(|f| f["cause"].as_str().unwrap())
        .collect();
    assert_eq!(named, ["scan", "late-packets"]);
    assert!(
        findings.iter().all(|f| f["certainty"] == "possible"),
        "{told:#}"
    );
    shown(&told, &path);
}

#[test]
fn incident_is_diagnosed_by_each_of_its_stories() {
    let incident = testdata("incident");
    let told = diagnose(&[&incident], &[]);
    let findings = told["findings"].as_array().unwrap();
    let named = findings.iter().map(|f| {
        (
            f["cause"].as_str().unwrap(),
            f["certainty"].as_str().unwrap(),
        )
    });
    let expected = [
        ("security-group-inbound", "likely"),
        ("refused", "likely"),
        ("acl-blocks-reply", "proved"),
        ("no-reply", "likely"),
        ("scan", "possible"),
        ("half-open", "possible"),
        ("reset", "possible"),
    ];
    assert_eq!(named.collect::<Vec<_>>(), expected, "{told:#}");
    assert_eq!(findings[0]["where"]["from"][0], "10.0.11.15");
    assert_eq!(findings[0]["where"]["ports"][0], 5432);
    assert!(
        told["blind_spots"][0]["what"]
            .as_str()
            .unwrap()
            .contains("SKIPDATA")
    );
    shown(&told, &incident);
    for record in findings
        .iter()
        .flat_map(|f| f["records"].as_array().unwrap())
    {
        let (name, line) = record.as_str().unwrap().rsplit_once(':').unwrap();
        let folder = incident.join("AWSLogs/111122223333/vpcflowlogs/eu-central-1/2026/03/14");
        let text = String::from_utf8(unpacked(&folder.join(name))).unwrap();
        let line = text
            .lines()
            .nth(line.parse::<usize>().unwrap() - 1)
            .unwrap();
        assert!(line.contains(" OK "), "{line}");
    }
}

#[test]
fn answer_does_not_depend_on_threads_memory_or_order() {
    let folder = testdata("incident");
    let files = [
        folder.clone(),
        testdata("v5_all_fields.log"),
        testdata("v2_default.log"),
    ];
    let back: Vec<PathBuf> = files.iter().rev().cloned().collect();
    let same = |mut told: Value| {
        told["elapsed_ms"] = 0.into();
        told["spilled_bytes"] = 0.into();
        told
    };
    let expected = same(diagnose(&files, &["--threads", "1"]));
    assert_eq!(same(diagnose(&files, &["--threads", "4"])), expected);
    assert_eq!(same(diagnose(&back, &["--memory", "16MiB"])), expected);
}

#[test]
fn archive_without_flags_says_what_it_cannot_tell() {
    let told = diagnose(&[testdata("v2_default.log")], &[]);
    let blind_spots: Vec<&str> = told["blind_spots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|u| u["what"].as_str().unwrap())
        .collect();
    assert!(
        blind_spots
            .iter()
            .any(|what| what.contains("without tcp-flags")),
        "{blind_spots:?}"
    );
    let needs_flags = ["refused", "reset", "half-open", "idle-timeout"];
    let mut findings = told["findings"].as_array().unwrap().iter();
    assert!(
        findings.all(|f| !needs_flags.contains(&f["cause"].as_str().unwrap())),
        "{told:#}"
    );
}

#[test]
fn narrowing_looks_at_whole_attempts() {
    let told = diagnose(
        &[testdata("incident")],
        &["--port", "5432", "--action", "reject"],
    );
    assert_eq!(told["attempts"], 1);
    assert_eq!(
        told["records"]["used"], 2,
        "the ACCEPT at the initiator belongs to it"
    );
    // Traffic that passes, which the filter does not show, is still evidence.
    assert_eq!(told["findings"][0]["cause"], "security-group-inbound");
    assert_eq!(told["findings"].as_array().unwrap().len(), 1);
}

#[test]
fn hour_without_traffic_is_no_hole_where_enis_say_so() {
    let record = |start: u64| format!("eni-a 10.0.0.1 10.0.0.2 9 9 17 1 60 {start} {start} OK\n");
    let quiet = |start: u64| format!("eni-a - - - - - - - {start} {} NODATA\n", start + 599);
    let columns = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end log-status\n";
    let (first, last) = (1_773_454_500, 1_773_458_700);
    let quiet: String = (first + 300..last).step_by(600).map(quiet).collect();
    for (between, has_hole) in [(quiet, false), (String::new(), true)] {
        let folder = tempfile::tempdir().unwrap();
        let text = [columns, &record(first), &between, &record(last)].concat();
        let told = diagnose(&[file(&folder, "quiet.log", text)], &[]);
        let unseen = told["blind_spots"].to_string();
        assert_eq!(unseen.contains("half an hour"), has_hole, "{unseen}");
    }
}

#[test]
fn text_has_the_findings_first_and_the_limits_of_the_archive_last() {
    let run = run(flow2pcap().arg("diagnose").arg(testdata("incident")));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let text = String::from_utf8(run.stdout).unwrap();
    let at = |what: &str| {
        text.find(what)
            .unwrap_or_else(|| panic!("no {what} in {text}"))
    };
    assert!(text.starts_with("findings"), "{text}");
    assert!(at("[likely]") > at("1.  ") && at("1.  ") < at("2.  "));
    assert!(at("2.  ") < at("\ninput ") && at("\ninput ") < at("\ncannot see"));
    assert!(!text.contains('\x1b'), "color is for terminals");
}

#[test]
fn input_that_is_no_flow_log_fails_and_damage_is_strict() {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let torn = file(
        &folder,
        "torn.log",
        log(&often(1, &PASSES)) + "eni-x torn\n",
    );
    let mut strict = flow2pcap();
    strict.args(["diagnose", "--strict"]).arg(&torn);
    assert_eq!(run(&mut strict).code, 1);
    let missing = run(flow2pcap().args(["diagnose", "/no/such/log"]));
    assert_eq!(missing.code, 2);
    assert!(
        missing.stderr.contains("/no/such/log"),
        "{}",
        missing.stderr
    );
}
