//! What is wrong in a scenario, where and when it shows, and what must be said of it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::fault::{self, Fault};
use super::guard::Why;
use super::layout::Choice;
use super::log::Rejection;
use super::network::Network;

/// What is wrong, and what must be said of it.
pub struct Planted {
    /// What was done to the VPC.
    pub fault: Fault,
    /// Causes of which the first finding must name one; the most exact first.
    pub causes: Vec<&'static str>,
    /// What suffers, in a word.
    pub edge: &'static str,
    /// ENIs of which one must be named.
    pub enis: Vec<String>,
    /// Subnets of these ENIs.
    pub subnets: Vec<String>,
    /// The responders' ports, of which one must be named; none if there are many.
    pub ports: Vec<u16>,
    /// Addresses of those who answer badly; of others nothing is planted.
    pub targets: Vec<String>,
    /// Whether no finding about it may be above possible.
    pub is_harmless: bool,
    /// Conversations that failed by it.
    pub failed: usize,
    /// When it began and ended, if it began in the archive.
    pub change: Option<Change>,
    /// The zones of the ENIs, as `az-id` names them.
    pub zones: Vec<String>,
}

/// A fault that begins in the archive. In seconds since the epoch.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// When it begins.
    pub begins_s: u64,
    /// When it ends, if that is in the archive.
    pub ends_s: Option<u64>,
    /// When the first of its own conversations that failed began. Others may be earlier.
    pub first_failed_s: u64,
    /// When the last of these began.
    pub last_failed_s: u64,
}

impl Change {
    pub(super) fn new(during: &Range<u64>, archive: &Range<u64>, failed: &[u64]) -> Option<Self> {
        let begins = archive.contains(&during.start).then_some(during.start)?;
        // Connections that were open before fail as well.
        let failed = || failed.iter().filter(|at| during.contains(at));
        Some(Self {
            begins_s: begins / 1000,
            ends_s: archive.contains(&during.end).then_some(during.end / 1000),
            first_failed_s: failed().min()? / 1000,
            last_failed_s: failed().max()? / 1000,
        })
    }
}

impl Planted {
    pub(super) fn new(
        (fault, change): (Fault, Option<Change>),
        place: fault::Planted,
        failed: usize,
        (interval_s, choice): (u64, Choice),
        network: &Network,
        rejections: &BTreeSet<Rejection>,
    ) -> Self {
        let mut causes = place.causes;
        causes.extend(more_causes(
            fault,
            (interval_s, choice),
            network,
            rejections,
        ));
        let shows = where_it_shows(fault, rejections);
        let (enis, ports): (BTreeSet<usize>, BTreeSet<u16>) = if shows.is_empty() {
            let (enis, ports) = (place.enis.into_iter(), place.ports.into_iter());
            (enis.collect(), ports.collect())
        } else {
            shows
                .iter()
                .map(|rejection| (rejection.eni, rejection.port))
                .unzip()
        };
        let subnets: BTreeSet<&String> =
            enis.iter().map(|eni| &network.subnet_of(*eni).id).collect();
        let zones = enis.iter().map(|eni| network.subnet_of(*eni).zone_name());
        let zones: BTreeSet<String> = zones.collect();
        Self {
            fault,
            causes,
            change,
            is_harmless: fault == Fault::Unsolicited,
            zones: zones.into_iter().collect(),
            edge: place.edge.name,
            enis: enis
                .iter()
                .map(|eni| network.enis[*eni].id.clone())
                .collect(),
            subnets: subnets.into_iter().cloned().collect(),
            ports: ports.into_iter().collect(),
            targets: place
                .edge
                .responders
                .iter()
                .map(|end| end.address(network).to_string())
                .collect(),
            failed,
        }
    }
}

/// What this guard lets not pass: requests, or answers.
fn barred(rejections: &BTreeSet<Rejection>, why: Why, answers: bool) -> Vec<&Rejection> {
    let all = rejections.iter();
    all.filter(|rejection| (rejection.why, rejection.answers) == (why, answers))
        .collect()
}

/// What is rejected by this fault; nothing, if it is none that rejects.
fn where_it_shows(fault: Fault, rejections: &BTreeSet<Rejection>) -> Vec<&Rejection> {
    match fault {
        Fault::AclBlocksReply | Fault::AclCutsPorts => barred(rejections, Why::Acl, true),
        Fault::AclInbound | Fault::AclOutbound | Fault::AclChanged => {
            barred(rejections, Why::Acl, false)
        }
        Fault::PublicAccessBlock => barred(rejections, Why::PublicAccessBlock, false),
        Fault::Unencrypted => {
            let both = [false, true].map(|answers| barred(rejections, Why::Unencrypted, answers));
            both.concat()
        }
        _ => Vec::new(),
    }
}

/// Causes that may be named as well, because of what shows and what does not.
fn more_causes(
    fault: Fault,
    (interval_s, choice): (u64, Choice),
    network: &Network,
    rejections: &BTreeSet<Rejection>,
) -> Vec<&'static str> {
    let requests = barred(rejections, Why::Acl, false);
    let answers = barred(rejections, Why::Acl, true);
    let mut causes = Vec::new();
    match fault {
        Fault::AclChanged if !answers.is_empty() => causes.push("acl-blocks-reply"),
        Fault::AclInbound | Fault::AclOutbound => {
            // A whole subnet, whatever its groups: no group explains that.
            let groups = requests
                .iter()
                .map(|at| network.enis[at.eni].groups.first());
            if groups.collect::<BTreeSet<_>>().len() < 2 {
                causes.push(if fault == Fault::AclInbound {
                    "inbound-blocked"
                } else {
                    "outbound-blocked"
                });
            }
            if !answers.is_empty() {
                causes.push("acl-blocks-reply");
            }
        }
        // The silence is within a record.
        Fault::IdleTimeout if interval_s == 600 => causes.push("reset"),
        // The packet's own addresses are not told.
        Fault::ReplyElsewhere if choice == Choice::Thrifty => causes.push("no-reply"),
        _ => {}
    }
    causes
}
