//! The tool `metrics`: sums over time.

use flow2pcap::metrics::{Counts, Measure, Series, Table};
use flow2pcap::pipeline::{self, Answers, Metrics};
use serde_json::{Map, Value};

use super::arguments::{NARROWING, schema};
use super::facts::{Fact, instant, sum};
use super::inspect::{files, lines};
use super::tools::{AgentTool, ToolRun};
use crate::cli::metrics::{Args, names, notes};

/// The options of `metrics` that are arguments, with those that narrow.
const OPTIONS: [&str; 5] = ["every", "by", "measure", "top", "once"];

pub(super) const TOOL: AgentTool = AgentTool {
    name: "metrics",
    title: "Sum over time",
    description: "Adds up packets, bytes, records, connections, load balancer requests, DNS queries and API \
        calls, in groups and buckets of time. Without by and measure: rejected packets. A fact of kind total \
        has the sums of a group over the whole time, and those of kind bucket after it the sums from start \
        on. Records count as logged unless once is true.",
    schema: || schema::<Args>(&taken(), &[]),
    writes: false,
    run,
};

fn taken() -> Vec<&'static str> {
    [&OPTIONS[..], &NARROWING].concat()
}

fn run(call: &ToolRun<'_>) -> anyhow::Result<Vec<Fact>> {
    // The inputs are those of the call.
    let args: Args = call.parse(&taken(), &["--", "."])?;
    let mut asked = args.request()?;
    asked.request = call.within(asked.request)?;
    let answers = pipeline::metrics(&asked, call.meter)?;
    Ok(Summing { answers, asked }.facts())
}

/// The answers to questions.
struct Summing {
    answers: Answers,
    asked: Metrics,
}

impl Summing {
    fn facts(&self) -> Vec<Fact> {
        let answers = &self.answers;
        let notes = notes(answers);
        let mut facts = vec![
            Fact::new("sums")
                .observed("bucket_s", self.asked.every.seconds())
                .observed("once", answers.is_once)
                .deduced("notes", Some(notes).filter(|notes| !notes.is_empty())),
        ];
        for table in &answers.tables {
            for series in &table.series {
                let total = labeled("total", table, series);
                facts.push(self.with_sums(total, table, &series.total, false));
                for point in &series.points {
                    let bucket = labeled("bucket", table, series);
                    let bucket = bucket.observed("start", instant(point.begin_ns));
                    facts.push(self.with_sums(bucket, table, &point.counts, true));
                }
            }
        }
        facts.extend([files(&answers.input), lines(&answers.records)]);
        facts
    }

    /// Adds sums. They are observed if they are sums of what is logged: not of connections, not where each
    /// packet counts once, and not of packets and bytes in a part of the time, because those of a record
    /// are divided in proportion.
    fn with_sums(&self, fact: Fact, table: &Table, counts: &Counts, is_bucket: bool) -> Fact {
        let question = &table.question;
        let is_logged = !self.answers.is_once && !question.is_of_connections();
        let filter = &self.asked.request.filter;
        let is_part = is_bucket || filter.from.is_some() || filter.to.is_some();
        let (mut observed, mut deduced) = (Map::new(), Map::new());
        for measure in &question.measures {
            let is_divided = is_part && matches!(measure, Measure::Packets | Measure::Bytes);
            let sums = match is_logged && !is_divided {
                true => &mut observed,
                false => &mut deduced,
            };
            if let Some(n) = counts.value(*measure) {
                sums.insert(question.metric(*measure).to_owned(), sum(n));
            }
        }
        let some = |sums: Map<String, Value>| Some(sums).filter(|sums| !sums.is_empty());
        fact.observed("sums", some(observed))
            .deduced("sums", some(deduced))
    }
}

/// Begins a fact with the values by which a series is grouped.
fn labeled(kind: &'static str, table: &Table, series: &Series) -> Fact {
    let fact = Fact::new(kind);
    if series.is_other {
        return fact.observed("group", "the sum of all other groups");
    }
    let labels = names(table).zip(&series.labels);
    labels.fold(fact, |fact, (name, label)| {
        let is_logged = !["outcome", "srcsubnet", "dstsubnet", "subnet", "vpc"].contains(&name);
        fact.observed_if(is_logged, name, label.as_str())
    })
}
