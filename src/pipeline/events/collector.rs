//! Collects the events of all threads, and puts them in one order.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};

use super::event_codec::{EVENT_HEAD_LEN, EventBatch, EventHead};
use super::kept_event::{KeptEvent, KeptFrames};
use super::outcomes::Outcomes;
use super::tape::EventTape;
use crate::error::Result;
use crate::event::{EventIds, EventKind};
use crate::filter::Span;
use crate::joining::{EventNumber, FirstRejected, LegSide, SoughtConnection, SoughtIndex};
use crate::pdu::FrameContents;
use crate::pipeline::spilling::sorted_runs::{RunHead as _, SortedRuns};
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::read::FoundEvent;

/// Most events that are joined: the first ones in order of time that name a connection or a resource.
/// The number does not depend on the memory, because the capture must not.
pub(crate) const JOINED_MAX: usize = 1 << 18;

/// Most interfaces for events. Later ones share an interface for each log.
const INTERFACES_MAX: usize = 1 << 10;

/// The most interfaces, instances and subnets whose filters and routes are kept from events.
const TIES_MAX: usize = 1 << 16;

/// The most filters and routes kept of one of them.
const TIES_OF_ONE_MAX: usize = 32;

/// Most names of addresses from DNS answers.
const NAMES_MAX: usize = 1 << 16;

/// Most questions that are known to be part of another one.
const FOLLOWED_MAX: usize = 1 << 18;

/// What is wanted of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventWishes {
    /// Comments of the packets that they are joined with.
    pub comments: bool,
    /// Frames of their own.
    pub frames: bool,
}

impl EventWishes {
    /// Whether events need to be read.
    pub(crate) fn any(self) -> bool {
        self.comments || self.frames
    }
}

/// Collects events while they are read.
pub(crate) struct EventCollector<'a> {
    wishes: EventWishes,
    held_max: usize,
    folder: &'a SpillFolder,
    held: Mutex<HeldEvents<'a>>,
}

/// Collects events on any thread.
pub(crate) trait CollectsEvents: Sync {
    /// Adds an event to the batch of its block.
    fn keep(&self, batch: &mut EventBatch, found: &FoundEvent<'_>);

    /// Takes the batch of a block, before which its file has `base` lines.
    ///
    /// # Errors
    /// There is no space for it.
    fn take_in(&self, batch: EventBatch, base: u64) -> Result<()>;
}

impl CollectsEvents for EventCollector<'_> {
    fn keep(&self, batch: &mut EventBatch, found: &FoundEvent<'_>) {
        let event = found.event;
        if found.matches != Some(true) {
            *batch.filtered.entry(event.kind()).or_default() += 1;
            return;
        }
        let kept = KeptEvent::of(event, self.wishes.comments, self.wishes.frames);
        batch.push(event.instant_ns, found.place, &kept);
    }

    fn take_in(&self, mut batch: EventBatch, base: u64) -> Result<()> {
        let filtered = std::mem::take(&mut batch.filtered);
        let bytes = batch.complete(base);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for (kind, count) in filtered {
            *held.filtered.entry(kind).or_default() += count;
        }
        if bytes.is_empty() {
            return Ok(());
        }
        held.len += bytes.len();
        held.parts.push(bytes);
        if held.len > self.held_max {
            held.spill()?;
        }
        Ok(())
    }
}

struct HeldEvents<'a> {
    /// Encoded events.
    parts: Vec<Vec<u8>>,
    len: usize,
    runs: SortedRuns<'a, EventHead>,
    /// Events that do not match the condition of the filter.
    filtered: BTreeMap<EventKind, u64>,
}

impl<'a> EventCollector<'a> {
    /// Creates an empty collection; about `held_max` bytes stay in memory.
    pub(crate) fn new(wishes: EventWishes, held_max: usize, folder: &'a SpillFolder) -> Self {
        Self {
            wishes,
            held_max,
            folder,
            held: Mutex::new(HeldEvents {
                parts: Vec::new(),
                len: 0,
                runs: SortedRuns::new(folder),
                filtered: BTreeMap::new(),
            }),
        }
    }

