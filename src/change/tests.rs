//! What events of real trails say of the changes that they log.

use super::*;
use crate::configuration::{RouteDestination, RulePeer};
use crate::event::{EventDetail, for_each_in_json};
use crate::flow::Place;

/// The changes in these calls: action, parameters, response, each with an error or none.
fn changes(calls: &[(&str, &str, &str)]) -> Vec<Change> {
    let mut found = Vec::new();
    for (n, (name, request, response)) in calls.iter().enumerate() {
        let text = format!(
            r#"{{"eventTime":"2026-03-14T02:{n:02}:04Z","eventSource":"ec2.amazonaws.com",
            "eventName":"{name}","eventID":"{n}","requestParameters":{request},
            "responseElements":{response}}}"#
        );
        for_each_in_json(&text, None, &mut |_, event, _| {
            let event = event.unwrap();
            if let EventDetail::ApiCall(call) = &event.detail {
                let key = Change::key(event.instant_ns, call).unwrap();
                found.push(Change::of(key, event.instant_ns, call));
            }
        });
    }
    found
}

fn in_words(name: &str, request: &str, response: &str) -> String {
    changes(&[(name, request, response)]).remove(0).in_words()
}

/// The changes in words, after what others say of them was added.
fn completed(calls: &[(&str, &str, &str)]) -> Vec<String> {
    let place = Place { file: 0, line: 1 };
    let changes = changes(calls).into_iter().map(|change| (change, place));
    let log = ChangeLog::new(changes, None);
    let all = log.within(i64::MIN, i64::MAX).iter();
    all.map(|logged| logged.change.in_words()).collect()
}

#[test]
fn rules_of_a_group_are_read_in_every_form() {
    let expected = "removed the rule TCP 5432 from 10.0.11.0/24 of sg-0a1b";
    let permission = r#"{"groupId":"sg-0a1b","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":5432,
        "toPort":5432,"groups":{},"ipRanges":{"items":[{"cidrIp":"10.0.11.0/24"}]},"ipv6Ranges":{},
        "prefixListIds":{}}]}}"#;
    let flat = r#"{"groupId":"sg-0a1b","ipProtocol":"tcp","fromPort":"5432","toPort":"5432",
        "cidrIp":"10.0.11.0/24","ipPermissions":{}}"#;
    let by_id = r#"{"groupId":"sg-0a1b","securityGroupRuleIds":{"items":["sgr-1"]}}"#;
    let answer = r#"{"_return":true,"revokedSecurityGroupRuleSet":{"items":[{"securityGroupRuleId":"sgr-1",
        "groupId":"sg-0a1b","isEgress":false,"ipProtocol":"tcp","fromPort":5432,"toPort":5432,
        "cidrIpv4":"10.0.11.0/24"}]}}"#;
    let name = "RevokeSecurityGroupIngress";
    for (request, response) in [
        (permission, r#"{"_return":true}"#),
        (flat, r#"{"_return":true}"#),
        (by_id, answer),
    ] {
        assert_eq!(in_words(name, request, response), expected, "{request}");
    }
    let unknown = in_words(name, by_id, r#"{"_return":true}"#);
    assert_eq!(unknown, "removed the rule sgr-1 of sg-0a1b");
}

#[test]
fn revoking_what_is_not_there_changes_nothing() {
    let request = r#"{"groupId":"sg-0a1b","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,
        "toPort":22,"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}]}}"#;
    let response = r#"{"_return":true,"unknownIpPermissionSet":{"items":[{"ipProtocol":"tcp"}]}}"#;
    let change = changes(&[("RevokeSecurityGroupIngress", request, response)]).remove(0);
    assert_eq!(change.detail, ChangeDetail::Rules(Vec::new()));
}

#[test]
fn one_permission_has_a_rule_for_each_end() {
    let request = r#"{"groupId":"sg-0a1b","ipPermissions":{"items":[{"ipProtocol":"-1",
        "groups":{"items":[{"groupId":"sg-0c2d"}]},"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]},
        "ipv6Ranges":{"items":[{"cidrIpv6":"::/0"}]},
        "prefixListIds":{"items":[{"prefixListId":"pl-0e3f"}]}}]}}"#;
    let words = in_words("AuthorizeSecurityGroupEgress", request, "{}");
    assert_eq!(
        words,
        "added the rule all traffic to 0.0.0.0/0 to sg-0a1b, added the rule all traffic to ::/0 to \
         sg-0a1b, added the rule all traffic to sg-0c2d to sg-0a1b and 1 more"
    );
}

