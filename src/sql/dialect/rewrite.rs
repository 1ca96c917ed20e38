//! The walk over a statement.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DateTimeField, Expr, FunctionArguments, Ident, LimitClause, ObjectName, Query, Select, SetExpr,
    Statement, TableAlias, TableFactor, Value, VisitMut as _, VisitorMut,
};
use datafusion::sql::sqlparser::parser::ParserError;

use super::hidden::HiddenColumn;
use super::{
    casts, catalog, earlier, expression, intervals, lenient, like, members, names, templates,
    unnest,
};
use crate::sql::fault::QueryFault;
use crate::sql::{Parameters, suggestions};

/// The names that a statement may use.
pub(in super::super) struct Known<'a> {
    /// Functions of the engine, and those that are added to it.
    pub(in super::super) functions: BTreeSet<String>,
    /// Tables and views.
    pub(in super::super) tables: BTreeSet<String>,
    /// Those of them that have the column `"$path"`.
    pub(in super::super) with_path: BTreeSet<String>,
    /// Values of `:name`.
    pub(in super::super) parameters: &'a Parameters,
}

/// Rewrites a statement for the engine.
///
/// # Errors
/// A function, a table or a parameter is unknown.
pub(in super::super) fn rewritten(
    mut statement: Statement,
    known: &Known<'_>,
) -> Result<Statement, QueryFault> {
    let hidden = HiddenColumn::of(&mut statement, &known.with_path);
    let mut walk = RewriteWalk {
        known,
        hidden,
        own_tables: BTreeSet::new(),
        earlier: earlier::EarlierNames::of(&statement),
        unnamed: 0,
    };
    if let Some(query) = catalog::query_of(&statement, &known.tables)? {
        return Ok(Statement::Query(query));
    }
    match statement.visit(&mut walk) {
        ControlFlow::Continue(()) => Ok(statement),
        ControlFlow::Break(fault) => Err(*fault),
    }
}

struct RewriteWalk<'a> {
    known: &'a Known<'a>,
    /// Names of WITH.
    own_tables: BTreeSet<String>,
    /// Names of columns in older table definitions.
    earlier: earlier::EarlierNames,
    /// Which tables have `"$path"`.
    hidden: HiddenColumn,
    /// How many queries in FROM had no name so far.
    unnamed: u32,
}

type WalkStep = ControlFlow<Box<QueryFault>>;

fn stop(fault: QueryFault) -> WalkStep {
    ControlFlow::Break(Box::new(fault))
}

/// What was written cannot be parsed again: an expression that the parser prints in another way.
fn unparsed(error: &ParserError) -> WalkStep {
    stop(QueryFault::from_parser(error))
}

