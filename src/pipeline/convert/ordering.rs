//! Sorts the frames of one time slice.
//!
//! Sorting moves a small entry for each frame; the bytes are copied once, to their final place. Entries are
//! first grouped by short intervals of time, so that what is left to sort is a few entries in each.

use rayon::prelude::*;

use crate::error::Result;
use crate::pipeline::convert::frames::{FrameEnd, PartTag};
use crate::pipeline::convert::frames::{FrameHead, FrameKey, Frames, HEAD_LEN, Ordered};
use crate::pipeline::convert::pool::Pool;
use crate::pipeline::spilling::sorted_runs::{RunHead as _, SortedRuns};

/// Frames that are sorted and copied in one task.
const TASK_FRAMES: usize = 1 << 12;

/// Approximate number of frames in an interval that is sorted separately.
const STRETCH_FRAMES: usize = 2;

/// The position of a frame in the unsorted bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct FrameEntry {
    key: FrameKey,
    len: u32,
    tag: PartTag,
    /// Which run of bytes (20 bits), and the offset in it (44 bits).
    at: u64,
}

impl FrameEntry {
    /// Returns the frame, which is in one of `runs`.
    fn bytes<'r>(&self, runs: &'r [Vec<u8>]) -> &'r [u8] {
        let run = &runs[(self.at >> OFFSET_BITS) as usize];
        let offset = (self.at & ((1 << OFFSET_BITS) - 1)) as usize;
        &run[offset..offset + self.len as usize]
    }
}

/// Bits of [`FrameEntry::at`] for the offset in a run.
const OFFSET_BITS: u32 = 44;

/// All frames of a slice, to be sorted.
#[derive(Debug, Default)]
pub(crate) struct Slice {
    runs: Vec<Vec<u8>>,
    /// How many of `runs` belong to the pool: the first ones.
    pooled: usize,
    /// Bytes of all frames, including a header for each.
    len: usize,
    entries: Vec<FrameEntry>,
    /// Buffer for the entries grouped by time.
    spread: Vec<FrameEntry>,
}

impl Slice {
    /// Adds frames of this slice.
    pub(crate) fn add(&mut self, frames: Frames) {
        self.len += frames.len();
        let mut at = (self.runs.len() as u64) << OFFSET_BITS;
        self.entries
            .extend(frames.keys.into_iter().map(|(key, len, tag)| {
                let entry = FrameEntry { key, len, tag, at };
                at += u64::from(len);
                entry
            }));
        self.runs.push(frames.bytes);
        self.pooled = self.runs.len();
    }

    /// Adds frames that waited for this slice, after all others.
    pub(crate) fn add_waiting(&mut self, part: Vec<u8>) {
        self.len += part.len();
        let run = (self.runs.len() as u64) << OFFSET_BITS;
        let mut rest = &part[..];
        while !rest.is_empty() {
            let head = FrameHead::read(rest);
            let (_, frame) = rest.split_at(HEAD_LEN);
            let at = run | (part.len() - frame.len()) as u64;
            let FrameHead { key, len, tag } = head;
            self.entries.push(FrameEntry { key, len, tag, at });
            rest = &rest[head.item_len()..];
        }
        self.runs.push(part);
    }

    /// Returns the number of frames.
    pub(crate) fn count(&self) -> usize {
        self.entries.len()
    }

    /// Returns the total length in bytes, including a header for each frame.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Takes all frames out in order, in parts, with the end of each frame if `cut` is set; also
    /// returns the buffers in which frames had waited.
    pub(crate) fn in_order(&mut self, pool: &Pool, cut: bool) -> (Vec<Ordered>, Vec<Vec<u8>>) {
        let ends = self.spread_by_time();
        let mut rest = &mut self.spread[..];
        let mut tasks = Vec::new();
        let (mut begin, mut first) = (0, 0);
        for (i, end) in ends.iter().enumerate() {
            if end - begin >= TASK_FRAMES || i + 1 == ends.len() {
                let (task, after) = rest.split_at_mut(end - begin);
                tasks.push((task, begin, &ends[first..=i]));
                (rest, begin, first) = (after, *end, i + 1);
            }
        }
        let runs = &self.runs;
        let gathered = tasks.into_par_iter().map(|(task, begin, ends)| {
            sort_stretches(task, begin, ends);
            let cuts = if cut { cuts(task) } else { Vec::new() };
            let bytes = gather(task, runs, pool.take());
            Ordered { bytes, cuts }
        });
        let gathered = gathered.collect();
        (gathered, self.empty(pool))
    }

