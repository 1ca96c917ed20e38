//! Which packet gets the comment of which event.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::collector::{CollectedEvents, next_number, shared_interface};
use super::event_facts::EventFacts;
use super::kept_event::{KeptEvent, KeptFrames, ends_word};
use super::offers::EventOffers;
use super::outcomes::Outcomes;
use super::tape::EventTape;
use crate::connection::Segment;
use crate::error::Result;
use crate::event::EventKind;
use crate::flow::{ConnectionKey, Place, Viewed, Way};
use crate::joining::{EventNumber, JoinOutcome, LegSide, RequestTimes, anchor};
use crate::read::SourceNames;

/// The most bytes of the words of all events at one packet.
const PACKET_WORDS_MAX: usize = 8 << 10;

/// The words of the events at one packet are complete, and all of them count as joined.
const WRITTEN: u8 = 2;
/// The packet of an event has no room for its words.
const CROWDED: u8 = 1;

/// Packets are at the instants of an event.
const ANCHORED: u8 = 2;
/// No packets could be put there.
const CONFLICT: u8 = 1;

/// The decided joins, and the events.
pub(crate) struct EventJoins<'a> {
    tape: EventTape<'a>,
    /// Where the events that may be joined are, by number.
    joinable: Vec<u64>,
    /// What was decided, by number and side.
    decided: Vec<[Option<JoinOutcome>; 2]>,
    /// Whether a rejected record follows a change, by number.
    has_record: Vec<bool>,
    by_key: HashMap<ConnectionKey, Vec<JoinedEvent>, RandomState>,
    by_record: HashMap<(i64, Place), Vec<EventNumber>, RandomState>,
    /// Whether the words of an event were written, by number.
    written: Vec<AtomicU8>,
    /// Whether packets are at its instants, by number.
    anchored: Vec<AtomicU8>,
    /// Whether packets may be put at the instants of events.
    anchors: bool,
    followed: hashbrown::HashSet<u64, RandomState>,
    too_many: bool,
}

/// An event that is joined with a connection.
#[derive(Clone, Copy, Debug)]
struct JoinedEvent {
    number: EventNumber,
    instant_ns: i64,
    used_ns: (i64, i64),
    times: Option<RequestTimes>,
}

/// The events of the packets of one connection, in order of packets.
pub(crate) type PacketEvents = Vec<PacketEvent>;

/// An event at a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PacketEvent {
    /// The number of the packet in its connection.
    pub packet: u32,
    pub number: EventNumber,
    /// Whether packets are at the instants of the event.
    is_anchored: bool,
}

/// A frame of an event, with what its comment says.
pub(crate) struct WordedFrames {
    pub frames: KeptFrames,
    /// The comment of each frame.
    pub comment: String,
}

impl<'a> EventJoins<'a> {
    /// Decides, given everything that was offered: here, or in all runs that share the archive.
    pub(crate) fn decide(
        collected: CollectedEvents<'a>,
        offers: EventOffers,
        of_all: Option<EventFacts>,
    ) -> (Self, Outcomes) {
        let (index, own) = offers.into_parts();
        let mut offered = of_all.unwrap_or(own);
        let count = collected.joinable.len();
        let mut joins = Self {
            tape: collected.tape,
            joinable: collected.joinable,
            decided: vec![[None; 2]; count],
            has_record: vec![false; count],
            by_key: HashMap::default(),
            by_record: HashMap::default(),
            written: (0..count).map(|_| AtomicU8::new(0)).collect(),
            anchored: (0..count).map(|_| AtomicU8::new(0)).collect(),
            anchors: collected.wishes.comments || collected.wishes.frames,
            followed: collected.followed,
            too_many: offered.too_many,
        };
        index.decide(&mut offered.spans, |number, sought, outcome| {
            let side = usize::from(sought.side == LegSide::Target);
            joins.decided[number.0 as usize][side] = Some(outcome);
            if let JoinOutcome::Unique(key) = outcome {
                joins.by_key.entry(key).or_default().push(JoinedEvent {
                    number,
                    instant_ns: collected.instants[number.0 as usize],
                    used_ns: sought.used_ns,
                    times: sought.times,
                });
            }
        });
        for (number, record) in offered.rejected {
            // The facts of others may name any event.
            let Some(has_record) = joins.has_record.get_mut(number.0 as usize) else {
                continue;
            };
            *has_record = true;
            let of_record = joins.by_record.entry((record.start_ns, record.place));
            of_record.or_default().push(number);
        }
        (joins, collected.outcomes)
    }

