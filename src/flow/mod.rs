//! One direction of a conversation: its addresses, the ENI that logged it, and removal of
//! duplicates.
//!
//! This folder names conversations ([`ConnectionKey`]), keeps the values of each record that
//! conversion needs ([`Observation`]), removes records delivered twice ([`duplicates`]) and decides
//! which view of a conversation is used ([`vantage`]). It also divides conversations among runs that share
//! an archive ([`Shard`]). It does not pair the two directions and does
//! not know TCP states; [`crate::connection`] does.

mod address_names;
mod clock;
pub mod duplicates;
mod eni;
mod five_tuple;
mod gaps;
mod losses;
pub(crate) mod observation;
mod observe;
mod own_address;
mod shard;
mod traffic_path;
pub mod vantage;
mod words;

pub use address_names::{AddressNames, NameKind};
pub use eni::{ECS, Eni, EniIndex, Enis, UNNAMED};
pub use five_tuple::{ConnectionKey, Endpoint, FiveTuple, ICMP, TCP, UDP, Way};
pub use losses::Losses;
pub use observation::{Candidate, Observation, Place, RejectReason, Verdict, Viewed};
pub use observe::{Addresses, Assumed, Unusable, is_egress, observe, protocol, reject_reason};
pub use own_address::{SharedAddresses, is_private};
pub use shard::Shard;
pub(crate) use shard::{FNV_BASIS, fnv_1a};
pub use traffic_path::TrafficPath;
pub use vantage::Vantage;
pub use words::{ReasonIndex, RecordWords, TagSet, TagsIndex, ValueSeen, WordList};
