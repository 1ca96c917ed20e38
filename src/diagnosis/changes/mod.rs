//! Who changed it: the changes that can explain when a finding began and ended.
//!
//! A change is compared with each finding that begins inside the archive. What it has in common with
//! the finding decides what may be said of it, and never more:
//!
//! ```text
//! 1  same account and region, in the time between the last attempt that passed and the first that failed
//! 2  names the VPC of the finding
//! 3  names its ENI, subnet or instance
//! 4  names a security group, a network ACL or a route table that is known to belong to these
//! 5  the changed rule or route fits the packets that fail, and the change has that effect
//! ```
//!
//! 5 with 3 or 4 is proved; 5 alone is likely, except for a default route, which fits packets anywhere; 3 or 4 without the content of the rule is possible. The
//! others are listed as changes at that time. A rule of a list that is known to belong to something
//! else explains nothing.
//!
//! ```text
//! aims     a finding -> the packets that fail, and where filters and routes see them
//! effect   a change and packets -> whether it breaks or mends them
//! ties     a change and a place -> whether it is known to belong to it
//! window   when the change must have been made
//! explain  all of these together
//! ```

mod aims;
mod effect;
mod explain;
#[cfg(test)]
mod tests;
mod ties;
mod window;

use serde::Serialize;

pub use self::explain::{ChangeGround, explain_changes};

/// What is known of who changed something, at the beginning and at the end of a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FindingChanges {
    /// Changes that may have caused it; `None` if it does not begin inside the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<ChangeSearch>,
    /// Changes that may have ended it; `None` if it does not end inside the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<ChangeSearch>,
}

impl FindingChanges {
    /// Whether nothing was looked for.
    pub fn is_empty(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }
}

/// A time that was searched for changes, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChangeSearch {
    /// The beginning of the time that was searched (RFC 3339).
    pub from: String,
    /// The end of it (RFC 3339).
    pub to: String,
    /// The changes, the one that explains most first.
    pub changes: Vec<NamedChange>,
    /// Changes of that time that are not listed.
    pub left_out: u64,
}

/// How surely a change explains a finding, most surely first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeCertainty {
    /// The changed rule or route fits the packets, and is known to belong to where they fail.
    Proved,
    /// The changed rule or route fits the packets; it is unknown where it belongs.
    Likely,
    /// It is about the place where they fail; it is unknown whether it concerns them.
    Possible,
    /// It was made at that time, no more.
    SameTime,
}

/// A change that may explain a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NamedChange {
    /// How surely it explains the finding.
    pub certainty: ChangeCertainty,
    /// When it was made (RFC 3339), to the second.
    pub time: String,
    /// How many seconds that is before the first failed attempt, or after the last one; negative if
    /// it is on the other side.
    pub distance_s: i64,
    /// Who made it: user, role and session, or AWS service.
    pub caller: String,
    /// The address of the caller, or an AWS service; empty if unknown.
    pub source: String,
    /// What was changed.
    pub what: String,
    /// What ties it to the finding; empty if nothing but the time does.
    pub because: String,
    /// Whether the call was refused, or was a dry run: it changed nothing.
    pub is_attempt: bool,
    /// The action, such as `RevokeSecurityGroupIngress`.
    pub event: String,
    /// The identifier of the event.
    pub event_id: String,
    /// Its account.
    pub account: String,
    /// Its region.
    pub region: String,
    /// Its line, `FILE:LINE`.
    pub record: String,
}
