//! The trouble of a service in words: what it is called, what was seen of it, and how far requests came.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom};
use crate::diagnosis::cause::names;
use crate::diagnosis::finding::Cause;
use crate::diagnosis::symptom::{Party, Symptom};
use crate::flow::{EniIndex, TrafficPath};
use crate::time::SECOND_NS;

/// The trouble in one line.
pub(super) fn title(cause: Cause, entries: &[PathSymptom<'_>]) -> String {
    let (targets, ports) = (names::targets(entries), names::ports(entries));
    let is_one = entries
        .iter()
        .all(|e| e.path.target == entries[0].path.target);
    let (does, refuses) = match is_one {
        true => ("does", "refuses"),
        false => ("do", "refuse"),
    };
    match cause {
        Cause::NoReply => format!("{targets} {does} not answer on {ports}"),
        Cause::Refused => format!("{targets} {refuses} connections on {ports}: nothing listens"),
        Cause::HalfOpen => format!("handshakes with {targets} on {ports} are never completed"),
        Cause::ReplyElsewhere => format!("replies of {targets} take another way than the requests"),
        Cause::IdleTimeout => {
            let limits = entries.iter().filter_map(|entry| match entry.symptom {
                Symptom::IdleTimeout(limit) => Some(limit.seconds()),
                _ => None,
            });
            let limit = limits.max().unwrap_or(0);
            format!(
                "connections to {targets} on {ports} are cut after more than {limit} s of silence"
            )
        }
        _ => {
            let by = entries
                .iter()
                .all(|entry| entry.symptom == Symptom::Reset(Party::Responder));
            let side = if by {
                "the service"
            } else {
                "those who opened them"
            };
            format!("connections to {targets} on {ports} are aborted by {side}")
        }
    }
}

/// What was seen of it.
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
            format!("requests from {sources} are ACCEPTed and no ENI logs a reply; {how_far}{ways}")
        }
        Cause::Refused => format!("SYNs from {sources} are answered by RST"),
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
                    "; {} sees the request and no reply, {} the reply",
                    names::eni(attempts, asked),
                    names::eni(attempts, answered)
                )
            });
            format!(
                "requests from {sources} are ACCEPTed{}{}",
                pair.unwrap_or_default(),
                ways(entries)
            )
        }
        Cause::IdleTimeout => {
            let silences = || entries.iter().map(|entry| entry.seen.silence_ns);
            let least = silences().map(|(least, _)| least).min().unwrap_or(0) / SECOND_NS;
            let most = silences().map(|(_, most)| most).max().unwrap_or(0) / SECOND_NS;
            format!(
                "after a silence of {least} to {most} s, what {sources} or the responder sends next is met by RST or REJECT"
            )
        }
        _ => format!("connections of {sources} are opened and end with RST, without FIN"),
    }
}

/// By which ways requests and replies leave, as far as `traffic-path` tells and it says something.
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
    // Of one and the same path, for two clients may have ways of their own, each there and back.
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

/// How far unanswered requests came, as far as it shows.
fn how_far(attempts: &AttemptIndex<'_>, entries: &[PathSymptom<'_>]) -> String {
    let is_of = |eni: EniIndex, target: IpAddr| {
        let eni = attempts.enis.get(eni);
        // One address is known of an ENI; of the other family there may be another.
        let is_own = |own: IpAddr| own == target || own.is_ipv4() != target.is_ipv4();
        eni.kind.is_empty() && eni.address.is_none_or(is_own)
    };
    let arrives = |entry: &PathSymptom<'_>| {
        let entered = entry.path.target_eni;
        entered.is_some_and(|eni| is_of(eni, entry.path.target))
    };
    if entries.iter().all(arrives) {
        return "they enter the responder's ENI, so the host or its firewall is silent".to_owned();
    }
    if let Some(eni) = entries.iter().find_map(|entry| entry.path.target_eni) {
        let eni = names::eni(attempts, eni);
        return format!("they enter {eni}, which has to pass them on; behind it they do not show");
    }
    if entries
        .iter()
        .all(|entry| attempts.owner(entry.path.target).is_some())
    {
        return "they never enter the responder's ENI, which is in this archive, so they are lost \
                on their way"
            .to_owned();
    }
    "the responder's own ENI is not in this archive, so where they are lost does not show"
        .to_owned()
}
