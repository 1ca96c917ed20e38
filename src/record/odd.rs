//! Parses values in the spellings of other tools.
//!
//! AWS writes whole decimal numbers, and words in one case. Spreadsheets, data frames and query
//! engines write `25238.0`, `1.6401E9`, `tcp` and `Accept`. All of these mean exactly what AWS
//! wrote and are accepted. Values that would require a guess are refused. No floating point is
//! used, so nothing is rounded.

use std::net::IpAddr;

use super::{Action, Direction, FaultKind, LogStatus, instant, leaf, written_time};
use crate::names::protocol_number;

/// Parses a whole number of at most `max`: `25238`, `25238.0`, `1.6401E9`.
pub(super) fn number(text: &[u8], max: u64) -> Result<u64, FaultKind> {
    if let Ok((b"", Some(value))) = leaf::number(text) {
        return if value <= max {
            Ok(value)
        } else {
            Err(FaultKind::OutOfRange { max })
        };
    }
    let decimal = Decimal::parse(text).ok_or(FaultKind::NotANumber)?;
    match decimal.times_power_of_ten(0) {
        Whole::Exactly(value) => u64::try_from(value).ok().filter(|value| *value <= max),
        Whole::TooLarge => None,
        Whole::Fraction => return Err(FaultKind::NotANumber),
    }
    .ok_or(FaultKind::OutOfRange { max })
}

/// Like [`number`], for columns narrower than 64 bits.
pub(super) fn narrow<T: TryFrom<u64>>(text: &[u8], max: u64) -> Result<T, FaultKind> {
    let value = number(text, max)?;
    T::try_from(value).map_err(|_| FaultKind::OutOfRange { max })
}

/// Parses a time in Unix seconds or smaller units, possibly with a fraction, in ISO 8601, or as
/// other tools print it.
pub(super) fn time(text: &[u8]) -> Result<i64, FaultKind> {
    if let Some(instant_ns) = super::prefix::instant_in(text) {
        return Ok(instant_ns);
    }
    let Some(decimal) = Decimal::parse(text) else {
        return written_time::parse(text).ok_or(FaultKind::NotATime);
    };
    let out_of_range = FaultKind::OutOfRange {
        max: i64::MAX.unsigned_abs(),
    };
    let instant_ns = match decimal.times_power_of_ten(0) {
        Whole::Exactly(value) => u64::try_from(value).ok().and_then(instant::from_epoch),
        Whole::TooLarge => None,
        // The unit is the largest in which the time is not too late.
        Whole::Fraction => {
            let units = [9, 6, 3].into_iter();
            let mut instants = units.map(|power| decimal.times_power_of_ten(power));
            let in_range = |whole: &Whole| match whole {
                Whole::Exactly(value) => i64::try_from(*value).is_ok(),
                Whole::TooLarge => false,
                Whole::Fraction => true,
            };
            match instants.find(in_range) {
                Some(Whole::Exactly(value)) => i64::try_from(value).ok(),
                Some(_) => return Err(FaultKind::NotATime),
                None => None,
            }
        }
    };
    instant_ns.ok_or(out_of_range)
}

/// Parses an IPv4 or IPv6 address.
pub(super) fn address(text: &[u8]) -> Result<IpAddr, FaultKind> {
    let text = std::str::from_utf8(text).map_err(|_| FaultKind::NotAnAddress)?;
    text.parse().map_err(|_| FaultKind::NotAnAddress)
}

/// Parses a protocol's number or name.
pub(super) fn protocol(text: &[u8]) -> Result<u8, FaultKind> {
    let name = std::str::from_utf8(text).unwrap_or_default();
    match (protocol_number(name), text.first()) {
        (Some(number), _) => Ok(number),
        (None, Some(first)) if first.is_ascii_alphabetic() => Err(FaultKind::UnknownProtocol),
        (None, _) => narrow(text, 255),
    }
}

