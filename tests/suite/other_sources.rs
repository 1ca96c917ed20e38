//! Flow logs of AWS Network Firewall, OCI, Alibaba Cloud and IBM Cloud.

use std::collections::BTreeMap;

use crate::support::wrapping::{envelope, gzip, lines};
use crate::support::{Converted, convert, file, flow2pcap, run};
use serde_json::{Value, json};
use testkit::pcapng::packet::{Tcp, headers, sums};

/// Packets and bytes from each address and port to each other.
fn totals(converted: &Converted) -> BTreeMap<String, (u64, u128)> {
    let sums = sums(&converted.capture()).into_iter();
    let named = sums.map(|((_, tuple), counts)| {
        let (from, to) = (tuple.source, tuple.destination);
        (format!("{}:{} {}:{}", from.0, from.1, to.0, to.1), counts)
    });
    named.collect()
}

fn convert_exactly(bytes: impl AsRef<[u8]>) -> Converted {
    let folder = tempfile::tempdir().unwrap();
    let converted = convert(&[file(&folder, "x", bytes)], &["--detail", "exact"]);
    converted.assert_lines_add_up();
    converted
}

fn expect(totals: &[(&str, u64, u128)]) -> BTreeMap<String, (u64, u128)> {
    let totals = totals.iter();
    totals
        .map(|(ends, packets, bytes)| ((*ends).to_owned(), (*packets, *bytes)))
        .collect()
}

/// The packets with a comment that names a record, by the source of the packet.
fn word_of(converted: &Converted, source: &str, word: &str) -> Option<String> {
    let packets = converted.capture().packets;
    let mut own = packets
        .iter()
        .filter(|packet| headers(packet).tuple.source.0.to_string() == source);
    own.find_map(|packet| Some(packet.word(word)?.to_owned()))
}

/// Runs a subcommand on a file of these bytes.
fn run_on(subcommand: &str, bytes: impl AsRef<[u8]>) -> crate::support::Run {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "input.json", bytes);
    run(flow2pcap().arg(subcommand).arg(path))
}

const CLIENT: (&str, u16) = ("10.8.0.2", 50_211);
const SERVER: (&str, u16) = ("198.51.100.9", 443);

/// An event of AWS Network Firewall.
fn firewall_event(event: &Value) -> Value {
    json!({"firewall_name": "edge", "availability_zone": "eu-west-1b",
        "event_timestamp": "1773475260", "event": event})
}

/// What the firewall counted from one end to the other.
fn netflow(from: (&str, u16), to: (&str, u16), counts: (u64, u64), flags: &str) -> Value {
    firewall_event(&json!({
        "timestamp": "2026-03-14T08:01:00.000009+0000", "flow_id": 1_770_453_319_291_727_u64,
        "event_type": "netflow", "src_ip": from.0, "src_port": from.1, "dest_ip": to.0,
        "dest_port": to.1, "proto": "TCP", "app_proto": "tls",
        "netflow": {"pkts": counts.0, "bytes": counts.1, "age": 2, "min_ttl": 63, "max_ttl": 63,
            "start": "2026-03-14T08:00:00.250001+0000", "end": "2026-03-14T08:00:02.750003+0000"},
        "tcp": {"tcp_flags": flags, "syn": true, "ack": true},
    }))
}

/// Both directions of a connection that opens and closes.
fn firewall_flow() -> [Value; 2] {
    [
        netflow(CLIENT, SERVER, (9, 1_200), "1b"),
        netflow(SERVER, CLIENT, (8, 5_400), "1b"),
    ]
}

/// An alert of the same flow.
fn alert(verdict: &str) -> Value {
    firewall_event(&json!({
        "timestamp": "2026-03-14T08:00:01.000009+0000", "flow_id": 1_770_453_319_291_727_u64,
        "event_type": "alert", "src_ip": CLIENT.0, "src_port": CLIENT.1, "dest_ip": SERVER.0,
        "dest_port": SERVER.1, "proto": "TCP", "alert": {"action": "blocked", "signature_id": 4},
        "verdict": {"action": verdict},
    }))
}

