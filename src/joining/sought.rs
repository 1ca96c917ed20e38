//! The connections that an event is about, as far as its log names them.

use std::net::IpAddr;

use super::anchor::RequestTimes;
use crate::event::alb::AlbRequest;
use crate::event::clb::ClbRequest;
use crate::event::{Event, EventDetail};
use crate::flow::{Endpoint, ICMP, TCP};
use crate::names::protocol_number;

/// Which of the connections of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LegSide {
    /// From the client to the load balancer, or the only connection of an event.
    Client,
    /// From the load balancer to its target.
    Target,
}

/// A connection that an event is about. One end is known with its port, the other in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoughtConnection {
    /// Which of the event's connections.
    pub side: LegSide,
    /// The end that is known: the client, or the target.
    pub known: Endpoint,
    /// The address of the other end. It decides between connections that fit otherwise; it excludes
    /// them only if [`is_exact`](Self::is_exact).
    pub other: Option<IpAddr>,
    /// The port of the other end.
    pub other_port: Option<u16>,
    /// Whether flow logs must have the same address for the other end.
    pub is_exact: bool,
    /// IANA number of the protocol.
    pub protocol: u8,
    /// When a request and its response were on it, if the log has both below the second.
    pub times: Option<RequestTimes>,
    /// When it was in use, first and last instant, nanoseconds since the Unix epoch.
    pub used_ns: (i64, i64),
}

/// Returns the connections that an event is about; `None` if its log names no end of one.
///
/// A request of a load balancer uses the client's connection from its arrival until the response was
/// sent, and the target's from its dispatch on. Times that were not recorded (`-1`) do not narrow
/// this.
pub fn sought(event: &Event<'_>) -> [Option<SoughtConnection>; 2] {
    let at = event.instant_ns;
    match &event.detail {
        EventDetail::Alb(request) => of_alb(request, at),
        EventDetail::Clb(request) => of_clb(request, at),
        EventDetail::AlbConnection(connection) => {
            let known = connection.client.zip(connection.client_port);
            let client = of(LegSide::Client, known, connection.node);
            let begun = before(at, &[connection.handshake_ns]);
            [
                client.map(|leg| leg.port(connection.listener_port).used(begun, at)),
                None,
            ]
        }
        EventDetail::Nlb(connection) => {
            let listener = connection.destination;
            let client = of(
                LegSide::Client,
                ends(connection.client),
                listener.map(|listener| listener.ip()),
            );
            let begun = before(at, &[connection.connection_ns]);
            // The end is logged in whole seconds.
            let ended = at.saturating_add(event.precision.ns() - 1);
            let port = listener.map(|listener| listener.port());
            [client.map(|leg| leg.port(port).used(begun, ended)), None]
        }
        EventDetail::Alert(alert) => {
            let protocol = alert.protocol.as_deref().and_then(protocol_number);
            let known = alert.source.zip(alert.source_port);
            let leg = of(LegSide::Client, known, alert.destination);
            let leg = leg.zip(protocol).filter(|_| alert.destination.is_some());
            [
                leg.map(|(leg, protocol)| leg.exactly(alert.destination_port, protocol, at)),
                None,
            ]
        }
        // Flow logs have no traffic to the Amazon DNS server, and the address that VPC Lattice gives
        // a service is in no log of it.
        // WAF logs no port of the client. The row of its load balancer has it.
        EventDetail::Waf(_)
        | EventDetail::ApiCall(_)
        | EventDetail::DnsQuery(_)
        | EventDetail::Lattice(_) => [None, None],
    }
}

