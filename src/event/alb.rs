//! Access logs of Application Load Balancers: one line for each request.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html>
//!
//! The format has grown from 16 fields to 34 and grows on, so every field after the byte counts is
//! optional. `time` is when the response was sent, or when a WebSocket was closed, and
//! `request_creation_time` is when the request came or the WebSocket was opened. `-1` as a processing
//! time means that it was not recorded. It does not mean that no target was chosen.
//!
//! Field 34, the address of the load balancer's node, is not documented yet and is used only if it is
//! an address. Otherwise the node's address is that in the name of the file, which is the public one
//! of an internet-facing load balancer.

use std::net::{IpAddr, SocketAddr};

use super::fault::EventFault;
use super::file_name::BalancerFile;
use super::token::Tokens;
use super::value::{self, Precision};
use super::{Event, EventDetail};

/// A request to an Application Load Balancer. Texts are as logged, with their escapes: see
/// [`decoded`](super::decoded). `None` is what was not recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlbRequest<'a> {
    /// `http`, `https`, `h2`, `grpcs`, `ws` or `wss`. A connection uses TLS if `ssl_protocol` is
    /// known, whatever this says.
    pub scheme: &'a str,
    /// The load balancer: `app/NAME/ID`.
    pub balancer: &'a str,
    /// The client, or the proxy between it and the load balancer.
    pub client: Option<SocketAddr>,
    /// The target. `None` too if the request never had one: a redirect, a Lambda function, a block by
    /// AWS WAF.
    pub target: Option<SocketAddr>,
    /// From the request's arrival to its dispatch to the target, nanoseconds.
    pub request_processing_ns: Option<u64>,
    /// From the dispatch to the first byte of the response, nanoseconds.
    pub target_processing_ns: Option<u64>,
    /// From there until the response was sent to the client, nanoseconds.
    pub response_processing_ns: Option<u64>,
    /// The status sent to the client.
    pub elb_status: Option<u16>,
    /// The status that the target sent.
    pub target_status: Option<u16>,
    /// Bytes of the request, plain HTTP.
    pub received_bytes: Option<u64>,
    /// Bytes of the response, plain HTTP.
    pub sent_bytes: Option<u64>,
    /// The request line.
    pub request: RequestLine<'a>,
    /// The user agent.
    pub user_agent: Option<&'a str>,
    /// The cipher of the client's TLS connection.
    pub ssl_cipher: Option<&'a str>,
    /// Its version of TLS.
    pub ssl_protocol: Option<&'a str>,
    /// The ARN of the target group.
    pub target_group_arn: Option<&'a str>,
    /// The `X-Amzn-Trace-Id` header, such as `Root=1-…`.
    pub trace_id: Option<&'a str>,
    /// The domain name of the TLS handshake.
    pub domain_name: Option<&'a str>,
    /// The ARN of the certificate, or `session-reused`.
    pub chosen_cert_arn: Option<&'a str>,
    /// The priority of the rule that matched, as text: -1 is an error, 0 the default rule.
    pub rule_priority: Option<&'a str>,
    /// When the request came, in nanoseconds since the Unix epoch. Load balancers count it in
    /// milliseconds and write six digits.
    pub creation_ns: Option<i64>,
    /// The actions, separated by commas.
    pub actions: Option<&'a str>,
    /// Where a redirect leads.
    pub redirect_url: Option<&'a str>,
    /// Why the request failed, such as `LambdaInvalidResponse`.
    pub error_reason: Option<&'a str>,
    /// All targets that were tried, separated by blanks.
    pub target_list: Option<&'a str>,
    /// Their statuses, separated by blanks.
    pub target_status_list: Option<&'a str>,
    /// Whether the request follows the RFC: `Acceptable`, `Ambiguous` or `Severe`.
    pub classification: Option<&'a str>,
    /// Why it does not.
    pub classification_reason: Option<&'a str>,
    /// The identifier of the client's connection in the connection log.
    pub conn_trace_id: Option<&'a str>,
    /// The host after a rewrite.
    pub transformed_host: Option<&'a str>,
    /// The URI after a rewrite.
    pub transformed_uri: Option<&'a str>,
    /// How the rewrite went.
    pub transform_status: Option<&'a str>,
    /// The address of the load balancer's node.
    pub node: Option<IpAddr>,
}

