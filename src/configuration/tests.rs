//! What is read from a file, and what it decides.

use std::net::IpAddr;

use super::*;

/// A VPC with an application, a database, and a network ACL for each.
const VPC: &str = r#"
{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]}
{"Subnets": [
  {"SubnetId": "subnet-app", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24",
   "Tags": [{"Key": "Name", "Value": "app-a"}]},
  {"SubnetId": "subnet-db", "VpcId": "vpc-1", "CidrBlock": "10.0.2.0/24"}]}
{"NetworkInterfaces": [
  {"NetworkInterfaceId": "eni-app", "SubnetId": "subnet-app", "VpcId": "vpc-1",
   "Groups": [{"GroupId": "sg-app"}], "PrivateIpAddress": "10.0.1.5",
   "TagSet": [{"Key": "Name", "Value": "app-1"}], "InterfaceType": "interface"},
  {"NetworkInterfaceId": "eni-db", "SubnetId": "subnet-db", "VpcId": "vpc-1",
   "Groups": [{"GroupId": "sg-db"}], "PrivateIpAddress": "10.0.2.7",
   "Description": "RDSNetworkInterface", "InterfaceType": "interface"},
  {"NetworkInterfaceId": "eni-nat", "SubnetId": "subnet-app", "VpcId": "vpc-1",
   "Groups": [], "PrivateIpAddress": "10.0.1.9", "InterfaceType": "nat_gateway",
   "Description": "Interface for NAT Gateway nat-1"}]}
{"SecurityGroups": [
  {"GroupId": "sg-app", "GroupName": "app", "VpcId": "vpc-1", "IpPermissions": [],
   "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]},
  {"GroupId": "sg-db", "GroupName": "db", "VpcId": "vpc-1", "IpPermissions": [
    {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432,
     "UserIdGroupPairs": [{"GroupId": "sg-app", "Description": "app servers"}],
     "IpRanges": [{"CidrIp": "10.0.9.0/24"}], "PrefixListIds": [{"PrefixListId": "pl-1"}]}],
   "IpPermissionsEgress": []}]}
{"NetworkAcls": [
  {"NetworkAclId": "acl-app", "VpcId": "vpc-1", "IsDefault": true, "Associations": [],
   "Entries": [
    {"RuleNumber": 100, "Protocol": "-1", "RuleAction": "allow", "Egress": true, "CidrBlock": "0.0.0.0/0"},
    {"RuleNumber": 100, "Protocol": "-1", "RuleAction": "allow", "Egress": false, "CidrBlock": "0.0.0.0/0"}]},
  {"NetworkAclId": "acl-db", "VpcId": "vpc-1", "IsDefault": false,
   "Associations": [{"SubnetId": "subnet-db"}],
   "Entries": [
    {"RuleNumber": 32767, "Protocol": "-1", "RuleAction": "deny", "Egress": false, "CidrBlock": "0.0.0.0/0"},
    {"RuleNumber": 90, "Protocol": "6", "RuleAction": "deny", "Egress": false, "CidrBlock": "10.0.1.128/25",
     "PortRange": {"From": 5432, "To": 5432}},
    {"RuleNumber": 100, "Protocol": "6", "RuleAction": "allow", "Egress": false, "CidrBlock": "10.0.0.0/16",
     "PortRange": {"From": 5432, "To": 5432}},
    {"RuleNumber": 100, "Protocol": "6", "RuleAction": "allow", "Egress": true, "CidrBlock": "0.0.0.0/0",
     "PortRange": {"From": 32768, "To": 61000}}]}]}
{"RouteTables": [
  {"RouteTableId": "rtb-main", "VpcId": "vpc-1", "Associations": [{"Main": true}], "Routes": [
    {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}]},
  {"RouteTableId": "rtb-app", "VpcId": "vpc-1", "Associations": [{"Main": false, "SubnetId": "subnet-app"}],
   "Routes": [
    {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
    {"DestinationCidrBlock": "10.8.0.0/13", "TransitGatewayId": "tgw-1", "State": "active"},
    {"DestinationCidrBlock": "10.9.0.0/16", "VpcPeeringConnectionId": "pcx-1", "State": "blackhole"},
    {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}]}]}
{"NatGateways": [{"NatGatewayId": "nat-1", "VpcId": "vpc-1", "SubnetId": "subnet-db", "State": "available"}]}
"#;

fn read(text: &str) -> (Configuration, Reading) {
    let mut all = Configuration::default();
    let reading = all.read(text.as_bytes());
    all.complete();
    (all, reading)
}

fn vpc() -> Configuration {
    let (all, reading) = read(VPC);
    assert_eq!(reading.problem, None);
    all
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn inbound(far: &str, port: u16) -> FilteredPackets {
    FilteredPackets {
        is_egress: false,
        protocol: 6,
        far: FarEnd::Address(ip(far)),
        ports: (port, port),
    }
}

#[track_caller]
fn check_groups(eni: &str, packets: &FilteredPackets, decision: FilterDecision, why: &str) {
    let all = vpc();
    let now = all.at(0);
    let verdict = now.groups(now.interface(eni).unwrap().value, packets);
    assert_eq!((verdict.decision, &verdict.why[..]), (decision, why));
}

#[track_caller]
fn check_acl(eni: &str, packets: &FilteredPackets, decision: FilterDecision, why: &str) {
    let all = vpc();
    let now = all.at(0);
    let verdict = now.acl(now.interface(eni).unwrap().value, packets);
    assert_eq!((verdict.decision, &verdict.why[..]), (decision, why));
}

#[test]
fn rule_that_names_a_group_fits_the_addresses_of_its_enis() {
    check_groups(
        "eni-db",
        &inbound("10.0.1.5", 5432),
        FilterDecision::Allows,
        r#"sg-db (db) allows TCP 5432 from members of sg-app ("app servers")"#,
    );
    // The address of an ENI that is not in the group; the prefix list is unknown.
    check_groups(
        "eni-db",
        &inbound("10.0.1.9", 5432),
        FilterDecision::Unknown,
        "it is unknown whether the rule of sg-db (db) for TCP 5432 from the prefix list pl-1 fits",
    );
}

#[test]
fn rule_for_a_part_of_the_internet_divides_it() {
    let rule = r#"{"SecurityGroups": [{"GroupId": "sg-db", "GroupName": "db", "IpPermissions": [{"IpProtocol": "tcp",
        "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "198.51.100.0/24"}]}]}]}"#;
    let (all, _) = read(&format!("{VPC}{rule}"));
    let now = all.at(0);
    let eni = now.interface("eni-db").unwrap().value;
    let ssh = FilteredPackets {
        far: FarEnd::Internet { is_v6: false },
        ..inbound("10.0.1.5", 22)
    };
    let verdict = now.groups(eni, &ssh);
    assert_eq!(
        (verdict.decision, &verdict.why[..]),
        (
            FilterDecision::Divides,
            "sg-db (db) allows only TCP 22 from 198.51.100.0/24"
        )
    );
}

#[test]
fn group_denies_what_no_rule_allows_and_names_the_nearest() {
    let entries = r#"{"PrefixListId": "pl-1", "Entries": [{"Cidr": "10.7.0.0/16"}]}"#;
    let (all, _) = read(&format!("{VPC}{entries}"));
    let now = all.at(0);
    let eni = now.interface("eni-db").unwrap().value;
    let verdict = now.groups(eni, &inbound("10.0.1.9", 5432));
    assert!(verdict.denies());
    assert_eq!(
        verdict.why,
        "no inbound rule of sg-db (db) allows TCP 5432 from 10.0.1.9"
    );
    let nearest = "sg-db (db) allows TCP 5432 from 10.0.9.0/24";
    assert_eq!(verdict.nearest.as_deref(), Some(nearest));
    let other_port = now.groups(eni, &inbound("10.0.9.1", 5433));
    assert_eq!(other_port.nearest.as_deref(), Some(nearest));
    assert!(now.groups(eni, &inbound("10.7.1.1", 5432)).allows());
}

#[test]
fn eni_that_has_no_groups_by_its_kind_lets_everything_pass() {
    check_groups(
        "eni-nat",
        &inbound("10.0.2.7", 443),
        FilterDecision::Allows,
        "NAT gateway nat-1 has no security groups",
    );
}

#[test]
fn lowest_entry_that_fits_decides() {
    let why = "entry 100 allows TCP 5432 from 10.0.0.0/16 (acl-db)";
    check_acl(
        "eni-db",
        &inbound("10.0.1.5", 5432),
        FilterDecision::Allows,
        why,
    );
    let why = "entry 90 denies TCP 5432 from 10.0.1.128/25 (acl-db)";
    check_acl(
        "eni-db",
        &inbound("10.0.1.200", 5432),
        FilterDecision::Denies,
        why,
    );
    let why = "entry * denies all traffic from 0.0.0.0/0 (acl-db)";
    check_acl(
        "eni-db",
        &inbound("10.0.1.5", 22),
        FilterDecision::Denies,
        why,
    );
    let all = vpc();
    let now = all.at(0);
    let eni = now.interface("eni-db").unwrap().value;
    let denied = now.acl(eni, &inbound("10.0.1.200", 5432));
    let nearest = "entry 100 allows TCP 5432 from 10.0.0.0/16, but comes after it";
    assert_eq!(denied.nearest.as_deref(), Some(nearest));
}

#[test]
fn acl_checks_a_reply_at_the_port_of_the_initiator() {
    let reply = |ports| FilteredPackets {
        is_egress: true,
        ports,
        ..inbound("10.0.1.5", 0)
    };
    let why = "entry 100 allows TCP 32768-61000 to 0.0.0.0/0 (acl-db)";
    check_acl(
        "eni-db",
        &reply((40_000, 50_000)),
        FilterDecision::Allows,
        why,
    );
    let why = "no entry of acl-db allows TCP 1024-2000 to 10.0.1.5";
    check_acl("eni-db", &reply((1024, 2000)), FilterDecision::Denies, why);
    let why = "entry 100 allows TCP 32768-61000 to 0.0.0.0/0 (acl-db), which fits only some of the packets";
    check_acl(
        "eni-db",
        &reply((1024, 50_000)),
        FilterDecision::Divides,
        why,
    );
}

#[test]
fn acl_does_not_apply_within_a_subnet_and_the_default_one_is_for_the_rest() {
    let why = "both ends are in subnet-db, where network ACLs do not apply";
    check_acl(
        "eni-db",
        &inbound("10.0.2.99", 22),
        FilterDecision::Allows,
        why,
    );
    let why = "entry 100 allows all traffic from 0.0.0.0/0 (acl-app)";
    check_acl(
        "eni-app",
        &inbound("10.0.2.7", 22),
        FilterDecision::Allows,
        why,
    );
}

#[track_caller]
fn check_route(subnet: &str, to: &str, table: &str, outcome: RouteOutcome) {
    let all = vpc();
    let verdict = all.at(0).route(subnet, "vpc-1", ip(to));
    assert_eq!((&verdict.table[..], verdict.outcome), (table, outcome));
}

#[test]
fn longest_prefix_chooses_the_route() {
    let target = |target: &str, destination: &str| RouteOutcome::Target {
        target: target.to_owned(),
        destination: destination.to_owned(),
    };
    let app = "subnet-app";
    check_route(app, "10.0.2.7", "rtb-app", target("local", "10.0.0.0/16"));
    check_route(app, "10.8.0.1", "rtb-app", target("tgw-1", "10.8.0.0/13"));
    check_route(app, "192.0.2.1", "rtb-app", target("nat-1", "0.0.0.0/0"));
    check_route("subnet-db", "192.0.2.1", "rtb-main", RouteOutcome::Nowhere);
    let gone = RouteOutcome::Blackhole {
        target: "pcx-1".to_owned(),
        destination: "10.9.0.0/16".to_owned(),
    };
    check_route(app, "10.9.1.1", "rtb-app", gone);
}

#[test]
fn fault_of_a_route_is_named_with_its_table() {
    let all = vpc();
    let now = all.at(0);
    let app = now.interface("eni-app").unwrap().value;
    let fault = |to: &str| now.route_fault(app, ip(to)).map(|fault| fault.what);
    assert_eq!(fault("10.8.0.1"), None);
    let gone =
        "the route to 10.9.0.0/16 in rtb-app of subnet-app (app-a) is a blackhole: pcx-1 is gone";
    assert_eq!(fault("10.9.1.1").as_deref(), Some(gone));
    let nat = "nat-1 is in subnet-db, whose route table rtb-main has no route to 192.0.2.1";
    assert_eq!(fault("192.0.2.1").as_deref(), Some(nat));
    let db = now.interface("eni-db").unwrap().value;
    let none = now.route_fault(db, ip("192.0.2.1")).unwrap().what;
    assert_eq!(none, "rtb-main of subnet-db has no route to 192.0.2.1");
}

#[test]
fn interfaces_are_called_by_tag_or_by_what_they_belong_to() {
    let all = vpc();
    let now = all.at(0);
    let title = |address: &str| now.title(now.owner(ip(address), "").unwrap().value);
    assert_eq!(title("10.0.1.5"), "app-1");
    assert_eq!(title("10.0.2.7"), "RDS database");
    assert_eq!(title("10.0.1.9"), "NAT gateway nat-1");
    assert!(now.owner(ip("10.0.3.1"), "").is_none());
}

#[test]
fn both_forms_of_aws_config_are_read_with_their_instants() {
    let item = |time: &str, rest: &str| {
        format!(
            r#"{{"resourceType":"AWS::EC2::SecurityGroup","resourceId":"sg-1",
            "configurationItemStatus":"OK","configurationItemCaptureTime":{time},"configuration":{rest}}}"#
        )
    };
    let rules = r#"{"groupId":"sg-1","groupName":"web","ipPermissions":[{"ipProtocol":"tcp","fromPort":443,
        "toPort":443,"ipRanges":["192.0.2.0/24"],"ipv4Ranges":[{"cidrIp":"192.0.2.0/24","description":"office"}]}]}"#;
    let none = r#""{\"groupId\":\"sg-1\",\"groupName\":\"web\",\"ipPermissions\":[]}""#;
    let items = [
        item(r#""2026-03-14T02:00:00.000Z""#, rules),
        item("1773457200.5", none),
    ];
    let text = format!(
        r#"{{"fileVersion":"1.0","configurationItems":[{}]}}"#,
        items.join(",")
    );
    let (all, reading) = read(&text);
    assert_eq!((reading.used, reading.problem), (2, None));
    let group = |ns| all.security_groups.at("sg-1", ns).unwrap();
    let first = group(1_773_453_700_000_000_000);
    assert_eq!(first.captured_ns, Some(1_773_453_600_000_000_000));
    let rules: Vec<&str> = first
        .value
        .inbound
        .iter()
        .map(|rule| &rule.description[..])
        .collect();
    assert_eq!(rules, ["office"]);
    assert!(group(i64::MAX).value.inbound.is_empty());
}

