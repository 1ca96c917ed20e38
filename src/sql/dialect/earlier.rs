//! Columns of flow logs by the names of AWS's older table definitions, as `sourceaddress` and `numbytes`.
//!
//! A name that nothing else in a query has, and that a field of flow logs had, becomes the column of the
//! field. In a select list, the column is called as the query calls it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Join, JoinConstraint, JoinOperator, OrderBy, Query, Select, SelectItem, SetExpr,
    Statement, TableAlias, TableFactor, VisitMut as _, VisitorMut,
};

use super::names::factor_name;
use crate::record::Field;
use crate::table::{DerivedTable, LogTable};

/// What is known of a statement's tables.
pub(super) struct EarlierNames {
    /// The tables of WITH.
    own_tables: BTreeMap<String, FlowScope>,
    /// Whether the next select is that of a view. A view keeps no names: what selects from it has them
    /// replaced as if it selected from the table.
    is_view: bool,
}

/// The columns that a table or a FROM clause has.
#[derive(Clone, Default)]
struct FlowScope {
    /// The columns of a subquery, by their names.
    names: BTreeSet<String>,
    /// Whether all columns of flow logs are there too.
    is_open: bool,
    /// The tables that have all columns of flow logs.
    open_tables: BTreeSet<String>,
}

impl EarlierNames {
    pub(super) fn of(statement: &Statement) -> Self {
        Self {
            own_tables: BTreeMap::new(),
            is_view: matches!(statement, Statement::CreateView { .. }),
        }
    }

    /// Notes the tables of a WITH clause.
    pub(super) fn remember(&mut self, query: &Query) {
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            let columns = self.columns(&table.query, Some(&table.alias));
            let name = table.alias.name.value.to_lowercase();
            self.own_tables.insert(name, columns);
        }
    }

    /// Replaces the names in one select, and in the order of its rows.
    pub(super) fn replace(&mut self, select: &mut Select, order: Option<&mut OrderBy>) {
        let is_view = std::mem::take(&mut self.is_view);
        let scope = self.scope(select);
        if !scope.is_open {
            return;
        }
        let mut aliases = BTreeSet::new();
        let mut replacing = Replacing {
            scope: &scope,
            hidden: BTreeSet::new(),
        };
        for item in &mut select.projection {
            match item {
                SelectItem::UnnamedExpr(expression) => {
                    let Some(old) = replacing.replace(expression) else {
                        let _ = expression.visit(&mut replacing);
                        continue;
                    };
                    if !is_view {
                        let expr = std::mem::replace(expression, Expr::Identifier(Ident::new("")));
                        let alias = Ident::with_quote('"', old.clone());
                        *item = SelectItem::ExprWithAlias { expr, alias };
                        aliases.insert(old);
                    }
                }
                SelectItem::ExprWithAlias { expr, .. } => {
                    let _ = expr.visit(&mut replacing);
                }
                _ => {}
            }
        }
        let _ = select.selection.visit(&mut replacing);
        for from in &mut select.from {
            replacing.replace_in(&mut from.relation);
            for join in &mut from.joins {
                replacing.replace_in(&mut join.relation);
                if let Some(condition) = condition(join) {
                    let _ = condition.visit(&mut replacing);
                }
            }
        }
        // An alias of the query itself comes first there, unless it is the name of such a column.
        let given = select.projection.iter().filter_map(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.to_lowercase()),
            _ => None,
        });
        let given: BTreeSet<String> = given.collect();
        replacing.hidden.extend(given.difference(&aliases).cloned());
        let _ = select.group_by.visit(&mut replacing);
        let _ = select.having.visit(&mut replacing);
        replacing.hidden.extend(given);
        if let Some(order) = order {
            let _ = order.visit(&mut replacing);
        }
    }

    fn scope(&self, select: &Select) -> FlowScope {
        let mut scope = FlowScope::default();
        for from in &select.from {
            self.add(&from.relation, &mut scope);
            for join in &from.joins {
                self.add(&join.relation, &mut scope);
            }
        }
        scope
    }

    /// Adds the columns of a table of FROM.
    fn add(&self, factor: &TableFactor, scope: &mut FlowScope) {
        let columns = match factor {
            TableFactor::Table { name, .. } => {
                let name = name.0.last().and_then(|part| part.as_ident());
                let name = name.map_or_else(String::new, |name| name.value.to_lowercase());
                match self.own_tables.get(&name) {
                    Some(own) => own.clone(),
                    None => FlowScope {
                        is_open: may_have_flows(&name),
                        ..FlowScope::default()
                    },
                }
            }
            TableFactor::Derived {
                subquery, alias, ..
            } => self.columns(subquery, alias.as_ref()),
            TableFactor::NestedJoin {
                table_with_joins, ..
            } => {
                self.add(&table_with_joins.relation, scope);
                for join in &table_with_joins.joins {
                    self.add(&join.relation, scope);
                }
                return;
            }
            TableFactor::UNNEST { alias, .. } => FlowScope {
                names: alias.as_ref().map(column_names).unwrap_or_default(),
                ..FlowScope::default()
            },
            _ => return,
        };
        if columns.is_open {
            scope.open_tables.extend(factor_name(factor));
        }
        scope.is_open |= columns.is_open;
        scope.names.extend(columns.names);
    }

    /// Returns the columns of a query.
    fn columns(&self, query: &Query, alias: Option<&TableAlias>) -> FlowScope {
        let names = alias.map(column_names).unwrap_or_default();
        if !names.is_empty() {
            return FlowScope {
                names,
                ..FlowScope::default()
            };
        }
        let mut body = &*query.body;
        let select = loop {
            match body {
                SetExpr::Select(select) => break select,
                SetExpr::Query(inner) => body = &inner.body,
                SetExpr::SetOperation { left, .. } => body = left,
                _ => return FlowScope::default(),
            }
        };
        let mut columns = FlowScope::default();
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(Expr::Identifier(name)) => {
                    columns.names.insert(name.value.to_lowercase());
                }
                SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
                    let last = parts.last().map(|part| part.value.to_lowercase());
                    columns.names.extend(last);
                }
                SelectItem::ExprWithAlias { alias, .. } => {
                    columns.names.insert(alias.value.to_lowercase());
                }
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                    let inner = self.scope(select);
                    columns.is_open |= inner.is_open;
                    columns.names.extend(inner.names);
                }
                _ => {}
            }
        }
        columns
    }
}

