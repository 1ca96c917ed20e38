//! Divides a record's packets into SYNs, RSTs, a FIN, and others.
//!
//! `tcp-flags` records which flags occurred in an interval, not how often. The default reading is
//! one SYN, one FIN and one RST. More are assumed only where nothing else fits: an unanswered SYN
//! was repeated; three packets with the size and flags of a SYN were three SYNs; packets that add
//! up to bare RSTs were RSTs. A SYN or RST is never repeated so often that no packet is left for
//! the payload: SYN and RST in one record with payload were SYN, data and RST.

use crate::connection::infer::infer_flags;
use crate::connection::inference::InferenceRule;
use crate::connection::role::Role;
use crate::connection::sizes::{
    BARE, CountedPackets, have_syn_size, ip_len, only_bare, only_syns_and_rst, syn_headers_suffice,
};
use crate::flow::{Viewed, Way};
use crate::record::ObservedFlags;

/// A side that has closed answers each further segment with a RST (RFC 9293 section 3.10.7.4), so
/// FIN and RST in one record mean several RSTs. A side that sent little data had few other packets
/// to send. Where all of the side's data fits one message, 0.55 of the packets that no flag accounts for
/// are RSTs (median of 69 real sides; 0.50 of 9 and 0.05 of 5 in two other collections). Where it sent
/// more, it is 0.12 (22 sides; 0.03 of 8 and 0.07 of 9).
const RSTS_OF_TERSE: Fraction = Fraction { part: 2, whole: 3 };
const RSTS_OF_OTHERS: Fraction = Fraction { part: 1, whole: 8 };

/// The most RSTs beyond the first: they answer what was in flight, which is a window of ten segments at
/// first (RFC 6928). Seven of these 122 sides sent more.
const FURTHER_RSTS_MAX: u64 = 10;

/// Maximum payload of one message in bytes, such as a ClientHello or a request.
const ONE_MESSAGE: u64 = 700;

/// Average length of TCP options in bytes, over RSTs and segments with timestamps.
const OPTIONS_MEAN: u32 = 8;

/// A fraction.
#[derive(Clone, Copy)]
struct Fraction {
    part: u64,
    whole: u64,
}

/// The result of reading the flags of a connection's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FlagReading {
    /// The parts of each record, in the order of the records.
    pub parts: Vec<RecordParts>,
    /// Whether flags are presumed because the records have none.
    pub presumed: bool,
}

/// The packets of one record, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RecordParts {
    /// SYNs of the initiator or SYN-ACKs of the responder.
    pub syns: u64,
    /// Data, pure ACKs and the FIN.
    pub others: u64,
    /// Whether one of `others` is a FIN.
    pub fin: bool,
    /// RSTs.
    pub rsts: u64,
}

impl RecordParts {
    /// Returns the counts together with the bytes of the record.
    pub(super) fn tally(&self, bytes: u64) -> CountedPackets {
        CountedPackets {
            syns: self.syns,
            rsts: self.rsts,
            others: self.others,
            bytes,
        }
    }
}

/// Reads the records of one TCP connection, in order of start time.
pub(super) fn read(records: &[Viewed], role: Role) -> FlagReading {
    let is_bare = records.iter().all(|o| o.flags.is_none());
    let flags = if is_bare && InferenceRule::PresumedFlags.applies() {
        infer_flags(records, role)
    } else {
        records.iter().map(|o| o.observed()).collect()
    };
    let presumed = records
        .iter()
        .zip(&flags)
        .any(|(o, flags)| *flags != o.observed());
    let sides = Way::BOTH.map(|way| WaySummary::of(records, &flags, way));
    let part = |(o, flags): (&Viewed, &ObservedFlags)| {
        let (own, peer) = (sides[o.way.index()], sides[o.way.reverse().index()]);
        parts(o, *flags, own, peer)
    };
    FlagReading {
        parts: records.iter().zip(&flags).map(part).collect(),
        presumed,
    }
}

/// A summary of all records of one direction.
#[derive(Clone, Copy, Debug, Default)]
struct WaySummary {
    packets: u64,
    /// Every record has only SYN or SYN-ACK set, and packets of the size of a SYN.
    only_syns: bool,
    /// No record has bytes that the headers of SYNs do not account for.
    fits_syns: bool,
    syn_ack: bool,
    only_rsts: bool,
    fin: bool,
}

