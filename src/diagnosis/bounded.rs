//! A map with a maximum number of keys that always keeps the same ones.
//!
//! An archive may hold more paths than fit in memory. The paths that are kept must not depend on
//! the order in which threads add them, so each key has a hash that is the same in every run, and
//! the keys with the lowest hashes are kept. A key among the lowest of the whole is also among the
//! lowest of every part, so every kept key is counted completely, however the archive is divided.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::hash::{BuildHasher as _, Hash};

use foldhash::fast::FixedState;

/// A map of at most `max` keys.
#[derive(Clone, Debug)]
pub(super) struct Bounded<K, V> {
    map: BTreeMap<(u64, K), V>,
    max: usize,
    /// The highest hash that may still be kept.
    ceiling: u64,
}

impl<K: Hash + Ord, V> Bounded<K, V> {
    /// Creates an empty map for at most `max` keys.
    pub(super) fn new(max: usize) -> Self {
        Self {
            map: BTreeMap::new(),
            max,
            ceiling: u64::MAX,
        }
    }

    /// Creates an empty map for a part that is to be merged into this one: it leaves out what there is
    /// no more room for here.
    pub(super) fn for_part(&self) -> Self {
        Self {
            map: BTreeMap::new(),
            max: self.max,
            ceiling: self.highest().map_or(self.ceiling, |(hash, _)| *hash),
        }
    }

    /// Returns the highest key, if the map is full.
    fn highest(&self) -> Option<&(u64, K)> {
        let is_full = self.map.len() >= self.max;
        let highest = self.map.last_key_value().filter(|_| is_full);
        highest.map(|(key, _)| key)
    }

    /// Changes the value of `key` with `add` if there is one already, or else makes it, if it is among those
    /// that are kept.
    pub(super) fn update(&mut self, key: K, add: impl FnOnce(&mut V), make: impl FnOnce() -> V) {
        let key = (FixedState::with_seed(0).hash_one(&key), key);
        if !self.keeps(&key) {
            return;
        }
        match self.map.entry(key) {
            Entry::Occupied(mut known) => add(known.get_mut()),
            Entry::Vacant(free) => {
                free.insert(make());
                self.shrink();
            }
        }
    }

    /// Whether a key is kept once it is added: many are not, and their values need not be made.
    fn keeps(&self, key: &(u64, K)) -> bool {
        key.0 <= self.ceiling && self.highest().is_none_or(|highest| key <= highest)
    }

    /// Adds all of another map, with `add` where both have a key.
    pub(super) fn merge(&mut self, other: Self, mut add: impl FnMut(&mut V, V)) {
        for (key, value) in other.map {
            if !self.keeps(&key) {
                return; // and none of the higher ones
            }
            match self.map.entry(key) {
                Entry::Occupied(mut known) => add(known.get_mut(), value),
                Entry::Vacant(free) => {
                    free.insert(value);
                    self.shrink();
                }
            }
        }
    }

    fn shrink(&mut self) {
        if self.map.len() > self.max {
            self.map.pop_last();
        }
    }

    /// Returns the value of `key`, if it is kept.
    pub(super) fn get(&self, key: K) -> Option<&V> {
        let hash = FixedState::with_seed(0).hash_one(&key);
        self.map.get(&(hash, key))
    }

    /// Returns the entries, in an order that is the same in every run.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.map.iter().map(|((_, key), value)| (key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(keys: impl Iterator<Item = u32>) -> Bounded<u32, u64> {
        let mut map = Bounded::new(10);
        keys.for_each(|key| map.update(key % 100, |sum| *sum += 1, || 1));
        map
    }

    #[test]
    fn kept_keys_and_their_sums_do_not_depend_on_order_or_parts() {
        let listed =
            |map: &Bounded<u32, u64>| map.iter().map(|(k, v)| (*k, *v)).collect::<Vec<_>>();
        let there = filled(0..1_000);
        let back = filled((0..1_000).rev());
        let mut parts = filled(500..1_000);
        parts.merge(filled(0..500), |sum, more| *sum += more);
        assert_eq!(listed(&there), listed(&back));
        assert_eq!(listed(&there), listed(&parts));
        assert_eq!(listed(&there).len(), 10);
        assert!(listed(&there).iter().all(|(_, sum)| *sum == 10));
    }

    #[test]
    fn part_leaves_out_only_what_the_whole_does_not_keep() {
        let listed =
            |map: &Bounded<u32, u64>| map.iter().map(|(k, v)| (*k, *v)).collect::<Vec<_>>();
        let mut whole = filled(0..500);
        let mut part = whole.for_part();
        let made = std::cell::Cell::new(0);
        for key in 0..500 {
            let make = || {
                made.set(made.get() + 1);
                1
            };
            part.update(key % 100, |sum| *sum += 1, make);
        }
        assert_eq!(made.get(), 10, "no value of a key that is not kept is made");
        whole.merge(part, |sum, more| *sum += more);
        assert_eq!(listed(&whole), listed(&filled(0..1_000)));
        assert_eq!(listed(&filled(0..3).for_part()), []);
    }
}