#[test]
fn network_firewall_events_of_both_directions_are_one_connection() {
    let flow = firewall_flow();
    let messages = flow
        .each_ref()
        .map(|event| json!({"id": "1", "timestamp": 1_773_475_260_000_u64, "message": event.to_string()}));
    for bytes in [
        lines(&flow).into_bytes(),
        json!(flow).to_string().into_bytes(),
        serde_json::to_vec_pretty(&flow).unwrap(),
        gzip(lines(&flow).replace('\n', "")),
        envelope(&messages).into_bytes(),
        lines(&flow.each_ref().map(|event| json!({"_source": event}))).into_bytes(),
    ] {
        let converted = convert_exactly(bytes);
        assert_eq!(converted.skipped(), 0, "{}", converted.summary());
        assert_eq!(
            totals(&converted),
            expect(&[
                ("10.8.0.2:50211 198.51.100.9:443", 9, 1_200),
                ("198.51.100.9:443 10.8.0.2:50211", 8, 5_400),
            ])
        );
        assert_eq!(converted.count("/connections/by_outcome/complete"), 1);
        assert_eq!(converted.count("/connections/presumed"), 0);
        assert_eq!(converted.count("/enis"), 1, "the firewall");
        assert_eq!(
            word_of(&converted, "10.8.0.2", "eni").unwrap(),
            "edge/eu-west-1b"
        );
        assert_eq!(word_of(&converted, "10.8.0.2", "flags").unwrap(), "27");
        assert_eq!(
            word_of(&converted, "10.8.0.2", "role").unwrap(),
            "initiator"
        );
    }
}

#[test]
fn network_firewall_times_have_microseconds() {
    let converted = convert_exactly(lines(&firewall_flow()));
    let second_ns: u64 = 1_773_475_200_000_000_000;
    let span = json!([second_ns + 250_001_000, second_ns + 2_750_003_000]);
    assert_eq!(converted.summary()["span_ns"], span);
    let packets = converted.capture().packets;
    let times = packets.iter().map(|packet| packet.time_ns);
    let (first, last) = (times.clone().min().unwrap(), times.max().unwrap());
    assert!(first >= second_ns + 250_001_000, "{first}");
    assert!(last < second_ns + 2_751_003_000, "{last}");
}

#[test]
fn icmp_of_network_firewall_has_no_ports_and_udp_no_flags() {
    let mut ping = netflow(CLIENT, SERVER, (9, 756), "00");
    let event = ping["event"].as_object_mut().unwrap();
    for name in ["src_port", "dest_port", "tcp", "app_proto"] {
        event.remove(name);
    }
    event.insert("proto".into(), "ICMP".into());
    event.insert("icmp_type".into(), 8.into());
    let mut query = netflow(CLIENT, ("192.0.2.53", 53), (1, 90), "00");
    query["event"]["proto"] = "UDP".into();
    query["event"].as_object_mut().unwrap().remove("tcp");
    let converted = convert_exactly(lines(&[ping, query]));
    assert_eq!(
        totals(&converted),
        expect(&[
            ("10.8.0.2:0 198.51.100.9:0", 9, 756),
            ("10.8.0.2:50211 192.0.2.53:53", 1, 90),
        ])
    );
}

#[test]
fn drop_verdict_of_an_alert_rejects_the_flow_after_it() {
    let [request, reply] = firewall_flow();
    let dropped = lines(&[alert("drop"), request.clone(), reply.clone()]);
    let converted = convert_exactly(&dropped);
    assert_eq!(converted.count("/records/used"), 2);
    assert_eq!(
        converted.count("/records/skipped/record of another log/count"),
        1
    );
    assert_eq!(converted.count("/connections/by_outcome/rejected"), 1);
    let reason = word_of(&converted, "198.51.100.9", "reject-reason");
    assert_eq!(reason.as_deref(), Some("network-firewall"));
    let diagnosis = String::from_utf8(run_on("diagnose", &dropped).stdout).unwrap();
    assert!(
        diagnosis.contains("AWS Network Firewall drops traffic"),
        "{diagnosis}"
    );
    assert!(!diagnosis.contains("security group"), "{diagnosis}");
    for passing in [
        vec![alert("pass"), request.clone(), reply.clone()],
        vec![request.clone(), alert("drop"), reply.clone()],
        vec![request, reply, alert("drop")],
    ] {
        let converted = convert_exactly(lines(&passing));
        assert_eq!(converted.count("/connections/by_outcome/complete"), 1);
    }
}

