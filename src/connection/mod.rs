//! Both ways of a conversation, rebuilt: who opened it, what was sent in which
//! order, and how it ended.
//!
//! Pure: no I/O, no clock, no threads, no random source. Records go in, in the
//! form of [`Observation`]s of one conversation; segments come out, in an order
//! that TCP allows, each within its record's window.
//!
//! ```text
//! split      records of one conversation -> records of one connection
//! role       who opened it, and how that is known
//! parts      a record's flags and counters -> SYNs, FIN, RSTs, the rest
//! presume    flags for records that have none
//! sizes      which headers explain the octets
//! plan       sizes that add up
//! balance    how many of the segments carry data
//! spread     where in its window each packet goes
//! closing    whose FIN comes first
//! lane       one way in the order sent, with the times that its records suggest
//! merge      both ways in one order
//! outstanding  no more in flight than Wireshark counts
//! sequence   sequence and acknowledgement numbers
//! datagrams  the same for UDP, ICMP and all that is not TCP
//! ```
//!
//! # Invariants
//! * The sizes of a record's segments add up to its octets.
//! * SYN before SYN-ACK before the initiator's next segment; a FIN after its
//!   side's data; nothing acknowledged that was not sent.

mod balance;
mod closing;
mod datagrams;
mod draft;
mod lane;
mod merge;
mod outcome;
mod outstanding;
mod parts;
mod plan;
mod presume;
mod role;
mod segment;
mod sequence;
mod sizes;
mod split;
mod spread;

pub use outcome::Outcome;
pub use role::{Evidence, Role};
pub use segment::{Kind, Segment};
pub use split::split;

use crate::connection::lane::{Lane, Planned};
use crate::connection::plan::Plan;
use crate::connection::sizes::Sizes;
use crate::connection::spread::Spread;
use crate::flow::{Observation, TCP, Way};
use crate::names::service_at;

/// Records of the other way that are looked at for overlap with one record.
const NEAR_RECORDS: usize = 16;

/// How much of what was logged is written out as packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Every logged packet.
    Exact,
    /// At most so many a record; data is merged into larger segments.
    Compact {
        /// The cap, in packets a record.
        per_record_max: u64,
    },
    /// Handshake, teardown and one data segment a record.
    Control,
}

/// The default cap of packets a record: enough to see retries and the shape of a transfer, and
/// few enough for Wireshark.
pub const PER_RECORD_MAX: u64 = 64;

impl Default for Detail {
    fn default() -> Self {
        Self::Compact {
            per_record_max: PER_RECORD_MAX,
        }
    }
}

impl Detail {
    /// About how many packets a record that counts so many becomes, at most.
    pub fn packets_max(self, packets: u64) -> u64 {
        match self {
            Self::Exact => packets.min(PACKETS_MAX),
            Self::Compact { per_record_max } => packets.min(per_record_max),
            Self::Control => packets.min(CONTROL_PACKETS),
        }
    }
}

/// The most packets that one record becomes, whatever it counts: a counter has 64 bits, and anyone
/// can write such a record. The rest is merged into these.
const PACKETS_MAX: u64 = 1 << 22;

/// What [`Detail::Control`] makes of all but a few records: SYN, ACK, data, FIN.
const CONTROL_PACKETS: u64 = 4;

/// What is known of a connection once it is rebuilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Story {
    /// Who opened it, and how that is known.
    pub role: Role,
    /// How it went.
    pub outcome: Outcome,
    /// Whether handshake and teardown are presumed, because the records have no tcp-flags.
    pub presumed: bool,
    /// Segments that causality moved out of their record's window.
    pub moved: u64,
    /// Octets written beyond those logged, in records that claim fewer than headers need.
    pub bytes_added: u64,
}

