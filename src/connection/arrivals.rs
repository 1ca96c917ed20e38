//! What one side has sent that the other side can acknowledge, segment by segment.
//!
//! Receivers acknowledge whole segments. Only where more pure ACKs follow than segments has an ACK to
//! end inside one.

/// The most segments whose ends are known. Older ones are forgotten.
const ENDS_MAX: usize = 4096;

/// The ends of the segments that are not acknowledged yet, in order, as sequence numbers.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    ends: Vec<u32>,
    /// How many of `ends` are forgotten.
    forgotten: usize,
}

impl Arrivals {
    fn known(&self) -> &[u32] {
        &self.ends[self.forgotten..]
    }

    /// Adds a segment that consumed sequence numbers and ends before `end`.
    #[inline]
    pub(super) fn add(&mut self, end: u32) {
        if self.ends.len() - self.forgotten == ENDS_MAX {
            self.forgotten += 1;
        }
        if self.forgotten >= ENDS_MAX {
            self.ends.drain(..self.forgotten);
            self.forgotten = 0;
        }
        self.ends.push(end);
    }

    /// Returns the end of a segment after `acked` and not after `most`, after which `left` segments
    /// remain.
    #[inline]
    pub(super) fn end_leaving(&self, acked: u32, most: u32, left: u32) -> Option<u32> {
        let ends = self.known();
        let until = match ends.last() {
            Some(last) if *last == most => ends.len(), // as nearly always
            _ => ends.partition_point(|end| !precedes(most, *end)),
        };
        let count = ends.len().saturating_sub(left as usize).min(until);
        let end = count.checked_sub(1).map(|index| ends[index]);
        end.filter(|end| precedes(acked, *end))
    }

    /// Returns the latest end of a segment after `acked` and not after `most`.
    pub(super) fn latest_end(&self, acked: u32, most: u32) -> Option<u32> {
        self.end_leaving(acked, most, 0)
    }

    /// Forgets the segments that are acknowledged.
    #[inline]
    pub(super) fn acknowledge(&mut self, acked: u32) {
        let known = self.known();
        let acknowledged = known.iter().take_while(|end| !precedes(acked, **end));
        self.forgotten += acknowledged.count();
    }
}

/// Whether `a` lies before `b` in sequence space (RFC 9293 section 3.4).
#[inline]
pub(super) fn precedes(a: u32, b: u32) -> bool {
    let ahead = b.wrapping_sub(a);
    ahead != 0 && ahead < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ends: &[u32]) -> Arrivals {
        let mut arrivals = Arrivals::default();
        ends.iter().for_each(|end| arrivals.add(*end));
        arrivals
    }

    #[test]
    fn whole_segments_are_left_for_the_acks_that_follow() {
        let arrivals = of(&[100, 200, 300]);
        assert_eq!(arrivals.end_leaving(0, 300, 0), Some(300));
        assert_eq!(arrivals.end_leaving(0, 299, 1), Some(200));
        assert_eq!(arrivals.end_leaving(0, 298, 2), Some(100));
        assert_eq!(arrivals.end_leaving(0, 297, 3), None);
        assert_eq!(arrivals.end_leaving(100, 298, 2), None);
    }

    #[test]
    fn latest_end_leaves_the_bytes_that_have_to_remain() {
        let arrivals = of(&[100, 200]);
        assert_eq!(arrivals.latest_end(0, 197), Some(100));
        assert_eq!(arrivals.latest_end(100, 199), None);
    }

    #[test]
    fn acknowledged_segments_are_forgotten_past_the_end_of_sequence_space() {
        let mut arrivals = of(&[u32::MAX - 5, 10, 20]);
        arrivals.acknowledge(10);
        assert_eq!(arrivals.latest_end(10, 20), Some(20));
        arrivals.acknowledge(20);
        assert_eq!(arrivals.latest_end(20, 20), None);
    }
}
