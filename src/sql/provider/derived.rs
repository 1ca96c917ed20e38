//! Connections and findings as tables of DataFusion: they are made when a query asks for them.
//!
//! All columns are made, whichever are selected, since one pass over the archive is nearly all of the
//! work. Conditions of the query are not used to narrow the archive: a connection is whole only with all
//! of its records.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::streaming::PartitionStream;
use tokio::sync::mpsc::channel;

use super::reading::{RowBatches, WAITING_BATCHES, guarded, on_threads, stopped};
use super::streaming::{plan_of, stream_of};
use crate::pipeline::{self, Request};
use crate::read::Meter;
use crate::table::DerivedTable;

/// A table that is made from the records of an archive.
#[derive(Clone)]
pub(in crate::sql) struct DerivedProvider {
    made: Arc<Derived>,
    columns: Option<Vec<usize>>,
    schema: SchemaRef,
    is_in_order: bool,
}

struct Derived {
    table: DerivedTable,
    request: Request,
    threads: usize,
    meter: Arc<Meter>,
    /// The findings, after they were made once.
    findings: Mutex<Option<RecordBatch>>,
}

impl DerivedProvider {
    /// Creates a table over the archive of a request.
    pub(in crate::sql) fn new(
        table: DerivedTable,
        request: &Request,
        threads: usize,
        meter: Arc<Meter>,
    ) -> Self {
        let made = Derived {
            table,
            request: request.clone(),
            threads: threads.max(1),
            meter,
            findings: Mutex::default(),
        };
        Self {
            made: Arc::new(made),
            columns: None,
            schema: table.schema(),
            is_in_order: true,
        }
    }
}

impl fmt::Debug for DerivedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DerivedProvider")
            .field(&self.made.table)
            .finish()
    }
}

#[async_trait]
impl TableProvider for DerivedProvider {
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
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => Arc::clone(&self.schema),
        };
        let stream = Self {
            columns: projection.cloned(),
            schema: Arc::clone(&schema),
            is_in_order: state.config().target_partitions() == 1,
            ..self.clone()
        };
        plan_of(schema, vec![Arc::new(stream)], limit)
    }
}

impl PartitionStream for DerivedProvider {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (batches, receiver) = channel(WAITING_BATCHES);
        let stream = self.clone();
        std::thread::spawn(move || guarded(&batches, || stream.make(&batches)));
        stream_of(
            Arc::clone(&self.schema),
            receiver,
            |mut receiver| async move { Some((receiver.recv().await?, receiver)) },
        )
    }
}

impl DerivedProvider {
    fn make(&self, batches: &RowBatches) -> Result<()> {
        let made = &self.made;
        let send = |rows: &RecordBatch| {
            let rows = match &self.columns {
                Some(columns) => rows.project(columns).map_err(Into::into),
                None => Ok(rows.clone()),
            };
            batches.blocking_send(rows).map_err(|_| stopped())
        };
        // One thread makes the connections in the order of their buckets.
        let threads = if self.is_in_order { 1 } else { made.threads };
        on_threads(threads, batches, || match made.table {
            DerivedTable::Connections => {
                let take = |batch: pipeline::ConnectionBatch| send(&batch.rows);
                pipeline::connections(&made.request, &made.meter, &take).map(|_| ())
            }
            DerivedTable::Findings => send(&made.findings()?),
        })
    }
}

impl Derived {
    /// Returns the findings. They are made once, however many times a query names them.
    fn findings(&self) -> crate::error::Result<RecordBatch> {
        let mut kept = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rows) = &*kept {
            return Ok(rows.clone());
        }
        let (rows, _) = pipeline::findings(&self.request, &self.meter)?;
        Ok(kept.insert(rows).clone())
    }
}