/// A request line as a load balancer logs it: `METHOD URL VERSION`.
///
/// Clients send anything, so a URL may have blanks, and each part may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestLine<'a> {
    /// The method; empty if it is `-`.
    pub method: &'a str,
    /// The URL, such as `https://www.example.com:443/a`.
    pub url: &'a str,
    /// The version, such as `HTTP/1.1`; empty if it is `-`.
    pub version: &'a str,
}

impl<'a> RequestLine<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let known = |text: &'a str| if text == "-" { "" } else { text };
        let text = text.trim_end_matches(' ');
        let (method, rest) = text.split_once(' ').unwrap_or((text, ""));
        let last = rest.rsplit_once(' ').filter(|(_, last)| {
            // The last word of a URL with blanks is no version.
            last.starts_with("HTTP/") || *last == "-"
        });
        let (url, version) = last.unwrap_or((rest, ""));
        // Without a client's version the line ends in `- `, which may be joined to the URL.
        Self {
            method: known(method),
            url: known(url.trim()),
            version: known(version),
        }
    }

    /// Returns the host in the URL, without a port.
    pub fn host(&self) -> Option<&'a str> {
        let host = self.authority()?;
        let host = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        Some(host).filter(|host| !host.is_empty())
    }

    /// Returns the port in the URL: that of the listener.
    pub fn port(&self) -> Option<u16> {
        let (_, port) = self.authority()?.rsplit_once(':')?;
        // A request without a path ends in `host:80-`.
        port.trim_end_matches('-').parse().ok()
    }

    /// Returns the path with the query.
    pub fn path(&self) -> &'a str {
        let Some((_, rest)) = self.url.split_once("://") else {
            return self.url;
        };
        rest.find('/').map_or("", |at| &rest[at..])
    }

    fn authority(&self) -> Option<&'a str> {
        let (_, rest) = self.url.split_once("://")?;
        rest.split(['/', '?']).next()
    }
}

impl AlbRequest<'_> {
    /// Returns the port of the listener, from the URL.
    pub fn listener_port(&self) -> Option<u16> {
        self.request.port()
    }
}

/// The names of the fields in order, as JSON has them.
pub(super) const NAMES: &[&str] = &[
    "type",
    "time",
    "elb",
    "client:port",
    "target:port",
    "request_processing_time",
    "target_processing_time",
    "response_processing_time",
    "elb_status_code",
    "target_status_code",
    "received_bytes",
    "sent_bytes",
    "request",
    "user_agent",
    "ssl_cipher",
    "ssl_protocol",
    "target_group_arn",
    "trace_id",
    "domain_name",
    "chosen_cert_arn",
    "matched_rule_priority",
    "request_creation_time",
    "actions_executed",
    "redirect_url",
    "error_reason",
    "target:port_list",
    "target_status_code_list",
    "classification",
    "classification_reason",
    "conn_trace_id",
    "transformed_host",
    "transformed_uri",
    "request_transform_status",
    "ip_address",
];

/// Fields that every line has. Older lines end there.
const FIELDS_MIN: usize = 12;

