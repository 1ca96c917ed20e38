//! Infers flags for records of formats without `tcp-flags`, such as the default format.
//!
//! Without flags nothing proves a handshake or a close. But most connections had both, so where the
//! counters leave room for them they are presumed, and the comments say so. Where the counters
//! leave no room, sizes still reveal a lone SYN, a refusal, and a close whose data lies outside the
//! archive.

use crate::connection::role::Role;
use crate::connection::sizes::{BARE, STAMPED, counts_payload, have_syn_size, ip_len, only_bare};
use crate::flow::{Viewed, Way};
use crate::record::ObservedFlags;
use crate::time::SECOND_NS;

/// Payload per packet in bytes below which some packets must be pure ACKs.
const SMALL_PAYLOAD: u64 = 60;

/// The longest apparent delay from the SYN-ACK to the initiator's ACK: at most a round trip, but
/// flow logs round to seconds.
const ACK_MAX_NS: i64 = 3 * SECOND_NS;

/// Returns the flags that these records of one connection most likely had.
pub(super) fn infer_flags(records: &[Viewed], role: Role) -> Vec<ObservedFlags> {
    let mut flags = vec![ObservedFlags::default(); records.len()];
    let (there, back) = (role.initiator, role.initiator.reverse());
    let first = |way| records.iter().position(|o| o.way == way);
    let (Some(opening), Some(answer)) = (first(there), first(back)) else {
        let to_service = records[0].way == there;
        if to_service && records.iter().all(have_syn_size) {
            flags.fill(ObservedFlags::SYN);
        }
        return flags;
    };
    let packets = [packets(records, there), packets(records, back)];
    // Without sizes of headers, the answer to several packets can be a SYN-ACK too.
    let is_clear = packets[0] == 1 || !counts_payload(&records[answer]);
    if packets[1] == 1
        && is_clear
        && have_syn_size(&records[opening])
        && only_bare(&records[answer])
    {
        flags[opening] = ObservedFlags::SYN;
        flags[answer] = ObservedFlags::RST;
        return flags;
    }
    if packets == [1, 1] && is_syn_ack_by_size(&records[answer]) {
        // A SYN-ACK has no option that its SYN lacked (RFC 7323 section 1.3), so a shorter packet
        // is the ACK of the SYN-ACK.
        if records[opening].bytes >= records[answer].bytes {
            flags[opening] = ObservedFlags::SYN;
        }
        flags[answer] = ObservedFlags::SYN_ACK;
        return flags;
    }
    // SYN, ACK and a request; SYN-ACK and a response.
    let seems_opened = packets[0] >= 3 && packets[1] >= 2
        || packets[0] >= 2 && packets[1] == 1 && is_syn_ack_by_size(&records[answer])
        || packets[0] >= 3 && packets[1] == 1 && is_syn_ack_with_request(records, opening, answer);
    let has_room = seems_opened && !is_keep_alive(records, opening, answer);
    if has_room {
        flags[opening].0 |= ObservedFlags::SYN.0;
        flags[answer].0 |= ObservedFlags::SYN_ACK.0;
    }
    // One FIN from each side and the ACK of the last FIN, in addition to the handshake or alone.
    let closes = if has_room {
        packets[0] >= 5 && packets[1] >= 3 || Way::BOTH.iter().all(|way| is_silent(records, *way))
    } else {
        Way::BOTH
            .iter()
            .any(|way| is_silent(records, *way) && has_small_payload(records, way.reverse()))
    };
    if closes {
        for way in Way::BOTH {
            if let Some(last) = records.iter().rposition(|o| o.way == way) {
                flags[last].0 |= ObservedFlags::FIN.0;
                if !has_room && resets_at_close(records, way) {
                    flags[last].0 |= ObservedFlags::RST.0;
                }
            }
        }
    }
    flags
}

fn packets(records: &[Viewed], way: Way) -> u64 {
    let own = records.iter().filter(|o| o.way == way);
    own.fold(0, |sum, o| sum.saturating_add(o.packets))
}

