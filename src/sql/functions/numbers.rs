//! Functions of numbers that the engine lacks.

use super::row::{Argument, Gives, Memo, RowSpec, RowValue, Takes};

type Result<T> = std::result::Result<T, String>;

pub(super) const SPECS: &[RowSpec] = &[RowSpec {
    name: "bit_count",
    takes: &[Takes::BigInt, Takes::BigInt],
    optional: 0,
    gives: Gives::BigInt,
    may_fail: true,
    compute: bit_count,
}];

/// Counts the ones of a number in two's complement with so many bits
/// (<https://trino.io/docs/current/functions/bitwise.html>).
fn bit_count(cells: &[Argument<'_>], _: &mut Memo) -> Result<RowValue> {
    let (number, bits) = (cells[0].int(), cells[1].int());
    let width = u32::try_from(bits)
        .ok()
        .filter(|bits| (2..=64).contains(bits));
    let Some(width) = width else {
        return Err(format!("bit_count counts 2 to 64 bits, not {bits}"));
    };
    let unused = 64 - width;
    if (number << unused) >> unused != number {
        return Err(format!("bit_count: {number} does not fit into {bits} bits"));
    }
    Ok(RowValue::Int(i64::from((number << unused).count_ones())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(number: i64, bits: i64) -> Result<RowValue> {
        bit_count(
            &[Argument::Int(number), Argument::Int(bits)],
            &mut Memo::default(),
        )
    }

    #[test]
    fn bits_are_those_of_two_s_complement() {
        assert_eq!(counted(9, 64), Ok(RowValue::Int(2)));
        assert_eq!(counted(-7, 64), Ok(RowValue::Int(62)));
        assert_eq!(counted(-7, 8), Ok(RowValue::Int(6)));
        assert_eq!(counted(i64::MIN, 64), Ok(RowValue::Int(1)));
        assert!(counted(128, 8).unwrap_err().contains("does not fit"));
        assert!(counted(1, 65).unwrap_err().contains("2 to 64"));
    }
}
