//! Makes text from outside safe to print.
//!
//! Names in records, file names and user input are data. A terminal interprets some of their
//! characters, and a reader cannot see others: an escape sequence rewrites the screen, a line feed
//! starts a line that this program never wrote, U+202E reverses text. So all text from outside goes
//! through this module before it reaches a person, a shell or a spreadsheet.
//!
//! - [`printable`] is for a line that a person reads, [`printable_lines`] for text with line feeds
//!   from this program, [`shown`] for paths, [`label`] for a name that must stay unique.
//! - [`json::escaped`] is for JSON, [`shell::word`] for a command, [`cell::inert`] for a
//!   spreadsheet.
//!
//! Escaped characters look like `\u{1b}`; `
//! `, `\r` and `\t` keep their short forms. Backslashes are not escaped. Escaping twice therefore
//! changes nothing, so every stage of the output may escape, and Windows paths stay readable. The
//! drawback is that a literal `\u{1b}` in the input looks the same. Where that matters, use
//! [`label`]; JSON output has every text exactly.
//!
//! This module does not depend on flow logs, and does not decide which text is worth printing.

pub mod cell;
pub mod json;
pub mod shell;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Display, Formatter, Write as _};

/// Whether a character is visible to a reader, and a terminal only draws it.
///
/// False for control characters (C0, DEL, C1), characters that change the direction of text or have
/// no width of their own, line separators, white space other than the space character, and code
/// points that Unicode has not assigned. The standard library's `Debug` uses the same rule
/// (Unicode's categories C and Z), except for invisible characters whose category is letter, mark
/// or symbol.
pub fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\0'..='\u{9f}' => false,
        // Unicode's Default_Ignorable_Code_Point outside of category C, and the empty Braille cell.
        '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{ffa0}'
        | '\u{e0100}'..='\u{e01ef}' => false,
        c => {
            // `Debug` escapes a combining mark only at the start of a text. A decomposed "ü" in a
            // file name is harmless.
            let mut text = [b'a'; 5];
            let len = c.encode_utf8(&mut text[1..]).len();
            let text = std::str::from_utf8(&text[..=len]).unwrap_or_default();
            text.escape_debug().count() == 2
        }
    }
}

/// Returns `text` for use within one line: everything that is not printable is escaped, including
/// line feeds.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped_unless(text, is_printable)
}

/// Returns `text` escaped in the same way except for its line feeds, which must come from this
/// program.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped_unless(text, |c| c == '\n' || is_printable(c))
}

fn escaped_unless(text: &str, is_allowed: impl Fn(char) -> bool) -> Cow<'_, str> {
    // Nearly all text is printable.
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) || text.chars().all(&is_allowed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_allowed(c) {
            out.push(c);
        } else {
            push_escaped(c, &mut out);
        }
    }
    Cow::Owned(out)
}

fn push_escaped(c: char, out: &mut String) {
    match c {
        '\n' | '\r' | '\t' => out.extend(c.escape_default()),
        c => out.extend(c.escape_unicode()),
    }
}

/// Returns a name that stays unique: the name itself if all of it is printable, otherwise in
/// quotes, with its backslashes and quotes also escaped.
///
/// Two names never share a label, unless a printable one begins with a quote and a backslash.
pub fn label(name: &str) -> Cow<'_, str> {
    if matches!(printable(name), Cow::Borrowed(_)) {
        return Cow::Borrowed(name);
    }
    let mut out = String::from("\"");
    for c in name.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c => push_escaped(c, &mut out),
        }
    }
    out.push('"');
    Cow::Owned(out)
}

/// Returns the beginning of `text`, at most `chars_max` characters, with `…` at the end if it was
/// cut.
///
/// Widths must never come from outside: the standard library panics above 65,535.
pub fn cut(text: &str, chars_max: usize) -> Cow<'_, str> {
    // Every character has at least one byte.
    if text.len() <= chars_max {
        return Cow::Borrowed(text);
    }
    let mut ends = text.char_indices().map(|(at, _)| at);
    let end = ends.clone().nth(chars_max.saturating_sub(1));
    match (end, ends.nth(chars_max)) {
        (Some(end), Some(_)) => Cow::Owned(format!("{}…", &text[..end])),
        _ => Cow::Borrowed(text),
    }
}

