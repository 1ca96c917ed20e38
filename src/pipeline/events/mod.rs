//! The events of an archive on their way into a capture.
//!
//! Events are collected in the same pass as flow records, each with only what a packet or a frame
//! needs of it. They are put in order of time, joined with the connections that the records become,
//! and written as comments of packets, and as frames.
//!
//! ```text
//! kept_event    what is kept of an event
//! event_codec   its encoding
//! collector     events of all threads -> one order
//! tape          the events in that order, in memory or in a temporary file
//! offers        the connections and rejected records that may be joined, from all threads
//! event_facts   what was offered, of the runs that share an archive
//! joins         which packet gets the comment of which event
//! outcomes      what became of each event
//! ```
//!
//! # Invariants
//! * The order is by time, file and line: the same for any number of threads, any memory, and any
//!   order of the inputs.
//! * Memory is bounded: events that do not fit are sorted on disk. Only the first
//!   `JOINED_MAX` events that name a connection or a resource are joined; the rest are counted.

mod collector;
mod event_codec;
mod event_facts;
mod joins;
mod kept_event;
mod offers;
mod outcomes;
mod tape;

pub(crate) use self::collector::{CollectedEvents, CollectsEvents, EventCollector, EventWishes};
pub(crate) use self::event_codec::EventBatch;
pub(crate) use self::event_facts::EventFacts;
pub(crate) use self::joins::{EventJoins, PacketEvents, WordedFrames, interface_of};
pub(crate) use self::offers::{EventOffers, Offered};
pub(crate) use self::outcomes::Outcomes;
