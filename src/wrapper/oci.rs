//! VCN flow logs of Oracle Cloud Infrastructure: events of its Logging service.
//!
//! <https://docs.oracle.com/iaas/Content/Logging/Reference/details_for_vcn_flow_logs.htm>: an event
//! is a `CloudEvents` envelope, alone or as `logContent` of an entry, and counts one direction of a
//! connection at one VNIC. The VNIC takes the place of the ENI, its subnet that of the subnet, and
//! its compartment that of the account. There are no TCP flags and no direction, and times are whole
//! seconds.
//!
//! The document defines `bytesOut` as the "number of bytes recorded in the capture window". It does
//! not say which headers count, so they are read as the bytes of IP packets.

use super::batch::{NamedValues, cell};
use super::json::Json;

/// The beginning of the type of such an event.
const TYPE: &str = "com.oraclecloud.vcn.flowlogs.";

/// Returns the event in an entry, or the entry itself if it is one.
fn event<'v, 'a>(value: &'v Json<'a>) -> Option<&'v Json<'a>> {
    let event = value.get("logContent").unwrap_or(value);
    let is_flow = event.get("type")?.text()?.starts_with(TYPE);
    (is_flow && event.get("data")?.members().is_some()).then_some(event)
}

/// Whether this is such an event.
pub(super) fn is_event(value: &Json<'_>) -> bool {
    event(value).is_some()
}

/// Returns the record in the event.
pub(super) fn row<'a>(value: &Json<'a>) -> NamedValues<'a> {
    let event = event(value).unwrap_or(&Json::Null);
    let data = |name| cell(event, &[["data", name]]);
    let oracle = |name| cell(event, &[["oracle", name]]);
    vec![
        (
            "account-id",
            oracle("vniccompartmentocid").or_else(|| oracle("compartmentid")),
        ),
        ("interface-id", oracle("vnicocid")),
        ("srcaddr", data("sourceAddress")),
        ("dstaddr", data("destinationAddress")),
        ("srcport", data("sourcePort")),
        ("dstport", data("destinationPort")),
        (
            "protocol",
            data("protocol").or_else(|| data("protocolName")),
        ),
        ("packets", data("packets")),
        ("bytes", data("bytesOut")),
        ("start", data("startTime")),
        ("end", data("endTime")),
        ("action", data("action")),
        ("log-status", data("status")),
        ("vpc-id", oracle("vcnOcid")),
        ("subnet-id", oracle("vnicsubnetocid")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wrapper::batch::joined;

    const EVENT: &str = r#"{"data":{"action":"ACCEPT","bytesOut":4132,"destinationAddress":"198.51.100.9",
        "destinationPort":443,"endTime":1689108091,"flowid":"75d72a74","packets":9,"protocol":6,"protocolName":"TCP",
        "sourceAddress":"10.0.0.219","sourcePort":60830,"startTime":1689108090,"status":"OK","version":"2"},
        "id":"159f15e5","oracle":{"compartmentid":"c","vniccompartmentocid":"ocid1.compartment.a",
        "vnicocid":"ocid1.vnic.a","vnicsubnetocid":"ocid1.subnet.a"},"source":"-","specversion":"1.0",
        "time":"2023-07-11T20:41:30.000Z","type":"com.oraclecloud.vcn.flowlogs.DataEvent"}"#;

    fn cells(text: &str) -> String {
        let value = Json::parse(text.as_bytes()).unwrap();
        assert!(is_event(&value), "{text}");
        joined(&row(&value))
    }

    #[test]
    fn event_is_read_alone_and_as_the_content_of_an_entry() {
        let expected = "ocid1.compartment.a ocid1.vnic.a 10.0.0.219 198.51.100.9 60830 443 6 9 4132 \
                        1689108090 1689108091 ACCEPT OK - ocid1.subnet.a";
        assert_eq!(cells(EVENT), expected);
        let entry = format!(r#"{{"datetime":1689108090000,"logContent":{EVENT}}}"#);
        assert_eq!(cells(&entry), expected);
    }

    #[test]
    fn interval_without_traffic_has_its_status() {
        let event = r#"{"data":{"endTime":1689108150,"startTime":1689108090,"status":"NODATA","version":"2"},
            "oracle":{"vnicocid":"ocid1.vnic.a"},"type":"com.oraclecloud.vcn.flowlogs.QualityEvent.NoData"}"#;
        assert_eq!(
            cells(event),
            "- ocid1.vnic.a - - - - - - - 1689108090 1689108150 - NODATA - -"
        );
    }

    #[test]
    fn event_of_another_service_is_not_a_flow() {
        for text in [
            EVENT.replace("vcn.flowlogs", "networkfirewall.traffic"),
            EVENT.replace("\"data\"", "\"date\""),
            EVENT.replace("\"type\"", "\"kind\""),
        ] {
            assert!(!is_event(&Json::parse(text.as_bytes()).unwrap()), "{text}");
        }
    }
}
