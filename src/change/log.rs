//! The changes of an archive in order of time, and what one of them says about others.
//!
//! Some events lack what they change: `DeleteNetworkAclEntry` has only the number of the entry,
//! `ModifySecurityGroupRules` only the new content, and an association only its own id. An earlier
//! event or the configuration may have it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::detail::ChangeDetail;
use super::rules::{ChangedRule, RuleContent};
use super::{CallResult, Change};
use crate::configuration::{Configuration, RouteDestination};
use crate::flow::Place;

/// A change, and where it is in the archive.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoggedChange {
    /// The change.
    pub change: Change,
    /// The line of its event.
    pub place: Place,
}

/// The changes of an archive in order of time.
#[derive(Clone, Debug, Default)]
pub struct ChangeLog {
    changes: Vec<LoggedChange>,
    /// The security groups that an interface or an instance ever had, as far as events say.
    groups: HashMap<String, BTreeSet<String>>,
    /// The route tables and network ACLs that a subnet ever had, as far as events say.
    lists: HashMap<String, BTreeSet<String>>,
}

impl ChangeLog {
    /// Puts changes in order, and adds what they do not have themselves, but others or the
    /// configuration do.
    pub fn new(
        changes: impl IntoIterator<Item = (Change, Place)>,
        configuration: Option<&Configuration>,
    ) -> Self {
        let changes = changes.into_iter();
        let changes = changes.map(|(change, place)| LoggedChange { change, place });
        let mut changes: Vec<LoggedChange> = changes.collect();
        changes.sort_by_key(|logged| (logged.change.instant_ns, logged.place));
        let mut log = Self::default();
        let mut memory = Memory {
            configuration,
            ..Memory::default()
        };
        for logged in &mut changes {
            memory.complete(&mut logged.change);
            if logged.change.result == CallResult::Done {
                memory.note(&logged.change);
                log.note(&logged.change);
            }
        }
        log.changes = changes;
        log
    }

    /// Returns the changes from one instant to another, in nanoseconds since the Unix epoch.
    pub fn within(&self, from_ns: i64, to_ns: i64) -> &[LoggedChange] {
        let from = self
            .changes
            .partition_point(|logged| logged.change.instant_ns < from_ns);
        let to = self
            .changes
            .partition_point(|logged| logged.change.instant_ns <= to_ns);
        &self.changes[from.min(to)..to]
    }

    /// Returns the security groups that an interface or an instance ever had; `None` if no event
    /// says it.
    pub fn groups_of(&self, id: &str) -> Option<&BTreeSet<String>> {
        self.groups.get(id)
    }

    /// Returns the route tables and network ACLs that a subnet ever had; `None` if no event says it.
    pub fn lists_of(&self, subnet: &str) -> Option<&BTreeSet<String>> {
        self.lists.get(subnet)
    }

    fn note(&mut self, change: &Change) {
        let known = match &change.detail {
            ChangeDetail::Association(_) => &mut self.lists,
            _ => &mut self.groups,
        };
        for (of, list) in change.detail.ties() {
            known
                .entry(of.to_owned())
                .or_default()
                .insert(list.to_owned());
        }
    }
}

/// What earlier events say.
#[derive(Default)]
struct Memory<'c> {
    configuration: Option<&'c Configuration>,
    /// The content of the rules of security groups, by their ids, with their group and whether they
    /// are for outbound traffic.
    rules: HashMap<String, (String, Option<bool>, RuleContent)>,
    /// The content of entries by network ACL, direction and number.
    entries: BTreeMap<(String, bool, u32), RuleContent>,
    /// The targets of routes, by table and destination.
    targets: HashMap<(String, String), String>,
    /// The subnets of associations.
    subnets: HashMap<String, String>,
}

