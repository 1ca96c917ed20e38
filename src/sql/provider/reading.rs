//! Threads that read an archive, and the streams that a query takes its batches from.
//!
//! Where the order of rows cannot be seen in the result, all files are read on all threads, and each
//! partition of the query takes the next batch that is ready. Where it can be seen, the query has one
//! partition: several files are read at a time, and the batches are taken file by file, line by
//! line. Both wait when the query is slower than the reading, so memory is bounded.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, Once, PoisonError};

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::streaming::PartitionStream;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::ProvidedColumn;
use super::extra::FlowTimes;
use super::other_logs::is_of_other_log;
use super::pushdown::Pushdown;
use super::scan_sink::ScanSink;
use super::streaming::stream_of;
use crate::archive::File;
use crate::error::{Error, ErrorKind, SecondReading};
use crate::pipeline::Request;
use crate::read::{Account, Archive, Meter};
use crate::table::{FileFacts, LogTable, TableBatch, TableScan};

/// RowBatches that wait for each thread of the query.
pub(super) const WAITING_BATCHES: usize = 4;

/// An archive that is queried.
#[derive(Debug)]
pub(in crate::sql) struct LogSource {
    records: Archive,
    events: Archive,
    newest_ns: Option<i64>,
    threads: usize,
    meter: Arc<Meter>,
    /// Whether the progress shows the files of a scan.
    is_shown: Mutex<bool>,
    unread: Mutex<BTreeMap<LogTable, Unread>>,
}

/// A scan of one table.
#[derive(Clone)]
pub(super) struct LogScan {
    pub(super) source: Arc<LogSource>,
    pub(super) table: LogTable,
    pub(super) columns: Vec<ProvidedColumn>,
    pub(super) schema: SchemaRef,
    pub(super) times: FlowTimes,
    pub(super) pushdown: Pushdown,
    /// What this scan could not read.
    pub(super) met: Arc<Mutex<Unread>>,
}

/// What a query leaves out of its tables, because it cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Lines.
    pub lines: u64,
    /// Files of which only a part could be read.
    pub files: u64,
}

impl Unread {
    fn most(self, other: Self) -> Self {
        Self {
            lines: self.lines.max(other.lines),
            files: self.files.max(other.files),
        }
    }
}

/// Where batches go.
pub(super) type RowBatches = Sender<Result<RecordBatch>>;

impl LogSource {
    /// Lists the files of a request. Nothing is read yet, unless its time counts from the newest record.
    ///
    /// # Errors
    /// An input is missing or empty, or is standard input.
    pub(in crate::sql) fn open(
        request: &Request,
        threads: usize,
        meter: Arc<Meter>,
    ) -> crate::error::Result<Self> {
        let builder = || {
            Archive::builder(&request.inputs)
                .format(request.format.clone())
                .filter(request.filter.clone())
                .temp_dir(&request.temp_dir)
        };
        let all = builder().events().open()?;
        if all.has_stdin() {
            let purpose = SecondReading::Query;
            return Err(ErrorKind::ReadsStdinTwice { purpose }.into());
        }
        Ok(Self {
            newest_ns: all.newest_ns(&meter)?,
            records: builder().open()?,
            events: builder().events().without_records().open()?,
            threads: threads.max(1),
            meter,
            is_shown: Mutex::default(),
            unread: Mutex::default(),
        })
    }

    /// Returns what queries have left out so far: lines that could not be read, and files of which
    /// only a part could be read. What several scans of a table met counts once.
    pub(in crate::sql) fn unread(&self) -> Unread {
        let unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        let all = unread.values().copied();
        all.fold(Unread::default(), Unread::most)
    }

    /// Adds files to those that the progress shows as to be read.
    fn expect(&self, files: &[File]) {
        let meter = &self.meter;
        let mut is_shown = self.is_shown.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut *is_shown, true) || !meter.phase().reads_files() {
            meter.begin_reading(files, false);
            return;
        }
        let bytes = files.iter().map(|file| file.len).sum();
        meter.bytes_total.fetch_add(bytes, Relaxed);
        meter.files_total.fetch_add(files.len() as u64, Relaxed);
    }

    fn archive(&self, table: LogTable) -> &Archive {
        match table {
            LogTable::VpcFlowLogs => &self.records,
            _ => &self.events,
        }
    }
}

