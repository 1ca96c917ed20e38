//! Finds the connections that fit what events are about.
//!
//! Events are entered first, then connections are offered in any order. Connections that fit no event
//! are not kept. Which of the others fit an event is decided when all were offered, so the order
//! makes no difference.

use std::net::IpAddr;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::sought::{LegSide, SoughtConnection};
use crate::flow::{ConnectionKey, Endpoint};

/// The number of an event, from 0 in order of time.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct EventNumber(pub u32);

/// Most connections that are kept. If more fit, none is joined: which of them came first depends on
/// threads.
pub const SPANS_MAX: usize = 1 << 19;

/// Most candidates of one event that are compared by address. Of more, none is unique.
const CANDIDATES_MAX: usize = 8;

/// A connection, and the time from its first to after its last second.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct ConnectionSpan {
    /// Its ends and its protocol.
    pub key: ConnectionKey,
    /// The view that it is from. Connections of one key in several views are one connection.
    pub view: u32,
    /// Its first instant, nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// The first instant after it.
    pub until_ns: i64,
}

/// Whether an event has its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinOutcome {
    /// Exactly one connection fits.
    Unique(ConnectionKey),
    /// Several fit; how many.
    Ambiguous(usize),
    /// None fits.
    Unmatched,
}

/// What events are about, by the end that they know.
#[derive(Clone, Debug, Default)]
pub struct SoughtIndex {
    by_endpoint: HashMap<(Endpoint, u8), Vec<Entry>, RandomState>,
}

/// A connection that an event is about.
#[derive(Clone, Copy, Debug)]
struct Entry {
    event: EventNumber,
    sought: SoughtConnection,
    /// The latest end of all entries up to this one.
    latest_ns: i64,
}

impl SoughtIndex {
    /// Enters what an event is about.
    pub fn enter(&mut self, event: EventNumber, sought: SoughtConnection) {
        let entries = self.by_endpoint.entry((sought.known, sought.protocol));
        entries.or_default().push(Entry {
            event,
            sought,
            latest_ns: sought.used_ns.1,
        });
    }

