//! Flow logs of IBM Cloud VPC: objects with the flow logs of one network interface.
//!
//! <https://cloud.ibm.com/docs/vpc?topic=vpc-fl-analyze>: a flow log counts both directions of a
//! connection, so it becomes two records, or one if the other direction had no packets. Only TCP and
//! UDP over IPv4 are logged. An object without flow logs is an interval without traffic, and the
//! state `skip data` means that some were lost.
//!
//! # TCP flags
//! There are none. A flow log says whether its connection began (`was_initiated`) and whether it
//! ended (`was_terminated`) by a timeout, a RST or the last FIN, but not by which. So flags are
//! given only where they are certain: a connection that began and did not end had a SYN and a
//! SYN-ACK, and one that began earlier had neither. For a connection that began and ended in one
//! flow log, and for rejected packets, sizes and counts decide later, as without `tcp-flags`.
//!
//! # Bytes
//! The document does not say which headers `bytes_from_initiator` counts, so they are read as the
//! bytes of IP packets. It may be frames: in a published object, DHCP requests have 342 bytes, which
//! is the Ethernet frame of the usual BOOTP message of 300 bytes. One size does not prove it.

use super::batch::{Gatherer, NamedValues};
use super::json::Json;

/// Whether this is an object with such flow logs.
pub(super) fn is_object(value: &Json<'_>) -> bool {
    let has = |name| value.get(name).is_some();
    let is_own = has("collector_crn") || has("network_interface_id") || has("capture_start_time");
    let logs = value.get("flow_logs").and_then(Json::elements);
    is_own && logs.is_some_and(|logs| logs.iter().all(|log| log.members().is_some()))
}

/// Adds the records in the object.
pub(super) fn add(object: &Json<'_>, lines: &mut Gatherer) {
    let logs = object.get("flow_logs").and_then(Json::elements);
    let logs = logs.unwrap_or_default();
    let vnic = Vnic::of(object);
    if is_lossy(object) {
        lines.named(&vnic.silence(object, "SKIPDATA"));
    } else if logs.is_empty() {
        lines.named(&vnic.silence(object, "NODATA"));
    }
    for log in logs {
        let counts = SIDES.each_ref().map(|side| side.packets(log));
        if counts == [None, None] {
            lines.fault("invalid IBM flow log", || {
                "expected packets_from_initiator or packets_from_target".into()
            });
        } else if counts
            .iter()
            .flatten()
            .all(|count| count.whole() == Some(0))
        {
            lines.blank();
        }
        let has_packets = |count: &Json<'_>| count.whole() != Some(0);
        for (side, count) in SIDES.iter().zip(counts) {
            if count.is_some_and(has_packets) {
                lines.named(&vnic.row(log, side));
            }
        }
    }
}

/// Whether flow logs of the interval were lost.
fn is_lossy(object: &Json<'_>) -> bool {
    let state = object.get("state").and_then(Json::text).unwrap_or("");
    let letters = state.bytes().filter(u8::is_ascii_alphabetic);
    letters
        .map(|byte| byte.to_ascii_lowercase())
        .eq(*b"skipdata")
}

/// One side of a connection, by the names of its values.
struct FlowSide {
    /// The address and port of the side.
    own: [&'static str; 2],
    /// The address and port of the other side.
    other: [&'static str; 2],
    packets: &'static str,
    bytes: &'static str,
    is_initiator: bool,
}

const INITIATOR: [&str; 2] = ["initiator_ip", "initiator_port"];
const TARGET: [&str; 2] = ["target_ip", "target_port"];

const SIDES: [FlowSide; 2] = [
    FlowSide {
        own: INITIATOR,
        other: TARGET,
        packets: "packets_from_initiator",
        bytes: "bytes_from_initiator",
        is_initiator: true,
    },
    FlowSide {
        own: TARGET,
        other: INITIATOR,
        packets: "packets_from_target",
        bytes: "bytes_from_target",
        is_initiator: false,
    },
];

impl FlowSide {
    /// Returns the number of packets that the side sent, as logged.
    fn packets<'v, 'a>(&self, log: &'v Json<'a>) -> Option<&'v Json<'a>> {
        log.get(self.packets)
            .filter(|count| !matches!(count, Json::Null))
    }
}

/// The virtual network interface of an object.
struct Vnic<'a> {
    id: Option<Json<'a>>,
    account: Option<Json<'a>>,
    region: Option<Json<'a>>,
    vpc: Option<Json<'a>>,
    instance: Option<Json<'a>>,
}

impl<'a> Vnic<'a> {
    fn of(object: &Json<'a>) -> Self {
        // crn:version:cname:ctype:service:location:scope:service-instance:type:resource
        let part = |name: &str, index: usize| -> Option<&str> {
            let mut parts = object.get(name)?.text()?.split(':');
            parts.nth(index).filter(|part| !part.is_empty())
        };
        let account = part("vpc_crn", 6).or_else(|| part("collector_crn", 6));
        let account = account.map(|scope| scope.strip_prefix("a/").unwrap_or(scope));
        Self {
            id: object.get("network_interface_id").cloned(),
            account: account.map(Json::word),
            region: part("vpc_crn", 5).map(Json::word),
            vpc: part("vpc_crn", 9).map(Json::word),
            instance: part("instance_crn", 9).map(Json::word),
        }
    }

