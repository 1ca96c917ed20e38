//! A report for one page: the diagnosis of an archive, and its traffic over time.
//!
//! The records are read once. After the diagnosis, which gives their span, the same conversations are
//! counted over stretches of time that fit the span, and one connection of each of the first findings is
//! rebuilt as an example. Events of other logs are read again, only if load balancers may have answered
//! with errors. All of them count, whatever the filter: they are evidence about the records that match.
//! The command line draws the page.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::archive::s3_path;
use crate::diagnosis::Finding;

use crate::error::{ErrorKind, Result, SecondReading};
use crate::event::EventKind;
use crate::metrics::{Dimension, EventDimension, Every, Measure, Question, QuestionScope, Table};
use crate::output::Output;
use crate::pipeline::diagnose::{
    Diagnosis, Examined, ExaminedConversations, LoggedCall, diagnose_then,
};
use crate::pipeline::ladder::{Examples, Ladder};
use crate::pipeline::metrics::{Metrics, measure_conversations};
use crate::pipeline::run::{Request, with_names};
use crate::read::{Archive, Meter};

/// Stretches of time that a picture shows, at most, unless the archive has more than so many days.
const STRETCHES_MAX: u64 = 120;

/// Findings that get an example.
const EXAMPLES_MAX: usize = 10;

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
    /// Files and folders, and the filter. Connections are examined and counted completely.
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
    /// Where the records come from.
    pub origin: Origin,
    /// One connection of each of the first findings, in their order; `None` where none was found.
    pub ladders: Vec<Option<Ladder>>,
    /// How long a stretch of time is.
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
    /// Requests that were answered with a status from 500 to 599, by who answered them.
    pub server_errors: Table,
    /// API calls that changed something, or were to, in order of time.
    pub changes: Vec<LoggedCall>,
}

/// Where the records of a report come from, as far as records and paths say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin {
    /// The accounts.
    pub accounts: BTreeSet<String>,
    /// The regions.
    pub regions: BTreeSet<String>,
    /// The VPCs.
    pub vpcs: BTreeSet<String>,
    /// The region of each VPC, and of each ENI, subnet and instance that a finding names.
    pub region_of: BTreeMap<String, String>,
    /// The part of the requested time range that the records cover, in nanoseconds since the epoch.
    pub span_ns: Option<(i64, i64)>,
}

impl Origin {
    fn of(examined: &Examined) -> Self {
        let involved = || {
            let enis = examined.enis.iter().zip(&examined.is_involved);
            enis.filter(|(_, is_involved)| **is_involved)
        };
        let (accounts, regions) = &examined.named_by_paths;
        let diagnosis = &examined.diagnosis;
        let mut origin = Self {
            span_ns: diagnosis.span_ns.map(|_| span_ns(diagnosis)),
            ..Self::default()
        };
        for (eni, _) in involved() {
            origin.accounts.extend(known(&eni.account));
            origin.regions.extend(known(&eni.region));
            origin.vpcs.extend(known(&eni.vpc));
        }
        if origin.accounts.is_empty() {
            origin.accounts.clone_from(accounts);
        }
        if origin.regions.is_empty() {
            origin.regions.clone_from(regions);
        }
        // Where there is one region only, all is there.
        let mut only = origin.regions.iter();
        let only = only.next().filter(|_| only.next().is_none()).cloned();
        let mut region_of = BTreeMap::new();
        for (eni, _) in involved() {
            if let Some(region) = known(&eni.region).or_else(|| only.clone()) {
                let ids = [&eni.name, &eni.subnet, &eni.instance, &eni.vpc];
                let ids = ids.into_iter().filter_map(|id| known(id));
                region_of.extend(ids.map(|id| (id, region.clone())));
            }
        }
        for finding in &diagnosis.findings {
            if let Some(region) = region_by_path(finding) {
                let names = named(finding).cloned();
                names.for_each(|id| _ = region_of.entry(id).or_insert_with(|| region.clone()));
            }
        }
        let findings = diagnosis.findings.iter();
        let named: BTreeSet<&String> = findings.flat_map(named).chain(&origin.vpcs).collect();
        region_of.retain(|id, _| named.contains(id));
        origin.region_of = region_of;
        origin
    }
}

