//! Encoding of one record, for the buckets between two stages.
//!
//! A record takes about 45 bytes instead of 160. It begins with a word that says which fields it
//! has and how many bytes each of its numbers takes; then come the addresses and ports, and the
//! numbers in little-endian order. A number is written as eight bytes, of which the next number
//! overwrites the unused ones, and read as eight bytes and masked, so neither direction loops or
//! branches.
//!
//! The encoding is only for the present run; no other program or run reads it.

use std::net::IpAddr;

use crate::flow::{
    Candidate, ConnectionKey, Endpoint, EniIndex, Observation, Place, ReasonIndex, RejectReason,
    TagsIndex, TrafficPath, Verdict, Viewed, Way,
};
use crate::record::{ByteUnit, ObservedFlags};
use crate::time::SECOND_NS;

/// The most bytes of a record: the word, two addresses with ports, nine numbers.
pub(crate) const LEN_MAX: usize = 8 + 2 * 18 + 9 * 8;

/// About the fewest bytes of a record: small numbers, and IPv4.
pub(crate) const LEN_LEAST: usize = 8 + 2 * 6 + 4 + 3;

/// Bytes read for a number, even if the record ends with it.
const NUMBER_LEN: usize = 8;

/// Nine numbers whose lengths, 0 to 8, take four bits each of the first word.
const LENGTHS_BITS: u32 = 4 * 9;

/// Bits of `traffic-path`. It shares one number with the clock above it, the rejecting ENI above both,
/// and then the unit of bytes and the round trip time, so that none of these takes a byte if a record
/// has none of them.
const PATH_BITS: u32 = 4;

/// Bits of a clock correction, which is a whole number of seconds and at most five
/// (`flow/clock.rs`).
const CLOCK_BITS: u32 = 4;

/// Bits of the rejecting ENI: 0 for none, otherwise its number plus one.
const ENI_BITS: u32 = 33;

/// Bits of a unit of bytes.
const UNIT_BITS: u32 = 2;

/// An encoded record.
pub(crate) struct EncodedRecord {
    bytes: [u8; LEN_MAX + NUMBER_LEN],
    len: usize,
}

impl EncodedRecord {
    /// Encodes a record.
    pub(crate) fn of(o: &Viewed) -> Self {
        let mut encoded = Self {
            bytes: [0; _],
            len: 8,
        };
        encoded.put_endpoint(&o.key.low);
        encoded.put_endpoint(&o.key.high);
        let times = Times::of(o);
        let rejected_at = o.rejected_at.map_or(0, |eni| u64::from(eni.0) + 1);
        let numbers = [
            o.packets,
            o.bytes.unwrap_or_default(),
            times.start,
            times.length,
            o.place.line,
            high_and_low(reason(o), o.place.file),
            high_and_low(o.tags.0, o.eni.0),
            (rare(o) << ENI_BITS | rejected_at) << (CLOCK_BITS + PATH_BITS)
                | clock(o) << PATH_BITS
                | u64::from(o.path.map_or(0, TrafficPath::number)),
            o.left_out,
        ];
        let mut front = 0;
        for number in numbers {
            front = front << 4 | encoded.put_number(number);
        }
        front |= facts(o, times.in_seconds) << LENGTHS_BITS;
        encoded.bytes[..8].copy_from_slice(&front.to_le_bytes());
        encoded
    }

