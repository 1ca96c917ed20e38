//! The account of a run: every file, line, record, packet and byte of its input.
//!
//! Every line is counted in exactly one category, and the bytes written are those of the used
//! records plus the bytes that are listed as added. `cli::summary` prints the account as text;
//! `--json` serializes it unchanged.

mod events;
mod output;
mod reasons;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::connection::Outcome;
use crate::flow::{Assumed, Losses};

pub(crate) use self::reasons::EXAMPLES_MAX;
pub use self::{
    events::EventSummary,
    output::{FilterSuggestion, OutputFile, OutputPart, OutputParts, WIRESHARK_PACKETS},
    reasons::{Example, Reason, Reasons},
};

/// The most SKIPDATA gaps that are listed; more are only counted.
const GAPS_MAX: usize = 1_000;

/// The complete account of a run.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Files and their bytes.
    pub input: Input,
    /// Lines and records.
    pub records: Records,
    /// Earliest start and latest end of the used records, nanoseconds since the epoch.
    pub span_ns: Option<(i64, i64)>,
    /// ENIs that wrote the records.
    pub enis: u64,
    /// Connections, including conversations that are not TCP.
    pub connections: Connections,
    /// Packets and bytes, logged and written.
    pub packets: Packets,
    /// How many packets are written for each record.
    pub detail: DetailUsed,
    /// Filters to try, if there are more packets than Wireshark handles well.
    pub suggested_filters: Vec<FilterSuggestion>,
    /// Requested time range, nanoseconds since the epoch; `null` where it is unlimited.
    pub requested_ns: Option<(Option<i64>, Option<i64>)>,
    /// Events of other AWS logs by kind, if they were read.
    pub events: BTreeMap<&'static str, EventSummary>,
    /// The capture, or its parts.
    pub output: OutputFile,
    /// Bytes written to temporary files because memory was full.
    pub spilled_bytes: u64,
    /// Wall time, milliseconds.
    pub elapsed_ms: u64,
}

/// How many packets a capture has for each record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DetailUsed {
    /// The value of `--detail` that gives the same capture: `exact`, `compact` or `control`.
    pub name: &'static str,
    /// The most packets of a record, with `compact`.
    pub max_per_record: Option<u64>,
    /// The number of packets within which the detail was chosen; `null` for a detail that was given.
    pub packets_budget: Option<u64>,
}

/// Files and their bytes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Input {
    /// Files read.
    pub files: u64,
    /// Their bytes, compressed if they are.
    pub file_bytes: u64,
    /// Files not read, by reason.
    pub left_out: Reasons,
    /// Files that were not opened, because their paths show that they cannot match the filter.
    pub pruned: u64,
    /// Bytes of these files.
    pub pruned_file_bytes: u64,
    /// Row groups of tables that were not read, because their statistics show that they cannot
    /// match the filter.
    pub row_groups_pruned: u64,
    /// Rows in these row groups.
    pub rows_pruned: u64,
    /// Files that were read in part, because the rest is damaged.
    pub damaged: Reasons,
    /// Files by the source of their column order.
    pub layouts: BTreeMap<String, u64>,
    /// Files by format and container.
    pub kinds: BTreeMap<String, u64>,
}

impl Input {
    /// Adds files that come after these.
    pub fn add(&mut self, later: Self) {
        self.files = self.files.saturating_add(later.files);
        self.file_bytes = self.file_bytes.saturating_add(later.file_bytes);
        self.left_out.add(later.left_out);
        self.pruned = self.pruned.saturating_add(later.pruned);
        self.pruned_file_bytes = self
            .pruned_file_bytes
            .saturating_add(later.pruned_file_bytes);
        self.row_groups_pruned = self
            .row_groups_pruned
            .saturating_add(later.row_groups_pruned);
        self.rows_pruned = self.rows_pruned.saturating_add(later.rows_pruned);
        self.damaged.add(later.damaged);
        for (evidence, files) in later.layouts {
            add_count(self.layouts.entry(evidence).or_default(), files);
        }
        for (kind, files) in later.kinds {
            add_count(self.kinds.entry(kind).or_default(), files);
        }
    }
}

fn add_count(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}

