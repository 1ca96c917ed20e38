//! Formats sums in the text format of OpenMetrics 1.0, with timestamps.
//!
//! The sums of time buckets go up and down, so they are gauges: a counter must never fall. The
//! timestamp of a point is the start of its bucket. All points of one series are together, in order
//! of time, as the format requires ("MetricPoints MUST have
//! monotonically increasing timestamps"); `promtool tsdb create-blocks-from openmetrics` reads it.

use std::fmt::Write as _;

use flow2pcap::metrics::{Every, Measure, Series, Table};
use flow2pcap::printable::label;
use flow2pcap::time::SECOND_NS;

use super::form::names;

/// Formats the metric families of all tables.
pub(super) fn text(tables: &[Table], every: Every) -> String {
    let mut out = String::new();
    for table in tables {
        for measure in &table.question.measures {
            family(table, *measure, every, &mut out);
        }
    }
    out + "# EOF\n"
}

fn family(table: &Table, measure: Measure, every: Every, out: &mut String) {
    let metric = table.question.metric(measure);
    let name = format!("flow2pcap_{metric}");
    let (unit, words) = (measure.unit(), metric.replace('_', " "));
    let what = match measure.is_time() {
        true => format!("The {}, in microseconds,", measure.name().replace('-', " ")),
        false => format!("Sum of {words}"),
    };
    let seconds = every.seconds();
    out.push_str(&format!(
        "# TYPE {name} gauge\n\
         # UNIT {name} {unit}\n\
         # HELP {name} {what} in the {seconds} seconds after the timestamp.\n"
    ));
    for series in &table.series {
        let labels = labels(table, series);
        for point in &series.points {
            let Some(value) = point.counts.value(measure) else {
                continue;
            };
            let at_s = point.begin_ns / SECOND_NS;
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{name}{labels} {value} {at_s}");
        }
    }
}

fn labels(table: &Table, series: &Series) -> String {
    if series.labels.is_empty() {
        return String::new();
    }
    let pairs = names(table).zip(&series.labels);
    let pairs: Vec<String> = pairs
        .map(|(name, value)| {
            // The name of a label has no hyphen.
            let name = name.replace('-', "_");
            format!("{name}=\"{}\"", escaped(&label(value)))
        })
        .collect();
    format!("{{{}}}", pairs.join(","))
}

/// Escapes a label's value as the format requires: backslash, quote and line feed.
fn escaped(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
    escaped.replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_end_their_label() {
        assert_eq!(escaped("a\"} 1\n\\"), "a\\\"} 1\\n\\\\");
    }
}
