//! One try to reach a service, as the records of every ENI tell it.
//!
//! Packets of one connection are logged at each monitored ENI that they pass. A
//! conversion tells them from one of these and drops the rest; here the differences between
//! them are what matters, so all are kept, side by side. How they find each other: `gather`.

use crate::connection::{Outcome, RoleEvidence};
use crate::flow::{Endpoint, EniIndex, Place, RejectReason, TCP, TrafficPath, Verdict, Viewed};
use crate::record::ObservedFlags;

/// Packets of one way with one verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Packets logged.
    pub packets: u64,
    /// Bytes logged, from the IP header on.
    pub bytes: u64,
    /// All `tcp-flags` together.
    pub flags: ObservedFlags,
    /// First packet, nanoseconds since the Unix epoch.
    pub first_ns: i64,
    /// Last packet, likewise.
    pub last_ns: i64,
    /// The lowest line that tells of it.
    pub place: Place,
    /// Why it was rejected, if it was and a record says.
    pub reason: RejectReason,
    /// By which way it left the ENI, where a record says.
    pub path: Option<TrafficPath>,
}

/// One way of an attempt at one ENI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WayTraffic {
    /// What was let through.
    pub accepted: Option<Traffic>,
    /// What was stopped.
    pub rejected: Option<Traffic>,
}

/// What one side of one ENI saw of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EniView {
    /// The ENI.
    pub eni: EniIndex,
    /// Whether requests leave the ENI here, if that is known; replies go the other way.
    pub request_leaves: Option<bool>,
    /// What the initiator sent.
    pub request: WayTraffic,
    /// What the responder sent.
    pub reply: WayTraffic,
    /// How it looked from here.
    pub outcome: Outcome,
    /// The longest silence just before a RST or REJECT, nanoseconds.
    pub silence_ns: i64,
}

/// One try to reach a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// IANA protocol number.
    pub protocol: u8,
    /// Who tried.
    pub initiator: Endpoint,
    /// What it tried to reach.
    pub responder: Endpoint,
    /// How it is known who tried.
    pub evidence: RoleEvidence,
    /// Whether all records have `tcp-flags`; without these nothing is known of SYN or RST.
    pub has_flags: bool,
    /// First packet at any ENI, nanoseconds since the Unix epoch.
    pub first_ns: i64,
    /// Last packet at any ENI, likewise.
    pub last_ns: i64,
    /// Records that tell of it.
    pub records: u64,
    /// Whether one of them is what was asked for.
    pub matched: bool,
    /// What each ENI saw, in order of the ENIs.
    pub views: Vec<EniView>,
}

impl Attempt {
    /// Requests that were let through, at all ENIs.
    pub fn requests(&self) -> impl Iterator<Item = &Traffic> {
        self.views
            .iter()
            .filter_map(|view| view.request.accepted.as_ref())
    }

    /// Replies that were let through, at all ENIs.
    pub fn replies(&self) -> impl Iterator<Item = &Traffic> {
        self.views
            .iter()
            .filter_map(|view| view.reply.accepted.as_ref())
    }

    /// Most packets that any ENI saw of the initiator, whatever became of them.
    pub fn packets(&self) -> u64 {
        let of = |view: &EniView| {
            view.request
                .traffic()
                .map(|t| t.packets)
                .fold(0, u64::saturating_add)
        };
        self.views.iter().map(of).max().unwrap_or(0)
    }

    /// The longest silence just before a RST or REJECT at any ENI, nanoseconds.
    pub fn silence_ns(&self) -> i64 {
        let silences = self.views.iter().map(|view| view.silence_ns);
        silences.max().unwrap_or(0)
    }

    /// Whether it is TCP of which flags are known.
    pub fn is_told(&self) -> bool {
        self.protocol == TCP && self.has_flags
    }
}

impl WayTraffic {
    /// What was let through and what was stopped.
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
