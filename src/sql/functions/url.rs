//! Parts of URLs, as Trino's functions return them
//! (<https://trino.io/docs/current/functions/url.html>).
//!
//! Load balancers log what clients sent, so a URL may be anything: what is not there is null.

use super::row::{Argument, Gives, Memo, RowSpec, RowValue, Takes};

type Result<T> = std::result::Result<T, String>;

/// The functions.
pub(super) const SPECS: &[RowSpec] = &[
    spec("url_extract_protocol", Gives::Text, |cells, _| {
        Ok(text(Url::of(cells).protocol))
    }),
    spec("url_extract_host", Gives::Text, |cells, _| {
        Ok(text(Url::of(cells).host))
    }),
    spec("url_extract_port", Gives::BigInt, |cells, _| {
        Ok(Url::of(cells)
            .port
            .map_or(RowValue::Null, |port| RowValue::Int(port.into())))
    }),
    spec("url_extract_path", Gives::Text, |cells, _| {
        Ok(text(Some(Url::of(cells).path)))
    }),
    spec("url_extract_query", Gives::Text, |cells, _| {
        Ok(text(Some(Url::of(cells).query.unwrap_or_default())))
    }),
    spec("url_extract_fragment", Gives::Text, |cells, _| {
        Ok(text(Some(Url::of(cells).fragment.unwrap_or_default())))
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

fn text(part: Option<&str>) -> RowValue {
    part.map_or(RowValue::Null, |part| RowValue::Text(part.to_owned()))
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
    fn of(cells: &[Argument<'a>]) -> Self {
        let (rest, fragment) = cut(cells[0].text(), '#');
        let (rest, query) = cut(rest, '?');
        let (protocol, rest) = match rest.split_once(':') {
            Some((protocol, rest)) if is_protocol(protocol) => (Some(protocol), rest),
            _ => (None, rest),
        };
        let Some(rest) = rest.strip_prefix("//") else {
            return Self {
                protocol,
                host: None,
                port: None,
                path: rest,
                query,
                fragment,
            };
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
        Self {
            protocol,
            host: (!host.is_empty()).then_some(host),
            port,
            path,
            query,
            fragment,
        }
    }
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
    let query = Url::of(cells).query.unwrap_or_default();
    let mut pairs = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let found = pairs.find(|(name, _)| decoded(name) == cells[1].text());
    Ok(found.map_or(RowValue::Null, |(_, value)| RowValue::Text(decoded(value))))
}

/// Decodes `%41` and `+`. What is not UTF-8 then becomes U+FFFD.
fn decoded(text: &str) -> String {
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
                out.push(if *byte == b'+' { b' ' } else { *byte });
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
        assert_eq!(part("url_extract_query"), text("k1=v1&k2=v%202+x&k1=v3"));
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
    fn encoding_is_undone_by_decoding() {
        let encoded = encoded("a b&ü/%");
        assert_eq!(encoded, "a+b%26%C3%BC%2F%25");
        assert_eq!(decoded(&encoded), "a b&ü/%");
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%+1"), "%zz% 1");
    }
}
