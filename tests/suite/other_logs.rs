//! Logs of other services in the same folders: each is left out under its name.

use std::fs;

use crate::support::{convert, file, flow2pcap, run, testdata};

/// One file of each kind, and the name under which it is left out.
const KINDS: &[(&str, &str)] = &[
    (
        r#"{"insertId":"a","jsonPayload":{"connection":{"dest_ip":"10.8.0.2","dest_port":22,"protocol":6,"src_ip":"198.51.100.9","src_port":50211},"disposition":"DENIED","rule_details":{"action":"DENY","reference":"network:n/firewall:deny"}},"logName":"projects/q/logs/compute.googleapis.com%2Ffirewall","timestamp":"2025-02-03T04:05:06Z"}"#,
        "a GCP firewall rule log",
    ),
    (
        r#"{"jsonPayload":{"connection":{"dest_ip":"198.51.100.9","dest_port":443,"nat_ip":"192.0.2.7","nat_port":1024,"protocol":6,"src_ip":"10.8.0.2","src_port":50211},"allocation_status":"OK","gateway_identifiers":{"gateway_name":"g"}},"logName":"projects/q/logs/compute.googleapis.com%2Fnat_flows"}"#,
        "a GCP Cloud NAT log",
    ),
    (
        r#"{"firewall_name":"f1","availability_zone":"eu-west-1b","event_timestamp":"1738555506","event":{"timestamp":"2025-02-03T04:05:06.000001+0000","flow_id":5,"event_type":"alert","src_ip":"10.8.0.2","src_port":50211,"dest_ip":"198.51.100.9","dest_port":443,"proto":"TCP","alert":{"action":"blocked","signature_id":3}}}"#,
        "an AWS Network Firewall log",
    ),
    (
        r#"[{"timestamp":"2025-02-03T04:05:06.000001+0000","flow_id":5,"event_type":"flow","src_ip":"10.8.0.2","src_port":50211,"dest_ip":"198.51.100.9","dest_port":443,"proto":"TCP","flow":{"pkts_toserver":4,"bytes_toserver":400}}]"#,
        "a Suricata EVE log",
    ),
    (
        r#"{"version":"1.1","account_id":"210987654321","region":"eu-west-1","vpc_id":"vpc-7e","query_timestamp":"2025-02-03T04:05:06Z","query_name":"a.test.","query_type":"AAAA","query_class":"IN","rcode":"NXDOMAIN","answers":[],"srcaddr":"10.8.0.2","srcport":"50211","transport":"UDP","srcids":{"instance":"i-7e"}}"#,
        "a Route 53 Resolver query log",
    ),
    (
        "1.0 2025-02-03T04:05:06Z Z0123456789ABC a.test A NOERROR UDP DUB2-C1 192.0.2.8 -\n",
        "a Route 53 query log",
    ),
    (
        r#"{"timestamp":1738555506000,"formatVersion":1,"webaclId":"arn:aws:wafv2:x","terminatingRuleId":"r","action":"BLOCK","httpRequest":{"clientIp":"198.51.100.9","country":"IE","uri":"/a"}}"#,
        "an AWS WAF log",
    ),
    (
        r#"{"fileVersion":"1.0","configurationItems":[{"resourceType":"AWS::EC2::NetworkInterface","configuration":{"networkInterfaceId":"eni-7e","vpcId":"vpc-7e","subnetId":"subnet-7e"}}]}"#,
        "an AWS Config file",
    ),
    (
        r#"{"schemaVersion":"2.0","accountId":"210987654321","region":"eu-west-1","id":"a","type":"Recon:EC2/Portscan","service":{"action":{"networkConnectionAction":{"localPortDetails":{"port":22},"remoteIpDetails":{"ipAddressV4":"198.51.100.9"}}}}}"#,
        "GuardDuty findings",
    ),
    (
        r#"{"version":"0","detail-type":"GuardDuty Finding","detail":{"schemaVersion":"2.0","service":{"count":1}}}"#,
        "GuardDuty findings",
    ),
    (
        r#"{"Records":[{"eventVersion":"1.09","userIdentity":{"type":"Root"},"eventTime":"2025-02-03T04:05:06Z","eventSource":"ec2.amazonaws.com","eventName":"CreateFlowLogs","requestParameters":{"sourceIp":"10.8.0.2","destinationIp":"10.8.0.3"}}]}"#,
        "a CloudTrail log",
    ),
    (
        r#"{"awsAccountId":"210987654321","digestStartTime":"2025-02-03T04:00:00Z","digestEndTime":"2025-02-03T05:00:00Z","logFiles":[]}"#,
        "a CloudTrail digest",
    ),
    (
        r#"{"serviceNetworkArn":"arn:x","sourceVpcArn":"arn:y","sourceIpPort":"10.8.0.2:50211","targetIpPort":"10.8.0.3:80","startTime":"2025-02-03T04:05:06Z","requestMethod":"GET","responseCode":200}"#,
        "a VPC Lattice access log",
    ),
    (
        "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9 bucket [03/Feb/2025:04:05:06 +0000] 198.51.100.9 - ABC REST.GET.OBJECT k \"GET /k HTTP/1.1\" 200 - 5 5 9 8 \"-\" \"curl\" -\n",
        "an S3 server access log",
    ),
    (
        "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method\n2025-02-03\t04:05:06\tDUB2\t392\t198.51.100.9\tGET\n",
        "a CloudFront log",
    ),
    (
        "2025-02-03\t04:05:06\tDUB2\t392\t198.51.100.9\tGET\td1.cloudfront.net\t/a\t200\n",
        "a CloudFront log",
    ),
    (
        "https 2025-02-03T04:05:06.000001Z app/a/1 198.51.100.9:2817 10.8.0.2:80 0.0 0.0 0.0 200 200 0 5 \"GET https://a/ HTTP/1.1\"\n",
        "an Application Load Balancer access log",
    ),
    (
        "tls 2.0 2025-02-03T04:05:06 net/a/1 g 198.51.100.9:51341 10.8.0.2:443 5 2 29 24 -\n",
        "a Network Load Balancer access log",
    ),
    (
        "2025-02-03T04:05:06.000001Z a 198.51.100.9:2817 10.8.0.2:80 0.1 0.1 0.1 200 200 0 29 \"GET http://a/ HTTP/1.1\"\n",
        "a Classic Load Balancer access log",
    ),
    (
        "2025-02-03T04:05:06.000Z {\"webaclId\":\"x\",\"terminatingRuleId\":\"r\"}\n",
        "an AWS WAF log",
    ),
];

