//! Requests of load balancers as HTTP messages.
//!
//! The messages have the lines that the log has: method, URL, host, user agent, trace and status.
//! Wireshark pairs a request with its response by their order on one connection, so `http.time` is
//! wrong for requests that overlap on one connection of HTTP/2.
//!
//! The port of the listener is that of the destination, except for 443: Wireshark warns of HTTP there,
//! because it would not be encrypted. The port of the target takes its place, or 0.

use std::net::{IpAddr, SocketAddr};

use super::EventFrame;
use super::tags::{PduTags, unspecified_like};
use crate::event::Event;
use crate::event::alb::{AlbRequest, RequestLine};
use crate::event::clb::ClbRequest;
use crate::joining::path_without_query;

/// Characters of a value from a log.
const VALUE_CHARS: usize = 2_048;

const HTTPS: u16 = 443;

/// What of a request becomes messages.
struct HttpExchange<'a> {
    /// For the packet list.
    log: &'static str,
    client: Option<SocketAddr>,
    node: Option<IpAddr>,
    listener_port: Option<u16>,
    target: Option<SocketAddr>,
    request: RequestLine<'a>,
    user_agent: Option<&'a str>,
    trace_id: Option<&'a str>,
    status: Option<u16>,
    begun_ns: i64,
    done_ns: i64,
}

/// Returns the frames of a request to an Application Load Balancer.
pub(super) fn of_alb(event: &Event<'_>, alb: &AlbRequest<'_>) -> Vec<EventFrame> {
    let durations = [
        alb.request_processing_ns,
        alb.target_processing_ns,
        alb.response_processing_ns,
    ];
    let at = event.instant_ns;
    let begun = at.saturating_sub(sum(&durations));
    HttpExchange {
        log: "ALB",
        client: alb.client,
        node: alb.node,
        listener_port: alb.listener_port(),
        target: alb.target,
        request: alb.request,
        user_agent: alb.user_agent,
        trace_id: alb.trace_id,
        status: alb.elb_status,
        begun_ns: alb.creation_ns.unwrap_or(begun).min(at),
        done_ns: at,
    }
    .frames()
}

/// Returns the frames of a request to a Classic Load Balancer; none for a listener of TCP.
pub(super) fn of_clb(event: &Event<'_>, clb: &ClbRequest<'_>) -> Vec<EventFrame> {
    let durations = [
        clb.request_processing_ns,
        clb.backend_processing_ns,
        clb.response_processing_ns,
    ];
    HttpExchange {
        log: "CLB",
        client: clb.client,
        node: clb.node,
        listener_port: clb.listener_port(),
        target: clb.backend,
        request: clb.request,
        user_agent: clb.user_agent,
        trace_id: None,
        status: clb.elb_status,
        begun_ns: event.instant_ns,
        done_ns: event.instant_ns.saturating_add(sum(&durations)),
    }
    .frames()
}

fn sum(durations: &[Option<u64>]) -> i64 {
    let sum = durations
        .iter()
        .flatten()
        .fold(0_u64, |a, b| a.saturating_add(*b));
    i64::try_from(sum).unwrap_or(i64::MAX)
}

