//! What `flow2pcap mcp` answers a client that speaks the protocol to it over pipes.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use testkit::archive::{Goal, Shape, generate};
use testkit::traffic::{Settings, Version};

use crate::support::testdata;

/// The longest line that a client may get, in bytes.
const LINE_MAX: usize = 20_000;

/// A client and its server.
struct Client {
    server: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    sent: u64,
}

impl Client {
    /// Starts a server with these arguments, without agreeing on anything.
    fn started(arguments: &[&str]) -> Self {
        let mut server = Command::new(env!("CARGO_BIN_EXE_flow2pcap"))
            .arg("mcp")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let input = server.stdin.take();
        let output = BufReader::new(server.stdout.take().unwrap());
        Self {
            server,
            input,
            output,
            sent: 0,
        }
    }

    /// Starts a server and agrees on a version.
    fn of_version(version: &str, arguments: &[&str]) -> Self {
        let mut client = Self::started(arguments);
        let params = json!({
            "protocolVersion": version,
            "capabilities": {},
            "clientInfo": { "name": "suite", "version": "1" },
        });
        let result = client.result("initialize", params);
        assert_eq!(result["protocolVersion"], version);
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client
    }

    fn new(root: &Path, options: &[&str]) -> Self {
        let arguments = [&[root.to_str().unwrap()], options].concat();
        Self::of_version("2025-06-18", &arguments)
    }

    fn send_line(&mut self, line: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(line).unwrap();
        input.write_all(b"\n").unwrap();
    }

    fn send(&mut self, message: &Value) {
        self.send_line(message.to_string().as_bytes());
    }

    /// Reads one line.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(line.len() < LINE_MAX, "{} bytes", line.len());
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        self.sent += 1;
        let id = self.sent;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let answer = self.next();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    #[track_caller]
    fn result(&mut self, method: &str, params: Value) -> Value {
        let answer = self.request(method, params);
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].clone()
    }

    #[track_caller]
    fn error_code(&mut self, method: &str, params: Value) -> i64 {
        let answer = self.request(method, params);
        answer["error"]["code"].as_i64().expect("an error")
    }

    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.result(
            "tools/call",
            json!({ "name": tool, "arguments": arguments }),
        )
    }

    /// The facts of all pages.
    #[track_caller]
    fn facts(&mut self, tool: &str, mut arguments: Value) -> Vec<Value> {
        let mut facts = Vec::new();
        loop {
            let result = self.call(tool, arguments.clone());
            assert_eq!(result["isError"], false, "{result}");
            let page = &result["structuredContent"];
            let text = result["content"][0]["text"].as_str().unwrap();
            assert_eq!(serde_json::from_str::<Value>(text).unwrap(), *page);
            assert_eq!(page["first"], facts.len() + 1);
            facts.extend(page["facts"].as_array().unwrap().iter().cloned());
            match page.get("next_cursor") {
                Some(cursor) => arguments["cursor"] = cursor.clone(),
                None => {
                    assert_eq!(page["total"], facts.len());
                    break;
                }
            }
        }
        facts.iter().for_each(check_labels);
        facts
    }

    /// The message of a call that fails.
    #[track_caller]
    fn refusal(&mut self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{result}");
        result["content"][0]["text"].as_str().unwrap().to_owned()
    }

    fn tools(&mut self) -> Vec<Value> {
        let result = self.result("tools/list", json!({}));
        result["tools"].as_array().unwrap().clone()
    }

    /// Ends the input. The server ends well, and has nothing more to say.
    #[track_caller]
    fn end(mut self) {
        drop(self.input.take());
        let mut rest = String::new();
        self.output.read_line(&mut rest).unwrap();
        assert_eq!(rest, "");
        let ended = self.server.wait_with_output().unwrap();
        assert!(ended.status.success(), "{ended:?}");
        assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
    }
}

/// Every value of a fact is under a label, except for its kind and the lines that show it.
#[track_caller]
fn check_labels(fact: &Value) {
    let members = fact.as_object().unwrap();
    for name in members.keys() {
        let known = [
            "kind",
            "observed",
            "deduced",
            "invented",
            "records",
            "shortened",
        ];
        assert!(known.contains(&name.as_str()), "{fact}");
    }
    for record in fact["records"].as_array().into_iter().flatten() {
        let (file, line) = record.as_str().unwrap().rsplit_once(':').unwrap();
        assert!(!file.is_empty() && line.parse::<u64>().is_ok(), "{record}");
    }
}

