//! Who opened the connection.
//!
//! The initiator is the side whose SYN is in the log, or the other side of a
//! SYN-ACK. Where the log has neither, because the connection began before it
//! or its format has no tcp-flags, what remains is the ports, then who was
//! seen first. The evidence goes into the packet comments: a reader must be
//! able to tell proof from a guess.

use std::fmt;

use crate::flow::{Viewed, Way};
use crate::record::ObservedFlags;

/// Lowest port that systems hand out for outgoing connections: Linux takes
/// 32768 to 60999, Windows and RFC 6335 section 6 take 49152 to 65535.
const EPHEMERAL_MIN: u16 = 32_768;

/// First port that needs no privilege to listen on.
const USER_MIN: u16 = 1_024;

/// Who opened a connection, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// The way of the packets that the initiator sends.
    pub initiator: Way,
    /// What it rests on.
    pub evidence: RoleEvidence,
}

/// What an initiator is known by, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleEvidence {
    /// It sent a SYN without ACK.
    Syn,
    /// It was sent a SYN-ACK.
    SynAck,
    /// The other side's port is one that services listen on, its own is not.
    Ports,
    /// Both sides were seen in the same second, and its packets leave the ENI.
    Direction,
    /// It was seen first.
    First,
}

impl RoleEvidence {
    /// The word that stands for it in comments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syn => "syn",
            Self::SynAck => "syn-ack",
            Self::Ports => "ports",
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

/// Names the initiator of a connection with these records, in order of start.
///
/// # Panics
/// If there is no record.
pub(super) fn role(records: &[Viewed]) -> Role {
    let by_flags =
        |wanted: fn(ObservedFlags) -> bool| records.iter().find(|o| wanted(o.observed()));
    if let Some(o) = by_flags(ObservedFlags::is_syn) {
        return Role {
            initiator: o.way,
            evidence: RoleEvidence::Syn,
        };
    }
    // A Transit Gateway ORs in the initiator's ACKs, so that both ways may read SYN-ACK.
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
    if let Some(initiator) = by_ports(&records[0]) {
        return Role {
            initiator,
            evidence: RoleEvidence::Ports,
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

/// The way of the packets that leave the ENI: what nobody asked for seldom
/// passes the security group around it.
fn by_direction(o: &Viewed) -> Option<Role> {
    let leaving = o.leaving?;
    let initiator = if leaving { o.way } else { o.way.reverse() };
    Some(Role {
        initiator,
        evidence: RoleEvidence::Direction,
    })
}

/// The way towards the port that looks like a service, if only one does.
fn by_ports(o: &Viewed) -> Option<Way> {
    let (low, high) = (o.key.low.port, o.key.high.port);
    let rank = |port: u16| match port {
        0..USER_MIN => 0,
        USER_MIN..EPHEMERAL_MIN => 1,
        EPHEMERAL_MIN.. => 2,
    };
    match rank(low).cmp(&rank(high)) {
        std::cmp::Ordering::Less => Some(Way::Down),
        std::cmp::Ordering::Greater => Some(Way::Up),
        std::cmp::Ordering::Equal => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn without_flags_or_ports_the_first_seen_decides() {
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
