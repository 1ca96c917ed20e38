//! Checks delta-encoded runs of numbers, as far as needed to skip them.
//!
//! Texts may be encoded as a run of their lengths, followed by the bytes. A run declares how many
//! numbers it has, and the `parquet` crate allocates memory for them before it looks for them. So
//! the runs of a page are checked first.
//!
//! Parquet format, encodings: a header of four varints (block size, miniblocks per block, count,
//! first value), then blocks. Each block has a minimum difference, the bit width of each miniblock,
//! and the miniblocks.

use parquet::basic::Encoding;

/// Maximum number of values in one page whose texts are encoded like this.
const VALUES_MAX: u64 = 1 << 22;

/// Whether the runs at the front of `values` can hold as many numbers as they declare.
pub(super) fn is_sound(encoding: Encoding, values: &[u8]) -> bool {
    match encoding {
        Encoding::DELTA_LENGTH_BYTE_ARRAY => run(values).is_some(),
        // First the lengths of the prefixes shared with the previous value, then the lengths of the
        // suffixes.
        Encoding::DELTA_BYTE_ARRAY => run(values).and_then(run).is_some(),
        _ => true,
    }
}

/// Returns the bytes after the run at the front of `bytes`.
fn run(mut bytes: &[u8]) -> Option<&[u8]> {
    let block_len = varint(&mut bytes)?;
    let miniblocks = varint(&mut bytes)?;
    let count = varint(&mut bytes)?;
    varint(&mut bytes)?;
    let miniblock_len = block_len.checked_div(miniblocks)?;
    if count > VALUES_MAX || miniblock_len == 0 {
        return None;
    }
    // The first value is in the header.
    let mut left = count.saturating_sub(1);
    while left > 0 {
        varint(&mut bytes)?;
        let (widths, rest) = bytes.split_at_checked(usize::try_from(miniblocks).ok()?)?;
        bytes = rest;
        for width in widths {
            // Miniblocks after the last value have a width but no bytes.
            if left == 0 {
                break;
            }
            let len = u64::from(*width).checked_mul(miniblock_len)? / 8;
            bytes = bytes.get(usize::try_from(len).ok()?..)?;
            left = left.saturating_sub(miniblock_len);
        }
    }
    Some(bytes)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if *first < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a run of equal values, in blocks of 128 values and 4 miniblocks.
    fn alike(count: u64) -> Vec<u8> {
        let mut bytes = vec![0x80, 0x01, 4];
        let mut left = count;
        while left > 0x7f {
            bytes.push(left.to_le_bytes()[0] | 0x80);
            left >>= 7;
        }
        bytes.push(left.to_le_bytes()[0]);
        bytes.extend([0, 0, 0, 0, 0, 0]);
        bytes
    }

    #[test]
    fn run_is_skipped_to_the_bytes_after_it() {
        let mut bytes = alike(100);
        bytes.extend(b"text");
        assert_eq!(run(&bytes), Some(&b"text"[..]));
        let mut wide = vec![0x80, 0x01, 4, 40, 0, 0, 8, 8, 0, 0];
        wide.extend([1; 64]);
        assert_eq!(run(&wide), Some(&[][..]));
        assert_eq!(run(&wide[..70]), None);
    }

    #[test]
    fn count_larger_than_the_available_bytes_is_refused() {
        for encoding in [
            Encoding::DELTA_LENGTH_BYTE_ARRAY,
            Encoding::DELTA_BYTE_ARRAY,
        ] {
            assert!(!is_sound(encoding, &alike(1 << 40)), "{encoding}");
            assert!(!is_sound(encoding, &alike(1_000)), "{encoding}");
            assert!(!is_sound(encoding, b""), "{encoding}");
        }
        let both = [alike(100), alike(100)].concat();
        assert!(is_sound(Encoding::DELTA_BYTE_ARRAY, &both));
        assert!(!is_sound(Encoding::DELTA_BYTE_ARRAY, &alike(100)));
        assert!(is_sound(Encoding::PLAIN, b""));
    }
}
