//! How sums are printed, as typed: `--format`.
//!
//! In other subcommands `--format` says in which order columns stand, and so it does here: what
//! is not the name of a form is a column order. No column of a flow log has the name of a form.

use flow2pcap::metrics::Table;
use flow2pcap::record::Layout;
use jiff::Timestamp;

use crate::cli::reading::FormatOption;

/// How sums are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Columns for a person.
    Table,
    /// Comma-separated values, one sum a row.
    Csv,
    /// One JSON document.
    Json,
    /// The text format of OpenMetrics 1.0.
    Openmetrics,
    /// A request of CloudWatch's `PutMetricData` on each line.
    Cloudwatch,
}

/// What `--format` says.
#[derive(Clone, Debug)]
pub(crate) enum FormatChoice {
    /// How to print.
    As(Form),
    /// In which order columns stand.
    Columns(Layout),
}

impl FormatOption for FormatChoice {
    const HELP: &str = "How to print: table, csv, json, openmetrics or cloudwatch [default: table at a \
        terminal, else csv]; or the column order of files that have no header line: '${a-b} ${c}', \
        'a-b c', 'a_b c', or default";

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self::As(match text {
            "table" => Form::Table,
            "csv" => Form::Csv,
            "json" => Form::Json,
            "openmetrics" => Form::Openmetrics,
            "cloudwatch" => Form::Cloudwatch,
            columns => {
                return Layout::parse(columns).map(Self::Columns).map_err(|error| {
                    format!(
                        "neither table, csv, json, openmetrics or cloudwatch nor a column order: {error}"
                    )
                });
            }
        }))
    }
}

/// The names of a table's dimensions.
pub(super) fn names(table: &Table) -> impl Iterator<Item = &'static str> + Clone {
    table.question.by.iter().map(|dimension| dimension.name())
}

/// An instant as an API takes it.
pub(super) fn timestamp(ns: i64) -> Timestamp {
    Timestamp::from_nanosecond(ns.into()).expect("64 bits of nanoseconds are some 600 years")
}
