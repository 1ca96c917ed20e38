//! Diagnosis of an archive: conversations are read and grouped as for `convert`, but with the
//! records of all ENIs.
//!
//! [`crate::diagnosis`] decides the findings; this module passes it the conversations, on all
//! cores, and the time ranges that the archive covers. Counts of parts can be added in any order.

mod coverage;
mod look;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

pub(crate) use self::coverage::Coverage;
use self::look::Looking;
use crate::archive::s3_path;
use crate::change::{CallResult, ChangeLog, LoggedChange};
use crate::configuration::{Configuration, ConfigurationCounts};
use crate::connection::Detail;
use crate::diagnosis::{
    BlindSpot, ChangeGround, ErrorResponse, Finding, FindingEvidence, Ground, Visibility,
    explain_changes, explain_responses, findings,
};
use crate::error::{ErrorKind, Result, SecondReading};
use crate::flow::{Addresses, Candidate, Enis, Place};
use crate::output::Output;
use crate::pipeline::kept_events::KeptEvents;
use crate::pipeline::reading::Observations;
use crate::pipeline::run::{Contents, Request, Run, with_names};
use crate::pipeline::settling::conversations::{Complete, Conversations};
use crate::pipeline::settling::finding_records::FindingRecords;
use crate::pipeline::spilling::temporary::SpillFolder;
use crate::read::{Account, Archive, FoundEvent, Meter, SourceNames};
use crate::summary::{Input, Records};
use crate::survey::EventLogs;

/// The result of a diagnosis.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The findings, most important first.
    pub findings: Vec<Finding>,
    /// Error responses in the access logs of load balancers, the most frequent first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub error_responses: Vec<ErrorResponse>,
    /// Requests that load balancers answered with an error, also those that are in no group above.
    #[serde(skip_serializing_if = "is_zero")]
    pub request_errors: u64,
    /// The blind spots of the archive.
    pub blind_spots: Vec<BlindSpot>,
    /// Connection attempts, including conversations that are not TCP.
    pub attempts: u64,
    /// Attempts by symptom.
    pub symptoms: std::collections::BTreeMap<&'static str, u64>,
    /// Earliest start and latest end of the examined attempts, nanoseconds since the epoch.
    pub span_ns: Option<(i64, i64)>,
    /// Requested time range, nanoseconds since the epoch; `null` where it is unlimited.
    pub requested_ns: Option<(Option<i64>, Option<i64>)>,
    /// ENIs that wrote the records.
    pub enis: u64,
    /// The configuration beside the logs; `null` if there is none.
    pub configuration: Option<ConfigurationCounts>,
    /// What was read of other AWS logs.
    #[serde(skip_serializing_if = "EventLogs::is_empty")]
    pub events: EventLogs,
    /// The changes that CloudTrail logged; `null` if there is no CloudTrail.
    pub changes: Option<ChangeCounts>,
    /// Files and their bytes.
    pub input: Input,
    /// Lines and records; records of examined attempts are counted as `used`.
    pub records: Records,
    /// Bytes written to temporary files because memory was full.
    pub spilled_bytes: u64,
    /// Wall time, milliseconds.
    pub elapsed_ms: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// How many changes CloudTrail logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChangeCounts {
    /// Calls that changed something.
    pub made: u64,
    /// Calls that were refused, or only asked whether they would be allowed.
    pub attempted: u64,
    /// Changes, each time they were delivered, for which there was no room.
    pub left_out: u64,
}

impl ChangeCounts {
    fn of(events: &KeptEvents) -> Option<Self> {
        let changes = || events.changes.iter().map(|(_, event)| &event.value);
        let made = changes().filter(|change| change.result == CallResult::Done);
        let made = made.count() as u64;
        (events.api_calls > 0).then(|| Self {
            made,
            attempted: changes().count() as u64 - made,
            left_out: events.changes.left_out(),
        })
    }
}

