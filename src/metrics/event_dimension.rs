//! Dimensions of sums of events: the properties of a request, a query, an API call or an alert.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::dimension::{Dimension, put, put_address};
use super::request::RequestFacts;
use super::subject::Subject;
use crate::event::cloudtrail::ApiCall;
use crate::event::{Event, EventDetail, decoded};

/// The longest value that is a series of its own, in bytes: longer ones are cut.
pub const VALUE_LEN_MAX: usize = 256;

/// Upper limits of the classes of [`EventDimension::Took`], milliseconds.
const TOOK_MS: [u64; 13] = [
    5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
];

/// A property by which sums of events can be grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventDimension {
    /// The kind of log, such as `alb_access`.
    Log,
    /// The load balancer: `app/NAME/ID`.
    Balancer,
    /// The status sent to the client.
    Status,
    /// Its class, such as `5xx`.
    StatusClass,
    /// The status that the target sent.
    TargetStatus,
    /// `target` if the status is that of the target, else `load-balancer`.
    AnsweredBy,
    /// Address and port of the target.
    Target,
    /// The target group: `targetgroup/NAME/ID`.
    TargetGroup,
    /// The HTTP method.
    Method,
    /// The host of a request, a TLS connection or an alert.
    Host,
    /// How long a request took, in classes: `5 to 10 ms`.
    Took,
    /// The version of TLS of a client's connection.
    Tls,
    /// The result of a DNS query, such as `NXDOMAIN`.
    ResponseCode,
    /// The type of a DNS query, such as `AAAA`.
    QueryType,
    /// The name that a DNS query asks for.
    QueryName,
    /// The action of an API call, such as `RevokeSecurityGroupIngress`.
    EventName,
    /// The service of an API call, such as `ec2.amazonaws.com`.
    Service,
    /// Who called an API.
    Caller,
    /// `done`, `failed` or `dry-run`.
    CallResult,
    /// The error of an API call.
    ErrorCode,
    /// The region of an API call or a DNS query.
    Region,
    /// The account of an API call or a DNS query.
    Account,
    /// The firewall of an alert.
    Firewall,
    /// The message of a firewall's rule.
    Signature,
}

impl EventDimension {
    /// All dimensions.
    pub const ALL: [Self; 24] = [
        Self::Log,
        Self::Balancer,
        Self::Status,
        Self::StatusClass,
        Self::TargetStatus,
        Self::AnsweredBy,
        Self::Target,
        Self::TargetGroup,
        Self::Method,
        Self::Host,
        Self::Took,
        Self::Tls,
        Self::ResponseCode,
        Self::QueryType,
        Self::QueryName,
        Self::EventName,
        Self::Service,
        Self::Caller,
        Self::CallResult,
        Self::ErrorCode,
        Self::Region,
        Self::Account,
        Self::Firewall,
        Self::Signature,
    ];

