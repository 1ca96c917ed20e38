//! Makes every character of a JSON document visible.

use std::fmt::Write as _;

use super::is_printable;

/// Returns `json` with all characters that are not printable as `\uXXXX`; parsers read the same
/// document.
///
/// `serde_json` escapes only the characters that the format requires (RFC 8259, section 7), which
/// leaves DEL, C1 and characters that change the direction of text as they are. Outside strings
/// JSON has only printable ASCII and white space, so the characters found here are in a string,
/// where the escape means the character.
pub fn escaped(json: String) -> String {
    let may = |c: char| c == '\n' || is_printable(c);
    if json.chars().all(may) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 64);
    let mut units = [0; 2];
    for c in json.chars() {
        if may(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut units) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn invisible_characters_are_escaped() {
        let json = serde_json::to_string("a\x1b\u{7f}\u{85}\u{202e}\u{e0041}ü").unwrap();
        assert_eq!(escaped(json), r#""a\u001b\u007f\u0085\u202e\udb40\udc41ü""#);
    }

    proptest! {
        #[test]
        fn parsed_document_is_unchanged(text in any::<String>()) {
            let json = escaped(serde_json::to_string_pretty(&[&text]).unwrap());
            prop_assert!(json.chars().all(|c| c == '\n' || is_printable(c)));
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [text]);
        }
    }
}
