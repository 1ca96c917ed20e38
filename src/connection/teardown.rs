//! Decides how a connection ends: which FIN comes first, and what follows it.
//!
//! Timestamps in whole seconds do not order a FIN, its answer and the last ACK. The rules of
//! [`RULES`] do, in this order. The figures are for all closes by both sides in 477 captures of two
//! collections (`docs/fidelity.md`). The bounds of the last rule are those that
//! `benches/fidelity/fit_close` finds in all captures but one, for nearly each one that is left out.
//!
//! | Rule | Why | Right |
//! |---|---|---|
//! | [`sends_last`] | The side that closes first also sends the last ACK (RFC 9293 section 3.6), so its records end later. | 26 of 30 in 12 captures |
//! | [`resets`] | A side that has closed answers further data with a RST (RFC 9293 section 3.5.2). | 97 of 107 in 31 |
//! | [`hangs_up`] | The server of a mail protocol closes once the client has said goodbye (RFC 5321 section 4.1.1.10, RFC 1939 section 6, RFC 9051 section 6.1.3). | 21 of 23 in 16 |
//! | [`has_extra_packet`] | The side that closes first sends one packet more. | 418 of 516 in 222 |
//!
//! The last rule counts. An initiator sends SYN and ACK where the responder sends SYN-ACK, and the
//! side that closes first sends FIN and ACK where the other sends FIN. A full segment of data requires
//! half an ACK from the other side (RFC 1122 section 4.2.3.2). So an initiator without an extra packet
//! beyond those that data accounts for did not close first. A clear count in a connection of at most
//! [`FEW_PACKETS`] is right in 222 of 237 closes. Any other count is a guess, right in 196 of 279, and
//! comments say so.
//!
//! That the sender of a report leaves the close to the other side is no rule: it holds in 34 of 35
//! closes of the 19 captures in which it was found, and in 19 of 79 of the others.
//!
//! If the initiator closes first and sends a RST, seen at its own ENI, the RST answers data sent before
//! the other side's FIN, and the two cross: 38 of 52 closes. A response longer than
//! [`LONG_RESPONSE`] has ended by then: the RST follows the FIN in 7 of 8 closes in 6 captures. Where
//! the responder closes first, its RST follows the FIN of the initiator in 30 of 32.

use std::cmp::Ordering;

use crate::connection::inference::InferenceRule;
use crate::connection::lane::Planned;
use crate::connection::role::Role;
use crate::flow::Way;
use crate::names::service_at;

/// Payload of a full segment on Ethernet with timestamps.
const FULL_SEGMENT: i128 = 1_448;

/// The most packets of both sides in which one packet more or less is evidence.
const FEW_PACKETS: i128 = 14;

/// Payload of a response that has ended when the initiator closes, in bytes.
const LONG_RESPONSE: i128 = 10_000;

/// The side that closed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstClose {
    /// The direction of its packets.
    pub way: Way,
    /// Whether it is hardly more likely than the other side.
    pub is_guess: bool,
}

/// A rule for who closed first; `None` if it names no side.
type ClosingRule = fn(&ClosingSides) -> Option<FirstClose>;

/// The rules for who closed first. The first one that names a side decides.
const RULES: [(InferenceRule, ClosingRule); 4] = [
    (InferenceRule::SendsLast, sends_last),
    (InferenceRule::Resets, resets),
    (InferenceRule::HangsUp, hangs_up),
    (InferenceRule::ExtraPacket, has_extra_packet),
];

