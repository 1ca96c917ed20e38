//! The value of `--format` in `metrics`: an output form or a column order.
//!
//! In other subcommands `--format` is a column order. Here, a value that does not name an output
//! form is a column order too. No field of a flow log has the name of a form.

use flow2pcap::metrics::Table;
use flow2pcap::record::Layout;
use jiff::Timestamp;

use crate::cli::reading::FormatOption;

/// The form in which sums are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Aligned columns, for people.
    Table,
    /// Comma-separated values, one sum per row.
    Csv,
    /// One JSON document.
    Json,
    /// The text format of OpenMetrics 1.0.
    Openmetrics,
    /// One request for CloudWatch's `PutMetricData` per line.
    Cloudwatch,
}

impl Form {
    /// Returns the form with this name.
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "table" => Self::Table,
            "csv" => Self::Csv,
            "json" => Self::Json,
            "openmetrics" => Self::Openmetrics,
            "cloudwatch" => Self::Cloudwatch,
            _ => return None,
        })
    }

    /// Parses the value of an option that names nothing but a form.
    ///
    /// # Errors
    /// Says what was expected.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        Self::of(name).ok_or_else(|| "expected table, csv, json, openmetrics or cloudwatch".into())
    }
}

/// The value of `--format`.
#[derive(Clone, Debug)]
pub(crate) enum FormatChoice {
    /// An output form.
    As(Form),
    /// A column order.
    Columns(Layout),
}

impl FormatOption for FormatChoice {
    const HELP: &str = "Output format: table, csv, json, openmetrics or cloudwatch [default: table on a \
        terminal, else csv]; or the column order of files without a header line: '${srcaddr} \
        ${dstaddr}', 'srcaddr dstaddr', or default; repeat it for several orders";

    fn parse(text: &str) -> Result<Self, String> {
        if let Some(form) = Form::of(text) {
            return Ok(Self::As(form));
        }
        Layout::parse(text).map(Self::Columns).map_err(|error| {
            format!(
                "not table, csv, json, openmetrics or cloudwatch, and not a column order: {error}"
            )
        })
    }
}

/// Returns the names of a table's dimensions.
pub(crate) fn names(table: &Table) -> impl Iterator<Item = &'static str> + Clone {
    table.question.by.iter().map(|dimension| dimension.name())
}

/// Converts nanoseconds since the epoch to a timestamp.
pub(super) fn timestamp(ns: i64) -> Timestamp {
    Timestamp::from_nanosecond(ns.into()).expect("64 bits of nanoseconds are some 600 years")
}
