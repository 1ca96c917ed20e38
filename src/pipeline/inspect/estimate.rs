//! Estimates of the result of a conversion, from the counts of records alone.
//!
//! The size of the capture follows from the blocks that are written (`capture/frame.rs`) and the
//! comment on the first packet of each record (`pipeline/convert/framer.rs`); tests compare it with
//! captures. Two things make it too large, and only a conversion knows them: records that were
//! delivered twice, and packets that several ENIs logged, which are written once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::connection::{Detail, PER_RECORD_MAX};
use crate::flow::{Candidate, TCP, UDP};
use crate::pipeline::settling::packet_budget::{DETAILS, DetailChoice, PacketsByDetail};
use crate::summary::WIRESHARK_PACKETS;
use crate::survey::Estimate;

/// The values of `--detail` with their defaults, the default first.
const CHOICES: [(&str, DetailChoice); 4] = [
    (
        "auto",
        DetailChoice::Auto {
            packets: WIRESHARK_PACKETS,
        },
    ),
    ("exact", DetailChoice::Fixed(Detail::Exact)),
    (
        "compact",
        DetailChoice::Fixed(Detail::Compact {
            per_record_max: PER_RECORD_MAX,
        }),
    ),
    ("control", DetailChoice::Fixed(Detail::Control)),
];

/// Instructions that a conversion needs for a record, without its packets: 3,300 to read it, 520 to
/// store it and 2,300 to settle it ("Where the time goes" in benches/README.md).
const RECORD_COST: u128 = 6_120;

/// Instructions for a packet: 850 to rebuild it, 530 for its headers and block, and 520 to sort it
/// (from the same table).
const PACKET_COST: u128 = 1_900;

/// Instructions that a survey needs for a record, by callgrind over 65,000 lines: reading and
/// adding up.
const INSPECT_COST: u128 = 4_000;

/// What reading takes at most that does not grow with the lines, on a busy machine: threads that start,
/// files that are opened.
const START: Duration = Duration::from_millis(500);

/// Bytes of an enhanced packet block without headers and options.
const BLOCK_LEN: u64 = 32;

/// Bytes of the direction option and the end-of-options marker.
const DIRECTION_LEN: u64 = 12;

/// Bytes of the option `action=REJECT`.
const REJECT_LEN: u64 = 20;

/// Bytes of the fixed words and times of a comment, without names and counts:
/// `action=ACCEPT eni= direction=ingress flags= packets= bytes= start=… end=… outcome=complete
/// role=initiator by=… record=:…`.
const COMMENT_LEN: u64 = 4 + 140;

/// Bytes of a section header, and of each interface.
const SECTION_LEN: u64 = 450;
const INTERFACE_LEN: u64 = 190;

/// Packets and bytes with each detail.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Estimator {
    packets: PacketsByDetail,
    bytes: [u64; DETAILS.len()],
}

impl Estimator {
    /// Counts a record of `file` and `eni`.
    pub(crate) fn count(&mut self, o: &Candidate, file: &str, eni: &str) {
        let first = comment_len(o, file, eni);
        let rest = if o.verdict.is_reject() { REJECT_LEN } else { 0 };
        let each = BLOCK_LEN + headers_len(o) + DIRECTION_LEN;
        let mut packets = PacketsByDetail::default();
        packets.count(o);
        self.packets.add(packets);
        for (packets, bytes) in packets.counts().zip(&mut self.bytes) {
            let added = packets.saturating_mul(each + rest);
            *bytes = bytes.saturating_add(added).saturating_add(first - rest);
        }
    }

    /// Adds other counts.
    pub(crate) fn add(&mut self, other: &Self) {
        self.packets.add(other.packets);
        for (mine, theirs) in self.bytes.iter_mut().zip(other.bytes) {
            *mine = mine.saturating_add(theirs);
        }
    }

    /// Returns the estimates for a conversion, given how many microseconds it took to read this many lines,
    /// see [`reading_us`].
    pub(crate) fn estimates(&self, lines: u64, enis: usize, reading_us: u64) -> Vec<Estimate> {
        let around = SECTION_LEN + INTERFACE_LEN * enis as u64;
        let estimate = |(name, choice): (&'static str, DetailChoice)| {
            let detail = choice.for_packets(&self.packets);
            let mut sums = DETAILS.iter().zip(self.packets.counts().zip(self.bytes));
            let sums = sums.find(|(known, _)| **known == detail);
            let (packets, bytes) = sums.map(|(_, sums)| sums).unwrap_or_default();
            Estimate {
                detail: name,
                used: choice.used(detail),
                packets,
                file_bytes: bytes.saturating_add(around),
                elapsed_ms: elapsed_ms(lines, packets, reading_us),
            }
        };
        CHOICES.into_iter().map(estimate).collect()
    }
}

/// Returns the time that grows with the lines, microseconds, of what it took to read them.
pub(crate) fn reading_us(read_in: Duration) -> u64 {
    u64::try_from(read_in.saturating_sub(START).as_micros()).unwrap_or(u64::MAX)
}

fn elapsed_ms(lines: u64, packets: u64, reading_us: u64) -> u64 {
    let (lines, packets) = (u128::from(lines.max(1)), u128::from(packets));
    let cost = (RECORD_COST * lines).saturating_add(PACKET_COST * packets);
    let ms = u128::from(reading_us).saturating_mul(cost) / (INSPECT_COST * lines * 1_000);
    u64::try_from(ms).unwrap_or(u64::MAX)
}

/// Returns the bytes of the headers of a packet that is neither SYN nor RST, in whole words.
fn headers_len(o: &Candidate) -> u64 {
    let ip = if o.key.low.address.is_ipv4() { 20 } else { 40 };
    ip + match o.key.protocol {
        TCP => 32,
        UDP => 8,
        _ => 0,
    }
}

/// Returns the bytes of the comment option on the first packet of a record.
fn comment_len(o: &Candidate, file: &str, eni: &str) -> u64 {
    let file = file.rsplit('/').next().unwrap_or_default();
    let numbers = [Some(o.place.line), Some(o.packets), o.bytes];
    let digits: u32 = numbers
        .iter()
        .flatten()
        .map(|n| n.checked_ilog10().unwrap_or(0) + 1)
        .sum();
    let text = COMMENT_LEN + (file.len() + eni.len()) as u64 + u64::from(digits);
    text.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_a_start_takes_is_not_multiplied() {
        assert_eq!(
            elapsed_ms(85, 500, reading_us(Duration::from_millis(400))),
            0
        );
        let minute = elapsed_ms(1 << 24, 1 << 26, reading_us(Duration::from_secs(60)));
        assert!((200_000..250_000).contains(&minute), "{minute}");
    }
}
