//! Events as frames between the packets: HTTP, JSON and DNS, as Wireshark reads them.

use std::collections::BTreeMap;
use std::process::Command;

use testkit::pcapng::packet::headers;
use testkit::pcapng::{Capture, Packet, UPPER_PDU};

use crate::support::balanced::{self, BAD_GATEWAY, BASE_S};
use crate::support::tshark::tshark;
use crate::support::{convert, convert_to, file, flow2pcap, parts_of, run};

const FRAMES: [&str; 2] = ["--events", "frames"];

/// Whether a packet is on an interface of events.
fn is_event(capture: &Capture, packet: &Packet) -> bool {
    let interface = &capture.interfaces[packet.interface];
    interface.link == UPPER_PDU || interface.name.starts_with("dns ")
}

#[test]
fn each_log_has_an_interface_of_its_own() {
    let bucket = balanced::bucket();
    let capture = convert(&[bucket.path()], &FRAMES).capture();
    let interfaces = capture.interfaces.iter();
    let events = interfaces.filter(|interface| interface.description.starts_with("events"));
    let names: Vec<(&str, u16)> = events.map(|i| (&*i.name, i.link)).collect();
    let expected = [
        ("alb app/web/50dc6c495c0c9188", UPPER_PDU),
        ("alb connections", UPPER_PDU),
        ("clb old", UPPER_PDU),
        ("cloudtrail eu-central-1", UPPER_PDU),
        ("dns vpc-0a1b", 12),
        ("firewall edge", UPPER_PDU),
        ("lattice svc-0a1b", UPPER_PDU),
        ("nlb net/web/1", UPPER_PDU),
        ("waf shop", UPPER_PDU),
    ];
    assert_eq!(names, expected);
}

#[test]
fn frames_are_between_the_packets_and_change_none_but_their_times() {
    let bucket = balanced::bucket();
    let frames = convert(&[bucket.path()], &FRAMES);
    let comments = convert(&[bucket.path()], &[]).capture();
    let capture = frames.capture();
    let packets: Vec<&Packet> = capture
        .packets
        .iter()
        .filter(|p| !is_event(&capture, p))
        .collect();
    let others: Vec<&Packet> = comments.packets.iter().collect();
    assert_eq!(
        balanced::conversations(&packets),
        balanced::conversations(&others)
    );
    // 3 ALB rows and 1 CLB row are two frames each; of 3 DNS queries one is part of another.
    let events = capture.packets.len() - packets.len();
    assert_eq!(events, 3 * 2 + 2 + 3 + 1 + 1 + 1 + 1 + 2 * 2 + 2);
    let summary = &frames.summary()["events"];
    assert_eq!(summary["resolver_query"]["framed"], 2);
    assert_eq!(
        summary["resolver_query"]["not_framed"]["part of another query, or the same"],
        1
    );
    assert_eq!(summary["cloudtrail"]["framed"], 3);
    assert_eq!(
        frames.count("/packets/written"),
        comments.packets.len() as u64
    );
}

#[test]
fn frames_have_the_times_and_places_of_their_rows() {
    let bucket = balanced::bucket();
    let capture = convert(&[bucket.path()], &FRAMES).capture();
    let of = |interface: &str| -> Vec<&Packet> {
        let packets = capture.packets.iter();
        packets
            .filter(|packet| capture.interface_of(packet) == interface)
            .collect()
    };
    let alb = of("alb app/web/50dc6c495c0c9188");
    let begin = BASE_S * 1_000_000_000 + 4_000_000_000;
    for packet in &alb {
        let at = packet.time_ns - begin;
        assert!([100_000_000, 186_641_000].contains(&at), "{at}");
    }
    let comments: Vec<&String> = alb.iter().flat_map(|packet| &packet.comments).collect();
    let with = |text: &str| {
        comments
            .iter()
            .filter(|comment| comment.contains(text))
            .count()
    };
    let of_row = |row: &str| {
        comments
            .iter()
            .filter(|comment| comment.starts_with("alb=502 ") && comment.ends_with(row))
            .count()
    };
    assert_eq!(of_row("2abc.log.gz:1"), 2);
    assert_eq!(with("joins=10.0.1.9:34567-10.0.2.7:8080"), 2);
    assert_eq!(with("joins=10.0.1.9:443-203.0.113.9:2817"), 2);
    assert_eq!(of_row("2abc.log.gz:2"), 2);
    assert_eq!(with("candidates=2"), 2);
    assert!(of("dns vpc-0a1b")[0].comments[0].contains("rebuilt-from=query-log"));
    assert!(!comments.iter().any(|comment| comment.contains("s3cret")));
}

