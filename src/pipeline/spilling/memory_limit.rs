//! The memory that one conversation needs, which cannot be divided.
//!
//! A connection is rebuilt as a whole, since its last record may show which side closed it. So a
//! conversation of millions of records, or records of millions of packets, may need more memory
//! than the limit. That is an error before the memory is allocated.

use crate::connection::Detail;
use crate::error::{ErrorKind, Result};
use crate::flow::{ConnectionKey, Endpoint, Observation, Viewed};

/// Measured bytes for a record while its connection is settled or rebuilt.
const RECORD_COST: u64 = 512;

/// Additional bytes for each of its packets.
const PACKET_COST: u64 = 128;

/// A conversation up to this cost is settled whatever the memory limit.
const ALWAYS: u64 = 16 << 20;

/// The sum of the cost of a conversation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConversationCost {
    records: u64,
    packets: u64,
    /// Packets with [`Detail::Exact`].
    packets_exact: u64,
}

impl ConversationCost {
    /// Returns the cost of these records.
    pub(crate) fn of(records: &[Viewed], detail: Detail) -> Self {
        let mut cost = Self::default();
        records.iter().for_each(|o| cost.count(o, detail));
        cost
    }

    /// Adds a record.
    pub(crate) fn count(&mut self, o: &Observation, detail: Detail) {
        self.records += 1;
        self.packets = self.packets.saturating_add(detail.packets_max(o.packets));
        let exact = Detail::Exact.packets_max(o.packets);
        self.packets_exact = self.packets_exact.saturating_add(exact);
    }

    fn bytes(&self, packets: u64) -> u64 {
        let packets = packets.saturating_mul(PACKET_COST);
        packets.saturating_add(self.records.saturating_mul(RECORD_COST))
    }

    /// Whether it fits in `memory` bytes.
    pub(crate) fn is_within(&self, memory: u64) -> bool {
        self.bytes(self.packets) <= memory.max(ALWAYS)
    }

    /// Checks that the conversation `key` fits in `memory` bytes. Where its detail is not known yet, but a finer
    /// one is only chosen within `packets_budget`, the error says what is enough in any case.
    ///
    /// # Errors
    /// It does not fit.
    pub(crate) fn check(
        &self,
        key: &ConnectionKey,
        memory: u64,
        packets_budget: Option<u64>,
    ) -> Result<()> {
        if self.is_within(memory) {
            return Ok(());
        }
        let finest = |budget: u64| self.packets_exact.min(budget.max(self.packets));
        let packets = packets_budget.map_or(self.packets, finest);
        Err(ErrorKind::NeedsMemory {
            ends: [place(key.low), place(key.high)],
            protocol: key.protocol,
            records: self.records,
            packets,
            needed: self.bytes(packets),
        }
        .into())
    }
}

fn place(endpoint: Endpoint) -> std::net::SocketAddr {
    (endpoint.address, endpoint.port).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Way;
    use crate::flow::observation::tests::viewed;

    #[test]
    fn record_costs_no_more_than_the_packets_written_for_it() {
        let record = viewed(Way::Up, u64::MAX, 40_000_000, 0, 60, 2);
        let cost = ConversationCost::of(&[record], Detail::Exact);
        assert!(cost.check(&record.key, 1 << 30, None).is_ok());
    }

    #[test]
    fn conversation_beyond_the_limit_is_an_error_with_the_required_memory() {
        let records = [viewed(Way::Up, 1_000_000, 40_000_000, 0, 60, 2); 20];
        let key = records[0].key;
        let control = ConversationCost::of(&records, Detail::Control);
        assert!(control.check(&key, 0, None).is_ok());
        let exact = ConversationCost::of(&records, Detail::Exact);
        let error = exact.check(&key, 1 << 30, None).unwrap_err();
        let ErrorKind::NeedsMemory {
            ends,
            records,
            needed,
            ..
        } = error.kind()
        else {
            panic!("{error}");
        };
        assert_eq!(ends[0].to_string(), "10.0.0.1:40000");
        assert_eq!((*records, needed.div_ceil(1 << 20)), (20, 2442));
        assert!(exact.check(&key, 2442 << 20, None).is_ok());
    }

    #[test]
    fn error_says_what_is_enough_for_any_detail_within_the_budget() {
        let records = vec![viewed(Way::Up, 100, 40_000, 0, 60, 2); 40_000];
        let control = ConversationCost::of(&records, Detail::Control);
        let needed = |budget| match control.check(&records[0].key, 0, budget) {
            Err(error) => match error.kind() {
                ErrorKind::NeedsMemory { needed, .. } => *needed,
                _ => 0,
            },
            Ok(()) => 0,
        };
        let of_records = 40_000 * RECORD_COST;
        assert_eq!(needed(None), of_records + 160_000 * PACKET_COST);
        // The budget, all packets, or those of control.
        assert_eq!(
            needed(Some(1_000_000)),
            of_records + 1_000_000 * PACKET_COST
        );
        assert_eq!(needed(Some(u64::MAX)), of_records + 4_000_000 * PACKET_COST);
        assert_eq!(needed(Some(9)), of_records + 160_000 * PACKET_COST);
    }
}