    /// Returns the bytes, for [`unpack`].
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn put_endpoint(&mut self, endpoint: &Endpoint) {
        match endpoint.address {
            IpAddr::V4(address) => self.put(&address.octets()),
            IpAddr::V6(address) => self.put(&address.octets()),
        }
        self.put(&endpoint.port.to_le_bytes());
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Appends a number; returns how many bytes it takes.
    fn put_number(&mut self, number: u64) -> u64 {
        self.bytes[self.len..self.len + NUMBER_LEN].copy_from_slice(&number.to_le_bytes());
        let len = (u64::BITS - number.leading_zeros()).div_ceil(8);
        self.len += len as usize;
        len.into()
    }
}

/// Returns two numbers as one. Most records have 0 above, which takes no byte.
fn high_and_low(high: u32, low: u32) -> u64 {
    u64::from(high) << u32::BITS | u64::from(low)
}

/// Returns the number of a reason that is not known; 0 for any other.
fn reason(o: &Viewed) -> u32 {
    match o.verdict {
        Verdict::Reject(RejectReason::Other(reason)) => reason.0,
        _ => 0,
    }
}

/// Returns the seconds by which a record's clock was corrected, in [`CLOCK_BITS`].
fn clock(o: &Viewed) -> u64 {
    let seconds = zigzag(o.clock_ns / SECOND_NS);
    debug_assert!(seconds >> CLOCK_BITS == 0 && o.clock_ns % SECOND_NS == 0);
    seconds & ((1 << CLOCK_BITS) - 1)
}

/// Returns the facts that few logs have, in 19 bits: the unit of bytes, and the round trip time plus
/// one, or 0 for none.
fn rare(o: &Viewed) -> u64 {
    let rtt = o.rtt_ms.map_or(0, |rtt| u64::from(rtt) + 1);
    let unit = match o.byte_unit {
        ByteUnit::IpPacket => 0,
        ByteUnit::Payload => 1,
        ByteUnit::EthernetFrame => 2,
    };
    rtt << UNIT_BITS | unit
}

/// Decodes the unit of bytes from [`rare`].
fn byte_unit(rare: u64) -> ByteUnit {
    match rare & ((1 << UNIT_BITS) - 1) {
        0 => ByteUnit::IpPacket,
        1 => ByteUnit::Payload,
        _ => ByteUnit::EthernetFrame,
    }
}

/// Decodes the round trip time from [`rare`].
fn rtt_ms(rare: u64) -> Option<u16> {
    (rare >> UNIT_BITS)
        .checked_sub(1)
        .map(|rtt| (rtt & 0xffff) as u16)
}

/// Start and length of a record, in seconds if both are whole seconds.
struct Times {
    start: u64,
    length: u64,
    in_seconds: bool,
}

impl Times {
    fn of(o: &Viewed) -> Self {
        let (start_ns, length_ns) = (o.start_ns, o.end_ns.wrapping_sub(o.start_ns));
        let in_seconds = start_ns % SECOND_NS == 0 && length_ns % SECOND_NS == 0;
        let unit = if in_seconds { SECOND_NS } else { 1 };
        Self {
            start: zigzag(start_ns / unit),
            length: zigzag(length_ns / unit),
            in_seconds,
        }
    }
}

/// Returns the properties of a record as 28 bits: protocol and `tcp-flags`, then the flag bits, then
/// the verdict.
fn facts(o: &Viewed, in_seconds: bool) -> u64 {
    let verdict = match o.verdict {
        Verdict::Accept => 0,
        Verdict::Reject(RejectReason::Unsaid) => 1,
        Verdict::Reject(RejectReason::BlockPublicAccess) => 2,
        Verdict::Reject(RejectReason::EncryptionControls) => 3,
        Verdict::Reject(RejectReason::Other(_)) => 4,
        Verdict::Reject(RejectReason::NetworkFirewall) => 5,
    };
    let flags = [
        (HAS_FLAGS, o.flags.is_some()),
        (HAS_BYTES, o.bytes.is_some()),
        (HAS_LEAVING, o.leaving.is_some()),
        (IS_LEAVING, o.leaving == Some(true)),
        (WAY_IS_DOWN, o.way == Way::Down),
        (IS_MATCHED, o.matched),
        (LOW_IS_V6, o.key.low.address.is_ipv6()),
        (HIGH_IS_V6, o.key.high.address.is_ipv6()),
        (IN_SECONDS, in_seconds),
    ];
    let mut facts = verdict << FLAG_BITS;
    for (bit, is_set) in flags {
        facts |= u64::from(is_set) << bit;
    }
    facts << 16 | u64::from(o.observed().0) << 8 | u64::from(o.key.protocol)
}

/// Decodes the verdict from [`facts`]; `reason` is the number of a reason that is not known.
fn verdict(number: u64, reason: u32) -> Verdict {
    match number {
        0 => Verdict::Accept,
        1 => Verdict::Reject(RejectReason::Unsaid),
        2 => Verdict::Reject(RejectReason::BlockPublicAccess),
        3 => Verdict::Reject(RejectReason::EncryptionControls),
        5 => Verdict::Reject(RejectReason::NetworkFirewall),
        _ => Verdict::Reject(RejectReason::Other(ReasonIndex(reason))),
    }
}

// The positions of the flag bits in the properties.
const HAS_FLAGS: u32 = 0;
const HAS_BYTES: u32 = 1;
const HAS_LEAVING: u32 = 2;
const IS_LEAVING: u32 = 3;
const WAY_IS_DOWN: u32 = 4;
const IS_MATCHED: u32 = 5;
const LOW_IS_V6: u32 = 6;
const HIGH_IS_V6: u32 = 7;
const IN_SECONDS: u32 = 8;
/// The number of flag bits.
const FLAG_BITS: u32 = 9;

/// Decodes the first record in `bytes`; `None` after the last.
pub(crate) fn unpack(bytes: &mut &[u8]) -> Option<Viewed> {
    let mut padded = [0; LEN_MAX + NUMBER_LEN];
    let (record, len) = match bytes.first_chunk() {
        Some(record) => Unpacker::record(record),
        None if bytes.is_empty() => return None,
        None => {
            padded[..bytes.len()].copy_from_slice(bytes);
            Unpacker::record(&padded)
        }
    };
    *bytes = &bytes[len..];
    Some(record)
}

/// Decodes the first record in `bytes`, which was stored as it was logged.
pub(crate) fn unpack_candidate(bytes: &mut &[u8]) -> Option<Candidate> {
    let Viewed {
        observation,
        matched,
        ..
    } = unpack(bytes)?;
    Some(Candidate {
        observation,
        matched,
    })
}

/// What a record's first word says, without decoding the record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EncodedHead<'b> {
    /// All of its bytes.
    pub bytes: &'b [u8],
    /// Whether the record matches the filter.
    pub matched: bool,
    /// The endpoints, and the protocol with the address families. Equal for equal keys.
    pub key: (&'b [u8], u64),
}

/// Returns the head of the first record in `bytes`; `None` after the last.
pub(crate) fn next_head<'b>(bytes: &mut &'b [u8]) -> Option<EncodedHead<'b>> {
    let word = u64::from_le_bytes(*bytes.first_chunk()?);
    let facts = word >> LENGTHS_BITS;
    let bit = |bit: u32| facts >> (16 + bit) & 1;
    let endpoint_len = |is_v6: u64| if is_v6 == 1 { 18_usize } else { 6 };
    let endpoints_end = 8 + endpoint_len(bit(LOW_IS_V6)) + endpoint_len(bit(HIGH_IS_V6));
    let lengths = (0..LENGTHS_BITS)
        .step_by(4)
        .map(|at| (word >> at & 0xf) as usize);
    let len = endpoints_end + lengths.sum::<usize>();
    let (record, rest) = bytes.split_at(len);
    *bytes = rest;
    let families = bit(LOW_IS_V6) << 1 | bit(HIGH_IS_V6);
    Some(EncodedHead {
        bytes: record,
        matched: bit(IS_MATCHED) == 1,
        key: (&record[8..endpoints_end], families << 8 | facts & 0xff),
    })
}

