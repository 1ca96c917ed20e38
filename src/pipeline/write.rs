//! From episodes to the capture, in order of time, without holding it all.
//!
//! Episodes stand in order of their start, so once all that start before an
//! instant are rebuilt, every frame before it is known. Episodes are taken in
//! batches; the frames of a batch go to *slices*, one for the time between the
//! starts of two batches. When a batch is done its slice is complete: it is
//! sorted, encoded on all cores and written. Only frames of connections that
//! outlast their batch wait for a later slice.
//!
//! The order of frames is that of time, then episode, then place in the
//! episode: the same for any number of threads.

use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

use rayon::prelude::*;

use crate::capture::Output;
use crate::connection::{Detail, Segment, rebuild};
use crate::error::Result;
use crate::pipeline::Meter;
use crate::pipeline::frames::{Framer, Placed};
use crate::pipeline::tell::{Episode, Told};
use crate::summary::{Connections, Packets};

/// Packets in a batch, about.
const BATCH_PACKETS: u64 = 1 << 18;

/// Frames that are encoded in one task.
const TASK_FRAMES: usize = 1 << 13;

/// Episodes that are rebuilt in one task.
const TASK_EPISODES: usize = 64;

/// Least distance between a connection and the one before it.
const STEP_NS: i64 = 1_000;

/// What was written.
#[derive(Default)]
pub(super) struct Written {
    pub connections: Connections,
    pub packets: Packets,
}

/// Rebuilds all episodes and writes their frames to `output`.
///
/// # Errors
/// What writing fails with.
pub(super) fn write_all(
    told: &Told,
    detail: Detail,
    framer: &Framer<'_>,
    output: &mut Output,
    meter: &Meter,
) -> Result<Written> {
    let batches = batches(&told.episodes, detail);
    let starts: Vec<i64> = batches
        .iter()
        .map(|batch| told.episodes[batch.start].start_ns)
        .collect();
    let mut slices: Vec<Vec<Placed>> = starts.iter().map(|_| Vec::new()).collect();
    let mut written = Written::default();
    for (k, batch) in batches.into_iter().enumerate() {
        let tasks: Vec<Range<usize>> = cut(batch, TASK_EPISODES);
        let rebuilt: Vec<Rebuilt> = tasks
            .into_par_iter()
            .map(|range| rebuild_episodes(told, range, detail))
            .collect();
        for part in rebuilt {
            written.connections.add(&part.connections);
            written.packets.add(&part.packets);
            for placed in part.placed {
                let slice = starts.partition_point(|start| *start <= placed.segment.time_ns);
                slices[slice.saturating_sub(1).max(k)].push(placed);
            }
        }
        let mut slice = std::mem::take(&mut slices[k]);
        slice.par_sort_unstable_by_key(|p| (p.segment.time_ns, p.order));
        for octets in slice
            .par_chunks(TASK_FRAMES)
            .map(|frames| encode(framer, frames))
            .collect::<Vec<_>>()
        {
            output.write_all(&octets)?;
        }
        meter.packets.fetch_add(slice.len() as u64, Relaxed);
    }
    Ok(written)
}

fn encode(framer: &Framer<'_>, frames: &[Placed]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(frames.len() * 128);
    framer.frames(frames, &mut octets);
    octets
}

/// Divides episodes into batches of about [`BATCH_PACKETS`]; all that start at one instant are in one.
fn batches(episodes: &[Episode], detail: Detail) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let (mut first, mut packets) = (0, 0_u64);
    for (i, episode) in episodes.iter().enumerate() {
        let full = packets >= BATCH_PACKETS && episodes[i - 1].start_ns < episode.start_ns;
        if full {
            batches.push(first..i);
            (first, packets) = (i, 0);
        }
        packets = packets.saturating_add(match detail {
            Detail::Exact => episode.packets,
            Detail::Compact { per_record_max } => episode.packets.min(per_record_max),
            Detail::Control => episode.packets.min(8),
        });
    }
    if first < episodes.len() {
        batches.push(first..episodes.len());
    }
    batches
}

/// Cuts a range into pieces of at most `len`.
fn cut(range: Range<usize>, len: usize) -> Vec<Range<usize>> {
    let end = range.end;
    range
        .step_by(len)
        .map(|start| start..(start + len).min(end))
        .collect()
}

/// The frames of some episodes.
#[derive(Default)]
struct Rebuilt {
    placed: Vec<Placed>,
    connections: Connections,
    packets: Packets,
}

fn rebuild_episodes(told: &Told, range: Range<usize>, detail: Detail) -> Rebuilt {
    let mut rebuilt = Rebuilt::default();
    let mut segments = Vec::new();
    for index in range {
        let mut last_ns = i64::MIN;
        let mut place = 0;
        for connection in &told.connections[told.episodes[index].connections.clone()] {
            let records = &told.observations[connection.clone()];
            segments.clear();
            let story = rebuild(records, detail, &mut segments);
            rebuilt.connections.moved_packets += story.moved + put_behind(last_ns, &mut segments);
            rebuilt.connections.presumed += u64::from(story.presumed);
            rebuilt.connections.count(story.outcome);
            for o in records {
                rebuilt.packets.logged += u128::from(o.packets);
                rebuilt.packets.bytes_logged += u128::from(o.bytes.unwrap_or(0));
            }
            let episode = u32::try_from(index).unwrap_or(u32::MAX);
            for segment in &segments {
                rebuilt.packets.written += 1;
                rebuilt.packets.bytes_written += u128::from(segment.original_len);
                let observation = connection.start + segment.record as usize;
                rebuilt
                    .placed
                    .push(Placed::new(*segment, observation, (episode, place), &story));
                place = place.saturating_add(1);
            }
            last_ns = segments.last().map_or(last_ns, |s| last_ns.max(s.time_ns));
        }
    }
    rebuilt
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