    /// Puts packets of a connection at the instants of the requests that are joined with it, if
    /// comments or frames show that. No packet may come before `earliest_ns`. Returns the requests.
    pub(crate) fn anchor(
        &self,
        records: &[Viewed],
        initiator: Way,
        earliest_ns: i64,
        segments: &mut [Segment],
    ) -> Vec<(EventNumber, bool)> {
        if !self.anchors || segments.is_empty() || self.by_key.is_empty() {
            return Vec::new();
        }
        let events = self.overlapping(records);
        let mut requests: Vec<(RequestTimes, EventNumber)> = events
            .filter_map(|event| Some((event.times?, event.number)))
            .collect();
        requests.sort_unstable();
        if requests.is_empty() {
            return Vec::new();
        }
        let times: Vec<RequestTimes> = requests.iter().map(|(times, _)| *times).collect();
        let done = anchor(records, initiator, &times, earliest_ns, segments);
        for ((_, number), is_done) in requests.iter().zip(&done) {
            let state = if *is_done { ANCHORED } else { CONFLICT };
            self.anchored[number.0 as usize].fetch_max(state, Relaxed);
        }
        let numbers = requests.into_iter().map(|(_, number)| number);
        numbers.zip(done).collect()
    }

    /// Returns the events that are joined with a connection.
    fn overlapping(&self, records: &[Viewed]) -> impl Iterator<Item = &JoinedEvent> {
        let events = self.by_key.get(&records[0].key).into_iter().flatten();
        let start = records.iter().map(|o| o.start_ns).min().unwrap_or(i64::MAX);
        let until = records.iter().map(|o| o.until_ns()).max();
        let until = until.unwrap_or(i64::MIN);
        events.filter(move |e| e.used_ns.0 < until && start <= e.used_ns.1)
    }

    /// Finds the packets of a connection that get comments: of each event that is joined with it, the
    /// nearest in time, and of each change the first one of the rejected record. `anchored` are the
    /// requests that packets were put at.
    pub(crate) fn packets(
        &self,
        records: &[Viewed],
        segments: &[Segment],
        anchored: &[(EventNumber, bool)],
        out: &mut PacketEvents,
    ) {
        out.clear();
        if self.by_key.is_empty() && self.by_record.is_empty() {
            return;
        }
        for event in self.overlapping(records) {
            if let Some(packet) = nearest(segments, event.instant_ns) {
                out.push(PacketEvent {
                    packet,
                    number: event.number,
                    is_anchored: anchored.contains(&(event.number, true)),
                });
            }
        }
        if !self.by_record.is_empty() {
            for (packet, segment) in (0..).zip(segments).filter(|(_, segment)| segment.is_first) {
                let o = &records[segment.record as usize];
                if let Some(numbers) = self.by_record.get(&(o.start_ns, o.place)) {
                    out.extend(numbers.iter().map(|number| PacketEvent {
                        packet,
                        number: *number,
                        is_anchored: false,
                    }));
                }
            }
        }
        out.sort_unstable();
        out.dedup();
    }

    /// Appends the words of the events at one packet.
    ///
    /// # Errors
    /// A temporary file cannot be read.
    pub(crate) fn put_words(&self, events: &[PacketEvent], out: &mut String) -> Result<()> {
        let mut left_out = 0_usize;
        let begin = out.len();
        for here in events {
            let at = here.number.0 as usize;
            let (_, event) = self.tape.read(self.joinable[at])?;
            let written = &self.written[at];
            if left_out > 0 || out.len() - begin + event.words.len() > PACKET_WORDS_MAX {
                left_out += 1;
                written.fetch_max(CROWDED, Relaxed);
                continue;
            }
            written.fetch_max(WRITTEN, Relaxed);
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(&event.words);
            if here.is_anchored {
                out.push_str(match event.kind {
                    EventKind::ClbAccess => " time=clb",
                    _ => " time=alb",
                });
            }
        }
        if left_out > 0 {
            out.push_str(&format!(" more-events={left_out}"));
        }
        Ok(())
    }

