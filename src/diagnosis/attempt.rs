//! One connection attempt, with the view of every ENI that logged it.
//!
//! Packets of one connection are logged at each monitored ENI that they pass. `convert` uses the
//! records of one ENI and drops the rest; the diagnosis needs the differences between them, so it
//! keeps all of them together. `gather` matches the views of one attempt.

use crate::connection::{Outcome, RoleEvidence};
use crate::diagnosis::symptom::Party;
use crate::flow::{Endpoint, EniIndex, Place, RejectReason, TCP, TrafficPath, Verdict, Viewed};
use crate::record::ObservedFlags;

/// Packets in one direction with one verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Packets logged.
    pub packets: u64,
    /// Bytes logged, from the IP header on.
    pub bytes: u64,
    /// The union of all `tcp-flags`.
    pub flags: ObservedFlags,
    /// First packet, nanoseconds since the Unix epoch.
    pub first_ns: i64,
    /// Last packet, nanoseconds since the Unix epoch.
    pub last_ns: i64,
    /// The lowest line with a record of it.
    pub place: Place,
    /// The reject reason, if a record has one.
    pub reason: RejectReason,
    /// The path by which it left the ENI, if a record has it.
    pub path: Option<TrafficPath>,
}

/// One direction of an attempt at one ENI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WayTraffic {
    /// The accepted packets.
    pub accepted: Option<Traffic>,
    /// The rejected packets.
    pub rejected: Option<Traffic>,
}

/// One ENI's view of an attempt, on one of its sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EniView {
    /// The ENI.
    pub eni: EniIndex,
    /// Whether requests leave the ENI here, if known; replies go in the other direction.
    pub request_leaves: Option<bool>,
    /// The packets of the initiator.
    pub request: WayTraffic,
    /// The packets of the responder.
    pub reply: WayTraffic,
    /// The outcome as seen from this ENI.
    pub outcome: Outcome,
    /// The longest idle time just before a RST or REJECT, nanoseconds.
    pub silence_ns: i64,
    /// The side whose large packets were not answered, if there is one.
    pub stalled: Option<Party>,
}

/// One connection attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// IANA protocol number.
    pub protocol: u8,
    /// The end that started the attempt.
    pub initiator: Endpoint,
    /// The end that the attempt is directed to.
    pub responder: Endpoint,
    /// The evidence for which end is the initiator.
    pub evidence: RoleEvidence,
    /// Whether all records have `tcp-flags`; without them SYN and RST are unknown.
    pub has_flags: bool,
    /// First packet at any ENI, nanoseconds since the Unix epoch.
    pub first_ns: i64,
    /// Last packet at any ENI, nanoseconds since the Unix epoch.
    pub last_ns: i64,
    /// Number of records of this attempt.
    pub records: u64,
    /// Whether one of its records matches the filter.
    pub matched: bool,
    /// The views of the ENIs, in order of the ENIs.
    pub views: Vec<EniView>,
}

impl Attempt {
    /// Returns the accepted requests at all ENIs.
    pub fn requests(&self) -> impl Iterator<Item = &Traffic> {
        self.views
            .iter()
            .filter_map(|view| view.request.accepted.as_ref())
    }

    /// Returns the accepted replies at all ENIs.
    pub fn replies(&self) -> impl Iterator<Item = &Traffic> {
        self.views
            .iter()
            .filter_map(|view| view.reply.accepted.as_ref())
    }

    /// Returns the most packets that any ENI logged from the initiator, accepted or rejected.
    pub fn packets(&self) -> u64 {
        let of = |view: &EniView| {
            view.request
                .traffic()
                .map(|t| t.packets)
                .fold(0, u64::saturating_add)
        };
        self.views.iter().map(of).max().unwrap_or(0)
    }

    /// Returns the longest idle time just before a RST or REJECT at any ENI, nanoseconds.
    pub fn silence_ns(&self) -> i64 {
        let silences = self.views.iter().map(|view| view.silence_ns);
        silences.max().unwrap_or(0)
    }

    /// Whether this is TCP with known flags.
    pub fn has_tcp_flags(&self) -> bool {
        self.protocol == TCP && self.has_flags
    }
}

impl WayTraffic {
    /// Returns the accepted and the rejected packets.
    pub fn traffic(&self) -> impl Iterator<Item = &Traffic> {
        self.accepted.iter().chain(&self.rejected)
    }

    pub(super) fn take_in(&mut self, o: &Viewed) {
        let (traffic, reason) = match o.verdict {
            Verdict::Accept => (&mut self.accepted, RejectReason::Unsaid),
            Verdict::Reject(reason) => (&mut self.rejected, reason),
        };
        let more = Traffic {
            packets: o.packets,
            bytes: o.bytes.unwrap_or(0),
            flags: o.observed(),
            first_ns: o.start_ns,
            last_ns: o.end_ns,
            place: o.place,
            reason,
            path: o.path,
        };
        *traffic = Some(traffic.map_or(more, |known| known.add(&more)));
    }
}

impl Traffic {
    fn add(self, more: &Self) -> Self {
        Self {
            packets: self.packets.saturating_add(more.packets),
            bytes: self.bytes.saturating_add(more.bytes),
            flags: ObservedFlags(self.flags.0 | more.flags.0),
            first_ns: self.first_ns.min(more.first_ns),
            last_ns: self.last_ns.max(more.last_ns),
            place: self.place.min(more.place),
            reason: self.reason.max(more.reason),
            path: self.path.max(more.path),
        }
    }

    /// Whether a FIN or RST was seen.
    pub fn closes(&self) -> bool {
        self.flags.contains(ObservedFlags::FIN) || self.flags.contains(ObservedFlags::RST)
    }
}
