//! The words of a packet comment that say what an event was.
//!
//! Comments are `key=value` words. Values from a log are escaped, and in quotes if they have blanks,
//! so that none of them can look like another word. The query of a URL is left out, since it may hold
//! passwords and tokens: only `?...` remains of it. The rest of a URL is what AWS logged.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::net::SocketAddr;

use crate::event::{Event, EventDetail, cloudtrail::ApiCall};
use crate::printable::{cut, printable};
use crate::time::rfc3339;

/// The most bytes of the words of one event.
pub const WORDS_LEN_MAX: usize = 640;

/// Characters of a value from a log.
const VALUE_CHARS: usize = 128;

/// Words that are added one by one.
#[derive(Default)]
struct CommentWords(String);

impl CommentWords {
    fn add(&mut self, key: &str, value: impl Display) -> &mut Self {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        // Writing to a string does not fail.
        let _ = write!(self.0, "{key}={value}");
        self
    }

    /// Adds a value from a log, or `-`.
    fn text(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        self.add(key, word(value.unwrap_or("-")))
    }

    /// Adds a value from a log, if there is one.
    fn known(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.add(key, word(value)),
            None => self,
        }
    }

    fn or_dash(&mut self, key: &str, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.add(key, value),
            None => self.add(key, "-"),
        }
    }

    /// Adds method and path, if there are any.
    fn request(&mut self, method: &str, path: &str) -> &mut Self {
        let line = format!("{method} {}", path_without_query(path));
        if !line.trim().is_empty() {
            let line = quoted(line.trim());
            let _ = write!(self.0, " {line}");
        }
        self
    }

    fn complete(self) -> String {
        let mut text = self.0;
        text.truncate(text.floor_char_boundary(WORDS_LEN_MAX));
        text
    }
}

/// Returns what a comment says of an event that is joined to a connection; `None` for the kinds that
/// are never joined.
pub fn event_words(event: &Event<'_>) -> Option<String> {
    let mut words = CommentWords::default();
    let target = |socket: Option<SocketAddr>| socket.map(|socket| socket.to_string());
    match &event.detail {
        EventDetail::Alb(a) => {
            words.or_dash("alb", a.elb_status);
            words.or_dash("target", target(a.target));
            words.request(a.request.method, a.request.path());
            words.or_dash("target_status", a.target_status);
            words.known("error", a.error_reason);
            words.known("trace", a.trace_id);
        }
        EventDetail::Clb(c) => {
            words.or_dash("clb", c.elb_status);
            words.or_dash("target", target(c.backend));
            words.request(c.request.method, c.request.path());
            words.or_dash("target_status", c.backend_status);
        }
        EventDetail::AlbConnection(a) => {
            words.text("alb-connection", a.tls_protocol);
            words.or_dash("handshake", a.handshake_ns.map(seconds));
            words.known("verify", a.verify_status);
            words.known("trace", a.conn_trace_id);
        }
        EventDetail::Nlb(n) => {
            words.text("nlb", n.tls_protocol);
            words.or_dash("handshake", n.handshake_ns.map(seconds));
            words.known("alert", n.alert);
            words.known("host", n.domain_name);
        }
        EventDetail::Alert(a) => {
            words.text("firewall-alert", a.signature.as_deref());
            words.text("verdict", a.verdict.as_deref());
            words.or_dash("sid", a.signature_id);
            words.known("firewall", a.firewall.as_deref());
        }
        EventDetail::Waf(w) => {
            words.text("waf", w.action.as_deref());
            words.text("rule", w.rule.as_deref());
            let method = w.method.as_deref().unwrap_or_default();
            words.request(method, w.uri.as_deref().unwrap_or_default());
            words.known("acl", Some(w.acl_name()).filter(|name| !name.is_empty()));
            words.known("request", w.request_id.as_deref());
        }
        EventDetail::ApiCall(_) | EventDetail::DnsQuery(_) | EventDetail::Lattice(_) => {
            return None;
        }
    }
    words.add("at", rfc3339(event.instant_ns));
    Some(words.complete())
}

/// Returns what a comment says of an API call that changed something.
pub fn changed_words(call: &ApiCall<'_>, instant_ns: i64) -> String {
    let mut words = CommentWords::default();
    words.text("changed", Some(&call.name));
    words.text("by", call.actor.name().as_deref());
    words.add("at", rfc3339(instant_ns));
    words.text("event", call.event_id.as_deref());
    words.complete()
}

