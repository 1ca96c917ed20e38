//! Network ACLs: the first entry that fits decides, separately for each direction.
//!
//! An ACL filters what crosses the border of its subnets, replies as well as requests (AWS: "Control
//! subnet traffic with network access control lists").

use super::cidr::{FarEnd, Fit};
use super::resources::{Acl, AclEntry, NetworkInterface};
use super::situation::{Situation, named};
use super::verdict::{FilterDecision, FilterVerdict, FilteredPackets};
use super::versions::Captured;

impl<'a> Situation<'a> {
    /// Decides whether the network ACL of an ENI's subnet lets packets between that ENI and the
    /// other end pass. Replies are packets in the other direction, to the initiator's port.
    pub fn acl(self, eni: &NetworkInterface, packets: &FilteredPackets) -> FilterVerdict {
        match self.stays_in_subnet(eni, packets.far) {
            Some(true) => {
                let subnet = self.subnet_name(&eni.subnet);
                let why = format!("both ends are in {subnet}, where network ACLs do not apply");
                return FilterVerdict::new(FilterDecision::Allows, String::new(), why);
            }
            Some(false) => {}
            None => {
                return FilterVerdict::unknown(format!(
                    "the addresses of {} are not in the configuration",
                    eni.subnet
                ));
            }
        }
        let Some((id, acl)) = self.acl_of(&eni.subnet, &eni.vpc) else {
            return FilterVerdict::unknown(format!(
                "the network ACL of {} is not in the configuration",
                eni.subnet
            ));
        };
        let mut verdict = of_entries(&named(id, &acl.value.name), acl.value, packets);
        verdict.captured_ns = acl.captured_ns;
        verdict
    }

    /// Whether traffic with the other end does not leave the subnet of an ENI, if that is known.
    fn stays_in_subnet(self, eni: &NetworkInterface, far: FarEnd) -> Option<bool> {
        let FarEnd::Address(address) = far else {
            return Some(false);
        };
        if let Some(subnet) = self.subnet(&eni.subnet) {
            return Some(subnet.ranges.iter().any(|range| range.contains(address)));
        }
        let owner = self.owner(address, &eni.vpc)?;
        Some(owner.value.subnet == eni.subnet)
    }

    /// Returns the ACL of a subnet.
    pub(super) fn acl_of(self, subnet: &str, vpc: &str) -> Option<(&'a str, Captured<'a, Acl>)> {
        let all = || self.all.acls.all_at(self.ns);
        let own = all().find(|(_, acl)| acl.value.subnets.iter().any(|id| id == subnet));
        own.or_else(|| all().find(|(_, acl)| acl.value.is_default && acl.value.vpc == vpc))
    }
}

fn of_entries(name: &str, acl: &Acl, packets: &FilteredPackets) -> FilterVerdict {
    let directed = || {
        let entries = acl.entries.iter();
        entries.filter(|entry| entry.is_egress == packets.is_egress)
    };
    let mut unsure: Vec<&AclEntry> = Vec::new();
    let decides = directed().find(|entry| match fit(entry, packets) {
        Fit::Yes => true,
        Fit::Maybe => {
            unsure.push(entry);
            false
        }
        Fit::No => false,
    });
    let allows = decides.is_some_and(|entry| entry.allows);
    if let Some(entry) = unsure.iter().find(|entry| entry.allows != allows) {
        let why = format!("{entry} ({name}), which fits only some of the packets");
        return FilterVerdict::new(FilterDecision::Divides, name.to_owned(), why);
    }
    let why = match decides {
        Some(entry) => format!("{entry} ({name})"),
        None => format!("no entry of {name} allows {}", packets.in_words()),
    };
    let decision = if allows {
        FilterDecision::Allows
    } else {
        FilterDecision::Denies
    };
    let mut verdict = FilterVerdict::new(decision, name.to_owned(), why);
    if !allows {
        let number = decides.map_or(u32::MAX, |entry| entry.number);
        verdict.nearest = nearest(directed(), number, packets);
    }
    verdict
}

/// Returns the entry that would allow the packets if it came first, or that nearly does.
fn nearest<'e>(
    entries: impl Iterator<Item = &'e AclEntry>,
    decides: u32,
    packets: &FilteredPackets,
) -> Option<String> {
    let allowing: Vec<&AclEntry> = entries.filter(|entry| entry.allows).collect();
    let find = |is: &dyn Fn(&AclEntry) -> bool| allowing.iter().find(|entry| is(entry)).copied();
    let later = find(&|entry| entry.number > decides && fit(entry, packets) == Fit::Yes);
    if let Some(entry) = later {
        return Some(format!("{entry}, but comes after it"));
    }
    let same_port =
        find(&|entry| entry.service.protocol.is_some() && entry.service.fits(packets) != Fit::No);
    let same_end = || find(&|entry| entry.range.fits(packets.far) == Fit::Yes);
    let nearest = same_port.or_else(same_end);
    nearest.map(AclEntry::to_string)
}

fn fit(entry: &AclEntry, packets: &FilteredPackets) -> Fit {
    entry
        .service
        .fits(packets)
        .and(entry.range.fits(packets.far))
}
