//! Records and episodes as octets, for the buckets between two stages.
//!
//! A third of their size in memory: numbers take as many octets as they need.
//! The form is this run's own and is read by no other.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::flow::{ConnectionKey, Observation};

/// The most octets that one record takes: twice what its fields can.
const RECORD_LEN_MAX: usize = 256;

/// Appends one record.
pub(super) fn put_record(o: &Observation, out: &mut Vec<u8>) {
    put(o, out);
}

/// The records in the parts of a bucket.
pub(super) fn records(parts: &[Vec<u8>]) -> Vec<Observation> {
    let mut records = Vec::new();
    for part in parts {
        let mut rest = &part[..];
        while !rest.is_empty() {
            records.push(take(&mut rest));
        }
    }
    records
}

fn put<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    let begin = out.len();
    out.resize(begin + RECORD_LEN_MAX, 0);
    let len = postcard::to_slice(value, &mut out[begin..])
        .expect("a record has room")
        .len();
    out.truncate(begin + len);
}

fn take<'a, T: Deserialize<'a>>(rest: &mut &'a [u8]) -> T {
    let (value, behind) = postcard::take_from_bytes(rest).expect("what was stored is whole");
    *rest = behind;
    value
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
    out.extend_from_slice(&[0; LEN_LEN]);
    let first = &records[connections[0].start];
    put(&(first.start_ns, first.key, number), out);
    put(&connections.len(), out);
    connections.iter().for_each(|range| put(&range.len(), out));
    let told = connections.iter().flat_map(|range| &records[range.clone()]);
    told.for_each(|o| put(o, out));
    let len = (out.len() - begin - LEN_LEN) as u64;
    out[begin..begin + LEN_LEN].copy_from_slice(&len.to_le_bytes());
}

impl Episode {
    /// The episode that [`Stored::octets`] hold.
    pub(super) fn of(mut octets: &[u8]) -> Self {
        let count: usize = take(&mut octets);
        let connections: Vec<usize> = (0..count).map(|_| take(&mut octets)).collect();
        let records = (0..connections.iter().sum())
            .map(|_| take(&mut octets))
            .collect();
        Self {
            records,
            connections,
        }
    }
}

/// Octets of the length in front of each episode.
const LEN_LEN: usize = 8;

/// An episode among others in its bucket. They sort by start, then conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stored<'a> {
    pub start_ns: i64,
    key: ConnectionKey,
    /// Which one of its conversation it is.
    number: u64,
    pub octets: &'a [u8],
}

/// The episodes in the parts of a bucket, in order.
pub(super) fn episodes(parts: &[Vec<u8>]) -> Vec<Stored<'_>> {
    let mut episodes = Vec::new();
    for part in parts {
        let mut rest = &part[..];
        while let Some((len, behind)) = rest.split_first_chunk::<LEN_LEN>() {
            let len = usize::try_from(u64::from_le_bytes(*len)).expect("it was in memory");
            let (mut octets, next) = behind.split_at(len);
            let (start_ns, key, number) = take(&mut octets);
            episodes.push(Stored {
                start_ns,
                key,
                number,
                octets,
            });
            rest = next;
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

    fn extreme() -> Observation {
        let mut o = observation(Way::Down, u64::MAX, u64::MAX, 0, 0, 255);
        (o.start_ns, o.end_ns, o.clock_ns) = (i64::MIN, i64::MAX, i64::MIN);
        (o.place.file, o.place.line) = (u32::MAX, u64::MAX);
        o.key.low.address = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap();
        o.key.high = o.key.low;
        o
    }

    #[test]
    fn records_come_back_as_they_were() {
        let records = [observation(Way::Up, 3, 180, 10, 12, 2), extreme()];
        let mut octets = Vec::new();
        records.iter().for_each(|o| put_record(o, &mut octets));
        assert_eq!(super::records(&[octets]), records);
    }

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
        assert_eq!(Episode::of(stored[2].octets), expected);
    }
}
