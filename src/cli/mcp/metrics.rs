//! The tool `metrics`: sums over time.

use std::rc::Rc;

use flow2pcap::flow::UNNAMED;
use flow2pcap::metrics::{Counts, Measure, Series, Table};
use flow2pcap::pipeline::{self, Answers, Metrics};
use serde_json::{Map, Value};

use super::arguments::{NARROWING, schema};
use super::facts::{AnswerFacts, Fact, instant, sum};
use super::inspect::{files, lines};
use super::tools::{AgentTool, ToolRun};
use crate::cli::advice::refusal;
use crate::cli::metrics::{Args, names, notes};

/// The options of `metrics` that are arguments, with those that narrow.
const OPTIONS: [&str; 5] = ["every", "by", "measure", "top", "once"];

pub(super) const TOOL: AgentTool = AgentTool {
    name: "metrics",
    title: "Sum over time",
    description: "Adds up packets, bytes, records, connections, load balancer requests, DNS queries and API \
        calls, in groups and buckets of time. Without by and measure: rejected packets. A fact of kind total \
        has the sums of a group over the whole time, and those of kind bucket after it the sums from start \
        on. Records count as logged unless once is true. At most 1,000 groups are named; the others are one sum.",
    schema: || schema::<Args>(&taken(), &[]),
    writes: false,
    run,
};

fn taken() -> Vec<&'static str> {
    [&OPTIONS[..], &NARROWING].concat()
}

/// The most groups, without the sum of all others: each has a sum for every bucket.
const GROUPS_MAX: usize = 1_000;

fn run<'a>(call: &ToolRun<'a>) -> anyhow::Result<AnswerFacts<'a>> {
    // The inputs are those of the call.
    let args: Args = call.parse(&taken(), &["--", "."])?;
    let mut asked = args.request()?;
    for question in &mut asked.questions {
        let top = question.top.get_or_insert(GROUPS_MAX);
        if *top > GROUPS_MAX {
            return Err(refusal(
                format!("top is at most {GROUPS_MAX}"),
                "narrow with filter, host or port, or group by fewer dimensions",
            ));
        }
    }
    asked.request = call.within(asked.request)?;
    let answers = pipeline::metrics(&asked, call.meter)?;
    Ok(Box::new(Summing { answers, asked }.facts()))
}

/// The answers to questions.
struct Summing {
    answers: Answers,
    asked: Metrics,
}

impl Summing {
    /// Returns the facts, each made when it is taken: there may be a million sums.
    fn facts(self) -> impl Iterator<Item = Fact> {
        let answers = &self.answers;
        let notes = notes(answers);
        let first = [
            Fact::new("sums")
                .observed("bucket_s", self.asked.every.seconds())
                .observed("once", answers.is_once)
                .deduced("notes", Some(notes).filter(|notes| !notes.is_empty())),
            files(&answers.input),
            lines(&answers.records),
        ];
        let tables = answers.tables.iter().enumerate();
        let series: Vec<(usize, usize)> = tables
            .flat_map(|(table, of)| (0..of.series.len()).map(move |series| (table, series)))
            .collect();
        let all = Rc::new(self);
        let sums = series.into_iter().flat_map(move |(table, series)| {
            let all = Rc::clone(&all);
            let points = all.answers.tables[table].series[series].points.len();
            (0..=points).map(move |place| all.sums(table, series, place))
        });
        first.into_iter().chain(sums)
    }

    /// Returns the total of a series at the place 0, and its buckets after that.
    fn sums(&self, table: usize, series: usize, place: usize) -> Fact {
        let table = &self.answers.tables[table];
        let series = &table.series[series];
        match place
            .checked_sub(1)
            .and_then(|point| series.points.get(point))
        {
            None => {
                let total = self.labeled("total", table, series);
                self.with_sums(total, table, &series.total, false)
            }
            Some(point) => {
                let bucket = self.labeled("bucket", table, series);
                let bucket = bucket.observed("start", instant(point.begin_ns));
                self.with_sums(bucket, table, &point.counts, true)
            }
        }
    }

    /// Adds sums. They are observed if they are sums of what is logged: not of connections, not where each
    /// packet counts once, and not of packets and bytes in a part of the time, because those of a record
    /// are divided in proportion, or where a record does not count them.
    fn with_sums(&self, fact: Fact, table: &Table, counts: &Counts, is_bucket: bool) -> Fact {
        let question = &table.question;
        let is_logged = !self.answers.is_once && !question.is_of_connections();
        let filter = &self.asked.request.filter;
        let is_part = is_bucket || filter.from.is_some() || filter.to.is_some();
        let assumed = &self.answers.records.assumed;
        let (mut observed, mut deduced) = (Map::new(), Map::new());
        for measure in &question.measures {
            let is_counted = match measure {
                Measure::Packets => assumed.packets == 0 && !is_part,
                Measure::Bytes => assumed.bytes == 0 && !is_part,
                _ => true,
            };
            let sums = match is_logged && is_counted {
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

    /// Begins a fact with the values by which a series is grouped. They are observed if every record has them.
    fn labeled(&self, kind: &'static str, table: &Table, series: &Series) -> Fact {
        let fact = Fact::new(kind);
        if series.is_other {
            return fact.observed("group", "the sum of all other groups");
        }
        let unlogged = &self.answers.records.unlogged;
        let labels = names(table).zip(&series.labels);
        labels.fold(fact, |fact, (name, label)| {
            let is_logged = match name {
                "outcome" | "srcsubnet" | "dstsubnet" | "subnet" | "vpc" => false,
                "action" => unlogged.action == 0,
                "direction" => unlogged.direction == 0,
                _ => label != UNNAMED,
            };
            fact.observed_if(is_logged, name, label.as_str())
        })
    }
}
