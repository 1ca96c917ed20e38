//! Fetches small objects before their turn, many at once, within a bound.
//!
//! Flow logs of a busy account are thousands of small objects, and a request takes longer to be answered
//! than its object takes to be read. So while some are read, the next ones are on their way.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use opendal::Operator;
use tokio::task::JoinHandle;

use super::client::{received, runtime, wait};
use super::object::Object;
use super::wording::worded;

/// How many objects are fetched, or wait for their turn, at once.
const AHEAD_MAX: usize = 24;

/// How many bytes they have together.
const BYTES_MAX: u64 = 64 << 20;

/// The longest object that is fetched whole.
pub(super) const SMALL_MAX: u64 = 8 << 20;

/// The objects of a bucket in the order in which they are read, and those fetched ahead.
#[derive(Debug, Default)]
pub(super) struct FetchAhead {
    plan: Mutex<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    objects: Vec<(String, u64)>,
    place_of: HashMap<String, usize>,
    /// The next object to fetch ahead.
    next: usize,
    under_way: HashMap<usize, JoinHandle<io::Result<Bytes>>>,
    bytes: u64,
}

/// Plans to read these objects in their order.
pub(crate) fn fetch_ahead(mut objects: Vec<&Object>) {
    while let Some(first) = objects.first().copied() {
        let (own, others) = objects
            .into_iter()
            .partition(|object| object.is_beside(first));
        first.ahead().set(own);
        objects = others;
    }
}

/// Fetches an object whole.
async fn whole(client: Operator, key: String) -> io::Result<Bytes> {
    let body = client.read(&key).await.map_err(|error| worded(&error))?;
    received(body.len());
    Ok(body.to_bytes())
}

impl FetchAhead {
    fn set(&self, objects: Vec<&Object>) {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let objects: Vec<_> = objects.iter().map(|o| (o.key.clone(), o.len)).collect();
        let places = objects
            .iter()
            .enumerate()
            .map(|(place, (key, _))| (key.clone(), place));
        *plan = Plan {
            place_of: places.collect(),
            objects,
            ..Plan::default()
        };
    }

    /// Returns an object whole, which may be on its way already, and fetches the next ones.
    ///
    /// # Errors
    /// The server refuses, also after several attempts.
    pub(super) fn take(&self, client: &Operator, key: &str) -> io::Result<Bytes> {
        let runtime = runtime()?;
        let task = {
            let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
            let place = plan.place_of.get(key).copied();
            let task = place.and_then(|place| plan.take(place));
            plan.fetch_next(|key| runtime.spawn(whole(client.clone(), key)));
            task
        };
        match task {
            Some(task) => wait(task)?.map_err(io::Error::other)?,
            None => wait(whole(client.clone(), key.to_owned()))?,
        }
    }
}

impl Plan {
    fn take(&mut self, place: usize) -> Option<JoinHandle<io::Result<Bytes>>> {
        let task = self.under_way.remove(&place);
        if task.is_some() {
            self.bytes -= self.objects[place].1;
        } else if self.next <= place || self.under_way.is_empty() {
            // The first one, one that there was no room for, or the first of another pass.
            self.next = place + 1;
        }
        task
    }

    fn fetch_next(&mut self, fetch: impl Fn(String) -> JoinHandle<io::Result<Bytes>>) {
        while let Some((key, len)) = self.objects.get(self.next) {
            if *len <= SMALL_MAX {
                if self.under_way.len() >= AHEAD_MAX || self.bytes + len > BYTES_MAX {
                    return;
                }
                let task = fetch(key.clone());
                self.bytes += len;
                self.under_way.insert(self.next, task);
            }
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(lens: &[u64]) -> Plan {
        Plan {
            objects: lens.iter().map(|len| (len.to_string(), *len)).collect(),
            ..Plan::default()
        }
    }

    fn fetch(plan: &mut Plan) {
        plan.fetch_next(|_| runtime().unwrap().spawn(async { Ok(Bytes::new()) }));
    }

    #[test]
    fn no_more_is_fetched_ahead_than_the_bounds_allow() {
        let mut many = plan(&[1; 100]);
        fetch(&mut many);
        assert_eq!((many.under_way.len(), many.next), (AHEAD_MAX, AHEAD_MAX));
        assert!(many.take(0).is_some());
        fetch(&mut many);
        assert_eq!(
            (many.under_way.len(), many.next),
            (AHEAD_MAX, AHEAD_MAX + 1)
        );
        let mut long = plan(&[SMALL_MAX; 100]);
        fetch(&mut long);
        assert_eq!(long.bytes, BYTES_MAX);
    }

    #[test]
    fn object_that_comes_in_parts_is_passed_over() {
        let mut mixed = plan(&[1, SMALL_MAX + 1, 1]);
        fetch(&mut mixed);
        assert!(mixed.take(1).is_none());
        assert!(mixed.take(0).is_some() && mixed.take(2).is_some());
        assert_eq!(mixed.bytes, 0);
    }

    #[test]
    fn another_pass_fetches_ahead_again() {
        let mut twice = plan(&[1; 3]);
        for _ in 0..2 {
            assert!(twice.take(0).is_none());
            fetch(&mut twice);
            assert!(twice.take(1).is_some() && twice.take(2).is_some());
            fetch(&mut twice);
        }
    }

    #[test]
    fn thread_that_runs_requests_of_its_own_can_wait() {
        let waited = runtime().unwrap().block_on(async { wait(async { 7 }) });
        assert_eq!(waited.unwrap(), 7);
    }
}