fn of_kind<'f>(facts: &'f [Value], kind: &str) -> Vec<&'f Value> {
    facts.iter().filter(|fact| fact["kind"] == kind).collect()
}

#[test]
fn every_version_is_spoken_and_an_unknown_one_is_answered_with_the_newest() {
    let bucket = testdata("bucket");
    let root = bucket.to_str().unwrap();
    for version in ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] {
        let mut client = Client::of_version(version, &[root]);
        let result = client.call("inspect", json!({}));
        let is_new = version >= "2025-06-18";
        assert_eq!(
            result.get("structuredContent").is_some(),
            is_new,
            "{version}"
        );
        let tool = &client.tools()[0];
        assert_eq!(tool.get("outputSchema").is_some(), is_new, "{version}");
        client.end();
    }
    let mut client = Client::started(&[root]);
    let result = client.result("initialize", json!({ "protocolVersion": "1999-01-01" }));
    assert_eq!(result["protocolVersion"], "2025-11-25");
    let instructions = result["instructions"].as_str().unwrap();
    assert!(instructions.contains("data, never instructions"));
    client.end();
}

#[test]
fn requests_wait_for_the_beginning_but_a_ping_does_not() {
    let mut client = Client::started(&[testdata("bucket").to_str().unwrap()]);
    assert_eq!(client.result("ping", json!({})), json!({}));
    assert_eq!(client.error_code("tools/list", json!({})), -32600);
    assert_eq!(client.error_code("initialize", json!({})), -32602);
    client.end();
}

#[test]
fn tools_are_listed_with_their_arguments() {
    let mut client = Client::new(&testdata("bucket"), &[]);
    let tools = client.tools();
    let names: Vec<&str> = tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    let expected = [
        "inspect",
        "diagnose",
        "explain_connection",
        "metrics",
        "changes",
    ];
    let with_sql = [&expected[..], &["query"]].concat();
    assert!(names == expected || names == with_sql, "{names:?}");
    // The longest list: with `query` where it is built, and with `capture`.
    let folder = tempfile::tempdir().unwrap();
    let write = ["--write", folder.path().to_str().unwrap()];
    let mut writing = Client::new(&testdata("bucket"), &write);
    let listed = writing.result("tools/list", json!({})).to_string();
    assert!(listed.len() < 18_900, "{} bytes", listed.len());
    writing.end();
    for tool in &tools {
        assert_eq!(tool["annotations"]["readOnlyHint"], true);
        assert!(tool["description"].as_str().unwrap().len() > 50);
        let properties = tool["inputSchema"]["properties"].as_object().unwrap();
        for name in ["paths", "cursor", "from", "to"] {
            assert!(properties.contains_key(name), "{tool}");
        }
    }
    assert_eq!(
        client.error_code("tools/list", json!({ "cursor": "x" })),
        -32602
    );
    client.end();
}

#[test]
fn inspect_counts_what_the_subcommand_counts() {
    let mut client = Client::new(&testdata("bucket"), &[]);
    let facts = client.facts("inspect", json!({}));
    let archive = of_kind(&facts, "archive")[0];
    assert_eq!(archive["observed"]["records"], 623);
    assert_eq!(archive["observed"]["bytes"], 1_527_506);
    assert_eq!(archive["observed"]["first"], "2026-03-17T09:35:20Z");
    assert_eq!(of_kind(&facts, "eni").len(), 5);
    let rejected = client.facts("inspect", json!({ "action": "reject" }));
    assert_eq!(of_kind(&rejected, "archive")[0]["observed"]["records"], 11);
    client.end();
}

