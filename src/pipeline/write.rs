//! From episodes to the capture, in order of time, without holding it all.
//!
//! Episodes lie in slices of time by their start, so once a slice and all
//! before it are rebuilt, every frame up to its end is known. It is put in order
//! while the next slice is rebuilt, and written while that one is put in order.
//! Frames of
//! connections that outlast their slice wait for a later one.

use std::sync::atomic::Ordering::Relaxed;

use rayon::prelude::*;

use crate::connection::{Detail, Segment, rebuild};
use crate::error::Result;
use crate::pipeline::Meter;
use crate::pipeline::framer::{Framer, Placed, Scratch};
use crate::pipeline::frames::{self, Frames, Key, Ordered, Pool, Slice};
use crate::pipeline::outlet::Outlet;
use crate::pipeline::shuffle::Buckets;
use crate::pipeline::slices::Slices;
use crate::pipeline::split::Split;
use crate::pipeline::stored::{self, Episode, Stored};
use crate::pipeline::tag::Tag;
use crate::summary::{Connections, Packets};

/// Octets of episodes that are rebuilt in one task, about.
const TASK_LEN: usize = 16 << 10;

/// The most tasks in a slice, about: each has buffers of its own.
const TASKS_MAX: usize = 256;

/// Octets of frames that are put into a later slice at once, about: successive
/// frames of a connection are often for the same.
const WAITING_LEN: usize = 4 << 10;

/// Least distance between a connection and the one before it.
const STEP_NS: i64 = 1_000;

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub connections: Connections,
    pub packets: Packets,
}

/// Rebuilds episodes and writes their frames.
pub(super) struct Writer<'a> {
    pub slices: &'a Slices,
    /// One bucket a slice.
    pub episodes: &'a Buckets<'a>,
    /// Frames that wait, one bucket a slice.
    pub waiting: &'a Buckets<'a>,
    pub framer: Framer<'a>,
    pub detail: Detail,
    /// What tells parts of the capture apart, if it has any.
    pub split: Option<Split>,
    pub meter: &'a Meter,
    pub pool: Pool,
}

impl Writer<'_> {
    /// Writes every frame to `outlet`.
    ///
    /// # Errors
    /// What writing fails with, here or to temporary files.
    pub(super) fn write(&self, outlet: &mut Outlet) -> Result<Written> {
        let mut written = Written::default();
        let mut before = Before::default();
        let mut frames = Slice::default();
        let (mut rebuilt, mut ready) = (Vec::new(), Vec::new());
        // Three slices are in work at once: one is rebuilt, the one before it is put in
        // order, and the one before that is written.
        for slice in 0..=self.slices.count() {
            let (put_out, (in_order, next)) = rayon::join(
                || outlet.write(&ready),
                || {
                    let last = slice.checked_sub(1);
                    rayon::join(
                        || last.map(|last| self.put_in_order(last, rebuilt, &mut frames)),
                        || self.rebuild_slice(slice, &mut before, &mut written),
                    )
                },
            );
            put_out?;
            self.pool
                .give_back(ready.into_iter().map(|part| part.octets));
            ready = in_order.transpose()?.unwrap_or_default();
            rebuilt = next?;
        }
        outlet.write(&ready)?;
        Ok(written)
    }

    /// The frames of a slice's episodes that belong in it; none behind the last slice.
    fn rebuild_slice(
        &self,
        slice: usize,
        before: &mut Before,
        written: &mut Written,
    ) -> Result<Vec<Frames>> {
        if slice == self.slices.count() {
            return Ok(Vec::new());
        }
        let parts = self.episodes.take(slice)?;
        let episodes = stored::episodes(&parts);
        let tasks = self.numbered(tasks(&episodes), before);
        let rebuilt = tasks.into_par_iter().map(|(first, episodes)| {
            let mut task = Task::new(self, slice, first.connections);
            let mut held = Episode::default();
            for (number, episode) in (first.episodes..).zip(episodes) {
                held.read(episode.octets);
                task.rebuild(number, &held)?;
            }
            task.put_waiting()?;
            Ok((task.frames.complete(), task.written))
        });
        let rebuilt = rebuilt.collect::<Result<Vec<_>>>()?;
        let frames = rebuilt.into_iter().map(|(frames, part)| {
            written.connections.add(&part.connections);
            written.packets.add(&part.packets);
            frames
        });
        Ok(frames.collect())
    }

    /// Says of each task what came before it, and counts on in `before`.
    fn numbered<'e, 'o>(
        &self,
        tasks: Vec<&'e [Stored<'o>]>,
        before: &mut Before,
    ) -> Vec<(Before, &'e [Stored<'o>])> {
        // To count connections takes a look into every episode, which others need not pay for.
        let connections: Vec<u64> = match self.split {
            Some(Split::Connections(_)) => tasks.par_iter().map(|task| connections(task)).collect(),
            _ => vec![0; tasks.len()],
        };
        let numbered = tasks.into_iter().zip(connections).map(|(task, count)| {
            let first = *before;
            before.episodes += task.len() as u64;
            before.connections += count;
            (first, task)
        });
        numbered.collect()
    }

    /// The octets of all frames of a slice, in order: those that were rebuilt in it, and
    /// those of earlier slices that waited for it.
    fn put_in_order(
        &self,
        slice: usize,
        rebuilt: Vec<Frames>,
        frames: &mut Slice,
    ) -> Result<Vec<Ordered>> {
        rebuilt.into_iter().for_each(|part| frames.add(part));
        for part in self.waiting.take(slice)? {
            frames.add_waiting(part);
        }
        self.meter.packets.fetch_add(frames.len() as u64, Relaxed);
        let (ready, waited) = frames.in_order(&self.pool, self.split.is_some());
        self.waiting.give_back(waited);
        Ok(ready)
    }
}

