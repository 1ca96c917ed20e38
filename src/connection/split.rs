//! Divides the records of a conversation into connections.
//!
//! The records of a conversation share a five-tuple, but not always a connection, because ports are
//! reused. In order of start time, a SYN opens a new connection if the previous one was answered,
//! was closed, or has been idle too long. The same SYN seen again before an answer is a
//! retransmission.
//!
//! # Records with equal start times
//! On many ENIs all records of an interval have the same start, so their flags decide the order:
//! SYN, SYN-ACK, none, FIN and RST.

use std::ops::Range;

use crate::connection::inference::InferenceRule;
use crate::flow::{TCP, Viewed, Way};
use crate::record::ObservedFlags;
use crate::time::SECOND_NS;

/// How long after a SYN the next SYN is still its retransmission. Linux sends its sixth and last
/// retransmission after 63 s and gives up after 127 s.
const SYN_RETRY_NS: i64 = 130 * SECOND_NS;

/// How long after its close late packets still belong to a connection: twice the segment lifetime
/// of RFC 9293 section 3.4.1, as systems configure it.
const LINGER_NS: i64 = 60 * SECOND_NS;

/// Idle time after which a conversation that has no flags, or is not TCP, counts as a new one: the
/// idle timeout of NAT gateways and network load balancers.
const IDLE_NS: i64 = 350 * SECOND_NS;

/// Sorts the records of one conversation and returns the range of each connection.
pub fn split(records: &mut [Viewed]) -> Vec<Range<usize>> {
    records.sort_unstable_by_key(|o| (o.start_ns, stage(o), o.place));
    pair_answers_with_syns(records);
    let mut ranges = Vec::new();
    let mut first = 0;
    let mut current: Option<SplitProgress> = None;
    for (i, o) in records.iter().enumerate() {
        match &mut current {
            Some(progress) if !progress.is_over_before(o) => progress.add(o),
            progress => {
                if i > first {
                    ranges.push(first..i);
                }
                first = i;
                progress.insert(SplitProgress::default()).add(o);
            }
        }
    }
    if first < records.len() {
        ranges.push(first..records.len());
    }
    ranges
}

/// Puts each answer after its own SYN where records of whole connections, from SYN to FIN, have the
/// same start: the first answer after the first SYN, and so on.
///
/// They have the same start where a port was used twice in one interval and the ENI uses the
/// interval's start as the start of each record.
fn pair_answers_with_syns(records: &mut [Viewed]) {
    let is_whole = |o: &Viewed| stage(o) < 2 && o.observed().contains(ObservedFlags::FIN);
    for tied in records.chunk_by_mut(|a, b| a.start_ns == b.start_ns) {
        if tied.iter().filter(|o| is_whole(o)).count() < 3 {
            continue;
        }
        let mut lives = [0_usize; 2];
        let mut placed: Vec<(usize, Viewed)> = Vec::with_capacity(tied.len());
        for o in tied.iter() {
            let life = &mut lives[o.way.index()];
            placed.push((*life, *o));
            *life += usize::from(is_whole(o));
        }
        placed.sort_by_key(|(life, o)| (*life, stage(o), o.place));
        tied.iter_mut().zip(placed).for_each(|(o, (_, p))| *o = p);
    }
}

/// Returns the stage of a connection that a record's flags belong to.
fn stage(o: &Viewed) -> u8 {
    let flags = o.observed();
    if flags.is_syn() {
        0
    } else if flags.is_syn_ack() {
        1
    } else if flags.contains(ObservedFlags::FIN) || flags.contains(ObservedFlags::RST) {
        3
    } else {
        2
    }
}

/// The progress of the current connection.
#[derive(Clone, Copy, Debug, Default)]
struct SplitProgress {
    seen: [bool; 2],
    syn: [bool; 2],
    syn_ack: [bool; 2],
    fin: [bool; 2],
    rst: bool,
    last_syn_ns: i64,
    end_ns: i64,
}

impl SplitProgress {
    fn add(&mut self, o: &Viewed) {
        let (way, flags) = (o.way.index(), o.observed());
        self.seen[way] = true;
        if flags.is_syn() {
            self.syn[way] = true;
            self.last_syn_ns = o.end_ns;
        }
        self.syn_ack[way] |= flags.is_syn_ack();
        self.fin[way] |= flags.contains(ObservedFlags::FIN);
        self.rst |= flags.contains(ObservedFlags::RST);
        self.end_ns = self.end_ns.max(o.end_ns);
    }

    fn is_closed(&self) -> bool {
        self.rst || self.fin == [true; 2]
    }

