//! Both legs of a connection through a load balancer or a NAT gateway.

use super::archive::{
    Archive,
    AttemptResult::{Passes, RejectedIn, Silent},
};
use crate::diagnosis::finding::{Cause, Certainty};

const CLIENT: &str = "10.0.11.15";
const BALANCER: (&str, u16) = ("10.0.1.9", 443);
const TARGET: (&str, u16) = ("10.0.21.40", 8443);
const NAT: &str = "10.0.1.40";
const SITE: (&str, u16) = ("203.0.113.9", 443);

#[test]
fn request_through_a_load_balancer_fails_once() {
    let mut archive = Archive::default();
    archive.attempts(CLIENT, BALANCER, 5, Silent);
    archive.attempts_through(BALANCER.0, (CLIENT, TARGET), 5, RejectedIn);
    let found = archive.check(Cause::InboundBlocked, Certainty::Proved);
    assert!(
        found.seen.contains(
            "5 attempts to 10.0.1.9 on TCP 443 (HTTPS), which passes them on, fail with them"
        ),
        "{}",
        found.seen
    );
    assert_eq!(archive.findings().len(), 1);
}

#[test]
fn host_that_calls_others_on_its_own_passes_nothing_on() {
    let mut archive = Archive::default();
    archive.attempts(CLIENT, BALANCER, 5, Silent);
    archive.attempts(BALANCER.0, TARGET, 5, RejectedIn);
    assert_eq!(archive.findings().len(), 2);
    // A load balancer opens the second leg itself.
    archive.set_kind(BALANCER.0, "network_load_balancer");
    assert_eq!(archive.findings().len(), 1);
}

/// Adds attempts of a client through the NAT gateway, as the default format logs them: the ENI of
/// the gateway logs its own address as their destination.
fn through_nat(archive: &mut Archive, client: &str, site: (&str, u16), count: u16, fails: bool) {
    let result = if fails { Silent } else { Passes };
    archive.attempts(client, site, count, result);
    archive.attempts_at_target(client, (NAT, site.1), count, result);
    if !fails {
        archive.attempts(NAT, site, count, result);
    }
}

#[test]
fn leg_to_a_nat_gateway_is_no_finding_of_its_own() {
    let mut archive = Archive::default();
    through_nat(&mut archive, CLIENT, SITE, 5, true);
    archive.set_kind(NAT, "nat_gateway");
    let found = archive.check(Cause::NoReply, Certainty::Likely);
    assert_eq!(found.count, 5);
    assert!(
        found
            .seen
            .contains("they reach the NAT gateway eni-10.0.1.40"),
        "{}",
        found.seen
    );
    assert_eq!(archive.findings().len(), 1);
}

#[test]
fn requests_to_one_destination_that_do_not_leave_the_nat_gateway_lack_ports() {
    let mut archive = Archive::default();
    for client in ["10.0.11.15", "10.0.11.16", "10.0.12.17"] {
        through_nat(&mut archive, client, SITE, 20, false);
        through_nat(&mut archive, client, SITE, 8, true);
        through_nat(&mut archive, client, ("198.51.100.7", 443), 20, false);
    }
    archive.set_kind(NAT, "nat_gateway");
    let found = archive.check(Cause::NatPorts, Certainty::Likely);
    assert_eq!(found.count, 24);
    assert_eq!(found.scope.to.iter().collect::<Vec<_>>(), [SITE.0]);
    // What leaves the gateway without a reply fails at the destination.
    archive.attempts(NAT, SITE, 24, Silent);
    archive.check(Cause::Intermittent, Certainty::Likely);
}

#[test]
fn destination_without_a_passing_neighbor_shows_no_lack_of_ports() {
    let mut archive = Archive::default();
    for client in ["10.0.11.15", "10.0.11.16", "10.0.12.17"] {
        through_nat(&mut archive, client, SITE, 20, false);
        through_nat(&mut archive, client, SITE, 8, true);
    }
    archive.set_kind(NAT, "nat_gateway");
    archive.check(Cause::Intermittent, Certainty::Likely);
}

#[test]
fn attempts_without_a_record_of_their_rejection_are_no_other_fault() {
    let mut archive = Archive::default();
    archive.attempts(CLIENT, TARGET, 9, RejectedIn);
    archive.attempt((CLIENT, 39_000), TARGET, 100, Silent);
    archive.attempt((CLIENT, 39_001), TARGET, 200, Silent);
    let found = archive.check(Cause::InboundBlocked, Certainty::Proved);
    assert_eq!(found.count, 9);
    assert_eq!(archive.findings().len(), 1);
}
