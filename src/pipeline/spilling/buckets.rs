//! Items grouped into buckets: in memory while they fit, otherwise in a temporary file.
//!
//! An archive is not stored in the order in which it is needed. Records come by file and are needed
//! by conversation; connections come by conversation and are needed by time. So each stage puts its
//! output into the bucket from which the next stage takes it. The buckets share one memory limit:
//! when it is reached, everything in memory is moved to one temporary file, in which each bucket
//! has its ranges.
//!
//! A bucket knows only its last range, and each range says where the previous one is, so the memory
//! does not grow with the file.
//!
//! The order of the items of a bucket depends on threads and memory: the stage that takes them has
//! to sort them.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Result;
use crate::pipeline::spilling::temporary::{SpillFile, SpillFolder};

/// The most bytes by which a bucket grows at once.
const CHUNK_MAX: usize = 16 << 10;

/// The fewest bytes by which a bucket grows at once.
const CHUNK_MIN: usize = 512;

/// Average number of chunks for each bucket when the limit is reached: with fewer, most chunks
/// would be almost empty when they are written to the file.
const CHUNKS_EACH: usize = 4;

/// The most chunks kept for reuse.
const SPARE_MAX: usize = 2 << 10;

/// The part of the memory limit for chunks that are kept for reuse.
const SPARE_SHARE: usize = 8;

/// Approximate bytes of a range of the file: a bucket is read back in such parts.
const STRETCH_LEN: usize = 256 << 10;

/// Bytes before a range: the offset and the length of the previous one.
const LINK_LEN: usize = 16;

/// Buckets that several threads fill and that are emptied one at a time.
#[derive(Debug)]
pub(crate) struct Buckets<'a> {
    buckets: Vec<Mutex<Bucket>>,
    /// Bytes of all chunks in memory. May be negative for a moment: a chunk can be spilled before
    /// the thread that filled it has counted it.
    held: AtomicI64,
    held_max: usize,
    chunk_len: usize,
    file: Mutex<SpillFile<'a>>,
    folder: &'a SpillFolder,
    /// Chunks for reuse, so that the operating system does not have to clear new pages.
    spare: Mutex<Vec<Vec<u8>>>,
}

#[derive(Debug, Default)]
struct Bucket {
    chunks: Vec<Vec<u8>>,
    /// Bytes of all its ranges in the file.
    spilled_len: u64,
    last: Option<FileRange>,
}

/// A range of the temporary file: a link to the previous range, then whole items.
#[derive(Clone, Copy, Debug)]
struct FileRange {
    offset: u64,
    /// Bytes of the items.
    len: u64,
}

impl FileRange {
    /// Returns the link to write before the range that follows this one.
    fn link(stretch: Option<Self>) -> [u8; LINK_LEN] {
        let mut link = [0; LINK_LEN];
        if let Some(Self { offset, len }) = stretch {
            link[..8].copy_from_slice(&offset.to_le_bytes());
            link[8..].copy_from_slice(&len.to_le_bytes());
        }
        link
    }

    /// Returns the range that a link points to, if any; no range is empty.
    fn before(link: [u8; LINK_LEN]) -> Option<Self> {
        let word = |at: usize| u64::from_le_bytes(link[at..at + 8].try_into().expect("8 bytes"));
        let (offset, len) = (word(0), word(8));
        (len > 0).then_some(Self { offset, len })
    }
}

impl<'a> Buckets<'a> {
    /// Creates `count` buckets, which together hold about `held_max` bytes in memory.
    pub(crate) fn new(count: usize, held_max: usize, folder: &'a SpillFolder) -> Self {
        let chunk_len = held_max / (CHUNKS_EACH * count.max(1));
        Self {
            buckets: (0..count).map(|_| Mutex::default()).collect(),
            held: AtomicI64::new(0),
            held_max,
            chunk_len: chunk_len.clamp(CHUNK_MIN, CHUNK_MAX),
            file: Mutex::new(SpillFile::new(folder)),
            folder,
            spare: Mutex::default(),
        }
    }

    /// Returns the memory limit in bytes.
    pub(crate) fn held_max(&self) -> usize {
        self.held_max
    }

