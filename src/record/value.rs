//! The values of the few columns that are words or bits rather than counts.
//!
//! Each type is what AWS writes, not what it may mean: that a REJECT is not a
//! TCP reset, or that a flow without flags carried only data, is decided later.

use std::fmt;

/// The verdict of security group and network ACL on a flow; not a TCP reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Both allowed the flow.
    Accept,
    /// One of them refused it, or it came after its connection had closed.
    Reject,
}

impl Action {
    /// The word as AWS writes it.
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

/// Whether a record tells of a flow at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LogStatus {
    /// It does. A format without the column, or a `-` in it, says the same.
    #[default]
    Ok,
    /// The interface carried nothing in the interval.
    NoData,
    /// Records of the interval were dropped; one line can stand for many flows.
    SkipData,
}

/// Which way a flow went, as seen from the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Into the interface.
    Ingress,
    /// Out of the interface.
    Egress,
}

impl Direction {
    /// The word as AWS writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// The `tcp-flags` column: the OR of the flags seen within one interval.
///
/// AWS field table: FIN 1, SYN 2, RST 4, SYN-ACK 18 are told; ACK alone reads
/// 0. Transit Gateways add PSH 8, ACK 16, URG 32. Any bits are kept.
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
    /// ACK was seen; in VPC records only together with SYN.
    pub const ACK: Self = Self(16);
    /// SYN and ACK were seen, which marks the responder.
    pub const SYN_ACK: Self = Self(18);
    /// URG was seen (Transit Gateway only).
    pub const URG: Self = Self(32);

    /// Whether every bit of `mask` was seen.
    pub fn contains(self, mask: Self) -> bool {
        self.0 & mask.0 == mask.0
    }

    /// SYN was seen and ACK was not: the initiator's way.
    pub fn is_syn(self) -> bool {
        self.contains(Self::SYN) && !self.contains(Self::ACK)
    }

    /// SYN was seen with ACK: the responder's way.
    pub fn is_syn_ack(self) -> bool {
        self.contains(Self::SYN_ACK)
    }

    /// Whether none of the flags that AWS tells was seen.
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
    fn syn_ack_needs_both_bits() {
        assert!(ObservedFlags(19).contains(ObservedFlags::SYN_ACK));
        assert!(!ObservedFlags(3).contains(ObservedFlags::SYN_ACK));
    }

    #[test]
    fn flags_are_shown_by_name() {
        assert_eq!(ObservedFlags(19).to_string(), "FIN,SYN,ACK");
        assert_eq!(ObservedFlags(0).to_string(), "0");
    }
}
