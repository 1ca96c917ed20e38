//! Athena's functions that the engine has under another name, or that are short expressions.
//!
//! `{0}` is the first argument. `{filter}` and `{over}` are the clauses of an aggregate, `{and}` the
//! condition of its FILTER as a further one, `{distinct}` its DISTINCT, `{within}` its order. They are
//! empty if the call has none.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList,
    FunctionArguments, UnaryOperator, Value,
};
use datafusion::sql::sqlparser::parser::ParserError;

use super::expression;

/// The name, the number of arguments, and the template.
const TEMPLATES: &[(&str, usize, &str)] = &[
    ("if", 2, "CASE WHEN {0} THEN {1} END"),
    ("if", 3, "CASE WHEN {0} THEN {1} ELSE {2} END"),
    (
        "count_if",
        1,
        "count(CASE WHEN {0} THEN 1 END){filter}{over}",
    ),
    // Any value will do. The least is the same one in each run.
    ("arbitrary", 1, "min({0}){filter}{over}"),
    ("any_value", 1, "min({0}){filter}{over}"),
    (
        "max_by",
        2,
        "first_value({0} ORDER BY {1} DESC, {0}) FILTER (WHERE {1} IS NOT NULL{and}){over}",
    ),
    (
        "min_by",
        2,
        "first_value({0} ORDER BY {1} ASC, {0}) FILTER (WHERE {1} IS NOT NULL{and}){over}",
    ),
    (
        "max_by",
        3,
        "array_slice(array_agg({0} ORDER BY {1} DESC, {0}) FILTER (WHERE {1} IS NOT NULL{and}){over}, 1, {2})",
    ),
    (
        "min_by",
        3,
        "array_slice(array_agg({0} ORDER BY {1} ASC, {0}) FILTER (WHERE {1} IS NOT NULL{and}){over}, 1, {2})",
    ),
    // Exact, and therefore the same with any number of threads.
    (
        "approx_percentile",
        2,
        "nearest_rank(array_agg({0}){filter}{over}, {1})",
    ),
    ("approx_distinct", 2, "approx_distinct({0}){filter}{over}"),
    // In the order of the values, because the engine's depends on threads.
    (
        "array_agg",
        1,
        "array_agg({distinct}{0} ORDER BY {0}){filter}{over}",
    ),
    (
        "listagg",
        1,
        "string_agg({distinct}{0}, ''{within}){filter}{over}",
    ),
    (
        "listagg",
        2,
        "string_agg({distinct}{0}, {1}{within}){filter}{over}",
    ),
    ("every", 1, "bool_and({0}){filter}{over}"),
    ("geometric_mean", 1, "exp(avg(ln({0})){filter}{over})"),
    ("bitwise_and_agg", 1, "bit_and({0}){filter}{over}"),
    ("bitwise_or_agg", 1, "bit_or({0}){filter}{over}"),
    ("bitwise_xor_agg", 1, "bit_xor({0}){filter}{over}"),
    ("bitwise_and", 2, "(({0}) & ({1}))"),
    ("bitwise_or", 2, "(({0}) | ({1}))"),
    ("bitwise_xor", 2, "(({0}) ^ ({1}))"),
    ("bitwise_not", 1, "(-1 - ({0}))"),
    ("bitwise_left_shift", 2, "(({0}) << ({1}))"),
    ("bitwise_right_shift", 2, "(({0}) >> ({1}))"),
    ("bitwise_right_shift_arithmetic", 2, "(({0}) >> ({1}))"),
    ("cardinality", 1, "CAST(cardinality({0}) AS BIGINT)"),
    ("element_at", 2, "array_element({0}, {1})"),
    (
        "array_position",
        2,
        "CAST(coalesce(array_position({0}, {1}), 0) AS BIGINT)",
    ),
    ("array_remove", 2, "array_remove_all({0}, {1})"),
    ("arrays_overlap", 2, "array_has_any({0}, {1})"),
    ("slice", 3, "array_slice({0}, {1}, ({1}) + ({2}) - 1)"),
    ("sequence", 2, "generate_series({0}, {1})"),
    ("sequence", 3, "generate_series({0}, {1}, {2})"),
    ("transform", 2, "array_transform({0}, {1})"),
    ("filter", 2, "array_filter({0}, {1})"),
    ("any_match", 2, "array_any_match({0}, {1})"),
    ("year", 1, "CAST(date_part('year', {0}) AS BIGINT)"),
    ("quarter", 1, "CAST(date_part('quarter', {0}) AS BIGINT)"),
    ("month", 1, "CAST(date_part('month', {0}) AS BIGINT)"),
    ("week", 1, "CAST(date_part('week', {0}) AS BIGINT)"),
    ("week_of_year", 1, "CAST(date_part('week', {0}) AS BIGINT)"),
    (
        "year_of_week",
        1,
        "CAST(date_part('isoyear', {0}) AS BIGINT)",
    ),
    ("yow", 1, "CAST(date_part('isoyear', {0}) AS BIGINT)"),
    ("day", 1, "CAST(date_part('day', {0}) AS BIGINT)"),
    ("day_of_month", 1, "CAST(date_part('day', {0}) AS BIGINT)"),
    // A date stays a date.
    ("date_trunc", 2, "date_like(date_trunc({0}, {1}), {1})"),
    ("dow", 1, "day_of_week({0})"),
    ("day_of_year", 1, "CAST(date_part('doy', {0}) AS BIGINT)"),
    ("doy", 1, "CAST(date_part('doy', {0}) AS BIGINT)"),
    ("hour", 1, "CAST(date_part('hour', {0}) AS BIGINT)"),
    ("minute", 1, "CAST(date_part('minute', {0}) AS BIGINT)"),
    ("second", 1, "CAST(date_part('second', {0}) AS BIGINT)"),
    ("at_timezone", 2, "(({0}) AT TIME ZONE {1})"),
    ("current_timezone", 0, "'UTC'"),
    ("levenshtein_distance", 2, "levenshtein({0}, {1})"),
    ("codepoint", 1, "ascii({0})"),
    ("ceiling", 1, "ceil({0})"),
    ("mod", 2, "(({0}) % ({1}))"),
    ("truncate", 1, "trunc({0})"),
    ("sign", 1, "signum({0})"),
    ("rand", 0, "random()"),
    ("e", 0, "exp(1.0)"),
    ("is_nan", 1, "isnan({0})"),
    ("typeof", 1, "type_of({0})"),
    ("replace", 2, "replace({0}, {1}, '')"),
    ("array_sort", 1, "array_sort({0}, 'ASC', 'NULLS LAST')"),
    ("from_unixtime", 2, "(from_unixtime({0}) AT TIME ZONE {1})"),
    // UTC is the time zone of all queries.
    ("localtimestamp", 0, "CAST(now() AS TIMESTAMP)"),
    // The greatest values, and the least.
    (
        "max",
        2,
        "array_slice(array_agg({0} ORDER BY {0} DESC) FILTER (WHERE {0} IS NOT NULL{and}){over}, 1, {1})",
    ),
    (
        "min",
        2,
        "array_slice(array_agg({0} ORDER BY {0} ASC) FILTER (WHERE {0} IS NOT NULL{and}){over}, 1, {1})",
    ),
];

