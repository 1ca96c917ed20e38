//! Records and episodes in the buckets between two stages.

use std::ops::Range;

use crate::flow::{ConnectionKey, Observation};
use crate::pipeline::packed::{self, Packed, unpack};

/// The records in the parts of a bucket.
pub(super) fn records(parts: &[Vec<u8>]) -> Vec<Observation> {
    let len: usize = parts.iter().map(Vec::len).sum();
    let mut records = Vec::with_capacity(len / packed::LEN_LEAST);
    for part in parts {
        let mut rest = &part[..];
        records.extend(std::iter::from_fn(|| unpack(&mut rest)));
    }
    records
}

/// Connections of one conversation that follow each other so closely that they
/// must be rebuilt one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Episode {
    /// The records, those of one connection side by side and in order.
    pub records: Vec<Observation>,
    /// How many records each connection has.
    pub connections: Vec<usize>,
}

/// Appends the episode of these connections, which are ranges of the records of
/// a conversation, in order; `number` counts the episodes of the conversation.
pub(super) fn put_episode(
    records: &[Observation],
    connections: &[Range<usize>],
    number: u64,
    out: &mut Vec<u8>,
) {
    let begin = out.len();
    out.extend_from_slice(&[0; WORD_LEN]);
    put_word(number, out);
    put_word(connections.len() as u64, out);
    for range in connections {
        put_word(range.len() as u64, out);
    }
    let told = connections.iter().flat_map(|range| &records[range.clone()]);
    told.for_each(|o| out.extend_from_slice(Packed::of(o).octets()));
    let len = (out.len() - begin - WORD_LEN) as u64;
    out[begin..begin + WORD_LEN].copy_from_slice(&len.to_le_bytes());
}

impl Episode {
    /// Becomes the episode that [`Stored::octets`] hold.
    pub(super) fn read(&mut self, mut octets: &[u8]) {
        self.connections.clear();
        for _ in 0..take_len(&mut octets) {
            self.connections.push(take_len(&mut octets));
        }
        self.records.clear();
        while let Some(record) = unpack(&mut octets) {
            self.records.push(record);
        }
    }
}

/// Octets of a number in front of an episode; the first is how many octets follow.
const WORD_LEN: usize = 8;

fn put_word(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn take_word(rest: &mut &[u8]) -> Option<u64> {
    let (word, behind) = rest.split_first_chunk::<WORD_LEN>()?;
    *rest = behind;
    Some(u64::from_le_bytes(*word))
}

fn take_len(rest: &mut &[u8]) -> usize {
    let len = take_word(rest).expect("what was stored is whole");
    usize::try_from(len).expect("it was in memory")
}

/// An episode among others in its bucket. They sort by start, then conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stored<'a> {
    pub start_ns: i64,
    key: ConnectionKey,
    /// Which one of its conversation it is.
    number: u64,
    pub octets: &'a [u8],
}

impl Stored<'_> {
    /// How many connections it has.
    pub(super) fn connection_count(&self) -> usize {
        take_len(&mut &*self.octets)
    }
}

/// The episodes in the parts of a bucket, in order.
pub(super) fn episodes(parts: &[Vec<u8>]) -> Vec<Stored<'_>> {
    let mut episodes = Vec::new();
    for part in parts {
        let mut rest = &part[..];
        while !rest.is_empty() {
            let len = take_len(&mut rest);
            let (mut octets, behind) = rest.split_at(len);
            rest = behind;
            let number = take_word(&mut octets).expect("what was stored is whole");
            let mut first = octets;
            let connections = take_len(&mut first);
            first = &first[WORD_LEN * connections..];
            let first = unpack(&mut first).expect("an episode has a record");
            episodes.push(Stored {
                start_ns: first.start_ns,
                key: first.key,
                number,
                octets,
            });
        }
    }
    episodes.sort_unstable();
    episodes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Way;
    use crate::flow::observation::tests::observation;

    #[test]
    fn episodes_come_back_in_order_of_start_and_conversation() {
        let episode = |start_s, port| {
            let mut o = observation(Way::Up, 3, 180, start_s, 99, 2);
            o.key.low.port = port;
            vec![o; 3]
        };
        let mut octets = Vec::new();
        for (start_s, port) in [(20, 1), (10, 7), (10, 3)] {
            put_episode(&episode(start_s, port), &[0..1, 1..3], 0, &mut octets);
        }
        let parts = [octets];
        let stored = episodes(&parts);
        let order: Vec<_> = stored
            .iter()
            .map(|s| (s.start_ns / 1_000_000_000, s.key.low.port))
            .collect();
        assert_eq!(order, [(10, 3), (10, 7), (20, 1)]);
        let expected = Episode {
            records: episode(20, 1),
            connections: vec![1, 2],
        };
        let mut read = Episode::default();
        read.read(stored[0].octets);
        read.read(stored[2].octets);
        assert_eq!(read, expected);
    }
}
