//! A report: what is the matter in an archive, and what passed through it, for one page.
//!
//! The archive is read twice, first for the diagnosis, which also tells how long its span is, then
//! for sums over stretches of time that fit it. Drawing the page is the business of who shows it.

use std::path::{Path, PathBuf};

use crate::error::{ErrorKind, Result, SecondReading};
use crate::metrics::{Dimension, Every, Measure, Question, QuestionScope, Table};
use crate::output::Output;
use crate::pipeline::diagnose::{Diagnosis, diagnose_archive};
use crate::pipeline::metrics::{Metrics, measure_archive};
use crate::pipeline::run::{Request, with_names};
use crate::read::Meter;

/// Stretches of time that a picture shows, at most, unless the archive has more than so many days.
const STRETCHES_MAX: u64 = 240;

/// Series that a picture tells apart.
const LAYERS_MAX: usize = 7;

/// Rows of a list of the largest.
const ROWS_MAX: usize = 25;

/// Pairs of subnets of which each has its own sum.
const PAIRS_MAX: usize = 1_000;

/// What is to be reported of, and where to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// Files and folders, and what is wanted of them; not standard input, which cannot be read
    /// twice. Connections are looked at and counted whole.
    pub request: Request,
    /// The page, or `-` for standard output.
    pub output: PathBuf,
}

impl Report {
    /// Reports on what `request` asks for, to the page `output`.
    pub fn new(request: Request, output: PathBuf) -> Self {
        Self { request, output }
    }
}

/// What a page tells. Each packet counts once, as in a capture.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reported {
    /// What is the matter, and what was read.
    pub diagnosis: Diagnosis,
    /// How long a stretch of time is.
    pub every: Every,
    /// Packets and bytes by action.
    pub actions: Table,
    /// Packets that were rejected, by protocol.
    pub rejected: Table,
    /// Connections by outcome.
    pub outcomes: Table,
    /// Bytes and packets by source and destination address.
    pub talkers: Table,
    /// Bytes by source and destination subnet.
    pub subnets: Table,
    /// Packets that were rejected, by source address.
    pub rejected_sources: Table,
    /// Packets that were rejected, by protocol and destination port.
    pub rejected_ports: Table,
}

/// Reads what a page tells; returns it with the open output that the page is to be written to.
///
/// Runs on rayon's current thread pool.
///
/// # Errors
/// What ends a diagnosis or a run of metrics; standard input among the inputs; an output that
/// cannot be written.
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

/// The time that records cover, as far as it was asked for.
fn span_ns(diagnosis: &Diagnosis) -> (i64, i64) {
    let (start, end) = diagnosis.span_ns.unwrap_or_default();
    let (from, to) = diagnosis.requested_ns.unwrap_or_default();
    let start = from.map_or(start, |from| start.max(from));
    (start, to.map_or(end, |to| end.min(to)).max(start))
}

/// How many questions there are.
const QUESTIONS: usize = 7;

/// What is asked, in the order of the tables in [`Reported`].
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
