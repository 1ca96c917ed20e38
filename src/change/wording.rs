//! What a change did, in words.

use std::fmt;

use super::detail::{ChangeDetail, ChangedAssociation, ChangedRoute};
use super::rules::{ChangedRule, RuleAction, RuleContent};
use super::{CallResult, Change};
use crate::configuration::{RouteDestination, RulePeer};

/// Rules and ids that are named; more are only counted.
const NAMED_MAX: usize = 3;

/// Verbs of actions that need no more than the ids.
const VERBS: [(&str, &str); 8] = [
    ("StartInstances", "started"),
    ("StopInstances", "stopped"),
    ("RebootInstances", "rebooted"),
    ("TerminateInstances", "terminated"),
    ("RegisterTargets", "registered targets:"),
    ("DeregisterTargets", "deregistered targets:"),
    ("DeleteNatGateway", "deleted"),
    ("DeleteVpcEndpoints", "deleted"),
];

impl Change {
    /// Says what the call did, as a part of a sentence: `removed the rule TCP 5432 from 10.0.11.0/24
    /// of sg-…`.
    pub fn in_words(&self) -> String {
        let what = match &self.detail {
            ChangeDetail::Rules(rules) if !rules.is_empty() => listed(rules.iter().map(rule)),
            ChangeDetail::Route(changed) => route(changed),
            ChangeDetail::Groups { of, groups } => {
                format!(
                    "set the security groups of {of} to {}",
                    listed(groups.iter())
                )
            }
            ChangeDetail::Association(changed) => association(changed),
            ChangeDetail::Interfaces(created) if !created.is_empty() => {
                let ids = created.iter().map(|eni| &eni.id);
                format!("created {}", listed(ids))
            }
            _ => self.called(),
        };
        match self.result {
            CallResult::Done => what,
            CallResult::Failed => format!("tried and failed: {}", self.called()),
            CallResult::DryRun => format!("made a dry run: {}", self.called()),
        }
    }

    fn called(&self) -> String {
        let ids = self.ids.iter().map(String::as_str);
        let ids = match self.ids.is_empty() {
            true => String::new(),
            false => format!(" {}", listed(ids)),
        };
        let mut verbs = VERBS.iter();
        match verbs.find(|(name, _)| *name == self.name) {
            Some((_, verb)) => format!("{verb}{ids}"),
            None if ids.is_empty() => format!("called {}", self.name),
            None => format!("called {} on{ids}", self.name),
        }
    }
}

/// Lists the first few of these, and counts the rest.
fn listed(all: impl ExactSizeIterator<Item = impl fmt::Display>) -> String {
    let more = all.len().saturating_sub(NAMED_MAX);
    let named = all.take(NAMED_MAX).map(|one| one.to_string());
    let mut named: Vec<String> = named.collect();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    match named.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => named.concat(),
    }
}

fn rule(changed: &ChangedRule) -> String {
    let noun = match (changed.is_acl, changed.number) {
        (true, Some(number)) => format!("entry {number}"),
        (true, None) => "an entry".to_owned(),
        (false, _) => "the rule".to_owned(),
    };
    let in_words = |content: &Option<RuleContent>| {
        let content = content.as_ref()?;
        Some(in_words(content, changed))
    };
    let (before, after) = (in_words(&changed.before), in_words(&changed.after));
    let named = |content: Option<String>| match content {
        Some(content) => format!("{noun} {content}"),
        None if changed.id.is_empty() => noun.clone(),
        None => format!("{noun} {}", changed.id),
    };
    let list = match &*changed.list {
        "" => "a security group",
        list => list,
    };
    match changed.action {
        RuleAction::Adds => format!("added {} to {list}", named(after)),
        RuleAction::Removes => format!("removed {} of {list}", named(before)),
        RuleAction::Replaces => {
            let old = named(before.clone());
            let new = after.unwrap_or_else(|| "something unknown".to_owned());
            let unknown = match before {
                Some(_) => "",
                None => " (its older content is not in the event)",
            };
            format!("changed {old} of {list} to {new}{unknown}")
        }
    }
}

/// Names the content of a rule: `TCP 5432 from 10.0.11.0/24`, and for an ACL what it does.
fn in_words(content: &RuleContent, of: &ChangedRule) -> String {
    let verb = match (of.is_acl, content.allows) {
        (false, _) => "",
        (true, true) => "(allow) ",
        (true, false) => "(deny) ",
    };
    let way = match of.is_egress {
        Some(true) => "to",
        Some(false) => "from",
        None => "from or to",
    };
    let peer = match &content.peer {
        Some(RulePeer::Range(range)) => range.to_string(),
        Some(RulePeer::Group(id) | RulePeer::PrefixList(id)) => id.clone(),
        None => "an unknown range".to_owned(),
    };
    format!("{verb}{} {way} {peer}", content.service)
}

fn route(changed: &ChangedRoute) -> String {
    let destination = match &changed.destination {
        Some(RouteDestination::Range(range)) => range.to_string(),
        Some(RouteDestination::PrefixList(id)) => id.clone(),
        None => "an unknown range".to_owned(),
    };
    let route = format!("the route of {} to {destination}", changed.table);
    let before = match &*changed.target_before {
        "" => String::new(),
        target => format!(" (before: {target})"),
    };
    match changed.action {
        RuleAction::Adds => format!("added {route} by {}", changed.target),
        RuleAction::Removes => format!("removed {route}{before}"),
        RuleAction::Replaces => format!("changed {route} to {}{before}", changed.target),
    }
}

fn association(changed: &ChangedAssociation) -> String {
    let subnet = match (&*changed.subnet, &*changed.old) {
        ("", "") => "a subnet".to_owned(),
        ("", old) => format!("the subnet of {old}"),
        (subnet, _) => subnet.to_owned(),
    };
    match &*changed.list {
        "" => format!("took its route table from {subnet}"),
        list => format!("gave {list} to {subnet}"),
    }
}
