//! What `flow2pcap metrics` adds up of load balancer logs, CloudTrail, DNS and firewall alerts.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::attempts::{log, often};
use crate::support::sums::{Sums, output, sums};
use crate::support::{Run, exposition, flow2pcap, run};

/// 2026-03-14T02:00:00Z.
const BEGIN: u64 = 1_773_453_600;

fn time(second: u64, millis: u64) -> String {
    let ns = i128::from((BEGIN + second) * 1_000 + millis) * 1_000_000;
    jiff::Timestamp::from_nanosecond(ns).unwrap().to_string()
}

/// A request as the tests make it.
struct Request {
    second: u64,
    took_ms: u64,
    balancer: &'static str,
    client: String,
    target: String,
    status: &'static str,
    target_status: &'static str,
}

/// A number of requests: most of them go well, some do not.
fn requests(count: u64) -> Vec<Request> {
    let request = |i: u64| {
        let (status, target_status) = match i % 7 {
            0 => ("502", "-"),
            1 => ("503", "503"),
            2 => ("404", "404"),
            _ => ("200", "200"),
        };
        Request {
            second: i * 13,
            took_ms: 1 + i * 3 % 40,
            balancer: ["app/shop/50dc", "app/web/6c49"][usize::from(i.is_multiple_of(5))],
            client: format!("203.0.113.{}", i % 4),
            target: format!("10.0.2.{}:8080", i % 3),
            status,
            target_status,
        }
    };
    (0..count).map(request).collect()
}

impl Request {
    fn line(&self) -> String {
        let sent = time(self.second, self.took_ms);
        let (
            came,
            Self {
                balancer,
                client,
                target,
                status,
                target_status,
                ..
            },
        ) = (time(self.second, 0), self);
        format!(
            "http {sent} {balancer} {client}:51341 {target} 0.001 0.002 0.000 {status} {target_status} 120 277 \
             \"GET http://www.example.com:80/ HTTP/1.1\" \"curl/7.46.0\" - - arn:aws:elasticloadbalancing:x:targetgroup/a/b \
             \"Root=1-5\" \"-\" \"-\" 0 {came} \"forward\" \"-\" \"-\" \"{target}\" \"{target_status}\" \"-\" \"-\"\n"
        )
    }
}

fn query(second: u64, rcode: &str) -> String {
    format!(
        r#"{{"version":"1.1","account_id":"123456789012","region":"eu-central-1","vpc_id":"vpc-0a1b","query_timestamp":"{}","query_name":"db.example.com.","query_type":"A","query_class":"IN","rcode":"{rcode}","answers":[],"srcaddr":"10.0.1.5","srcport":"41000","transport":"UDP","srcids":{{}}}}"#,
        time(second, 0)
    ) + "\n"
}

/// An API call of `ana`.
fn call(second: u64, id: &str, name: &str, error: &str) -> String {
    let read_only = name.starts_with("Describe");
    format!(
        r#"{{"eventVersion":"1.09","userIdentity":{{"type":"IAMUser","userName":"ana"}},"eventTime":"{}","eventSource":"ec2.amazonaws.com","eventName":"{name}","awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.7","readOnly":{read_only},"requestParameters":{{"groupId":"sg-0a1b2c3d"}},{error}"eventID":"{id}","recipientAccountId":"123456789012"}}"#,
        time(second, 0)
    )
}

fn alert(second: u64, signature: &str, verdict: &str) -> String {
    let time = time(second, 0).replace('Z', ".000001+0000");
    format!(
        r#"{{"firewall_name":"fw","availability_zone":"eu-central-1a","event_timestamp":"{}","event":{{"timestamp":"{time}","flow_id":5,"event_type":"alert","src_ip":"10.0.1.5","src_port":50211,"dest_ip":"198.51.100.9","dest_port":443,"proto":"TCP","alert":{{"signature_id":3,"signature":"{signature}"}},"verdict":{{"action":"{verdict}"}}}}}}"#,
        BEGIN + second
    ) + "\n"
}

const FAILED: &str = r#""errorCode":"Client.UnauthorizedOperation","#;

