//! Rows that sort alike, in an order of their own.
//!
//! SQL leaves their order open, and the engine's depends on threads. So the last sort of a query goes on
//! with all columns of its rows.

use datafusion::common::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, Sort, SortExpr};

/// Completes the order of the last sort; returns the plan, and whether it has a sort.
///
/// # Errors
/// Fails if the engine does not take the plan.
pub(super) fn broken(plan: LogicalPlan) -> Result<(LogicalPlan, bool)> {
    match plan {
        LogicalPlan::Sort(sort) => Ok((LogicalPlan::Sort(completed(sort)), true)),
        LogicalPlan::Limit(_) | LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) => {
            let inputs = plan.inputs();
            let [input] = inputs[..] else {
                return Ok((plan, false));
            };
            let (input, is_sorted) = broken(input.clone())?;
            if !is_sorted {
                return Ok((plan, false));
            }
            let plan = plan.with_new_exprs(plan.expressions(), vec![input])?;
            Ok((plan, true))
        }
        plan => Ok((plan, false)),
    }
}

fn completed(mut sort: Sort) -> Sort {
    for column in sort.input.schema().columns() {
        let column = Expr::Column(column);
        if !sort.expr.iter().any(|sorted| sorted.expr == column) {
            sort.expr.push(SortExpr::new(column, true, false));
        }
    }
    sort
}