/// How much stands before something, in the order of episodes.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    episodes: u64,
    /// Counted only where parts hold so many of them.
    connections: u64,
}

/// How many connections these episodes have.
fn connections(episodes: &[Stored<'_>]) -> u64 {
    let count = |episode: &Stored<'_>| episode.connection_count() as u64;
    episodes.iter().map(count).sum()
}

/// Cuts episodes into runs of about [`TASK_LEN`] octets, or [`TASKS_MAX`] runs.
fn tasks<'e, 'o>(episodes: &'e [Stored<'o>]) -> Vec<&'e [Stored<'o>]> {
    let all_len: usize = episodes.iter().map(|episode| episode.octets.len()).sum();
    let task_len = TASK_LEN.max(all_len / TASKS_MAX);
    let mut tasks = Vec::new();
    let mut rest = episodes;
    while !rest.is_empty() {
        let mut len = 0;
        let fitting = rest.iter().take_while(|episode| {
            let fits = len < task_len;
            len += episode.octets.len();
            fits
        });
        let (task, behind) = rest.split_at(fitting.count());
        tasks.push(task);
        rest = behind;
    }
    tasks
}

/// Some episodes of one slice, being rebuilt.
struct Task<'a> {
    writer: &'a Writer<'a>,
    slice: usize,
    end_ns: i64,
    /// Connections before the one that is rebuilt.
    connections_before: u64,
    frames: Frames,
    written: Written,
    segments: Vec<Segment>,
    /// Frames that wait for the slice `waits_for`, still to be put there.
    waiting: Vec<u8>,
    waits_for: usize,
    scratch: Scratch,
}

impl<'a> Task<'a> {
    fn new(writer: &'a Writer<'a>, slice: usize, connections_before: u64) -> Self {
        Self {
            writer,
            slice,
            end_ns: writer.slices.end_ns(slice),
            connections_before,
            frames: Frames::new(&writer.pool),
            written: Written::default(),
            segments: Vec::new(),
            waiting: Vec::new(),
            waits_for: slice + 1,
            scratch: Scratch::default(),
        }
    }

    fn rebuild(&mut self, episode: u64, held: &Episode) -> Result<()> {
        let mut last_ns = i64::MIN;
        let mut place = 0;
        let mut rest = &held.records[..];
        for len in &held.connections {
            let (records, behind) = rest.split_at(*len);
            rest = behind;
            self.segments.clear();
            self.scratch.begin_connection();
            let story = rebuild(records, self.writer.detail, &mut self.segments);
            let connections = &mut self.written.connections;
            connections.moved_packets += story.moved + put_behind(last_ns, &mut self.segments);
            connections.presumed += u64::from(story.presumed);
            connections.count(story.outcome);
            for o in records {
                self.written.packets.logged += u128::from(o.packets);
                self.written.packets.bytes_logged += u128::from(o.bytes.unwrap_or(0));
            }
            let segments = std::mem::take(&mut self.segments);
            for (nth, segment) in segments.iter().enumerate() {
                let key = Key {
                    time_ns: segment.time_ns,
                    episode,
                    place,
                };
                let placed = Placed::new(*segment, &records[segment.record as usize], &story);
                self.frame(key, self.tag(&placed, nth == 0), &placed)?;
                place = place.saturating_add(1);
                last_ns = last_ns.max(segment.time_ns);
            }
            self.segments = segments;
            self.connections_before += 1;
        }
        Ok(())
    }

    /// What tells the frame of `placed` apart, where that matters.
    #[inline]
    fn tag(&self, placed: &Placed<'_>, begins: bool) -> Tag {
        match self.writer.split {
            None => Tag::default(),
            Some(split) => {
                let number = split.number(placed.record.eni, self.connections_before);
                Tag::new(number, begins)
            }
        }
    }

    fn frame(&mut self, key: Key, tag: Tag, placed: &Placed<'_>) -> Result<()> {
        self.written.packets.written += 1;
        self.written.packets.bytes_written += u128::from(placed.segment.original_len);
        let framer = &self.writer.framer;
        if key.time_ns < self.end_ns {
            let scratch = &mut self.scratch;
            self.frames
                .push(key, tag, |out| framer.frame(placed, scratch, out));
            return Ok(());
        }
        let slice = self.writer.slices.of(key.time_ns).max(self.slice + 1);
        if slice != self.waits_for || self.waiting.len() >= WAITING_LEN {
            self.put_waiting()?;
            self.waits_for = slice;
        }
        let scratch = &mut self.scratch;
        let encode = |out: &mut Vec<u8>| framer.frame(placed, scratch, out);
        frames::put_waiting(key, tag, encode, &mut self.waiting);
        Ok(())
    }

    /// Puts the frames that wait where they are waited for.
    fn put_waiting(&mut self) -> Result<()> {
        if !self.waiting.is_empty() {
            self.writer.waiting.put(self.waits_for, &self.waiting)?;
            self.waiting.clear();
        }
        Ok(())
    }
}

/// Moves segments behind `last_ns`, where the connection before them ended; returns how many moved.
fn put_behind(last_ns: i64, segments: &mut [Segment]) -> u64 {
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
