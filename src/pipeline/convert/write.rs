//! Writes episodes as a capture in order of time, without holding all of it in memory.
//!
//! Episodes are stored in time slices by their start, so once a slice and all slices before it are
//! rebuilt, every frame up to its end is known. A slice is sorted while the next one is rebuilt,
//! and written while that one is sorted. Frames of connections that outlast their slice wait for a
//! later one.
//!
//! Slices are cut to fit in memory, from what is known before anything is rebuilt. A slice that
//! still does not fit is rebuilt in batches of episodes, and its frames are merged from sorted runs
//! on disk, since any number of connections may begin or end at one instant.

use std::sync::atomic::Ordering::Relaxed;

use rayon::prelude::*;

use crate::error::Result;
use crate::pipeline::convert::capture_writer::CaptureWriter;
use crate::pipeline::convert::frames::{FrameHead, Ordered};
use crate::pipeline::convert::ordering::Slice;
use crate::pipeline::convert::rebuilt::{Rebuilding, Rebuilt};
use crate::pipeline::convert::split::Split;
use crate::pipeline::convert::task::{Task, TaskContext, Written};
use crate::pipeline::spilling::buckets::Buckets;
use crate::pipeline::spilling::episode_codec::{self, Batches, EncodedEpisode, Episode};
use crate::pipeline::spilling::sorted_runs::RunMerge;
use crate::read::Meter;

/// Approximate bytes of episodes in one task.
const TASK_LEN: usize = 16 << 10;

/// The approximate maximum of tasks in a slice, since each has its own buffers.
const TASKS_MAX: usize = 256;

/// Rebuilds episodes and writes their frames.
pub(crate) struct Writer<'a> {
    /// Episodes, one bucket per slice.
    episodes: &'a Buckets<'a>,
    meter: &'a Meter,
    /// The context of the tasks that rebuild them.
    tasks: TaskContext<'a>,
}

/// The frames of a slice, sorted.
enum Ready<'a> {
    /// In memory.
    Whole(Vec<Ordered>),
    /// On disk.
    SortedRuns(RunMerge<'a, FrameHead>),
}

impl<'a> Writer<'a> {
    /// Creates a writer of these episodes.
    pub(crate) fn new(episodes: &'a Buckets<'a>, meter: &'a Meter, tasks: TaskContext<'a>) -> Self {
        Self {
            episodes,
            meter,
            tasks,
        }
    }

    /// Writes every frame to `capture`.
    ///
    /// # Errors
    /// Writing fails, here or to temporary files.
    pub(crate) fn write(&'a self, capture: &mut CaptureWriter) -> Result<Written> {
        let mut written = Written::default();
        let mut before = EpisodesBefore::default();
        let mut frames = Slice::default();
        let mut rebuilt = Rebuilt::new(self.tasks.waiting.folder());
        let mut ready = Ready::Whole(Vec::new());
        // Three slices are processed at once: one is rebuilt, the previous one is sorted, and the
        // one before that is written.
        for slice in 0..=self.tasks.slices.count() {
            let (put_out, (in_order, next)) = rayon::join(
                || self.put_out(ready, capture),
                || {
                    let last = slice.checked_sub(1);
                    rayon::join(
                        || last.map(|last| self.put_in_order(last, rebuilt, &mut frames)),
                        || self.rebuild_slice(slice, &mut before, &mut written),
                    )
                },
            );
            put_out?;
            ready = in_order.unwrap_or_else(|| Ok(Ready::Whole(Vec::new())))?;
            rebuilt = next?;
        }
        self.put_out(ready, capture)?;
        Ok(written)
    }

