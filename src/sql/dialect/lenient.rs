//! `try(…)`: null where an expression would fail.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, Expr, Ident, ObjectName, VisitMut as _, VisitorMut,
};

use super::expression;
use crate::sql::functions;
use crate::sql::overflow::LENIENT;

/// Makes an expression null where it would fail: casts become TRY_CAST, division by zero and numbers that get
/// too large are null, and functions that fail have forms that do not.
pub(super) fn made_lenient(expression: &mut Expr) {
    let _ = expression.visit(&mut Lenient);
}

struct Lenient;

impl VisitorMut for Lenient {
    type Break = ();

    fn post_visit_expr(&mut self, found: &mut Expr) -> ControlFlow<()> {
        match found {
            Expr::Cast { kind, .. } => *kind = CastKind::TryCast,
            Expr::BinaryOp {
                op: BinaryOperator::Divide | BinaryOperator::Modulo,
                right,
                ..
            } => {
                if let Ok(divisor) = expression(&format!("nullif({right}, 0)")) {
                    **right = divisor;
                }
            }
            Expr::BinaryOp {
                op: BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply,
                ..
            } => {
                if let Ok(marked) = expression(&format!("{LENIENT}({found})")) {
                    *found = marked;
                }
            }
            Expr::Function(call) => {
                let name = call.name.to_string().to_lowercase();
                if functions::may_fail(&name) {
                    call.name = ObjectName::from(vec![Ident::new(format!("try_{name}"))]);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
