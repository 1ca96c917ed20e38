//! The texts for a failure of a service: its title, the evidence, and how far requests got.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom};
use crate::diagnosis::cause::names;
use crate::diagnosis::finding::Cause;
use crate::diagnosis::symptom::{Party, Symptom};
use crate::flow::{EniIndex, TrafficPath};
use crate::time::SECOND_NS;

/// Returns the title.
pub(super) fn title(cause: Cause, entries: &[PathSymptom<'_>]) -> String {
    let (targets, ports) = (names::targets(entries), names::ports(entries));
    let is_one = entries
        .iter()
        .all(|e| e.path.target == entries[0].path.target);
    let refuses = match is_one {
        true => "refuses",
        false => "refuse",
    };
    match cause {
        Cause::NoReply => format!("No reply from {targets} on {ports}"),
        Cause::Refused => {
            format!("{targets} {refuses} connections on {ports}: nothing is listening")
        }
        Cause::HalfOpen => format!("Handshakes with {targets} on {ports} stay half-open"),
        Cause::ReplyElsewhere => {
            format!("Replies from {targets} take a different path than the requests")
        }
        Cause::IdleTimeout => {
            let limits = entries.iter().filter_map(|entry| match entry.symptom {
                Symptom::IdleTimeout(limit) => Some(limit.seconds()),
                _ => None,
            });
            let limit = limits.max().unwrap_or(0);
            format!(
                "Connections to {targets} on {ports} are dropped after being idle for more than {limit} s"
            )
        }
        _ => {
            let by = entries
                .iter()
                .all(|entry| entry.symptom == Symptom::Reset(Party::Responder));
            let side = if by { "the responder" } else { "the initiator" };
            format!("Connections to {targets} on {ports} are reset by {side}")
        }
    }
}

/// Returns the evidence.
pub(super) fn seen(
    attempts: &AttemptIndex<'_>,
    cause: Cause,
    entries: &[PathSymptom<'_>],
) -> String {
    let sources = names::sources(entries);
    match cause {
        Cause::NoReply => {
            let how_far = how_far(attempts, entries);
            let ways = ways(entries);
            format!("Requests from {sources} are accepted and no ENI logs a reply; {how_far}{ways}")
        }
        Cause::Refused => format!("SYNs from {sources} are answered with RST"),
        Cause::HalfOpen => {
            format!(
                "SYN-ACKs to {sources} are never acknowledged{}",
                ways(entries)
            )
        }
        Cause::ReplyElsewhere => {
            let pairs = entries.iter().filter_map(|entry| match entry.symptom {
                Symptom::ReplyElsewhere { asked, answered } => Some((asked, answered)),
                _ => None,
            });
            let pair = pairs.min().map(|(asked, answered)| {
                format!(
                    "; {} logs the request but no reply, and {} logs the reply",
                    names::eni(attempts, asked),
                    names::eni(attempts, answered)
                )
            });
            format!(
                "Requests from {sources} are accepted{}{}",
                pair.unwrap_or_default(),
                ways(entries)
            )
        }
        Cause::IdleTimeout => {
            let silences = || entries.iter().map(|entry| entry.seen.silence_ns);
            let least = silences().map(|(least, _)| least).min().unwrap_or(0) / SECOND_NS;
            let most = silences().map(|(_, most)| most).max().unwrap_or(0) / SECOND_NS;
            format!(
                "After {least} to {most} s idle, the next packet from {sources} or the responder is rejected or answered with RST"
            )
        }
        _ => format!("Connections from {sources} are established and end with RST, without FIN"),
    }
}

/// Describes the paths of requests and replies, if `traffic-path` is logged and shows more than the
/// same VPC.
fn ways(entries: &[PathSymptom<'_>]) -> String {
    let [requests, replies] = [0, 1].map(|lane: usize| -> BTreeSet<TrafficPath> {
        let ways = entries.iter().flat_map(|entry| &entry.seen.ways[lane]);
        ways.copied().collect()
    });
    let named = |ways: &BTreeSet<TrafficPath>| {
        let names: Vec<&str> = ways.iter().map(|way| way.name()).collect();
        names.join(" or ")
    };
    let is_plain =
        |ways: &BTreeSet<TrafficPath>| ways.iter().all(|way| *way == TrafficPath::SameVpc);
    // Compared per path, since two clients may have different paths, each symmetric.
    let is_asymmetric = entries.iter().any(|entry| {
        let [requests, replies] = &entry.seen.ways;
        !requests.is_empty() && !replies.is_empty() && requests.is_disjoint(replies)
    });
    let verdict = match is_asymmetric {
        true => ": the path is asymmetric",
        false => "",
    };
    match (is_plain(&requests), is_plain(&replies)) {
        (true, true) => String::new(),
        _ if requests.is_empty() => format!("; replies leave through {}", named(&replies)),
        _ if replies.is_empty() => format!("; requests leave through {}", named(&requests)),
        _ if requests == replies => format!("; both leave through {}", named(&replies)),
        _ => format!(
            "; requests leave through {}, replies through {}{verdict}",
            named(&requests),
            named(&replies)
        ),
    }
}

/// Describes how far unanswered requests got, as far as the records show.
fn how_far(attempts: &AttemptIndex<'_>, entries: &[PathSymptom<'_>]) -> String {
    let is_of = |eni: EniIndex, target: IpAddr| {
        let eni = attempts.enis.get(eni);
        // Only one address of each ENI is known; it may have another one of the other family.
        let is_own = |own: IpAddr| own == target || own.is_ipv4() != target.is_ipv4();
        eni.kind.is_empty() && eni.address.is_none_or(is_own)
    };
    let arrives = |entry: &PathSymptom<'_>| {
        let entered = entry.path.target_eni;
        entered.is_some_and(|eni| is_of(eni, entry.path.target))
    };
    if entries.iter().all(arrives) {
        return "they reach the responder's ENI, so the host or its firewall does not reply"
            .to_owned();
    }
    if let Some(eni) = entries.iter().find_map(|entry| entry.path.target_eni) {
        let eni = names::eni(attempts, eni);
        return format!("they reach {eni}, which must forward them; no record shows them after it");
    }
    if entries
        .iter()
        .all(|entry| attempts.owner(entry.path.target).is_some())
    {
        return "they never reach the responder's ENI, which is in this archive, so they are lost \
                    on the way"
            .to_owned();
    }
    "the responder's ENI is not in this archive, so the records do not show where they are lost"
        .to_owned()
}
