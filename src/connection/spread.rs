//! When, within its window, each packet of a record goes.
//!
//! A record tells a first and a last second and a count. Packets are spread
//! evenly, but over the stretch in which both ways were active: what one side
//! sends is answered or acknowledged by the other, so a way whose record
//! outlasts the other's was idle there, but for the one packet that stretched
//! it (a late RST, a keep-alive, the SYN of a slow handshake).

use crate::time::SECOND_NS;

/// Records of the other way that are looked at for overlap with one record.
const NEAR_RECORDS: usize = 16;

/// How far from the ends of the stretch the first and the last packet stand,
/// in thousandths of the distance between two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lean {
    pub lead: u64,
    pub tail: u64,
}

impl Lean {
    /// Neither side is known to lead.
    pub(super) const EVEN: Self = Self {
        lead: 500,
        tail: 500,
    };
    /// Questions stand before their answers; two asked at once, such as for A
    /// and AAAA, stand before both.
    pub(super) const ASKS: Self = Self {
        lead: 350,
        tail: 1_500,
    };
    /// Answers stand behind their questions.
    pub(super) const ANSWERS: Self = Self {
        lead: 1_500,
        tail: 350,
    };
    /// Questions that are answered before the next is asked.
    pub(super) const ASKS_IN_TURN: Self = Self {
        lead: 400,
        tail: 600,
    };
    /// The answers to these.
    pub(super) const ANSWERS_IN_TURN: Self = Self {
        lead: 600,
        tail: 400,
    };
    /// The initiator of a connection, once its request is out: it waits for an
    /// ACK and the first segments of the response before it goes on, and the
    /// responder has the last word more often than not.
    ///
    /// Fitted to the order of packets in 312 real connections of 19 captures;
    /// each half of the captures, taken alone, asks for nearly the same.
    pub(super) const AWAITS: Self = Self {
        lead: 2_500,
        tail: 1_000,
    };
    /// The responder, which answers as soon as it is asked.
    pub(super) const RESPONDS: Self = Self {
        lead: 300,
        tail: 1_000,
    };
}

/// Where the packets of one record go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spread {
    /// The record's window: first instant, and first one after.
    pub window: (i64, i64),
    /// The part of it in which the other way was active too.
    pub active: (i64, i64),
}

impl Spread {
    /// A record of this window, before anything is known of the other way.
    pub(super) fn alone(window: (i64, i64)) -> Self {
        Self {
            window,
            active: window,
        }
    }

    /// A record of this window beside records of the other way, in order of start.
    pub(super) fn beside(window: (i64, i64), others: impl Iterator<Item = (i64, i64)>) -> Self {
        let near = others.filter(|other| other.0 < window.1 && window.0 < other.1);
        let met = near.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let active = met.map_or(window, |met| (window.0.max(met.0), window.1.min(met.1)));
        Self { window, active }
    }

    /// Whether the first packet stands before the active stretch, by itself.
    pub(super) fn starts_early(&self) -> bool {
        self.active.0 - self.window.0 >= SECOND_NS
    }

    /// Whether the last packet stands behind the active stretch, by itself.
    pub(super) fn ends_late(&self) -> bool {
        self.window.1 - self.active.1 >= SECOND_NS
    }

    /// When the packet at `index` of `count` goes.
    ///
    /// `opened` says that other packets of the record stand before these, so
    /// that the beginning of the window is theirs.
    pub(super) fn instant(&self, index: u64, count: u64, lean: Lean, opened: bool) -> i64 {
        let first_alone = u64::from(self.starts_early() && !opened && count > 1);
        let last_alone = u64::from(self.ends_late() && count > 1 + first_alone);
        if index < first_alone {
            return self.window.0 + SECOND_NS / 2;
        }
        if index + last_alone >= count && last_alone > 0 {
            return self.window.1 - SECOND_NS / 2;
        }
        let (place, places) = (index - first_alone, count - first_alone - last_alone);
        let length = self.active.1 - self.active.0;
        let whole = (places - 1) * 1000 + lean.lead + lean.tail;
        self.active.0 + share(length, place * 1000 + lean.lead, whole)
    }
}

/// The spread of a window beside those of the other way's records, which are in order of start.
pub(super) fn spread_beside<T>(
    own: (i64, i64),
    others: &[T],
    window: impl Fn(&T) -> (i64, i64),
) -> Spread {
    // Those that may overlap are the last that begin before its end.
    let behind = others.partition_point(|other| window(other).0 < own.1);
    let near = others[..behind].iter().rev().take(NEAR_RECORDS);
    Spread::beside(own, near.map(window))
}

/// `part / whole` of a length, without overflow.
pub(super) fn share(length: i64, part: u64, whole: u64) -> i64 {
    // All but absurd records stay within 64 bits, whose division is ten times as fast.
    let product = length.checked_mul(i64::try_from(part).unwrap_or(i64::MAX));
    if let (Some(product), Ok(whole)) = (product, i64::try_from(whole.max(1))) {
        return product / whole;
    }
    let scaled = i128::from(length) * i128::from(part) / i128::from(whole.max(1));
    i64::try_from(scaled).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = SECOND_NS;

    #[test]
    fn packets_of_one_way_alone_are_spread_over_its_window() {
        let spread = Spread::alone((0, 10 * S));
        let at = |i| spread.instant(i, 5, Lean::EVEN, false);
        assert_eq!((at(0), at(4)), (S, 9 * S));
    }

    #[test]
    fn all_but_the_last_packet_stand_where_the_other_way_is_active() {
        let spread = Spread::beside((0, 60 * S), std::iter::once((0, 2 * S)));
        let at = |i| spread.instant(i, 5, Lean::EVEN, false);
        assert!(at(3) < 2 * S);
        assert_eq!(at(4), 59 * S + S / 2);
    }

    #[test]
    fn first_packet_stands_alone_where_the_other_way_begins_later() {
        let spread = Spread::beside((0, 4 * S), std::iter::once((3 * S, 4 * S)));
        let at = |i| spread.instant(i, 3, Lean::EVEN, false);
        assert_eq!(at(0), S / 2);
        assert!(at(1) >= 3 * S);
    }

    #[test]
    fn record_that_meets_no_other_keeps_its_window() {
        let spread = Spread::beside((0, S), std::iter::once((5 * S, 6 * S)));
        assert_eq!(spread, Spread::alone((0, S)));
    }
}
