//! Decides how many segments of which kind a record becomes, so that bytes add up.
//!
//! [`crate::connection::parts`] gives the kinds of packets; this module sizes them. Headers take
//! their share of the record's bytes, and the rest is payload, divided over the data segments. In
//! every detail, the sizes of a record's segments add up to its `bytes` exactly; only a record that
//! claims fewer bytes than its headers need gets more, and the extra bytes are counted.

use crate::connection::parts::RecordParts;
use crate::connection::sizes::{BARE, SYN_MAX, Sizes};
use crate::flow::{Viewed, Way};

/// Payload of a full segment on Ethernet with timestamps, in bytes.
const MSS: u64 = 1_448;
/// Payload of a full segment on a network with jumbo frames, as inside a VPC, in bytes.
const MSS_JUMBO: u64 = 8_948;
/// Payload of a typical message that does not fill a segment: requests, TLS handshakes, small
/// answers. Determines how many of a record's segments carry data.
const MESSAGE: u64 = 300;
/// The maximum payload of one segment, well within what Wireshark can show. An IP packet holds
/// 65,535 bytes, but a record whose packets are larger than that still gets as many packets as it
/// counts: the sender's network card segmented them after they were counted.
pub(super) const PAYLOAD_MAX: u64 = 1 << 30;
/// The maximum data of one SYN where a record's SYNs are merged: a full segment on a network with
/// jumbo frames. More goes to a data segment.
const MERGED_SYN_DATA_MAX: u64 = 8_960;
/// The maximum data of one FIN or RST where a record's packets are merged: the capacity of an IP
/// packet.
const MERGED_PACKET_MAX: u64 = 65_000;
/// The maximum number of segments added because of [`PAYLOAD_MAX`]: 64 TiB in one record, which no
/// network interface carries in an interval.
pub(super) const LARGE_SEGMENTS_MAX: u64 = 1 << 16;

/// How much of the logged traffic is written as packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Every logged packet.
    Exact,
    /// At most this many packets per record; data is merged into larger segments.
    Compact {
        /// The cap, in packets per record.
        per_record_max: u64,
    },
    /// Handshake, teardown and one data segment per record.
    Control,
}

/// The default cap of packets per record: enough to see the shape of a transfer, and few enough for
/// Wireshark.
pub const PER_RECORD_MAX: u64 = 64;

impl Default for Detail {
    fn default() -> Self {
        Self::Compact {
            per_record_max: PER_RECORD_MAX,
        }
    }
}

impl Detail {
    /// Returns about how many packets a record with this packet count becomes, at most.
    pub fn packets_max(self, packets: u64) -> u64 {
        match self {
            Self::Exact => packets.min(PACKETS_MAX),
            Self::Compact { per_record_max } => packets.min(per_record_max),
            Self::Control => packets.min(CONTROL_PACKETS),
        }
    }

    /// Returns the finest detail in which records with these packet counts become at most about
    /// `packets_max` packets in all; the coarsest one if none does.
    pub fn finest(packets: impl Iterator<Item = u64> + Clone, packets_max: u64) -> Self {
        let fits = |detail: &Self| {
            let each = packets.clone().map(|packets| detail.packets_max(packets));
            each.fold(0, u64::saturating_add) <= packets_max
        };
        let fine = [Self::Exact, Self::default()].into_iter().find(fits);
        fine.unwrap_or(Self::Control)
    }
}

/// The maximum number of packets that one record becomes, whatever it counts: a counter has 64
/// bits, and anyone can write such a record. The rest is merged into these packets.
pub(super) const PACKETS_MAX: u64 = 1 << 22;

/// The number of packets that [`Detail::Control`] makes of all but a few records: SYN, ACK, data,
/// FIN.
const CONTROL_PACKETS: u64 = 4;

