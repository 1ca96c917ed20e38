//! Sums over the events of other AWS logs, while they are read.
//!
//! Most events count as soon as they are read. CloudTrail may deliver an event again, in any file, so its
//! events wait in buckets until all are read. Of several deliveries the first counts, in the order of
//! files and lines.

use std::sync::{Mutex, PoisonError};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use rayon::prelude::*;

use super::store::Store;
use crate::error::Result;
use crate::event::EventIds;
use crate::filter::Span;
use crate::flow::Place;
use crate::metrics::event_tally::{each_cell, is_asked};
use crate::metrics::tally::add_cell;
use crate::metrics::{CellMap, SeriesCell};
use crate::pipeline::settling::conversations::{BUCKETS, LEVELS, bucket};
use crate::pipeline::spilling::buckets::Buckets;
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::read::FoundEvent;
use crate::time::joined;

/// The most bytes of events that are compared at once.
const COMPARED_MAX: usize = 16 << 20;

/// The part of the memory limit that is compared at once, if that is less.
const COMPARED_SHARE: usize = 16;

/// Number of cells at which they are passed on.
const CELLS_HELD_MAX: usize = 1 << 14;

/// Sums up events on any thread.
pub(crate) trait SumsEvents: Sync {
    /// Adds an event to the sums of its block. One that is not wanted is only noted, because it may be
    /// the first delivery of others.
    fn count(&self, block: &mut SummedEvents, found: &FoundEvent<'_>, is_wanted: bool);

    /// Takes the sums of a block, before which its file has `base` lines.
    ///
    /// # Errors
    /// There is no space for them.
    fn take_in(&self, block: SummedEvents, base: u64) -> Result<()>;
}

/// The sums over the events of one block.
#[derive(Default)]
pub(crate) struct SummedEvents {
    cells: CellMap,
    span_ns: Option<(i64, i64)>,
    identified: Vec<WaitingEvent>,
    key: Vec<u8>,
}

/// An event that may be delivered again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WaitingEvent {
    /// The hash of its identifier.
    pub id: u128,
    pub place: Place,
    /// The start of its time bucket, if it is wanted; nanoseconds since the Unix epoch.
    pub begin_ns: Option<i64>,
    /// What it adds, as encoded cells.
    pub cells: Vec<u8>,
}

/// The first delivery of each event, by the hash of its identifier.
type FirstEvents = HashMap<u128, WaitingEvent, RandomState>;

/// Which events count, and where their sums go.
pub(crate) struct EventWish<'a> {
    /// Where the sums go; `None` if no question is about events.
    pub sums: Option<&'a dyn SumsEvents>,
    /// The requested time range; `None` for all.
    pub span: Option<Span>,
    /// Whether all events count, whatever the filter says.
    pub all: bool,
}

impl EventWish<'_> {
    /// Whether an event counts.
    pub(crate) fn wants(&self, found: &FoundEvent<'_>) -> bool {
        let instant_ns = found.event.instant_ns;
        let until_ns = instant_ns.saturating_add(1);
        let is_then = |span: &Span| span.overlaps(instant_ns, until_ns);
        self.all || found.matches == Some(true) && self.span.as_ref().is_none_or(is_then)
    }
}

/// Sums up events.
pub(crate) struct EventSums<'a, 's> {
    store: &'a Store<'s>,
    identified: Buckets<'s>,
}

impl<'a, 's> EventSums<'a, 's> {
    /// Creates empty sums for the questions of a store; about `held_max` bytes stay in memory.
    pub(crate) fn new(store: &'a Store<'s>, held_max: usize, folder: &'s SpillFolder) -> Self {
        Self {
            store,
            identified: Buckets::new(BUCKETS, held_max, folder),
        }
    }

    /// Adds the events that waited, each once, when all are read.
    ///
    /// # Errors
    /// Temporary files cannot be read or written.
    pub(crate) fn complete(self) -> Result<()> {
        let buckets = (0..BUCKETS).into_par_iter();
        buckets.try_for_each(|from| {
            self.settle(&self.identified, from, 1, &|first| self.count_all(first))
        })
    }

