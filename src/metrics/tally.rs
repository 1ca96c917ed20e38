//! Sums of packets by series and time bucket, while records are read.
//!
//! A *series* is one question and one value for each of its dimensions; a *cell* is one series in
//! one time bucket. A tally may be emptied at any time and continue: cells that appear again are
//! added up when they are collected ([`SeriesCell`] is their serialized form).

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::dimension::PacketFacts;
use super::every::Every;
use super::measure::{Counts, RequestSums, TimeSums};
use super::question::Question;
use super::share::{BucketShare, share_out};
use super::subject::Subject;
use crate::time::joined;

/// Bytes of a bucket's start, at the end of a cell's key.
const BEGIN_LEN: usize = 8;

/// Cells by key.
pub type CellMap = HashMap<Box<[u8]>, Counts, RandomState>;

/// Adds to the cell with this key.
pub fn add_cell(cells: &mut CellMap, key: &[u8], counts: &Counts) {
    match cells.get_mut(key) {
        Some(cell) => cell.add(counts),
        None => {
            cells.insert(key.into(), counts.clone());
        }
    }
}

/// The sums of packets for some questions.
pub struct Tally<'q> {
    every: Every,
    questions: &'q [Question],
    cells: CellMap,
    span_ns: Option<(i64, i64)>,
    // Reusable buffers, so that they are not allocated for each record.
    shares: Vec<BucketShare>,
    key: Vec<u8>,
}

impl<'q> Tally<'q> {
    /// Creates an empty tally.
    ///
    /// # Panics
    /// There are more than 256 questions.
    pub fn new(every: Every, questions: &'q [Question]) -> Self {
        assert!(
            questions.len() <= 256,
            "a key has one byte for the question"
        );
        Self {
            every,
            questions,
            cells: CellMap::default(),
            span_ns: None,
            shares: Vec::new(),
            key: Vec::new(),
        }
    }

    /// Counts the packets of one record in all buckets that it spans, and the record itself in the
    /// bucket in which it starts.
    pub fn count(&mut self, facts: &PacketFacts<'_>) {
        let o = facts.observation;
        let mut shares = std::mem::take(&mut self.shares);
        let amounts = (o.packets, o.bytes.unwrap_or(0));
        share_out(self.every, (o.start_ns, o.until_ns()), amounts, &mut shares);
        let counts = shares.iter().enumerate().map(|(nth, share)| {
            let counts = Counts {
                packets: share.packets.into(),
                bytes: share.bytes.into(),
                records: u64::from(nth == 0),
                ..Counts::default()
            };
            (share.begin_ns, counts)
        });
        self.add(facts, counts);
        self.shares = shares;
    }

    /// Counts one connection in the bucket in which it starts; `facts` are those of its initiator.
    pub fn count_connection(&mut self, facts: &PacketFacts<'_>) {
        let counts = Counts {
            connections: 1,
            ..Counts::default()
        };
        let begin_ns = self.every.begin_ns(facts.observation.start_ns);
        self.add(facts, std::iter::once((begin_ns, counts)));
    }

    /// Adds to the cells of these packets in each bucket.
    fn add(
        &mut self,
        facts: &PacketFacts<'_>,
        counts: impl Iterator<Item = (i64, Counts)> + Clone,
    ) {
        for (begin_ns, _) in counts.clone() {
            self.span_ns = joined(self.span_ns, Some((begin_ns, begin_ns)));
        }
        for (number, question) in (0..=u8::MAX).zip(self.questions) {
            if question.subject() != Subject::Packets || !question.scope.holds(facts) {
                continue;
            }
            self.key.clear();
            self.key.push(number);
            for dimension in &question.by {
                dimension.put(facts, &mut self.key);
            }
            let series_len = self.key.len();
            for (begin_ns, counts) in counts.clone() {
                self.key.truncate(series_len);
                self.key.extend_from_slice(&ordered(begin_ns));
                add_cell(&mut self.cells, &self.key, &counts);
            }
        }
    }

    /// Returns the number of cells.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Takes the cells out; the tally is empty afterwards.
    pub fn take_cells(&mut self) -> CellMap {
        std::mem::take(&mut self.cells)
    }

    /// Returns the start of the first and of the last bucket in which anything was counted, for any
    /// question: an archive with records but no rejected packets has zeros in this span.
    pub fn span_ns(&self) -> Option<(i64, i64)> {
        self.span_ns
    }
}

