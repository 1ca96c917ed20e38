//! The values of the few columns that are words or bits and not counts.
//!
//! Each type is exactly what AWS writes, without an interpretation. That a REJECT is not a TCP
//! reset, or that a flow without flags carried only data, is decided later.

use std::fmt;

/// The action of security group and network ACL on a flow. It is not a TCP reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Both allowed the flow.
    Accept,
    /// One of them refused the flow, or it came after its connection had closed.
    Reject,
}

impl Action {
    /// Returns the word as AWS writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Reject => "REJECT",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Whether a record describes a flow at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LogStatus {
    /// It does. A format without the column, or a `-` in it, means the same.
    #[default]
    Ok,
    /// The interface had no traffic in the interval.
    NoData,
    /// Records of the interval were dropped. One line can represent many flows.
    SkipData,
}

/// The direction of a flow, as seen from the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Into the interface.
    Ingress,
    /// Out of the interface.
    Egress,
}

impl Direction {
    /// Returns the word as AWS writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// The `tcp-flags` column: the OR of the flags seen within one interval.
///
/// AWS field table: FIN 1, SYN 2, RST 4 and SYN-ACK 18 are reported; ACK alone is 0. Transit
/// Gateways add PSH 8, ACK 16, URG 32. All bits are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObservedFlags(pub u8);

impl ObservedFlags {
    /// FIN was seen.
    pub const FIN: Self = Self(1);
    /// SYN was seen, with or without ACK.
    pub const SYN: Self = Self(2);
    /// RST was seen.
    pub const RST: Self = Self(4);
    /// PSH was seen (Transit Gateway only).
    pub const PSH: Self = Self(8);
    /// ACK was seen. In VPC records this occurs only together with SYN.
    pub const ACK: Self = Self(16);
    /// SYN and ACK were seen, which identifies the responder.
    pub const SYN_ACK: Self = Self(18);
    /// URG was seen (Transit Gateway only).
    pub const URG: Self = Self(32);

    /// Whether every bit of `mask` was seen.
    pub fn contains(self, mask: Self) -> bool {
        self.0 & mask.0 == mask.0
    }

    /// Whether SYN was seen without ACK, as sent by the initiator.
    pub fn is_syn(self) -> bool {
        self.contains(Self::SYN) && !self.contains(Self::ACK)
    }

    /// Whether SYN was seen with ACK, as sent by the responder.
    pub fn is_syn_ack(self) -> bool {
        self.contains(Self::SYN_ACK)
    }

    /// Whether none of the flags that AWS reports was seen.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for ObservedFlags {
    /// Writes the names of the flags, comma-separated, or `0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("0");
        }
        let mut separator = "";
        for (bit, name) in FLAG_NAMES.iter().enumerate() {
            if self.0 >> bit & 1 == 1 {
                write!(f, "{separator}{name}")?;
                separator = ",";
            }
        }
        Ok(())
    }
}

/// Names of the flag bits, lowest first (RFC 9293 section 3.1).
const FLAG_NAMES: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syn_ack_requires_both_bits() {
        assert!(ObservedFlags(19).contains(ObservedFlags::SYN_ACK));
        assert!(!ObservedFlags(3).contains(ObservedFlags::SYN_ACK));
    }

    #[test]
    fn flags_are_shown_by_name() {
        assert_eq!(ObservedFlags(19).to_string(), "FIN,SYN,ACK");
        assert_eq!(ObservedFlags(0).to_string(), "0");
    }
}
