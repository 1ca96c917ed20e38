//! Configuration beside the logs: what `diagnose` proves with it, and what contradicts the records.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::attempts::{log, often};
use crate::support::{file, flow2pcap, run};

/// Requests from 10.0.1.5 to the database, which its ENI rejects.
const REJECTED: [&str; 2] = [
    "app/a egress 10.0.1.5 10.0.2.9 {p} 5432 4 {s} ACCEPT 2",
    "db/d ingress 10.0.1.5 10.0.2.9 {p} 5432 4 {s} REJECT 2",
];

/// The interfaces and the subnets of both ends.
const ENIS: &str = r#"{"NetworkInterfaces": [
 {"NetworkInterfaceId": "eni-app", "SubnetId": "subnet-a", "VpcId": "vpc-1", "PrivateIpAddress": "10.0.1.5",
  "Groups": [{"GroupId": "sg-app"}], "TagSet": [{"Key": "Name", "Value": "shop-app"}]},
 {"NetworkInterfaceId": "eni-db", "SubnetId": "subnet-d", "VpcId": "vpc-1", "PrivateIpAddress": "10.0.2.9",
  "Groups": [{"GroupId": "sg-db"}], "Description": "RDSNetworkInterface"}]}
{"Subnets": [
 {"SubnetId": "subnet-a", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24"},
 {"SubnetId": "subnet-d", "VpcId": "vpc-1", "CidrBlock": "10.0.2.0/24"}]}"#;

/// A security group for the database that allows PostgreSQL from one network.
fn groups(range: &str) -> String {
    format!(
        r#"{{"SecurityGroups": [{{"GroupId": "sg-db", "GroupName": "database", "IpPermissions": [
        {{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges":
        [{{"CidrIp": "{range}", "Description": "app servers"}}]}}]}}]}}"#
    )
}

/// A network ACL for all subnets, with an entry before the one that allows everything.
fn acl(entry: &str) -> String {
    let all =
        r#""Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0", "RuleNumber": 100"#;
    format!(
        r#"{{"NetworkAcls": [{{"NetworkAclId": "acl-1", "VpcId": "vpc-1", "IsDefault": true, "Associations": [],
        "Entries": [{entry} {{{all}, "Egress": true}}, {{{all}, "Egress": false}}]}}]}}"#
    )
}

/// A log and files of configuration, in one folder.
struct Story {
    folder: TempDir,
    log: PathBuf,
}

impl Story {
    fn new(rows: &[&str], context: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = file(&folder, "story.log", log(&often(4, rows)));
        fs::create_dir(folder.path().join("context")).unwrap();
        for (index, text) in context.iter().enumerate() {
            let path = folder.path().join(format!("context/{index}.json"));
            fs::write(path, text).unwrap();
        }
        Self { folder, log }
    }

    fn context(&self) -> PathBuf {
        self.folder.path().join("context")
    }

    fn diagnose(&self, inputs: &[&Path]) -> Value {
        let mut command = flow2pcap();
        command.args(["diagnose", "--json"]).args(inputs);
        let run = run(&mut command);
        assert_eq!(run.code, 0, "{}", run.stderr);
        serde_json::from_slice(&run.stdout).unwrap()
    }

    /// Returns the first finding, with the configuration given as context.
    fn first(&self) -> Value {
        let told = self.diagnose(&[&self.log, Path::new("--context"), &self.context()]);
        told["findings"][0].clone()
    }
}

#[track_caller]
fn check(found: &Value, cause: &str, certainty: &str, title: &str, configuration: &[&str]) {
    assert_eq!(
        (found["cause"].as_str(), found["certainty"].as_str()),
        (Some(cause), Some(certainty)),
        "{found:#}"
    );
    assert_eq!(found["title"], title);
    assert_eq!(found["configuration"], serde_json::json!(configuration));
}

const UNDATED: &str = "its file does not say when it was captured";

