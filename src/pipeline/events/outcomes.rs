//! What became of each event: every event that was read is counted once.

use std::collections::BTreeMap;

use crate::event::EventKind;
use crate::summary::EventSummary;
use crate::survey::EventLogs;
use crate::time::joined;

/// What became of the events of each kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcomes(BTreeMap<EventKind, KindOutcome>);

/// What became of the events of one kind.
#[derive(Clone, Debug, Default)]
pub(super) struct KindOutcome {
    /// Events that match the filter, each once.
    pub events: u64,
    /// Events that do not match.
    pub filtered: u64,
    /// Events that were delivered again.
    pub duplicates: u64,
    /// First and last instant of those that match.
    pub span_ns: Option<(i64, i64)>,
    /// Events in the comment of a packet.
    pub joined: u64,
    /// Events for which several connections fit.
    pub ambiguous: u64,
    /// Requests at whose instants packets are.
    pub anchored: u64,
    /// Requests at whose instants no packets could be put.
    pub anchor_conflicts: u64,
    /// Other events, by the reason why they are in no comment.
    pub apart: BTreeMap<&'static str, u64>,
    /// Events that became frames.
    pub framed: u64,
    /// Events that became none although frames are wanted, by reason.
    pub unframed: BTreeMap<&'static str, u64>,
}

impl Outcomes {
    pub(super) fn of(&mut self, kind: EventKind) -> &mut KindOutcome {
        self.0.entry(kind).or_default()
    }

    /// Counts an event that matches the filter.
    pub(super) fn count(&mut self, kind: EventKind, instant_ns: i64) {
        let of_kind = self.of(kind);
        of_kind.events += 1;
        of_kind.span_ns = joined(of_kind.span_ns, Some((instant_ns, instant_ns)));
    }

    /// Counts an event that is in no comment.
    pub(super) fn apart(&mut self, kind: EventKind, reason: &'static str) {
        *self.of(kind).apart.entry(reason).or_default() += 1;
    }

    /// Counts an event that became frames.
    pub(super) fn framed(&mut self, kind: EventKind) {
        self.of(kind).framed += 1;
    }

    /// Counts an event that became no frame.
    pub(super) fn unframed(&mut self, kind: EventKind, reason: &'static str) {
        *self.of(kind).unframed.entry(reason).or_default() += 1;
    }

    /// Returns the account of all events, with that of the lines that were read for them.
    pub(crate) fn into_summary(mut self, logs: &EventLogs) -> BTreeMap<&'static str, EventSummary> {
        let named = |reasons: BTreeMap<&'static str, u64>| {
            let named = reasons
                .into_iter()
                .map(|(reason, n)| (reason.to_owned(), n));
            named.collect()
        };
        let mut all = BTreeMap::new();
        for (kind, log) in logs.iter() {
            let of_kind = self.0.remove(&kind).unwrap_or_default();
            let summary = EventSummary {
                title: kind.title(),
                files: log.files,
                lines: log.lines,
                blank: log.blank,
                skipped: log.skipped.clone(),
                events: of_kind.events,
                filtered: of_kind.filtered,
                duplicates: of_kind.duplicates,
                span_ns: of_kind.span_ns,
                joined: of_kind.joined,
                ambiguous: of_kind.ambiguous,
                not_joined: named(of_kind.apart),
                anchored: of_kind.anchored,
                anchor_conflicts: of_kind.anchor_conflicts,
                framed: of_kind.framed,
                not_framed: named(of_kind.unframed),
            };
            all.insert(kind.name(), summary);
        }
        all
    }
}
