//! A request to a load balancer, as far as sums need it: the same facts from three logs.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::measure::{RequestSums, TimeSums};
use crate::event::alb::AlbRequest;
use crate::event::clb::ClbRequest;
use crate::event::lattice::LatticeRequest;
use crate::event::{Event, EventDetail, decoded};

/// The facts of a request. `None` is what was not recorded.
pub(super) struct RequestFacts<'a> {
    /// `app/NAME/ID`, the name of a Classic Load Balancer, or `service/ID` of VPC Lattice.
    pub(super) balancer: Option<&'a str>,
    pub(super) target: Option<SocketAddr>,
    /// `targetgroup/NAME/ID`.
    pub(super) target_group: Option<&'a str>,
    /// The status sent to the client.
    pub(super) status: Option<u16>,
    /// The status that the target sent.
    pub(super) target_status: Option<u16>,
    pub(super) method: Option<Cow<'a, str>>,
    /// The host of the request.
    pub(super) host: Option<Cow<'a, str>>,
    pub(super) received_bytes: Option<u64>,
    pub(super) sent_bytes: Option<u64>,
    /// From the request to the end of its response, nanoseconds.
    pub(super) time_ns: Option<u64>,
    /// From the dispatch to the target until its response begins, nanoseconds.
    pub(super) target_time_ns: Option<u64>,
}

impl<'a> RequestFacts<'a> {
    /// Returns the facts of an event; `None` if it is not a request.
    pub(super) fn of(event: &'a Event<'a>) -> Option<Self> {
        match &event.detail {
            EventDetail::Alb(row) => Some(Self::of_alb(row, event.instant_ns)),
            EventDetail::Clb(row) => Some(Self::of_clb(row)),
            EventDetail::Lattice(row) => Some(Self::of_lattice(row)),
            _ => None,
        }
    }

    /// A WebSocket has no time: it lasts as long as its session.
    fn of_alb(row: &'a AlbRequest<'a>, sent_ns: i64) -> Self {
        let is_session = matches!(row.scheme, "ws" | "wss");
        let since = |came_ns: i64| u64::try_from(sent_ns.checked_sub(came_ns)?).ok();
        let phases = || {
            all([
                row.request_processing_ns,
                row.target_processing_ns,
                row.response_processing_ns,
            ])
        };
        let time_ns = row.creation_ns.map_or_else(phases, since);
        let host = row.domain_name.or(row.request.host());
        Self {
            balancer: Some(row.balancer),
            target: row.target,
            target_group: row.target_group_arn.map(resource),
            status: row.elb_status,
            target_status: row.target_status,
            method: known(row.request.method),
            host: host.map(decoded),
            received_bytes: row.received_bytes,
            sent_bytes: row.sent_bytes,
            time_ns: time_ns.filter(|_| !is_session),
            target_time_ns: row.target_processing_ns.filter(|_| !is_session),
        }
    }

    /// A connection to a TCP listener has no status, and no time either.
    fn of_clb(row: &'a ClbRequest<'a>) -> Self {
        let is_request = row.elb_status.is_some();
        let time_ns = all([
            row.request_processing_ns,
            row.backend_processing_ns,
            row.response_processing_ns,
        ]);
        Self {
            balancer: Some(row.balancer),
            target: row.backend,
            target_group: None,
            status: row.elb_status,
            target_status: row.backend_status,
            method: known(row.request.method),
            host: row.request.host().map(decoded),
            received_bytes: row.received_bytes,
            sent_bytes: row.sent_bytes,
            time_ns: time_ns.filter(|_| is_request),
            target_time_ns: row.backend_processing_ns.filter(|_| is_request),
        }
    }

    /// The log has one status. It is that of the target if the target responded.
    fn of_lattice(row: &'a LatticeRequest<'a>) -> Self {
        Self {
            balancer: row.service_arn.as_deref().map(resource),
            target: row.target,
            target_group: row.target_group_arn.as_deref().map(resource),
            status: row.status,
            target_status: row.status.filter(|_| row.target_response_ns.is_some()),
            method: row.method.as_deref().map(Cow::Borrowed),
            host: None,
            received_bytes: row.received_bytes,
            sent_bytes: row.sent_bytes,
            time_ns: row.duration_ns,
            target_time_ns: row.target_response_ns,
        }
    }

    /// Whether the status is that of the target, and not the load balancer's own; `None` without a status.
    pub(super) fn is_answered_by_target(&self) -> Option<bool> {
        let status = self.status?;
        Some(self.target_status == Some(status))
    }

    /// Returns its bytes and times.
    pub(super) fn sums(&self) -> RequestSums {
        RequestSums {
            received_bytes: self.received_bytes.unwrap_or_default().into(),
            sent_bytes: self.sent_bytes.unwrap_or_default().into(),
            time: TimeSums::of(self.time_ns),
            target_time: TimeSums::of(self.target_time_ns),
        }
    }
}

/// Returns the sum of times, if all are known.
fn all(phases: [Option<u64>; 3]) -> Option<u64> {
    let mut sum = 0_u64;
    for phase in phases {
        sum = sum.saturating_add(phase?);
    }
    Some(sum)
}

/// Returns a text that is not empty, without the escapes of the log.
fn known(text: &str) -> Option<Cow<'_, str>> {
    (!text.is_empty()).then(|| decoded(text))
}

/// Returns the last part of an ARN: `targetgroup/NAME/ID`.
fn resource(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}