#[test]
fn modified_rule_has_its_older_content_from_an_earlier_event() {
    let added = r#"{"_return":true,"securityGroupRuleSet":{"items":[{"securityGroupRuleId":"sgr-1",
        "groupId":"sg-0a1b","isEgress":false,"ipProtocol":"tcp","fromPort":5432,"toPort":5432,
        "cidrIpv4":"10.0.11.0/24"}]}}"#;
    let modified = r#"{"ModifySecurityGroupRulesRequest":{"GroupId":"sg-0a1b","SecurityGroupRule":{"tag":1,
        "SecurityGroupRuleId":"sgr-1","SecurityGroupRule":{"IpProtocol":"tcp","FromPort":5432,
        "ToPort":5432,"CidrIpv4":"10.0.12.0/24"}}}}"#;
    let call = ("ModifySecurityGroupRules", modified, "{}");
    assert_eq!(
        completed(&[("AuthorizeSecurityGroupIngress", "{}", added), call])[1],
        "changed the rule TCP 5432 from 10.0.11.0/24 of sg-0a1b to TCP 5432 from 10.0.12.0/24"
    );
    assert_eq!(
        completed(&[call])[0],
        "changed the rule sgr-1 of sg-0a1b to TCP 5432 from or to 10.0.12.0/24 (its older content is \
         not in the event)"
    );
}

#[test]
fn deleted_entry_has_its_content_from_an_earlier_event() {
    let created = r#"{"networkAclId":"acl-0a1b","ruleNumber":90,"egress":false,"ruleAction":"deny",
        "aclProtocol":"6","cidrBlock":"10.0.11.0/24","icmpTypeCode":{},
        "portRange":{"from":5432,"to":5432}}"#;
    let deleted = r#"{"networkAclId":"acl-0a1b","ruleNumber":90,"egress":false}"#;
    let delete = ("DeleteNetworkAclEntry", deleted, "{}");
    assert_eq!(
        completed(&[("CreateNetworkAclEntry", created, "{}"), delete]),
        [
            "added entry 90 (deny) TCP 5432 from 10.0.11.0/24 to acl-0a1b",
            "removed entry 90 (deny) TCP 5432 from 10.0.11.0/24 of acl-0a1b"
        ]
    );
    assert_eq!(completed(&[delete])[0], "removed entry 90 of acl-0a1b");
}

#[test]
fn entry_for_all_traffic_has_neither_ports_nor_types() {
    let request = r#"{"networkAclId":"acl-0a1b","ruleNumber":100,"egress":true,"ruleAction":"allow",
        "aclProtocol":"-1","cidrBlock":"208.236.235.254/0","icmpTypeCode":{},"portRange":{}}"#;
    let change = changes(&[("ReplaceNetworkAclEntry", request, "{}")]).remove(0);
    let ChangeDetail::Rules(rules) = &change.detail else {
        panic!("{change:?}");
    };
    let after = rules[0].after.as_ref().unwrap();
    assert_eq!((after.allows, after.service.protocol), (true, None));
    // A masked address with /0 is still every address.
    let Some(RulePeer::Range(range)) = after.peer else {
        panic!("{after:?}");
    };
    assert!(range.contains("10.0.0.1".parse().unwrap()));
}

#[test]
fn route_has_its_destination_and_targets() {
    let created =
        r#"{"routeTableId":"rtb-0a1b","destinationCidrBlock":"0.0.0.0/0","gatewayId":"igw-0a1b"}"#;
    let replaced = r#"{"routeTableId":"rtb-0a1b","destinationCidrBlock":"0.0.0.0/0","natGatewayId":"nat-0a1b"}"#;
    let deleted = r#"{"routeTableId":"rtb-0a1b","destinationCidrBlock":"0.0.0.0/0"}"#;
    assert_eq!(
        completed(&[
            ("CreateRoute", created, "{}"),
            ("ReplaceRoute", replaced, "{}"),
            ("DeleteRoute", deleted, "{}"),
        ]),
        [
            "added the route of rtb-0a1b to 0.0.0.0/0 by igw-0a1b",
            "changed the route of rtb-0a1b to 0.0.0.0/0 to nat-0a1b (before: igw-0a1b)",
            "removed the route of rtb-0a1b to 0.0.0.0/0 (before: nat-0a1b)"
        ]
    );
    let change = changes(&[("DeleteRoute", deleted, "{}")]).remove(0);
    let ChangeDetail::Route(route) = change.detail else {
        panic!("a route");
    };
    assert!(matches!(
        route.destination,
        Some(RouteDestination::Range(_))
    ));
}

