//! Who rejects a packet at an ENI, and why.
//!
//! Inbound the subnet's ACL is asked before the security groups, outbound after them. Security
//! groups remember connections, ACLs do not, and within a subnet no ACL is met. Source: "Compare
//! security groups and network ACLs" in the AWS VPC user guide.

use std::collections::HashMap;
use std::net::SocketAddrV4;

use super::network::{Network, Route, TCP, VPC};
use super::wire::{FIN, Packet, RST, is_internet};

/// For how long a security group lets the last packets of a closed connection pass.
const CLOSING_MS: u64 = 2_000;

/// Why a packet is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Why {
    Group,
    Acl,
    /// No connection is remembered that it could belong to.
    Unknown,
    PublicAccessBlock,
    Unencrypted,
}

/// What a security group remembers of a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Tracked {
    /// Who has sent a FIN: 1 the one side, 2 the other.
    fins: u8,
    closed_at: Option<u64>,
}

/// Both ends, in one order for both ways.
type Ends = (SocketAddrV4, SocketAddrV4);

/// Lists of rules at work, and what is remembered at each ENI.
#[derive(Debug, Default)]
pub(super) struct Guard {
    tracked: HashMap<(usize, u8, Ends), Tracked>,
}

impl Guard {
    pub(super) fn bars_entering(
        &mut self,
        network: &Network,
        eni: usize,
        packet: Packet,
    ) -> Option<Why> {
        let other = *packet.source.ip();
        if let Some(block) = &network.public_access_block
            && block.during.contains(&packet.at)
            && is_internet(other)
            && packet.asks()
        {
            return Some(Why::PublicAccessBlock);
        }
        if !network.within_subnet(eni, other)
            && !Network::acl_allows(
                &network.acl_of(eni).inbound,
                other,
                packet.protocol,
                packet.destination.port(),
                packet.at,
            )
        {
            return Some(Why::Acl);
        }
        self.bars_by_group(network, eni, true, packet)
    }

    pub(super) fn bars_leaving(
        &mut self,
        network: &Network,
        eni: usize,
        packet: Packet,
    ) -> Option<Why> {
        let other = *packet.destination.ip();
        if let Some(barred) = self.bars_by_group(network, eni, false, packet) {
            return Some(barred);
        }
        if !network.within_subnet(eni, other)
            && !Network::acl_allows(
                &network.acl_of(eni).outbound,
                other,
                packet.protocol,
                packet.destination.port(),
                packet.at,
            )
        {
            return Some(Why::Acl);
        }
        if let Some(block) = &network.public_access_block
            && block.both_ways
            && block.during.contains(&packet.at)
            && is_internet(other)
            && network.subnet_of(eni).route == Route::Internet
        {
            return Some(Why::PublicAccessBlock);
        }
        match &network.unencrypted {
            Some(bare)
                if bare.eni == eni && bare.during.contains(&packet.at) && VPC.contains(other) =>
            {
                Some(Why::Unencrypted)
            }
            _ => None,
        }
    }

    fn bars_by_group(
        &mut self,
        network: &Network,
        eni: usize,
        inbound: bool,
        packet: Packet,
    ) -> Option<Why> {
        let interface = &network.enis[eni];
        if interface.groups.is_empty() {
            return None;
        }
        let (one, two) = (packet.source, packet.destination);
        let key = (eni, packet.protocol, (one.min(two), one.max(two)));
        let known = self.tracked.get_mut(&key).filter(|known| {
            let closed_at = known.closed_at;
            closed_at.is_none_or(|at| packet.at <= at + CLOSING_MS && !packet.opens())
        });
        if let Some(known) = known {
            if packet.protocol == TCP {
                known.fins |= u8::from(packet.flags & FIN != 0) << u8::from(one < two);
                let is_over = packet.flags & RST != 0 || known.fins == 3;
                if is_over && known.closed_at.is_none() {
                    known.closed_at = Some(packet.at);
                }
            }
            return None;
        }
        if !packet.opens() && interface.checked {
            return Some(Why::Unknown);
        }
        let other = if inbound { one } else { two };
        let (protocol, port) = (packet.protocol, two.port());
        let allowed = network.groups_allow(eni, inbound, *other.ip(), protocol, port, packet.at);
        if !allowed {
            return Some(Why::Group);
        }
        self.tracked.insert(key, Tracked::default());
        None
    }
}