/// A bucket with all of these, in several files.
fn bucket() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let mut rows = often(4, &["a/s egress 10.0.1.5 10.0.2.9 {p} 5432 3 {s} ACCEPT 2"]);
    rows.extend(often(
        20,
        &["b/t ingress 203.0.113.1 10.0.2.1 {p} 8080 3 {s} ACCEPT 2"],
    ));
    rows.extend(often(
        20,
        &["b/t ingress 203.0.113.2 10.0.2.1 {p} 8080 3 {s} ACCEPT 2"],
    ));
    write("flows.log", &log(&rows));
    let requests: Vec<String> = requests(300).iter().map(Request::line).collect();
    write("alb-1.log", &requests[..117].concat());
    write("alb-2.log", &requests[117..].concat());
    let queries = [
        query(5, "NOERROR"),
        query(6, "NXDOMAIN"),
        query(700, "NXDOMAIN"),
    ];
    write("dns.log", &queries.concat());
    let calls = [
        call(
            10,
            "11111111-0000-0000-0000-000000000001",
            "RevokeSecurityGroupIngress",
            "",
        ),
        call(
            11,
            "11111111-0000-0000-0000-000000000002",
            "RevokeSecurityGroupIngress",
            FAILED,
        ),
        call(
            12,
            "11111111-0000-0000-0000-000000000003",
            "DescribeInstances",
            "",
        ),
        call(
            2_000,
            "11111111-0000-0000-0000-000000000004",
            "AuthorizeSecurityGroupIngress",
            "",
        ),
    ];
    let trail = |calls: &[String]| format!(r#"{{"Records":[{}]}}"#, calls.join(","));
    write("trail-1.json", &trail(&calls));
    write("trail-2.json", &trail(&calls[..3]));
    let alerts = [
        alert(20, "deny all", "drop"),
        alert(30, "deny all", "drop"),
        alert(40, "seen", "pass"),
    ];
    write("alert.log", &alerts.concat());
    folder
}

fn inputs(folder: &TempDir) -> [PathBuf; 1] {
    [folder.path().to_owned()]
}

/// The sums over all time by the values of the dimensions.
fn totals(sums: &Sums) -> BTreeMap<String, u128> {
    let mut totals = BTreeMap::new();
    for ((labels, _), value) in sums {
        *totals.entry(labels[1..].join(" ")).or_default() += value;
    }
    totals
}

fn refused(folder: &TempDir, options: &[&str]) -> Run {
    run(flow2pcap().arg("metrics").args(options).arg(folder.path()))
}

#[test]
fn requests_are_those_of_the_log_by_status_and_time() {
    let folder = bucket();
    let found = sums(&inputs(&folder), &["--by", "status", "--every", "5m"]);
    let mut expected = Sums::new();
    for request in requests(300) {
        let start = time(request.second / 300 * 300, 0);
        let labels = vec!["requests".to_owned(), request.status.to_owned()];
        *expected.entry((labels, start)).or_default() += 1;
    }
    assert_eq!(found, expected);
    let by = ["--by", "balancer,answered-by,status-class", "--every", "1d"];
    let mut expected: BTreeMap<String, u128> = BTreeMap::new();
    for request in requests(300) {
        let by = match request.target_status {
            "-" => "load-balancer",
            _ => "target",
        };
        let labels = format!("{} {by} {}xx", request.balancer, &request.status[..1]);
        *expected.entry(labels).or_default() += 1;
    }
    assert_eq!(totals(&sums(&inputs(&folder), &by)), expected);
}

#[test]
fn statuses_add_up_to_the_events_that_inspect_counts_however_narrowed() {
    let folder = bucket();
    let narrowings: [&[&str]; 6] = [
        &[],
        &[
            "--from",
            "2026-03-14T02:10:00Z",
            "--to",
            "2026-03-14T02:40:00Z",
        ],
        &["--host", "203.0.113.2"],
        &["--host", "10.0.2.1", "--from", "2026-03-14T02:20:00Z"],
        &["--port", "8080"],
        &["--filter", "src host 203.0.113.0/31 and not port 443"],
    ];
    let mut seen: Vec<u64> = Vec::new();
    for narrowing in narrowings {
        let mut command = flow2pcap();
        let inspected = run(command
            .args(["inspect", "--json"])
            .args(narrowing)
            .arg(folder.path()));
        let survey: Value = serde_json::from_slice(&inspected.stdout).unwrap();
        assert_eq!(inspected.code, 0, "{narrowing:?}: {}", inspected.stderr);
        let events = survey["events"]["alb_access"]["events"].as_u64().unwrap();
        for by in ["status", "target", "took", "balancer,method"] {
            let options = [&["--by", by, "--measure", "requests"], narrowing].concat();
            let found = sums(&inputs(&folder), &options).into_values().sum::<u128>();
            assert_eq!(found, u128::from(events), "{by} {narrowing:?}");
        }
        seen.push(events);
    }
    assert_eq!((seen[0], seen[4]), (300, 300));
    assert!(seen[1..4].iter().all(|n| (1..300).contains(n)), "{seen:?}");
}

