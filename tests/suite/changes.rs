//! Who changed it: what may be said of a change, and never more. The log is that of a rule that is
//! removed at 02:03:21: attempts pass until 02:03:03, and fail from 02:04:03 on.

use std::fs;

use flow2pcap::pipeline::{self, Meter, Request};
use serde_json::{Value, json};

use crate::support::{file, flow2pcap, run, testdata};

/// A call at a time of that night.
fn call(id: &str, time: &str, name: &str, request: Value) -> Value {
    json!({
        "eventTime": format!("2026-03-14T{time}Z"), "eventSource": "ec2.amazonaws.com",
        "eventName": name, "eventID": id, "awsRegion": "eu-central-1", "requestParameters": request,
        "responseElements": {"_return": true}, "sourceIPAddress": "198.51.100.7",
        "userIdentity": {"type": "IAMUser", "userName": "bob"},
    })
}

fn rule(group: &str, port: u16, range: &str) -> Value {
    json!({"groupId": group, "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": port,
        "toPort": port, "ipRanges": {"items": [{"cidrIp": range}]}}]}})
}

fn revoke(id: &str, time: &str) -> Value {
    let name = "RevokeSecurityGroupIngress";
    call(id, time, name, rule("sg-0d1a", 5432, "10.0.11.0/24"))
}

/// The event that says which groups the database has.
fn groups(group: &str) -> Value {
    let request = json!({"networkInterfaceId": "eni-010000210000040",
        "groupSet": {"items": [{"groupId": group}]}});
    call(
        "groups",
        "02:00:01",
        "ModifyNetworkInterfaceAttribute",
        request,
    )
}

/// The first finding of the log with these calls beside it.
fn finding(calls: &[Value]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let trail = file(&folder, "trail.json", json!({"Records": calls}).to_string());
    let mut command = flow2pcap();
    command.arg("diagnose").arg("--json").arg(trail);
    let run = run(command.arg(testdata("stories/rule_revoked.log")));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let diagnosis: Value = serde_json::from_slice(&run.stdout).unwrap();
    diagnosis["findings"][0].clone()
}

/// What is said of its beginning: certainty and event id of each change.
fn said(calls: &[Value]) -> Vec<(String, String)> {
    let finding = finding(calls);
    let changes = finding["changes"]["since"]["changes"].as_array().unwrap();
    let word = |change: &Value, key: &str| change[key].as_str().unwrap().to_owned();
    let said = changes.iter();
    said.map(|change| (word(change, "certainty"), word(change, "event_id")))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let expected = expected.iter();
    expected
        .map(|(one, other)| ((*one).to_owned(), (*other).to_owned()))
        .collect()
}

#[test]
fn rule_that_fits_is_likely_and_proved_where_its_group_is_known() {
    assert_eq!(said(&[revoke("x", "02:03:21")]), pairs(&[("likely", "x")]));
    let known = [groups("sg-0d1a"), revoke("x", "02:03:21")];
    assert_eq!(said(&known), pairs(&[("proved", "x")]));
    let finding = finding(&known);
    let change = &finding["changes"]["since"]["changes"][0];
    assert_eq!(change["distance_s"], 42);
    assert_eq!(change["caller"], "bob");
    assert_eq!(change["record"], "trail.json:2");
    assert_eq!(
        change["because"],
        "it fits TCP 5432 from 10.0.11.15, and sg-0d1a is a security group of eni-010000210000040"
    );
}

#[test]
fn group_that_is_known_to_be_of_something_else_explains_nothing() {
    let said = said(&[groups("sg-0ffe"), revoke("x", "02:03:21")]);
    assert_eq!(said, pairs(&[("same-time", "x")]));
}

#[test]
fn rule_for_other_packets_explains_nothing() {
    let name = "RevokeSecurityGroupIngress";
    for other in [
        rule("sg-0d1a", 5433, "10.0.11.0/24"),
        rule("sg-0d1a", 5432, "10.0.12.0/24"),
    ] {
        let calls = [groups("sg-0d1a"), call("x", "02:03:21", name, other)];
        assert_eq!(said(&calls), pairs(&[("same-time", "x")]));
    }
    let opens = "AuthorizeSecurityGroupIngress";
    let added = call(
        "x",
        "02:03:21",
        opens,
        rule("sg-0d1a", 5432, "10.0.11.0/24"),
    );
    assert_eq!(
        said(&[groups("sg-0d1a"), added]),
        pairs(&[("same-time", "x")])
    );
}

