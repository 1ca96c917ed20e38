//! Events as frames of a capture.
//!
//! Requests and responses of load balancers become HTTP messages, DNS queries become IP packets, and
//! everything else JSON. Except for DNS, a frame is an exported PDU of Wireshark
//! (LINKTYPE_WIRESHARK_UPPER_PDU, 252): the name of a dissector and the addresses, as tags, before
//! the bytes. So nothing is invented of TCP or TLS.
//!
//! ```text
//! http        a request and its response           tags     what is before the bytes of a PDU
//! json        any other event, field by field      dns      a query and its answer
//! ```
//!
//! Pure: text in memory to bytes in memory. Wireshark must read every frame without a complaint, so
//! text from a log is made safe for its format, and what does not fit is left out.
//!
//! # Invariants
//! * A frame has only what the log has. Of DNS, the address of the server, the transaction, the
//!   time to live and the latency are in no log: see [`dns`].
//! * A frame has at most [`FRAME_LEN_MAX`] bytes.

pub mod dns;
mod http;
mod json;
mod tags;

use crate::event::{Event, EventDetail};

/// The most bytes of a frame.
pub const FRAME_LEN_MAX: usize = 64 << 10;

/// One frame of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFrame {
    /// Its time, nanoseconds since the Unix epoch.
    pub at_ns: i64,
    /// Its bytes, without a link header.
    pub bytes: Vec<u8>,
}

/// What the frames of an interface are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FrameContents {
    /// Exported PDUs.
    Pdu,
    /// IP packets.
    Ip,
}

/// Returns the frames of an event, in order of time; none if it cannot be written.
pub fn frames(event: &Event<'_>) -> Vec<EventFrame> {
    let made = match &event.detail {
        EventDetail::Alb(request) => http::of_alb(event, request),
        EventDetail::Clb(request) => http::of_clb(event, request),
        EventDetail::DnsQuery(query) => return dns::frames(query, event.instant_ns),
        _ => Vec::new(),
    };
    let mut made = if made.is_empty() {
        json::of_event(event)
    } else {
        made
    };
    made.retain(|frame| frame.bytes.len() <= FRAME_LEN_MAX);
    made
}

/// Returns the name of the interface for the frames of an event: the log and the load balancer, the
/// region, the VPC, the service or the firewall.
pub fn interface_name(event: &Event<'_>) -> String {
    let named = |kind: &str, name: &str| match name {
        "" => kind.to_owned(),
        name => format!("{kind} {}", &name[..name.floor_char_boundary(NAME_LEN_MAX)]),
    };
    match &event.detail {
        EventDetail::Alb(a) => named("alb", a.balancer),
        EventDetail::AlbConnection(_) => named("alb", "connections"),
        EventDetail::Nlb(n) => named("nlb", n.balancer),
        EventDetail::Clb(c) => named("clb", c.balancer),
        EventDetail::ApiCall(c) => named("cloudtrail", c.region.as_deref().unwrap_or_default()),
        EventDetail::DnsQuery(q) => named("dns", q.vpc.as_deref().unwrap_or_default()),
        EventDetail::Lattice(l) => {
            let arn = l.service_arn.as_deref().unwrap_or_default();
            named("lattice", arn.rsplit('/').next().unwrap_or_default())
        }
        EventDetail::Waf(w) => named("waf", w.acl_name()),
        EventDetail::Alert(a) => named("firewall", a.firewall.as_deref().unwrap_or_default()),
    }
}

/// Bytes of a name from a log in the name of an interface.
const NAME_LEN_MAX: usize = 128;

/// Returns what the frames of an event are.
pub fn frame_contents(event: &Event<'_>) -> FrameContents {
    match event.detail {
        EventDetail::DnsQuery(_) => FrameContents::Ip,
        _ => FrameContents::Pdu,
    }
}