#[test]
fn firewall_events_of_other_tools_and_kinds_are_named_and_not_misread() {
    let ends = json!({"ip": CLIENT.0, "port": CLIENT.1});
    let ecs = json!({"source": ends, "destination": {"ip": SERVER.0, "port": SERVER.1},
        "network": {"transport": "tcp"}, "observer": {"product": "Network Firewall"},
        "aws": {"firewall": {"tcp_flags": "17", "flow": {"bytes": 40, "pkts": 1}}}});
    let ocsf = json!({"class_uid": 4001, "src_endpoint": ends, "dst_endpoint": {"ip": SERVER.0},
        "metadata": {"product": {"name": "AWS Network Firewall"}},
        "connection_info": {"protocol_num": 6, "tcp_flags": "17"}});
    let inspected = firewall_event(&json!({"sni": "a.test", "event_type": "tls",
        "tls_error": {"error_message": "x"}}));
    for value in [ecs, ocsf, inspected] {
        let run = run_on("inspect", value.to_string());
        assert_eq!(run.code, 2, "{value}");
        let name = "1 left out: an AWS Network Firewall log";
        assert!(run.stderr.contains(name), "{value}: {}", run.stderr);
    }
}

/// A flow log of OCI from one end to the other.
fn oci(vnic: &str, from: (&str, u16), to: (&str, u16), counts: (u64, u64)) -> Value {
    json!({
        "data": {"action": "ACCEPT", "bytesOut": counts.1, "destinationAddress": to.0,
            "destinationPort": to.1, "endTime": 1_773_475_260, "flowid": "75d72a74",
            "packets": counts.0, "protocol": 6, "protocolName": "TCP", "sourceAddress": from.0,
            "sourcePort": from.1, "startTime": 1_773_475_200, "status": "OK", "version": "2"},
        "id": "159f15e5", "source": "-", "specversion": "1.0", "time": "2026-03-14T08:00:00.000Z",
        "oracle": {"compartmentid": "ocid1.compartment.oc1..a", "vnicocid": vnic,
            "vniccompartmentocid": "ocid1.compartment.oc1..b",
            "vnicsubnetocid": "ocid1.subnet.oc1.phx.c"},
        "type": "com.oraclecloud.vcn.flowlogs.DataEvent",
    })
}

#[test]
fn oci_flow_logs_of_two_vnics_are_counted_once() {
    let both = |vnic| {
        [
            oci(vnic, CLIENT, SERVER, (7, 700)),
            oci(vnic, SERVER, CLIENT, (5, 5_000)),
        ]
    };
    let silence = json!({"data": {"endTime": 1_773_475_260, "startTime": 1_773_475_200,
        "status": "NODATA", "version": "2"}, "oracle": {"vnicocid": "ocid1.vnic.oc1.phx.z"},
        "type": "com.oraclecloud.vcn.flowlogs.DataEvent"});
    let events: Vec<Value> = both("ocid1.vnic.oc1.phx.x")
        .into_iter()
        .chain(both("ocid1.vnic.oc1.phx.y"))
        .chain([silence])
        .collect();
    let entry = |event: &Value| json!({"datetime": 1_773_475_200_000_u64, "logContent": event});
    let entries: Vec<Value> = events.iter().map(entry).collect();
    let results: Vec<Value> = entries.iter().map(|entry| json!({"data": entry})).collect();
    for bytes in [
        lines(&events),
        lines(&entries),
        json!(entries).to_string(),
        json!({"results": results}).to_string(),
    ] {
        let converted = convert_exactly(bytes);
        assert_eq!(converted.skipped(), 0, "{}", converted.summary());
        assert_eq!(
            totals(&converted),
            expect(&[
                ("10.8.0.2:50211 198.51.100.9:443", 7, 700),
                ("198.51.100.9:443 10.8.0.2:50211", 5, 5_000),
            ])
        );
        assert_eq!(converted.count("/records/other_vantage"), 2);
        assert_eq!(converted.count("/records/no_data"), 1);
    }
}

/// A record of Alibaba Cloud from one end to the other, as Simple Log Service exports it.
fn alibaba(from: (&str, u16), to: (&str, u16), counts: (u64, u64), way: &str) -> Value {
    let text = |number: u64| Value::from(number.to_string());
    json!({
        "__topic__": "flow_log", "__time__": 1_773_475_300, "account-id": "1210123456", "action": "ACCEPT",
        "bytes": text(counts.1), "direction": way, "dstaddr": to.0, "dstport": text(to.1.into()),
        "end": "1773475260", "eni-id": "eni-bp1a", "log-status": "OK", "packets": text(counts.0),
        "protocol": "6", "srcaddr": from.0, "srcport": text(from.1.into()), "start": "1773475200",
        "tcp-flags": if way == "out" { "3" } else { "19" }, "traffic_path": "8", "version": "1",
        "vm-id": "i-bp1b", "vpc-id": "vpc-bp1c", "vswitch-id": "vsw-bp1d",
    })
}