    /// Passes on the first delivery of each event that waited, in an order that is the same for the same
    /// events.
    ///
    /// # Errors
    /// Temporary files cannot be read or written, or `take_in` fails.
    pub(super) fn each_first(
        &self,
        take_in: impl FnMut(WaitingEvent) -> Result<()> + Send,
    ) -> Result<()> {
        let take_in = Mutex::new(take_in);
        (0..BUCKETS).try_for_each(|from| {
            self.settle(&self.identified, from, 1, &|first| {
                let mut first: Vec<WaitingEvent> = first.into_values().collect();
                first.sort_unstable_by_key(|event| event.id);
                let mut take_in = take_in.lock().unwrap_or_else(PoisonError::into_inner);
                first.into_iter().try_for_each(&mut *take_in)
            })
        })
    }

    /// Adds an event that waits until all are read.
    ///
    /// # Errors
    /// There is no space for it.
    pub(super) fn put(&self, event: &WaitingEvent) -> Result<()> {
        self.identified.put(bucket(&event.id, 0), &event.encoded())
    }

    /// Finds the first deliveries in a bucket that was filled by the byte of the hash before `level`.
    fn settle(
        &self,
        events: &Buckets<'_>,
        from: usize,
        level: u32,
        take_in: &(dyn Fn(FirstEvents) -> Result<()> + Sync),
    ) -> Result<()> {
        let compared_max = COMPARED_MAX.min(self.identified.held_max() / COMPARED_SHARE);
        if events.len(from) > compared_max && level < LEVELS {
            let parts = Buckets::new(BUCKETS, compared_max, events.folder());
            for_each_event(events, from, |event| {
                parts.put(bucket(&event.id, level), &event.encoded())
            })?;
            return (0..BUCKETS).try_for_each(|part| self.settle(&parts, part, level + 1, take_in));
        }
        let mut first = FirstEvents::default();
        for_each_event(events, from, |event| {
            match first.entry(event.id) {
                Entry::Occupied(mut known) if event.place < known.get().place => {
                    known.insert(event);
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(free) => {
                    free.insert(event);
                }
            }
            Ok(())
        })?;
        take_in(first)
    }

    /// Adds events to the sums.
    fn count_all(&self, first: FirstEvents) -> Result<()> {
        let (mut cells, mut span_ns) = (CellMap::default(), None);
        for event in first.into_values() {
            span_ns = joined(span_ns, event.begin_ns.map(|ns| (ns, ns)));
            let mut rest = &event.cells[..];
            while let Some(cell) = SeriesCell::take(&mut rest) {
                add_cell(&mut cells, cell.key, &cell.counts);
            }
            if cells.len() >= CELLS_HELD_MAX {
                self.store.put_cells(std::mem::take(&mut cells), span_ns)?;
            }
        }
        self.store.put_cells(cells, span_ns)
    }
}

impl SumsEvents for EventSums<'_, '_> {
    fn count(&self, block: &mut SummedEvents, found: &FoundEvent<'_>, is_wanted: bool) {
        let (event, questions) = (found.event, self.store.questions());
        let SummedEvents {
            cells,
            span_ns,
            identified,
            key,
        } = block;
        let every = self.store.every();
        let Some(id) = event.id() else {
            if is_wanted {
                let begin_ns = each_cell(every, questions, event, key, |key, counts| {
                    add_cell(cells, key, counts);
                });
                *span_ns = joined(*span_ns, begin_ns.map(|ns| (ns, ns)));
            }
            return;
        };
        if !is_asked(questions, event) {
            return;
        }
        let mut waiting = WaitingEvent {
            id: EventIds::hash(id),
            place: found.place,
            begin_ns: None,
            cells: Vec::new(),
        };
        if is_wanted {
            let cells = &mut waiting.cells;
            waiting.begin_ns = each_cell(every, questions, event, key, |key, counts| {
                let counts = counts.clone();
                SeriesCell { key, counts }.put(cells);
            });
        }
        identified.push(waiting);
    }

