//! Events of load balancers and CloudTrail in the comments of the packets that they are about.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use flow2pcap::pipeline::{self, Convert, EventsChoice, Meter, Request};
use serde_json::{Value, json};
use testkit::pcapng::{Capture, Packet, packet::headers};

use crate::support::balanced::{self, BAD_GATEWAY, BASE_S};
use crate::support::wrapping::gzip;
use crate::support::{Converted, convert, file, flow2pcap, run};

/// The packets whose comment has `word`: source, destination, seconds since 02:15:00.
fn marked(capture: &Capture, word: &str) -> Vec<(String, String, f64)> {
    let has = |packet: &&Packet| packet.comments.iter().any(|text| text.contains(word));
    let ends = |packet: &Packet| {
        let tuple = headers(packet).tuple;
        let socket = |(address, port)| std::net::SocketAddr::from((address, port)).to_string();
        #[expect(clippy::cast_precision_loss, reason = "times of a minute")]
        let at = (packet.time_ns - BASE_S * 1_000_000_000) as f64 / 1e9;
        (socket(tuple.source), socket(tuple.destination), at)
    };
    capture.packets.iter().filter(has).map(ends).collect()
}

fn conversation(packet: &Packet) -> testkit::pcapng::packet::Tuple {
    headers(packet).tuple.conversation()
}

#[test]
fn request_is_at_the_nearest_packet_of_both_its_connections() {
    let bucket = balanced::bucket();
    let converted = convert(&[bucket.path()], &["--detail", "exact"]);
    let capture = converted.capture();
    let words = r#"alb=502 target=10.0.2.7:8080 "GET /api/v1?..." target_status=- trace=Root=1-2 at=2026-03-14T02:15:04.186641Z"#;
    let found = marked(&capture, words);
    assert_eq!(found.len(), 2, "{found:?}");
    for (source, destination, at) in &found {
        let ends = format!("{source} {destination}");
        let is_client = ends.contains("203.0.113.9:2817") && ends.contains("10.0.1.9:443");
        // The other node has a connection to the same target from the same port.
        let is_target = ends.contains("10.0.1.9:34567") && ends.contains("10.0.2.7:8080");
        assert!(is_client || is_target, "{found:?}");
        let marked = capture.packets.iter().find(|packet| {
            let seconds = packet.time_ns as f64 / 1e9 - BASE_S as f64;
            (seconds - at).abs() < 1e-6 && packet.comments.iter().any(|text| text.contains(words))
        });
        let distance = |packet: &Packet| {
            packet
                .time_ns
                .abs_diff(BASE_S * 1_000_000_000 + 4_186_641_000)
        };
        let marked = marked.unwrap();
        let same = capture
            .packets
            .iter()
            .filter(|packet| conversation(packet) == conversation(marked));
        assert_eq!(same.map(distance).min(), Some(distance(marked)));
    }
    assert!(
        !capture
            .packets
            .iter()
            .any(|p| p.comments.iter().any(|c| c.contains("s3cret")))
    );
}

