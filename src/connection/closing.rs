//! How a connection ends: whose FIN comes first, and what follows it.
//!
//! Whole seconds do not order a FIN, its answer and the last ACK. What does:
//! the side that closes first also sends the last ACK (RFC 9293 section 3.6),
//! so its records end no earlier than the other side's. Where they end
//! together the initiator is taken to have closed first.

use crate::connection::lane::{Planned, TEARDOWN_STEP_NS};
use crate::connection::role::Role;
use crate::flow::Way;

/// Settles the ends of both ways; `lanes` hold the plans of [`Way::Up`] and [`Way::Down`].
pub(super) fn close(lanes: &mut [Vec<Planned>; 2], role: Role) {
    lanes.iter_mut().for_each(settle_fins);
    let fin = [fin_of(&lanes[0]), fin_of(&lanes[1])];
    let first = match fin {
        [None, None] => return,
        [Some(_), None] => Way::Up,
        [None, Some(_)] => Way::Down,
        [Some(_), Some(_)] => closes_first(lanes, role),
    };
    let (own, peer) = (first.index(), first.reverse().index());
    if fin[peer].is_none() {
        // Only one side closed: what the other sent last acknowledged it.
        reserve_trail(&mut lanes[peer]);
        return;
    }
    let (Some(own_fin), Some(peer_fin)) = (fin[own], fin[peer]) else {
        return;
    };
    let peer_until = lanes[peer][peer_fin].plan.window.1;
    let own_plan = &mut lanes[own][own_fin];
    own_plan.fin_ns = own_plan.fin_ns.min(peer_until - 4 * TEARDOWN_STEP_NS);
    lanes[peer][peer_fin].fin_ns = peer_until - 3 * TEARDOWN_STEP_NS;
    reserve_trail(&mut lanes[own]);
}

/// Index of the record with the first FIN.
fn fin_of(plans: &[Planned]) -> Option<usize> {
    plans.iter().position(|p| p.plan.fin && !p.fin_again)
}

/// One FIN a way: of several records with the flag, the first behind which no
/// more data comes has it, and those after it repeat it.
fn settle_fins(plans: &mut Vec<Planned>) {
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
    let until = |way: Way| lanes[way.index()].last().map(|p| p.plan.window.1);
    let (initiator, responder) = (role.initiator, role.initiator.reverse());
    if until(responder) > until(initiator) {
        responder
    } else {
        initiator
    }
}

/// Keeps one body segment of the last record for the ACK of the other side's FIN.
fn reserve_trail(plans: &mut [Planned]) {
    let Some(last) = plans.last_mut() else { return };
    if last.plan.body - last.established > last.plan.data {
        last.trail = 1;
    }
}