    /// Returns the record of an interval without flow logs.
    fn silence(&self, object: &Json<'a>, status: &str) -> NamedValues<'a> {
        vec![
            ("account-id", self.account.clone()),
            ("interface-id", self.id.clone()),
            ("start", object.get("capture_start_time").cloned()),
            ("end", object.get("capture_end_time").cloned()),
            ("log-status", Some(Json::word(status))),
        ]
    }

    /// Returns the record of one side of a flow log.
    fn row(&self, log: &Json<'a>, side: &FlowSide) -> NamedValues<'a> {
        let value = |name| log.get(name).cloned();
        let is_outbound = match log.get("direction").and_then(Json::text) {
            Some("O" | "outbound") => Some(true),
            Some("I" | "inbound") => Some(false),
            _ => None,
        };
        let direction = is_outbound.map(|outbound| match outbound == side.is_initiator {
            true => Json::word("egress"),
            false => Json::word("ingress"),
        });
        let action = log.get("action").map(|action| match action.text() {
            Some("accepted") => Json::word("ACCEPT"),
            Some("rejected") => Json::word("REJECT"),
            _ => action.clone(),
        });
        let flags = flags(log, side).map(|flags| Json::word(&flags.to_string()));
        vec![
            ("account-id", self.account.clone()),
            ("interface-id", self.id.clone()),
            ("srcaddr", value(side.own[0])),
            ("dstaddr", value(side.other[0])),
            ("srcport", value(side.own[1])),
            ("dstport", value(side.other[1])),
            ("protocol", value("transport_protocol")),
            ("packets", value(side.packets)),
            ("bytes", value(side.bytes)),
            ("start", value("start_time")),
            ("end", value("end_time")),
            ("action", action),
            ("log-status", Some(Json::word("OK"))),
            ("tcp-flags", flags),
            ("flow-direction", direction),
            ("vpc-id", self.vpc.clone()),
            ("instance-id", self.instance.clone()),
            ("region", self.region.clone()),
        ]
    }
}

/// Returns the flags that a side certainly sent, or `None` if that is unknown.
fn flags(log: &Json<'_>, side: &FlowSide) -> Option<u8> {
    let is = |name| match log.get(name) {
        Some(Json::Bool(value)) => Some(*value),
        _ => None,
    };
    let is_tcp = log.get("transport_protocol").and_then(Json::whole) == Some(6);
    let is_accepted = log.get("action").and_then(Json::text) == Some("accepted");
    if !is_tcp || !is_accepted {
        return None;
    }
    match (is("was_initiated")?, is("was_terminated")?) {
        (true, true) => None,
        (true, false) if side.is_initiator => Some(SYN),
        (true, false) => Some(SYN | ACK),
        (false, _) => Some(0),
    }
}

const SYN: u8 = 2;
const ACK: u8 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#""version":"0.0.1","collector_crn":"crn:v1:bluemix:public:is:us-south:a/acc::flow-log-collector:f-1",
        "attached_endpoint_type":"vnic","network_interface_id":"0737-a","instance_crn":"crn:v1:bluemix:public:is:us-south-3:a/acc::instance:0737_i",
        "vpc_crn":"crn:v1:bluemix:public:is:us-south:a/acc::vpc:r006-v","capture_start_time":"2026-03-14T08:00:00Z",
        "capture_end_time":"2026-03-14T08:05:00Z","state":"ok","number_of_flow_logs":1"#;

    const LOG: &str = r#"{"start_time":"2026-03-14T08:00:01Z","end_time":"2026-03-14T08:00:09Z","connection_start_time":"2026-03-14T08:00:01Z",
        "direction":"O","action":"accepted","initiator_ip":"10.240.0.4","target_ip":"198.51.100.9","initiator_port":50211,"target_port":443,
        "transport_protocol":6,"ether_type":"IPv4","was_initiated":true,"was_terminated":false,"bytes_from_initiator":700,
        "packets_from_initiator":7,"bytes_from_target":5000,"packets_from_target":5,"cumulative_bytes_from_initiator":700}"#;

