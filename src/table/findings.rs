//! Findings as rows: the fields of `diagnose --json`.

use std::sync::OnceLock;

use arrow_array::RecordBatch;

use super::column::ColumnType::{self, BigInt, Text};
use super::column::TableColumn;
use super::derived::DerivedTable;
use super::values::ColumnValues;
use crate::event::ObjectMembers;

/// A column, and its field in JSON: a name, or two with a point between them. Lists and objects are
/// JSON text.
const FIELDS: [(&str, ColumnType, &str); 26] = [
    // Its place in the list, from 1: `convert --finding` takes it.
    ("number", BigInt, ""),
    // The accounts of its ENIs, which are not in JSON.
    ("accounts", Text, ""),
    ("cause", Text, "cause"),
    ("certainty", Text, "certainty"),
    ("title", Text, "title"),
    ("seen", Text, "seen"),
    ("first_time", Text, "first"),
    ("last_time", Text, "last"),
    ("since", Text, "since"),
    ("until", Text, "until"),
    ("attempts", BigInt, "count"),
    ("attempts_of_services", BigInt, "of"),
    ("sources", Text, "where.from"),
    ("destinations", Text, "where.to"),
    ("ports", Text, "where.ports"),
    ("enis", Text, "where.enis"),
    ("subnets", Text, "where.subnets"),
    ("instances", Text, "where.instances"),
    ("means", Text, "means"),
    ("look_at", Text, "look_at"),
    ("against", Text, "against"),
    ("configuration", Text, "configuration"),
    ("changes", Text, "changes"),
    ("display_filter", Text, "display_filter"),
    ("records", Text, "records"),
    ("alike", Text, "alike"),
];

/// Returns the columns.
pub(super) fn columns() -> &'static [TableColumn] {
    static COLUMNS: OnceLock<Vec<TableColumn>> = OnceLock::new();
    COLUMNS.get_or_init(|| {
        let columns = FIELDS.iter();
        columns
            .map(|(name, kind, _)| TableColumn::new(name, *kind))
            .collect()
    })
}

/// Rows of findings.
pub struct FindingRows(Vec<ColumnValues>);

impl FindingRows {
    /// Creates an empty batch.
    pub fn new() -> Self {
        let columns = FIELDS.iter();
        Self(
            columns
                .map(|(_, kind, _)| ColumnValues::new(*kind, 0))
                .collect(),
        )
    }

    /// Adds a finding by its place in the list, from 1, the accounts of its ENIs as a JSON list, and its
    /// JSON text.
    pub fn put(&mut self, number: u64, accounts: &str, json: &str) {
        let members = ObjectMembers::of(json).unwrap_or_default();
        let scope = members.object("where").unwrap_or_default();
        for ((name, _, field), values) in FIELDS.iter().zip(&mut self.0) {
            match (*field, field.split_once('.')) {
                ("", _) if *name == "number" => values.put_number(i64::try_from(number).ok()),
                ("", _) => values.put_json(Some(accounts)),
                (_, Some((_, inner))) => values.put_json(scope.raw(inner)),
                (field, None) => values.put_json(members.raw(field)),
            }
        }
    }

    /// Returns the rows.
    pub fn finish(self) -> RecordBatch {
        let columns = self.0.into_iter().map(ColumnValues::finish);
        let rows = RecordBatch::try_new(DerivedTable::Findings.schema(), columns.collect());
        rows.expect("columns of one length and of the table's types")
    }
}

impl Default for FindingRows {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array as _;
    use arrow_array::cast::AsArray as _;
    use arrow_array::types::Int64Type;

    use super::*;

    #[test]
    fn lists_are_json_and_missing_fields_are_null() {
        let mut rows = FindingRows::new();
        rows.put(
            1,
            r#"["123456789012"]"#,
            r#"{"cause":"refused","where":{"from":["10.0.0.1"],"ports":[22,443]},"since":null,"count":3,"against":["a\"b"]}"#,
        );
        rows.put(2, "[]", "{}");
        let rows = rows.finish();
        let text = |name: &str, row| {
            let column = rows.column_by_name(name).unwrap().as_string_view();
            column.is_valid(row).then(|| column.value(row))
        };
        assert_eq!(text("cause", 0), Some("refused"));
        assert_eq!(text("accounts", 0), Some(r#"["123456789012"]"#));
        assert_eq!(text("sources", 0), Some(r#"["10.0.0.1"]"#));
        assert_eq!(text("ports", 0), Some("[22,443]"));
        assert_eq!(text("against", 0), Some(r#"["a\"b"]"#));
        assert_eq!((text("since", 0), text("cause", 1)), (None, None));
        let numbers = rows.column_by_name("number").unwrap();
        assert_eq!(numbers.as_primitive::<Int64Type>().values(), &[1, 2]);
    }
}
