//! Errors in a filter: the position, and what was expected there.

use std::fmt;

use crate::printable::is_printable;

/// An error in the text of a filter.
///
/// Displays as three lines: the error, the filter, and a marker below the position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FilterError {
    /// The whole filter.
    text: String,
    /// Bytes before the position.
    offset: usize,
    /// A description of what was expected there.
    expected: String,
}

/// Characters shown on each side of the position; filters written by scripts can be long.
const SHOWN: usize = 60;

impl FilterError {
    pub(super) fn new(text: &str, rest: &str, expected: impl Into<String>) -> Self {
        let before = text.len() - rest.len();
        let blank_len = rest.len() - rest.trim_start().len();
        let offset = if rest.trim_start().is_empty() {
            text.trim_end().len()
        } else {
            before + blank_len
        };
        Self {
            text: text.to_owned(),
            offset,
            expected: expected.into(),
        }
    }

    /// Returns the number of bytes before the error.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Returns the word at the position; empty at the end.
    fn found(&self) -> &str {
        let rest = self.text.get(self.offset..).unwrap_or_default().trim_end();
        let mut ends = rest.char_indices().skip(1);
        let end = ends.find(|(_, c)| c.is_whitespace() || "()".contains(*c));
        &rest[..end.map_or(rest.len(), |(at, _)| at)]
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.found();
        let (before, after) = self.text.split_at_checked(self.offset).unwrap_or_default();
        if found.is_empty() {
            writeln!(f, "found the end, expected {}", self.expected)?;
        } else {
            let shown: String = found.chars().take(SHOWN).map(drawn).collect();
            writeln!(f, "found {shown}, expected {}", self.expected)?;
        }
        let before_len = before.chars().count();
        let hidden = before_len.saturating_sub(SHOWN);
        let dots = if hidden > 0 { "…" } else { "" };
        let shown = before.chars().skip(hidden);
        let shown: String = shown.chain(after.chars().take(SHOWN)).map(drawn).collect();
        writeln!(f, "  {dots}{shown}")?;
        let indent = before_len - hidden + dots.chars().count();
        let marks = found.chars().count().clamp(1, SHOWN);
        write!(f, "  {:indent$}{}", "", "^".repeat(marks))
    }
}

/// Draws a character in exactly one column, so that the marker is below the right position.
fn drawn(c: char) -> char {
    match c {
        c if is_printable(c) => c,
        c if c.is_whitespace() => ' ',
        _ => char::REPLACEMENT_CHARACTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, rest: &str, expected: &str) {
        assert_eq!(FilterError::new(text, rest, "a port").to_string(), expected);
    }

    #[test]
    fn marker_is_below_the_word() {
        check(
            "tcp and port 70000)",
            " 70000)",
            "found 70000, expected a port\n  tcp and port 70000)\n               ^^^^^",
        );
    }

    #[test]
    fn marker_follows_a_filter_that_ends_too_early() {
        check(
            "port ",
            " ",
            "found the end, expected a port\n  port \n      ^",
        );
        check("", "", "found the end, expected a port\n  \n  ^");
    }

    #[test]
    fn long_filter_is_shown_around_the_error() {
        let text = format!("{} é x", "a ".repeat(500));
        let error = FilterError::new(&text, "x", "a port").to_string();
        let lines: Vec<&str> = error.lines().collect();
        assert!(
            lines[1].starts_with("  …") && lines[1].ends_with("é x"),
            "{error}"
        );
        let column = |line: &str, c| line.chars().position(|other| other == c);
        assert_eq!(column(lines[1], 'x'), column(lines[2], '^'));
    }
}
