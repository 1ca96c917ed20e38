//! The tool `diagnose`: what fails, why, and how certain that is.

use flow2pcap::diagnosis::Finding;
use flow2pcap::pipeline::{self, Diagnosis};
use serde_json::Value;

use super::arguments::{NARROWING, schema};
use super::facts::{AnswerFacts, Fact, instant, value};
use super::inspect::{files, lines, with_all};
use super::tools::{AgentTool, ToolRun};
use crate::cli::narrowing::Narrowing;

pub(super) const TOOL: AgentTool = AgentTool {
    name: "diagnose",
    title: "Diagnose connectivity",
    description: "Finds what blocks, drops, refuses or resets connections, compares all ENIs, and names the \
        evidence and what speaks against it. Findings come first, the most important one first. confidence: \
        proved (no other explanation), likely, or possible (may be harmless). No finding does not prove that \
        nothing is wrong: see the facts of kind blind_spot.",
    schema: || schema::<Narrowing>(&NARROWING, &[]),
    writes: false,
    run,
};

fn run<'a>(call: &ToolRun<'a>) -> anyhow::Result<AnswerFacts<'a>> {
    let diagnosis = pipeline::diagnose(&call.narrowed()?, call.meter)?;
    Ok(Box::new(facts(&diagnosis).into_iter()))
}

fn facts(diagnosis: &Diagnosis) -> Vec<Fact> {
    let d = diagnosis;
    let mut facts = vec![
        Fact::new("diagnosis")
            .observed("first", d.span_ns.map(|(first, _)| instant(first)))
            .observed("last", d.span_ns.map(|(_, last)| instant(last)))
            .observed("enis", d.enis)
            .deduced("findings", d.findings.len())
            .deduced("attempts", d.attempts)
            .deduced("attempts_by_symptom", value(&d.symptoms))
            .observed("changes_in_cloudtrail", value(&d.changes))
            .observed("configuration", value(&d.configuration)),
    ];
    for (number, finding) in (1_u64..).zip(&d.findings) {
        facts.extend(of_finding(number, finding));
    }
    for response in &d.error_responses {
        facts.push(with_all(Fact::new("error_responses"), &value(response)));
    }
    for unseen in &d.blind_spots {
        let fact = Fact::new("blind_spot").deduced("what", unseen.what.clone());
        facts.push(fact.deduced("means", unseen.means));
    }
    facts.extend([files(&d.input), lines(&d.records)]);
    facts
}

/// Members of a finding that are facts of their own, with the kind of each: a finding with all of them
/// would be too long.
const APART: [(&str, &[&str]); 3] = [
    ("finding_changes", &["changes"]),
    (
        "finding_advice",
        &[
            "means",
            "look_at",
            "against",
            "display_filter",
            "field_filter",
        ],
    ),
    ("finding_alike", &["alike"]),
];

/// Members of a finding that say where, when and how it was seen in the records. The others are a
/// judgment.
const SEEN: [&str; 6] = ["where", "first", "last", "since", "until", "configuration"];

/// Returns the facts of a finding, with its number, counted from 1, which `capture` takes.
fn of_finding(number: u64, finding: &Finding) -> Vec<Fact> {
    let Value::Object(mut members) = value(finding) else {
        return Vec::new();
    };
    let mut apart = Vec::new();
    for (kind, names) in APART {
        let mut fact = Fact::new(kind).deduced("number", number);
        let mut found = names
            .iter()
            .filter_map(|name| Some((name, members.remove(*name)?)));
        let Some((name, first)) = found.next() else {
            continue;
        };
        fact = fact.deduced(name, first);
        apart.push(found.fold(fact, |fact, (name, value)| fact.deduced(name, value)));
    }
    members.remove("records");
    let certainty = members.remove("certainty").unwrap_or_default();
    let fact = Fact::new("finding")
        .deduced("number", number)
        .deduced("confidence", certainty)
        .records(&finding.records);
    let fact = members.into_iter().fold(fact, |fact, (name, value)| {
        fact.observed_if(SEEN.contains(&&*name), &name, value)
    });
    [vec![fact], apart].concat()
}
