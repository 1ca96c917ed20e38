//! `resources[1].arn`: the engine reads what follows the dot as a column, so it becomes
//! `resources[1]['arn']`.

use datafusion::sql::sqlparser::ast::{AccessExpr, Expr, Ident, Subscript, Value};

/// Rewrites the steps to a member.
pub(super) fn subscripted(steps: &mut [AccessExpr]) {
    for step in steps {
        let AccessExpr::Dot(Expr::Identifier(name)) = step else {
            continue;
        };
        let name = Value::SingleQuotedString(name.value.to_lowercase());
        *step = AccessExpr::Subscript(Subscript::Index {
            index: Expr::value(name),
        });
    }
}

/// Returns the name of the member that the last step leads to; none if that is an item of a list.
pub(super) fn last(steps: &[AccessExpr]) -> Option<&Ident> {
    match steps.last()? {
        AccessExpr::Dot(Expr::Identifier(name)) => Some(name),
        _ => None,
    }
}