#[test]
fn security_group_without_a_rule_is_proved_and_the_nearest_rule_named() {
    let story = Story::new(&REJECTED, &[ENIS, &groups("10.0.3.0/24"), &acl("")]);
    let found = story.first();
    check(
        &found,
        "security-group-inbound",
        "proved",
        "10.0.1.5 (shop-app) cannot reach 10.0.2.9 (RDS database) on TCP 5432 (PostgreSQL): no inbound rule of \
         sg-db (database) allows it",
        &[
            "no inbound rule of sg-db (database) allows TCP 5432 from 10.0.1.5",
            "the nearest rule: sg-db (database) allows TCP 5432 from 10.0.3.0/24 (\"app servers\")",
            "the other filter lets it pass: entry 100 allows all traffic from 0.0.0.0/0 (acl-1)",
            UNDATED,
        ],
    );
    assert_eq!((&found["count"], &found["of"]), (&4.into(), &4.into()));
    // The same where the files lie among the logs, and in a text for people.
    let among = story.diagnose(&[story.folder.path()]);
    assert_eq!(among["findings"][0]["title"], found["title"]);
    assert_eq!(among["configuration"]["security_groups"], 1);
    let page = run(flow2pcap().arg("diagnose").arg(story.folder.path()));
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(
        page.contains("configured   no inbound rule of sg-db"),
        "{page}"
    );
    assert!(
        page.contains("2 network interfaces, 1 security group"),
        "{page}"
    );
}

#[test]
fn entry_of_a_network_acl_is_proved() {
    let entry = r#"{"RuleNumber": 90, "Protocol": "6", "RuleAction": "deny", "Egress": false,
        "CidrBlock": "10.0.1.0/24", "PortRange": {"From": 5432, "To": 5432}},"#;
    let story = Story::new(&REJECTED, &[ENIS, &groups("10.0.0.0/16"), &acl(entry)]);
    check(
        &story.first(),
        "acl-inbound",
        "proved",
        "10.0.1.5 (shop-app) cannot reach 10.0.2.9 (RDS database) on TCP 5432 (PostgreSQL): the network ACL acl-1 \
         denies it inbound",
        &[
            "entry 90 denies TCP 5432 from 10.0.1.0/24 (acl-1)",
            "the nearest rule: entry 100 allows all traffic from 0.0.0.0/0, but comes after it",
            "the other filter lets it pass: sg-db (database) allows TCP 5432 from 10.0.0.0/16 (\"app servers\")",
            UNDATED,
        ],
    );
}

#[test]
fn reply_that_no_entry_allows_is_proved_with_that_entry() {
    let rows = [
        "db/d ingress 10.0.1.5 10.0.2.9 {p} 5432 3 {s} ACCEPT 2",
        "db/d egress 10.0.2.9 10.0.1.5 5432 {p} 4 {s} REJECT 18",
    ];
    let entry = r#"{"RuleNumber": 80, "Protocol": "6", "RuleAction": "deny", "Egress": true,
        "CidrBlock": "10.0.0.0/16", "PortRange": {"From": 32768, "To": 65535}},"#;
    let story = Story::new(&rows, &[ENIS, &acl(entry)]);
    let found = story.first();
    assert_eq!(found["cause"], "acl-blocks-reply");
    let why = "entry 80 denies TCP 32768-65535 to 10.0.0.0/16 (acl-1)";
    assert_eq!(found["configuration"][0], why);
}

#[test]
fn configuration_that_allows_what_was_rejected_proves_nothing_and_is_named() {
    let time =
        r#""configurationItemStatus":"OK","configurationItemCaptureTime":"2026-03-15T09:00:00Z""#;
    let item = format!(
        r#"{{"fileVersion":"1.0","configurationItems":[{{"resourceType":"AWS::EC2::SecurityGroup",
        "resourceId":"sg-db",{time},"configuration":{{"groupId":"sg-db","groupName":"database",
        "ipPermissions":[{{"ipProtocol":"tcp","fromPort":5432,"toPort":5432,"ipRanges":["10.0.0.0/16"]}}]}}}}]}}"#
    );
    let story = Story::new(&REJECTED, &[ENIS, &item, &acl("")]);
    let found = story.first();
    assert_eq!(
        (found["cause"].as_str(), found["certainty"].as_str()),
        (Some("inbound-blocked"), Some("likely")),
        "{found:#}"
    );
    let said = "the configuration allows what the records show as REJECT: sg-db (database) allows TCP 5432 from \
                10.0.0.0/16; entry 100 allows all traffic from 0.0.0.0/0 (acl-1). It was captured at \
                2026-03-15T09:00:00Z, and changed in between";
    assert_eq!(found["configuration"], serde_json::json!([said]));
}

