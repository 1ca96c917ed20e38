//! Questions about an archive: which sums, by which dimensions, over which packets or events.

use crate::event::Event;
use crate::flow::TCP;

use super::dimension::{Dimension, PacketFacts};
use super::event_dimension::answer_is_server_error;
use super::measure::Measure;
use super::ranking::CELLS_MAX;
use super::subject::Subject;

/// The packets or events that a question counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuestionScope {
    /// Only rejected packets.
    pub rejected: bool,
    /// Only packets of this IANA protocol number.
    pub protocol: Option<u8>,
    /// Only requests that were answered with a status from 500 to 599.
    pub server_errors: bool,
}

impl QuestionScope {
    /// Whether it holds an event of the question's subject.
    pub(super) fn holds_event(self, event: &Event<'_>) -> bool {
        !self.server_errors || answer_is_server_error(event)
    }

    pub(super) fn holds(self, facts: &PacketFacts<'_>) -> bool {
        let is_of = |protocol| facts.observation.key.protocol == protocol;
        self.protocol.is_none_or(is_of) && (!self.rejected || facts.is_rejected())
    }
}

/// A question; its answer is a [`Table`](super::Table).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Name of the metric, in lower case with `_` between words; if absent, the name of the
    /// measure.
    pub name: Option<&'static str>,
    /// The packets or events to count.
    pub scope: QuestionScope,
    /// The dimensions; if empty, there is one sum over everything.
    pub by: Vec<Dimension>,
    /// The measures to sum up, at least one, all of one subject; series are ranked by the first.
    pub measures: Vec<Measure>,
    /// How many of the largest series are listed; if absent, as many as the memory limit allows.
    pub top: Option<usize>,
}

impl Question {
    /// Creates a question for sums of these measures by these dimensions, over everything.
    pub fn of(by: Vec<Dimension>, measures: Vec<Measure>) -> Self {
        Self {
            name: None,
            scope: QuestionScope::default(),
            by,
            measures,
            top: None,
        }
    }

    /// Returns the two questions for which network teams usually set alarms: rejected TCP packets,
    /// and rejected packets by protocol.
    pub fn alarms() -> [Self; 2] {
        let rejected = |name, protocol, by| Self {
            name: Some(name),
            scope: QuestionScope {
                rejected: true,
                protocol,
                ..QuestionScope::default()
            },
            ..Self::of(by, vec![Measure::Packets])
        };
        [
            rejected("rejected_tcp_packets", Some(TCP), Vec::new()),
            rejected("rejected_packets", None, vec![Dimension::Protocol]),
        ]
    }

    /// Returns the metric's name for a measure, in lower case with `_` between words.
    pub fn metric(&self, measure: Measure) -> &'static str {
        self.name.unwrap_or(measure.metric())
    }

    /// Returns what the question counts.
    pub fn subject(&self) -> Subject {
        let first = self.measures.first();
        first.map_or(Subject::Packets, |measure| measure.subject())
    }

    /// Returns the questions for these measures by these dimensions: one for each subject, in the order
    /// of their first measures. Without a measure, the subject is the first that has all dimensions.
    ///
    /// # Errors
    /// A subject does not have one of the dimensions.
    pub fn asked(by: &[Dimension], measures: &[Measure]) -> Result<Vec<Self>, Mismatch> {
        let Some(first) = measures.first() else {
            let mut subjects = Subject::ALL.into_iter();
            let subject = subjects.find(|subject| by.iter().all(|by| by.is_of(*subject)));
            let subject = subject.ok_or_else(|| Mismatch::among(by))?;
            return Ok(vec![Self::of(by.to_vec(), vec![subject.measure()])]);
        };
        let mut questions: Vec<Self> = Vec::new();
        for measure in measures {
            let subject = measure.subject();
            if let Some(by) = by.iter().find(|by| !by.is_of(subject)) {
                return Err(Mismatch {
                    dimension: by.name(),
                    other: measure.name(),
                });
            }
            let mut known = questions.iter_mut();
            match known.find(|question| question.subject() == subject) {
                Some(question) => question.measures.push(*measure),
                None => questions.push(Self::of(by.to_vec(), vec![*measure])),
            }
        }
        debug_assert_eq!(questions[0].subject(), first.subject());
        Ok(questions)
    }

    /// Returns the most cells that the answer keeps: [`CELLS_MAX`], and half of it if it has bytes or
    /// times of requests, which need more memory.
    pub fn cells_max(&self) -> usize {
        let mut measures = self.measures.iter();
        match measures.any(|measure| measure.is_of_request_sums()) {
            true => CELLS_MAX / 2,
            false => CELLS_MAX,
        }
    }

    /// Whether packets must be assigned to connections before they can be counted.
    pub fn is_of_connections(&self) -> bool {
        self.by.contains(&Dimension::Outcome) || self.measures.contains(&Measure::Connections)
    }
}

/// Error for a dimension that something else in a question does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{dimension} and {other} are not in the same log")]
pub struct Mismatch {
    /// The dimension.
    pub dimension: &'static str,
    /// The measure, or another dimension.
    pub other: &'static str,
}

impl Mismatch {
    /// Names the first dimension that is in no log with all those before it, and one of these.
    fn among(by: &[Dimension]) -> Self {
        let has_all = |by: &[Dimension]| {
            let mut subjects = Subject::ALL.into_iter();
            subjects.any(|subject| by.iter().all(|by| by.is_of(subject)))
        };
        let len = (1..=by.len()).find(|len| !has_all(&by[..*len]));
        let len = len.unwrap_or(by.len()).max(1);
        Self {
            dimension: by.get(len - 1).map_or("", |by| by.name()),
            other: by.first().map_or("", |by| by.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::EventDimension;

    const STATUS: Dimension = Dimension::OfEvent(EventDimension::Status);
    const RCODE: Dimension = Dimension::OfEvent(EventDimension::ResponseCode);

    #[test]
    fn dimensions_say_what_is_counted_if_no_measure_does() {
        let subject = |by: &[Dimension]| Question::asked(by, &[]).map(|asked| asked[0].subject());
        assert_eq!(subject(&[Dimension::SourceAddress]), Ok(Subject::Packets));
        assert_eq!(
            subject(&[Dimension::SourceAddress, STATUS]),
            Ok(Subject::Requests)
        );
        assert_eq!(subject(&[RCODE]), Ok(Subject::Queries));
        let mismatch = subject(&[STATUS, RCODE]).unwrap_err();
        assert_eq!(
            mismatch.to_string(),
            "rcode and status are not in the same log"
        );
    }

    #[test]
    fn measures_of_several_logs_are_several_questions() {
        let measures = [Measure::Requests, Measure::Packets, Measure::MaxTime];
        let asked = Question::asked(&[Dimension::SourceAddress], &measures).unwrap();
        let measures: Vec<_> = asked.iter().map(|asked| &asked.measures[..]).collect();
        assert_eq!(
            measures,
            [
                &[Measure::Requests, Measure::MaxTime][..],
                &[Measure::Packets]
            ]
        );
        let mismatch =
            Question::asked(&[STATUS], &[Measure::Requests, Measure::Bytes]).unwrap_err();
        assert_eq!((mismatch.dimension, mismatch.other), ("status", "bytes"));
    }
}
