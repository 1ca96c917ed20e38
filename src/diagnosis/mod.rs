//! What is the matter: from whole conversations to findings.
//!
//! Packets show what happened; this says what it means. Every connection attempt is looked at
//! as **every** ENI logged it, since the verdict of one ENI says little: `ACCEPT` on the way out and
//! `REJECT` on the way in are two records of two ENIs. What is the matter with an attempt is its
//! symptom. Symptoms are counted by path, and beside them what passes, because only the contrast
//! tells a security group from a network ACL.
//!
//! ```text
//! attempt         one try to reach a service, with what each ENI saw of it
//! gather          records of one conversation -> attempts
//! visibility      when silence proves nothing
//! symptom         what may be the matter with an attempt
//! judgment        an attempt -> its symptom
//! bounded         a map that keeps no more than so many keys
//! path_counts     how often something was seen on one path: first, last, ports, minutes
//! scan            who tries many ports or hosts
//! attempt_counts  symptoms by path, and what passes; bounded
//! unseen          what the archive cannot show
//! attempt_index   the counts, indexed for contrast, and what ENIs are for
//! finding         what is said: cause, certainty, evidence, display filter
//! members         which attempts a finding explains
//! cause           symptoms -> findings
//! ```
//!
//! Pure: no I/O, no clock, no threads. Tallies of parts add up to that of the whole in any order.
//!
//! # Invariants
//! * Nothing is claimed that the records do not prove; what is inferred says so by its certainty.
//! * Nothing is concluded from silence where the archive itself may be silent ([`Visibility`]).

mod attempt;
mod attempt_counts;
mod attempt_index;
mod blind_spots;
mod bounded;
mod cause;
mod display_filter;
mod finding;
mod gather;
mod judgment;
mod members;
mod path_counts;
mod scan;
mod symptom;
mod visibility;

pub use attempt::{Attempt, EniView, Traffic, WayTraffic};
pub use attempt_counts::AttemptCounts;
pub use blind_spots::BlindSpot;
pub use cause::{Ground, findings};
pub use finding::{Brief, Cause, Certainty, Finding, FindingScope};
pub use gather::{attempts, attempts_with_places};
pub use members::FindingMembers;
pub use symptom::{Limit, Party, Symptom};
pub use visibility::Visibility;
