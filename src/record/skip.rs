//! The leaf that skips unneeded columns.
//!
//! Half of a line with all fields is skipped, and nearly all of it if only a few columns are needed
//! ([`Layout::reading`](super::Layout::reading)). The ends of columns are counted eight bytes at a
//! time, whatever the lengths of the columns.

use super::leaf::{HIGH_BITS, LANES, Leaf, ODD, blank, token};

/// Skips `count` columns, and the one blank between any two.
///
/// Equivalent to reading `count` tokens with blanks between them, which a test verifies.
#[inline]
pub(super) fn skip(count: u16, input: &[u8]) -> Leaf<'_, ()> {
    let mut left = u32::from(count);
    let mut len = 0;
    // As if a blank came first: a column that begins with one is empty.
    let mut carry = 0x80;
    while let Some(chunk) = input[len..].first_chunk() {
        let word = u64::from_le_bytes(*chunk);
        let mut stops = up_to_blank(word);
        if stops == 0 {
            carry = 0;
            len += 8;
            continue;
        }
        let empty = stops & (stops << 8 | carry);
        let mut wrong = empty | stops & !equal(word, b' ');
        if wrong != 0 {
            wrong &= empty | !equal(word, b'\t');
        }
        let count = marks(stops);
        if count < left {
            if wrong != 0 {
                return Err(ODD);
            }
            left -= count;
            carry = stops >> 56;
            len += 8;
            continue;
        }
        for _ in 1..left {
            stops &= stops - 1;
        }
        // The last column may end with any of these bytes, but must not be empty.
        let last = stops & stops.wrapping_neg();
        if wrong & (last - 1) | empty & last != 0 {
            return Err(ODD);
        }
        return Ok((&input[len + last.trailing_zeros() as usize / 8..], ()));
    }
    one_by_one(count, input)
}

/// Returns the text after `count` columns and the one blank after each; `None` if they are not separated by
/// single blanks.
pub(super) fn after(count: usize, line: &[u8]) -> Option<&[u8]> {
    if count == 0 {
        return Some(line);
    }
    let (rest, ()) = skip(u16::try_from(count).ok()?, line).ok()?;
    let (rest, ()) = blank(rest).ok()?;
    Some(rest)
}

/// Skips the last few columns of a block, where fewer than eight bytes follow.
#[cold]
fn one_by_one(count: u16, input: &[u8]) -> Leaf<'_, ()> {
    let (mut rest, _) = token(input)?;
    for _ in 1..count {
        (rest, ()) = blank(rest)?;
        (rest, _) = token(rest)?;
    }
    Ok((rest, ()))
}

/// Returns the high bit of every lane that holds 0x20 or less.
#[inline(always)]
fn up_to_blank(word: u64) -> u64 {
    let low = word & !HIGH_BITS;
    !(low.wrapping_add(0x5f * LANES) | word) & HIGH_BITS
}

/// Returns how many lanes are marked. This uses a multiplication, since not every supported
/// processor can count bits in one instruction.
#[inline(always)]
fn marks(marks: u64) -> u32 {
    ((marks >> 7).wrapping_mul(LANES) >> 56) as u32
}

/// Returns the high bit of every lane that holds `byte`.
#[inline(always)]
fn equal(word: u64, byte: u8) -> u64 {
    let other = word ^ (u64::from(byte) * LANES);
    !(((other & !HIGH_BITS).wrapping_add(!HIGH_BITS)) | other) & HIGH_BITS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(count: u16, text: &str) {
        for after in ["", " and much more after it"] {
            let input = format!("{text}{after}");
            let slowly = one_by_one(count, input.as_bytes());
            assert_eq!(
                skip(count, input.as_bytes()),
                slowly,
                "{count} of {input:?}"
            );
        }
    }

    #[test]
    fn columns_of_any_length_are_skipped() {
        let columns = [
            "vpc-0123456789abcdef0",
            "-",
            "IPv4",
            "eu-central-1",
            "a",
            "bcdefgh",
            "ijklmnop",
        ];
        for count in 1..=7 {
            check(count, &columns.join(" "));
            check(count, &columns.join("\t"));
            check(
                count,
                &format!(
                    "{}\n2 123 eni-1 next line",
                    columns[..count.into()].join(" ")
                ),
            );
        }
    }

    #[test]
    fn text_after_columns_begins_with_the_next_one() {
        assert_eq!(after(0, b"a b"), Some(&b"a b"[..]));
        assert_eq!(after(2, b"a bcdefghijkl - d\n"), Some(&b"- d\n"[..]));
        assert_eq!(after(2, b"a  b c"), None);
        assert_eq!(after(2, b"a b"), None);
    }

    #[test]
    fn empty_columns_and_short_lines_are_odd() {
        for text in [
            "a  b c d",
            " a b c d",
            "a b\nc d",
            "a b \r\n",
            "",
            "a\x01b c d e",
            "abcdefg  h i",
        ] {
            check(3, text);
        }
    }

    proptest! {
        #[test]
        fn skipping_any_text_equals_reading_token_by_token(
            count in 1..40_u16,
            text in "[ -~\t\n\r\u{0}\u{7f}\u{e9}]{0,60}( [a-z0-9.-]{0,20}){0,20}",
        ) {
            prop_assert_eq!(skip(count, text.as_bytes()), one_by_one(count, text.as_bytes()));
        }
    }
}
