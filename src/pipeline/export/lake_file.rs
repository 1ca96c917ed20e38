//! The files of a lake: each partition is one file, or several of about the same size.

use std::io::{self, Write};
use std::slice::Chunks;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::arrow_file::{ArrowFile, record_batch};
use super::gather::RowAt;
use super::parquet_file::{EncodedGroup, ParquetFile};
use super::store::GROUP_ROWS;
use super::stored::StoredRows;
use super::text_file::TextFile;
use super::{LakeCompression, LakeFormat};
use crate::error::{Error, Result};
use crate::output::{FolderFile, OutputFolder};

/// A file that is larger than this gets no more row groups.
const FILE_LEN: u64 = 128 << 20;

/// Files written so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LakeSums {
    pub files: u64,
    pub rows: u64,
    pub bytes: u64,
}

/// How files are written.
pub(super) struct LakeWriter<'a> {
    pub folder: &'a OutputFolder,
    pub format: LakeFormat,
    pub compression: LakeCompression,
}

/// Writes the rows of one partition.
pub(super) trait PartitionWriter {
    /// Writes rows, in row groups of [`GROUP_ROWS`].
    ///
    /// # Errors
    /// A file cannot be written.
    fn write(&mut self, batches: &[Arc<StoredRows>], rows: &[RowAt]) -> Result<()>;

    /// Completes the files. Returns what was written.
    ///
    /// # Errors
    /// The last one cannot be written.
    fn close(self: Box<Self>) -> Result<LakeSums>;
}

/// A file in one of the formats. It collects bytes, which go to the file after each row group.
trait LakeFile: Sized {
    /// A row group that is in no file yet.
    type Group;

    fn begin(lake: &LakeWriter<'_>, schema: &SchemaRef) -> Result<Self>;

    /// Prepares row groups, which can be added to any file with these columns.
    fn groups<'r>(
        &self,
        from: GroupSource<'r>,
        groups: Chunks<'r, RowAt>,
    ) -> Result<impl Iterator<Item = Result<Self::Group>> + use<'r, Self>>;

    /// Adds a row group, and returns the bytes to write now.
    fn add(&mut self, group: Self::Group) -> Result<Vec<u8>>;

    /// Returns the last bytes of the file.
    fn finish(self) -> Result<Vec<u8>>;
}

/// What row groups are made of.
#[derive(Clone, Copy)]
pub(super) struct GroupSource<'r> {
    /// The columns that are written.
    pub schema: &'r SchemaRef,
    /// Their indexes in the batches.
    pub columns: &'r [usize],
    /// Batches with the rows, and others.
    pub batches: &'r [Arc<StoredRows>],
}

/// The files of one partition.
struct PartitionFiles<'a, F> {
    lake: &'a LakeWriter<'a>,
    /// The folders of the partition.
    folders: String,
    /// The columns that are written, and their indexes in the batches.
    schema: SchemaRef,
    columns: Vec<usize>,
    next: u32,
    open: Option<OpenFile<F>>,
    sums: LakeSums,
}

struct OpenFile<F> {
    file: FolderFile,
    body: F,
}

/// Bytes on their way to a file.
#[derive(Debug, Default)]
pub(super) struct Unwritten(pub(super) Vec<u8>);

impl Write for Unwritten {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl LakeWriter<'_> {
    /// Prepares the files in these folders. `columns` are the indexes of the columns of `schema` in
    /// the batches.
    pub(super) fn partition(
        &self,
        folders: String,
        schema: SchemaRef,
        columns: Vec<usize>,
    ) -> Box<dyn PartitionWriter + '_> {
        match self.format {
            LakeFormat::Parquet => self.files::<ParquetFile>(folders, schema, columns),
            LakeFormat::Arrow => self.files::<ArrowFile>(folders, schema, columns),
            LakeFormat::Csv | LakeFormat::JsonLines => {
                self.files::<TextFile>(folders, schema, columns)
            }
        }
    }

    fn files<'a, F: LakeFile + 'a>(
        &'a self,
        folders: String,
        schema: SchemaRef,
        columns: Vec<usize>,
    ) -> Box<dyn PartitionWriter + 'a> {
        Box::new(PartitionFiles::<F> {
            lake: self,
            folders,
            schema,
            columns,
            next: 0,
            open: None,
            sums: LakeSums::default(),
        })
    }
}

