//! From records to connections, each counted once.
//!
//! Each conversation is settled on its own: duplicates are dropped, the vantage is chosen, and the
//! rest is divided into connections. The result is a list of [`episode_codec::Episode`]s, grouped
//! by the time slice in which they begin. Each of them can be rebuilt independently.

use std::ops::Range;

use rayon::prelude::*;

use crate::connection::{Detail, packets_about, split};
use crate::error::Result;
use crate::flow::{Candidate, Vantage, Viewed, duplicates, vantage};
use crate::pipeline::events::{EventOffers, Offered};
use crate::pipeline::settling::conversations::{self, Complete};
use crate::pipeline::settling::finding_records::FindingMarker;
use crate::pipeline::settling::packet_budget::{DetailChoice, PacketsByDetail};
use crate::pipeline::settling::seen_addresses::SeenAddresses;
use crate::pipeline::settling::selection::{Selection, Wanted};
use crate::pipeline::settling::suggest_filters::PacketsByFilter;
use crate::pipeline::settling::time_slices::Slices;
use crate::pipeline::spilling::buckets::Buckets;
use crate::pipeline::spilling::episode_codec;
use crate::pipeline::spilling::memory_limit::ConversationCost;
use crate::read::{Meter, Phase};
use crate::summary::Records;
use crate::time::joined;

/// Counts of how records were used.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettleCounts {
    /// Records used in the output.
    pub records: u64,
    /// Records that repeat another record of the same ENI.
    pub duplicates: u64,
    /// Records with the same packets as another view.
    pub other_vantage: u64,
    /// Records that do not match the filter.
    pub filtered: u64,
    /// Packets by possible filter, if they are counted.
    pub by_filter: PacketsByFilter,
    /// Packets by detail, if they are counted.
    pub by_detail: PacketsByDetail,
    /// First and last instant of the used records.
    pub span_ns: Option<(i64, i64)>,
}

impl SettleCounts {
    /// Adds these counts to the counts of all lines.
    pub(crate) fn add_to(&self, records: &mut Records) {
        records.used += self.records;
        records.duplicates += self.duplicates;
        records.other_vantage += self.other_vantage;
        records.filtered += self.filtered;
        debug_assert!(records.adds_up(), "{records:?}");
    }

    /// Counts the records of a connection, which were counted as filtered before.
    fn count(&mut self, connection: &[Viewed]) {
        self.filtered -= connection.len() as u64;
        self.records += connection.len() as u64;
        for o in connection {
            self.span_ns = joined(self.span_ns, Some((o.start_ns, o.end_ns)));
        }
    }

    /// Adds the counts of other records.
    pub(crate) fn add(mut self, other: Self) -> Self {
        self.records += other.records;
        self.duplicates += other.duplicates;
        self.other_vantage += other.other_vantage;
        self.filtered += other.filtered;
        self.by_filter = self.by_filter.add(other.by_filter);
        self.by_detail.add(other.by_detail);
        self.span_ns = joined(self.span_ns, other.span_ns);
        self
    }
}

/// The settings for settling a conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settling {
    pub vantage: Vantage,
    /// The selection; everything if there is no filter.
    pub selection: Option<Selection>,
    /// How fine connections are, or the coarsest that they may become.
    pub detail: Detail,
    pub memory: u64,
    /// The number of packets within which a finer detail may be chosen.
    pub packets_budget: Option<u64>,
}

impl Settling {
    /// Creates the settings; `memory` is the most bytes that rebuilding a connection may use.
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
            packets_budget: None,
        }
    }

    /// Creates the settings where the detail is chosen later.
    pub(crate) fn for_choice(
        vantage: Vantage,
        selection: Option<Selection>,
        choice: DetailChoice,
        memory: u64,
    ) -> Self {
        Self {
            packets_budget: choice.packets_budget(),
            ..Self::new(vantage, selection, choice.coarsest(), memory)
        }
    }

    /// Returns the packets that a connection becomes with the detail here. If the detail is chosen later, they
    /// are counted with each detail as well, and exactly.
    fn packets(&self, connection: &[Viewed], by_detail: &mut PacketsByDetail) -> u64 {
        if self.packets_budget.is_some() {
            return by_detail.count_connection(connection);
        }
        let each = connection.iter().map(|o| packets_about(o, self.detail));
        each.fold(0, u64::saturating_add)
    }

    /// Settles one conversation: `keep` receives the records of each view that is used, and the
    /// ranges of the connections that the selection keeps.
    ///
    /// # Errors
    /// A connection needs more than the memory, or `keep` fails.
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
            let (view, after) = rest.split_at_mut(len);
            let mut connections = split(view);
            connections.retain(|range| wanted.keeps(&view[range.clone()]));
            counts.filtered += view.len() as u64;
            for connection in &connections {
                let connection = &view[connection.clone()];
                ConversationCost::of(connection, self.detail).check(
                    &connection[0].key,
                    self.memory,
                    self.packets_budget,
                )?;
                counts.count(connection);
            }
            keep(view, &connections)?;
            rest = after;
        }
        Ok(())
    }
}

