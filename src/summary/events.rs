//! What became of the events of one kind of log in a conversion.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Reasons;

/// What became of the events of one kind of log. Each line is counted in exactly one category, and so
/// is each event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EventSummary {
    /// The name of one event and of several.
    #[serde(skip)]
    pub title: [&'static str; 2],
    /// Files with such lines.
    pub files: u64,
    /// Lines, or objects of JSON.
    pub lines: u64,
    /// Blank lines and comments.
    pub blank: u64,
    /// Lines that are not events, by reason.
    pub skipped: Reasons,
    /// Events that do not match the filter, or lack what it is about.
    pub filtered: u64,
    /// Events that CloudTrail delivered again.
    pub duplicates: u64,
    /// Events that match the filter.
    pub events: u64,
    /// The first and the last of them, nanoseconds since the Unix epoch.
    pub span_ns: Option<(i64, i64)>,
    /// Events in the comment of a packet.
    pub joined: u64,
    /// Events for which several connections fit.
    pub ambiguous: u64,
    /// The other events, by the reason why they are in no comment.
    pub not_joined: BTreeMap<String, u64>,
    /// Requests at whose instants packets are.
    pub anchored: u64,
    /// Requests at whose instants no packets could be put, because of the order or the seconds of their
    /// records.
    pub anchor_conflicts: u64,
    /// Events that became frames of their own.
    pub framed: u64,
    /// Events that could not become frames, by reason, where frames are wanted.
    pub not_framed: BTreeMap<String, u64>,
}

impl EventSummary {
    /// Whether every line and every event is counted exactly once.
    pub fn adds_up(&self) -> bool {
        let read = self.events + self.filtered + self.duplicates;
        let apart: u64 = self.not_joined.values().sum();
        self.lines == self.blank + read + self.skipped.total()
            && self.events == self.joined + self.ambiguous + apart
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_add_up_only_if_each_is_counted_once() {
        let mut events = EventSummary {
            lines: 2,
            events: 2,
            joined: 1,
            ..EventSummary::default()
        };
        assert!(!events.adds_up());
        events.not_joined.insert("x".into(), 1);
        assert!(events.adds_up());
        events.blank = 1;
        assert!(!events.adds_up());
    }
}
