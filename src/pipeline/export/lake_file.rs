//! The files of a lake: each partition is one file, or several of about the same size.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_schema::SchemaRef;

use super::arrow_file::ArrowFile;
use super::gather::RowAt;
use super::parquet_file::ParquetFile;
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

/// The files of one partition.
pub(super) struct PartitionFiles {
    /// The folders of the partition.
    folders: String,
    /// The columns that are written, and their indexes in the batches.
    schema: SchemaRef,
    columns: Vec<usize>,
    next: u32,
    open: Option<OpenFile>,
    sums: LakeSums,
}

struct OpenFile {
    file: FolderFile,
    body: FileBody,
}

/// A file in one of the formats. It collects bytes, which go to the file after each row group.
enum FileBody {
    Parquet(ParquetFile),
    Arrow(ArrowFile),
    Text(TextFile),
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

impl PartitionFiles {
    /// Prepares the files in these folders. `columns` are the indexes of the columns of `schema` in
    /// the batches.
    pub(super) fn new(folders: String, schema: SchemaRef, columns: Vec<usize>) -> Self {
        Self {
            folders,
            schema,
            columns,
            next: 0,
            open: None,
            sums: LakeSums::default(),
        }
    }

    /// Writes rows as a row group.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn write(
        &mut self,
        lake: &LakeWriter<'_>,
        batches: &[Arc<StoredRows>],
        rows: &[RowAt],
    ) -> Result<()> {
        let open = match &mut self.open {
            Some(open) => open,
            slot => {
                let name = format!(
                    "{}/part-{:04}.{}",
                    self.folders,
                    self.next,
                    lake.format.extension(lake.compression)
                );
                self.next += 1;
                self.sums.files += 1;
                slot.insert(OpenFile {
                    file: lake.folder.file(&name)?,
                    body: FileBody::new(lake, &self.schema)?,
                })
            }
        };
        let (schema, columns) = (&self.schema, &self.columns);
        let bytes = match &mut open.body {
            FileBody::Parquet(body) => body
                .group(schema, columns, batches, rows)
                .map_err(unwritable),
            FileBody::Arrow(body) => body
                .group(schema, columns, batches, rows)
                .map_err(unwritable),
            FileBody::Text(body) => body
                .group(schema, columns, batches, rows)
                .map_err(unwritable),
        };
        open.file.write_all(&bytes?)?;
        self.sums.rows += rows.len() as u64;
        if open.file.written() >= FILE_LEN {
            self.close_file()?;
        }
        Ok(())
    }

    /// Completes the files. Returns what was written.
    ///
    /// # Errors
    /// The last one cannot be written.
    pub(super) fn close(mut self) -> Result<LakeSums> {
        self.close_file()?;
        Ok(self.sums)
    }

    fn close_file(&mut self) -> Result<()> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        let bytes = match open.body {
            FileBody::Parquet(body) => body.finish().map_err(unwritable),
            FileBody::Arrow(body) => body.finish().map_err(unwritable),
            FileBody::Text(body) => body.finish().map_err(unwritable),
        };
        open.file.write_all(&bytes?)?;
        self.sums.bytes += open.file.written();
        Ok(())
    }
}

impl FileBody {
    fn new(lake: &LakeWriter<'_>, schema: &SchemaRef) -> Result<Self> {
        Ok(match lake.format {
            LakeFormat::Parquet => {
                let body = ParquetFile::new(schema, lake.compression);
                Self::Parquet(body.map_err(unwritable)?)
            }
            LakeFormat::Arrow => Self::Arrow(ArrowFile::new(schema).map_err(unwritable)?),
            LakeFormat::Csv | LakeFormat::JsonLines => {
                let body = TextFile::new(lake.format, lake.compression, schema);
                Self::Text(body.map_err(unwritable)?)
            }
        })
    }
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
