//! CloudTrail beside the logs: the call that caused an incident is named first, and where no call
//! did, none is blamed.

use serde_json::Value;
use testkit::vpc::{Fault, Scenario};

use super::{diagnosed, for_each, seeds};

/// Faults that a call begins in the archive, in some seeds at least. Nothing but the configuration says
/// which subnet has a route table, so those of routes are the last ones.
const CHANGED: [Fault; 11] = [
    Fault::GroupRevoked,
    Fault::AclChanged,
    Fault::GroupRevoked,
    Fault::AclChanged,
    Fault::PublicAccessBlock,
    Fault::Unencrypted,
    Fault::GroupOutbound,
    Fault::AclBlocksReply,
    Fault::Outage,
    Fault::RouteRemoved,
    Fault::RouteRemoved,
];

/// How many of these are in routes.
const OF_ROUTES: usize = 2;

/// The fault of a seed, which some call may have begun.
pub(super) fn changed_fault(seed: u64, with_context: bool) -> Fault {
    let count = match with_context {
        true => CHANGED.len(),
        false => CHANGED.len() - OF_ROUTES,
    };
    let at = usize::try_from(seed % count as u64).unwrap_or(0);
    CHANGED[at]
}

/// The findings of a scenario with its CloudTrail, and with the configuration if it is asked for.
fn findings(scenario: &Scenario, with_context: bool) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    scenario.write_trail_to(folder.path()).unwrap();
    let context = tempfile::tempdir().unwrap();
    scenario.write_context_to(context.path()).unwrap();
    let context = with_context.then(|| context.path());
    diagnosed(scenario, folder.path(), context)
}

/// What is said of the beginning or the end of a finding, each with its certainty and event id.
pub(super) fn changes(finding: &Value, end: &str) -> Vec<(String, String)> {
    let changes = finding["changes"][end]["changes"].as_array();
    let word = |change: &Value, key: &str| change[key].as_str().unwrap().to_owned();
    let all = changes.into_iter().flatten();
    all.map(|change| (word(change, "certainty"), word(change, "event_id")))
        .collect()
}

pub(super) fn is_blamed((certainty, _): &(String, String)) -> bool {
    certainty != "same-time"
}

/// What became of the seeds of incidents that a call caused.
#[derive(Default)]
struct Told {
    /// Right, and how surely.
    right: Vec<String>,
    wrong: Vec<String>,
}

impl Told {
    fn percent(&self) -> usize {
        let all = self.right.len() + self.wrong.len();
        100 * self.right.len() / all.max(1)
    }

    fn is_at_least(&self, percent: usize) -> bool {
        let all = self.right.len() + self.wrong.len();
        all > 0 && self.right.len() * 100 >= percent * all
    }
}

/// Looks at the first finding of every seed whose fault a call began, or ended.
fn told(with_context: bool, end: &str) -> Told {
    let seeds: Vec<u64> = seeds().collect();
    let told = for_each(&seeds, |seed| {
        let scenario = Scenario::new(seed, Some(changed_fault(seed, with_context)), None);
        let truth = match end {
            "since" => &scenario.began_by,
            _ => &scenario.ended_by,
        };
        if truth.is_empty() {
            return None;
        }
        let findings = findings(&scenario, with_context);
        let planted = scenario.planted.as_ref().unwrap();
        // Another cause is another test's question.
        let first = findings.first()?;
        if !planted.causes.contains(&first["cause"].as_str().unwrap()) {
            return None;
        }
        let named = changes(first, end).into_iter().next();
        let said = format!(
            "{:?} {seed}: {named:?}, since {}",
            planted.fault, first[end]
        );
        let is_right = named.as_ref().is_some_and(|(_, id)| truth.contains(id));
        Some((
            is_right,
            named.map_or_else(String::new, |(certainty, _)| certainty),
            said,
        ))
    });
    let mut sum = Told::default();
    for (is_right, certainty, said) in told.into_iter().filter_map(|(_, told)| told) {
        match is_right {
            true => sum.right.push(certainty),
            false => sum.wrong.push(said),
        }
    }
    let count = |word: &str| sum.right.iter().filter(|said| *said == word).count();
    println!(
        "{end}, configuration {with_context}: {} right ({} proved, {} likely, {} possible), {} wrong",
        sum.right.len(),
        count("proved"),
        count("likely"),
        count("possible"),
        sum.wrong.len()
    );
    sum
}

/// Asserts that the first call named is the right one in 95 of 100 seeds, of which there are some.
#[track_caller]
fn check(with_context: bool, end: &str) {
    let told = told(with_context, end);
    let lines = told.wrong.join("\n");
    assert!(told.is_at_least(95), "{}\n{lines}", told.percent());
}

#[test]
fn call_that_began_an_incident_is_named_first() {
    check(true, "since");
}

#[test]
fn call_that_began_an_incident_is_named_without_the_configuration() {
    check(false, "since");
}

#[test]
fn call_that_ended_an_incident_is_named_first() {
    check(true, "until");
}

/// Seeds in which a change is blamed that caused nothing, of all in which none did.
fn blamed(with_context: bool) -> (Vec<String>, usize) {
    let all: Vec<u64> = seeds().collect();
    let told = for_each(&all, |seed| {
        let scenario = Scenario::new(seed, Some(Scenario::fault_of(seed)), None);
        if !scenario.began_by.is_empty() || !scenario.ended_by.is_empty() {
            return None;
        }
        let findings = findings(&scenario, with_context);
        let ends = ["since", "until"];
        let said = findings.iter().flat_map(|finding| {
            ends.into_iter()
                .flat_map(|end| changes(finding, end))
                .filter(is_blamed)
        });
        let said: Vec<_> = said.collect();
        let fault = Scenario::fault_of(seed);
        Some((!said.is_empty()).then(|| format!("{fault:?} {seed}: {said:?}")))
    });
    let told: Vec<Option<String>> = told.into_iter().filter_map(|(_, told)| told).collect();
    let count = told.len();
    (told.into_iter().flatten().collect(), count)
}

#[test]
fn no_call_is_blamed_where_none_caused_it() {
    for with_context in [true, false] {
        let (wrong, count) = blamed(with_context);
        println!(
            "configuration {with_context}: {} of {count} blame a call",
            wrong.len()
        );
        assert!(wrong.len() * 100 <= 2 * count, "{}", wrong.join("\n"));
    }
}
