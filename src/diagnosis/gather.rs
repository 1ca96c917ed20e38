//! Turns the records of one conversation into attempts.
//!
//! # How views of one attempt are matched
//! The records of each view are divided into connections separately
//! ([`crate::connection::split()`]), since a SYN that two ENIs log is not two SYNs. Connections of
//! different views that overlap in time, within the clock differences of ENIs, are one attempt.

use crate::connection::{judge, split};
use crate::diagnosis::attempt::{Attempt, EniView, WayTraffic};
use crate::diagnosis::symptom::Party;
use crate::flow::vantage;
use crate::flow::{Candidate, EniIndex, Place, Vantage, Viewed, Way};
use crate::record::ObservedFlags;
use crate::time::SECOND_NS;

/// How far apart two ENIs may date the same attempt: clock differences and the round trip.
const SLACK_NS: i64 = 8 * SECOND_NS;

/// How long before a RST or REJECT the packet that caused it may have been sent.
const PROVOKED_NS: i64 = 60 * SECOND_NS;

/// Divides the records of one conversation, as all ENIs logged them, into attempts.
///
/// Duplicate deliveries must be removed first. Sorts the records.
pub fn attempts(records: &mut [Candidate]) -> Vec<Attempt> {
    attempts_by(records, attempt)
}

/// The same, each with the places of its records.
pub fn attempts_with_places(records: &mut [Candidate]) -> Vec<(Attempt, Vec<Place>)> {
    attempts_by(records, |views| {
        let places = views.iter().flat_map(|view| view.records.iter());
        (attempt(views), places.map(|o| o.place).collect())
    })
}

/// A connection as one view logged it.
#[derive(Clone, Copy)]
struct ViewedConnection<'a> {
    records: &'a [Viewed],
    start_ns: i64,
    end_ns: i64,
    /// The attempt that it is a view of, numbered in order of start.
    attempt: usize,
}

impl<'a> ViewedConnection<'a> {
    fn of(records: &'a [Viewed]) -> Self {
        Self {
            records,
            start_ns: records.iter().map(|o| o.start_ns).min().unwrap_or(0),
            end_ns: records.iter().map(|o| o.end_ns).max().unwrap_or(0),
            attempt: 0,
        }
    }

    /// Returns the ENI, and whether packets of direction [`Way::Up`] leave it.
    fn view(&self) -> (EniIndex, Option<bool>) {
        let first = &self.records[0];
        let up_leaves = first
            .leaving
            .map(|leaving| leaving == (first.way == Way::Up));
        (first.eni, up_leaves)
    }
}

