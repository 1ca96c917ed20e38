//! Finds the header lengths of a connection's segments.
//!
//! A record has totals of bytes and packets, never a single size. But headers have few sizes: 20
//! bytes of TCP, or 32 with timestamps, and a SYN with one of five sets of options. Totals that
//! only one set explains settle the size: 60 + 52 + 52 bytes in three packets are a Linux SYN and
//! two pure ACKs with timestamps.
//!
//! # What is guessed
//! Where the totals allow both, timestamps are assumed to be on, as they are by default in Linux,
//! macOS, iOS and Android.

use crate::flow::Viewed;
use crate::record::ByteUnit;

/// Length of an IPv6 header in bytes.
pub(super) const IPV6_LEN: u32 = 40;
/// Length of the longest IPv6 packet without the Jumbo Payload option (RFC 2675): the header and
/// 65,535 bytes.
pub(super) const IPV6_PLAIN_MAX: u32 = IPV6_LEN + 65_535;
/// Length of that option in bytes. It is taken from the payload, and so from sequence space.
pub(super) const JUMBO_OPTION_LEN: u32 = 8;
/// Length of a TCP header without options in bytes.
pub(super) const BARE: u32 = 20;
/// Length of a TCP header with timestamps in bytes (RFC 7323 section 3.2).
pub(super) const STAMPED: u32 = 32;
/// TCP header lengths of SYNs with timestamps: Linux, Apple.
const SYN_STAMPED: [u32; 2] = [40, 44];
/// TCP header lengths of SYNs without timestamps: Windows, then with fewer options each.
const SYN_PLAIN: [u32; 4] = [32, 28, 24, 20];
/// The longest TCP header of a SYN: its data offset has four bits.
pub(super) const SYN_MAX: u32 = 60;

/// The packets of one record, as far as its flags distinguish them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CountedPackets {
    /// SYNs or SYN-ACKs.
    pub syns: u64,
    /// RSTs, which Linux and Windows send without options.
    pub rsts: u64,
    /// All other packets.
    pub others: u64,
    /// Total bytes.
    pub bytes: u64,
}

/// Header sizes of one connection in bytes, including the IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Length of the IP header: 20 or 40.
    pub ip: u32,
    /// Length of the IP and TCP headers of a segment without SYN or RST.
    pub plain: u32,
    /// Whether SYNs have no options either, because the records count the payload. Their byte counts
    /// got headers without options, so with any others the payload would not be the logged one.
    bare_syns: bool,
}

impl Sizes {
    /// Returns the sizes for records that count the payload; `ip` is the length of the IP header.
    pub(super) fn of_payload(ip: u32) -> Self {
        Self {
            ip,
            plain: ip + BARE,
            bare_syns: true,
        }
    }

    /// Returns the sizes that best explain all `tallies`; `ip` is the length of the IP header.
    pub(super) fn infer(ip: u32, tallies: impl Iterator<Item = CountedPackets> + Clone) -> Self {
        let stamped = Self {
            ip,
            plain: ip + STAMPED,
            bare_syns: false,
        };
        let bare = Self {
            ip,
            plain: ip + BARE,
            bare_syns: false,
        };
        if !tallies.clone().all(|t| stamped.leaves_payload(&t)) {
            return bare;
        }
        let explained = |sizes: Self| tallies.clone().filter(|t| sizes.explains(t)).count();
        let strained = tallies.clone().filter(|t| stamped.strains(t)).count();
        if explained(bare) + strained > explained(stamped) {
            bare
        } else {
            stamped
        }
    }

    fn syn_candidates(self) -> impl Iterator<Item = u32> {
        let stamped = self.plain == self.ip + STAMPED;
        let headers: &'static [u32] = match (stamped, self.bare_syns) {
            (_, true) => &[BARE],
            (true, false) => &SYN_STAMPED,
            (false, false) => &SYN_PLAIN,
        };
        headers.iter().map(move |h| self.ip + h)
    }

    /// Returns the total length of the headers of `tally` if each SYN has `syn` bytes.
    fn headers(self, tally: &CountedPackets, syn: u32) -> u64 {
        let each = |count: u64, len: u32| count.saturating_mul(len.into());
        each(tally.syns, syn)
            .saturating_add(each(tally.rsts, self.rst()))
            .saturating_add(each(tally.others, self.plain))
    }

    /// Whether the bytes are enough for the headers.
    fn leaves_payload(self, tally: &CountedPackets) -> bool {
        let least = self.syn_candidates().min().unwrap_or(self.plain);
        self.headers(tally, least) <= tally.bytes
    }

    /// Whether so little payload is left that timestamps are the likelier explanation.
    fn strains(self, tally: &CountedPackets) -> bool {
        let least = self.syn_candidates().min().unwrap_or(self.plain);
        let left = tally.bytes.saturating_sub(self.headers(tally, least));
        (1..u64::from(STAMPED - BARE)).contains(&left) && !self.explains(tally)
    }

    /// Whether the headers alone account for the bytes.
    fn explains(self, tally: &CountedPackets) -> bool {
        let any_size = tally.syns > 0;
        let mut candidates = self
            .syn_candidates()
            .take(if any_size { usize::MAX } else { 1 });
        candidates.any(|syn| self.headers(tally, syn) == tally.bytes)
    }

    /// Returns the length of the IP and TCP headers of a SYN in a record with this `tally`.
    ///
    /// Records with SYNs only give their size directly. Otherwise the size that explains the bytes
    /// without payload is used, or else the usual size, or a smaller one if that is too large.
    pub(super) fn syn(self, tally: &CountedPackets) -> u32 {
        if tally.syns > 0 && tally.rsts + tally.others == 0 {
            let each = u32::try_from(tally.bytes / tally.syns).unwrap_or(u32::MAX);
            return each.clamp(self.ip + BARE, self.ip + SYN_MAX) & !3;
        }
        let explains = |syn: &u32| self.headers(tally, *syn) == tally.bytes;
        let fits = |syn: &u32| self.headers(tally, *syn) <= tally.bytes;
        let found = self
            .syn_candidates()
            .find(explains)
            .or_else(|| self.syn_candidates().find(fits));
        found.unwrap_or(self.ip + BARE)
    }

    /// Returns the length of the IP and TCP headers of a RST.
    pub(super) fn rst(self) -> u32 {
        self.ip + BARE
    }
}