/// Decodes one record.
struct Unpacker<'a> {
    bytes: &'a [u8; LEN_MAX + NUMBER_LEN],
    at: usize,
    /// The remaining bits of the first word.
    front: u64,
}

impl<'a> Unpacker<'a> {
    /// Returns the record and its length in bytes.
    fn record(bytes: &'a [u8; LEN_MAX + NUMBER_LEN]) -> (Viewed, usize) {
        let mut unpacker = Self {
            bytes,
            at: 0,
            front: 0,
        };
        let word = unpacker.word();
        unpacker.at = 8;
        let facts = word >> LENGTHS_BITS;
        let is_set = |bit: u32| facts >> (16 + bit) & 1 == 1;
        let low = unpacker.endpoint(is_set(LOW_IS_V6));
        let high = unpacker.endpoint(is_set(HIGH_IS_V6));
        // The length of the first number is in the highest bits.
        unpacker.front = word << (u64::BITS - LENGTHS_BITS);
        let packets = unpacker.number();
        let bytes = unpacker.number();
        let (start, length) = (unpacker.number(), unpacker.number());
        let unit = if is_set(IN_SECONDS) { SECOND_NS } else { 1 };
        let start_ns = unzigzag(start) * unit;
        let line = unpacker.number();
        let [reason, file] = unpacker.halves();
        let [tags, eni] = unpacker.halves();
        let rejection = unpacker.number();
        let rejected_at = rejection >> (PATH_BITS + CLOCK_BITS) & ((1 << ENI_BITS) - 1);
        let rare = rejection >> (PATH_BITS + CLOCK_BITS + ENI_BITS);
        let clock = rejection >> PATH_BITS & ((1 << CLOCK_BITS) - 1);
        let path = rejection & ((1 << PATH_BITS) - 1);
        let left_out = unpacker.number();
        let observation = Observation {
            key: ConnectionKey {
                low,
                high,
                protocol: (facts & 0xff) as u8,
            },
            way: if is_set(WAY_IS_DOWN) {
                Way::Down
            } else {
                Way::Up
            },
            leaving: is_set(HAS_LEAVING).then(|| is_set(IS_LEAVING)),
            verdict: verdict(facts >> (16 + FLAG_BITS), reason),
            flags: is_set(HAS_FLAGS).then_some(ObservedFlags((facts >> 8 & 0xff) as u8)),
            eni: EniIndex(eni),
            tags: TagsIndex(tags),
            path: TrafficPath::of(path as u8),
            packets,
            bytes: is_set(HAS_BYTES).then_some(bytes),
            byte_unit: byte_unit(rare),
            rtt_ms: rtt_ms(rare),
            start_ns,
            end_ns: start_ns.wrapping_add(unzigzag(length) * unit),
            place: Place { file, line },
        };
        let record = Viewed {
            observation,
            matched: is_set(IS_MATCHED),
            rejected_at: rejected_at
                .checked_sub(1)
                .map(|eni| EniIndex((eni & 0xffff_ffff) as u32)),
            clock_ns: unzigzag(clock) * SECOND_NS,
            left_out,
        };
        (record, unpacker.at)
    }

