//! From observations to connections: what belongs together, counted once.
//!
//! Sorted by conversation, the records of each stand side by side, and each
//! conversation is settled on its own: duplicates dropped, the vantage chosen,
//! the records divided into connections. What comes out is a list of
//! [`Episode`]s, each of which can be rebuilt without looking at any other.

use std::ops::Range;

use rayon::prelude::*;

use crate::connection::split;
use crate::flow::{Observation, Vantage, duplicates, vantage};

/// Conversations that are settled in one task.
const TASK_RECORDS: usize = 1 << 14;

/// The records that are told, and how they hang together.
#[derive(Default)]
pub(super) struct Told {
    /// Records, those of one connection side by side and in order.
    pub observations: Vec<Observation>,
    /// Connections, as ranges of `observations`.
    pub connections: Vec<Range<usize>>,
    /// Runs of connections of one conversation that may touch in time, in order of start.
    pub episodes: Vec<Episode>,
    /// Records that say the same of the same ENI as another.
    pub duplicates: u64,
    /// Records whose packets another view tells.
    pub told_elsewhere: u64,
}

/// Connections of one conversation that follow each other so closely that they
/// must be rebuilt one after the other.
#[derive(Clone, Debug)]
pub(super) struct Episode {
    /// First instant of any of its packets.
    pub start_ns: i64,
    /// Its connections, as a range of [`Told::connections`].
    pub connections: Range<usize>,
    /// Packets that its records count.
    pub packets: u64,
}

/// Settles all conversations.
pub(super) fn tell(mut observations: Vec<Observation>, vantage: Vantage) -> Told {
    observations.par_sort_unstable_by(|a, b| {
        (a.key, a.content(), a.place).cmp(&(b.key, b.content(), b.place))
    });
    let tasks = cut_between_conversations(&observations);
    let parts: Vec<Told> = tasks
        .into_par_iter()
        .map(|range| settle(&observations[range], vantage))
        .collect();
    let mut told = Told::default();
    parts.into_iter().for_each(|part| told.append(part));
    // Ties keep the order of conversations, which is that of their keys.
    told.episodes.par_sort_by_key(|episode| episode.start_ns);
    told
}

/// Ranges of whole conversations, each of about [`TASK_RECORDS`] records.
fn cut_between_conversations(observations: &[Observation]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut first = 0;
    while first < observations.len() {
        let wanted = (first + TASK_RECORDS).min(observations.len());
        let key = observations[wanted - 1].key;
        let more = observations[wanted..]
            .iter()
            .take_while(|o| o.key == key)
            .count();
        ranges.push(first..wanted + more);
        first = wanted + more;
    }
    ranges
}

/// Settles the conversations of these records, which are sorted by key.
fn settle(observations: &[Observation], vantage: Vantage) -> Told {
    let mut told = Told::default();
    for conversation in observations.chunk_by(|a, b| a.key == b.key) {
        let mut records = conversation.to_vec();
        told.duplicates += duplicates::remove(&mut records);
        let chosen = vantage::choose(&mut records, vantage);
        told.told_elsewhere += chosen.told_elsewhere;
        let mut rest = &mut records[..];
        for len in chosen.groups {
            let (view, behind) = rest.split_at_mut(len);
            told.divide(view);
            rest = behind;
        }
    }
    told
}

impl Told {
    /// Divides the records of one view of a conversation into connections.
    fn divide(&mut self, records: &mut [Observation]) {
        let mut until_ns = i64::MIN;
        let mut first_of_view = true;
        for range in split(records) {
            let connection = &records[range];
            let base = self.observations.len();
            self.observations.extend_from_slice(connection);
            self.connections.push(base..self.observations.len());
            let start_ns = connection[0].start_ns;
            let packets = connection
                .iter()
                .fold(0_u64, |sum, o| sum.saturating_add(o.packets));
            let index = self.connections.len() - 1;
            match self.episodes.last_mut() {
                Some(episode) if !first_of_view && start_ns < until_ns => {
                    episode.connections.end = index + 1;
                    episode.packets = episode.packets.saturating_add(packets);
                }
                _ => self.episodes.push(Episode {
                    start_ns,
                    connections: index..index + 1,
                    packets,
                }),
            }
            first_of_view = false;
            let ends = connection.iter().map(Observation::until_ns);
            until_ns = ends.fold(until_ns, i64::max);
        }
    }

    fn append(&mut self, later: Self) {
        let (records, connections) = (self.observations.len(), self.connections.len());
        self.observations.extend(later.observations);
        let moved = later
            .connections
            .into_iter()
            .map(|c| c.start + records..c.end + records);
        self.connections.extend(moved);
        self.episodes
            .extend(later.episodes.into_iter().map(|mut episode| {
                episode.connections.start += connections;
                episode.connections.end += connections;
                episode
            }));
        self.duplicates += later.duplicates;
        self.told_elsewhere += later.told_elsewhere;
    }
}
