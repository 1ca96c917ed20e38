//! Quantities, and the sums from which they are computed.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::subject::Subject;

/// A quantity that can be summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Packets counted by records.
    Packets,
    /// Bytes counted by records, from the IP header on.
    Bytes,
    /// Records.
    Records,
    /// Connections, including conversations that are not TCP.
    Connections,
    /// Requests to load balancers.
    Requests,
    /// Bytes of these requests.
    ReceivedBytes,
    /// Bytes of the responses.
    SentBytes,
    /// Mean time from a request to the end of its response.
    MeanTime,
    /// The longest of these times.
    MaxTime,
    /// Mean time from the dispatch of a request to the target until its response begins.
    MeanTargetTime,
    /// The longest of these times.
    MaxTargetTime,
    /// Connections of clients, as load balancers log them.
    ClientConnections,
    /// DNS queries.
    Queries,
    /// API calls.
    Calls,
    /// API calls that may have changed which packets pass.
    Changes,
    /// Alerts of a firewall.
    Alerts,
}

/// Error for a text that is not the name of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected some of packets, bytes, records, connections, requests, received-bytes, sent-bytes, \
     mean-time, max-time, mean-target-time, max-target-time, client-connections, queries, calls, \
     changes, alerts"
)]
pub struct MeasureError;

impl Measure {
    /// All measures.
    pub const ALL: [Self; 16] = [
        Self::Packets,
        Self::Bytes,
        Self::Records,
        Self::Connections,
        Self::Requests,
        Self::ReceivedBytes,
        Self::SentBytes,
        Self::MeanTime,
        Self::MaxTime,
        Self::MeanTargetTime,
        Self::MaxTargetTime,
        Self::ClientConnections,
        Self::Queries,
        Self::Calls,
        Self::Changes,
        Self::Alerts,
    ];

    /// Returns the name for input.
    pub fn name(self) -> &'static str {
        match self {
            Self::Packets => "packets",
            Self::Bytes => "bytes",
            Self::Records => "records",
            Self::Connections => "connections",
            Self::Requests => "requests",
            Self::ReceivedBytes => "received-bytes",
            Self::SentBytes => "sent-bytes",
            Self::MeanTime => "mean-time",
            Self::MaxTime => "max-time",
            Self::MeanTargetTime => "mean-target-time",
            Self::MaxTargetTime => "max-target-time",
            Self::ClientConnections => "client-connections",
            Self::Queries => "queries",
            Self::Calls => "calls",
            Self::Changes => "changes",
            Self::Alerts => "alerts",
        }
    }

    /// Returns the name for output, in lower case with `_` between words. It ends in the unit.
    pub fn metric(self) -> &'static str {
        match self {
            Self::ReceivedBytes => "received_bytes",
            Self::SentBytes => "sent_bytes",
            Self::MeanTime => "mean_time_us",
            Self::MaxTime => "max_time_us",
            Self::MeanTargetTime => "mean_target_time_us",
            Self::MaxTargetTime => "max_target_time_us",
            Self::ClientConnections => "client_connections",
            _ => self.name(),
        }
    }

    /// Returns the unit: what is counted, `bytes`, or `us` for microseconds.
    pub fn unit(self) -> &'static str {
        match self {
            Self::ReceivedBytes | Self::SentBytes => "bytes",
            Self::ClientConnections => "connections",
            _ if self.is_time() => "us",
            _ => self.name(),
        }
    }

    /// Whether it is a mean or a maximum of times, not a sum. Nothing has no such time.
    pub fn is_time(self) -> bool {
        matches!(
            self,
            Self::MeanTime | Self::MaxTime | Self::MeanTargetTime | Self::MaxTargetTime
        )
    }

    /// Whether it comes from [`RequestSums`].
    pub(super) fn is_of_request_sums(self) -> bool {
        self.is_time() || matches!(self, Self::ReceivedBytes | Self::SentBytes)
    }

    /// Returns what it counts.
    pub fn subject(self) -> Subject {
        match self {
            Self::Packets | Self::Bytes | Self::Records | Self::Connections => Subject::Packets,
            Self::Requests
            | Self::ReceivedBytes
            | Self::SentBytes
            | Self::MeanTime
            | Self::MaxTime
            | Self::MeanTargetTime
            | Self::MaxTargetTime => Subject::Requests,
            Self::ClientConnections => Subject::ClientConnections,
            Self::Queries => Subject::Queries,
            Self::Calls => Subject::Calls,
            Self::Changes => Subject::Changes,
            Self::Alerts => Subject::Alerts,
        }
    }
}

impl FromStr for Measure {
    type Err = MeasureError;

    /// Parses its name.
    fn from_str(text: &str) -> Result<Self, MeasureError> {
        let mut all = Self::ALL.into_iter();
        all.find(|measure| measure.name() == text)
            .ok_or(MeasureError)
    }
}

