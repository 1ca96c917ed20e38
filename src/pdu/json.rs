//! Events as JSON, with the names that AWS gives their fields.

use std::fmt::Display;
use std::net::SocketAddr;

use super::tags::{PduEnd, PduTags};
use super::{EventFrame, FRAME_LEN_MAX};
use crate::event::alb_connection::AlbConnection;
use crate::event::clb::ClbRequest;
use crate::event::cloudtrail::ApiCall;
use crate::event::firewall::FirewallAlert;
use crate::event::lattice::LatticeRequest;
use crate::event::nlb::NlbConnection;
use crate::event::waf::WafRequest;
use crate::event::{Event, EventDetail};
use crate::joining::path_without_query;
use crate::time::rfc3339;

/// The most bytes of the parameters or the response of a call; one frame has both.
const PART_LEN_MAX: usize = FRAME_LEN_MAX / 3;

/// Characters of a text from a log.
const TEXT_CHARS: usize = 1_024;

/// The most levels of a value: Wireshark gives up on deep trees.
const DEPTH_MAX: usize = 48;

/// Returns the frame of an event; none for DNS queries and requests that are HTTP messages.
pub(super) fn of_event(event: &Event<'_>) -> Vec<EventFrame> {
    let at_ns = event.instant_ns;
    let time = rfc3339(at_ns);
    let bytes = match &event.detail {
        EventDetail::ApiCall(call) => of_call(call, &time),
        EventDetail::Lattice(request) => of_lattice(request, &time),
        EventDetail::Alert(alert) => of_alert(alert, &time),
        EventDetail::Waf(request) => of_waf(request, event.instant_ns),
        EventDetail::Nlb(connection) => of_nlb(connection, &time),
        EventDetail::AlbConnection(connection) => of_connection(connection, &time),
        EventDetail::Clb(request) => of_listener(request, &time),
        EventDetail::Alb(_) | EventDetail::DnsQuery(_) => return Vec::new(),
    };
    vec![EventFrame { at_ns, bytes }]
}

/// An object that is written member by member.
#[derive(Default)]
struct JsonText(String);

impl JsonText {
    /// Adds a text, if there is one.
    fn text(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        if let Some(text) = text {
            let cut: String = text.chars().take(TEXT_CHARS).collect();
            self.raw(name, &serde_json::Value::String(cut).to_string());
        }
        self
    }

    /// Adds a number or a truth value, if there is one.
    fn value(&mut self, name: &str, value: Option<impl Display>) -> &mut Self {
        if let Some(value) = value {
            self.raw(name, &value.to_string());
        }
        self
    }

    /// Adds a socket.
    fn socket(&mut self, name: &str, socket: Option<SocketAddr>) -> &mut Self {
        let text = socket.map(|socket| socket.to_string());
        self.text(name, text.as_deref())
    }

    /// Adds nanoseconds as seconds.
    fn seconds(&mut self, name: &str, ns: Option<u64>) -> &mut Self {
        let text = ns.map(|ns| format!("{}.{:06}", ns / 1_000_000_000, ns / 1_000 % 1_000_000));
        self.value(name, text)
    }

    /// Adds nanoseconds as milliseconds.
    fn millis(&mut self, name: &str, ns: Option<u64>) -> &mut Self {
        self.value(name, ns.map(|ns| ns / 1_000_000))
    }

    /// Adds JSON as it is in a log; a note in its place if Wireshark could not show it.
    fn json(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        let Some(text) = text else { return self };
        if text.len() <= PART_LEN_MAX && depth(text) <= DEPTH_MAX {
            self.raw(name, text);
            return self;
        }
        let note = format!("left out: {} bytes", text.len());
        self.text(name, Some(&note))
    }

    fn raw(&mut self, name: &str, value: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0 += &format!("\"{name}\":{value}");
    }

    fn complete(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }
}

