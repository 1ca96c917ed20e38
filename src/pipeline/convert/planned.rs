//! What a capture will be: decided when all records are settled, and before anything is written.

use crate::connection::Detail;
use crate::error::Result;
use crate::flow::Enis;
use crate::pipeline::settling::conversations::Totals;
use crate::pipeline::settling::packet_budget::{DetailChoice, PacketsByDetail};
use crate::pipeline::settling::settle::SettleCounts;
use crate::pipeline::settling::time_slices::Slices;
use crate::summary::{DetailUsed, FilterSuggestion, WIRESHARK_PACKETS};

/// What a conversion is about to write, and why.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlannedCapture {
    /// The detail of the capture.
    pub detail: DetailUsed,
    /// How many packets are logged for the records that are used; 0 if the detail was given.
    pub packets_logged: u64,
    /// How many of them can be written; fewer if a record counts millions.
    pub packets_exact: u64,
    /// About how many of them are written.
    pub packets: u64,
    /// Filters to try, if there are more packets than Wireshark handles well, or than were wanted.
    pub suggested_filters: Vec<FilterSuggestion>,
}

/// Called with what the capture will be.
pub type Announce<'a> = &'a (dyn Fn(&PlannedCapture) + Sync);

/// Cuts the time of the archive into slices. The detail is not known before they are used, so it is
/// taken to be the one for all records.
pub(super) fn slices(memory: u64, choice: DetailChoice, totals: Totals) -> Slices {
    let starts = match choice {
        DetailChoice::Auto { packets } => {
            let (_, packets) = totals.packets.finest_within(packets);
            totals.starts.scaled_to(packets)
        }
        DetailChoice::Fixed(_) => totals.starts,
    };
    Slices::within(memory, &starts)
}

/// Decides what the capture will be. The packets of all runs that share the archive decide, if they are
/// known.
///
/// # Errors
/// It would have more than `limit` packets.
pub(super) fn planned(
    choice: DetailChoice,
    limit: Option<u64>,
    settled: &SettleCounts,
    of_all: Option<&PacketsByDetail>,
    enis: &Enis,
) -> Result<(Detail, PlannedCapture)> {
    let (by_detail, by_filter) = (&settled.by_detail, &settled.by_filter);
    let by_detail = of_all.unwrap_or(by_detail);
    let (packets, wanted) = match choice {
        DetailChoice::Auto { packets } => (by_detail.finest_within(packets).1, packets),
        DetailChoice::Fixed(_) => (by_filter.packets(), limit.unwrap_or(WIRESHARK_PACKETS)),
    };
    let detail = choice.for_packets(by_detail);
    let planned = PlannedCapture {
        detail: choice.used(detail),
        packets_logged: by_detail.logged(),
        packets_exact: by_detail.exact(),
        packets,
        suggested_filters: by_filter.suggest(enis, wanted, limit, choice.coarsest())?,
    };
    Ok((detail, planned))
}
