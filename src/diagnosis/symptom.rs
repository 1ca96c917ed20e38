//! The symptoms of connection attempts.

use crate::flow::{EniIndex, ReasonIndex};
use crate::time::SECOND_NS;

/// A documented AWS idle timeout, by the time that a connection may be idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// 60 s: Application Load Balancer, by default.
    Minute,
    /// 350 s: NAT gateway, Network Load Balancer, security group tracking on Nitro v6.
    NatOrNlb,
    /// 432 000 s (5 days): security group tracking on other instances.
    Tracking,
}

impl Limit {
    /// Returns the timeout in seconds.
    pub fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::NatOrNlb => 350,
            Self::Tracking => 432_000,
        }
    }

    /// Returns the longest timeout that explains an idle time of this length.
    ///
    /// Records are dated to the second, and often only to the interval, so an idle time may look a
    /// little shorter than it was. The one-minute timeout is only considered for idle times up to
    /// 75 s.
    pub(super) fn that_fits(silence_ns: i64) -> Option<Self> {
        match silence_ns / SECOND_NS {
            431_900.. => Some(Self::Tracking),
            340.. => Some(Self::NatOrNlb),
            55..=75 => Some(Self::Minute),
            _ => None,
        }
    }
}

/// One of the two ends of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// The end that started the attempt.
    Initiator,
    /// The end that the attempt is directed to.
    Responder,
}

/// The symptom of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Symptom {
    /// Rejected by VPC Block Public Access at this ENI.
    BlockPublicAccess(EniIndex),
    /// Rejected by VPC Encryption Controls at this ENI.
    EncryptionControls(EniIndex),
    /// Rejected for another reason that the record names.
    OtherReason {
        /// The ENI.
        eni: EniIndex,
        /// The reason.
        reason: ReasonIndex,
    },
    /// Dropped by AWS Network Firewall. The firewall has the place of an ENI.
    NetworkFirewall(EniIndex),
    /// The request was accepted and its reply rejected at the same ENI.
    ReplyBlocked {
        /// The ENI.
        eni: EniIndex,
        /// Whether the reply was outbound, if known.
        leaving: Option<bool>,
    },
    /// The request was rejected inbound at this ENI, or the packets of the initiator in the middle
    /// of an open connection.
    InboundBlocked(EniIndex),
    /// The same, outbound at this ENI.
    OutboundBlocked(EniIndex),
    /// The same, and no record shows the direction.
    Blocked(EniIndex),
    /// Rejected or reset at the first packet after an idle time that an idle timeout explains.
    IdleTimeout(Limit),
    /// The reply was logged at another ENI than the request.
    ReplyElsewhere {
        /// The ENI that logged only the request.
        asked: EniIndex,
        /// An ENI that logged the reply.
        answered: EniIndex,
    },
    /// The responder's ENI logged the request and the reply, and another ENI that passed the
    /// request never logged the reply.
    ReplyLost {
        /// The ENI that logged only the request.
        asked: EniIndex,
        /// The ENI that logged both.
        answered: EniIndex,
    },
    /// The request was answered with a RST.
    Refused,
    /// The request was accepted at every ENI that logged it, and no ENI logged a reply.
    NoReply,
    /// The SYN-ACK was never acknowledged.
    HalfOpen,
    /// The connection was established, then large packets of this side were repeated and not
    /// answered.
    Stalled(Party),
    /// The connection was established, then reset by this side.
    Reset(Party),
    /// Rejected packets of a closed connection, or of one with no other records.
    LatePackets(EniIndex),
    /// Packets in one direction, where no reply is required.
    OneWay,
    /// The attempt succeeded.
    Passed,
    /// Unknown, because the archive itself may be incomplete.
    Unclear,
}

impl Symptom {
    /// Returns the name of the symptom.
    pub fn name(self) -> &'static str {
        match self {
            Self::BlockPublicAccess(_) => "block-public-access",
            Self::EncryptionControls(_) => "encryption-controls",
            Self::OtherReason { .. } => "other-reason",
            Self::NetworkFirewall(_) => "network-firewall",
            Self::ReplyBlocked { .. } => "reply-blocked",
            Self::InboundBlocked(_) => "inbound-blocked",
            Self::OutboundBlocked(_) => "outbound-blocked",
            Self::Blocked(_) => "blocked",
            Self::IdleTimeout(_) => "idle-timeout",
            Self::ReplyElsewhere { .. } => "reply-elsewhere",
            Self::ReplyLost { .. } => "reply-lost",
            Self::Refused => "refused",
            Self::NoReply => "no-reply",
            Self::HalfOpen => "half-open",
            Self::Stalled(_) => "stalled",
            Self::Reset(_) => "reset",
            Self::LatePackets(_) => "late-packets",
            Self::OneWay => "one-way",
            Self::Passed => "passed",
            Self::Unclear => "unclear",
        }
    }

    /// Whether the request passed the inbound filters of the responder's ENI, as far as the records
    /// show.
    pub fn is_admitted(self) -> bool {
        !matches!(
            self,
            Self::BlockPublicAccess(_)
                | Self::EncryptionControls(_)
                | Self::OtherReason { .. }
                | Self::NetworkFirewall(_)
                | Self::InboundBlocked(_)
                | Self::OutboundBlocked(_)
                | Self::Blocked(_)
                | Self::LatePackets(_)
        )
    }

    /// Whether a filter rejected packets, which a record of their own shows.
    pub fn is_rejected(self) -> bool {
        let is_reply = matches!(self, Self::ReplyBlocked { .. });
        is_reply || !self.is_admitted()
    }

    /// Whether the attempt did not lead to a connection, as those of a scan.
    pub fn leads_nowhere(self) -> bool {
        matches!(
            self,
            Self::InboundBlocked(_)
                | Self::OutboundBlocked(_)
                | Self::Blocked(_)
                | Self::NoReply
                | Self::HalfOpen
                | Self::ReplyLost { .. }
                | Self::Refused
        )
    }

    /// Whether packets went in both directions.
    pub fn is_passed(self) -> bool {
        matches!(self, Self::Passed | Self::Reset(_) | Self::IdleTimeout(_))
    }
}