fn of_alb(request: &AlbRequest<'_>, at: i64) -> [Option<SoughtConnection>; 2] {
    let durations = [
        request.request_processing_ns,
        request.target_processing_ns,
        request.response_processing_ns,
    ];
    let begun = request
        .creation_ns
        .unwrap_or_else(|| before(at, &durations));
    let begun = begun.min(at);
    let dispatched = after(begun, &durations[..1]).min(at);
    let client = of(LegSide::Client, ends(request.client), request.node);
    let target = of(LegSide::Target, ends(request.target), request.node);
    // Milliseconds of the arrival are logged, and the rest counts from there.
    let created = request.creation_ns.filter(|created| *created <= at);
    let first_byte = created.and_then(|created| known_after(created, &durations[..2]));
    let sent_on = created.and_then(|created| known_after(created, &durations[..1]));
    let of_client = |leg: SoughtConnection| leg.port(request.listener_port()).used(begun, at);
    [
        client.map(|leg| of_client(leg).at(created, Some(at))),
        target.map(|leg| leg.used(dispatched, at).at(sent_on, first_byte)),
    ]
}

fn of_clb(request: &ClbRequest<'_>, at: i64) -> [Option<SoughtConnection>; 2] {
    let durations = [
        request.request_processing_ns,
        request.backend_processing_ns,
        request.response_processing_ns,
    ];
    let (dispatched, done) = (after(at, &durations[..1]), after(at, &durations));
    let client = of(LegSide::Client, ends(request.client), request.node);
    let target = of(LegSide::Target, ends(request.backend), request.node);
    let of_client = |leg: SoughtConnection| leg.port(request.listener_port()).used(at, done);
    let [sent_on, first_byte, sent] = [1, 2, 3].map(|n| known_after(at, &durations[..n]));
    [
        client.map(|leg| of_client(leg).at(Some(at), sent)),
        target.map(|leg| leg.used(dispatched, done).at(sent_on, first_byte)),
    ]
}

fn ends(socket: Option<std::net::SocketAddr>) -> Option<(IpAddr, u16)> {
    socket.map(|socket| (socket.ip(), socket.port()))
}

fn of(
    side: LegSide,
    known: Option<(IpAddr, u16)>,
    other: Option<IpAddr>,
) -> Option<SoughtConnection> {
    let (address, port) = known?;
    Some(SoughtConnection {
        side,
        known: Endpoint { address, port },
        other,
        other_port: None,
        is_exact: other.is_some_and(is_private),
        protocol: TCP,
        times: None,
        used_ns: (0, 0),
    })
}

impl SoughtConnection {
    fn port(mut self, port: Option<u16>) -> Self {
        self.other_port = port;
        self
    }

    /// The instants of the request and its response.
    fn at(mut self, asked_ns: Option<i64>, answered_ns: Option<i64>) -> Self {
        let times = asked_ns.zip(answered_ns);
        self.times = times.map(|(asked_ns, answered_ns)| RequestTimes {
            asked_ns,
            answered_ns,
        });
        self
    }

    fn used(mut self, from_ns: i64, to_ns: i64) -> Self {
        self.used_ns = (from_ns, to_ns.max(from_ns));
        self
    }

    /// Both ends and the protocol are logged as flow logs have them.
    fn exactly(mut self, port: Option<u16>, protocol: u8, at_ns: i64) -> Self {
        self.is_exact = true;
        self.protocol = protocol;
        self.other_port = port.filter(|_| protocol != ICMP);
        self.used(at_ns, at_ns)
    }
}

/// Whether an address is one of a VPC, not one that the internet sees: RFC 1918 and RFC 6598.
/// Addresses of IPv6 are the same inside and outside.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            address.is_private() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(_) => true,
    }
}

/// Returns the instant after these durations, of which those that were not recorded count nothing.
fn after(ns: i64, durations: &[Option<u64>]) -> i64 {
    let sum = durations
        .iter()
        .flatten()
        .fold(0_u64, |a, b| a.saturating_add(*b));
    ns.saturating_add(i64::try_from(sum).unwrap_or(i64::MAX))
}

/// Returns the instant after these durations, if all were recorded.
fn known_after(ns: i64, durations: &[Option<u64>]) -> Option<i64> {
    let is_known = durations.iter().all(Option::is_some);
    is_known.then(|| after(ns, durations))
}