/// Rebuilds one connection from its records, in the order of [`split()`], and
/// appends its segments to `out` in the order of their times.
///
/// # Panics
/// If there is no record.
pub fn rebuild(records: &[Observation], detail: Detail, out: &mut Vec<Segment>) -> Story {
    let role = role::role(records);
    if records[0].key.protocol != TCP {
        return datagrams::rebuild(records, role, detail, out);
    }
    let reading = parts::read(records, role);
    let ip = parts::ip_len(&records[0]);
    let sized = records.iter().zip(&reading.parts);
    let tallies = sized.filter_map(|(o, parts)| o.bytes.map(|bytes| parts.tally(bytes)));
    let sizes = Sizes::infer(ip, tallies);
    let mut plans = [Vec::new(), Vec::new()];
    let mut bytes_added = 0;
    for (i, (o, parts)) in records.iter().zip(&reading.parts).enumerate() {
        let index = u32::try_from(i).expect("fewer than 2^32 records a connection");
        let plan = Plan::new(index, o, parts, sizes, detail);
        bytes_added += plan.bytes_added;
        plans[o.way.index()].push(Planned::new(plan, o.packets));
    }
    outstanding::acknowledge_octets(&mut plans);
    balance::balance(&mut plans);
    settle_spreads(&mut plans);
    let service_port = records[0].key.sender(role.initiator.reverse()).port;
    establish(&mut plans, role, service_port);
    let local = Way::BOTH.map(|way| {
        records
            .iter()
            .any(|o| o.way == way && o.leaving == Some(true))
    });
    closing::close(&mut plans, role, local);
    let [up, down] = plans;
    let lanes = [
        Lane::new(Way::Up, role.initiator == Way::Up, up),
        Lane::new(Way::Down, role.initiator == Way::Down, down),
    ];
    let mut drafts = Vec::new();
    let adjustments = merge::merge(lanes, &mut drafts);
    outstanding::limit(&mut drafts, detail);
    // Of records that tie, lines say which comes first, and lines differ by how the archive is cut.
    let born = records
        .iter()
        .min_by_key(|o| (o.start_ns, o.way, o.packets, o.bytes));
    sequence::number(born.unwrap_or(&records[0]), &drafts, out);
    let outcome = outcome::outcome(records, &reading.parts, role);
    Story {
        role,
        outcome,
        presumed: reading.presumed,
        moved: adjustments.moved,
        bytes_added,
    }
}

/// Tells who opened a connection and how it went, as [`rebuild`] does, without planning a segment.
///
/// # Panics
/// If there is no record.
pub fn judge(records: &[Observation]) -> (Role, Outcome) {
    let role = role::role(records);
    let parts = match records[0].key.protocol {
        TCP => parts::read(records, role).parts,
        _ => Vec::new(),
    };
    (role, outcome::outcome(records, &parts, role))
}

/// Tells each record when the other way was active.
fn settle_spreads([up, down]: &mut [Vec<Planned>; 2]) {
    let window = |p: &Planned| p.plan.window;
    up.iter_mut()
        .for_each(|p| p.spread = spread_beside(p.plan.window, down, window));
    down.iter_mut()
        .for_each(|p| p.spread = spread_beside(p.plan.window, up, window));
}

/// The spread of a window beside those of the other way's records, which are in order of start.
fn spread_beside<T>(own: (i64, i64), others: &[T], window: impl Fn(&T) -> (i64, i64)) -> Spread {
    // Those that may overlap are the last that begin before its end.
    let behind = others.partition_point(|other| window(other).0 < own.1);
    let near = others[..behind].iter().rev().take(NEAR_RECORDS);
    Spread::beside(own, near.map(window))
}

/// Keeps the initiator's first segments after the SYN-ACK for the handshake
/// and for the request that every exchange begins with, but with services that
/// speak first.
fn establish(plans: &mut [Vec<Planned>; 2], role: Role, service_port: u16) {
    let answered = plans[role.initiator.reverse().index()]
        .iter()
        .any(|p| p.plan.syns > 0);
    let own = &mut plans[role.initiator.index()];
    let opened = own.iter().any(|p| p.plan.syns > 0);
    let Some(first) = own.iter_mut().find(|p| p.plan.body > 0) else {
        return;
    };
    if answered && opened {
        first.established = 1;
        let asks =
            first.plan.body > 1 && !service_at(service_port).is_some_and(|service| service.greets);
        first.request = u64::from(asks && first.plan.data > 0);
    }
}

#[cfg(test)]
mod tests;
