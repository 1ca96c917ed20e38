//! What is the matter: from whole conversations to findings.
//!
//! Packets show what happened; this says what it means. Every connection attempt is looked at
//! as **every** ENI logged it, since the verdict of one ENI says little: `ACCEPT` on the way out and
//! `REJECT` on the way in are two records of two ENIs. What is the matter with an attempt is its
//! symptom. Symptoms are counted by path, and beside them what passes, because only the contrast
//! tells a security group from a network ACL.
//!
//! ```text
//! attempt   records of one conversation -> attempts, with what each ENI saw of them
//! symptom   an attempt -> what is the matter with it
//! horizon   what the archive cannot show, where silence proves nothing
//! tally     symptoms by path, with first, last, ports, minutes; bounded
//! sweep     who tries many ports or hosts
//! ledger    the tally, indexed for contrast
//! roles     what ENIs are for, as far as it shows
//! cause     symptoms -> findings
//! finding   what is said: cause, certainty, evidence, display filter
//! ```
//!
//! Pure: no I/O, no clock, no threads. Tallies of parts add up to that of the whole in any order.
//!
//! # Invariants
//! * Nothing is claimed that the records do not prove; what is inferred says so by its certainty.
//! * Nothing is concluded from silence where the archive itself may be silent ([`Horizon`]).

mod attempt;
mod bounded;
mod cause;
mod display_filter;
mod finding;
mod horizon;
mod ledger;
mod roles;
mod sighting;
mod sweep;
mod symptom;
mod tally;

pub use attempt::{Attempt, Lane, Traffic, View, attempts};
pub use cause::{Ground, findings};
pub use finding::{Brief, Cause, Certainty, Finding, Scope};
pub use horizon::{Horizon, Unseen};
pub use symptom::{Limit, Side, Symptom};
pub use tally::Tally;
