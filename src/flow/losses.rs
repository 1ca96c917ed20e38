//! Packets that a Transit Gateway lost. Its records count them next to the packets it forwarded.
//!
//! Few archives have these columns, and few records in them count any losses, so the losses are
//! kept apart from [`Observation`](crate::flow::Observation), which exists for every record.

use serde::{Deserialize, Serialize};

use crate::record::{Field, Layout, Record};

/// Packets lost, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losses {
    /// `packets-lost-no-route`: there was no route to the destination.
    pub no_route: u64,
    /// `packets-lost-blackhole`: the route is a blackhole.
    pub blackhole: u64,
    /// `packets-lost-mtu-exceeded`: the packet was longer than the MTU.
    pub mtu_exceeded: u64,
    /// `packets-lost-ttl-expired`: the time to live expired.
    pub ttl_expired: u64,
}

/// The columns that count lost packets.
const FIELDS: [Field; 4] = [
    Field::PacketsLostNoRoute,
    Field::PacketsLostBlackhole,
    Field::PacketsLostMtuExceeded,
    Field::PacketsLostTtlExpired,
];

impl Losses {
    /// Whether lines with `layout` count lost packets.
    pub fn are_in(layout: &Layout) -> bool {
        FIELDS.iter().any(|field| layout.index_of(*field).is_some())
    }

    /// Returns the losses of a record; `None` if there are none. A value that is not a number
    /// counts as 0.
    pub fn of(record: &Record<'_>, layout: &Layout) -> Option<Self> {
        let count = |field| {
            let text = std::str::from_utf8(record.get(layout, field)?).ok()?;
            text.parse().ok()
        };
        let [no_route, blackhole, mtu_exceeded, ttl_expired] =
            FIELDS.map(|field| count(field).unwrap_or(0));
        let losses = Self {
            no_route,
            blackhole,
            mtu_exceeded,
            ttl_expired,
        };
        (losses != Self::default()).then_some(losses)
    }

    /// Returns each cause with its number of packets, without causes that have none.
    pub fn by_cause(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let all = [
            ("no-route", self.no_route),
            ("blackhole", self.blackhole),
            ("mtu-exceeded", self.mtu_exceeded),
            ("ttl-expired", self.ttl_expired),
        ];
        all.into_iter().filter(|(_, packets)| *packets > 0)
    }

    /// Adds the losses of other records.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.no_route, other.no_route),
            (&mut self.blackhole, other.blackhole),
            (&mut self.mtu_exceeded, other.mtu_exceeded),
            (&mut self.ttl_expired, other.ttl_expired),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RecordText;

    fn losses(cells: &str) -> Option<Losses> {
        let layout = Layout::from_format(
            "srcaddr packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded \
             packets-lost-ttl-expired",
        );
        let line = format!("10.0.0.1 {cells}");
        let record = Record {
            text: RecordText::Line(line.as_bytes()),
            ..Record::default()
        };
        Losses::of(&record, &layout.unwrap())
    }

    #[test]
    fn each_cause_is_counted_under_its_name() {
        let losses = losses("4 0 2 1").unwrap();
        let named: Vec<_> = losses.by_cause().collect();
        assert_eq!(
            named,
            [("no-route", 4), ("mtu-exceeded", 2), ("ttl-expired", 1)]
        );
    }

    #[test]
    fn zeros_dashes_and_words_are_not_losses() {
        assert_eq!(losses("0 0 0 0"), None);
        assert_eq!(losses("- - x -1"), None);
    }

    #[test]
    fn only_layouts_with_such_columns_count_them() {
        assert!(!Losses::are_in(&Layout::default_v2()));
        let layout = Layout::from_format("srcaddr dstaddr packets-lost-blackhole").unwrap();
        assert!(Losses::are_in(&layout));
    }
}