    /// Sorts all frames into one run of `runs`; also returns the buffers in which frames had
    /// waited. Uses no other thread, so a lock may be held during the call.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub(crate) fn spill(
        &mut self,
        runs: &mut SortedRuns<'_, FrameHead>,
        pool: &Pool,
    ) -> Result<Vec<Vec<u8>>> {
        let ends = self.spread_by_time();
        sort_stretches(&mut self.spread, 0, &ends);
        runs.add(|file| {
            self.spread.iter().try_for_each(|e| {
                let (key, len, tag) = (e.key, e.len, e.tag);
                file.append(&FrameHead { key, len, tag }.bytes())?;
                file.append(e.bytes(&self.runs))
            })
        })?;
        Ok(self.empty(pool))
    }

    /// Removes all frames; returns the buffers in which frames had waited.
    fn empty(&mut self, pool: &Pool) -> Vec<Vec<u8>> {
        let waited = self.runs.split_off(std::mem::take(&mut self.pooled));
        pool.give_back(self.runs.drain(..));
        self.entries.clear();
        self.len = 0;
        waited
    }

    /// Groups entries by equal intervals of time, with few entries in each, and returns where each
    /// interval ends.
    ///
    /// Sorting many short intervals takes a quarter of the time of sorting everything at once.
    fn spread_by_time(&mut self) -> Vec<usize> {
        let entries = &self.entries;
        let times = entries.iter().map(|e| e.key.time_ns);
        let (Some(first), Some(last)) = (times.clone().min(), times.max()) else {
            self.spread.clear();
            return Vec::new();
        };
        let stretch = Stretches::new(first, last, entries.len() / STRETCH_FRAMES + 1);
        let stretches = stretch.count;
        let mut next = vec![0_usize; stretches + 1];
        entries.iter().for_each(|e| next[stretch.of(e) + 1] += 1);
        for i in 0..stretches {
            next[i + 1] += next[i];
        }
        // Every entry is overwritten below.
        self.spread.resize(entries.len(), entries[0]);
        for e in entries {
            let place = &mut next[stretch.of(e)];
            self.spread[*place] = *e;
            *place += 1;
        }
        // Each position is now the end of its interval.
        next.truncate(stretches);
        next
    }
}

/// Sorts each interval within `entries`; `ends` count from `begin` before the first entry.
fn sort_stretches(mut entries: &mut [FrameEntry], mut begin: usize, ends: &[usize]) {
    for end in ends {
        let (stretch, after) = entries.split_at_mut(end - begin);
        stretch.sort_unstable();
        (entries, begin) = (after, *end);
    }
}

/// Equal intervals of a span of time, each 2ⁿ nanoseconds long: a shift for each entry instead of a
/// division.
struct Stretches {
    first_ns: i64,
    shift: u32,
    count: usize,
}

impl Stretches {
    /// Divides the span from `first_ns` to `last_ns` into at most `count_max` intervals.
    fn new(first_ns: i64, last_ns: i64, count_max: usize) -> Self {
        let span = last_ns.abs_diff(first_ns);
        let is_short = |shift: &u32| (span >> shift) < count_max as u64;
        let shift = (0..u64::BITS - 1).find(is_short).unwrap_or(u64::BITS - 1);
        Self {
            first_ns,
            shift,
            count: usize::try_from(span >> shift).unwrap_or(0) + 1,
        }
    }

    #[inline]
    fn of(&self, e: &FrameEntry) -> usize {
        let since = e.key.time_ns.abs_diff(self.first_ns) >> self.shift;
        #[expect(clippy::cast_possible_truncation, reason = "it is less than `count`")]
        let index = since as usize;
        index
    }
}

/// Copies the bytes of sorted entries.
fn gather(entries: &[FrameEntry], runs: &[Vec<u8>], mut out: Vec<u8>) -> Vec<u8> {
    out.reserve(entries.iter().map(|e| e.len as usize).sum());
    for e in entries {
        out.extend_from_slice(e.bytes(runs));
    }
    out
}