#[test]
fn refused_call_and_dry_run_are_attempts_at_most() {
    for code in ["Client.UnauthorizedOperation", "Client.DryRunOperation"] {
        let mut refused = revoke("x", "02:03:21");
        refused["errorCode"] = json!(code);
        let finding = finding(&[groups("sg-0d1a"), refused]);
        let change = &finding["changes"]["since"]["changes"][0];
        assert_eq!(change["certainty"], "same-time");
        assert_eq!(change["is_attempt"], true);
    }
}

#[test]
fn change_outside_the_time_between_is_not_named() {
    for time in ["02:01:30", "02:04:20"] {
        assert_eq!(said(&[groups("sg-0d1a"), revoke("x", time)]), []);
    }
    let folder = tempfile::tempdir().unwrap();
    let calls = json!({"Records": [revoke("x", "02:01:30")]}).to_string();
    let mut command = flow2pcap();
    command
        .arg("diagnose")
        .arg(file(&folder, "trail.json", calls));
    let run = run(command.arg(testdata("stories/rule_revoked.log")));
    let text = String::from_utf8(run.stdout).unwrap();
    assert!(
        text.contains("no change of a network path is in the archive from"),
        "{text}"
    );
}

#[test]
fn without_a_trail_nothing_is_said_of_changes() {
    let run = run(flow2pcap()
        .arg("diagnose")
        .arg("--json")
        .arg(testdata("stories/rule_revoked.log")));
    let diagnosis: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(diagnosis["findings"][0].get("changes"), None);
}

#[test]
fn order_and_repetition_of_events_change_nothing() {
    let text = fs::read_to_string(testdata("stories/rule_revoked_trail.json")).unwrap();
    let trail: Value = serde_json::from_str(&text).unwrap();
    let mut events = trail["Records"].as_array().unwrap().clone();
    let there = said(&events);
    assert_eq!(there[0].0, "proved");
    events.reverse();
    assert_eq!(said(&events), there);
}

#[test]
fn acl_entry_in_the_other_encoding_of_numbers_is_a_cause_too() {
    let entry = json!({"networkAclId": "acl-0a1b", "ruleNumber": "90", "egress": "false",
        "ruleAction": "deny", "protocol": 6, "cidrBlock": "10.0.0.0/16",
        "portRange": {"from": 5000, "to": 6000}});
    let deny = call("x", "02:03:40", "CreateNetworkAclEntry", entry);
    assert_eq!(said(&[deny]), pairs(&[("likely", "x")]));
}

#[test]
fn report_names_the_change_below_the_finding() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let mut command = flow2pcap();
    command.arg("report").arg("--output").arg(&page);
    command.arg(testdata("stories/rule_revoked_trail.json"));
    let run = run(command.arg(testdata("stories/rule_revoked.log")));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let html = fs::read_to_string(page).unwrap();
    assert!(html.contains("<dt>Changed</dt>"));
    assert!(html.contains("removed the rule TCP 5432"));
    assert!(html.contains("(role ops-admin)"));
}

#[test]
fn the_latest_changes_are_kept_where_there_is_no_room_for_all() {
    let folder = tempfile::tempdir().unwrap();
    let count = 33_000;
    let calls = (0..count).map(|number: u64| {
        let (hour, minute, second) = (number / 3_600, number / 60 % 60, number % 60);
        let time = format!("{hour:02}:{minute:02}:{second:02}");
        revoke(&format!("call {number}"), &time).to_string()
    });
    let trail = format!("{{\"Records\":[{}]}}", calls.collect::<Vec<_>>().join(","));
    let trail = file(&folder, "trail.json", trail);
    let request = Request::new(vec![trail]);
    let read = pipeline::changes(&request, &Meter::default()).unwrap();
    let kept = read.calls.len() as u64;
    assert!(kept < count, "{kept}");
    assert_eq!(read.left_out, count - kept);
    let first = read.calls.first().unwrap().instant_ns;
    let last = read.calls.last().unwrap().instant_ns;
    assert_eq!(last - first, (kept as i64 - 1) * 1_000_000_000);
    // The last one of all, in second 32,999 of that day.
    assert_eq!(last / 1_000_000_000 % 86_400, count as i64 - 1);
}
