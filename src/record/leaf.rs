//! The leaves of the grammar. Each parses one value in its plain spelling.
//!
//! A leaf reads from the front of its input and stops at the first byte that cannot belong to its
//! value. The caller checks that a separator follows. `-` is a value like any other and is read
//! here. Anything that is not spelled as AWS spells it is [`Odd`]. No reason is given, since the
//! line is then re-parsed by the slower lenient parser ([`super::careful`]).
//!
//! Most of the time of a conversion is spent in this file. Numbers are read eight digits at a time,
//! as integers with one byte in each lane, or digit by digit near the end of the input, where fewer
//! than eight bytes remain. Addresses are in their own file ([`super::address`]). Leaves are plain
//! functions with a zero-sized error: with nom's own errors, or with `alt`, parsing is three times
//! slower.

use nom::{
    IResult,
    error::{ErrorKind, ParseError},
};

/// Error for text that is not the plain spelling of the expected value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Odd;

/// The result of a leaf: the text after the value, and the value.
pub(super) type Leaf<'a, T> = IResult<&'a [u8], T, Odd>;

impl ParseError<&[u8]> for Odd {
    fn from_error_kind(_: &[u8], _: ErrorKind) -> Self {
        Self
    }

    fn append(_: &[u8], _: ErrorKind, _: Self) -> Self {
        Self
    }
}

/// The error of every leaf.
pub(super) const ODD: nom::Err<Odd> = nom::Err::Error(Odd);

/// Parses one blank between two values. Two blanks make a line odd.
#[inline(always)]
pub(super) fn blank(input: &[u8]) -> Leaf<'_, ()> {
    match input {
        [b' ' | b'\t', rest @ ..] => Ok((rest, ())),
        _ => Err(ODD),
    }
}

/// Parses the end of a line, including any blanks and the carriage return before it.
#[inline(always)]
pub(super) fn line_end(input: &[u8]) -> Leaf<'_, ()> {
    match input {
        [b'\n', rest @ ..] => Ok((rest, ())),
        [] => Ok((input, ())),
        _ => loose_line_end(input),
    }
}

fn loose_line_end(input: &[u8]) -> Leaf<'_, ()> {
    let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r');
    match &input[input.iter().take_while(blank).count()..] {
        [b'\n', rest @ ..] => Ok((rest, ())),
        [] => Ok((&[], ())),
        _ => Err(ODD),
    }
}

/// Parses any text up to a blank or a line end, at least one byte.
#[inline(always)]
pub(super) fn token(input: &[u8]) -> Leaf<'_, &[u8]> {
    let mut len = 0;
    while let Some(chunk) = input[len..].first_chunk() {
        let word = u64::from_le_bytes(*chunk);
        // Marks bytes up to 0x20. Marks above the first one may be wrong.
        let stops = word.wrapping_sub(0x21 * LANES) & !word & HIGH_BITS;
        if stops != 0 {
            len += lane_of(stops);
            return cut(input, len);
        }
        len += 8;
    }
    len += input[len..].iter().take_while(|&&byte| byte > b' ').count();
    cut(input, len)
}

fn cut(input: &[u8], len: usize) -> Leaf<'_, &[u8]> {
    match input.split_at_checked(len) {
        Some((value, rest)) if len > 0 => Ok((rest, value)),
        _ => Err(ODD),
    }
}

/// Parses a decimal number or `-`.
#[inline(always)]
pub(super) fn number(input: &[u8]) -> Leaf<'_, Option<u64>> {
    let Some(chunk) = input.first_chunk() else {
        return number_by_digits(input);
    };
    match leading_digits(*chunk) {
        (head, 8) => long_number(input, head),
        (_, 0) => dash(input),
        (value, len) => Ok((&input[len..], Some(value))),
    }
}

/// Parses a decimal number of at most seven digits, or `-`.
#[inline(always)]
pub(super) fn short_number(input: &[u8]) -> Leaf<'_, Option<u64>> {
    let Some(chunk) = input.first_chunk() else {
        return number_by_digits(input);
    };
    match leading_digits(*chunk) {
        (_, 8) => Err(ODD),
        (_, 0) => dash(input),
        (value, len) => Ok((&input[len..], Some(value))),
    }
}

/// Continues a number whose first eight digits are `head`.
#[inline(always)]
fn long_number(input: &[u8], head: u64) -> Leaf<'_, Option<u64>> {
    let Some(chunk) = input[8..].first_chunk() else {
        return number_by_digits(input);
    };
    match leading_digits(*chunk) {
        (_, 8) => number_by_digits(input),
        (_, 0) => Ok((&input[8..], Some(head))),
        (tail, len) => Ok((&input[8 + len..], Some(head * POWERS_OF_TEN[len] + tail))),
    }
}

#[cold]
fn number_by_digits(input: &[u8]) -> Leaf<'_, Option<u64>> {
    let len = input
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if len == 0 {
        return dash(input);
    }
    let value = input[..len].iter().try_fold(0_u64, |value, digit| {
        value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    value.map_or(Err(ODD), |value| Ok((&input[len..], Some(value))))
}

#[inline(always)]
fn dash<T>(input: &[u8]) -> Leaf<'_, Option<T>> {
    match input {
        [b'-', rest @ ..] => Ok((rest, None)),
        _ => Err(ODD),
    }
}