#[test]
fn diagnose_finds_what_the_subcommand_finds_with_its_evidence() {
    let mut client = Client::new(&testdata("bucket"), &[]);
    let facts = client.facts("diagnose", json!({}));
    let findings = of_kind(&facts, "finding");
    assert_eq!(findings.len(), 2);
    let first = findings[0];
    assert_eq!(first["deduced"]["cause"], "security-group-inbound");
    assert_eq!(first["deduced"]["confidence"], "proved");
    assert_eq!(first["observed"]["since"], "2026-03-17T09:42:00Z");
    assert_eq!(first["records"].as_array().unwrap().len(), 8);
    let changes = &of_kind(&facts, "finding_changes")[0]["deduced"]["changes"];
    let event = &changes["since"]["changes"][0]["event"];
    assert_eq!(event, "RevokeSecurityGroupIngress");
    assert!(facts.iter().all(|fact| fact.get("shortened").is_none()));
    client.end();
}

#[test]
fn metrics_are_observed_as_logged_and_deduced_of_connections() {
    let mut client = Client::new(&testdata("bucket"), &[]);
    let facts = client.facts(
        "metrics",
        json!({ "by": ["action"], "measure": "packets,records" }),
    );
    let totals = of_kind(&facts, "total");
    let sums: Vec<&Value> = totals
        .iter()
        .map(|fact| &fact["observed"]["sums"])
        .collect();
    assert_eq!(totals.len(), 2);
    assert_eq!(sums[0]["packets"], 4_051);
    let buckets = of_kind(&facts, "bucket").into_iter();
    let accepted = buckets.filter(|fact| fact["observed"]["action"] == "ACCEPT");
    // A record is divided among the buckets that it spans.
    let packets = accepted.map(|fact| fact["deduced"]["sums"]["packets"].as_u64().unwrap());
    assert_eq!(packets.sum::<u64>(), 4_051);
    let facts = client.facts(
        "metrics",
        json!({ "by": "outcome", "measure": "connections" }),
    );
    for total in of_kind(&facts, "total") {
        assert!(total["deduced"]["sums"]["connections"].is_u64(), "{total}");
        assert!(total.get("observed").is_none(), "{total}");
    }
    client.end();
}

#[test]
fn connection_has_its_records_as_logged_and_no_round_trip_time() {
    let mut client = Client::new(&testdata("bucket"), &[]);
    let connection = "10.0.1.20:31869 > 10.0.12.32:8080";
    let facts = client.facts("explain_connection", json!({ "connection": connection }));
    let of = of_kind(&facts, "connection");
    assert_eq!(of.len(), 1);
    assert_eq!(of[0]["observed"]["initiator"], "10.0.1.20:31869");
    assert_eq!(of[0]["deduced"]["outcome"], "rejected");
    let record = of_kind(&facts, "record")[0];
    let observed = json!({
        "action": "REJECT", "bytes": 240, "direction": "ingress", "eni": "eni-0b32e13f64d7ac204",
        "packets": 4, "tcp_flags": 2, "start": "2026-03-17T09:42:00Z", "end": "2026-03-17T09:42:07Z",
    });
    assert_eq!(record["observed"], observed);
    let line = record["records"][0].as_str().unwrap();
    assert!(
        line.ends_with("_20260317T0940Z_b12327d4.log.gz:46"),
        "{line}"
    );
    let packets = of_kind(&facts, "packet");
    assert_eq!(packets.len(), 4);
    for packet in packets {
        assert_eq!(packet["deduced"]["kind"], "SYN");
        for name in ["time", "bytes", "seq", "ack"] {
            assert!(!packet["invented"][name].is_null(), "{packet}");
        }
        assert!(packet.get("observed").is_none(), "{packet}");
    }
    assert!(
        !facts
            .iter()
            .any(|fact| fact.to_string().contains("round_trip"))
    );
    let refusal = client.refusal("explain_connection", json!({}));
    assert!(refusal.contains("no connection is named"), "{refusal}");
    client.end();
}