    /// Puts the events in order when all are read, each once, and without those outside of `span`.
    ///
    /// # Errors
    /// Temporary files cannot be read or written.
    pub(crate) fn complete(self, span: Option<Span>) -> Result<CollectedEvents<'a>> {
        let mut held = self
            .held
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let in_memory = held.runs.is_empty();
        let mut collected = CollectedEvents {
            wishes: self.wishes,
            outcomes: Outcomes::default(),
            index: SoughtIndex::default(),
            changes: FirstRejected::default(),
            ties: BTreeMap::new(),
            joinable: Vec::new(),
            instants: Vec::new(),
            interfaces: BTreeMap::new(),
            names: BTreeMap::new(),
            followed: HashSet::default(),
            waiting: HashMap::default(),
            tape: match in_memory {
                true => EventTape::in_memory(),
                false => EventTape::in_file(self.folder),
            },
        };
        for (kind, count) in std::mem::take(&mut held.filtered) {
            collected.outcomes.of(kind).filtered += count;
        }
        let mut known = EventIds::default();
        let mut take = |item: &[u8]| collected.take(item, span, &mut known);
        if in_memory {
            let parts = std::mem::take(&mut held.parts);
            sorted(&parts)
                .into_iter()
                .try_for_each(|(_, item)| take(item))?;
        } else {
            held.spill()?;
            let mut merge = held.runs.merge(self.held_max)?;
            let mut item = Vec::new();
            while merge.next(0, &mut item)?.is_some() {
                take(&item)?;
                item.clear();
            }
        }
        collected.tape.complete()?;
        collected.index.complete();
        collected.changes.complete();
        Ok(collected)
    }
}

impl HeldEvents<'_> {
    /// Moves the events in memory to a temporary file, as one sorted run.
    fn spill(&mut self) -> Result<()> {
        let parts = std::mem::take(&mut self.parts);
        self.len = 0;
        let items = sorted(&parts);
        self.runs
            .add(|file| items.iter().try_for_each(|(_, item)| file.append(item)))
    }
}

/// Returns the events in these parts, in order.
fn sorted(parts: &[Vec<u8>]) -> Vec<(EventHead, &[u8])> {
    let mut items = Vec::new();
    for part in parts {
        let mut rest = &part[..];
        while !rest.is_empty() {
            let head = EventHead::read(rest);
            let (item, after) = rest.split_at(head.item_len());
            items.push((head, item));
            rest = after;
        }
    }
    items.sort_unstable_by_key(|(head, _)| *head);
    items
}

/// The events of an archive in order, and what may be joined with them.
pub(crate) struct CollectedEvents<'a> {
    pub wishes: EventWishes,
    pub outcomes: Outcomes,
    /// The connections that events are about.
    pub(super) index: SoughtIndex,
    /// The changes of resources.
    pub(super) changes: FirstRejected,
    /// The filters and routes that interfaces, instances and subnets ever had, as far as events say.
    pub(super) ties: BTreeMap<String, BTreeSet<String>>,
    /// Where the events that may be joined are, by number.
    pub(super) joinable: Vec<u64>,
    /// Their times.
    pub(super) instants: Vec<i64>,
    /// The interfaces of frames.
    pub interfaces: BTreeMap<String, FrameContents>,
    /// The names that answers give addresses, the first of each.
    pub names: BTreeMap<IpAddr, String>,
    /// The questions that are part of another one.
    pub(super) followed: HashSet<u64, RandomState>,
    /// Requests at WAF that wait for the row of their load balancer, which comes later: a response is
    /// sent after its request came. `None` for several at once between which nothing decides.
    waiting: HashMap<u64, Option<EventNumber>, RandomState>,
    pub(super) tape: EventTape<'a>,
}