    fn endpoint(&mut self, is_v6: bool) -> Endpoint {
        let address = if is_v6 {
            IpAddr::from(self.take::<16>())
        } else {
            IpAddr::from(self.take::<4>())
        };
        Endpoint {
            address,
            port: u16::from_le_bytes(self.take()),
        }
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let taken = self.bytes[self.at..].first_chunk();
        self.at += N;
        *taken.expect("the longest record is followed by space for one more number")
    }

    /// Returns the next eight bytes.
    fn word(&self) -> u64 {
        let word = self.bytes[self.at..].first_chunk();
        u64::from_le_bytes(
            *word.expect("the longest record is followed by space for one more number"),
        )
    }

    /// Decodes the next number.
    fn number(&mut self) -> u64 {
        let len = (self.front >> 60) as usize;
        self.front <<= 4;
        let word = self.word();
        self.at += len;
        // Two shifts, since a shift by 64 is not allowed.
        word & !(u64::MAX << (4 * len) << (4 * len))
    }

    /// Decodes the next number as two of 32 bits, see [`high_and_low`].
    fn halves(&mut self) -> [u32; 2] {
        let number = self.number();
        [
            (number >> u32::BITS & 0xffff_ffff) as u32,
            (number & 0xffff_ffff) as u32,
        ]
    }
}