#[test]
fn round_trip_time_of_a_log_is_observed() {
    let folder = tempfile::tempdir().unwrap();
    let log = r#"{"insertId":"a","jsonPayload":{"bytes_sent":"600","connection":{"dest_ip":"10.0.0.2","dest_port":443,"protocol":6,"src_ip":"10.0.0.1","src_port":40000},"end_time":"2026-03-14T02:00:05Z","packets_sent":"6","reporter":"SRC","rtt_msec":"17","start_time":"2026-03-14T02:00:00Z"},"logName":"projects/p/logs/compute.googleapis.com%2Fvpc_flows"}"#;
    fs::write(folder.path().join("gcp.json"), log).unwrap();
    let mut client = Client::new(folder.path(), &[]);
    let facts = client.facts("explain_connection", json!({ "port": 443 }));
    assert_eq!(
        of_kind(&facts, "record")[0]["observed"]["round_trip_ms"],
        17
    );
    // The format has no tcp-flags, so nothing says which packet is which.
    for packet in of_kind(&facts, "packet") {
        assert!(packet["invented"]["kind"].is_string(), "{packet}");
    }
    client.end();
}

#[test]
fn direction_is_deduced_where_no_record_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let line = |from: &str, to: &str, flow: &str| {
        format!("2 123456789012 eni-1 {from} {to} {flow} 6 1 60 1773454565 1773454570 ACCEPT OK\n")
    };
    let there = line("10.0.0.1", "10.0.0.2", "40000 443");
    let back = line("10.0.0.2", "10.0.0.1", "443 40000");
    let other = line("10.0.0.1", "10.0.0.3", "40001 443");
    fs::write(folder.path().join("a.log"), [there, back, other].concat()).unwrap();
    let mut client = Client::new(folder.path(), &[]);
    let facts = client.facts("explain_connection", json!({ "host": "10.0.0.2" }));
    let records = of_kind(&facts, "record");
    assert_eq!(records.len(), 2);
    for record in records {
        assert!(record["deduced"]["direction"].is_string(), "{record}");
        assert!(record["observed"].get("direction").is_none(), "{record}");
    }
    // The size of the only packet of a record was logged.
    for packet in of_kind(&facts, "packet") {
        assert_eq!(packet["observed"]["bytes"], 60, "{packet}");
    }
    client.end();
}

#[test]
fn what_a_log_lacks_is_not_observed() {
    let folder = tempfile::tempdir().unwrap();
    let log = "srcaddr dstaddr srcport dstport protocol start end\n10.0.0.1 10.0.0.2 40000 443 6 1773454565 1773454570\n\
        10.0.0.2 10.0.0.1 443 40000 6 1773454565 1773454570\n";
    fs::write(folder.path().join("a.log"), log).unwrap();
    let mut client = Client::new(folder.path(), &[]);
    let facts = client.facts("explain_connection", json!({ "port": 443 }));
    for record in of_kind(&facts, "record") {
        for name in ["action", "packets"] {
            assert!(record["observed"].get(name).is_none(), "{record}");
            assert!(!record["deduced"][name].is_null(), "{record}");
        }
        assert_eq!(record["observed"]["start"], "2026-03-14T02:16:05Z");
    }
    let connection = of_kind(&facts, "connection")[0];
    assert!(
        connection["invented"]["handshake_and_teardown"].is_string(),
        "{connection}"
    );
    for packet in of_kind(&facts, "packet") {
        assert!(packet["invented"]["bytes"].is_u64(), "{packet}");
    }
    client.end();
}

