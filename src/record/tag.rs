//! The columns with values of EC2 tags, and how such a value is written.
//!
//! A flow log names the keys of the tags when it is created, not in its records: a column has the
//! value of a key that the log does not contain. AWS writes a value percent-encoded. Other tools
//! decode it, so that it contains blanks, in double quotes or not.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::Field;

/// The columns that hold the value of a tag, those that say most about an ENI first.
pub const TAGS: [Field; 6] = [
    Field::InstanceTag,
    Field::InterfaceTag,
    Field::AsgTag,
    Field::InstanceTag2,
    Field::InterfaceTag2,
    Field::AsgTag2,
];

impl Field {
    /// Whether its values are values of tags.
    pub fn is_tag(self) -> bool {
        TAGS.contains(&self)
    }
}

/// Returns the value of a tag from the text of its cell, without percent-encoding (RFC 3986,
/// section 2.1). A percent sign without two hexadecimal digits after it is kept.
///
/// # Examples
/// ```
/// use flow2pcap::record::tag_value;
///
/// assert_eq!(tag_value(b"web%20server%201"), "web server 1");
/// assert_eq!(tag_value(b"100%"), "100%");
/// ```
pub fn tag_value(cell: &[u8]) -> Cow<'_, str> {
    if !cell.contains(&b'%') {
        return String::from_utf8_lossy(cell);
    }
    let mut value = Vec::with_capacity(cell.len());
    let mut rest = cell;
    loop {
        rest = match rest {
            [] => break,
            [b'%', high, low, after @ ..] if let Some(byte) = byte(*high, *low) => {
                value.push(byte);
                after
            }
            [byte, after @ ..] => {
                value.push(*byte);
                after
            }
        };
    }
    Cow::Owned(String::from_utf8_lossy(&value).into_owned())
}

fn byte(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Returns the value of a tag as one cell of a line. What would end the cell is percent-encoded, as
/// AWS encodes it.
pub(crate) fn tag_cell(value: &str) -> Cow<'_, str> {
    let value = value.trim();
    let ends_cell = |c: char| c.is_whitespace() || c.is_control();
    // A quote at the front would begin a quoted value.
    if !value.contains(ends_cell) && !value.starts_with('"') {
        return Cow::Borrowed(value);
    }
    let mut cell = String::with_capacity(value.len() + 8);
    for (at, character) in value.char_indices() {
        if ends_cell(character) || (at, character) == (0, '"') {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(cell, "%{byte:02X}"); // a String takes anything
            }
        } else {
            cell.push(character);
        }
    }
    Cow::Owned(cell)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percent_encoding_is_removed_and_other_percent_signs_stay() {
        for (cell, value) in [
            ("web-1", "web-1"),
            ("web%20server%201", "web server 1"),
            ("Stra%C3%9Fe", "Straße"),
            ("%2D", "-"),
            ("100%", "100%"),
            ("5%zz%2", "5%zz%2"),
            ("a%25b", "a%b"),
        ] {
            assert_eq!(tag_value(cell.as_bytes()), value, "{cell}");
        }
    }

    proptest! {
        #[test]
        fn value_is_one_cell_and_is_read_back(value in "[^%]{0,30}") {
            let cell = tag_cell(&value);
            prop_assert!(!cell.chars().any(|c| c.is_whitespace() || c.is_control()), "{cell:?}");
            prop_assert_eq!(tag_value(cell.as_bytes()), value.trim());
        }
    }
}
