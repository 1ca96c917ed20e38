//! What an archive holds: the account of an inspection.
//!
//! Everything is added up while files are read and no record is kept, so memory
//! does not grow with the archive, only with its ENIs. That has a price: a
//! record that was delivered twice counts twice, and so do packets that two ENIs
//! logged. [`crate::pipeline::convert`] holds the records and finds both.
//!
//! The fates of lines are those of a conversion ([`Records`]); what it would
//! call told, a duplicate or told elsewhere is all `told` here.

mod columns;
mod missing_fields;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use self::{
    columns::{ColumnOrder, ColumnOrders},
    missing_fields::{MissingFields, missing_fields},
};
use crate::summary::{Input, Records};

/// The whole account of an inspection.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Survey {
    /// Files and their bytes.
    pub input: Input,
    /// Each order of columns, by the files in which it was met first.
    pub columns: ColumnOrders,
    /// Fields that the rebuild could use and some records have no column for.
    pub missing_fields: Vec<MissingFields>,
    /// Earliest start and latest end of the records, nanoseconds since the epoch.
    pub span_ns: Option<(i64, i64)>,
    /// The time that was asked for, nanoseconds since the epoch; `null` where it has no end.
    pub requested_ns: Option<(Option<i64>, Option<i64>)>,
    /// The fate of every line.
    pub records: Records,
    /// What all the records count that are what was asked for.
    pub logged: LoggedSums,
    /// The same by `action`, with the reason if the record gives one.
    pub actions: BTreeMap<&'static str, LoggedSums>,
    /// The same by protocol, that with most packets first.
    pub protocols: Vec<Protocol>,
    /// ENIs that wrote the records.
    pub enis: u64,
    /// Those that counted most packets.
    pub busiest_enis: Vec<EniTraffic>,
    /// Accounts that records or paths name.
    pub accounts: BTreeSet<String>,
    /// Regions that paths name.
    pub regions: BTreeSet<String>,
    /// What a conversion would come to.
    pub estimates: Vec<Estimate>,
    /// Wall time, milliseconds.
    pub elapsed_ms: u64,
}

/// What some records add up to; sums of 128 bits never overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LoggedSums {
    /// How many records.
    pub records: u64,
    /// Packets that they count.
    pub packets: u128,
    /// Bytes that they count, from the IP header on.
    pub bytes: u128,
}

impl LoggedSums {
    /// Counts one record.
    pub fn count(&mut self, packets: u64, bytes: u64) {
        self.records += 1;
        self.packets += u128::from(packets);
        self.bytes += u128::from(bytes);
    }

    /// Takes in the sums of other records.
    pub fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

/// What the records of one protocol add up to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Protocol {
    /// Its IANA number.
    pub number: u8,
    /// Its IANA keyword, if it has one.
    pub name: Option<&'static str>,
    /// Its records.
    pub logged: LoggedSums,
}

/// One ENI: what its records tell of it, empty where they tell nothing, and what they add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EniTraffic {
    /// Its name.
    pub name: String,
    /// Its instance.
    pub instance: String,
    /// Its subnet.
    pub subnet: String,
    /// Its VPC.
    pub vpc: String,
    /// Its account.
    pub account: String,
    /// Its records.
    pub logged: LoggedSums,
}

/// What a conversion with one `--detail` would come to, about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// The value of `--detail`.
    pub detail: &'static str,
    /// Packets of the capture.
    pub packets: u64,
    /// Bytes of the capture, as uncompressed pcapng.
    pub file_bytes: u64,
    /// How long it takes to make, milliseconds.
    pub elapsed_ms: u64,
}
