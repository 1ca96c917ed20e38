//! One test for each cause, with the fewest attempts that show it.

mod archive;
mod internet;
mod layer;
mod legs;
mod outage;
mod path;
mod routes;
mod state;

use self::archive::{Archive, AttemptResult};
use crate::diagnosis::finding::{Cause, Certainty};

const DB: (&str, u16) = ("10.0.21.40", 5432);

#[test]
fn other_sources_pass_the_same_eni_so_it_is_the_security_group() {
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 5, AttemptResult::RejectedIn);
    archive.attempts("10.0.12.27", DB, 5, AttemptResult::Passes);
    let found = archive.check(Cause::SecurityGroupInbound, Certainty::Likely);
    assert_eq!((found.count, found.of), (5, 10));
    assert_eq!(
        found.scope.enis.iter().collect::<Vec<_>>(),
        ["eni-10.0.21.40"]
    );
    assert!(
        found.title.contains("application to database"),
        "{}",
        found.title
    );
}

#[test]
fn whole_subnet_fails_so_it_is_the_acl() {
    let mut archive = Archive::default();
    for target in ["10.0.21.40", "10.0.21.41"] {
        archive.attempts("10.0.11.15", (target, 8080), 5, AttemptResult::RejectedIn);
    }
    archive.attempts("10.0.11.15", ("10.0.22.40", 8080), 5, AttemptResult::Passes);
    // ACLs do not apply within a subnet.
    archive.attempts("10.0.21.41", ("10.0.21.40", 9000), 5, AttemptResult::Passes);
    let found = archive.check(Cause::AclInbound, Certainty::Likely);
    assert_eq!(
        found.scope.subnets.iter().collect::<Vec<_>>(),
        ["subnet-21"]
    );
    assert_eq!(found.count, 10);
}

#[test]
fn within_a_subnet_it_is_the_security_group() {
    let mut archive = Archive::default();
    archive.attempts("10.0.21.15", DB, 5, AttemptResult::RejectedIn);
    let found = archive.check(Cause::SecurityGroupInbound, Certainty::Proved);
    assert!(found.seen.contains("same subnet"), "{}", found.seen);
}

#[test]
fn roles_that_share_no_security_group_fail_alike_so_it_is_the_acl() {
    let mut archive = Archive::default();
    for (target, serves) in [("10.0.21.40", 5432), ("10.0.21.41", 6379)] {
        archive.attempts("10.0.11.15", (target, serves), 5, AttemptResult::Passes);
        archive.attempts("10.0.12.27", (target, 9100), 4, AttemptResult::RejectedIn);
    }
    let found = archive.check(Cause::AclInbound, Certainty::Likely);
    assert_eq!(found.count, 8);
}

#[test]
fn port_that_fails_from_outside_the_subnet_only_is_the_acl() {
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 5, AttemptResult::RejectedIn);
    archive.attempts("10.0.11.15", (DB.0, 22), 5, AttemptResult::Passes);
    archive.check(Cause::InboundBlocked, Certainty::Proved);
    archive.attempts("10.0.21.15", DB, 5, AttemptResult::Passes);
    archive.check(Cause::AclInbound, Certainty::Likely);
}

#[test]
fn without_traffic_to_compare_with_it_is_undecided() {
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 5, AttemptResult::RejectedIn);
    archive.check(Cause::InboundBlocked, Certainty::Proved);
}

#[test]
fn what_passed_before_proves_nothing() {
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 3, AttemptResult::Passes);
    for i in 0..3 {
        archive.attempt(
            ("10.0.11.15", 50_000 + i),
            DB,
            600 + 60 * i64::from(i),
            AttemptResult::RejectedIn,
        );
    }
    archive.check(Cause::InboundBlocked, Certainty::Proved);
}

#[test]
fn outbound_layers_are_distinguished_like_inbound_ones() {
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 5, AttemptResult::RejectedOut);
    archive.check(Cause::OutboundBlocked, Certainty::Proved);
    // An ACL may deny one port, and a security group may have no rule for it.
    archive.attempts("10.0.11.15", ("10.0.22.1", 443), 5, AttemptResult::Passes);
    archive.check(Cause::OutboundBlocked, Certainty::Proved);
    archive.attempts("10.0.11.16", DB, 5, AttemptResult::Passes);
    archive.check(Cause::SecurityGroupOutbound, Certainty::Likely);
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 5, AttemptResult::RejectedOut);
    archive.attempts("10.0.11.16", DB, 5, AttemptResult::RejectedOut);
    archive.check(Cause::AclOutbound, Certainty::Likely);
}

