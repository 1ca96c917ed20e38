//! Partial results: what one of several runs counted of its part of an archive, and how those of all parts
//! become the answer of one run.
//!
//! Sums of records as they were logged are divided by files, of which each run reads its own. Sums over
//! connections are divided by conversations, and each run reads all files. The result is completed by the
//! code that completes that of one run ([`mod@super::inspect`], [`mod@super::metrics`]), so it is the same answer.
//!
//! A file is read as one from anybody: its counts are compared with each other, and its sums saturate.

mod contents;
mod file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use self::file::is_partial;
use self::file::{ArchiveSeen, CountedPart, Header, HeaderFront, PartialReader};
pub(super) use self::{
    contents::{NameBytes, StoredContents, StoredEnis},
    file::{PartialLine, PartialWriter},
};
use crate::error::{Error, ErrorKind, Result};
use crate::flow::{Enis, Shard};
use crate::metrics::Every;
use crate::output::Output;
use crate::pipeline::inspect::{InspectedPart, inspect_part, inspect_parts};
use crate::pipeline::metrics::part::{MeasuredPart, measure_part, merge_parts};
use crate::pipeline::metrics::{Answers, Metrics};
use crate::pipeline::provenance::{Provenance, named, options_of};
use crate::pipeline::run::{Contents, Request, with_names};
use crate::printable::shown;
use crate::read::{Archive, Meter};
use crate::summary::{Input, Records};
use crate::survey::{EventLogs, Survey};

/// The account of a run that wrote a partial result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PartialWritten {
    /// Files of this part, and their bytes.
    pub input: Input,
    /// Lines and records of this part.
    pub records: Records,
    /// What was read of other AWS logs.
    pub events: EventLogs,
}

/// The answer of several runs together.
#[derive(Debug)]
#[non_exhaustive]
pub enum MergedAnswer {
    /// That of [`inspect`](super::inspect()).
    Inspect(Box<Survey>),
    /// That of [`metrics`](super::metrics()), with the length of a time bucket.
    Metrics(Box<Answers>, Every),
}

/// Inspects one shard of the files of an archive, and writes what [`merge_partials`] needs of it.
///
/// Runs on rayon's current thread pool.
///
/// # Errors
/// An input cannot be read, the column order of a file is unknown, or the output cannot be written.
pub fn inspect_partial(
    request: &Request,
    shard: Shard,
    output: &mut Output,
    meter: &Meter,
) -> Result<PartialWritten> {
    let archive = request.archive_and_events()?;
    let seen = ArchiveSeen::of(&archive, true);
    let (part, written) = inspect_part(request, &archive.of_shard(shard), meter)?;
    let provenance = Provenance::new(options("inspect", request, String::new()), shard);
    let part = CountedPart::Inspect(Box::new(part));
    let header = Header::new(provenance, seen, &request.filter, part);
    PartialWriter::begin(output, &header)?.end()?;
    Ok(written)
}

/// Counts one shard of an archive for questions about it, and writes what [`merge_partials`] needs of it.
///
/// Runs on rayon's current thread pool. A shard of files is read, or all of them if records count by
/// connection or by what their ENI's other records say.
///
/// # Errors
/// An input cannot be read, the column order of a file is unknown, there is no space for temporary files, or
/// the output cannot be written.
pub fn metrics_partial(
    asked: &Metrics,
    shard: Shard,
    output: &mut Output,
    meter: &Meter,
) -> Result<PartialWritten> {
    let by_files = !asked.is_known_late();
    let provenance = Provenance::new(options("metrics", &asked.request, asked.said()), shard);
    let count = |request: &Request| {
        let mut asked = asked.clone();
        asked.request = request.clone();
        let archive = asked.archive()?;
        let seen = ArchiveSeen::of(&archive, by_files);
        let archive = match by_files {
            true => archive.of_shard(shard),
            false => archive,
        };
        measure_part(&asked, &archive, shard, meter, |part, write| {
            let part = CountedPart::Metrics(Box::new(part));
            let filter = &asked.request.filter;
            let header = Header::new(provenance.clone(), seen.clone(), filter, part);
            let mut writer = PartialWriter::begin(&mut *output, &header)?;
            write(&mut writer)?;
            writer.end()
        })
    };
    with_names(&asked.request, count)
}

