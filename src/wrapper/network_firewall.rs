//! Flow logs of AWS Network Firewall: `netflow` events of Suricata in an envelope of AWS.
//!
//! <https://docs.aws.amazon.com/network-firewall/latest/developerguide/firewall-logging-contents.html>
//! (the envelope) and <https://docs.suricata.io/en/latest/output/eve/eve-json-format.html> (the
//! event). An event counts one direction of a connection, and both directions have the same
//! `flow_id`, start and end. Times have microseconds. `tcp_flags` is the OR of the direction in
//! hexadecimal digits and has every flag, so both directions of a connection usually show SYN and
//! ACK. There is no interface: the name of the firewall and its Availability Zone take the place of
//! the ENI.
//!
//! Neither document says what `bytes` counts. Suricata adds up the packets as its source passes them
//! on, and Network Firewall receives IP packets (`pkt_src` is `geneve encapsulation`). Real logs
//! agree: nine echo requests have 756 bytes, which is the IP length of 84 bytes that `ping` sends.
//!
//! # Verdicts
//! A `netflow` event does not say whether the firewall dropped its packets. An alert with a verdict
//! does, and has the same `flow_id`. Alerts are not flows and are left out, but events after a `drop`
//! of their flow in the same file are `REJECT`. Network Firewall writes an event when its flow is
//! over, long after the alert. The firewall may have passed the first packets of such a flow, such
//! as the handshake.

use std::collections::HashSet;

use super::batch::{NamedValues, cell};
use super::json::Json;

/// Whether this is an event of a flow.
pub(super) fn is_flow(value: &Json<'_>) -> bool {
    let kind = value.at(&["event", "event_type"]).and_then(Json::text);
    let counts = value.at(&["event", "netflow"]).and_then(Json::members);
    value.get("firewall_name").is_some() && kind == Some("netflow") && counts.is_some()
}

/// The flows of a file that the firewall dropped.
#[derive(Default)]
pub(super) struct DroppedFlows {
    dropped: HashSet<i64>,
    /// Flows that had an event before any verdict. Their verdict stays what it was, so that the two
    /// directions of a flow agree.
    passed: HashSet<i64>,
}

impl DroppedFlows {
    /// Remembers the flow of an event whose verdict is to drop it. Other events do nothing.
    pub(super) fn note(&mut self, value: &Json<'_>) {
        let verdict = value.at(&["event", "verdict", "action"]);
        if verdict.and_then(Json::text) == Some("drop")
            && self.dropped.len() < FLOWS_MAX
            && let Some(flow) = flow_id(value)
            && !self.passed.contains(&flow)
        {
            self.dropped.insert(flow);
        }
    }

    /// Whether the flow of this event was dropped before.
    fn has(&mut self, value: &Json<'_>) -> bool {
        let Some(flow) = flow_id(value) else {
            return false;
        };
        let is_dropped = self.dropped.contains(&flow);
        if !is_dropped {
            if self.passed.len() == FLOWS_MAX {
                self.passed.clear(); // both directions of a flow are near each other
            }
            self.passed.insert(flow);
        }
        is_dropped
    }
}

fn flow_id(value: &Json<'_>) -> Option<i64> {
    value.at(&["event", "flow_id"])?.whole()
}

/// Returns the record in the event.
pub(super) fn row<'a>(value: &Json<'a>, dropped: &mut DroppedFlows) -> NamedValues<'a> {
    let event = value.get("event").unwrap_or(&Json::Null);
    let of_event = |name| event.get(name).cloned();
    let of_flow = |name| cell(event, &[["netflow", name]]);
    let is_dropped = dropped.has(value);
    let action = if is_dropped { "REJECT" } else { "ACCEPT" };
    let word = |word: &str| Some(Json::word(word));
    vec![
        ("interface-id", firewall(value)),
        ("srcaddr", of_event("src_ip")),
        ("dstaddr", of_event("dest_ip")),
        ("srcport", of_event("src_port")),
        ("dstport", of_event("dest_port")),
        ("protocol", of_event("proto")),
        ("packets", of_flow("pkts")),
        ("bytes", of_flow("bytes")),
        ("start", of_flow("start")),
        ("end", of_flow("end")),
        ("action", word(action)),
        ("tcp-flags", event.get("tcp").and_then(flags)),
        ("az-id", value.get("availability_zone").cloned()),
        (
            "reject-reason",
            is_dropped.then(|| Json::word("network-firewall")),
        ),
    ]
}

