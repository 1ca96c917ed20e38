//! Lines of a printed table that are neither its header nor a record.
//!
//! Databases, notebooks and Markdown draw rules around the rows (`----+----`, `|---|---|`,
//! `├────┼────┤`), and add lines about them: the number of rows, the types of the columns, or dots
//! for the rows that are not printed. None of these lines is a record, so none of them is wrong.

use super::cells::{LineCells, Separator};

/// Whether `line` is drawn from dashes, bars, corners and blanks only.
///
/// At least two dashes, or a dash next to a bar, have to be in it: a dash between blanks is a value
/// that is absent.
pub(super) fn is_rule(line: &[u8]) -> bool {
    if !line
        .first()
        .is_some_and(|byte| RULE_BYTES.contains(byte) || *byte == 0xe2)
    {
        return false;
    }
    let mut rest = line;
    let mut before = b' ';
    let mut has_dashes = false;
    while let [byte, after @ ..] = rest {
        let (drawn, after) = match rest {
            [0xe2, 0x94 | 0x95, _, after @ ..] => (b'-', after),
            _ if RULE_BYTES.contains(byte) => (*byte, after),
            _ => return false,
        };
        has_dashes |=
            matches!(drawn, b'-' | b'=') && before != b' ' || before == b'-' && drawn != b' ';
        before = drawn;
        rest = after;
    }
    has_dashes
}

/// Whether `line`, which is not a record, is about the rows of a table.
pub(super) fn is_remark(line: &[u8], separator: Separator) -> bool {
    is_row_count(line) || is_all(line, separator, is_type) || is_all(line, separator, is_dots)
}

/// Whether `line` counts the rows: `(3 rows)`, `3 rows in set (0.01 sec)`.
fn is_row_count(line: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(line) else {
        return false;
    };
    let is_frame = |c: char| c == '(' || c == '|' || c.is_whitespace() || is_drawn(c);
    let mut words = text.trim_start_matches(is_frame).split([' ', ')', '\t']);
    let (count, unit) = (words.next().unwrap_or_default(), words.next());
    let is_count = count
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b',');
    !count.is_empty() && is_count && matches!(unit, Some("row" | "rows"))
}

fn is_drawn(character: char) -> bool {
    ('\u{2500}'..='\u{257f}').contains(&character)
}

/// Whether every cell of `line` is one of these texts, and there are several.
fn is_all(line: &[u8], separator: Separator, is_one: fn(&[u8]) -> bool) -> bool {
    let cells = LineCells::new(line, separator);
    let mut count = 0;
    for cell in cells {
        if !is_one(cell.text) {
            return false;
        }
        count += 1;
    }
    count > 1
}

/// Whether `text` is the name of a type, as some tools print it below the name of its column.
fn is_type(text: &[u8]) -> bool {
    let words = [
        "bigint",
        "boolean",
        "date",
        "double",
        "float",
        "hugeint",
        "inet",
        "int",
        "integer",
        "interval",
        "json",
        "real",
        "smallint",
        "str",
        "string",
        "text",
        "timestamp",
        "timestamptz",
        "tinyint",
        "ubigint",
        "uinteger",
        "usmallint",
        "utinyint",
        "varchar",
        "datetime",
        "bool",
        "object",
    ];
    let end = text.iter().position(|byte| !byte.is_ascii_alphabetic());
    let (word, size) = text.split_at(end.unwrap_or(text.len()));
    let is_sized = size.iter().all(u8::is_ascii_digit)
        && ["int", "uint", "i", "u", "f", "float"]
            .iter()
            .any(|name| word == name.as_bytes());
    is_sized && !size.is_empty()
        || words
            .iter()
            .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
            && !size.first().is_some_and(u8::is_ascii_digit)
}

/// Whether `text` marks something that is not printed: `·`, `…` or `...`.
fn is_dots(text: &[u8]) -> bool {
    matches!(text, b"\xc2\xb7" | b"\xe2\x80\xa6" | b"..." | b":")
}

const RULE_BYTES: &[u8] = b"-=+|: ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_every_tool_are_recognized() {
        for line in [
            "---------+------------+------",
            "+----+----+",
            "|---|:--:|--:|",
            "|-|-|",
            "| --- | --- |",
            "----  ----",
            "\u{250c}\u{2500}\u{2500}\u{252c}\u{2500}\u{2510}",
            "\u{255e}\u{2550}\u{2550}\u{256a}\u{2550}\u{2561}",
            "+====+====+",
        ] {
            assert!(is_rule(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn absent_values_and_records_are_not_rules() {
        for line in [
            "",
            "- - - -",
            "| - | - |",
            "-",
            "2|-|-",
            "--a--",
            "| | |",
            "\u{2014}--",
        ] {
            assert!(!is_rule(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn remarks_are_recognized() {
        for line in [
            "(3 rows)",
            "(1 row)",
            "1,204 rows in set (0.01 sec)",
            "\u{2502} 40 rows (20 shown)     14 columns \u{2502}",
            "\u{2502} int32 \u{2502} varchar \u{2502} decimal \u{2502}",
            "\u{2502} i64 \u{2502} str \u{2502}",
            "| \u{b7} | \u{b7} |",
        ] {
            let expected = !line.contains("decimal");
            assert_eq!(
                is_remark(line.as_bytes(), Separator::Frame),
                expected,
                "{line}"
            );
        }
        for line in ["rows", "3 rowboats", "2 123456789012 eni-1", "int32", ""] {
            assert!(!is_remark(line.as_bytes(), Separator::Blank), "{line}");
        }
    }
}
