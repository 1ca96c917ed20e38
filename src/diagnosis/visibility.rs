//! Decides when a missing reply is evidence, since the archive itself may be incomplete.
//!
//! A missing record means a missing reply only if that record would be in the archive. It may be
//! missing at the end of the archive, where the next file is absent, where AWS dropped records
//! (SKIPDATA), and in a gap between files.

use std::collections::BTreeMap;

use crate::diagnosis::attempt::Attempt;
use crate::flow::EniIndex;
use crate::time::SECOND_NS;

/// How long after a request its reply may still be missing from the archive: the shorter of the two
/// aggregation intervals.
const GRACE_NS: i64 = 60 * SECOND_NS;

/// A request repeated this often over this time had no reply, even at the end of the archive.
const RETRIED_PACKETS: u64 = 3;
const RETRIED_NS: i64 = 3 * SECOND_NS;

/// The time ranges that the archive covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visibility {
    span_ns: Option<(i64, i64)>,
    /// The intervals in which AWS dropped records, by ENI; unlimited where the record has no time.
    skipped: BTreeMap<EniIndex, Vec<(i64, i64)>>,
    /// The intervals in which no ENI wrote a record.
    pub(super) holes: Vec<(i64, i64)>,
}

impl Visibility {
    /// Creates it for an archive whose records span this time, with these gaps in which no ENI
    /// wrote a record.
    pub fn new(span_ns: Option<(i64, i64)>, holes: Vec<(i64, i64)>) -> Self {
        Self {
            span_ns,
            holes,
            skipped: BTreeMap::new(),
        }
    }

    /// Notes that AWS dropped records of this ENI from `start_ns` to `end_ns`, where these are
    /// known.
    pub fn skip(&mut self, eni: EniIndex, start_ns: Option<i64>, end_ns: Option<i64>) {
        let gap = (start_ns.unwrap_or(i64::MIN), end_ns.unwrap_or(i64::MAX));
        self.skipped.entry(eni).or_default().push(gap);
    }

    /// Whether a reply to this attempt would be in the archive if there had been one.
    pub fn silence_counts(&self, attempt: &Attempt) -> bool {
        let until_ns = attempt.last_ns.saturating_add(GRACE_NS);
        let touches = |(start, end): &(i64, i64)| *start <= until_ns && attempt.first_ns <= *end;
        let skipped = |eni| {
            self.skipped
                .get(&eni)
                .is_some_and(|gaps| gaps.iter().any(touches))
        };
        if self.holes.iter().any(touches) || attempt.views.iter().any(|view| skipped(view.eni)) {
            return false;
        }
        let is_retried = attempt.packets() >= RETRIED_PACKETS
            && attempt.last_ns.saturating_sub(attempt.first_ns) >= RETRIED_NS;
        is_retried || self.span_ns.is_some_and(|(_, end)| until_ns <= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::gather::attempts;
    use crate::flow::Way;
    use crate::flow::observation::tests::candidate;

    fn syn(packets: u64, start_s: i64, end_s: i64) -> Attempt {
        attempts(&mut [candidate(Way::Up, packets, 60 * packets, start_s, end_s, 2)]).remove(0)
    }

    fn until(end_s: i64) -> Visibility {
        Visibility::new(Some((0, end_s * SECOND_NS)), Vec::new())
    }

    #[test]
    fn missing_reply_at_the_end_of_the_archive_is_not_evidence() {
        assert!(!until(100).silence_counts(&syn(1, 90, 90)));
        assert!(until(200).silence_counts(&syn(1, 90, 90)));
    }

    #[test]
    fn missing_reply_at_the_end_is_evidence_if_the_request_was_repeated() {
        assert!(until(100).silence_counts(&syn(4, 90, 97)));
        assert!(!until(100).silence_counts(&syn(4, 97, 97)));
    }

    #[test]
    fn missing_reply_where_aws_dropped_records_is_not_evidence() {
        let mut visibility = until(1_000);
        visibility.skip(EniIndex(0), Some(50 * SECOND_NS), Some(110 * SECOND_NS));
        assert!(!visibility.silence_counts(&syn(4, 90, 97)));
        assert!(visibility.silence_counts(&syn(4, 290, 297)));
        visibility.skip(EniIndex(0), None, None);
        assert!(!visibility.silence_counts(&syn(4, 290, 297)));
    }

    #[test]
    fn missing_reply_next_to_a_gap_is_not_evidence() {
        let visibility = Visibility::new(
            Some((0, i64::MAX)),
            vec![(100 * SECOND_NS, 900 * SECOND_NS)],
        );
        assert!(!visibility.silence_counts(&syn(4, 80, 90)));
        assert!(visibility.silence_counts(&syn(4, 10, 20)));
    }
}
