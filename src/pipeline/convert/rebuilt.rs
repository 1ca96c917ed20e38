//! Collects the frames of one time slice from all tasks that rebuild it.
//!
//! Frames stay in memory while they fit. The task that exceeds the limit sorts all frames that are
//! there and moves them to a temporary file, while the other tasks wait. So memory is bounded for
//! any number of frames.

use std::sync::{Mutex, PoisonError};

use crate::error::Result;
use crate::pipeline::convert::frames::{FrameHead, Frames};
use crate::pipeline::convert::ordering::Slice;
use crate::pipeline::convert::pool::Pool;
use crate::pipeline::spilling::sorted_runs::SortedRuns;
use crate::pipeline::spilling::temporary::SpillFolder;

/// The frames that tasks have passed on so far.
pub(crate) struct Rebuilding<'a> {
    rebuilt: Mutex<Rebuilt<'a>>,
    /// The most bytes in memory.
    room: usize,
    pool: &'a Pool,
}

/// The frames of a slice that were rebuilt in it.
pub(crate) struct Rebuilt<'a> {
    /// The frames in memory.
    pub frames: Vec<Frames>,
    /// Bytes of the frames in memory, including a header for each.
    pub len: usize,
    /// The other frames, on disk.
    pub runs: SortedRuns<'a, FrameHead>,
}

impl<'a> Rebuilt<'a> {
    /// Creates an empty collection; frames that do not fit are written to `folder`.
    pub(crate) fn new(folder: &'a SpillFolder) -> Self {
        Self {
            frames: Vec::new(),
            len: 0,
            runs: SortedRuns::new(folder),
        }
    }
}

impl<'a> Rebuilding<'a> {
    /// Creates an empty collection; about `room` bytes of frames stay in memory.
    pub(crate) fn new(folder: &'a SpillFolder, room: usize, pool: &'a Pool) -> Self {
        Self {
            rebuilt: Mutex::new(Rebuilt::new(folder)),
            room,
            pool,
        }
    }

    /// Adds frames.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub(crate) fn hand_over(&self, frames: Frames) -> Result<()> {
        let mut rebuilt = self.rebuilt.lock().unwrap_or_else(PoisonError::into_inner);
        let Rebuilt {
            frames: held,
            len,
            runs,
        } = &mut *rebuilt;
        *len += frames.len();
        held.push(frames);
        if *len > self.room {
            let mut slice = Slice::default();
            held.drain(..).for_each(|frames| slice.add(frames));
            slice.spill(runs, self.pool)?;
            *len = 0;
        }
        Ok(())
    }

    /// Returns all frames.
    pub(crate) fn complete(self) -> Rebuilt<'a> {
        self.rebuilt
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