/// Returns the bytes beyond bare headers with a TCP header of `tcp_len`; `None` if a record has no
/// byte count, or too small a count.
fn payload(records: &[Viewed], way: Way, tcp_len: u32) -> Option<u64> {
    let own = records.iter().filter(|o| o.way == way);
    own.map(|o| {
        let headers = o.packets.checked_mul(u64::from(ip_len(o) + tcp_len))?;
        o.bytes?.checked_sub(headers)
    })
    .try_fold(0_u64, |sum, payload| sum.checked_add(payload?))
}

/// Whether the direction has no bytes except headers, including the options of a SYN.
fn is_silent(records: &[Viewed], way: Way) -> bool {
    if records.iter().any(counts_payload) {
        return payload(records, way, BARE) == Some(0);
    }
    let options = u64::from(STAMPED - BARE);
    let nearly_none = |payload: Option<u64>| payload.is_some_and(|bytes| bytes <= options);
    nearly_none(payload(records, way, BARE)) || nearly_none(payload(records, way, STAMPED))
}

/// Whether the second of two bare packets that end a connection was a RST: the other side sent
/// data, and a side that has closed answers data with a RST (RFC 1122 section 4.2.2.13). Of 88 real
/// sides that received data after their FIN, 79 in 8 captures answered with a RST. Of pairs with
/// two bare packets only, 8 of 8 were FIN and RST where data came, and 2 of 2 were FIN and ACK
/// where none did.
fn resets_at_close(records: &[Viewed], way: Way) -> bool {
    let own = || records.iter().filter(|o| o.way == way);
    if own().any(counts_payload) {
        return false; // whether the headers are bare is unknown
    }
    let peer_sent_data = payload(records, way.reverse(), BARE).is_some_and(|bytes| bytes > 0);
    peer_sent_data && packets(records, way) == 2 && own().all(|o| o.bytes.is_some() && only_bare(o))
}

/// Whether a lone answer has the size of a SYN-ACK, or no payload if only that was counted. Otherwise
/// it is a size that no pure ACK has: with an MSS
/// alone, with SACK permitted or a window scale, or with all of these and timestamps. Timestamps
/// alone are 12 bytes of options; SACK blocks are more.
fn is_syn_ack_by_size(answer: &Viewed) -> bool {
    if counts_payload(answer) {
        return only_bare(answer);
    }
    matches!(options(answer), Some(4 | 8 | 20))
}

/// Whether a lone answer is a SYN-ACK with all options except timestamps, where the initiator sent
/// data in three packets or more: SYN, ACK and a request. A pure ACK with timestamps has the same
/// length, but all 6 such conversations in 3 real captures were handshakes, and a single pure ACK
/// is few for that many packets.
fn is_syn_ack_with_request(records: &[Viewed], opening: usize, answer: usize) -> bool {
    options(&records[answer]) == Some(12) && !is_silent(records, records[opening].way)
}

/// Returns the bytes of one packet beyond bare headers.
fn options(o: &Viewed) -> Option<u64> {
    o.bytes?.checked_sub(u64::from(ip_len(o) + BARE))
}

/// Whether one packet opens the records and the next packet of its side comes long after the
/// answer. A SYN-ACK is acknowledged at once (RFC 9293 section 3.10.7.3), so these packets were a
/// keep-alive and its answer, whatever their sizes. In 19 real captures 4 connections begin like
/// this, each long after its handshake.
fn is_keep_alive(records: &[Viewed], opening: usize, answer: usize) -> bool {
    let (way, packets) = (records[opening].way, records[opening].packets);
    let next = records[opening + 1..].iter().find(|o| o.way == way);
    let answered_ns = records[answer].start_ns.max(records[opening].end_ns);
    packets == 1 && next.is_some_and(|o| o.start_ns.saturating_sub(answered_ns) > ACK_MAX_NS)
}