#[test]
fn two_filters_that_deny_are_both_named() {
    let entry = r#"{"RuleNumber": 90, "Protocol": "-1", "RuleAction": "deny", "Egress": false,
        "CidrBlock": "10.0.1.0/24"},"#;
    let story = Story::new(&REJECTED, &[ENIS, &groups("10.0.3.0/24"), &acl(entry)]);
    let found = story.first();
    assert_eq!(found["cause"], "inbound-blocked");
    let title = found["title"].as_str().unwrap();
    assert!(
        title.ends_with("both sg-db (database) and acl-1 deny it"),
        "{title}"
    );
}

#[test]
fn missing_group_leaves_the_finding_as_the_records_have_it() {
    let story = Story::new(&REJECTED, &[ENIS, &acl("")]);
    let found = story.first();
    assert_eq!(found["cause"], "inbound-blocked");
    let unknown = "unknown: the rules of sg-db are not in the configuration";
    let said = found["configuration"].as_array().unwrap();
    assert!(said.contains(&unknown.into()), "{found:#}");
}

/// Requests that nothing answers, to a host without a flow log.
const UNANSWERED: [&str; 1] = ["app/a egress 10.0.1.5 10.8.0.9 {p} 443 4 {s} ACCEPT 2"];

#[test]
fn missing_route_is_proved_with_its_table() {
    let routes = r#"{"RouteTables": [{"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": [{"Main": true}],
        "Tags": [{"Key": "Name", "Value": "private"}],
        "Routes": [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}]}]}"#;
    let story = Story::new(&UNANSWERED, &[ENIS, routes]);
    check(
        &story.first(),
        "no-route",
        "proved",
        "10.0.1.5 (shop-app) cannot reach 10.8.0.9 on TCP 443 (HTTPS): rtb-1 (private) of subnet-a has no route to \
         10.8.0.9",
        &[
            "rtb-1 (private) of subnet-a has no route to 10.8.0.9",
            UNDATED,
        ],
    );
}

/// A route table with the local route only.
const LOCAL_ROUTE: &str = r#"{"RouteTables": [{"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": [{"Main": true}],
    "Routes": [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}]}]}"#;

#[test]
fn address_of_the_vpc_that_no_eni_has_is_proved() {
    let rows = ["app/a egress 10.0.1.5 10.0.2.77 {p} 443 4 {s} ACCEPT 2"];
    let story = Story::new(&rows, &[ENIS, LOCAL_ROUTE]);
    check(
        &story.first(),
        "no-reply",
        "proved",
        "10.0.1.5 (shop-app) cannot reach 10.0.2.77 on TCP 443 (HTTPS): no ENI of the VPC has the address",
        &[
            "the local route to 10.0.0.0/16 keeps them in vpc-1, where no ENI has the address that they are sent to",
            UNDATED,
        ],
    );
}

#[test]
fn address_that_no_eni_has_proves_nothing_if_not_all_enis_are_known() {
    let rows = [
        "app/a egress 10.0.1.5 10.0.2.77 {p} 443 4 {s} ACCEPT 2",
        "new/a egress 10.0.1.6 10.0.2.9 {p} 443 9 {s} ACCEPT 3",
        "new/a ingress 10.0.2.9 10.0.1.6 443 {p} 9 {s} ACCEPT 19",
    ];
    let story = Story::new(&rows, &[ENIS, LOCAL_ROUTE]);
    let found = story.first();
    assert_eq!(
        (found["cause"].as_str(), found["certainty"].as_str()),
        (Some("no-reply"), Some("likely")),
        "{found:#}"
    );
}

/// The replies to an office stay in the VPC, whose ENI at the edge logs no reply.
#[test]
fn replies_that_the_local_route_keeps_in_the_vpc_prove_an_overlap() {
    let rows = [
        "edge/e ingress 10.0.99.7 10.0.2.9 {p} 5432 4 {s} ACCEPT 2",
        "db/d ingress 10.0.99.7 10.0.2.9 {p} 5432 4 {s} ACCEPT 2",
        "db/d egress 10.0.2.9 10.0.99.7 5432 {p} 4 {s} ACCEPT 18 - 1",
    ];
    let story = Story::new(&rows, &[ENIS, LOCAL_ROUTE]);
    check(
        &story.first(),
        "cidr-overlap",
        "proved",
        "10.0.99.7 cannot reach 10.0.2.9 (RDS database) on TCP 5432 (PostgreSQL): replies stay in the VPC, whose \
         addresses overlap",
        &[
            "for the replies, the local route to 10.0.0.0/16 keeps them in vpc-1, where no ENI has the address that \
             they are sent to",
            UNDATED,
        ],
    );
}

