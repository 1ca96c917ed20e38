//! The time line of `report`: rejected packets, errors of load balancers and changes above each other.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::attempts::{log, often};
use crate::support::browser::browser;
use crate::support::sums::sums;
use crate::support::{file, flow2pcap, run, testdata};
use serde_json::json;
use tempfile::TempDir;

const TITLE: &str = "<h3>Rejected packets, errors and changes</h3>";

/// The page of these inputs, and its text.
fn page<P: AsRef<Path>>(inputs: &[P], options: &[&str]) -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    let mut command = flow2pcap();
    command
        .arg("report")
        .args(options)
        .arg("--output")
        .arg(&path);
    inputs.iter().for_each(|input| {
        command.arg(input.as_ref());
    });
    let run = run(&mut command);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let html = fs::read_to_string(&path).unwrap();
    (folder, path, html)
}

/// The figure of the time line.
#[track_caller]
fn time_line(html: &str) -> &str {
    let at = html.find(TITLE).expect("a time line");
    &html[at..at + html[at..].find("</figure>").unwrap()]
}

fn rule_revoked() -> [PathBuf; 2] {
    ["rule_revoked.log", "rule_revoked_trail.json"].map(|name| testdata("stories").join(name))
}

fn bad_gateway() -> [PathBuf; 2] {
    ["bad_gateway.log", "bad_gateway_alb.log"].map(|name| testdata("stories").join(name))
}

/// Two minutes of rejected packets.
fn rejected() -> String {
    let rows = [
        "a/s egress 10.0.1.5 10.0.2.9 {p} 5432 3 {s} ACCEPT 2",
        "b/d ingress 10.0.1.5 10.0.2.9 {p} 5432 3 {s} REJECT 2",
    ];
    let text = log(&often(3, &rows));
    // Without the connection long after.
    let near = text.lines().filter(|line| !line.contains("eni-calm"));
    near.map(|line| format!("{line}\n")).collect()
}

/// An API call this many seconds after the first of these packets.
fn call(second: i64, caller: &str) -> String {
    let time = jiff::Timestamp::from_second(1_773_454_500 + second).unwrap();
    let identity = json!({"type": "IAMUser", "userName": caller});
    let id = json!(format!("{second}-{caller}"));
    format!(
        r#"{{"eventTime":"{time}","eventSource":"ec2.amazonaws.com","eventName":"RevokeSecurityGroupIngress","userIdentity":{identity},"awsRegion":"eu-central-1","requestParameters":{{"groupId":"sg-0a1b2c3d"}},"eventID":{id}}}"#
    )
}

