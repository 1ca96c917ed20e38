//! Formats sums as requests for CloudWatch's `PutMetricData`, one JSON object per line.
//!
//! The limits of a request are in the API reference of `PutMetricData` and `MetricDatum`: at most
//! 1 MB and 1,000 data, 30 dimensions each, values of a dimension in ASCII and at most 1,024
//! characters, and timestamps from two weeks ago to two hours ahead.

use flow2pcap::metrics::{Every, Measure, Series, Table};
use flow2pcap::printable::{json::escaped, label};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::form::{names, timestamp};
use crate::cli::page::count;

/// Maximum number of data in one request.
const DATA_MAX: usize = 1_000;

/// Maximum size of the data in one request, in bytes. It leaves room for the rest of the request.
const DATA_LEN_MAX: usize = 900_000;

/// Maximum length of a dimension's value, in characters.
const VALUE_LEN_MAX: usize = 1_024;

/// Maximum age of a datum.
const AGE_MAX: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Metrics with a shorter period, in seconds, must be marked as high resolution.
const STANDARD_RESOLUTION_S: i64 = 60;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Datum {
    metric_name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dimensions: Vec<DatumDimension>,
    timestamp: String,
    value: u128,
    unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_resolution: Option<u8>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DatumDimension {
    name: &'static str,
    value: String,
}

/// Formats the requests that put all tables into a namespace.
///
/// # Errors
/// Fails only if serialization does.
pub(super) fn text(tables: &[Table], every: Every, namespace: &str) -> anyhow::Result<String> {
    let mut requests = Requests {
        namespace: escaped(serde_json::to_string(namespace)?),
        data: Vec::new(),
        len: 0,
        out: String::new(),
    };
    for table in tables {
        for (begin_ns, series, counts) in table.by_time() {
            for measure in &table.question.measures {
                let Some(value) = counts.value(*measure) else {
                    continue;
                };
                let datum = datum(table, *measure, every, begin_ns, (series, value));
                requests.put(escaped(serde_json::to_string(&datum)?));
            }
        }
    }
    requests.end();
    Ok(requests.out)
}

/// Collects data into requests that are as full as the limits allow.
struct Requests {
    /// The namespace, as JSON.
    namespace: String,
    /// The data of the current request, as JSON.
    data: Vec<String>,
    /// The size of `data`, in bytes.
    len: usize,
    /// The finished requests.
    out: String,
}

impl Requests {
    fn put(&mut self, datum: String) {
        if self.data.len() == DATA_MAX || self.len + datum.len() > DATA_LEN_MAX {
            self.end();
        }
        self.len += datum.len() + 1;
        self.data.push(datum);
    }

    /// Finishes the current request.
    fn end(&mut self) {
        if self.data.is_empty() {
            return;
        }
        let (namespace, data) = (&self.namespace, self.data.join(","));
        self.out += &format!("{{\"Namespace\":{namespace},\"MetricData\":[{data}]}}\n");
        self.data.clear();
        self.len = 0;
    }
}

fn datum(
    table: &Table,
    measure: Measure,
    every: Every,
    begin_ns: i64,
    (series, value): (&Series, u128),
) -> Datum {
    let labels = names(table).zip(&series.labels);
    Datum {
        metric_name: camel_case(table.question.metric(measure)),
        dimensions: labels
            .map(|(name, value)| DatumDimension {
                name,
                value: permitted(&label(value)),
            })
            .collect(),
        timestamp: timestamp(begin_ns).to_string(),
        value,
        unit: match measure.unit() {
            "bytes" => "Bytes",
            "us" => "Microseconds",
            _ => "Count",
        },
        storage_resolution: (every.seconds() < STANDARD_RESOLUTION_S).then_some(1),
    }
}

/// Returns a note if CloudWatch will reject data because of their age.
pub(super) fn refused(tables: &[Table], now: Timestamp) -> Option<String> {
    let oldest = now - AGE_MAX;
    let data = tables.iter().flat_map(|table| {
        let measures = table.question.measures.len();
        let points = table.series.iter().flat_map(|series| &series.points);
        points.map(move |point| (timestamp(point.begin_ns), measures))
    });
    let old = data.filter(|(at, _)| *at < oldest);
    let old = old.fold(0, |sum, (_, measures)| sum + measures as u64);
    (old > 0).then(|| {
        format!(
            "{} {} older than two weeks, and CloudWatch will reject {}; use --from {oldest:.0}",
            count(old, "value"),
            if old == 1 { "is" } else { "are" },
            if old == 1 { "it" } else { "them" },
        )
    })
}

/// Converts a name to the style of AWS metrics: `rejected_packets` becomes `RejectedPackets`.
fn camel_case(metric: &str) -> String {
    let words = metric.split('_').map(|word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        first.to_ascii_uppercase() + rest
    });
    words.collect()
}

/// Returns a dimension's value without the characters that CloudWatch rejects.
fn permitted(value: &str) -> String {
    let chars = value.chars().take(VALUE_LEN_MAX);
    let permitted = chars.map(|c| if (' '..='~').contains(&c) { c } else { '?' });
    let text: String = permitted.collect();
    if text.trim().is_empty() {
        "?".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_aws() {
        assert_eq!(camel_case("rejected_tcp_packets"), "RejectedTcpPackets");
        assert_eq!(camel_case("bytes"), "Bytes");
    }

    #[test]
    fn requests_hold_as_many_data_as_they_may_by_number_and_size() {
        for (len, data, most) in [(2, 2_500, 1_000), (10_000, 100, 89)] {
            let mut requests = Requests {
                namespace: "\"n\"".into(),
                data: Vec::new(),
                len: 0,
                out: String::new(),
            };
            let datum = format!("\"{}\"", "x".repeat(len - 2));
            (0..data).for_each(|_| requests.put(datum.clone()));
            requests.end();
            let lines = requests.out.lines();
            let lens = lines.map(|line| {
                let request: serde_json::Value = serde_json::from_str(line).expect("JSON");
                assert!(line.len() <= 1_000_000);
                request["MetricData"].as_array().map_or(0, Vec::len)
            });
            let lens: Vec<usize> = lens.collect();
            assert_eq!(lens.iter().sum::<usize>(), data);
            assert_eq!(lens[0], most);
        }
    }

    #[test]
    fn values_are_what_cloudwatch_takes() {
        assert_eq!(permitted("eni-0a1b"), "eni-0a1b");
        assert_eq!(permitted("Zürich\u{7}"), "Z?rich?");
        assert_eq!(permitted("   "), "?");
        assert_eq!(permitted(&"x".repeat(5_000)).len(), VALUE_LEN_MAX);
    }
}
