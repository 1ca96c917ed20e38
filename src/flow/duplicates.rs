//! Records delivered more than once.
//!
//! Overlapping flow logs, re-exports and repeated downloads deliver a record
//! again, word for word, in another file. One ENI writes at most one record a
//! five-tuple, verdict and interval, so two records that agree in everything
//! are one. That two ENIs saw the same packets is another matter, and
//! [`crate::flow::vantage`] settles it.

use crate::flow::Observation;

/// Removes all but the first of records that say the same of the same ENI.
///
/// Expects the records of one conversation, and leaves them in order of start.
/// Returns how many it removed.
pub fn remove(observations: &mut Vec<Observation>) -> u64 {
    observations.sort_unstable_by_key(|o| (o.content(), o.place));
    let before = observations.len();
    observations.dedup_by(|again, first| again.content() == first.content());
    (before - observations.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{EniIndex, Place, Way, observation::tests::observation};

    #[test]
    fn remove_same_record_in_two_files_keeps_the_first() {
        let first = observation(Way::Up, 3, 180, 10, 12, 2);
        let again = Observation {
            place: Place { file: 7, line: 1 },
            ..first
        };
        let mut records = vec![again, first];
        assert_eq!(remove(&mut records), 1);
        assert_eq!(records, [first]);
    }

    #[test]
    fn remove_same_packets_at_another_eni_keeps_both() {
        let here = observation(Way::Up, 3, 180, 10, 12, 2);
        let there = Observation {
            eni: EniIndex(1),
            ..here
        };
        let mut records = vec![here, there];
        assert_eq!(remove(&mut records), 0);
    }

    #[test]
    fn remove_other_counters_keeps_both() {
        let one = observation(Way::Up, 3, 180, 10, 12, 2);
        let other = Observation {
            bytes: Some(181),
            ..one
        };
        let mut records = vec![one, other];
        assert_eq!(remove(&mut records), 0);
    }
}
