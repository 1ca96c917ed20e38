//! The outcome of a connection, in one word for the summary.

use std::fmt;

use crate::connection::parts::RecordParts;
use crate::connection::role::Role;
use crate::connection::teardown::FirstClose;
use crate::flow::{TCP, Viewed, Way};

/// Everything known about a connection once it is rebuilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// The initiator, and the evidence for it.
    pub role: Role,
    /// The outcome.
    pub outcome: Outcome,
    /// Whether handshake and teardown are presumed, because the records have no tcp-flags.
    pub presumed: bool,
    /// The side that closed first, if one did with a FIN.
    pub closed_first: Option<FirstClose>,
    /// The direction of the first segment, if it is a guess that this side sent first.
    pub first_guessed: Option<Way>,
    /// The number of segments that causality moved out of their record's window.
    pub moved: u64,
    /// Bytes written beyond those logged, for records that claim fewer bytes than their headers
    /// need.
    pub bytes_added: u64,
}

impl ConnectionInfo {
    /// Whether the log says that both sides closed, but hardly which of them was first.
    pub fn guesses_close(&self) -> bool {
        !self.presumed && self.closed_first.is_some_and(|first| first.is_guess)
    }

    /// Returns the direction of the first segment, if flags do not say, and are not presumed to say, that
    /// this side sent first, and other evidence hardly does.
    pub fn guesses_first(&self) -> Option<Way> {
        self.first_guessed.filter(|_| !self.presumed)
    }
}

/// The outcome of a conversation, as far as the archive shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Opened, and closed with a FIN.
    Complete,
    /// Opened; its end is not in the archive.
    Open,
    /// Opened, and aborted with a RST.
    Reset,
    /// SYN, answered with a RST.
    Refused,
    /// SYN and SYN-ACK, and no further packet from the initiator.
    HalfOpen,
    /// SYN, and no answer.
    Unanswered,
    /// A REJECT kept it from opening, or dropped packets of an open connection.
    Rejected,
    /// Its SYN is not in the archive.
    Midstream,
    /// Not TCP: datagrams, which have no connection.
    Datagrams,
}

impl Outcome {
    /// All outcomes, in the order of the summary.
    pub const ALL: [Self; 9] = [
        Self::Complete,
        Self::Open,
        Self::Reset,
        Self::Refused,
        Self::HalfOpen,
        Self::Unanswered,
        Self::Rejected,
        Self::Midstream,
        Self::Datagrams,
    ];

    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Open => "open",
            Self::Reset => "reset",
            Self::Refused => "refused",
            Self::HalfOpen => "half-open",
            Self::Unanswered => "unanswered",
            Self::Rejected => "rejected",
            Self::Midstream => "midstream",
            Self::Datagrams => "datagrams",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Returns the outcome of a connection from the parts of its records.
pub(super) fn outcome(records: &[Viewed], parts: &[RecordParts], role: Role) -> Outcome {
    if records[0].key.protocol != TCP {
        return if records.iter().any(Viewed::is_rejected) {
            Outcome::Rejected
        } else {
            Outcome::Datagrams
        };
    }
    let own = || {
        records
            .iter()
            .zip(parts)
            .filter(|(o, _)| o.way == role.initiator)
    };
    let peer = || {
        records
            .iter()
            .zip(parts)
            .filter(|(o, _)| o.way != role.initiator)
    };
    let passed_syn = |(o, p): &(&Viewed, &RecordParts)| p.syns > 0 && !o.is_rejected();
    let opened = own().any(|r| passed_syn(&r)) && peer().any(|r| passed_syn(&r));
    if records.iter().any(Viewed::is_rejected) && !opened {
        return Outcome::Rejected;
    }
    if !own().any(|(_, p)| p.syns > 0) {
        return Outcome::Midstream;
    }
    let has_rst = parts.iter().any(|p| p.rsts > 0);
    match peer().next() {
        // The initiator continued, so the answers exist but are not in the archive.
        None if own().any(|(_, p)| p.others > 0) => {
            if has_rst {
                Outcome::Reset
            } else {
                Outcome::Open
            }
        }
        None => Outcome::Unanswered,
        Some(_) if !opened => {
            if has_rst {
                Outcome::Refused
            } else {
                Outcome::Midstream
            }
        }
        Some(_) if !own().any(|(_, p)| p.others + p.rsts > 0) => Outcome::HalfOpen,
        Some(_) if has_rst => Outcome::Reset,
        Some(_) if parts.iter().any(|p| p.fin) => Outcome::Complete,
        Some(_) => Outcome::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{parts, role};
    use crate::flow::Way;
    use crate::flow::observation::tests::{rejected, viewed};

    #[track_caller]
    fn check(records: &[Viewed], expected: Outcome) {
        let role = role::role(records);
        let reading = parts::read(records, role);
        assert_eq!(outcome(records, &reading.parts, role), expected);
    }

    fn up(packets: u64, bytes: u64, flags: u8) -> Viewed {
        viewed(Way::Up, packets, bytes, 0, 10, flags)
    }

    fn down(packets: u64, bytes: u64, flags: u8) -> Viewed {
        viewed(Way::Down, packets, bytes, 0, 10, flags)
    }

    #[test]
    fn each_kind_of_connection_has_its_outcome() {
        check(&[up(9, 1000, 3), down(8, 5000, 19)], Outcome::Complete);
        check(&[up(9, 1000, 2), down(8, 5000, 18)], Outcome::Open);
        check(&[up(9, 1000, 6), down(8, 5000, 18)], Outcome::Reset);
        check(&[up(1, 60, 2), down(1, 40, 4)], Outcome::Refused);
        check(&[up(1, 60, 2), down(5, 300, 18)], Outcome::HalfOpen);
        check(&[up(4, 240, 2)], Outcome::Unanswered);
        check(&[up(5, 1000, 2)], Outcome::Open);
        check(&[up(5, 1000, 6)], Outcome::Reset);
        check(&[rejected(up(4, 240, 2))], Outcome::Rejected);
        check(&[up(9, 1000, 0), down(8, 5000, 0)], Outcome::Midstream);
    }

    #[test]
    fn connection_whose_reply_is_blocked_is_rejected() {
        check(
            &[up(3, 180, 2), rejected(down(6, 360, 18))],
            Outcome::Rejected,
        );
    }

    #[test]
    fn late_packets_rejected_after_the_close_leave_it_complete() {
        check(
            &[up(9, 1000, 3), down(8, 5000, 19), rejected(down(1, 40, 0))],
            Outcome::Complete,
        );
    }
}
