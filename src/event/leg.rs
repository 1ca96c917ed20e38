//! The ends of the connections that an event is about.

use std::net::IpAddr;

use super::{Event, EventDetail};
use crate::names::protocol_number;

/// One connection that an event is about, as far as the log names its ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leg {
    /// Who opened it.
    pub source: Option<IpAddr>,
    /// Its port.
    pub source_port: Option<u16>,
    /// Who accepted it.
    pub destination: Option<IpAddr>,
    /// Its port.
    pub destination_port: Option<u16>,
}

impl Leg {
    fn new(from: (Option<IpAddr>, Option<u16>), to: (Option<IpAddr>, Option<u16>)) -> Self {
        Self {
            source: from.0,
            source_port: from.1,
            destination: to.0,
            destination_port: to.1,
        }
    }
}

/// The number of TCP.
const TCP: u8 = 6;

impl Event<'_> {
    /// Returns the connections that it is about: of a load balancer that of the client and that of
    /// the target, of other logs one. An end that the log does not name is `None`.
    pub fn legs(&self) -> [Leg; 2] {
        let of = |socket: Option<std::net::SocketAddr>| {
            (socket.map(|s| s.ip()), socket.map(|s| s.port()))
        };
        let nobody = (None, None);
        match &self.detail {
            EventDetail::Alb(a) => [
                Leg::new(of(a.client), (a.node, a.listener_port())),
                Leg::new((a.node, None), of(a.target)),
            ],
            EventDetail::AlbConnection(a) => [
                Leg::new((a.client, a.client_port), (a.node, a.listener_port)),
                Leg::default(),
            ],
            EventDetail::Nlb(n) => [Leg::new(of(n.client), of(n.destination)), Leg::default()],
            EventDetail::Clb(c) => [
                Leg::new(of(c.client), (c.node, c.listener_port())),
                Leg::new((c.node, None), of(c.backend)),
            ],
            EventDetail::ApiCall(call) => [
                Leg::new((call.source_address(), None), nobody),
                Leg::default(),
            ],
            EventDetail::DnsQuery(q) => [
                Leg::new((q.source, q.source_port), (None, Some(53))),
                Leg::default(),
            ],
            EventDetail::Lattice(l) => [
                Leg::new(of(l.source), nobody),
                Leg::new(nobody, of(l.target)),
            ],
            EventDetail::Waf(w) => [Leg::new((w.client, None), nobody), Leg::default()],
            EventDetail::Alert(a) => [
                Leg::new(
                    (a.source, a.source_port),
                    (a.destination, a.destination_port),
                ),
                Leg::default(),
            ],
        }
    }

    /// Returns the IANA number of the protocol of these connections.
    pub fn protocol(&self) -> Option<u8> {
        match &self.detail {
            EventDetail::Alb(_)
            | EventDetail::AlbConnection(_)
            | EventDetail::Nlb(_)
            | EventDetail::Clb(_)
            | EventDetail::Lattice(_)
            | EventDetail::Waf(_) => Some(TCP),
            EventDetail::ApiCall(_) => None,
            EventDetail::DnsQuery(query) => protocol_number(query.transport.as_deref()?),
            EventDetail::Alert(alert) => protocol_number(alert.protocol.as_deref()?),
        }
    }
}
