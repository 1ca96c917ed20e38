//! Times of requests within a second, on the packets of a rebuilt connection.
//!
//! A flow log has whole seconds, so a rebuilt connection spreads its packets over them. Where a load
//! balancer logged when a request came and when its response went, a data packet of each side is put
//! at these instants, and the packets between are moved with them. The order of packets never changes,
//! and no packet leaves the seconds of its record. If that cannot be, the packets stay as they were.

use crate::connection::{Segment, SegmentKind};
use crate::flow::{Viewed, Way};

/// The instants of a request on one connection, nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestTimes {
    /// When the request was on its way.
    pub asked_ns: i64,
    /// When its response was.
    pub answered_ns: i64,
}

/// A packet and the instant where it belongs.
#[derive(Clone, Copy, Debug)]
struct Pin {
    at: usize,
    time_ns: i64,
}

/// Puts data packets of a connection at the instants of its requests, which are in order of time. The
/// packets are in order of time too, and none may come before `earliest_ns`. Returns for each request
/// whether it has its packets.
pub fn anchor(
    records: &[Viewed],
    initiator: Way,
    requests: &[RequestTimes],
    earliest_ns: i64,
    segments: &mut [Segment],
) -> Vec<bool> {
    let (pins, mut has_packets) = pins(records, initiator, requests, segments);
    if pins.is_empty() {
        return has_packets;
    }
    let times = moved(records, &pins, segments);
    let is_possible = times.first().is_some_and(|first| *first >= earliest_ns)
        && times.is_sorted()
        && pins.iter().all(|pin| times[pin.at] == pin.time_ns)
        && segments.iter().zip(&times).all(|(segment, time)| {
            // A packet that causality moved out of its seconds may stay outside.
            is_within(records, segment, *time) || segment.time_ns == *time
        });
    if is_possible {
        for (segment, time) in segments.iter_mut().zip(times) {
            segment.time_ns = time;
        }
    } else {
        has_packets.fill(false);
    }
    has_packets
}

fn is_within(records: &[Viewed], segment: &Segment, time_ns: i64) -> bool {
    let record = &records[segment.record as usize];
    (record.start_ns..record.until_ns()).contains(&time_ns)
}

/// Chooses a packet for each instant: of those that are left, the one nearest in time, so that every
/// further request can have one as well.
fn pins(
    records: &[Viewed],
    initiator: Way,
    requests: &[RequestTimes],
    segments: &[Segment],
) -> (Vec<Pin>, Vec<bool>) {
    let data = |way: Way| -> Vec<usize> {
        let is_data = |segment: &Segment| {
            segment.way == way && segment.has_payload && segment.kind == SegmentKind::Plain
        };
        let found = segments.iter().enumerate().filter(|(_, s)| is_data(s));
        found.map(|(at, _)| at).collect()
    };
    let sides = [data(initiator), data(initiator.reverse())];
    let mut pins: Vec<Pin> = Vec::new();
    let mut has_packets = vec![false; requests.len()];
    // The first packet that is left.
    let mut next = 0;
    for (number, request) in requests.iter().enumerate() {
        let left = requests.len() - number - 1;
        let latest_ns = pins.last().map_or(i64::MIN, |pin| pin.time_ns);
        if request.asked_ns < latest_ns || request.answered_ns < request.asked_ns {
            continue;
        }
        let nearest = |data: &[usize], from: usize, until: usize, time_ns: i64| -> Option<Pin> {
            let data = &data[..data.len().saturating_sub(left)];
            let is_left = |at: &&usize| (from..until).contains(*at);
            let fitting = data.iter().filter(is_left);
            let fitting = fitting.filter(|at| is_within(records, &segments[**at], time_ns));
            let at = *fitting.min_by_key(|at| segments[**at].time_ns.abs_diff(time_ns))?;
            Some(Pin { at, time_ns })
        };
        // After the request come its response and those of all further requests; after the response
        // come all further requests.
        let last = |data: &[usize], count: usize| data.len().checked_sub(count).map(|at| data[at]);
        let until_asked = last(&sides[1], left + 1).unwrap_or(0);
        let until_answered = match left {
            0 => usize::MAX,
            left => last(&sides[0], left).unwrap_or(0),
        };
        let asked = nearest(&sides[0], next, until_asked, request.asked_ns);
        let answered = asked.and_then(|asked| {
            nearest(&sides[1], asked.at + 1, until_answered, request.answered_ns)
        });
        if let (Some(asked), Some(answered)) = (asked, answered) {
            pins.extend([asked, answered]);
            next = answered.at + 1;
            has_packets[number] = true;
        }
    }
    (pins, has_packets)
}