/// Returns how deep a JSON value is nested, at least: braces in strings count too.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn of_call(call: &ApiCall<'_>, time: &str) -> Vec<u8> {
    let mut identity = JsonText::default();
    identity
        .text("type", call.actor.kind.as_deref())
        .text("arn", call.actor.arn.as_deref())
        .text("accountId", call.actor.account.as_deref())
        .text("userName", call.actor.user.as_deref())
        .text("invokedBy", call.actor.invoked_by.as_deref());
    let mut json = JsonText::default();
    json.text("eventTime", Some(time))
        .text("eventSource", Some(&call.source))
        .text("eventName", Some(&call.name))
        .text("awsRegion", call.region.as_deref())
        .text("sourceIPAddress", call.source_ip.as_deref())
        .text("userAgent", call.user_agent.as_deref())
        .json("userIdentity", Some(&identity.complete()))
        .text("errorCode", call.error_code.as_deref())
        .text("errorMessage", call.error_message.as_deref())
        .value("readOnly", call.read_only)
        .json("requestParameters", call.request)
        .json("responseElements", call.response)
        .text("eventID", call.event_id.as_deref())
        .text("recipientAccountId", call.account.as_deref());
    let by = call.actor.name().unwrap_or_default();
    let tags = PduTags::of("json").columns("CloudTrail", &format!("{} by {by}", call.name));
    let tags = match call.source_address() {
        Some(address) => tags.address(PduEnd::Source, address),
        None => tags,
    };
    tags.with(json.complete().as_bytes())
}

fn of_lattice(request: &LatticeRequest<'_>, time: &str) -> Vec<u8> {
    let path = request.path.as_deref().map(path_without_query);
    let mut json = JsonText::default();
    json.text("startTime", Some(time))
        .socket("sourceIpPort", request.source)
        .socket("targetIpPort", request.target)
        .text("requestMethod", request.method.as_deref())
        .text("requestPath", path.as_deref())
        .value("responseCode", request.status)
        .millis("duration", request.duration_ns)
        .millis("requestToTargetDuration", request.to_target_ns)
        .millis("responseFromTargetDuration", request.target_response_ns)
        .value("bytesReceived", request.received_bytes)
        .value("bytesSent", request.sent_bytes)
        .text("serviceArn", request.service_arn.as_deref())
        .text("targetGroupArn", request.target_group_arn.as_deref())
        .text("failureReason", request.failure_reason.as_deref())
        .text("authDeniedReason", request.denied_reason.as_deref());
    let status = request
        .status
        .map_or_else(|| "-".to_owned(), |status| status.to_string());
    let method = request.method.as_deref().unwrap_or("-");
    let info = format!("{status} {method} {}", path.as_deref().unwrap_or("-"));
    let tags = PduTags::of("json").columns("Lattice", &info);
    ends(tags, request.source, request.target).with(json.complete().as_bytes())
}

fn of_waf(request: &WafRequest<'_>, at_ns: i64) -> Vec<u8> {
    let uri = request.uri.as_deref().map(path_without_query);
    let client = request.client.map(|client| client.to_string());
    let mut http = JsonText::default();
    http.text("clientIp", client.as_deref())
        .text("country", request.country.as_deref())
        .text("host", request.host.as_deref())
        .text("uri", uri.as_deref())
        .text("httpVersion", request.version.as_deref())
        .text("httpMethod", request.method.as_deref())
        .text("requestId", request.request_id.as_deref());
    let mut json = JsonText::default();
    json.value("timestamp", Some(at_ns / 1_000_000))
        .text("webaclId", request.acl.as_deref())
        .text("terminatingRuleId", request.rule.as_deref())
        .text("terminatingRuleType", request.rule_type.as_deref())
        .text("action", request.action.as_deref())
        .text("httpSourceName", request.source_name.as_deref())
        .text("httpSourceId", request.source_id.as_deref())
        .value("responseCodeSent", request.status)
        .json("httpRequest", Some(&http.complete()));
    let [action, method] = [&request.action, &request.method].map(|text| text.as_deref());
    let info = [action, method, uri.as_deref()].map(|text| text.unwrap_or("-"));
    let tags = PduTags::of("json").columns("WAF", &info.join(" "));
    let tags = match request.client {
        Some(client) => tags.address(PduEnd::Source, client),
        None => tags,
    };
    tags.with(json.complete().as_bytes())
}

