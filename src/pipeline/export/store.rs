//! Rows of all tables between reading and writing, by partition.
//!
//! Rows wait in memory. When they are too many, all of them are sorted and written to a temporary file
//! as one run for each partition, in pieces that can be read one after the other. Writing merges the
//! runs of a partition. The order of the rows depends only on their time, file and line, not on how
//! they were divided.

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_schema::{ArrowError, SchemaRef};

use super::gather::{ChosenRows, RowAt};
use super::order::{RowKey, RowOrder, in_order};
use super::place::PartitionKey;
use super::stored::StoredRows;
use crate::error::{Error, Result};
use crate::pipeline::spilling::temporary::{SpillFile, SpillFolder};

/// Rows of a row group. It has to be the same for any memory.
pub(super) const GROUP_ROWS: usize = 128 << 10;

/// Row groups that are passed on together, so that they can be encoded on all cores.
const GROUPS_AT_ONCE: usize = 8;

/// The most runs that are merged at once.
const FAN: usize = 32;

/// Rows of a piece of a run, at least and at most.
const PIECE_ROWS: (usize, usize) = (1 << 10, 16 << 10);

/// About the bytes of a row in a piece.
const ROW_BYTES: usize = 96;

/// The most partitions: so many folders can still be used.
const PARTITIONS_MAX: usize = 100_000;

/// A partition of one of the tables.
pub(super) type PartitionOf = (usize, PartitionKey);

/// The rows that wait.
pub(super) struct RowStore<'a> {
    /// The columns of each table.
    schemas: Vec<SchemaRef>,
    folder: &'a SpillFolder,
    held_max: usize,
    held: Mutex<HeldRows<'a>>,
}

struct HeldRows<'a> {
    bytes: usize,
    partitions: BTreeMap<PartitionOf, PartitionRows>,
    file: SpillFile<'a>,
}

/// The rows of a partition.
#[derive(Debug, Default)]
pub(super) struct PartitionRows {
    batches: Vec<Arc<StoredRows>>,
    runs: Vec<Vec<SpilledPiece>>,
}

/// Some rows in a temporary file.
#[derive(Clone, Copy, Debug)]
struct SpilledPiece {
    offset: u64,
    len: usize,
}

impl<'a> RowStore<'a> {
    /// Creates an empty store for tables with these columns. It holds about `held_max` bytes in
    /// memory.
    pub(super) fn new(schemas: Vec<SchemaRef>, folder: &'a SpillFolder, held_max: usize) -> Self {
        Self {
            schemas,
            folder,
            held_max,
            held: Mutex::new(HeldRows {
                bytes: 0,
                partitions: BTreeMap::new(),
                file: SpillFile::new(folder),
            }),
        }
    }

