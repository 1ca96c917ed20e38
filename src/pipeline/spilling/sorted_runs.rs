//! An external merge sort, for more items than fit in memory.
//!
//! The caller sorts as many items as fit and adds them as one run. Runs are written to a temporary
//! file, and a merge returns all their items in order, with a small buffer for each run. If there
//! are too many runs for that, some are merged into longer ones first.
//!
//! The final order depends only on the items, not on how they were divided into runs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::marker::PhantomData;

use crate::error::Result;
use crate::pipeline::spilling::temporary::{SpillFile, SpillFolder};

/// The fewest bytes that are read of a run at once.
const BUFFER_MIN: usize = 16 << 10;

/// The most bytes that are read of a run at once.
const BUFFER_MAX: usize = 1 << 20;

/// The fewest runs that are merged at once, with any memory limit.
const FAN_MIN: usize = 8;

/// The most runs that are merged at once, with any memory limit.
const FAN_MAX: usize = 512;

/// The head of an item, with its sort key. No two items of a sort are equal.
pub(crate) trait RunHead: Copy + Ord {
    /// This many bytes of an item, or all of it, are enough to read its head.
    const LEN_MAX: usize;

    /// Reads the head of the first item in `bytes`.
    fn read(bytes: &[u8]) -> Self;

    /// Returns the length of the whole item, including its head.
    fn item_len(&self) -> usize;
}

/// Sorted runs of items.
#[derive(Debug)]
pub(crate) struct SortedRuns<'a, H> {
    file: SpillFile<'a>,
    runs: Vec<SortedRun>,
    heads: PhantomData<H>,
}

/// A range of the file with one run.
#[derive(Clone, Copy, Debug)]
struct SortedRun {
    offset: u64,
    len: u64,
}

impl<'a, H: RunHead> SortedRuns<'a, H> {
    /// Creates an empty collection of runs.
    pub(crate) fn new(folder: &'a SpillFolder) -> Self {
        Self {
            file: SpillFile::new(folder),
            runs: Vec::new(),
            heads: PhantomData,
        }
    }

    /// Whether there is no run.
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Adds a run; `write` appends its items to the file, in order.
    ///
    /// # Errors
    /// The file cannot be created or written.
    pub(crate) fn add(
        &mut self,
        write: impl FnOnce(&mut SpillFile<'a>) -> Result<()>,
    ) -> Result<()> {
        let offset = self.file.end();
        write(&mut self.file)?;
        let len = self.file.end() - offset;
        if len > 0 {
            self.runs.push(SortedRun { offset, len });
        }
        self.file.flush()
    }

    /// Returns all items in order. The buffers take about `room` bytes.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub(crate) fn merge(mut self, room: usize) -> Result<RunMerge<'a, H>> {
        let fan = (room / BUFFER_MIN).clamp(FAN_MIN, FAN_MAX);
        let mut item = Vec::new();
        while self.runs.len() > fan {
            // Merge as few runs as necessary to reduce their number to what is merged at once.
            let count = fan.min(self.runs.len() - fan + 1);
            let longer = self.runs.split_off(self.runs.len() - count);
            let mut merge = RunMerge::<'_, H>::new(self.file, &longer, room)?;
            let offset = merge.file.end();
            while merge.next(0, &mut item)?.is_some() {
                merge.file.append(&item)?;
                item.clear();
            }
            merge.file.flush()?;
            self.file = merge.file;
            let len = self.file.end() - offset;
            // Insert it at the front, so that every run is merged about equally often.
            self.runs.insert(0, SortedRun { offset, len });
        }
        RunMerge::new(self.file, &self.runs, room)
    }
}

/// The items of several runs, in order.
#[derive(Debug)]
pub(crate) struct RunMerge<'a, H> {
    file: SpillFile<'a>,
    cursors: Vec<Cursor>,
    /// The first item of each run that has one, and the number of the run.
    next: BinaryHeap<Reverse<(H, usize)>>,
}

impl<'a, H: RunHead> RunMerge<'a, H> {
    fn new(mut file: SpillFile<'a>, runs: &[SortedRun], room: usize) -> Result<Self> {
        let buffer_len = (room / runs.len().max(1)).clamp(BUFFER_MIN, BUFFER_MAX);
        let (mut cursors, mut next) = (Vec::new(), BinaryHeap::new());
        for (number, run) in runs.iter().enumerate() {
            let mut cursor = Cursor::new(*run, buffer_len);
            if let Some(head) = cursor.head(&mut file)? {
                next.push(Reverse((head, number)));
            }
            cursors.push(cursor);
        }
        Ok(Self {
            file,
            cursors,
            next,
        })
    }

    /// Appends the next item to `out`, without its first `skipped` bytes; returns `None` after the
    /// last.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn next(&mut self, skipped: usize, out: &mut Vec<u8>) -> Result<Option<H>> {
        let Some(mut first) = self.next.peek_mut() else {
            return Ok(None);
        };
        let Reverse((head, number)) = *first;
        let cursor = &mut self.cursors[number];
        cursor.copy(&mut self.file, head.item_len(), skipped, out)?;
        match cursor.head(&mut self.file)? {
            Some(next) => *first = Reverse((next, number)),
            None => {
                PeekMut::pop(first);
                *cursor = Cursor::default();
            }
        }
        Ok(Some(head))
    }
}

/// A position in a run, with a buffer of the bytes after it.
#[derive(Debug, Default)]
struct Cursor {
    /// The rest of the run that is not read yet.
    offset: u64,
    left: u64,
    buffer: Vec<u8>,
    /// How many bytes of the buffer are used up.
    at: usize,
    buffer_len: usize,
}

