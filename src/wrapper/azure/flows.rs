//! Connections that have begun and not ended, from one tuple to the next.

use std::collections::HashMap;
use std::sync::Arc;

use super::NamedValues;
use super::resource::resource_values;
use super::tuple::{State, Tuple};
use crate::wrapper::json::Json;

/// What the objects around a tuple say about it.
pub(super) struct Scope<'s> {
    /// The MAC address of the network interface, or nothing.
    pub(super) eni: &'s str,
    /// The id of the resource that the log is of, or nothing.
    pub(super) resource: &'s str,
    /// Whether the name of the value says that it holds tuples.
    pub(super) are_tuples: bool,
}

/// The connections of a file that have begun and not ended.
#[derive(Default)]
pub(in crate::wrapper) struct OpenFlows {
    last: HashMap<String, Last>,
    begun_count: u64,
    /// The id of the resource of the latest tuple.
    resource: Arc<str>,
}

/// What is known of a connection from its tuples so far.
struct Last {
    /// The time of the latest tuple, or of the B if no tuple counted anything yet.
    time: String,
    eni: String,
    resource: Arc<str>,
    /// Whether it began with a B in this file.
    has_begun: bool,
    /// Whether a tuple counted packets.
    is_counted: bool,
    /// Whether a tuple counted replies.
    is_answered: bool,
    is_outbound: bool,
    /// The number of its B in the file.
    order: u64,
}

impl OpenFlows {
    /// Returns the records that a tuple completes.
    pub(super) fn rows(
        &mut self,
        scope: &Scope<'_>,
        tuple: &Tuple<'_>,
    ) -> Vec<NamedValues<'static>> {
        if *self.resource != *scope.resource {
            self.resource = scope.resource.into();
        }
        let mut rows = self.rows_of(scope.eni, tuple);
        let resource = resource_values(scope.resource);
        rows.iter_mut()
            .for_each(|row| row.extend(resource.iter().cloned()));
        rows
    }

    fn rows_of(&mut self, eni: &str, tuple: &Tuple<'_>) -> Vec<NamedValues<'static>> {
        let Some(state) = tuple.state.filter(|_| !tuple.is_denied) else {
            let flags = tuple.is_denied.then_some(SYN);
            return vec![row(eni, tuple, 0, tuple.time, flags)];
        };
        let connection = tuple.connection();
        let name = format!("{connection},{eni}");
        let last = self.last.remove(&name);
        let is_counted = |way: &usize| !matches!(tuple.counts[2 * way], "" | "0");
        let ways: Vec<usize> = [0, 1].into_iter().filter(is_counted).collect();
        let mut rows = Vec::new();
        let last = match last {
            // Another connection with the same ports.
            Some(last) if state == State::Begun => {
                rows.extend(last.begin_alone(&connection));
                None
            }
            other => other,
        };
        let now = self.next(state, eni, tuple, last.as_ref(), &ways);
        if let [_, ..] = ways[..] {
            let start = last.as_ref().map_or(tuple.time, |last| &*last.time);
            let flags = flags(state, last.as_ref(), &now);
            rows.extend(
                ways.iter()
                    .map(|&way| row(eni, tuple, way, start, Some(flags[way]))),
            );
        }
        if state != State::Ended && self.last.len() < OPEN_MAX {
            self.last.insert(name, now);
        } else {
            rows.extend(now.begin_alone(&connection));
        }
        rows
    }

    /// Returns what is known of a connection after a tuple that counts these `ways`.
    fn next(
        &mut self,
        state: State,
        eni: &str,
        tuple: &Tuple<'_>,
        last: Option<&Last>,
        ways: &[usize],
    ) -> Last {
        self.begun_count += u64::from(state == State::Begun);
        let waits = last.is_some_and(|last| last.has_begun && !last.is_counted) && ways.is_empty();
        let time = match last {
            Some(last) if waits => last.time.clone(),
            _ => tuple.time.to_owned(),
        };
        Last {
            time,
            eni: eni.to_owned(),
            resource: Arc::clone(&self.resource),
            has_begun: state == State::Begun || last.is_some_and(|last| last.has_begun),
            is_counted: !ways.is_empty() || last.is_some_and(|last| last.is_counted),
            is_answered: ways.contains(&1) || last.is_some_and(|last| last.is_answered),
            is_outbound: tuple.is_outbound,
            order: last.map_or(self.begun_count, |last| last.order),
        }
    }

    /// Returns a record for each connection that began and was never counted, in order.
    pub(in crate::wrapper) fn finish(&mut self) -> Vec<NamedValues<'static>> {
        let mut alone: Vec<(u64, NamedValues<'static>)> = Vec::new();
        for (name, last) in std::mem::take(&mut self.last) {
            let connection = &name[..name.len() - last.eni.len() - 1];
            let row = last.begin_alone(connection).map(|mut row| {
                row.extend(resource_values(&last.resource));
                (last.order, row)
            });
            alone.extend(row);
        }
        alone.sort_by_key(|(order, _)| *order);
        alone.into_iter().map(|(_, row)| row).collect()
    }
}

