//! One way of a conversation: who, to whom, seen where, counted once.
//!
//! This folder names conversations ([`ConnectionKey`]), keeps of each record
//! what conversion needs ([`Observation`]), drops what was delivered twice
//! ([`duplicates`]) and decides whose view of a conversation is told
//! ([`vantage`]). It does not pair the two ways or know TCP's states: that is
//! [`crate::connection`].

mod clock;
pub mod duplicates;
mod eni;
mod five_tuple;
mod gaps;
mod losses;
pub(crate) mod observation;
mod observe;
mod own_address;
mod traffic_path;
pub mod vantage;

pub use eni::{Eni, EniIndex, Enis};
pub use five_tuple::{ConnectionKey, Endpoint, FiveTuple, ICMP, TCP, UDP, Way};
pub use losses::Losses;
pub use observation::{Candidate, Observation, Place, RejectReason, Verdict, Viewed};
pub use observe::{Addresses, Assumed, Unusable, is_egress, observe, protocol, reject_reason};
pub use own_address::{SharedAddresses, is_private};
pub use traffic_path::TrafficPath;
pub use vantage::Vantage;