impl CollectedEvents<'_> {
    /// Whether events become frames.
    pub(crate) fn has_frames(&self) -> bool {
        !self.interfaces.is_empty()
    }

    /// Takes the next event.
    fn take(&mut self, item: &[u8], span: Option<Span>, known: &mut EventIds) -> Result<()> {
        let head = EventHead::read(item);
        let kept = KeptEvent::decode(&item[EVENT_HEAD_LEN..]);
        if kept.id.is_some_and(|id| !known.note(id)) {
            self.outcomes.of(kept.kind).duplicates += 1;
            return Ok(());
        }
        self.take_ties(&kept);
        let until_ns = head.instant_ns.saturating_add(1);
        if span.is_some_and(|span| !span.overlaps(head.instant_ns, until_ns)) {
            self.outcomes.of(kept.kind).filtered += 1;
            return Ok(());
        }
        self.outcomes.count(kept.kind, head.instant_ns);
        let number = self.number(&kept);
        if number.is_none() {
            let reason = match kept.apart {
                Some(apart) => apart.reason(),
                None if !self.wishes.comments => "comments are not wanted",
                None => "beyond the first 262,144 events that may be joined",
            };
            self.outcomes.apart(kept.kind, reason);
        }
        if let Some(frames) = &kept.frames {
            self.take_frames(frames);
        } else if number.is_none() {
            return Ok(());
        }
        let at = self.tape.append(item)?;
        if let Some(number) = number {
            self.joinable.push(at);
            self.instants.push(head.instant_ns);
            for sought in &kept.sought {
                self.index.enter(number, *sought);
            }
            for resource in &kept.resources {
                self.changes.enter(resource, head.instant_ns, number);
            }
            self.take_request(&kept, number);
        }
        Ok(())
    }

    /// Notes what an API call says about filters and routes, whether it is of the requested time or not.
    fn take_ties(&mut self, kept: &KeptEvent) {
        for (of, list) in &kept.ties {
            if self.ties.len() < TIES_MAX || self.ties.contains_key(of) {
                let known = self.ties.entry(of.clone()).or_default();
                if known.len() < TIES_OF_ONE_MAX {
                    known.insert(list.clone());
                }
            }
        }
    }

    /// Joins a request at WAF with what the row of its load balancer is about.
    fn take_request(&mut self, kept: &KeptEvent, number: EventNumber) {
        let Some(request) = kept.request else { return };
        if kept.kind == EventKind::Waf {
            let waiting = self.waiting.entry(request);
            waiting
                .and_modify(|others| *others = None)
                .or_insert(Some(number));
            return;
        }
        let mut sought = kept.sought.iter();
        let client = sought.find(|sought| sought.side == LegSide::Client);
        if let (Some(Some(waf)), Some(client)) = (self.waiting.remove(&request), client) {
            // Packets are put at the instants of a request once.
            let sought = SoughtConnection {
                times: None,
                ..*client
            };
            self.index.enter(waf, sought);
        }
    }

    /// Returns the number of an event that may be joined.
    fn number(&self, kept: &KeptEvent) -> Option<EventNumber> {
        next_number(self.joinable.len(), kept)
    }

    fn take_frames(&mut self, frames: &KeptFrames) {
        let has_room = self.interfaces.len() < INTERFACES_MAX;
        if !self.interfaces.contains_key(&frames.interface) {
            let name = match has_room {
                true => frames.interface.clone(),
                false => shared_interface(&frames.interface),
            };
            self.interfaces.insert(name, frames.contents);
        }
        for (address, name) in &frames.names {
            if self.names.len() < NAMES_MAX {
                self.names.entry(*address).or_insert_with(|| name.clone());
            }
        }
        for question in &frames.followed {
            // A name may be its own alias, by mistake.
            if self.followed.len() < FOLLOWED_MAX && frames.question != Some(*question) {
                self.followed.insert(*question);
            }
        }
    }
}

/// Returns the number of an event, if it may be joined and `before` others have numbers.
pub(super) fn next_number(before: usize, kept: &KeptEvent) -> Option<EventNumber> {
    let has_room = before < JOINED_MAX;
    let number = u32::try_from(before).ok().map(EventNumber);
    number.filter(|_| has_room && kept.is_joinable())
}