/// Returns one stream for each partition.
pub(super) fn streams(scan: LogScan, partitions: usize) -> Vec<Arc<dyn PartitionStream>> {
    let count = partitions.max(1);
    let shared = Arc::new(SharedScan {
        scan: Arc::new(scan),
        is_in_order: count == 1,
        begun: Once::new(),
        taken: tokio::sync::Mutex::default(),
    });
    let partition = || Arc::new(LogPartition(Arc::clone(&shared))) as Arc<dyn PartitionStream>;
    (0..count).map(|_| partition()).collect()
}

/// What the partitions of a scan share.
struct SharedScan {
    scan: Arc<LogScan>,
    is_in_order: bool,
    begun: Once,
    taken: tokio::sync::Mutex<Taken>,
}

/// Where the next batch is taken from.
#[derive(Default)]
struct Taken {
    /// One channel of batches for each file, in order, or one for all files.
    channels: Option<Receiver<Receiver<Result<RecordBatch>>>>,
    current: Option<Receiver<Result<RecordBatch>>>,
}

impl Taken {
    async fn next(&mut self) -> Option<Result<RecordBatch>> {
        loop {
            if let Some(current) = &mut self.current {
                match current.recv().await {
                    Some(batch) => return Some(batch),
                    None => self.current = None,
                }
            }
            self.current = Some(self.channels.as_mut()?.recv().await?);
        }
    }
}

struct LogPartition(Arc<SharedScan>);

impl fmt::Debug for LogPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.0.scan.table;
        f.debug_tuple("LogPartition").field(&table).finish()
    }
}

impl PartitionStream for LogPartition {
    fn schema(&self) -> &SchemaRef {
        &self.0.scan.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let shared = Arc::clone(&self.0);
        shared.begun.call_once(|| shared.begin());
        let schema = Arc::clone(&shared.scan.schema);
        stream_of(schema, shared, |shared| async move {
            let batch = shared.taken.lock().await.next().await?;
            Some((batch, shared))
        })
    }
}

impl SharedScan {
    /// Starts the threads. They end when all is read, or when nobody takes their batches any more.
    fn begin(&self) {
        let scan = &self.scan;
        let files = scan.files();
        let (sender, receiver) = channel(scan.source.threads);
        // Nobody has taken anything yet.
        if let Ok(mut taken) = self.taken.try_lock() {
            taken.channels = Some(receiver);
        }
        scan.source.expect(&files);
        if self.is_in_order {
            // Few files are read by several threads each.
            let readers = scan.source.threads.min(files.len()).max(1);
            let threads = scan.source.threads / readers;
            let queue = Arc::new(FileQueue {
                files,
                next: Mutex::new(0),
                sender,
            });
            for _ in 0..readers {
                let (scan, queue) = (Arc::clone(scan), Arc::clone(&queue));
                std::thread::spawn(move || {
                    while let Some((index, batches)) = queue.take() {
                        let file = &queue.files[index..=index];
                        scan.read(file, threads, &batches, true);
                    }
                });
            }
        } else {
            let scan = Arc::clone(scan);
            std::thread::spawn(move || {
                let (batches, receiver) = channel(scan.source.threads * WAITING_BATCHES);
                if sender.blocking_send(receiver).is_ok() {
                    scan.read(&files, scan.source.threads, &batches, false);
                }
            });
        }
    }
}

/// The files of a scan that are read in order.
struct FileQueue {
    files: Vec<File>,
    next: Mutex<usize>,
    sender: Sender<Receiver<Result<RecordBatch>>>,
}

impl FileQueue {
    /// Returns the index of the next file, and where its batches go.
    fn take(&self) -> Option<(usize, RowBatches)> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let index = *next;
        if index >= self.files.len() {
            return None;
        }
        *next += 1;
        let (batches, receiver) = channel(WAITING_BATCHES);
        // With the lock held: the channels are sent in the order of the files.
        self.sender.blocking_send(receiver).ok()?;
        Some((index, batches))
    }
}

