//! What is said of one cause, for people and for scripts.
//!
//! Printing is the business of who shows it: `cli::diagnose` in words, `--json` as it is.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::diagnosis::members::FindingMembers;

/// A cause that findings name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A network ACL lets requests through and not their replies.
    AclBlocksReply,
    /// The responder's security group has no rule for it.
    SecurityGroupInbound,
    /// The network ACL of the responder's subnet denies it.
    AclInbound,
    /// One of the two; the archive does not tell which.
    InboundBlocked,
    /// The initiator's security group has no rule for it.
    SecurityGroupOutbound,
    /// The network ACL of the initiator's subnet denies it.
    AclOutbound,
    /// One of the two; the archive does not tell which.
    OutboundBlocked,
    /// VPC Block Public Access.
    BlockPublicAccess,
    /// VPC Encryption Controls.
    EncryptionControls,
    /// Accepted, and no reply anywhere.
    NoReply,
    /// The reply takes another way than the request.
    ReplyElsewhere,
    /// Nothing listens on the port.
    Refused,
    /// Handshakes that nobody ends.
    HalfOpen,
    /// A connection was forgotten while it was silent.
    IdleTimeout,
    /// Connections aborted by one side.
    Reset,
    /// Some attempts fail, others do not.
    Intermittent,
    /// Packets of connections that are over.
    LatePackets,
    /// One source, many ports or hosts.
    Scan,
}

/// How sure a finding is, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// The records leave no other explanation.
    Proved,
    /// The records fit, and the contrast to what passes speaks for it.
    Likely,
    /// It may be so, or harmless.
    Possible,
}

/// Where something was seen; empty where the records do not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FindingScope {
    /// The ENIs at which it shows.
    pub enis: BTreeSet<String>,
    /// Their subnets.
    pub subnets: BTreeSet<String>,
    /// Their instances.
    pub instances: BTreeSet<String>,
    /// Who tried; the few lowest, and `internet` for all that is outside.
    pub from: BTreeSet<String>,
    /// What they tried to reach; the few lowest.
    pub to: BTreeSet<String>,
    /// The ports of the services; the few lowest.
    pub ports: BTreeSet<u16>,
}

/// What is said of one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// How sure that is.
    pub certainty: Certainty,
    /// The cause in one line.
    pub title: String,
    /// What was seen.
    pub seen: String,
    /// Where.
    #[serde(rename = "where")]
    pub scope: FindingScope,
    /// When the first attempt began (RFC 3339).
    pub first: String,
    /// When the last attempt ended (RFC 3339).
    pub last: String,
    /// Attempts that show it.
    pub count: u64,
    /// Attempts to the same, those that pass among them.
    pub of: u64,
    /// The lowest lines that prove it, `FILE:LINE`.
    pub records: Vec<String>,
    /// What it means.
    pub means: String,
    /// What to look at in AWS.
    pub look_at: Vec<String>,
    /// What speaks against it, or what else it might be.
    pub against: Vec<String>,
    /// What shows it in Wireshark, in the capture that `convert` makes of the same archive.
    pub display_filter: String,
    /// The attempts that it explains.
    #[serde(skip)]
    pub members: FindingMembers,
    /// Those that it stands for, where there are too many alike to tell each in full.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alike: Vec<Brief>,
}

/// A finding in short, which is told together with others of the same cause and certainty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Brief {
    /// The cause in one line.
    pub title: String,
    /// When the first attempt began (RFC 3339).
    pub first: String,
    /// When the last attempt ended (RFC 3339).
    pub last: String,
    /// Attempts that show it.
    pub count: u64,
    /// Attempts to the same, those that pass among them.
    pub of: u64,
}
