//! The packets of a finding that fail, and the places where filters, routes and hosts decide about
//! them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::configuration::{Configuration, FarEnd, FilteredPackets, NetworkInterface};
use crate::diagnosis::attempt_counts::Path;
use crate::diagnosis::path_counts::PathCounts;
use crate::diagnosis::symptom::Symptom;
use crate::flow::{EniIndex, Enis};

/// Where packets fail, as far as it is known.
#[derive(Clone, Debug, Default)]
pub(super) struct AimedPlace {
    /// The ids of the interface; empty if unknown.
    pub(super) eni: String,
    /// Its subnet; empty if unknown.
    pub(super) subnet: String,
    /// Its VPC; empty if unknown.
    pub(super) vpc: String,
    /// Its instance; empty if unknown.
    pub(super) instance: String,
    /// The load balancer or gateway that it belongs to; empty if none or unknown.
    pub(super) owner: String,
    /// Its account; empty if unknown.
    pub(super) account: String,
    /// Its region; empty if unknown.
    pub(super) region: String,
    /// Its addresses.
    pub(super) addresses: BTreeSet<IpAddr>,
}

/// What may decide about packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decider {
    /// A security group or a network ACL.
    Filters,
    /// A network ACL only: security groups let replies pass.
    Acl,
    /// The route table of the subnet.
    Routes,
    /// The host itself.
    Host,
    /// VPC Block Public Access.
    PublicAccess,
    /// VPC Encryption Controls.
    Encryption,
}

/// Packets at a place, and what may decide about them there.
#[derive(Clone, Debug)]
pub(super) struct Aim {
    pub(super) place: AimedPlace,
    pub(super) decider: Decider,
    pub(super) packets: FilteredPackets,
}

/// What names of ENIs and addresses are looked up in.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) enis: &'a Enis,
    pub(super) configuration: Option<&'a Configuration>,
    pub(super) ns: i64,
}

impl<'a> Places<'a> {
    /// Returns the interface with this id in the configuration.
    pub(super) fn interface(self, id: &str) -> Option<&'a NetworkInterface> {
        let found = self.configuration?.at(self.ns).interface(id)?;
        Some(found.value)
    }

    /// Returns the place of an ENI of the archive.
    pub(super) fn of_eni(self, index: EniIndex) -> AimedPlace {
        let eni = self.enis.get(index);
        let mut place = AimedPlace {
            eni: eni.name.clone(),
            subnet: eni.subnet.clone(),
            vpc: eni.vpc.clone(),
            instance: eni.instance.clone(),
            owner: String::new(),
            account: eni.account.clone(),
            region: eni.region.clone(),
            addresses: eni.addresses().collect(),
        };
        if let Some(known) = self.interface(&eni.name) {
            place.add(known);
        }
        place
    }

    /// Returns the place of an address: its ENI in the archive or in the configuration.
    pub(super) fn of_address(self, address: IpAddr, vpc: &str) -> AimedPlace {
        let mut own = (0..)
            .map(EniIndex)
            .zip(self.enis.iter())
            .filter(|(_, eni)| eni.address == Some(address));
        if let (Some((index, _)), None) = (own.next(), own.next()) {
            return self.of_eni(index);
        }
        let mut place = AimedPlace {
            addresses: BTreeSet::from([address]),
            ..AimedPlace::default()
        };
        let owner = self
            .configuration
            .and_then(|known| known.at(self.ns).owner(address, vpc));
        if let Some(owner) = owner {
            place.eni.clone_from(&owner.value.id);
            place.add(owner.value);
        }
        place
    }
}

impl AimedPlace {
    /// Adds what the configuration says.
    fn add(&mut self, known: &NetworkInterface) {
        for (own, known) in [
            (&mut self.subnet, &known.subnet),
            (&mut self.vpc, &known.vpc),
            (&mut self.instance, &known.instance),
            (&mut self.owner, &known.owner),
        ] {
            if own.is_empty() {
                own.clone_from(known);
            }
        }
        self.addresses.extend(&known.addresses);
    }
}

/// The packets of attempts on one path.
struct PathPackets<'a> {
    path: &'a Path,
    seen: &'a PathCounts,
}