#[test]
fn times_have_means_maxima_and_classes() {
    let folder = bucket();
    let measures = "requests,mean-time,max-time,mean-target-time,received-bytes,sent-bytes";
    let options = ["--every", "1d", "--by", "target", "--measure", measures];
    let found = sums(&inputs(&folder), &options);
    for target in ["10.0.2.0:8080", "10.0.2.1:8080", "10.0.2.2:8080"] {
        let own = requests(300)
            .into_iter()
            .filter(|request| request.target == target);
        let took: Vec<u128> = own
            .map(|request| u128::from(request.took_ms) * 1_000)
            .collect();
        let count = took.len() as u128;
        let expected = [
            ("requests", count),
            ("mean_time_us", took.iter().sum::<u128>() / count),
            ("max_time_us", *took.iter().max().unwrap()),
            ("mean_target_time_us", 2_000),
            ("received_bytes", 120 * count),
            ("sent_bytes", 277 * count),
        ];
        for (metric, value) in expected {
            let key = (
                vec![metric.to_owned(), target.to_owned()],
                "2026-03-14T00:00:00Z".to_owned(),
            );
            assert_eq!(found.get(&key), Some(&value), "{metric} {target}");
        }
    }
    let classes = totals(&sums(&inputs(&folder), &["--by", "took"]));
    let slow = requests(300)
        .iter()
        .filter(|request| request.took_ms >= 25)
        .count();
    assert_eq!(classes["25 to 50 ms"], slow as u128);
}

#[test]
fn queries_calls_and_alerts_are_counted_and_each_call_once() {
    let folder = bucket();
    let of = |options: &[&str]| totals(&sums(&inputs(&folder), options));
    assert_eq!(
        json!(of(&["--by", "rcode"])),
        json!({"NOERROR": 1, "NXDOMAIN": 2})
    );
    let calls = of(&["--by", "event-name,result", "--measure", "calls"]);
    let expected = json!({
        "AuthorizeSecurityGroupIngress done": 1, "DescribeInstances done": 1,
        "RevokeSecurityGroupIngress done": 1, "RevokeSecurityGroupIngress failed": 1,
    });
    assert_eq!(json!(calls), expected);
    let changes = of(&["--by", "event-name,caller", "--measure", "changes"]);
    let expected =
        json!({"AuthorizeSecurityGroupIngress ana": 1, "RevokeSecurityGroupIngress ana": 1});
    assert_eq!(json!(changes), expected);
    let alerts = of(&["--by", "signature,action"]);
    assert_eq!(
        json!(alerts),
        json!({"deny all REJECT": 2, "seen ACCEPT": 1})
    );
}

#[test]
fn packets_and_requests_are_counted_side_by_side() {
    let folder = bucket();
    let both = [
        "--measure",
        "packets,requests",
        "--every",
        "1d",
        "--by",
        "srcaddr",
    ];
    let (text, notes) = output(&inputs(&folder), &both);
    assert_eq!(notes, "");
    assert!(
        text.contains(",packets,10.0.1.5,12\n") && text.contains(",requests,203.0.113.0,75\n"),
        "{text}"
    );
    let packets = ["--measure", "packets", "--every", "1d", "--by", "srcaddr"];
    let (alone, _) = output(&inputs(&folder), &packets);
    assert!(text.starts_with(&alone), "{text}");
}

#[test]
fn threads_memory_and_order_of_inputs_change_nothing() {
    let folder = bucket();
    let mut files: Vec<PathBuf> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let questions: [&[&str]; 3] = [
        &[
            "--by",
            "status,target",
            "--measure",
            "requests,mean-time",
            "--top",
            "3",
        ],
        &["--by", "caller,event-name"],
        &[
            "--measure",
            "packets,connections,requests,calls",
            "--by",
            "srcaddr",
        ],
    ];
    for question in questions {
        let mut answer = |options: &[&str]| {
            files.reverse();
            output(&files, &[question, options].concat())
        };
        let one = answer(&["--threads", "1"]);
        assert_eq!(one, answer(&["--threads", "4"]), "{question:?}");
        assert_eq!(one, answer(&["--memory", "16MiB"]), "{question:?}");
    }
}

