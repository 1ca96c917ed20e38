//! A page of aligned rows: a name, and the text of the row.
//!
//! How numbers and times are written is decided here, for everything that a person reads.

use std::fmt::{self, Display, Formatter};

use anstyle::{AnsiColor, Style};
use flow2pcap::printable::json::escaped;
use flow2pcap::printable::number::grouped;
use flow2pcap::printable::{cut, printable};
use flow2pcap::summary::Reasons;
pub(crate) use flow2pcap::time::rfc3339 as instant;
use serde::Serialize;

use super::terminal::WIDTH_MAX;

/// The style of what a reader should notice.
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default();
/// The style of what a reader came to find.
pub(crate) const TROUBLE: Style = AnsiColor::Red.on_default();
/// The style of headings and names of rows.
pub(crate) const BOLD: Style = Style::new().bold();
/// The style of the word "error", the same as clap's.
pub(crate) const TROUBLE_WORD: Style = AnsiColor::Red.on_default().bold();
/// The style of the word "warning".
pub(crate) const WARNING_WORD: Style = AnsiColor::Yellow.on_default().bold();
/// The style of the word "tip", the same as clap's.
pub(crate) const TIP: Style = AnsiColor::Green.on_default();

/// Columns of the names of rows, with the blank after them.
const NAME_COLUMNS: usize = 13;

/// Writes rows for one stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// Whether there is color.
    pub(crate) color: bool,
    /// Columns of a line.
    pub(crate) width: usize,
}

impl Page {
    /// A page without color, as wide as a page may be.
    pub(crate) const PLAIN: Self = Self {
        color: false,
        width: WIDTH_MAX,
    };

    /// Puts `text` in this style if the page has color.
    pub(crate) fn paint(self, style: Style, text: &str) -> PrintedLine {
        let mut line = PrintedLine::from(text);
        if self.color {
            line.0.iter_mut().for_each(|span| span.style = style);
        }
        line
    }

    /// Puts `text` in this style if the page has color; it is never wrapped.
    pub(crate) fn paint_whole(self, style: Style, text: &str) -> PrintedLine {
        let mut line = self.paint(style, text);
        line.0.iter_mut().for_each(|span| span.is_whole = true);
        line
    }

    /// Writes one row. Rows that continue another have no name.
    pub(crate) fn row(
        self,
        f: &mut Formatter<'_>,
        name: &str,
        text: impl Into<PrintedLine>,
    ) -> fmt::Result {
        let text = text.into();
        let room = self.width.saturating_sub(NAME_COLUMNS);
        let lines = text.wrapped(room, text.indent());
        let mut name = PrintedLine::from(name);
        for line in lines {
            let len = name.columns();
            if len > 0 {
                let text: String = name.0.into_iter().map(|span| span.text).collect();
                write!(f, "{}", self.paint(BOLD, &text))?;
            }
            let gap = " ".repeat(NAME_COLUMNS.saturating_sub(len).max(1));
            writeln!(f, "{gap}{line}")?;
            name = PrintedLine::default();
        }
        Ok(())
    }

    /// Writes one row that a reader should notice.
    pub(crate) fn note(self, f: &mut Formatter<'_>, name: &str, text: &str) -> fmt::Result {
        self.row(f, name, self.paint(NOTE, text))
    }

    /// Writes `text` without a name before it; the lines after the first are indented by `indent`.
    pub(crate) fn hanging(
        self,
        f: &mut Formatter<'_>,
        text: PrintedLine,
        indent: usize,
    ) -> fmt::Result {
        let mut lines = text.wrapped(self.width, indent).into_iter();
        lines.try_for_each(|line| writeln!(f, "{line}"))
    }

    /// Writes one row for each reason, with its first examples after it.
    pub(crate) fn reasons(
        self,
        f: &mut Formatter<'_>,
        verb: &str,
        reasons: &Reasons,
    ) -> fmt::Result {
        for (name, reason) in &reasons.0 {
            let count = grouped(reason.count);
            self.note(f, "", &format!("{count} {verb}: {name}"))?;
            for example in &reason.examples {
                let found = if example.found.is_empty() {
                    String::new()
                } else {
                    format!(": {}", example.found)
                };
                // Never wrapped: a name from outside could make the next line look like one of ours.
                let text = format!("{}{found}", example.place);
                self.row(f, "", PrintedLine::from("  ").and(PrintedLine::whole(text)))?;
            }
        }
        Ok(())
    }
}

