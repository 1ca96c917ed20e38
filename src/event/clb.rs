//! Access logs of Classic Load Balancers: one line for each request, or for each connection of a TCP
//! listener.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/access-log-collection.html>
//!
//! The time is when the load balancer received the request. Lines have 15 fields, the oldest 12, and
//! fields that tools append are ignored. A TCP listener logs `- - - ` as the request and no status.

use std::net::{IpAddr, SocketAddr};

use super::alb::RequestLine;
use super::fault::EventFault;
use super::file_name::BalancerFile;
use super::token::Tokens;
use super::value;
use super::{Event, EventDetail};

/// A request or a connection through a Classic Load Balancer. `None` is what was not recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClbRequest<'a> {
    /// The name of the load balancer.
    pub balancer: &'a str,
    /// The client.
    pub client: Option<SocketAddr>,
    /// The instance that answered.
    pub backend: Option<SocketAddr>,
    /// From the request's arrival to its dispatch, nanoseconds.
    pub request_processing_ns: Option<u64>,
    /// From the dispatch to the first byte of the response, nanoseconds.
    pub backend_processing_ns: Option<u64>,
    /// From there until the response was sent, nanoseconds.
    pub response_processing_ns: Option<u64>,
    /// The status sent to the client.
    pub elb_status: Option<u16>,
    /// The status that the instance sent.
    pub backend_status: Option<u16>,
    /// Bytes from the client.
    pub received_bytes: Option<u64>,
    /// Bytes to the client.
    pub sent_bytes: Option<u64>,
    /// The request line; all parts are empty at a TCP listener.
    pub request: RequestLine<'a>,
    /// The user agent.
    pub user_agent: Option<&'a str>,
    /// The cipher.
    pub ssl_cipher: Option<&'a str>,
    /// The version of TLS.
    pub ssl_protocol: Option<&'a str>,
    /// The address of the load balancer's node, from the name of the file.
    pub node: Option<IpAddr>,
}

impl ClbRequest<'_> {
    /// Returns the port of the listener, from the URL.
    pub fn listener_port(&self) -> Option<u16> {
        self.request.port()
    }
}

/// The names of the fields in order, as JSON has them.
pub(super) const NAMES: &[&str] = &[
    "time",
    "elb",
    "client:port",
    "backend:port",
    "request_processing_time",
    "backend_processing_time",
    "response_processing_time",
    "elb_status_code",
    "backend_status_code",
    "received_bytes",
    "sent_bytes",
    "request",
    "user_agent",
    "ssl_cipher",
    "ssl_protocol",
];

const FIELDS_MIN: usize = 12;

/// Parses the fields of a line.
pub(super) fn event<'a>(
    tokens: &Tokens<'a>,
    file: Option<&BalancerFile<'_>>,
) -> Result<Event<'a>, EventFault> {
    if tokens.count() < FIELDS_MIN {
        return Err(EventFault::too_short(tokens.count(), FIELDS_MIN));
    }
    let (instant_ns, precision) = value::time("timestamp", tokens.raw(0))?;
    let duration = |index: usize| value::duration_ns(NAMES[index], tokens.raw(index));
    let status = |index: usize| value::status(NAMES[index], tokens.raw(index));
    let bytes = |index: usize| value::number(NAMES[index], tokens.raw(index));
    let request = ClbRequest {
        balancer: tokens.raw(1),
        client: value::socket(tokens.raw(2)),
        backend: value::socket(tokens.raw(3)),
        request_processing_ns: duration(4)?,
        backend_processing_ns: duration(5)?,
        response_processing_ns: duration(6)?,
        elb_status: status(7)?,
        backend_status: status(8)?,
        received_bytes: bytes(9)?,
        sent_bytes: bytes(10)?,
        request: RequestLine::of(tokens.raw(11)),
        user_agent: tokens.get(12),
        ssl_cipher: tokens.get(13),
        ssl_protocol: tokens.get(14),
        node: file.and_then(|file| file.node),
    };
    Ok(Event {
        instant_ns,
        precision,
        detail: EventDetail::Clb(request),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> ClbRequest<'_> {
        match event(&Tokens::of(line).unwrap(), None).unwrap().detail {
            EventDetail::Clb(request) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn request_has_microseconds() {
        let request = parse(concat!(
            "2026-03-14T02:15:04.945958Z web 203.0.113.9:2817 10.0.1.5:80 0.000073 0.001048 0.0003 200 200 ",
            r#"0 29 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0" - -"#,
        ));
        assert_eq!(request.request_processing_ns, Some(73_000));
        assert_eq!(request.response_processing_ns, Some(300_000));
        assert_eq!(request.listener_port(), Some(80));
        assert_eq!(request.backend.unwrap().to_string(), "10.0.1.5:80");
    }

    #[test]
    fn connection_of_a_tcp_listener_has_no_request_and_no_status() {
        let request = parse(concat!(
            "2026-03-14T02:15:04.945958Z web 203.0.113.9:2817 10.0.1.5:80 0.000069 0.000028 0.000041 - - ",
            r#"82 305 "- - - " "-" - -"#,
        ));
        assert_eq!((request.elb_status, request.request.method), (None, ""));
        assert_eq!((request.request.url, request.listener_port()), ("", None));
    }

    #[test]
    fn request_that_timed_out_ends_at_its_request_and_has_no_backend() {
        let request = parse(concat!(
            "2026-03-14T02:15:04.945958Z web 203.0.113.9:2817 - -1 -1 -1 408 - 1294336 0 ",
            r#""GET http://www.example.com:80/ HTTP/1.1""#,
        ));
        assert_eq!((request.backend, request.elb_status), (None, Some(408)));
        assert_eq!(request.request_processing_ns, None);
    }
}
