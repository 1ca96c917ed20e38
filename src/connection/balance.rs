//! How many segments carry data, seen from both ways together.
//!
//! A record tells payload and packets, not how many of them carried it. But
//! pure ACKs are clocked by data: a side sends no more of them than the other
//! sent segments to acknowledge. So where one way has more packets than that,
//! data was sent in smaller pieces than usual, by one side or the other.

use crate::connection::lane::Planned;
use crate::connection::plan::Plan;

/// Pure ACKs that are for SYN-ACK, FIN or nothing at all.
const SPARE_ACKS: u64 = 1;

/// Raises the number of data segments until the pure ACKs of both ways have
/// something to acknowledge, as far as there is payload to divide.
pub(super) fn balance(lanes: &mut [Vec<Planned>; 2]) {
    let body = lanes.each_ref().map(|lane| total(lane, |p| p.body));
    if body.contains(&0) {
        return;
    }
    let needed = body[0].max(body[1]).saturating_sub(SPARE_ACKS);
    let present = lanes.each_ref().map(|lane| total(lane, |p| p.data));
    let mut missing = needed.saturating_sub(present[0].saturating_add(present[1]));
    // The side with more to say in each segment is the likelier to have said it in more.
    let larger = average(&lanes[0], present[0]) >= average(&lanes[1], present[1]);
    for way in if larger { [0, 1] } else { [1, 0] } {
        for p in &mut lanes[way] {
            missing -= split_up(&mut p.plan, missing);
        }
    }
}

/// Divides a record's data into up to `more` more segments; returns how many.
fn split_up(plan: &mut Plan, more: u64) -> u64 {
    let room = plan.body.min(plan.payload).saturating_sub(plan.data);
    let added = if plan.payload > 0 { room.min(more) } else { 0 };
    plan.data += added;
    added
}

fn average(lane: &[Planned], data: u64) -> u64 {
    total(lane, |p| p.payload) / data.max(1)
}

fn total(lane: &[Planned], of: impl Fn(&Plan) -> u64) -> u64 {
    lane.iter()
        .fold(0, |sum, p| sum.saturating_add(of(&p.plan)))
}
