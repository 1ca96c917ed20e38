//! Encoding of records and episodes for the buckets between two stages.

use std::hash::BuildHasher as _;
use std::ops::Range;

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use crate::error::Result;
use crate::flow::{Candidate, ConnectionKey, Viewed};
use crate::pipeline::spilling::buckets::Buckets;
use crate::pipeline::spilling::record_codec::{
    self, EncodedHead, EncodedRecord, next_head, unpack, unpack_candidate,
};
use crate::pipeline::spilling::sorted_runs::{RunHead, RunMerge, SortedRuns};

/// Decodes the records in the parts of a bucket.
pub(crate) fn candidates(parts: &[Vec<u8>]) -> Vec<Candidate> {
    let len: usize = parts.iter().map(Vec::len).sum();
    let mut records = Vec::with_capacity(len / record_codec::LEN_LEAST);
    for part in parts {
        let mut rest = &part[..];
        records.extend(std::iter::from_fn(|| unpack_candidate(&mut rest)));
    }
    records
}

/// Decodes the records in the parts of a bucket whose conversations have a record that matches the filter,
/// and maybe a few others; returns how many other records there are.
pub(crate) fn matching_candidates(parts: &[Vec<u8>]) -> (Vec<Candidate>, u64) {
    fn heads(mut rest: &[u8]) -> impl Iterator<Item = EncodedHead<'_>> {
        std::iter::from_fn(move || next_head(&mut rest))
    }
    let state = FixedState::with_seed(0);
    let (mut matching, mut all) = (HashSet::<u64, FixedState>::default(), 0);
    for head in parts.iter().flat_map(|part| heads(part)) {
        all += 1;
        if head.matched {
            matching.insert(state.hash_one(head.key));
        }
    }
    let mut records = Vec::new();
    if !matching.is_empty() {
        for head in parts.iter().flat_map(|part| heads(part)) {
            if matching.contains(&state.hash_one(head.key)) {
                let mut bytes = head.bytes;
                records.extend(unpack_candidate(&mut bytes));
            }
        }
    }
    let left_out = all - records.len() as u64;
    (records, left_out)
}

/// Connections of one conversation that follow each other so closely that they must be rebuilt one
/// after another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Episode {
    /// The records, grouped by connection and in order.
    pub records: Vec<Viewed>,
    /// The number of records of each connection.
    pub connections: Vec<usize>,
}

/// Appends an episode; `connections` are ranges of the records of a conversation, in order, and
/// `number` counts the episodes of the conversation.
pub(crate) fn put_episode(
    records: &[Viewed],
    connections: &[Range<usize>],
    number: u64,
    out: &mut Vec<u8>,
) {
    let begin = out.len();
    out.extend_from_slice(&[0; WORD_LEN]);
    put_word(number, out);
    put_word(connections.len() as u64, out);
    let ordered = connections.iter().flat_map(|range| &records[range.clone()]);
    ordered.for_each(|o| out.extend_from_slice(EncodedRecord::of(o).bytes()));
    // The connections come after the records, so that the first record is near the start of the
    // episode.
    for range in connections {
        put_word(range.len() as u64, out);
    }
    let len = (out.len() - begin - WORD_LEN) as u64;
    out[begin..begin + WORD_LEN].copy_from_slice(&len.to_le_bytes());
}

impl Episode {
    /// Decodes the episode in [`EncodedEpisode::bytes`] into this one.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) {
        let connections = take_len(&mut bytes);
        let (mut records, mut lens) = bytes.split_at(bytes.len() - WORD_LEN * connections);
        self.connections.clear();
        for _ in 0..connections {
            self.connections.push(take_len(&mut lens));
        }
        self.records.clear();
        while let Some(record) = unpack(&mut records) {
            self.records.push(record);
        }
    }
}

/// Bytes of a number before an episode; the first number is the length of the rest.
const WORD_LEN: usize = 8;

fn put_word(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn take_word(rest: &mut &[u8]) -> Option<u64> {
    let (word, after) = rest.split_first_chunk::<WORD_LEN>()?;
    *rest = after;
    Some(u64::from_le_bytes(*word))
}

fn take_len(rest: &mut &[u8]) -> usize {
    let len = take_word(rest).expect("what was stored is whole");
    usize::try_from(len).expect("it was in memory")
}

/// The sort key of an episode: start, then conversation, then number in the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EpisodeHead {
    start_ns: i64,
    key: ConnectionKey,
    number: u64,
    /// Bytes after the length word.
    len: usize,
}

impl RunHead for EpisodeHead {
    const LEN_MAX: usize = 3 * WORD_LEN + record_codec::LEN_MAX;

    fn read(mut bytes: &[u8]) -> Self {
        let len = take_len(&mut bytes);
        let number = take_word(&mut bytes).expect("what was stored is whole");
        let _connections = take_len(&mut bytes);
        let first = unpack(&mut bytes).expect("an episode has a record");
        Self {
            start_ns: first.start_ns,
            key: first.key,
            number,
            len,
        }
    }

    fn item_len(&self) -> usize {
        WORD_LEN + self.len
    }
}

/// An encoded episode in its bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EncodedEpisode<'a> {
    head: EpisodeHead,
    /// All bytes as they were stored, with the header.
    whole: &'a [u8],
}

impl<'a> EncodedEpisode<'a> {
    /// Returns its connections and records, for [`Episode::read`].
    pub(crate) fn bytes(&self) -> &'a [u8] {
        &self.whole[2 * WORD_LEN..]
    }

    /// Returns the number of its connections.
    pub(crate) fn connection_count(&self) -> usize {
        take_len(&mut self.bytes())
    }
}

