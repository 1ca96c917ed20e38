//! One block of lines, read into observations.
//!
//! A block knows nothing of the others: its lines count from its own first one
//! and its ENIs have numbers of its own. [`BlockYield::append`] joins two.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::archive::Block;
use crate::archive::s3_path::S3Name;
use crate::filter::{Facts, Filter, Line};
use crate::flow::{
    Addresses, Eni, Enis, Losses, Observation, Place, Verdict, observe, reject_reason,
};
use crate::pipeline::covered::Covered;
use crate::pipeline::places::LOSSES_MAX;
use crate::record::{Direction, Field, Layout, Record, Row, RowSource, Rows};
use crate::summary::{EXAMPLES_MAX, Example, Gap, Reasons, Records};
use crate::survey::{ColumnOrder, ColumnOrders};
use crate::wrapper::{Batch, BatchRows};

/// Octets of a line, about, at least: room is made for so many at once.
const LINE_LEN_LEAST: usize = 100;

/// Bytes of a line that show which one it is.
const FOUND_LEN_MAX: usize = 64;

/// The reason for which a row of a table is skipped that has no value at all.
const BLANK_ROW: &str = "row without a value";

/// What the lines of a block, or of several in a row, held.
#[derive(Default)]
pub(super) struct BlockYield {
    /// The records, with lines counted from the first of these.
    pub observations: Vec<Observation>,
    /// The ENIs that wrote them, numbered as they were met.
    pub enis: Enis,
    /// The fate of the lines, but for the faults.
    pub records: Records,
    faults: BTreeMap<&'static str, LineFaults>,
    /// What a Transit Gateway lost, by line; of the first records that tell.
    pub losses: Vec<(u64, Losses)>,
    /// The column order behind the last line.
    pub layout_at_end: Option<Arc<Layout>>,
    /// The column orders under which records stand; what told them is known of their file.
    pub columns: ColumnOrders,
    /// When the newest record ends, nanoseconds since the Unix epoch.
    pub newest_ns: Option<i64>,
    /// When ENIs saw no traffic.
    pub quiet: Covered,
}

/// Lines that are no record, or cannot become packets, for one reason.
#[derive(Default)]
struct LineFaults {
    count: u64,
    /// Line and what was found there, for the first few.
    first: Vec<(u64, String)>,
}

/// Reads the blocks of one file.
pub(super) struct Reader<'a> {
    /// Index of the file.
    pub file: u32,
    /// Which addresses packets get.
    pub addresses: Addresses,
    /// What is wanted of it.
    pub filter: &'a Filter,
    /// What its path tells.
    pub path: Option<S3Name<'a>>,
}

