//! Counts of error responses by load balancer, status and target.
//!
//! The size is bounded. What exceeds it is counted, and which groups are kept does not depend on the
//! order of rows: those with the lowest keys.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::diagnosis::path_counts::MinuteCounts;
use crate::event::alb::AlbRequest;
use crate::event::clb::ClbRequest;
use crate::event::{Event, EventDetail};
use crate::flow::Place;
use crate::time::SECOND_NS;

/// The most groups that are kept.
const GROUPS_MAX: usize = 1 << 12;

/// The most load balancers whose requests are counted.
const BALANCERS_MAX: usize = 1 << 10;

/// The most rows of a group that are kept as examples.
const PLACES_MAX: usize = 8;

/// The longest name of a load balancer that is kept, in bytes.
const NAME_LEN_MAX: usize = 128;

/// How long a load balancer waited, as far as a rule depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wait {
    /// Until it gave up connecting: 10 s (AWS, HTTP 504).
    Connect,
    /// Longer: until an idle timeout, 60 s unless configured.
    Idle,
    /// Another time, or an unknown one.
    Other,
}

/// What the rows of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ErrorKey {
    /// `app/NAME/ID`, or the name of a Classic Load Balancer.
    pub(super) balancer: String,
    /// The status sent to the client.
    pub(super) status: u16,
    /// The status that the target sent.
    pub(super) target_status: Option<u16>,
    pub(super) target: Option<SocketAddr>,
    pub(super) wait: Wait,
    /// Whether the request was sent to the target: the time until then was recorded. AWS writes -1
    /// "if the load balancer can't dispatch the request to a target".
    pub(super) is_dispatched: bool,
    /// Whether the request had a target group.
    pub(super) has_group: bool,
}

/// The rows of a group.
#[derive(Clone, Debug)]
pub(super) struct ErrorCounts {
    pub(super) count: u64,
    /// When the first request came and the last response was sent, nanoseconds since the epoch.
    pub(super) span_ns: (i64, i64),
    /// Requests by the time when they came.
    pub(super) minutes: MinuteCounts,
    /// The shortest and the longest time from request to response, nanoseconds.
    pub(super) waited_ns: (i64, i64),
    /// The lowest rows.
    pub(super) places: BTreeSet<Place>,
}

/// What load balancers answered.
#[derive(Clone, Debug, Default)]
pub struct Responses {
    groups: BTreeMap<ErrorKey, ErrorCounts>,
    /// Requests of each load balancer, also those without an error.
    requests: BTreeMap<String, u64>,
    /// All rows with an error, kept or not.
    errors: u64,
}

/// A row as far as it matters here.
struct ResponseRow<'a> {
    balancer: &'a str,
    status: Option<u16>,
    target_status: Option<u16>,
    target: Option<SocketAddr>,
    is_dispatched: bool,
    has_group: bool,
    /// When the request came and the response was sent.
    span_ns: (i64, i64),
}

impl<'a> ResponseRow<'a> {
    fn of(event: &Event<'a>) -> Option<Self> {
        match &event.detail {
            EventDetail::Alb(row) => Some(Self::of_alb(row, event.instant_ns)),
            EventDetail::Clb(row) => Some(Self::of_clb(row, event.instant_ns)),
            _ => None,
        }
    }

    fn of_alb(row: &AlbRequest<'a>, sent_ns: i64) -> Self {
        let came_ns = row.creation_ns.unwrap_or(sent_ns).min(sent_ns);
        Self {
            balancer: row.balancer,
            status: row.elb_status,
            target_status: row.target_status,
            target: row.target,
            is_dispatched: row.request_processing_ns.is_some(),
            has_group: row.target_group_arn.is_some(),
            span_ns: (came_ns, sent_ns),
        }
    }

    fn of_clb(row: &ClbRequest<'a>, came_ns: i64) -> Self {
        let phases = [
            row.request_processing_ns,
            row.backend_processing_ns,
            row.response_processing_ns,
        ];
        let took: u64 = phases.into_iter().flatten().fold(0, u64::saturating_add);
        let took = i64::try_from(took).unwrap_or(i64::MAX);
        Self {
            balancer: row.balancer,
            status: row.elb_status,
            target_status: row.backend_status,
            target: row.backend,
            is_dispatched: row.request_processing_ns.is_some(),
            has_group: true,
            span_ns: (came_ns, came_ns.saturating_add(took)),
        }
    }