    /// Returns the name for input and output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Balancer => "balancer",
            Self::Status => "status",
            Self::StatusClass => "status-class",
            Self::TargetStatus => "target-status",
            Self::AnsweredBy => "answered-by",
            Self::Target => "target",
            Self::TargetGroup => "target-group",
            Self::Method => "method",
            Self::Host => "host",
            Self::Took => "took",
            Self::Tls => "tls",
            Self::ResponseCode => "rcode",
            Self::QueryType => "query-type",
            Self::QueryName => "query-name",
            Self::EventName => "event-name",
            Self::Service => "service",
            Self::Caller => "caller",
            Self::CallResult => "result",
            Self::ErrorCode => "error-code",
            Self::Region => "region",
            Self::Account => "account",
            Self::Firewall => "firewall",
            Self::Signature => "signature",
        }
    }

    /// Whether the events of a subject have it.
    pub(super) fn is_of(self, subject: Subject) -> bool {
        use Subject::{Alerts, Calls, Changes, ClientConnections, Queries, Requests};
        match self {
            Self::Log => matches!(subject, Requests | ClientConnections),
            Self::Balancer => matches!(subject, Requests | ClientConnections),
            Self::Host => matches!(subject, Requests | ClientConnections | Alerts),
            Self::Status
            | Self::StatusClass
            | Self::TargetStatus
            | Self::AnsweredBy
            | Self::Target
            | Self::TargetGroup
            | Self::Method
            | Self::Took => subject == Requests,
            Self::Tls => subject == ClientConnections,
            Self::ResponseCode | Self::QueryType | Self::QueryName => subject == Queries,
            Self::EventName | Self::Service | Self::Caller | Self::CallResult | Self::ErrorCode => {
                matches!(subject, Calls | Changes)
            }
            Self::Region | Self::Account => matches!(subject, Calls | Changes | Queries),
            Self::Firewall | Self::Signature => subject == Alerts,
        }
    }

    /// Whether it has so few values that a zero is worth printing for an empty time bucket.
    pub(super) fn has_few_values(self) -> bool {
        matches!(
            self,
            Self::Log | Self::StatusClass | Self::AnsweredBy | Self::Took | Self::CallResult
        )
    }

    /// Returns the value of an event; `None` if it has none.
    fn value<'a>(self, event: &'a Event<'a>) -> Option<Cow<'a, str>> {
        match &event.detail {
            _ if self == Self::Log => Some(event.kind().name().into()),
            EventDetail::Alb(_) | EventDetail::Clb(_) | EventDetail::Lattice(_) => {
                self.of_request(&RequestFacts::of(event)?)
            }
            EventDetail::Nlb(row) => match self {
                Self::Balancer => Some(row.balancer.into()),
                Self::Host => row.domain_name.map(decoded),
                Self::Tls => row.tls_protocol.map(Cow::Borrowed),
                _ => None,
            },
            EventDetail::AlbConnection(row) => match self {
                Self::Tls => row.tls_protocol.map(Cow::Borrowed),
                _ => None,
            },
            EventDetail::DnsQuery(query) => match self {
                Self::ResponseCode => borrowed(query.rcode.as_ref()),
                Self::QueryType => Some(Cow::Borrowed(&*query.query_type)),
                Self::QueryName => Some(Cow::Borrowed(query.name.trim_end_matches('.'))),
                Self::Region => borrowed(query.region.as_ref()),
                Self::Account => borrowed(query.account.as_ref()),
                _ => None,
            },
            EventDetail::ApiCall(call) => self.of_call(call),
            EventDetail::Waf(_) => None,
            EventDetail::Alert(alert) => match self {
                Self::Host => borrowed(alert.host.as_ref()),
                Self::Firewall => borrowed(alert.firewall.as_ref()),
                Self::Signature => borrowed(alert.signature.as_ref()),
                _ => None,
            },
        }
    }

    fn of_request<'a>(self, request: &RequestFacts<'a>) -> Option<Cow<'a, str>> {
        let number = |status: Option<u16>| status.map(|status| status.to_string().into());
        let socket = |socket: Option<SocketAddr>| socket.map(|socket| socket.to_string().into());
        match self {
            Self::Balancer => request.balancer.map(Cow::Borrowed),
            Self::Status => number(request.status),
            Self::StatusClass => Some(format!("{}xx", request.status? / 100).into()),
            Self::TargetStatus => number(request.target_status),
            Self::AnsweredBy => request.is_answered_by_target().map(|is_target| {
                Cow::Borrowed(match is_target {
                    true => "target",
                    false => "load-balancer",
                })
            }),
            Self::Target => socket(request.target),
            Self::TargetGroup => request.target_group.map(Cow::Borrowed),
            Self::Method => request.method.clone(),
            Self::Host => request.host.clone(),
            Self::Took => request.time_ns.map(|ns| took(ns).into()),
            _ => None,
        }
    }

    fn of_call<'a>(self, call: &'a ApiCall<'a>) -> Option<Cow<'a, str>> {
        match self {
            Self::EventName => Some(Cow::Borrowed(&*call.name)),
            Self::Service => Some(Cow::Borrowed(&*call.source)),
            Self::Caller => call.actor.name(),
            Self::CallResult => Some(Cow::Borrowed(
                match (call.is_dry_run(), call.has_failed()) {
                    (true, _) => "dry-run",
                    (false, true) => "failed",
                    (false, false) => "done",
                },
            )),
            Self::ErrorCode => borrowed(call.error_code.as_ref()),
            Self::Region => borrowed(call.region.as_ref()),
            Self::Account => borrowed(call.account.as_ref()),
            _ => None,
        }
    }
}

