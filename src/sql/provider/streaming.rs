//! Streams of batches as the engine's plans: what all tables here share.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};

/// Makes the plan of a scan. All `streams` have the columns of `schema`.
pub(super) fn plan_of(
    schema: SchemaRef,
    streams: Vec<Arc<dyn PartitionStream>>,
    limit: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let plan = StreamingTableExec::try_new(schema, streams, None, [], false, limit)?;
    Ok(Arc::new(plan))
}

/// Makes a stream of the batches that `next` returns, until it returns none.
pub(super) fn stream_of<S: Send + 'static, F>(
    schema: SchemaRef,
    source: S,
    next: impl Fn(S) -> F + Send + 'static,
) -> SendableRecordBatchStream
where
    F: Future<Output = Option<(Result<RecordBatch>, S)>> + Send + 'static,
{
    let batches = futures::stream::unfold(source, next);
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}
