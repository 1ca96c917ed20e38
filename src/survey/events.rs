//! The events in an archive, by the kind of their log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::EventKind;
use crate::summary::Reasons;
use crate::time::joined;

/// What was read of each kind of log that is not a flow log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventLogs(BTreeMap<EventKind, EventLog>);

/// What was read of one kind of log. Each line is counted in exactly one category.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EventLog {
    /// Files with such lines.
    pub files: u64,
    /// Lines, or objects of JSON.
    pub lines: u64,
    /// Blank lines and comments.
    pub blank: u64,
    /// Events that match the filter.
    pub events: u64,
    /// Events that do not match the filter, or lack what it is about.
    pub filtered: u64,
    /// Events that CloudTrail delivered again.
    pub duplicates: u64,
    /// Lines that are not events, by reason.
    pub skipped: Reasons,
    /// The earliest and the latest of the events that match, in nanoseconds since the Unix epoch.
    pub span_ns: Option<(i64, i64)>,
}

impl EventLogs {
    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what was read of each kind.
    pub fn iter(&self) -> impl Iterator<Item = (EventKind, &EventLog)> {
        self.0.iter().map(|(kind, log)| (*kind, log))
    }

    /// Returns what was read of one kind, to count more.
    pub fn of(&mut self, kind: EventKind) -> &mut EventLog {
        self.0.entry(kind).or_default()
    }

    /// Counts one file for each kind, and returns the same counts.
    #[must_use]
    pub fn of_file(mut self) -> Self {
        self.0.values_mut().for_each(|log| log.files = 1);
        self
    }

    /// Adds what was read later.
    pub fn add(&mut self, later: Self) {
        for (kind, log) in later.0 {
            self.of(kind).add(log);
        }
    }

    /// Returns the number of lines that are not events.
    pub fn skipped(&self) -> u64 {
        self.0
            .values()
            .fold(0, |sum, log| sum.saturating_add(log.skipped.total()))
    }

    /// Whether every line is counted exactly once.
    pub fn adds_up(&self) -> bool {
        self.0.values().all(EventLog::adds_up)
    }
}

impl EventLog {
    fn add(&mut self, later: Self) {
        self.files = self.files.saturating_add(later.files);
        self.lines = self.lines.saturating_add(later.lines);
        self.blank = self.blank.saturating_add(later.blank);
        self.events = self.events.saturating_add(later.events);
        self.filtered = self.filtered.saturating_add(later.filtered);
        self.duplicates = self.duplicates.saturating_add(later.duplicates);
        self.skipped.add(later.skipped);
        self.span_ns = joined(self.span_ns, later.span_ns);
    }

    fn adds_up(&self) -> bool {
        let counts = [
            self.blank,
            self.events,
            self.filtered,
            self.duplicates,
            self.skipped.total(),
        ];
        // Counts from a partial result may be anything.
        u128::from(self.lines) == counts.into_iter().map(u128::from).sum::<u128>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_several_files_are_added_by_kind() {
        let mut all = EventLogs::default();
        for (lines, at) in [(3, 7), (2, 5)] {
            let mut file = EventLogs::default();
            let log = file.of(EventKind::CloudTrail);
            (log.lines, log.events, log.span_ns) = (lines, lines, Some((at, at)));
            all.add(file.of_file());
        }
        let log = all.of(EventKind::CloudTrail).clone();
        assert_eq!((log.files, log.lines, log.span_ns), (2, 5, Some((5, 7))));
        assert!(all.adds_up());
        all.of(EventKind::AlbAccess).lines = 1;
        assert!(!all.adds_up());
        let json = serde_json::to_value(&all).unwrap();
        assert_eq!(json["cloudtrail"]["events"], 5);
    }
}