impl<F: LakeFile> PartitionWriter for PartitionFiles<'_, F> {
    fn write(&mut self, batches: &[Arc<StoredRows>], rows: &[RowAt]) -> Result<()> {
        let (schema, columns) = (Arc::clone(&self.schema), self.columns.clone());
        let from = GroupSource {
            schema: &schema,
            columns: &columns,
            batches,
        };
        let groups = self.open()?.body.groups(from, rows.chunks(GROUP_ROWS))?;
        for (group, rows) in groups.zip(rows.chunks(GROUP_ROWS)) {
            let open = self.open()?;
            let bytes = open.body.add(group?)?;
            open.file.write_all(&bytes)?;
            let is_full = open.file.written() >= FILE_LEN;
            self.sums.rows += rows.len() as u64;
            if is_full {
                self.close_file()?;
            }
        }
        Ok(())
    }

    fn close(mut self: Box<Self>) -> Result<LakeSums> {
        self.close_file()?;
        Ok(self.sums)
    }
}

impl<F: LakeFile> PartitionFiles<'_, F> {
    /// Returns the file that rows go to.
    fn open(&mut self) -> Result<&mut OpenFile<F>> {
        let lake = self.lake;
        match &mut self.open {
            Some(open) => Ok(open),
            slot => {
                let extension = lake.format.extension(lake.compression);
                let name = format!("{}/part-{:04}.{extension}", self.folders, self.next);
                self.next += 1;
                self.sums.files += 1;
                Ok(slot.insert(OpenFile {
                    file: lake.folder.file(&name)?,
                    body: F::begin(lake, &self.schema)?,
                }))
            }
        }
    }

    fn close_file(&mut self) -> Result<()> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        open.file.write_all(&open.body.finish()?)?;
        self.sums.bytes += open.file.written();
        Ok(())
    }
}

impl LakeFile for ParquetFile {
    type Group = EncodedGroup;

    fn begin(lake: &LakeWriter<'_>, schema: &SchemaRef) -> Result<Self> {
        Self::new(schema, lake.compression).map_err(unwritable)
    }

    fn groups<'r>(
        &self,
        from: GroupSource<'r>,
        groups: Chunks<'r, RowAt>,
    ) -> Result<impl Iterator<Item = Result<EncodedGroup>> + use<'r>> {
        // All at once, on all cores.
        let encoded = self.encoded(from, &groups.collect::<Vec<_>>());
        Ok(encoded.map_err(unwritable)?.into_iter().map(Ok))
    }

    fn add(&mut self, group: EncodedGroup) -> Result<Vec<u8>> {
        Self::add(self, group).map_err(unwritable)
    }

    fn finish(self) -> Result<Vec<u8>> {
        Self::finish(self).map_err(unwritable)
    }
}

impl LakeFile for ArrowFile {
    type Group = RecordBatch;

    fn begin(_: &LakeWriter<'_>, schema: &SchemaRef) -> Result<Self> {
        Self::new(schema).map_err(unwritable)
    }

    fn groups<'r>(
        &self,
        from: GroupSource<'r>,
        groups: Chunks<'r, RowAt>,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<'r>> {
        Ok(record_batches(from, groups))
    }

    fn add(&mut self, group: RecordBatch) -> Result<Vec<u8>> {
        Self::add(self, &group).map_err(unwritable)
    }

    fn finish(self) -> Result<Vec<u8>> {
        Self::finish(self).map_err(unwritable)
    }
}

impl LakeFile for TextFile {
    type Group = RecordBatch;

    fn begin(lake: &LakeWriter<'_>, schema: &SchemaRef) -> Result<Self> {
        Self::new(lake.format, lake.compression, schema).map_err(unwritable)
    }

    fn groups<'r>(
        &self,
        from: GroupSource<'r>,
        groups: Chunks<'r, RowAt>,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<'r>> {
        Ok(record_batches(from, groups))
    }

    fn add(&mut self, group: RecordBatch) -> Result<Vec<u8>> {
        Self::add(self, &group).map_err(unwritable)
    }

    fn finish(self) -> Result<Vec<u8>> {
        Self::finish(self).map_err(unwritable)
    }
}

/// Collects one row group after the other: as a batch, it takes much more memory than in a file.
fn record_batches<'r>(
    from: GroupSource<'r>,
    groups: Chunks<'r, RowAt>,
) -> impl Iterator<Item = Result<RecordBatch>> + use<'r> {
    groups.map(move |rows| record_batch(from, rows).map_err(unwritable))
}

/// A value that the format cannot have. No table has one.
fn unwritable(error: impl std::fmt::Display) -> Error {
    Error::usage(format!("cannot encode the rows of a table: {error}"))
}

impl LakeSums {
    pub(super) fn add(&mut self, other: Self) {
        self.files += other.files;
        self.rows += other.rows;
        self.bytes += other.bytes;
    }
}