/// The segments of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentPlan {
    /// Index of the record.
    pub record: u32,
    /// Their direction.
    pub way: Way,
    /// The record's window in nanoseconds since the Unix epoch: its first instant, and the first
    /// instant after it.
    pub window: (i64, i64),
    /// Number of SYNs or SYN-ACKs.
    pub syns: u64,
    /// Total length of all SYNs in bytes, including headers.
    pub syn_bytes: u64,
    /// Number of data segments and pure ACKs.
    pub body: u64,
    /// Number of `body` segments that carry data.
    pub data: u64,
    /// Whether the segments include a FIN.
    pub fin: bool,
    /// Number of RSTs.
    pub rsts: u64,
    /// Payload of the data segments, or of the FIN or the last RST if there are no data segments.
    pub payload: u64,
    /// Length of the IP and TCP headers of a segment without SYN or RST.
    pub plain_len: u32,
    /// Length of the IP and TCP headers of a RST.
    pub rst_len: u32,
    /// Length of the IP header in bytes.
    pub ip_len: u32,
    /// Bytes in the segments beyond those in the record.
    pub bytes_added: u64,
    /// Whether there are fewer segments than the record has packets.
    pub merged: bool,
}

impl SegmentPlan {
    /// Sizes the segments of the record with that index.
    pub(super) fn new(
        record: u32,
        o: &Viewed,
        parts: &RecordParts,
        sizes: Sizes,
        detail: Detail,
    ) -> Self {
        let kept = kept(parts, detail);
        let mut plan = Self {
            record,
            way: o.way,
            window: (o.start_ns, o.until_ns()),
            syns: kept.syns,
            syn_bytes: 0,
            body: kept.others - u64::from(kept.fin),
            data: 0,
            fin: kept.fin,
            rsts: kept.rsts,
            payload: 0,
            plain_len: sizes.plain,
            rst_len: sizes.rst(),
            ip_len: sizes.ip,
            bytes_added: 0,
            merged: kept != *parts,
        };
        let syn_len = o
            .bytes
            .map_or(sizes.rst(), |bytes| sizes.syn(&parts.tally(bytes)));
        plan.size(o.bytes, syn_len);
        plan.distribute_payload();
        plan
    }

    /// Returns the number of segments.
    pub(super) fn count(&self) -> u64 {
        self.syns + self.body + u64::from(self.fin) + self.rsts
    }

    /// Sets the bytes of headers and payload, with SYNs of `syn_len` bytes.
    fn size(&mut self, bytes: Option<u64>, syn_len: u32) {
        let rest = (self.body + u64::from(self.fin)) * u64::from(self.plain_len)
            + self.rsts * u64::from(self.rst_len);
        self.syn_bytes = self.syns * u64::from(syn_len);
        let Some(bytes) = bytes else { return };
        if let Some(payload) = bytes.checked_sub(rest + self.syn_bytes) {
            self.payload = payload;
        } else {
            self.syn_bytes = self.syns * u64::from(self.ip_len + BARE);
            let headers = rest + self.syn_bytes;
            self.payload = bytes.saturating_sub(headers);
            self.bytes_added = headers.saturating_sub(bytes);
        }
        if self.body == 0 && !self.fin && self.payload <= self.syns_hold() {
            self.syn_bytes += std::mem::take(&mut self.payload);
        }
    }

    /// Returns the bytes that the SYNs take over from a record without other packets, except RSTs.
    ///
    /// Where RSTs follow, these are TCP options as far as they are whole, and the data of merged
    /// SYNs. Beyond that the last RST carries the payload: a record of two packets with SYN and RST
    /// leaves no third packet for it, and neither of the two is the likelier to have had data.
    fn syns_hold(&self) -> u64 {
        if self.merged {
            self.syns * MERGED_SYN_DATA_MAX
        } else if self.rsts == 0 {
            self.syns.saturating_mul(PAYLOAD_MAX)
        } else if self.payload.is_multiple_of(4) {
            (self.syns * u64::from(self.ip_len + SYN_MAX)).saturating_sub(self.syn_bytes)
        } else {
            0
        }
    }

