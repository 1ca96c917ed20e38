//! `"$path"`, which `SELECT *` does not show.
//!
//! A table has the column only in a statement that names it: there it is another table, with an alias
//! ([`SCHEMA`]). In such a statement, each `*` leaves the column out.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, JoinConstraint, JoinOperator, ObjectName, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, Statement, TableAlias, TableFactor, VisitMut as _,
    VisitorMut, WildcardAdditionalOptions, visit_expressions,
};

use super::names::factor_name;

/// The column.
pub(in crate::sql) const COLUMN: &str = "$path";

/// The schema of the tables that have it. Everywhere else, tables have no schema.
pub(in crate::sql) const SCHEMA: &str = "with path";

/// Which tables of a statement have the hidden column.
#[derive(Default)]
pub(super) struct HiddenColumn {
    /// Whether a query names the column without a table, so that it may be of any of them.
    is_of_any: bool,
    /// The tables, or their aliases, that it is named with.
    of_tables: BTreeSet<String>,
    /// Tables of WITH, which hide those of the same name.
    own_tables: BTreeSet<String>,
}

impl HiddenColumn {
    /// Finds where a statement names the column, and leaves it out of each `*` there.
    pub(super) fn of(statement: &mut Statement, with_path: &BTreeSet<String>) -> Self {
        let mut hidden = Self::default();
        let _ = visit_expressions(statement, |found| {
            match found {
                Expr::Identifier(name) => hidden.is_of_any |= name.value == COLUMN,
                Expr::CompoundIdentifier(parts) => {
                    if let [.., table, name] = &parts[..]
                        && name.value == COLUMN
                    {
                        hidden.of_tables.insert(table.value.to_lowercase());
                    }
                }
                _ => {}
            }
            ControlFlow::<()>::Continue(())
        });
        if hidden.is_named() {
            let mut stars = Stars {
                hidden: &mut hidden,
                with_path,
            };
            let _ = statement.visit(&mut stars);
        }
        hidden
    }

    fn is_named(&self) -> bool {
        self.is_of_any || !self.of_tables.is_empty()
    }

    /// Takes the table that has the column, where it is needed. The name has been looked up already.
    pub(super) fn take(&self, factor: &mut TableFactor, with_path: &BTreeSet<String>) {
        if !self.has(factor, with_path) {
            return;
        }
        if let TableFactor::Table { name, alias, .. } = factor
            && let Some(table) = name.0.last().and_then(|part| part.as_ident()).cloned()
        {
            *name = ObjectName::from(vec![Ident::with_quote('"', SCHEMA), table.clone()]);
            alias.get_or_insert_with(|| TableAlias {
                explicit: true,
                name: table,
                columns: Vec::new(),
                at: None,
            });
        }
    }

    fn has(&self, factor: &TableFactor, with_path: &BTreeSet<String>) -> bool {
        let TableFactor::Table { name, .. } = factor else {
            return false;
        };
        let table = name.0.last().and_then(|part| part.as_ident());
        let table = table.map_or_else(String::new, |table| table.value.to_lowercase());
        let is_named = self.is_of_any
            || factor_name(factor).is_some_and(|called| self.of_tables.contains(&called));
        is_named && with_path.contains(&table) && !self.own_tables.contains(&table)
    }
}

/// Leaves the column out of each `*`.
struct Stars<'a> {
    hidden: &'a mut HiddenColumn,
    with_path: &'a BTreeSet<String>,
}

impl VisitorMut for Stars<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let own = query.with.iter().flat_map(|with| &with.cte_tables);
        let names = own.map(|table| table.alias.name.value.to_lowercase());
        self.hidden.own_tables.extend(names);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let from = select.from.iter();
        let factors: Vec<&TableFactor> = from
            .flat_map(|from| {
                let joined = from.joins.iter().map(|join| &join.relation);
                std::iter::once(&from.relation).chain(joined)
            })
            .collect();
        let has = |factor: &TableFactor| self.hidden.has(factor, self.with_path);
        if !factors.iter().any(|factor| has(factor)) {
            return ControlFlow::Continue(());
        }
        let having: BTreeSet<String> = factors
            .iter()
            .filter(|factor| has(factor))
            .filter_map(|factor| factor_name(factor))
            .collect();
        let tables = separate(&factors).filter(|_| !has_merged_columns(select));
        let items = std::mem::take(&mut select.projection);
        for item in items {
            match item {
                SelectItem::Wildcard(options) => match &tables {
                    Some(tables) => select.projection.extend(tables.iter().map(|table| {
                        of_table(table, options.clone(), having.contains(&folded(table)))
                    })),
                    None => select
                        .projection
                        .push(SelectItem::Wildcard(without(options))),
                },
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    options,
                ) => {
                    let table = name.0.last().and_then(|part| part.as_ident());
                    let is_having = table.is_some_and(|table| having.contains(&folded(table)));
                    let options = if is_having { without(options) } else { options };
                    let kind = SelectItemQualifiedWildcardKind::ObjectName(name);
                    select
                        .projection
                        .push(SelectItem::QualifiedWildcard(kind, options));
                }
                other => select.projection.push(other),
            }
        }
        ControlFlow::Continue(())
    }
}

fn folded(name: &Ident) -> String {
    name.value.to_lowercase()
}

/// Returns the names of several tables, if all of them have one. With one table, or lists beside it, a
/// `*` without a table's name is clear.
fn separate(factors: &[&TableFactor]) -> Option<Vec<Ident>> {
    let is_list = |factor: &&TableFactor| matches!(factor, TableFactor::UNNEST { .. });
    if factors.len() < 2 || factors.iter().any(is_list) {
        return None;
    }
    let names = factors
        .iter()
        .map(|factor| factor_name(factor).map(|name| Ident::with_quote('"', name)));
    names.collect()
}

/// Whether two tables share columns, which `*` shows once.
fn has_merged_columns(select: &Select) -> bool {
    let mut joins = select.from.iter().flat_map(|from| &from.joins);
    joins.any(|join| {
        let (JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)) = &join.join_operator
        else {
            return false;
        };
        matches!(
            constraint,
            JoinConstraint::Using(_) | JoinConstraint::Natural
        )
    })
}

fn of_table(table: &Ident, options: WildcardAdditionalOptions, is_having: bool) -> SelectItem {
    let name = ObjectName::from(vec![table.clone()]);
    let options = if is_having { without(options) } else { options };
    SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options)
}

fn without(mut options: WildcardAdditionalOptions) -> WildcardAdditionalOptions {
    let column = ObjectName::from(vec![Ident::with_quote('"', COLUMN)]);
    options
        .opt_exclude
        .get_or_insert(ExcludeSelectItem::Multiple(vec![column]));
    options
}
