//! How often a diagnosis is right: faults planted in a VPC are its first finding, and where all is
//! well it finds nothing to be sure of.
//!
//! The first 200 seeds are tried, and more or others if `FLOW2PCAP_SEEDS` says so. The first test
//! prints a table of what became of each fault, also of those that it does not count
//! ([`Fault::NOT_YET_RIGHT`]):
//!
//! ```sh
//! FLOW2PCAP_SEEDS=0..1000 cargo test diagnose_rates:: -- --nocapture
//! ```

mod all_logs;
mod changes;
mod context;
mod responses;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::num::NonZero;
use std::ops::Range;
use std::path::Path;
use std::thread;

use self::table::Table;
use crate::support::{flow2pcap, run};
use jiff::Timestamp;
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
    /// When it began and ended, in seconds since the epoch, if it says so.
    since_s: Option<u64>,
    until_s: Option<u64>,
    /// All that is said of it, as JSON.
    text: String,
}

/// What the program finds in the scenario, in its order.
fn findings(scenario: &Scenario) -> Vec<Finding> {
    findings_with(scenario, None)
}

/// The same with the configuration in a folder.
fn findings_with(scenario: &Scenario, context: Option<&Path>) -> Vec<Finding> {
    let folder = tempfile::tempdir().unwrap();
    let findings = diagnosed(scenario, folder.path(), context);
    let word = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let second = |finding: &Value, name: &str| {
        let instant: Option<Timestamp> = finding[name].as_str().map(|text| text.parse().unwrap());
        instant.map(|instant| instant.as_second().try_into().unwrap())
    };
    let findings = findings.iter().map(|finding| Finding {
        since_s: second(finding, "since"),
        until_s: second(finding, "until"),
        cause: word(finding, "cause"),
        certainty: word(finding, "certainty"),
        to: serde_json::from_value(finding["where"]["to"].clone()).unwrap(),
        text: finding.to_string(),
    });
    findings.collect()
}

/// Writes the logs of the scenario to a folder, and returns the findings in it as JSON.
fn diagnosed(scenario: &Scenario, folder: &Path, context: Option<&Path>) -> Vec<Value> {
    let diagnosis = diagnosis(scenario, folder, context);
    diagnosis["findings"].as_array().unwrap().clone()
}

/// The same with all that is said.
fn diagnosis(scenario: &Scenario, folder: &Path, context: Option<&Path>) -> Value {
    scenario.write_to(folder).unwrap();
    let mut command = flow2pcap();
    command.arg("diagnose").arg("--json").arg(folder);
    if let Some(context) = context {
        command.arg("--context").arg(context);
    }
    let run = run(&mut command);
    assert_eq!(run.code, 0, "{}\n{scenario}", run.stderr);
    serde_json::from_slice(&run.stdout).unwrap()
}

/// Calls the function for each of these seeds, on all processors. Returns what it gives.
fn for_each<T: Send>(seeds: &[u64], function: impl Fn(u64) -> T + Sync) -> Vec<(u64, T)> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let function = &function;
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|first| {
                let own = seeds.iter().copied().skip(first).step_by(threads);
                scope.spawn(move || own.map(|seed| (seed, function(seed))).collect::<Vec<_>>())
            })
            .collect();
        let given = workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap());
        given.collect()
    })
}

/// Asserts that of at most so many percent of the seeds there is a complaint. `complaint` says in a few
/// words what is wrong, or nothing.
#[track_caller]
fn at_most(percent: u64, complaint: impl Fn(u64) -> Option<String> + Sync) {
    at_most_of(&seeds().collect::<Vec<u64>>(), percent, complaint);
}

