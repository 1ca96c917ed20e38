//! Azure NSG flow logs (versions 1 and 2) and virtual network flow logs: tuples about a connection.
//!
//! A tuple counts both directions, so it becomes two records. It holds the time of logging and
//! whether the connection began (B), continues (C), ended (E), or was denied (D). Its counts start
//! at the connection's previous tuple, so that tuple has to be remembered. The first packets after
//! a B are assumed to be a handshake, and the last before an E a teardown, because that is what B
//! and E mean. The MAC address of the network interface serves as the ENI.

use std::collections::HashMap;

use super::batch::NamedValues;
use super::json::Json;

/// The connections of a file that have begun and not ended.
#[derive(Default)]
pub(super) struct OpenFlows(HashMap<String, Last>);

struct Last {
    time: String,
    has_begun: bool,
}

/// The columns of a tuple, for either kind of log.
struct Tuple<'t> {
    time: &'t str,
    /// Addresses, ports and protocol, as written in the tuple.
    name: String,
    ends: [&'t str; 4],
    protocol: &'static str,
    other_protocol: Option<&'t str>,
    is_outbound: bool,
    is_denied: bool,
    state: Option<u8>,
    /// Packets and bytes sent, then packets and bytes received. Empty if not counted.
    counts: [&'t str; 4],
}

/// Whether this is a record of such a log.
pub(super) fn is_record(value: &Json<'_>) -> bool {
    value.at(&["properties", "flows"]).is_some() || value.at(&["flowRecords", "flows"]).is_some()
}

/// Passes on the records in one record of the log, or a tuple that cannot be parsed.
pub(super) fn for_each_row(
    record: &Json<'_>,
    open: &mut OpenFlows,
    mut each: impl FnMut(Result<NamedValues<'static>, &str>),
) {
    let (flows, groups) = match record.at(&["properties", "flows"]) {
        flows @ Some(_) => (elements(flows), "flows"),
        None => (elements(record.at(&["flowRecords", "flows"])), "flowGroups"),
    };
    let mac = record.get("macAddress").and_then(Json::text);
    for group in flows.iter().flat_map(|flow| elements(flow.get(groups))) {
        let eni = group.get("mac").and_then(Json::text).or(mac).unwrap_or("");
        for tuple in elements(group.get("flowTuples")) {
            let text = tuple.text().unwrap_or("");
            match Tuple::parse(text, groups == "flowGroups") {
                Some(tuple) => open
                    .rows(eni, &tuple)
                    .into_iter()
                    .for_each(|row| each(Ok(row))),
                None => each(Err(text)),
            }
        }
    }
}

fn elements<'v, 'a>(value: Option<&'v Json<'a>>) -> &'v [Json<'a>] {
    value.and_then(Json::elements).unwrap_or_default()
}

impl<'t> Tuple<'t> {
    fn parse(text: &'t str, is_vnet: bool) -> Option<Self> {
        let cells: Vec<&str> = text.split(',').map(str::trim).collect();
        let &[
            time,
            source,
            destination,
            from,
            to,
            protocol,
            way,
            eighth,
            ..,
        ] = &cells[..]
        else {
            return None;
        };
        let state = if is_vnet {
            Some(eighth)
        } else {
            cells.get(8).copied()
        };
        let state = state.and_then(|state| state.bytes().next());
        let count = |index| cells.get(index).copied().unwrap_or("");
        Some(Self {
            time,
            name: cells[1..6].join(","),
            ends: [source, destination, from, to],
            protocol: match protocol {
                "T" => "6",
                "U" => "17",
                _ => "",
            },
            other_protocol: Some(protocol).filter(|number| number.parse::<u8>().is_ok()),
            is_outbound: way == "O",
            is_denied: eighth == "D",
            state,
            counts: [count(9), count(10), count(11), count(12)],
        })
    }

    fn is_tcp(&self) -> bool {
        self.protocol == "6" || self.other_protocol == Some("6")
    }

    /// Returns the record of one direction: sent (0) or received (1).
    fn row(
        &self,
        eni: &str,
        way: usize,
        start: &str,
        flags: Option<u8>,
        status: &str,
    ) -> NamedValues<'static> {
        let [source, destination, from, to] = self.ends;
        let ends = if way == 0 {
            [source, destination, from, to]
        } else {
            [destination, source, to, from]
        };
        let is_leaving = self.is_outbound == (way == 0);
        let protocol = self.other_protocol.unwrap_or(self.protocol);
        let flags = flags
            .filter(|_| self.is_tcp())
            .map(|flags| flags.to_string());
        let word = |text: &str| Some(Json::word(text));
        vec![
            ("interface-id", word(eni)),
            ("srcaddr", word(ends[0])),
            ("dstaddr", word(ends[1])),
            ("srcport", word(ends[2])),
            ("dstport", word(ends[3])),
            ("protocol", word(protocol)),
            ("packets", word(self.counts[2 * way])),
            ("bytes", word(self.counts[2 * way + 1])),
            ("start", word(start)),
            ("end", word(self.time)),
            (
                "action",
                word(if self.is_denied { "REJECT" } else { "ACCEPT" }),
            ),
            ("log-status", word(status)),
            ("tcp-flags", flags.map(|flags| Json::word(&flags))),
            (
                "flow-direction",
                word(if is_leaving { "egress" } else { "ingress" }),
            ),
        ]
    }
}