/// Diagnoses an archive. An attempt is examined completely if one of its records matches the
/// filter.
///
/// Runs on rayon's current thread pool.
///
/// # Errors
/// An input cannot be read or its column order is unknown, there is no flow log or record at all, nothing
/// matches the filter, there is no
/// space for temporary files, or a conversation needs more than the memory.
pub fn diagnose(request: &Request, meter: &Meter) -> Result<Diagnosis> {
    with_names(request, |request| {
        Ok(diagnose_archive(request, &request.archive_and_all_beside()?, meter)?.diagnosis)
    })
}

/// Diagnoses an archive, and returns the open file for the findings as well.
///
/// # Errors
/// Fails as [`diagnose()`] does, or if the output is an input or cannot be written.
pub fn diagnose_to(request: &Request, output: &Path, meter: &Meter) -> Result<(Diagnosis, Output)> {
    with_names(request, |request| {
        let archive = request.archive_and_all_beside()?;
        let output = Output::create(output, "findings.txt", archive.paths())?;
        Ok((
            diagnose_archive(request, &archive, meter)?.diagnosis,
            output,
        ))
    })
}

/// A diagnosis, and the facts about the archive that a report shows.
pub(super) struct Examined {
    pub diagnosis: Diagnosis,
    /// The ENIs of the archive.
    pub enis: Enis,
    /// Whether each ENI logged an examined attempt, in the order of the ENIs.
    pub is_involved: Vec<bool>,
    /// The accounts and the regions that the paths of the files name.
    pub named_by_paths: (BTreeSet<String>, BTreeSet<String>),
    /// When missing replies are evidence.
    pub visibility: Visibility,
    /// The changes that CloudTrail logged and that are kept, in order of time.
    pub changes: Vec<LoggedCall>,
}

/// An API call that changed something, or was to, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedCall {
    /// When it was made, nanoseconds since the Unix epoch, in whole seconds.
    pub instant_ns: i64,
    /// Who made it: user, role and session, or AWS service.
    pub caller: String,
    /// The address of the caller, or an AWS service; empty if unknown.
    pub source: String,
    /// What was changed, with the ids of it.
    pub what: String,
    /// The action, such as `RevokeSecurityGroupIngress`.
    pub event: String,
    /// Whether it was refused, or was a dry run: it changed nothing.
    pub is_attempt: bool,
    /// Its line, `FILE:LINE`.
    pub record: String,
}

impl LoggedCall {
    /// Creates a call at an instant in nanoseconds since the Unix epoch, of which nothing else is known
    /// than its line, `FILE:LINE`.
    pub fn new(instant_ns: i64, is_attempt: bool, record: String) -> Self {
        Self {
            instant_ns,
            is_attempt,
            record,
            ..Self::default()
        }
    }

    pub(super) fn of(logged: &LoggedChange, name: &dyn Fn(Place) -> String) -> Self {
        let change = &logged.change;
        Self {
            instant_ns: change.instant_ns,
            caller: change.caller.to_string(),
            source: change.caller.source.clone(),
            what: change.in_words(),
            event: change.name.clone(),
            is_attempt: change.result != CallResult::Done,
            record: name(logged.place),
        }
    }
}

/// Returns the records of finding `number`, counted from 1, of an open archive; `None` without a
/// number.
///
/// # Errors
/// Fails as [`diagnose()`] does, or if there is no such finding.
pub(super) fn finding_records(
    number: Option<u64>,
    request: &Request,
    archive: &Archive,
    meter: &Meter,
) -> Result<Option<FindingRecords>> {
    let Some(number) = number else {
        return Ok(None);
    };
    if archive.has_stdin() {
        let purpose = SecondReading::Finding;
        return Err(ErrorKind::ReadsStdinTwice { purpose }.into());
    }
    let mut request = request.clone();
    request.filter.only_matching = false;
    let Examined {
        diagnosis,
        visibility,
        ..
    } = diagnose_archive(&request, archive, meter)?;
    let count = diagnosis.findings.len() as u64;
    let index = number.checked_sub(1).and_then(|n| usize::try_from(n).ok());
    match index.and_then(|index| diagnosis.findings.into_iter().nth(index)) {
        Some(finding) => Ok(Some(FindingRecords {
            members: finding.members,
            visibility,
        })),
        None => Err(ErrorKind::NoSuchFinding { number, count }.into()),
    }
}