impl Reader<'_> {
    /// Reads a block whose first line stands under `layout`.
    pub(super) fn read(&self, block: &Block<'_>, layout: Arc<Layout>) -> BlockYield {
        let mut read = BlockYield::default();
        read.records.lines = block.overlong_count;
        read.faults_without_example("line of more than 1 MiB", block.overlong_count);
        read.observations
            .reserve(block.bytes.len() / LINE_LEN_LEAST);
        self.read_rows(Rows::new(block.bytes, layout), &mut read);
        read
    }

    /// Reads what was taken out of a wrapper; none if its columns are not known.
    pub(super) fn read_batch(&self, batch: &Batch) -> Option<BlockYield> {
        let mut read = BlockYield::default();
        match batch.rows()? {
            BatchRows::Lines(rows) => {
                read.observations.reserve(batch.text.len() / LINE_LEN_LEAST);
                self.read_rows(rows, &mut read);
            }
            BatchRows::Columns(rows) => {
                read.observations.reserve(rows.count());
                self.read_rows(rows, &mut read);
            }
        }
        read.take_in_lost(batch);
        Some(read)
    }

    #[inline(always)]
    fn read_rows(&self, mut rows: impl RowSource, read: &mut BlockYield) {
        let (mut layout, mut before) = (Arc::clone(rows.layout()), 0);
        let mut counts_losses = Losses::are_in(&layout);
        while let Some((row, under)) = rows.next_row() {
            read.records.lines += 1;
            match row {
                Row::Record(record) => {
                    self.take_in(read, &record, under);
                    if counts_losses {
                        read.note_losses(&record, under);
                    }
                }
                Row::NoData(record) => {
                    read.records.no_data += 1;
                    if let (Some(start_ns), Some(end_ns)) = (record.start_ns, record.end_ns) {
                        read.quiet.meet(start_ns, end_ns);
                    }
                }
                Row::SkipData(record) => read.records.skip_data(gap(&record)),
                Row::Header => {
                    read.records.headers += 1;
                    before = read.count_columns(&layout, before);
                    layout = Arc::clone(under);
                    counts_losses = Losses::are_in(&layout);
                }
                Row::Blank => read.records.blank += 1,
                Row::Fault(fault) => read.fault(fault.kind().name(), || fault.to_string()),
            }
        }
        read.count_columns(&layout, before);
        read.layout_at_end = Some(layout);
    }

    fn take_in(&self, read: &mut BlockYield, record: &Record<'_>, layout: &Layout) {
        let known_count = read.enis.iter().len();
        let index = read.enis.enter(record.eni);
        let place = Place {
            file: self.file,
            line: read.records.lines,
        };
        let (mut o, assumed) = match observe(record, self.addresses, index, place) {
            Ok(seen) => seen,
            Err(unusable) => return read.fault(unusable.name(), || unusable.to_string()),
        };
        let eni = read.enis.get_mut(index);
        if index.0 as usize == known_count {
            learn(eni, record, layout);
        }
        if let (Some(source), Some(destination)) = (record.source, record.destination) {
            eni.shared.meet(source, destination);
        }
        if record.direction == Some(Direction::Egress)
            && let Some(source) = record.source
        {
            eni.has(source);
        }
        if o.verdict.is_reject()
            && let Some(text) = record.get(layout, Field::RejectReason)
        {
            o.verdict = Verdict::Reject(reject_reason(text));
        }
        let line = Line {
            record,
            layout,
            observation: &o,
        };
        let verdict = self.filter.verdict(&Facts {
            line: Some(line),
            path: self.path,
        });
        read.records.undecided += u64::from(verdict.is_none());
        o.matched = verdict == Some(true);
        read.newest_ns = read.newest_ns.max(Some(o.end_ns));
        read.records.assumed.count(assumed);
        read.observations.push(o);
    }
}

impl BlockYield {
    /// Counts the records that stand under one order of columns, behind the first `before`
    /// ones; returns how many there are now.
    fn count_columns(&mut self, layout: &Arc<Layout>, before: u64) -> u64 {
        let records = self.observations.len() as u64;
        let now = records + self.records.no_data + self.records.skip_data;
        if now > before {
            self.columns.count(ColumnOrder {
                layout: Arc::clone(layout),
                told_by: "",
                files: 0,
                records: now - before,
            });
        }
        now
    }

    /// Notes what the record lost that was read last, if it can become packets and is wanted.
    fn note_losses(&mut self, record: &Record<'_>, layout: &Layout) {
        let line = self.records.lines;
        let last = self.observations.last();
        if last.is_some_and(|o| o.place.line == line && o.matched)
            && let Some(losses) = Losses::of(record, layout)
        {
            self.records.lost.add(&losses);
            self.losses.push((line, losses));
        }
    }

    /// Lines whose columns are not known: each is a fault, whatever its values look like. Until
    /// the columns of one are known, the file may be no flow log, and then nothing of it counts.
    pub(super) fn of_unknown_columns(batch: &Batch) -> Self {
        let mut read = Self::default();
        for line in batch.text.split_inclusive(|byte| *byte == b'\n') {
            let line = line.trim_ascii();
            read.records.lines += 1;
            if line.is_empty() {
                read.records.blank += 1;
                continue;
            }
            let found = line[..line.len().min(FOUND_LEN_MAX)].escape_ascii();
            read.fault("unknown columns", || {
                format!("found \"{found}\", expected the columns of a flow log")
            });
        }
        read.take_in_lost(batch);
        read
    }

