//! What may go wrong, each one cause of an incident, and how it is put into a VPC.

use super::build::{Edge, End, Manner, Vpc};
use super::network::{ALWAYS, Behavior, During, Network, Role, TCP, Trouble};
use super::noise::{SCANNERS, public_enis};
use crate::random::Random;

/// A cause, by what is at its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A network ACL lets requests pass, and their replies not, or not to all ports.
    AclBlocksReply,
    /// The responder's security group has no rule for them.
    GroupInbound,
    /// The ACL of the responder's subnet denies them.
    AclInbound,
    /// The initiator's security group lets them not out.
    GroupOutbound,
    /// The ACL of the initiator's subnet lets them not out.
    AclOutbound,
    /// VPC Block Public Access is on.
    PublicAccessBlock,
    /// VPC Encryption Controls are enforced, and an instance cannot.
    Unencrypted,
    /// Nothing listens.
    Refused,
    /// A host's firewall drops them, or the host hangs or is stopped.
    Silent,
    /// The route to the NAT gateway is not there.
    NoWayOut,
    /// A host with two ENIs answers by the other.
    ReplyElsewhere,
    /// Some clients never hear the SYN-ACK.
    HalfOpen,
    /// No client in a network beyond hears it: the route back is not there.
    NoWayBack,
    /// A connection is used after more silence than a middle box remembers.
    IdleTimeout,
    /// The responder takes the request and resets.
    Reset,
    /// One of several hosts, one zone, or some minutes are bad.
    Intermittent,
    /// One of several targets does not listen, or those of one zone have lost their route.
    SomeTargets,
    /// One source searches.
    Scan,
    /// A rule of a security group is removed while connections are open, and perhaps comes back.
    GroupRevoked,
    /// A network ACL denies from one moment on what it allowed, and perhaps only for some minutes.
    AclChanged,
    /// All responders of a service fail from one moment on, and perhaps only for some minutes.
    Outage,
    /// The ACL of several data subnets denies one subnet of applications.
    AclShared,
    /// An ACL denies replies to a part of the ephemeral ports: those below a bound.
    AclCutsPorts,
    /// An ACL denies replies of UDP or ICMP.
    AclBlocksDatagrams,
    /// Very many sources send one SYN each.
    SynFlood,
    /// One outside address is rejected at one port whenever it tries, among scanners.
    OfficeShutOut,
    /// Large packets do not pass a path, and the ICMP message that says so does not arrive.
    PathMtu,
    /// A target of a network load balancer calls itself through it.
    Hairpin,
    /// The route table of one subnet has no default route, and those of other zones have.
    SubnetWithoutRoute,
    /// A NAT gateway has no ports left for one destination.
    NatPorts,
    /// A transit gateway, or the VPC, has no route for the way back.
    TransitNoWayBack,
    /// A network elsewhere has addresses of the VPC, so that packets for it never leave the VPC.
    Overlap,
    /// Clients give up on a service that becomes slower and slower.
    ClientResets,
    /// Packets from the internet at a NAT gateway, which nobody expects there. Harmless.
    Unsolicited,
    /// A host drops the SYNs of all its clients for some seconds, several times.
    SynBacklog,
    /// The default route of a subnet, or the NAT gateway of a zone, is removed while the archive is
    /// being written. No seed has it by itself.
    RouteRemoved,
}

impl Fault {
    /// Those that seeds have, the newest last.
    pub const ALL: [Self; 35] = [
        Self::AclBlocksReply,
        Self::GroupInbound,
        Self::AclInbound,
        Self::GroupOutbound,
        Self::AclOutbound,
        Self::PublicAccessBlock,
        Self::Unencrypted,
        Self::Refused,
        Self::Silent,
        Self::NoWayOut,
        Self::ReplyElsewhere,
        Self::HalfOpen,
        Self::NoWayBack,
        Self::IdleTimeout,
        Self::Reset,
        Self::Intermittent,
        Self::Scan,
        Self::SomeTargets,
        Self::GroupRevoked,
        Self::AclChanged,
        Self::Outage,
        Self::AclShared,
        Self::AclCutsPorts,
        Self::AclBlocksDatagrams,
        Self::SynFlood,
        Self::OfficeShutOut,
        Self::PathMtu,
        Self::Hairpin,
        Self::SubnetWithoutRoute,
        Self::NatPorts,
        Self::TransitNoWayBack,
        Self::Overlap,
        Self::ClientResets,
        Self::Unsolicited,
        Self::SynBacklog,
    ];

