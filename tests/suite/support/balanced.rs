//! A small VPC with a load balancer, and the logs of half a minute in it: flow records of the client's
//! and the targets' connections, what the load balancer, CloudTrail, the Resolver and a firewall
//! logged.
//!
//! ```text
//! 203.0.113.9:2817 -> node a 10.0.1.9:443 -> target 10.0.2.7:8080     from port 34567
//!                     node b 10.0.9.9     -> the same target          from port 34567 too
//! node a -> target 10.0.2.8:8080, rejected before and after a change of its interface
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tempfile::TempDir;
use testkit::pcapng::Packet;
use testkit::pcapng::packet::headers;

use super::wrapping::gzip;

/// 2026-03-14T02:15:00Z.
pub(crate) const BASE_S: u64 = 1_773_454_500;

/// One request to the target through node a: 502 at 02:15:04.186641.
pub(crate) const BAD_GATEWAY: &str = r#"https 2026-03-14T02:15:04.186641Z app/web/50dc6c495c0c9188 203.0.113.9:2817 10.0.2.7:8080 0.001 -1 -1 502 - 34 366 "GET https://www.example.com:443/api/v1?token=s3cret HTTP/1.1" "curl/8.5.0" - - arn:x "Root=1-2" "-" "-" 1 2026-03-14T02:15:04.100000Z "forward" "-" "-" "10.0.2.7:8080" "-" "-" "-" TID_1 "-" "-" "-" 10.0.1.9"#;

const COLUMNS: &str = "interface-id vpc-id subnet-id instance-id srcaddr dstaddr srcport dstport protocol packets bytes \
                       start end action tcp-flags flow-direction";

/// Both records of a connection at an ENI: from the second `from` to the second `to`.
fn connection(eni: &str, client: (&str, u16), server: (&str, u16), from: u64, to: u64) -> String {
    let (start, end) = (BASE_S + from, BASE_S + to);
    let facts = format!("{eni} vpc-0a1b subnet-0a1b i-0a1b");
    let ((a, ap), (b, bp)) = (client, server);
    format!(
        "{facts} {a} {b} {ap} {bp} 6 8 1200 {start} {end} ACCEPT 3 ingress\n\
         {facts} {b} {a} {bp} {ap} 6 7 4200 {start} {end} ACCEPT 19 egress\n"
    )
}

/// A SYN that is rejected at this second.
fn rejected(port: u16, at: u64) -> String {
    let at = BASE_S + at;
    format!(
        "eni-0008 vpc-0a1b subnet-0a1b i-0008 10.0.1.9 10.0.2.8 {port} 8080 6 1 60 {at} {at} REJECT 2 ingress\n"
    )
}

/// The flow log.
pub(crate) fn flow_log() -> String {
    let mut log = format!("{COLUMNS}\n");
    log += &connection("eni-000a", ("203.0.113.9", 2817), ("10.0.1.9", 443), 3, 6);
    log += &connection("eni-0007", ("10.0.1.9", 34567), ("10.0.2.7", 8080), 4, 6);
    log += &connection("eni-0007", ("10.0.9.9", 34567), ("10.0.2.7", 8080), 3, 7);
    log += &rejected(34600, 10);
    log += &rejected(34601, 21);
    log += &rejected(34602, 25);
    log
}

/// An API call at this second, with these parameters.
fn call(id: u32, name: &str, second: u32, parameters: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.09","userIdentity":{{"type":"AssumedRole","arn":"arn:aws:sts::123456789012:assumed-role/Admin/ana","sessionContext":{{"sessionIssuer":{{"userName":"Admin"}}}}}},"eventTime":"2026-03-14T02:15:{second:02}Z","eventSource":"ec2.amazonaws.com","eventName":"{name}","awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.7","requestParameters":{parameters},"responseElements":{{"_return":true}},"eventID":"id-{id}","recipientAccountId":"123456789012"}}"#
    )
}

/// A DNS query of an instance, and its answers.
fn query(name: &str, rcode: &str, answers: &str) -> String {
    format!(
        r#"{{"version":"1.1","account_id":"123456789012","region":"eu-central-1","vpc_id":"vpc-0a1b","query_timestamp":"2026-03-14T02:15:02Z","query_name":"{name}","query_type":"A","query_class":"IN","rcode":"{rcode}","answers":[{answers}],"srcaddr":"10.0.2.7","srcport":"41000","transport":"UDP","srcids":{{"instance":"i-0007"}}}}"#
    )
}