/// Adds up the partial results of all parts of an archive.
///
/// Runs on rayon's current thread pool. `memory` is about how many bytes may be used, and `temp_dir` the
/// folder for what does not fit.
///
/// # Errors
/// A file cannot be read or is not a partial result of this version; the files do not belong together, or
/// one is missing or there twice; or what one run would have failed with.
pub fn merge_partials(
    paths: &[PathBuf],
    memory: u64,
    temp_dir: &Path,
    meter: &Meter,
) -> Result<MergedAnswer> {
    let paths = in_order(paths)?;
    let Some(first) = paths.first() else {
        return Err(Error::usage("no partial result is given"));
    };
    let (header, reader) = PartialReader::open::<Header>(first)?;
    let filter = header.filter.filter();
    let filter = filter.ok_or_else(|| reader.fault("has a filter that is not one"))?;
    let request = Request::new(Vec::new())
        .filter(filter)
        .memory(memory)
        .temp_dir(temp_dir.to_owned());
    let merged = match header.part {
        CountedPart::Inspect(_) => merge_inspected(&request, &header.archive, &paths, meter),
        CountedPart::Metrics(part) => {
            merge_measured(&request, &part, (&header.archive, &paths), meter)
        }
    };
    merged.map_err(said_for_parts)
}

fn merge_inspected(
    request: &Request,
    seen: &ArchiveSeen,
    paths: &[PathBuf],
    meter: &Meter,
) -> Result<MergedAnswer> {
    let (mut all, mut enis) = (InspectedPart::default(), Enis::default());
    for path in paths {
        meter.check()?;
        let (header, mut reader) = PartialReader::open::<Header>(path)?;
        let CountedPart::Inspect(part) = header.part else {
            return Err(reader.fault("is not a part of an inspection"));
        };
        if reader.next()?.is_some() {
            return Err(reader.fault("has more lines than a part of an inspection"));
        }
        all.append(*part, &mut enis);
    }
    let checks = seen.checks.filter(|_| all.is_possible());
    let checks = checks.ok_or_else(not_possible)?;
    let survey = inspect_parts(request, &checks, (all, enis))?;
    Ok(MergedAnswer::Inspect(Box::new(survey)))
}

fn merge_measured(
    request: &Request,
    first: &MeasuredPart,
    (seen, paths): (&ArchiveSeen, &[PathBuf]),
    meter: &Meter,
) -> Result<MergedAnswer> {
    let asked = first.asked(request).ok_or_else(not_possible)?;
    let answers = merge_parts(&asked, seen.checks.as_ref(), meter, |parts| {
        for path in paths {
            meter.check()?;
            let (header, mut reader) = PartialReader::open::<Header>(path)?;
            let CountedPart::Metrics(part) = header.part else {
                return Err(reader.fault("is not a part of sums"));
            };
            parts.append(*part)?;
            while let Some(line) = reader.next()? {
                if !parts.add(line)? {
                    return Err(reader.fault("has a sum that no question asks for"));
                }
            }
        }
        Ok(())
    })?;
    Ok(MergedAnswer::Metrics(Box::new(answers), asked.every))
}

/// Checks that the files are all parts of one archive, and returns them in the order of their parts.
fn in_order(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut all: Option<(HeaderFront, &Path)> = None;
    let mut numbered = Vec::new();
    for path in paths {
        let (front, reader) = PartialReader::open::<HeaderFront>(path)?;
        let shard = front.provenance.shard();
        let shard = shard.ok_or_else(|| reader.fault("is of several shards"))?;
        numbered.push((shard.number(), path.clone()));
        let Some((all, first)) = &mut all else {
            all = Some((front, path));
            continue;
        };
        all.provenance.add(&front.provenance, path, first)?;
        if front.archive != all.archive {
            return Err(Error::usage(format!(
                "{} is of other inputs than {}: their files differ in number, name or length",
                shown(path),
                shown(first)
            )));
        }
    }
    if let Some((all, _)) = &all {
        all.provenance.check_whole("partial results")?;
    }
    numbered.sort_unstable();
    Ok(numbered.into_iter().map(|(_, path)| path).collect())
}

pub(super) fn not_possible() -> Error {
    Error::usage(
        "the partial results are not what runs of this program wrote: their counts do not add up",
    )
}

/// One run reads again with whole names if it must. Several runs cannot, because each of them knows only
/// the names in its own files.
fn said_for_parts(error: Error) -> Error {
    match error.kind() {
        ErrorKind::AmbiguousName { is_whole: true, .. } => Error::usage(format!(
            "{error}; partial results cannot be added up for a filter by such a name"
        )),
        _ => error,
    }
}

impl PartialWritten {
    /// Returns the account of what was read.
    pub(super) fn of(read: &Contents) -> Self {
        Self {
            input: read.input.clone(),
            records: read.records.clone(),
            events: read.account.events.clone(),
        }
    }
}

impl ArchiveSeen {
    /// Returns what a run sees of an archive; each run checks what it read unless they read different files.
    fn of(archive: &Archive, by_files: bool) -> Self {
        Self {
            files: archive.files().len() as u64,
            digest: archive.digest(),
            checks: by_files.then(|| archive.checks()),
        }
    }
}