    fn fault(&mut self, reason: &'static str, found: impl FnOnce() -> String) {
        let line = self.records.lines;
        let faults = self.faults.entry(reason).or_default();
        faults.count += 1;
        if faults.first.len() < EXAMPLES_MAX {
            faults.first.push((line, found()));
        }
    }

    fn faults_without_example(&mut self, reason: &'static str, count: u64) {
        if count > 0 {
            self.faults.entry(reason).or_default().count += count;
        }
    }

    /// Counts records that did not come out of their wrapping, after the lines.
    fn take_in_lost(&mut self, batch: &Batch) {
        for lost in &batch.faults {
            self.records.lines += 1;
            self.fault(lost.kind, || lost.found.clone());
            self.records.lines += lost.count - 1;
            self.faults_without_example(lost.kind, lost.count - 1);
        }
        self.records.lines += batch.control_count;
        self.records.control += batch.control_count;
        if let Some(more) = batch.blank_count.checked_sub(1) {
            self.records.lines += 1;
            self.fault(BLANK_ROW, || {
                "expected a value in one of the columns that are read".into()
            });
            self.records.lines += more;
            self.faults_without_example(BLANK_ROW, more);
        }
    }

    /// Takes in what the lines behind these held, but for their observations.
    pub(super) fn append(&mut self, later: Self) {
        let lines = self.records.lines;
        self.enis.merge(&later.enis);
        self.records.add(later.records);
        for (reason, more) in later.faults {
            let faults = self.faults.entry(reason).or_default();
            faults.count += more.count;
            faults.first.extend(
                more.first
                    .into_iter()
                    .map(|(line, found)| (lines + line, found)),
            );
            faults.first.truncate(EXAMPLES_MAX);
        }
        self.columns.add(later.columns);
        let losses = later.losses.into_iter();
        self.losses
            .extend(losses.map(|(line, lost)| (lines + line, lost)));
        self.losses.truncate(LOSSES_MAX);
        self.layout_at_end = later.layout_at_end;
        self.newest_ns = self.newest_ns.max(later.newest_ns);
        self.quiet.add(later.quiet);
    }

    /// These, behind so many lines of their file that were not read.
    pub(super) fn behind(mut self, passed: u64) -> Self {
        self.losses.iter_mut().for_each(|(line, _)| *line += passed);
        self
    }

    /// Says what told the column orders of a whole file.
    pub(super) fn tell_columns(&mut self, told_by: impl Fn(&Layout) -> &'static str) {
        self.columns = std::mem::take(&mut self.columns).of_file(told_by);
    }

    /// Moves the faults to the reasons for which lines were skipped, under the name of their file
    /// and the numbers they have there, behind line `base`.
    pub(super) fn name_faults(&mut self, file: &str, base: u64) {
        let mut reasons = Reasons::default();
        for (reason, faults) in std::mem::take(&mut self.faults) {
            let examples = faults.first.into_iter();
            let examples = examples.map(|(line, found)| Example {
                place: format!("{file}:{}", base + line),
                found,
            });
            reasons.count_many(reason, faults.count, examples);
        }
        self.records.skipped.add(reasons);
    }
}

/// The fields of which [`learn`] keeps something.
const FACTS: [Field; 6] = [
    Field::InstanceId,
    Field::SubnetId,
    Field::VpcId,
    Field::AzId,
    Field::AccountId,
    Field::InterfaceType,
];

/// Keeps what a record tells of the ENI that wrote it.
fn learn(eni: &mut Eni, record: &Record<'_>, layout: &Layout) {
    for (field, found) in record.fields(layout, &FACTS) {
        let fact = match field {
            Field::InstanceId => &mut eni.instance,
            Field::SubnetId => &mut eni.subnet,
            Field::VpcId => &mut eni.vpc,
            Field::AzId => &mut eni.zone,
            Field::AccountId => &mut eni.account,
            Field::InterfaceType => &mut eni.kind,
            _ => continue,
        };
        *fact = String::from_utf8_lossy(found).into_owned();
    }
}

fn gap(record: &Record<'_>) -> Gap {
    Gap {
        eni: String::from_utf8_lossy(record.eni).into_owned(),
        start_ns: record.start_ns,
        end_ns: record.end_ns,
    }
}