/// Returns a path without its query, of which `?...` remains.
///
/// # Examples
/// ```
/// use flow2pcap::joining::path_without_query;
///
/// assert_eq!(path_without_query("/reset?token=s3cret"), "/reset?...");
/// assert_eq!(path_without_query("/a"), "/a");
/// ```
pub fn path_without_query(path: &str) -> Cow<'_, str> {
    match path.find(['?', '#']) {
        None => Cow::Borrowed(path),
        Some(at) => Cow::Owned(format!("{}...", &path[..=at])),
    }
}

/// Returns a value as one word: in quotes if it has blanks or is empty.
fn word(value: &str) -> Cow<'_, str> {
    let has_end = |text: &str| text.is_empty() || text.contains([' ', '"']);
    match cut(value, VALUE_CHARS) {
        Cow::Borrowed(text) if !has_end(text) => printable(text),
        text => Cow::Owned(quoted(&text)),
    }
}

fn quoted(text: &str) -> String {
    let text = cut(text, VALUE_CHARS);
    format!("\"{}\"", printable(&text).replace('"', "\\\""))
}

/// Formats nanoseconds as seconds, without zeros at the end.
fn seconds(ns: u64) -> String {
    let text = format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventKind, for_each_in_line};

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let mut found = None;
        for_each_in_line(EventKind::AlbAccess, line, None, &mut |_, event, _| {
            found = event_words(&event.unwrap());
        });
        assert_eq!(found.unwrap(), expected);
    }

    #[test]
    fn request_has_status_target_and_path() {
        check(
            r#"https 2026-03-14T02:15:04.186641Z app/web/1 203.0.113.9:2817 10.0.2.7:8080 0.001 -1 -1 502 - 34 366 "GET https://a:443/api/v1?token=s3cret HTTP/1.1" "-" - - - "Root=1-58337281""#,
            r#"alb=502 target=10.0.2.7:8080 "GET /api/v1?..." target_status=- trace=Root=1-58337281 at=2026-03-14T02:15:04.186641Z"#,
        );
        check(
            r#"h2 2026-03-14T02:15:04.1Z app/web/1 203.0.113.9:2817 - -1 -1 -1 460 - 0 0 "- http://a:80- " "-" - - - "-""#,
            "alb=460 target=- target_status=- at=2026-03-14T02:15:04.1Z",
        );
        check(
            r#"2026-03-14T02:15:04.945958Z web 203.0.113.9:2817 [2001:db8::5]:80 0 0 0 200 200 0 29 "GET http://a:80/ HTTP/1.1""#,
            r#"clb=200 target=[2001:db8::5]:80 "GET /" target_status=200 at=2026-03-14T02:15:04.945958Z"#,
        );
    }

    #[test]
    fn other_logs_have_words_of_their_own() {
        check(
            r#"2026-03-14T02:15:03.562461Z 203.0.113.9 2817 443 TLSv1.3 x 0.012 "-" - - Failed:ClientCertUntrusted TID_1"#,
            "alb-connection=TLSv1.3 handshake=0.012 verify=Failed:ClientCertUntrusted trace=TID_1 at=2026-03-14T02:15:03.562461Z",
        );
        check(
            "tls 2.0 2026-03-14T02:15:40 net/web/1 g 203.0.113.9:51341 10.0.1.5:443 5000 2 29 24 - arn:x - - tlsv12 - a.example.com - - -",
            "nlb=tlsv12 handshake=0.002 host=a.example.com at=2026-03-14T02:15:40Z",
        );
    }

    #[test]
    fn value_from_outside_stays_one_word_and_short() {
        let line = |trace: &str, path: &str| {
            format!(
                r#"http 2026-03-14T02:15:04Z app/web/1 203.0.113.9:2817 - -1 -1 -1 400 - 0 0 "GET http://a:80/{path} HTTP/1.1" "-" - - - "{trace}""#
            )
        };
        check(
            &line("x y=1\u{1b}[2J", "a b\u{202e}"),
            r#"alb=400 target=- "GET /a b\u{202e}" target_status=- trace="x y=1\u{1b}[2J" at=2026-03-14T02:15:04Z"#,
        );
        let long = line(&"t".repeat(5_000), &"ü".repeat(5_000));
        let mut found = String::new();
        for_each_in_line(EventKind::AlbAccess, &long, None, &mut |_, event, _| {
            found = event_words(&event.unwrap()).unwrap();
        });
        assert!(found.len() <= WORDS_LEN_MAX, "{found}");
        assert!(found.contains('…'), "{found}");
    }
}
