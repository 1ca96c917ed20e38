//! Access logs of VPC Lattice: one object for each request.
//!
//! <https://docs.aws.amazon.com/vpc-lattice/latest/ug/monitoring-access-logs.html>
//!
//! The time is when the request began. `-` is written for every empty text.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::fault::EventFault;
use super::members::ObjectMembers;
use super::value;
use super::{Event, EventDetail};

/// A request through VPC Lattice. `None` is what is not in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct LatticeRequest<'a> {
    /// The client.
    pub source: Option<SocketAddr>,
    /// The target.
    pub target: Option<SocketAddr>,
    /// The method.
    pub method: Option<Cow<'a, str>>,
    /// The path.
    pub path: Option<Cow<'a, str>>,
    /// The status sent to the client.
    pub status: Option<u16>,
    /// From the start of the request to the end of the response, nanoseconds.
    pub duration_ns: Option<u64>,
    /// From the start of the request to its dispatch to the target, nanoseconds.
    pub to_target_ns: Option<u64>,
    /// From the dispatch to the response, nanoseconds.
    pub target_response_ns: Option<u64>,
    /// Bytes from the client.
    pub received_bytes: Option<u64>,
    /// Bytes to the client.
    pub sent_bytes: Option<u64>,
    /// The ARN of the service.
    pub service_arn: Option<Cow<'a, str>>,
    /// The ARN of the target group.
    pub target_group_arn: Option<Cow<'a, str>>,
    /// Why the request failed.
    pub failure_reason: Option<Cow<'a, str>>,
    /// Why it was not allowed.
    pub denied_reason: Option<Cow<'a, str>>,
}

/// Parses the members of a request.
pub(super) fn event<'a>(members: &ObjectMembers<'a>) -> Result<Event<'a>, EventFault> {
    let time = members.text("startTime").unwrap_or_default();
    let (instant_ns, precision) = value::time("startTime", &time)?;
    let text = |name: &str| members.text(name).unwrap_or_default();
    let millis = |name| value::millis_ns(name, &text(name));
    let bytes = |name| value::number(name, &text(name));
    let request = LatticeRequest {
        source: value::socket(&text("sourceIpPort")),
        target: value::socket(&text("targetIpPort")),
        method: members.known("requestMethod"),
        path: members.known("requestPath"),
        status: value::status("responseCode", &text("responseCode"))?,
        duration_ns: millis("duration")?,
        to_target_ns: millis("requestToTargetDuration")?,
        target_response_ns: millis("responseFromTargetDuration")?,
        received_bytes: bytes("bytesReceived")?,
        sent_bytes: bytes("bytesSent")?,
        service_arn: members.known("serviceArn"),
        target_group_arn: members.known("targetGroupArn"),
        failure_reason: members.known("failureReason"),
        denied_reason: members.known("authDeniedReason"),
    };
    Ok(Event {
        instant_ns,
        precision,
        detail: EventDetail::Lattice(request),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_has_its_ends_and_times() {
        let text = r#"{"serviceArn":"arn:aws:vpc-lattice:eu-central-1:123456789012:service/svc-1",
            "sourceVpcArn":"arn:x","sourceIpPort":"10.0.1.5:50211","targetIpPort":"10.0.2.7:80",
            "startTime":"2026-03-14T02:15:04Z","requestMethod":"GET","requestPath":"/a","responseCode":504,
            "duration":60004,"requestToTargetDuration":1,"responseFromTargetDuration":-1,"bytesReceived":88,
            "bytesSent":0,"failureReason":"TargetConnectionError","authDeniedReason":"-"}"#;
        let event = event(&ObjectMembers::of(text).unwrap()).unwrap();
        let EventDetail::Lattice(request) = event.detail else {
            panic!("{event:?}");
        };
        assert_eq!(request.target.unwrap().to_string(), "10.0.2.7:80");
        assert_eq!(request.status, Some(504));
        assert_eq!(request.duration_ns, Some(60_004_000_000));
        assert_eq!(request.target_response_ns, None);
        assert_eq!(
            request.failure_reason.as_deref(),
            Some("TargetConnectionError")
        );
        assert_eq!(request.denied_reason, None);
    }
}
