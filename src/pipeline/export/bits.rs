//! Parquet's hybrid of runs and packed bits, for indexes and levels.
//!
//! Groups of eight values are packed with a fixed number of bits, and longer runs of one value are
//! written as a length and the value.
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE>

/// Values of a run that is worth its header.
const RUN_MIN: usize = 16;

/// Returns the bits of an index among so many values. One value needs none, but some readers expect
/// one bit.
pub(super) fn bits_for(values: usize) -> usize {
    let last = values.saturating_sub(1);
    (usize::BITS - last.leading_zeros()).max(1) as usize
}

/// Appends values of `bits` bits, 1 to 32.
pub(super) fn hybrid(values: &[u32], bits: usize, out: &mut Vec<u8>) {
    let mut begin = 0; // of the values that are not written
    let mut at = 0;
    while at < values.len() {
        let run = run_len(&values[at..]);
        if run >= RUN_MIN {
            // Packed groups are whole, so the run gives them the values that they lack.
            let lacking = (at - begin).next_multiple_of(8) - (at - begin);
            packed(&values[begin..at + lacking], bits, out);
            repeated(values[at], run - lacking, bits, out);
            at += run;
            begin = at;
        } else {
            at += run;
        }
    }
    packed(&values[begin..], bits, out);
}

#[inline(always)]
fn run_len(values: &[u32]) -> usize {
    let first = values[0];
    // Most runs have one value.
    if values.get(1).is_some_and(|second| *second != first) {
        return 1;
    }
    let end = values.iter().position(|value| *value != first);
    end.unwrap_or(values.len())
}

/// Appends a value of `bits` bits, 1 to 32, so many times.
pub(super) fn repeated(value: u32, count: usize, bits: usize, out: &mut Vec<u8>) {
    varint((count as u64) << 1, out);
    let bytes = bits.div_ceil(8);
    out.extend_from_slice(&value.to_le_bytes()[..bytes]);
}

/// Packs values in groups of eight; the last group is filled with zeros.
fn packed(values: &[u32], bits: usize, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(8);
    varint((groups as u64) << 1 | 1, out);
    out.reserve(groups * bits);
    let (eights, rest) = values.as_chunks::<8>();
    for group in eights {
        packed_group(group, bits, out);
    }
    if !rest.is_empty() {
        packed_group(rest, bits, out);
    }
}

/// Packs at most eight values.
#[inline(always)]
fn packed_group(group: &[u32], bits: usize, out: &mut Vec<u8>) {
    let (mut pending, mut pending_bits, mut written) = (0_u64, 0, 0);
    for value in group {
        pending |= u64::from(*value) << pending_bits;
        pending_bits += bits;
        if pending_bits >= 32 {
            out.extend_from_slice(&pending.to_le_bytes()[..4]);
            pending >>= 32;
            pending_bits -= 32;
            written += 4;
        }
    }
    let rest = pending_bits.div_ceil(8);
    out.extend_from_slice(&pending.to_le_bytes()[..rest]);
    out.resize(out.len() + bits - written - rest, 0);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads the hybrid as the format defines it.
    fn read(mut bytes: &[u8], bits: usize, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let mut header = 0_u64;
            for shift in (0..).step_by(7) {
                let byte = bytes[0];
                bytes = &bytes[1..];
                header |= u64::from(byte & 0x7f) << shift;
                if byte < 0x80 {
                    break;
                }
            }
            let len = usize::try_from(header >> 1).unwrap();
            if header & 1 == 0 {
                let mut value = [0; 4];
                let width = bits.div_ceil(8);
                value[..width].copy_from_slice(&bytes[..width]);
                bytes = &bytes[width..];
                values.resize(values.len() + len, u32::from_le_bytes(value));
                continue;
            }
            for index in 0..len * 8 {
                let bit = |at: usize| u32::from(bytes[at / 8] >> (at % 8) & 1);
                let value = (0..bits).map(|at| bit(index * bits + at) << at).sum();
                values.push(value);
            }
            bytes = &bytes[len * bits..];
        }
        assert!(bytes.is_empty());
        values.truncate(count);
        values
    }

    proptest! {
        #[test]
        fn values_are_read_back(
            bits in 1_usize..=32,
            runs in prop::collection::vec((any::<u32>(), 1_usize..40), 0..40),
        ) {
            let most = u32::MAX >> (32 - bits);
            let runs = runs.into_iter();
            let values: Vec<u32> = runs
                .flat_map(|(value, count)| std::iter::repeat_n(value & most, count))
                .collect();
            let mut out = Vec::new();
            hybrid(&values, bits, &mut out);
            prop_assert_eq!(read(&out, bits, values.len()), values);
        }
    }

    #[test]
    fn indexes_have_as_many_bits_as_they_need() {
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 256, 257].map(bits_for),
            [1, 1, 1, 2, 2, 3, 8, 9]
        );
    }
}
