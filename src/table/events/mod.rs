//! Events of load balancer logs, CloudTrail and other JSON logs as rows of AWS's tables.
//!
//! Rows are made from the original fields of an event, so they have what its log has: masked
//! addresses and unknown words too. Fields that a line does not have are null.

mod alb_access;
mod alb_connection;
mod clb;
mod cloudtrail;
mod line;
mod nlb;
mod resolver;
mod waf;

use arrow_array::ArrayRef;

use self::line::{LineColumn, LineSource};
use super::column::TableColumn;
use super::kind::LogTable;
use super::values::{ColumnValues, member_of};
use crate::event::OriginalFields;
use crate::read::FoundEvent;

/// Returns the columns of a table of events.
pub(super) fn columns(table: LogTable) -> &'static [TableColumn] {
    match table {
        LogTable::VpcFlowLogs => &[],
        LogTable::AlbAccessLogs => &alb_access::TABLE,
        LogTable::AlbConnectionLogs => &alb_connection::TABLE,
        LogTable::NlbTlsLogs => &nlb::TABLE,
        LogTable::ElbLogs => &clb::TABLE,
        LogTable::CloudTrailLogs => cloudtrail::TABLE,
        LogTable::R53ResolverLogs => resolver::TABLE,
        LogTable::WafLogs => waf::TABLE,
    }
}

/// Returns where the columns are from, if the log has lines.
fn line_columns(table: LogTable) -> &'static [LineColumn] {
    match table {
        LogTable::AlbAccessLogs => &alb_access::COLUMNS,
        LogTable::AlbConnectionLogs => &alb_connection::COLUMNS,
        LogTable::NlbTlsLogs => &nlb::COLUMNS,
        LogTable::ElbLogs => &clb::COLUMNS,
        LogTable::VpcFlowLogs
        | LogTable::CloudTrailLogs
        | LogTable::R53ResolverLogs
        | LogTable::WafLogs => &[],
    }
}

/// Some columns of events of one table.
pub(super) struct EventColumns(Vec<(EventSource, ColumnValues)>);

/// Where the values of a column are from.
enum EventSource {
    /// A field of a line.
    Line(LineSource),
    /// A member of an object, by its name in lower case.
    Member(&'static str),
}

impl EventColumns {
    /// Creates empty columns with room for about this many rows.
    pub(super) fn new(table: LogTable, columns: &[usize], rows: usize) -> Self {
        let (all, of_lines) = (self::columns(table), line_columns(table));
        let columns = columns.iter().map(|index| {
            let column = all[*index];
            let source = match of_lines.get(*index) {
                Some(line) => EventSource::Line(line.source),
                None => EventSource::Member(column.name),
            };
            (source, ColumnValues::new(column.kind, rows))
        });
        Self(columns.collect())
    }

    /// Adds an event of the table as a row.
    pub(super) fn put(&mut self, found: &FoundEvent<'_>) {
        for (source, values) in &mut self.0 {
            match (source, found.fields) {
                (EventSource::Line(source), OriginalFields::Line(tokens)) => {
                    source.put(tokens, values);
                }
                (EventSource::Member(name), OriginalFields::Object(members)) => {
                    values.put_json(member_of(members, name));
                }
                _ => values.put_null(),
            }
        }
    }

    /// Returns the columns.
    pub(super) fn finish(self) -> Vec<ArrayRef> {
        let columns = self.0.into_iter();
        columns.map(|(_, values)| values.finish()).collect()
    }
}

#[cfg(test)]
mod tests;
