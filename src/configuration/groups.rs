//! Security groups: whether any rule of any group of an ENI allows the packets that open a
//! connection.
//!
//! Security groups are stateful: replies pass whatever the rules are, so only requests are decided
//! here (AWS: "Security groups are stateful"). The rules of all groups of an ENI add up.

use std::cmp::Reverse;
use std::net::IpAddr;

use super::cidr::{FarEnd, Fit};
use super::resources::{GroupRule, NetworkInterface, RulePeer};
use super::role::InterfaceRole;
use super::situation::{Situation, named};
use super::verdict::{FilterDecision, FilterVerdict, FilteredPackets};
use crate::flow::is_private;
use crate::printable::cut;

/// The longest description of a rule in a text, in characters.
const DESCRIPTION_MAX: usize = 60;

impl<'a> Situation<'a> {
    /// Decides whether the security groups of an ENI let the first packet of a connection pass.
    pub fn groups(self, eni: &NetworkInterface, packets: &FilteredPackets) -> FilterVerdict {
        if eni.groups.is_empty() || eni.role.is_without_groups() {
            return without_groups(eni);
        }
        let (mut filters, mut rules) = (Vec::new(), Vec::new());
        let (mut missing, mut captured_ns) = (None, None);
        for id in &eni.groups {
            let Some(group) = self.all.security_groups.at(id, self.ns) else {
                missing = Some(format!("the rules of {id} are not in the configuration"));
                continue;
            };
            captured_ns = captured_ns.max(group.captured_ns);
            let filter = named(id, &group.value.name);
            let directed = match packets.is_egress {
                true => &group.value.outbound,
                false => &group.value.inbound,
            };
            rules.extend(directed.iter().map(|rule| (filter.clone(), rule)));
            filters.push(filter);
        }
        let mut verdict = self.of_rules(eni, packets, &filters.join(", "), &rules);
        if let Some(why) = missing.filter(|_| !verdict.allows()) {
            verdict = FilterVerdict::unknown(why);
        }
        verdict.captured_ns = captured_ns;
        verdict
    }

