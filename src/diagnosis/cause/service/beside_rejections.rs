//! Failures beside rejections on the same path: attempts whose REJECT record is missing.

use std::collections::{BTreeSet, HashMap};

use crate::diagnosis::attempt_counts::Path;
use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom, count, service, span};
use crate::diagnosis::symptom::Symptom;
use crate::time::SECOND_NS;

/// How long before and after rejections a failure may belong to them: the longest interval.
const MISSING_NS: i64 = 600 * SECOND_NS;

/// Returns the failures without a rejection on paths on which as many attempts are rejected in the
/// same time: some of their records are missing.
pub(super) fn explained(attempts: &AttemptIndex<'_>) -> BTreeSet<(Path, Symptom)> {
    let path = |entry: &PathSymptom<'_>| (entry.path.source, service(entry.path));
    let mut rejected: HashMap<_, Vec<PathSymptom<'_>>> = HashMap::new();
    let is_rejected = |entry: &&PathSymptom<'_>| {
        let symptom = entry.symptom;
        !symptom.is_admitted() || matches!(symptom, Symptom::ReplyBlocked { .. })
    };
    let inside = || attempts.all().filter(|entry| entry.path.source.is_some());
    for entry in inside().filter(is_rejected) {
        rejected.entry(path(entry)).or_default().push(*entry);
    }
    let is_silent = |entry: &&PathSymptom<'_>| {
        let symptom = entry.symptom;
        matches!(
            symptom,
            Symptom::NoReply
                | Symptom::HalfOpen
                | Symptom::ReplyElsewhere { .. }
                | Symptom::ReplyLost { .. }
        )
    };
    let is_explained = |entry: &&PathSymptom<'_>| {
        let beside = rejected.get(&path(entry)).map_or(&[][..], Vec::as_slice);

        let (first, last) = span(beside);
        count(beside) >= entry.seen.count
            && entry.seen.first_ns >= first.saturating_sub(MISSING_NS)
            && entry.seen.begun_ns <= last.saturating_add(MISSING_NS)
    };
    let silent = inside().filter(is_silent).filter(is_explained);
    silent.map(PathSymptom::key).collect()
}
