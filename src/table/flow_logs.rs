//! Flow log records as rows of `vpc_flow_logs`.
//!
//! The names and types are those of AWS's table for text logs, with the newer fields in AWS's order
//! after it: <https://docs.aws.amazon.com/athena/latest/ug/vpc-flow-logs-create-table-statement.html>.
//! `start` and `end` are Unix seconds.

use std::sync::{Arc, OnceLock};

use arrow_array::ArrayRef;
use arrow_array::builder::{Int32Builder, Int64Builder, StringViewBuilder};

use super::column::{ColumnType, TableColumn};
use crate::read::Found;
use crate::record::{Field, FieldKind, LogStatus};
use crate::time::SECOND_NS;

/// Returns the columns: one for each field, in the order of [`Field::ALL`].
pub(super) fn columns() -> &'static [TableColumn] {
    static COLUMNS: OnceLock<Vec<TableColumn>> = OnceLock::new();
    COLUMNS.get_or_init(|| Field::ALL.iter().map(|field| column(*field)).collect())
}

fn column(field: Field) -> TableColumn {
    let name: &'static str = match field.name().contains('-') {
        // Once for each field.
        true => Box::leak(field.name().replace('-', "_").into_boxed_str()),
        false => field.name(),
    };
    TableColumn::new(name, kind(field))
}

fn kind(field: Field) -> ColumnType {
    match field {
        Field::Version
        | Field::SrcPort
        | Field::DstPort
        | Field::TcpFlags
        | Field::TrafficPath
        | Field::EncryptionStatus => ColumnType::Int,
        _ if field.kind() == FieldKind::Number => ColumnType::BigInt,
        _ => ColumnType::Text,
    }
}

/// Some columns of records.
pub(super) struct FlowLogColumns(Vec<(Field, FlowLogBuilder)>);

enum FlowLogBuilder {
    Int(Int32Builder),
    BigInt(Int64Builder),
    Text(StringViewBuilder),
}

impl FlowLogColumns {
    /// Creates empty columns with room for about this many rows.
    pub(super) fn new(columns: &[usize], rows: usize) -> Self {
        let builders = columns.iter().map(|index| {
            let field = Field::ALL[*index];
            let builder = match kind(field) {
                ColumnType::Int => FlowLogBuilder::Int(Int32Builder::with_capacity(rows)),
                ColumnType::BigInt => FlowLogBuilder::BigInt(Int64Builder::with_capacity(rows)),
                _ => FlowLogBuilder::Text(StringViewBuilder::with_capacity(rows)),
            };
            (field, builder)
        });
        Self(builders.collect())
    }

    /// Adds a record as a row.
    pub(super) fn put(&mut self, found: &Found<'_>) {
        for (field, builder) in &mut self.0 {
            match builder {
                FlowLogBuilder::Int(values) => values.append_option(
                    number(*field, found).and_then(|number| i32::try_from(number).ok()),
                ),
                FlowLogBuilder::BigInt(values) => values.append_option(number(*field, found)),
                FlowLogBuilder::Text(values) => put_text(values, *field, found),
            }
        }
    }

    /// Returns the columns.
    pub(super) fn finish(self) -> Vec<ArrayRef> {
        let columns = self.0.into_iter().map(|(_, builder)| match builder {
            FlowLogBuilder::Int(mut values) => Arc::new(values.finish()) as ArrayRef,
            FlowLogBuilder::BigInt(mut values) => Arc::new(values.finish()),
            FlowLogBuilder::Text(mut values) => Arc::new(values.finish()),
        });
        columns.collect()
    }
}

fn number(field: Field, found: &Found<'_>) -> Option<i64> {
    let record = found.record;
    let saturated = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    match field {
        Field::SrcPort => record.source_port.map(i64::from),
        Field::DstPort => record.destination_port.map(i64::from),
        Field::Protocol => record.protocol.map(i64::from),
        Field::Packets => record.packets.map(saturated),
        Field::Bytes => record.bytes.map(saturated),
        Field::Start => record.start_ns.map(|ns| ns.div_euclid(SECOND_NS)),
        Field::End => record.end_ns.map(|ns| ns.div_euclid(SECOND_NS)),
        Field::TcpFlags => record.flags.map(|flags| i64::from(flags.0)),
        Field::TrafficPath => record.traffic_path.map(i64::from),
        _ => std::str::from_utf8(found.get(field)?).ok()?.parse().ok(),
    }
}

fn put_text(values: &mut StringViewBuilder, field: Field, found: &Found<'_>) {
    let record = found.record;
    let word = match field {
        Field::Action => record.action.map(|action| action.name()),
        Field::FlowDirection => record.direction.map(|direction| direction.name()),
        Field::LogStatus => Some(match record.log_status {
            LogStatus::Ok => "OK",
            LogStatus::NoData => "NODATA",
            LogStatus::SkipData => "SKIPDATA",
        }),
        _ => return values.append_option(found.get(field).map(String::from_utf8_lossy)),
    };
    values.append_option(word);
}
