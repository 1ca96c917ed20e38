//! The first rejected record of a resource after each change.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::index::EventNumber;
use crate::flow::Place;

/// A record of rejected packets.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct RejectedRecord {
    /// When it begins, nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// Where it is.
    pub place: Place,
}

/// The number of a resource that a change names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceIndex(usize);

/// Finds the first rejected record that begins after each change and is tied to a resource that the
/// change names. Records may be offered in any order.
#[derive(Clone, Debug, Default)]
pub struct FirstRejected {
    by_name: HashMap<String, ResourceIndex, RandomState>,
    resources: Vec<ChangedResource>,
}

#[derive(Clone, Debug, Default)]
struct ChangedResource {
    /// In order of time, after [`FirstRejected::complete`].
    changes: Vec<(i64, EventNumber)>,
    /// For each change, the first record that begins after it and before the next change.
    first: Vec<Option<RejectedRecord>>,
}

impl FirstRejected {
    /// Enters a change of a resource; `at_ns` in nanoseconds since the Unix epoch.
    pub fn enter(&mut self, resource: &str, at_ns: i64, event: EventNumber) {
        let next = ResourceIndex(self.resources.len());
        let index = *self.by_name.entry_ref(resource).or_insert(next);
        if index == next {
            self.resources.push(ChangedResource::default());
        }
        self.resources[index.0].changes.push((at_ns, event));
    }

    /// Puts the changes in order, after the last was entered.
    pub fn complete(&mut self) {
        for resource in &mut self.resources {
            resource.changes.sort_unstable();
            resource.first = vec![None; resource.changes.len()];
        }
    }

    /// Whether no change was entered.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// Returns the resource with this name, if a change names it.
    pub fn resource(&self, name: &str) -> Option<ResourceIndex> {
        self.by_name.get(name).copied()
    }

    /// Offers a rejected record that is tied to a resource.
    pub fn offer(&mut self, resource: ResourceIndex, record: RejectedRecord) {
        let resource = &mut self.resources[resource.0];
        let changes = &resource.changes;
        let before = changes.partition_point(|(at_ns, _)| *at_ns <= record.start_ns);
        if let Some(slot) = before
            .checked_sub(1)
            .map(|index| &mut resource.first[index])
        {
            *slot = Some(slot.map_or(record, |known| known.min(record)));
        }
    }

    /// Returns the first rejected record after each change that has one.
    pub fn decide(&self) -> HashMap<EventNumber, RejectedRecord, RandomState> {
        let mut found: HashMap<EventNumber, RejectedRecord, RandomState> = HashMap::default();
        for resource in &self.resources {
            let mut next: Option<RejectedRecord> = None;
            for ((_, event), first) in resource.changes.iter().zip(&resource.first).rev() {
                next = first.or(next);
                if let Some(record) = next {
                    let known = found.entry(*event).or_insert(record);
                    *known = record.min(*known);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(start_ns: i64, line: u64) -> RejectedRecord {
        let place = Place { file: 0, line };
        RejectedRecord { start_ns, place }
    }

    #[test]
    fn first_record_after_each_change_is_found_in_any_order() {
        let mut changes = FirstRejected::default();
        for (resource, at, event) in [
            ("sg-1", 50, 2),
            ("sg-1", 10, 0),
            ("eni-1", 10, 0),
            ("sg-1", 90, 3),
        ] {
            changes.enter(resource, at, EventNumber(event));
        }
        changes.complete();
        let [group, eni] = ["sg-1", "eni-1"].map(|name| changes.resource(name).unwrap());
        assert_eq!(changes.resource("sg-2"), None);
        let offers = [
            (group, record(60, 4)),
            (group, record(55, 9)),
            (group, record(55, 8)),
            (group, record(9, 1)),
            (eni, record(40, 3)),
            (eni, record(10, 2)),
        ];
        for turn in 0..offers.len() {
            let mut again = changes.clone();
            for (resource, record) in offers.iter().cycle().skip(turn).take(offers.len()) {
                again.offer(*resource, *record);
            }
            let found = again.decide();
            assert_eq!(found.get(&EventNumber(0)), Some(&record(10, 2)));
            assert_eq!(found.get(&EventNumber(2)), Some(&record(55, 8)));
            assert_eq!(found.get(&EventNumber(3)), None);
        }
    }
}
