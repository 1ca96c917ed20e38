//! The memory limits of the steps of writing a capture.
//!
//! The buckets may use half of the memory. In addition, three time slices are processed at once,
//! and the frames of each need about twice their share on the way. So the shares here add up to
//! less than the other half.

/// The part of the memory for frames of a slice that are sorted at once.
const FRAMES_SHARE: u64 = 24;

/// The part of the memory for stored episodes that are rebuilt at once.
const EPISODES_SHARE: u64 = 32;

/// The part of a slice's frames that a task collects before it passes them on.
const TASK_SHARE: usize = 8;

/// The minimum bytes of frames in a step; with fewer, most of the time would be spent on the disk.
const FRAMES_MIN: usize = 64 << 10;

/// The most bytes of frames that a task collects.
const TASK_MAX: usize = 1 << 20;

/// The memory limits of the steps, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryShares {
    /// Frames of a slice in memory at once.
    pub frames: usize,
    /// Stored episodes that are rebuilt at once.
    pub episodes: usize,
    /// Frames that a task collects.
    pub task: usize,
}

impl MemoryShares {
    /// Divides `memory` bytes.
    pub(crate) fn within(memory: u64) -> Self {
        let share = |of: u64| usize::try_from(memory / of).unwrap_or(usize::MAX);
        let frames = share(FRAMES_SHARE).max(FRAMES_MIN);
        Self {
            frames,
            episodes: share(EPISODES_SHARE),
            task: (frames / TASK_SHARE).min(TASK_MAX),
        }
    }
}
