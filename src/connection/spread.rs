//! Places each packet of a record within the record's window.
//!
//! A record has a first and a last second and a count. Packets are spread evenly, but only over the
//! time in which both directions were active. Each side's packets are answered or acknowledged by
//! the other, so a direction whose record lasts longer than the other's was idle in the remaining
//! time, except for the one packet that extended it (a late RST, a keep-alive, the SYN of a slow
//! handshake).

use crate::connection::inference::{InferenceRule, fitted};
use crate::time::SECOND_NS;

/// The number of records of the other direction that are checked for overlap with one record.
const NEAR_RECORDS: usize = 16;

/// The distance of the first and the last packet from the ends of the active time, in thousandths
/// of the distance between two packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bias {
    pub lead: u64,
    pub tail: u64,
}

impl Bias {
    /// Neither side is known to go first.
    pub(super) const EVEN: Self = Self {
        lead: 500,
        tail: 500,
    };
    /// Questions come before their answers; two questions asked at once, such as for A and AAAA,
    /// come before both answers.
    pub(super) const ASKS: Self = Self {
        lead: 350,
        tail: 1_500,
    };
    /// Answers come after their questions.
    pub(super) const ANSWERS: Self = Self {
        lead: 1_500,
        tail: 350,
    };
    /// Questions that are each answered before the next one is asked.
    pub(super) const ASKS_IN_TURN: Self = Self {
        lead: 400,
        tail: 600,
    };
    /// The answers to such questions.
    pub(super) const ANSWERS_IN_TURN: Self = Self {
        lead: 600,
        tail: 400,
    };
    /// The initiator of a connection, once its request is out: it waits for an ACK and the first
    /// segments of the response before it continues, and the responder usually sends the last
    /// segment. Used where nothing says what the last packet of the record is.
    pub(super) const AWAITS: Self = Self {
        lead: 2_500,
        tail: 1_000,
    };
    /// The same in a record in which the initiator does not close: the conversation continues, so
    /// more of the response may follow in the next record.
    pub(super) const AWAITS_ON: Self = Self {
        lead: 2_200,
        tail: 1_000,
    };
    /// The same in a record that ends with the initiator's FIN and no RST: the responder has little
    /// left to send.
    pub(super) const AWAITS_CLOSE: Self = Self {
        lead: 2_500,
        tail: 500,
    };
    /// The responder, which answers as soon as it receives the request.
    pub(super) const RESPONDS: Self = Self {
        lead: 300,
        tail: 1_000,
    };
}

impl Bias {
    /// Returns this bias, which has that name, unless a build with `ablation` is given other numbers.
    #[inline]
    pub(super) fn fitted(self, name: &str) -> Self {
        Self {
            lead: fitted(name, "lead", self.lead),
            tail: fitted(name, "tail", self.tail),
        }
    }

    /// Returns the bias of `own` answers to `asked` questions over UDP.
    ///
    /// The fewer answers there are, the more questions follow the last one.
    pub(super) fn answers(own: u64, asked: u64) -> Self {
        let answers = Self::ANSWERS.fitted("ANSWERS");
        let missing = asked.saturating_sub(own);
        let more = u128::from(UNANSWERED_TAIL - answers.tail) * u128::from(missing);
        let tail = more / u128::from(asked.max(1));
        Self {
            lead: answers.lead,
            tail: answers.tail + u64::try_from(tail).unwrap_or_default(),
        }
    }
}

/// The tail of answers where hardly any question is answered.
const UNANSWERED_TAIL: u64 = 1_000;

/// The times of a record's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spread {
    /// The record's window: its first instant, and the first instant after it.
    pub window: (i64, i64),
    /// The part of the window in which the other direction was active too.
    pub active: (i64, i64),
}

impl Spread {
    /// Returns the spread for this window, before anything is known of the other direction.
    pub(super) fn alone(window: (i64, i64)) -> Self {
        Self {
            window,
            active: window,
        }
    }

    /// Returns the spread for this window, given the windows of the other direction in order of
    /// start.
    pub(super) fn among(window: (i64, i64), others: impl Iterator<Item = (i64, i64)>) -> Self {
        let near = others.filter(|other| other.0 < window.1 && window.0 < other.1);
        let busy = near.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let active = busy.map_or(window, |busy| (window.0.max(busy.0), window.1.min(busy.1)));
        Self { window, active }
    }

    /// Whether the first packet comes alone, before the active time.
    pub(super) fn starts_early(&self) -> bool {
        self.active.0 - self.window.0 >= SECOND_NS
    }

    /// Whether the last packet comes alone, after the active time.
    pub(super) fn ends_late(&self) -> bool {
        self.window.1 - self.active.1 >= SECOND_NS
    }

