//! Finds the initiator of a connection.
//!
//! The initiator is the side whose SYN is in the log, or the other side of a SYN-ACK. If the log
//! has neither, because the connection began earlier or the format has no tcp-flags, the ports
//! decide, and then which side was seen first. The evidence is written to the packet comments, so
//! that a reader can distinguish proof from a guess.

use std::fmt;
use std::ops::RangeInclusive;

use crate::connection::inference::InferenceRule;
use crate::flow::{UDP, Viewed, Way};
use crate::names::service_at;
use crate::record::ObservedFlags;

/// Lowest port that systems assign to outgoing connections: Linux uses 32768 to 60999, Windows and
/// RFC 6335 section 6 use 49152 to 65535.
const EPHEMERAL_MIN: u16 = 32_768;

/// Lowest port that a process may listen on without privileges.
const USER_MIN: u16 = 1_024;

/// The ports from which ONC RPC clients, such as those of NFS, send: the C libraries bind them to a
/// free reserved port (bindresvport), and servers expect that.
const RPC_CLIENTS: RangeInclusive<u16> = 600..=1_023;

/// The initiator of a connection, and the evidence for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// The direction of the initiator's packets.
    pub initiator: Way,
    /// The evidence.
    pub evidence: RoleEvidence,
}

/// Evidence for the initiator, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleEvidence {
    /// It sent a SYN without ACK.
    Syn,
    /// It received a SYN-ACK.
    SynAck,
    /// The other side's port is one that services listen on; its own port is not.
    Ports,
    /// Its packets were accepted, and all packets of the other side were rejected.
    Verdict,
    /// Both sides were seen in the same second, and its packets leave the ENI.
    Direction,
    /// It was seen first.
    First,
}

impl Role {
    /// Returns the word for the side whose packets have this direction.
    pub fn side(self, way: Way) -> &'static str {
        if way == self.initiator {
            "initiator"
        } else {
            "responder"
        }
    }
}

impl RoleEvidence {
    /// Returns the word for it in comments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syn => "syn",
            Self::SynAck => "syn-ack",
            Self::Ports => "ports",
            Self::Verdict => "verdict",
            Self::Direction => "direction",
            Self::First => "first-seen",
        }
    }
}

impl fmt::Display for RoleEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Returns the initiator of a connection with these records, in order of start time.
///
/// # Panics
/// Panics if there are no records.
pub(super) fn role(records: &[Viewed]) -> Role {
    let by_flags =
        |wanted: fn(ObservedFlags) -> bool| records.iter().find(|o| wanted(o.observed()));
    if let Some(o) = by_flags(ObservedFlags::is_syn) {
        return Role {
            initiator: o.way,
            evidence: RoleEvidence::Syn,
        };
    }
    // A Transit Gateway also ORs in the initiator's ACKs, so both directions may show SYN-ACK.
    let answers = |way| {
        records
            .iter()
            .any(|o| o.way == way && o.observed().is_syn_ack())
    };
    if let Some(o) = by_flags(ObservedFlags::is_syn_ack)
        && !answers(o.way.reverse())
    {
        return Role {
            initiator: o.way.reverse(),
            evidence: RoleEvidence::SynAck,
        };
    }
    if let Some(initiator) = by_ports(&records[0]).filter(|_| InferenceRule::Ports.applies()) {
        return Role {
            initiator,
            evidence: RoleEvidence::Ports,
        };
    }
    if InferenceRule::Verdict.applies()
        && let Some(initiator) = by_verdict(records)
    {
        return Role {
            initiator,
            evidence: RoleEvidence::Verdict,
        };
    }
    let first = &records[0];
    let peers_first = records.iter().find(|o| o.way != first.way);
    let by_time = Role {
        initiator: first.way,
        evidence: RoleEvidence::First,
    };
    match peers_first {
        Some(peer) if peer.start_ns == first.start_ns => by_direction(first).unwrap_or(by_time),
        _ => by_time,
    }
}

/// Returns the direction whose packets were all accepted, if all packets of the other direction were
/// rejected.
///
/// A rejected request has no reply, so what was accepted is the request. AWS shows a ping like that
/// as an example of a network ACL that rejects the reply (flow-logs-records-examples).
fn by_verdict(records: &[Viewed]) -> Option<Way> {
    let of = |way: Way, is_reject: bool| {
        let mut records = records.iter().filter(move |o| o.way == way).peekable();
        records.peek().is_some() && records.all(|o| o.verdict.is_reject() == is_reject)
    };
    let ways = [Way::Up, Way::Down].into_iter();
    let mut accepted = ways.filter(|way| of(*way, false) && of(way.reverse(), true));
    accepted.next()
}