#[test]
fn blocked_reply_names_the_ports_that_pass_and_those_that_do_not() {
    let mut archive = Archive::default();
    for i in 0..4 {
        archive.attempt(
            ("10.0.11.15", 60_000 + i),
            DB,
            10,
            AttemptResult::ReplyRejected,
        );
        archive.attempt(("10.0.11.15", 33_000 + i), DB, 10, AttemptResult::Passes);
    }
    let found = archive.check(Cause::AclBlocksReply, Certainty::Proved);
    assert!(
        found.seen.contains("60000-60003") && found.seen.contains("33000-33003"),
        "{}",
        found.seen
    );
    assert!(
        found
            .title
            .ends_with("subnet-21 blocks outbound replies to ports 49152 and above"),
        "{}",
        found.title
    );
}

#[test]
fn no_reply_refusal_and_idle_timeout_each_have_their_cause() {
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 5, AttemptResult::Silent);
    let found = archive.check(Cause::NoReply, Certainty::Likely);
    assert!(
        found.seen.contains("reach the responder's ENI"),
        "{}",
        found.seen
    );
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 5, AttemptResult::Refused);
    archive.check(Cause::Refused, Certainty::Proved);
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 2, AttemptResult::Cut(400));
    let found = archive.check(Cause::IdleTimeout, Certainty::Likely);
    assert!(found.title.contains("350 s"), "{}", found.title);
}

#[test]
fn subnet_without_replies_from_the_internet_is_one_finding() {
    let mut archive = Archive::default();
    for target in ["198.51.100.1", "198.51.100.2", "203.0.113.3"] {
        archive.attempts("10.0.11.15", (target, 443), 2, AttemptResult::Silent);
        archive.attempts("10.0.12.15", (target, 443), 2, AttemptResult::Passes);
    }
    let found = archive.check(Cause::NoReply, Certainty::Likely);
    assert_eq!((found.count, found.scope.to.len()), (6, 3));
    assert!(
        found
            .title
            .starts_with("subnet-11 (zone az2) cannot reach the internet: no reply"),
        "{}",
        found.title
    );
    assert_eq!(archive.findings().len(), 1);
}

#[test]
fn same_source_fails_and_passes_so_it_is_intermittent_and_the_split_is_named() {
    let mut archive = Archive::default();
    for i in 0..20 {
        let (port, at_s) = (
            if i % 2 == 0 { 33_000 } else { 60_000 } + i,
            i64::from(i) * 60,
        );
        archive.attempt(
            ("10.0.11.15", port),
            DB,
            at_s,
            if i % 2 == 0 {
                AttemptResult::Passes
            } else {
                AttemptResult::Refused
            },
        );
    }
    let found = archive.check(Cause::Intermittent, Certainty::Likely);
    assert!(
        found.seen.contains("ports") && found.seen.contains("10 of 10 attempts"),
        "{}",
        found.seen
    );
}

#[test]
fn hosts_of_one_zone_that_fail_are_one_finding_against_those_that_work() {
    let mut archive = Archive::default();
    // The third byte of an address has as many digits as the number of its zone.
    for target in ["10.0.11.40", "10.0.12.41"] {
        archive.attempts("10.0.3.15", (target, 8080), 5, AttemptResult::Silent);
    }
    for target in ["10.0.7.42", "10.0.111.43"] {
        archive.attempts("10.0.3.15", (target, 8080), 5, AttemptResult::Passes);
    }
    // Other clients use another service of it.
    archive.attempts("10.0.4.15", ("10.0.11.40", 9100), 5, AttemptResult::Refused);
    let found = archive.check(Cause::NoReply, Certainty::Likely);
    assert_eq!((found.count, found.of), (10, 20));
    let to: Vec<&String> = found.scope.to.iter().collect();
    assert_eq!(to, ["10.0.11.40", "10.0.12.41"]);
    assert!(
        found.title.contains("2 of 4 hosts, all in zone az2;"),
        "{}",
        found.title
    );
    assert!(
        found
            .seen
            .contains("10.0.7.42, 10.0.111.43 answered 10 attempts"),
        "{}",
        found.seen
    );
    assert_eq!(archive.findings().len(), 2);
}

