//! Diagnosis of connectivity problems: from the records of conversations to findings.
//!
//! Every connection attempt is examined as **every** ENI logged it, since the verdict of one ENI
//! says little: an outbound `ACCEPT` and an inbound `REJECT` of the same packet are two records of
//! two ENIs. Each attempt has one symptom. Symptoms are counted by path, together with attempts
//! that pass, because only the comparison distinguishes a security group from a network ACL.
//!
//! ```text
//! attempt         one connection attempt, with the view of each ENI
//! gather          records of one conversation -> attempts
//! visibility      when missing records are evidence, and when not
//! symptom         the symptoms that an attempt can have
//! judgment        an attempt -> its symptom
//! bounded         a map with a maximum number of keys
//! distinct_sources  how many sources there are, in little memory
//! one_attempt     one attempt, as these sums count it
//! path_counts     sums for one path: first, last, ports, minutes
//! scan            sources that try many ports or hosts
//! attempt_counts  symptoms by path, and attempts that pass; bounded
//! blind_spots     what the archive cannot show
//! attempt_index   the counts, indexed for comparison, and the roles of ENIs
//! finding         the result: cause, certainty, evidence, display filter
//! members         which attempts a finding explains
//! cause           symptoms -> findings
//! changes         who changed it: the changes that explain findings
//! responses       error responses of load balancers, and the findings that explain them
//! ```
//!
//! Pure: no I/O, no clock, no threads. The counts of parts add up to those of the whole in any
//! order.
//!
//! # Invariants
//! * A finding claims only what the records prove; if it is inferred, its certainty says so.
//! * No conclusion is drawn from missing records where the archive itself may be incomplete
//!   ([`Visibility`]).

mod attempt;
mod attempt_counts;
mod attempt_index;
mod blind_spots;
mod bounded;
mod cause;
mod changes;
mod display_filter;
mod distinct_sources;
mod finding;
mod gather;
mod judgment;
mod members;
mod one_attempt;
mod path_counts;
mod responses;
mod scan;
mod symptom;
mod visibility;

pub use attempt::{Attempt, EniView, Traffic, WayTraffic};
pub use attempt_counts::AttemptCounts;
pub use blind_spots::BlindSpot;
pub use cause::{FindingEvidence, Ground, findings};
pub use changes::{
    ChangeCertainty, ChangeGround, ChangeSearch, FindingChanges, NamedChange, explain_changes,
};
pub use finding::{Brief, Cause, Certainty, Finding, FindingScope, NamesLeftOut};
pub use gather::{attempts, attempts_with_places};
pub use members::FindingMembers;
pub use responses::{ErrorCause, ErrorResponse, Responses, explain_responses};
pub use symptom::{Limit, Party, Symptom};
pub use visibility::Visibility;