    /// How many of these were there when the seeds got their faults.
    pub(super) const FIRST: usize = 18;

    /// Those that are not yet diagnosed right in 95 % of the seeds. The rates leave them out.
    pub const NOT_YET_RIGHT: [Self; 0] = [];

    /// Those that there are between a load balancer and its targets.
    pub const AT_TARGETS: [Self; 17] = [
        Self::AclBlocksReply,
        Self::GroupInbound,
        Self::AclInbound,
        Self::GroupOutbound,
        Self::AclOutbound,
        Self::Unencrypted,
        Self::Refused,
        Self::Silent,
        Self::Reset,
        Self::Intermittent,
        Self::SomeTargets,
        Self::GroupRevoked,
        Self::AclChanged,
        Self::Outage,
        Self::AclCutsPorts,
        Self::ClientResets,
        Self::SynBacklog,
    ];

    /// Those in a security group, an ACL or a route table of the VPC, which its configuration
    /// shows.
    pub const CONFIGURED: [Self; 14] = [
        Self::AclBlocksReply,
        Self::GroupInbound,
        Self::AclInbound,
        Self::GroupOutbound,
        Self::AclOutbound,
        Self::NoWayOut,
        Self::GroupRevoked,
        Self::AclChanged,
        Self::AclShared,
        Self::AclCutsPorts,
        Self::AclBlocksDatagrams,
        Self::OfficeShutOut,
        Self::SubnetWithoutRoute,
        Self::Overlap,
    ];
}

/// A fault in its place.
#[derive(Clone, Debug)]
pub(super) struct Planted {
    /// Causes that may be named, the most exact first.
    pub(super) causes: Vec<&'static str>,
    /// The conversations that suffer.
    pub(super) edge: Edge,
    /// Other edges of which conversations suffer.
    pub(super) also: Vec<Edge>,
    /// When.
    pub(super) during: During,
    /// Where it is to be looked for.
    pub(super) enis: Vec<usize>,
    /// The services' ports where it shows.
    pub(super) ports: Vec<u16>,
}

impl Planted {
    pub(super) fn new(cause: &'static str, edge: Edge, during: During, enis: Vec<usize>) -> Self {
        Self {
            causes: vec![cause],
            ports: vec![edge.port],
            edge,
            also: Vec::new(),
            during,
            enis,
        }
    }
}

/// Puts faults into a VPC.
pub(super) struct Planter<'a> {
    pub(super) vpc: &'a mut Vpc,
    pub(super) random: &'a mut Random,
    pub(super) archive: During,
}

