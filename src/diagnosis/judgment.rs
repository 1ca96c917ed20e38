//! Decides which symptom an attempt has.
//!
//! Each attempt has one symptom: the first one that its records prove, strongest evidence first. A
//! verdict is stronger than a RST, and a RST is stronger than a missing reply. A missing reply is
//! not evidence where the archive itself may be incomplete ([`Visibility`]).

mod answers;

use self::answers::by_answers;
use crate::diagnosis::attempt::{Attempt, EniView, Traffic};
use crate::diagnosis::symptom::{Limit, Symptom};
use crate::diagnosis::visibility::Visibility;
use crate::flow::{EniIndex, Place, RejectReason};
use crate::record::ObservedFlags;
use crate::time::SECOND_NS;

/// Returns the symptom of an attempt.
pub(super) fn symptom(attempt: &Attempt, visibility: &Visibility) -> Symptom {
    let found = by_verdict(attempt).unwrap_or_else(|| by_answers(attempt));
    let rests_on_silence = matches!(
        found,
        Symptom::NoReply
            | Symptom::HalfOpen
            | Symptom::ReplyElsewhere { .. }
            | Symptom::ReplyLost { .. }
            | Symptom::Stalled(_)
    );
    if rests_on_silence && !visibility.silence_counts(attempt) {
        return Symptom::Unclear;
    }
    found
}

/// Returns the symptom that the verdicts show; `None` if all were `ACCEPT`.
fn by_verdict(attempt: &Attempt) -> Option<Symptom> {
    let rejected = |view: &EniView| view.request.rejected.or(view.reply.rejected);
    let rejected_for = |reason| {
        let mut views = attempt.views.iter();
        views.find(|view| rejected(view).is_some_and(|traffic| traffic.reason == reason))
    };
    if let Some(view) = rejected_for(RejectReason::BlockPublicAccess) {
        return Some(Symptom::BlockPublicAccess(view.eni));
    }
    if let Some(view) = rejected_for(RejectReason::EncryptionControls) {
        return Some(Symptom::EncryptionControls(view.eni));
    }
    let other_reason = attempt.views.iter().find_map(|view| {
        let RejectReason::Other(reason) = rejected(view)?.reason else {
            return None;
        };
        let eni = view.eni;
        Some(Symptom::OtherReason { eni, reason })
    });
    if other_reason.is_some() {
        return other_reason;
    }
    if let Some(view) = rejected_for(RejectReason::NetworkFirewall) {
        return Some(Symptom::NetworkFirewall(view.eni));
    }
    let first = attempt.views.iter().find(|view| rejected(view).is_some())?;
    let silent = Limit::that_fits(attempt.silence_ns());
    if let Some(limit) =
        silent.filter(|limit| *limit > Limit::Minute && attempt.requests().next().is_some())
    {
        return Some(Symptom::IdleTimeout(limit));
    }
    if let Some(symptom) = attempt
        .views
        .iter()
        .find_map(|view| reply_blocked(attempt, view))
    {
        return Some(symptom);
    }
    if let Some(symptom) = attempt
        .views
        .iter()
        .find_map(|view| request_blocked(attempt, view))
    {
        return Some(symptom);
    }
    if let Some(symptom) = stray_reply(attempt) {
        return Some(symptom);
    }
    Some(Symptom::LatePackets(first.eni))
}

/// Returns the symptom if one ENI accepted the request and rejected the reply.
///
/// AWS: security groups are stateful, network ACLs are not, so one `ACCEPT` and one `REJECT` record
/// for the two directions show that the ACL rejected the reply (flow-logs-records-examples).
fn reply_blocked(attempt: &Attempt, view: &EniView) -> Option<Symptom> {
    let (request, reply) = (view.request.accepted?, view.reply.rejected?);
    if is_closed_before(attempt, &reply) {
        return None;
    }
    let is_proved = match (attempt.has_tcp_flags(), view.reply.accepted) {
        // In an established connection the ACL was changed in the meantime.
        (true, Some(accepted)) => reply.last_ns > accepted.last_ns && reply.packets > 1,
        (true, None) => reply.flags.is_syn_ack() || !request.flags.is_syn(),
        (false, None) => true,
        // Some replies pass, for example those from before a change of the ACL.
        (false, Some(accepted)) => {
            let replies = accepted.packets.saturating_add(reply.packets);
            reply.packets > 1 && request.last_ns >= reply.first_ns && replies <= request.packets
        }
    };
    is_proved.then_some(Symptom::ReplyBlocked {
        eni: view.eni,
        leaving: view.request_leaves.map(|leaves| !leaves),
    })
}

