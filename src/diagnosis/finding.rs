//! Findings: one cause each, for people and for scripts.
//!
//! A finding is only data. `cli::diagnose` prints it as text; `--json` serializes it unchanged.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::diagnosis::changes::FindingChanges;
use crate::diagnosis::members::FindingMembers;
use crate::diagnosis::path_counts::MinuteCounts;
use crate::flow::Place;

/// A cause of failing attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A network ACL accepts requests and blocks their replies.
    AclBlocksReply,
    /// The responder's security group has no rule for the request.
    SecurityGroupInbound,
    /// The network ACL of the responder's subnet denies the request.
    AclInbound,
    /// The responder's security group or network ACL; the archive does not show which.
    InboundBlocked,
    /// The initiator's security group has no rule for the request.
    SecurityGroupOutbound,
    /// The network ACL of the initiator's subnet denies the request.
    AclOutbound,
    /// The initiator's security group or network ACL; the archive does not show which.
    OutboundBlocked,
    /// VPC Block Public Access.
    BlockPublicAccess,
    /// VPC Encryption Controls.
    EncryptionControls,
    /// Another reason that the records name.
    OtherReason,
    /// A rule of AWS Network Firewall.
    NetworkFirewall,
    /// Requests are accepted, and no ENI logs a reply.
    NoReply,
    /// A route table has no route to the other end, or one that leads nowhere.
    NoRoute,
    /// The reply takes a different path than the request.
    ReplyElsewhere,
    /// The responder replies, and the replies do not come back to the initiator.
    NoWayBack,
    /// The same, because the route table of the VPC claims the initiator's address for the VPC.
    CidrOverlap,
    /// Nothing is listening on the port.
    Refused,
    /// Handshakes stay half-open.
    HalfOpen,
    /// Connection tracking on the path dropped an idle connection.
    IdleTimeout,
    /// Large packets are lost on the path, and small ones pass: a smaller MTU, without the ICMP
    /// message that reports it.
    PathMtu,
    /// Connections are reset by one side.
    Reset,
    /// Some attempts fail and others succeed.
    Intermittent,
    /// A NAT gateway has no port left for one destination.
    NatPorts,
    /// A host drops the SYNs of all its clients in the same moments, and answers at other times.
    SynBacklog,
    /// A target of a Network Load Balancer connects to itself through it.
    NlbHairpin,
    /// Very many sources send SYNs to one service and do not complete the handshake.
    SynFlood,
    /// A NAT gateway drops packets from the internet that nobody inside expects.
    Unsolicited,
    /// Packets of closed connections are rejected.
    LatePackets,
    /// One source tries many ports or hosts.
    Scan,
}

/// The certainty of a finding, most certain first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// The records leave no other explanation.
    Proved,
    /// The records fit, and the comparison with traffic that passes supports it.
    Likely,
    /// The cause is possible, or the symptom is harmless.
    Possible,
}

/// The places where a finding was seen; empty where the records do not show them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FindingScope {
    /// The ENIs where it was seen.
    pub enis: BTreeSet<String>,
    /// The subnets of these ENIs.
    pub subnets: BTreeSet<String>,
    /// The instances of these ENIs.
    pub instances: BTreeSet<String>,
    /// The sources: the few lowest addresses, and `internet` for all sources outside.
    pub from: BTreeSet<String>,
    /// The destinations: the few lowest addresses.
    pub to: BTreeSet<String>,
    /// The service ports: the few lowest.
    pub ports: BTreeSet<u16>,
    /// How many names are not listed.
    #[serde(skip)]
    pub left_out: NamesLeftOut,
}

/// How many names of each kind a scope does not list; where findings are summed up, at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamesLeftOut {
    /// ENIs.
    pub enis: usize,
    /// Subnets.
    pub subnets: usize,
    /// Instances.
    pub instances: usize,
    /// Sources.
    pub from: usize,
    /// Targets.
    pub to: usize,
    /// Ports.
    pub ports: usize,
}

/// One cause with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// How certain the cause is.
    pub certainty: Certainty,
    /// The cause in one line.
    pub title: String,
    /// The evidence.
    pub seen: String,
    /// The places where it was seen.
    #[serde(rename = "where")]
    pub scope: FindingScope,
    /// When the first attempt began (RFC 3339).
    pub first: String,
    /// When the last attempt ended (RFC 3339).
    pub last: String,
    /// When the first attempt failed, if nearly all passed before and nearly all failed from then
    /// on (RFC 3339).
    pub since: Option<String>,
    /// When the last attempt failed, if nearly all failed until then and nearly all passed
    /// afterwards (RFC 3339).
    pub until: Option<String>,
    /// Number of attempts that show it.
    pub count: u64,
    /// Number of attempts to the same services, including those that succeed.
    pub of: u64,
    /// The lowest lines that prove it, as `FILE:LINE`.
    pub records: Vec<String>,
    /// The places of the same lines.
    #[serde(skip)]
    pub places: Vec<Place>,
    /// What the configuration beside the logs says of it, and when that was captured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub configuration: Vec<String>,
    /// The changes that explain when it began and ended; empty without CloudTrail.
    #[serde(skip_serializing_if = "FindingChanges::is_empty")]
    pub changes: FindingChanges,
    /// The meaning of the cause.
    pub means: String,
    /// Instructions on what to check in AWS.
    pub look_at: Vec<String>,
    /// Evidence against the cause, or other possible causes.
    pub against: Vec<String>,
    /// The Wireshark filter that shows it in the capture that `convert` writes from the same
    /// archive.
    pub display_filter: String,
    /// The same filter with the fields of `flow2pcap wireshark install`, if it is shorter with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_filter: Option<String>,
    /// The attempts that it explains.
    #[serde(skip)]
    pub members: FindingMembers,
    /// When the first of these attempts began and the last one ended, nanoseconds since the epoch.
    #[serde(skip)]
    pub(super) span_ns: (i64, i64),
    /// The instants of `since` and `until`, nanoseconds since the epoch.
    #[serde(skip)]
    pub(super) ends_ns: [Option<i64>; 2],
    /// When they began.
    #[serde(skip)]
    pub(super) minutes: MinuteCounts,
    /// The findings merged into this one, where there are too many similar ones to list each in
    /// full.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alike: Vec<Brief>,
}

/// A finding in short, as part of a merged finding of the same cause and certainty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Brief {
    /// The cause in one line.
    pub title: String,
    /// When the first attempt began (RFC 3339).
    pub first: String,
    /// When the last attempt ended (RFC 3339).
    pub last: String,
    /// Number of attempts that show it.
    pub count: u64,
    /// Number of attempts to the same services, including those that succeed.
    pub of: u64,
}
