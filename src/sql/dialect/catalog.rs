//! `SHOW TABLES`, `SHOW COLUMNS` and `DESCRIBE` as queries of the engine's own tables, with Athena's names
//! of types.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{
    ObjectName, Query, ShowStatementFilter, ShowStatementFilterPosition, ShowStatementOptions,
    Statement, Value,
};

use super::query;
use crate::sql::fault::QueryFault;
use crate::sql::suggestions;

/// Returns the query that a statement means; none if it is another statement.
///
/// # Errors
/// There is no such table.
pub(super) fn query_of(
    statement: &Statement,
    tables: &BTreeSet<String>,
) -> Result<Option<Box<Query>>, QueryFault> {
    let text = match statement {
        Statement::ShowTables { show_options, .. } => format!(
            "SELECT table_name AS tab_name FROM information_schema.tables WHERE table_schema = 'public'{} \
             ORDER BY table_name",
            condition(show_options)
        ),
        Statement::ShowColumns { show_options, .. } => {
            let named = show_options.show_in.as_ref();
            let Some(table) = named.and_then(|named| named.parent_name.as_ref()) else {
                return Ok(None);
            };
            columns(table, "column_name AS field", tables)?
        }
        Statement::ExplainTable { table_name, .. } => columns(
            table_name,
            "column_name AS col_name, column_type(data_type) AS data_type",
            tables,
        )?,
        _ => return Ok(None),
    };
    let query = query(&text);
    query
        .map(Some)
        .map_err(|error| QueryFault::from_parser(&error))
}

fn columns(
    table: &ObjectName,
    items: &str,
    tables: &BTreeSet<String>,
) -> Result<String, QueryFault> {
    let ident = table.0.last().and_then(|part| part.as_ident());
    let name = ident.map_or_else(String::new, |ident| ident.value.to_lowercase());
    if !tables.contains(&name) {
        return Err(suggestions::unknown_table(&name, tables));
    }
    Ok(format!(
        "SELECT {items} FROM information_schema.columns WHERE table_schema = 'public' AND table_name = {} \
         ORDER BY ordinal_position",
        Value::SingleQuotedString(name)
    ))
}

/// Writes the condition of `SHOW TABLES '*flow*'`.
fn condition(options: &ShowStatementOptions) -> String {
    let Some(
        ShowStatementFilterPosition::Infix(filter) | ShowStatementFilterPosition::Suffix(filter),
    ) = &options.filter_position
    else {
        return String::new();
    };
    match filter {
        ShowStatementFilter::Like(text)
        | ShowStatementFilter::ILike(text)
        | ShowStatementFilter::NoKeyword(text) => {
            let pattern = text.replace('\\', "\\\\").replace('_', "\\_");
            let pattern = Value::SingleQuotedString(pattern.replace('*', "%"));
            format!(" AND table_name LIKE {pattern}")
        }
        ShowStatementFilter::Where(_) => String::new(),
    }
}
