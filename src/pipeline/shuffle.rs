//! Items grouped into buckets: in memory while there is room, else in a file.
//!
//! An archive does not come in the order in which it is needed. Records come by
//! file and are needed by conversation; connections come by conversation and
//! are needed by time. So each stage puts what it makes into the bucket that
//! the next one will take it from. Together the buckets hold no more than
//! they may in memory: when they are full, all that they hold goes to one
//! temporary file, in which each bucket has its stretches.
//!
//! The file never has a name (or loses it at once, where the system cannot do
//! without), so nothing of it outlives the process, however that ends.
//!
//! What order the items of a bucket are in depends on threads and memory: who
//! takes them has to sort them.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::printable::shown;

/// Octets by which a bucket grows.
const CHUNK_LEN: usize = 16 << 10;

/// The most chunks that are kept for being filled again: 32 MiB of them.
const SPARE_MAX: usize = 2 << 10;

/// Where what has no room in memory goes, and how much did.
#[derive(Debug)]
pub(super) struct SpillFolder {
    path: PathBuf,
    spilled: AtomicU64,
}

impl SpillFolder {
    /// Temporary files go to `path`, which must exist once there are any.
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            spilled: AtomicU64::new(0),
        }
    }

    /// Octets that went to temporary files.
    pub(super) fn spilled(&self) -> u64 {
        self.spilled.load(Relaxed)
    }

    fn failure(&self, source: &io::Error) -> Error {
        Error::usage(format!(
            "cannot keep temporary data in {}: {source}; choose another folder with --temp-dir, \
             or let more stay in memory with --memory",
            shown(&self.path)
        ))
    }
}

/// Buckets that several threads fill and that are emptied one at a time.
#[derive(Debug)]
pub(super) struct Buckets<'a> {
    buckets: Vec<Mutex<Bucket>>,
    /// Octets of all chunks in memory. May fall below 0 for a moment: a chunk can be
    /// spilled before the thread that filled it has counted it.
    held: AtomicI64,
    held_max: usize,
    file: Mutex<Option<File>>,
    folder: &'a SpillFolder,
    /// Chunks to be filled again, which saves the system from clearing new pages.
    spare: Mutex<Vec<Vec<u8>>>,
}

#[derive(Debug, Default)]
struct Bucket {
    chunks: Vec<Vec<u8>>,
    spilled: Vec<Stretch>,
}

/// A stretch of the temporary file.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    offset: u64,
    len: usize,
}

impl<'a> Buckets<'a> {
    /// So many buckets, which together hold at most `held_max` octets in memory, about.
    pub(super) fn new(count: usize, held_max: usize, folder: &'a SpillFolder) -> Self {
        Self {
            buckets: (0..count).map(|_| Mutex::default()).collect(),
            held: AtomicI64::new(0),
            held_max,
            file: Mutex::new(None),
            folder,
            spare: Mutex::default(),
        }
    }

    /// Octets that may be held in memory.
    pub(super) fn held_max(&self) -> usize {
        self.held_max
    }