    /// Adds rows to a partition.
    ///
    /// # Errors
    /// There are too many partitions, or temporary data cannot be stored.
    pub(super) fn add(&self, partition: PartitionOf, rows: StoredRows) -> Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.bytes += rows.bytes();
        let count = held.partitions.len();
        let of = held.partitions.entry(partition).or_default();
        if count >= PARTITIONS_MAX && of.batches.is_empty() && of.runs.is_empty() {
            return Err(Error::usage(format!(
                "the rows belong in more than {PARTITIONS_MAX} folders; export fewer of them, with a filter \
                 or a time range"
            )));
        }
        of.batches.push(Arc::new(rows));
        if held.bytes > self.held_max {
            self.spill(&mut held)?;
        }
        Ok(())
    }

    /// Writes everything that is held to the temporary file.
    fn spill(&self, held: &mut HeldRows<'a>) -> Result<()> {
        held.bytes = 0;
        for ((table, _), partition) in &mut held.partitions {
            let batches = std::mem::take(&mut partition.batches);
            if batches.is_empty() {
                continue;
            }
            let order = in_order(&batches);
            let mut run = Vec::new();
            for rows in order.chunks(self.piece_rows()) {
                let piece = self.piece(*table, &batches, rows);
                run.push(self.append(&mut held.file, &piece)?);
            }
            held.file.flush()?;
            partition.runs.push(run);
        }
        Ok(())
    }

    /// Returns the rows of a piece, so that the pieces of all runs that are merged fit in memory.
    fn piece_rows(&self) -> usize {
        (self.held_max / FAN / ROW_BYTES).clamp(PIECE_ROWS.0, PIECE_ROWS.1)
    }

    /// Collects rows into one batch.
    pub(super) fn piece(
        &self,
        table: usize,
        batches: &[Arc<StoredRows>],
        rows: &[RowAt],
    ) -> StoredRows {
        let chosen = ChosenRows::new(batches, rows);
        let fields = self.schemas[table].fields().iter().enumerate();
        let columns = fields.map(|(index, field)| {
            let kind = field.data_type();
            chosen.gather(index, kind).into_array(kind)
        });
        let columns: Vec<_> = columns.collect();
        let mut order = RowOrder::default();
        for at in rows {
            let (of, row) = (&batches[at.batch as usize].order, at.row as usize);
            order.instants_ns.push(of.instants_ns[row]);
            order.files.push(of.files[row]);
            order.lines.push(of.lines[row]);
        }
        StoredRows::new(&columns, order)
    }

    fn append(&self, file: &mut SpillFile<'a>, piece: &StoredRows) -> Result<SpilledPiece> {
        let bytes = piece.to_bytes().map_err(|e| self.failure(e))?;
        let offset = file.end();
        file.append(&bytes)?;
        Ok(SpilledPiece {
            offset,
            len: bytes.len(),
        })
    }

    fn load(&self, file: &mut SpillFile<'a>, piece: SpilledPiece) -> Result<StoredRows> {
        let mut bytes = vec![0; piece.len];
        file.read(piece.offset, &mut bytes)?;
        StoredRows::from_bytes(&bytes).map_err(|e| self.failure(e))
    }

    fn failure(&self, error: ArrowError) -> Error {
        self.folder.failure(std::io::Error::other(error))
    }

    /// Passes the rows of all partitions to `take`, in order: partition by partition, and in each
    /// one or several groups of [`GROUP_ROWS`] at once; only the last group of a partition has fewer.
    /// Each partition begins with a call of `begin`.
    ///
    /// # Errors
    /// Temporary data cannot be read, or the errors of `take`.
    pub(super) fn for_each_group<W>(
        self,
        mut begin: impl FnMut(&PartitionOf) -> Result<W>,
        mut take: impl FnMut(&mut W, &[Arc<StoredRows>], &[RowAt]) -> Result<()>,
        mut end: impl FnMut(W) -> Result<()>,
    ) -> Result<()> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut held = held;
        let partitions = std::mem::take(&mut held.partitions);
        for (of, mut rows) in partitions {
            let mut writer = begin(&of)?;
            while rows.runs.len() >= FAN {
                let rest = rows.runs.split_off(FAN - 1);
                let short = PartitionRows {
                    batches: Vec::new(),
                    runs: std::mem::replace(&mut rows.runs, rest),
                };
                let longer = self.merged(of.0, short, &mut held.file)?;
                rows.runs.push(longer);
            }
            let mut take =
                |batches: &[Arc<StoredRows>], at: &[RowAt]| take(&mut writer, batches, at);
            if rows.runs.is_empty() {
                let order = in_order(&rows.batches);
                for groups in order.chunks(GROUP_ROWS * GROUPS_AT_ONCE) {
                    take(&rows.batches, groups)?;
                }
            } else {
                self.merge(rows, &mut held.file, GROUP_ROWS, |_, batches, at| {
                    take(batches, at)
                })?;
            }
            end(writer)?;
        }
        Ok(())
    }

    /// Merges runs into a longer one.
    fn merged(
        &self,
        table: usize,
        short: PartitionRows,
        file: &mut SpillFile<'a>,
    ) -> Result<Vec<SpilledPiece>> {
        let mut run = Vec::new();
        self.merge(short, file, self.piece_rows(), |file, batches, at| {
            let piece = self.piece(table, batches, at);
            run.push(self.append(file, &piece)?);
            file.flush()
        })?;
        Ok(run)
    }

    /// Merges what is in memory and in runs, and passes it on in groups of so many rows.
    fn merge(
        &self,
        rows: PartitionRows,
        file: &mut SpillFile<'a>,
        group_rows: usize,
        mut take: impl FnMut(&mut SpillFile<'a>, &[Arc<StoredRows>], &[RowAt]) -> Result<()>,
    ) -> Result<()> {
        let mut sources: Vec<MergeSource> = rows.runs.into_iter().map(MergeSource::run).collect();
        if !rows.batches.is_empty() {
            sources.push(MergeSource::held(rows.batches));
        }
        let mut next = BinaryHeap::new();
        for (number, source) in sources.iter_mut().enumerate() {
            if source.load(|piece| self.load(file, piece))? {
                next.push(Reverse((source.key(), number)));
            }
        }
        let mut group = MergeGroup::default();
        while let Some(mut first) = next.peek_mut() {
            let Reverse((_, number)) = *first;
            let source = &mut sources[number];
            group.add(number, source);
            if source.advance() || source.load(|piece| self.load(file, piece))? {
                *first = Reverse((source.key(), number));
            } else {
                PeekMut::pop(first);
            }
            if group.rows.len() == group_rows {
                take(file, &group.batches, &group.rows)?;
                group = MergeGroup::default();
            }
        }
        if !group.rows.is_empty() {
            take(file, &group.batches, &group.rows)?;
        }
        Ok(())
    }
}

/// One sorted sequence of rows during a merge.
struct MergeSource {
    waiting: std::vec::IntoIter<SpilledPiece>,
    batches: Vec<Arc<StoredRows>>,
    /// The rows of the batches, in order.
    rows: Vec<RowAt>,
    at: usize,
}

impl MergeSource {
    fn run(pieces: Vec<SpilledPiece>) -> Self {
        Self {
            waiting: pieces.into_iter(),
            batches: Vec::new(),
            rows: Vec::new(),
            at: 0,
        }
    }

    /// Returns what is in memory as one source.
    fn held(batches: Vec<Arc<StoredRows>>) -> Self {
        Self {
            waiting: Vec::new().into_iter(),
            rows: in_order(&batches),
            batches,
            at: 0,
        }
    }