    /// Puts the entries in order, after the last was entered.
    pub fn complete(&mut self) {
        for entries in self.by_endpoint.values_mut() {
            entries.sort_by_key(|entry| (entry.sought.used_ns, entry.event));
            let mut latest_ns = i64::MIN;
            for entry in entries {
                latest_ns = latest_ns.max(entry.sought.used_ns.1);
                entry.latest_ns = latest_ns;
            }
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.by_endpoint.is_empty()
    }

    /// Whether a connection between these ends may fit an event.
    pub fn concerns(&self, key: &ConnectionKey) -> bool {
        let has = |end: Endpoint| self.by_endpoint.contains_key(&(end, key.protocol));
        !self.is_empty() && (has(key.low) || has(key.high))
    }

    /// Whether a connection fits an event by its ends and its time.
    pub fn fits(&self, span: &ConnectionSpan) -> bool {
        sides(&span.key).into_iter().any(|(end, _)| {
            let entries = self.by_endpoint.get(&(end, span.key.protocol));
            entries.is_some_and(|entries| {
                let begun = entries.partition_point(|e| e.sought.used_ns.0 < span.until_ns);
                begun > 0 && entries[begun - 1].latest_ns >= span.start_ns
            })
        })
    }

    /// Decides for each event, given all connections that fit one. Calls `each` with the event and the
    /// connections that it is about.
    pub fn decide(
        &self,
        spans: &mut [ConnectionSpan],
        mut each: impl FnMut(EventNumber, &SoughtConnection, JoinOutcome),
    ) {
        spans.sort_unstable();
        let mut by_endpoint: HashMap<(Endpoint, u8), Vec<ConnectionSpan>, RandomState> =
            HashMap::default();
        for span in spans.iter() {
            for (end, _) in sides(&span.key) {
                if self.by_endpoint.contains_key(&(end, span.key.protocol)) {
                    let of_end = by_endpoint.entry((end, span.key.protocol)).or_default();
                    of_end.push(*span);
                }
            }
        }
        let overlaps: HashMap<_, _, RandomState> = by_endpoint
            .into_iter()
            .map(|(end, spans)| (end, Overlaps::of(spans)))
            .collect();
        // The client's connection of an event shows the node's address, which the other one has too.
        let mut nodes: HashMap<EventNumber, IpAddr, RandomState> = HashMap::default();
        for side in [LegSide::Client, LegSide::Target] {
            for (end, entries) in &self.by_endpoint {
                let spans = overlaps.get(end);
                for entry in entries.iter().filter(|entry| entry.sought.side == side) {
                    let node = nodes.get(&entry.event).copied();
                    let outcome = spans.map_or(JoinOutcome::Unmatched, |spans| {
                        decide(&entry.sought, node, spans)
                    });
                    if let (LegSide::Client, JoinOutcome::Unique(key)) = (side, outcome) {
                        nodes.insert(entry.event, other_end(&key, end.0).address);
                    }
                    each(entry.event, &entry.sought, outcome);
                }
            }
        }
    }
}

/// Both ends of a connection, each with the other one.
fn sides(key: &ConnectionKey) -> [(Endpoint, Endpoint); 2] {
    [(key.low, key.high), (key.high, key.low)]
}

fn other_end(key: &ConnectionKey, end: Endpoint) -> Endpoint {
    if key.low == end { key.high } else { key.low }
}

/// Decides for one connection of an event; `node` is the node's address if a flow log shows it.
fn decide(sought: &SoughtConnection, node: Option<IpAddr>, spans: &Overlaps) -> JoinOutcome {
    let is_port = |span: &ConnectionSpan| {
        let other = other_end(&span.key, sought.known);
        sought.other_port.is_none_or(|port| port == other.port)
    };
    let mut fitting = Vec::new();
    let is_all = spans.collect(sought.used_ns, |span| {
        if is_port(span) {
            fitting.push(*span);
        }
        fitting.len() <= CANDIDATES_MAX * 4
    });
    if !is_all {
        return JoinOutcome::Ambiguous(fitting.len());
    }
    let with = |address: IpAddr| -> Vec<ConnectionSpan> {
        let fits = |span: &&ConnectionSpan| other_end(&span.key, sought.known).address == address;
        fitting.iter().filter(fits).copied().collect()
    };
    if let Some(node) = node {
        return unique(&with(node));
    }
    match sought.other {
        Some(address) => {
            let exact = with(address);
            if sought.is_exact || !exact.is_empty() {
                unique(&exact)
            } else {
                unique(&fitting)
            }
        }
        None => unique(&fitting),
    }
}

/// Counts the connections; those of one key in several views are one.
fn unique(fitting: &[ConnectionSpan]) -> JoinOutcome {
    let mut count = 0;
    for of_key in fitting.chunk_by(|a, b| a.key == b.key) {
        let views = of_key.chunk_by(|a, b| a.view == b.view);
        count += views.map(<[_]>::len).max().unwrap_or(0);
    }
    match (count, fitting.first()) {
        (1, Some(span)) => JoinOutcome::Unique(span.key),
        (0, _) | (_, None) => JoinOutcome::Unmatched,
        (count, _) => JoinOutcome::Ambiguous(count),
    }
}

/// Connections of one end, to be searched by time: an implicit tree over their order of start, whose
/// nodes know the latest end below them.
struct Overlaps {
    /// In order of start.
    spans: Vec<ConnectionSpan>,
    /// The latest end in each node of the tree; the leaves come last.
    latest_ns: Vec<i64>,
    leaves: usize,
}

impl Overlaps {
    fn of(mut spans: Vec<ConnectionSpan>) -> Self {
        spans.sort_unstable_by_key(|span| (span.start_ns, *span));
        let leaves = spans.len().next_power_of_two();
        let mut latest_ns = vec![i64::MIN; 2 * leaves];
        for (leaf, span) in spans.iter().enumerate() {
            latest_ns[leaves + leaf] = span.until_ns;
        }
        for node in (1..leaves).rev() {
            latest_ns[node] = latest_ns[2 * node].max(latest_ns[2 * node + 1]);
        }
        Self {
            spans,
            latest_ns,
            leaves,
        }
    }