    /// Returns the folder for temporary files.
    pub(crate) fn folder(&self) -> &'a SpillFolder {
        self.folder
    }

    /// Returns the number of buckets.
    pub(crate) fn count(&self) -> usize {
        self.buckets.len()
    }

    /// Adds whole items, at least one, to a bucket.
    ///
    /// # Errors
    /// The temporary file cannot be created or written.
    pub(crate) fn put(&self, bucket: usize, items: &[u8]) -> Result<()> {
        debug_assert!(!items.is_empty());
        let grown = self.put_in(&mut lock(&self.buckets[bucket]), items);
        if grown > 0 {
            let grown = len_i64(grown);
            if self.held.fetch_add(grown, Relaxed) > len_i64(self.held_max) - grown {
                self.spill()?;
            }
        }
        Ok(())
    }

    /// Empties a bucket. Each part holds whole items.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub(crate) fn take(&self, bucket: usize) -> Result<Vec<Vec<u8>>> {
        let mut parts = Vec::new();
        self.drain(bucket, |part| {
            parts.push(part);
            Ok(())
        })?;
        Ok(parts)
    }

    /// Empties a bucket part by part, without holding all of it in memory at once.
    ///
    /// # Errors
    /// The temporary file cannot be read, or `take_in` fails.
    pub(crate) fn drain(
        &self,
        bucket: usize,
        mut take_in: impl FnMut(Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let Bucket { chunks, last, .. } = std::mem::take(&mut *lock(&self.buckets[bucket]));
        self.held.fetch_sub(capacity(&chunks), Relaxed);
        chunks.into_iter().try_for_each(&mut take_in)?;
        self.read_back(last, take_in)
    }

    /// Does the same with copies, and leaves the bucket as it is.
    ///
    /// # Errors
    /// The temporary file cannot be read, or `take_in` fails.
    pub(crate) fn copy(
        &self,
        bucket: usize,
        mut take_in: impl FnMut(Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let (chunks, last) = {
            let bucket = lock(&self.buckets[bucket]);
            (bucket.chunks.clone(), bucket.last)
        };
        chunks.into_iter().try_for_each(&mut take_in)?;
        self.read_back(last, take_in)
    }

    /// Passes on the ranges up to this one, the last first.
    fn read_back(
        &self,
        mut last: Option<FileRange>,
        mut take_in: impl FnMut(Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        while let Some(stretch) = last {
            let (part, before) = self.read(stretch)?;
            take_in(part)?;
            last = before;
        }
        Ok(())
    }

    /// Returns the bytes in a bucket.
    pub(crate) fn len(&self, bucket: usize) -> usize {
        let bucket = lock(&self.buckets[bucket]);
        let held: usize = bucket.chunks.iter().map(Vec::len).sum();
        let spilled = usize::try_from(bucket.spilled_len).unwrap_or(usize::MAX);
        held.saturating_add(spilled)
    }

    /// Appends items; returns the growth of the bucket in bytes.
    fn put_in(&self, bucket: &mut Bucket, items: &[u8]) -> usize {
        if let Some(last) = bucket.chunks.last_mut()
            && last.capacity() - last.len() >= items.len()
        {
            last.extend_from_slice(items);
            return 0;
        }
        let spare = if items.len() > self.chunk_len {
            None
        } else {
            lock(&self.spare).pop()
        };
        let new = || Vec::with_capacity(self.chunk_len.max(items.len()));
        let mut chunk = spare.unwrap_or_else(new);
        chunk.extend_from_slice(items);
        let grown = chunk.capacity();
        bucket.chunks.push(chunk);
        grown
    }

    /// Takes parts back for reuse.
    pub(crate) fn give_back(&self, parts: Vec<Vec<u8>>) {
        let mut spare = lock(&self.spare);
        let most = SPARE_MAX.min(self.held_max / SPARE_SHARE / self.chunk_len);
        let room = most.saturating_sub(spare.len());
        let chunks = parts
            .into_iter()
            .filter(|part| part.capacity() == self.chunk_len);
        spare.extend(chunks.take(room).map(|mut chunk| {
            chunk.clear();
            chunk
        }));
    }

    /// Returns the items of a range, and the previous range.
    fn read(&self, stretch: FileRange) -> Result<(Vec<u8>, Option<FileRange>)> {
        let len = usize::try_from(stretch.len).expect("it was in memory");
        let (mut link, mut part) = ([0; LINK_LEN], vec![0; len]);
        let mut file = lock(&self.file);
        file.read(stretch.offset, &mut link)?;
        file.read(stretch.offset + LINK_LEN as u64, &mut part)?;
        Ok((part, FileRange::before(link)))
    }

    /// Moves everything in memory to the file; other threads that reach the limit wait.
    fn spill(&self) -> Result<()> {
        let mut file = lock(&self.file);
        if self.held.load(Relaxed) <= len_i64(self.held_max) {
            return Ok(()); // another thread has just done it
        }
        // Each bucket stays locked until it knows its ranges: otherwise a thread that empties it
        // would miss them.
        for bucket in &self.buckets {
            self.spill_bucket(&mut lock(bucket), &mut file)?;
        }
        file.flush()
    }

    fn spill_bucket(&self, bucket: &mut Bucket, file: &mut SpillFile<'_>) -> Result<()> {
        let chunks = std::mem::take(&mut bucket.chunks);
        let mut rest = &chunks[..];
        while !rest.is_empty() {
            let mut len = 0;
            let fitting = rest.iter().take_while(|chunk| {
                let fits = len < STRETCH_LEN;
                if fits {
                    len += chunk.len();
                }
                fits
            });
            let (stretch, after) = rest.split_at(fitting.count());
            let (offset, len) = (file.end(), len as u64);
            file.append(&FileRange::link(bucket.last))?;
            stretch.iter().try_for_each(|chunk| file.append(chunk))?;
            bucket.last = Some(FileRange { offset, len });
            bucket.spilled_len += len;
            rest = after;
        }
        self.held.fetch_sub(capacity(&chunks), Relaxed);
        Ok(())
    }
}

fn capacity(chunks: &[Vec<u8>]) -> i64 {
    len_i64(chunks.iter().map(Vec::capacity).sum())
}

/// No vector is longer (`Vec`, "Guarantees"), so capping the limit does not reduce it.
fn len_i64(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// Every bucket is complete between two calls, so a panic elsewhere does not corrupt it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn sorted_items(parts: &[Vec<u8>]) -> Vec<u32> {
        let items = parts.iter().flat_map(|part| part.chunks_exact(4));
        let mut items: Vec<u32> = items
            .map(|i| u32::from_le_bytes(i.try_into().unwrap()))
            .collect();
        items.sort_unstable();
        items
    }

    #[test]
    fn copy_of_a_bucket_has_its_items_and_leaves_them() {
        let folder = SpillFolder::new(Path::new("/tmp"));
        for held_max in [usize::MAX, 0] {
            let buckets = Buckets::new(3, held_max, &folder);
            filled(&buckets, 10_000);
            let mut copies = Vec::new();
            let keep = |part| {
                copies.push(part);
                Ok(())
            };
            buckets.copy(1, keep).unwrap();
            let copied = sorted_items(&copies);
            assert_eq!(copied.len(), 3_333);
            assert_eq!(copied, sorted_items(&buckets.take(1).unwrap()));
        }
    }

    fn filled(buckets: &Buckets<'_>, count: u32) {
        for item in 0..count {
            buckets.put(item as usize % 3, &item.to_le_bytes()).unwrap();
        }
    }

    #[test]
    fn take_returns_all_items_in_memory_or_spilled() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = SpillFolder::new(temporary.path());
        for held_max in [usize::MAX, 100_000, 0] {
            let buckets = Buckets::new(3, held_max, &folder);
            filled(&buckets, 60_000);
            let expected: Vec<u32> = (1..60_000).step_by(3).collect();
            assert_eq!(sorted_items(&buckets.take(1).unwrap()), expected);
            assert!(buckets.take(1).unwrap().is_empty());
        }
        assert!(folder.spilled() > 0);
    }

    #[test]
    fn full_buckets_go_to_a_file_without_a_name() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = SpillFolder::new(temporary.path());
        let buckets = Buckets::new(3, 4 * CHUNK_MAX, &folder);
        filled(&buckets, 60_000);
        assert!(folder.spilled() > 100_000);
        assert!((0..=4 * 16_384).contains(&buckets.held.load(Relaxed)));
        assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
    }

    #[test]
    fn no_item_is_lost_while_other_threads_spill() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = SpillFolder::new(temporary.path());
        let buckets = Buckets::new(3, 2 * CHUNK_MAX, &folder);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| filled(&buckets, 30_000));
            }
        });
        for bucket in 0..3_u32 {
            let items = (bucket..30_000).step_by(3);
            let expected: Vec<u32> = items.flat_map(|item| [item; 4]).collect();
            assert_eq!(
                sorted_items(&buckets.take(bucket as usize).unwrap()),
                expected
            );
        }
        assert_eq!(buckets.held.load(Relaxed), 0);
    }

    #[test]
    fn item_larger_than_a_chunk_stays_whole() {
        let folder = SpillFolder::new(Path::new("unused"));
        let buckets = Buckets::new(1, usize::MAX, &folder);
        buckets.put(0, &[1; 5]).unwrap();
        buckets.put(0, &vec![2; 3 * CHUNK_MAX]).unwrap();
        let parts = buckets.take(0).unwrap();
        assert_eq!(
            parts.iter().map(Vec::len).collect::<Vec<_>>(),
            [5, 3 * CHUNK_MAX]
        );
    }

    #[test]
    fn bucket_that_is_emptied_while_others_spill_is_complete() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = SpillFolder::new(temporary.path());
        for _ in 0..50 {
            let buckets = Buckets::new(2, 8 << 10, &folder);
            for item in 0..500_u32 {
                buckets.put(1, &item.to_le_bytes()).unwrap();
            }
            let taken = std::thread::scope(|scope| {
                scope.spawn(|| {
                    (0..20_000_u32).for_each(|n| buckets.put(0, &n.to_le_bytes()).unwrap())
                });
                buckets.take(1).unwrap()
            });
            assert_eq!(sorted_items(&taken).len(), 500);
        }
    }

    #[test]
    fn many_buckets_are_spilled_in_large_ranges() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = SpillFolder::new(temporary.path());
        let buckets = Buckets::new(4_096, 16 << 20, &folder);
        let item = [7; 100];
        for i in 0..1_000_000_usize {
            buckets.put(i * 7_919 % 4_096, &item).unwrap();
        }
        // A spill moves almost everything in memory, so a bucket is read back in a few parts.
        assert!(folder.spilled() > 60_000_000, "{}", folder.spilled());
        let all: usize = (0..4_096).map(|bucket| buckets.len(bucket)).sum();
        assert_eq!(all, 100_000_000);
        let parts = buckets.take(3).unwrap();
        assert!(parts.len() < 40, "{}", parts.len());
    }
}
