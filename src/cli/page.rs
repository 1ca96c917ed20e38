//! A page of aligned rows: a name, and what there is to say of it.
//!
//! How numbers and instants are written is decided here, for all that a person reads.

use std::fmt::{self, Display, Formatter};

use flow2pcap::printable::json::escaped;
use flow2pcap::printable::{cut, printable};
use flow2pcap::summary::Reasons;
use indicatif::HumanCount;
use jiff::Timestamp;
use serde::Serialize;

/// What a reader should look at.
pub(crate) const NOTE: &str = "33";
/// What a reader came to find.
pub(crate) const TROUBLE: &str = "31";

/// What heads others.
pub(crate) const BOLD: &str = "1";

/// Writes rows, in color on a terminal.
#[derive(Clone, Copy)]
pub(crate) struct Page {
    pub(crate) color: bool,
}

impl Page {
    /// `text` in the color of this code.
    pub(crate) fn paint(self, code: &str, text: &str) -> PrintedLine {
        let PrintedLine(text) = text.into();
        PrintedLine(if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text
        })
    }

    /// One row; those that go on have no name.
    pub(crate) fn row(
        self,
        f: &mut Formatter<'_>,
        name: &str,
        text: impl Into<PrintedLine>,
    ) -> fmt::Result {
        let (name, text) = (self.paint(BOLD, &format!("{name:12}")), text.into());
        writeln!(f, "{name} {text}")
    }

    /// One row of what a reader should look at.
    pub(crate) fn note(self, f: &mut Formatter<'_>, name: &str, text: &str) -> fmt::Result {
        self.row(f, name, self.paint(NOTE, text))
    }

    /// One row a reason, with its first examples below.
    pub(crate) fn reasons(
        self,
        f: &mut Formatter<'_>,
        verb: &str,
        reasons: &Reasons,
    ) -> fmt::Result {
        for (name, reason) in &reasons.0 {
            let count = HumanCount(reason.count).to_string();
            self.note(f, "", &format!("{count} {verb}: {name}"))?;
            for example in &reason.examples {
                let found = if example.found.is_empty() {
                    String::new()
                } else {
                    format!(": {}", example.found)
                };
                self.row(f, "", format!("  {}{found}", example.place))?;
            }
        }
        Ok(())
    }
}

/// A line, or a part of one, that does nothing to a terminal but to color what [`Page::paint`]
/// colored.
///
/// Whatever it is made from becomes printable here, line feeds too: nothing from outside reaches a
/// reader in any other way, and a row is always one line.
#[derive(Clone, Debug)]
pub(crate) struct PrintedLine(String);

/// Characters of a line; no honest one has as many.
const LINE_MAX: usize = 4_096;

impl From<&str> for PrintedLine {
    fn from(text: &str) -> Self {
        Self(cut(&printable(text), LINE_MAX).into_owned())
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
    /// These in one, with `between` in between.
    pub(crate) fn joined(lines: &[Self], between: &str) -> Self {
        let texts: Vec<&str> = lines.iter().map(|Self(text)| text.as_str()).collect();
        Self(texts.join(&Self::from(between).0))
    }

    /// This one, and that after it.
    pub(crate) fn and(mut self, behind: impl Into<Self>) -> Self {
        self.0.push_str(&behind.into().0);
        self
    }
}

impl Display for PrintedLine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Characters of a name in a list or a table. The longest honest ones are resources of Azure.
const NAME_MAX: usize = 200;

/// A name as lists and tables show it.
pub(crate) fn name(text: &str) -> String {
    cut(&printable(text), NAME_MAX).into_owned()
}

/// `found` as it goes to standard output: as JSON, or in the words that `text` has for a page.
///
/// # Errors
/// None that this has a cause for.
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

/// So many of what there can be several of.
pub(crate) fn count(n: u64, what: &str) -> String {
    format!("{} {what}{}", HumanCount(n), if n == 1 { "" } else { "s" })
}

/// A sum of 128 bits; the few beyond 64 go without separators.
pub(crate) fn wide(n: u128) -> String {
    u64::try_from(n).map_or_else(|_| n.to_string(), |n| HumanCount(n).to_string())
}

/// An instant as RFC 3339 has it, whole seconds where it has no more.
pub(crate) fn instant(ns: i64) -> String {
    Timestamp::from_nanosecond(ns.into()).map_or_else(|_| ns.to_string(), |t| t.to_string())
}

/// Characters of a line beside the names.
const WIDTH: usize = 86;

/// Words in lines of at most [`WIDTH`] characters, but for longer words, of which two lines are left.
pub(crate) fn wrapped<'w>(words: impl IntoIterator<Item = &'w str>) -> Vec<String> {
    let mut lines: Vec<(String, usize)> = Vec::new();
    for word in words {
        let word = printable(word);
        let word = cut(&word, 2 * WIDTH);
        let width = word.chars().count();
        match lines.last_mut() {
            Some((line, used)) if *used + 1 + width <= WIDTH => {
                line.push(' ');
                line.push_str(&word);
                *used += 1 + width;
            }
            _ => lines.push((word.into_owned(), width)),
        }
    }
    lines.into_iter().map(|(line, _)| line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_one_line_each_and_only_paint_colors_them() {
        let page = Page { color: true };
        let text = fmt::from_fn(|f| page.row(f, "a\n", page.paint(NOTE, "b\x1b[2J\nc")));
        assert_eq!(
            text.to_string(),
            "\x1b[1ma\\n          \x1b[0m \x1b[33mb\\u{1b}[2J\\nc\x1b[0m\n"
        );
    }

    #[test]
    fn words_of_any_length_are_wrapped() {
        let long = "e".repeat(70_000);
        let lines = wrapped(["a", &long, "b", "ü"]);
        assert_eq!((&*lines[0], &*lines[2]), ("a", "b ü"));
        assert_eq!(lines[1].chars().count(), 2 * WIDTH);
    }
}