/// What a diagnosis leaves of the conversations that it has examined, for other uses.
pub(super) struct ExaminedConversations<'a, 'f> {
    pub conversations: Complete<'f, 'a>,
    pub enis: &'a Enis,
    pub diagnosis: &'a Diagnosis,
    /// How long the interval of most records is at most, seconds.
    pub interval_s: i64,
    /// The instant of the newest record, nanoseconds since the Unix epoch.
    pub newest_ns: Option<i64>,
}

/// Diagnoses an open archive.
pub(super) fn diagnose_archive(
    request: &Request,
    archive: &Archive,
    meter: &Meter,
) -> Result<Examined> {
    let diagnosed = diagnose_then(
        request,
        archive,
        meter,
        None::<fn(ExaminedConversations<'_, '_>) -> Result<()>>,
    );
    Ok(diagnosed?.0)
}

/// Diagnoses an open archive. If there is a `then`, it gets the conversations, which are kept for it.
pub(super) fn diagnose_then<T>(
    request: &Request,
    archive: &Archive,
    meter: &Meter,
    then: Option<impl FnOnce(ExaminedConversations<'_, '_>) -> Result<T>>,
) -> Result<(Examined, Option<T>)> {
    let run = Run::new(archive, meter);
    let folder = SpillFolder::new(&request.temp_dir);
    let Heard {
        mut read,
        conversations,
        interval_s,
        visibility,
    } = hear(request, &run, &folder)?;
    let configuration = configuration(&mut read);
    let enis = &read.enis;
    let (conversations, _) = conversations.complete(enis, request.memory);
    let selection = request.selection(read.newest_ns);
    let looking = Looking::new(selection.as_ref(), &visibility, enis, then.is_some());
    let looked = looking.look(&conversations, meter)?;
    let (tally, counts) = (&looked.tally, &looked.counts);
    read.check_kept(request, counts.records)?;
    let places = read.account.source_names(archive.files());
    let name = |place| named_place(&places, place);
    let ground = Ground {
        enis,
        configuration: configuration.as_ref(),
        name: &name,
    };
    counts.add_to(&mut read.records);
    let evidence = looked.evidence(selection.is_some());
    let kept = std::mem::take(&mut read.kept_events);
    let (changes, request_errors) = (ChangeCounts::of(&kept), kept.responses.errors());
    let explained = explained(evidence, &ground, kept, interval_s);
    let diagnosis = Diagnosis {
        findings: explained.findings,
        error_responses: explained.error_responses,
        request_errors,
        blind_spots: visibility.blind_spots(tally, read.records.skip_data),
        attempts: tally.attempts,
        symptoms: tally.by_symptom().clone(),
        span_ns: counts.span_ns,
        requested_ns: selection.and_then(|selection| selection.requested_ns()),
        enis: enis.iter().len() as u64,
        configuration: ground.configuration.map(Configuration::counts),
        events: std::mem::take(&mut read.account.events),
        changes,
        input: read.input,
        records: read.records,
        spilled_bytes: folder.spilled(),
        elapsed_ms: run.elapsed_ms(),
    };
    let conversations = ExaminedConversations {
        conversations,
        enis,
        diagnosis: &diagnosis,
        interval_s,
        newest_ns: read.newest_ns,
    };
    let then = then.map(|then| then(conversations)).transpose()?;
    let examined = Examined {
        diagnosis,
        named_by_paths: named_by_paths(archive, &read.account),
        enis: read.enis,
        is_involved: looked.is_involved,
        visibility,
        changes: explained.changes,
    };
    Ok((examined, then))
}

/// What was read for a diagnosis.
struct Heard<'f> {
    read: Contents,
    conversations: Conversations<'f>,
    interval_s: i64,
    visibility: Visibility,
}

