//! Sums of a part of an archive, on their way to a file and back.
//!
//! A part has all its sums, not only the largest: which series are the largest is known when all parts are
//! there. Events that CloudTrail may deliver again are kept apart, because another part may have them too.

use serde::{Deserialize, Serialize};

use super::event_sums::{EventSums, WaitingEvent};
use super::store::Store;
use super::{Answers, Metrics, answers, count_archive};
use crate::error::Result;
use crate::flow::{Enis, Place, Shard};
use crate::metrics::tally::{add_cell, begin_ns, question, series};
use crate::metrics::{
    CellMap, Counts, Dimension, Every, Measure, Question, RequestSums, SeriesCell,
};
use crate::pipeline::partial::{
    PartialLine, PartialWriter, PartialWritten, StoredContents, not_possible,
};
use crate::pipeline::run::{Request, Run};
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::read::{Archive, ArchiveChecks, Meter, Phase};

/// The most questions, dimensions or measures that are read; a command line has fewer.
const ASKED_MAX: usize = 64;

/// Cells that are put into the store at once.
const CELLS_HELD_MAX: usize = 1 << 14;

/// What a run counted, except for the sums.
#[derive(Serialize, Deserialize)]
pub(crate) struct MeasuredPart {
    every_s: i64,
    once: bool,
    questions: Vec<StoredQuestion>,
    read: StoredContents,
    /// Start of the first and of the last time bucket in which anything was counted.
    span_ns: Option<(i64, i64)>,
    elapsed_ms: u64,
}

/// A question, by its names.
#[derive(Serialize, Deserialize)]
struct StoredQuestion {
    /// The name of a sum that network teams set alarms on.
    alarm: Option<String>,
    by: Vec<String>,
    measures: Vec<String>,
    top: Option<usize>,
}

/// One sum.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredCell {
    /// Its key, as hexadecimal digits.
    key: String,
    packets: u128,
    bytes: u128,
    records: u64,
    connections: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requests: Option<RequestSums>,
}

/// An event that may be delivered again.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredEvent {
    id: u128,
    file: u32,
    line: u64,
    begin_ns: Option<i64>,
    cells: Vec<StoredCell>,
}

