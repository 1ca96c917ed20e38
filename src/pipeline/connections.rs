//! Connections as rows: they are read, settled and judged as for `metrics --once`.

use std::ops::Range;

use arrow_array::RecordBatch;
use rayon::prelude::*;

use crate::archive::s3_path;
use crate::connection::{ConnectionInfo, Detail, Segment, SegmentKind, rebuild};
use crate::error::Result;
use crate::flow::{Addresses, Eni, EniIndex, Enis, TCP, UDP, Vantage, Viewed, Way};
use crate::names::service_at;
use crate::pipeline::run::{Request, Run, with_names};
use crate::pipeline::settling::conversations::{self, Complete, Conversations};
use crate::pipeline::settling::settle::{SettleCounts, Settling};
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::read::{Archive, Meter, Phase};
use crate::summary::{Input, Records};
use crate::table::{ConnectionRow, ConnectionRows, ConnectionSums};
use crate::time::SECOND_NS;

/// Rows of a batch at most, so that memory does not grow with the archive.
const BATCH_ROWS: usize = 8_192;

/// Some connections.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionBatch {
    /// Rows of [`DerivedTable::Connections`](crate::table::DerivedTable::Connections).
    pub rows: RecordBatch,
    /// The place of the batch: batches arrive in any order, and sorted by this they are the same for
    /// any number of threads and any memory.
    pub place: (usize, u64),
}

/// The account of a run that read connections.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionsRead {
    /// Connections: rows that were passed on.
    pub connections: u64,
    /// Files and their bytes.
    pub input: Input,
    /// The account of every line; the records of the connections are `used`.
    pub records: Records,
    /// Bytes written to temporary files because memory was full.
    pub spilled_bytes: u64,
    /// Wall time, milliseconds.
    pub elapsed_ms: u64,
}

/// Passes the connections of an archive to `take`, which is called from all threads. If there is a
/// filter, these are the connections with a matching record.
///
/// Conversations come in the order of a hash of their five-tuple, and the connections of one in order of
/// time. Runs on rayon's current thread pool.
///
/// # Errors
/// An input cannot be read or its column order is unknown, there is no flow log or record at all,
/// nothing matches the filter, there is no space for temporary files, a conversation needs more than
/// the memory, or `take` fails.
pub fn connections(
    request: &Request,
    meter: &Meter,
    take: &(dyn Fn(ConnectionBatch) -> Result<()> + Sync),
) -> Result<ConnectionsRead> {
    with_names(request, |request| {
        read_connections(request, &request.archive()?, meter, take)
    })
}

fn read_connections(
    request: &Request,
    archive: &Archive,
    meter: &Meter,
    take: &(dyn Fn(ConnectionBatch) -> Result<()> + Sync),
) -> Result<ConnectionsRead> {
    let run = Run::new(archive, meter);
    let folder = SpillFolder::new(&request.temp_dir);
    let conversations = Conversations::new(request.held_max(), &folder, Detail::Control);
    let mut read = run.read(Addresses::Packet, &conversations)?;
    let (conversations, _) = conversations.complete(&read.enis, request.memory);
    let selection = request.selection(read.newest_ns);
    let gathering = Gathering {
        archive,
        enis: &read.enis,
        settling: Settling::new(Vantage::Auto, selection, Detail::Control, request.memory),
        meter,
        take,
    };
    meter.begin(Phase::Grouping, conversations.records());
    let buckets = (0..conversations.count()).into_par_iter();
    let counts = buckets.map(|bucket| gathering.gather(&conversations, bucket));
    let none = || (SettleCounts::default(), 0);
    let (counts, rows) = counts.try_reduce(none, |a, b| Ok((a.0.add(b.0), a.1 + b.1)))?;
    drop(conversations);
    counts.add_to(&mut read.records);
    read.check_kept(request, read.records.used)?;
    Ok(ConnectionsRead {
        connections: rows,
        input: read.input,
        records: read.records,
        spilled_bytes: folder.spilled(),
        elapsed_ms: run.elapsed_ms(),
    })
}

/// Makes rows of conversations.
struct Gathering<'a> {
    archive: &'a Archive,
    enis: &'a Enis,
    settling: Settling,
    meter: &'a Meter,
    take: &'a (dyn Fn(ConnectionBatch) -> Result<()> + Sync),
}