    /// Whether the load balancer answered with an error. 460 is a client that left.
    fn is_error(&self) -> bool {
        matches!(self.status, Some(460 | 463 | 464 | 500..=599))
    }

    fn wait(&self) -> Wait {
        let waited_ns = self.span_ns.1.saturating_sub(self.span_ns.0);
        match waited_ns / (SECOND_NS / 10) {
            // Ten seconds, and what sending takes.
            99..=119 => Wait::Connect,
            120.. => Wait::Idle,
            _ => Wait::Other,
        }
    }
}

impl Responses {
    /// Counts an event; does nothing if it is not a row of an access log of requests.
    pub fn add(&mut self, event: &Event<'_>, place: Place) {
        let Some(row) = ResponseRow::of(event) else {
            return;
        };
        let balancer = &row.balancer[..row.balancer.floor_char_boundary(NAME_LEN_MAX)];
        *self.requests.entry(balancer.to_owned()).or_default() += 1;
        shrink(&mut self.requests, BALANCERS_MAX);
        let (true, Some(status)) = (row.is_error(), row.status) else {
            return;
        };
        self.errors += 1;
        let key = ErrorKey {
            balancer: balancer.to_owned(),
            status,
            target_status: row.target_status,
            target: row.target,
            wait: row.wait(),
            is_dispatched: row.is_dispatched,
            has_group: row.has_group,
        };
        let waited_ns = row.span_ns.1.saturating_sub(row.span_ns.0);
        let counts = ErrorCounts {
            count: 1,
            span_ns: row.span_ns,
            minutes: MinuteCounts::at(row.span_ns.0),
            waited_ns: (waited_ns, waited_ns),
            places: BTreeSet::from([place]),
        };
        self.put(key, counts);
    }

    fn put(&mut self, key: ErrorKey, counts: ErrorCounts) {
        match self.groups.get_mut(&key) {
            Some(known) => known.add(counts),
            None => {
                self.groups.insert(key, counts);
                shrink(&mut self.groups, GROUPS_MAX);
            }
        }
    }

    /// Moves the places of all rows `base` lines down their files.
    pub fn shift(&mut self, base: u64) {
        for counts in self.groups.values_mut() {
            let places = std::mem::take(&mut counts.places).into_iter();
            let shifted = places.map(|place| Place {
                line: place.line + base,
                ..place
            });
            counts.places = shifted.collect();
        }
    }

    /// Adds the rows of the lines after these.
    pub fn append(&mut self, later: Self) {
        self.errors += later.errors;
        for (key, counts) in later.groups {
            self.put(key, counts);
        }
        for (balancer, count) in later.requests {
            *self.requests.entry(balancer).or_default() += count;
        }
        shrink(&mut self.requests, BALANCERS_MAX);
    }

    /// Returns the number of rows with an error, also of those that belong to no group that is kept.
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// Returns the groups in order of their keys.
    pub(super) fn groups(&self) -> impl Iterator<Item = (&ErrorKey, &ErrorCounts)> {
        self.groups.iter()
    }

    /// Returns how many requests a load balancer answered; 0 if it is not known.
    pub(super) fn requests_of(&self, balancer: &str) -> u64 {
        self.requests.get(balancer).copied().unwrap_or_default()
    }
}

impl ErrorCounts {
    fn add(&mut self, more: Self) {
        self.count += more.count;
        self.span_ns = (
            self.span_ns.0.min(more.span_ns.0),
            self.span_ns.1.max(more.span_ns.1),
        );
        self.minutes.add(&more.minutes);
        self.waited_ns = (
            self.waited_ns.0.min(more.waited_ns.0),
            self.waited_ns.1.max(more.waited_ns.1),
        );
        self.places.extend(more.places);
        while self.places.len() > PLACES_MAX {
            self.places.pop_last();
        }
    }
}

/// Removes what has the highest keys. A key that was removed never comes back among the lowest, so
/// the counts of those that are left are complete.
fn shrink<K: Ord, V>(map: &mut BTreeMap<K, V>, max: usize) {
    while map.len() > max {
        map.pop_last();
    }
}