    /// Calls `each` with the connections that overlap this time, sorted by key, until it returns
    /// false. Returns whether it saw all.
    fn collect(
        &self,
        (from_ns, to_ns): (i64, i64),
        mut each: impl FnMut(&ConnectionSpan) -> bool,
    ) -> bool {
        let begun = self.spans.partition_point(|span| span.start_ns <= to_ns);
        let mut found = Vec::new();
        // Nodes that may have one, with their first leaf and how many leaves they have.
        let mut nodes = vec![(1, 0, self.leaves)];
        while let Some((node, first, leaves)) = nodes.pop() {
            // A connection is over at its end, which is after its last second.
            if first >= begun || self.latest_ns[node] <= from_ns {
                continue;
            }
            if leaves == 1 {
                found.push(self.spans[first]);
                if found.len() > CANDIDATES_MAX * 8 {
                    break;
                }
                continue;
            }
            let half = leaves / 2;
            nodes.push((2 * node + 1, first + half, half));
            nodes.push((2 * node, first, half));
        }
        let is_all = found.len() <= CANDIDATES_MAX * 8;
        found.sort_unstable();
        found.iter().all(&mut each) && is_all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::{FiveTuple, TCP};

    fn end(text: &str) -> Endpoint {
        let socket: std::net::SocketAddr = text.parse().unwrap();
        Endpoint {
            address: socket.ip(),
            port: socket.port(),
        }
    }

    fn span(from: &str, to: &str, start_ns: i64, until_ns: i64) -> ConnectionSpan {
        let tuple = FiveTuple {
            source: end(from),
            destination: end(to),
            protocol: TCP,
        };
        ConnectionSpan {
            key: tuple.key().0,
            view: 0,
            start_ns,
            until_ns,
        }
    }

    fn sought(side: LegSide, known: &str, other: Option<&str>) -> SoughtConnection {
        let other: Option<IpAddr> = other.map(|text| text.parse().unwrap());
        SoughtConnection {
            side,
            known: end(known),
            other,
            other_port: (side == LegSide::Client).then_some(443),
            is_exact: other.is_some_and(|address| address.to_string().starts_with("10.")),
            protocol: TCP,
            times: None,
            used_ns: (10, 20),
        }
    }

    /// The outcomes of one event that is about these connections.
    fn outcomes(sought: &[SoughtConnection], spans: &[ConnectionSpan]) -> Vec<JoinOutcome> {
        let mut index = SoughtIndex::default();
        for one in sought {
            index.enter(EventNumber(0), *one);
        }
        index.complete();
        let mut fitting: Vec<_> = spans
            .iter()
            .filter(|span| index.fits(span))
            .copied()
            .collect();
        assert!(fitting.iter().all(|span| index.concerns(&span.key)));
        let mut found = Vec::new();
        index.decide(&mut fitting, |_, sought, outcome| {
            found.push((sought.side, outcome))
        });
        found.sort_by_key(|(side, _)| *side);
        found.into_iter().map(|(_, outcome)| outcome).collect()
    }

    const CLIENT: &str = "203.0.113.9:2817";
    const TARGET: &str = "10.0.2.7:8080";

    #[test]
    fn only_connection_of_the_client_is_joined() {
        let one = [sought(LegSide::Client, CLIENT, None)];
        let there = span(CLIENT, "10.0.1.9:443", 5, 12);
        assert_eq!(outcomes(&one, &[there]), [JoinOutcome::Unique(there.key)]);
        // Another port of the listener, another port of the client, another time.
        for other in [
            span(CLIENT, "10.0.1.9:80", 5, 12),
            span("203.0.113.9:2818", "10.0.1.9:443", 5, 12),
            span(CLIENT, "10.0.1.9:443", 5, 10),
            span(CLIENT, "10.0.1.9:443", 21, 30),
        ] {
            assert_eq!(
                outcomes(&one, &[other]),
                [JoinOutcome::Unmatched],
                "{other:?}"
            );
            let found = outcomes(&one, &[other, there]);
            assert_eq!(found, [JoinOutcome::Unique(there.key)], "{other:?}");
        }
    }

    #[test]
    fn several_connections_that_fit_are_counted_and_none_is_joined() {
        let one = [sought(LegSide::Target, TARGET, None)];
        let spans: Vec<_> = (0..5)
            .map(|n| span(&format!("10.0.1.9:{}", 40_000 + n), TARGET, 5, 30))
            .collect();
        assert_eq!(outcomes(&one, &spans), [JoinOutcome::Ambiguous(5)]);
        // The same ports again, within the time of the event.
        let again = [
            span("10.0.1.9:1", TARGET, 5, 11),
            span("10.0.1.9:1", TARGET, 12, 30),
        ];
        assert_eq!(outcomes(&one, &again), [JoinOutcome::Ambiguous(2)]);
    }

    #[test]
    fn private_address_of_a_node_decides_between_zones() {
        let spans = [
            span("10.0.1.9:40000", TARGET, 5, 30),
            span("10.0.9.9:40000", TARGET, 5, 30),
        ];
        let of_node = |node| outcomes(&[sought(LegSide::Target, TARGET, node)], &spans);
        assert_eq!(
            of_node(Some("10.0.9.9")),
            [JoinOutcome::Unique(spans[1].key)]
        );
        assert_eq!(of_node(Some("10.0.3.3")), [JoinOutcome::Unmatched]);
        assert_eq!(of_node(Some("198.51.100.7")), [JoinOutcome::Ambiguous(2)]);
        assert_eq!(of_node(None), [JoinOutcome::Ambiguous(2)]);
    }

    #[test]
    fn connection_of_the_client_shows_which_node_it_was() {
        let spans = [
            span(CLIENT, "10.0.9.9:443", 5, 30),
            span("10.0.1.9:40000", TARGET, 5, 30),
            span("10.0.9.9:40000", TARGET, 5, 30),
        ];
        let public = Some("198.51.100.7");
        let both = [
            sought(LegSide::Client, CLIENT, public),
            sought(LegSide::Target, TARGET, public),
        ];
        let expected = [spans[0].key, spans[2].key].map(JoinOutcome::Unique);
        assert_eq!(outcomes(&both, &spans), expected);
    }

    #[test]
    fn ipv6_is_joined_in_the_same_way() {
        let (client, node) = ("[2001:db8::9]:2817", "[2001:db8:1::1]:443");
        let there = span(client, node, 5, 30);
        let one = [sought(LegSide::Client, client, None)];
        assert_eq!(outcomes(&one, &[there]), [JoinOutcome::Unique(there.key)]);
    }

    #[test]
    fn views_of_one_connection_are_one() {
        let one = [sought(LegSide::Client, CLIENT, None)];
        let there = span(CLIENT, "10.0.1.9:443", 5, 12);
        let seen_again = ConnectionSpan {
            view: 7,
            start_ns: 6,
            ..there
        };
        let found = outcomes(&one, &[there, seen_again]);
        assert_eq!(found, [JoinOutcome::Unique(there.key)]);
    }

    #[test]
    fn any_number_of_connections_is_decided_without_looking_at_each() {
        let mut index = SoughtIndex::default();
        let one = sought(LegSide::Target, TARGET, None);
        (0..2_000).for_each(|n| index.enter(EventNumber(n), one));
        index.complete();
        let spans = (0..200_000_u32).map(|n| {
            let from = format!("10.{}.{}.{}:40000", 1 + (n >> 16), n >> 8 & 255, n & 255);
            span(&from, TARGET, 5, 30)
        });
        let mut spans: Vec<_> = spans.collect();
        let mut ambiguous = 0;
        index.decide(&mut spans, |_, _, outcome| {
            ambiguous += u32::from(matches!(outcome, JoinOutcome::Ambiguous(9..)));
        });
        assert_eq!(ambiguous, 2_000);
    }

    proptest! {
        #[test]
        fn search_finds_what_a_look_at_each_finds(
            times in prop::collection::vec((0..60_i64, 1..20_i64), 0..24),
            used in (0..60_i64, 0..20_i64),
        ) {
            let spans = times.iter().enumerate().map(|(n, (start, len))| {
                span(&format!("10.0.1.9:{}", 40_000 + n), TARGET, *start, start + len)
            });
            let spans: Vec<_> = spans.collect();
            let used = (used.0, used.0 + used.1);
            let overlap = |span: &&ConnectionSpan| span.start_ns <= used.1 && used.0 < span.until_ns;
            let mut expected: Vec<_> = spans.iter().filter(overlap).copied().collect();
            expected.sort_unstable();
            let mut found = Vec::new();
            let is_all = Overlaps::of(spans).collect(used, |span| {
                found.push(*span);
                true
            });
            prop_assert!(is_all);
            prop_assert_eq!(found, expected);
        }
    }
}