/// Functions whose form depends on their arguments.
const SHAPED: [&str; 5] = ["concat", "contains", "greatest", "least", "typeof"];

/// Whether a function is written with others.
pub(in super::super) fn is_template(name: &str) -> bool {
    name == "try" || SHAPED.contains(&name) || TEMPLATES.iter().any(|(known, ..)| *known == name)
}

/// Returns the names of such functions.
pub(in super::super) fn template_names() -> BTreeSet<&'static str> {
    let names = TEMPLATES.iter().map(|(name, ..)| *name);
    names.chain(SHAPED).chain(["try"]).collect()
}

/// Returns the expression that a call means; none if the engine has the function.
///
/// # Errors
/// Fails if the expression cannot be parsed again.
pub(super) fn applied(call: &Function) -> Result<Option<Expr>, ParserError> {
    let name = call.name.to_string().to_lowercase();
    let list = match &call.args {
        FunctionArguments::List(list) => list,
        FunctionArguments::None => &FunctionArgumentList {
            duplicate_treatment: None,
            args: Vec::new(),
            clauses: Vec::new(),
        },
        FunctionArguments::Subquery(_) => return Ok(None),
    };
    let Some(arguments) = plain(&list.args) else {
        return Ok(None);
    };
    let is_ordered = list.clauses.iter();
    let is_ordered = is_ordered
        .clone()
        .any(|clause| matches!(clause, FunctionArgumentClause::OrderBy(_)));
    if name == "array_agg" && is_ordered {
        return Ok(None);
    }
    if let Some(text) = shaped(&name, &arguments) {
        return expression(&text).map(Some);
    }
    let mut templates = TEMPLATES.iter();
    let found = templates.find(|(known, count, _)| *known == name && *count == arguments.len());
    let Some((.., template)) = found else {
        return Ok(None);
    };
    expression(&filled(template, call, list, &arguments)).map(Some)
}

/// Returns the arguments if they are expressions without names.
fn plain(arguments: &[FunctionArg]) -> Option<Vec<&Expr>> {
    let plain = arguments.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression),
        _ => None,
    });
    plain.collect()
}

