//! The order of rows: by time, then by file and line.
//!
//! Batches come with their lines in order, and a day of flow logs has many rows in each of few seconds.
//! So rows go into slots of time in the order that they came in, and only a slot that is not in order
//! is sorted. That is several times as fast as sorting them all.

use std::sync::Arc;

use rayon::prelude::*;

use super::gather::RowAt;
use super::stored::StoredRows;
use crate::time::SECOND_NS;

/// Where each row of a batch belongs.
#[derive(Clone, Debug, Default)]
pub(super) struct RowOrder {
    /// The time in nanoseconds since the Unix epoch; `i64::MIN` if there is none.
    pub instants_ns: Vec<i64>,
    /// The index of the file.
    pub files: Vec<u32>,
    /// The number of the line in it.
    pub lines: Vec<u64>,
}

/// What rows are compared by: time, file and line.
pub(super) type RowKey = (i64, u32, u64);

impl RowOrder {
    /// Returns the number of rows.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Returns the memory that it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.len() * (size_of::<i64>() + size_of::<u32>() + size_of::<u64>())
    }

    /// Returns the key of a row.
    #[inline]
    pub(super) fn key(&self, row: u32) -> RowKey {
        let row = row as usize;
        (self.instants_ns[row], self.files[row], self.lines[row])
    }
}

/// Returns the rows of batches in order. Rows of one key remain in the order of their batches.
pub(super) fn in_order(batches: &[Arc<StoredRows>]) -> Vec<RowAt> {
    let mut numbered: Vec<(u32, &RowOrder)> = (0..).zip(batches.iter().map(|b| &b.order)).collect();
    numbered.sort_by_key(|(_, order)| (order.files.first(), order.lines.first()));
    let slots = TimeSlots::of(&numbered);
    let mut ends = vec![0_usize; slots.count];
    for (_, order) in &numbered {
        let instants = order.instants_ns.iter();
        instants.for_each(|instant_ns| ends[slots.of_instant(*instant_ns)] += 1);
    }
    let mut begin = 0;
    for end in &mut ends {
        begin += std::mem::replace(end, begin);
    }
    let mut rows = vec![RowAt { batch: 0, row: 0 }; begin];
    for (batch, order) in numbered {
        for (row, instant_ns) in (0..).zip(&order.instants_ns) {
            let end = &mut ends[slots.of_instant(*instant_ns)];
            rows[*end] = RowAt { batch, row };
            *end += 1;
        }
    }
    let key = |at: &RowAt| batches[at.batch as usize].order.key(at.row);
    let sort = |rows: &mut [RowAt]| {
        if !rows.is_sorted_by_key(key) {
            rows.sort_by_key(key);
        }
    };
    divided(&mut rows, &ends).into_par_iter().for_each(sort);
    rows
}

/// Divides rows into those of the slots, which end there. Slots with at most one row are left out.
fn divided<'r>(mut rows: &'r mut [RowAt], ends: &[usize]) -> Vec<&'r mut [RowAt]> {
    let mut parts = Vec::new();
    let mut begin = 0;
    for end in ends {
        let (part, rest) = std::mem::take(&mut rows).split_at_mut(end - begin);
        if part.len() > 1 {
            parts.push(part);
        }
        (rows, begin) = (rest, *end);
    }
    parts
}

/// Slots of time, of the same length each. The first is that of rows without a time.
struct TimeSlots {
    least_ns: i64,
    width_ns: u64,
    count: usize,
}

impl TimeSlots {
    /// Returns slots of a second, or longer ones if there would be more of them than rows.
    fn of(orders: &[(u32, &RowOrder)]) -> Self {
        let instants = || orders.iter().flat_map(|(_, order)| &order.instants_ns);
        let rows: usize = orders.iter().map(|(_, order)| order.len()).sum();
        let known = instants().filter(|instant_ns| **instant_ns != i64::MIN);
        let bounds = known.fold(None, |bounds: Option<(i64, i64)>, instant_ns| {
            let (least, most) = bounds.unwrap_or((*instant_ns, *instant_ns));
            Some((least.min(*instant_ns), most.max(*instant_ns)))
        });
        let (least_ns, most_ns) = bounds.unwrap_or_default();
        let span_ns = most_ns.abs_diff(least_ns);
        let width_ns = (span_ns / (rows as u64).max(1)).max(SECOND_NS.unsigned_abs());
        // At most as many as rows, and two.
        let last = usize::try_from(span_ns / width_ns).unwrap_or(0);
        Self {
            least_ns,
            width_ns,
            count: last + 2,
        }
    }

    #[inline]
    fn of_instant(&self, instant_ns: i64) -> usize {
        if instant_ns == i64::MIN {
            return 0;
        }
        let slot = instant_ns.abs_diff(self.least_ns) / self.width_ns;
        usize::try_from(slot).unwrap_or(0) + 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sorts rows of these keys as batches, and returns the keys in that order.
    fn sorted(batches: &[Vec<RowKey>]) -> Vec<(RowKey, RowAt)> {
        let stored: Vec<Arc<StoredRows>> = batches
            .iter()
            .map(|keys| {
                let order = RowOrder {
                    instants_ns: keys.iter().map(|key| key.0).collect(),
                    files: keys.iter().map(|key| key.1).collect(),
                    lines: keys.iter().map(|key| key.2).collect(),
                };
                Arc::new(StoredRows::new(&[], order))
            })
            .collect();
        let rows = in_order(&stored).into_iter();
        rows.map(|at| (stored[at.batch as usize].order.key(at.row), at))
            .collect()
    }

    proptest! {
        #[test]
        fn rows_are_in_order_whatever_their_times_files_and_batches_are(
            batches in prop::collection::vec(
                prop::collection::vec(
                    (
                        prop_oneof![
                            Just(i64::MIN),
                            Just(i64::MAX),
                            any::<i64>(),
                            (0..5_i64).prop_map(|second| second * SECOND_NS),
                            0..5_i64,
                        ],
                        0..3_u32,
                        0..9_u64,
                    ),
                    0..20,
                ),
                0..5,
            )
        ) {
            let found = sorted(&batches);
            let mut expected: Vec<RowKey> = batches.concat();
            expected.sort_unstable();
            prop_assert_eq!(found.iter().map(|(key, _)| *key).collect::<Vec<_>>(), expected);
            let mut places: Vec<(u32, u32)> =
                found.iter().map(|(_, at)| (at.batch, at.row)).collect();
            places.sort_unstable();
            places.dedup();
            prop_assert_eq!(places.len(), found.len());
        }
    }

    #[test]
    fn rows_of_one_key_keep_the_order_of_their_batches() {
        let key = (7, 0, 1);
        let found = sorted(&[vec![key, key], vec![key]]);
        let places: Vec<_> = found.iter().map(|(_, at)| (at.batch, at.row)).collect();
        assert_eq!(places, [(0, 0), (0, 1), (1, 0)]);
    }
}
