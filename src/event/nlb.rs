//! Access logs of Network Load Balancers: one line for each TLS connection.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-access-logs.html>
//!
//! Each line is one TCP connection, with the bytes in both directions after decryption. The time is
//! its end, in whole seconds of UTC without a zone. Lines have 21 fields, or 22 with the time at which
//! the connection began.

use std::net::SocketAddr;

use super::fault::EventFault;
use super::token::Tokens;
use super::value;
use super::{Event, EventDetail};

/// A TLS connection through a Network Load Balancer. `None` is what was not recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NlbConnection<'a> {
    /// The load balancer: `net/NAME/ID`.
    pub balancer: &'a str,
    /// The identifier of the listener.
    pub listener: Option<&'a str>,
    /// The client.
    pub client: Option<SocketAddr>,
    /// The address and port that the log calls the destination: those of the listener.
    pub destination: Option<SocketAddr>,
    /// From its start to its end, nanoseconds; 0 if the handshake failed.
    pub connection_ns: Option<u64>,
    /// The time that the TLS handshake took, nanoseconds; `None` if it failed.
    pub handshake_ns: Option<u64>,
    /// Bytes from the client, decrypted.
    pub received_bytes: Option<u64>,
    /// Bytes to the client, before encryption.
    pub sent_bytes: Option<u64>,
    /// The TLS alert that the load balancer received.
    pub alert: Option<&'a str>,
    /// The ARN of the certificate.
    pub chosen_cert_arn: Option<&'a str>,
    /// The cipher.
    pub tls_cipher: Option<&'a str>,
    /// The version of TLS, such as `tlsv12`.
    pub tls_protocol: Option<&'a str>,
    /// The domain name of the handshake.
    pub domain_name: Option<&'a str>,
    /// The protocol agreed on with the client by ALPN.
    pub alpn_front: Option<&'a str>,
    /// The protocol agreed on with the target.
    pub alpn_back: Option<&'a str>,
    /// The protocols that the client offered, quoted and separated by commas; the outermost quotes
    /// are missing.
    pub alpn_client: Option<&'a str>,
    /// When the connection began, in nanoseconds since the Unix epoch, in whole seconds.
    pub creation_ns: Option<i64>,
}

/// The names of the fields in order, as JSON has them.
pub(super) const NAMES: &[&str] = &[
    "type",
    "version",
    "time",
    "elb",
    "listener",
    "client:port",
    "destination:port",
    "connection_time",
    "tls_handshake_time",
    "received_bytes",
    "sent_bytes",
    "incoming_tls_alert",
    "chosen_cert_arn",
    "chosen_cert_serial",
    "tls_cipher",
    "tls_protocol_version",
    "tls_named_group",
    "domain_name",
    "alpn_fe_protocol",
    "alpn_be_protocol",
    "alpn_client_preference_list",
    "tls_connection_creation_time",
];

const FIELDS_MIN: usize = 12;

/// Parses the fields of a line.
pub(super) fn event<'a>(tokens: &Tokens<'a>) -> Result<Event<'a>, EventFault> {
    if tokens.count() < FIELDS_MIN {
        return Err(EventFault::too_short(tokens.count(), FIELDS_MIN));
    }
    let (instant_ns, precision) = value::time("time", tokens.raw(2))?;
    let millis = |index: usize| value::millis_ns(NAMES[index], tokens.raw(index));
    let bytes = |index: usize| value::number(NAMES[index], tokens.raw(index));
    let creation = value::instant(tokens.raw(21));
    let connection = NlbConnection {
        balancer: tokens.raw(3),
        listener: tokens.get(4),
        client: value::socket(tokens.raw(5)),
        destination: value::socket(tokens.raw(6)),
        connection_ns: millis(7)?,
        handshake_ns: millis(8)?,
        received_bytes: bytes(9)?,
        sent_bytes: bytes(10)?,
        alert: tokens.get(11),
        chosen_cert_arn: tokens.get(12),
        tls_cipher: tokens.get(14),
        tls_protocol: tokens.get(15),
        domain_name: tokens.get(17),
        alpn_front: tokens.get(18),
        alpn_back: tokens.get(19),
        alpn_client: tokens.get(20),
        creation_ns: creation.map(|(ns, _)| ns),
    };
    Ok(Event {
        instant_ns,
        precision,
        detail: EventDetail::Nlb(connection),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Precision;

    fn parse(line: &str) -> (Event<'_>, NlbConnection<'_>) {
        let event = event(&Tokens::of(line).unwrap()).unwrap();
        match event.detail {
            EventDetail::Nlb(connection) => (event, connection),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn connection_has_its_bytes_and_both_times() {
        let (event, connection) = parse(concat!(
            "tls 2.0 2026-03-14T02:15:40 net/web/c6e77e28c25b2234 g3d4b5e8bb8464cd 203.0.113.9:51341 ",
            "10.0.1.5:443 5000 2 29 2433 - arn:aws:acm:x - ECDHE-RSA-AES128-SHA tlsv12 - ",
            r#"web.example.com h2 - "h2","http/1.1" 2026-03-14T02:15:35"#,
        ));
        assert_eq!(event.precision, Precision::Second);
        assert_eq!(connection.connection_ns, Some(5_000_000_000));
        assert_eq!(connection.handshake_ns, Some(2_000_000));
        assert_eq!(
            (connection.received_bytes, connection.sent_bytes),
            (Some(29), Some(2_433))
        );
        assert_eq!(connection.alpn_client, Some(r#"h2","http/1.1"#));
        assert_eq!(
            event.instant_ns - connection.creation_ns.unwrap(),
            5_000_000_000
        );
    }

    #[test]
    fn failed_handshake_has_no_time_of_it() {
        let (_, connection) = parse(concat!(
            "tls 2.0 2026-03-14T02:15:40 net/web/1 g 203.0.113.9:51341 10.0.1.5:443 0 - 0 0 - - - - - - - ",
            "- - -",
        ));
        assert_eq!(
            (connection.connection_ns, connection.handshake_ns),
            (Some(0), None)
        );
        assert_eq!(
            (connection.tls_cipher, connection.creation_ns),
            (None, None)
        );
    }
}
