//! The texts for a failure of a service: its title, the evidence, and how far requests got.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::way_back;
use crate::diagnosis::attempt_index::{AttemptIndex, End, PathSymptom};
use crate::diagnosis::cause::names;
use crate::diagnosis::finding::Cause;
use crate::diagnosis::symptom::{Party, Symptom};
use crate::flow::{EniIndex, TrafficPath};
use crate::time::SECOND_NS;

/// Returns the title: who cannot reach what, and why. `often` says how often, such as `sometimes `.
pub(super) fn title(cause: Cause, often: &str, entries: &[PathSymptom<'_>]) -> String {
    let relation = names::path(entries);
    let fails = |why: &str| {
        format!(
            "{} {often}cannot reach {}: {why}",
            relation.who, relation.what
        )
    };
    let connections = format!(
        "Connections from {} to {}",
        relation.who_in_sentence, relation.what
    );
    match cause {
        Cause::NoReply => fails("no reply"),
        Cause::Refused => fails("refused, nothing is listening"),
        Cause::HalfOpen => fails("handshakes stay half-open"),
        Cause::NoWayBack => fails("replies do not come back"),
        Cause::CidrOverlap => fails("replies stay in the VPC, whose addresses overlap"),
        Cause::NatPorts => fails("the NAT gateway has no free port"),
        Cause::SynBacklog => fails("the host drops the SYNs of all clients at times"),
        Cause::PathMtu => fails("large packets are lost (path MTU)"),
        Cause::ReplyElsewhere => fails("replies take a different path than the requests"),
        Cause::IdleTimeout => {
            let limits = entries.iter().filter_map(|entry| match entry.symptom {
                Symptom::IdleTimeout(limit) => Some(limit.seconds()),
                _ => None,
            });
            let limit = limits.max().unwrap_or(0);
            format!("{connections} {often}break after more than {limit} s idle")
        }
        _ => {
            let by = entries
                .iter()
                .all(|entry| entry.symptom == Symptom::Reset(Party::Responder));
            let side = if by { "the responder" } else { "the initiator" };
            format!("{connections} are {often}reset by {side}")
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
        Cause::SynBacklog => {
            let enis = entries.iter().filter_map(|entry| entry.path.target_eni);
            let at = names::enis(attempts, &enis.collect());
            format!("SYNs from {sources} are accepted at {at}, and the host does not answer them")
        }
        Cause::NatPorts => {
            let nats = entries.iter().filter_map(|entry| attempts.nat_of(entry));
            format!(
                "A part of the requests from {sources} reaches the NAT gateway {} and does not leave it",
                names::enis(attempts, &nats.collect())
            )
        }
        Cause::NoWayBack | Cause::CidrOverlap => lost_replies(attempts, cause, entries),
        Cause::Refused if attempts.is_bare => format!(
            "Each request packet from {sources} is answered by one packet without payload or options, \
             as a RST is; no flags are logged"
        ),
        Cause::Refused => format!("SYNs from {sources} are answered with RST"),
        Cause::PathMtu => format!(
            "Handshakes with {sources} complete and small packets pass, then large packets of {} are sent \
             again for 10 s or more without any answer",
            match entries[0].symptom {
                Symptom::Stalled(Party::Initiator) => "the initiator",
                _ => "the responder",
            }
        ),
        Cause::HalfOpen => {
            format!(
                "SYN-ACKs to {sources} are never acknowledged{}",
                ways(entries)
            )
        }
        Cause::ReplyElsewhere => replies_elsewhere(attempts, entries),
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

/// Describes which ENI logs the request and which one the reply.
fn replies_elsewhere(attempts: &AttemptIndex<'_>, entries: &[PathSymptom<'_>]) -> String {
    let sources = names::sources(entries);
    let pairs = entries.iter().filter_map(|entry| match entry.symptom {
        Symptom::ReplyElsewhere { asked, answered } | Symptom::ReplyLost { asked, answered } => {
            Some((asked, answered))
        }
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

/// Describes where replies were logged, and where they should have been.
fn lost_replies(attempts: &AttemptIndex<'_>, cause: Cause, entries: &[PathSymptom<'_>]) -> String {
    let sources = names::sources(entries);
    let mut asked = BTreeSet::new();
    let mut answered = BTreeSet::new();
    for entry in entries {
        if let Symptom::ReplyLost {
            asked: passed,
            answered: met,
        } = entry.symptom
        {
            asked.insert(passed);
            answered.insert(met);
        }
    }
    let then = match cause {
        Cause::CidrOverlap => {
            "; replies leave toward the same VPC (traffic-path 1), and no ENI has the address of a source".to_owned()
        }
        _ => ways(entries),
    };
    format!(
        "Requests from {sources} reach {} and are answered there; {} logs the requests and no reply{then}",
        names::enis(attempts, &answered),
        names::enis(attempts, &asked),
    )
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
    let verdict = match way_back::is_asymmetric(entries) {
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
        // What takes in requests to several hosts passes them on.
        let mut taken_in = attempts.at(End::Target, eni).map(|entry| entry.path.target);
        if attempts.owner(target).is_none()
            && taken_in.any(|other| other != target && other.is_ipv4() == target.is_ipv4())
        {
            return false;
        }
        let eni = attempts.enis.get(eni);
        // Only one address of each ENI is known; it may have another one of the other family.
        let is_own = |own: IpAddr| own == target || own.is_ipv4() != target.is_ipv4();
        eni.kind.is_empty() && eni.address.is_none_or(is_own)
    };
    let nats: Option<BTreeSet<EniIndex>> =
        entries.iter().map(|entry| attempts.nat_of(entry)).collect();
    if let Some(nats) = nats.filter(|nats| !nats.is_empty()) {
        let nats = names::enis(attempts, &nats);
        return format!("they reach the NAT gateway {nats}; no record shows them after it");
    }
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
    let is_known = |entry: &PathSymptom<'_>| attempts.owner(entry.path.target).is_some();
    let known = entries.iter().filter(|entry| is_known(entry)).count();
    match known {
        0 if way_back::stays_in_vpc(entries) => {
            "they leave toward the same VPC (traffic-path 1), where no ENI in this archive has that address: nothing \
             uses it, or the addresses of another network overlap with the VPC"
        }
        0 => {
            "the responder's ENI is not in this archive, so the records do not show where they are lost"
        }
        known if known == entries.len() => {
            "they never reach the responder's ENI, which is in this archive, so they are lost on the way"
        }
        _ => "no ENI of a responder logs them, so they are lost on the way",
    }
    .to_owned()
}
