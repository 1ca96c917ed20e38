//! How a connection ends: whose FIN comes first, and what follows it.
//!
//! Whole seconds do not order a FIN, its answer and the last ACK. What does:
//!
//! * The side that closes first also sends the last ACK (RFC 9293 section 3.6),
//!   so its records end no earlier than the other side's.
//! * A side that has closed answers further data with a RST (section 3.5.2),
//!   so the side that sent RSTs besides its FIN closed first.
//! * An initiator sends the third segment of the handshake, and if it closes
//!   first also the last ACK: it then sends more packets than the responder.
//!
//! A RST of the first closer, seen at its own ENI, goes out on the data that
//! stands before the other side's FIN; the two cross.

use std::cmp::Ordering;

use crate::connection::lane::Planned;
use crate::connection::role::Role;
use crate::flow::Way;

/// Settles the ends of both ways; `lanes` hold the plans of [`Way::Up`] and [`Way::Down`].
///
/// `local` tells of each way whether its sender is on this side of the vantage ENI.
pub(super) fn close(lanes: &mut [Vec<Planned>; 2], role: Role, local: [bool; 2]) {
    lanes.iter_mut().for_each(|lane| settle_fins(lane));
    let fin = [fin_of(&lanes[0]), fin_of(&lanes[1])];
    let first = match fin {
        [None, None] => return,
        [Some(_), None] => Way::Up,
        [None, Some(_)] => Way::Down,
        [Some(_), Some(_)] => closes_first(lanes, role),
    };
    let (own, peer) = (first.index(), first.reverse().index());
    let Some(peer_fin) = fin[peer] else {
        // Only one side closed: what the other sent last acknowledged it.
        reserve_trail(&mut lanes[peer]);
        return;
    };
    lanes[peer][peer_fin].fin_answers = true;
    let Some(own_fin) = fin[own] else { return };
    let crosses = lanes[own][own_fin].plan.rsts > 0 && local[own];
    if crosses && lanes[peer].iter().all(|p| p.plan.rsts == 0) {
        lanes[own][own_fin].rst_crosses = true;
    } else {
        reserve_trail(&mut lanes[own]);
    }
}

/// Index of the record with the first FIN.
fn fin_of(plans: &[Planned]) -> Option<usize> {
    plans.iter().position(|p| p.plan.fin && !p.fin_again)
}

/// One FIN a way: of several records with the flag, the first behind which no
/// more data comes has it, and those after it repeat it.
fn settle_fins(plans: &mut [Planned]) {
    let last_data = plans.iter().rposition(|p| p.plan.data > 0).unwrap_or(0);
    let Some(first) = plans
        .iter()
        .enumerate()
        .position(|(i, p)| p.plan.fin && i >= last_data)
    else {
        let Some(last) = plans.iter().rposition(|p| p.plan.fin) else {
            return;
        };
        return drop_fins(&mut plans[..last]);
    };
    drop_fins(&mut plans[..first]);
    for p in &mut plans[first + 1..] {
        p.fin_again = p.plan.fin;
    }
}

/// Counts the FINs of these records among the segments of their body instead:
/// data that came later proves that they did not end the connection.
fn drop_fins(plans: &mut [Planned]) {
    for p in plans.iter_mut().filter(|p| p.plan.fin) {
        p.plan.fin = false;
        p.plan.body += 1;
    }
}

fn closes_first(lanes: &[Vec<Planned>; 2], role: Role) -> Way {
    let of = |way: Way| &lanes[way.index()];
    let until = |way: Way| of(way).last().map(|p| p.plan.window.1);
    let resets = |way: Way| of(way).iter().any(|p| p.plan.rsts > 0);
    let packets = |way: Way| of(way).iter().map(|p| p.logged).sum::<u64>();
    let (initiator, responder) = (role.initiator, role.initiator.reverse());
    let later = until(initiator).cmp(&until(responder));
    let initiator_first = match later {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal if resets(initiator) || resets(responder) => resets(initiator),
        Ordering::Equal => packets(initiator) > packets(responder),
    };
    if initiator_first {
        initiator
    } else {
        responder
    }
}

/// Keeps one body segment of the last record for the ACK of the other side's FIN.
fn reserve_trail(plans: &mut [Planned]) {
    let Some(last) = plans.last_mut() else { return };
    if last.plan.body - last.established > last.plan.data {
        last.trail = 1;
    }
}
