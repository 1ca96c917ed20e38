//! All logs of a bucket together: neither the rows of a load balancer nor DNS queries make a diagnosis
//! worse, and they do not hide who changed what.

use serde_json::Value;
use testkit::vpc::{Fault, Scenario};

use super::changes::{changed_fault, changes, is_blamed};
use super::{diagnosis, for_each, seeds};

/// What is said of a scenario with its CloudTrail, its access log and its queries.
pub(super) fn told_with_all_logs(scenario: &Scenario) -> Value {
    let folder = tempfile::tempdir().unwrap();
    scenario.write_trail_to(folder.path()).unwrap();
    scenario.write_requests_to(folder.path()).unwrap();
    scenario.write_queries_to(folder.path()).unwrap();
    diagnosis(scenario, folder.path(), None)
}

/// Every fourth seed, for without these logs all are tried; all of those that are asked for.
pub(super) fn some_seeds() -> Vec<u64> {
    let is_asked_for = std::env::var_os("FLOW2PCAP_SEEDS").is_some();
    seeds().step_by(if is_asked_for { 1 } else { 4 }).collect()
}

/// Asserts that of so many percent of the seeds nothing is wrong. `look` returns nothing for a seed
/// that is not counted, and otherwise what is wrong, or nothing.
#[track_caller]
fn check(percent: usize, look: impl Fn(u64) -> Option<Option<String>> + Sync) {
    let seeds = some_seeds();
    let told = for_each(&seeds, look);
    let told: Vec<(u64, Option<String>)> = told
        .into_iter()
        .filter_map(|(seed, told)| Some((seed, told?)))
        .collect();
    let wrong = told.iter().filter_map(|(seed, wrong)| {
        let wrong = wrong.as_ref()?;
        Some(format!("{seed}: {wrong}"))
    });
    let wrong: Vec<String> = wrong.collect();
    println!("{} of {} are wrong", wrong.len(), told.len());
    assert!(!told.is_empty());
    assert!(
        wrong.len() * 100 <= (100 - percent) * told.len(),
        "{}",
        wrong.join("\n")
    );
}

fn cause(finding: &Value) -> &str {
    finding["cause"].as_str().unwrap()
}

/// The fault of a seed, with a load balancer that logs.
fn scenario(seed: u64, fault: Fault) -> Scenario {
    Scenario::with_requests(seed, Some(fault), None)
}

#[test]
fn planted_cause_is_the_first_finding() {
    check(95, |seed| {
        let scenario = scenario(seed, Scenario::fault_of(seed));
        let told = told_with_all_logs(&scenario);
        let planted = scenario.planted.as_ref().unwrap();
        let first = told["findings"].get(0);
        let is_right = |first: &Value| {
            planted.causes.contains(&cause(first))
                || planted.is_harmless && first["certainty"] == "possible"
        };
        let is_right = first.is_some_and(is_right);
        let said = first.map_or("nothing", cause);
        Some((!is_right).then(|| format!("{:?} as {said}", planted.fault)))
    });
}

#[test]
fn call_that_began_an_incident_is_named_first() {
    check(95, |seed| {
        let scenario = scenario(seed, changed_fault(seed, false));
        if scenario.began_by.is_empty() {
            return None;
        }
        let told = told_with_all_logs(&scenario);
        let planted = scenario.planted.as_ref().unwrap();
        // Another cause is another test's question.
        let first = told["findings"].get(0)?;
        if !planted.causes.contains(&cause(first)) {
            return None;
        }
        let named = changes(first, "since").into_iter().next();
        let is_right = named
            .as_ref()
            .is_some_and(|(_, id)| scenario.began_by.contains(id));
        Some((!is_right).then(|| format!("{:?}: {named:?}", planted.fault)))
    });
}

#[test]
fn no_call_is_blamed_where_none_caused_it() {
    check(98, |seed| {
        let fault = Scenario::fault_of(seed);
        let scenario = scenario(seed, fault);
        if !scenario.began_by.is_empty() || !scenario.ended_by.is_empty() {
            return None;
        }
        let told = told_with_all_logs(&scenario);
        let findings = told["findings"].as_array().unwrap();
        let both = |finding| ["since", "until"].map(|end| changes(finding, end)).concat();
        let said: Vec<_> = findings.iter().flat_map(both).filter(is_blamed).collect();
        Some((!said.is_empty()).then(|| format!("{fault:?}: {said:?}")))
    });
}