/// Returns the number at the front of eight bytes, and its count of digits. With a count of zero,
/// the number is meaningless.
#[inline(always)]
fn leading_digits(chunk: [u8; 8]) -> (u64, usize) {
    let word = u64::from_le_bytes(chunk);
    let len = lane_of(non_digits(word));
    // Moves the last digit to the highest lane. Lanes before the first digit become zeros.
    let digits = (word ^ ZEROS) << ((64 - 8 * len) & 63);
    (value_of(digits), len)
}

/// Returns the number in the first `len` lanes, at least one and at most eight, if all are digits.
#[inline(always)]
pub(super) fn lane_digits(word: u64, len: usize) -> Option<u64> {
    // Moves the last digit to the highest lane. Lanes before the first digit become zeros.
    let digits = (word ^ ZEROS) << ((64 - 8 * len) & 63);
    let is_odd = (digits.wrapping_add(0x76 * LANES) | digits) & HIGH_BITS != 0;
    (!is_odd && len > 0).then(|| value_of(digits))
}

/// Returns the number whose digits are in the lanes, the last one in the highest.
#[inline(always)]
fn value_of(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let high = (pairs & PAIR_LANES).wrapping_mul(100 + (1_000_000 << 32));
    let low = (pairs >> 16 & PAIR_LANES).wrapping_mul(1 + (10_000 << 32));
    high.wrapping_add(low) >> 32
}

/// Returns the high bit of every lane that holds no digit. It is exact up to the first such lane,
/// and beyond it as long as no byte is above 0x7f.
#[inline(always)]
pub(super) fn non_digits(word: u64) -> u64 {
    let digits = word ^ ZEROS;
    (digits.wrapping_add(0x76 * LANES) | digits) & HIGH_BITS
}

/// Returns the lane of the lowest mark, or 8 if there is none.
#[inline(always)]
fn lane_of(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// A one in every lane of a word.
pub(super) const LANES: u64 = 0x0101_0101_0101_0101;
/// The high bit of every lane.
pub(super) const HIGH_BITS: u64 = 0x80 * LANES;
/// The digit zero in every lane.
const ZEROS: u64 = b'0' as u64 * LANES;
/// The lanes in which `leading_digits` adds up pairs of digits.
const PAIR_LANES: u64 = 0x0000_00ff_0000_00ff;
/// The factor for a number that is followed by this many digits.
const POWERS_OF_TEN: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads `text` both with nothing after it and with enough bytes for the wide loads.
    #[track_caller]
    pub(crate) fn both<T: PartialEq + std::fmt::Debug>(
        text: &str,
        leaf: impl Fn(&[u8]) -> Leaf<'_, T>,
    ) -> Option<T> {
        let read = |input: &str| {
            let (rest, value) = leaf(input.as_bytes()).ok()?;
            (input.len() - rest.len() == text.len()).then_some(value)
        };
        let wide = read(&format!("{text} {}", "9".repeat(40)));
        assert_eq!(read(text), wide, "{text:?}");
        assert_eq!(read(&format!("{text}\n")), wide, "{text:?}");
        wide
    }

    #[test]
    fn numbers_of_every_length_are_read() {
        for len in 1..=19 {
            let text = &"9182736450918273645"[..len];
            assert_eq!(both(text, number), Some(text.parse().ok()), "{text}");
        }
        assert_eq!(both("18446744073709551615", number), Some(Some(u64::MAX)));
    }

    #[test]
    fn number_above_64_bits_is_odd() {
        assert_eq!(both("18446744073709551616", number), None);
        assert_eq!(both("99999999999999999999999", number), None);
    }

    #[test]
    fn short_number_reads_up_to_seven_digits() {
        assert_eq!(both("65535", short_number), Some(Some(65_535)));
        assert_eq!(both("-", short_number), Some(None));
        assert!(short_number(b"123456789 ").is_err());
    }

    #[test]
    fn dash_is_no_value() {
        assert_eq!(both("-", number), Some(None));
    }

    #[test]
    fn token_ends_at_blank_or_line_end() {
        for len in 1..30 {
            let text = "a".repeat(len);
            for end in [" x", "\tx", "\n", "\r\n", ""] {
                let input = format!("{text}{end}");
                let (rest, value) = token(input.as_bytes()).unwrap();
                assert_eq!((value, rest), (text.as_bytes(), end.as_bytes()));
            }
        }
        assert!(token(b" x").is_err() && token(b"").is_err());
    }

    #[test]
    fn line_end_includes_blanks_and_carriage_return() {
        for text in ["\n", "\r\n", " \n", " \t \r\n"] {
            let input = format!("{text}next");
            assert_eq!(
                line_end(input.as_bytes()),
                Ok((&b"next"[..], ())),
                "{text:?}"
            );
        }
        assert_eq!(line_end(b" "), Ok((&b""[..], ())));
        assert!(line_end(b" x\n").is_err());
    }

    proptest! {
        #[test]
        fn number_agrees_with_std(value: u64, zeros in 0..4_usize) {
            let text = format!("{}{value}", "0".repeat(zeros));
            prop_assert_eq!(both(&text, number), Some(Some(value)));
        }

        #[test]
        fn any_bytes_are_read_or_odd(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            let _ = (token(&bytes), number(&bytes), short_number(&bytes));
            let _ = (blank(&bytes), line_end(&bytes));
        }
    }
}