    fn of_rules(
        self,
        eni: &NetworkInterface,
        packets: &FilteredPackets,
        filters: &str,
        rules: &[(String, &'a GroupRule)],
    ) -> FilterVerdict {
        let (mut some, mut unsure) = (None, None);
        for (filter, rule) in rules {
            let peer = self.peer(eni, &rule.peer, packets.far);
            match rule.service.fits(packets).and(peer) {
                Fit::Yes => {
                    let why = format!("{filter} allows {}", in_words(rule, packets));
                    return FilterVerdict::new(FilterDecision::Allows, filters.to_owned(), why);
                }
                Fit::Maybe if matches!(rule.peer, RulePeer::Range(_)) => {
                    some = Some((filter, rule))
                }
                Fit::Maybe => unsure = Some((filter, rule)),
                Fit::No => {}
            }
        }
        if let (Some((filter, rule)), None) = (some, unsure) {
            let why = format!("{filter} allows only {}", in_words(rule, packets));
            return FilterVerdict::new(FilterDecision::Divides, filters.to_owned(), why);
        }
        if let Some((filter, rule)) = unsure {
            return FilterVerdict::unknown(format!(
                "it is unknown whether the rule of {filter} for {} fits",
                in_words(rule, packets)
            ));
        }
        let why = format!(
            "no {} rule of {filters} allows {}",
            packets.way(),
            packets.in_words()
        );
        let mut verdict = FilterVerdict::new(FilterDecision::Denies, filters.to_owned(), why);
        let nearest = self.nearest(eni, packets, rules);
        verdict.nearest =
            nearest.map(|(filter, rule)| format!("{filter} allows {}", in_words(rule, packets)));
        verdict
    }

    /// Returns the rule that nearly fits: the same port for another end, closest first, or another
    /// port for the same end.
    fn nearest<'r>(
        self,
        eni: &NetworkInterface,
        packets: &FilteredPackets,
        rules: &'r [(String, &'a GroupRule)],
    ) -> Option<(&'r String, &'a GroupRule)> {
        let same_port = rules
            .iter()
            .filter(|(_, rule)| rule.service.fits(packets) == Fit::Yes)
            .min_by_key(|(_, rule)| Reverse(closeness(&rule.peer, packets.far)));
        let same_end = || {
            let is_same = |rule: &GroupRule| self.peer(eni, &rule.peer, packets.far) == Fit::Yes;
            rules.iter().find(|(_, rule)| is_same(rule))
        };
        let nearest = same_port.or_else(same_end);
        nearest.map(|(filter, rule)| (filter, *rule))
    }

    /// Whether the other end is one that a rule allows.
    fn peer(self, eni: &NetworkInterface, peer: &RulePeer, far: FarEnd) -> Fit {
        match peer {
            RulePeer::Range(range) => range.fits(far),
            RulePeer::PrefixList(id) => self.in_prefix_list(id, far),
            RulePeer::Group(id) => self.in_group(eni, id, far),
        }
    }

    /// Whether the other end is in a prefix list.
    pub fn in_prefix_list(self, id: &str, far: FarEnd) -> Fit {
        let Some(ranges) = self.prefix_list(id) else {
            return Fit::Maybe;
        };
        let mut fits = ranges.iter().map(|range| range.fits(far));
        fits.try_fold(Fit::No, |known, fit| match fit {
            Fit::Yes => Err(Fit::Yes),
            Fit::Maybe => Ok(Fit::Maybe),
            Fit::No => Ok(known),
        })
        .unwrap_or_else(|yes| yes)
    }

    /// Whether the other end is an ENI with that security group. A rule that names a group fits the
    /// private addresses of its ENIs only (AWS: "Security group referencing").
    fn in_group(self, eni: &NetworkInterface, id: &str, far: FarEnd) -> Fit {
        let FarEnd::Address(address) = far else {
            return Fit::No;
        };
        match self.owner(address, &eni.vpc) {
            Some(owner) => owner.value.groups.iter().any(|group| group == id).into(),
            None if address.is_ipv4() && !is_private(address) => Fit::No,
            None => Fit::Maybe,
        }
    }
}

fn without_groups(eni: &NetworkInterface) -> FilterVerdict {
    if eni.role == InterfaceRole::Plain {
        return FilterVerdict::unknown(format!(
            "the security groups of {} are not in the configuration",
            eni.id
        ));
    }
    let why = format!("{} has no security groups", eni.role);
    FilterVerdict::new(FilterDecision::Allows, String::new(), why)
}

/// How many bits a range has in common with the other end.
fn closeness(peer: &RulePeer, far: FarEnd) -> u32 {
    let (RulePeer::Range(range), FarEnd::Address(address)) = (peer, far) else {
        return 0;
    };
    match (range.first(), address) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            (u32::from(one) ^ u32::from(other)).leading_zeros() + 1
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            (u128::from(one) ^ u128::from(other)).leading_zeros() + 1
        }
        _ => 0,
    }
}

/// A rule in words: `TCP 5432 from 10.0.12.0/24 (sgr-..., "app servers")`.
fn in_words(rule: &GroupRule, packets: &FilteredPackets) -> String {
    let peer = match &rule.peer {
        RulePeer::Range(range) => range.to_string(),
        RulePeer::Group(id) => format!("members of {id}"),
        RulePeer::PrefixList(id) => format!("the prefix list {id}"),
    };
    let description = cut(&rule.description, DESCRIPTION_MAX);
    let notes = match (rule.id.is_empty(), description.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!(" ({})", rule.id),
        (true, false) => format!(" ({description:?})"),
        (false, false) => format!(" ({}, {description:?})", rule.id),
    };
    format!("{} {} {peer}{notes}", rule.service, packets.preposition())
}
