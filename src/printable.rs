//! Text from outside, on its way to whoever reads it.
//!
//! Names in records, names of files and what was typed are data. A terminal obeys some of their
//! characters, and a reader cannot see others: an escape sequence rewrites the screen, a line feed
//! starts a line that this program never wrote, U+202E turns text around. So everything from
//! outside goes through this module before a person, a shell or a spreadsheet gets it.
//!
//! - [`printable`] is for a line that a person reads, [`printable_lines`] for text with lines of
//!   our own, [`shown`] for paths, [`label`] for a name that has to stay unique.
//! - [`json::escaped`] is for JSON, [`shell::word`] for a command, [`cell::inert`] for a spreadsheet.
//!
//! What is escaped looks like `\u{1b}`; `\n`, `\r` and `\t` keep their short forms. A backslash
//! stays as it is: then escaping what is escaped changes nothing, so that every stage of the
//! output may do it, and a path of Windows stays readable. The price is that `\u{1b}` may also have
//! been typed that way. Where that matters there is [`label`], and JSON has every text exactly.
//!
//! This module knows nothing of flow logs, and does not decide what is worth a reader's time.

pub mod cell;
pub mod json;
pub mod number;
pub mod shell;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Display, Formatter, Write as _};

/// Whether a reader sees this character, and a terminal only draws it.
///
/// False for controls (C0, DEL, C1), for what changes the direction of text or has no width of
/// its own, for separators of lines, for white space other than the blank, and for what Unicode has
/// not assigned. The standard library's `Debug` draws the same line (Unicode's categories C and Z),
/// but for the characters that are letters, marks or symbols by category and drawn as nothing.
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
            // Of a text, `Debug` escapes a combining mark only at the front. A decomposed "ü" in a
            // file name is no deceit.
            let mut text = [b'a'; 5];
            let len = c.encode_utf8(&mut text[1..]).len();
            let text = std::str::from_utf8(&text[..=len]).unwrap_or_default();
            text.escape_debug().count() == 2
        }
    }
}

/// `text` as a part of one line: whatever is not printable is escaped, line feeds too.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped_unless(text, is_printable)
}

/// `text` with the same, but for its line feeds, which have to be our own.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped_unless(text, |c| c == '\n' || is_printable(c))
}

fn escaped_unless(text: &str, may: impl Fn(char) -> bool) -> Cow<'_, str> {
    // Nearly all text is.
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) || text.chars().all(&may) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if may(c) {
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

/// A name that has to stay unique: itself if all of it is printable, else in quotes, with its
/// backslashes and quotes escaped too.
///
/// Two names never share a label, unless a printable one has a quote and a backslash at its front.
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

/// The front of `text`, at most so many characters, with `…` at its end where there was more.
///
/// Nothing from outside may set a width: the standard library panics beyond 65,535.
pub fn cut(text: &str, chars_max: usize) -> Cow<'_, str> {
    // No character has less than one byte.
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

/// A path or another text of the system's, as a part of one line.
///
/// What is not UTF-8 looks like `\xff`, so that two names do not become one.
pub fn shown(text: &(impl AsRef<OsStr> + ?Sized)) -> Shown<'_> {
    Shown(text.as_ref())
}

/// See [`shown`].
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(&'a OsStr);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&exact(self.0)))
    }
}

/// A path or another text of the system's as it is, for JSON. What is not UTF-8 looks like `\xff`.
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

    /// One of each kind of character that must not get through.
    const DECEITFUL: &str = "\0\u{7}\u{8}\t\n\r\u{1b}\u{7f}\u{85}\u{9b}\u{a0}\u{ad}\u{34f}\u{61c}\
        \u{115f}\u{1160}\u{17b4}\u{180b}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2028}\
        \u{2029}\u{202a}\u{202e}\u{2060}\u{2064}\u{2066}\u{2069}\u{206f}\u{2800}\u{3000}\u{3164}\
        \u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{fffb}\u{1d173}\u{e0001}\u{e0020}\u{e007f}\u{e0100}\u{f0000}";

    #[test]
    fn nothing_that_deceives_is_printable() {
        for c in DECEITFUL.chars() {
            assert!(!is_printable(c), "{}", c.escape_unicode());
        }
    }

    #[test]
    fn letters_of_all_people_are_printable() {
        // Decomposed "ü", Devanagari and Thai with vowel signs, and the replacement character.
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
    fn escapes_say_which_character_it_was() {
        assert_eq!(printable("a\x1b[31m\n\u{202e}"), "a\\u{1b}[31m\\n\\u{202e}");
        assert_eq!(printable_lines("a\x1b\nb\r"), "a\\u{1b}\nb\\r");
    }

    #[test]
    fn long_names_are_cut_by_character() {
        assert_eq!(cut("eni-0a1b", 8), "eni-0a1b");
        assert_eq!(cut("eni-0a1bc", 8), "eni-0a1…");
        assert_eq!(cut("ééééé", 5), "ééééé");
        assert_eq!(cut("éééééé", 5), "éééé…");
        assert_eq!(cut("", 5), "");
    }

    #[test]
    fn names_that_differ_have_labels_that_differ() {
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
    fn names_that_are_not_utf8_stay_apart() {
        use std::os::unix::ffi::OsStrExt as _;

        let [a, b] = [&b"a\xff\x1b"[..], b"a\xfe\x1b"].map(|name| shown(OsStr::from_bytes(name)));
        assert_eq!(a.to_string(), "a\\xff\\u{1b}");
        assert_eq!(b.to_string(), "a\\xfe\\u{1b}");
    }

    proptest! {
        #[test]
        fn what_is_printable_is_printed_as_it_is(text in any::<String>()) {
            let once = printable(&text);
            prop_assert!(once.chars().all(is_printable));
            prop_assert_eq!(printable(&once), &*once);
            prop_assert!(label(&text).chars().all(is_printable));
            prop_assert!(cut(&text, 7).chars().count() <= 7);
        }
    }
}