/// Returns the times of all packets: those between two pins are moved in proportion.
fn moved(records: &[Viewed], pins: &[Pin], segments: &[Segment]) -> Vec<i64> {
    let mut times: Vec<i64> = segments.iter().map(|segment| segment.time_ns).collect();
    let (Some(first), Some(last)) = (pins.first(), pins.last()) else {
        return times;
    };
    let end = segments.len() - 1;
    // Before the first pin and after the last, packets keep their place as far as they can.
    let begin = Pin {
        at: 0,
        time_ns: times[0].min(first.time_ns),
    };
    let end = Pin {
        at: end,
        time_ns: times[end].max(last.time_ns),
    };
    let all: Vec<Pin> = [begin].iter().chain(pins).chain(&[end]).copied().collect();
    for two in all.windows(2) {
        let (from, to) = (two[0], two[1]);
        let (old_from, old_to) = (segments[from.at].time_ns, segments[to.at].time_ns);
        let old_len = i128::from(old_to) - i128::from(old_from);
        let new_len = i128::from(to.time_ns) - i128::from(from.time_ns);
        for at in from.at..=to.at {
            let since = i128::from(segments[at].time_ns) - i128::from(old_from);
            let share = if old_len > 0 {
                since * new_len / old_len
            } else {
                0
            };
            let time = i128::from(from.time_ns) + share;
            times[at] = i64::try_from(time).unwrap_or(segments[at].time_ns);
        }
        times[from.at] = from.time_ns;
        times[to.at] = to.time_ns;
    }
    let mut latest_ns = i64::MIN;
    for (at, segment) in segments.iter().enumerate() {
        let record = &records[segment.record as usize];
        let is_pinned = pins.binary_search_by_key(&at, |pin| pin.at).is_ok();
        if !is_pinned && is_within(records, segment, segment.time_ns) {
            times[at] = times[at].clamp(record.start_ns, record.until_ns() - 1);
        }
        times[at] = times[at].max(latest_ns);
        latest_ns = times[at];
    }
    times
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::connection::{Detail, rebuild};
    use crate::flow::observation::tests::viewed;
    use crate::time::SECOND_NS;

    const S: i64 = SECOND_NS;

    /// A connection from second 10 to 19 with handshake and teardown, and its packets.
    fn connection(data: u64) -> (Vec<Viewed>, Vec<Segment>, Way) {
        let records = [Way::Up, Way::Down].map(|way| {
            let flags = if way == Way::Up { 3 } else { 19 };
            viewed(way, 4 + 2 * data, 300 + 900 * data, 10, 19, flags)
        });
        let mut segments = Vec::new();
        let info = rebuild(&records, Detail::Exact, &mut segments);
        (records.to_vec(), segments, info.role.initiator)
    }

    fn times(asked: i64, answered: i64) -> RequestTimes {
        RequestTimes {
            asked_ns: asked,
            answered_ns: answered,
        }
    }

    fn data_times(segments: &[Segment], way: Way) -> Vec<i64> {
        let data = segments.iter().filter(|s| s.way == way && s.has_payload);
        data.map(|segment| segment.time_ns).collect()
    }

    #[test]
    fn request_and_response_are_where_the_log_has_them() {
        let (records, mut segments, initiator) = connection(4);
        let requests = [
            times(12 * S + 123_456, 13 * S + 7),
            times(17 * S, 17 * S + 5_000_000),
        ];
        let found = anchor(&records, initiator, &requests, 0, &mut segments);
        assert_eq!(found, [true, true]);
        for request in requests {
            assert!(data_times(&segments, initiator).contains(&request.asked_ns));
            assert!(data_times(&segments, initiator.reverse()).contains(&request.answered_ns));
        }
    }

    #[test]
    fn request_outside_the_seconds_of_the_record_moves_nothing() {
        let (records, segments, initiator) = connection(2);
        for request in [
            times(9 * S, 12 * S),
            times(12 * S, 20 * S),
            times(14 * S, 13 * S),
        ] {
            let mut same = segments.clone();
            assert_eq!(
                anchor(&records, initiator, &[request], 0, &mut same),
                [false]
            );
            assert_eq!(same, segments);
        }
        let mut same = segments.clone();
        let request = [times(12 * S, 13 * S)];
        assert_eq!(
            anchor(&records, initiator, &request, 30 * S, &mut same),
            [false]
        );
        assert_eq!(same, segments);
    }

    proptest! {
        #[test]
        fn order_sums_and_seconds_stay_for_any_requests(
            data in 1..8_u64,
            instants in prop::collection::vec((9 * S..21 * S, -S..3 * S), 0..10),
        ) {
            let (records, segments, initiator) = connection(data);
            let mut requests: Vec<_> = instants.iter().map(|(at, len)| times(*at, at + len)).collect();
            requests.sort();
            let mut moved = segments.clone();
            let found = anchor(&records, initiator, &requests, 0, &mut moved);
            prop_assert!(moved.is_sorted_by_key(|segment| segment.time_ns));
            for (one, other) in moved.iter().zip(&segments) {
                prop_assert_eq!(Segment { time_ns: 0, ..*one }, Segment { time_ns: 0, ..*other });
                let is_there = is_within(&records, one, one.time_ns);
                prop_assert!(is_there || one.time_ns == other.time_ns);
            }
            for (request, _) in requests.iter().zip(found).filter(|(_, found)| *found) {
                prop_assert!(data_times(&moved, initiator).contains(&request.asked_ns));
            }
        }
    }
}
