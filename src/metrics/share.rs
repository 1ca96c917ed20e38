//! A record's packets and bytes, shared out over the buckets of time that it spans.
//!
//! A record says how much there was between two instants, not when. The best that can be said is
//! that it was spread evenly, so each bucket gets the part of it that the bucket has of the
//! record's window. Parts are whole numbers: each is cut down, and what is left over goes, one by
//! one, to the parts that lost most by that (the largest remainder), the earlier of two that lost
//! as much. So the parts add up to the record.

use std::cmp::Reverse;

use super::every::Every;

/// What falls into one bucket of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketShare {
    /// When the bucket begins, nanoseconds since the Unix epoch.
    pub begin_ns: i64,
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Shares `packets` and `bytes` out over the buckets of the window from `start_ns` to before
/// `until_ns`, nanoseconds since the Unix epoch; what `shares` held before is gone. There is one
/// share at least, that of the bucket in which the window begins.
pub fn share_out(
    every: Every,
    (start_ns, until_ns): (i64, i64),
    (packets, bytes): (u64, u64),
    shares: &mut Vec<BucketShare>,
) {
    shares.clear();
    let mut begin_ns = every.begin_ns(start_ns);
    if until_ns <= begin_ns.saturating_add(every.ns()) {
        shares.push(BucketShare {
            begin_ns,
            packets,
            bytes,
        });
        return;
    }
    let mut lengths = Vec::new();
    while begin_ns < until_ns {
        let end_ns = begin_ns.saturating_add(every.ns());
        lengths.push(end_ns.min(until_ns).abs_diff(begin_ns.max(start_ns)));
        shares.push(BucketShare {
            begin_ns,
            ..BucketShare::default()
        });
        begin_ns = end_ns;
    }
    let packets = parts(packets, &lengths);
    let bytes = parts(bytes, &lengths);
    for ((share, packets), bytes) in shares.iter_mut().zip(packets).zip(bytes) {
        (share.packets, share.bytes) = (packets, bytes);
    }
}

/// Whole numbers in proportion to `lengths`, which are not all 0, that add up to `amount`.
fn parts(amount: u64, lengths: &[u64]) -> Vec<u64> {
    let whole: u128 = lengths.iter().map(|length| u128::from(*length)).sum();
    // At most 2^64 times 2^64: it fits.
    let exact = lengths
        .iter()
        .map(|length| u128::from(amount) * u128::from(*length));
    let mut remainders: Vec<(Reverse<u128>, usize)> = Vec::with_capacity(lengths.len());
    let mut parts: Vec<u64> = Vec::with_capacity(lengths.len());
    for (i, exact) in exact.enumerate() {
        let part = u64::try_from(exact / whole).expect("no part is more than the whole");
        parts.push(part);
        remainders.push((Reverse(exact % whole), i));
    }
    let left_over = amount - parts.iter().sum::<u64>();
    remainders.sort_unstable();
    // Less than 1 was cut off of each, so there are fewer left over than parts.
    for ((_, i), _) in remainders.into_iter().zip(0..left_over) {
        parts[i] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::SECOND_NS;

    fn shares(every: &str, window_s: (i64, i64), amounts: (u64, u64)) -> Vec<(i64, u64, u64)> {
        let mut shares = Vec::new();
        let window = (window_s.0 * SECOND_NS, window_s.1 * SECOND_NS);
        share_out(every.parse().unwrap(), window, amounts, &mut shares);
        let shares = shares.iter();
        shares
            .map(|share| (share.begin_ns / SECOND_NS, share.packets, share.bytes))
            .collect()
    }

    #[test]
    fn window_within_a_bucket_is_not_divided() {
        assert_eq!(shares("1m", (60, 120), (9, 900)), [(60, 9, 900)]);
    }

    #[test]
    fn window_over_buckets_is_shared_by_length() {
        assert_eq!(
            shares("1m", (90, 210), (4, 401)),
            [(60, 1, 100), (120, 2, 201), (180, 1, 100)]
        );
    }

    #[test]
    fn leftovers_go_to_the_largest_remainder_then_to_the_earlier() {
        assert_eq!(
            shares("1m", (50, 180), (1, 2)),
            [(0, 0, 0), (60, 1, 1), (120, 0, 1)]
        );
    }

    proptest! {
        #[test]
        fn shares_add_up_and_none_is_off_by_one(
            start_ns in 0..4 * 3_600 * SECOND_NS,
            length_ns in 1..86_401 * SECOND_NS,
            packets: u64,
            bytes: u64,
            every in prop::sample::select(vec!["30s", "15m", "1h", "1d"]),
        ) {
            let every: Every = every.parse().unwrap();
            let until_ns = start_ns + length_ns;
            let mut shares = Vec::new();
            share_out(every, (start_ns, until_ns), (packets, bytes), &mut shares);
            let sum = |of: fn(&BucketShare) -> u64| shares.iter().map(|s| u128::from(of(s))).sum::<u128>();
            prop_assert_eq!(sum(|s| s.packets), u128::from(packets));
            prop_assert_eq!(sum(|s| s.bytes), u128::from(bytes));
            for (share, next) in shares.iter().zip(shares.iter().skip(1)) {
                prop_assert_eq!(share.begin_ns + every.ns(), next.begin_ns);
            }
            for share in &shares {
                let end_ns = share.begin_ns + every.ns();
                prop_assert!(share.begin_ns < until_ns && end_ns > start_ns);
                let held = end_ns.min(until_ns).abs_diff(share.begin_ns.max(start_ns));
                let exact = u128::from(packets) * u128::from(held);
                let off = exact.abs_diff(u128::from(share.packets) * u128::from(length_ns.unsigned_abs()));
                prop_assert!(off < u128::from(length_ns.unsigned_abs()), "less than one packet");
            }
        }
    }
}
