//! Numbers as a person reads them.

use std::fmt::{self, Display, Formatter};

/// Formats a number with a comma after each three digits, as in `1,234,567`.
pub fn grouped(number: impl Into<u128>) -> Grouped {
    Grouped(number.into())
}

/// See [`grouped`].
#[derive(Clone, Copy, Debug)]
pub struct Grouped(u128);

impl Display for Grouped {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut text = String::with_capacity(digits.len() * 4 / 3);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        f.pad_integral(true, "", &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        for (number, text) in [
            (0_u128, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345_678, "12,345,678"),
            (
                u128::MAX,
                "340,282,366,920,938,463,463,374,607,431,768,211,455",
            ),
        ] {
            assert_eq!(grouped(number).to_string(), text);
        }
        assert_eq!(format!("{:>7}", grouped(1_000_u64)), "  1,000");
    }
}
