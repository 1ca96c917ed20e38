//! One test for each rule of [`layer`](super::super::layer): which layer rejects, and why.
//!
//! The layers work as in the VPC User Guide: a security group belongs to ENIs and allows by
//! address and port; a network ACL belongs to a subnet, filters by address range and port, and only
//! traffic that enters or leaves the subnet.

use std::collections::BTreeSet;

use super::archive::{Archive, AttemptResult};
use crate::diagnosis::attempt_index::Roles;
use crate::diagnosis::attempt_index::{AttemptIndex, End, grouped};
use crate::diagnosis::cause::blocked::rejecting_eni;
use crate::diagnosis::cause::layer::{Case, FilterLayer};

use AttemptResult::{Passes, RejectedIn, RejectedOut};

/// The database whose ENI rejects, another host in its subnet, and one in another subnet.
const DB: (&str, u16) = ("10.0.21.40", 5432);
const SIBLING: &str = "10.0.21.41";
const ELSEWHERE: &str = "10.0.22.40";

/// The client that is rejected, a neighbor in its subnet, and a client in another subnet.
const CLIENT: &str = "10.0.11.15";
const NEIGHBOR: &str = "10.0.11.16";
const STRANGER: &str = "10.0.12.27";

/// An attempt: source, destination and result.
type Tried<'a> = (&'a str, (&'a str, u16), AttemptResult);

/// Makes five of each attempt, one minute apart, and fewer of failed ones: the most used service of an ENI is its role.
fn archive(tried: &[Tried<'_>]) -> Archive {
    let mut archive = Archive::default();
    for (from, to, result) in tried {
        let count = if *result == Passes { 5 } else { 4 };
        archive.attempts(from, *to, count, *result);
    }
    archive
}

/// Asserts the layer that rejects at one ENI, and part of the reason.
#[track_caller]
fn check_at(mut archive: Archive, (end, address): (End, &str), layer: FilterLayer, why: &str) {
    let eni = archive.eni(address).unwrap();
    let tally = archive.tally();
    let attempts = AttemptIndex::new(&tally, None, archive.enis(), &BTreeSet::new());
    let roles = Roles::new(&attempts);
    let failing = grouped(attempts.all(), |entry| rejecting_eni(end, entry));
    let found = Case::new(&attempts, &roles, end, &failing).decide(eni);
    assert_eq!(found.layer, layer, "{}", found.why);
    assert!(found.why.contains(why), "{}", found.why);
}

/// Asserts the same at the database, for inbound requests.
#[track_caller]
fn check_in(tried: &[Tried<'_>], layer: FilterLayer, why: &str) {
    check_at(archive(tried), (End::Target, DB.0), layer, why);
}

/// Asserts the same at the client, for outbound requests.
#[track_caller]
fn check_out(tried: &[Tried<'_>], layer: FilterLayer, why: &str) {
    check_at(archive(tried), (End::Source, CLIENT), layer, why);
}

#[test]
fn acls_do_not_apply_within_one_subnet() {
    check_in(
        &[("10.0.21.15", DB, RejectedIn)],
        FilterLayer::SecurityGroup,
        "same subnet, where network ACLs do not apply",
    );
}

#[test]
fn acl_that_lets_the_same_host_in_to_another_eni_did_not_reject_it() {
    check_in(
        &[(CLIENT, DB, RejectedIn), (CLIENT, (SIBLING, DB.1), Passes)],
        FilterLayer::SecurityGroup,
        "at the same time TCP 5432 (PostgreSQL) from 10.0.11.15 is accepted at eni-10.0.21.41",
    );
}

#[test]
fn acl_that_lets_the_same_network_in_did_not_reject_it() {
    for target in [DB.0, SIBLING] {
        check_in(
            &[(CLIENT, DB, RejectedIn), (NEIGHBOR, (target, DB.1), Passes)],
            FilterLayer::SecurityGroup,
            "at the same time TCP 5432 (PostgreSQL) from 10.0.11.16 is accepted",
        );
    }
}

#[test]
fn acl_that_lets_a_neighbor_out_did_not_reject_it() {
    check_out(
        &[(CLIENT, DB, RejectedOut), (NEIGHBOR, DB, Passes)],
        FilterLayer::SecurityGroup,
        "at the same time TCP 5432 (PostgreSQL) to 10.0.21.40 is accepted outbound at eni-10.0.11.16",
    );
    check_out(
        &[
            (CLIENT, ("198.51.100.1", 443), RejectedOut),
            (NEIGHBOR, ("203.0.113.3", 443), Passes),
        ],
        FilterLayer::SecurityGroup,
        "at the same time TCP 443 (HTTPS) to 203.0.113.3 is accepted outbound at eni-10.0.11.16",
    );
}

#[test]
fn packets_rejected_at_the_other_end_only_were_accepted_outbound() {
    check_out(
        &[(CLIENT, DB, RejectedOut), (NEIGHBOR, DB, RejectedIn)],
        FilterLayer::SecurityGroup,
        "at the same time TCP 5432 (PostgreSQL) to 10.0.21.40 is accepted outbound at eni-10.0.11.16",
    );
}

#[test]
fn proof_against_an_acl_outweighs_evidence_for_one() {
    let [_, sibling] = TWO_ROLES;
    check_in(
        &[
            (CLIENT, DB, RejectedIn),
            (CLIENT, ("10.0.21.42", DB.1), Passes),
            sibling,
            ("10.0.13.15", (DB.0, 9300), RejectedIn),
            ("10.0.13.15", (SIBLING, 9300), RejectedIn),
        ],
        FilterLayer::SecurityGroup,
        "at the same time TCP 5432 (PostgreSQL) from 10.0.11.15 is accepted at eni-10.0.21.42",
    );
}

#[test]
fn traffic_across_the_boundary_of_another_subnet_is_not_evidence() {
    check_in(
        &[
            (CLIENT, DB, RejectedIn),
            (CLIENT, (ELSEWHERE, DB.1), Passes),
        ],
        FilterLayer::Undecided,
        "nothing else passes this ENI or its subnet at that time",
    );
}

#[test]
fn port_and_network_that_pass_but_not_together_are_the_security_group() {
    let (port, network) = (
        (STRANGER, (SIBLING, DB.1), Passes),
        (CLIENT, (SIBLING, 8080), Passes),
    );
    check_in(
        &[(CLIENT, DB, RejectedIn), port, network],
        FilterLayer::SecurityGroup,
        "at the same time TCP 5432 (PostgreSQL) from 10.0.12.27 is accepted at eni-10.0.21.41",
    );
    for one in [port, network] {
        check_in(
            &[(CLIENT, DB, RejectedIn), one],
            FilterLayer::Undecided,
            "so it is unknown which",
        );
    }
}

#[test]
fn port_that_passes_at_the_same_eni_is_the_security_group() {
    check_in(
        &[(CLIENT, DB, RejectedIn), (STRANGER, DB, Passes)],
        FilterLayer::SecurityGroup,
        "at the same time TCP 5432 (PostgreSQL) from 10.0.12.27 is accepted at the same ENI",
    );
}

/// The database and a host with another service.
const TWO_ROLES: [Tried<'_>; 2] = [(STRANGER, DB, Passes), (STRANGER, (SIBLING, 6379), Passes)];

#[test]
fn port_that_fails_at_enis_of_different_roles_is_the_acl() {
    let [db, sibling] = TWO_ROLES;
    check_in(
        &[
            db,
            sibling,
            (CLIENT, (DB.0, 9100), RejectedIn),
            ("10.0.13.15", (SIBLING, 9100), RejectedIn),
        ],
        FilterLayer::Acl,
        "eni-10.0.21.41, which has a different role, rejects the same kind",
    );
}

#[test]
fn port_that_fails_at_different_roles_of_two_subnets_is_the_acl() {
    check_in(
        &[
            (STRANGER, DB, Passes),
            (STRANGER, (ELSEWHERE, 6379), Passes),
            (CLIENT, (DB.0, 9100), RejectedIn),
            ("10.0.13.15", (ELSEWHERE, 9100), RejectedIn),
        ],
        FilterLayer::Acl,
        "eni-10.0.22.40, which has a different role, rejects the same kind",
    );
}

#[test]
fn failure_within_a_subnet_is_not_similar() {
    let [db, sibling] = TWO_ROLES;
    check_in(
        &[
            db,
            sibling,
            (CLIENT, (DB.0, 9100), RejectedIn),
            ("10.0.21.15", (SIBLING, 9100), RejectedIn),
        ],
        FilterLayer::Undecided,
        "fits both filters",
    );
}

#[test]
fn network_that_fails_at_enis_of_different_roles_is_the_acl() {
    let [db, sibling] = TWO_ROLES;
    check_in(
        &[
            db,
            sibling,
            (CLIENT, (DB.0, 9100), RejectedIn),
            (NEIGHBOR, (SIBLING, 9200), RejectedIn),
        ],
        FilterLayer::Acl,
        "eni-10.0.21.41, which has a different role, rejects the same kind",
    );
}

#[test]
fn enis_of_one_role_may_share_the_security_group_that_rejects() {
    check_in(
        &[
            (STRANGER, DB, Passes),
            (STRANGER, (SIBLING, DB.1), Passes),
            (CLIENT, (DB.0, 9100), RejectedIn),
            (CLIENT, (SIBLING, 9100), RejectedIn),
        ],
        FilterLayer::Undecided,
        "fits both filters",
    );
}

#[test]
fn acl_that_lets_port_and_network_in_does_not_explain_different_roles() {
    let [db, sibling] = TWO_ROLES;
    check_in(
        &[
            db,
            sibling,
            (CLIENT, (DB.0, 9100), RejectedIn),
            (CLIENT, (SIBLING, 9100), RejectedIn),
            (STRANGER, ("10.0.21.42", 9100), Passes),
            (CLIENT, ("10.0.21.42", 7000), Passes),
        ],
        FilterLayer::SecurityGroup,
        "at the same time TCP 9100 from 10.0.12.27 is accepted at eni-10.0.21.42",
    );
}

#[test]
fn service_that_is_reached_only_within_the_subnet_is_blocked_by_an_acl() {
    check_in(
        &[
            (CLIENT, DB, RejectedIn),
            (CLIENT, (DB.0, 22), Passes),
            ("10.0.21.15", DB, Passes),
        ],
        FilterLayer::Acl,
        "only traffic that crosses the subnet boundary fails: within the subnet, TCP 5432 (PostgreSQL) from 10.0.21.15 is accepted at the same ENI",
    );
}

#[test]
fn service_that_another_role_reaches_within_the_subnet_proves_no_acl() {
    check_in(
        &[
            (CLIENT, DB, RejectedIn),
            (CLIENT, (DB.0, 22), Passes),
            ("10.0.21.15", DB, Passes),
            // The host inside has a service that the client does not have.
            (STRANGER, ("10.0.21.15", 80), Passes),
        ],
        FilterLayer::Undecided,
        "fits both filters",
    );
}

#[test]
fn subnet_whose_boundary_nothing_crosses_has_an_acl_that_rejects() {
    check_in(
        &[
            (CLIENT, DB, RejectedIn),
            (CLIENT, (SIBLING, DB.1), RejectedIn),
        ],
        FilterLayer::Acl,
        "2 ENIs of the subnet reject traffic, and nothing crosses the subnet boundary at that time",
    );
    check_in(
        &[(CLIENT, DB, RejectedIn)],
        FilterLayer::Undecided,
        "nothing else passes this ENI or its subnet at that time",
    );
}

#[test]
fn failing_enis_of_two_subnets_are_not_a_failing_subnet() {
    check_in(
        &[
            (CLIENT, DB, RejectedIn),
            (CLIENT, (ELSEWHERE, DB.1), RejectedIn),
        ],
        FilterLayer::Undecided,
        "nothing else passes this ENI or its subnet at that time",
    );
}

#[test]
fn subnet_that_fails_while_others_do_not_has_an_acl_that_rejects() {
    let subnet_fails = [
        (CLIENT, DB, RejectedIn),
        (CLIENT, (SIBLING, DB.1), RejectedIn),
        (STRANGER, (SIBLING, 22), Passes),
        (STRANGER, (DB.0, 22), Passes),
    ];
    let elsewhere = (CLIENT, (ELSEWHERE, DB.1), Passes);
    check_in(
        &[subnet_fails.as_slice(), &[elsewhere]].concat(),
        FilterLayer::Acl,
        "every ENI of the subnet that was tried rejects it, ENIs of other subnets do not",
    );
    check_in(&subnet_fails, FilterLayer::Undecided, "fits both filters");
    let one_works = (STRANGER, ("10.0.21.42", DB.1), Passes);
    check_in(
        &[subnet_fails.as_slice(), &[elsewhere, one_works]].concat(),
        FilterLayer::Undecided,
        "fits both filters",
    );
}

#[test]
fn traffic_that_passed_before_the_rule_was_removed_proves_nothing() {
    let later = |from: &str, to: (&str, u16)| {
        let mut archive = archive(&[(from, to, Passes)]);
        for i in 0..5 {
            let at_s = 3_600 + 60 * i64::from(i);
            archive.attempt((CLIENT, 50_000 + i), DB, at_s, RejectedIn);
        }
        archive
    };
    // At the same time, each of these would decide.
    for (from, to) in [
        (CLIENT, (SIBLING, DB.1)),
        (STRANGER, DB),
        ("10.0.21.15", DB),
    ] {
        check_at(
            later(from, to),
            (End::Target, DB.0),
            FilterLayer::Undecided,
            "nothing else passes this ENI or its subnet at that time",
        );
    }
}

#[test]
fn without_a_direction_nothing_is_decided() {
    let mut archive = archive(&[(CLIENT, DB, RejectedIn), (STRANGER, DB, Passes)]);
    archive.forget_directions();
    check_at(
        archive,
        (End::Target, DB.0),
        FilterLayer::Undecided,
        "no record shows the direction",
    );
}
