//! How many packets a capture gets: what the user wants, and the detail that follows from the records.
//!
//! Wireshark opens a million packets in seconds, and is slow beyond that. So unless a detail is given, the
//! records of the selection are counted with every detail, and the finest one is taken that stays
//! within a budget. The choice follows from the records alone: not from the threads, the memory, or the
//! order of files.

use serde::{Deserialize, Serialize};

use crate::connection::{Detail, packets_about, packets_of};
use crate::flow::{Observation, Viewed};
use crate::summary::{DetailUsed, WIRESHARK_PACKETS};

/// How many packets are written for each record, as given by the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetailChoice {
    /// As many as are logged, if that is about `packets` for all records together. Otherwise at most 64, 32,
    /// 16, 8 or 4 for each record, whichever is the first that stays within `packets`, or else
    /// [`Detail::Control`], even if that has more.
    Auto {
        /// The most packets of the capture.
        packets: u64,
    },
    /// This detail, whatever becomes of it.
    Fixed(Detail),
}

impl Default for DetailChoice {
    fn default() -> Self {
        Self::Auto {
            packets: WIRESHARK_PACKETS,
        }
    }
}

impl From<Detail> for DetailChoice {
    fn from(detail: Detail) -> Self {
        Self::Fixed(detail)
    }
}

/// The details among which [`DetailChoice::Auto`] chooses, from the finest to the coarsest.
pub(crate) const DETAILS: [Detail; 7] = [
    Detail::Exact,
    compact(64),
    compact(32),
    compact(16),
    compact(8),
    compact(4),
    Detail::Control,
];

const fn compact(per_record_max: u64) -> Detail {
    Detail::Compact { per_record_max }
}

/// Approximate packets of some records with each detail among which [`DetailChoice::Auto`] chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PacketsByDetail {
    packets: [u64; DETAILS.len()],
    /// Packets that the records count.
    logged: u64,
}

impl PacketsByDetail {
    /// Counts a record of which the connection is not known yet.
    pub(crate) fn count(&mut self, o: &Observation) {
        for (sum, detail) in self.packets.iter_mut().zip(DETAILS) {
            *sum = sum.saturating_add(packets_about(o, detail));
        }
        self.logged = self.logged.saturating_add(o.packets);
    }

    /// Counts a connection. Returns its packets with the coarsest detail.
    pub(crate) fn count_connection(&mut self, records: &[Viewed]) -> u64 {
        let mut packets = 0;
        for (sum, detail) in self.packets.iter_mut().zip(DETAILS) {
            packets = packets_of(records, detail);
            *sum = sum.saturating_add(packets);
        }
        let logged = records.iter().map(|o| o.packets);
        self.logged = logged.fold(self.logged, u64::saturating_add);
        packets
    }

    /// Adds the packets of other records.
    pub(crate) fn add(&mut self, other: Self) {
        for (sum, more) in self.packets.iter_mut().zip(other.packets) {
            *sum = sum.saturating_add(more);
        }
        self.logged = self.logged.saturating_add(other.logged);
    }

    /// Returns the packets with each of [`DETAILS`].
    pub(crate) fn counts(&self) -> impl Iterator<Item = u64> {
        self.packets.into_iter()
    }

    /// Returns the packets that are logged. [`Detail::Exact`] has fewer if a record counts millions.
    pub(crate) fn logged(&self) -> u64 {
        self.logged
    }

    /// Returns the packets with [`Detail::Exact`].
    pub(crate) fn exact(&self) -> u64 {
        self.packets[0]
    }

    /// Returns the finest detail with at most this many packets, or the coarsest one, and its packets.
    pub(crate) fn finest_within(&self, packets_max: u64) -> (Detail, u64) {
        let all = DETAILS.into_iter().zip(self.packets);
        let coarsest = (Detail::Control, self.packets[DETAILS.len() - 1]);
        let mut fitting = all.filter(|(_, packets)| *packets <= packets_max);
        fitting.next().unwrap_or(coarsest)
    }
}

impl DetailChoice {
    /// Returns a detail that is as coarse as any that may be chosen.
    pub(crate) fn coarsest(self) -> Detail {
        match self {
            Self::Auto { .. } => Detail::Control,
            Self::Fixed(detail) => detail,
        }
    }

    /// Returns what remains of the choice if the capture must have at most `packets_max` packets.
    pub(crate) fn at_most(self, packets_max: Option<u64>) -> Self {
        match self {
            Self::Auto { packets } => Self::Auto {
                packets: packets_max.map_or(packets, |most| most.min(packets)),
            },
            fixed @ Self::Fixed(_) => fixed,
        }
    }

    /// Returns the detail for records that have these packets.
    pub(crate) fn for_packets(self, packets: &PacketsByDetail) -> Detail {
        match self {
            Self::Auto { packets: most } => packets.finest_within(most).0,
            Self::Fixed(detail) => detail,
        }
    }

    /// Describes the detail that was chosen.
    pub(crate) fn used(self, detail: Detail) -> DetailUsed {
        let (name, max_per_record) = match detail {
            Detail::Exact => ("exact", None),
            Detail::Compact { per_record_max } => ("compact", Some(per_record_max)),
            Detail::Control => ("control", None),
        };
        DetailUsed {
            name,
            max_per_record,
            packets_budget: self.packets_budget(),
        }
    }

    /// Returns the number of packets within which the detail is chosen; `None` if it is given.
    pub(crate) fn packets_budget(self) -> Option<u64> {
        match self {
            Self::Auto { packets } => Some(packets),
            Self::Fixed(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Way;
    use crate::flow::observation::tests::viewed;

    /// Records of 100, 10 and 1 packets, ten of each.
    fn records() -> PacketsByDetail {
        let mut all = PacketsByDetail::default();
        for packets in [100, 10, 1] {
            (0..10).for_each(|_| all.count(&viewed(Way::Up, packets, 100 * packets, 0, 60, 0x10)));
        }
        all
    }

    #[test]
    fn finest_detail_that_stays_within_the_budget_is_chosen() {
        let packets = records();
        assert_eq!(packets.logged(), 1_110);
        for (budget, detail, becomes) in [
            (1_110, Detail::Exact, 1_110),
            (1_109, compact(64), 750),
            (749, compact(32), 430),
            (429, compact(16), 270),
            (269, compact(8), 170),
            (169, compact(4), 90),
            (89, Detail::Control, 30),
            (0, Detail::Control, 30),
        ] {
            assert_eq!(packets.finest_within(budget), (detail, becomes));
            let choice = DetailChoice::Auto { packets: budget };
            assert_eq!(choice.for_packets(&packets), detail);
        }
    }

    #[test]
    fn limit_of_packets_lowers_the_budget_and_no_given_detail() {
        let auto = DetailChoice::default();
        assert_eq!(auto.at_most(None), auto);
        assert_eq!(auto.at_most(Some(5)), DetailChoice::Auto { packets: 5 });
        assert_eq!(auto.at_most(Some(u64::MAX)), auto);
        let exact = DetailChoice::Fixed(Detail::Exact);
        assert_eq!(exact.at_most(Some(5)), exact);
        assert_eq!(exact.for_packets(&records()), Detail::Exact);
    }
}
