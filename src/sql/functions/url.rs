//! Parts of URLs, as Trino's functions return them
//! (<https://trino.io/docs/current/functions/url.html>).
//!
//! Load balancers log what clients sent, so a URL may be anything: what is not there is null.

use super::row::{Argument, Gives, Memo, RowSpec, RowValue, Takes};

type Result<T> = std::result::Result<T, String>;

/// The functions.
pub(super) const SPECS: &[RowSpec] = &[
    spec("url_extract_protocol", Gives::Text, |cells, _| {
        Ok(part(cells, |url| url.protocol))
    }),
    spec("url_extract_host", Gives::Text, |cells, _| {
        Ok(part(cells, |url| url.host))
    }),
    spec("url_extract_port", Gives::BigInt, |cells, _| {
        let port = Url::of(cells).and_then(|url| url.port);
        Ok(port.map_or(RowValue::Null, |port| RowValue::Int(port.into())))
    }),
    spec("url_extract_path", Gives::Text, |cells, _| {
        Ok(unescaped_part(cells, |url| url.path))
    }),
    spec("url_extract_query", Gives::Text, |cells, _| {
        Ok(unescaped_part(cells, |url| url.query.unwrap_or_default()))
    }),
    spec("url_extract_fragment", Gives::Text, |cells, _| {
        Ok(unescaped_part(cells, |url| {
            url.fragment.unwrap_or_default()
        }))
    }),
    RowSpec {
        name: "url_extract_parameter",
        takes: &[Takes::Text, Takes::Text],
        optional: 0,
        gives: Gives::Text,
        may_fail: false,
        compute: parameter,
    },
    spec("url_decode", Gives::Text, |cells, _| {
        Ok(RowValue::Text(decoded(cells[0].text())))
    }),
    spec("url_encode", Gives::Text, |cells, _| {
        Ok(RowValue::Text(encoded(cells[0].text())))
    }),
];

const fn spec(name: &'static str, gives: Gives, compute: super::row::ComputeRow) -> RowSpec {
    RowSpec {
        name,
        takes: &[Takes::Text],
        optional: 0,
        gives,
        may_fail: false,
        compute,
    }
}

/// Returns a part of a URL as it is; null if the URL does not have it.
fn part<'a>(cells: &[Argument<'a>], of: fn(&Url<'a>) -> Option<&'a str>) -> RowValue {
    let part = Url::of(cells).and_then(|url| of(&url));
    part.map_or(RowValue::Null, |part| RowValue::Text(part.to_owned()))
}

/// Returns a part of a URL without its escapes. A part that the URL does not have is empty.
fn unescaped_part<'a>(cells: &[Argument<'a>], of: fn(&Url<'a>) -> &'a str) -> RowValue {
    let part = Url::of(cells).map(|url| unescaped(of(&url), false));
    part.map_or(RowValue::Null, RowValue::Text)
}

