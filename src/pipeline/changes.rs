//! The API calls that may have changed which packets pass, without the flow logs beside them.
//!
//! A diagnosis finds the same changes and ties them to findings. This is for the question what was
//! changed at all, also in an archive that has CloudTrail and nothing else.

use std::cmp::Reverse;

use crate::change::{Change, ChangeKey, ChangeLog};
use crate::error::{ErrorKind, Result};
use crate::event::EventDetail;
use crate::filter::Span;
use crate::flow::Unusable;
use crate::pipeline::bounded_events::BoundedEvents;
use crate::pipeline::diagnose::{LoggedCall, named_place};
use crate::pipeline::run::Request;
use crate::read::{Found, FoundEvent, Meter, Sink};
use crate::summary::Input;

/// The most changes that are kept, about 16 MiB of them.
const CHANGES_MAX: usize = 1 << 15;

/// The changes of an archive.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChangesRead {
    /// The changes in order of time; the latest if there is no room for all.
    pub calls: Vec<LoggedCall>,
    /// Deliveries of changes for which there was no room.
    pub left_out: u64,
    /// All API calls of the requested time, with those that change nothing.
    pub api_calls: u64,
    /// The requested time range, nanoseconds since the Unix epoch; `None` for an open end.
    pub requested_ns: (Option<i64>, Option<i64>),
    /// Files and their bytes.
    pub input: Input,
}

/// Reads the changes of the requested time. Conditions of the filter other than its time are about
/// records, and are not looked at.
///
/// Runs on rayon's current thread pool.
///
/// # Errors
/// An input cannot be read, or there is no CloudTrail.
pub fn changes(request: &Request, meter: &Meter) -> Result<ChangesRead> {
    let archive = request.archive_and_events()?;
    let newest_ns = archive.newest_ns(meter)?;
    let span = request.filter.span(newest_ns.unwrap_or(i64::MAX));
    let archive = archive.events_alone();
    let none = || ErrorKind::NoEvents { logs: "CloudTrail" };
    let (account, found) = match archive.read_all(&CallsWithin { span }, meter) {
        Err(error) if matches!(error.kind(), ErrorKind::NoFlowLog { .. }) => {
            return Err(none().into());
        }
        read => read?,
    };
    if found.all == 0 {
        return Err(none().into());
    }
    let names = account.source_names(archive.files());
    let left_out = found.changes.left_out();
    let log = ChangeLog::new(found.changes.into_events(), None);
    let logged = log.within(i64::MIN, i64::MAX).iter();
    let name = |place| named_place(&names, place);
    Ok(ChangesRead {
        calls: logged.map(|logged| LoggedCall::of(logged, &name)).collect(),
        left_out,
        api_calls: found.then,
        requested_ns: (
            Some(span.from_ns).filter(|ns| *ns > i64::MIN),
            Some(span.to_ns).filter(|ns| *ns < i64::MAX),
        ),
        input: account.input,
    })
}

/// A sink that keeps the changes of a time range.
struct CallsWithin {
    span: Span,
}

/// What a change is kept by: who asks what came before a failure wants the latest.
type LatestFirst = (Reverse<i64>, ChangeKey);

/// Changes of some files.
struct CallsFound {
    changes: BoundedEvents<LatestFirst, Change>,
    /// API calls at any time.
    all: u64,
    /// API calls in the time range.
    then: u64,
}

impl Default for CallsFound {
    fn default() -> Self {
        Self {
            changes: BoundedEvents::new(CHANGES_MAX),
            all: 0,
            then: 0,
        }
    }
}

impl Sink for CallsWithin {
    type Part = CallsFound;

    fn record(&self, _: &mut CallsFound, _: &Found<'_>) -> std::result::Result<(), Unusable> {
        Ok(())
    }

    fn event(&self, part: &mut CallsFound, found: &FoundEvent<'_>) {
        let event = found.event;
        let EventDetail::ApiCall(call) = &event.detail else {
            return;
        };
        part.all += 1;
        let instant_ns = event.instant_ns;
        if !self.span.overlaps(instant_ns, instant_ns.saturating_add(1)) {
            return;
        }
        part.then += 1;
        if let Some(key) = Change::key(instant_ns, call) {
            let make = || Change::of(key, instant_ns, call);
            let order = (Reverse(instant_ns), key);
            part.changes.add(order, found.place, make);
        }
    }

    fn complete(&self, part: &mut CallsFound, base: u64) -> Result<()> {
        part.changes.shift(base);
        Ok(())
    }

    fn append(&self, part: &mut CallsFound, later: CallsFound) {
        part.changes.append(later.changes);
        part.all += later.all;
        part.then += later.then;
    }
}
