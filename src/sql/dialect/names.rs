//! The names of a query's columns, as Athena gives them.
//!
//! A column without a name is `_col0`, with its position. A member of a struct has the member's name.
//! Of two columns with one name, the second has a number: the engine allows no two.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, OrderBy, OrderByKind, Select, SelectItem, TableFactor,
};

use super::members;

/// Names the columns.
pub(super) fn named(select: &mut Select) {
    let tables = tables(select);
    let mut taken = BTreeSet::new();
    for (index, item) in select.projection.iter_mut().enumerate() {
        let (expression, name) = match item {
            SelectItem::UnnamedExpr(expression) => {
                let name = name(expression, index, &tables);
                (expression, name)
            }
            SelectItem::ExprWithAlias { alias, .. } => {
                let free = free(&alias.value, &mut taken);
                if free != alias.value {
                    *alias = Ident::with_quote('"', free);
                }
                continue;
            }
            _ => continue,
        };
        let free = free(&name.text, &mut taken);
        if name.is_given || free != name.text {
            let expr = std::mem::replace(expression, Expr::Identifier(Ident::new("")));
            *item = SelectItem::ExprWithAlias {
                expr,
                alias: Ident::with_quote('"', free),
            };
        }
    }
}

/// Sorts by the name of a column where a query repeats what the column is: with DISTINCT the engine sorts
/// by columns only.
pub(super) fn order_by_name(select: &Select, order: &mut OrderBy) {
    let OrderByKind::Expressions(sorted) = &mut order.kind else {
        return;
    };
    for sorted in sorted {
        let same = select.projection.iter().find_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } if *expr == sorted.expr => Some(alias),
            _ => None,
        });
        if let Some(alias) = same {
            sorted.expr = Expr::Identifier(alias.clone());
        }
    }
}

/// The name of a column, and whether it differs from what the engine calls it.
struct OutputName {
    text: String,
    is_given: bool,
}

fn name(expression: &Expr, index: usize, tables: &BTreeSet<String>) -> OutputName {
    let folded = |ident: &Ident| match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    };
    if let Expr::CompoundFieldAccess { access_chain, .. } = expression
        && let Some(member) = members::last(access_chain)
    {
        return OutputName {
            text: folded(member),
            is_given: true,
        };
    }
    match expression {
        Expr::Identifier(ident) => OutputName {
            text: folded(ident),
            is_given: false,
        },
        Expr::CompoundIdentifier(parts) => {
            let is_of_table = parts.len() == 2 && tables.contains(&folded(&parts[0]));
            OutputName {
                text: parts.last().map(folded).unwrap_or_default(),
                is_given: !is_of_table,
            }
        }
        _ => OutputName {
            text: format!("_col{index}"),
            is_given: true,
        },
    }
}

/// Returns a name that is not taken, and takes it.
fn free(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut free = name.to_owned();
    let mut number = 1;
    while !taken.insert(free.to_lowercase()) {
        free = format!("{name}_{number}");
        number += 1;
    }
    free
}

/// Returns the names by which columns may be qualified.
fn tables(select: &Select) -> BTreeSet<String> {
    let from = select.from.iter();
    let factors = from.flat_map(|from| {
        let joined = from.joins.iter().map(|join| &join.relation);
        std::iter::once(&from.relation).chain(joined)
    });
    factors.filter_map(factor_name).collect()
}

/// Returns the name of a table in a query: its alias, else its own.
pub(super) fn factor_name(factor: &TableFactor) -> Option<String> {
    let (alias, own) = match factor {
        TableFactor::Table { alias, name, .. } => (alias, name.0.last()?.as_ident()),
        TableFactor::Derived { alias, .. } | TableFactor::UNNEST { alias, .. } => (alias, None),
        _ => return None,
    };
    let ident = alias.as_ref().map(|alias| &alias.name).or(own)?;
    Some(ident.value.to_lowercase())
}
