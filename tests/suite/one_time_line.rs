//! The bucket of `testdata/bucket`: flow logs, the access log of a load balancer, CloudTrail and DNS
//! queries of one incident, as `testdata/README.md` has it.

use serde_json::Value;

use crate::support::tshark::tshark;
use crate::support::{convert, flow2pcap, run, testdata};

/// The calls that removed the rules and put them back.
const REVOKED: &str = "7c1e4b20-5a3d-4f68-8b9c-000000000004";
const AUTHORIZED: &str = "7c1e4b20-5a3d-4f68-8b9c-000000000006";

fn diagnosis() -> Value {
    let run = run(flow2pcap()
        .args(["diagnose", "--json"])
        .arg(testdata("bucket")));
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_slice(&run.stdout).unwrap()
}

#[test]
fn finding_has_the_calls_that_began_and_ended_it() {
    let told = diagnosis();
    let first = &told["findings"][0];
    assert_eq!(first["cause"], "security-group-inbound");
    assert_eq!(first["certainty"], "proved");
    for (end, event, distance_s) in [("since", REVOKED, 40), ("until", AUTHORIZED, 18)] {
        let change = &first["changes"][end]["changes"][0];
        assert_eq!(change["event_id"], event, "{end}");
        assert_eq!(change["certainty"], "proved", "{end}");
        assert_eq!(change["distance_s"], distance_s, "{end}");
    }
}

#[test]
fn each_error_has_its_cause() {
    let told = diagnosis();
    let groups = told["error_responses"].as_array().unwrap();
    let facts = groups.iter().map(|group| {
        (
            group["status"].as_u64().unwrap(),
            group["count"].as_u64().unwrap(),
            group["cause"].as_str().unwrap(),
            group["finding"].as_u64(),
        )
    });
    let facts: Vec<_> = facts.collect();
    let expected = [
        (504, 8, "target-blocked", Some(1)),
        (500, 3, "target-error", None),
        (502, 2, "target-resets", Some(2)),
    ];
    assert_eq!(facts, expected);
}

#[test]
fn every_event_is_accounted_for() {
    let converted = convert(&[testdata("bucket")], &["--events", "frames"]);
    converted.assert_lines_add_up();
    let events = &converted.summary()["events"];
    let count = |kind: &str| events[kind]["events"].as_u64();
    let counts = ["alb_access", "cloudtrail", "resolver_query"].map(count);
    assert_eq!(counts, [Some(65), Some(6), Some(50)], "{events:#}");
}

#[test]
fn answers_of_the_dns_server_name_addresses() {
    let bytes = convert(&[testdata("bucket")], &["--events", "frames"]).bytes();
    // A record of a Name Resolution Block: an address, and a name that ends with zero.
    let record = [&[10, 90, 0, 12], &b"payments.partner.example\0"[..]].concat();
    assert!(bytes.windows(record.len()).any(|part| part == record));
}

#[test]
fn requests_calls_and_packets_are_found_by_display_filters() {
    let Some(tshark) = tshark() else { return };
    let converted = convert(&[testdata("bucket")], &["--events", "frames"]);
    for (filter, frames) in [
        ("http.response.code == 502", 2),
        ("http.response.code == 504", 8),
        (
            r#"json.path_with_value contains "RevokeSecurityGroupIngress""#,
            1,
        ),
        (
            r#"json.path_with_value contains "AuthorizeSecurityGroupIngress""#,
            2,
        ),
        // The SYNs of node a, which has no other connection to that target at the time.
        (
            r#"frame.comment contains "alb=504" && tcp.flags.syn == 1"#,
            6,
        ),
        (
            r#"frame.comment contains "alb=502" && tcp.srcport == 443"#,
            2,
        ),
        (
            r#"dns.qry.name == "payments.partner.example" && dns.flags.response == 1"#,
            8,
        ),
        ("_ws.malformed", 0),
    ] {
        assert_eq!(tshark.count(converted.path(), filter), frames, "{filter}");
    }
}

#[test]
fn first_rejected_packet_names_the_call_that_removed_the_rule() {
    let Some(tshark) = tshark() else { return };
    let converted = convert(&[testdata("bucket")], &[]);
    let filter = "frame.comment contains \"changed=\"";
    let found = tshark.fields(
        converted.path(),
        filter,
        &["frame.comment", "tcp.flags.syn"],
    );
    let [first] = &found[..] else {
        panic!("{found:?}")
    };
    // The group of the interface is known from the call that started the instance, which is itself no
    // reason for what happens later.
    let expected = format!(
        "changed=RevokeSecurityGroupIngress by=ops-admin/alice at=2026-03-17T09:41:20Z event={REVOKED} record="
    );
    assert!(first[0].starts_with("action=REJECT"), "{first:?}");
    assert!(first[0].contains(&expected), "{first:?}");
    assert_eq!(first[1], "1");
}