/// Returns a path or another operating system string for use within one line.
///
/// Bytes that are not UTF-8 look like `\xff`, so that different names stay different.
pub fn shown(text: &(impl AsRef<OsStr> + ?Sized)) -> Shown<'_> {
    Shown(text.as_ref())
}

/// The displayable form of a path; see [`shown`].
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(&'a OsStr);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&exact(self.0)))
    }
}

/// Returns a path or another operating system string exactly, for JSON. Bytes that are not UTF-8
/// look like `\xff`.
pub fn exact(text: &(impl AsRef<OsStr> + ?Sized)) -> String {
    let mut out = String::new();
    for chunk in text.as_ref().as_encoded_bytes().utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One of each kind of character that must be escaped.
    const DECEITFUL: &str = "\0\u{7}\u{8}\t\n\r\u{1b}\u{7f}\u{85}\u{9b}\u{a0}\u{ad}\u{34f}\u{61c}\
        \u{115f}\u{1160}\u{17b4}\u{180b}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2028}\
        \u{2029}\u{202a}\u{202e}\u{2060}\u{2064}\u{2066}\u{2069}\u{206f}\u{2800}\u{3000}\u{3164}\
        \u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{fffb}\u{1d173}\u{e0001}\u{e0020}\u{e007f}\u{e0100}\u{f0000}";

    #[test]
    fn deceptive_characters_are_not_printable() {
        for c in DECEITFUL.chars() {
            assert!(!is_printable(c), "{}", c.escape_unicode());
        }
    }

    #[test]
    fn letters_of_all_scripts_are_printable() {
        // A decomposed "ü", Devanagari and Thai with vowel signs, and the replacement character.
        for text in [
            "eni-0a1b",
            "a\"b'c\\",
            "Zürich",
            "u\u{308}",
            "नमस्ते",
            "ที่",
            "東京",
            "\u{fffd}",
            "😀",
        ] {
            assert_eq!(printable(text), text);
        }
    }

    #[test]
    fn escapes_identify_the_character() {
        assert_eq!(printable("a\x1b[31m\n\u{202e}"), "a\\u{1b}[31m\\n\\u{202e}");
        assert_eq!(printable_lines("a\x1b\nb\r"), "a\\u{1b}\nb\\r");
    }

    #[test]
    fn long_names_are_cut_at_a_character() {
        assert_eq!(cut("eni-0a1b", 8), "eni-0a1b");
        assert_eq!(cut("eni-0a1bc", 8), "eni-0a1…");
        assert_eq!(cut("ééééé", 5), "ééééé");
        assert_eq!(cut("éééééé", 5), "éééé…");
        assert_eq!(cut("", 5), "");
    }

    #[test]
    fn different_names_have_different_labels() {
        let names = [
            "\x1b",
            "\\u{1b}",
            "\\x1b",
            "\"\x1b",
            "\\\x1b",
            "a",
            "\"\\u{1b}",
        ];
        let labels: std::collections::BTreeSet<_> = names.map(label).into_iter().collect();
        assert_eq!(labels.len(), names.len(), "{labels:?}");
        assert_eq!(label("eni-\\n"), "eni-\\n");
        assert_eq!(label("eni\n"), "\"eni\\n\"");
    }

    #[cfg(unix)]
    #[test]
    fn different_names_that_are_not_utf8_stay_different() {
        use std::os::unix::ffi::OsStrExt as _;

        let [a, b] = [&b"a\xff\x1b"[..], b"a\xfe\x1b"].map(|name| shown(OsStr::from_bytes(name)));
        assert_eq!(a.to_string(), "a\\xff\\u{1b}");
        assert_eq!(b.to_string(), "a\\xfe\\u{1b}");
    }

    proptest! {
        #[test]
        fn printable_text_is_printed_unchanged(text in any::<String>()) {
            let once = printable(&text);
            prop_assert!(once.chars().all(is_printable));
            prop_assert_eq!(printable(&once), &*once);
            prop_assert!(label(&text).chars().all(is_printable));
            prop_assert!(cut(&text, 7).chars().count() <= 7);
        }
    }
}
