//! NAT gateways that run out of ports for one destination.
//!
//! Requests of many sources reach the gateway, and some do not leave it, while those to other
//! destinations do (AWS: NAT gateway basics, 55,000 connections for each destination).

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnosis::attempt_index::{AttemptIndex, End, PathSymptom, service};
use crate::diagnosis::cause::names;
use crate::diagnosis::finding::Cause;
use crate::diagnosis::symptom::Symptom;
use crate::flow::{EniIndex, is_private};

/// Sources that are needed: one source with an empty port range of its own looks the same.
const SOURCES_LEAST: usize = 3;

/// Attempts to other destinations that are needed.
const ELSEWHERE_LEAST: u64 = 10;

/// One attempt in this many may not fit.
const MISFIT_SHARE: u64 = 10;

/// Returns the evidence if these attempts, some of which fail and some pass, fail at a NAT gateway
/// and not after it.
pub(super) fn exhausted(
    attempts: &AttemptIndex<'_>,
    cause: Cause,
    entries: &[PathSymptom<'_>],
) -> Option<String> {
    let first = entries.first()?;
    let one = service(first.path);
    let is_silent =
        |entry: &PathSymptom<'_>| entry.symptom == Symptom::NoReply && service(entry.path) == one;
    if cause != Cause::Intermittent || !entries.iter().all(is_silent) {
        return None;
    }
    // What the gateway itself sends is the second leg of these attempts.
    let clients = entries.iter().filter(|entry| !attempts.is_from_nat(entry));
    let clients: Vec<&PathSymptom<'_>> = clients.collect();
    let nats: Option<BTreeSet<EniIndex>> =
        clients.iter().map(|entry| attempts.nat_of(entry)).collect();
    let nats = nats.filter(|nats| !nats.is_empty())?;
    let sources: BTreeSet<IpAddr> = clients.iter().filter_map(|e| e.path.source).collect();
    let failed: u64 = clients.iter().map(|entry| entry.seen.count).sum();
    let (lost, sent) = beyond(attempts, one.0, &nats);
    let is_at_gateway = sent > 0 && lost * MISFIT_SHARE <= failed;
    if sources.len() < SOURCES_LEAST || !is_at_gateway {
        return None;
    }
    let (failed_elsewhere, passed_elsewhere) = elsewhere(attempts, one.0, &sources);
    let others_pass =
        passed_elsewhere >= ELSEWHERE_LEAST && failed_elsewhere * MISFIT_SHARE <= passed_elsewhere;
    others_pass.then(|| {
        format!(
            "; {} of the same sources to other hosts on the internet connected",
            names::counted(passed_elsewhere, "attempt")
        )
    })
}

/// Returns how many attempts of the gateways to this host have no reply, and how many connect.
fn beyond(attempts: &AttemptIndex<'_>, target: IpAddr, nats: &BTreeSet<EniIndex>) -> (u64, u64) {
    let mut sum = (0, 0);
    for nat in nats {
        let at = attempts.at(End::Source, *nat);
        for entry in at.filter(|entry| entry.path.target == target) {
            match entry.symptom {
                Symptom::NoReply if attempts.is_from_nat(entry) => sum.0 += entry.seen.count,
                symptom if symptom.is_passed() => sum.1 += entry.seen.count,
                _ => {}
            }
        }
    }
    sum
}

/// Returns how many attempts of the sources to other hosts on the internet have no reply, and how
/// many connect.
fn elsewhere(
    attempts: &AttemptIndex<'_>,
    target: IpAddr,
    sources: &BTreeSet<IpAddr>,
) -> (u64, u64) {
    let is_other = |entry: &&PathSymptom<'_>| {
        let is_of = entry
            .path
            .source
            .is_some_and(|source| sources.contains(&source));
        is_of && entry.path.target != target && !is_private(entry.path.target)
    };
    attempts
        .all()
        .filter(is_other)
        .fold((0, 0), |sum, entry| match entry.symptom {
            Symptom::NoReply => (sum.0 + entry.seen.count, sum.1),
            symptom if symptom.is_passed() => (sum.0, sum.1 + entry.seen.count),
            _ => sum,
        })
}
