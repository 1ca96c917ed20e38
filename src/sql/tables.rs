//! The tables of a run: one for each kind of log.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field as ArrowField, Schema};
use datafusion::catalog::{MemTable, TableProvider};

use crate::error::Result;
use crate::pipeline::Request;
use crate::table::{LogTable, TableColumn};

/// Makes the tables of the inputs, with their names.
///
/// # Errors
/// An input is missing.
pub(super) fn tables(_request: &Request) -> Result<Vec<(String, Arc<dyn TableProvider>)>> {
    let mut tables: Vec<(String, Arc<dyn TableProvider>)> = Vec::new();
    for table in LogTable::ALL {
        let fields = table.columns().iter().map(TableColumn::arrow);
        let partitions = [
            ("date", DataType::Date32),
            ("day", DataType::Utf8View),
            ("year", DataType::Utf8View),
            ("month", DataType::Utf8View),
            ("hour", DataType::Utf8View),
            ("region", DataType::Utf8View),
            ("account", DataType::Utf8View),
            ("$path", DataType::Utf8View),
        ];
        let mut fields: Vec<ArrowField> = fields.collect();
        for (name, kind) in partitions {
            if !fields.iter().any(|field| field.name() == name) {
                fields.push(ArrowField::new(name, kind, true));
            }
        }
        let schema = Arc::new(Schema::new(fields));
        let rows = RecordBatch::new_empty(Arc::clone(&schema));
        if let Ok(empty) = MemTable::try_new(schema, vec![vec![rows]]) {
            tables.push((table.name().to_owned(), Arc::new(empty)));
        }
    }
    Ok(tables)
}
