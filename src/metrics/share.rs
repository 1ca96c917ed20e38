//! Division of a record's packets and bytes over the time buckets that it spans.
//!
//! A record counts packets between two instants, but does not say when they were sent. The best
//! assumption is that they were spread evenly, so each bucket gets a share in proportion to its
//! part of the record's interval. Shares are whole numbers: each is rounded down, and the remaining
//! units go, one by one, to the shares that lost most by rounding (the largest remainder method),
//! the earlier one of two equal ones first. So the shares add up to the record.

use std::cmp::Reverse;

use super::every::Every;

/// The share of one time bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketShare {
    /// Start of the bucket, nanoseconds since the Unix epoch.
    pub begin_ns: i64,
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Divides `packets` and `bytes` over the buckets of the interval from `start_ns` to before
/// `until_ns`, nanoseconds since the Unix epoch. The previous contents of `shares` are removed.
/// There is at least one share, for the bucket in which the interval begins.
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

/// Returns whole numbers in proportion to `lengths`, which are not all 0, that add up to `amount`.
fn parts(amount: u64, lengths: &[u64]) -> Vec<u64> {
    let whole: u128 = lengths.iter().map(|length| u128::from(*length)).sum();
    // At most 2^64 times 2^64, which fits.
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
    // Each was reduced by less than 1, so fewer units remain than there are parts.
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
        fn shares_add_up_and_each_is_off_by_less_than_one(
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
