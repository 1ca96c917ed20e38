//! The symptoms of attempts that nothing rejected, from their flags, replies and missing replies.

use std::net::IpAddr;

use crate::connection::Outcome;
use crate::diagnosis::attempt::{Attempt, EniView, Traffic};
use crate::diagnosis::symptom::{Limit, Party, Symptom};
use crate::flow::{TCP, UDP, is_private};
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
    let is_syns = |request: &Traffic| {
        request.packets <= SYNS_MAX && request.bytes <= request.packets.saturating_mul(SYN_LEN_MAX)
    };
    if replied {
        let is_opening = attempt.protocol == TCP && attempt.requests().all(is_syns);
        let lost = is_opening.then(|| reply_elsewhere(attempt)).flatten();
        return match attempt {
            _ if let Some(symptom @ Symptom::ReplyLost { .. }) = lost => symptom,
            _ if is_answered_by_resets(attempt) => Symptom::Refused,
            _ if is_left_half_open(attempt) => Symptom::HalfOpen,
            _ => Symptom::Passed,
        };
    }
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

/// Whether a source outside sent only SYNs and got only SYN-ACKs, by their sizes: no flags are
/// logged.
///
/// A completed handshake has a packet more, without options or with timestamps only. Packets with
/// a little payload may have the same size, so this is not concluded of hosts inside, which keep
/// connections for long.
fn is_left_half_open(attempt: &Attempt) -> bool {
    /// SYNs that a client sends before it gives up.
    const SYNS_MAX: u64 = 6;
    /// The lengths of options in a SYN or SYN-ACK: the maximum segment size alone, with
    /// selective acknowledgments, and with timestamps and more. A length of 12 may also be that
    /// of timestamps in any packet.
    const OPTIONS: [u64; 4] = [4, 8, 20, 24];
    let IpAddr::V4(_) = attempt.initiator.address else {
        return false;
    };
    let is_opening = |traffic: &Traffic| {
        let sized = OPTIONS.map(|options| traffic.packets.saturating_mul(40 + options));
        traffic.packets <= SYNS_MAX && sized.contains(&traffic.bytes)
    };
    attempt.protocol == TCP
        && !is_private(attempt.initiator.address)
        && attempt.requests().all(is_opening)
        && attempt.replies().all(is_opening)
}

/// Returns the symptom if one ENI logged requests but no reply, and another ENI logged a reply.
///
/// If the other ENI logged the request as well, request and reply took the same way there, and the
/// reply was lost after it. Otherwise the reply took another way than the request.
fn reply_elsewhere(attempt: &Attempt) -> Option<Symptom> {
    let mut views = attempt.views.iter();
    let asked = views.find(|view| {
        let request = view.request.accepted;
        let opens = |request: Traffic| request.flags.is_syn() || !attempt.has_flags;
        request.is_some_and(opens) && view.reply.traffic().next().is_none()
    })?;
    let asked = asked.eni;
    let answers = attempt
        .views
        .iter()
        .filter(|view| view.eni != asked && view.reply.accepted.is_some());
    let is_met = |view: &&EniView| view.request.accepted.is_some();
    if let Some(other) = answers.clone().find(|view| !is_met(view)) {
        return Some(Symptom::ReplyElsewhere {
            asked,
            answered: other.eni,
        });
    }
    let answered = answers.map(|view| view.eni).next()?;
    Some(Symptom::ReplyLost { asked, answered })
}
