//! From records to connections: what belongs together, counted once.
//!
//! The records of a conversation are settled on their own: duplicates dropped,
//! the vantage chosen, the rest divided into connections. What comes out are
//! [`episode_codec::Episode`]s, each of which can be rebuilt without looking at any other,
//! grouped by the slice of time in which they begin.

use std::ops::Range;

use rayon::prelude::*;

use crate::connection::{Detail, split};
use crate::error::Result;
use crate::flow::{Candidate, Vantage, Viewed, duplicates, vantage};
use crate::pipeline::settling::conversations::{self, Complete};
use crate::pipeline::settling::finding_records::FindingMarker;
use crate::pipeline::settling::selection::{Selection, Wanted};
use crate::pipeline::settling::suggest_filters::PacketsByFilter;
use crate::pipeline::settling::time_slices::Slices;
use crate::pipeline::spilling::buckets::Buckets;
use crate::pipeline::spilling::episode_codec;
use crate::pipeline::spilling::memory_limit::ConversationCost;
use crate::summary::Records;
use crate::time::joined;

/// What became of the records.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettleCounts {
    /// Records that are used.
    pub records: u64,
    /// Records that say the same of the same ENI as another.
    pub duplicates: u64,
    /// Records whose packets are those of another view.
    pub other_vantage: u64,
    /// Records that a filter leaves out.
    pub filtered: u64,
    /// Where the packets are, as far as anyone counts that.
    pub by_filter: PacketsByFilter,
    /// First and last instant of those that are used.
    pub span_ns: Option<(i64, i64)>,
}

impl SettleCounts {
    /// Counts these among the fates of all lines.
    pub(crate) fn add_to(&self, records: &mut Records) {
        records.used += self.records;
        records.duplicates += self.duplicates;
        records.other_vantage += self.other_vantage;
        records.filtered += self.filtered;
    }

    /// Counts the records of a connection, which were counted as left out before.
    fn count(&mut self, connection: &[Viewed]) {
        self.filtered -= connection.len() as u64;
        self.records += connection.len() as u64;
        for o in connection {
            self.span_ns = joined(self.span_ns, Some((o.start_ns, o.end_ns)));
        }
    }

    /// Takes in what became of other records.
    pub(crate) fn add(mut self, other: Self) -> Self {
        self.records += other.records;
        self.duplicates += other.duplicates;
        self.other_vantage += other.other_vantage;
        self.filtered += other.filtered;
        self.by_filter = self.by_filter.add(other.by_filter);
        self.span_ns = joined(self.span_ns, other.span_ns);
        self
    }
}

/// How a conversation is settled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settling {
    pub vantage: Vantage,
    /// What is kept; all if there is no filter.
    pub selection: Option<Selection>,
    pub detail: Detail,
    pub memory: u64,
}

impl Settling {
    /// Settles like this; `memory` is the bytes that a connection may take to be rebuilt.
    pub(crate) fn new(
        vantage: Vantage,
        selection: Option<Selection>,
        detail: Detail,
        memory: u64,
    ) -> Self {
        Self {
            vantage,
            selection,
            detail,
            memory,
        }
    }

    /// Settles one conversation: `keep` is given the records of each view that is used, and where
    /// in them the connections are that the selection keeps.
    ///
    /// # Errors
    /// A connection needs more than the memory, and what `keep` fails with.
    pub(crate) fn settle(
        &self,
        records: &mut Vec<Candidate>,
        counts: &mut SettleCounts,
        mut keep: impl FnMut(&[Viewed], &[Range<usize>]) -> Result<()>,
    ) -> Result<()> {
        let mut wanted = Wanted::All;
        if let Some(selection) = &self.selection {
            let all = records.len();
            wanted = selection.sift(records);
            counts.filtered += (all - records.len()) as u64;
            if records.is_empty() {
                return Ok(());
            }
        }
        counts.duplicates += duplicates::remove(records);
        let mut chosen = vantage::choose(records, self.vantage);
        counts.other_vantage += chosen.other_vantage;
        wanted.left(&chosen.records);
        let mut rest = &mut chosen.records[..];
        for len in chosen.groups {
            let (view, behind) = rest.split_at_mut(len);
            let mut connections = split(view);
            connections.retain(|range| wanted.keeps(&view[range.clone()]));
            counts.filtered += view.len() as u64;
            for connection in &connections {
                let connection = &view[connection.clone()];
                ConversationCost::of(connection, self.detail)
                    .check(&connection[0].key, self.memory)?;
                counts.count(connection);
            }
            keep(view, &connections)?;
            rest = behind;
        }
        Ok(())
    }
}

/// Settles all conversations.
pub(crate) struct Settler<'a> {
    pub settling: Settling,
    /// The finding whose connections are kept; those that match the filter if none.
    pub finding: Option<FindingMarker<'a>>,
    pub slices: &'a Slices,
    /// One bucket a slice.
    pub episodes: &'a Buckets<'a>,
}

impl Settler<'_> {
    /// Moves every record that is used to the episodes.
    ///
    /// # Errors
    /// There is no room for them, in memory or on the disk.
    pub(crate) fn settle(&self, conversations: &Complete<'_, '_>) -> Result<SettleCounts> {
        let buckets = (0..conversations.count()).into_par_iter();
        buckets
            .map(|bucket| {
                let mut counts = SettleCounts::default();
                conversations.take(bucket, |records| {
                    counts = std::mem::take(&mut counts).add(self.settle_all(records)?);
                    counts.by_filter.bound();
                    Ok(())
                })?;
                Ok(counts)
            })
            .try_reduce(SettleCounts::default, |a, b| Ok(a.add(b)))
    }

    /// Settles the conversations of these records, which are in any order.
    fn settle_all(&self, records: &[Candidate]) -> Result<SettleCounts> {
        let (mut counts, mut by_filter) = (SettleCounts::default(), PacketsByFilter::default());
        let mut out = Vec::new();
        conversations::each(records, |conversation| {
            let mut number = 0;
            let keep = |view: &[Viewed], connections: &[Range<usize>]| {
                for connection in connections {
                    by_filter.count(&view[connection.clone()], self.settling.detail);
                }
                for_each_episode(view, connections, |episode| {
                    out.clear();
                    episode_codec::put_episode(view, episode, number, &mut out);
                    number += 1;
                    let slice = self.slices.of(view[episode[0].start].start_ns);
                    self.episodes.put(slice, &out)
                })
            };
            if let Some(finding) = &self.finding {
                finding.mark(conversation);
            }
            self.settling.settle(conversation, &mut counts, keep)
        })?;
        // There may be any number of hosts.
        by_filter.prune();
        counts.by_filter = by_filter;
        Ok(counts)
    }
}

/// Hands over together those connections that may touch in time, and must therefore be rebuilt
/// one after the other.
fn for_each_episode(
    records: &[Viewed],
    connections: &[Range<usize>],
    mut hand_over: impl FnMut(&[Range<usize>]) -> Result<()>,
) -> Result<()> {
    let mut rest = connections;
    while !rest.is_empty() {
        let mut until_ns = i64::MIN;
        let touching = rest.iter().take_while(|range| {
            let connection = &records[(*range).clone()];
            let touches = until_ns == i64::MIN || connection[0].start_ns < until_ns;
            let ends = connection.iter().map(|o| o.until_ns());
            until_ns = ends.fold(until_ns, i64::max);
            touches
        });
        let (episode, behind) = rest.split_at(touching.count());
        hand_over(episode)?;
        rest = behind;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