fn request_blocked(attempt: &Attempt, view: &EniView) -> Option<Symptom> {
    let rejected = view.request.rejected?;
    let is_opening = match attempt.has_tcp_flags() {
        true => rejected.flags.is_syn() || rejected.flags.is_syn_ack(),
        false => view.request.accepted.is_none() && view.reply.accepted.is_none(),
    };
    let is_blocked = is_opening || is_cut(attempt, view);
    is_blocked.then_some(match view.request_leaves {
        Some(true) => Symptom::OutboundBlocked(view.eni),
        Some(false) => Symptom::InboundBlocked(view.eni),
        None => Symptom::Blocked(view.eni),
    })
}

/// Whether an ENI rejected requests in the middle of an open connection.
///
/// A security group lets the packets of a tracked connection pass, even after its rule is removed
/// (AWS: security group connection tracking), so this is the work of a network ACL. The connection
/// may have been opened before the archive begins. After a silence as long as that of a timeout,
/// the connection may be forgotten, which is another symptom.
pub(super) fn is_cut(attempt: &Attempt, view: &EniView) -> bool {
    /// Rejected packets that are needed: fewer may be the end of a connection whose FIN was
    /// not logged.
    const PACKETS_LEAST: u64 = 3;
    let (Some(accepted), Some(rejected)) = (view.request.accepted, view.request.rejected) else {
        return false;
    };
    attempt.has_tcp_flags()
        && view.reply.accepted.is_some()
        && !rejected.flags.contains(ObservedFlags::SYN)
        && rejected.packets >= PACKETS_LEAST
        && accepted.first_ns < rejected.first_ns
        && accepted.last_ns <= rejected.last_ns
        && !is_closed_before(attempt, &rejected)
}

/// Whether a FIN or RST was logged before the first of these rejected packets, to the second.
fn is_closed_before(attempt: &Attempt, rejected: &Traffic) -> bool {
    let accepted = attempt.requests().chain(attempt.replies());
    let mut closing = accepted.filter(|traffic| traffic.closes());
    closing.any(|traffic| traffic.last_ns <= rejected.first_ns.saturating_add(SECOND_NS))
}

/// Returns the symptom if a SYN-ACK was rejected at an ENI that never logged the SYN, while another
/// ENI did.
fn stray_reply(attempt: &Attempt) -> Option<Symptom> {
    let mut views = attempt.views.iter();
    let answered = views.find(|view| {
        let reply = view.reply.rejected;
        reply.is_some_and(|reply| reply.flags.is_syn_ack())
            && view.request.traffic().next().is_none()
    })?;
    let asked = attempt.views.iter().find(|view| {
        view.eni != answered.eni
            && view
                .request
                .accepted
                .is_some_and(|request| request.flags.is_syn())
    })?;
    Some(Symptom::ReplyElsewhere {
        asked: asked.eni,
        answered: answered.eni,
    })
}

/// Returns the lowest lines that prove a symptom, at most one for each direction and verdict of
/// each ENI.
pub(super) fn proof(attempt: &Attempt, symptom: Symptom) -> Vec<Place> {
    let rejected_at = |eni: EniIndex| {
        let views = attempt.views.iter().filter(move |view| view.eni == eni);
        views.flat_map(|view| [view.request.rejected, view.reply.rejected])
    };
    let all = || {
        attempt
            .views
            .iter()
            .flat_map(|view| view.request.traffic().chain(view.reply.traffic()))
    };
    let mut places: Vec<Place> = match symptom {
        Symptom::BlockPublicAccess(eni)
        | Symptom::EncryptionControls(eni)
        | Symptom::OtherReason { eni, .. }
        | Symptom::NetworkFirewall(eni)
        | Symptom::LatePackets(eni) => rejected_at(eni).flatten().map(|t| t.place).collect(),
        Symptom::ReplyBlocked { eni, .. } => {
            let here = attempt.views.iter().filter(|view| view.eni == eni);
            here.flat_map(|view| [view.request.accepted, view.reply.rejected])
                .flatten()
                .map(|t| t.place)
                .collect()
        }
        _ => all().map(|t| t.place).collect(),
    };
    places.sort_unstable();
    places.dedup();
    places
}

#[cfg(test)]
mod tests;
