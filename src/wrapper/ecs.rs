//! Events in the Elastic Common Schema, as Filebeat and Logstash write flow logs.
//!
//! The names of the fields are those of the schema (`source.ip`, `network.bytes`, `event.start`), as
//! nested objects or as keys with dots. What the schema lacks is under `aws.vpcflow`.

use super::batch::NamedValues;
use super::json::Json;
use crate::record::ByteUnit;

/// Whether this is an event of a flow: it has two addresses.
pub(super) fn is_event(value: &Json<'_>) -> bool {
    find(value, "source.ip").is_some() && find(value, "destination.ip").is_some()
}

/// Returns what the bytes of an event count, which is what its log counts.
pub(super) fn byte_unit(event: &Json<'_>) -> ByteUnit {
    let dataset = ["event.dataset", "data_stream.dataset"].iter();
    let dataset = dataset
        .into_iter()
        .find_map(|name| find(event, name)?.text());
    let dataset = dataset.unwrap_or("");
    if dataset.starts_with("gcp.vpcflow") || event.at(&["gcp", "vpcflow"]).is_some() {
        ByteUnit::Payload
    } else if dataset.starts_with("azure_network_watcher") {
        ByteUnit::EthernetFrame
    } else {
        ByteUnit::IpPacket
    }
}

/// Returns the record in the event.
pub(super) fn row<'a>(event: &Json<'a>) -> NamedValues<'a> {
    let first = |names: &[&str]| names.iter().find_map(|name| find(event, name)).cloned();
    FIELDS
        .iter()
        .map(|(field, names)| (*field, first(names)))
        .collect()
}

/// Fields of flow logs, and where an event has them.
const FIELDS: &[(&str, &[&str])] = &[
    (
        "account-id",
        &["aws.vpcflow.account_id", "cloud.account.id"],
    ),
    ("interface-id", &["aws.vpcflow.interface_id"]),
    ("srcaddr", &["source.ip"]),
    ("dstaddr", &["destination.ip"]),
    ("srcport", &["source.port"]),
    ("dstport", &["destination.port"]),
    ("protocol", &["network.iana_number", "network.transport"]),
    ("packets", &["source.packets", "network.packets"]),
    ("bytes", &["source.bytes", "network.bytes"]),
    ("start", &["event.start"]),
    ("end", &["event.end"]),
    ("action", &["aws.vpcflow.action", "event.action"]),
    ("log-status", &["aws.vpcflow.log_status"]),
    ("vpc-id", &["aws.vpcflow.vpc_id"]),
    ("subnet-id", &["aws.vpcflow.subnet_id"]),
    (
        "instance-id",
        &["aws.vpcflow.instance_id", "cloud.instance.id"],
    ),
    ("tcp-flags", &["aws.vpcflow.tcp_flags"]),
    ("type", &["aws.vpcflow.type"]),
    ("pkt-srcaddr", &["aws.vpcflow.pkt_srcaddr"]),
    ("pkt-dstaddr", &["aws.vpcflow.pkt_dstaddr"]),
    ("region", &["aws.vpcflow.region", "cloud.region"]),
    ("az-id", &["aws.vpcflow.az_id", "cloud.availability_zone"]),
    (
        "flow-direction",
        &["aws.vpcflow.flow_direction", "network.direction"],
    ),
    ("traffic-path", &["aws.vpcflow.traffic_path"]),
];

/// Returns the scalar at a name with dots, each of which is a level of objects or part of a key.
fn find<'v, 'a>(value: &'v Json<'a>, name: &str) -> Option<&'v Json<'a>> {
    if let Some(found) = value.get(name) {
        return Some(found).filter(|found| found.is_scalar());
    }
    let dots = name.match_indices('.');
    dots.filter_map(|(at, _)| find(value.get(&name[..at])?, &name[at + 1..]))
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_under_nested_and_dotted_names() {
        let text = br#"{"source":{"ip":"10.0.0.1","port":1},"destination.ip":"10.0.0.2",
            "aws":{"vpcflow.interface_id":"eni-1"},"network":{"transport":"tcp"}}"#;
        let event = Json::parse(text).unwrap();
        assert!(is_event(&event));
        let row = row(&event);
        let get = |field: &str| {
            let (_, value) = row.iter().find(|(name, _)| *name == field).unwrap();
            value
                .as_ref()
                .and_then(|value| value.text().map(str::to_owned))
        };
        assert_eq!(get("srcaddr").as_deref(), Some("10.0.0.1"));
        assert_eq!(get("dstaddr").as_deref(), Some("10.0.0.2"));
        assert_eq!(get("interface-id").as_deref(), Some("eni-1"));
        assert_eq!(get("protocol").as_deref(), Some("tcp"));
        assert_eq!(get("start"), None);
    }

    #[test]
    fn event_of_one_address_is_not_a_flow() {
        assert!(!is_event(
            &Json::parse(br#"{"source":{"ip":"10.0.0.1"}}"#).unwrap()
        ));
    }
}