    /// Decides how many of the body's segments carry the payload.
    fn distribute_payload(&mut self) {
        // Even all segments are not enough where a few represent gigabytes.
        self.payload = self.payload.min(LARGE_SEGMENTS_MAX * PAYLOAD_MAX);
        let needed = self.payload.div_ceil(PAYLOAD_MAX);
        // A FIN or RST carries data only if the record has no data segment. No segment is added for
        // it, because each logged packet becomes exactly one packet.
        let others_hold = match (self.fin || self.rsts > 0, self.merged) {
            (false, _) => 0,
            (true, false) => PAYLOAD_MAX,
            (true, true) => MERGED_PACKET_MAX,
        };
        if needed > self.body && self.payload > others_hold {
            let added = needed.saturating_sub(self.body) * u64::from(self.plain_len);
            self.body = self.body.max(needed);
            self.bytes_added += added.saturating_sub(self.payload);
            self.payload = self.payload.saturating_sub(added);
        }
        if self.body == 0 || self.payload == 0 {
            return;
        }
        let full = [MSS, MSS_JUMBO].map(|mss| self.payload.div_ceil(mss));
        let least = full
            .into_iter()
            .find(|n| *n <= self.body)
            .unwrap_or(self.body);
        let usual = self.payload.div_ceil(MESSAGE);
        self.data = usual.clamp(least.max(1), self.body).min(self.payload);
    }

    /// Counts the FIN as a body segment instead.
    pub(super) fn drop_fin(&mut self) {
        self.fin = false;
        self.body += 1;
        self.distribute_payload();
    }

    /// Puts the data into one segment less, if full segments have room for it.
    pub(super) fn free_segment(&mut self) {
        if self.data > 1 && self.payload <= (self.data - 1) * MSS {
            self.data -= 1;
        }
    }

    /// Returns the payload of the data segment with that index.
    pub(super) fn payload_of(&self, index: u64) -> u32 {
        let share = self.payload / self.data + u64::from(index < self.payload % self.data);
        u32::try_from(share).unwrap_or(u32::MAX)
    }

    /// Returns the payload of the FIN: all payload, if there is no data segment.
    pub(super) fn payload_of_fin(&self) -> u32 {
        let all = if self.data == 0 { self.payload } else { 0 };
        u32::try_from(all).unwrap_or(u32::MAX)
    }

    /// Returns the payload of the RST with that index: all payload on the last RST, if nothing else
    /// carries it.
    pub(super) fn payload_of_rst(&self, index: u64) -> u32 {
        if self.fin || index + 1 < self.rsts {
            0
        } else {
            self.payload_of_fin()
        }
    }

    /// Returns the bytes of the headers and of the payload of the SYN with that index.
    ///
    /// Headers are multiples of 4 bytes long; the rest is data.
    pub(super) fn syn_len(&self, index: u64) -> (u32, u32) {
        let each = (self.syn_bytes / self.syns) & !3;
        let left = self.syn_bytes - each * self.syns;
        let mut len = each + if index < left / 4 { 4 } else { 0 };
        if index + 1 == self.syns {
            len += left % 4;
        }
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        let headers_len = self.ip_len + (len - self.ip_len).min(SYN_MAX) / 4 * 4;
        (headers_len, len - headers_len)
    }
}

/// The maximum number of SYNs and RSTs that [`Detail::Control`] makes of one record.
pub(super) const CONTROL_MAX: u64 = 64;

