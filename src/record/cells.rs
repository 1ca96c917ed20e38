//! Splits a line into cells, the text of its columns.
//!
//! This is the lenient way to split, for lines that the grammar does not read at full speed:
//! consecutive blanks count as one separator, and values between other separators may be in double
//! quotes. A cell has a position, so that faults can point at it, but does not know its field.

use std::ops::Range;

/// The separator between two columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Separator {
    /// Any number of blanks or tabs.
    #[default]
    Blank,
    /// A comma. Values may be in double quotes.
    Comma,
    /// A semicolon, in tables of countries whose decimal separator is the comma.
    Semicolon,
    /// One tab. A cell may be empty, and may contain blanks. A line without any tab is separated by
    /// blanks.
    Tab,
    /// A vertical bar, of ASCII or of a drawn box, between two columns.
    Bar,
    /// A vertical bar between two columns, before the first and after the last.
    Frame,
}

impl Separator {
    /// Returns the separator of a line that holds only names.
    pub(super) fn of_names(line: &[u8]) -> Self {
        if line.contains(&b',') {
            Self::Comma
        } else if line.contains(&b';') {
            Self::Semicolon
        } else if let Some(bar) = Self::Bar.find(line) {
            if is_blank_text(&line[..bar.start]) {
                Self::Frame
            } else {
                Self::Bar
            }
        } else if line.trim_ascii().contains(&b'\t') {
            Self::Tab
        } else {
            Self::Blank
        }
    }

    /// Returns the separator of a line that holds a record.
    ///
    /// This is the one that makes more cells than blanks do. A value may contain blanks, and blanks
    /// may be around a separator, but most values are without them.
    pub(super) fn of_record(line: &[u8]) -> Self {
        let words = |text| LineCells::new(text, Self::Blank).count();
        let blank_count = words(line);
        let mut best = (0, Self::Blank);
        for separator in [Self::Comma, Self::Semicolon, Self::Tab, Self::bars_of(line)] {
            if separator.find(line).is_none() {
                continue;
            }
            let cells = LineCells::new(line, separator);
            let (mut count, mut word_count, mut is_plain) = (0, 0, true);
            for cell in cells {
                let words = words(cell.text);
                count += 1;
                word_count += words;
                is_plain &= words == 1;
            }
            let is_used = count > blank_count
                || count >= TABLE_COLUMNS_LEAST
                    && count * 2 > word_count
                    && !(separator == Self::Tab && is_plain);
            if is_used && count > best.0 {
                best = (count, separator);
            }
        }
        best.1
    }

    /// Returns how vertical bars separate the columns of `line`.
    fn bars_of(line: &[u8]) -> Self {
        let is_framed = |bar: Range<usize>| is_blank_text(&line[..bar.start]);
        if Self::Bar.find(line).is_some_and(is_framed) {
            Self::Frame
        } else {
            Self::Bar
        }
    }

    /// Returns the range of the first separator in `text`. Quotes are not considered.
    fn find(self, text: &[u8]) -> Option<Range<usize>> {
        let one = |byte| memchr::memchr(byte, text).map(|at| at..at + 1);
        match self {
            Self::Blank => None,
            Self::Comma => one(b','),
            Self::Semicolon => one(b';'),
            Self::Tab => one(b'\t'),
            Self::Bar | Self::Frame => {
                let mut ats = memchr::memchr2_iter(b'|', DRAWN_LEAD, text);
                ats.find_map(|at| Some(at..at + bar_len(&text[at..])?))
            }
        }
    }

    /// Whether `byte` next to a value is not part of it.
    fn is_padding(self, byte: &u8) -> bool {
        is_blank(byte) && !(self == Self::Tab && *byte == b'\t')
    }
}

/// Returns the length of the vertical bar at the front of `text`, if there is one: `|`, or the
/// `│`, `┃`, `║` or `┆` of a drawn box.
fn bar_len(text: &[u8]) -> Option<usize> {
    match text {
        [b'|', ..] => Some(1),
        [DRAWN_LEAD, 0x94, 0x82 | 0x83 | 0x86, ..] | [DRAWN_LEAD, 0x95, 0x91, ..] => Some(3),
        _ => None,
    }
}

fn is_blank_text(text: &[u8]) -> bool {
    text.iter().all(is_blank)
}

/// The first byte of the characters that boxes are drawn with.
const DRAWN_LEAD: u8 = 0xe2;

/// Number of columns from which blanks around a separator do not hide it.
const TABLE_COLUMNS_LEAST: usize = 4;

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
#[inline(always)]
pub(super) fn is_absent(text: &[u8]) -> bool {
    match text {
        b"" | b"-" => true,
        // Most texts begin with another character.
        [b'N' | b'n' | b'<', ..] => is_absent_word(text),
        _ => false,
    }
}

