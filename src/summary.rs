//! What a run did with its input: every file, line, record, packet and byte.
//!
//! Nothing leaves uncounted: the lines read are the sum of all their fates, and
//! the bytes written are those of the records told plus what is named as
//! added. Putting this into words is the command line's business
//! (`cli::summary`); `--json` prints it as it is.

mod output;
mod reasons;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::connection::Outcome;
use crate::flow::{Assumed, Losses};

pub(crate) use self::reasons::EXAMPLES_MAX;
pub use self::{
    output::{FilterSuggestion, OutputFile, OutputPart, OutputParts, WIRESHARK_PACKETS},
    reasons::{Example, Reason, Reasons},
};

/// SKIPDATA gaps listed one by one; more are only counted.
const GAPS_MAX: usize = 1_000;

/// The whole account of a run.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Files and their bytes.
    pub input: Input,
    /// Lines and records.
    pub records: Records,
    /// Earliest start and latest end of the records told, nanoseconds since the epoch.
    pub span_ns: Option<(i64, i64)>,
    /// ENIs that wrote the records.
    pub enis: u64,
    /// Connections, and conversations that are not TCP.
    pub connections: Connections,
    /// Packets and bytes, logged and written.
    pub packets: Packets,
    /// Filters to try, where there are more packets than Wireshark takes with ease.
    pub suggested_filters: Vec<FilterSuggestion>,
    /// The time that was asked for, nanoseconds since the epoch; `null` where it has no end.
    pub requested_ns: Option<(Option<i64>, Option<i64>)>,
    /// The capture, or its parts.
    pub output: OutputFile,
    /// Bytes that went to temporary files, because memory was short.
    pub spilled_bytes: u64,
    /// Wall time, milliseconds.
    pub elapsed_ms: u64,
}

/// Files and their bytes.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Input {
    /// Files read.
    pub files: u64,
    /// Bytes of them, compressed where they are.
    pub file_bytes: u64,
    /// Files not read, by reason.
    pub left_out: Reasons,
    /// Files that were not opened: by their paths they hold nothing that was asked for.
    pub pruned: u64,
    /// Bytes of those.
    pub pruned_file_bytes: u64,
    /// Row groups of tables that were not read: by their statistics they hold nothing that was
    /// asked for.
    pub row_groups_pruned: u64,
    /// Rows of those.
    pub rows_pruned: u64,
    /// Files read in part, because the rest is damaged.
    pub damaged: Reasons,
    /// Files by what told their column order.
    pub layouts: BTreeMap<String, u64>,
    /// Files by what they are, and what that is wrapped in.
    pub kinds: BTreeMap<String, u64>,
}

impl Input {
    /// Takes in files that stand behind these.
    pub fn add(&mut self, later: Self) {
        self.files += later.files;
        self.file_bytes += later.file_bytes;
        self.left_out.add(later.left_out);
        self.pruned += later.pruned;
        self.pruned_file_bytes += later.pruned_file_bytes;
        self.row_groups_pruned += later.row_groups_pruned;
        self.rows_pruned += later.rows_pruned;
        self.damaged.add(later.damaged);
        for (evidence, files) in later.layouts {
            *self.layouts.entry(evidence).or_default() += files;
        }
        for (kind, files) in later.kinds {
            *self.kinds.entry(kind).or_default() += files;
        }
    }
}

/// The fate of every line.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Records {
    /// Lines in all.
    pub lines: u64,
    /// Header lines.
    pub headers: u64,
    /// Lines with nothing in them.
    pub blank: u64,
    /// Messages by which CloudWatch sees whether a destination is there.
    pub control: u64,
    /// Records that the capture tells.
    pub used: u64,
    /// Records that say the same of the same ENI as another.
    pub duplicates: u64,
    /// Records whose packets another ENI tells.
    pub other_vantage: u64,
    /// Records that are not what was asked for, nor of a connection that is.
    pub filtered: u64,
    /// Records that do not say whether they are what was asked for, whatever became of them.
    pub missing_filter_field: u64,
    /// NODATA: the ENI saw no traffic.
    pub no_data: u64,
    /// SKIPDATA: AWS dropped records.
    pub skip_data: u64,
    /// Lines that are no record, and records that cannot become packets, by reason.
    pub skipped: Reasons,
    /// Where AWS dropped records.
    pub gaps: Vec<Gap>,
    /// How many such gaps each ENI has, those that are not listed too.
    pub gaps_by_eni: BTreeMap<String, u64>,
    /// What Transit Gateways lost, as records count it that match a filter, but for its time; those
    /// of all ENIs are added up.
    pub lost: Losses,
    /// What had to be assumed of records.
    pub assumed: AssumedCounts,
}

