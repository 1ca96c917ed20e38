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
}

impl<K: Hash + Ord, V> Bounded<K, V> {
    /// Creates an empty map for at most `max` keys.
    pub(super) fn new(max: usize) -> Self {
        Self {
            map: BTreeMap::new(),
            max,
        }
    }

    /// Adds `value` to the value of `key`, with `add` if there is one already.
    pub(super) fn add(&mut self, key: K, value: V, add: impl FnOnce(&mut V, V)) {
        let hash = FixedState::with_seed(0).hash_one(&key);
        match self.map.entry((hash, key)) {
            Entry::Occupied(mut known) => add(known.get_mut(), value),
            Entry::Vacant(free) => {
                free.insert(value);
                self.shrink();
            }
        }
    }

    /// Changes the value of `key` with `add` if there is one already, or else makes it.
    pub(super) fn update(&mut self, key: K, add: impl FnOnce(&mut V), make: impl FnOnce() -> V) {
        let hash = FixedState::with_seed(0).hash_one(&key);
        match self.map.entry((hash, key)) {
            Entry::Occupied(mut known) => add(known.get_mut()),
            Entry::Vacant(free) => {
                free.insert(make());
                self.shrink();
            }
        }
    }

    fn shrink(&mut self) {
        if self.map.len() > self.max {
            self.map.pop_last();
        }
    }

    /// Adds all of another map, with `add` where both have a key.
    pub(super) fn merge(&mut self, other: Self, mut add: impl FnMut(&mut V, V)) {
        for ((_, key), value) in other.map {
            self.add(key, value, &mut add);
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
        keys.for_each(|key| map.add(key % 100, 1, |sum, more| *sum += more));
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
}
