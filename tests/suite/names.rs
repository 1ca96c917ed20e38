//! The names of addresses in a capture, as tshark shows them.

use std::path::PathBuf;

use serde_json::json;

use crate::support::tables::{Table, aws};
use crate::support::tshark::{Tshark, tshark};
use crate::support::{convert, file, testdata};

/// A log of one ENI and its peers, of which AWS names three.
const LOG: &str = "\
version interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action pkt-src-aws-service pkt-dst-aws-service flow-direction instance-id
5 eni-a 10.0.0.1 198.51.100.1 40000 443 6 3 300 1773475200 1773475210 ACCEPT - AMAZON egress i-a
5 eni-a 198.51.100.1 10.0.0.1 443 40000 6 3 300 1773475200 1773475210 ACCEPT S3 - ingress i-a
5 eni-a 10.0.0.1 198.51.100.2 40001 443 6 3 300 1773475200 1773475210 ACCEPT - AMAZON egress i-a
5 eni-a 10.0.0.1 198.51.100.3 40001 80 6 3 300 1773475200 1773475210 ACCEPT - DYNAMODB egress i-a
5 eni-a 10.0.0.1 10.0.0.8 40002 443 6 3 300 1773475200 1773475210 ACCEPT - - egress i-a
5 eni-a 10.0.0.1 10.0.0.9 40003 5432 6 3 300 1773475200 1773475210 ACCEPT - - egress i-a
";

/// Interfaces that have no flow log.
const CONFIGURATION: &str = r#"{"NetworkInterfaces": [
 {"NetworkInterfaceId": "eni-b", "VpcId": "vpc-1", "PrivateIpAddress": "10.0.0.8",
  "Description": "ELB app/shop/50dc6c495c0c9188"},
 {"NetworkInterfaceId": "eni-c", "VpcId": "vpc-1", "PrivateIpAddress": "10.0.0.9",
  "Description": "RDSNetworkInterface"},
 {"NetworkInterfaceId": "eni-d", "VpcId": "vpc-1", "PrivateIpAddress": "198.51.100.3",
  "TagSet": [{"Key": "Name", "Value": "not DynamoDB"}]},
 {"NetworkInterfaceId": "eni-e", "VpcId": "vpc-1", "PrivateIpAddress": "10.0.0.77"}]}"#;

/// The names that tshark shows in the capture of a text.
fn names_in(tshark: Tshark, text: &str, options: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let log = file(&folder, "in.log", text);
    tshark.names(convert(&[log], options).path())
}

#[test]
fn addresses_of_aws_services_have_the_name_of_the_service() {
    let Some(tshark) = tshark() else { return };
    let expected = [
        "10.0.0.1 i-a",
        "198.51.100.1 S3 198.51.100.1",
        "198.51.100.2 AMAZON 198.51.100.2",
        "198.51.100.3 DYNAMODB 198.51.100.3",
    ];
    assert_eq!(names_in(tshark, LOG, &[]), expected);
    // Only what is in the packets has a name.
    let folder = tempfile::tempdir().unwrap();
    let log = file(&folder, "in.log", LOG);
    let options = ["--filter", "port 80"];
    let bytes = convert(&[log], &options).bytes();
    let has = |name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
    assert!(has(b"DYNAMODB") && !has(b"AMAZON"));
}

#[test]
fn names_do_not_depend_on_the_order_of_files_or_on_threads() {
    let folder = tempfile::tempdir().unwrap();
    let (header, lines) = LOG.split_once('\n').unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    let part = |name: &str, lines: &[&str]| {
        let text = format!("{header}\n{}\n", lines.join("\n"));
        file(&folder, name, text)
    };
    let (a, b) = (part("a.log", &lines[..1]), part("b.log", &lines[1..]));
    let bytes = |inputs: [&PathBuf; 2], threads| {
        let options = ["--threads", threads, "--comments", "none"];
        convert(&inputs, &options).bytes()
    };
    let first = bytes([&a, &b], "1");
    assert!(first == bytes([&b, &a], "1") && first == bytes([&b, &a], "4"));
}

