//! Which symptom an attempt has.
//!
//! One attempt, one symptom: the first that its records prove, in the order in which evidence is
//! worth most. A verdict is worth more than a RST, a RST more than silence; and silence is worth
//! nothing where the archive itself may be silent ([`Visibility`]).

mod answers;

use self::answers::by_answers;
use crate::diagnosis::attempt::{Attempt, EniView, Traffic};
use crate::diagnosis::symptom::{Limit, Symptom};
use crate::diagnosis::visibility::Visibility;
use crate::flow::{EniIndex, Place, RejectReason};

/// Names what is the matter with an attempt.
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

/// What the verdicts say; none if all were `ACCEPT`.
fn by_verdict(attempt: &Attempt) -> Option<Symptom> {
    let rejected = |view: &EniView| view.request.rejected.or(view.reply.rejected);
    let told = |reason| {
        let mut views = attempt.views.iter();
        views.find(|view| rejected(view).is_some_and(|traffic| traffic.reason == reason))
    };
    if let Some(view) = told(RejectReason::BlockPublicAccess) {
        return Some(Symptom::BlockPublicAccess(view.eni));
    }
    if let Some(view) = told(RejectReason::EncryptionControls) {
        return Some(Symptom::EncryptionControls(view.eni));
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

/// The request let in and the reply not let out, or the other way round, at one ENI.
///
/// AWS: security groups are stateful, network ACLs are not, so that one `ACCEPT` and one `REJECT`
/// record of the two ways are the ACL's (flow-logs-records-examples).
fn reply_blocked(attempt: &Attempt, view: &EniView) -> Option<Symptom> {
    let (request, reply) = (view.request.accepted?, view.reply.rejected?);
    let is_proved = match (attempt.is_told(), view.reply.accepted) {
        // Of an open connection: the ACL was changed meanwhile.
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
    let is_opening = match attempt.is_told() {
        true => rejected.flags.is_syn() || rejected.flags.is_syn_ack(),
        false => view.request.accepted.is_none() && view.reply.accepted.is_none(),
    };
    is_opening.then_some(match view.request_leaves {
        Some(true) => Symptom::OutboundBlocked(view.eni),
        Some(false) => Symptom::InboundBlocked(view.eni),
        None => Symptom::Blocked(view.eni),
    })
}

/// A SYN-ACK rejected at an ENI that never saw the SYN, which another ENI did.
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

/// The lowest lines that prove a symptom, at most one for each way and verdict of each ENI.
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