fn attempts_by<T>(
    records: &mut [Candidate],
    combine: impl Fn(&[ViewedConnection<'_>]) -> T,
) -> Vec<T> {
    records.sort_by_key(|o| (o.start_ns, o.place));
    let mut chosen = vantage::choose(records, Vantage::All);
    let mut connections: Vec<ViewedConnection<'_>> = Vec::with_capacity(chosen.groups.len());
    let mut rest = &mut chosen.records[..];
    for len in chosen.groups {
        let (view, after) = rest.split_at_mut(len);
        let ranges = split(view);
        let view = &*view;
        let of_view = ranges.into_iter().map(|range| &view[range]);
        connections.extend(of_view.map(ViewedConnection::of));
        rest = after;
    }
    connections.sort_by_key(|connection| {
        let first = &connection.records[0];
        (connection.start_ns, first.eni, first.place)
    });
    number_attempts(&mut connections);
    connections.sort_by_key(|connection| connection.attempt);
    let attempts = connections.chunk_by(|a, b| a.attempt == b.attempt);
    attempts.map(combine).collect()
}

/// Numbers the attempts of connections in order of start: those that different views logged at the same
/// time are one.
fn number_attempts(connections: &mut [ViewedConnection<'_>]) {
    /// An attempt that further views may belong to.
    struct OpenAttempt {
        number: usize,
        until_ns: i64,
        views: Vec<(EniIndex, Option<bool>)>,
    }
    if connections.len() < 2 {
        return;
    }
    let mut count = 0;
    let mut open: Vec<OpenAttempt> = Vec::new();
    for connection in connections {
        let view = connection.view();
        open.retain(|one| one.until_ns.saturating_add(SLACK_NS) >= connection.start_ns);
        if let Some(near) = open.iter_mut().find(|one| !one.views.contains(&view)) {
            near.until_ns = near.until_ns.max(connection.end_ns);
            near.views.push(view);
            connection.attempt = near.number;
        } else {
            connection.attempt = count;
            open.push(OpenAttempt {
                number: count,
                until_ns: connection.end_ns,
                views: vec![view],
            });
            count += 1;
        }
    }
}

/// Combines the views of one attempt.
fn attempt(connections: &[ViewedConnection<'_>]) -> Attempt {
    let judged: Vec<_> = connections.iter().map(|one| judge(one.records)).collect();
    let role = judged
        .iter()
        .map(|(role, _)| *role)
        .min_by_key(|role| role.evidence);
    let role = role.expect("an attempt has a view");
    let all = || connections.iter().flat_map(|one| one.records.iter());
    let first = &connections[0].records[0];
    let tuple = first.key.five_tuple(role.initiator);
    let mut views: Vec<EniView> = Vec::with_capacity(connections.len());
    for (ViewedConnection { records, .. }, (_, outcome)) in connections.iter().zip(&judged) {
        let first = &records[0];
        let mut view = EniView {
            eni: first.eni,
            request_leaves: first
                .leaving
                .map(|leaving| leaving == (first.way == role.initiator)),
            request: WayTraffic::default(),
            reply: WayTraffic::default(),
            outcome: *outcome,
            silence_ns: silence_ns(records),
            stalled: stalled(records).map(|way| match way == role.initiator {
                true => Party::Initiator,
                false => Party::Responder,
            }),
        };
        for o in *records {
            let lane = if o.way == role.initiator {
                &mut view.request
            } else {
                &mut view.reply
            };
            lane.take_in(o);
        }
        views.push(view);
    }
    views.sort_by_key(|view| (view.eni, view.request_leaves));
    Attempt {
        protocol: first.key.protocol,
        initiator: tuple.source,
        responder: tuple.destination,
        evidence: role.evidence,
        has_flags: all().all(|o| o.flags.is_some()),
        first_ns: connections
            .iter()
            .map(|one| one.start_ns)
            .min()
            .unwrap_or(0),
        last_ns: connections.iter().map(|one| one.end_ns).max().unwrap_or(0),
        records: connections.iter().map(|one| one.records.len() as u64).sum(),
        matched: all().any(|o| o.matched),
        views,
    }
}

/// Returns the longest idle time that ended just before the first RST or REJECT; 0 if there is
/// none.
///
/// A RST that no packet of the other side provoked is not the end of an idle timeout: its sender
/// gave up by itself.
fn silence_ns(records: &[Viewed]) -> i64 {
    let is_trouble =
        |o: &&Viewed| o.verdict.is_reject() || o.observed().contains(ObservedFlags::RST);
    let Some(trouble) = records.iter().filter(is_trouble).min_by_key(|o| o.start_ns) else {
        return 0;
    };
    let trouble_ns = trouble.start_ns;
    let is_provoked = |since_ns: i64| {
        let mut others = records.iter().filter(|o| o.way != trouble.way);
        trouble.verdict.is_reject() || others.any(|o| o.end_ns >= since_ns)
    };
    let mut spans: Vec<(i64, i64)> = records.iter().map(|o| (o.start_ns, o.end_ns)).collect();
    spans.sort_unstable();
    let mut until = spans[0].1;
    let mut longest = 0;
    for (start, end) in spans {
        let is_near = start <= trouble_ns + SECOND_NS && start >= trouble_ns - PROVOKED_NS;
        if is_near && is_provoked(start) {
            longest = longest.max(start.saturating_sub(until));
        }
        until = until.max(end);
    }
    longest
}

/// Returns the direction whose large packets went on while the other direction was silent, as
/// happens where a smaller MTU on the path drops them (RFC 2923 section 2.1).
///
/// Every data packet is acknowledged within a second or so, so a side that sends for many seconds
/// after the last packet of the other side repeats what is not received. A FIN or RST of the other
/// side in a record of its own is not an acknowledgment: it gave up.
fn stalled(records: &[Viewed]) -> Option<Way> {
    /// How long one side sends without an answer.
    const UNANSWERED_NS: i64 = 10 * SECOND_NS;
    /// The average length of packets that a smaller MTU may drop, with the small ones in the same
    /// record.
    const LARGE_LEN: u64 = 900;
    /// Packets that are needed to rule out the last data of a host that was shut down.
    const PACKETS_LEAST: u64 = 4;
    /// At least so many packets are sent for each one of the other side, over the whole
    /// connection, where not even the first large packets are acknowledged.
    const SENT_PER_HEARD: u64 = 8;
    let closes = |o: &Viewed| {
        let flags = o.observed();
        (flags.contains(ObservedFlags::FIN) || flags.contains(ObservedFlags::RST))
            && !flags.contains(ObservedFlags::SYN)
            && o.packets <= 2
    };
    let of = |way: Way| {
        let accepted = records.iter().filter(|o| !o.verdict.is_reject());
        accepted.filter(move |o| o.way == way)
    };
    // Both sides have received everything, and a late RST may end the record of one of them.
    let ends = |way: Way| of(way).any(|o| o.observed().contains(ObservedFlags::FIN));
    if ends(Way::Up) && ends(Way::Down) {
        return None;
    }
    let stalls = |way: Way| {
        let heard = || of(way.reverse()).filter(|o| !closes(o));
        let last_ns = heard().map(|o| o.end_ns).max()?;
        let later = || of(way).filter(|o| o.end_ns >= last_ns.saturating_add(UNANSWERED_NS));
        // An idle connection is no unanswered one, so time counts from the first of these packets.
        let since_ns = later().map(|o| o.start_ns).min()?.max(last_ns);
        let unanswered_ns = since_ns.saturating_add(UNANSWERED_NS);
        let is_long = later().any(|o| o.end_ns >= unanswered_ns);
        // A FIN that comes soon acknowledges what it follows.
        let mut closing = of(way.reverse()).filter(|o| closes(o));
        let is_closed = closing.any(|o| o.start_ns < unanswered_ns && o.end_ns >= since_ns);
        if !is_long || is_closed {
            return None;
        }
        let (packets, bytes) = sum(later());
        let goes_on = packets >= PACKETS_LEAST && bytes >= packets.saturating_mul(LARGE_LEN);
        let ((sent, sent_bytes), (answers, _)) = (sum(of(way)), sum(heard()));
        let is_deaf = sent >= answers.saturating_mul(SENT_PER_HEARD)
            && sent_bytes >= sent.saturating_mul(LARGE_LEN);
        (goes_on || is_deaf).then_some(way)
    };
    stalls(Way::Up).or_else(|| stalls(Way::Down))
}

/// Returns the packets and bytes of these records.
fn sum<'a>(records: impl Iterator<Item = &'a Viewed>) -> (u64, u64) {
    records.fold((0u64, 0u64), |(packets, bytes), o| {
        let more = o.bytes.unwrap_or(0);
        (
            packets.saturating_add(o.packets),
            bytes.saturating_add(more),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::observation::tests::{candidate, rejected, there, with};

    #[test]
    fn syn_that_two_enis_log_is_one_attempt_with_two_views() {
        let syn = candidate(Way::Up, 4, 240, 10, 17, 2);
        let mut later = rejected(there(syn));
        (later.start_ns, later.end_ns) = (8 * SECOND_NS, 15 * SECOND_NS);
        let found = attempts(&mut [later, syn]);
        assert_eq!(found.len(), 1);
        let views = &found[0].views;
        assert_eq!(
            (views[0].request_leaves, views[1].request_leaves),
            (Some(true), Some(false))
        );
        assert!(views[0].request.accepted.is_some() && views[0].request.rejected.is_none());
        assert!(views[1].request.accepted.is_none() && views[1].request.rejected.is_some());
        assert_eq!(found[0].responder.port, 443);
        assert_eq!(found[0].packets(), 4);
    }

    #[test]
    fn port_used_again_is_another_attempt_at_each_eni() {
        let (up, down) = (
            candidate(Way::Up, 5, 400, 0, 5, 3),
            candidate(Way::Down, 5, 400, 0, 5, 19),
        );
        let again = |o: Candidate| {
            with(o, |o| {
                o.start_ns += 90 * SECOND_NS;
                o.end_ns += 90 * SECOND_NS;
            })
        };
        let here = [up, down, again(up), again(down)];
        let mut records: Vec<Candidate> = here.iter().copied().chain(here.map(there)).collect();
        let found = attempts(&mut records);
        let views: Vec<usize> = found.iter().map(|attempt| attempt.views.len()).collect();
        assert_eq!(views, [2, 2]);
    }

    #[test]
    fn reset_that_nothing_provoked_ends_no_idle_time() {
        let mut records = vec![
            candidate(Way::Up, 5, 400, 0, 5, 2),
            candidate(Way::Down, 5, 400, 0, 6, 18),
            candidate(Way::Up, 1, 40, 406, 406, 4),
        ];
        let found = attempts(&mut records);
        assert_eq!(found[0].views[0].silence_ns, 0);
    }

    #[test]
    fn large_packets_that_go_on_without_an_answer_are_stalled() {
        let stalled = |bytes, last_s| {
            let mut records = vec![
                candidate(Way::Up, 4, 400, 0, 1, 2),
                candidate(Way::Down, 12, bytes, 0, last_s, 18),
                candidate(Way::Up, 1, 40, 70, 70, 4),
            ];
            attempts(&mut records)[0].views[0].stalled
        };
        assert_eq!(stalled(15_120, 52), Some(Party::Responder));
        assert_eq!(stalled(1_200, 52), None, "small packets");
        assert_eq!(stalled(15_120, 2), None, "answered");
    }

    #[test]
    fn large_packets_of_which_hardly_any_is_answered_are_stalled() {
        let stalled = |answers, last_s| {
            let mut records = vec![
                candidate(Way::Up, 70, 98_000, 0, 4, 2),
                candidate(Way::Down, answers, 60 * answers, 0, 1, 18),
                candidate(Way::Up, 2, 1_540, 20, last_s, 0),
            ];
            attempts(&mut records)[0].views[0].stalled
        };
        assert_eq!(stalled(3, 31), Some(Party::Initiator));
        assert_eq!(stalled(30, 31), None, "answered before");
        let mut brief = vec![
            candidate(Way::Up, 70, 98_000, 0, 4, 2),
            candidate(Way::Down, 3, 180, 0, 4, 18),
        ];
        assert_eq!(attempts(&mut brief)[0].views[0].stalled, None);
    }

    #[test]
    fn last_packets_after_an_idle_time_are_not_stalled() {
        let mut records = vec![
            candidate(Way::Up, 20, 1_200, 0, 100, 2),
            candidate(Way::Down, 20, 25_000, 0, 100, 18),
            candidate(Way::Down, 6, 8_000, 300, 320, 1),
            candidate(Way::Up, 2, 80, 300, 320, 1),
        ];
        assert_eq!(attempts(&mut records)[0].views[0].stalled, None);
    }

    #[test]
    fn late_reset_after_both_sides_closed_is_not_stalled() {
        let mut records = vec![
            candidate(Way::Up, 9, 656, 0, 1, 3),
            candidate(Way::Down, 12, 12_094, 0, 30, 23),
        ];
        assert_eq!(attempts(&mut records)[0].views[0].stalled, None);
    }

    #[test]
    fn idle_time_is_measured_up_to_the_packet_that_the_reset_answers() {
        let mut records = vec![
            candidate(Way::Up, 5, 400, 0, 5, 2),
            candidate(Way::Down, 5, 400, 0, 6, 18),
            candidate(Way::Up, 1, 90, 406, 406, 0),
            candidate(Way::Down, 1, 40, 407, 407, 4),
        ];
        let found = attempts(&mut records);
        assert_eq!(found[0].views[0].silence_ns, 400 * SECOND_NS);
    }
}
