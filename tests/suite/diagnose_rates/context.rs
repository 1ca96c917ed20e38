//! The same with the configuration of the VPC beside its logs: one rule, entry or route decides, and
//! is proved.

use testkit::vpc::{Fault, Scenario};

use super::{
    Finding, at_most_of, findings_with, for_each, is_held_to_it, is_right, seeds, seeds_of,
};

/// An address outside that is always rejected: the configuration shows the rule, but not whether the
/// address should get in.
const NEVER_PROVED: Fault = Fault::OfficeShutOut;

/// What is found with the configuration.
fn findings(scenario: &Scenario) -> Vec<Finding> {
    let context = tempfile::tempdir().unwrap();
    scenario.write_context_to(context.path()).unwrap();
    findings_with(scenario, Some(context.path()))
}

/// Whether the configuration shows the fault, and is diagnosed right.
fn is_configured(fault: Fault) -> bool {
    Fault::CONFIGURED.contains(&fault) && is_held_to_it(fault)
}

#[test]
fn planted_rule_or_route_is_the_first_finding_and_proved() {
    let seeds = seeds_of(is_configured);
    let told = for_each(&seeds, |seed| {
        let scenario = Scenario::new(seed, Some(Scenario::fault_of(seed)), None);
        let first = findings(&scenario).into_iter().next();
        (scenario.planted.unwrap(), first)
    });
    let (mut wrong, mut unproved, mut decided) = (Vec::new(), Vec::new(), 0);
    for (seed, (planted, first)) in &told {
        let Some(first) = first.as_ref().filter(|first| is_right(planted, first)) else {
            wrong.push(format!("{:?} {seed}", planted.fault));
            continue;
        };
        let is_healed = planted.change.is_some_and(|change| change.ends_s.is_some());
        if is_healed || planted.fault == NEVER_PROVED {
            continue;
        }
        decided += 1;
        if first.certainty != "proved" {
            unproved.push(format!("{:?} {seed}: {}", planted.fault, first.certainty));
        }
    }
    assert!(wrong.len() * 100 <= told.len(), "{wrong:?}");
    assert!(unproved.len() * 100 <= decided, "{unproved:?}");
    let are_few = seeds.len() < 20;
    assert!(
        are_few || decided * 2 > seeds.len(),
        "{decided} of {}",
        seeds.len()
    );
}

#[test]
fn healthy_vpc_has_no_finding_above_possible() {
    // Every other seed, for without the configuration all are tried.
    let seeds: Vec<u64> = seeds().step_by(2).collect();
    at_most_of(&seeds, 2, |seed| {
        let findings = findings(&Scenario::new(seed, None, None));
        let mut sure = findings.iter();
        let sure = sure.find(|finding| finding.certainty != "possible")?;
        Some(format!("{} {}", sure.certainty, sure.cause))
    });
}