impl Last {
    /// Returns a record without counts, if the connection began and nothing counted its packets.
    fn begin_alone(&self, connection: &str) -> Option<NamedValues<'static>> {
        if !self.has_begun || self.is_counted {
            return None;
        }
        let way = if self.is_outbound { 'O' } else { 'I' };
        let text = format!("{},{connection},{way},B,NX,,,,", self.time);
        let tuple = Tuple::parse(&text)?;
        Some(row(&self.eni, &tuple, 0, tuple.time, Some(SYN)))
    }
}

/// Returns the flags that a tuple implies for the packets sent and for those received.
///
/// Until there is a reply, all packets sent after a B are SYNs.
fn flags(state: State, last: Option<&Last>, now: &Last) -> [u8; 2] {
    let was_answered = last.is_some_and(|last| last.is_answered);
    let opens = now.has_begun && !was_answered;
    let closes = state == State::Ended && (now.is_answered || !now.has_begun);
    let end = if closes { FIN } else { 0 };
    [SYN, SYN | ACK].map(|open| end | if opens { open } else { 0 })
}

/// Returns the record of one direction: sent (0) or received (1).
fn row(
    eni: &str,
    tuple: &Tuple<'_>,
    way: usize,
    start: &str,
    flags: Option<u8>,
) -> NamedValues<'static> {
    let [source, destination, from, to] = tuple.ends;
    let ends = if way == 0 {
        [source, destination, from, to]
    } else {
        [destination, source, to, from]
    };
    let is_leaving = tuple.is_outbound == (way == 0);
    let flags = flags.filter(|_| tuple.protocol == TCP);
    let word = |text: &str| Some(Json::word(text));
    vec![
        ("interface-id", word(eni)),
        ("srcaddr", word(ends[0])),
        ("dstaddr", word(ends[1])),
        ("srcport", word(ends[2])),
        ("dstport", word(ends[3])),
        ("protocol", word(&tuple.protocol.to_string())),
        ("packets", word(tuple.counts[2 * way])),
        ("bytes", word(tuple.counts[2 * way + 1])),
        ("start", word(start)),
        ("end", word(tuple.time)),
        (
            "action",
            word(if tuple.is_denied { "REJECT" } else { "ACCEPT" }),
        ),
        ("log-status", word("OK")),
        (
            "tcp-flags",
            flags.and_then(|flags| word(&flags.to_string())),
        ),
        (
            "flow-direction",
            word(if is_leaving { "egress" } else { "ingress" }),
        ),
    ]
}

/// IANA protocol number of TCP.
const TCP: u8 = 6;

const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;

/// Maximum number of connections remembered. For further ones, the interval of each record starts
/// when its tuple was logged.
const OPEN_MAX: usize = 1 << 20;