/// Parses `ACCEPT` or `REJECT`, in any case.
pub(super) fn action(text: &[u8]) -> Result<Action, FaultKind> {
    let both = [Action::Accept, Action::Reject];
    let spelt = |action: &Action| text.eq_ignore_ascii_case(action.name().as_bytes());
    both.into_iter().find(spelt).ok_or(FaultKind::UnknownAction)
}

/// Parses `ingress` or `egress`, in any case. Alibaba Cloud writes `in` and `out`.
pub(super) fn direction(text: &[u8]) -> Result<Direction, FaultKind> {
    let words: [(&[u8], _); 4] = [
        (b"ingress", Direction::Ingress),
        (b"egress", Direction::Egress),
        (b"in", Direction::Ingress),
        (b"out", Direction::Egress),
    ];
    let spelt = words
        .into_iter()
        .find(|(word, _)| text.eq_ignore_ascii_case(word));
    spelt
        .map(|(_, direction)| direction)
        .ok_or(FaultKind::UnknownDirection)
}

/// Parses `OK`, `NODATA` or `SKIPDATA`, in any case.
pub(super) fn log_status(text: &[u8]) -> Result<LogStatus, FaultKind> {
    let all: [(&[u8], _); 3] = [
        (b"OK", LogStatus::Ok),
        (b"NODATA", LogStatus::NoData),
        (b"SKIPDATA", LogStatus::SkipData),
    ];
    let spelt = all
        .into_iter()
        .find(|(word, _)| text.eq_ignore_ascii_case(word));
    spelt
        .map(|(_, status)| status)
        .ok_or(FaultKind::UnknownLogStatus)
}

/// A number as digits and a power of ten: `1.6401E9` is 16401 and 5.
#[derive(Clone, Copy)]
struct Decimal {
    digits: u128,
    exponent: i32,
    negative: bool,
}

/// A [`Decimal`] as a whole number.
enum Whole {
    Exactly(i128),
    TooLarge,
    Fraction,
}

impl Decimal {
    fn parse(text: &[u8]) -> Option<Self> {
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let e = text.iter().position(|byte| matches!(byte, b'e' | b'E'));
        let (mantissa, exponent) = text.split_at(e.unwrap_or(text.len()));
        let exponent = match exponent {
            [] => 0,
            [_, digits @ ..] => std::str::from_utf8(digits).ok()?.parse::<i16>().ok()?,
        };
        let mut decimal = Self {
            digits: 0,
            exponent: i32::from(exponent),
            negative,
        };
        let mut in_fraction = false;
        let mut digit_count = 0;
        for &byte in mantissa {
            match byte {
                b'0'..=b'9' => decimal.push(byte - b'0', in_fraction),
                b'.' if !in_fraction => in_fraction = true,
                _ => return None,
            }
            digit_count += usize::from(byte != b'.');
        }
        (digit_count > 0).then_some(decimal)
    }

    /// Appends a digit. More than 38 digits are too many for any column, so further ones only make
    /// the number large.
    fn push(&mut self, digit: u8, in_fraction: bool) {
        let longer = self
            .digits
            .checked_mul(10)
            .and_then(|digits| digits.checked_add(u128::from(digit)));
        match longer {
            Some(digits) => {
                self.digits = digits;
                self.exponent = self.exponent.saturating_sub(i32::from(in_fraction));
            }
            None => self.exponent = self.exponent.saturating_add(i32::from(!in_fraction)),
        }
    }