/// A line, or a part of one, that does nothing to a terminal except for the color that
/// [`Page::paint`] gave it.
///
/// All text becomes printable here, including its line feeds. Nothing from outside reaches a reader in
/// any other way.
#[derive(Clone, Debug, Default)]
pub(crate) struct PrintedLine(Vec<StyledText>);

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct StyledText {
    text: String,
    style: Style,
    /// Whether it stays on one line although it has blanks.
    is_whole: bool,
}

/// Characters of a line; no honest one has as many.
const LINE_MAX: usize = 4_096;

impl From<&str> for PrintedLine {
    fn from(text: &str) -> Self {
        Self(vec![StyledText {
            text: cut(&printable(text), LINE_MAX).into_owned(),
            style: Style::new(),
            is_whole: false,
        }])
    }
}

impl From<&String> for PrintedLine {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for PrintedLine {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl PrintedLine {
    /// Text that is never wrapped: a command, a name, a path.
    pub(crate) fn whole(text: impl AsRef<str>) -> Self {
        let mut line = Self::from(text.as_ref());
        line.0.iter_mut().for_each(|part| part.is_whole = true);
        line
    }

    /// Joins these, with `between` in between.
    pub(crate) fn joined(lines: impl IntoIterator<Item = Self>, between: &str) -> Self {
        let mut all = Self::default();
        for (index, line) in lines.into_iter().enumerate() {
            if index > 0 {
                all = all.and(between);
            }
            all = all.and(line);
        }
        all
    }

    /// Appends `after`.
    pub(crate) fn and(mut self, after: impl Into<Self>) -> Self {
        self.0.extend(after.into().0);
        self
    }

    /// Columns that it takes.
    fn columns(&self) -> usize {
        let parts = self.0.iter();
        parts.map(|part| part.text.chars().count()).sum()
    }

    /// Blanks at its beginning.
    fn indent(&self) -> usize {
        let chars = self.0.iter().flat_map(|part| part.text.chars());
        chars.take_while(|c| *c == ' ').count()
    }

    /// Divides it into lines of at most `width` columns, except for longer words. Blanks are kept
    /// inside a line, and lines after the first have `indent` of them.
    fn wrapped(&self, width: usize, indent: usize) -> Vec<Self> {
        let mut lines = vec![Self::default()];
        let (mut used, mut gap) = (0, 0);
        let mut has_word = false;
        for word in self.words() {
            let WordAfterBlanks { blanks, word } = word;
            gap += blanks;
            let len = word.columns();
            if len == 0 {
                continue;
            }
            if has_word && used + gap + len > width {
                lines.push(Self::default());
                (used, gap) = (0, indent);
            }
            if let Some(line) = lines.last_mut() {
                line.push_word(gap, word);
            }
            used += gap + len;
            (gap, has_word) = (0, true);
        }
        lines
    }

    /// Its words, each with the blanks before it.
    fn words(&self) -> Vec<WordAfterBlanks> {
        let mut words = vec![WordAfterBlanks::default()];
        for part in &self.0 {
            let pieces = part.text.split(if part.is_whole { '\n' } else { ' ' });
            for (index, piece) in pieces.enumerate() {
                if index > 0 {
                    words.push(WordAfterBlanks {
                        blanks: 1,
                        word: Self::default(),
                    });
                }
                if let (false, Some(last)) = (piece.is_empty(), words.last_mut()) {
                    last.word.0.push(StyledText {
                        text: piece.to_owned(),
                        ..part.clone()
                    });
                }
            }
        }
        words
    }

    /// Appends a word after `blanks` blanks, which have its style if the text before has it too.
    fn push_word(&mut self, blanks: usize, word: Self) {
        let mut gap = " ".repeat(blanks);
        for part in word.0 {
            match self.0.last_mut() {
                Some(last) if last.style == part.style => {
                    last.text += &gap;
                    last.text += &part.text;
                }
                _ => {
                    if !gap.is_empty() {
                        self.0.extend(Self::from(&*gap).0);
                    }
                    self.0.push(part);
                }
            }
            gap.clear();
        }
    }
}

/// A word of a line.
#[derive(Default)]
struct WordAfterBlanks {
    blanks: usize,
    word: PrintedLine,
}

impl Display for PrintedLine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for StyledText { text, style, .. } in &self.0 {
            write!(f, "{style}{text}{style:#}")?;
        }
        Ok(())
    }
}