impl Memory<'_> {
    /// Adds what a change does not have itself.
    fn complete(&self, change: &mut Change) {
        match &mut change.detail {
            ChangeDetail::Rules(rules) => {
                rules.iter_mut().for_each(|rule| self.complete_rule(rule))
            }
            ChangeDetail::Route(route) => {
                let key = (route.table.clone(), destination(route.destination.as_ref()));
                let known = self.targets.get(&key).cloned();
                let configured = || {
                    let situation = self.configuration?.at(change.instant_ns);
                    situation.route_target(&route.table, route.destination.as_ref()?)
                };
                route.target_before = known.or_else(configured).unwrap_or_default();
                if route.target_before == route.target {
                    route.target_before.clear();
                }
            }
            ChangeDetail::Association(changed) if changed.subnet.is_empty() => {
                let ids = [&changed.old, &changed.new];
                let known = ids.iter().find_map(|id| self.subnets.get(*id)).cloned();
                let configured = || {
                    let configuration = self.configuration?;
                    ids.iter()
                        .find_map(|id| configuration.subnet_of_association(id))
                };
                changed.subnet = known
                    .or_else(|| configured().map(str::to_owned))
                    .unwrap_or_default();
            }
            _ => {}
        }
    }

    fn complete_rule(&self, rule: &mut ChangedRule) {
        if rule.before.is_some() || rule.action == super::RuleAction::Adds {
            return;
        }
        if rule.is_acl {
            let (Some(is_egress), Some(number)) = (rule.is_egress, rule.number) else {
                return;
            };
            let key = (rule.list.clone(), is_egress, number);
            let configured = || {
                let configuration = self.configuration?;
                let entry = configuration.acl_entry(&rule.list, is_egress, number)?;
                Some(RuleContent {
                    allows: entry.allows,
                    service: entry.service,
                    peer: Some(crate::configuration::RulePeer::Range(entry.range)),
                })
            };
            rule.before = self.entries.get(&key).cloned().or_else(configured);
            return;
        }
        if let Some((group, is_egress, content)) = self.rules.get(&rule.id) {
            rule.before = Some(content.clone());
            rule.is_egress = rule.is_egress.or(*is_egress);
            if rule.list.is_empty() {
                rule.list.clone_from(group);
            }
            return;
        }
        let configured = self
            .configuration
            .and_then(|known| known.group_rule(&rule.id));
        if let Some((is_egress, configured)) = configured {
            rule.is_egress = rule.is_egress.or(Some(is_egress));
            let content = RuleContent {
                allows: true,
                service: configured.service,
                peer: Some(configured.peer.clone()),
            };
            // What was captured after the change is the new content.
            rule.before = Some(content).filter(|content| rule.after.as_ref() != Some(content));
        }
    }

    /// Notes what a change says.
    fn note(&mut self, change: &Change) {
        match &change.detail {
            ChangeDetail::Rules(rules) => rules.iter().for_each(|rule| self.note_rule(rule)),
            ChangeDetail::Route(route) => {
                let key = (route.table.clone(), destination(route.destination.as_ref()));
                self.targets.insert(key, route.target.clone());
            }
            ChangeDetail::Association(changed) if !changed.subnet.is_empty() => {
                self.subnets
                    .insert(changed.new.clone(), changed.subnet.clone());
            }
            _ => {}
        }
    }

    fn note_rule(&mut self, rule: &ChangedRule) {
        if let (true, Some(is_egress), Some(number)) = (rule.is_acl, rule.is_egress, rule.number) {
            let key = (rule.list.clone(), is_egress, number);
            match &rule.after {
                Some(content) => self.entries.insert(key, content.clone()),
                None => self.entries.remove(&key),
            };
        }
        if let Some(content) = rule.after.as_ref().filter(|_| !rule.id.is_empty()) {
            let known = (rule.list.clone(), rule.is_egress, content.clone());
            self.rules.insert(rule.id.clone(), known);
        }
    }
}

fn destination(destination: Option<&RouteDestination>) -> String {
    match destination {
        Some(RouteDestination::Range(range)) => range.to_string(),
        Some(RouteDestination::PrefixList(id)) => id.clone(),
        None => String::new(),
    }
}
