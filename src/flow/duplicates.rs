//! Records delivered more than once.
//!
//! Overlapping flow logs, re-exports and repeated downloads deliver a record
//! again, word for word, in another file. One ENI writes at most one record a
//! five-tuple, verdict and interval, so two records that agree in everything
//! are one. That two ENIs saw the same packets is another matter, and
//! [`crate::flow::vantage`] settles it.

use crate::flow::Candidate;

/// Removes all but the first of records that say the same of the same ENI.
///
/// Expects the records of one conversation, and leaves them in order of start.
/// Returns how many it removed.
pub fn remove(observations: &mut Vec<Candidate>) -> u64 {
    observations.sort_unstable_by_key(|o| (o.content(), o.place));
    let before = observations.len();
    observations.dedup_by(|again, first| again.content() == first.content());
    (before - observations.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{
        EniIndex, Place, Way,
        observation::tests::{candidate, with},
    };

    #[test]
    fn remove_same_record_in_two_files_keeps_the_first() {
        let first = candidate(Way::Up, 3, 180, 10, 12, 2);
        let again = with(first, |o| o.place = Place { file: 7, line: 1 });
        let mut records = vec![again, first];
        assert_eq!(remove(&mut records), 1);
        assert_eq!(records, [first]);
    }

    #[test]
    fn remove_same_packets_at_another_eni_keeps_both() {
        let here = candidate(Way::Up, 3, 180, 10, 12, 2);
        let there = with(here, |o| o.eni = EniIndex(1));
        let mut records = vec![here, there];
        assert_eq!(remove(&mut records), 0);
    }

    #[test]
    fn remove_other_counters_keeps_both() {
        let one = candidate(Way::Up, 3, 180, 10, 12, 2);
        let other = with(one, |o| o.bytes = Some(181));
        let mut records = vec![one, other];
        assert_eq!(remove(&mut records), 0);
    }
}