/// Decides the end of both directions; `lanes` holds the plans of [`Way::Up`] and [`Way::Down`].
///
/// `local` says for each direction whether its sender is on this side of the vantage ENI. Returns the
/// side that closed first, if one did.
pub(super) fn close(
    lanes: &mut [Vec<Planned>; 2],
    role: Role,
    service_port: u16,
    local: [bool; 2],
) -> Option<FirstClose> {
    lanes.iter_mut().for_each(|lane| assign_fins(lane));
    let fin = [fin_of(&lanes[0]), fin_of(&lanes[1])];
    let ends = ClosingSides {
        initiator: ClosingSide::of(&lanes[role.initiator.index()]),
        responder: ClosingSide::of(&lanes[role.initiator.reverse().index()]),
        role,
        service_port,
    };
    let first = match fin {
        [None, None] => return None,
        [Some(_), None] => sure(Way::Up),
        [None, Some(_)] => sure(Way::Down),
        [Some(_), Some(_)] => {
            let mut applying = RULES.iter().filter(|(name, _)| name.applies());
            let named = applying.find_map(|(_, rule)| rule(&ends));
            named.unwrap_or_else(|| ends.initiator_if(true))
        }
    };
    let is_long = ends.responder.payload > LONG_RESPONSE;
    let (own, peer) = (first.way.index(), first.way.reverse().index());
    let Some(peer_fin) = fin[peer] else {
        // Only one side closed: the other side's last segment acknowledged it.
        reserve_trail(&mut lanes[peer]);
        return Some(first);
    };
    lanes[peer][peer_fin].fin_answers = true;
    let own_fin = fin[own]?;
    let crosses = first.way == role.initiator && local[own] && !is_long;
    let resets = lanes[own][own_fin].plan.rsts > 0;
    if InferenceRule::RstCrosses.applies()
        && crosses
        && resets
        && lanes[peer].iter().all(|p| p.plan.rsts == 0)
    {
        lanes[own][own_fin].rst_crosses = true;
    } else {
        reserve_trail(&mut lanes[own]);
    }
    Some(first)
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

/// What the rules know of a connection that both sides closed.
struct ClosingSides {
    initiator: ClosingSide,
    responder: ClosingSide,
    role: Role,
    service_port: u16,
}

/// The totals of one direction's records.
#[derive(Clone, Copy)]
struct ClosingSide {
    /// The first instant after the last record.
    until: Option<i64>,
    packets: i128,
    payload: i128,
    opens: bool,
    resets: bool,
}

impl ClosingSide {
    fn of(lane: &[Planned]) -> Self {
        Self {
            until: lane.last().map(|p| p.plan.window.1),
            packets: lane.iter().map(|p| i128::from(p.logged)).sum(),
            payload: lane.iter().map(|p| i128::from(p.plan.payload)).sum(),
            opens: lane.iter().any(|p| p.plan.syns > 0),
            resets: lane.iter().any(|p| p.plan.rsts > 0),
        }
    }
}

impl ClosingSides {
    fn initiator_if(&self, closes: bool) -> FirstClose {
        let initiator = self.role.initiator;
        sure(if closes {
            initiator
        } else {
            initiator.reverse()
        })
    }
}

/// Names a side that closed first as the log says.
fn sure(way: Way) -> FirstClose {
    FirstClose {
        way,
        is_guess: false,
    }
}

/// Names the side whose records end later.
fn sends_last(ends: &ClosingSides) -> Option<FirstClose> {
    match ends.initiator.until.cmp(&ends.responder.until) {
        Ordering::Greater => Some(ends.initiator_if(true)),
        Ordering::Less => Some(ends.initiator_if(false)),
        Ordering::Equal => None,
    }
}

/// Names the side that sent RSTs in addition to its FIN; the initiator, if both did.
fn resets(ends: &ClosingSides) -> Option<FirstClose> {
    let resets = ends.initiator.resets || ends.responder.resets;
    resets.then(|| ends.initiator_if(ends.initiator.resets))
}

/// Names the responder, if its protocol says that the server closes.
fn hangs_up(ends: &ClosingSides) -> Option<FirstClose> {
    let service = service_at(ends.service_port)?;
    service.hangs_up.then(|| ends.initiator_if(false))
}

/// Names the side with a packet more than handshake and data account for.
///
/// Many packets more from the responder are ACKs or small messages, which say nothing, and most
/// connections are closed by the initiator. So the responder closed first only if the count is near
/// what such a close requires.
fn has_extra_packet(ends: &ClosingSides) -> Option<FirstClose> {
    let (own, peer) = (ends.initiator, ends.responder);
    // The other side's ACKs for data are packets of the other side.
    let data_acks = (own.payload - peer.payload) / 2;
    let extra = (own.packets - peer.packets - i128::from(own.opens)) * FULL_SEGMENT - data_acks;
    let is_responder = -3 * FULL_SEGMENT < extra && extra <= FULL_SEGMENT / 4;
    let is_clear = own.packets + peer.packets <= FEW_PACKETS && extra.abs() > FULL_SEGMENT / 4;
    Some(FirstClose {
        is_guess: !is_clear,
        ..ends.initiator_if(!is_responder)
    })
}

/// Reserves one body segment of the last record for the ACK of the other side's FIN.
///
/// How many segments carry the data is an estimate, but this ACK is certain. So if all segments carry
/// data, the data goes into one less.
fn reserve_trail(plans: &mut [Planned]) {
    let Some(last) = plans.last_mut() else { return };
    let is_full = |p: &Planned| p.plan.body - p.established <= p.plan.data;
    if is_full(last) && InferenceRule::AckOfFin.applies() {
        last.plan.free_segment();
    }
    if !is_full(last) {
        last.trail = 1;
    }
}

#[cfg(test)]
mod tests;
