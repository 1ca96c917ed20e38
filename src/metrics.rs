//! Sums over time: packets, bytes, records and connections, by what one likes.
//!
//! An archive is asked some [`Question`]s at once. What it holds is counted into a [`Tally`] a
//! block at a time, what falls into one bucket of time is collected, a [`Ranking`] of each question
//! keeps the largest series, and gives a [`Table`] in the end. Nothing is read, printed or drawn
//! here: [`crate::pipeline::metrics()`] reads, the command line and reports show.
//!
//! # What is counted
//! Either what records say, each as often as it is in the archive, as a metric filter of
//! CloudWatch would; or what was, each packet once, as a capture has it
//! ([`crate::pipeline::Metrics::once`]). This folder counts what it is given.
//!
//! # Invariants
//! * Sums are exact: those of a table add up to those of the records that the question asks for,
//!   whatever is shared out over time ([`share`]) or folded for want of room ([`ranking`]).
//! * The order in which packets are counted and series offered changes nothing.

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
