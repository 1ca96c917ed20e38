//! Splits a line of a load balancer log into its fields.
//!
//! Fields are separated by blanks, and any field may be quoted. AWS appends fields to its formats
//! without notice, so a line is never matched against a fixed number of them.
//!
//! A quote ends a quoted field only if a blank or the end of the line follows, since some fields
//! have quotes inside: the ALPN list of a Network Load Balancer is `"h2","http/1.1"`. A quote after
//! a backslash does not end a field either. AWS escapes quotes and backslashes as `\x22` and `\x5C`,
//! and tools that put a line through JSON write `\"`.

use memchr::{memchr, memchr2};

use super::fault::EventFault;

/// Most tokens that are kept of a line. The longest known format has 34.
pub const TOKENS_MAX: usize = 48;

/// The fields of a line, without their quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens<'a> {
    texts: [&'a str; TOKENS_MAX],
    count: usize,
    /// One bit for each token: whether there is one.
    present: u64,
    /// Whether it was in quotes.
    quoted: u64,
}

const _: () = assert!(TOKENS_MAX <= u64::BITS as usize);

impl<'a> Tokens<'a> {
    /// Splits a line. More than [`TOKENS_MAX`] fields are counted and not kept.
    ///
    /// # Errors
    /// Fails if a quote is not closed, as in a line that was cut.
    ///
    /// # Examples
    /// ```
    /// use flow2pcap::event::Tokens;
    ///
    /// let tokens = Tokens::of(r#"h2 app/a/1 "GET https://a/ HTTP/2.0" - "h2","http/1.1""#).unwrap();
    /// assert_eq!(tokens.get(2), Some("GET https://a/ HTTP/2.0"));
    /// assert_eq!(tokens.get(3), None); // not recorded
    /// assert_eq!(tokens.raw(4), r#"h2","http/1.1"#);
    /// assert_eq!(tokens.count(), 5);
    /// ```
    pub fn of(line: &'a str) -> Result<Self, EventFault> {
        let mut tokens = Self::default();
        let mut rest = line.trim_matches(is_blank);
        while !rest.is_empty() {
            let (text, after) = match rest.strip_prefix('"') {
                None => {
                    let end = memchr2(b' ', b'\t', rest.as_bytes()).unwrap_or(rest.len());
                    rest.split_at(end)
                }
                Some(quoted) => {
                    tokens.quoted |= tokens.bit(tokens.count);
                    let end = closing_quote(quoted).ok_or_else(|| {
                        EventFault::new("quote that is not closed", rest, "a closing quote")
                    })?;
                    (&quoted[..end], &quoted[end + 1..])
                }
            };
            tokens.push(text);
            rest = after.trim_start_matches(is_blank);
        }
        Ok(tokens)
    }

    /// Keeps the value of each of `names` that `value` has, in that order.
    pub(super) fn of_values(
        names: &[&str],
        mut value: impl FnMut(&str) -> Option<&'a str>,
    ) -> Self {
        let mut tokens = Self::default();
        for name in names {
            match value(name) {
                Some(text) => tokens.push(text),
                None => tokens.count += 1,
            }
        }
        tokens
    }

    fn push(&mut self, text: &'a str) {
        if let Some(slot) = self.texts.get_mut(self.count) {
            *slot = text;
            self.present |= self.bit(self.count);
        }
        self.count += 1;
    }

    fn bit(&self, index: usize) -> u64 {
        match index < TOKENS_MAX {
            true => 1 << index,
            false => 0,
        }
    }

    /// Returns the number of fields in the line.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the text of a field, empty if the line has no such field.
    pub fn raw(&self, index: usize) -> &'a str {
        self.texts.get(index).copied().unwrap_or_default()
    }

    /// Returns the text of a field as it is in the log, `-` and empty texts too; `None` if the line
    /// has no such field.
    pub fn text(&self, index: usize) -> Option<&'a str> {
        let is_present = self.present & self.bit(index) != 0;
        is_present.then(|| self.texts[index])
    }

    /// Whether a field was in quotes.
    pub fn is_quoted(&self, index: usize) -> bool {
        self.quoted & self.bit(index) != 0
    }

    /// Returns the value of a field; `None` if it is empty, `-`, or not in the line.
    pub fn get(&self, index: usize) -> Option<&'a str> {
        Some(self.raw(index)).filter(|text| !matches!(*text, "" | "-"))
    }
}

impl Default for Tokens<'_> {
    fn default() -> Self {
        Self {
            texts: [""; TOKENS_MAX],
            count: 0,
            present: 0,
            quoted: 0,
        }
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Returns the offset of the quote that ends a quoted field.
fn closing_quote(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(found) = memchr(b'"', &bytes[from..]) {
        let at = from + found;
        let is_last = matches!(bytes.get(at + 1), None | Some(b' ' | b'\t'));
        if is_last && !is_escaped(&bytes[..at]) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// Whether an odd number of backslashes is at the end of `before`.
fn is_escaped(before: &[u8]) -> bool {
    let slashes = before.iter().rev().take_while(|byte| **byte == b'\\');
    slashes.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        let tokens = Tokens::of(line).unwrap();
        let found: Vec<&str> = (0..tokens.count()).map(|index| tokens.raw(index)).collect();
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn fields_are_separated_by_blanks_and_may_be_quoted() {
        check("a b  c\td\r\n", &["a", "b", "c", "d"]);
        check(r#"a "b c" "" "-" d"#, &["a", "b c", "", "-", "d"]);
        check("", &[]);
        check("  ", &[]);
    }

    #[test]
    fn quote_inside_a_field_does_not_end_it() {
        check(r#""h2","http/1.1" x"#, &[r#"h2","http/1.1"#, "x"]);
        check(r#""a \" b" x"#, &[r#"a \" b"#, "x"]);
        check(r#""a \\" x"#, &[r"a \\", "x"]);
        check(r#"a"b c"#, &["a\"b", "c"]);
        check(r#""GET / \x22a\x22" x"#, &[r"GET / \x22a\x22", "x"]);
    }

    #[test]
    fn text_that_is_empty_differs_from_one_that_is_missing() {
        let tokens = Tokens::of(r#"a "" - "b""#).unwrap();
        let texts: Vec<_> = (0..5).map(|index| tokens.text(index)).collect();
        assert_eq!(texts, [Some("a"), Some(""), Some("-"), Some("b"), None]);
        let quoted: Vec<_> = (0..5).map(|index| tokens.is_quoted(index)).collect();
        assert_eq!(quoted, [false, true, false, true, false]);
        assert_eq!((tokens.text(TOKENS_MAX), tokens.text(1_000)), (None, None));
    }

    #[test]
    fn cut_line_is_a_fault() {
        let fault = Tokens::of(r#"http "GET /"#).unwrap_err();
        assert_eq!(fault.kind(), "quote that is not closed");
        assert!(fault.to_string().contains("GET /"), "{fault}");
    }

    #[test]
    fn million_fields_are_counted_and_not_kept() {
        let line = "a ".repeat(1_000_000);
        let tokens = Tokens::of(&line).unwrap();
        assert_eq!(tokens.count(), 1_000_000);
        assert_eq!(tokens.raw(TOKENS_MAX - 1), "a");
        assert_eq!(tokens.raw(TOKENS_MAX), "");
    }
}
