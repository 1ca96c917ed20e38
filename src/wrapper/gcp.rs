//! GCP VPC Flow Logs: entries of Cloud Logging.
//!
//! An entry counts one direction of a connection, as seen by one of the two machines (`reporter`).
//! That machine serves as the ENI. There are no TCP flags, and the packets are a sample.

use super::batch::{NamedValues, cell};
use super::json::Json;

/// Whether this is such an entry.
pub(super) fn is_entry(value: &Json<'_>) -> bool {
    value.at(&["jsonPayload", "connection", "src_ip"]).is_some()
}

/// Returns the record in the entry.
pub(super) fn row<'a>(entry: &Json<'a>) -> NamedValues<'a> {
    let payload = entry.get("jsonPayload").unwrap_or(&Json::Null);
    let word = |name: &str| payload.get(name).and_then(Json::text).unwrap_or("");
    let is_source = word("reporter").starts_with("SRC");
    let of = |source, destination, name| {
        cell(
            payload,
            &[[if is_source { source } else { destination }, name]],
        )
    };
    let instance = |name| of("src_instance", "dest_instance", name);
    let network = |name| of("src_vpc", "dest_vpc", name);
    let connection = |name| cell(payload, &[["connection", name]]);
    let action = if word("disposition") == "DROPPED" {
        "REJECT"
    } else {
        "ACCEPT"
    };
    let direction = match word("reporter") {
        "" => "",
        _ if is_source => "egress",
        _ => "ingress",
    };
    vec![
        (
            "account-id",
            instance("project_id").or_else(|| network("project_id")),
        ),
        ("interface-id", instance("vm_name")),
        ("srcaddr", connection("src_ip")),
        ("dstaddr", connection("dest_ip")),
        ("srcport", connection("src_port")),
        ("dstport", connection("dest_port")),
        ("protocol", connection("protocol")),
        ("packets", payload.get("packets_sent").cloned()),
        ("bytes", payload.get("bytes_sent").cloned()),
        ("start", payload.get("start_time").cloned()),
        ("end", payload.get("end_time").cloned()),
        ("action", Some(Json::word(action))),
        ("flow-direction", Some(Json::word(direction))),
        ("vpc-id", network("vpc_name")),
        ("subnet-id", network("subnetwork_name")),
        ("instance-id", instance("vm_name")),
        ("region", instance("region")),
        ("az-id", instance("zone")),
    ]
}