/// Returns the direction of the packets that leave the ENI as the initiator's: unsolicited packets
/// from outside seldom pass the ENI's security group.
fn by_direction(o: &Viewed) -> Option<Role> {
    let leaving = o.leaving.filter(|_| InferenceRule::Direction.applies())?;
    let initiator = if leaving { o.way } else { o.way.reverse() };
    Some(Role {
        initiator,
        evidence: RoleEvidence::Direction,
    })
}

/// Returns the direction toward the port that looks like a service, if only one port does.
///
/// Over UDP, a reserved port without a known service is that of an RPC client if the other port is one
/// on which RPC servers listen. So it is in all 10 such conversations in 5 real captures.
fn by_ports(o: &Viewed) -> Option<Way> {
    let (low, high) = (o.key.low.port, o.key.high.port);
    let rank = |port: u16, peer: u16| match port {
        0..USER_MIN if is_rpc_client(o, port, peer) => 2,
        0..USER_MIN => 0,
        USER_MIN..EPHEMERAL_MIN => 1,
        EPHEMERAL_MIN.. => 2,
    };
    match rank(low, high).cmp(&rank(high, low)) {
        std::cmp::Ordering::Less => Some(Way::Down),
        std::cmp::Ordering::Greater => Some(Way::Up),
        std::cmp::Ordering::Equal => None,
    }
}

/// Whether an RPC client sends from `port` to `peer`, as far as ports say.
fn is_rpc_client(o: &Viewed, port: u16, peer: u16) -> bool {
    InferenceRule::RpcClients.applies()
        && o.key.protocol == UDP
        && RPC_CLIENTS.contains(&port)
        && service_at(port).is_none()
        && (USER_MIN..EPHEMERAL_MIN).contains(&peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::TCP;
    use crate::flow::observation::tests::viewed;

    #[test]
    fn sender_of_the_syn_is_the_initiator() {
        let records = [
            viewed(Way::Down, 1, 40, 0, 0, 0),
            viewed(Way::Up, 1, 40, 0, 0, 2),
        ];
        assert_eq!(
            role(&records),
            Role {
                initiator: Way::Up,
                evidence: RoleEvidence::Syn
            }
        );
    }

    #[test]
    fn receiver_of_the_syn_ack_is_the_initiator() {
        let records = [viewed(Way::Up, 1, 40, 0, 0, 19)];
        assert_eq!(
            role(&records),
            Role {
                initiator: Way::Down,
                evidence: RoleEvidence::SynAck
            }
        );
    }

    #[test]
    fn without_flags_the_service_port_decides() {
        let records = [viewed(Way::Down, 1, 40, 0, 0, 0)];
        assert_eq!(
            role(&records),
            Role {
                initiator: Way::Up,
                evidence: RoleEvidence::Ports
            }
        );
    }

    #[test]
    fn reserved_port_is_an_rpc_clients_over_udp_if_no_service_has_it() {
        let initiator = |protocol, low, high| {
            let mut o = viewed(Way::Down, 1, 40, 0, 0, 0);
            o.key.protocol = protocol;
            (o.key.low.port, o.key.high.port) = (low, high);
            role(&[o]).initiator
        };
        assert_eq!(initiator(UDP, 1016, 20048), Way::Up);
        assert_eq!(initiator(UDP, 2049, 741), Way::Down);
        assert_eq!(initiator(TCP, 1016, 20048), Way::Down);
        assert_eq!(initiator(UDP, 1016, 40000), Way::Down);
        assert_eq!(initiator(UDP, 500, 20048), Way::Down);
        assert_eq!(initiator(UDP, 636, 20048), Way::Down);
    }

    #[test]
    fn without_flags_or_ports_the_side_seen_first_is_the_initiator() {
        let mut o = viewed(Way::Down, 1, 40, 0, 0, 0);
        (o.key.low.port, o.key.high.port) = (50_000, 50_001);
        assert_eq!(
            role(&[o]),
            Role {
                initiator: Way::Down,
                evidence: RoleEvidence::First
            }
        );
    }
}
