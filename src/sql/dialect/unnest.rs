//! `CROSS JOIN UNNEST(list) AS t(x)`: the engine unnests in a select list only, so the join becomes
//! `(SELECT *, unnest(list) AS x FROM …)`.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Join, JoinOperator, OrderBy, Select, TableAlias, TableFactor, TableWithJoins,
    VisitMut as _, VisitorMut,
};
use datafusion::sql::sqlparser::parser::ParserError;

use super::names::factor_name;
use super::query;

/// The name of unnested rows that have several columns.
const ROWS: &str = "unnested_rows";

/// Rewrites the joins with UNNEST of one select, and the order of its rows.
///
/// # Errors
/// Fails if what is written cannot be parsed again.
pub(super) fn applied(select: &mut Select, order: Option<&mut OrderBy>) -> Result<(), ParserError> {
    let has_unnest = select.from.iter().any(|from| {
        let joined = from.joins.iter().map(|join| &join.relation);
        let mut factors = std::iter::once(&from.relation).chain(joined);
        factors.any(|factor| matches!(factor, TableFactor::UNNEST { .. }))
    });
    let is_alone = matches!(&select.from[..], [TableWithJoins { relation: TableFactor::UNNEST { .. }, joins }] if joins.is_empty());
    if !has_unnest || is_alone {
        return Ok(());
    }
    let mut renamed = BTreeMap::new();
    let mut done: Vec<TableWithJoins> = Vec::new();
    for mut from in std::mem::take(&mut select.from) {
        let joins = std::mem::take(&mut from.joins);
        match from.relation {
            TableFactor::UNNEST { .. } if !done.is_empty() => {
                let inner = std::mem::take(&mut done);
                done.push(unnested(inner, &from.relation, false, &mut renamed)?);
            }
            _ => done.push(from),
        }
        for join in joins {
            if matches!(join.relation, TableFactor::UNNEST { .. }) {
                let inner = done.pop().into_iter().collect();
                done.push(unnested(
                    inner,
                    &join.relation,
                    is_outer(&join),
                    &mut renamed,
                )?);
            } else if let Some(last) = done.last_mut() {
                last.joins.push(join);
            }
        }
    }
    select.from = done;
    let mut rename = Rename(&renamed);
    let _ = select.projection.visit(&mut rename);
    let _ = select.selection.visit(&mut rename);
    let _ = select.group_by.visit(&mut rename);
    let _ = select.having.visit(&mut rename);
    if let Some(order) = order {
        let _ = order.visit(&mut rename);
    }
    Ok(())
}

fn is_outer(join: &Join) -> bool {
    matches!(
        join.join_operator,
        JoinOperator::Left(_) | JoinOperator::LeftOuter(_)
    )
}

/// Makes the table that has the columns of `inner` and those of the lists.
fn unnested(
    inner: Vec<TableWithJoins>,
    unnest: &TableFactor,
    is_outer: bool,
    renamed: &mut BTreeMap<String, String>,
) -> Result<TableWithJoins, ParserError> {
    let TableFactor::UNNEST {
        alias,
        array_exprs,
        with_ordinality,
        ..
    } = unnest
    else {
        return Err(ParserError::ParserError("UNNEST was expected".into()));
    };
    let names: Vec<String> = match alias {
        Some(alias) => {
            let columns = alias.columns.iter();
            columns.map(|column| column.name.to_string()).collect()
        }
        None => Vec::new(),
    };
    let lists = array_exprs.iter().map(|list| padded(list, is_outer));
    let text = written(&inner, &lists.collect::<Vec<_>>(), &names, *with_ordinality);
    let factors = inner.iter().flat_map(|from| {
        let joined = from.joins.iter().map(|join| &join.relation);
        std::iter::once(&from.relation).chain(joined)
    });
    let inner_names: Vec<String> = factors.filter_map(factor_name).collect();
    let name = match &inner_names[..] {
        [only] => only.clone(),
        _ => "unnested".to_owned(),
    };
    let own = alias.as_ref().map(|alias| alias.name.value.to_lowercase());
    for old in inner_names.into_iter().chain(own) {
        renamed.insert(old, name.clone());
    }
    // What was renamed to a table that is itself inside now is in this one.
    let inside: Vec<String> = renamed.keys().cloned().collect();
    for old in inside {
        renamed.insert(old, name.clone());
    }
    Ok(TableWithJoins {
        relation: TableFactor::Derived {
            lateral: false,
            subquery: query(&text)?,
            alias: Some(TableAlias {
                explicit: true,
                name: Ident::with_quote('"', name),
                columns: Vec::new(),
                at: None,
            }),
            sample: None,
        },
        joins: Vec::new(),
    })
}

/// Writes the query that has all columns of `inner` and those of the lists. With ordinality, the last name
/// is that of the number.
fn written(
    inner: &[TableWithJoins],
    lists: &[String],
    names: &[String],
    with_ordinality: bool,
) -> String {
    let ordinal = match (with_ordinality, names.split_last()) {
        (true, Some((last, _))) => Some(last.clone()),
        (true, None) => Some("ordinality".to_owned()),
        _ => None,
    };
    let columns = &names[..names.len() - usize::from(with_ordinality && !names.is_empty())];
    let mut items = Vec::new();
    let has_rows = lists.len() == 1 && columns.len() > 1;
    for (index, list) in lists.iter().enumerate() {
        let name = match columns.get(index) {
            _ if has_rows => ROWS.to_owned(),
            Some(name) => name.clone(),
            None => format!("unnested_{index}"),
        };
        items.push(format!("unnest({list}) AS {name}"));
    }
    if let (Some(ordinal), Some(list)) = (ordinal, lists.first()) {
        items.push(format!(
            "unnest(generate_series(1, cardinality({list}))) AS {ordinal}"
        ));
    }
    let from: Vec<String> = inner.iter().map(ToString::to_string).collect();
    let mut text = format!("SELECT *, {} FROM {}", items.join(", "), from.join(", "));
    if has_rows {
        let numbered = columns.iter().enumerate();
        let fields =
            numbered.map(|(index, name)| format!("row_field({ROWS}, {}) AS {name}", index + 1));
        text = format!(
            "SELECT *, {} FROM ({text})",
            fields.collect::<Vec<_>>().join(", ")
        );
    }
    text
}

/// Writes a list that has at least one item, null, for a join that keeps all rows.
fn padded(list: &Expr, is_outer: bool) -> String {
    match is_outer {
        true => format!("CASE WHEN cardinality({list}) > 0 THEN {list} ELSE make_array(NULL) END"),
        false => list.to_string(),
    }
}

/// Replaces the tables by which columns are qualified.
struct Rename<'a>(&'a BTreeMap<String, String>);

impl VisitorMut for Rename<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(parts) = expression
            && let Some(new) = self.0.get(&parts[0].value.to_lowercase())
        {
            parts[0] = Ident::with_quote('"', new.clone());
        }
        ControlFlow::Continue(())
    }
}
