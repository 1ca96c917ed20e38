//! Where sources are: in which subnet or, if no record has it, in which block of addresses.

use std::net::{IpAddr, Ipv4Addr};

use super::names;
use crate::diagnosis::attempt_index::{AttemptIndex, PathSymptom};
use crate::flow::EniIndex;
use crate::printable::cut;

/// A group of sources that share routes, as far as the records show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SourcePlace<'a> {
    /// A subnet, by `subnet-id`.
    Subnet(&'a str),
    /// 256 IPv4 addresses, the size of a common subnet.
    Block(Ipv4Addr),
    /// A host.
    Host(IpAddr),
}

impl<'a> SourcePlace<'a> {
    /// Returns the place of the source of an entry; `None` for sources outside.
    pub(super) fn of(attempts: &AttemptIndex<'a>, entry: &PathSymptom<'_>) -> Option<Self> {
        entry.path.source.map(|source| {
            // An ENI that passes on the packets of other hosts is in another subnet.
            let is_own = |eni: &EniIndex| attempts.owner(source).is_none_or(|own| own == *eni);
            let is_alone = |eni: &EniIndex| {
                attempts
                    .enis
                    .get(*eni)
                    .address
                    .is_none_or(|own| own == source)
            };
            let eni = entry
                .path
                .source_eni
                .filter(|eni| is_own(eni) && is_alone(eni));
            match eni.map(|eni| attempts.subnet(eni)) {
                Some(subnet) if !subnet.is_empty() => Self::Subnet(subnet),
                _ => Self::of_host(attempts, source),
            }
        })
    }

    /// Returns the place of a host.
    pub(super) fn of_host(attempts: &AttemptIndex<'a>, host: IpAddr) -> Self {
        let subnet = attempts.owner(host).map_or("", |eni| attempts.subnet(eni));
        match host {
            _ if !subnet.is_empty() => Self::Subnet(subnet),
            _ => block(host).map_or(Self::Host(host), Self::Block),
        }
    }

    /// Names it.
    pub(super) fn name(self, attempts: &AttemptIndex<'_>) -> String {
        match self {
            Self::Subnet(subnet) => cut(subnet, names::NAME_MAX).into_owned(),
            Self::Block(block) => format!("{block}/24"),
            Self::Host(host) => match attempts.owner(host) {
                Some(eni) => names::subnet(attempts, eni),
                None => host.to_string(),
            },
        }
    }
}

/// Returns the first of the 256 addresses of the block of an IPv4 address.
pub(super) fn block(host: IpAddr) -> Option<Ipv4Addr> {
    match host {
        IpAddr::V4(v4) => Some(Ipv4Addr::from_bits(v4.to_bits() & 0xffff_ff00)),
        IpAddr::V6(_) => None,
    }
}