/// Whether the bytes are exactly those of bare headers, as RSTs are sent.
pub(super) fn only_bare(o: &Viewed) -> bool {
    let bare = u64::from(ip_len(o) + BARE);
    o.bytes
        .is_none_or(|bytes| bytes == o.packets.saturating_mul(bare))
}

/// Whether all packets have the same size, and it is a size of SYNs. Where the record counts the
/// payload, the options are unknown; then it is whether there is no payload, and no round trip was
/// measured, which takes an answer.
pub(super) fn have_syn_size(o: &Viewed) -> bool {
    if counts_payload(o) {
        return only_bare(o) && o.rtt_ms.is_none();
    }
    let n = o.packets.max(1);
    let Some(bytes) = o.bytes else {
        return n == 1;
    };
    let options = (bytes / n).checked_sub(u64::from(ip_len(o) + BARE));
    if n == 1 {
        return options.is_some_and(|bytes| bytes <= u64::from(SYN_MAX - BARE) && bytes % 4 == 0);
    }
    bytes % n == 0 && matches!(options, Some(4 | 8 | 12 | 20 | 24))
}

/// Whether all packets can be SYNs without payload. The lengths of TCP headers are multiples of 4
/// bytes. A record with fewer bytes than bare headers has no payload either.
pub(super) fn syn_headers_suffice(o: &Viewed) -> bool {
    let n = o.packets.max(1);
    let each = |len: u32| u64::from(ip_len(o) + len).saturating_mul(n);
    o.bytes.is_none_or(|bytes| {
        bytes <= each(BARE) || bytes <= each(SYN_MAX) && bytes.is_multiple_of(4)
    })
}

/// Whether the bytes are exactly those of SYNs of one usual size, or without options, and a bare
/// RST. A side that sends a RST has mostly received something, so other sizes mean that it sent
/// data too.
pub(super) fn only_syns_and_rst(o: &Viewed) -> bool {
    let bare = u64::from(ip_len(o) + BARE);
    let syns = o.packets.saturating_sub(1).max(1);
    o.bytes.is_none_or(|bytes| {
        let Some(rest) = bytes.checked_sub(bare) else {
            return true;
        };
        let usual = matches!(
            (rest / syns).checked_sub(bare),
            Some(0 | 4 | 8 | 12 | 20 | 24)
        );
        rest <= bare.saturating_mul(syns) || rest.is_multiple_of(syns) && usual
    })
}

/// Whether the record counts the payload, so that the sizes of its headers are unknown.
pub(super) fn counts_payload(o: &Viewed) -> bool {
    o.byte_unit == ByteUnit::Payload
}

/// Returns the length of the IP header in bytes.
pub(super) fn ip_len(o: &Viewed) -> u32 {
    if o.key.is_ipv6() { IPV6_LEN } else { 20 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(syns: u64, others: u64, bytes: u64) -> CountedPackets {
        CountedPackets {
            syns,
            rsts: 0,
            others,
            bytes,
        }
    }

    #[track_caller]
    fn check(tallies: &[CountedPackets], plain: u32, syn: u32) {
        let sizes = Sizes::infer(20, tallies.iter().copied());
        assert_eq!((sizes.plain, sizes.syn(&tallies[0])), (plain, syn));
    }

    #[test]
    fn linux_syn_and_two_acks_have_timestamps() {
        check(&[tally(1, 2, 60 + 52 + 52)], 52, 60);
    }

    #[test]
    fn apple_syn_and_two_acks_have_timestamps() {
        check(&[tally(1, 2, 64 + 52 + 52)], 52, 64);
    }

    #[test]
    fn windows_syn_and_two_acks_have_no_timestamps() {
        check(&[tally(1, 2, 52 + 40 + 40)], 40, 52);
    }

    #[test]
    fn scanner_syn_without_options_has_no_timestamps() {
        check(&[tally(1, 0, 40)], 40, 40);
    }

    #[test]
    fn one_direction_too_small_for_timestamps_means_none() {
        check(&[tally(1, 9, 9000), tally(0, 3, 120)], 40, 52);
    }

    #[test]
    fn bytes_that_allow_both_are_read_as_linux() {
        check(&[tally(1, 9, 9000)], 52, 60);
    }

    #[test]
    fn fewer_bytes_than_headers_do_not_underflow() {
        check(&[tally(1, 9, 10)], 40, 40);
    }
}