/// One cell, on its way to where its series is collected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesCell<'k> {
    /// Its key.
    pub key: &'k [u8],
    /// Its sums.
    pub counts: Counts,
}

impl<'k> SeriesCell<'k> {
    /// Appends it as bytes.
    pub fn put(&self, out: &mut Vec<u8>) {
        let Counts {
            packets,
            bytes,
            records,
            connections,
            requests,
        } = &self.counts;
        out.extend_from_slice(&(self.key.len() as u64).to_le_bytes());
        out.extend_from_slice(self.key);
        out.extend_from_slice(&packets.to_le_bytes());
        out.extend_from_slice(&bytes.to_le_bytes());
        out.extend_from_slice(&records.to_le_bytes());
        out.extend_from_slice(&connections.to_le_bytes());
        out.push(u8::from(requests.is_some()));
        let Some(requests) = requests.as_deref() else {
            return;
        };
        out.extend_from_slice(&requests.received_bytes.to_le_bytes());
        out.extend_from_slice(&requests.sent_bytes.to_le_bytes());
        for time in [requests.time, requests.target_time] {
            out.extend_from_slice(&time.timed.to_le_bytes());
            out.extend_from_slice(&time.sum_ns.to_le_bytes());
            out.extend_from_slice(&time.max_ns.to_le_bytes());
        }
    }

    /// Decodes the first one in `from`; `None` at the end.
    pub fn take(from: &mut &'k [u8]) -> Option<Self> {
        let (len, rest) = from.split_first_chunk()?;
        let len = usize::try_from(u64::from_le_bytes(*len)).ok()?;
        let (key, rest) = rest.split_at_checked(len)?;
        let (packets, rest) = rest.split_first_chunk()?;
        let (bytes, rest) = rest.split_first_chunk()?;
        let (records, rest) = rest.split_first_chunk()?;
        let (connections, rest) = rest.split_first_chunk()?;
        let (has_requests, mut rest) = rest.split_first()?;
        let requests = match has_requests {
            0 => None,
            _ => Some(Box::new(take_requests(&mut rest)?)),
        };
        *from = rest;
        let counts = Counts {
            packets: u128::from_le_bytes(*packets),
            bytes: u128::from_le_bytes(*bytes),
            records: u64::from_le_bytes(*records),
            connections: u64::from_le_bytes(*connections),
            requests,
        };
        Some(Self { key, counts })
    }
}

fn take_requests(from: &mut &[u8]) -> Option<RequestSums> {
    let (received_bytes, rest) = from.split_first_chunk()?;
    let (sent_bytes, rest) = rest.split_first_chunk()?;
    *from = rest;
    Some(RequestSums {
        received_bytes: u128::from_le_bytes(*received_bytes),
        sent_bytes: u128::from_le_bytes(*sent_bytes),
        time: take_times(from)?,
        target_time: take_times(from)?,
    })
}

fn take_times(from: &mut &[u8]) -> Option<TimeSums> {
    let (timed, rest) = from.split_first_chunk()?;
    let (sum_ns, rest) = rest.split_first_chunk()?;
    let (max_ns, rest) = rest.split_first_chunk()?;
    *from = rest;
    Some(TimeSums {
        timed: u64::from_le_bytes(*timed),
        sum_ns: u128::from_le_bytes(*sum_ns),
        max_ns: u64::from_le_bytes(*max_ns),
    })
}

/// Returns the series of a cell: the cell's key without its bucket.
pub fn series(key: &[u8]) -> &[u8] {
    &key[..key.len().saturating_sub(BEGIN_LEN)]
}

/// Returns the question number of a series.
pub fn question(series: &[u8]) -> usize {
    series.first().copied().unwrap_or(0).into()
}

/// Returns the start of a cell's bucket, nanoseconds since the Unix epoch.
pub fn begin_ns(key: &[u8]) -> i64 {
    let begin = key.last_chunk().copied().unwrap_or_default();
    i64::from_be_bytes(begin) ^ i64::MIN
}

