//! Events of load balancer logs and CloudTrail as rows of AWS's tables.

use arrow_array::ArrayRef;

use super::column::TableColumn;
use super::kind::LogTable;
use crate::read::FoundEvent;

/// Returns the columns of a table of events.
pub(super) fn columns(_table: LogTable) -> &'static [TableColumn] {
    &[]
}

/// Some columns of events of one table.
pub(super) struct EventColumns {
    columns: Vec<usize>,
}

impl EventColumns {
    /// Creates empty columns with room for about this many rows.
    pub(super) fn new(_table: LogTable, columns: &[usize], _rows: usize) -> Self {
        Self {
            columns: columns.to_vec(),
        }
    }

    /// Adds an event of the table as a row.
    pub(super) fn put(&mut self, _found: &FoundEvent<'_>) {
        let _ = &self.columns;
    }

    /// Returns the columns.
    pub(super) fn finish(self) -> Vec<ArrayRef> {
        Vec::new()
    }
}
