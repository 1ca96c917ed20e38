//! Decides how a connection ends: which FIN comes first, and what follows it.
//!
//! Timestamps in whole seconds do not order a FIN, its answer and the last ACK. These rules do:
//!
//! * The side that closes first also sends the last ACK (RFC 9293 section 3.6), so its records end
//!   no earlier than the other side's.
//! * A side that has closed answers further data with a RST (section 3.5.2), so the side that sent
//!   RSTs in addition to its FIN closed first.
//! * The side that has received its data closes: an initiator that sent more than it received (a
//!   report, an upload) leaves the close to the responder.
//! * An initiator sends SYN and ACK where the responder sends SYN-ACK, and the side that closes
//!   first sends FIN and ACK where the other sends FIN. A full segment of data requires half an ACK
//!   from the other side (RFC 1122 section 4.2.3.2). So an initiator without an extra packet beyond
//!   those that data accounts for did not close first.
//!
//! For 136 real closes without RSTs in 19 captures, these rules name the right side in 122, and in
//! 115 without the first rule. Always naming the initiator would be right in 67. Each half of the
//! captures, taken alone, gives the same rules.
//!
//! If the side that closes first sends a RST, seen at its own ENI, the RST answers data sent before
//! the other side's FIN; the two cross.

use std::cmp::Ordering;

use crate::connection::lane::Planned;
use crate::connection::role::Role;
use crate::flow::Way;

/// Payload of a full segment on Ethernet with timestamps.
const FULL_SEGMENT: i128 = 1_448;

/// Payload in bytes of a greeting or a keep-alive message, and not of a report.
const GREETING: i128 = 100;

/// Decides the end of both directions; `lanes` holds the plans of [`Way::Up`] and [`Way::Down`].
///
/// `local` says for each direction whether its sender is on this side of the vantage ENI.
pub(super) fn close(lanes: &mut [Vec<Planned>; 2], role: Role, local: [bool; 2]) {
    lanes.iter_mut().for_each(|lane| assign_fins(lane));
    let fin = [fin_of(&lanes[0]), fin_of(&lanes[1])];
    let first = match fin {
        [None, None] => return,
        [Some(_), None] => Way::Up,
        [None, Some(_)] => Way::Down,
        [Some(_), Some(_)] => closes_first(lanes, role),
    };
    let (own, peer) = (first.index(), first.reverse().index());
    let Some(peer_fin) = fin[peer] else {
        // Only one side closed: the other side's last segment acknowledged it.
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

/// Returns the index of the record with the first FIN.
fn fin_of(plans: &[Planned]) -> Option<usize> {
    plans.iter().position(|p| p.plan.fin && !p.fin_again)
}

/// Leaves one FIN per direction. Of several records with the flag, the first one with no more data
/// after it has the FIN, and later ones repeat it.
fn assign_fins(plans: &mut [Planned]) {
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

/// Counts the FINs of these records as body segments instead, because later data proves that they
/// did not end the connection.
fn drop_fins(plans: &mut [Planned]) {
    for p in plans.iter_mut().filter(|p| p.plan.fin) {
        p.plan.drop_fin();
    }
}

fn closes_first(lanes: &[Vec<Planned>; 2], role: Role) -> Way {
    let of = |way: Way| &lanes[way.index()];
    let until = |way: Way| of(way).last().map(|p| p.plan.window.1);
    let resets = |way: Way| of(way).iter().any(|p| p.plan.rsts > 0);
    let (initiator, responder) = (role.initiator, role.initiator.reverse());
    let initiator_first = match until(initiator).cmp(&until(responder)) {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal if resets(initiator) || resets(responder) => resets(initiator),
        Ordering::Equal => {
            let (own, peer) = (tally(of(initiator)), tally(of(responder)));
            let reports = own.payload > peer.payload && own.payload > GREETING;
            let extra_packets = (own.packets - peer.packets) * FULL_SEGMENT;
            // The other side's ACKs for data are packets of the other side.
            let data_acks = (own.payload - peer.payload) / 2;
            let opened = of(initiator).iter().any(|p| p.plan.syns > 0);
            let even = i128::from(opened) * FULL_SEGMENT;
            !reports && extra_packets - data_acks > even - FULL_SEGMENT / 2
        }
    };
    if initiator_first {
        initiator
    } else {
        responder
    }
}

/// The totals of one direction's records.
struct LaneTotals {
    packets: i128,
    payload: i128,
}

fn tally(lane: &[Planned]) -> LaneTotals {
    LaneTotals {
        packets: lane.iter().map(|p| i128::from(p.logged)).sum(),
        payload: lane.iter().map(|p| i128::from(p.plan.payload)).sum(),
    }
}

/// Reserves one body segment of the last record for the ACK of the other side's FIN.
fn reserve_trail(plans: &mut [Planned]) {
    let Some(last) = plans.last_mut() else { return };
    if last.plan.body - last.established > last.plan.data {
        last.trail = 1;
    }
}

#[cfg(test)]
mod tests;