    /// Where what has no room goes.
    pub(super) fn folder(&self) -> &'a SpillFolder {
        self.folder
    }

    /// How many buckets there are.
    pub(super) fn count(&self) -> usize {
        self.buckets.len()
    }

    /// Puts whole items into the bucket of that number.
    ///
    /// # Errors
    /// The temporary file cannot be made or written.
    pub(super) fn put(&self, bucket: usize, items: &[u8]) -> Result<()> {
        let grown = self.put_in(&mut lock(&self.buckets[bucket]), items);
        if grown > 0 {
            let grown = len_i64(grown);
            if self.held.fetch_add(grown, Relaxed) > len_i64(self.held_max) - grown {
                self.spill()?;
            }
        }
        Ok(())
    }

    /// Empties the bucket of that number. Each part holds whole items.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub(super) fn take(&self, bucket: usize) -> Result<Vec<Vec<u8>>> {
        let mut parts = Vec::new();
        self.drain(bucket, |part| {
            parts.push(part);
            Ok(())
        })?;
        Ok(parts)
    }

    /// Empties the bucket of that number part by part: not all of it is in memory at once.
    ///
    /// # Errors
    /// The temporary file cannot be read, and what `take_in` fails with.
    pub(super) fn drain(
        &self,
        bucket: usize,
        mut take_in: impl FnMut(Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let Bucket { chunks, spilled } = std::mem::take(&mut *lock(&self.buckets[bucket]));
        self.held.fetch_sub(capacity(&chunks), Relaxed);
        chunks.into_iter().try_for_each(&mut take_in)?;
        for stretch in spilled {
            let part = self.read(stretch).map_err(|e| self.folder.failure(&e))?;
            take_in(part)?;
        }
        Ok(())
    }

    /// Octets in the bucket of that number.
    pub(super) fn len(&self, bucket: usize) -> usize {
        let bucket = lock(&self.buckets[bucket]);
        let held: usize = bucket.chunks.iter().map(Vec::len).sum();
        held + bucket
            .spilled
            .iter()
            .map(|stretch| stretch.len)
            .sum::<usize>()
    }

    /// Puts items behind the others; returns by how many octets that made the bucket larger.
    fn put_in(&self, bucket: &mut Bucket, items: &[u8]) -> usize {
        if let Some(last) = bucket.chunks.last_mut()
            && last.capacity() - last.len() >= items.len()
        {
            last.extend_from_slice(items);
            return 0;
        }
        let spare = if items.len() > CHUNK_LEN {
            None
        } else {
            lock(&self.spare).pop()
        };
        let mut chunk = spare.unwrap_or_else(|| Vec::with_capacity(CHUNK_LEN.max(items.len())));
        chunk.extend_from_slice(items);
        let grown = chunk.capacity();
        bucket.chunks.push(chunk);
        grown
    }

    /// Takes parts back that are done with.
    pub(super) fn give_back(&self, parts: Vec<Vec<u8>>) {
        let mut spare = lock(&self.spare);
        let room = SPARE_MAX.saturating_sub(spare.len());
        let chunks = parts
            .into_iter()
            .filter(|part| part.capacity() == CHUNK_LEN);
        spare.extend(chunks.take(room).map(|mut chunk| {
            chunk.clear();
            chunk
        }));
    }

    fn read(&self, stretch: Stretch) -> io::Result<Vec<u8>> {
        let mut part = vec![0; stretch.len];
        let mut file = lock(&self.file);
        let file = file.as_mut().expect("a stretch lies in a file");
        file.seek(SeekFrom::Start(stretch.offset))?;
        file.read_exact(&mut part)?;
        Ok(part)
    }

    /// Moves all that is held in memory to the file; others who would wait.
    fn spill(&self) -> Result<()> {
        let mut slot = lock(&self.file);
        if self.held.load(Relaxed) <= len_i64(self.held_max) {
            return Ok(()); // another thread has just done it
        }
        self.spill_to(&mut slot)
            .map_err(|e| self.folder.failure(&e))
    }

    fn spill_to(&self, slot: &mut Option<File>) -> io::Result<()> {
        let file = match slot {
            Some(file) => file,
            None => slot.insert(tempfile::tempfile_in(&self.folder.path)?),
        };
        let mut offset = file.seek(SeekFrom::End(0))?;
        for bucket in &self.buckets {
            let chunks = std::mem::take(&mut lock(bucket).chunks);
            let mut len = 0;
            for chunk in &chunks {
                file.write_all(chunk)?;
                len += chunk.len();
            }
            if len > 0 {
                lock(bucket).spilled.push(Stretch { offset, len });
                offset += len as u64;
                self.folder.spilled.fetch_add(len as u64, Relaxed);
                self.held.fetch_sub(capacity(&chunks), Relaxed);
            }
        }
        Ok(())
    }
}

fn capacity(chunks: &[Vec<u8>]) -> i64 {
    len_i64(chunks.iter().map(Vec::capacity).sum())
}

/// No vector is longer (`Vec`, "Guarantees"), so what may be held is no less for being cut.
fn len_i64(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// Every bucket is whole between two calls, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted_items(parts: &[Vec<u8>]) -> Vec<u32> {
        let items = parts.iter().flat_map(|part| part.chunks_exact(4));
        let mut items: Vec<u32> = items
            .map(|i| u32::from_le_bytes(i.try_into().unwrap()))
            .collect();
        items.sort_unstable();
        items
    }

    fn filled(buckets: &Buckets<'_>, count: u32) {
        for item in 0..count {
            buckets.put(item as usize % 3, &item.to_le_bytes()).unwrap();
        }
    }

    #[test]
    fn take_gives_what_was_put_whether_it_had_room_or_not() {
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
        let buckets = Buckets::new(3, 4 * CHUNK_LEN, &folder);
        filled(&buckets, 60_000);
        assert!(folder.spilled() > 100_000);
        assert!((0..=4 * 16_384).contains(&buckets.held.load(Relaxed)));
        assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
    }

    #[test]
    fn threads_lose_nothing_while_others_spill() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = SpillFolder::new(temporary.path());
        let buckets = Buckets::new(3, 2 * CHUNK_LEN, &folder);
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
        buckets.put(0, &vec![2; 3 * CHUNK_LEN]).unwrap();
        let parts = buckets.take(0).unwrap();
        assert_eq!(
            parts.iter().map(Vec::len).collect::<Vec<_>>(),
            [5, 3 * CHUNK_LEN]
        );
    }

    #[test]
    fn folder_that_is_not_there_is_named_with_what_to_do() {
        let folder = SpillFolder::new(Path::new("/no/such/folder"));
        let buckets = Buckets::new(1, 0, &folder);
        let error = buckets.put(0, &[0; 9]).unwrap_err().to_string();
        assert!(
            error.contains("/no/such/folder") && error.contains("--temp-dir"),
            "{error}"
        );
    }
}