impl PathPackets<'_> {
    fn source(&self) -> FarEnd {
        let is_v6 = self.path.target.is_ipv6();
        let source = self.path.source;
        source.map_or(FarEnd::Internet { is_v6 }, FarEnd::Address)
    }

    fn far(&self, is_target: bool) -> FarEnd {
        match is_target {
            true => FarEnd::Address(self.path.target),
            false => self.source(),
        }
    }

    /// The requests, where they enter or leave an ENI.
    fn request(&self, is_egress: bool) -> FilteredPackets {
        FilteredPackets {
            is_egress,
            protocol: self.path.protocol,
            far: self.far(is_egress),
            ports: (self.path.port, self.path.port),
        }
    }

    /// The replies, which go to the ports of the initiators.
    fn reply(&self, is_egress: bool) -> FilteredPackets {
        FilteredPackets {
            is_egress,
            protocol: self.path.protocol,
            far: self.far(!is_egress),
            ports: self.seen.ports,
        }
    }

    /// What may decide where no filter rejects and nothing comes back: routes, the host, and the
    /// filters of a target without a flow log.
    fn unanswered(&self, places: Places<'_>) -> Vec<Aim> {
        let path = self.path;
        let own = |eni: Option<EniIndex>| eni.map(|eni| places.of_eni(eni));
        // The routes of the internet are nobody's.
        let here = own(path.source_eni).or_else(|| Some(places.of_address(path.source?, "")));
        let vpc = here.as_ref().map_or("", |here| &here.vpc);
        let there = own(path.target_eni);
        let there = there.unwrap_or_else(|| places.of_address(path.target, vpc));
        let here = here.map(|here| Aim::new(here, Decider::Routes, self.request(true)));
        let mut aims: Vec<Aim> = here.into_iter().collect();
        aims.extend([
            Aim::new(there.clone(), Decider::Routes, self.reply(true)),
            Aim::new(there.clone(), Decider::Host, self.request(false)),
        ]);
        if path.target_eni.is_none() {
            aims.push(Aim::new(
                there.clone(),
                Decider::Filters,
                self.request(false),
            ));
            aims.push(Aim::new(there, Decider::Acl, self.reply(true)));
        }
        aims
    }
}

impl Aim {
    fn new(place: AimedPlace, decider: Decider, packets: FilteredPackets) -> Self {
        Self {
            place,
            decider,
            packets,
        }
    }
}

/// Returns the aims of the attempts with one symptom on one path.
pub(super) fn of_path(
    path: &Path,
    symptom: Symptom,
    seen: &PathCounts,
    places: Places<'_>,
) -> Vec<Aim> {
    let packets = PathPackets { path, seen };
    let at = |eni, decider, packets| Aim::new(places.of_eni(eni), decider, packets);
    match symptom {
        Symptom::InboundBlocked(eni) => vec![at(eni, Decider::Filters, packets.request(false))],
        Symptom::OutboundBlocked(eni) => vec![at(eni, Decider::Filters, packets.request(true))],
        Symptom::Blocked(eni) => {
            let both = [false, true].map(|way| at(eni, Decider::Filters, packets.request(way)));
            both.to_vec()
        }
        Symptom::ReplyBlocked { eni, leaving } => {
            let ways = leaving.map_or(vec![false, true], |leaving| vec![leaving]);
            let ways = ways.into_iter();
            ways.map(|way| at(eni, Decider::Acl, packets.reply(way)))
                .collect()
        }
        Symptom::BlockPublicAccess(eni) => {
            vec![at(eni, Decider::PublicAccess, packets.request(false))]
        }
        Symptom::EncryptionControls(eni) => {
            vec![at(eni, Decider::Encryption, packets.request(false))]
        }
        Symptom::NoReply
        | Symptom::HalfOpen
        | Symptom::ReplyLost { .. }
        | Symptom::ReplyElsewhere { .. } => packets.unanswered(places),
        Symptom::Refused | Symptom::Reset(_) | Symptom::IdleTimeout(_) | Symptom::Stalled(_) => {
            let place = match path.target_eni {
                Some(eni) => places.of_eni(eni),
                None => places.of_address(path.target, ""),
            };
            vec![Aim::new(place, Decider::Host, packets.request(false))]
        }
        _ => Vec::new(),
    }
}