/// The parts of a URL (RFC 3986, appendix B).
struct Url<'a> {
    protocol: Option<&'a str>,
    host: Option<&'a str>,
    port: Option<u16>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Url<'a> {
    /// Parses a URL; `None` for a text with characters that no URL has, such as blanks.
    fn of(cells: &[Argument<'a>]) -> Option<Self> {
        let text = cells[0].text();
        if !is_of_a_url(text) {
            return None;
        }
        let (rest, fragment) = cut(text, '#');
        let (rest, query) = cut(rest, '?');
        let (protocol, rest) = match rest.split_once(':') {
            Some((protocol, rest)) if is_protocol(protocol) => (Some(protocol), rest),
            _ => (None, rest),
        };
        let Some(rest) = rest.strip_prefix("//") else {
            return Some(Self {
                protocol,
                host: None,
                port: None,
                path: rest,
                query,
                fragment,
            });
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        let colon = authority
            .rfind(':')
            .filter(|at| !authority[*at..].contains(']'));
        let (host, port) = match colon {
            Some(at) => (&authority[..at], authority[at + 1..].parse().ok()),
            None => (authority, None),
        };
        Some(Self {
            protocol,
            host: (!host.is_empty()).then_some(host),
            port,
            path,
            query,
            fragment,
        })
    }
}

/// Whether a text has only characters that `java.net.URI`, which Trino parses with, takes. A `%` comes
/// before two hexadecimal digits.
fn is_of_a_url(text: &str) -> bool {
    let is_taken = |c: char| !c.is_control() && !c.is_whitespace() && !"\"<>{}|\\^`".contains(c);
    let mut escapes = text.split('%').skip(1).map(str::as_bytes);
    let is_escape = |after: &[u8]| matches!(after, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    text.chars().all(is_taken) && escapes.all(is_escape)
}

fn is_protocol(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_part)
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn parameter(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let query = Url::of(cells).and_then(|url| url.query);
    let query = query.unwrap_or_default();
    let mut pairs = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let found = pairs.find(|(name, _)| decoded(name) == cells[1].text());
    Ok(found.map_or(RowValue::Null, |(_, value)| RowValue::Text(decoded(value))))
}

/// Decodes `%41` and `+`.
fn decoded(text: &str) -> String {
    unescaped(text, true)
}

/// Decodes `%41`, and `+` as a blank if that is one. What is not UTF-8 then becomes U+FFFD.
fn unescaped(text: &str, is_plus_blank: bool) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let hex = text.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let code = hex.filter(|hex| !hex.starts_with('+'));
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(code) => {
                out.push(code);
                at += 3;
            }
            None => {
                let is_blank = *byte == b'+' && is_plus_blank;
                out.push(if is_blank { b' ' } else { *byte });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'.' | b'-' | b'*' | b'_' => out.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => out.push(byte.into()),
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::functions::row::computed;

    #[test]
    fn parts_of_a_url_are_those_of_trino() {
        let url = "https://user@shop.example.com:8443/a/b.html?k1=v1&k2=v%202+x&k1=v3#Ref1";
        let part = |name| computed(SPECS, name, &[Argument::Text(url)]).unwrap();
        let text = |text: &str| RowValue::Text(text.into());
        assert_eq!(part("url_extract_protocol"), text("https"));
        assert_eq!(part("url_extract_host"), text("shop.example.com"));
        assert_eq!(part("url_extract_port"), RowValue::Int(8443));
        assert_eq!(part("url_extract_path"), text("/a/b.html"));
        assert_eq!(part("url_extract_query"), text("k1=v1&k2=v 2+x&k1=v3"));
        assert_eq!(part("url_extract_fragment"), text("Ref1"));
        let parameter = |name| {
            computed(
                SPECS,
                "url_extract_parameter",
                &[Argument::Text(url), Argument::Text(name)],
            )
        };
        assert_eq!(parameter("k1"), Ok(text("v1")));
        assert_eq!(parameter("k2"), Ok(text("v 2 x")));
        assert_eq!(parameter("k3"), Ok(RowValue::Null));
    }

    #[test]
    fn what_is_no_url_has_no_host() {
        for url in ["", "-", "/a?b", "http://", "a b", "://x"] {
            assert_eq!(
                computed(SPECS, "url_extract_host", &[Argument::Text(url)]),
                Ok(RowValue::Null),
                "{url}"
            );
        }
        let v6 = computed(
            SPECS,
            "url_extract_host",
            &[Argument::Text("http://[2001:db8::1]:80/")],
        );
        assert_eq!(v6, Ok(RowValue::Text("[2001:db8::1]".into())));
    }

    #[test]
    fn text_with_characters_that_no_url_has_has_no_parts() {
        for url in ["http://h:80/a file.txt", "http://h/<b>", "http://h/100%"] {
            for function in ["url_extract_host", "url_extract_path", "url_extract_query"] {
                let part = computed(SPECS, function, &[Argument::Text(url)]);
                assert_eq!(part, Ok(RowValue::Null), "{function} {url}");
            }
        }
    }

    #[test]
    fn encoding_is_undone_by_decoding() {
        let encoded = encoded("a b&ü/%");
        assert_eq!(encoded, "a+b%26%C3%BC%2F%25");
        assert_eq!(decoded(&encoded), "a b&ü/%");
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%+1"), "%zz% 1");
    }
}