impl Dimension {
    /// Whether a subject has this property.
    pub fn is_of(self, subject: Subject) -> bool {
        use Subject::{Alerts, ClientConnections, Packets, Queries};
        match self {
            Self::OfEvent(dimension) => dimension.is_of(subject),
            Self::SourceAddress => true,
            Self::DestinationAddress | Self::Action => matches!(subject, Packets | Alerts),
            Self::DestinationPort => matches!(subject, Packets | Alerts | ClientConnections),
            Self::Protocol => matches!(subject, Packets | Alerts | Queries),
            Self::Vpc => matches!(subject, Packets | Queries),
            _ => subject == Packets,
        }
    }

    /// Appends the value of this event to a key. Ports and addresses are those of the first connection
    /// that it is about: the client's.
    pub(super) fn put_event(self, event: &Event<'_>, key: &mut Vec<u8>) {
        let [leg, _] = event.legs();
        match self {
            Self::OfEvent(dimension) => {
                let value = dimension.value(event).unwrap_or_default();
                put(cut(&value).as_bytes(), key);
            }
            Self::SourceAddress => put_known_address(leg.source, key),
            Self::DestinationAddress => put_known_address(leg.destination, key),
            Self::DestinationPort => match leg.destination_port {
                Some(port) => put(&port.to_be_bytes(), key),
                None => put(&[], key),
            },
            Self::Protocol => match event.protocol() {
                Some(protocol) => put(&[protocol], key),
                None => put(&[], key),
            },
            Self::Action => match &event.detail {
                EventDetail::Alert(alert) if alert.verdict.is_some() => {
                    put(&[u8::from(alert.verdict.as_deref() == Some("drop"))], key);
                }
                _ => put(&[], key),
            },
            Self::Vpc => {
                let vpc = match &event.detail {
                    EventDetail::DnsQuery(query) => query.vpc.as_deref(),
                    _ => None,
                };
                put(cut(vpc.unwrap_or_default()).as_bytes(), key);
            }
            _ => put(&[], key),
        }
    }
}

/// Whether a request was answered with a status from 500 to 599.
pub(super) fn answer_is_server_error(event: &Event<'_>) -> bool {
    let request = RequestFacts::of(event);
    request.is_some_and(|request| matches!(request.status, Some(500..=599)))
}

fn put_known_address(address: Option<std::net::IpAddr>, key: &mut Vec<u8>) {
    match address {
        Some(address) => put_address(address, key),
        None => put(&[], key),
    }
}

fn borrowed<'a>(text: Option<&'a Cow<'a, str>>) -> Option<Cow<'a, str>> {
    text.map(|text| Cow::Borrowed(&**text))
}

/// Returns a value without what is too much of it.
fn cut(value: &str) -> &str {
    &value[..value.floor_char_boundary(VALUE_LEN_MAX)]
}

