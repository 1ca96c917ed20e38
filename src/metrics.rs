//! Sums over time: packets, bytes, records and connections, and events of other AWS logs, by chosen
//! dimensions.
//!
//! One run answers several [`Question`]s, each about one [`Subject`]. Packets are counted into a
//! [`Tally`] block by block, events by [`event_tally`], and the parts of each time bucket are collected. A [`Ranking`] per question keeps the largest series
//! and returns a [`Table`] in the end. This module does not read, print or draw:
//! [`crate::pipeline::metrics()`] reads, the command line and reports show.
//!
//! # What is counted
//! Either records as they are in the archive, including duplicates, as a CloudWatch metric filter
//! would count; or actual traffic, each packet once, as in a capture
//! ([`crate::pipeline::Metrics::once`]). This module counts whatever it is given.
//!
//! # Invariants
//! * Sums are exact: the sums of a table add up to those of the records that the question selects,
//!   even if records are divided over time ([`share`]) or series are merged to save memory
//!   ([`ranking`]).
//! * The result does not depend on the order in which packets are counted and series are offered.
//! * A text of an event is cut where it is a value of a dimension, so that keys are bounded.

pub mod dimension;
pub mod event_dimension;
pub mod event_tally;
pub mod every;
pub mod measure;
pub mod question;
pub mod ranking;
mod request;
pub mod share;
pub mod subject;
pub mod subnets;
pub mod table;
pub mod tally;

pub use self::{
    dimension::{Dimension, OTHER, PacketFacts},
    event_dimension::EventDimension,
    every::Every,
    measure::{Counts, Measure, RequestSums, TimeSums},
    question::{Mismatch, Question, QuestionScope},
    ranking::{CELLS_MAX, Ranking},
    subject::Subject,
    subnets::Subnets,
    table::{Point, Series, Table},
    tally::{CellMap, SeriesCell, Tally},
};