impl Gathering<'_> {
    /// Passes on the connections of one bucket. Returns their number as well.
    fn gather(
        &self,
        conversations: &Complete<'_, '_>,
        bucket: usize,
    ) -> Result<(SettleCounts, u64)> {
        self.meter.check()?;
        let (mut counts, mut segments) = (SettleCounts::default(), Vec::new());
        let (mut rows, mut number, mut count) = (ConnectionRows::new(), 0, 0);
        let mut pass_on = |rows: &mut ConnectionRows| {
            let place = (bucket, number);
            number += 1;
            count += rows.len() as u64;
            let rows = std::mem::take(rows).finish();
            (self.take)(ConnectionBatch { rows, place })
        };
        conversations.take(bucket, |records| {
            self.meter.add(records.len() as u64);
            conversations::each(records, |conversation| {
                let mut keep = |view: &[Viewed], connections: &[Range<usize>]| {
                    for connection in connections {
                        segments.clear();
                        let records = &view[connection.clone()];
                        let info = rebuild(records, self.settling.detail, &mut segments);
                        rows.put(&self.row(records, &info, &segments));
                        if rows.len() == BATCH_ROWS {
                            pass_on(&mut rows)?;
                        }
                    }
                    Ok(())
                };
                self.settling.settle(conversation, &mut counts, &mut keep)
            })
        })?;
        if !rows.is_empty() {
            pass_on(&mut rows)?;
        }
        Ok((counts, count))
    }

    fn row<'r>(
        &'r self,
        records: &'r [Viewed],
        info: &ConnectionInfo,
        segments: &[Segment],
    ) -> ConnectionRow<'r> {
        let first = &records[0];
        let (way, key) = (info.role.initiator, first.key);
        let tuple = key.five_tuple(way);
        let enis = self.enis_of(records);
        let known = |fact: fn(&Eni) -> &str| {
            let mut facts = enis.iter().map(|index| fact(self.enis.get(*index)));
            facts.find(|fact| !fact.is_empty())
        };
        let of_path = || s3_path::parse(&self.archive.files()[first.place.file as usize].name);
        let reasons = records
            .iter()
            .map(|o| self.enis.words.reject_reason(o.verdict));
        let mut reasons = reasons.filter_map(|reason| std::str::from_utf8(reason).ok());
        let rejected = records.iter().filter(|o| o.is_rejected());
        let rejecting = rejected.clone().next();
        let starts = records.iter().map(|o| o.start_ns);
        let ends = records.iter().map(|o| o.end_ns);
        let second = |ns: Option<i64>| ns.unwrap_or_default().div_euclid(SECOND_NS);
        let side_of = |kind| side_of(kind, segments, info);
        ConnectionRow {
            account: known(|eni| &eni.account).or_else(|| Some(of_path()?.account)),
            region: known(|eni| &eni.region).or_else(|| Some(of_path()?.region)),
            vpc: known(|eni| &eni.vpc),
            protocol: key.protocol,
            initiator: tuple.source,
            responder: tuple.destination,
            evidence: info.role.evidence.name(),
            service: Some(tuple.destination.port)
                .filter(|_| matches!(key.protocol, TCP | UDP))
                .and_then(service_at)
                .map(|service| service.title),
            seconds: (second(starts.min()), second(ends.max())),
            outcome: info.outcome.name(),
            presumed: info.presumed,
            sent: sums(records, way),
            answered: sums(records, way.reverse()),
            records: records.len() as u64,
            enis: enis.iter().map(|index| self.name(*index)).collect(),
            rejected_packets: rejected.map(|o| o.packets).sum(),
            is_rejected: rejecting.is_some(),
            rejected_at: rejecting.map(|o| {
                let elsewhere = o.rejected_at.filter(|_| !o.verdict.is_reject());
                self.name(elsewhere.unwrap_or(o.eni))
            }),
            reject_reason: reasons.find(|reason| !reason.is_empty()),
            closed_first: side_of(SegmentKind::Fin),
            closed_first_guessed: info.guesses_close(),
            reset_by: side_of(SegmentKind::Rst),
            sent_first_guessed: info.guesses_first().is_some(),
        }
    }

    /// Returns the ENIs of these records, in order of their names.
    fn enis_of(&self, records: &[Viewed]) -> Vec<EniIndex> {
        let logged = records.iter().flat_map(|o| [Some(o.eni), o.rejected_at]);
        let mut enis: Vec<EniIndex> = logged.flatten().collect();
        enis.sort_unstable();
        enis.dedup();
        enis
    }

    fn name(&self, eni: EniIndex) -> &str {
        &self.enis.get(eni).name
    }
}

/// Returns the side whose segment of this kind comes first, where the records have flags.
fn side_of(kind: SegmentKind, segments: &[Segment], info: &ConnectionInfo) -> Option<&'static str> {
    let mut of_kind = segments.iter().filter(|segment| segment.kind == kind);
    let first = of_kind.next().filter(|_| !info.presumed)?;
    Some(info.role.side(first.way))
}

fn sums(records: &[Viewed], way: Way) -> ConnectionSums {
    let own = || records.iter().filter(|o| o.way == way);
    let packets = own().map(|o| o.packets).sum();
    let bytes = own().filter_map(|o| o.bytes);
    let has_bytes = own().next().is_none() || own().any(|o| o.bytes.is_some());
    ConnectionSums {
        packets,
        bytes: has_bytes.then(|| bytes.sum()),
    }
}