/// Returns the name of the interface for all further names of a log.
pub(super) fn shared_interface(name: &str) -> String {
    format!("{} others", name.split(' ').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventKind, for_each_in_line};
    use crate::flow::Place;

    const WISHES: EventWishes = EventWishes {
        comments: true,
        frames: true,
    };

    /// A line of an ALB at this second.
    fn line(second: usize) -> String {
        format!(
            r#"http 2026-03-14T02:{:02}:{:02}.5Z app/web/{} 203.0.113.9:2817 10.0.2.7:8080 0 0 0 200 200 34 366 "GET http://a:80/ HTTP/1.1""#,
            second / 60 % 60,
            second % 60,
            second % 3
        )
    }

    fn batch(lines: &[(u64, usize)]) -> EventBatch {
        let mut batch = EventBatch::default();
        for (number, second) in lines {
            for_each_in_line(
                EventKind::AlbAccess,
                &line(*second),
                None,
                &mut |_, event, _| {
                    let event = event.unwrap();
                    let place = Place {
                        file: 0,
                        line: *number,
                    };
                    batch.push(event.instant_ns, place, &KeptEvent::of(&event, true, true));
                },
            );
        }
        batch
    }

    #[test]
    fn order_is_that_of_time_for_any_memory_and_order_of_blocks() {
        let temporary = tempfile::tempdir().unwrap();
        let seconds: Vec<usize> = (0..2_000).map(|n| n * 7_919 % 3_000).collect();
        let listed = |held_max: usize, is_reversed: bool| {
            let folder = SpillFolder::new(temporary.path());
            let collector = EventCollector::new(WISHES, held_max, &folder);
            let mut blocks: Vec<(u64, &[usize])> = Vec::new();
            for (n, block) in seconds.chunks(37).enumerate() {
                blocks.push((37 * n as u64, block));
            }
            if is_reversed {
                blocks.reverse();
            }
            for (base, block) in blocks {
                let lines: Vec<(u64, usize)> = (1..).zip(block.iter().copied()).collect();
                collector.take_in(batch(&lines), base).unwrap();
            }
            let collected = collector.complete(None).unwrap();
            let mut found = Vec::new();
            collected
                .tape
                .each(|_, head, kept| {
                    found.push((head, kept));
                    Ok(())
                })
                .unwrap();
            let interfaces: Vec<String> = collected.interfaces.into_keys().collect();
            (found, interfaces, folder.spilled() > 0)
        };
        let (whole, interfaces, spilled) = listed(usize::MAX, false);
        assert_eq!((whole.len(), spilled), (2_000, false));
        assert!(whole.is_sorted_by_key(|(head, _)| *head));
        assert_eq!(
            interfaces,
            ["alb app/web/0", "alb app/web/1", "alb app/web/2"]
        );
        for (held_max, is_reversed) in [(usize::MAX, true), (100_000, true), (0, false)] {
            let (same, same_interfaces, spilled) = listed(held_max, is_reversed);
            assert!(same == whole, "{held_max}");
            assert_eq!(
                (same_interfaces, spilled),
                (interfaces.clone(), held_max < usize::MAX)
            );
        }
    }

    #[test]
    fn events_outside_the_time_are_counted_and_not_kept() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = SpillFolder::new(temporary.path());
        let collector = EventCollector::new(WISHES, 0, &folder);
        collector
            .take_in(batch(&[(1, 10), (2, 20), (3, 30)]), 0)
            .unwrap();
        let second = 1_000_000_000;
        let span = Span {
            from_ns: 1_773_453_615 * second,
            to_ns: 1_773_453_625 * second,
        };
        let mut collected = collector.complete(Some(span)).unwrap();
        let of_kind = collected.outcomes.of(EventKind::AlbAccess);
        assert_eq!((of_kind.events, of_kind.filtered), (1, 2));
        assert_eq!(collected.joinable.len(), 1);
    }
}
