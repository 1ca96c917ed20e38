//! What can be counted: packets of flow logs, and the events of other AWS logs.

use crate::change::Change;
use crate::event::{Event, EventDetail, EventKind};

use super::measure::Measure;

/// What a question counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Packets, and the records and connections that they belong to.
    Packets,
    /// Requests to Application and Classic Load Balancers and through VPC Lattice. A connection to a TCP
    /// listener of a Classic Load Balancer is one of them, without a status.
    Requests,
    /// DNS queries to the Route 53 Resolver.
    Queries,
    /// API calls that CloudTrail logged.
    Calls,
    /// API calls that may have changed which packets pass: those of [`Change`] that did not fail.
    Changes,
    /// Alerts of AWS Network Firewall.
    Alerts,
    /// Connections of clients: the TLS connections of Network Load Balancers, and the connection logs
    /// of Application Load Balancers.
    ClientConnections,
}

impl Subject {
    /// All subjects, in the order in which a question without a measure is understood.
    pub const ALL: [Self; 7] = [
        Self::Packets,
        Self::Requests,
        Self::Queries,
        Self::Calls,
        Self::Changes,
        Self::Alerts,
        Self::ClientConnections,
    ];

    /// Returns the measure that counts it.
    pub fn measure(self) -> Measure {
        match self {
            Self::Packets => Measure::Packets,
            Self::Requests => Measure::Requests,
            Self::Queries => Measure::Queries,
            Self::Calls => Measure::Calls,
            Self::Changes => Measure::Changes,
            Self::Alerts => Measure::Alerts,
            Self::ClientConnections => Measure::ClientConnections,
        }
    }

    /// Returns the name of one and of several, for messages.
    pub fn title(self) -> [&'static str; 2] {
        match self {
            Self::Packets => ["packet", "packets"],
            Self::Requests => ["request", "requests"],
            Self::Queries => ["DNS query", "DNS queries"],
            Self::Calls => ["API call", "API calls"],
            Self::Changes => ["change", "changes"],
            Self::Alerts => ["alert", "alerts"],
            Self::ClientConnections => ["client connection", "client connections"],
        }
    }

    /// Returns the logs that have it.
    pub fn logs(self) -> &'static str {
        match self {
            Self::Packets => "flow logs",
            Self::Requests => "access logs of Application or Classic Load Balancers or VPC Lattice",
            Self::Queries => "Route 53 Resolver query logs",
            Self::Calls | Self::Changes => "CloudTrail logs",
            Self::Alerts => "alert logs of AWS Network Firewall",
            Self::ClientConnections => {
                "access logs of Network Load Balancers or connection logs of Application Load Balancers"
            }
        }
    }

    /// Whether it is in logs of this kind.
    pub fn is_in(self, log: EventKind) -> bool {
        match log {
            EventKind::AlbAccess | EventKind::ClbAccess | EventKind::Lattice => {
                self == Self::Requests
            }
            EventKind::ResolverQuery => self == Self::Queries,
            EventKind::CloudTrail => matches!(self, Self::Calls | Self::Changes),
            EventKind::FirewallAlert => self == Self::Alerts,
            // The requests that it judges are in the logs of load balancers.
            EventKind::Waf => false,
            EventKind::AlbConnection | EventKind::NlbAccess => self == Self::ClientConnections,
        }
    }

    /// Whether an event is one of those that are counted.
    pub(super) fn holds(self, event: &Event<'_>) -> bool {
        let changes = || match &event.detail {
            EventDetail::ApiCall(call) => {
                !call.has_failed() && Change::key(event.instant_ns, call).is_some()
            }
            _ => false,
        };
        self.is_in(event.kind()) && (self != Self::Changes || changes())
    }
}
