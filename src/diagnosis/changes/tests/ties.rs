//! Whether a change is known to belong to where packets fail.

use super::super::ties::Tie;
use super::*;

#[track_caller]
fn check(stage: &Stage, change: &Change, aim: &Aim, expected: Tie) {
    let found = stage.scene(Effect::Breaks).tie(change, aim);
    assert_eq!(found, expected, "{}", change.in_words());
}

fn own(words: &str) -> Tie {
    Tie::Own(words.to_owned())
}

#[test]
fn group_and_acl_are_tied_by_the_configuration() {
    let stage = Stage::configured();
    let database = to_database(Decider::Filters);
    let revoked = change("RevokeSecurityGroupIngress", &rule(5432, "10.0.0.0/16"));
    let words = own("sg-app is a security group of eni-1");
    check(&stage, &revoked, &database, words);
    check(&Stage::bare([]), &revoked, &database, Tie::Unknown);
    let denied = change("CreateNetworkAclEntry", &entry("deny", "10.0.0.0/8"));
    let words = own("acl-app is the network ACL of subnet-app");
    check(&stage, &denied, &database, words);
    let other = entry("deny", "10.0.0.0/8").replace("acl-app", "acl-2");
    let other = change("CreateNetworkAclEntry", &other);
    check(&stage, &other, &database, Tie::Other);
}

#[test]
fn acl_is_tied_by_the_subnet_where_the_interface_is_unknown() {
    let stage = Stage::configured();
    let denied = change("CreateNetworkAclEntry", &entry("deny", "10.0.0.0/8"));
    let mut database = to_database(Decider::Acl);
    database.place.eni = "eni-new".into();
    let words = own("acl-app is the network ACL of subnet-app");
    check(&stage, &denied, &database, words);
}

#[test]
fn route_is_tied_by_its_table_also_after_a_nat_gateway() {
    let stage = Stage::configured();
    let of = |table: &str| change("DeleteRoute", &route(table, "0.0.0.0/0", ""));
    let words = own("rtb-app is the route table of subnet-app");
    check(&stage, &of("rtb-app"), &to_internet(), words);
    let words = own("packets of subnet-app go through nat-1, and on to igw-1 by rtb-public");
    check(&stage, &of("rtb-public"), &to_internet(), words);
    check(&stage, &of("rtb-3"), &to_internet(), Tie::Other);
    // Packets inside the VPC do not come there.
    let inside = aim(Decider::Routes, true, "10.0.2.7", 443);
    check(&stage, &of("rtb-public"), &inside, Tie::Other);
}

#[test]
fn gateway_is_tied_by_the_routes_to_it() {
    let stage = Stage::configured();
    let request = r#"{"DeleteNatGatewayRequest":{"NatGatewayId":"nat-1"}}"#;
    let deleted = change("DeleteNatGateway", request);
    let words = own("packets of subnet-app go to nat-1 by rtb-app");
    check(&stage, &deleted, &to_internet(), words);
    let other = change("DeleteNatGateway", &request.replace("nat-1", "nat-2"));
    check(&stage, &other, &to_internet(), Tie::Unknown);
    let rejected = to_database(Decider::Filters);
    check(&stage, &deleted, &rejected, Tie::Unknown);
}

#[test]
fn groups_are_tied_to_the_load_balancer_interface_or_instance_that_gets_them() {
    let stage = Stage::configured();
    let set = |id: &str| change("SetSecurityGroups", &balancer_groups(id, "sg-app"));
    let words = own("it names loadbalancer/app/web/50dc");
    check(&stage, &set("app/web/50dc"), &to_balancer(), words);
    check(&stage, &set("app/other/1"), &to_balancer(), Tie::Other);
    let database = to_database(Decider::Filters);
    check(&stage, &set("app/web/50dc"), &database, Tie::Other);
    check(
        &Stage::bare([]),
        &set("app/web/50dc"),
        &database,
        Tie::Unknown,
    );
    let request = r#"{"networkInterfaceId":"eni-1","groupSet":{"items":[{"groupId":"sg-2"}]}}"#;
    let name = "ModifyNetworkInterfaceAttribute";
    check(
        &stage,
        &change(name, request),
        &database,
        own("it names eni-1"),
    );
    let other = request.replace("eni-1", "eni-2");
    check(&stage, &change(name, &other), &database, Tie::Other);
}

#[test]
fn what_earlier_events_say_ties_without_configuration() {
    let associated = r#"{"routeTableId":"rtb-new","subnetId":"subnet-app"}"#;
    let stage = Stage::bare([change("AssociateRouteTable", associated)]);
    let removed = change("DeleteRoute", &route("rtb-new", "0.0.0.0/0", ""));
    let words = own("rtb-new was given to subnet-app");
    check(&stage, &removed, &to_internet(), words);
    let set = change(
        "SetSecurityGroups",
        &balancer_groups("app/web/50dc", "sg-app"),
    );
    let stage = Stage::bare([set]);
    let revoked = change("RevokeSecurityGroupIngress", &rule(443, "0.0.0.0/0"));
    let words = own("sg-app is a security group of eni-lb");
    check(&stage, &revoked, &to_balancer(), words);
}

#[test]
fn other_account_or_region_is_another_place() {
    let mut database = to_database(Decider::Filters);
    let mut revoked = change("RevokeSecurityGroupIngress", &rule(5432, "10.0.0.0/16"));
    (database.place.region, revoked.region) = ("eu-central-1".into(), "us-east-1".into());
    check(&Stage::configured(), &revoked, &database, Tie::Other);
}

#[test]
fn vpc_alone_ties_only_to_the_vpc() {
    let request = r#"{"vpcId":"vpc-1","internetGatewayId":"igw-7"}"#;
    let attached = change("AttachInternetGateway", request);
    check(&Stage::configured(), &attached, &to_internet(), Tie::Vpc);
}
