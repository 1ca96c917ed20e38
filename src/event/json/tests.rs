//! Tests of the search for events in JSON.

use super::*;
use crate::event::EventDetail;

const CALL: &str = r#"{"eventVersion":"1.09","eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com","eventName":"CreateRoute","eventID":"6c3021c3-5697-431c-a27e-2427f30d67f4","requestParameters":{"message":"http 2026-03-14T02:15:04.1Z app/web/1 a b"}}"#;

/// The kinds of the events in a text, `!` for those that cannot be read.
fn kinds(text: &str) -> String {
    let mut found = Vec::new();
    let count = for_each_in_json(text, None, &mut |kind, event, _| {
        let mark = if event.is_ok() { "" } else { "!" };
        found.push(format!("{mark}{}", kind.name()));
    });
    assert_eq!(count, found.len() as u64);
    found.join(" ")
}

#[test]
fn events_are_found_in_every_wrapper() {
    let quoted = serde_json::json!(CALL).to_string();
    for text in [
        CALL.to_owned(),
        format!(r#"{{"Records":[{CALL}]}}"#),
        format!("[{CALL}]"),
        format!(r#"{{"version":"0","detail-type":"AWS API Call via CloudTrail","detail":{CALL}}}"#),
        format!(r#"[{{"_raw":{quoted}}}]"#),
        format!(r#"[{{"data":{{"detail":{CALL}}}}}]"#),
        format!(
            r#"{{"messageType":"DATA_MESSAGE","logEvents":[{{"id":"1","timestamp":1,"message":{quoted}}}]}}"#
        ),
        format!(
            r#"{{"Events":[{{"EventId":"1","EventName":"CreateRoute","EventTime":"2026-03-14","CloudTrailEvent":{quoted}}}]}}"#
        ),
    ] {
        assert_eq!(kinds(&text), "cloudtrail", "{text}");
    }
}

#[test]
fn insights_and_digests_are_not_events() {
    let insight = r#"{"eventVersion":"1.09","eventTime":"2026-03-14T02:15:00Z","awsRegion":"eu-central-1","eventID":"1","eventType":"AwsCloudTrailInsight","insightDetails":{"state":"Start","eventSource":"ec2.amazonaws.com","eventName":"RunInstances","eventTime":"2026-03-14T02:15:00Z"}}"#;
    assert_eq!(kinds(&format!(r#"{{"Records":[{insight}]}}"#)), "");
    let digest = r#"{"digestStartTime":"2026-03-14TT02:15:00Z","logFiles":[{"eventName":"a","eventSource":"b","eventTime":"2026-03-14T02:15:00Z"}]}"#;
    assert_eq!(kinds(digest), "");
}

#[test]
fn event_that_cannot_be_read_costs_no_other() {
    let bad = CALL.replace("2026-03-14T02:15:04Z", "now");
    let text = format!(r#"{{"Records":[{CALL},{bad},7,{CALL}]}}"#);
    assert_eq!(kinds(&text), "cloudtrail !cloudtrail cloudtrail");
}

#[test]
fn lines_of_load_balancers_are_found_in_messages() {
    let line = r#"http 2026-03-14T02:15:04.186641Z app/web/1 203.0.113.9:2817 - -1 -1 -1 503 - 34 366 "GET http://a:80/ HTTP/1.1""#;
    let quoted = serde_json::json!(line).to_string();
    let text = format!(r#"{{"logEvents":[{{"message":{quoted}}}]}}"#);
    assert_eq!(kinds(&text), "alb_access");
}

#[test]
fn named_values_of_load_balancers_are_read_as_their_lines() {
    let alb = r#"{"type":"h2","time":"2026-03-14T02:15:04.186641Z","elb":"app/web/1","client_ip":"2001:db8::9",
        "client_port":2817,"target:port":"10.0.2.7:8080","request_processing_time":0.001,
        "target_processing_time":-1,"elb_status_code":"502","target_status_code":"-","received_bytes":34,
        "request":"GET https://a:443/ HTTP/2.0","target_group_arn":"arn:x","trace_id":"Root=1-2"}"#;
    let mut found = None;
    for_each_in_json(alb, None, &mut |_, event, _| {
        if let EventDetail::Alb(request) = event.unwrap().detail {
            found = Some((
                request.client.map(|client| client.to_string()),
                request.target.map(|target| target.to_string()),
                request.elb_status,
                request.target_processing_ns,
                request.received_bytes,
                request.sent_bytes,
            ));
        }
    });
    let text = |text: &str| Some(text.to_owned());
    let expected = (
        text("[2001:db8::9]:2817"),
        text("10.0.2.7:8080"),
        Some(502),
        None,
        Some(34),
        None,
    );
    assert_eq!(found, Some(expected));

    let nlb = r#"{"type":"tls","version":"2.0","time":"2026-03-14T02:15:40","elb":"net/web/1","listener":"g",
        "client:port":"203.0.113.9:51341","destination:port":"10.0.1.5:443","tls_handshake_time":2}"#;
    assert_eq!(kinds(nlb), "nlb_access");
    let clb = r#"{"time":"2026-03-14T02:15:04.945958Z","elb":"web","client:port":"203.0.113.9:2817",
        "backend:port":"-","elb_status_code":503,"backend_status_code":0}"#;
    assert_eq!(kinds(clb), "clb_access");
}

#[test]
fn deep_and_wide_values_are_followed_only_so_far() {
    let deep = "[".repeat(100) + CALL + &"]".repeat(100);
    assert_eq!(kinds(&deep), "");
    let mut quoted = CALL.to_owned();
    for _ in 0..6 {
        quoted = serde_json::json!(quoted).to_string();
    }
    assert_eq!(kinds(&quoted), "cloudtrail");
    let wide = format!("[{}{CALL}]", "1,".repeat(VALUES_MAX));
    assert_eq!(kinds(&wide), "");
}

#[test]
fn text_that_is_not_json_has_no_event() {
    for text in ["", "{", "[{", "\"", "{\"a\":", "nul", "{\"eventName\":1}"] {
        assert_eq!(kinds(text), "", "{text}");
    }
}
