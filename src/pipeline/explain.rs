//! Single connections with all that is known of each: its records, and the packets rebuilt from them.
//!
//! The same records become the same packets as in [`convert`](crate::pipeline::convert()). Nothing is
//! written here, and nothing is put into words: who prints a connection says of each value whether it
//! was logged, follows from what was logged, or was made up. The first connections are kept, and the
//! first records and packets of each, so memory does not grow with the archive. All are counted.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::connection::{ConnectionInfo, Detail, Segment, rebuild};
use crate::error::Result;
use crate::flow::{Addresses, ConnectionKey, Endpoint, EniIndex, Enis, Place, Vantage, Viewed};
use crate::pipeline::run::{Request, Run, with_names};
use crate::pipeline::settling::conversations::{self, Complete, Conversations};
use crate::pipeline::settling::settle::{SettleCounts, Settling};
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::read::{Archive, Meter, Phase, SourceNames};
use crate::record::ObservedFlags;
use crate::summary::{Input, Records};

/// Records of one connection that are kept, at most.
const RECORDS_KEPT: usize = 500;

/// Packets of one connection that are kept, at most.
const PACKETS_KEPT: usize = 500;

/// Packets that are rebuilt of one connection, about; of longer ones data is merged first.
const PACKETS_REBUILT: u64 = 20_000;

/// Connections of an archive.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExplainedConnections {
    /// The first connections, in order of time.
    pub connections: Vec<ExplainedConnection>,
    /// How many there are in all.
    pub total: u64,
    /// Which values are those of the log in every record.
    pub logged: ValuesLogged,
    /// Files and their bytes.
    pub input: Input,
    /// The account of every line; the records of the connections are `used`.
    pub records: Records,
}

/// Values of records, and whether every record that was read has them itself. Where one lacks a value, it
/// follows from others, or is assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ValuesLogged {
    /// The verdict.
    pub action: bool,
    /// Whether the packets left or entered the ENI.
    pub direction: bool,
    /// The number of packets.
    pub packets: bool,
    /// Start and end.
    pub times: bool,
    /// The protocol.
    pub protocol: bool,
}

impl ValuesLogged {
    fn of(records: &Records) -> Self {
        let (assumed, unlogged) = (&records.assumed, &records.unlogged);
        Self {
            action: unlogged.action == 0,
            direction: unlogged.direction == 0,
            packets: assumed.packets == 0,
            times: assumed.time + assumed.repaired_time == 0,
            protocol: assumed.protocol == 0,
        }
    }
}

/// A connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExplainedConnection {
    /// IANA protocol number.
    pub protocol: u8,
    /// The endpoint that opened it.
    pub initiator: Endpoint,
    /// The other endpoint.
    pub responder: Endpoint,
    /// Roles, outcome, and what is presumed.
    pub info: ConnectionInfo,
    /// The first records, in order of time.
    pub records: Vec<ExplainedRecord>,
    /// How many records there are in all.
    pub records_total: u64,
    /// The first packets, in order of time.
    pub packets: Vec<ExplainedPacket>,
    /// How many packets were rebuilt.
    pub packets_rebuilt: u64,
    /// How many packets its records count.
    pub packets_logged: u64,
    /// Earliest start and latest end of its records, nanoseconds since the Unix epoch.
    pub span_ns: (i64, i64),
}

