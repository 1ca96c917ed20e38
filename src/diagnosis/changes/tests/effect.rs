//! Whether a change breaks or mends what packets need.

use super::*;
use crate::configuration::Fit;

#[track_caller]
fn check(stage: &Stage, change: &Change, aim: &Aim, breaks: Fit, mends: Fit) {
    let fits = |effect| stage.scene(effect).fits(change, aim);
    let found = (fits(Effect::Breaks), fits(Effect::Mends));
    assert_eq!(found, (breaks, mends), "{}", change.in_words());
}

#[test]
fn rule_that_admits_packets_mends_when_added_and_breaks_when_removed() {
    let stage = Stage::bare([]);
    let database = to_database(Decider::Filters);
    let fits = rule(5432, "10.0.0.0/16");
    let revoked = change("RevokeSecurityGroupIngress", &fits);
    check(&stage, &revoked, &database, Fit::Yes, Fit::No);
    let added = change("AuthorizeSecurityGroupIngress", &fits);
    check(&stage, &added, &database, Fit::No, Fit::Yes);
    let outbound = change("RevokeSecurityGroupEgress", &fits);
    check(&stage, &outbound, &database, Fit::No, Fit::No);
    for other in [rule(5433, "10.0.0.0/16"), rule(5432, "10.0.3.0/24")] {
        let other = change("RevokeSecurityGroupIngress", &other);
        check(&stage, &other, &database, Fit::No, Fit::No);
    }
}

#[test]
fn entry_that_denies_breaks_when_added_and_mends_when_removed() {
    let stage = Stage::bare([]);
    let deny = change("CreateNetworkAclEntry", &entry("deny", "10.0.2.0/24"));
    let allow = change("CreateNetworkAclEntry", &entry("allow", "10.0.2.0/24"));
    for decider in [Decider::Filters, Decider::Acl] {
        check(&stage, &deny, &to_database(decider), Fit::Yes, Fit::No);
        check(&stage, &allow, &to_database(decider), Fit::No, Fit::Yes);
    }
    // The event has only the number of what is removed.
    let removed = change("DeleteNetworkAclEntry", &entry("deny", "10.0.2.0/24"));
    let database = to_database(Decider::Acl);
    check(&stage, &removed, &database, Fit::Maybe, Fit::Maybe);
}

#[test]
fn group_does_not_decide_about_replies() {
    let revoked = change("RevokeSecurityGroupIngress", &rule(5432, "10.0.0.0/16"));
    let replies = to_database(Decider::Acl);
    check(&Stage::bare([]), &revoked, &replies, Fit::No, Fit::No);
}

#[test]
fn route_breaks_when_removed_or_replaced_and_may_when_added() {
    let stage = Stage::bare([]);
    let internet = to_internet();
    let of = |name: &str, range: &str| change(name, &route("rtb-app", range, "nat-1"));
    for (name, breaks, mends) in [
        ("DeleteRoute", Fit::Yes, Fit::Maybe),
        ("ReplaceRoute", Fit::Yes, Fit::Yes),
        ("CreateRoute", Fit::Maybe, Fit::Yes),
    ] {
        check(&stage, &of(name, "0.0.0.0/0"), &internet, breaks, mends);
        check(
            &stage,
            &of(name, "203.0.113.0/24"),
            &internet,
            Fit::No,
            Fit::No,
        );
    }
    let rejected = to_database(Decider::Filters);
    check(
        &stage,
        &of("DeleteRoute", "0.0.0.0/0"),
        &rejected,
        Fit::No,
        Fit::No,
    );
}

#[test]
fn gateway_that_packets_need_breaks_when_it_is_deleted() {
    let stage = Stage::configured();
    let nat = r#"{"DeleteNatGatewayRequest":{"NatGatewayId":"nat-1"}}"#;
    let deleted = change("DeleteNatGateway", nat);
    check(&stage, &deleted, &to_internet(), Fit::Yes, Fit::Maybe);
    let detached = r#"{"internetGatewayId":"igw-1","vpcId":"vpc-1"}"#;
    let detached = change("DetachInternetGateway", detached);
    check(&stage, &detached, &to_internet(), Fit::Yes, Fit::Maybe);
    // Another one, packets inside the VPC, and a network that is unknown.
    let other = change("DeleteNatGateway", &nat.replace("nat-1", "nat-2"));
    check(&stage, &other, &to_internet(), Fit::Maybe, Fit::Maybe);
    let inside = aim(Decider::Routes, true, "10.0.2.7", 443);
    check(&stage, &deleted, &inside, Fit::Maybe, Fit::Maybe);
    check(
        &Stage::bare([]),
        &deleted,
        &to_internet(),
        Fit::Maybe,
        Fit::Maybe,
    );
    check(
        &stage,
        &deleted,
        &to_database(Decider::Filters),
        Fit::No,
        Fit::No,
    );
}

#[test]
fn groups_that_a_load_balancer_gets_are_evaluated() {
    let stage = Stage::configured();
    let request = balancer_groups("app/web/50dc", "sg-app");
    let set = change("SetSecurityGroups", &request);
    check(&stage, &set, &to_balancer(), Fit::Yes, Fit::No);
    let mut database = to_balancer();
    database.packets = to_database(Decider::Filters).packets;
    check(&stage, &set, &database, Fit::No, Fit::Yes);
    check(
        &Stage::bare([]),
        &set,
        &to_balancer(),
        Fit::Maybe,
        Fit::Maybe,
    );
}

#[test]
fn host_breaks_when_it_stops_and_mends_when_it_starts() {
    let stage = Stage::bare([]);
    let request = r#"{"instancesSet":{"items":[{"instanceId":"i-1"}]}}"#;
    let host = to_database(Decider::Host);
    let stopped = change("StopInstances", request);
    check(&stage, &stopped, &host, Fit::Yes, Fit::Maybe);
    let started = change("StartInstances", request);
    check(&stage, &started, &host, Fit::Maybe, Fit::Yes);
    check(&stage, &stopped, &to_internet(), Fit::No, Fit::No);
}

#[test]
fn only_the_setting_that_records_name_decides_for_the_whole_vpc() {
    let stage = Stage::bare([]);
    let request = r#"{"ModifyVpcBlockPublicAccessOptionsRequest":{"InternetGatewayBlockMode":"block-ingress"}}"#;
    let blocked = change("ModifyVpcBlockPublicAccessOptions", request);
    let public = to_database(Decider::PublicAccess);
    check(&stage, &blocked, &public, Fit::Yes, Fit::Yes);
    let encryption = to_database(Decider::Encryption);
    check(&stage, &blocked, &encryption, Fit::No, Fit::No);
}