/// Returns the episodes in the parts of a bucket, in order.
pub(crate) fn episodes(parts: &[Vec<u8>]) -> Vec<EncodedEpisode<'_>> {
    let mut episodes = Vec::new();
    for part in parts {
        let mut rest = &part[..];
        while !rest.is_empty() {
            let head = EpisodeHead::read(rest);
            let (whole, after) = rest.split_at(head.item_len());
            rest = after;
            episodes.push(EncodedEpisode { head, whole });
        }
    }
    episodes.sort_unstable_by_key(|episode| episode.head);
    episodes
}

/// The episodes of a bucket in batches that fit in memory. Episodes within a batch have no order,
/// but all of them come before those of the next batch.
pub(crate) enum Batches<'a> {
    /// All episodes, until they are taken.
    Whole(Option<Vec<Vec<u8>>>),
    SortedRuns(RunMerge<'a, EpisodeHead>, usize),
}

impl<'a> Batches<'a> {
    /// Empties a bucket. A batch has about `room` bytes, and at least one episode.
    ///
    /// # Errors
    /// Temporary files cannot be read or written.
    pub(crate) fn of(buckets: &Buckets<'a>, bucket: usize, room: usize) -> Result<Self> {
        if buckets.len(bucket) <= room {
            return Ok(Self::Whole(Some(buckets.take(bucket)?)));
        }
        let mut runs = SortedRuns::new(buckets.folder());
        let (mut parts, mut len) = (Vec::new(), 0);
        buckets.drain(bucket, |part| {
            len += part.len();
            parts.push(part);
            if len > room {
                len = 0;
                add_run(&mut runs, &std::mem::take(&mut parts))?;
            }
            Ok(())
        })?;
        add_run(&mut runs, &parts)?;
        Ok(Self::SortedRuns(runs.merge(room)?, room))
    }

    /// Returns the bytes of the next batch; `None` after the last.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<Vec<u8>>>> {
        let (merge, room) = match self {
            Self::Whole(parts) => return Ok(parts.take()),
            Self::SortedRuns(merge, room) => (merge, *room),
        };
        let mut part = Vec::new();
        while (part.is_empty() || part.len() < room) && merge.next(0, &mut part)?.is_some() {}
        Ok((!part.is_empty()).then(|| vec![part]))
    }
}

/// Sorts the episodes of these parts into one run.
fn add_run(runs: &mut SortedRuns<'_, EpisodeHead>, parts: &[Vec<u8>]) -> Result<()> {
    let episodes = episodes(parts);
    runs.add(|file| episodes.iter().try_for_each(|e| file.append(e.whole)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Way;
    use crate::flow::observation::tests::viewed;
    use crate::pipeline::spilling::temporary::SpillFolder;

    #[test]
    fn episodes_come_back_in_order_of_start_and_conversation() {
        let episode = |start_s, port| {
            let mut o = viewed(Way::Up, 3, 180, start_s, 99, 2);
            o.key.low.port = port;
            vec![o; 3]
        };
        let mut bytes = Vec::new();
        for (start_s, port) in [(20, 1), (10, 7), (10, 3)] {
            put_episode(&episode(start_s, port), &[0..1, 1..3], 0, &mut bytes);
        }
        let parts = [bytes];
        let stored = episodes(&parts);
        let order: Vec<_> = stored
            .iter()
            .map(|s| (s.head.start_ns / 1_000_000_000, s.head.key.low.port))
            .collect();
        assert_eq!(order, [(10, 3), (10, 7), (20, 1)]);
        let expected = Episode {
            records: episode(20, 1),
            connections: vec![1, 2],
        };
        let mut read = Episode::default();
        read.read(stored[0].bytes());
        read.read(stored[2].bytes());
        assert_eq!(read, expected);
    }

    #[test]
    fn batches_return_every_episode_in_order_with_any_memory_limit() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = SpillFolder::new(temporary.path());
        let listed = |held_max: usize, room: usize| {
            let buckets = Buckets::new(2, held_max, &folder);
            let mut bytes = Vec::new();
            for i in 0..3_000_u16 {
                let mut o = viewed(Way::Up, 3, 180, i64::from(i % 5), 99, 2);
                o.key.low.port = u16::try_from(u32::from(i) * 7_919 % 3_000).unwrap();
                // Some episodes are larger than the whole `room`.
                let connections = if i % 500 == 3 { 60 } else { 1 };
                let ranges: Vec<_> = (0..connections).map(|n| n..n + 1).collect();
                bytes.clear();
                put_episode(&vec![o; connections], &ranges, 0, &mut bytes);
                buckets.put(1, &bytes).unwrap();
            }
            let mut batches = Batches::of(&buckets, 1, room).unwrap();
            let (mut all, mut count) = (Vec::new(), 0);
            while let Some(parts) = batches.next().unwrap() {
                count += 1;
                all.extend(
                    episodes(&parts)
                        .iter()
                        .map(|e| (e.head, e.bytes().to_vec())),
                );
            }
            (all, count)
        };
        let (whole, count) = listed(usize::MAX, usize::MAX);
        assert_eq!((whole.len(), count), (3_000, 1));
        assert!(whole.is_sorted());
        for (held_max, room) in [(1 << 20, 20_000), (0, 2_000), (0, 0)] {
            let (same, count) = listed(held_max, room);
            assert!(count > 5, "{count} batches of {room}");
            assert!(same == whole, "in {room}");
        }
    }
}
