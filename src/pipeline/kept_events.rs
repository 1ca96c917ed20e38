//! The events of other logs that a diagnosis needs, collected while the archive is read.
//!
//! Each sort of events has its own bound, so that many of one cannot displace another. What exceeds a
//! bound is counted.

use crate::change::{Change, ChangeKey};
use crate::diagnosis::Responses;
use crate::event::{Event, EventDetail};
use crate::flow::Place;
use crate::pipeline::bounded_events::BoundedEvents;

/// The most changes that are kept, about 16 MiB of them.
const CHANGES_MAX: usize = 1 << 15;

/// The events of some files.
pub(crate) struct KeptEvents {
    /// Changes, from CloudTrail.
    pub changes: BoundedEvents<ChangeKey, Change>,
    /// What load balancers answered.
    pub responses: Responses,
    /// API calls of any kind, with those that change nothing.
    pub api_calls: u64,
}

impl Default for KeptEvents {
    fn default() -> Self {
        Self {
            changes: BoundedEvents::new(CHANGES_MAX),
            responses: Responses::default(),
            api_calls: 0,
        }
    }
}

impl KeptEvents {
    /// Keeps what is needed of an event. What the filter says of it does not matter: an event is
    /// evidence about the records that match.
    pub(crate) fn add(&mut self, event: &Event<'_>, place: Place) {
        self.responses.add(event, place);
        if let EventDetail::ApiCall(call) = &event.detail {
            self.api_calls += 1;
            if let Some(key) = Change::key(event.instant_ns, call) {
                let make = || Change::of(key, event.instant_ns, call);
                self.changes.add(key, place, make);
            }
        }
    }

    /// Moves the places of all events `base` lines down their files.
    pub(crate) fn shift(&mut self, base: u64) {
        self.changes.shift(base);
        self.responses.shift(base);
    }

    /// Adds the events of the lines after these.
    pub(crate) fn append(&mut self, later: Self) {
        self.changes.append(later.changes);
        self.api_calls += later.api_calls;
        self.responses.append(later.responses);
    }
}
