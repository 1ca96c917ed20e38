//! `CAST` to types that the engine lacks, or converts to in another way.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, Expr, TimezoneInfo, Value,
};
use datafusion::sql::sqlparser::parser::ParserError;

use super::expression;

/// Returns the expression that a cast means; none if the engine's cast does the same.
///
/// # Errors
/// Fails if the expression cannot be parsed again.
pub(super) fn applied(cast: &Expr) -> Result<Option<Expr>, ParserError> {
    let Expr::Cast {
        kind,
        expr,
        data_type,
        ..
    } = cast
    else {
        return Ok(None);
    };
    let is_json = is_json(expr);
    let word = match kind {
        CastKind::TryCast | CastKind::SafeCast => "TRY_CAST",
        _ => "CAST",
    };
    let text = match data_type {
        DataType::Custom(name, _) => match name.to_string().to_lowercase().as_str() {
            "ipaddress" => format!("ip_address({expr})"),
            "ipprefix" => expr.to_string(),
            _ => return Ok(None),
        },
        DataType::JSON => expr.to_string(),
        DataType::Array(ArrayElemTypeDef::AngleBracket(item)) => match &**item {
            DataType::JSON => format!("json_items({expr})"),
            item if is_text(item) => format!("json_text_items({expr})"),
            item => format!("{word}(json_text_items({expr}) AS {item}[])"),
        },
        kind if is_text(kind) && is_json => format!("json_text({expr})"),
        kind if is_text(kind) => format!("to_text({expr})"),
        kind if is_json => format!("{word}(json_text({expr}) AS {kind})"),
        // Trino rounds, the engine cuts off.
        kind if is_whole(kind) && !is_plain(expr) => format!("{word}(whole({expr}) AS {kind})"),
        // The engine's times have any precision.
        DataType::Timestamp(Some(_), zone) => {
            let zone = match zone {
                TimezoneInfo::WithTimeZone | TimezoneInfo::Tz => " WITH TIME ZONE",
                _ => "",
            };
            format!("{word}({expr} AS TIMESTAMP{zone})")
        }
        _ => return Ok(None),
    };
    expression(&text).map(Some)
}

fn is_text(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Varchar(_)
            | DataType::Char(_)
            | DataType::String(_)
            | DataType::Text
            | DataType::CharacterVarying(_)
    )
}

fn is_whole(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Int(_)
            | DataType::Integer(_)
            | DataType::BigInt(_)
            | DataType::SmallInt(_)
            | DataType::TinyInt(_)
    )
}

/// Whether an expression is a column or a text, which is cast often and has no fraction.
fn is_plain(expression: &Expr) -> bool {
    match expression {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => true,
        Expr::Value(value) => !matches!(value.value, Value::Number(..)),
        _ => false,
    }
}

/// Whether an expression is a call whose result is JSON.
fn is_json(expression: &Expr) -> bool {
    let Expr::Function(call) = expression else {
        return false;
    };
    let name = call.name.to_string().to_lowercase();
    let name = name.strip_prefix("try_").unwrap_or(&name);
    matches!(name, "json_extract" | "json_parse" | "json_array_get")
}
