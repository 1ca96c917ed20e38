//! Events of one sort in bounded memory.
//!
//! Which events are kept must not depend on the order in which threads find them, so each has a key
//! that is the same in every run, and those with the lowest keys are kept. An event among the lowest
//! of all is also among the lowest of every part, so the count of its deliveries is complete.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::flow::Place;

/// At most `max` events, those with the lowest keys. An event that is delivered again has the same
/// key, and counts once.
#[derive(Clone, Debug)]
pub(crate) struct BoundedEvents<K, V> {
    events: BTreeMap<K, BoundedEvent<V>>,
    max: usize,
    /// Deliveries of all events, kept or not.
    offered: u64,
}

/// An event that is kept.
#[derive(Clone, Debug)]
pub(crate) struct BoundedEvent<V> {
    /// The first place of it, in the order of files and lines.
    pub place: Place,
    /// What is known of it.
    pub value: V,
    deliveries: u64,
}

impl<K: Ord, V> BoundedEvents<K, V> {
    /// Creates an empty collection for at most `max` events.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            events: BTreeMap::new(),
            max,
            offered: 0,
        }
    }

    /// Adds an event. `make` is called only if there is room for it.
    pub(crate) fn add(&mut self, key: K, place: Place, make: impl FnOnce() -> V) {
        self.offered += 1;
        self.put(key, place, 1, make);
    }

    fn put(&mut self, key: K, place: Place, deliveries: u64, make: impl FnOnce() -> V) {
        let is_full = self.events.len() >= self.max;
        let last = self.events.last_key_value();
        if is_full && last.is_none_or(|(last, _)| key > *last) {
            return;
        }
        match self.events.entry(key) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.deliveries += deliveries;
                if place < known.place {
                    (known.place, known.value) = (place, make());
                }
            }
            Entry::Vacant(free) => {
                free.insert(BoundedEvent {
                    place,
                    value: make(),
                    deliveries,
                });
                if is_full {
                    self.events.pop_last();
                }
            }
        }
    }

    /// Moves the places of all events `base` lines down their files.
    pub(crate) fn shift(&mut self, base: u64) {
        let events = self.events.values_mut();
        events.for_each(|event| event.place.line += base);
    }

    /// Adds all of another collection.
    pub(crate) fn append(&mut self, later: Self) {
        self.offered += later.offered;
        for (key, event) in later.events {
            self.put(key, event.place, event.deliveries, || event.value);
        }
    }

    /// Returns the events that are kept, in order of their keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &BoundedEvent<V>)> {
        self.events.iter()
    }

    /// Returns the events that are kept with their places, in order of their keys.
    pub(crate) fn into_events(self) -> impl Iterator<Item = (V, Place)> {
        let events = self.events.into_values();
        events.map(|event| (event.value, event.place))
    }

    /// Returns how many deliveries of events were not kept, for lack of room.
    pub(crate) fn left_out(&self) -> u64 {
        let kept: u64 = self.events.values().map(|event| event.deliveries).sum();
        self.offered - kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u64) -> Place {
        Place { file: 0, line }
    }

    fn filled(keys: impl Iterator<Item = u64>) -> BoundedEvents<u64, String> {
        let mut events = BoundedEvents::new(10);
        keys.for_each(|key| events.add(key % 50, at(key), || key.to_string()));
        events
    }

    fn listed(events: &BoundedEvents<u64, String>) -> Vec<(u64, u64, String)> {
        let each = |(key, event): (&u64, &BoundedEvent<String>)| {
            (*key, event.place.line, event.value.clone())
        };
        events.iter().map(each).collect()
    }

    #[test]
    fn kept_events_do_not_depend_on_order_or_parts() {
        let there = filled(0..200);
        let back = filled((0..200).rev());
        let mut parts = filled(120..200);
        parts.append(filled(0..120));
        assert_eq!(listed(&there), listed(&back));
        assert_eq!(listed(&there), listed(&parts));
        assert_eq!(listed(&there)[3], (3, 3, "3".to_owned()));
        // 200 deliveries of 50 events, of which 10 are kept with all of theirs.
        let left_out = [there, back, parts].map(|events| events.left_out());
        assert_eq!(left_out, [160; 3]);
    }

    #[test]
    fn places_of_a_block_move_down_its_file() {
        let mut events = filled(0..3);
        events.shift(100);
        let lines: Vec<u64> = events.iter().map(|(_, event)| event.place.line).collect();
        assert_eq!(lines, [100, 101, 102]);
    }
}
