//! JSON in text columns, as CloudTrail's `requestparameters`: Trino's functions of JSON
//! (<https://trino.io/docs/current/functions/json.html>). A JSON value is its text.

use serde_json::Value as ParsedJson;

use super::row::{Argument, Gives, Memo, RowSpec, RowValue, Takes};

type Result<T> = std::result::Result<T, String>;

/// The functions.
pub(super) const SPECS: &[RowSpec] = &[
    with_path("json_extract", Gives::Text, |cells, _| {
        Ok(found(cells)?.map_or(RowValue::Null, |json| RowValue::Text(json.to_string())))
    }),
    with_path("json_extract_scalar", Gives::Text, |cells, _| {
        let text = match found(cells)? {
            // As the document writes it: 1.10 and 1e3.
            Some(ParsedJson::Number(number)) if number.is_f64() => {
                number_text(cells).or_else(|| Some(number.to_string()))
            }
            json => json.and_then(|json| scalar(&json)),
        };
        Ok(text.map_or(RowValue::Null, RowValue::Text))
    }),
    with_path("json_size", Gives::BigInt, |cells, _| {
        Ok(found(cells)?.map_or(RowValue::Null, |json| count(size(&json))))
    }),
    of_text("json_parse", Gives::Text, |cells, _| {
        let text = cells[0].text();
        let json: ParsedJson =
            serde_json::from_str(text).map_err(|_| format!("{text:?} is not JSON"))?;
        Ok(RowValue::Text(json.to_string()))
    }),
    of_text("json_format", Gives::Text, |cells, _| {
        Ok(RowValue::Text(cells[0].text().to_owned()))
    }),
    of_text("json_array_length", Gives::BigInt, |cells, _| {
        Ok(array(cells).map_or(RowValue::Null, |items| count(items.len())))
    }),
    // Casts from JSON: to text, to an array of JSON, to an array of text.
    of_text("json_text", Gives::Text, |cells, _| {
        Ok(parsed(cells)
            .and_then(|json| scalar(&json))
            .map_or(RowValue::Null, RowValue::Text))
    }),
    of_text("json_items", Gives::TextList, |cells, _| {
        let texts =
            |items: Vec<ParsedJson>| items.iter().map(|item| Some(item.to_string())).collect();
        Ok(array(cells).map_or(RowValue::Null, |items| RowValue::TextList(texts(items))))
    }),
    of_text("json_text_items", Gives::TextList, |cells, _| {
        let texts = |items: Vec<ParsedJson>| items.iter().map(scalar).collect();
        Ok(array(cells).map_or(RowValue::Null, |items| RowValue::TextList(texts(items))))
    }),
    RowSpec {
        name: "json_array_get",
        takes: &[Takes::Text, Takes::BigInt],
        optional: 0,
        gives: Gives::Text,
        may_fail: false,
        compute: array_get,
    },
    RowSpec {
        name: "json_array_contains",
        takes: &[Takes::Text, Takes::Text],
        optional: 0,
        gives: Gives::Boolean,
        may_fail: false,
        compute: array_contains,
    },
];

const fn with_path(name: &'static str, gives: Gives, compute: super::row::ComputeRow) -> RowSpec {
    RowSpec {
        name,
        takes: &[Takes::Text, Takes::Text],
        optional: 0,
        gives,
        may_fail: true,
        compute,
    }
}

const fn of_text(name: &'static str, gives: Gives, compute: super::row::ComputeRow) -> RowSpec {
    RowSpec {
        name,
        takes: &[Takes::Text],
        optional: 0,
        gives,
        may_fail: true,
        compute,
    }
}

