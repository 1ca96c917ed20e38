//! Attempts from the internet: floods, rejected addresses, and NAT gateways.

use super::archive::{
    Archive,
    AttemptResult::{self, Passes, RejectedIn, Silent},
};
use crate::diagnosis::finding::{Cause, Certainty};

const WEB: (&str, u16) = ("10.0.1.20", 443);
const BASTION: (&str, u16) = ("10.0.1.30", 22);

/// Makes one attempt from each of so many addresses, one every `every_s` seconds.
fn sources(archive: &mut Archive, count: i64, every_s: i64, result: AttemptResult) {
    for number in 0..count {
        let source = format!("198.51.{}.{}", 100 + number / 200, 1 + number % 200);
        archive.attempt((&source, 40_000), WEB, number * every_s, result);
    }
}

#[test]
fn very_many_sources_without_a_handshake_are_a_flood() {
    let mut archive = Archive::default();
    sources(&mut archive, 600, 0, Silent);
    archive.attempts("10.0.11.15", WEB, 4, Passes);
    let found = archive.check(Cause::SynFlood, Certainty::Likely);
    assert_eq!(found.count, 600);
    assert_eq!(archive.findings().len(), 1, "{:#?}", archive.findings());
}

#[test]
fn few_or_slow_sources_are_no_flood() {
    for (count, every_s) in [(100, 0), (600, 30)] {
        let mut archive = Archive::default();
        sources(&mut archive, count, every_s, Silent);
        let causes: Vec<Cause> = archive.findings().iter().map(|f| f.cause).collect();
        assert!(!causes.contains(&Cause::SynFlood), "{causes:?}");
    }
}

#[test]
fn outside_address_that_is_always_rejected_at_one_service_is_named() {
    let mut archive = Archive::default();
    archive.attempts("198.51.100.7", BASTION, 6, RejectedIn);
    archive.attempts("203.0.113.9", BASTION, 6, Passes);
    let found = archive.check(Cause::InboundBlocked, Certainty::Possible);
    assert!(
        found
            .title
            .starts_with("198.51.100.7 cannot reach 10.0.1.30 on TCP 22"),
        "{}",
        found.title
    );
    assert_eq!(found.count, 6);
}

#[test]
fn outside_address_that_also_gets_in_is_not_shut_out() {
    let mut archive = Archive::default();
    archive.attempts("198.51.100.7", BASTION, 6, RejectedIn);
    archive.attempt(("198.51.100.7", 50_000), BASTION, 30, Passes);
    assert!(
        archive
            .findings()
            .iter()
            .all(|found| !found.title.contains("every attempt"))
    );
}

#[test]
fn address_meant_by_a_filter_is_proved_to_be_shut_out() {
    let mut archive = Archive::default();
    archive.attempts("203.0.113.77", BASTION, 6, RejectedIn);
    let shown = archive.tally();
    sources(&mut archive, 20, 60, RejectedIn);
    let found = archive.findings_of(&shown);
    let causes: Vec<_> = found
        .iter()
        .map(|found| (found.cause, found.certainty))
        .collect();
    assert_eq!(causes, [(Cause::InboundBlocked, Certainty::Proved)]);
}

#[test]
fn filter_selects_findings_and_keeps_the_evidence() {
    let mut archive = Archive::default();
    archive.attempts("10.0.11.15", ("10.0.21.40", 5432), 5, RejectedIn);
    let shown = archive.tally();
    archive.attempts("10.0.12.27", ("10.0.21.40", 5432), 5, Passes);
    archive.attempts("10.0.12.27", ("10.0.22.40", 8080), 5, Silent);
    let found = archive.findings_of(&shown);
    let causes: Vec<Cause> = found.iter().map(|found| found.cause).collect();
    assert_eq!(causes, [Cause::SecurityGroupInbound]);
}

#[test]
fn nat_gateway_drops_what_nobody_expects() {
    let mut archive = Archive::default();
    let nat = "10.0.1.40";
    archive.attempts("198.51.100.7", (nat, 443), 12, Silent);
    archive.set_kind(nat, "nat_gateway");
    archive.check(Cause::Unsolicited, Certainty::Possible);
    assert_eq!(archive.findings().len(), 1);
}

#[test]
fn nat_gateway_without_a_type_is_known_by_its_ports() {
    let mut archive = Archive::default();
    let nat = "10.0.1.40";
    archive.attempts("10.0.11.15", (nat, 443), 4, Passes);
    archive.attempts(nat, ("203.0.113.9", 443), 4, Passes);
    archive.attempts("198.51.100.7", (nat, 22), 4, Silent);
    archive.check(Cause::Unsolicited, Certainty::Possible);
}

#[test]
fn silent_host_that_is_no_nat_gateway_does_not_reply() {
    let mut archive = Archive::default();
    archive.attempts("198.51.100.7", ("10.0.1.40", 443), 12, Silent);
    archive.check(Cause::NoReply, Certainty::Likely);
}

#[test]
fn nat_gateway_drops_packets_at_the_end_of_the_archive_too() {
    let mut archive = Archive::default();
    let nat = "10.0.1.40";
    archive.attempts("10.0.11.15", (nat, 443), 4, Passes);
    archive.attempts(nat, ("203.0.113.9", 443), 4, Passes);
    archive.attempt(("198.51.100.7", 40_000), (nat, 22), 200, Silent);
    archive.end_at(210);
    let found = archive.check(Cause::Unsolicited, Certainty::Possible);
    assert_eq!(found.count, 1);
}

/// Attempts of outside addresses: some pass before and after minute 10 to 15, others never.
fn closed_for_a_time(archive: &mut Archive, own: bool) {
    for minute in 0..25 {
        let is_closed = (10..15).contains(&minute);
        let (source, result) = match (is_closed, own) {
            (false, _) => ("203.0.113.9", Passes),
            (true, true) => ("203.0.113.9", RejectedIn),
            (true, false) => ("198.51.100.50", RejectedIn),
        };
        archive.attempt(
            (source, 40_000 + minute),
            BASTION,
            i64::from(minute) * 60,
            result,
        );
    }
}

#[test]
fn outside_address_that_is_rejected_for_a_time_shows_a_change() {
    let mut archive = Archive::default();
    closed_for_a_time(&mut archive, true);
    let found = archive.check(Cause::InboundBlocked, Certainty::Proved);
    assert!(found.since.is_some() && found.until.is_some(), "{found:#?}");
}

#[test]
fn other_outside_addresses_that_are_rejected_are_noise() {
    let mut archive = Archive::default();
    closed_for_a_time(&mut archive, false);
    assert!(
        archive
            .findings()
            .iter()
            .all(|found| found.certainty == Certainty::Possible)
    );
}