impl WaySummary {
    fn of(records: &[Viewed], flags: &[ObservedFlags], way: Way) -> Self {
        let own = || records.iter().zip(flags).filter(move |(o, _)| o.way == way);
        let pure_syn = ObservedFlags::SYN_ACK.0;
        Self {
            packets: own().fold(0, |sum, (o, _)| sum.saturating_add(o.packets)),
            only_syns: own().all(|(o, f)| {
                f.contains(ObservedFlags::SYN) && f.0 & !pure_syn == 0 && have_syn_size(o)
            }),
            fits_syns: own().all(|(o, f)| {
                if f.contains(ObservedFlags::RST) {
                    only_syns_and_rst(o)
                } else {
                    syn_headers_suffice(o)
                }
            }),
            syn_ack: own().any(|(_, f)| f.is_syn_ack()),
            fin: own().any(|(_, f)| f.contains(ObservedFlags::FIN)),
            only_rsts: own().all(|(_, f)| f.contains(ObservedFlags::RST)),
        }
    }
}

fn parts(o: &Viewed, flags: ObservedFlags, own: WaySummary, peer: WaySummary) -> RecordParts {
    let n = o.packets.max(1);
    let syn = flags.contains(ObservedFlags::SYN);
    let rst = flags.contains(ObservedFlags::RST);
    let fin = flags.contains(ObservedFlags::FIN);
    let named = u64::from(syn) + u64::from(rst) + u64::from(fin);
    let mut parts = RecordParts {
        syns: u64::from(syn),
        others: 0,
        fin,
        rsts: u64::from(rst),
    };
    if named >= n {
        // Fewer packets than flags: one segment had several flags. SYN and RST are stronger
        // evidence than FIN.
        parts.fin = fin && !syn && !rst;
        parts.rsts = u64::from(rst && (!syn || n > 1));
        parts.others = n - parts.syns - parts.rsts;
        parts.fin |= fin && parts.others > 0;
        return parts;
    }
    let spare = n - named;
    parts.others = u64::from(fin);
    if syn && !fin && repeats_syn(flags, own, peer) {
        parts.syns += spare;
    } else if rst && !syn && !fin && only_bare(o) {
        parts.rsts += spare;
    } else if rst && fin && peer.fin && InferenceRule::FurtherRsts.applies() {
        let Fraction { part, whole } = if is_terse(o) {
            RSTS_OF_TERSE
        } else {
            RSTS_OF_OTHERS
        };
        let rsts = spare / whole * part + spare % whole * part / whole;
        let rsts = rsts.min(FURTHER_RSTS_MAX);
        parts.rsts += rsts;
        parts.others += spare - rsts;
    } else {
        parts.others += spare;
    }
    parts
}

/// Whether all packets of a record with SYN set were SYNs, except for those that other flags
/// account for: the SYNs were not answered, or the connection did not continue.
fn repeats_syn(flags: ObservedFlags, own: WaySummary, peer: WaySummary) -> bool {
    if flags.is_syn_ack() {
        return own.only_syns && peer.only_syns;
    }
    let unanswered = peer.packets == 0 || (peer.only_rsts && !peer.syn_ack);
    unanswered && own.fits_syns || (own.only_syns && peer.only_syns)
}

