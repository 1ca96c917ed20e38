//! From records to connections: what belongs together, counted once.
//!
//! The records of a conversation are settled on their own: duplicates dropped,
//! the vantage chosen, the rest divided into connections. What comes out are
//! [`stored::Episode`]s, each of which can be rebuilt without looking at any other,
//! grouped by the slice of time in which they begin.

use std::ops::Range;

use rayon::prelude::*;

use crate::connection::split;
use crate::error::Result;
use crate::flow::{Observation, Vantage, duplicates, vantage};
use crate::pipeline::conversations::{self, Complete};
use crate::pipeline::shuffle::Buckets;
use crate::pipeline::slices::Slices;
use crate::pipeline::stored;
use crate::summary::Records;

/// What became of the records.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// Records that are told.
    pub records: u64,
    /// Records that say the same of the same ENI as another.
    pub duplicates: u64,
    /// Records whose packets another view tells.
    pub told_elsewhere: u64,
    /// First and last instant of those that are told.
    pub span_ns: Option<(i64, i64)>,
}

impl Told {
    /// Counts these among the fates of all lines.
    pub(super) fn add_to(&self, records: &mut Records) {
        records.told += self.records;
        records.duplicates += self.duplicates;
        records.told_elsewhere += self.told_elsewhere;
    }

    fn add(mut self, other: Self) -> Self {
        self.records += other.records;
        self.duplicates += other.duplicates;
        self.told_elsewhere += other.told_elsewhere;
        self.span_ns = match (self.span_ns, other.span_ns) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        self
    }
}

/// Settles all conversations.
pub(super) struct Teller<'a> {
    pub vantage: Vantage,
    pub slices: &'a Slices,
    /// One bucket a slice.
    pub episodes: &'a Buckets<'a>,
}

impl Teller<'_> {
    /// Moves every record that is told to the episodes.
    ///
    /// # Errors
    /// There is no room for them, in memory or on the disk.
    pub(super) fn tell(&self, conversations: &Complete<'_, '_>) -> Result<Told> {
        let buckets = (0..conversations.count()).into_par_iter();
        buckets
            .map(|bucket| {
                let mut told = Told::default();
                conversations.take(bucket, |records| {
                    told = told.add(self.tell_all(records)?);
                    Ok(())
                })?;
                Ok(told)
            })
            .try_reduce(Told::default, |a, b| Ok(a.add(b)))
    }

    /// Settles the conversations of these records, which are in any order.
    fn tell_all(&self, records: &[Observation]) -> Result<Told> {
        let hashes = records.iter().map(|o| conversations::hash(&o.key));
        let mut order: Vec<(u64, u32)> = hashes.zip(0..).collect();
        order.sort_unstable();
        let mut told = Told::default();
        let mut conversation = Vec::new();
        let mut out = Vec::new();
        for same_hash in order.chunk_by(|a, b| a.0 == b.0) {
            let key = records[same_hash[0].1 as usize].key;
            conversation.clear();
            conversation.extend(same_hash.iter().map(|(_, i)| records[*i as usize]));
            // Two keys may share a hash.
            if conversation.iter().any(|o| o.key != key) {
                conversation.sort_unstable_by_key(|o| o.key);
                for same_key in conversation.chunk_by(|a, b| a.key == b.key) {
                    told = told.add(self.settle(&mut same_key.to_vec(), &mut out)?);
                }
            } else {
                told = told.add(self.settle(&mut conversation, &mut out)?);
            }
        }
        Ok(told)
    }

    /// Settles one conversation.
    fn settle(&self, records: &mut Vec<Observation>, out: &mut Vec<u8>) -> Result<Told> {
        let duplicates = duplicates::remove(records);
        let chosen = vantage::choose(records, self.vantage);
        let mut number = 0;
        let mut rest = &mut records[..];
        for len in chosen.groups {
            let (view, behind) = rest.split_at_mut(len);
            for connections in episodes(view) {
                let records = &view[connections[0].start..];
                out.clear();
                stored::put_episode(records, &connections, number, out);
                let slice = self.slices.of(records[0].start_ns);
                self.episodes.put(slice, out)?;
                number += 1;
            }
            rest = behind;
        }
        let start = records.iter().map(|o| o.start_ns).min();
        let end = records.iter().map(|o| o.end_ns).max();
        Ok(Told {
            records: records.len() as u64,
            duplicates,
            told_elsewhere: chosen.told_elsewhere,
            span_ns: start.zip(end),
        })
    }
}

/// Divides the records of one view of a conversation into connections, and
/// brings those together that may touch in time and must therefore be rebuilt
/// one after the other.
fn episodes(records: &mut [Observation]) -> Vec<Vec<Range<usize>>> {
    let mut episodes: Vec<Vec<Range<usize>>> = Vec::new();
    let mut until_ns = i64::MIN;
    for range in split(records) {
        let connection = &records[range.clone()];
        let touches = connection[0].start_ns < until_ns;
        match episodes.last_mut() {
            Some(episode) if touches => episode.push(range),
            _ => episodes.push(vec![range]),
        }
        let ends = connection.iter().map(Observation::until_ns);
        until_ns = ends.fold(until_ns, i64::max);
    }
    episodes
}