    /// Rebuilds the frames of a slice's episodes that belong in it; `None` after the last slice.
    fn rebuild_slice(
        &'a self,
        slice: usize,
        before: &mut EpisodesBefore,
        written: &mut Written,
    ) -> Result<Rebuilt<'a>> {
        let rebuilding = Rebuilding::new(
            self.tasks.waiting.folder(),
            self.tasks.room.frames,
            &self.tasks.pool,
        );
        if slice == self.tasks.slices.count() {
            return Ok(rebuilding.complete());
        }
        let mut batches = Batches::of(self.episodes, slice, self.tasks.room.episodes)?;
        while let Some(parts) = batches.next()? {
            let episodes = episode_codec::episodes(&parts);
            let tasks = self.numbered(tasks(&episodes), before);
            let made = tasks.into_par_iter().map(|(first, episodes)| {
                self.meter.check()?;
                let mut task = Task::new(&self.tasks, &rebuilding, slice, first.connections);
                let mut held = Episode::default();
                for (number, episode) in (first.episodes..).zip(episodes) {
                    held.read(episode.bytes());
                    task.rebuild(number, &held)?;
                }
                let made = task.finish()?;
                let packets = u64::try_from(made.packets.written).unwrap_or(u64::MAX);
                self.meter.add(packets);
                Ok(made)
            });
            for part in made.collect::<Result<Vec<_>>>()? {
                written.connections.add(&part.connections);
                written.packets.add(&part.packets);
            }
        }
        Ok(rebuilding.complete())
    }

    /// Adds to each task the counts before it, and updates `before`.
    fn numbered<'e, 'o>(
        &self,
        tasks: Vec<&'e [EncodedEpisode<'o>]>,
        before: &mut EpisodesBefore,
    ) -> Vec<(EpisodesBefore, &'e [EncodedEpisode<'o>])> {
        // Counting connections requires a look into every episode, so it is done only if needed.
        let connections: Vec<u64> = match self.tasks.split {
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

    /// Sorts all frames of a slice: those rebuilt in it, and those of earlier slices that waited
    /// for it.
    fn put_in_order(
        &self,
        slice: usize,
        rebuilt: Rebuilt<'a>,
        frames: &mut Slice,
    ) -> Result<Ready<'a>> {
        let mut runs = rebuilt.runs;
        let len = rebuilt.len.saturating_add(self.tasks.waiting.len(slice));
        let has_room = runs.is_empty() && len <= self.tasks.room.frames;
        rebuilt.frames.into_iter().for_each(|part| frames.add(part));
        if has_room {
            for part in self.tasks.waiting.take(slice)? {
                frames.add_waiting(part);
            }
            self.meter.packets.fetch_add(frames.count() as u64, Relaxed);
            let (ready, waited) = frames.in_order(&self.tasks.pool, self.tasks.split.is_some());
            self.tasks.waiting.give_back(waited);
            return Ok(Ready::Whole(ready));
        }
        self.tasks.waiting.drain(slice, |part| {
            frames.add_waiting(part);
            if frames.len() > self.tasks.room.frames {
                self.tasks
                    .waiting
                    .give_back(frames.spill(&mut runs, &self.tasks.pool)?);
            }
            Ok(())
        })?;
        self.tasks
            .waiting
            .give_back(frames.spill(&mut runs, &self.tasks.pool)?);
        Ok(Ready::SortedRuns(runs.merge(self.tasks.room.frames)?))
    }

    /// Writes the frames of a slice.
    fn put_out(&self, ready: Ready<'_>, capture: &mut CaptureWriter) -> Result<()> {
        let mut merge = match ready {
            Ready::Whole(parts) => {
                capture.write(&parts)?;
                self.tasks
                    .pool
                    .give_back(parts.into_iter().map(|part| part.bytes));
                return Ok(());
            }
            Ready::SortedRuns(merge) => merge,
        };
        let mut next = Ordered::default();
        loop {
            let count = next.refill(&mut merge, self.tasks.split.is_some())?;
            if count == 0 {
                return Ok(());
            }
            self.meter.packets.fetch_add(count, Relaxed);
            capture.write(std::slice::from_ref(&next))?;
        }
    }
}

/// The counts before a position in the order of episodes.
#[derive(Clone, Copy, Debug, Default)]
struct EpisodesBefore {
    episodes: u64,
    /// Counted only if parts are limited by connections.
    connections: u64,
}

/// Counts the connections of these episodes.
fn connections(episodes: &[EncodedEpisode<'_>]) -> u64 {
    let count = |episode: &EncodedEpisode<'_>| episode.connection_count() as u64;
    episodes.iter().map(count).sum()
}

/// Divides episodes into runs of about [`TASK_LEN`] bytes, or [`TASKS_MAX`] runs.
fn tasks<'e, 'o>(episodes: &'e [EncodedEpisode<'o>]) -> Vec<&'e [EncodedEpisode<'o>]> {
    let all_len: usize = episodes.iter().map(|episode| episode.bytes().len()).sum();
    let task_len = TASK_LEN.max(all_len / TASKS_MAX);
    let mut tasks = Vec::new();
    let mut rest = episodes;
    while !rest.is_empty() {
        let mut len = 0;
        let fitting = rest.iter().take_while(|episode| {
            let fits = len < task_len;
            len += episode.bytes().len();
            fits
        });
        let (task, after) = rest.split_at(fitting.count());
        tasks.push(task);
        rest = after;
    }
    tasks
}

#[cfg(test)]
mod tests;
