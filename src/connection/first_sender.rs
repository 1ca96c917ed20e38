//! Says whether it is a guess which side sent the first packet.
//!
//! Flow logs have whole seconds. If both sides begin in the same second, only a SYN says who sent first.
//! Without one there are the ports and the direction at the ENI, and this module says where these hardly
//! decide. It does not decide who sends first: [`crate::connection::role`] and
//! [`crate::connection::datagrams`] do.
//!
//! Of the conversations with packets of both sides in 476 captures of two collections, the first packet
//! is from the right side in 151 of 196 that are guesses by these rules, and in 1,703 of 1,713 others
//! (`docs/fidelity.md`). All of these captures were in view when the rules were chosen.

use crate::connection::role::{Role, RoleEvidence};
use crate::flow::{TCP, Viewed, is_private};

/// The packets of a connection that is more than one question and its answer.
const SEVERAL_PACKETS: u64 = 3;

/// Whether it is a guess which side of these records, in order of start time, sent first.
///
/// A TCP connection that was open before its first record may continue with a packet of either side,
/// except that a single packet of each side is a question and its answer. A direction at the ENI says who
/// sent first if the other side is outside, from where unsolicited packets seldom pass, and nothing if
/// both sides are inside.
pub(super) fn is_guess(records: &[Viewed], role: Role) -> bool {
    let Some(first) = records.first() else {
        return false;
    };
    let peers_first = records.iter().find(|o| o.way != first.way);
    if peers_first.is_none_or(|peer| peer.start_ns != first.start_ns) {
        return false;
    }
    let packets = records
        .iter()
        .fold(0_u64, |sum, o| sum.saturating_add(o.packets));
    let is_open = first.key.protocol == TCP && packets >= SEVERAL_PACKETS;
    let ends = [first.key.low, first.key.high];
    match role.evidence {
        RoleEvidence::Syn | RoleEvidence::SynAck | RoleEvidence::Verdict => false,
        RoleEvidence::Ports => is_open,
        RoleEvidence::Direction => is_open || ends.iter().all(|end| is_private(end.address)),
        RoleEvidence::First => true,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::flow::observation::tests::{viewed, with};
    use crate::flow::{UDP, Way};

    /// Asserts whether the first sender is a guess, for this evidence and these packets of each side.
    #[track_caller]
    fn check(evidence: RoleEvidence, records: &[Viewed], expected: bool) {
        let initiator = Way::Up;
        let role = Role {
            initiator,
            evidence,
        };
        assert_eq!(is_guess(records, role), expected, "{evidence}");
    }

    /// Builds a record of each side, with these packets and starts.
    fn records(packets: [u64; 2], starts: [i64; 2], protocol: u8, outside: bool) -> [Viewed; 2] {
        Way::BOTH.map(|way| {
            let (n, start) = (packets[way.index()], starts[way.index()]);
            with(viewed(way, n, n * 100, start, start + 5, 0), |o| {
                o.key.protocol = protocol;
                if outside {
                    o.key.high.address = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
                }
            })
        })
    }

    #[test]
    fn who_continues_an_open_connection_within_a_second_is_a_guess() {
        let several = records([2, 1], [7, 7], TCP, true);
        check(RoleEvidence::Ports, &several, true);
        check(RoleEvidence::Direction, &several, true);
        check(RoleEvidence::Syn, &several, false);
        check(RoleEvidence::SynAck, &several, false);
        let pair = records([1, 1], [7, 7], TCP, true);
        check(RoleEvidence::Ports, &pair, false);
    }

    #[test]
    fn who_sends_first_is_no_guess_where_the_log_has_the_order() {
        check(
            RoleEvidence::Ports,
            &records([2, 1], [7, 8], TCP, true),
            false,
        );
        check(
            RoleEvidence::Ports,
            &records([2, 1], [7, 7], TCP, true)[..1],
            false,
        );
    }

    #[test]
    fn direction_says_who_asks_only_if_the_other_side_is_outside() {
        for (outside, expected) in [(true, false), (false, true)] {
            let datagrams = records([4, 4], [7, 7], UDP, outside);
            check(RoleEvidence::Direction, &datagrams, expected);
            check(RoleEvidence::Ports, &datagrams, false);
            check(RoleEvidence::First, &datagrams, true);
        }
    }
}
