//! Routes: subnets that are cut off, replies that do not come back, and what failing sources share.

use super::DB;
use super::archive::{
    Archive,
    AttemptResult::{Passes, ReplyLost, Silent},
};
use crate::diagnosis::finding::{Cause, Certainty};
use crate::flow::TrafficPath;

const SITES: [&str; 3] = ["198.51.100.1", "198.51.100.2", "203.0.113.3"];
/// A host of another network, without an ENI.
const OFFICE: &str = "192.168.7.20";

/// Adds attempts of a host to all sites.
fn calls(archive: &mut Archive, from: &str, result: super::AttemptResult) {
    for site in SITES {
        archive.attempts(from, (site, 443), 3, result);
    }
}

#[test]
fn subnet_that_reaches_only_a_gateway_endpoint_is_cut_off() {
    let mut archive = Archive::default();
    calls(&mut archive, "10.0.11.15", Silent);
    calls(&mut archive, "10.0.11.16", Silent);
    calls(&mut archive, "10.0.12.15", Passes);
    archive.attempts("10.0.11.15", ("52.218.0.14", 443), 9, Passes);
    let found = archive.check(Cause::NoReply, Certainty::Likely);
    assert_eq!(found.count, 18);
    assert!(
        found
            .title
            .starts_with("subnet-11 (zone az2) cannot reach 198.51.100.1, 198.51.100.2, 203.0.113.3 on the internet"),
        "{}",
        found.title
    );
    assert!(
        found
            .seen
            .contains("1 host with public addresses still answer"),
        "{}",
        found.seen
    );
    assert!(
        found.seen.contains("subnet-12 reaches the internet"),
        "{}",
        found.seen
    );
    assert_eq!(archive.findings().len(), 1);
}

#[test]
fn subnets_that_are_cut_off_together_are_one_finding() {
    let mut archive = Archive::default();
    for source in ["10.0.11.15", "10.0.12.15"] {
        calls(&mut archive, source, Silent);
    }
    calls(&mut archive, "10.0.13.15", Passes);
    let found = archive.check(Cause::NoReply, Certainty::Likely);
    assert!(
        found
            .title
            .starts_with("subnet-11, subnet-12 (zone az2) cannot reach the internet"),
        "{}",
        found.title
    );
    assert_eq!(archive.findings().len(), 1);
}

#[test]
fn hosts_that_fail_from_everywhere_cut_off_no_subnet() {
    let mut archive = Archive::default();
    for source in ["10.0.11.15", "10.0.12.15"] {
        archive.attempts(source, (SITES[0], 443), 3, Silent);
        archive.attempts(source, (SITES[1], 443), 3, Silent);
        archive.attempts(source, (SITES[2], 443), 3, Passes);
    }
    let found = archive.findings();
    assert!(
        found.iter().all(|found| !found.title.contains("subnet-1")),
        "{found:#?}"
    );
}

#[test]
fn without_subnets_the_block_of_addresses_is_named() {
    let mut archive = Archive::default();
    calls(&mut archive, "10.0.11.15", Silent);
    calls(&mut archive, "10.0.12.15", Passes);
    archive.forget_subnets();
    let found = archive.check(Cause::NoReply, Certainty::Likely);
    assert!(
        found
            .title
            .starts_with("10.0.11.0/24 cannot reach the internet"),
        "{}",
        found.title
    );
}

#[test]
fn failing_sources_of_one_subnet_are_named_by_it() {
    let mut archive = Archive::default();
    for source in ["10.0.11.15", "10.0.11.16"] {
        archive.attempts(source, DB, 4, Silent);
    }
    archive.attempts("10.0.12.15", DB, 4, Passes);
    let found = archive.check(Cause::NoReply, Certainty::Likely);
    assert!(
        found.title.contains("(from subnet-11; others connect)"),
        "{}",
        found.title
    );
}

#[test]
fn failing_sources_with_nothing_in_common_are_not() {
    let mut archive = Archive::default();
    for source in ["10.0.11.15", "10.0.13.16"] {
        archive.attempts(source, DB, 4, Silent);
    }
    archive.attempts("10.0.11.17", DB, 4, Passes);
    let found = archive.check(Cause::NoReply, Certainty::Likely);
    assert!(!found.title.contains("others connect"), "{}", found.title);
}

#[test]
fn reply_that_never_reaches_the_gateway_has_no_way_back() {
    let mut archive = Archive::default();
    archive.attempts(OFFICE, DB, 4, ReplyLost);
    let found = archive.check(Cause::NoWayBack, Certainty::Likely);
    assert!(
        found
            .seen
            .contains("eni-10.0.9.9 logs the requests and no reply"),
        "{}",
        found.seen
    );
}

#[test]
fn reply_that_stays_in_the_vpc_shows_an_overlap() {
    let mut archive = Archive::default();
    archive.attempts(OFFICE, DB, 4, ReplyLost);
    archive.set_path(DB.0, TrafficPath::SameVpc);
    archive.check(Cause::CidrOverlap, Certainty::Likely);
    // Other subnets reach the office, so the local route does not claim its addresses.
    archive.attempts(OFFICE, ("10.0.22.40", 5432), 4, Passes);
    archive.check(Cause::NoWayBack, Certainty::Likely);
}

#[test]
fn reply_on_another_way_is_asymmetric_and_one_to_the_internet_has_no_route() {
    for (way, cause) in [
        (TrafficPath::VirtualPrivateGateway, Cause::ReplyElsewhere),
        (TrafficPath::InternetGateway, Cause::NoWayBack),
    ] {
        let mut archive = Archive::default();
        archive.attempts(OFFICE, DB, 4, ReplyLost);
        archive.set_path("10.0.9.9", TrafficPath::SameVpc);
        archive.set_path(DB.0, way);
        archive.check(cause, Certainty::Likely);
    }
}

#[test]
fn both_directions_between_two_networks_are_one_finding() {
    let mut archive = Archive::default();
    archive.attempts(OFFICE, DB, 6, ReplyLost);
    archive.attempts(DB.0, ("192.168.7.30", 389), 4, Silent);
    let found = archive.check(Cause::NoWayBack, Certainty::Likely);
    assert_eq!(found.count, 10);
    assert!(
        found
            .seen
            .contains("4 attempts from 10.0.21.40 to 192.168.7.30 on TCP 389 (LDAP) fail as well"),
        "{}",
        found.seen
    );
    assert_eq!(archive.findings().len(), 1);
}

#[test]
fn request_that_stays_in_the_vpc_for_an_address_without_an_eni_says_so() {
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", ("192.168.7.30", 389), 4, Silent);
    archive.set_path("10.0.11.15", TrafficPath::SameVpc);
    let found = archive.check(Cause::NoReply, Certainty::Likely);
    assert!(
        found
            .seen
            .contains("or the addresses of another network overlap with the VPC"),
        "{}",
        found.seen
    );
}

#[test]
fn eni_that_takes_in_requests_to_several_hosts_is_not_the_responder() {
    let mut archive = Archive::default();
    for host in ["192.168.7.30", "192.168.7.31"] {
        archive.attempts_into("10.0.9.9", ("10.0.11.15", (host, 389)), 4, Silent);
    }
    let found = archive.check(Cause::NoReply, Certainty::Likely);
    assert!(
        found
            .seen
            .contains("they reach eni-10.0.9.9, which must forward them"),
        "{}",
        found.seen
    );
}
