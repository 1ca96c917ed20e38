//! Buffers to be used again: the system has to clear every page that it hands
//! out anew, which costs more than what is then done with it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Empty buffers, which together take no more than a pool may.
#[derive(Debug)]
pub(crate) struct Pool {
    buffers: Mutex<Buffers>,
    capacity_max: usize,
}

#[derive(Debug, Default)]
struct Buffers {
    buffers: Vec<Vec<u8>>,
    /// Bytes of all of them.
    capacity: usize,
}

impl Pool {
    /// Empty; buffers of up to `capacity_max` bytes together are kept.
    pub(crate) fn new(capacity_max: usize) -> Self {
        Self {
            buffers: Mutex::default(),
            capacity_max,
        }
    }

    /// An empty buffer.
    pub(crate) fn take(&self) -> Vec<u8> {
        let mut pool = self.lock();
        let buffer = pool.buffers.pop().unwrap_or_default();
        pool.capacity -= buffer.capacity();
        buffer
    }

    /// Gives buffers back, whatever is in them.
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
    fn buffers_come_back_empty_and_no_more_of_them_than_may_be_kept() {
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