/// Maps a number near 0 of either sign to a small number.
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::observation::tests::{viewed, with};

    #[test]
    fn heads_are_those_of_the_records() {
        let plain = viewed(Way::Up, 3, 180, 10, 12, 2);
        let matched = with(plain, |o| (o.key.protocol, o.packets) = (17, u64::MAX));
        let other = Viewed {
            matched: !plain.matched,
            ..extreme()
        };
        let records = [
            plain,
            other,
            Viewed {
                matched: false,
                ..matched
            },
            other,
            plain,
        ];
        let encoded = records.map(|o| EncodedRecord::of(&o));
        let bytes: Vec<u8> = encoded.iter().flat_map(|o| o.bytes().to_vec()).collect();
        let mut rest = &bytes[..];
        let heads: Vec<_> = std::iter::from_fn(|| next_head(&mut rest)).collect();
        assert_eq!(heads.len(), records.len());
        for ((a, head), encoded) in records.iter().zip(&heads).zip(&encoded) {
            assert_eq!((head.bytes, head.matched), (encoded.bytes(), a.matched));
            for (b, other) in records.iter().zip(&heads) {
                assert_eq!(head.key == other.key, a.key == b.key);
            }
        }
    }

    fn extreme() -> Viewed {
        let mut o = viewed(Way::Down, u64::MAX, u64::MAX, 0, 0, 255);
        (o.start_ns, o.end_ns, o.clock_ns) = (i64::MIN, i64::MAX, -8 * SECOND_NS);
        o.left_out = u64::MAX;
        (o.place.file, o.place.line) = (u32::MAX, u64::MAX);
        (o.eni, o.rejected_at) = (EniIndex(u32::MAX), Some(EniIndex(u32::MAX)));
        o.tags = TagsIndex(u32::MAX);
        o.path = TrafficPath::of(8);
        o.key.low.address = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap();
        o.key.high = o.key.low;
        (o.key.low.port, o.key.protocol) = (u16::MAX, u8::MAX);
        o
    }

    /// Returns records that differ from a common one in one field each, and the longest record.
    fn records() -> Vec<Viewed> {
        let common = viewed(Way::Up, 3, 180, 10, 12, 2);
        let mut records = vec![common; 18];
        records[1].leaving = None;
        records[2].leaving = Some(false);
        (records[3].flags, records[4].bytes) = (None, None);
        (records[5].matched, records[6].rejected_at) = (false, Some(EniIndex(0)));
        records[7].start_ns += 1;
        records[8].end_ns += 1_000_000;
        records[9].clock_ns = -2 * SECOND_NS;
        records[10].key.high.address = "2001:db8::1".parse().unwrap();
        records[11] = extreme();
        records[12].path = TrafficPath::of(8);
        records[13].path = TrafficPath::of(1);
        records[13].rejected_at = Some(EniIndex(7));
        records[13].clock_ns = 5 * SECOND_NS;
        (records[14].left_out, records[15].clock_ns) = (17, 7 * SECOND_NS);
        (records[16].byte_unit, records[16].rtt_ms) = (ByteUnit::Payload, Some(u16::MAX));
        records[16].rejected_at = Some(EniIndex(u32::MAX));
        (records[17].byte_unit, records[17].rtt_ms) = (ByteUnit::EthernetFrame, Some(0));
        let reasons = [
            RejectReason::Unsaid,
            RejectReason::BlockPublicAccess,
            RejectReason::EncryptionControls,
            RejectReason::NetworkFirewall,
            RejectReason::Other(ReasonIndex(u32::MAX)),
        ];
        records.extend(reasons.map(|reason| with(common, |o| o.verdict = Verdict::Reject(reason))));
        for shift in 0..64 {
            let packets = u64::MAX >> shift;
            records.push(with(common, |o| o.packets = packets));
        }
        records
    }

    #[test]
    fn records_come_back_as_they_were() {
        let records = records();
        let encoded: Vec<EncodedRecord> = records.iter().map(EncodedRecord::of).collect();
        let bytes: Vec<u8> = encoded
            .iter()
            .flat_map(EncodedRecord::bytes)
            .copied()
            .collect();
        let mut rest = &bytes[..];
        let back: Vec<Viewed> = std::iter::from_fn(|| unpack(&mut rest)).collect();
        assert_eq!(back, records);
        assert!(rest.is_empty());
    }

    #[test]
    fn common_record_is_encoded_in_a_quarter_of_its_size_in_memory() {
        let common = viewed(Way::Up, 3, 180, 1_773_454_500, 1_773_454_559, 2);
        let len = EncodedRecord::of(&common).bytes().len();
        assert!(len * 4 <= size_of::<Viewed>(), "{len}");
    }
}