const ALERT: &str = r#"{"firewall_name":"edge","availability_zone":"eu-central-1a","event_timestamp":"1773454505","event":{"timestamp":"2026-03-14T02:15:05.000001+0000","flow_id":5,"event_type":"alert","src_ip":"10.0.9.9","src_port":34567,"dest_ip":"10.0.2.7","dest_port":8080,"proto":"TCP","alert":{"signature_id":3,"signature":"odd request"},"verdict":{"action":"pass"}}}"#;
const LATTICE: &str = r#"{"sourceVpcArn":"arn:x","serviceArn":"arn:aws:vpc-lattice:eu-central-1:123456789012:service/svc-0a1b","sourceIpPort":"10.0.2.7:50211","targetIpPort":"10.0.3.7:80","startTime":"2026-03-14T02:15:08Z","requestMethod":"GET","requestPath":"/x?y=1","responseCode":504,"duration":60004}"#;
/// A request at WAF, of which the load balancer has a row, and another one.
const WAF: &str = r#"{"timestamp":1773454504101,"formatVersion":1,"webaclId":"arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/shop/5451","terminatingRuleId":"Default_Action","terminatingRuleType":"REGULAR","action":"ALLOW","httpSourceName":"ALB","httpSourceId":"123456789012-app/web/50dc6c495c0c9188","responseCodeSent":null,"httpRequest":{"clientIp":"203.0.113.9","country":"DE","headers":[{"name":"Host","value":"www.example.com"},{"name":"Cookie","value":"s3cret"}],"uri":"/api/v1","args":"token=s3cret","httpVersion":"HTTP/2.0","httpMethod":"GET","requestId":"1-2"}}
{"timestamp":1773454505000,"formatVersion":1,"webaclId":"arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/shop/5451","terminatingRuleId":"rate","action":"BLOCK","httpSourceName":"ALB","httpRequest":{"clientIp":"203.0.113.66","uri":"/","httpMethod":"GET","requestId":"1-3"}}"#;
const NLB: &str = "tls 2.0 2026-03-14T02:15:06 net/web/1 g 203.0.113.9:2817 10.0.1.9:443 3000 2 29 24 - arn:x - - tlsv12 - www.example.com - - -";
const CONNECTION: &str = r#"2026-03-14T02:15:03.562461Z 203.0.113.9 2817 443 TLSv1.3 TLS_AES_128_GCM_SHA256 0.012 "-" - - Success TID_1"#;
const CLB: &str = r#"2026-03-14T02:15:04.945958Z old 203.0.113.77:2817 10.0.1.5:80 0.000073 0.001048 0.0003 503 503 0 29 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0" - -"#;

/// Writes the logs as AWS names and packs them. The flow log is in `AWSLogs/vpcflowlogs`.
pub(crate) fn bucket() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join("AWSLogs").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, gzip(text.as_bytes())).unwrap();
    };
    write("vpcflowlogs/flows.log.gz", &flow_log());
    let name = "elasticloadbalancing/123456789012_elasticloadbalancing_eu-central-1_";
    // Without a client and a node, two connections to the target fit.
    let ambiguous = BAD_GATEWAY
        .replace("203.0.113.9:2817", "-")
        .replace(" 10.0.1.9", "");
    let elsewhere = BAD_GATEWAY
        .replace("203.0.113.9", "203.0.113.88")
        .replace("10.0.2.7", "10.0.2.99");
    let rows = format!("{BAD_GATEWAY}\n{ambiguous}\n{elsewhere}\nbad line\n");
    // The address of the file is public.
    write(
        &format!("{name}app.web.50dc_20260314T0220Z_198.51.100.1_2abc.log.gz"),
        &rows,
    );
    let log = format!("{name}app.web.50dc_20260314T0220Z_198.51.100.1_2abd.log.gz");
    write(&log.replace("/123", "/conn_log.123"), CONNECTION);
    write(&format!("{name}net.web.1_20260314T0220Z_2abe.log.gz"), NLB);
    write(
        &format!("{name}old_20260314T0220Z_10.0.1.9_2abf.log.gz"),
        CLB,
    );
    let eni = r#"{"networkInterfaceId":"eni-0008","groupSet":{"items":[{"groupId":"sg-0a1b"}]}}"#;
    let calls = [
        call(1, "ModifyNetworkInterfaceAttribute", 20, eni),
        call(2, "DescribeSubnets", 20, r#"{"subnetId":"subnet-0a1b"}"#),
        call(
            3,
            "RevokeSecurityGroupIngress",
            22,
            r#"{"groupId":"sg-0a1b"}"#,
        ),
    ];
    let trail = format!(r#"{{"Records":[{}]}}"#, calls.join(","));
    write("CloudTrail/eu-central-1/a.json.gz", &trail);
    write("CloudTrail/eu-central-1/b.json.gz", &trail);
    let answer =
        |kind: &str, data: &str| format!(r#"{{"Rdata":"{data}","Type":"{kind}","Class":"IN"}}"#);
    let alias = [
        answer("CNAME", "db-1.example.com."),
        answer("A", "10.0.3.3"),
    ]
    .join(",");
    let queries = [
        query("db.example.com.", "NOERROR", &alias),
        query("db-1.example.com.", "NOERROR", &answer("A", "10.0.3.3")),
        query("nothing.example.com.", "NXDOMAIN", ""),
    ];
    write("vpcdnsquerylogs/vpc-0a1b/a.log.gz", &queries.join("\n"));
    write("network-firewall/alert/a.log.gz", ALERT);
    write("lattice/a.json.gz", LATTICE);
    write("WAFLogs/eu-central-1/shop/a.log.gz", WAF);
    folder
}

/// The flow log of a bucket alone.
pub(crate) fn flows_of(bucket: &TempDir) -> impl AsRef<Path> {
    bucket.path().join("AWSLogs/vpcflowlogs")
}

/// What the packets of each conversation are, in order, without their times.
pub(crate) fn conversations(packets: &[&Packet]) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for packet in packets {
        let headers = headers(packet);
        let key = format!("{:?}", headers.tuple.conversation());
        let what = format!("{headers:?} {} {:?}", packet.original_len, packet.direction);
        found.entry(key).or_default().push(what);
    }
    found
}