/// Returns the instant before these durations.
fn before(ns: i64, durations: &[Option<u64>]) -> i64 {
    let sum = durations
        .iter()
        .flatten()
        .fold(0_u64, |a, b| a.saturating_add(*b));
    ns.saturating_sub(i64::try_from(sum).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use crate::event::{EventKind, for_each_in_line};

    use super::*;

    const ALB: &str = r#"https 2026-03-14T02:15:04.186641Z app/web/1 203.0.113.9:2817 10.0.2.7:8080 0.001 -1 -1 502 - 34 366 "GET https://a:443/ HTTP/1.1" "-" - - - "-" "-" "-" 1 2026-03-14T02:15:04.100000Z "-" "-" "-" "-" "-" "-" "-" TID_1 "-" "-" "-" 10.0.1.9"#;

    fn sought_of(line: &str) -> [Option<SoughtConnection>; 2] {
        let mut found = None;
        for_each_in_line(EventKind::AlbAccess, line, None, &mut |_, event, _| {
            found = Some(sought(&event.unwrap()));
        });
        found.unwrap()
    }

    const AT: i64 = 1_773_454_504_000_000_000;

    #[test]
    fn request_is_about_the_client_and_the_target_while_it_lasted() {
        let [client, target] = sought_of(ALB).map(Option::unwrap);
        assert_eq!(client.known.address.to_string(), "203.0.113.9");
        assert_eq!((client.known.port, client.other_port), (2817, Some(443)));
        assert_eq!(client.used_ns, (AT + 100_000_000, AT + 186_641_000));
        assert_eq!((target.known.port, target.other_port), (8080, None));
        assert_eq!(target.used_ns, (AT + 101_000_000, AT + 186_641_000));
        assert_eq!(target.other, Some("10.0.1.9".parse().unwrap()));
        assert!(target.is_exact);
    }

    #[test]
    fn time_that_was_not_recorded_does_not_narrow() {
        let line = ALB.replace(" 0.001 -1 -1 ", " -1 -1 -1 ");
        let [client, target] = sought_of(&line).map(Option::unwrap);
        assert_eq!(client.used_ns, target.used_ns);
        // Without a time of arrival, that of the response is known.
        let line = line.replace("2026-03-14T02:15:04.100000Z", "-");
        let [client, _] = sought_of(&line).map(Option::unwrap);
        assert_eq!(client.used_ns, (AT + 186_641_000, AT + 186_641_000));
    }

    #[test]
    fn public_address_of_a_node_excludes_nothing() {
        let [_, target] = sought_of(&ALB.replace("10.0.1.9", "198.51.100.7")).map(Option::unwrap);
        assert!(!target.is_exact);
        let [_, target] = sought_of(&ALB.replace(" 10.0.1.9", "")).map(Option::unwrap);
        assert_eq!((target.other, target.is_exact), (None, false));
    }

    #[test]
    fn request_without_a_target_is_about_the_client_alone() {
        let [client, target] = sought_of(&ALB.replace("10.0.2.7:8080", "-"));
        assert!(client.is_some() && target.is_none());
        let [client, target] = sought_of(&ALB.replace("203.0.113.9:2817", "X"));
        assert!(client.is_none() && target.is_some());
    }

    #[test]
    fn tls_connection_of_a_network_load_balancer_ends_within_its_second() {
        let line = "tls 2.0 2026-03-14T02:15:04 net/web/1 g 203.0.113.9:51341 10.0.1.5:443 5000 2 29 24 - arn:x - - tlsv12 - - - - -";
        let [client, target] = sought_of(line);
        let client = client.unwrap();
        assert_eq!(client.used_ns, (AT - 5_000_000_000, AT + 999_999_999));
        assert_eq!(client.other_port, Some(443));
        assert!(target.is_none());
    }
}
