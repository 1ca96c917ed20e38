//! A map with a maximum number of keys that always keeps the same ones.
//!
//! An archive may hold more paths than fit in memory. The paths that are kept must not depend on
//! the order in which threads add them, so each key has a hash that is the same in every run, and
//! the keys with the lowest hashes are kept. A key among the lowest of the whole is also among the
//! lowest of every part, so every kept key is counted completely, however the archive is divided.
//! The others are not removed one by one, but when a quarter too many are there.

use std::hash::{BuildHasher as _, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// A map of at most `max` keys.
#[derive(Clone, Debug)]
pub(super) struct Bounded<K, V> {
    /// The keys that are kept, and a few more until there are too many of those.
    entries: Vec<HashedEntry<K, V>>,
    /// Where each key is in `entries`. The values are large, so the table does not move them.
    places: HashTable<usize>,
    max: usize,
    /// The highest hash that may still be kept.
    ceiling: u64,
}

/// A key with its hash and its value.
#[derive(Clone, Debug)]
struct HashedEntry<K, V> {
    hash: u64,
    key: K,
    value: V,
}

impl<K: Ord, V> HashedEntry<K, V> {
    /// Returns what the entries are in order of.
    fn rank(&self) -> (u64, &K) {
        (self.hash, &self.key)
    }
}

impl<K: Hash + Ord, V> Bounded<K, V> {
    /// Creates an empty map for at most `max` keys.
    pub(super) fn new(max: usize) -> Self {
        Self {
            entries: Vec::new(),
            places: HashTable::new(),
            max,
            ceiling: u64::MAX,
        }
    }

    /// Creates an empty map for a part that is to be merged into this one: it leaves out what there is
    /// no more room for here.
    pub(super) fn for_part(&self) -> Self {
        let mut hashes: Vec<u64> = self.entries.iter().map(|entry| entry.hash).collect();
        let ceiling = match self.max.checked_sub(1) {
            Some(last) if last < hashes.len() => *hashes.select_nth_unstable(last).1,
            _ => self.ceiling,
        };
        Self {
            ceiling,
            ..Self::new(self.max)
        }
    }

    /// Returns how many keys are in memory.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Changes the value of `key` with `add` if there is one already, or else makes it, if it may be among
    /// those that are kept.
    pub(super) fn update(&mut self, key: K, add: impl FnOnce(&mut V), make: impl FnOnce() -> V) {
        let hash = hash(&key);
        if hash <= self.ceiling {
            self.put(hash, key, (), |value, ()| add(value), |()| make());
        }
    }

    /// Adds all of another map, with `add` where both have a key.
    pub(super) fn merge(&mut self, other: Self, mut add: impl FnMut(&mut V, V)) {
        for HashedEntry { hash, key, value } in other.entries {
            if hash <= self.ceiling {
                self.put(hash, key, value, &mut add, |value| value);
            }
        }
    }

    /// Passes `more` to `add` if there is a value, or to `make` for a new one.
    fn put<M>(
        &mut self,
        hash: u64,
        key: K,
        more: M,
        add: impl FnOnce(&mut V, M),
        make: impl FnOnce(M) -> V,
    ) {
        let entries = &mut self.entries;
        let is_same = |place: &usize| entries[*place].key == key;
        let place = self
            .places
            .entry(hash, is_same, |place| entries[*place].hash);
        match place {
            Entry::Occupied(known) => add(&mut entries[*known.get()].value, more),
            Entry::Vacant(free) => {
                free.insert(entries.len());
                let value = make(more);
                entries.push(HashedEntry { hash, key, value });
                if self.entries.len() > self.max + self.max / 4 {
                    self.shrink();
                }
            }
        }
    }

    /// Removes the highest keys.
    fn shrink(&mut self) {
        self.entries
            .sort_unstable_by(|one, other| one.rank().cmp(&other.rank()));
        self.entries.truncate(self.max);
        self.ceiling = self.entries.last().map_or(self.ceiling, |last| last.hash);
        self.places.clear();
        let entries = &self.entries;
        for (place, entry) in entries.iter().enumerate() {
            self.places
                .insert_unique(entry.hash, place, |place| entries[*place].hash);
        }
    }

    /// Returns the value of `key`, if it is kept.
    pub(super) fn get(&self, key: K) -> Option<&V> {
        let hash = hash(&key);
        let is_same = |place: &usize| self.entries[*place].key == key;
        let found = &self.entries[*self.places.find(hash, is_same)?];
        let lower = self
            .entries
            .iter()
            .filter(|entry| entry.rank() < found.rank());
        let is_kept = self.len() <= self.max || lower.count() < self.max;
        is_kept.then_some(&found.value)
    }

    /// Returns the entries, in an order that is the same in every run.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_unstable_by(|one, other| one.rank().cmp(&other.rank()));
        entries.truncate(self.max);
        entries.into_iter().map(|entry| (&entry.key, &entry.value))
    }
}

/// Returns the hash of a key, the same in every run.
fn hash<K: Hash>(key: &K) -> u64 {
    FixedState::with_seed(0).hash_one(key)
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
        let mut kept: Vec<u32> = listed(&there).iter().map(|(key, _)| *key).collect();
        kept.sort_unstable();
        assert!((0..100).filter(|key| there.get(*key).is_some()).eq(kept));
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