#[test]
fn wireshark_filters_events_by_their_fields() {
    let Some(tshark) = tshark() else { return };
    let bucket = balanced::bucket();
    let converted = convert(&[bucket.path()], &FRAMES);
    let count = |filter: &str| tshark.count(converted.path(), filter);
    assert_eq!(count("http.response.code == 502"), 3);
    assert_eq!(count("http.response.code == 503"), 1);
    assert_eq!(
        count("http.request.uri contains \"/api/v1\" && http.request"),
        3
    );
    assert_eq!(count("http.host == \"www.example.com\" && http.request"), 4);
    assert_eq!(count("http.time > 0.08 && http.response.code == 502"), 3);
    assert_eq!(count("json.path_with_value contains \"sg-0a1b\""), 2);
    assert_eq!(
        count("json.value.string == \"RevokeSecurityGroupIngress\""),
        1
    );
    assert_eq!(count("json.path_with_value contains \"odd request\""), 1);
    assert_eq!(count("dns.flags.rcode == 3"), 1);
    assert_eq!(count("dns.a == 10.0.3.3"), 1);
    assert_eq!(
        count("dns.qry.name == \"db.example.com\" && dns.flags.response == 0"),
        1
    );
    assert_eq!(
        count("frame.interface_name == \"cloudtrail eu-central-1\""),
        3
    );
    // What the packets of the client say, and the request in the log, by one address.
    assert!(
        count("ip.addr == 203.0.113.9 && http") == 2 && count("ip.addr == 203.0.113.9 && tcp") > 8
    );
}

#[test]
fn wireshark_has_no_complaint_about_any_frame() {
    let Some(tshark) = tshark() else { return };
    let folder = tempfile::tempdir().unwrap();
    let bucket = balanced::bucket();
    let odd = [
        BAD_GATEWAY.replace("203.0.113.9:2817", "[2001:db8::9]:2817"),
        BAD_GATEWAY
            .replace("203.0.113.9:2817", "-")
            .replace(" 10.0.1.9", ""),
        BAD_GATEWAY.replace("10.0.2.7:8080 0", "- 0"),
        BAD_GATEWAY.replace("10.0.2.7:8080", "10.0.2.7:443"),
        BAD_GATEWAY.replace(
            "GET https://www.example.com:443/api/v1?token=s3cret HTTP/1.1",
            "- http://a:80- ",
        ),
        BAD_GATEWAY.replace("GET https", "CONNECT https"),
        BAD_GATEWAY
            .replace("HTTP/1.1\"", "HTTP/2.0\"")
            .replace("https 2026", "h2 2026"),
        BAD_GATEWAY
            .replace(" 502 - ", " 101 101 ")
            .replace("https 2026", "wss 2026"),
        BAD_GATEWAY
            .replace(" 502 - ", " 304 304 ")
            .replace("GET https", "HEAD https"),
        BAD_GATEWAY.replace("/api/v1", "/ü\u{7f} \\x22<script>%00"),
        BAD_GATEWAY.replace(" 502 - ", " - - "),
    ];
    let odd = file(&folder, "odd.log", odd.join("\n"));
    let converted = convert(&[bucket.path(), &odd], &FRAMES);
    for filter in [
        "_ws.malformed",
        "_ws.expert.severity >= \"Warning\" && (exported_pdu || dns)",
        "http && _ws.expert.severity >= \"Note\"",
    ] {
        let fields = ["frame.number", "_ws.expert.message", "frame.comment"];
        let found = tshark.fields(converted.path(), filter, &fields);
        assert!(found.is_empty(), "{filter}: {found:?}");
    }
    let infos = tshark.capinfos(converted.path(), &["-o"]);
    assert!(infos.contains("Strict time order:   True"), "{infos}");
}

