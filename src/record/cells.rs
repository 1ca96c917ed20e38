//! Splits a line into cells, the text of its columns.
//!
//! This is the lenient way to split, for lines that the grammar does not read at full speed:
//! consecutive blanks count as one separator, and comma-separated values may be in double quotes. A
//! cell has a position, so that faults can point at it, but does not know its field.

use std::ops::Range;

/// The separator between two columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Separator {
    /// Any number of blanks or tabs.
    #[default]
    Blank,
    /// A comma. Values may be in double quotes.
    Comma,
}

/// One cell of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineCell<'a> {
    /// Its text, without quotes around it or blanks at its ends.
    pub(super) text: &'a [u8],
    /// Offset of that text in the line.
    pub(super) start: usize,
    /// Whether a quote was opened and not closed.
    pub(super) open: bool,
}

impl LineCell<'_> {
    /// Returns the range of its text in the line.
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// Whether the cell is marked as having no value.
    pub(super) fn is_absent(&self) -> bool {
        is_absent(self.text)
    }
}

/// Whether `text` means that there is no value: `-`, or what converters replace it with.
pub(super) fn is_absent(text: &[u8]) -> bool {
    let words: [&[u8]; 5] = [b"null", b"none", b"nan", b"nat", b"<na>"];
    matches!(text, b"" | b"-") || words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// The cells of one line, from left to right.
#[derive(Clone, Debug)]
pub(super) struct LineCells<'a> {
    line: &'a [u8],
    separator: Separator,
    /// Offset of the next cell, or `None` after the last.
    at: Option<usize>,
}

impl<'a> LineCells<'a> {
    /// Returns the cells of `line`, which contains no line end.
    pub(super) fn new(line: &'a [u8], separator: Separator) -> Self {
        Self {
            line,
            separator,
            at: Some(0),
        }
    }

    fn next_token(&mut self, at: usize) -> Option<LineCell<'a>> {
        let rest = &self.line[at..];
        let start = at + rest.iter().position(|byte| !is_blank(byte))?;
        let rest = &self.line[start..];
        let len = rest.iter().position(is_blank).unwrap_or(rest.len());
        self.at = Some(start + len);
        Some(LineCell {
            text: &rest[..len],
            start,
            open: false,
        })
    }

    fn next_value(&mut self, at: usize) -> LineCell<'a> {
        let rest = &self.line[at..];
        let start = at + rest.iter().take_while(|byte| is_blank(byte)).count();
        if self.line.get(start) == Some(&b'"') {
            return self.next_quoted(start + 1);
        }
        let rest = &self.line[start..];
        let len = rest.iter().position(|&byte| byte == b',');
        self.at = len.map(|len| start + len + 1);
        LineCell {
            text: rest[..len.unwrap_or(rest.len())].trim_ascii_end(),
            start,
            open: false,
        }
    }

    /// Returns the value after an opening quote. Doubled quotes are kept: the values of flow logs
    /// have none, and borrowed text cannot be changed.
    fn next_quoted(&mut self, start: usize) -> LineCell<'a> {
        let rest = &self.line[start..];
        let mut len = 0;
        let open = loop {
            match &rest[len..] {
                [] => break true,
                [b'"', b'"', ..] => len += 2,
                [b'"', ..] => break false,
                _ => len += 1,
            }
        };
        let after = &rest[len..];
        let comma = after.iter().position(|&byte| byte == b',');
        self.at = comma.map(|comma| start + len + comma + 1);
        let text = &rest[..len];
        let blanks = text.len() - text.trim_ascii_start().len();
        LineCell {
            text: text.trim_ascii(),
            start: start + blanks,
            open,
        }
    }
}

impl<'a> Iterator for LineCells<'a> {
    type Item = LineCell<'a>;

    fn next(&mut self) -> Option<LineCell<'a>> {
        let at = self.at.take()?;
        match self.separator {
            Separator::Blank => self.next_token(at),
            Separator::Comma => Some(self.next_value(at)),
        }
    }
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// Returns `character`, or its replacement if it would end the cell that a value is written to.
#[inline]
pub(crate) fn unbroken(character: char) -> char {
    match character {
        c if c.is_whitespace() || c.is_control() => '_',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, separator: Separator, expected: &[&str]) {
        let cells = LineCells::new(line.as_bytes(), separator);
        for cell in cells.clone() {
            assert_eq!(&line.as_bytes()[cell.range()], cell.text);
        }
        let texts: Vec<_> = cells
            .map(|cell| String::from_utf8_lossy(cell.text))
            .collect();
        assert_eq!(texts, expected, "{line:?}");
    }

    #[test]
    fn any_number_of_blanks_and_tabs_is_one_separator() {
        check(" a  b\t\tc \t", Separator::Blank, &["a", "b", "c"]);
        check("", Separator::Blank, &[]);
    }

    #[test]
    fn commas_also_separate_empty_values() {
        check("a,,c,", Separator::Comma, &["a", "", "c", ""]);
        check("a , b", Separator::Comma, &["a", "b"]);
    }

    #[test]
    fn quotes_enclose_commas_and_blanks() {
        check(
            r#""a,b", "c d " ,e"#,
            Separator::Comma,
            &["a,b", "c d", "e"],
        );
        check(r#""a""b",c"#, Separator::Comma, &[r#"a""b"#, "c"]);
    }

    #[test]
    fn unclosed_quote_is_detected() {
        let open: Vec<_> = LineCells::new(b"a,\"b", Separator::Comma)
            .map(|cell| cell.open)
            .collect();
        assert_eq!(open, [false, true]);
    }
}
