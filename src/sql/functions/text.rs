//! Functions of text and regular expressions, as Trino defines them
//! (<https://trino.io/docs/current/functions/string.html>, `regexp.html`).

use super::row::{Argument, Gives, Memo, RowSpec, RowValue, Takes};

type Result<T> = std::result::Result<T, String>;

/// The functions.
pub(super) const SPECS: &[RowSpec] = &[
    RowSpec {
        name: "split",
        takes: &[Takes::Text, Takes::Text, Takes::BigInt],
        optional: 1,
        gives: Gives::TextList,
        may_fail: true,
        compute: split,
    },
    RowSpec {
        name: "split_part",
        takes: &[Takes::Text, Takes::Text, Takes::BigInt],
        optional: 0,
        gives: Gives::Text,
        may_fail: true,
        compute: split_part,
    },
    RowSpec {
        name: "regexp_extract",
        takes: &[Takes::Text, Takes::Text, Takes::BigInt],
        optional: 1,
        gives: Gives::Text,
        may_fail: true,
        compute: regexp_extract,
    },
    RowSpec {
        name: "regexp_extract_all",
        takes: &[Takes::Text, Takes::Text, Takes::BigInt],
        optional: 1,
        gives: Gives::TextList,
        may_fail: true,
        compute: regexp_extract_all,
    },
    RowSpec {
        name: "regexp_replace",
        takes: &[Takes::Text, Takes::Text, Takes::Text],
        optional: 1,
        gives: Gives::Text,
        may_fail: true,
        compute: regexp_replace,
    },
    RowSpec {
        name: "regexp_split",
        takes: &[Takes::Text, Takes::Text],
        optional: 0,
        gives: Gives::TextList,
        may_fail: true,
        compute: regexp_split,
    },
];

fn delimiter(cell: Argument<'_>) -> Result<&str> {
    match cell.text() {
        "" => Err("the delimiter is empty".into()),
        delimiter => Ok(delimiter),
    }
}

fn split(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let (text, delimiter) = (cells[0].text(), delimiter(cells[1])?);
    let parts: Vec<&str> = match cells.get(2) {
        None => text.split(delimiter).collect(),
        Some(limit) => match usize::try_from(limit.int()) {
            Ok(limit @ 1..) => text.splitn(limit, delimiter).collect(),
            _ => return Err("the limit is not positive".into()),
        },
    };
    let parts = parts.into_iter();
    Ok(RowValue::TextList(
        parts.map(|part| Some(part.to_owned())).collect(),
    ))
}

fn split_part(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let delimiter = delimiter(cells[1])?;
    let index = match usize::try_from(cells[2].int()) {
        Ok(index @ 1..) => index - 1,
        _ => return Err("the index is not positive: the first part is 1".into()),
    };
    let part = cells[0].text().split(delimiter).nth(index);
    Ok(part.map_or(RowValue::Null, |part| RowValue::Text(part.to_owned())))
}

