//! What a filter decides about packets, by which rule, and which rule nearly fits.

use super::cidr::{FarEnd, Fit};
use super::resources::RuleService;
use crate::flow::{TCP, UDP};

/// Packets at an ENI, as far as filters look at them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilteredPackets {
    /// Whether they leave the ENI.
    pub is_egress: bool,
    /// IANA protocol number.
    pub protocol: u8,
    /// The other end.
    pub far: FarEnd,
    /// Lowest and highest destination port; ignored for protocols without ports.
    pub ports: (u16, u16),
}

/// What a filter does with packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FilterDecision {
    /// It lets them pass.
    Allows,
    /// It rejects them.
    Denies,
    /// It rejects some of them and lets the others pass.
    Divides,
    /// The configuration does not show it.
    Unknown,
}

/// What a filter does with packets, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterVerdict {
    /// What it does.
    pub decision: FilterDecision,
    /// The filter, with its name; empty if there is none.
    pub filter: String,
    /// The rule that decides, or what is missing, as a part of a sentence.
    pub why: String,
    /// The rule that would nearly decide otherwise.
    pub nearest: Option<String>,
    /// When the filter was captured, nanoseconds since the Unix epoch, if the file says so.
    pub captured_ns: Option<i64>,
}

impl FilterVerdict {
    pub(super) fn new(decision: FilterDecision, filter: String, why: String) -> Self {
        Self {
            decision,
            filter,
            why,
            nearest: None,
            captured_ns: None,
        }
    }

    /// A verdict that needs more than the configuration has.
    pub(super) fn unknown(why: String) -> Self {
        Self::new(FilterDecision::Unknown, String::new(), why)
    }

    /// Whether the filter denies the packets.
    pub fn denies(&self) -> bool {
        self.decision == FilterDecision::Denies
    }

    /// Whether the filter lets the packets pass.
    pub fn allows(&self) -> bool {
        self.decision == FilterDecision::Allows
    }

    /// Whether the filter rejects some of the packets and lets the others pass.
    pub fn divides(&self) -> bool {
        self.decision == FilterDecision::Divides
    }
}

impl FilteredPackets {
    /// The service of the packets, as a rule would name it.
    pub(super) fn service(&self) -> RuleService {
        RuleService {
            protocol: Some(self.protocol),
            ports: match self.protocol {
                TCP | UDP => self.ports,
                _ => (0, u16::MAX),
            },
            has_all_types: true,
        }
    }

    /// The packets in words: `TCP 5432 from 10.0.11.15`.
    pub fn in_words(&self) -> String {
        format!("{} {} {}", self.service(), self.preposition(), self.far)
    }

    /// The word before the other end.
    pub(super) fn preposition(&self) -> &'static str {
        if self.is_egress { "to" } else { "from" }
    }

    /// The direction in words.
    pub(super) fn way(&self) -> &'static str {
        if self.is_egress {
            "outbound"
        } else {
            "inbound"
        }
    }
}

impl RuleService {
    /// Whether the protocol and ports of a rule fit packets.
    pub fn fits(&self, packets: &FilteredPackets) -> Fit {
        let Some(protocol) = self.protocol else {
            return Fit::Yes;
        };
        if protocol != packets.protocol {
            return Fit::No;
        }
        match protocol {
            TCP | UDP => {
                let ((first, last), (low, high)) = (self.ports, packets.ports);
                if first <= low && high <= last {
                    Fit::Yes
                } else if last < low || high < first {
                    Fit::No
                } else {
                    Fit::Maybe
                }
            }
            // Flow logs do not have the type of an ICMP message.
            1 | 58 if !self.has_all_types => Fit::Maybe,
            _ => Fit::Yes,
        }
    }
}