/// Somebody outside is always rejected at a service where others get in.
const ONE_OUTSIDE: [&str; 3] = [
    "db/d ingress 198.51.100.7 10.0.2.9 {p} 5432 4 {s} REJECT 2",
    "db/d ingress 203.0.113.9 10.0.2.9 {p} 5432 9 {s} ACCEPT 3",
    "db/d egress 10.0.2.9 203.0.113.9 5432 {p} 9 {s} ACCEPT 19",
];

/// Denies PostgreSQL from the network of that address.
const DENIES_OUTSIDE: &str = r#"{"RuleNumber": 90, "Protocol": "6", "RuleAction": "deny", "Egress": false,
    "CidrBlock": "198.51.100.0/24", "PortRange": {"From": 5432, "To": 5432}},"#;

#[test]
fn address_outside_that_no_rule_is_for_gets_the_rule_that_rejects_it_and_stays_possible() {
    for (range, entry, cause, why) in [
        (
            "203.0.113.0/24",
            "",
            "security-group-inbound",
            "no inbound rule of sg-db (database) allows TCP 5432 from 198.51.100.7",
        ),
        (
            "0.0.0.0/0",
            DENIES_OUTSIDE,
            "acl-inbound",
            "entry 90 denies TCP 5432 from 198.51.100.0/24 (acl-1)",
        ),
    ] {
        let story = Story::new(&ONE_OUTSIDE, &[ENIS, &groups(range), &acl(entry)]);
        let found = story.first();
        assert_eq!(
            (found["cause"].as_str(), found["certainty"].as_str()),
            (Some(cause), Some("possible")),
            "{found:#}"
        );
        assert_eq!(found["configuration"][0], why);
    }
}

#[test]
fn address_outside_that_the_group_has_a_rule_for_is_proved_to_be_shut_out_by_the_acl() {
    let group = groups("198.51.100.0/28");
    let story = Story::new(&ONE_OUTSIDE, &[ENIS, &group, &acl(DENIES_OUTSIDE)]);
    let found = story.first();
    assert_eq!(
        (found["cause"].as_str(), found["certainty"].as_str()),
        (Some("acl-inbound"), Some("proved")),
        "{found:#}"
    );
}

#[test]
fn missing_route_back_is_proved_at_the_other_end() {
    let peer = r#"{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-far", "SubnetId": "subnet-f", "VpcId": "vpc-2",
        "PrivateIpAddress": "10.8.0.9", "Groups": [{"GroupId": "sg-far"}]}]}
        {"RouteTables": [
        {"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": [{"Main": true}],
         "Routes": [{"DestinationCidrBlock": "10.8.0.0/16", "VpcPeeringConnectionId": "pcx-1", "State": "active"}]},
        {"RouteTableId": "rtb-2", "VpcId": "vpc-2", "Associations": [{"Main": true}],
         "Routes": [{"DestinationCidrBlock": "10.0.0.0/16", "VpcPeeringConnectionId": "pcx-9", "State": "blackhole"}]}]}"#;
    let story = Story::new(&UNANSWERED, &[ENIS, peer]);
    let found = story.first();
    assert_eq!(found["cause"], "no-route", "{found:#}");
    let why = "for the replies, the route to 10.0.0.0/16 in rtb-2 of subnet-f is a blackhole: pcx-9 is gone";
    assert_eq!(found["configuration"][0], why);
}

#[test]
fn file_that_is_not_understood_is_named_and_costs_no_other() {
    let broken =
        r#"{"SecurityGroups": [{"GroupId": "sg-x", "IpPermissions": [{"IpProtocol": "what"}]}"#;
    let story = Story::new(&REJECTED, &[ENIS, &groups("10.0.3.0/24"), &acl(""), broken]);
    let told = story.diagnose(&[story.folder.path()]);
    assert_eq!(told["findings"][0]["certainty"], "proved", "{told:#}");
    let damaged = told["input"]["damaged"].to_string();
    assert!(damaged.contains("3.json"), "{damaged}");
    assert!(damaged.contains("not JSON: EOF while parsing"), "{damaged}");
}

#[test]
fn convert_and_metrics_leave_configuration_out_under_its_name() {
    let story = Story::new(&REJECTED, &[ENIS]);
    let run = run(flow2pcap()
        .args(["metrics", "--json"])
        .arg(story.folder.path()));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let told: Value = serde_json::from_slice(&run.stdout).unwrap();
    let left_out = told["input"]["left_out"].to_string();
    assert!(left_out.contains("AWS configuration"), "{left_out}");
}