#[test]
fn answers_name_the_addresses() {
    let Some(_) = tshark() else { return };
    let bucket = balanced::bucket();
    let converted = convert(&[bucket.path()], &FRAMES);
    let mut command = Command::new("tshark");
    let names = command
        // Not what Wireshark learns from the DNS packets themselves.
        .args(["-o", "nameres.dns_pkt_addr_resolution:FALSE"])
        .args(["-q", "-z", "hosts", "-r"])
        .arg(converted.path())
        .output()
        .unwrap();
    let names = String::from_utf8(names.stdout).unwrap();
    let line = names.lines().find(|line| line.starts_with("10.0.3.3"));
    assert!(
        line.is_some_and(|line| line.ends_with("db.example.com")),
        "{names}"
    );
}

#[test]
fn archive_of_events_alone_becomes_frames() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "alb.log", BAD_GATEWAY);
    let converted = convert(&[path], &FRAMES);
    assert_eq!(converted.capture().packets.len(), 2);
    assert_eq!(converted.summary()["events"]["alb_access"]["framed"], 1);
}

#[test]
fn capture_that_cannot_have_frames_is_refused_with_the_reason() {
    let bucket = balanced::bucket();
    let folder = tempfile::tempdir().unwrap();
    for (name, options, reason) in [
        ("a.pcap", &[][..], "classic pcap has one link type"),
        ("a.pcapng", &["--single-interface"][..], "one interface"),
        ("a.pcapng", &["--split", "eni"][..], "belong to no ENI"),
        (
            "a.pcapng",
            &["--split", "connections=5"][..],
            "belong to no ENI and no connection",
        ),
    ] {
        let mut command = flow2pcap();
        command
            .arg("convert")
            .arg(bucket.path())
            .args(FRAMES)
            .args(options);
        let refused = run(command.arg("-o").arg(folder.path().join(name)));
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains(reason), "{}", refused.stderr);
        assert!(!folder.path().join(name).exists());
    }
}

#[test]
fn parts_by_hour_and_size_have_the_frames_too() {
    let bucket = balanced::bucket();
    for (split, link) in [("hour", "raw"), ("size=4KB", "ethernet")] {
        let options = ["--events", "frames", "--split", split, "--link", link];
        let whole = convert(&[bucket.path()], &["--events", "frames", "--link", link]).capture();
        let converted = convert_to("out.pcapng", &[bucket.path()], &options);
        let parts = parts_of(converted.path());
        let mut packets = Vec::new();
        for part in &parts {
            packets.extend(testkit::pcapng::read(&std::fs::read(part).unwrap()).packets);
        }
        assert!(packets == whole.packets, "{split}");
        let listed = converted.summary()["output"]["parts"]["files"]
            .as_array()
            .unwrap();
        let bytes: u64 = listed
            .iter()
            .map(|part| part["bytes"].as_u64().unwrap())
            .sum();
        let lens = whole.packets.iter().map(|packet| {
            let header =
                if link == "ethernet" && whole.interfaces[packet.interface].link != UPPER_PDU {
                    14
                } else {
                    0
                };
            u64::from(packet.original_len) - header
        });
        assert_eq!(bytes, lens.sum::<u64>(), "{split}");
    }
}

/// A request and its response, nanoseconds after the base.
type Exchange = (u64, u64);

/// A flow log of connections with requests, the load balancer's rows, and the truth: by the client's
/// port, when each request and each response was.
fn exchanges() -> (String, String, BTreeMap<u16, Vec<Exchange>>) {
    let mut random = 42_u64;
    let mut below = |limit: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % limit
    };
    let mut flows = String::from(
        "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action tcp-flags\n",
    );
    let (mut rows, mut truth) = (String::new(), BTreeMap::new());
    for n in 0..300_u16 {
        let (port, count) = (10_000 + n, 1 + u64::from(n % 4));
        let mut asked: Vec<u64> = (0..count).map(|_| 1_000 + below(56_000)).collect();
        asked.sort_unstable();
        // One after another on their connection.
        let exchanges = asked.iter().enumerate().map(|(k, at)| {
            let at = (at + 700 * k as u64) * 1_000_000;
            (at, at + 5_000_000 + below(500_000) * 1_000)
        });
        let exchanges: Vec<Exchange> = exchanges.collect();
        let (start, end) = (BASE_S, BASE_S + 62);
        let (up, down) = (60 + 52 * (2 + count) + 252 * count, 60 + 104 + 952 * count);
        let ends = format!("203.0.113.9 10.0.1.9 {port} 80");
        let back = format!("10.0.1.9 203.0.113.9 80 {port}");
        flows += &format!(
            "eni-000a {ends} 6 {} {up} {start} {end} ACCEPT 3\n",
            3 + 2 * count
        );
        flows += &format!(
            "eni-000a {back} 6 {} {down} {start} {end} ACCEPT 19\n",
            3 + count
        );
        for (asked, answered) in &exchanges {
            let time = |ns: u64| {
                let seconds = ns / 1_000_000_000;
                let (minute, second) = (15 + seconds / 60, seconds % 60);
                format!(
                    "2026-03-14T02:{minute}:{second:02}.{:06}Z",
                    ns / 1_000 % 1_000_000
                )
            };
            rows += &BAD_GATEWAY
                .replace("203.0.113.9:2817", &format!("203.0.113.9:{port}"))
                .replace(":443/", ":80/")
                .replace("2026-03-14T02:15:04.186641Z", &time(*answered))
                .replace("2026-03-14T02:15:04.100000Z", &time(*asked));
            rows.push('\n');
        }
        truth.insert(port, exchanges);
    }
    (flows, rows, truth)
}

