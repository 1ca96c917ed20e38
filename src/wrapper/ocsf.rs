//! OCSF Network Activity (class 4001), as Security Lake keeps flow logs.
//!
//! <https://schema.ocsf.io/classes/network_activity>: endpoints, `traffic` and
//! `connection_info` hold what a flow log record has under names of its own.

use super::batch::{Row, cell};
use super::json::Json;

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