/// Returns the group to return: 0, the whole match, if the call names none.
fn group(cells: &[Argument<'_>], pattern: &regex::Regex) -> Result<usize> {
    let group = cells.get(2).map_or(0, |group| group.int());
    match usize::try_from(group) {
        Ok(group) if group < pattern.captures_len() => Ok(group),
        _ => Err(format!("the pattern has no group {group}")),
    }
}

fn regexp_extract(cells: &[Argument<'_>], memo: &mut Memo) -> Result<RowValue> {
    let pattern = memo.regex(cells[1].text())?;
    let group = group(cells, pattern)?;
    let found = pattern.captures(cells[0].text());
    let found = found.as_ref().and_then(|found| found.get(group));
    Ok(found.map_or(RowValue::Null, |found| {
        RowValue::Text(found.as_str().to_owned())
    }))
}

fn regexp_extract_all(cells: &[Argument<'_>], memo: &mut Memo) -> Result<RowValue> {
    let pattern = memo.regex(cells[1].text())?;
    let group = group(cells, pattern)?;
    let found = pattern.captures_iter(cells[0].text());
    let texts = found.map(|found| found.get(group).map(|found| found.as_str().to_owned()));
    Ok(RowValue::TextList(texts.collect()))
}

/// Replaces all matches. `$1` in the replacement is a group, `${name}` a named one, `\$` a dollar sign.
fn regexp_replace(cells: &[Argument<'_>], memo: &mut Memo) -> Result<RowValue> {
    let pattern = memo.regex(cells[1].text())?;
    let replacement = cells.get(2).map_or("", |cell| cell.text());
    let replacement = rust_replacement(replacement);
    let replaced = pattern.replace_all(cells[0].text(), replacement.as_str());
    Ok(RowValue::Text(replaced.into_owned()))
}

/// Translates a replacement of Java: `$1x` is group 1 and an x, which Rust would read as a name.
fn rust_replacement(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(at) = rest.find(['$', '\\']) {
        out += &rest[..at];
        let after = &rest[at + 1..];
        if rest[at..].starts_with('\\') {
            let escaped = after.chars().next();
            match escaped {
                Some('$') => out += "$$",
                Some(c) => out.push(c),
                None => {}
            }
            rest = &after[escaped.map_or(0, char::len_utf8)..];
            continue;
        }
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        match digits {
            0 => out.push('$'),
            _ => {
                out += &format!("${{{}}}", &after[..digits]);
            }
        }
        rest = &after[digits..];
    }
    out + rest
}

fn regexp_split(cells: &[Argument<'_>], memo: &mut Memo) -> Result<RowValue> {
    let pattern = memo.regex(cells[1].text())?;
    let parts = pattern.split(cells[0].text());
    Ok(RowValue::TextList(
        parts.map(|part| Some(part.to_owned())).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::functions::row::computed;

    fn texts(parts: &[&str]) -> std::result::Result<RowValue, String> {
        let parts = parts.iter().map(|part| Some((*part).to_owned()));
        Ok(RowValue::TextList(parts.collect()))
    }

    fn text(text: &str) -> std::result::Result<RowValue, String> {
        Ok(RowValue::Text(text.into()))
    }

    #[test]
    fn text_is_split_into_all_parts_or_one() {
        let call = |name, cells: &[Argument<'_>]| computed(SPECS, name, cells);
        let (a, comma) = (Argument::Text("a,b,,c"), Argument::Text(","));
        assert_eq!(call("split", &[a, comma]), texts(&["a", "b", "", "c"]));
        assert_eq!(
            call("split", &[a, comma, Argument::Int(2)]),
            texts(&["a", "b,,c"])
        );
        assert_eq!(call("split", &[Argument::Text(""), comma]), texts(&[""]));
        assert_eq!(call("split_part", &[a, comma, Argument::Int(2)]), text("b"));
        assert_eq!(
            call("split_part", &[a, comma, Argument::Int(9)]),
            Ok(RowValue::Null)
        );
        assert!(call("split_part", &[a, comma, Argument::Int(0)]).is_err());
    }

    /// The examples of Trino's page.
    #[test]
    fn regular_expressions_do_as_trino_documents() {
        let call = |name, subject, pattern, rest: &[Argument<'_>]| {
            let mut cells = vec![Argument::Text(subject), Argument::Text(pattern)];
            cells.extend(rest);
            computed(SPECS, name, &cells)
        };
        assert_eq!(call("regexp_extract", "1a 2b 14m", r"\d+", &[]), text("1"));
        let pattern = r"(\d+)([a-z]+)";
        assert_eq!(
            call("regexp_extract", "1a 2b 14m", pattern, &[Argument::Int(2)]),
            text("a")
        );
        assert_eq!(
            call("regexp_extract", "abc", r"\d+", &[]),
            Ok(RowValue::Null)
        );
        assert_eq!(
            call(
                "regexp_extract_all",
                "1a 2b 14m",
                pattern,
                &[Argument::Int(2)]
            ),
            texts(&["a", "b", "m"])
        );
        assert_eq!(
            call("regexp_replace", "1a 2b 14m", r"\d+[ab] ", &[]),
            text("14m")
        );
        assert_eq!(
            call(
                "regexp_replace",
                "1a 2b 14m",
                r"(\d+)([ab]) ",
                &[Argument::Text("3c$2 ")]
            ),
            text("3ca 3cb 14m")
        );
        assert_eq!(
            call(
                "regexp_replace",
                "1a",
                r"(\d)(a)",
                &[Argument::Text(r"\$$1x$2")]
            ),
            text("$1xa")
        );
        assert_eq!(
            call("regexp_split", "1a 2b 14m", r"\s*[a-z]+\s*", &[]),
            texts(&["1", "2", "14", ""])
        );
        assert!(call("regexp_extract", "a", "(", &[]).is_err());
        assert!(call("regexp_extract", "a", "a", &[Argument::Int(1)]).is_err());
    }
}
