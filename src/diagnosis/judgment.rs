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

/// Returns the symptom of an attempt.
pub(super) fn symptom(attempt: &Attempt, visibility: &Visibility) -> Symptom {
    let found = by_verdict(attempt).unwrap_or_else(|| by_answers(attempt));
    let rests_on_silence = matches!(
        found,
        Symptom::NoReply | Symptom::HalfOpen | Symptom::ReplyElsewhere { .. }
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
    let is_closed = attempt
        .requests()
        .chain(attempt.replies())
        .any(Traffic::closes);
    if !is_closed
        && let Some(symptom) = attempt
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
    if !is_closed && let Some(symptom) = stray_reply(attempt) {
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
    let is_proved = match (attempt.has_tcp_flags(), view.reply.accepted) {
        // In an established connection the ACL was changed in the meantime.
        (true, Some(accepted)) => reply.last_ns > accepted.last_ns && reply.packets > 1,
        (true, None) => reply.flags.is_syn_ack() || !request.flags.is_syn(),
        (false, accepted) => accepted.is_none(),
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
    is_opening.then_some(match view.request_leaves {
        Some(true) => Symptom::OutboundBlocked(view.eni),
        Some(false) => Symptom::InboundBlocked(view.eni),
        None => Symptom::Blocked(view.eni),
    })
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