/// Fills a template. What is filled in is not searched for marks again.
fn filled(
    template: &str,
    call: &Function,
    list: &FunctionArgumentList,
    arguments: &[&Expr],
) -> String {
    let clause = |words: &str, text: Option<String>| {
        text.map_or(String::new(), |text| format!("{words}{text}"))
    };
    let value = |mark: &str| match mark {
        "filter" => call
            .filter
            .as_ref()
            .map_or(String::new(), |filter| format!(" FILTER (WHERE {filter})")),
        "and" => call
            .filter
            .as_ref()
            .map_or(String::new(), |filter| format!(" AND ({filter})")),
        "over" => clause(" OVER ", call.over.as_ref().map(ToString::to_string)),
        "distinct" => list
            .duplicate_treatment
            .map_or(String::new(), |treatment| format!("{treatment} ")),
        "within" => {
            let order: Vec<String> = call.within_group.iter().map(ToString::to_string).collect();
            clause(" ORDER BY ", (!order.is_empty()).then(|| order.join(", ")))
        }
        index => {
            let index: Option<usize> = index.parse().ok();
            let argument = index.and_then(|index| arguments.get(index));
            argument.map(ToString::to_string).unwrap_or_default()
        }
    };
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (mark, after) = after.split_once('}').unwrap_or((after, ""));
        out += before;
        out += &value(mark);
        rest = after;
    }
    out + rest
}

/// Writes a call whose form depends on its arguments.
fn shaped(name: &str, arguments: &[&Expr]) -> Option<String> {
    let joined = |separator: &str| {
        let texts: Vec<String> = arguments
            .iter()
            .map(|argument| format!("({argument})"))
            .collect();
        texts.join(separator)
    };
    match (name, arguments) {
        // The engine's ignore nulls; Trino's are null then.
        ("concat", [_, _, ..]) => Some(format!("({})", joined(" || "))),
        // The engine's whole numbers are all bigints where they are written.
        ("typeof", [number]) if is_integer(number) => Some("'integer'".to_owned()),
        ("greatest" | "least", [_, _, ..]) => {
            let missing = joined(" IS NULL OR ");
            let list = joined(", ");
            Some(format!(
                "CASE WHEN {missing} IS NULL THEN NULL ELSE {name}({list}) END"
            ))
        }
        ("contains", [network, address]) => Some(
            match is_network(network) || (is_address(address) && !is_list(network)) {
                true => format!("ip_in({network}, {address})"),
                false => format!("array_has({network}, {address})"),
            },
        ),
        _ => None,
    }
}

/// Whether an expression is a whole number that Trino reads as an integer.
fn is_integer(expression: &Expr) -> bool {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse::<i32>().is_ok(),
            _ => false,
        },
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => is_integer(expr),
        _ => false,
    }
}

/// Returns what `substr(text, start)` means; none if the engine means the same, because `start` is a number
/// from 1. From 0 there is nothing, and a negative one counts from the end. The engine would count on
/// before the beginning.
///
/// # Errors
/// Fails if the expression cannot be parsed again.
pub(super) fn substring(
    text: &Expr,
    start: &Expr,
    length: Option<&Expr>,
) -> Result<Option<Expr>, ParserError> {
    let from_end = |count: String| {
        let tail = format!(
            "CASE WHEN character_length({text}) >= {count} THEN right({text}, {count}) ELSE '' END"
        );
        match length {
            Some(length) => format!("left({tail}, {length})"),
            None => tail,
        }
    };
    let nothing = format!("left({text}, 0)");
    let written = match start {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) if number.bytes().all(|digit| digit == b'0') => nothing,
            _ => return Ok(None),
        },
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr: count,
        } => from_end(count.to_string()),
        start => {
            let length = length.map_or(String::new(), |length| format!(", {length}"));
            let tail = from_end(format!("(-({start}))"));
            format!(
                "CASE WHEN ({start}) > 0 THEN substr({text}, {start}{length}) \
                 WHEN ({start}) = 0 THEN {nothing} WHEN ({start}) < 0 THEN {tail} END"
            )
        }
    };
    expression(&written).map(Some)
}

fn is_network(expression: &Expr) -> bool {
    let text = expression.to_string();
    let text = text
        .strip_prefix('\'')
        .and_then(|text| text.strip_suffix('\''));
    let parts = text.and_then(|text| text.split_once('/'));
    parts.is_some_and(|(base, bits)| {
        base.parse::<std::net::IpAddr>().is_ok() && bits.parse::<u8>().is_ok()
    })
}

fn is_list(expression: &Expr) -> bool {
    matches!(expression, Expr::Array(_))
}

/// Whether an expression was a cast to IPADDRESS.
fn is_address(expression: &Expr) -> bool {
    matches!(expression, Expr::Function(call) if call.name.to_string() == "ip_address")
}
