//! Sums over time: packets, bytes, records and connections, by chosen dimensions.
//!
//! One run answers several [`Question`]s. Packets are counted into a [`Tally`] block by block, and
//! the parts of each time bucket are collected. A [`Ranking`] per question keeps the largest series
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

pub mod dimension;
pub mod every;
pub mod question;
pub mod ranking;
pub mod share;
pub mod subnets;
pub mod table;
pub mod tally;

pub use self::{
    dimension::{Dimension, OTHER, PacketFacts},
    every::Every,
    question::{Counts, Measure, Question, QuestionScope},
    ranking::{CELLS_MAX, Ranking},
    subnets::Subnets,
    table::{Point, Series, Table},
    tally::{CellMap, SeriesCell, Tally},
};
