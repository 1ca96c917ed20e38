//! Joins events of other AWS logs with connections of flow logs.
//!
//! An event names the ends of a connection, or some of them, and a time. A connection has both ends
//! and the seconds of its first and last packet. This module finds the connection that an event is
//! about, if it is the only one that fits, and says in a few words what the event was.
//!
//! ```text
//! sought    an event -> the connections that it is about, as far as its log names them
//! index     these, by the end that they name; connections that fit are collected, and counted
//! words     an event -> the words of a packet comment
//! change    an API call -> the resources that it names
//! rejected  the first rejected record of a resource after each change
//! anchor    the times of requests, on the packets of a connection
//! ```
//!
//! Pure: no I/O, no clock, no threads. The result is the same for any order in which connections are
//! offered.
//!
//! # Invariants
//! * An event is joined to a connection only if no other connection fits it as well.
//! * A node's address excludes a connection only if flow logs must have the same one: an
//!   internet-facing load balancer has public addresses in the names of its files, and private ones
//!   in flow logs.

mod anchor;
mod change;
mod index;
mod rejected;
mod sought;
mod words;

pub use self::anchor::{RequestTimes, anchor};
pub use self::change::{RESOURCES_MAX, changed_resources, is_change};
pub use self::index::{ConnectionSpan, EventNumber, JoinOutcome, SPANS_MAX, SoughtIndex};
pub use self::rejected::{FirstRejected, RejectedRecord, ResourceIndex};
pub use self::sought::{LegSide, SoughtConnection, sought};
pub use self::words::{WORDS_LEN_MAX, changed_words, event_words, path_without_query};
