//! Logs as tables of DataFusion: an archive is read while it is queried.
//!
//! ```text
//! derived      connections and findings
//! extra        the columns that come after those of the log: date, account, "$path" and others
//! hidden       a table without a column that `*` does not show
//! other_logs   files that are surely another log
//! pushdown     conditions of a query that spare files and rows
//! reading      threads that read files -> streams of batches
//! scan_sink    records of a file -> batches
//! streaming    streams of batches -> plans of the engine
//! ```
//!
//! Conditions only spare work: DataFusion applies each of them again, so what is spared may be less
//! than what does not match, and never more.

mod derived;
mod extra;
mod hidden;
mod other_logs;
mod pushdown;
mod reading;
mod scan_sink;
mod streaming;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use self::extra::ExtraColumn;
use self::pushdown::Pushdown;
use self::reading::{LogScan, streams};
use self::streaming::plan_of;
use crate::table::LogTable;

pub(super) use self::derived::DerivedProvider;
pub(super) use self::extra::FlowTimes;
pub(super) use self::hidden::Hiding;
pub(super) use self::reading::LogSource;
pub use self::reading::Unread;

/// One kind of log in an archive, as a table.
pub(super) struct LogProvider {
    source: Arc<LogSource>,
    table: LogTable,
    columns: Vec<ProvidedColumn>,
    schema: SchemaRef,
    times: FlowTimes,
}

/// Where a column of the table is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProvidedColumn {
    /// The column of the log with this index.
    OfLog(usize),
    /// What comes after the columns of the log. A log that has a column of this name has its index.
    Extra(ExtraColumn, Option<usize>),
}

impl LogProvider {
    /// Creates a table over an archive.
    pub(super) fn new(source: Arc<LogSource>, table: LogTable, times: FlowTimes) -> Self {
        let of_log = table.columns();
        let extra = |name: &str| {
            ExtraColumn::ALL
                .into_iter()
                .find(|extra| extra.name() == name)
        };
        let mut columns = Vec::new();
        let mut fields = Vec::new();
        for (index, column) in of_log.iter().enumerate() {
            fields.push(times.field(column));
            columns.push(match extra(column.name) {
                Some(extra) => ProvidedColumn::Extra(extra, Some(index)),
                None => ProvidedColumn::OfLog(index),
            });
        }
        for extra in ExtraColumn::ALL {
            if !of_log.iter().any(|column| column.name == extra.name()) {
                fields.push(extra.field());
                columns.push(ProvidedColumn::Extra(extra, None));
            }
        }
        Self {
            source,
            table,
            columns,
            schema: Arc::new(Schema::new(fields)),
            times,
        }
    }
}

impl fmt::Debug for LogProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogProvider").field(&self.table).finish()
    }
}

#[async_trait]
impl TableProvider for LogProvider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let projection = projection.unwrap_or(&all);
        let schema = Arc::new(self.schema.project(projection)?);
        let scan = LogScan {
            source: Arc::clone(&self.source),
            table: self.table,
            columns: projection
                .iter()
                .map(|index| self.columns[*index])
                .collect(),
            schema: Arc::clone(&schema),
            times: self.times,
            pushdown: Pushdown::of(self.table, self.times, filters),
            met: Arc::default(),
        };
        plan_of(
            schema,
            streams(scan, state.config().target_partitions()),
            limit,
        )
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let spares = filters.iter().map(|filter| {
            match Pushdown::of(self.table, self.times, std::slice::from_ref(*filter)).is_empty() {
                true => TableProviderFilterPushDown::Unsupported,
                false => TableProviderFilterPushDown::Inexact,
            }
        });
        Ok(spares.collect())
    }
}

#[cfg(test)]
mod tests;
