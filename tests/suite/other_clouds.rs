//! Flow logs of Security Lake, GCP and Azure: the same promises for what they carry.

use std::collections::BTreeMap;

use crate::support::wrapping::*;
use crate::support::{Converted, convert, file, flow2pcap, run};
use serde_json::{Value, json};
use testkit::pcapng::packet::sums;

/// Packets and bytes from each address to each other.
fn totals(converted: &Converted) -> BTreeMap<(String, String), (u64, u128)> {
    let mut totals: BTreeMap<_, (u64, u128)> = BTreeMap::new();
    for ((_, tuple), (packets, bytes)) in sums(&converted.capture()) {
        let ends = (tuple.source.0.to_string(), tuple.destination.0.to_string());
        let total = totals.entry(ends).or_default();
        total.0 += packets;
        total.1 += bytes;
    }
    totals
}

fn total(converted: &Converted, source: &str, destination: &str) -> (u64, u128) {
    let totals = totals(converted);
    totals[&(source.to_owned(), destination.to_owned())]
}

fn convert_exactly(bytes: &str) -> Converted {
    let folder = tempfile::tempdir().unwrap();
    let converted = convert(&[file(&folder, "x", bytes)], &["--detail", "exact"]);
    converted.assert_lines_add_up();
    assert_eq!(converted.skipped(), 0, "{}", converted.summary());
    converted
}

/// A version 5 record as Security Lake keeps it.
fn ocsf(record: &Value) -> Value {
    let text = |name: &str| record[name].as_str().unwrap();
    let number = |name: &str| text(name).parse::<i64>().map_or(Value::Null, Value::from);
    let milliseconds = |name: &str| {
        number(name)
            .as_i64()
            .map_or(Value::Null, |s| (s * 1000).into())
    };
    let own = json!({
        "interface_uid": text("interface-id"), "vpc_uid": text("vpc-id"),
        "subnet_uid": text("subnet-id"), "instance_uid": text("instance-id"),
    });
    let side = |ip: &str, port: &str, is_own: bool| {
        let mut side = if is_own { own.clone() } else { json!({}) };
        side["ip"] = text(ip).into();
        side["port"] = number(port);
        side
    };
    let is_ingress = text("flow-direction") == "ingress";
    json!({
        "class_uid": 4001,
        "cloud": {"account_uid": text("account-id"), "region": text("region"), "zone": text("az-id")},
        "src_endpoint": side("pkt-srcaddr", "srcport", !is_ingress),
        "dst_endpoint": side("pkt-dstaddr", "dstport", is_ingress),
        "connection_info": {
            "protocol_num": number("protocol"), "tcp_flags": number("tcp-flags"),
            "direction_id": if is_ingress { 1 } else { 2 },
        },
        "traffic": {"packets": number("packets"), "bytes": number("bytes")},
        "start_time": milliseconds("start"), "end_time": milliseconds("end"),
        "action_id": if text("action") == "REJECT" { 2 } else { 1 },
        "status_code": text("log-status"),
    })
}

#[test]
fn ocsf_events_tell_what_their_records_do() {
    let records = objects(str::to_owned, as_text);
    let records: Vec<Value> = records
        .into_iter()
        .filter(|r| r["log-status"] == "OK")
        .collect();
    let events: Vec<Value> = records.iter().map(ocsf).collect();
    let plain = convert_bytes(lines(&records));
    for bytes in [lines(&events), Value::from(events).to_string()] {
        assert_eq!(told(&convert_bytes(bytes)), told(&plain));
    }
}

/// What `reporter` counted from one machine to another.
fn entry(
    reporter: &str,
    source: (&str, u16),
    destination: (&str, u16),
    counts: (u64, u128),
) -> Value {
    let instance =
        |name: &str| json!({"project_id": "p", "vm_name": name, "zone": "europe-west3-a"});
    json!({
        "logName": "projects/p/logs/compute.googleapis.com%2Fvpc_flows",
        "timestamp": "2026-03-14T08:01:00.1Z",
        "jsonPayload": {
            "connection": {
                "src_ip": source.0, "src_port": source.1,
                "dest_ip": destination.0, "dest_port": destination.1, "protocol": 6,
            },
            "reporter": reporter,
            "src_instance": instance(source.0), "dest_instance": instance(destination.0),
            "packets_sent": counts.0.to_string(), "bytes_sent": counts.1.to_string(),
            "start_time": "2026-03-14T08:00:00.123456789Z", "end_time": "2026-03-14T08:00:05.5Z",
        },
    })
}