/// Reads the archive.
fn hear<'f>(request: &Request, run: &Run<'_>, folder: &'f SpillFolder) -> Result<Heard<'f>> {
    let listening = Listening {
        conversations: Conversations::new(request.held_max(), folder, Detail::Control),
        coverage: Mutex::default(),
    };
    let read = run.read(Addresses::Packet, &listening)?;
    let coverage = inner(listening.coverage);
    Ok(Heard {
        interval_s: coverage.interval_s(),
        visibility: visibility(coverage, &read),
        conversations: listening.conversations,
        read,
    })
}

/// Returns the name of a line, `FILE:LINE`.
pub(super) fn named_place(names: &SourceNames, place: Place) -> String {
    let (file, line) = names.of(place);
    format!("{file}:{line}")
}

/// Returns the configuration beside the logs, if there is any, and describes the ENIs by it.
fn configuration(read: &mut Contents) -> Option<Configuration> {
    let configuration = std::mem::take(&mut read.account.configuration);
    if configuration.is_empty() {
        return None;
    }
    configuration.describe(&mut read.enis);
    Some(configuration)
}

/// Findings and what the events of other logs say of them.
struct Explained {
    findings: Vec<Finding>,
    error_responses: Vec<ErrorResponse>,
    /// The changes in order of time.
    changes: Vec<LoggedCall>,
}

/// Returns the findings, each with the changes that explain it, if CloudTrail is in the archive, and the
/// error responses of load balancers, with the findings that explain them.
fn explained(
    evidence: FindingEvidence<'_>,
    ground: &Ground<'_>,
    events: KeptEvents,
    interval_s: i64,
) -> Explained {
    let mut found = findings(evidence, ground);
    let error_responses = explain_responses(&mut found, &events.responses, ground.name);
    let mut changes = Vec::new();
    if events.api_calls > 0 {
        let log = ChangeLog::new(events.changes.into_events(), ground.configuration);
        let logged = log.within(i64::MIN, i64::MAX).iter();
        changes.extend(logged.map(|logged| LoggedCall::of(logged, ground.name)));
        let counts = evidence.all.unwrap_or(evidence.shown);
        let ground = ChangeGround::new(&log, counts, ground, interval_s);
        explain_changes(&mut found, &ground);
    }
    Explained {
        findings: found,
        error_responses,
        changes,
    }
}

fn inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the accounts and the regions that the paths of the files name.
fn named_by_paths(archive: &Archive, account: &Account) -> (BTreeSet<String>, BTreeSet<String>) {
    let names = archive.files().iter().map(|file| file.name.as_str());
    let names = names.chain(account.member_names());
    let mut named = (BTreeSet::new(), BTreeSet::new());
    for name in names.filter_map(s3_path::parse) {
        named.0.insert(name.account.to_owned());
        named.1.insert(name.region.to_owned());
    }
    named
}

/// Passes records on to their conversations, and notes the time that they cover.
struct Listening<'a> {
    conversations: Conversations<'a>,
    coverage: Mutex<Coverage>,
}

impl Observations for Listening<'_> {
    fn take_in(&self, records: Vec<Candidate>, base: u64, enis: &Enis) -> Result<()> {
        let mut coverage = Coverage::default();
        records
            .iter()
            .for_each(|o| coverage.meet(o.start_ns, o.end_ns));
        locked(&self.coverage).add(coverage);
        self.conversations.take_in(records, base, enis)
    }

    /// Every event: they are evidence about the records, and a filter for records says nothing of
    /// them.
    fn wants(&self, _: &FoundEvent<'_>) -> bool {
        true
    }

    fn keeps_events(&self) -> bool {
        true
    }
}

fn visibility(coverage: Coverage, read: &Contents) -> Visibility {
    let mut visibility = Visibility::new(coverage.span_ns, coverage.holes(&read.quiet));
    for gap in &read.records.gaps {
        if let Some(eni) = read.enis.find(gap.eni.as_bytes()) {
            visibility.skip(eni, gap.start_ns, gap.end_ns);
        }
    }
    visibility
}