    /// Returns the lines of an object with these flow logs.
    fn lines(head: &str, logs: &str) -> Vec<String> {
        let text = format!(r#"{{{head},"flow_logs":[{logs}]}}"#);
        let value = Json::parse(text.as_bytes()).unwrap();
        assert!(is_object(&value), "{text}");
        let mut lines = Gatherer::new(1 << 20);
        add(&value, &mut lines);
        lines.flush();
        let mut found = Vec::new();
        while let Some(batch) = lines.pop() {
            let text = String::from_utf8(batch.text).unwrap();
            found.extend(text.lines().map(str::to_owned));
            found.extend((0..batch.blank_line_count).map(|_| String::new()));
        }
        found
    }

    #[test]
    fn flow_log_becomes_a_record_for_each_direction() {
        assert_eq!(
            lines(HEAD, LOG),
            [
                "acc 0737-a 10.240.0.4 198.51.100.9 50211 443 6 7 700 2026-03-14T08:00:01Z \
                 2026-03-14T08:00:09Z ACCEPT OK 2 egress r006-v 0737_i us-south",
                "acc 0737-a 198.51.100.9 10.240.0.4 443 50211 6 5 5000 2026-03-14T08:00:01Z \
                 2026-03-14T08:00:09Z ACCEPT OK 18 ingress r006-v 0737_i us-south",
            ]
        );
    }

    #[test]
    fn direction_without_packets_has_no_record() {
        let unanswered = LOG
            .replace("\"bytes_from_target\":5000", "\"bytes_from_target\":0")
            .replace("\"packets_from_target\":5", "\"packets_from_target\":0");
        let [line] = &lines(HEAD, &unanswered)[..] else {
            panic!("one record");
        };
        assert!(line.contains(" 10.240.0.4 198.51.100.9 "), "{line}");
        let silent = unanswered.replace(
            "\"packets_from_initiator\":7",
            "\"packets_from_initiator\":0",
        );
        assert_eq!(lines(HEAD, &silent), [""]);
    }

    #[test]
    fn flow_log_without_counts_is_lost() {
        let value = format!(r#"{{{HEAD},"flow_logs":[{{"initiator_ip":"10.0.0.1"}}]}}"#);
        let mut lines = Gatherer::new(1 << 20);
        add(&Json::parse(value.as_bytes()).unwrap(), &mut lines);
        lines.flush();
        assert_eq!(lines.pop().unwrap().faults.len(), 1);
    }

    #[track_caller]
    fn check_flags(edits: &[(&str, &str)], expected: [Option<u8>; 2]) {
        let log = edits
            .iter()
            .fold(LOG.to_owned(), |log, (from, to)| log.replace(from, to));
        let log = Json::parse(log.as_bytes()).unwrap();
        assert_eq!(
            SIDES.each_ref().map(|side| flags(&log, side)),
            expected,
            "{edits:?}"
        );
    }

    #[test]
    fn flags_are_given_only_where_they_are_certain() {
        let later = ("\"was_initiated\":true", "\"was_initiated\":false");
        let over = ("\"was_terminated\":false", "\"was_terminated\":true");
        let udp = ("\"transport_protocol\":6", "\"transport_protocol\":17");
        check_flags(&[], [Some(2), Some(18)]);
        check_flags(&[over], [None, None]);
        check_flags(&[later], [Some(0), Some(0)]);
        check_flags(&[later, over], [Some(0), Some(0)]);
        check_flags(&[("accepted", "rejected")], [None, None]);
        check_flags(&[udp], [None, None]);
        check_flags(&[("was_initiated", "x")], [None, None]);
    }

    #[test]
    fn object_without_flow_logs_is_an_interval_without_traffic() {
        let silence = ["acc 0737-a 2026-03-14T08:00:00Z 2026-03-14T08:05:00Z NODATA"];
        assert_eq!(lines(HEAD, ""), silence);
        let lossy = HEAD.replace("\"ok\"", "\"skip data\"");
        assert!(lines(&lossy, "")[0].ends_with(" SKIPDATA"));
        assert_eq!(lines(&lossy, LOG).len(), 3);
    }

    #[test]
    fn inbound_and_rejected_flow_logs_keep_their_words() {
        let log = LOG
            .replace("\"O\"", "\"I\"")
            .replace("accepted", "rejected");
        let line = &lines(HEAD, &log)[0];
        assert!(line.contains(" REJECT OK - ingress "), "{line}");
        let odd = LOG.replace("accepted", "maybe");
        assert!(lines(HEAD, &odd)[0].contains(" maybe OK "));
    }

    #[test]
    fn object_with_a_list_of_other_things_is_not_taken() {
        for text in [
            r#"{"flow_logs":[{"initiator_ip":"10.0.0.1"}]}"#,
            r#"{"collector_crn":"x","flow_logs":"y"}"#,
            r#"{"collector_crn":"x","flow_logs":[1]}"#,
            r#"{"collector_crn":"x"}"#,
        ] {
            assert!(!is_object(&Json::parse(text.as_bytes()).unwrap()), "{text}");
        }
    }
}