/// Whether some of the packets of this direction must be pure ACKs.
fn has_small_payload(records: &[Viewed], way: Way) -> bool {
    let count = packets(records, way);
    let few = count.saturating_mul(SMALL_PAYLOAD);
    count > 1 && payload(records, way, BARE).is_some_and(|bytes| bytes < few)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::role;
    use crate::flow::observation::tests::{viewed, with};

    #[track_caller]
    fn check(records: &[(Way, u64, u64)], expected: &[u8]) {
        let bare = |(way, packets, bytes): &(Way, u64, u64)| {
            with(viewed(*way, *packets, *bytes, 0, 10, 0), |o| o.flags = None)
        };
        let records: Vec<Viewed> = records.iter().map(bare).collect();
        let flags = infer_flags(&records, role::role(&records));
        assert_eq!(flags.iter().map(|f| f.0).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn conversation_with_enough_packets_had_a_handshake_and_a_close() {
        check(&[(Way::Up, 9, 1000), (Way::Down, 8, 5000)], &[3, 19]);
    }

    #[test]
    fn lone_packet_shorter_than_the_syn_ack_acknowledges_it() {
        check(&[(Way::Up, 1, 52), (Way::Down, 1, 60)], &[0, 18]);
        check(&[(Way::Up, 1, 60), (Way::Down, 1, 60)], &[2, 18]);
    }

    #[test]
    fn conversation_with_few_packets_had_a_handshake() {
        check(&[(Way::Up, 4, 900), (Way::Down, 2, 1500)], &[2, 18]);
    }

    #[test]
    fn connection_without_data_was_opened_and_closed() {
        check(
            &[(Way::Up, 4, 60 + 3 * 52), (Way::Down, 2, 60 + 52)],
            &[3, 19],
        );
    }

    #[test]
    fn lone_answer_to_three_packets_with_a_request_is_a_syn_ack() {
        check(&[(Way::Up, 3, 278), (Way::Down, 1, 52)], &[2, 18]);
        check(&[(Way::Up, 3, 3 * 52), (Way::Down, 1, 52)], &[1, 1]);
    }

    #[test]
    fn lone_packet_with_a_long_pause_after_it_is_not_a_syn() {
        let at = |way, packets: u64, start_s, end_s| {
            with(viewed(way, packets, packets * 52, start_s, end_s, 0), |o| {
                o.flags = None
            })
        };
        let flags = |again_s| {
            let records = [
                at(Way::Up, 1, 0, 0),
                at(Way::Down, 1, 0, 0),
                at(Way::Up, 2, again_s, again_s + 45),
                at(Way::Down, 2, again_s, again_s + 45),
            ];
            let flags = infer_flags(&records, role::role(&records));
            [flags[0].0, flags[1].0]
        };
        assert_eq!((flags(1), flags(45)), ([2, 18], [0, 0]));
    }

    #[test]
    fn data_that_comes_after_the_close_is_answered_with_a_rst() {
        check(&[(Way::Up, 2, 80), (Way::Down, 2, 80)], &[1, 1]);
        check(&[(Way::Up, 2, 104), (Way::Down, 2, 157)], &[1, 1]);
    }

    #[test]
    fn final_data_of_a_connection_is_followed_by_its_end() {
        check(&[(Way::Up, 2, 80), (Way::Down, 2, 133)], &[5, 1]);
    }

    #[test]
    fn transfer_without_its_beginning_has_no_end_inferred() {
        check(&[(Way::Up, 2, 80), (Way::Down, 2, 3000)], &[0, 0]);
    }

    #[test]
    fn lone_syn_sized_packets_were_syns() {
        check(&[(Way::Up, 3, 180)], &[2]);
    }

    #[test]
    fn syn_answered_by_one_bare_packet_was_refused() {
        check(&[(Way::Up, 1, 60), (Way::Down, 1, 40)], &[2, 4]);
    }
}
