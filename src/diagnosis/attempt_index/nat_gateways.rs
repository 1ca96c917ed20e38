//! NAT gateways, and the requests to the internet that pass them.
//!
//! In the default format the ENI of a NAT gateway logs its own address as the destination of a
//! request to the internet, so one request has two five-tuples: its first leg at the gateway, and the
//! one that its sender logs.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{AttemptIndex, End, PathSymptom};
use crate::diagnosis::attempt_counts::Path;
use crate::diagnosis::symptom::Symptom;
use crate::flow::{EniIndex, is_private};

/// What both logs of an unanswered request to the internet have in common where it passes a NAT
/// gateway: at the gateway's ENI, `dstaddr` is the gateway's own address.
pub(super) type FirstLeg = (Option<IpAddr>, u8, u16);

impl<'a> AttemptIndex<'a> {
    /// Finds NAT gateways, and the requests that they took in and that have no reply.
    pub(super) fn find_nats(&mut self) {
        let found = self
            .by_target
            .keys()
            .filter(|eni| self.looks_like_nat(**eni));
        let found: Vec<EniIndex> = found.copied().collect();
        self.nats.extend(found);
        let silent = |entry: &&PathSymptom<'a>| {
            entry.symptom == Symptom::NoReply && entry.path.source.is_some()
        };
        let outside = self.all().filter(silent);
        let outside = outside.filter(|entry| !is_private(entry.path.target));
        self.silent_outside = outside.map(|entry| first_leg(entry.path)).collect();
        let legs = self.all().filter(silent).filter_map(|entry| {
            let nat = self.own_target(entry).filter(|eni| self.is_nat(*eni))?;
            Some((first_leg(entry.path), nat))
        });
        self.first_legs = legs.collect();
    }

    /// Returns the ENI at the target's end if the request is directed to its own address.
    fn own_target(&self, entry: &PathSymptom<'_>) -> Option<EniIndex> {
        let eni = entry.path.target_eni?;
        (self.owner(entry.path.target) == Some(eni)).then_some(eni)
    }

    /// Whether an unanswered request is the first leg of one to the internet, which has an entry of
    /// its own.
    pub(in crate::diagnosis) fn is_first_leg(&self, entry: &PathSymptom<'_>) -> bool {
        let leg = first_leg(entry.path);
        entry.symptom == Symptom::NoReply
            && self.own_target(entry).is_some_and(|eni| self.is_nat(eni))
            && self.silent_outside.contains(&leg)
    }

    /// Returns the NAT gateway that took in these requests to the internet, as far as the records
    /// show.
    pub(in crate::diagnosis) fn nat_of(&self, entry: &PathSymptom<'_>) -> Option<EniIndex> {
        if is_private(entry.path.target) || entry.path.source.is_none() {
            return None;
        }
        let entered = entry.path.target_eni.filter(|eni| self.is_nat(*eni));
        let is_silent = entry.symptom == Symptom::NoReply;
        let leg = || self.first_legs.get(&first_leg(entry.path)).copied();
        entered.or_else(|| is_silent.then(leg).flatten())
    }

    /// Whether a NAT gateway is the source, which passes on the requests of others.
    pub(in crate::diagnosis) fn is_from_nat(&self, entry: &PathSymptom<'_>) -> bool {
        let owner = entry.path.source.and_then(|source| self.owner(source));
        owner.is_some_and(|eni| self.is_nat(eni))
    }

    /// Whether an ENI is that of a NAT gateway, as far as the records show: by its type, because it
    /// takes in packets to the internet, or because it opens connections to the internet on the
    /// ports on which hosts inside open connections to it.
    pub(in crate::diagnosis) fn is_nat(&self, eni: EniIndex) -> bool {
        self.nats.contains(&eni)
    }

    fn looks_like_nat(&self, eni: EniIndex) -> bool {
        let known = self.enis.get(eni);
        if known.kind == "nat_gateway" || known.name.starts_with("nat-") {
            return true;
        }
        let passing = |end| {
            let entries = self.at(end, eni);
            entries.filter(|entry| entry.symptom.is_passed() && entry.path.source.is_some())
        };
        let from_inside: BTreeSet<u16> =
            passing(End::Target).map(|entry| entry.path.port).collect();
        let mut outbound = passing(End::Source).filter(|entry| !is_private(entry.path.target));
        outbound.any(|entry| from_inside.contains(&entry.path.port))
    }
}

fn first_leg(path: &Path) -> FirstLeg {
    (path.source, path.protocol, path.port)
}
