//! Tests of the rows of events.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;

use super::*;
use crate::event::{Event, EventFault, EventKind, for_each_in_json, for_each_in_line};
use crate::flow::Place;

mod cloudtrail_rows;
mod json_rows;
mod line_rows;

/// The rows of the events in some texts, with all columns.
fn rows(table: LogTable, texts: &[&str]) -> RecordBatch {
    let all: Vec<usize> = (0..table.columns().len()).collect();
    let mut columns = EventColumns::new(table, &all, texts.len());
    let mut put =
        |_: EventKind, event: Result<Event<'_>, EventFault>, fields: OriginalFields<'_>| {
            let event = event.unwrap();
            assert_eq!(LogTable::of_events(event.kind()), Some(table));
            columns.put(&FoundEvent {
                event: &event,
                fields,
                place: Place::default(),
                matches: None,
            });
        };
    for text in texts {
        let found = match text.starts_with(['{', '[']) {
            true => for_each_in_json(text, None, &mut put),
            false => for_each_in_line(EventKind::AlbAccess, text, None, &mut put),
        };
        assert!(found > 0, "{text}");
    }
    RecordBatch::try_new(table.schema(&all), columns.finish()).unwrap()
}

/// The value of a column as text; `NULL` if it is null.
fn cell(array: &dyn Array, row: usize) -> String {
    if array.is_null(row) {
        return "NULL".to_owned();
    }
    match array.data_type() {
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        other => panic!("{other}"),
    }
}

/// The named values of a row, separated by `|`.
fn cells(rows: &RecordBatch, row: usize, names: &str) -> String {
    let of = |name: &str| cell(rows.column_by_name(name).unwrap(), row);
    names
        .split_whitespace()
        .map(of)
        .collect::<Vec<_>>()
        .join("|")
}

/// A row with the name of each column that is not null.
fn whole_row(rows: &RecordBatch, row: usize) -> Vec<String> {
    let fields = rows.schema();
    let columns = fields.fields().iter().zip(rows.columns());
    let known = columns.filter(|(_, column)| !column.is_null(row));
    known
        .map(|(field, column)| format!("{}={}", field.name(), cell(column, row)))
        .collect()
}

#[test]
fn tables_have_the_columns_of_their_definitions() {
    for (table, count, first, last) in [
        (LogTable::AlbAccessLogs, 38, "type", "ip_address"),
        (LogTable::AlbConnectionLogs, 12, "time", "conn_trace_id"),
        (
            LogTable::NlbTlsLogs,
            24,
            "type",
            "tls_connection_creation_time",
        ),
        (LogTable::ElbLogs, 19, "timestamp", "ssl_protocol"),
        (LogTable::CloudTrailLogs, 29, "eventversion", "tlsdetails"),
        (
            LogTable::R53ResolverLogs,
            17,
            "version",
            "firewall_domain_list_id",
        ),
        (
            LogTable::WafLogs,
            23,
            "timestamp",
            "requestbodysizeinspectedbywaf",
        ),
    ] {
        let columns = table.columns();
        let names: std::collections::BTreeSet<_> =
            columns.iter().map(|column| column.name).collect();
        assert_eq!((columns.len(), names.len()), (count, count), "{table:?}");
        assert_eq!((columns[0].name, columns[count - 1].name), (first, last));
    }
    let identity = LogTable::CloudTrailLogs.columns()[1].kind.athena();
    assert!(identity.starts_with("struct<type:string,principalid:string,"));
    assert!(
        identity
            .ends_with("webidfederationdata:struct<federatedprovider:string,attributes:string>>>")
    );
}

#[test]
fn only_the_selected_columns_are_built_in_their_order() {
    let line = "2026-03-14T02:15:04.562461Z 203.0.113.9 58206 80 - - - \"-\" - - - TID_1";
    let mut columns = EventColumns::new(LogTable::AlbConnectionLogs, &[11, 1], 1);
    for_each_in_line(
        EventKind::AlbConnection,
        line,
        None,
        &mut |_, event, fields| {
            columns.put(&FoundEvent {
                event: &event.unwrap(),
                fields,
                place: Place::default(),
                matches: None,
            });
        },
    );
    let built = columns.finish();
    assert_eq!(
        [cell(&built[0], 0), cell(&built[1], 0)],
        ["TID_1", "203.0.113.9"]
    );
}