fn of_alert(alert: &FirewallAlert<'_>, time: &str) -> Vec<u8> {
    let mut rule = JsonText::default();
    rule.value("signature_id", alert.signature_id)
        .text("signature", alert.signature.as_deref());
    let mut verdict = JsonText::default();
    verdict.text("action", alert.verdict.as_deref());
    let [source, destination] =
        [alert.source, alert.destination].map(|address| address.map(|a| a.to_string()));
    let mut event = JsonText::default();
    event
        .text("timestamp", Some(time))
        .text("event_type", Some("alert"))
        .value("flow_id", alert.flow_id)
        .text("src_ip", source.as_deref())
        .value("src_port", alert.source_port)
        .text("dest_ip", destination.as_deref())
        .value("dest_port", alert.destination_port)
        .text("proto", alert.protocol.as_deref())
        .text("app_proto", alert.application.as_deref())
        .text("hostname", alert.host.as_deref())
        .json("alert", Some(&rule.complete()))
        .json("verdict", Some(&verdict.complete()));
    let mut json = JsonText::default();
    json.text("firewall_name", alert.firewall.as_deref())
        .text("availability_zone", alert.zone.as_deref())
        .json("event", Some(&event.complete()));
    let text = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().unwrap_or("-").to_owned();
    let info = format!("{} {}", text(&alert.verdict), text(&alert.signature));
    let tags = PduTags::of("json").columns("Firewall", &info);
    let source = alert.source.zip(alert.source_port).map(SocketAddr::from);
    let destination = alert
        .destination
        .zip(alert.destination_port)
        .map(SocketAddr::from);
    ends(tags, source, destination).with(json.complete().as_bytes())
}

fn of_nlb(connection: &NlbConnection<'_>, time: &str) -> Vec<u8> {
    let mut json = JsonText::default();
    json.text("time", Some(time))
        .text("elb", Some(connection.balancer))
        .text("listener", connection.listener)
        .socket("client:port", connection.client)
        .socket("destination:port", connection.destination)
        .millis("connection_time", connection.connection_ns)
        .millis("tls_handshake_time", connection.handshake_ns)
        .value("received_bytes", connection.received_bytes)
        .value("sent_bytes", connection.sent_bytes)
        .text("incoming_tls_alert", connection.alert)
        .text("chosen_cert_arn", connection.chosen_cert_arn)
        .text("tls_cipher", connection.tls_cipher)
        .text("tls_protocol_version", connection.tls_protocol)
        .text("domain_name", connection.domain_name)
        .text("alpn_fe_protocol", connection.alpn_front)
        .text("alpn_be_protocol", connection.alpn_back);
    let info = format!("TLS connection {}", connection.domain_name.unwrap_or("-"));
    let tags = PduTags::of("json").columns("NLB", &info);
    ends(tags, connection.client, connection.destination).with(json.complete().as_bytes())
}

fn of_connection(connection: &AlbConnection<'_>, time: &str) -> Vec<u8> {
    let client = connection.client.map(|client| client.to_string());
    let mut json = JsonText::default();
    json.text("timestamp", Some(time))
        .text("client_ip", client.as_deref())
        .value("client_port", connection.client_port)
        .value("listener_port", connection.listener_port)
        .text("tls_protocol", connection.tls_protocol)
        .text("tls_cipher", connection.tls_cipher)
        .seconds("tls_handshake_latency", connection.handshake_ns)
        .text("leaf_client_cert_subject", connection.client_cert_subject)
        .text("leaf_client_cert_validity", connection.client_cert_validity)
        .text(
            "leaf_client_cert_serial_number",
            connection.client_cert_serial,
        )
        .text("tls_verify_status", connection.verify_status)
        .text("conn_trace_id", connection.conn_trace_id);
    let info = format!("connection {}", connection.verify_status.unwrap_or("-"));
    let tags = PduTags::of("json").columns("ALB", &info);
    let client = connection
        .client
        .zip(connection.client_port)
        .map(SocketAddr::from);
    let node = connection
        .node
        .zip(connection.listener_port)
        .map(SocketAddr::from);
    ends(tags, client, node).with(json.complete().as_bytes())
}

