//! Finds out whether a JSON object is part of a log that is not a flow log.

use super::json::Json;
use super::{network_firewall, ocsf};
use crate::record::Foreign;

/// Returns the kind of log that an object belongs to, if it is known and not a flow log. The names
/// that show it are in the object itself or one level below.
pub(super) fn kind_of(value: &Json<'_>) -> Option<Foreign> {
    if is_rewritten_firewall(value) {
        return Some(Foreign::NetworkFirewall);
    }
    if ocsf::is_event(value) {
        return None;
    }
    let own = Foreign::of_names(|name| value.get(name).is_some());
    own.or_else(|| of_gcp(value)).or_else(|| {
        let members = value.members().unwrap_or_default().iter();
        let mut below = members.filter_map(|(_, member)| match member {
            Json::Object(_) if network_firewall::is_flow(member) => None,
            Json::Object(_) => Some(member),
            Json::Array(elements) if elements.iter().any(network_firewall::is_flow) => None,
            Json::Array(elements) => elements.first(),
            _ => None,
        });
        below.find_map(|inner| Foreign::of_names(|name| inner.get(name).is_some()))
    })
}

/// Whether this is an event of AWS Network Firewall that a tool rewrote in the Elastic Common Schema
/// or in OCSF.
///
/// Both keep the hexadecimal `tcp_flags` as they are, so an event read as a VPC flow log would get
/// wrong flags. An event with its original text is read from that.
fn is_rewritten_firewall(value: &Json<'_>) -> bool {
    let is_product = |path: &[&str]| {
        let name = value.at(path).and_then(Json::text);
        name.is_some_and(|name| name.contains("Network Firewall"))
    };
    let members = value.members().unwrap_or_default();
    let is_dotted = || members.iter().any(|(n, _)| n.starts_with("aws.firewall."));
    if ocsf::is_event(value) {
        return is_product(&["metadata", "product", "name"]);
    }
    let is_ecs = value.at(&["aws", "firewall"]).is_some() || is_dotted();
    let has_original = value.at(&["event", "original"]).is_some();
    (is_ecs || is_product(&["observer", "product"])) && !has_original
}

/// Returns the kind of an entry of Cloud Logging that has the name of its log.
fn of_gcp(entry: &Json<'_>) -> Option<Foreign> {
    entry.get("jsonPayload")?;
    let name = entry.get("logName").and_then(Json::text)?;
    let kinds = [
        ("%2Ffirewall", Foreign::GcpFirewall),
        ("%2Fnat_flows", Foreign::GcpNat),
    ];
    let kind = kinds.iter().find(|(end, _)| name.ends_with(end));
    kind.map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<Foreign>) {
        let value = Json::parse(text.as_bytes()).unwrap();
        assert_eq!(kind_of(&value), expected, "{text}");
    }

    #[test]
    fn firewall_rule_entry_is_not_a_flow() {
        let connection = r#""connection":{"src_ip":"10.9.0.1","dest_ip":"10.9.0.2"}"#;
        let name = r#""logName":"projects/p/logs/compute.googleapis.com%2Ffirewall""#;
        let kind = Some(Foreign::GcpFirewall);
        check(
            &format!(r#"{{{name},"jsonPayload":{{{connection}}}}}"#),
            kind,
        );
        check(
            &format!(r#"{{"jsonPayload":{{{connection},"rule_details":{{}}}}}}"#),
            kind,
        );
        check(
            &format!(r#"{{"jsonPayload":{{{connection},"reporter":"SRC"}}}}"#),
            None,
        );
    }

    #[test]
    fn rewritten_event_of_a_firewall_is_not_a_flow() {
        let kind = Some(Foreign::NetworkFirewall);
        let ends = r#""source":{"ip":"10.9.0.1"},"destination":{"ip":"10.9.0.2"}"#;
        check(
            &format!(r#"{{{ends},"aws":{{"firewall":{{"tcp_flags":"17"}}}}}}"#),
            kind,
        );
        check(
            &format!(r#"{{{ends},"aws.firewall.tcp_flags":"17"}}"#),
            kind,
        );
        check(
            &format!(r#"{{{ends},"observer":{{"product":"Network Firewall"}}}}"#),
            kind,
        );
        check(
            r#"{"class_uid":4001,"metadata":{"product":{"name":"AWS Network Firewall"}}}"#,
            kind,
        );
        check(
            r#"{"class_uid":4001,"metadata":{"product":{"name":"Amazon VPC"}}}"#,
            None,
        );
        check(
            &format!(r#"{{{ends},"aws":{{"vpcflow":{{"tcp_flags":"2"}}}}}}"#),
            None,
        );
        check(
            &format!(r#"{{{ends},"aws":{{"firewall":{{}}}},"event":{{"original":"{{}}"}}}}"#),
            None,
        );
    }

    #[test]
    fn names_may_be_one_level_below() {
        check(
            r#"{"detail-type":"x","detail":{"schemaVersion":"2.0","service":{}}}"#,
            Some(Foreign::GuardDuty),
        );
        check(
            r#"{"Findings":[{"SchemaVersion":"2.0","Service":{}}]}"#,
            Some(Foreign::GuardDuty),
        );
    }

    #[test]
    fn document_around_a_flow_of_a_firewall_is_not_another_log() {
        let event = |kind: &str| {
            format!(
                r#"{{"firewall_name":"f","event_timestamp":"1","event":{{"event_type":"{kind}","netflow":{{}}}}}}"#
            )
        };
        let (flow, alert) = (event("netflow"), event("alert"));
        let kind = Some(Foreign::NetworkFirewall);
        check(&format!(r#"{{"_source":{flow}}}"#), None);
        check(&format!(r#"{{"_source":{alert}}}"#), kind);
        check(&format!(r#"{{"hits":[{alert},{flow}]}}"#), None);
        check(&format!(r#"{{"hits":[{alert}]}}"#), kind);
    }

    #[test]
    fn wrappers_of_flow_logs_are_not_other_logs() {
        check(
            r#"{"kinesis":{"data":"x"},"eventSource":"aws:kinesis","eventName":"aws:kinesis:record","eventID":"1"}"#,
            None,
        );
        check(
            r#"{"messageType":"DATA_MESSAGE","logEvents":[{"id":"1","timestamp":1,"message":"2"}]}"#,
            None,
        );
    }
}