fn is_absent_word(text: &[u8]) -> bool {
    let words: [&[u8]; 5] = [b"null", b"none", b"nan", b"nat", b"<na>"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Calls `take` with the index and the text of the first `count` words of a line between space
/// characters. The line has no other blanks. `None` is a text that is absent or `-`, or a word that
/// the line does not have.
#[inline]
pub(super) fn each_word<'a>(
    line: &'a [u8],
    count: usize,
    mut take: impl FnMut(usize, Option<&'a [u8]>),
) {
    let (mut index, mut begin) = (0, 0);
    let mut put = |end: usize| {
        let word = &line[begin..end];
        begin = end + 1;
        if !word.is_empty() && index < count {
            take(index, (!is_absent(word)).then_some(word));
            index += 1;
        }
    };
    each_space(line, &mut put);
    put(line.len());
    (index..count).for_each(|index| take(index, None));
}

/// Calls `take` with the place of each space character. Words are short, so that eight bytes at a time
/// are faster than a search for each.
#[inline(always)]
fn each_space(line: &[u8], mut take: impl FnMut(usize)) {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    const SPACES: u64 = 0x2020_2020_2020_2020;
    let (eights, rest) = line.as_chunks::<8>();
    let mut at = 0;
    for eight in eights {
        let differing = u64::from_le_bytes(*eight) ^ SPACES;
        // The high bit of each byte that does not differ.
        let mut spaces = !(((differing & LOW) + LOW) | differing | LOW);
        while spaces != 0 {
            take(at + (spaces.trailing_zeros() / 8) as usize);
            spaces &= spaces - 1;
        }
        at += 8;
    }
    for (place, byte) in (at..).zip(rest) {
        if *byte == b' ' {
            take(place);
        }
    }
}

/// The cells of one line, from left to right.
#[derive(Clone, Debug)]
pub(super) struct LineCells<'a> {
    line: &'a [u8],
    separator: Separator,
    /// Whether a value between blanks may be in double quotes.
    is_quoting: bool,
    /// Offset of the next cell, or `None` after the last.
    at: Option<usize>,
}

impl<'a> LineCells<'a> {
    /// Returns the cells of `line`, which contains no line end.
    pub(super) fn new(line: &'a [u8], separator: Separator) -> Self {
        let (separator, start) = match separator {
            Separator::Tab if !line.contains(&b'\t') => (Separator::Blank, 0),
            Separator::Frame => {
                let bar = separator.find(line);
                let bar = bar.filter(|bar| is_blank_text(&line[..bar.start]));
                (separator, bar.map_or(0, |bar| bar.end))
            }
            other => (other, 0),
        };
        Self {
            line,
            separator,
            is_quoting: false,
            at: Some(start),
        }
    }

    /// Returns the same cells, where a value between blanks may be in double quotes if
    /// `is_quoting`. Between other separators it always may.
    pub(super) fn quoting(self, is_quoting: bool) -> Self {
        Self { is_quoting, ..self }
    }

    fn next_token(&mut self, at: usize) -> Option<LineCell<'a>> {
        let rest = &self.line[at..];
        let start = at + rest.iter().position(|byte| !is_blank(byte))?;
        let rest = &self.line[start..];
        if self.is_quoting
            && let Some(len) = quoted_len(rest)
        {
            self.at = Some(start + 1 + len + 1);
            let text = &rest[1..=len];
            let blanks = text.len() - text.trim_ascii_start().len();
            return Some(LineCell {
                text: text.trim_ascii(),
                start: start + 1 + blanks,
                open: false,
            });
        }
        let len = rest.iter().position(is_blank).unwrap_or(rest.len());
        self.at = Some(start + len);
        Some(LineCell {
            text: &rest[..len],
            start,
            open: false,
        })
    }

    fn next_value(&mut self, at: usize) -> LineCell<'a> {
        let separator = self.separator;
        let rest = &self.line[at..];
        let padding = rest.iter().take_while(|byte| separator.is_padding(byte));
        let start = at + padding.count();
        if self.line.get(start) == Some(&b'"') {
            return self.next_quoted(start + 1);
        }
        let rest = &self.line[start..];
        let end = separator.find(rest);
        self.at = end.as_ref().map(|end| start + end.end);
        LineCell {
            text: rest[..end.map_or(rest.len(), |end| end.start)].trim_ascii_end(),
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
        let end = self.separator.find(&rest[len..]);
        self.at = end.map(|end| start + len + end.end);
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
            // Nothing follows the bar after the last column.
            Separator::Frame if at > 0 && is_blank_text(&self.line[at..]) => None,
            _ => Some(self.next_value(at)),
        }
    }
}