    /// Whether `o`, the next record, belongs to another connection.
    fn is_over_before(&self, o: &Viewed) -> bool {
        let silence_ns = o.start_ns.saturating_sub(self.end_ns);
        if o.key.protocol != TCP || o.flags.is_none() {
            return InferenceRule::Silence.applies() && silence_ns > IDLE_NS;
        }
        let flags = o.observed();
        if flags.is_syn() {
            return !self.awaits_syn_from(o.way, o.start_ns);
        }
        if flags.is_syn_ack() && self.is_closed() && silence_ns > 0 {
            return true; // its SYN was not logged
        }
        self.is_closed() && silence_ns > LINGER_NS
    }

    /// Whether a SYN in direction `way` at `now_ns` can be part of this connection.
    fn awaits_syn_from(&self, way: Way, now_ns: i64) -> bool {
        let (own, peer) = (way.index(), way.reverse().index());
        if !self.syn[own] && !self.syn[peer] {
            // Listed late: its answer is already here, and nothing else from this side.
            return self.syn_ack[peer] && !self.seen[own];
        }
        let answered = self.seen[peer];
        self.syn[own]
            && !self.fin[own]
            && !answered
            && !self.is_closed()
            && now_ns.saturating_sub(self.last_syn_ns) <= SYN_RETRY_NS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Viewed;
    use crate::flow::observation::tests::{viewed, with};

    #[track_caller]
    fn check(mut records: Vec<Viewed>, expected: &[usize]) {
        let lengths: Vec<usize> = split(&mut records).into_iter().map(|r| r.len()).collect();
        assert_eq!(lengths, expected);
    }

    fn up(start_s: i64, end_s: i64, flags: u8) -> Viewed {
        viewed(Way::Up, 5, 400, start_s, end_s, flags)
    }

    fn down(start_s: i64, end_s: i64, flags: u8) -> Viewed {
        viewed(Way::Down, 5, 400, start_s, end_s, flags)
    }

    #[test]
    fn intervals_of_one_connection_stay_together() {
        check(
            vec![
                up(0, 59, 2),
                down(0, 59, 18),
                up(60, 119, 0),
                down(60, 119, 0),
                up(120, 130, 1),
                down(120, 130, 1),
            ],
            &[6],
        );
    }

    #[test]
    fn syn_after_close_opens_another() {
        check(
            vec![up(0, 5, 3), down(0, 5, 19), up(9, 12, 3), down(9, 12, 19)],
            &[2, 2],
        );
    }

    #[test]
    fn syn_after_answer_opens_another_even_without_a_close() {
        check(
            vec![up(0, 5, 2), down(0, 5, 18), up(70, 72, 2), down(70, 72, 18)],
            &[2, 2],
        );
    }

    #[test]
    fn syn_again_while_unanswered_is_a_retransmission() {
        check(vec![up(0, 7, 2), up(63, 63, 2)], &[2]);
    }

    #[test]
    fn syn_long_after_an_unanswered_one_opens_another() {
        check(vec![up(0, 7, 2), up(600, 607, 2)], &[1, 1]);
    }

    #[test]
    fn syn_ack_listed_before_its_syn_in_the_same_second_is_one_connection() {
        let mut records = vec![down(0, 0, 18), up(0, 0, 2)];
        assert_eq!(split(&mut records).len(), 1);
        assert_eq!(records[0].observed(), ObservedFlags(2));
    }

    #[test]
    fn syn_dated_after_its_syn_ack_is_one_connection() {
        check(vec![down(0, 0, 18), up(1, 1, 2)], &[2]);
    }

    #[test]
    fn port_used_twice_in_one_interval_is_two_connections() {
        let again = |o: Viewed| with(o, |o| o.packets = 6);
        let mut records = vec![
            up(0, 59, 3),
            again(up(0, 59, 3)),
            down(0, 59, 19),
            again(down(0, 59, 19)),
        ];
        assert_eq!(split(&mut records), [0..2, 2..4]);
        let packets: Vec<u64> = records.iter().map(|o| o.packets).collect();
        assert!(packets[0] == packets[1] && packets[2] == packets[3]);
    }

    #[test]
    fn syn_after_own_fin_opens_another_even_without_an_answer() {
        check(vec![up(0, 5, 3), up(20, 25, 3)], &[1, 1]);
    }

    #[test]
    fn late_packets_belong_to_the_closed_connection() {
        check(vec![up(0, 5, 3), down(0, 5, 19), down(20, 20, 0)], &[3]);
    }

    #[test]
    fn without_flags_idle_time_divides_connections() {
        let bare = |o: Viewed| with(o, |o| o.flags = None);
        check(
            vec![
                bare(up(0, 5, 0)),
                bare(down(0, 5, 0)),
                bare(up(60, 65, 0)),
                bare(up(1000, 1001, 0)),
            ],
            &[3, 1],
        );
    }
}
