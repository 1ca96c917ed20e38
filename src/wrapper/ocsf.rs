//! OCSF Network Activity (class 4001), the format in which Security Lake stores flow logs.
//!
//! <https://schema.ocsf.io/classes/network_activity>: endpoints, `traffic` and `connection_info`
//! hold the values of a flow log record under different names.

use super::batch::{Gatherer, NamedValues, cell};
use super::json::Json;

/// All paths that [`row`] and [`is_event`] read.
pub(super) const PATHS: &[&[&str]] = &[
    &["class_uid"],
    &["action_id"],
    &["disposition_id"],
    &["status_code"],
    &["time"],
    &["start_time"],
    &["end_time"],
    &["time_dt"],
    &["start_time_dt"],
    &["end_time_dt"],
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

/// Paths that distinguish a table of such events from others of the schema. Events of other classes
/// have endpoints too.
pub(super) const DISTINCTIVE: [&[&str]; 4] = [
    &["class_uid"],
    &["src_endpoint", "ip"],
    &["dst_endpoint", "ip"],
    &["traffic", "packets"],
];

/// Names of the values that [`row`] produces for an event.
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

/// The class ID of network activity.
pub(super) const CLASS: i64 = 4001;

/// The `direction_id` of outbound traffic.
pub(super) const LEAVING: i64 = 2;

/// Returns the word for an `action_id`, or for a `disposition_id` if there is no `action_id`.
pub(super) fn action(id: Option<i64>) -> &'static str {
    if id == Some(2) { "REJECT" } else { "ACCEPT" }
}

/// Returns the word for a `status_code`.
pub(super) fn status(code: Option<&str>) -> &'static str {
    match code {
        Some("NODATA") => "NODATA",
        Some("SKIPDATA") => "SKIPDATA",
        _ => "OK",
    }
}

/// Returns the word for a direction, or an empty string if there is none.
pub(super) fn direction(is_leaving: Option<bool>) -> &'static str {
    is_leaving.map_or("", |leaving| if leaving { "egress" } else { "ingress" })
}

/// The keys of the start, in the order in which they are used. The keys that end with `_dt` hold
/// text; some writers have only these.
pub(super) const STARTS: [&str; 4] = ["start_time", "start_time_dt", "time", "time_dt"];

/// The keys of the end.
pub(super) const ENDS: [&str; 2] = ["end_time", "end_time_dt"];

/// Returns the value of the first of `keys` that has one.
fn first<'a>(event: &Json<'a>, keys: &[&str]) -> Option<Json<'a>> {
    let mut values = keys.iter().filter_map(|key| event.get(key));
    values.find(|value| !matches!(value, Json::Null)).cloned()
}

/// Counts an event of another class as lost.
pub(super) fn lose(lines: &mut Gatherer, class: Option<i64>) {
    lines.fault("OCSF event of another class", || {
        let class = class.map_or_else(|| "none".to_owned(), |class| class.to_string());
        format!("expected class_uid 4001, found {class}")
    });
}

/// Whether this is such an event.
pub(super) fn is_event(value: &Json<'_>) -> bool {
    value.get("class_uid").and_then(Json::whole) == Some(CLASS)
}

/// Returns the record in the event.
pub(super) fn row<'a>(event: &Json<'a>) -> NamedValues<'a> {
    let whole = |path: &[&str]| event.at(path).and_then(Json::whole);
    let is_leaving = whole(&["connection_info", "direction_id"]).map(|id| id == LEAVING);
    // The ENI is an attribute of the endpoint that it belongs to.
    let sides = match is_leaving {
        Some(false) => ["dst_endpoint", "src_endpoint"],
        _ => ["src_endpoint", "dst_endpoint"],
    };
    let own = |name: &str| cell(event, &sides.map(|side| [side, name]));
    let action = whole(&["action_id"]).or_else(|| whole(&["disposition_id"]));
    let status = event.get("status_code").and_then(Json::text);
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
        ("start", first(event, &STARTS)),
        ("end", first(event, &ENDS)),
        ("action", Some(Json::word(self::action(action)))),
        ("log-status", Some(Json::word(self::status(status)))),
        (
            "tcp-flags",
            cell(event, &[["connection_info", "tcp_flags"]]),
        ),
        ("flow-direction", Some(Json::word(direction(is_leaving)))),
        ("vpc-id", own("vpc_uid")),
        ("subnet-id", own("subnet_uid")),
        ("instance-id", own("instance_uid")),
        ("region", cell(event, &[["cloud", "region"]])),
        ("az-id", cell(event, &[["cloud", "zone"]])),
    ]
}