#[test]
fn refusing_host_is_compared_with_other_hosts_of_its_clients() {
    let mut archive = Archive::default();
    archive.attempts("10.0.3.15", ("10.0.11.40", 8080), 5, AttemptResult::Refused);
    archive.attempts("10.0.3.15", ("10.0.11.41", 8080), 5, AttemptResult::Passes);
    // Used by other clients, or for another service.
    archive.attempts("10.0.4.15", ("10.0.11.42", 8080), 5, AttemptResult::Passes);
    archive.attempts("10.0.3.15", ("10.0.11.43", 9000), 5, AttemptResult::Passes);
    let found = archive.check(Cause::Refused, Certainty::Proved);
    assert_eq!((found.count, found.of), (5, 10));
    assert!(
        found.title.contains("(1 of 2 hosts; the others work)"),
        "{}",
        found.title
    );
    assert!(
        found.seen.contains("10.0.11.41 answered 5"),
        "{}",
        found.seen
    );
}

#[test]
fn healthy_network_with_noise_has_only_possible_findings() {
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", DB, 50, AttemptResult::Passes);
    archive.attempts("10.0.11.15", DB, 1, AttemptResult::Refused);
    for port in 1..30 {
        archive.attempt(
            ("203.0.113.66", 61_000),
            ("10.0.1.20", port),
            100,
            AttemptResult::RejectedIn,
        );
    }
    archive.attempt(
        ("203.0.113.67", 61_000),
        ("10.0.1.20", 22),
        100,
        AttemptResult::RejectedIn,
    );
    let findings = archive.findings();
    assert!(
        findings
            .iter()
            .all(|finding| finding.certainty == Certainty::Possible),
        "{findings:#?}"
    );
    assert!(
        findings.iter().any(|finding| finding.cause == Cause::Scan),
        "{findings:#?}"
    );
}

#[test]
fn scan_from_inside_is_reported_and_hides_no_other_failure() {
    let mut archive = Archive::default();
    for port in 1..30 {
        archive.attempt(
            ("10.0.11.99", 61_000),
            ("10.0.21.40", port),
            100,
            AttemptResult::RejectedIn,
        );
    }
    let found = archive.check(Cause::Scan, Certainty::Likely);
    assert_eq!(found.count, 29);
    assert!(found.scope.enis.contains("eni-10.0.11.99"), "{found:#?}");
    // A compromised host continues its normal work.
    archive.attempts("10.0.11.99", ("10.0.22.1", 443), 90, AttemptResult::Passes);
    let first = archive.check(Cause::Scan, Certainty::Likely);
    assert_eq!(first.count, 29);
    archive.attempts("10.0.11.15", DB, 40, AttemptResult::RejectedIn);
    archive.check(Cause::InboundBlocked, Certainty::Proved);
}

#[test]
fn similar_findings_beyond_one_page_are_merged() {
    let mut archive = Archive::default();
    for i in 0..60 {
        let (from, to) = (format!("10.0.{i}.15"), format!("10.0.{i}.40"));
        archive.attempts(&from, (&to, 8000 + i), 5, AttemptResult::Refused);
    }
    // A finding of another kind is kept in full, wherever it is in the list.
    archive.attempts("10.0.99.15", DB, 5, AttemptResult::RejectedIn);
    let findings = archive.findings();
    assert_eq!(findings.len(), 50);
    assert_eq!(findings[0].cause, Cause::InboundBlocked);
    assert_eq!(findings.iter().map(|f| f.count).sum::<u64>(), 61 * 5);
    let rest = findings.last().unwrap();
    assert_eq!((rest.alike.len(), rest.count, rest.of), (12, 60, 60));
    assert_eq!(rest.title, "12 more services refuse connections");
    assert!(rest.alike.iter().all(|brief| brief.count == 5));
    assert!(findings[..49].iter().all(|f| f.alike.is_empty()));
}