#[test]
fn association_without_a_subnet_gets_it_from_an_earlier_event() {
    let first = r#"{"routeTableId":"rtb-0a1b","subnetId":"subnet-0a1b"}"#;
    let second = r#"{"associationId":"rtbassoc-1","routeTableId":"rtb-0c2d"}"#;
    let third = r#"{"associationId":"rtbassoc-2"}"#;
    let words = completed(&[
        (
            "AssociateRouteTable",
            first,
            r#"{"associationId":"rtbassoc-1"}"#,
        ),
        (
            "ReplaceRouteTableAssociation",
            second,
            r#"{"newAssociationId":"rtbassoc-2"}"#,
        ),
        ("DisassociateRouteTable", third, r#"{"_return":true}"#),
    ]);
    assert_eq!(
        words,
        [
            "gave rtb-0a1b to subnet-0a1b",
            "gave rtb-0c2d to subnet-0a1b",
            "took its route table from subnet-0a1b"
        ]
    );
}

#[test]
fn groups_of_interfaces_are_known_from_their_creation_and_changes() {
    let started = r#"{"instancesSet":{"items":[{"instanceId":"i-0a1b","networkInterfaceSet":{"items":[
        {"networkInterfaceId":"eni-0a1b","subnetId":"subnet-0a1b","groupSet":{"items":[{"groupId":"sg-1"}]},
        "privateIpAddressesSet":{"item":[{"privateIpAddress":"10.0.1.7"}]}}]}}]}}"#;
    let modified = r#"{"networkInterfaceId":"eni-0a1b","groupSet":{"items":[{"groupId":"sg-2"}]}}"#;
    let checked = r#"{"networkInterfaceId":"eni-0a1b","sourceDestCheck":{"value":false}}"#;
    let changes = changes(&[
        ("RunInstances", "{}", started),
        ("ModifyNetworkInterfaceAttribute", modified, "{}"),
        ("ModifyNetworkInterfaceAttribute", checked, "{}"),
    ]);
    assert!(changes[0].addresses.contains(&"10.0.1.7".parse().unwrap()));
    assert_eq!(
        changes[1].in_words(),
        "set the security groups of eni-0a1b to sg-2"
    );
    assert_eq!(changes[2].detail, ChangeDetail::Other);
    let place = Place { file: 0, line: 1 };
    let log = ChangeLog::new(changes.into_iter().map(|change| (change, place)), None);
    let groups: Vec<&String> = log.groups_of("eni-0a1b").unwrap().iter().collect();
    assert_eq!(groups, ["sg-1", "sg-2"]);
    assert_eq!(log.groups_of("eni-0c2d"), None);
}

#[test]
fn hostile_parameters_are_bounded() {
    let rule = r#"{"ipProtocol":"tcp","fromPort":1,"toPort":2,"ipRanges":{"items":[{"cidrIp":"10.0.0.1/32"}]}}"#;
    let many = vec![rule; 1_000].join(",");
    let request = format!(
        r#"{{"groupId":"{}","ipPermissions":{{"items":[{many}]}}}}"#,
        "g".repeat(9_000)
    );
    let change = changes(&[("RevokeSecurityGroupIngress", &request, "{}")]).remove(0);
    let ChangeDetail::Rules(rules) = &change.detail else {
        panic!("rules");
    };
    assert_eq!(rules.len(), 32);
    assert_eq!(rules[0].list.len(), TEXT_LEN_MAX);
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    assert!(changes(&[("RunInstances", &deep, &deep)])[0].ids.is_empty());
}

