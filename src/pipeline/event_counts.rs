//! Counts the events of other logs, each once.
//!
//! CloudTrail may deliver an event again, in any file. Which of them counts is the same for any
//! number of threads: the first in the order of files and lines.

use serde::{Deserialize, Serialize};

use crate::event::{Event, EventIds, EventKind};
use crate::survey::EventLogs;
use crate::time::joined;

/// The events of some consecutive lines.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct EventCounts {
    /// The counts by kind, of events without an identifier.
    logs: EventLogs,
    /// Events that may come again, in order. Those after the first [`EventIds::MAX`] are counted
    /// without a look.
    identified: Vec<IdentifiedEvent>,
}

/// An event with an identifier.
#[derive(Serialize, Deserialize)]
struct IdentifiedEvent {
    /// The hash of the identifier.
    id: u128,
    kind: EventKind,
    /// When it was, if it is wanted; nanoseconds since the Unix epoch.
    instant_ns: Option<i64>,
}

impl EventCounts {
    /// Counts an event.
    pub(crate) fn count(&mut self, event: &Event<'_>, is_wanted: bool) {
        let kind = event.kind();
        let instant_ns = is_wanted.then_some(event.instant_ns);
        match event.id() {
            Some(id) if self.identified.len() < EventIds::MAX => {
                let id = EventIds::hash(id);
                self.identified.push(IdentifiedEvent {
                    id,
                    kind,
                    instant_ns,
                });
            }
            _ => add(&mut self.logs, kind, instant_ns),
        }
    }

    /// Adds the events of the lines after these.
    pub(crate) fn append(&mut self, later: Self) {
        self.logs.add(later.logs);
        for event in later.identified {
            if self.identified.len() < EventIds::MAX {
                self.identified.push(event);
            } else {
                add(&mut self.logs, event.kind, event.instant_ns);
            }
        }
    }

    /// Returns the counts, with each event counted once.
    pub(crate) fn into_logs(self) -> EventLogs {
        let mut logs = self.logs;
        let mut known = EventIds::default();
        for event in self.identified {
            if known.note(event.id) {
                add(&mut logs, event.kind, event.instant_ns);
            } else {
                logs.of(event.kind).duplicates += 1;
            }
        }
        logs
    }
}

fn add(logs: &mut EventLogs, kind: EventKind, instant_ns: Option<i64>) {
    let log = logs.of(kind);
    match instant_ns {
        Some(ns) => {
            log.events += 1;
            log.span_ns = joined(log.span_ns, Some((ns, ns)));
        }
        None => log.filtered += 1,
    }
}
