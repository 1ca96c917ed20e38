//! The part of an archive that a run uses.
//!
//! A [`Filter`] is a condition on single records, a time range, and whether connections are kept
//! whole. It is applied in three steps, each as soon as the facts it needs are known:
//!
//! ```text
//! ```text
//! paths        before a file is opened     its path names account, region and time slot
//!              or a row group is read      its statistics give the time range
//! expression   while a record is read      its columns and the path of its file
//! of_event     while an event is read      the ends and names that its log has
//! time         after all files are read    -2h counts from the newest record
//! ```
//!
//! Where a filter keeps nothing, [`FilterWatch`] has noted why. An expression can be written in the
//! words that it is read from, for messages and suggested commands.
//!
//! The pipeline decides what happens to the other records of a matching connection.
//!
//! # Invariants
//! * A verdict has three values. A field that a record does not have satisfies neither a condition
//!   nor its negation: `vpc vpc-1` and `not vpc vpc-1` both match only records that name their VPC.
//! * A file is pruned only if none of its records can match.
//! * Types of nom are used in `grammar` only.

mod expression;
mod fault;
mod grammar;
mod of_event;
mod paths;
mod peers;
mod time;
mod watch;
mod words;
mod written;

pub use self::{
    expression::{
        Comparison, CountField, EndpointSide, Expression, FilteredRecord, Name, Net, Peer,
        RecordFacts, Term,
    },
    fault::FilterError,
    paths::{MARGIN_S, RuledOut, Sifted, may_tell},
    time::{Bound, Span, TimeError},
    watch::{FilterWatch, NameFound, Noticed, PartCounts, WantedName},
    words::Qualifier,
};

/// A filter on the records of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The condition on a record; `None` matches every record.
    pub condition: Option<Expression>,
    /// The start of the time range, inclusive.
    pub from: Option<Bound>,
    /// The end of the time range, exclusive.
    pub to: Option<Bound>,
    /// Whether to drop the other records of a connection of which only some match.
    pub only_matching: bool,
}

impl Filter {
    /// Whether every record of every time matches.
    pub fn wants_all(&self) -> bool {
        self.condition.is_none() && self.from.is_none() && self.to.is_none()
    }

    /// Whether every record matches the condition.
    pub(crate) fn has_no_condition(&self) -> bool {
        self.condition.is_none()
    }

    /// Whether a record matches the condition, whatever its time; `None` if it lacks a field that
    /// decides.
    pub fn verdict(&self, facts: &RecordFacts<'_>) -> Option<bool> {
        match &self.condition {
            Some(condition) => condition.verdict(facts),
            None => Some(true),
        }
    }

    /// Returns the time range for an archive whose newest record ends at `newest_ns`.
    pub fn span(&self, newest_ns: i64) -> Span {
        let at = |bound: Option<Bound>| bound.map(|bound| bound.at(newest_ns));
        Span {
            from_ns: at(self.from).unwrap_or(i64::MIN),
            to_ns: at(self.to).unwrap_or(i64::MAX),
        }
    }
}
