//! Errors that a load balancer answered with: those of a fault are explained by it, and those that a
//! target sent itself are not blamed on the network.

use std::collections::BTreeMap;

use serde_json::Value;
use testkit::vpc::{Fault, Origin, RequestError, Scenario};

use super::all_logs::{some_seeds, told_with_all_logs};
use super::for_each;

/// What rows of a group have in common: both statuses, and the target.
type Key = (u16, Option<u16>, Option<String>);

/// How many rows are explained right, and how many are not, by what was said.
#[derive(Default)]
struct Tally {
    right: u64,
    wrong: BTreeMap<String, u64>,
}

impl Tally {
    fn add(&mut self, more: Self) {
        self.right += more.right;
        for (said, count) in more.wrong {
            *self.wrong.entry(said).or_default() += count;
        }
    }

    fn all(&self) -> u64 {
        self.right + self.wrong.values().sum::<u64>()
    }

    #[track_caller]
    fn is_right_in(&self, percent: u64) {
        let lines = self
            .wrong
            .iter()
            .map(|(said, count)| format!("{count:5} {said}"));
        let lines = lines.collect::<Vec<_>>().join("\n");
        println!("{} of {} rows are right\n{lines}", self.right, self.all());
        assert!(self.right * 100 >= percent * self.all(), "{lines}");
    }
}

/// Words for what a group is said to be, any of which is right.
fn words(origin: Origin) -> &'static [&'static str] {
    match origin {
        Origin::Target => &["target-error"],
        Origin::Refused => &["target-refuses"],
        Origin::Reset => &["target-resets"],
        Origin::Rejected => &["target-blocked"],
        Origin::Silent => &["target-silent"],
        // The filter that blocks connections also blocks those that are open.
        Origin::Stalled => &["target-silent", "target-blocked"],
        Origin::Slow => &["target-resets", "target-slow"],
        Origin::NoTarget => &["no-target"],
        Origin::ClientLeft => &["client-left"],
    }
}

/// Looks at each row with 502 or 504.
fn tally(scenario: &Scenario) -> Tally {
    let told = told_with_all_logs(scenario);
    let empty = Vec::new();
    let groups = told["error_responses"].as_array().unwrap_or(&empty);
    let mut rows: BTreeMap<Key, Vec<&RequestError>> = BTreeMap::new();
    let all = scenario.request_errors.iter();
    for row in all.filter(|row| matches!(row.status, 502 | 504)) {
        let key = (row.status, row.target_status, row.target.clone());
        rows.entry(key).or_default().push(row);
    }
    let mut tally = Tally::default();
    for (key, rows) in rows {
        let own: Vec<&Value> = groups.iter().filter(|group| is_of(group, &key)).collect();
        let mut left: Vec<(u64, &Value)> =
            own.iter().map(|group| (rows_said(group), *group)).collect();
        for row in rows {
            let fits = |(count, group): &&mut (u64, &Value)| {
                *count > 0 && is_right(scenario, &told, row, group)
            };
            match left.iter_mut().find(fits) {
                Some((count, _)) => {
                    *count -= 1;
                    tally.right += 1;
                }
                None => {
                    *tally
                        .wrong
                        .entry(complaint(scenario, &told, row, &own))
                        .or_default() += 1
                }
            }
        }
    }
    tally
}

fn is_of(group: &Value, (status, target_status, target): &Key) -> bool {
    let own = group["target_status"].as_u64();
    group["status"] == *status
        && own == target_status.map(u64::from)
        && group["target"].as_str() == target.as_deref()
}

/// Of how many rows this is said: a finding explains those that came when it failed.
fn rows_said(group: &Value) -> u64 {
    let key = if group["finding"].is_null() {
        "count"
    } else {
        "explained"
    };
    group[key].as_u64().unwrap()
}

fn finding<'a>(told: &'a Value, group: &Value) -> Option<&'a Value> {
    let number = usize::try_from(group["finding"].as_u64()?).unwrap();
    Some(&told["findings"][number - 1])
}

fn is_right(scenario: &Scenario, told: &Value, row: &RequestError, group: &Value) -> bool {
    if !words(row.origin).contains(&group["cause"].as_str().unwrap()) {
        return false;
    }
    let planted = scenario.planted.as_ref();
    match (row.origin, finding(told, group)) {
        (Origin::Target, found) => found.is_none(),
        (Origin::Slow, None) => group["cause"] == "target-slow",
        (_, None) => false,
        (origin, Some(found)) => {
            let cause = found["cause"].as_str().unwrap();
            let is_planted = planted.is_some_and(|planted| planted.causes.contains(&cause));
            // A service that restarts is no fault of the model, and refuses all the same.
            is_planted || origin == Origin::Refused && matches!(cause, "refused" | "intermittent")
        }
    }
}

fn complaint(scenario: &Scenario, told: &Value, row: &RequestError, groups: &[&Value]) -> String {
    let said = groups.iter().map(|group| {
        let found = finding(told, group).map(|found| &found["cause"]);
        format!(
            "{} by {found:?}, {} of {}",
            group["cause"], group["explained"], group["count"]
        )
    });
    let said = said.collect::<Vec<_>>().join(" or ");
    let fault = scenario.planted.as_ref().map(|planted| planted.fault);
    format!(
        "{} {:?} of {fault:?} {}: {said}",
        row.status, row.origin, scenario.seed
    )
}

fn sum(told: Vec<(u64, Tally)>) -> Tally {
    let mut sum = Tally::default();
    for (_, tally) in told {
        sum.add(tally);
    }
    sum
}

#[test]
fn errors_that_a_fault_causes_are_explained_by_it() {
    let told = for_each(&some_seeds(), |seed| {
        let at = usize::try_from(seed % Fault::AT_TARGETS.len() as u64).unwrap_or(0);
        tally(&Scenario::at_targets(seed, Fault::AT_TARGETS[at], None))
    });
    sum(told).is_right_in(95);
}

#[test]
fn errors_of_targets_are_not_blamed_on_a_fault_elsewhere() {
    let told = for_each(&some_seeds(), |seed| {
        // In some all is well.
        let fault = Some(Scenario::fault_of(seed)).filter(|_| seed % 10 != 4);
        tally(&Scenario::with_requests(seed, fault, None))
    });
    sum(told).is_right_in(95);
}