/// Returns the ends, keys and tags of sorted entries.
fn cuts(entries: &[FrameEntry]) -> Vec<FrameEnd> {
    let cut = |e: &FrameEntry| FrameEnd {
        len: e.len,
        tag: e.tag,
        time_ns: e.key.time_ns,
    };
    entries.iter().map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::convert::frames::put_waiting;
    use crate::pipeline::spilling::temporary::SpillFolder;

    fn key(time_ns: i64, episode: u64, place: u32) -> FrameKey {
        FrameKey {
            time_ns,
            conversation: episode % 3,
            episode,
            place,
        }
    }

    fn concat(ordered: &[Ordered]) -> Vec<u8> {
        ordered.iter().flat_map(|part| part.bytes.clone()).collect()
    }

    #[test]
    fn frames_are_in_order_of_time_episode_and_position() {
        let mut made = Frames::default();
        let mut waiting = Vec::new();
        let mut expected = Vec::new();
        for i in 0..50_000_u64 {
            // Bursts and idle times, and many frames at one instant.
            let time_ns = (i * i % 9_973).pow(3).cast_signed() - 500;
            let key = key(time_ns, i % 7, (i % 65_536) as u32);
            let bytes = i.to_le_bytes();
            let tag = PartTag::new((i % 1_000) as u32, i % 5 == 0);
            expected.push((key, bytes, tag));
            if i % 3 == 0 {
                put_waiting(key, tag, |out| out.extend_from_slice(&bytes), &mut waiting);
            } else {
                made.push(key, tag, |out| out.extend_from_slice(&bytes));
            }
        }
        let mut slice = Slice::default();
        slice.add(made);
        slice.add_waiting(waiting);
        assert_eq!(slice.count(), 50_000);
        expected.sort_unstable();
        let bytes: Vec<u8> = expected.iter().flat_map(|(_, bytes, _)| *bytes).collect();
        let (ordered, _) = slice.in_order(&Pool::new(usize::MAX), true);
        assert!(concat(&ordered) == bytes);
        let cuts = ordered.iter().flat_map(|part| &part.cuts);
        assert!(
            cuts.eq(&expected
                .iter()
                .map(|(key, _, tag)| FrameEnd {
                    len: 8,
                    tag: *tag,
                    time_ns: key.time_ns,
                })
                .collect::<Vec<_>>())
        );
    }

    #[test]
    fn frames_at_one_instant_or_none_are_in_order_too() {
        assert!(
            Slice::default()
                .in_order(&Pool::new(usize::MAX), false)
                .0
                .is_empty()
        );
        let mut made = Frames::default();
        for place in (0..9_000).rev() {
            made.push(key(i64::MAX, 0, place), PartTag::default(), |out| {
                out.extend_from_slice(&place.to_le_bytes())
            });
        }
        made.push(key(i64::MIN, 0, 0), PartTag::default(), |out| out.push(77));
        let mut slice = Slice::default();
        slice.add(made);
        let (ordered, _) = slice.in_order(&Pool::new(usize::MAX), false);
        assert!(ordered.iter().all(|part| part.cuts.is_empty()));
        let bytes = concat(&ordered);
        assert_eq!(
            (bytes[0], &bytes[1..9]),
            (77, &[0, 0, 0, 0, 1, 0, 0, 0][..])
        );
    }

    #[test]
    fn frames_merged_from_runs_equal_frames_sorted_at_once() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = SpillFolder::new(temporary.path());
        let pool = Pool::new(usize::MAX);
        let (mut whole, mut slice) = (Slice::default(), Slice::default());
        let mut runs = SortedRuns::new(&folder);
        for run in 0..40_u8 {
            let (mut made, mut same, mut waiting) =
                (Frames::default(), Frames::default(), Vec::new());
            for i in 0..500_u32 {
                let key = key((i * 7_919 % 97).into(), run.into(), i);
                let tag = PartTag::new(i % 1_000, i % 5 == 0);
                let bytes = vec![run; (i % 200) as usize];
                same.push(key, tag, |out| out.extend_from_slice(&bytes));
                if i % 3 == 0 {
                    put_waiting(key, tag, |out| out.extend_from_slice(&bytes), &mut waiting);
                } else {
                    made.push(key, tag, |out| out.extend_from_slice(&bytes));
                }
            }
            assert!(made.len() + waiting.len() == same.len());
            whole.add(same);
            slice.add(made);
            slice.add_waiting(waiting);
            assert_eq!(slice.spill(&mut runs, &pool).unwrap().len(), 1);
            assert_eq!((slice.count(), slice.len()), (0, 0));
        }
        let (expected, _) = whole.in_order(&pool, true);
        let mut merge = runs.merge(0).unwrap();
        let (mut bytes, mut cuts) = (Vec::new(), Vec::new());
        let mut next = Ordered::default();
        while next.refill(&mut merge, true).unwrap() > 0 {
            bytes.extend_from_slice(&next.bytes);
            cuts.extend_from_slice(&next.cuts);
        }
        assert!(bytes == concat(&expected));
        assert!(cuts.iter().eq(expected.iter().flat_map(|part| &part.cuts)));
    }
}