/// Returns an instant as bytes with the same order.
pub(super) fn ordered(begin_ns: i64) -> [u8; BEGIN_LEN] {
    (begin_ns ^ i64::MIN).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Outcome;
    use crate::flow::observation::tests::viewed;
    use crate::flow::{Eni, RejectReason, Verdict, Viewed, Way};
    use crate::metrics::{Dimension, Measure};
    use crate::time::SECOND_NS;

    fn minutes(questions: &[Question]) -> Tally<'_> {
        Tally::new("1m".parse().unwrap(), questions)
    }

    fn count(tally: &mut Tally<'_>, o: &Viewed) {
        tally.count(&PacketFacts {
            observation: o,
            eni: &Eni::default(),
            subnets: None,
            outcome: None,
            words: None,
        });
    }

    /// Returns the cells as question, second and sums, in order.
    fn listed(tally: &mut Tally<'_>) -> Vec<(usize, i64, [u128; 4])> {
        let cells = tally.take_cells();
        let cells = cells.iter().map(|(key, counts)| {
            let second = begin_ns(key) / SECOND_NS;
            (
                question(series(key)),
                second,
                [
                    Measure::Packets,
                    Measure::Bytes,
                    Measure::Records,
                    Measure::Connections,
                ]
                .map(|m| counts.get(m)),
            )
        });
        let mut cells: Vec<_> = cells.collect();
        cells.sort_unstable();
        cells
    }

    #[test]
    fn record_is_divided_and_counts_once_where_it_starts() {
        let questions = [Question::of(Vec::new(), vec![Measure::Packets])];
        let mut tally = minutes(&questions);
        count(&mut tally, &viewed(Way::Up, 6, 600, 30, 119, 2));
        count(&mut tally, &viewed(Way::Up, 1, 40, 119, 119, 2));
        assert_eq!(
            listed(&mut tally),
            [(0, 0, [2, 200, 1, 0]), (0, 60, [5, 440, 1, 0])]
        );
        assert!(tally.is_empty());
        assert_eq!(tally.span_ns(), Some((0, 60 * SECOND_NS)));
    }

    #[test]
    fn alarms_count_rejected_packets_and_the_span_covers_everything() {
        let questions = Question::alarms();
        let mut tally = minutes(&questions);
        let mut o = viewed(Way::Up, 3, 180, 600, 601, 2);
        count(&mut tally, &o);
        o.verdict = Verdict::Reject(RejectReason::Unsaid);
        (o.start_ns, o.end_ns) = (0, 0);
        count(&mut tally, &o);
        o.key.protocol = 17;
        count(&mut tally, &o);
        let rejected = [3, 180, 1, 0];
        assert_eq!(
            listed(&mut tally),
            [(0, 0, rejected), (1, 0, rejected), (1, 0, rejected)]
        );
        assert_eq!(tally.span_ns(), Some((0, 600 * SECOND_NS)));
    }

    #[test]
    fn connection_counts_where_it_starts_in_addition_to_its_packets() {
        let questions = [Question::of(
            vec![Dimension::Outcome],
            vec![Measure::Connections],
        )];
        let mut tally = minutes(&questions);
        let o = viewed(Way::Up, 3, 180, 59, 60, 2);
        let facts = PacketFacts {
            observation: &o,
            eni: &Eni::default(),
            subnets: None,
            outcome: Some(Outcome::Unanswered),
            words: None,
        };
        tally.count(&facts);
        tally.count_connection(&facts);
        assert_eq!(
            listed(&mut tally),
            [(0, 0, [2, 90, 1, 1]), (0, 60, [1, 90, 0, 0])]
        );
    }

    #[test]
    fn cells_are_encoded_and_decoded() {
        let counts = Counts {
            packets: u128::MAX,
            bytes: 2,
            records: 3,
            connections: u64::MAX,
            requests: None,
        };
        let requests = RequestSums {
            received_bytes: 1,
            sent_bytes: u128::MAX,
            time: TimeSums::of(Some(5)),
            target_time: TimeSums::of(None),
        };
        let of_requests = Counts {
            requests: Some(Box::new(requests)),
            ..counts.clone()
        };
        let cells = [(&b"first"[..], counts), (b"", of_requests)];
        let cells = cells.map(|(key, counts)| SeriesCell { key, counts });
        let mut bytes = Vec::new();
        cells.iter().for_each(|cell| cell.put(&mut bytes));
        let mut rest = &bytes[..];
        assert_eq!(SeriesCell::take(&mut rest), Some(cells[0].clone()));
        assert_eq!(SeriesCell::take(&mut rest), Some(cells[1].clone()));
        assert_eq!(SeriesCell::take(&mut rest), None);
    }

    #[test]
    fn keys_sort_by_time_within_their_series() {
        assert!(ordered(-1) < ordered(0) && ordered(0) < ordered(1));
        let key: Vec<u8> = [&[7, 1][..], &ordered(-5)].concat();
        assert_eq!((series(&key), question(series(&key))), (&[7, 1][..], 7));
        assert_eq!(begin_ns(&key), -5);
    }
}
