//! The cells of a line: its columns as text, wherever they begin and end.
//!
//! Cells are cut the careful way, for lines the grammar does not read at full
//! speed: runs of blanks count as one separator, and comma-separated values may
//! stand in double quotes. A cell knows its place, so that faults can point at
//! it; it does not know what it should hold.

use std::ops::Range;

/// What stands between two columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Separator {
    /// Blanks or tabs, any number of them.
    #[default]
    Blank,
    /// A comma; values may stand in double quotes.
    Comma,
}

/// One cell of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineCell<'a> {
    /// Its text: no quotes around it, no blanks at its ends.
    pub(super) text: &'a [u8],
    /// Where that text starts in the line.
    pub(super) start: usize,
    /// A quote was opened and not closed.
    pub(super) open: bool,
}

impl LineCell<'_> {
    /// Where its text lies in the line.
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// Whether it says that there is no value.
    pub(super) fn is_absent(&self) -> bool {
        is_absent(self.text)
    }
}

/// Whether `text` says that there is no value: `-`, or what converters make of it.
pub(super) fn is_absent(text: &[u8]) -> bool {
    let words: [&[u8]; 5] = [b"null", b"none", b"nan", b"nat", b"<na>"];
    matches!(text, b"" | b"-") || words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// The cells of one line, from left to right.
#[derive(Clone, Debug)]
pub(super) struct LineCells<'a> {
    line: &'a [u8],
    separator: Separator,
    /// Where the next cell starts; none behind the last.
    at: Option<usize>,
}

impl<'a> LineCells<'a> {
    /// The cells of `line`, which holds no line end.
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

    /// The value behind an opening quote. Doubled quotes stay as they are: what flow
    /// logs hold has none, and a borrowed value cannot lose them.
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

/// `character`, or what replaces it where it would end the cell that a value is written to.
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
    fn blanks_and_tabs_separate_however_many() {
        check(" a  b\t\tc \t", Separator::Blank, &["a", "b", "c"]);
        check("", Separator::Blank, &[]);
    }

    #[test]
    fn commas_separate_empty_values_too() {
        check("a,,c,", Separator::Comma, &["a", "", "c", ""]);
        check("a , b", Separator::Comma, &["a", "b"]);
    }

    #[test]
    fn quotes_hold_commas_and_blanks() {
        check(
            r#""a,b", "c d " ,e"#,
            Separator::Comma,
            &["a,b", "c d", "e"],
        );
        check(r#""a""b",c"#, Separator::Comma, &[r#"a""b"#, "c"]);
    }

    #[test]
    fn quote_left_open_is_noticed() {
        let open: Vec<_> = LineCells::new(b"a,\"b", Separator::Comma)
            .map(|cell| cell.open)
            .collect();
        assert_eq!(open, [false, true]);
    }
}