/// Names the class of a time in nanoseconds.
fn took(ns: u64) -> String {
    let ms = ns / 1_000_000;
    let nth = TOOK_MS.partition_point(|limit| *limit <= ms);
    match (nth.checked_sub(1).map(|at| TOOK_MS[at]), TOOK_MS.get(nth)) {
        (None, _) => format!("under {} ms", TOOK_MS[0]),
        (Some(low), None) => format!("{low} ms and more"),
        (Some(low), Some(high)) => format!("{low} to {high} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventKind, for_each_in_line};

    /// Returns the values of the only event in a line, by the dimensions that its subject has.
    fn values(kind: EventKind, line: &str, subject: Subject) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        for_each_in_line(kind, line, None, &mut |_, event, _| {
            let event = event.unwrap();
            assert!(subject.holds(&event));
            let own = EventDimension::ALL.map(Dimension::OfEvent);
            let all = own.iter().chain(&Dimension::ALL);
            for by in all.filter(|by| by.is_of(subject)) {
                let mut key = Vec::new();
                by.put_event(&event, &mut key);
                let mut rest = &key[..];
                found.push((by.name(), by.take(&mut rest)));
                assert!(rest.is_empty());
            }
        });
        found
    }

    #[track_caller]
    fn check(found: &[(&'static str, String)], expected: &[(&'static str, &str)]) {
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn request_has_its_balancer_statuses_and_target() {
        let line = r#"https 2026-03-14T02:15:04.186641Z app/web/1 203.0.113.9:2817 10.0.2.7:8080 0.001 0.006 0.000 502 200 34 366 "GET https://a.test:443/ HTTP/1.1" "curl" - - arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/5"#;
        let found = values(EventKind::AlbAccess, line, Subject::Requests);
        let expected = [
            ("log", "alb_access"),
            ("balancer", "app/web/1"),
            ("status", "502"),
            ("status-class", "5xx"),
            ("target-status", "200"),
            ("answered-by", "load-balancer"),
            ("target", "10.0.2.7:8080"),
            ("target-group", "targetgroup/web/5"),
            ("method", "GET"),
            ("host", "a.test"),
            ("took", "5 to 10 ms"),
            ("srcaddr", "203.0.113.9"),
        ];
        check(&found, &expected);
    }

    #[test]
    fn query_has_its_result_and_call_its_caller() {
        let line = r#"{"query_timestamp":"2026-03-14T02:15:04Z","query_name":"a.test.","query_type":"A","rcode":"NXDOMAIN","srcaddr":"10.0.1.5","transport":"UDP","vpc_id":"vpc-0a1b"}"#;
        let found = values(EventKind::ResolverQuery, line, Subject::Queries);
        let expected = [
            ("rcode", "NXDOMAIN"),
            ("query-type", "A"),
            ("query-name", "a.test"),
            ("region", "unknown"),
            ("account", "unknown"),
            ("protocol", "UDP"),
            ("vpc", "vpc-0a1b"),
            ("srcaddr", "10.0.1.5"),
        ];
        check(&found, &expected);
        let line = r#"{"eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com","eventName":"CreateRoute","userIdentity":{"type":"IAMUser","userName":"bob"},"awsRegion":"eu-central-1"}"#;
        let found = values(EventKind::CloudTrail, line, Subject::Changes);
        let expected = [
            ("event-name", "CreateRoute"),
            ("service", "ec2.amazonaws.com"),
            ("caller", "bob"),
            ("result", "done"),
            ("error-code", "unknown"),
            ("region", "eu-central-1"),
            ("account", "unknown"),
            ("srcaddr", "unknown"),
        ];
        check(&found, &expected);
    }

    #[test]
    fn times_have_classes_without_gaps() {
        let ms = [0, 4, 5, 999, 1_000, 2_499, 60_000, 9_999_999];
        let classes = ms.map(|ms| took(ms * 1_000_000 + 999_999));
        let expected = [
            "under 5 ms",
            "under 5 ms",
            "5 to 10 ms",
            "500 to 1000 ms",
            "1000 to 2500 ms",
            "1000 to 2500 ms",
            "60000 ms and more",
            "60000 ms and more",
        ];
        assert_eq!(classes, expected);
    }

    #[test]
    fn long_value_is_cut_at_a_character() {
        assert_eq!(cut(&"ü".repeat(200)).len(), VALUE_LEN_MAX);
        assert_eq!(
            cut(&format!("a{}", "ü".repeat(200))).len(),
            VALUE_LEN_MAX - 1
        );
    }
}