/// Returns the length of the value between the quotes at the front of `text`, if a blank or the end
/// of the line follows the second one.
fn quoted_len(text: &[u8]) -> Option<usize> {
    let value = text.strip_prefix(b"\"")?;
    let mut quotes = memchr::memchr_iter(b'"', value);
    quotes.find(|at| value.get(at + 1).is_none_or(is_blank))
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
    fn words_between_spaces_are_the_cells_between_blanks() {
        let long = "2 123456789010 eni-0b2 10.0.0.1 \u{a0}\u{120} x--------y  -";
        for line in ["", " ", "a", "a b", "  a  b ", "2 - eni-1  x", long] {
            let cells = LineCells::new(line.as_bytes(), Separator::Blank);
            let cells: Vec<&[u8]> = cells.map(|cell| cell.text).collect();
            let mut words = Vec::new();
            each_word(line.as_bytes(), 9, |_, word| words.push(word));
            let absent = |text: &&[u8]| !is_absent(text);
            let mut expected: Vec<Option<&[u8]>> = cells
                .into_iter()
                .map(|text| Some(text).filter(absent))
                .collect();
            expected.resize(9, None);
            assert_eq!(words, expected);
        }
    }

    #[test]
    fn any_number_of_blanks_and_tabs_is_one_separator() {
        check(" a  b\t\tc \t", Separator::Blank, &["a", "b", "c"]);
        check("", Separator::Blank, &[]);
    }

    #[test]
    fn quotes_enclose_blanks_where_values_may_be_quoted() {
        let cells = |line: &'static str| {
            let cells = LineCells::new(line.as_bytes(), Separator::Blank).quoting(true);
            let texts = cells.map(|cell| std::str::from_utf8(cell.text).unwrap());
            texts.collect::<Vec<_>>()
        };
        assert_eq!(cells(r#"a "b c" "" d"#), ["a", "b c", "", "d"]);
        assert_eq!(cells(r#""a "b" c" d"#), [r#"a "b"#, r#"c""#, "d"]);
        assert_eq!(cells(r#"a "b c"#), ["a", r#""b"#, "c"]);
        check(r#"a "b c""#, Separator::Blank, &["a", r#""b"#, r#"c""#]);
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
    fn semicolons_bars_and_tabs_separate_values_that_may_be_empty() {
        check("a;;c ; d;", Separator::Semicolon, &["a", "", "c", "d", ""]);
        check(" a |  | c d |", Separator::Bar, &["a", "", "c d", ""]);
        check("a|b", Separator::Bar, &["a", "b"]);
        check("a\t\tc d\t", Separator::Tab, &["a", "", "c d", ""]);
        check("a b  c", Separator::Tab, &["a", "b", "c"]);
    }

    #[test]
    fn bars_around_a_line_are_not_columns() {
        for line in [
            "| a |  | c d |",
            "|a||c d|  ",
            "\u{2502} a \u{2502}\u{2502}c d\u{2502}",
        ] {
            check(line, Separator::Frame, &["a", "", "c d"]);
        }
        check(
            "\u{2503} a \u{2506} b \u{2551}",
            Separator::Frame,
            &["a", "b"],
        );
        check("| a | b", Separator::Frame, &["a", "b"]);
        check("\u{2014} a | b", Separator::Bar, &["\u{2014} a", "b"]);
    }

    #[test]
    fn separator_of_a_record_is_the_one_between_most_values() {
        for (line, expected) in [
            ("2 1 eni-1 a,b;c 10.0.0.1 10.0.0.2", Separator::Blank),
            ("2\t1\teni-1\t10.0.0.1", Separator::Blank),
            ("2\t1\t\t2024-05-01 12:00:00\t10.0.0.1", Separator::Tab),
            ("2 , 1 , eni-1 , 10.0.0.1", Separator::Comma),
            (
                "2;1;2024-05-01 12:00:00 UTC;10.0.0.1;x",
                Separator::Semicolon,
            ),
            (" 2 | 1 | eni-1 | 10.0.0.1 ", Separator::Bar),
            ("| 2 | 1 | eni-1 | 10.0.0.1 |", Separator::Frame),
        ] {
            assert_eq!(Separator::of_record(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn unclosed_quote_is_detected() {
        let open: Vec<_> = LineCells::new(b"a,\"b", Separator::Comma)
            .map(|cell| cell.open)
            .collect();
        assert_eq!(open, [false, true]);
    }
}