    fn take_in(&self, block: SummedEvents, base: u64) -> Result<()> {
        for mut event in block.identified {
            event.place.line += base;
            self.put(&event)?;
        }
        self.store.put_cells(block.cells, block.span_ns)
    }
}

impl WaitingEvent {
    /// Returns it as bytes, for the present run only.
    fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(56 + self.cells.len());
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.place.file.to_le_bytes());
        out.extend_from_slice(&self.place.line.to_le_bytes());
        out.push(u8::from(self.begin_ns.is_some()));
        out.extend_from_slice(&self.begin_ns.unwrap_or_default().to_le_bytes());
        out.extend_from_slice(&(self.cells.len() as u64).to_le_bytes());
        out.extend_from_slice(&self.cells);
        out
    }

    /// Decodes the first one in `from`; `None` at the end.
    fn take(from: &mut &[u8]) -> Option<Self> {
        let (id, rest) = from.split_first_chunk()?;
        let (file, rest) = rest.split_first_chunk()?;
        let (line, rest) = rest.split_first_chunk()?;
        let (is_wanted, rest) = rest.split_first()?;
        let (begin_ns, rest) = rest.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let len = usize::try_from(u64::from_le_bytes(*len)).ok()?;
        let (cells, rest) = rest.split_at_checked(len)?;
        *from = rest;
        Some(Self {
            id: u128::from_le_bytes(*id),
            place: Place {
                file: u32::from_le_bytes(*file),
                line: u64::from_le_bytes(*line),
            },
            begin_ns: (*is_wanted > 0).then_some(i64::from_le_bytes(*begin_ns)),
            cells: cells.to_vec(),
        })
    }
}

fn for_each_event(
    events: &Buckets<'_>,
    bucket: usize,
    mut take_in: impl FnMut(WaitingEvent) -> Result<()>,
) -> Result<()> {
    events.drain(bucket, |part| {
        let mut rest = &part[..];
        while let Some(event) = WaitingEvent::take(&mut rest) {
            take_in(event)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventKind, for_each_in_line};
    use crate::metrics::{Every, Measure, Question, Table};

    /// Returns the sums over 5,000 API calls, each delivered three times.
    fn answer(held_max: usize, backwards: bool) -> (Table, u64) {
        let temporary = tempfile::tempdir().unwrap();
        let folder = SpillFolder::new(temporary.path());
        let by = ["event-name".parse().unwrap()];
        let questions = Question::asked(&by, &[Measure::Calls]).unwrap();
        let store = Store::new(Every::default(), &questions, held_max, &folder);
        let sums = EventSums::new(&store, held_max, &folder);
        let mut lines: Vec<u64> = (0..15_000).collect();
        if backwards {
            lines.reverse();
        }
        for lines in lines.chunks(100) {
            let mut block = SummedEvents::default();
            for line in lines {
                let text = format!(
                    r#"{{"eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com","eventName":"Call{}","eventID":"{:x}"}}"#,
                    line / 5_000,
                    line % 5_000
                );
                for_each_in_line(
                    EventKind::CloudTrail,
                    &text,
                    None,
                    &mut |_, event, fields| {
                        let found = FoundEvent {
                            fields,
                            event: &event.unwrap(),
                            place: Place {
                                file: 0,
                                line: *line,
                            },
                            matches: Some(true),
                        };
                        sums.count(&mut block, &found, line % 2 == 0);
                    },
                );
            }
            sums.take_in(block, 7).unwrap();
        }
        sums.complete().unwrap();
        let mut tables = store.tables().unwrap();
        (tables.remove(0), folder.spilled())
    }

    #[test]
    fn first_delivery_counts_for_any_memory_and_order() {
        let (table, spilled) = answer(usize::MAX, false);
        assert_eq!(spilled, 0);
        let series: Vec<_> = table
            .series
            .iter()
            .map(|s| (&*s.labels[0], s.total.records))
            .collect();
        assert_eq!(
            series,
            [("Call0", 2_500)],
            "an unwanted first delivery hides the others"
        );
        for (held_max, backwards) in [(1 << 16, true), (0, false)] {
            let (same, spilled) = answer(held_max, backwards);
            assert!(spilled > 0);
            assert!(same == table, "in {held_max}");
        }
    }

    #[test]
    fn waiting_events_are_encoded_and_decoded() {
        let event = |begin_ns, cells: &[u8]| WaitingEvent {
            id: u128::MAX - 1,
            place: Place { file: 3, line: 9 },
            begin_ns,
            cells: cells.to_vec(),
        };
        let events = [event(Some(-5), b"ab"), event(None, b"")];
        let bytes: Vec<u8> = events.iter().flat_map(WaitingEvent::encoded).collect();
        let mut rest = &bytes[..];
        for event in events {
            assert_eq!(WaitingEvent::take(&mut rest), Some(event));
        }
        assert_eq!(WaitingEvent::take(&mut rest), None);
    }
}
