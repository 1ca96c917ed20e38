//! The value of `--format` in `query`: an output form or a column order.

use flow2pcap::record::Layout;

use crate::cli::reading::FormatOption;

/// The form in which rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResultForm {
    /// Aligned columns, for people.
    Table,
    /// Comma-separated values.
    Csv,
    /// One JSON document.
    Json,
    /// One JSON object on each line.
    Jsonl,
    /// A table in Markdown.
    Markdown,
    /// A Parquet file.
    Parquet,
}

/// The value of `--format`.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(feature = "sql"),
    expect(dead_code, reason = "without the feature, values are only checked")
)]
pub(crate) enum QueryFormat {
    /// An output form.
    As(ResultForm),
    /// A column order.
    Columns(Layout),
}

impl FormatOption for QueryFormat {
    const HELP: &str = "Output format: table, csv, json, jsonl, markdown or parquet [default: table on a \
        terminal, else csv]; or the column order of files without a header line: '${srcaddr} \
        ${dstaddr}', 'srcaddr dstaddr', or default; repeat it for several orders";

    const NEEDS_INPUT: bool = false;

    fn parse(text: &str) -> Result<Self, String> {
        if let Some(form) = ResultForm::named(text) {
            return Ok(Self::As(form));
        }
        Layout::parse(text).map(Self::Columns).map_err(|error| {
            format!(
                "not table, csv, json, jsonl, markdown or parquet, and not a column order: {error}"
            )
        })
    }
}

impl ResultForm {
    /// Returns the form of this name. The endings of files are names too.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "table" | "txt" => Self::Table,
            "csv" => Self::Csv,
            "json" => Self::Json,
            "jsonl" | "ndjson" => Self::Jsonl,
            "markdown" | "md" => Self::Markdown,
            "parquet" => Self::Parquet,
            _ => return None,
        })
    }
}
