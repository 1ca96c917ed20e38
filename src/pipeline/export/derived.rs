//! The rows of tables that no log has: connections and findings.
//!
//! Each of them reads the archive once more. It takes the records that the narrowing of the export
//! keeps, as `metrics` and `diagnose` do.

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;

use super::lake::{Lake, LakeRows};
use super::place::PathPartition;
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::connections::{ConnectionBatch, connections};
use crate::pipeline::findings::findings;
use crate::pipeline::run::Request;
use crate::read::Meter;
use crate::table::DerivedTable;
use crate::time::SECOND_NS;

/// What was put into a lake for a derived table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DerivedRead {
    pub rows: u64,
    /// Bytes written to temporary files to make them.
    pub spilled_bytes: u64,
}

/// Makes the rows of a table and puts them into a lake. An archive without a usable record of traffic
/// that matches has no rows.
///
/// # Errors
/// Fails as [`connections`] and [`findings`] do otherwise, or as [`Lake::put`] does.
pub(super) fn put(
    table: DerivedTable,
    request: &Request,
    lake: &Lake<'_>,
    meter: &Meter,
) -> Result<DerivedRead> {
    let read = match table {
        DerivedTable::Connections => put_connections(request, lake, meter),
        DerivedTable::Findings => put_findings(request, lake, meter),
    };
    match read {
        Err(error) if has_no_flow(&error) => Ok(DerivedRead::default()),
        done => done,
    }
}

fn put_connections(request: &Request, lake: &Lake<'_>, meter: &Meter) -> Result<DerivedRead> {
    let read = connections(request, meter, &|batch| put_batch(&batch, lake))?;
    Ok(DerivedRead {
        rows: read.connections,
        spilled_bytes: read.spilled_bytes,
    })
}

/// Puts connections into the folders of their first second. The place of the batch orders those of one
/// second.
fn put_batch(batch: &ConnectionBatch, lake: &Lake<'_>) -> Result<()> {
    let (bucket, number) = batch.place;
    let seconds = batch.rows.column_by_name("first_second");
    let seconds = seconds.expect("a column of the table");
    let seconds = seconds.as_primitive::<Int64Type>().iter();
    let instants_ns: Vec<Option<i64>> = seconds
        .map(|second| second?.checked_mul(SECOND_NS))
        .collect();
    // A batch has fewer than 2³² rows.
    let lines = (0..batch.rows.num_rows() as u64).map(|row| (number << 32) + row);
    let rows = LakeRows {
        columns: batch.rows.columns(),
        instants_ns: &instants_ns,
        file: u32::try_from(bucket).unwrap_or(u32::MAX),
        lines: lines.collect(),
        path: &PathPartition::default(),
    };
    lake.put(DerivedTable::Connections.name(), rows)
}

/// Puts findings into their folder, most important first.
fn put_findings(request: &Request, lake: &Lake<'_>, meter: &Meter) -> Result<DerivedRead> {
    let (found, diagnosis) = findings(request, meter)?;
    let count = found.num_rows();
    let rows = LakeRows {
        columns: found.columns(),
        instants_ns: &vec![None; count],
        file: 0,
        lines: (0..count as u64).collect(),
        path: &PathPartition::default(),
    };
    if count > 0 {
        lake.put(DerivedTable::Findings.name(), rows)?;
    }
    Ok(DerivedRead {
        rows: count as u64,
        spilled_bytes: diagnosis.spilled_bytes,
    })
}

/// Whether an archive has no record of traffic that matches. The rows of its logs are exported even so.
fn has_no_flow(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NoFlowLog { .. }
            | ErrorKind::NothingMatches { .. }
            | ErrorKind::NothingReadable { .. }
            | ErrorKind::NothingKept(_)
    )
}