#[test]
fn gcp_entries_of_both_reporters_are_told_once() {
    let (near, far) = (("10.0.0.1", 4000), ("10.0.0.2", 443));
    let entries = [
        entry("SRC", near, far, (7, 700)),
        entry("DEST", near, far, (7, 700)),
        entry("SRC", far, near, (5, 5000)),
        entry("DEST", far, near, (5, 5000)),
    ];
    for bytes in [lines(&entries), json!(entries).to_string()] {
        let converted = convert_exactly(&bytes);
        assert_eq!(total(&converted, "10.0.0.1", "10.0.0.2"), (7, 980));
        assert_eq!(total(&converted, "10.0.0.2", "10.0.0.1"), (5, 5200));
        assert_eq!(converted.count("/records/other_vantage"), 2);
        assert_eq!(converted.count("/enis"), 2);
        assert_eq!(
            converted.count("/connections/presumed"),
            1,
            "there are no TCP flags"
        );
    }
}

#[test]
fn azure_tuples_count_both_ways_and_say_how_a_connection_went() {
    let tuples = [
        "1773475200,10.0.0.4,20.0.0.5,4000,443,T,O,A,B,,,,",
        "1773475260,10.0.0.4,20.0.0.5,4000,443,T,O,A,C,7,700,5,5000",
        "1773475290,10.0.0.4,20.0.0.5,4000,443,T,O,A,E,3,180,2,120",
        "1773475300,203.0.113.9,10.0.0.4,5000,22,T,I,D,B,,,,",
    ];
    let flows = json!([{"rule": "r", "flows": [{"mac": "000D3AF87856", "flowTuples": tuples}]}]);
    let record = json!({"time": "t", "category": "NetworkSecurityGroupFlowEvent",
        "properties": {"Version": 2, "flows": flows}});
    let nsg = json!({"records": [record]}).to_string();
    let milliseconds = tuples.map(|tuple| {
        let vnet = tuple.replacen(',', "000,", 1).replace(",T,", ",6,");
        vnet.replace("A,", "")
            .replace("D,B,", "D,")
            .replace(",,,,", ",NX,0,0,0,0")
            .replace("C,7", "C,NX,7")
            .replace("E,3", "E,NX,3")
    });
    let groups = json!([{"aclID": "a", "flowGroups": [{"rule": "r", "flowTuples": milliseconds}]}]);
    let record = json!({"time": "t", "flowLogVersion": 4, "macAddress": "000D3AF87856",
        "category": "FlowLogFlowEvent", "flowRecords": {"flows": groups}});
    let vnet = json!({"records": [record]}).to_string();
    let [nsg, vnet] = [nsg, vnet].map(|text| convert_exactly(&text));
    assert_eq!(nsg.count("/records/no_data"), 0);
    assert_eq!(
        nsg.summary()["records"]["byte_units"]["ethernet_frame"],
        json!({"records": 4, "bytes_logged": 6000, "bytes_ip": 5762})
    );
    assert_eq!(total(&nsg, "10.0.0.4", "20.0.0.5"), (10, 740));
    assert_eq!(total(&nsg, "20.0.0.5", "10.0.0.4"), (7, 5022));
    let outcomes = &nsg.summary()["connections"]["by_outcome"];
    assert_eq!(*outcomes, json!({"complete": 1, "rejected": 1}));
    let lens = |converted: &Converted| -> Vec<u32> {
        converted
            .capture()
            .packets
            .iter()
            .map(|packet| packet.original_len)
            .collect()
    };
    assert_eq!(lens(&vnet), lens(&nsg));
}

/// A document of a virtual network flow log with these tuples.
fn vnet(tuples: &[&str]) -> String {
    let groups = json!([{"aclID": "a", "flowGroups": [{"rule": "r", "flowTuples": tuples}]}]);
    json!({"records": [{"flowLogVersion": 4, "macAddress": "000D3AF87856",
        "category": "FlowLogFlowEvent", "flowRecords": {"flows": groups}}]})
    .to_string()
}

/// The value of a key in the comment of each packet that has one.
fn words(converted: &Converted, key: &str) -> Vec<String> {
    let capture = converted.capture();
    let words = capture.packets.iter().filter_map(|packet| packet.word(key));
    words.map(str::to_owned).collect()
}

fn lens(converted: &Converted) -> Vec<u32> {
    let packets = converted.capture().packets;
    packets.iter().map(|packet| packet.original_len).collect()
}

#[test]
fn azure_connection_without_replies_is_syns_and_the_comment_has_the_logged_bytes() {
    let converted = convert_exactly(&vnet(&[
        "1773475200000,10.0.0.4,203.0.113.5,4000,8443,6,O,B,NX,0,0,0,0",
        "1773475230000,10.0.0.4,203.0.113.5,4000,8443,6,O,E,NX,3,222,0,0",
    ]));
    assert_eq!(lens(&converted), [60, 60, 60]);
    assert_eq!(words(&converted, "bytes"), ["222"]);
    let outcomes = &converted.summary()["connections"]["by_outcome"];
    assert_eq!(*outcomes, json!({"unanswered": 1}));
}

#[test]
fn azure_connection_that_only_began_is_one_packet_that_is_said_to_be_assumed() {
    let converted = convert_exactly(&vnet(&[
        "1773475200000,10.0.0.4,203.0.113.5,4000,8443,6,O,B,NX,0,0,0,0",
        "1773475201000,10.0.0.4,203.0.113.5,4001,53,17,O,B,NX,,,,",
    ]));
    assert_eq!(converted.capture().packets.len(), 2);
    assert_eq!(converted.count("/records/assumed/packets"), 2);
    assert_eq!(converted.count("/records/no_data"), 0);
}

