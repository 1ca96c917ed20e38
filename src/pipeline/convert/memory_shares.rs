//! How much of the memory each step of writing a capture may take.
//!
//! Beside the buckets, which may hold half of the memory, three slices of time are in work at once:
//! the frames of each take about twice their share on their way. So the shares here add up to less
//! than the other half.

/// Part of the memory that the frames of a slice may be when they are put in order at once.
const FRAMES_SHARE: u64 = 24;

/// Part of the memory that the stored episodes may be which are rebuilt at once.
const EPISODES_SHARE: u64 = 32;

/// Part of the frames of a slice that a task collects before it hands them over.
const TASK_SHARE: usize = 8;

/// The least frames that a step takes: with fewer it would do little but go to the disk.
const FRAMES_MIN: usize = 64 << 10;

/// The most frames that a task collects.
const TASK_MAX: usize = 1 << 20;

/// Bytes that steps may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryShares {
    /// Of the frames of a slice that are in memory at once.
    pub frames: usize,
    /// Of the stored episodes that are rebuilt at once.
    pub episodes: usize,
    /// Of the frames that a task collects.
    pub task: usize,
}

impl MemoryShares {
    /// The shares of `memory` bytes.
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