fn column_names(alias: &TableAlias) -> BTreeSet<String> {
    let columns = alias.columns.iter();
    columns
        .map(|column| column.name.value.to_lowercase())
        .collect()
}

fn condition(join: &mut Join) -> Option<&mut Expr> {
    match &mut join.join_operator {
        JoinOperator::Join(JoinConstraint::On(condition))
        | JoinOperator::Inner(JoinConstraint::On(condition))
        | JoinOperator::Left(JoinConstraint::On(condition))
        | JoinOperator::LeftOuter(JoinConstraint::On(condition))
        | JoinOperator::Right(JoinConstraint::On(condition))
        | JoinOperator::RightOuter(JoinConstraint::On(condition))
        | JoinOperator::FullOuter(JoinConstraint::On(condition)) => Some(condition),
        _ => None,
    }
}

/// Whether a table may be one of flow logs: its own names, and what a CREATE TABLE or a view called it.
fn may_have_flows(table: &str) -> bool {
    let others = LogTable::ALL.into_iter();
    let mut others = others.filter(|other| *other != LogTable::VpcFlowLogs);
    let is_other = others.any(|other| other.name() == table) || table == "alb_logs";
    !is_other && DerivedTable::ALL.iter().all(|other| other.name() != table)
}

/// The partitions of all tables.
const PARTITIONS: [&str; 7] = ["date", "day", "year", "month", "hour", "region", "account"];

/// Returns the column that had this name; none if a column has it now, or none had it.
fn column(earlier: &str) -> Option<&'static str> {
    let columns = LogTable::VpcFlowLogs.columns();
    if PARTITIONS.contains(&earlier) || columns.iter().any(|column| column.name == earlier) {
        return None;
    }
    let field = Field::from_name(earlier.as_bytes())?;
    let mut columns = columns.iter();
    let column = columns.find(|column| Field::from_name(column.name.as_bytes()) == Some(field))?;
    Some(column.name)
}

/// Replaces names in expressions.
struct Replacing<'a> {
    scope: &'a FlowScope,
    /// Names that mean something else: aliases, and the arguments of lambda functions.
    hidden: BTreeSet<String>,
}

impl Replacing<'_> {
    /// Replaces a name that is the whole expression; returns it.
    fn replace(&self, expression: &mut Expr) -> Option<String> {
        let ident = match expression {
            Expr::Identifier(ident) => {
                let name = ident.value.to_lowercase();
                let is_other = self.scope.names.contains(&name) || self.hidden.contains(&name);
                (!is_other).then_some(ident)?
            }
            Expr::CompoundIdentifier(parts) => match &mut parts[..] {
                [table, ident] => {
                    let table = table.value.to_lowercase();
                    let is_open = self.scope.open_tables.contains(&table);
                    is_open.then_some(ident)?
                }
                _ => return None,
            },
            _ => return None,
        };
        let old = ident.value.to_lowercase();
        *ident = Ident::with_quote('"', column(&old)?);
        Some(old)
    }

    /// Replaces names in the lists of an UNNEST.
    fn replace_in(&mut self, factor: &mut TableFactor) {
        if let TableFactor::UNNEST { array_exprs, .. } = factor {
            let _ = array_exprs.visit(self);
        }
    }
}

impl VisitorMut for Replacing<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Expr::Lambda(lambda) = expression {
            let arguments = lambda.params.to_string();
            let names = arguments.split(|c: char| !c.is_alphanumeric() && c != '_');
            self.hidden.extend(names.map(str::to_lowercase));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        let _ = self.replace(expression);
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_older_tables_are_columns_unless_columns_have_them() {
        assert_eq!(column("sourceaddress"), Some("srcaddr"));
        assert_eq!(column("numbytes"), Some("bytes"));
        assert_eq!(column("logstatus"), Some("log_status"));
        assert_eq!(column("starttime"), Some("start"));
        assert_eq!(column("srcaddr"), None);
        assert_eq!(column("account"), None);
        assert_eq!(column("banana"), None);
    }
}
