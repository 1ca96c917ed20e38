//! What was asked for: a condition and a time.

use super::expression::{Expression, RecordFacts};
use super::time::{Bound, Span};

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
