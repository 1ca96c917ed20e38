//! `interval '1' day * 2`: the engine multiplies no intervals, so the number in the literal is
//! multiplied.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value};
use datafusion::sql::sqlparser::parser::ParserError;

use super::expression;

/// Returns the interval that a product of an interval and a whole number is; none for another operation.
///
/// # Errors
/// Fails if the interval cannot be parsed again.
pub(super) fn multiplied(
    left: &Expr,
    operator: &BinaryOperator,
    right: &Expr,
) -> Result<Option<Expr>, ParserError> {
    if *operator != BinaryOperator::Multiply {
        return Ok(None);
    }
    let ((Expr::Interval(interval), factor) | (factor, Expr::Interval(interval))) =
        (bare(left), bare(right))
    else {
        return Ok(None);
    };
    let product = number(&interval.value)
        .zip(number(factor))
        .and_then(|(count, factor)| count.checked_mul(factor));
    let (Some(product), Some(unit), None) =
        (product, &interval.leading_field, &interval.last_field)
    else {
        return Ok(None);
    };
    expression(&format!("INTERVAL '{product}' {unit}")).map(Some)
}

fn bare(expression: &Expr) -> &Expr {
    match expression {
        Expr::Nested(inner) => bare(inner),
        other => other,
    }
}

fn number(expression: &Expr) -> Option<i64> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) | Value::SingleQuotedString(text) => text.trim().parse().ok(),
            _ => None,
        },
        _ => None,
    }
}