#[test]
fn answers_that_a_recorder_wrapped_are_read_one_level_down() {
    let answer = r#"{"Subnets":[{"SubnetId":"subnet-1","VpcId":"vpc-1","CidrBlock":"10.0.0.0/24"}],
        "ResponseMetadata":{"HTTPStatusCode":200}}"#;
    let (all, reading) = read(&format!(r#"{{"status_code":200,"data":{answer}}}"#));
    assert_eq!((reading.used, reading.problem), (1, None));
    assert_eq!(all.counts().subnets, 1);
}

#[test]
fn rules_alone_make_their_group_and_give_known_rules_their_ids() {
    let rule = r#"{"SecurityGroupRules":[
        {"SecurityGroupRuleId":"sgr-1","GroupId":"sg-db","IsEgress":false,"IpProtocol":"tcp",
         "FromPort":5432,"ToPort":5432,"CidrIpv4":"10.0.9.0/24"},
        {"SecurityGroupRuleId":"sgr-2","GroupId":"sg-new","IsEgress":true,"IpProtocol":"-1",
         "ReferencedGroupInfo":{"GroupId":"sg-app"}}]}"#;
    let (all, reading) = read(&format!("{VPC}{rule}"));
    assert_eq!(reading.problem, None);
    let group = |id: &str| all.security_groups.at(id, 0).unwrap().value;
    let ids: Vec<&str> = group("sg-db")
        .inbound
        .iter()
        .map(|rule| &rule.id[..])
        .collect();
    assert_eq!(ids, ["sgr-1", "", ""]);
    assert_eq!(group("sg-new").outbound.len(), 1);
}

