//! Rebuilt packets, joined to few enough steps to be drawn.

use super::{LadderPacket, LadderStep, OmittedPackets};
use crate::connection::{Segment, SegmentKind};
use crate::flow::Way;
use crate::time::SECOND_NS;

/// Steps of a ladder, at most.
const STEPS_MAX: usize = 12;

/// Steps at the end that stay where there are more: they show how the connection ended.
const LAST_STEPS: usize = 3;

/// A pause that divides a run of data into two steps: an idle connection should look idle.
const PAUSE_NS: i64 = 60 * SECOND_NS;

/// Bytes of an IPv4 and of an IPv6 header, by whether it is IPv6.
fn ip_len(is_ipv6: bool) -> u32 {
    if is_ipv6 { 40 } else { 20 }
}

/// Joins the packets of a connection; `rejected_by` is where the packets of a record ended.
///
/// A packet that opens or closes the connection is a step of its own. Data and acknowledgements
/// between two of these are one step for each direction.
pub(super) fn steps(
    segments: &[Segment],
    initiator: Way,
    is_ipv6: bool,
    rejected_by: impl Fn(&Segment) -> Option<usize>,
) -> Vec<LadderStep> {
    let mut steps: Vec<LadderStep> = Vec::new();
    // Where the run of data begins that the next data may be added to.
    let mut run = 0;
    let mut last_ns = i64::MIN;
    for segment in segments {
        let step = step(segment, initiator, is_ipv6, rejected_by(segment));
        let is_body = matches!(step.kind, LadderPacket::Data | LadderPacket::Datagram);
        if !is_body || step.first_ns.saturating_sub(last_ns) > PAUSE_NS {
            run = steps.len();
        }
        last_ns = step.last_ns;
        let is_same = |known: &&mut LadderStep| {
            (known.by_initiator, known.kind, known.rejected_by)
                == (step.by_initiator, step.kind, step.rejected_by)
        };
        match steps[run..].iter_mut().find(is_same).filter(|_| is_body) {
            Some(known) => add(known, &step),
            None => steps.push(step),
        }
        let ends_handshake = steps.len() > 1
            && steps[steps.len() - 2].kind == LadderPacket::SynAck
            && (step.packets, step.acks) == (0, 1);
        if !is_body || ends_handshake {
            run = steps.len();
        }
    }
    steps
}

fn step(
    segment: &Segment,
    initiator: Way,
    is_ipv6: bool,
    rejected_by: Option<usize>,
) -> LadderStep {
    let headers = match segment.kind {
        SegmentKind::Datagram => 0,
        _ => ip_len(is_ipv6) + u32::from(segment.tcp_len),
    };
    let kind = match segment.kind {
        SegmentKind::Syn => LadderPacket::Syn,
        SegmentKind::SynAck => LadderPacket::SynAck,
        SegmentKind::Plain => LadderPacket::Data,
        SegmentKind::Fin => LadderPacket::Fin,
        SegmentKind::Rst => LadderPacket::Rst,
        SegmentKind::Datagram => LadderPacket::Datagram,
    };
    let only_acknowledges = kind == LadderPacket::Data && !segment.has_payload;
    LadderStep {
        first_ns: segment.time_ns,
        last_ns: segment.time_ns,
        by_initiator: segment.way == initiator,
        kind,
        packets: u64::from(!only_acknowledges),
        bytes: segment.original_len.saturating_sub(headers).into(),
        acks: u64::from(only_acknowledges),
        rejected_by,
    }
}

fn add(known: &mut LadderStep, more: &LadderStep) {
    known.last_ns = more.last_ns;
    known.packets += more.packets;
    known.bytes += more.bytes;
    known.acks += more.acks;
}

/// Leaves out the steps in the middle where there are too many to be drawn.
pub(super) fn shorten(steps: &mut Vec<LadderStep>) -> Option<OmittedPackets> {
    if steps.len() <= STEPS_MAX {
        return None;
    }
    let after = STEPS_MAX - 1 - LAST_STEPS;
    let middle = steps.drain(after..steps.len() - LAST_STEPS);
    let packets = middle.map(|step| step.packets + step.acks).sum();
    Some(OmittedPackets { after, packets })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{Detail, rebuild};
    use crate::flow::Viewed;
    use crate::flow::observation::tests::viewed;

    fn laddered(records: &[Viewed]) -> (Vec<Segment>, Vec<LadderStep>) {
        let mut segments = Vec::new();
        let info = rebuild(records, Detail::Exact, &mut segments);
        let steps = steps(&segments, info.role.initiator, false, |_| None);
        (segments, steps)
    }

    fn kinds(steps: &[LadderStep]) -> Vec<(LadderPacket, bool)> {
        steps
            .iter()
            .map(|step| (step.kind, step.by_initiator))
            .collect()
    }

    #[test]
    fn steps_hold_every_packet_and_every_byte_of_payload() {
        use LadderPacket::{Data, Fin, Syn, SynAck};
        let records = [
            viewed(Way::Up, 20, 3_000, 0, 9, 3),
            viewed(Way::Down, 18, 9_000, 0, 9, 19),
        ];
        let (segments, steps) = laddered(&records);
        let packets: u64 = steps.iter().map(|step| step.packets + step.acks).sum();
        assert_eq!(packets, segments.len() as u64);
        let bytes: u64 = steps.iter().map(|step| step.bytes).sum();
        let headers = segments.iter().map(|s| 20 + u64::from(s.tcp_len));
        assert_eq!(bytes + headers.sum::<u64>(), 12_000);
        let begin = [(Syn, true), (SynAck, false), (Data, true)];
        assert_eq!(kinds(&steps)[..3], begin);
        assert_eq!(
            (steps[2].packets, steps[2].acks),
            (0, 1),
            "ends the handshake"
        );
        assert_eq!(steps.iter().filter(|step| step.kind == Fin).count(), 2);
        assert!(steps.len() <= STEPS_MAX, "{steps:?}");
    }

    #[test]
    fn middle_of_many_steps_is_counted() {
        let (_, steps) = laddered(&[viewed(Way::Up, 1, 60, 0, 1, 2)]);
        let mut steps = vec![steps[0]; 40];
        let omitted = shorten(&mut steps).unwrap();
        assert_eq!((omitted.after, omitted.packets), (8, 29));
        assert_eq!(steps.len(), 11);
        assert_eq!(shorten(&mut steps), None);
    }

    #[test]
    fn pause_divides_what_is_sent() {
        let records = [
            viewed(Way::Up, 2, 200, 0, 1, 0),
            viewed(Way::Up, 2, 200, 300, 301, 0),
        ];
        let (_, steps) = laddered(&records);
        assert_eq!(steps.len(), 2, "{steps:?}");
    }
}