/// How far the nearest data packet of the right side is from each request and each response, in
/// milliseconds, in order of size.
fn errors(capture: &Capture, truth: &BTreeMap<u16, Vec<Exchange>>) -> Vec<u64> {
    let mut data: BTreeMap<(u16, bool), Vec<u64>> = BTreeMap::new();
    for packet in capture.packets.iter().filter(|p| !is_event(capture, p)) {
        let headers = headers(packet);
        if headers.tcp.is_some_and(|tcp| tcp.payload_len > 0) {
            let is_request = headers.tuple.destination.1 == 80;
            let port = if is_request {
                headers.tuple.source.1
            } else {
                headers.tuple.destination.1
            };
            let since = packet.time_ns - BASE_S * 1_000_000_000;
            data.entry((port, is_request)).or_default().push(since);
        }
    }
    let nearest = |port: u16, is_request: bool, at: u64| -> u64 {
        let packets = data[&(port, is_request)].iter();
        packets.map(|time| time.abs_diff(at)).min().unwrap() / 1_000_000
    };
    let mut found: Vec<u64> = truth
        .iter()
        .flat_map(|(port, exchanges)| exchanges.iter().map(move |exchange| (*port, *exchange)))
        .flat_map(|(port, (asked, answered))| {
            [nearest(port, true, asked), nearest(port, false, answered)]
        })
        .collect();
    found.sort_unstable();
    found
}

/// The figures are in docs/fidelity.md.
#[test]
fn packets_are_at_the_instants_that_a_load_balancer_logged() {
    let folder = tempfile::tempdir().unwrap();
    let (flows, rows, truth) = exchanges();
    let paths = [
        file(&folder, "flows.log", flows),
        file(&folder, "alb.log", rows),
    ];
    let without = errors(
        &convert(&paths, &["--detail", "exact", "--events", "none"]).capture(),
        &truth,
    );
    let converted = convert(&paths, &["--detail", "exact"]);
    let with = errors(&converted.capture(), &truth);
    let median = |errors: &[u64]| errors[errors.len() / 2];
    let exact = |errors: &[u64]| errors.iter().filter(|ms| **ms == 0).count() * 100 / errors.len();
    let figures = (
        median(&without),
        median(&with),
        exact(&without),
        exact(&with),
    );
    let log = &converted.summary()["events"]["alb_access"];
    let counts = ["anchored", "anchor_conflicts", "joined"].map(|key| log[key].as_u64().unwrap());
    assert!(median(&without) > 500 && median(&with) == 0, "{figures:?}");
    // Requests that do not fit the order of the rebuilt packets leave them where they are.
    assert!(exact(&without) < 10 && exact(&with) >= 75, "{figures:?}");
    assert_eq!(counts[0] + counts[1], 750);
    assert_eq!(converted.count("/connections/moved_packets"), 0);
    let capture = converted.capture();
    let marked = capture.packets.iter().flat_map(|packet| &packet.comments);
    assert!(
        marked
            .filter(|comment| comment.contains(" time=alb"))
            .count()
            > 200
    );
    if let Some(tshark) = tshark() {
        assert_eq!(tshark.count(converted.path(), "tcp.analysis.flags"), 0);
    }
}
