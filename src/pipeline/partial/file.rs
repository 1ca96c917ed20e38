//! The form of a partial result: lines of JSON. The first says what it is of and has the account of the
//! reading; those after it are sums, one on each line, so that any number of them needs little memory; the
//! last says how many there are.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::filter::{Bound, Filter};
use crate::output::Output;
use crate::pipeline::inspect::InspectedPart;
use crate::pipeline::merge::unpacked;
use crate::pipeline::metrics::part::{MeasuredPart, StoredCell, StoredEvent};
use crate::pipeline::provenance::Provenance;
use crate::printable::json::escaped;
use crate::printable::{printable, shown};
use crate::read::ArchiveChecks;

/// The version of the format, in the first key of a file.
const VERSION: u32 = 1;

/// How every file begins.
const BEGIN: &[u8] = b"{\"flow2pcap_partial\":";

/// The longest first line that is read, in bytes: a million events of CloudTrail take 100 MB.
const FIRST_LINE_MAX: u64 = 512 << 20;

/// The longest other line that is read, in bytes: the names in a key are from lines of at most 1 MiB.
const LINE_MAX: u64 = 64 << 20;

/// The first line of a file.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    /// The version of the format.
    flow2pcap_partial: u32,
    pub provenance: Provenance,
    pub archive: ArchiveSeen,
    pub filter: StoredFilter,
    pub part: CountedPart,
}

/// The same, without what is counted.
#[derive(Deserialize)]
pub(super) struct HeaderFront {
    flow2pcap_partial: u32,
    pub provenance: Provenance,
    pub archive: ArchiveSeen,
}

/// What every run sees of an archive, whichever part of it it reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ArchiveSeen {
    /// Files that may match the filter.
    pub files: u64,
    /// A hash of their names and lengths.
    pub digest: u64,
    /// What is to be checked when all parts are there; `None` if each run has checked it.
    pub checks: Option<ArchiveChecks>,
}

/// A filter, with its condition as text.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredFilter {
    condition: Option<String>,
    from: Option<Bound>,
    to: Option<Bound>,
    only_matching: bool,
}

/// What a run counted, except for the sums that have lines of their own.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CountedPart {
    Inspect(Box<InspectedPart>),
    Metrics(Box<MeasuredPart>),
}

/// A line after the first.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::pipeline) enum PartialLine {
    /// A sum.
    Cell(StoredCell),
    /// An event that may be in another part again.
    Event(StoredEvent),
    /// The last line: how many there are between the first and this one.
    End(u64),
}

impl StoredFilter {
    pub(super) fn of(filter: &Filter) -> Self {
        Self {
            condition: filter.condition.as_ref().map(ToString::to_string),
            from: filter.from,
            to: filter.to,
            only_matching: filter.only_matching,
        }
    }

    /// Returns the filter; `None` if its condition is not one.
    pub(super) fn filter(&self) -> Option<Filter> {
        let condition = self.condition.as_ref().map(|text| text.parse());
        Some(Filter {
            condition: condition.transpose().ok()?,
            from: self.from,
            to: self.to,
            only_matching: self.only_matching,
        })
    }
}

impl Header {
    pub(super) fn new(
        provenance: Provenance,
        archive: ArchiveSeen,
        filter: &Filter,
        part: CountedPart,
    ) -> Self {
        Self {
            flow2pcap_partial: VERSION,
            provenance,
            archive,
            filter: StoredFilter::of(filter),
            part,
        }
    }
}

/// Writes a partial result.
pub(in crate::pipeline) struct PartialWriter<'a> {
    output: &'a mut Output,
    lines: u64,
}

impl<'a> PartialWriter<'a> {
    /// Writes the first line.
    ///
    /// # Errors
    /// The output cannot be written.
    pub(super) fn begin(output: &'a mut Output, header: &Header) -> Result<Self> {
        let mut writer = Self { output, lines: 0 };
        writer.put(header)?;
        Ok(writer)
    }

    /// Writes the next line.
    ///
    /// # Errors
    /// The output cannot be written.
    pub(in crate::pipeline) fn line(&mut self, line: &PartialLine) -> Result<()> {
        self.lines += 1;
        self.put(line)
    }