impl Cursor {
    fn new(run: SortedRun, buffer_len: usize) -> Self {
        Self {
            offset: run.offset,
            left: run.len,
            buffer: Vec::new(),
            at: 0,
            buffer_len,
        }
    }

    /// Returns the head of the next item; `None` after the last.
    fn head<H: RunHead>(&mut self, file: &mut SpillFile<'_>) -> Result<Option<H>> {
        if self.buffer.len() - self.at < H::LEN_MAX && self.left > 0 {
            self.buffer.drain(..self.at);
            self.at = 0;
            let kept = self.buffer.len();
            let more = self.taken(self.buffer_len.max(H::LEN_MAX) - kept);
            self.buffer.resize(kept + more.1, 0);
            file.read(more.0, &mut self.buffer[kept..])?;
        }
        let rest = &self.buffer[self.at..];
        Ok((!rest.is_empty()).then(|| H::read(rest)))
    }

    /// Copies an item of `len` bytes, starting at its byte `skipped`. Bytes that are not in the
    /// buffer are read directly into `out`, so that a large item needs its memory only once.
    fn copy(
        &mut self,
        file: &mut SpillFile<'_>,
        len: usize,
        skipped: usize,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let end = self.buffer.len().min(self.at + len);
        let missing = len - (end - self.at);
        out.extend_from_slice(&self.buffer[self.at + skipped..end]);
        self.at = end;
        if missing > 0 {
            let (offset, missing) = self.taken(missing);
            let begin = out.len();
            out.resize(begin + missing, 0);
            file.read(offset, &mut out[begin..])?;
        }
        Ok(())
    }

    /// Reserves up to `len` unread bytes: returns their offset and number.
    fn taken(&mut self, len: usize) -> (u64, usize) {
        let len = usize::try_from(self.left).map_or(len, |left| len.min(left));
        let offset = self.offset;
        self.offset += len as u64;
        self.left -= len as u64;
        (offset, len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An item: a length, a number as sort key, and that many bytes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct NumberHead {
        number: u32,
        len: u32,
    }

    impl RunHead for NumberHead {
        const LEN_MAX: usize = 8;

        fn read(bytes: &[u8]) -> Self {
            let half = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
            Self {
                number: half(4),
                len: half(0),
            }
        }

        fn item_len(&self) -> usize {
            8 + self.len as usize
        }
    }

    fn item(number: u32) -> Vec<u8> {
        // A few items are larger than any buffer.
        let len = if number % 5_000 == 7 {
            BUFFER_MAX + 9
        } else {
            number as usize % 300
        };
        let mut bytes = u32::try_from(len).unwrap().to_le_bytes().to_vec();
        bytes.extend(number.to_le_bytes());
        bytes.resize(8 + len, number.to_le_bytes()[0]);
        bytes
    }

    /// Merges the numbers below `count`; `run_of` returns the run of each.
    fn merged(count: u32, runs: u32, run_of: impl Fn(u32) -> u32, room: usize) -> Vec<u8> {
        let temporary = tempfile::tempdir().unwrap();
        let folder = SpillFolder::new(temporary.path());
        let mut sorted = SortedRuns::<NumberHead>::new(&folder);
        for run in 0..runs {
            let numbers = (0..count).filter(|number| run_of(*number) == run);
            let write = |file: &mut SpillFile<'_>| {
                numbers.map(item).try_for_each(|item| file.append(&item))
            };
            sorted.add(write).unwrap();
        }
        assert_eq!(sorted.is_empty(), count == 0);
        let mut merge = sorted.merge(room).unwrap();
        let mut out = Vec::new();
        let mut expected = 0;
        while let Some(head) = merge.next(0, &mut out).unwrap() {
            assert_eq!(head.number, expected);
            expected += 1;
        }
        assert_eq!(expected, count);
        assert_eq!(merge.next(0, &mut out).unwrap(), None);
        out
    }

    #[test]
    fn items_are_in_order_for_any_division_into_runs() {
        let all: Vec<u8> = (0..12_000).flat_map(item).collect();
        assert!(merged(12_000, 1, |_| 0, 0) == all);
        assert!(merged(12_000, 5, |number| number * 7 % 5, 1 << 20) == all);
        // More runs than are merged at once, with small buffers: 60, then 8; some of them are
        // empty.
        assert!(merged(12_000, 60, |number| number / 100 % 55, 0) == all);
        assert!(merged(0, 3, |_| 0, 0).is_empty());
    }

    #[test]
    fn items_are_returned_without_the_skipped_bytes() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = SpillFolder::new(temporary.path());
        let mut runs = SortedRuns::<NumberHead>::new(&folder);
        for number in [4, 7] {
            runs.add(|file| file.append(&item(number))).unwrap();
        }
        let mut merge = runs.merge(0).unwrap();
        let mut out = Vec::new();
        assert!(merge.next(8, &mut out).unwrap().is_some());
        assert_eq!(out, [4; 4]);
        out.clear();
        assert!(merge.next(8, &mut out).unwrap().is_some());
        assert!(out == [7; BUFFER_MAX + 9]);
    }

    #[test]
    fn unusable_folder_is_named_in_the_error() {
        let folder = SpillFolder::new(std::path::Path::new("/no/such/folder"));
        let mut runs = SortedRuns::<NumberHead>::new(&folder);
        let error = runs.add(|file| file.append(&item(1))).unwrap_err();
        assert!(error.to_string().contains("/no/such/folder"));
    }
}