#[test]
fn other_events_are_at_their_packets_too() {
    let bucket = balanced::bucket();
    let capture = convert(&[bucket.path()], &[]).capture();
    let ends = |word: &str| {
        let found = marked(&capture, word);
        assert_eq!(found.len(), 1, "{word}: {found:?}");
        let (source, destination, _) = &found[0];
        [source.clone(), destination.clone()].join(" ")
    };
    assert!(
        ends("alb-connection=TLSv1.3 handshake=0.012 verify=Success").contains("203.0.113.9:2817")
    );
    assert!(ends("nlb=tlsv12 handshake=0.002 host=www.example.com").contains("203.0.113.9:2817"));
    let alert = ends(r#"firewall-alert="odd request" verdict=pass sid=3 firewall=edge"#);
    assert!(alert.contains("10.0.9.9:34567"), "{alert}");
}

#[test]
fn request_at_waf_is_at_the_connection_of_the_row_with_its_trace() {
    let bucket = balanced::bucket();
    let capture = convert(&[bucket.path()], &[]).capture();
    let words = "waf=ALLOW rule=Default_Action \"GET /api/v1\" acl=shop request=1-2 at=2026-03-14T02:15:04.101Z";
    let found = marked(&capture, words);
    assert_eq!(found.len(), 1, "{found:?}");
    let ends = ["203.0.113.9:2817", "10.0.1.9:443"];
    assert!(ends.contains(&&*found[0].0) && ends.contains(&&*found[0].1));
    assert_eq!(marked(&capture, "waf=BLOCK"), []);
    // Two requests with one identifier cannot be told apart.
    let again = fs::read(
        bucket
            .path()
            .join("AWSLogs/WAFLogs/eu-central-1/shop/a.log.gz"),
    );
    let path = bucket
        .path()
        .join("AWSLogs/WAFLogs/eu-central-1/shop/b.log.gz");
    fs::write(path, again.unwrap()).unwrap();
    let capture = convert(&[bucket.path()], &[]).capture();
    assert_eq!(marked(&capture, "waf="), []);
}

#[test]
fn change_is_at_the_first_rejected_packet_after_it() {
    let bucket = balanced::bucket();
    let converted = convert(&[bucket.path()], &[]);
    let words =
        "changed=ModifyNetworkInterfaceAttribute by=Admin/ana at=2026-03-14T02:15:20Z event=id-1";
    let found = marked(&converted.capture(), words);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "10.0.1.9:34601");
    // That call says which group the interface has.
    let revoked = marked(&converted.capture(), "changed=RevokeSecurityGroupIngress");
    assert_eq!(revoked.len(), 1, "{revoked:?}");
    assert_eq!(revoked[0].0, "10.0.1.9:34602");
}