/// A record as it was logged, and how it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExplainedRecord {
    /// Its line, `FILE:LINE`.
    pub record: String,
    /// Whether the initiator sent its packets.
    pub by_initiator: bool,
    /// The ENI that logged it.
    pub eni: String,
    /// Whether the packets left the ENI; `None` if unknown.
    pub leaving: Option<bool>,
    /// Whether it is `REJECT`.
    pub is_reject: bool,
    /// The reason for that, if it has one.
    pub reject_reason: String,
    /// `tcp-flags`, if it has them.
    pub flags: Option<ObservedFlags>,
    /// The packets that it counts and that are used.
    pub packets: u64,
    /// Packets that it counts and that are left to records of another view.
    pub left_out: u64,
    /// Its byte count as it was logged, if it has one.
    pub bytes: Option<u64>,
    /// The round trip time in milliseconds that the log measured, if it has one.
    pub rtt_ms: Option<u16>,
    /// Its start by its own clock, nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// Its end by its own clock, nanoseconds since the Unix epoch.
    pub end_ns: i64,
    /// What is added to both to get the clock of the view, nanoseconds.
    pub clock_ns: i64,
    /// Another ENI, which rejected the same packets.
    pub rejected_at: Option<String>,
}

/// A rebuilt packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExplainedPacket {
    /// The packet.
    pub segment: Segment,
    /// Whether the initiator sent it.
    pub by_initiator: bool,
    /// Whether it is the only packet of its record, and has the record's bytes.
    pub is_size_logged: bool,
    /// Whether its record has `tcp-flags`.
    pub has_flags: bool,
}

/// Explains the connections of which a record matches the filter, and keeps the first `kept` of them. With
/// all views, a connection that several ENIs logged counts once for each.
///
/// Runs on rayon's current thread pool.
///
/// # Errors
/// An input cannot be read or its column order is unknown, there is no flow log or record at all,
/// nothing matches the filter, there is no space for temporary files, or a conversation needs more than
/// the memory.
pub fn explain(
    request: &Request,
    all_views: bool,
    kept: usize,
    meter: &Meter,
) -> Result<ExplainedConnections> {
    let vantage = match all_views {
        true => Vantage::All,
        false => Vantage::Auto,
    };
    with_names(request, |request| {
        explain_archive(request, &request.archive()?, vantage, kept, meter)
    })
}

fn explain_archive(
    request: &Request,
    archive: &Archive,
    vantage: Vantage,
    kept: usize,
    meter: &Meter,
) -> Result<ExplainedConnections> {
    let run = Run::new(archive, meter);
    let folder = SpillFolder::new(&request.temp_dir);
    let conversations = Conversations::new(request.held_max(), &folder, Detail::Control);
    let mut read = run.read(Addresses::Packet, &conversations)?;
    let (conversations, _) = conversations.complete(&read.enis, request.memory);
    let selection = request.selection(read.newest_ns);
    let explaining = Explaining {
        enis: &read.enis,
        names: &read.account.source_names(archive.files()),
        settling: Settling::new(vantage, selection, Detail::Control, request.memory),
        kept,
        first: Mutex::default(),
        meter,
    };
    meter.begin(Phase::Grouping, conversations.records());
    let buckets = (0..conversations.count()).into_par_iter();
    let counts = buckets.map(|bucket| explaining.bucket(&conversations, bucket));
    let none = || (SettleCounts::default(), 0);
    let (counts, total) = counts.try_reduce(none, |a, b| Ok((a.0.add(b.0), a.1 + b.1)))?;
    let connections = explaining.into_connections();
    drop(conversations);
    counts.add_to(&mut read.records);
    read.check_kept(request, read.records.used)?;
    Ok(ExplainedConnections {
        connections,
        total,
        logged: ValuesLogged::of(&read.records),
        input: read.input,
        records: read.records,
    })
}

/// What puts connections in order of time. The rest makes the order the same in every run.
type Earliness = (i64, ConnectionKey, EniIndex, Place);

/// Explains connections, and keeps the first.
struct Explaining<'a> {
    enis: &'a Enis,
    names: &'a SourceNames,
    settling: Settling,
    kept: usize,
    first: Mutex<BTreeMap<Earliness, ExplainedConnection>>,
    meter: &'a Meter,
}

