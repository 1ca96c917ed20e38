//! Which part of an archive is wanted.
//!
//! A [`Filter`] is what was asked for: a condition on single records, a span of
//! time, and whether connections are kept whole. It decides three times, each
//! time as early as what it needs is known:
//!
//! ```text
//! paths        before a file is opened     its name tells account, region and slot,
//!              or a row group is read      its statistics tell when
//! expression   while the record is there   its columns and its file's path
//! time         when all files are read     -2h counts from the newest record
//! ```
//!
//! Where it keeps nothing, [`FilterWatch`] has noted why. An expression is written out in the words
//! that it is read from, for messages and suggested commands.
//!
//! What becomes of the rest of a connection is the pipeline's business.
//!
//! # Invariants
//! * A verdict has three values. What a record does not say is neither so nor
//!   not so: `vpc vpc-1` and `not vpc vpc-1` both match only records that name
//!   their VPC.
//! * A file is ruled out only if none of its records could match.
//! * nom's types stop at `grammar`.

mod expression;
mod fault;
mod grammar;
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

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// What a record must be; none for any.
    pub condition: Option<Expression>,
    /// The first instant that is wanted.
    pub from: Option<Bound>,
    /// The first instant behind those that are wanted.
    pub to: Option<Bound>,
    /// Drop the records that do not match from connections in which others do.
    pub only_matching: bool,
}

impl Filter {
    /// Whether everything is wanted.
    pub fn wants_all(&self) -> bool {
        self.condition.is_none() && self.from.is_none() && self.to.is_none()
    }

    /// Whether a record is what was asked for, whatever its time; `None` if it does not say.
    pub fn verdict(&self, facts: &RecordFacts<'_>) -> Option<bool> {
        match &self.condition {
            Some(condition) => condition.verdict(facts),
            None => Some(true),
        }
    }

    /// The time that is wanted of an archive whose newest record ends at `newest_ns`.
    pub fn span(&self, newest_ns: i64) -> Span {
        let at = |bound: Option<Bound>| bound.map(|bound| bound.at(newest_ns));
        Span {
            from_ns: at(self.from).unwrap_or(i64::MIN),
            to_ns: at(self.to).unwrap_or(i64::MAX),
        }
    }
}