/// The account of every line.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Records {
    /// Number of lines.
    pub lines: u64,
    /// Header lines.
    pub headers: u64,
    /// Empty lines.
    pub blank: u64,
    /// Messages that CloudWatch writes to check that a destination exists.
    pub control: u64,
    /// Records used in the output.
    pub used: u64,
    /// Records that repeat another record of the same ENI.
    pub duplicates: u64,
    /// Records whose packets were already logged at another ENI.
    pub other_vantage: u64,
    /// Records that neither match the filter nor belong to a connection with a matching record.
    pub filtered: u64,
    /// Records of conversations in other shards, if the archive is divided among several runs.
    pub other_shard: u64,
    /// Records without the fields that the filter needs. They are also counted in another category.
    pub missing_filter_field: u64,
    /// Records with tags that contain blanks without quotes, so that it is not clear which words are
    /// of which tag. They have no tags, and are also counted in another category.
    pub unclear_tags: u64,
    /// NODATA: the ENI saw no traffic.
    pub no_data: u64,
    /// SKIPDATA: AWS dropped records.
    pub skip_data: u64,
    /// Lines that are not records, and records that cannot become packets, by reason.
    pub skipped: Reasons,
    /// Intervals in which AWS dropped records.
    pub gaps: Vec<Gap>,
    /// Number of such gaps at each ENI, including those that are not listed.
    pub gaps_by_eni: BTreeMap<String, u64>,
    /// Packets lost by Transit Gateways, from all records that match the filter except for its
    /// time; summed over all ENIs.
    pub lost: Losses,
    /// Assumptions that were necessary to use records.
    pub assumed: AssumedCounts,
    /// Records that were read and do not have some value themselves.
    #[serde(skip)]
    pub unlogged: UnloggedCounts,
    /// Records that were read whose `bytes` do not count IP packets, by what they count: `payload`
    /// or `ethernet_frame`.
    pub byte_units: BTreeMap<Cow<'static, str>, ConvertedBytes>,
}

impl Records {
    /// Whether every line is counted exactly once.
    pub fn adds_up(&self) -> bool {
        let counts = [
            self.headers,
            self.blank,
            self.control,
            self.used,
            self.duplicates,
            self.other_vantage,
            self.filtered,
            self.other_shard,
            self.no_data,
            self.skip_data,
            self.skipped.total(),
        ];
        // Counts from a partial result may be anything.
        u128::from(self.lines) == counts.into_iter().map(u128::from).sum::<u128>()
    }

    /// Counts records whose `bytes` are in another unit than IP packets: their number, the bytes as
    /// logged, and the bytes of the IP packets.
    pub fn count_bytes(&mut self, unit: &'static str, [records, logged, ip]: [u128; 3]) {
        if records > 0 {
            self.byte_units
                .entry(unit.into())
                .or_default()
                .add(&ConvertedBytes {
                    records,
                    bytes_logged: logged,
                    bytes_ip: ip,
                });
        }
    }

    /// Counts a SKIPDATA record.
    pub fn skip_data(&mut self, gap: Gap) {
        self.skip_data += 1;
        *self.gaps_by_eni.entry(gap.eni.clone()).or_default() += 1;
        if self.gaps.len() < GAPS_MAX {
            self.gaps.push(gap);
        }
    }

    /// Adds the counts of lines that come after these.
    pub fn add(&mut self, later: Self) {
        self.lines = self.lines.saturating_add(later.lines);
        self.headers = self.headers.saturating_add(later.headers);
        self.blank = self.blank.saturating_add(later.blank);
        self.control = self.control.saturating_add(later.control);
        self.used = self.used.saturating_add(later.used);
        self.duplicates = self.duplicates.saturating_add(later.duplicates);
        self.other_vantage = self.other_vantage.saturating_add(later.other_vantage);
        self.filtered = self.filtered.saturating_add(later.filtered);
        self.other_shard = self.other_shard.saturating_add(later.other_shard);
        self.missing_filter_field = self
            .missing_filter_field
            .saturating_add(later.missing_filter_field);
        self.unclear_tags = self.unclear_tags.saturating_add(later.unclear_tags);
        self.no_data = self.no_data.saturating_add(later.no_data);
        self.skip_data = self.skip_data.saturating_add(later.skip_data);
        self.skipped.add(later.skipped);
        self.gaps.extend(later.gaps);
        self.gaps.truncate(GAPS_MAX);
        for (eni, gaps) in later.gaps_by_eni {
            add_count(self.gaps_by_eni.entry(eni).or_default(), gaps);
        }
        self.lost.add(&later.lost);
        self.assumed.add(later.assumed);
        for (unit, bytes) in later.byte_units {
            self.byte_units.entry(unit).or_default().add(&bytes);
        }
    }
}

/// An interval in which AWS dropped records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gap {
    /// The ENI.
    pub eni: String,
    /// Its start, nanoseconds since the epoch, if the record has it.
    pub start_ns: Option<i64>,
    /// Its end, nanoseconds since the epoch, if the record has it.
    pub end_ns: Option<i64>,
}

/// Counts of records by the assumption that was necessary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AssumedCounts {
    /// The protocol was inferred from tcp-flags and ports.
    pub protocol: u64,
    /// One packet was assumed, because the record counts none.
    pub packets: u64,
    /// Headers without data were assumed, because the record counts no bytes.
    pub bytes: u64,
    /// One instant, or the slot in the name of the file, was assumed, because the record has no
    /// interval.
    pub time: u64,
    /// The interval was corrected, because it could not be true.
    pub repaired_time: u64,
}

