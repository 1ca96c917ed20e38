//! Events: the records of other AWS logs that lie beside flow logs.
//!
//! An [`Event`] is one line of a load balancer log, one API call of CloudTrail, one DNS query, one
//! VPC Lattice request, one request at AWS WAF, or one alert of AWS Network Firewall. It borrows from
//! its text. This module
//! parses text in memory and does nothing else: it opens no file, starts no thread, and does not
//! know which connection an event belongs to.
//!
//! ```text
//! token         a line -> its fields           value      a field -> a number, a time, a socket
//! line          which kind a line is of        json       any JSON text -> the events in it
//! alb, alb_connection, nlb, clb                lines of load balancers, or JSON with the same names
//! cloudtrail, resolver, lattice, firewall, waf JSON objects
//! file_name     facts in the names of files    ids        events delivered more than once
//! members       an object -> its members       original   the fields as they are in the log
//! ```
//!
//! # Invariants
//! * Fields are found by their position among the tokens, and tokens that AWS appends later are
//!   ignored. A line is refused only for a field that says when or what, or that is not what it must
//!   be.
//! * `-` and `-1` mean that a value was not recorded. They never become a number.
//! * Nothing grows with the input: a line has at most [`TOKENS_MAX`] tokens, an object has at most as
//!   many members as `json` looks at, and JSON is followed to a fixed depth.

pub mod alb;
pub mod alb_connection;
pub mod clb;
pub mod cloudtrail;
mod fault;
mod file_name;
pub mod firewall;
mod ids;
mod json;
pub mod lattice;
mod leg;
mod line;
mod members;
pub mod nlb;
mod original;
pub mod resolver;
mod token;
mod value;
pub mod waf;

pub use self::{
    fault::EventFault,
    file_name::BalancerFile,
    ids::EventIds,
    json::for_each_in_json,
    leg::Leg,
    line::{for_each_in_line, kind_of_line},
    members::{ObjectMembers, for_each_element, scalar},
    original::OriginalFields,
    token::{TOKENS_MAX, Tokens},
    value::{Precision, decoded},
};

use crate::record::Foreign;

/// An event: when it was, and what.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// The time of the event, in nanoseconds since the Unix epoch. What it is the time of depends on
    /// the log: see the type of the detail.
    pub instant_ns: i64,
    /// The smallest unit of that time in the log.
    pub precision: Precision,
    /// The fields of its log.
    pub detail: EventDetail<'a>,
}