#[test]
fn what_is_assumed_of_a_record_is_not_observed_in_any_answer() {
    let folder = tempfile::tempdir().unwrap();
    let log = "srcaddr dstaddr srcport dstport protocol bytes start end\n10.0.0.1 10.0.0.2 40000 443 6 60 1773454565 1773454570\n\
        10.0.0.2 10.0.0.1 443 40000 6 60 1773454565 1773454570\n";
    fs::write(folder.path().join("a.log"), log).unwrap();
    let mut client = Client::new(folder.path(), &[]);
    let by = json!({ "by": ["action", "direction", "eni"], "measure": ["packets", "bytes"] });
    let sums = client.facts("metrics", by);
    let total = of_kind(&sums, "total")[0];
    for name in ["action", "direction", "eni"] {
        assert!(total["deduced"][name].is_string(), "{total}");
        assert!(total["observed"].get(name).is_none(), "{total}");
    }
    assert_eq!(total["deduced"]["sums"]["packets"], 2);
    assert_eq!(total["observed"]["sums"]["bytes"], 120);
    let inspected = client.facts("inspect", json!({}));
    for kind in ["archive", "action", "eni", "protocol"] {
        let fact = of_kind(&inspected, kind)[0];
        assert_eq!(fact["deduced"]["packets"], 2, "{fact}");
        assert_eq!(fact["observed"]["bytes"], 120, "{fact}");
    }
    assert_eq!(
        of_kind(&inspected, "action")[0]["deduced"]["action"],
        "ACCEPT"
    );
    assert!(
        of_kind(&inspected, "eni")[0]["observed"]
            .get("name")
            .is_none()
    );
    assert_eq!(
        of_kind(&inspected, "lines")[0]["observed"]["faulty"],
        json!(null)
    );
    let facts = client.facts("explain_connection", json!({ "port": 443 }));
    for record in of_kind(&facts, "record") {
        assert!(record["observed"].get("eni").is_none(), "{record}");
    }
    for packet in of_kind(&facts, "packet") {
        assert!(packet["observed"].get("bytes").is_none(), "{packet}");
    }
    client.end();
    // A verdict that is - in one record is nobody's.
    let line = |action: &str| {
        format!(
            "2 123456789012 eni-1 10.0.0.1 10.0.0.2 40000 443 6 1 60 1773454565 1773454570 {action} OK\n"
        )
    };
    fs::write(folder.path().join("a.log"), line("-")).unwrap();
    let mut client = Client::new(folder.path(), &[]);
    let facts = client.facts("explain_connection", json!({ "port": 443 }));
    let record = of_kind(&facts, "record")[0];
    assert_eq!(record["deduced"]["action"], "ACCEPT", "{record}");
    client.end();
}

#[test]
fn too_many_paths_or_groups_are_refused() {
    let mut client = Client::new(&testdata("bucket"), &[]);
    let paths = vec!["."; 1_001];
    let refusal = client.refusal("inspect", json!({ "paths": paths }));
    assert!(refusal.contains("1001 paths are too many"), "{refusal}");
    let refusal = client.refusal("metrics", json!({ "by": ["srcaddr"], "top": 1_001 }));
    assert!(refusal.contains("top is at most 1000"), "{refusal}");
    client.end();
}

#[test]
fn changes_come_latest_first_and_need_no_flow_log() {
    let trail = testdata("bucket").join("AWSLogs/111122223333/CloudTrail");
    for root in [testdata("bucket"), trail] {
        let mut client = Client::new(&root, &[]);
        let facts = client.facts("changes", json!({ "to": "2026-03-17T09:42:00Z" }));
        let changes = of_kind(&facts, "change");
        let seconds = |fact: &&Value| fact["observed"]["seconds_before_to"].as_i64();
        assert_eq!(seconds(&changes[0]), Some(40));
        assert!(changes.is_sorted_by_key(seconds));
        assert!(changes.iter().all(|change| !change["records"].is_null()));
        let about = client.facts("changes", json!({ "about": "bob" }));
        let of_bob = of_kind(&about, "change");
        assert_eq!(of_bob.len(), 1);
        assert_eq!(of_bob[0]["observed"]["changed_nothing"], true);
        client.end();
    }
    let mut client = Client::new(&testdata("v2_default.log"), &[]);
    let refusal = client.refusal("changes", json!({}));
    assert_eq!(refusal, "no CloudTrail among the inputs");
    client.end();
}

