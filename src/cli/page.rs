//! A page of aligned rows: a name, and what there is to say of it.
//!
//! How numbers and instants are written is decided here, for all that a person reads.

use std::fmt::{self, Display, Formatter};
use std::io::IsTerminal as _;

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

/// Writes rows, in colour on a terminal.
#[derive(Clone, Copy)]
pub(crate) struct Page {
    pub(crate) colour: bool,
}

impl Page {
    /// The page on standard output.
    pub(crate) fn of_stdout() -> Self {
        Self {
            colour: std::io::stdout().is_terminal(),
        }
    }

    /// `text` in the colour of this code.
    pub(crate) fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// One row; those that go on have no name.
    pub(crate) fn row(self, f: &mut Formatter<'_>, name: &str, text: &str) -> fmt::Result {
        writeln!(f, "{} {text}", self.paint(BOLD, &format!("{name:12}")))
    }

    /// One row of what a reader should look at.
    pub(crate) fn note(self, f: &mut Formatter<'_>, name: &str, text: &str) -> fmt::Result {
        self.row(f, name, &self.paint(NOTE, text))
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
                self.row(f, "", &format!("  {}{found}", example.place))?;
            }
        }
        Ok(())
    }
}

/// `found` as it goes to standard output: as JSON, or in the words that `text` has for a page.
///
/// # Errors
/// None that this has a cause for.
pub(crate) fn json_or_page<'f, T: Serialize, D: Display>(
    found: &'f T,
    is_json: bool,
    text: impl FnOnce(&'f T, Page) -> D,
) -> anyhow::Result<String> {
    if is_json {
        return Ok(serde_json::to_string_pretty(found)? + "\n");
    }
    Ok(text(found, Page::of_stdout()).to_string())
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

/// Words in lines of at most [`WIDTH`] characters, but for longer words.
pub(crate) fn wrapped<'w>(words: impl IntoIterator<Item = &'w str>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