/// The fields of an event, by the log that it is from.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
// Boxes would cost one allocation for each line, and an event lives only until it is handed on.
#[allow(clippy::large_enum_variant)]
pub enum EventDetail<'a> {
    /// A request to an Application Load Balancer.
    Alb(alb::AlbRequest<'a>),
    /// A connection of a client to an Application Load Balancer.
    AlbConnection(alb_connection::AlbConnection<'a>),
    /// A TLS connection through a Network Load Balancer.
    Nlb(nlb::NlbConnection<'a>),
    /// A request or connection through a Classic Load Balancer.
    Clb(clb::ClbRequest<'a>),
    /// An API call that CloudTrail logged.
    ApiCall(cloudtrail::ApiCall<'a>),
    /// A DNS query to the Route 53 Resolver.
    DnsQuery(resolver::DnsQuery<'a>),
    /// A request through VPC Lattice.
    Lattice(lattice::LatticeRequest<'a>),
    /// An alert of AWS Network Firewall.
    Alert(firewall::FirewallAlert<'a>),
    /// A request that AWS WAF looked at.
    Waf(waf::WafRequest<'a>),
}

/// The kind of log that an event is from.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// Application Load Balancer access log.
    AlbAccess,
    /// Application Load Balancer connection log.
    AlbConnection,
    /// Network Load Balancer access log.
    NlbAccess,
    /// Classic Load Balancer access log.
    ClbAccess,
    /// CloudTrail log.
    #[serde(rename = "cloudtrail")]
    CloudTrail,
    /// Route 53 Resolver query log.
    ResolverQuery,
    /// VPC Lattice access log.
    Lattice,
    /// Alert log of AWS Network Firewall.
    FirewallAlert,
    /// AWS WAF log.
    Waf,
}

impl EventKind {
    /// Returns the kind of events in a log of this kind; `None` if its records are not read as
    /// events.
    pub fn of(foreign: Foreign) -> Option<Self> {
        Some(match foreign {
            Foreign::AlbAccess => Self::AlbAccess,
            Foreign::AlbConnection => Self::AlbConnection,
            Foreign::NlbAccess => Self::NlbAccess,
            Foreign::ClbAccess => Self::ClbAccess,
            Foreign::CloudTrail => Self::CloudTrail,
            Foreign::ResolverQuery => Self::ResolverQuery,
            Foreign::Lattice => Self::Lattice,
            Foreign::NetworkFirewall => Self::FirewallAlert,
            Foreign::Waf => Self::Waf,
            _ => return None,
        })
    }

    /// Returns the log that such events are in.
    pub fn log(self) -> Foreign {
        match self {
            Self::AlbAccess => Foreign::AlbAccess,
            Self::AlbConnection => Foreign::AlbConnection,
            Self::NlbAccess => Foreign::NlbAccess,
            Self::ClbAccess => Foreign::ClbAccess,
            Self::CloudTrail => Foreign::CloudTrail,
            Self::ResolverQuery => Foreign::ResolverQuery,
            Self::Lattice => Foreign::Lattice,
            Self::FirewallAlert => Foreign::NetworkFirewall,
            Self::Waf => Foreign::Waf,
        }
    }

    /// Returns the name in JSON output.
    pub fn name(self) -> &'static str {
        match self {
            Self::AlbAccess => "alb_access",
            Self::AlbConnection => "alb_connection",
            Self::NlbAccess => "nlb_access",
            Self::ClbAccess => "clb_access",
            Self::CloudTrail => "cloudtrail",
            Self::ResolverQuery => "resolver_query",
            Self::Lattice => "lattice",
            Self::FirewallAlert => "firewall_alert",
            Self::Waf => "waf",
        }
    }

    /// Returns the name of one event and of several, for messages.
    pub fn title(self) -> [&'static str; 2] {
        match self {
            Self::AlbAccess => ["ALB request", "ALB requests"],
            Self::AlbConnection => ["ALB connection", "ALB connections"],
            Self::NlbAccess => ["NLB TLS connection", "NLB TLS connections"],
            Self::ClbAccess => ["CLB request", "CLB requests"],
            Self::CloudTrail => ["CloudTrail event", "CloudTrail events"],
            Self::ResolverQuery => ["DNS query", "DNS queries"],
            Self::Lattice => ["VPC Lattice request", "VPC Lattice requests"],
            Self::FirewallAlert => ["Network Firewall alert", "Network Firewall alerts"],
            Self::Waf => ["WAF request", "WAF requests"],
        }
    }

    /// Returns the names of the fields of a line in order, as JSON has them; none if such a log is
    /// always JSON. AWS appends fields, so a line may have more.
    pub fn line_fields(self) -> &'static [&'static str] {
        match self {
            Self::AlbAccess => alb::NAMES,
            Self::AlbConnection => alb_connection::NAMES,
            Self::NlbAccess => nlb::NAMES,
            Self::ClbAccess => clb::NAMES,
            Self::CloudTrail
            | Self::ResolverQuery
            | Self::Lattice
            | Self::FirewallAlert
            | Self::Waf => &[],
        }
    }

    /// Whether a file of this kind is JSON.
    pub fn is_json(self) -> bool {
        match self {
            Self::AlbAccess | Self::AlbConnection | Self::NlbAccess | Self::ClbAccess => false,
            Self::CloudTrail
            | Self::ResolverQuery
            | Self::Lattice
            | Self::FirewallAlert
            | Self::Waf => true,
        }
    }
}

impl Event<'_> {
    /// Returns the kind of log that it is from.
    pub fn kind(&self) -> EventKind {
        match self.detail {
            EventDetail::Alb(_) => EventKind::AlbAccess,
            EventDetail::AlbConnection(_) => EventKind::AlbConnection,
            EventDetail::Nlb(_) => EventKind::NlbAccess,
            EventDetail::Clb(_) => EventKind::ClbAccess,
            EventDetail::ApiCall(_) => EventKind::CloudTrail,
            EventDetail::DnsQuery(_) => EventKind::ResolverQuery,
            EventDetail::Lattice(_) => EventKind::Lattice,
            EventDetail::Alert(_) => EventKind::FirewallAlert,
            EventDetail::Waf(_) => EventKind::Waf,
        }
    }

    /// Returns the identifier under which CloudTrail may deliver the same event again.
    pub fn id(&self) -> Option<&str> {
        match &self.detail {
            EventDetail::ApiCall(call) => call.event_id.as_deref(),
            _ => None,
        }
    }
}