/// Returns the options on which a partial result depends, by name; `said` are those of the subcommand.
fn options(command: &str, request: &Request, said: String) -> BTreeMap<String, String> {
    let mut options = options_of(request);
    let format = request.format.as_ref();
    let columns = format.map(|layout| format!("{layout:?}"));
    options.extend(named([
        ("command", command.to_owned()),
        ("column order", columns.unwrap_or_default()),
        ("questions", said),
    ]));
    options
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::metrics::{Measure, Question};

    const LOG: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes \
        start end action log-status\n\
        2 123456789012 eni-1 10.0.0.1 10.0.0.2 40000 22 6 3 180 1773454565 1773454570 REJECT OK\n\
        2 123456789012 eni-2 10.0.0.1 10.0.0.3 40001 443 6 5 400 1773454565 1773454970 ACCEPT OK\n\
        2 123456789012 eni-1 - - - - - - - 1773454565 1773454625 - SKIPDATA\n\
        torn\n";

    const CALL: &str = r#"{"eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com","eventName":"RunInstances","eventID":"00000000000000000000000000000001"}"#;

    /// Writes the only part of a small archive: an inspection, or sums of packets and calls.
    fn part(folder: &Path, is_of_sums: bool) -> String {
        let log = folder.join("a.log");
        fs::write(&log, LOG).unwrap();
        let calls = folder.join("b.json");
        fs::write(&calls, CALL).unwrap();
        let request = Request::new(vec![log, calls]).temp_dir(folder.to_owned());
        let path = folder.join("part.json");
        let mut output = Output::create(&path, "part.json", &[]).unwrap();
        let (shard, meter) = (Shard::WHOLE, Meter::default());
        if is_of_sums {
            let measures = [Measure::Packets, Measure::Calls];
            let questions = Question::asked(&[], &measures).unwrap();
            let asked = Metrics::new(request, Every::default(), questions);
            metrics_partial(&asked, shard, &mut output, &meter).unwrap();
        } else {
            inspect_partial(&request, shard, &mut output, &meter).unwrap();
        }
        output.finish().unwrap();
        fs::read_to_string(path).unwrap()
    }

    fn merged(folder: &Path, text: &[u8]) -> Result<MergedAnswer> {
        let path = folder.join("changed.json");
        fs::write(&path, text).unwrap();
        merge_partials(&[path], 64 << 20, folder, &Meter::default())
    }

    /// Where the numbers in a text are.
    fn numbers(text: &str) -> Vec<std::ops::Range<usize>> {
        let mut found: Vec<std::ops::Range<usize>> = Vec::new();
        for (at, _) in text.bytes().enumerate().filter(|(_, b)| b.is_ascii_digit()) {
            match found.last_mut() {
                Some(last) if last.end == at => last.end = at + 1,
                _ => found.push(at..at + 1),
            }
        }
        found
    }

    #[test]
    fn parts_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let inspected = merged(folder.path(), part(folder.path(), false).as_bytes()).unwrap();
        let MergedAnswer::Inspect(survey) = inspected else {
            panic!("{inspected:?}");
        };
        assert_eq!((survey.records.lines, survey.logged.packets), (5, 8));
        let counted = merged(folder.path(), part(folder.path(), true).as_bytes()).unwrap();
        let MergedAnswer::Metrics(answers, every) = counted else {
            panic!("{counted:?}");
        };
        let tables = answers.tables.iter();
        let totals: Vec<_> = tables.map(|table| table.series[0].total.clone()).collect();
        assert_eq!((totals[0].packets, totals[1].records), (8, 1));
        assert_eq!(every, Every::default());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn any_number_is_added_up_or_refused(
            is_of_sums: bool,
            places: Vec<Index>,
            numbers_put in prop::collection::vec(0_usize..7, 1..4),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut text = part(folder.path(), is_of_sums);
            for (place, put) in places.iter().zip(numbers_put) {
                let found = numbers(&text);
                let number = found[place.index(found.len())].clone();
                let large = [
                    "0",
                    "-1",
                    "18446744073709551615",
                    "9223372036854775807",
                    "-9223372036854775808",
                    "340282366920938463463374607431768211455",
                    "72057594037927936",
                ];
                text.replace_range(number, large[put]);
            }
            let _ = merged(folder.path(), text.as_bytes());
        }

        #[test]
        fn any_byte_is_read_or_refused(is_of_sums: bool, place: Index, with: u8) {
            let folder = tempfile::tempdir().unwrap();
            let mut text = part(folder.path(), is_of_sums).into_bytes();
            let at = place.index(text.len());
            text[at] = with;
            let _ = merged(folder.path(), &text);
        }
    }
}