#[test]
fn every_form_has_them() {
    let folder = bucket();
    let question = [
        "--by",
        "status",
        "--measure",
        "requests,max-time",
        "--every",
        "5m",
    ];
    let of = |form: &str| {
        output(
            &inputs(&folder),
            &[&question[..], &["--format", form]].concat(),
        )
        .0
    };
    let families = exposition::read(&of("openmetrics"));
    let names: Vec<&str> = families.iter().map(|family| &*family.name).collect();
    assert_eq!(names, ["flow2pcap_requests", "flow2pcap_max_time_us"]);
    let requests: f64 = families[0].samples.iter().map(|sample| sample.value).sum();
    assert!((requests - 300.0).abs() < f64::EPSILON);
    let document: Value = serde_json::from_str(&of("json")).unwrap();
    assert_eq!(document["events"]["alb_access"]["events"], 300);
    assert_eq!(
        document["tables"][0]["metrics"],
        json!(["requests", "max_time_us"])
    );
    assert!(of("cloudwatch").contains(r#""MetricName":"MaxTimeUs""#));
    assert!(of("cloudwatch").contains(r#""Unit":"Microseconds""#));
    let table = of("table");
    assert!(
        table.contains("300 ALB requests read\n") && table.contains("max_time_us"),
        "{table}"
    );
}

#[test]
fn nothing_has_no_maximum_and_a_sum_of_zero() {
    let folder = tempfile::tempdir().unwrap();
    let [first, .., last] = &requests(3)[..] else {
        panic!()
    };
    let late = Request {
        second: 1_200,
        target: last.target.clone(),
        client: "203.0.113.9".into(),
        ..*first
    };
    fs::write(folder.path().join("alb.log"), first.line() + &late.line()).unwrap();
    let question = ["--measure", "requests,max-time", "--every", "5m"];
    let (text, _) = output(&inputs(&folder), &question);
    let of = |metric: &str| text.lines().filter(|line| line.contains(metric)).count();
    assert_eq!((of(",requests,"), of(",max_time_us,")), (5, 2), "{text}");
    assert!(text.contains("2026-03-14T02:05:00Z,requests,0\n"), "{text}");
}

#[test]
fn what_cannot_be_answered_is_refused_with_what_to_do() {
    let folder = bucket();
    let mixed = refused(&folder, &["--by", "status", "--measure", "packets"]);
    assert_eq!(mixed.code, 2);
    assert!(
        mixed
            .stderr
            .contains("status and packets are not in the same log"),
        "{}",
        mixed.stderr
    );
    let once = refused(&folder, &["--by", "status", "--once"]);
    assert_eq!(once.code, 2);
    assert!(
        once.stderr.contains("--once counts packets"),
        "{}",
        once.stderr
    );
    let none = refused(&folder, &["--by", "tls"]);
    assert_eq!(none.code, 2);
    assert!(
        none.stderr
            .contains("no access logs of Network Load Balancers"),
        "{}",
        none.stderr
    );
    let narrowed = refused(&folder, &["--by", "status", "--host", "192.0.2.1"]);
    assert_eq!(narrowed.code, 3);
    assert!(
        narrowed
            .stderr
            .contains("the filter keeps none of 300 requests"),
        "{}",
        narrowed.stderr
    );
}

#[test]
fn line_that_is_no_request_is_reported_and_fails_a_strict_run() {
    let folder = bucket();
    let bad =
        fs::read_to_string(folder.path().join("alb-1.log")).unwrap() + "http nonsense app/x\n";
    fs::write(folder.path().join("alb-1.log"), bad).unwrap();
    let lax = refused(&folder, &["--by", "status"]);
    assert_eq!(lax.code, 0);
    assert!(
        lax.stderr
            .contains("1 line of other logs could not be parsed"),
        "{}",
        lax.stderr
    );
    assert_eq!(refused(&folder, &["--by", "status", "--strict"]).code, 1);
    // A run that counts packets does not read it.
    assert_eq!(refused(&folder, &["--strict"]).code, 0);
}
