//! The first half of a conversion: everything is read and settled, and nothing is written yet.
//!
//! A survey ends here and keeps the facts. A conversion goes on with the episodes.

use super::address_naming::AddressNaming;
use super::event_stages::EventStage;
use super::planned::slices;
use super::{Convert, vantage};
use crate::capture::Format;
use crate::error::{Error, Result};
use crate::flow::{Candidate, Enis};
use crate::pipeline::diagnose::finding_records;
use crate::pipeline::events::{CollectsEvents, EventCollector, EventWishes};
use crate::pipeline::facts::{Facts, FactsRead, Surveyed};
use crate::pipeline::reading::Observations;
use crate::pipeline::run::{Contents, Run};
use crate::pipeline::settling::conversations::Conversations;
use crate::pipeline::settling::finding_records::FindingMarker;
use crate::pipeline::settling::packet_budget::DetailChoice;
use crate::pipeline::settling::selection::Selection;
use crate::pipeline::settling::settle::{SettleCounts, Settler, Settling};
use crate::pipeline::settling::time_slices::Slices;
use crate::pipeline::spilling::buckets::Buckets;
use crate::pipeline::spilling::temporary::SpillFolder;

/// What is to be read and settled.
pub(super) struct ToSettle<'a> {
    pub convert: &'a Convert,
    pub wishes: EventWishes,
    pub run: &'a Run<'a>,
    /// How fine connections are.
    pub choice: DetailChoice,
    /// Whether episodes are kept, to be written.
    pub keeps_episodes: bool,
}

/// What was read and settled.
pub(super) struct SettledArchive<'f> {
    pub read: Contents,
    pub naming: AddressNaming,
    pub slices: Slices,
    /// One bucket per slice.
    pub episodes: Buckets<'f>,
    pub events: Option<EventStage<'f>>,
    pub settled: SettleCounts,
    pub selection: Option<Selection>,
}

/// Passes records and events on to where each of them is stored.
struct Stores<'a, 'f> {
    conversations: &'a Conversations<'f>,
    /// Whether the output has names.
    names_addresses: bool,
    events: Option<&'a EventCollector<'f>>,
}

impl Observations for Stores<'_, '_> {
    fn take_in(&self, records: Vec<Candidate>, base: u64, enis: &Enis) -> Result<()> {
        self.conversations.take_in(records, base, enis)
    }

    fn events(&self) -> Option<&dyn CollectsEvents> {
        Some(self.events?)
    }

    fn names_addresses(&self) -> bool {
        self.names_addresses
    }
}

impl ToSettle<'_> {
    /// Reads everything, gives the ENIs the names of the context, collects the names of addresses, and
    /// settles each conversation of the shard. What does not fit in memory is in `folder`.
    ///
    /// # Errors
    /// The archive cannot be read or has no record, or there is no space.
    pub(super) fn settle<'f>(&self, folder: &'f SpillFolder) -> Result<SettledArchive<'f>> {
        let (convert, choice) = (self.convert, self.choice);
        let request = &convert.request;
        let finding = finding_records(convert.finding, request, self.run.archive, self.run.meter)?;
        let conversations = Conversations::for_choice(request.held_max(), folder, choice);
        let collector = EventStage::collector(self.wishes, request, folder);
        let (read, naming) = self.read(&conversations, collector.as_ref())?;
        let facts = convert.facts.as_ref();
        facts.map_or(Ok(()), |facts| facts.check(&self.facts_read(&read)))?;
        let enis = &read.enis;
        let vantage = vantage(&convert.vantage, enis)?;
        let (conversations, totals) = conversations.complete(enis, request.memory);
        let slices = slices(request.memory, choice, totals);
        let episodes = Buckets::new(slices.count(), request.held_max(), folder);
        let selection = request.selection(read.newest_ns);
        let (finding, kept) = FindingMarker::of(finding.as_ref(), selection, enis);
        let events = EventStage::of(collector, selection, enis, &read.account.configuration)?;
        // What fits events is known if there are facts.
        let offers = events.as_ref().filter(|_| facts.is_none());
        let settler = Settler {
            settling: Settling::for_choice(vantage, kept, choice, request.memory),
            finding,
            events: offers.map(|events| &events.offers),
            seen: &naming.seen,
            slices: &slices,
            episodes: self.keeps_episodes.then_some(&episodes),
            meter: self.run.meter,
        };
        let settled = settler.settle(&{ conversations })?;
        Ok(SettledArchive {
            read,
            naming,
            slices,
            episodes,
            events,
            settled,
            selection,
        })
    }

    fn read<'f>(
        &self,
        conversations: &Conversations<'f>,
        events: Option<&EventCollector<'f>>,
    ) -> Result<(Contents, AddressNaming)> {
        let convert = self.convert;
        let stores = Stores {
            conversations,
            names_addresses: Format::of(&convert.output)? == Format::Pcapng,
            events,
        };
        let mut read = self.run.read(convert.addresses, &stores)?;
        let configuration = &read.account.configuration;
        configuration.describe(&mut read.enis);
        let now_ns = read.newest_ns.unwrap_or(i64::MAX);
        let names = std::mem::take(&mut read.names);
        let naming = AddressNaming::of(&read.enis, configuration, &names, now_ns);
        Ok((read, naming))
    }

    fn facts_read(&self, read: &Contents) -> FactsRead<'_> {
        FactsRead {
            convert: self.convert,
            files: read.input.files,
            lines: read.records.lines,
            newest_ns: read.newest_ns,
        }
    }
}

impl SettledArchive<'_> {
    /// Whether there is something to write: records that the filter keeps, or frames of events. A single
    /// shard may have nothing.
    ///
    /// # Errors
    /// The filter keeps nothing.
    pub(super) fn check_kept(&self, convert: &Convert) -> Result<()> {
        let used = match &convert.facts {
            Some(facts) => facts.records(),
            None if convert.shard.of() > 1 => return Ok(()),
            None => self.settled.records,
        };
        match self.events.as_ref().is_some_and(EventStage::has_frames) {
            true => Ok(()),
            false => self.read.check_kept(&convert.request, used),
        }
    }

    /// Returns the facts of the shard, and the account of what was read.
    ///
    /// # Errors
    /// The filter keeps nothing of the whole archive.
    pub(super) fn into_facts(mut self, to_settle: &ToSettle<'_>) -> Result<Surveyed> {
        self.check_kept(to_settle.convert)?;
        let read = to_settle.facts_read(&self.read);
        let offered = self.events.take().map(|events| events.offers.into_facts());
        let seen = self.naming.seen.found().collect();
        let settled = &self.settled;
        let facts = Facts::new(&read, settled.records, settled.by_detail, seen, offered);
        let SettledArchive {
            mut read, settled, ..
        } = self;
        settled.add_to(&mut read.records);
        Ok(Surveyed {
            facts,
            input: read.input,
            records: read.records,
        })
    }
}

/// Whether the capture can be divided as wanted.
///
/// # Errors
/// A part of it depends on what other shards write.
pub(super) fn check_shard(convert: &Convert) -> Result<()> {
    use super::Split;
    let reason = match convert.split {
        Some(Split::Size(_)) => "a part of that size has packets of all shards",
        Some(Split::Connections(_)) => "the connections of a part are those of all shards",
        Some(Split::Eni | Split::Hour) | None => return Ok(()),
    };
    match convert.shard.of() > 1 {
        true => Err(Error::usage(format!(
            "one shard cannot be split by size or connections: {reason}"
        ))),
        false => Ok(()),
    }
}
