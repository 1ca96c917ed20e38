//! The events of a conversion, stage by stage, next to the records.
//!
//! ```text
//! read      collector          events of all threads
//! settle    EventStage         connections are offered to events
//! write     JoinedStage        comments at packets, frames between them, the account
//! ```

use std::collections::BTreeMap;

use super::event_frames::{EventFramer, EventInterfaces};
use super::framer::Framer;
use crate::capture::Section;
use crate::configuration::Configuration;
use crate::error::Result;
use crate::flow::Enis;
use crate::pipeline::convert::Comments;
use crate::pipeline::events::{
    CollectedEvents, EventCollector, EventFacts, EventJoins, EventOffers, EventWishes, Outcomes,
};
use crate::pipeline::run::Request;
use crate::pipeline::settling::selection::Selection;
use crate::pipeline::settling::time_slices::Slices;
use crate::pipeline::spilling::buckets::Buckets;
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::summary::EventSummary;
use crate::survey::EventLogs;

/// The part of the memory for events that are not in order yet.
const HELD_SHARE: u64 = 16;

/// The events in order, while connections are offered to them.
pub(crate) struct EventStage<'a> {
    collected: CollectedEvents<'a>,
    /// What is offered.
    pub offers: EventOffers,
}

impl<'a> EventStage<'a> {
    /// Creates a collector, if events are wanted.
    pub(crate) fn collector(
        wishes: EventWishes,
        request: &Request,
        folder: &'a SpillFolder,
    ) -> Option<EventCollector<'a>> {
        let held_max = usize::try_from(request.memory / HELD_SHARE).unwrap_or(usize::MAX);
        let new = || EventCollector::new(wishes, held_max, folder);
        wishes.any().then(new)
    }

    /// Puts the events in order and narrows them to the requested time.
    ///
    /// # Errors
    /// Temporary files cannot be read or written.
    pub(crate) fn of(
        collector: Option<EventCollector<'a>>,
        selection: Option<Selection>,
        enis: &Enis,
        configuration: &Configuration,
    ) -> Result<Option<Self>> {
        let Some(collector) = collector else {
            return Ok(None);
        };
        let mut collected = collector.complete(selection.map(|selection| selection.span))?;
        let offers = EventOffers::of(&mut collected, enis, configuration);
        Ok(Some(Self { collected, offers }))
    }

    /// Whether events become frames.
    pub(crate) fn has_frames(&self) -> bool {
        self.collected.has_frames()
    }

    /// Decides which event is joined with which connection, from what was offered here or, if it is given,
    /// in all runs that share the archive; and adds the interfaces and names of
    /// events to the section.
    pub(crate) fn decide(
        self,
        section: &mut Section,
        of_all: Option<EventFacts>,
    ) -> JoinedStage<'a> {
        let interfaces = EventInterfaces::add_to(section, &self.collected);
        let (joins, outcomes) = EventJoins::decide(self.collected, self.offers, of_all);
        JoinedStage {
            joins,
            outcomes,
            interfaces,
        }
    }
}

/// The events while the capture is written.
pub(crate) struct JoinedStage<'a> {
    /// Which packet gets the comment of which event.
    pub joins: EventJoins<'a>,
    outcomes: Outcomes,
    interfaces: EventInterfaces,
}

impl JoinedStage<'_> {
    /// Puts the frames of events where packets wait for their slice, if they are of this capture.
    ///
    /// # Errors
    /// There is no space for them, in memory or on disk.
    pub(crate) fn put_frames(
        &mut self,
        framer: &Framer<'_>,
        slices: &Slices,
        waiting: &Buckets<'_>,
        is_here: bool,
    ) -> Result<()> {
        let events = EventFramer {
            is_here,
            interfaces: &self.interfaces,
            encoder: framer.encoder,
            names: framer.names,
            comments: framer.comments != Comments::None,
            slices,
            waiting,
        };
        events.write(&self.joins, &mut self.outcomes)
    }

    /// Returns the account of all events, after the capture was written; `logs` are the lines that
    /// were read for them.
    ///
    /// # Errors
    /// A temporary file cannot be read.
    pub(crate) fn account(&self, logs: &EventLogs) -> Result<BTreeMap<&'static str, EventSummary>> {
        let mut outcomes = self.outcomes.clone();
        self.joins.count(&mut outcomes)?;
        let account = outcomes.into_summary(logs);
        debug_assert!(account.values().all(EventSummary::adds_up), "{account:?}");
        Ok(account)
    }
}