impl Planter<'_> {
    /// Puts the fault where there is a place for it, if there is one.
    pub(super) fn plant(&mut self, fault: Fault) -> Option<Planted> {
        // Faults that came while the archive was being written are the rarer ones.
        let during = if self.random.percent(70) {
            ALWAYS
        } else {
            let length = self.archive.end - self.archive.start;
            self.archive.start + self.random.between(length / 4, length / 2)..u64::MAX
        };
        match fault {
            Fault::AclBlocksReply => self.acl_blocks_reply(during),
            Fault::GroupInbound => self.group_inbound(during),
            Fault::AclInbound => self.acl_inbound(during),
            Fault::GroupOutbound => self.group_outbound(during),
            Fault::AclOutbound => self.acl_outbound(during),
            Fault::PublicAccessBlock => self.public_access_block(during),
            Fault::Unencrypted => self.unencrypted(during),
            Fault::Refused => self.trouble(Behavior::Refuses, "refused", during),
            Fault::Silent => {
                let behavior = self.random.of(&[Behavior::Drops, Behavior::Stopped]);
                self.trouble(behavior, "no-reply", during)
            }
            Fault::Reset => self.trouble(Behavior::Resets, "reset", during),
            Fault::NoWayOut => self.no_way_out(),
            Fault::ReplyElsewhere => self.reply_elsewhere(),
            Fault::HalfOpen => self.half_open(during),
            Fault::NoWayBack => self.no_way_back(during),
            Fault::IdleTimeout => self.idle_timeout(),
            Fault::Intermittent => self.intermittent(),
            Fault::SomeTargets => self.some_targets(),
            Fault::Scan => self.scan(),
            newer => self.plant_newer(newer),
        }
    }

    fn plant_newer(&mut self, fault: Fault) -> Option<Planted> {
        match fault {
            Fault::GroupRevoked => self.group_revoked(),
            Fault::AclChanged => self.acl_changed(),
            Fault::Outage => self.outage(),
            Fault::AclShared => self.acl_shared(),
            Fault::AclCutsPorts => self.acl_cuts_ports(),
            Fault::AclBlocksDatagrams => self.acl_blocks_datagrams(),
            Fault::SynFlood => self.syn_flood(),
            Fault::OfficeShutOut => self.office_shut_out(),
            Fault::PathMtu => self.path_mtu(),
            Fault::Hairpin => self.hairpin(),
            Fault::SubnetWithoutRoute => self.subnet_without_route(),
            Fault::NatPorts => self.nat_ports(),
            Fault::TransitNoWayBack => self.transit_no_way_back(),
            Fault::Overlap => self.overlap(),
            Fault::ClientResets => self.client_resets(),
            Fault::Unsolicited => self.unsolicited(),
            Fault::SynBacklog => self.syn_backlog(),
            Fault::RouteRemoved => self.route_removed(),
            _ => None,
        }
    }

    /// An edge of TCP between hosts that fits.
    pub(super) fn edge(&mut self, fits: impl Fn(&Network, &Edge) -> bool) -> Option<Edge> {
        let network = &self.vpc.network;
        let to_hosts = |edge: &&Edge| {
            let responding = edge.responding();
            edge.protocol == TCP
                && responding
                    .iter()
                    .all(|eni| network.enis[*eni].role == Role::Host)
                && fits(network, edge)
        };
        let fitting: Vec<&Edge> = self.vpc.edges.iter().filter(to_hosts).collect();
        (!fitting.is_empty()).then(|| self.random.of(&fitting).clone())
    }

    /// All responders of an edge behave badly.
    fn trouble(
        &mut self,
        behavior: Behavior,
        cause: &'static str,
        during: During,
    ) -> Option<Planted> {
        // If who answers is stopped, somebody else has to log that nobody does.
        let edge = self.edge(|_, edge| {
            let is_seen = behavior != Behavior::Stopped || !edge.initiating().is_empty();
            !edge.responding().is_empty() && is_seen
        })?;
        let enis = edge.responding();
        let mut planted = Planted::new(cause, edge, during, enis);
        self.afflict(&mut planted, behavior);
        if planted.during.start > 0 {
            planted.causes.push("intermittent");
        }
        Some(planted)
    }

    /// The planted ENIs behave like this, on the edge's port or on all.
    pub(super) fn afflict(&mut self, planted: &mut Planted, behavior: Behavior) {
        let whole_host =
            behavior == Behavior::Stopped || behavior == Behavior::Drops && self.random.percent(40);
        for eni in &planted.enis {
            let host = &mut self.vpc.network.enis[*eni];
            host.troubles.push(Trouble {
                port: (!whole_host).then_some(planted.edge.port),
                behavior,
                during: planted.during.clone(),
            });
            if whole_host {
                let services = host.services.iter();
                planted.ports.extend(services.map(|(_, port)| port));
            }
        }
        if matches!(behavior, Behavior::Drops | Behavior::Stopped) {
            // Silence is logged by who is left alone.
            planted.enis.extend(planted.edge.initiating());
        }
    }

    fn intermittent(&mut self) -> Option<Planted> {
        let zone_of = |network: &Network, eni: &usize| network.subnet_of(*eni).zone;
        let mut edge =
            self.edge(|network, edge| is_spread(network, edge) && !edge.initiating().is_empty())?;
        let (behavior, root) = self.random.of(&[
            (Behavior::Refuses, "refused"),
            (Behavior::Drops, "no-reply"),
            (Behavior::Stopped, "no-reply"),
            (Behavior::Resets, "reset"),
        ]);
        let split = self.random.below(3);
        let one = self.random.of(&edge.responding());
        let network = &self.vpc.network;
        let zone = zone_of(network, &one);
        let in_zone = |eni: &usize| zone_of(network, eni) == zone;
        let (bad, during): (Vec<usize>, During) = match split {
            0 => (vec![one], ALWAYS),
            1 => (
                edge.responding().into_iter().filter(in_zone).collect(),
                ALWAYS,
            ),
            _ => {
                let length = self.archive.end - self.archive.start;
                let start = self.archive.start + self.random.between(length / 5, length / 2);
                (edge.responding(), start..start + length / 5)
            }
        };
        edge.responders
            .retain(|end| end.eni().is_some_and(|eni| bad.contains(&eni)));
        let mut planted = Planted::new("intermittent", edge, during, bad);
        self.afflict(&mut planted, behavior);
        planted.causes.push(root);
        Some(planted)
    }

    /// Of several targets behind one port some fail, and the others do not.
    fn some_targets(&mut self) -> Option<Planted> {
        if self.random.percent(40) {
            return self.zone_without_route();
        }
        let mut edge =
            self.edge(|_, edge| edge.responding().len() > 1 && !edge.initiating().is_empty())?;
        let one = self.random.of(&edge.responding());
        edge.responders.retain(|end| end.eni() == Some(one));
        let mut planted = Planted::new("refused", edge, ALWAYS, vec![one]);
        self.afflict(&mut planted, Behavior::Refuses);
        Some(planted)
    }

    /// From outside, or from a host inside that somebody has taken over.
    fn scan(&mut self) -> Option<Planted> {
        let mut edge = self.edge(|_, edge| edge.name == "outbound")?;
        let source = self.random.of(&edge.initiators);
        let outside = End::Outside(SCANNERS.address(self.random.small(1, 65_000).into()));
        edge.name = "search";
        edge.manner = Manner::Brief;
        let network = &self.vpc.network;
        let (from, enis) = if self.random.percent(60) {
            (outside, public_enis(network))
        } else {
            (source, source.eni().into_iter().collect())
        };
        edge.initiators = vec![from];
        edge.responders = (0..network.enis.len()).map(End::Eni).collect();
        let mut planted = Planted::new("scan", edge, ALWAYS, enis);
        planted.ports.clear();
        Some(planted)
    }
}

/// Whether those who answer stand in several zones.
pub(super) fn is_spread(network: &Network, edge: &Edge) -> bool {
    let zone = |eni: &usize| network.subnet_of(*eni).zone;
    let mut zones: Vec<usize> = edge.responding().iter().map(zone).collect();
    zones.sort_unstable();
    zones.dedup();
    zones.len() > 1
}

/// Whether some of it passes from one subnet to another, or out.
pub(super) fn crosses(network: &Network, edge: &Edge) -> bool {
    let subnet = |end: End| end.eni().map(|eni| network.enis[eni].subnet);
    edge.pairs().any(|(one, two)| {
        (subnet(one).is_some() || subnet(two).is_some()) && subnet(one) != subnet(two)
    })
}
