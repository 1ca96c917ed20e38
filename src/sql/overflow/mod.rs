//! Whole numbers that get larger than their type: an error, as in Athena, and never another number.
//!
//! The engine's own `+`, `-`, `*` and `sum` go on with the smallest number of the type. A rule replaces
//! the operators after the types of a query are known, and a function replaces `sum`. `avg` adds
//! doubles, in Athena too, so nothing overflows there.
//!
//! ```text
//! operation  + - * of whole numbers      sum  sum of whole numbers
//! ```

mod operation;
mod sum;

use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::{BinaryExpr, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable as _, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;

use self::operation::{WholeOperation, WholeOperator};
use super::fault::QueryFault;

pub(super) use self::operation::{LENIENT, lenient_marker};
pub(super) use self::sum::checked_sum;

/// Replaces `+`, `-` and `*` of whole numbers by operations that fail on overflow.
#[derive(Debug)]
pub(super) struct CheckedOperators;

impl AnalyzerRule for CheckedOperators {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let made = plan.transform_up_with_subqueries(checked)?;
        Ok(made.data)
    }

    fn name(&self) -> &str {
        "checked_operators"
    }
}

fn checked(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let schema = merge_schema(&plan.inputs());
    let names = NamePreserver::new(&plan);
    let made = plan.map_expressions(|expression| {
        let name = names.save(&expression);
        let made = expression.transform_up(|found| replaced(found, &schema))?;
        Ok(made.update_data(|made| name.restore(made)))
    })?;
    made.map_data(LogicalPlan::recompute_schema)
}

fn replaced(found: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match found {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let operator = WholeOperator::of(op).filter(|_| are_whole(&left, &right, schema));
            match operator {
                Some(operator) => Ok(Transformed::yes(operator.applied(*left, *right))),
                None => Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr {
                    left,
                    op,
                    right,
                }))),
            }
        }
        Expr::Negative(inner) if !matches!(*inner, Expr::Literal(..)) => {
            let kind = inner.get_type(schema);
            match kind.ok().filter(|kind| kind.is_integer()) {
                Some(kind) => {
                    let zero = Expr::Literal(ScalarValue::new_zero(&kind)?, None);
                    Ok(Transformed::yes(WholeOperator::Minus.applied(zero, *inner)))
                }
                None => Ok(Transformed::no(Expr::Negative(inner))),
            }
        }
        Expr::ScalarFunction(call) if call.func.name() == LENIENT => {
            let Some(inner) = call.args.into_iter().next() else {
                return Err(DataFusionError::Internal("try() has no argument".into()));
            };
            Ok(Transformed::yes(lenient(inner)))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn are_whole(left: &Expr, right: &Expr, schema: &dyn ExprSchema) -> bool {
    match (left.get_type(schema), right.get_type(schema)) {
        (Ok(left), Ok(right)) => left == right && left.is_integer(),
        _ => false,
    }
}

/// Makes an operation null where it overflows.
fn lenient(expression: Expr) -> Expr {
    match expression {
        Expr::ScalarFunction(call) => {
            let operation = call.func.inner().downcast_ref::<WholeOperation>();
            let func = operation.map(WholeOperation::lenient).unwrap_or(call.func);
            Expr::ScalarFunction(ScalarFunction {
                func,
                args: call.args,
            })
        }
        other => other,
    }
}

/// Makes the error of a number that is too large.
fn overflow(text: String) -> DataFusionError {
    DataFusionError::External(Box::new(QueryFault::Overflow(text)))
}

#[cfg(test)]
mod tests;