/// Parses the fields of a line.
pub(super) fn event<'a>(
    tokens: &Tokens<'a>,
    file: Option<&BalancerFile<'_>>,
) -> Result<Event<'a>, EventFault> {
    if tokens.count() < FIELDS_MIN {
        return Err(EventFault::too_short(tokens.count(), FIELDS_MIN));
    }
    let (instant_ns, precision) = value::time("time", tokens.raw(1))?;
    let duration = |index: usize| value::duration_ns(NAMES[index], tokens.raw(index));
    let status = |index: usize| value::status(NAMES[index], tokens.raw(index));
    let bytes = |index: usize| value::number(NAMES[index], tokens.raw(index));
    let creation = value::instant(tokens.raw(21));
    let request = AlbRequest {
        scheme: tokens.raw(0),
        balancer: tokens.raw(2),
        client: value::socket(tokens.raw(3)),
        target: value::socket(tokens.raw(4)),
        request_processing_ns: duration(5)?,
        target_processing_ns: duration(6)?,
        response_processing_ns: duration(7)?,
        elb_status: status(8)?,
        target_status: status(9)?,
        received_bytes: bytes(10)?,
        sent_bytes: bytes(11)?,
        request: RequestLine::of(tokens.raw(12)),
        user_agent: tokens.get(13),
        ssl_cipher: tokens.get(14),
        ssl_protocol: tokens.get(15),
        target_group_arn: tokens.get(16),
        trace_id: tokens.get(17),
        domain_name: tokens.get(18),
        chosen_cert_arn: tokens.get(19),
        rule_priority: tokens.get(20),
        creation_ns: creation.map(|(ns, _)| ns),
        actions: tokens.get(22),
        redirect_url: tokens.get(23),
        error_reason: tokens.get(24),
        target_list: tokens.get(25),
        target_status_list: tokens.get(26),
        classification: tokens.get(27),
        classification_reason: tokens.get(28),
        conn_trace_id: tokens.get(29),
        transformed_host: tokens.get(30),
        transformed_uri: tokens.get(31),
        transform_status: tokens.get(32),
        node: value::address(tokens.raw(33)).or_else(|| file?.node),
    };
    Ok(Event {
        instant_ns,
        precision: precision.max(Precision::Microsecond),
        detail: EventDetail::Alb(request),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line in the shape that AWS documents, with all fields.
    const LINE: &str = concat!(
        r#"https 2026-03-14T02:15:04.186641Z app/web/50dc6c495c0c9188 203.0.113.9:2817 10.0.2.7:8080 "#,
        r#"0.001 -1 -1 502 - 34 366 "GET https://www.example.com:443/api/v1?a=1 HTTP/1.1" "curl/8.5.0" "#,
        r#"ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 "#,
        r#"arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/73e2d6bc24d8a067 "#,
        r#""Root=1-58337281-1d84f3d73c47ec4e58577259" "www.example.com" "arn:aws:acm:x" 1 "#,
        r#"2026-03-14T02:15:04.100000Z "waf,forward" "-" "-" "10.0.2.8:8080 10.0.2.7:8080" "502 -" "-" "-" "#,
        r#"TID_1234abcd5678ef90 "-" "-" "-" 10.0.1.9"#,
    );

    fn parse(line: &str) -> Result<(i64, AlbRequest<'_>), EventFault> {
        let event = event(&Tokens::of(line)?, None)?;
        match event.detail {
            EventDetail::Alb(request) => Ok((event.instant_ns, request)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_fields_of_a_line_are_read() {
        let (instant_ns, request) = parse(LINE).unwrap();
        assert_eq!(instant_ns, 1_773_454_504_186_641_000);
        assert_eq!(request.client.unwrap().to_string(), "203.0.113.9:2817");
        assert_eq!(request.target.unwrap().to_string(), "10.0.2.7:8080");
        assert_eq!(request.request_processing_ns, Some(1_000_000));
        assert_eq!(request.target_processing_ns, None);
        assert_eq!(
            (request.elb_status, request.target_status),
            (Some(502), None)
        );
        assert_eq!(
            (request.received_bytes, request.sent_bytes),
            (Some(34), Some(366))
        );
        assert_eq!(request.request.method, "GET");
        assert_eq!(request.request.host(), Some("www.example.com"));
        assert_eq!(request.request.path(), "/api/v1?a=1");
        assert_eq!(request.listener_port(), Some(443));
        assert_eq!(
            request.trace_id,
            Some("Root=1-58337281-1d84f3d73c47ec4e58577259")
        );
        assert_eq!(request.creation_ns, Some(1_773_454_504_100_000_000));
        assert_eq!(request.actions, Some("waf,forward"));
        assert_eq!(request.target_list, Some("10.0.2.8:8080 10.0.2.7:8080"));
        assert_eq!(request.conn_trace_id, Some("TID_1234abcd5678ef90"));
        assert_eq!(request.node, Some("10.0.1.9".parse().unwrap()));
    }

    #[test]
    fn line_may_end_at_any_field_after_the_byte_counts_and_go_on_after_the_last() {
        let tokens = Tokens::of(LINE).unwrap();
        let quoted = (0..tokens.count()).map(|index| format!("\"{}\"", tokens.raw(index)));
        let fields: Vec<String> = quoted.collect();
        for count in FIELDS_MIN..=fields.len() {
            let line = fields[..count].join(" ");
            let (_, request) = parse(&line).unwrap();
            assert_eq!(request.elb_status, Some(502), "{count}");
            assert_eq!(request.conn_trace_id.is_some(), count >= 30, "{count}");
        }
        let longer = format!("{LINE} new \"and more\"");
        assert_eq!(parse(&longer), parse(LINE));
        let shorter = fields[..FIELDS_MIN - 1].join(" ");
        let fault = parse(&shorter).unwrap_err();
        assert_eq!(fault.to_string(), "found 11, expected at least 12");
    }

    #[test]
    fn websocket_over_ipv6_has_its_times_and_ends() {
        let line = concat!(
            "wss 2026-03-14T02:15:04.000001Z app/web/1 [2001:db8::9]:57314 2001:db8:1::29c8:80 0.001 0.003 ",
            r#"0.000 101 101 218 587 "GET wss://[2001:db8:1::1]:443/ws HTTP/1.1" "-" - -"#,
        );
        let (_, request) = parse(line).unwrap();
        assert_eq!(request.client.unwrap().to_string(), "[2001:db8::9]:57314");
        assert_eq!(request.target.unwrap().to_string(), "[2001:db8:1::29c8]:80");
        assert_eq!(request.request.host(), Some("[2001:db8:1::1]"));
        assert_eq!(request.listener_port(), Some(443));
    }

    #[test]
    fn request_line_may_be_anything() {
        let of = |text| {
            let line = RequestLine::of(text);
            (line.method, line.url, line.version, line.port())
        };
        assert_eq!(
            of("- http://192.0.2.1:80- - "),
            ("", "http://192.0.2.1:80-", "", Some(80))
        );
        assert_eq!(
            of("GET http://a:80/x;y z HTTP/1.0 "),
            ("GET", "http://a:80/x;y z", "HTTP/1.0", Some(80))
        );
        assert_eq!(of("GET http://a/b c"), ("GET", "http://a/b c", "", None));
        assert_eq!(of("-"), ("", "", "", None));
        assert_eq!(of(""), ("", "", "", None));
    }

    #[test]
    fn masked_client_costs_only_its_address() {
        let line = LINE.replace("203.0.113.9:2817", "12.34.178.90.32:40860");
        let (_, request) = parse(&line).unwrap();
        assert_eq!((request.client, request.elb_status), (None, Some(502)));
    }

    #[test]
    fn value_that_is_not_what_its_field_must_be_is_a_fault_that_names_it() {
        for (from, to, field) in [
            ("2026-03-14T02:15:04.186641Z", "yesterday", "time"),
            (" 502 - 34", " 5x2 - 34", "elb_status_code"),
            (" 34 366", " 34 -366", "sent_bytes"),
            (" 0.001 -1", " 0.00l -1", "request_processing_time"),
        ] {
            let line = LINE.replacen(from, to, 1);
            let fault = parse(&line).unwrap_err();
            assert!(fault.to_string().contains(field), "{fault}");
        }
    }
}