impl Explaining<'_> {
    /// Explains the connections of one bucket. Returns their number as well.
    fn bucket(
        &self,
        conversations: &Complete<'_, '_>,
        bucket: usize,
    ) -> Result<(SettleCounts, u64)> {
        self.meter.check()?;
        let (mut counts, mut count) = (SettleCounts::default(), 0);
        conversations.take(bucket, |records| {
            self.meter.add(records.len() as u64);
            conversations::each(records, |conversation| {
                let mut keep = |view: &[Viewed], connections: &[Range<usize>]| {
                    count += connections.len() as u64;
                    let each = connections.iter();
                    each.for_each(|connection| self.keep(&view[connection.clone()]));
                    Ok(())
                };
                self.settling.settle(conversation, &mut counts, &mut keep)
            })
        })?;
        Ok((counts, count))
    }

    /// Keeps a connection if it is one of the first.
    fn keep(&self, records: &[Viewed]) {
        let Some(born) = records.iter().min_by_key(|o| (o.start_ns, o.place)) else {
            return;
        };
        let earliness = (born.start_ns, born.key, born.eni, born.place);
        let is_late = |first: &BTreeMap<Earliness, _>| {
            let last = first.last_key_value();
            first.len() >= self.kept && last.is_none_or(|(last, _)| *last < earliness)
        };
        // What is not kept is not rebuilt, and no other thread waits while something is.
        if is_late(&self.first.lock().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let connection = self.connection(records);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.insert(earliness, connection);
        if first.len() > self.kept {
            first.pop_last();
        }
    }

    fn into_connections(self) -> Vec<ExplainedConnection> {
        let first = self.first.into_inner();
        let first = first.unwrap_or_else(PoisonError::into_inner);
        first.into_values().collect()
    }

    fn connection(&self, records: &[Viewed]) -> ExplainedConnection {
        let counts = records.iter().map(|o| o.packets);
        let mut segments = Vec::new();
        let detail = Detail::finest(counts.clone(), PACKETS_REBUILT);
        let info = rebuild(records, detail, &mut segments);
        let initiator = info.role.initiator;
        let packet = |segment: &Segment| {
            let record = &records[segment.record as usize];
            ExplainedPacket {
                segment: *segment,
                by_initiator: segment.way == initiator,
                is_size_logged: record.packets == 1
                    && record.left_out == 0
                    && record.logged_bytes() == Some(segment.original_len.into()),
                has_flags: record.flags.is_some(),
            }
        };
        let key = &records[0].key;
        let begin = records.iter().map(|o| o.start_ns).min();
        let end = records.iter().map(|o| o.end_ns).max();
        let kept = records.iter().take(RECORDS_KEPT);
        ExplainedConnection {
            protocol: key.protocol,
            initiator: key.sender(initiator),
            responder: key.sender(initiator.reverse()),
            info,
            records: kept.map(|o| self.record(o, &info)).collect(),
            records_total: records.len() as u64,
            packets: segments.iter().take(PACKETS_KEPT).map(packet).collect(),
            packets_rebuilt: segments.len() as u64,
            packets_logged: counts.fold(0, u64::saturating_add),
            span_ns: (begin.unwrap_or_default(), end.unwrap_or_default()),
        }
    }

    fn record(&self, o: &Viewed, info: &ConnectionInfo) -> ExplainedRecord {
        let (file, line) = self.names.of(o.place);
        let name = |eni: EniIndex| self.enis.get(eni).name.clone();
        let reason = self.enis.words.reject_reason(o.verdict);
        ExplainedRecord {
            record: format!("{file}:{line}"),
            by_initiator: o.way == info.role.initiator,
            eni: name(o.eni),
            leaving: o.leaving,
            is_reject: o.verdict.is_reject(),
            reject_reason: String::from_utf8_lossy(reason).into_owned(),
            flags: o.flags,
            packets: o.packets,
            left_out: o.left_out,
            bytes: o.logged_bytes(),
            rtt_ms: o.rtt_ms,
            start_ns: o.start_ns - o.clock_ns,
            end_ns: o.end_ns - o.clock_ns,
            clock_ns: o.clock_ns,
            rejected_at: o.rejected_at.map(name),
        }
    }
}