impl AssumedCounts {
    /// Counts the assumptions for one record.
    pub fn count(&mut self, assumed: Assumed) {
        self.protocol += u64::from(assumed.protocol);
        self.packets += u64::from(assumed.packets);
        self.bytes += u64::from(assumed.bytes);
        self.time += u64::from(assumed.time);
        self.repaired_time += u64::from(assumed.repaired_time);
    }

    /// Adds the counts of other records.
    pub fn add(&mut self, other: Self) {
        self.protocol = self.protocol.saturating_add(other.protocol);
        self.packets = self.packets.saturating_add(other.packets);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.time = self.time.saturating_add(other.time);
        self.repaired_time = self.repaired_time.saturating_add(other.repaired_time);
    }
}

/// Counts of records by the value that they do not have. It is then what another value shows, or the usual one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnloggedCounts {
    /// The verdict, which is then taken for `ACCEPT`.
    pub action: u64,
    /// Whether the packets left or entered the ENI.
    pub direction: u64,
}

impl UnloggedCounts {
    /// Adds the counts of other records.
    pub(crate) fn add(&mut self, other: Self) {
        self.action += other.action;
        self.direction += other.direction;
    }
}

/// Byte counts in another unit than IP packets, which were converted; sums of 128 bits never
/// overflow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConvertedBytes {
    /// Records that were read with such a count.
    pub records: u128,
    /// The sum of the counts as logged.
    pub bytes_logged: u128,
    /// The bytes of the same packets, from the IP header on.
    pub bytes_ip: u128,
}

impl ConvertedBytes {
    fn add(&mut self, other: &Self) {
        self.records = self.records.saturating_add(other.records);
        self.bytes_logged = self.bytes_logged.saturating_add(other.bytes_logged);
        self.bytes_ip = self.bytes_ip.saturating_add(other.bytes_ip);
    }
}

/// Connections by outcome, with changes that the rebuild made.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Connections {
    /// Number of connections by outcome.
    pub by_outcome: BTreeMap<&'static str, u64>,
    /// Connections whose handshake and teardown are presumed, because there are no tcp-flags.
    pub presumed: u64,
    /// Connections whose side that closed first is a guess.
    pub closed_first_guessed: u64,
    /// Connections whose side that sent first is a guess.
    pub sent_first_guessed: u64,
    /// Packets moved out of the seconds of their record to keep a causal order.
    pub moved_packets: u64,
}

impl Connections {
    /// Counts one connection.
    pub fn count(&mut self, outcome: Outcome) {
        *self.by_outcome.entry(outcome.name()).or_default() += 1;
    }

    /// Adds the counts of other connections.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.by_outcome {
            *self.by_outcome.entry(name).or_default() += count;
        }
        self.presumed = self.presumed.saturating_add(other.presumed);
        self.closed_first_guessed = self
            .closed_first_guessed
            .saturating_add(other.closed_first_guessed);
        self.sent_first_guessed = self
            .sent_first_guessed
            .saturating_add(other.sent_first_guessed);
        self.moved_packets = self.moved_packets.saturating_add(other.moved_packets);
    }
}

/// Packets and bytes; sums of 128 bits never overflow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Packets {
    /// Packets counted by the used records.
    pub logged: u128,
    /// Packets written.
    pub written: u128,
    /// Bytes counted by the used records, from the IP header on.
    pub bytes_logged: u128,
    /// Bytes written, as original lengths from the IP header on.
    pub bytes_written: u128,
}

impl Packets {
    /// Returns the bytes written that no record counted: headers for records that count too few
    /// bytes or none.
    pub fn bytes_added(&self) -> u128 {
        self.bytes_written.saturating_sub(self.bytes_logged)
    }

    /// Returns the bytes of records that count more than a network can carry, which are not
    /// written.
    pub fn bytes_lost(&self) -> u128 {
        self.bytes_logged.saturating_sub(self.bytes_written)
    }

    /// Adds the sums of other records.
    pub fn add(&mut self, other: &Self) {
        self.logged = self.logged.saturating_add(other.logged);
        self.written = self.written.saturating_add(other.written);
        self.bytes_logged = self.bytes_logged.saturating_add(other.bytes_logged);
        self.bytes_written = self.bytes_written.saturating_add(other.bytes_written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_add_up_only_if_every_line_is_counted_once() {
        let mut records = Records {
            lines: 3,
            headers: 1,
            used: 1,
            ..Records::default()
        };
        assert!(!records.adds_up());
        records.skipped.count_many("torn", 1, []);
        assert!(records.adds_up());
    }
}
