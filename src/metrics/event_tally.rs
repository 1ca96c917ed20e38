//! The cells in which an event counts.
//!
//! An event is at an instant, so nothing is divided: it counts in the time bucket of that instant.

use super::every::Every;
use super::measure::Counts;
use super::question::Question;
use super::request::RequestFacts;
use super::tally::ordered;
use crate::event::Event;

/// Whether any of these questions is about the log of an event.
pub fn is_asked(questions: &[Question], event: &Event<'_>) -> bool {
    let kind = event.kind();
    let mut questions = questions.iter();
    questions.any(|question| question.subject().is_in(kind))
}

/// Passes on the key and the counts of each cell in which an event counts; `key` is a buffer.
/// Returns the start of its time bucket, nanoseconds since the Unix epoch, if a question is about its
/// log: a bucket in which nothing counts has zeros.
pub fn each_cell(
    every: Every,
    questions: &[Question],
    event: &Event<'_>,
    key: &mut Vec<u8>,
    mut add: impl FnMut(&[u8], &Counts),
) -> Option<i64> {
    let begin_ns = every.begin_ns(event.instant_ns);
    for (number, question) in (0..=u8::MAX).zip(questions) {
        if !question.subject().holds(event) || !question.scope.holds_event(event) {
            continue;
        }
        key.clear();
        key.push(number);
        for dimension in &question.by {
            dimension.put_event(event, key);
        }
        key.extend_from_slice(&ordered(begin_ns));
        add(key, &counts(question, event));
    }
    is_asked(questions, event).then_some(begin_ns)
}

/// Returns what an event adds to a cell.
fn counts(question: &Question, event: &Event<'_>) -> Counts {
    let needs_sums = question
        .measures
        .iter()
        .any(|measure| measure.is_of_request_sums());
    let request = RequestFacts::of(event).filter(|_| needs_sums);
    Counts {
        records: 1,
        requests: request.map(|request| Box::new(request.sums())),
        ..Counts::default()
    }
}
