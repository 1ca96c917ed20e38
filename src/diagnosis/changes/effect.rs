//! Whether a change breaks or mends what packets need.

use super::aims::{Aim, AimedPlace, Decider, Places};
use crate::change::{
    Change, ChangeDetail, ChangeKind, ChangeLog, ChangedRoute, ChangedRule, RuleAction, RuleContent,
};
use crate::configuration::{FarEnd, Fit, RouteDestination, RulePeer};
use crate::flow::{TCP, UDP};

/// What a change is to have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Packets that passed fail from then on.
    Breaks,
    /// Packets that failed pass from then on.
    Mends,
}

/// What changes are compared with.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) places: Places<'a>,
    pub(super) log: &'a ChangeLog,
    pub(super) effect: Effect,
}

impl Scene<'_> {
    /// Whether a change has the effect on the packets of an aim, if it belongs to the place of it.
    pub(super) fn fits(self, change: &Change, aim: &Aim) -> Fit {
        match (&change.detail, aim.decider) {
            (ChangeDetail::Rules(rules), Decider::Filters | Decider::Acl) => {
                let rules = rules.iter().map(|rule| self.rule_fits(rule, aim));
                best(rules)
            }
            (ChangeDetail::Route(route), Decider::Routes) => self.route_fits(route, aim),
            (ChangeDetail::Groups { groups, .. }, Decider::Filters) => self.groups_fit(groups, aim),
            (ChangeDetail::Association(_), decider) => match (decider, change.kind) {
                (Decider::Filters | Decider::Acl, ChangeKind::NetworkAcl)
                | (Decider::Routes, ChangeKind::Route) => Fit::Maybe,
                _ => Fit::No,
            },
            (ChangeDetail::Rules(_) | ChangeDetail::Route(_), _) => Fit::No,
            _ => self.other_fits(change, aim),
        }
    }

    /// The same for calls that have no rule: the resource that they act on must be able to decide.
    fn other_fits(self, change: &Change, aim: &Aim) -> Fit {
        let is = |part: &str| change.name.contains(part);
        match aim.decider {
            // Settings of a whole region or VPC, and the records name them as the reason.
            Decider::PublicAccess => is("BlockPublicAccess").into(),
            Decider::Encryption => is("EncryptionControl").into(),
            Decider::Host => self.host_fits(change),
            Decider::Filters | Decider::Acl => match change.kind {
                ChangeKind::SecurityGroup | ChangeKind::NetworkAcl | ChangeKind::Firewall => {
                    Fit::Maybe
                }
                ChangeKind::Vpc if is("PrefixList") => Fit::Maybe,
                _ => Fit::No,
            },
            Decider::Routes if self.takes_gateway(change, aim) => Fit::Yes,
            Decider::Routes => match change.kind {
                ChangeKind::Route | ChangeKind::Gateway | ChangeKind::Firewall => Fit::Maybe,
                ChangeKind::Interface if !is("Create") => Fit::Maybe,
                _ => Fit::No,
            },
        }
    }

    /// Whether a change takes away a gateway that is on the way of the packets.
    fn takes_gateway(self, change: &Change, aim: &Aim) -> bool {
        let mut verbs = ["Delete", "Detach"].iter();
        let is_taken = self.effect == Effect::Breaks
            && change.kind == ChangeKind::Gateway
            && verbs.any(|verb| change.name.starts_with(verb));
        is_taken && self.gateway_tie(change, aim).is_some()
    }

    fn host_fits(self, change: &Change) -> Fit {
        let ends = ["StopInstances", "TerminateInstances", "RebootInstances"];
        match (change.kind, self.effect) {
            (ChangeKind::Host, Effect::Breaks) if ends.contains(&&*change.name) => Fit::Yes,
            (ChangeKind::Host, Effect::Mends) if change.name == "StartInstances" => Fit::Yes,
            (ChangeKind::Host, _) => Fit::Maybe,
            (ChangeKind::Interface | ChangeKind::LoadBalancer, _) => Fit::Maybe,
            _ => Fit::No,
        }
    }

    /// Whether the content of a changed rule, as far as it is known, is about such packets.
    pub(super) fn is_near(self, change: &Change, aim: &Aim) -> bool {
        let ChangeDetail::Rules(rules) = &change.detail else {
            return false;
        };
        let known = rules.iter().flat_map(|rule| [&rule.before, &rule.after]);
        let mut known = known.flatten();
        known.any(|content| self.content_fits(content, aim) != Fit::No)
    }

    fn rule_fits(self, rule: &ChangedRule, aim: &Aim) -> Fit {
        if aim.decider == Decider::Acl && !rule.is_acl {
            return Fit::No;
        }
        let direction = match rule.is_egress {
            Some(is_egress) => Fit::from(is_egress == aim.packets.is_egress),
            None => Fit::Maybe,
        };
        let (before, after) = match self.effect {
            Effect::Breaks => (&rule.before, &rule.after),
            Effect::Mends => (&rule.after, &rule.before),
        };
        let is_unknown = |is_after: bool| {
            let is_older = (self.effect == Effect::Breaks) != is_after;
            is_older && rule.before.is_none() && rule.action != RuleAction::Adds
        };
        let of = |content: &Option<RuleContent>, is_after: bool, allows: bool| match content {
            Some(content) if content.allows == allows => self.content_fits(content, aim),
            Some(_) => Fit::No,
            None if is_unknown(is_after) => Fit::Maybe,
            None => Fit::No,
        };
        // What admitted them is gone, or what bars them is new.
        let admitted = of(before, false, true).and(not(of(after, true, true)));
        let barred = of(after, true, false).and(not(of(before, false, false)));
        direction.and(best([admitted, barred].into_iter()))
    }

    fn content_fits(self, content: &RuleContent, aim: &Aim) -> Fit {
        let packets = &aim.packets;
        let peer = match &content.peer {
            Some(peer) => self.peer_fits(peer, packets.far, &aim.place),
            None => Fit::Maybe,
        };
        let service = match content.service.fits(packets) {
            // Of many ports of clients some are in the rule.
            Fit::Maybe if matches!(packets.protocol, TCP | UDP) => Fit::Yes,
            fit => fit,
        };
        service.and(peer)
    }

    fn peer_fits(self, peer: &RulePeer, far: FarEnd, place: &AimedPlace) -> Fit {
        match peer {
            RulePeer::Range(range) => range.fits(far),
            RulePeer::PrefixList(id) => match self.places.configuration {
                Some(known) => known.at(self.places.ns).in_prefix_list(id, far),
                None => Fit::Maybe,
            },
            RulePeer::Group(id) => {
                let FarEnd::Address(address) = far else {
                    return Fit::No;
                };
                let other = self.places.of_address(address, &place.vpc);
                match self.groups_of(&other) {
                    Some(groups) => groups.iter().any(|group| group == id).into(),
                    None => Fit::Maybe,
                }
            }
        }
    }

    /// Returns the security groups that a place ever had; `None` if nothing says it.
    pub(super) fn groups_of(self, place: &AimedPlace) -> Option<Vec<String>> {
        let configured = self
            .places
            .interface(&place.eni)
            .map(|eni| eni.groups.clone());
        let ids = [&place.eni, &place.instance, &place.owner];
        let logged = ids.iter().filter_map(|id| self.log.groups_of(id));
        let logged: Vec<String> = logged.flatten().cloned().collect();
        match configured {
            Some(groups) => Some(groups.into_iter().chain(logged).collect()),
            None if logged.is_empty() => None,
            None => Some(logged),
        }
    }

    fn route_fits(self, route: &ChangedRoute, aim: &Aim) -> Fit {
        let holds = match &route.destination {
            Some(RouteDestination::Range(range)) => match aim.packets.far {
                FarEnd::Address(address) => range.contains(address).into(),
                FarEnd::Internet { .. } => range.fits(aim.packets.far),
            },
            Some(RouteDestination::PrefixList(id)) => {
                let configuration = self.places.configuration;
                configuration.map_or(Fit::Maybe, |known| {
                    known.at(self.places.ns).in_prefix_list(id, aim.packets.far)
                })
            }
            None => Fit::Maybe,
        };
        match (route.action, self.effect) {
            (RuleAction::Removes, Effect::Breaks)
            | (RuleAction::Adds, Effect::Mends)
            | (RuleAction::Replaces, _) => holds,
            // A new route may take packets away from a shorter one.
            (RuleAction::Adds, Effect::Breaks) | (RuleAction::Removes, Effect::Mends) => {
                holds.and(Fit::Maybe)
            }
        }
    }

    /// Whether the security groups that an interface gets reject or allow the packets.
    fn groups_fit(self, groups: &[String], aim: &Aim) -> Fit {
        let own = self.places.interface(&aim.place.eni);
        let (Some(own), Some(configuration)) = (own, self.places.configuration) else {
            return Fit::Maybe;
        };
        let mut eni = own.clone();
        eni.groups = groups.to_vec();
        let verdict = configuration.at(self.places.ns).groups(&eni, &aim.packets);
        match (self.effect, verdict.denies(), verdict.allows()) {
            (Effect::Breaks, true, _) | (Effect::Mends, _, true) => Fit::Yes,
            (_, false, false) => Fit::Maybe,
            _ => Fit::No,
        }
    }
}

fn not(fit: Fit) -> Fit {
    match fit {
        Fit::Yes => Fit::No,
        Fit::No => Fit::Yes,
        Fit::Maybe => Fit::Maybe,
    }
}

/// Returns the surest of these.
pub(super) fn best(fits: impl Iterator<Item = Fit>) -> Fit {
    fits.fold(Fit::No, |known, fit| match (known, fit) {
        (Fit::Yes, _) | (_, Fit::Yes) => Fit::Yes,
        (Fit::Maybe, _) | (_, Fit::Maybe) => Fit::Maybe,
        _ => Fit::No,
    })
}