fn each(text: &str) -> Vec<Option<(ChangeKey, Change)>> {
    let mut found = Vec::new();
    for_each_in_json(text, None, &mut |_, event, _| {
        let event = event.unwrap();
        if let EventDetail::ApiCall(call) = &event.detail {
            let ns = event.instant_ns;
            let key = Change::key(ns, call);
            found.push(key.map(|key| (key, Change::of(key, ns, call))));
        }
    });
    found
}

fn call(rest: &str) -> String {
    format!(
        r#"{{"eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com",
        "eventName":"RevokeSecurityGroupIngress","awsRegion":"eu-central-1",
        "recipientAccountId":"123456789012",{rest}}}"#
    )
}

#[test]
fn change_has_what_the_event_says() {
    let (_, change) = each(&call(r#""eventID":"1""#)).remove(0).unwrap();
    assert_eq!(change.name, "RevokeSecurityGroupIngress");
    let place = [&change.region, &change.account, &change.event_id];
    assert_eq!(place, ["eu-central-1", "123456789012", "1"]);
    assert_eq!(change.result, CallResult::Done);
}

#[test]
fn call_that_only_reads_is_no_change() {
    assert_eq!(each(&call(r#""eventID":"1","readOnly":true"#)), [None]);
    let other = call(r#""eventID":"1""#).replace("RevokeSecurityGroupIngress", "CreateVolume");
    assert_eq!(each(&other), [None]);
}

#[test]
fn event_that_is_delivered_again_has_the_same_key() {
    let of = |rest: &str| each(&call(rest)).remove(0).unwrap().0;
    assert_eq!(of(r#""eventID":"1""#), of(r#""eventID":"1","extra":1"#));
    assert_ne!(of(r#""eventID":"1""#), of(r#""eventID":"2""#));
    let without_id = |group| of(&format!(r#""eventID":"","requestParameters":"{group}""#));
    assert_eq!(without_id("sg-1"), without_id("sg-1"));
    assert_ne!(without_id("sg-1"), without_id("sg-2"));
}

#[test]
fn failed_call_and_dry_run_are_only_attempted() {
    let of = |code: &str| each(&call(&format!(r#""errorCode":"{code}","eventID":"1""#)));
    let result = |code| of(code).remove(0).unwrap().1.result;
    assert_eq!(result("Client.UnauthorizedOperation"), CallResult::Failed);
    assert_eq!(result("Client.DryRunOperation"), CallResult::DryRun);
}

#[test]
fn calls_say_which_filters_and_routes_interfaces_and_subnets_have() {
    let started = r#"{"instancesSet":{"items":[{"instanceId":"i-1","networkInterfaceSet":{"items":[
        {"networkInterfaceId":"eni-1","subnetId":"subnet-1","vpcId":"vpc-1","groupSet":{"items":[{"groupId":"sg-1"}]}}]}}]}}"#;
    let modified = r#"{"networkInterfaceId":"eni-2","groupSet":{"items":[{"groupId":"sg-2"},{"groupId":"sg-3"}]}}"#;
    let associated = r#"{"routeTableId":"rtb-1","subnetId":"subnet-2"}"#;
    let changes = changes(&[
        ("RunInstances", r#"{"subnetId":"subnet-1"}"#, started),
        ("ModifyNetworkInterfaceAttribute", modified, "{}"),
        (
            "AssociateRouteTable",
            associated,
            r#"{"associationId":"rtbassoc-1"}"#,
        ),
    ]);
    let ties: Vec<Vec<(&str, &str)>> = changes.iter().map(|change| change.detail.ties()).collect();
    let expected = [
        &[("eni-1", "sg-1")][..],
        &[("eni-2", "sg-2"), ("eni-2", "sg-3")],
        &[("subnet-2", "rtb-1")],
    ];
    assert_eq!(ties, expected);
}

#[test]
fn call_that_creates_something_changes_no_path_that_was_there() {
    let is_of_a_path = |name: &str| changes(&[(name, "{}", "{}")])[0].changes_a_path();
    for name in [
        "CreateSecurityGroup",
        "CreateSubnet",
        "CreateFlowLogs",
        "DeleteFlowLogs",
        "CreateNatGateway",
    ] {
        assert!(!is_of_a_path(name), "{name}");
    }
    for name in [
        "CreateRoute",
        "CreateNetworkAclEntry",
        "DeleteNatGateway",
        "RevokeSecurityGroupIngress",
    ] {
        assert!(is_of_a_path(name), "{name}");
    }
}