    /// Writes the last line.
    ///
    /// # Errors
    /// The output cannot be written.
    pub(super) fn end(mut self) -> Result<()> {
        self.put(&PartialLine::End(self.lines))
    }

    fn put(&mut self, line: &impl Serialize) -> Result<()> {
        let unwritable = |error: serde_json::Error| Error::usage(error.to_string());
        let text = serde_json::to_string(line).map_err(unwritable)?;
        // Standard output may be a terminal.
        let mut text = escaped(text);
        text.push('\n');
        self.output.write_all(text.as_bytes())
    }
}

/// Whether a file begins as a partial result does, compressed or not.
///
/// # Errors
/// It cannot be read.
pub fn is_partial(path: &Path) -> Result<bool> {
    let file = unpacked(path).map_err(|error| Error::io("open", path, error))?;
    let mut begin = Vec::new();
    let mut file = file.take(BEGIN.len() as u64);
    match file.read_to_end(&mut begin) {
        Ok(_) => Ok(begin == BEGIN),
        // The error is that of reading all of it.
        Err(_) => Ok(false),
    }
}

/// A partial result that is read.
pub(super) struct PartialReader {
    path: PathBuf,
    rest: BufReader<Box<dyn Read>>,
    lines: u64,
}

impl PartialReader {
    /// Opens a file and reads as much of its first line as `H` has.
    ///
    /// # Errors
    /// It cannot be read, or is not a partial result of this version.
    pub(super) fn open<H: FirstLine>(path: &Path) -> Result<(H, Self)> {
        let file = unpacked(path).map_err(|error| Error::io("open", path, error))?;
        let mut reader = Self {
            path: path.to_owned(),
            rest: BufReader::new(file),
            lines: 0,
        };
        let text = reader.text(FIRST_LINE_MAX)?;
        if !text.starts_with(BEGIN) {
            return Err(reader.fault("is not a partial result"));
        }
        let header: H = reader.parsed(&text)?;
        let fault = match header.version() {
            VERSION => header.provenance().fault(),
            other => Some(format!("has format {other}, not {VERSION}")),
        };
        match fault {
            None => Ok((header, reader)),
            Some(fault) => Err(reader.fault(&fault)),
        }
    }

    /// Reads the next line; `None` after the last.
    ///
    /// # Errors
    /// It cannot be read, or the file is not whole.
    pub(super) fn next(&mut self) -> Result<Option<PartialLine>> {
        let text = self.text(LINE_MAX)?;
        if text.is_empty() {
            return Err(self.fault("is not whole: its last line is missing"));
        }
        match self.parsed(&text)? {
            PartialLine::End(lines) if lines == self.lines => Ok(None),
            PartialLine::End(_) => Err(self.fault("is not whole: lines are missing")),
            line => {
                self.lines += 1;
                Ok(Some(line))
            }
        }
    }

    /// Makes the error for a file that is not what a run wrote.
    pub(super) fn fault(&self, fault: &str) -> Error {
        Error::usage(format!("{} {fault}", shown(&self.path)))
    }

    fn text(&mut self, len_max: u64) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        let mut line = (&mut self.rest).take(len_max);
        let read = line.read_until(b'\n', &mut text);
        read.map_err(|error| Error::io("read", &self.path, error))?;
        Ok(text)
    }

    fn parsed<'t, T: Deserialize<'t>>(&self, text: &'t [u8]) -> Result<T> {
        serde_json::from_slice(text).map_err(|error| {
            let error = error.to_string();
            let (line, error) = (self.lines + 1, printable(&error));
            self.fault(&format!("is not a partial result: line {line}: {error}"))
        })
    }
}

/// The first line of a file, or a part of it.
pub(super) trait FirstLine: serde::de::DeserializeOwned {
    /// The version of the format.
    fn version(&self) -> u32;

    /// The program, the options and the shard.
    fn provenance(&self) -> &Provenance;
}

impl FirstLine for Header {
    fn version(&self) -> u32 {
        self.flow2pcap_partial
    }

    fn provenance(&self) -> &Provenance {
        &self.provenance
    }
}

impl FirstLine for HeaderFront {
    fn version(&self) -> u32 {
        self.flow2pcap_partial
    }

    fn provenance(&self) -> &Provenance {
        &self.provenance
    }
}
