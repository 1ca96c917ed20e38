//! Formats sums as one JSON document.

use std::collections::BTreeMap;

use flow2pcap::metrics::{Counts, Every, Question, Series, Table};
use flow2pcap::pipeline::Answers;
use flow2pcap::summary::{Input, Records};
use flow2pcap::survey::EventLogs;
use serde::Serialize;

use super::form::{names, timestamp};
use crate::cli::page;

#[derive(Serialize)]
struct Document<'a> {
    /// Length of a time bucket, in seconds.
    every_s: i64,
    /// Whether each packet counts once; otherwise every record counts as it was logged.
    once: bool,
    tables: Vec<TableText<'a>>,
    input: &'a Input,
    records: &'a Records,
    /// The events of other logs, if a question is about events.
    #[serde(skip_serializing_if = "EventLogs::is_empty")]
    events: &'a EventLogs,
    elapsed_ms: u64,
}

#[derive(Serialize)]
struct TableText<'a> {
    metrics: Vec<&'static str>,
    by: Vec<&'static str>,
    /// Number of series that are summed as `other`.
    folded: u64,
    series: Vec<SeriesText<'a>>,
}

#[derive(Serialize)]
struct SeriesText<'a> {
    labels: BTreeMap<&'static str, &'a str>,
    /// Whether this series is the sum of the rest.
    other: bool,
    total: MetricValues,
    points: Vec<PointText>,
}

#[derive(Serialize)]
struct PointText {
    start: String,
    values: MetricValues,
}

/// Values by the name of the metric; a mean or a maximum of nothing is left out.
type MetricValues = BTreeMap<&'static str, u128>;

/// Formats the whole document.
///
/// # Errors
/// Fails only if serialization does.
pub(super) fn text(answers: &Answers, every: Every) -> anyhow::Result<String> {
    let document = Document {
        every_s: every.seconds(),
        once: answers.is_once,
        tables: answers.tables.iter().map(table).collect(),
        input: &answers.input,
        records: &answers.records,
        events: &answers.events,
        elapsed_ms: answers.elapsed_ms,
    };
    page::json(&document)
}

fn table(table: &Table) -> TableText<'_> {
    let question = &table.question;
    let measures = question.measures.iter();
    TableText {
        metrics: measures.map(|measure| question.metric(*measure)).collect(),
        by: names(table).collect(),
        folded: table.folded,
        series: table.series.iter().map(|one| series(table, one)).collect(),
    }
}

fn series<'a>(table: &'a Table, series: &'a Series) -> SeriesText<'a> {
    let labels = series.labels.iter().map(String::as_str);
    let points = series.points.iter().map(|point| PointText {
        start: timestamp(point.begin_ns).to_string(),
        values: sums(&table.question, &point.counts),
    });
    SeriesText {
        labels: names(table).zip(labels).collect(),
        other: series.is_other,
        total: sums(&table.question, &series.total),
        points: points.collect(),
    }
}

fn sums(question: &Question, counts: &Counts) -> MetricValues {
    let measures = question.measures.iter();
    measures
        .filter_map(|measure| Some((question.metric(*measure), counts.value(*measure)?)))
        .collect()
}