/// Returns the packets of `parts` that `detail` keeps.
pub(super) fn kept(parts: &RecordParts, detail: Detail) -> RecordParts {
    let most = match detail {
        Detail::Exact => PACKETS_MAX,
        Detail::Compact { per_record_max } => per_record_max.max(4),
        Detail::Control => CONTROL_MAX,
    };
    // One packet of each kind stays.
    let (fin, body_min) = (
        u64::from(parts.fin),
        u64::from(parts.others > u64::from(parts.fin)),
    );
    let rest = most - fin - body_min;
    let syns = parts.syns.min(rest - u64::from(parts.rsts > 0));
    let rsts = parts.rsts.min(rest - syns);
    let mut body = (parts.others - fin).min(rest - syns - rsts + body_min);
    if detail == Detail::Control {
        // The handshake's ACK, one data segment, the ACK of the other side's FIN.
        body = body.min(1 + u64::from(syns > 0) + fin);
    }
    RecordParts {
        syns,
        others: body + fin,
        fin: parts.fin,
        rsts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::sizes::CountedPackets;
    use crate::flow::observation::tests::viewed;

    fn plan(parts: RecordParts, bytes: u64, detail: Detail) -> SegmentPlan {
        let o = viewed(
            Way::Up,
            parts.syns + parts.others + parts.rsts,
            bytes,
            0,
            1,
            0,
        );
        let tally: CountedPackets = parts.tally(bytes);
        SegmentPlan::new(
            0,
            &o,
            &parts,
            Sizes::infer(20, std::iter::once(tally)),
            detail,
        )
    }

    fn sum(p: &SegmentPlan) -> u64 {
        let syns: u64 = (0..p.syns)
            .map(|i| p.syn_len(i))
            .map(|(h, p)| u64::from(h + p))
            .sum();
        let data: u64 = (0..p.data).map(|i| u64::from(p.payload_of(i))).sum();
        let unplaced = if p.data == 0 { p.payload } else { 0 };
        let headers =
            (p.body + u64::from(p.fin)) * u64::from(p.plain_len) + p.rsts * u64::from(p.rst_len);
        syns + data + unplaced + headers
    }

    #[test]
    fn sizes_add_up_in_every_detail() {
        let parts = RecordParts {
            syns: 1,
            others: 99,
            fin: true,
            rsts: 1,
        };
        for detail in [
            Detail::Exact,
            Detail::Compact { per_record_max: 64 },
            Detail::Control,
        ] {
            let p = plan(parts, 123_457, detail);
            assert_eq!((sum(&p), p.bytes_added), (123_457, 0), "{detail:?}");
        }
    }

    #[test]
    fn exact_keeps_every_packet() {
        let p = plan(
            RecordParts {
                syns: 1,
                others: 99,
                fin: true,
                rsts: 0,
            },
            60_000,
            Detail::Exact,
        );
        assert_eq!(p.count(), 100);
    }

    #[test]
    fn compact_keeps_at_most_its_cap() {
        let detail = Detail::Compact { per_record_max: 64 };
        let p = plan(
            RecordParts {
                syns: 1,
                others: 9_999,
                fin: true,
                rsts: 0,
            },
            9_000_000,
            detail,
        );
        assert_eq!((p.count(), p.syns, p.fin), (64, 1, true));
    }

    #[test]
    fn syns_of_unequal_size_add_up() {
        let p = plan(
            RecordParts {
                syns: 3,
                ..RecordParts::default()
            },
            52 + 52 + 48,
            Detail::Exact,
        );
        assert_eq!(
            (0..3).map(|i| p.syn_len(i).0).collect::<Vec<_>>(),
            [52, 52, 48]
        );
    }

    #[test]
    fn rst_after_merged_syns_is_bare() {
        let p = plan(
            RecordParts {
                syns: 100,
                rsts: 1,
                ..RecordParts::default()
            },
            100 * 60 + 40,
            Detail::Compact { per_record_max: 64 },
        );
        assert_eq!((p.syns, p.rsts, p.payload, sum(&p)), (63, 1, 0, 6_040));
    }

    #[test]
    fn bytes_below_the_headers_are_added_and_counted() {
        let p = plan(
            RecordParts {
                others: 3,
                ..RecordParts::default()
            },
            100,
            Detail::Exact,
        );
        assert_eq!((p.payload, p.bytes_added), (0, 20));
    }

    #[test]
    fn terabytes_in_one_record_do_not_exceed_the_segment_limit() {
        let detail = Detail::Compact { per_record_max: 64 };
        let p = plan(
            RecordParts {
                others: 1 << 40,
                ..RecordParts::default()
            },
            1 << 50,
            detail,
        );
        assert_eq!(sum(&p), (1 << 46) + 64 * u64::from(p.plain_len));
        assert!(u64::from(p.payload_of(0)) <= PAYLOAD_MAX);
    }
}
