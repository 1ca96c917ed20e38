//! How often a diagnosis is right: faults planted in a VPC are its first finding, and where all is
//! well it finds nothing to be sure of.
//!
//! The first 200 seeds are tried, and more or others if asked for:
//!
//! ```sh
//! FLOW2PCAP_SEEDS=0..1000 cargo test diagnose_rates::
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::num::NonZero;
use std::ops::Range;
use std::thread;

use crate::support::{flow2pcap, run};
use serde_json::Value;
use testkit::vpc::{Choice, Fault, Planted, Scenario};

/// The seeds to be tried.
fn seeds() -> Range<u64> {
    let Ok(asked) = env::var("FLOW2PCAP_SEEDS") else {
        return 0..200;
    };
    let bounds = asked
        .split_once("..")
        .map(|(first, end)| first.parse().ok().zip(end.parse().ok()));
    let (first, end) = bounds.flatten().expect("FLOW2PCAP_SEEDS is FIRST..END");
    first..end
}

/// What is said of one cause.
struct Finding {
    cause: String,
    certainty: String,
    /// What they tried to reach.
    to: BTreeSet<String>,
    /// All that is said of it, as JSON.
    text: String,
}

/// What the program finds in the scenario, in its order.
fn findings(scenario: &Scenario) -> Vec<Finding> {
    let folder = tempfile::tempdir().unwrap();
    scenario.write_to(folder.path()).unwrap();
    let mut command = flow2pcap();
    command.arg("diagnose").arg("--json").arg(folder.path());
    let run = run(&mut command);
    assert_eq!(run.code, 0, "{}\n{scenario}", run.stderr);
    let diagnosis: Value = serde_json::from_slice(&run.stdout).unwrap();
    let findings = diagnosis["findings"].as_array().unwrap();
    let word = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let findings = findings.iter().map(|finding| Finding {
        cause: word(finding, "cause"),
        certainty: word(finding, "certainty"),
        to: serde_json::from_value(finding["where"]["to"].clone()).unwrap(),
        text: finding.to_string(),
    });
    findings.collect()
}

/// Asserts that of at most so many percent of the seeds there is a complaint. `complaint` says in a few
/// words what is wrong, or nothing.
#[track_caller]
fn at_most(percent: u64, complaint: impl Fn(u64) -> Option<String> + Sync) {
    let threads = thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let complaint = &complaint;
    let all = seeds();
    let count = all.end - all.start;
    let complaints: Vec<(u64, String)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|first| {
                let seeds = all.clone().filter(move |seed| seed % threads == first);
                scope.spawn(move || {
                    let told = seeds.filter_map(|seed| Some((seed, complaint(seed)?)));
                    told.collect::<Vec<_>>()
                })
            })
            .collect();
        let told = workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap());
        told.collect()
    });
    let wrong = complaints.len() as u64;
    let mut kinds = BTreeMap::<String, Vec<u64>>::new();
    for (seed, complaint) in complaints {
        kinds.entry(complaint).or_default().push(seed);
    }
    let lines = kinds
        .iter()
        .map(|(kind, seeds)| format!("{:4} {kind}: {seeds:?}", seeds.len()));
    let lines: Vec<String> = lines.collect();
    assert!(
        wrong * 100 <= percent * count,
        "{wrong} of {count} are wrong\n{}",
        lines.join("\n")
    );
}

/// The same of seeds with a fault in the VPC; `complaint` is told which, and the first finding.
#[track_caller]
fn planted_at_most(
    percent: u64,
    columns: Option<Choice>,
    complaint: impl Fn(&Planted, Option<&Finding>) -> Option<String> + Sync,
) {
    at_most(percent, |seed| {
        let scenario = Scenario::new(seed, Some(Scenario::fault_of(seed)), columns);
        let planted = scenario.planted.as_ref().unwrap();
        complaint(planted, findings(&scenario).first())
    });
}

/// Whether a finding names the cause.
fn is_right(planted: &Planted, finding: &Finding) -> bool {
    planted.causes.contains(&&*finding.cause)
}

#[test]
fn planted_cause_is_the_first_finding() {
    planted_at_most(5, None, |planted, first| {
        if first.is_some_and(|first| is_right(planted, first)) {
            return None;
        }
        let first = first.map_or("nothing", |first| &*first.cause);
        Some(format!(
            "{:?} {:?} as {first}",
            planted.fault, planted.causes
        ))
    });
}

#[test]
fn first_finding_names_where_it_is() {
    planted_at_most(5, None, |planted, first| {
        let first = first.filter(|first| is_right(planted, first))?;
        let names_eni = planted.enis.iter().any(|eni| first.text.contains(eni));
        let ports: Vec<String> = planted.ports.iter().map(u16::to_string).collect();
        let names_port = ports.is_empty() || ports.iter().any(|port| first.text.contains(port));
        let lacks = format!("{:?}: ENI {names_eni}, port {names_port}", planted.fault);
        (!names_eni || !names_port).then_some(lacks)
    });
}

#[test]
fn targets_that_fail_are_one_finding_against_those_that_work() {
    at_most(10, |seed| {
        let scenario = Scenario::new(seed, Some(Fault::SomeTargets), None);
        let planted = scenario.planted.as_ref().unwrap();
        let findings = findings(&scenario);
        let first = findings.first()?;
        let bad: BTreeSet<&str> = planted.targets.iter().map(String::as_str).collect();
        let named: BTreeSet<&str> = first.to.iter().map(String::as_str).collect();
        let is_told = planted.causes.contains(&&*first.cause)
            && named.is_subset(&bad)
            && named.len() * 3 >= bad.len() * 2
            && first.text.contains("the others work");
        (!is_told).then(|| format!("{} at {} of {}", first.cause, named.len(), bad.len()))
    });
}

#[test]
fn healthy_vpc_has_no_finding_above_possible() {
    at_most(2, |seed| {
        let scenario = Scenario::new(seed, None, None);
        let sure = findings(&scenario);
        let sure = sure
            .iter()
            .find(|finding| finding.certainty != "possible")?;
        Some(format!("{} {}", sure.certainty, sure.cause))
    });
}

#[test]
fn default_columns_prove_nothing_that_is_wrong() {
    planted_at_most(2, Some(Choice::Default), |planted, first| {
        let first = first.filter(|first| first.certainty == "proved")?;
        let wrong = format!("{:?} as {}", planted.fault, first.cause);
        (!is_right(planted, first)).then_some(wrong)
    });
}
