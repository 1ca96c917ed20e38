//! Failures that begin or end at one moment, and failures that do not.

use super::DB;
use super::archive::{
    Archive,
    AttemptResult::{self, Passes, RejectedIn, Silent},
};
use crate::diagnosis::finding::{Cause, Certainty};

const CLIENT: &str = "10.0.11.15";

/// Returns an archive with three attempts a minute, whose result depends on the minute and on the
/// number of the attempt.
fn minutes(count: i64, result: impl Fn(i64, i64) -> AttemptResult) -> Archive {
    let mut archive = Archive::default();
    for minute in 0..count {
        for number in 0..3 {
            let port = 40_000 + u16::try_from(minute * 3 + number).unwrap();
            let at_s = minute * 60 + number * 17;
            archive.attempt((CLIENT, port), DB, at_s, result(minute, number));
        }
    }
    archive
}

#[test]
fn steady_failure_since_one_moment_is_not_intermittent() {
    let archive = minutes(20, |minute, number| match (minute, number) {
        // One attempt fails long before.
        (3, 1) | (10.., _) => Silent,
        _ => Passes,
    });
    let found = archive.check(Cause::NoReply, Certainty::Likely);
    assert_eq!(found.since.as_deref(), Some("1970-01-01T00:10:00Z"));
    assert_eq!(found.until, None);
    assert!(
        found.title.ends_with("since 1970-01-01T00:10:00Z"),
        "{}",
        found.title
    );
    assert!(
        found.look_at[0].contains("1970-01-01T00:10:00Z"),
        "{found:?}"
    );
}

/// Four clients that connect each minute, and of which some fail in some minutes.
fn clients(fails: impl Fn(i64, u16) -> bool) -> Archive {
    let mut archive = Archive::default();
    for minute in 0..40 {
        for client in 0..4 {
            let source = format!("10.0.11.{}", 15 + client);
            let port = 40_000 + u16::try_from(minute * 4).unwrap() + client;
            let at_s = minute * 60 + i64::from(client) * 3;
            let result = if fails(minute, client) {
                Silent
            } else {
                Passes
            };
            archive.attempt((&source, port), DB, at_s, result);
        }
    }
    archive
}

#[test]
fn syns_of_all_clients_that_are_dropped_in_the_same_moments_fill_a_queue() {
    let archive = clients(|minute, _| matches!(minute, 7 | 19 | 31));
    let found = archive.check(Cause::SynBacklog, Certainty::Likely);
    assert!(
        found.seen.contains(
            "12 of these 12 attempts fail in 3 separate periods, each for several of 4 sources at once"
        ),
        "{}",
        found.seen
    );
    assert_eq!((found.since, found.until), (None, None));
}

#[test]
fn syns_that_are_dropped_now_and_then_or_of_one_client_fill_no_queue() {
    // Each client fails as often, and at other times than the others.
    let scattered = clients(|minute, client| minute % 13 == i64::from(client) * 3);
    scattered.check(Cause::NoReply, Certainty::Possible);
    let of_one = clients(|minute, client| client == 0 && minute % 3 == 0);
    of_one.check(Cause::NoReply, Certainty::Possible);
}

#[test]
fn failure_that_ends_has_a_start_and_an_end() {
    let archive = minutes(30, |minute, number| match (minute, number) {
        (10, 1..) | (11..15, _) | (15, 0) => Silent,
        _ => Passes,
    });
    let found = archive.check(Cause::NoReply, Certainty::Likely);
    assert_eq!(found.since.as_deref(), Some("1970-01-01T00:10:17Z"));
    assert_eq!(found.until.as_deref(), Some("1970-01-01T00:15:00Z"));
}

#[test]
fn failure_at_the_start_of_the_archive_has_only_an_end() {
    let archive = minutes(20, |minute, _| if minute < 6 { Silent } else { Passes });
    let found = archive.check(Cause::NoReply, Certainty::Likely);
    assert_eq!(found.since, None);
    assert_eq!(found.until.as_deref(), Some("1970-01-01T00:05:34Z"));
}

#[test]
fn all_failures_within_one_minute_are_an_outage() {
    let archive = minutes(20, |minute, _| if minute == 9 { Silent } else { Passes });
    let found = archive.check(Cause::NoReply, Certainty::Likely);
    assert!(found.since.is_some() && found.until.is_some(), "{found:?}");
}

#[test]
fn failures_all_over_the_time_are_intermittent() {
    let archive = minutes(20, |minute, number| match (minute + number) % 3 {
        0 => Silent,
        _ => Passes,
    });
    let found = archive.check(Cause::Intermittent, Certainty::Likely);
    assert_eq!((found.since, found.until), (None, None));
}

#[test]
fn half_of_the_failures_outside_of_a_range_are_intermittent() {
    let archive = minutes(40, |minute, number| match (minute, number) {
        (10..15, _) => Silent,
        (_, 1) if minute % 2 == 0 => Silent,
        _ => Passes,
    });
    archive.check(Cause::Intermittent, Certainty::Likely);
}

#[test]
fn removed_rule_has_the_time_of_its_removal() {
    let mut archive = minutes(
        20,
        |minute, _| {
            if minute < 10 { Passes } else { RejectedIn }
        },
    );
    archive.attempts("10.0.12.27", DB, 20, Passes);
    let found = archive.check(Cause::SecurityGroupInbound, Certainty::Likely);
    assert_eq!(found.since.as_deref(), Some("1970-01-01T00:10:00Z"));
}