#[test]
fn services_in_a_table_are_names_too() {
    let Some(tshark) = tshark() else { return };
    let folder = tempfile::tempdir().unwrap();
    let table = file(
        &folder,
        "x.parquet",
        Table::of("v5_all_fields.log", aws).bytes(),
    );
    let from_table = tshark.names(convert(&[table], &[]).path());
    let log = testdata("v5_all_fields.log");
    let from_text = tshark.names(convert(&[log], &[]).path());
    assert_eq!(from_table, from_text);
    assert!(from_text.contains(&"198.51.100.128 S3 198.51.100.128".to_owned()));
}

/// Three tasks with ENIs of their own, and a host on which two tasks run.
const TASKS: &str = "\
version interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action flow-direction instance-id ecs-cluster-name ecs-service-name ecs-task-id
7 eni-a 10.0.0.1 10.0.0.9 40000 443 6 3 300 1773475200 1773475210 ACCEPT egress - shop cart 0f6e1c2b
7 eni-b 10.0.0.2 10.0.0.9 40000 443 6 3 300 1773475200 1773475210 ACCEPT egress - shop pay 1a2b3c4d
7 eni-c 10.0.0.3 10.0.0.9 40000 443 6 3 300 1773475200 1773475210 ACCEPT egress - shop pay 5e6f7a8b
7 eni-d 10.0.0.4 10.0.0.9 40000 443 6 3 300 1773475200 1773475210 ACCEPT egress i-host shop pay 9c0d1e2f
7 eni-d 10.0.0.4 10.0.0.9 40001 443 6 3 300 1773475200 1773475210 ACCEPT egress i-host shop pay 3a4b5c6d
7 eni-e 10.0.0.5 10.0.0.9 40000 443 6 3 300 1773475200 1773475210 ACCEPT egress - shop - 7e8f9a0b
";

