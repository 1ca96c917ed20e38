//! The tool `inspect`: what an archive contains.

use flow2pcap::flow::UNNAMED;
use flow2pcap::pipeline;
use flow2pcap::summary::{Input, Records};
use flow2pcap::survey::{EniTraffic, LoggedSums, Survey};
use serde_json::{Map, Value};

use super::arguments::{NARROWING, schema};
use super::facts::{AnswerFacts, Fact, instant, sum, value};
use super::tools::{AgentTool, ToolRun};
use crate::cli::narrowing::Narrowing;

pub(super) const TOOL: AgentTool = AgentTool {
    name: "inspect",
    title: "Inspect flow logs",
    description: "What is in the logs: files, formats, time range, gaps, records by action, protocol and ENI, \
        other AWS logs, and which useful columns are missing. Call it first. Records are counted as logged.",
    schema: || schema::<Narrowing>(&NARROWING, &[]),
    writes: false,
    run,
};

fn run<'a>(call: &ToolRun<'a>) -> anyhow::Result<AnswerFacts<'a>> {
    let survey = pipeline::inspect(&call.narrowed()?, call.meter)?;
    Ok(Box::new(facts(&survey).into_iter()))
}

fn facts(survey: &Survey) -> Vec<Fact> {
    let mut facts = vec![
        archive(survey),
        files(&survey.input),
        lines(&survey.records),
    ];
    let gaps = survey.records.gaps.iter();
    facts.extend(gaps.map(|gap| with_all(Fact::new("gap"), &value(gap))));
    for (kind, log) in survey.events.iter() {
        let fact = Fact::new("other_log").observed("log", kind.log().to_string());
        facts.push(with_all(fact, &value(log)));
    }
    let records = &survey.records;
    for (action, sums) in &survey.actions {
        let is_logged = records.unlogged.action == 0;
        let fact = Fact::new("action").observed_if(is_logged, "action", &**action);
        facts.push(with_sums(fact, sums, records));
    }
    for protocol in &survey.protocols {
        let fact = Fact::new("protocol")
            .observed("number", protocol.number)
            .observed("name", protocol.name);
        facts.push(with_sums(fact, &protocol.logged, records));
    }
    for eni in &survey.busiest_enis {
        facts.push(of_eni(eni, records));
    }
    for order in survey.columns.iter() {
        let order = value(order);
        facts.push(with_all(Fact::new("column_order"), &order));
    }
    for missing in &survey.missing_fields {
        let fact = Fact::new("missing_columns")
            .observed("columns", missing.fields.clone())
            .observed("records_without", missing.records);
        facts.push(fact.deduced("cost", missing.cost));
    }
    for estimate in &survey.estimates {
        let fact = Fact::new("capture_estimate").deduced("detail", estimate.detail);
        facts.push(
            fact.deduced("packets", estimate.packets)
                .deduced("file_bytes", estimate.file_bytes),
        );
    }
    facts
}

fn archive(survey: &Survey) -> Fact {
    let fact = Fact::new("archive")
        .observed("first", survey.span_ns.map(|(first, _)| instant(first)))
        .observed("last", survey.span_ns.map(|(_, last)| instant(last)))
        .observed("enis", survey.enis)
        .observed("accounts", value(&survey.accounts))
        .observed("regions", value(&survey.regions));
    with_sums(fact, &survey.logged, &survey.records)
}

fn of_eni(eni: &EniTraffic, records: &Records) -> Fact {
    let mut all = value(eni);
    if let Value::Object(all) = &mut all {
        // The sums have labels of their own.
        all.remove("logged");
        if eni.name == UNNAMED {
            all.remove("name");
        }
    }
    with_sums(with_all(Fact::new("eni"), &all), &eni.logged, records)
}

/// Returns the account of the files. Those that are left out are only counted.
pub(super) fn files(input: &Input) -> Fact {
    let mut all = value(input);
    let reasons = input.left_out.0.iter();
    let counts: Map<String, Value> = reasons
        .map(|(reason, of)| (reason.to_string(), of.count.into()))
        .collect();
    if let Value::Object(all) = &mut all {
        all.insert("left_out".into(), counts.into());
    }
    with_counts(Fact::new("files"), &all)
}

/// Returns the account of the lines, without the gaps.
pub(super) fn lines(records: &Records) -> Fact {
    let mut all = value(records);
    if let Value::Object(all) = &mut all {
        all.remove("gaps");
    }
    with_counts(Fact::new("lines"), &all)
}

/// Adds sums. They are observed if each record of the archive counts packets and bytes.
fn with_sums(fact: Fact, sums: &LoggedSums, records: &Records) -> Fact {
    let assumed = &records.assumed;
    fact.observed("records", sums.records)
        .observed_if(assumed.packets == 0, "packets", sum(sums.packets))
        .observed_if(assumed.bytes == 0, "bytes", sum(sums.bytes))
}

/// Adds the members of an object as values that are observed, except for those that say nothing: no
/// text, an empty list, a count of zero. Times in nanoseconds become RFC 3339.
pub(super) fn with_all(fact: Fact, object: &Value) -> Fact {
    with_members(fact, object, says_nothing)
}

/// Adds the members of an account: of a line or file that was not read, zero says something.
fn with_counts(fact: Fact, object: &Value) -> Fact {
    with_members(fact, object, |value| {
        !value.is_number() && says_nothing(value)
    })
}

fn with_members(fact: Fact, object: &Value, is_left_out: fn(&Value) -> bool) -> Fact {
    let empty = Map::new();
    let members = object.as_object().unwrap_or(&empty).iter();
    members.fold(fact, |fact, (name, value)| {
        if is_left_out(value) {
            return fact;
        }
        match (name.strip_suffix("_ns"), value) {
            (Some("span"), Value::Array(ends)) => {
                let ends = ends.iter().filter_map(Value::as_i64);
                fact.observed("span", ends.map(instant).collect::<Vec<Value>>())
            }
            (Some(name), Value::Number(ns)) => fact.observed(name, ns.as_i64().map(instant)),
            _ => fact.observed(name, value.clone()),
        }
    })
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is) => !is,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.values().all(says_nothing),
    }
}
