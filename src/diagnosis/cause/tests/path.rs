//! What happens between two ENIs: lost packets, hairpins, and resets that grow.

use super::DB;
use super::archive::{
    Archive,
    AttemptResult::{Aborted, Lossy, Passes, Silent},
};
use crate::diagnosis::finding::{Cause, Certainty};

const CLIENT: &str = "10.0.11.15";

#[test]
fn packets_that_leave_one_eni_and_do_not_arrive_at_the_other_are_lost() {
    let mut archive = Archive::default();
    archive.attempts(CLIENT, DB, 20, Lossy(1));
    let found = archive.check(Cause::Intermittent, Certainty::Likely);
    assert!(
        found
            .seen
            .starts_with("20 of 160 packets that the ENI of one end sent never arrived"),
        "{}",
        found.seen
    );
}

#[test]
fn equal_counts_and_single_differences_are_not_a_loss() {
    let mut archive = Archive::default();
    archive.attempts(CLIENT, DB, 20, Passes);
    archive.attempts("10.0.11.16", DB, 4, Lossy(1));
    assert_eq!(archive.findings(), []);
}

#[test]
fn target_that_calls_itself_through_a_load_balancer_is_one_finding() {
    let mut archive = Archive::default();
    let host = "10.0.21.40";
    archive.attempts(host, ("10.0.22.9", 80), 4, Silent);
    archive.attempts_through("10.0.22.9", (host, (host, 8080)), 4, Silent);
    // Others reach it.
    archive.attempts(CLIENT, ("10.0.22.9", 80), 4, Passes);
    let found = archive.check(Cause::NlbHairpin, Certainty::Likely);
    assert_eq!(found.count, 8);
    assert_eq!(archive.findings().len(), 1);
    assert!(
        found.title.starts_with("10.0.21.40 cannot reach itself"),
        "{}",
        found.title
    );
}

#[test]
fn targets_of_one_load_balancer_that_call_themselves_are_one_finding() {
    let mut archive = Archive::default();
    let front = ("10.0.22.9", 80);
    for host in ["10.0.21.40", "10.0.21.41"] {
        archive.attempts(host, front, 4, Silent);
        archive.attempts_through(front.0, (host, (host, 8080)), 4, Silent);
    }
    let found = archive.check(Cause::NlbHairpin, Certainty::Likely);
    assert_eq!(found.count, 16);
    assert!(
        found.title.starts_with(
            "10.0.21.40, 10.0.21.41 cannot reach themselves through the load balancer at 10.0.22.9"
        ),
        "{}",
        found.title
    );
    assert_eq!(archive.findings().len(), 1);
}

#[test]
fn host_that_does_not_reach_another_is_no_hairpin() {
    let mut archive = Archive::default();
    archive.attempts("10.0.21.40", ("10.0.22.9", 80), 4, Silent);
    archive.check(Cause::NoReply, Certainty::Likely);
}

/// Returns an archive in which so many of ten attempts a minute are aborted before and after minute
/// ten.
fn aborted(before: i64, after: i64) -> Archive {
    let mut archive = Archive::default();
    for minute in 0..20 {
        for number in 0..10 {
            let port = 40_000 + u16::try_from(minute * 10 + number).unwrap();
            let failing = if minute < 10 { before } else { after };
            let result = if number < failing { Aborted } else { Passes };
            archive.attempt((CLIENT, port), DB, minute * 60 + number * 5, result);
        }
    }
    archive
}

#[test]
fn resets_by_the_initiator_that_become_frequent_are_likely_a_fault() {
    aborted(0, 4).check(Cause::Reset, Certainty::Likely);
}

#[test]
fn resets_by_the_initiator_that_stay_as_frequent_are_possible_at_most() {
    for often in [1, 4] {
        aborted(often, often).check(Cause::Reset, Certainty::Possible);
    }
}