/// A folder with rejected packets and these calls.
fn changed(calls: &[String]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    file(&folder, "flows.log", rejected());
    file(
        &folder,
        "trail.json",
        format!(r#"{{"Records":[{}]}}"#, calls.join(",")),
    );
    folder
}

#[test]
fn change_that_explains_a_finding_is_marked_names_who_and_leads_to_it() {
    let (.., html) = page(&rule_revoked(), &[]);
    let figure = time_line(&html);
    for title in [">rejected packets, per", ">changes that CloudTrail logged<"] {
        assert!(figure.contains(title), "{title}");
    }
    assert!(
        !figure.contains("answered with 5xx"),
        "no log of a load balancer"
    );
    let mark = figure
        .split("<a class=\"change proved\" href=\"#finding-1\">")
        .nth(1)
        .unwrap();
    let text = &mark[..mark.find("</title>").unwrap()];
    for words in [
        "2026-03-14T02:03:21Z",
        "alice (role ops-admin) from 198.51.100.7: removed the rule TCP 5432",
        "(RevokeSecurityGroupIngress); see finding 1",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(figure.contains("<rect class=\"stripe proved\""));
    assert_eq!(
        html.matches("href=\"#finding-1\"><title>Finding 1: ")
            .count(),
        1
    );
    assert!(html.find(TITLE) < html.find("<h3>Accepted and rejected packets</h3>"));
}

#[test]
fn errors_are_those_that_metrics_counts() {
    let inputs = bad_gateway();
    let (.., html) = page(&inputs, &[]);
    let figure = time_line(&html);
    let sum = |name: &str| -> u128 {
        let begin = format!("\n{name}: ");
        let counts = figure.split(&begin).skip(1);
        counts
            .map(|rest| {
                rest.split(['\n', '<'])
                    .next()
                    .unwrap()
                    .parse::<u128>()
                    .unwrap()
            })
            .sum()
    };
    let metrics = sums(
        &inputs[1..],
        &["--by", "status-class,answered-by", "--every", "1d"],
    );
    let of = |by: &str| {
        let found = metrics
            .iter()
            .filter(|((labels, _), _)| labels[1..] == ["5xx", by]);
        found.map(|(_, value)| *value).sum::<u128>()
    };
    let found = ["5xx of load balancers", "5xx of targets"].map(sum);
    assert_eq!(found, [of("load-balancer"), of("target")]);
    assert_eq!(found, [5, 1]);
    assert!(
        figure.contains(">rejected packets: none<") && !figure.contains("CloudTrail"),
        "{figure}"
    );
}

#[test]
fn flow_logs_alone_have_no_time_line_and_a_quiet_trail_has_an_empty_lane() {
    let (.., html) = page(&[testdata("incident")], &[]);
    assert!(!html.contains(TITLE) && !html.contains("class=\"change"));
    let folder =
        changed(&[call(1, "ana").replace("RevokeSecurityGroupIngress", "DescribeInstances")]);
    let (.., html) = page(&[folder.path()], &[]);
    assert!(time_line(&html).contains(">changes that CloudTrail logged: none<"));
}

#[test]
fn filter_of_records_hides_no_change_and_no_error() {
    let (.., html) = page(&bad_gateway(), &["--host", "10.0.21.47"]);
    assert!(time_line(&html).contains("5xx of load balancers: 1<"));
    let (.., html) = page(&rule_revoked(), &["--port", "5432"]);
    assert!(time_line(&html).contains("alice"));
}

#[test]
fn names_of_callers_are_text_wherever_they_are() {
    let hostile = "<script>alert(1)</script>\"'><img/src=x>\u{202e}\n";
    let folder = changed(&[call(30, hostile)]);
    let (.., html) = page(&[folder.path()], &[]);
    assert!(
        time_line(&html).matches("alert(1)").count() >= 2,
        "in the mark and in the table"
    );
    assert_eq!(html.matches("<script>").count(), 1);
    assert!(!html.contains("<img") && !html.contains('\u{202e}'));
}

#[test]
fn thousands_of_changes_make_few_marks_and_are_all_counted() {
    let calls: Vec<String> = (-50..3_000)
        .map(|n| call(n / 20, &format!("c{n}")))
        .collect();
    let folder = changed(&calls);
    let (.., html) = page(&[folder.path()], &[]);
    let figure = time_line(&html);
    let marks = figure.matches(" class=\"change ").count();
    assert!((2..=60).contains(&marks), "{marks}");
    assert!(html.len() < 500_000, "{} bytes", html.len());
    let in_columns: u64 = figure
        .split("\nchanges: ")
        .skip(1)
        .map(|rest| {
            rest.split(['\n', '<'])
                .next()
                .unwrap()
                .replace(',', "")
                .parse::<u64>()
                .unwrap()
        })
        .sum();
    let outside = figure
        .split("<p>and ")
        .find_map(|rest| rest.split_once(" changes before or after"));
    let outside: u64 = outside.unwrap().0.replace(',', "").parse().unwrap();
    assert_eq!(in_columns + outside, 3_050);
}

#[test]
fn threads_and_order_of_inputs_change_nothing() {
    let mut inputs = [rule_revoked(), bad_gateway()].concat();
    let (.., one) = page(&inputs, &["--threads", "1"]);
    inputs.reverse();
    let (.., four) = page(&inputs, &["--threads", "4"]);
    assert_eq!(one, four);
}

#[test]
fn browser_shows_who_changed_what_at_the_pointer_and_at_the_keyboard() {
    let Some(browser) = browser() else { return };
    let mut inputs = rule_revoked().to_vec();
    inputs.extend(bad_gateway());
    let (_folder, path, _) = page(&inputs, &[]);
    browser.open(&path);
    browser.focus();
    let keyboard = "const hover = document.querySelector('.hover'); hover.hidden = true; \
                    const mark = document.querySelector('g.change'); mark.focus(); \
                    const shown = !hover.hidden && document.activeElement === mark; \
                    dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'})); \
                    return [shown, hover.hidden]";
    assert_eq!(browser.evaluate(keyboard), json!([true, true]));
    browser.narrow_to(390);
    browser.open(&path);
    let hover = "const mark = document.querySelector('a.change'); \
                 mark.dispatchEvent(new PointerEvent('pointerenter', {clientX: 300, clientY: 300})); \
                 const hover = document.querySelector('.hover'); \
                 return [hover.hidden, hover.textContent.includes('alice (role ops-admin)'), \
                 hover.getBoundingClientRect().right <= innerWidth]";
    assert_eq!(browser.evaluate(hover), json!([false, true, true]));
    let nameless = "return [...document.querySelectorAll('.change, .column')].filter(mark => \
                    !mark.getAttribute('aria-label')).length";
    assert_eq!(browser.evaluate(nameless), json!(0));
    let widths = "return [innerWidth, document.documentElement.scrollWidth]";
    assert_eq!(browser.evaluate(widths), json!([390, 390]));
    assert_eq!(browser.console(), [json!(null); 0]);
}

#[test]
fn changes_before_and_after_the_records_are_counted_below() {
    let folder = changed(&[call(-7_200, "early"), call(30, "ana"), call(7_200, "late")]);
    let (.., html) = page(&[folder.path()], &[]);
    let figure = time_line(&html);
    assert!(
        figure.contains("<p>and 2 changes before or after this time</p>"),
        "{figure}"
    );
    assert!(figure.contains("ana") && !figure.contains("early"));
}
