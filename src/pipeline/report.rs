//! A report for one page: the diagnosis of an archive, and its traffic over time.
//!
//! The archive is read twice: first for the diagnosis, which also yields the time span, then for
//! sums over intervals that fit the span. `cli` draws the page.

use std::path::{Path, PathBuf};

use crate::error::{ErrorKind, Result, SecondReading};
use crate::metrics::{Dimension, Every, Measure, Question, QuestionScope, Table};
use crate::output::Output;
use crate::pipeline::diagnose::{Diagnosis, diagnose_archive};
use crate::pipeline::metrics::{Metrics, measure_archive};
use crate::pipeline::run::{Request, with_names};
use crate::read::Meter;

/// The most intervals in a chart, unless the archive has more days than that.
const STRETCHES_MAX: u64 = 240;

/// The most series in a chart.
const LAYERS_MAX: usize = 7;

/// Rows in a list of the largest.
const ROWS_MAX: usize = 25;

/// The most pairs of subnets with their own sums.
const PAIRS_MAX: usize = 1_000;

/// The archive to report on, and the output.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// Files and folders, and the filter; not standard input, which cannot be read twice.
    /// Connections are examined and counted completely.
    pub request: Request,
    /// Path of the page, or `-` for standard output.
    pub output: PathBuf,
}

impl Report {
    /// Creates a report on `request`, written to the page `output`.
    pub fn new(request: Request, output: PathBuf) -> Self {
        Self { request, output }
    }
}

/// The contents of a page. Each packet counts once, as in a capture.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reported {
    /// The diagnosis, with the account of the input.
    pub diagnosis: Diagnosis,
    /// Length of an interval.
    pub every: Every,
    /// Packets and bytes by action.
    pub actions: Table,
    /// Rejected packets by protocol.
    pub rejected: Table,
    /// Connections by outcome.
    pub outcomes: Table,
    /// Bytes and packets by source and destination address.
    pub talkers: Table,
    /// Bytes by source and destination subnet.
    pub subnets: Table,
    /// Rejected packets by source address.
    pub rejected_sources: Table,
    /// Rejected packets by protocol and destination port.
    pub rejected_ports: Table,
}

/// Reads the contents of a page; returns them with the open output for the page.
///
/// Runs on rayon's current thread pool.
///
/// # Errors
/// A diagnosis or metrics run fails, standard input is among the inputs, or the output cannot be
/// written.
pub fn report(asked: &Report, meter: &Meter) -> Result<(Reported, Output)> {
    with_names(&asked.request, |request| {
        report_named(request, &asked.output, meter)
    })
}

fn report_named(request: &Request, output: &Path, meter: &Meter) -> Result<(Reported, Output)> {
    if request.inputs.iter().any(|input| input == Path::new("-")) {
        let purpose = SecondReading::Report;
        return Err(ErrorKind::ReadsStdinTwice { purpose }.into());
    }
    let archive = request.archive()?;
    let output = Output::create(output, "report.html", archive.paths())?;
    let diagnosis = diagnose_archive(request, &archive, meter)?;
    let every = Every::of_span(span_ns(&diagnosis), STRETCHES_MAX);
    let sums = Metrics::new(request.clone(), every, questions().to_vec()).once(true);
    let answers = measure_archive(&sums, &archive, meter)?;
    let mut tables = answers.tables.into_iter();
    let mut next = || tables.next().expect("each question has its table");
    let reported = Reported {
        diagnosis,
        every,
        actions: next(),
        rejected: next(),
        outcomes: next(),
        talkers: next(),
        subnets: next(),
        rejected_sources: next(),
        rejected_ports: next(),
    };
    Ok((reported, output))
}

/// Returns the time that the records cover, within the requested range.
fn span_ns(diagnosis: &Diagnosis) -> (i64, i64) {
    let (start, end) = diagnosis.span_ns.unwrap_or_default();
    let (from, to) = diagnosis.requested_ns.unwrap_or_default();
    let start = from.map_or(start, |from| start.max(from));
    (start, to.map_or(end, |to| end.min(to)).max(start))
}

/// Number of questions.
const QUESTIONS: usize = 7;

/// Returns the questions, in the order of the tables in [`Reported`].
fn questions() -> [Question; QUESTIONS] {
    use Dimension::{
        Action, DestinationAddress, DestinationPort, DestinationSubnet, Outcome, Protocol,
        SourceAddress, SourceSubnet,
    };
    let largest = |by: &[Dimension], measures: &[Measure], top| Question {
        top: Some(top),
        ..Question::of(by.to_vec(), measures.to_vec())
    };
    let rejected = |by: &[Dimension], top| Question {
        scope: QuestionScope {
            rejected: true,
            protocol: None,
        },
        ..largest(by, &[Measure::Packets], top)
    };
    let volume = [Measure::Bytes, Measure::Packets];
    [
        Question::of(vec![Action], vec![Measure::Packets, Measure::Bytes]),
        rejected(&[Protocol], LAYERS_MAX),
        Question::of(vec![Outcome], vec![Measure::Connections]),
        largest(&[SourceAddress, DestinationAddress], &volume, ROWS_MAX),
        largest(
            &[SourceSubnet, DestinationSubnet],
            &[Measure::Bytes],
            PAIRS_MAX,
        ),
        rejected(&[SourceAddress], ROWS_MAX),
        rejected(&[Protocol, DestinationPort], ROWS_MAX),
    ]
}