#[test]
fn change_of_a_group_an_acl_a_route_table_or_a_load_balancer_is_tied_by_the_configuration() {
    let bucket = balanced::bucket();
    let folder = tempfile::tempdir().unwrap();
    let call = |name: &str, request: Value| {
        json!({
            "eventTime": "2026-03-14T02:15:24Z", "eventSource": "ec2.amazonaws.com",
            "eventName": name, "eventID": name, "awsRegion": "eu-central-1",
            "userIdentity": {"type": "IAMUser", "userName": "bob"}, "requestParameters": request,
        })
    };
    let arn = "arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/web/50dc";
    let calls = [
        call("CreateNetworkAclEntry", json!({"networkAclId": "acl-1"})),
        call(
            "ReplaceNetworkAclAssociation",
            json!({"associationId": "aclassoc-1"}),
        ),
        call("DeleteRoute", json!({"routeTableId": "rtb-1"})),
        call("DeleteNatGateway", json!({"NatGatewayId": "nat-1"})),
        call(
            "SetSecurityGroups",
            json!({"loadBalancerArn": arn, "securityGroups": []}),
        ),
        call("RevokeSecurityGroupIngress", json!({"groupId": "sg-1"})),
        call("DeleteNetworkAclEntry", json!({"networkAclId": "acl-2"})),
    ];
    let trail = file(&folder, "trail.json", json!({"Records": calls}).to_string());
    let of_subnet = |id: &str| json!([{id: "aclassoc-1", "SubnetId": "subnet-0a1b"}]);
    let context = [
        json!({"NetworkInterfaces": [{"NetworkInterfaceId": "eni-0008", "VpcId": "vpc-0a1b",
            "SubnetId": "subnet-0a1b", "Groups": [{"GroupId": "sg-1", "GroupName": "app"}],
            "PrivateIpAddress": "10.0.2.8",
            "Description": "ELB app/web/50dc"}]}),
        json!({"NetworkAcls": [{"NetworkAclId": "acl-1", "VpcId": "vpc-0a1b", "Entries": [],
            "IsDefault": false, "Associations": of_subnet("NetworkAclAssociationId")}]}),
        json!({"RouteTables": [{"RouteTableId": "rtb-1", "VpcId": "vpc-0a1b",
            "Associations": [{"Main": true}],
            "Routes": [{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1"}]}]}),
    ];
    let context = context.map(|answer| answer.to_string()).join("\n");
    let context = file(&folder, "context.json", context);
    let flows = balanced::flows_of(&bucket);
    let inputs = [flows.as_ref(), &trail];
    let found = |options: &[&str], name: &str| {
        let words = format!("changed={name} by=bob");
        marked(&convert(&inputs, options).capture(), &words)
    };
    let options = ["--context", context.to_str().unwrap()];
    for call in &calls[..6] {
        let name = call["eventName"].as_str().unwrap();
        let found = found(&options, name);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        assert_eq!(found[0].0, "10.0.1.9:34602");
    }
    // One of something else, and one without the configuration.
    assert_eq!(found(&options, "DeleteNetworkAclEntry"), []);
    assert_eq!(found(&[], "CreateNetworkAclEntry"), []);
}

/// The same packets in each conversation, in the same order, with the comments of their records.
#[track_caller]
fn assert_same_but_for_events(with: &Capture, without: &Capture) {
    let (with, without): (Vec<&Packet>, Vec<&Packet>) = (
        with.packets.iter().collect(),
        without.packets.iter().collect(),
    );
    assert_eq!(
        balanced::conversations(&with),
        balanced::conversations(&without)
    );
    // No comment of a record is lost.
    for other in without.iter().filter_map(|packet| packet.comments.first()) {
        let (facts, record) = other.rsplit_once(" record=").unwrap_or((other, ""));
        let is_kept = |text: &String| text.starts_with(facts) && text.ends_with(record);
        let kept = |packet: &&Packet| packet.comments.iter().any(is_kept);
        assert!(with.iter().any(kept), "{other}");
    }
}

#[test]
fn packets_are_those_of_the_flow_log_alone() {
    let bucket = balanced::bucket();
    let flows = balanced::flows_of(&bucket);
    for detail in ["compact", "exact", "control"] {
        let alone = convert(&[flows.as_ref()], &["--detail", detail]);
        let none = convert(&[bucket.path()], &["--detail", detail, "--events", "none"]);
        assert!(none.bytes() == alone.bytes(), "{detail}");
        let comments = convert(&[bucket.path()], &["--detail", detail]);
        assert_same_but_for_events(&comments.capture(), &none.capture());
        assert_eq!(
            comments.count("/packets/written"),
            none.count("/packets/written")
        );
        let quiet = ["--detail", detail, "--comments", "none"];
        let quiet = convert(&[bucket.path()], &quiet);
        let quiet_alone = convert(
            &[flows.as_ref()],
            &["--detail", detail, "--comments", "none"],
        );
        assert!(quiet.bytes() == quiet_alone.bytes(), "{detail}");
    }
}

/// By kind: events, joined, ambiguous, not joined.
fn account(converted: &Converted) -> BTreeMap<String, [u64; 4]> {
    let sum = |log: &Value, key: &str| -> u64 {
        let all = log[key].as_object().unwrap().values();
        all.map(|n| n["count"].as_u64().or(n.as_u64()).unwrap())
            .sum()
    };
    let of = |log: &Value| {
        let number = |key: &str| log[key].as_u64().unwrap();
        let counts = ["events", "joined", "ambiguous"].map(number);
        let apart = sum(log, "not_joined");
        assert_eq!(counts[0], counts[1] + counts[2] + apart, "{log}");
        let lines = ["blank", "events", "filtered", "duplicates"]
            .map(number)
            .iter()
            .sum::<u64>();
        assert_eq!(number("lines"), lines + sum(log, "skipped"), "{log}");
        [counts[0], counts[1], counts[2], apart]
    };
    let logs = converted.summary()["events"].as_object().unwrap().iter();
    logs.map(|(kind, log)| (kind.clone(), of(log))).collect()
}

#[test]
fn every_event_is_accounted_for() {
    let bucket = balanced::bucket();
    let converted = convert(&[bucket.path()], &[]);
    let expected = [
        ("alb_access", [3, 1, 1, 1]),
        ("alb_connection", [1, 1, 0, 0]),
        ("clb_access", [1, 0, 0, 1]),
        ("cloudtrail", [3, 2, 0, 1]),
        ("firewall_alert", [1, 1, 0, 0]),
        ("lattice", [1, 0, 0, 1]),
        ("nlb_access", [1, 1, 0, 0]),
        ("resolver_query", [3, 0, 0, 3]),
        ("waf", [2, 1, 0, 1]),
    ];
    let expected = expected.map(|(kind, counts)| (kind.to_owned(), counts));
    assert_eq!(account(&converted), BTreeMap::from(expected));
    let events = &converted.summary()["events"];
    assert_eq!(events["cloudtrail"]["duplicates"], 3);
    assert_eq!(
        events["clb_access"]["not_joined"]["of a connection without records"],
        1
    );
    let mut command = flow2pcap();
    let folder = tempfile::tempdir().unwrap();
    command
        .arg("convert")
        .arg(bucket.path())
        .arg("-o")
        .arg(folder.path().join("a.pcapng"));
    let strict = run(command.arg("--strict"));
    assert_eq!(strict.code, 1, "{}", strict.stderr);
    let expected = [
        "3 ALB requests in 1 file",
        "1 in comments of packets",
        "1 not joined: several connections fit",
        "1 not joined: of a connection without records",
        r#"2abc.log.gz:4"#,
    ];
    for text in expected {
        assert!(strict.stderr.contains(text), "{text}: {}", strict.stderr);
    }
}

#[test]
fn filter_narrows_events_and_makes_no_connection_unique() {
    let bucket = balanced::bucket();
    let options = ["--connection", "10.0.1.9:34567 > 10.0.2.7:8080"];
    let converted = convert(&[bucket.path()], &options);
    let counts = account(&converted);
    // The row without a client and a node still fits the other node's connection.
    assert_eq!(
        counts["alb_access"][2], 0,
        "a condition on a port that the row does not have"
    );
    assert_eq!(marked(&converted.capture(), "alb=502").len(), 0);
    let options = ["--host", "10.0.1.9", "--port", "8080", "--only-matching"];
    let converted = convert(&[bucket.path()], &options);
    assert_eq!(account(&converted)["alb_access"], [2, 1, 0, 1]);
    let options = [
        "--eni",
        "eni-0007",
        "--filter",
        "host 10.0.1.9 or host 10.0.2.7",
    ];
    assert_eq!(
        account(&convert(&[bucket.path()], &options))["alb_access"][0],
        0
    );
    let later = ["--from", "2026-03-14T02:15:05"];
    let counts = account(&convert(&[bucket.path()], &later));
    assert_eq!(counts["alb_access"][0], 0);
    assert_eq!(counts["cloudtrail"], [3, 2, 0, 1]);
}

#[test]
fn candidates_that_the_filter_drops_still_count() {
    let bucket = balanced::bucket();
    // The row without a client and a node is of the target alone, and so is this filter.
    let options = [
        "--filter",
        "(host 10.0.1.9 and host 10.0.2.7) or (dst host 10.0.2.7 and dst port 8080)",
    ];
    let converted = convert(&[bucket.path()], &options);
    assert_eq!(account(&converted)["alb_access"][2], 1);
}

/// Many requests, each on connections of its own, in several files.
fn busy(folder: &tempfile::TempDir) -> Vec<PathBuf> {
    let mut flows = balanced::flow_log();
    let mut rows = vec![String::new(); 4];
    for n in 0..1_500_u32 {
        let (client, port) = (format!("203.0.113.{}", n % 200), 3_000 + n);
        let at = u32::try_from(BASE_S).unwrap() + n % 50;
        let ends = [
            (&*client, "10.0.1.9", port, 443),
            ("10.0.1.9", "10.0.2.7", 20_000 + port, 8080),
        ];
        for (from, to, from_port, to_port) in ends {
            flows += &format!(
                "eni-000a vpc-0a1b subnet-0a1b i-0a1b {from} {to} {from_port} {to_port} 6 6 800 {at} {} ACCEPT 3 ingress\n",
                at + 2
            );
        }
        let row = BAD_GATEWAY
            .replace("203.0.113.9:2817", &format!("{client}:{port}"))
            .replace("02:15:04.1", &format!("02:15:{:02}.1", n % 50));
        rows[n as usize % 4] += &format!("{row}\n");
    }
    let mut paths = vec![file(folder, "flows.log", flows)];
    for (n, rows) in rows.iter().enumerate() {
        let bytes = if n == 0 {
            rows.clone().into_bytes()
        } else {
            gzip(rows.as_bytes())
        };
        paths.push(file(folder, &format!("alb-{n}.log"), bytes));
    }
    paths
}

#[test]
fn threads_memory_and_order_do_not_change_the_capture() {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = busy(&folder);
    for events in ["comments", "frames"] {
        let with = |paths: &[PathBuf], options: &[&str]| {
            let options = [&["--events", events], options].concat();
            let converted = convert(paths, &options);
            let mut summary = converted.summary().clone();
            for key in ["elapsed_ms", "spilled_bytes"] {
                summary[key] = 0.into();
            }
            summary["output"]["path"] = "".into();
            (converted.bytes(), summary["events"].clone())
        };
        let first = with(&paths, &["--threads", "1"]);
        assert_eq!(first.1["alb_access"]["joined"], 1_500);
        paths.reverse();
        assert!(
            with(&paths, &["--threads", "2"]) == first,
            "{events}: threads and order"
        );
        let output = folder.path().join("a.pcapng");
        for memory in [0, 1 << 20] {
            let request = Request::new(paths.clone()).memory(memory);
            let mut request = Convert::new(request, output.clone());
            request.events = match events {
                "frames" => EventsChoice::Frames,
                _ => EventsChoice::Comments,
            };
            let summary = pipeline::convert(&request, &Meter::default()).unwrap();
            assert!(summary.spilled_bytes > 100_000, "{events} in {memory}");
            let same = fs::read(&output).unwrap() == first.0;
            assert!(same, "{events} in {memory}");
            let account = serde_json::to_value(&summary.events).unwrap();
            assert_eq!(account, first.1, "{events} in {memory}");
        }
    }
}

#[test]
fn many_events_at_one_packet_stay_within_a_bound_and_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let flows = file(&folder, "flows.log", balanced::flow_log());
    let rows = format!("{BAD_GATEWAY}\n").repeat(500);
    let rows = file(&folder, "alb.log", rows);
    let converted = convert(&[flows, rows], &[]);
    let counts = account(&converted)["alb_access"];
    assert_eq!(counts[0], 500);
    assert!((50..200).contains(&counts[1]), "{counts:?}");
    let capture = converted.capture();
    let longest = capture
        .packets
        .iter()
        .flat_map(|p| &p.comments)
        .map(String::len)
        .max()
        .unwrap();
    assert!(longest < 10_000, "{longest}");
    assert_eq!(
        marked(&capture, &format!("more-events={}", 500 - counts[1])).len(),
        2
    );
}

#[test]
fn ipv6_and_times_that_were_not_recorded_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    let flows = balanced::flow_log()
        .replace("203.0.113.9", "2001:db8::9")
        .replace("10.0.1.9", "2001:db8:1::9")
        .replace("10.0.2.7", "2001:db8:1::7");
    let row = BAD_GATEWAY
        .replace("203.0.113.9", "[2001:db8::9]")
        .replace("10.0.2.7", "[2001:db8:1::7]")
        .replace(" 0.001 -1 -1 ", " -1 -1 -1 ")
        .replace("2026-03-14T02:15:04.100000Z", "-")
        .replace(" 10.0.1.9", " 2001:db8:1::9");
    let paths = [
        file(&folder, "flows.log", flows),
        file(&folder, "alb.log", row),
    ];
    let capture = convert(&paths, &[]).capture();
    let found = marked(&capture, "alb=502 target=[2001:db8:1::7]:8080");
    assert_eq!(found.len(), 2, "{found:?}");
}