#[test]
fn tasks_of_ecs_have_the_name_of_their_service() {
    let Some(tshark) = tshark() else { return };
    let expected = [
        "10.0.0.1 cart",
        "10.0.0.2 pay/1a2b3c4d",
        "10.0.0.3 pay/5e6f7a8b",
        "10.0.0.4 i-host",
        "10.0.0.5 shop/7e8f9a0b",
    ];
    assert_eq!(names_in(tshark, TASKS, &[]), expected);
    let folder = tempfile::tempdir().unwrap();
    let log = file(&folder, "in.log", TASKS);
    let bytes = convert(&[log], &[]).bytes();
    let has = |text: &str| {
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    let task = r#"ecs-cluster-name="shop" ecs-service-name="pay" ecs-task-id="1a2b3c4d""#;
    assert!(has(&format!("eni-b {task}")));
    assert!(!has("9c0d1e2f") && !has("3a4b5c6d"));
}

#[test]
fn interfaces_without_a_log_have_the_names_of_the_configuration() {
    let Some(tshark) = tshark() else { return };
    let context = tempfile::tempdir().unwrap();
    file(&context, "enis.json", CONFIGURATION);
    let options = ["--context", context.path().to_str().unwrap()];
    let expected = [
        "10.0.0.1 i-a",
        "10.0.0.8 ALB shop",
        "10.0.0.9 RDS database",
        "198.51.100.1 S3 198.51.100.1",
        "198.51.100.2 AMAZON 198.51.100.2",
        "198.51.100.3 not DynamoDB",
    ];
    assert_eq!(names_in(tshark, LOG, &options), expected);
}

#[test]
fn address_in_all_records_is_named_where_the_log_has_no_direction() {
    let Some(tshark) = tshark() else { return };
    let log = "\
2 123456789010 eni-a 10.0.0.1 10.0.0.2 40000 443 6 3 300 1773475200 1773475210 ACCEPT OK
2 123456789010 eni-a 10.0.0.3 10.0.0.1 443 40000 6 3 300 1773475200 1773475210 ACCEPT OK
";
    assert_eq!(names_in(tshark, log, &[]), ["10.0.0.1 eni-a"]);
}

/// What `reporter` saw from one end to the other, each with its address, machine and pod.
fn entry(reporter: &str, ends: [(&str, &str, &str); 2]) -> String {
    let [
        (source, source_vm, pod),
        (destination, destination_vm, other_pod),
    ] = ends;
    let details = |pod: &str| {
        let workload = pod.rsplit_once('-').map_or("", |(workload, _)| workload);
        let pod = json!({"pod_name": pod, "pod_namespace": "shop",
            "pod_workload": {"workload_name": workload, "workload_type": "DEPLOYMENT"}});
        json!({"cluster": {"cluster_name": "prod"}, "pod": pod})
    };
    let mut payload = json!({
        "connection": {"src_ip": source, "src_port": 40000, "dest_ip": destination, "dest_port": 443,
            "protocol": 6},
        "reporter": reporter, "packets_sent": "7", "bytes_sent": "700",
        "src_instance": {"project_id": "p", "vm_name": source_vm},
        "dest_instance": {"project_id": "p", "vm_name": destination_vm},
        "start_time": "2026-03-14T08:00:00Z", "end_time": "2026-03-14T08:00:05Z",
    });
    for (name, pod) in [("src_gke_details", pod), ("dest_gke_details", other_pod)] {
        if !pod.is_empty() {
            payload[name] = details(pod);
        }
    }
    json!({"logName": "projects/p/logs/compute.googleapis.com%2Fvpc_flows", "jsonPayload": payload})
        .to_string()
}

#[test]
fn machines_and_pods_of_gcp_name_the_addresses_at_both_ends() {
    let Some(tshark) = tshark() else { return };
    let entries = [
        entry(
            "SRC",
            [
                ("10.4.0.7", "node-1", "cart-5d9f"),
                ("10.0.0.2", "db-vm", ""),
            ],
        ),
        entry(
            "SRC",
            [
                ("10.4.0.8", "node-1", "web-7aa1"),
                ("10.0.0.2", "db-vm", ""),
            ],
        ),
        entry(
            "DEST",
            [
                ("10.0.0.9", "vm-9", ""),
                ("10.4.0.7", "node-1", "cart-5d9f"),
            ],
        ),
        // One address, two pods of one workload.
        entry(
            "SRC",
            [("10.4.0.6", "node-2", "pay-1"), ("10.0.0.2", "db-vm", "")],
        ),
        entry(
            "SRC",
            [("10.4.0.6", "node-3", "pay-2"), ("10.0.0.2", "db-vm", "")],
        ),
    ];
    let expected = [
        "10.0.0.2 db-vm",
        "10.0.0.9 vm-9",
        "10.4.0.6 shop/pay",
        "10.4.0.7 shop/cart-5d9f",
        "10.4.0.8 shop/web-7aa1",
    ];
    assert_eq!(names_in(tshark, &entries.join("\n"), &[]), expected);
}

#[test]
fn azure_interface_has_the_name_of_its_resource() {
    let Some(tshark) = tshark() else { return };
    let group = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network";
    let record = |mac: &str, target: String, address: &str| {
        let tuples = [
            format!("1773475200000,{address},192.0.2.180,23956,443,6,O,B,NX,0,0,0,0"),
            format!("1773475260000,{address},192.0.2.180,23956,443,6,O,E,NX,3,767,2,1580"),
        ];
        json!({"macAddress": mac, "category": "FlowLogFlowEvent", "targetResourceID": target,
            "flowRecords": {"flows": [{"flowGroups": [{"rule": "r", "flowTuples": tuples}]}]}})
    };
    let records = json!({"records": [
        record("112233445566", format!("{group}/virtualNetworks/prod/subnets/web"), "10.0.0.6"),
        record("112233445577", format!("{group}/networkInterfaces/web-nic"), "10.0.0.7"),
    ]});
    let folder = tempfile::tempdir().unwrap();
    let log = file(&folder, "in.json", records.to_string());
    let converted = convert(&[log], &[]);
    let expected = ["10.0.0.6 112233445566", "10.0.0.7 web-nic"];
    assert_eq!(tshark.names(converted.path()), expected);
    let interfaces = tshark.capinfos(converted.path(), &[]);
    for description in [
        "112233445566 subnet=web vpc=prod account=s resource=web",
        "112233445577 account=s resource=web-nic interface-tag=\"web-nic\"",
    ] {
        let line = format!("Description = {description}\n");
        assert!(interfaces.contains(&line), "{interfaces}");
    }
}
