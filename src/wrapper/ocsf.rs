//! OCSF Network Activity (class 4001), as Security Lake keeps flow logs.
//!
//! <https://schema.ocsf.io/classes/network_activity>: endpoints, `traffic` and
//! `connection_info` hold what a flow log record has under names of its own.

use super::batch::{Row, cell};
use super::json::Json;

/// All that [`row`] and [`is_event`] look at.
pub(super) const PATHS: &[&[&str]] = &[
    &["class_uid"],
    &["action_id"],
    &["disposition_id"],
    &["status_code"],
    &["time"],
    &["start_time"],
    &["end_time"],
    &["cloud", "account_uid"],
    &["cloud", "account", "uid"],
    &["cloud", "region"],
    &["cloud", "zone"],
    &["connection_info", "direction_id"],
    &["connection_info", "protocol_num"],
    &["connection_info", "tcp_flags"],
    &["traffic", "packets"],
    &["traffic", "bytes"],
    &["src_endpoint", "ip"],
    &["src_endpoint", "port"],
    &["src_endpoint", "interface_uid"],
    &["src_endpoint", "vpc_uid"],
    &["src_endpoint", "subnet_uid"],
    &["src_endpoint", "instance_uid"],
    &["dst_endpoint", "ip"],
    &["dst_endpoint", "port"],
    &["dst_endpoint", "interface_uid"],
    &["dst_endpoint", "vpc_uid"],
    &["dst_endpoint", "subnet_uid"],
    &["dst_endpoint", "instance_uid"],
];

/// Those by which a table of such events is told from others of the schema: events of other
/// classes have endpoints too.
pub(super) const TELLING: [&[&str]; 4] = [
    &["class_uid"],
    &["src_endpoint", "ip"],
    &["dst_endpoint", "ip"],
    &["traffic", "packets"],
];

/// The names of what [`row`] makes of an event.
pub(super) const NAMES: [&str; 20] = [
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
    "tcp-flags",
    "flow-direction",
    "vpc-id",
    "subnet-id",
    "instance-id",
    "region",
    "az-id",
];

/// Whether this is such an event.
pub(super) fn is_event(value: &Json<'_>) -> bool {
    value.get("class_uid").and_then(Json::whole) == Some(4001)
}

/// The record in it.
pub(super) fn row<'a>(event: &Json<'a>) -> Row<'a> {
    let whole = |path: &[&str]| event.at(path).and_then(Json::whole);
    let is_leaving = whole(&["connection_info", "direction_id"]).map(|id| id == 2);
    // The ENI is an attribute of the side it stands on.
    let sides = match is_leaving {
        Some(false) => ["dst_endpoint", "src_endpoint"],
        _ => ["src_endpoint", "dst_endpoint"],
    };
    let own = |name: &str| cell(event, &sides.map(|side| [side, name]));
    let is_denied = whole(&["action_id"]).or_else(|| whole(&["disposition_id"])) == Some(2);
    let status = match event.get("status_code").and_then(Json::text) {
        Some(status @ ("NODATA" | "SKIPDATA")) => status.to_owned(),
        _ => "OK".to_owned(),
    };
    let direction = is_leaving.map_or("", |leaving| if leaving { "egress" } else { "ingress" });
    vec![
        (
            "account-id",
            cell(event, &[["cloud", "account_uid"]])
                .or_else(|| event.at(&["cloud", "account", "uid"]).cloned()),
        ),
        ("interface-id", own("interface_uid")),
        ("srcaddr", cell(event, &[["src_endpoint", "ip"]])),
        ("dstaddr", cell(event, &[["dst_endpoint", "ip"]])),
        ("srcport", cell(event, &[["src_endpoint", "port"]])),
        ("dstport", cell(event, &[["dst_endpoint", "port"]])),
        (
            "protocol",
            cell(event, &[["connection_info", "protocol_num"]]),
        ),
        ("packets", cell(event, &[["traffic", "packets"]])),
        ("bytes", cell(event, &[["traffic", "bytes"]])),
        (
            "start",
            event
                .get("start_time")
                .or_else(|| event.get("time"))
                .cloned(),
        ),
        ("end", event.get("end_time").cloned()),
        (
            "action",
            Some(Json::word(if is_denied { "REJECT" } else { "ACCEPT" })),
        ),
        ("log-status", Some(Json::word(&status))),
        (
            "tcp-flags",
            cell(event, &[["connection_info", "tcp_flags"]]),
        ),
        ("flow-direction", Some(Json::word(direction))),
        ("vpc-id", own("vpc_uid")),
        ("subnet-id", own("subnet_uid")),
        ("instance-id", own("instance_uid")),
        ("region", cell(event, &[["cloud", "region"]])),
        ("az-id", cell(event, &[["cloud", "zone"]])),
    ]
}