impl HttpExchange<'_> {
    fn frames(&self) -> Vec<EventFrame> {
        let client_ip = self.client.map(|client| client.ip());
        let client = self
            .client
            .unwrap_or_else(|| (unspecified_like(None), 0).into());
        let node = self.node.unwrap_or_else(|| unspecified_like(client_ip));
        let target_port = self.target.map(|target| target.port());
        let port = self
            .listener_port
            .filter(|port| *port != HTTPS)
            .or(target_port);
        let port = port.filter(|port| *port != HTTPS).unwrap_or(0);
        let server = SocketAddr::from((node, port));
        let method = self.request.method;
        let mut frames = Vec::new();
        if is_method(method) {
            let tags = PduTags::of("http").tcp(client, server);
            let info = format!("{} {method} {}", self.log, self.path());
            frames.push(EventFrame {
                at_ns: self.begun_ns,
                bytes: tags
                    .columns(self.log, &info)
                    .with(self.request_text().as_bytes()),
            });
        }
        if let Some(status) = self.status {
            let tags = PduTags::of("http").tcp(server, client);
            let info = format!("{} {status} {method} {}", self.log, self.path());
            let version = self.version();
            let text = format!("{version} {status} \r\n\r\n");
            frames.push(EventFrame {
                at_ns: self.done_ns,
                bytes: tags.columns(self.log, &info).with(text.as_bytes()),
            });
        }
        frames
    }

    fn request_text(&self) -> String {
        let mut text = format!(
            "{} {} {}\r\n",
            self.request.method,
            self.path(),
            self.version()
        );
        let headers = [
            ("Host", self.request.host()),
            ("User-Agent", self.user_agent),
            ("X-Amzn-Trace-Id", self.trace_id),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                text += &format!("{name}: {}\r\n", safe(value));
            }
        }
        text + "\r\n"
    }

    /// The path without its query, as one word.
    fn path(&self) -> String {
        let path = path_without_query(self.request.path());
        let path = safe(&path).replace(' ', "%20");
        if path.is_empty() { "/".into() } else { path }
    }

    fn version(&self) -> &str {
        let is_version = |text: &&str| {
            let number = text.strip_prefix("HTTP/").unwrap_or_default();
            number.len() == 3 && number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        };
        Some(self.request.version)
            .filter(is_version)
            .unwrap_or("HTTP/1.1")
    }
}

/// Whether it is a method that a parser of HTTP takes for one.
fn is_method(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b == b'_' || b == b'-')
}

/// Returns text that ends no line: without characters that are not printable.
fn safe(text: &str) -> String {
    let shown = text.chars().take(VALUE_CHARS);
    shown
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::event::{EventKind, for_each_in_line};
    use crate::pdu::frames;

    fn texts(line: &str) -> Vec<(i64, String)> {
        let mut found = Vec::new();
        for_each_in_line(EventKind::AlbAccess, line, None, &mut |_, event, _| {
            found = frames(&event.unwrap());
        });
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        found
            .iter()
            .map(|frame| (frame.at_ns, text(&frame.bytes)))
            .collect()
    }

    const LINE: &str = r#"https 2026-03-14T02:15:04.186641Z app/web/1 203.0.113.9:2817 10.0.2.7:8080 0.001 0.080 0.000 502 - 34 366 "GET https://www.example.com:443/api/v1?key=s3cret HTTP/1.1" "curl/8.5.0" - - - "Root=1-2" "-" "-" 1 2026-03-14T02:15:04.100000Z"#;

    #[test]
    fn request_and_response_have_the_lines_and_times_of_the_log() {
        let found = texts(LINE);
        let at = 1_773_454_504_000_000_000;
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].0, found[1].0),
            (at + 100_000_000, at + 186_641_000)
        );
        let request = "GET /api/v1?... HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: curl/8.5.0\r\n\
                       X-Amzn-Trace-Id: Root=1-2\r\n\r\n";
        assert!(found[0].1.ends_with(request), "{:?}", found[0].1);
        assert!(
            found[1].1.ends_with("HTTP/1.1 502 \r\n\r\n"),
            "{:?}",
            found[1].1
        );
        assert!(!found[0].1.contains("s3cret"));
    }

    #[test]
    fn text_from_outside_ends_no_line() {
        let line = LINE
            .replace("curl/8.5.0", "a\u{85}b\u{1}c")
            .replace("/api/v1", "/a b");
        let found = texts(&line);
        assert!(
            found[0].1.contains("User-Agent: a?b?c\r\n"),
            "{:?}",
            found[0].1
        );
        assert!(
            found[0].1.contains("GET /a%20b?... HTTP/1.1\r\n"),
            "{:?}",
            found[0].1
        );
    }

    #[test]
    fn request_without_a_method_has_only_its_response() {
        let line = LINE.replace(
            "GET https://www.example.com:443/api/v1?key=s3cret HTTP/1.1",
            "- http://a:80- ",
        );
        let found = texts(&line);
        assert_eq!(found.len(), 1);
        assert!(found[0].1.ends_with("HTTP/1.1 502 \r\n\r\n"));
    }
}