impl Records {
    /// Whether every line has one fate.
    pub fn adds_up(&self) -> bool {
        let fates = [
            self.headers,
            self.blank,
            self.control,
            self.used,
            self.duplicates,
            self.other_vantage,
            self.filtered,
            self.no_data,
            self.skip_data,
            self.skipped.total(),
        ];
        self.lines == fates.iter().sum::<u64>()
    }

    /// Counts a SKIPDATA record.
    pub fn skip_data(&mut self, gap: Gap) {
        self.skip_data += 1;
        *self.gaps_by_eni.entry(gap.eni.clone()).or_default() += 1;
        if self.gaps.len() < GAPS_MAX {
            self.gaps.push(gap);
        }
    }

    /// Takes in the counts of lines that stand behind these.
    pub fn add(&mut self, later: Self) {
        self.lines += later.lines;
        self.headers += later.headers;
        self.blank += later.blank;
        self.control += later.control;
        self.used += later.used;
        self.duplicates += later.duplicates;
        self.other_vantage += later.other_vantage;
        self.filtered += later.filtered;
        self.missing_filter_field += later.missing_filter_field;
        self.no_data += later.no_data;
        self.skip_data += later.skip_data;
        self.skipped.add(later.skipped);
        self.gaps.extend(later.gaps);
        self.gaps.truncate(GAPS_MAX);
        for (eni, gaps) in later.gaps_by_eni {
            *self.gaps_by_eni.entry(eni).or_default() += gaps;
        }
        self.lost.add(&later.lost);
        self.assumed.add(later.assumed);
    }
}

/// A stretch of time in which AWS dropped records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Gap {
    /// The ENI.
    pub eni: String,
    /// Its start, nanoseconds since the epoch, if the record tells it.
    pub start_ns: Option<i64>,
    /// Its end, likewise.
    pub end_ns: Option<i64>,
}

/// How many records needed an assumption.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AssumedCounts {
    /// The protocol, told by tcp-flags and ports.
    pub protocol: u64,
    /// One packet, because the record counts none.
    pub packets: u64,
    /// Bare headers, because the record counts no bytes.
    pub bytes: u64,
    /// One instant, because the record has no interval.
    pub time: u64,
    /// An interval that could not be true.
    pub repaired_time: u64,
}

impl AssumedCounts {
    /// Counts what one record needed.
    pub fn count(&mut self, assumed: Assumed) {
        self.protocol += u64::from(assumed.protocol);
        self.packets += u64::from(assumed.packets);
        self.bytes += u64::from(assumed.bytes);
        self.time += u64::from(assumed.time);
        self.repaired_time += u64::from(assumed.repaired_time);
    }

    /// Takes in what other records needed.
    pub fn add(&mut self, other: Self) {
        self.protocol += other.protocol;
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.time += other.time;
        self.repaired_time += other.repaired_time;
    }
}

/// Connections by outcome, and what the rebuild had to do to them.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Connections {
    /// How many of each outcome.
    pub by_outcome: BTreeMap<&'static str, u64>,
    /// Those whose handshake and teardown are presumed, for want of tcp-flags.
    pub presumed: u64,
    /// Packets that causality moved out of their record's seconds.
    pub moved_packets: u64,
}

impl Connections {
    /// Counts one connection.
    pub fn count(&mut self, outcome: Outcome) {
        *self.by_outcome.entry(outcome.name()).or_default() += 1;
    }

    /// Takes in the counts of other connections.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.by_outcome {
            *self.by_outcome.entry(name).or_default() += count;
        }
        self.presumed += other.presumed;
        self.moved_packets += other.moved_packets;
    }
}

/// Packets and bytes; sums of 128 bits never overflow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Packets {
    /// Packets that the records told count.
    pub logged: u128,
    /// Packets written.
    pub written: u128,
    /// Bytes that the records told count, from the IP header on.
    pub bytes_logged: u128,
    /// Bytes written, as original lengths from the IP header on.
    pub bytes_written: u128,
}

impl Packets {
    /// Bytes written that no record counted: headers of records that count fewer, or none.
    pub fn bytes_added(&self) -> u128 {
        self.bytes_written.saturating_sub(self.bytes_logged)
    }

    /// Bytes of records that count more than a network can carry, which are not written.
    pub fn bytes_lost(&self) -> u128 {
        self.bytes_logged.saturating_sub(self.bytes_written)
    }

    /// Takes in the sums of other records.
    pub fn add(&mut self, other: &Self) {
        self.logged += other.logged;
        self.written += other.written;
        self.bytes_logged += other.bytes_logged;
        self.bytes_written += other.bytes_written;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_add_up_only_if_every_line_has_one_fate() {
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
