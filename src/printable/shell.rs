//! Quotes a value as one word of a command that a reader may paste into a shell.

use std::borrow::Cow;
use std::ffi::OsStr;

use super::is_printable;

/// The longest word that is printed. No AWS name is this long, and nobody checks a longer word
/// before pasting it.
const LEN_MAX: usize = 512;

/// Returns `text` as one word, quoted where a POSIX shell needs it (Shell Command Language, 2.2.2);
/// `None` if it cannot be printed on one line, or is too long for anyone to read.
///
/// A leading dash is kept, because only the code that prints the command knows its meaning there.
/// Write `--name=VALUE` ([`option`]), or `./` before a path ([`path`]).
pub fn word(text: &str) -> Option<Cow<'_, str>> {
    if text.len() > LEN_MAX || !text.chars().all(is_printable) {
        return None;
    }
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_-+./:,@%".contains(&b);
    // Without `=`, because zsh looks up `=name` as a command.
    if !text.is_empty() && text.bytes().all(is_plain) {
        return Some(Cow::Borrowed(text));
    }
    Some(Cow::Owned(quoted(text)))
}

/// Returns `text` in single quotes, within which a shell interprets nothing: for text of this
/// program, and for text that was validated.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Returns the option `name` with a value: `--eni eni-0a1b`, or `--eni=-x` if the value looks like
/// an option itself.
pub fn option(name: &str, value: &str) -> Option<String> {
    let between = if value.starts_with('-') { '=' } else { ' ' };
    Some(format!("{name}{between}{}", word(value)?))
}

/// Returns a path as an argument that no command reads as an option; `None` if it is not UTF-8,
/// too.
pub fn path(path: &(impl AsRef<OsStr> + ?Sized)) -> Option<String> {
    let text = path.as_ref().to_str()?;
    let front = if text.starts_with('-') { "./" } else { "" };
    Some(format!("{front}{}", word(text)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_are_unchanged() {
        for text in ["eni-0a1b", "10.0.0.0/8", "a_b+c", "s3://logs/a.log"] {
            assert_eq!(word(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn shell_metacharacters_are_quoted() {
        assert_eq!(word("a b").as_deref(), Some("'a b'"));
        assert_eq!(word("$(x)`y`").as_deref(), Some("'$(x)`y`'"));
        assert_eq!(
            word("'; reboot; '").as_deref(),
            Some(r"''\''; reboot; '\'''")
        );
        assert_eq!(word("~root").as_deref(), Some("'~root'"));
        assert_eq!(word("=ls").as_deref(), Some("'=ls'"));
        assert_eq!(word("").as_deref(), Some("''"));
    }

    #[test]
    fn quoted_text_cannot_end_its_quotes() {
        assert_eq!(quoted("$(x) `y` \"z\""), "'$(x) `y` \"z\"'");
        assert_eq!(quoted("eni-1"), "'eni-1'");
    }

    #[test]
    fn unprintable_values_are_omitted() {
        for text in ["a\nb", "a\x1b[31m", "\u{202e}", "a\0"] {
            assert_eq!(word(text), None);
        }
        assert_eq!(word(&"e".repeat(70_000)), None);
    }

    #[test]
    fn values_are_not_read_as_options() {
        assert_eq!(option("--eni", "-x").as_deref(), Some("--eni=-x"));
        assert_eq!(option("--eni", "eni-1").as_deref(), Some("--eni eni-1"));
        assert_eq!(path("-rf x").as_deref(), Some("./'-rf x'"));
    }
}