    /// Loads the next piece if all rows are used up. Returns whether there is a row.
    fn load(&mut self, load: impl FnOnce(SpilledPiece) -> Result<StoredRows>) -> Result<bool> {
        if self.at < self.rows.len() {
            return Ok(true);
        }
        let Some(piece) = self.waiting.next() else {
            return Ok(false);
        };
        self.batches = vec![Arc::new(load(piece)?)];
        self.rows = in_order(&self.batches);
        self.at = 0;
        Ok(!self.rows.is_empty())
    }

    fn key(&self) -> RowKey {
        let row = self.rows[self.at];
        self.batches[row.batch as usize].order.key(row.row)
    }

    /// Goes to the next row. Returns whether there is one.
    fn advance(&mut self) -> bool {
        self.at += 1;
        self.at < self.rows.len()
    }
}

/// Rows of several sources, in order.
#[derive(Default)]
struct MergeGroup {
    batches: Vec<Arc<StoredRows>>,
    rows: Vec<RowAt>,
    /// By source: its latest batch, and the index of that here.
    latest: BTreeMap<usize, (*const StoredRows, u32)>,
}

impl MergeGroup {
    fn add(&mut self, number: usize, source: &MergeSource) {
        let row = source.rows[source.at];
        let batch = &source.batches[row.batch as usize];
        let pointer = Arc::as_ptr(batch);
        let index = match self.latest.get(&number) {
            Some((latest, index)) if *latest == pointer => *index,
            _ => {
                let index = u32::try_from(self.batches.len()).unwrap_or(u32::MAX);
                self.batches.push(Arc::clone(batch));
                self.latest.insert(number, (pointer, index));
                index
            }
        };
        self.rows.push(RowAt {
            batch: index,
            row: row.row,
        });
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray as _;
    use arrow_array::types::Int64Type;
    use arrow_array::{ArrayRef, Int64Array, StringArray};
    use arrow_schema::{DataType, Field as ColumnField, Schema};

    use super::*;

    fn key(account: &str) -> PartitionOf {
        let key = PartitionKey {
            account: account.into(),
            region: "r".into(),
            slot: Some(0),
        };
        (0, key)
    }

    /// Stores numbers below `count` with their number modulo 1,009 as time, in batches of 100, and
    /// returns them by partition, with the sizes of the groups.
    fn stored(count: u64, held_max: usize) -> Vec<(String, Vec<i64>)> {
        let temporary = tempfile::tempdir().unwrap();
        let folder = SpillFolder::new(temporary.path());
        let schema = Arc::new(Schema::new(vec![
            ColumnField::new("number", DataType::Int64, true),
            ColumnField::new("text", DataType::Utf8View, true),
        ]));
        let store = RowStore::new(vec![schema], &folder, held_max);
        let numbers: Vec<u64> = (0..count).collect();
        for lines in numbers.chunks(100) {
            let values: Vec<i64> = lines.iter().map(|line| (line * 7 % 1_009) as i64).collect();
            let texts = values.iter().map(|value| format!("text {}", value % 50));
            let order = RowOrder {
                instants_ns: values.clone(),
                files: vec![0; lines.len()],
                lines: lines.to_vec(),
            };
            let columns = [
                Arc::new(Int64Array::from(values.clone())) as ArrayRef,
                Arc::new(StringArray::from_iter_values(texts)),
            ];
            let account = if lines[0].is_multiple_of(300) {
                "a"
            } else {
                "b"
            };
            let rows = StoredRows::new(&columns, order);
            store.add(key(account), rows).unwrap();
        }
        let mut all = Vec::new();
        store
            .for_each_group(
                |(_, key)| Ok((key.account.to_string(), Vec::new())),
                |(_, numbers), batches, rows| {
                    let kind = DataType::Int64;
                    let chosen = ChosenRows::new(batches, rows);
                    let values = chosen.gather(0, &kind).into_array(&kind);
                    numbers.extend_from_slice(values.as_primitive::<Int64Type>().values());
                    let texts = chosen.gather(1, &DataType::Utf8View);
                    let texts = texts.into_array(&DataType::Utf8View);
                    let texts = texts.as_string::<i32>().iter().flatten();
                    for (text, value) in texts.zip(values.as_primitive::<Int64Type>().values()) {
                        assert_eq!(text, format!("text {}", value % 50));
                    }
                    Ok(())
                },
                |partition| {
                    all.push(partition);
                    Ok(())
                },
            )
            .unwrap();
        all
    }

    #[test]
    fn rows_are_in_order_with_any_memory() {
        let all = stored(30_000, usize::MAX);
        assert_eq!(all.len(), 2);
        assert_eq!(
            all.iter().map(|(_, numbers)| numbers.len()).sum::<usize>(),
            30_000
        );
        assert!(all.iter().all(|(_, numbers)| numbers.is_sorted()));
        // One batch is a run; so are several, which are merged in several steps.
        for held_max in [0, 40_000, 400_000] {
            assert_eq!(stored(30_000, held_max), all, "{held_max}");
        }
    }
}