/// Counts one shard of an archive. `write` gets the part, and a function that writes its sums.
///
/// # Errors
/// The archive cannot be read, there is no space for temporary files, or `write` fails.
pub(in crate::pipeline) fn measure_part(
    asked: &Metrics,
    archive: &Archive,
    shard: Shard,
    meter: &Meter,
    write: impl FnOnce(MeasuredPart, &mut dyn FnMut(&mut PartialWriter<'_>) -> Result<()>) -> Result<()>,
) -> Result<PartialWritten> {
    let by_files = !asked.is_known_late();
    let run = Run::new(archive, meter);
    let run = match by_files {
        true => run.of_part(),
        false => run.of_shard(shard),
    };
    let request = &asked.request;
    let folder = SpillFolder::new(&request.temp_dir);
    let held_max = request.held_max();
    let store = Store::new(asked.every, &asked.questions, held_max, &folder);
    let sums = EventSums::new(&store, held_max, &folder);
    // If each run reads all files, one of them counts the events.
    let counts_events = asked.is_of_events() && (by_files || shard.is_first());
    let read = count_archive(asked, &run, &store, counts_events.then_some(&sums))?;
    let written = PartialWritten::of(&read);
    let read = StoredContents::of(read);
    let part = MeasuredPart {
        every_s: asked.every.seconds(),
        once: asked.once,
        questions: asked.questions.iter().map(StoredQuestion::of).collect(),
        read: match by_files {
            true => read,
            false if shard.is_first() => read.without_other_shards(),
            false => read.without_shared(),
        },
        span_ns: store.span_ns(),
        elapsed_ms: run.elapsed_ms(),
    };
    let files_before = u32::try_from(archive.files_before()).unwrap_or(u32::MAX);
    write(part, &mut |writer| {
        sums.each_first(|event| {
            writer.line(&PartialLine::Event(StoredEvent::of(event, files_before)))
        })?;
        store.each_cell(|key, counts| writer.line(&PartialLine::Cell(StoredCell::of(key, counts))))
    })?;
    Ok(written)
}

/// Returns the answers of all parts together, which `feed` reads.
///
/// # Errors
/// `feed` fails, the parts are not what runs wrote, or what [`metrics`](super::metrics()) fails with.
pub(in crate::pipeline) fn merge_parts(
    asked: &Metrics,
    checks: Option<&ArchiveChecks>,
    meter: &Meter,
    feed: impl FnOnce(&mut PartsRead<'_, '_>) -> Result<()>,
) -> Result<Answers> {
    let request = &asked.request;
    let folder = SpillFolder::new(&request.temp_dir);
    let held_max = request.held_max();
    let store = Store::new(asked.every, &asked.questions, held_max, &folder);
    let mut parts = PartsRead {
        asked,
        store: &store,
        sums: EventSums::new(&store, held_max, &folder),
        read: StoredContents::default(),
        elapsed_ms: 0,
        cells: CellMap::default(),
    };
    feed(&mut parts)?;
    store.put_cells(std::mem::take(&mut parts.cells), None)?;
    let PartsRead {
        sums,
        read,
        elapsed_ms,
        ..
    } = parts;
    if !read.is_possible() {
        return Err(not_possible());
    }
    let read = read.complete(Enis::default(), checks, &request.filter)?;
    if asked.is_of_packets() {
        read.check_readable()?;
    }
    sums.complete()?;
    meter.begin(Phase::Sorting, 0);
    let mut answers = answers(asked, read, store)?;
    answers.spilled_bytes = folder.spilled();
    answers.elapsed_ms = elapsed_ms;
    Ok(answers)
}

/// What was read of the parts so far.
pub(in crate::pipeline) struct PartsRead<'a, 's> {
    asked: &'a Metrics,
    store: &'a Store<'s>,
    sums: EventSums<'a, 's>,
    read: StoredContents,
    elapsed_ms: u64,
    /// Cells that are not in the store yet.
    cells: CellMap,
}

impl PartsRead<'_, '_> {
    /// Adds the next part.
    ///
    /// # Errors
    /// There is no space for it.
    pub(in crate::pipeline) fn append(&mut self, part: MeasuredPart) -> Result<()> {
        self.read.append(part.read);
        self.elapsed_ms = self.elapsed_ms.saturating_add(part.elapsed_ms);
        self.store.put_cells(CellMap::default(), part.span_ns)
    }

    /// Adds a line of that part. Returns whether it is a sum that the questions ask for.
    ///
    /// # Errors
    /// There is no space for it.
    pub(in crate::pipeline) fn add(&mut self, line: PartialLine) -> Result<bool> {
        match line {
            PartialLine::Cell(cell) => {
                let Some((key, counts)) = self.decoded(cell) else {
                    return Ok(false);
                };
                add_cell(&mut self.cells, &key, &counts);
                if self.cells.len() >= CELLS_HELD_MAX {
                    self.store
                        .put_cells(std::mem::take(&mut self.cells), None)?;
                }
            }
            PartialLine::Event(event) => {
                let Some(event) = self.waiting(event) else {
                    return Ok(false);
                };
                self.sums.put(&event)?;
            }
            PartialLine::End(_) => return Ok(false),
        }
        Ok(true)
    }

    /// Returns the key and the sums of a cell; `None` if no question asks for it.
    fn decoded(&self, cell: StoredCell) -> Option<(Vec<u8>, Counts)> {
        let key = bytes_of(&cell.key)?;
        let begin_ns = begin_ns(&key);
        let is_asked = key.len() > size_of::<i64>()
            && question(series(&key)) < self.asked.questions.len()
            && begin_ns.rem_euclid(self.asked.every.ns()) == 0;
        let counts = Counts {
            packets: cell.packets,
            bytes: cell.bytes,
            records: cell.records,
            connections: cell.connections,
            requests: cell.requests.map(Box::new),
        };
        is_asked.then_some((key, counts))
    }

    fn waiting(&self, event: StoredEvent) -> Option<WaitingEvent> {
        let mut cells = Vec::new();
        for cell in event.cells {
            let (key, counts) = self.decoded(cell)?;
            SeriesCell { key: &key, counts }.put(&mut cells);
        }
        Some(WaitingEvent {
            id: event.id,
            place: Place {
                file: event.file,
                line: event.line,
            },
            begin_ns: event.begin_ns,
            cells,
        })
    }
}

impl MeasuredPart {
    /// Returns what was asked; `None` if that can be asked in no run.
    pub(in crate::pipeline) fn asked(&self, request: &Request) -> Option<Metrics> {
        let every: Every = format!("{}s", self.every_s).parse().ok()?;
        let questions = self.questions.iter().map(StoredQuestion::question);
        let questions = questions.collect::<Option<Vec<_>>>()?;
        (1..=ASKED_MAX)
            .contains(&questions.len())
            .then(|| Metrics::new(request.clone(), every, questions).once(self.once))
    }
}

impl StoredQuestion {
    fn of(question: &Question) -> Self {
        let by = question.by.iter().map(|by| by.name().to_owned());
        let measures = question.measures.iter().map(|measure| measure.name());
        Self {
            alarm: question.name.map(str::to_owned),
            by: by.collect(),
            measures: measures.map(str::to_owned).collect(),
            top: question.top,
        }
    }

    /// Returns the question; `None` if it is none that can be asked.
    fn question(&self) -> Option<Question> {
        if self.by.len().max(self.measures.len()) > ASKED_MAX {
            return None;
        }
        let question = if let Some(name) = &self.alarm {
            let mut alarms = Question::alarms().into_iter();
            alarms.find(|alarm| alarm.name == Some(name))?
        } else {
            let by = self.by.iter().map(|name| name.parse::<Dimension>().ok());
            let by = by.collect::<Option<Vec<_>>>()?;
            let measures = self.measures.iter();
            let measures = measures.map(|name| name.parse::<Measure>().ok());
            let measures = measures.collect::<Option<Vec<_>>>()?;
            let mut asked = Question::asked(&by, &measures).ok()?.into_iter();
            let question = asked.next().filter(|_| !measures.is_empty())?;
            // Measures of several logs are several questions.
            asked.next().is_none().then_some(question)?
        };
        Some(Question {
            top: self.top,
            ..question
        })
    }
}

impl StoredCell {
    fn of(key: &[u8], counts: Counts) -> Self {
        Self {
            key: digits_of(key),
            packets: counts.packets,
            bytes: counts.bytes,
            records: counts.records,
            connections: counts.connections,
            requests: counts.requests.map(|requests| *requests),
        }
    }
}

impl StoredEvent {
    /// Keeps an event of a run whose first file has this index in the archive.
    fn of(event: WaitingEvent, files_before: u32) -> Self {
        let mut rest = &event.cells[..];
        let cells = std::iter::from_fn(|| SeriesCell::take(&mut rest));
        Self {
            id: event.id,
            file: event.place.file.saturating_add(files_before),
            line: event.place.line,
            begin_ns: event.begin_ns,
            cells: cells
                .map(|cell| StoredCell::of(cell.key, cell.counts))
                .collect(),
        }
    }
}

/// Returns bytes as hexadecimal digits.
fn digits_of(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
    digits.collect()
}

/// Returns the bytes that hexadecimal digits are; `None` for any other text.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let value = |digit: u8| char::from(digit).to_digit(16);
    let bytes = pairs.iter().map(|[high, low]| {
        let byte = value(*high)? << 4 | value(*low)?;
        u8::try_from(byte).ok()
    });
    bytes.collect::<Option<_>>().filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_are_read_as_they_were_written(bytes: Vec<u8>, text in "[0-9a-g]{0,9}") {
            prop_assert_eq!(bytes_of(&digits_of(&bytes)), Some(bytes));
            let read = bytes_of(&text).map(|bytes| digits_of(&bytes));
            prop_assert!(read.is_none_or(|read| read == text));
        }
    }

    #[test]
    fn questions_are_read_as_they_were_written() {
        let by = ["srcaddr", "dstport"].map(|name| name.parse().unwrap());
        let mut asked = Question::asked(&by, &[Measure::Bytes, Measure::Records]).unwrap();
        asked.extend(Question::alarms());
        asked[0].top = Some(3);
        for question in asked {
            assert_eq!(StoredQuestion::of(&question).question(), Some(question));
        }
        let unknown = StoredQuestion {
            alarm: Some("other".into()),
            by: Vec::new(),
            measures: vec!["packets".into()],
            top: None,
        };
        assert_eq!(unknown.question(), None);
        let none = StoredQuestion {
            alarm: None,
            measures: Vec::new(),
            ..unknown
        };
        assert_eq!(none.question(), None);
    }
}