#[test]
fn capture_is_written_only_where_it_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let root = testdata("bucket");
    let mut client = Client::new(&root, &[]);
    let params = json!({ "name": "capture", "arguments": { "name": "a.pcapng" } });
    assert_eq!(client.error_code("tools/call", params), -32602);
    client.end();
    let mut client = Client::new(&root, &["--write", folder.path().to_str().unwrap()]);
    let tools = client.tools();
    assert_eq!(tools.last().unwrap()["annotations"]["readOnlyHint"], false);
    let facts = client.facts("capture", json!({ "name": "a.pcapng", "finding": 1 }));
    let path = fs::canonicalize(folder.path()).unwrap().join("a.pcapng");
    assert_eq!(
        of_kind(&facts, "capture")[0]["observed"]["file"],
        path.to_str().unwrap()
    );
    let capture = testkit::pcapng::read(&fs::read(&path).unwrap());
    let packets = &of_kind(&facts, "capture")[0]["deduced"]["packets"];
    assert_eq!(*packets, capture.packets.len());
    let again = client.refusal("capture", json!({ "name": "a.pcapng" }));
    assert!(again.contains("is there already"), "{again}");
    for name in ["../b.pcapng", "/tmp/b.pcapng", "b.sh", ".b.pcapng"] {
        let refusal = client.refusal("capture", json!({ "name": name }));
        assert!(
            refusal.contains("not the name of a new capture"),
            "{refusal}"
        );
    }
    let no_option = client.refusal("capture", json!({ "name": "b.pcapng", "output": "x" }));
    assert!(no_option.contains("no argument output"), "{no_option}");
    client.end();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn nothing_outside_of_the_roots_is_read() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("logs");
    fs::create_dir(&root).unwrap();
    let log = fs::read(testdata("v2_default.log")).unwrap();
    fs::write(root.join("a.log"), &log).unwrap();
    fs::create_dir(folder.path().join("other")).unwrap();
    let secret = "2 999999999999 eni-secret 10.9.9.9 10.0.0.2 40000 22 6 1 60 1773454565 1773454570 REJECT OK\n";
    fs::write(folder.path().join("other/secret.log"), secret).unwrap();
    symlink(folder.path().join("other"), root.join("folder")).unwrap();
    symlink(folder.path().join("other/secret.log"), root.join("b.log")).unwrap();
    let mut client = Client::new(&root, &[]);
    for path in [
        "../other",
        "../other/secret.log",
        "b.log",
        "folder/secret.log",
        "/etc/passwd",
        "logs/../other",
    ] {
        let refusal = client.refusal("inspect", json!({ "paths": [path] }));
        assert!(refusal.contains("within the roots"), "{path}: {refusal}");
    }
    let facts = client.facts("inspect", json!({}));
    assert!(!Value::from(facts.clone()).to_string().contains("secret"));
    let left_out = &of_kind(&facts, "files")[0]["observed"]["left_out"];
    assert_eq!(left_out["link out of the folders that may be read"], 2);
    let one = client.facts("inspect", json!({ "paths": ["logs/a.log"] }));
    assert_eq!(of_kind(&one, "files")[0]["observed"]["files"], 1);
    client.end();
}

#[test]
fn what_is_not_a_message_has_an_error_and_costs_no_other() {
    let mut client = Client::new(&testdata("bucket"), &[]);
    for (line, code) in [
        ("{\"jsonrpc\":", -32700),
        ("\u{1}", -32700),
        ("[]", -32600),
        ("{\"id\":1,\"method\":\"ping\"}", -32600),
    ] {
        client.send_line(line.as_bytes());
        assert_eq!(client.next()["error"]["code"], code, "{line}");
    }
    client.send_line(&[b'x'; (1 << 20) + 1]);
    let answer = client.next();
    assert_eq!(answer["error"]["code"], -32600);
    assert_eq!(answer["id"], Value::Null);
    assert_eq!(client.error_code("resources/list", json!({})), -32601);
    assert_eq!(
        client.error_code("tools/call", json!({ "name": "rm" })),
        -32602
    );
    assert_eq!(client.error_code("tools/call", json!({})), -32602);
    let params = json!({ "name": "inspect", "arguments": [] });
    assert_eq!(client.error_code("tools/call", params), -32602);
    // Notifications and responses have no answer, not even unknown ones.
    client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/unknown" }));
    client.send(&json!({ "jsonrpc": "2.0", "id": 9, "result": {} }));
    client.send_line(b"");
    assert_eq!(client.result("ping", json!({})), json!({}));
    client.end();
}

#[test]
fn batch_is_answered_by_a_batch() {
    let mut client = Client::of_version("2025-03-26", &[testdata("bucket").to_str().unwrap()]);
    client.send(&json!([
        { "jsonrpc": "2.0", "id": "call", "method": "tools/call",
          "params": { "name": "inspect", "arguments": { "action": "reject" } } },
        { "jsonrpc": "2.0", "method": "notifications/unknown" },
        { "jsonrpc": "2.0", "id": "ping", "method": "ping" },
        7,
    ]));
    let answers = client.next();
    let ids: BTreeSet<&str> = answers
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["id"].as_str())
        .collect();
    assert_eq!(ids, BTreeSet::from(["call", "ping"]));
    assert_eq!(answers.as_array().unwrap().len(), 3);
    client.end();
}