    /// Returns the times of `count` packets.
    ///
    /// `opened` says that other packets of the record come before these, and take the beginning of
    /// the window.
    pub(super) fn pace(&self, count: u64, bias: Bias, opened: bool) -> Pace {
        let first_alone = u64::from(self.starts_early() && !opened && count > 1);
        let last_alone = u64::from(self.ends_late() && count > 1 + first_alone);
        let places = count.saturating_sub(first_alone + last_alone);
        let length = self.active.1 - self.active.0;
        let whole = places.saturating_sub(1) * 1000 + bias.lead + bias.tail;
        Pace {
            window: self.window,
            first_alone,
            last_alone_from: if last_alone > 0 {
                count - last_alone
            } else {
                u64::MAX
            },
            from_ns: self.active.0,
            length,
            lead: bias.lead,
            whole,
            is_small: (0..=LENGTH_SMALL).contains(&length) && (1..=PART_SMALL).contains(&whole),
        }
    }

    /// Returns the time of the packet at `index` of `count`, as [`pace`](Self::pace) does.
    #[cfg(test)]
    fn instant(&self, index: u64, count: u64, bias: Bias, opened: bool) -> i64 {
        self.pace(count, bias, opened).instant(index)
    }
}

/// The times of equally distant packets, of which the first and the last may come alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    window: (i64, i64),
    /// How many packets come before the active time.
    first_alone: u64,
    /// The first index after it.
    last_alone_from: u64,
    /// The active time.
    from_ns: i64,
    length: i64,
    /// The place of the first packet in the active time, and the number of places, in thousandths.
    lead: u64,
    whole: u64,
    /// Whether these are small enough to be multiplied without a look.
    is_small: bool,
}

/// The length of five minutes, which few records exceed.
const LENGTH_SMALL: i64 = 300 * SECOND_NS;

/// Thousandths of 30,000 places.
const PART_SMALL: u64 = 30_000_000;

impl Pace {
    /// Returns the time of the packet at `index`.
    #[inline]
    pub(super) fn instant(&self, index: u64) -> i64 {
        if index < self.first_alone {
            return self.window.0 + SECOND_NS / 2;
        }
        if index >= self.last_alone_from {
            return self.window.1 - SECOND_NS / 2;
        }
        let part = (index - self.first_alone) * 1000 + self.lead;
        if self.is_small && part <= PART_SMALL {
            // The product is less than 2^63.
            return self.from_ns + self.length * part.cast_signed() / self.whole.cast_signed();
        }
        self.from_ns + share(self.length, part, self.whole)
    }
}

/// Returns the spread of a window, given the other direction's records in order of start.
pub(super) fn spread_among<T>(
    own: (i64, i64),
    others: &[T],
    window: impl Fn(&T) -> (i64, i64),
) -> Spread {
    // Records that may overlap are the last ones that begin before its end.
    let begun = others.partition_point(|other| window(other).0 < own.1);
    let most = if InferenceRule::ActiveTime.applies() {
        NEAR_RECORDS
    } else {
        0
    };
    let near = others[..begun].iter().rev().take(most);
    Spread::among(own, near.map(window))
}

/// Returns `part / whole` of a length, without overflow.
pub(super) fn share(length: i64, part: u64, whole: u64) -> i64 {
    // All realistic records fit 64 bits, whose division is ten times as fast.
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
    fn packets_of_a_lone_direction_are_spread_over_its_window() {
        let spread = Spread::alone((0, 10 * S));
        let at = |i| spread.instant(i, 5, Bias::EVEN, false);
        assert_eq!((at(0), at(4)), (S, 9 * S));
    }

    #[test]
    fn all_packets_but_the_last_are_placed_while_the_other_direction_is_active() {
        let spread = Spread::among((0, 60 * S), std::iter::once((0, 2 * S)));
        let at = |i| spread.instant(i, 5, Bias::EVEN, false);
        assert!(at(3) < 2 * S);
        assert_eq!(at(4), 59 * S + S / 2);
    }

    #[test]
    fn first_packet_comes_alone_where_the_other_direction_begins_later() {
        let spread = Spread::among((0, 4 * S), std::iter::once((3 * S, 4 * S)));
        let at = |i| spread.instant(i, 3, Bias::EVEN, false);
        assert_eq!(at(0), S / 2);
        assert!(at(1) >= 3 * S);
    }

    #[test]
    fn record_that_overlaps_no_other_keeps_its_window() {
        let spread = Spread::among((0, S), std::iter::once((5 * S, 6 * S)));
        assert_eq!(spread, Spread::alone((0, S)));
    }
}