/// A name that a record gives, if it does.
fn known(name: &str) -> Option<String> {
    (!matches!(name, "" | "-")).then(|| name.to_owned())
}

/// The ENIs, subnets and instances that a finding names.
fn named(finding: &Finding) -> impl Iterator<Item = &String> {
    let scope = &finding.scope;
    scope
        .enis
        .iter()
        .chain(&scope.subnets)
        .chain(&scope.instances)
}

/// The region in the path of the first file that proves a finding.
fn region_by_path(finding: &Finding) -> Option<String> {
    let (file, _line) = finding.records.first()?.rsplit_once(':')?;
    s3_path::parse(file).map(|path| path.region.to_owned())
}

/// Reads the contents of a page. Returns them with the open output for the page.
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
    let archive = request.archive_and_all_beside()?;
    let output = Output::create(output, "report.html", archive.paths())?;
    let then =
        |examined: ExaminedConversations<'_, '_>| counted(request, &archive, meter, &examined);
    let (examined, counted) = diagnose_then(request, &archive, meter, Some(then))?;
    let CountedConversations {
        every,
        tables,
        ladders,
    } = counted.expect("the conversations were counted");
    let origin = Origin::of(&examined);
    let Examined {
        diagnosis, changes, ..
    } = examined;
    let mut tables = tables.into_iter();
    let mut next = || tables.next().expect("each question has its table");
    let reported = Reported {
        diagnosis,
        origin,
        ladders,
        every,
        actions: next(),
        rejected: next(),
        outcomes: next(),
        talkers: next(),
        subnets: next(),
        rejected_sources: next(),
        rejected_ports: next(),
        server_errors: next(),
        changes,
    };
    Ok((reported, output))
}

/// What is counted after the diagnosis.
struct CountedConversations {
    every: Every,
    tables: Vec<Table>,
    ladders: Vec<Option<Ladder>>,
}

/// Counts the conversations that were examined.
fn counted(
    request: &Request,
    archive: &Archive,
    meter: &Meter,
    examined: &ExaminedConversations<'_, '_>,
) -> Result<CountedConversations> {
    let diagnosis = examined.diagnosis;
    let every = Every::of_span(span_ns(diagnosis), STRETCHES_MAX, examined.interval_s);
    let sums = Metrics::new(request.clone(), every, questions().to_vec()).once(true);
    let first = diagnosis.findings.len().min(EXAMPLES_MAX);
    let examples = Examples::new(&diagnosis.findings[..first]);
    let events = has_server_errors(diagnosis).then_some(archive);
    if events.is_some() && archive.has_stdin() {
        let purpose = SecondReading::Report;
        return Err(ErrorKind::ReadsStdinTwice { purpose }.into());
    }
    let events = events.map(Archive::events_alone);
    let tables = measure_conversations(&sums, examined, events.as_ref(), meter, &examples)?;
    Ok(CountedConversations {
        every,
        tables,
        ladders: examples.into_ladders(),
    })
}

/// Whether a request may have been answered with an error of the server. Those of VPC Lattice are not
/// counted by a diagnosis.
fn has_server_errors(diagnosis: &Diagnosis) -> bool {
    let mut logs = diagnosis.events.iter();
    diagnosis.request_errors > 0 || logs.any(|(kind, _)| kind == EventKind::Lattice)
}

/// Returns the time that the records cover, within the requested range.
fn span_ns(diagnosis: &Diagnosis) -> (i64, i64) {
    let (start, end) = diagnosis.span_ns.unwrap_or_default();
    let (from, to) = diagnosis.requested_ns.unwrap_or_default();
    let start = from.map_or(start, |from| start.max(from));
    (start, to.map_or(end, |to| end.min(to)).max(start))
}

/// Number of questions.
const QUESTIONS: usize = 8;

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
            ..QuestionScope::default()
        },
        ..largest(by, &[Measure::Packets], top)
    };
    let volume = [Measure::Bytes, Measure::Packets];
    let answered_by = Dimension::OfEvent(EventDimension::AnsweredBy);
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
        Question {
            scope: QuestionScope {
                server_errors: true,
                ..QuestionScope::default()
            },
            ..Question::of(vec![answered_by], vec![Measure::Requests])
        },
    ]
}