/// Returns the firewall and its zone, in one word.
fn firewall(value: &Json<'_>) -> Option<Json<'static>> {
    let text = |name| value.get(name).and_then(Json::text);
    let name = text("firewall_name")?;
    Some(Json::word(&match text("availability_zone") {
        Some(zone) => format!("{name}/{zone}"),
        None => name.to_owned(),
    }))
}

/// Returns the flags of a direction as a decimal number. Digits that are not hexadecimal are
/// returned as they are, for the error message.
///
/// Without the digits, or if a tool turned them into a number, the names of the flags are used.
fn flags(tcp: &Json<'_>) -> Option<Json<'static>> {
    if let Some(Json::Text(digits)) = tcp.get("tcp_flags") {
        let decimal = u64::from_str_radix(digits, 16).map(|flags| flags.to_string());
        return Some(Json::word(
            &decimal.unwrap_or_else(|_| format!("0x{digits}")),
        ));
    }
    let is_set = |name: &&str| tcp.get(name) == Some(&Json::Bool(true));
    let names = FLAG_NAMES.iter().enumerate();
    let set = names.filter(|(_, name)| is_set(name));
    let flags = set.fold(0_u8, |flags, (bit, _)| flags | 1 << bit);
    (flags != 0).then(|| Json::word(&flags.to_string()))
}

/// The names of the flag bits, lowest first, as Suricata writes them.
const FLAG_NAMES: [&str; 8] = ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"];

/// Maximum number of flows of either verdict remembered in a file. Events of further dropped flows
/// are `ACCEPT`.
const FLOWS_MAX: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wrapper::batch::joined;

    /// Returns an event with these members of `event`, in an envelope.
    fn envelope(event: &str) -> String {
        format!(
            r#"{{"firewall_name":"fw","availability_zone":"eu-west-1b","event_timestamp":"1738555506","event":{{{event}}}}}"#
        )
    }

    const CLIENT: &str = r#""tcp":{"tcp_flags":"1b","syn":true,"fin":true,"psh":true,"ack":true},"app_proto":"tls",
        "src_ip":"10.8.0.2","src_port":50211,"dest_ip":"198.51.100.9","dest_port":443,"proto":"TCP","flow_id":7,
        "event_type":"netflow","netflow":{"pkts":9,"bytes":900,"start":"2025-02-03T04:05:06.000001+0000",
        "end":"2025-02-03T04:05:08.200000+0000","age":2,"min_ttl":63,"max_ttl":63}"#;

    fn cells(text: &str, dropped: &mut DroppedFlows) -> String {
        let value = Json::parse(text.as_bytes()).unwrap();
        assert!(is_flow(&value), "{text}");
        joined(&row(&value, dropped))
    }

    #[test]
    fn direction_of_a_flow_becomes_a_record_with_all_flags_and_microseconds() {
        assert_eq!(
            cells(&envelope(CLIENT), &mut DroppedFlows::default()),
            "fw/eu-west-1b 10.8.0.2 198.51.100.9 50211 443 TCP 9 900 2025-02-03T04:05:06.000001+0000 \
             2025-02-03T04:05:08.200000+0000 ACCEPT 27 eu-west-1b -"
        );
    }

    #[test]
    fn flow_with_an_earlier_drop_verdict_is_rejected_in_both_directions() {
        let mut dropped = DroppedFlows::default();
        for event in [
            r#""event_type":"alert","flow_id":7,"verdict":{"action":"drop"}"#,
            r#""event_type":"alert","flow_id":8,"verdict":{"action":"pass"}"#,
            r#""event_type":"alert","flow_id":8,"alert":{"action":"blocked"}"#,
        ] {
            dropped.note(&Json::parse(envelope(event).as_bytes()).unwrap());
        }
        for _ in 0..2 {
            let row = cells(&envelope(CLIENT), &mut dropped);
            let expected = " REJECT 27 eu-west-1b network-firewall";
            assert!(row.ends_with(expected), "{row}");
        }
        let other = envelope(&CLIENT.replace("\"flow_id\":7", "\"flow_id\":8"));
        assert!(cells(&other, &mut dropped).contains(" ACCEPT "));
    }

    #[test]
    fn verdict_between_the_directions_of_a_flow_changes_neither() {
        let mut dropped = DroppedFlows::default();
        let alert = envelope(r#""event_type":"alert","flow_id":7,"verdict":{"action":"drop"}"#);
        assert!(cells(&envelope(CLIENT), &mut dropped).contains(" ACCEPT "));
        dropped.note(&Json::parse(alert.as_bytes()).unwrap());
        assert!(cells(&envelope(CLIENT), &mut dropped).contains(" ACCEPT "));
    }

    #[track_caller]
    fn check_flags(tcp: &str, expected: Option<&str>) {
        let tcp = Json::parse(tcp.as_bytes()).unwrap();
        let found = flags(&tcp);
        assert_eq!(found.as_ref().and_then(Json::text), expected);
    }

    #[test]
    fn flags_are_hexadecimal_digits_or_names() {
        check_flags(r#"{"tcp_flags":"02","syn":true}"#, Some("2"));
        check_flags(r#"{"tcp_flags":"17"}"#, Some("23"));
        check_flags(
            r#"{"tcp_flags":17,"syn":true,"rst":true,"ack":true}"#,
            Some("22"),
        );
        check_flags(r#"{"ecn":true,"cwr":true}"#, Some("192"));
        check_flags("{}", None);
    }

    #[test]
    fn flags_that_are_not_hexadecimal_stay_invalid() {
        check_flags(r#"{"tcp_flags":"1g"}"#, Some("0x1g"));
        check_flags(r#"{"tcp_flags":""}"#, Some("0x"));
        check_flags(r#"{"tcp_flags":"1ff"}"#, Some("511"));
    }

    #[test]
    fn alerts_and_events_without_the_envelope_are_not_flows() {
        let bare = format!("{{{CLIENT}}}");
        let alert = envelope(&CLIENT.replace("\"netflow\",", "\"alert\","));
        let empty = envelope(r#""event_type":"netflow","flow_id":5,"src_ip":"10.8.0.2""#);
        for text in [bare, alert, empty, "{}".to_owned()] {
            assert!(!is_flow(&Json::parse(text.as_bytes()).unwrap()), "{text}");
        }
    }
}
