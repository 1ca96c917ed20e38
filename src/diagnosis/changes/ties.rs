//! Whether a change is known to belong to the place where packets fail.

use super::aims::{Aim, AimedPlace, Decider};
use super::effect::Scene;
use crate::change::{Change, ChangeDetail};
use crate::configuration::RouteHop;

/// What a change has to do with a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tie {
    /// It is known to be about something else.
    Other,
    /// Nothing is known.
    Unknown,
    /// It names the VPC.
    Vpc,
    /// It names something that belongs to the place, or the place itself; in words.
    Own(String),
}

impl Scene<'_> {
    /// Returns what a change has to do with a place.
    pub(super) fn tie(self, change: &Change, aim: &Aim) -> Tie {
        let place = &aim.place;
        if is_elsewhere(&change.account, &place.account)
            || is_elsewhere(&change.region, &place.region)
        {
            return Tie::Other;
        }
        let mapped = match &change.detail {
            ChangeDetail::Rules(rules) => {
                let lists = rules.iter().map(|rule| match rule.is_acl {
                    true => self.acl_tie(&rule.list, place),
                    false => self.group_tie(&rule.list, place),
                });
                lists.max()
            }
            ChangeDetail::Route(route) => {
                let on_way = || self.tie_of_way(aim, |hop| hop.table == route.table);
                let own = self.table_tie(&route.table, place);
                Some(match own {
                    Tie::Own(_) => own,
                    _ => on_way().unwrap_or(own),
                })
            }
            ChangeDetail::Groups { of, .. } => Some(self.owner_tie(of, place)),
            ChangeDetail::Association(changed) if changed.subnet.is_empty() => {
                let list = [
                    self.acl_tie(&changed.list, place),
                    self.table_tie(&changed.list, place),
                ];
                list.into_iter().max()
            }
            ChangeDetail::Association(changed) => Some(match place.subnet.is_empty() {
                true => Tie::Unknown,
                false if changed.subnet == place.subnet => Tie::Own(names(&changed.subnet)),
                false => Tie::Other,
            }),
            _ => self.gateway_tie(change, aim),
        };
        let named = named(change, aim);
        match mapped {
            // What the list belongs to counts, and not what else is named.
            Some(Tie::Unknown) | None => named,
            Some(tie) => tie,
        }
    }

    /// Returns the tie of a gateway that the change names; `None` if none is on the way of the packets.
    pub(super) fn gateway_tie(self, change: &Change, aim: &Aim) -> Option<Tie> {
        self.tie_of_way(aim, |hop| {
            let target = hop.target.as_ref();
            target.is_some_and(|target| change.ids.contains(target))
        })
    }

    /// Returns the tie of what is on the way of the packets; `None` if it is not known to be there.
    fn tie_of_way(self, aim: &Aim, is_there: impl Fn(&RouteHop) -> bool) -> Option<Tie> {
        if aim.decider != Decider::Routes {
            return None;
        }
        let (place, far) = (&aim.place, aim.packets.far);
        let situation = self.places.configuration?.at(self.places.ns);
        let way = situation.way(&place.subnet, &place.vpc, far);
        let at = way.iter().position(is_there)?;
        let RouteHop { table, target, .. } = &way[at];
        let target = target
            .as_deref()
            .map_or_else(|| "nowhere".to_owned(), |target| format!("to {target}"));
        let gateway = way[..at].last().and_then(|before| before.target.as_ref());
        let through = gateway.map(|gateway| format!("through {gateway}, and on "));
        Some(Tie::Own(format!(
            "packets of {} go {}{target} by {table}",
            place.subnet,
            through.unwrap_or_default()
        )))
    }

    /// Returns the tie of an interface, an instance or a load balancer.
    fn owner_tie(self, of: &str, place: &AimedPlace) -> Tie {
        let own = [&place.eni, &place.instance, &place.owner];
        if own.iter().any(|id| *id == of) {
            return Tie::Own(names(of));
        }
        let is_known = match of.split(['-', '/']).next() {
            Some("eni") => place.eni.starts_with("eni-"),
            Some("i") => !place.instance.is_empty(),
            // The configuration says of each interface whether it is one of a load balancer.
            Some("loadbalancer") => self.places.interface(&place.eni).is_some(),
            _ => false,
        };
        if is_known { Tie::Other } else { Tie::Unknown }
    }

    fn group_tie(self, group: &str, place: &AimedPlace) -> Tie {
        match self.groups_of(place) {
            Some(groups) if groups.iter().any(|own| own == group) => {
                Tie::Own(format!("{group} is a security group of {}", place.eni))
            }
            // The default group may be named instead.
            Some(_) if group.starts_with("sg-") => Tie::Other,
            _ => Tie::Unknown,
        }
    }

    fn acl_tie(self, acl: &str, place: &AimedPlace) -> Tie {
        let configured = self.places.configuration.and_then(|known| {
            let situation = known.at(self.places.ns);
            situation.acl_id(&place.subnet, &place.vpc)
        });
        let configured = configured.filter(|_| !place.subnet.is_empty());
        self.list_tie(acl, configured, place, "network ACL")
    }

    fn table_tie(self, table: &str, place: &AimedPlace) -> Tie {
        let configured = self.places.configuration.and_then(|known| {
            let situation = known.at(self.places.ns);
            situation.table_id(&place.subnet, &place.vpc)
        });
        let configured = configured.filter(|_| !place.subnet.is_empty());
        self.list_tie(table, configured, place, "route table")
    }

    fn list_tie(
        self,
        list: &str,
        configured: Option<String>,
        place: &AimedPlace,
        noun: &str,
    ) -> Tie {
        let subnet = &place.subnet;
        let logged = self.log.lists_of(subnet);
        let is_logged = logged.is_some_and(|lists| lists.contains(list));
        match configured {
            Some(known) if known == list => Tie::Own(format!("{list} is the {noun} of {subnet}")),
            _ if is_logged => Tie::Own(format!("{list} was given to {subnet}")),
            Some(_) => Tie::Other,
            None => Tie::Unknown,
        }
    }
}

/// What a change names of a place.
fn named(change: &Change, aim: &Aim) -> Tie {
    let place = &aim.place;
    // Other hosts of a subnet say nothing of this one.
    let subnet = match aim.decider {
        Decider::Host => &place.eni,
        _ => &place.subnet,
    };
    let ids = [&place.eni, subnet, &place.instance, &place.owner];
    let has = |id: &&&String| !id.is_empty() && change.ids.contains(**id);
    if let Some(id) = ids.iter().find(has) {
        return Tie::Own(names(id));
    }
    let mut shared = change.addresses.intersection(&place.addresses);
    if let Some(address) = shared.next() {
        return Tie::Own(names(&address.to_string()));
    }
    match !place.vpc.is_empty() && change.ids.contains(&place.vpc) {
        true => Tie::Vpc,
        false => Tie::Unknown,
    }
}

fn names(id: &str) -> String {
    format!("it names {id}")
}

fn is_elsewhere(change: &str, place: &str) -> bool {
    !change.is_empty() && !place.is_empty() && change != place
}