/// A connection of a TCP listener, which has no request.
fn of_listener(request: &ClbRequest<'_>, time: &str) -> Vec<u8> {
    let mut json = JsonText::default();
    json.text("time", Some(time))
        .text("elb", Some(request.balancer))
        .socket("client:port", request.client)
        .socket("backend:port", request.backend)
        .seconds("request_processing_time", request.request_processing_ns)
        .seconds("backend_processing_time", request.backend_processing_ns)
        .seconds("response_processing_time", request.response_processing_ns)
        .value("received_bytes", request.received_bytes)
        .value("sent_bytes", request.sent_bytes)
        .text("ssl_cipher", request.ssl_cipher)
        .text("ssl_protocol", request.ssl_protocol);
    let tags = PduTags::of("json").columns("CLB", "connection");
    ends(tags, request.client, request.backend).with(json.complete().as_bytes())
}

/// Adds the ends that are known. Ports have no tags unless both ends are.
fn ends(tags: PduTags, source: Option<SocketAddr>, destination: Option<SocketAddr>) -> PduTags {
    match (source, destination) {
        (Some(source), Some(destination)) => tags.tcp(source, destination),
        (Some(source), None) => tags.address(PduEnd::Source, source.ip()),
        (None, Some(destination)) => tags.address(PduEnd::Destination, destination.ip()),
        (None, None) => tags,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventKind, for_each_in_json, for_each_in_line};
    use serde_json::Value;

    /// The JSON in the frame of an event.
    fn json_of(frames: &[EventFrame]) -> Value {
        let bytes = &frames[0].bytes;
        let end = bytes
            .windows(5)
            .position(|five| five == b"\0\0\0\0{")
            .unwrap();
        serde_json::from_slice(&bytes[end + 4..]).unwrap()
    }

    fn call(parameters: &str) -> Value {
        let text = format!(
            r#"{{"eventTime":"2026-03-14T02:15:04Z","eventSource":"ec2.amazonaws.com","eventName":"RevokeSecurityGroupIngress","sourceIPAddress":"198.51.100.7","userIdentity":{{"type":"IAMUser","userName":"a\"b"}},"requestParameters":{parameters},"eventID":"1"}}"#
        );
        let mut frames = Vec::new();
        for_each_in_json(&text, None, &mut |_, event, _| {
            frames = of_event(&event.unwrap())
        });
        json_of(&frames)
    }

    #[test]
    fn call_keeps_its_parameters() {
        let json = call(r#"{"groupId":"sg-0a1b","n":1.50}"#);
        assert_eq!(json["requestParameters"]["groupId"], "sg-0a1b");
        assert_eq!(json["userIdentity"]["userName"], "a\"b");
        assert_eq!(json["eventTime"], "2026-03-14T02:15:04Z");
    }

    #[test]
    fn parameters_that_are_too_long_or_too_deep_are_named() {
        let long = format!("[\"{}\"]", "x".repeat(FRAME_LEN_MAX));
        assert_eq!(call(&long)["requestParameters"], "left out: 65540 bytes");
        let deep = "[".repeat(60) + &"]".repeat(60);
        assert_eq!(call(&deep)["requestParameters"], "left out: 120 bytes");
    }

    #[test]
    fn lines_of_load_balancers_are_json_of_their_fields() {
        let of = |line: &str| {
            let mut frames = Vec::new();
            for_each_in_line(EventKind::AlbAccess, line, None, &mut |_, event, _| {
                frames = of_event(&event.unwrap());
            });
            json_of(&frames)
        };
        let nlb = of(
            "tls 2.0 2026-03-14T02:15:40 net/web/1 g 203.0.113.9:51341 10.0.1.5:443 5000 2 29 24 - arn:x - - tlsv12 - a.test - - -",
        );
        assert_eq!(
            (&nlb["connection_time"], &nlb["domain_name"]),
            (&5000.into(), &"a.test".into())
        );
        let connection = of(
            r#"2026-03-14T02:15:03.562461Z 203.0.113.9 2817 443 TLSv1.3 x 0.012 "-" - - - TID_1"#,
        );
        assert_eq!(connection["tls_handshake_latency"], 0.012);
        let listener = of(
            r#"2026-03-14T02:15:04.945958Z web 203.0.113.9:2817 10.0.1.5:80 0.000069 0.000028 0.000041 - - 82 305 "- - - " "-" - -"#,
        );
        assert_eq!(listener["backend:port"], "10.0.1.5:80");
    }
}
