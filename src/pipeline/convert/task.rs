//! One task of a time slice: rebuilds some of its episodes into frames.
//!
//! Frames that belong in this slice are passed on in portions; frames of a later slice are stored
//! in the bucket of that slice.

use std::ops::Range;

use crate::connection::{Detail, Segment, rebuild};
use crate::error::Result;
use crate::flow::{Viewed, Way};
use crate::pipeline::convert::framer::{Framer, Placed, Scratch};
use crate::pipeline::convert::frames::PartTag;
use crate::pipeline::convert::frames::{self, FrameKey, Frames};
use crate::pipeline::convert::memory_shares::MemoryShares;
use crate::pipeline::convert::pool::Pool;
use crate::pipeline::convert::rebuilt::Rebuilding;
use crate::pipeline::convert::split::Split;
use crate::pipeline::events::{EventJoins, PacketEvents};
use crate::pipeline::settling::time_slices::Slices;
use crate::pipeline::spilling::buckets::Buckets;
use crate::pipeline::spilling::episode_codec::Episode;
use crate::pipeline::spilling::memory_limit::ConversationCost;
use crate::summary::{Connections, Packets};

/// Approximate bytes of frames that are stored for a later slice at once; consecutive frames of a
/// connection often belong to the same slice.
const WAITING_LEN: usize = 4 << 10;

/// Minimum distance between a connection and the one before it.
const STEP_NS: i64 = 1_000;

/// Segments that are encoded before the task checks whether it has too many frames.
const PORTION: usize = 1 << 10;

/// The context shared by all tasks of a run: how episodes become frames, and where frames wait.
pub(crate) struct TaskContext<'a> {
    pub slices: &'a Slices,
    /// Waiting frames, one bucket per slice.
    pub waiting: &'a Buckets<'a>,
    pub framer: Framer<'a>,
    pub detail: Detail,
    /// The most bytes that rebuilding one connection may use; `None` if that was checked before.
    pub memory: Option<u64>,
    /// How the capture is split, if it is.
    pub split: Option<Split>,
    pub pool: Pool,
    pub room: MemoryShares,
    /// The events that packets get comments of, if any.
    pub events: Option<&'a EventJoins<'a>>,
}

/// The counts of one task, or of all tasks together.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub connections: Connections,
    pub packets: Packets,
}

/// Some episodes of one slice, while they are rebuilt.
pub(crate) struct Task<'a, 't> {
    context: &'a TaskContext<'a>,
    rebuilding: &'t Rebuilding<'a>,
    slice: usize,
    end_ns: i64,
    /// Number of connections before the one that is being rebuilt.
    connections_before: u64,
    frames: Frames,
    written: Written,
    segments: Vec<Segment>,
    /// The events of the connection's packets, and the words of those at one packet.
    events: PacketEvents,
    words: String,
    /// Frames that wait for the slice `waits_for` and are not stored yet.
    waiting: Vec<u8>,
    waits_for: usize,
    /// The instants of that slice.
    waits_in: Range<i64>,
    scratch: Scratch,
}

impl<'a, 't> Task<'a, 't> {
    /// Creates a task; `connections_before` is the number of connections before its first.
    pub(crate) fn new(
        context: &'a TaskContext<'a>,
        rebuilding: &'t Rebuilding<'a>,
        slice: usize,
        connections_before: u64,
    ) -> Self {
        Self {
            context,
            rebuilding,
            slice,
            end_ns: context.slices.end_ns(slice),
            connections_before,
            frames: Frames::new(&context.pool),
            written: Written::default(),
            segments: Vec::new(),
            events: Vec::new(),
            words: String::new(),
            waiting: Vec::new(),
            waits_for: slice + 1,
            waits_in: 0..0,
            scratch: Scratch::default(),
        }
    }

    /// Rebuilds the episode with this number.
    ///
    /// # Errors
    /// There is no space for its frames on disk, or for one of its connections in memory.
    pub(crate) fn rebuild(&mut self, episode: u64, held: &Episode) -> Result<()> {
        let mut last_ns = i64::MIN;
        let conversation = held.records.first().map_or(0, |o| o.key.shard_hash());
        let mut place = 0;
        let mut rest = &held.records[..];
        for len in &held.connections {
            let (records, after) = rest.split_at(*len);
            rest = after;
            self.segments.clear();
            self.scratch.begin_connection();
            if let Some(memory) = self.context.memory {
                let cost = ConversationCost::of(records, self.context.detail);
                cost.check(&records[0].key, memory, None)?;
            }
            let info = rebuild(records, self.context.detail, &mut self.segments);
            let connections = &mut self.written.connections;
            connections.moved_packets += info.moved + move_after(last_ns, &mut self.segments);
            connections.presumed += u64::from(info.presumed);
            connections.closed_first_guessed += u64::from(info.guesses_close());
            connections.sent_first_guessed += u64::from(info.guesses_first().is_some());
            connections.count(info.outcome);
            for o in records {
                self.written.packets.logged += u128::from(o.packets);
                self.written.packets.bytes_logged += u128::from(o.bytes.unwrap_or(0));
            }
            let segments = std::mem::take(&mut self.segments);
            let segments = self.anchored(records, info.role.initiator, last_ns, segments);
            let mut words = std::mem::take(&mut self.words);
            words.clear();
            let (mut at, mut events_done) = (0, 0);
            for portion in segments.chunks(PORTION) {
                for segment in portion {
                    let key = FrameKey {
                        // A capture begins in 1970.
                        time_ns: segment.time_ns.max(0),
                        conversation,
                        episode,
                        place,
                    };
                    if !self.events.is_empty() {
                        events_done = self.put_words(at, events_done, &mut words)?;
                    }
                    let placed = Placed {
                        segment,
                        record: &records[segment.record as usize],
                        info: &info,
                        events: &words,
                    };
                    self.frame(key, self.tag(&placed, at == 0), &placed)?;
                    at += 1;
                    place = place.saturating_add(1);
                    last_ns = last_ns.max(segment.time_ns);
                }
                if self.frames.len() > self.context.room.task {
                    self.hand_over()?;
                }
            }
            (self.segments, self.words) = (segments, words);
            self.connections_before += 1;
        }
        Ok(())
    }

