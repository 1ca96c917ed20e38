//! The frames of one slice of time, handed over by all tasks that rebuild it.
//!
//! They stay in memory while they have room. Whoever hands over one too many sorts all that are
//! there and moves them to a temporary file, while the others wait for that: so memory is bounded
//! whatever the tasks make.

use std::sync::{Mutex, PoisonError};

use crate::error::Result;
use crate::pipeline::convert::frames::{FrameHead, Frames};
use crate::pipeline::convert::ordering::Slice;
use crate::pipeline::convert::pool::Pool;
use crate::pipeline::spilling::sorted_runs::SortedRuns;
use crate::pipeline::spilling::temporary::SpillFolder;

/// What tasks have handed over so far.
pub(crate) struct Rebuilding<'a> {
    rebuilt: Mutex<Rebuilt<'a>>,
    /// Bytes that may be in memory.
    room: usize,
    pool: &'a Pool,
}

/// The frames of a slice that were rebuilt in it.
pub(crate) struct Rebuilt<'a> {
    /// Those in memory.
    pub frames: Vec<Frames>,
    /// Bytes of those in memory, as if each had its head in front.
    pub len: usize,
    /// All others.
    pub runs: SortedRuns<'a, FrameHead>,
}

impl<'a> Rebuilt<'a> {
    /// None yet; what has no room goes to `folder`.
    pub(crate) fn new(folder: &'a SpillFolder) -> Self {
        Self {
            frames: Vec::new(),
            len: 0,
            runs: SortedRuns::new(folder),
        }
    }
}

impl<'a> Rebuilding<'a> {
    /// Nothing is handed over yet; `room` bytes of frames stay in memory, about.
    pub(crate) fn new(folder: &'a SpillFolder, room: usize, pool: &'a Pool) -> Self {
        Self {
            rebuilt: Mutex::new(Rebuilt::new(folder)),
            room,
            pool,
        }
    }

    /// Takes frames in.
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

    /// All that was handed over.
    pub(crate) fn complete(self) -> Rebuilt<'a> {
        self.rebuilt
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