/// The same of these seeds.
#[track_caller]
fn at_most_of(all: &[u64], percent: u64, complaint: impl Fn(u64) -> Option<String> + Sync) {
    let given = for_each(all, complaint).into_iter();
    let complaints = given.filter_map(|(seed, complaint)| Some((seed, complaint?)));
    let complaints: Vec<(u64, String)> = complaints.collect();
    let count = all.len() as u64;
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

/// The seeds whose fault is one of these.
fn seeds_of(fits: impl Fn(Fault) -> bool) -> Vec<u64> {
    let seeds = seeds().filter(|seed| fits(Scenario::fault_of(*seed)));
    seeds.collect()
}

fn is_held_to_it(fault: Fault) -> bool {
    !Fault::NOT_YET_RIGHT.contains(&fault)
}

/// The same of seeds with a fault in the VPC; `complaint` is told which, and the first finding.
#[track_caller]
fn planted_at_most(
    percent: u64,
    columns: Option<Choice>,
    complaint: impl Fn(&Planted, Option<&Finding>) -> Option<String> + Sync,
) {
    at_most_of(&seeds_of(is_held_to_it), percent, |seed| {
        let scenario = Scenario::new(seed, Some(Scenario::fault_of(seed)), columns);
        let planted = scenario.planted.as_ref().unwrap();
        complaint(planted, findings(&scenario).first())
    });
}

/// Whether a finding names the cause. Of what is harmless, it need only not be certain.
fn is_right(planted: &Planted, finding: &Finding) -> bool {
    let is_named = planted.causes.contains(&&*finding.cause);
    is_named || planted.is_harmless && finding.certainty == "possible"
}

#[test]
fn planted_cause_is_the_first_finding() {
    let told = for_each(&seeds().collect::<Vec<u64>>(), |seed| {
        let scenario = Scenario::new(seed, Some(Scenario::fault_of(seed)), None);
        let first = findings(&scenario).into_iter().next();
        (scenario.planted.unwrap(), first)
    });
    let mut table = Table::default();
    for (seed, (planted, first)) in &told {
        table.add(*seed, planted, first.as_ref());
    }
    println!("{table}");
    let (wrong, count) = table.wrong_of(is_held_to_it);
    assert!(
        wrong * 100 <= 5 * count,
        "{wrong} of {count} are wrong\n{table}"
    );
}

#[test]
fn change_in_the_archive_has_its_time() {
    let changes = [Fault::GroupRevoked, Fault::AclChanged, Fault::Outage];
    at_most_of(&seeds_of(|fault| changes.contains(&fault)), 10, |seed| {
        let scenario = Scenario::new(seed, Some(Scenario::fault_of(seed)), None);
        let planted = scenario.planted.as_ref().unwrap();
        let findings = findings(&scenario);
        // Whether it is right is the first test's question.
        let first = findings.first().filter(|first| is_right(planted, first))?;
        let change = planted.change.unwrap();
        let room_s = scenario.interval_s;
        let begins = change.begins_s - room_s..=change.first_failed_s + room_s;
        let is_begun = first.since_s.is_some_and(|since| begins.contains(&since));
        let is_ended = match change.ends_s {
            // The last SYN of an attempt may be half a minute after its first.
            Some(end) => {
                let ends = change.last_failed_s - room_s..=end + 30 + room_s;
                first.until_s.is_some_and(|until| ends.contains(&until))
            }
            None => first.until_s.is_none(),
        };
        let lacks = format!("{:?}: since {is_begun}, until {is_ended}", planted.fault);
        (!is_begun || !is_ended).then_some(lacks)
    });
}

#[test]
fn sources_that_fail_together_are_named_by_their_subnet_or_zone() {
    let fits = |fault| matches!(fault, Fault::SubnetWithoutRoute | Fault::NoWayOut);
    at_most_of(&seeds_of(fits), 5, |seed| {
        let scenario = Scenario::new(seed, Some(Scenario::fault_of(seed)), None);
        let planted = scenario.planted.as_ref().unwrap();
        let findings = findings(&scenario);
        let mut places = planted.subnets.iter().chain(&planted.zones);
        let is_named = places.any(|place| findings[0].text.contains(place));
        (!is_named).then(|| format!("{:?}", planted.fault))
    });
}

#[test]
fn first_finding_names_where_it_is() {
    planted_at_most(5, None, |planted, first| {
        let first = first.filter(|first| is_right(planted, first) && !planted.is_harmless)?;
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

/// Of one fault there may be several findings, but none is about what works.
#[test]
fn fault_has_no_finding_above_possible_elsewhere() {
    at_most(3, |seed| {
        let scenario = Scenario::new(seed, Some(Scenario::fault_of(seed)), None);
        let planted = scenario.planted.as_ref().unwrap();
        let is_about = |finding: &Finding| {
            let named = |name: &String| finding.text.contains(name.as_str());
            let mut ports = planted.ports.iter().map(u16::to_string);
            let is_at_port = planted.ports.is_empty() || ports.any(|port| named(&port));
            is_at_port && planted.enis.iter().chain(&planted.targets).any(named)
        };
        let findings = findings(&scenario);
        let mut sure = findings
            .iter()
            .filter(|finding| finding.certainty != "possible");
        let stray = sure.find(|finding| !is_about(finding))?;
        Some(format!(
            "{:?}: {} {}",
            planted.fault, stray.certainty, stray.cause
        ))
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
