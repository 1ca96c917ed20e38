//! Where records wait, grouped by conversation, until all files are read.
//!
//! Only then is it known which ENI has which number and which address is its
//! own, so records go in with numbers in the order in which threads met the
//! ENIs, and come out with those that the capture has.

use std::hash::BuildHasher as _;
use std::sync::{Mutex, PoisonError};

use foldhash::fast::{FixedState, RandomState};
use hashbrown::HashMap;

use crate::connection::Detail;
use crate::error::Result;
use crate::flow::{ConnectionKey, EniIndex, Enis, Observation};
use crate::pipeline::shuffle::{Buckets, SpillFolder};
use crate::pipeline::slices::Starts;
use crate::pipeline::stored;

/// Buckets, of which each thread settles one at a time.
const BUCKETS: usize = 256;

/// Records on their way from files to conversations.
pub(super) struct Conversations<'a> {
    buckets: Buckets<'a>,
    numbers: Mutex<HashMap<Vec<u8>, u32, RandomState>>,
    starts: Mutex<Starts>,
    detail: Detail,
}

impl<'a> Conversations<'a> {
    /// None yet; at most `held_max` octets of them stay in memory.
    pub(super) fn new(held_max: usize, folder: &'a SpillFolder, detail: Detail) -> Self {
        Self {
            buckets: Buckets::new(BUCKETS, held_max, folder),
            numbers: Mutex::default(),
            starts: Mutex::default(),
            detail,
        }
    }

    /// Takes in records whose lines count from behind line `base` of their file
    /// and whose ENIs are numbered as in `enis`.
    ///
    /// # Errors
    /// There is no room for them, in memory or on the disk.
    pub(super) fn take_in(&self, records: Vec<Observation>, base: u64, enis: &Enis) -> Result<()> {
        let numbers = self.numbers(enis);
        let mut starts = Starts::default();
        let mut item = Vec::new();
        // Many records in a row begin in one second.
        let mut run = (0, 0);
        for mut o in records {
            o.eni = EniIndex(numbers[o.eni.0 as usize]);
            o.place.line += base;
            if o.start_ns != run.0 {
                starts.count(run.0, run.1);
                run = (o.start_ns, 0);
            }
            run.1 += self.detail.packets_max(o.packets).min(u64::from(u32::MAX));
            item.clear();
            stored::put_record(&o, &mut item);
            self.buckets.put(bucket(&o.key), &item)?;
        }
        starts.count(run.0, run.1);
        let mut all = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        all.add(&starts);
        Ok(())
    }

    /// The numbers here of ENIs that are numbered otherwise.
    fn numbers(&self, enis: &Enis) -> Vec<u32> {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let next = |numbers: &HashMap<_, _, _>| {
            u32::try_from(numbers.len()).expect("fewer than 2^32 ENIs")
        };
        enis.names()
            .map(|name| match numbers.get(name) {
                Some(number) => *number,
                None => {
                    let number = next(&numbers);
                    numbers.insert(name.to_vec(), number);
                    number
                }
            })
            .collect()
    }

    /// Says that all files are read, and which ENIs there are.
    pub(super) fn complete(self, enis: &Enis) -> (Complete<'a, '_>, Starts) {
        let numbers = self
            .numbers
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let mut final_numbers = vec![EniIndex(0); numbers.len()];
        for (name, number) in numbers {
            final_numbers[number as usize] = enis.find(&name).expect("every file's ENIs are known");
        }
        let complete = Complete {
            buckets: self.buckets,
            numbers: final_numbers,
            enis,
        };
        (
            complete,
            self.starts
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

/// All records, by conversation.
pub(super) struct Complete<'a, 'e> {
    buckets: Buckets<'a>,
    numbers: Vec<EniIndex>,
    enis: &'e Enis,
}

impl Complete<'_, '_> {
    /// How many buckets there are.
    pub(super) fn count(&self) -> usize {
        self.buckets.count()
    }

    /// Takes the records of a bucket: whole conversations, in any order, with
    /// the direction that all records of their ENI together tell.
    ///
    /// # Errors
    /// What was put on the disk cannot be read.
    pub(super) fn take(&self, bucket: usize) -> Result<Vec<Observation>> {
        let mut records = stored::records(&self.buckets.take(bucket)?);
        for o in &mut records {
            o.eni = self.numbers[o.eni.0 as usize];
            if o.leaving.is_none() {
                let tuple = o.key.five_tuple(o.way);
                let (source, destination) = (tuple.source.address, tuple.destination.address);
                o.leaving = self.enis.get(o.eni).leaves(source, destination);
            }
        }
        Ok(records)
    }
}

/// A hash that is the same in every run.
pub(super) fn hash(key: &ConnectionKey) -> u64 {
    FixedState::with_seed(0).hash_one(key)
}

fn bucket(key: &ConnectionKey) -> usize {
    // The upper bits; the lower ones group the records of a bucket.
    (hash(key) >> 56) as usize % BUCKETS
}
