//! The order of a result: the same rows in the same order for any number of threads.
//!
//! SQL leaves the order of rows open where a query does not ask for one, and Athena uses that. Here the
//! same input gives the same bytes. So there are two ways to run a query:
//!
//! * In order: the query has one partition, and its tables are read file by file, line by line.
//! * In any order: all threads work on it, and the rows of the result are sorted at the end. This is
//!   possible if every step of the query gives the same rows for any order of its input.
//!
//! Sorting needs a total order. So where a query sorts, the other columns decide between equal rows,
//! and where it does not sort, all columns do.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::logical_expr::expr::Sort as SortKey;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, Limit, LogicalPlan, Projection, Sort,
};

/// Aggregates whose value does not depend on the order of rows, if the values are not fractions.
const ORDER_FREE: [&str; 13] = [
    "approx_distinct",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "count",
    "count_if",
    "grouping",
    "max",
    "min",
    "sum",
];

/// Whether the result has the same rows for any order of the tables' rows.
pub(super) fn is_order_free(plan: &LogicalPlan) -> bool {
    let (mut is_free, mut gathers) = (true, false);
    let top_limit = std::ptr::from_ref(top_of_limit(plan));
    let visited = plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::Aggregate(aggregate) => {
                gathers = true;
                is_free &= is_aggregate_free(aggregate);
            }
            LogicalPlan::Distinct(_) | LogicalPlan::Join(_) | LogicalPlan::Sort(_) => {
                gathers = true
            }
            // Which rows are left depends on their order; that of the whole result is sorted first.
            LogicalPlan::Limit(limit) => {
                is_free &= std::ptr::eq(std::ptr::from_ref(&*limit.input), top_limit);
            }
            LogicalPlan::Window(_) | LogicalPlan::RecursiveQuery(_) => is_free = false,
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    });
    // A list of rows has the order of the log.
    is_free && gathers && visited.is_ok()
}

/// Returns what the limit at the top is a limit of; the plan itself if there is none.
fn top_of_limit(plan: &LogicalPlan) -> &LogicalPlan {
    match plan {
        LogicalPlan::Limit(limit) => &limit.input,
        LogicalPlan::Projection(projection) => match &*projection.input {
            LogicalPlan::Limit(limit) => &limit.input,
            _ => plan,
        },
        _ => plan,
    }
}

fn is_aggregate_free(aggregate: &Aggregate) -> bool {
    let schema = aggregate.input.schema();
    aggregate.aggr_expr.iter().all(|expr| {
        let mut inner = expr;
        while let Expr::Alias(alias) = inner {
            inner = &alias.expr;
        }
        let Expr::AggregateFunction(call) = inner else {
            return false;
        };
        let is_fraction = |argument: &Expr| {
            // A literal, as in count(1), is none.
            argument
                .get_type(schema)
                .is_ok_and(|kind| kind.is_floating())
        };
        let adds = matches!(call.func.name(), "sum" | "avg");
        ORDER_FREE.contains(&call.func.name())
            && !(adds && call.params.args.iter().any(is_fraction))
    })
}

/// Returns the same query, where rows that its last sort finds equal are in order of all their values.
/// A query that does not sort stays as it is.
pub(super) fn with_ties_broken(plan: LogicalPlan) -> Result<LogicalPlan> {
    match is_sorted(&plan) {
        true => in_total_order(plan),
        false => Ok(plan),
    }
}

/// Returns the same query with a total order of its rows.
pub(super) fn in_total_order(plan: LogicalPlan) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Sort(sort) => Ok(LogicalPlan::Sort(total(sort)?)),
        LogicalPlan::Limit(limit) => {
            let input = in_total_order(Arc::unwrap_or_clone(limit.input))?;
            Ok(LogicalPlan::Limit(Limit {
                input: Arc::new(input),
                ..limit
            }))
        }
        // Columns that a query sorts by and does not show are dropped after sorting.
        LogicalPlan::Projection(projection) if is_sorted(&projection.input) => {
            let input = in_total_order(Arc::unwrap_or_clone(projection.input))?;
            let projected = Projection::try_new(projection.expr, Arc::new(input))?;
            Ok(LogicalPlan::Projection(projected))
        }
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Projection(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Union(_) => {
            let sort = Sort {
                expr: Vec::new(),
                input: Arc::new(plan),
                fetch: None,
            };
            let sort = total(sort)?;
            match sort.expr.is_empty() {
                true => Ok(Arc::unwrap_or_clone(sort.input)),
                false => Ok(LogicalPlan::Sort(sort)),
            }
        }
        other => Ok(other),
    }
}

fn is_sorted(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Sort(_) => true,
        LogicalPlan::Limit(limit) => is_sorted(&limit.input),
        LogicalPlan::Projection(projection) => is_sorted(&projection.input),
        _ => false,
    }
}

/// Adds the columns by which a query does not sort yet.
fn total(mut sort: Sort) -> Result<Sort> {
    for (qualifier, field) in sort.input.schema().iter() {
        if has_no_order(field.data_type()) {
            continue;
        }
        let column = Expr::Column((qualifier, field).into());
        if !sort.expr.iter().any(|key| key.expr == column) {
            sort.expr.push(SortKey::new(column, true, false));
        }
    }
    Ok(sort)
}

/// Whether rows are not sorted by values of this type.
fn has_no_order(kind: &DataType) -> bool {
    kind.is_nested() || matches!(kind, DataType::Null)
}

#[cfg(test)]
mod tests;
