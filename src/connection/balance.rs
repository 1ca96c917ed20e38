//! Adjusts how many segments of one direction need acknowledgements from the other.
//!
//! A record has payload and packets, but not the number of packets that carried the payload. But
//! data paces pure ACKs: a side sends no more pure ACKs than the other side sent segments to
//! acknowledge. So if one direction has more packets than that, one side or the other sent its data
//! in smaller pieces than usual. And if packets are merged, enough of them stay to acknowledge the
//! data of the other direction.

use crate::connection::lane::Planned;
use crate::connection::plan::SegmentPlan;
use crate::flow::Way;

/// Pure ACKs for a SYN-ACK, a FIN or nothing at all.
const SPARE_ACKS: u64 = 1;

/// Bytes for which the other side gets one segment to acknowledge them. Sequence numbers are
/// compared within 2³¹ (RFC 9293 section 3.4).
const BYTES_PER_ACK: u64 = 1 << 29;

/// Gives each direction enough segments to acknowledge the bytes of the other where packets are
/// merged: a few large segments soon fill half of the sequence space.
pub(super) fn acknowledge_bytes(plans: &mut [Vec<Planned>; 2]) {
    let sum = |lane: &[Planned], of: fn(&Planned) -> u64| {
        lane.iter().fold(0_u64, |sum, p| sum.saturating_add(of(p)))
    };
    for way in Way::BOTH {
        let bytes = sum(&plans[way.reverse().index()], |p| p.plan.payload);
        let own = &mut plans[way.index()];
        let wanted = (bytes / BYTES_PER_ACK).saturating_sub(sum(own, |p| p.plan.body));
        let payload = sum(own, |p| p.plan.payload).max(1);
        for p in own.iter_mut().filter(|_| wanted > 0) {
            let share = u128::from(wanted) * u128::from(p.plan.payload) / u128::from(payload);
            let room = p.logged.saturating_sub(p.plan.count());
            let affordable = p.plan.payload / 2 / u64::from(p.plan.plain_len);
            let more = u64::try_from(share).unwrap_or(u64::MAX);
            let more = more.min(room).min(affordable);
            p.plan.body += more;
            p.plan.payload -= more * u64::from(p.plan.plain_len);
            p.plan.data = p.plan.data.min(p.plan.payload);
        }
    }
}

/// Raises the number of data segments until the pure ACKs of both directions have something to
/// acknowledge, as far as there is payload to divide.
pub(super) fn balance(lanes: &mut [Vec<Planned>; 2]) {
    let body = lanes.each_ref().map(|lane| total(lane, |p| p.body));
    if body.contains(&0) {
        return;
    }
    let needed = body[0].max(body[1]).saturating_sub(SPARE_ACKS);
    let present = lanes.each_ref().map(|lane| total(lane, |p| p.data));
    let mut missing = needed.saturating_sub(present[0].saturating_add(present[1]));
    // The side with more payload per segment is the likelier to have used more segments.
    let larger = average(&lanes[0], present[0]) >= average(&lanes[1], present[1]);
    for way in if larger { [0, 1] } else { [1, 0] } {
        for p in &mut lanes[way] {
            missing -= split_up(&mut p.plan, missing);
        }
    }
}

/// Divides a record's data into up to `more` additional segments; returns the number added.
fn split_up(plan: &mut SegmentPlan, more: u64) -> u64 {
    let room = plan.body.min(plan.payload).saturating_sub(plan.data);
    let added = if plan.payload > 0 { room.min(more) } else { 0 };
    plan.data += added;
    added
}

fn average(lane: &[Planned], data: u64) -> u64 {
    total(lane, |p| p.payload) / data.max(1)
}

fn total(lane: &[Planned], of: impl Fn(&SegmentPlan) -> u64) -> u64 {
    lane.iter()
        .fold(0, |sum, p| sum.saturating_add(of(&p.plan)))
}
