//! One line of a log: which kind it is of, and its event.
//!
//! Lines of several kinds may lie in one file, since the logs of Application and Network Load
//! Balancers have one folder and tools put them together. So each line is judged by its own first
//! fields, and the kind of the file decides only what is expected of a line that fits nothing.

use super::fault::EventFault;
use super::file_name::BalancerFile;
use super::json::{Receiver, for_each_in_json};
use super::original::OriginalFields;
use super::token::Tokens;
use super::{Event, EventKind, alb, alb_connection, clb, nlb, value};

/// Returns the kind of load balancer log that a line is of.
pub fn kind_of_line(line: &str) -> Option<EventKind> {
    kind_of(&Tokens::of(line).ok()?)
}

/// Passes on the events in one line of a file of this kind. A line has one event, or JSON with any
/// number of them. Returns how many events and faults were passed on: none for a blank line or a
/// comment.
pub fn for_each_in_line(
    kind: EventKind,
    line: &str,
    file: Option<&BalancerFile<'_>>,
    each: &mut Receiver<'_>,
) -> u64 {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return 0;
    }
    // A time or the name of a stream may be before JSON.
    let json = match kind.is_json() {
        true => line.find('{'),
        false => line.starts_with('{').then_some(0),
    };
    if let Some(at) = json {
        let found = for_each_in_json(&line[at..], file, each);
        if found > 0 {
            return found;
        }
        let fault = EventFault::new("no event", line, kind.title()[0]);
        each(kind, Err(fault), OriginalFields::Unknown);
        return 1;
    }
    match Tokens::of(line) {
        Ok(tokens) => match kind_of(&tokens) {
            Some(kind) => {
                let event = event(kind, &tokens, file);
                each(kind, event, OriginalFields::Line(&tokens));
            }
            None => {
                let fault = EventFault::new("no event", line, kind.title()[0]);
                each(kind, Err(fault), OriginalFields::Line(&tokens));
            }
        },
        Err(fault) => each(kind, Err(fault), OriginalFields::Unknown),
    }
    1
}

/// Returns the kind of a line by its first fields.
pub(super) fn kind_of(tokens: &Tokens<'_>) -> Option<EventKind> {
    let is_time = |index: usize| value::instant(tokens.raw(index)).is_some();
    if tokens.raw(0) == "tls" && is_time(2) {
        return Some(EventKind::NlbAccess);
    }
    if is_time(1) && is_scheme(tokens.raw(0)) {
        return Some(EventKind::AlbAccess);
    }
    if !is_time(0) || tokens.count() < 4 {
        return None;
    }
    let is_port = tokens.raw(2).parse::<u16>().is_ok();
    if value::address(tokens.raw(1)).is_some() && is_port {
        return Some(EventKind::AlbConnection);
    }
    let has_client = tokens.raw(2).contains(':');
    has_client.then_some(EventKind::ClbAccess)
}

/// Whether a word is a type of request: one that is not known yet may come.
fn is_scheme(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (2..=8).contains(&text.len()) && text.bytes().all(is_word)
}

/// Parses the fields of a line of a load balancer log.
pub(super) fn event<'a>(
    kind: EventKind,
    tokens: &Tokens<'a>,
    file: Option<&BalancerFile<'_>>,
) -> Result<Event<'a>, EventFault> {
    match kind {
        EventKind::AlbConnection => alb_connection::event(tokens, file),
        EventKind::NlbAccess => nlb::event(tokens),
        EventKind::ClbAccess => clb::event(tokens, file),
        _ => alb::event(tokens, file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALB: &str = r#"h2 2026-03-14T02:15:04.186641Z app/web/1 203.0.113.9:2817 - -1 -1 -1 503 - 34 366 "GET https://a:443/ HTTP/2.0""#;
    const CONNECTION: &str =
        r#"2026-03-14T02:15:04.562461Z 203.0.113.9 58206 80 - - - "-" - - - TID_1"#;
    const NLB: &str =
        "tls 2.0 2026-03-14T02:15:40 net/web/1 g 203.0.113.9:51341 10.0.1.5:443 0 - 0 0 -";
    const CLB: &str = r#"2026-03-14T02:15:04.945958Z web 203.0.113.9:2817 - -1 -1 -1 503 0 0 0 "GET http://a:80/ HTTP/1.1""#;

    #[test]
    fn kind_of_a_line_is_that_of_its_first_fields() {
        assert_eq!(kind_of_line(ALB), Some(EventKind::AlbAccess));
        assert_eq!(kind_of_line(CONNECTION), Some(EventKind::AlbConnection));
        assert_eq!(kind_of_line(NLB), Some(EventKind::NlbAccess));
        assert_eq!(kind_of_line(CLB), Some(EventKind::ClbAccess));
        for line in [
            "",
            "2 123456789010 eni-1 10.0.0.1 10.0.0.2 40000 22 6 1 60 1418530010 1418530070 REJECT OK",
            "2026-03-14T02:15:04.945958Z a b c d",
            "http yesterday app/web/1",
        ] {
            assert_eq!(kind_of_line(line), None, "{line}");
        }
    }

    #[test]
    fn line_of_another_kind_in_a_file_is_read_as_what_it_is() {
        for (line, expected) in [
            (ALB, EventKind::AlbAccess),
            (NLB, EventKind::NlbAccess),
            (CLB, EventKind::ClbAccess),
            (CONNECTION, EventKind::AlbConnection),
        ] {
            let mut found = Vec::new();
            for_each_in_line(EventKind::AlbAccess, line, None, &mut |kind, event, _| {
                found.push((kind, event.map(|event| event.kind()).ok()));
            });
            assert_eq!(found, [(expected, Some(expected))], "{line}");
        }
    }

    #[test]
    fn json_may_follow_a_time() {
        let line = r#"2026-03-14T02:15:05.000Z {"query_timestamp":"2026-03-14T02:15:04Z","query_name":"a.test.","query_type":"A"}"#;
        let mut found = 0;
        for_each_in_line(EventKind::ResolverQuery, line, None, &mut |_, event, _| {
            found += usize::from(event.is_ok());
        });
        assert_eq!(found, 1);
    }

    #[test]
    fn line_that_is_nothing_is_a_fault_of_the_kind_of_its_file() {
        let mut faults = Vec::new();
        for line in ["# comment", "", "nothing", r#"{"a":1}"#, r#"http "cut"#] {
            for_each_in_line(EventKind::AlbAccess, line, None, &mut |kind, event, _| {
                faults.push((kind, event.unwrap_err().kind()));
            });
        }
        let kind = EventKind::AlbAccess;
        assert_eq!(
            faults,
            [
                (kind, "no event"),
                (kind, "no event"),
                (kind, "quote that is not closed")
            ]
        );
    }
}
