//! The selection: which connections or records of a conversation a filter keeps.
//!
//! Whether a record matches the filter was noted when it was read, except for its time: `-2h`
//! counts from the newest record, which is known only after reading. A connection is kept if one of
//! its records matches, even if its packets come from the records of another ENI: a user who
//! filters by an ENI wants its connections, whichever ENI logged more of them.

use crate::filter::{Filter, Span};
use crate::flow::{Candidate, Place, Viewed};

/// The requested time range, and whether whole connections are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection {
    /// The requested time range.
    pub span: Span,
    /// Whether records that do not match are dropped from connections with matching ones.
    pub only_matching: bool,
}

/// Which connections of a conversation to keep.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// All connections.
    All,
    /// Connections with matching records; dropped matching records are in the list.
    Matching(Vec<Dropped>),
}

/// A matching record that was dropped in favor of another one: its place, start and end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dropped {
    place: Place,
    start_ns: i64,
    until_ns: i64,
}

impl Selection {
    /// Creates the selection of `filter` for an archive whose newest record ends at `newest_ns`;
    /// `None` if everything is selected.
    pub(crate) fn of(filter: &Filter, newest_ns: Option<i64>) -> Option<Self> {
        let narrow = || Self {
            span: filter.span(newest_ns.unwrap_or(i64::MAX)),
            only_matching: filter.only_matching,
        };
        (!filter.wants_all()).then(narrow)
    }

    /// Keeps what matches, of any time.
    pub(crate) fn of_any_time() -> Self {
        Self {
            span: Filter::default().span(0),
            only_matching: false,
        }
    }

    /// Returns the requested time range, if it has a start or an end.
    pub(crate) fn requested_ns(&self) -> Option<(Option<i64>, Option<i64>)> {
        let from = Some(self.span.from_ns).filter(|ns| *ns > i64::MIN);
        let to = Some(self.span.to_ns).filter(|ns| *ns < i64::MAX);
        (from.is_some() || to.is_some()).then_some((from, to))
    }

    /// Lets only those records match that overlap the requested time range. Returns whether any
    /// matches.
    pub(crate) fn mark(&self, records: &mut [Candidate]) -> bool {
        for o in records.iter_mut() {
            o.matched &= self.span.overlaps(o.start_ns, o.until_ns());
        }
        records.iter().any(|o| o.matched)
    }

    /// Drops the records that cannot be kept, before any other step.
    pub(crate) fn sift(&self, records: &mut Vec<Candidate>) -> Wanted {
        self.mark(records);
        let matching = records.iter().filter(|o| o.matched);
        let dropped: Vec<Dropped> = matching.map(Dropped::of).collect();
        if self.only_matching || dropped.is_empty() {
            records.retain(|o| o.matched);
            return Wanted::All;
        }
        Wanted::Matching(dropped)
    }
}

impl Wanted {
    /// Notes which records remain in the conversation.
    pub(crate) fn left(&mut self, records: &[Viewed]) {
        let Self::Matching(dropped) = self else {
            return;
        };
        let left = records.iter().filter(|o| o.matched);
        let mut left: Vec<Place> = left.map(|o| o.place).collect();
        left.sort_unstable();
        dropped.retain(|record| left.binary_search(&record.place).is_err());
    }

    /// Whether to keep a connection.
    pub(crate) fn keeps(&self, connection: &[Viewed]) -> bool {
        let Self::Matching(dropped) = self else {
            return true;
        };
        if connection.iter().any(|o| o.matched) {
            return true;
        }
        let start = connection.iter().map(|o| o.start_ns).min();
        let until = connection.iter().map(|o| o.until_ns()).max();
        let (Some(start_ns), Some(to_ns)) = (start, until) else {
            return false;
        };
        let span = Span {
            from_ns: start_ns,
            to_ns,
        };
        dropped
            .iter()
            .any(|record| span.overlaps(record.start_ns, record.until_ns))
    }
}

impl Dropped {
    fn of(o: &Candidate) -> Self {
        Self {
            place: o.place,
            start_ns: o.start_ns,
            until_ns: o.until_ns(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Way;
    use crate::flow::observation::tests::candidate;
    use crate::time::SECOND_NS;

    const EVER: Span = Span {
        from_ns: i64::MIN,
        to_ns: i64::MAX,
    };

    /// Returns a record with this line and start, one minute long.
    fn record(line: u64, start_s: i64, matched: bool) -> Candidate {
        let mut o = candidate(Way::Up, 3, 180, start_s, start_s + 59, 2);
        (o.place.line, o.matched) = (line, matched);
        o
    }

    fn viewed(records: &[Candidate]) -> Vec<Viewed> {
        records.iter().copied().map(Viewed::from).collect()
    }

    fn selection(span: Span, only_matching: bool) -> Selection {
        Selection {
            span,
            only_matching,
        }
    }

    #[test]
    fn connection_is_kept_whole_if_one_record_matches() {
        let mut records = vec![
            record(1, 0, false),
            record(2, 60, true),
            record(3, 900, false),
        ];
        let mut wanted = selection(EVER, false).sift(&mut records);
        let records = viewed(&records);
        wanted.left(&records);
        assert_eq!(records.len(), 3);
        assert!(wanted.keeps(&records[..2]));
        assert!(!wanted.keeps(&records[2..]));
    }

    #[test]
    fn connection_is_kept_if_a_matching_record_is_in_another_vantage() {
        let mut records = vec![
            record(1, 0, false),
            record(2, 5, true),
            record(3, 900, false),
        ];
        let mut wanted = selection(EVER, false).sift(&mut records);
        records.remove(1); // another view has its packets
        let records = viewed(&records);
        wanted.left(&records);
        assert!(wanted.keeps(&records[..1]));
        assert!(!wanted.keeps(&records[1..]));
    }

    #[test]
    fn only_matching_drops_single_records() {
        let mut records = vec![record(1, 0, false), record(2, 60, true)];
        let wanted = selection(EVER, true).sift(&mut records);
        assert_eq!(records.len(), 1);
        assert!(wanted.keeps(&viewed(&records)));
    }

    #[test]
    fn record_matches_if_its_window_overlaps_the_time() {
        let span = Span {
            from_ns: 60 * SECOND_NS,
            to_ns: 120 * SECOND_NS,
        };
        let mut records = vec![
            record(1, 0, true),
            record(2, 30, true),
            record(3, 119, true),
            record(4, 120, true),
        ];
        let _ = selection(span, true).sift(&mut records);
        let lines: Vec<u64> = records.iter().map(|o| o.place.line).collect();
        assert_eq!(lines, [2, 3]);
    }
}