/// The sums over some packets or events; sums of 128 bits never overflow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets.
    pub packets: u128,
    /// Bytes, from the IP header on.
    pub bytes: u128,
    /// Records that begin in this bucket; of other logs, events in this bucket.
    pub records: u64,
    /// Connections that begin in this bucket.
    pub connections: u64,
    /// Bytes and times of requests, if a question asks for them.
    pub requests: Option<Box<RequestSums>>,
}

/// Bytes and times of requests to load balancers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestSums {
    /// Bytes of the requests.
    pub received_bytes: u128,
    /// Bytes of the responses.
    pub sent_bytes: u128,
    /// From a request to the end of its response.
    pub time: TimeSums,
    /// From the dispatch to the target until its response begins.
    pub target_time: TimeSums,
}

/// The times that some events took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeSums {
    /// Events with a time.
    pub timed: u64,
    /// The sum of their times, nanoseconds.
    pub sum_ns: u128,
    /// The longest of them, nanoseconds.
    pub max_ns: u64,
}

impl TimeSums {
    /// Returns the time that one event took, if it is known; nanoseconds.
    pub(super) fn of(ns: Option<u64>) -> Self {
        Self {
            timed: ns.is_some().into(),
            sum_ns: ns.unwrap_or_default().into(),
            max_ns: ns.unwrap_or_default(),
        }
    }

    fn add(&mut self, other: Self) {
        self.timed = self.timed.saturating_add(other.timed);
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// Returns the mean in microseconds, rounded down; `None` if no event has a time.
    fn mean_us(self) -> Option<u128> {
        let mean_ns = self.sum_ns.checked_div(self.timed.into())?;
        Some(mean_ns / NS_IN_US)
    }

    fn max_us(self) -> Option<u128> {
        (self.timed > 0).then_some(u128::from(self.max_ns) / NS_IN_US)
    }
}

/// Nanoseconds in a microsecond.
const NS_IN_US: u128 = 1_000;

impl Counts {
    /// Returns the value of this measure; `None` for a mean or a maximum of nothing.
    pub fn value(&self, measure: Measure) -> Option<u128> {
        let requests = self.requests.as_deref().copied().unwrap_or_default();
        Some(match measure {
            Measure::Packets => self.packets,
            Measure::Bytes => self.bytes,
            Measure::Connections => self.connections.into(),
            Measure::ReceivedBytes => requests.received_bytes,
            Measure::SentBytes => requests.sent_bytes,
            Measure::MeanTime => return requests.time.mean_us(),
            Measure::MaxTime => return requests.time.max_us(),
            Measure::MeanTargetTime => return requests.target_time.mean_us(),
            Measure::MaxTargetTime => return requests.target_time.max_us(),
            Measure::Records
            | Measure::Requests
            | Measure::ClientConnections
            | Measure::Queries
            | Measure::Calls
            | Measure::Changes
            | Measure::Alerts => self.records.into(),
        })
    }

    /// Returns the same, and 0 for a mean or a maximum of nothing.
    pub fn get(&self, measure: Measure) -> u128 {
        self.value(measure).unwrap_or_default()
    }

    /// Adds the sums over other packets or events.
    pub fn add(&mut self, other: &Self) {
        self.packets = self.packets.saturating_add(other.packets);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.records = self.records.saturating_add(other.records);
        self.connections = self.connections.saturating_add(other.connections);
        if let Some(more) = other.requests.as_deref() {
            self.requests.get_or_insert_default().add(more);
        }
    }
}

impl RequestSums {
    fn add(&mut self, other: &Self) {
        self.received_bytes = self.received_bytes.saturating_add(other.received_bytes);
        self.sent_bytes = self.sent_bytes.saturating_add(other.sent_bytes);
        self.time.add(other.time);
        self.target_time.add(other.target_time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(time_ns: Option<u64>) -> Counts {
        let requests = RequestSums {
            received_bytes: 7,
            time: TimeSums::of(time_ns),
            ..RequestSums::default()
        };
        Counts {
            records: 1,
            requests: Some(Box::new(requests)),
            ..Counts::default()
        }
    }

    #[test]
    fn times_have_a_mean_and_a_maximum_and_requests_without_one_do_not_count() {
        let mut sums = Counts::default();
        assert_eq!(sums.value(Measure::MeanTime), None);
        assert_eq!(sums.value(Measure::ReceivedBytes), Some(0));
        for time_ns in [Some(1_000_999), None, Some(3_000_000)] {
            sums.add(&request(time_ns));
        }
        let measures = [
            Measure::Requests,
            Measure::ReceivedBytes,
            Measure::MeanTime,
            Measure::MaxTime,
        ];
        let values = measures.map(|measure| sums.value(measure));
        assert_eq!(values, [Some(3), Some(21), Some(2_000), Some(3_000)]);
        assert_eq!(sums.value(Measure::MaxTargetTime), None);
    }

    #[test]
    fn metrics_end_in_their_unit() {
        for measure in Measure::ALL {
            assert!(measure.metric().ends_with(measure.unit()), "{measure:?}");
            assert_eq!(measure.name().parse(), Ok(measure));
        }
        for subject in Subject::ALL {
            assert_eq!(subject.measure().subject(), subject);
        }
    }
}
