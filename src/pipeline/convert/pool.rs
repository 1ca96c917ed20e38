//! Reusable buffers: the operating system clears every new page, which costs more than the work
//! that is then done with it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Empty buffers, up to a total capacity.
#[derive(Debug)]
pub(crate) struct Pool {
    buffers: Mutex<Buffers>,
    capacity_max: usize,
}

#[derive(Debug, Default)]
struct Buffers {
    buffers: Vec<Vec<u8>>,
    /// Total capacity in bytes.
    capacity: usize,
}

impl Pool {
    /// Creates an empty pool that keeps buffers of up to `capacity_max` bytes in total.
    pub(crate) fn new(capacity_max: usize) -> Self {
        Self {
            buffers: Mutex::default(),
            capacity_max,
        }
    }

    /// Takes an empty buffer.
    pub(crate) fn take(&self) -> Vec<u8> {
        let mut pool = self.lock();
        let buffer = pool.buffers.pop().unwrap_or_default();
        pool.capacity -= buffer.capacity();
        buffer
    }

    /// Returns buffers to the pool, whatever they contain.
    pub(crate) fn give_back(&self, given: impl IntoIterator<Item = Vec<u8>>) {
        let mut pool = self.lock();
        for mut buffer in given {
            if buffer.capacity() <= self.capacity_max - pool.capacity {
                buffer.clear();
                pool.capacity += buffer.capacity();
                pool.buffers.push(buffer);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Buffers> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_returned_empty_and_within_the_capacity() {
        let pool = Pool::new(1_000);
        pool.give_back([vec![1; 600], vec![2; 600], vec![3; 400]]);
        let mut capacities = [0; 3].map(|_| {
            let buffer = pool.take();
            assert!(buffer.is_empty());
            buffer.capacity()
        });
        capacities.sort_unstable();
        assert_eq!(capacities, [0, 400, 600]);
        assert_eq!(pool.lock().capacity, 0);
    }
}
