//! Alert logs of AWS Network Firewall: alerts of Suricata in an envelope of AWS.
//!
//! <https://docs.aws.amazon.com/network-firewall/latest/developerguide/firewall-logging-contents.html>
//!
//! Flows of the same firewall are flow log records and not read here. The time of an alert is that of
//! its packet. `verdict.action` says what became of the packet; `alert.action` does not.

use std::borrow::Cow;
use std::net::IpAddr;

use super::fault::EventFault;
use super::members::ObjectMembers;
use super::value;
use super::{Event, EventDetail};

/// An alert of AWS Network Firewall. `None` is what is not in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct FirewallAlert<'a> {
    /// The firewall.
    pub firewall: Option<Cow<'a, str>>,
    /// Its Availability Zone.
    pub zone: Option<Cow<'a, str>>,
    /// The number of the flow, which its flow records have too.
    pub flow_id: Option<u64>,
    /// Who sent the packet.
    pub source: Option<IpAddr>,
    /// Its port; 0 without ports.
    pub source_port: Option<u16>,
    /// Who should receive it.
    pub destination: Option<IpAddr>,
    /// Its port.
    pub destination_port: Option<u16>,
    /// The protocol, such as `TCP`.
    pub protocol: Option<Cow<'a, str>>,
    /// The protocol of the application, such as `tls`.
    pub application: Option<Cow<'a, str>>,
    /// What the firewall did: `pass` or `drop`.
    pub verdict: Option<Cow<'a, str>>,
    /// The number of the rule.
    pub signature_id: Option<u64>,
    /// Its message.
    pub signature: Option<Cow<'a, str>>,
    /// The server name of a TLS handshake, or the host of an HTTP request.
    pub host: Option<Cow<'a, str>>,
}

/// Whether an object of the firewall is an alert, and not a flow or the report of a TLS handshake.
pub(super) fn is_alert(members: &ObjectMembers<'_>) -> bool {
    let event = members.object("event").unwrap_or_default();
    event.text("event_type").as_deref() == Some("alert")
}

/// Parses the members of an alert in its envelope.
pub(super) fn event<'a>(members: &ObjectMembers<'a>) -> Result<Event<'a>, EventFault> {
    let event = members.object("event").unwrap_or_default();
    let time = event.text("timestamp").unwrap_or_default();
    let (instant_ns, precision) = value::time("event.timestamp", &time)?;
    let alert = event.object("alert").unwrap_or_default();
    let verdict = event.object("verdict").unwrap_or_default();
    let server_name = event.object("tls").and_then(|tls| tls.text("sni"));
    let http_host = || event.object("http").and_then(|http| http.text("hostname"));
    let alert = FirewallAlert {
        firewall: members.text("firewall_name"),
        zone: members.text("availability_zone"),
        flow_id: event.number("flow_id"),
        source: event.number("src_ip"),
        source_port: event.number("src_port"),
        destination: event.number("dest_ip"),
        destination_port: event.number("dest_port"),
        protocol: event.text("proto"),
        application: event.text("app_proto"),
        verdict: verdict.text("action"),
        signature_id: alert.number("signature_id"),
        signature: alert.text("signature"),
        host: server_name.or_else(http_host),
    };
    Ok(Event {
        instant_ns,
        precision,
        detail: EventDetail::Alert(alert),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(kind: &str) -> String {
        format!(
            r#"{{"firewall_name":"fw","availability_zone":"eu-west-1b","event_timestamp":"1738555506",
            "event":{{"timestamp":"2025-02-03T04:05:06.000001+0000","flow_id":16402963969408,
            "event_type":"{kind}","src_ip":"10.8.0.2","src_port":50211,"dest_ip":"198.51.100.9",
            "dest_port":443,"proto":"TCP","alert":{{"action":"blocked","signature_id":3,
            "signature":"aws:alert_established action"}},"verdict":{{"action":"drop"}},
            "tls":{{"sni":"a.test","sni":"b.test"}}}}}}"#
        )
    }

    #[test]
    fn alert_has_its_verdict_and_microseconds() {
        let text = alert("alert");
        let event = event(&ObjectMembers::of(&text).unwrap()).unwrap();
        assert_eq!(event.instant_ns, 1_738_555_506_000_001_000);
        let EventDetail::Alert(alert) = event.detail else {
            panic!("{event:?}");
        };
        assert_eq!(alert.verdict.as_deref(), Some("drop"));
        assert_eq!(alert.flow_id, Some(16_402_963_969_408));
        assert_eq!(
            (alert.source_port, alert.destination_port),
            (Some(50_211), Some(443))
        );
        assert_eq!(alert.host.as_deref(), Some("a.test"));
    }

    #[test]
    fn flow_and_handshake_are_not_alerts() {
        assert!(is_alert(&ObjectMembers::of(&alert("alert")).unwrap()));
        assert!(!is_alert(&ObjectMembers::of(&alert("netflow")).unwrap()));
        assert!(!is_alert(&ObjectMembers::of(&alert("tls")).unwrap()));
    }
}