impl LogScan {
    /// Returns the files that may have rows that match.
    fn files(&self) -> Vec<File> {
        let files = self.source.archive(self.table).files().iter();
        let may_have = |file: &&File| {
            let facts = FileFacts::of(&file.name);
            !is_of_other_log(self.table, &file.name) && self.pushdown.may_have(&file.name, &facts)
        };
        files.filter(may_have).cloned().collect()
    }

    /// Reads files on this many threads, and sends their batches.
    fn read(&self, files: &[File], threads: usize, batches: &RowBatches, is_in_order: bool) {
        let sink = ScanSink::new(self, files, batches, is_in_order);
        let source = &self.source;
        let archive = source.archive(self.table);
        let work = || {
            let account = archive.read_files(files, source.newest_ns, &sink, &source.meter)?;
            self.note(&account);
            Ok(())
        };
        guarded(batches, || on_threads(threads, batches, work));
    }

    /// Notes what could not be read of some files.
    fn note(&self, account: &Account) {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.lines += account.records.skipped.total() + account.events.skipped();
        met.files += account.input.damaged.total();
        let all = &self.source.unread;
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        let of_table = all.entry(self.table).or_default();
        *of_table = of_table.most(*met);
    }

    /// Returns the columns of the log that this scan needs.
    pub(super) fn wanted(&self) -> TableScan {
        let of_log = self.columns.iter().filter_map(|column| match column {
            ProvidedColumn::OfLog(index) => Some(*index),
            ProvidedColumn::Extra(_, of_log) => *of_log,
        });
        TableScan {
            table: self.table,
            columns: of_log.collect(),
        }
    }

    /// Whether a column is made from the places of the rows.
    pub(super) fn needs_places(&self) -> bool {
        let mut columns = self.columns.iter();
        columns.any(|column| matches!(column, ProvidedColumn::Extra(..)))
    }

    /// Returns the rows of a batch with the columns of the query.
    pub(super) fn rows(
        &self,
        batch: &TableBatch,
        name: &str,
        facts: &FileFacts,
    ) -> Result<RecordBatch> {
        let mut of_log = batch.rows.columns().iter();
        let all = self.table.columns();
        let columns = self.columns.iter().map(|column| match column {
            ProvidedColumn::OfLog(index) => {
                let values = of_log.next().ok_or_else(missing)?;
                Ok(self.times.values(&all[*index], values))
            }
            ProvidedColumn::Extra(extra, None) => extra.values(batch, name, facts, None),
            ProvidedColumn::Extra(extra, Some(_)) => {
                let logged = of_log.next().ok_or_else(missing)?;
                extra.values(batch, name, facts, Some(logged))
            }
        });
        let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.rows.num_rows()));
        let schema = Arc::clone(&self.schema);
        Ok(RecordBatch::try_new_with_options(
            schema, columns, &options,
        )?)
    }
}

/// Does work that sends batches, and sends its failure after them.
pub(super) fn guarded(batches: &RowBatches, work: impl FnOnce() -> Result<()>) {
    let failure = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
        Ok(Ok(())) => return,
        Ok(Err(failure)) => failure,
        // Without this the rest of the rows would be missing, and nobody would know.
        Err(_) => DataFusionError::Execution("a reading thread has panicked".to_owned()),
    };
    let _ = batches.blocking_send(Err(failure));
}

/// Does work on this many threads of its own. It is no failure if nobody takes the batches any more.
pub(super) fn on_threads(
    threads: usize,
    batches: &RowBatches,
    work: impl FnOnce() -> crate::error::Result<()> + Send,
) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|failure| DataFusionError::External(Box::new(failure)))?;
    match pool.install(work) {
        Err(_) if batches.is_closed() => Ok(()),
        done => done.map_err(|failure| DataFusionError::External(Box::new(failure))),
    }
}

fn missing() -> DataFusionError {
    DataFusionError::Internal("a scan has fewer columns than were selected".to_owned())
}

/// Returns the error that ends a reading whose batches nobody takes. It is not shown.
pub(super) fn stopped() -> Error {
    let kind = ErrorKind::Io {
        action: "query",
        path: "-".into(),
        source: std::io::ErrorKind::BrokenPipe.into(),
    };
    kind.into()
}