/// Whether the payload of the record fits one message.
fn is_terse(o: &Viewed) -> bool {
    let headers = u64::from(ip_len(o) + BARE + OPTIONS_MEAN).saturating_mul(o.packets);
    o.bytes
        .is_none_or(|bytes| bytes.saturating_sub(headers) <= ONE_MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::role;
    use crate::flow::observation::tests::{viewed, with};

    #[track_caller]
    fn check(records: &[Viewed], expected: &[(u64, u64, bool, u64)]) {
        let reading = read(records, role::role(records));
        let found: Vec<_> = reading
            .parts
            .iter()
            .map(|p| (p.syns, p.others, p.fin, p.rsts))
            .collect();
        assert_eq!(found, expected);
    }

    fn up(packets: u64, bytes: u64, flags: u8) -> Viewed {
        viewed(Way::Up, packets, bytes, 0, 10, flags)
    }

    fn down(packets: u64, bytes: u64, flags: u8) -> Viewed {
        viewed(Way::Down, packets, bytes, 0, 10, flags)
    }

    #[test]
    fn packets_without_an_answer_are_all_syns() {
        check(&[up(4, 240, 2)], &[(4, 0, false, 0)]);
    }

    #[test]
    fn unanswered_packets_too_large_for_syns_are_one_syn_and_more() {
        check(&[up(10, 1000, 2)], &[(1, 9, false, 0)]);
    }

    #[test]
    fn unanswered_packets_with_payload_are_syn_data_and_rst() {
        check(&[up(5, 400, 6)], &[(1, 3, false, 1)]);
        check(&[up(5, 360, 6)], &[(1, 3, false, 1)]);
        check(
            &[up(3, 300, 6), down(1, 40, 4)],
            &[(1, 1, false, 1), (0, 0, false, 1)],
        );
    }

    #[test]
    fn unanswered_packets_that_add_up_to_syns_and_a_rst_are_these() {
        check(&[up(4, 3 * 60 + 40, 6)], &[(3, 0, false, 1)]);
        check(&[up(3, 2 * 52 + 40, 6)], &[(2, 0, false, 1)]);
    }

    #[test]
    fn unanswered_packets_whose_bytes_no_header_accounts_for_are_one_syn_and_data() {
        check(&[up(4, 241, 2)], &[(1, 3, false, 0)]);
        check(&[up(3, 101, 2)], &[(3, 0, false, 0)]);
    }

    #[test]
    fn connection_that_continues_has_one_syn() {
        check(
            &[up(9, 1000, 3), down(8, 5000, 19)],
            &[(1, 8, true, 0), (1, 7, true, 0)],
        );
    }

    #[test]
    fn each_refused_syn_gets_one_rst() {
        check(
            &[up(3, 156, 2), down(3, 120, 4)],
            &[(3, 0, false, 0), (0, 0, false, 3)],
        );
    }

    #[test]
    fn half_open_connection_repeats_the_syn_ack() {
        check(
            &[up(1, 60, 2), down(5, 300, 18)],
            &[(1, 0, false, 0), (5, 0, false, 0)],
        );
    }

    #[test]
    fn syn_and_syn_ack_are_both_repeated_where_the_reply_is_blocked() {
        check(
            &[up(3, 180, 2), down(6, 360, 18)],
            &[(3, 0, false, 0), (6, 0, false, 0)],
        );
    }

    #[test]
    fn one_packet_with_syn_and_rst_is_a_syn() {
        check(&[up(1, 40, 6)], &[(1, 0, false, 0)]);
    }

    #[test]
    fn scanner_that_resets_after_the_answer_sent_two_packets() {
        check(
            &[up(2, 80, 6), down(1, 44, 18)],
            &[(1, 0, false, 1), (1, 0, false, 0)],
        );
    }

    #[test]
    fn syn_and_fin_of_one_direction_alone_have_packets_between_them() {
        check(&[up(5, 400, 3)], &[(1, 4, true, 0)]);
    }

    #[test]
    fn side_that_closed_after_much_data_sent_few_resets() {
        let parts = |packets, bytes| {
            let records = [up(packets, bytes, 7), down(20, 20_000, 19)];
            read(&records, role::role(&records)).parts[0].rsts
        };
        assert_eq!(parts(27, 3_000), 1 + 3);
        assert_eq!(parts(683, 60_000), 1 + 10);
        assert_eq!(parts(9, 500), 1 + 4);
    }

    #[test]
    fn without_flags_a_conversation_with_enough_packets_had_a_handshake() {
        let bare = |o| with(o, |o| o.flags = None);
        let records = [bare(up(9, 1000, 0)), bare(down(8, 5000, 0))];
        check(&records, &[(1, 8, true, 0), (1, 7, true, 0)]);
    }

    #[test]
    fn without_flags_a_lone_syn_sized_packet_was_a_syn() {
        check(
            &[with(up(3, 180, 0), |o| o.flags = None)],
            &[(3, 0, false, 0)],
        );
    }
}
