//! Rebuilds connections from records of both directions of a conversation: the initiator, the order
//! of the packets, and the outcome.
//!
//! Pure: no I/O, no clock, no threads, no random source. The input is the records of one
//! conversation, as [`Viewed`]s; the output is segments in an order that TCP allows, each within
//! its record's window.
//!
//! ```text
//! split      divides the records of a conversation into connections
//! role       finds the initiator, and the evidence for it
//! sizes      finds the header sizes that explain the bytes
//! infer      infers flags for records that have none
//! parts      divides a record's packets into SYNs, FIN, RSTs, and others
//! plan       sizes the segments so that they add up to the record
//! balance    decides how many segments carry data and how many acknowledge it
//! spread     places each packet within its record's window
//! teardown   decides which FIN comes first
//! first_sender  says whether it is a guess who sent first
//! lane       puts the segments of one direction in order, with preferred times
//! merge      merges both directions into one order
//! inference  names the rules that infer, so that one can be left out to measure it
//! in_flight  limits the data in flight to the number of segments Wireshark tracks
//! sequence   assigns sequence and acknowledgement numbers
//! arrivals   what one side can acknowledge
//! window     the windows that segments announce
//! segment    one packet, before it has headers
//! datagrams  rebuilds UDP, ICMP and everything else that is not TCP
//! outcome    names the outcome
//! ```
//!
//! # Invariants
//! * The sizes of a record's segments add up to its bytes.
//! * The SYN precedes the SYN-ACK, which precedes the initiator's next segment. A FIN follows all
//!   data of its sender. No segment acknowledges data that was not sent.

mod arrivals;
mod balance;
mod count;
mod datagrams;
mod first_sender;
mod in_flight;
mod infer;
mod inference;
mod lane;
mod merge;
mod outcome;
mod parts;
mod plan;
mod role;
mod segment;
mod sequence;
mod sizes;
mod split;
mod spread;
mod teardown;
mod window;

pub(crate) use count::{packets_about, packets_of};
pub use outcome::{ConnectionInfo, Outcome};
pub use plan::{Detail, PER_RECORD_MAX};
pub use role::{Role, RoleEvidence};
pub use segment::{Segment, SegmentKind};
pub use split::split;
pub use teardown::FirstClose;

use crate::connection::inference::InferenceRule;
use crate::connection::lane::{Lane, Planned};
use crate::connection::merge::Turns;
use crate::connection::plan::SegmentPlan;
use crate::connection::sizes::Sizes;
use crate::connection::spread::spread_among;
use crate::flow::{TCP, Viewed, Way};
use crate::names::service_at;

/// Rebuilds one connection from its records, in the order of [`split()`], and appends its segments
/// to `out` in order of time.
///
/// # Panics
/// Panics if there are no records.
pub fn rebuild(records: &[Viewed], detail: Detail, out: &mut Vec<Segment>) -> ConnectionInfo {
    let role = role::role(records);
    if records[0].key.protocol != TCP {
        return datagrams::rebuild(records, role, detail, out);
    }
    let begin = out.len();
    let reading = parts::read(records, role);
    let ip = sizes::ip_len(&records[0]);
    let sized = records.iter().zip(&reading.parts);
    let tallies = sized.filter_map(|(o, parts)| o.bytes.map(|bytes| parts.tally(bytes)));
    let sizes = if records.iter().any(sizes::counts_payload) {
        Sizes::of_payload(ip)
    } else {
        Sizes::infer(ip, tallies)
    };
    let mut plans = [Vec::new(), Vec::new()];
    let mut bytes_added = 0;
    for (i, (o, parts)) in records.iter().zip(&reading.parts).enumerate() {
        let index = u32::try_from(i).expect("fewer than 2^32 records a connection");
        let plan = SegmentPlan::new(index, o, parts, sizes, detail);
        bytes_added += plan.bytes_added;
        plans[o.way.index()].push(Planned::new(plan, o.packets));
    }
    balance::acknowledge_bytes(&mut plans);
    if InferenceRule::SmallSegments.applies() {
        balance::balance(&mut plans);
    }
    set_spreads(&mut plans);
    let service_port = records[0].key.sender(role.initiator.reverse()).port;
    establish(&mut plans, role, service_port);
    let local = Way::BOTH.map(|way| {
        records
            .iter()
            .any(|o| o.way == way && o.leaving == Some(true))
    });
    let closed_first = teardown::close(&mut plans, role, service_port, local);
    let [up, down] = plans;
    let lanes = [
        Lane::new(Way::Up, role.initiator == Way::Up, up),
        Lane::new(Way::Down, role.initiator == Way::Down, down),
    ];
    let mut drafts = Vec::new();
    let merged = merge::merge(lanes, Turns::of(records, role), &mut drafts);
    if merged.longest_row > in_flight::MOST {
        in_flight::limit(&mut drafts, detail);
    }
    // Line numbers would break ties between records, but they depend on how the archive is cut into
    // files.
    let born = records
        .iter()
        .min_by_key(|o| (o.start_ns, o.way, o.packets, o.bytes));
    sequence::number(born.unwrap_or(&records[0]), &mut drafts, out);
    let outcome = outcome::outcome(records, &reading.parts, role);
    ConnectionInfo {
        role,
        outcome,
        presumed: reading.presumed,
        closed_first,
        first_guessed: first_guessed(records, role, &out[begin..]),
        moved: merged.moved,
        bytes_added,
    }
}

/// Returns the role and outcome of a connection, as [`rebuild`] does, without planning segments.
///
/// # Panics
/// Panics if there are no records.
pub fn judge(records: &[Viewed]) -> (Role, Outcome) {
    let role = role::role(records);
    let parts = match records[0].key.protocol {
        TCP => parts::read(records, role).parts,
        _ => Vec::new(),
    };
    (role, outcome::outcome(records, &parts, role))
}

/// Returns the direction of the first segment, if it is a guess that this side sent first.
fn first_guessed(records: &[Viewed], role: Role, segments: &[Segment]) -> Option<Way> {
    let first = segments.first()?;
    first_sender::is_guess(records, role).then_some(first.way)
}

/// Gives each record the times when the other direction was active.
fn set_spreads([up, down]: &mut [Vec<Planned>; 2]) {
    let window = |p: &Planned| p.plan.window;
    up.iter_mut()
        .for_each(|p| p.spread = spread_among(p.plan.window, down, window));
    down.iter_mut()
        .for_each(|p| p.spread = spread_among(p.plan.window, up, window));
}

/// Reserves the initiator's first segments after the SYN-ACK for the handshake and for the request
/// that begins every exchange, except with services that send first.
fn establish(plans: &mut [Vec<Planned>; 2], role: Role, service_port: u16) {
    let answered = plans[role.initiator.reverse().index()]
        .iter()
        .any(|p| p.plan.syns > 0);
    let own = &mut plans[role.initiator.index()];
    let Some(first) = own.iter_mut().find(|p| p.plan.body > 0) else {
        return;
    };
    // The SYN itself may not be in the archive.
    if answered {
        first.established = 1;
        let greets = InferenceRule::Greeting.applies()
            && service_at(service_port).is_some_and(|service| service.greets);
        let asks = first.plan.body > 1 && !greets && InferenceRule::Request.applies();
        first.request = u64::from(asks && first.plan.data > 0);
    }
}

#[cfg(test)]
mod tests;