#[test]
fn azure_tuples_give_the_same_packets_under_any_keys() {
    let tuples = [
        "1773475200000,10.0.0.4,203.0.113.5,4000,8443,6,O,B,NX,0,0,0,0",
        "1773475230000,10.0.0.4,203.0.113.5,4000,8443,6,O,E,NX,9,1200,7,5000",
    ];
    let record = vnet(&tuples);
    let expected = lens(&convert_exactly(&record));
    assert_eq!(expected.len(), 16);
    let flat = |tuple: &str| json!({"macAddress": "000D3AF87856", "rule": "r", "flow.0": tuple});
    for other in [
        lines(&tuples.map(flat)),
        json!({"mac": "000D3AF87856", "flowTuples": json!(tuples).to_string()}).to_string(),
        json!({"message": record}).to_string(),
        json!({"hits": [{"_source": {"event": {"original": record}}}]}).to_string(),
        json!({"message": format!("[{record}]")}).to_string(),
    ] {
        assert_eq!(lens(&convert_exactly(&other)), expected, "{other}");
    }
}

#[test]
fn gcp_packets_without_payload_and_answer_are_syns() {
    let converted = convert_exactly(&lines(&[
        entry("SRC", ("10.0.0.1", 4000), ("10.0.0.2", 443), (4, 0)),
        entry("DEST", ("10.0.0.1", 4000), ("10.0.0.2", 443), (4, 0)),
    ]));
    assert_eq!(lens(&converted), [40; 4]);
    assert_eq!(words(&converted, "bytes"), ["0"]);
    let outcomes = &converted.summary()["connections"]["by_outcome"];
    assert_eq!(*outcomes, json!({"unanswered": 1}));
    assert_eq!(
        converted.summary()["records"]["byte_units"]["payload"],
        json!({"records": 2, "bytes_logged": 0, "bytes_ip": 320})
    );
}

#[test]
fn gcp_round_trip_time_is_the_delay_in_the_handshake() {
    let (near, far) = (("10.0.0.1", 4000), ("10.0.0.2", 443));
    let mut entries = [
        entry("SRC", near, far, (7, 1300)),
        entry("DEST", far, near, (5, 5000)),
    ];
    for entry in &mut entries {
        entry["jsonPayload"]["rtt_msec"] = "23".into();
        for side in ["src_instance", "dest_instance"] {
            entry["jsonPayload"][side]["vm_name"] = "web-1".into();
        }
    }
    let converted = convert_exactly(&lines(&entries));
    let times: Vec<u64> = converted
        .capture()
        .packets
        .iter()
        .map(|packet| packet.time_ns)
        .collect();
    assert_eq!(times[1] - times[0], 23_000_000, "the SYN-ACK");
    assert!(times[2] - times[1] < 1_000_000, "the ACK");
    assert_eq!(words(&converted, "rtt-msec"), ["23", "23"]);
    assert_eq!(
        total(&converted, "10.0.0.1", "10.0.0.2"),
        (7, 1300 + 7 * 40)
    );
}

#[test]
fn gcp_gateway_that_reports_a_flow_is_its_interface() {
    let mut gateway = entry("SRC_GATEWAY", ("10.0.0.1", 4000), ("10.0.0.2", 443), (4, 0));
    let payload = &mut gateway["jsonPayload"];
    payload.as_object_mut().unwrap().remove("src_instance");
    payload["src_gateway"] = json!({"name": "tunnel-1", "type": "VPN_TUNNEL", "project_id": "p"});
    let converted = convert_exactly(&lines(&[gateway]));
    assert_eq!(words(&converted, "eni"), ["tunnel-1"]);
}

#[test]
fn names_of_kubernetes_engine_are_tags() {
    let mut one = entry("SRC", ("10.0.0.1", 4000), ("10.0.0.2", 443), (4, 0));
    one["jsonPayload"]["src_gke_details"] = json!({
        "cluster": {"cluster_name": "prod", "cluster_location": "us-east1"},
        "pod": {"pod_name": "cart-5d9f", "pod_namespace": "shop"},
        "service": [{"service_name": "cart", "service_namespace": "shop"}],
    });
    let other = entry("SRC", ("10.0.0.3", 4001), ("10.0.0.2", 443), (4, 0));
    let folder = tempfile::tempdir().unwrap();
    let log = file(&folder, "gke.json", lines(&[one, other]));
    for (filter, expected) in [
        ("tag shop/cart-5d9f", 1),
        ("tag shop/cart", 1),
        ("tag prod", 1),
        ("tcp", 2),
    ] {
        let ran = run(flow2pcap()
            .args(["inspect", "--json", "--quiet", "--filter", filter])
            .arg(&log));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let counted: Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!(counted["records"]["used"], expected, "{filter}");
    }
}
