//! The value of `--format` in `query`: an output form or a column order.

use flow2pcap::record::Layout;

use crate::cli::reading::FormatOption;

/// The names of output forms. The endings of files are names too.
const FORMS: [&str; 9] = [
    "table", "txt", "csv", "json", "jsonl", "ndjson", "markdown", "md", "parquet",
];

/// The value of `--format`.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(feature = "sql"),
    expect(dead_code, reason = "without the feature, values are only checked")
)]
pub(crate) enum QueryFormat {
    /// An output form, by one of its names.
    As(&'static str),
    /// A column order.
    Columns(Layout),
}

impl FormatOption for QueryFormat {
    const HELP: &str = "Output format: table, csv, json, jsonl, markdown or parquet [default: table on a \
        terminal, else csv]; or the column order of files without a header line: '${srcaddr} \
        ${dstaddr}', 'srcaddr dstaddr', or default; repeat it for several orders";

    const NEEDS_INPUT: bool = false;

    fn parse(text: &str) -> Result<Self, String> {
        if let Some(form) = FORMS.iter().find(|form| form.eq_ignore_ascii_case(text)) {
            return Ok(Self::As(form));
        }
        Layout::parse(text).map(Self::Columns).map_err(|error| {
            format!(
                "not table, csv, json, jsonl, markdown or parquet, and not a column order: {error}"
            )
        })
    }
}

#[cfg(all(test, feature = "sql"))]
mod tests {
    use flow2pcap::sql::QueryForm;

    use super::*;

    #[test]
    fn names_are_those_of_the_forms() {
        for name in FORMS {
            assert!(QueryForm::named(name).is_some(), "{name}");
        }
    }
}