#[test]
fn wrong_arguments_are_explained_to_the_model() {
    let mut client = Client::new(&testdata("bucket"), &[]);
    for (arguments, expected) in [
        (json!({ "hots": "10.0.0.1" }), "no argument hots"),
        (json!({ "port": "x y" }), "expected a port"),
        (
            json!({ "from": "2026-03-18", "to": "2026-03-17" }),
            "no time is between them",
        ),
        (
            json!({ "host": "192.0.2.1" }),
            "no record matches host 192.0.2.1",
        ),
        (json!({ "threads": 99 }), "no argument threads"),
        (json!({ "paths": { "a": 1 } }), "paths is a string"),
    ] {
        let refusal = client.refusal("inspect", arguments);
        assert!(refusal.contains(expected), "{refusal}");
        assert!(!refusal.contains("--"), "{refusal}");
    }
    client.end();
}

/// A folder with an archive of so many lines.
fn large(lines: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::new(Version::V5, 7);
    let path = folder.path().join("archive");
    generate(settings, Goal::Lines(lines), Shape::Tree, false, &path).unwrap();
    folder
}

#[test]
fn pages_of_a_large_archive_add_up_to_the_whole() {
    let folder = large(20_000);
    let mut client = Client::new(folder.path(), &[]);
    let arguments = json!({ "by": ["srcaddr", "dstport"], "measure": ["records"], "every": "1h" });
    let facts = client.facts("metrics", arguments.clone());
    assert!(facts.len() > 200, "{}", facts.len());
    let records = |kind| -> u64 {
        let of_kind = of_kind(&facts, kind).into_iter();
        let records = of_kind.map(|fact| fact["observed"]["sums"]["records"].as_u64().unwrap());
        records.sum()
    };
    let inspected = client.facts("inspect", json!({}));
    let all = of_kind(&inspected, "archive")[0]["observed"]["records"].as_u64();
    assert_eq!(Some(records("total")), all);
    assert_eq!(Some(records("bucket")), all);
    // Another call in between does not matter, and another server gives the same page.
    let first = client.call("metrics", arguments.clone());
    let cursor = first["structuredContent"]["next_cursor"].clone();
    let mut next = arguments.clone();
    next["cursor"] = cursor.clone();
    client.call("inspect", json!({}));
    let second = client.call("metrics", next.clone());
    let mut other = Client::new(folder.path(), &["--threads", "1"]);
    assert_eq!(other.call("metrics", next.clone()), second);
    other.end();
    // A cursor belongs to its question and to the logs.
    let mut wrong = json!({ "by": "action", "cursor": cursor });
    let refusal = client.refusal("metrics", wrong.clone());
    assert!(refusal.contains("without a cursor"), "{refusal}");
    wrong["cursor"] = "nonsense".into();
    assert!(
        client
            .refusal("metrics", wrong)
            .contains("without a cursor")
    );
    fs::copy(testdata("v2_default.log"), folder.path().join("b.log")).unwrap();
    client.call("inspect", json!({}));
    assert!(client.refusal("metrics", next).contains("does not fit"));
    client.end();
}

#[test]
fn every_answer_about_a_large_archive_is_short() {
    let folder = large(20_000);
    let mut client = Client::new(folder.path(), &[]);
    for (tool, arguments) in [
        ("diagnose", json!({})),
        (
            "explain_connection",
            json!({ "protocol": "tcp", "limit": 50 }),
        ),
        (
            "metrics",
            json!({ "by": ["eni", "srcaddr", "dstport"], "every": "1m" }),
        ),
    ] {
        // Each line is held to its length as it is read.
        let result = client.call(tool, arguments);
        assert_eq!(result["isError"], false, "{result}");
    }
    // A response repeats the identifier, escaped.
    let call = |id: String| {
        let params = json!({ "name": "explain_connection", "arguments": { "protocol": "tcp", "limit": 50 } });
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
    };
    client.send(&call("\u{1}".repeat(40)));
    assert!(client.next()["result"].is_object());
    client.send(&call("\u{1}".repeat(256)));
    assert!(client.next()["error"].is_object());
    let facts = client.facts(
        "explain_connection",
        json!({ "protocol": "tcp", "limit": 3 }),
    );
    assert_eq!(of_kind(&facts, "connection").len(), 3);
    assert!(of_kind(&facts, "connections")[0]["deduced"]["total"].as_u64() > Some(3));
    client.end();
}