impl OpenFlows {
    fn rows(&mut self, eni: &str, tuple: &Tuple<'_>) -> Vec<NamedValues<'static>> {
        let name = format!("{eni},{}", tuple.name);
        if tuple.is_denied || tuple.state.is_none() {
            let flags = tuple.is_denied.then_some(SYN);
            return vec![tuple.row(eni, 0, tuple.time, flags, "OK")];
        }
        let last = self.0.remove(&name);
        let has_begun = tuple.state == Some(b'B');
        if tuple.state != Some(b'E') && self.0.len() < OPEN_MAX {
            let time = tuple.time.to_owned();
            self.0.insert(name, Last { time, has_begun });
        }
        let is_first = last.as_ref().is_some_and(|last| last.has_begun);
        let end = if tuple.state == Some(b'E') { FIN } else { 0 };
        let flags = [SYN, SYN | ACK].map(|open| end | if is_first { open } else { 0 });
        let start = last.as_ref().map_or(tuple.time, |last| &*last.time);
        let is_counted = |way: &usize| !matches!(tuple.counts[2 * way], "" | "0");
        let ways: Vec<usize> = [0, 1].into_iter().filter(is_counted).collect();
        if ways.is_empty() {
            return vec![tuple.row(eni, 0, tuple.time, None, "NODATA")];
        }
        let row = |way: usize| tuple.row(eni, way, start, Some(flags[way]), "OK");
        ways.into_iter().map(row).collect()
    }
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;

/// Maximum number of connections remembered. For further ones, the interval of each record starts
/// when its tuple was logged.
const OPEN_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the cells of each record, with `-` for no value, for tuples logged one after the
    /// other.
    fn rows(groups: &str, tuples: &[&str]) -> Vec<String> {
        let tuples = tuples.join("\",\"");
        let text = match groups {
            "flows" => format!(
                r#"{{"properties":{{"flows":[{{"flows":[{{"mac":"M","flowTuples":["{tuples}"]}}]}}]}}}}"#
            ),
            _ => format!(
                r#"{{"macAddress":"M","flowRecords":{{"flows":[{{"flowGroups":[{{"flowTuples":["{tuples}"]}}]}}]}}}}"#
            ),
        };
        let value = Json::parse(text.as_bytes()).unwrap();
        assert!(is_record(&value));
        let mut seen = Vec::new();
        for_each_row(&value, &mut OpenFlows::default(), |row| match row {
            Ok(row) => {
                let cells = row.iter().map(|(_, value)| {
                    let text = value.as_ref().and_then(Json::text).unwrap_or("");
                    if text.is_empty() { "-" } else { text }.to_owned()
                });
                seen.push(cells.collect::<Vec<_>>().join(" "));
            }
            Err(text) => seen.push(format!("!{text}")),
        });
        seen
    }

    #[test]
    fn connection_of_three_tuples_becomes_records_with_handshake_and_teardown() {
        let tuples = [
            "100,10.0.0.4,20.0.0.5,4000,443,T,O,A,B,,,,",
            "160,10.0.0.4,20.0.0.5,4000,443,T,O,A,C,7,700,5,5000",
            "220,10.0.0.4,20.0.0.5,4000,443,T,O,A,E,3,180,2,120",
            "rubbish",
        ];
        let expected = [
            "M 10.0.0.4 20.0.0.5 4000 443 6 - - 100 100 ACCEPT NODATA - egress",
            "M 10.0.0.4 20.0.0.5 4000 443 6 7 700 100 160 ACCEPT OK 2 egress",
            "M 20.0.0.5 10.0.0.4 443 4000 6 5 5000 100 160 ACCEPT OK 18 ingress",
            "M 10.0.0.4 20.0.0.5 4000 443 6 3 180 160 220 ACCEPT OK 1 egress",
            "M 20.0.0.5 10.0.0.4 443 4000 6 2 120 160 220 ACCEPT OK 1 ingress",
            "!rubbish",
        ];
        assert_eq!(rows("flows", &tuples), expected);
    }

    #[test]
    fn tuples_of_virtual_networks_have_protocol_numbers_and_a_denied_state() {
        let tuples = [
            "100000,10.0.0.4,20.0.0.5,4000,53,17,I,D,NX,0,0,0,0",
            "160000,10.0.0.4,20.0.0.5,4000,53,17,I,E,NX,1,70,0,0",
        ];
        let expected = [
            "M 10.0.0.4 20.0.0.5 4000 53 17 0 0 100000 100000 REJECT OK - ingress",
            "M 10.0.0.4 20.0.0.5 4000 53 17 1 70 160000 160000 ACCEPT OK - ingress",
        ];
        assert_eq!(rows("flowGroups", &tuples), expected);
    }

    #[test]
    fn tuples_of_the_first_version_have_no_counts() {
        let tuples = ["100,10.0.0.4,20.0.0.5,4000,443,T,I,D"];
        let expected = ["M 10.0.0.4 20.0.0.5 4000 443 6 - - 100 100 REJECT OK 2 ingress"];
        assert_eq!(rows("flows", &tuples), expected);
    }
}
