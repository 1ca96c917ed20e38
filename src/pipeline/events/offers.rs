//! The connections and rejected records of all threads that may be joined with events.
//!
//! Whether a connection is the only one that fits is decided from all connections that were read, not
//! only from those that the filter keeps.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::collector::CollectedEvents;
use super::event_facts::EventFacts;
use crate::configuration::Configuration;
use crate::flow::{ConnectionKey, EniIndex, Enis, Viewed};
use crate::joining::{
    ConnectionSpan, FirstRejected, RejectedRecord, ResourceIndex, SPANS_MAX, SoughtIndex,
};

/// What is offered to events, by all threads.
pub(crate) struct EventOffers {
    index: SoughtIndex,
    /// By ENI: the changed resources to which its records are tied.
    tied: Vec<Vec<ResourceIndex>>,
    changes: Mutex<FirstRejected>,
    spans: Mutex<OfferedSpans>,
}

#[derive(Default)]
struct OfferedSpans {
    spans: Vec<ConnectionSpan>,
    /// Whether there are more than are kept.
    too_many: bool,
}

/// What one thread offers.
#[derive(Default)]
pub(crate) struct Offered {
    spans: Vec<ConnectionSpan>,
    rejected: Vec<(ResourceIndex, RejectedRecord)>,
}

impl EventOffers {
    /// Prepares for these events. The configuration shows which security groups, network ACL, routes
    /// and load balancer an ENI has.
    pub(crate) fn of(
        collected: &mut CollectedEvents<'_>,
        enis: &Enis,
        known: &Configuration,
    ) -> Self {
        let changes = std::mem::take(&mut collected.changes);
        let tied = match changes.is_empty() {
            true => Vec::new(),
            false => tied(&changes, enis, known, &collected.ties),
        };
        Self {
            index: std::mem::take(&mut collected.index),
            tied,
            changes: Mutex::new(changes),
            spans: Mutex::default(),
        }
    }

    /// Whether no connection can fit an event.
    pub(crate) fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Whether connections between these ends may fit an event.
    pub(crate) fn concerns(&self, key: &ConnectionKey) -> bool {
        self.index.concerns(key)
    }

    /// Offers the connections in view number `view` of a conversation.
    pub(crate) fn view(
        &self,
        view: u32,
        records: &[Viewed],
        connections: &[Range<usize>],
        offered: &mut Offered,
    ) {
        for connection in connections {
            let connection = &records[connection.clone()];
            let start = connection.iter().map(|o| o.start_ns).min();
            let until = connection.iter().map(|o| o.until_ns()).max();
            let (Some(start_ns), Some(until_ns)) = (start, until) else {
                continue;
            };
            let span = ConnectionSpan {
                key: connection[0].key,
                view,
                start_ns,
                until_ns,
            };
            if self.index.fits(&span) {
                offered.spans.push(span);
            }
        }
    }

    /// Offers the rejected records of a connection that is kept.
    pub(crate) fn kept(&self, connection: &[Viewed], offered: &mut Offered) {
        if self.tied.is_empty() {
            return;
        }
        for o in connection.iter().filter(|o| o.verdict.is_reject()) {
            let EniIndex(eni) = o.eni;
            for resource in &self.tied[eni as usize] {
                let record = RejectedRecord {
                    start_ns: o.start_ns,
                    place: o.place,
                };
                offered.rejected.push((*resource, record));
            }
        }
    }

    /// Takes what a thread offered.
    pub(crate) fn take_in(&self, offered: Offered) {
        if !offered.spans.is_empty() {
            let mut all = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
            all.spans.extend(offered.spans);
            if all.too_many || all.spans.len() > SPANS_MAX {
                all.too_many = true;
                all.spans = Vec::new();
            }
        }
        if !offered.rejected.is_empty() {
            let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
            for (resource, record) in offered.rejected {
                changes.offer(resource, record);
            }
        }
    }

    /// Returns what was offered.
    pub(crate) fn into_facts(self) -> EventFacts {
        self.into_parts().1
    }

    /// Returns what is sought, and what was offered.
    pub(super) fn into_parts(self) -> (SoughtIndex, EventFacts) {
        let changes = self
            .changes
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let OfferedSpans { spans, too_many } = self
            .spans
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let facts = EventFacts {
            spans,
            too_many,
            rejected: changes.decide().into_iter().collect(),
        };
        (self.index, facts)
    }
}

/// Returns the changed resources that decide about the packets of each ENI, as the configuration was
/// last, or as events say.
fn tied(
    changes: &FirstRejected,
    enis: &Enis,
    known: &Configuration,
    ties: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<Vec<ResourceIndex>> {
    let now = known.at(i64::MAX);
    let mut of_subnets: HashMap<(&str, &str), Vec<ResourceIndex>> = HashMap::new();
    let tied = enis.iter().map(|eni| {
        let own = now.interface(&eni.name).map(|found| found.value);
        let groups = own.into_iter().flat_map(|own| &own.groups);
        let names = [&eni.name, &eni.instance, &eni.subnet, &eni.vpc]
            .into_iter()
            .chain(groups)
            .chain(own.map(|own| &own.owner));
        let mut tied: Vec<ResourceIndex> =
            names.filter_map(|name| changes.resource(name)).collect();
        // Many ENIs share a subnet.
        let of_subnet = of_subnets
            .entry((&eni.subnet, &eni.vpc))
            .or_insert_with(|| {
                let deciding = now.deciding(&eni.subnet, &eni.vpc);
                let changed = deciding.iter().filter_map(|id| changes.resource(id));
                changed.collect()
            });
        tied.extend(of_subnet.iter());
        let own = [&eni.name, &eni.instance, &eni.subnet].into_iter();
        let of_events = own.filter_map(|id| ties.get(id)).flatten();
        tied.extend(of_events.filter_map(|list| changes.resource(list)));
        tied.sort_unstable();
        tied.dedup();
        tied
    });
    tied.collect()
}
