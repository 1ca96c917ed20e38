//! Removes records that were delivered more than once.
//!
//! Overlapping flow logs, re-exports and repeated downloads deliver the same record again in
//! another file. One ENI writes at most one record per five-tuple, verdict and interval, so two
//! records that agree in all fields are the same record. Two ENIs that saw the same packets are a
//! different case, which [`crate::flow::vantage`] handles.

use crate::flow::Candidate;

/// Removes all but the first of equal records of the same ENI.
///
/// Expects the records of one conversation, and leaves them in order of start. Returns the number
/// of records removed.
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
    fn same_record_in_two_files_is_kept_once() {
        let first = candidate(Way::Up, 3, 180, 10, 12, 2);
        let again = with(first, |o| o.place = Place { file: 7, line: 1 });
        let mut records = vec![again, first];
        assert_eq!(remove(&mut records), 1);
        assert_eq!(records, [first]);
    }

    #[test]
    fn same_packets_at_another_eni_are_both_kept() {
        let here = candidate(Way::Up, 3, 180, 10, 12, 2);
        let there = with(here, |o| o.eni = EniIndex(1));
        let mut records = vec![here, there];
        assert_eq!(remove(&mut records), 0);
    }

    #[test]
    fn records_with_different_counters_are_both_kept() {
        let one = candidate(Way::Up, 3, 180, 10, 12, 2);
        let other = with(one, |o| o.bytes = Some(181));
        let mut records = vec![one, other];
        assert_eq!(remove(&mut records), 0);
    }
}