    fn times_power_of_ten(self, power: i32) -> Whole {
        let mut exponent = self.exponent.saturating_add(power);
        let mut digits = self.digits;
        while exponent < 0 && digits.is_multiple_of(10) && digits > 0 {
            digits /= 10;
            exponent += 1;
        }
        if digits == 0 {
            return Whole::Exactly(0);
        }
        let Ok(exponent) = u32::try_from(exponent) else {
            return Whole::Fraction;
        };
        let scaled = 10_u128
            .checked_pow(exponent)
            .and_then(|scale| digits.checked_mul(scale));
        match scaled.and_then(|value| i128::try_from(value).ok()) {
            Some(value) if self.negative => Whole::Exactly(-value),
            Some(value) => Whole::Exactly(value),
            None => Whole::TooLarge,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_float_is_its_number() {
        assert_eq!(number(b"25238.0", u64::MAX), Ok(25_238));
        assert_eq!(number(b"25238.", u64::MAX), Ok(25_238));
        assert_eq!(number(b"6.0", 255), Ok(6));
        assert_eq!(number(b"-0.0", 255), Ok(0));
    }

    #[test]
    fn scientific_notation_is_exact() {
        assert_eq!(number(b"1.5E3", u64::MAX), Ok(1_500));
        assert_eq!(time(b"1.714564800E+12"), Ok(1_714_564_800_000_000_000));
        assert_eq!(number(b"1.6401E9", u64::MAX), Ok(1_640_100_000));
        assert_eq!(number(b"1.8446744073709551615e+19", u64::MAX), Ok(u64::MAX));
        assert_eq!(number(b"100e-2", u64::MAX), Ok(1));
        assert_eq!(time(b"1.6401E9"), Ok(1_640_100_000_000_000_000));
    }

    #[test]
    fn count_with_a_fraction_is_not_a_number() {
        assert_eq!(number(b"2.5", u64::MAX), Err(FaultKind::NotANumber));
        assert_eq!(number(b"1e-30000", u64::MAX), Err(FaultKind::NotANumber));
    }

    #[test]
    fn fraction_of_a_second_is_a_time() {
        assert_eq!(time(b"1640000297.25"), Ok(1_640_000_297_250_000_000));
        assert_eq!(time(b"1640000297250.5"), Ok(1_640_000_297_250_500_000));
        assert_eq!(time(b"1.6400002972505E12"), Ok(1_640_000_297_250_500_000));
        assert_eq!(
            time(b"2021-12-20 11:38:17.000"),
            Ok(1_640_000_297_000_000_000)
        );
    }

    #[test]
    fn too_large_or_negative_is_out_of_range() {
        let max = u64::MAX;
        for text in ["18446744073709551616", "1e30000", "-1", &"9".repeat(60)] {
            assert_eq!(
                number(text.as_bytes(), max),
                Err(FaultKind::OutOfRange { max }),
                "{text}"
            );
        }
        assert_eq!(
            narrow::<u16>(b"65536", 65_535),
            Err(FaultKind::OutOfRange { max: 65_535 })
        );
    }

    #[test]
    fn text_is_not_a_number() {
        for text in ["", "eni-1", ".", "1.2.3", "e5", "1e", "0x12", "12 "] {
            assert_eq!(
                number(text.as_bytes(), 9),
                Err(FaultKind::NotANumber),
                "{text}"
            );
        }
    }

    #[test]
    fn protocol_names_are_read_as_numbers() {
        assert_eq!(protocol(b"TCP"), Ok(6));
        assert_eq!(protocol(b"udp"), Ok(17));
        assert_eq!(protocol(b"132"), Ok(132));
        assert_eq!(protocol(b"carrier-pigeon"), Err(FaultKind::UnknownProtocol));
        assert_eq!(protocol(b"256"), Err(FaultKind::OutOfRange { max: 255 }));
    }

    proptest! {
        #[test]
        fn every_number_is_read_in_either_notation(value: u64, zeros in 0..3_usize) {
            let plain = format!("{value}.{}", "0".repeat(zeros));
            prop_assert_eq!(number(plain.as_bytes(), u64::MAX), Ok(value));
            let scientific = format!("{value}{}e-{zeros}", "0".repeat(zeros));
            prop_assert_eq!(number(scientific.as_bytes(), u64::MAX), Ok(value));
        }

        #[test]
        fn any_bytes_are_a_value_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (number(&bytes, 9), time(&bytes), address(&bytes), protocol(&bytes));
        }
    }
}
