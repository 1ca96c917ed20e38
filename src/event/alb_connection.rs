//! Connection logs of Application Load Balancers: one line for each connection of a client.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-connection-logs.html>
//!
//! The time is when the connection was established, with its TLS handshake, or when it failed. Lines
//! have 11 fields, or 12 with the identifier that access log lines have as `conn_trace_id`.

use std::net::IpAddr;

use super::fault::EventFault;
use super::file_name::BalancerFile;
use super::token::Tokens;
use super::value;
use super::{Event, EventDetail};

/// A connection of a client to an Application Load Balancer. `None` is what was not recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlbConnection<'a> {
    /// The client.
    pub client: Option<IpAddr>,
    /// Its port.
    pub client_port: Option<u16>,
    /// The port of the listener.
    pub listener_port: Option<u16>,
    /// The version of TLS; `None` for plain HTTP.
    pub tls_protocol: Option<&'a str>,
    /// The cipher.
    pub tls_cipher: Option<&'a str>,
    /// The time that the handshake took, nanoseconds.
    pub handshake_ns: Option<u64>,
    /// The subject of the client's certificate.
    pub client_cert_subject: Option<&'a str>,
    /// When that certificate is valid.
    pub client_cert_validity: Option<&'a str>,
    /// Its serial number.
    pub client_cert_serial: Option<&'a str>,
    /// `Success`, or `Failed:` and the reason.
    pub verify_status: Option<&'a str>,
    /// The identifier of the connection.
    pub conn_trace_id: Option<&'a str>,
    /// The address of the load balancer's node, from the name of the file.
    pub node: Option<IpAddr>,
}

/// The names of the fields in order, as JSON has them.
pub(super) const NAMES: &[&str] = &[
    "timestamp",
    "client_ip",
    "client_port",
    "listener_port",
    "tls_protocol",
    "tls_cipher",
    "tls_handshake_latency",
    "leaf_client_cert_subject",
    "leaf_client_cert_validity",
    "leaf_client_cert_serial_number",
    "tls_verify_status",
    "conn_trace_id",
];

const FIELDS_MIN: usize = 11;

/// Parses the fields of a line.
pub(super) fn event<'a>(
    tokens: &Tokens<'a>,
    file: Option<&BalancerFile<'_>>,
) -> Result<Event<'a>, EventFault> {
    if tokens.count() < FIELDS_MIN {
        return Err(EventFault::too_short(tokens.count(), FIELDS_MIN));
    }
    let (instant_ns, precision) = value::time("timestamp", tokens.raw(0))?;
    let port = |index: usize| tokens.raw(index).parse().ok();
    let connection = AlbConnection {
        client: value::address(tokens.raw(1)),
        client_port: port(2),
        listener_port: port(3),
        tls_protocol: tokens.get(4),
        tls_cipher: tokens.get(5),
        handshake_ns: value::duration_ns("tls_handshake_latency", tokens.raw(6))?,
        client_cert_subject: tokens.get(7),
        client_cert_validity: tokens.get(8),
        client_cert_serial: tokens.get(9),
        verify_status: tokens.get(10),
        conn_trace_id: tokens.get(11),
        node: file.and_then(|file| file.node),
    };
    Ok(Event {
        instant_ns,
        precision,
        detail: EventDetail::AlbConnection(connection),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> AlbConnection<'_> {
        match event(&Tokens::of(line).unwrap(), None).unwrap().detail {
            EventDetail::AlbConnection(connection) => connection,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn connection_with_tls_has_the_time_of_its_handshake() {
        let connection = parse(concat!(
            "2026-03-14T02:15:04.562461Z 203.0.113.9 36280 443 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 4.036 ",
            r#""CN=a.example.com,O=Example" NotBefore=2025-09-12T18:34:00Z;NotAfter=2027-10-02T18:34:00Z "#,
            "FEF257372D5C14D4 Success TID_3180a73013c8ca4bac2f731159d4b0fe",
        ));
        assert_eq!(connection.handshake_ns, Some(4_036_000_000));
        assert_eq!(connection.client_port, Some(36_280));
        assert_eq!(connection.listener_port, Some(443));
        assert_eq!(
            connection.client_cert_subject,
            Some("CN=a.example.com,O=Example")
        );
        assert_eq!(connection.verify_status, Some("Success"));
        assert_eq!(
            connection.conn_trace_id,
            Some("TID_3180a73013c8ca4bac2f731159d4b0fe")
        );
    }

    #[test]
    fn connection_without_tls_has_no_values_of_it() {
        let line = r#"2026-03-14T02:15:04.562461Z 203.0.113.9 58206 80 - - - "-" - - -"#;
        let connection = parse(line);
        assert_eq!(
            (connection.tls_protocol, connection.handshake_ns),
            (None, None)
        );
        assert_eq!(connection.conn_trace_id, None);
    }
}