    /// Puts the segments of a connection at the instants of its events, after those of the connection
    /// that ended at `last_ns`, and finds the events of its packets.
    fn anchored(
        &mut self,
        records: &[Viewed],
        initiator: Way,
        last_ns: i64,
        mut segments: Vec<Segment>,
    ) -> Vec<Segment> {
        if let Some(joins) = self.context.events {
            let earliest_ns = last_ns.saturating_add(STEP_NS);
            let anchored = joins.anchor(records, initiator, earliest_ns, &mut segments);
            joins.packets(records, &segments, &anchored, &mut self.events);
        }
        segments
    }

    /// Writes the words of the events at the connection's packet number `at`, after `done` of its
    /// events, to `words`; returns how many are done then.
    #[inline]
    fn put_words(&self, at: u32, done: usize, words: &mut String) -> Result<usize> {
        words.clear();
        let rest = &self.events[done.min(self.events.len())..];
        if rest.first().is_none_or(|event| event.packet != at) {
            return Ok(done);
        }
        let here = rest.iter().take_while(|event| event.packet == at);
        let here = &rest[..here.count()];
        if let Some(joins) = self.context.events {
            joins.put_words(here, words)?;
        }
        Ok(done + here.len())
    }

    /// Returns the tag of the frame of `placed`, for a split capture.
    #[inline]
    fn tag(&self, placed: &Placed<'_>, begins: bool) -> PartTag {
        match self.context.split {
            None => PartTag::default(),
            Some(split) => {
                let number = split.number(placed.record.eni, self.connections_before);
                PartTag::new(number, begins)
            }
        }
    }

    fn frame(&mut self, key: FrameKey, tag: PartTag, placed: &Placed<'_>) -> Result<()> {
        self.written.packets.written += 1;
        self.written.packets.bytes_written += u128::from(placed.segment.original_len);
        let framer = &self.context.framer;
        if key.time_ns < self.end_ns {
            let scratch = &mut self.scratch;
            self.frames
                .push(key, tag, |out| framer.frame(placed, scratch, out));
            return Ok(());
        }
        if !self.waits_in.contains(&key.time_ns) || self.waiting.len() >= WAITING_LEN {
            self.put_waiting()?;
            let slices = self.context.slices;
            self.waits_for = slices.of(key.time_ns).max(self.slice + 1);
            self.waits_in = slices.range_ns(self.waits_for);
        }
        let scratch = &mut self.scratch;
        let encode = |out: &mut Vec<u8>| framer.frame(placed, scratch, out);
        frames::put_waiting(key, tag, encode, &mut self.waiting);
        Ok(())
    }

    /// Passes on the frames of this slice.
    fn hand_over(&mut self) -> Result<()> {
        let none = Frames::new(&self.context.pool);
        let frames = std::mem::replace(&mut self.frames, none);
        self.rebuilding.hand_over(frames.complete())
    }

    /// Passes on the remaining frames, and returns the counts.
    ///
    /// # Errors
    /// The same as for [`rebuild`](Self::rebuild).
    pub(crate) fn finish(mut self) -> Result<Written> {
        self.put_waiting()?;
        self.rebuilding.hand_over(self.frames.complete())?;
        Ok(self.written)
    }

    /// Stores the waiting frames in the bucket of their slice.
    fn put_waiting(&mut self) -> Result<()> {
        if !self.waiting.is_empty() {
            self.context.waiting.put(self.waits_for, &self.waiting)?;
            self.waiting.clear();
        }
        Ok(())
    }
}

/// Moves segments that do not come after `last_ns`, the end of the previous connection, to after
/// it; returns how many moved.
fn move_after(last_ns: i64, segments: &mut [Segment]) -> u64 {
    let mut moved = 0;
    let mut earliest_ns = last_ns;
    for segment in segments {
        earliest_ns = earliest_ns.saturating_add(STEP_NS);
        if segment.time_ns >= earliest_ns {
            break;
        }
        segment.time_ns = earliest_ns;
        moved += 1;
    }
    moved
}