#[test]
fn other_logs_are_left_out_under_their_names() {
    let folder = tempfile::tempdir().unwrap();
    for (index, (text, _)) in KINDS.iter().enumerate() {
        file(&folder, &format!("{index}"), text);
    }
    file(
        &folder,
        "flows.log",
        fs::read(testdata("v2_default.log")).unwrap(),
    );
    let options = ["--detail", "exact", "--events", "none"];
    let converted = convert(&[folder.path()], &options);
    assert_eq!(converted.count("/input/files"), 1);
    assert_eq!(converted.count("/packets/written"), 161);
    assert_eq!(converted.skipped(), 0);
    let left_out = &converted.summary()["input"]["left_out"];
    for (text, name) in KINDS {
        let alike = KINDS.iter().filter(|(_, other)| other == name).count();
        assert_eq!(left_out[name]["count"], alike, "{name}: {text}");
    }
}

#[test]
fn other_log_alone_is_an_error_that_names_it() {
    for (text, name) in KINDS {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "input", text);
        let mut command = flow2pcap();
        let capture = folder.path().join("a.pcapng");
        let run = run(command.arg("convert").arg(path).arg("-o").arg(capture));
        assert_eq!(run.code, 2, "{name}");
        let line = format!("1 left out: {name}");
        assert!(run.stderr.contains(&line), "{name}: {}", run.stderr);
    }
}

#[test]
fn flow_log_entries_between_those_of_a_firewall_are_read() {
    let (firewall, _) = KINDS[0];
    let flow = r#"{"jsonPayload":{"connection":{"dest_ip":"10.8.0.2","dest_port":22,"protocol":6,"src_ip":"10.8.0.3","src_port":50211},"reporter":"SRC","packets_sent":"3","bytes_sent":"300","start_time":"2025-02-03T04:05:06Z","end_time":"2025-02-03T04:05:07Z"},"logName":"projects/q/logs/compute.googleapis.com%2Fvpc_flows"}"#;
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{firewall}\n{firewall}\n{flow}\n{firewall}\n");
    let converted = convert(&[file(&folder, "mixed.json", text)], &["--detail", "exact"]);
    assert_eq!(converted.count("/records/used"), 1);
    assert_eq!(
        converted.count("/records/skipped/record of another log/count"),
        3
    );
}
