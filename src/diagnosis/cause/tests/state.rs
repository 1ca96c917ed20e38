//! What only one of the two filters has: connection tracking, and ENIs without a security group.

use super::DB;
use super::archive::{
    Archive,
    AttemptResult::{Lasts, Passes, RejectedIn, RejectedOpen},
};
use crate::diagnosis::finding::{Cause, Certainty};

const CLIENT: &str = "10.0.11.15";
const CACHE: (&str, u16) = ("10.0.21.41", 6379);

#[test]
fn rejected_packets_of_open_connections_prove_an_acl() {
    let mut archive = Archive::default();
    archive.attempts(CLIENT, DB, 4, RejectedOpen(90));
    // The same port passes from elsewhere, which alone would look like the security group.
    archive.attempts("10.0.12.27", DB, 4, Passes);
    let found = archive.check(Cause::AclInbound, Certainty::Proved);
    assert!(found.seen.contains("4 open connections"), "{}", found.seen);
}

#[test]
fn open_connection_that_goes_on_proves_a_security_group() {
    let mut archive = Archive::default();
    archive.attempt((CLIENT, 50_000), DB, 0, Lasts(900));
    for number in 0..4 {
        archive.attempt((CLIENT, 50_001 + number), DB, 300, RejectedIn);
    }
    let found = archive.check(Cause::SecurityGroupInbound, Certainty::Proved);
    assert!(found.seen.contains("go on"), "{}", found.seen);
}

#[test]
fn connection_that_ends_with_the_first_rejection_proves_nothing() {
    let mut archive = Archive::default();
    archive.attempt((CLIENT, 50_000), DB, 0, Lasts(300));
    for number in 0..4 {
        archive.attempt((CLIENT, 50_001 + number), DB, 300, RejectedIn);
    }
    archive.check(Cause::InboundBlocked, Certainty::Proved);
}

#[test]
fn eni_without_a_security_group_is_rejected_by_its_acl() {
    for kind in [
        "nat_gateway",
        "transit_gateway",
        "gateway_load_balancer_endpoint",
    ] {
        let mut archive = Archive::default();
        archive.attempts(CLIENT, ("10.0.21.50", 443), 4, RejectedIn);
        archive.set_kind("10.0.21.50", kind);
        archive.check(Cause::AclInbound, Certainty::Proved);
    }
}

/// Returns an archive in which these hosts of one subnet fail at two roles in two subnets, which
/// serve another subnet.
fn failing_at_two_roles(hosts: &[&str]) -> Archive {
    let mut archive = Archive::default();
    let cache = ("10.0.22.41", CACHE.1);
    for target in [DB, cache] {
        archive.attempts("10.0.12.27", target, 6, Passes);
        for host in hosts {
            archive.attempts(host, target, 4, RejectedIn);
        }
    }
    archive
}

#[test]
fn source_subnet_that_fails_at_different_roles_is_the_acl() {
    failing_at_two_roles(&["10.0.11.15", "10.0.11.16"]).check(Cause::AclInbound, Certainty::Likely);
}

#[test]
fn single_host_that_fails_at_different_roles_is_its_security_group() {
    failing_at_two_roles(&["10.0.11.15"]).check(Cause::SecurityGroupInbound, Certainty::Likely);
}

#[test]
fn other_protocol_of_the_source_subnet_does_not_speak_against_the_acl() {
    let mut archive = failing_at_two_roles(&["10.0.11.15", "10.0.11.16"]);
    archive.datagrams("10.0.11.15", ("10.0.21.45", 53), 4);
    archive.check(Cause::AclInbound, Certainty::Likely);
}

#[test]
fn without_subnets_only_addresses_of_one_smallest_subnet_are_together() {
    for (client, certainty) in [
        ("10.0.21.42", Certainty::Proved),
        ("10.0.21.60", Certainty::Likely),
    ] {
        let mut archive = Archive::default();
        archive.attempts(client, DB, 4, RejectedIn);
        archive.attempts("10.0.12.27", DB, 4, Passes);
        archive.forget_subnets();
        let found = archive.check(Cause::SecurityGroupInbound, certainty);
        let is_inside = found.seen.contains("same subnet");
        assert_eq!(is_inside, certainty == Certainty::Proved, "{}", found.seen);
    }
}

#[test]
fn subnets_that_reject_the_same_at_the_same_ports_share_an_acl() {
    let mut archive = Archive::default();
    for host in ["10.0.21.40", "10.0.22.40"] {
        archive.attempts(CLIENT, (host, 5432), 4, RejectedOpen(90));
    }
    archive.attempts("10.0.12.27", ("10.0.23.40", 5432), 4, RejectedOpen(90));
    let findings = archive.findings();
    let titles: Vec<&str> = findings.iter().map(|found| &*found.title).collect();
    assert_eq!(titles.len(), 2, "{titles:?}");
    assert!(
        titles[0].contains("the network ACL of subnet-21, subnet-22 blocks it"),
        "{titles:?}"
    );
}
