//! Names files in packet comments and messages.
//!
//! Comments are lists of `key=value` separated by blanks, and they appear in Wireshark's columns,
//! so a name must be one word of printable text. It is the path that the user named, joined with
//! the path below it. The user recognizes that path and can paste it back into a shell. It does not
//! depend on the current folder or on the other inputs.
//!
//! `.` parts and doubled separators are dropped. White space, unprintable characters
//! ([`crate::printable`]), and bytes that are not UTF-8 become `\u{…}` or `\x…`, and a backslash
//! becomes two. Two paths therefore share a name only if they are the same path.

use std::{
    ffi::OsStr,
    fmt::Write,
    path::{Component, Path},
};

use crate::printable::is_printable;

/// Returns `path` as one printable word, with `/` between its parts.
pub(super) fn of(path: &Path) -> String {
    let mut name = String::with_capacity(path.as_os_str().len());
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::RootDir => name.push('/'),
            part => {
                if !name.is_empty() && !name.ends_with('/') {
                    name.push('/');
                }
                push_escaped(&mut name, part.as_os_str());
            }
        }
    }
    name
}

fn push_escaped(name: &mut String, part: &OsStr) {
    for chunk in part.as_encoded_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => name.push_str("\\\\"),
                c if c.is_ascii() && (c.is_control() || c == ' ') => {
                    push_hex(name, u32::from(c));
                }
                c if !is_printable(c) => name.extend(c.escape_unicode()),
                c => name.push(c),
            }
        }
        for &byte in chunk.invalid() {
            push_hex(name, u32::from(byte));
        }
    }
}

fn push_hex(name: &mut String, byte: u32) {
    // Writing into a String cannot fail.
    let _ = write!(name, "\\x{byte:02x}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &str) {
        assert_eq!(of(Path::new(path)), expected);
    }

    #[test]
    fn plain_path_is_unchanged() {
        check("logs/2024/05/a.log.gz", "logs/2024/05/a.log.gz");
        check("/mnt/year=2024/a.log", "/mnt/year=2024/a.log");
        check("../b.log", "../b.log");
    }

    #[test]
    fn path_with_empty_parts_is_shortened() {
        check("./logs//a.log", "logs/a.log");
        check("logs/./a.log", "logs/a.log");
    }

    #[test]
    fn blanks_control_characters_and_backslashes_are_escaped() {
        check("my logs/a\tb\n.log", "my\\x20logs/a\\x09b\\x0a.log");
        check("a\u{a0}b\u{85}", "a\\u{a0}b\\u{85}");
        check("\u{202e}gol.a\u{200b}", "\\u{202e}gol.a\\u{200b}");
        check("gr\u{fc}n.log", "gr\u{fc}n.log");
        #[cfg(unix)]
        check("a\\x20b", "a\\\\x20b");
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_not_utf8_are_escaped() {
        use std::os::unix::ffi::OsStrExt;

        let path = Path::new(OsStr::from_bytes(b"logs/\xff\xfea.log"));
        assert_eq!(of(path), "logs/\\xff\\xfea.log");
    }
}
