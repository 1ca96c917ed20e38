//! What may be the matter with one attempt.

use crate::flow::EniIndex;
use crate::time::SECOND_NS;

/// An idle time-out that AWS documents, by how long connections may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// 60 s: Application Load Balancer, unless set otherwise.
    Minute,
    /// 350 s: NAT gateway, Network Load Balancer, tracking of security groups on Nitro v6.
    NatOrNlb,
    /// 432 000 s, 5 days: tracking of security groups elsewhere.
    Tracking,
}

impl Limit {
    /// The time-out, in seconds.
    pub fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::NatOrNlb => 350,
            Self::Tracking => 432_000,
        }
    }

    /// The one that a silence of this length fits, the longest first.
    ///
    /// Records date by the second, and often by the interval, so that a silence may look a little
    /// shorter than it was. Beyond a minute and a half nothing is said of a minute.
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
    /// Who tried.
    Initiator,
    /// What it tried to reach.
    Responder,
}

/// What is the matter with one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Symptom {
    /// Rejected by VPC Block Public Access at this ENI.
    BlockPublicAccess(EniIndex),
    /// Rejected by VPC Encryption Controls at this ENI.
    EncryptionControls(EniIndex),
    /// The request was accepted and its reply rejected at the same ENI.
    ReplyBlocked {
        /// The ENI.
        eni: EniIndex,
        /// Whether the reply was on its way out, if that is known.
        leaving: Option<bool>,
    },
    /// The request was rejected on its way into this ENI.
    InboundBlocked(EniIndex),
    /// The request was rejected on its way out of this ENI.
    OutboundBlocked(EniIndex),
    /// The request was rejected at this ENI, and no record tells on which way.
    Blocked(EniIndex),
    /// Rejected, or reset, when it spoke again after a silence that an idle time-out explains.
    IdleTimeout(Limit),
    /// A reply was seen, but not at the ENI that saw the request and none.
    ReplyElsewhere {
        /// The ENI that saw the request only.
        asked: EniIndex,
        /// An ENI that saw the reply.
        answered: EniIndex,
    },
    /// Answered by a RST.
    Refused,
    /// Accepted wherever it was seen, and no reply at any ENI.
    NoReply,
    /// Answered by a SYN-ACK that nobody acknowledged.
    HalfOpen,
    /// Opened, then aborted by that side.
    Reset(Party),
    /// Rejected packets of a connection that was over, or of which nothing else is known.
    LatePackets(EniIndex),
    /// Packets one way, where nothing says that there must be an answer.
    OneWay,
    /// Nothing the matter.
    Passed,
    /// Nothing can be said: the archive may be silent itself.
    Unclear,
}

impl Symptom {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::BlockPublicAccess(_) => "block-public-access",
            Self::EncryptionControls(_) => "encryption-controls",
            Self::ReplyBlocked { .. } => "reply-blocked",
            Self::InboundBlocked(_) => "inbound-blocked",
            Self::OutboundBlocked(_) => "outbound-blocked",
            Self::Blocked(_) => "blocked",
            Self::IdleTimeout(_) => "idle-timeout",
            Self::ReplyElsewhere { .. } => "reply-elsewhere",
            Self::Refused => "refused",
            Self::NoReply => "no-reply",
            Self::HalfOpen => "half-open",
            Self::Reset(_) => "reset",
            Self::LatePackets(_) => "late-packets",
            Self::OneWay => "one-way",
            Self::Passed => "passed",
            Self::Unclear => "unclear",
        }
    }

    /// Whether the request got past the filters on its way into the responder's ENI, as far as seen.
    pub fn is_admitted(self) -> bool {
        !matches!(
            self,
            Self::BlockPublicAccess(_)
                | Self::EncryptionControls(_)
                | Self::InboundBlocked(_)
                | Self::OutboundBlocked(_)
                | Self::Blocked(_)
                | Self::LatePackets(_)
        )
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
                | Self::Refused
        )
    }

    /// Whether both ends talked to each other.
    pub fn is_passed(self) -> bool {
        matches!(self, Self::Passed | Self::Reset(_) | Self::IdleTimeout(_))
    }
}