/// A record of Alibaba Cloud without a flow.
fn alibaba_status(status: &str) -> Value {
    let mut record = alibaba(CLIENT, SERVER, (0, 0), "out");
    for (name, value) in record.as_object_mut().unwrap() {
        let is_kept = name.ends_with("-id") || ["start", "end", "__time__"].contains(&&**name);
        if !is_kept {
            *value = "-".into();
        }
    }
    record["log-status"] = status.into();
    record
}

#[test]
fn alibaba_flow_logs_have_an_eni_a_direction_and_flags() {
    let records = [
        alibaba(CLIENT, SERVER, (9, 1_200), "out"),
        alibaba(SERVER, CLIENT, (8, 5_400), "in"),
        alibaba_status("NODATA"),
        alibaba_status("SKIPDATA"),
    ];
    let names: Vec<&String> = records[0].as_object().unwrap().keys().collect();
    let row = |record: &Value| {
        let cells = names.iter().map(|name| match &record[name.as_str()] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        cells.collect::<Vec<_>>().join(",")
    };
    let header = names.iter().map(|name| &***name);
    let mut csv = vec![header.collect::<Vec<_>>().join(",")];
    csv.extend(records.iter().map(row));
    for text in [
        lines(&records),
        lines(&records)
            .replace("-id\"", "_id\"")
            .replace("tcp-flags", "tcp_flags"),
        json!(records).to_string(),
        csv.join("\n"),
    ] {
        let converted = convert_exactly(&text);
        assert_eq!(converted.skipped(), 0, "{}", converted.summary());
        assert_eq!(
            totals(&converted),
            expect(&[
                ("10.8.0.2:50211 198.51.100.9:443", 9, 1_200),
                ("198.51.100.9:443 10.8.0.2:50211", 8, 5_400),
            ])
        );
        assert_eq!(converted.count("/records/no_data"), 1);
        assert_eq!(converted.count("/records/skip_data"), 1);
        assert_eq!(converted.count("/connections/by_outcome/complete"), 1);
        assert_eq!(word_of(&converted, "10.8.0.2", "eni").unwrap(), "eni-bp1a");
        assert_eq!(
            word_of(&converted, "10.8.0.2", "path"),
            None,
            "other numbers"
        );
    }
}

/// An object of IBM Cloud with these flow logs.
fn ibm(flow_logs: &[Value]) -> Value {
    let crn = |kind: &str| format!("crn:v1:bluemix:public:is:us-south:a/acc::{kind}");
    json!({
        "version": "0.0.1", "collector_crn": crn("flow-log-collector:f"), "attached_endpoint_type": "vnic",
        "network_interface_id": "0737-a", "instance_crn": crn("instance:0737_i"),
        "vpc_crn": crn("vpc:r006-v"), "capture_start_time": "2026-03-14T08:00:00Z",
        "capture_end_time": "2026-03-14T08:05:00Z", "state": "ok",
        "number_of_flow_logs": flow_logs.len(), "flow_logs": flow_logs,
    })
}

/// A flow log of IBM Cloud, with packets and bytes from the initiator and from the target.
fn ibm_flow(began_and_ended: [bool; 2], there: (u64, u64), back: (u64, u64)) -> Value {
    json!({
        "start_time": "2026-03-14T08:00:01Z", "end_time": "2026-03-14T08:00:09Z",
        "connection_start_time": "2026-03-14T08:00:01Z", "direction": "O", "action": "accepted",
        "initiator_ip": CLIENT.0, "target_ip": SERVER.0, "initiator_port": CLIENT.1,
        "target_port": SERVER.1, "transport_protocol": 6, "ether_type": "IPv4",
        "was_initiated": began_and_ended[0], "was_terminated": began_and_ended[1],
        "bytes_from_initiator": there.1, "packets_from_initiator": there.0,
        "bytes_from_target": back.1, "packets_from_target": back.0,
    })
}

#[test]
fn ibm_flow_log_is_a_record_for_each_direction() {
    let flow = ibm_flow([true, false], (7, 700), (5, 5_000));
    for text in [
        ibm(std::slice::from_ref(&flow)).to_string(),
        serde_json::to_string_pretty(&ibm(std::slice::from_ref(&flow))).unwrap(),
        json!([ibm(std::slice::from_ref(&flow)), ibm(&[])]).to_string(),
    ] {
        let converted = convert_exactly(&text);
        assert_eq!(converted.skipped(), 0, "{}", converted.summary());
        let ends: Vec<(String, u64)> = totals(&converted)
            .into_iter()
            .map(|(ends, (packets, _))| (ends, packets))
            .collect();
        assert_eq!(
            ends,
            [
                ("10.8.0.2:50211 198.51.100.9:443".to_owned(), 7),
                ("198.51.100.9:443 10.8.0.2:50211".to_owned(), 5),
            ]
        );
        assert_eq!(converted.count("/connections/by_outcome/open"), 1);
        assert_eq!(converted.count("/connections/presumed"), 0);
        assert_eq!(word_of(&converted, "10.8.0.2", "by").unwrap(), "syn");
        let nodata = u64::from(text.starts_with('['));
        assert_eq!(converted.count("/records/no_data"), nodata);
    }
}

#[test]
fn ibm_flow_log_that_continues_has_no_handshake() {
    let converted =
        convert_exactly(ibm(&[ibm_flow([false, false], (7, 700), (5, 5_000))]).to_string());
    let packets = converted.capture().packets;
    let is_syn = |packet| headers(packet).tcp.is_some_and(Tcp::is_syn);
    assert!(!packets.iter().any(is_syn));
    let refused = convert_exactly(ibm(&[ibm_flow([true, true], (1, 60), (1, 40))]).to_string());
    assert_eq!(refused.count("/connections/by_outcome/refused"), 1);
}

#[test]
fn hostile_values_are_faults_with_a_place_and_cost_no_other_record() {
    let good = netflow(("10.8.0.3", 1_025), SERVER, (1, 60), "02");
    let mut bad = Vec::new();
    for (path, value) in [
        ("/event/tcp/tcp_flags", json!("1g")),
        ("/event/src_port", json!(65_536)),
        ("/event/netflow/bytes", json!(-1)),
        ("/event/netflow/pkts", json!("many")),
        ("/event/netflow/start", json!("yesterday")),
        ("/event/dest_ip", json!("198.51.100.999")),
        ("/event/proto", json!("carrier-pigeon")),
    ] {
        let mut event = netflow(CLIENT, SERVER, (9, 900), "1b");
        *event.pointer_mut(path).unwrap() = value;
        bad.push(event);
    }
    let mut vcn = oci("v", CLIENT, SERVER, (1, 60));
    vcn["data"]["bytesOut"] = json!(1.5);
    bad.push(vcn);
    let mut action = ibm_flow([true, false], (1, 60), (0, 0));
    action["action"] = "maybe".into();
    bad.push(ibm(&[action]));
    bad.push(ibm(&[json!({"initiator_ip": CLIENT.0})]));
    let mut way = alibaba(CLIENT, SERVER, (1, 60), "out");
    way["direction"] = "sideways".into();
    bad.push(way);
    let count = bad.len() as u64;
    bad.push(good);
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "hostile.json", lines(&bad));
    let converted = convert(&[&path], &["--detail", "exact"]);
    converted.assert_lines_add_up();
    assert_eq!(converted.skipped(), count, "{}", converted.summary());
    assert_eq!(
        totals(&converted),
        expect(&[("10.8.0.3:1025 198.51.100.9:443", 1, 60)])
    );
    let said = run(flow2pcap().arg("inspect").arg(&path)).stdout;
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("hostile.json:1: "), "{said}");
}

#[test]
fn documents_that_only_resemble_these_logs_have_no_record() {
    let flow = ibm_flow([true, false], (7, 700), (5, 5_000));
    let mut other_service = oci("v", CLIENT, SERVER, (1, 60));
    other_service["type"] = "com.oraclecloud.networkfirewall.traffic".into();
    other_service["data"] = json!({"src": CLIENT.0, "dst": SERVER.0, "action": "allow"});
    let mut bare = netflow(CLIENT, SERVER, (9, 900), "1b")["event"].take();
    bare["event_type"] = "flow".into();
    for value in [
        json!({"flow_logs": [flow]}),
        json!({"collector_crn": "x", "flow_logs": "none"}),
        other_service,
        bare,
        json!({"firewall_name": "f", "event": {"event_type": "netflow"}}),
        json!({"eni-id": "eni-1", "vswitch-id": "vsw-1", "direction": "in", "bytes": 7}),
    ] {
        let run = run_on("convert", value.to_string());
        assert_eq!(run.code, 2, "{value}: {}", run.stderr);
    }
}