    /// Passes on the frames of all events in order, and counts them. Unless they are of this capture,
    /// they are only counted.
    ///
    /// # Errors
    /// A temporary file cannot be read, or `each` fails.
    pub(crate) fn each_frames(
        &self,
        names: &SourceNames,
        is_here: bool,
        outcomes: &mut Outcomes,
        mut each: impl FnMut(WordedFrames) -> Result<()>,
    ) -> Result<()> {
        let mut numbered = 0;
        let mut latest = None;
        let mut asked = hashbrown::HashSet::<u64, RandomState>::default();
        self.tape.each(|_, head, mut event| {
            let number = next_number(numbered, &event);
            numbered += usize::from(number.is_some());
            let Some(frames) = event.frames.take() else {
                return Ok(());
            };
            if latest.replace(head.instant_ns) != Some(head.instant_ns) {
                asked.clear();
            }
            let is_repeated = frames.question.is_some_and(|question| {
                self.followed.contains(&question) || !asked.insert(question)
            });
            let reason = match () {
                () if !is_here => Some("in the capture of the first shard"),
                () if is_repeated => Some("part of another query, or the same"),
                () if frames.frames.is_empty() => {
                    Some("with a name or an end that no packet can have")
                }
                () => None,
            };
            if let Some(reason) = reason {
                outcomes.unframed(event.kind, reason);
                return Ok(());
            }
            outcomes.framed(event.kind);
            let (file, line) = names.of(head.place);
            let mut comment = frames.words.clone();
            self.put_ends(number, &mut comment);
            // The place comes last, as in the comments of packets.
            comment += &format!(" record={file}:{line}");
            let comment = comment.trim_start().to_owned();
            each(WordedFrames { frames, comment })
        })
    }

    /// Appends which connections an event is joined with, or how many fit.
    fn put_ends(&self, number: Option<EventNumber>, comment: &mut String) {
        let Some(number) = number else { return };
        for outcome in self.decided[number.0 as usize].into_iter().flatten() {
            match outcome {
                JoinOutcome::Unique(key) => *comment += &format!(" joins={}", ends_word(&key)),
                JoinOutcome::Ambiguous(count) => *comment += &format!(" candidates={count}"),
                JoinOutcome::Unmatched => {}
            }
        }
    }

    /// Counts what became of each event that may be joined, after the capture was written.
    ///
    /// # Errors
    /// A temporary file cannot be read.
    pub(crate) fn count(&self, outcomes: &mut Outcomes) -> Result<()> {
        for (number, at) in self.joinable.iter().enumerate() {
            let (_, event) = self.tape.read(*at)?;
            let kind = event.kind;
            match self.anchored[number].load(Relaxed) {
                ANCHORED => outcomes.of(kind).anchored += 1,
                CONFLICT => outcomes.of(kind).anchor_conflicts += 1,
                _ => {}
            }
            let decided = self.decided[number];
            let is = |wanted: fn(&JoinOutcome) -> bool| decided.iter().flatten().any(wanted);
            match self.written[number].load(Relaxed) {
                WRITTEN => outcomes.of(kind).joined += 1,
                CROWDED => outcomes.apart(kind, "at a packet whose comment is full"),
                _ if self.too_many && is_of_connection(&event) => {
                    outcomes.apart(kind, "among too many connections to join");
                }
                _ if is(|one| matches!(one, JoinOutcome::Unique(_))) || self.has_record[number] => {
                    outcomes.apart(kind, "of a connection that is not in the capture");
                }
                _ if is(|one| matches!(one, JoinOutcome::Ambiguous(_))) => {
                    outcomes.of(kind).ambiguous += 1;
                }
                _ if is_of_connection(&event) => {
                    outcomes.apart(kind, "of a connection without records")
                }
                _ if kind == EventKind::Waf => {
                    outcomes.apart(
                        kind,
                        "without a row of its load balancer, or its connection",
                    );
                }
                _ => outcomes.apart(kind, "a change that no rejected packet follows"),
            }
        }
        Ok(())
    }
}

fn is_of_connection(event: &KeptEvent) -> bool {
    !event.sought.is_empty()
}

/// Returns the segment nearest to an instant; of two equally near ones the first.
fn nearest(segments: &[Segment], instant_ns: i64) -> Option<u32> {
    let after = segments.partition_point(|segment| segment.time_ns < instant_ns);
    let distance = |at: usize| segments[at].time_ns.abs_diff(instant_ns);
    let last = segments.len().checked_sub(1)?;
    let at = match after {
        0 => 0,
        after if after > last => last,
        after if distance(after - 1) <= distance(after) => after - 1,
        after => after,
    };
    u32::try_from(at).ok()
}

/// Returns the name of the interface of frames among those that exist.
pub(crate) fn interface_of(
    frames: &KeptFrames,
    index_of: impl Fn(&str) -> Option<u32>,
) -> Option<u32> {
    index_of(&frames.interface).or_else(|| index_of(&shared_interface(&frames.interface)))
}