/// Characters of a name in a list or a table. The longest honest ones are resources of Azure.
const NAME_MAX: usize = 200;

/// A name as lists and tables show it.
pub(crate) fn name(text: &str) -> String {
    cut(&printable(text), NAME_MAX).into_owned()
}

/// Formats `found` for standard output: as JSON, or as the page that `text` makes.
///
/// # Errors
/// Fails if `found` does not serialize as an object.
pub(crate) fn json_or_page<'f, T: Serialize, D: Display>(
    found: &'f T,
    is_json: bool,
    page: Page,
    text: impl FnOnce(&'f T, Page) -> D,
) -> anyhow::Result<String> {
    if is_json {
        return json(found);
    }
    Ok(text(found, page).to_string())
}

/// The version of our JSON documents. It grows when a key is renamed, removed or changes its meaning;
/// a new key alone does not change it.
const JSON_SCHEMA: u32 = 1;

/// A JSON document with its version as the first key.
#[derive(Serialize)]
struct Versioned<'f, T> {
    schema: u32,
    #[serde(flatten)]
    found: &'f T,
}

/// Formats `found`, a struct, as one of our JSON documents: the `schema` version comes first.
///
/// # Errors
/// Fails if `found` does not serialize as an object.
pub(crate) fn json(found: &impl Serialize) -> anyhow::Result<String> {
    foreign_json(&Versioned {
        schema: JSON_SCHEMA,
        found,
    })
}

/// Formats `document` as JSON whose keys somebody else defines, such as a CloudFormation template.
///
/// # Errors
/// Fails if a map in `document` has keys that are not strings.
pub(crate) fn foreign_json(document: &impl Serialize) -> anyhow::Result<String> {
    Ok(escaped(serde_json::to_string_pretty(document)?) + "\n")
}

/// Formats a count and its noun: `1 file`, `3 files`.
pub(crate) fn count(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// Formats a sum of 128 bits, with separators.
pub(crate) fn wide(n: u128) -> String {
    grouped(n).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(page: Page, name: &str, text: PrintedLine) -> String {
        fmt::from_fn(|f| page.row(f, name, text.clone())).to_string()
    }

    #[test]
    fn rows_are_one_line_each_and_only_paint_colors_them() {
        let page = Page {
            color: true,
            width: 80,
        };
        assert_eq!(
            rows(page, "a\n", page.paint(NOTE, "b\x1b[2J\nc")),
            "\x1b[1ma\\n\x1b[0m          \x1b[33mb\\u{1b}[2J\\nc\x1b[0m\n"
        );
    }

    #[test]
    fn rows_wrap_between_words_and_keep_their_style() {
        let page = Page {
            color: true,
            width: 25,
        };
        let text = page.paint(NOTE, "one two three").and(" four");
        assert_eq!(
            rows(page, "name", text),
            "\x1b[1mname\x1b[0m         \x1b[33mone two\x1b[0m\n             \
             \x1b[33mthree\x1b[0m four\n"
        );
    }

    #[test]
    fn blanks_inside_a_line_are_kept_and_its_indent_is_repeated() {
        let page = Page {
            color: false,
            width: 25,
        };
        let text = PrintedLine::from("  a   b").and(" c d e f");
        assert_eq!(
            rows(page, "", text),
            format!("{0}  a   b c d\n{0}  e f\n", " ".repeat(13))
        );
    }

    #[test]
    fn text_that_is_whole_and_words_of_any_length_are_not_broken() {
        let page = Page {
            color: false,
            width: 25,
        };
        let text = PrintedLine::from("run ").and(PrintedLine::whole("a b c d e f g h"));
        let text = rows(page, "", text.and(", too"));
        assert_eq!(text.lines().nth(1), Some("             a b c d e f g h,"));
        let long = rows(page, "", "e".repeat(70_000).into());
        assert_eq!(long.trim().chars().count(), LINE_MAX);
    }
}