/// Settles all conversations.
pub(crate) struct Settler<'a, 'e, 'f> {
    pub settling: Settling,
    /// The finding whose connections are kept; those that match the filter if none.
    pub finding: Option<FindingMarker<'a>>,
    /// Where connections are offered to events, if there are any.
    pub events: Option<&'e EventOffers>,
    /// The addresses that are looked for.
    pub seen: &'e SeenAddresses,
    pub slices: &'a Slices,
    /// Episodes, one bucket per slice; `None` if they are only counted.
    pub episodes: Option<&'a Buckets<'f>>,
    pub meter: &'a Meter,
}

impl Settler<'_, '_, '_> {
    /// Moves every used record to the episodes.
    ///
    /// # Errors
    /// There is no space for them, in memory or on disk.
    pub(crate) fn settle(&self, conversations: &Complete<'_, '_>) -> Result<SettleCounts> {
        self.meter.begin(Phase::Grouping, conversations.records());
        // What does not match is needed to know which of several connections an event belongs to.
        let has_events = self.events.is_some_and(|events| !events.is_empty());
        let needs_all = self.settling.selection.is_none() || self.finding.is_some() || has_events;
        let buckets = (0..conversations.count()).into_par_iter();
        buckets
            .map(|bucket| {
                self.meter.check()?;
                let mut counts = SettleCounts::default();
                let mut settle = |records: &[Candidate], left_out: u64| {
                    counts = std::mem::take(&mut counts).add(self.settle_all(records)?);
                    counts.filtered += left_out;
                    counts.by_filter.bound();
                    self.meter.add(records.len() as u64 + left_out);
                    Ok(())
                };
                match needs_all {
                    true => conversations.take(bucket, |records| settle(records, 0))?,
                    false => conversations.take_matching(bucket, settle)?,
                }
                Ok(counts)
            })
            .try_reduce(SettleCounts::default, |a, b| Ok(a.add(b)))
    }

    /// Settles the conversations of these unordered records.
    fn settle_all(&self, records: &[Candidate]) -> Result<SettleCounts> {
        let (mut counts, mut by_filter) = (SettleCounts::default(), PacketsByFilter::default());
        let mut by_detail = PacketsByDetail::default();
        let (mut out, mut offered) = (Vec::new(), Offered::default());
        conversations::each(records, |conversation| {
            let mut number = 0;
            self.offer_all(conversation, &mut offered)?;
            let keep = |view: &[Viewed], connections: &[Range<usize>]| {
                for connection in connections {
                    let connection = &view[connection.clone()];
                    let packets = self.settling.packets(connection, &mut by_detail);
                    by_filter.count(connection, packets);
                    self.seen.meet(&connection[0].key);
                    if let Some(events) = self.events {
                        events.kept(connection, &mut offered);
                    }
                }
                let Some(episodes) = self.episodes else {
                    return Ok(());
                };
                for_each_episode(view, connections, |episode| {
                    out.clear();
                    episode_codec::put_episode(view, episode, number, &mut out);
                    number += 1;
                    let slice = self.slices.of(view[episode[0].start].start_ns);
                    episodes.put(slice, &out)
                })
            };
            if let Some(finding) = &self.finding {
                finding.mark(conversation);
            }
            self.settling.settle(conversation, &mut counts, keep)
        })?;
        if let Some(events) = self.events {
            events.take_in(offered);
        }
        // The number of hosts is unlimited.
        by_filter.prune();
        (counts.by_filter, counts.by_detail) = (by_filter, by_detail);
        Ok(counts)
    }
}

impl Settler<'_, '_, '_> {
    /// Offers the connections of a conversation to the events that may fit them, those too that the
    /// filter does not keep: an event is not joined if one of these fits as well.
    fn offer_all(&self, conversation: &[Candidate], offered: &mut Offered) -> Result<()> {
        let Some(events) = self.events else {
            return Ok(());
        };
        if !conversation
            .first()
            .is_some_and(|o| events.concerns(&o.key))
        {
            return Ok(());
        }
        let all = Settling {
            selection: None,
            // Nothing is rebuilt of them here.
            memory: u64::MAX,
            ..self.settling
        };
        let mut view_number = 0;
        let mut counts = SettleCounts::default();
        all.settle(
            &mut conversation.to_vec(),
            &mut counts,
            |view, connections| {
                events.view(view_number, view, connections, offered);
                view_number += 1;
                Ok(())
            },
        )
    }
}

/// Passes on together the connections that may touch in time, which must be rebuilt one after
/// another.
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
        let (episode, after) = rest.split_at(touching.count());
        hand_over(episode)?;
        rest = after;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