impl VisitorMut for RewriteWalk<'_> {
    type Break = Box<QueryFault>;

    fn pre_visit_query(&mut self, query: &mut Query) -> WalkStep {
        if let Some(with) = &query.with {
            let names = with.cte_tables.iter().map(|table| &table.alias.name);
            self.own_tables
                .extend(names.map(|name| name.value.to_lowercase()));
        }
        if let Some(fetch) = query.fetch.take() {
            if fetch.with_ties || fetch.percent || query.limit_clause.is_some() {
                return stop(QueryFault::Unsupported(
                    "FETCH FIRST is supported with a number of rows and ONLY".into(),
                ));
            }
            let one = || Expr::value(Value::Number("1".into(), false));
            query.limit_clause = Some(LimitClause::LimitOffset {
                limit: Some(fetch.quantity.unwrap_or_else(one)),
                offset: None,
                limit_by: Vec::new(),
            });
        }
        self.earlier.remember(query);
        if let SetExpr::Select(select) = &mut *query.body {
            self.earlier.replace(select, query.order_by.as_mut());
            names::named(select);
            if let Some(order) = &mut query.order_by {
                names::order_by_name(select, order);
            }
            if let Err(error) = unnest::applied(select, query.order_by.as_mut()) {
                return unparsed(&error);
            }
        }
        WalkStep::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> WalkStep {
        self.earlier.replace(select, None);
        // Before the items are rewritten: a column keeps its name if a template replaces it.
        names::named(select);
        match unnest::applied(select, None) {
            Ok(()) => WalkStep::Continue(()),
            Err(error) => unparsed(&error),
        }
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> WalkStep {
        let Some(last) = relation.0.last().and_then(|part| part.as_ident()) else {
            return WalkStep::Continue(());
        };
        let is_schema = relation.0.len() > 1
            && relation.0[relation.0.len() - 2]
                .to_string()
                .eq_ignore_ascii_case("information_schema");
        if is_schema {
            return WalkStep::Continue(());
        }
        let name = last.value.to_lowercase();
        if !self.own_tables.contains(&name) && !self.known.tables.contains(&name) {
            return stop(suggestions::unknown_table(&name, &self.known.tables));
        }
        // Athena's databases and catalogs have no counterpart.
        *relation = ObjectName::from(vec![Ident::with_quote('"', name)]);
        WalkStep::Continue(())
    }

    /// Names the queries in FROM that have no name: the engine mixes up the columns of two such.
    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> WalkStep {
        self.hidden.take(factor, &self.known.with_path);
        if let TableFactor::Derived { alias, .. } = factor
            && alias.is_none()
        {
            self.unnamed += 1;
            *alias = Some(TableAlias {
                explicit: true,
                name: Ident::with_quote('"', format!("unnamed {}", self.unnamed)),
                columns: Vec::new(),
                at: None,
            });
        }
        WalkStep::Continue(())
    }

    fn pre_visit_expr(&mut self, found: &mut Expr) -> WalkStep {
        if let Expr::Function(call) = found {
            let name = call.name.to_string().to_lowercase();
            let is_known = templates::is_template(&name) || self.known.functions.contains(&name);
            if !is_known {
                return stop(suggestions::unknown_function(&name, &self.known.functions));
            }
        }
        WalkStep::Continue(())
    }

    fn post_visit_expr(&mut self, found: &mut Expr) -> WalkStep {
        match self.replaced(found) {
            Ok(Some(new)) => *found = new,
            Ok(None) => {}
            Err(fault) => return stop(fault),
        }
        WalkStep::Continue(())
    }
}

impl RewriteWalk<'_> {
    /// Returns what an expression becomes; none if it stays.
    fn replaced(&self, found: &mut Expr) -> Result<Option<Expr>, QueryFault> {
        let parsed = |made: Result<Option<Expr>, ParserError>| {
            made.map_err(|error| QueryFault::from_parser(&error))
        };
        match found {
            Expr::Function(call) if call.name.to_string().eq_ignore_ascii_case("try") => {
                let FunctionArguments::List(list) = &call.args else {
                    return Ok(None);
                };
                let text: Vec<String> = list.args.iter().map(ToString::to_string).collect();
                let mut inner = parsed(expression(&text.join(", ")).map(Some))?;
                inner.iter_mut().for_each(lenient::made_lenient);
                Ok(inner)
            }
            Expr::Function(call) => parsed(templates::applied(call)),
            Expr::Cast { .. } => parsed(casts::applied(found)),
            // A time without a zone is UTC, as in Athena. The engine would put it into the new zone.
            Expr::AtTimeZone {
                timestamp,
                time_zone,
            } => parsed(
                expression(&format!(
                    "CAST({timestamp} AS TIMESTAMP WITH TIME ZONE) AT TIME ZONE {time_zone}"
                ))
                .map(Some),
            ),
            Expr::Substring {
                expr,
                substring_from: Some(start),
                substring_for,
                ..
            } => parsed(templates::substring(expr, start, substring_for.as_deref())),
            Expr::Like {
                pattern,
                escape_char,
                ..
            } => like::escaped(pattern, escape_char).map(|()| None),
            Expr::BinaryOp { left, op, right } => parsed(intervals::multiplied(left, op, right)),
            Expr::CompoundFieldAccess { access_chain, .. } => {
                members::subscripted(access_chain);
                Ok(None)
            }
            Expr::Extract { field, expr, .. } if is_weekday(field) => {
                parsed(expression(&format!("day_of_week({expr})")).map(Some))
            }
            Expr::Value(value) => match &value.value {
                Value::Placeholder(name) => self.parameter(name).map(Some),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn parameter(&self, placeholder: &str) -> Result<Expr, QueryFault> {
        let name = placeholder.trim_start_matches([':', '$']);
        match self.known.parameters.get(name) {
            Some(value) => Ok(Expr::value(Value::SingleQuotedString(value.clone()))),
            None => Err(QueryFault::MissingParameter {
                name: name.to_owned(),
            }),
        }
    }
}

/// Whether a field is the day of the week, which Trino counts from 1, Monday.
fn is_weekday(field: &DateTimeField) -> bool {
    match field {
        DateTimeField::Dow | DateTimeField::DayOfWeek => true,
        DateTimeField::Custom(name) => name.value.eq_ignore_ascii_case("day_of_week"),
        _ => false,
    }
}