#[test]
fn resource_that_is_not_understood_is_not_used_and_costs_no_other() {
    let text = r#"{"SecurityGroups":[
        {"GroupId":"sg-1","IpPermissions":[{"IpProtocol":"tcp","IpRanges":[{"CidrIp":"10.0.0/8"}]}]},
        {"GroupId":"sg-2","IpPermissions":[]},
        {"GroupName":"x"}]}"#;
    let (all, reading) = read(text);
    assert_eq!((reading.used, reading.unused), (1, 2));
    let problem = r#"sg-1: expected an address range, found "10.0.0/8""#;
    assert_eq!(reading.problem.as_deref(), Some(problem));
    assert_eq!(all.counts().security_groups, 1);
}

#[test]
fn text_that_ends_too_early_is_named() {
    let (all, reading) = read(r#"{"Subnets":[{"SubnetId":"subnet-1""#);
    let problem = "not JSON: EOF while parsing an object at line 1 column 34";
    assert_eq!(reading.problem.as_deref(), Some(problem));
    assert_eq!(all.counts().subnets, 0);
}

#[test]
fn lists_that_are_nested_deeply_are_refused() {
    let text = "[".repeat(100_000) + &"]".repeat(100_000);
    let (_, reading) = read(&text);
    assert_eq!(reading.used, 0);
    assert!(reading.problem.is_some());
}

#[test]
fn host_that_does_not_run_or_is_unhealthy_is_named() {
    let text = r#"{"Reservations":[{"Instances":[{"InstanceId":"i-1","State":{"Name":"stopped"},
        "Tags":[{"Key":"Name","Value":"web-1"}],"NetworkInterfaces":[{"NetworkInterfaceId":"eni-1",
        "PrivateIpAddress":"10.0.1.5","Groups":[{"GroupId":"sg-1"}]}]}]}]}
        {"TargetGroupArn":"arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/1",
        "TargetHealthDescriptions":[{"Target":{"Id":"i-1","Port":80},
        "TargetHealth":{"State":"unused","Reason":"Target.InvalidState"}}]}"#;
    let (all, reading) = read(text);
    assert_eq!(reading.problem, None);
    let troubles = all.at(0).host_troubles(ip("10.0.1.5"));
    let expected = [
        "the instance i-1 (web-1) is stopped",
        "in the target group web, i-1 port 80 is unused (Target.InvalidState)",
    ];
    assert_eq!(troubles, expected);
}
