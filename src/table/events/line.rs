//! Where the columns of load balancer logs are from: fields of a line, or parts of them.
//!
//! Parts are those of the regular expressions in AWS's table definitions, with three differences. A
//! line matches with any number of fields, so it never becomes a row of nulls. An IPv6 address has no
//! brackets. The user agent of a Classic Load Balancer has no quotes around it.

use super::super::column::{ColumnType, TableColumn};
use super::super::values::ColumnValues;
use crate::event::Tokens;

/// A column, and where its values are from.
#[derive(Clone, Copy)]
pub(super) struct LineColumn {
    column: TableColumn,
    pub(super) source: LineSource,
}

/// A field of a line by its index, and what part of it.
#[derive(Clone, Copy)]
pub(super) enum LineSource {
    /// All of it.
    Field(usize),
    /// All of it, with the quotes that are around it in the log.
    Quoted(usize),
    /// The address of an address and port. Empty if it is `-`, as AWS's expression takes the dash
    /// for what is between address and port.
    Address(usize),
    /// The port.
    Port(usize),
    /// The first word of a request line.
    Verb(usize),
    /// What is between the first word and the last.
    Url(usize),
    /// The last word.
    Protocol(usize),
    /// The URL of a Classic Load Balancer's request.
    ClbUrl(usize),
    /// Its last word.
    ClbProtocol(usize),
}

impl LineColumn {
    pub(super) const fn new(name: &'static str, kind: ColumnType, source: LineSource) -> Self {
        let column = TableColumn::new(name, kind);
        Self { column, source }
    }
}

/// Returns the columns without their sources.
pub(super) const fn table<const N: usize>(columns: &[LineColumn; N]) -> [TableColumn; N] {
    let mut table = [columns[0].column; N];
    let mut index = 0;
    while index < N {
        table[index] = columns[index].column;
        index += 1;
    }
    table
}

impl LineSource {
    /// Adds the value of a line to a column.
    pub(super) fn put(self, tokens: &Tokens<'_>, values: &mut ColumnValues) {
        match self {
            Self::Field(index) => values.put_text(tokens.text(index)),
            Self::Quoted(index) => match tokens.text(index) {
                Some(text) if tokens.is_quoted(index) => {
                    values.put_text(Some(&format!("\"{text}\"")));
                }
                text => values.put_text(text),
            },
            Self::Address(index) => values.put_text(tokens.text(index).map(address)),
            Self::Port(index) => values.put_text(tokens.text(index).and_then(port)),
            Self::Verb(index) => values.put_text(tokens.text(index).map(|text| request(text).0)),
            Self::Url(index) => {
                values.put_text(tokens.text(index).and_then(|text| request(text).1))
            }
            Self::Protocol(index) => {
                values.put_text(tokens.text(index).and_then(|text| request(text).2));
            }
            Self::ClbUrl(index) => {
                values.put_text(tokens.text(index).and_then(|text| clb_request(text).1));
            }
            Self::ClbProtocol(index) => {
                values.put_text(tokens.text(index).and_then(|text| clb_request(text).2));
            }
        }
    }
}

/// Returns the address of an address and port. A text without a port is the address.
fn address(text: &str) -> &str {
    if text == "-" {
        return "";
    }
    let address = text.rsplit_once(':').map_or(text, |(address, _)| address);
    let inner = address
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    inner.unwrap_or(address)
}

fn port(text: &str) -> Option<&str> {
    text.rsplit_once(':').map(|(_, port)| port)
}

/// Divides a request line at its first and its last blank, as `([^ ]*) (.*) (- |[^ ]*)` does.
fn request(text: &str) -> (&str, Option<&str>, Option<&str>) {
    match text.split_once(' ') {
        None => (text, None, None),
        Some((verb, rest)) => match rest.rsplit_once(' ') {
            None => (verb, Some(rest), None),
            Some((url, protocol)) => (verb, Some(url), Some(protocol)),
        },
    }
}

/// Divides a request line as `([^ ]*) ([^ ]*) (- |[^ ]*)` does, where a missing version is `- `. A
/// line that does not match is divided as the others are.
fn clb_request(text: &str) -> (&str, Option<&str>, Option<&str>) {
    const NO_VERSION: &str = "- ";
    let version = text.len().saturating_sub(NO_VERSION.len());
    if text.ends_with(" - ")
        && let Some((verb, url)) = text[..version - 1].split_once(' ')
        && !url.contains(' ')
    {
        return (verb, Some(url), Some(NO_VERSION));
    }
    request(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_and_port_are_divided_at_the_last_colon() {
        for (text, parts) in [
            ("192.0.2.7:80", ("192.0.2.7", Some("80"))),
            ("[2001:db8::7]:80", ("2001:db8::7", Some("80"))),
            ("2001:db8::7:80", ("2001:db8::7", Some("80"))),
            ("12.34.178.90.32:40860", ("12.34.178.90.32", Some("40860"))),
            ("masked", ("masked", None)),
            ("-", ("", None)),
            ("", ("", None)),
            ("[]:", ("", Some(""))),
        ] {
            assert_eq!((address(text), port(text)), parts, "{text}");
        }
    }

    #[test]
    fn request_is_divided_at_its_first_and_last_blank() {
        for (text, parts) in [
            (
                "GET http://a:80/ HTTP/1.1",
                ("GET", Some("http://a:80/"), Some("HTTP/1.1")),
            ),
            (
                "GET http://a:80/x y HTTP/1.1",
                ("GET", Some("http://a:80/x y"), Some("HTTP/1.1")),
            ),
            ("- http://a:80- ", ("-", Some("http://a:80-"), Some(""))),
            (
                "GET http://a:80/ -",
                ("GET", Some("http://a:80/"), Some("-")),
            ),
            ("GET /", ("GET", Some("/"), None)),
            ("-", ("-", None, None)),
            ("", ("", None, None)),
        ] {
            assert_eq!(request(text), parts, "{text}");
        }
    }

    #[test]
    fn request_of_a_classic_load_balancer_may_have_no_version() {
        for (text, parts) in [
            ("- - - ", ("-", Some("-"), Some("- "))),
            (
                "GET http://a:80/ - ",
                ("GET", Some("http://a:80/"), Some("- ")),
            ),
            (" - ", ("", Some("-"), Some(""))),
            ("GET http://a b - ", ("GET", Some("http://a b -"), Some(""))),
            ("GET / HTTP/1.1", ("GET", Some("/"), Some("HTTP/1.1"))),
        ] {
            assert_eq!(clb_request(text), parts, "{text}");
        }
    }
}