fn parsed(cells: &[Argument<'_>]) -> Option<ParsedJson> {
    serde_json::from_str(cells[0].text()).ok()
}

fn array(cells: &[Argument<'_>]) -> Option<Vec<ParsedJson>> {
    match parsed(cells)? {
        ParsedJson::Array(items) => Some(items),
        _ => None,
    }
}

fn count(number: usize) -> RowValue {
    i64::try_from(number).map_or(RowValue::Null, RowValue::Int)
}

fn size(json: &ParsedJson) -> usize {
    match json {
        ParsedJson::Array(items) => items.len(),
        ParsedJson::Object(members) => members.len(),
        _ => 0,
    }
}

/// Returns the text of a string, a number or a truth value; none for null, objects and arrays.
fn scalar(json: &ParsedJson) -> Option<String> {
    match json {
        ParsedJson::String(text) => Some(text.clone()),
        ParsedJson::Number(number) => Some(number.to_string()),
        ParsedJson::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// Finds what the path leads to. JSON that cannot be read has nothing.
///
/// # Errors
/// The path is not one.
fn found(cells: &[Argument<'_>]) -> Result<Option<ParsedJson>> {
    let steps = steps(cells[1].text())?;
    let Some(mut json) = parsed(cells) else {
        return Ok(None);
    };
    for step in steps {
        let next = match step {
            JsonStep::Member(name) => json.get_mut(name.as_str()),
            JsonStep::Item(index) => json.get_mut(index),
        };
        match next {
            Some(next) => json = next.take(),
            None => return Ok(None),
        }
    }
    Ok(Some(json))
}

/// Returns the number that the path leads to, as the text has it.
fn number_text(cells: &[Argument<'_>]) -> Option<String> {
    let mut rest = cells[0].text().trim_start();
    for step in steps(cells[1].text()).ok()? {
        rest = step.entered(rest)?;
    }
    let number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
    let end = rest.find(|c| !number(c)).unwrap_or(rest.len());
    Some(rest[..end].to_owned())
}

/// Splits what begins with a JSON value after the value, without the space that follows.
fn after_value<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Option<(T, &'a str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<T>();
    let value = values.next()?.ok()?;
    Some((value, text[values.byte_offset()..].trim_start()))
}

impl JsonStep {
    /// Returns the text from the value that this step leads to, which is a member or an item of the value
    /// that `text` begins with.
    fn entered<'a>(&self, text: &'a str) -> Option<&'a str> {
        let open = match self {
            Self::Member(_) => '{',
            Self::Item(_) => '[',
        };
        let mut rest = text.strip_prefix(open)?.trim_start();
        let mut index = 0;
        let mut last = None;
        while !rest.starts_with(['}', ']']) {
            let is_it = match self {
                Self::Member(name) => {
                    let (found, after) = after_value::<String>(rest)?;
                    rest = after.strip_prefix(':')?.trim_start();
                    found == *name
                }
                Self::Item(sought) => index == *sought,
            };
            if is_it {
                // Of members with one name, the last one counts.
                last = Some(rest);
            }
            index += 1;
            let (_, after) = after_value::<serde::de::IgnoredAny>(rest)?;
            rest = match after.strip_prefix(',') {
                Some(after) => after.trim_start(),
                None => break,
            };
        }
        last
    }
}

/// One step of a path.
#[derive(Debug, PartialEq, Eq)]
enum JsonStep {
    Member(String),
    Item(usize),
}

/// Reads a path: `$`, then `.name`, `["name"]` and `[0]`.
fn steps(path: &str) -> Result<Vec<JsonStep>> {
    let wrong = || format!("{path:?} is not a JSON path such as $.items[0].groupId");
    let mut rest = path.strip_prefix('$').ok_or_else(wrong)?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            if end == 0 || after.starts_with('*') {
                return Err(wrong());
            }
            steps.push(JsonStep::Member(after[..end].to_owned()));
            rest = &after[end..];
            continue;
        }
        let after = rest.strip_prefix('[').ok_or_else(wrong)?;
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (step, after) = match quote {
            Some(quote) => {
                let (name, after) = after[1..].split_once(quote).ok_or_else(wrong)?;
                (JsonStep::Member(name.to_owned()), after)
            }
            None => {
                let end = after.find(']').ok_or_else(wrong)?;
                let index = after[..end].trim().parse().map_err(|_| wrong())?;
                (JsonStep::Item(index), &after[end..])
            }
        };
        steps.push(step);
        rest = after.strip_prefix(']').ok_or_else(wrong)?;
    }
    Ok(steps)
}

/// A negative index counts from the end.
fn array_get(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let Some(items) = array(cells) else {
        return Ok(RowValue::Null);
    };
    let index = cells[1].int();
    let index = match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => usize::try_from(index.unsigned_abs())
            .ok()
            .and_then(|back| items.len().checked_sub(back)),
    };
    let item = index.and_then(|index| items.get(index));
    Ok(item.map_or(RowValue::Null, |item| RowValue::Text(item.to_string())))
}

fn array_contains(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let Some(items) = array(cells) else {
        return Ok(RowValue::Null);
    };
    let sought = cells[1].text();
    let is_in = items
        .iter()
        .any(|item| scalar(item).as_deref() == Some(sought));
    Ok(RowValue::Bool(is_in))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::functions::row::computed;

    const BOOKS: &str = r#"{"store":{"book":[{"author":"N. Rees","price":8.95},{"author":null}],"open":true},"a b":1}"#;

    fn call(name: &str, json: &str, path: &str) -> std::result::Result<RowValue, String> {
        computed(SPECS, name, &[Argument::Text(json), Argument::Text(path)])
    }

    fn text(text: &str) -> std::result::Result<RowValue, String> {
        Ok(RowValue::Text(text.into()))
    }

    #[test]
    fn paths_lead_through_members_and_items() {
        assert_eq!(
            call("json_extract_scalar", BOOKS, "$.store.book[0].author"),
            text("N. Rees")
        );
        assert_eq!(
            call(
                "json_extract_scalar",
                BOOKS,
                r#"$.store["book"][0]['price']"#
            ),
            text("8.95")
        );
        assert_eq!(
            call("json_extract_scalar", BOOKS, "$.store.open"),
            text("true")
        );
        assert_eq!(call("json_extract_scalar", BOOKS, r#"$["a b"]"#), text("1"));
        for nothing in [
            "$.store.book[9]",
            "$.store.book[1].author",
            "$.store",
            "$.x.y",
        ] {
            assert_eq!(
                call("json_extract_scalar", BOOKS, nothing),
                Ok(RowValue::Null),
                "{nothing}"
            );
        }
        assert_eq!(
            call("json_extract", BOOKS, "$.store.book[1]"),
            text(r#"{"author":null}"#)
        );
        assert_eq!(
            call("json_extract", BOOKS, "$.store.book[0].author"),
            text("\"N. Rees\"")
        );
        assert_eq!(
            call("json_size", BOOKS, "$.store.book"),
            Ok(RowValue::Int(2))
        );
    }

    #[test]
    fn numbers_are_as_the_document_writes_them() {
        let json =
            r#" {"a" : [ {"x\"":1}, -1.10 ] , "b":{"c":1e3, "d":12345678901234567890123}, "c":2} "#;
        for (path, expected) in [
            ("$.a[1]", "-1.10"),
            ("$.b.c", "1e3"),
            ("$.b.d", "12345678901234567890123"),
            ("$.c", "2"),
        ] {
            assert_eq!(call("json_extract_scalar", json, path), text(expected));
        }
    }

    #[test]
    fn text_that_is_no_json_is_null_and_a_wrong_path_is_an_error() {
        assert_eq!(call("json_extract", "-", "$.a"), Ok(RowValue::Null));
        assert_eq!(
            call("json_extract_scalar", "{\"a\":", "$.a"),
            Ok(RowValue::Null)
        );
        let deep = "[".repeat(100_000);
        assert_eq!(call("json_extract", &deep, "$"), Ok(RowValue::Null));
        for wrong in ["", "a", "$.", "$a", "$[", "$[x]", "$[\"a", "$.*"] {
            assert!(call("json_extract", BOOKS, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn arrays_have_items() {
        let items = |name: &str, json: &str| computed(SPECS, name, &[Argument::Text(json)]);
        let list = |texts: &[Option<&str>]| {
            Ok(RowValue::TextList(
                texts.iter().map(|text| text.map(str::to_owned)).collect(),
            ))
        };
        let json = r#"["a",1,{"b":2}]"#;
        assert_eq!(
            items("json_items", json),
            list(&[Some("\"a\""), Some("1"), Some("{\"b\":2}")])
        );
        assert_eq!(
            items("json_text_items", json),
            list(&[Some("a"), Some("1"), None])
        );
        assert_eq!(items("json_array_length", json), Ok(RowValue::Int(3)));
        assert_eq!(items("json_array_length", "{}"), Ok(RowValue::Null));
        let get = |index| {
            computed(
                SPECS,
                "json_array_get",
                &[Argument::Text(json), Argument::Int(index)],
            )
        };
        assert_eq!(
            (get(1), get(-3), get(3)),
            (text("1"), text("\"a\""), Ok(RowValue::Null))
        );
        assert_eq!(
            call("json_array_contains", json, "a"),
            Ok(RowValue::Bool(true))
        );
        assert_eq!(
            call("json_array_contains", json, "b"),
            Ok(RowValue::Bool(false))
        );
    }
}
