//! The symptoms of attempts that nothing rejected, from their flags, replies and missing replies.

use std::net::IpAddr;

use crate::connection::Outcome;
use crate::diagnosis::attempt::{Attempt, EniView, Traffic};
use crate::diagnosis::symptom::{Limit, Party, Symptom};
use crate::flow::{TCP, UDP};
use crate::record::ObservedFlags;

/// Returns the symptom that flags and replies show if nothing was rejected.
pub(super) fn by_answers(attempt: &Attempt) -> Symptom {
    let replied = attempt.replies().next().is_some();
    if !attempt.has_tcp_flags() {
        return without_flags(attempt, replied);
    }
    let opens = |traffic: &Traffic| traffic.flags.contains(ObservedFlags::SYN);
    let resets = |traffic: &Traffic| traffic.flags.contains(ObservedFlags::RST);
    let answered = attempt.replies().any(|reply| reply.flags.is_syn_ack());
    let reset_by = if attempt.replies().any(resets) {
        Some(Party::Responder)
    } else {
        attempt.requests().any(resets).then_some(Party::Initiator)
    };
    let silence_ns = attempt.silence_ns();
    if !attempt.requests().any(opens) && !answered {
        return match reset_by.and(Limit::that_fits(silence_ns)) {
            Some(limit) if limit > Limit::Minute => Symptom::IdleTimeout(limit),
            _ if replied => Symptom::Passed,
            _ => Symptom::OneWay,
        };
    }
    if !answered && reset_by == Some(Party::Responder) {
        return Symptom::Refused;
    }
    let went_on = attempt.views.iter().any(|view| {
        matches!(
            view.outcome,
            Outcome::Complete | Outcome::Open | Outcome::Reset
        )
    });
    if !went_on && let Some(symptom) = reply_elsewhere(attempt) {
        return symptom;
    }
    if !replied {
        return match went_on {
            true => Symptom::OneWay,
            false => Symptom::NoReply,
        };
    }
    if answered
        && attempt
            .views
            .iter()
            .any(|view| view.outcome == Outcome::HalfOpen)
        && !went_on
    {
        return Symptom::HalfOpen;
    }
    let has_fin = attempt
        .requests()
        .chain(attempt.replies())
        .any(|t| t.flags.contains(ObservedFlags::FIN));
    if let Some(sender) = stalled(attempt) {
        return Symptom::Stalled(sender);
    }
    match reset_by {
        Some(_) if let Some(limit) = Limit::that_fits(silence_ns) => Symptom::IdleTimeout(limit),
        // Much software sends a RST after a FIN to close.
        Some(side) if !has_fin => Symptom::Reset(side),
        _ => Symptom::Passed,
    }
}

/// Returns the side whose large packets were not answered at any ENI, if there is one.
fn stalled(attempt: &Attempt) -> Option<Party> {
    let mut stalls = attempt.views.iter().map(|view| view.stalled);
    let first = stalls.next()??;
    stalls
        .all(|stalled| stalled == Some(first))
        .then_some(first)
}

/// Returns the symptom of TCP without flags, and of other protocols.
fn without_flags(attempt: &Attempt, replied: bool) -> Symptom {
    /// The port of a protocol that always replies: DNS.
    const ANSWERING: u16 = 53;
    /// Retransmissions of a SYN before systems give up, with some margin.
    const SYNS_MAX: u64 = 12;
    /// The size of the longest SYN: IPv6 with all options.
    const SYN_LEN_MAX: u64 = 100;
    if replied {
        return match is_answered_by_resets(attempt) {
            true => Symptom::Refused,
            false => Symptom::Passed,
        };
    }
    let is_syns = |request: &Traffic| {
        request.packets <= SYNS_MAX && request.bytes <= request.packets.saturating_mul(SYN_LEN_MAX)
    };
    let asks = match attempt.protocol {
        TCP => attempt.requests().all(is_syns),
        UDP => attempt.responder.port == ANSWERING,
        _ => false,
    };
    match asks {
        true => Symptom::NoReply,
        false => Symptom::OneWay,
    }
}

/// Whether every request packet was answered by one packet of the size of a RST, although no flags
/// are logged.
///
/// A RST has no TCP options (RFC 9293 section 3.5.2). A SYN has at least its maximum segment size,
/// and so has a SYN-ACK; and where a SYN-ACK arrives, an ACK follows. Keep-alive probes also come in
/// pairs, but no probe is larger than its answer without timestamps.
fn is_answered_by_resets(attempt: &Attempt) -> bool {
    /// SYNs that a client sends before it accepts that it is refused.
    const SYNS_MAX: u64 = 6;
    const MSS_OPTION_LEN: u64 = 4;
    const OPTIONS_LEN_MAX: u64 = 40;
    if attempt.protocol != TCP {
        return false;
    }
    let bare_len = match attempt.initiator.address {
        IpAddr::V4(_) => 40,
        IpAddr::V6(_) => 60,
    };
    let mut pairs = 0;
    let is_pair = |view: &EniView| match (view.request.accepted, view.reply.accepted) {
        (Some(request), Some(reply)) => {
            pairs += 1;
            let syns = bare_len + MSS_OPTION_LEN..=bare_len + OPTIONS_LEN_MAX;
            request.packets <= SYNS_MAX
                && reply.packets == request.packets
                && reply.bytes == reply.packets * bare_len
                && syns.contains(&(request.bytes / request.packets.max(1)))
        }
        (request, reply) => request.is_none() || reply.is_none(),
    };
    attempt.views.iter().all(is_pair) && pairs > 0
}

/// Returns the symptom if one ENI logged requests but no reply, and another ENI logged a reply.
fn reply_elsewhere(attempt: &Attempt) -> Option<Symptom> {
    let mut views = attempt.views.iter();
    let asked = views.find(|view| {
        view.request
            .accepted
            .is_some_and(|request| request.flags.is_syn())
            && view.reply.traffic().next().is_none()
    })?;
    let mut views = attempt.views.iter();
    let answered = views.find(|view| view.eni != asked.eni && view.reply.accepted.is_some())?;
    Some(Symptom::ReplyElsewhere {
        asked: asked.eni,
        answered: answered.eni,
    })
}
