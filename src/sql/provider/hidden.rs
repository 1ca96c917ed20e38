//! A table without a column that `SELECT *` does not show: `"$path"`.
//!
//! The engine has no hidden columns. So each table is there twice: without the column, and with it for the
//! queries that name it (`dialect/hidden.rs`).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

/// A table without one of its columns.
pub(in crate::sql) struct Hiding {
    whole: Arc<dyn TableProvider>,
    /// The columns that are left, as indexes among those of `whole`.
    columns: Vec<usize>,
    schema: SchemaRef,
}

impl Hiding {
    /// Hides a column of a table; none if the table does not have it.
    pub(in crate::sql) fn new(whole: &Arc<dyn TableProvider>, column: &str) -> Option<Self> {
        let schema = whole.schema();
        schema.column_with_name(column)?;
        let of_whole = schema.fields().iter().enumerate();
        let left = of_whole.filter(|(_, field)| field.name() != column);
        let (columns, fields): (Vec<_>, Vec<_>) = left
            .map(|(index, field)| (index, Arc::clone(field)))
            .unzip();
        Some(Self {
            whole: Arc::clone(whole),
            columns,
            schema: Arc::new(Schema::new(fields)),
        })
    }
}

impl fmt::Debug for Hiding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hiding").field(&self.whole).finish()
    }
}

#[async_trait]
impl TableProvider for Hiding {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        self.whole.table_type()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let of_whole = match projection {
            Some(wanted) => wanted.iter().map(|index| self.columns[*index]).collect(),
            None => self.columns.clone(),
        };
        let scan = self.whole.scan(state, Some(&of_whole), filters, limit);
        scan.await
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        self.whole.supports_filters_pushdown(filters)
    }
}
