//! Functions of Athena that the engine lacks or defines in another way.
//!
//! ```text
//! row        one value of each row: the frame that the others fill
//! pattern    patterns of dates, as MySQL and Joda write them
//! time       dates and times         text     text and regular expressions
//! url        parts of URLs           network  addresses and networks
//! json       JSON in text            lists    lists, structs and casts
//! types      Athena's names of types      numbers  bits of numbers
//! ```
//!
//! Functions that only have another name or another order of arguments are templates instead
//! (`dialect/templates.rs`).

mod json;
mod lists;
mod network;
mod numbers;
mod pattern;
mod row;
mod text;
mod time;
mod types;
mod url;

use datafusion::logical_expr::ScalarUDF;

pub(super) use self::network::address_text;
use self::row::RowSpec;
pub(super) use self::types::value_type;

const TABLES: [&[RowSpec]; 6] = [
    time::SPECS,
    text::SPECS,
    url::SPECS,
    network::SPECS,
    json::SPECS,
    numbers::SPECS,
];

/// Makes all functions.
pub(super) fn all() -> impl Iterator<Item = ScalarUDF> {
    let of_rows = TABLES.into_iter().flat_map(row::functions);
    of_rows.chain(lists::functions()).chain(types::functions())
}

/// Whether a function has no value for some arguments. There is a function with `try_` before its name
/// then, which returns null for them.
pub(super) fn may_fail(name: &str) -> bool {
    let specs = TABLES.into_iter().flatten();
    specs
        .into_iter()
        .any(|spec| spec.may_fail && spec.name == name)
}