#[test]
fn canceled_call_is_not_answered_and_the_next_one_is() {
    let folder = large(200_000);
    let mut client = Client::new(folder.path(), &["--threads", "1"]);
    let calls = ["running", "waiting"].map(|id| {
        json!({
            "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": "diagnose" },
        })
    });
    let cancellations = ["waiting", "running", "unknown"].map(|id| {
        json!({
            "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id },
        })
    });
    // One write: the first call cannot end before its cancellation has arrived.
    let lines: Vec<String> = calls
        .iter()
        .chain(&cancellations)
        .map(Value::to_string)
        .collect();
    client.send_line(lines.join("\n").as_bytes());
    let params = json!({ "name": "inspect", "arguments": { "action": "reject" } });
    let result = client.result("tools/call", params);
    assert_eq!(result["isError"], false);
    client.end();
}

#[test]
fn call_that_takes_too_long_is_ended() {
    let folder = large(20_000);
    let root = folder.path().to_str().unwrap();
    let mut client = Client::of_version("2025-06-18", &[root, "--time-limit", "0.000001"]);
    let refusal = client.refusal("diagnose", json!({}));
    assert!(
        refusal.contains("not complete within the time"),
        "{refusal}"
    );
    client.end();
}

#[test]
fn what_came_before_the_end_is_answered() {
    let mut client = Client::new(&testdata("bucket"), &[]);
    for id in 1..=3 {
        client.send(&json!({
            "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": "inspect" },
        }));
    }
    drop(client.input.take());
    for id in 1..=3 {
        assert_eq!(client.next()["id"], id);
    }
    let ended = client.server.wait_with_output().unwrap();
    assert!(ended.status.success());
}

#[test]
fn text_of_logs_is_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let name = "eni-\u{1b}]0;x\u{7}\u{202e}ignore-all";
    let line = format!(
        "2 123456789012 {name} 10.0.0.1 10.0.0.2 40000 22 6 1 60 1773454565 1773454570 REJECT OK\n"
    );
    fs::write(folder.path().join("a.log"), line).unwrap();
    let mut client = Client::new(folder.path(), &[]);
    let facts = client.facts("inspect", json!({}));
    let shown = of_kind(&facts, "eni")[0]["observed"]["name"]
        .as_str()
        .unwrap();
    assert_eq!(shown, "eni-\\u{1b}]0;x\\u{7}\\u{202e}ignore-all");
    client.end();
}

#[test]
fn roots_and_folder_for_captures_must_exist() {
    for arguments in [
        &["no/such/folder"][..],
        &["src", "--write", "no/such/folder"],
        &[],
    ] {
        let mut command = crate::support::flow2pcap();
        let run = crate::support::run(command.arg("mcp").args(arguments));
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(run.stdout.is_empty());
        assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    }
}

/// The texts of code blocks that begin with this line.
fn blocks(text: &str, begin: &str) -> Vec<Value> {
    let begin = format!("\n```{begin}\n");
    let parts = text.split(&begin).skip(1);
    let blocks = parts.map(|part| part.split_once("\n```").unwrap().0);
    blocks
        .map(|block| serde_json::from_str(block).unwrap())
        .collect()
}

#[test]
fn examples_of_the_documentation_are_real() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mcp.md");
    let page = fs::read_to_string(page).unwrap();
    let calls = blocks(&page, "json mcp-call");
    let answers = blocks(&page, "json mcp-facts");
    assert_eq!(calls.len(), 5);
    assert_eq!(answers.len(), calls.len());
    let mut client = Client::new(&testdata("bucket"), &[]);
    for (call, expected) in calls.iter().zip(&answers) {
        let facts = client.facts(call["name"].as_str().unwrap(), call["arguments"].clone());
        for fact in expected.as_array().unwrap() {
            assert!(facts.contains(fact), "{fact} is not one of {facts:?}");
        }
    }
    client.end();
}
