//! Ways of requests and replies: where they lead if they never arrive.

use std::collections::BTreeSet;

use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom, span};
use crate::diagnosis::symptom::Symptom;
use crate::flow::TrafficPath;

/// Whether requests come from another network, and replies leave toward the same VPC, although no
/// ENI has the initiator's address.
///
/// All subnets of the VPC have the local route, so no host in it reaches the initiators then. A
/// Transit Gateway attachment also has an ENI in the VPC, so replies to it leave on the same path.
/// But then its ENI, which logs the requests, logs the replies as well.
pub(super) fn is_overlap(attempts: &AttemptIndex<'_>, entries: &[PathSymptom<'_>]) -> bool {
    let comes_from_elsewhere = |entry: &PathSymptom<'_>| {
        let owner = entry.path.source.and_then(|source| attempts.owner(source));
        owner.is_none() && entry.path.source.is_some()
    };
    let stays = |entry: &PathSymptom<'_>| {
        let ways = &entry.seen.ways[1];
        ways.len() == 1 && ways.contains(&TrafficPath::SameVpc)
    };
    let is_seen_on_the_way =
        |entry: &PathSymptom<'_>| matches!(entry.symptom, Symptom::ReplyLost { .. });
    let sources: BTreeSet<_> = entries.iter().map(|entry| entry.path.source).collect();
    let span = span(entries);
    let connects = |entry: &PathSymptom<'_>| {
        entry.symptom.is_passed()
            && sources.contains(&entry.path.source)
            && entry.seen.goes_on_during(span)
    };
    entries.iter().all(comes_from_elsewhere)
        && !attempts.all().any(connects)
        && entries.iter().all(stays)
        && entries.iter().any(is_seen_on_the_way)
}

/// Whether request and reply of one path leave by different ways.
///
/// Compared per path, since two clients may have different ways, each symmetric.
pub(super) fn is_asymmetric(entries: &[PathSymptom<'_>]) -> bool {
    entries.iter().any(|entry| {
        let [requests, replies] = &entry.seen.ways;
        !requests.is_empty() && !replies.is_empty() && requests.is_disjoint(replies)
    })
}

/// Whether replies leave by another way than requests, other than toward the internet, where they
/// go if the route to the initiator's network is missing.
pub(super) fn takes_another_way(entries: &[PathSymptom<'_>]) -> bool {
    let leads_out =
        |way: &TrafficPath| matches!(way, TrafficPath::Gateway | TrafficPath::InternetGateway);
    let mut replies = entries.iter().flat_map(|entry| &entry.seen.ways[1]);
    is_asymmetric(entries) && !replies.all(leads_out)
}

/// Whether all requests leave toward the same VPC.
pub(super) fn stays_in_vpc(entries: &[PathSymptom<'_>]) -> bool {
    entries.iter().all(|entry| {
        let ways = &entry.seen.ways[0];
        ways.len() == 1 && ways.contains(&TrafficPath::SameVpc)
    })
}
