//! Which connections and rejected records fit the events of an archive, from runs that share it.
//!
//! Every run numbers events in the same way, because it reads all of them.

use serde::{Deserialize, Serialize};

use crate::joining::{ConnectionSpan, EventNumber, RejectedRecord, SPANS_MAX};

/// What was offered to events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventFacts {
    /// The connections that may fit.
    pub(super) spans: Vec<ConnectionSpan>,
    /// Whether there are more than are kept.
    pub(super) too_many: bool,
    /// The first rejected record after each change that has one.
    pub(super) rejected: Vec<(EventNumber, RejectedRecord)>,
}

impl EventFacts {
    /// Adds what other runs offer.
    pub(crate) fn add(&mut self, other: Self) {
        self.too_many |= other.too_many;
        self.spans.extend(other.spans);
        self.rejected.extend(other.rejected);
        self.bound();
    }

    /// Keeps no more connections than one run would, and the first record of each change.
    pub(crate) fn bound(&mut self) {
        if self.too_many || self.spans.len() > SPANS_MAX {
            self.too_many = true;
            self.spans = Vec::new();
        }
        self.rejected.sort_unstable();
        self.rejected.dedup_by_key(|(number, _)| *number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Place;

    fn rejected(number: u32, start_ns: i64) -> (EventNumber, RejectedRecord) {
        let place = Place::default();
        (EventNumber(number), RejectedRecord { start_ns, place })
    }

    #[test]
    fn first_record_of_all_runs_follows_a_change() {
        let of = |rejected: &[_]| EventFacts {
            rejected: rejected.to_vec(),
            ..EventFacts::default()
        };
        let mut facts = of(&[rejected(1, 30), rejected(2, 50)]);
        facts.add(of(&[rejected(2, 40), rejected(0, 10)]));
        assert_eq!(
            facts.rejected,
            [rejected(0, 10), rejected(1, 30), rejected(2, 40)]
        );
    }

    #[test]
    fn too_many_connections_in_one_run_are_too_many() {
        let mut facts = EventFacts::default();
        let too_many = true;
        facts.add(EventFacts {
            too_many,
            ..EventFacts::default()
        });
        assert!(facts.too_many);
    }
}
