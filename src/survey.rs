//! The contents of an archive: the result of an inspection.
//!
//! Everything is added up while files are read and no record is kept, so memory grows only with the
//! number of ENIs, not with the archive. The price is that a record delivered twice counts twice,
//! and so do packets that two ENIs logged. [`crate::pipeline::convert`] keeps the records and
//! detects both.
//!
//! The categories of lines are those of a conversion ([`Records`]), with one exception: records that
//! a conversion would use, drop as duplicates or leave to another vantage are all counted as `used`.

mod columns;
mod events;
mod missing_fields;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::{
    columns::{ColumnOrder, ColumnOrders},
    events::{EventLog, EventLogs},
    missing_fields::{MissingFields, missing_fields},
};
use crate::summary::{DetailUsed, Input, Records};

/// The complete result of an inspection.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Survey {
    /// Files and their bytes.
    pub input: Input,
    /// Each order of columns, in the order in which they first appear in files.
    pub columns: ColumnOrders,
    /// Fields that would help the rebuild and that some records have no column for.
    pub missing_fields: Vec<MissingFields>,
    /// Earliest start and latest end of the records, in nanoseconds since the Unix epoch.
    pub span_ns: Option<(i64, i64)>,
    /// The requested time range, in nanoseconds since the Unix epoch; `null` for an open end.
    pub requested_ns: Option<(Option<i64>, Option<i64>)>,
    /// The category of every line.
    pub records: Records,
    /// What was read of other AWS logs, by kind.
    pub events: EventLogs,
    /// Sums over all records that match the filter.
    pub logged: LoggedSums,
    /// The same sums by `action`, with the reason if the record has one.
    pub actions: BTreeMap<Cow<'static, str>, LoggedSums>,
    /// The same sums by protocol, most packets first.
    pub protocols: Vec<Protocol>,
    /// Number of ENIs that wrote the records.
    pub enis: u64,
    /// The ENIs with the most packets.
    pub busiest_enis: Vec<EniTraffic>,
    /// Accounts named in records or paths.
    pub accounts: BTreeSet<String>,
    /// Regions named in paths.
    pub regions: BTreeSet<String>,
    /// Estimates of the capture that a conversion would write.
    pub estimates: Vec<Estimate>,
    /// Wall time in milliseconds.
    pub elapsed_ms: u64,
}

/// Sums over records; sums of 128 bits never overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LoggedSums {
    /// Number of records.
    pub records: u64,
    /// Number of packets they count.
    pub packets: u128,
    /// Number of bytes they count, from the IP header on.
    pub bytes: u128,
}

impl LoggedSums {
    /// Counts one record.
    pub fn count(&mut self, packets: u64, bytes: u64) {
        self.records += 1;
        self.packets += u128::from(packets);
        self.bytes += u128::from(bytes);
    }

    /// Adds the sums of other records.
    pub fn add(&mut self, other: &Self) {
        self.records = self.records.saturating_add(other.records);
        self.packets = self.packets.saturating_add(other.packets);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// The sums over the records of one protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Protocol {
    /// Its IANA number.
    pub number: u8,
    /// Its IANA keyword, if it has one.
    pub name: Option<&'static str>,
    /// Sums over its records.
    pub logged: LoggedSums,
}

/// One ENI: facts from its records, empty where they have none, and sums over them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EniTraffic {
    /// Its name.
    pub name: String,
    /// Its instance.
    pub instance: String,
    /// The tag by which it is called, see [`Eni::tag`](crate::flow::Eni::tag).
    pub tag: String,
    /// Its subnet.
    pub subnet: String,
    /// Its VPC.
    pub vpc: String,
    /// Its account.
    pub account: String,
    /// Sums over its records.
    pub logged: LoggedSums,
}

/// An estimate of the capture that a conversion with one `--detail` would write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// The value of `--detail`.
    pub detail: &'static str,
    /// What it comes to for these records.
    pub used: DetailUsed,
    /// Packets in the capture.
    pub packets: u64,
    /// Size of the capture in bytes, as uncompressed pcapng.
    pub file_bytes: u64,
    /// Time to write it, in milliseconds.
    pub elapsed_ms: u64,
}
